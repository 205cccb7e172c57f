/* SPDX-License-Identifier: MIT */
/* What strangers send, and what a peer sends that holds the keys but means no good. */
#include <check.h>

#include "sctp_evil.h"
#include "wr.h"

static struct world w;
static struct evil e;

static void setup(void)
{
    world_init(&w, 77);
    w.wire[0].delay_us = w.wire[1].delay_us = 10 * MS;
    w.to_write[0] = w.to_write[1] = 50000;
    world_start(&w);
    world_run(&w, SEC);
    ck_assert_int_eq(fh_sctp_state(w.end[1]), FH_SCTP_OPEN);
    evil_begin(&e, &w);
}

static void teardown(void)
{
    world_free(&w);
    memset(&w, 0, sizeof w);
}

static uint64_t dropped(void)
{
    struct fh_sctp_info i;

    fh_sctp_info(w.end[1], &i);
    return i.dropped;
}

static void init_chunk(uint8_t type, uint32_t tag)
{
    uint8_t value[16 + 4 + SCTP_COOKIE_LEN];
    struct wr out = wr_init(value, sizeof value);

    wr_u32(&out, tag);
    wr_u32(&out, 100000);
    wr_u16(&out, 1);
    wr_u16(&out, 1);
    wr_u32(&out, 12345);
    wr_u16(&out, 7);
    wr_u16(&out, 4 + SCTP_COOKIE_LEN);
    wr_bytes(&out, w.end[1]->cookie, SCTP_COOKIE_LEN);
    evil_add(&e, type, 0, value, type == SCTP_INIT ? 16 : sizeof value);
}

static void set_tag(uint32_t tag)
{
    struct wr out = wr_init(e.o.mem + 4, 4);

    wr_u32(&out, tag);
}

static void data_chunk(uint32_t tsn, uint16_t stream, uint8_t flags, uint32_t ppid, size_t len)
{
    uint8_t value[12 + 64] = {0};
    struct wr out = wr_init(value, sizeof value);

    wr_u32(&out, tsn);
    wr_u16(&out, stream);
    wr_u16(&out, 0);
    wr_u32(&out, ppid);
    evil_add(&e, SCTP_DATA, flags, value, 12 + len);
}

static void sack_chunk(uint32_t cum, uint16_t start, uint16_t end)
{
    uint8_t value[16];
    struct wr out = wr_init(value, sizeof value);

    wr_u32(&out, cum);
    wr_u32(&out, 1 << 20);
    wr_u16(&out, 1);
    wr_u16(&out, 0);
    wr_u16(&out, start);
    wr_u16(&out, end);
    evil_add(&e, SCTP_SACK, 0, value, sizeof value);
}

/* The packet changes nothing, is not answered, and the stream goes on. */
static void is_dropped(void)
{
    struct fh_sctp before = *w.end[1];
    uint64_t count = dropped();
    uint8_t out[FH_SCTP_DATAGRAM_MAX];

    evil_send(&e, &w, FH_GUARD_STREAM);
    ck_assert_uint_eq(dropped(), count + 1);
    ck_assert_int_eq(w.end[1]->phase, before.phase);
    ck_assert_uint_eq(w.end[1]->peer_tag, before.peer_tag);
    ck_assert_uint_eq(w.end[1]->our_tag, before.our_tag);
    ck_assert_mem_eq(&w.end[1]->tx, &before.tx, sizeof before.tx);
    ck_assert_mem_eq(&w.end[1]->rx, &before.rx, sizeof before.rx);
    ck_assert_uint_eq(fh_sctp_output(w.end[1], w.now, out), 0);
    w.to_write[0] += 10000;
    w.to_write[1] += 10000;
    world_run(&w, SEC);
    ck_assert_uint_eq(w.wrong, 0);
    ck_assert_uint_eq(w.got[1], w.to_write[0]);
    ck_assert_uint_eq(w.got[0], w.to_write[1]);
}

