/* SPDX-License-Identifier: MIT */
/*
 * cloud_app.h -- a client of a cloud for tests: the real machine (<farhand/cloud_client.h>) on real
 * TLS, and what it was told.
 */
#ifndef FH_TESTS_CLOUD_APP_H
#define FH_TESTS_CLOUD_APP_H

#include <time.h>

#include <uv.h>

#include <farhand/cloud_client.h>
#include <farhand/tcp.h>
#include <farhand/tls_uv.h>

#include "../../../libcloud-client/tests/cloud_support.h"

enum { APP_EVENTS = 64 };

struct app {
    uv_loop_t *loop;
    uv_timer_t timer;
    struct endpoint *who;
    struct fh_cloud_client *core;
    struct fh_tls_context *tls;
    struct fh_tls_session *session;
    struct fh_stream *stream;
    char name[FH_CLOUD_HOST_TEXT];
    bool wants_dial, is_dialling; /* the first: what is dialled is still of use */
    unsigned dials;
    uint16_t port; /* of 127.0.0.1, whatever the node is called */
    /* What happened, oldest first. */
    enum fh_cloud_event_type events[APP_EVENTS];
    size_t n_events;
    uint32_t conn;
    int offline_error, end_error;
    uint64_t retry_ms;
    uint8_t roles;
    bool is_online, accepts, watched_online;
    struct fh_cloud_peer peer;
    uint8_t cloud_secret[32], packet_secret[32], ticket[FH_BROKER_TICKET_MAX];
    size_t ticket_len, relays;
    char signal[256];
    uint8_t statement[FH_CLOUD_STATEMENT_MAX];
};

static void app_pump(struct app *a);

static inline void app_random(void *user, void *out, size_t len)
{
    (void)user;
    randombytes_buf(out, len);
}

static inline uint64_t app_utc(void *user)
{
    struct timespec ts;

    (void)user;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- the stream ---- */

static size_t app_data(void *user, const uint8_t *data, size_t len)
{
    struct app *a = user;
    size_t took = 0, n = 1;

    while (took < len && n > 0) {
        n = fh_cloud_client_input(a->core, uv_now(a->loop), data + took, len - took);
        took += n;
        app_pump(a);
        if (!a->stream)
            return len;
    }
    return took;
}

static void app_writable(void *user)
{
    app_pump(user);
}

static void app_end(void *user, int error)
{
    struct app *a = user;

    (void)error;
    fh_stream_close(a->stream, NULL, NULL);
    a->stream = NULL;
    fh_cloud_client_lost(a->core, uv_now(a->loop), FH_CLOUD_E_RESET);
    app_pump(a);
}

static const struct fh_stream_events app_stream = {app_data, app_writable, app_end};

/* ---- dialling ---- */

static void app_secured(void *user, struct fh_stream *s, int error, const char *text)
{
    struct app *a = user;
    uint8_t binding[FH_CLOUD_BINDING_LEN];

    (void)error;
    (void)text;
    a->is_dialling = false;
    if (s && !a->wants_dial) {
        fh_stream_close(s, NULL, NULL);
    } else if (s) {
        ck_assert_int_eq(fh_tls_exporter(s, FH_CLOUD_EXPORTER, NULL, 0, binding, sizeof binding),
                         0);
        a->stream = s;
        fh_stream_attach(s, &app_stream, a);
        fh_cloud_client_connected(a->core, uv_now(a->loop), binding);
    } else if (a->wants_dial) {
        fh_cloud_client_lost(a->core, uv_now(a->loop), FH_CLOUD_E_RESET);
    }
    app_pump(a);
}

static void app_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    struct app *a = user;
    struct fh_tls_start_config cfg = {
        .name = a->name, .session = a->session, .done = app_secured, .user = a};

    (void)error;
    (void)text;
    if (s)
        ck_assert_int_eq(fh_tls_start(a->loop, a->tls, s, &cfg, NULL), 0);
    else
        app_secured(a, NULL, FH_CLOUD_E_RESET, "");
}

static void app_dial(struct app *a, const char *name)
{
    struct fh_target to = {.kind = FH_TARGET_IP,
                           .address = {.family = FH_ADDRESS_IPV4, .ip = {127, 0, 0, 1}}};
    struct fh_tcp_connect_config cfg = {.done = app_connected, .user = a};

    to.port = to.address.port = a->port;
    snprintf(a->name, sizeof a->name, "%s", name);
    a->dials++;
    a->wants_dial = a->is_dialling = true;
    ck_assert_int_eq(fh_tcp_connect(a->loop, &to, &cfg, NULL), 0);
}

static void app_hang_up(struct app *a)
{
    a->wants_dial = false;
    if (!a->stream)
        return;
    fh_stream_shutdown(a->stream);
    fh_stream_close(a->stream, NULL, NULL);
    a->stream = NULL;
}

/* ---- the machine ---- */

static void app_keep_grant(struct app *a, const struct fh_broker_grant *g, bool is_first)
{
    if (is_first) {
        memcpy(a->cloud_secret, g->cloud_secret, sizeof a->cloud_secret);
        memcpy(a->packet_secret, g->packet_secret, sizeof a->packet_secret);
    }
    memcpy(a->ticket, g->ticket.p, g->ticket.len);
    a->ticket_len = g->ticket.len;
    a->relays = g->relays_len;
}

