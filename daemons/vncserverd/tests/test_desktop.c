/* SPDX-License-Identifier: MIT */
/*
 * test_desktop.c -- capture, cursor, pointer, clipboard and size, against a headless X server.
 * A second connection plays the programs on the desktop.
 */

#include "desktop.h"
#include "log.h"
#include "xserver.h"

#include <xcb/randr.h>
#include <xcb/render.h>
#include <xcb/xfixes.h>
#include <xcb/xkb.h>

static struct xserver server;
static struct fh__desktop *desktop;
static xcb_connection_t *app; /* a program on the desktop */
static xcb_screen_t *app_screen;

/* What the desktop told. */
static struct {
    unsigned n_damaged, n_changed, n_moved, n_screen, n_cursor, n_bell, n_cut;
    struct fh_motion motion;
    struct fh_rect bounds; /* of all changes */
    uint32_t cursor[64 * 64];
    int32_t cursor_w, cursor_h, hot_x, hot_y;
    char *cut_text;
    size_t cut_len;
} told;

static void on_damaged(void *user)
{
    (void)user;
    told.n_damaged++;
}

static void on_changed(void *user, const struct fh_rect *r)
{
    struct fh_rect *b = &told.bounds;
    int32_t right = r->x + r->w, bottom = r->y + r->h;

    (void)user;
    if (told.n_changed++ == 0) {
        *b = *r;
        return;
    }
    right = right > b->x + b->w ? right : b->x + b->w;
    bottom = bottom > b->y + b->h ? bottom : b->y + b->h;
    b->x = r->x < b->x ? r->x : b->x;
    b->y = r->y < b->y ? r->y : b->y;
    b->w = right - b->x;
    b->h = bottom - b->y;
}

static void on_screen(void *user)
{
    (void)user;
    told.n_screen++;
}

static void on_cursor(void *user, const uint32_t *argb, int32_t w, int32_t h, int32_t hot_x,
                      int32_t hot_y)
{
    (void)user;
    told.n_cursor++;
    told.cursor_w = w;
    told.cursor_h = h;
    told.hot_x = hot_x;
    told.hot_y = hot_y;
    if (w * h <= 64 * 64)
        memcpy(told.cursor, argb, (size_t)(w * h) * 4);
}

static void on_cut_text(void *user, const char *text, size_t len)
{
    (void)user;
    told.n_cut++;
    free(told.cut_text);
    told.cut_text = malloc(len + 1);
    memcpy(told.cut_text, text, len);
    told.cut_text[len] = '\0';
    told.cut_len = len;
}

static void on_bell(void *user)
{
    (void)user;
    told.n_bell++;
}

static void on_moved(void *user, const struct fh_motion *m)
{
    (void)user;
    told.n_moved++;
    told.motion = *m;
}

static const struct fh__desktop_events events = {on_damaged, on_changed,  on_moved, on_screen,
                                                 on_cursor,  on_cut_text, on_bell};

static void forget(void)
{
    free(told.cut_text);
    memset(&told, 0, sizeof told);
}

static void open_with(const char *screen, const char *const *extra)
{
    char error[200] = "";
    int number;

    server = xserver_start(screen, extra);
    app = xcb_connect(server.display, &number);
    ck_assert_int_eq(xcb_connection_has_error(app), 0);
    app_screen = xcb_setup_roots_iterator(xcb_get_setup(app)).data;
    ck_assert_msg(
        fh__desktop_open(&desktop, server.display, NULL, &events, NULL, error, sizeof error) == 0,
        "%s", error);
    fh__desktop_watch(desktop, true, true);
    forget();
}

static void setup(void)
{
    open_with("640x480x24", NULL);
}

static void teardown(void)
{
    fh__desktop_close(desktop);
    xcb_disconnect(app);
    xserver_stop(&server);
    forget();
}

/* Waits until the desktop has something to read, and lets it. */
static void wait_and_pump(void)
{
    struct pollfd p = {.fd = fh__desktop_fd(desktop), .events = POLLIN};
    uint64_t deadline = fh__desktop_deadline(desktop), now = fh__now_ms();
    int timeout = TEST_TIMEOUT_MS, ready;

    if (deadline != UINT64_MAX)
        timeout = deadline > now ? (int)(deadline - now) : 0;
    ready = poll(&p, 1, timeout);
    ck_assert_msg(ready == 1 || deadline != UINT64_MAX, "the X server told nothing in 30 s");
    fh__desktop_pump(desktop);
}

#define pump_until(condition)                                                                      \
    do {                                                                                           \
        fh__desktop_pump(desktop);                                                                 \
        while (!(condition))                                                                       \
            wait_and_pump();                                                                       \
    } while (0)

/* Everything that the program has asked for is done. */
static void app_sync(void)
{
    free(xcb_get_input_focus_reply(app, xcb_get_input_focus(app), NULL));
}

