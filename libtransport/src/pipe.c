/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include <farhand/pipe.h>
#include <farhand/stream_impl.h>

#include "ring.h"

enum { DEFAULT_BUFFER = 64 << 10, MAX_BUFFER = 256 << 20 };

/* One end; `sent` and `arrived` are of the owner's view: what it wrote, what it is to read. */
struct end {
    struct fh_stream s; /* first: a stream is cast to its end */
    struct fh_pipe *pipe;
    struct ring sent;
    uint8_t *arrived;
    size_t arrived_len;
    size_t trip_left; /* of sent, what still belongs to the trip under way */
    bool in_trip;     /* has sent in the trip under way */
    bool over;        /* the peer's side ended; told when arrived is empty */
    int over_error;
    bool gone; /* closed() was called, nobody is there */
    uint64_t flights;
};

struct fh_pipe {
    struct fh_pipe_config cfg;
    struct end end[2];
    bool running;
    bool trip_counted;
    uint64_t trips;
};

static struct end *peer_of(struct end *e)
{
    return &e->pipe->end[e == &e->pipe->end[0]];
}

/* Delivery is fh_pipe_step()'s; it looks at the state. */
static void pipe_start(struct fh_stream *s)
{
    (void)s;
}

static int pipe_write(struct fh_stream *s, const uint8_t *data, size_t len)
{
    struct end *e = (struct end *)s;

    if (peer_of(e)->s.closing)
        return FH_TRANSPORT_E_RESET;
    return (int)ring_put(&e->sent, data, len);
}

static void pipe_shutdown(struct fh_stream *s)
{
    (void)s;
}

static void hang_up(struct end *e, int error)
{
    if (e->over && e->over_error)
        return;
    e->over = true;
    e->over_error = error;
}

static void pipe_close(struct fh_stream *s)
{
    struct end *e = (struct end *)s, *p = peer_of(e);
    bool clean = e->sent.len == 0 && e->arrived_len == 0 && p->sent.len == 0;

    e->arrived_len = 0;
    ring_drop(&p->sent, p->sent.len);
    p->trip_left = 0;
    /* After a shutdown the last bytes still cross, and the end behind them. */
    if (s->shut)
        return;
    ring_drop(&e->sent, e->sent.len);
    e->trip_left = 0;
    hang_up(p, clean ? 0 : FH_TRANSPORT_E_RESET);
}

static size_t pipe_queued(const struct fh_stream *s)
{
    return ((const struct end *)s)->sent.len;
}

static const struct fh_stream_ops pipe_ops = {
    .start = pipe_start,
    .write = pipe_write,
    .shutdown = pipe_shutdown,
    .close = pipe_close,
    .queued = pipe_queued,
};

static size_t buffer_len(const struct fh_pipe_config *cfg)
{
    return cfg && cfg->buffer_len ? cfg->buffer_len : DEFAULT_BUFFER;
}

size_t fh_pipe_size(const struct fh_pipe_config *cfg)
{
    size_t len = buffer_len(cfg);

    /* `arrived` is twice as long, so that meddle can double each byte. */
    return len > MAX_BUFFER ? 0 : sizeof(struct fh_pipe) + 6 * len;
}

struct fh_pipe *fh_pipe_init(void *mem, size_t len, const struct fh_pipe_config *cfg)
{
    struct fh_pipe *p = mem;
    uint8_t *at = (uint8_t *)(p + 1);
    size_t need = fh_pipe_size(cfg), each = buffer_len(cfg);

    if (need == 0 || len < need)
        return NULL;
    memset(p, 0, sizeof *p);
    if (cfg)
        p->cfg = *cfg;
    p->cfg.buffer_len = each;
    for (int i = 0; i < 2; i++) {
        struct end *e = &p->end[i];

        fh_stream_impl_init(&e->s, FH_STREAM_PIPE, &pipe_ops, NULL);
        e->pipe = p;
        e->sent = (struct ring){.mem = at, .cap = each};
        e->arrived = at + each;
        at += 3 * each;
    }
    return p;
}

struct fh_stream *fh_pipe_end(struct fh_pipe *p, int end)
{
    assert(end == 0 || end == 1);
    return &p->end[end].s;
}

/* What waits for the owner of e: leftovers, the peer's end, room. True if anything was called. */
static bool deliver(struct end *e)
{
    size_t before = e->arrived_len;

    if (e->s.closing) {
        if (e->gone)
            return false;
        e->gone = true;
        fh_stream_impl_closed(&e->s);
        return true;
    }
    if (before > 0 && fh_stream_impl_wants_data(&e->s)) {
        size_t taken = fh_stream_emit_data(&e->s, e->arrived, before);

        /* Inside, the owner may have closed, cut the wire or injected more. */
        if (e->s.closing || e->arrived_len < before)
            return true;
        e->arrived_len -= taken;
        memmove(e->arrived, e->arrived + taken, e->arrived_len);
        return true;
    }
    if (e->over && e->s.ev && !e->s.ended && (before == 0 || e->over_error)) {
        e->arrived_len = 0;
        fh_stream_emit_end(&e->s, e->over_error);
        return true;
    }
    if (e->s.wants_room && e->s.ev && e->sent.len <= e->sent.cap / 2) {
        fh_stream_emit_writable(&e->s);
        return true;
    }
    return false;
}

