/* SPDX-License-Identifier: MIT */
/* client_requests.c -- what we say to the server, RFC 6143 7.5 and rfbproto. */
#include <string.h>

#include "client_machine.h"
#include "text.h"

/* All that we can decode and understand, best first. */
static const struct {
    int32_t enc;
    uint32_t asked;
} supported[] = {
    {FH_ENC_COPY_RECT, FH__ASKED_COPY_RECT},
    {FH_ENC_TIGHT, FH__ASKED_TIGHT},
    {FH_ENC_ZRLE, FH__ASKED_ZRLE},
    {FH_ENC_TIGHT_PNG, FH__ASKED_TIGHT_PNG},
    {FH_ENC_TRLE, FH__ASKED_TRLE},
    {FH_ENC_ZLIB, FH__ASKED_ZLIB},
    {FH_ENC_HEXTILE, FH__ASKED_HEXTILE},
    {FH_ENC_JPEG, FH__ASKED_JPEG},
    {FH_ENC_RRE, FH__ASKED_RRE},
    {FH_ENC_RAW, 0},
    {FH_ENC_TIGHT_NO_ZLIB, FH__ASKED_NO_ZLIB},
    {FH_ENC_CURSOR_WITH_ALPHA, FH__ASKED_ALPHA_CURSOR},
    {FH_ENC_VMWARE_CURSOR, FH__ASKED_VMWARE_CURSOR},
    {FH_ENC_CURSOR, FH__ASKED_CURSOR},
    {FH_ENC_XCURSOR, FH__ASKED_XCURSOR},
    {FH_ENC_VMWARE_CURSOR_POSITION, FH__ASKED_VMWARE_POSITION},
    {FH_ENC_EXTENDED_DESKTOP_SIZE, FH__ASKED_EXTENDED_SIZE},
    {FH_ENC_DESKTOP_SIZE, FH__ASKED_DESKTOP_SIZE},
    {FH_ENC_DESKTOP_NAME, FH__ASKED_NAME},
    {FH_ENC_LAST_RECT, FH__ASKED_LAST_RECT},
    {FH_ENC_LED_STATE, FH__ASKED_LEDS},
    {FH_ENC_VMWARE_LED_STATE, FH__ASKED_VMWARE_LEDS},
    {FH_ENC_QEMU_KEY, FH__ASKED_QEMU_KEY},
    {FH_ENC_EXTENDED_MOUSE_BUTTONS, FH__ASKED_MOUSE},
    {FH_ENC_FENCE, FH__ASKED_FENCE},
    {FH_ENC_CONTINUOUS_UPDATES, FH__ASKED_CONTINUOUS},
    {FH_ENC_EXTENDED_CLIPBOARD, FH__ASKED_CLIPBOARD},
};
enum { N_SUPPORTED = sizeof supported / sizeof supported[0] };

static void choose(struct fh_rfb_client *c, int32_t enc)
{
    for (size_t i = 0; i < N_SUPPORTED; i++)
        if (supported[i].enc == enc) {
            c->encodings[c->n_encodings++] = enc;
            c->asked |= supported[i].asked;
        }
}

/* libvncserver goes without at level 0, whether that was agreed on or not. */
static void allow_no_zlib(struct fh_rfb_client *c)
{
    if ((c->asked & FH__ASKED_NO_ZLIB) || c->level == 0)
        fh_decoder_set_no_zlib(c->decoder, true);
}

void fh__client_choose_encodings(struct fh_rfb_client *c, const int32_t *encodings, size_t n)
{
    if (!encodings)
        n = N_SUPPORTED;
    for (size_t i = 0; i < n; i++)
        choose(c, encodings ? encodings[i] : supported[i].enc);
    allow_no_zlib(c);
}

void fh__client_turn(struct fh_rfb_client *c)
{
    const struct fh__bytes empty = c->sending;

    c->sending = c->queue;
    c->queue = empty;
    c->queue.len = 0;
    c->sent = 0;
    c->request.is_used = c->enable.is_used = false;
}

