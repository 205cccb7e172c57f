/* SPDX-License-Identifier: MIT */
/*
 * password.h -- stored passwords: argon2id (RFC 9106) in the string form that libsodium uses,
 * "$argon2id$v=19$m=65536,t=3,p=1$salt$hash".
 *
 *     fh_password_hash()          a password to a string for the user file
 *     fh_password_verify()        a password against such a string
 *     fh_password_fake()          the same work for a user who does not exist
 *     fh_password_derive()        the hash alone, for cpace.h
 *     fh_password_read()          what such a string holds
 *     fh_password_needs_rehash()  whether the string was made with less work than is used now
 *
 * Each of the first four takes about 0.15 s of CPU and, while it runs, 64 MiB: run them in a
 * worker, few at a time. The 64 MiB and 3 passes are the second choice of RFC 9106 section 4 (for
 * machines that cannot spare 2 GiB), on one lane because libsodium computes one: 32 at once, the
 * half-open connections a server admits, still fit a small machine.
 *
 * Does not: limit attempts, ask, or store. No global state. The caller wipes passwords.
 */
#ifndef FH_PASSWORD_H
#define FH_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/crypto_error.h>
#include <farhand/identity.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_PASSWORD_MAX = 1024,      /* bytes; longer ones are refused */
    FH_PASSWORD_HASH_MAX = 128,  /* bytes of a stored string, with NUL */
    FH_PASSWORD_MEM_KIB = 65536, /* what fh_password_hash asks for */
    FH_PASSWORD_OPS = 3,
    FH_PASSWORD_SALT_LEN = 16,
    FH_PASSWORD_KEY_LEN = 32,
    FH_PASSWORD_MEM_KIB_MIN = 8,
    FH_PASSWORD_MEM_KIB_MAX = 262144, /* what a stored string may ask for */
    FH_PASSWORD_OPS_MAX = 10
};

/*
 * Makes the string for a password of len bytes (0 to FH_PASSWORD_MAX), borrowed. random makes the
 * salt. FH_CRYPTO_E_INVAL if it is too long, FH_CRYPTO_E_NOMEM.
 */
int fh_password_hash(const char *password, size_t len, fh_random_fn random, void *user,
                     char out[FH_PASSWORD_HASH_MAX]);

/*
 * 0 if password is the one of stored; FH_CRYPTO_E_AUTH if not or too long; FH_CRYPTO_E_FORMAT if
 * stored is not of the form above, or asks for more than FH_PASSWORD_MEM_KIB_MAX or
 * FH_PASSWORD_OPS_MAX, so that a foreign user file cannot exhaust the machine; FH_CRYPTO_E_NOMEM.
 */
int fh_password_verify(const char *stored, const char *password, size_t len);

/*
 * Costs what fh_password_verify costs for a string of fh_password_hash, so that the time of an
 * answer does not tell which users exist. FH_CRYPTO_E_AUTH always, or FH_CRYPTO_E_NOMEM.
 */
int fh_password_fake(const char *password, size_t len);

/*
 * The hash of fh_password_hash's string for this salt, passes (1 to FH_PASSWORD_OPS_MAX) and memory
 * (FH_PASSWORD_MEM_KIB_MIN to _MAX): as secret as the password. FH_CRYPTO_E_INVAL, _NOMEM.
 */
int fh_password_derive(const char *password, size_t len, const uint8_t salt[FH_PASSWORD_SALT_LEN],
                       uint32_t passes, uint32_t memory_kib, uint8_t out[FH_PASSWORD_KEY_LEN]);

/* key is as secret as the password: wipe it. */
struct fh_password_stored {
    uint32_t passes, memory_kib;
    uint8_t salt[FH_PASSWORD_SALT_LEN];
    uint8_t key[FH_PASSWORD_KEY_LEN];
};

/* FH_CRYPTO_E_FORMAT as above; *out is not touched then. Cheap. */
int fh_password_read(const char *stored, struct fh_password_stored *out);

/* 1: hash the password again when it is next known; 0: no; FH_CRYPTO_E_FORMAT as above. Cheap. */
int fh_password_needs_rehash(const char *stored);

#ifdef __cplusplus
}
#endif

#endif
