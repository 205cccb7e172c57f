/* SPDX-License-Identifier: MIT */
/* spare.c -- which spare key to give to which keysym. */
#include "spare.h"

struct fh__spare_key *fh__spare_pick(struct fh__spares *s, uint64_t now_ms, uint32_t sym,
                                     const bool is_down[256], uint64_t *wait_ms)
{
    struct fh__spare_key *best = NULL, *k;
    uint64_t rested_ms;

    *wait_ms = UINT64_MAX;
    for (k = s->keys; k < s->keys + s->n; k++)
        if (k->sym == sym)
            return k;
    for (k = s->keys; k < s->keys + s->n; k++) {
        if (is_down[k->key])
            continue;
        if (!k->sym)
            return k;
        if (!best || k->used_ms < best->used_ms)
            best = k;
    }
    if (!best)
        return NULL;
    rested_ms = best->used_ms + FH__SPARE_REST_MS;
    if (rested_ms < s->changed_ms + FH__SPARE_GAP_MS)
        rested_ms = s->changed_ms + FH__SPARE_GAP_MS;
    if (rested_ms <= now_ms) {
        s->changed_ms = now_ms;
        return best;
    }
    *wait_ms = rested_ms - now_ms;
    return NULL;
}

struct fh__spare_key *fh__spare_of_key(struct fh__spares *s, uint8_t key)
{
    size_t i;

    for (i = 0; i < s->n; i++)
        if (s->keys[i].key == key)
            return &s->keys[i];
    return NULL;
}

void fh__spare_add(struct fh__spares *s, uint8_t key)
{
    if (s->n < FH__SPARE_MAX && !fh__spare_of_key(s, key))
        s->keys[s->n++] = (struct fh__spare_key){.key = key};
}

void fh__spare_remove(struct fh__spares *s, uint8_t key)
{
    struct fh__spare_key *k = fh__spare_of_key(s, key);

    if (k)
        *k = s->keys[--s->n];
}
