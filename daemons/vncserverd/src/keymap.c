/* SPDX-License-Identifier: MIT */
/* keymap.c -- from keysyms to keys and modifiers. */
#include "keymap.h"

#include <limits.h>
#include <stddef.h>

#include <xkbcommon/xkbcommon-keysyms.h>

enum {
    MAX_MASKS = 16, /* combinations of modifiers for one level of one key */
    COST_LAYOUT = 100,
    COST_REMOVE = 10,
    COST_ADD = 5
};

xkb_keysym_t fh__keysym_canonical(xkb_keysym_t sym)
{
    xkb_keysym_t other;

    /* X11 protocol, appendix A: 0x01000000 + code point. */
    if (sym < 0x01000000 || sym > 0x0110ffff)
        return sym;
    other = xkb_utf32_to_keysym(sym - 0x01000000);
    return other ? other : sym;
}

static bool is_keypad(xkb_keysym_t sym)
{
    return sym >= XKB_KEY_KP_Space && sym <= XKB_KEY_KP_Equal;
}

bool fh__keysym_is_character(xkb_keysym_t sym)
{
    uint32_t c = xkb_keysym_to_utf32(sym);

    return c >= 0x20 && c != 0x7f && !is_keypad(sym);
}

bool fh__keysym_is_modifier(xkb_keysym_t sym)
{
    return (sym >= XKB_KEY_Shift_L && sym <= XKB_KEY_Hyper_R) ||
           (sym >= XKB_KEY_ISO_Lock && sym <= XKB_KEY_ISO_Level5_Lock) ||
           sym == XKB_KEY_Mode_switch || sym == XKB_KEY_Num_Lock;
}

bool fh__keysym_may_bind(xkb_keysym_t sym)
{
    char name[64];

    if (sym == XKB_KEY_NoSymbol || (sym >= 0x0100d800 && sym <= 0x0100dfff)) /* surrogates */
        return false;
    if (sym >= 0x1008fe00 && sym <= 0x1008feff) /* XF86Switch_VT_1 to XF86Prev_VMode */
        return false;
    /* XKB's own actions: AccessX, mouse keys, Terminate_Server. */
    if (sym >= 0xfe00 && sym <= 0xfeff && !(sym >= XKB_KEY_dead_grave && sym <= 0xfe93) &&
        sym != XKB_KEY_ISO_Left_Tab)
        return false;
    if (fh__keysym_is_modifier(sym))
        return false;
    if (fh__keysym_is_character(sym))
        return true;
    return xkb_keysym_get_name(sym, name, sizeof name) > 0 && name[0] != '0' &&
           !(sym >= 0x01000000 && sym <= 0x0110ffff);
}

static int count_bits(xkb_mod_mask_t mask)
{
    int n = 0;

    for (; mask; mask &= mask - 1)
        n++;
    return n;
}

/* All modifiers that choose between the levels of this key. */
static xkb_mod_mask_t relevant_mods(struct xkb_keymap *map, xkb_keycode_t key,
                                    xkb_layout_index_t layout)
{
    xkb_level_index_t level, n = xkb_keymap_num_levels_for_key(map, key, layout);
    xkb_mod_mask_t masks[MAX_MASKS], all = 0;
    size_t i, count;

    for (level = 0; level < n; level++) {
        count = xkb_keymap_key_get_mods_for_level(map, key, layout, level, masks, MAX_MASKS);
        for (i = 0; i < count; i++)
            all |= masks[i];
    }
    return all;
}

static bool level_has(struct xkb_keymap *map, xkb_keycode_t key, xkb_layout_index_t layout,
                      xkb_level_index_t level, xkb_keysym_t canonical)
{
    const xkb_keysym_t *syms;
    int n = xkb_keymap_key_get_syms_by_level(map, key, layout, level, &syms);

    return n == 1 && fh__keysym_canonical(syms[0]) == canonical;
}

struct search {
    struct xkb_keymap *map;
    struct xkb_state *now;
    xkb_keysym_t sym;
    struct fh__key_place best;
    int cost;
};

/*
 * Keys without a character keep the modifiers that the viewer holds, because these belong to them:
 * Shift+Tab is meant as Tab with Shift, though the map says ISO_Left_Tab there.
 */
