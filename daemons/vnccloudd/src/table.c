/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

enum { CHAINS_MIN = 16 };

void fh__table_init(struct fh__table *t, const uint8_t key[static 16])
{
    memset(t, 0, sizeof *t);
    memcpy(t->key, key, sizeof t->key);
}

void fh__table_finish(struct fh__table *t)
{
    free(t->chains);
    t->chains = NULL;
    t->n = t->used = 0;
}

uint64_t fh__table_hash(const struct fh__table *t, const void *key, size_t len)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t hash;

    crypto_shorthash(out, key, len, t->key);
    memcpy(&hash, out, sizeof hash);
    return hash;
}

static void hang_in(struct fh__table *t, struct fh__entry *e)
{
    struct fh__entry **chain = &t->chains[e->hash & (t->n - 1)];

    e->next = *chain;
    e->at = chain;
    if (e->next)
        e->next->at = &e->next;
    *chain = e;
}

static int resize(struct fh__table *t, size_t n)
{
    struct fh__entry **old = t->chains, **chains = calloc(n, sizeof(void *)), *e;
    size_t old_n = t->n;

    if (!chains)
        return -1;
    t->chains = chains;
    t->n = n;
    for (size_t i = 0; i < old_n; i++)
        while ((e = old[i]) != NULL) {
            old[i] = e->next;
            hang_in(t, e);
        }
    free(old);
    return 0;
}

int fh__table_put(struct fh__table *t, struct fh__entry *e, uint64_t hash)
{
    /* Chains get longer where there is no memory for more of them. */
    if (t->used >= t->n && resize(t, t->n ? t->n * 2 : CHAINS_MIN) != 0 && t->n == 0)
        return -1;
    e->hash = hash;
    hang_in(t, e);
    t->used++;
    return 0;
}

void fh__table_remove(struct fh__table *t, struct fh__entry *e)
{
    if (!e->at)
        return;
    *e->at = e->next;
    if (e->next)
        e->next->at = e->at;
    e->at = NULL;
    e->next = NULL;
    t->used--;
    if (t->n > CHAINS_MIN && t->used * 8 < t->n)
        (void)resize(t, t->n / 2);
}

static struct fh__entry *with_hash(struct fh__entry *e, uint64_t hash)
{
    while (e && e->hash != hash)
        e = e->next;
    return e;
}

struct fh__entry *fh__table_first(const struct fh__table *t, uint64_t hash)
{
    return t->n ? with_hash(t->chains[hash & (t->n - 1)], hash) : NULL;
}

struct fh__entry *fh__table_next(const struct fh__entry *e)
{
    return with_hash(e->next, e->hash);
}

struct fh__entry *fh__table_any(const struct fh__table *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->chains[i])
            return t->chains[i];
    return NULL;
}
