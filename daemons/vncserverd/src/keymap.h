/* SPDX-License-Identifier: MIT */
/*
 * keymap.h -- where a keysym is on the keyboard: which key, and which modifiers and layout go with
 * it. Pure: works on any xkb_keymap, so that it is tested without an X server.
 */
#ifndef FH__KEYMAP_H
#define FH__KEYMAP_H

#include <stdbool.h>
#include <stdint.h>

#include <xkbcommon/xkbcommon.h>

struct fh__key_place {
    xkb_keycode_t key;
    xkb_layout_index_t layout;
    bool is_layout_current;
    xkb_mod_mask_t add, remove; /* modifiers to change while the key goes down */
};

/* The same for all keysyms of one character: U+00E9 and eacute, U+0430 and Cyrillic_a. */
xkb_keysym_t fh__keysym_canonical(xkb_keysym_t sym);
/* Makes a character: letters, digits, signs; not Return, Tab or F1. */
bool fh__keysym_is_character(xkb_keysym_t sym);
/* Shift_L and its like: pressed as they are, whatever else is held. */
bool fh__keysym_is_modifier(xkb_keysym_t sym);
/*
 * Whether a viewer may have it bound to a spare key: it has a name or is a character, and is not
 * one that the X server itself obeys (terminate, switch the virtual terminal, break grabs).
 */
bool fh__keysym_may_bind(xkb_keysym_t sym);

/*
 * The place that asks for the fewest changes of state; skip(key) says where not to look.
 * false: not on the map.
 */
bool fh__keymap_find(struct xkb_keymap *map, struct xkb_state *now, xkb_keysym_t sym,
                     bool (*skip)(xkb_keycode_t key, void *user), void *user,
                     struct fh__key_place *out);
/* Whether the key makes the keysym in any way. */
bool fh__keymap_key_has(struct xkb_keymap *map, xkb_keycode_t key, xkb_keysym_t sym);
bool fh__keymap_key_is_empty(struct xkb_keymap *map, xkb_keycode_t key);
/* The modifiers that this key sets while it is held; 0 also if it locks any. */
xkb_mod_mask_t fh__keymap_key_mods(struct xkb_keymap *map, xkb_keycode_t key);

#endif
