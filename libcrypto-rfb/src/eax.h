/* SPDX-License-Identifier: MIT */
/*
 * eax.h -- AES-EAX (Bellare, Rogaway, Wagner, "The EAX Mode of Operation", 2004) with a nonce and a
 * tag of 16 bytes, composed of mbedTLS' AES: neither library below has it. Private.
 */
#ifndef FH_CRYPTO_EAX_H
#define FH_CRYPTO_EAX_H

#include <stddef.h>
#include <stdint.h>

#include <mbedtls/aes.h>

enum { FH__EAX_BLOCK = 16, FH__EAX_TAG_LEN = 16 };

/* An expanded key; holds no heap. Wipe it after use. */
struct fh__eax {
    mbedtls_aes_context aes;
    uint8_t whole[FH__EAX_BLOCK], part[FH__EAX_BLOCK]; /* K1 and K2 of CMAC, NIST SP 800-38B 6.1 */
};

/* key_len: 16 or 32 bytes. */
int fh__eax_set(struct fh__eax *e, const uint8_t *key, size_t key_len);
/* Seals len bytes in place; the tag goes to data + len, where there must be room for it. */
int fh__eax_seal(struct fh__eax *e, const uint8_t nonce[FH__EAX_BLOCK], const uint8_t *aad,
                 size_t aad_len, uint8_t *data, size_t len);
/* Opens len bytes (tag excluded, it follows) in place. FH_CRYPTO_E_AUTH: data is as it was. */
int fh__eax_open(struct fh__eax *e, const uint8_t nonce[FH__EAX_BLOCK], const uint8_t *aad,
                 size_t aad_len, uint8_t *data, size_t len);

#endif
