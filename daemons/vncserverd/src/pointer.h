/* SPDX-License-Identifier: MIT */
/* pointer.h -- viewers' pointers become the one of the X server (XTEST). */
#ifndef FH__POINTER_H
#define FH__POINTER_H

#include "display.h"

enum { FH__BUTTONS = 9 /* of RFB, and their numbers in X from 1 */ };

struct fh__pointer {
    const struct fh__display *d;
    const void *owner[FH__BUTTONS]; /* who holds it; NULL: not held */
    const void *last_owner;         /* who moved last, and to where */
    uint16_t x, y;
};

void fh__pointer_init(struct fh__pointer *p, const struct fh__display *d);
/* x, y: pixels; buttons: RFB's mask. Only what differs from before is sent. */
void fh__pointer_set(struct fh__pointer *p, const void *owner, uint16_t x, uint16_t y,
                     uint16_t buttons);
/* owner NULL: everyone's. */
void fh__pointer_release_all(struct fh__pointer *p, const void *owner);

#endif
