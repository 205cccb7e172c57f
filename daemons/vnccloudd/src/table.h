/* SPDX-License-Identifier: MIT */
/*
 * table.h -- a hash table of what embeds a struct fh__entry. It grows and shrinks by halves; to put
 * something in fails only when it is the first and there is no memory.
 */
#ifndef FH__TABLE_H
#define FH__TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed is in no table. */
struct fh__entry {
    struct fh__entry *next, **at;
    uint64_t hash;
};

/* Zeroed but for the key is empty. */
struct fh__table {
    struct fh__entry **chains;
    size_t n, used; /* n: a power of two, or 0 */
    uint8_t key[16];
};

/* key: secret and random, so that nobody picks what collides. */
void fh__table_init(struct fh__table *t, const uint8_t key[static 16]);
/* Entries are left where they are. */
void fh__table_finish(struct fh__table *t);
uint64_t fh__table_hash(const struct fh__table *t, const void *key, size_t len);
/* -1: no memory. */
int fh__table_put(struct fh__table *t, struct fh__entry *e, uint64_t hash);
/* Of one that is in no table: nothing. */
void fh__table_remove(struct fh__table *t, struct fh__entry *e);
/* The first with this hash, and the one behind another; NULL: that were all. */
struct fh__entry *fh__table_first(const struct fh__table *t, uint64_t hash);
struct fh__entry *fh__table_next(const struct fh__entry *e);
/* Any entry; NULL: it is empty. */
struct fh__entry *fh__table_any(const struct fh__table *t);

#define FH__OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
