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
    char text[FH_PERMISSIONS_TEXT];

    for (uint32_t bits = 0; bits <= 0x1fff; bits++) {
        fh_permissions_format(bits, text, sizeof text);
        ck_assert_uint_eq(parsed(text), fh_permissions_normal(bits));
    }
    fh_permissions_format(7, text, sizeof text);
    ck_assert_str_eq(text, "view,keyboard,pointer");
    fh_permissions_format(7, text, 6);
    ck_assert_str_eq(text, "view,");
}
END_TEST

START_TEST(the_clipboard_is_one_permission_or_one_way_of_it)
{
    ck_assert_uint_eq(parsed("clipboard-in"), 0x800);
    ck_assert_uint_eq(parsed("clipboard-out"), 0x1000);
    ck_assert_uint_eq(parsed("clipboard-in,clipboard-out"), 8);
    ck_assert_uint_eq(parsed("clipboard,clipboard-in"), 8);
    ck_assert_uint_eq(parsed("all,clipboard-in"), FH_PERM_ALL);
    /* Who takes the old bit away takes both ways away. */
    ck_assert(!fh_permissions_allow(FH_PERM_ALL & ~FH_PERM_CLIPBOARD, FH_ACT_TEXT_IN));
    ck_assert(!fh_permissions_allow(FH_PERM_ALL & ~FH_PERM_CLIPBOARD, FH_ACT_TEXT_OUT));
}
END_TEST

START_TEST(sets_are_cut_by_what_they_allow)
{
    for (uint32_t i = 0; i < 64; i++)
        for (uint32_t j = 0; j < 64; j++) {
            /* view, keyboard, pointer and the three of the clipboard */
            uint32_t a = (i & 0xf) | (i & 0x30) << 7, b = (j & 0xf) | (j & 0x30) << 7;
            uint32_t both = fh_permissions_and(a, b);

            ck_assert_uint_eq(both, fh_permissions_normal(both));
            for (enum fh_act act = FH_ACT_KEY; act <= FH_ACT_TALK; act++)
                ck_assert_int_eq(fh_permissions_allow(both, act),
                                 fh_permissions_allow(a, act) && fh_permissions_allow(b, act));
        }
}
END_TEST

START_TEST(each_act_needs_one_permission)
{
    static const struct {
        enum fh_act act;
        uint32_t with[3]; /* each alone is enough */
    } table[] = {
        {FH_ACT_KEY, {0x2}},
        {FH_ACT_POINTER, {0x4}},
        {FH_ACT_TEXT_IN, {0x8, 0x800}},
        {FH_ACT_TEXT_OUT, {0x8, 0x1000}},
        {FH_ACT_RESIZE, {0x200}},
        {FH_ACT_PICTURE, {0x1}},
        {FH_ACT_BELL, {0x1}},
        {FH_ACT_ANNOTATE, {0x10}},
        {FH_ACT_SELECT_DISPLAY, {0x20}},
        {FH_ACT_HEAR, {0x40}},
        {FH_ACT_TRANSFER, {0x80}},
        {FH_ACT_PRINT, {0x100}},
        {FH_ACT_TALK, {0x400}},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (uint32_t bit = 1; bit != 0; bit <<= 1) {
            bool is_enough = bit == table[i].with[0] || bit == table[i].with[1];

            ck_assert_int_eq(fh_permissions_allow(bit, table[i].act), is_enough);
        }
    ck_assert(!fh_permissions_allow(0xffffffff, (enum fh_act)99));
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
    tcase_add_test(tc, the_clipboard_is_one_permission_or_one_way_of_it);
    tcase_add_test(tc, sets_are_cut_by_what_they_allow);
    tcase_add_test(tc, each_act_needs_one_permission);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
