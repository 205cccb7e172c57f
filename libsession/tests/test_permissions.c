/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/permissions.h>

static uint32_t parsed(const char *text)
{
    uint32_t bits = 0xdead;
    const char *bad;
    size_t bad_len;

    ck_assert_msg(fh_permissions_parse(text, &bits, &bad, &bad_len) == 0, "%s", text);
    return bits;
}

START_TEST(names_and_bits_are_those_that_sdk_users_know)
{
    ck_assert_uint_eq(parsed("view"), 1);
    ck_assert_uint_eq(parsed("keyboard"), 2);
    ck_assert_uint_eq(parsed("pointer"), 4);
    ck_assert_uint_eq(parsed("clipboard"), 8);
    ck_assert_uint_eq(parsed("annotation"), 0x10);
    ck_assert_uint_eq(parsed("select-display"), 0x20);
    ck_assert_uint_eq(parsed("audio"), 0x40);
    ck_assert_uint_eq(parsed("all"), FH_PERM_ALL);
    ck_assert_uint_eq(parsed("none"), 0);
    ck_assert_uint_eq(parsed("view-only"), 1);
}
END_TEST

START_TEST(lists_are_joined_by_commas_or_spaces)
{
    ck_assert_uint_eq(parsed("view,keyboard,pointer"), 7);
    ck_assert_uint_eq(parsed(" view  keyboard,\tpointer ,"), 7);
}
END_TEST

START_TEST(an_unknown_word_is_pointed_at_and_nothing_is_set)
{
    const char *text = "view,keybord", *bad;
    uint32_t bits = 42;
    size_t len;

    ck_assert_int_eq(fh_permissions_parse(text, &bits, &bad, &len), FH_SESSION_E_FORMAT);
    ck_assert_ptr_eq(bad, text + 5);
    ck_assert_uint_eq(len, 7);
    ck_assert_uint_eq(bits, 42);
    ck_assert_int_eq(fh_permissions_parse("", &bits, &bad, &len), FH_SESSION_E_FORMAT);
    ck_assert_int_eq(fh_permissions_parse(" ,", &bits, &bad, &len), FH_SESSION_E_FORMAT);
}
END_TEST

START_TEST(formatting_is_the_inverse_of_parsing)
{
    char text[192];

    for (uint32_t bits = 0; bits <= FH_PERM_ALL; bits++) {
        fh_permissions_format(bits, text, sizeof text);
        ck_assert_uint_eq(parsed(text), bits);
    }
    fh_permissions_format(7, text, sizeof text);
    ck_assert_str_eq(text, "view,keyboard,pointer");
    fh_permissions_format(7, text, 6);
    ck_assert_str_eq(text, "view,");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("permissions");
    TCase *tc = tcase_create("permissions");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, names_and_bits_are_those_that_sdk_users_know);
    tcase_add_test(tc, lists_are_joined_by_commas_or_spaces);
    tcase_add_test(tc, an_unknown_word_is_pointed_at_and_nothing_is_set);
    tcase_add_test(tc, formatting_is_the_inverse_of_parsing);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