static void fill(xcb_drawable_t where, int16_t x, int16_t y, uint16_t w, uint16_t h, uint32_t pixel)
{
    const xcb_rectangle_t r = {x, y, w, h};
    const uint32_t values[2] = {pixel, XCB_SUBWINDOW_MODE_INCLUDE_INFERIORS};
    xcb_gcontext_t gc = xcb_generate_id(app);

    xcb_create_gc(app, gc, where, XCB_GC_FOREGROUND | XCB_GC_SUBWINDOW_MODE, values);
    xcb_poly_fill_rectangle(app, where, gc, 1, &r);
    xcb_free_gc(app, gc);
    app_sync();
}

static uint32_t pixel(int32_t x, int32_t y)
{
    const struct fh_framebuffer *fb = fh__desktop_picture(desktop);

    return fb->px[y * fb->stride_px + x];
}

static void capture_all(void)
{
    pump_until(fh__desktop_is_damaged(desktop));
    fh__desktop_capture(desktop);
}

static void check_fill(uint32_t expected)
{
    int32_t x, y;

    capture_all();
    forget();
    fill(app_screen->root, 100, 50, 200, 70, 0x123456);
    capture_all();
    ck_assert_uint_gt(told.n_changed, 0);
    ck_assert_int_eq(told.bounds.x, 100);
    ck_assert_int_eq(told.bounds.y, 50);
    ck_assert_int_eq(told.bounds.w, 200);
    ck_assert_int_eq(told.bounds.h, 70);
    for (y = 0; y < 480; y++)
        for (x = 0; x < 640; x++)
            ck_assert_uint_eq(pixel(x, y),
                              x >= 100 && x < 300 && y >= 50 && y < 120 ? expected : 0);
}

START_TEST(a_rectangle_arrives_exactly)
{
    ck_assert(fh__desktop_is_shared_memory(desktop));
    check_fill(0x123456);
}
END_TEST

START_TEST(without_shared_memory_it_is_the_same)
{
    const char *no_shm[] = {"-extension", "MIT-SHM", NULL};

    open_with("640x480x24", no_shm);
    ck_assert(!fh__desktop_is_shared_memory(desktop));
    check_fill(0x123456);
    teardown();
}
END_TEST

START_TEST(sixteen_bits_are_widened)
{
    open_with("640x480x16", NULL);
    /* 0x3456 in 5-6-5 is red 6, green 34, blue 22 */
    check_fill(6 * 255 / 31 << 16 | 34 * 255 / 63 << 8 | 22 * 255 / 31);
    teardown();
}
END_TEST

START_TEST(thirty_bits_are_narrowed)
{
    open_with("640x480x30", NULL);
    /* 0x123456 in 10-10-10 is red 1, green 0x8d, blue 0x56 */
    check_fill(0x1 >> 2 << 16 | 0x8d >> 2 << 8 | 0x56 >> 2);
    teardown();
}
END_TEST

START_TEST(drawing_the_same_again_is_no_change)
{
    fill(app_screen->root, 10, 10, 300, 300, 0xff00ff);
    capture_all();
    forget();
    fill(app_screen->root, 10, 10, 300, 300, 0xff00ff);
    capture_all();
    ck_assert_uint_eq(told.n_changed, 0);
}
END_TEST

START_TEST(damage_is_told_once_until_it_is_taken)
{
    int i;

    capture_all();
    forget();
    for (i = 0; i < 50; i++)
        fill(app_screen->root, (int16_t)i, 0, 1, 1, 0xffffff);
    pump_until(told.n_damaged > 0);
    app_sync();
    fh__desktop_pump(desktop);
    ck_assert_uint_eq(told.n_damaged, 1);
    fh__desktop_capture(desktop);
    ck_assert_int_eq(told.bounds.w, 50);
    ck_assert(!fh__desktop_is_damaged(desktop));
}
END_TEST

/* More boxes than are fetched one by one, in tiles of their own. */
/* Bricks that are nowhere twice. */
static void lay_bricks(void)
{
    uint32_t colour = 1;

    for (int16_t y = 0; y < 480; y = (int16_t)(y + 6)) {
        for (int16_t x = 0; x < 640; x = (int16_t)(x + 16)) {
            colour = colour * 1664525 + 1013904223;
            fill(app_screen->root, x, y, 16, 6, colour >> 8);
        }
    }
}

static void copy_area(int16_t from_x, int16_t from_y, int16_t to_x, int16_t to_y, uint16_t w,
                      uint16_t h)
{
    xcb_gcontext_t gc = xcb_generate_id(app);

    xcb_create_gc(app, gc, app_screen->root, 0, NULL);
    xcb_copy_area(app, app_screen->root, app_screen->root, gc, from_x, from_y, to_x, to_y, w, h);
    xcb_free_gc(app, gc);
    app_sync();
}

