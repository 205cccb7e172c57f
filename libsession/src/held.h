/* SPDX-License-Identifier: MIT */
/* held.h -- the keys and buttons that a viewer holds down, so that they can be released for it. */
#ifndef FH_SESSION_HELD_H
#define FH_SESSION_HELD_H

#include "internal.h"

/* Zeroed is empty. */
struct fh__held {
    struct {
        uint32_t keysym, keycode;
    } keys[FH_HELD_KEYS_MAX];
    unsigned n_keys;
    uint16_t x, y;
    uint16_t buttons;
};

/* A key went down or up. False: too many are down already, the event is to be dropped. */
bool fh__held_key(struct fh__held *h, uint32_t keysym, uint32_t keycode, bool down);
void fh__held_pointer(struct fh__held *h, uint16_t x, uint16_t y, uint16_t buttons);
/* Takes one key that is down, the last first; false: none. */
bool fh__held_take_key(struct fh__held *h, uint32_t *keysym, uint32_t *keycode);
/* Takes the buttons; false: none is down. Where the pointer is: h->x, h->y. */
bool fh__held_take_buttons(struct fh__held *h);

#endif
