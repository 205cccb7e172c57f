/* SPDX-License-Identifier: MIT */
/*
 * seatwatch.h -- says when it may be somebody else's turn at this computer: logind has news, or an
 * X server came or went. Then seat.h is asked again; more often than needed does no harm.
 */
#ifndef FH__SEATWATCH_H
#define FH__SEATWATCH_H

#include <stdbool.h>

#include <uv.h>

struct sd_login_monitor;

enum { FH__SEATWATCH_KINDS = 2 /* of logind's news: seats, sessions */ };

struct fh__seatwatch {
    uv_poll_t logind[FH__SEATWATCH_KINDS];
    uv_fs_event_t sockets;
    uv_timer_t soon;
    struct sd_login_monitor *monitors[FH__SEATWATCH_KINDS]; /* NULL: there is no logind */
    bool is_open;
    void (*changed)(void *user);
    void *user;
};

enum {
    FH__SEATWATCH_SOON_MS = 200 /* news come in swarms, and an X server is not ready at once */
};

/* What cannot be watched is not. changed() comes from the loop, never from in here. */
void fh__seatwatch_open(struct fh__seatwatch *w, uv_loop_t *loop, void (*changed)(void *user),
                        void *user);
/* Something is wrong with the desktop that nobody has told of: changed() comes. */
void fh__seatwatch_soon(struct fh__seatwatch *w);
/* ASYNCHRONOUS, without a callback. Twice, or without _open(), is fine. */
void fh__seatwatch_close(struct fh__seatwatch *w);

#endif
