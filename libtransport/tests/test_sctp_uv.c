/* SPDX-License-Identifier: MIT */
/* Streams over datagrams on a loop: over UDP, and over a path in memory that loses. */
#include <farhand/sctp_uv.h>

#include "uv_support.h"

static const uint8_t secrets[2][32] = {{1}, {2}};

/* What fh_udp_start() and fh_sctp_start() told, and the owner of what they gave. */
struct side {
    struct owner owner;
    unsigned done;
    int error;
    struct fh_udp *udp;
    bool close_inside;
    unsigned raw;
    uint8_t raw_first;
};

static struct side sides[2];

static void side_done(void *user, struct fh_stream *s, int error)
{
    struct side *x = user;

    x->done++;
    x->error = error;
    ck_assert((s == NULL) == (error != 0));
    if (!s)
        return;
    own(&x->owner, s);
    if (x->close_inside)
        fh_stream_close(s, owner_closed, &x->owner);
}

static void side_raw(void *user, const uint8_t *data, size_t len)
{
    struct side *x = user;

    ck_assert_uint_ge(len, 1);
    x->raw++;
    x->raw_first = data[0];
}

static struct fh_sctp_start_config config_of(int i)
{
    struct fh_sctp_start_config c;

    memset(&c, 0, sizeof c);
    c.sctp.side = i == 0 ? FH_SCTP_CONNECT : FH_SCTP_LISTEN;
    c.sctp.guard = (struct fh_guard_config){.tx_secret = secrets[i],
                                            .rx_secret = secrets[1 - i],
                                            .tx_index = (uint32_t)(2 - i),
                                            .rx_index = (uint32_t)(1 + i)};
    c.done = side_done;
    c.raw = side_raw;
    c.user = &sides[i];
    return c;
}

static struct fh_address loopback(uint16_t port)
{
    struct fh_address a;

    ck_assert_int_eq(fh_address_parse_ip("127.0.0.1", 9, &a), 0);
    a.port = port;
    return a;
}

static void start_udp(int i, const struct fh_address *peer,
                      const struct fh_sctp_start_config *start)
{
    struct fh_address local = loopback(0);
    struct fh_udp_config c = {.local = &local, .peer = peer, .start = *start};

    ck_assert_int_eq(fh_udp_start(&loop, &c, &sides[i].udp), 0);
}

static void setup(void)
{
    loop_setup();
    memset(sides, 0, sizeof sides);
    sides[0].owner.appetite = sides[1].owner.appetite = UINT64_MAX;
}

static void start_pair(void)
{
    struct fh_sctp_start_config c[2] = {config_of(0), config_of(1)};
    struct fh_address at;

    start_udp(1, NULL, &c[1]);
    fh_udp_address(sides[1].udp, &at);
    start_udp(0, &at, &c[0]);
}

static void open_pair(void)
{
    start_pair();
    RUN_UNTIL(sides[0].done && sides[1].done);
    ck_assert_int_eq(sides[0].error, 0);
    ck_assert_int_eq(sides[1].error, 0);
}

static void teardown(void)
{
    close_owner(&sides[0].owner);
    close_owner(&sides[1].owner);
    loop_teardown();
}

/* Writes a pattern until len bytes are taken; notes their sum as the owner does. */
static uint64_t write_all(struct owner *o, uint64_t len)
{
    uint64_t sum = 0;

    for (uint64_t done = 0; done < len;) {
        uint8_t piece[5000];
        uint64_t left = len - done;
        size_t n = left < sizeof piece ? (size_t)left : sizeof piece;
        unsigned told = o->writable;
        int took;

        for (size_t i = 0; i < n; i++)
            piece[i] = (uint8_t)((done + i) * 31 >> 3);
        took = fh_stream_write(o->s, piece, n);
        ck_assert_int_ge(took, 0);
        for (int i = 0; i < took; i++)
            sum = sum * 31 + piece[i];
        done += (uint64_t)took;
        if ((size_t)took < n)
            RUN_UNTIL(o->writable > told);
    }
    return sum;
}

static unsigned stops;

static void on_stop(uv_timer_t *timer)
{
    (void)timer;
    stops++;
}

/* ---- over UDP -------------------------------------------------------------------------------- */

