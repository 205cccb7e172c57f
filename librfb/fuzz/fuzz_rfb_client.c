/* SPDX-License-Identifier: MIT */
/*
 * A server that says anything. u8 which encodings and format are asked for, u8 size of the pieces
 * less one, then the server's stream. Two machines get it, one in large and one in small pieces:
 * they must agree on the error, the number of events and the picture. Seeds: make-rfb-seeds.
 */
#include <stdlib.h>
#include <string.h>

#include <farhand/rfb_client.h>
#include <farhand/rfb_error.h>

#include "rd.h"

static const int32_t few[] = {FH_ENC_ZRLE, FH_ENC_DESKTOP_SIZE};
static const struct fh_pixel_format small = {16, 16, true, true, 31, 63, 31, 11, 5, 0};

struct side {
    struct fh_rfb_client *c;
    size_t events;
};

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_event(const struct side *s, const struct fh_rfb_client_event *ev)
{
    const struct fh_framebuffer *fb = fh_rfb_client_framebuffer(s->c);
    size_t n;

    require(fb != NULL);
    switch (ev->type) {
    case FH_RFB_CLIENT_EV_RECT:
        require(fh_rect_is_inside(&ev->rect, fb->width, fb->height));
        break;
    case FH_RFB_CLIENT_EV_READY:
    case FH_RFB_CLIENT_EV_SIZE:
        require(fb->width == ev->size.width && fb->height == ev->size.height);
        break;
    case FH_RFB_CLIENT_EV_CURSOR:
        require((ev->cursor.argb == NULL) == (ev->cursor.w == 0));
        require(ev->cursor.w == 0 || ev->cursor.hot_x < ev->cursor.w);
        break;
    case FH_RFB_CLIENT_EV_CUT_TEXT:
        require(strlen(ev->cut_text.text) == ev->cut_text.len);
        break;
    case FH_RFB_CLIENT_EV_UPDATE:
    case FH_RFB_CLIENT_EV_NAME:
    case FH_RFB_CLIENT_EV_BELL:
    case FH_RFB_CLIENT_EV_RESIZED:
        break;
    case FH_RFB_CLIENT_EV_SCREENS:
        (void)fh_rfb_client_screens(s->c, &n);
        require(n <= FH_RFB_SCREENS_MAX);
        break;
    case FH_RFB_CLIENT_EV_LEDS:
        require(ev->leds.on <= FH_LED_ALL);
        break;
    case FH_RFB_CLIENT_EV_POINTER:
        require(ev->pointer.x < fb->width && ev->pointer.y < fb->height);
        break;
    }
    require(strlen(fh_rfb_client_name(s->c)) <= FH_RFB_NAME_MAX);
}

/* Gives all of data, and sends what there is to send after each piece. */
static void run(struct side *s, struct rd data, size_t piece)
{
    struct fh_rfb_client_event ev;
    size_t room, n;
    uint8_t *in;

    while (data.left != 0 && (in = fh_rfb_client_in(s->c, &room)) != NULL) {
        n = data.left < piece ? data.left : piece;
        n = n < room ? n : room;
        rd_copy(&data, in, n);
        fh_rfb_client_in_done(s->c, 0, n);
        while (fh_rfb_client_event(s->c, &ev) > 0) {
            check_event(s, &ev);
            s->events++;
            if (ev.type == FH_RFB_CLIENT_EV_BELL)
                (void)fh_rfb_client_cut_text(s->c, "cut \xe2\x82\xac", 7);
        }
        if (fh_rfb_client_out(s->c, &n))
            fh_rfb_client_out_done(s->c, n);
    }
}

static void compare(const struct side *a, const struct side *b)
{
    const struct fh_framebuffer *x = fh_rfb_client_framebuffer(a->c);
    const struct fh_framebuffer *y = fh_rfb_client_framebuffer(b->c);

    require(fh_rfb_client_error(a->c) == fh_rfb_client_error(b->c));
    require(a->events == b->events && (x == NULL) == (y == NULL));
    if (!x)
        return;
    require(x->width == y->width && x->height == y->height);
    /* A damaged rectangle may be drawn in part: in which depends on the pieces. */
    if (fh_rfb_client_error(a->c) != 0)
        return;
    require(memcmp(x->px, y->px, (size_t)x->width * (size_t)x->height * sizeof *x->px) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rd r = rd_init(data, len);
    const uint8_t kind = rd_u8(&r);
    const size_t piece = 1 + (size_t)rd_u8(&r);
    const struct fh_rfb_client_config cfg = {
        .encodings = kind & 1 ? few : NULL,
        .n_encodings = kind & 1 ? 2 : 0,
        .quality = kind & 2 ? 5 : -1,
        .level = -1,
        .max_pixels = 256 * 256,
        .continuous = (kind & 4) != 0,
        .format = kind & 8 ? &small : NULL,
    };
    struct side whole = {.c = fh_rfb_client_new(&cfg)}, parts = {.c = fh_rfb_client_new(&cfg)};

    if (!r.bad && whole.c && parts.c) {
        run(&whole, r, SIZE_MAX);
        run(&parts, r, piece);
        compare(&whole, &parts);
    }
    fh_rfb_client_free(whole.c);
    fh_rfb_client_free(parts.c);
    return 0;
}
