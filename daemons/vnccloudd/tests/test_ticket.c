/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "ticket.h"

static const uint8_t key[FH__TICKET_KEY_LEN] = "a key that only the two know...";
static const uint64_t now = 1700000000000;

static struct fh__ticket some(void)
{
    struct fh__ticket t = {.side = FH__TICKET_SERVER,
                           .expires_ms = now + FH__TICKET_LIFE_MS,
                           .kbit = 5000,
                           .bytes = (uint64_t)1 << 40};

    memset(t.conn, 0xc0, sizeof t.conn);
    memset(t.account, 0xac, sizeof t.account);
    return t;
}

START_TEST(what_was_made_is_taken)
{
    struct fh__ticket t = some(), again;
    uint8_t wire[FH__TICKET_LEN];

    fh__ticket_make(key, &t, wire);
    ck_assert_uint_eq(wire[0], 1);
    ck_assert_int_eq(fh__ticket_check(key, wire, sizeof wire, now, &again), 0);
    ck_assert_uint_eq(again.side, t.side);
    ck_assert_mem_eq(again.conn, t.conn, sizeof t.conn);
    ck_assert_mem_eq(again.account, t.account, sizeof t.account);
    ck_assert_uint_eq(again.expires_ms, t.expires_ms);
    ck_assert_uint_eq(again.kbit, t.kbit);
    ck_assert_uint_eq(again.bytes, t.bytes);
    ck_assert_int_eq(fh__ticket_check(key, wire, sizeof wire, t.expires_ms - 1, &again), 0);
    ck_assert_int_eq(fh__ticket_check(key, wire, sizeof wire, t.expires_ms, &again),
                     FH__RELAY_EXPIRED);
}
END_TEST

START_TEST(no_bit_of_a_ticket_can_be_changed)
{
    struct fh__ticket t = some(), again;
    uint8_t wire[FH__TICKET_LEN + 1] = {0}, other[FH__TICKET_KEY_LEN] = {0};

    fh__ticket_make(key, &t, wire);
    for (size_t i = 0; i < 8 * FH__TICKET_LEN; i++) {
        wire[i / 8] ^= (uint8_t)(1 << i % 8);
        ck_assert_int_eq(fh__ticket_check(key, wire, FH__TICKET_LEN, now, &again), FH__RELAY_BAD);
        wire[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t len = 0; len < FH__TICKET_LEN; len++)
        ck_assert_int_eq(fh__ticket_check(key, wire, len, now, &again), FH__RELAY_BAD);
    ck_assert_int_eq(fh__ticket_check(key, wire, sizeof wire, now, &again), FH__RELAY_BAD);
    ck_assert_int_eq(fh__ticket_check(other, wire, FH__TICKET_LEN, now, &again), FH__RELAY_BAD);
    ck_assert_int_eq(fh__ticket_check(key, wire, FH__TICKET_LEN, now, &again), 0);
}
END_TEST

START_TEST(one_that_is_good_for_too_long_is_not_taken)
{
    struct fh__ticket t = some(), again;
    uint8_t wire[FH__TICKET_LEN];

    t.expires_ms++;
    fh__ticket_make(key, &t, wire);
    ck_assert_int_eq(fh__ticket_check(key, wire, sizeof wire, now, &again), FH__RELAY_BAD);
    t = some();
    t.side = 2;
    fh__ticket_make(key, &t, wire);
    ck_assert_int_eq(fh__ticket_check(key, wire, sizeof wire, now, &again), FH__RELAY_BAD);
}
END_TEST

static int use(struct fh__tickets *used, uint16_t number, uint64_t expires_ms)
{
    struct fh__ticket t = some();
    uint8_t wire[FH__TICKET_LEN];

    memcpy(t.conn, &number, sizeof number);
    t.expires_ms = expires_ms;
    fh__ticket_make(key, &t, wire);
    return fh__tickets_use(used, wire, expires_ms);
}

/* Over hours, with a table that is as small as one minute's tickets. */
START_TEST(no_ticket_is_used_twice_while_it_is_good)
{
    enum { EACH_SECOND = 10, CAP = 60 * EACH_SECOND };
    struct fh__tickets *used = fh__tickets_new(CAP);
    uint16_t number = 0;

    ck_assert_ptr_nonnull(used);
    for (uint64_t second = 0; second < 1200; second++)
        for (int i = 0; i < EACH_SECOND; i++, number++) {
            uint64_t at = now + second * 1000, ago = second < 59 ? second : 59;

            ck_assert_int_eq(use(used, number, at + FH__TICKET_LIFE_MS), 0);
            ck_assert_int_eq(use(used, number, at + FH__TICKET_LIFE_MS), FH__RELAY_USED);
            ck_assert_int_eq(use(used, (uint16_t)(number - ago * EACH_SECOND),
                                 at - ago * 1000 + FH__TICKET_LIFE_MS),
                             FH__RELAY_USED);
        }
    fh__tickets_free(used);
}
END_TEST

START_TEST(more_than_there_is_room_for_come_again)
{
    struct fh__tickets *used = fh__tickets_new(10);
    uint64_t at = now - now % FH__TICKET_LIFE_MS;

    for (uint16_t i = 0; i < 10; i++)
        ck_assert_int_eq(use(used, i, at), 0);
    ck_assert_int_eq(use(used, 10, at), FH__RELAY_BUSY);
    ck_assert_int_eq(use(used, 9, at), FH__RELAY_USED);
    /* Those of the next minute have a table of their own; the one after takes the first's place. */
    ck_assert_int_eq(use(used, 10, at + FH__TICKET_LIFE_MS), 0);
    ck_assert_int_eq(use(used, 9, at), FH__RELAY_USED);
    ck_assert_int_eq(use(used, 10, at + 2 * FH__TICKET_LIFE_MS), 0);
    ck_assert_int_eq(use(used, 9, at), FH__RELAY_EXPIRED);
    fh__tickets_free(used);
    fh__tickets_free(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ticket");
    TCase *t = tcase_create("tickets");
    SRunner *r;
    int failed;

    tcase_add_test(t, what_was_made_is_taken);
    tcase_add_test(t, no_bit_of_a_ticket_can_be_changed);
    tcase_add_test(t, one_that_is_good_for_too_long_is_not_taken);
    tcase_add_test(t, no_ticket_is_used_twice_while_it_is_good);
    tcase_add_test(t, more_than_there_is_room_for_come_again);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
