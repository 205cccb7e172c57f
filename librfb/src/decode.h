/* SPDX-License-Identifier: MIT */
/* decode.h -- what the files of the decoder share. Never installed. */
#ifndef FH_RFB_DECODE_H
#define FH_RFB_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include <farhand/decoder.h>

#include "pixel.h"
#include "rd.h"

enum {
    FH__DECODE_BUF = 40960,       /* bytes inflated ahead; at least FH__UNIT_MAX */
    FH__UNIT_MAX = 2048,          /* bytes, more than any unit: a row of Tight excepted */
    FH__TILE_PALETTE_MAX = 127,   /* colours */
    FH__TIGHT_WIDTH_MAX = 2048,   /* pixels; rfbproto: "maximum width of a rectangle" */
    FH__TIGHT_INFLATES = 4,       /* zlib streams */
    FH__GATHER_FIRST = 64 * 1024, /* bytes of a JPEG, and doubled from there */
    FH__GATHER_MAX = 4 * 1024 * 1024
};

/* What a step came to: it needs bytes, it has done something, the rectangle is complete. */
enum fh__step { FH__STEP_MORE, FH__STEP_AGAIN, FH__STEP_DONE, FH__STEP_BAD };

struct fh__inflate {
    z_stream z;
    bool is_open;
    bool has_more; /* the last output was full: there may be more without input */
};

/* Bytes of a picture in a format of its own, until they are all there. */
struct fh__gather {
    uint8_t *mem;
    size_t len, cap;
};

enum fh__tile_part {
    FH__TILE_SUBENCODING,
    FH__TILE_PALETTE,
    FH__TILE_RAW,
    FH__TILE_PACKED,
    FH__TILE_PLAIN_RLE,
    FH__TILE_PALETTE_RLE,
    FH__TILE_COMPLETE
};

/* The tiles of ZRLE and TRLE. */
struct fh__tiles {
    enum fh__tile_part part, after_palette;
    bool may_reuse;      /* TRLE: the palette of the tile before */
    int32_t side;        /* pixels */
    struct fh_rect tile; /* in the rectangle */
    int32_t x, y;        /* the next pixel of the tile */
    unsigned n_palette;
    uint32_t palette[FH__TILE_PALETTE_MAX];
};

struct fh__zrle {
    struct fh__inflate stream;
    bool has_length;
    size_t left; /* compressed bytes of the rectangle to come */
};

struct fh__zlib {
    struct fh__inflate stream;
    bool has_length;
    size_t left; /* compressed bytes of the rectangle to come */
};

struct fh__rre {
    bool has_head;
    uint32_t left; /* subrectangles to come */
};

struct fh__hextile {
    struct fh_rect tile; /* in the rectangle */
    bool is_raw, is_coloured;
    unsigned left; /* subrectangles of the tile to come */
    int32_t y;     /* rows of a raw tile that came */
    uint32_t back, fore;
};

/* Where in a JPEG without a length its next byte is. */
enum fh__jpeg_part {
    FH__JPEG_START, /* the two bytes of SOI */
    FH__JPEG_MARKER,
    FH__JPEG_LENGTH,
    FH__JPEG_SEGMENT,
    FH__JPEG_SCAN
};

struct fh__jpeg {
    void *handle; /* tjhandle */
    enum fh__jpeg_part part;
    uint8_t marker, last;
    unsigned n;  /* bytes of this part that came */
    size_t left; /* bytes of the segment to come */
};

enum fh__tight_part {
    FH__TIGHT_CONTROL,
    FH__TIGHT_FILL,
    FH__TIGHT_FILTER,
    FH__TIGHT_PALETTE_SIZE,
    FH__TIGHT_PALETTE,
    FH__TIGHT_PLAIN,
    FH__TIGHT_LENGTH,
    FH__TIGHT_ZLIB,
    FH__TIGHT_JPEG,
    FH__TIGHT_PNG
};

enum fh__tight_filter { FH__FILTER_COPY, FH__FILTER_PALETTE, FH__FILTER_GRADIENT };

struct fh__tight {
    struct fh__inflate stream[FH__TIGHT_INFLATES], png;
    bool may_be_plain, is_plain; /* agreed on: data without zlib; this data is */
    enum fh__tight_part part;
    enum fh__tight_part after_length;
    enum fh__tight_filter filter;
    unsigned in_use;        /* index of the stream */
    unsigned n_length;      /* bytes of the compact length read */
    size_t left;            /* compressed bytes of the rectangle to come */
    unsigned n_palette;     /* colours that it will have */
    unsigned n_palette_got; /* colours that it has */
    uint32_t palette[256];
    size_t row_bytes;
    uint16_t above[3 * FH__TIGHT_WIDTH_MAX]; /* colours of the row before, for the gradient */
    void *jpeg;                              /* tjhandle */
};

