/* SPDX-License-Identifier: MIT */
/*
 * input.h -- keys and pointer of all viewers in the order in which they came, also when a key has
 * to wait for a moment (spare.h). At most FH__INPUT_MAX wait; a viewer that sends more loses them,
 * and all its keys and buttons are released.
 */
#ifndef FH__INPUT_H
#define FH__INPUT_H

#include "keyboard.h"
#include "pointer.h"

enum { FH__INPUT_MAX = 4096 };

struct fh__input;

/* As fh__keyboard_new(). */
struct fh__input *fh__input_new(const struct fh__display *d, char *error, size_t room);
void fh__input_free(struct fh__input *in);
bool fh__input_event(struct fh__input *in, const xcb_generic_event_t *ev);
void fh__input_key(struct fh__input *in, const void *owner, uint32_t keysym, uint32_t xt,
                   bool is_down);
void fh__input_pointer(struct fh__input *in, const void *owner, uint16_t x, uint16_t y,
                       uint16_t buttons);
/* The owner has gone: in its turn, all that is held is released. NULL: everyone, and at once. */
void fh__input_release(struct fh__input *in, const void *owner);
/* Goes on with what waits. */
void fh__input_run(struct fh__input *in);
/* When fh__input_run() is due, in monotonic ms; UINT64_MAX: nothing waits. */
uint64_t fh__input_deadline(const struct fh__input *in);

#endif