static void app_handle(struct app *a, const struct fh_cloud_client_event *ev)
{
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len = 0;

    ck_assert_uint_lt(a->n_events, APP_EVENTS);
    a->events[a->n_events++] = ev->type;
    switch (ev->type) {
    case FH_CLOUD_EV_DIAL:
        app_dial(a, ev->dial.name);
        break;
    case FH_CLOUD_EV_HANG_UP:
        app_hang_up(a);
        break;
    case FH_CLOUD_EV_SIGN:
        ck_assert_int_eq(fh_identity_sign_for(a->who->id, ev->sign.purpose, ev->sign.digest,
                                              app_random, NULL, sig, &len),
                         0);
        fh_cloud_client_signed(a->core, uv_now(a->loop), ev->sign.serial, sig, len);
        break;
    case FH_CLOUD_EV_ONLINE:
        a->is_online = true;
        a->roles = ev->online.roles;
        break;
    case FH_CLOUD_EV_OFFLINE:
        a->is_online = false;
        a->offline_error = ev->offline.error;
        a->retry_ms = ev->offline.retry_ms;
        break;
    case FH_CLOUD_EV_PEER_STATE:
        a->watched_online = ev->peer_state.is_online;
        break;
    case FH_CLOUD_EV_TARGET:
    case FH_CLOUD_EV_INCOMING:
        a->conn = ev->conn;
        a->peer = ev->conn_info.peer;
        if (ev->type == FH_CLOUD_EV_INCOMING)
            app_keep_grant(a, ev->conn_info.grant, true);
        if (a->accepts && ev->type == FH_CLOUD_EV_INCOMING)
            ck_assert_int_eq(fh_cloud_client_accept(a->core, uv_now(a->loop), ev->conn), 0);
        break;
    case FH_CLOUD_EV_GRANT:
    case FH_CLOUD_EV_RENEWED:
        app_keep_grant(a, ev->conn_info.grant, ev->type == FH_CLOUD_EV_GRANT);
        break;
    case FH_CLOUD_EV_SIGNAL:
        snprintf(a->signal, sizeof a->signal, "%.*s", (int)ev->signal.len, ev->signal.lines);
        break;
    case FH_CLOUD_EV_END:
        a->end_error = ev->end.error;
        break;
    case FH_CLOUD_EV_STATEMENT:
    case FH_CLOUD_EV_CHECKPOINT:
    case FH_CLOUD_EV_CLOCK:
    case FH_CLOUD_EV_FORK:
        break;
    }
}

static void app_timer(uv_timer_t *t)
{
    struct app *a = t->data;

    fh_cloud_client_tick(a->core, uv_now(a->loop));
    app_pump(a);
}

static void app_pump(struct app *a)
{
    struct fh_cloud_client_event ev;
    const uint8_t *out;
    uint64_t at;
    size_t len;
    int took = 1;

    while (fh_cloud_client_event(a->core, uv_now(a->loop), &ev) == 1)
        app_handle(a, &ev);
    while (a->stream && took > 0 && (out = fh_cloud_client_out(a->core, &len)) != NULL) {
        took = fh_stream_write(a->stream, out, len);
        fh_cloud_client_out_done(a->core, took > 0 ? (size_t)took : 0);
    }
    at = fh_cloud_client_deadline(a->core);
    if (at == UINT64_MAX)
        uv_timer_stop(&a->timer);
    else
        uv_timer_start(&a->timer, app_timer, at > uv_now(a->loop) ? at - uv_now(a->loop) : 0, 0);
}

/* ---- life ---- */

static inline void app_start(struct app *a, uv_loop_t *loop, struct endpoint *who,
                             const struct fh_cloud_service *service, uint16_t port)
{
    static const char *const alpn[] = {FH_BROKER_ALPN};
    struct fh_tls_pin pin;
    struct fh_tls_client_config tls = {
        .pins = &pin, .pins_len = 1, .alpn = alpn, .alpn_len = 1, .max_fragment = 1024};
    struct fh_cloud_client_config cfg = {.service = service,
                                         .password = who->password,
                                         .spki = who->spki,
                                         .spki_len = who->spki_len,
                                         .seal_secret = who->seal_secret,
                                         .roles = 7,
                                         .program = "test 1",
                                         .random = app_random,
                                         .utc_ms = app_utc};

    memset(a, 0, sizeof *a);
    a->loop = loop;
    a->who = who;
    a->port = port;
    memcpy(cfg.address, who->address, sizeof cfg.address);
    memcpy(pin.sha256, service->roots[0], sizeof pin.sha256);
    ck_assert_int_eq(fh_tls_client_new(&tls, &a->tls), 0);
    a->session = fh_tls_session_new();
    a->core = fh_cloud_client_new(&cfg);
    ck_assert_ptr_nonnull(a->core);
    uv_timer_init(loop, &a->timer);
    a->timer.data = a;
    fh_cloud_client_start(a->core, uv_now(loop));
    app_pump(a);
}

/* The loop has to run afterwards; then app_free(). */
static inline void app_stop(struct app *a)
{
    fh_cloud_client_stop(a->core, uv_now(a->loop));
    app_pump(a);
    app_hang_up(a);
    uv_close((uv_handle_t *)&a->timer, NULL);
}

static inline void app_free(struct app *a)
{
    fh_cloud_client_free(a->core);
    fh_tls_free(a->tls);
    fh_tls_session_free(a->session);
}

static inline bool app_has(const struct app *a, enum fh_cloud_event_type type)
{
    for (size_t i = 0; i < a->n_events; i++)
        if (a->events[i] == type)
            return true;
    return false;
}

#endif
