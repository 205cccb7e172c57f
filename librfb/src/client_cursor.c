/* SPDX-License-Identifier: MIT */
/*
 * client_cursor.c -- the shapes of a cursor that servers send: Cursor (RFC 6143 7.8.1), XCursor,
 * CursorWithAlpha and VMware's (rfbproto). The body is gathered, for its size is known.
 */
#include <string.h>

#include "client_machine.h"

enum { VMWARE_CLASSICAL = 0, VMWARE_ALPHA = 1 };

static size_t mask_row(const struct fh_rect *r)
{
    return ((size_t)r->w + 7) / 8;
}

/* What a cursor is called by and how many bytes it has; those of its head are read here. */
static int read_head(const struct fh_rfb_client *c, int32_t enc, const struct fh_rect *r,
                     struct rd *in, enum fh__cursor_kind *kind, size_t *n)
{
    const size_t pixels = (size_t)r->w * (size_t)r->h, mask = mask_row(r) * (size_t)r->h;
    uint8_t type;

    switch (enc) {
    case FH_ENC_CURSOR:
        *kind = FH__CURSOR_COLOURS;
        *n = pixels * c->pixel.bytes + mask;
        return 0;
    case FH_ENC_XCURSOR:
        *kind = FH__CURSOR_TWO_COLOURS;
        *n = pixels != 0 ? 6 + 2 * mask : 0;
        return 0;
    case FH_ENC_CURSOR_WITH_ALPHA:
        *kind = FH__CURSOR_ALPHA;
        *n = 4 * pixels;
        return rd_u32(in) == FH_ENC_RAW || in->bad ? 0 : FH_RFB_E_ENCODING;
    default:
        type = rd_u8(in);
        rd_skip(in, 1);
        *kind = type == VMWARE_ALPHA ? FH__CURSOR_VMWARE_ALPHA : FH__CURSOR_VMWARE;
        *n = type == VMWARE_ALPHA ? 4 * pixels : 2 * pixels * c->pixel.bytes;
        return type <= VMWARE_ALPHA ? 0 : FH_RFB_E_PROTO;
    }
}

enum fh__parse fh__client_begin_cursor(struct fh_rfb_client *c, const struct fh_rect *rect,
                                       int32_t enc, struct rd *r)
{
    struct fh_rect cursor = *rect;
    enum fh__cursor_kind kind;
    size_t n;
    int ret;

    if (cursor.w > FH_CURSOR_MAX_SIDE || cursor.h > FH_CURSOR_MAX_SIDE)
        return fh__client_bad(c, FH_RFB_E_LIMIT);
    if (cursor.w == 0 || cursor.h == 0)
        cursor = (struct fh_rect){0};
    /* A hot spot outside is of no use to anyone, but there are servers that send one. */
    if (cursor.x >= cursor.w)
        cursor.x = cursor.w - (cursor.w != 0);
    if (cursor.y >= cursor.h)
        cursor.y = cursor.h - (cursor.h != 0);
    if ((ret = read_head(c, enc, &cursor, r, &kind, &n)) != 0)
        return fh__client_bad(c, ret);
    if (r->bad)
        return FH__PARSE_MORE;
    if (cursor.w != 0 && !fh__client_cursor_new(c, (size_t)cursor.w * (size_t)cursor.h, n))
        return fh__client_bad(c, FH_RFB_E_NOMEM);
    c->rect = cursor;
    c->cursor_kind = kind;
    c->cursor_at = 0;
    c->cursor_len = n;
    c->state = FH__CLIENT_IN_CURSOR;
    return FH__PARSE_DONE;
}

/* Whether the bit of pixel x, y is set, in rows of whole bytes from the highest bit. */
static bool is_set(const struct fh_rect *r, const uint8_t *mask, int32_t x, int32_t y)
{
    return mask[(size_t)y * mask_row(r) + (size_t)x / 8] & 0x80 >> x % 8;
}

static uint32_t rgb_of(const uint8_t p[static 3])
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static void from_colours(const struct fh_rfb_client *c, const uint8_t *body, uint32_t *px)
{
    const size_t n = (size_t)c->rect.w * (size_t)c->rect.h;
    const uint8_t *mask = body + n * c->pixel.bytes;

    fh__pixel_read(&c->pixel, body, n, px);
    for (int32_t y = 0; y < c->rect.h; y++)
        for (int32_t x = 0; x < c->rect.w; x++, px++)
            *px |= is_set(&c->rect, mask, x, y) ? 0xff000000 : 0;
}