static void consider(struct search *s, xkb_keycode_t key, xkb_layout_index_t layout,
                     xkb_level_index_t level)
{
    bool may_remove = fh__keysym_is_character(s->sym) || is_keypad(s->sym);
    xkb_mod_mask_t relevant = relevant_mods(s->map, key, layout);
    xkb_mod_mask_t held = xkb_state_serialize_mods(s->now, XKB_STATE_MODS_EFFECTIVE);
    xkb_mod_mask_t masks[MAX_MASKS];
    struct fh__key_place p = {.key = key, .layout = layout};
    size_t i, n = xkb_keymap_key_get_mods_for_level(s->map, key, layout, level, masks, MAX_MASKS);
    int cost;

    p.is_layout_current = xkb_state_key_get_layout(s->now, key) == layout;
    for (i = 0; i < n; i++) {
        p.add = masks[i] & ~held;
        p.remove = may_remove ? held & relevant & ~masks[i] : 0;
        if (fh__keysym_is_modifier(s->sym))
            p.add = p.remove = 0;
        cost = (p.is_layout_current ? 0 : COST_LAYOUT) + COST_ADD * count_bits(p.add) +
               COST_REMOVE * count_bits(p.remove);
        if (cost < s->cost) {
            s->cost = cost;
            s->best = p;
        }
    }
}

bool fh__keymap_find(struct xkb_keymap *map, struct xkb_state *now, xkb_keysym_t sym,
                     bool (*skip)(xkb_keycode_t key, void *user), void *user,
                     struct fh__key_place *out)
{
    struct search s = {.map = map, .now = now, .sym = fh__keysym_canonical(sym), .cost = INT_MAX};
    xkb_keycode_t key;
    xkb_layout_index_t layout;
    xkb_level_index_t level;

    /* X has no keys above 255, though a keymap may. */
    for (key = xkb_keymap_min_keycode(map); key <= xkb_keymap_max_keycode(map) && key < 256;
         key++) {
        if (skip && skip(key, user))
            continue;
        for (layout = 0; layout < xkb_keymap_num_layouts_for_key(map, key); layout++)
            for (level = 0; level < xkb_keymap_num_levels_for_key(map, key, layout); level++)
                if (level_has(map, key, layout, level, s.sym))
                    consider(&s, key, layout, level);
    }
    if (s.cost == INT_MAX)
        return false;
    *out = s.best;
    return true;
}

bool fh__keymap_key_has(struct xkb_keymap *map, xkb_keycode_t key, xkb_keysym_t sym)
{
    xkb_layout_index_t layout;
    xkb_level_index_t level;

    for (layout = 0; layout < xkb_keymap_num_layouts_for_key(map, key); layout++)
        for (level = 0; level < xkb_keymap_num_levels_for_key(map, key, layout); level++)
            if (level_has(map, key, layout, level, fh__keysym_canonical(sym)))
                return true;
    return false;
}

bool fh__keymap_key_is_empty(struct xkb_keymap *map, xkb_keycode_t key)
{
    xkb_layout_index_t layout;
    xkb_level_index_t level;
    const xkb_keysym_t *syms;

    for (layout = 0; layout < xkb_keymap_num_layouts_for_key(map, key); layout++)
        for (level = 0; level < xkb_keymap_num_levels_for_key(map, key, layout); level++)
            if (xkb_keymap_key_get_syms_by_level(map, key, layout, level, &syms) > 0)
                return false;
    return true;
}

xkb_mod_mask_t fh__keymap_key_mods(struct xkb_keymap *map, xkb_keycode_t key)
{
    struct xkb_state *s = xkb_state_new(map);
    xkb_mod_mask_t held = 0;

    if (!s)
        return 0;
    xkb_state_update_key(s, key, XKB_KEY_DOWN);
    held = xkb_state_serialize_mods(s, XKB_STATE_MODS_DEPRESSED);
    if (xkb_state_serialize_mods(s, XKB_STATE_MODS_LOCKED) != 0)
        held = 0;
    xkb_state_unref(s);
    return held;
}
