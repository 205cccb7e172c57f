/* SPDX-License-Identifier: MIT */
/* Fingerprints and their text; the values are those of docs/vectors/fingerprint.json. */
#include "../src/fingerprint.c"

#include "vectors.h"

static const struct {
    const char *file, *fingerprint;
} keys[] = {
    {"good-2048.spki", "57b5eb3bd90f9aef272ee4d04ee6b984dc84c4d5b6280bb54c0e7ace6776579a"},
    {"good-3072.spki", "a081c37d28b4a665ff5390eea0f07d5b801a48c2fb6af0489d50e366f7cbea68"},
    {"good-4096.spki", "e70ad3fd8ce44e15fd496634ff5c7784512dde5a136075b0b4d9c68d3a7ab2c1"},
};

START_TEST(a_fingerprint_is_what_python_computes)
{
    uint8_t spki[FH_SPKI_MAX], fp[32];
    char path[128], hex[FH_FINGERPRINT_HEX];
    size_t len;

    snprintf(path, sizeof path, "libcrypto-rfb/tests/vectors/keys/%s", keys[_i].file);
    len = file_bytes(path, spki, sizeof spki);
    fh_fingerprint(spki, len, fp);
    fh_fingerprint_to_hex(fp, hex);
    ck_assert_str_eq(hex, keys[_i].fingerprint);
}
END_TEST

START_TEST(hex_is_read_with_colons_spaces_and_capitals)
{
    static const char *const same[] = {
        "00010203fefdfcfb000102030405060708090a0b0c0d0e0f1011121314151617",
        "00:01:02:03:FE:FD:FC:FB:0001020304050607:08090A0B0C0D0E0F:10111213:14151617",
        " 00010203 fefdfcfb 00010203 04050607 08090a0b 0c0d0e0f 10111213 14151617 ",
    };
    uint8_t want[32], out[32];

    hex_bytes(same[0], want, sizeof want);
    ck_assert_int_eq(fh_fingerprint_from_hex(same[_i], out), 0);
    ck_assert_mem_eq(out, want, sizeof want);
}
END_TEST

START_TEST(other_text_is_no_fingerprint)
{
    static const char *const bad[] = {
        "",
        "00",
        "00010203fefdfcfb000102030405060708090a0b0c0d0e0f101112131415161",
        "00010203fefdfcfb000102030405060708090a0b0c0d0e0f10111213141516170",
        "00010203fefdfcfb000102030405060708090a0b0c0d0e0f101112131415161g",
        "0x010203fefdfcfb000102030405060708090a0b0c0d0e0f1011121314151617",
        "00-01020fefdfcfb000102030405060708090a0b0c0d0e0f1011121314151617",
        "00010203fefdfcfb000102030405060708090a0b0c0d0e0f1011121314151617\n",
    };
    uint8_t out[32], untouched[32];

    memset(out, 0x77, sizeof out);
    memset(untouched, 0x77, sizeof untouched);
    ck_assert_int_eq(fh_fingerprint_from_hex(bad[_i], out), FH_CRYPTO_E_FORMAT);
    ck_assert_mem_eq(out, untouched, sizeof out);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("fingerprint");
    TCase *tc = tcase_create("fingerprint");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, a_fingerprint_is_what_python_computes, 0, ARRAY_LEN(keys));
    tcase_add_loop_test(tc, hex_is_read_with_colons_spaces_and_capitals, 0, 3);
    tcase_add_loop_test(tc, other_text_is_no_fingerprint, 0, 8);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
