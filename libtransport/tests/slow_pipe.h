/* SPDX-License-Identifier: MIT */
/*
 * slow_pipe.h -- two streams in virtual time, with a delay and a rate. One can be swallowed: what
 * is written is taken, and never arrives, as where the system does not know yet that a network
 * died.
 */
#ifndef SLOW_PIPE_H
#define SLOW_PIPE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/stream_impl.h>

enum { SLOW_QUEUE = 256 << 10, SLOW_CHUNKS = 1024 };

struct slow_chunk {
    uint64_t at_us;
    size_t len;
};

/* One direction: what its writer wrote and its reader has not taken. */
struct slow_way {
    uint8_t bytes[SLOW_QUEUE];
    size_t head, len;
    struct slow_chunk chunks[SLOW_CHUNKS];
    size_t first, n;
    uint64_t busy_us;
    bool is_swallowed;
};

struct slow_pipe;

struct slow_end {
    struct fh_stream s;
    struct slow_pipe *pipe;
    struct slow_way out;
    bool is_closed;
};

struct slow_pipe {
    struct slow_end end[2];
    const uint64_t *now_ms;
    uint32_t delay_ms, bytes_per_ms; /* bytes_per_ms 0: as fast as it is written */
};

static inline struct slow_end *slow_peer(struct slow_end *e)
{
    return &e->pipe->end[e == &e->pipe->end[0]];
}

static inline void slow_start(struct fh_stream *s)
{
    (void)s;
}

static inline int slow_write(struct fh_stream *s, const uint8_t *data, size_t len)
{
    struct slow_end *e = (struct slow_end *)s;
    struct slow_way *w = &e->out;
    uint64_t now_us = *e->pipe->now_ms * 1000;
    size_t n = len < SLOW_QUEUE - w->len ? len : SLOW_QUEUE - w->len;

    if (n == 0 || w->n == SLOW_CHUNKS)
        return 0;
    for (size_t i = 0; i < n; i++)
        w->bytes[(w->head + w->len + i) % SLOW_QUEUE] = data[i];
    w->len += n;
    if (w->busy_us < now_us)
        w->busy_us = now_us;
    if (e->pipe->bytes_per_ms)
        w->busy_us += n * 1000 / e->pipe->bytes_per_ms;
    w->chunks[(w->first + w->n++) % SLOW_CHUNKS] =
        (struct slow_chunk){w->busy_us + e->pipe->delay_ms * 1000, n};
    return (int)n;
}

static inline void slow_shutdown(struct fh_stream *s)
{
    (void)s;
}

static inline void slow_close(struct fh_stream *s)
{
    (void)s;
}

static inline size_t slow_queued(const struct fh_stream *s)
{
    return ((const struct slow_end *)s)->out.len;
}

static const struct fh_stream_ops slow_ops = {
    .start = slow_start,
    .write = slow_write,
    .shutdown = slow_shutdown,
    .close = slow_close,
    .queued = slow_queued,
};

static inline struct slow_pipe *slow_pipe_new(const uint64_t *now_ms, uint32_t delay_ms,
                                              uint32_t bytes_per_ms)
{
    struct slow_pipe *p = calloc(1, sizeof *p);

    ck_assert_ptr_nonnull(p);
    p->now_ms = now_ms;
    p->delay_ms = delay_ms;
    p->bytes_per_ms = bytes_per_ms;
    for (int i = 0; i < 2; i++) {
        p->end[i].pipe = p;
        fh_stream_impl_init(&p->end[i].s, FH_STREAM_PIPE, &slow_ops, NULL);
    }
    return p;
}

/* Nothing that end `from` wrote or writes arrives any more, or all of it again. */
static inline void slow_swallow(struct slow_pipe *p, int from, bool is_swallowed)
{
    struct slow_way *w = &p->end[from].out;

    w->is_swallowed = is_swallowed;
}

static inline bool slow_deliver(struct slow_end *from)
{
    struct slow_end *to = slow_peer(from);
    struct slow_way *w = &from->out;
    struct slow_chunk *c = &w->chunks[w->first];
    uint8_t piece[32 << 10];
    size_t n, taken;

    if (w->n == 0 || w->is_swallowed || c->at_us > *from->pipe->now_ms * 1000 ||
        !fh_stream_impl_wants_data(&to->s))
        return false;
    n = c->len < sizeof piece ? c->len : sizeof piece;
    for (size_t i = 0; i < n; i++)
        piece[i] = w->bytes[(w->head + i) % SLOW_QUEUE];
    taken = fh_stream_emit_data(&to->s, piece, n);
    w->head = (w->head + taken) % SLOW_QUEUE;
    w->len -= taken;
    c->len -= taken;
    if (c->len == 0) {
        w->first = (w->first + 1) % SLOW_CHUNKS;
        w->n--;
    }
    if (taken > 0 && w->len <= SLOW_QUEUE / 2)
        fh_stream_emit_writable(&from->s);
    return taken > 0;
}

/* All that is due; whether there was any. */
static inline bool slow_run(struct slow_pipe *p)
{
    bool any = false;

    for (int i = 0; i < 2; i++) {
        if (p->end[i].s.closing && !p->end[i].is_closed) {
            p->end[i].is_closed = any = true;
            fh_stream_impl_closed(&p->end[i].s);
        }
        while (slow_deliver(&p->end[i]))
            any = true;
    }
    return any;
}

#endif
