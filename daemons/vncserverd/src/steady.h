/* SPDX-License-Identifier: MIT */
/*
 * steady.h -- a process that has to be there: the key and the desktop process, as the monitor keeps
 * them. One that ends by a crash is started again, at once and then ever more slowly.
 */
#ifndef FH__STEADY_H
#define FH__STEADY_H

#include "child.h"

enum {
    FH__STEADY_DELAY_MAX_MS = 30000, /* between two starts */
    FH__STEADY_GOOD_MS = 60000,      /* who lived so long starts at once again */
    FH__STEADY_STOP_MS = 10000       /* to end when asked to */
};

struct fh__steady;

struct fh__steady_ops {
    /* It was started: send its setup. */
    void (*setup)(void *user);
    /* READY is told by _ready(). body is good in form. */
    /* fd: -1, or taken by the callee. */
    void (*message)(void *user, unsigned number, struct rd body, int fd);
    /* It crashed, or fh__steady_renew(); it is started again, or will be. */
    void (*lost)(void *user);
    /* It has ended and stays so: it was stopped, or has said that it ends, with this status. */
    void (*ended)(void *user);
};

struct fh__steady {
    struct fh__child child;
    uv_timer_t timer;
    uv_loop_t *loop;
    enum fh__role role;
    char *const *arguments; /* borrowed */
    const struct fh__steady_ops *ops;
    void *user;
    uint64_t started_ms, delay_ms;
    uint32_t stage; /* enum fh__stage */
    bool is_open, is_alive, is_stopping, is_final, has_told;
    bool is_renewed, is_wanted; /* it ends, and that is no crash; and then it is started again */
};

void fh__steady_open(struct fh__steady *s, uv_loop_t *loop, enum fh__role role,
                     char *const *arguments, const struct fh__steady_ops *ops, void *user);
void fh__steady_ready(struct fh__steady *s);
bool fh__steady_is_ready(const struct fh__steady *s);
/* It has said that it is going to end: that is no crash. */
void fh__steady_final(struct fh__steady *s);
/*
 * It ends, by itself or now, and that is no crash. is_wanted: it is started again then, or now if
 * it is not there; with has_failed it is as slow as after crashes. lost() is called if it was
 * there.
 */
void fh__steady_renew(struct fh__steady *s, bool is_wanted, bool has_failed);
/* -1: it is not there. */
int fh__steady_send(struct fh__steady *s, unsigned number, const void *body, size_t len, int fd);
/* ASYNCHRONOUS: ended() is called, unless it was before. It has some time to end by itself. */
void fh__steady_stop(struct fh__steady *s);
/* Closes what is left; after ended(). ASYNCHRONOUS, without a callback. */
void fh__steady_close(struct fh__steady *s);

#endif
