/* SPDX-License-Identifier: MIT */
/*
 * damage.h -- sets of pixels, as pixman regions of bounded size.
 *
 * When pixman has no memory, or a set has too many boxes, it becomes the box around it: too much is
 * sent then, never too little. Never installed.
 */
#ifndef FH_RFB_DAMAGE_H
#define FH_RFB_DAMAGE_H

#include <pixman.h>
#include <stdbool.h>

#include <farhand/framebuffer.h>

/* d: any rectangle may be given; sides above FH_FRAMEBUFFER_MAX_SIDE and coordinates are clipped.
 */
void fh__damage_add(pixman_region32_t *d, const struct fh_rect *r);
void fh__damage_union(pixman_region32_t *d, const pixman_region32_t *other);
/* Takes other away; what cannot be taken away for want of memory stays. */
void fh__damage_subtract(pixman_region32_t *d, const pixman_region32_t *other);
void fh__damage_subtract_rect(pixman_region32_t *d, const struct fh_rect *r);
void fh__damage_clip(pixman_region32_t *d, const struct fh_rect *r);
/* out = a and b. False: no memory, and out is empty. */
bool fh__damage_intersect(pixman_region32_t *out, const pixman_region32_t *a,
                          const pixman_region32_t *b);
static inline bool fh__damage_is_empty(const pixman_region32_t *d)
{
    return !pixman_region32_not_empty((pixman_region32_t *)d);
}

#endif
