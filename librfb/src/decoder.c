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
    fh__zrle_begin(d);
    fh__tight_begin(d);
    return 0;
}

const uint8_t *fh__decoder_hold(struct fh_decoder *d, struct rd *in, size_t want)
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

bool fh__inflate_some(struct fh__inflate *s, struct rd *in, size_t *left, uint8_t *out, size_t room,
                      size_t *n)
{
    const size_t len = *left < in->left ? *left : in->left;
    int ret;

    s->z.next_in = (Bytef *)rd_bytes(in, 0);
    s->z.avail_in = (uInt)len;
    s->z.next_out = out;
    s->z.avail_out = (uInt)room;
    ret = inflate(&s->z, Z_SYNC_FLUSH);
    rd_skip(in, len - s->z.avail_in);
    *left -= len - s->z.avail_in;
    *n = room - s->z.avail_out;
    s->has_more = s->z.avail_out == 0;
    if (ret != Z_OK && ret != Z_BUF_ERROR && ret != Z_STREAM_END)
        return false;
    /* Room for output and bytes that it does not want: after its end, or nonsense. */
    return s->z.avail_in == 0 || s->has_more;
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
    out = fh__decoder_at(d, d->x, d->y);
    if (d->n_held != 0 || n == 0) {
        if (!(p = fh__decoder_hold(d, in, 4)))
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
    const uint8_t *p = fh__decoder_hold(d, in, 4);
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
        memmove(fh__decoder_at(d, 0, y), src, (size_t)from.w * sizeof *src);
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
    case FH_ENC_ZRLE:
        return fh__zrle_step(d, in);
    case FH_ENC_TIGHT:
        return fh__tight_step(d, in);
    }
    return FH__STEP_BAD;
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
    if (d->error == 0)
        d->error = FH_RFB_E_DATA;
    return d->error;
}
