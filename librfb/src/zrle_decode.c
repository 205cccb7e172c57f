/* SPDX-License-Identifier: MIT */
/*
 * ZRLE, RFC 6143 7.7.6. The zlib data is inflated into a small buffer and read from there in units:
 * a subencoding, a palette, a packed row, a run. A unit that is not whole waits for more.
 */
#include "decode.h"

enum {
    CPIXEL = 3, /* bytes: blue, green, red */
    TILE = 64,  /* pixels a side */
    PACKED_MAX = 16,
    SUB_PLAIN_RLE = 128
};

void fh__zrle_begin(struct fh_decoder *d)
{
    d->zrle.part = FH__ZRLE_LENGTH;
    d->zrle.n_buf = 0;
    d->zrle.stream.has_more = false;
}

static uint32_t read_cpixel(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, CPIXEL);

    return p ? (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

static int32_t min32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* d->x, d->y: the corner of the tile in the rectangle. */
static void begin_tile(struct fh_decoder *d)
{
    struct fh__zrle *z = &d->zrle;

    z->at = 0;
    z->tile.x = d->x;
    z->tile.y = d->y;
    z->tile.w = min32(TILE, d->r.w - d->x);
    z->tile.h = min32(TILE, d->r.h - d->y);
    z->part = FH__ZRLE_SUBENCODING;
    if (d->r.w == 0 || d->y >= d->r.h)
        z->part = FH__ZRLE_COMPLETE;
}

static void next_tile(struct fh_decoder *d)
{
    d->x += TILE;
    if (d->x >= d->r.w) {
        d->x = 0;
        d->y += TILE;
    }
    begin_tile(d);
}

/* n pixels from where the tile is now; n is not more than are left. */
static void put_run(struct fh_decoder *d, uint32_t colour, int32_t n)
{
    struct fh__zrle *z = &d->zrle;

    while (n > 0) {
        const int32_t x = z->at % z->tile.w, y = z->at / z->tile.w;
        const int32_t now = min32(n, z->tile.w - x);
        uint32_t *to = fh__decoder_at(d, z->tile.x + x, z->tile.y + y);

        for (int32_t i = 0; i < now; i++)
            to[i] = colour;
        z->at += now;
        n -= now;
    }
}

static enum fh__step end_unit(struct fh_decoder *d)
{
    if (d->zrle.at == d->zrle.tile.w * d->zrle.tile.h)
        next_tile(d);
    return FH__STEP_AGAIN;
}

static enum fh__step on_subencoding(struct fh_decoder *d, struct rd *r)
{
    struct fh__zrle *z = &d->zrle;
    const uint8_t sub = rd_u8(r);

    if (r->bad)
        return FH__STEP_MORE;
    if (sub == 0) {
        z->part = FH__ZRLE_RAW;
    } else if (sub == SUB_PLAIN_RLE) {
        z->part = FH__ZRLE_PLAIN_RLE;
    } else if (sub <= PACKED_MAX) {
        z->part = FH__ZRLE_PALETTE;
        z->n_palette = sub;
        z->after_palette = sub == 1 ? FH__ZRLE_SUBENCODING : FH__ZRLE_PACKED;
    } else if (sub >= SUB_PLAIN_RLE + 2) {
        z->part = FH__ZRLE_PALETTE;
        z->n_palette = sub - SUB_PLAIN_RLE;
        z->after_palette = FH__ZRLE_PALETTE_RLE;
    } else {
        return FH__STEP_BAD; /* 17 to 127 and 129 are not used */
    }
    return FH__STEP_AGAIN;
}

static enum fh__step on_palette(struct fh_decoder *d, struct rd *r)
{
    struct fh__zrle *z = &d->zrle;

    if (r->left < (size_t)z->n_palette * CPIXEL)
        return FH__STEP_MORE;
    for (unsigned i = 0; i < z->n_palette; i++)
        z->palette[i] = read_cpixel(r);
    z->part = z->after_palette;
    if (z->n_palette == 1) {
        put_run(d, z->palette[0], z->tile.w * z->tile.h);
        return end_unit(d);
    }
    return FH__STEP_AGAIN;
}

/* As many pixels as there are in this row of the tile. */
static enum fh__step on_raw(struct fh_decoder *d, struct rd *r)
{
    struct fh__zrle *z = &d->zrle;
    const int32_t x = z->at % z->tile.w, y = z->at / z->tile.w;
    uint32_t *to = fh__decoder_at(d, z->tile.x + x, z->tile.y + y);
    int32_t n = z->tile.w - x;

    if (r->left / CPIXEL < (size_t)n)
        n = (int32_t)(r->left / CPIXEL);
    if (n == 0)
        return FH__STEP_MORE;
    for (int32_t i = 0; i < n; i++)
        to[i] = read_cpixel(r);
    z->at += n;
    return end_unit(d);
}

static enum fh__step on_packed(struct fh_decoder *d, struct rd *r)
{
    struct fh__zrle *z = &d->zrle;
    const unsigned bits = z->n_palette <= 2 ? 1 : z->n_palette <= 4 ? 2 : 4;
    const uint8_t *p = rd_bytes(r, ((size_t)z->tile.w * bits + 7) / 8);
    uint32_t *to = fh__decoder_at(d, z->tile.x, z->tile.y + z->at / z->tile.w);

    if (!p)
        return FH__STEP_MORE;
    for (int32_t i = 0; i < z->tile.w; i++) {
        const unsigned bit = (unsigned)i * bits;
        const unsigned index = p[bit / 8] >> (8 - bits - bit % 8) & ((1u << bits) - 1);

        if (index >= z->n_palette)
            return FH__STEP_BAD;
        to[i] = z->palette[index];
    }
    z->at += z->tile.w;
    return end_unit(d);
}

/* The length of a run: 1 and the sum of bytes up to the first that is not 255. */
static enum fh__step read_run(struct rd *r, int32_t most, int32_t *run)
{
    int32_t n = 1;
    uint8_t b;

    do {
        b = rd_u8(r);
        n += b;
        if (n > most)
            return FH__STEP_BAD;
    } while (b == 255);
    *run = n;
    return r->bad ? FH__STEP_MORE : FH__STEP_AGAIN;
}

static enum fh__step on_rle(struct fh_decoder *d, struct rd *r)
{
    struct fh__zrle *z = &d->zrle;
    const int32_t most = z->tile.w * z->tile.h - z->at;
    enum fh__step s = FH__STEP_AGAIN;
    uint32_t colour;
    int32_t run = 1;

    if (z->part == FH__ZRLE_PLAIN_RLE) {
        colour = read_cpixel(r);
        s = read_run(r, most, &run);
    } else {
        const uint8_t index = rd_u8(r);

        if ((index & 0x7f) >= z->n_palette)
            return FH__STEP_BAD;
        colour = z->palette[index & 0x7f];
        if (index & 0x80)
            s = read_run(r, most, &run);
    }
    if (s == FH__STEP_BAD)
        return s;
    if (r->bad)
        return FH__STEP_MORE;
    put_run(d, colour, run);
    return end_unit(d);
}

static enum fh__step unit(struct fh_decoder *d, struct rd *r)
{
    switch (d->zrle.part) {
    case FH__ZRLE_LENGTH:
        break;
    case FH__ZRLE_SUBENCODING:
        return on_subencoding(d, r);
    case FH__ZRLE_PALETTE:
        return on_palette(d, r);
    case FH__ZRLE_RAW:
        return on_raw(d, r);
    case FH__ZRLE_PACKED:
        return on_packed(d, r);
    case FH__ZRLE_PLAIN_RLE:
    case FH__ZRLE_PALETTE_RLE:
        return on_rle(d, r);
    case FH__ZRLE_COMPLETE:
        return FH__STEP_DONE;
    }
    return FH__STEP_BAD;
}

/* Reads all whole units of the buffer, and moves the rest to its front. */
static enum fh__step units(struct fh_decoder *d)
{
    struct fh__zrle *z = &d->zrle;
    struct rd whole = rd_init(z->buf, z->n_buf), r = whole;
    enum fh__step s;

    while ((s = unit(d, &r)) == FH__STEP_AGAIN)
        whole = r;
    memmove(z->buf, whole.p, whole.left);
    z->n_buf = whole.left;
    return s;
}

static enum fh__step on_length(struct fh_decoder *d, struct rd *in)
{
    const uint8_t *p = fh__decoder_hold(d, in, 4);
    struct rd r = rd_init(p, 4);

    if (!p)
        return FH__STEP_MORE;
    d->zrle.left = rd_u32(&r);
    begin_tile(d);
    return FH__STEP_AGAIN;
}

enum fh__step fh__zrle_step(struct fh_decoder *d, struct rd *in)
{
    struct fh__zrle *z = &d->zrle;
    enum fh__step s;
    size_t n;

    if (z->part == FH__ZRLE_LENGTH)
        return on_length(d, in);
    s = units(d);
    if (s == FH__STEP_BAD || (s == FH__STEP_DONE && z->n_buf != 0))
        return FH__STEP_BAD;
    if (!z->stream.has_more) {
        if (z->left == 0)
            return s == FH__STEP_DONE ? FH__STEP_DONE : FH__STEP_BAD;
        if (in->left == 0)
            return FH__STEP_MORE;
    }
    if (!fh__inflate_some(&z->stream, in, &z->left, z->buf + z->n_buf, sizeof z->buf - z->n_buf,
                          &n))
        return FH__STEP_BAD;
    z->n_buf += n;
    return FH__STEP_AGAIN;
}
