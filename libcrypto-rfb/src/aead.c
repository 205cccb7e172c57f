/* SPDX-License-Identifier: MIT */
/*
 * aead.c -- AES-256-GCM (NIST SP 800-38D, 96-bit IV, 128-bit tag) by one of two engines.
 *
 * libsodium has it only where the CPU has AES instructions, and is then the faster one; mbedTLS has
 * it everywhere. Which one serves is decided when a key is set.
 */
#include "internal.h"

#include <string.h>

#include <mbedtls/gcm.h>
#include <sodium.h>

_Static_assert(sizeof(crypto_aead_aes256gcm_state) <= sizeof((struct fh__aead *)0)->state,
               "room for libsodium's key");
_Static_assert(sizeof(mbedtls_gcm_context) <= sizeof((struct fh__aead *)0)->state,
               "room for mbedTLS' key");
_Static_assert(crypto_aead_aes256gcm_ABYTES == FH__AEAD_TAG_LEN, "tag");
_Static_assert(crypto_aead_aes256gcm_NPUBBYTES == FH__AEAD_IV_LEN, "iv");

static crypto_aead_aes256gcm_state *sodium_of(struct fh__aead *a)
{
    return (void *)a->state;
}

static mbedtls_gcm_context *mbedtls_of(struct fh__aead *a)
{
    return (void *)a->state;
}

/* NIST SP 800-38D 5.2.1.1 allows less than 2^36 - 31 bytes; a size_t may be smaller than that. */
static bool is_too_long(size_t len)
{
    return len > UINT32_MAX - FH__AEAD_TAG_LEN;
}

int fh__aead_set(struct fh__aead *a, enum fh__aead_engine engine,
                 const uint8_t key[FH__AEAD_KEY_LEN])
{
    bool has_sodium = sodium_init() >= 0 && crypto_aead_aes256gcm_is_available();

    fh__aead_clear(a);
    if (engine == FH__AEAD_SODIUM && !has_sodium)
        return FH_CRYPTO_E_INVAL;
    if (engine == FH__AEAD_AUTO)
        engine = has_sodium ? FH__AEAD_SODIUM : FH__AEAD_MBEDTLS;

    a->engine = engine;
    if (engine == FH__AEAD_SODIUM) {
        crypto_aead_aes256gcm_beforenm(sodium_of(a), key);
        return 0;
    }
    mbedtls_gcm_init(mbedtls_of(a));
    if (mbedtls_gcm_setkey(mbedtls_of(a), MBEDTLS_CIPHER_ID_AES, key, FH__AEAD_KEY_LEN * 8) != 0) {
        fh__aead_clear(a);
        return FH_CRYPTO_E_NOMEM;
    }
    return 0;
}

void fh__aead_clear(struct fh__aead *a)
{
    if (a->engine == FH__AEAD_MBEDTLS)
        mbedtls_gcm_free(mbedtls_of(a));
    fh_wipe(a, sizeof *a);
}

int fh__aead_seal(struct fh__aead *a, const uint8_t iv[FH__AEAD_IV_LEN], const uint8_t *aad,
                  size_t aad_len, uint8_t *data, size_t len)
{
    int ret = -1;

    if (is_too_long(len))
        return FH_CRYPTO_E_INVAL;
    switch (a->engine) {
    case FH__AEAD_AUTO: /* no key was set */
        return FH_CRYPTO_E_INVAL;
    case FH__AEAD_SODIUM:
        ret = crypto_aead_aes256gcm_encrypt_afternm(data, NULL, data, len, aad, aad_len, NULL, iv,
                                                    sodium_of(a));
        break;
    case FH__AEAD_MBEDTLS:
        ret =
            mbedtls_gcm_crypt_and_tag(mbedtls_of(a), MBEDTLS_GCM_ENCRYPT, len, iv, FH__AEAD_IV_LEN,
                                      aad, aad_len, data, data, FH__AEAD_TAG_LEN, data + len);
        break;
    }
    return ret == 0 ? 0 : FH_CRYPTO_E_INTERNAL;
}

int fh__aead_open(struct fh__aead *a, const uint8_t iv[FH__AEAD_IV_LEN], const uint8_t *aad,
                  size_t aad_len, uint8_t *data, size_t len)
{
    int ret = -1;

    if (is_too_long(len))
        return FH_CRYPTO_E_INVAL;
    switch (a->engine) {
    case FH__AEAD_AUTO: /* no key was set */
        return FH_CRYPTO_E_INVAL;
    case FH__AEAD_SODIUM:
        ret = crypto_aead_aes256gcm_decrypt_afternm(data, NULL, NULL, data, len + FH__AEAD_TAG_LEN,
                                                    aad, aad_len, iv, sodium_of(a));
        break;
    case FH__AEAD_MBEDTLS:
        ret = mbedtls_gcm_auth_decrypt(mbedtls_of(a), len, iv, FH__AEAD_IV_LEN, aad, aad_len,
                                       data + len, FH__AEAD_TAG_LEN, data, data);
        break;
    }
    return ret == 0 ? 0 : FH_CRYPTO_E_AUTH;
}
