/* SPDX-License-Identifier: MIT */
/*
 * spare.h -- keys of the map that make nothing, lent to keysyms that are not on it.
 *
 * A program translates a key event when it reads it, with the map of that moment. So a key must not
 * be given to another keysym right after it was used: fh__spare_pick() says how long to wait. With
 * the least recently used key taken first, and all free ones before, short texts never wait. Pure.
 */
#ifndef FH__SPARE_H
#define FH__SPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FH__SPARE_MAX = 64,
    FH__SPARE_REST_MS = 200, /* after its last use a key keeps its keysym for this time */
    FH__SPARE_GAP_MS = 20    /* between two changes of the map: programs read it anew each time */
};

struct fh__spare_key {
    uint8_t key;
    uint32_t sym; /* 0: none yet */
    uint64_t used_ms;
};

struct fh__spares {
    struct fh__spare_key keys[FH__SPARE_MAX];
    size_t n;
    uint64_t changed_ms; /* when a key last got another keysym */
};

/*
 * The key for sym, which it has already or is to be given. is_down: which keys are held, by
 * keycode. NULL: none is free; *wait_ms says when to ask again, UINT64_MAX: not by waiting.
 */
struct fh__spare_key *fh__spare_pick(struct fh__spares *s, uint64_t now_ms, uint32_t sym,
                                     const bool is_down[256], uint64_t *wait_ms);
struct fh__spare_key *fh__spare_of_key(struct fh__spares *s, uint8_t key);
void fh__spare_add(struct fh__spares *s, uint8_t key);
void fh__spare_remove(struct fh__spares *s, uint8_t key);

#endif
