/* SPDX-License-Identifier: MIT */
/* test_config.c -- the table of options, the configuration file, the command line, the log. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "options.h"

static struct {
    unsigned n, line;
    char message[500];
} complained;

static void on_complaint(void *user, unsigned line, const char *message)
{
    (void)user;
    if (complained.n++ > 0)
        return;
    complained.line = line;
    snprintf(complained.message, sizeof complained.message, "%s", message);
}

static unsigned read_text(struct fh__config *c, const char *text)
{
    memset(&complained, 0, sizeof complained);
    fh__config_init(c);
    return fh__config_read(c, text, strlen(text), on_complaint, NULL);
}

START_TEST(a_good_file_is_read)
{
    struct fh__config c;

    ck_assert_uint_eq(read_text(&c, "# a comment\n"
                                    "display = :7\n"
                                    "listen = 127.0.0.1:5901 ; inline\n"
                                    "listen = [::1]:0\r\n"
                                    "listen=unix:/run/x\n"
                                    "name = Front desk\n"
                                    "idle-timeout = 0\n"
                                    "clipboard = no\n"
                                    "log-level = debug"),
                      0);
    ck_assert_str_eq(c.display, ":7");
    ck_assert_uint_eq(c.n_listen, 3);
    ck_assert_str_eq(c.listen[0], "127.0.0.1:5901");
    ck_assert_str_eq(c.listen[1], "[::1]:0");
    ck_assert_str_eq(c.listen[2], "unix:/run/x");
    ck_assert_str_eq(c.name, "Front desk");
    ck_assert_uint_eq(c.idle_timeout_s, 0);
    ck_assert(!c.has_clipboard);
    ck_assert(c.has_resize);
    ck_assert_int_eq(c.log_level, FH__LOG_DEBUG);
    ck_assert_uint_eq(c.frame_rate, 60);
    fh__config_free(&c);
}
END_TEST

static const struct {
    const char *text;
    unsigned line;
    const char *says;
} bad[] = {
    {"nonsense\n", 1, "name = value"},
    {"\n\n  nosuch = 1\n", 3, "nosuch: expected the name of an option"},
    {"help = 1\n", 1, "name of an option"},
    {"config = /x\n", 1, "name of an option"},
    {"[main]\nname = x\n", 2, "no section"},
    {"name = a\nname = b\n", 2, "only once"},
    {"name =\n", 1, "not empty"},
    {"frame-rate = 0\n", 1, "a number from 1 to 240"},
    {"frame-rate = 241\n", 1, "a number from 1 to 240"},
    {"frame-rate = 99999999999999999999\n", 1, "a number from 1 to 240"},
    {"frame-rate = 6x\n", 1, "a number"},
    {"frame-rate = -6\n", 1, "a number"},
    {"clipboard = maybe\n", 1, "yes or no"},
    {"log-level = loud\n", 1, "error, warning"},
    {"virtual = 1280\n", 1, "1280x800"},
    {"virtual = 1280x800x24\n", 1, "1280x800"},
    {"virtual = 1280x 800\n", 1, "1280x800"},
    {"virtual = 63x800\n", 1, "from 64"},
    {"users = relative\n", 1, "begins with /"},
    {"audit = relative\n", 1, "none, syslog"},
    {"audit = level=all /a\n", 1, "level=info"},
    {"audit = size=1M syslog\n", 1, "for a file only"},
    {"audit = keep=0 /a\n", 1, "keep=N"},
    {"audit-full = maybe\n", 1, "refuse or warn"},
    {"audit-limit = many\n", 1, "a number"},
    {"listen = here\n", 1, "listen = here: expected"},
    {"listen = 127.0.0.1:99999\n", 1, "expected"},
    {"name = x\nname2\nidle-timeout = x\n", 3, "a number"}, /* line 2 is told as well */
    {"name = "
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxx\n",
     1, "shorter"},
};

START_TEST(what_is_wrong_is_told_with_its_line)
{
    struct fh__config c;

    ck_assert_uint_gt(read_text(&c, bad[_i].text), 0);
    ck_assert_uint_eq(complained.line, bad[_i].line);
    ck_assert_msg(strstr(complained.message, bad[_i].says) != NULL, "%s", complained.message);
    fh__config_free(&c);
}
END_TEST

START_TEST(seventeen_addresses_are_too_many)
{
    char text[1000] = "";
    struct fh__config c;
    int i;

    for (i = 0; i < 17; i++)
        strcat(text, "listen = *:0\n");
    ck_assert_uint_eq(read_text(&c, text), 1);
    ck_assert_uint_eq(complained.line, 17);
    ck_assert_uint_eq(c.n_listen, FH__CONFIG_LISTEN_MAX);
    fh__config_free(&c);
}
END_TEST

START_TEST(a_nul_is_not_text)
{
    struct fh__config c;

    fh__config_init(&c);
    memset(&complained, 0, sizeof complained);
    ck_assert_uint_eq(fh__config_read(&c, "name = a\0b\n", 11, on_complaint, NULL), 1);
    ck_assert_ptr_nonnull(strstr(complained.message, "NUL"));
    fh__config_free(&c);
}
END_TEST

