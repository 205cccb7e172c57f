/* SPDX-License-Identifier: MIT */
/*
 * `test_encoder --vectors DIR` writes DIR/raw, DIR/zrle ... instead of testing: a stream of
 * rectangles in all formats of each encoding for decode.py. A rectangle is a line of numbers
 * (encoding; the ten fields of PIXEL_FORMAT; width, height, length of the body), the body, and its
 * pixels as RGB.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <farhand/encoder.h>
#include <farhand/rfb_error.h>

#include "picture.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

static const struct fh_pixel_format formats[] = {
    {32, 24, false, true, 255, 255, 255, 16, 8, 0},
    {32, 24, true, true, 255, 255, 255, 16, 8, 0},
    {32, 24, false, true, 255, 255, 255, 24, 16, 8},
    {32, 24, true, true, 255, 255, 255, 0, 8, 24},
    {32, 30, false, true, 1023, 1023, 1023, 20, 10, 0},
    {16, 16, false, true, 31, 63, 31, 11, 5, 0},
    {16, 15, true, true, 31, 31, 31, 10, 5, 0},
    {8, 8, false, true, 7, 7, 3, 0, 3, 6},
    {8, 6, true, true, 3, 3, 3, 4, 2, 0},
    {8, 8, false, false, 0, 0, 0, 0, 0, 0},
};

static const enum fh_encoding encodings[] = {
    FH_ENC_RAW,     FH_ENC_ZRLE, FH_ENC_TIGHT, FH_ENC_TIGHT_PNG, FH_ENC_RRE,
    FH_ENC_HEXTILE, FH_ENC_ZLIB, FH_ENC_TRLE,  FH_ENC_JPEG,
};

static const struct {
    int32_t w, h;
} sizes[] = {
    {1, 1}, {1, 64}, {65, 1}, {63, 64}, {256, 256}, {2048, 32}, {4, 16384}, {1, 16384},
};

static struct fh_encoder *encoder_new(void)
{
    struct fh_encoder *e = fh_encoder_new();

    ck_assert_ptr_nonnull(e);
    return e;
}

/* Encodes all of a picture into memory of exactly the bound. The body is to be freed. */
static uint8_t *encode(struct fh_encoder *e, enum fh_encoding enc, const struct fh_framebuffer *fb,
                       int *len)
{
    const struct fh_rect r = {0, 0, fb->width, fb->height};
    const size_t room = fh_encoder_bound((size_t)fb->width * (size_t)fb->height);
    uint8_t *out = malloc(room);

    ck_assert_ptr_nonnull(out);
    *len = fh_encoder_rect(e, enc, fb, &r, out, room);
    ck_assert_int_ge(*len, enc == FH_ENC_RRE || enc == FH_ENC_JPEG ? 0 : 1);
    ck_assert_uint_le((size_t)*len, room);
    return out;
}

/* A heap block of exactly the bound: a sanitizer or valgrind sees a byte too much. */
START_TEST(no_picture_passes_the_bound_in_any_encoding_format_or_level)
{
    static const int levels[] = {9, 0, 1, 6};
    struct fh_encoder *e = encoder_new();
    struct fh_framebuffer fb = picture_new(sizes[_i].w, sizes[_i].h, 0);
    int len;

    for (int kind = 0; kind < PICTURE_COUNT; kind++) {
        picture_draw(&fb, (enum picture)kind, 0);
        for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
            fh_encoder_set_format(e, &formats[f]);
            fh_encoder_set_quality(e, (int)f - 1 < 9 ? (int)f - 1 : 9, levels[f % 4]);
            for (size_t i = 0; i < ARRAY_LEN(encodings); i++)
                free(encode(e, encodings[i], &fb, &len));
        }
    }
    free(fb.px);
    fh_encoder_free(e);
}
END_TEST

