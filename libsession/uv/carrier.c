/* SPDX-License-Identifier: MIT */
#include "carrier.h"

#include <limits.h>
#include <string.h>

static void pump(struct fh__carrier *c);

/* ---- closing ---- */

static void one_closed(struct fh__carrier *c)
{
    if (--c->open == 0)
        c->ops->gone(c);
}

static void on_handle_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

static void on_stream_closed(void *user)
{
    struct fh__carrier *c = user;

    c->stream = NULL;
    one_closed(c);
}

void fh__carrier_close(struct fh__carrier *c)
{
    if (c->is_closing)
        return;
    c->is_closing = true;
    /* A polite end waits for the peer's. Who was never heard is owed none, and may be many. */
    if (!c->is_broken && c->is_attached && c->stream)
        fh_stream_shutdown(c->stream);
    if (c->stream)
        fh_stream_close(c->stream, on_stream_closed, c);
    else if (c->cancel)
        c->cancel(c);
    else
        c->open--;
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
    uv_close((uv_handle_t *)&c->soon, on_handle_closed);
}

/* ---- the pump ---- */

static void on_soon(uv_idle_t *idle)
{
    uv_idle_stop(idle);
    pump(idle->data);
}

void fh__carrier_soon(struct fh__carrier *c)
{
    if (!c->is_closing)
        uv_idle_start(&c->soon, on_soon);
}

static void on_timer(uv_timer_t *timer)
{
    struct fh__carrier *c = timer->data;

    (void)c->ops->tick(c->conn, uv_now(c->loop));
    pump(c);
}

static void arm(struct fh__carrier *c)
{
    uint64_t now = uv_now(c->loop), at = c->ops->deadline(c->conn);

    if (at == UINT64_MAX)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_timer, at > now ? at - now : 0, 0);
}

static void on_broken(struct fh__carrier *c)
{
    c->is_broken = true;
    (void)c->ops->in_end(c->conn, uv_now(c->loop));
    c->ops->events(c);
}

/* Sends until the core has nothing to say or the stream takes no more. How many bytes. */
static size_t send_some(struct fh__carrier *c)
{
    size_t sent = 0, len;
    const uint8_t *p;

    while (!c->is_closing && c->stream && !c->is_full && !c->is_broken && sent < FH_CARRIER_TURN &&
           (p = c->ops->out(c->conn, uv_now(c->loop), &len)) != NULL) {
        size_t want = len < INT_MAX ? len : INT_MAX;
        int n = fh_stream_write(c->stream, p, want);

        if (n < 0) {
            on_broken(c);
            break;
        }
        c->ops->out_done(c->conn, (size_t)n);
        sent += (size_t)n;
        c->is_full = (size_t)n < want;
        c->ops->events(c);
    }
    return sent;
}

static void read_on(struct fh__carrier *c)
{
    size_t room;

    if (!c->is_stopped || !c->stream || !c->ops->in(c->conn, &room))
        return;
    c->is_stopped = false;
    fh_stream_resume(c->stream);
}

/* Not entered again from a callback of the application: that asks for another turn instead. */
static void pump(struct fh__carrier *c)
{
    size_t sent;

    if (c->is_closing || c->is_pumping)
        return;
    c->is_pumping = true;
    c->ops->events(c);
    sent = send_some(c);
    if (!c->is_closing)
        c->ops->events(c);
    if (!c->is_closing && c->ops->pumped)
        c->ops->pumped(c, sent > 0);
    c->is_pumping = false;
    if (c->is_closing)
        return;
    if (c->is_broken || c->ops->is_finished(c->conn)) {
        fh__carrier_close(c);
        return;
    }
    if (sent >= FH_CARRIER_TURN && !c->is_full)
        fh__carrier_soon(c);
    read_on(c);
    arm(c);
}

/* ---- the stream ---- */

/* A record is worked off before the next is taken: events make room. */
static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct fh__carrier *c = user;
    size_t at = 0, room;
    uint8_t *in;

    while (at < len && !c->is_closing && (in = c->ops->in(c->conn, &room)) != NULL) {
        size_t n = len - at < room ? len - at : room;

        memcpy(in, data + at, n);
        at += n;
        (void)c->ops->in_done(c->conn, uv_now(c->loop), n);
        c->ops->events(c);
    }
    if (c->ops->is_finished(c->conn))
        at = len;  /* nobody reads it any more */
    if (c->cancel) /* the rest is for who has the stream now */
        return at;
    c->is_stopped = at < len;
    pump(c);
    return at;
}

static void on_writable(void *user)
{
    struct fh__carrier *c = user;

    c->is_full = false;
    pump(c);
}

static void on_end(void *user, int error)
{
    struct fh__carrier *c = user;

    c->is_broken = error != 0;
    c->error = error;
    (void)c->ops->in_end(c->conn, uv_now(c->loop));
    pump(c);
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

void fh__carrier_init(struct fh__carrier *c, const struct fh__carrier_ops *ops, void *conn,
                      uv_loop_t *loop, struct fh_stream *stream)
{
    memset(c, 0, sizeof *c);
    c->ops = ops;
    c->conn = conn;
    c->loop = loop;
    c->stream = stream;
    uv_timer_init(loop, &c->timer);
    uv_idle_init(loop, &c->soon);
    c->timer.data = c->soon.data = c;
    c->open = 3;
    fh__carrier_soon(c);
}

void fh__carrier_attach(struct fh__carrier *c)
{
    if (c->is_closing || c->is_attached)
        return;
    c->is_attached = true;
    fh_stream_attach(c->stream, &events, c);
}

struct fh_stream *fh__carrier_exchange(struct fh__carrier *c, struct fh_stream *stream)
{
    struct fh_stream *before = c->stream;

    c->stream = stream;
    return before;
}

struct fh_stream *fh__carrier_take(struct fh__carrier *c, void (*cancel)(struct fh__carrier *c))
{
    struct fh_stream *stream = c->stream;

    c->stream = NULL;
    c->cancel = cancel;
    c->is_attached = c->is_stopped = c->is_full = false;
    return stream;
}

void fh__carrier_give(struct fh__carrier *c, struct fh_stream *stream)
{
    c->cancel = NULL;
    if (c->is_closing) {
        if (stream)
            fh_stream_close(stream, on_stream_closed, c);
        else
            one_closed(c);
        return;
    }
    c->stream = stream;
    if (stream) {
        fh__carrier_attach(c);
        fh__carrier_soon(c);
        return;
    }
    c->is_broken = true;
    (void)c->ops->in_end(c->conn, uv_now(c->loop));
    fh__carrier_soon(c);
}

void fh__carrier_feed(struct fh__carrier *c, const uint8_t *data, size_t len)
{
    size_t room;
    uint8_t *in = c->ops->in(c->conn, &room);

    if (len == 0 || !in || room < len)
        return;
    memcpy(in, data, len);
    (void)c->ops->in_done(c->conn, uv_now(c->loop), len);
    fh__carrier_soon(c);
}
