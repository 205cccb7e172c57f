/* SPDX-License-Identifier: MIT */
/*
 * encoder.h -- rectangles of pixels to the bodies of RFB rectangles.
 *
 * An encoder belongs to one viewer: it holds that viewer's zlib streams and pixel format. Output
 * goes to the caller's memory and is at most fh_encoder_bound() bytes a rectangle, so that nothing
 * grows; its own memory, about 2 MiB, is all got when it is made (TurboJPEG gets and gives back its
 * own for each JPEG).
 *
 *     fh_encoder_set_format(), fh_encoder_set_quality()   what the viewer wants; at any time
 *     fh_encoder_rect()                                   a rectangle, in the order of sending
 *
 * What is encoded must be sent: the zlib streams remember it. One encoder may be used by one
 * thread at a time. RFC 6143 7.7 and the Tight encoding of rfbproto.
 */
#ifndef FH_ENCODER_H
#define FH_ENCODER_H

#include <farhand/framebuffer.h>

#ifdef __cplusplus
extern "C" {
#endif

enum fh_encoding {
    FH_ENC_RAW = 0,
    FH_ENC_COPY_RECT = 1,
    FH_ENC_RRE = 2,
    FH_ENC_HEXTILE = 5,
    FH_ENC_ZLIB = 6,
    FH_ENC_TIGHT = 7,
    FH_ENC_TRLE = 15,
    FH_ENC_ZRLE = 16,
    FH_ENC_JPEG = 21,
    FH_ENC_TIGHT_PNG = -260,
    FH_ENC_QUALITY_0 = -32,       /* to -23: JPEG quality 0 to 9 */
    FH_ENC_COMPRESS_0 = -256,     /* to -247: zlib level 0 to 9 */
    FH_ENC_FINE_QUALITY_0 = -512, /* to -412: JPEG quality 0 to 100 */
    FH_ENC_SUBSAMPLING_0 = -768,  /* to -763: enum fh_subsampling less one */
    FH_ENC_DESKTOP_SIZE = -223,
    FH_ENC_LAST_RECT = -224,
    FH_ENC_CURSOR = -239,
    FH_ENC_XCURSOR = -240,
    FH_ENC_QEMU_KEY = -258,
    FH_ENC_LED_STATE = -261,
    FH_ENC_DESKTOP_NAME = -307,
    FH_ENC_EXTENDED_DESKTOP_SIZE = -308,
    FH_ENC_FENCE = -312,
    FH_ENC_CONTINUOUS_UPDATES = -313,
    FH_ENC_CURSOR_WITH_ALPHA = -314,
    FH_ENC_EXTENDED_MOUSE_BUTTONS = -316,
    FH_ENC_TIGHT_NO_ZLIB = -317,
    FH_ENC_EXTENDED_CLIPBOARD = -0x3f5e1a32, /* 0xc0a1e5ce */
    FH_ENC_VMWARE_CURSOR = 0x574d5664,
    FH_ENC_VMWARE_CURSOR_POSITION = 0x574d5666,
    FH_ENC_VMWARE_LED_STATE = 0x574d5668
};

enum {
    FH_ENCODER_MAX_PIXELS = 65536, /* of one rectangle given to fh_encoder_rect */
    FH_ENCODER_MAX_WIDTH = 2048    /* pixels, the limit of Tight */
};

/* How many pixels of a JPEG share a colour, as rfbproto's pseudo-encodings from -768 on name it. */
enum fh_subsampling {
    FH_SUBSAMPLING_ANY, /* what goes with the quality */
    FH_SUBSAMPLING_1X,
    FH_SUBSAMPLING_4X,
    FH_SUBSAMPLING_2X,
    FH_SUBSAMPLING_GREY,
    FH_SUBSAMPLING_8X, /* TurboJPEG makes no more than 4X of these two */
    FH_SUBSAMPLING_16X
};

/* A quality is 0 to 9; or from here, for a JPEG's own 0, to here and 100; or -1: no JPEG. */
enum { FH_QUALITY_FINE = 100, FH_QUALITY_MAX = 200 };

struct fh_encoder;

struct fh_encoder *fh_encoder_new(void);    /* NULL: out of memory */
void fh_encoder_free(struct fh_encoder *e); /* NULL is fine */

/*
 * fmt: valid by fh_pixel_format_is_valid; copied. The streams go on: a viewer may change format any
 * time. Before the first call: fh_pixel_format_rgb888().
 */
void fh_encoder_set_format(struct fh_encoder *e, const struct fh_pixel_format *fmt);
/* Whether a quality is one of those above. */
bool fh_quality_is_valid(int quality);
/* quality: valid by the above. level: zlib 0 to 9. Before the first call: -1 and 6. */
void fh_encoder_set_quality(struct fh_encoder *e, int quality, int level);
/* Before the first call: ANY. */
void fh_encoder_set_subsampling(struct fh_encoder *e, enum fh_subsampling subsampling);
/* The viewer takes data of Tight without zlib: at level 0 it gets none other. At first: false. */
void fh_encoder_set_no_zlib(struct fh_encoder *e, bool is_agreed);

/* The most bytes that a rectangle of this many pixels can become, in any encoding. */
size_t fh_encoder_bound(size_t pixels);

/*
 * Encodes one rectangle (without its 12-byte header). enc: one of RAW to JPEG but COPY_RECT, or
 * TIGHT_PNG. r lies inside fb, at most FH_ENCODER_MAX_PIXELS pixels and FH_ENCODER_MAX_WIDTH wide.
 * room >= fh_encoder_bound(). A JPEG, alone or in Tight, is only for a quality of 0 and more, true
 * colour of 16 or 32 bits, and rectangles of many colours.
 * Returns the number of bytes; 0: RRE or JPEG does not suit this rectangle, so nothing is made, and
 * another encoding is to be taken; FH_RFB_E_INVAL, with nothing changed; FH_RFB_E_INTERNAL, after
 * which the viewer's connection cannot go on.
 */
int fh_encoder_rect(struct fh_encoder *e, enum fh_encoding enc, const struct fh_framebuffer *fb,
                    const struct fh_rect *r, uint8_t *out, size_t room);

/*
 * A rectangle as above that stands for itself, whatever a viewer got before: so it can be sent to
 * several, among rectangles of their own encoders. enc: TIGHT, whose streams a rectangle can reset;
 * others are FH_RFB_E_INVAL. It is larger than fh_encoder_rect() would make it, as zlib knows
 * nothing of before. Need not be sent, unless e is also used for fh_encoder_rect().
 */
int fh_encoder_rect_alone(struct fh_encoder *e, enum fh_encoding enc,
                          const struct fh_framebuffer *fb, const struct fh_rect *r, uint8_t *out,
                          size_t room);
/*
 * To e's viewer goes, in the place of the next rectangle, one that another encoder made by
 * fh_encoder_rect_alone() with the same format: e begins anew with the streams that it resets.
 * FH_RFB_E_INVAL: it does not stand for itself; nothing has changed, and it must not be sent.
 */
int fh_encoder_adopt(struct fh_encoder *e, enum fh_encoding enc, const uint8_t *rect, size_t len);

/*
 * Pixels in the current format, for cursors: n pixels of 0x00RRGGBB. out: room for n times
 * bits_per_pixel / 8 bytes. Returns how many were written.
 */
size_t fh_encoder_pixels(const struct fh_encoder *e, const uint32_t *px, size_t n, uint8_t *out);

#ifdef __cplusplus
}
#endif

#endif
