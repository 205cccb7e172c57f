/* SPDX-License-Identifier: MIT */
/* A stream over a connected TCP or unix socket. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/stream_impl.h>

#include "internal.h"
#include "ring.h"

enum {
    DEFAULT_QUEUE = 256 << 10,
    MAX_QUEUE = 1 << 30,
    DEFAULT_USER_TIMEOUT_MS = 30000,
    DEFAULT_LINGER_MS = 5000
};

struct tcp {
    struct fh_stream s; /* first: a stream is cast to its socket */
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } h;
    uv_timer_t linger;
    uv_idle_t soon; /* runs once, to do from the loop what a call of the owner asked for */
    int open_handles;
    uv_write_t write_req;
    uv_shutdown_t shutdown_req;
    bool reading, writing, shutdown_sent;
    bool lingering; /* closing, and waiting for the last bytes to go and for the peer's end */
    uint32_t linger_ms;
    bool peer_ended;      /* the end was read, and is told once the buffer is empty */
    struct ring queue;    /* has memory only while there is something in it */
    size_t write_len;     /* how much of queue is with libuv */
    size_t in_at, in_len; /* what the owner has not taken of rest */
    uint8_t *rest;
};

/* Between libuv's asking for memory and its telling what it put there nothing else is read. */
static _Thread_local uint8_t arrived[FH_TCP_READ_LEN];

bool fh__tcp_options_are_valid(const struct fh_tcp_options *options)
{
    return options->queue_len <= MAX_QUEUE && options->user_timeout_ms <= INT32_MAX &&
           options->linger_ms <= INT32_MAX && options->keepalive_s <= 32767;
}

static void on_soon(uv_idle_t *idle);
static void close_now(struct tcp *t);

/* Ends the lingering when there is nothing left to wait for. */
static void leave(struct tcp *t)
{
    if (t->lingering && t->peer_ended && (t->s.broken || (t->queue.len == 0 && !t->writing)))
        close_now(t);
}

static void run_soon(struct tcp *t)
{
    if (!t->s.closing)
        uv_idle_start(&t->soon, on_soon);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init((char *)arrived, sizeof arrived);
}

static void stop_reading(struct tcp *t)
{
    if (t->reading)
        uv_read_stop(&t->h.stream);
    t->reading = false;
}

/* Gives the owner what was kept. False: stop, he wants no more or there is no owner. */
static bool give_rest(struct tcp *t)
{
    if (t->in_len > 0 && fh_stream_impl_wants_data(&t->s)) {
        size_t len = t->in_len, taken = fh_stream_emit_data(&t->s, t->rest + t->in_at, len);

        if (t->s.closing)
            return false;
        t->in_at += taken;
        t->in_len -= taken;
        if (t->in_len == 0) {
            free(t->rest);
            t->rest = NULL;
        }
        /* If it was resumed inside, it goes on in the loop's next round. */
        if (taken < len)
            return false;
    }
    return fh_stream_impl_wants_data(&t->s);
}

/* Gives the owner what arrived, and keeps what he does not take. False: stop reading. */
static bool give(struct tcp *t, const uint8_t *data, size_t len)
{
    size_t taken = fh_stream_emit_data(&t->s, data, len);

    if (taken == len || t->s.closing)
        return fh_stream_impl_wants_data(&t->s);
    t->rest = malloc(len - taken);
    if (!t->rest) {
        t->peer_ended = true;
        fh_stream_emit_end(&t->s, FH_TRANSPORT_E_RESOURCES);
        return false;
    }
    memcpy(t->rest, data + taken, len - taken);
    t->in_at = 0;
    t->in_len = len - taken;
    return false;
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct tcp *t = stream->data;

    (void)buf;
    if (nread == 0)
        return;
    if (nread < 0) {
        stop_reading(t);
        t->peer_ended = true;
        fh_stream_emit_end(&t->s, nread == UV_EOF ? 0 : fh__tcp_error((int)-nread));
        leave(t);
        return;
    }
    /* Read and dropped: closing with unread bytes would reset what the peer has not read yet. */
    if (t->lingering)
        return;
    /* Closed politely from inside data(): it lingers, and reads on for the peer's end. */
    if (!give(t, arrived, (size_t)nread) && !t->lingering)
        stop_reading(t);
}