/* What was told as damage, and what moved, is all that differs from the picture before. */
static void check_motion(const uint32_t *before)
{
    const struct fh_framebuffer *fb = fh__desktop_picture(desktop);
    const struct fh_rect *to = &told.motion.to, *b = &told.bounds;

    for (int32_t y = 0; y < fb->height; y++) {
        for (int32_t x = 0; x < fb->width; x++) {
            const bool is_moved =
                x >= to->x && x < to->x + to->w && y >= to->y && y < to->y + to->h;
            const bool is_told =
                told.n_changed > 0 && x >= b->x && x < b->x + b->w && y >= b->y && y < b->y + b->h;
            const int32_t from_x = is_moved ? x - to->x + told.motion.from_x : x;
            const int32_t from_y = is_moved ? y - to->y + told.motion.from_y : y;

            if (!is_told)
                ck_assert_uint_eq(pixel(x, y), before[from_y * fb->width + from_x]);
        }
    }
}

static const struct {
    int16_t from_x, from_y, to_x, to_y;
    uint16_t w, h;
} copies[] = {{0, 16, 0, 0, 640, 464}, {100, 60, 100, 100, 320, 300}, {100, 60, 115, 71, 400, 300}};

START_TEST(what_moved_is_told_as_that)
{
    static uint32_t before[640 * 480];

    lay_bricks();
    capture_all();
    memcpy(before, fh__desktop_picture(desktop)->px, sizeof before);
    forget();
    copy_area(copies[_i].from_x, copies[_i].from_y, copies[_i].to_x, copies[_i].to_y, copies[_i].w,
              copies[_i].h);
    capture_all();
    ck_assert_uint_eq(told.n_moved, 1);
    ck_assert_int_eq(told.motion.to.x - told.motion.from_x, copies[_i].to_x - copies[_i].from_x);
    ck_assert_int_eq(told.motion.to.y - told.motion.from_y, copies[_i].to_y - copies[_i].from_y);
    ck_assert_int_ge(told.motion.to.w * told.motion.to.h, copies[_i].w * copies[_i].h * 3 / 4);
    check_motion(before);
}
END_TEST

START_TEST(many_small_changes_arrive)
{
    int i;

    capture_all();
    forget();
    for (i = 0; i < 400; i++)
        fill(app_screen->root, (int16_t)(i % 20 * 32), (int16_t)(i / 20 * 24), 3, 3, 0xabcdef);
    capture_all();
    for (i = 0; i < 400; i++) {
        ck_assert_uint_eq(pixel(i % 20 * 32 + 2, i / 20 * 24 + 2), 0xabcdef);
        ck_assert_uint_eq(pixel(i % 20 * 32 + 3, i / 20 * 24 + 3), 0);
    }
}
END_TEST

static xcb_window_t make_window(int16_t x, int16_t y, uint16_t w, uint16_t h)
{
    const uint32_t values[3] = {0x00ff00, 1,
                                XCB_EVENT_MASK_BUTTON_PRESS | XCB_EVENT_MASK_BUTTON_RELEASE |
                                    XCB_EVENT_MASK_POINTER_MOTION | XCB_EVENT_MASK_PROPERTY_CHANGE};
    xcb_window_t win = xcb_generate_id(app);

    xcb_create_window(app, XCB_COPY_FROM_PARENT, win, app_screen->root, x, y, w, h, 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, XCB_COPY_FROM_PARENT,
                      XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT | XCB_CW_EVENT_MASK, values);
    xcb_map_window(app, win);
    app_sync();
    return win;
}

START_TEST(windows_are_in_the_picture)
{
    make_window(20, 30, 40, 50);
    capture_all();
    ck_assert_uint_eq(pixel(20, 30), 0x00ff00);
    ck_assert_uint_eq(pixel(59, 79), 0x00ff00);
    ck_assert_uint_eq(pixel(60, 80), 0);
}
END_TEST

