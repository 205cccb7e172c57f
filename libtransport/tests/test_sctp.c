/* SPDX-License-Identifier: MIT */
/* Streams over datagrams: two ends and a path of every kind, in virtual time. */
#include <check.h>

#include "sctp_internal.h"
#include "sctp_world.h"

static struct world w;

static void setup(void)
{
    world_init(&w, 1);
}

static void teardown(void)
{
    world_free(&w);
    memset(&w, 0, sizeof w);
}

static void path(uint64_t rate_bps, uint64_t rtt_ms, uint64_t queue_ms)
{
    for (int i = 0; i < 2; i++) {
        w.wire[i].rate_bps = rate_bps;
        w.wire[i].delay_us = rtt_ms * MS / 2;
        w.wire[i].queue_len = rate_bps ? rate_bps / 8 * queue_ms / 1000 : UINT64_MAX;
    }
}

static struct fh_sctp_info info(int end)
{
    struct fh_sctp_info i;

    fh_sctp_info(w.end[end], &i);
    return i;
}

static void open_both(void)
{
    world_start(&w);
    world_run(&w, 3 * SEC);
    ck_assert_int_eq(fh_sctp_state(w.end[0]), FH_SCTP_OPEN);
    ck_assert_int_eq(fh_sctp_state(w.end[1]), FH_SCTP_OPEN);
}

static void all_arrived(void)
{
    ck_assert_uint_eq(w.wrong, 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(w.written[i], w.to_write[i]);
        ck_assert_uint_eq(w.got[1 - i], w.to_write[i]);
    }
}

static void closed_well(void)
{
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(fh_sctp_error(w.end[i]), 0);
        ck_assert_int_eq(fh_sctp_state(w.end[i]), FH_SCTP_CLOSED);
    }
}

/* ---- a life ---------------------------------------------------------------------------------- */

START_TEST(the_first_bytes_travel_with_the_handshake)
{
    path(0, 100, 0);
    w.to_write[0] = 1000;
    w.to_write[1] = 500;
    world_start(&w);
    world_run(&w, 149 * MS);
    ck_assert_uint_eq(w.got[1], 0);
    world_run(&w, 2 * MS);
    ck_assert_uint_eq(w.got[1], 1000); /* a round trip and a half */
    world_run(&w, 50 * MS);
    ck_assert_uint_eq(w.got[0], 500);
    all_arrived();
}
END_TEST

START_TEST(both_ends_talk_and_close)
{
    path(50000000, 30, 30);
    w.to_write[0] = 3000000;
    w.to_write[1] = 1234567;
    w.ends[0] = w.ends[1] = true;
    world_start(&w);
    world_run_to_end(&w, 30 * SEC);
    all_arrived();
    closed_well();
    ck_assert(fh_sctp_peer_ended(w.end[0]));
    ck_assert_int_eq(fh_sctp_write(w.end[0], (const uint8_t *)"x", 1), FH_TRANSPORT_E_CLOSED);
    ck_assert_uint_eq(fh_sctp_deadline(w.end[0]), UINT64_MAX);
}
END_TEST

START_TEST(one_side_ends_and_the_other_goes_on)
{
    path(10000000, 20, 20);
    w.to_write[0] = 1000;
    w.ends[0] = true;
    world_start(&w);
    world_run(&w, SEC);
    ck_assert(fh_sctp_peer_ended(w.end[1]));
    ck_assert_int_eq(fh_sctp_state(w.end[1]), FH_SCTP_OPEN);
    w.to_write[1] = 2000000;
    w.ends[1] = true;
    world_run_to_end(&w, 20 * SEC);
    all_arrived();
    closed_well();
}
END_TEST

START_TEST(an_end_without_a_word_closes_too)
{
    w.ends[0] = w.ends[1] = true;
    path(0, 10, 0);
    world_start(&w);
    world_run_to_end(&w, 10 * SEC);
    closed_well();
}
END_TEST

static void fill_ones(void *user, void *out, size_t len)
{
    (void)user;
    memset(out, 0xff, len);
}

