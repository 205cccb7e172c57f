/* SPDX-License-Identifier: MIT */
/*
 * ZRLE, RFC 6143 7.7.6: u32 length, zlib data. It is inflated into a buffer, and the tiles are read
 * from there.
 */
#include "decode.h"

enum { SIDE = 64 /* pixels of a tile */ };

void fh__zrle_begin(struct fh_decoder *d)
{
    d->zrle.has_length = false;
    d->zrle.stream.has_more = false;
    fh__tiles_begin(d, SIDE);
}

/* Reads all whole units of the buffer, and moves the rest to its front. */
static enum fh__step units(struct fh_decoder *d)
{
    struct rd r = rd_init(d->buf, d->n_buf);
    enum fh__step s;

    while ((s = fh__tiles_unit(d, &r)) == FH__STEP_AGAIN)
        ;
    memmove(d->buf, r.p, r.left);
    d->n_buf = r.left;
    return s;
}

static enum fh__step on_length(struct fh_decoder *d, struct rd *in)
{
    const uint8_t *p = fh__decoder_hold(d, in, 4);
    struct rd r = rd_init(p, 4);

    if (!p)
        return FH__STEP_MORE;
    d->zrle.left = rd_u32(&r);
    d->zrle.has_length = true;
    return FH__STEP_AGAIN;
}

enum fh__step fh__zrle_step(struct fh_decoder *d, struct rd *in)
{
    struct fh__zrle *z = &d->zrle;
    enum fh__step s;
    size_t n;

    if (!z->has_length)
        return on_length(d, in);
    s = units(d);
    if (s == FH__STEP_BAD || (s == FH__STEP_DONE && d->n_buf != 0))
        return FH__STEP_BAD;
    if (!z->stream.has_more) {
        if (z->left == 0)
            return s == FH__STEP_DONE ? FH__STEP_DONE : FH__STEP_BAD;
        if (in->left == 0)
            return FH__STEP_MORE;
    }
    if (!fh__inflate_some(&z->stream, in, &z->left, d->buf + d->n_buf, sizeof d->buf - d->n_buf,
                          &n))
        return FH__STEP_BAD;
    d->n_buf += n;
    return FH__STEP_AGAIN;
}