START_TEST(the_cursor_is_told_when_it_changes)
{
    xcb_pixmap_t source = xcb_generate_id(app), mask = xcb_generate_id(app);
    xcb_cursor_t cursor = xcb_generate_id(app);
    xcb_gcontext_t gc = xcb_generate_id(app);
    const xcb_rectangle_t all = {0, 0, 10, 12}, left = {0, 0, 5, 12};
    uint32_t one = 1, zero = 0;

    pump_until(told.n_cursor > 0);
    xcb_create_pixmap(app, 1, source, app_screen->root, 10, 12);
    xcb_create_pixmap(app, 1, mask, app_screen->root, 10, 12);
    xcb_create_gc(app, gc, source, XCB_GC_FOREGROUND, &one);
    xcb_poly_fill_rectangle(app, source, gc, 1, &all);
    xcb_change_gc(app, gc, XCB_GC_FOREGROUND, &zero);
    xcb_poly_fill_rectangle(app, mask, gc, 1, &all);
    xcb_change_gc(app, gc, XCB_GC_FOREGROUND, &one);
    xcb_poly_fill_rectangle(app, mask, gc, 1, &left);
    xcb_create_cursor(app, cursor, source, mask, 0xffff, 0x8080, 0, 0, 0, 0, 3, 4);
    xcb_change_window_attributes(app, app_screen->root, XCB_CW_CURSOR, &cursor);
    app_sync();
    forget();
    pump_until(told.n_cursor > 0);
    ck_assert_int_eq(told.hot_x, 3);
    ck_assert_int_eq(told.hot_y, 4);
    ck_assert_int_eq(told.cursor_w, 10);
    ck_assert_int_eq(told.cursor_h, 12);
    ck_assert_uint_eq(told.cursor[4], 0xffff8000);
    ck_assert_uint_eq(told.cursor[5], 0);
}
END_TEST

START_TEST(a_translucent_cursor_gets_its_colours_back)
{
    const xcb_render_color_t half_red = {0x8080, 0, 0, 0x8080}; /* premultiplied */
    const xcb_rectangle_t all = {0, 0, 16, 16};
    xcb_render_query_pict_formats_reply_t *f;
    xcb_render_pictforminfo_iterator_t it;
    xcb_render_pictformat_t argb = 0;
    xcb_pixmap_t pixmap = xcb_generate_id(app);
    xcb_render_picture_t picture = xcb_generate_id(app);
    xcb_cursor_t cursor = xcb_generate_id(app);

    pump_until(told.n_cursor > 0);
    f = xcb_render_query_pict_formats_reply(app, xcb_render_query_pict_formats(app), NULL);
    for (it = xcb_render_query_pict_formats_formats_iterator(f); it.rem;
         xcb_render_pictforminfo_next(&it))
        if (it.data->depth == 32 && it.data->direct.alpha_mask == 0xff &&
            it.data->direct.red_shift == 16)
            argb = it.data->id;
    free(f);
    xcb_create_pixmap(app, 32, pixmap, app_screen->root, 16, 16);
    xcb_render_create_picture(app, picture, pixmap, argb, 0, NULL);
    xcb_render_fill_rectangles(app, XCB_RENDER_PICT_OP_SRC, picture, half_red, 1, &all);
    xcb_render_create_cursor(app, cursor, picture, 1, 2);
    xcb_change_window_attributes(app, app_screen->root, XCB_CW_CURSOR, &cursor);
    app_sync();
    forget();
    pump_until(told.n_cursor > 0);
    ck_assert_uint_eq(told.cursor[0], 0x80ff0000);
    ck_assert_int_eq(told.hot_x, 1);
    ck_assert_int_eq(told.hot_y, 2);
}
END_TEST

static xcb_generic_event_t *app_event(uint8_t type)
{
    struct pollfd p = {.fd = xcb_get_file_descriptor(app), .events = POLLIN};
    xcb_generic_event_t *ev;

    xcb_flush(app);
    for (;;) {
        fh__desktop_pump(desktop);
        while ((ev = xcb_poll_for_event(app))) {
            if ((ev->response_type & 0x7f) == type)
                return ev;
            free(ev);
        }
        /* The answer may need the desktop's part as well. */
        struct pollfd both[2] = {p, {.fd = fh__desktop_fd(desktop), .events = POLLIN}};
        ck_assert_int_gt(poll(both, 2, TEST_TIMEOUT_MS), 0);
    }
}

static void expect_button(uint8_t type, uint8_t detail, int16_t x, int16_t y)
{
    xcb_button_press_event_t *ev = (xcb_button_press_event_t *)app_event(type);

    ck_assert_uint_eq(ev->detail, detail);
    ck_assert_int_eq(ev->root_x, x);
    ck_assert_int_eq(ev->root_y, y);
    free(ev);
}

START_TEST(buttons_and_wheel_arrive_where_the_viewer_saw_them)
{
    char me = 0, other = 0;

    make_window(0, 0, 640, 480);
    fh__desktop_pointer(desktop, &me, 100, 200, 0);
    fh__desktop_pointer(desktop, &me, 100, 200, 1);
    expect_button(XCB_BUTTON_PRESS, 1, 100, 200);
    fh__desktop_pointer(desktop, &me, 110, 210, 1);
    fh__desktop_pointer(desktop, &me, 110, 210, 0);
    expect_button(XCB_BUTTON_RELEASE, 1, 110, 210);
    fh__desktop_pointer(desktop, &me, 110, 210, 1 << 4);
    expect_button(XCB_BUTTON_PRESS, 5, 110, 210);
    fh__desktop_pointer(desktop, &me, 110, 210, 0);
    expect_button(XCB_BUTTON_RELEASE, 5, 110, 210);
    /* another viewer moves away; a click of the first still goes where it looks */
    fh__desktop_pointer(desktop, &other, 5, 6, 0);
    fh__desktop_pointer(desktop, &me, 110, 210, 4);
    expect_button(XCB_BUTTON_PRESS, 3, 110, 210);
    /* the other's mask does not release what it does not hold */
    fh__desktop_pointer(desktop, &other, 7, 8, 0);
    fh__desktop_release(desktop, &me);
    expect_button(XCB_BUTTON_RELEASE, 3, 7, 8);
}
END_TEST

