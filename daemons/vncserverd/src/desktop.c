/* SPDX-License-Identifier: MIT */
/* desktop.c -- one X display as a thing to share. */
#include "desktop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xcb/xkb.h>

#include "capture.h"
#include "clipboard.h"
#include "cursor.h"
#include "input.h"
#include "log.h"

struct fh__desktop {
    struct fh__display display;
    struct fh__capture *capture;
    struct fh__cursor cursor;
    struct fh__input *input;
    struct fh__clipboard *clipboard;
    struct fh__resize resize;
    bool is_watched, has_clipboard, is_screen_new;
    struct fh_screen screens[FH__SCREENS_MAX]; /* as last told */
    size_t n_screens;
    const struct fh__desktop_events *events;
    void *user;
};

static void on_changed(void *user, const struct fh_rect *r)
{
    struct fh__desktop *t = user;

    t->events->changed(t->user, r);
}

static void on_moved(void *user, const struct fh_motion *m)
{
    struct fh__desktop *t = user;

    t->events->moved(t->user, m);
}

static const struct fh__capture_events capture_events = {on_changed, on_moved};

static void on_cut_text(const char *text, size_t len, void *user)
{
    struct fh__desktop *t = user;

    t->events->cut_text(t->user, text, len);
}

/* RandR also tells of what does not matter here; every new screen costs viewers a whole picture. */
static bool has_same_screens(struct fh__desktop *t)
{
    struct fh_screen screens[FH__SCREENS_MAX];
    size_t i, n = fh__resize_screens(&t->resize, screens);
    bool is_same = n == t->n_screens;

    for (i = 0; is_same && i < n; i++)
        is_same = screens[i].id == t->screens[i].id && screens[i].x == t->screens[i].x &&
                  screens[i].y == t->screens[i].y && screens[i].w == t->screens[i].w &&
                  screens[i].h == t->screens[i].h;
    memcpy(t->screens, screens, n * sizeof *screens);
    t->n_screens = n;
    return is_same;
}

int fh__desktop_open(struct fh__desktop **out, const char *name,
                     const uint8_t cookie[FH__COOKIE_LEN], const struct fh__desktop_events *events,
                     void *user, char *error, size_t room)
{
    struct fh__desktop *t = calloc(1, sizeof *t);

    if (!t) {
        snprintf(error, room, "out of memory");
        return -1;
    }
    t->events = events;
    t->user = user;
    if (fh__display_open(&t->display, name, cookie, error, room) != 0) {
        free(t);
        return -1;
    }
    fh__resize_init(&t->resize, &t->display);
    fh__cursor_init(&t->cursor, &t->display);
    t->input = fh__input_new(&t->display, error, room);
    if (!t->input)
        goto fail;
    t->clipboard = fh__clipboard_new(&t->display, on_cut_text, t);
    t->capture = fh__capture_new(&t->display, t->resize.width, t->resize.height);
    if (!t->clipboard || !t->capture) {
        snprintf(error, room, "no memory for a picture of %ux%u pixels", t->resize.width,
                 t->resize.height);
        goto fail;
    }
    xcb_xkb_select_events(t->display.c, XCB_XKB_ID_USE_CORE_KBD, XCB_XKB_EVENT_TYPE_BELL_NOTIFY, 0,
                          XCB_XKB_EVENT_TYPE_BELL_NOTIFY, 0, 0, NULL);
    has_same_screens(t);
    xcb_flush(t->display.c);
    *out = t;
    return 0;
fail:
    fh__desktop_close(t);
    return -1;
}

void fh__desktop_close(struct fh__desktop *t)
{
    if (!t)
        return;
    fh__capture_free(t->capture);
    fh__clipboard_free(t->clipboard);
    fh__input_free(t->input);
    /* An answer means that the server has done all that: keys are up, the map is as it was. */
    free(xcb_get_input_focus_reply(t->display.c, xcb_get_input_focus(t->display.c), NULL));
    fh__display_close(&t->display);
    free(t);
}

int fh__desktop_fd(const struct fh__desktop *t)
{
    return xcb_get_file_descriptor(t->display.c);
}

static void adopt_screen(struct fh__desktop *t)
{
    const struct fh_framebuffer *fb = fh__capture_picture(t->capture);
    bool is_same = has_same_screens(t);

    t->is_screen_new = false;
    if (fb->width == t->resize.width && fb->height == t->resize.height && is_same)
        return;
    if ((fb->width != t->resize.width || fb->height != t->resize.height) &&
        fh__capture_resize(t->capture, t->resize.width, t->resize.height) != 0) {
        fh__log(FH__LOG_ERROR, "no memory for a picture of %ux%u pixels", t->resize.width,
                t->resize.height);
        return;
    }
    t->events->screen(t->user);
    if (fh__capture_is_damaged(t->capture))
        t->events->damaged(t->user);
}

