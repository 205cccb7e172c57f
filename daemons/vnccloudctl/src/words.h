/* SPDX-License-Identifier: MIT */
/* words.h -- what a person wrote becomes the body of a request. */
#ifndef FH_VNCCLOUDCTL_WORDS_H
#define FH_VNCCLOUDCTL_WORDS_H

#include <stdbool.h>

#include <jansson.h>

enum fh__word_kind {
    FH__WORD_TEXT,
    FH__WORD_LIST,     /* with commas; "" is empty */
    FH__WORD_NUMBER,   /* with a suffix k, M, G */
    FH__WORD_DURATION, /* seconds, or 90m, 12h, 30d; "never" is null */
    FH__WORD_COUNT,    /* a number; "any" is null */
    FH__WORD_TRUE,     /* has no value */
    FH__WORD_FALSE,
    FH__WORD_ITEM /* has no value: `item` goes into the list `member` */
};

/* --name of a command, and the member of the body that it becomes; "access.groups" is in another.
 */
struct fh__word {
    const char *name, *member;
    enum fh__word_kind kind;
    const char *item;
};

/* options: ends in a NULL name. -1 and a sentence in why. */
int fh__words_read(const struct fh__word *options, char *const *words, int n, json_t *body,
                   char *why, size_t room);

#endif
