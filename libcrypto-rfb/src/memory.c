/* SPDX-License-Identifier: MIT */
/* memory.c -- the two heaps: plain, and guarded for secrets. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

void *fh__plain_new(size_t len)
{
    return calloc(1, len);
}

void fh__plain_free(void *p)
{
    free(p);
}

void *fh__guarded_new(size_t len)
{
    void *p = sodium_init() >= 0 ? sodium_malloc(len) : NULL;

    if (p)
        memset(p, 0, len);
    return p;
}

void fh__guarded_free(void *p)
{
    sodium_free(p);
}
