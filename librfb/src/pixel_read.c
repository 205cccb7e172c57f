/* SPDX-License-Identifier: MIT */
/* pixel_read.c -- pixels in the format that a viewer asked for, back to 0x00RRGGBB. */
#include <assert.h>

#include "pixel.h"

/* A colour of 0 to max as 0 to 255, to the nearest. */
static uint8_t to_byte(uint32_t v, uint16_t max)
{
    return (uint8_t)((v * 255 + max / 2u) / max);
}

static void fill_table(uint8_t table[static 256], uint16_t max)
{
    for (uint32_t v = 0; v <= max && v < 256; v++)
        table[v] = to_byte(v, max);
}

void fh__pixel_reader_init(struct fh__pixel_reader *t, const struct fh_pixel_format *fmt,
                           enum fh__pixel_kind kind)
{
    unsigned from = 0, size = fmt->bits_per_pixel / 8u;

    assert(fmt->true_colour && fh_pixel_format_is_valid(fmt));
    *t = (struct fh__pixel_reader){.fmt = *fmt, .bytes = size};
    fill_table(t->red, fmt->red_max);
    fill_table(t->green, fmt->green_max);
    fill_table(t->blue, fmt->blue_max);
    if (kind == FH__PIXEL_TIGHT && fh__pixel_is_tight_rgb(fmt)) {
        const struct fh_pixel_format rgb = {32, 24, true, true, 255, 255, 255, 16, 8, 0};

        t->bytes = 3;
        t->fmt = rgb;
        t->order = FH__ORDER_RGB;
        return;
    }
    if (kind == FH__PIXEL_COMPACT)
        t->bytes = fh__pixel_compact_bytes(fmt, &from);
    t->lift = fmt->big_endian ? 8 * (size - from - t->bytes) : 8 * from;
    t->order = t->lift == 0 ? fh__pixel_order_of(fmt, t->bytes) : FH__ORDER_ANY;
}

static uint32_t value_of(const struct fh__pixel_reader *t, const uint8_t *p)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < t->bytes; i++)
        v |= (uint32_t)p[i] << 8 * (t->fmt.big_endian ? t->bytes - 1 - i : i);
    return v << t->lift;
}

void fh__pixel_colours(const struct fh__pixel_reader *t, const uint8_t *p, uint16_t out[static 3])
{
    const struct fh_pixel_format *f = &t->fmt;
    const uint32_t v = value_of(t, p);

    out[0] = (uint16_t)(v >> f->red_shift & f->red_max);
    out[1] = (uint16_t)(v >> f->green_shift & f->green_max);
    out[2] = (uint16_t)(v >> f->blue_shift & f->blue_max);
}

uint32_t fh__pixel_of_colours(const struct fh__pixel_reader *t, const uint16_t c[static 3])
{
    const struct fh_pixel_format *f = &t->fmt;
    const uint8_t r = f->red_max < 256 ? t->red[c[0]] : to_byte(c[0], f->red_max);
    const uint8_t g = f->green_max < 256 ? t->green[c[1]] : to_byte(c[1], f->green_max);
    const uint8_t b = f->blue_max < 256 ? t->blue[c[2]] : to_byte(c[2], f->blue_max);

    return (uint32_t)r << 16 | (uint32_t)g << 8 | b;
}

/* The four bytes at p as a number whose lowest is the first. */
static uint32_t load_le(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    return v;
}

/* Four pixels at a time, on any machine. */
static void read_bgrx(const uint8_t *restrict p, size_t n, uint32_t *restrict out)
{
    typedef uint32_t four __attribute__((vector_size(16)));
    size_t i = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; i + 4 <= n; i += 4, p += 16) {
        four v;

        memcpy(&v, p, sizeof v);
        v &= 0xffffff;
        memcpy(out + i, &v, sizeof v);
    }
#endif
    for (; i < n; i++, p += 4)
        out[i] = load_le(p) & 0xffffff;
}

/* Of three bytes each: with the first of the next, but for the last pixel. */
static void read_bgr(const uint8_t *restrict p, size_t n, uint32_t *restrict out)
{
    if (n == 0)
        return;
    for (size_t i = 0; i + 1 < n; i++, p += 3)
        out[i] = load_le(p) & 0xffffff;
    out[n - 1] = (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void read_rgb(const uint8_t *restrict p, size_t n, uint32_t *restrict out)
{
    if (n == 0)
        return;
    for (size_t i = 0; i + 1 < n; i++, p += 3)
        out[i] = __builtin_bswap32(load_le(p)) >> 8;
    out[n - 1] = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

void fh__pixel_read(const struct fh__pixel_reader *t, const uint8_t *p, size_t n, uint32_t *out)
{
    uint16_t c[3];

    switch (t->order) {
    case FH__ORDER_BGRX:
        read_bgrx(p, n, out);
        return;
    case FH__ORDER_BGR:
        read_bgr(p, n, out);
        return;
    case FH__ORDER_RGB:
        read_rgb(p, n, out);
        return;
    case FH__ORDER_ANY:
        break;
    }
    for (size_t i = 0; i < n; i++, p += t->bytes) {
        fh__pixel_colours(t, p, c);
        out[i] = fh__pixel_of_colours(t, c);
    }
}
