/* SPDX-License-Identifier: MIT */
/* The relay between streams in memory, in time that only the test lets pass. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <farhand/pipe.h>

#include "relay.h"

enum { PEERS = 8, ROOM = 4 << 20 };

/* Who is at the other end of a connection to the relay. */
struct peer {
    struct fh_pipe *pipe;
    struct fh_stream *s;
    uint8_t *got;
    size_t got_len;
    const uint8_t *to_send;
    size_t to_send_len;
    bool is_deaf; /* takes nothing */
    int ends, error;
};

static uv_loop_t loop;
static struct fh__relay *relay;
static struct fh__relay_config cfg;
static struct peer peers[PEERS];
static size_t n_peers;
static uint64_t clock_ms, utc_ms;
static uint64_t used_bytes;
static uint8_t used_account[16];
static bool is_closed;
static int drained;

static uint64_t now(void *user)
{
    (void)user;
    return clock_ms;
}

static uint64_t utc(void *user)
{
    (void)user;
    return utc_ms;
}

static void usage(void *user, const uint8_t account[static 16], uint64_t bytes)
{
    (void)user;
    memcpy(used_account, account, 16);
    used_bytes += bytes;
}

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

/* Until nothing moves. What ends in one pipe may end another, without a byte: a round more. */
static void run(void)
{
    for (int quiet = 0; quiet < 3; quiet++) {
        for (size_t i = 0; i < n_peers; i++)
            if (fh_pipe_run(peers[i].pipe) > 0)
                quiet = 0;
        uv_run(&loop, UV_RUN_NOWAIT);
    }
}

static void pass(uint64_t ms)
{
    run();
    clock_ms += ms;
    utc_ms += ms;
    fh__relay_tick(relay);
    run();
}

static void start(void)
{
    memset(peers, 0, sizeof peers);
    n_peers = 0;
    clock_ms = 5;
    utc_ms = 1700000000000;
    used_bytes = 0;
    drained = 0;
    is_closed = false;
    memcpy(cfg.key, "the key of the relay...........", sizeof cfg.key);
    cfg.now = now;
    cfg.utc = utc;
    cfg.usage = usage;
    uv_loop_init(&loop);
    relay = fh__relay_new(&loop, &cfg);
    ck_assert_ptr_nonnull(relay);
}

static void setup(void)
{
    memset(&cfg, 0, sizeof cfg);
    start();
}

static void on_closed(void *user)
{
    (void)user;
    is_closed = true;
}

static void teardown(void)
{
    if (!relay)
        return;
    fh__relay_close(relay, on_closed, NULL);
    relay = NULL;
    run();
    while (!is_closed)
        uv_run(&loop, UV_RUN_ONCE);
    for (size_t i = 0; i < n_peers; i++) {
        fh_pipe_free(peers[i].pipe);
        free(peers[i].got);
    }
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* With another configuration than that of setup(). */
static void restart(void)
{
    teardown();
    start();
}

static struct peer *join(void)
{
    struct peer *p = &peers[n_peers++];
    struct fh_pipe_config small = {.buffer_len = 16 << 10};

    ck_assert_uint_le(n_peers, PEERS);
    p->pipe = fh_pipe_new(&small);
    p->got = malloc(ROOM);
    p->s = fh_pipe_end(p->pipe, 0);
    fh_stream_attach(p->s, &events, p);
    fh__relay_accept(relay, fh_pipe_end(p->pipe, 1), NULL);
    return p;
}

static struct fh__ticket ticket(uint8_t side, uint8_t conn)
{
    struct fh__ticket t = {.side = side, .expires_ms = utc_ms + FH__TICKET_LIFE_MS};

    memset(t.conn, conn, sizeof t.conn);
    memset(t.account, 0xac, sizeof t.account);
    return t;
}

static void say(struct peer *p, const void *data, size_t len)
{
    p->to_send = data;
    p->to_send_len = len;
    send_more(p);
}

static void show(struct peer *p, const struct fh__ticket *t)
{
    static uint8_t hello[PEERS][2 + FH__TICKET_LEN];
    uint8_t *h = hello[p - peers];

    h[0] = 1;
    h[1] = FH__TICKET_LEN;
    fh__ticket_make(cfg.key, t, h + 2);
    say(p, h, sizeof *hello);
}

static struct peer *join_with(uint8_t side, uint8_t conn)
{
    struct fh__ticket t = ticket(side, conn);
    struct peer *p = join();

    show(p, &t);
    return p;
}

static struct fh__relay_counters count(void)
{
    struct fh__relay_counters c;

    fh__relay_count(relay, &c);
    return c;
}

static void assert_answer(const struct peer *p, enum fh__relay_status status)
{
    ck_assert_uint_ge(p->got_len, 1);
    ck_assert_uint_eq(p->got[0], status);
    if (status != FH__RELAY_PAIRED) {
        ck_assert_uint_eq(p->got_len, 1);
        ck_assert_int_eq(p->ends, 1);
        ck_assert_int_eq(p->error, 0);
        ck_assert_uint_ge(count().answers[status], 1);
    }
}

static void pair_up(struct peer **v, struct peer **s)
{
    *v = join_with(FH__TICKET_VIEWER, 1);
    run();
    ck_assert_uint_eq((*v)->got_len, 0);
    *s = join_with(FH__TICKET_SERVER, 1);
    run();
    assert_answer(*v, FH__RELAY_PAIRED);
    assert_answer(*s, FH__RELAY_PAIRED);
    ck_assert_uint_eq(count().pairs, 1);
}

static const uint8_t *noise(size_t len)
{
    static uint8_t bytes[ROOM];

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 167 + i / 251);
    return bytes;
}

