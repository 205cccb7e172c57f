/* SPDX-License-Identifier: MIT */
/* test_path_uv.c -- paths with real sockets, over the loopback; the lines go by function calls. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <farhand/path_uv.h>

enum {
    LIMIT_MS = 30000, /* ends a test that hangs; no test waits for it */
    BYTES = 2000000
};

struct side {
    struct fh_path *path;
    struct side *peer;
    struct fh_stream *stream;
    struct fh_path_info info; /* as it was told last */
    struct fh_address host;   /* our own, from our first description */
    size_t lines, opened, changed, closed, ended, sent, got;
    uint8_t next; /* byte that must come */
    int error;
    bool closes_when_opened, closes_at_line, stays_away;
};

static uv_loop_t loop;
static uv_timer_t limit;
static struct side ann, bob; /* client and server */
static uint8_t secret[FH_GUARD_SECRET_LEN];
static struct fh_path_config base;

/* ---- an owner of a stream, who sends BYTES and checks what comes ----------------------------- */

static void send_on(struct side *s)
{
    uint8_t data[4096];
    int n;

    while (s->sent < BYTES) {
        size_t len = BYTES - s->sent < sizeof data ? BYTES - s->sent : sizeof data;

        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t)((s->sent + i) * 7);
        n = fh_stream_write(s->stream, data, len);
        ck_assert_int_ge(n, 0);
        s->sent += (size_t)n;
        if ((size_t)n < len)
            return;
    }
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct side *s = user;

    for (size_t i = 0; i < len; i++, s->next = (uint8_t)(s->next + 7))
        if (data[i] != s->next)
            ck_abort_msg("byte %zu is wrong", s->got + i);
    s->got += len;
    return len;
}

static void on_writable(void *user)
{
    send_on(user);
}

static void on_end(void *user, int error)
{
    struct side *s = user;

    s->ended++;
    s->error = error;
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

/* ---- a side ---------------------------------------------------------------------------------- */

static void on_signal(void *user, const char *line, size_t len)
{
    static struct fh_path_message m;
    struct side *s = user;

    s->lines++;
    ck_assert_uint_eq(strlen(line), len);
    ck_assert_int_eq(fh_path_message_parse(line, len, &m), 0);
    ck_assert_int_eq(m.type == FH_PATH_HELLO, s->lines == 1);
    if (m.type == FH_PATH_DESCRIPTION && m.description.len > 0) {
        ck_assert_int_eq(fh_address_parse_ip("127.0.0.1", 9, &s->host), 0);
        s->host.port = m.description.candidates[0].address.port;
    }
    if (s->closes_at_line)
        fh_path_close(s->path);
    else if (s->peer->path && !s->stays_away)
        ck_assert_int_eq(fh_path_signal(s->peer->path, line, len), 0);
}

static void on_opened(void *user, struct fh_stream *stream, int error)
{
    struct side *s = user;

    s->opened++;
    s->error = error;
    s->stream = stream;
    if (!stream)
        return;
    if (s->closes_when_opened) {
        fh_stream_close(stream, NULL, NULL);
        return;
    }
    fh_stream_attach(stream, &events, s);
}

static void on_changed(void *user, const struct fh_path_info *info)
{
    struct side *s = user;

    s->changed++;
    s->info = *info;
}

static void on_closed(void *user)
{
    struct side *s = user;

    s->closed++;
    s->path = NULL;
}

static void make(struct side *s, enum fh_role role)
{
    static const struct fh_ice_uv_config ice = {
        .allow_loopback = true, .only_loopback = true, .ta_ms = 5};
    struct fh_path_config cfg = base;

    cfg.ice = &ice;
    cfg.role = role;
    cfg.secret = secret;
    cfg.signal = on_signal;
    cfg.opened = on_opened;
    cfg.changed = on_changed;
    cfg.closed = on_closed;
    cfg.user = s;
    ck_assert_int_eq(fh_path_new(&loop, &cfg, &s->path), 0);
}

static void on_limit(uv_timer_t *timer)
{
    (void)timer;
    ck_abort_msg("the loop did not come to what the test waits for: got %zu, %zu; sent %zu, %zu",
                 ann.got, bob.got, ann.sent, bob.sent);
}

#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        while (!(condition))                                                                       \
            uv_run(&loop, UV_RUN_ONCE);                                                            \
    } while (0)

