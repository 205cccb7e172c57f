/* SPDX-License-Identifier: MIT */
/* commandline.h -- the options of a daemon on its command line. */
#ifndef FH__COMMANDLINE_H
#define FH__COMMANDLINE_H

#include "option.h"

struct fh__command_line {
    const struct fh__option_table *table;
    struct fh__config *c; /* NULL: nothing is set, only told */
    /* An option without a value, or one without a set. May be NULL. */
    void (*note)(void *user, const char *name, const char *value);
    /* A value that begins where we are: what is stored begins with that. May be NULL; values of
     * fh__set_path need no asking. */
    bool (*is_relative)(const struct fh__option *o, const char *value);
    void *user;
    bool seen[FH__OPTIONS_MAX];
};

/*
 * Reads options, --NAME VALUE or --NAME=VALUE, until what is none, or "--"; what lists have so far
 * is replaced. --verbose is --log-level debug. Returns the place of what ended it, or -1 and a
 * sentence in error.
 */
int fh__command_line_read(struct fh__command_line *l, int argc, char *const *argv, char *error,
                          size_t room);

#endif
