/* SPDX-License-Identifier: MIT */
/*
 * A viewer and an application that do anything at any time. u8 width, u8 height of the picture,
 * less one; u8 most bytes that the viewer takes at a time, less one. Then pieces of the viewer's
 * stream, each u8 length and its bytes; after a length of 0 comes one byte that says what the
 * application does. Seeds: make-rfb-seeds.
 */
#include <stdlib.h>
#include <string.h>

#include <farhand/rfb_error.h>
#include <farhand/rfb_server.h>

#include "rd.h"

enum { SIDE = 300 };

static uint32_t pixels[SIDE * SIDE];

struct app {
    struct fh_rfb_server *s;
    struct fh_framebuffer fb;
    uint32_t count;
    size_t takes;
};

static void require(int holds)
{
    if (!holds)
        abort();
}

static void use_screen(struct app *a, int32_t width, int32_t height)
{
    a->fb =
        (struct fh_framebuffer){.px = pixels, .width = width, .height = height, .stride_px = SIDE};
    require(fh_rfb_server_set_screen(a->s, &a->fb, NULL, 0) == 0);
}

static void act(struct app *a, uint8_t what)
{
    const int32_t k = what >> 3;
    const struct fh_rect r = {k * 5, k * 3, 100 - k, 80 - k};

    switch (what & 7) {
    case 0:
        pixels[a->count++ % (SIDE * SIDE)] ^= 0x010203;
        fh_rfb_server_damage(a->s, &r);
        break;
    case 1:
        fh_rfb_server_copy(a->s, &r, k * 4, k * 4);
        break;
    case 2:
        use_screen(a, 1 + k * 9, 280 - k * 9);
        break;
    case 3:
        fh_rfb_server_pause(a->s, k & 1);
        break;
    case 4:
        require(fh_rfb_server_set_cursor(a->s, pixels, 1 + k, 1 + k, k / 2, k) == 0);
        break;
    case 5:
        fh_rfb_server_set_name(a->s, k & 1 ? "other" : "\xff\x1b");
        fh_rfb_server_bell(a->s);
        fh_rfb_server_set_leds(a->s, (unsigned)k);
        fh_rfb_server_move_pointer(a->s, k * 9, k * 7);
        break;
    case 6:
        fh_rfb_server_cut_text(a->s, "cut \xc3\xa9\n", 7);
        if (k & 1)
            fh_rfb_server_forget_text(a->s);
        break;
    case 7:
        fh_rfb_server_resize_done(a->s, (enum fh_rfb_resize_status)(k & 3));
        break;
    }
}

static void check_event(const struct app *a, const struct fh_rfb_server_event *ev)
{
    if (ev->type == FH_RFB_SERVER_EV_POINTER)
        require(ev->pointer.x < a->fb.width && ev->pointer.y < a->fb.height);
    if (ev->type == FH_RFB_SERVER_EV_CUT_TEXT)
        require(strlen(ev->cut_text.text) == ev->cut_text.len);
    if (ev->type == FH_RFB_SERVER_EV_RESIZE)
        require(ev->resize.n_screens >= 1 && ev->resize.n_screens <= FH_RFB_SCREENS_MAX &&
                ev->resize.width > 0 && ev->resize.height > 0);
}

static void give(struct app *a, struct rd *piece)
{
    struct fh_rfb_server_event ev;
    size_t room, n;
    uint8_t *in = fh_rfb_server_in(a->s, &room);

    if (!in)
        return;
    n = piece->left < room ? piece->left : room;
    rd_copy(piece, in, n);
    fh_rfb_server_in_done(a->s, 0, n);
    while (fh_rfb_server_event(a->s, &ev) > 0)
        check_event(a, &ev);
}

static void take(struct app *a)
{
    size_t len;

    if (fh_rfb_server_out(a->s, 0, &len))
        fh_rfb_server_out_done(a->s, len < a->takes ? len : a->takes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rd r = rd_init(data, len), piece;
    struct app a = {.s = fh_rfb_server_new()};
    int32_t width = 1 + rd_u8(&r), height = 1 + rd_u8(&r);
    uint8_t n;

    if (!a.s)
        return 0;
    a.takes = 64 * (1 + (size_t)rd_u8(&r));
    use_screen(&a, width, height);
    while (!r.bad && r.left != 0 && fh_rfb_server_error(a.s) == 0) {
        if ((n = rd_u8(&r)) == 0) {
            act(&a, rd_u8(&r));
        } else {
            piece = rd_sub(&r, n < r.left ? n : r.left);
            give(&a, &piece);
        }
        take(&a);
    }
    fh_rfb_server_free(a.s);
    return 0;
}
