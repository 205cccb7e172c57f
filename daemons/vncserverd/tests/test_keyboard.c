/* SPDX-License-Identifier: MIT */
/*
 * test_keyboard.c -- keys, against a headless X server. A second connection plays a program with
 * the focus, which reads keys as toolkits do: with the server's map of the moment.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "desktop.h"
#include "log.h"
#include "xserver.h"

#include <xcb/xkb.h>
#include <xkbcommon/xkbcommon-x11.h>

enum { SYM_MAX = 4096 };

static struct xserver server;
static struct fh__desktop *desktop;
static xcb_connection_t *app;
static xcb_window_t window;
static struct xkb_context *ctx;
static struct xkb_keymap *map;
static struct xkb_state *state;
static uint8_t first_xkb;
static bool is_stale; /* the map changed since it was read */

static void ignore(void *user)
{
    (void)user;
}

static void ignore_rect(void *user, const struct fh_rect *r)
{
    (void)user;
    (void)r;
}

static void ignore_cursor(void *user, const uint32_t *argb, int32_t w, int32_t h, int32_t x,
                          int32_t y)
{
    (void)user;
    (void)argb;
    (void)w;
    (void)h;
    (void)x;
    (void)y;
}

static void ignore_text(void *user, const char *text, size_t len)
{
    (void)user;
    (void)text;
    (void)len;
}

static void ignore_motion(void *user, const struct fh_motion *m)
{
    (void)user;
    (void)m;
}

static const struct fh__desktop_events events = {ignore,        ignore_rect, ignore_motion, ignore,
                                                 ignore_cursor, ignore_text, ignore};

static void load_app_map(void)
{
    int32_t device = xkb_x11_get_core_keyboard_device_id(app);

    xkb_state_unref(state);
    xkb_keymap_unref(map);
    map = xkb_x11_keymap_new_from_device(ctx, app, device, 0);
    ck_assert_ptr_nonnull(map);
    state = xkb_x11_state_new_from_device(map, app, device);
}

static void wait_app_event(uint8_t type)
{
    struct pollfd p = {.fd = xcb_get_file_descriptor(app), .events = POLLIN};
    xcb_generic_event_t *ev;
    bool found = false;

    xcb_flush(app);
    while (!found) {
        while (!(ev = xcb_poll_for_event(app)))
            ck_assert_int_eq(poll(&p, 1, TEST_TIMEOUT_MS), 1);
        found = (ev->response_type & 0x7f) == type;
        free(ev);
    }
}

static void make_window(void)
{
    xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(app)).data;
    const uint32_t values[2] = {1, XCB_EVENT_MASK_KEY_PRESS | XCB_EVENT_MASK_KEY_RELEASE |
                                       XCB_EVENT_MASK_EXPOSURE | XCB_EVENT_MASK_FOCUS_CHANGE};

    window = xcb_generate_id(app);
    xcb_create_window(app, XCB_COPY_FROM_PARENT, window, screen->root, 0, 0, 100, 100, 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
                      XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
    xcb_map_window(app, window);
    wait_app_event(XCB_EXPOSE);
    xcb_set_input_focus(app, XCB_INPUT_FOCUS_PARENT, window, XCB_CURRENT_TIME);
    wait_app_event(XCB_FOCUS_IN);
}

static void open_desktop(void)
{
    char error[200] = "";

    ck_assert_msg(
        fh__desktop_open(&desktop, server.display, NULL, &events, NULL, error, sizeof error) == 0,
        "%s", error);
}

static void setup(void)
{
    const uint16_t parts = 0xff;

    server = xserver_start("320x200x24", NULL);
    app = xcb_connect(server.display, NULL);
    ck_assert_int_eq(xkb_x11_setup_xkb_extension(app, 1, 0, 0, NULL, NULL, &first_xkb, NULL), 1);
    xcb_xkb_select_events(app, XCB_XKB_ID_USE_CORE_KBD,
                          XCB_XKB_EVENT_TYPE_MAP_NOTIFY | XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY, 0,
                          XCB_XKB_EVENT_TYPE_MAP_NOTIFY | XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY,
                          parts, parts, NULL);
    ctx = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
    load_app_map();
    make_window();
    open_desktop();
}

