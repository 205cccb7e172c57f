/* SPDX-License-Identifier: MIT */
/*
 * link.h -- one end of the way between two of our processes, on a libuv loop.
 *
 *     fh__link_pair()     two ends that no program inherits
 *     fh__link_open()     takes one
 *     fh__link_send()     never blocks; what the other does not take waits, within a bound
 *     fh__link_close()    ASYNCHRONOUS
 *
 * What arrives is judged by protocol.h: number, length, descriptor. The rest is the owner's. A link
 * that is broken (the other end closed, or said what it may not, or does not read) tells so once.
 * What was received is wiped as soon as it was looked at: there are passwords in it.
 */
#ifndef FH__LINK_H
#define FH__LINK_H

#include <uv.h>

#include "messages.h"
#include "rd.h"
#include "wr.h"

enum {
    FH__LINK_BACKLOG_MAX = 1 << 20, /* bytes of memory, for what the other end has not taken */
    FH__LINK_TURN = 64,             /* messages that are read in one turn of the loop */
    FH__LINK_DRAIN = 8192           /* at once, at the most: a socket's buffer holds less */
};

struct fh__link;

struct fh__link_ops {
    /* body: lent. fd: -1, or taken by the callee. May close the link. */
    void (*message)(void *user, unsigned number, struct rd body, int fd);
    /* Nothing more comes. why: NULL if the other end closed, else what was wrong; lent. */
    void (*broken)(void *user, const char *why);
};

struct fh__link_waiting;

struct fh__link {
    uv_poll_t poll;
    int fd;
    enum fh__role us, them;
    const struct fh__link_ops *ops;
    void *user;
    struct fh__link_waiting *first, *last;
    size_t waiting; /* bytes of memory */
    int events;     /* that the loop looks for */
    bool is_open, is_broken;
    void (*closed)(void *user);
};

/* -1: errno tells. */
int fh__link_pair(int out[2]);
/* fd is taken, also on error. Negative: libuv's error. ops: borrowed. */
int fh__link_open(struct fh__link *l, uv_loop_t *loop, int fd, enum fh__role us, enum fh__role them,
                  const struct fh__link_ops *ops, void *user);
/*
 * 0, also when the other end is gone: what it had said comes first, then broken. -1: it is broken,
 * or the other end does not read. fd: stays the caller's; -1: none.
 */
int fh__link_send(struct fh__link *l, unsigned number, const void *body, size_t len, int fd);
/* All that has arrived is heard now, not in turns. */
void fh__link_drain(struct fh__link *l);
/* With what was written so far. */
int fh__link_send_wr(struct fh__link *l, unsigned number, const struct wr *w);
/* No callback comes any more but closed, which may be NULL. Twice, or before _open, is fine. */
void fh__link_close(struct fh__link *l, void (*closed)(void *user));
/* Not through a loop, and without waiting: for what can be lost. */
void fh__link_try(int fd, unsigned number, const void *body, size_t len);

#endif
