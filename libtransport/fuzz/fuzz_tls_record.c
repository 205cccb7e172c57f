/* SPDX-License-Identifier: MIT */
/*
 * A record as a stranger sends it, which must not open, and the same bytes as contents of one that
 * was sealed, which must come back. The first byte chooses the suite, the second the type.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/ssl_ciphersuites.h>

#include "tls_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_strange(struct fh__tls_keys *k, const uint8_t *data, size_t size)
{
    uint8_t record[FH__TLS_RECORD], *plain;
    size_t plain_len;
    int len = size >= FH__TLS_HEAD ? fh__tls_record_len(k, data) : -1;

    if (len > FH__TLS_RECORD)
        abort();
    if (len < 0 || (size_t)len > size)
        return;
    memcpy(record, data, (size_t)len);
    if (fh__tls_record_open(k, record, (size_t)len, &plain, &plain_len) == 0)
        abort();
}

static void there_and_back(struct fh__tls_keys *from, struct fh__tls_keys *to, uint8_t type,
                           const uint8_t *data, size_t size)
{
    uint8_t record[FH__TLS_RECORD], *plain;
    size_t plain_len;
    int len;

    if (size > FH__TLS_FRAGMENT)
        size = FH__TLS_FRAGMENT;
    len = fh__tls_record_seal(from, type, data, size, record);
    if (len <= 0 || fh__tls_record_len(to, record) != len ||
        fh__tls_record_open(to, record, (size_t)len, &plain, &plain_len) != 0 ||
        plain_len != size || memcmp(plain, data, size) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                 MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                 MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256};
    static const uint8_t key[FH__TLS_KEY_MAX] = {1}, iv[FH__TLS_IV_MAX] = {2};
    struct fh__tls_keys from, to;
    int suite;

    if (size < 2)
        return 0;
    suite = suites[data[0] % 3];
    memset(&from, 0, sizeof from);
    memset(&to, 0, sizeof to);
    if (fh__tls_keys_set(&from, suite, key, iv, data[0]) != 0 ||
        fh__tls_keys_set(&to, suite, key, iv, data[0]) != 0)
        abort();
    open_strange(&to, data + 2, size - 2);
    there_and_back(&from, &to, (uint8_t)(20 + data[1] % 4), data + 2, size - 2);
    fh__tls_keys_clear(&from);
    fh__tls_keys_clear(&to);
    return 0;
}
