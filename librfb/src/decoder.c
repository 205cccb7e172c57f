/* SPDX-License-Identifier: MIT */
#include <farhand/rfb_error.h>

#include "decode.h"

static bool is_known(enum fh_encoding enc)
{
    switch (enc) {
    case FH_ENC_RAW:
    case FH_ENC_COPY_RECT:
    case FH_ENC_RRE:
    case FH_ENC_HEXTILE:
    case FH_ENC_ZLIB:
    case FH_ENC_TIGHT:
    case FH_ENC_TRLE:
    case FH_ENC_ZRLE:
    case FH_ENC_JPEG:
    case FH_ENC_TIGHT_PNG:
        return true;
    default:
        return false;
    }
}

static void begin(struct fh_decoder *d)
{
    switch (d->enc) {
    case FH_ENC_RRE:
        fh__rre_begin(d);
        break;
    case FH_ENC_HEXTILE:
        fh__hextile_begin(d);
        break;
    case FH_ENC_ZLIB:
        fh__zlib_begin(d);
        break;
    case FH_ENC_TIGHT:
    case FH_ENC_TIGHT_PNG:
        fh__tight_begin(d);
        break;
    case FH_ENC_TRLE:
        fh__tiles_begin(d, 16);
        break;
    case FH_ENC_ZRLE:
        fh__zrle_begin(d);
        break;
    case FH_ENC_JPEG:
        fh__jpeg_begin(d);
        break;
    default:
        break;
    }
}

int fh_decoder_begin(struct fh_decoder *d, enum fh_encoding enc, struct fh_framebuffer *fb,
                     const struct fh_rect *r)
{
    if (d->error != 0)
        return d->error;
    if (d->is_busy)
        return FH_RFB_E_STATE;
    if (!is_known(enc))
        return FH_RFB_E_ENCODING;
    if (!fh_rect_is_inside(r, fb->width, fb->height))
        return FH_RFB_E_INVAL;
    d->enc = enc;
    d->fb = fb;
    d->r = *r;
    d->x = d->y = 0;
    d->n_held = d->n_buf = 0;
    d->gather.len = 0;
    d->is_busy = true;
    begin(d);
    return 0;
}

int fh_decoder_set_format(struct fh_decoder *d, const struct fh_pixel_format *fmt)
{
    if (d->is_busy)
        return FH_RFB_E_STATE;
    if (!fmt->true_colour || !fh_pixel_format_is_valid(fmt))
        return FH_RFB_E_INVAL;
    fh__pixel_reader_init(&d->full, fmt, FH__PIXEL_FULL);
    fh__pixel_reader_init(&d->compact, fmt, FH__PIXEL_COMPACT);
    fh__pixel_reader_init(&d->tpixel, fmt, FH__PIXEL_TIGHT);
    return 0;
}

void fh_decoder_set_no_zlib(struct fh_decoder *d, bool is_agreed)
{
    d->tight.may_be_plain = is_agreed;
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

int fh__gather_add(struct fh__gather *g, const uint8_t *data, size_t n)
{
    int ret = fh__gather_room(g, g->len + n);

    if (ret != 0)
        return ret;
    if (n != 0)
        memcpy(g->mem + g->len, data, n);
    g->len += n;
    return 0;
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

static enum fh__step units(struct fh_decoder *d, struct rd *r,
                           enum fh__step (*unit)(struct fh_decoder *, struct rd *))
{
    enum fh__step s;

    while ((s = unit(d, r)) == FH__STEP_AGAIN)
        ;
    return s;
}

enum fh__step fh__direct_step(struct fh_decoder *d, struct rd *in,
                              enum fh__step (*unit)(struct fh_decoder *, struct rd *))
{
    const size_t before = d->n_buf, room = FH__UNIT_MAX - before;
    const size_t n = in->left < room ? in->left : room;
    struct rd r = *in;
    enum fh__step s;

    if (before == 0) {
        s = units(d, &r, unit);
        *in = r;
        if (s != FH__STEP_MORE)
            return s;
        d->n_buf = r.left; /* less than a unit */
        rd_copy(in, d->buf, r.left);
        return FH__STEP_MORE;
    }
    if (n != 0)
        memcpy(d->buf + before, in->p, n);
    r = rd_init(d->buf, before + n);
    s = units(d, &r, unit);
    if (s == FH__STEP_MORE && r.left >= before + n) {
        d->n_buf = before + n;
        rd_skip(in, n);
        return FH__STEP_MORE;
    }
    /* A unit was made whole by new bytes, so all that are left over are new. */
    d->n_buf = 0;
    rd_skip(in, n - r.left);
    return s == FH__STEP_MORE ? FH__STEP_AGAIN : s;
}

static void next_pixels(struct fh_decoder *d, int32_t n)
{
    d->x += n;
    if (d->x == d->r.w) {
        d->x = 0;
        d->y++;
    }
}

void fh__decoder_put(struct fh_decoder *d, const uint8_t *p, size_t n)
{
    while (n > 0) {
        const size_t in_row = (size_t)(d->r.w - d->x), now = n < in_row ? n : in_row;

        fh__pixel_read(&d->full, p, now, fh__decoder_at(d, d->x, d->y));
        next_pixels(d, (int32_t)now);
        p += now * d->full.bytes;
        n -= now;
    }
}

void fh__decoder_fill(const struct fh_decoder *d, const struct fh_rect *part, uint32_t colour)
{
    for (int32_t y = part->y; y < part->y + part->h && part->w > 0; y++)
        fh__fill_pixels(fh__decoder_at(d, part->x, y), part->w, colour);
}

/* Raw, RFC 6143 7.7.1. */
static enum fh__step raw_step(struct fh_decoder *d, struct rd *in)
{
    const unsigned bytes = d->full.bytes;
    size_t n = in->left / bytes, left;
    const uint8_t *p;

    if (d->r.w == 0 || d->y == d->r.h)
        return FH__STEP_DONE;
    if (d->n_held != 0 || n == 0) {
        if (!(p = fh__decoder_hold(d, in, bytes)))
            return FH__STEP_MORE;
        fh__decoder_put(d, p, 1);
        return FH__STEP_AGAIN;
    }
    left = (size_t)(d->r.h - d->y) * (size_t)d->r.w - (size_t)d->x;
    if (n > left)
        n = left;
    fh__decoder_put(d, rd_bytes(in, bytes * n), n);
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
    switch (d->enc) {
    case FH_ENC_RAW:
        return raw_step(d, in);
    case FH_ENC_COPY_RECT:
        return copy_rect_step(d, in);
    case FH_ENC_RRE:
        return fh__direct_step(d, in, fh__rre_unit);
    case FH_ENC_HEXTILE:
        return fh__direct_step(d, in, fh__hextile_unit);
    case FH_ENC_ZLIB:
        return fh__zlib_step(d, in);
    case FH_ENC_TIGHT:
    case FH_ENC_TIGHT_PNG:
        return fh__tight_step(d, in);
    case FH_ENC_TRLE:
        return fh__direct_step(d, in, fh__tiles_unit);
    case FH_ENC_ZRLE:
        return fh__zrle_step(d, in);
    case FH_ENC_JPEG:
        return fh__jpeg_step(d, in);
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
    if (d->error == 0)
        d->error = FH_RFB_E_DATA;
    return d->error;
}