START_TEST(two_with_tickets_for_the_same_connection_are_paired)
{
    struct peer *v, *s;

    pair_up(&v, &s);
    say(v, "to the server", 13);
    say(s, "to the viewer", 13);
    run();
    ck_assert_uint_eq(s->got_len, 14);
    ck_assert_mem_eq(s->got + 1, "to the server", 13);
    ck_assert_mem_eq(v->got + 1, "to the viewer", 13);
    ck_assert_uint_eq(count().bytes, 26);
    ck_assert_uint_eq(count().unproven + count().waiting, 0);
}
END_TEST

/* The ticket byte by byte, and the first words right behind it, before the other one is there. */
START_TEST(what_was_said_before_the_other_came_is_not_lost)
{
    struct peer *v = join_with(FH__TICKET_VIEWER, 1), *s;

    while (fh_pipe_step(v->pipe, 1))
        uv_run(&loop, UV_RUN_NOWAIT);
    say(v, noise(100000), 100000);
    run();
    ck_assert_uint_gt(v->to_send_len, 0); /* it must wait */
    s = join_with(FH__TICKET_SERVER, 1);
    run();
    ck_assert_uint_eq(s->got_len, 100001);
    ck_assert_mem_eq(s->got + 1, noise(100000), 100000);
}
END_TEST

START_TEST(who_does_not_read_makes_the_other_wait)
{
    struct peer *v, *s;
    uint64_t stuck;

    pair_up(&v, &s);
    v->is_deaf = true;
    say(s, noise(ROOM - 1), ROOM - 1);
    run();
    stuck = count().bytes;
    ck_assert_uint_lt(stuck, 200000); /* what the pipes hold, nothing more */
    run();
    ck_assert_uint_eq(count().bytes, stuck);
    /* The other direction goes on meanwhile. */
    say(v, "still here", 10);
    run();
    ck_assert_uint_eq(s->got_len, 11);
    v->is_deaf = false;
    fh_stream_resume(v->s);
    run();
    ck_assert_uint_eq(v->got_len, ROOM);
    ck_assert_mem_eq(v->got + 1, noise(ROOM - 1), ROOM - 1);
}
END_TEST

START_TEST(an_end_passes_through_behind_the_last_byte)
{
    struct peer *v, *s;

    pair_up(&v, &s);
    say(s, noise(15000), 15000);
    fh_stream_shutdown(s->s);
    run();
    ck_assert_uint_eq(v->got_len, 15001);
    ck_assert_int_eq(v->ends, 1);
    ck_assert_int_eq(v->error, 0);
    ck_assert_int_eq(s->ends, 0);
    say(v, "and this side goes on", 21);
    run();
    ck_assert_uint_eq(s->got_len, 22);
    ck_assert_uint_eq(count().pairs, 1);
    fh_stream_shutdown(v->s);
    run();
    ck_assert_int_eq(s->ends, 1);
    ck_assert_int_eq(s->error, 0);
    ck_assert_uint_eq(count().pairs, 0);
    ck_assert_uint_eq(count().ended, 1);
    ck_assert_uint_eq(used_bytes, 15000 + 21);
    ck_assert_uint_eq(used_account[0], 0xac);
}
END_TEST

