/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "picture.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <png.h>

static uint8_t *to_rgb(const struct fh_framebuffer *fb, const struct fh_rect *part)
{
    uint8_t *rgb = malloc((size_t)part->w * (size_t)part->h * 3), *p = rgb;

    if (!rgb)
        return NULL;
    for (int32_t y = 0; y < part->h; y++) {
        const uint32_t *row = fb->px + (ptrdiff_t)(part->y + y) * fb->stride_px + part->x;

        for (int32_t x = 0; x < part->w; x++) {
            *p++ = (uint8_t)(row[x] >> 16);
            *p++ = (uint8_t)(row[x] >> 8);
            *p++ = (uint8_t)row[x];
        }
    }
    return rgb;
}

static int write_png(const char *path, const struct fh_rect *part, const uint8_t *rgb, char *why,
                     size_t room)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)part->w,
                       .height = (png_uint_32)part->h,
                       .format = PNG_FORMAT_RGB};
    FILE *f = fopen(path, "wb");
    int failed;

    if (!f) {
        snprintf(why, room, "%s: %s", path, strerror(errno));
        return -1;
    }
    failed = !png_image_write_to_stdio(&image, f, 0, rgb, 0, NULL);
    if (failed)
        snprintf(why, room, "%s: %s", path, image.message);
    png_image_free(&image);
    if (fclose(f) != 0 && !failed) {
        snprintf(why, room, "%s: %s", path, strerror(errno));
        failed = 1;
    }
    return failed ? -1 : 0;
}

int picture_save(const struct fh_framebuffer *fb, const struct fh_rect *part, const char *path,
                 char *why, size_t room)
{
    char temporary[PATH_MAX];
    uint8_t *rgb;
    int ret;

    if (snprintf(temporary, sizeof temporary, "%s.part", path) >= (int)sizeof temporary) {
        snprintf(why, room, "the file's name is too long");
        return -1;
    }
    rgb = to_rgb(fb, part);
    if (!rgb) {
        snprintf(why, room, "out of memory");
        return -1;
    }
    ret = write_png(temporary, part, rgb, why, room);
    free(rgb);
    if (ret == 0 && rename(temporary, path) != 0) {
        snprintf(why, room, "%s: %s", path, strerror(errno));
        ret = -1;
    }
    if (ret != 0)
        unlink(temporary);
    return ret;
}

static void from_rgb(const uint8_t *rgb, size_t n, uint32_t *px)
{
    for (size_t i = 0; i < n; i++, rgb += 3)
        px[i] = (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
}

static int read_pixels(png_image *image, struct fh_framebuffer *out)
{
    size_t n = (size_t)image->width * image->height;
    uint8_t *rgb = malloc(n * 3);
    uint32_t *px = malloc(n * sizeof *px);
    png_color black = {0, 0, 0};

    image->format = PNG_FORMAT_RGB;
    if (!rgb || !px || !png_image_finish_read(image, &black, rgb, 0, NULL)) {
        free(rgb);
        free(px);
        return -1;
    }
    from_rgb(rgb, n, px);
    free(rgb);
    *out = (struct fh_framebuffer){.px = px,
                                   .width = (int32_t)image->width,
                                   .height = (int32_t)image->height,
                                   .stride_px = (int32_t)image->width};
    return 0;
}

int picture_load(const char *path, struct fh_framebuffer *out, char *why, size_t room)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    int ret = -1;

    if (!png_image_begin_read_from_file(&image, path)) {
        snprintf(why, room, "%s: %s", path, image.message);
    } else if (image.width > FH_FRAMEBUFFER_MAX_SIDE || image.height > FH_FRAMEBUFFER_MAX_SIDE) {
        snprintf(why, room, "%s: wider or higher than %d pixels", path, FH_FRAMEBUFFER_MAX_SIDE);
    } else {
        ret = read_pixels(&image, out);
        if (ret != 0)
            snprintf(why, room, "%s: %s", path, image.message[0] ? image.message : "out of memory");
    }
    png_image_free(&image);
    return ret;
}

static uint64_t square_of_difference(uint32_t a, uint32_t b)
{
    uint64_t sum = 0;

    for (unsigned shift = 0; shift < 24; shift += 8) {
        int64_t d = (int64_t)(a >> shift & 255) - (int64_t)(b >> shift & 255);

        sum += (uint64_t)(d * d);
    }
    return sum;
}

double picture_difference(const struct fh_framebuffer *fb, int32_t x, int32_t y,
                          const struct fh_framebuffer *picture)
{
    struct fh_rect part = {.x = x, .y = y, .w = picture->width, .h = picture->height};
    uint64_t sum = 0;

    if (!fh_rect_is_inside(&part, fb->width, fb->height))
        return -1;
    for (int32_t row = 0; row < part.h; row++) {
        const uint32_t *a = fb->px + (ptrdiff_t)(y + row) * fb->stride_px + x;
        const uint32_t *b = picture->px + (ptrdiff_t)row * picture->stride_px;

        for (int32_t i = 0; i < part.w; i++)
            sum += square_of_difference(a[i], b[i]);
    }
    return sqrt((double)sum / (3.0 * part.w * part.h));
}