static void dispatch(struct fh__desktop *t, const xcb_generic_event_t *ev)
{
    const xcb_generic_error_t *err = (const xcb_generic_error_t *)ev;

    if (ev->response_type == 0)
        fh__log(FH__LOG_DEBUG, "X error %u of request %u.%u", err->error_code, err->major_code,
                err->minor_code);
    else if (fh__capture_event(t->capture, ev))
        t->events->damaged(t->user);
    else if (fh__resize_event(&t->resize, ev))
        t->is_screen_new = true;
    else if ((ev->response_type & 0x7f) == t->display.first_xkb && ev->pad0 == XCB_XKB_BELL_NOTIFY)
        t->events->bell(t->user);
    else if (!fh__cursor_event(&t->cursor, ev) && !fh__input_event(t->input, ev))
        fh__clipboard_event(t->clipboard, ev);
}

bool fh__desktop_pump(struct fh__desktop *t)
{
    xcb_generic_event_t *ev;

    if (fh__input_deadline(t->input) <= fh__now_ms())
        fh__input_run(t->input);
    /* What follows the events may wait for answers and so read more events: until there are none.
     */
    for (;;) {
        while ((ev = xcb_poll_for_event(t->display.c))) {
            dispatch(t, ev);
            free(ev);
        }
        if (xcb_connection_has_error(t->display.c))
            return false;
        if (t->is_screen_new)
            adopt_screen(t);
        else if (t->cursor.is_changed && t->is_watched)
            fh__desktop_cursor(t);
        else
            break;
    }
    return xcb_flush(t->display.c) > 0;
}

uint64_t fh__desktop_deadline(const struct fh__desktop *t)
{
    return fh__input_deadline(t->input);
}

bool fh__desktop_is_damaged(const struct fh__desktop *t)
{
    return fh__capture_is_damaged(t->capture);
}

bool fh__desktop_is_shared_memory(const struct fh__desktop *t)
{
    return fh__capture_is_shared_memory(t->capture);
}

void fh__desktop_capture(struct fh__desktop *t)
{
    fh__capture_take(t->capture, &capture_events, t);
}

int fh__desktop_memory(const struct fh__desktop *t)
{
    return fh__capture_memory(t->capture);
}

int fh__desktop_renew(struct fh__desktop *t)
{
    return fh__capture_renew(t->capture);
}

const struct fh_framebuffer *fh__desktop_picture(const struct fh__desktop *t)
{
    return fh__capture_picture(t->capture);
}

const struct fh_screen *fh__desktop_screens(const struct fh__desktop *t, size_t *n)
{
    *n = t->n_screens;
    return t->screens;
}

void fh__desktop_cursor(struct fh__desktop *t)
{
    struct fh__cursor_image image;

    if (fh__cursor_fetch(&t->cursor, &image) != 0)
        return;
    t->events->cursor(t->user, image.argb, image.w, image.h, image.hot_x, image.hot_y);
    free(image.argb);
}

void fh__desktop_watch(struct fh__desktop *t, bool is_watched, bool has_clipboard)
{
    t->is_watched = is_watched;
    t->has_clipboard = has_clipboard;
    fh__clipboard_watch(t->clipboard, is_watched && has_clipboard);
}

void fh__desktop_key(struct fh__desktop *t, const void *owner, uint32_t keysym, uint32_t xt,
                     bool is_down)
{
    fh__input_key(t->input, owner, keysym, xt, is_down);
}

void fh__desktop_pointer(struct fh__desktop *t, const void *owner, uint16_t x, uint16_t y,
                         uint16_t buttons)
{
    fh__input_pointer(t->input, owner, x, y, buttons);
}

void fh__desktop_release(struct fh__desktop *t, const void *owner)
{
    fh__input_release(t->input, owner);
}

int fh__desktop_set_clipboard(struct fh__desktop *t, const char *text, size_t len)
{
    return t->has_clipboard ? fh__clipboard_set(t->clipboard, text, len) : -1;
}

enum fh__resize_result fh__desktop_resize(struct fh__desktop *t, uint16_t width, uint16_t height)
{
    enum fh__resize_result result = fh__resize_to(&t->resize, width, height);

    if (result == FH__RESIZE_OK)
        adopt_screen(t);
    return result;
}
