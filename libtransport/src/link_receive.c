/* SPDX-License-Identifier: MIT */
/* What a link hears on its paths. */
#include <string.h>

#include "link_state.h"

#include "rd.h"

enum { TEXT_LEN = 12 };

static const uint8_t older_greeting[TEXT_LEN] = {'R', 'F', 'B', ' ', '0', '0',
                                                 '3', '.', '0', '0', '8', '\n'};

/* ---- bytes of the peer's side, in order ---- */

static void arrived(struct fh_link *l, size_t n)
{
    l->wanted += n;
    if (l->wanted - l->acked >= FH_LINK_ACK_EVERY)
        l->owes_ack = true;
    else if (n > 0 && l->ack_by_ms == UINT64_MAX)
        l->ack_by_ms = l->now_ms + (fh__link_has_choice(l) ? FH_LINK_ACK_SOON_MS : FH_LINK_ACK_MS);
}

/* We are there, but have no use for it yet: without a word it would be sent on another path. */
static void say_still_here(struct fh_link *l)
{
    if (l->ack_by_ms == UINT64_MAX && fh__link_has_choice(l))
        l->ack_by_ms = l->now_ms + FH_LINK_ACK_STILL_MS;
}

/* The missing bytes will not come on another path: they are asked for, and what is here is late. */
static void ask_again(struct fh__link_path *p)
{
    if (!p->is_dropping)
        p->owes_want = true;
    p->is_dropping = true;
    p->has_gap = p->has_end = false;
}

static void wait_for(struct fh__link_path *p, uint64_t number)
{
    p->has_gap = true;
    p->gap = number;
    p->gap_ms = p->link->now_ms;
}

static void end_of_peer(struct fh_link *l)
{
    l->peer_fin = true;
    l->owes_ack = true;
    l->wanted++;
    fh__link_check_done(l);
}

static size_t skip(struct fh__link_path *p, size_t n)
{
    p->number += n;
    p->left -= n;
    return n;
}

/* Some of the bytes of a DATA; how many were used. */
static size_t take_payload(struct fh__link_path *p, const uint8_t *data, size_t len)
{
    struct fh_link *l = p->link;
    struct fh_stream *stream = p->stream;
    size_t n = len < p->left ? len : p->left, taken;

    if (p->number < l->wanted)
        return skip(p, n < l->wanted - p->number ? n : (size_t)(l->wanted - p->number));
    if (p->number > l->wanted && fh__link_path_may_wait(p) && !p->is_dropping) {
        wait_for(p, p->number);
        p->is_stopped = true;
        return 0;
    }
    if (p->number > l->wanted) {
        ask_again(p);
        return skip(p, n);
    }
    p->is_dropping = false;
    if (l->peer_fin) {
        fh__link_path_failed(p, FH_TRANSPORT_E_PROTO);
        return n;
    }
    /* Nobody reads it any more once it is being closed. */
    taken = l->s.closing ? n : fh_stream_emit_data(&l->s, data, n);
    arrived(l, taken);
    if (p->stream != stream)
        return taken;
    p->is_stopped = taken < n;
    if (p->is_stopped)
        say_still_here(l);
    return skip(p, taken);
}

/* ---- frames ---- */

static uint64_t number_of(const struct fh__link_path *p)
{
    struct rd r = rd_init(p->in + FH_LINK_HEADER_LEN, 8);

    return rd_u64(&r);
}

static bool on_open(struct fh__link_path *p)
{
    struct rd r = rd_init(p->in + FH_LINK_HEADER_LEN, 2);

    fh__link_heed_keep(p->link, rd_u16(&r));
    p->state = FH_LINK_PATH_UP;
    return true;
}

static bool on_attached(struct fh__link_path *p)
{
    struct fh_link *l = p->link;
    struct fh__link_attached a;
    uint8_t confirm[FH_LINK_CONFIRM_LEN];

    if (!fh__link_read_attached(p->in, l->key, p->attach, &a)) {
        fh__link_path_failed(p, FH_TRANSPORT_E_PROOF);
        return true;
    }
    fh__link_put(p, confirm, fh__link_write_confirm(confirm, l->key, p->attach, p->in));
    return fh__link_path_join(p, a.want);
}

static bool on_confirm(struct fh__link_path *p)
{
    if (fh__link_read_confirm(p->in, p->link->key, p->attach, p->attached))
        return fh__link_path_join(p, p->want);
    fh__link_path_failed(p, FH_TRANSPORT_E_PROOF);
    return true;
}