static void start_reading(struct tcp *t)
{
    int err;

    if (t->reading || t->peer_ended)
        return;
    err = uv_read_start(&t->h.stream, on_alloc, on_read);
    if (err) {
        t->peer_ended = true;
        fh_stream_emit_end(&t->s, fh__tcp_error(-err));
        return;
    }
    t->reading = true;
}

static void on_soon(uv_idle_t *idle)
{
    struct tcp *t = idle->data;

    uv_idle_stop(idle);
    if (t->s.broken && !t->s.ended && !t->s.closing) {
        stop_reading(t);
        t->peer_ended = true;
        fh_stream_emit_end(&t->s, t->s.broken);
        return;
    }
    if (give_rest(t))
        start_reading(t);
}

static void send_more(struct tcp *t);

static void drop_queue(struct tcp *t)
{
    free(t->queue.mem);
    t->queue = (struct ring){.cap = t->queue.cap};
}

static void on_write(uv_write_t *req, int status)
{
    struct tcp *t = req->data;

    t->writing = false;
    if (t->s.closing && !t->lingering)
        return;
    if (status < 0) {
        ring_drop(&t->queue, t->queue.len);
        stop_reading(t);
        t->peer_ended = true;
        fh_stream_emit_end(&t->s, fh__tcp_error(-status));
        leave(t);
        return;
    }
    ring_drop(&t->queue, t->write_len);
    send_more(t);
    if (t->queue.len == 0)
        drop_queue(t);
    leave(t);
    if (t->queue.len <= t->queue.cap / 2)
        fh_stream_emit_writable(&t->s);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    /* A failure shows when reading or not at all: our side has ended either way. */
    (void)req;
    (void)status;
}

/* The queue's next piece goes to libuv; after the last one, the end of our side. */
static void send_more(struct tcp *t)
{
    const uint8_t *front;
    uv_buf_t buf;
    int err;

    if (t->writing)
        return;
    if (t->queue.len == 0) {
        if (t->s.shut && !t->shutdown_sent) {
            t->shutdown_sent = true;
            uv_shutdown(&t->shutdown_req, &t->h.stream, on_shutdown);
        }
        return;
    }
    front = ring_front(&t->queue, &t->write_len);
    if (t->write_len > FH_TCP_WRITE_LEN)
        t->write_len = FH_TCP_WRITE_LEN;
    /* libuv only reads from the buffer, whose type has no const. */
    buf.base = (char *)(uintptr_t)front;
    buf.len = t->write_len;
    err = uv_write(&t->write_req, &t->h.stream, &buf, 1, on_write);
    if (err) {
        t->s.broken = fh__tcp_error(-err);
        run_soon(t);
        return;
    }
    t->writing = true;
}

static void tcp_start(struct fh_stream *s)
{
    run_soon((struct tcp *)s);
}

static int tcp_write(struct fh_stream *s, const uint8_t *data, size_t len)
{
    struct tcp *t = (struct tcp *)s;
    size_t sent = 0;

    if (t->queue.len == 0 && !t->writing) {
        uv_buf_t buf = {.base = (char *)(uintptr_t)data, .len = len};
        int n = uv_try_write(&t->h.stream, &buf, 1);

        if (n < 0 && n != UV_EAGAIN) {
            run_soon(t);
            return fh__tcp_error(-n);
        }
        sent = n > 0 ? (size_t)n : 0;
    }
    if (sent == len)
        return (int)sent;
    if (!t->queue.mem)
        t->queue.mem = malloc(t->queue.cap);
    if (!t->queue.mem) {
        run_soon(t);
        return FH_TRANSPORT_E_RESOURCES;
    }
    sent += ring_put(&t->queue, data + sent, len - sent);
    send_more(t);
    return (int)sent;
}

static void tcp_shutdown(struct fh_stream *s)
{
    send_more((struct tcp *)s);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct tcp *t = handle->data;

    if (--t->open_handles > 0)
        return;
    fh_stream_impl_closed(&t->s);
    free(t->queue.mem);
    free(t->rest);
    free(t);
}

