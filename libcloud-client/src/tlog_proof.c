/* SPDX-License-Identifier: MIT */
/* Proofs that a leaf is in a tree, and that one tree grew into another. */
#include <stdbool.h>
#include <string.h>

#include <farhand/tlog.h>

#define HASH(path, i) ((path) + (i)*FH_TLOG_HASH_LEN)

static bool same(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, FH_TLOG_HASH_LEN) == 0;
}

/* The steps of RFC 9162 2.1.3.2 and 2.1.4.2 go up from node fn of a level whose last one is sn. */
struct climb {
    uint64_t fn, sn;
};

/* Is the next hash of the path the left neighbour? */
static bool is_right(const struct climb *c)
{
    return (c->fn & 1) || c->fn == c->sn;
}

/* After it was used: up to the next level where there is a neighbour. */
static void go_up(struct climb *c, bool right)
{
    if (right)
        while (!(c->fn & 1) && c->fn != 0) {
            c->fn >>= 1;
            c->sn >>= 1;
        }
    c->fn >>= 1;
    c->sn >>= 1;
}

int fh_tlog_check_inclusion(const uint8_t leaf[FH_TLOG_HASH_LEN], uint64_t index, uint64_t size,
                            const uint8_t root[FH_TLOG_HASH_LEN], const uint8_t *path,
                            size_t path_len)
{
    struct climb at = {.fn = index, .sn = size - 1};
    uint8_t h[FH_TLOG_HASH_LEN];

    if (size > FH_TLOG_MAX_SIZE || index >= size || path_len > FH_TLOG_MAX_PROOF)
        return FH_CLOUD_E_LOG;
    memcpy(h, leaf, sizeof h);
    for (size_t i = 0; i < path_len; i++) {
        bool right = is_right(&at);

        if (at.sn == 0)
            return FH_CLOUD_E_LOG;
        if (right)
            fh_tlog_hash_node(HASH(path, i), h, h);
        else
            fh_tlog_hash_node(h, HASH(path, i), h);
        go_up(&at, right);
    }
    return at.sn == 0 && same(h, root) ? 0 : FH_CLOUD_E_LOG;
}

/* old_size is from 1 to new_size - 1. */
static int check_growth(uint64_t old_size, const uint8_t *old_root, uint64_t new_size,
                        const uint8_t *new_root, const uint8_t *path, size_t path_len)
{
    struct climb at = {.fn = old_size - 1, .sn = new_size - 1};
    /* A complete old tree is a node of the new one, which the path leaves out. */
    bool known = (old_size & (old_size - 1)) == 0;
    uint8_t fr[FH_TLOG_HASH_LEN], sr[FH_TLOG_HASH_LEN];
    size_t i = 0;

    if (path_len == 0)
        return FH_CLOUD_E_LOG;
    for (; at.fn & 1; at.sn >>= 1)
        at.fn >>= 1;
    memcpy(fr, known ? old_root : HASH(path, i++), sizeof fr);
    memcpy(sr, fr, sizeof sr);
    for (; i < path_len; i++) {
        bool right = is_right(&at);

        if (at.sn == 0)
            return FH_CLOUD_E_LOG;
        if (right) {
            fh_tlog_hash_node(HASH(path, i), fr, fr);
            fh_tlog_hash_node(HASH(path, i), sr, sr);
        } else {
            fh_tlog_hash_node(sr, HASH(path, i), sr);
        }
        go_up(&at, right);
    }
    return at.sn == 0 && same(fr, old_root) && same(sr, new_root) ? 0 : FH_CLOUD_E_LOG;
}

int fh_tlog_check_consistency(uint64_t old_size, const uint8_t old_root[FH_TLOG_HASH_LEN],
                              uint64_t new_size, const uint8_t new_root[FH_TLOG_HASH_LEN],
                              const uint8_t *path, size_t path_len)
{
    static const struct fh_tlog_tree nothing;
    uint8_t empty[FH_TLOG_HASH_LEN];

    if (new_size > FH_TLOG_MAX_SIZE || old_size > new_size || path_len > FH_TLOG_MAX_PROOF)
        return FH_CLOUD_E_LOG;
    fh_tlog_tree_root(&nothing, empty);
    if (old_size == 0 && !same(old_root, empty))
        return FH_CLOUD_E_LOG;
    if (old_size == new_size)
        return path_len == 0 && same(old_root, new_root) ? 0 : FH_CLOUD_E_LOG;
    if (old_size == 0)
        return path_len == 0 ? 0 : FH_CLOUD_E_LOG;
    return check_growth(old_size, old_root, new_size, new_root, path, path_len);
}

