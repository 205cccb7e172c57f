/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void run_init(struct run *r, struct fh_viewer *viewer, const struct script *script)
{
    r->viewer = viewer;
    r->script = script;
    r->state = RUN_WAITING;
    r->wake_ms = UINT64_MAX;
    pixman_region32_init(&r->stale);
}

static void forget_step(struct run *r)
{
    free(r->reference.px);
    r->reference = (struct fh_framebuffer){0};
    free(r->text);
    r->text = NULL;
    r->at = 0;
    r->wake_ms = UINT64_MAX;
}

void run_finish(struct run *r)
{
    forget_step(r);
    free(r->clipboard);
    r->clipboard = NULL;
    pixman_region32_fini(&r->stale);
}

static void step_failed(struct run *r, const struct step *s)
{
    char message[sizeof r->why];

    snprintf(message, sizeof message, "%s", r->why);
    snprintf(r->why, sizeof r->why, "%s%s%s: %.400s", s->where, *s->where ? ": " : "",
             s->command->name, message);
    r->state = RUN_FAILED;
}

/* Runs the current step once. True if it is over and the next may begin. */
static bool run_step(struct run *r)
{
    const struct step *s = &r->script->steps[r->next];
    bool first = !r->is_started;

    if (first) {
        r->is_started = true;
        r->started_ms = r->now_ms;
    }
    switch (s->command->run(r, s, first)) {
    case STEP_DONE:
        forget_step(r);
        r->is_started = false;
        r->next++;
        return true;
    case STEP_FAILED:
        step_failed(r, s);
        return false;
    case STEP_WAIT:
        if (r->now_ms - r->started_ms >= r->step_timeout_ms) {
            snprintf(r->why, sizeof r->why, "%s%s%s: did not end within %llu ms", s->where,
                     *s->where ? ": " : "", s->command->name,
                     (unsigned long long)r->step_timeout_ms);
            r->state = RUN_TIMEOUT;
        }
        return false;
    }
    return false;
}

void run_poll(struct run *r, uint64_t now_ms)
{
    r->now_ms = now_ms;
    while (r->state == RUN_WAITING && r->next < r->script->n_steps && run_step(r))
        ;
    if (r->state == RUN_WAITING && r->next == r->script->n_steps)
        r->state = RUN_DONE;
    fh_viewer_flush(r->viewer);
}

uint64_t run_wake(const struct run *r)
{
    uint64_t end = r->is_started ? r->started_ms + r->step_timeout_ms : UINT64_MAX;

    if (r->state != RUN_WAITING)
        return UINT64_MAX;
    return r->wake_ms < end ? r->wake_ms : end;
}

static void on_clipboard(struct run *r, const char *text, size_t len)
{
    char *copy = malloc(len + 1);

    if (!copy)
        return;
    memcpy(copy, text, len);
    copy[len] = '\0';
    free(r->clipboard);
    r->clipboard = copy;
    r->clipboard_len = len;
    r->clipboard_is_new = true;
}

static void on_rect(struct run *r, int32_t x, int32_t y, int32_t w, int32_t h)
{
    pixman_region32_t fresh;

    pixman_region32_init_rect(&fresh, x, y, (unsigned)w, (unsigned)h);
    pixman_region32_subtract(&r->stale, &r->stale, &fresh);
    pixman_region32_fini(&fresh);
}

/* At the beginning and after a change of size all of the picture is still to come. */
static void on_size(struct run *r, int32_t width, int32_t height)
{
    pixman_region32_fini(&r->stale);
    pixman_region32_init_rect(&r->stale, 0, 0, (unsigned)width, (unsigned)height);
    r->has_picture = false;
}

static void on_update(struct run *r)
{
    if (pixman_region32_not_empty(&r->stale))
        return;
    if (!r->has_picture && r->facts.first_picture_ms == 0)
        r->facts.first_picture_ms = r->now_ms;
    r->has_picture = true;
}

void run_event(struct run *r, const struct fh_viewer_conn_event *ev, uint64_t now_ms)
{
    r->now_ms = now_ms;
    if (ev->type == FH_VIEWER_CONN_EV_CUT_TEXT)
        on_clipboard(r, ev->cut_text.text, ev->cut_text.len);
    if (ev->type == FH_VIEWER_CONN_EV_RECT)
        on_rect(r, ev->rect.x, ev->rect.y, ev->rect.w, ev->rect.h);
    if (ev->type == FH_VIEWER_CONN_EV_SIZE)
        on_size(r, ev->size.width, ev->size.height);
    if (ev->type == FH_VIEWER_CONN_EV_UPDATE)
        on_update(r);
}
