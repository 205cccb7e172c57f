/* SPDX-License-Identifier: MIT */
/* One-time codes against RFC 6238 and 4226; base32 against RFC 4648; recovery codes. */
#include "../src/totp.c"

#include "vectors.h"

static const char seed[] = "1234567890123456789012345678901234567890123456789012345678901234";

static struct fh_totp of(enum fh_totp_hash hash, size_t len, unsigned digits)
{
    struct fh_totp t = {.hash = hash, .digits = digits, .key_len = len};

    memcpy(t.key, seed, len);
    return t;
}

/* RFC 6238 appendix B, with the keys of its erratum 2866: 20, 32 and 64 bytes. */
static const struct {
    uint64_t unix_s;
    const char *sha1, *sha256, *sha512;
} rfc6238[] = {
    {59, "94287082", "46119246", "90693936"},
    {1111111109, "07081804", "68084774", "25091201"},
    {1111111111, "14050471", "67062674", "99943326"},
    {1234567890, "89005924", "91819424", "93441116"},
    {2000000000, "69279037", "90698825", "38618901"},
    {20000000000, "65353130", "77737706", "47863826"},
};

START_TEST(codes_match_rfc6238)
{
    const struct fh_totp t[] = {of(FH_TOTP_SHA1, 20, 8), of(FH_TOTP_SHA256, 32, 8),
                                of(FH_TOTP_SHA512, 64, 8)};
    const char *const right[] = {rfc6238[_i].sha1, rfc6238[_i].sha256, rfc6238[_i].sha512};
    char code[FH_TOTP_DIGITS_MAX + 1];
    uint64_t step;

    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(fh_totp_code(&t[i], rfc6238[_i].unix_s / 30, code), 0);
        ck_assert_str_eq(code, right[i]);
        ck_assert_int_eq(fh_totp_check(&t[i], code, 8, rfc6238[_i].unix_s, 0, &step), 0);
        ck_assert_uint_eq(step, rfc6238[_i].unix_s / 30);
    }
}
END_TEST

/* RFC 4226 appendix D */
static const char *const rfc4226[] = {"755224", "287082", "359152", "969429", "338314",
                                      "254676", "287922", "162583", "399871", "520489"};

START_TEST(six_digits_match_rfc4226)
{
    const struct fh_totp t = of(FH_TOTP_SHA1, 20, 6);
    char code[FH_TOTP_DIGITS_MAX + 1];

    ck_assert_int_eq(fh_totp_code(&t, (uint64_t)_i, code), 0);
    ck_assert_str_eq(code, rfc4226[_i]);
}
END_TEST

/* Seconds from the step in which the code is made, and whether it is accepted. */
static const struct {
    int64_t after_s;
    bool is_right;
} window[] = {{-31, false}, {-30, true}, {-1, true}, {0, true},
              {29, true},   {30, true},  {59, true}, {60, false}};

START_TEST(a_code_is_good_for_one_step_more_on_either_side)
{
    const struct fh_totp t = of(FH_TOTP_SHA1, 20, 6);
    uint64_t now = 1200000000, step = 7;
    char code[FH_TOTP_DIGITS_MAX + 1];
    int ret;

    ck_assert_int_eq(fh_totp_code(&t, now / 30, code), 0);
    ret = fh_totp_check(&t, code, 6, now + (uint64_t)window[_i].after_s, 0, &step);
    ck_assert_int_eq(ret, window[_i].is_right ? 0 : FH_CRYPTO_E_AUTH);
    ck_assert_uint_eq(step, window[_i].is_right ? now / 30 : 7);
}
END_TEST

