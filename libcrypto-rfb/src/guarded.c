/* SPDX-License-Identifier: MIT */
/* guarded.c -- the heap for long-lived secrets: locked, not dumped, between guard pages, wiped. */
#include "internal.h"

#include <string.h>

#include <sodium.h>

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
