/* SPDX-License-Identifier: MIT */
/* test_guard.c -- clicks and keys that come too early. */
#include <check.h>
#include <stdlib.h>

#include "guard.h"

START_TEST(clicks_count_after_half_a_second)
{
    struct fh__guard g;

    fh__guard_shown(&g, 1000);
    ck_assert(!fh__guard_click(&g, 1000));
    ck_assert(!fh__guard_click(&g, 1499));
    ck_assert(fh__guard_click(&g, 1500));
    fh__guard_uncovered(&g, 9000);
    ck_assert(!fh__guard_click(&g, 9499));
    ck_assert(fh__guard_click(&g, 9500));
}
END_TEST

START_TEST(who_is_typing_answers_nothing)
{
    struct fh__guard g;
    uint64_t now;

    fh__guard_shown(&g, 1000);
    for (now = 1100; now < 9000; now += 499)
        ck_assert(!fh__guard_key(&g, now));
    now += 1;
    ck_assert(fh__guard_key(&g, now));
    /* Then he means this window, however fast. */
    ck_assert(fh__guard_key(&g, now + 1));
    ck_assert(fh__guard_key(&g, now + 2));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("guard");
    TCase *tc = tcase_create("guard");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(tc, clicks_count_after_half_a_second);
    tcase_add_test(tc, who_is_typing_answers_nothing);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
