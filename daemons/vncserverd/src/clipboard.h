/* SPDX-License-Identifier: MIT */
/*
 * clipboard.h -- the selections CLIPBOARD and PRIMARY as one clipboard of text.
 *
 * What programs select is fetched (UTF8_STRING, else STRING; in parts where the owner wants INCR)
 * and told once, at most FH__CLIPBOARD_MAX bytes; longer text is left alone. What a viewer gives is
 * owned in both selections. ICCCM 2.
 */
#ifndef FH__CLIPBOARD_H
#define FH__CLIPBOARD_H

#include "display.h"

enum { FH__CLIPBOARD_MAX = 262144 /* bytes */ };

struct fh__clipboard;

/* text: UTF-8 without NUL, borrowed. */
typedef void (*fh__clipboard_fn)(const char *text, size_t len, void *user);

struct fh__clipboard *fh__clipboard_new(const struct fh__display *d, fh__clipboard_fn changed,
                                        void *user);
void fh__clipboard_free(struct fh__clipboard *cb);
bool fh__clipboard_event(struct fh__clipboard *cb, const xcb_generic_event_t *ev);
/* Nothing is fetched while nobody is there to be told; false at first. */
void fh__clipboard_watch(struct fh__clipboard *cb, bool is_watched);
/* Text of a viewer becomes the clipboard; copied. -1: too long, or out of memory. */
int fh__clipboard_set(struct fh__clipboard *cb, const char *text, size_t len);

#endif
