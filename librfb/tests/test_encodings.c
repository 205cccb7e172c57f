/* SPDX-License-Identifier: MIT */
/*
 * Encodings of older and of browsers' peers. `test_encodings --corpus DIR` writes each row of
 * bodies as seeds for fuzz_decoder instead of testing.
 */
#include <check.h>
#include <turbojpeg.h>

#include <farhand/encoder.h>

#include "bodies.h"
#include "jpeg.h"

#define FOUR "\3\2\1\0\6\5\4\0\11\10\7\0\14\13\12\0"
#define TRLE_PALETTE "\2abcdef"

/* Rows V6 to V10 of bad input, and the good ones beside them. */
static const struct body_row bodies[] = {
    {"rre, no subrectangles", FH_ENC_RRE, 9, 9, B("\0\0\0\0\3\2\1\0"), PLAIN, B(""), 1},
    {"rre, of nothing", FH_ENC_RRE, 0, 9, B("\0\0\0\0\3\2\1\0"), PLAIN, B(""), 1},
    {"rre, one in the corner", FH_ENC_RRE, 9, 9, B("\0\0\0\1\3\2\1\0\6\5\4\0\0\7\0\6\0\2\0\3"),
     PLAIN, B(""), 1},
    {"rre, an empty one", FH_ENC_RRE, 9, 9, B("\0\0\0\1\3\2\1\0\6\5\4\0\0\7\0\6\0\0\0\3"), PLAIN,
     B(""), 1},
    {"rre, too far right", FH_ENC_RRE, 9, 9, B("\0\0\0\1\3\2\1\0\6\5\4\0\0\10\0\6\0\2\0\3"), PLAIN,
     B(""), -1},
    {"rre, too far down", FH_ENC_RRE, 9, 9, B("\0\0\0\1\3\2\1\0\6\5\4\0\0\7\0\7\0\2\0\3"), PLAIN,
     B(""), -1},
    {"rre, 65535", FH_ENC_RRE, 9, 9, B("\0\0\0\1\3\2\1\0\6\5\4\0\xff\xff\xff\xff\xff\xff\xff\xff"),
     PLAIN, B(""), -1},
    {"rre, one to come", FH_ENC_RRE, 9, 9, B("\0\0\0\1\3\2\1\0\6\5\4\0\0\7\0\6\0\2\0"), PLAIN,
     B(""), 0},
    {"rre, one for each pixel", FH_ENC_RRE, 9, 9, B("\0\0\0\x51\3\2\1\0"), PLAIN, B(""), 0},
    {"rre, more than pixels", FH_ENC_RRE, 9, 9, B("\0\0\0\x52\3\2\1\0"), PLAIN, B(""), -1},
    {"rre, 4 G", FH_ENC_RRE, 9, 9, B("\xff\xff\xff\xff\3\2\1\0"), PLAIN, B(""), -1},
    {"rre, 4 G in bytes", FH_ENC_RRE, 9, 9, B("\x20\0\0\1\3\2\1\0"), PLAIN, B(""), -1},
    {"rre, head cut", FH_ENC_RRE, 9, 9, B("\0\0\0\0\3\2\1"), PLAIN, B(""), 0},

    {"hextile, raw", FH_ENC_HEXTILE, 4, 1, B("\1" FOUR), PLAIN, B(""), 1},
    {"hextile, raw and all bits", FH_ENC_HEXTILE, 4, 1, B("\x1f" FOUR), PLAIN, B(""), 1},
    {"hextile, raw of 1 x 1", FH_ENC_HEXTILE, 1, 1, B("\1\3\2\1\0"), PLAIN, B(""), 1},
    {"hextile, raw cut", FH_ENC_HEXTILE, 4, 1, B("\1\3\2\1\0\6\5\4\0\11\10\7\0\14\13\12"), PLAIN,
     B(""), 0},
    {"hextile, of nothing", FH_ENC_HEXTILE, 0, 9, B(""), PLAIN, B(""), 1},
    {"hextile, of no height", FH_ENC_HEXTILE, 9, 0, B(""), PLAIN, B(""), 1},
    {"hextile, background", FH_ENC_HEXTILE, 16, 16, B("\2\3\2\1\0"), PLAIN, B(""), 1},
    {"hextile, four tiles of one", FH_ENC_HEXTILE, 17, 17, B("\2\3\2\1\0\0\0\0"), PLAIN, B(""), 1},
    {"hextile, no background", FH_ENC_HEXTILE, 16, 16, B("\0"), PLAIN, B(""), 1},
    {"hextile, no foreground", FH_ENC_HEXTILE, 16, 16, B("\12\3\2\1\0\1\0\0"), PLAIN, B(""), 1},
    {"hextile, one subrectangle", FH_ENC_HEXTILE, 16, 16, B("\16\3\2\1\0\6\5\4\0\1\x21\x10"), PLAIN,
     B(""), 1},
    {"hextile, none of any", FH_ENC_HEXTILE, 16, 16, B("\12\3\2\1\0\0"), PLAIN, B(""), 1},
    {"hextile, coloured", FH_ENC_HEXTILE, 16, 16, B("\32\3\2\1\0\2\6\5\4\0\0\0\11\10\7\0\xff\0"),
     PLAIN, B(""), 1},
    {"hextile, a whole tile", FH_ENC_HEXTILE, 16, 16, B("\16\3\2\1\0\6\5\4\0\1\0\xff"), PLAIN,
     B(""), 1},
    {"hextile, past the tile", FH_ENC_HEXTILE, 16, 16, B("\16\3\2\1\0\6\5\4\0\1\x10\xff"), PLAIN,
     B(""), -1},
    {"hextile, past a small tile", FH_ENC_HEXTILE, 17, 9, B("\2\3\2\1\0\14\6\5\4\0\1\0\x10"), PLAIN,
     B(""), -1},
    {"hextile, beside a small tile", FH_ENC_HEXTILE, 17, 9, B("\2\3\2\1\0\14\6\5\4\0\1\x10\0"),
     PLAIN, B(""), -1},
    {"hextile, bit 5", FH_ENC_HEXTILE, 16, 16, B("\x22\3\2\1\0"), PLAIN, B(""), -1},
    {"hextile, bit 7", FH_ENC_HEXTILE, 16, 16, B("\x80"), PLAIN, B(""), -1},
    {"hextile, head cut", FH_ENC_HEXTILE, 16, 16, B("\16\3\2\1\0\6\5\4\0"), PLAIN, B(""), 0},
    {"hextile, tile to come", FH_ENC_HEXTILE, 17, 16, B("\2\3\2\1\0"), PLAIN, B(""), 0},

    {"zlib", FH_ENC_ZLIB, 4, 1, B(""), ZLIB, B(FOUR), 1},
    {"zlib of nothing", FH_ENC_ZLIB, 0, 1, B(""), ZLIB, B(""), 1},
    {"zlib, empty body for nothing", FH_ENC_ZLIB, 1, 0, B("\0\0\0\0"), PLAIN, B(""), 1},
    {"zlib, empty body", FH_ENC_ZLIB, 1, 1, B("\0\0\0\0"), PLAIN, B(""), -1},
    {"zlib, bytes for nothing", FH_ENC_ZLIB, 0, 1, B(""), ZLIB, B("abcd"), -1},
    {"zlib inflates to less", FH_ENC_ZLIB, 4, 1, B(""), ZLIB, B("\3\2\1\0\6\5\4\0\11\10\7"), -1},
    {"zlib inflates to more", FH_ENC_ZLIB, 4, 1, B(""), ZLIB, B(FOUR "\1"), -1},
    {"zlib inflates to much more", FH_ENC_ZLIB, 4, 1, B(""), BOMB, B(FOUR), -1},
    {"zlib ends", FH_ENC_ZLIB, 4, 1, B(""), FINISHED, B(FOUR), 1},
    {"zlib ends early", FH_ENC_ZLIB, 4, 2, B(""), FINISHED, B(FOUR), -1},
    {"zlib, bytes after its end", FH_ENC_ZLIB, 4, 1, B(""), BEYOND, B(FOUR), -1},
    {"zlib needs a dictionary", FH_ENC_ZLIB, 4, 1, B(""), DICT, B(FOUR), -1},
    {"zlib cut", FH_ENC_ZLIB, 4, 1, B(""), CUT, B(FOUR), -1},
    {"zlib to come", FH_ENC_ZLIB, 4, 1, B(""), MORE, B(FOUR), 0},
    {"zlib, 4 GiB to come", FH_ENC_ZLIB, 1, 1, B("\xff\xff\xff\xff\x78"), PLAIN, B(""), 0},
    {"zlib that is none", FH_ENC_ZLIB, 1, 1, B("\0\0\0\4abcd"), PLAIN, B(""), -1},

    {"trle, raw", FH_ENC_TRLE, 2, 1, B("\0abcdef"), PLAIN, B(""), 1},
    {"trle, of nothing", FH_ENC_TRLE, 0, 9, B(""), PLAIN, B(""), 1},
    {"trle, solid", FH_ENC_TRLE, 16, 16, B("\1abc"), PLAIN, B(""), 1},
    {"trle, four tiles", FH_ENC_TRLE, 17, 17, B("\1abc\1def\1ghi\1jkl"), PLAIN, B(""), 1},
    {"trle, three of four tiles", FH_ENC_TRLE, 17, 17, B("\1abc\1def\1ghi"), PLAIN, B(""), 0},
    {"trle, packed", FH_ENC_TRLE, 9, 2, B(TRLE_PALETTE "\xaa\x80\x55\x7f"), PLAIN, B(""), 1},
    {"trle, packed again", FH_ENC_TRLE, 17, 1, B(TRLE_PALETTE "\xaa\x80\x7f\x80"), PLAIN, B(""), 1},
    {"trle, runs of the packed", FH_ENC_TRLE, 17, 1, B(TRLE_PALETTE "\xaa\x80\x81\1"), PLAIN, B(""),
     1},
    {"trle, packed of the runs", FH_ENC_TRLE, 17, 1,
     B("\x82"
       "abcdef\x80\17\x7f\0"),
     PLAIN, B(""), 1},
    {"trle, a solid again", FH_ENC_TRLE, 17, 1, B("\1abc\x7f"), PLAIN, B(""), 1},
    {"trle, packed beyond a raw tile", FH_ENC_TRLE, 33, 1,
     B(TRLE_PALETTE "\xaa\x80\0"
                    "0123456789abcdef0123456789abcdef0123456789abcdef\x7f\x80"),
     PLAIN, B(""), 1},
    {"trle, nothing to pack again", FH_ENC_TRLE, 17, 1, B("\x7f\x80"), PLAIN, B(""), -1},
    {"trle, no runs before", FH_ENC_TRLE, 17, 1, B("\x81\1"), PLAIN, B(""), -1},
    {"trle, too many to pack again", FH_ENC_TRLE, 17, 1,
     B("\x91"
       "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc\x80\17\x7f"),
     PLAIN, B(""), -1},
    {"trle, again an index too high", FH_ENC_TRLE, 20, 1,
     B("\3"
       "abcdefghi\0\0\0\0\x7f\xff"),
     PLAIN, B(""), -1},
    {"trle, subencoding 17", FH_ENC_TRLE, 2, 1, B("\x11"), PLAIN, B(""), -1},
    {"trle, subencoding 126", FH_ENC_TRLE, 2, 1, B("\x7e"), PLAIN, B(""), -1},
    {"trle, plain run", FH_ENC_TRLE, 16, 16,
     B("\x80"
       "abc\xff\0"),
     PLAIN, B(""), 1},
    {"trle, plain run past the tile", FH_ENC_TRLE, 16, 16,
     B("\x80"
       "abc\xff\1"),
     PLAIN, B(""), -1},
    {"trle, run cut", FH_ENC_TRLE, 16, 16,
     B("\x80"
       "abc\xff"),
     PLAIN, B(""), 0},

    {"no zlib", FH_ENC_TIGHT, 4, 1, B("\xa0\14abcdefghijkl"), AGREED, B(""), 1},
    {"no zlib, short", FH_ENC_TIGHT, 3, 1,
     B("\xa0"
       "abcdefghi"),
     AGREED, B(""), 1},
    {"no zlib, all streams reset", FH_ENC_TIGHT, 4, 1, B("\xaf\14abcdefghijkl"), AGREED, B(""), 1},
    {"no zlib, gradient", FH_ENC_TIGHT, 4, 1, B("\xe0\2\14abcdefghijkl"), AGREED, B(""), 1},
    {"no zlib, palette", FH_ENC_TIGHT, 4, 3,
     B("\xe0\1\2"
       "abcdefghi\14\0\1\2\0\1\2\0\1\2\0\1\2"),
     AGREED, B(""), 1},
    {"no zlib, index too high", FH_ENC_TIGHT, 4, 3,
     B("\xe0\1\2"
       "abcdefghi\14\0\1\2\0\1\2\0\1\2\0\1\3"),
     AGREED, B(""), -1},
    {"no zlib, two colours", FH_ENC_TIGHT, 9, 6,
     B("\xe0\1\1"
       "abcdef\14\xaa\0\xaa\0\xaa\0\xaa\0\xaa\0\xaa\0"),
     AGREED, B(""), 1},
    {"no zlib, of nothing", FH_ENC_TIGHT, 0, 9, B("\xa0"), AGREED, B(""), 1},
    {"no zlib, a byte less", FH_ENC_TIGHT, 4, 1, B("\xa0\13abcdefghijk"), AGREED, B(""), -1},
    {"no zlib, a byte more", FH_ENC_TIGHT, 4, 1, B("\xa0\15abcdefghijklm"), AGREED, B(""), -1},
    {"no zlib, cut", FH_ENC_TIGHT, 4, 1, B("\xa0\14abcdefghijk"), AGREED, B(""), 0},
    {"no zlib that was not agreed on", FH_ENC_TIGHT, 4, 1, B("\xa0\14abcdefghijkl"), PLAIN, B(""),
     -1},
    {"no zlib, control 0xb0", FH_ENC_TIGHT, 9, 9, B("\xb0"), AGREED, B(""), -1},
    {"no zlib, control 0xf0", FH_ENC_TIGHT, 9, 9, B("\xf0"), AGREED, B(""), -1},

    {"png fill", FH_ENC_TIGHT_PNG, 9, 9, B("\x80\1\2\3"), PLAIN, B(""), 1},
    {"png, basic compression", FH_ENC_TIGHT_PNG, 9, 9, B("\0"), PLAIN, B(""), -1},
    {"png, with a filter", FH_ENC_TIGHT_PNG, 9, 9, B("\xe0"), AGREED, B(""), -1},
    {"png that is none", FH_ENC_TIGHT_PNG, 1, 1, B("\xa0\4abcd"), PLAIN, B(""), -1},
    {"png, of length 0", FH_ENC_TIGHT_PNG, 1, 1, B("\xa0\0"), PLAIN, B(""), -1},
    {"png cut", FH_ENC_TIGHT_PNG, 1, 1, B("\xa0\4abc"), PLAIN, B(""), 0},

    {"jpeg that is none", FH_ENC_JPEG, 9, 9, B("abcd"), PLAIN, B(""), -1},
    {"jpeg of nothing", FH_ENC_JPEG, 9, 9, B("\xff\xd8\xff\xd9"), PLAIN, B(""), -1},
    {"jpeg, a marker that is none", FH_ENC_JPEG, 9, 9, B("\xff\xd8\0"), PLAIN, B(""), -1},
    {"jpeg, marker 0", FH_ENC_JPEG, 9, 9, B("\xff\xd8\xff\0"), PLAIN, B(""), -1},
    {"jpeg, a restart before the scan", FH_ENC_JPEG, 9, 9, B("\xff\xd8\xff\xd0"), PLAIN, B(""), -1},
    {"jpeg, a segment of length 1", FH_ENC_JPEG, 9, 9, B("\xff\xd8\xff\xe0\0\1"), PLAIN, B(""), -1},
    {"jpeg, a segment to come", FH_ENC_JPEG, 9, 9, B("\xff\xd8\xff\xe0\0\4a"), PLAIN, B(""), 0},
    {"jpeg without an end", FH_ENC_JPEG, 9, 9, B("\xff\xd8\xff\xda\0\2\xff\0\xff\xd7\xff\xff"),
     PLAIN, B(""), 0},
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
    int32_t x, y;
    uint32_t px;
} by_hand[] = {
    {"rre, one in the corner", 6, 6, 0x010203},
    {"rre, one in the corner", 7, 6, 0x040506},
    {"rre, one in the corner", 8, 8, 0x040506},
    {"rre, one in the corner", 7, 5, 0x010203},
    {"hextile, raw", 3, 0, 0x0a0b0c},
    {"hextile, four tiles of one", 16, 16, 0x010203},
    {"hextile, no background", 15, 15, 0},
    {"hextile, no foreground", 0, 0, 0},
    {"hextile, no foreground", 1, 0, 0x010203},
    {"hextile, one subrectangle", 1, 1, 0x010203},
    {"hextile, one subrectangle", 2, 1, 0x040506},
    {"hextile, one subrectangle", 3, 1, 0x040506},
    {"hextile, one subrectangle", 2, 2, 0x010203},
    {"hextile, coloured", 0, 0, 0x040506},
    {"hextile, coloured", 15, 15, 0x070809},
    {"zlib", 2, 0, 0x070809},
    {"trle, raw", 1, 0, 0x666564},
    {"trle, packed", 0, 0, 0x666564},
    {"trle, packed again", 16, 0, 0x666564},
    {"trle, runs of the packed", 16, 0, 0x666564},
    {"trle, packed of the runs", 16, 0, 0x636261},
    {"trle, a solid again", 16, 0, 0x636261},
    {"trle, packed beyond a raw tile", 32, 0, 0x666564},
    {"no zlib", 1, 0, 0x646566},
    {"no zlib, short", 2, 0, 0x676869},
    {"no zlib, palette", 1, 2, 0x616263},
    {"no zlib, two colours", 0, 5, 0x646566},
    {"png fill", 8, 8, 0x010203},
};

