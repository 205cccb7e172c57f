/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/blacklist.h>

enum { S = 1000 };

static struct fh_blacklist *list;
static uint64_t now;

static void make(void)
{
    list = fh_blacklist_new(&(struct fh_blacklist_config){0});
    ck_assert_ptr_nonnull(list);
    now = 1000000 * (uint64_t)S;
}

static void drop(void)
{
    fh_blacklist_free(list);
}

static const uint8_t home[4] = {192, 0, 2, 1};

static struct fh_blacklist_who from(const uint8_t ip[4], const char *user)
{
    return (struct fh_blacklist_who){.ip = ip, .ip_len = 4, .user = user};
}

static bool fails(const struct fh_blacklist_who *who)
{
    uint64_t wait;

    return fh_blacklist_begin(list, now, who, &wait) == 0;
}

/* How many attempts, all failing and all at one time, are let through. */
static unsigned burst(const struct fh_blacklist_who *who)
{
    unsigned n = 0;

    while (n < 10000 && fails(who))
        n++;
    return n;
}

START_TEST(five_failures_cost_ten_seconds)
{
    struct fh_blacklist_who who = from(home, NULL);

    ck_assert_uint_eq(burst(&who), 5);
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &who), 10 * S);
    ck_assert_uint_eq(fh_blacklist_wait(list, now + 10 * S - 1, &who), 1);
    ck_assert_uint_eq(fh_blacklist_wait(list, now + 10 * S, &who), 0);
    ck_assert_uint_eq(fh_blacklist_count(list, now), 1);
    ck_assert_uint_eq(fh_blacklist_count(list, now + 10 * S), 0);
}
END_TEST

START_TEST(each_failure_after_it_costs_twice_as_much_up_to_a_day)
{
    struct fh_blacklist_who who = from(home, NULL);
    uint64_t cost = 10 * S;

    ck_assert_uint_eq(burst(&who), 5);
    for (int i = 0; i < 40; i++) {
        ck_assert_uint_eq(fh_blacklist_wait(list, now, &who), cost);
        now += cost;
        ck_assert_uint_eq(burst(&who), 1);
        cost = 2 * cost < 86400 * (uint64_t)S ? 2 * cost : 86400 * (uint64_t)S;
    }
}
END_TEST

START_TEST(asking_while_listed_changes_nothing)
{
    struct fh_blacklist_who who = from(home, "anna");

    ck_assert_uint_eq(burst(&who), 5);
    for (int i = 0; i < 9; i++) {
        now += S;
        ck_assert(!fails(&who));
    }
    now += S;
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &who), 0);
}
END_TEST

START_TEST(success_forgets_and_so_does_an_hour)
{
    struct fh_blacklist_who who = from(home, "anna");

    for (int i = 0; i < 4; i++)
        ck_assert(fails(&who));
    fh_blacklist_succeeded(list, now, &who);
    for (int i = 0; i < 4; i++)
        ck_assert(fails(&who));
    now += 3600 * S;
    ck_assert_uint_eq(burst(&who), 5);
}
END_TEST

START_TEST(a_name_is_counted_over_all_addresses)
{
    uint8_t ip[4] = {10, 0, 0, 0};
    unsigned tried = 0;

    for (unsigned i = 0; i < 64; i++) {
        struct fh_blacklist_who who = from(ip, "anna");

        ip[3] = (uint8_t)i;
        tried += burst(&who);
    }
    ck_assert_uint_eq(tried, 5);
}
END_TEST

/* 64 addresses for an hour: what they may guess of one name is what its five minutes allow. */
START_TEST(spraying_for_an_hour)
{
    uint8_t ip[4] = {10, 0, 0, 0};
    unsigned tried = 0;

    for (unsigned second = 0; second < 3600; second++, now += S)
        for (unsigned i = 0; i < 64; i++) {
            struct fh_blacklist_who who = from(ip, "anna");

            ip[3] = (uint8_t)i;
            tried += fails(&who);
        }
    ck_assert_uint_le(tried, 3600 / 300 + 10);
}
END_TEST

