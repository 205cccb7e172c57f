/* SPDX-License-Identifier: MIT */
/* cursor.h -- the shape of the pointer, by XFixes. */
#ifndef FH__CURSOR_H
#define FH__CURSOR_H

#include "display.h"

struct fh__cursor {
    const struct fh__display *d;
    bool is_changed; /* since the last fetch; true at first */
};

/* w * h pixels 0xAARRGGBB, not premultiplied; sides at most FH_CURSOR_MAX_SIDE. */
struct fh__cursor_image {
    uint32_t *argb;
    int32_t w, h, hot_x, hot_y;
};

void fh__cursor_init(struct fh__cursor *c, const struct fh__display *d);
bool fh__cursor_event(struct fh__cursor *c, const xcb_generic_event_t *ev);
/* Asks the server for the shape. 0, and the caller frees out->argb; -1: no answer. */
int fh__cursor_fetch(struct fh__cursor *c, struct fh__cursor_image *out);

#endif
