/* SPDX-License-Identifier: MIT */
/* keynames.h -- names of keys as scripts write them, to X11 keysyms. */
#ifndef VNCVIEWER_KEYNAMES_H
#define VNCVIEWER_KEYNAMES_H

#include <stddef.h>
#include <stdint.h>

enum { KEYS_MAX = 8 }; /* keys of one combination */

/*
 * Reads "a", "return", "ctrl-alt-del", "ctrl--" or "0xff0d" into keysyms in the order in which they
 * are pressed. Names are those of vncdotool, without regard to case. Returns how many, 0 if a part
 * is no key: then *bad and *bad_len point at it.
 */
size_t keynames_parse(const char *text, uint32_t out[KEYS_MAX], const char **bad, size_t *bad_len);

/* The keysym that types a Unicode character; line feed is Return, tab is Tab. */
uint32_t keynames_from_unicode(uint32_t c);

#endif
