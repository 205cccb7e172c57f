/* SPDX-License-Identifier: MIT */
/*
 * test_link_paths.c -- a link that moves between a relay and a direct path, in virtual time: each
 * byte is compared where it arrives, and how long nothing came is measured.
 */
#include <stdio.h>

#include "link_pair.h"
#include "slow_pipe.h"

enum { PIPES_MAX = 8, RELAY_RANK = 1, DIRECT_RANK = 0, PAUSE_MAX_MS = 300 };

static struct pair t;
static struct slow_pipe *pipes[PIPES_MAX];
static size_t n_pipes;
static struct fh_link_opening openings[PIPES_MAX];
static struct { /* of each end, since watch() */
    uint64_t read, last_ms, pause_ms;
} seen[2];
static bool is_bulk[2];
static unsigned moved[2];
static uint8_t rank[2];

/* ---- the server's end of a stream ---- */

static size_t on_first(void *user, const uint8_t *data, size_t len)
{
    size_t i = (size_t)(uintptr_t)user, taken;
    struct fh_stream *s = &pipes[i]->end[SERVER].s;
    enum fh_link_kind kind = fh_link_look(&openings[i], data, len, &taken);

    if (kind == FH_LINK_NEW)
        ck_assert_int_eq(fh_link_begin(t.side[SERVER].link, s, &openings[i]), 0);
    else if (kind == FH_LINK_RESUME)
        ck_assert_int_eq(fh_link_accept(t.side[SERVER].link, s, &openings[i]), 0);
    else
        ck_assert_int_eq(kind, FH_LINK_MORE);
    return taken;
}

static void on_nothing(void *user)
{
    (void)user;
}

static void on_no_end(void *user, int error)
{
    (void)user;
    (void)error;
}

static const struct fh_stream_events first_events = {
    .data = on_first, .writable = on_nothing, .end = on_no_end};

static struct slow_pipe *add(uint32_t delay_ms, uint32_t bytes_per_ms)
{
    struct slow_pipe *p = slow_pipe_new(&t.now, delay_ms, bytes_per_ms);

    ck_assert_uint_lt(n_pipes, PIPES_MAX);
    fh_stream_attach(&p->end[SERVER].s, &first_events, (void *)(uintptr_t)n_pipes);
    pipes[n_pipes++] = p;
    return p;
}

/* ---- time ---- */

static void note(int who)
{
    struct side *side = &t.side[who];

    if (side->read == seen[who].read)
        return;
    if (t.now - seen[who].last_ms > seen[who].pause_ms)
        seen[who].pause_ms = t.now - seen[who].last_ms;
    seen[who].read = side->read;
    seen[who].last_ms = t.now;
}

static void hear_events(void)
{
    for (int i = 0; i < 2; i++) {
        struct fh_link_event ev;

        while (fh_link_event(t.side[i].link, &ev) > 0) {
            ck_assert_int_ne(ev.type, FH_LINK_EV_DETACHED);
            if (ev.type != FH_LINK_EV_MOVED)
                continue;
            moved[i]++;
            rank[i] = ev.rank;
        }
    }
}

static void pass(uint64_t ms)
{
    for (uint64_t end = t.now + ms; t.now < end; t.now++) {
        bool any;

        do {
            any = false;
            for (int i = 0; i < 2; i++) {
                any |= is_bulk[i] && pair_write(&t, i, 16384) > 0;
                if (fh_link_deadline(t.side[i].link) <= t.now)
                    fh_link_tick(t.side[i].link);
            }
            for (size_t i = 0; i < n_pipes; i++)
                any |= slow_run(pipes[i]);
            hear_events();
        } while (any);
        note(CLIENT);
        note(SERVER);
    }
}

static void watch(void)
{
    for (int i = 0; i < 2; i++) {
        seen[i].read = t.side[i].read;
        seen[i].last_ms = t.now;
        seen[i].pause_ms = 0;
    }
}

static uint64_t pause_of(int who)
{
    uint64_t now = t.now - seen[who].last_ms;

    return now > seen[who].pause_ms ? now : seen[who].pause_ms;
}

static struct fh_link_info info_of(int who)
{
    struct fh_link_info info;

    fh_link_info(t.side[who].link, &info);
    return info;
}

/* ---- what is tested ---- */

static void setup(void)
{
    pair_init(&t, 1, 0);
    for (int i = 0; i < 2; i++) {
        const struct fh_link_config cfg = {.side = i == CLIENT ? FH_LINK_CLIENT : FH_LINK_SERVER,
                                           .rank = RELAY_RANK,
                                           .random = pair_random,
                                           .random_user = &t,
                                           .now = pair_now,
                                           .wake = pair_wake,
                                           .user = &t.side[i]};

        fh_link_free(t.side[i].link);
        t.side[i].link = fh_link_new(&cfg);
        ck_assert_ptr_nonnull(t.side[i].link);
        t.side[i].s = fh_link_stream(t.side[i].link);
        fh_stream_attach(t.side[i].s, &side_events, &t.side[i]);
        is_bulk[i] = false;
        moved[i] = 0;
        rank[i] = RELAY_RANK;
    }
    memset(openings, 0, sizeof openings);
    n_pipes = 0;
}