START_TEST(numbers_turn_over)
{
    for (int i = 0; i < 2; i++) {
        struct fh_sctp_config cfg = world_config(&w, i);

        cfg.random = fill_ones;
        w.end[i] = fh_sctp_new(&cfg, w.now);
        w.end[i]->our_tag -= (uint32_t)(2 * i);
    }
    path(20000000, 20, 20);
    w.wire[0].loss = w.wire[1].loss = 2000;
    w.to_write[0] = w.to_write[1] = 500000;
    w.ends[0] = w.ends[1] = true;
    world_run_to_end(&w, 60 * SEC);
    all_arrived();
    closed_well();
}
END_TEST

/* ---- bad paths ------------------------------------------------------------------------------- */

/* Everything at once, from a seed. */
static void any_path(int seed)
{
    world_init(&w, (uint64_t)seed + 1000);
    for (int i = 0; i < 2; i++) {
        struct wire *x = &w.wire[i];

        x->rate_bps = 1000000 + world_random(&w) % 100000000;
        x->delay_us = world_random(&w) % 100000;
        x->queue_len = 5000 + world_random(&w) % 500000;
        x->loss = (uint32_t)(world_random(&w) % 10000);
        x->dup = (uint32_t)(world_random(&w) % 5000);
        x->late = (uint32_t)(world_random(&w) % 20000);
        x->late_us = world_random(&w) % 50000;
        x->mtu = world_random(&w) % 3 == 0 ? 1200 + (uint32_t)(world_random(&w) % 280) : 0;
    }
    w.grain_us = world_random(&w) % 2 ? 1000 : 0;
    w.to_write[0] = world_random(&w) % 1000000;
    w.to_write[1] = world_random(&w) % 300000;
    w.ends[0] = w.ends[1] = true;
}

START_TEST(no_byte_is_lost_repeated_or_moved)
{
    any_path(_i);
    world_start(&w);
    world_run_to_end(&w, 300 * SEC);
    all_arrived();
    closed_well();
}
END_TEST

START_TEST(a_fifth_lost_is_survived)
{
    path(10000000, 40, 40);
    w.wire[0].loss = w.wire[1].loss = 20000;
    w.to_write[0] = w.to_write[1] = 200000;
    w.ends[0] = w.ends[1] = true;
    world_start(&w);
    world_run_to_end(&w, 120 * SEC);
    all_arrived();
    closed_well();
}
END_TEST

START_TEST(a_path_that_is_down_for_a_while_goes_on)
{
    path(20000000, 40, 40);
    w.to_write[0] = 8000000;
    w.ends[0] = w.ends[1] = true;
    world_start(&w);
    world_run(&w, SEC);
    w.wire[0].down = w.wire[1].down = true;
    world_run(&w, 12 * SEC);
    w.wire[0].down = w.wire[1].down = false;
    world_run(&w, 3 * SEC);
    ck_assert_uint_gt(w.got[1], 4000000); /* resumed within one probe of 2 s */
    world_run_to_end(&w, 60 * SEC);
    all_arrived();
    closed_well();
}
END_TEST

START_TEST(a_path_that_stays_down_ends_it)
{
    path(20000000, 40, 40);
    open_both();
    w.to_write[0] = 100000;
    w.wire[0].down = w.wire[1].down = true;
    world_run_to_end(&w, 29 * SEC);
    ck_assert_int_eq(fh_sctp_state(w.end[0]), FH_SCTP_OPEN);
    world_run(&w, 20 * SEC);
    ck_assert_int_eq(fh_sctp_state(w.end[0]), FH_SCTP_BROKEN);
    ck_assert_int_eq(fh_sctp_error(w.end[0]), FH_TRANSPORT_E_TIMEOUT);
    ck_assert_int_eq(fh_sctp_write(w.end[0], (const uint8_t *)"x", 1), FH_TRANSPORT_E_TIMEOUT);
}
END_TEST

/* The peer, which hears nothing, says so on the way that is open. */
START_TEST(a_path_that_is_down_one_way_ends_it)
{
    path(20000000, 40, 40);
    open_both();
    w.to_write[0] = 100000;
    w.wire[0].down = true;
    world_run(&w, 60 * SEC);
    ck_assert_int_eq(fh_sctp_error(w.end[1]), FH_TRANSPORT_E_TIMEOUT);
    ck_assert_int_eq(fh_sctp_error(w.end[0]), FH_TRANSPORT_E_RESET);
}
END_TEST

