/* SPDX-License-Identifier: MIT */
#include "tls_record.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <mbedtls/ssl_ciphersuites.h>

#include <farhand/aead.h>
#include <farhand/identity.h>
#include <farhand/transport_error.h>

#include "rd.h"
#include "wr.h"

enum {
    GCM_FIXED = 4, /* RFC 5288 section 3: salt[4], nonce_explicit[8] */
    GCM_EXPLICIT = 8,
    NONCE = 12,
    TAG = 16,
    AAD = 13, /* RFC 5246 6.2.3.3: u64 count, u8 type, u16 version, u16 length */
    VERSION = 0x0303
};

void fh__tls_keys_len(int suite, size_t *key_len, size_t *iv_len)
{
    switch (suite) {
    case MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:
    case MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:
        *key_len = 32;
        *iv_len = GCM_FIXED;
        break;
    case MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:
    case MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:
        *key_len = 16;
        *iv_len = GCM_FIXED;
        break;
    case MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:
    case MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:
        *key_len = 32;
        *iv_len = NONCE;
        break;
    default:
        *key_len = *iv_len = 0;
        break;
    }
}

static int set_aes128(struct fh__tls_keys *k, const uint8_t *key)
{
    mbedtls_gcm_context *gcm = calloc(1, sizeof *gcm);

    if (!gcm)
        return FH_TRANSPORT_E_RESOURCES;
    mbedtls_gcm_init(gcm);
    k->aes128 = gcm;
    return mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, key, 128) == 0 ? 0
                                                                         : FH_TRANSPORT_E_RESOURCES;
}

static int set_chacha(struct fh__tls_keys *k, const uint8_t *key)
{
    mbedtls_chachapoly_context *chacha = calloc(1, sizeof *chacha);

    if (!chacha)
        return FH_TRANSPORT_E_RESOURCES;
    mbedtls_chachapoly_init(chacha);
    k->chacha = chacha;
    return mbedtls_chachapoly_setkey(chacha, key) == 0 ? 0 : FH_TRANSPORT_E_RESOURCES;
}

int fh__tls_keys_set(struct fh__tls_keys *k, int suite, const uint8_t *key, const uint8_t *iv,
                     uint64_t count)
{
    size_t key_len, iv_len;

    fh__tls_keys_len(suite, &key_len, &iv_len);
    fh__tls_keys_clear(k);
    if (key_len == 0)
        return FH_TRANSPORT_E_PROTO;
    memcpy(k->iv, iv, iv_len);
    k->count = count;
    if (iv_len == NONCE)
        return set_chacha(k, key);
    if (key_len == 16)
        return set_aes128(k, key);
    k->aes256 = fh_aead_new(key);
    return k->aes256 ? 0 : FH_TRANSPORT_E_RESOURCES;
}

void fh__tls_keys_clear(struct fh__tls_keys *k)
{
    fh_aead_free(k->aes256);
    if (k->aes128)
        mbedtls_gcm_free(k->aes128);
    if (k->chacha)
        mbedtls_chachapoly_free(k->chacha);
    free(k->aes128);
    free(k->chacha);
    fh_wipe(k, sizeof *k);
}

static size_t explicit_len(const struct fh__tls_keys *k)
{
    return k->chacha ? 0 : GCM_EXPLICIT;
}

static void put_u64(uint8_t out[8], uint64_t v)
{
    struct wr w = wr_init(out, 8);

    wr_u64(&w, v);
}

/* RFC 7905 section 2: the count, padded on the left, over the IV. */
static void make_nonce(const struct fh__tls_keys *k, const uint8_t *explicit, uint8_t nonce[NONCE])
{
    uint8_t count[8];

    memcpy(nonce, k->iv, NONCE);
    if (!k->chacha) {
        memcpy(nonce + GCM_FIXED, explicit, GCM_EXPLICIT);
        return;
    }
    put_u64(count, k->count);
    for (size_t i = 0; i < sizeof count; i++)
        nonce[NONCE - sizeof count + i] ^= count[i];
}

