/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "script.h"

static struct script s;
static char why[768], path[64];

static void setup(void)
{
    memset(&s, 0, sizeof s);
    why[0] = '\0';
    strcpy(path, "/tmp/farhand-script-XXXXXX");
    close(mkstemp(path));
}

static void teardown(void)
{
    script_free(&s);
    unlink(path);
}

static int parse(const char *words)
{
    static char copy[256], *argv[32];
    int n = 0;

    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
        argv[n++] = w;
    return script_parse(&s, n, argv, why, sizeof why);
}

static int parse_file(const char *text)
{
    char command[128];
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
    snprintf(command, sizeof command, "run %s", path);
    return parse(command);
}

START_TEST(commands_are_written_one_after_the_other)
{
    ck_assert_msg(parse("type hello key return move 3 4 capture a.png info") == 0, "%s", why);
    ck_assert_uint_eq(s.n_steps, 5);
    ck_assert_str_eq(s.steps[0].command->name, "type");
    ck_assert_str_eq(s.steps[0].args[0], "hello");
    ck_assert_str_eq(s.steps[2].args[1], "4");
    ck_assert_str_eq(s.steps[4].command->name, "info");
}
END_TEST

static const struct {
    const char *words, *says;
} wrong[] = {
    {"dance", "\"dance\" is no command"},
    {"type", "arguments are missing: TEXT"},
    {"move 3", "arguments are missing: X Y"},
    {"move 3 x", "not a whole number"},
    {"move 3 70000", "not a whole number"},
    {"move 3 -1", "not a whole number"},
    {"click 0", "not a whole number"},
    {"click 10", "not a whole number"},
    {"pause x", "number of seconds"},
    {"pause -1", "number of seconds"},
    {"pause nan", "number of seconds"},
    {"expect a.png 256", "difference from 0 to 255"},
    {"rexpect a.png 0 0 x", "difference from 0 to 255"},
    {"key nokey", "no key"},
    {"type \xff", "UTF-8"},
    {"run /nonexistent/script", "No such file"},
    {"run", "arguments are missing: SCRIPT"},
};

START_TEST(a_wrong_command_is_told_before_anything_is_connected)
{
    ck_assert_int_eq(parse(wrong[_i].words), -1);
    ck_assert_msg(strstr(why, wrong[_i].says) != NULL, "%s", why);
}
END_TEST

START_TEST(scripts_are_read_as_a_shell_reads_words)
{
    ck_assert_msg(parse_file("# comment\ntype 'two words' key \"return\"\n\n"
                             "type a\\ b\\n # behind\ntype \"it's\" type ''") == 0,
                  "%s", why);
    ck_assert_uint_eq(s.n_steps, 5);
    ck_assert_str_eq(s.steps[0].args[0], "two words");
    ck_assert_str_eq(s.steps[1].args[0], "return");
    ck_assert_str_eq(s.steps[2].args[0], "a b\n");
    ck_assert_str_eq(s.steps[3].args[0], "it's");
    ck_assert_str_eq(s.steps[4].args[0], "");
}
END_TEST

START_TEST(an_error_in_a_script_names_file_and_line)
{
    char expected[128];

    ck_assert_int_eq(parse_file("info\n\nmove 1\nx\n"), -1);
    snprintf(expected, sizeof expected, "%s:3: ", path);
    ck_assert_msg(strncmp(why, expected, strlen(expected)) == 0, "%s", why);
    ck_assert_int_eq(parse_file("type 'open\n"), -1);
    ck_assert_ptr_nonnull(strstr(why, ":1: a quote is not closed"));
}
END_TEST

START_TEST(a_script_that_runs_itself_ends)
{
    char text[128];

    snprintf(text, sizeof text, "info run %s", path);
    ck_assert_int_eq(parse_file(text), -1);
    ck_assert_ptr_nonnull(strstr(why, "nest deeper"));
}
END_TEST

static const struct {
    const char *args[5];
    const char *says;
} wrong_options[] = {
    {{"--colour", "host", "info"}, "\"--colour\" is no option"},
    {{"-x", "host", "info"}, "\"-x\" is no option"},
    {{"--user"}, "--user needs a value"},
    {{"--json=yes", "host", "info"}, "--json takes no value"},
    {{"--quality", "10", "host", "info"}, "--quality"},
    {{"--encodings", "tight,h264", "host", "info"}, "--encodings"},
    {{"--timeout", "-1", "host", "info"}, "--timeout"},
    {{"--json"}, "no ADDRESS"},
    {{"host"}, "no COMMAND"},
};

START_TEST(wrong_options_say_what_was_expected)
{
    struct options o;
    char *argv[8] = {(char *)"vncviewer-cli"};
    int n = 1;

    for (; n < 6 && wrong_options[_i].args[n - 1]; n++)
        argv[n] = (char *)wrong_options[_i].args[n - 1];
    ck_assert_int_eq(options_parse(&o, n, argv, why, sizeof why), -1);
    ck_assert_msg(strstr(why, wrong_options[_i].says) != NULL, "%s", why);
}
END_TEST

START_TEST(options_end_at_the_address_and_commands_may_begin_with_a_dash)
{
    struct options o;
    char *argv[] = {(char *)"vncviewer-cli", (char *)"--user=ann", (char *)"--timeout",
                    (char *)"2.5",           (char *)"host:1",     (char *)"type",
                    (char *)"--json"};

    ck_assert_int_eq(options_parse(&o, 7, argv, why, sizeof why), 0);
    ck_assert_str_eq(o.user, "ann");
    ck_assert_str_eq(o.address, "host:1");
    ck_assert_int_eq(o.n_words, 2);
    ck_assert(!o.json && o.timeout_s == 2.5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("script");
    TCase *tc = tcase_create("script");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, commands_are_written_one_after_the_other);
    tcase_add_loop_test(tc, a_wrong_command_is_told_before_anything_is_connected, 0,
                        sizeof wrong / sizeof wrong[0]);
    tcase_add_test(tc, scripts_are_read_as_a_shell_reads_words);
    tcase_add_test(tc, an_error_in_a_script_names_file_and_line);
    tcase_add_test(tc, a_script_that_runs_itself_ends);
    tcase_add_loop_test(tc, wrong_options_say_what_was_expected, 0,
                        sizeof wrong_options / sizeof wrong_options[0]);
    tcase_add_test(tc, options_end_at_the_address_and_commands_may_begin_with_a_dash);
    suite_add_tcase(suite, tc);
    sr = srunner_create(suite);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
