/* SPDX-License-Identifier: MIT */
/*
 * options.h -- one table of all options. The configuration file, the command line, --help and the
 * test of the manual pages come from it.
 */
#ifndef FH__OPTIONS_H
#define FH__OPTIONS_H

#include "config.h"

#define FH__VERSION "0.1.0"

extern const struct fh__option_table fh__options;

enum fh__action {
    FH__ACTION_RUN,
    FH__ACTION_CHECK_CONFIG,
    FH__ACTION_PRINT_CONFIG,
    FH__ACTION_HELP,
    FH__ACTION_VERSION,
    FH__ACTION_IDENTITY,
    FH__ACTION_USER,
    FH__ACTION_GROUP,
    FH__ACTION_CLOUD
};

struct fh__invocation {
    enum fh__action action;
    const char *config_file; /* NULL: the default one, if it is there */
    const char *policy_file; /* NULL: none but the administrator's */
    bool is_json;
    char *const *arguments; /* of the sub-command, NULL-terminated */
};

/*
 * Reads the command line, in two passes: first with c NULL, to learn the configuration file, then
 * with c, to override what that file said. 0, or -1 and a sentence in error.
 */
int fh__options_parse(int argc, char *const *argv, struct fh__config *c, struct fh__invocation *out,
                      char *error, size_t room);
void fh__options_usage(void);

#endif
