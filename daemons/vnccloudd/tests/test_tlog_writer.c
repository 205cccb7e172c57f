/* SPDX-License-Identifier: MIT */
/* The log on a disk that fails, fills up or loses its power at any moment. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <jansson.h>

#include "store.h"
#include "tlog.h"
#include "tlog_edge.h"

/* ---- the disk ---- */

enum fault { NONE, CRASH, FULL, NO_SYNC };

static enum fault fault;
static int operations, fault_at; /* the operation at which it happens, from 1 */
static int unsynced_files, unsynced_names;

static bool is_time(void)
{
    return fault != NONE && ++operations == fault_at;
}

static ssize_t disk_write(int fd, const void *data, size_t len)
{
    unsynced_files++;
    if (is_time()) {
        if (fault == FULL) {
            errno = ENOSPC;
            return -1;
        }
        if (write(fd, data, len / 2) < 0 || fault == CRASH)
            _exit(1);
        return (ssize_t)(len / 2);
    }
    return write(fd, data, len);
}

static int disk_fsync(int fd)
{
    struct stat st;

    if (is_time() && fault == CRASH)
        _exit(1);
    fstat(fd, &st);
    if (S_ISDIR(st.st_mode))
        unsynced_names = 0;
    else
        unsynced_files = 0;
    if (fault == NO_SYNC && S_ISDIR(st.st_mode) && operations == fault_at) {
        errno = EIO;
        return -1;
    }
    return fsync(fd);
}

static int disk_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    /* What a checkpoint covers is on the disk, under its names, before the checkpoint is. */
    ck_assert_int_eq(unsynced_files, 0);
    ck_assert_int_eq(unsynced_names, 0);
    if (is_time() && fault == CRASH)
        _exit(1);
    if (fault == NO_SYNC && strcmp(to, "checkpoint") == 0)
        fault_at = operations + 1; /* the fsync() of its folder, two lines on */
    unsynced_names++;
    return renameat(from_dir, from, to_dir, to);
}

static int disk_mkdirat(int dir, const char *path, mode_t mode)
{
    int ret;

    if (is_time()) {
        if (fault == CRASH)
            _exit(1);
        errno = ENOSPC;
        return -1;
    }
    ret = mkdirat(dir, path, mode);
    unsynced_names += ret == 0;
    return ret;
}

#define write disk_write
#define fsync disk_fsync
#define renameat disk_renameat
#define mkdirat disk_mkdirat
#include "../src/tlog_files.c"
#undef write
#undef fsync
#undef renameat
#undef mkdirat

/* ---- the log ---- */

static char folder[64];
static uv_loop_t loop;
static struct fh__tlog *tlog;
static struct fh_tlog_key key;
static uint64_t utc_ms;

struct appended {
    int done, error;
    uint64_t index;
    uint8_t salt[FH_TLOG_SALT_LEN];
    struct fh_tlog_binding binding;
};

static uint64_t utc(void *user)
{
    (void)user;
    return utc_ms;
}

static int try_open(const char *name, char *why, size_t room)
{
    struct fh__tlog_config cfg = {.folder = folder, .name = name, .utc = utc};

    return fh__tlog_open(&loop, &cfg, &tlog, why, room);
}

static void open_log(void)
{
    char why[300] = "", vkey[FH_TLOG_VKEY_TEXT];
    int n;

    uv_loop_init(&loop);
    if (try_open("cloud.example", why, sizeof why) != 0)
        ck_abort_msg("%s", why);
    n = fh__tlog_vkey(tlog, vkey);
    ck_assert_int_eq(fh_tlog_key_parse(vkey, (size_t)n, &key), 0);
}