/* The leaves from begin to end - 1; begin is a multiple of the largest power of two below the
 * length. */
struct range {
    uint64_t begin, end;
};

/* The largest power of two below n >= 2, where RFC 6962 2.1 parts a tree. */
static uint64_t split(uint64_t n)
{
    uint64_t k = 1;

    while (k < n - k)
        k *= 2;
    return k;
}

static unsigned level_of(uint64_t power)
{
    unsigned level = 0;

    while (power >> level > 1)
        level++;
    return level;
}

/* The root of a range: that of its complete subtrees, from the right. */
static int range_root(struct range r, fh_tlog_read_fn read, void *user, uint8_t *out)
{
    uint8_t part[63][FH_TLOG_HASH_LEN];
    unsigned n = 0;
    int ret;

    while (r.begin < r.end) {
        uint64_t len = r.end - r.begin, k = len == 1 ? 1 : split(len);
        unsigned level;

        if (k * 2 == len)
            k = len;
        level = level_of(k);
        if ((ret = read(user, level, r.begin >> level, part[n])) != 0)
            return ret;
        n++;
        r.begin += k;
    }
    while (--n > 0)
        fh_tlog_hash_node(part[n - 1], part[n], part[n - 1]);
    memcpy(out, part[0], FH_TLOG_HASH_LEN);
    return 0;
}

int fh_tlog_root(uint64_t size, fh_tlog_read_fn read, void *user, uint8_t out[FH_TLOG_HASH_LEN])
{
    static const struct fh_tlog_tree nothing;

    if (size > FH_TLOG_MAX_SIZE)
        return FH_CLOUD_E_INVAL;
    if (size == 0) {
        fh_tlog_tree_root(&nothing, out);
        return 0;
    }
    return range_root((struct range){0, size}, read, user, out);
}

/* The hashes of the ranges, the last one first: they were met from the root down. */
static int write_path(const struct range *r, size_t n, fh_tlog_read_fn read, void *user,
                      uint8_t (*out)[FH_TLOG_HASH_LEN])
{
    for (size_t i = 0; i < n; i++) {
        int ret = range_root(r[n - 1 - i], read, user, out[i]);

        if (ret != 0)
            return ret;
    }
    return (int)n;
}

int fh_tlog_prove_inclusion(uint64_t index, uint64_t size, fh_tlog_read_fn read, void *user,
                            uint8_t out[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN])
{
    struct range at = {0, size}, beside[FH_TLOG_MAX_PROOF];
    size_t n = 0;

    if (size > FH_TLOG_MAX_SIZE || index >= size)
        return FH_CLOUD_E_INVAL;
    while (at.end - at.begin > 1) {
        uint64_t middle = at.begin + split(at.end - at.begin);

        if (index < middle) {
            beside[n++] = (struct range){middle, at.end};
            at.end = middle;
        } else {
            beside[n++] = (struct range){at.begin, middle};
            at.begin = middle;
        }
    }
    return write_path(beside, n, read, user, out);
}

/* RFC 6962 2.1.2, SUBPROOF: down to the last subtree of the old tree. */
int fh_tlog_prove_consistency(uint64_t old_size, uint64_t new_size, fh_tlog_read_fn read,
                              void *user, uint8_t out[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN])
{
    struct range at = {0, new_size}, beside[FH_TLOG_MAX_PROOF];
    size_t n = 0;

    if (new_size > FH_TLOG_MAX_SIZE || old_size > new_size)
        return FH_CLOUD_E_INVAL;
    if (old_size == 0 || old_size == new_size)
        return 0;
    while (at.end != old_size) {
        uint64_t middle = at.begin + split(at.end - at.begin);

        if (old_size <= middle) {
            beside[n++] = (struct range){middle, at.end};
            at.end = middle;
        } else {
            beside[n++] = (struct range){at.begin, middle};
            at.begin = middle;
        }
    }
    if (at.begin != 0)
        beside[n++] = at;
    return write_path(beside, n, read, user, out);
}
