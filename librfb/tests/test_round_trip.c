/* SPDX-License-Identifier: MIT */
/* `test_round_trip --corpus DIR` writes one stream of each encoding as seeds for fuzz_decoder
 * instead of testing. */
#include <check.h>

#include <farhand/encoder.h>

#include "feed.h"

static const struct {
    int32_t w, h;
} sizes[] = {
    {1, 1},   {1, 200},   {200, 1},  {7, 5},     {63, 63},   {64, 64},
    {65, 65}, {128, 129}, {2048, 3}, {2048, 32}, {3, 16384}, {16, 16},
};
static const enum fh_encoding encodings[] = {
    FH_ENC_RAW,     FH_ENC_ZRLE, FH_ENC_TIGHT, FH_ENC_RRE,
    FH_ENC_HEXTILE, FH_ENC_ZLIB, FH_ENC_TRLE,  FH_ENC_TIGHT_PNG,
};

static const struct fh_pixel_format formats[] = {
    {32, 24, false, true, 255, 255, 255, 16, 8, 0},
    {32, 24, true, true, 255, 255, 255, 16, 8, 0},
    {32, 24, false, true, 255, 255, 255, 0, 8, 16},
    {32, 24, true, true, 255, 255, 255, 0, 8, 16},
    {32, 24, false, true, 255, 255, 255, 24, 16, 8},
    {32, 24, true, true, 255, 255, 255, 24, 16, 8},
    {32, 24, false, true, 255, 255, 255, 8, 16, 24},
    {32, 24, false, true, 255, 255, 255, 23, 12, 1}, /* colours that begin anywhere */
    {32, 24, true, true, 255, 255, 255, 0, 8, 24},
    {32, 32, false, true, 255, 255, 255, 16, 8, 0},
    {32, 30, false, true, 1023, 1023, 1023, 20, 10, 0},
    {32, 30, true, true, 1023, 1023, 1023, 0, 10, 20},
    {32, 32, false, true, 2047, 2047, 1023, 21, 10, 0},
    {32, 16, false, true, 31, 63, 31, 11, 5, 0},
    {32, 8, true, true, 7, 7, 3, 29, 26, 24},
    {16, 16, false, true, 31, 63, 31, 11, 5, 0},
    {16, 16, true, true, 31, 63, 31, 11, 5, 0},
    {16, 16, false, true, 31, 63, 31, 0, 5, 11},
    {16, 15, false, true, 31, 31, 31, 10, 5, 0},
    {16, 15, true, true, 31, 31, 31, 1, 6, 11},
    {16, 12, false, true, 15, 15, 15, 8, 4, 0},
    {16, 8, true, true, 7, 7, 3, 0, 3, 6},
    {8, 8, false, true, 7, 7, 3, 0, 3, 6},
    {8, 8, true, true, 7, 7, 3, 5, 2, 0},
    {8, 6, false, true, 3, 3, 3, 4, 2, 0},
    {8, 3, true, true, 1, 1, 1, 2, 1, 0},
};

/* One encoder and one decoder for one connection. */
struct pair {
    struct fh_encoder *e;
    struct fh_decoder *d;
    uint8_t *out;
};

static struct pair pair_new(void)
{
    struct pair p = {fh_encoder_new(), decoder_new(0xa5),
                     malloc(fh_encoder_bound(FH_ENCODER_MAX_PIXELS))};

    HOLDS(p.e && p.out);
    return p;
}

static void pair_free(struct pair *p)
{
    fh_encoder_free(p->e);
    fh_decoder_free(p->d);
    free(p->out);
}

/* Encodes and decodes r of `from` into `to`; the bytes after it are not touched. */
static void send_rect(struct pair *p, enum fh_encoding enc, const struct fh_framebuffer *from,
                      struct fh_framebuffer *to, const struct fh_rect *r, size_t piece)
{
    const size_t room = fh_encoder_bound((size_t)r->w * (size_t)r->h);
    int len = fh_encoder_rect(p->e, enc, from, r, p->out, room);
    size_t used;

    if (len == 0 && enc == FH_ENC_RRE) {
        enc = FH_ENC_RAW;
        len = fh_encoder_rect(p->e, enc, from, r, p->out, room);
    }
    ck_assert_int_gt(len, 0);
    ck_assert_int_eq(fh_decoder_begin(p->d, enc, to, r), 0);
    ck_assert_int_eq(feed(p->d, p->out, (size_t)len, piece, &used), 1);
    ck_assert_int_eq((int)used, len);
}