static void breaks(void)
{
    evil_send(&e, &w, FH_GUARD_STREAM);
    ck_assert_int_eq(fh_sctp_state(w.end[1]), FH_SCTP_BROKEN);
    ck_assert_int_eq(fh_sctp_error(w.end[1]), FH_TRANSPORT_E_PROTO);
    world_run(&w, SEC);
    ck_assert_int_eq(fh_sctp_error(w.end[0]), FH_TRANSPORT_E_RESET);
}

/* ---- what an association that stands must never see ------------------------------------------ */

/* CVE-2021-30523 of usrsctp begins with a restart: a second INIT, then its COOKIE ECHO. */
START_TEST(a_second_init_is_dropped)
{
    init_chunk(SCTP_INIT, 99);
    set_tag(0);
    is_dropped();
}
END_TEST

START_TEST(a_second_init_with_the_right_tag_is_dropped)
{
    init_chunk(SCTP_INIT, w.end[1]->peer_tag);
    is_dropped();
}
END_TEST

START_TEST(a_restart_is_dropped_step_by_step)
{
    /* The INIT is not answered; the cookie of the association itself, under the new tag. */
    init_chunk(SCTP_INIT, 99);
    set_tag(0);
    evil_send(&e, &w, FH_GUARD_STREAM);
    evil_begin(&e, &w);
    evil_add(&e, SCTP_COOKIE_ECHO, 0, w.end[1]->cookie, SCTP_COOKIE_LEN);
    set_tag(99);
    is_dropped();
}
END_TEST

START_TEST(another_cookie_is_dropped)
{
    uint8_t other[SCTP_COOKIE_LEN] = {1};

    evil_add(&e, SCTP_COOKIE_ECHO, 0, other, sizeof other);
    is_dropped();
}
END_TEST

START_TEST(its_own_cookie_again_is_answered_and_changes_nothing)
{
    struct fh_sctp before = *w.end[1];
    uint8_t out[FH_SCTP_DATAGRAM_MAX];

    evil_add(&e, SCTP_COOKIE_ECHO, 0, w.end[1]->cookie, SCTP_COOKIE_LEN);
    evil_send(&e, &w, FH_GUARD_STREAM);
    ck_assert_uint_eq(fh_sctp_output(w.end[1], w.now, out), 24 + 12 + 4);
    ck_assert_uint_eq(out[8 + 12], SCTP_COOKIE_ACK);
    ck_assert_mem_eq(&w.end[1]->rx, &before.rx, sizeof before.rx);
    ck_assert_uint_eq(w.end[1]->peer_tag, before.peer_tag);
}
END_TEST

static const uint8_t never[] = {
    SCTP_INIT_ACK, SCTP_SHUTDOWN_ACK, SCTP_SHUTDOWN_COMPLETE, SCTP_ECNE,      SCTP_CWR, SCTP_AUTH,
    SCTP_ASCONF,   SCTP_ASCONF_ACK,   SCTP_PKTDROP,           SCTP_RE_CONFIG, 16,       0x40};

START_TEST(other_chunks_that_have_no_business_are_dropped)
{
    static const uint8_t zeros[64];

    evil_add(&e, never[_i], 0, zeros, sizeof zeros);
    is_dropped();
}
END_TEST

START_TEST(one_bad_chunk_costs_the_whole_packet)
{
    data_chunk(w.end[1]->rx.cum + 1, 0, 3, SCTP_PPID_BYTES, 10);
    init_chunk(SCTP_INIT, 99);
    is_dropped();
}
END_TEST

START_TEST(unknown_chunks_that_may_be_skipped_are)
{
    uint64_t count = dropped();

    evil_add(&e, 0xc0, 0, "abcd", 4);
    evil_send(&e, &w, FH_GUARD_STREAM);
    ck_assert_uint_eq(dropped(), count);
    ck_assert_int_eq(fh_sctp_state(w.end[1]), FH_SCTP_OPEN);
}
END_TEST

