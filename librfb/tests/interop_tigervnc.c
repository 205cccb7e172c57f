/* SPDX-License-Identifier: MIT */
/*
 * Our client's machine looks at Xtigervnc over a unix socket: the picture that this program draws
 * there by X, in each encoding and a few formats; its cursor, its lamps, and a layout of two
 * screens. Before ClientInit both sides speak RFB 3.8 with the security type None, by hand. Without
 * Xtigervnc nothing is tested.
 */
#define _DEFAULT_SOURCE
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xcb/xcb.h>

#include <farhand/rfb_client.h>

#include "picture.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

enum { WIDTH = 320, HEIGHT = 200, NOT_HERE = 77 };

static struct {
    char folder[32], path[64];
    pid_t pid;
    xcb_connection_t *x;
    xcb_screen_t *screen;
    xcb_gcontext_t gc;
} vnc;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "interop_tigervnc: %s\n", what);
    exit(1);
}

/* Xtigervnc says on a pipe which display it took, once it answers there. */
static bool start(void)
{
    char number[16] = "", display[20], fd[16];
    int fds[2];
    ssize_t n = 0, got;

    strcpy(vnc.folder, "/tmp/farhand-XXXXXX");
    must(mkdtemp(vnc.folder) != NULL, "no folder");
    snprintf(vnc.path, sizeof vnc.path, "%s/rfb", vnc.folder);
    must(pipe(fds) == 0, "no pipe");
    must((vnc.pid = fork()) >= 0, "no process");
    if (vnc.pid == 0) {
        close(fds[0]);
        snprintf(fd, sizeof fd, "%d", fds[1]);
        (void)!freopen("/dev/null", "w", stderr);
        execlp("Xtigervnc", "Xtigervnc", "-displayfd", fd, "-rfbunixpath", vnc.path, "-rfbport",
               "-1", "-SecurityTypes", "None", "-geometry", "320x200", "-depth", "24", "-nolisten",
               "tcp", "-AcceptSetDesktopSize", "1", (char *)NULL);
        _exit(NOT_HERE);
    }
    close(fds[1]);
    while (n < (ssize_t)sizeof number - 1 && !strchr(number, '\n') &&
           (got = read(fds[0], number + n, sizeof number - 1 - (size_t)n)) > 0)
        n += got;
    close(fds[0]);
    if (n == 0)
        return false;
    snprintf(display, sizeof display, ":%d", atoi(number));
    vnc.x = xcb_connect(display, NULL);
    must(xcb_connection_has_error(vnc.x) == 0, "no X");
    vnc.screen = xcb_setup_roots_iterator(xcb_get_setup(vnc.x)).data;
    vnc.gc = xcb_generate_id(vnc.x);
    xcb_create_gc(vnc.x, vnc.gc, vnc.screen->root, 0, NULL);
    return true;
}

static void stop(void)
{
    if (vnc.x)
        xcb_disconnect(vnc.x);
    kill(vnc.pid, SIGTERM);
    waitpid(vnc.pid, NULL, 0);
    unlink(vnc.path);
    rmdir(vnc.folder);
}

/* Draws a part of fb, which knows what is shown. */
static void draw(struct fh_framebuffer *fb, int32_t y, int32_t height, enum picture kind)
{
    struct fh_framebuffer part = *fb;

    part.px += y * fb->stride_px;
    part.height = height;
    picture_draw(&part, kind, (uint32_t)y);
    xcb_put_image(vnc.x, XCB_IMAGE_FORMAT_Z_PIXMAP, vnc.screen->root, vnc.gc,
                  (uint16_t)fb->stride_px, (uint16_t)height, 0, (int16_t)y, 0,
                  vnc.screen->root_depth, (uint32_t)(fb->stride_px * height * 4),
                  (const uint8_t *)part.px);
    xcb_flush(vnc.x);
}

static void scroll(struct fh_framebuffer *fb, int32_t by)
{
    for (int32_t y = 0; y < HEIGHT - by; y++)
        memcpy(fb->px + y * fb->stride_px, fb->px + (y + by) * fb->stride_px,
               WIDTH * sizeof *fb->px);
    xcb_copy_area(vnc.x, vnc.screen->root, vnc.screen->root, vnc.gc, 0, (int16_t)by, 0, 0, WIDTH,
                  (uint16_t)(HEIGHT - by));
    xcb_flush(vnc.x);
}

static void read_all(int fd, void *data, size_t len)
{
    uint8_t *p = data;
    ssize_t n;

    for (; len != 0; p += n, len -= (size_t)n)
        ck_assert_int_gt(n = read(fd, p, len), 0);
}

static int connect_to_it(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    uint8_t version[12], n, types[255], result[4];

    strcpy(a.sun_path, vnc.path);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    read_all(fd, version, 12);
    ck_assert_int_eq(write(fd, "RFB 003.008\n", 12), 12);
    read_all(fd, &n, 1);
    read_all(fd, types, n);
    ck_assert_ptr_nonnull(memchr(types, 1, n));
    ck_assert_int_eq(write(fd, "\1", 1), 1);
    read_all(fd, result, 4);
    ck_assert_mem_eq(result, "\0\0\0\0", 4);
    return fd;
}