static void teardown(void)
{
    fh__desktop_close(desktop);
    xkb_state_unref(state);
    xkb_keymap_unref(map);
    xkb_context_unref(ctx);
    xcb_disconnect(app);
    xserver_stop(&server);
}

/* The next key event; its keysym as the program sees it, its modifiers in *mods. */
static bool next_key(xkb_keysym_t *sym, bool *is_press, uint16_t *mods)
{
    struct pollfd p[2] = {{.fd = xcb_get_file_descriptor(app), .events = POLLIN},
                          {.fd = fh__desktop_fd(desktop), .events = POLLIN}};
    xcb_key_press_event_t *key;
    xcb_generic_event_t *ev;
    uint64_t now, deadline;
    uint8_t type;

    for (;;) {
        fh__desktop_pump(desktop);
        while ((ev = xcb_poll_for_event(app))) {
            type = ev->response_type & 0x7f;
            is_stale |= type == first_xkb;
            if (type == XCB_KEY_PRESS || type == XCB_KEY_RELEASE) {
                if (is_stale)
                    load_app_map();
                is_stale = false;
                key = (xcb_key_press_event_t *)ev;
                xkb_state_update_mask(state, key->state & 0xff, 0, 0, 0, 0, key->state >> 13 & 3);
                *sym = xkb_state_key_get_one_sym(state, key->detail);
                *mods = key->state;
                *is_press = type == XCB_KEY_PRESS;
                free(ev);
                return true;
            }
            free(ev);
        }
        now = fh__now_ms();
        deadline = fh__desktop_deadline(desktop);
        if (poll(p, 2,
                 deadline == UINT64_MAX ? TEST_TIMEOUT_MS
                 : deadline > now       ? (int)(deadline - now)
                                        : 0) == 0 &&
            deadline == UINT64_MAX)
            return false;
    }
}

static void expect(bool is_press, xkb_keysym_t expected)
{
    xkb_keysym_t sym = 0;
    bool press = false;
    uint16_t mods = 0;
    char name[64], wanted[64];

    ck_assert_msg(next_key(&sym, &press, &mods), "no key event in 30 s");
    xkb_keysym_get_name(sym, name, sizeof name);
    xkb_keysym_get_name(expected, wanted, sizeof wanted);
    ck_assert_msg(sym == expected && press == is_press, "%s of %s, but %s of %s was expected",
                  press ? "press" : "release", name, is_press ? "press" : "release", wanted);
}

static void key(xkb_keysym_t sym, bool is_down)
{
    fh__desktop_key(desktop, desktop, sym, 0, is_down);
}

static void tap(xkb_keysym_t sym)
{
    key(sym, true);
    key(sym, false);
}

/* Presses all, then reads all: a program that lags behind must still see the right text. */
static void type_and_expect(const uint32_t *text, size_t n)
{
    xkb_keysym_t sym = 0;
    bool press = false;
    uint16_t mods = 0;
    size_t i;

    for (i = 0; i < n; i++)
        tap(xkb_utf32_to_keysym(text[i]));
    for (i = 0; i < n;) {
        ck_assert_msg(next_key(&sym, &press, &mods), "character %zu never came", i);
        if (!press)
            continue;
        ck_assert_msg(xkb_keysym_to_utf32(sym) == text[i], "U+%04X came, U+%04X was typed",
                      xkb_keysym_to_utf32(sym), text[i]);
        i++;
    }
}

START_TEST(text_on_the_map_arrives)
{
    const char *text = "Hello, World! {[~|@#$%^&*()_+]} 0123456789 The End?";
    uint32_t utf32[64];
    size_t i;

    for (i = 0; text[i]; i++)
        utf32[i] = (uint8_t)text[i];
    type_and_expect(utf32, i);
}
END_TEST

START_TEST(text_that_is_not_on_the_map_arrives)
{
    /* e acute, euro, Cyrillic, Greek, Hebrew, Arabic, a smile, a letter beyond the BMP */
    const uint32_t text[] = {0xe9,  0x20ac, 0x416,   0x436,   0x41f, 0x43f,
                             0x3b1, 0x5d0,  0x1f600, 0x1d11e, 'a',   0xe9};

    type_and_expect(text, sizeof text / sizeof *text);
}
END_TEST

