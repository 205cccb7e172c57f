/* SPDX-License-Identifier: MIT */
/* resize.c -- the size of the X screen. */
#include "resize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xcb/randr.h>

#include "log.h"

enum { MM_PER_100_INCH = 254, DPI = 96 };

/* The one output, and what it shows. */
struct layout {
    xcb_randr_output_t output;
    xcb_randr_crtc_t crtc;
    xcb_randr_mode_t mode; /* of the wanted size; 0: none */
    bool is_made;          /* by us, just now */
    xcb_timestamp_t time;
};

void fh__resize_init(struct fh__resize *r, const struct fh__display *d)
{
    const uint32_t structure = XCB_EVENT_MASK_STRUCTURE_NOTIFY;
    xcb_get_geometry_reply_t *g;

    r->d = d;
    r->width = d->screen->width_in_pixels;
    r->height = d->screen->height_in_pixels;
    xcb_change_window_attributes(d->c, d->screen->root, XCB_CW_EVENT_MASK, &structure);
    xcb_randr_select_input(d->c, d->screen->root,
                           XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE | XCB_RANDR_NOTIFY_MASK_CRTC_CHANGE);
    /* The connection's setup tells the size of then; from here on events tell of changes. */
    g = xcb_get_geometry_reply(d->c, xcb_get_geometry(d->c, d->screen->root), NULL);
    if (g) {
        r->width = g->width;
        r->height = g->height;
    }
    free(g);
}

bool fh__resize_event(struct fh__resize *r, const xcb_generic_event_t *ev)
{
    const xcb_configure_notify_event_t *configure = (const xcb_configure_notify_event_t *)ev;
    uint8_t type = ev->response_type & 0x7f;

    if (type == XCB_CONFIGURE_NOTIFY && configure->window == r->d->screen->root) {
        r->width = configure->width;
        r->height = configure->height;
        return true;
    }
    return type == r->d->first_randr + XCB_RANDR_SCREEN_CHANGE_NOTIFY ||
           type == r->d->first_randr + XCB_RANDR_NOTIFY;
}

static const xcb_randr_mode_info_t *find_mode(const xcb_randr_get_screen_resources_reply_t *res,
                                              const xcb_randr_mode_t *among, int n, uint16_t width,
                                              uint16_t height)
{
    xcb_randr_mode_info_iterator_t m = xcb_randr_get_screen_resources_modes_iterator(res);
    int i;

    for (; m.rem > 0; xcb_randr_mode_info_next(&m))
        for (i = 0; m.data->width == width && m.data->height == height && i < n; i++)
            if (!among || among[i] == m.data->id)
                return m.data;
    return NULL;
}

static bool has_monitor(const struct fh__display *d, xcb_randr_output_t output)
{
    xcb_atom_t edid = fh__display_atom(d, "EDID");
    xcb_randr_get_output_property_reply_t *r = xcb_randr_get_output_property_reply(
        d->c,
        xcb_randr_get_output_property(d->c, output, edid, XCB_GET_PROPERTY_TYPE_ANY, 0, 1, 0, 0),
        NULL);
    bool has = r && r->num_items > 0;

    free(r);
    return has;
}

/* A mode of that size for the output. The refresh rate is for show: 60 Hz. */
static xcb_randr_mode_t make_mode(const struct fh__display *d,
                                  const xcb_randr_get_screen_resources_reply_t *res,
                                  xcb_randr_output_t output, uint16_t width, uint16_t height,
                                  bool *is_made)
{
    const xcb_randr_mode_info_t *same = find_mode(res, NULL, 1, width, height);
    xcb_randr_create_mode_reply_t *r;
    xcb_randr_mode_info_t info;
    xcb_randr_mode_t mode = 0;
    char name[16];

    if (same) {
        mode = same->id;
    } else {
        memset(&info, 0, sizeof info);
        info.width = info.hsync_start = info.hsync_end = info.htotal = width;
        info.height = info.vsync_start = info.vsync_end = info.vtotal = height;
        info.dot_clock = (uint32_t)width * height * 60;
        info.name_len = (uint16_t)snprintf(name, sizeof name, "%ux%u", width, height);
        r = xcb_randr_create_mode_reply(
            d->c, xcb_randr_create_mode(d->c, d->screen->root, info, info.name_len, name), NULL);
        mode = r ? r->mode : 0;
        *is_made = mode != 0;
        free(r);
    }
    if (mode)
        xcb_randr_add_output_mode(d->c, output, mode);
    return mode;
}

/* Looks at the one connected output with a CRTC; false: there is none, or more. */
static bool find_layout(const struct fh__display *d, uint16_t width, uint16_t height,
                        struct layout *l)
{
    xcb_randr_get_screen_resources_reply_t *res = xcb_randr_get_screen_resources_reply(
        d->c, xcb_randr_get_screen_resources(d->c, d->screen->root), NULL);
    xcb_randr_output_t *outputs = res ? xcb_randr_get_screen_resources_outputs(res) : NULL;
    const xcb_randr_mode_info_t *mode;
    xcb_randr_get_output_info_reply_t *o;
    int i, used = 0;

    memset(l, 0, sizeof *l);
    for (i = 0; res && i < res->num_outputs; i++) {
        o = xcb_randr_get_output_info_reply(
            d->c, xcb_randr_get_output_info(d->c, outputs[i], XCB_CURRENT_TIME), NULL);
        if (o && o->crtc && ++used == 1) {
            l->output = outputs[i];
            l->crtc = o->crtc;
            l->time = res->config_timestamp;
            mode = find_mode(res, xcb_randr_get_output_info_modes(o), o->num_modes, width, height);
            l->mode = mode ? mode->id : 0;
        }
        free(o);
    }
    if (used == 1 && !l->mode && !has_monitor(d, l->output))
        l->mode = make_mode(d, res, l->output, width, height, &l->is_made);
    free(res);
    return used == 1;
}

