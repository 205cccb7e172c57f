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
    enum fh_subsampling subsampling;
    bool no_zlib;
    struct fh__deflate zrle, zlib, png, tight_zlib[FH__TIGHT_STREAMS];
    /* Of Tight's streams, by bit: the viewer's is not where ours is, and is reset with its next
     * use. */
    unsigned tight_resets;
    void *jpeg; /* tjhandle */
    uint8_t *jpeg_out;
    uint32_t *words;                          /* FH_ENCODER_MAX_PIXELS */
    struct fh__palette palette, last_palette; /* of the tile before */
};

/* How far TRLE may count on the tile before. */
enum fh__tile_reuse { FH__REUSE_NONE, FH__REUSE_PALETTE };

/*
 * Each returns the number of bytes or an error; r and room were checked. Of RRE and JPEG: 0 when
 * they do not suit.
 */

/* Begins one rectangle's use of a stream: output goes to out, and the level is made right. */
int fh__deflate_begin(struct fh__deflate *d, int level, uint8_t *out, size_t room);
/* flush: Z_NO_FLUSH, or Z_SYNC_FLUSH with the last piece of a rectangle. */
int fh__deflate_write(struct fh__deflate *d, const uint8_t *data, size_t len, int flush);

int fh__rre_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                   uint8_t *out);
int fh__hextile_encode(struct fh_encoder *e, const struct fh_framebuffer *fb,
                       const struct fh_rect *r, uint8_t *out);
int fh__zlib_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                    uint8_t *out, size_t room);
int fh__trle_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                    uint8_t *out);
int fh__tight_png_encode(struct fh_encoder *e, const struct fh_framebuffer *fb,
                         const struct fh_rect *r, uint8_t *out, size_t room);
int fh__jpeg_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                    uint8_t *out);
int fh__zrle_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                    uint8_t *out, size_t room);
int fh__tight_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                     uint8_t *out, size_t room);
int fh__tight_encode_alone(struct fh_encoder *e, const struct fh_framebuffer *fb,
                           const struct fh_rect *r, uint8_t *out, size_t room);
int fh__tight_adopt(struct fh_encoder *e, const uint8_t *rect, size_t len);

/* tile_encode.c: a tile of ZRLE or TRLE in CPIXELs, at most 1 byte more than Raw. */
size_t fh__tile_encode(struct fh_encoder *e, const struct fh_framebuffer *fb,
                       const struct fh_rect *tile, enum fh__tile_reuse reuse, uint8_t *out);

/* Reads the rectangle into e->words by t. */
void fh__encoder_words(struct fh_encoder *e, const struct fh__pixel_table *t,
                       const struct fh_framebuffer *fb, const struct fh_rect *r);
/* The colours of n words to e->palette, at most max. False: they are more. */
bool fh__encoder_count(struct fh_encoder *e, size_t n, unsigned max);

/* Many colours for its size: what a photograph has, and text and windows do not. */
bool fh__jpeg_suits(const struct fh_encoder *e, const struct fh_rect *r, bool has_palette);
/* Makes a JPEG in e->jpeg_out. 0: TurboJPEG would not, or it would be larger than the pixels. */
size_t fh__jpeg_make(struct fh_encoder *e, const struct fh_framebuffer *fb,
                     const struct fh_rect *r);

/* A fill, a JPEG or a length of Tight, which TightPNG has as well. */
int fh__tight_put_fill(const struct fh_encoder *e, uint32_t px, uint8_t *out);
int fh__tight_put_jpeg(struct fh_encoder *e, const struct fh_framebuffer *fb,
                       const struct fh_rect *r, uint8_t *out);
size_t fh__tight_put_length(uint8_t *p, size_t len);

static inline const uint32_t *fh__fb_row(const struct fh_framebuffer *fb, int32_t x, int32_t y)
{
    return fb->px + (size_t)y * (size_t)fb->stride_px + x;
}

#endif
