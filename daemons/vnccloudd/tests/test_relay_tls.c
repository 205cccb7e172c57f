/* SPDX-License-Identifier: MIT */
/* The relay between connections of TLS, as the service has them: how they end is what counts. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>

#include <farhand/pipe.h>
#include <farhand/pki.h>

#include "relay.h"

enum { ROOM = 3 << 20 };

struct peer {
    struct fh_pipe *pipe;
    struct fh_stream *s; /* TLS, at the client */
    uint8_t *got;
    size_t got_len;
    const uint8_t *to_send;
    size_t to_send_len;
    bool is_deaf;
    int ends, error;
};

static uv_loop_t loop;
static struct fh__relay *relay;
static struct fh__relay_config cfg = {.key = "the key of the relay..........."};
static struct fh_tls_context *server, *client;
static struct peer peers[2];
static uint8_t hello[2][2 + FH__TICKET_LEN];

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct peer *p = user;

    if (p->is_deaf)
        return 0;
    ck_assert_uint_le(p->got_len + len, ROOM);
    memcpy(p->got + p->got_len, data, len);
    p->got_len += len;
    return len;
}

static void send_more(struct peer *p)
{
    int n = p->to_send_len ? fh_stream_write(p->s, p->to_send, p->to_send_len) : 0;

    if (n > 0) {
        p->to_send += n;
        p->to_send_len -= (size_t)n;
    }
}

static void on_writable(void *user)
{
    send_more(user);
}