START_TEST(nobody_answers)
{
    world_start(&w);
    w.wire[0].down = true;
    world_run(&w, 31 * SEC);
    ck_assert_int_eq(fh_sctp_error(w.end[0]), FH_TRANSPORT_E_TIMEOUT);
    ck_assert_int_eq(fh_sctp_state(w.end[1]), FH_SCTP_OPENING);
    ck_assert_uint_le(info(0).datagrams_out, 20);
}
END_TEST

static int to_lose, count;

static bool lose_one(struct world *x, int from, uint8_t *bytes, size_t len)
{
    (void)x;
    (void)from;
    (void)bytes;
    (void)len;
    return count++ != to_lose;
}

START_TEST(any_datagram_of_handshake_and_end_may_be_lost)
{
    to_lose = _i;
    count = 0;
    w.meddle = lose_one;
    path(0, 20, 0);
    w.to_write[0] = w.to_write[1] = 100;
    w.ends[0] = w.ends[1] = true;
    world_start(&w);
    world_run_to_end(&w, 60 * SEC);
    all_arrived();
    closed_well();
    ck_assert_int_gt(count, to_lose / 2);
}
END_TEST

/* ---- ends that are not polite ---------------------------------------------------------------- */

START_TEST(an_abort_reaches_the_peer)
{
    path(10000000, 20, 20);
    w.to_write[0] = w.to_write[1] = 10000000;
    world_start(&w);
    world_run(&w, SEC);
    fh_sctp_abort(w.end[0]);
    world_run(&w, SEC);
    ck_assert_int_eq(fh_sctp_state(w.end[0]), FH_SCTP_BROKEN);
    ck_assert_int_eq(fh_sctp_error(w.end[0]), FH_TRANSPORT_E_CLOSED);
    ck_assert_int_eq(fh_sctp_error(w.end[1]), FH_TRANSPORT_E_RESET);
    ck_assert_uint_eq(w.heap_len, 0);
}
END_TEST

START_TEST(an_abort_before_the_handshake_is_over_reaches_the_peer)
{
    path(0, 20, 0);
    world_start(&w);
    world_run(&w, 25 * MS);
    fh_sctp_abort(w.end[0]);
    world_run(&w, SEC);
    ck_assert_int_eq(fh_sctp_state(w.end[1]), FH_SCTP_BROKEN);
}
END_TEST

/* ---- a slow reader --------------------------------------------------------------------------- */

START_TEST(a_reader_that_stops_makes_the_writer_wait)
{
    uint64_t held;

    path(100000000, 10, 10);
    w.wire[0].loss = w.wire[1].loss = (uint32_t)_i * 1000;
    w.reads[1] = false;
    w.to_write[0] = 40000000;
    w.ends[0] = w.ends[1] = true;
    world_start(&w);
    world_run(&w, 10 * SEC);
    held = w.written[0];
    ck_assert_uint_gt(held, 4000000);
    ck_assert_uint_lt(held, (uint64_t)11 << 20);
    world_run(&w, 100 * SEC);
    /* All that happens is that it is asked, every other second, whether there is room. */
    ck_assert_uint_eq(w.written[0], held);
    ck_assert_int_eq(fh_sctp_state(w.end[0]), FH_SCTP_OPEN);
    ck_assert_uint_le(info(0).probes, 80);
    w.reads[1] = true;
    world_run_to_end(&w, 60 * SEC);
    all_arrived();
    closed_well();
}
END_TEST

START_TEST(a_reader_that_takes_little_at_a_time_gets_all)
{
    path(100000000, 10, 10);
    w.reads[1] = false;
    w.to_write[0] = 12000000;
    world_start(&w);
    while (w.got[1] < w.to_write[0] && w.now < 100 * SEC) {
        const uint8_t *p;
        size_t len;

        world_run(&w, 10 * MS);
        for (int i = 0; i < 300 && (p = fh_sctp_read(w.end[1], &len)) != NULL; i++) {
            len = len > 777 ? 777 : len;
            for (size_t k = 0; k < len; k++)
                w.wrong += p[k] != world_byte(0, w.got[1] + k);
            w.got[1] += len;
            fh_sctp_read_done(w.end[1], len);
        }
    }
    all_arrived();
}
END_TEST

