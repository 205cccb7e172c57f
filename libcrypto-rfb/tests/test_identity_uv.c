/* SPDX-License-Identifier: MIT */
/* Identity files and generation off the loop. */
#include "../uv/identity_uv.c"

#include <dirent.h>
#include <stdio.h>

#include "vectors.h"

#define GOOD "libcrypto-rfb/tests/vectors/keys/good-2048.pem"

static char dir[64], path[128], other[128];

static void setup(void)
{
    strcpy(dir, "/tmp/farhand-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/identity.pem", dir);
    snprintf(other, sizeof other, "%s/other", dir);
}

static void teardown(void)
{
    unlink(path);
    rmdir(path);
    unlink(other);
    ck_assert_int_eq(rmdir(dir), 0); /* nothing else is ever left behind */
}

static void copy_to(const char *name, mode_t mode)
{
    char pem[FH_IDENTITY_PEM_MAX];
    size_t len = file_bytes(GOOD, pem, sizeof pem);
    FILE *f = fopen(name, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(pem, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(name, mode), 0);
}

static struct fh_identity *good(void)
{
    char pem[FH_IDENTITY_PEM_MAX];
    size_t len = file_bytes(GOOD, pem, sizeof pem);
    struct fh_identity *id = NULL;

    ck_assert_int_eq(fh_identity_from_pem(pem, len, &id), 0);
    return id;
}

START_TEST(what_is_saved_is_loaded_and_is_its_owners_alone)
{
    struct fh_identity *id = good(), *again = NULL;
    const uint8_t *a, *b;
    size_t a_len, b_len;
    struct stat st;

    umask(_i == 0 ? 0 : 0777);
    ck_assert_int_eq(fh_identity_save(id, path), 0);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_uint_eq(st.st_nlink, 1);
    ck_assert_int_eq(fh_identity_load(path, &again), 0);
    a = fh_identity_spki(id, &a_len);
    b = fh_identity_spki(again, &b_len);
    ck_assert_uint_eq(a_len, b_len);
    ck_assert_mem_eq(a, b, a_len);
    fh_identity_free(again);
    fh_identity_free(id);
}
END_TEST

START_TEST(a_key_is_never_overwritten)
{
    struct fh_identity *id = good();
    char text[8] = "";

    copy_to(path, 0644);
    ck_assert_int_eq(fh_identity_save(id, path), FH_CRYPTO_E_EXISTS);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("other", path), 0); /* not even through a link to nothing */
    ck_assert_int_eq(fh_identity_save(id, path), FH_CRYPTO_E_EXISTS);
    ck_assert_int_eq(access(other, F_OK), -1);
    ck_assert_int_eq(readlink(path, text, sizeof text), 5);
    fh_identity_free(id);
}
END_TEST

START_TEST(a_folder_that_is_missing_or_a_file_is_an_io_error)
{
    struct fh_identity *id = good(), *none = NULL;
    char deep[160];

    snprintf(deep, sizeof deep, "%s/missing/identity.pem", dir);
    ck_assert_int_eq(fh_identity_save(id, deep), FH_CRYPTO_E_IO);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(fh_identity_load(deep, &none), FH_CRYPTO_E_IO);
    ck_assert_int_eq(errno, ENOENT);
    copy_to(other, 0600);
    snprintf(deep, sizeof deep, "%s/other/identity.pem", dir);
    ck_assert_int_eq(fh_identity_save(id, deep), FH_CRYPTO_E_IO);
    ck_assert_int_eq(errno, ENOTDIR);
    fh_identity_free(id);
}
END_TEST

START_TEST(a_file_open_to_others_is_refused)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0666, 0777};
    struct fh_identity *id = NULL;

    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        copy_to(path, modes[i]);
        ck_assert_int_eq(fh_identity_load(path, &id), FH_CRYPTO_E_MODE);
    }
    copy_to(path, 0400);
    ck_assert_int_eq(fh_identity_load(path, &id), 0);
    fh_identity_free(id);
    unlink(path);
}
END_TEST

