/* SPDX-License-Identifier: MIT */
/*
 * codecheck.h -- one-time codes of the running service. A check reads and writes the file of codes
 * in libuv's thread pool: a right code is struck out on the disk before it is said to be right.
 */
#ifndef FH__CODECHECK_H
#define FH__CODECHECK_H

#include <stdbool.h>

#include <uv.h>

struct fh__codecheck;

/* Runs on the loop's thread, once, unless it was forgotten. */
typedef void (*fh__codecheck_fn)(void *user, bool is_right);

/* Whether the user has an authenticator, as of now. */
bool fh__codecheck_is_enrolled(const char *path, const char *name);
/* All copied. NULL: out of memory, and done is never called. Lent until done. */
struct fh__codecheck *fh__codecheck_start(uv_loop_t *loop, const char *path, const char *name,
                                          const char *code, fh__codecheck_fn done, void *user);
/* The answer is not wanted any more. A code that was right is used all the same. */
void fh__codecheck_forget(struct fh__codecheck *c);

#endif
