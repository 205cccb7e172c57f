/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "pixel.h"

/* The colour map as if it were true colour. */
static const struct fh_pixel_format map_format = {
    .bits_per_pixel = 8,
    .depth = 8,
    .true_colour = true,
    .red_max = 7,
    .green_max = 7,
    .blue_max = 3,
    .red_shift = 0,
    .green_shift = 3,
    .blue_shift = 6,
};

void fh__pixel_map_entry(uint8_t index, uint16_t out[static 3])
{
    out[0] = (uint16_t)((index & 7) * 65535 / 7);
    out[1] = (uint16_t)((index >> 3 & 7) * 65535 / 7);
    out[2] = (uint16_t)((index >> 6) * 65535 / 3);
}

/* The wire word of a pixel's value: bytes [from, from + n) of its bits_per_pixel / 8. */
static uint32_t word_of(uint32_t value, const struct fh_pixel_format *f, unsigned from, unsigned n)
{
    const unsigned size = f->bits_per_pixel / 8u;
    uint8_t wire[4] = {0};
    uint32_t word;

    for (unsigned i = 0; i < n; i++) {
        unsigned at = from + i;

        wire[i] = (uint8_t)(value >> 8 * (f->big_endian ? size - 1 - at : at));
    }
    memcpy(&word, wire, sizeof word);
    return word;
}

/* RFC 6143 7.7.5: when the colours are all in the lower or all in the upper three of four bytes. */
unsigned fh__pixel_compact_bytes(const struct fh_pixel_format *f, unsigned *from)
{
    const uint32_t used = (uint32_t)f->red_max << f->red_shift |
                          (uint32_t)f->green_max << f->green_shift |
                          (uint32_t)f->blue_max << f->blue_shift;

    *from = 0;
    if (f->bits_per_pixel != 32 || f->depth > 24)
        return f->bits_per_pixel / 8u;
    if (used >> 24 == 0) {
        *from = f->big_endian ? 1 : 0;
        return 3;
    }
    if ((used & 0xff) == 0) {
        *from = f->big_endian ? 0 : 1;
        return 3;
    }
    return 4;
}

bool fh__pixel_is_tight_rgb(const struct fh_pixel_format *f)
{
    return f->bits_per_pixel == 32 && f->depth == 24 && f->red_max == 255 && f->green_max == 255 &&
           f->blue_max == 255;
}

enum fh__pixel_order fh__pixel_order_of(const struct fh_pixel_format *f, unsigned bytes)
{
    if (f->bits_per_pixel != 32 || f->red_max != 255 || f->green_max != 255 || f->blue_max != 255 ||
        f->green_shift != 8)
        return FH__ORDER_ANY;
    if (!f->big_endian && f->red_shift == 16 && f->blue_shift == 0)
        return bytes == 4 ? FH__ORDER_BGRX : FH__ORDER_BGR;
    if (bytes != 3)
        return FH__ORDER_ANY;
    if (f->big_endian ? f->red_shift == 16 && f->blue_shift == 0
                      : f->red_shift == 0 && f->blue_shift == 16)
        return FH__ORDER_RGB;
    return FH__ORDER_ANY;
}

static void fill_rgb(struct fh__pixel_table *t)
{
    t->bytes = 3;
    t->order = FH__ORDER_RGB;
    for (unsigned v = 0; v < 256; v++) {
        const uint8_t r[4] = {(uint8_t)v}, g[4] = {0, (uint8_t)v}, b[4] = {0, 0, (uint8_t)v};

        memcpy(&t->red[v], r, 4);
        memcpy(&t->green[v], g, 4);
        memcpy(&t->blue[v], b, 4);
    }
}

static uint32_t scale(unsigned v, uint16_t max, uint8_t shift)
{
    return ((uint32_t)v * max + 127) / 255 << shift;
}

void fh__pixel_table_init(struct fh__pixel_table *t, const struct fh_pixel_format *fmt,
                          enum fh__pixel_kind kind)
{
    const struct fh_pixel_format *f = fmt->true_colour ? fmt : &map_format;
    unsigned from = 0;

    assert(fh_pixel_format_is_valid(fmt));
    if (kind == FH__PIXEL_TIGHT && fh__pixel_is_tight_rgb(f)) {
        fill_rgb(t);
        return;
    }
    t->bytes =
        kind == FH__PIXEL_COMPACT ? fh__pixel_compact_bytes(f, &from) : f->bits_per_pixel / 8u;
    t->order = fh__pixel_order_of(f, t->bytes);
    for (unsigned v = 0; v < 256; v++) {
        t->red[v] = word_of(scale(v, f->red_max, f->red_shift), f, from, t->bytes);
        t->green[v] = word_of(scale(v, f->green_max, f->green_shift), f, from, t->bytes);
        t->blue[v] = word_of(scale(v, f->blue_max, f->blue_shift), f, from, t->bytes);
    }
}

typedef uint32_t four __attribute__((vector_size(16)));

/* Four pixels to words of blue, green, red, or of red, green, blue, which is the machine's own. */
static four translate_four(four v, bool is_rgb)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return is_rgb ? (v >> 16 & 0xff) | (v & 0xff00) | (v & 0xff) << 16 : v & 0xffffff;
#else
    return is_rgb ? v << 8 : (v & 0xff) << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00);
#endif
}

void fh__pixel_translate(const struct fh__pixel_table *t, const uint32_t *px, size_t n,
                         uint32_t *out)
{
    const bool is_rgb = t->order == FH__ORDER_RGB;
    size_t i = 0;
    four v;

    for (; t->order != FH__ORDER_ANY && i + 4 <= n; i += 4) {
        memcpy(&v, px + i, sizeof v);
        v = translate_four(v, is_rgb);
        memcpy(out + i, &v, sizeof v);
    }
    for (; i < n; i++)
        out[i] = fh__pixel_word(t, px[i]);
}

/* memcpy reads a word before the bytes that may lie over it are written. */
uint8_t *fh__pixel_store(const struct fh__pixel_table *t, const uint32_t *words, size_t n,
                         uint8_t *out)
{
    switch (t->bytes) {
    case 1:
        for (size_t i = 0; i < n; i++, out += 1) {
            const uint32_t w = words[i];

            memcpy(out, &w, 1);
        }
        break;
    case 2:
        for (size_t i = 0; i < n; i++, out += 2) {
            const uint32_t w = words[i];

            memcpy(out, &w, 2);
        }
        break;
    case 3:
        /* The fourth byte, which lies in a word that was read, is the next one's to overwrite. */
        for (size_t i = 0; i + 1 < n; i++, out += 3) {
            const uint32_t w = words[i];

            memcpy(out, &w, 4);
        }
        if (n != 0) {
            const uint32_t w = words[n - 1];

            memcpy(out, &w, 3);
            out += 3;
        }
        break;
    default:
        if (n != 0)
            memmove(out, words, 4 * n);
        out += 4 * n;
        break;
    }
    return out;
}