/* A pipe that is closed when nothing is on its way ends politely for its other side; that a break
 * stays one where it must is in test_relay_tls.c. */
START_TEST(a_break_ends_both)
{
    struct peer *v, *s;

    pair_up(&v, &s);
    if (_i == 1) /* also one whose other side has said goodbye */
        fh_stream_shutdown(v->s);
    run();
    fh_pipe_cut(s->pipe);
    run();
    ck_assert_int_eq(v->ends, 1);
    ck_assert_uint_eq(count().broken, 1);
    ck_assert_uint_eq(count().pairs, 0);
}
END_TEST

START_TEST(a_ticket_is_good_once)
{
    struct fh__ticket t = ticket(FH__TICKET_VIEWER, 1);
    struct peer *a = join(), *b;

    show(a, &t);
    run();
    b = join();
    show(b, &t);
    run();
    assert_answer(b, FH__RELAY_USED);
    ck_assert_int_eq(a->ends, 0);
    ck_assert_uint_eq(count().waiting, 1);
}
END_TEST

START_TEST(what_is_no_ticket_is_refused)
{
    uint8_t hello[2 + FH__TICKET_LEN] = {1, FH__TICKET_LEN};
    struct fh__ticket t = ticket(FH__TICKET_VIEWER, 1);
    struct peer *p[4];

    for (size_t i = 0; i < 4; i++)
        p[i] = join();
    fh__ticket_make(cfg.key, &t, hello + 2);
    say(p[0], "GET / HTTP/1.1\r\n\r\n", 18);
    say(p[1], "\1\1\1", 3);
    hello[50] ^= 1;
    say(p[2], hello, sizeof hello);
    t.expires_ms = utc_ms;
    show(p[3], &t);
    run();
    for (size_t i = 0; i < 3; i++)
        assert_answer(p[i], FH__RELAY_BAD);
    assert_answer(p[3], FH__RELAY_EXPIRED);
    ck_assert_uint_eq(count().unproven, 0);
}
END_TEST

START_TEST(who_comes_for_another_account_is_not_paired)
{
    struct fh__ticket t = ticket(FH__TICKET_SERVER, 1);
    struct peer *v = join_with(FH__TICKET_VIEWER, 1), *s = join();

    run();
    t.account[3] ^= 1;
    show(s, &t);
    run();
    assert_answer(s, FH__RELAY_BAD);
    ck_assert_int_eq(v->ends, 0);
}
END_TEST

START_TEST(who_says_nothing_is_let_go)
{
    struct peer *silent = join(), *half = join();

    say(half, "\1", 1);
    run();
    ck_assert_uint_eq(count().unproven, 2);
    pass(9999);
    ck_assert_int_eq(silent->ends + half->ends, 0);
    pass(1);
    ck_assert_int_eq(silent->ends, 1);
    ck_assert_int_eq(half->ends, 1);
    ck_assert_uint_eq(count().turned_away, 2);
}
END_TEST

START_TEST(who_waits_in_vain_is_told)
{
    struct peer *v = join_with(FH__TICKET_VIEWER, 1);

    pass(29999);
    ck_assert_int_eq(v->ends, 0);
    pass(1);
    assert_answer(v, FH__RELAY_ALONE);
    ck_assert_uint_eq(count().waiting, 0);
}
END_TEST

START_TEST(a_second_ticket_takes_the_first_ones_place)
{
    struct fh__ticket t = ticket(FH__TICKET_VIEWER, 1);
    struct peer *old = join_with(FH__TICKET_VIEWER, 1), *v = join(), *s;

    run();
    t.expires_ms--;
    show(v, &t);
    run();
    assert_answer(old, FH__RELAY_ALONE);
    s = join_with(FH__TICKET_SERVER, 1);
    run();
    assert_answer(v, FH__RELAY_PAIRED);
    assert_answer(s, FH__RELAY_PAIRED);
}
END_TEST

START_TEST(who_goes_while_he_waits_is_forgotten)
{
    struct peer *v = join_with(FH__TICKET_VIEWER, 1), *s;

    run();
    if (_i == 0)
        fh_pipe_cut(v->pipe);
    else
        fh_stream_shutdown(v->s);
    run();
    ck_assert_uint_eq(count().waiting, 0);
    s = join_with(FH__TICKET_SERVER, 1);
    run();
    ck_assert_uint_eq(s->got_len, 0);
    ck_assert_uint_eq(count().waiting, 1);
}
END_TEST

