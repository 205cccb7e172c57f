/* SPDX-License-Identifier: MIT */
/* bodies.h -- rows of encoded rectangles, good and bad, and what holds for each. Test code only. */
#ifndef FH_TEST_BODIES_H
#define FH_TEST_BODIES_H

#include <farhand/rfb_error.h>

#include "feed.h"

enum body {
    PLAIN,    /* head only */
    AGREED,   /* the same, and it was agreed that Tight's data may come without zlib */
    ZLIB,     /* head, length, data that was flushed */
    FINISHED, /* the zlib stream ends with the data */
    BEYOND,   /* and three more bytes after it */
    DICT,     /* the zlib stream needs a dictionary */
    CUT,      /* the length is three bytes less than the data */
    MORE,     /* the length is three bytes more than there is */
    BOMB      /* a megabyte of zeros after the data */
};

#define B(s) s, sizeof(s) - 1

struct body_row {
    const char *what;
    enum fh_encoding enc;
    int32_t w, h; /* in a picture of 200 x 200, at (5, 6) */
    const char *head;
    size_t head_len;
    enum body body;
    const char *data;
    size_t data_len;
    int want; /* 1, 0, or -1: refused */
};

/* The bytes of a row. */
static inline size_t body_of(const struct body_row *b, uint8_t *out)
{
    static uint8_t plain[ROOM + 64], zipped[ROOM];
    const enum body how = b->body;
    size_t n = b->data_len, at = b->head_len, len;

    memcpy(out, b->head, at);
    if (how == PLAIN || how == AGREED)
        return at;
    memset(plain, 0, sizeof plain);
    memcpy(plain, b->data, n);
    len = deflated(plain, how == BOMB ? n + ROOM : n, how == FINISHED || how == BEYOND,
                   how == DICT ? "word" : NULL, zipped);
    if (how == BEYOND)
        memcpy(zipped + len, "xyz", 3);
    len = len + (how == BEYOND ? 3 : 0) - (how == CUT ? 8 : 0);
    n = len + (how == MORE ? 3 : 0);
    if (b->enc == FH_ENC_ZRLE || b->enc == FH_ENC_ZLIB) {
        const uint8_t be[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
                               (uint8_t)n};

        memcpy(out + at, be, 4);
        at += 4;
    } else {
        at += put_compact(out + at, n);
    }
    memcpy(out + at, zipped, len);
    return at + len;
}

/*
 * Decodes a row on top of a background. The answer, and what was not for it to draw, must be as
 * they should; the picture is for the caller to free.
 */
static inline struct fh_framebuffer decode_row(const struct body_row *b, const uint8_t *data,
                                               size_t len, size_t piece, int dirt,
                                               uint32_t background)
{
    const struct fh_rect r = {5, 6, b->w, b->h};
    struct fh_framebuffer fb = picture_new(200, 200, background);
    struct fh_decoder *d = decoder_new(dirt);
    const int want = b->want < 0 ? FH_RFB_E_DATA : b->want;
    size_t used;
    int ret;

    fh_decoder_set_no_zlib(d, b->body == AGREED);
    ck_assert_int_eq(fh_decoder_begin(d, b->enc, &fb, &r), 0);
    ret = feed(d, data, len, piece, &used);
    ck_assert_msg(ret == want, "%s: %d, not %d", b->what, ret, want);
    if (want == 1)
        ck_assert_uint_eq(used, len);
    if (want < 0) {
        ck_assert_int_eq(fh_decoder_input(d, data, len, &used), want);
        ck_assert_uint_eq(used, 0);
        ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_RAW, &fb, &r), want);
    } else if (want == 0) {
        ck_assert_int_eq(fh_decoder_begin(d, FH_ENC_RAW, &fb, &r), FH_RFB_E_STATE);
    }
    for (int32_t y = 0; y < fb.height; y++) {
        for (int32_t x = 0; x < fb.stride_px; x++) {
            if (x < r.x || x >= r.x + r.w || y < r.y || y >= r.y + r.h)
                HOLDS(fb.px[y * fb.stride_px + x] == background);
        }
    }
    fh_decoder_free(d);
    return fb;
}

/* Whole, byte by byte and in threes; nothing of the decoder's own memory shows (V21). */
static inline void check_pieces(const struct body_row *b)
{
    static const size_t pieces[] = {ROOM, 1, 3};
    uint8_t *data = malloc(ROOM);
    const size_t len = body_of(b, data);
    struct fh_framebuffer first = decode_row(b, data, len, ROOM, 0, 0x111111), fb;

    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        fb = decode_row(b, data, len, pieces[i], 0xa5, 0x111111);
        /* Where one is refused, how much of it was drawn depends on the pieces. */
        if (b->want >= 0)
            ck_assert(is_same(&first, &fb));
        free(fb.px);
    }
    free(first.px);
    free(data);
}

/* A rectangle that is complete covers all of its pixels, whatever was there before. */
static inline void check_cover(const struct body_row *b)
{
    uint8_t *data = malloc(ROOM);
    const size_t len = body_of(b, data);

    if (b->want == 1 && b->enc != FH_ENC_COPY_RECT) {
        struct fh_framebuffer a = decode_row(b, data, len, ROOM, 0, 0x111111);
        struct fh_framebuffer other = decode_row(b, data, len, ROOM, 0, 0x222222);

        for (int32_t y = 6; y < 6 + b->h; y++) {
            for (int32_t x = 5; x < 5 + b->w; x++) {
                HOLDS(a.px[y * a.stride_px + x] == other.px[y * a.stride_px + x]);
                HOLDS(a.px[y * a.stride_px + x] >> 24 == 0);
            }
        }
        free(a.px);
        free(other.px);
    }
    free(data);
}

/* At any byte: it asks for more, and shows no more than what came. */
static inline void check_cuts(const struct body_row *b)
{
    const struct fh_rect r = {5, 6, b->w, b->h};
    uint8_t *data = malloc(ROOM);
    const size_t len = body_of(b, data);

    for (size_t n = 0; b->want == 1 && n < len; n++) {
        struct fh_framebuffer fb = picture_new(200, 200, 0);
        struct fh_decoder *d = decoder_new(0xa5);
        size_t used;

        fh_decoder_set_no_zlib(d, b->body == AGREED);
        ck_assert_int_eq(fh_decoder_begin(d, b->enc, &fb, &r), 0);
        ck_assert_int_eq(feed(d, data, n, ROOM, &used), 0);
        for (size_t i = 0; i < 200 * 203; i++)
            HOLDS(fb.px[i] != 0xa5a5a5);
        fh_decoder_free(d);
        free(fb.px);
    }
    free(data);
}

static inline void write_bodies(const char *dir, const char *kind, const struct body_row *rows,
                                size_t n)
{
    uint8_t *data = malloc(ROOM);

    for (size_t i = 0; i < n; i++) {
        FILE *f;

        if (rows[i].h > 40)
            continue;
        f = open_seed(dir, kind, (int)i);
        put_seed(f, rows[i].enc, rows[i].w, rows[i].h, data, body_of(&rows[i], data));
        fclose(f);
    }
    free(data);
}

#endif