START_TEST(strangers_do_not_lock_out_who_got_in_before)
{
    struct fh_blacklist_who anna = from(home, "anna");
    uint8_t ip[4] = {10, 0, 0, 0};

    ck_assert(fails(&anna));
    fh_blacklist_succeeded(list, now, &anna);
    for (unsigned i = 0; i < 64; i++) {
        struct fh_blacklist_who who = from(ip, "anna");

        ip[3] = (uint8_t)i;
        (void)burst(&who);
    }
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &anna), 0);
    /* Yet her own address has no more tries than others. */
    ck_assert_uint_eq(burst(&anna), 5);
}
END_TEST

START_TEST(networks_of_ipv6_count_as_one_with_more_patience)
{
    uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8};
    struct fh_blacklist_who who = {.ip = ip, .ip_len = 16};
    unsigned in_64 = 0, in_56 = 0, in_48 = 0;

    for (unsigned i = 0; i < 100; i++) {
        ip[15] = (uint8_t)i;
        in_64 += fails(&who);
    }
    ck_assert_uint_eq(in_64, 5);
    for (unsigned i = 1; i < 256; i++) {
        ip[7] = (uint8_t)i;
        in_56 += fails(&who);
    }
    ck_assert_uint_eq(in_64 + in_56, 20);
    for (unsigned i = 1; i < 256; i++) {
        ip[6] = (uint8_t)i;
        in_48 += burst(&who);
    }
    ck_assert_uint_eq(in_64 + in_56 + in_48, 80);
    ip[5]++;
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &who), 0);
}
END_TEST

START_TEST(mapped_addresses_are_those_of_ipv4)
{
    const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    struct fh_blacklist_who a = from(home, NULL), b = {.ip = mapped, .ip_len = 16};

    ck_assert_uint_eq(burst(&a), 5);
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &b), 10 * S);
}
END_TEST

START_TEST(a_peer_without_an_address_is_known_by_its_identity)
{
    uint8_t fingerprint[32] = {1}, other[32] = {2};
    struct fh_blacklist_who a = {.fingerprint = fingerprint}, b = {.fingerprint = other};

    ck_assert_uint_eq(burst(&a), 5);
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &b), 0);
    ck_assert_uint_eq(fh_blacklist_forgive(list, &a), 1);
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &a), 0);
}
END_TEST

/* Whoever fills the table with other addresses does not free a listed one of his. */
START_TEST(filling_the_table_frees_nobody)
{
    struct fh_blacklist_who who = from(home, NULL);

    ck_assert_uint_eq(burst(&who), 5);
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t ip[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
        struct fh_blacklist_who filler = from(ip, NULL);

        ck_assert(fails(&filler));
    }
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &who), 10 * S);
}
END_TEST

static void restart(int64_t then_utc, int64_t now_utc)
{
    size_t len;
    unsigned line;
    char *text = fh_blacklist_text(list, now, then_utc, &len);

    ck_assert_ptr_nonnull(text);
    drop();
    make();
    now = 5 * S; /* another boot */
    ck_assert_int_eq(fh_blacklist_parse(list, now, now_utc, text, len, &line), 0);
    free(text);
}

START_TEST(the_list_survives_a_restart)
{
    struct fh_blacklist_who who = from(home, "anna"), ben = from(home, "ben");

    ck_assert(fails(&ben));
    fh_blacklist_succeeded(list, now, &ben);
    ck_assert_uint_eq(burst(&who), 5);
    now += 10 * S;
    ck_assert(fails(&who));
    restart(2000000000, 2000000005);
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &who), 15 * S);
    now += 15 * S;
    ck_assert(fails(&who));
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &who), 40 * S);
}
END_TEST

/* A clock set back a year lengthens nothing beyond the limits, one set forward only forgives. */
START_TEST(the_clock_may_jump)
{
    struct fh_blacklist_who who = from(home, "anna");

    ck_assert_uint_eq(burst(&who), 5);
    restart(2000000000, 2000000000 - 365 * 86400);
    ck_assert_uint_le(fh_blacklist_wait(list, now, &who), 86400 * (uint64_t)S);
    restart(2000000000, 2000000000 + 365 * 86400);
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &who), 0);
}
END_TEST

