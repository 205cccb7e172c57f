/* SPDX-License-Identifier: MIT */
/* scene.c -- text, web, video, drag, typing, slides. */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

enum {
    TOP = 32, /* lines above belong to the bar */
    TEXTURE = 1024,
    GLYPH_WIDTH = 8,
    GLYPH_HEIGHT = 16,
    TEXT_X = 32,
    TEXT_Y = 40,
    TEXT_COLUMNS = 230,
    TEXT_LINES = 64,
    WEB_X = 32,
    WEB_Y = 64,
    WEB_WIDTH = 1824,
    WEB_HEIGHT = 960,
    WEB_STEP = 48,
    VIDEO_X = 480,
    VIDEO_Y = 256,
    VIDEO_WIDTH = 960,
    VIDEO_HEIGHT = 540,
    DRAG_WIDTH = 1280,
    DRAG_HEIGHT = 800,
    DRAG_STEP = 12,
    SLIDE_FRAMES = 10
};

#define INK 0x202428u
#define PAPER 0xfcfcf8u

struct scene {
    uint32_t *pixels;
    unsigned frame;
    void (*begin)(struct scene *s);
    void (*step)(struct scene *s);
    const struct scene_ops *ops;
    void *user;
    int x, y, dx, dy; /* of the dragged window */
    uint32_t *texture;
};

static uint32_t mix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}

static uint32_t grey(unsigned v)
{
    return v << 16 | v << 8 | v;
}

/* ---- a photograph: noise of several octaves, smoothed ---- */

static int corner(int x, int y, int octave, int channel)
{
    const int cells = TEXTURE >> octave;

    return (int)(mix((uint32_t)((y % cells) * cells + x % cells) * 31u + (uint32_t)octave * 7u +
                     (uint32_t)channel * 1009u) &
                 255);
}

static int octave_at(int x, int y, int octave, int channel)
{
    const int size = 1 << octave, cx = x >> octave, cy = y >> octave;
    const int fx = x & (size - 1), fy = y & (size - 1);
    const int top =
        corner(cx, cy, octave, channel) * (size - fx) + corner(cx + 1, cy, octave, channel) * fx;
    const int bottom = corner(cx, cy + 1, octave, channel) * (size - fx) +
                       corner(cx + 1, cy + 1, octave, channel) * fx;

    return (top * (size - fy) + bottom * fy) >> (2 * octave);
}

static uint32_t photo_pixel(int x, int y)
{
    uint32_t pixel = 0;

    for (int channel = 0; channel < 3; channel++) {
        int v = (octave_at(x, y, 8, channel) * 8 + octave_at(x, y, 6, channel) * 4 +
                 octave_at(x, y, 4, 0) * 3 + octave_at(x, y, 2, 0)) /
                16;

        pixel = pixel << 8 | (uint32_t)(v > 255 ? 255 : v);
    }
    return pixel;
}

static uint32_t *make_texture(void)
{
    uint32_t *texture = malloc(sizeof *texture * TEXTURE * TEXTURE);

    for (int y = 0; texture && y < TEXTURE; y++)
        for (int x = 0; x < TEXTURE; x++)
            texture[y * TEXTURE + x] = photo_pixel(x, y);
    return texture;
}

static uint32_t photo(const struct scene *s, int x, int y)
{
    return s->texture[(y & (TEXTURE - 1)) * TEXTURE + (x & (TEXTURE - 1))];
}

/* ---- on the picture ---- */

static uint32_t *at(struct scene *s, int x, int y)
{
    return s->pixels + y * SCENE_WIDTH + x;
}

static void fill(struct scene *s, int x, int y, int width, int height, uint32_t colour)
{
    for (int row = y; row < y + height; row++)
        for (int column = x; column < x + width; column++)
            *at(s, column, row) = colour;
}

/* Towards a colour by a third, as the smooth edge of a letter is. */
static uint32_t tinted(uint32_t pixel, uint32_t ink)
{
    const uint32_t quarter = 0x3f3f3f, half = 0x7f7f7f;

    return (pixel >> 1 & half) + (pixel >> 2 & quarter) + (ink >> 2 & quarter);
}

