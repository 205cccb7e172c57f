/* SPDX-License-Identifier: MIT */
/*
 * tlog_files.h -- files that are there as a whole or not at all, also after the power failed.
 *
 * Paths are relative to an open directory and are made by us, never by a peer.
 */
#ifndef FH__TLOG_FILES_H
#define FH__TLOG_FILES_H

#include <stddef.h>

/*
 * Replaces or makes the file, with the folders above it. When it returns 0, it is on the disk under
 * its name; otherwise a negative errno, and what was there before still is. -ESTALE: it has its
 * name already, but whether that will outlast a loss of power is not known.
 */
int fh__tlog_write(int dir, const char *path, const void *data, size_t len);

/* How many bytes the file has; -EFBIG if more than room, or another negative errno. */
int fh__tlog_read(int dir, const char *path, void *out, size_t room);

/* Gone is fine. */
void fh__tlog_remove(int dir, const char *path);

#endif
