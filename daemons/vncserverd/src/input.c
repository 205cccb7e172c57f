/* SPDX-License-Identifier: MIT */
/* input.c -- the queue before keyboard and pointer. */
#include "input.h"

#include <stdlib.h>

#include "log.h"

struct item {
    const void *owner; /* NULL: forgotten */
    enum { KEY_DOWN, KEY_UP, POINTER, RELEASE } kind;
    uint32_t keysym, xt;
    uint16_t x, y;
    uint16_t buttons;
};

struct fh__input {
    struct fh__keyboard *keyboard;
    struct fh__pointer pointer;
    uint64_t deadline;
    size_t head, n;
    struct item items[FH__INPUT_MAX];
};

struct fh__input *fh__input_new(const struct fh__display *d, char *error, size_t room)
{
    struct fh__keyboard *keyboard = fh__keyboard_new(d, error, room);
    struct fh__input *in = keyboard ? calloc(1, sizeof *in) : NULL;

    if (!in) {
        fh__keyboard_free(keyboard);
        return NULL;
    }
    in->keyboard = keyboard;
    in->deadline = UINT64_MAX;
    fh__pointer_init(&in->pointer, d);
    return in;
}

void fh__input_free(struct fh__input *in)
{
    if (!in)
        return;
    fh__pointer_release_all(&in->pointer, NULL);
    fh__keyboard_free(in->keyboard);
    free(in);
}

bool fh__input_event(struct fh__input *in, const xcb_generic_event_t *ev)
{
    return fh__keyboard_event(in->keyboard, ev);
}

/* Returns the milliseconds to wait before trying again, 0: done. */
static uint64_t perform(struct fh__input *in, const struct item *it, uint64_t now_ms)
{
    switch (it->kind) {
    case KEY_DOWN:
        return fh__keyboard_press(in->keyboard, it->owner, it->keysym, it->xt, now_ms);
    case KEY_UP:
        fh__keyboard_release(in->keyboard, it->owner, it->keysym, it->xt);
        return 0;
    case POINTER:
        fh__pointer_set(&in->pointer, it->owner, it->x, it->y, it->buttons);
        return 0;
    case RELEASE:
        fh__keyboard_release_all(in->keyboard, it->owner);
        fh__pointer_release_all(&in->pointer, it->owner);
        return 0;
    }
    return 0;
}

void fh__input_run(struct fh__input *in)
{
    uint64_t now_ms = fh__now_ms(), wait_ms;
    const struct item *it;

    in->deadline = UINT64_MAX;
    for (; in->n > 0; in->n--) {
        it = &in->items[in->head];
        wait_ms = it->owner ? perform(in, it, now_ms) : 0;
        if (wait_ms > 0) {
            in->deadline = now_ms + wait_ms;
            return;
        }
        in->head = (in->head + 1) % FH__INPUT_MAX;
    }
}

uint64_t fh__input_deadline(const struct fh__input *in)
{
    return in->deadline;
}

/* Forgets what waits, and lets go of what is held. */
static void drop(struct fh__input *in, const void *owner)
{
    struct item *it;
    size_t i;

    for (i = 0; i < in->n; i++) {
        it = &in->items[(in->head + i) % FH__INPUT_MAX];
        if (!owner || it->owner == owner)
            it->owner = NULL;
    }
    fh__keyboard_release_all(in->keyboard, owner);
    fh__pointer_release_all(&in->pointer, owner);
}

static void add(struct fh__input *in, const struct item *it)
{
    if (in->n == FH__INPUT_MAX) {
        fh__log(FH__LOG_WARNING, "a viewer sends input faster than it can be typed; some is lost");
        drop(in, it->owner);
        return;
    }
    in->items[(in->head + in->n++) % FH__INPUT_MAX] = *it;
    if (in->deadline == UINT64_MAX)
        fh__input_run(in);
}

void fh__input_key(struct fh__input *in, const void *owner, uint32_t keysym, uint32_t xt,
                   bool is_down)
{
    struct item it = {
        .owner = owner, .kind = is_down ? KEY_DOWN : KEY_UP, .keysym = keysym, .xt = xt};

    add(in, &it);
}

void fh__input_pointer(struct fh__input *in, const void *owner, uint16_t x, uint16_t y,
                       uint16_t buttons)
{
    struct item it = {.owner = owner, .kind = POINTER, .x = x, .y = y, .buttons = buttons};

    add(in, &it);
}

/* In its turn: a viewer that types and leaves at once has typed all the same. */
void fh__input_release(struct fh__input *in, const void *owner)
{
    struct item it = {.owner = owner, .kind = RELEASE};

    if (owner && in->n > 0 && in->n < FH__INPUT_MAX)
        add(in, &it);
    else
        drop(in, owner);
}