/* ---- form ------------------------------------------------------------------------------------ */

START_TEST(wrong_tags_and_ports_are_dropped)
{
    data_chunk(w.end[1]->rx.cum + 1, 0, 3, SCTP_PPID_BYTES, 4);
    if (_i == 0)
        set_tag(w.end[1]->our_tag + 1);
    else if (_i == 1)
        set_tag(w.end[1]->peer_tag);
    else if (_i == 2)
        set_tag(0);
    else
        e.o.mem[_i - 3] ^= 1;
    is_dropped();
}
END_TEST

START_TEST(an_abort_needs_the_right_tag)
{
    evil_add(&e, SCTP_ABORT, (uint8_t)(_i & 1), NULL, 0);
    set_tag(_i == 0 ? w.end[1]->peer_tag : _i == 1 ? w.end[1]->our_tag : 0);
    is_dropped();
}
END_TEST

START_TEST(lengths_that_lie_are_dropped)
{
    static const uint16_t lies[] = {0, 1, 3, 15, 16, 33, 34, 0x7fff, 0xffff};

    data_chunk(w.end[1]->rx.cum + 1, 0, 3, SCTP_PPID_BYTES, 16);
    e.o.mem[SCTP_HEADER + 2] = (uint8_t)(lies[_i] >> 8);
    e.o.mem[SCTP_HEADER + 3] = (uint8_t)lies[_i];
    is_dropped();
}
END_TEST

START_TEST(packets_that_are_cut_are_dropped)
{
    data_chunk(w.end[1]->rx.cum + 1, 0, 3, SCTP_PPID_BYTES, 16);
    e.o.len = (size_t)_i;
    is_dropped();
}
END_TEST

/* ---- meaning --------------------------------------------------------------------------------- */

START_TEST(data_that_is_not_of_the_stream_breaks_it)
{
    uint32_t tsn = w.end[1]->rx.cum + 1;

    if (_i == 0)
        data_chunk(tsn, 1, 3, SCTP_PPID_BYTES, 4);
    else if (_i == 1)
        data_chunk(tsn, 0, 7, SCTP_PPID_BYTES, 4);
    else if (_i == 2)
        data_chunk(tsn, 0, 3, 51, 4);
    else {
        data_chunk(tsn, 0, 3, SCTP_PPID_END, 1);
        data_chunk(tsn + 1, 0, 3, SCTP_PPID_BYTES, 1);
    }
    breaks();
}
END_TEST

START_TEST(data_far_away_is_not_kept)
{
    for (uint32_t i = 0; i < 100; i++) {
        evil_begin(&e, &w);
        data_chunk(w.end[1]->rx.cum + 5000 + i * 40000000, 0, 3, SCTP_PPID_BYTES, 4);
        evil_send(&e, &w, FH_GUARD_STREAM);
    }
    ck_assert_uint_eq(w.end[1]->rx.cum, w.end[1]->rx.highest);
    ck_assert_int_eq(fh_sctp_state(w.end[1]), FH_SCTP_OPEN);
}
END_TEST

START_TEST(acknowledging_what_was_not_sent_breaks_it)
{
    uint32_t acked = w.end[1]->tx.acked;

    if (_i == 0)
        sack_chunk(acked + 1, 1, 1);
    else if (_i == 1)
        sack_chunk(acked, 2, 2);
    else if (_i == 2)
        sack_chunk(acked, 0, 0);
    else
        sack_chunk(acked + 0x40000000, 1, 1);
    breaks();
}
END_TEST

START_TEST(gaps_without_order_break_it)
{
    /* Something is under way that is not acknowledged. */
    w.wire[1].down = true;
    w.to_write[1] += 20000;
    world_run(&w, 5 * MS);
    ck_assert_uint_gt(w.end[1]->tx.flying, 5);
    evil_begin(&e, &w);
    sack_chunk(w.end[1]->tx.acked, 4, 3);
    w.wire[1].down = false;
    breaks();
}
END_TEST