/* No letter of any script, but strokes as letters have them, with smooth edges. */
static void glyph(struct scene *s, int x, int y, unsigned code, uint32_t ink)
{
    const uint32_t bits = mix(code % 60 + 11);

    for (int row = 3; row < 13; row++) {
        for (int column = 1; column < 7; column++) {
            const bool is_upright =
                (column == 1 && bits & 1) || (column == 5 && bits & 2) || (column == 3 && bits & 4);
            const bool is_level =
                (row == 3 && bits & 8) || (row == 8 && bits & 16) || (row == 12 && bits & 32);

            if ((is_upright && bits >> (8 + row / 4) & 1) || is_level) {
                *at(s, x + column, y + row) = ink;
                *at(s, x + column + 1, y + row) = tinted(*at(s, x + column + 1, y + row), ink);
            }
        }
    }
}

static void line_of_text(struct scene *s, int x, int y, int columns, unsigned seed, uint32_t ink)
{
    for (int i = 0; i < columns; i++) {
        const uint32_t code = mix(seed * 977u + (unsigned)i);

        if (code % 6 != 0)
            glyph(s, x + i * GLYPH_WIDTH, y, code, ink);
    }
}

static void painted(struct scene *s, int x, int y, int width, int height)
{
    if (s->ops)
        s->ops->paint(s->user, x, y, width, height);
}

static void move(struct scene *s, int x, int y, int width, int height, int to_x, int to_y)
{
    const bool is_down = to_y > y;

    for (int i = 0; i < height; i++) {
        const int row = is_down ? height - 1 - i : i;

        memmove(at(s, to_x, to_y + row), at(s, x, y + row), sizeof(uint32_t) * (size_t)width);
    }
    if (s->ops)
        s->ops->copy(s->user, x, y, width, height, to_x, to_y);
}

static void wallpaper(struct scene *s, int x, int y, int width, int height)
{
    for (int row = y; row < y + height; row++)
        for (int column = x; column < x + width; column++)
            *at(s, column, row) = 0x203040u + ((unsigned)row * 96 / SCENE_HEIGHT << 8) +
                                  (unsigned)column * 96 / SCENE_WIDTH;
}

/* ---- text ---- */

static void begin_text(struct scene *s)
{
    fill(s, TEXT_X, TEXT_Y, TEXT_COLUMNS * GLYPH_WIDTH, TEXT_LINES * GLYPH_HEIGHT, INK);
    for (int i = 0; i < TEXT_LINES; i++)
        line_of_text(s, TEXT_X, TEXT_Y + i * GLYPH_HEIGHT, TEXT_COLUMNS, (unsigned)i, 0xc8e0c8);
}

static void step_text(struct scene *s)
{
    const int width = TEXT_COLUMNS * GLYPH_WIDTH, last = TEXT_Y + (TEXT_LINES - 1) * GLYPH_HEIGHT;

    move(s, TEXT_X, TEXT_Y + GLYPH_HEIGHT, width, (TEXT_LINES - 1) * GLYPH_HEIGHT, TEXT_X, TEXT_Y);
    fill(s, TEXT_X, last, width, GLYPH_HEIGHT, INK);
    line_of_text(s, TEXT_X, last, (int)(mix(s->frame) % TEXT_COLUMNS), TEXT_LINES + s->frame,
                 0xc8e0c8);
    painted(s, TEXT_X, last, width, GLYPH_HEIGHT);
}

/* ---- web ---- */

/* Lines [from, from + height) of an endless page, at y of the screen. Blocks of 480 lines. */
static void page(struct scene *s, int from, int y, int height)
{
    fill(s, WEB_X, y, WEB_WIDTH, height, PAPER);
    for (int row = 0; row < height; row++) {
        const int within = (from + row) % 480;

        if (within < 48) {
            for (int x = 0; x < WEB_WIDTH; x++)
                *at(s, WEB_X + x, y + row) = 0x3060a0u + ((unsigned)x * 64 / WEB_WIDTH << 8);
        } else if (within >= 96 && within < 400) {
            for (int x = 1040; x < 1760; x++)
                *at(s, WEB_X + x, y + row) = photo(s, x + from / 480 * 333, within);
        }
    }
    for (int row = 0; row < height; row += GLYPH_HEIGHT)
        if ((from + row) % 480 >= 64)
            line_of_text(s, WEB_X + 48, y + row, 112, (unsigned)(from + row), INK);
}

