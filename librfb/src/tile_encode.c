/* SPDX-License-Identifier: MIT */
/* tile_encode.c -- a tile of ZRLE or TRLE, RFC 6143 7.7.5 and 7.7.6, in its smallest form. */
#include "encode.h"

enum {
    PACKED_MAX = 16,        /* colours of a packed palette */
    RLE_MAX = 127,          /* colours of a palette with runs */
    SUB_RAW = 0,            /* the subencodings: CPIXELs, */
    SUB_SOLID = 1,          /* one CPIXEL, */
    SUB_REUSE_PACKED = 127, /* packed with the palette of the tile before, */
    SUB_PLAIN_RLE = 128 /* CPIXELs and lengths; 2 to 16 are packed, 130 to 255 are palette RLE */
};

struct tile {
    const uint32_t *px; /* words, w * h of them */
    unsigned w, h;
    size_t n_single, n_long; /* runs of one pixel, and of more */
    size_t length_bytes;     /* of the lengths of the long ones */
    bool has_palette;        /* not more than RLE_MAX colours */
};

static size_t run_at(const struct tile *t, size_t i)
{
    const size_t n = (size_t)t->w * t->h;
    size_t end = i + 1;

    while (end < n && t->px[end] == t->px[i])
        end++;
    return end - i;
}

/* A length is one less, as bytes 255 and a last one that is less. */
static size_t length_size(size_t run)
{
    return (run - 1) / 255 + 1;
}

static uint8_t *put_length(uint8_t *p, size_t run)
{
    for (run--; run >= 255; run -= 255)
        *p++ = 255;
    *p++ = (uint8_t)run;
    return p;
}

static void analyse(struct tile *t, struct fh__palette *palette)
{
    const size_t n = (size_t)t->w * t->h;
    size_t run;

    fh__palette_clear(palette);
    t->has_palette = true;
    for (size_t i = 0; i < n; i += run) {
        run = run_at(t, i);
        if (run == 1) {
            t->n_single++;
        } else {
            t->n_long++;
            t->length_bytes += length_size(run);
        }
        if (t->has_palette)
            t->has_palette = fh__palette_add(palette, t->px[i], RLE_MAX);
    }
}

static unsigned packed_bits(unsigned colours)
{
    return colours <= 2 ? 1 : colours <= 4 ? 2 : 4;
}

/* The subencoding that is smallest before zlib. */
static unsigned choose(const struct tile *t, const struct fh__palette *palette, unsigned bytes)
{
    size_t best = (size_t)t->w * t->h * bytes, size;
    unsigned sub = SUB_RAW;

    if (t->has_palette && palette->n == 1)
        return SUB_SOLID;
    size = (t->n_single + t->n_long) * bytes + t->n_single + t->length_bytes;
    if (size < best) {
        best = size;
        sub = SUB_PLAIN_RLE;
    }
    if (!t->has_palette)
        return sub;
    size = palette->n * bytes + t->n_single + t->n_long + t->length_bytes;
    if (size < best) {
        best = size;
        sub = 128 + palette->n;
    }
    if (palette->n > PACKED_MAX)
        return sub;
    size = palette->n * bytes + (size_t)t->h * ((t->w * packed_bits(palette->n) + 7) / 8);
    return size < best ? palette->n : sub;
}

static uint8_t *put_plain_rle(const struct tile *t, const struct fh__pixel_table *table, uint8_t *p)
{
    const size_t n = (size_t)t->w * t->h;
    size_t run;

    for (size_t i = 0; i < n; i += run) {
        run = run_at(t, i);
        p = fh__pixel_store(table, t->px + i, 1, p);
        p = put_length(p, run);
    }
    return p;
}

static uint8_t *put_palette_rle(const struct tile *t, const struct fh__palette *palette, uint8_t *p)
{
    const size_t n = (size_t)t->w * t->h;
    size_t run;

    for (size_t i = 0; i < n; i += run) {
        const unsigned index = fh__palette_index(palette, t->px[i]);

        run = run_at(t, i);
        *p++ = (uint8_t)(run == 1 ? index : index | 0x80);
        if (run > 1)
            p = put_length(p, run);
    }
    return p;
}

/* Rows of indices, the first in the highest bits, each row in bytes of its own. */
static uint8_t *put_packed(const struct tile *t, const struct fh__palette *palette, uint8_t *p)
{
    const unsigned bits = packed_bits(palette->n);
    const uint32_t *px = t->px;

    for (unsigned y = 0; y < t->h; y++) {
        unsigned acc = 0, filled = 0;

        for (unsigned x = 0; x < t->w; x++) {
            acc = acc << bits | fh__palette_index(palette, *px++);
            filled += bits;
            if (filled == 8) {
                *p++ = (uint8_t)acc;
                acc = filled = 0;
            }
        }
        if (filled != 0)
            *p++ = (uint8_t)(acc << (8 - filled));
    }
    return p;
}

/*
 * Of what is packed with a palette of its own, in the palette of the tile before: when that has all
 * of its colours and needs no more bits.
 */
static bool is_in_last(const struct fh__palette *last, const struct fh__palette *palette)
{
    if (last->n < 2 || last->n > PACKED_MAX || packed_bits(last->n) != packed_bits(palette->n))
        return false;
    for (unsigned i = 0; i < palette->n; i++)
        if (!fh__palette_has(last, palette->colour[i]))
            return false;
    return true;
}

static uint8_t *put_with_palette(struct fh_encoder *e, const struct tile *t, unsigned sub,
                                 uint8_t *p)
{
    p = fh__pixel_store(&e->compact, e->palette.colour, e->palette.n, p);
    if (sub > SUB_PLAIN_RLE)
        return put_palette_rle(t, &e->palette, p);
    return sub != SUB_SOLID ? put_packed(t, &e->palette, p) : p;
}

static size_t put_tile(struct fh_encoder *e, const struct tile *t, unsigned sub,
                       enum fh__tile_reuse reuse, uint8_t *out)
{
    uint8_t *p = out;

    if (reuse != FH__REUSE_NONE && sub > SUB_SOLID && sub <= PACKED_MAX &&
        is_in_last(&e->last_palette, &e->palette)) {
        *p++ = SUB_REUSE_PACKED;
        return (size_t)(put_packed(t, &e->last_palette, p) - out);
    }
    *p++ = (uint8_t)sub;
    if (sub == SUB_RAW)
        p = fh__pixel_store(&e->compact, t->px, (size_t)t->w * t->h, p);
    else if (sub == SUB_PLAIN_RLE)
        p = put_plain_rle(t, &e->compact, p);
    else
        p = put_with_palette(e, t, sub, p);
    /* What a viewer has as "the palette before" is agreed on only where that tile had one. */
    if (reuse != FH__REUSE_NONE && sub > SUB_SOLID && sub <= PACKED_MAX)
        e->last_palette = e->palette;
    else
        e->last_palette.n = 0;
    return (size_t)(p - out);
}

size_t fh__tile_encode(struct fh_encoder *e, const struct fh_framebuffer *fb,
                       const struct fh_rect *r, enum fh__tile_reuse reuse, uint8_t *out)
{
    struct tile t = {.px = e->words, .w = (unsigned)r->w, .h = (unsigned)r->h};

    fh__encoder_words(e, &e->compact, fb, r);
    analyse(&t, &e->palette);
    return put_tile(e, &t, choose(&t, &e->palette, e->compact.bytes), reuse, out);
}
