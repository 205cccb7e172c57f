/* SPDX-License-Identifier: MIT */
#include "follow.h"

#include <stdlib.h>
#include <string.h>

#include "rd.h"

enum { BUNDLE_ROOM = FH_TLOG_TILE_WIDTH * (2 + 256) };

struct reading {
    const struct fh__followed *kept;
    fh__fetch_fn fetch;
    void *user;
    struct fh__watched *w;
    struct fh_tlog_tree tree;
    uint64_t size; /* to be reached */
    uint8_t kept_root[FH_TLOG_HASH_LEN];
    bool is_forked; /* where the kept tree ended, this one was another */
};

static enum fh__follow_result take_leaf(struct reading *r, const uint8_t *data, size_t len)
{
    uint8_t hash[FH_TLOG_HASH_LEN];
    struct fh_tlog_leaf leaf;
    int whose;

    fh_tlog_hash_leaf(data, len, hash);
    /* What is no leaf of today's form counts for the tree and is about nobody. */
    if (fh_tlog_leaf_parse(data, len, &leaf) == 0 &&
        (whose = fh__watched_find(r->w, leaf.tag)) >= 0 &&
        fh__watched_add(r->w, r->tree.size, &leaf, (size_t)whose) != 0)
        return FH__FOLLOW_TOO_MUCH;
    fh_tlog_tree_append(&r->tree, hash);
    if (r->tree.size == r->kept->tree.size) {
        fh_tlog_tree_root(&r->tree, hash);
        r->is_forked = memcmp(hash, r->kept_root, sizeof hash) != 0;
    }
    return FH__FOLLOW_OK;
}

/* Bundle number index, from the leaf that comes next on. */
static enum fh__follow_result read_bundle(struct reading *r, uint64_t index)
{
    static uint8_t data[BUNDLE_ROOM];
    uint64_t begin = index * FH_TLOG_TILE_WIDTH, left = r->size - begin;
    unsigned width = left < FH_TLOG_TILE_WIDTH ? (unsigned)left : FH_TLOG_TILE_WIDTH;
    enum fh__follow_result ret = FH__FOLLOW_OK;
    char path[FH_TLOG_TILE_TEXT];
    struct rd rd;
    int n;

    fh_tlog_tile_path(-1, index, width, path);
    n = r->fetch(r->user, path, data, sizeof data);
    if (n < 0)
        return FH__FOLLOW_UNREACHABLE;
    rd = rd_init(data, (size_t)n);
    for (unsigned i = 0; i < width && ret == FH__FOLLOW_OK; i++) {
        size_t len = rd_u16(&rd);
        const uint8_t *leaf = rd_bytes(&rd, len);

        if (!leaf)
            return FH__FOLLOW_DAMAGED;
        if (begin + i >= r->tree.size)
            ret = take_leaf(r, leaf, len);
    }
    return ret == FH__FOLLOW_OK && !rd_is_done(&rd) ? FH__FOLLOW_DAMAGED : ret;
}

static enum fh__follow_result fetch_checkpoint(const struct fh_tlog_key *key, fh__fetch_fn fetch,
                                               void *user, struct fh__followed *now,
                                               struct fh_tlog_checkpoint *c)
{
    int n = fetch(user, "checkpoint", (uint8_t *)now->note, sizeof now->note);

    if (n < 0)
        return FH__FOLLOW_UNREACHABLE;
    now->note_len = (size_t)n;
    return fh_tlog_checkpoint_open(key, now->note, now->note_len, c) == 0 ? FH__FOLLOW_OK
                                                                          : FH__FOLLOW_UNSIGNED;
}

enum fh__follow_result fh__follow(const struct fh_tlog_key *key, const struct fh__followed *kept,
                                  bool again, fh__fetch_fn fetch, void *user, struct fh__watched *w,
                                  struct fh__followed *now)
{
    struct reading r = {.kept = kept, .fetch = fetch, .user = user, .w = w};
    struct fh_tlog_checkpoint c = {0};
    uint8_t root[FH_TLOG_HASH_LEN];
    enum fh__follow_result ret;

    memset(now, 0, sizeof *now);
    ret = fetch_checkpoint(key, fetch, user, now, &c);
    if (ret != FH__FOLLOW_OK)
        return ret;
    fh_tlog_tree_root(&kept->tree, r.kept_root);
    /* One that it has shown cannot be taken back. */
    if (c.size < kept->tree.size)
        return FH__FOLLOW_FORK;
    if (c.size == kept->tree.size && memcmp(c.root, r.kept_root, sizeof c.root) != 0)
        return FH__FOLLOW_FORK;
    if (!again)
        r.tree = kept->tree;
    r.size = c.size;
    while (r.tree.size < r.size) {
        ret = read_bundle(&r, r.tree.size / FH_TLOG_TILE_WIDTH);
        if (ret != FH__FOLLOW_OK)
            return ret;
    }
    fh_tlog_tree_root(&r.tree, root);
    if (memcmp(root, c.root, sizeof root) != 0) {
        if (again || kept->tree.size == 0)
            return FH__FOLLOW_DAMAGED;
        /* What came or what was kept is not its: only all of it can tell. */
        w->leaves_len = 0;
        return fh__follow(key, kept, true, fetch, user, w, now);
    }
    if (r.is_forked)
        return FH__FOLLOW_FORK;
    now->tree = r.tree;
    return FH__FOLLOW_OK;
}
