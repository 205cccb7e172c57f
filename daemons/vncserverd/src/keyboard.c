/* SPDX-License-Identifier: MIT */
/* keyboard.c -- pressing keys on the X server. */
#include "keyboard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xcb/xkb.h>
#include <xcb/xtest.h>
#include <xkbcommon/xkbcommon-x11.h>

#include "keymap.h"
#include "log.h"
#include "scancode.h"
#include "spare.h"

enum { KEYS = 256 /* keycodes of the X protocol */ };

struct held {
    const void *owner;
    uint32_t keysym, xt;
};

struct fh__keyboard {
    const struct fh__display *d;
    struct xkb_context *ctx;
    struct xkb_keymap *map;
    int32_t device;
    bool is_stale; /* somebody changed the server's map */
    bool is_down[KEYS];
    struct held held[KEYS]; /* of those that are down */
    struct fh__spares spares;
};

/* What was changed for a moment, to be put back. */
struct borrowed {
    uint8_t locked_changed, locked_before;
    bool has_layout;
    uint8_t layout_before;
    uint8_t released[KEYS];
    size_t n_released;
};

static void inject(const struct fh__keyboard *k, uint8_t type, uint8_t key)
{
    xcb_test_fake_input(k->d->c, type, key, XCB_CURRENT_TIME, XCB_NONE, 0, 0, 0);
}

static void bind(const struct fh__keyboard *k, uint8_t key, uint32_t sym)
{
    /* The same on both levels, so that Shift and Caps Lock make no difference. */
    const xcb_keysym_t syms[2] = {sym, sym};

    xcb_change_keyboard_mapping(k->d->c, 1, key, 2, syms);
}

/* After the map was read: which spare keys are there, and are ours still what we made them? */
static void find_spares(struct fh__keyboard *k)
{
    xkb_keycode_t key, max = xkb_keymap_max_keycode(k->map);
    struct fh__spare_key *s;

    for (key = xkb_keymap_min_keycode(k->map); key <= max && key < KEYS; key++) {
        s = fh__spare_of_key(&k->spares, (uint8_t)key);
        if (fh__keymap_key_is_empty(k->map, key)) {
            fh__spare_add(&k->spares, (uint8_t)key);
            if (s)
                s->sym = 0;
        } else if (s && !(s->sym && fh__keymap_key_has(k->map, key, s->sym))) {
            fh__spare_remove(&k->spares, (uint8_t)key);
        }
    }
}

static int load_map(struct fh__keyboard *k)
{
    struct xkb_keymap *map =
        xkb_x11_keymap_new_from_device(k->ctx, k->d->c, k->device, XKB_KEYMAP_COMPILE_NO_FLAGS);

    k->is_stale = false;
    if (!map)
        return -1;
    xkb_keymap_unref(k->map);
    k->map = map;
    find_spares(k);
    return 0;
}

static void select_events(const struct fh__keyboard *k)
{
    const uint16_t events = XCB_XKB_EVENT_TYPE_MAP_NOTIFY | XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY;
    const uint16_t parts = XCB_XKB_MAP_PART_KEY_TYPES | XCB_XKB_MAP_PART_KEY_SYMS |
                           XCB_XKB_MAP_PART_MODIFIER_MAP | XCB_XKB_MAP_PART_KEY_ACTIONS |
                           XCB_XKB_MAP_PART_VIRTUAL_MODS | XCB_XKB_MAP_PART_VIRTUAL_MOD_MAP;

    xcb_xkb_select_events(k->d->c, XCB_XKB_ID_USE_CORE_KBD, events, 0, events, parts, parts, NULL);
}

struct fh__keyboard *fh__keyboard_new(const struct fh__display *d, char *error, size_t room)
{
    struct fh__keyboard *k = calloc(1, sizeof *k);

