/* SPDX-License-Identifier: MIT */
/*
 * window.h -- one window that stays in sight, of fixed size, above all others.
 *
 *     fh__window_open()     connects and makes it, not yet seen
 *     fh__window_show()     at a place on the monitor where the pointer is
 *     fh__window_paint()    begins a picture, in units of 1/96 inch; fh__window_painted() shows it
 *     fh__window_event()    what the person did; repeat until FH__EV_NONE
 *
 * No window manager has a say in it (override-redirect): it is there with none, and cannot be put
 * behind others or without its marks. Events that other programs made up are not heard.
 */
#ifndef FH__WINDOW_H
#define FH__WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include <cairo.h>
#include <xcb/xcb.h>
#include <xcb/xcb_keysyms.h>

enum fh__window_place { FH__PLACE_MIDDLE, FH__PLACE_TOP };

struct fh__window {
    xcb_connection_t *c;
    xcb_screen_t *screen;
    xcb_key_symbols_t *keys;
    xcb_window_t id, focus_before;
    cairo_surface_t *surface;
    cairo_t *cr;
    double scale;                 /* pixels in 1/96 inch */
    int x, y, w, h;               /* pixels */
    int left, top, right, bottom; /* of the monitor */
    uint64_t raised_ms;           /* 0: not yet */
    bool was_shown, has_focus, is_dragged, is_covered;
    int drag_x;
};

enum fh__window_what {
    FH__EV_NONE,
    FH__EV_LOST, /* the X server is gone */
    FH__EV_OTHER,
    FH__EV_PAINT,
    FH__EV_UNCOVERED, /* nothing lies on it any more */
    FH__EV_PRESS,     /* x, y: in units of paint */
    FH__EV_RELEASE,
    FH__EV_MOVE,
    FH__EV_KEY /* key: a keysym */
};

struct fh__window_event {
    enum fh__window_what what;
    double x, y;
    xcb_keysym_t key;
    bool has_shift;
};

/* 0, or -1 and a sentence on standard error. */
int fh__window_open(struct fh__window *w, const char *title);
/* w, h: in 1/96 inch; takes_keys: the keyboard's focus goes there, and back when it is closed. */
void fh__window_show(struct fh__window *w, double width, double height, enum fh__window_place place,
                     bool takes_keys);
void fh__window_hide(struct fh__window *w);
cairo_t *fh__window_paint(struct fh__window *w);
void fh__window_painted(struct fh__window *w);
struct fh__window_event fh__window_event(struct fh__window *w);
/* Above what covers it; call it a few times a second while w->is_covered. */
void fh__window_keep(struct fh__window *w);
/* To the side, as far as the monitor goes. dx: pixels. */
void fh__window_slide(struct fh__window *w, int dx);
void fh__window_close(struct fh__window *w);
int fh__window_fd(const struct fh__window *w);

#endif
