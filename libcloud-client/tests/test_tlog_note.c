/* SPDX-License-Identifier: MIT */
/* Keys, notes, checkpoints, and the proof that a binding is in the log. */
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <sodium.h>

#include <farhand/tlog.h>

#include "base64.h"

/* The example of Go's golang.org/x/mod/sumdb/note: key, secret key and note. */
#define PETER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define PETER_SECRET "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
#define TEXT                                                                                       \
    "If you think cryptography is the answer to your problem,\n"                                   \
    "then you don't know what your problem is.\n"
#define DASH "\xe2\x80\x94 "
#define PETER_SIGNATURE                                                                            \
    DASH "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"       \
         "qdngotpRZb6KE6RyyBwJnAM=\n"
#define OTHER_SIGNATURE                                                                            \
    DASH "EnochRoot "                                                                              \
         "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/"                                            \
         "5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"

/* Two heads that sum.golang.org signed. */
#define SUMDB "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
static const char *const sumdb_heads[] = {
    "go.sum database tree\n31700353\nqINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=\n\n" DASH
    "sum.golang.org "
    "Az3grnmrIUEDFqHzAElIQCPNoRFRAAdFo47fooyWKMHb89k11GJh5zHIfNCOBmwn/C3YI8oW9/C8DJ87F61QqspBYwM="
    "\n",
    "go.sum database tree\n65209736\n5+uGFjx6xBZG8ip1+wi77v+grwbhhukIrxEUS8PXvRo=\n\n" DASH
    "sum.golang.org "
    "Az3grnbssgK7ubgFX36gVETtNv0U23qxyAhAMai2QUfeGa3nB/akvkMdlUErfcZz7l/R3cVtYspg3dxXABkGZZKdsQ8="
    "\n",
};

static struct fh_tlog_key key;

static int open_note(const char *note)
{
    return fh_tlog_note_open(&key, note, strlen(note));
}

static void peter(void)
{
    ck_assert_int_eq(fh_tlog_key_parse(PETER, strlen(PETER), &key), 0);
}

START_TEST(the_published_note_is_opened_and_signed_to_the_byte)
{
    static const char note[] = TEXT "\n" PETER_SIGNATURE;
    uint8_t secret[1 + FH_TLOG_KEY_LEN], public_key[FH_TLOG_KEY_LEN];
    char out[sizeof note - 1], vkey[FH_TLOG_VKEY_TEXT];

    peter();
    ck_assert_int_eq(open_note(note), (int)strlen(TEXT));
    ck_assert_int_eq(base64_read(PETER_SECRET, strlen(PETER_SECRET), secret, sizeof secret),
                     (int)sizeof secret);
    fh_tlog_public_key(secret + 1, public_key);
    ck_assert_mem_eq(public_key, key.public_key, sizeof public_key);
    ck_assert_int_eq(fh_tlog_note_sign(&key, secret + 1, TEXT, strlen(TEXT), out, sizeof out - 1),
                     FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_tlog_note_sign(&key, secret + 1, TEXT, strlen(TEXT), out, sizeof out),
                     (int)sizeof out);
    ck_assert_mem_eq(out, note, sizeof out);
    ck_assert_int_eq(fh_tlog_key_print(&key, vkey), (int)strlen(PETER));
    ck_assert_str_eq(vkey, PETER);
}
END_TEST

START_TEST(heads_of_the_go_checksum_database_are_opened)
{
    ck_assert_int_eq(fh_tlog_key_parse(SUMDB, strlen(SUMDB), &key), 0);
    ck_assert_int_gt(open_note(sumdb_heads[_i]), 0);
}
END_TEST

START_TEST(signatures_of_others_are_skipped)
{
    peter();
    ck_assert_int_gt(open_note(TEXT "\n" OTHER_SIGNATURE PETER_SIGNATURE), 0);
    ck_assert_int_gt(open_note(TEXT "\n" PETER_SIGNATURE OTHER_SIGNATURE), 0);
    ck_assert_int_eq(open_note(TEXT "\n" OTHER_SIGNATURE), FH_CLOUD_E_LOG);
    /* The right name with another key's id is another's signature too. */
    ck_assert_int_eq(open_note(TEXT "\n" DASH "PeterNeumann rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MN"
                                    "tCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"),
                     FH_CLOUD_E_LOG);
}
END_TEST

