/* SPDX-License-Identifier: MIT */
#include "window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairo-xcb.h>
#include <xcb/randr.h>

#include "lines.h"

enum {
    RAISE_MS = 200, /* two windows that both want to be above must not keep each other busy */
    RESOURCES_MAX = 65536
};

static xcb_atom_t atom(xcb_connection_t *c, const char *name)
{
    xcb_intern_atom_cookie_t cookie = xcb_intern_atom(c, 0, (uint16_t)strlen(name), name);
    xcb_intern_atom_reply_t *r = xcb_intern_atom_reply(c, cookie, NULL);
    xcb_atom_t a = r ? r->atom : (xcb_atom_t)XCB_ATOM_NONE;

    free(r);
    return a;
}

static xcb_visualtype_t *find_visual(const xcb_screen_t *screen)
{
    xcb_depth_iterator_t d = xcb_screen_allowed_depths_iterator(screen);
    xcb_visualtype_iterator_t v;

    for (; d.rem > 0; xcb_depth_next(&d))
        for (v = xcb_depth_visuals_iterator(d.data); v.rem > 0; xcb_visualtype_next(&v))
            if (v.data->visual_id == screen->root_visual)
                return v.data;
    return NULL;
}

/* What the person has chosen for fonts, which is also the size of everything else. */
static double find_scale(xcb_connection_t *c, const xcb_screen_t *screen)
{
    xcb_get_property_cookie_t cookie = xcb_get_property(
        c, 0, screen->root, XCB_ATOM_RESOURCE_MANAGER, XCB_ATOM_STRING, 0, RESOURCES_MAX / 4);
    xcb_get_property_reply_t *r = xcb_get_property_reply(c, cookie, NULL);
    int len = r ? xcb_get_property_value_length(r) : 0;
    char *text = len > 0 ? calloc(1, (size_t)len + 1) : NULL, *at = NULL;
    double dpi = 96;

    if (text) {
        memcpy(text, xcb_get_property_value(r), (size_t)len);
        at = strstr(text, "Xft.dpi:");
    }
    if (at)
        dpi = strtod(at + strlen("Xft.dpi:"), NULL);
    free(text);
    free(r);
    return dpi >= 48 && dpi <= 480 ? dpi / 96 : 1;
}

static void make(struct fh__window *w, const char *title)
{
    const uint32_t mask =
        XCB_CW_BACK_PIXMAP | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_SAVE_UNDER | XCB_CW_EVENT_MASK;
    const uint32_t values[] = {XCB_BACK_PIXMAP_NONE, 1, 1,
                               XCB_EVENT_MASK_EXPOSURE | XCB_EVENT_MASK_BUTTON_PRESS |
                                   XCB_EVENT_MASK_BUTTON_RELEASE | XCB_EVENT_MASK_POINTER_MOTION |
                                   XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_VISIBILITY_CHANGE |
                                   XCB_EVENT_MASK_FOCUS_CHANGE};
    static const char class[] = "vncserver-prompt\0Vncserver-prompt";
    const xcb_atom_t dialog = atom(w->c, "_NET_WM_WINDOW_TYPE_DIALOG");

    w->id = xcb_generate_id(w->c);
    xcb_create_window(w->c, XCB_COPY_FROM_PARENT, w->id, w->screen->root, 0, 0, 1, 1, 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, w->screen->root_visual, mask, values);
    xcb_change_property(w->c, XCB_PROP_MODE_REPLACE, w->id, XCB_ATOM_WM_NAME, XCB_ATOM_STRING, 8,
                        (uint32_t)strlen(title), title);
    xcb_change_property(w->c, XCB_PROP_MODE_REPLACE, w->id, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, 8,
                        sizeof class, class);
    xcb_change_property(w->c, XCB_PROP_MODE_REPLACE, w->id, atom(w->c, "_NET_WM_WINDOW_TYPE"),
                        XCB_ATOM_ATOM, 32, 1, &dialog);
}

int fh__window_open(struct fh__window *w, const char *title)
{
    int number = 0;
    xcb_screen_iterator_t it;

    *w = (struct fh__window){.c = xcb_connect(NULL, &number)};
    if (xcb_connection_has_error(w->c)) {
        fprintf(stderr, "vncserver-prompt: no display\n");
        xcb_disconnect(w->c);
        return -1;
    }
    for (it = xcb_setup_roots_iterator(xcb_get_setup(w->c)); number-- > 0 && it.rem > 1;)
        xcb_screen_next(&it);
    w->screen = it.data;
    if (!find_visual(w->screen)) {
        fprintf(stderr, "vncserver-prompt: the display has no pictures that are known here\n");
        xcb_disconnect(w->c);
        return -1;
    }
    w->scale = find_scale(w->c, w->screen);
    w->keys = xcb_key_symbols_alloc(w->c);
    make(w, title);
    return 0;
}

