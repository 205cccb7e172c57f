/* SPDX-License-Identifier: MIT */
/* A stream over an association; the path below is a few functions. */
#include <stdlib.h>

#include <farhand/sctp_uv.h>
#include <farhand/stream_impl.h>

enum { DEFAULT_OPEN_MS = 30000, DEFAULT_LINGER_MS = 5000 };

struct fh_sctp_stream {
    struct fh_stream s; /* first: a stream is cast to it */
    struct fh_sctp *core;
    struct fh_sctp_path path;
    void (*done)(void *user, struct fh_stream *s, int error);
    void (*raw)(void *user, const uint8_t *data, size_t len);
    void *user;
    uv_timer_t timer, limit; /* the core's deadline; of opening and of lingering */
    uv_prepare_t soon;       /* before the loop waits, do what a call of the owner asked for */
    int open_handles;
    uint32_t linger_ms;
    bool given; /* done() was called */
    bool cancelled;
    bool closing;   /* the handles are */
    bool lingering; /* closed by the owner, who wants what he wrote to arrive */
    bool pumping;
};

static void pump(struct fh_sctp_stream *t);

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

static void system_random(void *user, void *out, size_t len)
{
    (void)user;
    /* fh_sctp_start() has seen it work. */
    (void)uv_random(NULL, NULL, out, len, 0, NULL);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct fh_sctp_stream *t = handle->data;

    if (--t->open_handles > 0)
        return;
    if (t->s.closing)
        fh_stream_impl_closed(&t->s);
    fh_sctp_free(t->core);
    free(t);
}

static void send_all(struct fh_sctp_stream *t)
{
    uint8_t out[FH_SCTP_DATAGRAM_MAX];
    uint64_t now = now_us();
    size_t len;
    bool any = false;

    while ((len = fh_sctp_output(t->core, now, out)) > 0) {
        t->path.send(t->path.user, out, len);
        any = true;
    }
    if (any && t->path.flush)
        t->path.flush(t->path.user);
}

/* The last datagrams go, then all is released. */
static void close_now(struct fh_sctp_stream *t)
{
    if (t->closing)
        return;
    t->closing = true;
    send_all(t);
    if (t->path.release)
        t->path.release(t->path.user);
    uv_close((uv_handle_t *)&t->timer, on_handle_closed);
    uv_close((uv_handle_t *)&t->limit, on_handle_closed);
    uv_close((uv_handle_t *)&t->soon, on_handle_closed);
}

static void fail_opening(struct fh_sctp_stream *t, int error)
{
    t->given = true;
    fh_sctp_abort(t->core);
    t->done(t->user, NULL, error);
    close_now(t);
}

/* Gives the owner what arrived, as long as he takes it. */
static void give(struct fh_sctp_stream *t)
{
    const uint8_t *data;
    size_t len;

    while ((data = fh_sctp_read(t->core, &len)) != NULL) {
        size_t taken = len;

        if (!t->lingering) {
            if (!fh_stream_impl_wants_data(&t->s))
                return;
            taken = fh_stream_emit_data(&t->s, data, len);
        }
        fh_sctp_read_done(t->core, taken);
        if (taken < len)
            return;
    }
}

static void tell_end(struct fh_sctp_stream *t)
{
    enum fh_sctp_state state = fh_sctp_state(t->core);

    if (t->lingering) {
        if (state == FH_SCTP_CLOSED || state == FH_SCTP_BROKEN)
            close_now(t);
        return;
    }
    if (state == FH_SCTP_BROKEN) {
        if (!t->s.broken || !t->s.ended)
            fh_stream_emit_end(&t->s, fh_sctp_error(t->core));
    } else if (fh_stream_impl_wants_data(&t->s) && fh_sctp_peer_ended(t->core)) {
        fh_stream_emit_end(&t->s, 0);
    }
}

