/* SPDX-License-Identifier: MIT */
/* test_keymap.c -- looking up keysyms, spare keys, scan codes: without an X server. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <xkbcommon/xkbcommon-keysyms.h>

#include "keymap.h"
#include "scancode.h"
#include "spare.h"

static struct xkb_context *ctx;
static struct xkb_keymap *map;
static struct xkb_state *state;

static void use(const char *layout)
{
    const struct xkb_rule_names names = {"evdev", "pc105", layout, NULL, NULL};

    ctx = xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
    map = xkb_keymap_new_from_names(ctx, &names, XKB_KEYMAP_COMPILE_NO_FLAGS);
    ck_assert_ptr_nonnull(map);
    state = xkb_state_new(map);
}

static void drop(void)
{
    xkb_state_unref(state);
    xkb_keymap_unref(map);
    xkb_context_unref(ctx);
}

/* Holds or locks modifiers, chooses a layout. */
static void be_in(xkb_mod_mask_t held, xkb_mod_mask_t locked, xkb_layout_index_t layout)
{
    xkb_state_update_mask(state, held, 0, locked, 0, 0, layout);
}

enum { SHIFT = 1, LOCK = 2, CONTROL = 4, LEVEL3 = 0x80 };

static const struct {
    const char *layout, *key;
    xkb_keysym_t sym;
    xkb_mod_mask_t held, locked, add, remove;
} places[] = {
    {"us", "AC01", XKB_KEY_a, 0, 0, 0, 0},
    {"us", "AC01", XKB_KEY_A, 0, 0, SHIFT, 0},
    {"us", "AC01", XKB_KEY_A, SHIFT, 0, 0, 0},
    {"us", "AC01", XKB_KEY_A, 0, LOCK, 0, 0},
    {"us", "AC01", XKB_KEY_a, 0, LOCK, 0, LOCK},
    {"us", "AE02", XKB_KEY_2, SHIFT, 0, 0, SHIFT},
    {"us", "AC03", XKB_KEY_d, CONTROL, 0, 0, 0},
    {"us", "TAB", XKB_KEY_Tab, SHIFT, 0, 0, 0}, /* Shift belongs to it */
    {"us", "TAB", XKB_KEY_ISO_Left_Tab, 0, 0, SHIFT, 0},
    {"us", "FK01", XKB_KEY_F1, CONTROL, 0, 0, 0},
    {"us", "LFSH", XKB_KEY_Shift_L, LOCK, 0, 0, 0},
    {"de", "AD03", XKB_KEY_EuroSign, 0, 0, LEVEL3, 0},
    {"de", "AD01", XKB_KEY_at, 0, 0, LEVEL3, 0},
    {"de", "AC10", XKB_KEY_odiaeresis, 0, 0, 0, 0},
    {"de", "AD01", XKB_KEY_at, SHIFT, 0, LEVEL3, SHIFT},
    {"us", "AC01", 0x01000061, 0, 0, 0, 0}, /* U+0061 as a keysym */
};

START_TEST(a_keysym_is_found_with_the_fewest_changes)
{
    struct fh__key_place p;

    use(places[_i].layout);
    be_in(places[_i].held, places[_i].locked, 0);
    ck_assert(fh__keymap_find(map, state, places[_i].sym, NULL, NULL, &p));
    ck_assert_str_eq(xkb_keymap_key_get_name(map, p.key), places[_i].key);
    ck_assert_uint_eq(p.add, places[_i].add);
    ck_assert_uint_eq(p.remove, places[_i].remove);
    ck_assert(p.is_layout_current);
    drop();
}
END_TEST

START_TEST(what_is_not_on_the_map_is_not_found)
{
    struct fh__key_place p;

    use("us");
    ck_assert(!fh__keymap_find(map, state, XKB_KEY_eacute, NULL, NULL, &p));
    ck_assert(!fh__keymap_find(map, state, XKB_KEY_Cyrillic_zhe, NULL, NULL, &p));
    ck_assert(!fh__keymap_find(map, state, 0x0101f600, NULL, NULL, &p));
    drop();
}
END_TEST

START_TEST(the_other_layout_is_named)
{
    struct fh__key_place p;

    use("us,ru");
    ck_assert(fh__keymap_find(map, state, XKB_KEY_Cyrillic_zhe, NULL, NULL, &p));
    ck_assert_uint_eq(p.layout, 1);
    ck_assert(!p.is_layout_current);
    be_in(0, 0, 1);
    ck_assert(fh__keymap_find(map, state, XKB_KEY_Cyrillic_zhe, NULL, NULL, &p));
    ck_assert(p.is_layout_current);
    ck_assert(fh__keymap_find(map, state, XKB_KEY_q, NULL, NULL, &p));
    ck_assert_uint_eq(p.layout, 0);
    drop();
}
END_TEST

static bool skip_key(xkb_keycode_t key, void *user)
{
    return key == *(const xkb_keycode_t *)user;
}

START_TEST(skipped_keys_are_not_found)
{
    struct fh__key_place p;
    xkb_keycode_t key;

    use("us");
    key = xkb_keymap_key_by_name(map, "AC01");
    ck_assert(!fh__keymap_find(map, state, XKB_KEY_a, skip_key, &key, &p));
    drop();
}
END_TEST

START_TEST(modifiers_of_keys_are_known)
{
    use("us");
    ck_assert_uint_eq(fh__keymap_key_mods(map, xkb_keymap_key_by_name(map, "LFSH")), SHIFT);
    ck_assert_uint_eq(fh__keymap_key_mods(map, xkb_keymap_key_by_name(map, "RCTL")), CONTROL);
    ck_assert_uint_eq(fh__keymap_key_mods(map, xkb_keymap_key_by_name(map, "CAPS")), 0);
    ck_assert_uint_eq(fh__keymap_key_mods(map, xkb_keymap_key_by_name(map, "AC01")), 0);
    drop();
}
END_TEST

