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

/* What each value of a colour adds to the wire word. */
struct fh__pixel_table {
    uint32_t red[256], green[256], blue[256];
    unsigned bytes; /* of one pixel on the wire, 1 to 4 */
};

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

static inline uint32_t fh__pixel_word(const struct fh__pixel_table *t, uint32_t px)
{
    return t->red[px >> 16 & 0xff] | t->green[px >> 8 & 0xff] | t->blue[px & 0xff];
}

#endif