static void close_log(void)
{
    fh__tlog_close(tlog, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    tlog = NULL;
}

static void setup(void)
{
    fault = NONE;
    operations = fault_at = unsynced_files = unsynced_names = 0;
    utc_ms = 1700000000000;
    /* What is asked of the disk is seen here; a file system in memory answers sooner. */
    snprintf(folder, sizeof folder, "%s/test-tlog-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    open_log();
}

/* In the log's folder. */
static void shell(const char *what)
{
    char command[400];

    snprintf(command, sizeof command, "cd '%s' && %s", folder, what);
    ck_assert_int_eq(system(command), 0);
}

static void teardown(void)
{
    if (tlog)
        close_log();
    shell("rm -rf -- \"$PWD\"");
}

static void on_done(void *user, int error, uint64_t index, const uint8_t salt[FH_TLOG_SALT_LEN])
{
    struct appended *a = user;

    a->done++;
    a->error = error;
    a->index = index;
    memcpy(a->salt, salt, sizeof a->salt);
}

static void append_one(struct appended *a, unsigned number)
{
    memset(a, 0, sizeof *a);
    memcpy(a->binding.address, &number, sizeof number);
    memset(a->binding.fingerprint, 0xf1, sizeof a->binding.fingerprint);
    a->binding.seal_key[number % 32] = 1;
    ck_assert_int_eq(fh__tlog_append_binding(tlog, &a->binding, on_done, a), 0);
    ck_assert_int_eq(a->done, 0);
}

static void until_done(const struct appended *a)
{
    while (!a->done)
        uv_run(&loop, UV_RUN_ONCE);
    ck_assert_int_eq(a->done, 1);
}

static struct fh_tlog_checkpoint checkpoint(void)
{
    struct fh_tlog_checkpoint c;
    size_t len;
    const char *note = fh__tlog_checkpoint(tlog, &len);

    ck_assert_int_eq(fh_tlog_checkpoint_open(&key, note, len, &c), 0);
    ck_assert_uint_eq(c.size, fh__tlog_size(tlog));
    return c;
}

static void assert_proven(const struct appended *a)
{
    uint8_t wire[FH_TLOG_MAX_PROOF_LEN];
    struct fh_tlog_checkpoint c;
    struct fh_tlog_proof p;
    int n = fh__tlog_prove(tlog, a->index, a->salt, wire, sizeof wire);

    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(fh_tlog_proof_parse(wire, (size_t)n, &p), 0);
    ck_assert_int_eq(fh_tlog_proof_check(&p, &key, &a->binding, &c), 0);
    ck_assert_uint_eq(c.size, fh__tlog_size(tlog));
}

static void assert_grew_from(const struct fh_tlog_checkpoint *old)
{
    uint8_t path[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN];
    struct fh_tlog_checkpoint c = checkpoint();
    int n = fh__tlog_consistency(tlog, old->size, c.size, path);

    ck_assert_int_ge(n, 0);
    ck_assert_int_eq(
        fh_tlog_check_consistency(old->size, old->root, c.size, c.root, path[0], (size_t)n), 0);
}

static struct fh__tlog_file get(const char *path, int result)
{
    struct fh__tlog_file f = {0};

    ck_assert_int_eq(fh__tlog_get(tlog, path, strlen(path), &f), result);
    return f;
}

/* All leaves as they are served: the tree that anybody computes of them. */
static void assert_served(void)
{
    struct fh_tlog_checkpoint c = checkpoint();
    struct fh_tlog_tree tree = {0};
    uint8_t hash[FH_TLOG_HASH_LEN];

    for (uint64_t at = 0; at < c.size; at += FH_TLOG_TILE_WIDTH) {
        unsigned width = c.size - at < FH_TLOG_TILE_WIDTH ? (unsigned)(c.size - at) : 256;
        char path[FH_TLOG_TILE_TEXT];
        struct fh__tlog_file bundle, tile;

        fh_tlog_tile_path(-1, at / FH_TLOG_TILE_WIDTH, width, path);
        bundle = get(path, 0);
        fh_tlog_tile_path(0, at / FH_TLOG_TILE_WIDTH, width, path);
        tile = get(path, 0);
        ck_assert_uint_eq(bundle.len, width * (2 + FH_TLOG_LEAF_LEN));
        ck_assert_uint_eq(tile.len, width * FH_TLOG_HASH_LEN);
        for (unsigned i = 0; i < width; i++) {
            fh_tlog_hash_leaf(bundle.body + i * (2 + FH_TLOG_LEAF_LEN) + 2, FH_TLOG_LEAF_LEN, hash);
            ck_assert_mem_eq(hash, tile.body + i * FH_TLOG_HASH_LEN, FH_TLOG_HASH_LEN);
            fh_tlog_tree_append(&tree, hash);
        }
        free(bundle.body);
        free(tile.body);
    }
    fh_tlog_tree_root(&tree, hash);
    ck_assert_mem_eq(hash, c.root, sizeof hash);
}

START_TEST(a_new_log_is_empty_and_has_its_key)
{
    struct fh_tlog_checkpoint c = checkpoint();
    struct fh__tlog_file f = get("checkpoint", 0);
    char vkey[FH_TLOG_VKEY_TEXT], again[FH_TLOG_VKEY_TEXT];

    ck_assert_uint_eq(c.size, 0);
    ck_assert_int_eq(fh_tlog_checkpoint_open(&key, (char *)f.body, f.len, &c), 0);
    ck_assert_str_eq(f.cache, "no-cache");
    free(f.body);
    fh__tlog_vkey(tlog, vkey);
    close_log();
    open_log();
    fh__tlog_vkey(tlog, again);
    ck_assert_str_eq(vkey, again);
    shell("test $(stat -c %a key) = 600");
}
END_TEST

/* One by one, in twos and threes and all at once, over the ends of tiles, with restarts. */
START_TEST(what_is_appended_is_proven_to_everybody)
{
    enum { ALL = 600 };
    static struct appended a[ALL];
    struct fh_tlog_checkpoint old[40], first = checkpoint();
    size_t olds = 0;

    for (unsigned at = 0, n = 1; at < ALL; at += n, n = (n * 3 + 1) % 97) {
        if (n > ALL - at)
            n = ALL - at;
        for (unsigned i = 0; i < n; i++)
            append_one(&a[at + i], at + i);
        for (unsigned i = 0; i < n; i++) {
            until_done(&a[at + i]);
            ck_assert_int_eq(a[at + i].error, 0);
            ck_assert_uint_eq(a[at + i].index, at + i);
        }
        assert_proven(&a[at]);
        assert_proven(&a[at / 2]);
        assert_served();
        if (olds < 40)
            old[olds++] = checkpoint();
        if (at % 3 == 0) {
            close_log();
            open_log();
        }
    }
    for (size_t i = 0; i < ALL; i++)
        assert_proven(&a[i]);
    for (size_t i = 0; i < olds; i++)
        assert_grew_from(&old[i]);
    assert_grew_from(&first);
    ck_assert_uint_eq(fh__tlog_size(tlog), ALL);
    /* Of the tiles that were not full only the last ones are left. */
    shell("test \"$(find tile -type f | sort | tr '\\n' ' ')\" = 'tile/0/000 tile/0/001 "
          "tile/0/002.p/88 tile/1/000.p/2 tile/entries/000 tile/entries/001 "
          "tile/entries/002.p/88 '");
}
END_TEST

START_TEST(appends_that_wait_go_together)
{
    static struct appended a[300];
    struct fh__tlog_counters c;

    for (unsigned i = 0; i < 300; i++)
        append_one(&a[i], i);
    until_done(&a[299]);
    fh__tlog_count(tlog, &c);
    ck_assert_uint_eq(c.appended, 300);
    ck_assert_uint_eq(c.checkpoints, 2);
    assert_served();
}
END_TEST

START_TEST(the_time_of_the_log_does_not_go_back)
{
    struct appended a[2];
    uint8_t wire[FH_TLOG_MAX_PROOF_LEN];
    struct fh_tlog_proof p;

    for (int i = 0; i < 2; i++) {
        append_one(&a[i], (unsigned)i);
        until_done(&a[i]);
        close_log();
        utc_ms -= 1000000;
        open_log();
    }
    for (int i = 0; i < 2; i++) {
        int n = fh__tlog_prove(tlog, a[i].index, a[i].salt, wire, sizeof wire);

        ck_assert_int_eq(fh_tlog_proof_parse(wire, (size_t)n, &p), 0);
        ck_assert_uint_eq(p.time_ms, 1700000000000);
    }
}
END_TEST

START_TEST(only_what_the_checkpoint_covers_is_served)
{
    static struct appended a[260];
    static const char *const not_there[] = {"",
                                            "/",
                                            "key",
                                            "checkpoint/",
                                            "tile/0/000.p/0",
                                            "tile/0/001.p/5",
                                            "tile/0/001",
                                            "tile/1/000",
                                            "tile/1/000.p/2",
                                            "tile/2/000.p/1",
                                            "tile/entries/001.p/5",
                                            "tile/entries/002",
                                            "openings/00/00",
                                            "../key",
                                            "tile/0/../../key",
                                            "tile/0/x001/000"};
    struct fh__tlog_file f, whole;

    for (unsigned i = 0; i < 260; i++)
        append_one(&a[i], i);
    until_done(&a[259]);
    for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++)
        get(not_there[i], FH__STORE_E_NOT_FOUND);
    /* Who asks by an older checkpoint gets what it covered. */
    whole = get("tile/0/000", 0);
    f = get("tile/0/000.p/17", 0);
    ck_assert_uint_eq(f.len, 17 * FH_TLOG_HASH_LEN);
    ck_assert_mem_eq(f.body, whole.body, f.len);
    free(f.body);
    f = get("tile/entries/001.p/3", 0);
    ck_assert_uint_eq(f.len, 3 * (2 + FH_TLOG_LEAF_LEN));
    free(f.body);
    free(whole.body);
    f = get("tile/1/000.p/1", 0);
    ck_assert_uint_eq(f.len, FH_TLOG_HASH_LEN);
    free(f.body);
}
END_TEST

/* What the child told before it died, and what it left on the disk. */
static void crash_once(int at, unsigned number)
{
    struct {
        struct appended a;
        struct fh_tlog_checkpoint c;
    } told[3];
    struct fh_tlog_checkpoint before = checkpoint();
    int pipes[2], status;
    size_t n = 0;
    pid_t child;

    close_log();
    ck_assert_int_eq(pipe(pipes), 0);
    child = fork();
    if (child == 0) {
        fault = CRASH;
        fault_at = at;
        open_log();
        for (unsigned i = 0; i < 3; i++) {
            append_one(&told[0].a, number + i);
            until_done(&told[0].a);
            told[0].c = checkpoint();
            if (write(pipes[1], told, sizeof *told) < 0)
                _exit(2);
        }
        _exit(0);
    }
    close(pipes[1]);
    while (n < 3 && read(pipes[0], &told[n], sizeof *told) == (ssize_t)sizeof *told)
        n++;
    close(pipes[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
    ck_assert(WEXITSTATUS(status) == 1 || n == 3);
    open_log();
    assert_grew_from(&before);
    ck_assert_uint_ge(fh__tlog_size(tlog), before.size + n);
    ck_assert_uint_le(fh__tlog_size(tlog), before.size + n + 1);
    for (size_t i = 0; i < n; i++) {
        assert_grew_from(&told[i].c);
        assert_proven(&told[i].a);
    }
}

START_TEST(a_crash_at_any_moment_loses_nothing_that_was_told)
{
    static struct appended a[245];

    for (unsigned i = 0; i < 245; i++)
        append_one(&a[i], i);
    until_done(&a[244]);
    /* Each operation of three appends, over the end of a tile: after 60 there is none left. */
    for (int at = 1; at < 66; at++) {
        struct appended more;

        crash_once(at, (unsigned)at);
        append_one(&more, 1000 + (unsigned)at);
        until_done(&more);
        ck_assert_int_eq(more.error, 0);
        assert_proven(&more);
        assert_served();
    }
    for (unsigned i = 0; i < 245; i++)
        assert_proven(&a[i]);
}
END_TEST

START_TEST(a_full_disk_refuses_and_leaves_all_as_it_was)
{
    static struct appended a[250];
    struct fh_tlog_checkpoint before;
    struct appended refused, more;
    int refusals = 0;

    for (unsigned i = 0; i < 250; i++)
        append_one(&a[i], i);
    until_done(&a[249]);
    for (int at = 1; at < 40; at++) {
        before = checkpoint();
        operations = 0;
        fault_at = at;
        fault = FULL;
        append_one(&refused, 1);
        until_done(&refused);
        fault = NONE;
        if (refused.error) {
            ck_assert_int_eq(refused.error, FH__STORE_E_FULL);
            ck_assert_uint_eq(checkpoint().size, before.size);
            refusals++;
        } else {
            assert_proven(&refused);
        }
        if (at % 2) {
            close_log();
            open_log();
        }
        append_one(&more, 2);
        until_done(&more);
        ck_assert_int_eq(more.error, 0);
        assert_proven(&more);
        assert_grew_from(&before);
        assert_served();
    }
    ck_assert_int_gt(refusals, 3);
    for (unsigned i = 0; i < 250; i++)
        assert_proven(&a[i]);
}
END_TEST

/* Nobody knows whether the new checkpoint would outlast a loss of power: nobody hears of it. */
START_TEST(a_checkpoint_that_may_get_lost_is_not_told)
{
    struct fh_tlog_checkpoint before;
    struct fh__tlog_counters c;
    struct appended a;

    append_one(&a, 1);
    until_done(&a);
    before = checkpoint();
    operations = 0;
    fault = NO_SYNC;
    append_one(&a, 2);
    until_done(&a);
    fault = NONE;
    ck_assert_int_eq(a.error, FH__STORE_E_IO);
    ck_assert_uint_eq(checkpoint().size, before.size);
    fh__tlog_count(tlog, &c);
    ck_assert(c.is_broken);
    append_one(&a, 3);
    until_done(&a);
    ck_assert_int_eq(a.error, FH__STORE_E_IO);
    close_log();
    open_log();
    ck_assert_uint_eq(checkpoint().size, before.size + 1);
    assert_grew_from(&before);
    append_one(&a, 3);
    until_done(&a);
    ck_assert_int_eq(a.error, 0);
}
END_TEST

static void refuses(const char *damage, const char *reason)
{
    static struct appended a[300];
    char why[300] = "";

    for (unsigned i = 0; i < 300; i++)
        append_one(&a[i], i);
    until_done(&a[299]);
    close_log();
    shell(damage);
    uv_loop_init(&loop);
    ck_assert_int_eq(try_open("cloud.example", why, sizeof why), -1);
    if (!strstr(why, reason))
        ck_abort_msg("%s", why);
    tlog = NULL;
    uv_loop_close(&loop);
}

static const struct {
    const char *damage, *reason;
} damages[] = {
    {"rm checkpoint", "missing"},
    {"rm key", "key"},
    {"rm checkpoint key", "missing"},
    {"printf 12345678901234567890123456789012 >key", "was its name or its key changed"},
    {"printf 1 >key", "32 bytes"},
    {"sed -i s/300/299/ checkpoint", "was its name or its key changed"},
    {"rm tile/0/001.p/44", "No such file"},
    {"rm tile/1/000.p/1", "No such file"},
    {"printf x >>tile/0/001.p/44", "length"},
    {"printf xxxxxxxx | dd conv=notrunc status=none of=tile/0/001.p/44", "not those of the "
                                                                         "checkpoint"},
    {"printf x | dd bs=1 seek=9 conv=notrunc status=none of=tile/entries/001.p/44",
     "not those of the tile"},
    {"printf x | dd bs=1 conv=notrunc status=none of=tile/entries/001.p/44", "damaged"},
};

START_TEST(a_damaged_log_is_not_written_to)
{
    refuses(damages[_i].damage, damages[_i].reason);
}
END_TEST

START_TEST(two_do_not_write_one_log)
{
    struct fh__tlog *first = tlog;
    char why[300] = "";

    ck_assert_int_eq(try_open("cloud.example", why, sizeof why), -1);
    ck_assert_ptr_nonnull(strstr(why, "another process"));
    tlog = first;
}
END_TEST

START_TEST(a_cloud_that_changed_its_name_is_told)
{
    char why[300] = "";

    close_log();
    uv_loop_init(&loop);
    ck_assert_int_eq(try_open("other.example", why, sizeof why), -1);
    ck_assert_ptr_nonnull(strstr(why, "was its name"));
    ck_assert_int_eq(try_open("a name", why, sizeof why), -1);
    ck_assert_ptr_nonnull(strstr(why, "spaces"));
    uv_loop_close(&loop);
    tlog = NULL;
}
END_TEST

/* ---- openings ---- */

struct opened {
    int n;
    struct fh__tlog_opening o[4];
};

static void on_opening(void *user, const struct fh__tlog_opening *o)
{
    struct opened *all = user;

    ck_assert_int_lt(all->n, 4);
    all->o[all->n++] = *o;
}

START_TEST(the_owner_of_an_address_can_open_what_was_logged)
{
    struct appended a, other, line = {0};
    struct opened all = {0};
    struct fh_tlog_binding b;
    char *text, longest[3000];
    json_t *json;
    int error;

    append_one(&a, 7);
    append_one(&other, 8);
    ck_assert_int_eq(fh__tlog_append_line(tlog, FH_TLOG_RESET, a.binding.address, "{\"a\":1}", 7,
                                          on_done, &line),
                     0);
    until_done(&line);
    ck_assert_int_eq(fh__tlog_openings(tlog, a.binding.address, on_opening, &all), 2);
    ck_assert_int_eq(fh_tlog_binding_parse(all.o[0].entry, all.o[0].entry_len, &b), 0);
    ck_assert_mem_eq(&b, &a.binding, sizeof b);
    ck_assert_mem_eq(all.o[0].salt, a.salt, sizeof a.salt);
    ck_assert_uint_eq(all.o[1].index, 2);
    ck_assert_uint_eq(all.o[1].kind, FH_TLOG_RESET);
    ck_assert_uint_eq(all.o[1].entry_len, 20 + 12 + 7);
    ck_assert_mem_eq(all.o[1].entry, "farhand log reset 1", 20);

    memset(longest, 'x', sizeof longest);
    memset(&line, 0, sizeof line);
    ck_assert_int_eq(fh__tlog_append_line(tlog, FH_TLOG_POLICY, a.binding.address, longest,
                                          sizeof longest, on_done, &line),
                     0);
    until_done(&line);
    text = fh__tlog_openings_json(tlog, a.binding.address, &error);
    ck_assert_ptr_nonnull(text);
    json = json_loads(text, 0, NULL);
    free(text);
    ck_assert_uint_eq(json_array_size(json), 3);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json, 2), "kind")), "policy");
    json_decref(json);

    fh__tlog_forget(tlog, a.binding.address);
    close_log();
    open_log();
    memset(&all, 0, sizeof all);
    ck_assert_int_eq(fh__tlog_openings(tlog, a.binding.address, on_opening, &all), 0);
    ck_assert_int_eq(fh__tlog_openings(tlog, other.binding.address, on_opening, &all), 1);
}
END_TEST

