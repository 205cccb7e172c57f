/* SPDX-License-Identifier: MIT */
/* Hash, HMAC, HKDF and Label(): against FIPS 180-4, RFC 4231, RFC 5869 and values made with Python.
 */
#include "../src/kdf.c"

#include <farhand/digest.h>

#include "vectors.h"

/* RFC 4231 4.2 to 4.8, without 4.6 (a truncated output). */
static const struct {
    const char *key, *data, *mac;
} rfc4231[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "dddddddddddddddddddd",
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"0102030405060708090a0b0c0d0e0f10111213141516171819",
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
     "cdcdcdcdcdcdcdcdcdcd",
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaa",
     "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d20"
     "48617368204b6579204669727374",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaa",
     "5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b"
     "2d73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a652064"
     "6174612e20546865206b6579206e6565647320746f20626520686173686564206265666f72652062"
     "65696e6720757365642062792074686520484d414320616c676f726974686d2e",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
};

/* RFC 5869 A.1 to A.3. */
static const struct {
    const char *ikm, *salt, *info, *prk, *okm;
} rfc5869[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
     "f0f1f2f3f4f5f6f7f8f9", "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b88718"
     "5865"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"
     "28292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
     "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828384858687"
     "88898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
     "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7"
     "d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
     "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
     "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac78272"
     "71cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f"
     "1d87"},
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
     "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
     "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a"
     "96c8"},
};

/* Label(00 01 .. 1f, label, context, L), computed with Python's hmac. */
static const struct {
    const char *label, *context, *out;
} labels[] = {
    {"key", "", "5d35bfa769f595b332aa8e8b7f6dee002c9cd9c2e318aa60f90ff2fa25a8d40e"},
    {"iv", "", "d213d5df569a158c99aa214f"},
    {"derived", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "6b87675cf548531312018f5c640acdae02576d8264f42d4c979220fffeab7081"},
    {"cloud ref", "000102030405060708090a0b0c0d0e0f", "5f3fae8cf0258e16ba9ba23dd6fbe91a"},
    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "000000000000000000000000000000",
     "ad3cc9bfd53b52d579d5c8090df977df53bebc9cebcdbc700afbbc882782a0de3d049861e559a81b"
     "9ec3ea803251f85d38bf9a6b6df362cccd8794b0426daca700f1a9e62d6e24e82b97a7633af441f3"
     "e42ad1215012fa24cb1b446c7e054f065854256b6cebb00e9b290a77128c79634f37d34abc0c7b87"
     "3926dfc99a42d5bd6070b6a030a2b9434413eeb45133f814cc7a536601c8ecca4eab7fa35cb87e97"
     "9dde2da7570c76e7ae8d0f203ada8dff86e38b68d654f533b3ec569d6d1a196f47895c37aeb98282"
     "ceb413c74782e735039362933ce803bee96fe742edf67a1ffff3ebf53bf6c71a6763b041dcd82c68"
     "7fd56ed761d2884b50e73c5ec8034d"},
};

START_TEST(hmac_sha256_matches_rfc4231)
{
    uint8_t key[160], data[160], mac[32], out[32];
    size_t key_len = hex_bytes(rfc4231[_i].key, key, sizeof key);
    size_t len = hex_bytes(rfc4231[_i].data, data, sizeof data);

    hex_bytes(rfc4231[_i].mac, mac, sizeof mac);
    fh__hmac(key, key_len, data, len, out);
    ck_assert_mem_eq(out, mac, sizeof mac);
}
END_TEST

/* FIPS 180-4, the example "abc". */
START_TEST(the_public_sha256_is_that_of_fips_180)
{
    uint8_t out[FH_SHA256_LEN], want[32];

    hex_bytes("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", want, 32);
    fh_sha256("abc", 3, out);
    ck_assert_mem_eq(out, want, 32);
}
END_TEST

START_TEST(hkdf_sha256_matches_rfc5869)
{
    uint8_t ikm[80], salt[80], info[80], prk[32], okm[82], out[82];
    size_t ikm_len = hex_bytes(rfc5869[_i].ikm, ikm, sizeof ikm);
    size_t salt_len = hex_bytes(rfc5869[_i].salt, salt, sizeof salt);
    size_t info_len = hex_bytes(rfc5869[_i].info, info, sizeof info);
    size_t len = hex_bytes(rfc5869[_i].okm, okm, sizeof okm);

    hex_bytes(rfc5869[_i].prk, prk, sizeof prk);
    fh__hkdf_extract(salt, salt_len, ikm, ikm_len, out);
    ck_assert_mem_eq(out, prk, sizeof prk);
    ck_assert_int_eq(fh__hkdf_expand(prk, info, info_len, out, len), 0);
    ck_assert_mem_eq(out, okm, len);
}
END_TEST