/* The monitor where the pointer is; without RandR the whole screen. */
static void find_monitor(struct fh__window *w)
{
    xcb_query_pointer_reply_t *p =
        xcb_query_pointer_reply(w->c, xcb_query_pointer(w->c, w->screen->root), NULL);
    const xcb_query_extension_reply_t *ext = xcb_get_extension_data(w->c, &xcb_randr_id);
    xcb_randr_get_monitors_reply_t *r = NULL;
    xcb_randr_monitor_info_iterator_t it;

    w->left = w->top = 0;
    w->right = w->screen->width_in_pixels;
    w->bottom = w->screen->height_in_pixels;
    if (ext && ext->present)
        r = xcb_randr_get_monitors_reply(w->c, xcb_randr_get_monitors(w->c, w->screen->root, 1),
                                         NULL);
    for (it = r ? xcb_randr_get_monitors_monitors_iterator(r)
                : (xcb_randr_monitor_info_iterator_t){0};
         it.rem > 0; xcb_randr_monitor_info_next(&it)) {
        const xcb_randr_monitor_info_t *m = it.data;

        if (p && p->root_x >= m->x && p->root_x < m->x + m->width && p->root_y >= m->y &&
            p->root_y < m->y + m->height) {
            w->left = m->x;
            w->top = m->y;
            w->right = m->x + m->width;
            w->bottom = m->y + m->height;
        }
    }
    free(r);
    free(p);
}

/* Where the screen is smaller than the window, all of it is still to be seen. */
static void fit(struct fh__window *w, double width, double height)
{
    double room_w = w->right - w->left, room_h = w->bottom - w->top;

    if (width * w->scale > room_w)
        w->scale = room_w / width;
    if (height * w->scale > room_h)
        w->scale = room_h / height;
    w->w = (int)(width * w->scale);
    w->h = (int)(height * w->scale);
}

static void place_at(struct fh__window *w, enum fh__window_place place)
{
    w->x = w->left + (w->right - w->left - w->w) / 2;
    w->y = w->top;
    if (place == FH__PLACE_MIDDLE)
        w->y += (w->bottom - w->top - w->h) / 3;
}

static void take_focus(struct fh__window *w)
{
    xcb_get_input_focus_reply_t *r =
        xcb_get_input_focus_reply(w->c, xcb_get_input_focus(w->c), NULL);

    if (r && r->focus != w->id)
        w->focus_before = r->focus;
    free(r);
    xcb_set_input_focus(w->c, XCB_INPUT_FOCUS_POINTER_ROOT, w->id, XCB_CURRENT_TIME);
    w->has_focus = true;
}

static void draw_on(struct fh__window *w)
{
    cairo_destroy(w->cr);
    cairo_surface_destroy(w->surface);
    w->surface = cairo_xcb_surface_create(w->c, w->id, find_visual(w->screen), w->w, w->h);
    w->cr = cairo_create(w->surface);
}

void fh__window_show(struct fh__window *w, double width, double height, enum fh__window_place place,
                     bool takes_keys)
{
    find_monitor(w);
    if (!w->was_shown)
        fit(w, width, height);
    w->w = (int)(width * w->scale);
    w->h = (int)(height * w->scale);
    place_at(w, place);
    xcb_configure_window(w->c, w->id,
                         XCB_CONFIG_WINDOW_X | XCB_CONFIG_WINDOW_Y | XCB_CONFIG_WINDOW_WIDTH |
                             XCB_CONFIG_WINDOW_HEIGHT | XCB_CONFIG_WINDOW_STACK_MODE,
                         (const uint32_t[]){(uint32_t)w->x, (uint32_t)w->y, (uint32_t)w->w,
                                            (uint32_t)w->h, XCB_STACK_MODE_ABOVE});
    xcb_map_window(w->c, w->id);
    if (takes_keys)
        take_focus(w);
    draw_on(w);
    w->was_shown = true;
    xcb_flush(w->c);
}

void fh__window_hide(struct fh__window *w)
{
    xcb_unmap_window(w->c, w->id);
    xcb_flush(w->c);
}

cairo_t *fh__window_paint(struct fh__window *w)
{
    cairo_save(w->cr);
    cairo_push_group(w->cr); /* shown whole, without flicker */
    cairo_scale(w->cr, w->scale, w->scale);
    return w->cr;
}

void fh__window_painted(struct fh__window *w)
{
    cairo_pop_group_to_source(w->cr);
    cairo_paint(w->cr);
    cairo_restore(w->cr);
    cairo_surface_flush(w->surface);
    xcb_flush(w->c);
}