START_TEST(an_old_acknowledgement_is_ignored)
{
    sack_chunk(w.end[1]->tx.acked - 3, 1, 1);
    evil_send(&e, &w, FH_GUARD_STREAM);
    ck_assert_int_eq(fh_sctp_state(w.end[1]), FH_SCTP_OPEN);
}
END_TEST

START_TEST(control_datagrams_of_any_kind_do_no_harm)
{
    uint32_t x = 1;

    for (int i = 0; i < 5000; i++) {
        evil_begin(&e, &w);
        e.o.len = 0;
        for (size_t k = 0, n = x % 40; k < n; k++) {
            x = x * 1664525 + 1013904223;
            e.o.mem[e.o.len++] = (uint8_t)(k == 0 ? (x >> 24) % 5 : x >> 24);
        }
        x = x * 1664525 + 1013904223;
        evil_send(&e, &w, FH_GUARD_CONTROL);
    }
    world_run(&w, SEC);
    w.to_write[1] += 100000;
    world_run(&w, SEC);
    ck_assert_uint_eq(w.got[0], w.to_write[1]);
    ck_assert_uint_eq(w.wrong, 0);
}
END_TEST

/* ---- strangers ------------------------------------------------------------------------------- */

START_TEST(strangers_change_nothing)
{
    struct fh_sctp before = *w.end[1];
    uint8_t bytes[1500], out[FH_SCTP_DATAGRAM_MAX];
    struct fh_guard_counters c;
    uint64_t deadline = fh_sctp_deadline(w.end[1]), sum;

    for (int i = 0; i < 20000; i++) {
        size_t len = world_random(&w) % sizeof bytes;

        for (size_t k = 0; k < len && k < 64; k++)
            bytes[k] = (uint8_t)world_random(&w);
        if (i % 2) {
            /* As far as one can guess: the right first byte and index. */
            bytes[0] = 8;
            bytes[1] = bytes[2] = 0;
            bytes[3] = 11;
        }
        ck_assert_int_eq(fh_sctp_input(w.end[1], w.now, bytes, len, NULL), FH_TRANSPORT_E_DENIED);
    }
    c = fh_sctp_guard(w.end[1])->counters;
    sum = c.forged + c.foreign + c.repeated - before.guard.counters.foreign -
          before.guard.counters.repeated - before.guard.counters.forged;
    ck_assert_uint_eq(sum, 20000);
    before.guard.counters = c;
    ck_assert_mem_eq(w.end[1], &before, sizeof before);
    ck_assert_uint_eq(fh_sctp_deadline(w.end[1]), deadline);
    ck_assert_uint_eq(fh_sctp_output(w.end[1], w.now, out), 0);
}
END_TEST

START_TEST(a_recording_played_again_changes_nothing)
{
    struct fh_sctp before;
    uint8_t copy[32][FH_SCTP_DATAGRAM_MAX];
    size_t len[32], n = 0;

    w.to_write[0] += 30000;
    world_use(&w, 0);
    while (n < 32 && (len[n] = fh_sctp_output(w.end[0], w.now, copy[n])) > 0) {
        world_send(&w, 0, copy[n], len[n]);
        n++;
    }
    ck_assert_uint_gt(n, 10);
    world_run(&w, SEC);
    before = *w.end[1];
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(fh_sctp_input(w.end[1], w.now, copy[i], len[i], NULL),
                         FH_TRANSPORT_E_DENIED);
    before.guard.counters = fh_sctp_guard(w.end[1])->counters;
    ck_assert_mem_eq(w.end[1], &before, sizeof before);
}
END_TEST

/* ---- everything ------------------------------------------------------------------------------ */

