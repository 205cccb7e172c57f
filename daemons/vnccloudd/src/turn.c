/* SPDX-License-Identifier: MIT */
#include "turn.h"

#include <stdio.h>
#include <string.h>

#include <mbedtls/base64.h>
#include <mbedtls/md.h>

#include <farhand/identity.h>

enum { SHA1_LEN = 20 };

int fh__turn_credentials(const uint8_t *secret, size_t len, uint64_t until_s,
                         const uint8_t name[16], struct fh__turn_credentials *out)
{
    const mbedtls_md_info_t *sha1 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA1);
    uint8_t tag[SHA1_LEN];
    size_t used = 0;
    int at = snprintf(out->user, sizeof out->user, "%llu:", (unsigned long long)until_s), ret = -1;

    for (size_t i = 0; i < 16; i++)
        at += snprintf(out->user + at, sizeof out->user - (size_t)at, "%02x", name[i]);
    if (sha1 &&
        mbedtls_md_hmac(sha1, secret, len, (const uint8_t *)out->user, (size_t)at, tag) == 0 &&
        mbedtls_base64_encode((uint8_t *)out->password, sizeof out->password, &used, tag,
                              sizeof tag) == 0)
        ret = 0;
    fh_wipe(tag, sizeof tag);
    return ret;
}