void fh__window_keep(struct fh__window *w)
{
    uint64_t now = fh__now_ms();

    if (!w->is_covered || now - w->raised_ms < RAISE_MS)
        return;
    w->raised_ms = now;
    xcb_configure_window(w->c, w->id, XCB_CONFIG_WINDOW_STACK_MODE,
                         (const uint32_t[]){XCB_STACK_MODE_ABOVE});
    xcb_flush(w->c);
}

static struct fh__window_event at_point(const struct fh__window *w, enum fh__window_what what,
                                        int x, int y)
{
    return (struct fh__window_event){.what = what, .x = x / w->scale, .y = y / w->scale};
}

static struct fh__window_event on_button(struct fh__window *w, const xcb_button_press_event_t *ev,
                                         enum fh__window_what what)
{
    if (ev->detail != 1)
        return (struct fh__window_event){.what = FH__EV_OTHER};
    if (what == FH__EV_PRESS && w->has_focus)
        take_focus(w);
    w->is_dragged = what == FH__EV_PRESS;
    w->drag_x = ev->root_x;
    return at_point(w, what, ev->event_x, ev->event_y);
}

static struct fh__window_event translate(struct fh__window *w, const xcb_generic_event_t *ev)
{
    const xcb_key_press_event_t *key = (const void *)ev;
    const xcb_motion_notify_event_t *move = (const void *)ev;
    struct fh__window_event out = {.what = FH__EV_OTHER};

    switch (ev->response_type) { /* with bit 0x80, SendEvent's, it is none of these */
    case XCB_EXPOSE:
        out.what = FH__EV_PAINT;
        break;
    case XCB_VISIBILITY_NOTIFY:
        w->is_covered = ((const xcb_visibility_notify_event_t *)(const void *)ev)->state !=
                        XCB_VISIBILITY_UNOBSCURED;
        fh__window_keep(w);
        out.what = w->is_covered ? FH__EV_OTHER : FH__EV_UNCOVERED;
        break;
    case XCB_BUTTON_PRESS:
        return on_button(w, (const void *)ev, FH__EV_PRESS);
    case XCB_BUTTON_RELEASE:
        return on_button(w, (const void *)ev, FH__EV_RELEASE);
    case XCB_MOTION_NOTIFY:
        out = at_point(w, FH__EV_MOVE, move->event_x, move->event_y);
        if (w->is_dragged && !w->has_focus)
            fh__window_slide(w, move->root_x - w->drag_x);
        w->drag_x = move->root_x;
        break;
    case XCB_KEY_PRESS:
        out.what = FH__EV_KEY;
        out.key = xcb_key_symbols_get_keysym(w->keys, key->detail, 0);
        out.has_shift = (key->state & XCB_MOD_MASK_SHIFT) != 0;
        break;
    case XCB_MAPPING_NOTIFY:
        xcb_refresh_keyboard_mapping(w->keys, (xcb_mapping_notify_event_t *)(uintptr_t)ev);
        break;
    }
    return out;
}

struct fh__window_event fh__window_event(struct fh__window *w)
{
    struct fh__window_event out = {.what = FH__EV_NONE};
    xcb_generic_event_t *ev = xcb_poll_for_event(w->c);

    if (ev)
        out = translate(w, ev);
    else if (xcb_connection_has_error(w->c))
        out.what = FH__EV_LOST;
    free(ev);
    return out;
}

void fh__window_slide(struct fh__window *w, int dx)
{
    int x = w->x + dx;

    if (x + w->w > w->right)
        x = w->right - w->w;
    w->x = x < w->left ? w->left : x;
    xcb_configure_window(w->c, w->id, XCB_CONFIG_WINDOW_X, (const uint32_t[]){(uint32_t)w->x});
    xcb_flush(w->c);
}

/* Who had the keyboard has it again, if nobody else took it. */
static void give_focus_back(struct fh__window *w)
{
    xcb_get_input_focus_reply_t *r =
        xcb_get_input_focus_reply(w->c, xcb_get_input_focus(w->c), NULL);

    if (r && r->focus == w->id && w->focus_before > XCB_INPUT_FOCUS_POINTER_ROOT)
        xcb_set_input_focus(w->c, XCB_INPUT_FOCUS_POINTER_ROOT, w->focus_before, XCB_CURRENT_TIME);
    free(r);
    /* An answer means that the server has done it; what is only sent may be lost with us. */
    free(xcb_get_input_focus_reply(w->c, xcb_get_input_focus(w->c), NULL));
}

void fh__window_close(struct fh__window *w)
{
    if (!w->c)
        return;
    if (w->has_focus && !xcb_connection_has_error(w->c))
        give_focus_back(w);
    cairo_destroy(w->cr);
    cairo_surface_finish(w->surface);
    cairo_surface_destroy(w->surface);
    xcb_key_symbols_free(w->keys);
    xcb_disconnect(w->c);
    *w = (struct fh__window){0};
}

int fh__window_fd(const struct fh__window *w)
{
    return xcb_get_file_descriptor(w->c);
}
