/* SPDX-License-Identifier: MIT */
/* picture.h -- PNG files, and how much two pictures differ. */
#ifndef VNCVIEWER_PICTURE_H
#define VNCVIEWER_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/framebuffer.h>

/*
 * Writes a part of fb, which lies inside it, as PNG: a new file that takes the place of path when
 * it is complete. 0, or -1 with a sentence in why.
 */
int picture_save(const struct fh_framebuffer *fb, const struct fh_rect *part, const char *path,
                 char *why, size_t room);

/* Reads a PNG of at most 16384 x 16384; out->px is freed by the caller. 0, or -1 and why. */
int picture_load(const char *path, struct fh_framebuffer *out, char *why, size_t room);

/*
 * Root mean square of the differences of all colour values, 0 (equal) to 255, between picture and
 * the part of fb at x, y. Negative if the part does not lie inside fb.
 */
double picture_difference(const struct fh_framebuffer *fb, int32_t x, int32_t y,
                          const struct fh_framebuffer *picture);

#endif