/* Connecting comes to its end. */
static void tell_open(struct fh_sctp_stream *t)
{
    enum fh_sctp_state state = fh_sctp_state(t->core);

    if (t->cancelled) {
        fail_opening(t, FH_TRANSPORT_E_CANCELLED);
    } else if (state == FH_SCTP_BROKEN) {
        fail_opening(t, fh_sctp_error(t->core));
    } else if (state != FH_SCTP_OPENING) {
        t->given = true;
        uv_timer_stop(&t->limit);
        t->done(t->user, &t->s, 0);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct fh_sctp_stream *t = timer->data;

    fh_sctp_tick(t->core, now_us());
    pump(t);
}

static void set_timer(struct fh_sctp_stream *t)
{
    uint64_t at = fh_sctp_deadline(t->core), now;

    if (at == UINT64_MAX) {
        uv_timer_stop(&t->timer);
        return;
    }
    now = now_us();
    uv_update_time(t->timer.loop);
    uv_timer_start(&t->timer, on_timer, at > now ? (at - now + 999) / 1000 : 0, 0);
}

static void pump(struct fh_sctp_stream *t)
{
    if (t->closing || t->pumping)
        return;
    t->pumping = true;
    if (!t->given)
        tell_open(t);
    if (t->given && !t->closing) {
        give(t);
        tell_end(t);
    }
    if (!t->closing)
        send_all(t);
    if (!t->closing && t->given && fh_sctp_room(t->core) > 0)
        fh_stream_emit_writable(&t->s);
    t->pumping = false;
    if (!t->closing)
        set_timer(t);
}

static void on_soon(uv_prepare_t *soon)
{
    uv_prepare_stop(soon);
    pump(soon->data);
}

static void run_soon(struct fh_sctp_stream *t)
{
    if (!t->closing)
        uv_prepare_start(&t->soon, on_soon);
}

static void on_too_late(uv_timer_t *limit)
{
    struct fh_sctp_stream *t = limit->data;

    if (!t->given) {
        fail_opening(t, FH_TRANSPORT_E_TIMEOUT);
        return;
    }
    fh_sctp_abort(t->core);
    close_now(t);
}

/* ---- the table of a stream ------------------------------------------------------------------- */

static void sctp_start(struct fh_stream *s)
{
    run_soon((struct fh_sctp_stream *)s);
}

/* Sent before the loop waits: small writes of one turn share a datagram. */
static int sctp_write(struct fh_stream *s, const uint8_t *data, size_t len)
{
    struct fh_sctp_stream *t = (struct fh_sctp_stream *)s;
    int ret = fh_sctp_write(t->core, data, len);

    run_soon(t);
    return ret;
}

static void sctp_shutdown(struct fh_stream *s)
{
    struct fh_sctp_stream *t = (struct fh_sctp_stream *)s;

    fh_sctp_end(t->core);
    run_soon(t);
}

static void sctp_close(struct fh_stream *s)
{
    struct fh_sctp_stream *t = (struct fh_sctp_stream *)s;
    enum fh_sctp_state state = fh_sctp_state(t->core);

    if (s->shut && state != FH_SCTP_CLOSED && state != FH_SCTP_BROKEN) {
        t->lingering = true;
        uv_timer_start(&t->limit, on_too_late, t->linger_ms, 0);
        run_soon(t);
        return;
    }
    if (state != FH_SCTP_CLOSED)
        fh_sctp_abort(t->core);
    close_now(t);
}

static size_t sctp_queued(const struct fh_stream *s)
{
    return fh_sctp_queued(((const struct fh_sctp_stream *)s)->core);
}

static const struct fh_stream_ops sctp_ops = {
    .start = sctp_start,
    .write = sctp_write,
    .shutdown = sctp_shutdown,
    .close = sctp_close,
    .queued = sctp_queued,
};

/* ---- the calls of sctp_uv.h ------------------------------------------------------------------ */

int fh_sctp_start(uv_loop_t *loop, const struct fh_sctp_start_config *cfg,
                  struct fh_sctp_stream **out)
{
    struct fh_sctp_stream *t = calloc(1, sizeof *t);
    struct fh_sctp_config core = cfg->sctp;
    uint8_t probe[8];

    if (!t)
        return FH_TRANSPORT_E_RESOURCES;
    if (!core.random) {
        core.random = system_random;
        if (uv_random(NULL, NULL, probe, sizeof probe, 0, NULL) != 0) {
            free(t);
            return FH_TRANSPORT_E_SYSTEM;
        }
    }
    if (!cfg->done || !cfg->path.send || fh_sctp_size(&core) == 0) {
        free(t);
        return FH_TRANSPORT_E_INVAL;
    }
    t->core = fh_sctp_new(&core, now_us());
    if (!t->core) {
        free(t);
        return FH_TRANSPORT_E_RESOURCES;
    }
    fh_stream_impl_init(&t->s, FH_STREAM_SCTP, &sctp_ops, cfg->peer);
    t->path = cfg->path;
    t->done = cfg->done;
    t->raw = cfg->raw;
    t->user = cfg->user;
    t->linger_ms = cfg->linger_ms ? cfg->linger_ms : DEFAULT_LINGER_MS;
    uv_timer_init(loop, &t->timer);
    uv_timer_init(loop, &t->limit);
    uv_prepare_init(loop, &t->soon);
    t->open_handles = 3;
    t->timer.data = t->limit.data = t->soon.data = t;
    uv_timer_start(&t->limit, on_too_late, cfg->open_ms ? cfg->open_ms : DEFAULT_OPEN_MS, 0);
    run_soon(t);
    *out = t;
    return 0;
}

int fh_sctp_datagram(struct fh_sctp_stream *t, uint8_t *data, size_t len)
{
    const uint8_t *raw;
    size_t raw_len;
    bool newest = false;
    int ret;

    if (t->closing)
        return FH_TRANSPORT_E_DENIED;
    ret = fh_sctp_input(t->core, now_us(), data, len, &newest);
    if (ret != 0)
        return ret;
    raw = fh_sctp_raw(t->core, &raw_len);
    if (raw && t->raw)
        t->raw(t->user, raw, raw_len);
    return newest;
}

void fh_sctp_datagrams_done(struct fh_sctp_stream *t)
{
    pump(t);
}

void fh_sctp_moved(struct fh_sctp_stream *t)
{
    if (t->closing)
        return;
    fh_sctp_path_changed(t->core, now_us());
    run_soon(t);
}

int fh_sctp_renew(struct fh_sctp_stream *t, const uint8_t tx_secret[FH_GUARD_SECRET_LEN],
                  const uint8_t rx_secret[FH_GUARD_SECRET_LEN], enum fh_guard_switch when)
{
    int ret = fh_sctp_install(t->core, now_us(), tx_secret, rx_secret, when);

    run_soon(t);
    return ret;
}

void fh_sctp_cancel(struct fh_sctp_stream *t)
{
    if (t->given)
        return;
    t->cancelled = true;
    run_soon(t);
}

bool fh_sctp_send_raw(struct fh_sctp_stream *t, const uint8_t *data, size_t len)
{
    uint8_t out[FH_SCTP_DATAGRAM_MAX];
    size_t sealed = t->closing ? 0 : fh_sctp_seal_raw(t->core, data, len, out);

    if (sealed == 0)
        return false;
    t->path.send(t->path.user, out, sealed);
    if (t->path.flush)
        t->path.flush(t->path.user);
    return true;
}

struct fh_sctp *fh_sctp_core(struct fh_sctp_stream *t)
{
    return t->core;
}
