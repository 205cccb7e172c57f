/* SPDX-License-Identifier: MIT */
/*
 * scene.h -- desktops in motion, for benchmarks: the same pictures for who draws and who checks.
 *
 *     scene_new()     a kind of work, and memory for its picture
 *     scene_next()    the next frame: what is copied and what is painted, in this order, is told
 *
 * Every frame says its number in a bar of black and white squares (scene_number()), which is
 * painted last. Nothing is random: frame n of a kind is always the same picture.
 */
#ifndef SCENE_H
#define SCENE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SCENE_WIDTH = 1920,
    SCENE_HEIGHT = 1080,
    SCENE_BAR_BITS = 16,
    SCENE_BAR_SIDE = 16 /* pixels of a square of the bar */
};

struct scene;

struct scene_ops {
    /* Pixels move within the picture; they are in memory at their new place already. */
    void (*copy)(void *user, int from_x, int from_y, int width, int height, int to_x, int to_y);
    /* Pixels are new in memory. */
    void (*paint)(void *user, int x, int y, int width, int height);
};

/* The kinds, NULL behind the last. */
extern const char *const scene_kinds[];

/* pixels: SCENE_WIDTH * SCENE_HEIGHT of 0x00rrggbb, borrowed. NULL: no such kind. */
struct scene *scene_new(const char *kind, uint32_t *pixels);
void scene_free(struct scene *s);
/* The first call paints all of frame 1. Returns the number of the frame. ops may be NULL. */
unsigned scene_next(struct scene *s, const struct scene_ops *ops, void *user);
/* What the bar says in a picture, JPEG or not; 0: nothing that can be. */
unsigned scene_number(const uint32_t *pixels);

#endif
