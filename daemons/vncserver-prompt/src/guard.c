/* SPDX-License-Identifier: MIT */
#include "guard.h"

void fh__guard_shown(struct fh__guard *g, uint64_t now_ms)
{
    *g = (struct fh__guard){.shown_ms = now_ms, .key_ms = now_ms};
}

void fh__guard_uncovered(struct fh__guard *g, uint64_t now_ms)
{
    g->shown_ms = now_ms;
}

bool fh__guard_click(const struct fh__guard *g, uint64_t now_ms)
{
    return now_ms - g->shown_ms >= FH__GUARD_MS;
}

bool fh__guard_key(struct fh__guard *g, uint64_t now_ms)
{
    g->is_armed |= now_ms - g->key_ms >= FH__GUARD_MS;
    g->key_ms = now_ms;
    return g->is_armed;
}
