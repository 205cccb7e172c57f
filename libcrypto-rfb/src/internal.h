/* SPDX-License-Identifier: MIT */
/* internal.h -- what the files of libcrypto-rfb share. Never installed. */
#ifndef FH_CRYPTO_INTERNAL_H
#define FH_CRYPTO_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/crypto_error.h>
#include <farhand/identity.h>

/* ---- hash and key schedule (kdf.c) ---------------------------------------------------------- */

enum { FH__HASH_LEN = 32, FH__LABEL_MAX = 64 };

/* SHA-256 of what was added so far; copyable with =, so that a transcript can be forked. */
struct fh__hash {
    uint64_t opaque[16]; /* room for libsodium's crypto_hash_sha256_state, checked in kdf.c */
};

void fh__hash_init(struct fh__hash *h);
void fh__hash_add(struct fh__hash *h, const void *data, size_t len);
/* The digest so far; h goes on unchanged. */
void fh__hash_peek(const struct fh__hash *h, uint8_t out[FH__HASH_LEN]);
void fh__hmac(const uint8_t *key, size_t key_len, const void *data, size_t len,
              uint8_t out[FH__HASH_LEN]);
/* RFC 5869 2.2 and 2.3 with SHA-256. out_len at most 255 * 32. salt may be NULL: 32 zeros. */
void fh__hkdf_extract(const uint8_t *salt, size_t salt_len, const uint8_t *ikm, size_t ikm_len,
                      uint8_t prk[FH__HASH_LEN]);
int fh__hkdf_expand(const uint8_t prk[FH__HASH_LEN], const uint8_t *info, size_t info_len,
                    uint8_t *out, size_t out_len);
/*
 * Label() of the channel: HKDF-Expand(secret, u16 L || u8 len || "fsc1 " label || u8 len ||
 * context). label at most FH__LABEL_MAX bytes, context_len and the label fit one byte.
 */
int fh__label(const uint8_t secret[FH__HASH_LEN], const char *label, const uint8_t *context,
              size_t context_len, uint8_t *out, size_t out_len);

/* ---- AES-256-GCM, by libsodium where the CPU has it, else by mbedTLS (aead.c) ---------------- */

enum { FH__AEAD_KEY_LEN = 32, FH__AEAD_IV_LEN = 12, FH__AEAD_TAG_LEN = 16 };
enum fh__aead_engine { FH__AEAD_AUTO, FH__AEAD_SODIUM, FH__AEAD_MBEDTLS };

/*
 * An expanded key, in caller's memory (aligned to 16, lives in guarded memory). The mbedTLS engine
 * holds heap inside: always pair _set with _clear. A zeroed one is empty; clearing twice is fine.
 */
struct fh__aead {
    _Alignas(16) uint8_t state[512]; /* crypto_aead_aes256gcm_state, or an mbedtls_gcm_context */
    enum fh__aead_engine engine;
};

/* FH__AEAD_SODIUM without hardware support gives FH_CRYPTO_E_INVAL. AUTO never does. */
int fh__aead_set(struct fh__aead *a, enum fh__aead_engine engine,
                 const uint8_t key[FH__AEAD_KEY_LEN]);
void fh__aead_clear(struct fh__aead *a);
/* Seals len bytes in place; the tag goes to data + len, where there must be room for it. */
int fh__aead_seal(struct fh__aead *a, const uint8_t iv[FH__AEAD_IV_LEN], const uint8_t *aad,
                  size_t aad_len, uint8_t *data, size_t len);
/* Opens len bytes (tag excluded, it follows) in place. FH_CRYPTO_E_AUTH leaves data unspecified. */
int fh__aead_open(struct fh__aead *a, const uint8_t iv[FH__AEAD_IV_LEN], const uint8_t *aad,
                  size_t aad_len, uint8_t *data, size_t len);

/* ---- key exchange (kex.c) ------------------------------------------------------------------- */

enum {
    FH__X25519_LEN = 32,
    FH__MLKEM_EK = 1184,
    FH__MLKEM_CT = 1088,
    FH__MLKEM_DK = 2400,
    FH__MLKEM_SS = 32
};

