/* SPDX-License-Identifier: MIT */
/*
 * Tight and TightPNG, rfbproto. Filtered data is inflated as many rows at a time as there is room
 * for; only a JPEG or a PNG is gathered whole.
 */
#include <farhand/rfb_error.h>

#include "decode.h"

enum {
    MIN_TO_COMPRESS = 12, /* bytes; less comes as it is, without a length */
    CONTROL_FILL = 8,
    CONTROL_JPEG = 9,
    CONTROL_PLAIN = 10, /* of TightPNG: a PNG */
    CONTROL_PLAIN_FILTER = 14
};

void fh__tight_begin(struct fh_decoder *d)
{
    d->tight.part = FH__TIGHT_CONTROL;
    d->tight.filter = FH__FILTER_COPY;
    d->tight.is_plain = false;
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
        t->row_bytes = w * d->tpixel.bytes;
    else
        t->row_bytes = t->n_palette == 2 ? (w + 7) / 8 : w;
    if (t->filter == FH__FILTER_GRADIENT)
        memset(t->above, 0, sizeof t->above);
    t->stream[t->in_use].has_more = false;
    if (t->row_bytes * (size_t)d->r.h >= MIN_TO_COMPRESS)
        return begin_length(t, t->is_plain ? FH__TIGHT_PLAIN : FH__TIGHT_ZLIB);
    t->left = t->row_bytes * (size_t)d->r.h;
    t->part = FH__TIGHT_PLAIN;
    return FH__STEP_AGAIN;
}

/* What of the upper four bits is for this rectangle: of basic compression, or a JPEG or PNG. */
static enum fh__step begin_kind(struct fh_decoder *d, unsigned kind)
{
    struct fh__tight *t = &d->tight;
    const bool has_png = d->enc == FH_ENC_TIGHT_PNG;

    if (kind == CONTROL_JPEG)
        return begin_length(t, FH__TIGHT_JPEG);
    if (has_png)
        return kind == CONTROL_PLAIN ? begin_length(t, FH__TIGHT_PNG) : FH__STEP_BAD;
    t->is_plain = kind == CONTROL_PLAIN || kind == CONTROL_PLAIN_FILTER;
    if (t->is_plain ? !t->may_be_plain : kind > CONTROL_JPEG)
        return FH__STEP_BAD;
    t->in_use = kind & 3;
    if ((kind & 4) == 0)
        return begin_data(d);
    t->part = FH__TIGHT_FILTER;
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
    if (control >> 4 == CONTROL_FILL) {
        t->part = FH__TIGHT_FILL;
        return FH__STEP_AGAIN;
    }
    /* A fill may be wider: servers join fills after they have split the rest. */
    if (d->r.w > FH__TIGHT_WIDTH_MAX && control >> 4 <= CONTROL_PLAIN) {
        d->error = FH_RFB_E_LIMIT;
        return FH__STEP_BAD;
    }
    return begin_kind(d, control >> 4);
}

static enum fh__step on_fill(struct fh_decoder *d, struct rd *in)
{
    const uint8_t *p = fh__decoder_hold(d, in, d->tpixel.bytes);
    const struct fh_rect all = {0, 0, d->r.w, d->r.h};
    uint32_t colour;

    if (!p)
        return FH__STEP_MORE;
    fh__pixel_read(&d->tpixel, p, 1, &colour);
    fh__decoder_fill(d, &all, colour);
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
    const uint8_t *p = fh__decoder_hold(d, in, d->tpixel.bytes);

