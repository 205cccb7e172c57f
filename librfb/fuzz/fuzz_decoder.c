/* SPDX-License-Identifier: MIT */
/*
 * Rectangles one after the other on one connection. Each is u8 (the lower four bits: encoding, the
 * upper three: format), u16 width, u16 height, u8 size of the pieces, u16 length, and its body;
 * integers are big-endian. Two decoders get the same, one whole and one in pieces: they must agree
 * on the answer, and on every pixel of a complete rectangle.
 *
 * The corpus is made by test_decoder, test_encodings, test_jpeg and test_round_trip, each with
 * --corpus DIR.
 */
#include <stdlib.h>

#include <farhand/decoder.h>
#include <farhand/rfb_error.h>

#include "rd.h"

enum { WIDTH = 2100, HEIGHT = 40, RECTS_MAX = 16 };

static uint32_t pixels[2][WIDTH * HEIGHT];

static const enum fh_encoding encodings[16] = {
    FH_ENC_RAW,     FH_ENC_COPY_RECT, FH_ENC_TIGHT, FH_ENC_ZRLE, FH_ENC_RRE,
    FH_ENC_HEXTILE, FH_ENC_ZLIB,      FH_ENC_TRLE,  FH_ENC_JPEG, FH_ENC_TIGHT_PNG,
};

static const struct fh_pixel_format formats[8] = {
    {32, 24, false, true, 255, 255, 255, 16, 8, 0},
    {32, 24, true, true, 255, 255, 255, 16, 8, 0},
    {32, 24, false, true, 255, 255, 255, 24, 16, 8},
    {32, 32, true, true, 255, 255, 255, 0, 8, 24},
    {32, 30, false, true, 1023, 1023, 1023, 20, 10, 0},
    {16, 16, false, true, 31, 63, 31, 11, 5, 0},
    {16, 15, true, true, 31, 31, 31, 10, 5, 0},
    {8, 8, false, true, 7, 7, 3, 0, 3, 6},
};

static void require(int holds)
{
    if (!holds)
        abort();
}

static int decode(struct fh_decoder *d, enum fh_encoding enc, uint32_t *px, const struct fh_rect *r,
                  struct rd body, size_t piece)
{
    struct fh_framebuffer fb = {.px = px, .width = WIDTH, .height = HEIGHT, .stride_px = WIDTH};
    size_t used;
    int ret = fh_decoder_begin(d, enc, &fb, r);

    if (ret == 0)
        ret = fh_decoder_input(d, NULL, 0, &used);
    while (ret == 0 && body.left > 0) {
        const size_t n = body.left < piece ? body.left : piece;

        ret = fh_decoder_input(d, body.p, n, &used);
        require(used <= n && (ret != 0 || used == n));
        rd_skip(&body, n);
    }
    return ret;
}

static void compare(const struct fh_rect *r)
{
    for (int32_t y = r->y; y < r->y + r->h && r->w > 0; y++) {
        const size_t at = (size_t)y * WIDTH + (size_t)r->x;

        require(memcmp(&pixels[0][at], &pixels[1][at], (size_t)r->w * sizeof pixels[0][0]) == 0);
        for (int32_t x = 0; x < r->w; x++)
            require(pixels[0][at + (size_t)x] >> 24 == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fh_decoder *whole = fh_decoder_new(), *pieces = fh_decoder_new();
    struct rd in = rd_init(data, len);
    int ret = 1;

    if (whole && pieces) {
        fh_decoder_set_no_zlib(whole, true);
        fh_decoder_set_no_zlib(pieces, true);
    }
    memset(pixels, 0, sizeof pixels);
    for (int n = 0; whole && pieces && n < RECTS_MAX && ret == 1; n++) {
        const uint8_t how = rd_u8(&in);
        const enum fh_encoding enc = encodings[how & 15];
        struct fh_rect r = {.x = 0, .y = 0};
        size_t piece;
        struct rd body;

        r.w = rd_u16(&in) % (WIDTH + 2);
        r.h = rd_u16(&in) % (HEIGHT + 2);
        piece = rd_u8(&in) + 1u;
        body = rd_sub(&in, rd_u16(&in));
        if (in.bad)
            break;
        require(fh_decoder_set_format(whole, &formats[how >> 5]) == 0);
        require(fh_decoder_set_format(pieces, &formats[how >> 5]) == 0);
        ret = decode(whole, enc, pixels[0], &r, body, body.left + 1);
        require(ret == decode(pieces, enc, pixels[1], &r, body, piece));
        if (ret == 1)
            compare(&r);
    }
    fh_decoder_free(whole);
    fh_decoder_free(pieces);
    return 0;
}
