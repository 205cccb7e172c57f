/* SPDX-License-Identifier: MIT */
/*
 * seal.h -- numbered messages between two owners of X25519 keys, which whoever carries them neither
 * reads nor changes.
 *
 *     fh_seal_public()    the public part of 32 random bytes
 *     fh_sealer_init()      one for each conversation, in the caller's memory
 *     fh_sealer_seal()     seals a message
 *     fh_sealer_open()      opens the next one
 *     fh_sealer_finish()    wipes
 *
 * Both keys last, so there is no forward secrecy: who gets one of the two secrets later reads what
 * was recorded. It is for what is worth little then, such as candidates of a path. What must stay
 * secret goes through the channel (channel.h).
 *
 * Each direction counts its messages from 0; they are opened in this order, each once. AES-256-GCM
 * with keys of HKDF(X25519) and random nonces: the salt is chosen by whoever carries the messages,
 * and one that he uses again gives the same key. docs/protocol.md, "Sealed signals". No I/O, no
 * clock, no global state.
 */
#ifndef FH_SEAL_H
#define FH_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/identity.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_SEAL_KEY_LEN = 32,  /* bytes, secret as well as public */
    FH_SEAL_SALT_LEN = 16, /* names the conversation */
    FH_SEAL_NUMBER_LEN = 8,
    FH_SEAL_HEAD_LEN = FH_SEAL_NUMBER_LEN + 12, /* number and nonce, before the ciphertext */
    FH_SEAL_OVERHEAD = FH_SEAL_HEAD_LEN + 16,   /* bytes that a message grows by */
    FH_SEAL_LABEL_MAX = 64
};

/* Private; holds secrets, and is not to be copied. */
struct fh_sealer {
    uint8_t tx_key[32], rx_key[32];
    uint8_t salt[FH_SEAL_SALT_LEN];
    uint64_t tx, rx; /* numbers of the next messages */
    int broken;      /* FH_CRYPTO_E_*, for ever after */
};

/* secret: 32 random bytes. */
void fh_seal_public(const uint8_t secret[FH_SEAL_KEY_LEN], uint8_t out[FH_SEAL_KEY_LEN]);

/*
 * us: which of the two ends; the other one takes the other role. label: says what for, at most
 * FH_SEAL_LABEL_MAX characters; both ends the same, and the same salt. All borrowed.
 * Returns 0; FH_CRYPTO_E_INVAL: label; FH_CRYPTO_E_PROTO: peer is no key that gives a secret.
 */
int fh_sealer_init(struct fh_sealer *s, enum fh_role us, const uint8_t secret[FH_SEAL_KEY_LEN],
                   const uint8_t peer[FH_SEAL_KEY_LEN], const uint8_t salt[FH_SEAL_SALT_LEN],
                   const char *label);

/* Wipes. Twice is fine. */
void fh_sealer_finish(struct fh_sealer *s);

/*
 * Seals in place: len bytes stand at message + FH_SEAL_HEAD_LEN, and there is room for
 * FH_SEAL_OVERHEAD bytes more than len in all. Returns 0, or why it can no longer.
 */
int fh_sealer_seal(struct fh_sealer *s, fh_random_fn random, void *user, uint8_t *message,
                   size_t len);

/*
 * Opens in place: *len bytes of plaintext at message + FH_SEAL_HEAD_LEN. Returns 0;
 * FH_CRYPTO_E_AUTH: not the peer's, changed, repeated, or one before it is missing. Whatever fails,
 * fails for good.
 */
int fh_sealer_open(struct fh_sealer *s, uint8_t *message, size_t message_len, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