START_TEST(pixels_are_what_the_bytes_say)
{
    uint8_t *data = malloc(ROOM);
    struct fh_framebuffer fb;
    size_t i = 0;

    while (strcmp(bodies[i].what, by_hand[_i].what) != 0)
        ck_assert_uint_lt(++i, ARRAY_LEN(bodies));
    fb = decode_row(&bodies[i], data, body_of(&bodies[i], data), 1, 0, 0xeeeeee);
    ck_assert_uint_eq(fb.px[(6 + by_hand[_i].y) * fb.stride_px + 5 + by_hand[_i].x],
                      by_hand[_i].px);
    free(fb.px);
    free(data);
}
END_TEST

/* A PNG, chunk by chunk. */
struct png {
    uint8_t mem[4096];
    size_t len;
};

static void put_be32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put_chunk(struct png *p, const char *type, const void *data, size_t len)
{
    uint8_t *at = p->mem + p->len;

    put_be32(at, (uint32_t)len);
    memcpy(at + 4, type, 4);
    if (len != 0)
        memcpy(at + 8, data, len);
    put_be32(at + 8 + len, (uint32_t)crc32(0, at + 4, (uInt)len + 4));
    p->len += 12 + len;
}

enum png_damage {
    WHOLE,
    PARTS,     /* its data in chunks of a byte each */
    ANCILLARY, /* a chunk that need not be known */
    CRITICAL,  /* a chunk that must be known */
    BAD_CRC,
    NO_HEAD,
    TWO_HEADS,
    NO_PALETTE,
    NO_END,
    AFTER_END,
    INTERLACED,
    OTHER_SIZE,
    FEW_ROWS,
    MANY_ROWS
};