static void on_end(void *user, int error)
{
    struct peer *p = user;

    p->ends++;
    p->error = error;
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void say(struct peer *p, const void *data, size_t len)
{
    p->to_send = data;
    p->to_send_len = len;
    send_more(p);
}

static void on_client(void *user, struct fh_stream *s, int error, const char *text)
{
    struct peer *p = user;

    if (error)
        ck_abort_msg("%s", text);
    p->s = s;
    fh_stream_attach(s, &events, p);
    say(p, hello[p - peers], sizeof *hello);
}

static void on_server(void *user, struct fh_stream *s, int error, const char *text)
{
    (void)user;
    if (error)
        ck_abort_msg("%s", text);
    fh__relay_accept(relay, s, NULL);
}

static void run(void)
{
    for (int quiet = 0; quiet < 6; quiet++) {
        for (int i = 0; i < 2; i++)
            if (fh_pipe_run(peers[i].pipe) > 0)
                quiet = 0;
        uv_run(&loop, UV_RUN_NOWAIT);
    }
}

static void make_contexts(void)
{
    static const char *const sans[] = {"relay.example"}, *const alpn[] = {"farhand-relay/1"};
    static char root_key[FH_PKI_PEM], root[FH_PKI_PEM], key[FH_PKI_PEM], cert[2 * FH_PKI_PEM];
    struct fh_pki_config pki = {.name = "test", .not_after = (int64_t)time(NULL) + 86400};
    struct fh_tls_server_config sc = {
        .cert_pem = cert, .key_pem = key, .alpn = alpn, .alpn_len = 1};
    struct fh_tls_client_config cc = {.pins_len = 1, .alpn = alpn, .alpn_len = 1};
    struct fh_tls_pin pin;

    ck_assert_int_eq(fh_pki_key_new(root_key, sizeof root_key), 0);
    ck_assert_int_eq(fh_pki_root_new(&pki, root_key, root, sizeof root), 0);
    ck_assert_int_eq(fh_pki_key_new(key, sizeof key), 0);
    pki.sans = sans;
    pki.sans_len = 1;
    ck_assert_int_eq(fh_pki_issue(&pki, key, root, root_key, cert, FH_PKI_PEM), 0);
    strcat(cert, root);
    ck_assert_int_eq(fh_pki_pin(root, &pin), 0);
    cc.pins = &pin;
    ck_assert_int_eq(fh_tls_server_new(&sc, &server, NULL, 0), 0);
    ck_assert_int_eq(fh_tls_client_new(&cc, &client), 0);
}

static void join(int side)
{
    struct peer *p = &peers[side];
    struct fh_tls_start_config at_client = {.name = "relay.example", .done = on_client, .user = p};
    struct fh_tls_start_config at_server = {.done = on_server};
    struct fh__ticket t = {.side = (uint8_t)side, .expires_ms = ((uint64_t)time(NULL) + 50) * 1000};

    hello[side][0] = 1;
    hello[side][1] = FH__TICKET_LEN;
    fh__ticket_make(cfg.key, &t, hello[side] + 2);
    p->pipe = fh_pipe_new(NULL);
    p->got = malloc(ROOM);
    ck_assert_int_eq(fh_tls_start(&loop, client, fh_pipe_end(p->pipe, 0), &at_client, NULL), 0);
    ck_assert_int_eq(fh_tls_start(&loop, server, fh_pipe_end(p->pipe, 1), &at_server, NULL), 0);
}

static void setup(void)
{
    memset(peers, 0, sizeof peers);
    uv_loop_init(&loop);
    make_contexts();
    relay = fh__relay_new(&loop, &cfg);
    ck_assert_ptr_nonnull(relay);
    join(FH__TICKET_VIEWER);
    join(FH__TICKET_SERVER);
    while (peers[0].got_len == 0 || peers[1].got_len == 0)
        run();
    ck_assert_uint_eq(peers[0].got[0], FH__RELAY_PAIRED);
    ck_assert_uint_eq(peers[1].got[0], FH__RELAY_PAIRED);
}

static void on_relay_closed(void *user)
{
    *(bool *)user = true;
}

static void teardown(void)
{
    bool closed = false;

    fh__relay_close(relay, on_relay_closed, &closed);
    for (int i = 0; i < 2; i++)
        if (peers[i].s)
            fh_stream_close(peers[i].s, NULL, NULL);
    while (!closed)
        run();
    run();
    fh_tls_free(server);
    fh_tls_free(client);
    ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    for (int i = 0; i < 2; i++) {
        fh_pipe_free(peers[i].pipe);
        free(peers[i].got);
    }
}

static const uint8_t *noise(void)
{
    static uint8_t bytes[ROOM];

    for (size_t i = 0; i < ROOM; i++)
        bytes[i] = (uint8_t)(i * 167 + i / 251);
    return bytes;
}

START_TEST(what_is_said_arrives_and_the_slower_sets_the_pace)
{
    struct fh__relay_counters c;

    peers[1].is_deaf = true;
    say(&peers[0], noise(), ROOM - 1);
    say(&peers[1], noise(), 100000);
    run();
    ck_assert_uint_eq(peers[0].got_len, 100001);
    fh__relay_count(relay, &c);
    ck_assert_uint_lt(c.bytes, ROOM / 2); /* the rest waits at who says it */
    peers[1].is_deaf = false;
    fh_stream_resume(peers[1].s);
    run();
    ck_assert_uint_eq(peers[1].got_len, ROOM);
    ck_assert_mem_eq(peers[1].got + 1, noise(), ROOM - 1);
}
END_TEST

START_TEST(an_end_is_an_end_behind_the_last_byte)
{
    say(&peers[0], noise(), 40000);
    fh_stream_shutdown(peers[0].s);
    run();
    ck_assert_uint_eq(peers[1].got_len, 40001);
    ck_assert_int_eq(peers[1].ends, 1);
    ck_assert_int_eq(peers[1].error, 0);
    say(&peers[1], noise(), 5);
    fh_stream_shutdown(peers[1].s);
    run();
    ck_assert_uint_eq(peers[0].got_len, 6);
    ck_assert_int_eq(peers[0].ends, 1);
    ck_assert_int_eq(peers[0].error, 0);
}
END_TEST

/* Cut, idle, drained or over its quota: never taken for what the peer said. */
START_TEST(a_break_is_never_taken_for_an_end)
{
    if (_i == 1)
        fh_stream_shutdown(peers[1].s); /* he has said goodbye, but his peer has not */
    say(&peers[0], noise(), 1000);
    run();
    if (_i == 2) {
        fh_stream_close(peers[0].s, NULL, NULL);
        peers[0].s = NULL;
    } else {
        fh_pipe_cut(peers[0].pipe);
    }
    run();
    ck_assert_int_eq(peers[1].ends, 1);
    ck_assert_int_eq(peers[1].error, FH_TRANSPORT_E_RESET);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("relay_tls");
    TCase *t = tcase_create("pairs");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_is_said_arrives_and_the_slower_sets_the_pace);
    tcase_add_test(t, an_end_is_an_end_behind_the_last_byte);
    tcase_add_loop_test(t, a_break_is_never_taken_for_an_end, 0, 3);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
