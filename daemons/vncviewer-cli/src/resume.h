/* SPDX-License-Identifier: MIT */
/*
 * resume.h -- connects again, to where the session is, when its network was lost.
 *
 *     resume_connect()    what fh_viewer_callbacks.reconnect asks for
 *     resume_stop()       the viewer is closed: no more of it
 */
#ifndef VIEWER_RESUME_H
#define VIEWER_RESUME_H

#include <stdbool.h>

#include <farhand/tcp.h>
#include <farhand/viewer.h>

struct resume {
    uv_loop_t *loop;
    const struct fh_target *target;
    struct fh_viewer *viewer; /* NULL: stopped */
    struct fh_tcp_connecting *connecting;
    void (*stopped)(void *user); /* called from the loop, once, after resume_stop() */
    void *user;
};

/* Gives the viewer a stream or none. Negative: it could not be begun, and nothing follows. */
int resume_connect(struct resume *r);
/* stopped() is called before it returns if nothing was under way. */
void resume_stop(struct resume *r);

#endif
