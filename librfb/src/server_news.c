/* SPDX-License-Identifier: MIT */
/* server_news.c -- what goes into an update beside pixels, RFC 6143 7.8 and rfbproto. */
#include <string.h>

#include "server_machine.h"

static int32_t min32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* rfbproto, ExtendedDesktopSize: x is the reason, y the status. */
static void write_layout(struct fh_rfb_server *s, struct wr *w)
{
    const struct fh_rect r = {
        .x = s->layout_reason,
        .y = s->layout_status,
        .w = s->fb.width,
        .h = s->fb.height,
    };

    fh__write_rect(w, &r, FH_ENC_EXTENDED_DESKTOP_SIZE);
    wr_u8(w, (uint8_t)s->n_screens);
    wr_zeros(w, 3);
    for (size_t i = 0; i < s->n_screens; i++)
        fh__write_screen(w, &s->screens[i]);
    s->layout_reason = s->layout_status = 0;
}

static void write_name(const struct fh_rfb_server *s, struct wr *w)
{
    const struct fh_rect none = {0};

    fh__write_rect(w, &none, FH_ENC_DESKTOP_NAME);
    wr_u32(w, (uint32_t)s->name_len);
    wr_bytes(w, s->name, s->name_len);
}

/* RFC 6143 7.8.1: rows of bits from the highest, filled up to whole bytes; by a pixel's bit. */
static void write_bits(const struct fh_rfb_server *s, struct wr *w, bool (*is_set)(uint32_t argb))
{
    for (int32_t y = 0; y < s->cursor_h; y++)
        for (int32_t x = 0; x < s->cursor_w; x += 8) {
            uint8_t byte = 0;

            for (int32_t i = x; i < s->cursor_w && i < x + 8; i++)
                if (is_set(s->cursor[y * s->cursor_w + i]))
                    byte |= (uint8_t)(0x80 >> (i - x));
            wr_u8(w, byte);
        }
}

static bool is_shown(uint32_t argb)
{
    return argb >> 31;
}

static bool is_light(uint32_t argb)
{
    return (argb >> 16 & 255) * 2 + (argb >> 8 & 255) * 5 + (argb & 255) >= 4 * 255;
}

/* The mean colour of what is shown and light, or shown and dark. */
static void write_mean(const struct fh_rfb_server *s, struct wr *w, bool light)
{
    uint32_t sum[3] = {0}, n = 0;

    for (int32_t i = 0; i < s->cursor_w * s->cursor_h; i++) {
        const uint32_t argb = s->cursor[i];

        if (!is_shown(argb) || is_light(argb) != light)
            continue;
        n++;
        for (int c = 0; c < 3; c++)
            sum[c] += argb >> (16 - 8 * c) & 255;
    }
    for (int c = 0; c < 3; c++)
        wr_u8(w, n != 0 ? (uint8_t)(sum[c] / n) : light ? 255 : 0);
}

/* rfbproto, XCursor: the colour of set bits and that of the others, the bits, a mask. */
static void write_two_colours(const struct fh_rfb_server *s, struct wr *w)
{
    write_mean(s, w, true);
    write_mean(s, w, false);
    write_bits(s, w, is_light);
    write_bits(s, w, is_shown);
}

/* Red, green, blue, alpha, a byte each. */
static void write_alpha(const struct fh_rfb_server *s, struct wr *w, bool is_multiplied)
{
    for (int32_t i = 0; i < s->cursor_w * s->cursor_h; i++) {
        const uint32_t argb = s->cursor[i], alpha = argb >> 24;

        for (int shift = 16; shift >= 0; shift -= 8) {
            const uint32_t colour = argb >> shift & 255;

            wr_u8(w, (uint8_t)(is_multiplied ? (colour * alpha + 127) / 255 : colour));
        }
        wr_u8(w, (uint8_t)alpha);
    }
}

