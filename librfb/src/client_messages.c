/* SPDX-License-Identifier: MIT */
/* client_messages.c -- what the server says, RFC 6143 7.3.2 and 7.6, and rfbproto. */
#include <string.h>

#include "client_machine.h"
#include "text.h"

/* ServerInit: u16 width, u16 height, PIXEL_FORMAT, u32 length, name. */
static enum fh__parse on_server_init(struct fh_rfb_client *c, struct rd *r)
{
    uint16_t width = rd_u16(r), height = rd_u16(r);
    struct fh_pixel_format f = fh__read_pixel_format(r);
    uint32_t len = rd_u32(r);
    struct fh_rfb_client_event *ev;
    const uint8_t *name;
    int ret;

    if (r->bad)
        return FH__PARSE_MORE;
    if ((ret = fh__client_check_size(c, width, height)) != 0)
        return fh__client_bad(c, ret);
    if (!fh_pixel_format_is_valid(&f))
        return fh__client_bad(c, FH_RFB_E_PROTO);
    if (len > FH__NAME_WIRE_MAX)
        return fh__client_bad(c, FH_RFB_E_LIMIT);
    name = rd_bytes(r, len);
    if (r->bad)
        return FH__PARSE_MORE;
    fh__clean_name((const char *)name, len, c->name, sizeof c->name);
    c->width = width;
    c->height = height;
    c->state = FH__CLIENT_EXPECT_MESSAGE;
    if (!c->has_started)
        fh__client_send_start(c);
    ev = fh__client_new_event(c, FH_RFB_CLIENT_EV_READY);
    ev->size.width = width;
    ev->size.height = height;
    return FH__PARSE_DONE;
}

/* RFC 6143 7.6.1: padding, u16 number of rectangles. */
static enum fh__parse on_update(struct fh_rfb_client *c, struct rd *r)
{
    uint16_t n;

    rd_skip(r, 1);
    n = rd_u16(r);
    if (r->bad)
        return FH__PARSE_MORE;
    c->until_last = n == FH__RECTS_UNTIL_LAST && (c->asked & FH__ASKED_LAST_RECT);
    c->rects_left = n;
    c->is_resized = false;
    fh__client_next_rect(c);
    return FH__PARSE_DONE;
}

/* RFC 6143 7.6.2: padding, u16 first, u16 n, n times u16 red, green, blue. Of no use to us. */
static enum fh__parse on_colour_map(struct fh_rfb_client *c, struct rd *r)
{
    uint32_t first, n;

    rd_skip(r, 1);
    first = rd_u16(r);
    n = rd_u16(r);
    if (r->bad)
        return FH__PARSE_MORE;
    if (first + n > 65536)
        return fh__client_bad(c, FH_RFB_E_PROTO);
    c->body_left = 6 * n;
    c->state = FH__CLIENT_IN_SKIPPED;
    return FH__PARSE_DONE;
}

static enum fh__parse on_bell(struct fh_rfb_client *c, struct rd *r)
{
    (void)r;
    fh__client_new_event(c, FH_RFB_CLIENT_EV_BELL);
    return FH__PARSE_DONE;
}

/* RFC 6143 7.6.4, as ClientCutText: what is too long is left out. */
static enum fh__parse on_cut_text(struct fh_rfb_client *c, struct rd *r)
{
    uint32_t len;

    rd_skip(r, 3);
    len = rd_u32(r);
    if (r->bad)
        return FH__PARSE_MORE;
    if (len > INT32_MAX)
        return fh__client_begin_clip(c, 0u - len);
    c->body_left = len;
    c->state = len > FH_RFB_CUT_TEXT_MAX ? FH__CLIENT_IN_SKIPPED : FH__CLIENT_IN_CUT_TEXT;
    if (c->state == FH__CLIENT_IN_SKIPPED)
        return FH__PARSE_DONE;
    if (!fh__client_cut_text_new(c, 2 * (size_t)len + 1))
        return fh__client_bad(c, FH_RFB_E_NOMEM);
    c->cut_text_len = 0;
    return FH__PARSE_DONE;
}

/* All before it is done, since messages are worked off in order: it is answered at once. */
static enum fh__parse on_fence(struct fh_rfb_client *c, struct rd *r)
{
    struct fh__fence f;
    enum fh__parse p = fh__read_fence(r, &f);

