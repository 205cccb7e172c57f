/* SPDX-License-Identifier: MIT */
/* The tree and its proofs, held against a plain reading of RFC 6962 section 2.1. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <farhand/digest.h>
#include <farhand/tlog.h>

enum { LEAVES = 300, LEN = FH_TLOG_HASH_LEN };

static uint8_t leaves[LEAVES][LEN];
static uint8_t roots[LEAVES + 1][LEN];

static void unhex(const char *text, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char two[3] = {text[2 * i], text[2 * i + 1], 0};

        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
}

/* MTH of leaves begin to end - 1, as section 2.1 defines it. */
static void mth(size_t begin, size_t end, uint8_t out[LEN])
{
    uint8_t l[LEN], r[LEN];
    size_t k = 1;

    if (end - begin == 0) {
        fh_sha256("", 0, out);
        return;
    }
    if (end - begin == 1) {
        memcpy(out, leaves[begin], LEN);
        return;
    }
    while (2 * k < end - begin)
        k *= 2;
    mth(begin, begin + k, l);
    mth(begin + k, end, r);
    fh_tlog_hash_node(l, r, out);
}

static int read_plain(void *user, unsigned level, uint64_t index, uint8_t out[LEN])
{
    size_t *asked = user;

    ck_assert_uint_le((index + 1) << level, LEAVES);
    (*asked)++;
    mth(index << level, (index + 1) << level, out);
    return 0;
}

static int read_fails(void *user, unsigned level, uint64_t index, uint8_t out[LEN])
{
    (void)level;
    (void)index;
    (void)out;
    return *(int *)user;
}

static void setup(void)
{
    for (size_t i = 0; i < LEAVES; i++) {
        uint8_t data[2] = {(uint8_t)i, (uint8_t)(i >> 8)};

        fh_tlog_hash_leaf(data, sizeof data, leaves[i]);
    }
    for (size_t i = 0; i <= LEAVES; i++)
        mth(0, i, roots[i]);
}

/* The eight leaves and nine roots of the tests of certificate-transparency, which every
 * implementation of RFC 6962 repeats. */
