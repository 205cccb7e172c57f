/* SPDX-License-Identifier: MIT */
/*
 * capture.h -- the X screen as a picture in memory.
 *
 *     fh__capture_new()      the whole screen counts as damaged
 *     fh__capture_event()    an X event that may be about damage
 *     fh__capture_is_damaged, fh__capture_take()   fetch what changed since the last time
 *     fh__capture_resize()   the screen has another size
 *
 * The server tells only once that something was drawn, and is silent until the damage is taken: a
 * busy screen that nobody looks at costs nothing. Pixels travel through shared memory where the
 * server is on this machine, else inside the connection. Only what really differs is reported.
 */
#ifndef FH__CAPTURE_H
#define FH__CAPTURE_H

#include <farhand/motion.h>

#include "display.h"

struct fh__capture;

struct fh__capture_events {
    /* The pixels there are others. */
    void (*changed)(void *user, const struct fh_rect *r);
    /* They are where they are now, and differ from there in what changed() is called for next. Once
     * in a capture, before all else. */
    void (*moved)(void *user, const struct fh_motion *m);
};

/* NULL: out of memory, or larger than FH_FRAMEBUFFER_MAX_SIDE. d is borrowed until free. */
struct fh__capture *fh__capture_new(const struct fh__display *d, uint16_t width, uint16_t height);
void fh__capture_free(struct fh__capture *c);
/* A new picture of this size, black; the old one is freed. -1: as above, the old one stays. */
int fh__capture_resize(struct fh__capture *c, uint16_t width, uint16_t height);
bool fh__capture_event(struct fh__capture *c, const xcb_generic_event_t *ev);
bool fh__capture_is_damaged(const struct fh__capture *c);
bool fh__capture_is_shared_memory(const struct fh__capture *c);
/* Fetches the damage into the picture, and says what differs. */
void fh__capture_take(struct fh__capture *c, const struct fh__capture_events *events, void *user);
/*
 * The memory of the picture's pixels: sealed, so that who is given it can look and nothing else. It
 * is another one after resize; renew moves to another one as well, so that who was given the one
 * before sees nothing of what comes. -1: no memory, and all stays as it is.
 */
int fh__capture_memory(const struct fh__capture *c);
int fh__capture_renew(struct fh__capture *c);
/* Lent until resize, renew or free. */
const struct fh_framebuffer *fh__capture_picture(const struct fh__capture *c);

#endif
