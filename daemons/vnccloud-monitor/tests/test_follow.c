/* SPDX-License-Identifier: MIT */
/* A log in memory, kept honestly and otherwise, and what its owner is told. */
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>
#include <sodium.h>

#include <farhand/identity.h>

#include "openings.h"
#include "report.h"
#include "state.h"

enum { MOST = 700 };

#define KEY_A "00000000000000000000000000000000000000000000000000000000000000aa"
#define KEY_B "00000000000000000000000000000000000000000000000000000000000000bb"

struct entry {
    uint8_t data[FH_TLOG_LEAF_LEN];
    size_t len;
    struct fh__opened opening;
};

static const uint8_t seed[FH_TLOG_KEY_LEN] = {9};
static struct fh_tlog_key key;
static struct entry entries[MOST];
static size_t n;
static size_t shown; /* how many the checkpoint covers */
static int fetched;
static bool is_offline;
static uint8_t addresses[3][FH_CLOUD_ADDRESS_LEN];
static struct fh__watched w;
static struct fh__followed kept, now;

static void watch(size_t from, size_t to)
{
    char text[1000] = "# ours\n\n", address[FH_CLOUD_ADDRESS_TEXT];
    const char *expected;
    unsigned line;

    fh__watched_free(&w);
    for (size_t i = from; i < to; i++) {
        fh_cloud_address_print(addresses[i], address);
        strcat(strcat(text, address), "  " KEY_A " " KEY_B " # keys\n");
    }
    ck_assert_int_eq(fh__watched_parse(text, strlen(text), &w, &line, &expected), 0);
    ck_assert_uint_eq(w.n, to - from);
}

static void setup(void)
{
    uint8_t pk[FH_TLOG_KEY_LEN];

    fh_tlog_public_key(seed, pk);
    ck_assert_int_eq(fh_tlog_key_make("cloud.example", pk, &key), 0);
    n = shown = 0;
    fetched = 0;
    is_offline = false;
    memset(&kept, 0, sizeof kept);
    for (size_t i = 0; i < 3; i++)
        addresses[i][11] = (uint8_t)(i + 1);
    watch(0, 2);
}

static void teardown(void)
{
    fh__watched_free(&w);
}

/* Appends a leaf about address a; its opening is the last entry's. */
static void append(size_t a, uint8_t kind, const uint8_t *entry, size_t len)
{
    struct fh_tlog_leaf leaf = {.kind = kind, .time_ms = 1700000000000 + n};
    struct entry *e = &entries[n];

    e->opening = (struct fh__opened){.address = a, .index = n, .entry_len = len};
    e->opening.salt[3] = (uint8_t)n;
    memcpy(e->opening.entry, entry, len);
    fh_tlog_tag(addresses[a], leaf.tag);
    fh_tlog_commit(e->opening.salt, entry, len, leaf.commitment);
    fh_tlog_leaf_write(&leaf, e->data);
    e->len = FH_TLOG_LEAF_LEN;
    n++;
    shown = n;
}

static void bind(size_t a, uint8_t key_byte)
{
    struct fh_tlog_binding b = {.fingerprint = {[31] = key_byte}};
    uint8_t entry[FH_TLOG_BINDING_LEN];

    memcpy(b.address, addresses[a], sizeof b.address);
    fh_tlog_binding_write(&b, entry);
    append(a, FH_TLOG_BINDING, entry, sizeof entry);
}

/* Of others, whose addresses are nobody's here. */
static void fill_up(size_t to)
{
    while (n < to) {
        bind(2, 1);
        entries[n - 1].data[20] ^= 0x55;
    }
}

static int fetch(void *user, const char *path, uint8_t *out, size_t room)
{
    struct fh_tlog_checkpoint c = {.size = shown};
    struct fh_tlog_tree t = {0};
    unsigned width;
    uint64_t index;
    size_t at = 0;
    int level;

    (void)user;
    fetched++;
    if (is_offline)
        return -1;
    if (strcmp(path, "checkpoint") == 0) {
        for (size_t i = 0; i < shown; i++) {
            uint8_t hash[FH_TLOG_HASH_LEN];

            fh_tlog_hash_leaf(entries[i].data, entries[i].len, hash);
            fh_tlog_tree_append(&t, hash);
        }
        fh_tlog_tree_root(&t, c.root);
        return fh_tlog_checkpoint_sign(&key, seed, &c, (char *)out, room);
    }
    ck_assert_int_eq(fh_tlog_tile_parse(path, strlen(path), &level, &index, &width), 0);
    ck_assert_int_eq(level, -1);
    for (size_t i = index * 256; i < index * 256 + width; i++) {
        ck_assert_uint_lt(i, shown);
        out[at++] = 0;
        out[at++] = (uint8_t)entries[i].len;
        memcpy(out + at, entries[i].data, entries[i].len);
        at += entries[i].len;
    }
    ck_assert_uint_le(at, room);
    return (int)at;
}

