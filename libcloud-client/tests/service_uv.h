/* SPDX-License-Identifier: MIT */
/*
 * service_uv.h -- the model of a service (model_broker.h) on a socket: TLS with a root of its own,
 * broker and relay by ALPN.
 *
 *     service_start()     listens on a port that the system chose
 *     service_line()      what its clients are told
 *     service_cut()       ends all connections of one kind, without a word
 *     service_stop()
 */
#ifndef FH_TESTS_SERVICE_UV_H
#define FH_TESTS_SERVICE_UV_H

#include <signal.h>

#include <farhand/pki.h>
#include <farhand/tcp.h>
#include <farhand/tls_uv.h>

#include "model_broker.h"

enum {
    SERVICE_TURN_MS = 20,
    SERVICE_LIMIT_MS = 30000, /* ends a test that hangs; no test waits for it */
    SERVICE_CONNS = 256
};

enum service_kind { SERVICE_BROKER, SERVICE_RELAY };

struct service;

struct service_conn {
    struct service *sv;
    struct fh_stream *s;
    enum service_kind kind;
    struct model_side *side; /* BROKER */
    uint8_t head[2 + 255];   /* RELAY: version, length, ticket */
    size_t head_len;
    struct service_conn *other; /* RELAY: its pair */
};

struct service {
    struct fh_tcp_listener *listener;
    struct fh_tls_context *tls;
    struct model m;
    struct service_conn *conns[SERVICE_CONNS];
    size_t conns_len;
    char root_key[FH_PKI_PEM], root[FH_PKI_PEM], key[FH_PKI_PEM], chain[2 * FH_PKI_PEM];
    struct fh_tls_pin pin;
    struct fh_address address;
    bool is_closed;
    /* What a test may ask for. */
    int relay_answers;        /* that many relay connections are answered with 5 */
    bool hides_relay;         /* takes tickets and says nothing */
    unsigned relays, resumed; /* connections of the relay so far; of these, resumed */
    uint8_t relay_saw[1 << 16];
    size_t relay_saw_len;
};

static uv_loop_t loop;
static uv_timer_t loop_limit;

/* ---- the loop ---------------------------------------------------------------------------------
 */

/* Also ends a poll that began after the timers had made come true what is waited for. */
static void on_limit(uv_timer_t *timer)
{
    static unsigned turns;

    (void)timer;
    ck_assert_msg(++turns < SERVICE_LIMIT_MS / SERVICE_TURN_MS, "it takes too long");
}

static inline void loop_begin(void)
{
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    uv_timer_init(&loop, &loop_limit);
    uv_timer_start(&loop_limit, on_limit, SERVICE_TURN_MS, SERVICE_TURN_MS);
    uv_unref((uv_handle_t *)&loop_limit);
}

