/* SPDX-License-Identifier: MIT */
/*
 * desktop.h -- one X display as a thing to share: picture, cursor, clipboard, input, size.
 *
 *     fh__desktop_open()       connects
 *     fh__desktop_fd()         wait until it is readable, then
 *     fh__desktop_pump()       reads and dispatches what the server said; also after any other call
 *     fh__desktop_capture()    when a viewer waits and fh__desktop_is_damaged()
 *     fh__desktop_deadline()   when fh__desktop_pump() is due by time
 *
 * News come by the functions of struct fh__desktop_events, from inside pump and capture.
 */
#ifndef FH__DESKTOP_H
#define FH__DESKTOP_H

#include <farhand/motion.h>

#include "display.h"
#include "resize.h"

struct fh__desktop_events {
    void (*damaged)(void *user); /* something was drawn: fh__desktop_capture() would find it */
    void (*changed)(void *user, const struct fh_rect *r); /* the picture differs there */
    void (*moved)(void *user, const struct fh_motion *m); /* as in capture.h */
    void (*screen)(void *user);                           /* another picture: size or layout */
    /* Not premultiplied, 0xAARRGGBB; borrowed. */
    void (*cursor)(void *user, const uint32_t *argb, int32_t w, int32_t h, int32_t hot_x,
                   int32_t hot_y);
    void (*cut_text)(void *user, const char *text, size_t len);
    void (*bell)(void *user);
};

struct fh__desktop;

/* As fh__display_open(). events: borrowed until close. */
int fh__desktop_open(struct fh__desktop **out, const char *name,
                     const uint8_t cookie[FH__COOKIE_LEN], const struct fh__desktop_events *events,
                     void *user, char *error, size_t room);
void fh__desktop_close(struct fh__desktop *t);
int fh__desktop_fd(const struct fh__desktop *t);
/* false: the X server is gone. */
bool fh__desktop_pump(struct fh__desktop *t);
uint64_t fh__desktop_deadline(const struct fh__desktop *t); /* monotonic ms, UINT64_MAX: none */

bool fh__desktop_is_damaged(const struct fh__desktop *t);
bool fh__desktop_is_shared_memory(const struct fh__desktop *t);
void fh__desktop_capture(struct fh__desktop *t);
/* As fh__capture_memory() and _renew(). */
int fh__desktop_memory(const struct fh__desktop *t);
int fh__desktop_renew(struct fh__desktop *t);
/* Lent until events->screen() or renew. */
const struct fh_framebuffer *fh__desktop_picture(const struct fh__desktop *t);
const struct fh_screen *fh__desktop_screens(const struct fh__desktop *t, size_t *n);
/* Tells the shape of the cursor now; later changes are told by themselves. */
void fh__desktop_cursor(struct fh__desktop *t);
/* Whether anyone is there: if not, neither cursors nor clipboards are fetched. */
void fh__desktop_watch(struct fh__desktop *t, bool is_watched, bool has_clipboard);

/* owner: whose input it is, any pointer that is not NULL. */
void fh__desktop_key(struct fh__desktop *t, const void *owner, uint32_t keysym, uint32_t xt,
                     bool is_down);
void fh__desktop_pointer(struct fh__desktop *t, const void *owner, uint16_t x, uint16_t y,
                         uint16_t buttons);
void fh__desktop_release(struct fh__desktop *t, const void *owner);
int fh__desktop_set_clipboard(struct fh__desktop *t, const char *text, size_t len);
/* With OK events->screen() was called. */
enum fh__resize_result fh__desktop_resize(struct fh__desktop *t, uint16_t width, uint16_t height);

#endif
