/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "../src/framebuffer.c"
#include "../src/pixel.c"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

#define FMT(bpp, d, be, tc, rm, gm, bm, rs, gs, bs)                                                \
    {                                                                                              \
        bpp, d, be, tc, rm, gm, bm, rs, gs, bs                                                     \
    }

/* Row S1 of bad input and what must go on working. */
static const struct {
    const char *what;
    bool is_valid;
    struct fh_pixel_format f;
} formats[] = {
    {"our own", true, FMT(32, 24, 0, 1, 255, 255, 255, 16, 8, 0)},
    {"big-endian", true, FMT(32, 24, 1, 1, 255, 255, 255, 0, 8, 16)},
    {"565", true, FMT(16, 16, 0, 1, 31, 63, 31, 11, 5, 0)},
    {"555", true, FMT(16, 15, 1, 1, 31, 31, 31, 10, 5, 0)},
    {"332", true, FMT(8, 8, 0, 1, 7, 7, 3, 0, 3, 6)},
    {"222", true, FMT(8, 6, 0, 1, 3, 3, 3, 4, 2, 0)},
    {"one bit a colour", true, FMT(8, 3, 0, 1, 1, 1, 1, 2, 1, 0)},
    {"colour map", true, FMT(8, 8, 0, 0, 0, 0, 0, 0, 0, 0)},
    {"a wide colour", true, FMT(32, 32, 0, 1, 65535, 255, 255, 16, 8, 0)},
    {"ten bits", true, FMT(32, 30, 0, 1, 1023, 1023, 1023, 20, 10, 0)},
    {"0 bits", false, FMT(0, 24, 0, 1, 255, 255, 255, 16, 8, 0)},
    {"7 bits", false, FMT(7, 7, 0, 1, 3, 3, 3, 4, 2, 0)},
    {"24 bits", false, FMT(24, 24, 0, 1, 255, 255, 255, 16, 8, 0)},
    {"255 bits", false, FMT(255, 24, 0, 1, 255, 255, 255, 16, 8, 0)},
    {"depth 0", false, FMT(32, 0, 0, 1, 255, 255, 255, 16, 8, 0)},
    {"depth above bits", false, FMT(16, 24, 0, 1, 31, 63, 31, 11, 5, 0)},
    {"max 0", false, FMT(32, 24, 0, 1, 0, 255, 255, 16, 8, 0)},
    {"max not 2^n - 1", false, FMT(32, 24, 0, 1, 254, 255, 255, 16, 8, 0)},
    {"max 65535 too high up", false, FMT(32, 24, 0, 1, 65535, 255, 255, 17, 8, 0)},
    {"shift 31", false, FMT(32, 24, 0, 1, 255, 255, 255, 31, 8, 0)},
    {"shift 32", false, FMT(32, 24, 0, 1, 255, 255, 255, 16, 32, 0)},
    {"shift 255", false, FMT(32, 24, 0, 1, 255, 255, 255, 16, 8, 255)},
    {"red over green", false, FMT(32, 24, 0, 1, 255, 255, 255, 8, 8, 0)},
    {"green over blue", false, FMT(32, 24, 0, 1, 255, 511, 255, 24, 7, 0)},
    {"red over blue", false, FMT(8, 8, 0, 1, 7, 7, 3, 0, 3, 2)},
    {"outside of 8 bits", false, FMT(8, 8, 0, 1, 7, 7, 3, 0, 3, 7)},
    {"map of 16 bits", false, FMT(16, 16, 0, 0, 0, 0, 0, 0, 0, 0)},
    {"map of depth 4", false, FMT(8, 4, 0, 0, 0, 0, 0, 0, 0, 0)},
};

START_TEST(only_formats_that_can_be_served_are_valid)
{
    ck_assert_msg(fh_pixel_format_is_valid(&formats[_i].f) == formats[_i].is_valid, "%s",
                  formats[_i].what);
}
END_TEST

static const struct {
    struct fh_rect r;
    bool is_inside; /* of 100 x 50 */
} rects[] = {
    {{0, 0, 100, 50}, true},       {{99, 49, 1, 1}, true},        {{100, 50, 0, 0}, true},
    {{0, 0, 0, 0}, true},          {{0, 0, 101, 1}, false},       {{0, 0, 1, 51}, false},
    {{1, 0, 100, 1}, false},       {{0, 50, 1, 1}, false},        {{-1, 0, 2, 2}, false},
    {{0, -1, 2, 2}, false},        {{0, 0, -1, 2}, false},        {{0, 0, 2, -1}, false},
    {{25, 25, 25, 100}, false}, /* its area would fit */
    {{INT32_MAX, 0, 1, 1}, false}, {{1, 1, INT32_MAX, 1}, false}, {{0, 65535, 1, 65535}, false},
};