START_TEST(an_unchanged_pointer_sends_nothing)
{
    xcb_generic_event_t *ev;
    char me = 0;

    make_window(0, 0, 640, 480);
    fh__desktop_pointer(desktop, &me, 100, 200, 0);
    free(app_event(XCB_MOTION_NOTIFY));
    fh__desktop_pointer(desktop, &me, 100, 200, 0);
    fh__desktop_pointer(desktop, &me, 100, 200, 2);
    /* motion to the same place is no event; the next is the button */
    ev = app_event(XCB_BUTTON_PRESS);
    free(ev);
    ck_assert_ptr_null(xcb_poll_for_queued_event(app));
}
END_TEST

START_TEST(the_bell_is_heard)
{
    xcb_bell(app, 50);
    app_sync();
    pump_until(told.n_bell > 0);
}
END_TEST

static xcb_atom_t atom(const char *name)
{
    xcb_intern_atom_reply_t *r =
        xcb_intern_atom_reply(app, xcb_intern_atom(app, 0, (uint16_t)strlen(name), name), NULL);
    xcb_atom_t a = r->atom;

    free(r);
    return a;
}

static void answer_request(xcb_selection_request_event_t *ev, const char *target, const char *text,
                           size_t len)
{
    bool ok = ev->target == atom(target);
    union {
        xcb_selection_notify_event_t ev;
        char bytes[32];
    } answer = {{0}};

    if (ok)
        xcb_change_property(app, XCB_PROP_MODE_REPLACE, ev->requestor, ev->property, ev->target, 8,
                            (uint32_t)len, text);
    answer.ev.response_type = XCB_SELECTION_NOTIFY;
    answer.ev.requestor = ev->requestor;
    answer.ev.selection = ev->selection;
    answer.ev.target = ev->target;
    answer.ev.property = ok ? ev->property : 0;
    xcb_send_event(app, 0, ev->requestor, 0, answer.bytes);
    app_sync();
    free(ev);
}

/* Answers one request for our selection. */
static void serve(xcb_window_t win, const char *selection, const char *target, const char *text,
                  size_t len)
{
    xcb_selection_request_event_t *ev;

    (void)win;
    ev = (xcb_selection_request_event_t *)app_event(XCB_SELECTION_REQUEST);
    ck_assert_uint_eq(ev->selection, atom(selection));
    answer_request(ev, target, text, len);
}

START_TEST(copied_text_is_told_once)
{
    xcb_window_t win = make_window(0, 0, 10, 10);

    xcb_set_selection_owner(app, win, atom("CLIPBOARD"), XCB_CURRENT_TIME);
    serve(win, "CLIPBOARD", "UTF8_STRING", "h\xc3\xa9llo \xe2\x82\xac", 10);
    pump_until(told.n_cut == 1);
    ck_assert_str_eq(told.cut_text, "h\xc3\xa9llo \xe2\x82\xac");
    /* the same in the other selection */
    xcb_set_selection_owner(app, win, XCB_ATOM_PRIMARY, XCB_CURRENT_TIME);
    serve(win, "PRIMARY", "UTF8_STRING", "h\xc3\xa9llo \xe2\x82\xac", 10);
    xcb_set_selection_owner(app, win, XCB_ATOM_PRIMARY, XCB_CURRENT_TIME);
    serve(win, "PRIMARY", "UTF8_STRING", "other", 5);
    pump_until(told.n_cut == 2);
    ck_assert_str_eq(told.cut_text, "other");
}
END_TEST

/* One that hangs, or that died between the question and its answer. */
START_TEST(an_owner_that_never_answers_does_not_block_the_next)
{
    xcb_window_t silent = make_window(0, 0, 10, 10), win = make_window(0, 0, 10, 10);
    xcb_selection_request_event_t *first, *second;

    xcb_set_selection_owner(app, silent, atom("CLIPBOARD"), XCB_CURRENT_TIME);
    first = (xcb_selection_request_event_t *)app_event(XCB_SELECTION_REQUEST);
    xcb_set_selection_owner(app, win, atom("CLIPBOARD"), XCB_CURRENT_TIME);
    second = (xcb_selection_request_event_t *)app_event(XCB_SELECTION_REQUEST);
    answer_request(first, "UTF8_STRING", "late", 4); /* which nobody waits for any more */
    answer_request(second, "UTF8_STRING", "next", 4);
    pump_until(told.n_cut > 0);
    ck_assert_str_eq(told.cut_text, "next");
    ck_assert_uint_eq(told.n_cut, 1);
}
END_TEST

