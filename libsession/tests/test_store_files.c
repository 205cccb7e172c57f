/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <farhand/codes_file.h>
#include <farhand/known_peers_file.h>
#include <farhand/users_file.h>

#include "keys.h"

static char dir[64], path[128], ann[] = "ann", bob[] = "bob";
static uint8_t key_a[TEST_SPKI_LEN];

static void setup(void)
{
    strcpy(dir, "/tmp/farhand-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/new/store", dir);
    test_spki(1, key_a);
}

static void teardown(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

static int add_next(struct fh_known_peers *k, void *user)
{
    char name[64];

    snprintf(name, sizeof name, "host%d:5900", *(int *)user);
    return fh_known_peers_add(k, name, key_a, TEST_SPKI_LEN, FH_KNOWN_GIVEN, NULL, 1, NULL);
}

static mode_t mode_of(const char *file)
{
    struct stat st;

    ck_assert_int_eq(stat(file, &st), 0);
    return st.st_mode & 0777;
}

static int load_peers(void)
{
    struct fh_known_peers *k = NULL;
    unsigned line;
    int ret = fh_known_peers_load(path, &k, &line);

    fh_known_peers_free(k);
    return ret;
}

START_TEST(a_store_that_is_not_there_is_empty_and_is_made_private)
{
    int n = 0;

    ck_assert_int_eq(load_peers(), 0);
    ck_assert_int_eq(fh_known_peers_update(path, add_next, &n), 0);
    ck_assert_uint_eq(mode_of(path), 0600);
    snprintf(path, sizeof path, "%s/new", dir);
    ck_assert_uint_eq(mode_of(path), 0700);
}
END_TEST

START_TEST(a_store_that_others_may_write_or_a_link_is_refused)
{
    char target[128];
    int n = 0;

    ck_assert_int_eq(fh_known_peers_update(path, add_next, &n), 0);
    ck_assert_int_eq(chmod(path, 0622), 0);
    ck_assert_int_eq(load_peers(), FH_SESSION_E_MODE);
    ck_assert_int_eq(chmod(path, 0644), 0);
    ck_assert_int_eq(load_peers(), 0);
    snprintf(target, sizeof target, "%s/target", dir);
    ck_assert_int_eq(rename(path, target), 0);
    ck_assert_int_eq(symlink(target, path), 0);
    ck_assert_int_eq(load_peers(), FH_SESSION_E_MODE);
    ck_assert_int_eq(fh_known_peers_update(path, add_next, &n), FH_SESSION_E_MODE);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(load_peers(), FH_SESSION_E_MODE);
}
END_TEST

static int refuse(struct fh_known_peers *k, void *user)
{
    (void)k;
    (void)user;
    return FH_SESSION_E_CHANGED;
}

START_TEST(an_edit_that_fails_changes_nothing)
{
    struct stat before, after;
    int n = 0;

    ck_assert_int_eq(fh_known_peers_update(path, add_next, &n), 0);
    ck_assert_int_eq(stat(path, &before), 0);
    ck_assert_int_eq(fh_known_peers_update(path, refuse, NULL), FH_SESSION_E_CHANGED);
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert(before.st_ino == after.st_ino && before.st_size == after.st_size);
}
END_TEST

static void update_for_ever(void)
{
    for (int n = 0;; n++)
        if (fh_known_peers_update(path, add_next, &n) != 0)
            _exit(1);
}

/* Killed at any moment, a writer leaves a whole store, and the next one is not kept out. */
START_TEST(a_writer_that_is_killed_leaves_a_whole_store)
{
    for (int round = 0; round < 40; round++) {
        struct timespec moment = {.tv_nsec = 100000L + 370000L * round};
        pid_t child = fork();
        int status;

        ck_assert_int_ge(child, 0);
        if (child == 0)
            update_for_ever();
        nanosleep(&moment, NULL);
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status));
        ck_assert_int_eq(load_peers(), 0);
        ck_assert_int_eq(fh_known_peers_update(path, add_next, &round), 0);
    }
}
END_TEST