static const struct {
    const char *what;
    uint8_t depth, type;
    const char *rows; /* of 3 x 2 pixels, each with its filter */
    size_t rows_len;
    enum png_damage damage;
    int want;
    uint32_t px[6];
} pngs[] = {
    {"grey of 1 bit", 1, 0, B("\0\xa0\0\x40"), WHOLE, 1, {0xffffff, 0, 0xffffff, 0, 0xffffff, 0}},
    {"grey of 2 bits", 2, 0, B("\0\x6c\0\0"), WHOLE, 1, {0x555555, 0xaaaaaa, 0xffffff}},
    {"grey of 4 bits", 4, 0, B("\0\x1f\x80\0\0\0"), WHOLE, 1, {0x111111, 0xffffff, 0x888888}},
    {"grey", 8, 0, B("\0\1\2\3\0\4\5\6"), WHOLE, 1, {0x010101, 0x020202, 0x030303, 0x040404}},
    {"grey of 16 bits",
     16,
     0,
     B("\0\1\xff\2\xff\3\xff\0\4\xff\5\xff\6\xff"),
     WHOLE,
     1,
     {0x010101, 0x020202, 0x030303, 0x040404}},
    {"red, green, blue",
     8,
     2,
     B("\0abcdefghi\0ABCDEFGHI"),
     WHOLE,
     1,
     {0x616263, 0x646566, 0x676869, 0x414243, 0x444546, 0x474849}},
    {"of 16 bits",
     16,
     2,
     B("\0a0b0c0d0e0f0g0h0i0\0A0B0C0D0E0F0G0H0I0"),
     WHOLE,
     1,
     {0x616263, 0x646566, 0x676869, 0x414243, 0x444546, 0x474849}},
    {"palette",
     8,
     3,
     B("\0\0\1\2\0\2\1\0"),
     WHOLE,
     1,
     {0x616263, 0x646566, 0x676869, 0x676869, 0x646566, 0x616263}},
    {"palette of 1 bit", 1, 3, B("\0\xa0\0\x40"), WHOLE, 1, {0x646566, 0x616263, 0x646566}},
    {"palette of 2 bits", 2, 3, B("\0\x18\0\x24"), WHOLE, 1, {0x616263, 0x646566, 0x676869}},
    {"palette of 4 bits", 4, 3, B("\0\1\x20\0\0\0"), WHOLE, 1, {0x616263, 0x646566, 0x676869}},
    {"grey and alpha",
     8,
     4,
     B("\0\1\x80\2\x80\3\x80\0\4\x80\5\x80\6\x80"),
     WHOLE,
     1,
     {0x010101, 0x020202, 0x030303, 0x040404}},
    {"colours and alpha",
     8,
     6,
     B("\0abc0def0ghi0\0ABC0DEF0GHI0"),
     WHOLE,
     1,
     {0x616263, 0x646566, 0x676869, 0x414243, 0x444546, 0x474849}},
    {"filter left",
     8,
     0,
     B("\1\1\2\3\1\1\0\xff"),
     WHOLE,
     1,
     {0x010101, 0x030303, 0x060606, 0x010101, 0x010101, 0}},
    {"filter above",
     8,
     0,
     B("\2\1\2\3\2\1\0\xff"),
     WHOLE,
     1,
     {0x010101, 0x020202, 0x030303, 0x020202, 0x020202, 0x020202}},
    /* 1; 2 + 0; 3 + 1; 1 + 0; 0 + (1 + 2) / 2; 255 + (1 + 4) / 2 */
    {"filter between",
     8,
     0,
     B("\3\1\2\3\3\1\0\xff"),
     WHOLE,
     1,
     {0x010101, 0x020202, 0x040404, 0x010101, 0x010101, 0x010101}},
    /* The closest to left + above - above left: 1; 1; 3; above 1; left 2 (2, 3, 1); 5 (2, 6, 3). */
    {"filter of three",
     8,
     0,
     B("\4\1\2\3\4\1\0\xff"),
     WHOLE,
     1,
     {0x010101, 0x030303, 0x060606, 0x020202, 0x030303, 0x050505}},
    {"in parts", 8, 2, B("\0abcdefghi\0ABCDEFGHI"), PARTS, 1, {0x616263}},
    {"with a chunk more", 8, 2, B("\0abcdefghi\0ABCDEFGHI"), ANCILLARY, 1, {0x616263}},
    {"filter 5", 8, 0, B("\5\1\2\3\0\4\5\6"), WHOLE, -1, {0}},
    {"index too high", 8, 3, B("\0\0\1\2\0\2\1\3"), WHOLE, -1, {0}},
    {"depth 3", 3, 0, B("\0\0\0\0"), WHOLE, -1, {0}},
    {"palette of 16 bits", 16, 3, B("\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), WHOLE, -1, {0}},
    {"colours of 4 bits", 4, 2, B("\0\0\0\0\0\0\0\0\0\0\0\0"), WHOLE, -1, {0}},
    {"type 1", 8, 1, B("\0\0\0\0\0\0\0\0"), WHOLE, -1, {0}},
    {"type 7", 8, 7, B("\0\0\0\0\0\0\0\0"), WHOLE, -1, {0}},
    {"a critical chunk", 8, 2, B("\0abcdefghi\0ABCDEFGHI"), CRITICAL, -1, {0}},
    {"a bad CRC", 8, 2, B("\0abcdefghi\0ABCDEFGHI"), BAD_CRC, -1, {0}},
    {"no head", 8, 2, B("\0abcdefghi\0ABCDEFGHI"), NO_HEAD, -1, {0}},
    {"two heads", 8, 2, B("\0abcdefghi\0ABCDEFGHI"), TWO_HEADS, -1, {0}},
    {"no palette", 8, 3, B("\0\0\0\0\0\0\0\0"), NO_PALETTE, -1, {0}},
    {"no end", 8, 2, B("\0abcdefghi\0ABCDEFGHI"), NO_END, -1, {0}},
    {"bytes after the end", 8, 2, B("\0abcdefghi\0ABCDEFGHI"), AFTER_END, -1, {0}},
    {"interlaced", 8, 2, B("\0abcdefghi\0ABCDEFGHI"), INTERLACED, -1, {0}},
    {"another size", 8, 2, B("\0abcdefghi\0ABCDEFGHI"), OTHER_SIZE, -1, {0}},
    {"a row too few", 8, 2, B("\0abcdefghi"), FEW_ROWS, -1, {0}},
    {"a byte too many", 8, 2, B("\0abcdefghi\0ABCDEFGHI\0"), MANY_ROWS, -1, {0}},
};

/* A body of TightPNG, at most ROOM bytes. */
static size_t png_body(int i, uint8_t *out)
{
    static const uint8_t end[4];
    const enum png_damage damage = pngs[i].damage;
    uint8_t head[13] = {0, 0, 0, 3, 0, 0, 0, 2, pngs[i].depth, pngs[i].type}, *data = malloc(ROOM);
    struct png p = {.mem = "\x89PNG\r\n\x1a\n", .len = 8};
    const size_t len = deflated(pngs[i].rows, pngs[i].rows_len, 1, NULL, data);

    head[12] = damage == INTERLACED;
    head[3] += damage == OTHER_SIZE;
    for (int n = damage == NO_HEAD ? 0 : damage == TWO_HEADS ? 2 : 1; n > 0; n--)
        put_chunk(&p, "IHDR", head, sizeof head);
    if (damage == ANCILLARY)
        put_chunk(&p, "tEXt", "a\0b", 3);
    if (damage == CRITICAL)
        put_chunk(&p, "ABCD", "a\0b", 3);
    if (pngs[i].type == 3 && damage != NO_PALETTE)
        put_chunk(&p, "PLTE", "abcdefghi", 9);
    for (size_t at = 0, n = damage == PARTS ? 1 : len; at < len; at += n)
        put_chunk(&p, "IDAT", data + at, n);
    if (damage == BAD_CRC)
        p.mem[p.len - 1] ^= 1;
    if (damage != NO_END)
        put_chunk(&p, "IEND", end, 0);
    if (damage == AFTER_END)
        p.len++;
    free(data);
    out[0] = 0xa0;
    put_compact(out + 1, p.len);
    memcpy(out + 4, p.mem, p.len);
    return p.len + 4;
}

START_TEST(a_png_is_decoded_or_refused)
{
    const struct fh_rect r = {1, 1, 3, 2};
    uint8_t *body = malloc(ROOM);
    const size_t len = png_body(_i, body);

    for (size_t piece = 1; piece <= ROOM; piece += ROOM - 1) {
        struct fh_framebuffer fb = picture_new(5, 4, 0x111111);
        struct fh_decoder *d = decoder_new(0xa5);
        size_t used;
        int ret;

        ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_TIGHT_PNG, &fb, &r), 0);
        ret = feed(d, body, len, piece, &used);
        ck_assert_msg(ret == (pngs[_i].want < 0 ? FH_RFB_E_DATA : 1), "%s: %d", pngs[_i].what, ret);
        for (int32_t i = 0; i < 6 && ret == 1; i++)
            if (pngs[_i].px[i] != 0)
                ck_assert_msg(fb.px[(1 + i / 3) * fb.stride_px + 1 + i % 3] == pngs[_i].px[i],
                              "%s: pixel %d is %06x", pngs[_i].what, i,
                              (unsigned)fb.px[(1 + i / 3) * fb.stride_px + 1 + i % 3]);
        fh_decoder_free(d);
        free(fb.px);
    }
    free(body);
}
END_TEST