START_TEST(latin1_is_taken_where_there_is_no_utf8)
{
    xcb_window_t win = make_window(0, 0, 10, 10);

    xcb_set_selection_owner(app, win, atom("CLIPBOARD"), XCB_CURRENT_TIME);
    serve(win, "CLIPBOARD", "STRING", "", 0); /* refuses UTF8_STRING */
    serve(win, "CLIPBOARD", "STRING", "caf\xe9", 4);
    pump_until(told.n_cut == 1);
    ck_assert_str_eq(told.cut_text, "caf\xc3\xa9");
}
END_TEST

/* Serves in parts, ICCCM 2.7.2. */
static void serve_in_parts(xcb_window_t win, char c, size_t part, size_t n)
{
    const uint32_t want = XCB_EVENT_MASK_PROPERTY_CHANGE;
    union {
        xcb_selection_notify_event_t ev;
        char bytes[32];
    } answer = {{0}};
    xcb_selection_request_event_t *ev;
    xcb_property_notify_event_t *pn;
    uint32_t size = 1000;
    char *data = malloc(part);
    size_t i;

    xcb_set_selection_owner(app, win, atom("CLIPBOARD"), XCB_CURRENT_TIME);
    memset(data, c, part);
    ev = (xcb_selection_request_event_t *)app_event(XCB_SELECTION_REQUEST);
    xcb_change_window_attributes(app, ev->requestor, XCB_CW_EVENT_MASK, &want);
    xcb_change_property(app, XCB_PROP_MODE_REPLACE, ev->requestor, ev->property, atom("INCR"), 32,
                        1, &size);
    answer.ev.response_type = XCB_SELECTION_NOTIFY;
    answer.ev.requestor = ev->requestor;
    answer.ev.selection = ev->selection;
    answer.ev.target = ev->target;
    answer.ev.property = ev->property;
    xcb_send_event(app, 0, ev->requestor, 0, answer.bytes);
    for (i = 0; i <= n; i++) {
        do {
            pn = (xcb_property_notify_event_t *)app_event(XCB_PROPERTY_NOTIFY);
            size = pn->state;
            free(pn);
        } while (size != XCB_PROPERTY_DELETE);
        xcb_change_property(app, XCB_PROP_MODE_REPLACE, ev->requestor, ev->property, ev->target, 8,
                            i < n ? (uint32_t)part : 0, data);
    }
    app_sync();
    free(ev);
    free(data);
}

START_TEST(text_in_parts_is_joined)
{
    serve_in_parts(make_window(0, 0, 10, 10), 'x', 60000, 4);
    pump_until(told.n_cut == 1);
    ck_assert_uint_eq(told.cut_len, 240000);
    ck_assert_int_eq(told.cut_text[239999], 'x');
}
END_TEST

START_TEST(text_that_is_too_long_is_left_alone)
{
    xcb_window_t win = make_window(0, 0, 10, 10);
    char *big = calloc(1, 300000);

    memset(big, 'y', 300000);
    serve_in_parts(win, 'z', 60000, 5);
    xcb_set_selection_owner(app, win, atom("CLIPBOARD"), XCB_CURRENT_TIME);
    serve(win, "CLIPBOARD", "UTF8_STRING", big, 300000);
    xcb_set_selection_owner(app, win, atom("CLIPBOARD"), XCB_CURRENT_TIME);
    serve(win, "CLIPBOARD", "UTF8_STRING", "short", 5);
    pump_until(told.n_cut == 1);
    ck_assert_str_eq(told.cut_text, "short");
    free(big);
}
END_TEST

START_TEST(nothing_is_fetched_while_nobody_watches)
{
    xcb_window_t win = make_window(0, 0, 10, 10);

    fh__desktop_watch(desktop, false, false);
    xcb_set_selection_owner(app, win, atom("CLIPBOARD"), XCB_CURRENT_TIME);
    xcb_bell(app, 0);
    app_sync();
    pump_until(told.n_bell > 0); /* the news of the selection came before */
    fh__desktop_watch(desktop, true, true);
    xcb_set_selection_owner(app, win, XCB_ATOM_PRIMARY, XCB_CURRENT_TIME);
    serve(win, "PRIMARY", "UTF8_STRING", "now", 3); /* CLIPBOARD would be asked first */
    pump_until(told.n_cut == 1);
    ck_assert_str_eq(told.cut_text, "now");
}
END_TEST