START_TEST(a_code_is_good_once_and_an_older_one_no_more)
{
    const struct fh_totp t = of(FH_TOTP_SHA1, 20, 6);
    char code[FH_TOTP_DIGITS_MAX + 1], before[FH_TOTP_DIGITS_MAX + 1];
    uint64_t now = 1200000000, last = 0, step = 0;

    ck_assert_int_eq(fh_totp_code(&t, now / 30, code), 0);
    ck_assert_int_eq(fh_totp_code(&t, now / 30 - 1, before), 0);
    ck_assert_int_eq(fh_totp_check(&t, code, 6, now, last, &last), 0);
    ck_assert_int_eq(fh_totp_check(&t, code, 6, now, last, &step), FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_totp_check(&t, code, 6, now + 30, last, &step), FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_totp_check(&t, before, 6, now, last, &step), FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_totp_check(&t, before, 6, now, last - 2, &step), 0);
}
END_TEST

static const struct {
    const char *code;
    size_t len;
} wrong[] = {{"", 0},         {"75522", 5},     {"7552244", 7},     {"755225", 6},
             {"755224\0", 7}, {" 755224", 7},   {"000000", 6},      {"75522\xff", 6},
             {"aaaaaa", 6},   {"755224000", 9}, {"\0\0\0\0\0\0", 6}};

START_TEST(nothing_else_is_a_code)
{
    const struct fh_totp t = of(FH_TOTP_SHA1, 20, 6);
    uint64_t step = 9;

    ck_assert_int_eq(fh_totp_check(&t, wrong[_i].code, wrong[_i].len, 15, 0, &step),
                     FH_CRYPTO_E_AUTH);
    ck_assert_uint_eq(step, 9);
}
END_TEST

/* At the beginning of time nothing is before the first step. */
START_TEST(the_ends_of_time_are_no_trap)
{
    const struct fh_totp t = of(FH_TOTP_SHA1, 20, 6);
    uint64_t step;

    ck_assert_int_eq(fh_totp_check(&t, "287082", 6, 0, 0, &step), 0);
    ck_assert_uint_eq(step, 1);
    ck_assert_int_eq(fh_totp_check(&t, "755224", 6, 0, 0, &step), FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_totp_check(&t, "755224", 6, UINT64_MAX, 0, &step), FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_totp_check(&t, "287082", 6, 30, UINT64_MAX, &step), FH_CRYPTO_E_AUTH);
}
END_TEST

START_TEST(what_is_no_secret_of_ours_makes_no_code)
{
    struct fh_totp t[] = {of(FH_TOTP_SHA1, 15, 6), of(FH_TOTP_SHA1, 20, 5), of(FH_TOTP_SHA1, 20, 9),
                          of((enum fh_totp_hash)0, 20, 6), of((enum fh_totp_hash)4, 20, 6)};
    char code[FH_TOTP_DIGITS_MAX + 1], uri[FH_TOTP_URI_MAX];
    uint64_t step;

    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        ck_assert_int_eq(fh_totp_code(&t[i], 1, code), FH_CRYPTO_E_INVAL);
        ck_assert_int_eq(fh_totp_check(&t[i], "287082", 6, 30, 0, &step), FH_CRYPTO_E_INVAL);
        ck_assert_int_eq(fh_totp_uri(&t[i], "a", "b", uri), FH_CRYPTO_E_INVAL);
    }
}
END_TEST

/* ---- secrets as text ---- */

static void counted(void *user, void *out, size_t len)
{
    uint8_t *p = out;

    for (size_t i = 0; i < len; i++)
        p[i] = (*(uint8_t *)user)++;
}

START_TEST(a_new_secret_is_as_long_as_its_hash)
{
    static const size_t len[] = {20, 32, 64};
    uint8_t from = 1;
    struct fh_totp t = {0};

    for (int hash = FH_TOTP_SHA1; hash <= FH_TOTP_SHA512; hash++) {
        ck_assert_int_eq(fh_totp_generate((enum fh_totp_hash)hash, 6, counted, &from, &t), 0);
        ck_assert_uint_eq(t.key_len, len[hash - FH_TOTP_SHA1]);
        ck_assert_uint_eq(t.key[t.key_len - 1], (uint8_t)(from - 1));
        ck_assert_int_eq(
            fh_totp_hash_of(fh_totp_hash_name(t.hash), strlen(fh_totp_hash_name(t.hash))), hash);
    }
    ck_assert_int_eq(fh_totp_generate(FH_TOTP_SHA1, 9, counted, &from, &t), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_totp_generate((enum fh_totp_hash)4, 6, counted, &from, &t),
                     FH_CRYPTO_E_INVAL);
    ck_assert_ptr_null(fh_totp_hash_name((enum fh_totp_hash)4));
    ck_assert_int_eq(fh_totp_hash_of("md5", 3), 0);
}
END_TEST