/* A JPEG of a picture, without its tables where they are to be those of the one before. */
static size_t jpeg_of(const struct fh_framebuffer *fb, bool has_tables, uint8_t *out)
{
    tjhandle tj = tjInitCompress();
    unsigned char *jpeg = NULL;
    unsigned long n = 0;
    size_t at = 2, len = 2;

    HOLDS(tjCompress2(tj, (const uint8_t *)fb->px, fb->width, fb->stride_px * 4, fb->height,
                      fh__jpeg_pixel_format(), &jpeg, &n, TJSAMP_444, 60, 0) == 0);
    memcpy(out, jpeg, 2);
    while (jpeg[at + 1] != 0xda) {
        const size_t segment = 2 + (size_t)(jpeg[at + 2] << 8 | jpeg[at + 3]);

        if (has_tables || (jpeg[at + 1] != 0xdb && jpeg[at + 1] != 0xc4)) {
            memcpy(out + len, jpeg + at, segment);
            len += segment;
        }
        at += segment;
    }
    memcpy(out + len, jpeg + at, n - at);
    tjFree(jpeg);
    tjDestroy(tj);
    return len + n - at;
}

/* V16: the first must have them. */
START_TEST(a_jpeg_may_leave_its_tables_to_the_one_before)
{
    const struct fh_rect r = {0, 0, 40, 30};
    struct fh_framebuffer from = picture_new(r.w, r.h, 0), a = picture_new(r.w, r.h, 0);
    struct fh_framebuffer b = picture_new(r.w, r.h, 0);
    struct fh_decoder *d = decoder_new(0xa5), *fresh = decoder_new(0xa5);
    uint8_t *jpeg = malloc(ROOM);
    size_t len, used;

    picture_draw(&from, PICTURE_PHOTO, 0);
    len = jpeg_of(&from, true, jpeg);
    memcpy(jpeg + len, "next", 4); /* which is not a part of it */
    ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_JPEG, &a, &r), 0);
    ck_assert_int_eq(feed(d, jpeg, len + 4, ROOM, &used), 1);
    ck_assert_uint_eq(used, len);
    len = jpeg_of(&from, false, jpeg);
    ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_JPEG, &b, &r), 0);
    ck_assert_int_eq(feed(d, jpeg, len, 7, &used), 1);
    ck_assert_uint_eq(used, len);
    ck_assert(is_same(&a, &b));
    ck_assert_int_eq(fh_decoder_begin(fresh, FH_ENC_JPEG, &b, &r), 0);
    ck_assert_int_eq(feed(fresh, jpeg, len, ROOM, &used), FH_RFB_E_DATA);
    fh_decoder_free(d);
    fh_decoder_free(fresh);
    free(jpeg);
    free(from.px);
    free(a.px);
    free(b.px);
}
END_TEST

