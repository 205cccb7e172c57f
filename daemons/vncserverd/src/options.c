/* SPDX-License-Identifier: MIT */
/* options.c -- the table of options, and the command line. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <farhand/address.h>
#include <farhand/audit_target.h>
#include <farhand/ip_filter.h>

enum { PATH_ROOM = 4096 };

static const char *set_text(struct fh__config *c, const struct fh__option *o, const char *value)
{
    char **to = (char **)((char *)c + o->offset), *copy;

    if (!*value)
        return "something that is not empty";
    copy = strdup(value);
    if (!copy)
        return "more memory than there is";
    free(*to);
    *to = copy;
    return NULL;
}

static const char *set_path(struct fh__config *c, const struct fh__option *o, const char *value)
{
    return *value == '/' ? set_text(c, o, value) : "a path that begins with /";
}

static const char *set_audit(struct fh__config *c, const struct fh__option *o, const char *value)
{
    struct fh_audit_target target;
    const char *expected;

    (void)o;
    if (fh_audit_target_parse(value, &target, &expected) != 0)
        return expected;
    if (c->n_audit == FH__CONFIG_AUDIT_MAX)
        return "at most 16 destinations";
    if (!(c->audit[c->n_audit] = strdup(value)))
        return "more memory than there is";
    c->n_audit++;
    return NULL;
}

static const char *set_audit_full(struct fh__config *c, const struct fh__option *o,
                                  const char *value)
{
    (void)o;
    c->audit_refuses = strcmp(value, "refuse") == 0;
    return c->audit_refuses || strcmp(value, "warn") == 0 ? NULL : "refuse or warn";
}

static const char *set_control(struct fh__config *c, const struct fh__option *o, const char *value)
{
    if (*value != '/' && strcmp(value, "none") != 0)
        return "none, or a path that begins with /";
    return set_text(c, o, value);
}

static const char *set_number(struct fh__config *c, const struct fh__option *o, const char *value)
{
    static char expected[48];
    unsigned long n = 0;
    const char *p;

    for (p = value; *p >= '0' && *p <= '9' && n <= o->max; p++)
        n = n * 10 + (unsigned long)(*p - '0');
    if (p == value || *p || n < o->min || n > o->max) {
        snprintf(expected, sizeof expected, "a number from %u to %u", o->min, o->max);
        return expected;
    }
    *(unsigned *)((char *)c + o->offset) = (unsigned)n;
    return NULL;
}

static const char *set_flag(struct fh__config *c, const struct fh__option *o, const char *value)
{
    bool yes = strcmp(value, "yes") == 0;

    if (!yes && strcmp(value, "no") != 0)
        return "yes or no";
    *(bool *)((char *)c + o->offset) = yes;
    return NULL;
}

static const char *set_level(struct fh__config *c, const struct fh__option *o, const char *value)
{
    (void)o;
    return fh__log_parse_level(value, &c->log_level) ? NULL
                                                     : "error, warning, notice, info or debug";
}

static const char *set_listen(struct fh__config *c, const struct fh__option *o, const char *value)
{
    struct fh_target target;
    const char *expected = NULL;

    (void)o;
    if (fh_address_parse_listen(value, &target, &expected) != 0)
        return expected;
    if (c->n_listen == FH__CONFIG_LISTEN_MAX)
        return "at most 16 addresses";
    c->listen[c->n_listen] = strdup(value);
    if (!c->listen[c->n_listen])
        return "more memory than there is";
    c->n_listen++;
    return NULL;
}

static const char *set_filter(struct fh__config *c, const struct fh__option *o, const char *value)
{
    struct fh_ip_filter *filter = fh_ip_filter_new();
    const char *expected = "more memory than there is";
    int error = filter ? fh_ip_filter_add(filter, value, &expected) : FH_SESSION_E_NOMEM;

    (void)o;
    fh_ip_filter_free(filter);
    if (error)
        return expected;
    if (c->n_filter == FH__CONFIG_FILTER_MAX)
        return "at most 1024 rules";
    if (!(c->filter[c->n_filter] = strdup(value)))
        return "more memory than there is";
    c->n_filter++;
    return NULL;
}

static const char *set_approve(struct fh__config *c, const struct fh__option *o, const char *value)
{
    (void)o;
    c->approves_always = strcmp(value, "always") == 0;
    return c->approves_always || strcmp(value, "filtered") == 0 ? NULL : "always or filtered";
}

static const char *set_virtual(struct fh__config *c, const struct fh__option *o, const char *value)
{
    static const char expected[] = "a size like 1280x800, each side from 64 to 16384";
    unsigned long w, h;
    char *end;

    if (*value < '0' || *value > '9')
        return expected;
    w = strtoul(value, &end, 10);
    if (*end != 'x' || end[1] < '0' || end[1] > '9')
        return expected;
    h = strtoul(end + 1, &end, 10);
    if (*end || w < 64 || w > 16384 || h < 64 || h > 16384)
        return expected;
    c->virtual_width = (uint16_t)w;
    c->virtual_height = (uint16_t)h;
    return set_text(c, o, value);
}

#define AT(member) offsetof(struct fh__config, member)

const struct fh__option fh__options[] = {
    {"display", "NAME", true, set_text, AT(display), 0, 0, NULL,
     "the X display to share (default: what DISPLAY says, else :0)"},
    {"virtual", "WxH", true, set_virtual, AT(virtual), 0, 0, NULL,
     "share a headless X server of this size, started for it"},
    {"xauthority", "FILE", true, set_path, AT(xauthority), 0, 0, NULL,
     "where the display's cookie is (default: what XAUTHORITY says)"},
    {"listen", "ADDRESS", true, set_listen, 0, 0, 0, NULL,
     "where to listen; may be repeated (default: *:5900, that is [::]:5900 and 0.0.0.0:5900)"},
    {"filter", "RULE", true, set_filter, 0, 0, 0, NULL,
     "who may try: +, - or ? (ask) before an address, a network or *; the first match wins"},
    {"approve", "WHEN", true, set_approve, 0, 0, 0, "filtered",
     "when the person at the desktop must approve: always, or filtered (where a rule says ?)"},
    {"approve-timeout", "SECONDS", true, set_number, AT(approve_timeout_s), 1, 25, "10",
     "how long to wait for an answer; none is a no"},
    {"name", "TEXT", true, set_text, AT(name), 0, 0, NULL,
     "the desktop's name as viewers see it (default: the host's name)"},
    {"identity", "FILE", true, set_path, AT(identity), 0, 0, NULL,
     "the key that viewers know this server by; made if it is not there"},
    {"users", "FILE", true, set_path, AT(users), 0, 0, NULL,
     "who may connect; see vncserverd user"},
    {"blacklist", "FILE", true, set_path, AT(blacklist), 0, 0, NULL,
     "who failed to authenticate too often, kept over restarts"},
    {"blacklist-threshold", "N", true, set_number, AT(blacklist_threshold), 1, 1000, "5",
     "failures after which an address or a name must wait"},
    {"blacklist-timeout", "SECONDS", true, set_number, AT(blacklist_timeout_s), 1, 86400, "10",
     "how long, at first; each further failure doubles it"},
    {"control", "PATH", true, set_control, AT(control), 0, 0, NULL,
     "the socket of vncserverctl, or none"},
    {"audit", "WHERE", true, set_audit, 0, 0, 0, NULL,
     "where to record sessions: a file, syslog, journal, program /PATH or none, after level=, "
     "size= "
     "and keep=; may be repeated (default: syslog)"},
    {"audit-full", "WHAT", true, set_audit_full, 0, 0, 0, "warn",
     "when a record cannot be written: refuse new sessions, or warn"},
    {"audit-limit", "N", true, set_number, AT(audit_limit), 0, 100000, "20",
     "lines of one event that one stranger may cause in a minute; 0: no limit"},
    {"log-level", "LEVEL", true, set_level, 0, 0, 0, "info",
     "how much to say: error, warning, notice, info, debug"},
    {"idle-timeout", "SECONDS", true, set_number, AT(idle_timeout_s), 0, 604800, "3600",
     "end a session without input after this time; 0: never"},
    {"max-sessions", "N", true, set_number, AT(max_sessions), 1, 1024, "64",
     "viewers at the same time"},
    {"max-half-open", "N", true, set_number, AT(max_half_open), 1, 1024, "32",
     "connections that have not authenticated yet"},
    {"max-half-open-source", "N", true, set_number, AT(max_half_open_source), 1, 1024, "8",
     "of these, from one address"},
    {"frame-rate", "N", true, set_number, AT(frame_rate), 1, 240, "60",
     "look at the screen at most so often in a second"},
    {"clipboard", "YES/NO", true, set_flag, AT(has_clipboard), 0, 0, "yes",
     "share the clipboard with viewers that may"},
    {"resize", "YES/NO", true, set_flag, AT(has_resize), 0, 0, "yes",
     "let viewers that may change the size of the screen"},
    {"config", "FILE", false, NULL, 0, 0, 0, NULL, "the configuration file"},
    {"check-config", NULL, false, NULL, 0, 0, 0, NULL, "check the configuration and end"},
    {"verbose", NULL, false, NULL, 0, 0, 0, NULL, "the same as --log-level debug"},
    {"help", NULL, false, NULL, 0, 0, 0, NULL, "show this text and end"},
    {"version", NULL, false, NULL, 0, 0, 0, NULL, "show the version and end"},
};
const size_t fh__options_n = sizeof fh__options / sizeof *fh__options;

const struct fh__option *fh__option_find(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < fh__options_n; i++)
        if (strlen(fh__options[i].name) == len && memcmp(fh__options[i].name, name, len) == 0)
            return &fh__options[i];
    return NULL;
}

void fh__options_help(void)
{
    const struct fh__option *o;
    char left[40];

    printf(
        "Usage: vncserverd [OPTION]... [-- PROGRAM [ARGUMENT]...]\n"
        "       vncserverd [OPTION]... identity show\n"
        "       vncserverd [OPTION]... identity new [--bits 2048|3072|4096]\n"
        "       vncserverd [OPTION]... identity rotate [--bits 2048|3072|4096 | --finish | "
        "--abort]\n"
        "       vncserverd [OPTION]... user add NAME [--permissions LIST]\n"
        "       vncserverd [OPTION]... user remove NAME\n"
        "       vncserverd [OPTION]... user list\n"
        "Shares an X desktop with remote viewers. PROGRAM runs on the display of --virtual.\n\n");
    for (o = fh__options; o < fh__options + fh__options_n; o++) {
        snprintf(left, sizeof left, "--%s %s", o->name, o->argument ? o->argument : "");
        printf("  %-26s %s", left, o->help);
        if (o->fallback)
            printf(" (default: %s)", o->fallback);
        printf("\n");
    }
    printf("\nThe configuration file has the same names, without --, one \"name = value\" a line.\n"
           "See vncserverd(8) and vncserverd.conf(5).\n");
}

bool fh__option_is_list(const struct fh__option *o)
{
    return o->set == set_listen || o->set == set_filter || o->set == set_audit;
}

static void clear_list(struct fh__config *c, const struct fh__option *o)
{
    while (o->set == set_listen && c->n_listen > 0)
        free(c->listen[--c->n_listen]);
    while (o->set == set_filter && c->n_filter > 0)
        free(c->filter[--c->n_filter]);
    while (o->set == set_audit && c->n_audit > 0)
        free(c->audit[--c->n_audit]);
}

/* An option without a value of its own, or the one that names the file. */
static void note(struct fh__invocation *inv, const char *name, const char *value)
{
    if (strcmp(name, "config") == 0)
        inv->config_file = value;
    else if (strcmp(name, "verbose") == 0)
        inv->is_verbose = true;
    else if (strcmp(name, "help") == 0)
        inv->action = FH__ACTION_HELP;
    else if (strcmp(name, "version") == 0)
        inv->action = FH__ACTION_VERSION;
    else if (inv->action == FH__ACTION_RUN)
        inv->action = FH__ACTION_CHECK_CONFIG;
}

