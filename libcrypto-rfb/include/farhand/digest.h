/* SPDX-License-Identifier: MIT */
/* digest.h -- SHA-256 (FIPS 180-4), and HMAC with it (RFC 2104), for whoever must name, hide or
 * bind data. No state, any thread. */
#ifndef FH_DIGEST_H
#define FH_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FH_SHA256_LEN = 32, FH_HMAC_LEN = 32 /* bytes */ };

void fh_sha256(const void *data, size_t len, uint8_t out[FH_SHA256_LEN]);

/* Key and data are borrowed; lengths in bytes, any. */
void fh_hmac_sha256(const uint8_t *key, size_t key_len, const void *data, size_t len,
                    uint8_t out[FH_HMAC_LEN]);

#ifdef __cplusplus
}
#endif

#endif