START_TEST(an_idle_pair_ends_and_a_busy_one_does_not)
{
    struct peer *v, *s;

    pair_up(&v, &s);
    for (int i = 0; i < 5; i++) {
        pass(599000);
        say(i % 2 ? v : s, "x", 1);
        run();
    }
    ck_assert_int_eq(v->ends, 0);
    pass(599999);
    ck_assert_int_eq(v->ends, 0);
    for (int i = 0; i < 4 && !v->ends; i++)
        pass(300000);
    ck_assert_int_eq(v->ends, 1);
    ck_assert_uint_eq(count().idle, 1);
}
END_TEST

/* Over ten seconds of 800 kbit/s a megabyte passes, and a burst: in each direction by itself. */
START_TEST(no_more_passes_than_the_ticket_says)
{
    struct fh__ticket tv = ticket(FH__TICKET_VIEWER, 1), ts = ticket(FH__TICKET_SERVER, 1);
    struct peer *v = join(), *s = join();
    size_t last = 0;

    tv.kbit = ts.kbit = 800;
    show(v, &tv);
    show(s, &ts);
    run();
    assert_answer(v, FH__RELAY_PAIRED);
    say(s, noise(ROOM - 1), ROOM - 1);
    for (int i = 0; i < 500; i++) {
        pass(20);
        ck_assert_uint_le(v->got_len - last, 40000);
        last = v->got_len;
    }
    ck_assert_uint_ge(v->got_len, 1000000);
    ck_assert_uint_le(v->got_len, 1050000);
    ck_assert_mem_eq(v->got + 1, noise(v->got_len), v->got_len - 1);
    say(v, "not slowed down by the other direction", 38);
    run();
    ck_assert_uint_eq(s->got_len, 39);
}
END_TEST

START_TEST(the_configuration_limits_where_a_ticket_does_not)
{
    struct peer *v, *s;

    cfg.kbit = 800;
    restart();
    pair_up(&v, &s);
    say(s, noise(ROOM - 1), ROOM - 1);
    for (int i = 0; i < 100; i++)
        pass(20);
    ck_assert_uint_ge(v->got_len, 200000);
    ck_assert_uint_le(v->got_len, 240000);
}
END_TEST

START_TEST(an_account_gets_the_bytes_that_it_has_left)
{
    struct fh__ticket tv = ticket(FH__TICKET_VIEWER, 1), ts = ticket(FH__TICKET_SERVER, 1);
    struct peer *v = join(), *s = join();

    tv.bytes = ts.bytes = 50000;
    show(v, &tv);
    show(s, &ts);
    run();
    say(s, noise(100000), 100000);
    run();
    pass(20);
    ck_assert_uint_eq(v->got_len, 50001);
    ck_assert_int_eq(v->ends, 1);
    ck_assert_uint_eq(count().over_quota, 1);
    ck_assert_uint_eq(used_bytes, 50000);
}
END_TEST

/* Two pairs of one account share what it has left. */
START_TEST(an_account_has_its_bytes_once)
{
    struct peer *p[4];

    for (int i = 0; i < 4; i++) {
        struct fh__ticket t =
            ticket(i % 2 ? FH__TICKET_SERVER : FH__TICKET_VIEWER, (uint8_t)(1 + i / 2));

        t.bytes = 50000;
        p[i] = join();
        show(p[i], &t);
    }
    run();
    say(p[1], noise(40000), 40000);
    run();
    say(p[3], noise(40000), 40000);
    run();
    pass(20);
    ck_assert_uint_eq(p[0]->got_len, 40001);
    ck_assert_uint_eq(p[2]->got_len, 10001);
    ck_assert_int_eq(p[2]->ends, 1);
}
END_TEST

START_TEST(usage_is_told_while_a_pair_lives)
{
    struct peer *v, *s;

    pair_up(&v, &s);
    say(v, noise(1000), 1000);
    pass(60000);
    ck_assert_uint_eq(used_bytes, 1000);
    pass(60000);
    say(v, noise(500), 500);
    run();
    ck_assert_uint_eq(used_bytes, 1000);
    fh_pipe_cut(v->pipe);
    run();
    ck_assert_uint_eq(used_bytes, 1500);
}
END_TEST