    if (!k)
        goto fail;
    k->d = d;
    k->ctx = xkb_context_new(XKB_CONTEXT_NO_DEFAULT_INCLUDES | XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
    k->device = xkb_x11_get_core_keyboard_device_id(d->c);
    if (!k->ctx || k->device < 0 || load_map(k) != 0)
        goto fail;
    select_events(k);
    return k;
fail:
    snprintf(error, room, "its keyboard map cannot be read");
    if (k) {
        xkb_context_unref(k->ctx);
        free(k);
    }
    return NULL;
}

void fh__keyboard_free(struct fh__keyboard *k)
{
    size_t i;

    if (!k)
        return;
    fh__keyboard_release_all(k, NULL);
    for (i = 0; i < k->spares.n; i++)
        if (k->spares.keys[i].sym)
            bind(k, k->spares.keys[i].key, XCB_NO_SYMBOL);
    xkb_keymap_unref(k->map);
    xkb_context_unref(k->ctx);
    free(k);
}

/* Whether the change is of nothing but our own spare keys. */
static bool is_our_change(const xcb_xkb_map_notify_event_t *ev, struct fh__spares *s)
{
    unsigned key;

    if (ev->changed & XCB_XKB_MAP_PART_KEY_TYPES || ev->nKeySyms == 0)
        return false;
    for (key = ev->firstKeySym; key < (unsigned)ev->firstKeySym + ev->nKeySyms; key++)
        if (!fh__spare_of_key(s, (uint8_t)key))
            return false;
    return true;
}

bool fh__keyboard_event(struct fh__keyboard *k, const xcb_generic_event_t *ev)
{
    if ((ev->response_type & 0x7f) != k->d->first_xkb)
        return false;
    switch (ev->pad0) { /* xkbType */
    case XCB_XKB_NEW_KEYBOARD_NOTIFY:
        k->is_stale = true;
        return true;
    case XCB_XKB_MAP_NOTIFY:
        if (!is_our_change((const xcb_xkb_map_notify_event_t *)ev, &k->spares))
            k->is_stale = true;
        return true;
    }
    return false;
}

/* Lets go of held keys that set any of these modifiers; false: some are not held by our keys. */
static bool release_mods(struct fh__keyboard *k, xkb_mod_mask_t mods, struct borrowed *b)
{
    xkb_mod_mask_t key_mods;
    unsigned key;

    for (key = 0; key < KEYS; key++) {
        key_mods = k->is_down[key] ? fh__keymap_key_mods(k->map, key) : 0;
        if (!(key_mods & mods))
            continue;
        b->released[b->n_released++] = (uint8_t)key;
        mods &= ~key_mods;
    }
    return mods == 0;
}

/* Puts the keyboard into the state that the place asks for; false: not possible. */
static bool borrow(struct fh__keyboard *k, struct xkb_state *now, const struct fh__key_place *p,
                   struct borrowed *b)
{
    xkb_mod_mask_t locked = xkb_state_serialize_mods(now, XKB_STATE_MODS_LOCKED);
    xkb_mod_mask_t pressed = xkb_state_serialize_mods(now, XKB_STATE_MODS_DEPRESSED);
    xkb_mod_mask_t latched = xkb_state_serialize_mods(now, XKB_STATE_MODS_LATCHED);
    xkb_layout_index_t other = xkb_state_serialize_layout(now, XKB_STATE_LAYOUT_DEPRESSED) +
                               xkb_state_serialize_layout(now, XKB_STATE_LAYOUT_LATCHED);
    size_t i;

