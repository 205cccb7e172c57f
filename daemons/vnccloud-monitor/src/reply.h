/* SPDX-License-Identifier: MIT */
/* reply.h -- the head of an HTTP/1.1 response, as little of it as is needed, strictly. */
#ifndef FH__REPLY_H
#define FH__REPLY_H

#include <stdbool.h>
#include <stddef.h>

enum { FH__REPLY_HEAD = 16384 /* bytes; longer is refused */ };

struct fh__reply {
    unsigned status;
    size_t head_len; /* the body begins there */
    size_t body_len;
    bool closes; /* the connection ends behind it */
};

/* Returns 1: out is set; 0: more is needed; -1: nothing that is understood here. */
int fh__reply_parse(const char *data, size_t len, struct fh__reply *out);

#endif
