/* SPDX-License-Identifier: MIT */
/* AES-256-GCM by both engines: NIST's CAVP vectors, tampering, and one against the other. */
#include "../src/aead.c"

#include "vectors.h"

#define DIR "libcrypto-rfb/tests/vectors/"

static const enum fh__aead_engine engines[] = {FH__AEAD_SODIUM, FH__AEAD_MBEDTLS};

/* An expanded key, aligned; false (said) where the CPU has no AES instructions. */
static bool set_key(struct fh__aead *a, enum fh__aead_engine engine, const uint8_t key[32])
{
    int ret = fh__aead_set(a, engine, key);

    if (engine == FH__AEAD_SODIUM && !crypto_aead_aes256gcm_is_available()) {
        ck_assert_int_eq(ret, FH_CRYPTO_E_INVAL);
        printf("skipped: libsodium has no AES-256-GCM on this CPU\n");
        return false;
    }
    ck_assert_int_eq(ret, 0);
    return true;
}

struct row {
    uint8_t key[32], iv[12], tag[16], aad[128], pt[128], ct[128];
    size_t aad_len, len;
    bool fails;
};

/* The row of the record, if it is of our form. */
static bool read_row(const struct vectors *v, struct row *r)
{
    if (!vectors_fresh(v, "Count") || strcmp(vectors_get(v, "IVlen"), "96") != 0 ||
        strcmp(vectors_get(v, "Taglen"), "128") != 0)
        return false;
    hex_bytes(vectors_get(v, "Key"), r->key, sizeof r->key);
    hex_bytes(vectors_get(v, "IV"), r->iv, sizeof r->iv);
    hex_bytes(vectors_get(v, "Tag"), r->tag, sizeof r->tag);
    r->aad_len = hex_bytes(vectors_get(v, "AAD"), r->aad, sizeof r->aad);
    r->len = hex_bytes(vectors_get(v, "CT"), r->ct, sizeof r->ct);
    r->fails = vectors_fresh(v, "FAIL");
    if (!r->fails)
        hex_bytes(vectors_get(v, "PT"), r->pt, sizeof r->pt);
    return true;
}

static void check_seal(enum fh__aead_engine engine, const struct row *r)
{
    static struct fh__aead a;
    uint8_t data[128 + 16];

    if (!set_key(&a, engine, r->key))
        return;
    memcpy(data, r->pt, r->len);
    ck_assert_int_eq(fh__aead_seal(&a, r->iv, r->aad, r->aad_len, data, r->len), 0);
    ck_assert_mem_eq(data, r->ct, r->len);
    ck_assert_mem_eq(data + r->len, r->tag, 16);
    fh__aead_clear(&a);
}

static void check_open(enum fh__aead_engine engine, const struct row *r)
{
    static struct fh__aead a;
    uint8_t data[128 + 16];
    int ret;

    if (!set_key(&a, engine, r->key))
        return;
    memcpy(data, r->ct, r->len);
    memcpy(data + r->len, r->tag, 16);
    ret = fh__aead_open(&a, r->iv, r->aad, r->aad_len, data, r->len);
    ck_assert_int_eq(ret, r->fails ? FH_CRYPTO_E_AUTH : 0);
    if (!r->fails)
        ck_assert_mem_eq(data, r->pt, r->len);
    fh__aead_clear(&a);
}

static size_t check_file(struct vectors *v, enum fh__aead_engine engine, bool seals)
{
    struct row r;
    size_t n = 0;

    while (vectors_next(v)) {
        if (!read_row(v, &r))
            continue;
        n++;
        if (seals)
            check_seal(engine, &r);
        check_open(engine, &r);
    }
    return n;
}

START_TEST(an_engine_matches_the_committed_nist_rows)
{
    struct vectors v;

    vectors_open(&v, DIR "gcmEncryptExtIV256.rsp");
    ck_assert_uint_eq(check_file(&v, engines[_i], true), 75);
    vectors_open(&v, DIR "gcmDecrypt256.rsp");
    ck_assert_uint_eq(check_file(&v, engines[_i], false), 75);
}
END_TEST