START_TEST(what_waits_unsent_is_bounded_by_time)
{
    path(2000000, 50, 100);
    w.to_write[0] = UINT64_MAX;
    world_start(&w);
    world_run(&w, 10 * SEC);
    /* Two megabits: a quarter of a second waits, and what is under way. */
    ck_assert_uint_lt(fh_sctp_queued(w.end[0]), (64 << 10) + 2 * 2000000 / 8 / 10);
    ck_assert_uint_gt(w.got[1] * 8, 17000000);
}
END_TEST

/* ---- the size of datagrams ------------------------------------------------------------------- */

START_TEST(the_size_of_datagrams_is_found)
{
    static const uint32_t carries[] = {1200, 1213, 1252, 1280, 1352, 1372, 1444, 1452, 1464, 1472};
    uint32_t mtu = carries[_i];

    path(10000000, 30, 30);
    w.wire[0].mtu = mtu;
    w.wire[0].loss = 1000;
    open_both();
    world_run(&w, 10 * SEC);
    ck_assert_uint_le(info(0).datagram, mtu);
    ck_assert_uint_ge(info(0).datagram + 16, mtu);
    ck_assert_uint_eq(info(1).datagram, 1472);
}
END_TEST

START_TEST(a_path_that_becomes_narrow_is_noticed_and_nothing_is_lost)
{
    path(20000000, 30, 30);
    w.to_write[0] = 6000000;
    w.ends[0] = w.ends[1] = true;
    world_start(&w);
    world_run(&w, SEC);
    ck_assert_uint_eq(info(0).datagram, 1472);
    /* Pieces of 1420 bytes are under way, which no datagram carries from now on. */
    w.wire[0].mtu = 1200 + (uint32_t)_i * 40;
    world_run(&w, 4 * SEC);
    ck_assert_uint_le(info(0).datagram, w.wire[0].mtu);
    world_run_to_end(&w, 60 * SEC);
    all_arrived();
    closed_well();
}
END_TEST

START_TEST(a_limit_of_ours_is_kept)
{
    for (int i = 0; i < 2; i++) {
        struct fh_sctp_config cfg = world_config(&w, i);

        cfg.datagram_max = 1200;
        w.end[i] = fh_sctp_new(&cfg, w.now);
    }
    w.wire[0].mtu = w.wire[1].mtu = 1200;
    path(10000000, 10, 10);
    w.to_write[0] = 1000000;
    world_run(&w, 20 * SEC);
    all_arrived();
    ck_assert_uint_eq(w.wire[0].too_large, 0);
}
END_TEST

/* ---- speed ----------------------------------------------------------------------------------- */

static const struct cell {
    uint64_t rtt_ms;
    uint32_t loss;
} grid[] = {{0, 0},  {0, 100},  {0, 1000},  {20, 0},  {20, 100},  {20, 1000},
            {50, 0}, {50, 100}, {50, 1000}, {100, 0}, {100, 100}, {100, 1000}};

/* docs/performance.md: 0.9 of the link, also where one in a hundred is lost. */
START_TEST(nine_tenths_of_the_link_are_used)
{
    uint64_t before;

    path(100000000, grid[_i].rtt_ms, grid[_i].rtt_ms ? grid[_i].rtt_ms : 10);
    w.wire[0].loss = w.wire[1].loss = grid[_i].loss;
    w.grain_us = 1000;
    w.to_write[0] = UINT64_MAX;
    world_start(&w);
    world_run(&w, 3 * SEC);
    before = w.got[1];
    world_run(&w, 4 * SEC);
    ck_assert_uint_eq(w.wrong, 0);
    ck_assert_msg((w.got[1] - before) * 8 >= UINT64_C(90000000) * 4, "%llu bit/s",
                  (unsigned long long)(w.got[1] - before) * 2);
}
END_TEST