static void count_trip(struct end *from)
{
    struct fh_pipe *p = from->pipe;

    if (!from->in_trip)
        from->flights++;
    if (!p->trip_counted)
        p->trips++;
    from->in_trip = true;
    p->trip_counted = true;
}

/* Lets at most max bytes of the trip cross; how many left the sender. */
static size_t cross(struct end *from, size_t max)
{
    struct fh_pipe *p = from->pipe;
    struct end *to = peer_of(from);
    size_t room = 2 * p->cfg.buffer_len - to->arrived_len, n, got;
    const uint8_t *in = ring_front(&from->sent, &n);

    /* The reader's buffer counts as full at half, the rest is for what meddle adds. */
    if (n > from->trip_left)
        n = from->trip_left;
    if (n > max)
        n = max;
    if (n > room / 2)
        n = room / 2;
    if (to->arrived_len >= p->cfg.buffer_len)
        n = 0;
    if (n == 0) {
        from->trip_left = 0;
        return 0;
    }
    if (p->cfg.meddle) {
        got = p->cfg.meddle(p->cfg.user, from == &p->end[1], in, n, to->arrived + to->arrived_len,
                            room);
        assert(got <= room);
    } else {
        memcpy(to->arrived + to->arrived_len, in, n);
        got = n;
    }
    to->arrived_len += got;
    ring_drop(&from->sent, n);
    from->trip_left -= n;
    count_trip(from);
    return n;
}

static void begin_trip(struct fh_pipe *p)
{
    for (int i = 0; i < 2; i++) {
        p->end[i].trip_left = p->end[i].s.broken ? 0 : p->end[i].sent.len;
        p->end[i].in_trip = false;
    }
    p->trip_counted = false;
}

/* The end of a side arrives behind its last byte. */
static bool pass_ends(struct fh_pipe *p)
{
    bool any = false;

    for (int i = 0; i < 2; i++) {
        struct end *e = &p->end[i], *to = peer_of(e);

        if (e->s.shut && e->sent.len == 0 && !to->over) {
            hang_up(to, 0);
            any = true;
        }
    }
    return any;
}

static size_t step(struct fh_pipe *p, size_t max, bool *any)
{
    size_t n;

    *any = true;
    for (int i = 0; i < 2; i++)
        if (deliver(&p->end[i]))
            return 0;
    if (p->end[0].trip_left == 0 && p->end[1].trip_left == 0)
        begin_trip(p);
    for (int i = 0; i < 2; i++)
        if ((n = cross(&p->end[i], max)) > 0)
            return n;
    *any = pass_ends(p);
    return 0;
}

int fh_pipe_step(struct fh_pipe *p, size_t max_bytes)
{
    bool any;
    size_t n;

    assert(!p->running);
    p->running = true;
    do {
        n = step(p, max_bytes, &any);
    } while (n == 0 && any);
    /* What crossed is given to its owner in the same call. */
    for (int i = 0; n > 0 && i < 2; i++)
        (void)deliver(&p->end[i]);
    p->running = false;
    return n > 0;
}

uint64_t fh_pipe_run(struct fh_pipe *p)
{
    uint64_t sum = 0;
    size_t n;
    bool any;

    assert(!p->running);
    p->running = true;
    do {
        n = step(p, SIZE_MAX, &any);
        sum += n;
    } while (any);
    p->running = false;
    return sum;
}

uint64_t fh_pipe_trips(const struct fh_pipe *p)
{
    return p->trips;
}

uint64_t fh_pipe_flights(const struct fh_pipe *p, int from)
{
    assert(from == 0 || from == 1);
    return p->end[from].flights;
}

size_t fh_pipe_inject(struct fh_pipe *p, int from, const uint8_t *data, size_t len)
{
    struct end *to = &p->end[from == 0];
    size_t room = 2 * p->cfg.buffer_len - to->arrived_len;

    if (to->s.closing || to->over)
        return 0;
    if (len > room)
        len = room;
    if (len > 0)
        memcpy(to->arrived + to->arrived_len, data, len);
    to->arrived_len += len;
    return len;
}

void fh_pipe_cut(struct fh_pipe *p)
{
    for (int i = 0; i < 2; i++) {
        struct end *e = &p->end[i];

        ring_drop(&e->sent, e->sent.len);
        e->trip_left = 0;
        e->arrived_len = 0;
        e->s.broken = FH_TRANSPORT_E_RESET;
        hang_up(e, FH_TRANSPORT_E_RESET);
    }
}
