/* SPDX-License-Identifier: MIT */
/*
 * Tight, rfbproto "Tight Encoding": u8 compression control, then by its upper bits a fill (8), a
 * JPEG (9), or basic compression (0-7: stream in bits 4-5, filter id follows when bit 6 is set; 10
 * and 14: without zlib). Bits 0-3 reset the viewer's streams before.
 */
#include <farhand/rfb_error.h>

#include "encode.h"

enum {
    CONTROL_FILL = 0x80,
    CONTROL_JPEG = 0x90,
    CONTROL_PLAIN = 0xa0, /* basic compression without zlib */
    CONTROL_FILTER = 0x40,
    FILTER_PALETTE = 1,
    MIN_TO_COMPRESS = 12 /* bytes; less goes out as it is, without a length */
};

/* 7 bits a byte from the lowest, the highest bit says that another follows; the third has 8. */
size_t fh__tight_put_length(uint8_t *p, size_t len)
{
    if (len < 1 << 7) {
        p[0] = (uint8_t)len;
        return 1;
    }
    p[0] = (uint8_t)(len | 0x80);
    if (len < 1 << 14) {
        p[1] = (uint8_t)(len >> 7);
        return 2;
    }
    p[1] = (uint8_t)(len >> 7 | 0x80);
    p[2] = (uint8_t)(len >> 14);
    return 3;
}

static bool is_without_zlib(const struct fh_encoder *e)
{
    return e->no_zlib && e->level == 0;
}

/* The control byte of basic compression, after which our stream is where the viewer's is. */
static uint8_t begin_basic(struct fh_encoder *e, unsigned stream)
{
    const unsigned bit = 1u << stream;

    if (is_without_zlib(e))
        return CONTROL_PLAIN;
    if (!(e->tight_resets & bit))
        return (uint8_t)(stream << 4);
    (void)deflateReset(&e->tight_zlib[stream].z); /* fails for a broken one, and so will its use */
    e->tight_resets &= ~bit;
    return (uint8_t)(stream << 4 | bit);
}

/* Filtered data, with its length where it is compressed. p is inside out. */
static int put_data(struct fh_encoder *e, unsigned stream, const uint8_t *data, size_t len,
                    uint8_t *out, uint8_t *p, size_t room)
{
    struct fh__deflate *d = &e->tight_zlib[stream];
    uint8_t *zipped = p + 3; /* the longest length before it */
    size_t n;
    int ret;

    if (is_without_zlib(e) && len >= MIN_TO_COMPRESS)
        p += fh__tight_put_length(p, len);
    if (is_without_zlib(e) || len < MIN_TO_COMPRESS) {
        memcpy(p, data, len);
        return (int)(p + len - out);
    }
    ret = fh__deflate_begin(d, e->level, zipped, room - (size_t)(zipped - out));
    if (ret == 0)
        ret = fh__deflate_write(d, data, len, Z_SYNC_FLUSH);
    if (ret != 0)
        return ret;
    n = (size_t)(d->z.next_out - zipped);
    p += fh__tight_put_length(p, n);
    memmove(p, zipped, n);
    return (int)(p + n - out);
}

int fh__tight_put_fill(const struct fh_encoder *e, uint32_t px, uint8_t *out)
{
    const uint32_t word = fh__pixel_word(&e->tight, px);

    *out = CONTROL_FILL;
    return (int)(fh__pixel_store(&e->tight, &word, 1, out + 1) - out);
}

static int put_full_colour(struct fh_encoder *e, size_t pixels, uint8_t *out, size_t room)
{
    uint8_t *data = (uint8_t *)e->words;

    *out = begin_basic(e, FH__TIGHT_FULL_COLOUR);
    fh__pixel_store(&e->tight, e->words, pixels, data);
    return put_data(e, FH__TIGHT_FULL_COLOUR, data, pixels * e->tight.bytes, out, out + 1, room);
}

