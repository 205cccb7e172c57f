/* SPDX-License-Identifier: MIT */
/* test_config.c -- the table of options, the configuration file, the command line, the log. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "options.h"
#include "policy.h"

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
    {"cloud = nonsense\n", 1, "cloud"},
    {"cloud-address = x\n", 1, "an address in a cloud"},
    {"cloud-address = 00000-00000-00000-0000L\n", 1, "mistyped"},
    {"cloud-proxy = ftp://x\n", 1, "cloud-proxy"},
    {"cloud-path = up\n", 1, "any|direct|relay"},
    {"filter = - cloud:00000-00000-00000-0000L\n", 1, "filter"},
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
    {"audit-full = maybe\n", 1, "one of warn|refuse"},
    {"audit-limit = many\n", 1, "a number"},
    {"approve = never\n", 1, "approve = never: expected one of filtered|present|always"},
    {"approve = filtered|present\n", 1, "one of filtered|present|always"},
    {"at-disconnect = loc\n", 1, "one of none|lock|logout"},
    {"notice-command = xmessage\n", 1, "begins with /"},
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
    {{"vncserverd", "cloud", "show"}, FH__ACTION_CLOUD, NULL, "show"},
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

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define CLOUD "cloud = cloud.example.org:443,root=" ZEROS "\n"
#define CLOUD_ADDRESS "cloud-address = 00000-00000-00000-0000K\n"

static const struct {
    const char *text, *expect; /* NULL: it is taken */
} ways_in[] = {
    {"listen = none\n", "expected a cloud"},
    {"listen = none\nlisten = 127.0.0.1:5900\n" CLOUD CLOUD_ADDRESS, "not both"},
    {CLOUD, "both cloud and cloud-address"},
    {CLOUD_ADDRESS, "both cloud and cloud-address"},
    {CLOUD CLOUD_ADDRESS, NULL},
    {"listen = none\n" CLOUD CLOUD_ADDRESS, NULL},
};

/* There is some way in, and a cloud is given whole or not at all. */
START_TEST(there_is_a_way_in)
{
    struct fh__config c;
    char error[300] = "";

    read_text(&c, ways_in[_i].text);
    if (!ways_in[_i].expect) {
        ck_assert_msg(fh__config_finish(&c, error, sizeof error) == 0, "%s", error);
    } else {
        ck_assert_int_ne(fh__config_finish(&c, error, sizeof error), 0);
        ck_assert_msg(strstr(error, ways_in[_i].expect), "%s", error);
    }
    fh__config_free(&c);
}
END_TEST

/* ---- the policy ---- */

static const char *const user_file = "name = mine\n"
                                     "idle-timeout = 0\n"
                                     "approve = filtered\n"
                                     "frame-rate = 30\n"
                                     "filter = + *\n"
                                     "filter = - 10.0.0.1\n";