static const struct {
    const char *what;
    enum fh_encoding enc;
    struct fh_rect r; /* in 2100 x 300 */
    int room_missing;
    int want;
} arguments[] = {
    {"inside", FH_ENC_RAW, {0, 0, 2048, 32}, 0, 1},
    {"no such encoding", FH_ENC_COPY_RECT, {0, 0, 10, 10}, 0, FH_RFB_E_INVAL},
    {"a pseudo-encoding", FH_ENC_CURSOR, {0, 0, 10, 10}, 0, FH_RFB_E_INVAL},
    {"empty width", FH_ENC_RAW, {0, 0, 0, 10}, 0, FH_RFB_E_INVAL},
    {"empty height", FH_ENC_ZRLE, {0, 0, 10, 0}, 0, FH_RFB_E_INVAL},
    {"outside to the right", FH_ENC_TIGHT, {2091, 0, 10, 10}, 0, FH_RFB_E_INVAL},
    {"outside below", FH_ENC_TIGHT, {0, 291, 10, 10}, 0, FH_RFB_E_INVAL},
    {"outside to the left", FH_ENC_TIGHT, {-1, 0, 10, 10}, 0, FH_RFB_E_INVAL},
    {"wide", FH_ENC_TIGHT, {0, 0, 2049, 1}, 0, FH_RFB_E_INVAL},
    {"many pixels", FH_ENC_TIGHT, {0, 0, 257, 256}, 0, FH_RFB_E_INVAL},
    {"a byte less room than the bound", FH_ENC_RAW, {0, 0, 10, 10}, 1, FH_RFB_E_INVAL},
};

START_TEST(an_encoder_refuses_what_its_manual_excludes)
{
    const struct fh_rect *r = &arguments[_i].r;
    const size_t room = fh_encoder_bound((size_t)r->w * (size_t)r->h);
    struct fh_framebuffer fb = picture_new(2100, 300, 0);
    struct fh_encoder *e = encoder_new();
    uint8_t *out = malloc(room);
    int ret = fh_encoder_rect(e, arguments[_i].enc, &fb, r, out,
                              room - (size_t)arguments[_i].room_missing);

    if (arguments[_i].want == 1)
        ck_assert_int_eq(ret, r->w * r->h * 4);
    else
        ck_assert_msg(ret == arguments[_i].want, "%s: %d", arguments[_i].what, ret);
    free(out);
    free(fb.px);
    fh_encoder_free(e);
}
END_TEST

/* Which of Tight's ways a picture takes: its first byte, and the filter after it. */
static const struct {
    enum picture kind;
    int32_t w, h;
    int format, quality;
    uint8_t control;
} ways[] = {
    {PICTURE_SOLID, 100, 100, 0, -1, 0x80}, {PICTURE_SOLID, 1, 1, 9, 9, 0x80},
    {PICTURE_TWO, 100, 100, 0, 9, 0x50},    {PICTURE_TWO, 100, 100, 9, -1, 0x50},
    {PICTURE_TEXT, 100, 100, 0, 5, 0x60},   {PICTURE_MANY, 100, 100, 0, 5, 0x60},
    {PICTURE_FEW, 100, 100, 5, 5, 0x60},    {PICTURE_FEW, 100, 100, 9, 5, 0x00},
    {PICTURE_PHOTO, 100, 100, 0, -1, 0x00}, {PICTURE_PHOTO, 100, 100, 0, 0, 0x90},
    {PICTURE_PHOTO, 100, 100, 0, 9, 0x90},  {PICTURE_PHOTO, 100, 100, 5, 5, 0x90},
    {PICTURE_PHOTO, 100, 100, 7, 5, 0x00},  {PICTURE_PHOTO, 100, 100, 9, 5, 0x00},
    {PICTURE_PHOTO, 15, 100, 0, 5, 0x00},   {PICTURE_PHOTO, 16, 16, 0, 5, 0x90},
    {PICTURE_NOISE, 2048, 32, 0, -1, 0x00},
};

START_TEST(tight_takes_the_way_that_suits_the_picture)
{
    struct fh_framebuffer fb = picture_new(ways[_i].w, ways[_i].h, 0);
    struct fh_encoder *e = encoder_new();
    uint8_t *out;
    int len;

    picture_draw(&fb, ways[_i].kind, 0);
    fh_encoder_set_format(e, &formats[ways[_i].format]);
    fh_encoder_set_quality(e, ways[_i].quality, 6);
    out = encode(e, FH_ENC_TIGHT, &fb, &len);
    ck_assert_uint_eq(out[0], ways[_i].control);
    if (out[0] == 0x80)
        ck_assert_int_eq(len, ways[_i].format == 0 ? 4 : 2);
    free(out);
    free(fb.px);
    fh_encoder_free(e);
}
END_TEST