struct look {
    struct fh_rfb_client *c;
    int fd;
    size_t n[FH_RFB_CLIENT_EV_POINTER + 1];
    int32_t cursor_w, cursor_h;
    enum fh_rfb_resize_status resized;
};

/* Carries bytes both ways once. */
static void carry(struct look *l)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};
    struct fh_rfb_client_event ev;
    const uint8_t *out;
    uint8_t *in;
    size_t len;
    ssize_t n;

    while ((out = fh_rfb_client_out(l->c, &len)) != NULL) {
        ck_assert_int_gt(n = write(l->fd, out, len), 0);
        fh_rfb_client_out_done(l->c, (size_t)n);
    }
    poll(&p, 1, -1);
    in = fh_rfb_client_in(l->c, &len);
    ck_assert_msg(in != NULL, "%s", fh_rfb_strerror(fh_rfb_client_error(l->c)));
    ck_assert_int_gt(n = read(l->fd, in, len), 0);
    fh_rfb_client_in_done(l->c, 0, (size_t)n);
    while (fh_rfb_client_event(l->c, &ev) > 0) {
        l->n[ev.type]++;
        if (ev.type == FH_RFB_CLIENT_EV_CURSOR) {
            l->cursor_w = ev.cursor.w;
            l->cursor_h = ev.cursor.h;
        }
        if (ev.type == FH_RFB_CLIENT_EV_RESIZED)
            l->resized = ev.resized.status;
    }
    ck_assert_msg(fh_rfb_client_error(l->c) == 0, "%s", fh_rfb_strerror(fh_rfb_client_error(l->c)));
}

static uint32_t through(uint32_t v, uint32_t max)
{
    return ((v * max + 127) / 255 * 255 + max / 2) / max;
}

/* slack: how far a colour may be off, as the two round in their own way; 0: exact. */
static bool is_shown(const struct look *l, const struct fh_framebuffer *fb,
                     const struct fh_pixel_format *f, int slack)
{
    const struct fh_framebuffer *got = fh_rfb_client_framebuffer(l->c);
    const uint32_t max[3] = {f ? f->blue_max : 255u, f ? f->green_max : 255u,
                             f ? f->red_max : 255u};

    if (!got || got->width != WIDTH || got->height != HEIGHT)
        return false;
    for (int32_t y = 0; y < HEIGHT; y++)
        for (int32_t x = 0; x < WIDTH; x++)
            for (int c = 0; c < 3; c++) {
                const int want = (int)through(fb->px[y * fb->stride_px + x] >> 8 * c & 255, max[c]);

                if (abs((int)(got->px[y * got->stride_px + x] >> 8 * c & 255) - want) > slack)
                    return false;
            }
    return true;
}

static const struct fh_pixel_format f565 = {16, 16, false, true, 31, 63, 31, 11, 5, 0};
static const struct fh_pixel_format f332 = {8, 8, false, true, 7, 7, 3, 5, 2, 0};
static const struct fh_pixel_format big = {32, 24, true, true, 255, 255, 255, 16, 8, 0};
static const struct fh_pixel_format bgr = {32, 24, false, true, 255, 255, 255, 0, 8, 16};
static const struct {
    const char *what;
    int32_t enc; /* 0 and all: all that we have */
    bool all, continuous;
    const struct fh_pixel_format *format;
    int slack;
} looks[] = {
    {"raw", FH_ENC_RAW, false, false, NULL, 0},
    {"rre", FH_ENC_RRE, false, false, NULL, 0},
    {"hextile", FH_ENC_HEXTILE, false, false, NULL, 0},
    {"tight", FH_ENC_TIGHT, false, false, NULL, 0},
    {"zrle", FH_ENC_ZRLE, false, false, NULL, 0},
    {"all", 0, true, false, NULL, 0},
    {"all, continuous", 0, true, true, NULL, 0},
    {"rre, 565", FH_ENC_RRE, false, false, &f565, 9},
    {"hextile, 565", FH_ENC_HEXTILE, false, false, &f565, 9},
    {"tight, 565", FH_ENC_TIGHT, false, false, &f565, 9},
    {"zrle, 332", FH_ENC_ZRLE, false, false, &f332, 86},
    {"tight, 332", FH_ENC_TIGHT, false, false, &f332, 86},
    {"hextile, big-endian", FH_ENC_HEXTILE, false, false, &big, 0},
    {"tight, big-endian", FH_ENC_TIGHT, false, false, &big, 0},
    {"zrle, big-endian", FH_ENC_ZRLE, false, false, &big, 0},
    {"tight, bgr", FH_ENC_TIGHT, false, false, &bgr, 0},
    {"zrle, bgr", FH_ENC_ZRLE, false, false, &bgr, 0},
};

