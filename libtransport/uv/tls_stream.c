/* SPDX-License-Identifier: MIT */
/* The stream of what is inside: back-pressure, the ends, closing. The handshake is in tls_start.c.
 */
#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>

#include "tls_stream.h"

static void on_soon(uv_idle_t *idle)
{
    struct fh__tls *t = idle->data;

    uv_idle_stop(idle);
    if (!t->s.closing)
        fh__tls_run(t);
}

void fh__tls_run_soon(struct fh__tls *t)
{
    if (!t->s.closing)
        uv_idle_start(&t->soon, on_soon);
}

/* ---- ciphertext to the stream below -----------------------------------------------------------
 */

static int hold(struct fh__tls *t, const uint8_t *data, size_t len)
{
    size_t cap = t->held_cap ? t->held_cap : 4096;
    uint8_t *bigger;

    if (t->held_at + t->held_len + len > t->held_cap) {
        if (t->held_len > 0)
            memmove(t->held, t->held + t->held_at, t->held_len);
        t->held_at = 0;
    }
    if (t->held_len + len > FH__TLS_HELD)
        return FH_TRANSPORT_E_PROTO; /* it makes us answer and does not read the answers */
    while (cap < t->held_len + len)
        cap *= 2;
    if (cap > t->held_cap) {
        bigger = realloc(t->held, cap);
        if (!bigger)
            return FH_TRANSPORT_E_RESOURCES;
        t->held = bigger;
        t->held_cap = cap;
    }
    memcpy(t->held + t->held_at + t->held_len, data, len);
    t->held_len += len;
    return 0;
}

int fh__tls_flush(struct fh__tls *t)
{
    int n = 0;

    while (t->held_len > 0 && n >= 0) {
        n = fh_stream_write(t->below, t->held + t->held_at, t->held_len);
        if (n <= 0)
            break;
        t->held_at += (size_t)n;
        t->held_len -= (size_t)n;
    }
    if (t->held_len == 0) {
        free(t->held);
        t->held = NULL;
        t->held_at = t->held_cap = 0;
    }
    return n < 0 ? n : 0;
}

int fh__tls_bio_send(void *user, const unsigned char *data, size_t len)
{
    struct fh__tls *t = user;
    int n = 0;

    if (!t->send_error && t->held_len == 0 && !t->batching) {
        n = fh_stream_write(t->below, data, len);
        if (n < 0)
            t->send_error = n;
    }
    if (!t->send_error && (size_t)n < len)
        t->send_error = hold(t, data + n, len - (size_t)n);
    return t->send_error ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)len;
}

