/* SPDX-License-Identifier: MIT */
/*
 * jpeg_decode.c -- a JPEG of Tight, and the encoding JPEG of rfbproto: a JPEG as it is, without a
 * length, so that its end has to be found; tables that it lacks are those of the one before.
 */
#include "decode.h"
#include "jpeg.h"

enum {
    SOF0 = 0xc0,
    SOF1 = 0xc1,
    RST0 = 0xd0,
    RST7 = 0xd7,
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
};

/*
 * Whether a JPEG is w by h and of the one kind that takes one pass: baseline or extended Huffman
 * (SOF0, SOF1), all colours in its first scan. Others may have any number of scans, each a few
 * bytes long and each as much work as the whole picture.
 */
static bool is_plain_jpeg(const uint8_t *data, size_t len, int32_t w, int32_t h)
{
    struct rd r = rd_init(data, len), segment;
    uint8_t marker, n_colours = 0;

    if (rd_u16(&r) != 0xff00 + SOI)
        return false;
    while (!r.bad) {
        if (rd_u8(&r) != 0xff)
            return false;
        while ((marker = rd_u8(&r)) == 0xff)
            ;
        if (marker <= 0x01 || (marker >= RST0 && marker <= EOI))
            return false; /* has no place before the scan */
        segment = rd_sub(&r, (size_t)rd_u16(&r) - 2);
        if (marker == SOF0 || marker == SOF1) {
            rd_skip(&segment, 1);
            if (rd_u16(&segment) != h || rd_u16(&segment) != w)
                return false;
            n_colours = rd_u8(&segment);
        } else if (marker == SOS) {
            return rd_u8(&segment) == n_colours && (n_colours == 1 || n_colours == 3);
        }
    }
    return false;
}

bool fh__jpeg_decode(struct fh_decoder *d, void *handle, const uint8_t *data, size_t len)
{
    uint8_t *to;

    if (d->r.w == 0 || d->r.h == 0 || !is_plain_jpeg(data, len, d->r.w, d->r.h))
        return false;
    to = (uint8_t *)fh__decoder_at(d, 0, 0);
    if (tjDecompress2(handle, data, len, to, d->r.w, d->fb->stride_px * 4, d->r.h,
                      fh__jpeg_pixel_format(), TJFLAG_STOPONWARNING) != 0)
        return false;
    for (int32_t y = 0; y < d->r.h; y++) {
        uint32_t *row = fh__decoder_at(d, 0, y);

        for (int32_t x = 0; x < d->r.w; x++)
            row[x] &= 0xffffff; /* TurboJPEG does not say what it puts there */
    }
    return true;
}

static void begin_part(struct fh__jpeg *j, enum fh__jpeg_part part)
{
    j->part = part;
    j->n = 0;
    j->last = 0;
}

void fh__jpeg_begin(struct fh_decoder *d)
{
    begin_part(&d->jpeg, FH__JPEG_START);
}

/* A marker after 0xff. Bytes that repeat it fill up. */
static enum fh__step on_marker(struct fh__jpeg *j, uint8_t b)
{
    if (j->n == 0) {
        j->n = 1;
        return b == 0xff ? FH__STEP_AGAIN : FH__STEP_BAD;
    }
    if (b == 0xff)
        return FH__STEP_AGAIN;
    if (b == EOI)
        return FH__STEP_DONE;
    if (b <= 0x01 || (b >= RST0 && b <= SOI))
        return FH__STEP_BAD;
    j->marker = b;
    begin_part(j, FH__JPEG_LENGTH);
    return FH__STEP_AGAIN;
}

static enum fh__step on_length(struct fh__jpeg *j, uint8_t b)
{
    if (j->n++ == 0) {
        j->left = (size_t)b << 8;
        return FH__STEP_AGAIN;
    }
    j->left |= b;
    if (j->left < 2)
        return FH__STEP_BAD;
    j->left -= 2;
    begin_part(j, FH__JPEG_SEGMENT);
    return FH__STEP_AGAIN;
}

/* Of the data of a scan: 0xff is followed by 0, or RST0 to RST7, or is a marker's. */
static void on_scan(struct fh__jpeg *j, uint8_t b)
{
    if (j->last != 0xff || b == 0 || (b >= RST0 && b <= RST7)) {
        j->last = b == 0xff ? 0xff : 0;
        return;
    }
    if (b == 0xff)
        return;
    begin_part(j, FH__JPEG_MARKER);
    j->n = 1;
}

/* The next byte of the stream; what segments have was skipped. */
static enum fh__step on_byte(struct fh__jpeg *j, uint8_t b)
{
    switch (j->part) {
    case FH__JPEG_START:
        if (b != (j->n == 0 ? 0xff : SOI))
            return FH__STEP_BAD;
        if (j->n++ == 1)
            begin_part(j, FH__JPEG_MARKER);
        return FH__STEP_AGAIN;
    case FH__JPEG_MARKER:
        return on_marker(j, b);
    case FH__JPEG_LENGTH:
        return on_length(j, b);
    case FH__JPEG_SCAN:
        on_scan(j, b);
        return j->part == FH__JPEG_MARKER ? on_marker(j, b) : FH__STEP_AGAIN;
    case FH__JPEG_SEGMENT:
        break;
    }
    return FH__STEP_BAD;
}

/* How many of the bytes belong to the JPEG. */
static enum fh__step find_end(struct fh__jpeg *j, struct rd *r)
{
    enum fh__step s = FH__STEP_AGAIN;

    while (s == FH__STEP_AGAIN) {
        if (j->part == FH__JPEG_SEGMENT) {
            const size_t n = j->left < r->left ? j->left : r->left;

            rd_skip(r, n);
            j->left -= n;
            if (j->left != 0)
                return FH__STEP_MORE;
            begin_part(j, j->marker == SOS ? FH__JPEG_SCAN : FH__JPEG_MARKER);
        }
        if (j->part == FH__JPEG_SCAN && j->last != 0xff && r->p && r->left != 0) {
            const uint8_t *ff = memchr(r->p, 0xff, r->left);

            rd_skip(r, ff ? (size_t)(ff - r->p) : r->left);
        }
        if (r->left == 0)
            return FH__STEP_MORE;
        s = on_byte(j, rd_u8(r));
    }
    return s;
}

enum fh__step fh__jpeg_step(struct fh_decoder *d, struct rd *in)
{
    struct fh__gather *g = &d->gather;
    const uint8_t *p = in->p;
    const size_t left = in->left;
    enum fh__step s = find_end(&d->jpeg, in);
    const size_t n = left - in->left;

    if (s == FH__STEP_BAD)
        return s;
    if (s == FH__STEP_DONE && g->len == 0)
        return fh__jpeg_decode(d, d->jpeg.handle, p, n) ? s : FH__STEP_BAD;
    if ((d->error = fh__gather_add(g, p, n)) != 0)
        return FH__STEP_BAD;
    if (s != FH__STEP_DONE)
        return s;
    return fh__jpeg_decode(d, d->jpeg.handle, g->mem, g->len) ? s : FH__STEP_BAD;
}
