/* SPDX-License-Identifier: MIT */
/*
 * codes.h -- who has an authenticator, and which of its codes were used. One line a user:
 *
 *     NAME:HASH:DIGITS:SECRET:STEP:RECOVERY
 *
 * sha1, sha256 or sha512; 6 to 8; base32; the last step that was accepted, 0: none; hashes of the
 * recovery codes that are left, in base64 with commas between them.
 *
 *     fh_codes_put()     a user enrolled
 *     fh_codes_spend()   is a code right? It is struck out
 *
 * A code counts as used when the file says so: write it, with fh_codes_file_spend() of
 * codes_file.h, before anybody is let in. Then it is good once, whatever crashes. The core works on
 * text in memory.
 */
#ifndef FH_CODES_H
#define FH_CODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/session_error.h>
#include <farhand/totp.h>
#include <farhand/users.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_CODES_LINES_MAX = FH_USERS_LINES_MAX,
    FH_CODES_FILE_MAX = 8 << 20 /* bytes */
};

/* One line. A secret: wipe it. */
struct fh_enrolment {
    char name[FH_USERS_NAME_MAX + 1];
    struct fh_totp totp;
    uint64_t step; /* the last that was accepted, 0: none */
    size_t n_recovery;
    uint8_t recovery[FH_RECOVERY_CODES][FH_RECOVERY_HASH_LEN];
};

struct fh_codes;

/* FH_SESSION_E_FORMAT sets *line and *expected (static text). */
int fh_codes_parse(const char *text, size_t len, struct fh_codes **out, unsigned *line,
                   const char **expected);
void fh_codes_free(struct fh_codes *c);
const char *fh_codes_text(struct fh_codes *c, size_t *len); /* lent until the next call */

/* FH_SESSION_E_UNKNOWN: not enrolled. */
int fh_codes_get(const struct fh_codes *c, const char *name, struct fh_enrolment *out);
/* Adds, or replaces. FH_SESSION_E_INVAL: it cannot stand in the file; _LIMIT: the file is full. */
int fh_codes_put(struct fh_codes *c, const struct fh_enrolment *e);
int fh_codes_remove(struct fh_codes *c, const char *name); /* 1: removed, 0: there is none */

/*
 * Is it a one-time code of unix_s (seconds since 1970) that was not used, or a recovery code that
 * is left? 0, and c says that it is used now, *is_recovery which it was; FH_SESSION_E_AUTH, also
 * for who is not enrolled, at the same cost.
 */
int fh_codes_spend(struct fh_codes *c, const char *name, const char *code, size_t len,
                   uint64_t unix_s, bool *is_recovery);

#ifdef __cplusplus
}
#endif

#endif