/* A run as the program makes one, without its files: the state passes through its text. */
static enum fh__follow_result follow(void)
{
    enum fh__follow_result ret;
    bool again = false;
    char *text;

    if (kept.note_len > 0) {
        text = fh__state_print(&key, &kept, &w);
        w.leaves_len = 0;
        ck_assert_int_eq(fh__state_parse(text, strlen(text), &key, &kept, &w, &again), 0);
        free(text);
    }
    fetched = 0;
    ret = fh__follow(&key, &kept, again, fetch, NULL, &w, &now);
    if (ret == FH__FOLLOW_OK)
        kept = now;
    return ret;
}

static void open_all(void)
{
    fh__verdicts_begin(&w);
    for (size_t i = 0; i < n; i++)
        if (entries[i].opening.address < w.n)
            fh__verdicts_open(&w, &entries[i].opening);
}

START_TEST(an_owner_sees_what_was_logged_about_his_addresses)
{
    bind(0, 0xaa);
    fill_up(300);
    append(1, FH_TLOG_RESET, (const uint8_t *)"reset", 5);
    bind(1, 0xbb);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    ck_assert_uint_eq(w.leaves_len, 3);
    open_all();
    ck_assert_int_eq(w.leaves[0].verdict, FH__KNOWN);
    ck_assert_int_eq(w.leaves[1].verdict, FH__NOTED);
    ck_assert_int_eq(w.leaves[2].verdict, FH__KNOWN);
    ck_assert_uint_eq(w.leaves[2].index, 301);
    ck_assert_int_eq(fh__report_exit(FH__FOLLOW_OK, &w), FH__EXIT_OK);
}
END_TEST

/* From run to run only what is new is read, and what was found stays. */
START_TEST(a_log_that_grows_is_followed)
{
    for (size_t to = 1; to < MOST; to += 1 + to / 3) {
        fill_up(to - 1);
        bind(n % 2, 0xaa);
        ck_assert_int_eq(follow(), FH__FOLLOW_OK);
        ck_assert_int_le(fetched, 3);
        ck_assert_uint_eq(now.tree.size, n);
        open_all();
        ck_assert_int_eq(fh__report_exit(FH__FOLLOW_OK, &w), FH__EXIT_OK);
    }
    ck_assert_uint_ge(w.leaves_len, 15);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    ck_assert_int_eq(fetched, 1);
}
END_TEST

/* The broker tells a viewer another key. For the viewer to believe it, it must be in the log. */
START_TEST(a_broker_that_swaps_a_key_leaves_a_trace)
{
    bind(0, 0xaa);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    bind(0, 0x66);
    fill_up(100);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    open_all();
    ck_assert_int_eq(w.leaves[0].verdict, FH__KNOWN);
    ck_assert_int_eq(w.leaves[1].verdict, FH__UNKNOWN);
    ck_assert_uint_eq(w.leaves[1].binding.fingerprint[31], 0x66);
    ck_assert_int_eq(fh__report_exit(FH__FOLLOW_OK, &w), FH__EXIT_ALARM);
}
END_TEST

START_TEST(it_does_not_help_the_broker_to_say_nothing)
{
    bind(0, 0xaa);
    bind(0, 0x66);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    fh__verdicts_begin(&w);
    fh__verdicts_open(&w, &entries[0].opening);
    ck_assert_int_eq(w.leaves[1].verdict, FH__WITHHELD);
    ck_assert_int_eq(fh__report_exit(FH__FOLLOW_OK, &w), FH__EXIT_ALARM);
}
END_TEST

