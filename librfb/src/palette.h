/* SPDX-License-Identifier: MIT */
/*
 * palette.h -- the distinct words of a picture, up to 256, in order of appearance.
 *
 * A small open hash table; at most a quarter full.
 */
#ifndef FH_RFB_PALETTE_H
#define FH_RFB_PALETTE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { FH__PALETTE_MAX = 256, FH__PALETTE_BITS = 10 };

struct fh__palette {
    uint32_t colour[FH__PALETTE_MAX];
    uint16_t slot[1 << FH__PALETTE_BITS]; /* index + 1, 0: empty */
    unsigned n;
};

static inline void fh__palette_clear(struct fh__palette *p)
{
    memset(p->slot, 0, sizeof p->slot);
    p->n = 0;
}

static inline unsigned fh__palette_slot(const struct fh__palette *p, uint32_t colour)
{
    unsigned at = (colour * UINT32_C(0x9e3779b1)) >> (32 - FH__PALETTE_BITS);

    while (p->slot[at] != 0 && p->colour[p->slot[at] - 1] != colour)
        at = (at + 1) & ((1u << FH__PALETTE_BITS) - 1);
    return at;
}

/* The index of a colour that is in the palette. */
static inline unsigned fh__palette_index(const struct fh__palette *p, uint32_t colour)
{
    return p->slot[fh__palette_slot(p, colour)] - 1u;
}

static inline bool fh__palette_has(const struct fh__palette *p, uint32_t colour)
{
    return p->slot[fh__palette_slot(p, colour)] != 0;
}

/* Adds a colour unless it is there. False: it is not, and max (<= FH__PALETTE_MAX) are. */
static inline bool fh__palette_add(struct fh__palette *p, uint32_t colour, unsigned max)
{
    unsigned at = fh__palette_slot(p, colour);

    if (p->slot[at] != 0)
        return true;
    if (p->n >= max)
        return false;
    p->colour[p->n++] = colour;
    p->slot[at] = (uint16_t)p->n;
    return true;
}

#endif
