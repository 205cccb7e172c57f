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
static const enum fh_encoding encodings[] = {FH_ENC_RAW, FH_ENC_ZRLE, FH_ENC_TIGHT};

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

            send_rect(&p, encodings[n++ % 3], &from, &to, &r, 1000);
        }
    }
    ck_assert(is_same(&from, &to));
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
        long sum = 0;

        fh_encoder_set_quality(p.e, q, 6);
        picture_draw(&from, PICTURE_PHOTO, (uint32_t)q + 1);
        send_rect(&p, FH_ENC_TIGHT, &from, &to, &r, (size_t)(q + 2) * 100);
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
            picture_draw(&fb, (enum picture)kind, 4);
            put_seed(f, encodings[i], r.w, r.h, p.out,
                     (size_t)fh_encoder_rect(p.e, encodings[i], &fb, &r, p.out,
                                             fh_encoder_bound(FH_ENCODER_MAX_PIXELS)));
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
    tcase_add_test(tc, a_photograph_comes_back_much_alike);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