static struct look look_new(int i)
{
    const int32_t list[] = {FH_ENC_COPY_RECT, looks[i].enc, FH_ENC_CURSOR, FH_ENC_DESKTOP_SIZE,
                            FH_ENC_LAST_RECT};
    const struct fh_rfb_client_config cfg = {
        .encodings = looks[i].all ? NULL : list,
        .n_encodings = looks[i].all ? 0 : ARRAY_LEN(list),
        .shared = true,
        .quality = -1,
        .level = 3,
        .continuous = looks[i].continuous,
        .format = looks[i].format,
    };
    struct look l = {.c = fh_rfb_client_new(&cfg), .fd = connect_to_it()};

    ck_assert_ptr_nonnull(l.c);
    return l;
}

static void look_free(struct look *l)
{
    close(l->fd);
    fh_rfb_client_free(l->c);
}

START_TEST(our_client_sees_what_is_drawn)
{
    struct fh_framebuffer fb = picture_new(WIDTH, HEIGHT, 0);
    struct look l;

    for (int32_t y = 0; y < HEIGHT; y += 25)
        draw(&fb, y, 25, (enum picture)(y / 25 % PICTURE_COUNT));
    l = look_new(_i);
    while (!is_shown(&l, &fb, looks[_i].format, looks[_i].slack))
        carry(&l);
    scroll(&fb, 37);
    while (!is_shown(&l, &fb, looks[_i].format, looks[_i].slack))
        carry(&l);
    draw(&fb, 61, 70, PICTURE_MANY);
    while (!is_shown(&l, &fb, looks[_i].format, looks[_i].slack))
        carry(&l);
    look_free(&l);
    free(fb.px);
}
END_TEST

static int all_of_it(void)
{
    int i = 0;

    while (!looks[i].all)
        i++;
    return i;
}

START_TEST(the_lamps_and_the_cursor_come)
{
    const xcb_pixmap_t bits = xcb_generate_id(vnc.x);
    const xcb_cursor_t cursor = xcb_generate_id(vnc.x);
    const uint32_t list[] = {cursor};
    struct look l = look_new(all_of_it());

    while (l.n[FH_RFB_CLIENT_EV_LEDS] == 0 || l.n[FH_RFB_CLIENT_EV_SCREENS] == 0)
        carry(&l);
    xcb_create_pixmap(vnc.x, 1, bits, vnc.screen->root, 19, 13);
    xcb_create_cursor(vnc.x, cursor, bits, XCB_NONE, 65535, 0, 0, 0, 0, 65535, 3, 4);
    xcb_change_window_attributes(vnc.x, vnc.screen->root, XCB_CW_CURSOR, list);
    xcb_flush(vnc.x);
    /* It sends the shape only to whom the pointer belongs. */
    ck_assert_int_eq(fh_rfb_client_pointer(l.c, 50, 60, 0), 0);
    while (l.cursor_w != 19 || l.cursor_h != 13)
        carry(&l);
    ck_assert_int_eq(fh_rfb_client_key(l.c, 0x61, 0x1e, true), 0);
    ck_assert_int_eq(fh_rfb_client_key(l.c, 0x61, 0x1e, false), 0);
    ck_assert_int_eq(fh_rfb_client_pointer(l.c, 3, 4, 0), 0);
    look_free(&l);
}
END_TEST

START_TEST(a_layout_of_two_screens_is_taken)
{
    static const struct fh_screen two[2] = {{5, 0, 0, 200, 240, 0}, {6, 200, 0, 200, 240, 0}};
    struct look l = look_new(all_of_it());
    const struct fh_screen *got;
    size_t n;

    while (l.n[FH_RFB_CLIENT_EV_SCREENS] == 0)
        carry(&l);
    ck_assert_int_eq(fh_rfb_client_set_screens(l.c, 400, 240, two, 2), 0);
    while (l.n[FH_RFB_CLIENT_EV_RESIZED] == 0)
        carry(&l);
    ck_assert_int_eq(l.resized, FH_RFB_RESIZE_OK);
    got = fh_rfb_client_screens(l.c, &n);
    ck_assert_uint_eq(n, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(got[i].w, 200);
        ck_assert_uint_eq(got[i].x, 200 * i);
    }
    ck_assert_int_eq(fh_rfb_client_resize(l.c, WIDTH, HEIGHT), 0);
    while (l.n[FH_RFB_CLIENT_EV_RESIZED] == 1)
        carry(&l);
    look_free(&l);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("Xtigervnc");
    TCase *tc = tcase_create("Xtigervnc");
    SRunner *sr;
    int failed;

    if (!start()) {
        puts("Xtigervnc is not here");
        stop();
        return NOT_HERE;
    }
    tcase_set_timeout(tc, 20);
    tcase_add_loop_test(tc, our_client_sees_what_is_drawn, 0, (int)ARRAY_LEN(looks));
    tcase_add_test(tc, the_lamps_and_the_cursor_come);
    tcase_add_test(tc, a_layout_of_two_screens_is_taken);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    /* The tests draw through one X connection, so they are not processes of their own. */
    srunner_set_fork_status(sr, CK_NOFORK);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    stop();
    return failed != 0;
}
