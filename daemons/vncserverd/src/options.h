/* SPDX-License-Identifier: MIT */
/*
 * options.h -- one table of all options. The configuration file, the command line, --help and the
 * test of the manual pages come from it.
 */
#ifndef FH__OPTIONS_H
#define FH__OPTIONS_H

#include "config.h"

#define FH__VERSION "0.1.0"

/* Where an option may stand, and when a change of the file takes effect. */
enum fh__option_use {
    FH__OPTION_CALL,  /* on the command line alone */
    FH__OPTION_START, /* at the next start */
    FH__OPTION_RELOAD /* on SIGHUP; sessions stay */
};

enum { FH__WORDS_TIGHTEN = 1 /* max of words: each is stricter than the one before */ };

struct fh__option {
    const char *name;
    const char *argument; /* in --help; NULL: takes none; of words: all of them, with | between */
    enum fh__option_use use;
    /* Checks value, which outlives it unless this is a list, and stores it. NULL, or what was
     * expected, and then nothing changed. Called by fh__option_set() only. */
    const char *(*set)(struct fh__config *c, const struct fh__option *o, const char *value);
    size_t offset;     /* of what set() stores to */
    unsigned min, max; /* of numbers; where min is 0, 0 is: without a limit */
    const char *fallback;
    const char *help;
};

extern const struct fh__option fh__options[];
extern const size_t fh__options_n;

enum fh__action {
    FH__ACTION_RUN,
    FH__ACTION_CHECK_CONFIG,
    FH__ACTION_PRINT_CONFIG,
    FH__ACTION_HELP,
    FH__ACTION_VERSION,
    FH__ACTION_IDENTITY,
    FH__ACTION_USER,
    FH__ACTION_GROUP
};

struct fh__invocation {
    enum fh__action action;
    const char *config_file; /* NULL: the default one, if it is there */
    const char *policy_file; /* NULL: none but the administrator's */
    bool is_json;
    char *const *arguments; /* of the sub-command, NULL-terminated */
};

/* Whether it may be given again and again. */
bool fh__option_is_list(const struct fh__option *o);
bool fh__option_is_number(const struct fh__option *o);
/* A policy may set bounds: its values have an order. */
bool fh__option_tightens(const struct fh__option *o);
/* The value's place in that order. */
unsigned fh__option_rank(const struct fh__config *c, const struct fh__option *o);
/* Sets the value, or adds one to a list. NULL, or what was expected, and then nothing changed. */
const char *fh__option_set(struct fh__config *c, const struct fh__option *o, const char *value,
                           enum fh__source source, unsigned line);
/* Back to no value at all. */
void fh__option_clear(struct fh__config *c, const struct fh__option *o);
/* NULL: no such option. */
const struct fh__option *fh__option_find(const char *name, size_t len);
/*
 * Reads the command line, in two passes: first with c NULL, to learn the configuration file, then
 * with c, to override what that file said. 0, or -1 and a sentence in error.
 */
int fh__options_parse(int argc, char *const *argv, struct fh__config *c, struct fh__invocation *out,
                      char *error, size_t room);
void fh__options_help(void);

#endif