static const struct {
    const char *policy, *option, *value; /* NULL: the policy is wrong */
    enum fh__source source;
    const char *complaint;
} policies[] = {
    {"", "idle-timeout", "0", FH__FROM_FILE, NULL},
    {"[locked]\nname = ours\n", "name", "ours", FH__FROM_POLICY, NULL},
    {"[locked]\nclipboard = no\n", "clipboard", "no", FH__FROM_POLICY, NULL},
    {"[locked]\nfilter = - *\n", "filter", "- *", FH__FROM_POLICY, NULL},
    {"[locked]\nfilter = + 10.0.0.1\nfilter = - *\n", "filter", "+ 10.0.0.1\n- *", FH__FROM_POLICY,
     NULL},
    {"[at-most]\nidle-timeout = 900\n", "idle-timeout", "900", FH__FROM_POLICY, NULL},
    {"[at-least]\nidle-timeout = 900\n", "idle-timeout", "0", FH__FROM_FILE, NULL},
    {"[at-most]\nframe-rate = 30\n", "frame-rate", "30", FH__FROM_FILE, NULL},
    {"[at-most]\nframe-rate = 29\n", "frame-rate", "29", FH__FROM_POLICY, NULL},
    {"[at-least]\nframe-rate = 31\n", "frame-rate", "31", FH__FROM_POLICY, NULL},
    {"[at-least]\nframe-rate = 10\n[at-most]\nframe-rate = 20\n", "frame-rate", "20",
     FH__FROM_POLICY, NULL},
    {"[at-least]\napprove = present\n", "approve", "present", FH__FROM_POLICY, NULL},
    {"[at-most]\napprove = present\n", "approve", "filtered", FH__FROM_FILE, NULL},
    {"[at-least]\nat-disconnect = lock\n", "at-disconnect", "lock", FH__FROM_POLICY, NULL},
    {"[at-most]\nat-disconnect = lock\n", "at-disconnect", "none", FH__FROM_DEFAULT, NULL},
    {"clipboard = no\n", NULL, NULL, 0, "expected to stand in [locked]"},
    {"[default]\nclipboard = no\n", NULL, NULL, 0, "expected to stand in [locked]"},
    {"[locked]\nclipboard = maybe\n", NULL, NULL, 0, "yes or no"},
    {"[locked]\nclipboard = no\nclipboard = no\n", NULL, NULL, 0, "only once in [locked]"},
    {"[locked]\nnosuch = no\n", NULL, NULL, 0, "name of an option"},
    {"[locked]\nconfig = /x\n", NULL, NULL, 0, "name of an option"},
    {"[at-most]\nname = x\n", NULL, NULL, 0, "no more or less"},
    {"[at-most]\nnotice = none\n", NULL, NULL, 0, "no more or less"},
    {"[at-most]\nframe-rate = 0\n", NULL, NULL, 0, "a number from 1"},
    {"[locked]\nframe-rate = 5\n[at-most]\nframe-rate = 9\n", NULL, NULL, 0, "no bound"},
    {"[at-least]\nframe-rate = 9\n[at-most]\nframe-rate = 8\n", NULL, NULL, 0, "between them"},
    {"[locked\nframe-rate = 5\n", NULL, NULL, 0, "expected to stand in"},
};

START_TEST(the_policy_has_the_last_word)
{
    const struct fh__option *o =
        policies[_i].option
            ? fh__option_find(&fh__options, policies[_i].option, strlen(policies[_i].option))
            : NULL;
    struct fh__config c;
    unsigned n;

    ck_assert_uint_eq(read_text(&c, user_file), 0);
    n = fh__policy_read(&c, policies[_i].policy, strlen(policies[_i].policy), on_complaint, NULL);
    ck_assert_uint_eq(n == 0, policies[_i].complaint == NULL);
    if (policies[_i].complaint)
        ck_assert_msg(strstr(complained.message, policies[_i].complaint) != NULL, "%s",
                      complained.message);
    if (o) {
        const struct fh__setting *s = fh__setting_of(&c, o);

        ck_assert_str_eq(s->text, policies[_i].value);
        ck_assert_int_eq(s->source, policies[_i].source);
        ck_assert(s->is_locked == (strncmp(policies[_i].policy, "[locked]", 8) == 0));
    }
    fh__config_free(&c);
}
END_TEST

START_TEST(bounds_hold_whatever_stands_between_them)
{
    struct fh__config c;
    const char *policy = "[at-most]\nidle-timeout = 900\n[at-least]\nidle-timeout = 60\n";
    char file[60];
    const unsigned said[] = {0, 1, 60, 61, 900, 901}, got[] = {900, 60, 60, 61, 900, 900};

    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        snprintf(file, sizeof file, "idle-timeout = %u\n", said[i]);
        ck_assert_uint_eq(read_text(&c, file), 0);
        ck_assert_uint_eq(fh__policy_read(&c, policy, strlen(policy), on_complaint, NULL), 0);
        ck_assert_uint_eq(c.idle_timeout_s, got[i]);
        fh__config_free(&c);
    }
}
END_TEST

/* ---- printing, and newer ones ---- */

static char *printed(struct fh__config *c, bool is_json)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    fh__settings_print(c, f, is_json);
    fclose(f);
    return text;
}