    if (p == FH__PARSE_BAD)
        return fh__client_bad(c, FH_RFB_E_LIMIT);
    if (p != FH__PARSE_DONE || !(f.flags & FH__FENCE_REQUEST))
        return p;
    f.flags &= FH__FENCE_KNOWN;
    fh__client_send_fence(c, &f);
    return FH__PARSE_DONE;
}

/* The first says that the server can; a later one, that it has stopped. */
static enum fh__parse on_end_of_continuous(struct fh_rfb_client *c, struct rd *r)
{
    (void)r;
    if (c->continuous == FH__CONTINUOUS_ON) {
        c->continuous = FH__CONTINUOUS_OFF;
        fh__client_send_request(c, true);
    } else if (c->continuous == FH__CONTINUOUS_NEVER && c->wants_continuous) {
        c->continuous = FH__CONTINUOUS_ON;
        fh__client_send_enable(c);
    }
    return FH__PARSE_DONE;
}

/* asked: what we must have asked for before the server may send this. */
static const struct {
    uint8_t type;
    uint32_t asked;
    enum fh__parse (*handle)(struct fh_rfb_client *, struct rd *);
} messages[] = {
    {FH__FRAMEBUFFER_UPDATE, 0, on_update},
    {FH__SET_COLOUR_MAP, 0, on_colour_map},
    {FH__BELL, 0, on_bell},
    {FH__SERVER_CUT_TEXT, 0, on_cut_text},
    {FH__FENCE, FH__ASKED_FENCE, on_fence},
    {FH__END_OF_CONTINUOUS_UPDATES, FH__ASKED_CONTINUOUS, on_end_of_continuous},
};

static enum fh__parse on_message(struct fh_rfb_client *c, struct rd *r)
{
    uint8_t type = rd_u8(r);

    if (r->bad)
        return FH__PARSE_MORE;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        if (messages[i].type == type && (messages[i].asked & ~c->asked) == 0)
            return messages[i].handle(c, r);
    return fh__client_bad(c, FH_RFB_E_PROTO);
}

static enum fh__parse cut_text_body(struct fh_rfb_client *c, struct rd *r)
{
    const size_t n = r->left < c->body_left ? r->left : c->body_left;
    struct fh_rfb_client_event *ev;

    c->cut_text_len += fh__latin1_to_utf8(rd_bytes(r, n), n, c->cut_text + c->cut_text_len);
    c->body_left -= (uint32_t)n;
    c->in_pos += n;
    if (c->body_left != 0)
        return FH__PARSE_MORE;
    c->cut_text[c->cut_text_len] = '\0';
    c->state = FH__CLIENT_EXPECT_MESSAGE;
    ev = fh__client_new_event(c, FH_RFB_CLIENT_EV_CUT_TEXT);
    ev->cut_text.text = c->cut_text;
    ev->cut_text.len = c->cut_text_len;
    return FH__PARSE_DONE;
}

static enum fh__parse skipped_body(struct fh_rfb_client *c, struct rd *r)
{
    const size_t n = r->left < c->body_left ? r->left : c->body_left;

    rd_skip(r, n);
    c->body_left -= (uint32_t)n;
    c->in_pos += n;
    if (c->body_left != 0)
        return FH__PARSE_MORE;
    c->state = FH__CLIENT_EXPECT_MESSAGE;
    return FH__PARSE_DONE;
}

static enum fh__parse read_one(struct fh_rfb_client *c, struct rd *r)
{
    switch (c->state) {
    case FH__CLIENT_EXPECT_INIT:
        return on_server_init(c, r);
    case FH__CLIENT_EXPECT_MESSAGE:
        return on_message(c, r);
    case FH__CLIENT_EXPECT_RECT:
        return fh__client_rect(c, r);
    case FH__CLIENT_IN_PIXELS:
        return fh__client_pixels(c, r);
    case FH__CLIENT_IN_CURSOR:
        return fh__client_cursor(c, r);
    case FH__CLIENT_IN_CUT_TEXT:
        return cut_text_body(c, r);
    case FH__CLIENT_IN_CLIP:
        return fh__client_clip(c, r);
    case FH__CLIENT_IN_SKIPPED:
        return skipped_body(c, r);
    }
    return fh__client_bad(c, FH_RFB_E_INTERNAL);
}

void fh__client_read(struct fh_rfb_client *c)
{
    struct rd r;

    while (c->error == 0 && c->n_events == 0) {
        r = rd_init(c->in + c->in_pos, c->in_len - c->in_pos);
        if (read_one(c, &r) != FH__PARSE_DONE)
            return;
        c->in_pos = c->in_len - r.left;
    }
}
