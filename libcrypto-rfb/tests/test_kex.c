/* SPDX-License-Identifier: MIT */
/* X25519 against RFC 7748; ML-KEM-768 with itself, and its check of keys. */
#include "../src/kex.c"

#include "vectors.h"

/* RFC 7748 5.2, the two single vectors; 6.1 from both sides. */
static const struct {
    const char *scalar, *u, *out;
} rfc7748[] = {
    {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
     "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
     "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
    {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
     "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
     "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
    {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
     "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
    {"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
     "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
     "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
};

/* RFC 7748 6.1. */
static const struct {
    const char *secret, *public;
} key_pairs[] = {
    {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
     "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"},
    {"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"},
};

/* Points of order 1, 2, 4 and 8, and one written with p added: their products are zero. */
static const char *const small_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

START_TEST(x25519_matches_rfc7748)
{
    uint8_t scalar[32], u[32], want[32], out[32];

    hex_bytes(rfc7748[_i].scalar, scalar, 32);
    hex_bytes(rfc7748[_i].u, u, 32);
    hex_bytes(rfc7748[_i].out, want, 32);
    ck_assert_int_eq(fh__x25519(scalar, u, out), 0);
    ck_assert_mem_eq(out, want, 32);
}
END_TEST

START_TEST(x25519_ignores_the_top_bit_of_a_point)
{
    uint8_t scalar[32], u[32], want[32], out[32];

    hex_bytes(rfc7748[_i].scalar, scalar, 32);
    hex_bytes(rfc7748[_i].u, u, 32);
    hex_bytes(rfc7748[_i].out, want, 32);
    u[31] ^= 0x80;
    ck_assert_int_eq(fh__x25519(scalar, u, out), 0);
    ck_assert_mem_eq(out, want, 32);
}
END_TEST

/* RFC 7748 5.2: k, u = X25519(k, u), k; both from 9 on. */
START_TEST(x25519_matches_rfc7748_iterated)
{
    uint8_t k[32] = {9}, u[32] = {9}, out[32], want[32];

    for (int i = 1; i <= 1000; i++) {
        ck_assert_int_eq(fh__x25519(k, u, out), 0);
        memcpy(u, k, 32);
        memcpy(k, out, 32);
        if (i != 1 && i != 1000)
            continue;
        hex_bytes(i == 1 ? "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
                         : "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
                  want, 32);
        ck_assert_mem_eq(k, want, 32);
    }
}
END_TEST

START_TEST(a_public_key_matches_rfc7748)
{
    uint8_t secret[32], want[32], out[32];

    hex_bytes(key_pairs[_i].secret, secret, 32);
    hex_bytes(key_pairs[_i].public, want, 32);
    fh__x25519_public(secret, out);
    ck_assert_mem_eq(out, want, 32);
}
END_TEST

START_TEST(x25519_refuses_a_point_of_small_order)
{
    uint8_t secret[32] = {0x40}, u[32], out[32];

    hex_bytes(small_order[_i], u, 32);
    ck_assert_int_eq(fh__x25519(secret, u, out), FH_CRYPTO_E_PROTO);
    u[31] ^= 0x80;
    ck_assert_int_eq(fh__x25519(secret, u, out), FH_CRYPTO_E_PROTO);
}
END_TEST

/* Writes coefficient i, 12 bits, little-endian. FIPS 203 4.2.1. */
static void put_coefficient(uint8_t *ek, size_t i, unsigned v)
{
    uint8_t *p = ek + i / 2 * 3;

    if (i % 2 == 0) {
        p[0] = (uint8_t)v;
        p[1] = (uint8_t)((p[1] & 0xf0) | v >> 8);
    } else {
        p[1] = (uint8_t)((p[1] & 0x0f) | (v & 15) << 4);
        p[2] = (uint8_t)(v >> 4);
    }
}

START_TEST(an_mlkem_key_has_no_coefficient_of_3329_or_more)
{
    static const unsigned refused[] = {3329, 3330, 3584, 4095};
    uint8_t ek[FH__MLKEM_EK], seed[32] = {0}, ct[FH__MLKEM_CT], ss[FH__MLKEM_SS];

    memset(ek, 0xff, sizeof ek); /* the seed after the coefficients may be anything */
    for (size_t i = 0; i < 768; i++)
        put_coefficient(ek, i, 3328);
    ck_assert(ek_is_reduced(ek));
    for (size_t i = 0; i < 768; i++) {
        for (size_t k = 0; k < ARRAY_LEN(refused); k++) {
            put_coefficient(ek, i, refused[k]);
            ck_assert_int_eq(fh__mlkem_encapsulate(ek, seed, ct, ss), FH_CRYPTO_E_PROTO);
        }
        put_coefficient(ek, i, (unsigned)i);
        ck_assert(ek_is_reduced(ek));
    }
}
END_TEST

START_TEST(both_ends_of_mlkem_share_a_secret_or_it_is_not_offered)
{
    uint8_t ek[FH__MLKEM_EK] = {0}, dk[FH__MLKEM_DK], ct[FH__MLKEM_CT] = {0};
    uint8_t a[FH__MLKEM_SS], b[FH__MLKEM_SS], seed[64] = {3};

    if (!fh__mlkem_is_available()) {
        ck_assert_int_eq(fh__mlkem_keypair(seed, ek, dk), FH_CRYPTO_E_INVAL);
        ck_assert_int_eq(fh__mlkem_encapsulate(ek, seed, ct, a), FH_CRYPTO_E_INVAL);
        ck_assert_int_eq(fh__mlkem_decapsulate(dk, ct, b), FH_CRYPTO_E_INVAL);
        printf("skipped: this libsodium has no ML-KEM-768\n");
        return;
    }
    ck_assert_int_eq(fh__mlkem_keypair(seed, ek, dk), 0);
    ck_assert_int_eq(fh__mlkem_encapsulate(ek, seed, ct, a), 0);
    ck_assert_int_eq(fh__mlkem_decapsulate(dk, ct, b), 0);
    ck_assert_mem_eq(a, b, sizeof a);
    ct[0] ^= 1; /* implicit rejection: another secret, no error */
    ck_assert_int_eq(fh__mlkem_decapsulate(dk, ct, b), 0);
    ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("kex");
    TCase *tc = tcase_create("kex");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, x25519_matches_rfc7748, 0, ARRAY_LEN(rfc7748));
    tcase_add_loop_test(tc, x25519_ignores_the_top_bit_of_a_point, 0, ARRAY_LEN(rfc7748));
    tcase_add_test(tc, x25519_matches_rfc7748_iterated);
    tcase_add_loop_test(tc, a_public_key_matches_rfc7748, 0, ARRAY_LEN(key_pairs));
    tcase_add_loop_test(tc, x25519_refuses_a_point_of_small_order, 0, ARRAY_LEN(small_order));
    tcase_add_test(tc, an_mlkem_key_has_no_coefficient_of_3329_or_more);
    tcase_add_test(tc, both_ends_of_mlkem_share_a_secret_or_it_is_not_offered);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
