/* SPDX-License-Identifier: MIT */
/*
 * aead.h -- AES-256-GCM (NIST SP 800-38D) with a 96-bit IV and a 128-bit tag, in place; by
 * libsodium where the processor has the instructions, by mbedTLS elsewhere.
 *
 * For who carries records of another protocol. A session's own are <farhand/channel.h>'s business.
 * THE CALLER sees to it that no IV is used twice under one key.
 */
#ifndef FH_AEAD_H
#define FH_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/crypto_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FH_AEAD_KEY_LEN = 32, FH_AEAD_IV_LEN = 12, FH_AEAD_TAG_LEN = 16 };

/* An expanded key. SECRET. */
struct fh_aead;

/* key: FH_AEAD_KEY_LEN bytes, borrowed. NULL: no memory. */
struct fh_aead *fh_aead_new(const uint8_t *key);
void fh_aead_free(struct fh_aead *a); /* wipes it; NULL is fine */

/*
 * Seal len bytes in place; the tag goes to data + len, where there is room for FH_AEAD_TAG_LEN. iv:
 * FH_AEAD_IV_LEN bytes. Returns 0; FH_CRYPTO_E_INVAL: too long; FH_CRYPTO_E_INTERNAL.
 */
int fh_aead_seal(struct fh_aead *a, const uint8_t *iv, const uint8_t *aad, size_t aad_len,
                 uint8_t *data, size_t len);

/*
 * Open len bytes in place; the tag follows them. Returns 0; FH_CRYPTO_E_AUTH: they are not what was
 * sealed, and data is unspecified.
 */
int fh_aead_open(struct fh_aead *a, const uint8_t *iv, const uint8_t *aad, size_t aad_len,
                 uint8_t *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif
