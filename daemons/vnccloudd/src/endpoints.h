/* SPDX-License-Identifier: MIT */
/*
 * endpoints.h -- the addresses that were looked up lately, so that signing in and connecting need
 * not ask the store each time, and go on while it cannot answer.
 *
 *     fh__endpoints_get()       now, or later
 *     fh__endpoints_forget()    it was changed: the next one asks again
 *
 * Whoever asks for what is being asked for waits for the same answer. Addresses that are not there
 * are not remembered. What is remembered is bounded by its number; the one that was not asked for
 * the longest goes first.
 */
#ifndef FH__ENDPOINTS_H
#define FH__ENDPOINTS_H

#include <stdbool.h>

#include "store.h"
#include "table.h"

/* What who asks embeds. Zeroed does not wait. */
struct fh__lookup {
    /* e: lent until this returns; NULL: ret says why, FH__STORE_E_NOT_FOUND or another. */
    void (*done)(struct fh__lookup *l, const struct fh__endpoint *e, int ret);
    struct fh__lookup *next, **at; /* at: NULL, does not wait */
};

struct fh__endpoints;

/* max: how many are remembered. NULL: no memory. */
struct fh__endpoints *fh__endpoints_new(struct fh__store *store, size_t max,
                                        const uint8_t key[static 16]);
/* Nobody may wait. What the store has not answered yet is dropped when it does. */
void fh__endpoints_free(struct fh__endpoints *c);

/*
 * 1: *out is remembered, lent until the loop goes on. 0: l->done() is called later, never from
 * inside. FH__STORE_E_NOMEM.
 */
int fh__endpoints_get(struct fh__endpoints *c, const uint8_t address[static 12],
                      struct fh__lookup *l, const struct fh__endpoint **out);
/* done() is not called. Of one that does not wait: nothing. */
void fh__lookup_cancel(struct fh__lookup *l);

/* Those who wait get what the store says after this. */
void fh__endpoints_forget(struct fh__endpoints *c, const uint8_t address[static 12]);
/* All of an account. Goes through everything. */
void fh__endpoints_forget_account(struct fh__endpoints *c, const uint8_t account[static 16]);

struct fh__endpoints_counters {
    uint64_t hits, misses; /* since the start */
    size_t n;              /* that are remembered */
};

void fh__endpoints_count(const struct fh__endpoints *c, struct fh__endpoints_counters *out);

#endif
