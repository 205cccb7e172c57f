/* SPDX-License-Identifier: MIT */
/* tlog_edge.h -- the right edge of a tiled log: the last tile of each level, all that appending
 * needs. No files. */
#ifndef FH__TLOG_EDGE_H
#define FH__TLOG_EDGE_H

#include <farhand/tlog.h>

enum {
    FH__TLOG_LEVELS = FH_TLOG_MAX_TILE_LEVEL + 1,
    FH__TLOG_TILE_LEN = FH_TLOG_TILE_WIDTH * FH_TLOG_HASH_LEN,
    FH__TLOG_BUNDLE_LEN = FH_TLOG_TILE_WIDTH * (2 + FH_TLOG_LEAF_LEN)
};

/* Of size leaves. In level l count(l) % 256 hashes of its last tile count, and as many entries as
 * in level 0; after an append that filled a tile, all 256 still do. */
struct fh__tlog_edge {
    uint64_t size;
    uint8_t hashes[FH__TLOG_LEVELS][FH_TLOG_TILE_WIDTH][FH_TLOG_HASH_LEN];
    uint8_t entries[FH_TLOG_TILE_WIDTH][FH_TLOG_LEAF_LEN];
};

/* How many hashes there are in a level. */
static inline uint64_t fh__tlog_level_count(uint64_t size, int level)
{
    return size >> (8 * level);
}

/* One leaf. Returns how many levels got a hash by it: 1, or one more for each tile it filled. */
int fh__tlog_edge_append(struct fh__tlog_edge *e, const uint8_t leaf[FH_TLOG_LEAF_LEN]);

/* MTH of all. */
void fh__tlog_edge_root(const struct fh__tlog_edge *e, uint8_t out[FH_TLOG_HASH_LEN]);

/* The root of 1 << height hashes, from the first of them in a tile on. */
void fh__tlog_tile_root(const uint8_t (*hashes)[FH_TLOG_HASH_LEN], unsigned height,
                        uint8_t out[FH_TLOG_HASH_LEN]);

/* width entries as a bundle: each behind its u16 length. Returns its length. */
size_t fh__tlog_bundle(const uint8_t (*entries)[FH_TLOG_LEAF_LEN], unsigned width, uint8_t *out);
/* The other way round; 0, or -1 if it is no bundle of so many leaves of ours. */
int fh__tlog_bundle_read(const uint8_t *data, size_t len, unsigned width,
                         uint8_t (*out)[FH_TLOG_LEAF_LEN]);

#endif
