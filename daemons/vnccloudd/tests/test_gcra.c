/* SPDX-License-Identifier: MIT */
/* Limits of rates: never more than the rate, never less than it, and the table cannot be filled. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../src/config.h"
#include "../src/gcra.c"

static const uint8_t secret[FH__GCRA_KEY] = {1, 2, 3};

static struct fh__gcra made(uint32_t n, uint32_t seconds, size_t slots)
{
    const struct fh__rate rate = {n, seconds};
    struct fh__gcra g;

    ck_assert_int_eq(fh__gcra_init(&g, "test", &rate, slots, secret), 0);
    return g;
}

static uint32_t dice(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

START_TEST(a_burst_then_evenly)
{
    struct fh__gcra g = made(5, 10, 64);
    uint32_t retry = 0;
    int i;

    for (i = 0; i < 5; i++)
        ck_assert(fh__gcra_take(&g, 1000, "a", 1, &retry));
    ck_assert(!fh__gcra_peek(&g, 1000, "a", 1, &retry));
    ck_assert(!fh__gcra_take(&g, 1000, "a", 1, &retry));
    ck_assert_uint_eq(retry, 2000);
    ck_assert(!fh__gcra_take(&g, 2999, "a", 1, &retry));
    ck_assert_uint_eq(retry, 1);
    ck_assert(fh__gcra_peek(&g, 3000, "a", 1, NULL));
    ck_assert(fh__gcra_take(&g, 3000, "a", 1, NULL));
    ck_assert(!fh__gcra_take(&g, 3000, "a", 1, NULL));
    ck_assert(fh__gcra_take(&g, 3000, "b", 1, NULL));
    ck_assert_uint_eq(g.taken, 7);
    ck_assert_uint_eq(g.refused, 3);
    fh__gcra_finish(&g);
}
END_TEST

/* In any stretch of time at most n + time / interval; and a patient one is never refused. */
START_TEST(no_stretch_of_time_has_more_than_the_rate)
{
    uint32_t seed = (uint32_t)_i + 1, n = 1 + dice(&seed) % 50, seconds = 1 + dice(&seed) % 100;
    struct fh__gcra g = made(n, seconds, 16);
    static uint64_t at[20000];
    uint64_t now = 5000;
    size_t taken = 0;

    for (int i = 0; i < 20000; i++) {
        uint32_t retry = 0;

        now += dice(&seed) % (1 + seconds * 300 / n);
        if (fh__gcra_take(&g, now, "key", 3, &retry))
            at[taken++] = now;
        else if (dice(&seed) % 50 == 0) {
            now += retry;
            ck_assert(fh__gcra_peek(&g, now, "key", 3, NULL));
        }
    }
    for (size_t i = 0; i < taken; i++) {
        size_t j = i + n + dice(&seed) % 40;

        if (j < taken)
            ck_assert_uint_ge((at[j] - at[i]) * n + n, (j - i + 1 - n) * (uint64_t)seconds * 1000);
    }
    fh__gcra_finish(&g);
}
END_TEST

START_TEST(a_flood_of_keys_does_not_free_who_is_at_the_limit)
{
    struct fh__gcra g = made(10, 3600, 256);
    uint32_t seed = 3;

    for (int i = 0; i < 10; i++)
        ck_assert(fh__gcra_take(&g, 1000, "guilty", 6, NULL));
    for (int i = 0; i < 100000; i++) {
        uint32_t key = dice(&seed);

        (void)fh__gcra_take(&g, 1000 + (uint64_t)i / 1000, &key, sizeof key, NULL);
    }
    ck_assert(!fh__gcra_take(&g, 1200, "guilty", 6, NULL));
    ck_assert_uint_gt(g.collisions, 0);
    ck_assert_uint_eq(fh__gcra_occupied(&g, 1200), 256);
    ck_assert_uint_eq(fh__gcra_occupied(&g, 1200 + 2 * 3600 * 1000), 0);
    fh__gcra_finish(&g);
}
END_TEST

START_TEST(few_keys_in_a_table_that_is_large_enough_do_not_hinder_each_other)
{
    struct fh__gcra g = made(3, 60, 65536);
    int refused = 0;

    for (uint32_t key = 0; key < 500; key++)
        for (int i = 0; i < 3; i++)
            refused += !fh__gcra_take(&g, 1000, &key, sizeof key, NULL);
    ck_assert_int_le(refused, 12); /* of 500, some two meet another */
    fh__gcra_finish(&g);
}
END_TEST

START_TEST(without_a_limit_all_pass)
{
    struct fh__gcra g = made(0, 1, 16);

    for (int i = 0; i < 1000; i++)
        ck_assert(fh__gcra_take(&g, 0, "a", 1, NULL));
    fh__gcra_set_rate(&g, &(struct fh__rate){1, 60});
    ck_assert(fh__gcra_take(&g, 0, "a", 1, NULL));
    ck_assert(!fh__gcra_take(&g, 0, "a", 1, NULL));
    fh__gcra_finish(&g);
}
END_TEST

START_TEST(one_report_in_a_window)
{
    struct fh__gcra g = made(1, 60, 16);
    struct fh__gcra_report r;
    int reports = 0;

    ck_assert(!fh__gcra_report(&g, 1000, &r));
    for (uint64_t now = 1000; now < 181000; now += 100) {
        (void)fh__gcra_take(&g, now, "a", 1, NULL);
        reports += fh__gcra_report(&g, now, &r);
    }
    ck_assert_int_eq(reports, 3);
    ck_assert_str_eq(r.name, "test");
    fh__gcra_finish(&g);
}
END_TEST

static struct fh__gcra_source source(const char *text)
{
    struct fh_address a;
    struct fh__gcra_source s;

    ck_assert_int_eq(fh_address_parse_ip(text, strlen(text), &a), 0);
    fh__gcra_source(&a, &s);
    return s;
}

static const struct {
    const char *a, *b;
    bool same_host, same_network;
} pairs[] = {
    {"192.0.2.1", "192.0.2.1", true, true},
    {"192.0.2.1", "192.0.2.2", false, true},
    {"192.0.2.1", "192.0.3.1", false, false},
    {"::ffff:192.0.2.1", "192.0.2.1", true, true},
    {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true, true},
    {"2001:db8:1:2::1", "2001:db8:1:3::1", false, true},
    {"2001:db8:1:2::1", "2001:db8:2:2::1", false, false},
    {"c000:0201::", "192.0.2.1", false, false},
};

START_TEST(sources_are_hosts_and_networks)
{
    struct fh__gcra_source a = source(pairs[_i].a), b = source(pairs[_i].b);

    ck_assert((memcmp(a.host, b.host, sizeof a.host) == 0) == pairs[_i].same_host);
    ck_assert((memcmp(a.network, b.network, sizeof a.network) == 0) == pairs[_i].same_network);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gcra");
    TCase *tc = tcase_create("gcra");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, a_burst_then_evenly);
    tcase_add_loop_test(tc, no_stretch_of_time_has_more_than_the_rate, 0, 30);
    tcase_add_test(tc, a_flood_of_keys_does_not_free_who_is_at_the_limit);
    tcase_add_test(tc, few_keys_in_a_table_that_is_large_enough_do_not_hinder_each_other);
    tcase_add_test(tc, without_a_limit_all_pass);
    tcase_add_test(tc, one_report_in_a_window);
    tcase_add_loop_test(tc, sources_are_hosts_and_networks, 0, sizeof pairs / sizeof *pairs);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
