/* SPDX-License-Identifier: MIT */
/* Password strings: the same as libsodium's, and bounded. */
#include "../src/password.c"

#include "vectors.h"

static void fixed_random(void *user, void *out, size_t len)
{
    memset(out, *(const int *)user, len);
}

#define SALT "AAECAwQFBgcICQoLDA0ODw"
#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

START_TEST(a_password_verifies_and_another_does_not)
{
    char out[FH_PASSWORD_HASH_MAX];
    int byte = 7;

    ck_assert_int_eq(fh_password_hash("secret", 6, fixed_random, &byte, out), 0);
    ck_assert_int_eq(strncmp(out, "$argon2id$v=19$m=65536,t=3,p=1$", 31), 0);
    ck_assert_int_eq(fh_password_verify(out, "secret", 6), 0);
    ck_assert_int_eq(fh_password_verify(out, "secreT", 6), FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_password_verify(out, "secret", 5), FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_password_needs_rehash(out), 0);
}
END_TEST

START_TEST(libsodium_reads_ours_and_we_read_libsodiums)
{
    char out[FH_PASSWORD_HASH_MAX], theirs[crypto_pwhash_STRBYTES];
    int byte = 9;

    ck_assert_int_eq(fh_password_hash("\xc3\xa9", 2, fixed_random, &byte, out), 0);
    ck_assert_int_eq(crypto_pwhash_str_verify(out, "\xc3\xa9", 2), 0);
    ck_assert_int_eq(crypto_pwhash_argon2id_str(theirs, "x", 1, 2, 8 << 20), 0);
    ck_assert_int_eq(fh_password_verify(theirs, "x", 1), 0);
    ck_assert_int_eq(fh_password_verify(theirs, "y", 1), FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_password_needs_rehash(theirs), 1);
}
END_TEST

START_TEST(the_salt_is_the_callers_random)
{
    char a[FH_PASSWORD_HASH_MAX], b[FH_PASSWORD_HASH_MAX];
    int one = 1, two = 2;

    ck_assert_int_eq(fh_password_hash("", 0, fixed_random, &one, a), 0);
    ck_assert_int_eq(fh_password_hash("", 0, fixed_random, &two, b), 0);
    ck_assert_str_ne(a, b);
    ck_assert_int_eq(strncmp(a + 31, "AQEBAQEBAQEBAQEBAQEBAQ$", 23), 0);
    ck_assert_int_eq(fh_password_verify(a, "", 0), 0);
}
END_TEST

START_TEST(a_password_may_be_1024_bytes_and_no_more)
{
    static char password[FH_PASSWORD_MAX + 1];
    char out[FH_PASSWORD_HASH_MAX];
    int byte = 3;

    ck_assert_int_eq(fh_password_hash(password, sizeof password, fixed_random, &byte, out),
                     FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_password_hash(password, FH_PASSWORD_MAX, fixed_random, &byte, out), 0);
    ck_assert_int_eq(fh_password_verify(out, password, FH_PASSWORD_MAX), 0);
    ck_assert_int_eq(fh_password_verify(out, password, sizeof password), FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_password_hash("", 0, fixed_random, &byte, out), 0);
    ck_assert_int_eq(fh_password_verify(out, password, sizeof password), FH_CRYPTO_E_AUTH);
}
END_TEST

START_TEST(an_unknown_user_is_never_let_in)
{
    static char password[FH_PASSWORD_MAX + 1];

    ck_assert_int_eq(fh_password_fake("", 0), FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_password_fake(password, sizeof password), FH_CRYPTO_E_AUTH);
}
END_TEST

static const struct {
    const char *stored;
    int ret; /* of needs_rehash, which parses as verify does */
} strings[] = {
    {"$argon2id$v=19$m=65536,t=3,p=1$" SALT "$" HASH, 0},
    {"$argon2id$v=19$m=262144,t=10,p=1$" SALT "$" HASH, 0},
    {"$argon2id$v=19$m=65535,t=3,p=1$" SALT "$" HASH, 1},
    {"$argon2id$v=19$m=65536,t=2,p=1$" SALT "$" HASH, 1},
    {"$argon2id$v=19$m=8,t=1,p=1$" SALT "$" HASH, 1},
    {"", FH_CRYPTO_E_FORMAT},
    {"x", FH_CRYPTO_E_FORMAT},
    {"$argon2i$v=19$m=65536,t=3,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=16$m=65536,t=3,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=262145,t=3,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=4294967296,t=3,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=99999999999999999999999,t=3,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=11,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=0,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=7,t=3,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=,t=3,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=-8,t=3,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=065536,t=3,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=3,p=2$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$t=3,m=65536,p=1$" SALT "$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=3,p=1$" SALT "$" HASH "A", FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=3,p=1$" SALT "$" HASH "=", FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=3,p=1$" SALT "==$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=3,p=1$" SALT "$" HASH "\n", FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=3,p=1$" SALT "$AAAA", FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=3,p=1$" SALT, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=3,p=1$AAECAwQFBgcICQoLDA0OD.$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=3,p=1$AAECAwQFBgcICQoLDA0ODx$" HASH, FH_CRYPTO_E_FORMAT},
    {"$argon2id$v=19$m=65536,t=3,p=1$", FH_CRYPTO_E_FORMAT},
};

START_TEST(a_stored_string_has_one_form_and_bounded_wishes)
{
    ck_assert_int_eq(fh_password_needs_rehash(strings[_i].stored), strings[_i].ret);
    if (strings[_i].ret < 0)
        ck_assert_int_eq(fh_password_verify(strings[_i].stored, "x", 1), FH_CRYPTO_E_FORMAT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("password");
    TCase *tc = tcase_create("password");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_test(tc, a_password_verifies_and_another_does_not);
    tcase_add_test(tc, libsodium_reads_ours_and_we_read_libsodiums);
    tcase_add_test(tc, the_salt_is_the_callers_random);
    tcase_add_test(tc, a_password_may_be_1024_bytes_and_no_more);
    tcase_add_test(tc, an_unknown_user_is_never_let_in);
    tcase_add_loop_test(tc, a_stored_string_has_one_form_and_bounded_wishes, 0, ARRAY_LEN(strings));
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
