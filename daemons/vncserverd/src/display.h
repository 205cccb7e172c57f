/* SPDX-License-Identifier: MIT */
/*
 * display.h -- the connection to the X server and what the server can do. An X error never ends the
 * process: replies that fail are NULL, errors without a reply arrive as events and are logged.
 */
#ifndef FH__DISPLAY_H
#define FH__DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xcb/xcb.h>

enum { FH__COOKIE_LEN = 16 /* MIT-MAGIC-COOKIE-1 */ };

struct fh__display {
    xcb_connection_t *c;
    xcb_screen_t *screen;
    xcb_visualtype_t *visual;
    uint8_t bits_per_pixel, scanline_pad; /* of the root's depth */
    bool is_local;                        /* a unix socket, so that descriptors can be passed */
    bool has_shm;                         /* MIT-SHM 1.2 on a local connection */
    uint8_t first_damage, first_xfixes, first_randr, first_xkb; /* event numbers */
};

/*
 * Connects and asks for the extensions. name: ":1"; NULL: what DISPLAY says. cookie: NULL: what the
 * file XAUTHORITY says. Returns 0, or -1 and a sentence in error.
 */
int fh__display_open(struct fh__display *d, const char *name, const uint8_t cookie[FH__COOKIE_LEN],
                     char *error, size_t room);
void fh__display_close(struct fh__display *d);
/* An atom, 0 if the server does not answer. */
xcb_atom_t fh__display_atom(const struct fh__display *d, const char *name);
/* Milliseconds of the monotonic clock. */
uint64_t fh__now_ms(void);

#endif