START_TEST(a_peer_gone_mad_does_no_harm)
{
    static const uint8_t noise[200] = {0, 1, 0, 12, 0, 0, 0, 0, 0, 1};

    for (int round = 0; round < 300; round++) {
        struct fh_sctp *s = w.end[1];

        evil_begin(&e, &w);
        for (uint64_t n = world_random(&w) % 4; n-- > 0;) {
            uint32_t near = (uint32_t)(world_random(&w) % 12);

            switch (world_random(&w) % 6) {
            case 0:
                data_chunk(s->rx.cum - 3 + near, 0, 3, SCTP_PPID_BYTES + (near == 11),
                           1 + world_random(&w) % 64);
                break;
            case 1:
                sack_chunk(s->tx.acked - 2 + near % 4, (uint16_t)(near + 1), (uint16_t)(near + 2));
                break;
            case 2:
                evil_add(&e, SCTP_HEARTBEAT, 0, noise, 4 + near * 11);
                break;
            case 3:
                evil_add(&e, SCTP_COOKIE_ACK, 0, NULL, 0);
                break;
            case 4:
                if (round > 250)
                    evil_add(&e, SCTP_SHUTDOWN, 0, &near, 4);
                break;
            default:
                evil_add(&e, SCTP_ERROR, 0, noise, near);
                break;
            }
        }
        evil_send(&e, &w, FH_GUARD_STREAM);
        w.to_write[1] += 3000;
        world_run(&w, world_random(&w) % 20000);
        ck_assert_msg(evil_audit(s) == NULL, "%s", evil_audit(s));
        if (fh_sctp_state(s) == FH_SCTP_BROKEN || fh_sctp_state(s) == FH_SCTP_CLOSED) {
            uint64_t seed = w.seed;

            world_free(&w);
            world_init(&w, seed);
            w.to_write[1] = 50000;
            world_start(&w);
            world_run(&w, SEC);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sctp_hostile");
    TCase *never_case = tcase_create("what must never be seen"), *form = tcase_create("form");
    TCase *meaning = tcase_create("meaning"), *others = tcase_create("strangers");
    TCase *all[] = {never_case, form, meaning, others};
    SRunner *sr;
    int failed;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        tcase_add_checked_fixture(all[i], setup, teardown);
        suite_add_tcase(s, all[i]);
    }
    tcase_add_test(never_case, a_second_init_is_dropped);
    tcase_add_test(never_case, a_second_init_with_the_right_tag_is_dropped);
    tcase_add_test(never_case, a_restart_is_dropped_step_by_step);
    tcase_add_test(never_case, another_cookie_is_dropped);
    tcase_add_test(never_case, its_own_cookie_again_is_answered_and_changes_nothing);
    tcase_add_loop_test(never_case, other_chunks_that_have_no_business_are_dropped, 0,
                        (int)(sizeof never));
    tcase_add_test(never_case, one_bad_chunk_costs_the_whole_packet);
    tcase_add_test(never_case, unknown_chunks_that_may_be_skipped_are);
    tcase_add_loop_test(form, wrong_tags_and_ports_are_dropped, 0, 7);
    tcase_add_loop_test(form, an_abort_needs_the_right_tag, 0, 3);
    tcase_add_loop_test(form, lengths_that_lie_are_dropped, 0, 9);
    tcase_add_loop_test(form, packets_that_are_cut_are_dropped, 0, 44);
    tcase_add_loop_test(meaning, data_that_is_not_of_the_stream_breaks_it, 0, 4);
    tcase_add_test(meaning, data_far_away_is_not_kept);
    tcase_add_loop_test(meaning, acknowledging_what_was_not_sent_breaks_it, 0, 4);
    tcase_add_test(meaning, gaps_without_order_break_it);
    tcase_add_test(meaning, an_old_acknowledgement_is_ignored);
    tcase_add_test(meaning, control_datagrams_of_any_kind_do_no_harm);
    tcase_add_loop_test(meaning, a_peer_gone_mad_does_no_harm, 0, 4);
    tcase_add_test(others, strangers_change_nothing);
    tcase_add_test(others, a_recording_played_again_changes_nothing);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
