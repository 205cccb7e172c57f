/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ip_filter.h>

#include "ip.h"

static struct fh_ip_filter *filter;

static void make(void)
{
    filter = fh_ip_filter_new();
    ck_assert_ptr_nonnull(filter);
}

static void drop(void)
{
    fh_ip_filter_free(filter);
}

static void add(const char *rule)
{
    const char *expected;

    ck_assert_msg(fh_ip_filter_add(filter, rule, &expected) == 0, "%s: %s", rule, expected);
}

static uint32_t granted;

static enum fh_ip_verdict check(const char *address)
{
    uint8_t ip[16];
    size_t len = strlen(address);

    if (strcmp(address, "unix") == 0)
        return fh_ip_filter_check(filter, NULL, 0, &granted);
    if (ip4_next(address, len, ip) == len)
        return fh_ip_filter_check(filter, ip, 4, &granted);
    ck_assert_uint_eq(ip6_next(address, len, ip), len);
    return fh_ip_filter_check(filter, ip, 16, &granted);
}

START_TEST(without_rules_everyone_may_try)
{
    ck_assert_int_eq(check("192.0.2.1"), FH_IP_ALLOW);
    ck_assert_int_eq(check("2001:db8::1"), FH_IP_ALLOW);
    ck_assert_int_eq(check("unix"), FH_IP_ALLOW);
    ck_assert_uint_eq(granted, FH_PERM_ALL);
}
END_TEST

START_TEST(who_comes_through_a_cloud_is_judged_by_its_address_there)
{
    static const char one[] = "ABCDE-FGHJK-MNPQR-STVWX", other[] = "ABCDE-FGHJK-MNPQR-STVWY";

    ck_assert_int_eq(fh_ip_filter_check_cloud(filter, one, &granted), FH_IP_ALLOW);
    add("+ 0.0.0.0/0");
    add("+ ::/0");
    add("+ unix");
    ck_assert_int_eq(fh_ip_filter_check_cloud(filter, one, &granted), FH_IP_DENY);
    add("+ cloud:abcdefghjkmnpqrstvwx view");
    ck_assert_int_eq(fh_ip_filter_check_cloud(filter, one, &granted), FH_IP_ALLOW);
    ck_assert_uint_eq(granted, FH_PERM_VIEW);
    ck_assert_int_eq(fh_ip_filter_check_cloud(filter, other, &granted), FH_IP_DENY);
    add("? cloud");
    ck_assert_int_eq(fh_ip_filter_check_cloud(filter, other, &granted), FH_IP_ASK);
    ck_assert_int_eq(fh_ip_filter_check_cloud(filter, "ABCDE", &granted), FH_IP_DENY);
    ck_assert_int_eq(check("192.0.2.1"), FH_IP_ALLOW);
    fh_ip_filter_free(filter);
    make();
    add("- cloud:O0I1L-FGHJK-MNPQR-STVWX");
    add("+ *");
    ck_assert_int_eq(fh_ip_filter_check_cloud(filter, "00111-FGHJK-MNPQR-STVWX", &granted),
                     FH_IP_DENY);
    ck_assert_int_eq(fh_ip_filter_check_cloud(filter, one, &granted), FH_IP_ALLOW);
}
END_TEST

START_TEST(whom_no_rule_names_is_refused)
{
    add("+ 192.168.0.0/16");
    ck_assert_int_eq(check("192.168.255.255"), FH_IP_ALLOW);
    ck_assert_int_eq(check("192.169.0.0"), FH_IP_DENY);
    ck_assert_int_eq(check("::1"), FH_IP_DENY);
    ck_assert_int_eq(check("unix"), FH_IP_DENY);
}
END_TEST

START_TEST(the_first_match_wins)
{
    add("- 10.1.0.0/16");
    add("? 10.0.0.0/8");
    add("+*");
    ck_assert_int_eq(check("10.1.2.3"), FH_IP_DENY);
    ck_assert_int_eq(check("10.2.2.3"), FH_IP_ASK);
    ck_assert_int_eq(check("11.0.0.0"), FH_IP_ALLOW);
    ck_assert_int_eq(check("fe80::1"), FH_IP_ALLOW);
    ck_assert_int_eq(check("unix"), FH_IP_DENY);
    ck_assert_uint_eq(fh_ip_filter_count(filter), 3);
}
END_TEST

START_TEST(a_rule_says_the_most_that_may_be_granted)
{
    add("+ 10.0.0.0/8 view-only");
    add("? 0.0.0.0/0 view, pointer");
    ck_assert_int_eq(check("10.0.0.1"), FH_IP_ALLOW);
    ck_assert_uint_eq(granted, FH_PERM_VIEW);
    ck_assert_int_eq(check("9.9.9.9"), FH_IP_ASK);
    ck_assert_uint_eq(granted, FH_PERM_VIEW | FH_PERM_POINTER);
}
END_TEST