START_TEST(no_salt_is_32_zeros)
{
    static const uint8_t zeros[32];
    uint8_t a[32], b[32];

    fh__hkdf_extract(NULL, 0, (const uint8_t *)"x", 1, a);
    fh__hkdf_extract(zeros, sizeof zeros, (const uint8_t *)"x", 1, b);
    ck_assert_mem_eq(a, b, sizeof a);
}
END_TEST

START_TEST(expand_gives_up_to_255_blocks_and_no_more)
{
    static uint8_t out[255 * 32 + 1];
    uint8_t prk[32] = {1};

    ck_assert_int_eq(fh__hkdf_expand(prk, NULL, 0, out, sizeof out - 1), 0);
    ck_assert_int_eq(fh__hkdf_expand(prk, NULL, 0, out, sizeof out), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh__hkdf_expand(prk, NULL, 0, out, 0), 0);
}
END_TEST

START_TEST(label_matches_the_specification)
{
    uint8_t secret[32], context[255], want[255], out[255];
    size_t context_len = hex_bytes(labels[_i].context, context, sizeof context);
    size_t len = hex_bytes(labels[_i].out, want, sizeof want);

    for (uint8_t i = 0; i < sizeof secret; i++)
        secret[i] = i;
    ck_assert_int_eq(fh__label(secret, labels[_i].label, context, context_len, out, len), 0);
    ck_assert_mem_eq(out, want, len);
}
END_TEST

START_TEST(label_refuses_what_its_length_bytes_cannot_say)
{
    static uint8_t context[256], out[255 * 32 + 1];
    uint8_t secret[32] = {0};
    char label[FH__LABEL_MAX + 2];

    memset(label, 'x', sizeof label);
    label[sizeof label - 1] = 0;
    ck_assert_int_eq(fh__label(secret, label, NULL, 0, out, 32), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh__label(secret, "x", context, 256, out, 32), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh__label(secret, "x", NULL, 0, out, sizeof out), FH_CRYPTO_E_INVAL);
}
END_TEST

/* FIPS 180-4's example "abc", and the empty message. */
START_TEST(hash_can_be_peeked_copied_and_continued)
{
    struct fh__hash h, fork;
    uint8_t want[32], out[32];

    fh__hash_init(&h);
    fh__hash_peek(&h, out);
    hex_bytes("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", want, 32);
    ck_assert_mem_eq(out, want, 32);
    fh__hash_add(&h, "a", 1);
    fork = h;
    fh__hash_peek(&h, out);
    fh__hash_add(&h, "bc", 2);
    fh__hash_add(&h, NULL, 0);
    fh__hash_add(&fork, "b", 1);
    fh__hash_add(&fork, "c", 1);
    hex_bytes("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", want, 32);
    for (int i = 0; i < 2; i++) {
        fh__hash_peek(&h, out);
        ck_assert_mem_eq(out, want, 32);
        fh__hash_peek(&fork, out);
        ck_assert_mem_eq(out, want, 32);
    }
}
END_TEST

START_TEST(wiping_leaves_zeros_and_nothing_is_fine)
{
    static const uint8_t zeros[40];
    uint8_t secret[40];

    memset(secret, 0xa5, sizeof secret);
    fh_wipe(NULL, 0);
    fh_wipe(secret, sizeof secret);
    ck_assert_mem_eq(secret, zeros, sizeof zeros);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("kdf");
    TCase *tc = tcase_create("kdf");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, hmac_sha256_matches_rfc4231, 0, ARRAY_LEN(rfc4231));
    tcase_add_loop_test(tc, hkdf_sha256_matches_rfc5869, 0, ARRAY_LEN(rfc5869));
    tcase_add_test(tc, the_public_sha256_is_that_of_fips_180);
    tcase_add_test(tc, no_salt_is_32_zeros);
    tcase_add_test(tc, expand_gives_up_to_255_blocks_and_no_more);
    tcase_add_loop_test(tc, label_matches_the_specification, 0, ARRAY_LEN(labels));
    tcase_add_test(tc, label_refuses_what_its_length_bytes_cannot_say);
    tcase_add_test(tc, hash_can_be_peeked_copied_and_continued);
    tcase_add_test(tc, wiping_leaves_zeros_and_nothing_is_fine);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