START_TEST(a_short_queue_is_not_flooded)
{
    /* A tenth of what is under way fits: chance loss does not matter, this kind does. */
    path(50000000, 50, 5);
    w.to_write[0] = UINT64_MAX;
    world_start(&w);
    world_run(&w, 20 * SEC);
    ck_assert_uint_gt(w.got[1] * 8 / 20, 35000000);
    ck_assert_uint_lt(w.wire[0].overflowed * 100, (w.wire[0].passed + w.wire[0].overflowed) * 8);
}
END_TEST

START_TEST(a_slower_path_is_learnt)
{
    path(100000000, 20, 20);
    w.to_write[0] = UINT64_MAX;
    world_start(&w);
    world_run(&w, 3 * SEC);
    path(5000000, 60, 60);
    if (_i)
        fh_sctp_path_changed(w.end[0], w.now);
    /* If nobody says so it takes until the least round-trip time is measured anew. */
    world_run(&w, _i ? 2 * SEC : 10 * SEC);
    w.got[1] = 0;
    w.wrong = 0;
    world_run(&w, 4 * SEC);
    ck_assert_uint_gt(w.got[1] * 8 / 4, 4300000);
    ck_assert_uint_lt(info(0).in_flight, 5000000 / 8 / 1000 * 60 * 4);
}
END_TEST

START_TEST(a_faster_path_is_learnt)
{
    path(5000000, 60, 60);
    w.to_write[0] = UINT64_MAX;
    world_start(&w);
    world_run(&w, 3 * SEC);
    path(100000000, 20, 20);
    fh_sctp_path_changed(w.end[0], w.now);
    world_run(&w, SEC);
    w.got[1] = 0;
    w.wrong = 0;
    world_run(&w, 2 * SEC);
    ck_assert_uint_gt(w.got[1] * 8 / 2, 85000000);
}
END_TEST

/* The second comes ten seconds after the first; then both have half, more or less. */
START_TEST(two_streams_share_a_link)
{
    static struct world other;
    uint64_t got[2] = {0, 0}, sum;

    path(50000000, 40, 40);
    w.to_write[0] = UINT64_MAX;
    world_start(&w);
    world_run(&w, 10 * SEC);
    world_init(&other, 9);
    other.shares = &w;
    other.now = w.now;
    other.to_write[0] = UINT64_MAX;
    world_start(&other);
    for (int i = 0; i < 30000; i++) {
        world_run(&w, MS);
        world_run(&other, MS);
        if (i == 15000) {
            got[0] = w.got[1];
            got[1] = other.got[1];
        }
    }
    got[0] = w.got[1] - got[0];
    got[1] = other.got[1] - got[1];
    sum = got[0] + got[1];
    ck_assert_uint_gt(sum * 8 / 15, 45000000);
    ck_assert_msg(got[0] * 4 > sum && got[1] * 4 > sum, "%llu and %llu", (unsigned long long)got[0],
                  (unsigned long long)got[1]);
    world_free(&other);
}
END_TEST

START_TEST(reordering_costs_little)
{
    path(50000000, 40, 40);
    w.wire[0].late = 30000;
    w.wire[0].late_us = 8000;
    w.to_write[0] = UINT64_MAX;
    world_start(&w);
    world_run(&w, 10 * SEC);
    ck_assert_uint_gt(w.got[1] * 8 / 10, 42000000);
    ck_assert_uint_lt(info(0).resent * 50, info(0).sent);
}
END_TEST

/* ---- rest ------------------------------------------------------------------------------------ */

START_TEST(an_idle_association_is_nearly_silent)
{
    uint64_t before, drains;

    path(0, 20, 0);
    open_both();
    world_run(&w, 10 * SEC);
    before = w.wire[0].passed + w.wire[1].passed;
    drains = w.drains;
    world_run(&w, 600 * SEC);
    /* A heartbeat and its answer for every 15 s of silence; and once the search for the size. */
    ck_assert_uint_le(w.wire[0].passed + w.wire[1].passed - before, 600 / 15 * 2 + 20);
    ck_assert_uint_le(w.drains - drains, 600 / 15 * 2 + 20);
    ck_assert_int_eq(fh_sctp_state(w.end[0]), FH_SCTP_OPEN);
}
END_TEST