/* Control, filter id, u8 number of colours less one, the colours. */
static uint8_t *put_palette(struct fh_encoder *e, unsigned stream, uint8_t *p)
{
    *p++ = begin_basic(e, stream) | CONTROL_FILTER;
    *p++ = FILTER_PALETTE;
    *p++ = (uint8_t)(e->palette.n - 1);
    return fh__pixel_store(&e->tight, e->palette.colour, e->palette.n, p);
}

/* A bit for each pixel, the first in the highest, each row in bytes of its own. */
static int put_mono(struct fh_encoder *e, const struct fh_rect *r, uint8_t *out, size_t room)
{
    uint8_t *data = (uint8_t *)e->words, *to = data; /* stays behind what is read */
    const uint32_t *px = e->words, first = e->palette.colour[0];
    uint8_t *p = put_palette(e, FH__TIGHT_MONO, out);

    for (int32_t y = 0; y < r->h; y++) {
        for (int32_t x = 0; x < r->w; x += 8) {
            const int32_t n = r->w - x < 8 ? r->w - x : 8;
            unsigned byte = 0;

            for (int32_t i = 0; i < n; i++)
                byte |= (unsigned)(*px++ != first) << (7 - i);
            *to++ = (uint8_t)byte;
        }
    }
    return put_data(e, FH__TIGHT_MONO, data, (size_t)(to - data), out, p, room);
}

static int put_indexed(struct fh_encoder *e, size_t pixels, uint8_t *out, size_t room)
{
    uint8_t *data = (uint8_t *)e->words;
    uint8_t *p = put_palette(e, FH__TIGHT_INDEXED, out);

    for (size_t i = 0; i < pixels; i++)
        data[i] = (uint8_t)fh__palette_index(&e->palette, e->words[i]);
    return put_data(e, FH__TIGHT_INDEXED, data, pixels, out, p, room);
}

int fh__tight_put_jpeg(struct fh_encoder *e, const struct fh_framebuffer *fb,
                       const struct fh_rect *r, uint8_t *out)
{
    const size_t len = fh__jpeg_make(e, fb, r);
    uint8_t *p = out;

    if (len == 0)
        return 0;
    *p++ = CONTROL_JPEG;
    p += fh__tight_put_length(p, len);
    memcpy(p, e->jpeg_out, len);
    return (int)(p + len - out);
}

int fh__tight_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                     uint8_t *out, size_t room)
{
    const size_t pixels = (size_t)r->w * (size_t)r->h;
    bool has_palette;
    int n;

    fh__encoder_words(e, &e->tight, fb, r);
    has_palette = fh__encoder_count(e, pixels, FH__PALETTE_MAX);
    if (has_palette && e->palette.n == 1)
        return fh__tight_put_fill(e, *fh__fb_row(fb, r->x, r->y), out);
    if (fh__jpeg_suits(e, r, has_palette) && (n = fh__tight_put_jpeg(e, fb, r, out)) > 0)
        return n;
    if (has_palette && e->palette.n == 2)
        return put_mono(e, r, out, room);
    if (has_palette && e->palette.n * e->tight.bytes + pixels < pixels * e->tight.bytes)
        return put_indexed(e, pixels, out, room);
    return put_full_colour(e, pixels, out, room);
}

int fh__tight_encode_alone(struct fh_encoder *e, const struct fh_framebuffer *fb,
                           const struct fh_rect *r, uint8_t *out, size_t room)
{
    e->tight_resets = (1u << FH__TIGHT_STREAMS) - 1;
    return fh__tight_encode(e, fb, r, out, room);
}

int fh__tight_adopt(struct fh_encoder *e, const uint8_t *rect, size_t len)
{
    const uint8_t control = len > 0 ? rect[0] : 0;
    const unsigned stream = control >> 4 & 3;
    const bool is_plain = (control & ~CONTROL_FILTER & 0xf0) == CONTROL_PLAIN;

    if (len < 2 || (is_plain ? !e->no_zlib : (control & 0xf0) > CONTROL_JPEG))
        return FH_RFB_E_INVAL;
    if (control < CONTROL_FILL && !(control & 1u << stream))
        return FH_RFB_E_INVAL;
    e->tight_resets |= control & 0xf;
    return 0;
}
