/* SPDX-License-Identifier: MIT */
/* notice.c -- a strip at the top of the screen that says who is connected. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "modes.h"
#include "paint.h"
#include "people.h"
#include "window.h"

enum { HEIGHT = 36, TEXT_MAX = 460, PAD = 14, DOT = 10, TICK_MS = 250, FAREWELL_MS = 3000 };

struct notice {
    struct fh__window window;
    struct fh__button button;
    char text[FH__SENTENCE];
    size_t n;
    double width;
    uint64_t gone_ms; /* when the last one went; 0: somebody is there, or nobody was */
    bool is_seen, is_pressed;
};

static const struct fh__type type = {10, false, FH__PAPER, TEXT_MAX, 1};

static void paint(struct notice *t)
{
    cairo_t *cr = fh__window_paint(&t->window);
    double h = fh__paint_text(NULL, 0, 0, &type, t->text, NULL);

    fh__paint_box(cr, 0, 0, t->width, HEIGHT, 0, FH__INK);
    fh__paint_box(cr, PAD, (HEIGHT - DOT) / 2.0, DOT, DOT, DOT / 2.0, t->n ? FH__RED : FH__LINE);
    fh__paint_text(cr, 2 * PAD + DOT, (HEIGHT - h) / 2, &type, t->text, NULL);
    if (t->n)
        fh__paint_button(cr, &t->button);
    fh__window_painted(&t->window);
}

/* The window is as wide as what it says. */
static void show(struct notice *t)
{
    double w;

    fh__paint_text(NULL, 0, 0, &type, t->text, &w);
    t->button = (struct fh__button){
        .label = "Disconnect", .x = 2 * PAD + DOT + w + PAD, .y = 5, .w = 104, .h = HEIGHT - 10};
    t->width = t->n ? t->button.x + t->button.w + 8 : t->button.x;
    fh__window_show(&t->window, t->width, HEIGHT, FH__PLACE_TOP, false);
    t->is_seen = true;
}

static void say_farewell(struct notice *t)
{
    if (!t->is_seen)
        return;
    snprintf(t->text, sizeof t->text, "Nobody is connected to this desktop any more");
    t->gone_ms = fh__now_ms();
}

static void on_line(struct notice *t, const json_t *line)
{
    size_t had = t->n;
    char text[FH__SENTENCE];

    t->n = fh__people(line, text);
    if (t->n) {
        snprintf(t->text, sizeof t->text, "%s", text);
        t->gone_ms = 0;
    } else if (had) {
        say_farewell(t);
    }
    if (t->n || t->gone_ms)
        show(t);
}

static void on_lines(struct notice *t, struct fh__lines *lines)
{
    json_t *line;

    fh__lines_read(lines);
    while ((line = fh__lines_next(lines)) != NULL) {
        on_line(t, line);
        json_decref(line);
    }
    if (lines->has_ended && t->n) {
        t->n = 0;
        say_farewell(t);
        show(t);
    }
}

static void on_event(struct notice *t, const struct fh__window_event *ev)
{
    bool is_on = t->n && fh__button_has(&t->button, ev->x, ev->y);

    if (ev->what == FH__EV_PRESS)
        t->is_pressed = is_on;
    else if (ev->what == FH__EV_MOVE)
        t->button.is_hot = is_on;
    if (ev->what == FH__EV_RELEASE && t->is_pressed && is_on)
        fh__say("disconnect");
    if (ev->what == FH__EV_RELEASE)
        t->is_pressed = false;
    t->button.is_pressed = t->is_pressed;
}

static bool is_over(const struct notice *t, const struct fh__lines *lines)
{
    return lines->has_ended && (t->gone_ms == 0 || fh__now_ms() - t->gone_ms >= FAREWELL_MS);
}

static enum fh__exit attend(struct notice *t, struct fh__lines *lines)
{
    struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                          {.fd = fh__window_fd(&t->window), .events = POLLIN}};
    struct fh__window_event ev;

    while (!is_over(t, lines)) {
        if (t->is_seen) {
            fh__window_keep(&t->window);
            paint(t);
        }
        p[0].fd = lines->has_ended ? -1 : STDIN_FILENO;
        poll(p, 2, t->gone_ms || t->window.is_covered ? TICK_MS : -1);
        if (p[0].revents)
            on_lines(t, lines);
        while ((ev = fh__window_event(&t->window)).what != FH__EV_NONE) {
            if (ev.what == FH__EV_LOST)
                return FH__EXIT_NO_DISPLAY;
            on_event(t, &ev);
        }
        if (t->gone_ms && fh__now_ms() - t->gone_ms >= FAREWELL_MS && t->is_seen) {
            fh__window_hide(&t->window);
            t->is_seen = false;
            t->gone_ms = 0;
        }
    }
    return FH__EXIT_OK;
}

enum fh__exit fh__notice(struct fh__lines *lines)
{
    struct notice *t = calloc(1, sizeof *t);
    enum fh__exit how = FH__EXIT_NO_DISPLAY;

    if (t && fh__window_open(&t->window, "Remote session") == 0) {
        how = attend(t, lines);
        fh__window_close(&t->window);
    }
    free(t);
    return how;
}