START_TEST(an_idle_peer_that_is_gone_is_noticed)
{
    path(0, 20, 0);
    open_both();
    w.wire[0].down = w.wire[1].down = true;
    world_run(&w, 11 * SEC);
    ck_assert_int_eq(fh_sctp_state(w.end[0]), FH_SCTP_OPEN);
    world_run(&w, 60 * SEC);
    ck_assert_int_eq(fh_sctp_error(w.end[0]), FH_TRANSPORT_E_TIMEOUT);
}
END_TEST

START_TEST(the_guards_secrets_change_in_the_middle)
{
    static const uint8_t next[2][32] = {{3}, {4}};
    uint8_t zeros[32] = {0};
    struct fh_guard old;
    uint64_t before;

    path(20000000, 40, 40);
    w.wire[0].loss = w.wire[0].late = w.wire[1].late = 1000;
    w.wire[0].late_us = w.wire[1].late_us = 10000;
    w.to_write[0] = w.to_write[1] = 3000000;
    world_start(&w);
    world_run(&w, 500 * MS);
    before = info(0).resent;
    old = *fh_sctp_guard(w.end[0]);
    ck_assert_int_eq(fh_sctp_install(w.end[0], w.now, next[0], next[1], FH_GUARD_FOLLOW), 0);
    world_run(&w, 30 * MS);
    ck_assert_int_eq(fh_sctp_install(w.end[1], w.now, next[1], next[0], FH_GUARD_LEAD), 0);
    ck_assert_int_eq(fh_sctp_install(w.end[1], w.now, next[1], next[1], FH_GUARD_LEAD),
                     FH_TRANSPORT_E_INVAL);
    world_run(&w, 200 * MS);
    ck_assert(fh_guard_has_turned(fh_sctp_guard(w.end[0])));
    ck_assert(fh_guard_has_turned(fh_sctp_guard(w.end[1])));
    ck_assert_uint_eq(fh_sctp_guard(w.end[0])->counters.foreign, 0);
    ck_assert_uint_lt(info(0).resent - before, 40);
    world_run(&w, 11 * SEC);
    /* Whoever knew the old ones knows nothing now. */
    ck_assert_mem_ne(old.tx_key[0], zeros, 32);
    ck_assert_mem_eq(fh_sctp_guard(w.end[1])->rx_key[0], zeros, 32);
    w.ends[0] = w.ends[1] = true;
    world_run_to_end(&w, 60 * SEC);
    all_arrived();
    closed_well();
}
END_TEST

START_TEST(old_secrets_of_a_silent_association_end)
{
    static const uint8_t next[2][32] = {{3}, {4}};

    path(0, 20, 0);
    open_both();
    /* The client's new ones never come. */
    ck_assert_int_eq(fh_sctp_install(w.end[1], w.now, next[1], next[0], FH_GUARD_LEAD), 0);
    world_run(&w, 9 * SEC);
    ck_assert(fh_sctp_guard(w.end[1])->old_is_live);
    world_run(&w, 2 * SEC);
    ck_assert(!fh_sctp_guard(w.end[1])->old_is_live);
}
END_TEST

START_TEST(raw_datagrams_pass_beside_the_stream)
{
    uint8_t out[FH_SCTP_DATAGRAM_MAX], big[1400];
    const uint8_t *got;
    size_t len;

    memset(big, 7, sizeof big);
    ck_assert_uint_eq(fh_sctp_size(&(struct fh_sctp_config){.send_len = 1}), 0);
    world_start(&w);
    ck_assert_uint_eq(fh_sctp_seal_raw(w.end[0], big, 1177, out), 0);
    len = fh_sctp_seal_raw(w.end[0], big, 1176, out);
    ck_assert_uint_eq(len, 1200);
    ck_assert_int_eq(fh_sctp_input(w.end[1], w.now, out, len, NULL), 0);
    got = fh_sctp_raw(w.end[1], &len);
    ck_assert_uint_eq(len, 1176);
    ck_assert_mem_eq(got, big, 1176);
    ck_assert_int_eq(fh_sctp_input(w.end[1], w.now, out, 1200, NULL), FH_TRANSPORT_E_DENIED);
    ck_assert_ptr_null(fh_sctp_raw(w.end[1], &len));
}
END_TEST