static void setup(void)
{
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    uv_timer_init(&loop, &limit);
    uv_timer_start(&limit, on_limit, LIMIT_MS, 0);
    uv_unref((uv_handle_t *)&limit);
    memset(&ann, 0, sizeof ann);
    memset(&bob, 0, sizeof bob);
    memset(&base, 0, sizeof base);
    memset(secret, 0x5e, sizeof secret);
    ann.peer = &bob;
    bob.peer = &ann;
}

/* Nothing is left in the loop: no socket, no timer. */
static void teardown(void)
{
    uv_close((uv_handle_t *)&limit, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    ck_assert_ptr_null(ann.path);
    ck_assert_ptr_null(bob.path);
}

static void open_both(void)
{
    make(&ann, FH_ROLE_CLIENT);
    make(&bob, FH_ROLE_SERVER);
    RUN_UNTIL(ann.opened && bob.opened);
    ck_assert_ptr_nonnull(ann.stream);
    ck_assert_ptr_nonnull(bob.stream);
}

static void cross(void)
{
    ann.sent = bob.sent = ann.got = bob.got = 0;
    ann.next = bob.next = 0;
    send_on(&ann);
    send_on(&bob);
    RUN_UNTIL(ann.got == BYTES && bob.got == BYTES);
}

static void close_both(void)
{
    fh_stream_shutdown(ann.stream);
    fh_stream_close(ann.stream, NULL, NULL);
    RUN_UNTIL(bob.ended);
    ck_assert_int_eq(bob.error, 0);
    fh_stream_shutdown(bob.stream);
    fh_stream_close(bob.stream, NULL, NULL);
    RUN_UNTIL(ann.closed && bob.closed);
    ck_assert_uint_eq(ann.closed + bob.closed, 2);
}

/* ---- the cases ------------------------------------------------------------------------------- */

START_TEST(a_stream_stands_and_carries_both_ways)
{
    char peer[FH_ADDRESS_TEXT];

    open_both();
    fh_stream_peer(ann.stream, peer, sizeof peer);
    ck_assert_msg(strncmp(peer, "127.0.0.1:", 10) == 0 || strncmp(peer, "[::1]:", 6) == 0, "%s",
                  peer);
    ck_assert_int_eq(fh_stream_kind(ann.stream), FH_STREAM_SCTP);
    cross();
    ck_assert_uint_gt(ann.changed, 0);
    fh_path_info(ann.path, &ann.info);
    ck_assert(ann.info.is_known && !ann.info.is_relayed && !ann.info.is_renewed);
    ck_assert_int_eq(ann.info.local_type, FH_ICE_HOST);
    ck_assert_uint_eq(ann.info.peer.port, bob.host.port);
    ck_assert_uint_gt(ann.info.rtt_us, 0);
    ck_assert_uint_gt(ann.info.guard.opened, 0);
    close_both();
    ck_assert_uint_eq(ann.opened + bob.opened, 2);
}
END_TEST

START_TEST(the_channels_secrets_take_the_place_of_the_signallings)
{
    uint8_t c[FH_GUARD_SECRET_LEN], s[FH_GUARD_SECRET_LEN];

    open_both();
    for (uint8_t epoch = 1; epoch < 4; epoch++) {
        memset(c, epoch, sizeof c);
        memset(s, 0x80 + epoch, sizeof s);
        ck_assert_int_eq(fh_path_renew(ann.path, c, s), 0);
        fh_path_info(ann.path, &ann.info);
        ck_assert(!ann.info.is_renewed);
        ck_assert_int_eq(fh_path_renew(bob.path, c, s), 0);
        cross();
        fh_path_info(ann.path, &ann.info);
        fh_path_info(bob.path, &bob.info);
        ck_assert(ann.info.is_renewed && bob.info.is_renewed);
    }
    ck_assert_int_eq(fh_path_renew(ann.path, c, c), FH_CLOUD_E_INVAL);
    close_both();
}
END_TEST

/* Who leads installed other secrets: nothing that it signs is taken any more. */
START_TEST(other_secrets_than_the_peers_end_the_stream)
{
    uint8_t c[FH_GUARD_SECRET_LEN] = {1}, s[FH_GUARD_SECRET_LEN] = {2},
            x[FH_GUARD_SECRET_LEN] = {3};

    base.timeout_ms = 300;
    open_both();
    ck_assert_int_eq(fh_path_renew(ann.path, c, s), 0);
    ck_assert_int_eq(fh_path_renew(bob.path, c, x), 0);
    send_on(&ann);
    RUN_UNTIL(ann.ended);
    ck_assert_int_eq(ann.error, FH_TRANSPORT_E_TIMEOUT);
    fh_path_info(ann.path, &ann.info);
    ck_assert_uint_gt(ann.info.guard.forged, 0);
    fh_stream_close(ann.stream, NULL, NULL);
    fh_stream_close(bob.stream, NULL, NULL);
    RUN_UNTIL(ann.closed && bob.closed);
}
END_TEST

START_TEST(another_secret_opens_nothing)
{
    base.open_ms = 500;
    make(&ann, FH_ROLE_CLIENT);
    secret[0] ^= 1;
    make(&bob, FH_ROLE_SERVER);
    RUN_UNTIL(ann.closed && bob.closed);
    ck_assert_uint_eq(ann.opened, 1);
    ck_assert_uint_eq(bob.opened, 1);
    ck_assert_ptr_null(ann.stream);
    ck_assert_ptr_null(bob.stream);
    ck_assert_int_eq(ann.error, FH_CLOUD_E_TIMEOUT);
    ck_assert_int_eq(ann.info.state >= FH_ICE_CONNECTED, 1);
}
END_TEST

START_TEST(without_a_peer_it_gives_up_in_time)
{
    base.open_ms = 50;
    ann.stays_away = true;
    make(&ann, FH_ROLE_CLIENT);
    RUN_UNTIL(ann.closed);
    ck_assert_int_eq(ann.error, FH_CLOUD_E_TIMEOUT);
    ck_assert_uint_eq(ann.opened, 1);
}
END_TEST

/* At once; from the first line; and when ICE has connected, but the association not yet. */
START_TEST(it_can_be_given_up_at_any_time)
{
    make(&ann, FH_ROLE_CLIENT);
    ann.closes_at_line = _i == 1;
    if (_i == 0)
        fh_path_close(ann.path);
    if (_i == 2) {
        make(&bob, FH_ROLE_SERVER);
        RUN_UNTIL(ann.info.state == FH_ICE_CONNECTED || ann.info.state == FH_ICE_COMPLETED);
        fh_path_close(ann.path);
        if (bob.path)
            fh_path_close(bob.path);
        if (bob.stream)
            fh_stream_close(bob.stream, NULL, NULL);
        RUN_UNTIL(bob.closed);
    }
    RUN_UNTIL(ann.closed);
    ck_assert_uint_eq(ann.opened, 0);
    ck_assert_uint_eq(ann.closed, 1);
}
END_TEST

START_TEST(closing_the_stream_from_the_callback_that_gave_it_is_fine)
{
    ann.closes_when_opened = true;
    make(&ann, FH_ROLE_CLIENT);
    make(&bob, FH_ROLE_SERVER);
    RUN_UNTIL(ann.closed && bob.ended);
    ck_assert_int_eq(bob.error, FH_TRANSPORT_E_RESET);
    fh_stream_close(bob.stream, NULL, NULL);
    RUN_UNTIL(bob.closed);
}
END_TEST

static int tell(struct side *s, const char *line)
{
    return fh_path_signal(s->path, line, strlen(line));
}

START_TEST(lines_that_make_no_sense_change_nothing)
{
    static const char hello[] = "hello 1 000001 00000000000000000000000000000000000000000000000000"
                                "00000000000000";
    static const char description[] = "description aWNlLXVmcmFnOmFiY2QKaWNlLXB3ZDowMTIzNDU2Nzg5MDEy"
                                      "MzQ1Njc4OTAxCg==";

    make(&ann, FH_ROLE_CLIENT);
    ck_assert_int_eq(tell(&ann, "nonsense"), FH_CLOUD_E_PROTO);
    ck_assert_int_eq(tell(&ann, description), FH_CLOUD_E_STATE);
    make(&bob, FH_ROLE_SERVER);
    RUN_UNTIL(ann.opened && bob.opened);
    ck_assert_int_eq(tell(&ann, hello), FH_CLOUD_E_STATE);
    ck_assert_int_eq(tell(&ann, "hello"), FH_CLOUD_E_PROTO);
    ck_assert_int_eq(tell(&ann, "candidate abcd candidate:1 1 UDP 1 224.0.0.1 5 typ host"), 0);
    cross();
    close_both();
}
END_TEST

/* Somebody who sees our port and index, but knows no secret. */
START_TEST(a_stranger_is_counted_and_changes_nothing)
{
    uv_udp_t socket;
    struct sockaddr_in to;
    uint8_t junk[200];
    uv_buf_t buf = uv_buf_init((char *)junk, sizeof junk);

    open_both();
    uv_udp_init(&loop, &socket);
    uv_ip4_addr("127.0.0.1", bob.host.port, &to);
    memset(junk, 0xaa, sizeof junk);
    for (int i = 0; i < 256; i++) {
        junk[0] = (uint8_t)i;
        (void)uv_udp_try_send(&socket, &buf, 1, (const struct sockaddr *)&to);
    }
    cross();
    fh_path_info(bob.path, &bob.info);
    ck_assert_uint_eq(bob.info.guard.forged, 0); /* another index: it came no further */
    ck_assert_uint_gt(bob.info.guard.opened, 0);
    uv_close((uv_handle_t *)&socket, NULL);
    close_both();
}
END_TEST

START_TEST(a_restart_keeps_the_stream)
{
    size_t lines;

    open_both();
    cross();
    lines = bob.lines;
    fh_path_restart(ann.path);
    RUN_UNTIL(bob.lines > lines && ann.info.state == FH_ICE_COMPLETED);
    cross();
    close_both();
}
END_TEST

START_TEST(a_config_out_of_range_is_refused)
{
    static const struct fh_ice_uv_config ice = {.only_loopback = true};
    struct fh_path_config good = {.ice = &ice,
                                  .secret = secret,
                                  .signal = on_signal,
                                  .opened = on_opened,
                                  .closed = on_closed};
    struct fh_path_config cfg = good;
    struct fh_path *p;

    cfg.secret = NULL;
    ck_assert_int_eq(fh_path_new(&loop, &cfg, &p), FH_CLOUD_E_INVAL);
    cfg = good;
    cfg.opened = NULL;
    ck_assert_int_eq(fh_path_new(&loop, &cfg, &p), FH_CLOUD_E_INVAL);
    cfg = good;
    cfg.send_len = 64 << 20;
    ck_assert_int_eq(fh_path_new(&loop, &cfg, &p), FH_CLOUD_E_INVAL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("path_uv");
    TCase *t = tcase_create("paths");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_stream_stands_and_carries_both_ways);
    tcase_add_test(t, the_channels_secrets_take_the_place_of_the_signallings);
    tcase_add_test(t, other_secrets_than_the_peers_end_the_stream);
    tcase_add_test(t, another_secret_opens_nothing);
    tcase_add_test(t, without_a_peer_it_gives_up_in_time);
    tcase_add_loop_test(t, it_can_be_given_up_at_any_time, 0, 3);
    tcase_add_test(t, closing_the_stream_from_the_callback_that_gave_it_is_fine);
    tcase_add_test(t, lines_that_make_no_sense_change_nothing);
    tcase_add_test(t, a_stranger_is_counted_and_changes_nothing);
    tcase_add_test(t, a_restart_keeps_the_stream);
    tcase_add_test(t, a_config_out_of_range_is_refused);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