static void close_now(struct tcp *t)
{
    t->lingering = false;
    uv_close((uv_handle_t *)&t->h.stream, on_handle_closed);
    uv_close((uv_handle_t *)&t->soon, on_handle_closed);
    uv_close((uv_handle_t *)&t->linger, on_handle_closed);
}

static void on_linger(uv_timer_t *timer)
{
    struct tcp *t = timer->data;

    if (t->lingering)
        close_now(t);
}

static void tcp_close(struct fh_stream *s)
{
    struct tcp *t = (struct tcp *)s;

    if (!s->shut || s->broken || (t->peer_ended && t->queue.len == 0)) {
        close_now(t);
        return;
    }
    t->lingering = true;
    t->in_len = 0;
    uv_timer_start(&t->linger, on_linger, t->linger_ms, 0);
    start_reading(t);
}

static size_t tcp_queued(const struct fh_stream *s)
{
    return ((const struct tcp *)s)->queue.len;
}

static const struct fh_stream_ops tcp_ops = {
    .start = tcp_start,
    .write = tcp_write,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
    .queued = tcp_queued,
};

/* What a kernel lacks of these is done without. */
static void tune(int fd, const struct fh_tcp_options *options)
{
    int on = 1, keepalive_s = options->keepalive_s ? (int)options->keepalive_s : 60;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef TCP_KEEPIDLE
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_s, sizeof keepalive_s);
#else
    (void)keepalive_s;
#endif
#ifdef TCP_USER_TIMEOUT
    unsigned timeout =
        options->user_timeout_ms ? options->user_timeout_ms : DEFAULT_USER_TIMEOUT_MS;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
#endif
}

int fh__tcp_stream_new(uv_loop_t *loop, int fd, enum fh_stream_kind kind,
                       const struct fh_address *peer, const struct fh_tcp_options *options,
                       struct fh_stream **out)
{
    size_t queue_len = options->queue_len ? options->queue_len : DEFAULT_QUEUE;
    struct tcp *t = calloc(1, sizeof *t);
    int err;

    if (!t) {
        close(fd);
        return FH_TRANSPORT_E_RESOURCES;
    }
    fh_stream_impl_init(&t->s, kind, &tcp_ops, peer);
    t->queue = (struct ring){.cap = queue_len};
    if (kind == FH_STREAM_TCP)
        err = uv_tcp_init(loop, &t->h.tcp);
    else
        err = uv_pipe_init(loop, &t->h.pipe, 0);
    if (err) {
        close(fd);
        free(t);
        return fh__tcp_error(-err);
    }
    uv_idle_init(loop, &t->soon);
    uv_timer_init(loop, &t->linger);
    t->linger_ms = options->linger_ms ? options->linger_ms : DEFAULT_LINGER_MS;
    t->open_handles = 3;
    t->h.stream.data = t->soon.data = t->linger.data = t->write_req.data = t;
    if (kind == FH_STREAM_TCP)
        err = uv_tcp_open(&t->h.tcp, fd);
    else
        err = uv_pipe_open(&t->h.pipe, fd);
    if (err) {
        close(fd);
        fh_stream_close(&t->s, NULL, NULL);
        return fh__tcp_error(-err);
    }
    if (kind == FH_STREAM_TCP)
        tune(fd, options);
    *out = &t->s;
    return 0;
}

int fh_tcp_open(uv_loop_t *loop, int fd, const struct fh_address *peer,
                const struct fh_tcp_options *options, struct fh_stream **out)
{
    static const struct fh_tcp_options defaults;
    bool is_ip = peer->family == FH_ADDRESS_IPV4 || peer->family == FH_ADDRESS_IPV6;
    int err;

    options = options ? options : &defaults;
    if ((!is_ip && peer->family != FH_ADDRESS_UNIX) || !fh__tcp_options_are_valid(options)) {
        close(fd);
        return FH_TRANSPORT_E_INVAL;
    }
    err = fh__tcp_adopt(fd);
    if (err) {
        close(fd);
        return fh__tcp_error(-err);
    }
    return fh__tcp_stream_new(loop, fd, is_ip ? FH_STREAM_TCP : FH_STREAM_UNIX, peer, options, out);
}
