/* SPDX-License-Identifier: MIT */
/*
 * virtual.h -- a headless X server (Xvfb) of our own, and a program on it.
 *
 *     fh__virtual_start()    the X server, with a cookie that only we and our program know
 *     fh__virtual_run()      the program
 *     fh__virtual_reap()     after SIGCHLD: who ended?
 *     fh__virtual_stop()     ends the program, whatever it has started, and the X server
 *
 * Nothing is left behind: each is in a process group of its own, orphans of the program come to us
 * (PR_SET_CHILD_SUBREAPER), and if we are killed so are they (PR_SET_PDEATHSIG). Starting and
 * stopping block. One at a time in a process, for its main thread.
 */
#ifndef FH__VIRTUAL_H
#define FH__VIRTUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "display.h"

enum {
    FH__VIRTUAL_START_MS = 30000, /* for the X server to be ready */
    FH__VIRTUAL_STOP_MS = 3000,   /* to end when asked to, then it is killed */
    FH__VIRTUAL_MAX_WIDTH = 3840, /* viewers may resize up to here, or to the size asked for */
    FH__VIRTUAL_MAX_HEIGHT = 2160
};

struct fh__virtual;

/* What may end the waiting for the X server. */
struct fh__virtual_wait {
    int fd; /* readable: has_ended() is asked; it is asked once before as well */
    bool (*has_ended)(void *user);
    void *user;
};

/* wait: borrowed, NULL: nothing may. 0, or -1 and a sentence in error; then nothing is running. */
int fh__virtual_start(struct fh__virtual **out, uint16_t width, uint16_t height,
                      const struct fh__virtual_wait *wait, char *error, size_t room);
const char *fh__virtual_display(const struct fh__virtual *v);
const uint8_t *fh__virtual_cookie(const struct fh__virtual *v);
/* Where its files are, inside a directory that is not ours. */
const char *fh__virtual_directory(const struct fh__virtual *v);
/* argv: NULL-terminated, borrowed. */
int fh__virtual_run(struct fh__virtual *v, char *const *argv, char *error, size_t room);

enum fh__virtual_news {
    FH__VIRTUAL_NOTHING,
    FH__VIRTUAL_PROGRAM_ENDED,
    FH__VIRTUAL_SERVER_ENDED /* also if the program ended at the same time */
};

/* status: how, as waitpid() says. Children of the loop (NULL: there is none) are left to it. */
enum fh__virtual_news fh__virtual_reap(struct fh__virtual *v, uv_loop_t *loop, int *status);
void fh__virtual_stop(struct fh__virtual *v);

#endif