/* All pictures in all encodings at changing levels on one connection. */
static void round_trip(int32_t w, int32_t h, size_t piece, int pictures)
{
    const struct fh_rect r = {0, 0, w, h};
    struct fh_framebuffer from = picture_new(w, h, 0x7f7f7f);
    struct pair p = pair_new();

    for (int kind = 0; kind < pictures; kind++) {
        struct fh_framebuffer to = picture_new(w, h, 0x7f7f7f);

        picture_draw(&from, (enum picture)(kind % PICTURE_COUNT), (uint32_t)kind);
        fh_encoder_set_quality(p.e, -1, kind % 10);
        for (size_t i = 0; i < ARRAY_LEN(encodings); i++) {
            send_rect(&p, encodings[i], &from, &to, &r, piece);
            ck_assert(is_same(&from, &to));
            picture_draw(&to, PICTURE_NOISE, 99);
        }
        free(to.px);
    }
    pair_free(&p);
    free(from.px);
}

START_TEST(every_picture_comes_back_whole)
{
    round_trip(sizes[_i].w, sizes[_i].h, ROOM, 3 * PICTURE_COUNT);
}
END_TEST

START_TEST(every_picture_comes_back_byte_by_byte)
{
    round_trip(sizes[_i].w, sizes[_i].h, 1, PICTURE_COUNT);
}
END_TEST

START_TEST(a_picture_is_made_of_rectangles_in_any_encoding)
{
    struct fh_framebuffer from = picture_new(300, 200, 0), to = picture_new(300, 200, 0);
    struct pair p = pair_new();
    int n = 0;

    for (int32_t i = 0; i < 600; i++)
        from.px[i % 200 * from.stride_px + 300 + i / 200] = 0;
    picture_draw(&from, PICTURE_TEXT, 3);
    for (int32_t y = 0; y < 200; y += 50) {
        for (int32_t x = 0; x < 300; x += 75) {
            const struct fh_rect r = {x, y, 75, 50};

            send_rect(&p, encodings[n++ % (int)ARRAY_LEN(encodings)], &from, &to, &r, 1000);
        }
    }
    ck_assert(is_same(&from, &to));
    pair_free(&p);
    free(from.px);
    free(to.px);
}
END_TEST

/* A colour of 0 to 255 after it was one of 0 to max, to the nearest both times. */
static uint32_t through(uint32_t v, uint32_t max)
{
    const uint32_t there = (2 * v * max + 255) / 510;

    return (2 * there * 255 + max) / (2 * max);
}

static uint32_t pixel_through(const struct fh_pixel_format *f, uint32_t px)
{
    return through(px >> 16, f->red_max) << 16 | through(px >> 8 & 255, f->green_max) << 8 |
           through(px & 255, f->blue_max);
}

static void must_be_through(const struct fh_pixel_format *f, bool is_exact,
                            const struct fh_framebuffer *from, const struct fh_framebuffer *to)
{
    for (int32_t y = 0; y < from->height; y++)
        for (int32_t x = 0; x < from->width; x++) {
            const uint32_t px = from->px[y * from->stride_px + x];

            HOLDS(to->px[y * to->stride_px + x] == (is_exact ? px : pixel_through(f, px)));
        }
}

/* On one connection, as a viewer may ask for another format at any time. */
START_TEST(every_format_brings_the_colours_that_it_has)
{
    const enum fh_encoding enc = encodings[_i];
    struct fh_framebuffer from = picture_new(70, 35, 0), to = picture_new(70, 35, 0);
    const struct fh_rect r = {0, 0, 70, 35};
    struct pair p = pair_new();

    for (size_t f = 0; f < ARRAY_LEN(formats); f++)
        for (int kind = 0; kind < PICTURE_COUNT; kind++) {
            /* A PNG has all colours whatever the format; a fill beside it has not. */
            const bool is_exact = enc == FH_ENC_TIGHT_PNG && kind != PICTURE_SOLID;

            picture_draw(&from, (enum picture)kind, (uint32_t)f);
            picture_draw(&to, PICTURE_NOISE, 1);
            fh_encoder_set_format(p.e, &formats[f]);
            ck_assert_int_eq(fh_decoder_set_format(p.d, &formats[f]), 0);
            send_rect(&p, enc, &from, &to, &r, kind % 2 ? 5 : ROOM);
            must_be_through(&formats[f], is_exact, &from, &to);
        }
    pair_free(&p);
    free(from.px);
    free(to.px);
}
END_TEST

START_TEST(a_decoder_refuses_a_format_that_it_cannot_read)
{
    static const struct fh_pixel_format map = {8, 8, false, false, 0, 0, 0, 0, 0, 0};
    static const struct fh_pixel_format bad = {24, 24, false, true, 255, 255, 255, 16, 8, 0};
    const struct fh_rect r = {0, 0, 1, 1};
    struct fh_framebuffer fb = picture_new(1, 1, 0);
    struct fh_decoder *d = decoder_new(0);

    ck_assert_int_eq(fh_decoder_set_format(d, &map), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_decoder_set_format(d, &bad), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_RAW, &fb, &r), 0);
    ck_assert_int_eq(fh_decoder_set_format(d, &formats[0]), FH_RFB_E_STATE);
    fh_decoder_free(d);
    free(fb.px);
}
END_TEST