static const struct {
    const char *leaf, *root;
} published[] = {
    {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
    {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
    {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
    {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    {"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
    {"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
    {"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
    {"606162636465666768696a6b6c6d6e6f",
     "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

START_TEST(the_published_tree_grows_through_its_published_roots)
{
    struct fh_tlog_tree t = {0};
    uint8_t h[LEN], want[LEN], data[16];

    fh_tlog_tree_root(&t, h);
    unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", want, LEN);
    ck_assert_mem_eq(h, want, LEN);
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        size_t len = strlen(published[i].leaf) / 2;

        unhex(published[i].leaf, data, len);
        fh_tlog_hash_leaf(data, len, h);
        fh_tlog_tree_append(&t, h);
        fh_tlog_tree_root(&t, h);
        unhex(published[i].root, want, LEN);
        ck_assert_mem_eq(h, want, LEN);
    }
}
END_TEST

/* Paths in the published tree of eight, from the same source. */
static const struct {
    uint64_t old_size, new_size;
    const char *path[3];
} published_growth[] = {
    {1,
     8,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {6,
     8,
     {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {2,
     5,
     {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", NULL}},
};

START_TEST(the_published_paths_are_believed)
{
    uint8_t old_root[LEN], new_root[LEN], path[3 * LEN];
    size_t n = 0;

    unhex(published[published_growth[_i].old_size - 1].root, old_root, LEN);
    unhex(published[published_growth[_i].new_size - 1].root, new_root, LEN);
    for (; n < 3 && published_growth[_i].path[n]; n++)
        unhex(published_growth[_i].path[n], path + n * LEN, LEN);
    ck_assert_int_eq(fh_tlog_check_consistency(published_growth[_i].old_size, old_root,
                                               published_growth[_i].new_size, new_root, path, n),
                     0);
}
END_TEST

START_TEST(what_was_appended_has_the_root_of_the_definition)
{
    struct fh_tlog_tree t = {0};
    size_t asked = 0;
    uint8_t h[LEN];

    for (size_t i = 0;; i++) {
        ck_assert_uint_eq(t.size, i);
        fh_tlog_tree_root(&t, h);
        ck_assert_mem_eq(h, roots[i], LEN);
        ck_assert_int_eq(fh_tlog_root(i, read_plain, &asked, h), 0);
        ck_assert_mem_eq(h, roots[i], LEN);
        if (i == LEAVES)
            break;
        fh_tlog_tree_append(&t, leaves[i]);
    }
}
END_TEST

/* Every way to be wrong by a little. */
static void inclusion_is_exact(uint64_t index, uint64_t size, uint8_t (*path)[LEN], size_t n)
{
    uint8_t *flat = path[0];

    for (size_t i = 0; i < n; i++) {
        path[i][i % LEN] ^= 1;
        ck_assert_int_eq(fh_tlog_check_inclusion(leaves[index], index, size, roots[size], flat, n),
                         FH_CLOUD_E_LOG);
        path[i][i % LEN] ^= 1;
    }
    ck_assert_int_eq(fh_tlog_check_inclusion(leaves[index], index, size, roots[size], flat, n + 1),
                     FH_CLOUD_E_LOG);
    if (n > 0) {
        ck_assert_int_eq(
            fh_tlog_check_inclusion(leaves[index], index, size, roots[size], flat, n - 1),
            FH_CLOUD_E_LOG);
        ck_assert_int_eq(
            fh_tlog_check_inclusion(leaves[index], index, size, roots[size], flat + LEN, n - 1),
            FH_CLOUD_E_LOG);
    }
    ck_assert_int_eq(
        fh_tlog_check_inclusion(leaves[(index + 1) % LEAVES], index, size, roots[size], flat, n),
        FH_CLOUD_E_LOG);
    ck_assert_int_eq(fh_tlog_check_inclusion(leaves[index], index, size, roots[size - 1], flat, n),
                     FH_CLOUD_E_LOG);
    for (uint64_t other = 0; other < size; other++)
        if (other != index)
            ck_assert_int_eq(
                fh_tlog_check_inclusion(leaves[index], other, size, roots[size], flat, n),
                FH_CLOUD_E_LOG);
    ck_assert_int_eq(fh_tlog_check_inclusion(leaves[index], size, size, roots[size], flat, n),
                     FH_CLOUD_E_LOG);
}

START_TEST(each_leaf_of_each_tree_is_proven_and_nothing_else)
{
    static const uint64_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100};
    static uint8_t path[FH_TLOG_MAX_PROOF][LEN];

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (uint64_t i = 0; i < sizes[s]; i++) {
            size_t asked = 0;
            int n = fh_tlog_prove_inclusion(i, sizes[s], read_plain, &asked, path);

            ck_assert_int_ge(n, 0);
            ck_assert_uint_le(asked, FH_TLOG_MAX_PROOF);
            ck_assert_int_eq(fh_tlog_check_inclusion(leaves[i], i, sizes[s], roots[sizes[s]],
                                                     path[0], (size_t)n),
                             0);
            inclusion_is_exact(i, sizes[s], path, (size_t)n);
        }
}
END_TEST

START_TEST(all_leaves_of_all_trees_are_proven)
{
    static uint8_t path[FH_TLOG_MAX_PROOF][LEN];
    size_t asked = 0;

    for (uint64_t size = 1; size <= LEAVES; size += 1 + size / 40)
        for (uint64_t i = 0; i < size; i++) {
            int n = fh_tlog_prove_inclusion(i, size, read_plain, &asked, path);

            ck_assert_int_eq(
                fh_tlog_check_inclusion(leaves[i], i, size, roots[size], path[0], (size_t)n), 0);
        }
}
END_TEST

static void growth_is_exact(uint64_t a, uint64_t b, uint8_t (*path)[LEN], size_t n)
{
    const uint8_t *flat = path[0];

    for (size_t i = 0; i < n; i++) {
        path[i][i % LEN] ^= 0x80;
        ck_assert_int_eq(fh_tlog_check_consistency(a, roots[a], b, roots[b], flat, n),
                         FH_CLOUD_E_LOG);
        path[i][i % LEN] ^= 0x80;
    }
    ck_assert_int_eq(fh_tlog_check_consistency(a, roots[a], b, roots[b], flat, n + 1),
                     FH_CLOUD_E_LOG);
    if (n > 0)
        ck_assert_int_eq(fh_tlog_check_consistency(a, roots[a], b, roots[b], flat, n - 1),
                         FH_CLOUD_E_LOG);
    if (a > 0)
        ck_assert_int_eq(fh_tlog_check_consistency(a, roots[a - 1], b, roots[b], flat, n),
                         FH_CLOUD_E_LOG);
    if (a != b && a > 0)
        ck_assert_int_eq(fh_tlog_check_consistency(a, roots[a], b, roots[b - 1], flat, n),
                         FH_CLOUD_E_LOG);
    if (a < b)
        ck_assert_int_eq(fh_tlog_check_consistency(b, roots[b], a, roots[a], flat, n),
                         FH_CLOUD_E_LOG);
}

START_TEST(each_tree_is_the_beginning_of_each_later_one)
{
    static uint8_t path[FH_TLOG_MAX_PROOF][LEN];

    for (uint64_t b = 0; b <= LEAVES; b += 1 + b / 24)
        for (uint64_t a = 0; a <= b; a++) {
            size_t asked = 0;
            int n = fh_tlog_prove_consistency(a, b, read_plain, &asked, path);

            ck_assert_int_ge(n, 0);
            ck_assert_uint_le(asked, FH_TLOG_MAX_PROOF);
            ck_assert_int_eq(
                fh_tlog_check_consistency(a, roots[a], b, roots[b], path[0], (size_t)n), 0);
            growth_is_exact(a, b, path, (size_t)n);
        }
}
END_TEST

/* A log that changed one leaf of the past cannot show that it only grew. */
START_TEST(a_rewritten_past_has_no_proof)
{
    static uint8_t path[FH_TLOG_MAX_PROOF][LEN];
    uint8_t other[LEN], kept[LEN];
    size_t asked = 0;

    memcpy(kept, leaves[17], LEN);
    leaves[17][0] ^= 1;
    for (uint64_t b = 21; b <= 70; b++) {
        int n = fh_tlog_prove_consistency(20, b, read_plain, &asked, path);

        mth(0, b, other);
        ck_assert_int_eq(fh_tlog_check_consistency(20, roots[20], b, other, path[0], (size_t)n),
                         FH_CLOUD_E_LOG);
    }
    memcpy(leaves[17], kept, LEN);
}
END_TEST

START_TEST(what_cannot_be_proven_is_an_error)
{
    static uint8_t path[FH_TLOG_MAX_PROOF][LEN];
    int fault = -7;

    ck_assert_int_eq(fh_tlog_prove_inclusion(5, 5, read_fails, &fault, path), FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_tlog_prove_inclusion(0, 0, read_fails, &fault, path), FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_tlog_prove_inclusion(0, UINT64_MAX, read_fails, &fault, path),
                     FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_tlog_prove_consistency(6, 5, read_fails, &fault, path), FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_tlog_prove_consistency(0, UINT64_MAX, read_fails, &fault, path),
                     FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_tlog_prove_inclusion(2, 5, read_fails, &fault, path), -7);
    ck_assert_int_eq(fh_tlog_prove_consistency(2, 5, read_fails, &fault, path), -7);
    ck_assert_int_eq(fh_tlog_root(5, read_fails, &fault, path[0]), -7);
    ck_assert_int_eq(fh_tlog_root(UINT64_MAX, read_fails, &fault, path[0]), FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_tlog_check_inclusion(leaves[0], 0, UINT64_MAX, roots[1], path[0], 0),
                     FH_CLOUD_E_LOG);
    ck_assert_int_eq(fh_tlog_check_consistency(1, roots[1], UINT64_MAX, roots[1], path[0], 1),
                     FH_CLOUD_E_LOG);
}
END_TEST

/* Sizes near the largest: everything ends, in as many steps as hashes. */
START_TEST(the_largest_trees_need_no_more_than_the_longest_path)
{
    static uint8_t path[FH_TLOG_MAX_PROOF][LEN];
    static const uint64_t sizes[] = {FH_TLOG_MAX_SIZE, (uint64_t)1 << 62, ((uint64_t)1 << 62) + 1,
                                     0x5555555555555555};
    int fault = 0;

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        ck_assert_int_le(fh_tlog_prove_inclusion(sizes[s] - 1, sizes[s], read_fails, &fault, path),
                         FH_TLOG_MAX_PROOF);
        ck_assert_int_le(fh_tlog_prove_inclusion(0, sizes[s], read_fails, &fault, path),
                         FH_TLOG_MAX_PROOF);
        ck_assert_int_le(
            fh_tlog_prove_consistency(sizes[s] - 1, sizes[s], read_fails, &fault, path),
            FH_TLOG_MAX_PROOF);
        ck_assert_int_le(fh_tlog_prove_consistency(1, sizes[s], read_fails, &fault, path),
                         FH_TLOG_MAX_PROOF);
    }
}
END_TEST

static const struct {
    int level;
    uint64_t index;
    unsigned width;
    const char *path;
} tiles[] = {
    {0, 0, 256, "tile/0/000"},
    {0, 0, 1, "tile/0/000.p/1"},
    {1, 999, 255, "tile/1/999.p/255"},
    {0, 1000, 256, "tile/0/x001/000"},
    {0, 1234067, 256, "tile/0/x001/x234/067"}, /* the example of tlog-tiles */
    {-1, 1234067, 25, "tile/entries/x001/x234/067.p/25"},
    {7, 42, 99, "tile/7/042.p/99"},
    {0, 36028797018963967, 10, "tile/0/x036/x028/x797/x018/x963/967.p/10"},
};

START_TEST(tiles_have_the_names_of_the_specification)
{
    char path[FH_TLOG_TILE_TEXT];
    unsigned width = 0;
    uint64_t index = 0;
    int level = 0;

    ck_assert_int_eq(fh_tlog_tile_path(tiles[_i].level, tiles[_i].index, tiles[_i].width, path),
                     (int)strlen(tiles[_i].path));
    ck_assert_str_eq(path, tiles[_i].path);
    ck_assert_int_eq(fh_tlog_tile_parse(path, strlen(path), &level, &index, &width), 0);
    ck_assert_int_eq(level, tiles[_i].level);
    ck_assert_uint_eq(index, tiles[_i].index);
    ck_assert_uint_eq(width, tiles[_i].width);
}
END_TEST

static const char *const no_tiles[] = {
    "",
    "tile",
    "tile/",
    "tile/0",
    "tile/0/",
    "tile/0/0",
    "tile/0/0000",
    "tile/0/x000/001",
    "tile/0/x001",
    "tile/0/x001/x002/",
    "tile/8/000",
    "tile/-1/000",
    "tile/00/000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/0/000.p/",
    "tile/0/000.p/1/",
    "tile/0/000/1",
    "tile/0/../x001/000",
    "tile/entries/000 ",
    "/tile/0/000",
    "tile/0/x111/x111/x111/x111/x111/x111/111",
};

START_TEST(nothing_else_is_a_tile)
{
    unsigned width = 0;
    uint64_t index = 0;
    int level = 0;

    ck_assert_int_eq(fh_tlog_tile_parse(no_tiles[_i], strlen(no_tiles[_i]), &level, &index, &width),
                     FH_CLOUD_E_PROTO);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tlog");
    TCase *t = tcase_create("tree");
    SRunner *r;
    int failed;

    tcase_add_unchecked_fixture(t, setup, NULL);
    tcase_add_test(t, the_published_tree_grows_through_its_published_roots);
    tcase_add_loop_test(t, the_published_paths_are_believed, 0, 3);
    tcase_add_test(t, what_was_appended_has_the_root_of_the_definition);
    tcase_add_test(t, each_leaf_of_each_tree_is_proven_and_nothing_else);
    tcase_add_test(t, all_leaves_of_all_trees_are_proven);
    tcase_add_test(t, each_tree_is_the_beginning_of_each_later_one);
    tcase_add_test(t, a_rewritten_past_has_no_proof);
    tcase_add_test(t, what_cannot_be_proven_is_an_error);
    tcase_add_test(t, the_largest_trees_need_no_more_than_the_longest_path);
    tcase_add_loop_test(t, tiles_have_the_names_of_the_specification, 0,
                        (int)(sizeof tiles / sizeof *tiles));
    tcase_add_loop_test(t, nothing_else_is_a_tile, 0, (int)(sizeof no_tiles / sizeof *no_tiles));
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
