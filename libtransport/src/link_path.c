/* SPDX-License-Identifier: MIT */
/* The paths of a link: how they come and go. */
#include <stddef.h>
#include <string.h>

#include <farhand/identity.h>

#include "link_state.h"

#include "rd.h"

/* ---- coming ---- */

static struct fh__link_path *add(struct fh_link *l, struct fh_stream *stream,
                                 enum fh__link_path_state state)
{
    struct fh__link_path *p = NULL;

    for (size_t i = 0; i < FH_LINK_PATHS_MAX && !p; i++)
        if (!l->path[i].stream)
            p = &l->path[i];
    if (!p)
        return NULL;
    memset(p, 0, sizeof *p);
    p->link = l;
    p->stream = stream;
    p->state = state;
    p->heard_ms = p->said_ms = l->now_ms;
    p->prove_by_ms = l->now_ms + l->cfg.times.prove_ms;
    p->asked_ms = l->now_ms;
    l->open_streams++;
    fh_stream_attach(stream, &fh__link_path_events, p);
    return p;
}

static void close_untaken(struct fh_stream *stream)
{
    fh_stream_close(stream, NULL, NULL);
}

static void learn_address(struct fh_link *l, const struct fh__link_path *p)
{
    fh_stream_address(p->stream, &l->s.address);
}

int fh_link_begin(struct fh_link *l, struct fh_stream *stream, const struct fh_link_opening *o)
{
    bool is_client = l->cfg.side == FH_LINK_CLIENT;
    uint8_t open[FH_LINK_OPEN_LEN];
    struct fh__link_path *p;
    struct rd r;

    if (l->is_begun || l->is_over || is_client != !o ||
        (o && (o->len != FH_LINK_GREETING_LEN + FH_LINK_OPEN_LEN ||
               o->bytes[FH_LINK_GREETING_LEN] != FH_LINK_F_OPEN))) {
        close_untaken(stream);
        return FH_TRANSPORT_E_INVAL;
    }
    fh__link_enter(l);
    l->is_begun = true;
    p = add(l, stream, is_client ? FH_LINK_PATH_OPENING : FH_LINK_PATH_UP);
    p->rank = l->cfg.rank;
    l->cur = p;
    l->detached_ms = UINT64_MAX;
    learn_address(l, p);
    if (o) {
        r = rd_init(o->bytes + FH_LINK_GREETING_LEN + FH_LINK_HEADER_LEN, 2);
        fh__link_heed_keep(l, rd_u16(&r));
    } else {
        fh__link_put(p, fh__link_greeting, sizeof fh__link_greeting);
    }
    fh__link_put(p, open, fh__link_write_open(open, l->cfg.times.keep_ms));
    fh__link_settle(l);
    return 0;
}

int fh_link_attach(struct fh_link *l, struct fh_stream *stream, uint8_t rank)
{
    struct fh__link_attach a = {.rank = rank, .flags = FH_LINK_ALONE};
    struct fh__link_path *p;
    int ret = 0;

    if (l->is_over)
        ret = FH_TRANSPORT_E_CLOSED;
    else if (!l->is_secured || l->cfg.side != FH_LINK_CLIENT)
        ret = FH_TRANSPORT_E_INVAL;
    if (ret != 0) {
        close_untaken(stream);
        return ret;
    }
    fh__link_enter(l);
    if (l->cur)
        a.flags = 0;
    if (!(p = add(l, stream, FH_LINK_PATH_ASKING))) {
        close_untaken(stream);
        fh__link_settle(l);
        return FH_TRANSPORT_E_RESOURCES;
    }
    p->rank = rank;
    p->is_alone = a.flags == FH_LINK_ALONE;
    memcpy(a.ref, l->ref, sizeof a.ref);
    a.counter = ++l->counter;
    l->cfg.random(l->cfg.random_user, a.nonce, sizeof a.nonce);
    a.want = l->wanted;
    fh__link_put(p, fh__link_greeting, sizeof fh__link_greeting);
    fh__link_put(p, p->attach, fh__link_write_attach(p->attach, l->key, &a));
    fh__link_settle(l);
    return 0;
}

/* What was shown and did not prove in time, because something newer came. */
static void drop_unproved(struct fh_link *l)
{
    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++)
        if (l->path[i].stream && l->path[i].state == FH_LINK_PATH_PROVING)
            fh__link_path_lose(&l->path[i], FH_TRANSPORT_E_CANCELLED);
}

