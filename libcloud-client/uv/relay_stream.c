/* SPDX-License-Identifier: MIT */
/* docs/protocol.md, "Relay". */
#include "relay_stream.h"

#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>
#include <farhand/stream_impl.h>

enum { VERSION = 1, TICKET_MAX = 255 };

struct fh__relay_stream {
    struct fh_stream s; /* first */
    struct fh_stream *below;
    uv_timer_t later; /* an end that came before anybody could be told */
    const struct fh__relay_events *ev;
    void *user;
    bool is_paired, has_answered;
    bool below_ended;
    int end_error;
};

static struct fh__relay_stream *of(const struct fh_stream *s)
{
    return (struct fh__relay_stream *)s;
}

static void tell_paired(struct fh__relay_stream *r, int status)
{
    const struct fh__relay_events *ev = r->ev;

    r->has_answered = true;
    r->is_paired = status == 0;
    if (ev)
        ev->paired(r->user, status);
}

static void tell_gone(struct fh__relay_stream *r, bool by_owner)
{
    const struct fh__relay_events *ev = r->is_paired ? r->ev : NULL;

    if (!ev)
        return;
    r->ev = NULL;
    ev->gone(r->user, by_owner);
}

/* ---- from below -------------------------------------------------------------------------------
 */

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct fh__relay_stream *r = user;
    size_t taken = 0;

    if (!r->has_answered) {
        taken = 1;
        tell_paired(r, data[0]); /* may drop it */
    }
    if (r->is_paired && taken < len && fh_stream_impl_wants_data(&r->s))
        taken += fh_stream_emit_data(&r->s, data + taken, len - taken);
    return taken;
}

static void on_writable(void *user)
{
    fh_stream_emit_writable(&((struct fh__relay_stream *)user)->s);
}

static void give_end(struct fh__relay_stream *r)
{
    if (!r->below_ended || r->s.ended || r->s.closing || !r->s.ev)
        return;
    fh_stream_emit_end(&r->s, r->end_error);
}

static void on_end(void *user, int error)
{
    struct fh__relay_stream *r = user;

    r->below_ended = true;
    r->end_error = error;
    if (!r->has_answered) {
        tell_paired(r, -1);
        return;
    }
    give_end(r);
    tell_gone(r, false);
}

static const struct fh_stream_events below_events = {
    .data = on_data, .writable = on_writable, .end = on_end};

/* ---- the stream -------------------------------------------------------------------------------
 */

static void on_later(uv_timer_t *timer)
{
    give_end(timer->data);
}

static void op_start(struct fh_stream *s)
{
    struct fh__relay_stream *r = of(s);

    if (r->below_ended)
        uv_timer_start(&r->later, on_later, 0, 0);
    fh_stream_resume(r->below);
}

static int op_write(struct fh_stream *s, const uint8_t *data, size_t len)
{
    return fh_stream_write(of(s)->below, data, len);
}

static void op_shutdown(struct fh_stream *s)
{
    fh_stream_shutdown(of(s)->below);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct fh__relay_stream *r = handle->data;

    fh_stream_impl_closed(&r->s);
    free(r);
}

static void on_below_closed(void *user)
{
    struct fh__relay_stream *r = user;

    uv_close((uv_handle_t *)&r->later, on_timer_closed);
}

static void op_close(struct fh_stream *s)
{
    struct fh__relay_stream *r = of(s);

    tell_gone(r, true);
    fh_stream_close(r->below, on_below_closed, r);
}

static size_t op_queued(const struct fh_stream *s)
{
    struct fh_stream_counters c;

    fh_stream_counters(of(s)->below, &c);
    return (size_t)c.queued;
}

static const struct fh_stream_ops ops = {.start = op_start,
                                         .write = op_write,
                                         .shutdown = op_shutdown,
                                         .close = op_close,
                                         .queued = op_queued};

struct fh__relay_stream *fh__relay_stream_new(uv_loop_t *loop, struct fh_stream *below,
                                              const uint8_t *ticket, size_t len,
                                              const struct fh__relay_events *ev, void *user)
{
    struct fh__relay_stream *r = len <= TICKET_MAX ? calloc(1, sizeof *r) : NULL;
    uint8_t head[2 + TICKET_MAX] = {VERSION, (uint8_t)len};
    struct fh_address address;

    if (!r) {
        fh_stream_close(below, NULL, NULL);
        return NULL;
    }
    memcpy(head + 2, ticket, len);
    fh_stream_address(below, &address);
    fh_stream_impl_init(&r->s, FH_STREAM_RELAY, &ops, &address);
    r->below = below;
    r->ev = ev;
    r->user = user;
    uv_timer_init(loop, &r->later);
    r->later.data = r;
    (void)fh_stream_write(below, head, 2 + len); /* the first bytes: there is room */
    fh_wipe(head, sizeof head);
    fh_stream_attach(below, &below_events, r);
    return r;
}

struct fh_stream *fh__relay_stream_stream(struct fh__relay_stream *r)
{
    return &r->s;
}

void fh__relay_stream_orphan(struct fh__relay_stream *r)
{
    r->ev = NULL;
}

void fh__relay_stream_drop(struct fh__relay_stream *r)
{
    r->ev = NULL;
    fh_stream_close(&r->s, NULL, NULL);
}
