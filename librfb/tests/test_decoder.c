/* SPDX-License-Identifier: MIT */
/* `test_decoder --corpus DIR` writes each row of bodies as seeds for fuzz_decoder instead of
 * testing. */
#include <check.h>

#include <farhand/rfb_error.h>

#include "bodies.h"

#define FOUR_RGB "\1\2\3\4\5\6\7\10\11\12\13\14"
#define ROW_A "\0\0\0\1\1\1\2\2\2\3\3\3"

/*
 * Rows V3 to V5, V9, V10 of bad input, and the good ones beside them. RAW, TIGHT, ZRLE in a
 * picture of 200 x 200 at (5, 6).
 */
static const struct body_row bodies[] = {
    {"raw pixel", FH_ENC_RAW, 1, 1, B("\3\2\1\xff"), PLAIN, B(""), 1},
    {"raw without width", FH_ENC_RAW, 0, 9, B(""), PLAIN, B(""), 1},
    {"raw without height", FH_ENC_RAW, 9, 0, B(""), PLAIN, B(""), 1},
    {"raw cut", FH_ENC_RAW, 2, 1, B("\3\2\1\xff\3\2\1"), PLAIN, B(""), 0},
    {"copy", FH_ENC_COPY_RECT, 10, 10, B("\0\1\0\2"), PLAIN, B(""), 1},
    {"copy onto itself", FH_ENC_COPY_RECT, 10, 10, B("\0\5\0\6"), PLAIN, B(""), 1},
    {"copy from the corner", FH_ENC_COPY_RECT, 1, 1, B("\0\xc7\0\xc7"), PLAIN, B(""), 1},
    {"copy from the right", FH_ENC_COPY_RECT, 10, 1, B("\0\xbf\0\0"), PLAIN, B(""), -1},
    {"copy from below", FH_ENC_COPY_RECT, 1, 10, B("\0\0\0\xbf"), PLAIN, B(""), -1},
    {"copy from far", FH_ENC_COPY_RECT, 1, 1, B("\xff\xff\xff\xff"), PLAIN, B(""), -1},
    {"copy nothing", FH_ENC_COPY_RECT, 0, 9, B("\0\1\0\1"), PLAIN, B(""), 1},
    {"copy cut", FH_ENC_COPY_RECT, 1, 1, B("\0\0\0"), PLAIN, B(""), 0},

    {"fill", FH_ENC_TIGHT, 100, 100, B("\x80\1\2\3"), PLAIN, B(""), 1},
    {"fill, all streams reset", FH_ENC_TIGHT, 9, 9, B("\x8f\1\2\3"), PLAIN, B(""), 1},
    {"fill of nothing", FH_ENC_TIGHT, 0, 0, B("\x80\1\2\3"), PLAIN, B(""), 1},
    {"fill with a filter", FH_ENC_TIGHT, 9, 9, B("\xc0\0\1\2\3"), PLAIN, B(""), -1},
    {"fill cut", FH_ENC_TIGHT, 9, 9, B("\x80\1\2"), PLAIN, B(""), 0},
    {"PNG or no zlib", FH_ENC_TIGHT, 9, 9, B("\xa0"), PLAIN, B(""), -1},
    {"no zlib, filter", FH_ENC_TIGHT, 9, 9, B("\xe0"), PLAIN, B(""), -1},
    {"control 0xb0", FH_ENC_TIGHT, 9, 9, B("\xb0"), PLAIN, B(""), -1},
    {"control 0xf0", FH_ENC_TIGHT, 9, 9, B("\xf0"), PLAIN, B(""), -1},
    {"short copy", FH_ENC_TIGHT, 3, 1, B("\0\1\2\3\4\5\6\7\10\11"), PLAIN, B(""), 1},
    {"short copy, named", FH_ENC_TIGHT, 1, 1, B("\x40\0\1\2\3"), PLAIN, B(""), 1},
    {"short copy, width 1", FH_ENC_TIGHT, 1, 3, B("\0\1\2\3\4\5\6\7\10\11"), PLAIN, B(""), 1},
    {"basic of nothing", FH_ENC_TIGHT, 0, 5, B("\0"), PLAIN, B(""), 1},
    {"gradient of nothing", FH_ENC_TIGHT, 0, 5, B("\x40\2"), PLAIN, B(""), 1},
    {"gradient without height", FH_ENC_TIGHT, 5, 0, B("\x40\2"), PLAIN, B(""), 1},
    {"twelve bytes", FH_ENC_TIGHT, 4, 1, B("\0"), ZLIB, B(FOUR_RGB), 1},
    {"on stream 3", FH_ENC_TIGHT, 4, 1, B("\x30"), ZLIB, B(FOUR_RGB), 1},
    {"gradient", FH_ENC_TIGHT, 4, 1, B("\x40\2"), ZLIB, B(FOUR_RGB), 1},
    {"gradient, width 1", FH_ENC_TIGHT, 1, 4, B("\x40\2"), ZLIB, B(FOUR_RGB), 1},
    {"short gradient, width 1", FH_ENC_TIGHT, 1, 1, B("\x40\2\1\2\3"), PLAIN, B(""), 1},
    {"gradient cut", FH_ENC_TIGHT, 4, 1, B("\x40\2"), ZLIB, B("\1\2\3\4"), -1},
    {"filter 3", FH_ENC_TIGHT, 4, 1, B("\x40\3"), ZLIB, B(FOUR_RGB), -1},
    {"filter 255", FH_ENC_TIGHT, 4, 1, B("\x40\xff"), ZLIB, B(FOUR_RGB), -1},
    {"palette of one", FH_ENC_TIGHT, 9, 1, B("\x40\1\0\1\2\3\0\0"), PLAIN, B(""), -1},
    {"palette of two", FH_ENC_TIGHT, 9, 1,
     B("\x40\1\1"
       "abcdef\xaa\x7f"),
     PLAIN, B(""), 1},
    {"palette of three", FH_ENC_TIGHT, 3, 1,
     B("\x40\1\2"
       "abcdefghi\0\1\2"),
     PLAIN, B(""), 1},
    {"index 3 of three", FH_ENC_TIGHT, 3, 1,
     B("\x40\1\2"
       "abcdefghi\0\3\2"),
     PLAIN, B(""), -1},
    {"index 255 of three", FH_ENC_TIGHT, 1, 1,
     B("\x40\1\2"
       "abcdefghi\xff"),
     PLAIN, B(""), -1},
    {"palette cut", FH_ENC_TIGHT, 1, 1,
     B("\x40\1\2"
       "abcdefgh"),
     PLAIN, B(""), 0},
    {"indexed", FH_ENC_TIGHT, 3, 4,
     B("\x60\1\2"
       "abcdefghi"),
     ZLIB, B("\0\1\2\0\1\2\0\1\2\0\1\2"), 1},
    {"indexed wrongly", FH_ENC_TIGHT, 3, 4,
     B("\x60\1\2"
       "abcdefghi"),
     ZLIB, B("\0\1\2\0\1\2\0\1\2\0\1\3"), -1},
    {"inflates to less", FH_ENC_TIGHT, 4, 1, B("\0"), ZLIB, B("\1\2\3\4\5\6\7\10\11\12\13"), -1},
    {"inflates to more", FH_ENC_TIGHT, 4, 1, B("\0"), ZLIB, B(FOUR_RGB "\1"), -1},
    {"inflates to much more", FH_ENC_TIGHT, 4, 1, B("\0"), BOMB, B(FOUR_RGB), -1},
    {"zlib ends", FH_ENC_TIGHT, 4, 1, B("\0"), FINISHED, B(FOUR_RGB), 1},
    {"zlib ends early", FH_ENC_TIGHT, 4, 2, B("\0"), FINISHED, B(FOUR_RGB), -1},
    {"bytes after zlib's end", FH_ENC_TIGHT, 4, 1, B("\0"), BEYOND, B(FOUR_RGB), -1},
    {"needs a dictionary", FH_ENC_TIGHT, 4, 1, B("\0"), DICT, B(FOUR_RGB), -1},
    {"zlib data cut", FH_ENC_TIGHT, 4, 1, B("\0"), CUT, B(FOUR_RGB), -1},
    {"zlib data to come", FH_ENC_TIGHT, 4, 1, B("\0"), MORE, B(FOUR_RGB), 0},
    {"length 0", FH_ENC_TIGHT, 4, 1, B("\0\0"), PLAIN, B(""), -1},
    {"length 0 in three bytes", FH_ENC_TIGHT, 4, 1, B("\0\x80\x80\0"), PLAIN, B(""), -1},
    {"length in three bytes, no data", FH_ENC_TIGHT, 4, 1, B("\0\xff\xff\xff"), PLAIN, B(""), 0},
    {"not zlib", FH_ENC_TIGHT, 4, 1, B("\0\4abcd"), PLAIN, B(""), -1},
    {"JPEG of length 0", FH_ENC_TIGHT, 4, 1, B("\x90\0"), PLAIN, B(""), -1},
    {"JPEG that is none", FH_ENC_TIGHT, 4, 1, B("\x90\4abcd"), PLAIN, B(""), -1},
    {"JPEG of nothing", FH_ENC_TIGHT, 0, 1, B("\x90\4\xff\xd8\xff\xd9"), PLAIN, B(""), -1},
    {"JPEG cut", FH_ENC_TIGHT, 4, 1, B("\x90\4abc"), PLAIN, B(""), 0},

    {"raw tile", FH_ENC_ZRLE, 2, 1, B(""), ZLIB, B("\0\1\2\3\4\5\6"), 1},
    {"raw tile cut", FH_ENC_ZRLE, 2, 1, B(""), ZLIB, B("\0\1\2\3\4\5"), -1},
    {"solid tile", FH_ENC_ZRLE, 64, 64, B(""), ZLIB, B("\1\1\2\3"), 1},
    {"four tiles", FH_ENC_ZRLE, 65, 65, B(""), ZLIB, B("\1abc\1def\1ghi\1jkl"), 1},
    {"three of four tiles", FH_ENC_ZRLE, 65, 65, B(""), ZLIB, B("\1abc\1def\1ghi"), -1},
    {"five of four tiles", FH_ENC_ZRLE, 65, 65, B(""), ZLIB, B("\1abc\1def\1ghi\1jkl\1mno"), -1},
    {"packed by 1", FH_ENC_ZRLE, 9, 2, B(""), ZLIB,
     B("\2"
       "abcdef"
       "\xaa\x80\x55\x7f"),
     1},
    {"packed by 2", FH_ENC_ZRLE, 5, 1, B(""), ZLIB,
     B("\3"
       "abcdefghi"
       "\x18\x7f"),
     1},
    {"packed by 4", FH_ENC_ZRLE, 3, 1, B(""), ZLIB,
     B("\5"
       "abcdefghijklmno"
       "\x04\x3f"),
     1},
    {"packed index 3 of three", FH_ENC_ZRLE, 4, 1, B(""), ZLIB,
     B("\3"
       "abcdefghi"
       "\x1b"),
     -1},
    {"packed index 5 of five", FH_ENC_ZRLE, 2, 1, B(""), ZLIB,
     B("\5"
       "abcdefghijklmno"
       "\x05"),
     -1},
    {"packed row cut", FH_ENC_ZRLE, 9, 2, B(""), ZLIB,
     B("\2"
       "abcdef"
       "\xaa\x80\x55"),
     -1},
    {"packed palette cut", FH_ENC_ZRLE, 9, 2, B(""), ZLIB,
     B("\2"
       "abcde"),
     -1},
    {"subencoding 17", FH_ENC_ZRLE, 2, 1, B(""), ZLIB,
     B("\x11"
       "abcabcabcabcabc"),
     -1},
    {"subencoding 127", FH_ENC_ZRLE, 2, 1, B(""), ZLIB,
     B("\x7f"
       "abcabcabcabcabc"),
     -1},
    {"subencoding 129", FH_ENC_ZRLE, 2, 1, B(""), ZLIB,
     B("\x81"
       "abcabcabcabcabc"),
     -1},
    {"plain runs", FH_ENC_ZRLE, 64, 9, B(""), ZLIB,
     B("\x80"
       "abc\xff\x40"
       "def\xff\0"),
     1},
    {"plain run past the tile", FH_ENC_ZRLE, 64, 9, B(""), ZLIB,
     B("\x80"
       "abc\xff\xff\x42"),
     -1},
    {"second run past the tile", FH_ENC_ZRLE, 2, 1, B(""), ZLIB,
     B("\x80"
       "abc\0"
       "def\1"),
     -1},
    {"endless run", FH_ENC_ZRLE, 64, 64, B(""), ZLIB,
     B("\x80"
       "abc\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
     -1},
    {"longest run", FH_ENC_ZRLE, 64, 64, B(""), ZLIB,
     B("\x80"
       "abc\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x0f"),
     1},
    {"plain run cut", FH_ENC_ZRLE, 64, 9, B(""), ZLIB,
     B("\x80"
       "abc\xff"),
     -1},
    {"palette runs", FH_ENC_ZRLE, 5, 1, B(""), ZLIB,
     B("\x82"
       "abcdef"
       "\x80\1\1\x81\1"),
     1},
    {"palette run past the tile", FH_ENC_ZRLE, 5, 1, B(""), ZLIB,
     B("\x82"
       "abcdef"
       "\x80\5"),
     -1},
    {"run index 2 of two", FH_ENC_ZRLE, 5, 1, B(""), ZLIB,
     B("\x82"
       "abcdef"
       "\x82\4"),
     -1},
    {"pixel index 127 of two", FH_ENC_ZRLE, 5, 1, B(""), ZLIB,
     B("\x82"
       "abcdef"
       "\x7f"),
     -1},
    {"palette of 127 cut", FH_ENC_ZRLE, 5, 1, B(""), ZLIB,
     B("\xff"
       "abcdef"),
     -1},
    {"bytes after the rectangle", FH_ENC_ZRLE, 2, 1, B(""), ZLIB, B("\1abc\0"), -1},
    {"many bytes after it", FH_ENC_ZRLE, 64, 64, B(""), BOMB, B("\1abc"), -1},
    {"tile from nothing", FH_ENC_ZRLE, 0, 5, B(""), ZLIB, B(""), 1},
    {"bytes for nothing", FH_ENC_ZRLE, 0, 5, B(""), ZLIB, B("\1abc"), -1},
    {"empty body for nothing", FH_ENC_ZRLE, 5, 0, B("\0\0\0\0"), PLAIN, B(""), 1},
    {"empty body", FH_ENC_ZRLE, 1, 1, B("\0\0\0\0"), PLAIN, B(""), -1},
    {"length cut", FH_ENC_ZRLE, 1, 1, B("\0\0\0"), PLAIN, B(""), 0},
    {"4 GiB to come", FH_ENC_ZRLE, 1, 1, B("\xff\xff\xff\xff\x78"), PLAIN, B(""), 0},
    {"not zlib", FH_ENC_ZRLE, 1, 1, B("\0\0\0\4abcd"), PLAIN, B(""), -1},
    {"zlib ends", FH_ENC_ZRLE, 1, 1, B(""), FINISHED, B("\1abc"), 1},
    {"zlib ends early", FH_ENC_ZRLE, 1, 1, B(""), FINISHED, B("\1ab"), -1},
    {"bytes after zlib's end", FH_ENC_ZRLE, 1, 1, B(""), BEYOND, B("\1abc"), -1},
    {"needs a dictionary", FH_ENC_ZRLE, 1, 1, B(""), DICT, B("\1abc"), -1},
    {"zlib data cut", FH_ENC_ZRLE, 9, 1, B(""), CUT, B("\0abcdefghijklmnopqrstuvwxyzA"), -1},
    {"zlib data to come", FH_ENC_ZRLE, 1, 1, B(""), MORE, B("\1abc"), 0},
};

START_TEST(a_body_is_decoded_or_refused_however_it_comes)
{
    check_pieces(&bodies[_i]);
}
END_TEST

START_TEST(a_complete_rectangle_leaves_no_pixel_out)
{
    check_cover(&bodies[_i]);
}
END_TEST

START_TEST(a_cut_body_asks_for_more)
{
    check_cuts(&bodies[_i]);
}
END_TEST

static const struct {
    const char *what; /* a row of bodies */
    uint32_t px[9];   /* its first pixels */
} by_hand[] = {
    {"raw pixel", {0x010203}},
    {"fill", {0x010203, 0x010203}},
    {"short copy", {0x010203, 0x040506, 0x070809}},
    /* Each colour is added to the one on its left. */
    {"gradient", {0x010203, 0x050709, 0x0c0f12, 0x161a1e}},
    {"palette of two",
     {0x646566, 0x616263, 0x646566, 0x616263, 0x646566, 0x616263, 0x646566, 0x616263, 0x616263}},
    {"palette of three", {0x616263, 0x646566, 0x676869}},
    {"raw tile", {0x030201, 0x060504}},
    {"solid tile", {0x030201, 0x030201}},
    {"packed by 1",
     {0x666564, 0x636261, 0x666564, 0x636261, 0x666564, 0x636261, 0x666564, 0x636261, 0x666564}},
    {"packed by 2", {0x636261, 0x666564, 0x696867, 0x636261, 0x666564}},
    {"packed by 4", {0x636261, 0x6f6e6d, 0x6c6b6a}},
    {"palette runs", {0x636261, 0x636261, 0x666564, 0x666564, 0x666564}},
};

START_TEST(pixels_are_what_the_bytes_say)
{
    uint8_t *data = malloc(ROOM);
    struct fh_framebuffer fb;
    size_t i = 0;

    while (strcmp(bodies[i].what, by_hand[_i].what) != 0)
        ck_assert_uint_lt(++i, ARRAY_LEN(bodies));
    fb = decode_row(&bodies[i], data, body_of(&bodies[i], data), 1, 0, 0xeeeeee);
    for (int32_t x = 0; x < 9 && x < bodies[i].w; x++) {
        if (by_hand[_i].px[x] != 0)
            ck_assert_uint_eq(fb.px[6 * fb.stride_px + 5 + x], by_hand[_i].px[x]);
    }
    free(fb.px);
    free(data);
}
END_TEST

/* Two rows of three pixels; each prediction is left + above - above left, from 0 to 255. */
START_TEST(a_gradient_is_predicted_from_three_neighbours)
{
    static const uint8_t plain[18] = {10, 200, 250, 20, 100, 10, 0, 0, 0,
                                      5,  6,   7,   1,  1,   1,  0, 0, 0};
    /* Row 1: sums from the left, modulo 256. Row 2: 10+5; 15+30-10+1; 36+30-30; ... */
    static const uint32_t want[6] = {0x0ac8fa, 0x1e2c04, 0x1e2c04, 0x0fce01, 0x243301, 0x243301};
    const struct fh_rect r = {0, 0, 3, 2};
    struct fh_framebuffer fb = picture_new(3, 2, 0);
    struct fh_decoder *d = decoder_new(0xa5);
    uint8_t *data = malloc(ROOM);
    size_t n, used;

    memcpy(data, "\x40\2", 2);
    n = deflated(plain, sizeof plain, 0, NULL, data + 5);
    put_compact(data + 2, n);
    ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_TIGHT, &fb, &r), 0);
    ck_assert_int_eq(feed(d, data, n + 5, 1, &used), 1);
    for (int i = 0; i < 6; i++)
        ck_assert_msg(fb.px[i / 3 * fb.stride_px + i % 3] == want[i], "%d: %06x", i,
                      (unsigned)fb.px[i / 3 * fb.stride_px + i % 3]);
    fh_decoder_free(d);
    free(data);
    free(fb.px);
}
END_TEST

