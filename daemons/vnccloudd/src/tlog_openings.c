/* SPDX-License-Identifier: MIT */
/*
 * tlog_openings.c -- what opens the leaves, one file for each address: openings/XX/REST of its
 * hexadecimal form. A file is records, u64 index | u8 kind | u64 time | salt[32] | u16 len, entry,
 * and is written anew for each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#include "rd.h"
#include "store.h"
#include "tlog_files.h"
#include "tlog_state.h"
#include "wr.h"

enum { RECORD_MAX = 8 + 1 + 8 + FH_TLOG_SALT_LEN + 2 + FH_TLOG_MAX_ENTRY };

static void path_of(const uint8_t address[FH_TLOG_ADDRESS_LEN], char out[FH__TLOG_PATH])
{
    char hex[2 * FH_TLOG_ADDRESS_LEN + 1];

    sodium_bin2hex(hex, sizeof hex, address, FH_TLOG_ADDRESS_LEN);
    snprintf(out, FH__TLOG_PATH, "openings/%.2s/%s", hex, hex + 2);
}

static void write_record(struct wr *w, const struct fh__tlog_opening *o)
{
    wr_u64(w, o->index);
    wr_u8(w, o->kind);
    wr_u64(w, o->time_ms);
    wr_bytes(w, o->salt, sizeof o->salt);
    wr_u16(w, (uint16_t)o->entry_len);
    wr_bytes(w, o->entry, o->entry_len);
}

static bool read_record(struct rd *r, struct fh__tlog_opening *o)
{
    o->index = rd_u64(r);
    o->kind = rd_u8(r);
    o->time_ms = rd_u64(r);
    rd_copy(r, o->salt, sizeof o->salt);
    o->entry_len = rd_u16(r);
    if (o->entry_len > sizeof o->entry)
        r->bad = true;
    rd_copy(r, o->entry, r->bad ? 0 : o->entry_len);
    return !r->bad;
}

static size_t size_of(const struct fh__tlog_opening *o)
{
    return RECORD_MAX - FH_TLOG_MAX_ENTRY + o->entry_len;
}

/* What must go so that need bytes fit: [1] of bindings, and those only where the others are not
 * enough. Of records from before index; of a batch that was not written, they are another's now. */
static void excess_of(struct rd r, uint64_t index, size_t need, size_t out[2])
{
    size_t sizes[2] = {0, 0}, all;
    struct fh__tlog_opening o;

    while (r.left > 0 && read_record(&r, &o))
        if (o.index < index)
            sizes[o.kind == FH_TLOG_BINDING] += size_of(&o);
    all = sizes[0] + sizes[1] + need;
    all = all > FH__TLOG_OPENINGS ? all - FH__TLOG_OPENINGS : 0;
    out[0] = all < sizes[0] ? all : sizes[0];
    out[1] = all - out[0];
}

/* Who has had an address changed without end has its oldest openings no more; but all is logged,
 * and nobody else whose entry is in this batch waits for that. */
int fh__tlog_openings_add(struct fh__tlog *t, const struct fh__tlog_item *item)
{
    uint8_t *old = malloc(FH__TLOG_OPENINGS), *fresh = malloc(FH__TLOG_OPENINGS);
    struct wr w = wr_init(fresh, FH__TLOG_OPENINGS);
    struct fh__tlog_opening o;
    char path[FH__TLOG_PATH];
    struct rd r;
    size_t excess[2];
    int n = -ENOMEM;

    if (!old || !fresh)
        goto out;
    path_of(item->address, path);
    n = fh__tlog_read(t->dir, path, old, FH__TLOG_OPENINGS);
    if (n < 0 && n != -ENOENT)
        goto out;
    r = rd_init(old, n > 0 ? (size_t)n : 0);
    excess_of(r, item->o.index, size_of(&item->o), excess);
    while (r.left > 0 && read_record(&r, &o)) {
        size_t *more = &excess[o.kind == FH_TLOG_BINDING], size = size_of(&o);

        if (o.index < item->o.index && *more == 0)
            write_record(&w, &o);
        else if (o.index < item->o.index)
            *more -= size < *more ? size : *more;
    }
    write_record(&w, &item->o);
    n = w.bad ? -EFBIG : fh__tlog_write(t->dir, path, fresh, w.len);
out:
    free(old);
    free(fresh);
    return n;
}

void fh__tlog_openings_remove(struct fh__tlog *t, const uint8_t address[FH_TLOG_ADDRESS_LEN])
{
    char path[FH__TLOG_PATH];

    path_of(address, path);
    fh__tlog_remove(t->dir, path);
}