/* In the file a path begins with /; on the command line it may begin where we are. */
static bool is_relative_path(const struct fh__option *o, const char *value)
{
    struct fh_audit_target target;
    const char *expected;

    if (o->set == set_audit) /* a path alone; behind options it begins with / in either place */
        return fh_audit_target_parse(value, &target, &expected) != 0 && *value &&
               !strpbrk(value, " =:");
    return o->set == set_path && *value && *value != '/';
}

static const char *set_argument(struct fh__config *c, const struct fh__option *o, const char *value)
{
    char here[PATH_ROOM], path[PATH_ROOM];
    int len;

    if (!is_relative_path(o, value))
        return o->set(c, o, value);
    if (!getcwd(here, sizeof here))
        return "a path that begins with /: where we are is not known";
    len = snprintf(path, sizeof path, "%s/%s", strcmp(here, "/") == 0 ? "" : here, value);
    return len < (int)sizeof path ? o->set(c, o, path) : "a shorter path";
}

/* One option at argv[i]; returns how many arguments it took, or -1. */
static int parse_one(char *const *arg, struct fh__config *c, bool *seen, struct fh__invocation *inv,
                     char *error, size_t room)
{
    const char *name = arg[0] + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct fh__option *o = fh__option_find(name, len);
    const char *value = equals ? equals + 1 : arg[1], *expected;

    if (strncmp(arg[0], "--", 2) != 0 || !o) {
        snprintf(error, room, "%s: there is no such option; vncserverd --help lists them", arg[0]);
        return -1;
    }
    if (!o->argument) {
        note(inv, o->name, NULL);
        if (equals)
            snprintf(error, room, "--%s takes no value", o->name);
        return equals ? -1 : 1;
    }
    if (!value) {
        snprintf(error, room, "--%s: expected %s after it", o->name, o->argument);
        return -1;
    }
    if (!o->set)
        note(inv, o->name, value);
    if (o->set && c) {
        /* What the command line lists replaces what the file lists. */
        if (!seen[o - fh__options])
            clear_list(c, o);
        seen[o - fh__options] = true;
        expected = set_argument(c, o, value);
        if (expected) {
            snprintf(error, room, "--%s %s: expected %s", o->name, value, expected);
            return -1;
        }
    }
    return equals ? 1 : 2;
}

int fh__options_parse(int argc, char *const *argv, struct fh__config *c, struct fh__invocation *out,
                      char *error, size_t room)
{
    struct fh__invocation inv = {.action = FH__ACTION_RUN};
    bool seen[sizeof fh__options / sizeof *fh__options] = {false};
    int i, took;

    for (i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i += took) {
        took = parse_one(&argv[i], c, seen, &inv, error, room);
        if (took < 0)
            return -1;
    }
    if (i < argc && strcmp(argv[i], "--") == 0) {
        if (c && i + 1 < argc)
            c->program = &argv[i + 1];
    } else if (i < argc) {
        inv.arguments = &argv[i + 1];
        if (strcmp(argv[i], "identity") == 0)
            inv.action = FH__ACTION_IDENTITY;
        else if (strcmp(argv[i], "user") == 0)
            inv.action = FH__ACTION_USER;
        else {
            snprintf(error, room, "%s: expected identity, user, or -- before a program", argv[i]);
            return -1;
        }
    }
    *out = inv;
    return 0;
}