/* The colours of set and of other bits, bits, and a mask of the same size. */
static void from_two_colours(const struct fh_rfb_client *c, const uint8_t *body, uint32_t *px)
{
    const uint32_t fore = rgb_of(body), back = rgb_of(body + 3);
    const uint8_t *bits = body + 6, *mask = bits + mask_row(&c->rect) * (size_t)c->rect.h;

    for (int32_t y = 0; y < c->rect.h; y++)
        for (int32_t x = 0; x < c->rect.w; x++)
            *px++ = (is_set(&c->rect, bits, x, y) ? fore : back) |
                    (is_set(&c->rect, mask, x, y) ? 0xff000000 : 0);
}

/* Without the alpha that it was multiplied with. */
static uint32_t divided(uint8_t colour, uint8_t alpha)
{
    const uint32_t v = alpha != 0 ? (colour * 255u + alpha / 2) / alpha : 0;

    return v < 255 ? v : 255;
}

/* Red, green, blue, alpha, a byte each. */
static void from_alpha(const struct fh_rfb_client *c, const uint8_t *p, bool is_multiplied,
                       uint32_t *px)
{
    for (int32_t i = 0; i < c->rect.w * c->rect.h; i++, p += 4)
        if (is_multiplied)
            px[i] = (uint32_t)p[3] << 24 | divided(p[0], p[3]) << 16 | divided(p[1], p[3]) << 8 |
                    divided(p[2], p[3]);
        else
            px[i] = (uint32_t)p[3] << 24 | rgb_of(p);
}

/*
 * The pixel of the screen AND the first, XOR the second. What is not one colour, or the screen's,
 * turns the screen's colours round: shown as black.
 */
static void from_and_xor(const struct fh_rfb_client *c, const uint8_t *body, uint32_t *px)
{
    const size_t n = (size_t)c->rect.w * (size_t)c->rect.h;
    uint32_t and_, xor_;

    for (size_t i = 0; i < n; i++) {
        fh__pixel_read(&c->pixel, body + i * c->pixel.bytes, 1, &and_);
        fh__pixel_read(&c->pixel, body + (n + i) * c->pixel.bytes, 1, &xor_);
        if (and_ == 0)
            px[i] = 0xff000000 | xor_;
        else
            px[i] = xor_ == 0 && and_ == 0xffffff ? 0 : 0xff000000;
    }
}

static void convert(const struct fh_rfb_client *c, const uint8_t *body, uint32_t *px)
{
    switch (c->cursor_kind) {
    case FH__CURSOR_COLOURS:
        from_colours(c, body, px);
        break;
    case FH__CURSOR_TWO_COLOURS:
        from_two_colours(c, body, px);
        break;
    case FH__CURSOR_ALPHA:
    case FH__CURSOR_VMWARE_ALPHA:
        from_alpha(c, body, c->cursor_kind == FH__CURSOR_ALPHA, px);
        break;
    case FH__CURSOR_VMWARE:
        from_and_xor(c, body, px);
        break;
    }
}

static enum fh__parse end_cursor(struct fh_rfb_client *c)
{
    struct fh_rfb_client_event *ev;

    if (c->rect.w != 0)
        convert(c, c->cursor_body, c->next_cursor);
    fh__client_cursor_turn(c);
    ev = fh__client_new_event(c, FH_RFB_CLIENT_EV_CURSOR);
    ev->cursor.argb = c->cursor;
    ev->cursor.w = c->rect.w;
    ev->cursor.h = c->rect.h;
    ev->cursor.hot_x = c->rect.x;
    ev->cursor.hot_y = c->rect.y;
    return fh__client_rect_done(c);
}

enum fh__parse fh__client_cursor(struct fh_rfb_client *c, struct rd *r)
{
    const size_t left = c->cursor_len - c->cursor_at, n = r->left < left ? r->left : left;

    if (n != 0)
        rd_copy(r, c->cursor_body + c->cursor_at, n);
    c->cursor_at += n;
    c->in_pos += n;
    return c->cursor_at < c->cursor_len ? FH__PARSE_MORE : end_cursor(c);
}
