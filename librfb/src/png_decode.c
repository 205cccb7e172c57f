/* SPDX-License-Identifier: MIT */
/*
 * png_decode.c -- a PNG of TightPNG (PNG, second edition, W3C): all types and depths, not
 * interlaced, of the size of the rectangle. Its rows are inflated one at a time.
 */
#include <stdlib.h>

#include "decode.h"

enum {
    GREY = 0,
    RGB = 2,
    PALETTE = 3,
    GREY_ALPHA = 4,
    RGB_ALPHA = 6,
    ROW_MAX = 1 + 8 * FH__TIGHT_WIDTH_MAX, /* bytes: the filter, and four samples of 16 bits */
    FILTERS = 5
};

#define CHUNK(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

struct png {
    struct fh_decoder *d;
    uint8_t depth, type;
    bool has_head;
    size_t step;      /* bytes from a byte to that of the pixel before */
    size_t row_bytes; /* with the filter */
    size_t n;         /* bytes of the row that is being inflated */
    int32_t y;
    unsigned n_palette;
    uint32_t palette[256];
    uint8_t *row, *above; /* in the decoder's buffer */
};

_Static_assert(2 * ROW_MAX <= FH__DECODE_BUF, "two rows");

static unsigned channels(uint8_t type)
{
    return type == RGB ? 3 : type == RGB_ALPHA ? 4 : type == GREY_ALPHA ? 2 : 1;
}

static bool is_depth_of(uint8_t depth, uint8_t type)
{
    switch (type) {
    case GREY:
        return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
    case PALETTE:
        return depth == 1 || depth == 2 || depth == 4 || depth == 8;
    case RGB:
    case GREY_ALPHA:
    case RGB_ALPHA:
        return depth == 8 || depth == 16;
    default:
        return false;
    }
}

/* u32 width, u32 height, u8 depth, colour type, compression 0, filter 0, interlace. */
static bool on_head(struct png *p, struct rd *r)
{
    const struct fh_decoder *d = p->d;
    size_t bits;

    if (p->has_head || rd_u32(r) != (uint32_t)d->r.w || rd_u32(r) != (uint32_t)d->r.h)
        return false;
    p->depth = rd_u8(r);
    p->type = rd_u8(r);
    if (rd_u24(r) != 0 || !rd_is_done(r) || !is_depth_of(p->depth, p->type))
        return false;
    bits = (size_t)p->depth * channels(p->type);
    p->step = (bits + 7) / 8;
    p->row_bytes = 1 + ((size_t)d->r.w * bits + 7) / 8;
    memset(p->above, 0, p->row_bytes);
    p->has_head = true;
    return true;
}

static bool on_palette(struct png *p, struct rd *r)
{
    p->n_palette = (unsigned)(r->left / 3);
    if (r->left % 3 != 0 || r->left > sizeof p->palette / 4 * 3)
        return false;
    for (unsigned i = 0; i < p->n_palette; i++)
        p->palette[i] = rd_u24(r);
    return true;
}

static int closest(int a, int b, int c)
{
    const int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);

    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* 9.2: a byte is the difference to what is expected from its left, above, and above left. */
static void unfilter(struct png *p)
{
    uint8_t *row = p->row + 1;
    const uint8_t *above = p->above + 1;
    const size_t n = p->row_bytes - 1, step = p->step;

    for (size_t i = 0; i < n && p->row[0] != 0; i++) {
        const int a = i < step ? 0 : row[i - step], b = above[i];
        const int c = i < step ? 0 : above[i - step];

        switch (p->row[0]) {
        case 1:
            row[i] = (uint8_t)(row[i] + a);
            break;
        case 2:
            row[i] = (uint8_t)(row[i] + b);
            break;
        case 3:
            row[i] = (uint8_t)(row[i] + (a + b) / 2);
            break;
        default:
            row[i] = (uint8_t)(row[i] + closest(a, b, c));
            break;
        }
    }
}

