/* SPDX-License-Identifier: MIT */
/* VNC Authentication: responses, computed with the DES of python3-cryptography, and what is
 * refused. */
#include <farhand/vncauth.h>

#include "vectors.h"

static const struct {
    const char *password;
    uint8_t response[FH_VNCAUTH_LEN]; /* to 00 01 .. 0f */
} table[] = {
    {"password",
     {0xb8, 0x66, 0x92, 0x41, 0x25, 0xc8, 0xee, 0xbb, 0x9d, 0xeb, 0xc1, 0xdb, 0x61, 0xc5, 0x38,
      0xe2}},
    {"COW",
     {0xdc, 0x72, 0xfe, 0x4d, 0xa1, 0x73, 0xcc, 0x3f, 0x3c, 0x68, 0x4d, 0x66, 0x37, 0xed, 0x8c,
      0x28}},
    {"12345678",
     {0x83, 0xdd, 0x2b, 0x4d, 0xbd, 0x04, 0x36, 0x7f, 0x28, 0x57, 0x8f, 0xdd, 0x5b, 0x14, 0x27,
      0x40}},
    {"",
     {0x49, 0x1e, 0x89, 0x0d, 0xe9, 0xac, 0xe9, 0x32, 0x83, 0x8a, 0x49, 0x79, 0x2f, 0x22, 0x13,
      0xf3}},
    {"a",
     {0x44, 0x94, 0x07, 0xfb, 0x6f, 0x71, 0xbd, 0x51, 0x7a, 0xca, 0x76, 0x86, 0x65, 0x68, 0xa4,
      0xe2}},
};

static uint8_t challenge[FH_VNCAUTH_LEN];

static void make_challenge(void)
{
    for (size_t i = 0; i < sizeof challenge; i++)
        challenge[i] = (uint8_t)i;
}

START_TEST(a_response_is_what_others_compute)
{
    const char *password = table[_i].password;
    uint8_t out[FH_VNCAUTH_LEN];

    ck_assert_int_eq(fh_vncauth_response(password, strlen(password), challenge, out), 0);
    ck_assert_mem_eq(out, table[_i].response, sizeof out);
}
END_TEST

START_TEST(what_stands_behind_eight_characters_has_no_effect)
{
    uint8_t a[FH_VNCAUTH_LEN], b[FH_VNCAUTH_LEN];

    ck_assert_int_eq(fh_vncauth_response("12345678", 8, challenge, a), 0);
    ck_assert_int_eq(fh_vncauth_response("123456789abc", 12, challenge, b), 0);
    ck_assert_mem_eq(a, b, sizeof a);
    ck_assert_int_eq(fh_vncauth_check("12345678z", 9, challenge, a), 0);
}
END_TEST

START_TEST(any_other_response_is_refused)
{
    uint8_t out[FH_VNCAUTH_LEN];

    ck_assert_int_eq(fh_vncauth_response("secret", 6, challenge, out), 0);
    ck_assert_int_eq(fh_vncauth_check("secret", 6, challenge, out), 0);
    for (size_t bit = 0; bit < 8 * sizeof out; bit++) {
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_eq(fh_vncauth_check("secret", 6, challenge, out), FH_CRYPTO_E_AUTH);
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_int_eq(fh_vncauth_check("Secret", 6, challenge, out), FH_CRYPTO_E_AUTH);
    challenge[15] ^= 1;
    ck_assert_int_eq(fh_vncauth_check("secret", 6, challenge, out), FH_CRYPTO_E_AUTH);
}
END_TEST

/* Both are the same key: what an unset password would be. */
START_TEST(an_empty_password_lets_nobody_in)
{
    uint8_t out[FH_VNCAUTH_LEN];

    ck_assert_int_eq(fh_vncauth_response("", 0, challenge, out), 0);
    ck_assert_int_eq(fh_vncauth_check("", 0, challenge, out), FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_vncauth_check("\0abc", 4, challenge, out), FH_CRYPTO_E_AUTH);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vncauth");
    SRunner *sr = srunner_create(s);
    TCase *tc = tcase_create("vncauth");
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, make_challenge, NULL);
    tcase_add_loop_test(tc, a_response_is_what_others_compute, 0, ARRAY_LEN(table));
    tcase_add_test(tc, what_stands_behind_eight_characters_has_no_effect);
    tcase_add_test(tc, any_other_response_is_refused);
    tcase_add_test(tc, an_empty_password_lets_nobody_in);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