/* More characters than there are spare keys, twice, each time in another order. */
START_TEST(long_text_in_another_script_arrives)
{
    uint32_t text[160];
    size_t i;

    for (i = 0; i < 80; i++) {
        text[i] = 0x410 + (uint32_t)i % 64;
        text[80 + i] = 0x410 + (uint32_t)i * 37 % 64;
    }
    type_and_expect(text, 160);
}
END_TEST

START_TEST(a_keysym_and_its_unicode_form_are_the_same)
{
    tap(0x01000061); /* U+0061 as a keysym of its own */
    expect(true, XKB_KEY_a);
    expect(false, XKB_KEY_a);
    tap(0x010000e9);
    expect(true, XKB_KEY_eacute);
    expect(false, XKB_KEY_eacute);
}
END_TEST

START_TEST(shift_is_not_needed_from_the_viewer_and_not_left)
{
    xkb_keysym_t sym;
    bool press;
    uint16_t mods;

    tap(XKB_KEY_A);
    tap(XKB_KEY_a);
    ck_assert(next_key(&sym, &press, &mods));
    ck_assert_uint_eq(sym, XKB_KEY_A);
    ck_assert_uint_eq(mods & 1, 1);
    ck_assert(next_key(&sym, &press, &mods));
    ck_assert_uint_eq(mods & 0xff, 0);
    expect(true, XKB_KEY_a);
    expect(false, XKB_KEY_a);
}
END_TEST

START_TEST(held_shift_does_not_spoil_what_is_typed)
{
    key(XKB_KEY_Shift_L, true);
    expect(true, XKB_KEY_Shift_L);
    tap(XKB_KEY_B);
    expect(true, XKB_KEY_B);
    expect(false, XKB_KEY_B);
    /* a French keyboard has digits on Shift: it is let go for the moment of the press */
    tap(XKB_KEY_7);
    expect(false, XKB_KEY_Shift_L);
    expect(true, XKB_KEY_7);
    expect(true, XKB_KEY_Shift_L);
    expect(false, XKB_KEY_ampersand); /* the release, with Shift held again */
    key(XKB_KEY_Shift_L, false);
    expect(false, XKB_KEY_Shift_L);
}
END_TEST

START_TEST(caps_lock_does_not_spoil_what_is_typed)
{
    tap(XKB_KEY_Caps_Lock);
    expect(true, XKB_KEY_Caps_Lock);
    expect(false, XKB_KEY_Caps_Lock);
    tap(XKB_KEY_a);
    expect(true, XKB_KEY_a);
    expect(false, XKB_KEY_A); /* Caps Lock is as it was */
    tap(XKB_KEY_A);
    expect(true, XKB_KEY_A);
    expect(false, XKB_KEY_A);
    tap(XKB_KEY_Cyrillic_zhe);
    expect(true, XKB_KEY_Cyrillic_zhe);
    expect(false, XKB_KEY_Cyrillic_ZHE);
}
END_TEST

START_TEST(shortcuts_keep_their_modifiers)
{
    xkb_keysym_t sym;
    bool press;
    uint16_t mods;

    key(XKB_KEY_Control_L, true);
    expect(true, XKB_KEY_Control_L);
    key(XKB_KEY_c, true);
    ck_assert(next_key(&sym, &press, &mods));
    ck_assert_uint_eq(sym, XKB_KEY_c);
    ck_assert_uint_eq(mods & 0xff, XCB_MOD_MASK_CONTROL);
    key(XKB_KEY_Shift_L, true);
    tap(XKB_KEY_Tab); /* viewers say Tab, the map ISO_Left_Tab */
    expect(true, XKB_KEY_Shift_L);
    ck_assert(next_key(&sym, &press, &mods));
    ck_assert_uint_eq(mods & 0xff, XCB_MOD_MASK_CONTROL | XCB_MOD_MASK_SHIFT);
    ck_assert_uint_eq(sym, XKB_KEY_ISO_Left_Tab);
}
END_TEST

