/* SPDX-License-Identifier: MIT */
#include <farhand/seal.h>

#include <string.h>

#include "internal.h"

enum { AAD_LEN = FH_SEAL_SALT_LEN + FH_SEAL_NUMBER_LEN };

void fh_seal_public(const uint8_t secret[FH_SEAL_KEY_LEN], uint8_t out[FH_SEAL_KEY_LEN])
{
    fh__x25519_public(secret, out);
}

/* HKDF(salt, X25519, label || u8 sender), sender 0 for the client's messages. */
static int derive(const uint8_t prk[FH__HASH_LEN], const char *label, enum fh_role sender,
                  uint8_t out[32])
{
    uint8_t info[FH_SEAL_LABEL_MAX + 1];
    size_t n = strlen(label);

    memcpy(info, label, n);
    info[n] = sender == FH_ROLE_SERVER;
    return fh__hkdf_expand(prk, info, n + 1, out, 32);
}

int fh_sealer_init(struct fh_sealer *s, enum fh_role us, const uint8_t secret[FH_SEAL_KEY_LEN],
                   const uint8_t peer[FH_SEAL_KEY_LEN], const uint8_t salt[FH_SEAL_SALT_LEN],
                   const char *label)
{
    enum fh_role them = us == FH_ROLE_CLIENT ? FH_ROLE_SERVER : FH_ROLE_CLIENT;
    uint8_t shared[FH__X25519_LEN], prk[FH__HASH_LEN];
    int ret;

    memset(s, 0, sizeof *s);
    s->broken = FH_CRYPTO_E_CLOSED;
    if (strlen(label) > FH_SEAL_LABEL_MAX)
        return FH_CRYPTO_E_INVAL;
    if ((ret = fh__x25519(secret, peer, shared)) != 0)
        return ret;
    fh__hkdf_extract(salt, FH_SEAL_SALT_LEN, shared, sizeof shared, prk);
    if ((ret = derive(prk, label, us, s->tx_key)) == 0 &&
        (ret = derive(prk, label, them, s->rx_key)) == 0) {
        memcpy(s->salt, salt, sizeof s->salt);
        s->broken = 0;
    }
    fh_wipe(shared, sizeof shared);
    fh_wipe(prk, sizeof prk);
    return ret;
}

void fh_sealer_finish(struct fh_sealer *s)
{
    fh_wipe(s, sizeof *s);
    s->broken = FH_CRYPTO_E_CLOSED;
}

static void put_number(uint64_t number, uint8_t out[FH_SEAL_NUMBER_LEN])
{
    for (int i = 0; i < FH_SEAL_NUMBER_LEN; i++)
        out[i] = (uint8_t)(number >> (56 - 8 * i));
}

_Static_assert((int)FH_SEAL_HEAD_LEN == (int)FH_SEAL_NUMBER_LEN + (int)FH__AEAD_IV_LEN, "nonce");

/* salt || number */
static void aad_of(const struct fh_sealer *s, const uint8_t *number, uint8_t out[AAD_LEN])
{
    memcpy(out, s->salt, sizeof s->salt);
    memcpy(out + sizeof s->salt, number, FH_SEAL_NUMBER_LEN);
}

int fh_sealer_seal(struct fh_sealer *s, fh_random_fn random, void *user, uint8_t *message,
                   size_t len)
{
    uint8_t *nonce = message + FH_SEAL_NUMBER_LEN, aad[AAD_LEN];
    struct fh__aead aead = {0};
    int ret;

    if (s->broken || s->tx == UINT64_MAX)
        return s->broken ? s->broken : FH_CRYPTO_E_CLOSED;
    put_number(s->tx, message);
    random(user, nonce, FH__AEAD_IV_LEN);
    aad_of(s, message, aad);
    ret = fh__aead_set(&aead, FH__AEAD_AUTO, s->tx_key);
    if (ret == 0)
        ret = fh__aead_seal(&aead, nonce, aad, sizeof aad, message + FH_SEAL_HEAD_LEN, len);
    fh__aead_clear(&aead);
    s->tx++;
    return ret;
}

int fh_sealer_open(struct fh_sealer *s, uint8_t *message, size_t message_len, size_t *len)
{
    uint8_t expected[FH_SEAL_NUMBER_LEN], aad[AAD_LEN];
    struct fh__aead aead = {0};
    int ret;

    if (s->broken)
        return s->broken;
    put_number(s->rx, expected);
    if (message_len < FH_SEAL_OVERHEAD || memcmp(message, expected, sizeof expected) != 0)
        return s->broken = FH_CRYPTO_E_AUTH;
    aad_of(s, message, aad);
    ret = fh__aead_set(&aead, FH__AEAD_AUTO, s->rx_key);
    if (ret == 0)
        ret = fh__aead_open(&aead, message + FH_SEAL_NUMBER_LEN, aad, sizeof aad,
                            message + FH_SEAL_HEAD_LEN, message_len - FH_SEAL_OVERHEAD);
    fh__aead_clear(&aead);
    if (ret != 0)
        return s->broken = ret;
    s->rx++;
    *len = message_len - FH_SEAL_OVERHEAD;
    return 0;
}
