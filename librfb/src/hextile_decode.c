/* SPDX-License-Identifier: MIT */
/*
 * Hextile, RFC 6143 7.7.4: tiles of 16 x 16 from left to right. Each is u8 subencoding, then a raw
 * tile, or what its bits say: background, foreground, u8 number of subrectangles, and these, with a
 * colour each where they are coloured: u8 x and y, u8 width and height less one, in four bits each.
 *
 * A colour that no tile has given is black. It is kept beyond raw tiles, as there are servers that
 * count on it.
 */
#include "decode.h"

enum {
    SIDE = 16, /* pixels of a tile */
    RAW = 1,
    BACKGROUND = 2,
    FOREGROUND = 4,
    ANY_SUBRECTS = 8,
    COLOURED = 16,
    KNOWN = 31
};

static int32_t min32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* No rows: the head of the tile at d->x, d->y is next. */
static void begin_tile(struct fh_decoder *d)
{
    struct fh__hextile *h = &d->hextile;

    h->tile = (struct fh_rect){d->x, d->y, min32(SIDE, d->r.w - d->x), min32(SIDE, d->r.h - d->y)};
    h->is_raw = false;
    h->left = 0;
}

static void end_tile(struct fh_decoder *d)
{
    d->x += SIDE;
    if (d->x >= d->r.w) {
        d->x = 0;
        d->y += SIDE;
    }
    begin_tile(d);
}

void fh__hextile_begin(struct fh_decoder *d)
{
    d->hextile.back = d->hextile.fore = 0;
    begin_tile(d);
}

static void read_colour(const struct fh_decoder *d, struct rd *r, uint32_t *out)
{
    fh__pixel_read(&d->full, rd_bytes(r, d->full.bytes), 1, out);
}

static enum fh__step on_head(struct fh_decoder *d, struct rd *r)
{
    struct fh__hextile *h = &d->hextile;
    const unsigned flags = r->left != 0 ? r->p[0] : 0;
    size_t need = 1;

    if (!(flags & RAW)) {
        need +=
            (flags & BACKGROUND ? d->full.bytes : 0u) + (flags & FOREGROUND ? d->full.bytes : 0u);
        need += flags & ANY_SUBRECTS ? 1 : 0;
    }
    if (r->left < need)
        return FH__STEP_MORE;
    if (flags & ~(unsigned)KNOWN)
        return FH__STEP_BAD;
    rd_skip(r, 1);
    if (flags & RAW) {
        h->is_raw = true;
        h->y = 0;
        return FH__STEP_AGAIN;
    }
    if (flags & BACKGROUND)
        read_colour(d, r, &h->back);
    if (flags & FOREGROUND)
        read_colour(d, r, &h->fore);
    h->is_coloured = flags & COLOURED;
    h->left = flags & ANY_SUBRECTS ? rd_u8(r) : 0;
    fh__decoder_fill(d, &h->tile, h->back);
    if (h->left == 0)
        end_tile(d);
    return FH__STEP_AGAIN;
}

static enum fh__step on_raw(struct fh_decoder *d, struct rd *r)
{
    struct fh__hextile *h = &d->hextile;
    const size_t len = (size_t)h->tile.w * d->full.bytes;

    for (; h->y < h->tile.h; h->y++) {
        if (r->left < len)
            return FH__STEP_MORE;
        fh__pixel_read(&d->full, rd_bytes(r, len), (size_t)h->tile.w,
                       fh__decoder_at(d, h->tile.x, h->tile.y + h->y));
    }
    end_tile(d);
    return FH__STEP_AGAIN;
}

static enum fh__step on_subrects(struct fh_decoder *d, struct rd *r)
{
    struct fh__hextile *h = &d->hextile;
    const size_t len = h->is_coloured ? d->full.bytes + 2u : 2u;
    uint32_t colour = h->fore;

    for (; h->left != 0; h->left--) {
        struct fh_rect part;
        uint8_t at, size;

        if (r->left < len)
            return FH__STEP_MORE;
        if (h->is_coloured)
            read_colour(d, r, &colour);
        at = rd_u8(r);
        size = rd_u8(r);
        part = (struct fh_rect){at >> 4, at & 15, (size >> 4) + 1, (size & 15) + 1};
        if (!fh_rect_is_inside(&part, h->tile.w, h->tile.h))
            return FH__STEP_BAD;
        part.x += h->tile.x;
        part.y += h->tile.y;
        fh__decoder_fill(d, &part, colour);
    }
    end_tile(d);
    return FH__STEP_AGAIN;
}

enum fh__step fh__hextile_unit(struct fh_decoder *d, struct rd *r)
{
    if (d->r.w == 0 || d->y >= d->r.h)
        return FH__STEP_DONE;
    if (d->hextile.is_raw)
        return on_raw(d, r);
    return d->hextile.left != 0 ? on_subrects(d, r) : on_head(d, r);
}
