/* SPDX-License-Identifier: MIT */
/* rsaaes_key.c -- keys of RSA-AES, and RSAES-PKCS1-v1_5 with them (RFC 8017 7.2). */
#include <farhand/rsaaes.h>

#include <string.h>

#include <mbedtls/sha1.h>
#include <mbedtls/version.h>
#include <sodium.h>

#include "internal.h"
#include "rd.h"
#include "rsaaes_internal.h"
#include "wr.h"

enum {
    E_BYTES = 8,   /* of a peer's exponent: a long one would cost us seconds */
    PAD_MIN = 8,   /* RFC 8017 7.2.1 */
    PAD_AROUND = 3 /* 00 02 before the padding, 00 behind it */
};

struct fh_rsaaes_key {
    struct fh_identity *rsa; /* its numbers; never used to sign */
    size_t pub_len;
    uint8_t pub[FH_RSAAES_PUB_MAX];
};

void fh__sha1(const void *data, size_t len, uint8_t out[FH__SHA1_LEN])
{
#if MBEDTLS_VERSION_MAJOR < 3
    (void)mbedtls_sha1_ret(data, len, out);
#else
    (void)mbedtls_sha1(data, len, out);
#endif
}

/* ---- keys ---- */

/* The modulus stands at the same place of each SPKI, 33 bytes from its start. */
static void take_pub(struct fh_rsaaes_key *k)
{
    static const uint8_t e[] = {0x01, 0x00, 0x01};
    struct wr w = wr_init(k->pub, sizeof k->pub);
    unsigned bits = fh_identity_bits(k->rsa);
    size_t spki_len;
    const uint8_t *spki = fh_identity_spki(k->rsa, &spki_len);

    wr_u32(&w, bits);
    wr_bytes(&w, spki + 33, bits / 8);
    wr_zeros(&w, bits / 8 - sizeof e);
    wr_bytes(&w, e, sizeof e);
    k->pub_len = w.len;
}

/* Takes rsa. */
static int wrap(struct fh_identity *rsa, struct fh_rsaaes_key **out)
{
    struct fh_rsaaes_key *k = fh__plain_new(sizeof *k);

    if (!k) {
        fh_identity_free(rsa);
        return FH_CRYPTO_E_NOMEM;
    }
    k->rsa = rsa;
    take_pub(k);
    *out = k;
    return 0;
}

int fh_rsaaes_key_generate(unsigned bits, fh_random_fn random, void *user,
                           struct fh_rsaaes_key **out)
{
    struct fh_identity *rsa;
    int ret = fh_identity_generate(bits, random, user, &rsa);

    return ret == 0 ? wrap(rsa, out) : ret;
}

int fh_rsaaes_key_from_pem(const char *pem, size_t len, struct fh_rsaaes_key **out)
{
    struct fh_identity *rsa;
    int ret = fh__rsa_from_pkcs1_pem(pem, len, &rsa);

    return ret == 0 ? wrap(rsa, out) : ret;
}

int fh_rsaaes_key_to_pem(const struct fh_rsaaes_key *k, char *out, size_t room)
{
    return fh__rsa_to_pkcs1_pem(k->rsa, out, room);
}

void fh_rsaaes_key_free(struct fh_rsaaes_key *k)
{
    if (k)
        fh_identity_free(k->rsa);
    fh__plain_free(k);
}

const uint8_t *fh_rsaaes_key_pub(const struct fh_rsaaes_key *k, size_t *len)
{
    *len = k->pub_len;
    return k->pub;
}

