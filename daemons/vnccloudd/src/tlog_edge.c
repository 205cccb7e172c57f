/* SPDX-License-Identifier: MIT */
/* tlog_edge.c -- the last tiles. */
#include "tlog_edge.h"

#include <assert.h>
#include <string.h>

void fh__tlog_tile_root(const uint8_t (*hashes)[FH_TLOG_HASH_LEN], unsigned height,
                        uint8_t out[FH_TLOG_HASH_LEN])
{
    struct fh_tlog_tree t = {0};

    for (unsigned i = 0; i < 1u << height; i++)
        fh_tlog_tree_append(&t, hashes[i]);
    fh_tlog_tree_root(&t, out);
}

int fh__tlog_edge_append(struct fh__tlog_edge *e, const uint8_t leaf[FH_TLOG_LEAF_LEN])
{
    unsigned at = (unsigned)(e->size % FH_TLOG_TILE_WIDTH);
    int level = 0;

    memcpy(e->entries[at], leaf, FH_TLOG_LEAF_LEN);
    fh_tlog_hash_leaf(leaf, FH_TLOG_LEAF_LEN, e->hashes[0][at]);
    e->size++;
    while (fh__tlog_level_count(e->size, level) % FH_TLOG_TILE_WIDTH == 0 && at == 255) {
        assert(level + 1 < FH__TLOG_LEVELS);
        at = (unsigned)((fh__tlog_level_count(e->size, level + 1) - 1) % FH_TLOG_TILE_WIDTH);
        fh__tlog_tile_root((const uint8_t(*)[FH_TLOG_HASH_LEN])e->hashes[level], 8,
                           e->hashes[level + 1][at]);
        level++;
    }
    return level + 1;
}

/* Complete subtrees at the right edge begin in the last tile of their level. */
static int read_edge(void *user, unsigned level, uint64_t index, uint8_t out[FH_TLOG_HASH_LEN])
{
    const struct fh__tlog_edge *e = user;
    unsigned height = level % 8, at = (unsigned)((index << height) % FH_TLOG_TILE_WIDTH);

    fh__tlog_tile_root((const uint8_t(*)[FH_TLOG_HASH_LEN]) & e->hashes[level / 8][at], height,
                       out);
    return 0;
}

void fh__tlog_edge_root(const struct fh__tlog_edge *e, uint8_t out[FH_TLOG_HASH_LEN])
{
    /* read_edge() only reads; fh_tlog_root() knows no const. */
    (void)fh_tlog_root(e->size, read_edge, (void *)(uintptr_t)e, out);
}

size_t fh__tlog_bundle(const uint8_t (*entries)[FH_TLOG_LEAF_LEN], unsigned width, uint8_t *out)
{
    uint8_t *at = out;

    for (unsigned i = 0; i < width; i++) {
        *at++ = 0;
        *at++ = FH_TLOG_LEAF_LEN;
        memcpy(at, entries[i], FH_TLOG_LEAF_LEN);
        at += FH_TLOG_LEAF_LEN;
    }
    return (size_t)(at - out);
}

int fh__tlog_bundle_read(const uint8_t *data, size_t len, unsigned width,
                         uint8_t (*out)[FH_TLOG_LEAF_LEN])
{
    if (len != (size_t)width * (2 + FH_TLOG_LEAF_LEN))
        return -1;
    for (unsigned i = 0; i < width; i++, data += 2 + FH_TLOG_LEAF_LEN) {
        if (data[0] != 0 || data[1] != FH_TLOG_LEAF_LEN)
            return -1;
        memcpy(out[i], data + 2, FH_TLOG_LEAF_LEN);
    }
    return 0;
}