int fh__tls_bio_recv(void *user, unsigned char *out, size_t len)
{
    struct fh__tls *t = user;
    size_t n = len < t->in_len ? len : t->in_len;

    if (n == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(out, t->in, n);
    fh__tls_hello_input(&t->hello, t->in, n);
    t->in += n;
    t->in_len -= n;
    return (int)n;
}

/* ---- plain bytes to the owner -----------------------------------------------------------------
 */

void fh__tls_end(struct fh__tls *t, int error)
{
    if (t->over)
        return;
    t->over = true;
    t->over_error = error;
}

/* The end is told behind the last byte. */
static void tell_end(struct fh__tls *t)
{
    if (t->over && t->rest_len == 0 && fh_stream_impl_wants_data(&t->s))
        fh_stream_emit_end(&t->s, t->over_error);
}

bool fh__tls_give(struct fh__tls *t, const uint8_t *data, size_t len)
{
    size_t taken = fh_stream_emit_data(&t->s, data, len);

    if (taken == len || t->s.closing)
        return true;
    t->rest = malloc(len - taken);
    if (!t->rest)
        return false;
    memcpy(t->rest, data + taken, len - taken);
    t->rest_at = 0;
    t->rest_len = len - taken;
    return true;
}

static void drop_rest(struct fh__tls *t)
{
    if (t->rest)
        fh_wipe(t->rest, t->rest_at + t->rest_len);
    free(t->rest);
    t->rest = NULL;
    t->rest_at = t->rest_len = 0;
}

static void give_rest(struct fh__tls *t)
{
    size_t taken;

    if (t->rest_len == 0 || !fh_stream_impl_wants_data(&t->s))
        return;
    taken = fh_stream_emit_data(&t->s, t->rest + t->rest_at, t->rest_len);
    if (t->s.closing)
        return;
    t->rest_at += taken;
    t->rest_len -= taken;
    if (t->rest_len == 0)
        drop_rest(t);
}

/* Of the last fragment, what there is; false when the reading is over for now. */
static bool read_some(struct fh__tls *t)
{
    uint8_t plain[FH__TLS_PLAIN];
    size_t before = t->in_len;
    const char *text;
    int n = mbedtls_ssl_read(&t->ssl, plain, sizeof plain);

    if (n > 0) {
        if (!fh__tls_give(t, plain, (size_t)n))
            fh__tls_end(t, FH_TRANSPORT_E_RESOURCES);
        fh_wipe(plain, (size_t)n);
        return true;
    }
    if (n == MBEDTLS_ERR_SSL_WANT_READ && t->in_len == 0)
        return false;
    /* It took a record that was not for us, as a refused renegotiation. */
    if (n == MBEDTLS_ERR_SSL_WANT_READ && t->in_len < before)
        return true;
    if (n == 0 || n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        fh__tls_end(t, 0);
    else
        fh__tls_end(t, fh__tls_error(t, n, &text));
    return false;
}

/* All of t->in, as long as the owner takes what comes out of it. */
static void read_all(struct fh__tls *t)
{
    while (!t->over && t->rest_len == 0 && fh_stream_impl_wants_data(&t->s)) {
        int ret = 0;

        if (t->records.is_on) {
            if (!fh__tls_records_read(t))
                break;
            continue;
        }
        ret = fh__tls_unpark(t);
        if (ret != 0)
            fh__tls_end(t, ret);
        else if (!read_some(t))
            break;
    }
    if (t->s.closing)
        return;
    if (t->over && t->over_error)
        (void)fh__tls_flush(t); /* an alert may stand there */
    else if (!t->records.is_on)
        fh__tls_park(t);
    tell_end(t);
}

/* ---- the stream below -------------------------------------------------------------------------
 */

static void close_below(struct fh__tls *t);

void fh__tls_run(struct fh__tls *t)
{
    if (t->phase != FH__TLS_OPEN) {
        fh__tls_handshake(t);
    } else if (t->s.broken && !t->s.ended) {
        fh_stream_emit_end(&t->s, t->s.broken);
    } else {
        give_rest(t);
        if (!t->s.closing)
            read_all(t);
    }
    if (!t->s.closing && (t->phase == FH__TLS_HANDSHAKE || fh_stream_impl_wants_data(&t->s)))
        fh_stream_resume(t->below);
}

static size_t below_data(void *user, const uint8_t *data, size_t len)
{
    struct fh__tls *t = user;
    size_t taken;

    /* Read and dropped, so that the end below can come. */
    if (t->s.closing || t->over || t->phase == FH__TLS_FAILED)
        return len;
    t->in = data;
    t->in_len = len;
    if (t->phase != FH__TLS_OPEN)
        fh__tls_handshake(t);
    if (t->phase == FH__TLS_OPEN && !t->s.closing)
        read_all(t);
    taken = t->s.closing || t->over ? len : len - t->in_len;
    t->in = NULL;
    t->in_len = 0;
    return taken;
}

/* Our last word, once there is nothing before it. */
static void say_goodbye(struct fh__tls *t)
{
    if (t->held_len > 0 || t->s.broken || !t->s.shut)
        return;
    if (!t->notify_sent && t->records.is_on) {
        t->notify_sent = true;
        fh__tls_records_goodbye(t);
    } else if (!t->notify_sent && fh__tls_unpark(t) == 0) {
        t->notify_sent = true;
        (void)mbedtls_ssl_close_notify(&t->ssl);
        fh__tls_park(t);
    }
    if (t->held_len == 0 && !t->below_shut) {
        t->below_shut = true;
        fh_stream_shutdown(t->below);
    }
}

static void below_writable(void *user)
{
    struct fh__tls *t = user;
    int ret = t->below_closing ? 0 : fh__tls_flush(t);

    if (t->below_closing || ret < 0 || t->held_len > 0)
        return;
    say_goodbye(t);
    if (t->s.closing && t->held_len == 0)
        close_below(t);
    else if (t->held_len == 0)
        fh_stream_emit_writable(&t->s);
}

static void below_end(void *user, int error)
{
    struct fh__tls *t = user;

    t->below_over = true;
    if (t->s.closing) {
        if (error)
            close_below(t);
        return;
    }
    if (t->phase != FH__TLS_OPEN) {
        fh__tls_fail(t, error ? error : FH_TRANSPORT_E_RESET,
                     error ? fh_transport_strerror(error) : "the peer went in mid-handshake");
        return;
    }
    /* Cut in both directions: at once. An end without close_notify: behind what is left. */
    if (error && (!t->over || t->s.wants_room)) {
        fh__tls_end(t, error);
        fh_stream_emit_end(&t->s, error);
        return;
    }
    fh__tls_end(t, FH_TRANSPORT_E_RESET);
    tell_end(t);
}

static const struct fh_stream_events below_events = {
    .data = below_data, .writable = below_writable, .end = below_end};

void fh__tls_attach_below(struct fh__tls *t)
{
    fh_stream_attach(t->below, &below_events, t);
}

/* ---- the table --------------------------------------------------------------------------------
 */

static void tls_start(struct fh_stream *s)
{
    fh__tls_run_soon((struct fh__tls *)s);
}

static int tls_write(struct fh_stream *s, const uint8_t *data, size_t len)
{
    struct fh__tls *t = (struct fh__tls *)s;
    size_t taken = 0;
    const char *text;
    int n = 0;

    if (t->records.is_on) {
        n = t->held_len > 0 ? 0 : fh__tls_records_write(t, data, len);
        if (n < 0)
            fh__tls_run_soon(t);
        return n;
    }
    n = t->held_len > 0 ? 0 : fh__tls_unpark(t);
    while (n >= 0 && taken < len && t->held_len == 0) {
        n = mbedtls_ssl_write(&t->ssl, data + taken, len - taken);
        if (n > 0)
            taken += (size_t)n;
        else
            n = fh__tls_error(t, n, &text);
    }
    if (n < 0) {
        fh__tls_run_soon(t);
        return n;
    }
    fh__tls_park(t);
    return (int)taken;
}

static void tls_shutdown(struct fh_stream *s)
{
    say_goodbye((struct fh__tls *)s);
}

static void finish(struct fh__tls *t)
{
    if (--t->open_handles > 0)
        return;
    fh_stream_impl_closed(&t->s);
    mbedtls_ssl_free(&t->ssl);
    fh__tls_records_finish(&t->records);
    fh__tls_credentials_unref(t->credentials);
    fh__tls_context_unref(t->ctx);
    drop_rest(t);
    free(t->held);
    free(t->name);
    fh_wipe(t, sizeof *t);
    free(t);
}

static void on_handle_closed(uv_handle_t *handle)
{
    finish(handle->data);
}

static void on_below_closed(void *user)
{
    finish(user);
}

static void close_below(struct fh__tls *t)
{
    if (t->below_closing)
        return;
    t->below_closing = true;
    fh_stream_close(t->below, on_below_closed, t);
    uv_close((uv_handle_t *)&t->timer, on_handle_closed);
    uv_close((uv_handle_t *)&t->soon, on_handle_closed);
}

static void on_linger(uv_timer_t *timer)
{
    close_below(timer->data);
}

void fh__tls_abandon(struct fh__tls *t)
{
    t->s.closing = true;
    close_below(t);
}

/* A shutdown before waits for the stream below to have taken it all; there it goes on waiting. */
static void tls_close(struct fh_stream *s)
{
    struct fh__tls *t = (struct fh__tls *)s;

    uv_idle_stop(&t->soon);
    uv_timer_stop(&t->timer);
    drop_rest(t);
    if (!s->shut || s->broken || t->held_len == 0) {
        close_below(t);
        return;
    }
    uv_timer_start(&t->timer, on_linger, t->linger_ms, 0);
    fh_stream_resume(t->below);
}

static size_t tls_queued(const struct fh_stream *s)
{
    const struct fh__tls *t = (const struct fh__tls *)s;
    struct fh_stream_counters below;

    if (t->below_closing)
        return 0;
    fh_stream_counters(t->below, &below);
    return t->held_len + (size_t)below.queued;
}

static const struct fh_stream_ops tls_ops = {
    .start = tls_start,
    .write = tls_write,
    .shutdown = tls_shutdown,
    .close = tls_close,
    .queued = tls_queued,
};

void fh__tls_stream_init(struct fh__tls *t)
{
    struct fh_address peer;

    fh_stream_address(t->below, &peer);
    fh_stream_impl_init(&t->s, FH_STREAM_TLS, &tls_ops, &peer);
}

bool fh__tls_is(const struct fh_stream *s)
{
    return s->ops == &tls_ops;
}