START_TEST(only_a_regular_file_is_read)
{
    struct fh_identity *id = NULL;

    copy_to(other, 0600);
    ck_assert_int_eq(symlink("other", path), 0);
    ck_assert_int_eq(fh_identity_load(path, &id), FH_CRYPTO_E_IO);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(fh_identity_load(path, &id), FH_CRYPTO_E_IO);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(fh_identity_load(path, &id), FH_CRYPTO_E_IO);
    ck_assert_ptr_null(id);
}
END_TEST

START_TEST(a_file_that_is_too_long_or_empty_is_refused)
{
    struct fh_identity *id = NULL;
    FILE *f;

    copy_to(path, 0600);
    f = fopen(path, "ab");
    ck_assert_ptr_nonnull(f);
    for (int i = 0; i < 100000; i++)
        fputc('\n', f);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_lt(fh_identity_load(path, &id), 0);
    ck_assert_int_eq(truncate(path, 0), 0);
    ck_assert_int_eq(fh_identity_load(path, &id), FH_CRYPTO_E_FORMAT);
    ck_assert_ptr_null(id);
}
END_TEST

START_TEST(the_system_gives_random_bytes)
{
    uint8_t a[32] = {0}, b[32] = {0};

    fh_random_system(NULL, a, sizeof a);
    fh_random_system(NULL, b, sizeof b);
    ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

struct outcome {
    int calls, status;
    unsigned bits;
};

static void on_generated(struct fh_identity *id, int status, void *user)
{
    struct outcome *o = user;

    o->calls++;
    o->status = status;
    o->bits = id ? fh_identity_bits(id) : 0;
    fh_identity_free(id);
}

START_TEST(a_key_is_generated_while_the_loop_runs)
{
    struct outcome o = {0};
    struct fh_identity_generation *g = NULL;
    uv_loop_t loop;

    uv_loop_init(&loop);
    ck_assert_int_eq(fh_identity_generate_start(&loop, 2048, on_generated, &o, NULL), 0);
    ck_assert_int_eq(o.calls, 0);
    ck_assert_int_eq(fh_identity_generate_start(&loop, 1024, on_generated, &o, &g),
                     FH_CRYPTO_E_INVAL);
    ck_assert_ptr_null(g);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(o.calls, 1);
    ck_assert_int_eq(o.status, 0);
    ck_assert_uint_eq(o.bits, 2048);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

/* More generations than workers: some are cancelled in the queue, some at work. */
START_TEST(a_cancelled_generation_says_so_and_gives_no_key)
{
    struct outcome o[6] = {{0}};
    struct fh_identity_generation *g[6] = {NULL};
    uv_loop_t loop;

    uv_loop_init(&loop);
    for (size_t i = 0; i < ARRAY_LEN(g); i++)
        ck_assert_int_eq(fh_identity_generate_start(&loop, 2048, on_generated, &o[i], &g[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(g); i++)
        fh_identity_generate_cancel(g[i]);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < ARRAY_LEN(g); i++) {
        ck_assert_int_eq(o[i].calls, 1);
        ck_assert_int_eq(o[i].status, FH_CRYPTO_E_CLOSED);
        ck_assert_uint_eq(o[i].bits, 0);
    }
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("identity_uv");
    TCase *tc = tcase_create("identity_uv");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, what_is_saved_is_loaded_and_is_its_owners_alone, 0, 2);
    tcase_add_test(tc, a_key_is_never_overwritten);
    tcase_add_test(tc, a_folder_that_is_missing_or_a_file_is_an_io_error);
    tcase_add_test(tc, a_file_open_to_others_is_refused);
    tcase_add_test(tc, only_a_regular_file_is_read);
    tcase_add_test(tc, a_file_that_is_too_long_or_empty_is_refused);
    tcase_add_test(tc, the_system_gives_random_bytes);
    tcase_add_test(tc, a_key_is_generated_while_the_loop_runs);
    tcase_add_test(tc, a_cancelled_generation_says_so_and_gives_no_key);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
