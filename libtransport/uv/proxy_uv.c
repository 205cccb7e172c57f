/* SPDX-License-Identifier: MIT */
#include <farhand/proxy_uv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/identity.h>
#include <farhand/stream_impl.h>

enum { DEFAULT_TIMEOUT_MS = 30000 };

struct fh_proxy_connecting {
    uv_timer_t timer; /* the limit; or at once, to cancel from the loop */
    struct fh_tcp_connecting *tcp;
    struct fh_stream *s;
    struct fh_proxy_talk talk;
    void (*done)(void *user, struct fh_stream *s, int error, const char *text);
    void *user;
    bool ended, cancelled, handle_closed, waits_for_tcp;
};

static void release(struct fh_proxy_connecting *c)
{
    if (!c->handle_closed || c->waits_for_tcp)
        return;
    fh_wipe(c, sizeof *c);
    free(c);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct fh_proxy_connecting *c = handle->data;

    c->handle_closed = true;
    release(c);
}

/* Once. error 0: s goes to the user, with what it still holds. */
static void end(struct fh_proxy_connecting *c, int error, const char *text)
{
    struct fh_stream *s = c->s;

    if (c->ended)
        return;
    c->ended = true;
    c->s = NULL;
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    if (c->waits_for_tcp)
        fh_tcp_connect_cancel(c->tcp);
    if (error && s) {
        fh_stream_close(s, NULL, NULL);
        s = NULL;
    }
    c->done(c->user, s, error, text);
}

static void fail(struct fh_proxy_connecting *c, int error)
{
    char text[FH_TCP_WHY];
    int status = fh_proxy_talk_status(&c->talk);

    if (status > 0)
        (void)snprintf(text, sizeof text, "the proxy said %d: %s", status,
                       fh_transport_strerror(error));
    else
        (void)snprintf(text, sizeof text, "the proxy: %s", fh_transport_strerror(error));
    end(c, error, text);
}

/* A few hundred bytes: a stream that has no room for them so early is not waited for. */
static int send_all(struct fh_proxy_connecting *c)
{
    size_t len;
    const uint8_t *out = fh_proxy_talk_out(&c->talk, &len);
    int n = out ? fh_stream_write(c->s, out, len) : 0;

    if (n < 0)
        return n;
    fh_proxy_talk_out_done(&c->talk, (size_t)n);
    return 0;
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct fh_proxy_connecting *c = user;
    size_t used = 0, all = 0;
    int ret = FH_PROXY_MORE;

    if (c->ended)
        return len;
    while (ret == FH_PROXY_MORE && all < len) {
        ret = fh_proxy_talk_in(&c->talk, data + all, len - all, &used);
        all += used;
        if (ret == FH_PROXY_MORE) {
            int error = send_all(c);

            ret = error < 0 ? error : ret;
        }
    }
    if (ret < 0)
        fail(c, ret);
    else if (ret == FH_PROXY_OPEN)
        end(c, 0, "");
    return all;
}

static void on_writable(void *user)
{
    struct fh_proxy_connecting *c = user;
    int error = c->ended ? 0 : send_all(c);

    if (error < 0)
        fail(c, error);
}

static void on_end(void *user, int error)
{
    struct fh_proxy_connecting *c = user;

    if (!c->ended)
        fail(c, error ? error : FH_TRANSPORT_E_RESET);
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void begin(struct fh_proxy_connecting *c, struct fh_stream *s)
{
    int error;

    c->s = s;
    fh_stream_attach(s, &events, c);
    error = send_all(c);
    if (error < 0)
        fail(c, error);
}

static void on_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    struct fh_proxy_connecting *c = user;

    c->waits_for_tcp = false;
    if (c->ended) {
        if (s)
            fh_stream_close(s, NULL, NULL);
        release(c);
        return;
    }
    if (error)
        end(c, error, text);
    else
        begin(c, s);
}

static void on_timer(uv_timer_t *timer)
{
    struct fh_proxy_connecting *c = timer->data;

    if (c->cancelled)
        end(c, FH_TRANSPORT_E_CANCELLED, fh_transport_strerror(FH_TRANSPORT_E_CANCELLED));
    else
        fail(c, FH_TRANSPORT_E_TIMEOUT);
}

static int make(uv_loop_t *loop, const struct fh_proxy *p, const char *host, uint16_t port,
                const struct fh_proxy_connect_config *cfg, struct fh_proxy_connecting **out)
{
    struct fh_proxy_connecting *c;
    int ret;

    if (!cfg->done || cfg->timeout_ms > INT32_MAX)
        return FH_TRANSPORT_E_INVAL;
    c = calloc(1, sizeof *c);
    if (!c)
        return FH_TRANSPORT_E_RESOURCES;
    ret = fh_proxy_talk_init(&c->talk, p, host, port);
    if (ret != 0) {
        fh_wipe(c, sizeof *c);
        free(c);
        return ret;
    }
    c->done = cfg->done;
    c->user = cfg->user;
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    uv_timer_start(&c->timer, on_timer, cfg->timeout_ms ? cfg->timeout_ms : DEFAULT_TIMEOUT_MS, 0);
    *out = c;
    return 0;
}

int fh_proxy_connect(uv_loop_t *loop, const struct fh_proxy *p, const char *host, uint16_t port,
                     const struct fh_proxy_connect_config *cfg, struct fh_proxy_connecting **out)
{
    struct fh_tcp_connect_config tcp = {
        .timeout_ms = cfg->timeout_ms, .options = cfg->options, .done = on_connected};
    struct fh_proxy_connecting *c;
    int ret = make(loop, p, host, port, cfg, &c);

    if (ret != 0)
        return ret;
    tcp.user = c;
    ret = fh_tcp_connect(loop, &p->server, &tcp, &c->tcp);
    if (ret != 0) {
        c->ended = true;
        uv_close((uv_handle_t *)&c->timer, on_timer_closed);
        return ret;
    }
    c->waits_for_tcp = true;
    if (out)
        *out = c;
    return 0;
}

int fh_proxy_start(uv_loop_t *loop, const struct fh_proxy *p, const char *host, uint16_t port,
                   const struct fh_proxy_connect_config *cfg, struct fh_stream *to_proxy,
                   struct fh_proxy_connecting **out)
{
    struct fh_proxy_connecting *c;
    int ret = make(loop, p, host, port, cfg, &c);

    if (ret != 0) {
        fh_stream_close(to_proxy, NULL, NULL);
        return ret;
    }
    c->s = to_proxy;
    fh_stream_attach(to_proxy, &events, c);
    /* An error of it comes as the stream's end, from the loop. */
    (void)send_all(c);
    if (out)
        *out = c;
    return 0;
}

void fh_proxy_connect_cancel(struct fh_proxy_connecting *c)
{
    if (c->ended)
        return;
    c->cancelled = true;
    uv_timer_start(&c->timer, on_timer, 0, 0);
}