/* Level 0 takes it, and the streams go on where they were with the levels after. */
START_TEST(tight_goes_without_zlib_where_that_was_agreed_on)
{
    struct fh_framebuffer from = picture_new(33, 17, 0), to = picture_new(33, 17, 0);
    const struct fh_rect r = {0, 0, 33, 17};
    struct pair p = pair_new();

    fh_encoder_set_no_zlib(p.e, true);
    fh_decoder_set_no_zlib(p.d, true);
    for (int i = 0; i < 3 * PICTURE_COUNT; i++) {
        const int level = i / PICTURE_COUNT == 1 ? 0 : 6;

        picture_draw(&from, (enum picture)(i % PICTURE_COUNT), 0);
        picture_draw(&to, PICTURE_NOISE, 1);
        fh_encoder_set_quality(p.e, -1, level);
        send_rect(&p, FH_ENC_TIGHT, &from, &to, &r, 1);
        must_be_through(&formats[0], true, &from, &to);
        ck_assert_int_eq(p.out[0] >> 4 > 9, level == 0 && i % PICTURE_COUNT != PICTURE_SOLID);
    }
    pair_free(&p);
    free(from.px);
    free(to.px);
}
END_TEST

/* JPEG between: what comes back is near, and lossless rectangles stay exact. */
START_TEST(a_photograph_comes_back_much_alike)
{
    const struct fh_rect r = {0, 0, 200, 150};
    struct fh_framebuffer from = picture_new(200, 150, 0);
    struct pair p = pair_new();

    for (int q = -1; q <= 9; q++) {
        struct fh_framebuffer to = picture_new(200, 150, 0);
        const enum fh_encoding enc = q < 0        ? FH_ENC_TIGHT
                                     : q % 3 == 0 ? FH_ENC_JPEG
                                     : q % 3 == 1 ? FH_ENC_TIGHT_PNG
                                                  : FH_ENC_TIGHT;
        long sum = 0;

        fh_encoder_set_quality(p.e, q, 6);
        picture_draw(&from, PICTURE_PHOTO, (uint32_t)q + 1);
        send_rect(&p, enc, &from, &to, &r, (size_t)(q + 2) * 100);
        for (int32_t i = 0; i < 200 * 150; i++)
            sum +=
                picture_distance(from.px[i / 200 * 203 + i % 200], to.px[i / 200 * 203 + i % 200]);
        if (q < 0)
            ck_assert_int_eq((int)sum, 0);
        else
            ck_assert_int_lt((int)(sum / (200 * 150)), q < 5 ? 40 : 20);
        picture_draw(&from, PICTURE_MANY, 0);
        send_rect(&p, FH_ENC_TIGHT, &from, &to, &r, ROOM);
        ck_assert(memcmp(from.px, to.px, 200 * sizeof *to.px) == 0);
        free(to.px);
    }
    pair_free(&p);
    free(from.px);
}
END_TEST

static void write_streams(const char *dir)
{
    for (int i = 0; i < (int)ARRAY_LEN(encodings); i++) {
        struct fh_framebuffer fb = picture_new(67, 3, 0);
        const struct fh_rect r = {0, 0, fb.width, fb.height};
        struct pair p = pair_new();
        FILE *f = open_seed(dir, "stream", i);

        for (int kind = 0; kind < PICTURE_COUNT; kind++) {
            int len;

            picture_draw(&fb, (enum picture)kind, 4);
            len = fh_encoder_rect(p.e, encodings[i], &fb, &r, p.out,
                                  fh_encoder_bound(FH_ENCODER_MAX_PIXELS));
            if (len > 0)
                put_seed(f, encodings[i], r.w, r.h, p.out, (size_t)len);
        }
        fclose(f);
        pair_free(&p);
        free(fb.px);
    }
}

int main(int argc, char **argv)
{
    TCase *tc;
    Suite *s;
    SRunner *sr;
    int failed;

    if (argc == 3 && strcmp(argv[1], "--corpus") == 0) {
        write_streams(argv[2]);
        return 0;
    }
    tc = tcase_create("round trip");
    s = suite_create("round trip");
    sr = srunner_create(s);
    tcase_add_loop_test(tc, every_picture_comes_back_whole, 0, ARRAY_LEN(sizes));
    tcase_add_loop_test(tc, every_picture_comes_back_byte_by_byte, 0, ARRAY_LEN(sizes));
    tcase_add_test(tc, a_picture_is_made_of_rectangles_in_any_encoding);
    tcase_add_loop_test(tc, every_format_brings_the_colours_that_it_has, 0, ARRAY_LEN(encodings));
    tcase_add_test(tc, a_decoder_refuses_a_format_that_it_cannot_read);
    tcase_add_test(tc, tight_goes_without_zlib_where_that_was_agreed_on);
    tcase_add_test(tc, a_photograph_comes_back_much_alike);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
