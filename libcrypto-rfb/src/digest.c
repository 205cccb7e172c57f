/* SPDX-License-Identifier: MIT */
#include <farhand/digest.h>

#include "internal.h"

void fh_sha256(const void *data, size_t len, uint8_t out[FH_SHA256_LEN])
{
    struct fh__hash h;

    fh__hash_init(&h);
    fh__hash_add(&h, data, len);
    fh__hash_peek(&h, out);
}

void fh_hmac_sha256(const uint8_t *key, size_t key_len, const void *data, size_t len,
                    uint8_t out[FH_HMAC_LEN])
{
    fh__hmac(key, key_len, data, len, out);
}
