/* SPDX-License-Identifier: MIT */
/*
 * decoder.h -- bodies of RFB rectangles to pixels, whole or in pieces of any size.
 *
 * A decoder belongs to one connection: it holds the zlib streams. Pixels on the wire are in
 * fh_pixel_format_rgb888(), which the viewer asks for. Memory is bounded whatever arrives: Raw and
 * ZRLE and zlib parts of Tight are decoded as they come; a JPEG is gathered first, at most 4 MiB.
 */
#ifndef FH_DECODER_H
#define FH_DECODER_H

#include <farhand/encoder.h>
#include <farhand/framebuffer.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_decoder;

struct fh_decoder *fh_decoder_new(void); /* NULL: out of memory */
void fh_decoder_free(struct fh_decoder *d);

/*
 * Starts a rectangle. enc: RAW, COPY_RECT, TIGHT or ZRLE. r lies inside fb, which is borrowed until
 * the rectangle is complete. FH_RFB_E_ENCODING for others, FH_RFB_E_INVAL for a rectangle outside.
 */
int fh_decoder_begin(struct fh_decoder *d, enum fh_encoding enc, struct fh_framebuffer *fb,
                     const struct fh_rect *r);
/*
 * Gives bytes of its body. *used: how many belonged to it. Returns 1 when the rectangle is
 * complete, 0 when it needs more, FH_RFB_E_DATA / _LIMIT / _NOMEM when the connection is lost.
 */
int fh_decoder_input(struct fh_decoder *d, const uint8_t *data, size_t len, size_t *used);

#ifdef __cplusplus
}
#endif

#endif
