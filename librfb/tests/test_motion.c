/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../src/motion.c"

enum { WIDTH = 640, HEIGHT = 480 };

static uint32_t before[WIDTH * HEIGHT], after[WIDTH * HEIGHT];
static struct fh_framebuffer old = {before, WIDTH, HEIGHT, WIDTH};
static struct fh_motion_history history;
static struct fh_motion found;

static uint32_t noise(uint32_t x)
{
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

/* Something that is nowhere twice, in runs as text has them. */
static void fill(uint32_t *px, uint32_t seed)
{
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++)
        px[i] = noise(noise(i / 3) ^ seed) & 0xffffff;
}

static void setup(void)
{
    fill(before, 1);
    memcpy(after, before, sizeof after);
    history = (struct fh_motion_history){0};
}

/* As an application draws: `to` is shown what was at from. */
static void move(const struct fh_rect *to, int32_t from_x, int32_t from_y)
{
    for (int32_t y = 0; y < to->h; y++)
        memcpy(after + (to->y + y) * WIDTH + to->x, before + (from_y + y) * WIDTH + from_x,
               4 * (size_t)to->w);
}

static bool look(const struct fh_rect *box)
{
    return fh_motion_find(&history, &old, box, after + box->y * WIDTH + box->x, WIDTH, &found);
}

static int32_t wrong(void)
{
    int32_t n = 0;

    fh_motion_apply(&old, &found);
    for (int32_t i = 0; i < WIDTH * HEIGHT; i++)
        n += ((before[i] ^ after[i]) & RGB) != 0;
    return n;
}

static const struct {
    const char *what;
    struct fh_rect to, box;
    int32_t from_x, from_y;
    int32_t left; /* the most pixels that may be wrong afterwards */
} moves[] = {
    {"a line up", {0, 0, 640, 464}, {0, 0, 640, 480}, 0, 16, 0},
    {"a line down", {0, 16, 640, 464}, {0, 0, 640, 480}, 0, 0, 0},
    {"one pixel up", {0, 0, 640, 479}, {0, 0, 640, 480}, 0, 1, 0},
    {"far up", {0, 0, 640, 240}, {0, 0, 640, 480}, 0, 240, 0},
    {"a column of the page", {160, 32, 320, 400}, {160, 32, 320, 416}, 160, 48, 0},
    {"a page in a larger box", {160, 32, 320, 400}, {100, 0, 440, 480}, 160, 48, 34 * 432},
    {"to the right and down", {112, 112, 300, 200}, {100, 100, 312, 212}, 100, 100, 30 * 412},
    {"to the left and up", {88, 97, 300, 200}, {88, 97, 312, 203}, 100, 100, 30 * 412},
    {"to the right", {132, 100, 300, 200}, {100, 100, 332, 200}, 100, 100, 40 * 200},
    {"from outside the box", {300, 200, 200, 200}, {300, 200, 200, 200}, 300, 190, 0},
};

START_TEST(what_moved_is_found)
{
    int32_t n;

    move(&moves[_i].to, moves[_i].from_x, moves[_i].from_y);
    ck_assert_msg(look(&moves[_i].box), "%s", moves[_i].what);
    ck_assert_int_eq(found.to.x - found.from_x, moves[_i].to.x - moves[_i].from_x);
    ck_assert_int_eq(found.to.y - found.from_y, moves[_i].to.y - moves[_i].from_y);
    ck_assert(fh_rect_is_inside(&found.to, WIDTH, HEIGHT));
    n = wrong();
    ck_assert_msg(n <= moves[_i].left, "%s: %d are wrong", moves[_i].what, n);
}
END_TEST

START_TEST(the_top_byte_does_not_count)
{
    move(&moves[0].to, 0, 16);
    for (size_t i = 0; i < WIDTH * HEIGHT; i++)
        after[i] |= (uint32_t)(i % 256) << 24;
    ck_assert(look(&moves[0].box));
    ck_assert_int_eq(found.from_y - found.to.y, 16);
}
END_TEST

START_TEST(nothing_is_found_in_what_is_new_or_still)
{
    const struct fh_rect all = {0, 0, WIDTH, HEIGHT};

    ck_assert(!look(&all));
    fill(after, 99991);
    ck_assert(!look(&all));
    memset(before, 0, sizeof before);
    memset(after, 0x55, sizeof after);
    ck_assert(!look(&all));
}
END_TEST

START_TEST(small_boxes_are_not_looked_at)
{
    const struct fh_rect narrow = {0, 0, FH_MOTION_SIDE_MIN - 1, HEIGHT},
                         low = {0, 0, WIDTH, FH_MOTION_SIDE_MIN - 1},
                         least = {0, 0, FH_MOTION_SIDE_MIN, FH_MOTION_SIDE_MIN};

    move(&moves[0].to, 0, 16);
    ck_assert(!look(&narrow));
    ck_assert(!look(&low));
    ck_assert(look(&least));
}
END_TEST

START_TEST(a_film_is_not_searched_in_each_frame)
{
    const struct fh_rect all = {0, 0, WIDTH, HEIGHT};
    unsigned frames = 0;

    for (uint32_t i = 0; i < 100; i++) {
        fill(after, 7000001 * i + 5);
        ck_assert(!look(&all));
        frames += history.pause == 0;
    }
    ck_assert_uint_gt(history.misses, 5);
    ck_assert_uint_lt(history.misses, 20);
    /* It comes to rest and is scrolled: found within the longest pause, and from then on at once.
     */
    memcpy(after, before, sizeof after);
    move(&moves[0].to, 0, 16);
    for (frames = 0; !look(&all); frames++)
        ck_assert_uint_lt(frames, PAUSE_MAX + 1);
    ck_assert(look(&all));
}
END_TEST

/* Whatever the pixels are, what comes out lies inside, and applying it stays inside. */
START_TEST(any_pixels_are_fine)
{
    uint32_t seed = (uint32_t)_i * 1000003u + 1;

    for (int round = 0; round < 40; round++) {
        struct fh_rect box;

        for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
            before[i] = noise(seed + (uint32_t)i / 7) & 3;
            after[i] = noise(seed + (uint32_t)(i + noise(seed) % 6000) / 7) & 3;
        }
        box.w = 64 + (int32_t)(noise(seed + 2) % (WIDTH - 63));
        box.h = 64 + (int32_t)(noise(seed + 3) % (HEIGHT - 63));
        box.x = (int32_t)(noise(seed + 4) % (uint32_t)(WIDTH - box.w + 1));
        box.y = (int32_t)(noise(seed + 5) % (uint32_t)(HEIGHT - box.h + 1));
        history = (struct fh_motion_history){0};
        if (look(&box)) {
            const struct fh_rect from = {found.from_x, found.from_y, found.to.w, found.to.h};

            ck_assert(fh_rect_is_inside(&found.to, WIDTH, HEIGHT));
            ck_assert(fh_rect_is_inside(&from, WIDTH, HEIGHT));
            fh_motion_apply(&old, &found);
        }
        seed = noise(seed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("motion");
    TCase *tc = tcase_create("motion");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, what_moved_is_found, 0, (int)(sizeof moves / sizeof *moves));
    tcase_add_test(tc, the_top_byte_does_not_count);
    tcase_add_test(tc, nothing_is_found_in_what_is_new_or_still);
    tcase_add_test(tc, small_boxes_are_not_looked_at);
    tcase_add_test(tc, a_film_is_not_searched_in_each_frame);
    tcase_add_loop_test(tc, any_pixels_are_fine, 0, 4);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
