/* SPDX-License-Identifier: MIT */
/*
 * The tiles of ZRLE and TRLE, RFC 6143 7.7.5 and 7.7.6, in units: a subencoding, a palette, a
 * packed row, a run. A unit that is not whole waits for more.
 */
#include "decode.h"

enum {
    PACKED_MAX = 16, /* colours */
    SUB_REUSE_PACKED = 127,
    SUB_PLAIN_RLE = 128,
    SUB_REUSE_RLE = 129
};

static int32_t min32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* d->x, d->y: the corner of the tile in the rectangle. */
static void begin_tile(struct fh_decoder *d)
{
    struct fh__tiles *t = &d->tiles;

    t->tile.x = d->x;
    t->tile.y = d->y;
    t->tile.w = min32(t->side, d->r.w - d->x);
    t->tile.h = min32(t->side, d->r.h - d->y);
    t->x = t->y = 0;
    t->part = FH__TILE_SUBENCODING;
    if (d->r.w == 0 || d->y >= d->r.h)
        t->part = FH__TILE_COMPLETE;
}

void fh__tiles_begin(struct fh_decoder *d, int32_t side)
{
    d->tiles.side = side;
    d->tiles.may_reuse = d->enc == FH_ENC_TRLE;
    d->tiles.n_palette = 0;
    begin_tile(d);
}

static enum fh__step end_tile(struct fh_decoder *d)
{
    d->x += d->tiles.side;
    if (d->x >= d->r.w) {
        d->x = 0;
        d->y += d->tiles.side;
    }
    begin_tile(d);
    return FH__STEP_AGAIN;
}

static uint32_t *tile_row(const struct fh_decoder *d)
{
    return fh__decoder_at(d, d->tiles.tile.x, d->tiles.tile.y + d->tiles.y);
}

static int32_t pixels_left(const struct fh__tiles *t)
{
    return (t->tile.h - t->y) * t->tile.w - t->x;
}

/* n pixels from where the tile is now; n is not more than are left. */
static void put_run(struct fh_decoder *d, uint32_t colour, int32_t n)
{
    struct fh__tiles *t = &d->tiles;

    while (n > 0) {
        const int32_t now = min32(n, t->tile.w - t->x);

        fh__fill_pixels(tile_row(d) + t->x, now, colour);
        n -= now;
        t->x += now;
        if (t->x == t->tile.w) {
            t->x = 0;
            t->y++;
        }
    }
}

static enum fh__step solid(struct fh_decoder *d)
{
    put_run(d, d->tiles.palette[0], d->tiles.tile.w * d->tiles.tile.h);
    return end_tile(d);
}

/* The palette of the tile before; what had one colour is that colour again. */
static enum fh__step reuse(struct fh_decoder *d, uint8_t sub)
{
    struct fh__tiles *t = &d->tiles;

    if (!t->may_reuse || t->n_palette == 0 ||
        (sub == SUB_REUSE_PACKED && t->n_palette > PACKED_MAX))
        return FH__STEP_BAD;
    if (sub == SUB_REUSE_PACKED && t->n_palette == 1)
        return solid(d);
    t->part = sub == SUB_REUSE_PACKED ? FH__TILE_PACKED : FH__TILE_PALETTE_RLE;
    return FH__STEP_AGAIN;
}

static enum fh__step on_subencoding(struct fh_decoder *d, struct rd *r)
{
    struct fh__tiles *t = &d->tiles;
    uint8_t sub;

    if (r->left == 0)
        return FH__STEP_MORE;
    sub = rd_u8(r);
    if (sub == 0) {
        t->part = FH__TILE_RAW;
    } else if (sub == SUB_PLAIN_RLE) {
        t->part = FH__TILE_PLAIN_RLE;
    } else if (sub <= PACKED_MAX) {
        t->part = FH__TILE_PALETTE;
        t->n_palette = sub;
        t->after_palette = sub == 1 ? FH__TILE_SUBENCODING : FH__TILE_PACKED;
    } else if (sub > SUB_REUSE_RLE) {
        t->part = FH__TILE_PALETTE;
        t->n_palette = sub - SUB_PLAIN_RLE;
        t->after_palette = FH__TILE_PALETTE_RLE;
    } else if (sub == SUB_REUSE_PACKED || sub == SUB_REUSE_RLE) {
        return reuse(d, sub);
    } else {
        return FH__STEP_BAD; /* 17 to 126 are not used */
    }
    return FH__STEP_AGAIN;
}

static enum fh__step on_palette(struct fh_decoder *d, struct rd *r)
{
    struct fh__tiles *t = &d->tiles;
    const size_t len = (size_t)t->n_palette * d->compact.bytes;

    if (r->left < len)
        return FH__STEP_MORE;
    fh__pixel_read(&d->compact, rd_bytes(r, len), t->n_palette, t->palette);
    if (t->n_palette == 1)
        return solid(d);
    t->part = t->after_palette;
    return FH__STEP_AGAIN;
}

