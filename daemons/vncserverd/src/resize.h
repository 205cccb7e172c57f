/* SPDX-License-Identifier: MIT */
/*
 * resize.h -- the size of the X screen, by RandR: other sizes on a viewer's wish, and news of
 * changes by anyone.
 *
 * Only a screen with one output is resized. A size that the output does not offer is added as a
 * mode of its own, except where a monitor (EDID) is connected: it would not show that.
 */
#ifndef FH__RESIZE_H
#define FH__RESIZE_H

#include <farhand/framebuffer.h>

#include "display.h"

enum { FH__SCREENS_MAX = 16 };

struct fh__resize {
    const struct fh__display *d;
    uint16_t width, height; /* of the screen as last told */
    uint32_t made;          /* RandR's mode that we made and use, 0: none */
};

enum fh__resize_result {
    FH__RESIZE_OK,
    FH__RESIZE_INVALID,   /* not a size that this screen can have */
    FH__RESIZE_IMPOSSIBLE /* this screen is not to be resized */
};

void fh__resize_init(struct fh__resize *r, const struct fh__display *d);
/* true: it was an event of RandR or about the screen's size, which may be another now. */
bool fh__resize_event(struct fh__resize *r, const xcb_generic_event_t *ev);
/* With OK the size is already the new one. */
enum fh__resize_result fh__resize_to(struct fh__resize *r, uint16_t width, uint16_t height);
/* The outputs that show something, at least one (all of the screen). Returns how many. */
size_t fh__resize_screens(const struct fh__resize *r, struct fh_screen out[FH__SCREENS_MAX]);

#endif
