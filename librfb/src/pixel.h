/* SPDX-License-Identifier: MIT */
/*
 * pixel.h -- pixels 0x00RRGGBB to the bytes that a viewer wants.
 *
 * A wire word is a uint32_t that holds, in memory order from its first byte, the bytes of one
 * pixel as they go out; the bytes after them are zero. Equal words are equal pixels on the wire, so
 * that encoders can count and compare them and then copy them out without thinking of a format.
 */
#ifndef FH_RFB_PIXEL_H
#define FH_RFB_PIXEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <farhand/framebuffer.h>

enum fh__pixel_kind {
    FH__PIXEL_FULL,    /* PIXEL: bits_per_pixel / 8 bytes */
    FH__PIXEL_COMPACT, /* CPIXEL of ZRLE, RFC 6143 7.7.5 */
    FH__PIXEL_TIGHT    /* TPIXEL of Tight, rfbproto */
};

/* How the bytes of a pixel lie, of those that are read without looking at a format. */
enum fh__pixel_order { FH__ORDER_BGRX, FH__ORDER_BGR, FH__ORDER_RGB, FH__ORDER_ANY };

/* What each value of a colour adds to the wire word. */
struct fh__pixel_table {
    uint32_t red[256], green[256], blue[256];
    unsigned bytes; /* of one pixel on the wire, 1 to 4 */
    enum fh__pixel_order order;
};

/* The order of rgb888 and its like, whose bytes are the colours; bytes: of a pixel on the wire. */
enum fh__pixel_order fh__pixel_order_of(const struct fh_pixel_format *f, unsigned bytes);

/* fmt: valid by fh_pixel_format_is_valid. */
void fh__pixel_table_init(struct fh__pixel_table *t, const struct fh_pixel_format *fmt,
                          enum fh__pixel_kind kind);
/* n pixels to n wire words; px may be out. */
void fh__pixel_translate(const struct fh__pixel_table *t, const uint32_t *px, size_t n,
                         uint32_t *out);
/* n wire words to t->bytes * n bytes; words may begin where out begins. Returns the end of out. */
uint8_t *fh__pixel_store(const struct fh__pixel_table *t, const uint32_t *words, size_t n,
                         uint8_t *out);

/*
 * The one colour map that viewers without true colour get: bits 0-2 of the index are red, 3-5
 * green, 6-7 blue. out: red, green, blue as SetColourMapEntries (RFC 6143 7.6.2) has them.
 */
void fh__pixel_map_entry(uint8_t index, uint16_t out[static 3]);

/* What a viewer gets, back to 0x00RRGGBB; the other way of fh__pixel_table. */
struct fh__pixel_reader {
    enum fh__pixel_order order;
    unsigned bytes; /* of one pixel on the wire, 1 to 4 */
    unsigned lift;  /* bits of the value below those bytes: CPIXEL of the upper three */
    struct fh_pixel_format fmt;
    uint8_t red[256], green[256], blue[256]; /* to 0 to 255, of colours that are no wider */
};

/* fmt: true colour, valid by fh_pixel_format_is_valid. */
void fh__pixel_reader_init(struct fh__pixel_reader *t, const struct fh_pixel_format *fmt,
                           enum fh__pixel_kind kind);
/* n pixels of t->bytes each at p. */
void fh__pixel_read(const struct fh__pixel_reader *t, const uint8_t *p, size_t n, uint32_t *out);
/* The three colours of one pixel, 0 to their max, and a pixel from three such. */
void fh__pixel_colours(const struct fh__pixel_reader *t, const uint8_t *p, uint16_t out[static 3]);
uint32_t fh__pixel_of_colours(const struct fh__pixel_reader *t, const uint16_t c[static 3]);
/* Bytes of a CPIXEL, 3 or as many as of a PIXEL; *from: the first of the PIXEL's that it has. */
unsigned fh__pixel_compact_bytes(const struct fh_pixel_format *f, unsigned *from);
/* Whether a TPIXEL is three bytes red, green, blue, whatever the shifts and the byte order. */
bool fh__pixel_is_tight_rgb(const struct fh_pixel_format *f);

static inline uint32_t fh__pixel_word(const struct fh__pixel_table *t, uint32_t px)
{
    return t->red[px >> 16 & 0xff] | t->green[px >> 8 & 0xff] | t->blue[px & 0xff];
}

#endif