static void expect_selection(xcb_window_t win, const char *selection, const char *target,
                             const char *expected, size_t len)
{
    xcb_selection_notify_event_t *ev;
    xcb_get_property_reply_t *r;

    xcb_convert_selection(app, win, atom(selection), atom(target), atom("HERE"), XCB_CURRENT_TIME);
    ev = (xcb_selection_notify_event_t *)app_event(XCB_SELECTION_NOTIFY);
    ck_assert_uint_eq(ev->property, expected ? atom("HERE") : 0);
    free(ev);
    if (!expected)
        return;
    r = xcb_get_property_reply(app, xcb_get_property(app, 1, win, atom("HERE"), 0, 0, 100000),
                               NULL);
    ck_assert_uint_eq((size_t)xcb_get_property_value_length(r), len);
    ck_assert_mem_eq(xcb_get_property_value(r), expected, len);
    free(r);
}

START_TEST(a_viewers_text_can_be_pasted)
{
    xcb_window_t win = make_window(0, 0, 10, 10);
    char *big = malloc(262144);

    ck_assert_int_eq(fh__desktop_set_clipboard(desktop, "a\xc3\xa9\xe2\x82\xac", 6), 0);
    fh__desktop_pump(desktop);
    expect_selection(win, "CLIPBOARD", "UTF8_STRING", "a\xc3\xa9\xe2\x82\xac", 6);
    expect_selection(win, "PRIMARY", "text/plain;charset=utf-8", "a\xc3\xa9\xe2\x82\xac", 6);
    expect_selection(win, "PRIMARY", "STRING", "a\xe9?", 3);
    expect_selection(win, "CLIPBOARD", "image/png", NULL, 0);
    memset(big, 'b', 262144);
    ck_assert_int_eq(fh__desktop_set_clipboard(desktop, big, 262144), 0);
    expect_selection(win, "CLIPBOARD", "UTF8_STRING", big, 262144);
    ck_assert_int_ne(fh__desktop_set_clipboard(desktop, big, 262145), 0);
    ck_assert_uint_eq(told.n_cut, 0); /* it is not told back */
    free(big);
}
END_TEST

START_TEST(the_clipboard_is_lost_to_the_next_owner)
{
    xcb_window_t win = make_window(0, 0, 10, 10);

    fh__desktop_set_clipboard(desktop, "mine", 4);
    fh__desktop_pump(desktop);
    expect_selection(win, "CLIPBOARD", "UTF8_STRING", "mine", 4);
    xcb_set_selection_owner(app, win, atom("CLIPBOARD"), XCB_CURRENT_TIME);
    serve(win, "CLIPBOARD", "UTF8_STRING", "yours", 5);
    pump_until(told.n_cut == 1);
    ck_assert_str_eq(told.cut_text, "yours");
}
END_TEST

START_TEST(a_viewer_resizes_the_screen)
{
    size_t n;

    capture_all();
    forget();
    ck_assert_int_eq(fh__desktop_resize(desktop, 500, 300), FH__RESIZE_OK);
    ck_assert_uint_eq(told.n_screen, 1);
    ck_assert_int_eq(fh__desktop_picture(desktop)->width, 500);
    ck_assert_int_eq(fh__desktop_picture(desktop)->height, 300);
    ck_assert_uint_eq(fh__desktop_screens(desktop, &n)->w, 500);
    fill(app_screen->root, 490, 290, 10, 10, 0x00ffff);
    capture_all();
    ck_assert_uint_eq(pixel(499, 299), 0x00ffff);
    ck_assert_int_eq(fh__desktop_resize(desktop, 640, 480), FH__RESIZE_OK);
    fill(app_screen->root, 630, 470, 10, 10, 0x0000ff);
    capture_all();
    ck_assert_uint_eq(pixel(639, 479), 0x0000ff);
    ck_assert_int_eq(fh__desktop_resize(desktop, 641, 480), FH__RESIZE_INVALID);
    ck_assert_int_eq(fh__desktop_resize(desktop, 0, 480), FH__RESIZE_INVALID);
    ck_assert_int_eq(fh__desktop_picture(desktop)->width, 640);
}
END_TEST

static unsigned count_modes(void)
{
    xcb_randr_get_screen_resources_reply_t *r = xcb_randr_get_screen_resources_reply(
        app, xcb_randr_get_screen_resources(app, app_screen->root), NULL);
    unsigned n = r->num_modes;

    free(r);
    return n;
}

/* Else a viewer could fill the X server with them. */
START_TEST(sizes_that_were_left_leave_no_modes)
{
    unsigned before, n;
    uint16_t i;

    ck_assert_int_eq(fh__desktop_resize(desktop, 321, 201), FH__RESIZE_OK);
    before = count_modes();
    for (i = 0; i < 20; i++)
        ck_assert_int_eq(fh__desktop_resize(desktop, (uint16_t)(322 + i), 201), FH__RESIZE_OK);
    fh__desktop_pump(desktop);
    n = count_modes();
    ck_assert_uint_le(n, before + 1);
}
END_TEST