static int parse(struct fh__config *c, struct fh__invocation *inv, char *error, char **argv)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    return fh__options_parse(argc, argv, c, inv, error, 300);
}

#define S(text) ((char *)text)

START_TEST(the_command_line_overrides_the_file)
{
    char *argv[] = {S("vncserverd"),   S("--name=line"), S("--listen"), S("*:3"),
                    S("--listen=*:4"), S("--virtual"),   S("640x480"),  S("--"),
                    S("xterm"),        S("--help"),      NULL};
    struct fh__invocation inv;
    struct fh__config c;
    char error[300] = "";

    read_text(&c, "name = file\nlisten = *:1\nlisten = *:2\n");
    ck_assert_int_eq(parse(&c, &inv, error, argv), 0);
    ck_assert_str_eq(c.name, "line");
    ck_assert_uint_eq(c.n_listen, 2);
    ck_assert_str_eq(c.listen[0], "*:3");
    ck_assert_str_eq(c.listen[1], "*:4");
    ck_assert_uint_eq(c.virtual_width, 640);
    ck_assert_str_eq(c.program[0], "xterm");
    ck_assert_str_eq(c.program[1], "--help");
    ck_assert_int_eq(inv.action, FH__ACTION_RUN);
    fh__config_free(&c);
}
END_TEST

START_TEST(paths_of_the_command_line_begin_where_we_are)
{
    char *argv[] = {S("vncserverd"), S("--users=u"),        S("--identity"),
                    S("./d/i"),      S("--xauthority=/x"),  S("--audit=a"),
                    S("--listen"),   S("unix:/relative/s"), NULL};
    char *none[] = {S("vncserverd"), S("--audit=none"), NULL};
    char *empty[] = {S("vncserverd"), S("--users="), NULL};
    char before[4096], here[4096], expected[5000], error[300] = "";
    struct fh__invocation inv;
    struct fh__config c;

    fh__config_init(&c);
    ck_assert_ptr_nonnull(getcwd(before, sizeof before));
    ck_assert_int_eq(chdir("/tmp"), 0);
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(parse(&c, &inv, error, argv), 0);
    snprintf(expected, sizeof expected, "%s/u", here);
    ck_assert_str_eq(c.users, expected);
    snprintf(expected, sizeof expected, "%s/./d/i", here);
    ck_assert_str_eq(c.identity, expected);
    snprintf(expected, sizeof expected, "%s/a", here);
    ck_assert_uint_eq(c.n_audit, 1);
    ck_assert_str_eq(c.audit[0], expected);
    ck_assert_str_eq(c.xauthority, "/x");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(parse(&c, &inv, error, argv), 0);
    ck_assert_str_eq(c.users, "/u");
    ck_assert_int_eq(parse(&c, &inv, error, none), 0);
    ck_assert_str_eq(c.audit[0], "none");
    ck_assert_int_ne(parse(&c, &inv, error, empty), 0);
    ck_assert_int_eq(chdir(before), 0);
    fh__config_free(&c);
}
END_TEST

static const struct {
    const char *argv[5];
    enum fh__action action;
    const char *config_file, *argument;
} actions[] = {
    {{"vncserverd", NULL}, FH__ACTION_RUN, NULL, NULL},
    {{"vncserverd", "--check-config", "--config", "/f"}, FH__ACTION_CHECK_CONFIG, "/f", NULL},
    {{"vncserverd", "--help", "--check-config"}, FH__ACTION_HELP, NULL, NULL},
    {{"vncserverd", "--version"}, FH__ACTION_VERSION, NULL, NULL},
    {{"vncserverd", "--verbose", "user", "add"}, FH__ACTION_USER, NULL, "add"},
    {{"vncserverd", "--config=/g", "identity", "show"}, FH__ACTION_IDENTITY, "/g", "show"},
};

START_TEST(actions_are_recognised)
{
    struct fh__invocation inv;
    char error[300];

    ck_assert_int_eq(parse(NULL, &inv, error, (char **)actions[_i].argv), 0);
    ck_assert_int_eq(inv.action, actions[_i].action);
    ck_assert_pstr_eq(inv.config_file, actions[_i].config_file);
    ck_assert_pstr_eq(inv.arguments ? inv.arguments[0] : NULL, actions[_i].argument);
}
END_TEST

static const struct {
    const char *argument, *next, *says;
} bad_lines[] = {
    {"--nosuch", NULL, "no such option"},
    {"-x", NULL, "no such option"},
    {"--name", NULL, "expected TEXT"},
    {"--help=yes", NULL, "takes no value"},
    {"serve", NULL, "expected identity"},
    {"--frame-rate", "x", "--frame-rate x: expected a number"},
    {"--", "x", "with --virtual"},
};

