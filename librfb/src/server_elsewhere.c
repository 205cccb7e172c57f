/* SPDX-License-Identifier: MIT */
/* server_elsewhere.c -- rectangles of an update that were encoded elsewhere, for several viewers.
 */
#include "damage.h"
#include "server_machine.h"

void fh_rfb_server_set_elsewhere(struct fh_rfb_server *s, const struct fh_rfb_elsewhere *e,
                                 void *user)
{
    s->elsewhere = e;
    s->elsewhere_user = user;
}

bool fh_rfb_server_coding(const struct fh_rfb_server *s, struct fh_rfb_coding *out)
{
    const struct fh__encodings *enc = &s->encodings;

    *out = (struct fh_rfb_coding){
        .encoding = enc->pixels,
        .format = s->format,
        .quality = enc->quality,
        .level = enc->level >= 0 ? enc->level : FH__LEVEL_DEFAULT,
        .subsampling = enc->subsampling,
        .no_zlib = enc->can & FH__CAN_NO_ZLIB,
    };
    return enc->has_pixels;
}

bool fh_rfb_coding_is_same(const struct fh_rfb_coding *a, const struct fh_rfb_coding *b)
{
    const struct fh_pixel_format *f = &a->format, *g = &b->format;

    return a->encoding == b->encoding && a->quality == b->quality && a->level == b->level &&
           a->subsampling == b->subsampling && a->no_zlib == b->no_zlib &&
           f->bits_per_pixel == g->bits_per_pixel && f->depth == g->depth &&
           f->big_endian == g->big_endian && f->true_colour == g->true_colour &&
           f->red_max == g->red_max && f->green_max == g->green_max && f->blue_max == g->blue_max &&
           f->red_shift == g->red_shift && f->green_shift == g->green_shift &&
           f->blue_shift == g->blue_shift;
}

static bool asks(const struct fh_rfb_server *s, struct fh_rfb_coding *coding)
{
    return s->elsewhere && fh_rfb_server_coding(s, coding) && coding->encoding == FH_ENC_TIGHT;
}

/* Small enough to be one rectangle, and wanted as a whole. */
static bool is_of_use(const pixman_region32_t *area, const struct fh_rect *r)
{
    pixman_box32_t box;

    if (!fh_rect_is_inside(r, FH_FRAMEBUFFER_MAX_SIDE, FH_FRAMEBUFFER_MAX_SIDE) || r->w < 1 ||
        r->h < 1 || r->w > FH_ENCODER_MAX_WIDTH || r->w * r->h > FH_ENCODER_MAX_PIXELS)
        return false;
    box = (pixman_box32_t){r->x, r->y, r->x + r->w, r->y + r->h};
    return pixman_region32_contains_rectangle((pixman_region32_t *)area, &box) == PIXMAN_REGION_IN;
}

size_t fh__server_take_boxes(const struct fh_rfb_server *s, pixman_region32_t *area,
                             struct fh_rect boxes[FH__REGION_BOXES_MAX])
{
    struct fh_rect offered[FH__REGION_BOXES_MAX];
    struct fh_rfb_coding coding;
    pixman_region32_t rest, box;
    size_t n = 0, n_offered;

    if (!asks(s, &coding))
        return 0;
    n_offered = s->elsewhere->offer(s->elsewhere_user, &coding, offered, FH__REGION_BOXES_MAX);
    pixman_region32_init(&rest);
    if (!pixman_region32_copy(&rest, area))
        n_offered = 0;
    for (size_t i = 0; i < n_offered && i < FH__REGION_BOXES_MAX; i++) {
        const struct fh_rect *r = &offered[i];

        if (!is_of_use(&rest, r))
            continue;
        pixman_region32_init_rect(&box, r->x, r->y, (unsigned)r->w, (unsigned)r->h);
        if (pixman_region32_subtract(&rest, &rest, &box))
            boxes[n++] = *r;
        else
            n_offered = 0; /* rest is broken now, and is not used */
    }
    /* Only if what is left of the area has not become too ragged by it. */
    if (n_offered == 0 || n + (size_t)pixman_region32_n_rects(&rest) > FH__REGION_BOXES_MAX) {
        n = 0;
    } else {
        box = *area;
        *area = rest;
        rest = box;
    }
    pixman_region32_fini(&rest);
    return n;
}

size_t fh__server_take_bytes(struct fh_rfb_server *s, const struct fh_rect *r, uint8_t *out,
                             size_t room)
{
    struct fh_rfb_coding coding;
    size_t n;

    if (!asks(s, &coding))
        return 0;
    n = s->elsewhere->take(s->elsewhere_user, &coding, r, out, room);
    if (n == 0 || n > room || fh_encoder_adopt(s->encoder, coding.encoding, out, n) != 0)
        return 0;
    return n;
}