static bool set_crtc(const struct fh__display *d, const struct layout *l, xcb_randr_mode_t mode)
{
    xcb_randr_set_crtc_config_reply_t *r = xcb_randr_set_crtc_config_reply(
        d->c,
        xcb_randr_set_crtc_config(d->c, l->crtc, XCB_CURRENT_TIME, l->time, 0, 0, mode,
                                  XCB_RANDR_ROTATION_ROTATE_0, mode ? 1 : 0, &l->output),
        NULL);
    bool ok = r && r->status == XCB_RANDR_SET_CONFIG_SUCCESS;

    free(r);
    return ok;
}

static bool set_screen(const struct fh__display *d, uint16_t width, uint16_t height)
{
    uint32_t mm_w = (uint32_t)width * MM_PER_100_INCH / DPI / 10;
    uint32_t mm_h = (uint32_t)height * MM_PER_100_INCH / DPI / 10;
    xcb_void_cookie_t cookie = xcb_randr_set_screen_size_checked(
        d->c, d->screen->root, width, height, mm_w ? mm_w : 1, mm_h ? mm_h : 1);
    xcb_generic_error_t *err = xcb_request_check(d->c, cookie);
    bool ok = !err;

    free(err);
    return ok;
}

/* The CRTC must lie within the screen at each step, so it is off while the screen changes. */
static bool apply(const struct fh__display *d, const struct layout *l, uint16_t width,
                  uint16_t height)
{
    bool ok;

    xcb_grab_server(d->c);
    ok = set_crtc(d, l, XCB_NONE) && set_screen(d, width, height) && set_crtc(d, l, l->mode);
    xcb_ungrab_server(d->c);
    return ok;
}

/* A mode that nothing shows any more: kept, each size ever asked for would fill the X server. */
static void forget_mode(const struct fh__display *d, xcb_randr_output_t output,
                        xcb_randr_mode_t mode)
{
    xcb_randr_delete_output_mode(d->c, output, mode);
    xcb_randr_destroy_mode(d->c, mode);
}

static bool is_in_range(const struct fh__display *d, uint16_t width, uint16_t height)
{
    xcb_randr_get_screen_size_range_reply_t *r = xcb_randr_get_screen_size_range_reply(
        d->c, xcb_randr_get_screen_size_range(d->c, d->screen->root), NULL);
    bool is = r && width >= r->min_width && width <= r->max_width && height >= r->min_height &&
              height <= r->max_height;

    free(r);
    return is;
}

enum fh__resize_result fh__resize_to(struct fh__resize *r, uint16_t width, uint16_t height)
{
    struct layout l, old;

    if (width == r->width && height == r->height)
        return FH__RESIZE_OK;
    if (width < 1 || height < 1 || !is_in_range(r->d, width, height))
        return FH__RESIZE_INVALID;
    if (!find_layout(r->d, width, height, &l) || !find_layout(r->d, r->width, r->height, &old))
        return FH__RESIZE_IMPOSSIBLE;
    if (!l.mode)
        return FH__RESIZE_INVALID;
    if (!apply(r->d, &l, width, height)) {
        fh__log(FH__LOG_WARNING, "the X server refused the size %ux%u", width, height);
        apply(r->d, &old, r->width, r->height);
        if (l.is_made)
            forget_mode(r->d, l.output, l.mode);
        r->made = old.is_made ? old.mode : r->made;
        return FH__RESIZE_INVALID;
    }
    if (old.is_made)
        forget_mode(r->d, old.output, old.mode);
    if (r->made && r->made != l.mode)
        forget_mode(r->d, l.output, r->made);
    if (r->made != l.mode)
        r->made = l.is_made ? l.mode : 0;
    r->width = width;
    r->height = height;
    return FH__RESIZE_OK;
}

size_t fh__resize_screens(const struct fh__resize *r, struct fh_screen out[FH__SCREENS_MAX])
{
    const struct fh__display *d = r->d;
    xcb_randr_get_screen_resources_current_reply_t *res =
        xcb_randr_get_screen_resources_current_reply(
            d->c, xcb_randr_get_screen_resources_current(d->c, d->screen->root), NULL);
    const xcb_randr_crtc_t *crtcs = res ? xcb_randr_get_screen_resources_current_crtcs(res) : NULL;
    xcb_randr_get_crtc_info_reply_t *crtc;
    size_t n = 0;
    int i;

    for (i = 0; res && i < res->num_crtcs && n < FH__SCREENS_MAX; i++) {
        crtc = xcb_randr_get_crtc_info_reply(
            d->c, xcb_randr_get_crtc_info(d->c, crtcs[i], res->config_timestamp), NULL);
        if (crtc && crtc->mode && crtc->x >= 0 && crtc->y >= 0 &&
            crtc->x + crtc->width <= r->width && crtc->y + crtc->height <= r->height)
            out[n++] = (struct fh_screen){crtcs[i],    (uint16_t)crtc->x, (uint16_t)crtc->y,
                                          crtc->width, crtc->height,      0};
        free(crtc);
    }
    free(res);
    if (n == 0)
        out[n++] = (struct fh_screen){1, 0, 0, r->width, r->height, 0};
    return n;
}
