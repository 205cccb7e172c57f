/* SPDX-License-Identifier: MIT */
/* The stream on top of a link, its time, and what is told when. */
#include <stddef.h>
#include <string.h>

#include <farhand/identity.h>

#include "link_state.h"

enum { DEFAULT_KEEP = 4 << 20, MAX_KEEP = 1 << 30 };

static const struct fh_link_times default_times = {.keep_ms = 60000,
                                                   .beat_ms = 3000,
                                                   .dead_ms = 10000,
                                                   .prove_ms = 10000,
                                                   .linger_ms = 5000,
                                                   .late_ms = 150};

/* ---- entering and leaving ---- */

void fh__link_enter(struct fh_link *l)
{
    l->now_ms = l->cfg.now(l->cfg.user);
    if (l->armed_ms == UINT64_MAX || l->now_ms < l->armed_ms + FH_LINK_LATE_MS)
        return;
    /* We were stopped, and what the peers said meanwhile was not read yet. */
    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++)
        l->path[i].heard_ms = l->now_ms;
    l->ack_heard_ms = l->now_ms;
    l->armed_ms = l->now_ms;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t path_deadline(const struct fh_link *l, const struct fh__link_path *p)
{
    const struct fh_link_times *t = &l->cfg.times;
    uint64_t at = p->said_ms + t->beat_ms;

    if (p->state != FH_LINK_PATH_UP)
        return p->prove_by_ms;
    if (p->has_gap)
        at = earlier(at, p->gap_ms + fh__link_path_patience(p));
    /* Whom we do not read we cannot hear. */
    return p->is_stopped ? at : earlier(at, p->heard_ms + t->dead_ms);
}

static bool has_event(const struct fh_link *l)
{
    return l->losses != l->told_losses || l->failures != l->told_failures ||
           (l->attaches != l->told_attaches && l->detached_ms == UINT64_MAX) ||
           (l->cur && l->cur->rank != l->told_rank);
}

/* Something that only the loop may tell the owner of the stream on top. */
static bool has_news(const struct fh_link *l)
{
    const struct fh_stream *s = &l->s;

    if (l->is_gone)
        return false;
    if (s->closing)
        return l->is_over && l->open_streams == 0;
    if (!s->ev)
        return false;
    if (!s->ended && (l->error || (l->peer_fin && !s->stopped)))
        return true;
    return s->wants_room && (l->error || fh__link_room(l) >= FH_LINK_UNSENT_MAX / 2);
}

uint64_t fh_link_deadline(const struct fh_link *l)
{
    uint64_t at = UINT64_MAX;

    if (has_news(l) || has_event(l))
        return l->now_ms;
    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++)
        if (l->path[i].stream)
            at = earlier(at, path_deadline(l, &l->path[i]));
    if (l->cur)
        at = earlier(at, earlier(l->ack_by_ms, fh__link_late_at(l)));
    if (l->detached_ms != UINT64_MAX && !l->is_over)
        at = earlier(at, l->detached_ms + l->cfg.times.keep_ms);
    if (l->s.closing && !l->is_over)
        at = earlier(at, l->linger_by_ms);
    return at;
}

/* A path of the same rank as the one in use is of no use once both sides have left it. */
static void retire_left(struct fh_link *l)
{
    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++) {
        struct fh__link_path *p = &l->path[i];

        if (fh__link_path_is_up(p) && p != l->cur && p->has_left && p->peer_has_left &&
            p->out_len == 0 && l->cur && p->rank == l->cur->rank)
            fh__link_path_retire(p);
    }
}

static void talk_all(struct fh_link *l)
{
    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++)
        if (l->path[i].stream)
            fh__link_talk(&l->path[i]);
}

void fh__link_settle(struct fh_link *l)
{
    uint64_t at;

    do {
        l->has_lost = false;
        fh__link_read_on(l);
        talk_all(l);
        retire_left(l);
    } while (l->has_lost);
    at = fh_link_deadline(l);
    if (at < l->armed_ms || has_event(l)) {
        l->armed_ms = at;
        l->cfg.wake(l->cfg.user);
    }
    l->armed_ms = at;
}

void fh__link_tell(struct fh_link *l)
{
    struct fh_stream *s = &l->s;

    if (!has_news(l))
        return;
    if (s->closing) {
        l->is_gone = true;
        fh_stream_impl_closed(s);
        l->cfg.wake(l->cfg.user);
        return;
    }
    if (!s->ended && (l->error || (l->peer_fin && !s->stopped)))
        fh_stream_emit_end(s, l->error);
    if (fh__link_room(l) >= FH_LINK_UNSENT_MAX / 2 || l->error)
        fh_stream_emit_writable(s);
}

