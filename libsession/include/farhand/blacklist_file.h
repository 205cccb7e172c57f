/* SPDX-License-Identifier: MIT */
/* blacklist_file.h -- the list of blacklist.h in a file. POSIX; part of libsession-uv. */
#ifndef FH_BLACKLIST_FILE_H
#define FH_BLACKLIST_FILE_H

#include <farhand/blacklist.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Adds what the file says to an empty list; a file that does not exist says nothing.
 * FH_SESSION_E_IO (errno is set), _MODE: others may write or read it, _FORMAT with *line.
 */
int fh_blacklist_load(struct fh_blacklist *b, uint64_t now_ms, const char *path, unsigned *line);
/* Replaces the file (0600) whole: after a crash it is the old or the new one. */
int fh_blacklist_save(const struct fh_blacklist *b, uint64_t now_ms, const char *path);

#ifdef __cplusplus
}
#endif

#endif
