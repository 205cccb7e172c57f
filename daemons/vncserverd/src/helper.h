/* SPDX-License-Identifier: MIT */
/*
 * helper.h -- a program that runs beside the service and talks with it in lines: ours on the
 * desktop, or one of the administrator's.
 *
 *     fh__helper_start()
 *     fh__helper_tell()    a line to its standard input
 *     fh__helper_close_input()    there is nothing more to tell
 *     fh__helper_stop()    it is not wanted any more
 *
 * What it prints is believed only as far as its lines go: they are bounded, and so is how long it
 * may live after its standard input was closed. Its standard error is ours.
 */
#ifndef FH__HELPER_H
#define FH__HELPER_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "seat.h"

enum {
    FH__HELPER_LINE_MAX = 1024,       /* bytes of a line that is heard */
    FH__HELPER_BACKLOG_MAX = 1 << 18, /* bytes that it has not read */
    FH__HELPER_WORDS_MAX = 32,        /* of a command */
    FH__HELPER_END_MS = 2000          /* from SIGTERM to SIGKILL */
};

struct fh__helper;

struct fh__helper_ops {
    void (*line)(void *user, const char *line); /* lent, without newline; NULL: not heard */
    /* It ended by itself, and the helper is gone. status: as it exited; -1: killed, or never
     * there. */
    void (*ended)(void *user, int status);
};

/*
 * command: a path and arguments, spaces between. seat: where it runs; as_user: as the desktop's
 * user, else as ours. ops: borrowed. NULL: no memory; an error of starting is told by ended(),
 * later.
 */
struct fh__helper *fh__helper_start(uv_loop_t *loop, const char *command,
                                    const struct fh__seat *seat, bool as_user,
                                    const struct fh__helper_ops *ops, void *user);
/* text ends in a newline; copied. */
void fh__helper_tell(struct fh__helper *h, const char *text, size_t len);
/* Closes its standard input: it is to end by itself, and is ended after grace_ms. It is still
 * heard. */
void fh__helper_close_input(struct fh__helper *h, unsigned grace_ms);
/*
 * Closes its standard input, hears it no more, and ends it if it has not ended after grace_ms. No
 * callback comes. NULL is fine. It and its handles are gone some time later, by themselves.
 */
void fh__helper_stop(struct fh__helper *h, unsigned grace_ms);
/* "DIR/vncserver-prompt MODE", DIR being where our own program is; FH__SEAT_PATH bytes. */
void fh__helper_prompt(const char *mode, char *out);

#endif