void fh__x25519_public(const uint8_t secret[FH__X25519_LEN], uint8_t out[FH__X25519_LEN]);
/* FH_CRYPTO_E_PROTO if the shared secret is all zero. RFC 7748 6.1. */
int fh__x25519(const uint8_t secret[FH__X25519_LEN], const uint8_t peer[FH__X25519_LEN],
               uint8_t out[FH__X25519_LEN]);
/* Whether the libsodium found at build time has ML-KEM-768; without it the other three fail. */
bool fh__mlkem_is_available(void);
/* seed: 64 random bytes, so that transcripts can be reproduced. */
int fh__mlkem_keypair(const uint8_t seed[64], uint8_t ek[FH__MLKEM_EK], uint8_t dk[FH__MLKEM_DK]);
/* seed: 32 random bytes. FH_CRYPTO_E_PROTO if ek has a coefficient of 3329 or more (FIPS 203 7.2).
 */
int fh__mlkem_encapsulate(const uint8_t ek[FH__MLKEM_EK], const uint8_t seed[32],
                          uint8_t ct[FH__MLKEM_CT], uint8_t ss[FH__MLKEM_SS]);
int fh__mlkem_decapsulate(const uint8_t dk[FH__MLKEM_DK], const uint8_t ct[FH__MLKEM_CT],
                          uint8_t ss[FH__MLKEM_SS]);

/* ---- memory (memory.c) ---------------------------------------------------------------------- */

/* Zeroed, on the plain heap: for what holds no secret but points to some. */
void *fh__plain_new(size_t len);
void fh__plain_free(void *p); /* NULL is fine */
/*
 * Zeroed, locked where the system allows it, not dumped; NULL if there is none. Give a len that is
 * a multiple of the alignment wanted: blocks end at a page.
 */
void *fh__guarded_new(size_t len);
/* Wipes and frees. NULL is fine. */
void fh__guarded_free(void *p);

/* ---- RSA (identity.c) ----------------------------------------------------------------------- */

/*
 * Checks that spki is the one accepted form of a key of 2048, 3072 or 4096 bits: odd modulus with
 * its top bit set, e = 65537. Sets *bits. FH_CRYPTO_E_KEY if not.
 */
int fh__spki_check(const uint8_t *spki, size_t len, unsigned *bits);
/*
 * RSA-PSS (SHA-256, MGF1-SHA-256, salt 32) over 64 x 0x20 || "fsc1 server" or "fsc1 client" || 0 ||
 * th. Verifying takes a checked SPKI. FH_CRYPTO_E_AUTH if the signature is not its key's.
 */
int fh__signature_verify(const uint8_t *spki, size_t spki_len, enum fh_role signer,
                         const uint8_t th[FH_TRANSCRIPT_HASH_LEN], const uint8_t *sig, size_t len);
/* The same for any label: what is signed is SHA-256(64 spaces, label, 0, what). identity.h,
 * rotation.h */
int fh__sign_labelled(const struct fh_identity *id, const char *label,
                      const uint8_t what[FH__HASH_LEN], fh_random_fn random, void *user,
                      uint8_t *out, size_t *out_len);
int fh__verify_labelled(const uint8_t *spki, size_t spki_len, const char *label,
                        const uint8_t what[FH__HASH_LEN], const uint8_t *sig, size_t len);
/*
 * A key that is no identity, for rsaaes_key.c: the same numbers in another form of file, PKCS#1
 * ("BEGIN RSA PRIVATE KEY"), so that neither is ever taken for the other.
 */
int fh__rsa_from_pkcs1_pem(const char *pem, size_t len, struct fh_identity **out);
int fh__rsa_to_pkcs1_pem(const struct fh_identity *id, char *out, size_t room);
/* in, out: as many bytes as the modulus has. FH_CRYPTO_E_INVAL: in is not below the modulus. */
int fh__rsa_private(struct fh_identity *id, const uint8_t *in, fh_random_fn random, void *user,
                    uint8_t *out);
int fh__rsa_public(const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len,
                   const uint8_t *in, uint8_t *out);

#endif
