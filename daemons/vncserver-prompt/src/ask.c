/* SPDX-License-Identifier: MIT */
/* ask.c -- the question whether a viewer may come in, as a window. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <X11/keysym.h>

#include <farhand/identity.h>
#include <farhand/permissions.h>

#include "guard.h"
#include "lines.h"
#include "modes.h"
#include "paint.h"
#include "shown.h"
#include "window.h"

enum {
    TICK_MS = 100,
    WIDTH = 500,
    BAND = 54,
    LABEL_X = 24,
    VALUE_X = 116,
    BUTTON_H = 36,
    ROWS_MAX = 6,
    BUTTONS_MAX = 3,
    VALUE_ROOM = 1300
};

static const struct fh__type title_type = {13, true, FH__PAPER, WIDTH - 2 * LABEL_X, 1};
static const struct fh__type label_type = {10.5, false, FH__FAINT, VALUE_X - LABEL_X - 8, 1};
static const struct fh__type value_type = {10.5, false, FH__INK, WIDTH - VALUE_X - LABEL_X, 2};
static const struct fh__type name_type = {13, true, FH__INK, WIDTH - VALUE_X - LABEL_X, 2};
static const struct fh__type phrase_type = {10.5, true, FH__INK, WIDTH - VALUE_X - LABEL_X, 3};
static const struct fh__type hint_type = {9, false, FH__FAINT, WIDTH - 2 * LABEL_X, 3};
static const struct fh__type clock_type = {9.5, true, FH__FAINT, WIDTH - 2 * LABEL_X, 1};

static const char hint[] = "Allow this only if you expect it. Ask for the words of the identity by "
                           "telephone if you are not sure who it is.";

struct row {
    const char *label;
    const struct fh__type *type;
    char value[VALUE_ROOM];
    double y;
};

struct answer {
    struct fh__button button;
    const char *says;
};

struct ask {
    struct fh__window window;
    struct row rows[ROWS_MAX];
    size_t n_rows;
    struct answer answers[BUTTONS_MAX]; /* the last one rejects */
    size_t n_answers, focus;
    double hint_y, clock_y, height;
    uint64_t deadline_ms, total_ms;
    struct fh__guard guard;
    const struct answer *pressed;
    const char *said;
};

/* ---- what is said ---- */

static void add_row(struct ask *a, const char *label, const struct fh__type *type,
                    const char *before, const char *value, const char *after)
{
    struct row *r = &a->rows[a->n_rows++];
    char shown[VALUE_ROOM - 8];

    fh__shown(value, shown, sizeof shown);
    r->label = label;
    r->type = type;
    snprintf(r->value, sizeof r->value, "%s%s%s", before, shown, after);
}

