/* SPDX-License-Identifier: MIT */
/* `test_jpeg --corpus DIR` writes one JPEG of each kind as seeds for fuzz_decoder instead of
 * testing. */
#include <check.h>
#include <turbojpeg.h>

#include <farhand/rfb_error.h>

#include "feed.h"
#include "jpeg.h"

enum jpeg_damage {
    NONE,
    GREY,
    PROGRESSIVE,
    WRONG_SIZE,
    SIZE_LIES,   /* the header has the rectangle's size, the data another's */
    HALF,        /* cut in the middle, length to match */
    NO_SCAN,     /* an end where the scan should be */
    SOF2,        /* says that it is progressive */
    ARITHMETIC,  /* says that it is arithmetic */
    THREE_SCANS, /* each colour in a scan of its own: right, but of no bound */
    SHORT_HEADER /* a segment of length 1 */
};

static const struct {
    const char *what;
    enum jpeg_damage damage;
    int32_t w, h;
    int want;
} jpegs[] = {
    {"plain", NONE, 64, 48, 1},
    {"plain, 1 x 1", NONE, 1, 1, 1},
    {"plain, odd", NONE, 17, 33, 1},
    {"grey", GREY, 64, 48, 1},
    {"progressive", PROGRESSIVE, 64, 48, FH_RFB_E_DATA},
    {"of another size", WRONG_SIZE, 64, 48, FH_RFB_E_DATA},
    {"lies about its size", SIZE_LIES, 64, 48, FH_RFB_E_DATA},
    {"half of it", HALF, 64, 48, FH_RFB_E_DATA},
    {"without a scan", NO_SCAN, 64, 48, FH_RFB_E_DATA},
    {"baseline called progressive", SOF2, 64, 48, FH_RFB_E_DATA},
    {"baseline called arithmetic", ARITHMETIC, 64, 48, FH_RFB_E_DATA},
    {"three scans", THREE_SCANS, 64, 48, FH_RFB_E_DATA},
    {"a segment shorter than its length", SHORT_HEADER, 64, 48, FH_RFB_E_DATA},
};

/* Where the segment of a marker begins. */
static size_t segment_at(const uint8_t *jpeg, size_t len, uint8_t marker)
{
    size_t at = 2;

    while (at + 4 < len && jpeg[at + 1] != marker)
        at += 2 + (size_t)(jpeg[at + 2] << 8 | jpeg[at + 3]);
    HOLDS(at + 4 < len);
    return at;
}

static void damage_jpeg(enum jpeg_damage damage, uint8_t *jpeg, size_t *len)
{
    const size_t sof = segment_at(jpeg, *len, damage == PROGRESSIVE ? 0xc2 : 0xc0);
    const size_t sos = segment_at(jpeg, *len, 0xda);

    switch (damage) {
    case SIZE_LIES:
        jpeg[sof + 6] = 48;
        jpeg[sof + 8] = 64;
        break;
    case HALF:
        *len /= 2;
        break;
    case NO_SCAN:
        jpeg[sos + 1] = 0xd9;
        break;
    case SOF2:
        jpeg[sof + 1] = 0xc2;
        break;
    case ARITHMETIC:
        jpeg[sof + 1] = 0xc9;
        break;
    case SHORT_HEADER:
        jpeg[sof + 3] = 1;
        break;
    case NONE:
    case GREY:
    case THREE_SCANS:
    case PROGRESSIVE:
    case WRONG_SIZE:
        break;
    }
}

/* A grey JPEG as one of three colours, each with the grey's scan. Returns the length of out. */
static size_t in_three_scans(const uint8_t *jpeg, size_t len, uint8_t *out)
{
    static const uint8_t colours[10] = {3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0};
    const size_t sof = segment_at(jpeg, len, 0xc0), sos = segment_at(jpeg, len, 0xda);
    const size_t scan_len = len - 2 - sos;
    uint8_t *p = out;

    memcpy(p, jpeg, sof + 9); /* to the number of colours */
    p[sof + 3] = 17;
    p += sof + 9;
    memcpy(p, colours, sizeof colours);
    p += sizeof colours;
    memcpy(p, jpeg + sof + 13, sos - (sof + 13));
    p += sos - (sof + 13);
    for (uint8_t i = 1; i <= 3; i++) {
        memcpy(p, jpeg + sos, scan_len);
        p[5] = i;
        p += scan_len;
    }
    memcpy(p, "\xff\xd9", 2);
    return (size_t)(p + 2 - out);
}

/* The same through TurboJPEG alone: it would have decoded it. */
static bool turbojpeg_takes(const uint8_t *jpeg, size_t len, int32_t w, int32_t h)
{
    uint8_t *px = malloc((size_t)w * (size_t)h * 4);
    tjhandle tj = tjInitDecompress();
    int ret = tjDecompress2(tj, jpeg, len, px, w, w * 4, h, TJPF_RGBX, TJFLAG_STOPONWARNING);

    tjDestroy(tj);
    free(px);
    return ret == 0;
}