START_TEST(bytes_arrive_both_ways)
{
    struct fh_stream_counters c;
    uint64_t sum[2];
    char text[FH_ADDRESS_TEXT];

    open_pair();
    ck_assert_int_eq(fh_stream_kind(sides[0].owner.s), FH_STREAM_SCTP);
    fh_stream_peer(sides[0].owner.s, text, sizeof text);
    ck_assert_int_eq(strncmp(text, "127.0.0.1:", 10), 0);
    sum[0] = write_all(&sides[0].owner, 3000000);
    sum[1] = write_all(&sides[1].owner, 500000);
    RUN_UNTIL(sides[1].owner.len == 3000000 && sides[0].owner.len == 500000);
    ck_assert_uint_eq(sides[1].owner.sum, sum[0]);
    ck_assert_uint_eq(sides[0].owner.sum, sum[1]);
    RUN_UNTIL((fh_stream_counters(sides[0].owner.s, &c), c.queued == 0));
    ck_assert_uint_eq(c.out, 3000000);
    ck_assert_uint_eq(c.in, 500000);
}
END_TEST

START_TEST(one_side_ends_then_the_other)
{
    open_pair();
    write_all(&sides[0].owner, 1000);
    fh_stream_shutdown(sides[0].owner.s);
    ck_assert_int_eq(fh_stream_write(sides[0].owner.s, secrets[0], 1), FH_TRANSPORT_E_CLOSED);
    RUN_UNTIL(sides[1].owner.ends);
    ck_assert_int_eq(sides[1].owner.error, 0);
    ck_assert_uint_eq(sides[1].owner.len, 1000);
    write_all(&sides[1].owner, 2000);
    fh_stream_shutdown(sides[1].owner.s);
    RUN_UNTIL(sides[0].owner.ends);
    ck_assert_int_eq(sides[0].owner.error, 0);
    ck_assert_uint_eq(sides[0].owner.len, 2000);
}
END_TEST

START_TEST(last_words_arrive_after_a_polite_close)
{
    open_pair();
    write_all(&sides[0].owner, 700000);
    fh_stream_shutdown(sides[0].owner.s);
    fh_stream_close(sides[0].owner.s, owner_closed, &sides[0].owner);
    RUN_UNTIL(sides[1].owner.ends);
    ck_assert_uint_eq(sides[1].owner.len, 700000);
    ck_assert_int_eq(sides[1].owner.error, 0);
    fh_stream_shutdown(sides[1].owner.s);
    fh_stream_close(sides[1].owner.s, owner_closed, &sides[1].owner);
    RUN_UNTIL(sides[0].owner.closed && sides[1].owner.closed);
}
END_TEST

START_TEST(a_polite_close_does_not_wait_for_ever)
{
    struct fh_sctp_start_config c[2] = {config_of(0), config_of(1)};
    struct fh_address at;

    c[0].linger_ms = 50;
    start_udp(1, NULL, &c[1]);
    fh_udp_address(sides[1].udp, &at);
    start_udp(0, &at, &c[0]);
    RUN_UNTIL(sides[0].done && sides[1].done);
    /* The peer reads nothing and does not end. */
    sides[1].owner.appetite = 0;
    write_all(&sides[0].owner, 100000);
    fh_stream_shutdown(sides[0].owner.s);
    fh_stream_close(sides[0].owner.s, owner_closed, &sides[0].owner);
    RUN_UNTIL(sides[0].owner.closed);
    sides[1].owner.appetite = UINT64_MAX;
    fh_stream_resume(sides[1].owner.s);
    RUN_UNTIL(sides[1].owner.ends);
    ck_assert_int_eq(sides[1].owner.error, FH_TRANSPORT_E_RESET);
}
END_TEST

START_TEST(closing_alone_resets_the_peer)
{
    open_pair();
    write_all(&sides[1].owner, 10);
    RUN_UNTIL(sides[0].owner.len == 10);
    fh_stream_close(sides[0].owner.s, owner_closed, &sides[0].owner);
    RUN_UNTIL(sides[0].owner.closed && sides[1].owner.ends);
    ck_assert_int_eq(sides[1].owner.error, FH_TRANSPORT_E_RESET);
    ck_assert_int_eq(fh_stream_write(sides[1].owner.s, secrets[0], 1), FH_TRANSPORT_E_RESET);
}
END_TEST

