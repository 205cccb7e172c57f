/* SPDX-License-Identifier: MIT */
/* server_rfb.c -- the desktop within a server's session: what is shared, and input by permission.
 */
#include <string.h>

#include "server_session.h"

/* ---- what is shared ---- */

/* Who may not view shares a picture of one black pixel without a name. */
static int share_dark(struct fh__server_session *s)
{
    fh_rfb_server_pause(s->rfb, true);
    if (s->has_screen && !s->fb)
        return 0;
    s->has_screen = true;
    return fh_rfb_server_set_screen(s->rfb, &s->dark, NULL, 0);
}

static int share_screen(struct fh__server_session *s)
{
    int ret = 0;

    fh_rfb_server_set_name(s->rfb, s->name);
    if (s->fb) {
        ret = fh_rfb_server_set_screen(s->rfb, s->fb, s->screens, s->n_screens);
        s->has_screen |= ret == 0;
    }
    fh_rfb_server_pause(s->rfb, false);
    return ret;
}

int fh__server_rfb_share(struct fh__server_session *s)
{
    return fh_permissions_allow(s->permissions, FH_ACT_PICTURE) ? share_screen(s) : share_dark(s);
}

int fh__server_session_set_screen(struct fh__server_session *s, const struct fh_framebuffer *fb,
                                  const struct fh_screen *screens, size_t n_screens)
{
    struct fh_screen whole = {0};
    int ret;

    if (s->state != FH_SERVER_RUNNING)
        return FH_SESSION_E_STATE;
    if (!fb || fb->width < 1 || fb->height < 1 || fb->width > FH_FRAMEBUFFER_MAX_SIDE ||
        fb->height > FH_FRAMEBUFFER_MAX_SIDE || (screens && n_screens > FH_RFB_SCREENS_MAX))
        return FH_SESSION_E_INVAL;
    whole.w = (uint16_t)fb->width;
    whole.h = (uint16_t)fb->height;
    if (!screens || n_screens == 0) {
        screens = &whole;
        n_screens = 1;
    }
    if (fh_permissions_allow(s->permissions, FH_ACT_PICTURE))
        ret = fh_rfb_server_set_screen(s->rfb, fb, screens, n_screens);
    else
        ret = fh_rfb_server_set_screen(s->rfb, &s->dark, NULL, 0);
    if (ret != 0)
        return ret;
    s->has_screen = true;
    s->fb = fb;
    memcpy(s->screens, screens, n_screens * sizeof *screens);
    s->n_screens = n_screens;
    return 0;
}

void fh__server_session_set_name(struct fh__server_session *s, const char *name)
{
    fh__session_text_copy(name, s->name, sizeof s->name);
    if (fh__server_session_may(s, FH_ACT_PICTURE))
        fh_rfb_server_set_name(s->rfb, s->name);
}

/* ---- bytes from the viewer ---- */

/* Gives bytes to the RFB machine; how many it had room for. */
static size_t feed_rfb(struct fh__server_session *s, const uint8_t *data, size_t len)
{
    size_t room = 0;
    uint8_t *in = s->has_screen ? fh_rfb_server_in(s->rfb, &room) : NULL;
    size_t n = !in ? 0 : len < room ? len : room;
    int ret;

    if (n == 0)
        return 0;
    memcpy(in, data, n);
    ret = fh_rfb_server_in_done(s->rfb, s->now, n);
    if (ret < 0)
        fh__server_session_end(s, FH_BYE_PROTOCOL, ret, true);
    return n;
}

/* True: all that was sent early is with the RFB machine. */
static bool feed_early(struct fh__server_session *s)
{
    while (s->state == FH_SERVER_RUNNING && s->early_pos < s->early_len) {
        size_t n = feed_rfb(s, s->early + s->early_pos, s->early_len - s->early_pos);

        if (n == 0)
            return false;
        s->early_pos += n;
    }
    return true;
}

size_t fh__server_rfb_input(struct fh__server_session *s, const uint8_t *data, size_t len)
{
    return feed_early(s) ? feed_rfb(s, data, len) : 0;
}

/* ---- events ---- */

bool fh__server_rfb_release(struct fh__server_session *s, struct fh_server_conn_event *ev)
{
    if (s->release_keys && fh__held_take_key(&s->held, &ev->key.keysym, &ev->key.keycode)) {
        ev->type = FH_SERVER_CONN_EV_KEY;
        ev->key.down = false;
        return true;
    }
    s->release_keys = false;
    if (s->release_buttons && fh__held_take_buttons(&s->held)) {
        ev->type = FH_SERVER_CONN_EV_POINTER;
        ev->pointer.x = s->held.x;
        ev->pointer.y = s->held.y;
        ev->pointer.buttons = 0;
        return true;
    }
    s->release_buttons = false;
    return false;
}