#define VALUE "00112233445566778899aabbccddeeff"

static const char *const bad_texts[] = {
    "",
    "farhand-blacklist 2\n",
    "farhand-blacklist 1\na\n",
    "farhand-blacklist 1\na " VALUE " 1 0 0 0",
    "farhand-blacklist 1\nx " VALUE " 1 0 0 0\n",
    "farhand-blacklist 1\na " VALUE " 1 0 0\n",
    "farhand-blacklist 1\na " VALUE " 1 0 0 0 \n",
    "farhand-blacklist 1\na " VALUE " 1 21 0 0\n",
    "farhand-blacklist 1\na " VALUE " -1 0 0 0\n",
    "farhand-blacklist 1\na " VALUE " 99999999999999999999 0 0 0\n",
    "farhand-blacklist 1\na 0011 1 0 0 0\n",
    "farhand-blacklist 1\na " VALUE " 1 0 0 0\na " VALUE " 1 0 0 0\n",
    "farhand-blacklist 1\nf " VALUE "\n",
    "farhand-blacklist 1\n\n",
};

START_TEST(a_broken_text_leaves_the_list_empty)
{
    const char *text = bad_texts[_i];
    unsigned line = 0;
    size_t len;
    char *after;

    ck_assert_int_eq(fh_blacklist_parse(list, now, 0, text, strlen(text), &line),
                     FH_SESSION_E_FORMAT);
    ck_assert_uint_ge(line, 1);
    after = fh_blacklist_text(list, now, 0, &len);
    ck_assert_str_eq(after, "farhand-blacklist 1\n");
    free(after);
}
END_TEST

START_TEST(other_limits_count_from_now_on)
{
    struct fh_blacklist_who who = from(home, NULL);

    ck_assert_int_eq(fh_blacklist_configure(
                         list, &(struct fh_blacklist_config){.threshold = 2, .timeout_s = 60}),
                     0);
    ck_assert_uint_eq(burst(&who), 2);
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &who), 60000);
    ck_assert_int_eq(fh_blacklist_configure(list, &(struct fh_blacklist_config){.threshold = 1001}),
                     FH_SESSION_E_INVAL);
    ck_assert_int_eq(fh_blacklist_configure(list, &(struct fh_blacklist_config){0}), 0);
    ck_assert_uint_eq(fh_blacklist_wait(list, now, &who), 60000); /* he goes on waiting */
}
END_TEST

START_TEST(limits_of_the_configuration)
{
    ck_assert_ptr_null(fh_blacklist_new(&(struct fh_blacklist_config){.threshold = 1001}));
    ck_assert_ptr_null(fh_blacklist_new(&(struct fh_blacklist_config){.timeout_s = 86401}));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("blacklist");
    TCase *tc = tcase_create("list");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, make, drop);
    tcase_add_test(tc, five_failures_cost_ten_seconds);
    tcase_add_test(tc, each_failure_after_it_costs_twice_as_much_up_to_a_day);
    tcase_add_test(tc, asking_while_listed_changes_nothing);
    tcase_add_test(tc, success_forgets_and_so_does_an_hour);
    tcase_add_test(tc, a_name_is_counted_over_all_addresses);
    tcase_add_test(tc, spraying_for_an_hour);
    tcase_add_test(tc, strangers_do_not_lock_out_who_got_in_before);
    tcase_add_test(tc, networks_of_ipv6_count_as_one_with_more_patience);
    tcase_add_test(tc, mapped_addresses_are_those_of_ipv4);
    tcase_add_test(tc, a_peer_without_an_address_is_known_by_its_identity);
    tcase_add_test(tc, filling_the_table_frees_nobody);
    tcase_add_test(tc, the_list_survives_a_restart);
    tcase_add_test(tc, the_clock_may_jump);
    tcase_add_test(tc, limits_of_the_configuration);
    tcase_add_test(tc, other_limits_count_from_now_on);
    tcase_add_loop_test(tc, a_broken_text_leaves_the_list_empty, 0,
                        sizeof bad_texts / sizeof bad_texts[0]);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