static const struct {
    const char *what;
    int32_t enc;
    struct fh_rect r; /* in 100 x 50 */
    int want;
} headers[] = {
    {"all", FH_ENC_RAW, {0, 0, 100, 50}, 0},
    {"nothing at the end", FH_ENC_ZRLE, {100, 50, 0, 0}, 0},
    {"too far right", FH_ENC_RAW, {1, 0, 100, 50}, FH_RFB_E_INVAL},
    {"too far down", FH_ENC_TIGHT, {0, 1, 100, 50}, FH_RFB_E_INVAL},
    {"wide, of the area that there is", FH_ENC_ZRLE, {0, 0, 200, 25}, FH_RFB_E_INVAL},
    {"high, of the area that there is", FH_ENC_COPY_RECT, {0, 0, 50, 100}, FH_RFB_E_INVAL},
    {"65535", FH_ENC_RAW, {65535, 65535, 65535, 65535}, FH_RFB_E_INVAL},
    {"negative", FH_ENC_RAW, {-1, 0, 1, 1}, FH_RFB_E_INVAL},
    {"an encoding that we have not", 4, {0, 0, 1, 1}, FH_RFB_E_ENCODING},
    {"a pseudo-encoding", FH_ENC_CURSOR, {0, 0, 1, 1}, FH_RFB_E_ENCODING},
    {"an encoding of no list", 0x7fffffff, {0, 0, 1, 1}, FH_RFB_E_ENCODING},
};