START_TEST(limits_of_number_hold)
{
    struct peer *v, *s, *p[2];

    cfg.max_pairs = 1;
    cfg.max_waiting = 1;
    cfg.max_unproven = 2;
    restart();
    pair_up(&v, &s);
    p[0] = join_with(FH__TICKET_VIEWER, 2);
    run();
    p[1] = join_with(FH__TICKET_VIEWER, 3);
    run();
    assert_answer(p[1], FH__RELAY_BUSY); /* one waits already */
    p[1] = join_with(FH__TICKET_SERVER, 2);
    run();
    assert_answer(p[0], FH__RELAY_BUSY); /* one pair there is */
    assert_answer(p[1], FH__RELAY_BUSY);
    join();
    join();
    p[0] = join();
    run();
    ck_assert_int_eq(p[0]->ends, 1);
    ck_assert_uint_eq(p[0]->got_len, 0);
}
END_TEST

START_TEST(an_account_has_so_many_pairs)
{
    struct peer *v, *s, *p[2];

    cfg.max_account_pairs = 1;
    restart();
    pair_up(&v, &s);
    p[0] = join_with(FH__TICKET_VIEWER, 2);
    p[1] = join_with(FH__TICKET_SERVER, 2);
    run();
    assert_answer(p[0], FH__RELAY_QUOTA);
    assert_answer(p[1], FH__RELAY_QUOTA);
    fh_pipe_cut(v->pipe);
    run();
    p[0] = join_with(FH__TICKET_VIEWER, 3);
    p[1] = join_with(FH__TICKET_SERVER, 3);
    run();
    assert_answer(p[0], FH__RELAY_PAIRED);
}
END_TEST

static void on_drained(void *user)
{
    (void)user;
    drained++;
}

START_TEST(a_drained_relay_lets_pairs_end)
{
    struct peer *v, *s, *alone, *late;

    pair_up(&v, &s);
    alone = join_with(FH__TICKET_VIEWER, 2);
    run();
    fh__relay_drain(relay, on_drained, NULL);
    run();
    assert_answer(alone, FH__RELAY_BUSY);
    late = join_with(FH__TICKET_SERVER, 2);
    run();
    assert_answer(late, FH__RELAY_BUSY);
    say(v, "goes on", 7);
    run();
    ck_assert_uint_eq(s->got_len, 8);
    ck_assert_int_eq(drained, 0);
    fh_stream_shutdown(v->s);
    fh_stream_shutdown(s->s);
    fh_stream_close(alone->s, NULL, NULL);
    fh_stream_close(late->s, NULL, NULL);
    run();
    ck_assert_int_eq(drained, 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("relay");
    TCase *t = tcase_create("pairs");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, two_with_tickets_for_the_same_connection_are_paired);
    tcase_add_test(t, what_was_said_before_the_other_came_is_not_lost);
    tcase_add_test(t, who_does_not_read_makes_the_other_wait);
    tcase_add_test(t, an_end_passes_through_behind_the_last_byte);
    tcase_add_loop_test(t, a_break_ends_both, 0, 2);
    tcase_add_test(t, a_ticket_is_good_once);
    tcase_add_test(t, what_is_no_ticket_is_refused);
    tcase_add_test(t, who_comes_for_another_account_is_not_paired);
    tcase_add_test(t, who_says_nothing_is_let_go);
    tcase_add_test(t, who_waits_in_vain_is_told);
    tcase_add_test(t, a_second_ticket_takes_the_first_ones_place);
    tcase_add_loop_test(t, who_goes_while_he_waits_is_forgotten, 0, 2);
    tcase_add_test(t, an_idle_pair_ends_and_a_busy_one_does_not);
    tcase_add_test(t, no_more_passes_than_the_ticket_says);
    tcase_add_test(t, the_configuration_limits_where_a_ticket_does_not);
    tcase_add_test(t, an_account_gets_the_bytes_that_it_has_left);
    tcase_add_test(t, an_account_has_its_bytes_once);
    tcase_add_test(t, usage_is_told_while_a_pair_lives);
    tcase_add_test(t, limits_of_number_hold);
    tcase_add_test(t, an_account_has_so_many_pairs);
    tcase_add_test(t, a_drained_relay_lets_pairs_end);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