static void teardown(void)
{
    pair_free(&t);
    for (size_t i = 0; i < n_pipes; i++)
        free(pipes[i]);
}

static struct slow_pipe *begin_relay(uint32_t delay_ms, uint32_t bytes_per_ms)
{
    struct slow_pipe *relay = add(delay_ms, bytes_per_ms);

    ck_assert_int_eq(fh_link_begin(t.side[CLIENT].link, &relay->end[CLIENT].s, NULL), 0);
    pass(200);
    pair_secure(&t);
    return relay;
}

static struct slow_pipe *attach(uint32_t delay_ms, uint32_t bytes_per_ms, uint8_t as)
{
    struct slow_pipe *p = add(delay_ms, bytes_per_ms);

    ck_assert_int_eq(fh_link_attach(t.side[CLIENT].link, &p->end[CLIENT].s, as), 0);
    return p;
}

static void set_bulk(bool is)
{
    is_bulk[CLIENT] = is_bulk[SERVER] = is;
}

static void swallow(struct slow_pipe *p, bool is)
{
    slow_swallow(p, CLIENT, is);
    slow_swallow(p, SERVER, is);
}

/* Everything that was written is there. */
static void settle(void)
{
    set_bulk(false);
    pass(8000);
    ck_assert_uint_eq(t.side[CLIENT].read, t.side[SERVER].wrote);
    ck_assert_uint_eq(t.side[SERVER].read, t.side[CLIENT].wrote);
}

static void relay_direct_relay(uint32_t relay_ms, uint32_t direct_ms, uint32_t rate)
{
    struct slow_pipe *direct;

    begin_relay(relay_ms, rate);
    set_bulk(true);
    pass(1000);
    watch();
    direct = attach(direct_ms, rate, DIRECT_RANK);
    pass(1000);
    ck_assert_uint_eq(info_of(CLIENT).rank, DIRECT_RANK);
    ck_assert_uint_eq(info_of(SERVER).rank, DIRECT_RANK);
    ck_assert_uint_eq(info_of(CLIENT).paths, 2);
    ck_assert_uint_le(pause_of(CLIENT), PAUSE_MAX_MS);
    ck_assert_uint_le(pause_of(SERVER), PAUSE_MAX_MS);
    ck_assert_uint_eq(info_of(SERVER).late, 0);
    watch();
    swallow(direct, true);
    pass(2000);
    printf("relay %u ms, direct %u ms, %u kB/s: nothing came for %u and %u ms\n", relay_ms,
           direct_ms, rate, (unsigned)pause_of(CLIENT), (unsigned)pause_of(SERVER));
    ck_assert_uint_le(pause_of(CLIENT), PAUSE_MAX_MS);
    ck_assert_uint_le(pause_of(SERVER), PAUSE_MAX_MS);
    ck_assert_uint_eq(info_of(CLIENT).rank, RELAY_RANK);
    ck_assert_uint_eq(info_of(SERVER).rank, RELAY_RANK);
    ck_assert_uint_eq(rank[CLIENT], RELAY_RANK);
    ck_assert_uint_eq(moved[CLIENT], 2);
    ck_assert_uint_eq(moved[SERVER], 2);
    settle();
}

START_TEST(a_session_goes_from_relay_to_direct_and_back_under_bulk_both_ways)
{
    static const struct {
        uint32_t relay_ms, direct_ms, rate;
    } networks[] = {{20, 5, 5000}, {40, 20, 1000}, {10, 1, 20000}, {40, 20, 0}};

    relay_direct_relay(networks[_i].relay_ms, networks[_i].direct_ms, networks[_i].rate);
}
END_TEST

START_TEST(a_key_press_after_silence_finds_the_relay_in_time)
{
    struct slow_pipe *direct;

    begin_relay(20, 1000);
    direct = attach(5, 1000, DIRECT_RANK);
    pass(2500);
    swallow(direct, true);
    pass(300);
    for (int who = 0; who < 2; who++) {
        watch();
        ck_assert_uint_eq(pair_write(&t, who, 64), 64);
        pass(PAUSE_MAX_MS);
        ck_assert_uint_eq(t.side[!who].read, t.side[who].wrote);
    }
}
END_TEST

START_TEST(one_direction_that_dies_is_noticed_by_who_sends_there)
{
    struct slow_pipe *direct;

    begin_relay(20, 2000);
    direct = attach(5, 2000, DIRECT_RANK);
    set_bulk(true);
    pass(1000);
    watch();
    slow_swallow(direct, SERVER, true);
    pass(1500);
    ck_assert_uint_le(pause_of(CLIENT), PAUSE_MAX_MS);
    ck_assert_uint_le(pause_of(SERVER), PAUSE_MAX_MS);
    settle();
}
END_TEST