/* A path whose sender writes on it again is no longer the one that was left. */
static void is_in_use(struct fh__link_path *p)
{
    p->is_used = true;
    p->peer_has_left = false;
    p->link->in = p;
}

static bool on_data_header(struct fh__link_path *p, size_t payload)
{
    is_in_use(p);
    p->number = number_of(p);
    p->left = payload;
    return payload <= UINT64_MAX - p->number;
}

static bool on_ack(struct fh__link_path *p, uint64_t number)
{
    struct fh_link *l = p->link;
    bool is_news = number > l->base;

    if (!fh__link_acknowledged(l, number))
        return false;
    l->ack_heard_ms = l->now_ms;
    if (is_news && l->timed == p)
        fh__link_path_timed(p, l->now_ms - l->timed_ms);
    if (is_news)
        l->timed = NULL;
    fh__link_check_done(l);
    return true;
}

static bool on_want(struct fh__link_path *p, uint64_t number)
{
    struct fh_link *l = p->link;

    if (!fh__link_acknowledged(l, number))
        return false;
    /* It may come late, on a path that was slow: then more has arrived meanwhile. */
    l->next = number > l->base ? number : l->base;
    fh__link_move_to(l, p);
    return true;
}

/* Rest of the old stream, then this mark: what is still missing comes on another path. */
static bool on_switch(struct fh__link_path *p)
{
    p->peer_has_left = true;
    p->is_used = false;
    return true;
}

static bool on_end(struct fh__link_path *p, uint64_t number)
{
    struct fh_link *l = p->link;

    is_in_use(p);
    if (number < l->wanted)
        return l->peer_fin && number + 1 == l->wanted;
    if (number == l->wanted && !l->peer_fin) {
        p->is_dropping = false;
        end_of_peer(l);
        return true;
    }
    if (l->peer_fin)
        return false;
    if (p->is_dropping || !fh__link_path_may_wait(p)) {
        ask_again(p);
        return true;
    }
    wait_for(p, number);
    p->has_end = true;
    return true;
}

static bool on_bye(struct fh__link_path *p, uint8_t code)
{
    struct fh_link *l = p->link;

    if (code == FH_LINK_BYE_DONE && l->has_fin && l->peer_fin)
        fh__link_finish(l, 0, FH_LINK_BYE_DONE);
    else
        fh__link_finish(l,
                        code == FH_LINK_BYE_PROTOCOL ? FH_TRANSPORT_E_PROTO : FH_TRANSPORT_E_RESET,
                        FH_LINK_BYE_DONE);
    return true;
}

static bool is_due(const struct fh__link_path *p, enum fh__link_type type)
{
    switch (p->state) {
    case FH_LINK_PATH_OPENING:
        return type == FH_LINK_F_OPEN;
    case FH_LINK_PATH_ASKING:
        return type == FH_LINK_F_ATTACHED || type == FH_LINK_F_REFUSED;
    case FH_LINK_PATH_PROVING:
        return type == FH_LINK_F_CONFIRM;
    case FH_LINK_PATH_UP:
        return type >= FH_LINK_F_DATA;
    }
    return false;
}

static bool on_frame(struct fh__link_path *p, size_t payload)
{
    switch ((enum fh__link_type)p->in[0]) {
    case FH_LINK_F_OPEN:
        return on_open(p);
    case FH_LINK_F_ATTACHED:
        return on_attached(p);
    case FH_LINK_F_CONFIRM:
        return on_confirm(p);
    case FH_LINK_F_REFUSED:
        fh__link_path_failed(p, FH_TRANSPORT_E_PROOF);
        return true;
    case FH_LINK_F_DATA:
        return on_data_header(p, payload);
    case FH_LINK_F_ACK:
        return on_ack(p, number_of(p));
    case FH_LINK_F_WANT:
        return on_want(p, number_of(p));
    case FH_LINK_F_SWITCH:
        return on_switch(p);
    case FH_LINK_F_END:
        return on_end(p, number_of(p));
    case FH_LINK_F_BYE:
        return on_bye(p, p->in[FH_LINK_HEADER_LEN]);
    case FH_LINK_F_ATTACH:
        break;
    }
    return false;
}

