/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <sodium.h>

enum { FILE_MAX = 64 << 20, PATH_ROOM = 4096 };

static bool read_hex(const json_t *value, uint8_t *out, size_t len)
{
    const char *text = json_string_value(value);
    size_t got = 0;

    return text && strlen(text) == 2 * len &&
           sodium_hex2bin(out, len, text, strlen(text), NULL, &got, NULL) == 0 && got == len;
}

/* ---- reading ---- */

static int read_tree(const json_t *peaks, struct fh_tlog_tree *t)
{
    size_t at = 0;

    for (unsigned i = 0; i < 63; i++)
        if (t->size >> i & 1 && !read_hex(json_array_get(peaks, at++), t->peak[i], 32))
            return -1;
    return at == json_array_size(peaks) ? 0 : -1;
}

static int read_leaf(const json_t *l, struct fh__watched *w, uint64_t size, bool again)
{
    const json_t *index = json_object_get(l, "index");
    uint8_t data[FH_TLOG_LEAF_LEN];
    struct fh_tlog_leaf leaf;
    int whose;

    if (!json_is_integer(index) || (uint64_t)json_integer_value(index) >= size ||
        !read_hex(json_object_get(l, "leaf"), data, sizeof data) ||
        fh_tlog_leaf_parse(data, sizeof data, &leaf) != 0)
        return -1;
    whose = fh__watched_find(w, leaf.tag);
    /* Read again it is found again. */
    if (whose < 0 || again)
        return 0;
    return fh__watched_add(w, (uint64_t)json_integer_value(index), &leaf, (size_t)whose);
}

/* Was each address watched then? By its tag: the state does not need the addresses. */
static bool all_watched(const json_t *tags, const struct fh__watched *w)
{
    char tag[2 * FH_TLOG_TAG_LEN + 1];
    const json_t *value;
    size_t i;

    for (size_t a = 0; a < w->n; a++) {
        bool found = false;

        sodium_bin2hex(tag, sizeof tag, w->addresses[a].tag, FH_TLOG_TAG_LEN);
        json_array_foreach(tags, i, value) found |=
            json_is_string(value) && strcmp(json_string_value(value), tag) == 0;
        if (!found)
            return false;
    }
    return true;
}

static int read_state(const json_t *root, const struct fh_tlog_key *key, struct fh__followed *kept,
                      struct fh__watched *w, bool *again)
{
    const char *note = json_string_value(json_object_get(root, "checkpoint"));
    uint8_t tree_root[FH_TLOG_HASH_LEN];
    struct fh_tlog_checkpoint c;
    const json_t *leaf;
    size_t i;

    if (!note || strlen(note) > sizeof kept->note)
        return -1;
    kept->note_len = strlen(note);
    memcpy(kept->note, note, kept->note_len);
    if (fh_tlog_checkpoint_open(key, note, kept->note_len, &c) != 0)
        return -1;
    kept->tree.size = c.size;
    if (read_tree(json_object_get(root, "tree"), &kept->tree) != 0)
        return -1;
    fh_tlog_tree_root(&kept->tree, tree_root);
    if (memcmp(tree_root, c.root, sizeof tree_root) != 0)
        return -1;
    *again = !all_watched(json_object_get(root, "watched"), w);
    json_array_foreach(json_object_get(root, "leaves"), i,
                       leaf) if (read_leaf(leaf, w, c.size, *again) != 0) return -1;
    return 0;
}

int fh__state_parse(const char *text, size_t len, const struct fh_tlog_key *key,
                    struct fh__followed *kept, struct fh__watched *w, bool *again)
{
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    int ret;

    memset(kept, 0, sizeof *kept);
    *again = false;
    ret = read_state(root, key, kept, w, again);
    json_decref(root);
    return ret;
}

/* ---- writing ---- */

static json_t *hex(const uint8_t *data, size_t len)
{
    char text[2 * FH_TLOG_LEAF_LEN + 1];

    sodium_bin2hex(text, sizeof text, data, len);
    return json_string(text);
}

char *fh__state_print(const struct fh_tlog_key *key, const struct fh__followed *f,
                      const struct fh__watched *w)
{
    json_t *tree = json_array(), *tags = json_array(), *leaves = json_array(), *root;
    char vkey[FH_TLOG_VKEY_TEXT], *text;
    uint8_t data[FH_TLOG_LEAF_LEN];
    int bad = 0;

    vkey[fh_tlog_key_print(key, vkey)] = '\0';
    for (unsigned i = 0; i < 63; i++)
        if (f->tree.size >> i & 1)
            bad |= json_array_append_new(tree, hex(f->tree.peak[i], FH_TLOG_HASH_LEN));
    for (size_t i = 0; i < w->n; i++)
        bad |= json_array_append_new(tags, hex(w->addresses[i].tag, FH_TLOG_TAG_LEN));
    for (size_t i = 0; i < w->leaves_len; i++) {
        fh_tlog_leaf_write(&w->leaves[i].leaf, data);
        bad |= json_array_append_new(leaves, json_pack("{s:I, s:o}", "index",
                                                       (json_int_t)w->leaves[i].index, "leaf",
                                                       hex(data, sizeof data)));
    }
    root = json_pack("{s:s, s:s%, s:o, s:o, s:o}", "log", vkey, "checkpoint", f->note, f->note_len,
                     "tree", tree, "watched", tags, "leaves", leaves);
    text = bad ? NULL : json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    return text;
}

/* ---- files ---- */

char *fh__file_read(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = NULL;
    size_t n = 0;
    struct stat st;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && st.st_size <= FILE_MAX && (text = malloc((size_t)st.st_size + 1)))
        while (n < (size_t)st.st_size) {
            ssize_t got = read(fd, text + n, (size_t)st.st_size - n);

            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                break;
            n += (size_t)got;
        }
    close(fd);
    *len = n;
    return text;
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return fsync(fd);
}

int fh__file_write(const char *path, const char *text, size_t len)
{
    char fresh[PATH_ROOM];
    int fd, ret, err;

    if ((size_t)snprintf(fresh, sizeof fresh, "%s.new", path) >= sizeof fresh) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    ret = write_all(fd, text, len);
    err = errno;
    if (close(fd) != 0 || ret != 0 || rename(fresh, path) != 0) {
        errno = ret != 0 ? err : errno;
        unlink(fresh);
        return -1;
    }
    return 0;
}