static const struct {
    xkb_keysym_t sym;
    bool may_bind;
} bindable[] = {
    {XKB_KEY_eacute, true},
    {0x0101f600, true},
    {XKB_KEY_F20, true},
    {XKB_KEY_dead_acute, true},
    {XKB_KEY_Multi_key, true},
    {0x1008ff11, true}, /* AudioLower */
    {0, false},
    {0xffffffff, false},
    {0x0110ffff + 1, false},
    {0x1008fe01, false},
    {0x1008fe20, false},
    {XKB_KEY_Terminate_Server, false},
    {XKB_KEY_Shift_L, false},
    {XKB_KEY_Pointer_Button1, false},
    {0x0100d800, false},
};

START_TEST(only_harmless_keysyms_are_bound)
{
    ck_assert_msg(fh__keysym_may_bind(bindable[_i].sym) == bindable[_i].may_bind, "keysym 0x%x",
                  bindable[_i].sym);
}
END_TEST

START_TEST(a_spare_key_rests_before_it_changes)
{
    struct fh__spares s = {.n = 0};
    bool is_down[256] = {false};
    struct fh__spare_key *k;
    uint64_t wait_ms;
    uint32_t i;

    for (i = 0; i < 3; i++)
        fh__spare_add(&s, (uint8_t)(100 + i));
    fh__spare_add(&s, 100); /* already there */
    ck_assert_uint_eq(s.n, 3);
    for (i = 0; i < 3; i++) { /* free ones first, at once */
        k = fh__spare_pick(&s, 1000 + i, 'a' + i, is_down, &wait_ms);
        ck_assert_ptr_nonnull(k);
        ck_assert_uint_eq(k->sym, 0);
        k->sym = 'a' + i;
        k->used_ms = 1000 + i;
    }
    /* the same again needs no change */
    ck_assert_ptr_eq(fh__spare_pick(&s, 1003, 'b', is_down, &wait_ms), &s.keys[1]);
    ck_assert_ptr_null(fh__spare_pick(&s, 1010, 'd', is_down, &wait_ms));
    ck_assert_uint_eq(wait_ms, FH__SPARE_REST_MS - 10);
    k = fh__spare_pick(&s, 1000 + FH__SPARE_REST_MS, 'd', is_down, &wait_ms);
    ck_assert_ptr_eq(k, &s.keys[0]); /* the least recently used */
    k->sym = 'd';
    k->used_ms = 1000 + FH__SPARE_REST_MS;
    ck_assert_ptr_null(fh__spare_pick(&s, 1005 + FH__SPARE_REST_MS, 'e', is_down, &wait_ms));
    ck_assert_uint_eq(wait_ms, FH__SPARE_GAP_MS - 5);
    /* what is held is not taken away */
    is_down[100] = is_down[101] = is_down[102] = true;
    ck_assert_ptr_null(fh__spare_pick(&s, 9000, 'e', is_down, &wait_ms));
    ck_assert_uint_eq(wait_ms, UINT64_MAX);
    fh__spare_remove(&s, 101);
    ck_assert_uint_eq(s.n, 2);
    ck_assert_ptr_null(fh__spare_of_key(&s, 101));
}
END_TEST

START_TEST(scan_codes_are_the_keys_of_the_map)
{
    uint32_t xt;
    unsigned n = 0;

    use("us");
    for (xt = 0; xt < 0x100; xt++)
        if (fh__scancode_name(xt)) {
            ck_assert_msg(xkb_keymap_key_by_name(map, fh__scancode_name(xt)) != XKB_KEYCODE_INVALID,
                          "0x%02x", xt);
            n++;
        }
    ck_assert_uint_gt(n, 100);
    drop();
}
END_TEST

/* PC AT, set 1, against Linux: up to 0x53 evdev's numbers are those of set 1, and X adds 8. */
START_TEST(scan_codes_up_to_0x53_are_evdevs)
{
    uint32_t xt;

    use("us");
    for (xt = 1; xt <= 0x53; xt++)
        ck_assert_uint_eq(xkb_keymap_key_by_name(map, fh__scancode_name(xt)), xt + 8);
    drop();
}
END_TEST

START_TEST(prefixed_scan_codes_have_two_spellings)
{
    ck_assert_str_eq(fh__scancode_name(0x9d), "RCTL");
    ck_assert_str_eq(fh__scancode_name(0xe01d), "RCTL");
    ck_assert_str_eq(fh__scancode_name(0xe048), "UP");
    ck_assert_ptr_null(fh__scancode_name(0));
    ck_assert_ptr_null(fh__scancode_name(0x80));
    ck_assert_ptr_null(fh__scancode_name(0x100));
    ck_assert_ptr_null(fh__scancode_name(0xffffffff));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("keymap");
    TCase *tc = tcase_create("keymap");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_loop_test(tc, a_keysym_is_found_with_the_fewest_changes, 0,
                        sizeof places / sizeof *places);
    tcase_add_test(tc, what_is_not_on_the_map_is_not_found);
    tcase_add_test(tc, the_other_layout_is_named);
    tcase_add_test(tc, skipped_keys_are_not_found);
    tcase_add_test(tc, modifiers_of_keys_are_known);
    tcase_add_loop_test(tc, only_harmless_keysyms_are_bound, 0, sizeof bindable / sizeof *bindable);
    tcase_add_test(tc, a_spare_key_rests_before_it_changes);
    tcase_add_test(tc, scan_codes_are_the_keys_of_the_map);
    tcase_add_test(tc, scan_codes_up_to_0x53_are_evdevs);
    tcase_add_test(tc, prefixed_scan_codes_have_two_spellings);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