void fh_rsaaes_fingerprint(const uint8_t *pub, size_t len, char out[FH_RSAAES_FINGERPRINT_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[FH__SHA1_LEN];

    fh__sha1(pub, len, digest);
    for (size_t i = 0; i < FH_RSAAES_FINGERPRINT; i++) {
        out[3 * i] = hex[digest[i] >> 4];
        out[3 * i + 1] = hex[digest[i] & 15];
        out[3 * i + 2] = '-';
    }
    out[FH_RSAAES_FINGERPRINT_TEXT - 1] = '\0';
}

/* ---- a peer's key ---- */

static bool is_size(uint32_t bits)
{
    return bits >= FH_RSAAES_BITS_MIN && bits <= FH_RSAAES_BITS_MAX && bits % 8 == 0;
}

size_t fh__rsaaes_modulus_len(uint32_t bits)
{
    return is_size(bits) ? bits / 8 : 0;
}

int fh_rsaaes_check_pub(const uint8_t *pub, size_t len)
{
    struct rd r = rd_init(pub, len);
    size_t k = fh__rsaaes_modulus_len(rd_u32(&r));
    const uint8_t *n = rd_bytes(&r, k), *e = rd_bytes(&r, k);
    uint8_t high = 0, above_one = 0;

    if (k == 0 || !n || !e || !rd_is_done(&r))
        return FH_CRYPTO_E_KEY;
    for (size_t i = 0; i < k - E_BYTES; i++)
        high |= e[i];
    for (size_t i = k - E_BYTES; i < k - 1; i++)
        above_one |= e[i];
    if ((n[0] & 0x80) == 0 || (n[k - 1] & 1) == 0 || high != 0 || (e[k - 1] & 1) == 0 ||
        (above_one == 0 && e[k - 1] == 1))
        return FH_CRYPTO_E_KEY;
    return 0;
}

int fh__rsaaes_encrypt(const uint8_t *pub, size_t pub_len, fh_random_fn random, void *user,
                       const uint8_t *secret, size_t len, uint8_t *out)
{
    size_t k = (pub_len - 4) / 2, pad = k - len - PAD_AROUND;
    uint8_t block[FH_RSAAES_BITS_MAX / 8];
    int ret;

    block[0] = 0;
    block[1] = 2;
    random(user, block + 2, pad);
    for (size_t i = 0; i < pad; i++)
        while (block[2 + i] == 0)
            random(user, block + 2 + i, 1);
    block[2 + pad] = 0;
    memcpy(block + PAD_AROUND + pad, secret, len);
    ret = fh__rsa_public(pub + 4, k, pub + 4 + k, k, block, out);
    fh_wipe(block, sizeof block);
    return ret;
}

/* 0xff if a block is what encrypts len bytes, else 0; the same work for all of them. */
static uint8_t is_padded(const uint8_t *block, size_t k, size_t len)
{
    size_t pad = k - len - PAD_AROUND;
    unsigned wrong = block[0] | (block[1] ^ 2u) | block[2 + pad];

    for (size_t i = 0; i < pad; i++)
        wrong |= (block[2 + i] - 1u) >> 8 & 1u; /* 1 for zero */
    return (uint8_t)((wrong - 1u) >> 8);
}

int fh_rsaaes_key_decrypt(struct fh_rsaaes_key *key, const uint8_t *in, size_t in_len,
                          fh_random_fn random, void *user, uint8_t *out, size_t len)
{
    uint8_t block[FH_SIGNATURE_MAX] = {0};
    size_t k = fh_identity_bits(key->rsa) / 8;
    uint8_t mask;
    int ret;

    if (in_len != k || len == 0 || len > k - PAD_AROUND - PAD_MIN)
        return FH_CRYPTO_E_INVAL;
    ret = fh__rsa_private(key->rsa, in, random, user, block);
    random(user, out, len);
    /* What is not below the modulus is no ciphertext: the block stays zeros, which is no padding.
     * Everybody knows that of it, so the time tells nothing. */
    if (ret == 0 || ret == FH_CRYPTO_E_INVAL) {
        mask = is_padded(block, k, len);
        for (size_t i = 0; i < len; i++)
            out[i] = (uint8_t)((out[i] & ~mask) | (block[k - len + i] & mask));
        ret = 0;
    }
    fh_wipe(block, sizeof block);
    return ret;
}
