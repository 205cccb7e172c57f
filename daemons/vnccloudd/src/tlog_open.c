/* SPDX-License-Identifier: MIT */
/* tlog_open.c -- reading the log at the start, and making a new one. */
#define _DEFAULT_SOURCE /* flock() */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "tlog_files.h"
#include "tlog_state.h"

static const char key_path[] = "key", checkpoint_path[] = "checkpoint";

static int fail(char *why, size_t room, const struct fh__tlog *t, const char *what, int err)
{
    if (err)
        snprintf(why, room, "%s/%s: %s", t->cfg.folder, what, strerror(-err));
    else
        snprintf(why, room, "%s: %s", t->cfg.folder, what);
    return -1;
}

static int open_folder(struct fh__tlog *t, char *why, size_t room)
{
    if (mkdir(t->cfg.folder, 0700) != 0 && errno != EEXIST)
        return fail(why, room, t, "", -errno);
    t->dir = open(t->cfg.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->dir < 0)
        return fail(why, room, t, "", -errno);
    if (flock(t->dir, LOCK_EX | LOCK_NB) != 0)
        return fail(why, room, t, "another process writes to this log", 0);
    return 0;
}

static int use_seed(struct fh__tlog *t, char *why, size_t room)
{
    uint8_t public_key[FH_TLOG_KEY_LEN];

    fh_tlog_public_key(t->seed, public_key);
    if (fh_tlog_key_make(t->cfg.name, public_key, &t->key) != 0)
        return fail(why, room, t, "the name of a cloud with a log has no spaces and plus signs", 0);
    return 0;
}

