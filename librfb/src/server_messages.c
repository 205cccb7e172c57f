/* SPDX-License-Identifier: MIT */
/* server_messages.c -- what the viewer says, RFC 6143 7.5 and rfbproto. */
#include <string.h>

#include "damage.h"
#include "server_machine.h"
#include "text.h"

enum fh__parse fh__server_bad(struct fh_rfb_server *s, int error)
{
    s->error = error;
    return FH__PARSE_BAD;
}

static struct fh_rfb_server_event *new_event(struct fh_rfb_server *s,
                                             enum fh_rfb_server_event_type type)
{
    memset(&s->event, 0, sizeof s->event);
    s->event.type = type;
    s->has_event = true;
    return &s->event;
}

/* The place for n bytes of an answer, or NULL: the viewer does not read the answers it asks for. */
static bool begin_answer(struct fh_rfb_server *s, struct wr *w, size_t n)
{
    *w = wr_init(s->control + s->control_len, sizeof s->control - s->control_len);
    if (n <= w->cap)
        return true;
    s->error = FH_RFB_E_LIMIT;
    return false;
}

static bool answer_fence(struct fh_rfb_server *s, const struct fh__fence *f)
{
    struct wr w;

    if (!begin_answer(s, &w, 9u + f->len))
        return false;
    fh__write_fence(&w, f);
    s->control_len += w.len;
    return true;
}

static bool answer_byte(struct fh_rfb_server *s, uint8_t type)
{
    struct wr w;

    if (!begin_answer(s, &w, 1))
        return false;
    wr_u8(&w, type);
    s->control_len += w.len;
    return true;
}

/* ClientInit, RFC 6143 7.3.1: u8 shared-flag, true when not zero. */
static enum fh__parse on_client_init(struct fh_rfb_server *s, struct rd *r)
{
    bool shared = rd_u8(r) != 0;

    if (r->bad)
        return FH__PARSE_MORE;
    new_event(s, FH_RFB_SERVER_EV_READY)->ready.shared = shared;
    s->state = FH__SERVER_READY;
    return FH__PARSE_DONE;
}

/* RFC 6143 7.5.1: 3 bytes padding, PIXEL_FORMAT. */
static enum fh__parse on_set_pixel_format(struct fh_rfb_server *s, struct rd *r)
{
    struct fh_pixel_format f;

    rd_skip(r, 3);
    f = fh__read_pixel_format(r);
    if (r->bad)
        return FH__PARSE_MORE;
    if (!fh_pixel_format_is_valid(&f))
        return fh__server_bad(s, FH_RFB_E_PROTO);
    s->next_format = f;
    s->has_next_format = true;
    return FH__PARSE_DONE;
}

/* RFC 6143 7.5.2: padding, u16 count, count times s32. */
static enum fh__parse on_set_encodings(struct fh_rfb_server *s, struct rd *r)
{
    uint16_t count;

    rd_skip(r, 1);
    count = rd_u16(r);
    if (r->bad)
        return FH__PARSE_MORE;
    s->reading = FH__NO_ENCODINGS;
    s->n_reading = 0;
    s->body = FH__BODY_ENCODINGS;
    s->body_left = 4u * count;
    return FH__PARSE_DONE;
}

/* RFC 6143 7.5.3: in the viewer's order of preference. A JPEG is for some rectangles only. */
static void read_pixels(struct fh__encodings *e, int32_t enc)
{
    switch (enc) {
    case FH_ENC_RAW:
    case FH_ENC_HEXTILE:
    case FH_ENC_ZLIB:
    case FH_ENC_TIGHT:
    case FH_ENC_TIGHT_PNG:
    case FH_ENC_TRLE:
    case FH_ENC_ZRLE:
        if (!e->has_other)
            e->other = (enum fh_encoding)enc;
        e->has_other = true;
        break;
    case FH_ENC_RRE:
        break;
    default:
        return;
    }
    if (!e->has_pixels)
        e->pixels = (enum fh_encoding)enc;
    e->has_pixels = true;
}