/* Queues a whole message. keep: bytes of the limit that it may not use. */
static int queue(struct fh_rfb_client *c, const void *data, size_t n, size_t keep)
{
    if (c->sending.len - c->sent + c->queue.len + n > FH__CLIENT_OUT_MAX - keep)
        return FH_RFB_E_LIMIT;
    if (!fh__bytes_reserve(&c->queue, n))
        return FH_RFB_E_NOMEM;
    memcpy(c->queue.mem + c->queue.len, data, n);
    c->queue.len += n;
    if (c->sent == c->sending.len)
        fh__client_turn(c);
    return 0;
}

/* What the machine sends by itself: the server asks for too much when there is no room. */
static void answer(struct fh_rfb_client *c, const struct wr *w)
{
    int ret = queue(c, w->mem, w->len, 0);

    if (ret != 0 && c->error == 0)
        c->error = ret;
}

/* As answer(), over an older message of the same kind and length that waits in the queue. */
static void answer_over(struct fh_rfb_client *c, const struct wr *w, struct fh__slot *slot)
{
    if (slot->is_used) {
        memcpy(c->queue.mem + slot->at, w->mem, w->len);
        return;
    }
    answer(c, w);
    slot->is_used = c->error == 0 && c->queue.len >= w->len;
    slot->at = slot->is_used ? c->queue.len - w->len : 0;
}

/* What the application asks for. */
static int ask(struct fh_rfb_client *c, const struct wr *w)
{
    return queue(c, w->mem, w->len, FH__CLIENT_ANSWERS);
}

/* A JPEG that stands alone is offered only with a quality: without one all is to be exact. */
static bool is_offered(const struct fh_rfb_client *c, int32_t enc)
{
    return enc != FH_ENC_JPEG || c->quality >= 0;
}

static int32_t quality_encoding(int quality)
{
    if (quality >= FH_QUALITY_FINE)
        return FH_ENC_FINE_QUALITY_0 + quality - FH_QUALITY_FINE;
    return FH_ENC_QUALITY_0 + quality;
}

static void write_set_encodings(const struct fh_rfb_client *c, struct wr *w)
{
    unsigned n = (c->quality >= 0) + (c->level >= 0) + (c->subsampling != FH_SUBSAMPLING_ANY);

    for (size_t i = 0; i < c->n_encodings; i++)
        n += is_offered(c, c->encodings[i]);
    wr_u8(w, FH__SET_ENCODINGS);
    wr_u8(w, 0);
    wr_u16(w, (uint16_t)n);
    for (size_t i = 0; i < c->n_encodings; i++)
        if (is_offered(c, c->encodings[i]))
            wr_u32(w, (uint32_t)c->encodings[i]);
    if (c->quality >= 0)
        wr_u32(w, (uint32_t)quality_encoding(c->quality));
    if (c->level >= 0)
        wr_u32(w, (uint32_t)(FH_ENC_COMPRESS_0 + c->level));
    if (c->subsampling != FH_SUBSAMPLING_ANY)
        wr_u32(w, (uint32_t)(FH_ENC_SUBSAMPLING_0 + (int)c->subsampling - FH_SUBSAMPLING_1X));
}

static void write_request(struct wr *w, bool incremental, const struct fh_rect *r)
{
    wr_u8(w, FH__UPDATE_REQUEST);
    wr_u8(w, incremental);
    wr_u16(w, (uint16_t)r->x);
    wr_u16(w, (uint16_t)r->y);
    wr_u16(w, (uint16_t)r->w);
    wr_u16(w, (uint16_t)r->h);
}

/* Before ServerInit the size is not known: all that there can be is asked for. */
void fh__client_send_start(struct fh_rfb_client *c)
{
    uint8_t mem[32 + 4 * (FH__CLIENT_ENCODINGS_MAX + 3)];
    struct wr w = wr_init(mem, sizeof mem);

    wr_u8(&w, FH__SET_PIXEL_FORMAT);
    wr_zeros(&w, 3);
    fh__write_pixel_format(&w, &c->format);
    write_set_encodings(c, &w);
    answer(c, &w);
    fh__client_send_request(c, false);
    c->has_started = true;
}

void fh__client_send_request(struct fh_rfb_client *c, bool incremental)
{
    const bool is_known = c->width != 0;
    const struct fh_rect all = {.w = is_known ? c->width : UINT16_MAX,
                                .h = is_known ? c->height : UINT16_MAX};
    uint8_t mem[10];
    struct wr w = wr_init(mem, sizeof mem);

    /* One that is not incremental stays so. */
    if (c->request.is_used && c->queue.mem[c->request.at + 1] == 0)
        incremental = false;
    write_request(&w, incremental, &all);
    answer_over(c, &w, &c->request);
}

