/* SPDX-License-Identifier: MIT */
/* picture.h -- self-made pictures for the tests, the benchmark and the corpus. Test code only. */
#ifndef FH_TEST_PICTURE_H
#define FH_TEST_PICTURE_H

#include <stdint.h>
#include <stdlib.h>

#include <farhand/framebuffer.h>

enum picture {
    PICTURE_SOLID,
    PICTURE_TWO,   /* two colours, like text without smoothing */
    PICTURE_TEXT,  /* smoothed text: a background and shades */
    PICTURE_THREE, /* three colours at random */
    PICTURE_FEW,   /* five colours at random */
    PICTURE_MANY,  /* sixty colours in runs */
    PICTURE_CHART, /* long runs of a hundred colours */
    PICTURE_PHOTO, /* soft shapes with a little noise */
    PICTURE_NOISE, /* every pixel at random */
    PICTURE_COUNT
};

static inline uint32_t picture_hash(uint32_t v)
{
    v ^= v >> 16;
    v *= UINT32_C(0x7feb352d);
    v ^= v >> 15;
    v *= UINT32_C(0x846ca68b);
    return v ^ v >> 16;
}

static inline uint32_t picture_at(uint32_t x, uint32_t y)
{
    return picture_hash(x * UINT32_C(0x9e3779b1) + picture_hash(y));
}

/* A soft value 0 to 255 from the random corners of a lattice of 2^bits pixels. */
static inline uint32_t picture_soft(uint32_t x, uint32_t y, unsigned bits, uint32_t seed)
{
    const uint32_t side = 1u << bits, gx = x >> bits, gy = y >> bits;
    const uint32_t fx = x & (side - 1), fy = y & (side - 1);
    const uint32_t a = picture_at(gx + seed, gy) & 255, b = picture_at(gx + 1 + seed, gy) & 255;
    const uint32_t c = picture_at(gx + seed, gy + 1) & 255;
    const uint32_t d = picture_at(gx + 1 + seed, gy + 1) & 255;

    return ((a * (side - fx) + b * fx) * (side - fy) + (c * (side - fx) + d * fx) * fy) >> 2 * bits;
}

static inline uint32_t picture_photo(uint32_t x, uint32_t y)
{
    uint32_t px = 0;

    for (uint32_t c = 0; c < 3; c++) {
        uint32_t v = picture_soft(x, y, 6, c * 1000) * 5 / 8 + picture_soft(x, y, 4, 7) / 4 +
                     picture_soft(x, y, 2, 90) / 8;

        px = px << 8 | ((v > 251 ? 251 : v) + (picture_at(x + c * 77, y) & 3));
    }
    return px;
}

/* How much ink is at a pixel: glyphs of 8 x 16 made of strokes, 0 to 7. */
static inline uint32_t picture_ink(uint32_t x, uint32_t y)
{
    const uint32_t glyph = picture_at(x / 8, y / 16), col = x % 8, row = y % 16;

    if (glyph % 6 == 0 || row < 3 || row > 12 || col == 7)
        return 0;
    if (col == (glyph >> 4) % 6 || row == 3 + (glyph >> 8) % 9)
        return 7;
    return col + 1 == (glyph >> 4) % 6 || row == 4 + (glyph >> 8) % 9 ? glyph >> 12 & 7 : 0;
}

static inline uint32_t picture_pixel(enum picture kind, uint32_t x, uint32_t y)
{
    switch (kind) {
    case PICTURE_SOLID:
        return 0x3465a4;
    case PICTURE_TWO:
        return picture_ink(x, y) > 3 ? 0x000000 : 0xffffff;
    case PICTURE_TEXT:
        return 0xfcfcfa - picture_ink(x, y) * 0x202224;
    case PICTURE_THREE:
        return picture_hash(picture_at(x, y) % 3 + 9) & 0xffffff;
    case PICTURE_FEW:
        return picture_hash(picture_at(x, y) % 5) & 0xffffff;
    case PICTURE_MANY:
        return picture_hash(picture_at(x / 5, y) % 60) & 0xffffff;
    case PICTURE_CHART:
        return picture_hash(picture_at(x / 300, y / 3) % 100 + 200) & 0xffffff;
    case PICTURE_PHOTO:
        return picture_photo(x, y);
    case PICTURE_NOISE:
    case PICTURE_COUNT:
        break;
    }
    return picture_at(x, y) & 0xffffff;
}

/* The part of the endless picture that begins at (at, at) */
static inline void picture_draw(const struct fh_framebuffer *fb, enum picture kind, uint32_t at)
{
    for (int32_t y = 0; y < fb->height; y++) {
        for (int32_t x = 0; x < fb->width; x++)
            fb->px[(size_t)y * (size_t)fb->stride_px + (size_t)x] =
                picture_pixel(kind, at + (uint32_t)x, at + (uint32_t)y);
    }
}

/* The memory is the caller's, to be given to free(); every pixel is `fill`. */
static inline struct fh_framebuffer picture_new(int32_t width, int32_t height, uint32_t fill)
{
    struct fh_framebuffer fb = {.width = width, .height = height, .stride_px = width + 3};
    const size_t n = (size_t)fb.stride_px * (size_t)height;

    fb.px = malloc(n * sizeof *fb.px);
    if (!fb.px)
        abort();
    for (size_t i = 0; i < n; i++)
        fb.px[i] = fill;
    return fb;
}

/* How far two colours are apart, 0 to 765. */
static inline int picture_distance(uint32_t a, uint32_t b)
{
    int sum = 0;

    for (int shift = 0; shift < 24; shift += 8)
        sum += abs((int)(a >> shift & 255) - (int)(b >> shift & 255));
    return sum;
}

#endif
