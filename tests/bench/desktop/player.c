/* SPDX-License-Identifier: MIT */
/*
 * player KIND FRAMES RATE -- draws a scene (scene.h) on $DISPLAY, at RATE frames a second.
 *
 * Prints "ready" when frame 1 is on the display, waits for a line on stdin, and plays. Then a line
 * "N NANOSECONDS" for each frame: CLOCK_MONOTONIC when the display was asked for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>

#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "scene.h"

struct player {
    xcb_connection_t *x;
    xcb_window_t window;
    xcb_gcontext_t gc;
    xcb_shm_seg_t segment;
    uint32_t *pixels;
};

static void die(const char *what)
{
    fprintf(stderr, "player: %s\n", what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void wait_until(uint64_t ns)
{
    const struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
}

static void copy(void *user, int from_x, int from_y, int width, int height, int to_x, int to_y)
{
    struct player *p = user;

    xcb_copy_area(p->x, p->window, p->window, p->gc, (int16_t)from_x, (int16_t)from_y,
                  (int16_t)to_x, (int16_t)to_y, (uint16_t)width, (uint16_t)height);
}

static void paint(void *user, int x, int y, int width, int height)
{
    struct player *p = user;

    xcb_shm_put_image(p->x, p->window, p->gc, SCENE_WIDTH, SCENE_HEIGHT, (uint16_t)x, (uint16_t)y,
                      (uint16_t)width, (uint16_t)height, (int16_t)x, (int16_t)y, 24,
                      XCB_IMAGE_FORMAT_Z_PIXMAP, 0, p->segment, 0);
}

/* The memory is changed by the next frame: the display has read it by then. */
static void settle(struct player *p)
{
    free(xcb_get_input_focus_reply(p->x, xcb_get_input_focus(p->x), NULL));
    if (xcb_connection_has_error(p->x))
        die("the display is gone");
}

static void open_display(struct player *p)
{
    const size_t size = sizeof *p->pixels * SCENE_WIDTH * SCENE_HEIGHT;
    const int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
    const uint32_t values[] = {1}; /* no window manager's business; no exposures for copies */
    const xcb_screen_t *screen;

    p->x = xcb_connect(NULL, NULL);
    if (xcb_connection_has_error(p->x))
        die("no display");
    p->pixels = id >= 0 ? shmat(id, NULL, 0) : (void *)-1;
    if (p->pixels == (void *)-1)
        die("no shared memory");
    screen = xcb_setup_roots_iterator(xcb_get_setup(p->x)).data;
    if (screen->width_in_pixels < SCENE_WIDTH || screen->height_in_pixels < SCENE_HEIGHT ||
        screen->root_depth != 24)
        die("the display is smaller than the scene");
    p->window = xcb_generate_id(p->x);
    xcb_create_window(p->x, 24, p->window, screen->root, 0, 0, SCENE_WIDTH, SCENE_HEIGHT, 0,
                      XCB_WINDOW_CLASS_INPUT_OUTPUT, screen->root_visual, XCB_CW_OVERRIDE_REDIRECT,
                      values);
    xcb_map_window(p->x, p->window);
    p->gc = xcb_generate_id(p->x);
    xcb_create_gc(p->x, p->gc, p->window, XCB_GC_GRAPHICS_EXPOSURES, (const uint32_t[]){0});
    p->segment = xcb_generate_id(p->x);
    xcb_shm_attach(p->x, p->segment, (uint32_t)id, 0);
    settle(p);
    shmctl(id, IPC_RMID, NULL);
}

int main(int argc, char **argv)
{
    static const struct scene_ops ops = {copy, paint};
    struct player p;
    struct scene *scene;
    unsigned long frames, rate;
    uint64_t *asked, start;
    char line[8];

    if (argc != 4)
        die("expected KIND FRAMES RATE");
    frames = strtoul(argv[2], NULL, 10);
    rate = strtoul(argv[3], NULL, 10);
    open_display(&p);
    scene = scene_new(argv[1], p.pixels);
    asked = calloc(frames + 2, sizeof *asked);
    if (!scene || !asked || rate == 0)
        die("no such scene");
    scene_next(scene, &ops, &p);
    settle(&p);
    puts("ready");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 0;
    start = now_ns();
    for (unsigned long i = 0; i < frames; i++) {
        wait_until(start + (i + 1) * 1000000000u / rate);
        const unsigned n = scene_next(scene, &ops, &p);
        asked[n] = now_ns();
        settle(&p);
    }
    for (unsigned long n = 2; n < frames + 2; n++)
        printf("%lu %llu\n", n, (unsigned long long)asked[n]);
    fflush(stdout);
    /* The picture stays until it was seen. */
    if (fgets(line, sizeof line, stdin) && line[0] != '\n')
        die("expected an empty line");
    scene_free(scene);
    free(asked);
    return 0;
}
