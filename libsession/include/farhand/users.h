/* SPDX-License-Identifier: MIT */
/*
 * users.h -- a server's own file of users: name, argon2id hash, permissions. One line a user:
 *
 *     NAME:HASH:PERMISSIONS
 *
 * The core works on text in memory; users_file.h has files. Checking takes 0.1 s or more and does
 * it also for a user that does not exist, so that who exists cannot be measured.
 */
#ifndef FH_USERS_H
#define FH_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/permissions.h>
#include <farhand/session_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_USERS_NAME_MAX = 64,       /* bytes of UTF-8, without ':' and control characters */
    FH_USERS_PASSWORD_MAX = 1024, /* bytes */
    FH_USERS_FILE_MAX = 1 << 20   /* bytes */
};

struct fh_users;

/* FH_SESSION_E_FORMAT sets *line and *expected (static text). */
int fh_users_parse(const char *text, size_t len, struct fh_users **out, unsigned *line,
                   const char **expected);
void fh_users_free(struct fh_users *u);
const char *fh_users_text(struct fh_users *u, size_t *len); /* lent until the next call */

size_t fh_users_count(const struct fh_users *u);
const char *fh_users_name(const struct fh_users *u, size_t i); /* lent; i < count */
uint32_t fh_users_permissions(const struct fh_users *u, size_t i);
/* The stored hash of a user, lent until the users change; NULL: no such user. */
const char *fh_users_find(const struct fh_users *u, const char *name, uint32_t *permissions);

/* Adds, or replaces the one of that name. hash: from fh_password_hash(). */
int fh_users_set(struct fh_users *u, const char *name, const char *hash, uint32_t permissions);
int fh_users_remove(struct fh_users *u, const char *name); /* 1: removed, 0: no such user */

/*
 * Whether the password is the user's: 0 and *permissions, or FH_SESSION_E_AUTH. Takes the same time
 * when there is no such user. May run in any thread that has u to itself or shares it read-only.
 */
int fh_users_check(const struct fh_users *u, const char *name, const char *password, size_t len,
                   uint32_t *permissions);

#ifdef __cplusplus
}
#endif

#endif
