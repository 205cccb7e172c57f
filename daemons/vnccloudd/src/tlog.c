/* SPDX-License-Identifier: MIT */
/* tlog.c -- the log: appending in batches, proofs, and what is served. */
#include "tlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "store.h"
#include "tlog_files.h"
#include "tlog_state.h"

int fh__tlog_error(int err)
{
    switch (-err) {
    case 0:
        return 0;
    case ENOSPC:
    case EDQUOT:
        return FH__STORE_E_FULL;
    case EROFS:
    case EACCES:
    case EPERM:
        return FH__STORE_E_READONLY;
    case EFBIG:
        return FH__STORE_E_LIMIT;
    case ENOMEM:
        return FH__STORE_E_NOMEM;
    default:
        return FH__STORE_E_IO;
    }
}

static uint64_t utc_of(const struct fh__tlog *t)
{
    struct timespec now;

    if (t->cfg.utc)
        return t->cfg.utc(t->cfg.user);
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- in the worker ---- */

static int write_tile(struct fh__tlog *t, int level, unsigned width)
{
    uint64_t count = fh__tlog_level_count(t->next.size, level);
    char path[FH_TLOG_TILE_TEXT];

    fh_tlog_tile_path(level, (count - 1) / FH_TLOG_TILE_WIDTH, width, path);
    return fh__tlog_write(t->dir, path, t->next.hashes[level], (size_t)width * FH_TLOG_HASH_LEN);
}

static int write_bundle(struct fh__tlog *t, unsigned width)
{
    uint8_t data[FH__TLOG_BUNDLE_LEN];
    char path[FH_TLOG_TILE_TEXT];
    size_t len = fh__tlog_bundle((const uint8_t(*)[FH_TLOG_LEAF_LEN])t->next.entries, width, data);

    fh_tlog_tile_path(-1, (t->next.size - 1) / FH_TLOG_TILE_WIDTH, width, path);
    return fh__tlog_write(t->dir, path, data, len);
}

/* One leaf, and the tiles that it filled: the edge has no room for them beside the next ones. */
static int append(struct fh__tlog *t, struct fh__tlog_item *item)
{
    struct fh_tlog_leaf leaf = {.kind = item->o.kind, .time_ms = t->last_ms};
    uint8_t data[FH_TLOG_LEAF_LEN];
    int levels, err = 0;

    item->o.index = t->next.size;
    item->o.time_ms = t->last_ms;
    if (item->has_address) {
        fh_tlog_tag(item->address, leaf.tag);
        if ((err = fh__tlog_openings_add(t, item)) != 0)
            return err;
    }
    fh_tlog_commit(item->o.salt, item->o.entry, item->o.entry_len, leaf.commitment);
    fh_tlog_leaf_write(&leaf, data);
    levels = fh__tlog_edge_append(&t->next, data);
    if (levels > 1)
        err = write_bundle(t, FH_TLOG_TILE_WIDTH);
    for (int level = 0; err == 0 && level < levels - 1; level++)
        err = write_tile(t, level, FH_TLOG_TILE_WIDTH);
    return err;
}

/* The tiles that are not full, of the levels that have changed. */
static int write_partial(struct fh__tlog *t)
{
    unsigned width = (unsigned)(t->next.size % FH_TLOG_TILE_WIDTH);
    int err = width ? write_bundle(t, width) : 0;

    for (int level = 0; err == 0 && level < FH__TLOG_LEVELS; level++) {
        uint64_t count = fh__tlog_level_count(t->next.size, level);

        width = (unsigned)(count % FH_TLOG_TILE_WIDTH);
        if (width && count != fh__tlog_level_count(t->edge.size, level))
            err = write_tile(t, level, width);
    }
    return err;
}

static int write_checkpoint(struct fh__tlog *t)
{
    struct fh_tlog_checkpoint c = {.size = t->next.size};
    int n, err;

    fh__tlog_edge_root(&t->next, c.root);
    n = fh_tlog_checkpoint_sign(&t->key, t->seed, &c, t->next_checkpoint,
                                sizeof t->next_checkpoint);
    if (n < 0)
        return -EINVAL;
    t->next_checkpoint_len = (size_t)n;
    err = fh__tlog_write(t->dir, "checkpoint", t->next_checkpoint, t->next_checkpoint_len);
    t->is_lost = err == -ESTALE;
    return err;
}

/* What stood for the last checkpoint only. Full tiles and wider ones have all that is in it. */
static void remove_partial(struct fh__tlog *t)
{
    for (int level = -1; level < FH__TLOG_LEVELS; level++) {
        int counted = level < 0 ? 0 : level;
        uint64_t count = fh__tlog_level_count(t->edge.size, counted);
        unsigned width = (unsigned)(count % FH_TLOG_TILE_WIDTH);
        char path[FH_TLOG_TILE_TEXT];

        if (width == 0 || count == fh__tlog_level_count(t->next.size, counted))
            continue;
        fh_tlog_tile_path(level, count / FH_TLOG_TILE_WIDTH, width, path);
        fh__tlog_remove(t->dir, path);
    }
}

static int write_batch(struct fh__tlog *t)
{
    int err = 0;

    for (struct fh__tlog_item *i = t->batch.first; i && err == 0; i = i->next)
        if (!i->is_forgetting)
            err = append(t, i);
    if (err == 0 && t->next.size != t->edge.size) {
        if ((err = write_partial(t)) != 0 || (err = write_checkpoint(t)) != 0)
            return err;
        remove_partial(t);
    }
    for (struct fh__tlog_item *i = t->batch.first; i && err == 0; i = i->next)
        if (i->is_forgetting)
            fh__tlog_openings_remove(t, i->address);
    return err;
}

static void work(uv_work_t *w)
{
    struct fh__tlog *t = w->data;

    t->next = t->edge;
    t->batch_error = write_batch(t);
}

/* ---- batches ---- */

static void list_add(struct fh__tlog_list *l, struct fh__tlog_item *i)
{
    i->next = NULL;
    *l->end = i;
    l->end = &i->next;
    l->n++;
}

static struct fh__tlog_item *list_take(struct fh__tlog_list *l)
{
    struct fh__tlog_item *i = l->first;

    if (!i)
        return NULL;
    l->first = i->next;
    if (!l->first)
        l->end = &l->first;
    l->n--;
    return i;
}

static void tell(struct fh__tlog *t, struct fh__tlog_item *i, int error)
{
    if (!i->is_forgetting) {
        t->count.appended += error == 0;
        t->count.refused += error != 0;
    }
    if (i->done)
        i->done(i->user, error, i->o.index, i->o.salt);
    sodium_memzero(i, sizeof *i);
    free(i);
}

static void start(struct fh__tlog *t);

static void on_written(uv_work_t *w, int status)
{
    struct fh__tlog *t = w->data;
    int error = status ? FH__STORE_E_CLOSED : fh__tlog_error(t->batch_error);
    struct fh__tlog_item *i;

    t->is_writing = false;
    if (t->is_lost)
        t->count.is_broken = true;
    if (error == 0 && t->next.size != t->edge.size) {
        t->edge = t->next;
        memcpy(t->checkpoint, t->next_checkpoint, t->next_checkpoint_len);
        t->checkpoint_len = t->next_checkpoint_len;
        t->count.checkpoints++;
    }
    /* What is told may ask for more, which waits for the next batch. */
    while ((i = list_take(&t->batch)) != NULL)
        tell(t, i, error);
    start(t);
}

static void on_soon(uv_idle_t *idle)
{
    struct fh__tlog *t = idle->data;
    struct fh__tlog_item *i;
    uint64_t now;

    uv_idle_stop(idle);
    if (t->is_writing)
        return;
    if (t->is_closing || t->count.is_broken) {
        int error = t->is_closing ? FH__STORE_E_CLOSED : FH__STORE_E_IO;

        while ((i = list_take(&t->waiting)) != NULL) {
            if (i->is_forgetting)
                fh__tlog_openings_remove(t, i->address);
            tell(t, i, error);
        }
        if (t->is_closing)
            fh__tlog_release(t);
        return;
    }
    while (t->batch.n < FH__TLOG_BATCH && (i = list_take(&t->waiting)) != NULL)
        list_add(&t->batch, i);
    if (t->batch.n == 0)
        return;
    /* The log's time does not go back, whatever the clock does. */
    now = utc_of(t);
    if (now > t->last_ms)
        t->last_ms = now;
    t->is_writing = true;
    uv_queue_work(t->loop, &t->work, work, on_written);
}

static void start(struct fh__tlog *t)
{
    if (t->is_closing || t->waiting.first)
        uv_idle_start(&t->soon, on_soon);
}

int fh__tlog_append(struct fh__tlog *t, uint8_t kind, const uint8_t *address, const void *entry,
                    size_t len, fh__tlog_done_fn done, void *user)
{
    struct fh__tlog_item *i;

    if (t->is_closing)
        return FH__STORE_E_CLOSED;
    if (kind == 0 || len == 0 || len > FH_TLOG_MAX_ENTRY)
        return FH__STORE_E_LIMIT;
    i = calloc(1, sizeof *i);
    if (!i)
        return FH__STORE_E_NOMEM;
    i->o.kind = kind;
    i->has_address = address != NULL;
    if (address)
        memcpy(i->address, address, sizeof i->address);
    memcpy(i->o.entry, entry, len);
    i->o.entry_len = len;
    randombytes_buf(i->o.salt, sizeof i->o.salt);
    i->done = done;
    i->user = user;
    list_add(&t->waiting, i);
    start(t);
    return 0;
}

int fh__tlog_append_binding(struct fh__tlog *t, const struct fh_tlog_binding *b,
                            fh__tlog_done_fn done, void *user)
{
    uint8_t entry[FH_TLOG_BINDING_LEN];

    fh_tlog_binding_write(b, entry);
    return fh__tlog_append(t, FH_TLOG_BINDING, b->address, entry, sizeof entry, done, user);
}

void fh__tlog_forget(struct fh__tlog *t, const uint8_t address[FH_TLOG_ADDRESS_LEN])
{
    struct fh__tlog_item *i = t->is_closing ? NULL : calloc(1, sizeof *i);

    if (!i)
        return;
    i->is_forgetting = true;
    memcpy(i->address, address, sizeof i->address);
    list_add(&t->waiting, i);
    start(t);
}

void fh__tlog_close(struct fh__tlog *t, void (*closed)(void *user), void *user)
{
    t->is_closing = true;
    t->closed = closed;
    t->closed_user = user;
    if (!t->is_writing)
        start(t);
}

/* ---- reading ---- */

/* All hashes of a full tile; lent until the next call. */
static const uint8_t (*full_tile(struct fh__tlog *t, int level, uint64_t index))[FH_TLOG_HASH_LEN]
{
    struct fh__tlog_cached *c =
        &t->cache[(index * FH__TLOG_LEVELS + (uint64_t)level) % FH__TLOG_CACHE];
    char path[FH_TLOG_TILE_TEXT];

    if (!c->is_set || c->level != level || c->index != index) {
        fh_tlog_tile_path(level, index, FH_TLOG_TILE_WIDTH, path);
        c->is_set = false;
        t->count.tiles_read++;
        if (fh__tlog_read(t->dir, path, c->hashes, sizeof c->hashes) != (int)sizeof c->hashes)
            return NULL;
        c->is_set = true;
        c->level = level;
        c->index = index;
    }
    return (const uint8_t(*)[FH_TLOG_HASH_LEN])c->hashes;
}

/* A tile of what the checkpoint covers: of the edge, or a full one. */
static const uint8_t (*tile(struct fh__tlog *t, int level, uint64_t index))[FH_TLOG_HASH_LEN]
{
    if (index == fh__tlog_level_count(t->edge.size, level) / FH_TLOG_TILE_WIDTH)
        return (const uint8_t(*)[FH_TLOG_HASH_LEN])t->edge.hashes[level];
    return full_tile(t, level, index);
}

static int read_subtree(void *user, unsigned level, uint64_t index, uint8_t out[FH_TLOG_HASH_LEN])
{
    struct fh__tlog *t = user;
    unsigned height = level % 8;
    uint64_t first = index << height;
    const uint8_t(*hashes)[FH_TLOG_HASH_LEN] =
        tile(t, (int)(level / 8), first / FH_TLOG_TILE_WIDTH);

    if (!hashes)
        return FH__STORE_E_IO;
    fh__tlog_tile_root(hashes + first % FH_TLOG_TILE_WIDTH, height, out);
    return 0;
}

/* The entries of a bundle that the checkpoint covers, in out. */
static int read_bundle(struct fh__tlog *t, uint64_t index, uint8_t (*out)[FH_TLOG_LEAF_LEN])
{
    uint8_t data[FH__TLOG_BUNDLE_LEN];
    char path[FH_TLOG_TILE_TEXT];
    int n;

    if (index == t->edge.size / FH_TLOG_TILE_WIDTH) {
        memcpy(out, t->edge.entries, sizeof t->edge.entries);
        return 0;
    }
    fh_tlog_tile_path(-1, index, FH_TLOG_TILE_WIDTH, path);
    n = fh__tlog_read(t->dir, path, data, sizeof data);
    if (n < 0 || fh__tlog_bundle_read(data, (size_t)n, FH_TLOG_TILE_WIDTH, out) != 0)
        return FH__STORE_E_IO;
    return 0;
}

int fh__tlog_entry_at(struct fh__tlog *t, uint64_t index, uint8_t out[FH_TLOG_LEAF_LEN])
{
    static uint8_t entries[FH_TLOG_TILE_WIDTH][FH_TLOG_LEAF_LEN];
    int ret = read_bundle(t, index / FH_TLOG_TILE_WIDTH, entries);

    if (ret == 0)
        memcpy(out, entries[index % FH_TLOG_TILE_WIDTH], FH_TLOG_LEAF_LEN);
    return ret;
}

int fh__tlog_prove(struct fh__tlog *t, uint64_t index, const uint8_t salt[FH_TLOG_SALT_LEN],
                   uint8_t *out, size_t room)
{
    uint8_t path[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN], data[FH_TLOG_LEAF_LEN];
    struct fh_tlog_proof p = {.index = index,
                              .path = path[0],
                              .checkpoint = t->checkpoint,
                              .checkpoint_len = t->checkpoint_len};
    struct fh_tlog_leaf leaf;
    int n;

    if (index >= t->edge.size)
        return FH__STORE_E_NOT_FOUND;
    if (fh__tlog_entry_at(t, index, data) != 0 || fh_tlog_leaf_parse(data, sizeof data, &leaf) != 0)
        return FH__STORE_E_IO;
    n = fh_tlog_prove_inclusion(index, t->edge.size, read_subtree, t, path);
    if (n < 0)
        return FH__STORE_E_IO;
    memcpy(p.salt, salt, sizeof p.salt);
    p.kind = leaf.kind;
    p.time_ms = leaf.time_ms;
    p.path_len = (size_t)n;
    t->count.proofs++;
    n = fh_tlog_proof_write(&p, out, room);
    return n < 0 ? FH__STORE_E_LIMIT : n;
}

int fh__tlog_consistency(struct fh__tlog *t, uint64_t old_size, uint64_t new_size,
                         uint8_t out[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN])
{
    int n;

    if (old_size > new_size || new_size > t->edge.size)
        return FH__STORE_E_NOT_FOUND;
    n = fh_tlog_prove_consistency(old_size, new_size, read_subtree, t, out);
    t->count.proofs++;
    return n < 0 ? FH__STORE_E_IO : n;
}

/* ---- what is served ---- */

static int serve(struct fh__tlog_file *out, const void *body, size_t len, const char *type,
                 const char *cache)
{
    out->body = malloc(len ? len : 1);
    if (!out->body)
        return FH__STORE_E_NOMEM;
    memcpy(out->body, body, len);
    out->len = len;
    out->type = type;
    out->cache = cache;
    return 0;
}

static int serve_entries(struct fh__tlog *t, uint64_t index, unsigned width, const char *cache,
                         struct fh__tlog_file *out)
{
    static uint8_t entries[FH_TLOG_TILE_WIDTH][FH_TLOG_LEAF_LEN];
    uint8_t data[FH__TLOG_BUNDLE_LEN];
    int ret = read_bundle(t, index, entries);

    if (ret != 0)
        return ret;
    return serve(out, data,
                 fh__tlog_bundle((const uint8_t(*)[FH_TLOG_LEAF_LEN])entries, width, data),
                 "application/octet-stream", cache);
}

int fh__tlog_get(struct fh__tlog *t, const char *path, size_t path_len, struct fh__tlog_file *out)
{
    static const char forever[] = "public, max-age=31536000, immutable";
    const uint8_t(*hashes)[FH_TLOG_HASH_LEN];
    unsigned width;
    uint64_t index, count;
    int level;

    if (path_len == strlen("checkpoint") && memcmp(path, "checkpoint", path_len) == 0)
        return serve(out, t->checkpoint, t->checkpoint_len, "text/plain; charset=utf-8",
                     "no-cache");
    if (fh_tlog_tile_parse(path, path_len, &level, &index, &width) != 0)
        return FH__STORE_E_NOT_FOUND;
    count = fh__tlog_level_count(t->edge.size, level < 0 ? 0 : level);
    if (index > count / FH_TLOG_TILE_WIDTH ||
        (index == count / FH_TLOG_TILE_WIDTH && width > count % FH_TLOG_TILE_WIDTH))
        return FH__STORE_E_NOT_FOUND;
    if (level < 0)
        return serve_entries(t, index, width, forever, out);
    hashes = tile(t, level, index);
    if (!hashes)
        return FH__STORE_E_IO;
    return serve(out, hashes, (size_t)width * FH_TLOG_HASH_LEN, "application/octet-stream",
                 forever);
}

const char *fh__tlog_checkpoint(const struct fh__tlog *t, size_t *len)
{
    *len = t->checkpoint_len;
    return t->checkpoint;
}

uint64_t fh__tlog_size(const struct fh__tlog *t)
{
    return t->edge.size;
}

int fh__tlog_vkey(const struct fh__tlog *t, char out[FH_TLOG_VKEY_TEXT])
{
    int n = fh_tlog_key_print(&t->key, out);

    out[n] = '\0';
    return n;
}

void fh__tlog_count(const struct fh__tlog *t, struct fh__tlog_counters *out)
{
    *out = t->count;
}
