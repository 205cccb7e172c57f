/* SPDX-License-Identifier: MIT */
/* kdf.c -- SHA-256, HMAC, HKDF (RFC 5869) and the channel's Label(). */
#include "internal.h"

#include <string.h>

#include <sodium.h>

#include "wr.h"

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct fh__hash), "room for the state");
_Static_assert(crypto_hash_sha256_BYTES == FH__HASH_LEN, "SHA-256");

/* RFC 5869 2.3: L is at most 255 * HashLen. */
#define EXPAND_MAX (255 * FH__HASH_LEN)

/* Copied in and out, because the state's type must not be reached through another one. */
static crypto_hash_sha256_state load(const struct fh__hash *h)
{
    crypto_hash_sha256_state st;

    memcpy(&st, h->opaque, sizeof st);
    return st;
}

static void store(struct fh__hash *h, const crypto_hash_sha256_state *st)
{
    memcpy(h->opaque, st, sizeof *st);
}

void fh__hash_init(struct fh__hash *h)
{
    crypto_hash_sha256_state st;

    memset(h, 0, sizeof *h);
    crypto_hash_sha256_init(&st);
    store(h, &st);
}

void fh__hash_add(struct fh__hash *h, const void *data, size_t len)
{
    crypto_hash_sha256_state st = load(h);

    if (len != 0)
        crypto_hash_sha256_update(&st, data, len);
    store(h, &st);
    fh_wipe(&st, sizeof st);
}

void fh__hash_peek(const struct fh__hash *h, uint8_t out[FH__HASH_LEN])
{
    crypto_hash_sha256_state st = load(h);

    crypto_hash_sha256_final(&st, out);
    fh_wipe(&st, sizeof st);
}

static void hmac_add(crypto_auth_hmacsha256_state *st, const void *data, size_t len)
{
    if (len != 0)
        crypto_auth_hmacsha256_update(st, data, len);
}

void fh__hmac(const uint8_t *key, size_t key_len, const void *data, size_t len,
              uint8_t out[FH__HASH_LEN])
{
    static const uint8_t empty[1];
    crypto_auth_hmacsha256_state st;

    crypto_auth_hmacsha256_init(&st, key_len != 0 ? key : empty, key_len);
    hmac_add(&st, data, len);
    crypto_auth_hmacsha256_final(&st, out);
    fh_wipe(&st, sizeof st);
}

void fh__hkdf_extract(const uint8_t *salt, size_t salt_len, const uint8_t *ikm, size_t ikm_len,
                      uint8_t prk[FH__HASH_LEN])
{
    static const uint8_t zeros[FH__HASH_LEN];

    if (!salt) {
        salt = zeros;
        salt_len = sizeof zeros;
    }
    fh__hmac(salt, salt_len, ikm, ikm_len, prk);
}

/* T(i) = HMAC(PRK, T(i-1) || info || i), RFC 5869 2.3 */
int fh__hkdf_expand(const uint8_t prk[FH__HASH_LEN], const uint8_t *info, size_t info_len,
                    uint8_t *out, size_t out_len)
{
    crypto_auth_hmacsha256_state st;
    uint8_t t[FH__HASH_LEN];
    uint8_t i = 0;

    if (out_len > EXPAND_MAX)
        return FH_CRYPTO_E_INVAL;
    for (size_t done = 0; done < out_len;) {
        size_t n = out_len - done < sizeof t ? out_len - done : sizeof t;

        crypto_auth_hmacsha256_init(&st, prk, FH__HASH_LEN);
        hmac_add(&st, t, i == 0 ? 0 : sizeof t);
        hmac_add(&st, info, info_len);
        i++;
        hmac_add(&st, &i, 1);
        crypto_auth_hmacsha256_final(&st, t);
        memcpy(out + done, t, n);
        done += n;
    }
    fh_wipe(t, sizeof t);
    fh_wipe(&st, sizeof st);
    return 0;
}

/* docs/protocol.md, "Keys": u16 L || u8 len || "fsc1 " label || u8 len || context */
int fh__label(const uint8_t secret[FH__HASH_LEN], const char *label, const uint8_t *context,
              size_t context_len, uint8_t *out, size_t out_len)
{
    static const char prefix[] = "fsc1 ";
    const size_t prefix_len = sizeof prefix - 1;
    uint8_t info[2 + 1 + sizeof prefix - 1 + FH__LABEL_MAX + 1 + 255];
    size_t label_len = strlen(label);
    struct wr w = wr_init(info, sizeof info);

    if (label_len > FH__LABEL_MAX || context_len > 255 || out_len > EXPAND_MAX)
        return FH_CRYPTO_E_INVAL;
    wr_u16(&w, (uint16_t)out_len);
    wr_u8(&w, (uint8_t)(prefix_len + label_len));
    wr_bytes(&w, prefix, prefix_len);
    wr_bytes(&w, label, label_len);
    wr_u8(&w, (uint8_t)context_len);
    wr_bytes(&w, context, context_len);
    return fh__hkdf_expand(secret, info, w.len, out, out_len);
}
