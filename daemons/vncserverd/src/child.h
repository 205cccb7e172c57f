/* SPDX-License-Identifier: MIT */
/*
 * child.h -- a process of ours, as the monitor sees it: our own program, started anew, so that it
 * shares no memory and no secret with anybody, with a link to it.
 *
 *     fh__child_start()
 *     fh__child_kill()     when it is not wanted or not trusted any more
 *
 * Its descriptors are: 2 where we log, 3 the link, then those that it is given. fh__role_main() is
 * what it comes to.
 */
#ifndef FH__CHILD_H
#define FH__CHILD_H

#include <uv.h>

#include "link.h"

enum { FH__CHILD_LINK_FD = 3, FH__CHILD_FDS_MAX = 2 };

struct fh__child {
    uv_process_t process;
    struct fh__link link;
    enum fh__role role;
    const struct fh__child_ops *ops;
    void *user;
    unsigned open;   /* process and link */
    bool is_running; /* its process */
    int64_t status;
    int signal;
};

struct fh__child_ops {
    struct fh__link_ops link; /* user: the one below */
    /* The process has ended and all is closed: *c may be used again or freed. */
    void (*gone)(void *user, int64_t status, int signal);
};

/*
 * arguments: NULL-terminated, or NULL; borrowed. fds: become 4, 5; they stay the caller's. ops:
 * borrowed. Negative: libuv's error, and nothing was begun. 0: gone() will be called, soon and with
 * a negative status if there is no process.
 */
int fh__child_start(struct fh__child *c, uv_loop_t *loop, enum fh__role role,
                    char *const *arguments, const int *fds, unsigned n_fds,
                    const struct fh__child_ops *ops, void *user);
/* Ends it without asking, and closes the link. Twice is fine. */
void fh__child_kill(struct fh__child *c);
/* It is to end by itself: nothing of what it says is heard any more. */
void fh__child_hang_up(struct fh__child *c);
/* "vncserverd-session" */
const char *fh__role_name(enum fh__role role);

#endif