/* A sample of less than eight bits as it is, of sixteen its upper eight. */
static uint8_t sample(const struct png *p, size_t i)
{
    const uint8_t *row = p->row + 1;
    const size_t bit = i * p->depth;

    if (p->depth == 16)
        return row[2 * i];
    return (uint8_t)(row[bit / 8] >> (8 - p->depth - bit % 8) & ((1 << p->depth) - 1));
}

static bool put_row(struct png *p)
{
    const struct fh_decoder *d = p->d;
    const unsigned n = channels(p->type);
    uint32_t *to = fh__decoder_at(d, 0, p->y);

    for (int32_t x = 0; x < d->r.w; x++) {
        const size_t i = (size_t)x * n;
        uint32_t v = p->depth == 8 ? p->row[1 + i] : sample(p, i);

        if (p->type == PALETTE) {
            if (v >= p->n_palette)
                return false;
            to[x] = p->palette[v];
        } else if (n >= 3) {
            to[x] = v << 16 | (uint32_t)sample(p, i + 1) << 8 | sample(p, i + 2);
        } else {
            v = p->depth < 8 ? v * (255u / ((1u << p->depth) - 1)) : v;
            to[x] = v * 0x10101;
        }
    }
    return true;
}

static bool end_row(struct png *p)
{
    uint8_t *row = p->row;

    if (row[0] >= FILTERS)
        return false;
    unfilter(p);
    if (!put_row(p))
        return false;
    p->row = p->above;
    p->above = row;
    p->n = 0;
    p->y++;
    return true;
}

static bool on_data(struct png *p, struct rd *r)
{
    struct fh__inflate *s = &p->d->tight.png;
    size_t left = r->left, n;
    uint8_t beyond;

    if (!p->has_head || (p->type == PALETTE && p->n_palette == 0))
        return false;
    while (r->left != 0 || s->has_more) {
        if (p->y == p->d->r.h)
            return fh__inflate_some(s, r, &left, &beyond, 1, &n) && n == 0 && r->left == 0;
        if (!fh__inflate_some(s, r, &left, p->row + p->n, p->row_bytes - p->n, &n))
            return false;
        p->n += n;
        if (p->n == p->row_bytes && !end_row(p))
            return false;
    }
    return true;
}

/* u32 length, type, data, CRC of both. Critical chunks that are not known cannot be left out. */
static bool on_chunk(struct png *p, struct rd *r, bool *is_end)
{
    const uint32_t len = rd_u32(r);
    const uint8_t *covered = r->p;
    const uint32_t type = rd_u32(r);
    struct rd data = rd_sub(r, len);
    const uint32_t crc = rd_u32(r);

    if (r->bad || crc != crc32(0, covered, (uInt)len + 4))
        return false;
    switch (type) {
    case CHUNK('I', 'H', 'D', 'R'):
        return on_head(p, &data);
    case CHUNK('P', 'L', 'T', 'E'):
        return on_palette(p, &data);
    case CHUNK('I', 'D', 'A', 'T'):
        return on_data(p, &data);
    case CHUNK('I', 'E', 'N', 'D'):
        *is_end = true;
        return p->y == p->d->r.h;
    default:
        return (type & CHUNK(0x20, 0, 0, 0)) != 0;
    }
}

bool fh__png_decode(struct fh_decoder *d, const uint8_t *data, size_t len)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    struct png p = {.d = d, .row = d->buf, .above = d->buf + FH__DECODE_BUF / 2};
    struct rd r = rd_init(data, len);
    const uint8_t *first = rd_bytes(&r, sizeof signature);
    bool is_end = false;

    if (!first || memcmp(first, signature, sizeof signature) != 0 || d->r.w == 0 || d->r.h == 0)
        return false;
    d->tight.png.has_more = false;
    if (inflateReset(&d->tight.png.z) != Z_OK)
        return false;
    while (!is_end)
        if (!on_chunk(&p, &r, &is_end))
            return false;
    return r.left == 0;
}