void fh__client_send_enable(struct fh_rfb_client *c)
{
    uint8_t mem[10];
    struct wr w = wr_init(mem, sizeof mem);

    wr_u8(&w, FH__ENABLE_CONTINUOUS_UPDATES);
    wr_u8(&w, 1);
    wr_zeros(&w, 4);
    wr_u16(&w, (uint16_t)c->width);
    wr_u16(&w, (uint16_t)c->height);
    answer_over(c, &w, &c->enable);
}

void fh__client_send_fence(struct fh_rfb_client *c, const struct fh__fence *f)
{
    uint8_t mem[9 + FH_RFB_FENCE_MAX];
    struct wr w = wr_init(mem, sizeof mem);

    fh__write_fence(&w, f);
    answer(c, &w);
}

void fh__client_send_clip(struct fh_rfb_client *c, uint32_t flags)
{
    uint8_t mem[FH__CLIP_SMALL];
    struct wr w = wr_init(mem, sizeof mem);

    fh__clip_write(&w, FH__CLIENT_CUT_TEXT, flags);
    answer(c, &w);
}

int fh__client_provide_clip(struct fh_rfb_client *c)
{
    if (!c->clip.own)
        return FH_RFB_E_STATE;
    return queue(c, c->clip.own, c->clip.own_len, FH__CLIENT_ANSWERS);
}

int fh__client_offer_clip(struct fh_rfb_client *c)
{
    uint8_t mem[FH__CLIP_SMALL];
    struct wr w = wr_init(mem, sizeof mem);

    if (fh__clip_may_provide(&c->clip))
        return fh__client_provide_clip(c);
    if (!fh__clip_may_notify(&c->clip))
        return FH_RFB_E_STATE;
    fh__clip_write(&w, FH__CLIENT_CUT_TEXT, FH__CLIP_NOTIFY | FH__CLIP_TEXT);
    return ask(c, &w);
}

static int check_ready(const struct fh_rfb_client *c)
{
    if (c->error != 0)
        return c->error;
    return c->is_ready ? 0 : FH_RFB_E_STATE;
}

int fh_rfb_client_key(struct fh_rfb_client *c, uint32_t keysym, uint32_t keycode, bool down)
{
    const bool is_qemu = c->has_qemu_key && keycode != 0;
    int ret = check_ready(c);
    uint8_t mem[12];
    struct wr w = wr_init(mem, sizeof mem);

    if (ret != 0)
        return ret;
    if (keysym == 0 && !is_qemu)
        return FH_RFB_E_INVAL;
    if (is_qemu) {
        wr_u8(&w, FH__QEMU);
        wr_u8(&w, FH__QEMU_KEY);
        wr_u16(&w, down);
        wr_u32(&w, keysym);
        wr_u32(&w, keycode);
    } else {
        wr_u8(&w, FH__KEY_EVENT);
        wr_u8(&w, down);
        wr_zeros(&w, 2);
        wr_u32(&w, keysym);
    }
    return ask(c, &w);
}

/*
 * RFC 6143 7.5.5; rfbproto, ExtendedMouseButtons: with bit 7 there follows u8 of the buttons from
 * bit 7 on. A server without these gets what has room in its one byte.
 */
int fh_rfb_client_pointer(struct fh_rfb_client *c, uint16_t x, uint16_t y, uint16_t buttons)
{
    const bool is_extended = c->has_mouse && buttons > 0x7f;
    int ret = check_ready(c);
    uint8_t mem[7];
    struct wr w = wr_init(mem, sizeof mem);

    if (ret != 0)
        return ret;
    if (x >= c->width || y >= c->height || buttons > FH_RFB_BUTTONS_MAX)
        return FH_RFB_E_INVAL;
    /* A server that is about to say that it knows more would take bit 7 for the longer form. */
    if (!is_extended && (c->asked & FH__ASKED_MOUSE))
        buttons &= 0x7f;
    wr_u8(&w, FH__POINTER_EVENT);
    wr_u8(&w, is_extended ? (uint8_t)(0x80 | (buttons & 0x7f)) : (uint8_t)buttons);
    wr_u16(&w, x);
    wr_u16(&w, y);
    if (is_extended)
        wr_u8(&w, (uint8_t)(buttons >> 7));
    return ask(c, &w);
}

