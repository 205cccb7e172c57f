/* SPDX-License-Identifier: MIT */
/* RFC 8305 in virtual time. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../src/happy.c"

static const struct fh_happy_config defaults = {
    .resolution_delay_ms = 50, .attempt_delay_ms = 250, .timeout_ms = 10000};

/* Address number n of a family, to be recognised by its first byte. */
static struct fh_address address(enum fh_happy_family f, uint8_t n)
{
    struct fh_address a = {.family = f == FH_HAPPY_IPV6 ? FH_ADDRESS_IPV6 : FH_ADDRESS_IPV4};

    a.ip[0] = n;
    return a;
}

static void answer(struct fh_happy *h, uint64_t now, enum fh_happy_family f, size_t n)
{
    struct fh_address list[32] = {{.family = FH_ADDRESS_NONE}};

    for (size_t i = 0; i < n; i++)
        list[i] = address(f, (uint8_t)i);
    fh__happy_answer(h, now, f, list, n);
}

/* Expects an attempt now, of this family and number. */
static void expect(struct fh_happy *h, uint64_t now, enum fh_happy_family f, uint8_t n)
{
    struct fh_address want = address(f, n), got;

    ck_assert_uint_le(fh__happy_deadline(h), now);
    ck_assert(fh__happy_next(h, now, &got));
    ck_assert(fh_address_equal_host(&want, &got));
}

/* Expects nothing before this time. */
static void expect_wait(struct fh_happy *h, uint64_t now, uint64_t until)
{
    struct fh_address got;

    ck_assert(!fh__happy_next(h, now, &got));
    ck_assert_uint_eq(fh__happy_deadline(h), until);
    ck_assert(!fh__happy_next(h, until - 1, &got));
    ck_assert_int_eq((int)fh__happy_tick(h, until - 1), FH_HAPPY_GOING);
}

START_TEST(families_alternate_from_ipv6_on_every_250_ms)
{
    struct fh_happy h;

    fh__happy_init(&h, 1000, &defaults);
    expect_wait(&h, 1000, 11000);
    answer(&h, 1010, FH_HAPPY_IPV6, 3);
    answer(&h, 1010, FH_HAPPY_IPV4, 2);
    expect(&h, 1010, FH_HAPPY_IPV6, 0);
    expect_wait(&h, 1010, 1260);
    expect(&h, 1260, FH_HAPPY_IPV4, 0);
    expect_wait(&h, 1260, 1510);
    expect(&h, 1510, FH_HAPPY_IPV6, 1);
    expect(&h, 1760, FH_HAPPY_IPV4, 1);
    expect(&h, 2010, FH_HAPPY_IPV6, 2);
    expect_wait(&h, 2010, 11000);
}
END_TEST

START_TEST(a_failure_starts_the_next_at_once)
{
    struct fh_happy h;

    fh__happy_init(&h, 0, &defaults);
    answer(&h, 0, FH_HAPPY_IPV6, 1);
    answer(&h, 0, FH_HAPPY_IPV4, 2);
    expect(&h, 0, FH_HAPPY_IPV6, 0);
    fh__happy_failed(&h, 3);
    expect(&h, 3, FH_HAPPY_IPV4, 0);
    expect_wait(&h, 3, 253);
    fh__happy_failed(&h, 5);
    expect(&h, 5, FH_HAPPY_IPV4, 1);
    ck_assert_int_eq((int)fh__happy_tick(&h, 6), FH_HAPPY_GOING);
    fh__happy_failed(&h, 7);
    ck_assert_int_eq((int)fh__happy_tick(&h, 7), FH_HAPPY_FAILED);
}
END_TEST

START_TEST(ipv4_alone_waits_50_ms_for_ipv6)
{
    struct fh_happy h;

    fh__happy_init(&h, 0, &defaults);
    answer(&h, 20, FH_HAPPY_IPV4, 1);
    expect_wait(&h, 20, 70);
    expect(&h, 70, FH_HAPPY_IPV4, 0);
    /* It comes after all, and takes its turn. */
    answer(&h, 100, FH_HAPPY_IPV6, 1);
    expect_wait(&h, 100, 320);
    expect(&h, 320, FH_HAPPY_IPV6, 0);
}
END_TEST

START_TEST(ipv6_in_time_goes_first)
{
    struct fh_happy h;

    fh__happy_init(&h, 0, &defaults);
    answer(&h, 20, FH_HAPPY_IPV4, 1);
    answer(&h, 60, FH_HAPPY_IPV6, 1);
    expect(&h, 60, FH_HAPPY_IPV6, 0);
    expect(&h, 310, FH_HAPPY_IPV4, 0);
}
END_TEST

