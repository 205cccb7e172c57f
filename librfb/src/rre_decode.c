/* SPDX-License-Identifier: MIT */
/*
 * RRE, RFC 6143 7.7.3: u32 number of subrectangles, background; then each: its colour, u16 x, y,
 * width, height.
 */
#include "decode.h"

void fh__rre_begin(struct fh_decoder *d)
{
    d->rre.has_head = false;
}

static enum fh__step on_head(struct fh_decoder *d, struct rd *r)
{
    const struct fh_rect all = {0, 0, d->r.w, d->r.h};
    uint32_t colour;

    if (r->left < 4 + (size_t)d->full.bytes)
        return FH__STEP_MORE;
    d->rre.left = rd_u32(r);
    fh__pixel_read(&d->full, rd_bytes(r, d->full.bytes), 1, &colour);
    /* No encoder needs more than one for each pixel; so the work is bound by the rectangle. */
    if (d->rre.left > (uint64_t)d->r.w * (uint64_t)d->r.h)
        return FH__STEP_BAD;
    fh__decoder_fill(d, &all, colour);
    d->rre.has_head = true;
    return FH__STEP_AGAIN;
}

enum fh__step fh__rre_unit(struct fh_decoder *d, struct rd *r)
{
    struct fh_rect part;
    uint32_t colour;

    if (!d->rre.has_head)
        return on_head(d, r);
    if (d->rre.left == 0)
        return FH__STEP_DONE;
    if (r->left < (size_t)d->full.bytes + 8)
        return FH__STEP_MORE;
    fh__pixel_read(&d->full, rd_bytes(r, d->full.bytes), 1, &colour);
    part.x = rd_u16(r);
    part.y = rd_u16(r);
    part.w = rd_u16(r);
    part.h = rd_u16(r);
    if (!fh_rect_is_inside(&part, d->r.w, d->r.h))
        return FH__STEP_BAD;
    fh__decoder_fill(d, &part, colour);
    d->rre.left--;
    return FH__STEP_AGAIN;
}
