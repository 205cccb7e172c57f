/* SPDX-License-Identifier: MIT */
/* uv_support.h -- owners of streams and a loop with a limit, for the tests of the adapter. */
#ifndef FH_TESTS_UV_SUPPORT_H
#define FH_TESTS_UV_SUPPORT_H

#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/tcp.h>

/* No test waits for this time; it only ends one that hangs. */
#define LIMIT_MS 20000

static uv_loop_t loop;
static uv_timer_t limit;

/* An owner that notes what it is told, and takes what it has an appetite for. */
struct owner {
    struct fh_stream *s;
    uint64_t len;
    uint8_t first[64];
    uint64_t sum;      /* of the bytes got, to compare with what was sent */
    uint64_t appetite; /* how much more it takes before it stops */
    unsigned writable, ends, closed;
    int error;
};

static void owner_closed(void *user)
{
    struct owner *o = user;

    o->closed++;
    o->s = NULL;
}

static size_t owner_data(void *user, const uint8_t *data, size_t len)
{
    struct owner *o = user;
    size_t n = len < o->appetite ? len : (size_t)o->appetite;

    for (size_t i = 0; i < n; i++) {
        if (o->len < sizeof o->first)
            o->first[o->len] = data[i];
        o->sum = o->sum * 31 + data[i];
        o->len++;
    }
    o->appetite -= n;
    return n;
}

static void owner_writable(void *user)
{
    ((struct owner *)user)->writable++;
}

static void owner_end(void *user, int error)
{
    struct owner *o = user;

    o->ends++;
    o->error = error;
}

static const struct fh_stream_events owner_events = {
    .data = owner_data, .writable = owner_writable, .end = owner_end};

static inline void own(struct owner *o, struct fh_stream *s)
{
    ck_assert_ptr_nonnull(s);
    o->s = s;
    fh_stream_attach(s, &owner_events, o);
}

static void on_limit(uv_timer_t *timer)
{
    (void)timer;
    ck_abort_msg("the loop did not come to what the test waits for");
}

static inline void loop_setup(void)
{
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    uv_timer_init(&loop, &limit);
    uv_timer_start(&limit, on_limit, LIMIT_MS, 0);
    uv_unref((uv_handle_t *)&limit);
}

/* Everything was closed: no handle is left but the limit. */
static inline void loop_teardown(void)
{
    uv_close((uv_handle_t *)&limit, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        while (!(condition))                                                                       \
            uv_run(&loop, UV_RUN_ONCE);                                                            \
    } while (0)

/* Some rounds of the loop, to see that something does not happen. */
static inline void run_rounds(int n)
{
    while (n-- > 0)
        uv_run(&loop, UV_RUN_NOWAIT);
}

static inline void close_owner(struct owner *o)
{
    if (!o->s)
        return;
    fh_stream_close(o->s, owner_closed, o);
    RUN_UNTIL(o->closed);
}

/* What a listener or a connect gave. */
struct door {
    struct fh_tcp_listener *l;
    struct fh_stream *accepted[64];
    size_t len;
    unsigned troubles, closed;
    int trouble;
};

static void door_accept(void *user, struct fh_stream *s)
{
    struct door *d = user;

    ck_assert_uint_lt(d->len, 64);
    d->accepted[d->len++] = s;
}

static void door_trouble(void *user, int error, const char *text)
{
    struct door *d = user;

    ck_assert_ptr_nonnull(text);
    d->troubles++;
    d->trouble = error;
}

static void door_closed(void *user)
{
    ((struct door *)user)->closed++;
}

static inline struct fh_tcp_listen_config door_config(struct door *d, const char *const *addresses,
                                                      size_t len)
{
    memset(d, 0, sizeof *d);
    return (struct fh_tcp_listen_config){.addresses = addresses,
                                         .addresses_len = len,
                                         .accept = door_accept,
                                         .trouble = door_trouble,
                                         .user = d};
}

static inline void open_door(struct door *d, const char *address)
{
    struct fh_tcp_listen_config cfg = door_config(d, &address, 1);
    char why[FH_TCP_WHY] = "";

    ck_assert_msg(fh_tcp_listen(&loop, &cfg, &d->l, why, sizeof why) == 0, "%s", why);
}

static inline void close_door(struct door *d)
{
    fh_tcp_listener_close(d->l, door_closed, d);
    RUN_UNTIL(d->closed);
}

static inline uint16_t door_port(const struct door *d, size_t i)
{
    struct fh_address a;

    fh_tcp_listener_address(d->l, i, &a);
    return a.port;
}

struct call {
    struct fh_stream *s;
    unsigned done;
    int error;
    char text[FH_TCP_WHY];
};

static void call_done(void *user, struct fh_stream *s, int error, const char *text)
{
    struct call *c = user;

    c->done++;
    c->s = s;
    c->error = error;
    ck_assert_uint_lt(strlen(text), sizeof c->text);
    memcpy(c->text, text, strlen(text) + 1);
    ck_assert((s == NULL) == (error != 0));
}

static inline struct fh_tcp_connect_config call_config(struct call *c)
{
    memset(c, 0, sizeof *c);
    return (struct fh_tcp_connect_config){.done = call_done, .user = c};
}

static inline struct fh_target target_ip(const char *ip, uint16_t port)
{
    struct fh_target t = {.kind = FH_TARGET_IP};

    ck_assert_int_eq(fh_address_parse_ip(ip, strlen(ip), &t.address), 0);
    t.address.port = port;
    return t;
}

static inline struct fh_target target_unix(const char *path)
{
    struct fh_target t = {.kind = FH_TARGET_UNIX};

    ck_assert_uint_lt(strlen(path), sizeof t.name);
    memcpy(t.name, path, strlen(path) + 1);
    return t;
}

static inline void call_target(struct call *c, const struct fh_target *to)
{
    struct fh_tcp_connect_config cfg = call_config(c);

    ck_assert_int_eq(fh_tcp_connect(&loop, to, &cfg, NULL), 0);
    ck_assert_uint_eq(c->done, 0);
    RUN_UNTIL(c->done);
}

#endif