START_TEST(a_direct_path_that_comes_back_is_used_again)
{
    struct slow_pipe *direct;

    begin_relay(20, 2000);
    direct = attach(5, 2000, DIRECT_RANK);
    set_bulk(true);
    pass(500);
    swallow(direct, true);
    pass(1500);
    ck_assert_uint_eq(info_of(SERVER).rank, RELAY_RANK);
    swallow(direct, false);
    watch();
    pass(4000);
    ck_assert_uint_eq(info_of(SERVER).rank, DIRECT_RANK);
    ck_assert_uint_eq(info_of(CLIENT).rank, DIRECT_RANK);
    ck_assert_uint_le(pause_of(CLIENT), PAUSE_MAX_MS);
    ck_assert_uint_le(pause_of(SERVER), PAUSE_MAX_MS);
    settle();
}
END_TEST

START_TEST(a_relay_that_dies_beside_a_direct_path_is_not_felt_and_another_takes_its_place)
{
    struct slow_pipe *relay = begin_relay(20, 2000), *direct, *next;

    direct = attach(5, 2000, DIRECT_RANK);
    set_bulk(true);
    pass(1000);
    watch();
    swallow(relay, true);
    pass(15000);
    ck_assert_uint_le(pause_of(CLIENT), 50);
    ck_assert_uint_le(pause_of(SERVER), 50);
    ck_assert_uint_eq(info_of(CLIENT).paths, 1);
    next = attach(30, 2000, RELAY_RANK);
    pass(500);
    ck_assert_uint_eq(info_of(CLIENT).paths, 2);
    ck_assert_uint_eq(info_of(SERVER).rank, DIRECT_RANK);
    ck_assert_uint_gt(next->end[CLIENT].s.out, 0);
    watch();
    swallow(direct, true);
    pass(1000);
    ck_assert_uint_le(pause_of(CLIENT), PAUSE_MAX_MS);
    ck_assert_uint_le(pause_of(SERVER), PAUSE_MAX_MS);
    settle();
}
END_TEST

START_TEST(who_takes_nothing_is_not_taken_for_dead)
{
    begin_relay(20, 2000);
    attach(5, 2000, DIRECT_RANK);
    set_bulk(true);
    pass(500);
    t.side[CLIENT].appetite = 1000;
    pass(5000);
    ck_assert_uint_eq(info_of(SERVER).late, 0);
    ck_assert_uint_eq(info_of(SERVER).rank, DIRECT_RANK);
    pair_resume(&t, CLIENT);
    settle();
    ck_assert_uint_eq(info_of(SERVER).late, 0);
}
END_TEST

/* With one path an ACK takes its time. */
START_TEST(what_was_not_acknowledged_before_there_was_a_choice_makes_no_path_late)
{
    begin_relay(20, 2000);
    pass(3000);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(pair_write(&t, i, 4000), 4000);
    pass(30);
    attach(5, 2000, DIRECT_RANK);
    pass(2000);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(info_of(i).late, 0);
        ck_assert_uint_eq(info_of(i).rank, DIRECT_RANK);
        ck_assert_uint_eq(moved[i], 1);
    }
}
END_TEST

START_TEST(a_long_way_is_not_taken_for_a_dead_one)
{
    begin_relay(300, 2000);
    pass(1000);
    attach(250, 2000, DIRECT_RANK);
    pass(1500);
    for (int i = 0; i < 20; i++) {
        (void)pair_write(&t, SERVER, 5000);
        pass(777);
        (void)pair_write(&t, CLIENT, 50);
        pass(333);
    }
    ck_assert_uint_eq(info_of(SERVER).late, 0);
    ck_assert_uint_eq(info_of(CLIENT).late, 0);
    ck_assert_uint_ge(info_of(SERVER).rtt_ms, 500);
    settle();
}
END_TEST

START_TEST(a_path_that_comes_and_goes_is_trusted_ever_less)
{
    struct slow_pipe *direct;
    uint64_t late;

    begin_relay(20, 2000);
    direct = attach(5, 2000, DIRECT_RANK);
    set_bulk(true);
    pass(500);
    for (int i = 0; i < 60; i++) {
        swallow(direct, true);
        pass(400);
        swallow(direct, false);
        pass(600);
    }
    late = info_of(SERVER).late;
    ck_assert_uint_ge(late, 2);
    ck_assert_uint_le(late, 8);
    settle();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("link paths");
    TCase *tc = tcase_create("moving");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_session_goes_from_relay_to_direct_and_back_under_bulk_both_ways, 0,
                        4);
    tcase_add_test(tc, a_key_press_after_silence_finds_the_relay_in_time);
    tcase_add_test(tc, one_direction_that_dies_is_noticed_by_who_sends_there);
    tcase_add_test(tc, a_direct_path_that_comes_back_is_used_again);
    tcase_add_test(tc,
                   a_relay_that_dies_beside_a_direct_path_is_not_felt_and_another_takes_its_place);
    tcase_add_test(tc, who_takes_nothing_is_not_taken_for_dead);
    tcase_add_test(tc, what_was_not_acknowledged_before_there_was_a_choice_makes_no_path_late);
    tcase_add_test(tc, a_long_way_is_not_taken_for_a_dead_one);
    tcase_add_test(tc, a_path_that_comes_and_goes_is_trusted_ever_less);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    SRunner *sr = srunner_create(suite());
    int failed;

    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
