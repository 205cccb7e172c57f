/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/password.h>

static unsigned n_hashes; /* that were computed */

static int count_verify(const char *stored, const char *password, size_t len)
{
    n_hashes++;
    return fh_password_verify(stored, password, len);
}

static int count_fake(const char *password, size_t len)
{
    n_hashes++;
    return fh_password_fake(password, len);
}

#define fh_password_verify count_verify
#define fh_password_fake count_fake
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

static int put(const char *name, uint32_t permissions)
{
    struct fh_user user = {.has_permissions = true, .permissions = permissions};

    snprintf(user.name, sizeof user.name, "%s", name);
    strcpy(user.hash, hash);
    return fh_users_put(u, &user);
}

START_TEST(a_user_gets_in_with_his_password_and_no_other)
{
    ck_assert_int_eq(put("ann", FH_PERM_VIEW), 0);
    ck_assert_int_eq(fh_users_check(u, "ann", "secret", 6), 0);
    ck_assert_int_eq(fh_users_check(u, "ann", "secreT", 6), FH_SESSION_E_AUTH);
    ck_assert_int_eq(fh_users_check(u, "ann", "secret", 5), FH_SESSION_E_AUTH);
    ck_assert_int_eq(fh_users_check(u, "ann", "", 0), FH_SESSION_E_AUTH);
    ck_assert_int_eq(fh_users_check(u, "bob", "secret", 6), FH_SESSION_E_AUTH);
    ck_assert_int_eq(fh_users_check(u, "", "secret", 6), FH_SESSION_E_AUTH);
}
END_TEST

START_TEST(nobody_gets_in_where_there_are_no_users)
{
    ck_assert_int_eq(fh_users_check(u, "root", "", 0), FH_SESSION_E_AUTH);
}
END_TEST

/* Not the clock but what is computed: one hash, whoever it is. */
START_TEST(whoever_asks_costs_one_hash)
{
    static const char *const names[] = {"ann", "empty", "*", "@staff", "nobody", ""};
    unsigned before;

    fh_users_free(u);
    u = parse("empty::all\n@staff::all\n*::view\n");
    ck_assert_int_eq(put("ann", FH_PERM_VIEW), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        before = n_hashes;
        ck_assert_int_eq(fh_users_check(u, names[i], "wrong", 5), FH_SESSION_E_AUTH);
        ck_assert_uint_eq(n_hashes - before, 1);
    }
    before = n_hashes;
    ck_assert_int_eq(fh_users_check(u, "ann", "secret", 6), 0);
    ck_assert_uint_eq(n_hashes - before, 1);
}
END_TEST

START_TEST(users_are_put_replaced_and_removed_and_comments_stay)
{
    struct fh_user user;
    char text[1024];
    size_t len;

    fh_users_free(u);
    snprintf(text, sizeof text, "# people\nann:%s:view-only\n\nbob:%s:all\n", hash, hash);
    u = parse(text);
    ck_assert_str_eq(fh_users_text(u, &len), text);
    ck_assert_uint_eq(fh_users_count(u), 2);
    fh_users_at(u, 1, &user);
    ck_assert_str_eq(user.name, "bob");
    ck_assert_int_eq(fh_users_get(u, "ann", &user), 0);
    ck_assert_uint_eq(user.permissions, FH_PERM_VIEW);
    ck_assert_int_eq(fh_users_get(u, "an", &user), FH_SESSION_E_UNKNOWN);
    ck_assert_int_eq(put("ann", FH_PERM_ALL), 0);
    ck_assert_uint_eq(fh_users_count(u), 2);
    ck_assert_int_eq(fh_users_get(u, "ann", &user), 0);
    ck_assert_uint_eq(user.permissions, FH_PERM_ALL);
    ck_assert_int_eq(fh_users_remove(u, "bob"), 1);
    ck_assert_int_eq(fh_users_remove(u, "bob"), 0);
    snprintf(text, sizeof text, "# people\nann:%s:all\n\n", hash);
    ck_assert_str_eq(fh_users_text(u, &len), text);
}
END_TEST

