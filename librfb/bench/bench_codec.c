/* SPDX-License-Identifier: MIT */
/*
 * How fast each encoding makes and reads pictures of 1024 x 768, in rectangles of 256 x 256, and
 * how many times smaller than Raw it makes them. The peer is zlib alone at the same level on the
 * same pixels, three bytes each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include <farhand/decoder.h>
#include <farhand/encoder.h>

#include "../tests/picture.h"

enum { WIDTH = 1024, HEIGHT = 768, SIDE = 256, RECTS = WIDTH / SIDE * (HEIGHT / SIDE), LEVEL = 6 };

static const double min_seconds = 0.3;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *need(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static struct fh_rect rect_at(int i)
{
    return (struct fh_rect){i % (WIDTH / SIDE) * SIDE, i / (WIDTH / SIDE) * SIDE, SIDE, SIDE};
}

struct figures {
    double encode, decode; /* Mpixel/s */
    double ratio;          /* of four bytes a pixel to what was made */
};

/* One encoded picture: a body for each rectangle. */
struct bodies {
    uint8_t *data[RECTS];
    int len[RECTS];
    enum fh_encoding enc[RECTS];
};

/* The first picture of a connection, so that each pass costs the same. */
static double encode_all(const struct fh_framebuffer *fb, enum fh_encoding enc, int quality,
                         struct bodies *b)
{
    struct fh_encoder *e = need(fh_encoder_new());
    const double from = now();
    double seconds;

    fh_encoder_set_quality(e, quality, LEVEL);
    for (int i = 0; i < RECTS; i++) {
        const struct fh_rect r = rect_at(i);

        b->len[i] = fh_encoder_rect(e, enc, fb, &r, b->data[i], fh_encoder_bound(SIDE * SIDE));
        /* What it does not suit goes as a server would send it. */
        b->enc[i] = b->len[i] == 0 ? FH_ENC_RAW : enc;
        if (b->len[i] == 0)
            b->len[i] =
                fh_encoder_rect(e, FH_ENC_RAW, fb, &r, b->data[i], fh_encoder_bound(SIDE * SIDE));
        if (b->len[i] < 0)
            exit(1);
    }
    seconds = now() - from;
    fh_encoder_free(e);
    return seconds;
}

static double decode_all(struct fh_framebuffer *fb, const struct bodies *b)
{
    struct fh_decoder *d = need(fh_decoder_new());
    const double from = now();
    double seconds;
    size_t used;

    for (int i = 0; i < RECTS; i++) {
        const struct fh_rect r = rect_at(i);

        if (fh_decoder_begin(d, b->enc[i], fb, &r) != 0 ||
            fh_decoder_input(d, b->data[i], (size_t)b->len[i], &used) != 1)
            exit(1);
    }
    seconds = now() - from;
    fh_decoder_free(d);
    return seconds;
}

static struct figures measure(const struct fh_framebuffer *fb, enum fh_encoding enc, int quality)
{
    struct fh_framebuffer to = picture_new(WIDTH, HEIGHT, 0);
    double encoding = 0, decoding = 0, bytes = 0;
    struct bodies b;
    int passes = 0;

    for (int i = 0; i < RECTS; i++)
        b.data[i] = need(malloc(fh_encoder_bound(SIDE * SIDE)));
    for (; passes == 0 || encoding + decoding < min_seconds; passes++) {
        encoding += encode_all(fb, enc, quality, &b);
        decoding += decode_all(&to, &b);
    }
    for (int i = 0; i < RECTS; i++) {
        bytes += b.len[i];
        free(b.data[i]);
    }
    free(to.px);
    return (struct figures){
        .encode = 1e-6 * WIDTH * HEIGHT * passes / encoding,
        .decode = 1e-6 * WIDTH * HEIGHT * passes / decoding,
        .ratio = 4.0 * WIDTH * HEIGHT / bytes,
    };
}

/* zlib alone: pixels of three bytes in the same rectangles, one stream, a flush after each. */
static struct figures measure_zlib(const struct fh_framebuffer *fb)
{
    const size_t plain_len = 3 * SIDE * SIDE, room = plain_len + plain_len / 8 + 64;
    uint8_t *plain = need(malloc(RECTS * plain_len)), *zipped = need(malloc(RECTS * room));
    double encoding = 0, decoding = 0;
    uint8_t *p = plain;
    size_t len = 0;
    int passes = 0;