/* rfbproto: data of fewer than 12 bytes goes out as it is and without a length. */
START_TEST(tight_does_not_compress_fewer_than_twelve_bytes)
{
    struct fh_framebuffer fb = picture_new(3, 1, 0);
    struct fh_encoder *e = encoder_new();
    uint8_t *out;
    int len;

    for (int i = 0; i < 3; i++)
        fb.px[i] = 0x010203u * (uint32_t)(i + 1);
    out = encode(e, FH_ENC_TIGHT, &fb, &len);
    ck_assert_int_eq(len, 1 + 9);
    ck_assert_mem_eq(out, "\0\1\2\3\2\4\6\3\6\11", 10);
    free(out);
    free(fb.px);

    fb = picture_new(8, 11, 0xffffff);
    fb.px[0] = 0;
    out = encode(e, FH_ENC_TIGHT, &fb, &len);
    ck_assert_int_eq(len, 1 + 1 + 1 + 6 + 11);
    ck_assert_mem_eq(out, "\x50\1\1\0\0\0\xff\xff\xff\x7f\xff", 11);
    free(out);
    free(fb.px);

    fb = picture_new(8, 12, 0xffffff);
    fb.px[0] = 0;
    out = encode(e, FH_ENC_TIGHT, &fb, &len);
    ck_assert_int_eq(len, 9 + 1 + out[9]);
    free(out);
    free(fb.px);
    fh_encoder_free(e);
}
END_TEST

static const struct {
    enum picture kind;
    int format;
    unsigned from, to; /* subencodings of a full tile */
} subencodings[] = {
    {PICTURE_SOLID, 0, 1, 1},    {PICTURE_TWO, 0, 2, 2},   {PICTURE_FEW, 0, 5, 5},
    {PICTURE_TEXT, 0, 130, 144}, {PICTURE_THREE, 0, 3, 3}, {PICTURE_MANY, 0, 177, 188},
    {PICTURE_NOISE, 0, 0, 0},    {PICTURE_NOISE, 9, 0, 0}, {PICTURE_CHART, 0, 128, 128},
    {PICTURE_PHOTO, 5, 0, 255},
};

START_TEST(zrle_takes_the_subencoding_that_suits_the_tile)
{
    struct fh_framebuffer fb = picture_new(64, 64, 0);
    struct fh_encoder *e = encoder_new();
    uint8_t *out, tile[64 * 64 * 4 + 1];
    uLongf n = sizeof tile;
    z_stream z = {0};
    int len;

    picture_draw(&fb, subencodings[_i].kind, 0);
    fh_encoder_set_format(e, &formats[subencodings[_i].format]);
    out = encode(e, FH_ENC_ZRLE, &fb, &len);
    ck_assert_int_eq(inflateInit(&z), Z_OK);
    z.next_in = out + 4;
    z.avail_in = (uInt)len - 4;
    z.next_out = tile;
    z.avail_out = (uInt)n;
    ck_assert_int_eq(inflate(&z, Z_SYNC_FLUSH), Z_OK);
    ck_assert_uint_eq(z.avail_in, 0);
    ck_assert_uint_ge(tile[0], subencodings[_i].from);
    ck_assert_uint_le(tile[0], subencodings[_i].to);
    inflateEnd(&z);
    free(out);
    free(fb.px);
    fh_encoder_free(e);
}
END_TEST

START_TEST(a_higher_level_makes_less_from_the_next_rectangle_on)
{
    const enum fh_encoding enc = encodings[_i + 1];
    struct fh_framebuffer fb = picture_new(256, 256, 0);
    int lens[3] = {0};

    picture_draw(&fb, PICTURE_MANY, 0);
    for (int i = 0; i < 3; i++) {
        struct fh_encoder *e = encoder_new();

        fh_encoder_set_quality(e, -1, i < 2 ? 1 : 6);
        free(encode(e, enc, &fb, &lens[i]));
        picture_draw(&fb, PICTURE_MANY, 1000);
        fh_encoder_set_quality(e, -1, i < 1 ? 1 : 9);
        free(encode(e, enc, &fb, &lens[i]));
        fh_encoder_free(e);
        picture_draw(&fb, PICTURE_MANY, 0);
    }
    ck_assert_int_lt(lens[1], lens[0]);
    ck_assert_int_le(lens[2], lens[0]);
    free(fb.px);
}
END_TEST

