/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "picture.h"

static char path[64], why[512];
static uint32_t px[20 * 10];
static const struct fh_framebuffer fb = {.px = px, .width = 16, .height = 10, .stride_px = 20};

static void setup(void)
{
    strcpy(path, "/tmp/farhand-picture-XXXXXX");
    close(mkstemp(path));
    for (uint32_t i = 0; i < 200; i++)
        px[i] = i * 0x010307 & 0xffffff;
}

static void teardown(void)
{
    unlink(path);
}

START_TEST(a_part_is_saved_and_read_back_exactly)
{
    const struct fh_rect part = {.x = 3, .y = 2, .w = 7, .h = 5};
    struct fh_framebuffer back;

    ck_assert_msg(picture_save(&fb, &part, path, why, sizeof why) == 0, "%s", why);
    ck_assert_msg(picture_load(path, &back, why, sizeof why) == 0, "%s", why);
    ck_assert_int_eq(back.width, 7);
    ck_assert_int_eq(back.height, 5);
    for (int y = 0; y < 5; y++)
        ck_assert_mem_eq(back.px + y * back.stride_px, px + (y + 2) * 20 + 3, 7 * 4);
    ck_assert(picture_difference(&fb, 3, 2, &back) == 0);
    ck_assert(picture_difference(&fb, 4, 2, &back) > 0);
    free(back.px);
}
END_TEST

START_TEST(difference_is_the_root_mean_square_of_all_colour_values)
{
    uint32_t black[4] = {0}, white[4] = {0xffffff, 0xffffff, 0xffffff, 0xffffff};
    uint32_t one[4] = {0x0000ff, 0, 0, 0};
    const struct fh_framebuffer a = {.px = black, .width = 2, .height = 2, .stride_px = 2};
    const struct fh_framebuffer b = {.px = white, .width = 2, .height = 2, .stride_px = 2};
    const struct fh_framebuffer c = {.px = one, .width = 2, .height = 2, .stride_px = 2};

    ck_assert(picture_difference(&a, 0, 0, &b) == 255);
    ck_assert(fabs(picture_difference(&a, 0, 0, &c) - 255 / sqrt(12)) < 1e-9);
    ck_assert(picture_difference(&a, 1, 0, &c) < 0);
    ck_assert(picture_difference(&a, -1, 0, &c) < 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_or_read_is_told)
{
    const struct fh_rect all = {.w = 16, .h = 10};
    struct fh_framebuffer back;
    FILE *f = fopen(path, "w");

    fputs("no picture", f);
    fclose(f);
    ck_assert_int_eq(picture_load(path, &back, why, sizeof why), -1);
    ck_assert_ptr_nonnull(strstr(why, path));
    ck_assert_int_eq(picture_save(&fb, &all, "/nonexistent/a.png", why, sizeof why), -1);
    ck_assert_ptr_nonnull(strstr(why, "No such file"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("picture");
    TCase *tc = tcase_create("picture");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_part_is_saved_and_read_back_exactly);
    tcase_add_test(tc, difference_is_the_root_mean_square_of_all_colour_values);
    tcase_add_test(tc, a_file_that_cannot_be_written_or_read_is_told);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