START_TEST(ipv4_need_not_wait_for_a_host_without_ipv6)
{
    struct fh_happy h;

    fh__happy_init(&h, 0, &defaults);
    answer(&h, 20, FH_HAPPY_IPV4, 1);
    answer(&h, 30, FH_HAPPY_IPV6, 0);
    expect(&h, 30, FH_HAPPY_IPV4, 0);
    fh__happy_init(&h, 0, &defaults);
    answer(&h, 20, FH_HAPPY_IPV6, 0);
    answer(&h, 30, FH_HAPPY_IPV4, 1);
    expect(&h, 30, FH_HAPPY_IPV4, 0);
}
END_TEST

START_TEST(ipv6_starts_while_ipv4_is_being_asked_and_its_failure_waits_for_the_answer)
{
    struct fh_happy h;

    fh__happy_init(&h, 0, &defaults);
    answer(&h, 10, FH_HAPPY_IPV6, 1);
    expect(&h, 10, FH_HAPPY_IPV6, 0);
    fh__happy_failed(&h, 12);
    ck_assert_int_eq((int)fh__happy_tick(&h, 12), FH_HAPPY_GOING);
    ck_assert_uint_eq(fh__happy_deadline(&h), 10000);
    answer(&h, 900, FH_HAPPY_IPV4, 1);
    expect(&h, 900, FH_HAPPY_IPV4, 0);
}
END_TEST

START_TEST(no_address_at_all_is_a_failure_at_once)
{
    struct fh_happy h;

    fh__happy_init(&h, 0, &defaults);
    answer(&h, 5, FH_HAPPY_IPV6, 0);
    ck_assert_int_eq((int)fh__happy_tick(&h, 5), FH_HAPPY_GOING);
    answer(&h, 6, FH_HAPPY_IPV4, 0);
    ck_assert_int_eq((int)fh__happy_tick(&h, 6), FH_HAPPY_FAILED);
}
END_TEST

START_TEST(the_whole_has_an_end)
{
    struct fh_happy h;
    struct fh_address got;

    fh__happy_init(&h, 0, &defaults);
    answer(&h, 0, FH_HAPPY_IPV6, 2);
    answer(&h, 0, FH_HAPPY_IPV4, 0);
    expect(&h, 0, FH_HAPPY_IPV6, 0);
    ck_assert_int_eq((int)fh__happy_tick(&h, 9999), FH_HAPPY_GOING);
    ck_assert_int_eq((int)fh__happy_tick(&h, 10000), FH_HAPPY_TIMED_OUT);
    ck_assert(!fh__happy_next(&h, 10000, &got));
}
END_TEST

START_TEST(an_attempt_delay_below_10_ms_is_raised)
{
    struct fh_happy_config cfg = defaults;
    struct fh_happy h;

    cfg.attempt_delay_ms = 1;
    fh__happy_init(&h, 0, &cfg);
    answer(&h, 0, FH_HAPPY_IPV6, 2);
    expect(&h, 0, FH_HAPPY_IPV6, 0);
    expect_wait(&h, 0, 10);
}
END_TEST

START_TEST(too_many_addresses_and_second_answers_are_ignored)
{
    struct fh_happy h;
    struct fh_address got;
    size_t n = 0;

    fh__happy_init(&h, 0, &defaults);
    answer(&h, 0, FH_HAPPY_IPV6, 32);
    answer(&h, 0, FH_HAPPY_IPV6, 32);
    answer(&h, 0, FH_HAPPY_IPV4, 0);
    for (; fh__happy_next(&h, 0, &got); n++)
        fh__happy_failed(&h, 0);
    ck_assert_uint_eq(n, FH_HAPPY_MAX);
    ck_assert_int_eq((int)fh__happy_tick(&h, 0), FH_HAPPY_FAILED);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("happy");
    TCase *tc = tcase_create("happy");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, families_alternate_from_ipv6_on_every_250_ms);
    tcase_add_test(tc, a_failure_starts_the_next_at_once);
    tcase_add_test(tc, ipv4_alone_waits_50_ms_for_ipv6);
    tcase_add_test(tc, ipv6_in_time_goes_first);
    tcase_add_test(tc, ipv4_need_not_wait_for_a_host_without_ipv6);
    tcase_add_test(tc, ipv6_starts_while_ipv4_is_being_asked_and_its_failure_waits_for_the_answer);
    tcase_add_test(tc, no_address_at_all_is_a_failure_at_once);
    tcase_add_test(tc, the_whole_has_an_end);
    tcase_add_test(tc, an_attempt_delay_below_10_ms_is_raised);
    tcase_add_test(tc, too_many_addresses_and_second_answers_are_ignored);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
