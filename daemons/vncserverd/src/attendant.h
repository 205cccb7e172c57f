/* SPDX-License-Identifier: MIT */
/*
 * attendant.h -- a program at the desktop that talks with the service in lines: ours, or one of the
 * administrator's.
 *
 *     fh__attendant_start()
 *     fh__attendant_tell()           a line to its standard input
 *     fh__attendant_close_input()    there is nothing more to tell
 *     fh__attendant_stop()           it is not wanted any more
 *
 * What it says is believed only as far as its lines go; they are bounded, and so is how long it may
 * live after its standard input was closed. Its standard error is ours. helper.h is below it.
 */
#ifndef FH__ATTENDANT_H
#define FH__ATTENDANT_H

#include <stdbool.h>

#include <uv.h>

#include "seat.h"

enum {
    FH__ATTENDANT_LINE_MAX = 1024, /* bytes of a line that is heard, with newline */
    FH__ATTENDANT_END_MS = 2000    /* from the end of its input to its own */
};

struct fh__attendant;

struct fh__attendant_ops {
    void (*line)(void *user, const char *line); /* lent, without newline; NULL: not heard */
    /* It ended by itself, and is gone. status: as it exited, 127: it is not there; -1: killed.
     * NULL: not wanted. */
    void (*ended)(void *user, int status);
};

/*
 * command: a path and arguments, spaces between. seat: where it runs; as_user: as the desktop's
 * user, else as ours. ops: borrowed. NULL: it cannot be started, and that was logged.
 */
struct fh__attendant *fh__attendant_start(uv_loop_t *loop, const char *command,
                                          const struct fh__seat *seat, bool as_user,
                                          const struct fh__attendant_ops *ops, void *user);
/* text ends in a newline; copied. NULL is fine, here and below. */
void fh__attendant_tell(struct fh__attendant *a, const char *text, size_t len);
/* It is to end by itself, is heard until then, and is ended after grace_ms. */
void fh__attendant_close_input(struct fh__attendant *a, unsigned grace_ms);
/* No callback comes; the program is ended if it has not ended after grace_ms. */
void fh__attendant_stop(struct fh__attendant *a, unsigned grace_ms);
/* "DIR/vncserver-prompt MODE", DIR being where our own program is; FH__SEAT_PATH bytes. */
void fh__attendant_prompt(const char *mode, char *out);

#endif