/* As many pixels as there are in each row of the tile. */
static enum fh__step on_raw(struct fh_decoder *d, struct rd *r)
{
    struct fh__tiles *t = &d->tiles;
    const unsigned bytes = d->compact.bytes;

    while (t->y < t->tile.h) {
        int32_t n = t->tile.w - t->x;

        if (r->left / bytes < (size_t)n)
            n = (int32_t)(r->left / bytes);
        if (n == 0)
            return FH__STEP_MORE;
        fh__pixel_read(&d->compact, rd_bytes(r, (size_t)n * bytes), (size_t)n, tile_row(d) + t->x);
        t->x += n;
        if (t->x == t->tile.w) {
            t->x = 0;
            t->y++;
        }
    }
    return end_tile(d);
}

/* A row of indices from the highest bits. False: one is not in the palette. */
static bool unpack_row(const struct fh__tiles *t, unsigned bits, const uint8_t *p, uint32_t *to)
{
    const unsigned mask = (1u << bits) - 1;
    unsigned most = 0;

    for (int32_t i = 0; i < t->tile.w; p++) {
        unsigned byte = *p;

        for (unsigned n = 8 / bits; n > 0 && i < t->tile.w; n--, byte <<= bits) {
            const unsigned index = byte >> (8 - bits) & mask;

            most = index > most ? index : most;
            to[i++] = t->palette[index];
        }
    }
    return most < t->n_palette;
}

static enum fh__step on_packed(struct fh_decoder *d, struct rd *r)
{
    struct fh__tiles *t = &d->tiles;
    const unsigned bits = t->n_palette <= 2 ? 1 : t->n_palette <= 4 ? 2 : 4;
    const size_t len = ((size_t)t->tile.w * bits + 7) / 8;

    /* A row that is refused shows nothing that was there before (V21). */
    for (unsigned i = t->n_palette; i < 1u << bits; i++)
        t->palette[i] = 0;
    for (; t->y < t->tile.h; t->y++) {
        if (r->left < len)
            return FH__STEP_MORE;
        if (!unpack_row(t, bits, rd_bytes(r, len), tile_row(d)))
            return FH__STEP_BAD;
    }
    return end_tile(d);
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

static enum fh__step on_plain_rle(struct fh_decoder *d, struct rd *r)
{
    struct fh__tiles *t = &d->tiles;
    const unsigned bytes = d->compact.bytes;
    int32_t most;

    while ((most = pixels_left(t)) != 0) {
        struct rd at = *r;
        enum fh__step s;
        uint32_t colour;
        int32_t run = 1;

        if (at.left <= bytes)
            return FH__STEP_MORE;
        fh__pixel_read(&d->compact, rd_bytes(&at, bytes), 1, &colour);
        if ((s = read_run(&at, most, &run)) != FH__STEP_AGAIN)
            return s;
        put_run(d, colour, run);
        *r = at;
    }
    return end_tile(d);
}

/* Pixels without a run, as many as there are in this row. False: one is not in the palette. */
static bool put_singles(struct fh_decoder *d, struct rd *r)
{
    struct fh__tiles *t = &d->tiles;
    const size_t in_row = (size_t)(t->tile.w - t->x), most = r->left < in_row ? r->left : in_row;
    uint32_t *to = tile_row(d) + t->x;
    size_t n = 0;

    for (; n < most && r->p[n] < 0x80; n++) {
        if (r->p[n] >= t->n_palette)
            return false;
        to[n] = t->palette[r->p[n]];
    }
    rd_skip(r, n);
    t->x += (int32_t)n;
    if (t->x == t->tile.w) {
        t->x = 0;
        t->y++;
    }
    return true;
}

static enum fh__step on_palette_rle(struct fh_decoder *d, struct rd *r)
{
    struct fh__tiles *t = &d->tiles;

    while (t->y < t->tile.h) {
        struct rd at = *r;
        enum fh__step s;
        uint8_t index;
        int32_t run;

        if (at.left == 0)
            return FH__STEP_MORE;
        index = rd_u8(&at);
        if (index < 0x80) {
            if (!put_singles(d, r))
                return FH__STEP_BAD;
            continue;
        }
        if ((index & 0x7f) >= t->n_palette)
            return FH__STEP_BAD;
        if ((s = read_run(&at, pixels_left(t), &run)) != FH__STEP_AGAIN)
            return s;
        put_run(d, t->palette[index & 0x7f], run);
        *r = at;
    }
    return end_tile(d);
}

enum fh__step fh__tiles_unit(struct fh_decoder *d, struct rd *r)
{
    switch (d->tiles.part) {
    case FH__TILE_SUBENCODING:
        return on_subencoding(d, r);
    case FH__TILE_PALETTE:
        return on_palette(d, r);
    case FH__TILE_RAW:
        return on_raw(d, r);
    case FH__TILE_PACKED:
        return on_packed(d, r);
    case FH__TILE_PLAIN_RLE:
        return on_plain_rle(d, r);
    case FH__TILE_PALETTE_RLE:
        return on_palette_rle(d, r);
    case FH__TILE_COMPLETE:
        return FH__STEP_DONE;
    }
    return FH__STEP_BAD;
}