/* A fine quality counts for more than one of ten, in whatever order they come. */
static void read_quality(struct fh__encodings *e, int32_t enc)
{
    if (enc >= FH_ENC_QUALITY_0 && enc <= FH_ENC_QUALITY_0 + 9 && e->quality < FH_QUALITY_FINE)
        e->quality = enc - FH_ENC_QUALITY_0;
    if (enc >= FH_ENC_FINE_QUALITY_0 && enc <= FH_ENC_FINE_QUALITY_0 + 100)
        e->quality = FH_QUALITY_FINE + enc - FH_ENC_FINE_QUALITY_0;
    if (enc >= FH_ENC_SUBSAMPLING_0 && enc <= FH_ENC_SUBSAMPLING_0 + 5)
        e->subsampling = (enum fh_subsampling)(FH_SUBSAMPLING_1X + enc - FH_ENC_SUBSAMPLING_0);
    if (enc >= FH_ENC_COMPRESS_0 && enc <= FH_ENC_COMPRESS_0 + 9)
        e->level = enc - FH_ENC_COMPRESS_0;
}

static void read_encoding(struct fh__encodings *e, int32_t enc)
{
    static const struct {
        int32_t enc;
        uint32_t can;
    } extensions[] = {
        {FH_ENC_COPY_RECT, FH__CAN_COPY_RECT},
        {FH_ENC_CURSOR, FH__CAN_CURSOR},
        {FH_ENC_DESKTOP_SIZE, FH__CAN_DESKTOP_SIZE},
        {FH_ENC_EXTENDED_DESKTOP_SIZE, FH__CAN_EXTENDED_SIZE},
        {FH_ENC_DESKTOP_NAME, FH__CAN_NAME},
        {FH_ENC_LAST_RECT, FH__CAN_LAST_RECT},
        {FH_ENC_QEMU_KEY, FH__CAN_QEMU_KEY},
        {FH_ENC_FENCE, FH__CAN_FENCE},
        {FH_ENC_CONTINUOUS_UPDATES, FH__CAN_CONTINUOUS},
        {FH_ENC_JPEG, FH__CAN_JPEG},
        {FH_ENC_TIGHT_NO_ZLIB, FH__CAN_NO_ZLIB},
        {FH_ENC_XCURSOR, FH__CAN_XCURSOR},
        {FH_ENC_CURSOR_WITH_ALPHA, FH__CAN_ALPHA_CURSOR},
        {FH_ENC_VMWARE_CURSOR, FH__CAN_VMWARE_CURSOR},
        {FH_ENC_VMWARE_CURSOR_POSITION, FH__CAN_VMWARE_POSITION},
        {FH_ENC_LED_STATE, FH__CAN_LEDS},
        {FH_ENC_VMWARE_LED_STATE, FH__CAN_VMWARE_LEDS},
        {FH_ENC_EXTENDED_MOUSE_BUTTONS, FH__CAN_MOUSE},
        {FH_ENC_EXTENDED_CLIPBOARD, FH__CAN_CLIPBOARD},
    };

    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (extensions[i].enc == enc)
            e->can |= extensions[i].can;
    read_pixels(e, enc);
    read_quality(e, enc);
}

/* What was announced for the first time is answered, so that the viewer knows that we can too. */
static enum fh__parse commit_encodings(struct fh_rfb_server *s)
{
    const struct fh__fence hello = {.flags = FH__FENCE_REQUEST, .len = 1};
    uint32_t fresh;

    /* Continuous updates that cannot be paced would fill every buffer on the way. */
    if (!(s->reading.can & FH__CAN_FENCE))
        s->reading.can &= ~(uint32_t)FH__CAN_CONTINUOUS;
    fresh = s->reading.can & ~s->announced;
    if ((fresh & FH__CAN_FENCE) && !answer_fence(s, &hello))
        return FH__PARSE_BAD;
    if ((fresh & FH__CAN_CONTINUOUS) && !answer_byte(s, FH__END_OF_CONTINUOUS_UPDATES))
        return FH__PARSE_BAD;
    if (fresh & FH__CAN_QEMU_KEY)
        s->news |= FH__NEWS_QEMU_KEY;
    if (fresh & FH__CAN_EXTENDED_SIZE)
        s->news |= FH__NEWS_LAYOUT;
    if ((fresh & FH__CAN_ANY_CURSOR) && s->has_cursor)
        s->news |= FH__NEWS_CURSOR;
    if (fresh & FH__CAN_MOUSE)
        s->news |= FH__NEWS_MOUSE;
    if (fresh & FH__CAN_CLIPBOARD)
        s->clip_due |= FH__CLIP_CAPS;
    if ((fresh & (FH__CAN_LEDS | FH__CAN_VMWARE_LEDS)) && s->has_leds)
        s->news |= FH__NEWS_LEDS;
    s->announced |= fresh;
    s->next_encodings = s->reading;
    s->has_next_encodings = true;
    return FH__PARSE_DONE;
}