static void begin_web(struct scene *s)
{
    page(s, 0, WEB_Y, WEB_HEIGHT);
}

static void step_web(struct scene *s)
{
    const int kept = WEB_HEIGHT - WEB_STEP, from = ((int)s->frame - 1) * WEB_STEP + kept;

    move(s, WEB_X, WEB_Y + WEB_STEP, WEB_WIDTH, kept, WEB_X, WEB_Y);
    page(s, from, WEB_Y + kept, WEB_STEP);
    painted(s, WEB_X, WEB_Y + kept, WEB_WIDTH, WEB_STEP);
}

/* ---- video: two pictures that pass through each other, and grain ---- */

static void video(struct scene *s)
{
    const int n = (int)s->frame;

    for (int y = 0; y < VIDEO_HEIGHT; y++) {
        for (int x = 0; x < VIDEO_WIDTH; x++) {
            const uint32_t a = photo(s, x + 5 * n, y + 2 * n) >> 1 & 0x7f7f7f;
            const uint32_t b = photo(s, 300 + x - 3 * n, y - n) >> 1 & 0x7f7f7f;

            *at(s, VIDEO_X + x, VIDEO_Y + y) =
                (a + b) ^ grey(mix((unsigned)(y * VIDEO_WIDTH + x + n * 131)) & 3);
        }
    }
}

static void step_video(struct scene *s)
{
    video(s);
    painted(s, VIDEO_X, VIDEO_Y, VIDEO_WIDTH, VIDEO_HEIGHT);
}

/* ---- drag ---- */

/* A window with a photograph in it, and text on both sides. */
static void begin_drag(struct scene *s)
{
    s->x = 200;
    s->y = 160;
    s->dx = s->dy = DRAG_STEP;
    fill(s, s->x, s->y, DRAG_WIDTH, DRAG_HEIGHT, PAPER);
    fill(s, s->x, s->y, DRAG_WIDTH, 24, 0x4070b0);
    for (int y = 32; y + GLYPH_HEIGHT < DRAG_HEIGHT; y += GLYPH_HEIGHT)
        line_of_text(s, s->x + 16, s->y + y, 154, (unsigned)y, INK);
    for (int y = 100; y < 700; y++)
        for (int x = 400; x < 1000; x++)
            *at(s, s->x + x, s->y + y) = photo(s, x, y);
}

static void expose(struct scene *s, int x, int y, int width, int height)
{
    wallpaper(s, x, y, width, height);
    painted(s, x, y, width, height);
}

static void step_drag(struct scene *s)
{
    const int x = s->x, y = s->y;

    if (x + s->dx < 0 || x + s->dx + DRAG_WIDTH > SCENE_WIDTH)
        s->dx = -s->dx;
    if (y + s->dy < TOP || y + s->dy + DRAG_HEIGHT > SCENE_HEIGHT)
        s->dy = -s->dy;
    s->x += s->dx;
    s->y += s->dy;
    move(s, x, y, DRAG_WIDTH, DRAG_HEIGHT, s->x, s->y);
    expose(s, s->dx > 0 ? x : s->x + DRAG_WIDTH, y, abs(s->dx), DRAG_HEIGHT);
    expose(s, x, s->dy > 0 ? y : s->y + DRAG_HEIGHT, DRAG_WIDTH, abs(s->dy));
}

/* ---- typing ---- */

static void begin_typing(struct scene *s)
{
    fill(s, TEXT_X, TEXT_Y, TEXT_COLUMNS * GLYPH_WIDTH, TEXT_LINES * GLYPH_HEIGHT, PAPER);
}

