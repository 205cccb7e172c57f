/* SPDX-License-Identifier: MIT */
/* pointer.c -- moving the pointer and pressing its buttons. */
#include "pointer.h"

#include <string.h>

#include <xcb/xtest.h>

void fh__pointer_init(struct fh__pointer *p, const struct fh__display *d)
{
    memset(p, 0, sizeof *p);
    p->d = d;
}

static void button(struct fh__pointer *p, unsigned i, const void *owner)
{
    xcb_test_fake_input(p->d->c, owner ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE, (uint8_t)(i + 1),
                        XCB_CURRENT_TIME, XCB_NONE, 0, 0, 0);
    p->owner[i] = owner;
}

static bool is_change(const struct fh__pointer *p, unsigned i, const void *owner, uint16_t buttons)
{
    bool is_down = buttons & 1u << i;

    return is_down ? !p->owner[i] : p->owner[i] == owner;
}

void fh__pointer_set(struct fh__pointer *p, const void *owner, uint16_t x, uint16_t y,
                     uint16_t buttons)
{
    bool has_button = false;
    unsigned i;

    for (i = 0; i < FH__BUTTONS; i++)
        has_button |= is_change(p, i, owner, buttons);
    /* Somebody else may have moved it meanwhile: a click goes where the viewer saw it. */
    if (has_button || p->last_owner != owner || p->x != x || p->y != y)
        xcb_test_fake_input(p->d->c, XCB_MOTION_NOTIFY, 0, XCB_CURRENT_TIME, p->d->screen->root,
                            (int16_t)x, (int16_t)y, 0);
    p->last_owner = owner;
    p->x = x;
    p->y = y;
    for (i = 0; i < FH__BUTTONS; i++)
        if (is_change(p, i, owner, buttons))
            button(p, i, buttons & 1u << i ? owner : NULL);
}

void fh__pointer_release_all(struct fh__pointer *p, const void *owner)
{
    unsigned i;

    for (i = 0; i < FH__BUTTONS; i++)
        if (p->owner[i] && (!owner || p->owner[i] == owner))
            button(p, i, NULL);
    if (!owner || p->last_owner == owner)
        p->last_owner = NULL;
}