/* In the form that shows the most of it. */
static void write_cursor(const struct fh_rfb_server *s, struct wr *w)
{
    const struct fh_rect r = {s->cursor_x, s->cursor_y, s->cursor_w, s->cursor_h};
    const size_t n = (size_t)s->cursor_w * (size_t)s->cursor_h;
    const uint32_t can = s->encodings.can;

    if (can & FH__CAN_ALPHA_CURSOR) {
        fh__write_rect(w, &r, FH_ENC_CURSOR_WITH_ALPHA);
        wr_u32(w, FH_ENC_RAW);
        write_alpha(s, w, true);
    } else if (can & FH__CAN_VMWARE_CURSOR) {
        fh__write_rect(w, &r, FH_ENC_VMWARE_CURSOR);
        wr_u8(w, 1); /* alpha */
        wr_u8(w, 0);
        write_alpha(s, w, false);
    } else if (can & FH__CAN_CURSOR) {
        fh__write_rect(w, &r, FH_ENC_CURSOR);
        if (n != 0)
            w->len += fh_encoder_pixels(s->encoder, s->cursor, n, w->mem + w->len);
        write_bits(s, w, is_shown);
    } else {
        fh__write_rect(w, &r, FH_ENC_XCURSOR);
        if (n != 0)
            write_two_colours(s, w);
    }
}

static void write_leds(const struct fh_rfb_server *s, struct wr *w)
{
    const struct fh_rect none = {0};

    if (s->encodings.can & FH__CAN_LEDS) {
        fh__write_rect(w, &none, FH_ENC_LED_STATE);
        wr_u8(w, (uint8_t)s->leds);
    } else {
        fh__write_rect(w, &none, FH_ENC_VMWARE_LED_STATE);
        wr_u32(w, s->leds);
    }
}

static const struct {
    uint32_t kind, can; /* any of these */
} wanted[] = {
    {FH__NEWS_QEMU_KEY, FH__CAN_QEMU_KEY},
    {FH__NEWS_LAYOUT, FH__CAN_EXTENDED_SIZE},
    {FH__NEWS_NAME, FH__CAN_NAME},
    {FH__NEWS_CURSOR, FH__CAN_ANY_CURSOR},
    {FH__NEWS_MOUSE, FH__CAN_MOUSE},
    {FH__NEWS_LEDS, FH__CAN_LEDS | FH__CAN_VMWARE_LEDS},
    {FH__NEWS_POINTER, FH__CAN_VMWARE_POSITION},
};

uint32_t fh__server_news(const struct fh_rfb_server *s)
{
    uint32_t mask = 0;

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (s->encodings.can & wanted[i].can)
            mask |= wanted[i].kind;
    return s->news & mask;
}

size_t fh__server_news_bound(const struct fh_rfb_server *s, uint32_t kind)
{
    const size_t row = (size_t)s->cursor_w * 4 + ((size_t)s->cursor_w + 7) / 8;

    return 2048 + (kind == FH__NEWS_CURSOR ? row * (size_t)s->cursor_h : 0);
}

void fh__server_write_news(struct fh_rfb_server *s, struct wr *w, uint32_t kind)
{
    const struct fh_rect none = {0}, pointer = {.x = min32(s->pointer_x, s->viewer_width - 1),
                                                .y = min32(s->pointer_y, s->viewer_height - 1)};

    switch (kind) {
    case FH__NEWS_QEMU_KEY:
        fh__write_rect(w, &none, FH_ENC_QEMU_KEY);
        break;
    case FH__NEWS_LAYOUT:
        write_layout(s, w);
        break;
    case FH__NEWS_NAME:
        write_name(s, w);
        break;
    case FH__NEWS_CURSOR:
        write_cursor(s, w);
        break;
    case FH__NEWS_MOUSE:
        fh__write_rect(w, &none, FH_ENC_EXTENDED_MOUSE_BUTTONS);
        s->has_mouse = true;
        break;
    case FH__NEWS_LEDS:
        write_leds(s, w);
        break;
    case FH__NEWS_POINTER:
        fh__write_rect(w, &pointer, FH_ENC_VMWARE_CURSOR_POSITION);
        break;
    }
    s->news &= ~kind;
}
