/* SPDX-License-Identifier: MIT */
/* qrcode.h -- a QR code for a camera that looks at a terminal. */
#ifndef FH__QRCODE_H
#define FH__QRCODE_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Draws text, light on dark whatever the terminal's colours are. has_blocks: it shows half blocks
 * of UTF-8, two rows a line; else spaces of two colours. -1: the text is too long, or no memory.
 */
int fh__qrcode_print(FILE *out, const char *text, bool has_blocks);

#endif
