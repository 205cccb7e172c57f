/* SPDX-License-Identifier: MIT */
/* answer.h -- the head of an answer of the service, read. No I/O. */
#ifndef FH_VNCCLOUDCTL_ANSWER_H
#define FH_VNCCLOUDCTL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FH__ANSWER_HEAD_MAX = 16384 /* bytes */, FH__ANSWER_NEXT_MAX = 1024 };

struct fh__answer {
    unsigned status;
    uint64_t len;                   /* of the body */
    char next[FH__ANSWER_NEXT_MAX]; /* target of the next page; "": there is none */
};

/* How many bytes of data are the head, with its empty line; 0: it is not whole; -1: it is none. */
int fh__answer_read(const char *data, size_t len, struct fh__answer *out);

#endif
