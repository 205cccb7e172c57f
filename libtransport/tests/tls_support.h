/* SPDX-License-Identifier: MIT */
/* tls_support.h -- a root, a server's certificate, and two ends of a handshake. */
#ifndef FH_TESTS_TLS_SUPPORT_H
#define FH_TESTS_TLS_SUPPORT_H

#include <sys/socket.h>

#include <farhand/pipe.h>
#include <farhand/pki.h>

#include "uv_support.h"

#define NOW INT64_C(1800000000) /* what the test's clock says: January 2027 */
#define DAY INT64_C(86400)

static int64_t test_time = NOW;

static inline int64_t test_clock(void *user)
{
    (void)user;
    return test_time;
}

struct pki {
    char root_key[FH_PKI_PEM], root[FH_PKI_PEM];
    char key[FH_PKI_PEM], cert[FH_PKI_PEM];
    char chain[2 * FH_PKI_PEM];
    struct fh_tls_pin pin;
};

static const char *const test_names[] = {"cloud.example", "*.wild.example", "192.0.2.7",
                                         "2001:db8::7"};

static inline void issue(struct pki *p, const char *const *names, size_t len, int64_t from,
                         int64_t to)
{
    struct fh_pki_config cfg = {
        .name = "server", .sans = names, .sans_len = len, .not_before = from, .not_after = to};

    ck_assert_int_eq(fh_pki_issue(&cfg, p->key, p->root, p->root_key, p->cert, sizeof p->cert), 0);
    memcpy(p->chain, p->cert, strlen(p->cert));
    memcpy(p->chain + strlen(p->cert), p->root, strlen(p->root) + 1);
}

static inline void make_pki(struct pki *p)
{
    struct fh_pki_config cfg = {
        .name = "root", .not_before = NOW - 10 * DAY, .not_after = NOW + 1000 * DAY};

    memset(p, 0, sizeof *p);
    ck_assert_int_eq(fh_pki_key_new(p->root_key, sizeof p->root_key), 0);
    ck_assert_int_eq(fh_pki_key_new(p->key, sizeof p->key), 0);
    ck_assert_int_eq(fh_pki_root_new(&cfg, p->root_key, p->root, sizeof p->root), 0);
    ck_assert_int_eq(fh_pki_pin(p->root, &p->pin), 0);
    issue(p, test_names, 4, NOW - DAY, NOW + 90 * DAY);
}

static inline struct fh_tls_context *server_of(const struct pki *p,
                                               const struct fh_tls_server_config *more)
{
    struct fh_tls_server_config cfg = more ? *more : (struct fh_tls_server_config){.alpn = NULL};
    struct fh_tls_context *ctx = NULL;
    char why[FH_TLS_WHY] = "";

    cfg.cert_pem = cfg.cert_pem ? cfg.cert_pem : p->chain;
    cfg.key_pem = cfg.key_pem ? cfg.key_pem : p->key;
    cfg.clock = test_clock;
    ck_assert_msg(fh_tls_server_new(&cfg, &ctx, why, sizeof why) == 0, "%s", why);
    return ctx;
}

static inline struct fh_tls_context *client_of(const struct pki *p,
                                               const struct fh_tls_client_config *more)
{
    struct fh_tls_client_config cfg = more ? *more : (struct fh_tls_client_config){.alpn = NULL};
    struct fh_tls_context *ctx = NULL;

    if (!cfg.trust_anybody && !cfg.pins) {
        cfg.pins = &p->pin;
        cfg.pins_len = 1;
    }
    cfg.clock = test_clock;
    ck_assert_int_eq(fh_tls_client_new(&cfg, &ctx), 0);
    return ctx;
}

/* One end of a handshake. */
struct tls_end {
    struct fh_stream *s;
    struct fh_tls_starting *starting;
    unsigned done;
    int error;
    char text[FH_TLS_WHY];
    struct owner owner;
    bool hold; /* does not take the stream into ownership yet */
};

static void tls_done(void *user, struct fh_stream *s, int error, const char *text)
{
    struct tls_end *e = user;

    e->done++;
    e->s = s;
    e->error = error;
    ck_assert((s == NULL) == (error != 0));
    ck_assert_uint_lt(strlen(text), sizeof e->text);
    memcpy(e->text, text, strlen(text) + 1);
    if (s && !e->hold)
        own(&e->owner, s);
}

static inline void start_end(struct tls_end *e, struct fh_tls_context *ctx, struct fh_stream *below,
                             const struct fh_tls_start_config *more)
{
    struct fh_tls_start_config cfg = *more;

    memset(e, 0, sizeof *e);
    e->owner.appetite = UINT64_MAX;
    cfg.done = tls_done;
    cfg.user = e;
    ck_assert_int_eq(fh_tls_start(&loop, ctx, below, &cfg, &e->starting), 0);
}

/* A connected pair of sockets, as streams. */
static inline void socket_pair(struct fh_stream **a, struct fh_stream **b)
{
    struct fh_address who = {.family = FH_ADDRESS_UNIX, .uid = FH_ADDRESS_NO_UID};
    int fd[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    ck_assert_int_eq(fh_tcp_open(&loop, fd[0], &who, NULL, a), 0);
    ck_assert_int_eq(fh_tcp_open(&loop, fd[1], &who, NULL, b), 0);
}

struct tls_pair {
    struct tls_end client, server;
};

static inline void shake_hands(struct tls_pair *p, struct fh_tls_context *client,
                               struct fh_tls_context *server,
                               const struct fh_tls_start_config *client_more)
{
    static const struct fh_tls_start_config nothing;
    static const struct fh_tls_start_config by_name = {.name = "cloud.example"};
    struct fh_stream *a, *b;

    socket_pair(&a, &b);
    start_end(&p->client, client, a, client_more ? client_more : &by_name);
    start_end(&p->server, server, b, &nothing);
    RUN_UNTIL(p->client.done && p->server.done);
}

static inline void close_pair(struct tls_pair *p)
{
    close_owner(&p->client.owner);
    close_owner(&p->server.owner);
}

static inline void say(struct tls_end *e, const char *text)
{
    ck_assert_int_eq(fh_stream_write(e->s, (const uint8_t *)text, strlen(text)), (int)strlen(text));
}

static inline void hear(struct tls_end *e, const char *text)
{
    uint64_t before = e->owner.len;

    RUN_UNTIL(e->owner.len >= before + strlen(text));
    ck_assert_mem_eq(e->owner.first + before, text, strlen(text));
}

#endif
