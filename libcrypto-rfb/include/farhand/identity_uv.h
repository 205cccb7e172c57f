/* SPDX-License-Identifier: MIT */
/*
 * identity_uv.h -- identities in files, generated off the loop; randomness of the system.
 *
 *     fh_random_system()             a fh_random_fn for the configs of the cores
 *     fh_identity_load()             a key from a file that is its owner's alone
 *     fh_identity_save()             a key to a new file, whole or not at all
 *     fh_identity_generate_start()   a new key, made by a worker of the loop's pool
 *
 * The first three need no loop and block for milliseconds, from any thread. A generation belongs to
 * the thread of its loop. Does not: encrypt files, replace keys, make directories.
 */
#ifndef FH_IDENTITY_UV_H
#define FH_IDENTITY_UV_H

#include <uv.h>

#include <farhand/identity.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A fh_random_fn: bytes from the system's generator. user is not used. Does not return without. */
void fh_random_system(void *user, void *out, size_t len);

/*
 * Reads the identity in the file at path.
 * FH_CRYPTO_E_IO: it cannot be opened or read (errno tells), is a symbolic link or no regular file.
 * FH_CRYPTO_E_MODE: group or others may read or write it, or it belongs to another user (root may
 * load any user's). FH_CRYPTO_E_FORMAT and _KEY as fh_identity_from_pem; FH_CRYPTO_E_NOMEM.
 */
int fh_identity_load(const char *path, struct fh_identity **out);

/*
 * Writes id to a new file at path, mode 0600 from its first moment. It appears under its name only
 * when all of it is on disk (by a hard link, which the file system must have).
 * FH_CRYPTO_E_EXISTS if there is a file, which is left alone; FH_CRYPTO_E_IO (errno tells);
 * FH_CRYPTO_E_NOMEM.
 */
int fh_identity_save(const struct fh_identity *id, const char *path);

struct fh_identity_generation;

/*
 * Runs on the loop's thread, once for each generation started, never inside _start. status: 0 and
 * an identity that is taken by the callee; FH_CRYPTO_E_CLOSED and NULL if it was cancelled; another
 * error and NULL. The generation's memory is released after it returns.
 */
typedef void (*fh_identity_generated_fn)(struct fh_identity *id, int status, void *user);

/*
 * Generates a key of bits with fh_random_system in a worker. 0 and *out, lent until cb runs; an
 * error, and cb never runs: FH_CRYPTO_E_INVAL for other bits, FH_CRYPTO_E_NOMEM. out may be NULL.
 */
int fh_identity_generate_start(uv_loop_t *loop, unsigned bits, fh_identity_generated_fn cb,
                               void *user, struct fh_identity_generation **out);

/* Before cb has run: it will say FH_CRYPTO_E_CLOSED; a worker that has begun ends its work first.
 */
void fh_identity_generate_cancel(struct fh_identity_generation *g);

#ifdef __cplusplus
}
#endif

#endif
