/* SPDX-License-Identifier: MIT */
#include "damage.h"
#include "messages.h"

static void set_box(pixman_region32_t *d, pixman_box32_t box)
{
    pixman_region32_fini(d);
    pixman_region32_init_with_extents(d, &box);
}

static void set_empty(pixman_region32_t *d)
{
    pixman_region32_fini(d);
    pixman_region32_init(d);
}

static pixman_box32_t around(pixman_box32_t a, pixman_box32_t b)
{
    if (a.x1 >= a.x2 || a.y1 >= a.y2)
        return b;
    if (b.x1 >= b.x2 || b.y1 >= b.y2)
        return a;
    return (pixman_box32_t){
        .x1 = a.x1 < b.x1 ? a.x1 : b.x1,
        .y1 = a.y1 < b.y1 ? a.y1 : b.y1,
        .x2 = a.x2 > b.x2 ? a.x2 : b.x2,
        .y2 = a.y2 > b.y2 ? a.y2 : b.y2,
    };
}

static void bound(pixman_region32_t *d)
{
    if (pixman_region32_n_rects(d) > FH__REGION_BOXES_MAX)
        set_box(d, *pixman_region32_extents(d));
}

static int32_t clip(int64_t v)
{
    return v < 0 ? 0 : v > FH_FRAMEBUFFER_MAX_SIDE ? FH_FRAMEBUFFER_MAX_SIDE : (int32_t)v;
}

static pixman_box32_t box_of(const struct fh_rect *r)
{
    return (pixman_box32_t){
        .x1 = clip(r->x),
        .y1 = clip(r->y),
        .x2 = clip((int64_t)r->x + r->w),
        .y2 = clip((int64_t)r->y + r->h),
    };
}

void fh__damage_add(pixman_region32_t *d, const struct fh_rect *r)
{
    const pixman_box32_t box = box_of(r);
    pixman_region32_t one;

    if (box.x1 >= box.x2 || box.y1 >= box.y2)
        return;
    pixman_region32_init_with_extents(&one, &box);
    fh__damage_union(d, &one);
    pixman_region32_fini(&one);
}

void fh__damage_union(pixman_region32_t *d, const pixman_region32_t *other)
{
    const pixman_box32_t all = around(*pixman_region32_extents(d), *pixman_region32_extents(other));

    if (pixman_region32_union(d, d, other))
        bound(d);
    else
        set_box(d, all);
}

void fh__damage_subtract(pixman_region32_t *d, const pixman_region32_t *other)
{
    const pixman_box32_t all = *pixman_region32_extents(d);

    if (pixman_region32_subtract(d, d, other))
        bound(d);
    else
        set_box(d, all);
}

void fh__damage_subtract_rect(pixman_region32_t *d, const struct fh_rect *r)
{
    const pixman_box32_t box = box_of(r);
    pixman_region32_t one;

    if (box.x1 >= box.x2 || box.y1 >= box.y2)
        return;
    pixman_region32_init_with_extents(&one, &box);
    fh__damage_subtract(d, &one);
    pixman_region32_fini(&one);
}

void fh__damage_clip(pixman_region32_t *d, const struct fh_rect *r)
{
    const pixman_box32_t box = box_of(r);

    if (box.x1 >= box.x2 || box.y1 >= box.y2)
        set_empty(d);
    else if (!pixman_region32_intersect_rect(d, d, box.x1, box.y1, (unsigned)(box.x2 - box.x1),
                                             (unsigned)(box.y2 - box.y1)))
        set_box(d, box);
}

bool fh__damage_intersect(pixman_region32_t *out, const pixman_region32_t *a,
                          const pixman_region32_t *b)
{
    if (pixman_region32_intersect(out, a, b))
        return true;
    set_empty(out);
    return false;
}
