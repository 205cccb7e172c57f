/* SPDX-License-Identifier: MIT */
/*
 * control.h -- the socket by which the machine's own people look at the service and direct it. One
 * JSON object a line in each direction; vncserverctl(1) speaks it and vncserverd(8) describes it.
 *
 * Only root and the user that the service runs as are listened to, whatever the socket's mode says.
 */
#ifndef FH__CONTROL_H
#define FH__CONTROL_H

#include "sharing.h"

enum {
    FH__CONTROL_CLIENTS = 16,
    FH__CONTROL_LINE_MAX = 4096,      /* bytes of a request */
    FH__CONTROL_BACKLOG_MAX = 1 << 18 /* bytes that a client has not read; then it is closed */
};

struct fh__control;

/*
 * Reads the configuration again. Returns what the socket answers, {"taken": [...], "restart":
 * [...]} with names of options, to be released; NULL: it is wrong, the log says where, and nothing
 * changed.
 */
typedef json_t *(*fh__control_reload_fn)(void *user);

/* NULL and a sentence in error: the socket cannot be made. sharing: borrowed until close. */
struct fh__control *fh__control_open(uv_loop_t *loop, const char *path, struct fh__sharing *sharing,
                                     fh__control_reload_fn reload, void *user, char *error,
                                     size_t room);
/* A line of the audit, with its newline: told to those who watch. */
void fh__control_tell(struct fh__control *c, const char *line, size_t len);
/* NULL is fine. ASYNCHRONOUS in the loop, without a callback; the socket's name is gone at once. */
void fh__control_close(struct fh__control *c);

#endif