/* A server that serves older viewers as well greets them first; one without links says its own. */
static void on_text(struct fh__link_path *p)
{
    bool is_older = memcmp(p->in, older_greeting, TEXT_LEN) == 0;

    p->is_text = false;
    if (is_older && !p->was_greeted)
        p->was_greeted = true;
    else
        fh__link_path_failed(p, FH_TRANSPORT_E_NO_LINK);
}

static bool may_be_text(const struct fh__link_path *p, uint8_t first)
{
    return p->in_len == 0 && (first == 'R' || first == 'F') &&
           (p->state == FH_LINK_PATH_OPENING || p->state == FH_LINK_PATH_ASKING);
}

static bool is_violation(struct fh__link_path *p, bool is_well)
{
    struct fh_stream *stream = p->stream;

    if (!is_well && stream)
        fh__link_path_failed(p, FH_TRANSPORT_E_PROTO);
    return !is_well;
}

/* Bytes of a frame's fixed part; how many were used. */
static size_t take_frame(struct fh__link_path *p, const uint8_t *data, size_t len)
{
    size_t payload = 0, n;
    bool is_well;

    if (may_be_text(p, data[0]))
        p->is_text = true;
    if (p->in_len == 0)
        p->in_need = p->is_text ? TEXT_LEN : FH_LINK_HEADER_LEN;
    n = len < p->in_need - p->in_len ? len : p->in_need - p->in_len;
    memcpy(p->in + p->in_len, data, n);
    p->in_len += n;
    if (p->in_len < p->in_need)
        return n;
    if (p->is_text) {
        p->in_len = 0;
        on_text(p);
        return n;
    }
    is_well = fh__link_read_header(p->in, &p->in_need, &payload) &&
              is_due(p, (enum fh__link_type)p->in[0]);
    if (is_violation(p, is_well))
        return n;
    p->in_need += FH_LINK_HEADER_LEN;
    if (p->in_len < p->in_need)
        return n;
    p->in_len = 0;
    (void)is_violation(p, on_frame(p, payload));
    return n;
}

/* ---- the streams below ---- */

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct fh__link_path *p = user;
    struct fh_link *l = p->link;
    struct fh_stream *stream = p->stream;
    size_t at = 0;

    fh__link_enter(l);
    fh__link_path_heard(p);
    while (at < len && p->stream == stream && !p->is_stopped)
        at +=
            p->left > 0 ? take_payload(p, data + at, len - at) : take_frame(p, data + at, len - at);
    fh__link_tell(l);
    fh__link_settle(l);
    return at;
}

static void on_writable(void *user)
{
    struct fh__link_path *p = user;
    struct fh_link *l = p->link;

    fh__link_enter(l);
    p->is_full = false;
    fh__link_tell(l);
    fh__link_settle(l);
}

static void on_path_end(void *user, int error)
{
    struct fh__link_path *p = user;
    struct fh_link *l = p->link;

    fh__link_enter(l);
    if (error == 0 && p->has_left && p->peer_has_left)
        fh__link_path_retire(p);
    else
        fh__link_path_failed(p, error ? error : FH_TRANSPORT_E_RESET);
    fh__link_tell(l);
    fh__link_settle(l);
}

const struct fh_stream_events fh__link_path_events = {
    .data = on_data, .writable = on_writable, .end = on_path_end};

/* ---- reading on ---- */

/* A gap that nobody fills any more is asked for; what waited behind it is late then. */
static void look_at_gap(struct fh__link_path *p)
{
    struct fh_link *l = p->link;
    bool had_end = p->has_end;

    if (p->gap <= l->wanted) {
        p->has_gap = p->has_end = false;
        if (had_end && p->gap == l->wanted && !l->peer_fin)
            end_of_peer(l);
    } else if (!fh__link_path_may_wait(p) || l->now_ms >= p->gap_ms + fh__link_path_patience(p)) {
        ask_again(p);
    }
}

void fh__link_read_on(struct fh_link *l)
{
    bool wants = l->s.closing || fh_stream_impl_wants_data(&l->s);

    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++) {
        struct fh__link_path *p = &l->path[i];

        if (p->stream && p->has_gap)
            look_at_gap(p);
        if (!p->stream || !p->is_stopped || p->has_gap || !wants)
            continue;
        p->is_stopped = false;
        p->heard_ms = l->now_ms;
        fh_stream_resume(p->stream);
    }
}