    memset(b, 0, sizeof *b);
    if (p->remove & latched || !release_mods(k, p->remove & pressed, b) ||
        ((p->add | p->remove) & ~0xffu) || (!p->is_layout_current && other != 0))
        return false;
    for (i = 0; i < b->n_released; i++)
        inject(k, XCB_KEY_RELEASE, b->released[i]);
    b->locked_changed = (uint8_t)(p->add | (p->remove & locked));
    b->locked_before = (uint8_t)(locked & b->locked_changed);
    b->has_layout = !p->is_layout_current;
    b->layout_before = (uint8_t)xkb_state_serialize_layout(now, XKB_STATE_LAYOUT_LOCKED);
    if (b->locked_changed || b->has_layout)
        xcb_xkb_latch_lock_state(k->d->c, XCB_XKB_ID_USE_CORE_KBD, b->locked_changed,
                                 (uint8_t)p->add, b->has_layout, (uint8_t)p->layout, 0, 0, 0);
    return true;
}

static void give_back(struct fh__keyboard *k, const struct borrowed *b)
{
    size_t i;

    if (b->locked_changed || b->has_layout)
        xcb_xkb_latch_lock_state(k->d->c, XCB_XKB_ID_USE_CORE_KBD, b->locked_changed,
                                 b->locked_before, b->has_layout, b->layout_before, 0, 0, 0);
    for (i = 0; i < b->n_released; i++)
        inject(k, XCB_KEY_PRESS, b->released[i]);
}

/*
 * The X server repeats a held key by itself, so what a viewer repeats is left out, unless the
 * server does not repeat this key.
 */
static bool server_repeats(const struct fh__keyboard *k, uint8_t key)
{
    xcb_get_keyboard_control_reply_t *r =
        xcb_get_keyboard_control_reply(k->d->c, xcb_get_keyboard_control(k->d->c), NULL);
    bool repeats = r && r->global_auto_repeat && r->auto_repeats[key / 8] & 1 << key % 8;

    free(r);
    return repeats;
}

static void down(struct fh__keyboard *k, uint8_t key, const struct held *h)
{
    const struct held *old = &k->held[key];
    bool is_repeat =
        k->is_down[key] && old->owner == h->owner && old->keysym == h->keysym && old->xt == h->xt;

    if (is_repeat && (fh__keysym_is_modifier(h->keysym) || server_repeats(k, key)))
        return;
    if (k->is_down[key])
        inject(k, XCB_KEY_RELEASE, key);
    inject(k, XCB_KEY_PRESS, key);
    k->is_down[key] = true;
    k->held[key] = *h;
}

static void up(struct fh__keyboard *k, uint8_t key)
{
    inject(k, XCB_KEY_RELEASE, key);
    k->is_down[key] = false;
}

static xkb_keycode_t key_of_scancode(const struct fh__keyboard *k, uint32_t xt)
{
    const char *name = fh__scancode_name(xt);
    xkb_keycode_t key = name ? xkb_keymap_key_by_name(k->map, name) : XKB_KEYCODE_INVALID;

    if (key == XKB_KEYCODE_INVALID || key >= KEYS || fh__keymap_key_is_empty(k->map, key))
        return XKB_KEYCODE_INVALID;
    return key;
}

static bool is_spare(xkb_keycode_t key, void *user)
{
    struct fh__keyboard *k = user;

    return key < KEYS && fh__spare_of_key(&k->spares, (uint8_t)key);
}

static bool press_on_map(struct fh__keyboard *k, const struct held *h)
{
    struct xkb_state *now = xkb_x11_state_new_from_device(k->map, k->d->c, k->device);
    struct fh__key_place place;
    struct borrowed b;
    bool done = false;

    if (now && fh__keymap_find(k->map, now, h->keysym, is_spare, k, &place) && place.key < KEYS &&
        borrow(k, now, &place, &b)) {
        down(k, (uint8_t)place.key, h);
        give_back(k, &b);
        done = true;
    }
    xkb_state_unref(now);
    return done;
}

/* Programs turn letters into capitals when Caps Lock is on and the key does not use it itself. */
static void press_without_lock(struct fh__keyboard *k, uint8_t key, const struct held *h)
{
    struct xkb_state *now = xkb_x11_state_new_from_device(k->map, k->d->c, k->device);
    struct fh__key_place place = {.key = key, .is_layout_current = true};
    struct borrowed b = {0};

    if (now)
        place.remove = xkb_state_serialize_mods(now, XKB_STATE_MODS_LOCKED) & XCB_MOD_MASK_LOCK;
    if (place.remove)
        borrow(k, now, &place, &b);
    down(k, key, h);
    give_back(k, &b);
    xkb_state_unref(now);
}

static uint64_t press_spare(struct fh__keyboard *k, const struct held *h, uint64_t now_ms)
{
    uint32_t sym = fh__keysym_canonical(h->keysym);
    struct fh__spare_key *s;
    uint64_t wait_ms;

    if (!fh__keysym_may_bind(sym)) {
        fh__log(FH__LOG_DEBUG, "no key for keysym 0x%x", h->keysym);
        return 0;
    }
    s = fh__spare_pick(&k->spares, now_ms, sym, k->is_down, &wait_ms);
    if (!s) {
        if (wait_ms != UINT64_MAX)
            return wait_ms;
        fh__log(FH__LOG_WARNING, "no spare key for keysym 0x%x", h->keysym);
        return 0;
    }
    if (s->sym != sym)
        bind(k, s->key, sym);
    s->sym = sym;
    s->used_ms = now_ms;
    press_without_lock(k, s->key, h);
    return 0;
}

uint64_t fh__keyboard_press(struct fh__keyboard *k, const void *owner, uint32_t keysym, uint32_t xt,
                            uint64_t now_ms)
{
    struct held h = {owner, keysym, xt};
    xkb_keycode_t key;

    if (k->is_stale && load_map(k) != 0)
        fh__log(FH__LOG_WARNING, "the keyboard map changed and cannot be read");
    key = key_of_scancode(k, xt);
    if (key != XKB_KEYCODE_INVALID) {
        down(k, (uint8_t)key, &h);
        return 0;
    }
    h.xt = 0;
    if (keysym == 0 || press_on_map(k, &h))
        return 0;
    return press_spare(k, &h, now_ms);
}

/* Viewers release what they pressed under another name when Shift changed in between: a, A. */
static unsigned find_held(const struct fh__keyboard *k, const void *owner, uint32_t keysym,
                          uint32_t xt)
{
    const struct held *h;
    unsigned key, similar = KEYS;

    for (key = 0; key < KEYS; key++) {
        h = &k->held[key];
        if (!k->is_down[key] || h->owner != owner)
            continue;
        if (h->xt ? h->xt == xt : h->keysym == keysym)
            return key;
        if (!h->xt && keysym && fh__keymap_key_has(k->map, key, keysym))
            similar = key;
    }
    return similar;
}

void fh__keyboard_release(struct fh__keyboard *k, const void *owner, uint32_t keysym, uint32_t xt)
{
    unsigned key = find_held(k, owner, keysym, xt);

    if (key < KEYS)
        up(k, (uint8_t)key);
}

void fh__keyboard_release_all(struct fh__keyboard *k, const void *owner)
{
    unsigned key, pass;

    /* Modifiers last, so that no key is left alone for a moment. */
    for (pass = 0; pass < 2; pass++)
        for (key = 0; key < KEYS; key++)
            if (k->is_down[key] && (!owner || k->held[key].owner == owner) &&
                (pass == 1 || !fh__keymap_key_mods(k->map, key)))
                up(k, (uint8_t)key);
}
