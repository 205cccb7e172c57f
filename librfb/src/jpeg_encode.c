/* SPDX-License-Identifier: MIT */
/* jpeg_encode.c -- a rectangle as a JPEG: in Tight, and alone as rfbproto's encoding JPEG. */
#include "encode.h"
#include "jpeg.h"

/* TurboJPEG's quality and subsampling for quality 0 to 9. */
static const struct {
    int quality, subsampling;
} jpeg_settings[10] = {
    {15, TJSAMP_420}, {25, TJSAMP_420}, {35, TJSAMP_420}, {45, TJSAMP_420}, {55, TJSAMP_420},
    {65, TJSAMP_422}, {75, TJSAMP_422}, {84, TJSAMP_422}, {92, TJSAMP_444}, {98, TJSAMP_444},
};

static int quality_of(const struct fh_encoder *e)
{
    if (e->quality < FH_QUALITY_FINE)
        return jpeg_settings[e->quality].quality;
    return e->quality > FH_QUALITY_FINE ? e->quality - FH_QUALITY_FINE : 1; /* TurboJPEG has no 0 */
}

static int subsampling_of(const struct fh_encoder *e)
{
    const int quality = quality_of(e);

    switch (e->subsampling) {
    case FH_SUBSAMPLING_1X:
        return TJSAMP_444;
    case FH_SUBSAMPLING_2X:
        return TJSAMP_422;
    case FH_SUBSAMPLING_4X:
    case FH_SUBSAMPLING_8X:
    case FH_SUBSAMPLING_16X:
        return TJSAMP_420;
    case FH_SUBSAMPLING_GREY:
        return TJSAMP_GRAY;
    case FH_SUBSAMPLING_ANY:
        break;
    }
    for (int i = 9; i > 0; i--)
        if (quality >= jpeg_settings[i].quality)
            return jpeg_settings[i].subsampling;
    return jpeg_settings[0].subsampling;
}

size_t fh__jpeg_make(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r)
{
    const int subsampling = subsampling_of(e);
    const uint8_t *px = (const uint8_t *)fh__fb_row(fb, r->x, r->y);
    unsigned long len = tjBufSize(r->w, r->h, subsampling);
    unsigned char *jpeg = e->jpeg_out;

    if (len > FH__JPEG_ROOM)
        return 0;
    if (tjCompress2(e->jpeg, px, r->w, fb->stride_px * 4, r->h, fh__jpeg_pixel_format(), &jpeg,
                    &len, subsampling, quality_of(e), TJFLAG_NOREALLOC) != 0)
        return 0;
    return len <= (size_t)r->w * (size_t)r->h * e->tight.bytes ? len : 0;
}

bool fh__jpeg_suits(const struct fh_encoder *e, const struct fh_rect *r, bool has_palette)
{
    if (e->quality < 0 || !e->fmt.true_colour || e->fmt.bits_per_pixel < 16)
        return false;
    if (r->w < FH__JPEG_MIN_SIDE || r->h < FH__JPEG_MIN_SIDE)
        return false;
    return !has_palette || e->palette.n > (unsigned)(r->w * r->h) / 4;
}

int fh__jpeg_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                    uint8_t *out)
{
    bool has_palette;
    size_t len;

    fh__encoder_words(e, &e->tight, fb, r);
    has_palette = fh__encoder_count(e, (size_t)r->w * (size_t)r->h, FH__PALETTE_MAX);
    if (!fh__jpeg_suits(e, r, has_palette) || (len = fh__jpeg_make(e, fb, r)) == 0)
        return 0;
    memcpy(out, e->jpeg_out, len);
    return (int)len;
}