/* ---- groups, factors, identities ---- */

#define FP_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define FP_B "f0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char people[] = "@staff::view,pointer:require=password\n"
                             "@admins::all:require=password + totp\n"
                             "ann:::groups=staff,admins\n"
                             "ben::view:require=identity:groups=admins:identity=" FP_A "," FP_B "\n"
                             "cid:::groups=staff\n"
                             "dan::\n"
                             "*::view\n";

static const struct {
    const char *name;
    uint32_t permissions;
    unsigned required;
} rights[] = {
    {"ann", FH_PERM_ALL, FH_FACTOR_PASSWORD | FH_FACTOR_TOTP},
    {"ben", FH_PERM_VIEW, FH_FACTOR_IDENTITY},
    {"cid", FH_PERM_VIEW | FH_PERM_POINTER, FH_FACTOR_PASSWORD},
    {"dan", FH_PERM_NONE, 0},
    {"eve", FH_PERM_VIEW, 0},
};

START_TEST(what_a_user_says_goes_before_its_groups_which_add_up)
{
    struct fh_user user;
    uint32_t permissions;
    unsigned required;

    fh_users_free(u);
    u = parse(people);
    ck_assert_int_eq(fh_users_get_or_else(u, rights[_i].name, &user), 0);
    fh_users_rights(u, &user, &permissions, &required);
    ck_assert_uint_eq(permissions, rights[_i].permissions);
    ck_assert_uint_eq(required, rights[_i].required);
}
END_TEST

START_TEST(a_line_says_the_same_when_it_is_written_again)
{
    struct fh_user user;
    size_t len;

    fh_users_free(u);
    u = parse(people);
    for (size_t i = 0; i < fh_users_count(u); i++) {
        fh_users_at(u, i, &user);
        ck_assert_int_eq(fh_users_put(u, &user), 0);
    }
    ck_assert_str_eq(fh_users_text(u, &len), people);
}
END_TEST

START_TEST(an_identity_is_one_of_the_list)
{
    uint8_t fp[FH_FINGERPRINT_LEN];
    struct fh_user user;

    fh_users_free(u);
    u = parse(people);
    ck_assert_int_eq(fh_users_get(u, "ben", &user), 0);
    ck_assert_int_eq(fh_fingerprint_from_hex(FP_B, fp), 0);
    ck_assert(fh_user_has_identity(&user, fp));
    fp[31] ^= 1;
    ck_assert(!fh_user_has_identity(&user, fp));
    ck_assert_int_eq(fh_users_get(u, "ann", &user), 0);
    memset(fp, 0, sizeof fp);
    ck_assert(!fh_user_has_identity(&user, fp));
}
END_TEST

START_TEST(a_group_with_members_stays)
{
    struct fh_user user;

    fh_users_free(u);
    u = parse(people);
    ck_assert_int_eq(fh_users_remove_group(u, "staff"), FH_SESSION_E_STATE);
    ck_assert_int_eq(fh_users_remove(u, "ann"), 1);
    ck_assert_int_eq(fh_users_remove_group(u, "staff"), FH_SESSION_E_STATE);
    ck_assert_int_eq(fh_users_remove(u, "cid"), 1);
    ck_assert_int_eq(fh_users_remove_group(u, "staff"), 1);
    ck_assert_int_eq(fh_users_remove_group(u, "staff"), 0);
    ck_assert_int_eq(fh_users_get_group(u, "staff", &user), FH_SESSION_E_UNKNOWN);
    ck_assert_int_eq(fh_users_get(u, "ben", &user), 0);
    strcpy(user.groups[0], "staff");
    ck_assert_int_eq(fh_users_put(u, &user), FH_SESSION_E_UNKNOWN);
}
END_TEST

