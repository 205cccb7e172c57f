/* SPDX-License-Identifier: MIT */
/* Records: what was sealed opens once, in its turn, unchanged, and nothing else does. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/ssl_ciphersuites.h>

#include <farhand/transport_error.h>

#include "tls_record.h"

static const int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256};
static const size_t overheads[] = {5 + 8 + 16, 5 + 8 + 16, 5 + 16};
static const uint8_t key[FH__TLS_KEY_MAX] = {1, 2, 3}, iv[FH__TLS_IV_MAX] = {4, 5, 6, 7, 8, 9};

static struct fh__tls_keys here, there;
static uint8_t text[FH__TLS_FRAGMENT], record[FH__TLS_RECORD], *plain;
static size_t len;

static void set(int which)
{
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 13);
    ck_assert_int_eq(fh__tls_keys_set(&here, suites[which], key, iv, 1), 0);
    ck_assert_int_eq(fh__tls_keys_set(&there, suites[which], key, iv, 1), 0);
}

static void teardown(void)
{
    fh__tls_keys_clear(&here);
    fh__tls_keys_clear(&there);
    fh__tls_keys_clear(&there);
}

static const size_t lengths[] = {0, 1, 2, 15, 16, 17, 1000, FH__TLS_FRAGMENT};

START_TEST(what_was_sealed_opens)
{
    set(_i);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int n = fh__tls_record_seal(&here, FH__TLS_DATA, text, lengths[i], record);

        ck_assert_int_eq(n, (int)(lengths[i] + overheads[_i]));
        ck_assert_int_eq(fh__tls_record_len(&there, record), n);
        ck_assert_int_eq(fh__tls_record_open(&there, record, (size_t)n, &plain, &len), 0);
        ck_assert_uint_eq(len, lengths[i]);
        ck_assert_mem_eq(plain, text, len);
    }
}
END_TEST

START_TEST(each_opens_once_and_in_its_turn)
{
    uint8_t second[FH__TLS_RECORD], copy[FH__TLS_RECORD];
    int n, m;

    set(_i);
    n = fh__tls_record_seal(&here, FH__TLS_DATA, text, 10, record);
    m = fh__tls_record_seal(&here, FH__TLS_DATA, text, 10, second);
    ck_assert_mem_ne(record, second, (size_t)n);
    memcpy(copy, second, (size_t)m);
    ck_assert_int_eq(fh__tls_record_open(&there, copy, (size_t)m, &plain, &len),
                     FH_TRANSPORT_E_PROTO);
    memcpy(copy, record, (size_t)n);
    ck_assert_int_eq(fh__tls_record_open(&there, copy, (size_t)n, &plain, &len), 0);
    ck_assert_int_eq(fh__tls_record_open(&there, record, (size_t)n, &plain, &len),
                     FH_TRANSPORT_E_PROTO);
    ck_assert_int_eq(fh__tls_record_open(&there, second, (size_t)m, &plain, &len), 0);
}
END_TEST

START_TEST(no_bit_of_it_may_change)
{
    uint8_t copy[FH__TLS_RECORD];
    int n;

    set(_i);
    n = fh__tls_record_seal(&here, FH__TLS_DATA, text, 20, record);
    for (int i = 0; i < 8 * n; i++) {
        memcpy(copy, record, (size_t)n);
        copy[i / 8] ^= (uint8_t)(1 << i % 8);
        /* Version and length are not what is sealed; they are checked as they are. */
        if (i / 8 >= 1 && i / 8 < FH__TLS_HEAD) {
            ck_assert(fh__tls_record_len(&there, copy) != n);
            continue;
        }
        ck_assert_int_eq(fh__tls_record_open(&there, copy, (size_t)n, &plain, &len),
                         FH_TRANSPORT_E_PROTO);
    }
    for (int cut = 0; cut < n; cut++) {
        memcpy(copy, record, (size_t)n);
        ck_assert_int_eq(fh__tls_record_open(&there, copy, (size_t)cut, &plain, &len),
                         FH_TRANSPORT_E_PROTO);
    }
    ck_assert_int_eq(fh__tls_record_open(&there, record, (size_t)n, &plain, &len), 0);
}
END_TEST

START_TEST(a_head_that_cannot_be_is_none)
{
    static const struct {
        uint8_t head[FH__TLS_HEAD];
        bool good;
    } heads[] = {
        {{23, 3, 3, 0, 40}, true},       {{20, 3, 3, 0, 40}, true},
        {{19, 3, 3, 0, 40}, false},      {{24, 3, 3, 0, 40}, false},
        {{23, 3, 1, 0, 40}, false},      {{23, 3, 4, 0, 40}, false},
        {{23, 2, 3, 0, 40}, false},      {{23, 3, 3, 0, 0}, false},
        {{23, 3, 3, 0, 15}, false},      {{23, 3, 3, 0xff, 0xff}, false},
        {{23, 3, 3, 0x40, 0x19}, false}, {{71, 69, 84, 32, 47}, false},
    };

    set(_i);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        ck_assert_msg((fh__tls_record_len(&there, heads[i].head) > 0) == heads[i].good, "%zu", i);
}
END_TEST

START_TEST(the_count_does_not_wrap)
{
    set(_i);
    here.count = there.count = UINT64_MAX - 1;
    int n = fh__tls_record_seal(&here, FH__TLS_DATA, text, 10, record);

    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(fh__tls_record_open(&there, record, (size_t)n, &plain, &len), 0);
    ck_assert_int_lt(fh__tls_record_seal(&here, FH__TLS_DATA, text, 10, record), 0);
}
END_TEST

START_TEST(other_suites_have_no_keys)
{
    ck_assert_int_lt(
        fh__tls_keys_set(&here, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, key, iv, 0), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tls_record");
    TCase *tc = tcase_create("tls_record");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_loop_test(tc, what_was_sealed_opens, 0, 3);
    tcase_add_loop_test(tc, each_opens_once_and_in_its_turn, 0, 3);
    tcase_add_loop_test(tc, no_bit_of_it_may_change, 0, 3);
    tcase_add_loop_test(tc, a_head_that_cannot_be_is_none, 0, 3);
    tcase_add_loop_test(tc, the_count_does_not_wrap, 0, 3);
    tcase_add_test(tc, other_suites_have_no_keys);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