static void write_pictures(const char *dir)
{
    struct fh_framebuffer fb = picture_new(16, 16, 0);
    uint8_t *body = malloc(ROOM);
    FILE *f;

    for (int i = 0; i < (int)ARRAY_LEN(pngs); i++) {
        f = open_seed(dir, "png", i);
        put_seed(f, FH_ENC_TIGHT_PNG, 3, 2, body, png_body(i, body));
        fclose(f);
    }
    picture_draw(&fb, PICTURE_PHOTO, 0);
    f = open_seed(dir, "tables", 0);
    put_seed(f, FH_ENC_JPEG, 16, 16, body, jpeg_of(&fb, true, body));
    put_seed(f, FH_ENC_JPEG, 16, 16, body, jpeg_of(&fb, false, body));
    fclose(f);
    free(body);
    free(fb.px);
}

int main(int argc, char **argv)
{
    TCase *tc;
    Suite *s;
    SRunner *sr;
    int failed;

    if (argc == 3 && strcmp(argv[1], "--corpus") == 0) {
        write_bodies(argv[2], "other", bodies, ARRAY_LEN(bodies));
        write_pictures(argv[2]);
        return 0;
    }
    tc = tcase_create("encodings");
    s = suite_create("encodings");
    sr = srunner_create(s);
    tcase_add_loop_test(tc, a_body_is_decoded_or_refused_however_it_comes, 0, ARRAY_LEN(bodies));
    tcase_add_loop_test(tc, a_complete_rectangle_leaves_no_pixel_out, 0, ARRAY_LEN(bodies));
    tcase_add_loop_test(tc, a_cut_body_asks_for_more, 0, ARRAY_LEN(bodies));
    tcase_add_loop_test(tc, pixels_are_what_the_bytes_say, 0, ARRAY_LEN(by_hand));
    tcase_add_loop_test(tc, a_png_is_decoded_or_refused, 0, ARRAY_LEN(pngs));
    tcase_add_test(tc, a_jpeg_may_leave_its_tables_to_the_one_before);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