static void step_typing(struct scene *s)
{
    const int n = (int)s->frame - 2, row = n / TEXT_COLUMNS % TEXT_LINES, column = n % TEXT_COLUMNS;
    const int x = TEXT_X + column * GLYPH_WIDTH, y = TEXT_Y + row * GLYPH_HEIGHT;

    glyph(s, x, y, mix((unsigned)n), INK);
    painted(s, x, y, GLYPH_WIDTH, GLYPH_HEIGHT);
}

/* ---- slides ---- */

static void slide(struct scene *s)
{
    const unsigned n = s->frame / SLIDE_FRAMES;

    for (int y = TOP; y < SCENE_HEIGHT; y++)
        for (int x = 0; x < SCENE_WIDTH; x++)
            *at(s, x, y) =
                ((mix(n) & 0x3f3f3f) | 0x808080) + grey((unsigned)(y * 60 / SCENE_HEIGHT));
    for (int y = 0; y < 640; y++)
        for (int x = 0; x < 800; x++)
            *at(s, 1000 + x, 260 + y) = photo(s, x + (int)n * 77, y);
    for (int i = 0; i < 24; i++)
        line_of_text(s, 120, 260 + i * 26, 90, n * 100 + (unsigned)i, INK);
}

static void step_slides(struct scene *s)
{
    if (s->frame % SLIDE_FRAMES != 0)
        return;
    slide(s);
    painted(s, 0, TOP, SCENE_WIDTH, SCENE_HEIGHT - TOP);
}

/* ---- all of them ---- */

const char *const scene_kinds[] = {"text", "web", "video", "drag", "typing", "slides", NULL};

static const struct {
    void (*begin)(struct scene *s), (*step)(struct scene *s);
} kinds[] = {{begin_text, step_text}, {begin_web, step_web},       {video, step_video},
             {begin_drag, step_drag}, {begin_typing, step_typing}, {slide, step_slides}};

struct scene *scene_new(const char *kind, uint32_t *pixels)
{
    struct scene *s;
    int i;

    for (i = 0; scene_kinds[i] && strcmp(scene_kinds[i], kind) != 0; i++)
        ;
    s = scene_kinds[i] ? calloc(1, sizeof *s) : NULL;
    if (!s || !(s->texture = make_texture())) {
        free(s);
        return NULL;
    }
    s->pixels = pixels;
    s->begin = kinds[i].begin;
    s->step = kinds[i].step;
    return s;
}

void scene_free(struct scene *s)
{
    if (s)
        free(s->texture);
    free(s);
}

static void bar(struct scene *s)
{
    for (int i = 0; i < SCENE_BAR_BITS; i++)
        fill(s, i * SCENE_BAR_SIDE, 0, SCENE_BAR_SIDE, SCENE_BAR_SIDE,
             s->frame >> i & 1 ? 0xffffff : 0);
    painted(s, 0, 0, SCENE_BAR_BITS * SCENE_BAR_SIDE, SCENE_BAR_SIDE);
}

unsigned scene_next(struct scene *s, const struct scene_ops *ops, void *user)
{
    s->frame++;
    s->ops = s->frame == 1 ? NULL : ops;
    s->user = user;
    if (s->frame == 1) {
        wallpaper(s, 0, 0, SCENE_WIDTH, SCENE_HEIGHT);
        s->begin(s);
        bar(s);
        if (ops)
            ops->paint(user, 0, 0, SCENE_WIDTH, SCENE_HEIGHT);
    } else {
        s->step(s);
        bar(s);
    }
    return s->frame;
}

unsigned scene_number(const uint32_t *pixels)
{
    const uint32_t *middle = pixels + SCENE_BAR_SIDE / 2 * SCENE_WIDTH + SCENE_BAR_SIDE / 2;
    unsigned number = 0;

    for (unsigned i = 0; i < SCENE_BAR_BITS; i++) {
        const unsigned green = middle[i * SCENE_BAR_SIDE] >> 8 & 255;

        if (green > 64 && green < 192)
            return 0;
        number |= (green >= 192) << i;
    }
    return number;
}
