/* SPDX-License-Identifier: MIT */
/*
 * decoder.h -- bodies of RFB rectangles to pixels, whole or in pieces of any size.
 *
 * A decoder belongs to one connection: it holds the zlib streams. Pixels on the wire are in the
 * format that the viewer asked for. Memory is bounded whatever arrives: all is decoded as it comes,
 * but a JPEG or a PNG is gathered first, at most 4 MiB.
 *
 *     fh_decoder_begin()   the header of a rectangle came
 *     fh_decoder_input()   bytes of its body; repeat until 1
 *
 * A damaged rectangle may be drawn in part; what was not in the bytes is never drawn. Refused:
 * JPEG that is progressive, arithmetic or in several scans, whose work has no bound by its size;
 * PNG that is interlaced; data of Tight without zlib unless it was agreed on. One decoder may be
 * used by one thread at a time. RFC 6143 7.7, and JPEG, Tight and its variants of rfbproto.
 */
#ifndef FH_DECODER_H
#define FH_DECODER_H

#include <farhand/encoder.h>
#include <farhand/framebuffer.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_decoder;

struct fh_decoder *fh_decoder_new(void);    /* NULL: out of memory */
void fh_decoder_free(struct fh_decoder *d); /* NULL is fine */

/*
 * The format of the next rectangles: true colour, valid by fh_pixel_format_is_valid; copied. Before
 * the first call: fh_pixel_format_rgb888(). FH_RFB_E_INVAL for others, FH_RFB_E_STATE before a
 * rectangle is complete.
 */
int fh_decoder_set_format(struct fh_decoder *d, const struct fh_pixel_format *fmt);
/* Whether the server was told that Tight's data may come without zlib. At first: it was not. */
void fh_decoder_set_no_zlib(struct fh_decoder *d, bool is_agreed);

/*
 * Starts a rectangle. enc: one of RAW to JPEG, or TIGHT_PNG. r lies inside fb, which is borrowed
 * until the rectangle is complete. FH_RFB_E_ENCODING for others, FH_RFB_E_INVAL for a rectangle
 * outside, FH_RFB_E_STATE before the last one is complete; the decoder is unchanged. An empty
 * rectangle has a body as any other (of Raw: no bytes). After a failure: the error of
 * fh_decoder_input().
 */
int fh_decoder_begin(struct fh_decoder *d, enum fh_encoding enc, struct fh_framebuffer *fb,
                     const struct fh_rect *r);
/*
 * Gives bytes of its body; data is borrowed, and may be NULL when len is 0. *used: how many
 * belonged to it. Returns 1 when the rectangle is complete (an empty Raw one is at once, so call it
 * without bytes too), 0 when it needs more, FH_RFB_E_DATA / _LIMIT / _NOMEM when the connection is
 * lost: from then on every call says so. FH_RFB_E_STATE when no rectangle was begun.
 */
int fh_decoder_input(struct fh_decoder *d, const uint8_t *data, size_t len, size_t *used);

#ifdef __cplusplus
}
#endif

#endif