static int check_attach(const struct fh_link *l, const struct fh_link_opening *o,
                        struct fh__link_attach *a)
{
    if (l->is_over)
        return FH_TRANSPORT_E_CLOSED;
    if (!l->is_secured || l->cfg.side != FH_LINK_SERVER ||
        o->len != FH_LINK_GREETING_LEN + FH_LINK_ATTACH_LEN)
        return FH_TRANSPORT_E_INVAL;
    if (!fh__link_read_attach(o->bytes + FH_LINK_GREETING_LEN, l->key, a) ||
        memcmp(a->ref, l->ref, sizeof a->ref) != 0 || a->counter <= l->counter || a->want > l->high)
        return FH_TRANSPORT_E_PROOF;
    /* Beside another path more may have arrived meanwhile; without one it cannot. */
    if ((a->flags & FH_LINK_ALONE) && a->want < l->base)
        return FH_TRANSPORT_E_PROOF;
    return 0;
}

int fh_link_accept(struct fh_link *l, struct fh_stream *stream, const struct fh_link_opening *o)
{
    struct fh__link_attach a;
    struct fh__link_attached reply = {.want = l->wanted};
    struct fh__link_path *p = NULL;
    int ret = check_attach(l, o, &a);

    fh__link_enter(l);
    if (ret == 0) {
        l->counter = a.counter;
        drop_unproved(l);
        p = add(l, stream, FH_LINK_PATH_PROVING);
        ret = p ? 0 : FH_TRANSPORT_E_RESOURCES;
    }
    if (p) {
        p->rank = a.rank;
        p->is_alone = (a.flags & FH_LINK_ALONE) != 0;
        p->want = a.want;
        memcpy(p->attach, o->bytes + FH_LINK_GREETING_LEN, sizeof p->attach);
        l->cfg.random(l->cfg.random_user, reply.nonce, sizeof reply.nonce);
        fh__link_put(p, p->attached,
                     fh__link_write_attached(p->attached, l->key, p->attach, &reply));
    } else {
        fh_link_refuse(stream);
    }
    fh__link_settle(l);
    return ret;
}

/* ---- being there ---- */

void fh__link_move_to(struct fh_link *l, struct fh__link_path *p)
{
    if (l->cur == p)
        return;
    if (l->cur)
        l->cur->owes_switch = true;
    p->owes_switch = p->has_left = false;
    l->cur = p;
    l->timed = NULL;
    l->ack_heard_ms = l->now_ms;
    learn_address(l, p);
}

/* ---- one that is late ---- */

bool fh__link_has_choice(const struct fh_link *l)
{
    size_t n = 0;

    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++)
        n += fh__link_path_is_up(&l->path[i]);
    return n > 1;
}

uint32_t fh__link_path_patience(const struct fh__link_path *p)
{
    uint32_t ms = p->rtt_ms + 4 * p->rtt_var_ms;

    return ms > p->link->cfg.times.late_ms ? ms : p->link->cfg.times.late_ms;
}

/* RFC 6298 section 2. */
void fh__link_path_timed(struct fh__link_path *p, uint64_t took_ms)
{
    uint32_t ms = took_ms < FH_LINK_RTT_MAX_MS ? (uint32_t)took_ms : FH_LINK_RTT_MAX_MS, off;

    if (p->rtt_ms == 0) {
        p->rtt_ms = ms ? ms : 1;
        p->rtt_var_ms = ms / 2;
        return;
    }
    off = p->rtt_ms > ms ? p->rtt_ms - ms : ms - p->rtt_ms;
    p->rtt_var_ms = (3 * p->rtt_var_ms + off) / 4;
    p->rtt_ms = (7 * p->rtt_ms + ms) / 8;
    p->rtt_ms = p->rtt_ms ? p->rtt_ms : 1;
}

/* The best that is not late itself, the newest of the best. */
struct fh__link_path *fh__link_path_beside(const struct fh__link_path *p)
{
    struct fh__link_path *b = NULL;

    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++) {
        struct fh__link_path *q = &p->link->path[i];

        if (q != p && fh__link_path_is_up(q) && !q->is_late &&
            (!b || q->rank < b->rank || (q->rank == b->rank && q->since > b->since)))
            b = q;
    }
    return b;
}

uint64_t fh__link_late_at(const struct fh_link *l)
{
    if (!l->cur || l->is_over || l->base >= l->next || !fh__link_path_beside(l->cur))
        return UINT64_MAX;
    return l->ack_heard_ms + fh__link_path_patience(l->cur);
}

/* What it still carries may arrive all the same: the receiver skips what it has. */
void fh__link_path_late(struct fh__link_path *p)
{
    struct fh_link *l = p->link;

    if (!p->hold_ms || l->now_ms > p->trusted_ms + FH_LINK_GOOD_MS)
        p->hold_ms = FH_LINK_HOLD_MIN_MS;
    else if (p->hold_ms < FH_LINK_HOLD_MAX_MS)
        p->hold_ms *= 2;
    p->is_late = true;
    p->trusted_ms = l->now_ms + p->hold_ms;
    l->late++;
    l->next = l->base;
    fh__link_move_to(l, fh__link_path_beside(p));
}