struct fh_decoder {
    enum fh_encoding enc;
    struct fh_framebuffer *fb;
    struct fh_rect r;
    struct fh__pixel_reader full, compact, tpixel;
    bool is_busy;    /* between _begin and the rectangle's end */
    int error;       /* failed once, failed for good */
    int32_t x, y;    /* the next pixel, from the corner of r */
    uint8_t held[4]; /* the first bytes of a field that is not whole yet */
    size_t n_held;
    uint8_t buf[FH__DECODE_BUF]; /* inflated or gathered, not yet read */
    size_t n_buf;
    struct fh__gather gather;
    struct fh__tiles tiles;
    struct fh__zrle zrle;
    struct fh__zlib zlib;
    struct fh__rre rre;
    struct fh__hextile hextile;
    struct fh__jpeg jpeg;
    struct fh__tight tight;
};

/* tile_decode.c. The unit functions move r behind whole units only. */
void fh__tiles_begin(struct fh_decoder *d, int32_t side);
enum fh__step fh__tiles_unit(struct fh_decoder *d, struct rd *r);

void fh__zrle_begin(struct fh_decoder *d);
enum fh__step fh__zrle_step(struct fh_decoder *d, struct rd *in);
void fh__rre_begin(struct fh_decoder *d);
enum fh__step fh__rre_unit(struct fh_decoder *d, struct rd *r);
void fh__hextile_begin(struct fh_decoder *d);
enum fh__step fh__hextile_unit(struct fh_decoder *d, struct rd *r);
void fh__zlib_begin(struct fh_decoder *d);
enum fh__step fh__zlib_step(struct fh_decoder *d, struct rd *in);
void fh__tight_begin(struct fh_decoder *d);
enum fh__step fh__tight_step(struct fh_decoder *d, struct rd *in);
void fh__jpeg_begin(struct fh_decoder *d);
enum fh__step fh__jpeg_step(struct fh_decoder *d, struct rd *in);

/* A whole JPEG or PNG of the size of the rectangle, into it. False: it is none, or damaged. */
bool fh__jpeg_decode(struct fh_decoder *d, void *handle, const uint8_t *data, size_t len);
bool fh__png_decode(struct fh_decoder *d, const uint8_t *data, size_t len);

/* Adds n bytes to what is gathered. 0, FH_RFB_E_LIMIT, FH_RFB_E_NOMEM. */
int fh__gather_add(struct fh__gather *g, const uint8_t *data, size_t n);

/* codec_new.c: makes room for need bytes, keeping what is there. FH_RFB_E_LIMIT, FH_RFB_E_NOMEM. */
int fh__gather_room(struct fh__gather *g, size_t need);

/* Units straight from the input; the first bytes of one that is not whole are kept in d->buf. */
enum fh__step fh__direct_step(struct fh_decoder *d, struct rd *in,
                              enum fh__step (*unit)(struct fh_decoder *, struct rd *));

/* n pixels as the format has them, from where the rectangle is now; n is not more than are left. */
void fh__decoder_put(struct fh_decoder *d, const uint8_t *p, size_t n);
/* A part of the rectangle, given from its corner, in one colour. */
void fh__decoder_fill(const struct fh_decoder *d, const struct fh_rect *part, uint32_t colour);

/*
 * Collects want bytes (at most 4) of a field over any number of inputs. NULL while they are not
 * all there; the bytes are lent until the next call.
 */
const uint8_t *fh__decoder_hold(struct fh_decoder *d, struct rd *in, size_t want);

/*
 * Inflates what in has, at most *left bytes of it, to out, at most room bytes. *n: bytes made.
 * False: damaged, needs a dictionary, or bytes after the stream's end.
 */
bool fh__inflate_some(struct fh__inflate *s, struct rd *in, size_t *left, uint8_t *out, size_t room,
                      size_t *n);

/* n pixels of one colour, four at a time where there are as many. */
static inline void fh__fill_pixels(uint32_t *to, int32_t n, uint32_t colour)
{
    typedef uint32_t four __attribute__((vector_size(16)));
    const four v = {colour, colour, colour, colour};
    int32_t i = 0;

    for (; i + 4 <= n; i += 4)
        memcpy(to + i, &v, sizeof v);
    for (; i < n; i++)
        to[i] = colour;
}

/* Pixel x, y of the rectangle. */
static inline uint32_t *fh__decoder_at(const struct fh_decoder *d, int32_t x, int32_t y)
{
    return d->fb->px + (size_t)(d->r.y + y) * (size_t)d->fb->stride_px + (size_t)(d->r.x + x);
}

#endif