START_TEST(a_rectangle_begins_only_inside_and_in_an_encoding_that_we_have)
{
    struct fh_framebuffer fb = picture_new(100, 50, 0);
    struct fh_decoder *d = decoder_new(0);

    ck_assert_msg(fh_decoder_begin(d, (enum fh_encoding)headers[_i].enc, &fb, &headers[_i].r) ==
                      headers[_i].want,
                  "%s", headers[_i].what);
    fh_decoder_free(d);
    free(fb.px);
}
END_TEST

START_TEST(bytes_without_a_rectangle_are_refused)
{
    struct fh_decoder *d = decoder_new(0);
    size_t used = 1;

    ck_assert_int_eq(fh_decoder_input(d, (const uint8_t *)"a", 1, &used), FH_RFB_E_STATE);
    ck_assert_uint_eq(used, 0);
    fh_decoder_free(d);
    fh_decoder_free(NULL);
}
END_TEST

/* rfbproto: a Tight rectangle is at most 2048 pixels wide; fills are joined to wider ones. */
static const struct {
    int32_t w;
    const char *body;
    size_t len;
    int want;
} widths[] = {
    {2048, B("\x80\1\2\3"), 1},
    {2049, B("\x80\1\2\3"), 1},
    {3000, B("\x80\1\2\3"), 1},
    {2048, B("\0"), 0},
    {2049, B("\0"), FH_RFB_E_LIMIT},
    {2049, B("\x40\2"), FH_RFB_E_LIMIT},
    {2049, B("\x90"), FH_RFB_E_LIMIT},
    {2048, B("\x50\1\1"), 0},
    {3000, B("\x50\1\1"), FH_RFB_E_LIMIT},
};

