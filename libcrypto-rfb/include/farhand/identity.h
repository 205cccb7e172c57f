/* SPDX-License-Identifier: MIT */
/*
 * identity.h -- RSA identities of clients, and how they are shown to people.
 *
 * An identity is an RSA key of 2048, 3072 (default) or 4096 bits with e = 65537. It signs secure-
 * channel transcripts, its successor (rotation.h), what it says to a cloud (enum
 * fh_identity_purpose), and nothing else, each under a label of its own. It is named by its SPKI
 * (one canonical DER form, compared as bytes), by the fingerprint of that (32 bytes) and, for
 * people, by a catchphrase of eight words.
 *
 *     fh_identity_generate()      a new key; takes up to seconds, so not on the loop
 *     fh_identity_from_pem()      a key from PKCS#8 PEM
 *     fh_identity_to_pem()        the other way; the text is a secret
 *     fh_identity_spki()          its public part
 *     fh_fingerprint()            32 bytes that name a public key
 *     fh_catchphrase()            eight words that name it for people; takes 0.15 s and 64 MiB
 *
 * Files and threads are in identity_uv.h. No global state; one identity may be used by one thread
 * at a time. docs/protocol.md, "Identities".
 */
#ifndef FH_IDENTITY_H
#define FH_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/crypto_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_IDENTITY_BITS_DEFAULT = 3072,
    FH_SPKI_MAX = 550,          /* bytes, of a 4096-bit key; 294 and 422 for the others */
    FH_SIGNATURE_MAX = 512,     /* bytes, of a 4096-bit key */
    FH_FINGERPRINT_LEN = 32,    /* bytes */
    FH_FINGERPRINT_HEX = 65,    /* 64 hex digits and NUL */
    FH_IDENTITY_PEM_MAX = 4096, /* bytes with NUL, enough for any accepted key */
    FH_CATCHPHRASE_WORDS = 8,
    FH_CATCHPHRASE_MAX = 80,    /* bytes with NUL: "Word word word word. Word word word word." */
    FH_TRANSCRIPT_HASH_LEN = 32 /* what a handshake signature signs */
};

/* Who is at which end; also picks the label that is signed. */
enum fh_role { FH_ROLE_CLIENT, FH_ROLE_SERVER };

/* Fills out with len random bytes that no one can predict. */
typedef void (*fh_random_fn)(void *user, void *out, size_t len);

struct fh_identity;

/*
 * Makes a new key. bits: 2048, 3072 or 4096. Takes 0.1 s to several seconds of CPU.
 * Returns 0 and an identity the caller frees; FH_CRYPTO_E_INVAL for other bits.
 */
int fh_identity_generate(unsigned bits, fh_random_fn random, void *user, struct fh_identity **out);

/*
 * Reads an unencrypted PKCS#8 private key ("BEGIN PRIVATE KEY"); len excludes any NUL. Borrowed.
 * FH_CRYPTO_E_FORMAT if it is not one, FH_CRYPTO_E_KEY if it is of another kind, size or exponent,
 * or inconsistent.
 */
int fh_identity_from_pem(const char *pem, size_t len, struct fh_identity **out);

/* Writes PKCS#8 PEM and NUL; room at least FH_IDENTITY_PEM_MAX. The caller wipes it after use. */
int fh_identity_to_pem(const struct fh_identity *id, char *out, size_t room);

/* Wipes and frees. NULL is fine. */
void fh_identity_free(struct fh_identity *id);

unsigned fh_identity_bits(const struct fh_identity *id);

/* The public part as SPKI, lent until the identity is freed. */
const uint8_t *fh_identity_spki(const struct fh_identity *id, size_t *len);

/*
 * Signs a transcript hash for one role. 3.5 to 17 ms of CPU. random makes salt and blinding.
 * out: room for FH_SIGNATURE_MAX; *out_len: the modulus length. docs/protocol.md, "Signature".
 */
int fh_identity_sign(const struct fh_identity *id, enum fh_role role,
                     const uint8_t th[FH_TRANSCRIPT_HASH_LEN], fh_random_fn random, void *user,
                     uint8_t *out, size_t *out_len);

/* What else than a transcript a key signs. */
enum fh_identity_purpose {
    FH_IDENTITY_CLOUD_SIGN_IN, /* "fsc1 cloud sign-in": docs/protocol.md, "Sign-in" */
    FH_IDENTITY_CLOUD_BINDING  /* "fsc1 cloud binding": docs/protocol.md, "Binding statement" */
};

/*
 * Signs a digest for one purpose, which no signature of another purpose or of a handshake can stand
 * for. Arguments as for fh_identity_sign(). FH_CRYPTO_E_INVAL: no such purpose.
 */
int fh_identity_sign_for(const struct fh_identity *id, enum fh_identity_purpose purpose,
                         const uint8_t digest[FH_TRANSCRIPT_HASH_LEN], fh_random_fn random,
                         void *user, uint8_t *out, size_t *out_len);
/*
 * Whether the key of spki signed it. 0; FH_CRYPTO_E_KEY: that is no key; FH_CRYPTO_E_AUTH: it did
 * not; FH_CRYPTO_E_INVAL: no such purpose. 0.1 to 0.5 ms of CPU.
 */
int fh_identity_verify_for(const uint8_t *spki, size_t spki_len, enum fh_identity_purpose purpose,
                           const uint8_t digest[FH_TRANSCRIPT_HASH_LEN], const uint8_t *sig,
                           size_t sig_len);

/*
 * Checks that spki is the one accepted form of a public key, see above. bits: may be NULL.
 * FH_CRYPTO_E_KEY if not.
 */
int fh_identity_check_spki(const uint8_t *spki, size_t len, unsigned *bits);

/* SHA-256("fsc1 identity\0" || spki). What stores and scripts compare. */
void fh_fingerprint(const uint8_t *spki, size_t len, uint8_t out[FH_FINGERPRINT_LEN]);
void fh_fingerprint_to_hex(const uint8_t fp[FH_FINGERPRINT_LEN], char out[FH_FINGERPRINT_HEX]);
/* Takes 64 hex digits, colons and spaces between them ignored. FH_CRYPTO_E_FORMAT if not that. */
int fh_fingerprint_from_hex(const char *text, uint8_t out[FH_FINGERPRINT_LEN]);

/*
 * The catchphrase of a fingerprint: two sentences of four words. 0.15 s of CPU and 64 MiB, so once
 * per key; keep the result. FH_CRYPTO_E_NOMEM.
 */
int fh_catchphrase(const uint8_t fp[FH_FINGERPRINT_LEN], char out[FH_CATCHPHRASE_MAX]);

/*
 * Whether what a person typed is the phrase, or one whole sentence of it, without regard to case,
 * spaces and punctuation. Returns the number of words matched: 8, 4, or 0 if it is not the same.
 */
int fh_catchphrase_matches(const char *phrase, const char *typed);

/*
 * Prefix completion: the word of the list that starts with the given letters, if there is exactly
 * one; NULL otherwise. Static storage.
 */
const char *fh_catchphrase_complete(const char *prefix);

/* Overwrites a secret in a way that the compiler does not remove. */
void fh_wipe(void *secret, size_t len);

#ifdef __cplusplus
}
#endif

#endif
