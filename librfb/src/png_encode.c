/* SPDX-License-Identifier: MIT */
/*
 * png_encode.c -- TightPNG, rfbproto: as Tight, with a PNG (second edition, W3C) in the place of
 * basic compression. A PNG has no format of the viewer's, always red, green, blue.
 */
#include <farhand/rfb_error.h>

#include "encode.h"
#include "wr.h"

enum {
    CONTROL_PNG = 0xa0,
    TYPE_RGB = 2,
    TYPE_PALETTE = 3,
    FILTER_SUB = 1,
    HEAD_BYTES = 8 + 25, /* signature and IHDR */
    PALETTE_BYTES = 12   /* of a chunk around its data */
};

static void end_chunk(struct wr *w, size_t begin)
{
    struct wr length = wr_init(w->mem + begin, 4);
    const size_t data = begin + 8;

    wr_u32(&length, (uint32_t)(w->len - data));
    wr_u32(w, (uint32_t)crc32(0, w->mem + begin + 4, (uInt)(w->len - begin - 4)));
}

static size_t begin_chunk(struct wr *w, const char name[static 4])
{
    const size_t begin = w->len;

    wr_u32(w, 0);
    wr_bytes(w, name, 4);
    return begin;
}

static void put_head(struct wr *w, const struct fh_rect *r, uint8_t depth, uint8_t type)
{
    size_t begin;

    wr_bytes(w, "\x89PNG\r\n\x1a\n", 8);
    begin = begin_chunk(w, "IHDR");
    wr_u32(w, (uint32_t)r->w);
    wr_u32(w, (uint32_t)r->h);
    wr_u8(w, depth);
    wr_u8(w, type);
    wr_zeros(w, 3);
    end_chunk(w, begin);
}

static void put_palette(struct wr *w, const struct fh__palette *palette)
{
    const size_t begin = begin_chunk(w, "PLTE");

    for (unsigned i = 0; i < palette->n; i++)
        wr_u24(w, palette->colour[i]);
    end_chunk(w, begin);
}

/* Rows of indices behind a filter of none, in place of the words. Returns the bytes. */
static size_t index_rows(struct fh_encoder *e, const struct fh_rect *r, unsigned depth)
{
    uint8_t *data = (uint8_t *)e->words, *to = data; /* stays behind what is read */
    const uint32_t *px = e->words;

    for (int32_t y = 0; y < r->h; y++) {
        uint8_t first = (uint8_t)fh__palette_index(&e->palette, *px);
        unsigned acc = 0, filled = 0;

        *to++ = 0;
        for (int32_t x = 0; x < r->w; x++, px++) {
            acc = acc << depth | (x == 0 ? first : fh__palette_index(&e->palette, *px));
            filled += depth;
            if (filled == 8) {
                *to++ = (uint8_t)acc;
                acc = filled = 0;
            }
        }
        if (filled != 0)
            *to++ = (uint8_t)(acc << (8 - filled));
    }
    return (size_t)(to - data);
}

/* Rows of differences to the pixel on the left, in place of the words. Returns the bytes. */
static size_t colour_rows(struct fh_encoder *e, const struct fh_rect *r)
{
    uint8_t *data = (uint8_t *)e->words, *to = data; /* stays behind what is read */
    const uint32_t *px = e->words;

    for (int32_t y = 0; y < r->h; y++) {
        uint32_t left = 0, now = *px;

        *to++ = FILTER_SUB;
        for (int32_t x = 0; x < r->w; x++) {
            if (x != 0)
                now = *px;
            px++;
            *to++ = (uint8_t)((now >> 16) - (left >> 16));
            *to++ = (uint8_t)((now >> 8) - (left >> 8));
            *to++ = (uint8_t)(now - left);
            left = now;
        }
    }
    return (size_t)(to - data);
}

static int put_data(struct fh_encoder *e, struct wr *w, size_t len)
{
    const size_t begin = begin_chunk(w, "IDAT");
    struct fh__deflate *d = &e->png;
    int ret;

    if (deflateReset(&d->z) != Z_OK)
        return FH_RFB_E_INTERNAL;
    ret = fh__deflate_begin(d, e->level, w->mem + w->len, w->cap - w->len);
    if (ret != 0)
        return ret;
    d->z.next_in = (Bytef *)e->words;
    d->z.avail_in = (uInt)len;
    if (deflate(&d->z, Z_FINISH) != Z_STREAM_END)
        return FH_RFB_E_INTERNAL;
    w->len = (size_t)(d->z.next_out - w->mem);
    end_chunk(w, begin);
    return 0;
}

static int put_png(struct fh_encoder *e, const struct fh_rect *r, bool has_palette, uint8_t *out,
                   size_t room)
{
    const unsigned n = e->palette.n, depth = n <= 2 ? 1 : n <= 4 ? 2 : n <= 16 ? 4 : 8;
    uint8_t *png = out + 4; /* the control byte and the longest length before it */
    struct wr w = wr_init(png, room - 4);
    size_t begin;
    uint8_t *p = out;
    int ret;

    put_head(&w, r, has_palette ? (uint8_t)depth : 8, has_palette ? TYPE_PALETTE : TYPE_RGB);
    if (has_palette)
        put_palette(&w, &e->palette);
    ret = put_data(e, &w, has_palette ? index_rows(e, r, depth) : colour_rows(e, r));
    if (ret != 0)
        return ret;
    begin = begin_chunk(&w, "IEND");
    end_chunk(&w, begin);
    if (w.bad)
        return FH_RFB_E_INTERNAL;
    *p++ = CONTROL_PNG;
    p += fh__tight_put_length(p, w.len);
    memmove(p, png, w.len);
    return (int)(p + w.len - out);
}

int fh__tight_png_encode(struct fh_encoder *e, const struct fh_framebuffer *fb,
                         const struct fh_rect *r, uint8_t *out, size_t room)
{
    const size_t pixels = (size_t)r->w * (size_t)r->h;
    bool has_palette;
    int n;

    for (int32_t y = 0; y < r->h; y++) {
        const uint32_t *from = fh__fb_row(fb, r->x, r->y + y);

        for (int32_t x = 0; x < r->w; x++)
            e->words[(size_t)y * (size_t)r->w + (size_t)x] = from[x] & 0xffffff;
    }
    has_palette = fh__encoder_count(e, pixels, FH__PALETTE_MAX);
    if (has_palette && e->palette.n == 1)
        return fh__tight_put_fill(e, e->words[0], out);
    if (fh__jpeg_suits(e, r, has_palette) && (n = fh__tight_put_jpeg(e, fb, r, out)) > 0)
        return n;
    /* A palette that costs more than it saves. */
    has_palette = has_palette && 3 * e->palette.n + pixels < 3 * pixels;
    return put_png(e, r, has_palette, out, room);
}