    for (int i = 0; i < RECTS; i++) {
        const struct fh_rect r = rect_at(i);

        for (int32_t at = 0; at < SIDE * SIDE; at++, p += 3) {
            const uint32_t px = fb->px[(r.y + at / SIDE) * fb->stride_px + r.x + at % SIDE];

            p[0] = (uint8_t)(px >> 16);
            p[1] = (uint8_t)(px >> 8);
            p[2] = (uint8_t)px;
        }
    }
    for (; passes == 0 || encoding + decoding < min_seconds; passes++) {
        z_stream z = {0};
        double from;

        deflateInit(&z, LEVEL);
        z.next_out = zipped;
        from = now();
        for (int i = 0; i < RECTS; i++) {
            z.next_in = plain + (size_t)i * plain_len;
            z.avail_in = (uInt)plain_len;
            z.avail_out = (uInt)room;
            deflate(&z, Z_SYNC_FLUSH);
        }
        encoding += now() - from;
        len = (size_t)(z.next_out - zipped);
        deflateEnd(&z);
        memset(&z, 0, sizeof z);
        inflateInit(&z);
        z.next_in = zipped;
        z.avail_in = (uInt)len;
        z.next_out = plain;
        z.avail_out = (uInt)(RECTS * plain_len);
        from = now();
        inflate(&z, Z_SYNC_FLUSH);
        decoding += now() - from;
        inflateEnd(&z);
    }
    free(plain);
    free(zipped);
    return (struct figures){
        .encode = 1e-6 * WIDTH * HEIGHT * passes / encoding,
        .decode = 1e-6 * WIDTH * HEIGHT * passes / decoding,
        .ratio = 4.0 * WIDTH * HEIGHT / (double)len,
    };
}

/* goal: the least share of zlib's figure; what is called short is for a later version to gain. */
static void report(const char *what, const char *picture, const char *figure, const char *unit,
                   double value, double peer, double goal)
{
    printf("bench: rfb-%s-%s-%s value=%.4g unit=%s peer=zlib:%.4g ratio=%.2f goal=%.2f %s\n", what,
           picture, figure, value, unit, peer, value / peer, goal,
           value / peer >= goal ? "ok" : "short");
}

int main(void)
{
    static const struct {
        enum picture kind;
        const char *name;
    } pictures[] = {{PICTURE_TEXT, "text"}, {PICTURE_PHOTO, "photo"}, {PICTURE_SOLID, "solid"}};
    static const struct {
        enum fh_encoding enc;
        int quality;
        const char *name;
    } ways[] = {{FH_ENC_RAW, -1, "raw"},
                {FH_ENC_ZRLE, -1, "zrle"},
                {FH_ENC_TIGHT, -1, "tight"},
                {FH_ENC_TIGHT, 6, "tight-jpeg6"},
                {FH_ENC_TRLE, -1, "trle"},
                {FH_ENC_HEXTILE, -1, "hextile"},
                {FH_ENC_RRE, -1, "rre"},
                {FH_ENC_ZLIB, -1, "zlib-encoding"},
                {FH_ENC_TIGHT_PNG, -1, "tight-png"}};
    struct fh_framebuffer fb = picture_new(WIDTH, HEIGHT, 0);

    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        struct figures zlib;

        picture_draw(&fb, pictures[i].kind, 0);
        zlib = measure_zlib(&fb);
        for (size_t k = 0; k < sizeof ways / sizeof ways[0]; k++) {
            const struct figures f = measure(&fb, ways[k].enc, ways[k].quality);
            /* What has zlib in it is to be about as small as zlib alone; the others are as they
             * are. */
            const bool has_zlib = ways[k].enc == FH_ENC_ZRLE || ways[k].enc == FH_ENC_TIGHT ||
                                  ways[k].enc == FH_ENC_TIGHT_PNG;
            const double least = has_zlib ? 0.95 : 0;

            report(ways[k].name, pictures[i].name, "encode", "Mpx/s", f.encode, zlib.encode, 1);
            report(ways[k].name, pictures[i].name, "decode", "Mpx/s", f.decode, zlib.decode, 1);
            report(ways[k].name, pictures[i].name, "shrink", "times", f.ratio, zlib.ratio, least);
        }
    }
    free(fb.px);
    return 0;
}
