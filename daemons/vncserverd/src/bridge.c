/* SPDX-License-Identifier: MIT */
#include "bridge.h"

#include <stdbool.h>
#include <stdlib.h>

struct side {
    struct fh__bridge *bridge;
    struct fh_stream *stream;
    struct side *other;
    bool has_ended;
};

struct fh__bridge {
    struct side sides[2];
    unsigned open;
    bool is_closing;
    void (*closed)(void *user);
    void *user;
};

static void on_closed(void *user)
{
    struct fh__bridge *b = user;

    if (--b->open > 0)
        return;
    b->closed(b->user);
    free(b);
}

static void close_both(struct fh__bridge *b, bool is_polite)
{
    if (b->is_closing)
        return;
    b->is_closing = true;
    for (int i = 0; i < 2; i++) {
        if (is_polite)
            fh_stream_shutdown(b->sides[i].stream);
        fh_stream_close(b->sides[i].stream, on_closed, b);
    }
}

/* A stream that breaks must not look like one that ended: the other end is cut as well. */
static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct side *s = user;
    int n = fh_stream_write(s->other->stream, data, len);

    if (n >= 0)
        return (size_t)n;
    close_both(s->bridge, false);
    return len;
}

static void on_writable(void *user)
{
    struct side *s = user;

    fh_stream_resume(s->other->stream);
}

static void on_end(void *user, int error)
{
    struct side *s = user;

    s->has_ended = true;
    if (error || s->other->has_ended)
        close_both(s->bridge, !error);
    else
        fh_stream_shutdown(s->other->stream);
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

struct fh__bridge *fh__bridge_new(struct fh_stream *a, struct fh_stream *b,
                                  void (*closed)(void *user), void *user)
{
    struct fh__bridge *bridge = calloc(1, sizeof *bridge);
    struct fh_stream *const streams[] = {a, b};

    if (!bridge) {
        fh_stream_close(a, NULL, NULL);
        fh_stream_close(b, NULL, NULL);
        return NULL;
    }
    *bridge = (struct fh__bridge){.open = 2, .closed = closed, .user = user};
    for (int i = 0; i < 2; i++) {
        bridge->sides[i] =
            (struct side){.bridge = bridge, .stream = streams[i], .other = &bridge->sides[!i]};
        fh_stream_attach(streams[i], &events, &bridge->sides[i]);
    }
    return bridge;
}

void fh__bridge_close(struct fh__bridge *b)
{
    close_both(b, true);
}
