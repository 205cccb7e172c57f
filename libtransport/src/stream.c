/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <string.h>

#include <farhand/stream_impl.h>

void fh_stream_attach(struct fh_stream *s, const struct fh_stream_events *ev, void *user)
{
    if (s->closing)
        return;
    s->ev = ev;
    s->user = user;
    s->stopped = false;
    s->ops->start(s);
}

int fh_stream_write(struct fh_stream *s, const uint8_t *data, size_t len)
{
    int ret;

    if (s->broken)
        return s->broken;
    if (s->shut || s->closing)
        return FH_TRANSPORT_E_CLOSED;
    if (len > INT_MAX)
        len = INT_MAX;
    if (len == 0)
        return 0;
    ret = s->ops->write(s, data, len);
    if (ret < 0) {
        s->broken = ret;
        return ret;
    }
    s->out += (uint64_t)ret;
    s->wants_room = (size_t)ret < len;
    return ret;
}

void fh_stream_resume(struct fh_stream *s)
{
    if (s->closing || !s->stopped)
        return;
    s->stopped = false;
    s->ops->start(s);
}

void fh_stream_shutdown(struct fh_stream *s)
{
    if (s->closing || s->shut)
        return;
    s->shut = true;
    s->ops->shutdown(s);
}

void fh_stream_close(struct fh_stream *s, fh_stream_closed_fn closed, void *user)
{
    if (s->closing)
        return;
    s->closing = true;
    s->closed = closed;
    s->closed_user = user;
    s->ops->close(s);
}

enum fh_stream_kind fh_stream_kind(const struct fh_stream *s)
{
    return s->kind;
}

void fh_stream_peer(const struct fh_stream *s, char *out, size_t room)
{
    static const char pipe_name[] = "pipe";
    size_t len = sizeof pipe_name - 1;

    if (s->kind != FH_STREAM_PIPE) {
        fh_address_print(&s->address, out, room);
        return;
    }
    if (len > room - 1)
        len = room - 1;
    memcpy(out, pipe_name, len);
    out[len] = '\0';
}

void fh_stream_address(const struct fh_stream *s, struct fh_address *out)
{
    *out = s->address;
}

void fh_stream_counters(const struct fh_stream *s, struct fh_stream_counters *out)
{
    out->in = s->in;
    out->out = s->out;
    out->queued = s->ops->queued(s);
}

void fh_stream_impl_init(struct fh_stream *s, enum fh_stream_kind kind,
                         const struct fh_stream_ops *ops, const struct fh_address *address)
{
    memset(s, 0, sizeof *s);
    s->ops = ops;
    s->kind = kind;
    if (address)
        s->address = *address;
}

bool fh_stream_impl_wants_data(const struct fh_stream *s)
{
    return s->ev && !s->stopped && !s->closing && !s->ended;
}

size_t fh_stream_emit_data(struct fh_stream *s, const uint8_t *data, size_t len)
{
    size_t taken;

    if (!fh_stream_impl_wants_data(s))
        return 0;
    /* Set before, so that resuming or handing the stream over from inside data() counts. */
    s->stopped = true;
    taken = s->ev->data(s->user, data, len);
    if (taken >= len) {
        taken = len;
        s->stopped = false;
    }
    s->in += taken;
    return taken;
}

void fh_stream_emit_writable(struct fh_stream *s)
{
    if (!s->wants_room || s->closing || !s->ev)
        return;
    s->wants_room = false;
    s->ev->writable(s->user);
}

void fh_stream_emit_end(struct fh_stream *s, int error)
{
    if (error && !s->broken)
        s->broken = error;
    if (s->closing || !s->ev)
        return;
    if (s->ended) {
        if (error)
            fh_stream_emit_writable(s);
        return;
    }
    s->ended = true;
    s->ev->end(s->user, error);
}

void fh_stream_impl_closed(struct fh_stream *s)
{
    if (s->closed)
        s->closed(s->closed_user);
}
