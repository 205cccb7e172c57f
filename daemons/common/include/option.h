/* SPDX-License-Identifier: MIT */
/*
 * option.h -- one table of all options of a daemon. Its configuration file, its command line, its
 * --help and what checks its manual pages come from it.
 *
 * Each daemon has a struct fh__config of its own, which begins with a struct fh__settings: what was
 * said, and who said it. The functions here know no more of it than that and the table's offsets.
 *
 *     fh__settings_init()      defaults
 *     fh__inifile_...          a file, inifile.h
 *     fh__command_line_...     the command line, commandline.h
 *     fh__settings_fill()      what the others leave open
 *     fh__settings_adopt()     a newer one takes effect, as far as it can
 *     fh__settings_print()
 *     fh__settings_free()
 */
#ifndef FH__OPTION_H
#define FH__OPTION_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { FH__OPTIONS_MAX = 96 };

enum fh__source {
    FH__FROM_DEFAULT,
    FH__FROM_ENVIRONMENT,
    FH__FROM_FILE,
    FH__FROM_COMMAND_LINE,
    FH__FROM_POLICY
};

/* An option's value as it was written, and who wrote it. */
struct fh__setting {
    char *text; /* of a list: a line each; NULL: no value */
    enum fh__source source;
    unsigned line;  /* of the file */
    bool is_locked; /* by the policy */
    bool has_at_least, has_at_most;
    unsigned at_least, at_most; /* by the policy, as fh__option_rank() */
};

/* Where an option may stand, and when a change of the file takes effect. */
enum fh__option_use {
    FH__OPTION_CALL,  /* on the command line alone */
    FH__OPTION_START, /* at the next start */
    FH__OPTION_RELOAD /* on SIGHUP */
};

#define FH__LIST UINT_MAX
enum { FH__WORDS_TIGHTEN = 1 /* max of words: each is stricter than the one before */ };

struct fh__config;

struct fh__option {
    const char *name;
    const char *argument; /* in --help; NULL: takes none; of words: all of them, with | between */
    enum fh__option_use use;
    /* Checks value, which outlives it unless this is a list, and stores it. NULL, or what was
     * expected, and then nothing changed. Called by fh__option_set() only. */
    const char *(*set)(struct fh__config *c, const struct fh__option *o, const char *value);
    size_t offset; /* of what set() stores to; of a list: max texts, and behind them a size_t, how
                    * many there are */
    unsigned min, max; /* of numbers; where min is 0, 0 is: without a limit. min: or FH__LIST */
    const char *fallback;
    const char *help;
};

struct fh__option_table {
    const char *program; /* whose they are */
    const struct fh__option *of;
    size_t n; /* at most FH__OPTIONS_MAX */
};

/* The first member of each struct fh__config. */
struct fh__settings {
    const struct fh__option_table *table;
    struct fh__setting of[FH__OPTIONS_MAX]; /* in the order of the table */
    char *file, *policy;                    /* that were read; NULL: none was there */
};

struct fh__settings *fh__settings_of(struct fh__config *c);
struct fh__setting *fh__setting_of(struct fh__config *c, const struct fh__option *o);

/* c is zeroed, but for what the table's fallbacks say. */
void fh__settings_init(struct fh__config *c, const struct fh__option_table *table);
void fh__settings_free(struct fh__config *c);
/* What nobody has said. 0, or -1: no memory, or what the environment says is no value. */
int fh__settings_fill(struct fh__config *c, const char *name, const char *text,
                      enum fh__source source);
int fh__settings_fill_file(struct fh__config *c, const char *name, const char *dir,
                           const char *file);
/*
 * A daemon's directory: the one that systemd gives by the variable `systemd`, for root `system` and
 * the program's name, else the user's own: in what the variable `xdg` says or below the home.
 */
void fh__directory(const char *program, const char *systemd, const char *system, const char *xdg,
                   const char *home, char *out, size_t room);
/*
 * Takes from fresh what may change while it runs; each option that differs is told, with whether it
 * was taken or needs a restart. false: no memory, and then what is told was taken.
 */
bool fh__settings_adopt(struct fh__config *c, struct fh__config *fresh,
                        void (*changed)(void *user, const char *name, bool is_taken), void *user);
/* Every option with its value and source, as a configuration file or as JSON. */
void fh__settings_print(struct fh__config *c, FILE *out, bool is_json);

/* NULL: no such option. */
const struct fh__option *fh__option_find(const struct fh__option_table *t, const char *name,
                                         size_t len);
/* Whether it may be given again and again. */
bool fh__option_is_list(const struct fh__option *o);
bool fh__option_is_number(const struct fh__option *o);
/* A policy may set bounds: its values have an order. */
bool fh__option_tightens(const struct fh__option *o);
/* The value's place in that order. */
unsigned fh__option_rank(struct fh__config *c, const struct fh__option *o);
/* Sets the value, or adds one to a list. NULL, or what was expected, and then nothing changed. */
const char *fh__option_set(struct fh__config *c, const struct fh__option *o, const char *value,
                           enum fh__source source, unsigned line);
/* Back to no value at all. */
void fh__option_clear(struct fh__config *c, const struct fh__option *o);
/* The table, after what the caller has printed. */
void fh__options_help(const struct fh__option_table *t);

/* For the table's set: what kinds of values there are. */
typedef const char *fh__option_set_fn(struct fh__config *c, const struct fh__option *o,
                                      const char *value);
fh__option_set_fn fh__set_text, fh__set_path, fh__set_number, fh__set_flag, fh__set_word,
    fh__set_level;
/* The last step of a list's set, after its value was checked. */
fh__option_set_fn fh__option_append;

#endif