START_TEST(a_release_under_another_name_releases)
{
    key(XKB_KEY_Shift_L, true);
    key(XKB_KEY_Q, true);
    key(XKB_KEY_Shift_L, false);
    key(XKB_KEY_q, false);
    expect(true, XKB_KEY_Shift_L);
    expect(true, XKB_KEY_Q);
    expect(false, XKB_KEY_Shift_L);
    expect(false, XKB_KEY_q);
}
END_TEST

START_TEST(scan_codes_are_preferred)
{
    fh__desktop_key(desktop, desktop, XKB_KEY_z, 0x15, true); /* Y on this map */
    fh__desktop_key(desktop, desktop, XKB_KEY_z, 0x15, false);
    expect(true, XKB_KEY_y);
    expect(false, XKB_KEY_y);
    fh__desktop_key(desktop, desktop, XKB_KEY_Control_R, 0x9d, true);
    fh__desktop_key(desktop, desktop, XKB_KEY_Control_R, 0x9d, false);
    expect(true, XKB_KEY_Control_R);
    expect(false, XKB_KEY_Control_R);
    fh__desktop_key(desktop, desktop, XKB_KEY_x, 0x7f, true); /* no such key: the keysym */
    fh__desktop_key(desktop, desktop, XKB_KEY_x, 0x7f, false);
    expect(true, XKB_KEY_x);
    expect(false, XKB_KEY_x);
}
END_TEST

/* Nothing is down, by the server's own word. */
static void expect_nothing_held(void)
{
    xcb_query_keymap_reply_t *r;
    int i;

    fh__desktop_pump(desktop);
    free(xcb_get_input_focus_reply(app, xcb_get_input_focus(app), NULL));
    r = xcb_query_keymap_reply(app, xcb_query_keymap(app), NULL);
    for (i = 0; i < 32; i++)
        ck_assert_uint_eq(r->keys[i], 0);
    free(r);
}

START_TEST(all_keys_of_one_viewer_are_released)
{
    char one = 0, two = 0;

    fh__desktop_key(desktop, &one, XKB_KEY_Shift_L, 0, true);
    fh__desktop_key(desktop, &one, XKB_KEY_eacute, 0, true);
    fh__desktop_key(desktop, &two, XKB_KEY_b, 0x30, true);
    expect(true, XKB_KEY_Shift_L);
    expect(true, XKB_KEY_eacute);
    expect(true, XKB_KEY_B);
    fh__desktop_key(desktop, &two, XKB_KEY_eacute, 0, false); /* not its key */
    fh__desktop_release(desktop, &one);
    expect(false, XKB_KEY_eacute);
    expect(false, XKB_KEY_Shift_L);
    fh__desktop_release(desktop, &two);
    expect(false, XKB_KEY_b);
    expect_nothing_held();
}
END_TEST

START_TEST(closing_releases_all_and_gives_the_map_back)
{
    xcb_get_keyboard_mapping_cookie_t ask = xcb_get_keyboard_mapping(app, 8, 248);
    xcb_get_keyboard_mapping_reply_t *before = xcb_get_keyboard_mapping_reply(app, ask, NULL);
    xcb_get_keyboard_mapping_reply_t *after;
    int i, n = xcb_get_keyboard_mapping_keysyms_length(before);

    key(XKB_KEY_Control_L, true);
    key(XKB_KEY_Cyrillic_zhe, true);
    tap(XKB_KEY_EuroSign);
    fh__desktop_pump(desktop);
    fh__desktop_close(desktop);
    open_desktop();
    expect_nothing_held();
    ask = xcb_get_keyboard_mapping(app, 8, 248);
    after = xcb_get_keyboard_mapping_reply(app, ask, NULL);
    ck_assert_uint_eq(after->keysyms_per_keycode, before->keysyms_per_keycode);
    for (i = 0; i < n; i++)
        ck_assert_uint_eq(xcb_get_keyboard_mapping_keysyms(after)[i],
                          xcb_get_keyboard_mapping_keysyms(before)[i]);
    free(before);
    free(after);
}
END_TEST