START_TEST(writers_at_the_same_time_lose_nothing)
{
    struct fh_known_peers *k;
    unsigned line;
    size_t len, lines = 0;
    const char *text;

    for (int n = 0; n < 8; n++) {
        pid_t child = fork();

        ck_assert_int_ge(child, 0);
        if (child == 0)
            _exit(fh_known_peers_update(path, add_next, &n) != 0);
    }
    for (int n = 0; n < 8; n++) {
        int status;

        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(fh_known_peers_load(path, &k, &line), 0);
    for (text = fh_known_peers_text(k, &len); *text; text++)
        lines += *text == '\n';
    ck_assert_uint_eq(lines, 8);
    fh_known_peers_free(k);
}
END_TEST

/* The key of RFC 6238, and its code of the step of second 59. */
static int enrol(struct fh_codes *c, void *name)
{
    struct fh_enrolment e = {.totp = {.hash = FH_TOTP_SHA1, .digits = 6}};

    strcpy(e.name, name);
    ck_assert_int_eq(fh_totp_key_read("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 32, &e.totp), 0);
    return fh_codes_put(c, &e);
}

static int spend(void)
{
    bool is_recovery;

    return fh_codes_file_spend(path, ann, "287082", 6, 59, &is_recovery);
}

START_TEST(of_many_processes_that_hear_a_code_one_may_use_it)
{
    unsigned lets_in = 0;

    ck_assert_int_eq(spend(), FH_SESSION_E_AUTH);
    ck_assert_int_eq(fh_codes_update(path, enrol, ann), 0);
    ck_assert_uint_eq(mode_of(path), 0600);
    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0)
            _exit(spend() == 0 ? 0 : 1);
    }
    for (int i = 0, status; i < 8; i++) {
        ck_assert_int_gt(wait(&status), 0);
        lets_in += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    ck_assert_uint_eq(lets_in, 1);
}
END_TEST

/* The temporary file cannot be made, since a folder has its name: the code stays unused. */
START_TEST(a_code_that_cannot_be_written_down_lets_nobody_in)
{
    char blocked[160];

    ck_assert_int_eq(fh_codes_update(path, enrol, ann), 0);
    snprintf(blocked, sizeof blocked, "%s/new/.store.new", dir);
    ck_assert_int_eq(mkdir(blocked, 0700), 0);
    ck_assert_int_eq(spend(), FH_SESSION_E_IO);
    ck_assert_int_eq(rmdir(blocked), 0);
    ck_assert_int_eq(spend(), 0);
    ck_assert_int_eq(spend(), FH_SESSION_E_AUTH);
}
END_TEST

static int add_user(struct fh_users *u, void *name)
{
    struct fh_user user = {.has_permissions = true,
                           .permissions = FH_PERM_VIEW,
                           .hash = "$argon2id$v=19$m=65536,t=3,p=1$AAECAwQFBgcICQoLDA0ODw$"
                                   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};

    strcpy(user.name, name);
    return fh_users_put(u, &user);
}

START_TEST(users_are_stored_so_that_only_the_owner_reads_them)
{
    struct fh_users *u = NULL;
    const char *expected;
    unsigned line;

    ck_assert_int_eq(fh_users_load(path, &u, &line, &expected), FH_SESSION_E_IO);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(fh_users_update(path, add_user, ann), 0);
    ck_assert_int_eq(fh_users_update(path, add_user, bob), 0);
    ck_assert_uint_eq(mode_of(path), 0600);
    ck_assert_int_eq(fh_users_load(path, &u, &line, &expected), 0);
    ck_assert_uint_eq(fh_users_count(u), 2);
    fh_users_free(u);
    ck_assert_int_eq(chmod(path, 0640), 0);
    ck_assert_int_eq(fh_users_load(path, &u, &line, &expected), FH_SESSION_E_MODE);
}
END_TEST

START_TEST(a_wrong_users_file_names_its_line)
{
    struct fh_users *u = NULL;
    const char *expected;
    unsigned line;
    FILE *f;

    snprintf(path, sizeof path, "%s/users", dir);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs("# people\nann\n", f);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(fh_users_load(path, &u, &line, &expected), FH_SESSION_E_FORMAT);
    ck_assert_uint_eq(line, 2);
    ck_assert_int_eq(fh_users_update(path, add_user, bob), FH_SESSION_E_FORMAT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store_files");
    TCase *tc = tcase_create("store_files");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_store_that_is_not_there_is_empty_and_is_made_private);
    tcase_add_test(tc, a_store_that_others_may_write_or_a_link_is_refused);
    tcase_add_test(tc, an_edit_that_fails_changes_nothing);
    tcase_add_test(tc, a_writer_that_is_killed_leaves_a_whole_store);
    tcase_add_test(tc, writers_at_the_same_time_lose_nothing);
    tcase_add_test(tc, users_are_stored_so_that_only_the_owner_reads_them);
    tcase_add_test(tc, a_wrong_users_file_names_its_line);
    tcase_add_test(tc, of_many_processes_that_hear_a_code_one_may_use_it);
    tcase_add_test(tc, a_code_that_cannot_be_written_down_lets_nobody_in);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
