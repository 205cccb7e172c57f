/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "keynames.h"

static const struct {
    const char *text;
    size_t n;
    uint32_t keys[KEYS_MAX];
} good[] = {
    {"a", 1, {'a'}},
    {"A", 1, {'A'}},
    {"-", 1, {'-'}},
    {"ctrl--", 2, {0xffe3, '-'}},
    {"ctrl-alt-del", 3, {0xffe3, 0xffe9, 0xffff}},
    {"Return", 1, {0xff0d}},
    {"shift-f12", 2, {0xffe1, 0xffc9}},
    {"f1", 1, {0xffbe}},
    {"f35", 1, {0xffe0}},
    {"kp_7", 1, {0xffb7}},
    {"\xc3\xa9", 1, {0xe9}},
    {"\xe2\x82\xac", 1, {0x010020ac}},
    {"\xf0\x9f\x98\x80", 1, {0x0101f600}},
    {"0xff1b", 1, {0xff1b}},
    {"alt-tab", 2, {0xffe9, 0xff09}},
};

START_TEST(names_and_combinations_become_keysyms)
{
    uint32_t keys[KEYS_MAX];
    const char *bad = "";
    size_t len = 0;

    ck_assert_msg(keynames_parse(good[_i].text, keys, &bad, &len) == good[_i].n, "%s: %s",
                  good[_i].text, bad);
    ck_assert_mem_eq(keys, good[_i].keys, good[_i].n * sizeof keys[0]);
}
END_TEST

static const struct {
    const char *text, *bad;
    size_t len;
} wrong[] = {
    {"", "", 0},       {"retrun", "retrun", 6},       {"ctrl-", "ctrl-", 4}, {"f0", "f0", 2},
    {"f36", "f36", 3}, {"ctrl-nokey", "nokey", 5},    {"0x", "0x", 2},       {"\xff", "\xff", 1},
    {"f1x", "f1x", 3}, {"a-b-c-d-e-f-g-h-i", "i", 1},
};

START_TEST(what_is_no_key_is_pointed_at)
{
    uint32_t keys[KEYS_MAX];
    const char *bad = NULL;
    size_t len = 99;

    ck_assert_uint_eq(keynames_parse(wrong[_i].text, keys, &bad, &len), 0);
    ck_assert_uint_eq(len, wrong[_i].len);
    ck_assert_str_eq(bad, wrong[_i].bad);
}
END_TEST

START_TEST(line_ends_are_typed_as_return)
{
    ck_assert_uint_eq(keynames_from_unicode('\n'), 0xff0d);
    ck_assert_uint_eq(keynames_from_unicode('\t'), 0xff09);
    ck_assert_uint_eq(keynames_from_unicode('~'), '~');
    ck_assert_uint_eq(keynames_from_unicode(0x85), 0x01000085);
    ck_assert_uint_eq(keynames_from_unicode(0x410), 0x01000410);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("keynames");
    TCase *tc = tcase_create("keynames");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, names_and_combinations_become_keysyms, 0, sizeof good / sizeof good[0]);
    tcase_add_loop_test(tc, what_is_no_key_is_pointed_at, 0, sizeof wrong / sizeof wrong[0]);
    tcase_add_test(tc, line_ends_are_typed_as_return);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
