/* SPDX-License-Identifier: MIT */
/*
 * guard.h -- what was meant for another window must not answer a question that came up just now.
 * A click counts half a second after the window was shown, or uncovered; keys count once nothing
 * was typed for half a second, so that who is in the middle of a sentence answers nothing.
 */
#ifndef FH__GUARD_H
#define FH__GUARD_H

#include <stdbool.h>
#include <stdint.h>

enum { FH__GUARD_MS = 500 };

struct fh__guard {
    uint64_t shown_ms, key_ms; /* key: the last one */
    bool is_armed;
};

void fh__guard_shown(struct fh__guard *g, uint64_t now_ms);
/* Nothing lies on it any more. */
void fh__guard_uncovered(struct fh__guard *g, uint64_t now_ms);
bool fh__guard_click(const struct fh__guard *g, uint64_t now_ms);
/* To be called for each key that is pressed. */
bool fh__guard_key(struct fh__guard *g, uint64_t now_ms);

#endif
