/* SPDX-License-Identifier: MIT */
/*
 * private_file.h -- small text files that only their owner may change: read whole, replaced whole.
 * Shared by the stores of this library; not installed.
 */
#ifndef FH_SESSION_PRIVATE_FILE_H
#define FH_SESSION_PRIVATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <farhand/session_error.h>

struct fh__private_file {
    const char *path;
    size_t max;     /* bytes; a longer file is refused */
    bool is_secret; /* others may not read it either */
};

/*
 * Reads the file into *text (NUL behind it, the caller frees it). FH_SESSION_E_MODE: a symbolic
 * link, not a regular file, of another owner than us or root, or open to others;
 * FH_SESSION_E_FORMAT: too long; FH_SESSION_E_IO: see errno.
 */
int fh__private_file_read(const struct fh__private_file *f, char **text, size_t *len);

/* Waits for the lock beside the file. Returns a descriptor to close, or a negative error. */
int fh__private_file_lock(const struct fh__private_file *f);

/*
 * Puts text in the place of the file: temporary file (0600), sync, rename, sync of the directory.
 * Whatever happens, the file is the old or the new one.
 */
int fh__private_file_write(const struct fh__private_file *f, const char *text, size_t len);

#endif
