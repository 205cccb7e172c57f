/* SPDX-License-Identifier: MIT */
/* clipboard.c -- the X selections, both ways. */
#include "clipboard.h"

#include <stdlib.h>
#include <string.h>

#include <xcb/xfixes.h>

#include "log.h"

enum atom_index {
    CLIPBOARD,
    UTF8_STRING,
    TEXT,
    TEXT_PLAIN,
    TARGETS,
    TIMESTAMP,
    INCR,
    PROPERTY_0, /* where the answers arrive, two for each selection */
    PROPERTY_1,
    PROPERTY_2,
    PROPERTY_3,
    N_ATOMS
};

static const char *const atom_names[N_ATOMS] = {"CLIPBOARD",
                                                "UTF8_STRING",
                                                "TEXT",
                                                "text/plain;charset=utf-8",
                                                "TARGETS",
                                                "TIMESTAMP",
                                                "INCR",
                                                "FARHAND_CLIPBOARD",
                                                "FARHAND_CLIPBOARD_2",
                                                "FARHAND_PRIMARY",
                                                "FARHAND_PRIMARY_2"};

struct selection {
    xcb_atom_t name;
    xcb_atom_t property, other; /* taken in turn: a late answer is known by its property */
    xcb_window_t owner, asked;
    xcb_timestamp_t since; /* we own it since; XCB_CURRENT_TIME: not known yet */
    bool is_ours;
    bool is_fetching, is_latin1, is_in_parts, is_too_long, has_changed_again;
    char *text; /* what arrived up to now */
    size_t len;
};

struct fh__clipboard {
    const struct fh__display *d;
    xcb_window_t window;
    xcb_atom_t atoms[N_ATOMS];
    struct selection selections[2];
    bool is_watched;
    char *text; /* what was told or given last */
    size_t len;
    fh__clipboard_fn changed;
    void *user;
};

struct fh__clipboard *fh__clipboard_new(const struct fh__display *d, fh__clipboard_fn changed,
                                        void *user)
{
    const uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE;
    const uint32_t changes = XCB_XFIXES_SELECTION_EVENT_MASK_SET_SELECTION_OWNER;
    struct fh__clipboard *cb = calloc(1, sizeof *cb);
    size_t i;

    if (!cb)
        return NULL;
    cb->d = d;
    cb->changed = changed;
    cb->user = user;
    for (i = 0; i < N_ATOMS; i++)
        cb->atoms[i] = fh__display_atom(d, atom_names[i]);
    cb->selections[0].name = cb->atoms[CLIPBOARD];
    cb->selections[1].name = XCB_ATOM_PRIMARY;
    cb->window = xcb_generate_id(d->c);
    xcb_create_window(d->c, XCB_COPY_FROM_PARENT, cb->window, d->screen->root, -1, -1, 1, 1, 0,
                      XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, XCB_CW_EVENT_MASK,
                      &events);
    for (i = 0; i < 2; i++) {
        cb->selections[i].property = cb->atoms[PROPERTY_0 + 2 * i];
        cb->selections[i].other = cb->atoms[PROPERTY_1 + 2 * i];
        xcb_xfixes_select_selection_input(d->c, cb->window, cb->selections[i].name, changes);
    }
    return cb;
}

void fh__clipboard_free(struct fh__clipboard *cb)
{
    if (!cb)
        return;
    xcb_destroy_window(cb->d->c, cb->window);
    free(cb->selections[0].text);
    free(cb->selections[1].text);
    free(cb->text);
    free(cb);
}

void fh__clipboard_watch(struct fh__clipboard *cb, bool is_watched)
{
    cb->is_watched = is_watched;
}

static struct selection *find_selection(struct fh__clipboard *cb, xcb_atom_t name)
{
    return cb->selections[0].name == name   ? &cb->selections[0]
           : cb->selections[1].name == name ? &cb->selections[1]
                                            : NULL;
}