START_TEST(a_level_can_be_changed_there_and_back)
{
    static const int levels[] = {6, 0, 6, 0, 9, 0, 6};
    const enum fh_encoding enc = encodings[_i + 1];
    struct fh_framebuffer fb = picture_new(100, 100, 0);
    struct fh_encoder *e = encoder_new();

    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        int len;

        picture_draw(&fb, PICTURE_MANY, 0);
        fh_encoder_set_quality(e, -1, levels[i]);
        free(encode(e, enc, &fb, &len));
        if (levels[i] == 0)
            ck_assert_int_gt(len, 3500); /* an index for each run at least */
        else
            ck_assert_int_lt(len, 3500);
    }
    free(fb.px);
    fh_encoder_free(e);
}
END_TEST

START_TEST(a_lower_quality_makes_a_smaller_jpeg)
{
    struct fh_framebuffer fb = picture_new(128, 128, 0);
    struct fh_encoder *e = encoder_new();
    int len, last = 0;

    picture_draw(&fb, PICTURE_PHOTO, 0);
    for (int q = 0; q <= 9; q++) {
        fh_encoder_set_quality(e, q, 6);
        free(encode(e, FH_ENC_TIGHT, &fb, &len));
        ck_assert_int_gt(len, last);
        last = len;
    }
    free(fb.px);
    fh_encoder_free(e);
}
END_TEST

static const struct {
    const char *what;
    enum fh_encoding enc;
    enum picture kind;
    int quality;
    bool is_made;
} suited[] = {
    {"rre, solid", FH_ENC_RRE, PICTURE_SOLID, -1, true},
    {"rre, two colours", FH_ENC_RRE, PICTURE_TWO, -1, true},
    {"rre, a chart", FH_ENC_RRE, PICTURE_CHART, -1, true},
    {"rre, a few at random", FH_ENC_RRE, PICTURE_FEW, -1, false},
    {"rre, a photograph", FH_ENC_RRE, PICTURE_PHOTO, -1, false},
    {"jpeg, a photograph", FH_ENC_JPEG, PICTURE_PHOTO, 5, true},
    {"jpeg, a fine one", FH_ENC_JPEG, PICTURE_PHOTO, FH_QUALITY_FINE + 50, true},
    {"jpeg, none wanted", FH_ENC_JPEG, PICTURE_PHOTO, -1, false},
    {"jpeg, text", FH_ENC_JPEG, PICTURE_TEXT, 5, false},
};

START_TEST(what_does_not_suit_an_encoding_is_not_made)
{
    struct fh_framebuffer fb = picture_new(128, 96, 0);
    struct fh_encoder *e = encoder_new();
    int len;

    picture_draw(&fb, suited[_i].kind, 0);
    fh_encoder_set_quality(e, suited[_i].quality, 6);
    free(encode(e, suited[_i].enc, &fb, &len));
    ck_assert_msg((len > 0) == suited[_i].is_made, "%s: %d", suited[_i].what, len);
    ck_assert_int_lt(len, 128 * 96 * 4);
    free(fb.px);
    fh_encoder_free(e);
}
END_TEST

START_TEST(a_fine_quality_has_its_own_hundred_steps)
{
    static const int qualities[] = {0, 1, 20, 50, 80, 95, 100};
    struct fh_framebuffer fb = picture_new(128, 128, 0);
    struct fh_encoder *e = encoder_new();
    int len, last = 0;

    picture_draw(&fb, PICTURE_PHOTO, 0);
    for (size_t i = 0; i < ARRAY_LEN(qualities); i++) {
        fh_encoder_set_quality(e, FH_QUALITY_FINE + qualities[i], 6);
        free(encode(e, FH_ENC_TIGHT, &fb, &len));
        /* TurboJPEG's least is 1. */
        ck_assert_int_ge(len, i == 1 ? last : last + 1);
        last = len;
    }
    free(fb.px);
    fh_encoder_free(e);
}
END_TEST