/* Does it open the leaf of its index? */
static bool is_borne_out(struct fh__tlog *t, const uint8_t address[FH_TLOG_ADDRESS_LEN],
                         const struct fh__tlog_opening *o)
{
    uint8_t data[FH_TLOG_LEAF_LEN], tag[FH_TLOG_TAG_LEN], commitment[FH_TLOG_HASH_LEN];
    struct fh_tlog_leaf leaf;

    if (o->index >= t->edge.size || fh__tlog_entry_at(t, o->index, data) != 0 ||
        fh_tlog_leaf_parse(data, sizeof data, &leaf) != 0)
        return false;
    fh_tlog_tag(address, tag);
    fh_tlog_commit(o->salt, o->entry, o->entry_len, commitment);
    return leaf.kind == o->kind && leaf.time_ms == o->time_ms &&
           memcmp(leaf.tag, tag, sizeof tag) == 0 &&
           memcmp(leaf.commitment, commitment, sizeof commitment) == 0;
}

int fh__tlog_openings(struct fh__tlog *t, const uint8_t address[FH_TLOG_ADDRESS_LEN],
                      void (*each)(void *user, const struct fh__tlog_opening *o), void *user)
{
    uint8_t *data = malloc(FH__TLOG_OPENINGS);
    struct fh__tlog_opening o;
    char path[FH__TLOG_PATH];
    int n = FH__STORE_E_NOMEM, found = 0;
    struct rd r;

    if (!data)
        return n;
    path_of(address, path);
    n = fh__tlog_read(t->dir, path, data, FH__TLOG_OPENINGS);
    r = rd_init(data, n > 0 ? (size_t)n : 0);
    while (r.left > 0 && read_record(&r, &o))
        if (is_borne_out(t, address, &o)) {
            each(user, &o);
            found++;
        }
    free(data);
    if (n == -ENOENT)
        return 0;
    return n < 0 || r.bad ? FH__STORE_E_IO : found;
}

/* ---- JSON ---- */

static const char *kind_name(uint8_t kind)
{
    static const char *const names[] = {
        [FH_TLOG_BINDING] = "binding",   [FH_TLOG_RESET] = "reset",
        [FH_TLOG_REMOVAL] = "removal",   [FH_TLOG_POLICY] = "policy",
        [FH_TLOG_OPERATOR] = "operator",
    };

    return kind > 0 && kind < sizeof names / sizeof *names ? names[kind] : "other";
}

struct rendering {
    json_t *array;
    bool failed;
};

static void render(void *user, const struct fh__tlog_opening *o)
{
    char salt[2 * FH_TLOG_SALT_LEN + 1], entry[2 * FH_TLOG_MAX_ENTRY + 1];
    struct rendering *r = user;
    json_t *object;

    sodium_bin2hex(salt, sizeof salt, o->salt, sizeof o->salt);
    sodium_bin2hex(entry, sizeof entry, o->entry, o->entry_len);
    object =
        json_pack("{s:I, s:s, s:I, s:s, s:s}", "index", (json_int_t)o->index, "kind",
                  kind_name(o->kind), "time", (json_int_t)o->time_ms, "salt", salt, "entry", entry);
    if (json_array_append_new(r->array, object) != 0)
        r->failed = true;
}

char *fh__tlog_openings_json(struct fh__tlog *t, const uint8_t address[FH_TLOG_ADDRESS_LEN],
                             int *error)
{
    struct rendering r = {.array = json_array()};
    int n = r.array ? fh__tlog_openings(t, address, render, &r) : FH__STORE_E_NOMEM;
    char *text = n >= 0 && !r.failed ? json_dumps(r.array, JSON_COMPACT) : NULL;

    json_decref(r.array);
    *error = text ? 0 : n < 0 ? n : FH__STORE_E_NOMEM;
    return text;
}

int fh__tlog_append_line(struct fh__tlog *t, uint8_t kind, const uint8_t *address, const char *line,
                         size_t len, fh__tlog_done_fn done, void *user)
{
    uint8_t entry[FH_TLOG_MAX_ENTRY], hash[crypto_hash_sha256_BYTES];
    char label[48], short_form[7 + 2 * sizeof hash + 1] = "sha256:";
    struct wr w = wr_init(entry, sizeof entry);
    int n = snprintf(label, sizeof label, "farhand log %s 1", kind_name(kind));

    wr_bytes(&w, label, (size_t)n + 1);
    if (address)
        wr_bytes(&w, address, FH_TLOG_ADDRESS_LEN);
    if (len > w.cap - w.len) {
        crypto_hash_sha256(hash, (const uint8_t *)line, len);
        sodium_bin2hex(short_form + 7, sizeof short_form - 7, hash, sizeof hash);
        line = short_form;
        len = sizeof short_form - 1;
    }
    wr_bytes(&w, line, len);
    return fh__tlog_append(t, kind, address, entry, w.len, done, user);
}
