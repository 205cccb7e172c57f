/* SPDX-License-Identifier: MIT */
/*
 * loans.h -- what a session has of rectangles that the desktop process encoded for several viewers:
 * where each lies in the ring, until its pixels change.
 */
#ifndef FH__LOANS_H
#define FH__LOANS_H

#include "messages.h"
#include "ring.h"

struct fh__loan {
    struct fh__encoded_rect e;
    struct fh_rfb_coding coding;
};

struct fh__loans {
    struct fh__ring_view ring;
    struct fh__msg_encoded coming; /* of the next damage */
    struct fh__loan has[FH__ENCODED_MAX];
    size_t n;
    uint64_t taken; /* how often one was used */
};

extern const struct fh_rfb_elsewhere fh__loans_ops; /* user: a struct fh__loans */

/* Another ring; what was in the one before is forgotten. -1: it is no ring, and there is none. */
int fh__loans_ring(struct fh__loans *l, int fd);
/* The picture is another one. */
void fh__loans_forget(struct fh__loans *l);
/* This changed: what was there is forgotten, and what came for it stands. */
/* This is other pixels now: what was there is forgotten. */
void fh__loans_changed(struct fh__loans *l, const struct fh_rect *r);
void fh__loans_damage(struct fh__loans *l, const struct fh__msg_damage *m);

#endif
