/* SPDX-License-Identifier: MIT */
/*
 * Tight, rfbproto "Tight Encoding", for TPIXELs of three bytes red, green, blue. Filtered data is
 * inflated a row at a time; only a JPEG is gathered whole.
 */
#include <farhand/rfb_error.h>

#include "decode.h"
#include "jpeg.h"

enum {
    TPIXEL = 3,          /* bytes */
    MIN_TO_COMPRESS = 12 /* bytes; less comes as it is, without a length */
};

void fh__tight_begin(struct fh_decoder *d)
{
    d->tight.part = FH__TIGHT_CONTROL;
    d->tight.n_row = 0;
    d->tight.n_gathered = 0;
    d->tight.filter = FH__FILTER_COPY;
}

static uint32_t tpixel_of(const uint8_t p[static TPIXEL])
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static void fill(struct fh_decoder *d, uint32_t colour)
{
    for (int32_t y = 0; y < d->r.h && d->r.w > 0; y++) {
        uint32_t *to = fh__decoder_at(d, 0, y);

        for (int32_t x = 0; x < d->r.w; x++)
            to[x] = colour;
    }
}

static enum fh__step begin_length(struct fh__tight *t, enum fh__tight_part after)
{
    t->part = FH__TIGHT_LENGTH;
    t->after_length = after;
    t->n_length = 0;
    t->left = 0;
    return FH__STEP_AGAIN;
}

/* The filter is known: what the rows are like, and whether they are compressed. */
static enum fh__step begin_data(struct fh_decoder *d)
{
    struct fh__tight *t = &d->tight;
    const size_t w = (size_t)d->r.w;

    if (t->filter != FH__FILTER_PALETTE)
        t->row_bytes = w * TPIXEL;
    else
        t->row_bytes = t->n_palette == 2 ? (w + 7) / 8 : w;
    if (t->filter == FH__FILTER_GRADIENT)
        memset(t->above, 0, sizeof t->above);
    t->stream[t->in_use].has_more = false;
    if (t->row_bytes * (size_t)d->r.h >= MIN_TO_COMPRESS)
        return begin_length(t, FH__TIGHT_ZLIB);
    t->part = FH__TIGHT_PLAIN;
    return FH__STEP_AGAIN;
}

static enum fh__step on_control(struct fh_decoder *d, struct rd *in)
{
    struct fh__tight *t = &d->tight;
    const uint8_t control = rd_u8(in);

    if (in->bad)
        return FH__STEP_MORE;
    for (unsigned i = 0; i < FH__TIGHT_INFLATES; i++) {
        if (control >> i & 1 && inflateReset(&t->stream[i].z) != Z_OK)
            return FH__STEP_BAD;
    }
    if (control >> 4 == 8) {
        t->part = FH__TIGHT_FILL;
        return FH__STEP_AGAIN;
    }
    if (control >> 4 > 9)
        return FH__STEP_BAD; /* PNG and uncompressed data were not asked for */
    /* A fill may be wider: servers join fills after they have split the rest. */
    if (d->r.w > FH__TIGHT_WIDTH_MAX) {
        d->error = FH_RFB_E_LIMIT;
        return FH__STEP_BAD;
    }
    if (control >> 4 == 9)
        return begin_length(t, FH__TIGHT_JPEG);
    t->in_use = control >> 4 & 3;
    if ((control & 0x40) == 0)
        return begin_data(d);
    t->part = FH__TIGHT_FILTER;
    return FH__STEP_AGAIN;
}

static enum fh__step on_fill(struct fh_decoder *d, struct rd *in)
{
    const uint8_t *p = fh__decoder_hold(d, in, TPIXEL);

    if (!p)
        return FH__STEP_MORE;
    fill(d, tpixel_of(p));
    return FH__STEP_DONE;
}

static enum fh__step on_filter(struct fh_decoder *d, struct rd *in)
{
    struct fh__tight *t = &d->tight;
    const uint8_t id = rd_u8(in);

    if (in->bad)
        return FH__STEP_MORE;
    if (id > FH__FILTER_GRADIENT)
        return FH__STEP_BAD;
    t->filter = (enum fh__tight_filter)id;
    if (t->filter != FH__FILTER_PALETTE)
        return begin_data(d);
    t->part = FH__TIGHT_PALETTE_SIZE;
    return FH__STEP_AGAIN;
}