static inline void loop_end(void)
{
    uv_close((uv_handle_t *)&loop_limit, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        while (!(condition))                                                                       \
            uv_run(&loop, UV_RUN_ONCE);                                                            \
    } while (0)

/* ---- connections ------------------------------------------------------------------------------
 */

static inline void service_forget(struct service_conn *c)
{
    struct service *sv = c->sv;
    size_t i = 0;

    while (sv->conns[i] != c)
        i++;
    sv->conns[i] = sv->conns[--sv->conns_len];
    if (c->other)
        c->other->other = NULL;
    free(c);
}

static void service_closed(void *user)
{
    service_forget(user);
}

static inline void service_end(struct service_conn *c)
{
    if (!c->s)
        return;
    if (c->side)
        model_closed(&c->sv->m, c->side);
    c->side = NULL;
    fh_stream_close(c->s, service_closed, c);
    c->s = NULL;
}

static inline void service_flush(struct service *sv)
{
    for (size_t i = 0; i < sv->conns_len; i++) {
        struct service_conn *c = sv->conns[i];
        int n;

        if (!c->side || !c->s)
            continue;
        n = c->side->out_len > 0 ? fh_stream_write(c->s, c->side->out, c->side->out_len) : 0;
        if (n > 0) {
            c->side->out_len -= (size_t)n;
            memmove(c->side->out, c->side->out + n, c->side->out_len);
        }
        if (c->side->closes && c->side->out_len == 0) {
            fh_stream_shutdown(c->s);
            service_end(c);
        }
    }
}

/* ---- the relay --------------------------------------------------------------------------------
 */

static inline void relay_answer(struct service_conn *c, uint8_t status)
{
    (void)fh_stream_write(c->s, &status, 1);
    if (status == 0) {
        fh_stream_resume(c->s);
        return;
    }
    fh_stream_shutdown(c->s);
    service_end(c);
}

static inline bool is_pair(const struct service_conn *a, const struct service_conn *b)
{
    return a != b && b->kind == SERVICE_RELAY && b->s && !b->other && a->head_len == b->head_len &&
           a->head[3] != b->head[3] && memcmp(a->head + 4, b->head + 4, a->head_len - 4) == 0;
}

static inline void relay_ticket(struct service_conn *c)
{
    struct service *sv = c->sv;

    ck_assert_uint_eq(c->head[0], 1);
    if (sv->hides_relay)
        return;
    if (sv->relay_answers > 0) {
        sv->relay_answers--;
        relay_answer(c, 5);
        return;
    }
    for (size_t i = 0; i < sv->conns_len; i++)
        if (is_pair(c, sv->conns[i])) {
            c->other = sv->conns[i];
            c->other->other = c;
            relay_answer(c->other, 0);
            relay_answer(c, 0);
            return;
        }
}

static inline size_t relay_data(struct service_conn *c, const uint8_t *data, size_t len)
{
    size_t n = 0, want;

    while (n < len && (c->head_len < 2 || c->head_len < 2u + c->head[1])) {
        want = c->head_len < 2 ? 2 : 2u + c->head[1];
        c->head[c->head_len++] = data[n++];
        if (c->head_len == want && want > 2)
            relay_ticket(c);
    }
    if (!c->other || !c->other->s || !c->s)
        return n; /* the rest waits */
    if (n < len) {
        int written = fh_stream_write(c->other->s, data + n, len - n);
        size_t saw = written > 0 ? (size_t)written : 0;

        if (c->sv->relay_saw_len + saw <= sizeof c->sv->relay_saw) {
            memcpy(c->sv->relay_saw + c->sv->relay_saw_len, data + n, saw);
            c->sv->relay_saw_len += saw;
        }
        n += saw;
    }
    return n;
}

static size_t service_data(void *user, const uint8_t *data, size_t len)
{
    struct service_conn *c = user;

    if (c->kind == SERVICE_RELAY)
        return relay_data(c, data, len);
    model_input(&c->sv->m, c->side, data, len);
    service_flush(c->sv);
    return len;
}

static void service_writable(void *user)
{
    struct service_conn *c = user;

    if (c->kind == SERVICE_RELAY && c->other && c->other->s)
        fh_stream_resume(c->other->s);
    else
        service_flush(c->sv);
}

static void service_ended(void *user, int error)
{
    struct service_conn *c = user;

    (void)error;
    if (c->other && c->other->s)
        fh_stream_shutdown(c->other->s);
    service_end(c);
    service_flush(c->sv);
}

static const struct fh_stream_events service_events = {
    .data = service_data, .writable = service_writable, .end = service_ended};

/* ---- accepting --------------------------------------------------------------------------------
 */

static inline struct model_side *free_side(struct model *m)
{
    for (size_t i = 0; i < MODEL_SIDES; i++)
        if (!m->sides[i].is_open)
            return &m->sides[i];
    return NULL;
}

static void service_shaken(void *user, struct fh_stream *s, int error, const char *text)
{
    struct service_conn *c = user;
    struct fh_tls_info info;
    uint8_t binding[FH_CLOUD_BINDING_LEN];

    (void)text;
    if (error) {
        service_forget(c);
        return;
    }
    c->s = s;
    ck_assert_int_eq(fh_tls_info(s, &info), 0);
    if (strcmp(info.alpn, FH_RELAY_ALPN) == 0) {
        c->kind = SERVICE_RELAY;
        c->sv->relays++;
        c->sv->resumed += info.resumed;
    } else {
        c->side = free_side(&c->sv->m);
        ck_assert_ptr_nonnull(c->side);
        ck_assert_int_eq(fh_tls_exporter(s, FH_CLOUD_EXPORTER, NULL, 0, binding, sizeof binding),
                         0);
        model_open(c->side, binding);
    }
    fh_stream_attach(s, &service_events, c);
}

static void service_accept(void *user, struct fh_stream *s)
{
    struct service *sv = user;
    struct service_conn *c = calloc(1, sizeof *c);
    struct fh_tls_start_config cfg = {.done = service_shaken, .user = c};

    ck_assert(c && sv->conns_len < SERVICE_CONNS);
    c->sv = sv;
    sv->conns[sv->conns_len++] = c;
    ck_assert_int_eq(fh_tls_start(&loop, sv->tls, s, &cfg, NULL), 0);
}

static inline void service_pki(struct service *sv)
{
    static const char *const names[] = {"cloud.example", "127.0.0.1"};
    struct fh_pki_config root = {.name = "root", .not_before = 0, .not_after = INT64_C(4000000000)};
    struct fh_pki_config leaf = root;
    char cert[FH_PKI_PEM];

    leaf.name = "server";
    leaf.sans = names;
    leaf.sans_len = 2;
    ck_assert_int_eq(fh_pki_key_new(sv->root_key, sizeof sv->root_key), 0);
    ck_assert_int_eq(fh_pki_key_new(sv->key, sizeof sv->key), 0);
    ck_assert_int_eq(fh_pki_root_new(&root, sv->root_key, sv->root, sizeof sv->root), 0);
    ck_assert_int_eq(fh_pki_pin(sv->root, &sv->pin), 0);
    ck_assert_int_eq(fh_pki_issue(&leaf, sv->key, sv->root, sv->root_key, cert, sizeof cert), 0);
    snprintf(sv->chain, sizeof sv->chain, "%s%s", cert, sv->root);
}

static inline void service_start(struct service *sv, const struct endpoint *ends, size_t n)
{
    static const char *const alpn[] = {FH_BROKER_ALPN, FH_RELAY_ALPN};
    static const char *const where[] = {"127.0.0.1:0"};
    struct fh_tls_server_config tls = {
        .cert_pem = sv->chain, .key_pem = sv->key, .alpn = alpn, .alpn_len = 2};
    struct fh_tcp_listen_config cfg = {
        .addresses = where, .addresses_len = 1, .accept = service_accept, .user = sv};
    char why[FH_TCP_WHY];

    memset(sv, 0, sizeof *sv);
    model_init(&sv->m, ends, n, false);
    service_pki(sv);
    ck_assert_int_eq(fh_tls_server_new(&tls, &sv->tls, NULL, 0), 0);
    ck_assert_msg(fh_tcp_listen(&loop, &cfg, &sv->listener, why, sizeof why) == 0, "%s", why);
    fh_tcp_listener_address(sv->listener, 0, &sv->address);
    sv->m.relay_host = "127.0.0.1";
    sv->m.relay_port = sv->address.port;
}

static inline void service_line(const struct service *sv, struct fh_cloud_service *out)
{
    memset(out, 0, sizeof *out);
    strcpy(out->nodes[0].host, "127.0.0.1");
    out->nodes[0].port = sv->address.port;
    out->nodes_len = 1;
    strcpy(out->name, "cloud.example");
    memcpy(out->roots[0], sv->pin.sha256, sizeof out->roots[0]);
    out->roots_len = 1;
}

static inline void service_cut(struct service *sv, enum service_kind kind)
{
    for (size_t i = 0; i < sv->conns_len; i++)
        if (sv->conns[i]->kind == kind)
            service_end(sv->conns[i]);
}

static void service_unlistened(void *user)
{
    ((struct service *)user)->is_closed = true;
}

static inline void service_stop(struct service *sv)
{
    service_cut(sv, SERVICE_BROKER);
    service_cut(sv, SERVICE_RELAY);
    fh_tcp_listener_close(sv->listener, service_unlistened, sv);
    UNTIL(sv->is_closed && sv->conns_len == 0);
    fh_tls_free(sv->tls);
}

#endif