START_TEST(an_engine_matches_all_nist_rows_where_they_are_installed)
{
    struct vectors v;

    if (vectors_open_package(&v, "ciphers/AES/GCM/gcmEncryptExtIV256.rsp"))
        ck_assert_uint_eq(check_file(&v, engines[_i], true), 375);
    if (vectors_open_package(&v, "ciphers/AES/GCM/gcmDecrypt256.rsp"))
        ck_assert_uint_eq(check_file(&v, engines[_i], false), 375);
}
END_TEST

/* Every bit of IV, header, ciphertext and tag counts. */
START_TEST(an_engine_refuses_every_flipped_bit)
{
    static struct fh__aead a;
    uint8_t key[32] = {7}, all[12 + 4 + 33 + 16], copy[sizeof all];

    memset(all, 0x3c, sizeof all);
    if (!set_key(&a, engines[_i], key))
        return;
    ck_assert_int_eq(fh__aead_seal(&a, all, all + 12, 4, all + 16, 33), 0);
    for (size_t bit = 0; bit < 8 * sizeof all; bit++) {
        memcpy(copy, all, sizeof all);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(fh__aead_open(&a, copy, copy + 12, 4, copy + 16, 33), FH_CRYPTO_E_AUTH);
    }
    ck_assert_int_eq(fh__aead_open(&a, all, all + 12, 4, all + 16, 33), 0);
    ck_assert_uint_eq(all[16], 0x3c);
    fh__aead_clear(&a);
}
END_TEST

START_TEST(both_engines_agree_on_lengths_to_600)
{
    static struct fh__aead a, b;
    static uint8_t x[600 + 16], y[600 + 16];
    uint8_t key[32] = {9}, iv[12] = {1};

    if (!set_key(&a, FH__AEAD_SODIUM, key))
        return;
    set_key(&b, FH__AEAD_MBEDTLS, key);
    for (size_t len = 0; len <= 600; len++) {
        iv[11] = (uint8_t)len;
        memset(x, (int)len, sizeof x);
        memcpy(y, x, sizeof y);
        ck_assert_int_eq(fh__aead_seal(&a, iv, iv, len % 13, x, len), 0);
        ck_assert_int_eq(fh__aead_seal(&b, iv, iv, len % 13, y, len), 0);
        ck_assert_mem_eq(x, y, len + 16);
        ck_assert_int_eq(fh__aead_open(&b, iv, iv, len % 13, x, len), 0);
        ck_assert_int_eq(fh__aead_open(&a, iv, iv, len % 13, y, len), 0);
        ck_assert_mem_eq(x, y, len);
    }
    fh__aead_clear(&a);
    fh__aead_clear(&b);
}
END_TEST

START_TEST(auto_takes_libsodium_where_it_can)
{
    static struct fh__aead a;
    uint8_t key[32] = {0};

    ck_assert_int_eq(fh__aead_set(&a, FH__AEAD_AUTO, key), 0);
    ck_assert_int_eq(a.engine,
                     crypto_aead_aes256gcm_is_available() ? FH__AEAD_SODIUM : FH__AEAD_MBEDTLS);
    fh__aead_clear(&a);
}
END_TEST

/* LeakSanitizer sees what a key set over another, or cleared twice, would lose. */
START_TEST(setting_again_and_clearing_twice_lose_nothing)
{
    static const struct fh__aead zero;
    static struct fh__aead a;
    uint8_t key[32] = {0}, data[17] = {0};

    ck_assert_int_eq(fh__aead_seal(&a, key, NULL, 0, data, 1), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh__aead_open(&a, key, NULL, 0, data, 1), FH_CRYPTO_E_INVAL);
    set_key(&a, FH__AEAD_MBEDTLS, key);
    set_key(&a, FH__AEAD_MBEDTLS, key);
    fh__aead_clear(&a);
    fh__aead_clear(&a);
    ck_assert_mem_eq(&a, &zero, sizeof a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("aead");
    TCase *tc = tcase_create("aead");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, an_engine_matches_the_committed_nist_rows, 0, ARRAY_LEN(engines));
    tcase_add_loop_test(tc, an_engine_matches_all_nist_rows_where_they_are_installed, 0,
                        ARRAY_LEN(engines));
    tcase_add_loop_test(tc, an_engine_refuses_every_flipped_bit, 0, ARRAY_LEN(engines));
    tcase_add_test(tc, both_engines_agree_on_lengths_to_600);
    tcase_add_test(tc, auto_takes_libsodium_where_it_can);
    tcase_add_test(tc, setting_again_and_clearing_twice_lose_nothing);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