/* One less than the number of colours; with one colour there is nothing to choose from. */
static enum fh__step on_palette_size(struct fh__tight *t, struct rd *in)
{
    t->n_palette = rd_u8(in) + 1u;
    if (in->bad)
        return FH__STEP_MORE;
    if (t->n_palette < 2)
        return FH__STEP_BAD;
    t->n_palette_got = 0;
    t->part = FH__TIGHT_PALETTE;
    return FH__STEP_AGAIN;
}

static enum fh__step on_palette(struct fh_decoder *d, struct rd *in)
{
    struct fh__tight *t = &d->tight;
    const uint8_t *p = fh__decoder_hold(d, in, TPIXEL);

    if (!p)
        return FH__STEP_MORE;
    t->palette[t->n_palette_got++] = tpixel_of(p);
    return t->n_palette_got == t->n_palette ? begin_data(d) : FH__STEP_AGAIN;
}

/* 7 bits a byte from the lowest, while the highest bit is set; a third byte has 8. */
static enum fh__step on_length(struct fh__tight *t, struct rd *in)
{
    const uint8_t b = rd_u8(in);

    if (in->bad)
        return FH__STEP_MORE;
    t->left |= (size_t)(t->n_length < 2 ? b & 0x7f : b) << 7 * t->n_length;
    t->n_length++;
    if (t->n_length == 3 || (b & 0x80) == 0)
        t->part = t->after_length;
    return FH__STEP_AGAIN;
}

static bool palette_row(const struct fh__tight *t, int32_t w, uint32_t *to)
{
    for (int32_t x = 0; x < w; x++) {
        const unsigned index = t->n_palette == 2 ? t->row[x / 8] >> (7 - x % 8) & 1 : t->row[x];

        if (index >= t->n_palette)
            return false;
        to[x] = t->palette[index];
    }
    return true;
}

/* Each colour is the difference to left + above - above left, held between 0 and 255. */
static void gradient_row(struct fh__tight *t, int32_t w, uint32_t *to)
{
    uint8_t left[TPIXEL] = {0}, above_left[TPIXEL] = {0};

    for (int32_t x = 0; x < w; x++) {
        uint8_t *above = t->above + TPIXEL * x;

        for (int c = 0; c < TPIXEL; c++) {
            int guess = left[c] + above[c] - above_left[c];

            guess = guess < 0 ? 0 : guess > 255 ? 255 : guess;
            above_left[c] = above[c];
            left[c] = (uint8_t)(guess + t->row[TPIXEL * x + c]);
            above[c] = left[c];
        }
        to[x] = tpixel_of(left);
    }
}

/* A row of filtered data is whole. False: it is damaged. */
static bool end_row(struct fh_decoder *d)
{
    struct fh__tight *t = &d->tight;
    uint32_t *to = fh__decoder_at(d, 0, d->y);

    t->n_row = 0;
    d->y++;
    switch (t->filter) {
    case FH__FILTER_COPY:
        for (int32_t x = 0; x < d->r.w; x++)
            to[x] = tpixel_of(t->row + TPIXEL * x);
        return true;
    case FH__FILTER_PALETTE:
        return palette_row(t, d->r.w, to);
    case FH__FILTER_GRADIENT:
        gradient_row(t, d->r.w, to);
        return true;
    }
    return false;
}

static enum fh__step on_plain(struct fh_decoder *d, struct rd *in)
{
    struct fh__tight *t = &d->tight;
    size_t n = t->row_bytes - t->n_row;

    if (d->y == d->r.h || t->row_bytes == 0)
        return FH__STEP_DONE;
    if (n > in->left)
        n = in->left;
    rd_copy(in, t->row + t->n_row, n);
    t->n_row += n;
    if (t->n_row < t->row_bytes)
        return FH__STEP_MORE;
    return end_row(d) ? FH__STEP_AGAIN : FH__STEP_BAD;
}

static enum fh__step on_zlib(struct fh_decoder *d, struct rd *in)
{
    struct fh__tight *t = &d->tight;
    struct fh__inflate *s = &t->stream[t->in_use];
    const bool has_all = d->y == d->r.h;
    uint8_t beyond;
    size_t n;

    if (!s->has_more) {
        if (t->left == 0)
            return has_all ? FH__STEP_DONE : FH__STEP_BAD;
        if (in->left == 0)
            return FH__STEP_MORE;
    }
    if (has_all) {
        if (!fh__inflate_some(s, in, &t->left, &beyond, 1, &n) || n != 0)
            return FH__STEP_BAD;
        return FH__STEP_AGAIN;
    }
    if (!fh__inflate_some(s, in, &t->left, t->row + t->n_row, t->row_bytes - t->n_row, &n))
        return FH__STEP_BAD;
    t->n_row += n;
    if (t->n_row == t->row_bytes && !end_row(d))
        return FH__STEP_BAD;
    return FH__STEP_AGAIN;
}