START_TEST(tight_is_at_most_2048_wide_but_for_fills)
{
    const struct fh_rect r = {0, 0, widths[_i].w, 1};
    struct fh_framebuffer fb = picture_new(3000, 2, 0);
    struct fh_decoder *d = decoder_new(0);
    size_t used;

    ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_TIGHT, &fb, &r), 0);
    ck_assert_int_eq(feed(d, (const uint8_t *)widths[_i].body, widths[_i].len, 1, &used),
                     widths[_i].want);
    fh_decoder_free(d);
    free(fb.px);
}
END_TEST

/* rfbproto: 7 bits, 7 bits, 8 bits. */
static const struct {
    const char *bytes;
    size_t len, want;
} lengths[] = {
    {B("\x00"), 0},
    {B("\x7f"), 127},
    {B("\x80\x01"), 128},
    {B("\xff\x7f"), 16383},
    {B("\x80\x80\x01"), 16384},
    {B("\x90\x4e"), 10000},
    {B("\x80\x80\x80"), 1 << 21},
    {B("\xff\xff\xff"), (1 << 22) - 1},
};

START_TEST(a_compact_length_has_22_bits)
{
    const struct fh_rect r = {0, 0, 4, 1};
    struct fh_framebuffer fb = picture_new(4, 1, 0);
    struct fh_decoder *d = decoder_new(0);
    uint8_t data[4] = {0x90};
    size_t used;

    memcpy(data + 1, lengths[_i].bytes, lengths[_i].len);
    ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_TIGHT, &fb, &r), 0);
    ck_assert_int_eq(feed(d, data, lengths[_i].len + 1, 1, &used),
                     lengths[_i].want == 0 ? FH_RFB_E_DATA : 0);
    ck_assert_uint_eq(d->tight.left, lengths[_i].want);
    fh_decoder_free(d);
    free(fb.px);
}
END_TEST

