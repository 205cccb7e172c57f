/* SPDX-License-Identifier: MIT */
/*
 * state.h -- what is kept from one run to the next: a file of JSON with the newest checkpoint, the
 * tree that led to it, and the leaves about the owner's addresses.
 */
#ifndef FH__STATE_H
#define FH__STATE_H

#include "follow.h"

/*
 * text: len bytes, of an earlier run with the same key. The leaves of addresses of w are added to
 * it; *again: an address of w was not watched then, so the log must be read from the beginning.
 * Returns 0; -1: it is no such file.
 */
int fh__state_parse(const char *text, size_t len, const struct fh_tlog_key *key,
                    struct fh__followed *kept, struct fh__watched *w, bool *again);
/* malloc; NULL: no memory. */
char *fh__state_print(const struct fh_tlog_key *key, const struct fh__followed *f,
                      const struct fh__watched *w);

/* The whole file; *len. malloc; NULL: errno. At most 64 MiB. */
char *fh__file_read(const char *path, size_t *len);
/* Replaces the file when all is on the disk. 0; -1: errno. */
int fh__file_write(const char *path, const char *text, size_t len);

#endif