/* true: it differs from the last, and is kept. text may be NULL where len is 0. */
static bool remember(struct fh__clipboard *cb, const char *text, size_t len)
{
    char *copy;

    if (cb->text && cb->len == len && (len == 0 || memcmp(cb->text, text, len) == 0))
        return false;
    copy = malloc(len + 1);
    if (!copy)
        return false;
    if (len != 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    free(cb->text);
    cb->text = copy;
    cb->len = len;
    return true;
}

/* Fetching */

static void ask(struct fh__clipboard *cb, struct selection *s, bool latin1)
{
    const xcb_atom_t last = s->property;

    s->property = s->other;
    s->other = last;
    s->asked = s->owner;
    free(s->text);
    s->text = NULL;
    s->len = 0;
    s->is_fetching = true;
    s->is_latin1 = latin1;
    s->is_in_parts = s->is_too_long = s->has_changed_again = false;
    xcb_delete_property(cb->d->c, cb->window, s->property);
    xcb_convert_selection(cb->d->c, cb->window, s->name,
                          latin1 ? (xcb_atom_t)XCB_ATOM_STRING : cb->atoms[UTF8_STRING],
                          s->property, XCB_CURRENT_TIME);
}

static void append(struct selection *s, const char *data, size_t len)
{
    char *text;

    if (s->is_too_long || len > FH__CLIPBOARD_MAX - s->len) {
        s->is_too_long = true;
        return;
    }
    text = realloc(s->text, s->len + len + 1);
    if (!text) {
        s->is_too_long = true;
        return;
    }
    memcpy(text + s->len, data, len);
    s->text = text;
    s->len += len;
}

/* STRING is Latin-1; each of its upper half becomes two bytes of UTF-8. */
static void append_latin1(struct selection *s, const char *data, size_t len)
{
    char two[2];
    size_t i;

    for (i = 0; i < len; i++) {
        two[0] = (char)(0xc0 | (uint8_t)data[i] >> 6);
        two[1] = (char)(0x80 | ((uint8_t)data[i] & 0x3f));
        if ((uint8_t)data[i] < 0x80)
            append(s, &data[i], 1);
        else
            append(s, two, 2);
    }
}

static void finish(struct fh__clipboard *cb, struct selection *s)
{
    const char *nul = s->text ? memchr(s->text, '\0', s->len) : NULL;
    bool again = s->has_changed_again;

    s->is_fetching = false;
    if (nul)
        s->len = (size_t)(nul - s->text);
    if (s->is_too_long)
        fh__log(FH__LOG_INFO, "the clipboard holds more than %d bytes: not sent",
                FH__CLIPBOARD_MAX);
    else if (s->text && s->len > 0 && cb->is_watched && remember(cb, s->text, s->len))
        cb->changed(cb->text, cb->len, cb->user);
    if (again && cb->is_watched)
        ask(cb, s, false);
}

/* Reads and deletes what the owner has put into the property. */
static void read_property(struct fh__clipboard *cb, struct selection *s)
{
    xcb_get_property_cookie_t cookie =
        xcb_get_property(cb->d->c, 1, cb->window, s->property, XCB_GET_PROPERTY_TYPE_ANY, 0,
                         FH__CLIPBOARD_MAX / 4 + 1);
    xcb_get_property_reply_t *r = xcb_get_property_reply(cb->d->c, cookie, NULL);
    size_t len = r ? (size_t)xcb_get_property_value_length(r) : 0;

    if (r && r->bytes_after > 0) { /* it is deleted only when it was read to its end */
        s->is_too_long = true;
        xcb_delete_property(cb->d->c, cb->window, s->property);
    }
    if (r && r->type == cb->atoms[INCR] && !s->is_in_parts) {
        s->is_in_parts = true;
        goto out;
    }
    if (r && r->format == 8 && s->is_latin1)
        append_latin1(s, xcb_get_property_value(r), len);
    else if (r && r->format == 8)
        append(s, xcb_get_property_value(r), len);
    if (!s->is_in_parts || len == 0)
        finish(cb, s);
out:
    free(r);
}

static void on_answer(struct fh__clipboard *cb, const xcb_selection_notify_event_t *ev)
{
    struct selection *s = find_selection(cb, ev->selection);

    if (s && ev->property != XCB_ATOM_NONE && ev->property == s->other) {
        xcb_delete_property(cb->d->c, cb->window, s->other);
        return;
    }
    if (!s || !s->is_fetching || s->is_in_parts)
        return;
    if (ev->property != XCB_ATOM_NONE)
        read_property(cb, s);
    else if (!s->is_latin1)
        ask(cb, s, true);
    else
        finish(cb, s);
}

static void on_property(struct fh__clipboard *cb, const xcb_property_notify_event_t *ev)
{
    size_t i;

    for (i = 0; i < 2; i++)
        if (cb->selections[i].is_in_parts && cb->selections[i].is_fetching &&
            ev->window == cb->window && ev->atom == cb->selections[i].property &&
            ev->state == XCB_PROPERTY_NEW_VALUE)
            read_property(cb, &cb->selections[i]);
}

static void on_owner(struct fh__clipboard *cb, const xcb_xfixes_selection_notify_event_t *ev)
{
    struct selection *s = find_selection(cb, ev->selection);

    if (!s)
        return;
    if (ev->owner == cb->window) {
        s->since = ev->selection_timestamp;
        return;
    }
    s->is_ours = false;
    if (ev->owner == XCB_WINDOW_NONE || !cb->is_watched)
        return;
    s->owner = ev->owner;
    /* An owner that never answers, or never ends its parts, must not keep us from the next one. */
    if (s->is_fetching && !s->is_in_parts && s->owner == s->asked)
        s->has_changed_again = true;
    else
        ask(cb, s, false);
}

/* Serving */

static bool put_text(struct fh__clipboard *cb, const xcb_selection_request_event_t *ev)
{
    size_t max = (size_t)xcb_get_maximum_request_length(cb->d->c) * 4 - 64;

    if (cb->len > max)
        return false;
    xcb_change_property(cb->d->c, XCB_PROP_MODE_REPLACE, ev->requestor, ev->property,
                        ev->target == cb->atoms[TEXT] ? cb->atoms[UTF8_STRING] : ev->target, 8,
                        (uint32_t)cb->len, cb->text);
    return true;
}

/* As Latin-1; what it does not have becomes '?'. */
static bool put_string(struct fh__clipboard *cb, const xcb_selection_request_event_t *ev)
{
    uint8_t *out = malloc(cb->len + 1), c;
    size_t i, n = 0, max = (size_t)xcb_get_maximum_request_length(cb->d->c) * 4 - 64;
    bool ok = out && cb->len <= max;

    for (i = 0; ok && i < cb->len; i++) {
        c = (uint8_t)cb->text[i];
        if (c < 0x80)
            out[n++] = c;
        else if ((c == 0xc2 || c == 0xc3) && i + 1 < cb->len)
            out[n++] = (uint8_t)(c << 6 | ((uint8_t)cb->text[++i] & 0x3f));
        else if (c >= 0xc0)
            out[n++] = '?';
    }
    if (ok)
        xcb_change_property(cb->d->c, XCB_PROP_MODE_REPLACE, ev->requestor, ev->property,
                            XCB_ATOM_STRING, 8, (uint32_t)n, out);
    free(out);
    return ok;
}

static bool put_targets(struct fh__clipboard *cb, const xcb_selection_request_event_t *ev)
{
    const xcb_atom_t targets[] = {cb->atoms[TARGETS],     cb->atoms[TIMESTAMP],
                                  cb->atoms[UTF8_STRING], cb->atoms[TEXT_PLAIN],
                                  cb->atoms[TEXT],        XCB_ATOM_STRING};

    xcb_change_property(cb->d->c, XCB_PROP_MODE_REPLACE, ev->requestor, ev->property, XCB_ATOM_ATOM,
                        32, sizeof targets / sizeof *targets, targets);
    return true;
}

static bool put(struct fh__clipboard *cb, const struct selection *s,
                const xcb_selection_request_event_t *ev)
{
    if (ev->target == cb->atoms[TARGETS])
        return put_targets(cb, ev);
    if (ev->target == XCB_ATOM_STRING)
        return put_string(cb, ev);
    if (ev->target == cb->atoms[UTF8_STRING] || ev->target == cb->atoms[TEXT] ||
        ev->target == cb->atoms[TEXT_PLAIN])
        return put_text(cb, ev);
    if (ev->target != cb->atoms[TIMESTAMP])
        return false;
    xcb_change_property(cb->d->c, XCB_PROP_MODE_REPLACE, ev->requestor, ev->property,
                        XCB_ATOM_INTEGER, 32, 1, &s->since);
    return true;
}

static void on_request(struct fh__clipboard *cb, const xcb_selection_request_event_t *request)
{
    xcb_selection_request_event_t ev = *request;
    const struct selection *s = find_selection(cb, ev.selection);
    union {
        xcb_selection_notify_event_t ev;
        char bytes[32]; /* what SendEvent takes */
    } answer;

    /* ICCCM 2.2: an obsolete requestor names no property and means the target's name. */
    if (ev.property == XCB_ATOM_NONE)
        ev.property = ev.target;
    memset(&answer, 0, sizeof answer);
    answer.ev.response_type = XCB_SELECTION_NOTIFY;
    answer.ev.time = ev.time;
    answer.ev.requestor = ev.requestor;
    answer.ev.selection = ev.selection;
    answer.ev.target = ev.target;
    answer.ev.property =
        s && s->is_ours && cb->text && put(cb, s, &ev) ? ev.property : (xcb_atom_t)XCB_ATOM_NONE;
    xcb_send_event(cb->d->c, 0, ev.requestor, 0, answer.bytes);
}

int fh__clipboard_set(struct fh__clipboard *cb, const char *text, size_t len)
{
    size_t i;

    if (len > FH__CLIPBOARD_MAX)
        return -1;
    remember(cb, text, len);
    if (!cb->text || cb->len != len)
        return -1;
    for (i = 0; i < 2; i++) {
        cb->selections[i].is_ours = true;
        cb->selections[i].since = XCB_CURRENT_TIME;
        xcb_set_selection_owner(cb->d->c, cb->window, cb->selections[i].name, XCB_CURRENT_TIME);
    }
    return 0;
}

bool fh__clipboard_event(struct fh__clipboard *cb, const xcb_generic_event_t *ev)
{
    uint8_t type = ev->response_type & 0x7f;
    struct selection *s;

    if (type == cb->d->first_xfixes + XCB_XFIXES_SELECTION_NOTIFY) {
        on_owner(cb, (const xcb_xfixes_selection_notify_event_t *)ev);
        return true;
    }
    switch (type) {
    case XCB_SELECTION_REQUEST:
        on_request(cb, (const xcb_selection_request_event_t *)ev);
        return true;
    case XCB_SELECTION_NOTIFY:
        on_answer(cb, (const xcb_selection_notify_event_t *)ev);
        return true;
    case XCB_SELECTION_CLEAR:
        s = find_selection(cb, ((const xcb_selection_clear_event_t *)ev)->selection);
        if (s)
            s->is_ours = false;
        return true;
    case XCB_PROPERTY_NOTIFY:
        on_property(cb, (const xcb_property_notify_event_t *)ev);
        return true;
    }
    return false;
}