START_TEST(nor_to_lie_about_it)
{
    struct fh__opened lie;

    bind(0, 0xaa);
    bind(0, 0x66);
    bind(1, 0xaa);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    open_all();
    lie = entries[0].opening; /* the old key once more */
    lie.index = 1;
    fh__verdicts_open(&w, &lie);
    ck_assert_int_eq(w.leaves[1].verdict, FH__FALSE);
    /* Another address's binding, said to be about this one, is about no leaf of it. */
    lie = entries[2].opening;
    lie.address = 0;
    fh__verdicts_open(&w, &lie);
    ck_assert_int_eq(w.leaves[2].verdict, FH__KNOWN);
    ck_assert_int_eq(fh__report_exit(FH__FOLLOW_OK, &w), FH__EXIT_ALARM);
}
END_TEST

/* A leaf with the address's tag that is about another address inside. */
START_TEST(nor_to_log_something_else)
{
    struct fh_tlog_binding b = {.fingerprint = {[31] = 0xaa}};
    uint8_t entry[FH_TLOG_BINDING_LEN];

    memcpy(b.address, addresses[1], sizeof b.address);
    fh_tlog_binding_write(&b, entry);
    append(0, FH_TLOG_BINDING, entry, sizeof entry);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    open_all();
    ck_assert_int_eq(w.leaves[0].verdict, FH__FALSE);
}
END_TEST

/* One history for the owner, another for everybody else. */
START_TEST(a_fork_is_found)
{
    static struct entry honest[MOST];
    size_t at = (size_t)_i;

    bind(0, 0xaa);
    fill_up(400);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    memcpy(honest, entries, sizeof honest);
    entries[at].data[FH_TLOG_LEAF_LEN - 1] ^= 1;
    ck_assert_int_eq(follow(), FH__FOLLOW_FORK); /* as long */
    ck_assert_int_eq(fh__report_exit(FH__FOLLOW_FORK, &w), FH__EXIT_FORK);
    ck_assert_uint_gt(now.note_len, 0);
    fill_up(450);
    ck_assert_int_eq(follow(), FH__FOLLOW_FORK); /* longer */
    shown = 300;
    ck_assert_int_eq(follow(), FH__FOLLOW_FORK); /* shorter */
    memcpy(entries, honest, sizeof honest);
    shown = 400;
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    n = 400;
    fill_up(500);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
}
END_TEST

/* What is not the log's is no proof against it. */
START_TEST(damage_is_not_taken_for_a_fork)
{
    fill_up(300);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    fill_up(310);
    is_offline = true;
    ck_assert_int_eq(follow(), FH__FOLLOW_UNREACHABLE);
    ck_assert_int_eq(fh__report_exit(FH__FOLLOW_UNREACHABLE, &w), FH__EXIT_UNCHECKED);
    is_offline = false;
    key.public_key[0] ^= 1;
    ck_assert_int_eq(fh__follow(&key, &kept, false, fetch, NULL, &w, &now), FH__FOLLOW_UNSIGNED);
    key.public_key[0] ^= 1;
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
}
END_TEST

static int fetch_damaged(void *user, const char *path, uint8_t *out, size_t room)
{
    int len = fetch(user, path, out, room);

    if (strcmp(path, "checkpoint") != 0) {
        if (*(int *)user == 0)
            out[len - 1] ^= 1;
        else if (*(int *)user == 1)
            len--;
        else
            out[len++] = 0;
    }
    return len;
}

START_TEST(entries_that_are_not_those_of_the_checkpoint_are_damage)
{
    int how = _i;

    fill_up(300);
    ck_assert_int_eq(fh__follow(&key, &kept, false, fetch_damaged, &how, &w, &now),
                     FH__FOLLOW_DAMAGED);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    fill_up(310);
    ck_assert_int_eq(fh__follow(&key, &kept, false, fetch_damaged, &how, &w, &now),
                     FH__FOLLOW_DAMAGED);
}
END_TEST

START_TEST(an_address_that_is_new_here_is_looked_for_from_the_beginning)
{
    bind(0, 0xaa);
    bind(1, 0x66);
    fill_up(300);
    watch(0, 1);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    ck_assert_uint_eq(w.leaves_len, 1);
    {
        char *text = fh__state_print(&key, &kept, &w);
        bool again;

        watch(0, 2);
        ck_assert_int_eq(fh__state_parse(text, strlen(text), &key, &kept, &w, &again), 0);
        ck_assert(again);
        ck_assert_int_eq(fh__follow(&key, &kept, again, fetch, NULL, &w, &now), FH__FOLLOW_OK);
        ck_assert_uint_eq(w.leaves_len, 2);
        /* Also then a fork is one. */
        w.leaves_len = 0;
        entries[200].data[30] ^= 1;
        fill_up(301);
        ck_assert_int_eq(fh__follow(&key, &kept, again, fetch, NULL, &w, &now), FH__FOLLOW_FORK);
        free(text);
    }
}
END_TEST

