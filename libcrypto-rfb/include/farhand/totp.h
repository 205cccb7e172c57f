/* SPDX-License-Identifier: MIT */
/*
 * totp.h -- one-time codes of an authenticator (RFC 6238), and recovery codes for who lost it.
 *
 *     fh_totp_generate()   a new secret
 *     fh_totp_uri()        the secret as an authenticator app reads it, mostly from a QR code
 *     fh_totp_check()      is this a code of now, and not used before?
 *     fh_totp_code()       the code of a step
 *     fh_recovery_new()    a recovery code, to be shown once
 *     fh_recovery_hash()   what is kept of it
 *
 * The caller keeps the last step that was accepted, and writes it down before it lets anybody in:
 * a code is good once. Likewise it strikes out a recovery code that was used. Limiting guesses is
 * the caller's. No state, no clock; any thread. Steps are of 30 s.
 */
#ifndef FH_TOTP_H
#define FH_TOTP_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/crypto_error.h>
#include <farhand/identity.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_TOTP_PERIOD_S = 30,
    FH_TOTP_WINDOW = 1,     /* steps before and after now that are accepted, for slow clocks */
    FH_TOTP_KEY_MIN = 16,   /* bytes; RFC 4226 section 4, R6 */
    FH_TOTP_KEY_MAX = 64,   /* bytes */
    FH_TOTP_DIGITS_MIN = 6, /* RFC 4226 section 5.3 */
    FH_TOTP_DIGITS_MAX = 8,
    FH_TOTP_BASE32_MAX = 104, /* bytes of a secret as text, with NUL */
    FH_TOTP_NAME_MAX = 255,   /* bytes of the names in a URI */
    FH_TOTP_URI_MAX = 2560,   /* bytes of a URI, with NUL */
    FH_RECOVERY_CODES = 10,   /* how many one gets */
    FH_RECOVERY_TEXT = 20,    /* bytes of "abcd-efgh-ijkl-mnop", with NUL */
    FH_RECOVERY_HASH_LEN = 32
};

/* Not every authenticator knows more than SHA-1. Their words: "sha1", "sha256", "sha512". */
enum fh_totp_hash { FH_TOTP_SHA1 = 1, FH_TOTP_SHA256, FH_TOTP_SHA512 };

/* key is a secret: wipe it. */
struct fh_totp {
    enum fh_totp_hash hash;
    unsigned digits;
    size_t key_len; /* bytes */
    uint8_t key[FH_TOTP_KEY_MAX];
};

/* The hash's word of files, NULL for an unknown one; and the other way, 0 for an unknown word. */
const char *fh_totp_hash_name(enum fh_totp_hash hash);
enum fh_totp_hash fh_totp_hash_of(const char *word, size_t len);

/* A key as long as the hash's output (RFC 6238 section 5.1). FH_CRYPTO_E_INVAL: hash, digits. */
int fh_totp_generate(enum fh_totp_hash hash, unsigned digits, fh_random_fn random, void *user,
                     struct fh_totp *out);

/* The code of a step, NUL-terminated. FH_CRYPTO_E_INVAL: t is none; _INTERNAL. Wipe it. */
int fh_totp_code(const struct fh_totp *t, uint64_t step, char out[FH_TOTP_DIGITS_MAX + 1]);

/*
 * Is code, of len bytes, the one of unix_s (seconds since 1970) or of a step beside it, and later
 * than the last that was accepted (0: none was)? 0 and *step, the new last one; FH_CRYPTO_E_AUTH.
 * The time it takes depends on neither code nor key.
 */
int fh_totp_check(const struct fh_totp *t, const char *code, size_t len, uint64_t unix_s,
                  uint64_t last, uint64_t *step);

/* "otpauth://totp/ISSUER:ACCOUNT?secret=..."; names: UTF-8. FH_CRYPTO_E_INVAL: too long. A secret.
 */
int fh_totp_uri(const struct fh_totp *t, const char *issuer, const char *account,
                char out[FH_TOTP_URI_MAX]);

/* Base32 (RFC 4648 section 6) in capitals without padding. */
void fh_totp_key_write(const struct fh_totp *t, char out[FH_TOTP_BASE32_MAX]);
/* The one encoding of FH_TOTP_KEY_MIN to _MAX bytes, into t->key; else FH_CRYPTO_E_FORMAT. */
int fh_totp_key_read(const char *text, size_t len, struct fh_totp *t);

/* 80 random bits, so that a plain hash keeps them. */
void fh_recovery_new(fh_random_fn random, void *user, char out[FH_RECOVERY_TEXT]);
/*
 * What is kept of a user's code. Hyphens, spaces and case are ignored, 0, 1 and 8 are read as o, l
 * and b. FH_CRYPTO_E_FORMAT: it cannot be one.
 */
int fh_recovery_hash(const char *name, const char *code, size_t len,
                     uint8_t out[FH_RECOVERY_HASH_LEN]);

#ifdef __cplusplus
}
#endif

#endif
