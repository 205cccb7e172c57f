/* SPDX-License-Identifier: MIT */
/*
 * userstore.h -- the file of users as the running service sees it: read again when it changed, and
 * passwords checked in libuv's thread pool. Without a readable file there are no users.
 */
#ifndef FH__USERSTORE_H
#define FH__USERSTORE_H

#include <sys/stat.h>

#include <uv.h>

#include <farhand/login.h>
#include <farhand/users.h>

struct fh__userstore {
    const char *path;          /* borrowed */
    struct fh__userlist *list; /* NULL: nobody */
    struct stat seen;          /* of the file that was read */
    bool is_known;             /* seen is set */
};

struct fh__usercheck;

/* Runs on the loop's thread, once, unless it was forgotten. */
typedef void (*fh__usercheck_fn)(void *user, bool is_right);

void fh__userstore_init(struct fh__userstore *s, const char *path);
void fh__userstore_finish(struct fh__userstore *s);
/* Looks whether the file changed. Returns how many users there are. */
size_t fh__userstore_refresh(struct fh__userstore *s);
/*
 * What the file holds of a user, or of everyone else, as of now; the fingerprint (NULL: none) is
 * the one that the viewer proved. required 0: the file does not say. Nothing of one-time codes.
 * Wipe *out.
 */
void fh__userstore_account(struct fh__userstore *s, const char *name,
                           const uint8_t fingerprint[FH_FINGERPRINT_LEN],
                           struct fh_login_account *out);
/* name, password: copied. NULL: out of memory, and done is never called. Lent until done. */
struct fh__usercheck *fh__userstore_check(struct fh__userstore *s, uv_loop_t *loop,
                                          const char *name, const char *password, size_t len,
                                          fh__usercheck_fn done, void *user);
/* The answer is not wanted any more. */
void fh__usercheck_forget(struct fh__usercheck *check);

#endif