/* Everyone else's line lets nobody in by a password. */
START_TEST(everyone_else_is_whom_no_line_names)
{
    struct fh_user user;

    fh_users_free(u);
    u = parse(people);
    ck_assert_int_eq(fh_users_get(u, "eve", &user), FH_SESSION_E_UNKNOWN);
    ck_assert_int_eq(fh_users_get_or_else(u, "ann", &user), 0);
    ck_assert_str_eq(user.name, "ann");
    ck_assert_int_eq(fh_users_get(u, "ben::view:require=identity", &user), FH_SESSION_E_UNKNOWN);
    strcpy(user.name, "*");
    strcpy(user.hash, hash);
    ck_assert_int_eq(fh_users_put(u, &user), FH_SESSION_E_INVAL);
}
END_TEST

static const char *const bad_names[] = {"",
                                        "a:b",
                                        "a\nb",
                                        "#a",
                                        "@a",
                                        "\x1b[0m",
                                        "\xff",
                                        "\xe2\x80\xae"
                                        "a",
                                        "12345678901234567890123456789012345678901234567890"
                                        "123456789012345"};

START_TEST(names_that_would_break_the_file_or_a_screen_are_refused)
{
    if (strlen(bad_names[_i]) <= FH_USERS_NAME_MAX)
        ck_assert_int_eq(put(bad_names[_i], FH_PERM_VIEW), FH_SESSION_E_INVAL);
    ck_assert(!is_valid_name(bad_names[_i], strlen(bad_names[_i])));
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
    {":x:all\n", 1, "a name"},
    {"@:: all\n", 1, "a name"},
    {"@a,b::all\n", 1, "a name"},
    {"@a:$argon2id$v=19$m=65536,t=3,p=1$AAECAwQFBgcICQoLDA0ODw$"
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:all\n",
     1, "no hash"},
    {"*:$argon2id$v=19$m=65536,t=3,p=1$AAECAwQFBgcICQoLDA0ODw$"
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:all\n",
     1, "no hash"},
    {"@a::all\nann:::groups=a,b\n", 2, "groups that are in the file"},
    {"@a::all\nann:::groups=a,a\n", 2, "each group once"},
    {"@a::all\nann:::groups=\n", 2, "groups="},
    {"@a::all\n@b:::groups=a\n", 2, "not of a group"},
    {"@a::all\n@a::view\n", 2, "each user and each group once"},
    {"ann:::require=\n", 1, "require="},
    {"ann:::require=totp\n", 1, "require="},
    {"ann:::require=password:require=identity\n", 1, "require="},
    {"ann:::identity=00\n", 1, "identity="},
    {"ann:::identity=zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", 1,
     "fingerprint"},
    {"ann:::identity=" FP_A ":identity=" FP_B "\n", 1, "identity= once"},
    {"ann:::expires=now\n", 1, "require=, groups= or identity="},
    {"ann::all:\n", 1, "require=, groups= or identity="},
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
    ck_assert_str_eq(expected, "each user and each group once");
    ck_assert_int_eq(fh_users_parse("ann\0:", 5, &out, &line, &expected), FH_SESSION_E_FORMAT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("users");
    TCase *tc = tcase_create("users");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60); /* each hash takes its time, on a busy machine more */
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_user_gets_in_with_his_password_and_no_other);
    tcase_add_test(tc, nobody_gets_in_where_there_are_no_users);
    tcase_add_test(tc, whoever_asks_costs_one_hash);
    tcase_add_test(tc, users_are_put_replaced_and_removed_and_comments_stay);
    tcase_add_loop_test(tc, what_a_user_says_goes_before_its_groups_which_add_up, 0,
                        sizeof rights / sizeof rights[0]);
    tcase_add_test(tc, a_line_says_the_same_when_it_is_written_again);
    tcase_add_test(tc, an_identity_is_one_of_the_list);
    tcase_add_test(tc, a_group_with_members_stays);
    tcase_add_test(tc, everyone_else_is_whom_no_line_names);
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