START_TEST(a_wrong_command_line_is_explained)
{
    char *argv[] = {S("vncserverd"), S(bad_lines[_i].argument), S(bad_lines[_i].next), NULL};
    struct fh__invocation inv;
    struct fh__config c;
    char error[300] = "";
    int ret;

    fh__config_init(&c);
    ret = parse(&c, &inv, error, argv);
    if (ret == 0)
        ret = fh__config_finish(&c, error, sizeof error);
    ck_assert_int_ne(ret, 0);
    ck_assert_msg(strstr(error, bad_lines[_i].says) != NULL, "%s", error);
    fh__config_free(&c);
}
END_TEST

START_TEST(a_display_and_a_virtual_one_exclude_each_other)
{
    struct fh__config c;
    char error[300] = "";

    read_text(&c, "display = :1\nvirtual = 640x480\n");
    ck_assert_int_ne(fh__config_finish(&c, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "not both"));
    fh__config_free(&c);
}
END_TEST

static char *read_page(const char *name)
{
    const char *top = getenv("FARHAND_TOP");
    char path[400];
    char *text = calloc(1, 65536);
    FILE *f;

    snprintf(path, sizeof path, "%s/daemons/vncserverd/%s", top ? top : ".", name);
    f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s", path);
    ck_assert_uint_gt(fread(text, 1, 65535, f), 0);
    fclose(f);
    return text;
}

START_TEST(the_pages_and_the_example_name_every_option)
{
    char *command = read_page("vncserverd.8.scd"), *file = read_page("vncserverd.conf.5.scd");
    char *example = read_page("vncserverd.conf"), text[80];
    size_t i;

    for (i = 0; i < fh__options_n; i++) {
        snprintf(text, sizeof text, "*--%s*", fh__options[i].name);
        ck_assert_msg(strstr(command, text) != NULL, "vncserverd(8) lacks %s", text);
        if (!fh__options[i].is_in_file)
            continue;
        snprintf(text, sizeof text, "*%s* = ", fh__options[i].name);
        ck_assert_msg(strstr(file, text) != NULL, "vncserverd.conf(5) lacks %s", text);
        snprintf(text, sizeof text, "\n#%s = %s", fh__options[i].name,
                 fh__options[i].fallback ? fh__options[i].fallback : "");
        ck_assert_msg(strstr(example, text) != NULL, "vncserverd.conf lacks %s", text);
    }
    free(command);
    free(file);
    free(example);
}
END_TEST

/* With its comment signs taken away it is a good file; display and virtual exclude each other. */
START_TEST(the_example_is_right)
{
    char *example = read_page("vncserverd.conf"), *p = example, *out = example;
    struct fh__config c;

    for (; *p; p++)
        if (!(*p == '#' && (p == example || p[-1] == '\n') && p[1] != ' '))
            *out++ = *p;
    *out = '\0';
    ck_assert_msg(read_text(&c, example) == 0, "line %u: %s", complained.line, complained.message);
    fh__config_free(&c);
    free(example);
}
END_TEST

static const struct {
    const char *text, *escaped;
} texts[] = {
    {"plain", "plain"},
    {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
     "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
    {"a\nb\r\x1b[31m", "a\\x0ab\\x0d\\x1b[31m"},
    {"\x7f\xff\xc0\x80", "\\x7f\\xff\\xc0\\x80"}, /* not UTF-8; an overlong NUL */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* a surrogate */
    {"\xc2\x9b", "\\xc2\\x9b"},                   /* C1: CSI */
    {"\xe2\x80\xae", "\\xe2\\x80\\xae"},          /* right-to-left override */
    {"\xe2\x82", "\\xe2\\x82"},                   /* cut */
};

START_TEST(hostile_text_is_escaped)
{
    char out[100];

    fh__log_escape(texts[_i].text, strlen(texts[_i].text), out, sizeof out);
    ck_assert_str_eq(out, texts[_i].escaped);
}
END_TEST

START_TEST(escaped_text_is_cut_whole)
{
    char out[6];

    fh__log_escape("abcd\n", 5, out, sizeof out);
    ck_assert_str_eq(out, "abcd");
    fh__log_escape("abc\xe2\x82\xac", 6, out, sizeof out);
    ck_assert_str_eq(out, "abc");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("config");
    TCase *tc = tcase_create("config");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(tc, a_good_file_is_read);
    tcase_add_loop_test(tc, what_is_wrong_is_told_with_its_line, 0, sizeof bad / sizeof *bad);
    tcase_add_test(tc, seventeen_addresses_are_too_many);
    tcase_add_test(tc, a_nul_is_not_text);
    tcase_add_test(tc, the_command_line_overrides_the_file);
    tcase_add_test(tc, paths_of_the_command_line_begin_where_we_are);
    tcase_add_loop_test(tc, actions_are_recognised, 0, sizeof actions / sizeof *actions);
    tcase_add_loop_test(tc, a_wrong_command_line_is_explained, 0,
                        sizeof bad_lines / sizeof *bad_lines);
    tcase_add_test(tc, a_display_and_a_virtual_one_exclude_each_other);
    tcase_add_test(tc, the_pages_and_the_example_name_every_option);
    tcase_add_test(tc, the_example_is_right);
    tcase_add_loop_test(tc, hostile_text_is_escaped, 0, sizeof texts / sizeof *texts);
    tcase_add_test(tc, escaped_text_is_cut_whole);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