START_TEST(configs_out_of_range_are_refused)
{
    struct fh_sctp_config good = world_config(&w, 0), cfg;

    ck_assert_uint_gt(fh_sctp_size(&good), 0);
    cfg = good;
    cfg.send_len = (32 << 20) + 1;
    ck_assert_uint_eq(fh_sctp_size(&cfg), 0);
    cfg = good;
    cfg.recv_len = SIZE_MAX;
    ck_assert_ptr_null(fh_sctp_new(&cfg, 0));
    cfg = good;
    cfg.datagram_max = 1199;
    ck_assert_ptr_null(fh_sctp_new(&cfg, 0));
    cfg = good;
    cfg.guard.tx_index = 1 << 24;
    ck_assert_ptr_null(fh_sctp_new(&cfg, 0));
    fh_sctp_free(NULL);
    world_start(&w);
}
END_TEST

static void add_cases(Suite *s)
{
    TCase *life = tcase_create("a life"), *bad = tcase_create("bad paths");
    TCase *slow = tcase_create("a slow reader"), *size = tcase_create("the size of datagrams");
    TCase *speed = tcase_create("speed"), *rest = tcase_create("the rest");
    TCase *all[] = {life, bad, slow, size, speed, rest};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tcase_add_checked_fixture(all[i], setup, teardown);
        suite_add_tcase(s, all[i]);
    }
    tcase_add_test(life, the_first_bytes_travel_with_the_handshake);
    tcase_add_test(life, both_ends_talk_and_close);
    tcase_add_test(life, one_side_ends_and_the_other_goes_on);
    tcase_add_test(life, an_end_without_a_word_closes_too);
    tcase_add_test(life, numbers_turn_over);
    tcase_add_test(life, an_abort_reaches_the_peer);
    tcase_add_test(life, an_abort_before_the_handshake_is_over_reaches_the_peer);
    tcase_add_loop_test(bad, no_byte_is_lost_repeated_or_moved, 0, 60);
    tcase_add_test(bad, a_fifth_lost_is_survived);
    tcase_add_test(bad, a_path_that_is_down_for_a_while_goes_on);
    tcase_add_test(bad, a_path_that_stays_down_ends_it);
    tcase_add_test(bad, a_path_that_is_down_one_way_ends_it);
    tcase_add_test(bad, nobody_answers);
    tcase_add_loop_test(bad, any_datagram_of_handshake_and_end_may_be_lost, 0, 14);
    tcase_add_loop_test(slow, a_reader_that_stops_makes_the_writer_wait, 0, 2);
    tcase_add_test(slow, a_reader_that_takes_little_at_a_time_gets_all);
    tcase_add_test(slow, what_waits_unsent_is_bounded_by_time);
    tcase_add_loop_test(size, the_size_of_datagrams_is_found, 0, 10);
    tcase_add_loop_test(size, a_path_that_becomes_narrow_is_noticed_and_nothing_is_lost, 0, 6);
    tcase_add_test(size, a_limit_of_ours_is_kept);
    tcase_add_loop_test(speed, nine_tenths_of_the_link_are_used, 0, 12);
    tcase_add_test(speed, a_short_queue_is_not_flooded);
    tcase_add_loop_test(speed, a_slower_path_is_learnt, 0, 2);
    tcase_add_test(speed, a_faster_path_is_learnt);
    tcase_add_test(speed, two_streams_share_a_link);
    tcase_add_test(speed, reordering_costs_little);
    tcase_add_test(rest, an_idle_association_is_nearly_silent);
    tcase_add_test(rest, an_idle_peer_that_is_gone_is_noticed);
    tcase_add_test(rest, the_guards_secrets_change_in_the_middle);
    tcase_add_test(rest, old_secrets_of_a_silent_association_end);
    tcase_add_test(rest, raw_datagrams_pass_beside_the_stream);
    tcase_add_test(rest, configs_out_of_range_are_refused);
}

int main(void)
{
    Suite *s = suite_create("sctp");
    SRunner *sr;
    int failed;

    add_cases(s);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