int fh_rfb_client_cut_text(struct fh_rfb_client *c, const char *text, size_t len)
{
    const size_t room = 8 + len;
    size_t before, n;
    struct wr w;
    int ret = check_ready(c);

    if (ret != 0)
        return ret;
    if (len > FH_RFB_CUT_TEXT_MAX || !fh__utf8_is_valid(text, len))
        return FH_RFB_E_INVAL;
    /* A server that has not said yet what it takes will be told when it does. */
    if ((c->asked & FH__ASKED_CLIPBOARD) &&
        fh__clip_set(&c->clip, FH__CLIENT_CUT_TEXT, text, len) &&
        (ret = fh__client_offer_clip(c)) != FH_RFB_E_STATE)
        return ret;
    before = c->sending.len - c->sent + c->queue.len;
    if (before + room > FH__CLIENT_OUT_MAX - FH__CLIENT_ANSWERS)
        return FH_RFB_E_LIMIT;
    if (!fh__bytes_reserve(&c->queue, room))
        return FH_RFB_E_NOMEM;
    w = wr_init(c->queue.mem + c->queue.len, room);
    n = fh__utf8_to_latin1(text, len, w.mem + 8);
    wr_u8(&w, FH__CLIENT_CUT_TEXT);
    wr_zeros(&w, 3);
    wr_u32(&w, (uint32_t)n);
    c->queue.len += 8 + n;
    if (c->sent == c->sending.len)
        fh__client_turn(c);
    return 0;
}

int fh_rfb_client_refresh(struct fh_rfb_client *c, const struct fh_rect *r)
{
    int ret = check_ready(c);
    uint8_t mem[10];
    struct wr w = wr_init(mem, sizeof mem);

    if (ret != 0)
        return ret;
    if (r->w < 1 || r->h < 1 || !fh_rect_is_inside(r, c->width, c->height))
        return FH_RFB_E_INVAL;
    write_request(&w, false, r);
    return ask(c, &w);
}

int fh_rfb_client_resize(struct fh_rfb_client *c, uint16_t width, uint16_t height)
{
    const struct fh_screen screen = {
        .id = c->n_screens != 0 ? c->screens[0].id : 1, .w = width, .h = height};

    return fh_rfb_client_set_screens(c, width, height, &screen, 1);
}

/* SetDesktopSize, rfbproto. */
int fh_rfb_client_set_screens(struct fh_rfb_client *c, uint16_t width, uint16_t height,
                              const struct fh_screen *screens, size_t n)
{
    int ret = check_ready(c);
    uint8_t mem[8 + 16 * FH_RFB_SCREENS_MAX];
    struct wr w = wr_init(mem, sizeof mem);

    if (ret != 0)
        return ret;
    if (!c->has_layout)
        return FH_RFB_E_STATE;
    if (fh__client_check_size(c, width, height) != 0 || n > FH_RFB_SCREENS_MAX ||
        !fh__screens_are_valid(screens, n, width, height))
        return FH_RFB_E_INVAL;
    wr_u8(&w, FH__SET_DESKTOP_SIZE);
    wr_u8(&w, 0);
    wr_u16(&w, width);
    wr_u16(&w, height);
    wr_u8(&w, (uint8_t)n);
    wr_u8(&w, 0);
    for (size_t i = 0; i < n; i++)
        fh__write_screen(&w, &screens[i]);
    return ask(c, &w);
}

int fh_rfb_client_set_quality(struct fh_rfb_client *c, int quality, int level)
{
    int ret = check_ready(c);
    uint8_t mem[4 + 4 * (FH__CLIENT_ENCODINGS_MAX + 3)];
    struct wr w = wr_init(mem, sizeof mem);

    if (ret != 0)
        return ret;
    if (!fh_quality_is_valid(quality) || level < -1 || level > 9)
        return FH_RFB_E_INVAL;
    c->quality = quality;
    c->level = level;
    allow_no_zlib(c);
    write_set_encodings(c, &w);
    return ask(c, &w);
}