START_TEST(a_rectangle_is_inside_by_each_dimension)
{
    ck_assert_int_eq(fh_rect_is_inside(&rects[_i].r, 100, 50), rects[_i].is_inside);
}
END_TEST

/* One pixel 0x00RRGGBB = 0x12c4fe by hand in each format: RFC 6143 7.4, 7.7.5, rfbproto TPIXEL. */
static const struct {
    struct fh_pixel_format f;
    enum fh__pixel_kind kind;
    unsigned n;
    uint8_t bytes[4];
} pixels[] = {
    {FMT(32, 24, 0, 1, 255, 255, 255, 16, 8, 0), FH__PIXEL_FULL, 4, {0xfe, 0xc4, 0x12, 0}},
    {FMT(32, 24, 0, 1, 255, 255, 255, 16, 8, 0), FH__PIXEL_COMPACT, 3, {0xfe, 0xc4, 0x12}},
    {FMT(32, 24, 0, 1, 255, 255, 255, 16, 8, 0), FH__PIXEL_TIGHT, 3, {0x12, 0xc4, 0xfe}},
    {FMT(32, 24, 1, 1, 255, 255, 255, 16, 8, 0), FH__PIXEL_FULL, 4, {0, 0x12, 0xc4, 0xfe}},
    {FMT(32, 24, 1, 1, 255, 255, 255, 16, 8, 0), FH__PIXEL_COMPACT, 3, {0x12, 0xc4, 0xfe}},
    {FMT(32, 24, 1, 1, 255, 255, 255, 16, 8, 0), FH__PIXEL_TIGHT, 3, {0x12, 0xc4, 0xfe}},
    {FMT(32, 24, 0, 1, 255, 255, 255, 0, 8, 16), FH__PIXEL_TIGHT, 3, {0x12, 0xc4, 0xfe}},
    /* The upper three bytes. */
    {FMT(32, 24, 0, 1, 255, 255, 255, 24, 16, 8), FH__PIXEL_FULL, 4, {0, 0xfe, 0xc4, 0x12}},
    {FMT(32, 24, 0, 1, 255, 255, 255, 24, 16, 8), FH__PIXEL_COMPACT, 3, {0xfe, 0xc4, 0x12}},
    {FMT(32, 24, 1, 1, 255, 255, 255, 24, 16, 8), FH__PIXEL_COMPACT, 3, {0x12, 0xc4, 0xfe}},
    {FMT(32, 24, 1, 1, 255, 255, 255, 24, 16, 8), FH__PIXEL_TIGHT, 3, {0x12, 0xc4, 0xfe}},
    /* Neither, or deeper: four bytes. */
    {FMT(32, 24, 0, 1, 255, 255, 255, 24, 8, 0), FH__PIXEL_COMPACT, 4, {0xfe, 0xc4, 0, 0x12}},
    {FMT(32, 24, 1, 1, 255, 255, 255, 24, 8, 0), FH__PIXEL_COMPACT, 4, {0x12, 0, 0xc4, 0xfe}},
    {FMT(32, 32, 0, 1, 255, 255, 255, 16, 8, 0), FH__PIXEL_COMPACT, 4, {0xfe, 0xc4, 0x12, 0}},
    {FMT(32, 32, 0, 1, 255, 255, 255, 16, 8, 0), FH__PIXEL_TIGHT, 4, {0xfe, 0xc4, 0x12, 0}},
    /* 565: 18 * 31 / 255 = 2.19, 196 * 63 / 255 = 48.4, 254 * 31 / 255 = 30.9. */
    {FMT(16, 16, 0, 1, 31, 63, 31, 11, 5, 0), FH__PIXEL_FULL, 2, {0x1f, 0x16}},
    {FMT(16, 16, 1, 1, 31, 63, 31, 11, 5, 0), FH__PIXEL_COMPACT, 2, {0x16, 0x1f}},
    {FMT(16, 16, 1, 1, 31, 63, 31, 11, 5, 0), FH__PIXEL_TIGHT, 2, {0x16, 0x1f}},
    /* 565 in 32 bits: the colours are in two bytes, three go out; TPIXEL stays whole. */
    {FMT(32, 16, 0, 1, 31, 63, 31, 11, 5, 0), FH__PIXEL_COMPACT, 3, {0x1f, 0x16, 0}},
    {FMT(32, 16, 0, 1, 31, 63, 31, 11, 5, 0), FH__PIXEL_TIGHT, 4, {0x1f, 0x16, 0, 0}},
    /* 332 and the map: 18 * 7 / 255 = 0.49, 196 * 7 / 255 = 5.4, 254 * 3 / 255 = 2.99. */
    {FMT(8, 8, 0, 1, 7, 7, 3, 0, 3, 6), FH__PIXEL_FULL, 1, {0xe8}},
    {FMT(8, 8, 1, 0, 0, 0, 0, 0, 0, 0), FH__PIXEL_FULL, 1, {0xe8}},
    {FMT(8, 8, 0, 0, 0, 0, 0, 0, 0, 0), FH__PIXEL_COMPACT, 1, {0xe8}},
    {FMT(8, 8, 0, 0, 0, 0, 0, 0, 0, 0), FH__PIXEL_TIGHT, 1, {0xe8}},
    /* More than eight bits: 18, 196, 254 of 255 in 1023 and of 65535. */
    {FMT(32, 30, 0, 1, 1023, 1023, 1023, 20, 10, 0), FH__PIXEL_FULL, 4, {0xfb, 0x4b, 0x8c, 0x04}},
    {FMT(32, 32, 1, 1, 65535, 255, 255, 16, 8, 0), FH__PIXEL_FULL, 4, {0x12, 0x12, 0xc4, 0xfe}},
};