/* How the sampling factors of the first colour stand in SOF0, and how many colours there are. */
static const struct {
    enum fh_subsampling subsampling;
    uint8_t n_colours, factors;
} subsamplings[] = {
    {FH_SUBSAMPLING_ANY, 3, 0x22}, {FH_SUBSAMPLING_1X, 3, 0x11},   {FH_SUBSAMPLING_2X, 3, 0x21},
    {FH_SUBSAMPLING_4X, 3, 0x22},  {FH_SUBSAMPLING_GREY, 1, 0x11}, {FH_SUBSAMPLING_8X, 3, 0x22},
    {FH_SUBSAMPLING_16X, 3, 0x22},
};

START_TEST(a_jpeg_has_the_subsampling_that_was_asked_for)
{
    struct fh_framebuffer fb = picture_new(64, 64, 0);
    struct fh_encoder *e = encoder_new();
    uint8_t *jpeg;
    int len, at = 2;

    picture_draw(&fb, PICTURE_PHOTO, 0);
    fh_encoder_set_quality(e, 3, 6);
    fh_encoder_set_subsampling(e, subsamplings[_i].subsampling);
    jpeg = encode(e, FH_ENC_JPEG, &fb, &len);
    while (at + 12 < len && jpeg[at + 1] != 0xc0)
        at += 2 + (jpeg[at + 2] << 8 | jpeg[at + 3]);
    ck_assert_int_lt(at + 12, len);
    ck_assert_uint_eq(jpeg[at + 9], subsamplings[_i].n_colours);
    ck_assert_uint_eq(jpeg[at + 11], subsamplings[_i].factors);
    free(jpeg);
    free(fb.px);
    fh_encoder_free(e);
}
END_TEST

/* A row of text after another has the same few colours, so most tiles need no palette. */
START_TEST(trle_uses_a_palette_again)
{
    struct fh_framebuffer fb = picture_new(256, 16, 0);
    struct fh_encoder *e = encoder_new();
    uint8_t *out;
    int len;

    picture_draw(&fb, PICTURE_FEW, 0);
    out = encode(e, FH_ENC_TRLE, &fb, &len);
    ck_assert_uint_eq(out[0], 5);
    ck_assert_uint_eq(out[1 + 15 + 128], 127);
    ck_assert_int_eq(len, 16 * (1 + 128) + 15);
    free(out);
    free(fb.px);
    fh_encoder_free(e);
}
END_TEST

START_TEST(pixels_of_a_cursor_are_in_the_format_of_the_viewer)
{
    const uint32_t px[70] = {0xff0000, 0x00ff00, 0x0000ff, [69] = 0xffffff};
    struct fh_encoder *e = encoder_new();
    uint8_t out[4 * 70];

    ck_assert_uint_eq(fh_encoder_pixels(e, px, 70, out), 280);
    ck_assert_mem_eq(out, "\0\0\xff\0\0\xff\0\0\xff\0\0\0", 12);
    ck_assert_mem_eq(out + 276, "\xff\xff\xff", 4);
    fh_encoder_set_format(e, &formats[5]);
    ck_assert_uint_eq(fh_encoder_pixels(e, px, 70, out), 140);
    ck_assert_mem_eq(out, "\0\xf8\xe0\x07\x1f\0", 6);
    ck_assert_mem_eq(out + 138, "\xff\xff", 2);
    ck_assert_uint_eq(fh_encoder_pixels(e, px, 0, out), 0);
    fh_encoder_free(e);
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    fh_encoder_free(NULL);
}
END_TEST

