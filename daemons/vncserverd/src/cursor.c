/* SPDX-License-Identifier: MIT */
/* cursor.c -- the shape of the pointer. */
#include "cursor.h"

#include <stdlib.h>

#include <xcb/xfixes.h>

#include <farhand/framebuffer.h>

void fh__cursor_init(struct fh__cursor *c, const struct fh__display *d)
{
    c->d = d;
    c->is_changed = true;
    xcb_xfixes_select_cursor_input(d->c, d->screen->root,
                                   XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
}

bool fh__cursor_event(struct fh__cursor *c, const xcb_generic_event_t *ev)
{
    if ((ev->response_type & 0x7f) != c->d->first_xfixes + XCB_XFIXES_CURSOR_NOTIFY)
        return false;
    c->is_changed = true;
    return true;
}

/* XFixes multiplies the colours with alpha; RFB wants them as they were. */
static uint32_t divide_by_alpha(uint32_t px)
{
    uint32_t a = px >> 24, out = px & 0xff000000, v;
    unsigned shift;

    if (a == 0)
        return 0;
    for (shift = 0; shift <= 16; shift += 8) {
        v = ((px >> shift & 0xff) * 255 + a / 2) / a;
        out |= (v > 255 ? 255 : v) << shift;
    }
    return out;
}

static int32_t at_most(int32_t v, int32_t max)
{
    return v > max ? max : v;
}

int fh__cursor_fetch(struct fh__cursor *c, struct fh__cursor_image *out)
{
    xcb_xfixes_get_cursor_image_reply_t *r =
        xcb_xfixes_get_cursor_image_reply(c->d->c, xcb_xfixes_get_cursor_image(c->d->c), NULL);
    struct fh__cursor_image image;
    const uint32_t *px;
    int32_t x, y;
    int ret = -1;

    c->is_changed = false;
    if (!r || xcb_xfixes_get_cursor_image_cursor_image_length(r) < r->width * r->height)
        goto out;
    px = xcb_xfixes_get_cursor_image_cursor_image(r);
    image.w = at_most(r->width, FH_CURSOR_MAX_SIDE);
    image.h = at_most(r->height, FH_CURSOR_MAX_SIDE);
    image.hot_x = at_most(r->xhot, image.w > 0 ? image.w - 1 : 0);
    image.hot_y = at_most(r->yhot, image.h > 0 ? image.h - 1 : 0);
    image.argb = calloc((size_t)(image.w * image.h) + 1, sizeof *image.argb);
    if (!image.argb)
        goto out;
    for (y = 0; y < image.h; y++)
        for (x = 0; x < image.w; x++)
            image.argb[y * image.w + x] = divide_by_alpha(px[y * r->width + x]);
    *out = image;
    ret = 0;
out:
    free(r);
    return ret;
}