static bool exists(const struct fh__tlog *t, const char *path)
{
    struct stat st;

    return fstatat(t->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A checkpoint of nothing, then the key: where there is a key there was a checkpoint before it. */
static int make_new(struct fh__tlog *t, char *why, size_t room)
{
    struct fh_tlog_checkpoint c = {.size = 0};
    int n, err;

    if (exists(t, key_path) || exists(t, "tile"))
        return fail(why, room, t, "the checkpoint is missing: bring it back from a copy", 0);
    randombytes_buf(t->seed, sizeof t->seed);
    if (use_seed(t, why, room) != 0)
        return -1;
    fh__tlog_edge_root(&t->edge, c.root);
    n = fh_tlog_checkpoint_sign(&t->key, t->seed, &c, t->checkpoint, sizeof t->checkpoint);
    if (n < 0)
        return fail(why, room, t, "the name of the cloud is too long", 0);
    t->checkpoint_len = (size_t)n;
    /* The key first, under another name: the checkpoint without its key would be in the way. */
    if ((err = fh__tlog_write(t->dir, "key.made", t->seed, sizeof t->seed)) != 0 ||
        (err = fh__tlog_write(t->dir, checkpoint_path, t->checkpoint, t->checkpoint_len)) != 0 ||
        (err = renameat(t->dir, "key.made", t->dir, key_path) ? -errno : 0) != 0 ||
        (err = fsync(t->dir) ? -errno : 0) != 0)
        return fail(why, room, t, "a new log", err);
    return 0;
}

static int read_key(struct fh__tlog *t, char *why, size_t room)
{
    uint8_t seed[FH_TLOG_KEY_LEN];
    int n = fh__tlog_read(t->dir, key_path, seed, sizeof seed);

    /* Made, but the power failed before it had its name. */
    if (n == -ENOENT && renameat(t->dir, "key.made", t->dir, key_path) == 0 && fsync(t->dir) == 0)
        n = fh__tlog_read(t->dir, key_path, seed, sizeof seed);
    if (n < 0)
        return fail(why, room, t, key_path, n);
    if (n != (int)sizeof seed)
        return fail(why, room, t, "the key is not 32 bytes", 0);
    memcpy(t->seed, seed, sizeof seed);
    sodium_memzero(seed, sizeof seed);
    return use_seed(t, why, room);
}

static int read_checkpoint(struct fh__tlog *t, struct fh_tlog_checkpoint *c, char *why, size_t room)
{
    if (fh_tlog_checkpoint_open(&t->key, t->checkpoint, t->checkpoint_len, c) != 0)
        return fail(why, room, t,
                    "the checkpoint is not this cloud's: was its name or its key changed?", 0);
    return 0;
}

/* The last tile of a level, if it is not empty. */
static int read_level(struct fh__tlog *t, uint64_t size, int level, char *why, size_t room)
{
    uint64_t count = level < 0 ? size : fh__tlog_level_count(size, level);
    unsigned width = (unsigned)(count % FH_TLOG_TILE_WIDTH);
    uint8_t data[FH__TLOG_BUNDLE_LEN];
    char path[FH_TLOG_TILE_TEXT];
    int n;

    if (width == 0)
        return 0;
    fh_tlog_tile_path(level, count / FH_TLOG_TILE_WIDTH, width, path);
    n = fh__tlog_read(t->dir, path, data, sizeof data);
    if (n < 0)
        return fail(why, room, t, path, n);
    if (level < 0) {
        if (fh__tlog_bundle_read(data, (size_t)n, width, t->edge.entries) != 0)
            return fail(why, room, t, "the last entries are damaged", 0);
        return 0;
    }
    if (n != (int)width * FH_TLOG_HASH_LEN)
        return fail(why, room, t, "a tile has not its length", 0);
    memcpy(t->edge.hashes[level], data, (size_t)n);
    return 0;
}

/* The tiles at the edge have the checkpoint's root, and the entries the tile's hashes. */
static int check_edge(struct fh__tlog *t, const struct fh_tlog_checkpoint *c, char *why,
                      size_t room)
{
    uint8_t root[FH_TLOG_HASH_LEN], hash[FH_TLOG_HASH_LEN];
    struct fh_tlog_leaf leaf;

    fh__tlog_edge_root(&t->edge, root);
    if (memcmp(root, c->root, sizeof root) != 0)
        return fail(why, room, t, "the tiles are not those of the checkpoint", 0);
    for (unsigned i = 0; i < c->size % FH_TLOG_TILE_WIDTH; i++) {
        fh_tlog_hash_leaf(t->edge.entries[i], FH_TLOG_LEAF_LEN, hash);
        if (memcmp(hash, t->edge.hashes[0][i], sizeof hash) != 0)
            return fail(why, room, t, "the entries are not those of the tile", 0);
        if (fh_tlog_leaf_parse(t->edge.entries[i], FH_TLOG_LEAF_LEN, &leaf) == 0 &&
            leaf.time_ms > t->last_ms)
            t->last_ms = leaf.time_ms;
    }
    return 0;
}

static int read_log(struct fh__tlog *t, char *why, size_t room)
{
    int n = fh__tlog_read(t->dir, checkpoint_path, t->checkpoint, sizeof t->checkpoint);
    struct fh_tlog_checkpoint c = {0};

    if (n == -ENOENT)
        return make_new(t, why, room);
    if (n < 0)
        return fail(why, room, t, checkpoint_path, n);
    t->checkpoint_len = (size_t)n;
    if (read_key(t, why, room) != 0 || read_checkpoint(t, &c, why, room) != 0)
        return -1;
    for (int level = -1; level < FH__TLOG_LEVELS; level++)
        if (read_level(t, c.size, level, why, room) != 0)
            return -1;
    t->edge.size = c.size;
    return check_edge(t, &c, why, room);
}

static void on_soon_closed(uv_handle_t *handle)
{
    struct fh__tlog *t = handle->data;

    if (t->closed)
        t->closed(t->closed_user);
    if (t->dir >= 0)
        close(t->dir);
    free(t->cache);
    sodium_memzero(t->seed, sizeof t->seed);
    free(t);
}

int fh__tlog_open(uv_loop_t *loop, const struct fh__tlog_config *cfg, struct fh__tlog **out,
                  char *why, size_t room)
{
    struct fh__tlog *t = calloc(1, sizeof *t);

    if (!t || !(t->cache = calloc(FH__TLOG_CACHE, sizeof *t->cache))) {
        free(t);
        snprintf(why, room, "out of memory");
        return -1;
    }
    t->loop = loop;
    t->cfg = *cfg;
    t->dir = -1;
    t->waiting.end = &t->waiting.first;
    t->batch.end = &t->batch.first;
    if (open_folder(t, why, room) != 0 || read_log(t, why, room) != 0) {
        if (t->dir >= 0)
            close(t->dir);
        free(t->cache);
        sodium_memzero(t->seed, sizeof t->seed);
        free(t);
        return -1;
    }
    uv_idle_init(loop, &t->soon);
    t->soon.data = t->work.data = t;
    *out = t;
    return 0;
}

void fh__tlog_release(struct fh__tlog *t)
{
    uv_close((uv_handle_t *)&t->soon, on_soon_closed);
}
