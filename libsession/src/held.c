/* SPDX-License-Identifier: MIT */
#include "held.h"

/*
 * A key is known by its scan code where the viewer gives one: the keysym of a key may differ
 * between press and release, when Shift was released first.
 */
static unsigned find(const struct fh__held *h, uint32_t keysym, uint32_t keycode)
{
    unsigned i = 0;

    while (i < h->n_keys && (keycode != 0 ? h->keys[i].keycode != keycode
                                          : h->keys[i].keycode != 0 || h->keys[i].keysym != keysym))
        i++;
    return i;
}

bool fh__held_key(struct fh__held *h, uint32_t keysym, uint32_t keycode, bool down)
{
    unsigned i = find(h, keysym, keycode);

    if (down && i < h->n_keys)
        return true;
    if (down && h->n_keys == FH_HELD_KEYS_MAX)
        return false;
    if (down) {
        h->keys[h->n_keys].keysym = keysym;
        h->keys[h->n_keys++].keycode = keycode;
    } else if (i < h->n_keys) {
        h->keys[i] = h->keys[--h->n_keys];
    }
    return true;
}

void fh__held_pointer(struct fh__held *h, uint16_t x, uint16_t y, uint16_t buttons)
{
    h->x = x;
    h->y = y;
    h->buttons = buttons;
}

bool fh__held_take_key(struct fh__held *h, uint32_t *keysym, uint32_t *keycode)
{
    if (h->n_keys == 0)
        return false;
    h->n_keys--;
    *keysym = h->keys[h->n_keys].keysym;
    *keycode = h->keys[h->n_keys].keycode;
    return true;
}

bool fh__held_take_buttons(struct fh__held *h)
{
    bool any = h->buttons != 0;

    h->buttons = 0;
    return any;
}
