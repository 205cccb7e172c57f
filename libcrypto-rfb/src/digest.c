/* SPDX-License-Identifier: MIT */
#include <farhand/digest.h>

#include "internal.h"

void fh_hmac_sha256(const uint8_t *key, size_t key_len, const void *data, size_t len,
                    uint8_t out[FH_HMAC_LEN])
{
    fh__hmac(key, key_len, data, len, out);
}
