/* SPDX-License-Identifier: MIT */
/*
 * users.h -- a server's own file of users and groups: what each has to prove and may do. One line
 * each, of three columns and, where there is more to say, fields:
 *
 *     NAME:HASH:PERMISSIONS[:FIELD=VALUE]...      a user
 *     @NAME::PERMISSIONS[:require=FACTORS]        a group
 *     *::PERMISSIONS[:FIELD=VALUE]...             everyone else whom PAM or a program knows
 *
 *     require=password + totp      what is to be proved, as in login.h
 *     groups=staff,admins          groups of this file
 *     identity=HEX,HEX             fingerprints of viewers that factor "identity" accepts
 *
 * HASH is empty for who has no password here. PERMISSIONS are empty where the groups say them.
 * What stands at a user goes before what its groups say; of groups, permissions add up, and so do
 * the factors that they require. Secrets of one-time codes are not here but in codes.h.
 *
 * The core works on text in memory; users_file.h has files. Checking a password takes 0.1 s or more
 * and does it also for a user that does not exist, so that who exists cannot be measured.
 */
#ifndef FH_USERS_H
#define FH_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/identity.h>
#include <farhand/password.h>
#include <farhand/permissions.h>
#include <farhand/session_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_USERS_NAME_MAX = 64, /* bytes of UTF-8, without ':' and control characters, not "@..." */
    FH_USERS_PASSWORD_MAX = 1024, /* bytes */
    FH_USERS_GROUPS_MAX = 16,     /* of one user */
    FH_USERS_IDENTITIES_MAX = 16, /* of one user */
    FH_USERS_LINES_MAX = 10000,
    FH_USERS_FILE_MAX = 1 << 20 /* bytes */
};

/* One line. The hash is a secret: wipe it. */
struct fh_user {
    bool is_group;
    char name[FH_USERS_NAME_MAX + 1]; /* without '@' */
    char hash[FH_PASSWORD_HASH_MAX];  /* "": none */
    bool has_permissions;             /* false: the groups say them */
    uint32_t permissions;
    unsigned required; /* factors of login.h; 0: not said */
    size_t n_groups, n_identities;
    char groups[FH_USERS_GROUPS_MAX][FH_USERS_NAME_MAX + 1];
    uint8_t identities[FH_USERS_IDENTITIES_MAX][FH_FINGERPRINT_LEN];
};

struct fh_users;

/* FH_SESSION_E_FORMAT sets *line and *expected (static text). */
int fh_users_parse(const char *text, size_t len, struct fh_users **out, unsigned *line,
                   const char **expected);
void fh_users_free(struct fh_users *u);
const char *fh_users_text(struct fh_users *u, size_t *len); /* lent until the next call */

size_t fh_users_count(const struct fh_users *u); /* users and groups */
/* The i-th, in the order of the file; i < count. */
void fh_users_at(const struct fh_users *u, size_t i, struct fh_user *out);
/* FH_SESSION_E_UNKNOWN: there is none. */
int fh_users_get(const struct fh_users *u, const char *name, struct fh_user *out);
int fh_users_get_group(const struct fh_users *u, const char *name, struct fh_user *out);
/* As fh_users_get(), and where there is none the line of everyone else, "*". */
int fh_users_get_or_else(const struct fh_users *u, const char *name, struct fh_user *out);

/*
 * Adds, or replaces the one of that name. FH_SESSION_E_INVAL: it cannot stand in the file;
 * FH_SESSION_E_UNKNOWN: one of its groups is not there; _LIMIT: the file is full.
 */
int fh_users_put(struct fh_users *u, const struct fh_user *user);
/* 1: removed, 0: there is none. A group with members stays: FH_SESSION_E_STATE. */
int fh_users_remove(struct fh_users *u, const char *name);
int fh_users_remove_group(struct fh_users *u, const char *name);

/* What a user may, and has to prove, with what its groups say. required 0: nobody says. */
void fh_users_rights(const struct fh_users *u, const struct fh_user *user, uint32_t *permissions,
                     unsigned *required);
bool fh_user_has_identity(const struct fh_user *user, const uint8_t fp[FH_FINGERPRINT_LEN]);

/*
 * Whether the password is the user's: 0, or FH_SESSION_E_AUTH. Takes the same time when there is no
 * such user, or it has no password. May run in any thread that has u to itself or shares it
 * read-only.
 */
int fh_users_check(const struct fh_users *u, const char *name, const char *password, size_t len);

#ifdef __cplusplus
}
#endif

#endif