START_TEST(a_state_that_was_changed_is_not_read)
{
    char *text, *at;
    bool again;

    bind(0, 0xaa);
    fill_up(5);
    ck_assert_int_eq(follow(), FH__FOLLOW_OK);
    text = fh__state_print(&key, &kept, &w);
    at = strstr(text, "\"tree\"");
    at = strchr(strchr(at, '[') + 1, '"') + 1;
    *at = *at == '0' ? '1' : '0';
    ck_assert_int_eq(fh__state_parse(text, strlen(text), &key, &kept, &w, &again), -1);
    ck_assert_int_eq(fh__state_parse("{}", 2, &key, &kept, &w, &again), -1);
    ck_assert_int_eq(fh__state_parse("", 0, &key, &kept, &w, &again), -1);
    free(text);
}
END_TEST

static const struct {
    const char *text;
    unsigned line;
} bad_addresses[] = {
    /* @: an address */
    {"@ x\n", 1}, {"\n# c\nnonsense\n", 3}, {"@\n@\n", 2},
    {"x@\n", 1},  {"@ " KEY_A "0\n", 1},    {"@ " KEY_A " " KEY_A "\n\n@" KEY_A "\n", 3},
};

START_TEST(a_line_of_addresses_that_is_wrong_is_named)
{
    char address[FH_CLOUD_ADDRESS_TEXT], text[400] = "";
    const char *expected = NULL;
    struct fh__watched none;
    unsigned line = 0;

    fh_cloud_address_print(addresses[0], address);
    for (const char *at = bad_addresses[_i].text; *at; at++)
        strncat(text, *at == '@' ? address : at, *at == '@' ? sizeof address : 1);
    ck_assert_int_eq(fh__watched_parse(text, strlen(text), &none, &line, &expected), -1);
    ck_assert_uint_eq(line, bad_addresses[_i].line);
    ck_assert_ptr_nonnull(expected);
}
END_TEST

static void on_opening(void *user, const struct fh__opened *o)
{
    *(struct fh__opened *)user = *o;
}

START_TEST(openings_are_read_as_the_api_gives_them)
{
    static const char *const bad[] = {"",
                                      "{}",
                                      "7",
                                      "[1]",
                                      "[{\"index\":-1}]",
                                      "[{\"index\":1,\"salt\":\"00\",\"entry\":\"00\"}]"};
    char text[300];
    struct fh__opened o = {0};

    snprintf(text, sizeof text,
             "{\"openings\":[{\"index\":5,\"kind\":\"binding\",\"time\":1,\"salt\":\"%064d\","
             "\"entry\":\"6162\"}]}",
             7);
    ck_assert_int_eq(fh__openings_parse(text, strlen(text), 1, on_opening, &o), 0);
    ck_assert_uint_eq(o.index, 5);
    ck_assert_uint_eq(o.address, 1);
    ck_assert_uint_eq(o.entry_len, 2);
    ck_assert_uint_eq(o.salt[31], 7);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(fh__openings_parse(bad[i], strlen(bad[i]), 1, on_opening, &o), -1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("follow");
    TCase *t = tcase_create("owner");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, an_owner_sees_what_was_logged_about_his_addresses);
    tcase_add_test(t, a_log_that_grows_is_followed);
    tcase_add_test(t, a_broker_that_swaps_a_key_leaves_a_trace);
    tcase_add_test(t, it_does_not_help_the_broker_to_say_nothing);
    tcase_add_test(t, nor_to_lie_about_it);
    tcase_add_test(t, nor_to_log_something_else);
    tcase_add_loop_test(t, a_fork_is_found, 1, 4);
    tcase_add_test(t, damage_is_not_taken_for_a_fork);
    tcase_add_loop_test(t, entries_that_are_not_those_of_the_checkpoint_are_damage, 0, 3);
    tcase_add_test(t, an_address_that_is_new_here_is_looked_for_from_the_beginning);
    tcase_add_test(t, a_state_that_was_changed_is_not_read);
    tcase_add_loop_test(t, a_line_of_addresses_that_is_wrong_is_named, 0,
                        (int)(sizeof bad_addresses / sizeof *bad_addresses));
    tcase_add_test(t, openings_are_read_as_the_api_gives_them);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