static const struct {
    int32_t from_x, from_y, to_x, to_y, w, h;
} copies[] = {
    {0, 0, 10, 10, 20, 20}, {10, 10, 0, 0, 20, 20}, {0, 0, 0, 1, 50, 49},
    {0, 1, 0, 0, 50, 49},   {0, 0, 1, 0, 49, 50},   {1, 0, 0, 0, 49, 50},
    {3, 3, 4, 2, 40, 40},   {49, 49, 0, 0, 1, 1},   {5, 5, 5, 5, 9, 9},
};

START_TEST(copying_over_itself_reads_before_it_writes)
{
    const struct fh_rect r = {copies[_i].to_x, copies[_i].to_y, copies[_i].w, copies[_i].h};
    const uint8_t body[4] = {0, (uint8_t)copies[_i].from_x, 0, (uint8_t)copies[_i].from_y};
    struct fh_framebuffer fb = picture_new(50, 50, 0), was = picture_new(50, 50, 0);
    struct fh_decoder *d = decoder_new(0);
    size_t used;

    picture_draw(&fb, PICTURE_NOISE, 0);
    picture_draw(&was, PICTURE_NOISE, 0);
    ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_COPY_RECT, &fb, &r), 0);
    ck_assert_int_eq(feed(d, body, 4, 1, &used), 1);
    for (int32_t y = 0; y < r.h; y++) {
        for (int32_t x = 0; x < r.w; x++)
            HOLDS(fb.px[(r.y + y) * fb.stride_px + r.x + x] ==
                  was.px[(copies[_i].from_y + y) * fb.stride_px + copies[_i].from_x + x]);
    }
    fh_decoder_free(d);
    free(fb.px);
    free(was.px);
}
END_TEST