void fh__link_path_heard(struct fh__link_path *p)
{
    struct fh_link *l = p->link;

    p->heard_ms = l->now_ms;
    if (!p->is_late || l->now_ms < p->trusted_ms)
        return;
    p->is_late = false;
    if (l->cur && p->state == FH_LINK_PATH_UP && p->rank < l->cur->rank)
        fh__link_move_to(l, p);
}

bool fh__link_path_join(struct fh__link_path *p, uint64_t want)
{
    struct fh_link *l = p->link;

    if (!fh__link_acknowledged(l, want))
        return false;
    p->state = FH_LINK_PATH_UP;
    p->since = ++l->attaches;
    p->heard_ms = l->now_ms;
    fh_stream_address(p->stream, &l->attached);
    l->told_away |= p->is_alone; /* the peer had none left, whatever we saw */
    for (size_t i = 0; p->is_alone && i < FH_LINK_PATHS_MAX; i++)
        if (&l->path[i] != p && fh__link_path_is_up(&l->path[i])) {
            if (l->cur == &l->path[i])
                l->cur = NULL;
            fh__link_path_lose(&l->path[i], 0);
        }
    if (!l->cur)
        l->next = want > l->base ? want : l->base;
    fh__link_path_timed(p, l->now_ms - p->asked_ms);
    if (!l->cur || p->rank <= l->cur->rank)
        fh__link_move_to(l, p);
    l->detached_ms = UINT64_MAX;
    /* Who sends could take another path now, and will if it has to wait for this. */
    if (fh__link_has_choice(l) && l->ack_by_ms > l->now_ms + FH_LINK_ACK_SOON_MS &&
        l->ack_by_ms != UINT64_MAX)
        l->ack_by_ms = l->now_ms + FH_LINK_ACK_SOON_MS;
    return true;
}

bool fh__link_path_may_wait(const struct fh__link_path *p)
{
    const struct fh_link *l = p->link;

    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++) {
        const struct fh__link_path *q = &l->path[i];

        if (q != p && fh__link_path_is_up(q) && q->is_used && !q->has_gap)
            return true;
    }
    return false;
}

/* ---- going ---- */

static void on_closed(void *user)
{
    struct fh_link *l = user;

    fh__link_enter(l);
    l->open_streams--;
    fh__link_tell(l);
    fh__link_settle(l);
}

static void let_go(struct fh__link_path *p)
{
    struct fh_link *l = p->link;
    struct fh_stream *stream = p->stream;

    p->stream = NULL;
    l->has_lost = true;
    if (l->cur == p)
        l->cur = NULL;
    if (l->in == p)
        l->in = NULL;
    if (l->timed == p)
        l->timed = NULL;
    fh_stream_close(stream, on_closed, l);
}

void fh__link_path_retire(struct fh__link_path *p)
{
    fh_stream_shutdown(p->stream);
    let_go(p);
}

/* The best of those that are left, the newest of the best. */
static struct fh__link_path *best(struct fh_link *l)
{
    struct fh__link_path *b = NULL;

    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++) {
        struct fh__link_path *p = &l->path[i];

        if (fh__link_path_is_up(p) &&
            (!b || p->rank < b->rank || (p->rank == b->rank && p->since > b->since)))
            b = p;
    }
    return b;
}

static void detached(struct fh_link *l, int error)
{
    if (l->peer_fin && l->has_fin && l->next > l->written)
        fh__link_finish(l, 0, FH_LINK_BYE_DONE);
    else if (!l->is_secured)
        fh__link_finish(l, error ? error : FH_TRANSPORT_E_RESET, FH_LINK_BYE_ABORTED);
    else {
        l->detached_ms = l->now_ms;
        l->losses++;
    }
}

void fh__link_path_lose(struct fh__link_path *p, int error)
{
    struct fh_link *l = p->link;
    bool was_up = p->state == FH_LINK_PATH_UP || p->state == FH_LINK_PATH_OPENING;
    bool was_cur = l->cur == p, was_used = p->is_used;
    struct fh__link_path *b;

    let_go(p);
    if (!was_up) {
        l->failures++;
        l->last_failure = error;
        return;
    }
    b = best(l);
    /* error 0: another takes its place just now, and says itself what it wants. */
    if (l->is_over || error == 0)
        return;
    if (b && was_used)
        b->owes_want = true;
    if (!was_cur)
        return;
    l->next = l->base;
    if (b)
        fh__link_move_to(l, b);
    else
        detached(l, error);
}

void fh__link_path_failed(struct fh__link_path *p, int error)
{
    struct fh_link *l = p->link;

    /* What is not proved yet may come from anybody, and must not end what others have. */
    if (p->state == FH_LINK_PATH_ASKING || p->state == FH_LINK_PATH_PROVING ||
        (error != FH_TRANSPORT_E_PROTO && error != FH_TRANSPORT_E_NO_LINK))
        fh__link_path_lose(p, error);
    else
        fh__link_finish(l, error, FH_LINK_BYE_PROTOCOL);
}
