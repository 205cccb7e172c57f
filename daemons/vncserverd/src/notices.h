/* SPDX-License-Identifier: MIT */
/*
 * notices.h -- what the desktop shows of its sessions while there are any: a window, notifications,
 * or a program of the administrator's, each a helper that lives as long as somebody is connected.
 */
#ifndef FH__NOTICES_H
#define FH__NOTICES_H

#include "config.h"
#include "attendant.h"

enum { FH__NOTICES_GRACE_MS = 5000 /* to say farewell in */ };

struct fh__notices {
    uv_loop_t *loop;
    const struct fh__config *cfg;
    const struct fh__seat *seat;
    bool has_desktop;
    struct fh__attendant *attendant; /* NULL: nobody is connected, or there is no notice */
    char command[FH__SEAT_PATH];     /* that it is */
    bool is_leaving;                 /* it says farewell */
    void (*disconnect)(void *user);  /* the person wants all sessions to end */
    void *user;
};

/* line: JSON as the control socket's list, with newline; n: sessions. */
void fh__notices_tell(struct fh__notices *t, const char *line, size_t len, unsigned n);
/* The configuration has changed: true, another one is wanted, and the old one is gone. */
bool fh__notices_configure(struct fh__notices *t);
/* Ends it, and what it shows; with the next fh__notices_tell() it begins anew. */
void fh__notices_close(struct fh__notices *t);

#endif
