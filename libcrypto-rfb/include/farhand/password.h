/* SPDX-License-Identifier: MIT */
/*
 * password.h -- stored passwords: argon2id (RFC 9106) in the string form that libsodium uses,
 * "$argon2id$v=19$m=65536,t=3,p=1$salt$hash".
 *
 *     fh_password_hash()          a password to a string for the user file
 *     fh_password_verify()        a password against such a string
 *     fh_password_fake()          the same work for a user who does not exist
 *     fh_password_needs_rehash()  whether the string was made with less work than is used now
 *
 * Each of the first three takes about 0.15 s of CPU and, while it runs, 64 MiB: run them in a
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

/* 1: hash the password again when it is next known; 0: no; FH_CRYPTO_E_FORMAT as above. Cheap. */
int fh_password_needs_rehash(const char *stored);

#ifdef __cplusplus
}
#endif

#endif
