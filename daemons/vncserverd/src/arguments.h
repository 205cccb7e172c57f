/* SPDX-License-Identifier: MIT */
/* arguments.h -- the command line of a sub-command: words, and options anywhere between them. */
#ifndef FH__ARGUMENTS_H
#define FH__ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

enum { FH__WORDS_MAX = 4 };

/* --NAME VALUE or --NAME=VALUE, or --NAME alone where value is NULL. */
struct fh__flag {
    const char *name;
    const char **value;
    bool *is_given;
};

struct fh__words {
    const char *word[FH__WORDS_MAX];
    size_t n;
};

/* 0; -1 and a sentence in error: an option that is not there, one without its value, or too many
 * words. What is stored is borrowed from arguments. */
int fh__arguments_read(char *const *arguments, const struct fh__flag *flags, size_t n_flags,
                       struct fh__words *out, char *error, size_t room);

#endif