/* RFC 6143 7.5.3: u8 incremental, u16 x, y, width, height. Requests add up to one. */
static enum fh__parse on_update_request(struct fh_rfb_server *s, struct rd *r)
{
    bool incremental = rd_u8(r) != 0;
    struct fh_rect area;

    area.x = rd_u16(r);
    area.y = rd_u16(r);
    area.w = rd_u16(r);
    area.h = rd_u16(r);
    if (r->bad)
        return FH__PARSE_MORE;
    if (incremental && s->is_continuous)
        return FH__PARSE_DONE;
    if (!incremental) {
        fh__damage_add(&s->damage, &area);
        /* rfbproto, ExtendedDesktopSize: sent for each request that is not incremental. */
        s->news |= FH__NEWS_LAYOUT;
    }
    fh__damage_add(&s->asked, &area);
    s->is_asked = true;
    return FH__PARSE_DONE;
}

/* RFC 6143 7.5.4: u8 down, 2 bytes padding, u32 keysym. */
static enum fh__parse on_key(struct fh_rfb_server *s, struct rd *r)
{
    struct fh_rfb_server_event *ev;
    bool down = rd_u8(r) != 0;
    uint32_t keysym;

    rd_skip(r, 2);
    keysym = rd_u32(r);
    if (r->bad)
        return FH__PARSE_MORE;
    ev = new_event(s, FH_RFB_SERVER_EV_KEY);
    ev->key.keysym = keysym;
    ev->key.down = down;
    return FH__PARSE_DONE;
}

/* rfbproto, QEMU Extended Key Event: u8 submessage 0, u16 down, u32 keysym, u32 keycode. */
static enum fh__parse on_qemu(struct fh_rfb_server *s, struct rd *r)
{
    struct fh_rfb_server_event *ev;
    uint8_t sub = rd_u8(r);
    bool down = rd_u16(r) != 0;
    uint32_t keysym = rd_u32(r), keycode = rd_u32(r);

    if (sub != FH__QEMU_KEY)
        return fh__server_bad(s, FH_RFB_E_PROTO);
    if (r->bad)
        return FH__PARSE_MORE;
    ev = new_event(s, FH_RFB_SERVER_EV_KEY);
    ev->key.keysym = keysym;
    ev->key.keycode = keycode;
    ev->key.down = down;
    return FH__PARSE_DONE;
}

static uint16_t clamp(uint16_t v, int32_t side)
{
    return v < side ? v : (uint16_t)(side - 1);
}

/*
 * RFC 6143 7.5.5: u8 buttons, u16 x, u16 y. rfbproto, ExtendedMouseButtons: with bit 7 there
 * follows u8 of the buttons from bit 7 on, once the viewer was told that we know them.
 */
static enum fh__parse on_pointer(struct fh_rfb_server *s, struct rd *r)
{
    struct fh_rfb_server_event *ev;
    uint16_t buttons = rd_u8(r);
    const uint16_t x = rd_u16(r), y = rd_u16(r);

    if (s->has_mouse && (buttons & 0x80))
        buttons = (uint16_t)((buttons & 0x7f) | rd_u8(r) << 7);
    if (r->bad)
        return FH__PARSE_MORE;
    ev = new_event(s, FH_RFB_SERVER_EV_POINTER);
    ev->pointer.x = clamp(x, s->fb.width);
    ev->pointer.y = clamp(y, s->fb.height);
    ev->pointer.buttons = buttons;
    return FH__PARSE_DONE;
}

void fh__server_cut_text_event(struct fh_rfb_server *s)
{
    struct fh_rfb_server_event *ev = new_event(s, FH_RFB_SERVER_EV_CUT_TEXT);

    s->cut_in[s->cut_in_len] = '\0';
    ev->cut_text.text = s->cut_in;
    ev->cut_text.len = s->cut_in_len;
}