static const char *const no_notes[] = {
    "",
    "\n",
    "\n\n",
    TEXT,
    TEXT "\n",
    TEXT "\n" DASH "PeterNeumann\n",
    TEXT "\n" DASH "PeterNeumann \n",
    TEXT "\n" DASH "PeterNeumann AAAA=\n",
    TEXT "\n" DASH "PeterNeumann AAAA\n",
    TEXT "\n" DASH " AAAAAAAA\n",
    TEXT "\n" DASH "Peter+Neumann AAAAAAAA\n",
    TEXT "\n- PeterNeumann AAAAAAAA\n",
    TEXT "\nPeterNeumann AAAAAAAA\n",
    TEXT PETER_SIGNATURE,
    TEXT "\n" PETER_SIGNATURE "\n",
    TEXT "\n" PETER_SIGNATURE "more\n",
    "\t" TEXT "\n" PETER_SIGNATURE,
    "\xff" TEXT "\n" PETER_SIGNATURE,
};

START_TEST(what_is_no_note_is_not_opened)
{
    peter();
    ck_assert_int_eq(open_note(no_notes[_i]), FH_CLOUD_E_PROTO);
}
END_TEST

/* Cut anywhere or with any byte changed, the note says nothing that was not signed. */
START_TEST(a_damaged_note_is_not_opened)
{
    static const char note[] = TEXT "\n" PETER_SIGNATURE;
    char *copy;

    peter();
    for (size_t len = 0; len < sizeof note - 1; len++) {
        copy = malloc(len ? len : 1); /* a byte too far is found by the sanitizers */
        memcpy(copy, note, len);
        ck_assert_int_lt(fh_tlog_note_open(&key, copy, len), 0);
        free(copy);
    }
    copy = strdup(note);
    for (size_t i = 0; i < sizeof note - 1; i++)
        for (int bit = 0; bit < 8; bit++) {
            copy[i] = (char)(note[i] ^ 1 << bit);
            ck_assert_int_lt(fh_tlog_note_open(&key, copy, sizeof note - 1), 0);
            copy[i] = note[i];
        }
    free(copy);
}
END_TEST

