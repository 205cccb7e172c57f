/* SPDX-License-Identifier: MIT */
/* Zlib, rfbproto: u32 length, zlib data of what Raw would have, in one stream all along. */
#include "decode.h"

void fh__zlib_begin(struct fh_decoder *d)
{
    d->zlib.has_length = false;
    d->zlib.stream.has_more = false;
}

static enum fh__step on_length(struct fh_decoder *d, struct rd *in)
{
    const uint8_t *p = fh__decoder_hold(d, in, 4);
    struct rd r = rd_init(p, 4);

    if (!p)
        return FH__STEP_MORE;
    d->zlib.left = rd_u32(&r);
    d->zlib.has_length = true;
    return FH__STEP_AGAIN;
}

/* Bytes of the rectangle that are not inflated yet. */
static size_t bytes_missing(const struct fh_decoder *d)
{
    if (d->r.w == 0 || d->y == d->r.h)
        return 0;
    return ((size_t)(d->r.h - d->y) * (size_t)d->r.w - (size_t)d->x) * d->full.bytes - d->n_buf;
}

enum fh__step fh__zlib_step(struct fh_decoder *d, struct rd *in)
{
    struct fh__zlib *z = &d->zlib;
    size_t missing = bytes_missing(d), whole, n;
    uint8_t beyond;

    if (!z->has_length)
        return on_length(d, in);
    if (!z->stream.has_more) {
        if (z->left == 0)
            return missing == 0 ? FH__STEP_DONE : FH__STEP_BAD;
        if (in->left == 0)
            return FH__STEP_MORE;
    }
    if (missing == 0) {
        if (!fh__inflate_some(&z->stream, in, &z->left, &beyond, 1, &n) || n != 0)
            return FH__STEP_BAD;
        return FH__STEP_AGAIN;
    }
    if (missing > sizeof d->buf - d->n_buf)
        missing = sizeof d->buf - d->n_buf;
    if (!fh__inflate_some(&z->stream, in, &z->left, d->buf + d->n_buf, missing, &n))
        return FH__STEP_BAD;
    d->n_buf += n;
    whole = d->n_buf / d->full.bytes;
    fh__decoder_put(d, d->buf, whole);
    d->n_buf -= whole * d->full.bytes;
    memmove(d->buf, d->buf + whole * d->full.bytes, d->n_buf);
    return FH__STEP_AGAIN;
}
