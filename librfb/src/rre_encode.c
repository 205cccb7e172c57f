/* SPDX-License-Identifier: MIT */
/*
 * RRE, RFC 6143 7.7.3: u32 number of subrectangles, background; then each: its colour, u16 x, y,
 * width, height. For flat pictures; what would be larger than Raw is not made.
 */
#include "encode.h"
#include "wr.h"

/* The colour of most pixels, which needs no subrectangles. */
static uint32_t background(const struct fh_encoder *e, size_t pixels)
{
    uint32_t count[FH__PALETTE_MAX] = {0};
    unsigned best = 0;

    for (size_t i = 0, run; i < pixels; i += run) {
        for (run = 1; i + run < pixels && e->words[i + run] == e->words[i]; run++)
            ;
        count[fh__palette_index(&e->palette, e->words[i])] += (uint32_t)run;
    }
    for (unsigned i = 1; i < e->palette.n; i++)
        best = count[i] > count[best] ? i : best;
    return e->palette.colour[best];
}

static bool is_row_of(const uint32_t *px, int32_t w, uint32_t colour)
{
    for (int32_t x = 0; x < w; x++)
        if (px[x] != colour)
            return false;
    return true;
}

/* The largest of one colour whose corner is (x, y) and whose first row is as long as can be. */
static struct fh_rect grow(const uint32_t *words, const struct fh_rect *r, int32_t x, int32_t y)
{
    const uint32_t *px = words + (size_t)y * (size_t)r->w + (size_t)x, colour = *px;
    struct fh_rect s = {x, y, 1, 1};

    while (x + s.w < r->w && px[s.w] == colour)
        s.w++;
    while (y + s.h < r->h && is_row_of(px + (size_t)s.h * (size_t)r->w, s.w, colour))
        s.h++;
    return s;
}

/* What is told need not be told again. */
static void take(uint32_t *words, int32_t width, const struct fh_rect *s, uint32_t back)
{
    for (int32_t y = s->y; y < s->y + s->h; y++)
        for (int32_t x = s->x; x < s->x + s->w; x++)
            words[(size_t)y * (size_t)width + (size_t)x] = back;
}

static void put_pixel(struct wr *w, const struct fh__pixel_table *t, uint32_t word)
{
    uint8_t *p = wr_room(w, t->bytes);

    if (p)
        fh__pixel_store(t, &word, 1, p);
}

int fh__rre_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                   uint8_t *out)
{
    const size_t pixels = (size_t)r->w * (size_t)r->h;
    struct wr w = wr_init(out, pixels * e->full.bytes), head;
    uint32_t back, n = 0;

    fh__encoder_words(e, &e->full, fb, r);
    if (!fh__encoder_count(e, pixels, FH__PALETTE_MAX))
        return 0;
    back = background(e, pixels);
    wr_u32(&w, 0);
    put_pixel(&w, &e->full, back);
    for (size_t i = 0; i < pixels && !w.bad; i++) {
        const uint32_t colour = e->words[i];
        struct fh_rect s;

        if (colour == back)
            continue;
        s = grow(e->words, r, (int32_t)(i % (size_t)r->w), (int32_t)(i / (size_t)r->w));
        take(e->words, r->w, &s, back);
        put_pixel(&w, &e->full, colour);
        wr_u16(&w, (uint16_t)s.x);
        wr_u16(&w, (uint16_t)s.y);
        wr_u16(&w, (uint16_t)s.w);
        wr_u16(&w, (uint16_t)s.h);
        n++;
    }
    head = wr_init(out, 4);
    wr_u32(&head, n);
    return w.bad ? 0 : (int)w.len;
}