/* V9 and V10: each body begins a zlib stream anew; only a reset of that stream allows it. */
static const struct {
    const char *what;
    enum fh_encoding enc;
    const char *first, *second; /* head before the length */
    int finish;
    int want;
} restarts[] = {
    {"tight, reset of stream 0", FH_ENC_TIGHT, "\x00", "\x01", 0, 1},
    {"tight, reset after its end", FH_ENC_TIGHT, "\x20", "\x24", 1, 1},
    {"tight, another stream", FH_ENC_TIGHT, "\x00", "\x10", 0, 1},
    {"tight, no reset", FH_ENC_TIGHT, "\x00", "\x00", 0, FH_RFB_E_DATA},
    {"tight, no reset after its end", FH_ENC_TIGHT, "\x00", "\x00", 1, FH_RFB_E_DATA},
    {"tight, reset of the wrong stream", FH_ENC_TIGHT, "\x00", "\x0e", 0, FH_RFB_E_DATA},
    {"zrle, no reset", FH_ENC_ZRLE, "", "", 0, FH_RFB_E_DATA},
    {"zrle, no reset after its end", FH_ENC_ZRLE, "", "", 1, FH_RFB_E_DATA},
};

static int decode_restart(struct fh_decoder *d, const char *head, bool is_tight, int finish)
{
    const struct fh_rect r = {0, 0, 4, 1};
    struct fh_framebuffer fb = picture_new(4, 1, 0);
    uint8_t *data = malloc(ROOM);
    size_t at = 4, used, n;
    int ret;

    n = is_tight ? deflated(FOUR_RGB, 12, finish, NULL, data + at)
                 : deflated("\0" FOUR_RGB, 13, finish, NULL, data + at);
    data[0] = is_tight ? (uint8_t)head[0] : 0;
    put_compact(data + 1, n);
    if (!is_tight) {
        data[1] = 0;
        data[2] = (uint8_t)(n >> 8);
        data[3] = (uint8_t)n;
    }
    ck_assert_int_eq(fh_decoder_begin(d, is_tight ? FH_ENC_TIGHT : FH_ENC_ZRLE, &fb, &r), 0);
    ret = feed(d, data, at + n, 1, &used);
    free(data);
    free(fb.px);
    return ret;
}

