/* SPDX-License-Identifier: MIT */
/*
 * motion.h -- what only moved between two pictures: a text that was scrolled, a window that was
 * dragged. A viewer is told of it by CopyRect, which costs nothing (fh_rfb_server_copy()).
 *
 *     fh_motion_find()    with what is in memory and what is to come there
 *     fh_motion_apply()   moves the pixels in memory; what differs then is damage as ever
 *
 * A guess: it is right where pixels are compared afterwards, which has to be done in any case. What
 * is found is one rectangle; what was found before is not remembered, but how often nothing was:
 * a film is not searched in each of its frames.
 *
 * No I/O, and no memory but the caller's. Cost: a tenth of a nanosecond for a pixel of the box
 * where something was scrolled, two where it was dragged, at most 2 ms.
 */
#ifndef FH_MOTION_H
#define FH_MOTION_H

#include <farhand/framebuffer.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FH_MOTION_SIDE_MIN = 64 /* pixels: smaller boxes are not looked at */ };

struct fh_motion {
    struct fh_rect to;      /* in the new picture, inside the box */
    int32_t from_x, from_y; /* where its pixels were in the old one */
};

/* Between calls; zeroed at first. One for each picture. */
struct fh_motion_history {
    unsigned misses; /* in succession */
    unsigned pause;  /* boxes that are not looked at any more */
};

/*
 * old: the picture as it was. box: inside it; fresh: the box's new pixels, stride_px from row to
 * row. The top byte of a pixel does not count in either. False: nothing moved, or not enough.
 */
bool fh_motion_find(struct fh_motion_history *h, const struct fh_framebuffer *old,
                    const struct fh_rect *box, const uint32_t *fresh, size_t stride_px,
                    struct fh_motion *out);

/* Moves the pixels. */
void fh_motion_apply(const struct fh_framebuffer *fb, const struct fh_motion *m);

#ifdef __cplusplus
}
#endif

#endif