/* A Tight body with a picture as JPEG; to be freed. */
static uint8_t *jpeg_body(const struct fh_framebuffer *fb, enum jpeg_damage damage, size_t *len)
{
    tjhandle tj = tjInitCompress();
    unsigned char *jpeg = NULL;
    unsigned long n = 0;
    uint8_t *body;
    size_t size;

    HOLDS(tjCompress2(tj, (const uint8_t *)fb->px, fb->width, fb->stride_px * 4, fb->height,
                      fh__jpeg_pixel_format(), &jpeg, &n,
                      damage == GREY || damage == THREE_SCANS ? TJSAMP_GRAY : TJSAMP_420, 90,
                      damage == PROGRESSIVE ? TJFLAG_PROGRESSIVE : 0) == 0);
    size = n;
    damage_jpeg(damage, jpeg, &size);
    body = malloc(3 * size + 100);
    body[0] = 0x90;
    if (damage == THREE_SCANS) {
        size = in_three_scans(jpeg, size, body + 4);
        HOLDS(turbojpeg_takes(body + 4, size, fb->width, fb->height));
    } else {
        memcpy(body + 4, jpeg, size);
    }
    put_compact(body + 1, size);
    *len = size + 4;
    tjFree(jpeg);
    tjDestroy(tj);
    return body;
}

START_TEST(a_jpeg_is_decoded_only_when_plain_and_of_the_right_size)
{
    const struct fh_rect r = {0, 0, jpegs[_i].w, jpegs[_i].h};
    const bool is_other = jpegs[_i].damage == WRONG_SIZE || jpegs[_i].damage == SIZE_LIES;
    struct fh_framebuffer from = picture_new(r.w - (is_other ? 16 : 0), r.h, 0);
    struct fh_framebuffer fb = picture_new(r.w, r.h, 0);
    size_t len, used;
    uint8_t *body;

    picture_draw(&from, PICTURE_PHOTO, 0);
    body = jpeg_body(&from, jpegs[_i].damage, &len);
    for (size_t piece = 1; piece <= ROOM; piece += ROOM - 1) {
        struct fh_decoder *d = decoder_new(0xa5);
        int ret;

        ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_TIGHT, &fb, &r), 0);
        ret = feed(d, body, len, piece, &used);
        ck_assert_msg(ret == jpegs[_i].want, "%s: %d", jpegs[_i].what, ret);
        fh_decoder_free(d);
    }
    for (int32_t i = 0; jpegs[_i].damage == NONE && i < r.w * r.h; i++) {
        const int32_t at = i / r.w * fb.stride_px + i % r.w;

        HOLDS(picture_distance(fb.px[at], from.px[at]) < 100);
        HOLDS(fb.px[at] >> 24 == 0);
    }
    free(body);
    free(fb.px);
    free(from.px);
}
END_TEST

START_TEST(what_is_gathered_of_a_jpeg_grows_to_4_mib_and_no_more)
{
    struct fh_decoder *d = decoder_new(0);

    ck_assert_int_eq(fh__gather_room(&d->gather, 1), 0);
    ck_assert_uint_eq(d->gather.cap, 65536);
    memset(d->gather.mem, 0x77, 65536);
    d->gather.len = 65536;
    ck_assert_int_eq(fh__gather_room(&d->gather, 65537), 0);
    ck_assert_uint_eq(d->gather.cap, 131072);
    ck_assert_uint_eq(d->gather.mem[65535], 0x77);
    ck_assert_int_eq(fh__gather_room(&d->gather, 4 << 20), 0);
    ck_assert_uint_eq(d->gather.cap, 4 << 20);
    ck_assert_int_eq(fh__gather_room(&d->gather, (4 << 20) + 1), FH_RFB_E_LIMIT);
    ck_assert_uint_eq(d->gather.cap, 4 << 20);
    fh_decoder_free(d);
}
END_TEST

static void write_jpegs(const char *dir)
{
    struct fh_framebuffer fb = picture_new(16, 16, 0);

    picture_draw(&fb, PICTURE_PHOTO, 0);
    for (int i = NONE; i <= SHORT_HEADER; i++) {
        size_t len;
        uint8_t *body = jpeg_body(&fb, (enum jpeg_damage)i, &len);
        FILE *f = open_seed(dir, "jpeg", i);

        put_seed(f, FH_ENC_TIGHT, 16, 16, body, len);
        fclose(f);
        free(body);
    }
    free(fb.px);
}

int main(int argc, char **argv)
{
    TCase *tc;
    Suite *s;
    SRunner *sr;
    int failed;

    if (argc == 3 && strcmp(argv[1], "--corpus") == 0) {
        write_jpegs(argv[2]);
        return 0;
    }
    tc = tcase_create("jpeg");
    s = suite_create("jpeg");
    sr = srunner_create(s);
    tcase_add_loop_test(tc, a_jpeg_is_decoded_only_when_plain_and_of_the_right_size, 0,
                        ARRAY_LEN(jpegs));
    tcase_add_test(tc, what_is_gathered_of_a_jpeg_grows_to_4_mib_and_no_more);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