static void write_rect(FILE *f, struct fh_encoder *e, enum fh_encoding enc,
                       const struct fh_pixel_format *fmt, const struct fh_framebuffer *fb)
{
    const struct fh_rect r = {0, 0, fb->width, fb->height};
    const size_t room = fh_encoder_bound((size_t)fb->width * (size_t)fb->height);
    uint8_t *out = malloc(room);
    int len;

    fh_encoder_set_format(e, fmt);
    len = out ? fh_encoder_rect(e, enc, fb, &r, out, room) : -1;
    if (len < 0)
        exit(1);
    if (len == 0) {
        free(out);
        return;
    }
    fprintf(f, "%d %d %d %d %d %d %d %d %d %d %d %d %d %d\n", (int)enc, fmt->bits_per_pixel,
            fmt->depth, fmt->big_endian, fmt->true_colour, fmt->red_max, fmt->green_max,
            fmt->blue_max, fmt->red_shift, fmt->green_shift, fmt->blue_shift, (int)fb->width,
            (int)fb->height, len);
    fwrite(out, 1, (size_t)len, f);
    for (int32_t y = 0; y < fb->height; y++) {
        for (int32_t x = 0; x < fb->width; x++) {
            const uint32_t px = fb->px[y * fb->stride_px + x];

            putc((int)(px >> 16), f);
            putc((int)(px >> 8 & 0xff), f);
            putc((int)(px & 0xff), f);
        }
    }
    free(out);
}

/* One stream of an encoding: the format and the level change from rectangle to rectangle. */
static int write_stream(const char *path, enum fh_encoding enc)
{
    static const int32_t small[][2] = {{65, 66}, {130, 31}, {1, 70}, {9, 1}, {3, 1}};
    struct fh_encoder *e = fh_encoder_new();
    FILE *f = fopen(path, "wb");
    int i = 0;

    if (!e || !f)
        return 1;
    for (int kind = 0; kind < PICTURE_COUNT; kind++) {
        for (size_t n = 0; n < ARRAY_LEN(formats); n++, i++) {
            const int32_t *size = small[(i + kind) % 5];
            struct fh_framebuffer fb = picture_new(size[0], size[1], 0);

            picture_draw(&fb, (enum picture)kind, 0);
            fh_encoder_set_quality(e, -1, i / 3 % 10);
            write_rect(f, e, enc, &formats[n], &fb);
            free(fb.px);
        }
    }
    fh_encoder_free(e);
    return ferror(f) | fclose(f);
}

static int write_vectors(const char *dir)
{
    static const char *const names[] = {"raw", "zrle",    "tight", "tight-png",
                                        "rre", "hextile", "zlib",  "trle"};
    char path[4096];

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (snprintf(path, sizeof path, "%s/%s", dir, names[i]) >= (int)sizeof path ||
            write_stream(path, encodings[i]) != 0)
            return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    TCase *tc;
    Suite *s;
    SRunner *sr;
    int failed;

    if (argc == 3 && strcmp(argv[1], "--vectors") == 0)
        return write_vectors(argv[2]);
    tc = tcase_create("encoder");
    s = suite_create("encoder");
    sr = srunner_create(s);
    tcase_add_loop_test(tc, no_picture_passes_the_bound_in_any_encoding_format_or_level, 0,
                        ARRAY_LEN(sizes));
    tcase_add_loop_test(tc, an_encoder_refuses_what_its_manual_excludes, 0, ARRAY_LEN(arguments));
    tcase_add_loop_test(tc, tight_takes_the_way_that_suits_the_picture, 0, ARRAY_LEN(ways));
    tcase_add_test(tc, tight_does_not_compress_fewer_than_twelve_bytes);
    tcase_add_loop_test(tc, zrle_takes_the_subencoding_that_suits_the_tile, 0,
                        ARRAY_LEN(subencodings));
    tcase_add_loop_test(tc, a_higher_level_makes_less_from_the_next_rectangle_on, 0, 2);
    tcase_add_loop_test(tc, a_level_can_be_changed_there_and_back, 0, 2);
    tcase_add_test(tc, a_lower_quality_makes_a_smaller_jpeg);
    tcase_add_loop_test(tc, what_does_not_suit_an_encoding_is_not_made, 0, ARRAY_LEN(suited));
    tcase_add_test(tc, a_fine_quality_has_its_own_hundred_steps);
    tcase_add_loop_test(tc, a_jpeg_has_the_subsampling_that_was_asked_for, 0,
                        ARRAY_LEN(subsamplings));
    tcase_add_test(tc, trle_uses_a_palette_again);
    tcase_add_test(tc, pixels_of_a_cursor_are_in_the_format_of_the_viewer);
    tcase_add_test(tc, freeing_nothing_is_fine);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
