/* SPDX-License-Identifier: MIT */
#include "commandline.h"

#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 4096 };

/* In the file a path begins with /; on the command line it may begin where we are. */
static bool is_relative(const struct fh__command_line *l, const struct fh__option *o,
                        const char *value)
{
    if (l->is_relative && l->is_relative(o, value))
        return true;
    return o->set == fh__set_path && *value && *value != '/';
}

static const char *set_argument(struct fh__command_line *l, const struct fh__option *o,
                                const char *value)
{
    char here[PATH_ROOM], path[PATH_ROOM];
    int len;

    if (!is_relative(l, o, value))
        return fh__option_set(l->c, o, value, FH__FROM_COMMAND_LINE, 0);
    if (!getcwd(here, sizeof here))
        return "a path that begins with /: where we are is not known";
    len = snprintf(path, sizeof path, "%s/%s", strcmp(here, "/") == 0 ? "" : here, value);
    return len < (int)sizeof path ? fh__option_set(l->c, o, path, FH__FROM_COMMAND_LINE, 0)
                                  : "a shorter path";
}

static void note(struct fh__command_line *l, const char *name, const char *value)
{
    if (l->note)
        l->note(l->user, name, value);
}

static void note_alone(struct fh__command_line *l, const struct fh__option *o)
{
    const char *level = "log-level";

    if (strcmp(o->name, "verbose") != 0)
        note(l, o->name, NULL);
    else if (l->c)
        (void)fh__option_set(l->c, fh__option_find(l->table, level, strlen(level)), "debug",
                             FH__FROM_COMMAND_LINE, 0);
}

/* What the command line lists replaces what the file lists. */
static const char *take_value(struct fh__command_line *l, const struct fh__option *o,
                              const char *value)
{
    bool *seen = &l->seen[o - l->table->of];

    if (!o->set)
        note(l, o->name, value);
    if (!o->set || !l->c)
        return NULL;
    if (!*seen && fh__option_is_list(o))
        fh__option_clear(l->c, o);
    *seen = true;
    return set_argument(l, o, value);
}

/* One option at arg; returns how many arguments it took, or -1. */
static int read_one(struct fh__command_line *l, char *const *arg, char *error, size_t room)
{
    const char *name = arg[0] + 2, *equals = strchr(name, '='), *expected;
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct fh__option *o = fh__option_find(l->table, name, len);
    const char *value = equals ? equals + 1 : arg[1];

    if (strncmp(arg[0], "--", 2) != 0 || !o) {
        snprintf(error, room, "%s: there is no such option; %s --help lists them", arg[0],
                 l->table->program);
        return -1;
    }
    if (!o->argument && equals) {
        snprintf(error, room, "--%s takes no value", o->name);
        return -1;
    }
    if (!o->argument) {
        note_alone(l, o);
        return 1;
    }
    if (!value) {
        snprintf(error, room, "--%s: expected %s after it", o->name, o->argument);
        return -1;
    }
    expected = take_value(l, o, value);
    if (expected)
        snprintf(error, room, "--%s %s: expected %s", o->name, value, expected);
    return expected ? -1 : equals ? 1 : 2;
}

int fh__command_line_read(struct fh__command_line *l, int argc, char *const *argv, char *error,
                          size_t room)
{
    int i, took;

    for (i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i += took) {
        took = argv[i][1] ? read_one(l, &argv[i], error, room) : -1;
        if (took < 0 && !argv[i][1])
            snprintf(error, room, "-: there is no such option; %s --help lists them",
                     l->table->program);
        if (took < 0)
            return -1;
    }
    return i;
}
