/* SPDX-License-Identifier: MIT */
#include <farhand/rfb_error.h>

#include "decode.h"

int fh_decoder_begin(struct fh_decoder *d, enum fh_encoding enc, struct fh_framebuffer *fb,
                     const struct fh_rect *r)
{
    if (d->error != 0)
        return d->error;
    if (d->is_busy)
        return FH_RFB_E_STATE;
    if (enc != FH_ENC_RAW && enc != FH_ENC_COPY_RECT && enc != FH_ENC_TIGHT && enc != FH_ENC_ZRLE)
        return FH_RFB_E_ENCODING;
    if (!fh_rect_is_inside(r, fb->width, fb->height))
        return FH_RFB_E_INVAL;
    d->enc = enc;
    d->fb = fb;
    d->r = *r;
    d->x = d->y = 0;
    d->n_held = 0;
    d->is_busy = true;
    return 0;
}

static uint32_t *row_at(const struct fh_decoder *d, int32_t x, int32_t y)
{
    return d->fb->px + (size_t)(d->r.y + y) * (size_t)d->fb->stride_px + (d->r.x + x);
}

/* Fills held up to want bytes. NULL while it is not whole; then held is empty again. */
static const uint8_t *hold(struct fh_decoder *d, struct rd *in, size_t want)
{
    size_t n = want - d->n_held;

    if (n > in->left)
        n = in->left;
    rd_copy(in, d->held + d->n_held, n);
    d->n_held += n;
    if (d->n_held < want)
        return NULL;
    d->n_held = 0;
    return d->held;
}

static uint32_t pixel_of(const uint8_t p[static 4])
{
    return (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void next_pixels(struct fh_decoder *d, int32_t n)
{
    d->x += n;
    if (d->x == d->r.w) {
        d->x = 0;
        d->y++;
    }
}

/* Raw, RFC 6143 7.7.1. */
static enum fh__step raw_step(struct fh_decoder *d, struct rd *in)
{
    size_t n = in->left / 4;
    const uint8_t *p;
    uint32_t *out;

    if (d->r.w == 0 || d->y == d->r.h)
        return FH__STEP_DONE;
    out = row_at(d, d->x, d->y);
    if (d->n_held != 0 || n == 0) {
        if (!(p = hold(d, in, 4)))
            return FH__STEP_MORE;
        *out = pixel_of(p);
        next_pixels(d, 1);
        return FH__STEP_AGAIN;
    }
    if (n > (size_t)(d->r.w - d->x))
        n = (size_t)(d->r.w - d->x);
    p = rd_bytes(in, 4 * n);
    for (size_t i = 0; i < n; i++, p += 4)
        out[i] = pixel_of(p);
    next_pixels(d, (int32_t)n);
    return FH__STEP_AGAIN;
}

/* CopyRect, RFC 6143 7.7.2: u16 x, u16 y of where the pixels are now. */
static enum fh__step copy_rect_step(struct fh_decoder *d, struct rd *in)
{
    const uint8_t *p = hold(d, in, 4);
    struct fh_rect from = d->r;
    const uint32_t *src;
    int32_t y;

    if (!p)
        return FH__STEP_MORE;
    from.x = p[0] << 8 | p[1];
    from.y = p[2] << 8 | p[3];
    if (!fh_rect_is_inside(&from, d->fb->width, d->fb->height))
        return FH__STEP_BAD;
    for (int32_t i = 0; i < from.h && from.w > 0; i++) {
        y = from.y < d->r.y ? from.h - 1 - i : i; /* a row is read before it is overwritten */
        src = d->fb->px + (size_t)(from.y + y) * (size_t)d->fb->stride_px + from.x;
        memmove(row_at(d, 0, y), src, (size_t)from.w * sizeof *src);
    }
    return FH__STEP_DONE;
}

static enum fh__step step(struct fh_decoder *d, struct rd *in)
{
    switch ((int)d->enc) {
    case FH_ENC_RAW:
        return raw_step(d, in);
    case FH_ENC_COPY_RECT:
        return copy_rect_step(d, in);
    default:
        return FH__STEP_BAD;
    }
}

int fh_decoder_input(struct fh_decoder *d, const uint8_t *data, size_t len, size_t *used)
{
    struct rd in = rd_init(data, len);
    enum fh__step s;

    *used = 0;
    if (d->error != 0)
        return d->error;
    if (!d->is_busy)
        return FH_RFB_E_STATE;
    while ((s = step(d, &in)) == FH__STEP_AGAIN)
        ;
    *used = len - in.left;
    if (s == FH__STEP_MORE)
        return 0;
    d->is_busy = false;
    if (s == FH__STEP_DONE)
        return 1;
    return d->error = FH_RFB_E_DATA;
}