/* As in the tests that Go's keys have: every part of the text and every change. */
START_TEST(a_damaged_key_is_not_read)
{
    char vkey[] = PETER;
    size_t len = strlen(vkey);

    for (size_t i = 0; i <= len; i++)
        for (size_t j = i; j <= len; j++)
            if (i != 0 || j != len)
                ck_assert_int_eq(fh_tlog_key_parse(vkey + i, j - i, &key), FH_CLOUD_E_PROTO);
    for (size_t i = 0; i < len; i++) {
        vkey[i]++;
        ck_assert_int_eq(fh_tlog_key_parse(vkey, len, &key), FH_CLOUD_E_PROTO);
        vkey[i]--;
    }
    /* Well-formed, but no Ed25519 key: one byte longer, and of another kind. */
    ck_assert_int_eq(
        fh_tlog_key_parse(
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==", 76, &key),
        FH_CLOUD_E_PROTO);
    ck_assert_int_eq(
        fh_tlog_key_parse("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", 66,
                          &key),
        FH_CLOUD_E_PROTO);
}
END_TEST

START_TEST(a_key_has_a_name_without_spaces_and_plus_signs)
{
    static const char *const bad[] = {"", "a b", "a+b", "a\nb", "a\xc2\xa0z", "\xff"};
    uint8_t pk[FH_TLOG_KEY_LEN] = {1};
    char longest[FH_TLOG_MAX_NAME + 2], vkey[FH_TLOG_VKEY_TEXT];
    struct fh_tlog_key again;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(fh_tlog_key_make(bad[i], pk, &key), FH_CLOUD_E_INVAL);
    memset(longest, 'n', sizeof longest);
    longest[FH_TLOG_MAX_NAME + 1] = '\0';
    ck_assert_int_eq(fh_tlog_key_make(longest, pk, &key), FH_CLOUD_E_INVAL);
    longest[FH_TLOG_MAX_NAME] = '\0';
    ck_assert_int_eq(fh_tlog_key_make(longest, pk, &key), 0);
    ck_assert_int_eq(fh_tlog_key_print(&key, vkey), FH_TLOG_VKEY_TEXT - 1);
    ck_assert_int_eq(fh_tlog_key_parse(vkey, FH_TLOG_VKEY_TEXT - 1, &again), 0);
    ck_assert_mem_eq(&again, &key, sizeof key);
}
END_TEST

/* ---- checkpoints ---------------------------------------------------------------------------- */

static const uint8_t seed[FH_TLOG_KEY_LEN] = {7, 7, 7};

static void own_key(void)
{
    uint8_t pk[FH_TLOG_KEY_LEN];

    fh_tlog_public_key(seed, pk);
    ck_assert_int_eq(fh_tlog_key_make("cloud.example/log", pk, &key), 0);
}

START_TEST(a_checkpoint_is_signed_and_opened)
{
    struct fh_tlog_checkpoint c = {.size = FH_TLOG_MAX_SIZE}, again;
    char note[FH_TLOG_MAX_CHECKPOINT];
    int n;

    own_key();
    memset(c.root, 0xab, sizeof c.root);
    for (int i = 0; i < 3; i++, c.size = i == 1 ? 0 : 20852163) {
        n = fh_tlog_checkpoint_sign(&key, seed, &c, note, sizeof note);
        ck_assert_int_gt(n, 0);
        ck_assert_int_eq(fh_tlog_checkpoint_open(&key, note, (size_t)n, &again), 0);
        ck_assert_uint_eq(again.size, c.size);
        ck_assert_mem_eq(again.root, c.root, sizeof c.root);
    }
    c.size = (uint64_t)INT64_MAX + 1;
    ck_assert_int_eq(fh_tlog_checkpoint_sign(&key, seed, &c, note, sizeof note), FH_CLOUD_E_INVAL);
}
END_TEST

#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

static const struct {
    const char *text;
    int result;
} texts[] = {
    {"cloud.example/log\n1\n" ROOT, 0},
    {"cloud.example/log\n1\n" ROOT "an extension\nand another\n", 0},
    {"cloud.example/log\n1\n", FH_CLOUD_E_PROTO},
    {"cloud.example/log\n", FH_CLOUD_E_PROTO},
    {"cloud.example/log2\n1\n" ROOT, FH_CLOUD_E_PROTO},
    {"cloud.example/lo\n1\n" ROOT, FH_CLOUD_E_PROTO},
    {"cloud.example/log\n01\n" ROOT, FH_CLOUD_E_PROTO},
    {"cloud.example/log\n-1\n" ROOT, FH_CLOUD_E_PROTO},
    {"cloud.example/log\n\n" ROOT, FH_CLOUD_E_PROTO},
    {"cloud.example/log\n1 \n" ROOT, FH_CLOUD_E_PROTO},
    {"cloud.example/log\n9223372036854775808\n" ROOT, FH_CLOUD_E_PROTO},
    {"cloud.example/log\n9999999999999999999\n" ROOT, FH_CLOUD_E_PROTO},
    {"cloud.example/log\n18446744073709551617\n" ROOT, FH_CLOUD_E_PROTO},
    {"cloud.example/log\n1\nAAAA\n", FH_CLOUD_E_PROTO},
    {"cloud.example/log\n1\n" ROOT "\nmore\n", FH_CLOUD_E_PROTO},
};

START_TEST(what_is_signed_is_a_checkpoint_or_not)
{
    struct fh_tlog_checkpoint c;
    char note[FH_TLOG_MAX_NOTE];
    int n;

    own_key();
    n = fh_tlog_note_sign(&key, seed, texts[_i].text, strlen(texts[_i].text), note, sizeof note);
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(fh_tlog_checkpoint_open(&key, note, (size_t)n, &c), texts[_i].result);
}
END_TEST

START_TEST(checkpoints_have_an_order_or_are_a_fork)
{
    struct fh_tlog_checkpoint a = {.size = 5}, b = {.size = 5};

    ck_assert_int_eq(fh_tlog_order(&a, &b), FH_TLOG_SAME);
    b.size = 6;
    ck_assert_int_eq(fh_tlog_order(&a, &b), FH_TLOG_NEWER);
    ck_assert_int_eq(fh_tlog_order(&b, &a), FH_TLOG_OLDER);
    b = a;
    b.root[31] = 1;
    ck_assert_int_eq(fh_tlog_order(&a, &b), FH_CLOUD_E_FORK);
}
END_TEST

/* ---- what the cloud writes ------------------------------------------------------------------ */

enum { SIZE = 7, INDEX = 4 };

static struct fh_tlog_binding binding;
static uint8_t leaf_hashes[SIZE][FH_TLOG_HASH_LEN];
static uint8_t path[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN];
static char checkpoint[FH_TLOG_MAX_CHECKPOINT];
static struct fh_tlog_proof proof;

static int read_subtree(void *user, unsigned level, uint64_t index, uint8_t *out)
{
    struct fh_tlog_tree t = {0};

    (void)user;
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        fh_tlog_tree_append(&t, leaf_hashes[i]);
    fh_tlog_tree_root(&t, out);
    return 0;
}

/* A log of seven, whose fifth leaf is the binding. */
static void make_log(void)
{
    uint8_t entry[FH_TLOG_BINDING_LEN], data[FH_TLOG_LEAF_LEN];
    struct fh_tlog_leaf leaf = {.kind = FH_TLOG_BINDING, .time_ms = 1700000000123};
    struct fh_tlog_checkpoint c = {.size = SIZE};

    own_key();
    memset(&binding, 0, sizeof binding);
    binding.address[11] = 1;
    binding.fingerprint[0] = 2;
    binding.seal_key[31] = 3;
    proof = (struct fh_tlog_proof){
        .kind = leaf.kind, .time_ms = leaf.time_ms, .index = INDEX, .path = path[0]};
    proof.salt[5] = 9;
    fh_tlog_binding_write(&binding, entry);
    fh_tlog_tag(binding.address, leaf.tag);
    fh_tlog_commit(proof.salt, entry, sizeof entry, leaf.commitment);
    for (uint8_t i = 0; i < SIZE; i++)
        fh_tlog_hash_leaf(&i, 1, leaf_hashes[i]);
    fh_tlog_leaf_write(&leaf, data);
    fh_tlog_hash_leaf(data, sizeof data, leaf_hashes[INDEX]);
    ck_assert_int_eq(fh_tlog_root(SIZE, read_subtree, NULL, c.root), 0);
    proof.path_len = (size_t)fh_tlog_prove_inclusion(INDEX, SIZE, read_subtree, NULL, path);
    proof.checkpoint = checkpoint;
    proof.checkpoint_len =
        (size_t)fh_tlog_checkpoint_sign(&key, seed, &c, checkpoint, sizeof checkpoint);
}

static int check(void)
{
    struct fh_tlog_checkpoint c;

    return fh_tlog_proof_check(&proof, &key, &binding, &c);
}

START_TEST(a_binding_in_the_log_is_proven)
{
    uint8_t wire[FH_TLOG_MAX_PROOF_LEN];
    struct fh_tlog_proof again;
    struct fh_tlog_checkpoint c = {0};
    int n;

    make_log();
    n = fh_tlog_proof_write(&proof, wire, sizeof wire);
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(fh_tlog_proof_write(&proof, wire, (size_t)n - 1), FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_tlog_proof_write(&proof, wire, (size_t)n), n);
    ck_assert_int_eq(fh_tlog_proof_parse(wire, (size_t)n, &again), 0);
    ck_assert_int_eq(fh_tlog_proof_check(&again, &key, &binding, &c), 0);
    ck_assert_uint_eq(c.size, SIZE);
    for (int cut = 0; cut < n; cut++)
        ck_assert_int_eq(fh_tlog_proof_parse(wire, (size_t)cut, &again), FH_CLOUD_E_PROTO);
    wire[n] = 0;
    ck_assert_int_eq(fh_tlog_proof_parse(wire, (size_t)n + 1, &again), FH_CLOUD_E_PROTO);
}
END_TEST

#define EACH_BIT(field, expected)                                                                  \
    for (size_t i = 0; i < 8 * sizeof(field); i++) {                                               \
        ((uint8_t *)&(field))[i / 8] ^= (uint8_t)(1 << i % 8);                                     \
        ck_assert_int_eq(check(), expected);                                                       \
        ((uint8_t *)&(field))[i / 8] ^= (uint8_t)(1 << i % 8);                                     \
    }

START_TEST(a_swapped_key_is_not_in_the_log)
{
    uint8_t pk[FH_TLOG_KEY_LEN] = {3};

    make_log();
    EACH_BIT(binding.address, FH_CLOUD_E_LOG)
    EACH_BIT(binding.fingerprint, FH_CLOUD_E_LOG)
    EACH_BIT(binding.seal_key, FH_CLOUD_E_LOG)
    EACH_BIT(proof.salt, FH_CLOUD_E_LOG)
    EACH_BIT(proof.time_ms, FH_CLOUD_E_LOG)
    EACH_BIT(proof.index, FH_CLOUD_E_LOG)
    EACH_BIT(proof.kind, FH_CLOUD_E_LOG)
    ck_assert_int_eq(check(), 0);
    ck_assert_int_eq(fh_tlog_key_make("cloud.example/log", pk, &key), 0);
    ck_assert_int_eq(check(), FH_CLOUD_E_LOG);
}
END_TEST

START_TEST(leaves_and_entries_read_as_they_were_written)
{
    uint8_t data[FH_TLOG_LEAF_LEN + 1], entry[FH_TLOG_BINDING_LEN + 1];
    struct fh_tlog_leaf leaf = {.kind = FH_TLOG_REMOVAL, .time_ms = 5}, again;
    struct fh_tlog_binding b;

    memset(leaf.tag, 0xaa, sizeof leaf.tag);
    memset(leaf.commitment, 0xcc, sizeof leaf.commitment);
    fh_tlog_leaf_write(&leaf, data);
    ck_assert_int_eq(fh_tlog_leaf_parse(data, FH_TLOG_LEAF_LEN, &again), 0);
    ck_assert_uint_eq(again.kind, FH_TLOG_REMOVAL);
    ck_assert_uint_eq(again.time_ms, 5);
    ck_assert_mem_eq(again.tag, leaf.tag, sizeof leaf.tag);
    ck_assert_mem_eq(again.commitment, leaf.commitment, sizeof leaf.commitment);
    ck_assert_int_eq(fh_tlog_leaf_parse(data, FH_TLOG_LEAF_LEN - 1, &again), FH_CLOUD_E_PROTO);
    ck_assert_int_eq(fh_tlog_leaf_parse(data, FH_TLOG_LEAF_LEN + 1, &again), FH_CLOUD_E_PROTO);
    data[0] = 0;
    ck_assert_int_eq(fh_tlog_leaf_parse(data, FH_TLOG_LEAF_LEN, &again), FH_CLOUD_E_PROTO);

    make_log();
    fh_tlog_binding_write(&binding, entry);
    ck_assert_int_eq(fh_tlog_binding_parse(entry, FH_TLOG_BINDING_LEN, &b), 0);
    ck_assert_mem_eq(&b, &binding, sizeof b);
    ck_assert_int_eq(fh_tlog_binding_parse(entry, FH_TLOG_BINDING_LEN - 1, &b), FH_CLOUD_E_PROTO);
    ck_assert_int_eq(fh_tlog_binding_parse(entry, FH_TLOG_BINDING_LEN + 1, &b), FH_CLOUD_E_PROTO);
    entry[3] ^= 1;
    ck_assert_int_eq(fh_tlog_binding_parse(entry, FH_TLOG_BINDING_LEN, &b), FH_CLOUD_E_PROTO);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tlog_note");
    TCase *t = tcase_create("notes");
    SRunner *r;
    int failed;

    tcase_add_test(t, the_published_note_is_opened_and_signed_to_the_byte);
    tcase_add_loop_test(t, heads_of_the_go_checksum_database_are_opened, 0,
                        (int)(sizeof sumdb_heads / sizeof *sumdb_heads));
    tcase_add_test(t, signatures_of_others_are_skipped);
    tcase_add_loop_test(t, what_is_no_note_is_not_opened, 0,
                        (int)(sizeof no_notes / sizeof *no_notes));
    tcase_add_test(t, a_damaged_note_is_not_opened);
    tcase_add_test(t, a_damaged_key_is_not_read);
    tcase_add_test(t, a_key_has_a_name_without_spaces_and_plus_signs);
    tcase_add_test(t, a_checkpoint_is_signed_and_opened);
    tcase_add_loop_test(t, what_is_signed_is_a_checkpoint_or_not, 0,
                        (int)(sizeof texts / sizeof *texts));
    tcase_add_test(t, checkpoints_have_an_order_or_are_a_fork);
    tcase_add_test(t, a_binding_in_the_log_is_proven);
    tcase_add_test(t, a_swapped_key_is_not_in_the_log);
    tcase_add_test(t, leaves_and_entries_read_as_they_were_written);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