static void make_aad(const struct fh__tls_keys *k, uint8_t type, size_t len, uint8_t out[AAD])
{
    struct wr w = wr_init(out, AAD);

    wr_u64(&w, k->count);
    wr_u8(&w, type);
    wr_u16(&w, VERSION);
    wr_u16(&w, (uint16_t)len);
}

static int seal(struct fh__tls_keys *k, const uint8_t nonce[NONCE], const uint8_t aad[AAD],
                uint8_t *data, size_t len)
{
    if (k->aes256)
        return fh_aead_seal(k->aes256, nonce, aad, AAD, data, len);
    if (k->aes128)
        return mbedtls_gcm_crypt_and_tag(k->aes128, MBEDTLS_GCM_ENCRYPT, len, nonce, NONCE, aad,
                                         AAD, data, data, TAG, data + len);
    return mbedtls_chachapoly_encrypt_and_tag(k->chacha, len, nonce, aad, AAD, data, data,
                                              data + len);
}

static int open_sealed(struct fh__tls_keys *k, const uint8_t nonce[NONCE], const uint8_t aad[AAD],
                       uint8_t *data, size_t len)
{
    if (k->aes256)
        return fh_aead_open(k->aes256, nonce, aad, AAD, data, len);
    if (k->aes128)
        return mbedtls_gcm_auth_decrypt(k->aes128, len, nonce, NONCE, aad, AAD, data + len, TAG,
                                        data, data);
    return mbedtls_chachapoly_auth_decrypt(k->chacha, len, nonce, aad, AAD, data + len, data, data);
}

int fh__tls_record_seal(struct fh__tls_keys *k, uint8_t type, const uint8_t *data, size_t len,
                        uint8_t *out)
{
    size_t before = FH__TLS_HEAD + explicit_len(k);
    struct wr w = wr_init(out, FH__TLS_RECORD);
    uint8_t nonce[NONCE], aad[AAD];

    /* RFC 5246 6.1: a count must not wrap. */
    if (k->count == UINT64_MAX)
        return FH_TRANSPORT_E_RESOURCES;
    wr_u8(&w, type);
    wr_u16(&w, VERSION);
    wr_u16(&w, (uint16_t)(explicit_len(k) + len + TAG));
    if (explicit_len(k) > 0)
        wr_u64(&w, k->count);
    wr_bytes(&w, data, len);
    make_nonce(k, out + FH__TLS_HEAD, nonce);
    make_aad(k, type, len, aad);
    if (seal(k, nonce, aad, out + before, len) != 0)
        return FH_TRANSPORT_E_RESOURCES;
    k->count++;
    return (int)(before + len + TAG);
}

int fh__tls_record_len(const struct fh__tls_keys *k, const uint8_t head[FH__TLS_HEAD])
{
    struct rd r = rd_init(head, FH__TLS_HEAD);
    uint8_t type = rd_u8(&r);
    uint16_t version = rd_u16(&r);
    size_t len = rd_u16(&r), least = explicit_len(k) + TAG;

    if (type < 20 || type > FH__TLS_DATA || version != VERSION || len < least ||
        len > least + FH__TLS_FRAGMENT)
        return FH_TRANSPORT_E_PROTO;
    return (int)(FH__TLS_HEAD + len);
}

int fh__tls_record_open(struct fh__tls_keys *k, uint8_t *record, size_t len, uint8_t **plain,
                        size_t *plain_len)
{
    size_t before = FH__TLS_HEAD + explicit_len(k);
    uint8_t nonce[NONCE], aad[AAD];

    if (len < before + TAG || k->count == UINT64_MAX)
        return FH_TRANSPORT_E_PROTO;
    *plain_len = len - before - TAG;
    make_nonce(k, record + FH__TLS_HEAD, nonce);
    make_aad(k, record[0], *plain_len, aad);
    if (open_sealed(k, nonce, aad, record + before, *plain_len) != 0)
        return FH_TRANSPORT_E_PROTO;
    k->count++;
    *plain = record + before;
    return 0;
}