START_TEST(an_owner_that_takes_nothing_makes_the_peer_wait)
{
    struct owner *from = &sides[0].owner, *to = &sides[1].owner;
    static const uint8_t piece[65536];
    static uv_timer_t beat;
    uint64_t total = 0;
    int took;

    open_pair();
    uv_timer_init(&loop, &beat);
    uv_timer_start(&beat, on_stop, 5, 5);
    to->appetite = 1000;
    /* Until nothing goes any more, for a while. */
    for (int quiet = 0; quiet < 100; quiet++) {
        while ((took = fh_stream_write(from->s, piece, sizeof piece)) > 0) {
            total += (uint64_t)took;
            quiet = 0;
        }
        uv_run(&loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&beat, NULL);
    ck_assert_uint_gt(total, 1 << 20);
    ck_assert_uint_lt(total, 16 << 20);
    ck_assert_uint_eq(to->len, 1000);
    to->appetite = UINT64_MAX;
    fh_stream_resume(to->s);
    RUN_UNTIL(to->len == total);
}
END_TEST

START_TEST(a_stream_may_be_closed_inside_every_call)
{
    sides[_i].close_inside = true;
    start_pair();
    RUN_UNTIL(sides[_i].owner.closed);
    if (sides[1 - _i].done && sides[1 - _i].error == 0) {
        RUN_UNTIL(sides[1 - _i].owner.ends);
        ck_assert_int_eq(sides[1 - _i].owner.error, FH_TRANSPORT_E_RESET);
    } else {
        RUN_UNTIL(sides[1 - _i].done);
    }
}
END_TEST

START_TEST(nobody_answers)
{
    struct fh_sctp_start_config c = config_of(0);
    struct fh_address at = loopback(9);

    c.open_ms = 60;
    start_udp(0, &at, &c);
    RUN_UNTIL(sides[0].done);
    ck_assert_int_eq(sides[0].error, FH_TRANSPORT_E_TIMEOUT);
    start_udp(0, &at, &c);
    fh_sctp_cancel(fh_udp_sctp(sides[0].udp));
    ck_assert_uint_eq(sides[0].done, 1);
    RUN_UNTIL(sides[0].done == 2);
    ck_assert_int_eq(sides[0].error, FH_TRANSPORT_E_CANCELLED);
}
END_TEST

START_TEST(raw_datagrams_pass)
{
    static const uint8_t big[2000] = {9};

    open_pair();
    ck_assert(!fh_sctp_send_raw(fh_udp_sctp(sides[0].udp), big, sizeof big));
    ck_assert(fh_sctp_send_raw(fh_udp_sctp(sides[0].udp), big, 1000));
    RUN_UNTIL(sides[1].raw);
    ck_assert_uint_eq(sides[1].raw_first, 9);
}
END_TEST

START_TEST(strangers_are_not_heard)
{
    struct fh_address at;
    struct fh_guard_counters c;
    static uv_udp_t stranger;
    struct sockaddr_in to;
    uint8_t bytes[64] = {8, 0, 0, 2, 0, 0, 1, 0};
    uv_buf_t buf = uv_buf_init((char *)bytes, sizeof bytes);

    open_pair();
    fh_udp_address(sides[1].udp, &at);
    uv_ip4_addr("127.0.0.1", at.port, &to);
    uv_udp_init(&loop, &stranger);
    ck_assert_int_eq(uv_udp_try_send(&stranger, &buf, 1, (struct sockaddr *)&to), 64);
    RUN_UNTIL(
        (c = fh_sctp_guard(fh_sctp_core(fh_udp_sctp(sides[1].udp)))->counters, c.forged == 1));
    uv_close((uv_handle_t *)&stranger, NULL);
    write_all(&sides[0].owner, 100);
    RUN_UNTIL(sides[1].owner.len == 100);
}
END_TEST

START_TEST(addresses_that_are_none_are_refused)
{
    struct fh_sctp_start_config start = config_of(0);
    struct fh_address none = {.family = FH_ADDRESS_NONE};
    struct fh_udp_config c = {.local = &none, .start = start};
    struct fh_udp *u;

    ck_assert_int_eq(fh_udp_start(&loop, &c, &u), FH_TRANSPORT_E_INVAL);
    none = loopback(0);
    c.start.sctp.recv_len = SIZE_MAX;
    ck_assert_int_eq(fh_udp_start(&loop, &c, &u), FH_TRANSPORT_E_INVAL);
    c.start = start;
    c.start.done = NULL;
    ck_assert_int_eq(fh_udp_start(&loop, &c, &u), FH_TRANSPORT_E_INVAL);
    ck_assert_uint_eq(sides[0].done, 0);
}
END_TEST

/* ---- over a path in memory ------------------------------------------------------------------- */

/* Datagrams wait here for the loop; every lose-th is lost. */
static struct {
    uint8_t bytes[4096][FH_SCTP_DATAGRAM_MAX];
    size_t len[4096], to[4096], at, n;
    unsigned lose, count, released;
    struct fh_sctp_stream *end[2];
    uv_idle_t idle;
} memory;

static void memory_run(uv_idle_t *idle)
{
    uv_idle_stop(idle);
    while (memory.at < memory.n) {
        size_t i = memory.at++, to = memory.to[i];

        if (!memory.end[to])
            continue;
        (void)fh_sctp_datagram(memory.end[to], memory.bytes[i], memory.len[i]);
        if (memory.end[to])
            fh_sctp_datagrams_done(memory.end[to]);
    }
    memory.at = memory.n = 0;
}

static void memory_send(void *user, const uint8_t *data, size_t len)
{
    if (memory.n == 4096 || (memory.lose != 0 && ++memory.count % memory.lose == 0))
        return;
    memcpy(memory.bytes[memory.n], data, len);
    memory.len[memory.n] = len;
    memory.to[memory.n++] = user == &memory.end[0];
    uv_idle_start(&memory.idle, memory_run);
}

static void memory_release(void *user)
{
    *(struct fh_sctp_stream **)user = NULL;
    memory.released++;
}

START_TEST(any_path_will_do)
{
    uint64_t sum;

    memset(&memory, 0, sizeof memory);
    memory.lose = (unsigned)_i;
    uv_idle_init(&loop, &memory.idle);
    for (int i = 0; i < 2; i++) {
        struct fh_sctp_start_config c = config_of(i);

        c.path = (struct fh_sctp_path){
            .send = memory_send, .release = memory_release, .user = &memory.end[i]};
        ck_assert_int_eq(fh_sctp_start(&loop, &c, &memory.end[i]), 0);
    }
    RUN_UNTIL(sides[0].done && sides[1].done);
    fh_sctp_moved(memory.end[0]);
    sum = write_all(&sides[0].owner, 2000000);
    fh_stream_shutdown(sides[0].owner.s);
    fh_stream_shutdown(sides[1].owner.s);
    RUN_UNTIL(sides[0].owner.ends && sides[1].owner.ends);
    ck_assert_uint_eq(sides[1].owner.sum, sum);
    close_owner(&sides[0].owner);
    close_owner(&sides[1].owner);
    ck_assert_uint_eq(memory.released, 2);
    uv_close((uv_handle_t *)&memory.idle, NULL);
}
END_TEST

/* ---- many ------------------------------------------------------------------------------------ */

enum { MANY = 200 };

static struct side many[MANY];
static unsigned rounds;

static void count_round(uv_check_t *check)
{
    (void)check;
    rounds++;
}

/* 200 associations at rest: the loop has next to nothing to do. */
START_TEST(many_that_are_idle_leave_the_loop_alone)
{
    static uv_check_t check;
    static uv_timer_t stop;

    for (int k = 0; k < MANY; k++) {
        struct fh_sctp_start_config c = config_of(k % 2 == 0);
        struct fh_address local = loopback(0), at;
        struct fh_udp_config u = {.local = &local, .start = c};

        u.start.user = &many[k];
        if (k % 2 == 1) {
            fh_udp_address(many[k - 1].udp, &at);
            u.peer = &at;
        }
        ck_assert_int_eq(fh_udp_start(&loop, &u, &many[k].udp), 0);
    }
    for (int k = 0; k < MANY; k++)
        RUN_UNTIL(many[k].done);
    uv_timer_init(&loop, &stop);
    uv_timer_start(&stop, on_stop, 500, 0); /* handshakes and probes end */
    RUN_UNTIL(stops == 1);
    uv_check_init(&loop, &check);
    uv_check_start(&check, count_round);
    uv_timer_start(&stop, on_stop, 1000, 0);
    RUN_UNTIL(stops == 2);
    ck_assert_uint_lt(rounds, 40);
    for (int k = 0; k < MANY; k++)
        close_owner(&many[k].owner);
    uv_close((uv_handle_t *)&check, NULL);
    uv_close((uv_handle_t *)&stop, NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sctp_uv");
    TCase *udp = tcase_create("over UDP"), *path = tcase_create("over a path in memory");
    TCase *crowd = tcase_create("many");
    TCase *all[] = {udp, path, crowd};
    SRunner *sr;
    int failed;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tcase_add_checked_fixture(all[i], setup, teardown);
        suite_add_tcase(s, all[i]);
    }
    tcase_add_test(udp, bytes_arrive_both_ways);
    tcase_add_test(udp, one_side_ends_then_the_other);
    tcase_add_test(udp, last_words_arrive_after_a_polite_close);
    tcase_add_test(udp, a_polite_close_does_not_wait_for_ever);
    tcase_add_test(udp, closing_alone_resets_the_peer);
    tcase_add_test(udp, an_owner_that_takes_nothing_makes_the_peer_wait);
    tcase_add_loop_test(udp, a_stream_may_be_closed_inside_every_call, 0, 2);
    tcase_add_test(udp, nobody_answers);
    tcase_add_test(udp, raw_datagrams_pass);
    tcase_add_test(udp, strangers_are_not_heard);
    tcase_add_test(udp, addresses_that_are_none_are_refused);
    tcase_add_test(path, any_path_will_do);
    tcase_add_loop_test(path, any_path_will_do, 7, 9);
    tcase_add_test(crowd, many_that_are_idle_leave_the_loop_alone);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
