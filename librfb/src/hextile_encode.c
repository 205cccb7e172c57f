/* SPDX-License-Identifier: MIT */
/*
 * Hextile, RFC 6143 7.7.4: tiles of 16 x 16 from left to right; each raw, or a background with
 * subrectangles of one foreground or of a colour each.
 */
#include "encode.h"

enum {
    SIDE = 16, /* pixels of a tile */
    RAW = 1,
    BACKGROUND = 2,
    FOREGROUND = 4,
    ANY_SUBRECTS = 8,
    COLOURED = 16,
    SUBRECTS_MAX = 255
};

/* A colour that the viewer keeps from tile to tile. */
struct kept {
    uint32_t word;
    bool is_known;
};

struct hextile {
    struct fh_encoder *e;
    struct kept back, fore;
    uint32_t words[SIDE * SIDE];
    int32_t w, h;
};

/* The colour of most pixels. *n: how many colours there are, at most 3 are told apart. */
static uint32_t background(const struct hextile *t, unsigned *n, uint32_t *fore)
{
    const int32_t pixels = t->w * t->h;
    uint32_t colour[2] = {t->words[0], 0};
    int32_t count[2] = {0};

    *n = 1;
    for (int32_t i = 0; i < pixels; i++) {
        if (t->words[i] == colour[0]) {
            count[0]++;
        } else if (*n == 1 || t->words[i] == colour[1]) {
            *n = *n == 1 ? 2 : *n;
            colour[1] = t->words[i];
            count[1]++;
        } else {
            *n = 3;
        }
    }
    *fore = count[1] > count[0] ? colour[0] : colour[1];
    return count[1] > count[0] ? colour[1] : colour[0];
}

static bool is_row_of(const uint32_t *px, int32_t w, uint32_t colour)
{
    for (int32_t x = 0; x < w; x++)
        if (px[x] != colour)
            return false;
    return true;
}

/* Takes from the tile a subrectangle of one colour, whose first row is as long as can be. */
static void take(struct hextile *t, int32_t x, int32_t y, uint32_t back, uint8_t out[static 2])
{
    uint32_t *px = t->words + y * t->w + x;
    const uint32_t colour = *px;
    int32_t w = 1, h = 1;

    while (x + w < t->w && px[w] == colour)
        w++;
    while (y + h < t->h && is_row_of(px + h * t->w, w, colour))
        h++;
    for (int32_t j = 0; j < h; j++)
        for (int32_t i = 0; i < w; i++)
            px[j * t->w + i] = back;
    out[0] = (uint8_t)(x << 4 | y);
    out[1] = (uint8_t)((w - 1) << 4 | (h - 1));
}

/* The subrectangles of a tile. NULL: they would pass end, or are too many. */
static uint8_t *put_subrects(struct hextile *t, uint32_t back, bool is_coloured, uint8_t *p,
                             const uint8_t *end)
{
    const struct fh__pixel_table *table = &t->e->full;
    const size_t each = is_coloured ? table->bytes + 2u : 2u;
    uint8_t *count = p++;
    unsigned n = 0;

    for (int32_t i = 0; i < t->w * t->h; i++) {
        const uint32_t colour = t->words[i];

        if (colour == back)
            continue;
        if (n++ == SUBRECTS_MAX || (size_t)(end - p) < each)
            return NULL;
        if (is_coloured)
            p = fh__pixel_store(table, &colour, 1, p);
        take(t, i % t->w, i / t->w, back, p);
        p += 2;
    }
    *count = (uint8_t)n;
    return p;
}

static uint8_t *put_colour(const struct hextile *t, struct kept *k, uint32_t word, uint8_t *p)
{
    k->word = word;
    k->is_known = true;
    return fh__pixel_store(&t->e->full, &word, 1, p);
}

static bool is_kept(const struct kept *k, uint32_t word)
{
    return k->is_known && k->word == word;
}

/* NULL: raw is smaller; the tile's words are no longer all there. */
static uint8_t *put_tile(struct hextile *t, uint8_t *out)
{
    const uint8_t *end = out + 1 + (size_t)t->w * (size_t)t->h * t->e->full.bytes;
    uint8_t *p = out + 1, flags = 0;
    uint32_t fore = 0, back;
    unsigned n;

    back = background(t, &n, &fore);
    if ((size_t)(end - p) < 2 * (size_t)t->e->full.bytes + 1)
        return NULL;
    if (!is_kept(&t->back, back)) {
        flags |= BACKGROUND;
        p = put_colour(t, &t->back, back, p);
    }
    if (n == 2 && !is_kept(&t->fore, fore)) {
        flags |= FOREGROUND;
        p = put_colour(t, &t->fore, fore, p);
    }
    if (n >= 2)
        flags |= ANY_SUBRECTS;
    if (n > 2) {
        flags |= COLOURED;
        t->fore.is_known = false;
    }
    if (n >= 2 && !(p = put_subrects(t, back, n > 2, p, end)))
        return NULL;
    *out = flags;
    return p;
}

static uint8_t *put_raw(struct hextile *t, const struct fh_framebuffer *fb, const struct fh_rect *r,
                        uint8_t *p)
{
    *p++ = RAW;
    for (int32_t y = 0; y < r->h; y++)
        p += fh_encoder_pixels(t->e, fh__fb_row(fb, r->x, r->y + y), (size_t)r->w, p);
    /* RFC 6143 7.7.4: not to be counted on after a raw tile. */
    t->back.is_known = t->fore.is_known = false;
    return p;
}

int fh__hextile_encode(struct fh_encoder *e, const struct fh_framebuffer *fb,
                       const struct fh_rect *r, uint8_t *out)
{
    const int32_t right = r->x + r->w, bottom = r->y + r->h;
    struct hextile t = {.e = e};
    struct fh_rect tile = *r;
    uint8_t *p = out, *end;

    for (tile.y = r->y; tile.y < bottom; tile.y += SIDE) {
        tile.h = bottom - tile.y < SIDE ? bottom - tile.y : SIDE;
        for (tile.x = r->x; tile.x < right; tile.x += SIDE) {
            tile.w = right - tile.x < SIDE ? right - tile.x : SIDE;
            t.w = tile.w;
            t.h = tile.h;
            for (int32_t y = 0; y < tile.h; y++)
                fh__pixel_translate(&e->full, fh__fb_row(fb, tile.x, tile.y + y), (size_t)tile.w,
                                    t.words + y * tile.w);
            end = put_tile(&t, p);
            p = end ? end : put_raw(&t, fb, &tile, p);
        }
    }
    return (int)(p - out);
}