/* ---- the end ---- */

void fh__link_finish(struct fh_link *l, int error, enum fh__link_bye code)
{
    if (l->is_over)
        return;
    l->is_over = true;
    l->error = error;
    l->detached_ms = UINT64_MAX;
    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++) {
        struct fh__link_path *p = &l->path[i];

        if (!p->stream)
            continue;
        p->owes_bye = true;
        p->bye = code;
        fh__link_talk(p);
        if (p->stream)
            fh__link_path_retire(p);
    }
}

void fh__link_check_done(struct fh_link *l)
{
    if (l->peer_fin && l->has_fin && l->base > l->written)
        fh__link_finish(l, 0, FH_LINK_BYE_DONE);
}

/* ---- the stream on top ---- */

static void link_start(struct fh_stream *s)
{
    struct fh_link *l = (struct fh_link *)s;

    fh__link_enter(l);
    fh__link_settle(l);
}

static int link_write(struct fh_stream *s, const uint8_t *data, size_t len)
{
    struct fh_link *l = (struct fh_link *)s;
    size_t sent = 0, n;

    if (l->is_over)
        return l->error ? l->error : FH_TRANSPORT_E_CLOSED;
    fh__link_enter(l);
    while (sent < len && (n = fh__link_room(l)) > 0) {
        n = n < len - sent ? n : len - sent;
        (void)ring_put(&l->kept, data + sent, n);
        l->written += n;
        sent += n;
        if (l->cur)
            fh__link_talk(l->cur);
    }
    fh__link_settle(l);
    return (int)sent;
}

static void link_shutdown(struct fh_stream *s)
{
    struct fh_link *l = (struct fh_link *)s;

    fh__link_enter(l);
    l->has_fin = true;
    fh__link_settle(l);
}

static void link_close(struct fh_stream *s)
{
    struct fh_link *l = (struct fh_link *)s;

    fh__link_enter(l);
    /* Who has just gone may be back in a moment, and hear the last words. */
    l->linger_by_ms =
        (l->detached_ms == UINT64_MAX ? l->now_ms : l->detached_ms) + l->cfg.times.linger_ms;
    if (!s->shut || !l->is_begun || l->now_ms >= l->linger_by_ms)
        fh__link_finish(l, FH_TRANSPORT_E_CLOSED, FH_LINK_BYE_ABORTED);
    fh__link_settle(l);
}

static size_t link_queued(const struct fh_stream *s)
{
    return ((const struct fh_link *)s)->kept.len;
}

static const struct fh_stream_ops link_ops = {
    .start = link_start,
    .write = link_write,
    .shutdown = link_shutdown,
    .close = link_close,
    .queued = link_queued,
};

/* ---- time ---- */

static void tick_path(struct fh__link_path *p)
{
    struct fh_link *l = p->link;
    const struct fh_link_times *t = &l->cfg.times;

    if (p->state != FH_LINK_PATH_UP) {
        if (l->now_ms >= p->prove_by_ms)
            fh__link_path_failed(p, FH_TRANSPORT_E_TIMEOUT);
        return;
    }
    if (!p->is_stopped && l->now_ms >= p->heard_ms + t->dead_ms) {
        fh__link_path_failed(p, FH_TRANSPORT_E_TIMEOUT);
        return;
    }
    if (l->now_ms < p->said_ms + t->beat_ms)
        return;
    /* If it takes nothing, what it was given before is what the peer will hear. */
    p->said_ms = l->now_ms;
    p->owes_ack = !p->is_full;
}

void fh_link_tick(struct fh_link *l)
{
    fh__link_enter(l);
    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++)
        if (l->path[i].stream)
            tick_path(&l->path[i]);
    if (l->now_ms >= l->ack_by_ms && l->cur) {
        l->owes_ack = true;
        l->ack_by_ms = UINT64_MAX;
    }
    if (l->now_ms >= fh__link_late_at(l))
        fh__link_path_late(l->cur);
    if (l->detached_ms != UINT64_MAX && l->now_ms >= l->detached_ms + l->cfg.times.keep_ms)
        fh__link_finish(l, FH_TRANSPORT_E_TIMEOUT, FH_LINK_BYE_ABORTED);
    if (l->s.closing && l->now_ms >= l->linger_by_ms)
        fh__link_finish(l, FH_TRANSPORT_E_TIMEOUT, FH_LINK_BYE_ABORTED);
    fh__link_tell(l);
    fh__link_settle(l);
}

