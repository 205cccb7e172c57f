/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/password.h>

#include "../src/users.c"

static void counted_bytes(void *user, void *out, size_t len)
{
    uint8_t *p = out;

    (void)user;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)i;
}

static char hash[FH_PASSWORD_HASH_MAX];
static struct fh_users *u;

static struct fh_users *parse(const char *text)
{
    struct fh_users *out = NULL;
    const char *expected;
    unsigned line;

    ck_assert_msg(fh_users_parse(text, strlen(text), &out, &line, &expected) == 0, "line %u: %s",
                  line, expected);
    return out;
}

static void setup(void)
{
    ck_assert_int_eq(fh_password_hash("secret", 6, counted_bytes, NULL, hash), 0);
    u = parse("");
}

static void teardown(void)
{
    fh_users_free(u);
}

START_TEST(a_user_gets_in_with_his_password_and_no_other)
{
    uint32_t permissions = 99;

    ck_assert_int_eq(fh_users_set(u, "ann", hash, FH_PERM_VIEW), 0);
    ck_assert_int_eq(fh_users_check(u, "ann", "secret", 6, &permissions), 0);
    ck_assert_uint_eq(permissions, FH_PERM_VIEW);
    permissions = 99;
    ck_assert_int_eq(fh_users_check(u, "ann", "secreT", 6, &permissions), FH_SESSION_E_AUTH);
    ck_assert_int_eq(fh_users_check(u, "ann", "secret", 5, &permissions), FH_SESSION_E_AUTH);
    ck_assert_int_eq(fh_users_check(u, "ann", "", 0, &permissions), FH_SESSION_E_AUTH);
    ck_assert_int_eq(fh_users_check(u, "bob", "secret", 6, &permissions), FH_SESSION_E_AUTH);
    ck_assert_int_eq(fh_users_check(u, "", "secret", 6, &permissions), FH_SESSION_E_AUTH);
    ck_assert_uint_eq(permissions, 99);
}
END_TEST

START_TEST(nobody_gets_in_where_there_are_no_users)
{
    uint32_t permissions = 99;

    ck_assert_int_eq(fh_users_check(u, "root", "", 0, &permissions), FH_SESSION_E_AUTH);
    ck_assert_uint_eq(permissions, 99);
}
END_TEST

START_TEST(users_are_set_replaced_and_removed_and_comments_stay)
{
    char text[1024];
    size_t len;

    fh_users_free(u);
    snprintf(text, sizeof text, "# people\nann:%s:view-only\n\nbob:%s:all\n", hash, hash);
    u = parse(text);
    ck_assert_str_eq(fh_users_text(u, &len), text);
    ck_assert_uint_eq(fh_users_count(u), 2);
    ck_assert_str_eq(fh_users_name(u, 1), "bob");
    ck_assert_uint_eq(fh_users_permissions(u, 0), FH_PERM_VIEW);
    ck_assert_ptr_null(fh_users_name(u, 2));
    ck_assert_int_eq(fh_users_set(u, "ann", hash, FH_PERM_ALL), 0);
    ck_assert_uint_eq(fh_users_count(u), 2);
    ck_assert_uint_eq(fh_users_permissions(u, 0), FH_PERM_ALL);
    ck_assert_int_eq(fh_users_remove(u, "bob"), 1);
    ck_assert_int_eq(fh_users_remove(u, "bob"), 0);
    snprintf(text, sizeof text, "# people\nann:%s:all\n\n", hash);
    ck_assert_str_eq(fh_users_text(u, &len), text);
}
END_TEST

static const char *const bad_names[] = {"",
                                        "a:b",
                                        "a\nb",
                                        "#a",
                                        "\x1b[0m",
                                        "\xff",
                                        "\xe2\x80\xae"
                                        "a",
                                        "12345678901234567890123456789012345678901234567890"
                                        "123456789012345"};

START_TEST(names_that_would_break_the_file_or_a_screen_are_refused)
{
    ck_assert_int_eq(fh_users_set(u, bad_names[_i], hash, FH_PERM_VIEW), FH_SESSION_E_INVAL);
    ck_assert_uint_eq(fh_users_count(u), 0);
}
END_TEST

static const struct {
    const char *text;
    unsigned line;
    const char *expected;
} bad[] = {
    {"# ok\nann\n", 2, "NAME:HASH:PERMISSIONS"},
    {"ann:x\n", 1, "NAME:HASH:PERMISSIONS"},
    {"ann:plain:all\n", 1, "argon2id"},
    {"ann:$argon2id$v=19$m=65536,t=3,p=1$x:all\n", 1, "argon2id"},
    {"ann:$argon2id$v=19$m=4194304,t=3,p=1$AAECAwQFBgcICQoLDA0ODw$"
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:all\n",
     1, "argon2id"},
    {":x:all\n", 1, "user name"},
};

START_TEST(a_wrong_line_is_named_with_what_was_expected)
{
    struct fh_users *out = NULL;
    const char *expected;
    unsigned line;

    ck_assert_int_eq(fh_users_parse(bad[_i].text, strlen(bad[_i].text), &out, &line, &expected),
                     FH_SESSION_E_FORMAT);
    ck_assert_uint_eq(line, bad[_i].line);
    ck_assert_ptr_nonnull(strstr(expected, bad[_i].expected));
    ck_assert_ptr_null(out);
}
END_TEST

START_TEST(wrong_permissions_and_a_user_twice_are_errors)
{
    char text[1024];
    struct fh_users *out = NULL;
    const char *expected;
    unsigned line;

    snprintf(text, sizeof text, "ann:%s:every\n", hash);
    ck_assert_int_eq(fh_users_parse(text, strlen(text), &out, &line, &expected),
                     FH_SESSION_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(expected, "permissions"));
    snprintf(text, sizeof text, "ann:%s:all\nann:%s:view\n", hash, hash);
    ck_assert_int_eq(fh_users_parse(text, strlen(text), &out, &line, &expected),
                     FH_SESSION_E_FORMAT);
    ck_assert_uint_eq(line, 2);
    ck_assert_str_eq(expected, "each user once");
    ck_assert_int_eq(fh_users_parse("ann\0:", 5, &out, &line, &expected), FH_SESSION_E_FORMAT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("users");
    TCase *tc = tcase_create("users");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_user_gets_in_with_his_password_and_no_other);
    tcase_add_test(tc, nobody_gets_in_where_there_are_no_users);
    tcase_add_test(tc, users_are_set_replaced_and_removed_and_comments_stay);
    tcase_add_loop_test(tc, names_that_would_break_the_file_or_a_screen_are_refused, 0,
                        sizeof bad_names / sizeof bad_names[0]);
    tcase_add_loop_test(tc, a_wrong_line_is_named_with_what_was_expected, 0,
                        sizeof bad / sizeof bad[0]);
    tcase_add_test(tc, wrong_permissions_and_a_user_twice_are_errors);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