START_TEST(a_change_of_size_by_others_is_followed)
{
    struct fh__desktop *other;
    char error[200];

    capture_all();
    forget();
    ck_assert_int_eq(
        fh__desktop_open(&other, server.display, NULL, &events, NULL, error, sizeof error), 0);
    ck_assert_int_eq(fh__desktop_resize(other, 320, 200), FH__RESIZE_OK);
    fh__desktop_close(other);
    forget();
    pump_until(told.n_screen > 0);
    ck_assert_int_eq(fh__desktop_picture(desktop)->width, 320);
    ck_assert_int_eq(fh__desktop_picture(desktop)->height, 200);
    ck_assert(fh__desktop_is_damaged(desktop));
    fh__desktop_capture(desktop);
    /* All that RandR says about this one change makes one new screen. */
    xcb_bell(app, 0);
    app_sync();
    pump_until(told.n_bell > 0);
    ck_assert_uint_eq(told.n_screen, 1);
}
END_TEST

START_TEST(the_end_of_the_x_server_is_noticed)
{
    struct pollfd p = {.fd = fh__desktop_fd(desktop), .events = POLLIN};

    ck_assert(fh__desktop_pump(desktop));
    kill(server.pid, SIGKILL);
    waitpid(server.pid, NULL, 0);
    server.pid = 0;
    do
        ck_assert_int_eq(poll(&p, 1, TEST_TIMEOUT_MS), 1);
    while (fh__desktop_pump(desktop));
    /* every call is still safe */
    fh__desktop_capture(desktop);
    fh__desktop_key(desktop, desktop, 'a', 0, true);
    fh__desktop_pointer(desktop, desktop, 1, 1, 1);
    fh__desktop_set_clipboard(desktop, "x", 1);
    fh__desktop_cursor(desktop);
    ck_assert_int_ne(fh__desktop_resize(desktop, 320, 200), FH__RESIZE_OK);
    ck_assert(!fh__desktop_pump(desktop));
}
END_TEST

START_TEST(no_display_is_an_error_that_says_why)
{
    struct fh__desktop *none = NULL;
    char error[200] = "";

    ck_assert_int_ne(fh__desktop_open(&none, "nonsense", NULL, &events, NULL, error, sizeof error),
                     0);
    ck_assert_str_ne(error, "");
    ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("desktop");
    TCase *own = tcase_create("own server"), *tc = tcase_create("desktop");
    SRunner *sr = srunner_create(s);
    int failed;

    fh__log_set_level(FH__LOG_ERROR);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_rectangle_arrives_exactly);
    tcase_add_test(tc, drawing_the_same_again_is_no_change);
    tcase_add_test(tc, damage_is_told_once_until_it_is_taken);
    tcase_add_loop_test(tc, what_moved_is_told_as_that, 0, (int)(sizeof copies / sizeof *copies));
    tcase_add_test(tc, many_small_changes_arrive);
    tcase_add_test(tc, windows_are_in_the_picture);
    tcase_add_test(tc, the_cursor_is_told_when_it_changes);
    tcase_add_test(tc, a_translucent_cursor_gets_its_colours_back);
    tcase_add_test(tc, buttons_and_wheel_arrive_where_the_viewer_saw_them);
    tcase_add_test(tc, an_unchanged_pointer_sends_nothing);
    tcase_add_test(tc, the_bell_is_heard);
    tcase_add_test(tc, copied_text_is_told_once);
    tcase_add_test(tc, an_owner_that_never_answers_does_not_block_the_next);
    tcase_add_test(tc, latin1_is_taken_where_there_is_no_utf8);
    tcase_add_test(tc, text_in_parts_is_joined);
    tcase_add_test(tc, text_that_is_too_long_is_left_alone);
    tcase_add_test(tc, nothing_is_fetched_while_nobody_watches);
    tcase_add_test(tc, a_viewers_text_can_be_pasted);
    tcase_add_test(tc, the_clipboard_is_lost_to_the_next_owner);
    tcase_add_test(tc, a_viewer_resizes_the_screen);
    tcase_add_test(tc, sizes_that_were_left_leave_no_modes);
    tcase_add_test(tc, a_change_of_size_by_others_is_followed);
    tcase_add_test(tc, the_end_of_the_x_server_is_noticed);
    suite_add_tcase(s, tc);
    tcase_add_test(own, without_shared_memory_it_is_the_same);
    tcase_add_test(own, sixteen_bits_are_widened);
    tcase_add_test(own, thirty_bits_are_narrowed);
    tcase_add_test(own, no_display_is_an_error_that_says_why);
    suite_add_tcase(s, own);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