    if (!p)
        return FH__STEP_MORE;
    fh__pixel_read(&d->tpixel, p, 1, &t->palette[t->n_palette_got++]);
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

static bool mono_row(const struct fh__tight *t, const uint8_t *row, int32_t w, uint32_t *to)
{
    const uint32_t other = t->palette[0] ^ t->palette[1];

    for (int32_t x = 0; x < w; x++)
        to[x] = t->palette[0] ^ (other & -(uint32_t)(row[x / 8] >> (7 - x % 8) & 1));
    return true;
}

static bool palette_row(const struct fh__tight *t, const uint8_t *row, int32_t w, uint32_t *to)
{
    uint8_t most = 0;

    for (int32_t x = 0; x < w; x++)
        most = row[x] > most ? row[x] : most;
    if (most >= t->n_palette)
        return false;
    for (int32_t x = 0; x < w; x++)
        to[x] = t->palette[row[x]];
    return true;
}

/* Each colour is the difference to left + above - above left, held between 0 and its max. */
static void gradient_row(struct fh_decoder *d, const uint8_t *row, uint32_t *to)
{
    const struct fh_pixel_format *f = &d->tpixel.fmt;
    const int32_t max[3] = {f->red_max, f->green_max, f->blue_max};
    uint16_t left[3] = {0}, above_left[3] = {0}, got[3];

    for (int32_t x = 0; x < d->r.w; x++) {
        uint16_t *above = d->tight.above + 3 * x;

        fh__pixel_colours(&d->tpixel, row + (size_t)x * d->tpixel.bytes, got);
        for (int c = 0; c < 3; c++) {
            int32_t guess = left[c] + above[c] - above_left[c];

            guess = guess < 0 ? 0 : guess > max[c] ? max[c] : guess;
            above_left[c] = above[c];
            left[c] = (uint16_t)((guess + got[c]) & max[c]);
            above[c] = left[c];
        }
        to[x] = fh__pixel_of_colours(&d->tpixel, left);
    }
}

/* A row of filtered data is whole. False: it is damaged. */
static bool put_row(struct fh_decoder *d, const uint8_t *row)
{
    struct fh__tight *t = &d->tight;
    uint32_t *to = fh__decoder_at(d, 0, d->y);

    d->y++;
    switch (t->filter) {
    case FH__FILTER_COPY:
        fh__pixel_read(&d->tpixel, row, (size_t)d->r.w, to);
        return true;
    case FH__FILTER_PALETTE:
        return t->n_palette == 2 ? mono_row(t, row, d->r.w, to) : palette_row(t, row, d->r.w, to);
    case FH__FILTER_GRADIENT:
        gradient_row(d, row, to);
        return true;
    }
    return false;
}

/* How many bytes of the rows to come have room in the buffer, which holds less than a row. */
static size_t rows_room(const struct fh_decoder *d)
{
    const size_t row = d->tight.row_bytes, rows = sizeof d->buf / row;
    const size_t left = (size_t)(d->r.h - d->y);

    return (left < rows ? left : rows) * row - d->n_buf;
}

/* Bytes came to the buffer: its whole rows. False: they are damaged. */
static bool put_rows(struct fh_decoder *d, size_t n)
{
    const size_t row = d->tight.row_bytes;
    size_t at = 0;

    for (d->n_buf += n; d->n_buf >= row; d->n_buf -= row, at += row)
        if (!put_row(d, d->buf + at))
            return false;
    memmove(d->buf, d->buf + at, d->n_buf);
    return true;
}

static bool has_all_rows(const struct fh_decoder *d)
{
    return d->y == d->r.h || d->tight.row_bytes == 0;
}

/* Without zlib: t->left bytes, which are as many as the rows have. */
static enum fh__step on_plain(struct fh_decoder *d, struct rd *in)
{
    struct fh__tight *t = &d->tight;
    size_t n;

    if (has_all_rows(d))
        return t->left == 0 ? FH__STEP_DONE : FH__STEP_BAD;
    if (t->left != (size_t)(d->r.h - d->y) * t->row_bytes - d->n_buf)
        return FH__STEP_BAD;
    if (in->left == 0)
        return FH__STEP_MORE;
    n = rows_room(d);
    n = n < in->left ? n : in->left;
    rd_copy(in, d->buf + d->n_buf, n);
    t->left -= n;
    return put_rows(d, n) ? FH__STEP_AGAIN : FH__STEP_BAD;
}

static enum fh__step on_zlib(struct fh_decoder *d, struct rd *in)
{
    struct fh__tight *t = &d->tight;
    struct fh__inflate *s = &t->stream[t->in_use];
    const bool has_all = has_all_rows(d);
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
    if (!fh__inflate_some(s, in, &t->left, d->buf + d->n_buf, rows_room(d), &n))
        return FH__STEP_BAD;
    return put_rows(d, n) ? FH__STEP_AGAIN : FH__STEP_BAD;
}

static bool decode_gathered(struct fh_decoder *d, const uint8_t *data, size_t len)
{
    if (d->tight.part == FH__TIGHT_PNG)
        return fh__png_decode(d, data, len);
    return fh__jpeg_decode(d, d->tight.jpeg, data, len);
}

/* A JPEG or a PNG. */
static enum fh__step on_gathered(struct fh_decoder *d, struct rd *in)
{
    struct fh__tight *t = &d->tight;
    const size_t n = t->left < in->left ? t->left : in->left;
    const uint8_t *p = rd_bytes(in, n);

    t->left -= n;
    if (t->left == 0 && d->gather.len == 0)
        return decode_gathered(d, p, n) ? FH__STEP_DONE : FH__STEP_BAD;
    if (n != 0 && (d->error = fh__gather_add(&d->gather, p, n)) != 0)
        return FH__STEP_BAD;
    if (t->left != 0)
        return FH__STEP_MORE;
    return decode_gathered(d, d->gather.mem, d->gather.len) ? FH__STEP_DONE : FH__STEP_BAD;
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
    case FH__TIGHT_PNG:
        s = on_gathered(d, &r);
        break;
    }
    in->p = r.p;
    in->left = r.left;
    return s;
}