static void count_kind(void *user, const struct fh__tlog_opening *o)
{
    unsigned *n = user;

    n[o->kind == FH_TLOG_BINDING]++;
}

/* Somebody has his address changed again and again: nobody else pays for that. */
START_TEST(whose_openings_are_too_many_loses_the_oldest_of_them)
{
    static char line[1900];
    static struct appended a[700], mine, other;
    unsigned n[2] = {0, 0};

    memset(line, 'x', sizeof line);
    append_one(&mine, 7);
    until_done(&mine);
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        ck_assert_int_eq(fh__tlog_append_line(tlog, FH_TLOG_POLICY, mine.binding.address, line,
                                              sizeof line, on_done, &a[i]),
                         0);
    append_one(&other, 8);
    until_done(&other);
    ck_assert_int_eq(other.error, 0);
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        ck_assert_int_eq(a[i].error, 0);
    ck_assert_uint_eq(fh__tlog_size(tlog), 702);
    ck_assert_int_gt(fh__tlog_openings(tlog, mine.binding.address, count_kind, n), 0);
    ck_assert_uint_eq(n[1], 1); /* what matters most */
    ck_assert_uint_gt(n[0], 400);
    ck_assert_uint_lt(n[0], 700);
}
END_TEST

START_TEST(an_opening_that_the_log_does_not_bear_out_is_left_out)
{
    struct appended a[2];
    struct opened all = {0};

    append_one(&a[0], 7);
    append_one(&a[1], 8);
    until_done(&a[1]);
    close_log();
    /* One that belongs to another address, and a record that is cut. */
    shell("cd openings && cat 08/* >>07/0000000000000000000000");
    open_log();
    ck_assert_int_eq(fh__tlog_openings(tlog, a[0].binding.address, on_opening, &all), 1);
    close_log();
    shell("cd openings && printf xyz >>07/0000000000000000000000");
    open_log();
    ck_assert_int_eq(fh__tlog_openings(tlog, a[0].binding.address, on_opening, &all),
                     FH__STORE_E_IO);
}
END_TEST

