/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include <farhand/rfb_error.h>

#include "encode.h"

void fh_encoder_set_format(struct fh_encoder *e, const struct fh_pixel_format *fmt)
{
    e->fmt = *fmt;
    fh__pixel_table_init(&e->full, fmt, FH__PIXEL_FULL);
    fh__pixel_table_init(&e->compact, fmt, FH__PIXEL_COMPACT);
    fh__pixel_table_init(&e->tight, fmt, FH__PIXEL_TIGHT);
}

void fh_encoder_set_quality(struct fh_encoder *e, int quality, int level)
{
    assert(fh_quality_is_valid(quality) && level >= 0 && level <= 9);
    e->quality = quality;
    e->level = level;
}

bool fh_quality_is_valid(int quality)
{
    return (quality >= -1 && quality <= 9) ||
           (quality >= FH_QUALITY_FINE && quality <= FH_QUALITY_MAX);
}

void fh_encoder_set_subsampling(struct fh_encoder *e, enum fh_subsampling subsampling)
{
    e->subsampling = subsampling;
}

void fh_encoder_set_no_zlib(struct fh_encoder *e, bool is_agreed)
{
    e->no_zlib = is_agreed;
}

/*
 * No encoding makes more than 4 bytes of a pixel, a byte of each tile and 512 of palettes before
 * zlib. zlib makes of n bytes at most n + n/8 + n/256 + n/512 + 4 (all codes fixed, the worst that
 * deflateBound knows), and a sync flush and a change of level add less than 32. A rectangle has at
 * most pixels/4096 + 2048/64 + 16384/64 + 1 tiles.
 */
size_t fh_encoder_bound(size_t pixels)
{
    const size_t n = 4 * pixels + pixels / 4096 + 1024;

    return n + n / 8 + n / 128 + 64;
}

int fh__deflate_begin(struct fh__deflate *d, int level, uint8_t *out, size_t room)
{
    d->z.next_out = out;
    d->z.avail_out = (uInt)room;
    d->z.next_in = NULL;
    d->z.avail_in = 0;
    if (d->level == level)
        return 0;
    /* The last rectangle ended with a flush, so nothing of it waits for the old level. */
    if (deflateParams(&d->z, level, Z_DEFAULT_STRATEGY) != Z_OK)
        return FH_RFB_E_INTERNAL;
    d->level = level;
    return 0;
}

int fh__deflate_write(struct fh__deflate *d, const uint8_t *data, size_t len, int flush)
{
    int ret;

    d->z.next_in = (Bytef *)data;
    d->z.avail_in = (uInt)len;
    ret = deflate(&d->z, flush);
    /* With room left, all input was taken and a flush is complete. */
    if (ret != Z_OK || d->z.avail_in != 0 || d->z.avail_out == 0)
        return FH_RFB_E_INTERNAL;
    return 0;
}

void fh__encoder_words(struct fh_encoder *e, const struct fh__pixel_table *t,
                       const struct fh_framebuffer *fb, const struct fh_rect *r)
{
    uint32_t *to = e->words;

    for (int32_t y = r->y; y < r->y + r->h; y++, to += r->w)
        fh__pixel_translate(t, fh__fb_row(fb, r->x, y), (size_t)r->w, to);
}

bool fh__encoder_count(struct fh_encoder *e, size_t n, unsigned max)
{
    fh__palette_clear(&e->palette);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && e->words[i] == e->words[i - 1])
            continue;
        if (!fh__palette_add(&e->palette, e->words[i], max))
            return false;
    }
    return true;
}

static int raw_encode(const struct fh_encoder *e, const struct fh_framebuffer *fb,
                      const struct fh_rect *r, uint8_t *out)
{
    uint8_t *p = out;

    for (int32_t y = r->y; y < r->y + r->h; y++)
        p += fh_encoder_pixels(e, fh__fb_row(fb, r->x, y), (size_t)r->w, p);
    return (int)(p - out);
}

size_t fh_encoder_pixels(const struct fh_encoder *e, const uint32_t *px, size_t n, uint8_t *out)
{
    uint32_t words[64];
    const size_t chunk = sizeof words / sizeof words[0];

    if (e->full.bytes == sizeof *words && ((uintptr_t)out & 3) == 0) {
        fh__pixel_translate(&e->full, px, n, (uint32_t *)(void *)out);
        return n * e->full.bytes;
    }
    for (size_t i = 0; i < n; i += chunk) {
        const size_t now = n - i < chunk ? n - i : chunk;

        fh__pixel_translate(&e->full, px + i, now, words);
        out = fh__pixel_store(&e->full, words, now, out);
    }
    return n * e->full.bytes;
}

static bool is_possible(const struct fh_framebuffer *fb, const struct fh_rect *r, size_t room)
{
    return fh_rect_is_inside(r, fb->width, fb->height) && r->w > 0 && r->h > 0 &&
           r->w <= FH_ENCODER_MAX_WIDTH && (int64_t)r->w * r->h <= FH_ENCODER_MAX_PIXELS &&
           room >= fh_encoder_bound((size_t)r->w * (size_t)r->h);
}

int fh_encoder_rect(struct fh_encoder *e, enum fh_encoding enc, const struct fh_framebuffer *fb,
                    const struct fh_rect *r, uint8_t *out, size_t room)
{
    if (!is_possible(fb, r, room))
        return FH_RFB_E_INVAL;
    switch (enc) {
    case FH_ENC_RAW:
        return raw_encode(e, fb, r, out);
    case FH_ENC_RRE:
        return fh__rre_encode(e, fb, r, out);
    case FH_ENC_HEXTILE:
        return fh__hextile_encode(e, fb, r, out);
    case FH_ENC_ZLIB:
        return fh__zlib_encode(e, fb, r, out, room);
    case FH_ENC_TIGHT:
        return fh__tight_encode(e, fb, r, out, room);
    case FH_ENC_TRLE:
        return fh__trle_encode(e, fb, r, out);
    case FH_ENC_ZRLE:
        return fh__zrle_encode(e, fb, r, out, room);
    case FH_ENC_JPEG:
        return fh__jpeg_encode(e, fb, r, out);
    case FH_ENC_TIGHT_PNG:
        return fh__tight_png_encode(e, fb, r, out, room);
    default:
        return FH_RFB_E_INVAL;
    }
}

int fh_encoder_rect_alone(struct fh_encoder *e, enum fh_encoding enc,
                          const struct fh_framebuffer *fb, const struct fh_rect *r, uint8_t *out,
                          size_t room)
{
    if (enc != FH_ENC_TIGHT || !is_possible(fb, r, room))
        return FH_RFB_E_INVAL;
    return fh__tight_encode_alone(e, fb, r, out, room);
}

int fh_encoder_adopt(struct fh_encoder *e, enum fh_encoding enc, const uint8_t *rect, size_t len)
{
    return enc == FH_ENC_TIGHT ? fh__tight_adopt(e, rect, len) : FH_RFB_E_INVAL;
}
