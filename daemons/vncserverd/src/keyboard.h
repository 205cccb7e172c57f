/* SPDX-License-Identifier: MIT */
/*
 * keyboard.h -- viewers' keys become key events of the X server (XTEST, XKB).
 *
 * A key comes as a keysym, as a scan code, or both; a known scan code wins. A keysym is looked up
 * on the server's own map; modifiers that it needs are set for the moment of the press. One that is
 * not on the map gets a spare key (spare.h). Who pressed a key is remembered, so that
 * fh__keyboard_release_all() leaves nothing held when a viewer goes away.
 */
#ifndef FH__KEYBOARD_H
#define FH__KEYBOARD_H

#include "display.h"

struct fh__keyboard;

/* NULL and a sentence in error: the server's map cannot be read. d is borrowed until free. */
struct fh__keyboard *fh__keyboard_new(const struct fh__display *d, char *error, size_t room);
/* Releases all keys and gives the spare ones back. */
void fh__keyboard_free(struct fh__keyboard *k);
bool fh__keyboard_event(struct fh__keyboard *k, const xcb_generic_event_t *ev);
/*
 * owner: whose key it is, any pointer. xt: scan code, 0: not given.
 * Returns 0, or the milliseconds after which to try again: all spare keys were used just now.
 */
uint64_t fh__keyboard_press(struct fh__keyboard *k, const void *owner, uint32_t keysym, uint32_t xt,
                            uint64_t now_ms);
void fh__keyboard_release(struct fh__keyboard *k, const void *owner, uint32_t keysym, uint32_t xt);
/* owner NULL: everyone's. */
void fh__keyboard_release_all(struct fh__keyboard *k, const void *owner);

#endif
