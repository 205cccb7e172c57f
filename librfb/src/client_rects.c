/* SPDX-License-Identifier: MIT */
/* client_rects.c -- the rectangles of an update, RFC 6143 7.6.1, 7.7, 7.8 and rfbproto. */
#include <string.h>

#include "client_machine.h"
#include "text.h"

static void end_update(struct fh_rfb_client *c)
{
    c->state = FH__CLIENT_EXPECT_MESSAGE;
    fh__client_new_event(c, FH_RFB_CLIENT_EV_UPDATE);
    if (c->continuous == FH__CONTINUOUS_ON && c->is_resized)
        fh__client_send_enable(c);
    if (c->continuous != FH__CONTINUOUS_ON || c->is_resized)
        fh__client_send_request(c, !c->is_resized);
}

void fh__client_next_rect(struct fh_rfb_client *c)
{
    c->state = FH__CLIENT_EXPECT_RECT;
    if (c->until_last)
        return;
    if (c->rects_left == 0)
        end_update(c);
    else
        c->rects_left--;
}

static enum fh__parse done(struct fh_rfb_client *c)
{
    fh__client_next_rect(c);
    return FH__PARSE_DONE;
}

static enum fh__parse begin_pixels(struct fh_rfb_client *c, const struct fh_rect *rect, int32_t enc)
{
    int ret;

    if (!fh_rect_is_inside(rect, c->width, c->height))
        return fh__client_bad(c, FH_RFB_E_PROTO);
    if ((rect->w == 0 || rect->h == 0) && enc != FH_ENC_RAW && enc != FH_ENC_COPY_RECT)
        return fh__client_bad(c, FH_RFB_E_PROTO);
    if ((ret = fh_decoder_begin(c->decoder, (enum fh_encoding)enc, &c->fb, rect)) != 0)
        return fh__client_bad(c, ret);
    c->rect = *rect;
    c->state = FH__CLIENT_IN_PIXELS;
    return FH__PARSE_DONE;
}

enum fh__parse fh__client_pixels(struct fh_rfb_client *c, struct rd *r)
{
    size_t used = 0;
    int ret = fh_decoder_input(c->decoder, r->p, r->left, &used);

    if (ret < 0)
        return fh__client_bad(c, ret);
    rd_skip(r, used);
    c->in_pos += used;
    if (ret == 0)
        return FH__PARSE_MORE;
    if (c->rect.w != 0 && c->rect.h != 0)
        fh__client_new_event(c, FH_RFB_CLIENT_EV_RECT)->rect = c->rect;
    return done(c);
}

static enum fh__parse begin_cursor(struct fh_rfb_client *c, const struct fh_rect *rect)
{
    struct fh_rect cursor = *rect;

    if (cursor.w > FH_CURSOR_MAX_SIDE || cursor.h > FH_CURSOR_MAX_SIDE)
        return fh__client_bad(c, FH_RFB_E_LIMIT);
    if (cursor.w == 0 || cursor.h == 0)
        cursor = (struct fh_rect){0};
    /* A hot spot outside is of no use to anyone, but there are servers that send one. */
    if (cursor.x >= cursor.w)
        cursor.x = cursor.w - (cursor.w != 0);
    if (cursor.y >= cursor.h)
        cursor.y = cursor.h - (cursor.h != 0);
    if (cursor.w != 0 && !fh__client_cursor_new(c, (size_t)cursor.w * (size_t)cursor.h))
        return fh__client_bad(c, FH_RFB_E_NOMEM);
    c->rect = cursor;
    c->cursor_at = 0;
    c->state = FH__CLIENT_IN_CURSOR;
    return FH__PARSE_DONE;
}

static enum fh__parse end_cursor(struct fh_rfb_client *c)
{
    struct fh_rfb_client_event *ev;

    fh__client_cursor_turn(c);
    ev = fh__client_new_event(c, FH_RFB_CLIENT_EV_CURSOR);
    ev->cursor.argb = c->cursor;
    ev->cursor.w = c->rect.w;
    ev->cursor.h = c->rect.h;
    ev->cursor.hot_x = c->rect.x;
    ev->cursor.hot_y = c->rect.y;
    return done(c);
}

/* One byte of the mask: eight pixels of a row, the first in the highest bit. */
static void mask_pixels(struct fh_rfb_client *c, size_t at, uint8_t bits)
{
    const size_t w = (size_t)c->rect.w, bytes = (w + 7) / 8;
    const size_t y = at / bytes, x = at % bytes * 8;
    uint32_t *px = c->next_cursor + y * w;

    for (size_t i = x; i < w && i < x + 8; i++)
        if (bits & 0x80 >> (i - x))
            px[i] |= UINT32_C(0xff000000);
}

/* RFC 6143 7.8.1: pixels as fh_pixel_format_rgb888(), then the mask. */
enum fh__parse fh__client_cursor(struct fh_rfb_client *c, struct rd *r)
{
    const size_t w = (size_t)c->rect.w, h = (size_t)c->rect.h;
    const size_t pixels = 4 * w * h, all = pixels + (w + 7) / 8 * h;

    while (c->cursor_at < all && r->left != 0) {
        const size_t at = c->cursor_at++;
        const uint8_t byte = rd_u8(r);

        if (at >= pixels)
            mask_pixels(c, at - pixels, byte);
        else if (at % 4 != 3)
            c->next_cursor[at / 4] |= (uint32_t)byte << 8 * (at % 4);
    }
    c->in_pos = c->in_len - r->left;
    return c->cursor_at < all ? FH__PARSE_MORE : end_cursor(c);
}