/*
 * Whether a JPEG is w by h and of the one kind that takes one pass: baseline or extended Huffman
 * (SOF0, SOF1), all colours in its first scan. Others may have any number of scans, each a few
 * bytes long and each as much work as the whole picture.
 */
static bool is_plain_jpeg(const uint8_t *data, size_t len, int32_t w, int32_t h)
{
    struct rd r = rd_init(data, len), segment;
    uint8_t marker, n_colours = 0;

    if (rd_u16(&r) != 0xffd8)
        return false;
    while (!r.bad) {
        if (rd_u8(&r) != 0xff)
            return false;
        while ((marker = rd_u8(&r)) == 0xff)
            ;
        if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd9))
            return false; /* has no place before the scan */
        segment = rd_sub(&r, (size_t)rd_u16(&r) - 2);
        if (marker == 0xc0 || marker == 0xc1) {
            rd_skip(&segment, 1);
            if (rd_u16(&segment) != h || rd_u16(&segment) != w)
                return false;
            n_colours = rd_u8(&segment);
        } else if (marker == 0xda) {
            return rd_u8(&segment) == n_colours && (n_colours == 1 || n_colours == 3);
        }
    }
    return false;
}

static bool decode_jpeg(struct fh_decoder *d, const uint8_t *data, size_t len)
{
    uint8_t *to;

    if (d->r.w == 0 || d->r.h == 0 || !is_plain_jpeg(data, len, d->r.w, d->r.h))
        return false;
    to = (uint8_t *)fh__decoder_at(d, 0, 0);
    if (tjDecompress2(d->tight.jpeg, data, len, to, d->r.w, d->fb->stride_px * 4, d->r.h,
                      fh__jpeg_pixel_format(), TJFLAG_STOPONWARNING) != 0)
        return false;
    for (int32_t y = 0; y < d->r.h; y++) {
        uint32_t *row = fh__decoder_at(d, 0, y);

        for (int32_t x = 0; x < d->r.w; x++)
            row[x] &= 0xffffff; /* TurboJPEG does not say what it puts there */
    }
    return true;
}

static enum fh__step on_jpeg(struct fh_decoder *d, struct rd *in)
{
    struct fh__tight *t = &d->tight;
    size_t n = t->left < in->left ? t->left : in->left;
    const uint8_t *p = rd_bytes(in, n);

    t->left -= n;
    if (t->left == 0 && t->n_gathered == 0)
        return decode_jpeg(d, p, n) ? FH__STEP_DONE : FH__STEP_BAD;
    if (n != 0) {
        if ((d->error = fh__tight_gather_room(t, t->n_gathered + n)) != 0)
            return FH__STEP_BAD;
        memcpy(t->gathered + t->n_gathered, p, n);
        t->n_gathered += n;
    }
    if (t->left != 0)
        return FH__STEP_MORE;
    return decode_jpeg(d, t->gathered, t->n_gathered) ? FH__STEP_DONE : FH__STEP_BAD;
}

enum fh__step fh__tight_step(struct fh_decoder *d, struct rd *in)
{
    struct rd r = *in; /* whose end a part may pass */
    enum fh__step s = FH__STEP_BAD;

    switch (d->tight.part) {
    case FH__TIGHT_CONTROL:
        s = on_control(d, &r);
        break;
    case FH__TIGHT_FILL:
        s = on_fill(d, &r);
        break;
    case FH__TIGHT_FILTER:
        s = on_filter(d, &r);
        break;
    case FH__TIGHT_PALETTE_SIZE:
        s = on_palette_size(&d->tight, &r);
        break;
    case FH__TIGHT_PALETTE:
        s = on_palette(d, &r);
        break;
    case FH__TIGHT_PLAIN:
        s = on_plain(d, &r);
        break;
    case FH__TIGHT_LENGTH:
        s = on_length(&d->tight, &r);
        break;
    case FH__TIGHT_ZLIB:
        s = on_zlib(d, &r);
        break;
    case FH__TIGHT_JPEG:
        s = on_jpeg(d, &r);
        break;
    }
    in->p = r.p;
    in->left = r.left;
    return s;
}