/*
 * RFC 6143 7.5.6: 3 bytes padding, u32 length, Latin-1. A length that is negative as s32 is the
 * extended clipboard's. A text that is too long is left out.
 */
static enum fh__parse on_cut_text(struct fh_rfb_server *s, struct rd *r)
{
    uint32_t len;

    rd_skip(r, 3);
    len = rd_u32(r);
    if (r->bad)
        return FH__PARSE_MORE;
    if (len > INT32_MAX)
        return fh__server_begin_clip(s, 0u - len);
    s->body_left = len;
    s->body = len > FH_RFB_CUT_TEXT_MAX ? FH__BODY_SKIP : FH__BODY_CUT_TEXT;
    if (s->body == FH__BODY_SKIP)
        return FH__PARSE_DONE;
    if (!fh__server_cut_in_new(s, 2 * (size_t)len + 1))
        return fh__server_bad(s, FH_RFB_E_NOMEM);
    s->cut_in_len = 0;
    if (len == 0) {
        s->body = FH__BODY_NONE;
        fh__server_cut_text_event(s);
    }
    return FH__PARSE_DONE;
}

/* rfbproto, Fence. */
static enum fh__parse on_fence(struct fh_rfb_server *s, struct rd *r)
{
    struct fh__fence f;
    enum fh__parse p = fh__read_fence(r, &f);
    struct rd serial;
    uint32_t n;

    if (p == FH__PARSE_BAD)
        return fh__server_bad(s, FH_RFB_E_LIMIT);
    if (p != FH__PARSE_DONE)
        return p;
    if (f.flags & FH__FENCE_REQUEST) {
        /*
         * Messages are worked off in order, so BlockBefore and BlockAfter hold by themselves. The
         * answer waits for the end of the update that is being sent, and so do new formats, so
         * SyncNext holds as well.
         */
        f.flags &= FH__FENCE_KNOWN;
        return answer_fence(s, &f) ? FH__PARSE_DONE : FH__PARSE_BAD;
    }
    serial = rd_init(f.payload, f.len);
    n = rd_u32(&serial);
    if (rd_is_done(&serial) && n - s->fence_answered <= s->fence_sent - s->fence_answered)
        s->fence_answered = n;
    return FH__PARSE_DONE;
}

/* rfbproto, EnableContinuousUpdates: u8 enable, u16 x, y, width, height. */
static enum fh__parse on_continuous(struct fh_rfb_server *s, struct rd *r)
{
    bool enable = rd_u8(r) != 0;
    struct fh_rect area;

    area.x = rd_u16(r);
    area.y = rd_u16(r);
    area.w = rd_u16(r);
    area.h = rd_u16(r);
    if (r->bad)
        return FH__PARSE_MORE;
    if (!enable && s->is_continuous && !answer_byte(s, FH__END_OF_CONTINUOUS_UPDATES))
        return FH__PARSE_BAD;
    s->is_continuous = enable;
    s->continuous = area;
    return FH__PARSE_DONE;
}

/* rfbproto, SetDesktopSize: padding, u16 width, u16 height, u8 count, padding, screens. */
static enum fh__parse on_set_desktop_size(struct fh_rfb_server *s, struct rd *r)
{
    struct fh_rfb_server_event ev = {.type = FH_RFB_SERVER_EV_RESIZE}, *out;
    struct fh_screen screen;
    size_t n;

    rd_skip(r, 1);
    ev.resize.width = rd_u16(r);
    ev.resize.height = rd_u16(r);
    n = rd_u8(r);
    rd_skip(r, 1);
    for (size_t i = 0; i < n; i++) {
        screen = fh__read_screen(r);
        if (i < FH_RFB_SCREENS_MAX)
            ev.resize.screens[i] = screen;
    }
    if (r->bad)
        return FH__PARSE_MORE;
    ev.resize.n_screens = n;
    if (n > FH_RFB_SCREENS_MAX || ev.resize.width > FH_FRAMEBUFFER_MAX_SIDE ||
        ev.resize.height > FH_FRAMEBUFFER_MAX_SIDE ||
        !fh__screens_are_valid(ev.resize.screens, n, ev.resize.width, ev.resize.height)) {
        fh_rfb_server_resize_done(s, FH_RFB_RESIZE_INVALID);
        return FH__PARSE_DONE;
    }
    out = new_event(s, ev.type);
    *out = ev;
    return FH__PARSE_DONE;
}

