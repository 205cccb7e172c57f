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

enum fh__parse fh__client_rect_done(struct fh_rfb_client *c)
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
    return fh__client_rect_done(c);
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

    return ret != 0 ? fh__client_bad(c, ret) : fh__client_rect_done(c);
}

static bool is_same_layout(const struct fh_rfb_client *c, const struct fh_screen *screens, size_t n)
{
    for (size_t i = 0; i < n && n == c->n_screens; i++) {
        const struct fh_screen *a = &c->screens[i], *b = &screens[i];

        if (a->id != b->id || a->x != b->x || a->y != b->y || a->w != b->w || a->h != b->h ||
            a->flags != b->flags)
            return false;
    }
    return n == c->n_screens;
}

static void use_layout(struct fh_rfb_client *c, const struct fh_screen *screens, size_t n)
{
    if (c->has_layout && is_same_layout(c, screens, n))
        return;
    c->has_layout = true;
    memcpy(c->screens, screens, n * sizeof *screens);
    c->n_screens = n;
    fh__client_new_event(c, FH_RFB_CLIENT_EV_SCREENS);
}

/* x: reason, 1 is "this viewer asked"; y: status. u8 count, 3 bytes padding, the screens. */
static enum fh__parse on_extended_size(struct fh_rfb_client *c, const struct fh_rect *rect,
                                       struct rd *r)
{
    const bool is_answer = rect->x == 1, is_refusal = is_answer && rect->y != FH_RFB_RESIZE_OK;
    const size_t n = rd_u8(r);
    struct fh_screen screens[FH_RFB_SCREENS_MAX], s;
    int ret = 0;

    rd_skip(r, 3);
    for (size_t i = 0; i < n; i++) {
        s = fh__read_screen(r);
        if (i < FH_RFB_SCREENS_MAX)
            screens[i] = s;
    }
    if (r->bad)
        return FH__PARSE_MORE;
    if (n > FH_RFB_SCREENS_MAX)
        return fh__client_bad(c, FH_RFB_E_LIMIT);
    if (!is_refusal && (ret = resize(c, (uint16_t)rect->w, (uint16_t)rect->h)) != 0)
        return fh__client_bad(c, ret);
    /* With a refusal come the screens that there are, or none. */
    if (!is_refusal || n != 0 || !c->has_layout)
        use_layout(c, screens, n);
    if (is_answer)
        fh__client_new_event(c, FH_RFB_CLIENT_EV_RESIZED)->resized.status =
            rect->y <= FH_RFB_RESIZE_INVALID ? (enum fh_rfb_resize_status)rect->y
                                             : FH_RFB_RESIZE_INVALID;
    return fh__client_rect_done(c);
}

/* QEMU's: u8, VMware's: u32. Both: scroll 1, num 2, caps 4. */
static enum fh__parse on_leds(struct fh_rfb_client *c, struct rd *r, bool is_vmware)
{
    const uint32_t leds = is_vmware ? rd_u32(r) : rd_u8(r);

    if (r->bad)
        return FH__PARSE_MORE;
    fh__client_new_event(c, FH_RFB_CLIENT_EV_LEDS)->leds.on = leds & FH_LED_ALL;
    return fh__client_rect_done(c);
}

static enum fh__parse on_pointer(struct fh_rfb_client *c, const struct fh_rect *rect)
{
    struct fh_rfb_client_event *ev;

    /* Outside: of a picture that is another by now. */
    if (rect->x >= c->width || rect->y >= c->height)
        return fh__client_rect_done(c);
    ev = fh__client_new_event(c, FH_RFB_CLIENT_EV_POINTER);
    ev->pointer.x = (uint16_t)rect->x;
    ev->pointer.y = (uint16_t)rect->y;
    return fh__client_rect_done(c);
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
    return fh__client_rect_done(c);
}

static enum fh__parse on_last_rect(struct fh_rfb_client *c)
{
    c->until_last = false;
    c->rects_left = 0;
    return fh__client_rect_done(c);
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
        {FH_ENC_RRE, FH__ASKED_RRE},
        {FH_ENC_HEXTILE, FH__ASKED_HEXTILE},
        {FH_ENC_ZLIB, FH__ASKED_ZLIB},
        {FH_ENC_TRLE, FH__ASKED_TRLE},
        {FH_ENC_ZRLE, FH__ASKED_ZRLE},
        {FH_ENC_JPEG, FH__ASKED_JPEG},
        {FH_ENC_TIGHT_PNG, FH__ASKED_TIGHT_PNG},
        {FH_ENC_CURSOR, FH__ASKED_CURSOR},
        {FH_ENC_XCURSOR, FH__ASKED_XCURSOR},
        {FH_ENC_CURSOR_WITH_ALPHA, FH__ASKED_ALPHA_CURSOR},
        {FH_ENC_VMWARE_CURSOR, FH__ASKED_VMWARE_CURSOR},
        {FH_ENC_VMWARE_CURSOR_POSITION, FH__ASKED_VMWARE_POSITION},
        {FH_ENC_LED_STATE, FH__ASKED_LEDS},
        {FH_ENC_VMWARE_LED_STATE, FH__ASKED_VMWARE_LEDS},
        {FH_ENC_EXTENDED_MOUSE_BUTTONS, FH__ASKED_MOUSE},
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
    case FH_ENC_XCURSOR:
    case FH_ENC_CURSOR_WITH_ALPHA:
    case FH_ENC_VMWARE_CURSOR:
        return fh__client_begin_cursor(c, &rect, enc, r);
    case FH_ENC_VMWARE_CURSOR_POSITION:
        return on_pointer(c, &rect);
    case FH_ENC_LED_STATE:
    case FH_ENC_VMWARE_LED_STATE:
        return on_leds(c, r, enc == FH_ENC_VMWARE_LED_STATE);
    case FH_ENC_EXTENDED_MOUSE_BUTTONS:
        c->has_mouse = true;
        return fh__client_rect_done(c);
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
        return fh__client_rect_done(c);
    default:
        return begin_pixels(c, &rect, enc);
    }
}