static bool give_key(struct fh__server_session *s, struct fh_server_conn_event *ev)
{
    const struct fh_rfb_server_event *m = &s->rfb_event;

    if (!fh__held_key(&s->held, m->key.keysym, m->key.keycode, m->key.down))
        return false;
    ev->type = FH_SERVER_CONN_EV_KEY;
    ev->key.keysym = m->key.keysym;
    ev->key.keycode = m->key.keycode;
    ev->key.down = m->key.down;
    return true;
}

static bool give_pointer(struct fh__server_session *s, struct fh_server_conn_event *ev)
{
    const struct fh_rfb_server_event *m = &s->rfb_event;

    fh__held_pointer(&s->held, m->pointer.x, m->pointer.y, m->pointer.buttons);
    ev->type = FH_SERVER_CONN_EV_POINTER;
    ev->pointer.x = m->pointer.x;
    ev->pointer.y = m->pointer.y;
    ev->pointer.buttons = m->pointer.buttons;
    return true;
}

static bool give_cut_text(struct fh__server_session *s, struct fh_server_conn_event *ev)
{
    ev->type = FH_SERVER_CONN_EV_CUT_TEXT;
    ev->cut_text.text = s->rfb_event.cut_text.text;
    ev->cut_text.len = s->rfb_event.cut_text.len;
    return true;
}

static bool give_resize(struct fh__server_session *s, struct fh_server_conn_event *ev)
{
    ev->type = FH_SERVER_CONN_EV_RESIZE;
    ev->resize.width = s->rfb_event.resize.width;
    ev->resize.height = s->rfb_event.resize.height;
    ev->resize.screens = s->rfb_event.resize.screens;
    ev->resize.n_screens = s->rfb_event.resize.n_screens;
    return true;
}

/* What a viewer may ask for; permissions.h says with which permission. */
static const struct {
    enum fh_rfb_server_event_type type;
    enum fh_act act;
    bool (*give)(struct fh__server_session *s, struct fh_server_conn_event *ev);
} allowed[] = {
    {FH_RFB_SERVER_EV_KEY, FH_ACT_KEY, give_key},
    {FH_RFB_SERVER_EV_POINTER, FH_ACT_POINTER, give_pointer},
    {FH_RFB_SERVER_EV_CUT_TEXT, FH_ACT_TEXT_IN, give_cut_text},
    {FH_RFB_SERVER_EV_RESIZE, FH_ACT_RESIZE, give_resize},
};

/* What the viewer did without permission is dropped in silence: it may not know yet. */
static bool give_rfb_event(struct fh__server_session *s, struct fh_server_conn_event *ev)
{
    enum fh_rfb_server_event_type type = s->rfb_event.type;

    if (type == FH_RFB_SERVER_EV_READY)
        return false;
    s->last_input_ms = s->now;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        if (allowed[i].type == type && fh__server_session_may(s, allowed[i].act) &&
            allowed[i].give(s, ev))
            return true;
    s->dropped++;
    if (type == FH_RFB_SERVER_EV_RESIZE)
        fh_rfb_server_resize_done(s->rfb, FH_RFB_RESIZE_PROHIBITED);
    return false;
}

int fh__server_rfb_event(struct fh__server_session *s, struct fh_server_conn_event *ev)
{
    int ret = 0;

    while (feed_early(s), s->state == FH_SERVER_RUNNING) {
        if ((ret = fh_rfb_server_event(s->rfb, &s->rfb_event)) <= 0)
            break;
        if (give_rfb_event(s, ev))
            return 1;
    }
    if (ret < 0)
        fh__server_session_end(s, FH_BYE_PROTOCOL, ret, true);
    return 0;
}

/* ---- bytes to the viewer ---- */

size_t fh__server_rfb_fill(struct fh__server_session *s, uint8_t *out, size_t room)
{
    const size_t head = s->is_older ? 0 : FH_FRAME_HEADER;
    size_t at = 0, len;
    const uint8_t *p;

    while (room - at > head && (p = fh_rfb_server_out(s->rfb, s->now, &len)) != NULL) {
        size_t n = room - at - head;

        n = len < n ? len : n;
        n = n < FH_FRAME_MAX ? n : FH_FRAME_MAX;
        if (head > 0)
            fh__frame_header(out + at, FH_CHANNEL_RFB, n);
        memcpy(out + at + head, p, n);
        fh_rfb_server_out_done(s->rfb, n);
        at += head + n;
    }
    return at;
}