START_TEST(what_waits_at_the_end_is_told)
{
    struct appended a;

    append_one(&a, 1);
    close_log();
    ck_assert_int_eq(a.done, 1);
    ck_assert_int_eq(a.error, FH__STORE_E_CLOSED);
    open_log();
    ck_assert_uint_eq(fh__tlog_size(tlog), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tlog_writer");
    TCase *t = tcase_create("log");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_new_log_is_empty_and_has_its_key);
    tcase_add_test(t, what_is_appended_is_proven_to_everybody);
    tcase_add_test(t, appends_that_wait_go_together);
    tcase_add_test(t, the_time_of_the_log_does_not_go_back);
    tcase_add_test(t, only_what_the_checkpoint_covers_is_served);
    tcase_add_test(t, a_crash_at_any_moment_loses_nothing_that_was_told);
    tcase_add_test(t, a_full_disk_refuses_and_leaves_all_as_it_was);
    tcase_add_test(t, a_checkpoint_that_may_get_lost_is_not_told);
    tcase_add_loop_test(t, a_damaged_log_is_not_written_to, 0,
                        (int)(sizeof damages / sizeof *damages));
    tcase_add_test(t, two_do_not_write_one_log);
    tcase_add_test(t, a_cloud_that_changed_its_name_is_told);
    tcase_add_test(t, the_owner_of_an_address_can_open_what_was_logged);
    tcase_add_test(t, whose_openings_are_too_many_loses_the_oldest_of_them);
    tcase_add_test(t, an_opening_that_the_log_does_not_bear_out_is_left_out);
    tcase_add_test(t, what_waits_at_the_end_is_told);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