static bool read_fingerprint(const char *hex, uint8_t out[FH_FINGERPRINT_LEN])
{
    static const char digits[] = "0123456789abcdef";
    const char *high, *low;

    if (strlen(hex) != 2 * (size_t)FH_FINGERPRINT_LEN)
        return false;
    for (size_t i = 0; i < FH_FINGERPRINT_LEN; i++) {
        high = strchr(digits, hex[2 * i]);
        low = strchr(digits, hex[2 * i + 1]);
        if (!high || !low)
            return false;
        out[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}

static void add_identity(struct ask *a, const char *hex)
{
    uint8_t fingerprint[FH_FINGERPRINT_LEN];
    char phrase[FH_CATCHPHRASE_MAX];

    if (read_fingerprint(hex, fingerprint) && fh_catchphrase(fingerprint, phrase) == 0)
        add_row(a, "Identity", &phrase_type, "", phrase, "");
    else
        add_row(a, "Identity", &value_type, "", "not known", "");
}

static const char *path_text(const char *path)
{
    static const struct {
        const char *path, *text;
    } table[] = {
        {"direct", "directly over the network"},
        {"relayed", "by a relay of the cloud"},
        {"cloud", "directly, found by the cloud"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].path, path) == 0)
            return table[i].text;
    return path;
}

/* Names with a space after each comma, which also lets long lists be broken. */
static void add_permissions(struct ask *a, uint32_t permissions)
{
    char names[400], spaced[500];
    size_t at = 0;

    fh_permissions_format(permissions, names, sizeof names);
    for (const char *p = names; *p && at + 3 < sizeof spaced; p++) {
        spaced[at++] = *p;
        if (*p == ',')
            spaced[at++] = ' ';
    }
    spaced[at] = '\0';
    if (strcmp(spaced, "all") == 0)
        snprintf(spaced, sizeof spaced, "see and control everything");
    else if (strcmp(spaced, "view") == 0)
        snprintf(spaced, sizeof spaced, "see the screen");
    add_row(a, "Wants to", &value_type, "", spaced, "");
}

static void add_answer(struct ask *a, const char *label, const char *says)
{
    a->answers[a->n_answers++] =
        (struct answer){.button = {.label = label, .h = BUTTON_H}, .says = says};
}

static bool prepare(struct ask *a, const json_t *question)
{
    uint32_t permissions;
    const char *bad;
    size_t bad_len;
    json_int_t seconds = json_integer_value(json_object_get(question, "seconds"));

    if (seconds < 1 || seconds > 3600 ||
        fh_permissions_parse(fh__text_of(question, "permissions"), &permissions, &bad, &bad_len))
        return false;
    a->total_ms = (uint64_t)seconds * 1000;
    a->deadline_ms = fh__now_ms() + a->total_ms;
    add_row(a, "User", &name_type, "\xe2\x80\x9c", fh__text_of(question, "user"), "\xe2\x80\x9d");
    add_row(a, "From", &value_type, "", fh__text_of(question, "peer"), "");
    add_row(a, "Path", &value_type, "", path_text(fh__text_of(question, "path")), "");
    if (*fh__text_of(question, "cloud"))
        add_row(a, "In the cloud", &value_type, "", fh__text_of(question, "cloud"), "");
    add_identity(a, fh__text_of(question, "fingerprint"));
    add_permissions(a, permissions);
    if (permissions & ~(uint32_t)FH_PERM_VIEW)
        add_answer(a, permissions == FH_PERM_ALL ? "Full control" : "Allow", "all");
    if (permissions & FH_PERM_VIEW)
        add_answer(a, "View only", "view-only");
    add_answer(a, "Reject", "none");
    a->focus = a->n_answers - 1;
    a->answers[a->focus].button.is_strong = true;
    return true;
}

/* ---- where it stands ---- */

static void lay_out(struct ask *a)
{
    double y = BAND + 18, x = WIDTH - LABEL_X, w, h;

    for (size_t i = 0; i < a->n_rows; i++) {
        a->rows[i].y = y;
        y += fh__paint_text(NULL, 0, 0, a->rows[i].type, a->rows[i].value, NULL) + 8;
    }
    a->hint_y = y + 8;
    y = a->hint_y + fh__paint_text(NULL, 0, 0, &hint_type, hint, NULL) + 14;
    a->clock_y = y;
    y += 34;
    for (size_t i = a->n_answers; i-- > 0;) {
        struct fh__button *b = &a->answers[i].button;
        struct fh__type type = {10.5, true, FH__INK, WIDTH, 1};

        h = fh__paint_text(NULL, 0, 0, &type, b->label, &w);
        (void)h;
        b->w = w + 40 > 116 ? w + 40 : 116;
        b->x = x - b->w;
        b->y = y;
        x = b->x - 14;
    }
    a->height = y + BUTTON_H + 22;
}

static void paint_clock(const struct ask *a, cairo_t *cr)
{
    uint64_t now = fh__now_ms(), left = a->deadline_ms > now ? a->deadline_ms - now : 0;
    unsigned seconds = (unsigned)((left + 999) / 1000);
    char text[80];

    snprintf(text, sizeof text, "Rejected in %u second%s if nothing is chosen", seconds,
             seconds == 1 ? "" : "s");
    fh__paint_text(cr, LABEL_X, a->clock_y, &clock_type, text, NULL);
    fh__paint_box(cr, LABEL_X, a->clock_y + 19, WIDTH - 2 * LABEL_X, 4, 2, FH__SHADE);
    if (left > 0)
        fh__paint_box(cr, LABEL_X, a->clock_y + 19,
                      4 + (WIDTH - 2 * LABEL_X - 4) * (double)left / (double)a->total_ms, 4, 2,
                      FH__BLUE);
}

static void paint(struct ask *a)
{
    cairo_t *cr = fh__window_paint(&a->window);

    fh__paint_box(cr, 0, 0, WIDTH, a->height, 0, FH__PAPER);
    fh__paint_box(cr, 0, 0, WIDTH, BAND, 0, FH__BAND);
    fh__paint_text(cr, LABEL_X, 16, &title_type, "Somebody wants to connect to this desktop", NULL);
    for (size_t i = 0; i < a->n_rows; i++) {
        const struct row *r = &a->rows[i];

        fh__paint_text(cr, LABEL_X, r->y + (r->type == &name_type ? 4 : 0), &label_type, r->label,
                       NULL);
        fh__paint_text(cr, VALUE_X, r->y, r->type, r->value, NULL);
    }
    fh__paint_text(cr, LABEL_X, a->hint_y, &hint_type, hint, NULL);
    paint_clock(a, cr);
    for (size_t i = 0; i < a->n_answers; i++) {
        a->answers[i].button.has_focus = i == a->focus;
        fh__paint_button(cr, &a->answers[i].button);
    }
    fh__paint_frame(cr, 0, 0, WIDTH, a->height, 0, 1, FH__BAND);
    fh__window_painted(&a->window);
}

/* ---- what the person does ---- */

static struct answer *answer_at(struct ask *a, double x, double y)
{
    for (size_t i = 0; i < a->n_answers; i++)
        if (fh__button_has(&a->answers[i].button, x, y))
            return &a->answers[i];
    return NULL;
}

static void on_press(struct ask *a, double x, double y)
{
    struct answer *hit = fh__guard_click(&a->guard, fh__now_ms()) ? answer_at(a, x, y) : NULL;

    a->pressed = hit;
    if (!hit)
        return;
    a->focus = (size_t)(hit - a->answers);
    hit->button.is_pressed = true;
}

static void on_release(struct ask *a, double x, double y)
{
    struct answer *hit = answer_at(a, x, y);

    if (hit && hit == a->pressed)
        a->said = hit->says;
    a->pressed = NULL;
    for (size_t i = 0; i < a->n_answers; i++)
        a->answers[i].button.is_pressed = false;
}

static void on_move(struct ask *a, double x, double y)
{
    const struct answer *hit = answer_at(a, x, y);

    for (size_t i = 0; i < a->n_answers; i++)
        a->answers[i].button.is_hot = &a->answers[i] == hit;
}

static void on_key(struct ask *a, xcb_keysym_t key, bool has_shift)
{
    size_t back = a->n_answers - 1;

    if (!fh__guard_key(&a->guard, fh__now_ms()))
        return;
    switch (key) {
    case XK_Tab:
    case XK_ISO_Left_Tab:
        a->focus = (a->focus + (has_shift || key == XK_ISO_Left_Tab ? back : 1)) % a->n_answers;
        break;
    case XK_Left:
        a->focus = (a->focus + back) % a->n_answers;
        break;
    case XK_Right:
        a->focus = (a->focus + 1) % a->n_answers;
        break;
    case XK_Return:
    case XK_KP_Enter:
    case XK_space:
        a->said = a->answers[a->focus].says;
        break;
    case XK_Escape:
        a->said = a->answers[back].says;
        break;
    }
}

/* false: the display is gone. */
static bool on_events(struct ask *a)
{
    struct fh__window_event ev;

    while (!a->said && (ev = fh__window_event(&a->window)).what != FH__EV_NONE) {
        if (ev.what == FH__EV_LOST)
            return false;
        if (ev.what == FH__EV_PRESS)
            on_press(a, ev.x, ev.y);
        else if (ev.what == FH__EV_RELEASE)
            on_release(a, ev.x, ev.y);
        else if (ev.what == FH__EV_MOVE)
            on_move(a, ev.x, ev.y);
        else if (ev.what == FH__EV_KEY)
            on_key(a, ev.key, ev.has_shift);
        else if (ev.what == FH__EV_UNCOVERED) /* a click may have been meant for what lay there */
            fh__guard_uncovered(&a->guard, fh__now_ms());
    }
    return true;
}

/* ---- */

static enum fh__exit attend(struct ask *a, struct fh__lines *lines)
{
    struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                          {.fd = fh__window_fd(&a->window), .events = POLLIN}};

    while (!a->said) {
        if (fh__now_ms() >= a->deadline_ms) {
            a->said = "none";
            break;
        }
        fh__window_keep(&a->window);
        paint(a);
        poll(p, 2, TICK_MS);
        if (p[0].revents)
            fh__lines_read(lines); /* nothing more is said, but it ends */
        if (lines->has_ended)
            return FH__EXIT_WITHDRAWN;
        if (!on_events(a))
            return FH__EXIT_NO_DISPLAY;
    }
    fh__say(a->said);
    return FH__EXIT_OK;
}

enum fh__exit fh__ask(struct fh__lines *lines)
{
    struct ask *a = calloc(1, sizeof *a);
    json_t *line = fh__lines_wait(lines);
    enum fh__exit how = FH__EXIT_USAGE;

    if (a && line && prepare(a, json_object_get(line, "ask"))) {
        how = FH__EXIT_NO_DISPLAY;
        lay_out(a);
        if (fh__window_open(&a->window, "Somebody wants to connect") == 0) {
            fh__window_show(&a->window, WIDTH, a->height, FH__PLACE_MIDDLE, true);
            fh__guard_shown(&a->guard, fh__now_ms());
            how = attend(a, lines);
            fh__window_close(&a->window);
        }
    }
    json_decref(line);
    free(a);
    return how;
}
