/* SPDX-License-Identifier: MIT */
/* server_damage.c -- what the viewer's picture lacks, and what has only moved. */
#include "damage.h"
#include "server_machine.h"

static struct fh_rect whole(const struct fh_rfb_server *s)
{
    return (struct fh_rect){.w = s->fb.width, .h = s->fb.height};
}

static void forget_scroll(struct fh_rfb_server *s)
{
    pixman_region32_clear(&s->scroll.to);
}

void fh__server_damage_all(struct fh_rfb_server *s)
{
    const struct fh_rect all = whole(s);

    forget_scroll(s);
    fh__damage_add(&s->damage, &all);
}

void fh_rfb_server_damage(struct fh_rfb_server *s, const struct fh_rect *r)
{
    const struct fh_rect all = whole(s);
    pixman_region32_t fresh, coming;

    pixman_region32_init(&fresh);
    pixman_region32_init(&coming);
    fh__damage_add(&fresh, r);
    fh__damage_clip(&fresh, &all);
    /*
     * What the open update has yet to encode will be encoded as it is then, so it need not come
     * twice; unless a copy that waits would overwrite it.
     */
    if (s->update.is_open && fh__server_coming(s, &coming) &&
        pixman_region32_subtract(&coming, &coming, &s->scroll.to))
        fh__damage_subtract(&fresh, &coming);
    fh__damage_union(&s->damage, &fresh);
    pixman_region32_fini(&coming);
    pixman_region32_fini(&fresh);
}

/* The part of r that is in the picture and whose source is, too. */
static struct fh_rect with_source_inside(const struct fh_rfb_server *s, const struct fh_rect *r,
                                         int64_t dx, int64_t dy)
{
    int64_t x1 = dx > 0 ? dx : 0, x2 = s->fb.width + (dx < 0 ? dx : 0);
    int64_t y1 = dy > 0 ? dy : 0, y2 = s->fb.height + (dy < 0 ? dy : 0);

    x1 = r->x > x1 ? r->x : x1;
    y1 = r->y > y1 ? r->y : y1;
    x2 = (int64_t)r->x + r->w < x2 ? (int64_t)r->x + r->w : x2;
    y2 = (int64_t)r->y + r->h < y2 ? (int64_t)r->y + r->h : y2;
    if (x1 >= x2 || y1 >= y2)
        return (struct fh_rect){0};
    return (struct fh_rect){(int32_t)x1, (int32_t)y1, (int32_t)(x2 - x1), (int32_t)(y2 - y1)};
}

/*
 * Joins the move of `to` to the one that waits: where its source is what that one makes, the two
 * are one longer way. Only one way can wait, so all else goes to `lost`. False: no memory.
 */
static bool join_scroll(struct fh__scroll *old, const pixman_region32_t *to, int32_t dx, int32_t dy,
                        pixman_region32_t *lost)
{
    pixman_region32_t both;
    bool ok;

    if (fh__damage_is_empty(&old->to)) {
        old->dx = dx;
        old->dy = dy;
        return pixman_region32_copy(&old->to, to);
    }
    fh__damage_union(lost, &old->to);
    fh__damage_union(lost, to);
    pixman_region32_init(&both);
    ok = pixman_region32_copy(&both, &old->to);
    pixman_region32_translate(&both, dx, dy);
    ok = ok && pixman_region32_intersect(&old->to, &both, to);
    old->dx += dx;
    old->dy += dy;
    pixman_region32_fini(&both);
    return ok;
}

/*
 * Copies go before all else of the next update, so the viewer's source must be now as the picture
 * was: not damaged. What the open update has yet to bring counts as damaged, for it will be encoded
 * as the picture is later. False: no memory.
 */
static bool copy_inside(struct fh_rfb_server *s, const struct fh_rect *r, int32_t dx, int32_t dy,
                        pixman_region32_t *lost)
{
    pixman_region32_t to, stale;
    bool ok;

    pixman_region32_init(&stale);
    pixman_region32_init_rect(&to, r->x, r->y, (unsigned)r->w, (unsigned)r->h);
    ok = fh__server_coming(s, &stale) && pixman_region32_union(&stale, &stale, &s->damage);
    pixman_region32_translate(&stale, dx, dy);
    ok = ok && pixman_region32_subtract(&to, &to, &stale) &&
         join_scroll(&s->scroll, &to, dx, dy, lost);
    pixman_region32_fini(&stale);
    pixman_region32_fini(&to);
    return ok;
}

void fh_rfb_server_copy(struct fh_rfb_server *s, const struct fh_rect *r, int32_t from_x,
                        int32_t from_y)
{
    const int64_t dx = (int64_t)r->x - from_x, dy = (int64_t)r->y - from_y;
    const struct fh_rect all = whole(s);
    struct fh_rect inner = {0};
    pixman_region32_t lost;

    if (s->encodings.can & FH__CAN_COPY_RECT)
        inner = with_source_inside(s, r, dx, dy);
    if (inner.w == 0) {
        fh_rfb_server_damage(s, r);
        return;
    }
    pixman_region32_init(&lost);
    fh__damage_add(&lost, r);
    fh__damage_clip(&lost, &all);
    if (!copy_inside(s, &inner, (int32_t)dx, (int32_t)dy, &lost))
        fh__server_damage_all(s);
    if (pixman_region32_n_rects(&s->scroll.to) > FH__COPY_BOXES_MAX) {
        fh__damage_union(&lost, &s->scroll.to);
        forget_scroll(s);
    }
    fh__damage_subtract(&lost, &s->scroll.to);
    fh__damage_subtract(&s->damage, &s->scroll.to);
    fh__damage_union(&s->damage, &lost);
    pixman_region32_fini(&lost);
}
