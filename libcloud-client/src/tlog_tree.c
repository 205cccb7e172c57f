/* SPDX-License-Identifier: MIT */
/* The Merkle tree of RFC 6962 section 2.1: its hashes, and one that is appended to. */
#include <assert.h>
#include <string.h>

#include <sodium.h>

#include <farhand/tlog.h>

enum {
    LEAF = 0,
    NODE = 1
}; /* what stands before what is hashed, so that neither passes for the
      other */

void fh_tlog_hash_leaf(const void *data, size_t len, uint8_t out[FH_TLOG_HASH_LEN])
{
    static const uint8_t prefix[] = {LEAF};
    crypto_hash_sha256_state h;

    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, prefix, sizeof prefix);
    if (len != 0)
        crypto_hash_sha256_update(&h, data, len);
    crypto_hash_sha256_final(&h, out);
}

void fh_tlog_hash_node(const uint8_t left[FH_TLOG_HASH_LEN], const uint8_t right[FH_TLOG_HASH_LEN],
                       uint8_t out[FH_TLOG_HASH_LEN])
{
    uint8_t in[1 + 2 * FH_TLOG_HASH_LEN];

    in[0] = NODE;
    memcpy(in + 1, left, FH_TLOG_HASH_LEN);
    memcpy(in + 1 + FH_TLOG_HASH_LEN, right, FH_TLOG_HASH_LEN);
    crypto_hash_sha256(out, in, sizeof in);
}

void fh_tlog_tree_append(struct fh_tlog_tree *t, const uint8_t leaf[FH_TLOG_HASH_LEN])
{
    uint8_t h[FH_TLOG_HASH_LEN];
    unsigned level = 0;

    assert(t->size < FH_TLOG_MAX_SIZE);
    memcpy(h, leaf, sizeof h);
    for (; t->size >> level & 1; level++)
        fh_tlog_hash_node(t->peak[level], h, h);
    memcpy(t->peak[level], h, sizeof h);
    t->size++;
}

void fh_tlog_tree_root(const struct fh_tlog_tree *t, uint8_t out[FH_TLOG_HASH_LEN])
{
    uint8_t h[FH_TLOG_HASH_LEN];
    unsigned level = 0;

    if (t->size == 0) {
        crypto_hash_sha256(out, NULL, 0);
        return;
    }
    while (!(t->size >> level & 1))
        level++;
    memcpy(h, t->peak[level], sizeof h);
    while (++level < 63)
        if (t->size >> level & 1)
            fh_tlog_hash_node(t->peak[level], h, h);
    memcpy(out, h, sizeof h);
}