/* Every length of prefix, compared with one bit changed inside it and one behind it. */
START_TEST(networks_of_every_length)
{
    static const uint8_t base[16] = {0x20, 0x01, 0x0d, 0xb8};
    unsigned all = _i == 0 ? 32 : 128;
    char rule[80];

    for (unsigned bits = 0; bits <= all; bits++) {
        uint8_t ip[16] = {0}, network[16] = {0};

        make();
        memcpy(network, base, bits < 32 ? 0 : 4);
        if (_i == 0)
            snprintf(rule, sizeof rule, "+%u.%u.%u.%u/%u", network[0], network[1], network[2],
                     network[3], bits);
        else
            snprintf(rule, sizeof rule, "+%s/%u", bits < 32 ? "::" : "2001:db8::", bits);
        add(rule);
        memcpy(ip, network, sizeof ip);
        ck_assert_int_eq(fh_ip_filter_check(filter, ip, all / 8, &granted), FH_IP_ALLOW);
        for (unsigned bit = 0; bit < all; bit++) {
            ip[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
            ck_assert_int_eq(fh_ip_filter_check(filter, ip, all / 8, &granted),
                             bit < bits ? FH_IP_DENY : FH_IP_ALLOW);
            ip[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        }
        drop();
    }
}
END_TEST

START_TEST(mapped_addresses_are_those_of_ipv4)
{
    add("+ ::ffff:192.0.2.0/120");
    add("? 198.51.100.7");
    ck_assert_int_eq(check("192.0.2.9"), FH_IP_ALLOW);
    ck_assert_int_eq(check("::ffff:192.0.2.9"), FH_IP_ALLOW);
    ck_assert_int_eq(check("::ffff:198.51.100.7"), FH_IP_ASK);
    ck_assert_int_eq(check("198.51.100.8"), FH_IP_DENY);
}
END_TEST

START_TEST(sockets_of_this_machine_have_a_word)
{
    add("+unix");
    ck_assert_int_eq(check("unix"), FH_IP_ALLOW);
    ck_assert_int_eq(check("127.0.0.1"), FH_IP_DENY);
}
END_TEST

static const char *const bad_rules[] = {
    "",
    " ",
    "10.0.0.0/8",
    "+",
    "+ ",
    "* +",
    "+ 10.0.0/8",
    "+ 10.1.0.0/8",
    "+ 10.0.0.0/33",
    "+ 10.0.0.0/",
    "+ 10.0.0.0/-1",
    "+ 10.0.0.0/08a",
    "+ ::/129",
    "+ ::1/64",
    "+ fe80::1%2",
    "+ example.org",
    "+ 010.0.0.1",
    "+ 256.0.0.1",
    "- * all",
    "+ * nothing",
    "+ 10.0.0.0/255.0.0.0",
    "+ 10.0.0.0 /8",
    "! *",
    "+ 10.0.0.0/4294967304",
};

START_TEST(what_is_no_rule_is_refused_and_changes_nothing)
{
    const char *expected = NULL;

    ck_assert_int_eq(fh_ip_filter_add(filter, bad_rules[_i], &expected), FH_SESSION_E_FORMAT);
    ck_assert_ptr_nonnull(expected);
    ck_assert_uint_eq(fh_ip_filter_count(filter), 0);
}
END_TEST

START_TEST(there_are_only_so_many_rules)
{
    const char *expected;

    for (int i = 0; i < FH_IP_FILTER_MAX; i++)
        add("+ 10.0.0.0/8");
    ck_assert_int_eq(fh_ip_filter_add(filter, "+*", &expected), FH_SESSION_E_LIMIT);
    ck_assert_ptr_nonnull(expected);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ip_filter");
    TCase *tc = tcase_create("rules"), *many = tcase_create("many");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, make, drop);
    tcase_add_test(tc, without_rules_everyone_may_try);
    tcase_add_test(tc, whom_no_rule_names_is_refused);
    tcase_add_test(tc, who_comes_through_a_cloud_is_judged_by_its_address_there);
    tcase_add_test(tc, the_first_match_wins);
    tcase_add_test(tc, a_rule_says_the_most_that_may_be_granted);
    tcase_add_test(tc, mapped_addresses_are_those_of_ipv4);
    tcase_add_test(tc, sockets_of_this_machine_have_a_word);
    tcase_add_test(tc, there_are_only_so_many_rules);
    tcase_add_loop_test(tc, what_is_no_rule_is_refused_and_changes_nothing, 0,
                        sizeof bad_rules / sizeof bad_rules[0]);
    tcase_add_loop_test(many, networks_of_every_length, 0, 2);
    suite_add_tcase(s, tc);
    suite_add_tcase(s, many);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