START_TEST(a_zlib_stream_begins_anew_only_after_a_reset)
{
    const bool is_tight = restarts[_i].enc == FH_ENC_TIGHT;
    struct fh_decoder *d = decoder_new(0);

    ck_assert_int_eq(decode_restart(d, restarts[_i].first, is_tight, restarts[_i].finish), 1);
    ck_assert_msg(decode_restart(d, restarts[_i].second, is_tight, restarts[_i].finish) ==
                      restarts[_i].want,
                  "%s", restarts[_i].what);
    fh_decoder_free(d);
}
END_TEST

int main(int argc, char **argv)
{
    TCase *tc;
    Suite *s;
    SRunner *sr;
    int failed;

    if (argc == 3 && strcmp(argv[1], "--corpus") == 0) {
        write_bodies(argv[2], "body", bodies, ARRAY_LEN(bodies));
        return 0;
    }
    tc = tcase_create("decoder");
    s = suite_create("decoder");
    sr = srunner_create(s);
    tcase_add_loop_test(tc, a_body_is_decoded_or_refused_however_it_comes, 0, ARRAY_LEN(bodies));
    tcase_add_loop_test(tc, a_complete_rectangle_leaves_no_pixel_out, 0, ARRAY_LEN(bodies));
    tcase_add_loop_test(tc, a_cut_body_asks_for_more, 0, ARRAY_LEN(bodies));
    tcase_add_loop_test(tc, pixels_are_what_the_bytes_say, 0, ARRAY_LEN(by_hand));
    tcase_add_test(tc, a_gradient_is_predicted_from_three_neighbours);
    tcase_add_loop_test(tc, a_rectangle_begins_only_inside_and_in_an_encoding_that_we_have, 0,
                        ARRAY_LEN(headers));
    tcase_add_test(tc, bytes_without_a_rectangle_are_refused);
    tcase_add_loop_test(tc, tight_is_at_most_2048_wide_but_for_fills, 0, ARRAY_LEN(widths));
    tcase_add_loop_test(tc, a_compact_length_has_22_bits, 0, ARRAY_LEN(lengths));
    tcase_add_loop_test(tc, copying_over_itself_reads_before_it_writes, 0, ARRAY_LEN(copies));
    tcase_add_loop_test(tc, a_zlib_stream_begins_anew_only_after_a_reset, 0, ARRAY_LEN(restarts));
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
