/* SPDX-License-Identifier: MIT */
/* encode.h -- what the files of the encoder share. Never installed. */
#ifndef FH_RFB_ENCODE_H
#define FH_RFB_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include <farhand/encoder.h>

#include "palette.h"
#include "pixel.h"

enum {
    FH__TILE = 64, /* pixels a side, RFC 6143 7.7.6 */
    FH__TILE_PIXELS = FH__TILE * FH__TILE,
    /* The streams of Tight by what is in them; the fourth that the encoding has is not used. */
    FH__TIGHT_FULL_COLOUR = 0,
    FH__TIGHT_MONO = 1,
    FH__TIGHT_INDEXED = 2,
    FH__TIGHT_STREAMS = 3,
    /* JPEG is for rectangles of at least this many pixels a side. */
    FH__JPEG_MIN_SIDE = 16,
    /*
     * What TurboJPEG asks for at most: 6 bytes for each pixel, sides rounded up to 8, and 2048;
     * the worst is a rectangle of FH__JPEG_MIN_SIDE by 4096.
     */
    FH__JPEG_ROOM = 6 * (FH_ENCODER_MAX_PIXELS + 7 * (16 + 4096) + 49) + 2048
};

/* A zlib stream and the level that it has now; a change waits for its next use. */
struct fh__deflate {
    z_stream z;
    int level;
    bool is_open;
};

struct fh_encoder {
    struct fh_pixel_format fmt;
    struct fh__pixel_table full, compact, tight;
    int quality, level;
    struct fh__deflate zrle, tight_zlib[FH__TIGHT_STREAMS];
    /* Of Tight's streams, by bit: the viewer's is not where ours is, and is reset with its next
     * use. */
    unsigned tight_resets;
    void *jpeg; /* tjhandle */
    uint8_t *jpeg_out;
    uint32_t *words; /* FH_ENCODER_MAX_PIXELS */
    struct fh__palette palette;
};

/* Begins one rectangle's use of a stream: output goes to out, and the level is made right. */
int fh__deflate_begin(struct fh__deflate *d, int level, uint8_t *out, size_t room);
/* flush: Z_NO_FLUSH, or Z_SYNC_FLUSH with the last piece of a rectangle. */
int fh__deflate_write(struct fh__deflate *d, const uint8_t *data, size_t len, int flush);

/* Each returns the number of bytes or an error; r and room were checked. */
int fh__zrle_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                    uint8_t *out, size_t room);
int fh__tight_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                     uint8_t *out, size_t room);
int fh__tight_encode_alone(struct fh_encoder *e, const struct fh_framebuffer *fb,
                           const struct fh_rect *r, uint8_t *out, size_t room);
int fh__tight_adopt(struct fh_encoder *e, const uint8_t *rect, size_t len);

static inline const uint32_t *fh__fb_row(const struct fh_framebuffer *fb, int32_t x, int32_t y)
{
    return fb->px + (size_t)y * (size_t)fb->stride_px + x;
}

#endif
