/* SPDX-License-Identifier: MIT */
/* codes_file.h -- the enrolments of codes.h in a file. POSIX; part of libsession-uv. */
#ifndef FH_CODES_FILE_H
#define FH_CODES_FILE_H

#include <farhand/codes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As fh_users_load(). */
int fh_codes_load(const char *path, struct fh_codes **out, unsigned *line, const char **expected);
typedef int (*fh_codes_edit_fn)(struct fh_codes *c, void *user);
/* As fh_known_peers_update(): locked, atomic, 0600. A file that does not exist is an empty one. */
int fh_codes_update(const char *path, fh_codes_edit_fn edit, void *user);
/*
 * As fh_codes_spend(), and 0 only after the file says on the disk that the code is used. Waits for
 * the lock and the disk: run it in a worker. Of any number of processes that are told the same code
 * one returns 0.
 */
int fh_codes_file_spend(const char *path, const char *name, const char *code, size_t len,
                        uint64_t unix_s, bool *is_recovery);

#ifdef __cplusplus
}
#endif

#endif