static int resize(struct fh_rfb_client *c, uint16_t width, uint16_t height)
{
    struct fh_rfb_client_event *ev;
    int ret = fh__client_check_size(c, width, height);

    if (ret != 0 || (width == c->width && height == c->height))
        return ret;
    c->width = width;
    c->height = height;
    c->is_resized = true;
    ev = fh__client_new_event(c, FH_RFB_CLIENT_EV_SIZE);
    ev->size.width = width;
    ev->size.height = height;
    return 0;
}

static enum fh__parse on_desktop_size(struct fh_rfb_client *c, const struct fh_rect *rect)
{
    int ret = resize(c, (uint16_t)rect->w, (uint16_t)rect->h);

    return ret != 0 ? fh__client_bad(c, ret) : done(c);
}

/* x: reason, 1 is "this viewer asked"; y: status. u8 count, 3 bytes padding, the screens. */
static enum fh__parse on_extended_size(struct fh_rfb_client *c, const struct fh_rect *rect,
                                       struct rd *r)
{
    const bool is_answer = rect->x == 1;
    size_t n = rd_u8(r);
    struct fh_screen first = {.id = 1}, s;
    int ret = 0;

    rd_skip(r, 3);
    for (size_t i = 0; i < n; i++) {
        s = fh__read_screen(r);
        if (i == 0)
            first = s;
    }
    if (r->bad)
        return FH__PARSE_MORE;
    if (n > FH_RFB_SCREENS_MAX)
        return fh__client_bad(c, FH_RFB_E_LIMIT);
    if (!is_answer || rect->y == FH_RFB_RESIZE_OK)
        ret = resize(c, (uint16_t)rect->w, (uint16_t)rect->h);
    if (ret != 0)
        return fh__client_bad(c, ret);
    c->has_layout = true;
    c->screen_id = first.id;
    if (is_answer)
        fh__client_new_event(c, FH_RFB_CLIENT_EV_RESIZED)->resized.status =
            rect->y <= FH_RFB_RESIZE_INVALID ? (enum fh_rfb_resize_status)rect->y
                                             : FH_RFB_RESIZE_INVALID;
    return done(c);
}

/* u32 length, UTF-8. */
static enum fh__parse on_name(struct fh_rfb_client *c, struct rd *r)
{
    uint32_t len = rd_u32(r);
    const uint8_t *name;

    if (r->bad)
        return FH__PARSE_MORE;
    if (len > FH__NAME_WIRE_MAX)
        return fh__client_bad(c, FH_RFB_E_LIMIT);
    name = rd_bytes(r, len);
    if (r->bad)
        return FH__PARSE_MORE;
    fh__clean_name((const char *)name, len, c->name, sizeof c->name);
    fh__client_new_event(c, FH_RFB_CLIENT_EV_NAME);
    return done(c);
}

static enum fh__parse on_last_rect(struct fh_rfb_client *c)
{
    c->until_last = false;
    c->rects_left = 0;
    return done(c);
}

/* What must have been asked for before a rectangle of this encoding may come; no bits: nothing. */
static bool is_asked(const struct fh_rfb_client *c, int32_t enc)
{
    static const struct {
        int32_t enc;
        uint32_t asked;
    } needs[] = {
        {FH_ENC_RAW, 0},
        {FH_ENC_COPY_RECT, FH__ASKED_COPY_RECT},
        {FH_ENC_TIGHT, FH__ASKED_TIGHT},
        {FH_ENC_ZRLE, FH__ASKED_ZRLE},
        {FH_ENC_CURSOR, FH__ASKED_CURSOR},
        {FH_ENC_DESKTOP_SIZE, FH__ASKED_DESKTOP_SIZE},
        {FH_ENC_EXTENDED_DESKTOP_SIZE, FH__ASKED_EXTENDED_SIZE},
        {FH_ENC_DESKTOP_NAME, FH__ASKED_NAME},
        {FH_ENC_LAST_RECT, FH__ASKED_LAST_RECT},
        {FH_ENC_QEMU_KEY, FH__ASKED_QEMU_KEY},
    };

    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (needs[i].enc == enc)
            return (needs[i].asked & ~c->asked) == 0;
    return false;
}

/* u16 x, y, width, height, s32 encoding. */
enum fh__parse fh__client_rect(struct fh_rfb_client *c, struct rd *r)
{
    struct fh_rect rect;
    int32_t enc;

    rect.x = rd_u16(r);
    rect.y = rd_u16(r);
    rect.w = rd_u16(r);
    rect.h = rd_u16(r);
    enc = (int32_t)rd_u32(r);
    if (r->bad)
        return FH__PARSE_MORE;
    if (!is_asked(c, enc))
        return fh__client_bad(c, FH_RFB_E_ENCODING);
    switch (enc) {
    case FH_ENC_CURSOR:
        return begin_cursor(c, &rect);
    case FH_ENC_DESKTOP_SIZE:
        return on_desktop_size(c, &rect);
    case FH_ENC_EXTENDED_DESKTOP_SIZE:
        return on_extended_size(c, &rect, r);
    case FH_ENC_DESKTOP_NAME:
        return on_name(c, r);
    case FH_ENC_LAST_RECT:
        return on_last_rect(c);
    case FH_ENC_QEMU_KEY:
        c->has_qemu_key = true;
        return done(c);
    default:
        return begin_pixels(c, &rect, enc);
    }
}