/* can: what the viewer must have announced before it may send this. */
static const struct {
    uint8_t type;
    uint32_t can;
    enum fh__parse (*handle)(struct fh_rfb_server *, struct rd *);
} messages[] = {
    {FH__SET_PIXEL_FORMAT, 0, on_set_pixel_format},
    {FH__SET_ENCODINGS, 0, on_set_encodings},
    {FH__UPDATE_REQUEST, 0, on_update_request},
    {FH__KEY_EVENT, 0, on_key},
    {FH__POINTER_EVENT, 0, on_pointer},
    {FH__CLIENT_CUT_TEXT, 0, on_cut_text},
    {FH__ENABLE_CONTINUOUS_UPDATES, FH__CAN_CONTINUOUS, on_continuous},
    {FH__FENCE, FH__CAN_FENCE, on_fence},
    {FH__SET_DESKTOP_SIZE, FH__CAN_EXTENDED_SIZE, on_set_desktop_size},
    {FH__QEMU, FH__CAN_QEMU_KEY, on_qemu},
};

static enum fh__parse on_message(struct fh_rfb_server *s, struct rd *r)
{
    uint8_t type = rd_u8(r);

    if (r->bad)
        return FH__PARSE_MORE;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        if (messages[i].type == type && (messages[i].can & ~s->announced) == 0)
            return messages[i].handle(s, r);
    return fh__server_bad(s, FH_RFB_E_PROTO);
}

static enum fh__parse encodings_body(struct fh_rfb_server *s, struct rd *r)
{
    int32_t enc;

    while (s->body_left != 0) {
        enc = (int32_t)rd_u32(r);
        if (r->bad)
            return FH__PARSE_MORE;
        s->body_left -= 4;
        if (s->n_reading++ < FH_RFB_ENCODINGS_MAX)
            read_encoding(&s->reading, enc);
        s->in_pos = s->in_len - r->left;
    }
    s->body = FH__BODY_NONE;
    return commit_encodings(s);
}

static enum fh__parse cut_text_body(struct fh_rfb_server *s, struct rd *r)
{
    size_t n = r->left < s->body_left ? r->left : s->body_left;

    s->cut_in_len += fh__latin1_to_utf8(rd_bytes(r, n), n, s->cut_in + s->cut_in_len);
    s->in_pos += n;
    s->body_left -= (uint32_t)n;
    if (s->body_left != 0)
        return FH__PARSE_MORE;
    s->body = FH__BODY_NONE;
    fh__server_cut_text_event(s);
    return FH__PARSE_DONE;
}

static enum fh__parse skipped_body(struct fh_rfb_server *s, struct rd *r)
{
    const size_t n = r->left < s->body_left ? r->left : s->body_left;

    rd_skip(r, n);
    s->in_pos += n;
    s->body_left -= (uint32_t)n;
    if (s->body_left != 0)
        return FH__PARSE_MORE;
    s->body = FH__BODY_NONE;
    return FH__PARSE_DONE;
}

static enum fh__parse read_one(struct fh_rfb_server *s, struct rd *r)
{
    switch (s->body) {
    case FH__BODY_ENCODINGS:
        return encodings_body(s, r);
    case FH__BODY_CUT_TEXT:
        return cut_text_body(s, r);
    case FH__BODY_CLIP:
        return fh__server_clip(s, r);
    case FH__BODY_SKIP:
        return skipped_body(s, r);
    case FH__BODY_NONE:
        break;
    }
    switch (s->state) {
    case FH__SERVER_EXPECT_INIT:
        return on_client_init(s, r);
    case FH__SERVER_READY:
        return on_message(s, r);
    }
    return fh__server_bad(s, FH_RFB_E_INTERNAL);
}

void fh__server_read(struct fh_rfb_server *s)
{
    struct rd r;

    while (s->error == 0 && !s->has_event) {
        r = rd_init(s->in + s->in_pos, s->in_len - s->in_pos);
        if (read_one(s, &r) != FH__PARSE_DONE)
            return;
        s->in_pos = s->in_len - r.left;
    }
}
