/* SPDX-License-Identifier: MIT */
/* feed.h -- what the tests of the decoder share. Test code only. */
#ifndef FH_TEST_FEED_H
#define FH_TEST_FEED_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <farhand/decoder.h>

#include "decode.h"
#include "picture.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

/* For inner loops: an assertion of Check writes to a file each time. */
#define HOLDS(claim)                                                                               \
    do {                                                                                           \
        if (!(claim))                                                                              \
            ck_abort_msg("not so: %s", #claim);                                                    \
    } while (0)

enum { ROOM = 1 << 20 };

/*
 * A decoder whose own memory is full of `dirt` wherever nothing was written yet: what it shows
 * must not depend on it.
 */
static inline struct fh_decoder *decoder_new(int dirt)
{
    struct fh_decoder *d = fh_decoder_new();

    HOLDS(d != NULL);
    memset(d->held, dirt, sizeof d->held);
    memset(d->buf, dirt, sizeof d->buf);
    memset(d->tiles.palette, dirt, sizeof d->tiles.palette);
    memset(d->tight.palette, dirt, sizeof d->tight.palette);
    memset(d->tight.above, dirt, sizeof d->tight.above);
    return d;
}

/* Feeds pieces of `piece` bytes, each in memory of its own. Returns the last answer. */
static inline int feed(struct fh_decoder *d, const uint8_t *data, size_t len, size_t piece,
                       size_t *used)
{
    size_t at = 0, now;
    int ret = fh_decoder_input(d, NULL, 0, &now);

    ck_assert_uint_eq(now, 0);
    while (ret == 0 && at < len) {
        const size_t n = len - at < piece ? len - at : piece;
        uint8_t *copy = malloc(n);

        memcpy(copy, data + at, n);
        ret = fh_decoder_input(d, copy, n, &now);
        free(copy);
        HOLDS(now <= n && (ret != 0 || now == n));
        at += now;
    }
    *used = at;
    return ret;
}

static inline size_t deflated(const void *plain, size_t len, int finish, const char *dict,
                              uint8_t *out)
{
    z_stream z = {0};

    HOLDS(deflateInit(&z, 6) == Z_OK);
    if (dict)
        HOLDS(deflateSetDictionary(&z, (const Bytef *)dict, 4) == Z_OK);
    z.next_in = (Bytef *)plain;
    z.avail_in = (uInt)len;
    z.next_out = out;
    z.avail_out = ROOM;
    HOLDS(deflate(&z, finish ? Z_FINISH : Z_SYNC_FLUSH) >= Z_OK);
    len = (size_t)(z.next_out - out);
    HOLDS(z.avail_out > 0);
    deflateEnd(&z);
    return len;
}

static inline size_t put_compact(uint8_t *p, size_t len)
{
    p[0] = (uint8_t)(len & 0x7f) | 0x80;
    p[1] = (uint8_t)(len >> 7 & 0x7f) | 0x80;
    p[2] = (uint8_t)(len >> 14);
    return 3;
}

static inline bool is_same(const struct fh_framebuffer *a, const struct fh_framebuffer *b)
{
    const size_t n = (size_t)a->stride_px * (size_t)a->height;

    return memcmp(a->px, b->px, n * sizeof *a->px) == 0;
}

/* The number that fuzz_decoder knows an encoding by. */
static inline uint8_t seed_encoding(enum fh_encoding enc)
{
    static const enum fh_encoding encodings[] = {
        FH_ENC_RAW,     FH_ENC_COPY_RECT, FH_ENC_TIGHT, FH_ENC_ZRLE, FH_ENC_RRE,
        FH_ENC_HEXTILE, FH_ENC_ZLIB,      FH_ENC_TRLE,  FH_ENC_JPEG, FH_ENC_TIGHT_PNG,
    };
    uint8_t i = 0;

    while (encodings[i] != enc)
        HOLDS(++i < ARRAY_LEN(encodings));
    return i;
}

/* One rectangle of a seed for fuzz_decoder. */
static inline void put_seed(FILE *f, enum fh_encoding enc, int32_t w, int32_t h,
                            const uint8_t *body, size_t len)
{
    const uint8_t head[8] = {
        seed_encoding(enc),  (uint8_t)(w >> 8), (uint8_t)w,
        (uint8_t)(h >> 8),   (uint8_t)h,        0, /* byte by byte */
        (uint8_t)(len >> 8), (uint8_t)len,
    };

    fwrite(head, 1, sizeof head, f);
    fwrite(body, 1, len, f);
}

static inline FILE *open_seed(const char *dir, const char *kind, int i)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s-%03d", dir, kind, i);
    if (!(f = fopen(path, "wb"))) {
        perror(path);
        exit(1);
    }
    return f;
}

#endif