/* RFC 4648 section 10, without its padding */
static const char *const rfc4648[][2] = {{"", ""},
                                         {"f", "MY"},
                                         {"fo", "MZXQ"},
                                         {"foo", "MZXW6"},
                                         {"foob", "MZXW6YQ"},
                                         {"fooba", "MZXW6YTB"},
                                         {"foobar", "MZXW6YTBOI"}};

START_TEST(base32_matches_rfc4648)
{
    char text[32];
    uint8_t back[16];
    size_t len = strlen(rfc4648[_i][0]);

    text[write_base32((const uint8_t *)rfc4648[_i][0], len, text)] = '\0';
    ck_assert_str_eq(text, rfc4648[_i][1]);
    ck_assert_int_eq(read_base32(text, strlen(text), back, sizeof back), (int)len);
    ck_assert_mem_eq(back, rfc4648[_i][0], len);
}
END_TEST

START_TEST(a_secret_has_one_form)
{
    static const char *const bad[] = {"",
                                      "GEZDGNBVGY3TQOJQGEZDGNBV=",
                                      "gezdgnbvgy3tqojqgezdgnbvgy",
                                      "GEZDGNBVGY3TQOJQ",
                                      "GEZDGNBVGY3TQOJQGEZDGNBVGZ",
                                      "GEZDGNBVGY3TQOJQGEZDGNBVGYA",
                                      "GEZDGNBVGY3TQOJQ GEZDGNBVGY",
                                      "GEZDGNBVGY3TQOJ1GEZDGNBVGY"};
    struct fh_totp t = of(FH_TOTP_SHA1, 64, 6), back = {0};
    char text[FH_TOTP_BASE32_MAX];

    for (size_t len = FH_TOTP_KEY_MIN; len <= FH_TOTP_KEY_MAX; len++) {
        t.key_len = len;
        fh_totp_key_write(&t, text);
        ck_assert_int_eq(fh_totp_key_read(text, strlen(text), &back), 0);
        ck_assert_uint_eq(back.key_len, len);
        ck_assert_mem_eq(back.key, t.key, len);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(fh_totp_key_read(bad[i], strlen(bad[i]), &t) == FH_CRYPTO_E_FORMAT, "%s",
                      bad[i]);
    ck_assert_int_eq(fh_totp_key_read(text, strlen(text) - 1, &back), FH_CRYPTO_E_FORMAT);
    memset(text, 'A', sizeof text);
    ck_assert_int_eq(fh_totp_key_read(text, sizeof text, &back), FH_CRYPTO_E_FORMAT);
}
END_TEST

START_TEST(a_uri_escapes_what_is_in_names)
{
    const struct fh_totp t = of(FH_TOTP_SHA1, 20, 6);
    char uri[FH_TOTP_URI_MAX], name[FH_TOTP_NAME_MAX + 2];

    ck_assert_int_eq(fh_totp_uri(&t, "my host", "ann&secret=:/\xc3\xa4", uri), 0);
    ck_assert_str_eq(uri, "otpauth://totp/my%20host:ann%26secret%3D%3A%2F%C3%A4"
                          "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=my%20host"
                          "&algorithm=SHA1&digits=6&period=30");
    memset(name, '%', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_int_eq(fh_totp_uri(&t, name, "a", uri), FH_CRYPTO_E_INVAL);
    name[sizeof name - 2] = '\0';
    ck_assert_int_eq(fh_totp_uri(&t, name, name, uri), 0);
}
END_TEST

/* ---- recovery codes ---- */

START_TEST(a_recovery_code_is_known_again_however_it_is_typed)
{
    static const char *const same[] = {"abcd-efgh-ijkl-mnop", "ABCD EFGH IJKL MNOP",
                                       "abcdefghijklmnop", "8BCd-EFGH-1JKL-MN0P"};
    uint8_t hash[FH_RECOVERY_HASH_LEN], other[FH_RECOVERY_HASH_LEN];
    char code[FH_RECOVERY_TEXT];
    uint8_t from = 0;

    fh_recovery_new(counted, &from, code);
    ck_assert_str_eq(code, same[0]);
    ck_assert_int_eq(fh_recovery_hash("ann", code, strlen(code), hash), 0);
    for (size_t i = 1; i < 3; i++) {
        ck_assert_int_eq(fh_recovery_hash("ann", same[i], strlen(same[i]), other), 0);
        ck_assert_mem_eq(hash, other, sizeof hash);
    }
    ck_assert_int_eq(fh_recovery_hash("ann", same[3], strlen(same[3]), other), 0);
    ck_assert_mem_ne(hash, other, sizeof hash);
    ck_assert_int_eq(fh_recovery_hash("ann", "bbcd-efgh-ljkl-mnop", 19, hash), 0);
    ck_assert_mem_eq(hash, other, sizeof hash);
}
END_TEST

START_TEST(two_users_have_nothing_in_common)
{
    uint8_t hash[FH_RECOVERY_HASH_LEN], other[FH_RECOVERY_HASH_LEN];

    ck_assert_int_eq(fh_recovery_hash("ann", "abcdefghijklmnop", 16, hash), 0);
    ck_assert_int_eq(fh_recovery_hash("ben", "abcdefghijklmnop", 16, other), 0);
    ck_assert_mem_ne(hash, other, sizeof hash);
}
END_TEST

START_TEST(what_cannot_be_a_recovery_code_is_none)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "123456",
                                      "abcdefghijklmno",
                                      "abcdefghijklmnopq",
                                      "abcdefghijklmno9",
                                      "abcdefghijklmno\xc3"};
    uint8_t hash[FH_RECOVERY_HASH_LEN];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(fh_recovery_hash("ann", bad[i], strlen(bad[i]), hash), FH_CRYPTO_E_FORMAT);
    ck_assert_int_eq(fh_recovery_hash("ann", "abcdefghijklmno\0", 16, hash), FH_CRYPTO_E_FORMAT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("totp");
    TCase *tc = tcase_create("totp");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, codes_match_rfc6238, 0, sizeof rfc6238 / sizeof rfc6238[0]);
    tcase_add_loop_test(tc, six_digits_match_rfc4226, 0, 10);
    tcase_add_loop_test(tc, a_code_is_good_for_one_step_more_on_either_side, 0,
                        sizeof window / sizeof window[0]);
    tcase_add_test(tc, a_code_is_good_once_and_an_older_one_no_more);
    tcase_add_loop_test(tc, nothing_else_is_a_code, 0, sizeof wrong / sizeof wrong[0]);
    tcase_add_test(tc, the_ends_of_time_are_no_trap);
    tcase_add_test(tc, what_is_no_secret_of_ours_makes_no_code);
    tcase_add_test(tc, a_new_secret_is_as_long_as_its_hash);
    tcase_add_loop_test(tc, base32_matches_rfc4648, 0, sizeof rfc4648 / sizeof rfc4648[0]);
    tcase_add_test(tc, a_secret_has_one_form);
    tcase_add_test(tc, a_uri_escapes_what_is_in_names);
    tcase_add_test(tc, a_recovery_code_is_known_again_however_it_is_typed);
    tcase_add_test(tc, two_users_have_nothing_in_common);
    tcase_add_test(tc, what_cannot_be_a_recovery_code_is_none);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