START_TEST(what_the_x_server_itself_obeys_is_not_bound)
{
    xkb_keysym_t sym = 0;
    bool press;
    uint16_t mods;

    tap(0x1008fe01);               /* XF86Switch_VT_1: on this map, but with Ctrl+Alt */
    tap(XKB_KEY_Terminate_Server); /* not on this map */
    tap(0xffffffff);
    tap(0x01ffffff);
    tap(XKB_KEY_z);
    do {
        ck_assert(next_key(&sym, &press, &mods));
        ck_assert_uint_ne(sym, XKB_KEY_Terminate_Server);
    } while (sym != XKB_KEY_z);
    ck_assert_int_eq(xcb_connection_has_error(app), 0);
}
END_TEST

START_TEST(repeats_of_the_viewer_are_the_servers_business)
{
    key(XKB_KEY_k, true);
    key(XKB_KEY_k, true);
    key(XKB_KEY_k, true);
    key(XKB_KEY_k, false);
    expect(true, XKB_KEY_k);
    expect(false, XKB_KEY_k);
    /* where the server does not repeat, the viewer does */
    xcb_change_keyboard_control(app, XCB_KB_AUTO_REPEAT_MODE,
                                &(uint32_t){XCB_AUTO_REPEAT_MODE_OFF});
    free(xcb_get_input_focus_reply(app, xcb_get_input_focus(app), NULL));
    key(XKB_KEY_k, true);
    key(XKB_KEY_k, true);
    key(XKB_KEY_k, false);
    expect(true, XKB_KEY_k);
    expect(false, XKB_KEY_k);
    expect(true, XKB_KEY_k);
    expect(false, XKB_KEY_k);
}
END_TEST

START_TEST(another_map_is_followed)
{
    const xcb_keysym_t swapped[] = {XKB_KEY_y, XKB_KEY_Y, XKB_KEY_z, XKB_KEY_Z};

    tap(XKB_KEY_z);
    expect(true, XKB_KEY_z);
    expect(false, XKB_KEY_z);
    xcb_change_keyboard_mapping(app, 1, 52, 2, &swapped[0]); /* as on a German keyboard */
    xcb_change_keyboard_mapping(app, 1, 29, 2, &swapped[2]);
    free(xcb_get_input_focus_reply(app, xcb_get_input_focus(app), NULL));
    fh__desktop_pump(desktop);
    tap(XKB_KEY_z);
    tap(XKB_KEY_y);
    expect(true, XKB_KEY_z);
    expect(false, XKB_KEY_z);
    expect(true, XKB_KEY_y);
    expect(false, XKB_KEY_y);
}
END_TEST

START_TEST(a_second_layout_is_used)
{
    /* Group 2 of the key A has Cyrillic ef. */
    const xcb_keysym_t two[] = {XKB_KEY_a, XKB_KEY_A, XKB_KEY_Cyrillic_ef, XKB_KEY_Cyrillic_EF};

    xcb_change_keyboard_mapping(app, 1, 38, 4, two);
    free(xcb_get_input_focus_reply(app, xcb_get_input_focus(app), NULL));
    fh__desktop_pump(desktop);
    tap(XKB_KEY_Cyrillic_ef);
    expect(true, XKB_KEY_Cyrillic_ef);
    expect(false, XKB_KEY_a); /* back in the first layout */
    tap(XKB_KEY_Cyrillic_EF);
    expect(true, XKB_KEY_Cyrillic_EF);
    expect(false, XKB_KEY_a);
    tap(XKB_KEY_a);
    expect(true, XKB_KEY_a);
    expect(false, XKB_KEY_a);
}
END_TEST

/* A real program: what a terminal's shell reads. */
static pid_t start_xterm(const char *fifo)
{
    char command[200];
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid != 0)
        return pid;
    setenv("DISPLAY", server.display, 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("FIFO", fifo, 1);
    snprintf(command, sizeof command, "stty -echo; echo ready >\"$FIFO\"; exec cat >\"$FIFO\"");
    execlp("xterm", "xterm", "-u8", "-e", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

/* Reads until all of expected came; fails at the first byte that differs. */
static void expect_bytes(int fd, const char *expected)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
                          {.fd = fh__desktop_fd(desktop), .events = POLLIN}};
    size_t at = 0, len = strlen(expected);
    uint64_t end = fh__now_ms() + TEST_TIMEOUT_MS;
    char got[256] = "";
    ssize_t n;

    while (at < len) {
        fh__desktop_pump(desktop);
        ck_assert_msg(fh__now_ms() < end, "only \"%s\" arrived", got);
        poll(p, 2, fh__desktop_deadline(desktop) == UINT64_MAX ? TEST_TIMEOUT_MS : 10);
        if (!(p[0].revents & POLLIN))
            continue;
        n = read(fd, got + at, sizeof got - 1 - at);
        ck_assert_int_gt(n, 0);
        at += (size_t)n;
        ck_assert_msg(strncmp(got, expected, at) == 0, "\"%s\" is not the start of \"%s\"", got,
                      expected);
    }
}