START_TEST(a_pixel_has_the_bytes_of_its_format)
{
    const uint32_t px = 0x12c4fe;
    struct fh__pixel_table t;
    uint32_t word;
    uint8_t out[5] = {0, 0, 0, 0, 0x5a};

    fh__pixel_table_init(&t, &pixels[_i].f, pixels[_i].kind);
    ck_assert_uint_eq(t.bytes, pixels[_i].n);
    fh__pixel_translate(&t, &px, 1, &word);
    ck_assert_ptr_eq(fh__pixel_store(&t, &word, 1, out), out + t.bytes);
    ck_assert_mem_eq(out, pixels[_i].bytes, 4);
    ck_assert_uint_eq(out[4], 0x5a);
    ck_assert_uint_eq(fh__pixel_word(&t, px | 0xff000000), word);
}
END_TEST

START_TEST(words_are_stored_over_themselves)
{
    static const unsigned rows[] = {0, 1, 15, 20};
    const uint8_t *bytes = pixels[rows[_i]].bytes;
    struct fh__pixel_table t;
    uint32_t words[100];

    fh__pixel_table_init(&t, &pixels[rows[_i]].f, pixels[rows[_i]].kind);
    for (unsigned i = 0; i < 100; i++)
        words[i] = i % 2 == 0 ? 0x12c4fe : 0;
    fh__pixel_translate(&t, words, 100, words);
    fh__pixel_store(&t, words, 100, (uint8_t *)words);
    for (unsigned i = 0; i < 100; i += 2)
        ck_assert_mem_eq((uint8_t *)words + (size_t)i * t.bytes, bytes, t.bytes);
}
END_TEST

START_TEST(the_colour_map_shows_the_colour_that_was_meant)
{
    const struct fh_pixel_format f = FMT(8, 8, 0, 0, 0, 0, 0, 0, 0, 0);
    struct fh__pixel_table t;
    uint16_t rgb[3];

    fh__pixel_table_init(&t, &f, FH__PIXEL_FULL);
    for (unsigned i = 0; i < 256; i++) {
        uint32_t px, word;
        uint8_t back;

        fh__pixel_map_entry((uint8_t)i, rgb);
        px = (uint32_t)(rgb[0] >> 8) << 16 | (uint32_t)(rgb[1] >> 8) << 8 | rgb[2] >> 8;
        word = fh__pixel_word(&t, px);
        fh__pixel_store(&t, &word, 1, &back);
        ck_assert_uint_eq(back, i);
    }
    fh__pixel_map_entry(0, rgb);
    ck_assert_uint_eq(rgb[0] | rgb[1] | rgb[2], 0);
    fh__pixel_map_entry(255, rgb);
    ck_assert_uint_eq(rgb[0] & rgb[1] & rgb[2], 65535);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("pixel");
    Suite *s = suite_create("pixel");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_loop_test(tc, only_formats_that_can_be_served_are_valid, 0, ARRAY_LEN(formats));
    tcase_add_loop_test(tc, a_rectangle_is_inside_by_each_dimension, 0, ARRAY_LEN(rects));
    tcase_add_loop_test(tc, a_pixel_has_the_bytes_of_its_format, 0, ARRAY_LEN(pixels));
    tcase_add_loop_test(tc, words_are_stored_over_themselves, 0, 4);
    tcase_add_test(tc, the_colour_map_shows_the_colour_that_was_meant);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
