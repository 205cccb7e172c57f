/* SPDX-License-Identifier: MIT */
#include <farhand/framebuffer.h>

bool fh_rect_is_inside(const struct fh_rect *r, int32_t width, int32_t height)
{
    if (r->x < 0 || r->y < 0 || r->w < 0 || r->h < 0)
        return false;
    return (int64_t)r->x + r->w <= width && (int64_t)r->y + r->h <= height;
}

struct fh_pixel_format fh_pixel_format_rgb888(void)
{
    return (struct fh_pixel_format){
        .bits_per_pixel = 32,
        .depth = 24,
        .big_endian = false,
        .true_colour = true,
        .red_max = 255,
        .green_max = 255,
        .blue_max = 255,
        .red_shift = 16,
        .green_shift = 8,
        .blue_shift = 0,
    };
}

/* The bits of a colour in a pixel, or 0 when its max or shift is not possible. */
static uint64_t colour_mask(uint16_t max, uint8_t shift, uint8_t bits_per_pixel)
{
    uint64_t mask;

    if (max == 0 || (max & (max + 1u)) != 0 || shift >= bits_per_pixel)
        return 0;
    mask = (uint64_t)max << shift;
    return mask >> bits_per_pixel == 0 ? mask : 0;
}

bool fh_pixel_format_is_valid(const struct fh_pixel_format *f)
{
    uint64_t r, g, b;

    if (f->bits_per_pixel != 8 && f->bits_per_pixel != 16 && f->bits_per_pixel != 32)
        return false;
    if (f->depth == 0 || f->depth > f->bits_per_pixel)
        return false;
    if (!f->true_colour)
        return f->bits_per_pixel == 8 && f->depth == 8;
    r = colour_mask(f->red_max, f->red_shift, f->bits_per_pixel);
    g = colour_mask(f->green_max, f->green_shift, f->bits_per_pixel);
    b = colour_mask(f->blue_max, f->blue_shift, f->bits_per_pixel);
    return r != 0 && g != 0 && b != 0 && (r & g) == 0 && (r & b) == 0 && (g & b) == 0;
}
