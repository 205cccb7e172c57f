/* SPDX-License-Identifier: MIT */
/* test_terminal.c -- what hostile text may do to a terminal, and that files get it whole. */
#define _XOPEN_SOURCE 700 /* NOLINT: posix_openpt */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"

/* ESC, BEL, CSI as C1, a right-to-left override, a byte that is no UTF-8. */
static const char hostile[] = "a\x1b]0;x\a\xc2\x9b"
                              "2J\xe2\x80\xae\xff\tb\xc3\xa4\n";

START_TEST(nothing_controls_the_terminal)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    struct termios raw;
    char got[64];
    ssize_t n;
    FILE *f;

    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master), 0);
    ck_assert_int_eq(unlockpt(master), 0);
    ck_assert_ptr_nonnull(f = fopen(ptsname(master), "r+"));
    ck_assert_int_eq(tcgetattr(fileno(f), &raw), 0);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    ck_assert_int_eq(tcsetattr(fileno(f), TCSANOW, &raw), 0);
    terminal_print(f, hostile, sizeof hostile - 1);
    ck_assert_int_eq(fflush(f), 0);
    n = read(master, got, sizeof got - 1);
    ck_assert_int_gt(n, 0);
    got[n] = '\0';
    ck_assert_str_eq(got, "a?]0;x??2J??\tb\xc3\xa4\n");
    fclose(f);
    close(master);
}
END_TEST

START_TEST(files_get_it_as_it_is)
{
    char got[64] = {0};
    FILE *f = tmpfile();

    ck_assert_ptr_nonnull(f);
    terminal_print(f, hostile, sizeof hostile - 1);
    rewind(f);
    ck_assert_uint_eq(fread(got, 1, sizeof got, f), sizeof hostile - 1);
    ck_assert_mem_eq(got, hostile, sizeof hostile - 1);
    fclose(f);
}
END_TEST

START_TEST(escaped_text_fits_and_is_harmless)
{
    char out[16];

    terminal_escape("\x1b[1maway\xff", out, sizeof out);
    ck_assert_str_eq(out, "?[1maway?");
    terminal_escape("0123456789abcdefghij", out, sizeof out);
    ck_assert_uint_lt(strlen(out), sizeof out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("terminal");
    TCase *tc = tcase_create("terminal");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, nothing_controls_the_terminal);
    tcase_add_test(tc, files_get_it_as_it_is);
    tcase_add_test(tc, escaped_text_fits_and_is_harmless);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
