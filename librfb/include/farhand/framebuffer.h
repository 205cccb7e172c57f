/* SPDX-License-Identifier: MIT */
/*
 * framebuffer.h -- rectangles, pictures in memory, and the pixel formats of RFB.
 *
 * Inside, a pixel is always a uint32_t 0x00RRGGBB in the machine's own byte order; what a viewer
 * wants is translated to when encoding. Coordinates are pixels from the top left.
 */
#ifndef FH_FRAMEBUFFER_H
#define FH_FRAMEBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/rfb_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_FRAMEBUFFER_MAX_SIDE = 16384, /* pixels; vnc peers accept no more */
    FH_CURSOR_MAX_SIDE = 256         /* pixels */
};

struct fh_rect {
    int32_t x, y, w, h; /* pixels; an empty one has w or h 0 */
};

/* A picture. The memory is whoever's documentation says; stride_px >= width. */
struct fh_framebuffer {
    uint32_t *px;
    int32_t width, height; /* pixels, 1 to FH_FRAMEBUFFER_MAX_SIDE */
    int32_t stride_px;     /* pixels from one row to the next */
};

/* PIXEL_FORMAT of RFC 6143 7.4. */
struct fh_pixel_format {
    uint8_t bits_per_pixel, depth;
    bool big_endian, true_colour;
    uint16_t red_max, green_max, blue_max;
    uint8_t red_shift, green_shift, blue_shift;
};

/* One screen of ExtendedDesktopSize. */
struct fh_screen {
    uint32_t id;
    uint16_t x, y, w, h; /* pixels */
    uint32_t flags;      /* zeros; kept as received */
};

/* By each side, not by area; an empty rectangle is inside up to the far edges. */
bool fh_rect_is_inside(const struct fh_rect *r, int32_t width, int32_t height);

/* 32 bits, depth 24, little-endian, red at bit 16: what our own viewer asks for. */
struct fh_pixel_format fh_pixel_format_rgb888(void);
/*
 * Whether the format can be served: 8, 16 or 32 bits, true colour or the 8-bit colour map, each max
 * 2^n - 1 and at least 1, shifts inside the pixel, colours that do not overlap. The depth is 1 to
 * the bits, and 8 with the map; it may be less than the colours' bits together, as some viewers
 * send. RFC 6143 7.4.
 */
bool fh_pixel_format_is_valid(const struct fh_pixel_format *f);

#ifdef __cplusplus
}
#endif

#endif
