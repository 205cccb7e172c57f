/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cloudfile.h"

static char folder[64], path[200], why[FH__CLOUDFILE_WHY];

static void setup(void)
{
    strcpy(folder, "/tmp/farhand-cloudfile-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/state/cloud.key", folder);
}

static void teardown(void)
{
    char command[300];

    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static void write_text(const char *name, const char *text, mode_t mode)
{
    FILE *f = fopen(name, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(name, mode), 0);
}

static void beside(const char *ending, char out[300])
{
    snprintf(out, 300, "%s.%s", path, ending);
}

START_TEST(a_key_is_made_once_and_is_nobody_elses)
{
    uint8_t first[FH_SEAL_KEY_LEN], again[FH_SEAL_KEY_LEN];
    static const uint8_t zeros[FH_SEAL_KEY_LEN];
    struct stat st;

    ck_assert_msg(fh__cloudfile_key(path, first, why) == 0, "%s", why);
    ck_assert_msg(fh__cloudfile_key(path, again, why) == 0, "%s", why);
    ck_assert_mem_eq(first, again, sizeof first);
    ck_assert_mem_ne(first, zeros, sizeof first);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_key_that_is_none_is_refused_and_left_alone)
{
    static const char *const texts[] = {"", "abcd\n",
                                        "zz00000000000000000000000000000000000000000000000000000000"
                                        "000000\n",
                                        "000000000000000000000000000000000000000000000000000000000"
                                        "00000000\n"};
    uint8_t key[FH_SEAL_KEY_LEN];
    char shared[100];

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(path, sizeof path, "%s/key", folder);
        write_text(path, texts[i], 0600);
        ck_assert_int_eq(fh__cloudfile_key(path, key, why), -1);
        ck_assert_ptr_nonnull(strstr(why, "64 hexadecimal digits"));
    }
    snprintf(shared, sizeof shared, "%s/shared", folder);
    write_text(shared, "", 0644);
    ck_assert_int_eq(fh__cloudfile_key(shared, key, why), -1);
    ck_assert_ptr_nonnull(strstr(why, "others may not read"));
    snprintf(path, sizeof path, "%s/name", folder);
    ck_assert_int_eq(symlink(shared, path), 0);
    ck_assert_int_eq(fh__cloudfile_key(path, key, why), -1);
}
END_TEST

START_TEST(a_password_is_a_line_of_a_file_or_was_used)
{
    uint8_t password[FH_CLOUD_PASSWORD_LEN], out[FH_CLOUD_PASSWORD_LEN];
    char text[FH_CLOUD_PASSWORD_TEXT + 2];

    snprintf(path, sizeof path, "%s/password", folder);
    ck_assert_int_eq(fh__cloudfile_password(path, out, why), 1);
    memset(password, 0x5a, sizeof password);
    fh_cloud_password_print(password, text);
    strcat(text, "\n");
    write_text(path, text, 0600);
    ck_assert_msg(fh__cloudfile_password(path, out, why) == 0, "%s", why);
    ck_assert_mem_eq(out, password, sizeof out);
    write_text(path, "secret\n", 0600);
    ck_assert_int_eq(fh__cloudfile_password(path, out, why), -1);
    write_text(path, text, 0640);
    ck_assert_int_eq(fh__cloudfile_password(path, out, why), -1);
}
END_TEST

START_TEST(what_is_kept_is_there_again_and_the_first_evidence_stays)
{
    uint8_t key[FH_SEAL_KEY_LEN], out[FH__CLOUDFILE_MAX];
    static uint8_t long_one[FH__CLOUDFILE_MAX + 1];
    char name[300], text[32] = "";
    size_t len;
    FILE *f;

    ck_assert_int_eq(fh__cloudfile_key(path, key, why), 0);
    ck_assert_int_eq(fh__cloudfile_read(path, FH__CLOUDFILE_STATEMENT, out, &len, why), 0);
    ck_assert_uint_eq(len, 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(fh__cloudfile_keep(path, FH__CLOUDFILE_STATEMENT,
                                            (const uint8_t *)"once twice" + 5 * i, 4, why),
                         0);
    ck_assert_int_eq(fh__cloudfile_read(path, FH__CLOUDFILE_STATEMENT, out, &len, why), 0);
    ck_assert_uint_eq(len, 4);
    ck_assert_mem_eq(out, "twic", 4);
    ck_assert_int_eq(fh__cloudfile_read(path, FH__CLOUDFILE_CHECKPOINT, out, &len, why), 0);
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(
        fh__cloudfile_evidence(path, (const uint8_t *)"a", 1, (const uint8_t *)"b", 1, why), 0);
    ck_assert_int_eq(
        fh__cloudfile_evidence(path, (const uint8_t *)"c", 1, (const uint8_t *)"d", 1, why), -1);
    ck_assert_int_eq(fh__cloudfile_evidence(path, long_one, sizeof long_one, long_one, 1, why), -1);
    beside("fork", name);
    ck_assert_ptr_nonnull(f = fopen(name, "r"));
    ck_assert_ptr_nonnull(fgets(text, sizeof text, f));
    fclose(f);
    ck_assert_str_eq(text, "ab");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cloud files");
    TCase *tc = tcase_create("files");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_key_is_made_once_and_is_nobody_elses);
    tcase_add_test(tc, a_key_that_is_none_is_refused_and_left_alone);
    tcase_add_test(tc, a_password_is_a_line_of_a_file_or_was_used);
    tcase_add_test(tc, what_is_kept_is_there_again_and_the_first_evidence_stays);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
