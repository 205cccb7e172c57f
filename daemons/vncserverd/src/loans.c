/* SPDX-License-Identifier: MIT */
/* loans.c -- rectangles that were encoded by the desktop process, as a session uses them. */
#include "loans.h"

#include <string.h>

static bool do_meet(const struct fh_rect *a, const struct fh_rect *b)
{
    return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h && b->y < a->y + a->h;
}

void fh__loans_forget(struct fh__loans *l)
{
    l->n = l->coming.n = 0;
}

int fh__loans_ring(struct fh__loans *l, int fd)
{
    fh__loans_forget(l);
    return fh__ring_map(&l->ring, fd);
}

/* Those that may still be used, in their order. */
static void sift(struct fh__loans *l, const struct fh_rect *changed)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        if (!do_meet(&l->has[i].e.r, changed) &&
            fh__ring_has(&l->ring, l->has[i].e.at, l->has[i].e.len))
            l->has[n++] = l->has[i];
    l->n = n;
}

/* The oldest make room. */
static void adopt(struct fh__loans *l)
{
    const size_t fresh = l->coming.n, keep = FH__ENCODED_MAX - fresh;

    if (l->n > keep) {
        memmove(l->has, l->has + (l->n - keep), keep * sizeof *l->has);
        l->n = keep;
    }
    for (size_t i = 0; i < fresh; i++)
        l->has[l->n++] = (struct fh__loan){l->coming.rects[i], l->coming.coding};
    l->coming.n = 0;
}

void fh__loans_changed(struct fh__loans *l, const struct fh_rect *r)
{
    sift(l, r);
}

void fh__loans_damage(struct fh__loans *l, const struct fh__msg_damage *m)
{
    for (size_t i = 0; i < m->n && l->n > 0; i++)
        sift(l, &m->rects[i]);
    adopt(l);
}

static size_t offer(void *user, const struct fh_rfb_coding *c, struct fh_rect *out, size_t room)
{
    struct fh__loans *l = user;
    size_t n = 0;

    for (size_t i = l->n; i-- > 0 && n < room;)
        if (fh_rfb_coding_is_same(&l->has[i].coding, c) &&
            fh__ring_has(&l->ring, l->has[i].e.at, l->has[i].e.len))
            out[n++] = l->has[i].e.r;
    return n;
}

static size_t take(void *user, const struct fh_rfb_coding *c, const struct fh_rect *r, uint8_t *out,
                   size_t room)
{
    struct fh__loans *l = user;

    for (size_t i = 0; i < l->n; i++) {
        const struct fh__encoded_rect *e = &l->has[i].e;

        if (e->r.x != r->x || e->r.y != r->y || e->r.w != r->w || e->r.h != r->h ||
            !fh_rfb_coding_is_same(&l->has[i].coding, c))
            continue;
        if (e->len > room || !fh__ring_copy(&l->ring, e->at, e->len, out))
            return 0;
        l->taken++;
        return e->len;
    }
    return 0;
}

const struct fh_rfb_elsewhere fh__loans_ops = {offer, take};