START_TEST(what_is_printed_reads_as_the_same)
{
    struct fh__config c, again;
    char *first, *second, *line, *p, *q, error[300];

    ck_assert_uint_eq(read_text(&c, user_file), 0);
    ck_assert_int_eq(fh__config_finish(&c, error, sizeof error), 0);
    first = printed(&c, false);
    ck_assert_uint_eq(read_text(&again, first), 0);
    second = printed(&again, false);
    /* But for where it comes from. */
    for (p = strtok_r(first, "\n", &q), line = second; p; p = strtok_r(NULL, "\n", &q)) {
        size_t len = strcspn(line, "\n");

        ck_assert_msg(*p == '#' || (strlen(p) == len && memcmp(p, line, len) == 0), "%s", p);
        line += len + 1;
    }
    free(first);
    free(second);
    fh__config_free(&c);
    fh__config_free(&again);
}
END_TEST

static unsigned n_taken, n_waiting;

static void on_change(void *user, const char *name, bool is_taken)
{
    (void)user;
    ck_assert_ptr_nonnull(fh__option_find(&fh__options, name, strlen(name)));
    n_taken += is_taken;
    n_waiting += !is_taken;
}

START_TEST(newer_options_are_taken_as_far_as_they_can)
{
    struct fh__config c, fresh;

    read_text(&c, user_file);
    read_text(&fresh, "name = new\nframe-rate = 30\nmax-half-open = 3\nfilter = + 10.0.0.2\n"
                      "notice-command = /bin/true x\n");
    n_taken = n_waiting = 0;
    ck_assert(fh__settings_adopt(&c, &fresh, on_change, NULL));
    fh__config_free(&fresh);
    ck_assert_uint_eq(n_taken, 4); /* name, idle-timeout, filter, notice-command */
    ck_assert_uint_eq(n_waiting, 1);
    ck_assert_str_eq(c.name, "new");
    ck_assert_uint_eq(c.frame_rate, 30);
    ck_assert_uint_eq(c.max_half_open, 32);
    ck_assert_uint_eq(c.idle_timeout_s, 3600);
    ck_assert_uint_eq(c.n_filter, 1);
    ck_assert_str_eq(c.filter[0], "+ 10.0.0.2");
    ck_assert_str_eq(c.notice_command, "/bin/true x");
    read_text(&fresh, "");
    ck_assert(fh__settings_adopt(&c, &fresh, on_change, NULL));
    fh__config_free(&fresh);
    ck_assert_ptr_null(c.notice_command);
    ck_assert_uint_eq(c.n_filter, 0);
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

    for (i = 0; i < fh__options.n; i++) {
        snprintf(text, sizeof text, "*--%s*", fh__options.of[i].name);
        ck_assert_msg(strstr(command, text) != NULL, "vncserverd(8) lacks %s", text);
        if (fh__options.of[i].use == FH__OPTION_CALL)
            continue;
        snprintf(text, sizeof text, "*%s* = ", fh__options.of[i].name);
        ck_assert_msg(strstr(file, text) != NULL, "vncserverd.conf(5) lacks %s", text);
        if (fh__options.of[i].use == FH__OPTION_RELOAD) {
            char *at = strstr(file, text), *end = strchr(at, '\n');

            ck_assert_msg(memcmp(end - 8, "(reload)", 8) == 0, "%s lacks (reload)", text);
        }
        snprintf(text, sizeof text, "\n#%s = %s", fh__options.of[i].name,
                 fh__options.of[i].fallback ? fh__options.of[i].fallback : "");
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
    tcase_add_loop_test(tc, there_is_a_way_in, 0, sizeof ways_in / sizeof *ways_in);
    tcase_add_loop_test(tc, the_policy_has_the_last_word, 0, sizeof policies / sizeof *policies);
    tcase_add_test(tc, bounds_hold_whatever_stands_between_them);
    tcase_add_test(tc, what_is_printed_reads_as_the_same);
    tcase_add_test(tc, newer_options_are_taken_as_far_as_they_can);
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
