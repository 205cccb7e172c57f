/* SPDX-License-Identifier: MIT */
/* unique.h -- whether names stand in a file once each, without comparing each with all. */
#ifndef FH_SESSION_UNIQUE_H
#define FH_SESSION_UNIQUE_H

#include <stddef.h>

struct fh__name {
    const char *text; /* borrowed, not terminated */
    size_t len;
    unsigned line; /* from 1 */
};

/* The first line on which a name stands that stood before; 0: none. Reorders names. */
unsigned fh__unique(struct fh__name *names, size_t n);

#endif
