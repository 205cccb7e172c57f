/* SPDX-License-Identifier: MIT */
/* decode.h -- what the files of the decoder share. Never installed. */
#ifndef FH_RFB_DECODE_H
#define FH_RFB_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include <farhand/decoder.h>

#include "rd.h"

enum {
    FH__ZRLE_BUF = 16384,         /* bytes inflated ahead; much more than any unit of a tile */
    FH__ZRLE_PALETTE_MAX = 127,   /* colours */
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

enum fh__zrle_part {
    FH__ZRLE_LENGTH,
    FH__ZRLE_SUBENCODING,
    FH__ZRLE_PALETTE,
    FH__ZRLE_RAW,
    FH__ZRLE_PACKED,
    FH__ZRLE_PLAIN_RLE,
    FH__ZRLE_PALETTE_RLE,
    FH__ZRLE_COMPLETE
};

struct fh__zrle {
    struct fh__inflate stream;
    enum fh__zrle_part part;
    enum fh__zrle_part after_palette; /* FH__ZRLE_SUBENCODING: a solid tile */
    size_t left;                      /* compressed bytes of the rectangle to come */
    struct fh_rect tile;              /* in the framebuffer */
    int32_t at;                       /* pixels of the tile done */
    unsigned n_palette;
    uint32_t palette[FH__ZRLE_PALETTE_MAX];
    uint8_t buf[FH__ZRLE_BUF]; /* inflated, not yet read */
    size_t n_buf;
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
    FH__TIGHT_JPEG
};

enum fh__tight_filter { FH__FILTER_COPY, FH__FILTER_PALETTE, FH__FILTER_GRADIENT };

struct fh__tight {
    struct fh__inflate stream[FH__TIGHT_INFLATES];
    enum fh__tight_part part;
    enum fh__tight_part after_length; /* FH__TIGHT_ZLIB or FH__TIGHT_JPEG */
    enum fh__tight_filter filter;
    unsigned in_use;        /* index of the stream */
    unsigned n_length;      /* bytes of the compact length read */
    size_t left;            /* compressed bytes of the rectangle to come */
    unsigned n_palette;     /* colours that it will have */
    unsigned n_palette_got; /* colours that it has */
    uint32_t palette[256];
    uint8_t row[3 * FH__TIGHT_WIDTH_MAX]; /* filtered data of one row */
    size_t n_row, row_bytes;
    uint8_t above[3 * FH__TIGHT_WIDTH_MAX]; /* colours of the row before, for the gradient */
    void *jpeg;                             /* tjhandle */
    uint8_t *gathered;                      /* of a JPEG */
    size_t n_gathered, cap_gathered;
};

struct fh_decoder {
    enum fh_encoding enc;
    struct fh_framebuffer *fb;
    struct fh_rect r;
    bool is_busy;    /* between _begin and the rectangle's end */
    int error;       /* failed once, failed for good */
    int32_t x, y;    /* the next pixel, from the corner of r */
    uint8_t held[4]; /* the first bytes of a field that is not whole yet */
    size_t n_held;
    struct fh__zrle zrle;
    struct fh__tight tight;
};

void fh__zrle_begin(struct fh_decoder *d);
enum fh__step fh__zrle_step(struct fh_decoder *d, struct rd *in);
void fh__tight_begin(struct fh_decoder *d);
enum fh__step fh__tight_step(struct fh_decoder *d, struct rd *in);

/* Makes room for need bytes in gathered, keeping what is there. FH_RFB_E_LIMIT, FH_RFB_E_NOMEM. */
int fh__tight_gather_room(struct fh__tight *t, size_t need);

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

/* Pixel x, y of the rectangle. */
static inline uint32_t *fh__decoder_at(const struct fh_decoder *d, int32_t x, int32_t y)
{
    return d->fb->px + (size_t)(d->r.y + y) * (size_t)d->fb->stride_px + (size_t)(d->r.x + x);
}

#endif