/* ---- what happened below ---- */

int fh_link_event(struct fh_link *l, struct fh_link_event *ev)
{
    memset(ev, 0, sizeof *ev);
    if (l->losses != l->told_losses) {
        l->told_losses = l->losses;
        l->told_away = true;
        ev->type = FH_LINK_EV_DETACHED;
        return 1;
    }
    if (l->failures != l->told_failures) {
        l->told_failures = l->failures;
        ev->type = FH_LINK_EV_FAILED;
        ev->error = l->last_failure;
        return 1;
    }
    if (l->attaches != l->told_attaches && l->detached_ms == UINT64_MAX) {
        l->told_attaches = l->attaches;
        ev->type = FH_LINK_EV_ATTACHED;
        ev->address = l->attached;
        ev->is_back = l->told_away;
        l->told_away = false;
        return 1;
    }
    if (l->cur && l->cur->rank != l->told_rank) {
        l->told_rank = ev->rank = l->cur->rank;
        ev->type = FH_LINK_EV_MOVED;
        ev->address = l->s.address;
        return 1;
    }
    return 0;
}

bool fh_link_is_attached(const struct fh_link *l)
{
    return l->cur != NULL;
}

void fh_link_info(const struct fh_link *l, struct fh_link_info *out)
{
    *out = (struct fh_link_info){.kept = l->kept.len,
                                 .sent = l->sent,
                                 .resent = l->resent,
                                 .attached = l->attaches,
                                 .late = l->late};
    if (l->cur) {
        out->rank = l->cur->rank;
        out->rtt_ms = l->cur->rtt_ms;
    }
    for (size_t i = 0; i < FH_LINK_PATHS_MAX; i++)
        out->paths += fh__link_path_is_up(&l->path[i]);
}

/* ---- its life ---- */

static uint32_t or_default(uint32_t ms, uint32_t default_ms)
{
    return ms ? ms : default_ms;
}

static size_t keep_len(const struct fh_link_config *cfg)
{
    return cfg->keep_len ? cfg->keep_len : DEFAULT_KEEP;
}

size_t fh_link_size(const struct fh_link_config *cfg)
{
    if (!cfg->random || !cfg->now || !cfg->wake || keep_len(cfg) < FH_LINK_KEEP_MIN ||
        keep_len(cfg) > MAX_KEEP)
        return 0;
    return sizeof(struct fh_link) + keep_len(cfg);
}

static void set_times(struct fh_link_times *t)
{
    t->keep_ms = or_default(t->keep_ms, default_times.keep_ms);
    t->beat_ms = or_default(t->beat_ms, default_times.beat_ms);
    t->dead_ms = or_default(t->dead_ms, default_times.dead_ms);
    t->prove_ms = or_default(t->prove_ms, default_times.prove_ms);
    t->linger_ms = or_default(t->linger_ms, default_times.linger_ms);
    t->late_ms = or_default(t->late_ms, default_times.late_ms);
}

struct fh_link *fh_link_init(void *mem, size_t len, const struct fh_link_config *cfg)
{
    struct fh_link *l = mem;
    size_t need = fh_link_size(cfg);

    if (need == 0 || len < need)
        return NULL;
    memset(l, 0, sizeof *l);
    fh_stream_impl_init(&l->s, FH_STREAM_LINK, &link_ops, NULL);
    l->cfg = *cfg;
    set_times(&l->cfg.times);
    l->kept = (struct ring){.mem = (uint8_t *)(l + 1), .cap = keep_len(cfg)};
    l->armed_ms = l->ack_by_ms = l->detached_ms = UINT64_MAX;
    l->told_rank = cfg->rank;
    return l;
}

void fh_link_finish(struct fh_link *l)
{
    fh_wipe(l->key, sizeof l->key);
}

struct fh_stream *fh_link_stream(struct fh_link *l)
{
    return &l->s;
}

bool fh_link_is_gone(const struct fh_link *l)
{
    return l->is_gone;
}

void fh_link_secure(struct fh_link *l, const uint8_t key[FH_LINK_KEY_LEN],
                    const uint8_t ref[FH_LINK_REF_LEN])
{
    memcpy(l->key, key, sizeof l->key);
    memcpy(l->ref, ref, sizeof l->ref);
    l->is_secured = true;
}

const uint8_t *fh_link_ref(const struct fh_link *l)
{
    return l->is_secured ? l->ref : NULL;
}