/* A program's window may come up after its shell has spoken. */
static void wait_for_a_window_under_the_pointer(void)
{
    const xcb_window_t root = xcb_setup_roots_iterator(xcb_get_setup(app)).data->root;
    uint64_t end = fh__now_ms() + TEST_TIMEOUT_MS;
    bool is_there = false;

    while (!is_there) {
        xcb_query_pointer_reply_t *r;

        fh__desktop_pump(desktop);
        r = xcb_query_pointer_reply(app, xcb_query_pointer(app, root), NULL);
        is_there = r && r->child != XCB_NONE;
        free(r);
        ck_assert_msg(fh__now_ms() < end, "no window came up");
    }
}

START_TEST(xterm_reads_the_text)
{
    const char *text = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac"
                       "5 \xd0\x96\xd0\xb6 \xe2\x86\x92 Ok!\n";
    const uint32_t utf32[] = {'g',   'r',   0xfc, 0xdf,   ' ', 0x20ac, '5', ' ',
                              0x416, 0x436, ' ',  0x2192, ' ', 'O',    'k', '!'};
    char dir[] = "/tmp/vncserverd-test-XXXXXX", fifo[64];
    size_t i;
    pid_t xterm;
    int fd;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(fifo, sizeof fifo, "%s/fifo", dir);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    fd = open(fifo, O_RDWR);
    ck_assert_int_ge(fd, 0);
    xcb_destroy_window(app, window);
    xcb_flush(app);
    xterm = start_xterm(fifo);
    expect_bytes(fd, "ready\n");
    fh__desktop_pointer(desktop, desktop, 50, 50, 0); /* the focus follows the pointer */
    wait_for_a_window_under_the_pointer();
    for (i = 0; i < sizeof utf32 / sizeof *utf32; i++)
        tap(xkb_utf32_to_keysym(utf32[i]));
    tap(XKB_KEY_Return);
    expect_bytes(fd, text);
    kill(xterm, SIGTERM);
    waitpid(xterm, NULL, 0);
    close(fd);
    unlink(fifo);
    rmdir(dir);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("keyboard");
    TCase *tc = tcase_create("keyboard");
    SRunner *sr = srunner_create(s);
    int failed;

    fh__log_set_level(FH__LOG_ERROR);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, text_on_the_map_arrives);
    tcase_add_test(tc, text_that_is_not_on_the_map_arrives);
    tcase_add_test(tc, long_text_in_another_script_arrives);
    tcase_add_test(tc, a_keysym_and_its_unicode_form_are_the_same);
    tcase_add_test(tc, shift_is_not_needed_from_the_viewer_and_not_left);
    tcase_add_test(tc, held_shift_does_not_spoil_what_is_typed);
    tcase_add_test(tc, caps_lock_does_not_spoil_what_is_typed);
    tcase_add_test(tc, shortcuts_keep_their_modifiers);
    tcase_add_test(tc, a_release_under_another_name_releases);
    tcase_add_test(tc, scan_codes_are_preferred);
    tcase_add_test(tc, all_keys_of_one_viewer_are_released);
    tcase_add_test(tc, closing_releases_all_and_gives_the_map_back);
    tcase_add_test(tc, what_the_x_server_itself_obeys_is_not_bound);
    tcase_add_test(tc, repeats_of_the_viewer_are_the_servers_business);
    tcase_add_test(tc, another_map_is_followed);
    tcase_add_test(tc, a_second_layout_is_used);
    tcase_add_test(tc, xterm_reads_the_text);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
