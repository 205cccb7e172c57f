/* SPDX-License-Identifier: MIT */
/* identityfile.h -- the identity of this server in its file. Errors are logged here. */
#ifndef FH__IDENTITYFILE_H
#define FH__IDENTITYFILE_H

#include <stdbool.h>

#include <uv.h>

#include <farhand/identity.h>

/*
 * Reads it, or makes it where there is none, with the directory. Runs the loop meanwhile; gives up
 * when *is_stopping becomes true. 0, or a negative error of libcrypto-rfb.
 */
int fh__identityfile_open(uv_loop_t *loop, const char *path, const bool *is_stopping,
                          struct fh_identity **out);
/*
 * The key that is to follow, in PATH.next, where a rotation is under way; else *out is NULL. 0, or
 * a negative error of libcrypto-rfb; nothing is logged.
 */
int fh__identityfile_open_next(const char *path, struct fh_identity **out);
enum { FH__IDENTITYFILE_NEXT_ROOM = 4096 };
/* Its path. -1: too long. */
int fh__identityfile_next_path(const char *path, char out[FH__IDENTITYFILE_NEXT_ROOM]);
/* Of the public key. */
int fh__identityfile_describe(const uint8_t *spki, size_t len, char fingerprint[FH_FINGERPRINT_HEX],
                              char phrase[FH_CATCHPHRASE_MAX]);
/* All missing directories of path, 0700. -1: errno tells. */
int fh__identityfile_make_directory(const char *path);

#endif
