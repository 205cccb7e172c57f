/* SPDX-License-Identifier: MIT */
/* test_shown.c -- hostile names, as a person sees them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shown.h"

#define BAD "\xef\xbf\xbd"
#define DOTS "\xe2\x80\xa6"

static const struct {
    const char *text, *shown;
} table[] = {
    {"", ""},
    {"ann", "ann"},
    {"J\xc3\xbcrgen \xe6\x9d\x8e", "J\xc3\xbcrgen \xe6\x9d\x8e"},
    {"\xd7\x90\xd7\x91 (x)", "\xd7\x90\xd7\x91 (x)"}, /* right to left is a language */
    {"a\nb\tc\x7f", "a" BAD "b" BAD "c" BAD},
    {"a\xe2\x80\xae"
     "b",
     "a" BAD "b"},                              /* right-to-left override */
    {"a\xe2\x81\xa6\xe2\x81\xa9", "a" BAD BAD}, /* isolates */
    {"a\xe2\x80\x8b\xef\xbb\xbf", "a" BAD BAD}, /* zero width */
    {"a\xe2\x80\xa8\xe2\x80\xa9", "a" BAD BAD}, /* separators of lines and paragraphs */
    {"a\xf3\xa0\x81\x81", "a" BAD},             /* a tag, invisible */
    {"\xe3\x85\xa4\xe1\x85\x9f", BAD BAD},      /* fillers of Hangul, blank */
    {"\xee\x80\x80", BAD},                      /* private use */
    {"\xff\xc0\x80z", BAD BAD BAD "z"},         /* not UTF-8 */
    {"a\xe2\x80\x9d is", "a" BAD " is"},        /* a quotation mark of ours */
    {"\xe2\x82", BAD BAD},                      /* cut */
    {"\xcc\x81x", "x"},                         /* a mark without a letter */
    {"e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81x", "e\xcc\x81\xcc\x81\xcc\x81x"},
};

START_TEST(hostile_text_is_made_fit)
{
    char out[200];

    fh__shown(table[_i].text, out, sizeof out);
    ck_assert_str_eq(out, table[_i].shown);
}
END_TEST

START_TEST(long_text_ends_in_an_ellipsis_and_whole_characters)
{
    char text[4000], out[2000], small[8];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fh__shown(text, out, sizeof out);
    ck_assert_uint_eq(strlen(out), FH__SHOWN_CHARS + strlen(DOTS));
    ck_assert_str_eq(out + FH__SHOWN_CHARS, DOTS);
    fh__shown("ab\xe6\x9d\x8e\xe6\x9d\x8e", small, sizeof small);
    ck_assert_str_eq(small, "ab" DOTS);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("shown");
    TCase *tc = tcase_create("shown");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_loop_test(tc, hostile_text_is_made_fit, 0, sizeof table / sizeof *table);
    tcase_add_test(tc, long_text_ends_in_an_ellipsis_and_whole_characters);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
