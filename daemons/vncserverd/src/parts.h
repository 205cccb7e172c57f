/* SPDX-License-Identifier: MIT */
/* parts.h -- what is too long for one message: cut into parts, and put together again. */
#ifndef FH__PARTS_H
#define FH__PARTS_H

#include "link.h"

struct fh__parts {
    uint8_t *mem; /* NULL: nothing has begun */
    size_t len, total;
};

enum fh__parts_state { FH__PARTS_MORE, FH__PARTS_ALL, FH__PARTS_BAD };

/* Takes a part of what is at most `most` bytes. With ALL it is in mem, with a NUL behind it. */
enum fh__parts_state fh__parts_take(struct fh__parts *p, const struct fh__msg_part *m, size_t most);
void fh__parts_free(struct fh__parts *p); /* twice is fine */

/* Sends data in parts, by write() with each. -1: not all was sent. */
int fh__parts_send(struct fh__link *l, unsigned number, const void *data, size_t len);

#endif
