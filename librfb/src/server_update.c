/* SPDX-License-Identifier: MIT */
/*
 * server_update.c -- what goes to the viewer next, RFC 6143 7.6 and rfbproto.
 *
 * An update is planned when it begins and encoded rectangle by rectangle when bytes are wanted,
 * from the picture as it is then. Everything else goes between updates, never into one.
 */
#include <assert.h>
#include <string.h>

#include "damage.h"
#include "pixel.h"
#include "server_machine.h"

static size_t room(const struct wr *w)
{
    return w->cap - w->len;
}

static int32_t min32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Sides of the rectangles that a box is cut into. */
static int32_t piece_width(const struct fh_rect *box)
{
    return min32(box->w, FH_ENCODER_MAX_WIDTH);
}

static int32_t piece_height(const struct fh_rect *box)
{
    return min32(box->h, FH_ENCODER_MAX_PIXELS / piece_width(box));
}

static uint32_t pieces_of(const struct fh_rect *box)
{
    const int32_t w = piece_width(box), h = piece_height(box);

    return (uint32_t)((box->w + w - 1) / w) * (uint32_t)((box->h + h - 1) / h);
}

static struct fh_rect current_piece(const struct fh__update *u)
{
    const struct fh_rect *box = &u->boxes[u->box];

    return (struct fh_rect){
        .x = box->x + u->piece_x,
        .y = box->y + u->piece_y,
        .w = min32(piece_width(box), box->w - u->piece_x),
        .h = min32(piece_height(box), box->h - u->piece_y),
    };
}

static void next_piece(struct fh__update *u)
{
    const struct fh_rect *box = &u->boxes[u->box];

    u->piece_x += piece_width(box);
    if (u->piece_x < box->w)
        return;
    u->piece_x = 0;
    u->piece_y += piece_height(box);
    if (u->piece_y < box->h)
        return;
    u->piece_y = 0;
    u->box++;
}

static pixman_box32_t box32(int32_t x1, int32_t y1, int32_t x2, int32_t y2)
{
    return (pixman_box32_t){.x1 = x1, .y1 = y1, .x2 = x2, .y2 = y2};
}

bool fh__server_coming(const struct fh_rfb_server *s, pixman_region32_t *out)
{
    const struct fh__update *u = &s->update;
    pixman_box32_t boxes[FH__REGION_BOXES_MAX + 1];
    int n = 0;

    if (!u->is_open || u->box == u->n_boxes)
        return true;
    for (size_t i = u->box; i < u->n_boxes; i++) {
        const struct fh_rect *b = &u->boxes[i];
        int32_t y = b->y;

        if (i == u->box && (u->piece_x != 0 || u->piece_y != 0)) {
            y += u->piece_y;
            boxes[n++] = box32(b->x + u->piece_x, y, b->x + b->w,
                               y + min32(piece_height(b), b->h - u->piece_y));
            y = boxes[n - 1].y2;
        }
        if (y < b->y + b->h)
            boxes[n++] = box32(b->x, y, b->x + b->w, b->y + b->h);
    }
    pixman_region32_fini(out);
    if (pixman_region32_init_rects(out, boxes, n))
        return true;
    pixman_region32_init(out);
    return false;
}

static void write_server_init(struct fh_rfb_server *s, struct wr *w)
{
    const struct fh_pixel_format f = fh_pixel_format_rgb888();

    s->viewer_width = s->fb.width;
    s->viewer_height = s->fb.height;
    wr_u16(w, (uint16_t)s->fb.width);
    wr_u16(w, (uint16_t)s->fb.height);
    fh__write_pixel_format(w, &f);
    wr_u32(w, (uint32_t)s->name_len);
    wr_bytes(w, s->name, s->name_len);
    s->is_init_sent = true;
    s->news &= ~(uint32_t)FH__NEWS_NAME;
}

/* SetColourMapEntries, RFC 6143 7.6.2: all 256. */
static void write_colour_map(struct wr *w)
{
    uint16_t rgb[3];

    wr_u8(w, FH__SET_COLOUR_MAP);
    wr_u8(w, 0);
    wr_u16(w, 0);
    wr_u16(w, 256);
    for (unsigned i = 0; i < 256; i++) {
        fh__pixel_map_entry((uint8_t)i, rgb);
        for (unsigned c = 0; c < 3; c++)
            wr_u16(w, rgb[c]);
    }
}

static void write_cut_text(struct fh_rfb_server *s, struct wr *w)
{
    wr_u8(w, FH__SERVER_CUT_TEXT);
    wr_zeros(w, 3);
    wr_u32(w, (uint32_t)s->cut_out_len);
    wr_bytes(w, s->cut_out, s->cut_out_len);
    (void)fh__server_cut_out_new(s, 0);
}

static void apply_encodings(struct fh_rfb_server *s)
{
    s->encodings = s->next_encodings;
    s->has_next_encodings = false;
    fh_encoder_set_quality(s->encoder, s->encodings.quality,
                           s->encodings.level >= 0 ? s->encodings.level : FH__LEVEL_DEFAULT);
    fh_encoder_set_subsampling(s->encoder, s->encodings.subsampling);
    fh_encoder_set_no_zlib(s->encoder, s->encodings.can & FH__CAN_NO_ZLIB);
}

/* What may only go between two updates. False: no room for all of it now. */
static bool write_between(struct fh_rfb_server *s, struct wr *w)
{
    if (room(w) < s->control_len + 6 + 256 * 6 + 1)
        return false;
    wr_bytes(w, s->control, s->control_len);
    s->control_len = 0;
    if (s->has_next_encodings)
        apply_encodings(s);
    if (s->has_next_format) {
        s->format = s->next_format;
        fh_encoder_set_format(s->encoder, &s->format);
        s->has_next_format = false;
        if (!s->next_format.true_colour)
            write_colour_map(w);
    }
    if (s->rings)
        wr_u8(w, FH__BELL);
    s->rings = false;
    if (s->cut_out && room(w) < 8 + s->cut_out_len)
        return false;
    if (s->cut_out)
        write_cut_text(s, w);
    return fh__server_write_clip(s, w);
}

static void write_update_head(struct wr *w, uint16_t n_rects)
{
    wr_u8(w, FH__FRAMEBUFFER_UPDATE);
    wr_u8(w, 0);
    wr_u16(w, n_rects);
}

/* The area that the viewer wants news of, in the part of the picture that it can show. */
static void wanted_area(const struct fh_rfb_server *s, pixman_region32_t *out)
{
    const struct fh_rect visible = {
        .w = min32(s->fb.width, s->viewer_width),
        .h = min32(s->fb.height, s->viewer_height),
    };

    fh__damage_union(out, &s->asked);
    if (s->is_continuous)
        fh__damage_add(out, &s->continuous);
    fh__damage_clip(out, &visible);
}

/* Takes from the waiting scroll what can be told by CopyRect; the rest is damage. */
static void take_copies(struct fh_rfb_server *s, const pixman_region32_t *area,
                        pixman_region32_t *out)
{
    const struct fh_rect source = {s->scroll.dx, s->scroll.dy, s->viewer_width, s->viewer_height};

    if (fh__damage_is_empty(&s->scroll.to))
        return;
    if (!(s->encodings.can & FH__CAN_COPY_RECT) ||
        !pixman_region32_intersect(out, &s->scroll.to, area) ||
        !pixman_region32_intersect_rect(out, out, source.x, source.y, (unsigned)source.w,
                                        (unsigned)source.h) ||
        pixman_region32_n_rects(out) > FH__COPY_BOXES_MAX)
        pixman_region32_clear(out);
    fh__damage_subtract(&s->scroll.to, out);
    fh__damage_union(&s->damage, &s->scroll.to);
    pixman_region32_clear(&s->scroll.to);
}

static void write_copy(const struct fh_rfb_server *s, struct wr *w, const pixman_box32_t *b)
{
    const struct fh_rect r = {b->x1, b->y1, b->x2 - b->x1, b->y2 - b->y1};

    fh__write_rect(w, &r, FH_ENC_COPY_RECT);
    wr_u16(w, (uint16_t)(r.x - s->scroll.dx));
    wr_u16(w, (uint16_t)(r.y - s->scroll.dy));
}

/* In the order in which no copy overwrites what a later one reads: against the way of moving. */
static void write_copies(const struct fh_rfb_server *s, struct wr *w,
                         const pixman_region32_t *copies)
{
    int n, band, end, i;
    const pixman_box32_t *b = pixman_region32_rectangles((pixman_region32_t *)copies, &n);

    for (int done = 0; done < n; done += end - band) {
        /* A band of pixman: boxes of the same y, from left to right. */
        if (s->scroll.dy > 0) {
            end = n - done;
            for (band = end - 1; band > 0 && b[band - 1].y1 == b[end - 1].y1; band--)
                ;
        } else {
            band = done;
            for (end = band + 1; end < n && b[end].y1 == b[band].y1; end++)
                ;
        }
        for (i = band; i < end; i++)
            write_copy(s, w, &b[s->scroll.dx > 0 ? band + end - 1 - i : i]);
    }
}

/* What was encoded elsewhere first: it will not be there for long. */
static uint32_t plan_boxes(struct fh_rfb_server *s, const pixman_region32_t *pixels)
{
    struct fh__update *u = &s->update;
    pixman_region32_t rest;
    const pixman_box32_t *b;
    uint32_t pieces = 0;
    int n;

    pixman_region32_init(&rest);
    fh__damage_union(&rest, pixels);
    u->n_boxes = fh__server_take_boxes(s, &rest, u->boxes);
    b = pixman_region32_rectangles(&rest, &n);
    assert(u->n_boxes + (size_t)n <= FH__REGION_BOXES_MAX);
    for (int i = 0; i < n; i++)
        u->boxes[u->n_boxes++] =
            (struct fh_rect){b[i].x1, b[i].y1, b[i].x2 - b[i].x1, b[i].y2 - b[i].y1};
    u->box = 0;
    u->piece_x = u->piece_y = 0;
    for (size_t i = 0; i < u->n_boxes; i++)
        pieces += pieces_of(&u->boxes[i]);
    pixman_region32_fini(&rest);
    return pieces;
}

static uint32_t count_bits(uint32_t v)
{
    uint32_t n = 0;

    for (; v != 0; v &= v - 1)
        n++;
    return n;
}

static void end_request(struct fh_rfb_server *s)
{
    s->is_asked = false;
    pixman_region32_clear(&s->asked);
}

/*
 * FramebufferUpdate with pixels, RFC 6143 7.6.1. 256 boxes in a picture of 16384 x 16384 are cut
 * into less than 20 000 rectangles, so that the count always fits.
 */
static bool begin_pixels(struct fh_rfb_server *s, struct wr *w)
{
    struct fh__update *u = &s->update;
    pixman_region32_t area, copies, pixels;
    uint32_t news = fh__server_news(s), n_copies, n_pieces;
    pixman_box32_t around;

    pixman_region32_init(&area);
    pixman_region32_init(&copies);
    pixman_region32_init(&pixels);
    wanted_area(s, &area);
    take_copies(s, &area, &copies);
    if (!fh__damage_intersect(&pixels, &s->damage, &area))
        fh__damage_union(&pixels, &area);
    if (pixman_region32_n_rects(&pixels) > FH__REGION_BOXES_MAX) {
        around = *pixman_region32_extents(&pixels);
        pixman_region32_reset(&pixels, &around);
    }
    n_copies = (uint32_t)pixman_region32_n_rects(&copies);
    n_pieces = plan_boxes(s, &pixels);
    u->left = count_bits(news) + n_copies + n_pieces;
    u->is_open = u->left != 0;
    if (u->is_open) {
        s->updates++;
        u->until_last = (s->encodings.can & FH__CAN_LAST_RECT) != 0;
        u->is_cut_short = false;
        u->news = news;
        fh__damage_subtract(&s->damage, &pixels);
        end_request(s);
        write_update_head(w, u->until_last ? FH__RECTS_UNTIL_LAST : (uint16_t)u->left);
        write_copies(s, w, &copies);
        u->left -= n_copies;
    }
    pixman_region32_fini(&pixels);
    pixman_region32_fini(&copies);
    pixman_region32_fini(&area);
    return u->is_open;
}

/* Has a fence of its own behind it, so that the viewer's pace is known. rfbproto, Fence. */
static void write_pace(struct fh_rfb_server *s, struct wr *w)
{
    struct fh__fence f = {.flags = FH__FENCE_REQUEST | FH__FENCE_BLOCK_BEFORE, .len = 4};
    struct wr serial = wr_init(f.payload, sizeof f.payload);

    if (!s->is_continuous || !(s->encodings.can & FH__CAN_FENCE))
        return;
    wr_u32(&serial, ++s->fence_sent);
    fh__write_fence(w, &f);
}

/* A new size is an update of its own, because nothing may follow it. */
static bool write_size(struct fh_rfb_server *s, struct wr *w)
{
    const struct fh_rect r = {.w = s->fb.width, .h = s->fb.height};

    if (s->viewer_width == r.w && s->viewer_height == r.h)
        return false;
    if (s->encodings.can & FH__CAN_EXTENDED_SIZE) {
        write_update_head(w, 1);
        fh__server_write_news(s, w, FH__NEWS_LAYOUT);
    } else if (s->encodings.can & FH__CAN_DESKTOP_SIZE) {
        write_update_head(w, 1);
        fh__write_rect(w, &r, FH_ENC_DESKTOP_SIZE);
    } else {
        return false;
    }
    s->viewer_width = r.w;
    s->viewer_height = r.h;
    end_request(s);
    write_pace(s, w);
    return true;
}

/*
 * rfbproto, ExtendedDesktopSize: nothing of the picture may be in its update. What was asked for is
 * yet to come, in the next.
 */
static bool write_layout(struct fh_rfb_server *s, struct wr *w)
{
    if (!(fh__server_news(s) & FH__NEWS_LAYOUT))
        return false;
    write_update_head(w, 1);
    fh__server_write_news(s, w, FH__NEWS_LAYOUT);
    return true;
}

/* False: no update is wanted now, or nothing is new. */
static bool begin_update(struct fh_rfb_server *s, struct wr *w)
{
    if (!fh_rfb_server_is_waiting(s) || room(w) < 8192)
        return false;
    return write_size(s, w) || write_layout(s, w) || begin_pixels(s, w);
}

/* One rectangle that is no pixels. False: no room. */
static bool continue_news(struct fh_rfb_server *s, struct wr *w)
{
    const uint32_t kind = s->update.news & ~(s->update.news - 1);

    if (room(w) < FH__SERVER_SLACK + fh__server_news_bound(s, kind))
        return false;
    fh__server_write_news(s, w, kind);
    s->update.news &= ~kind;
    s->update.left--;
    return true;
}

/*
 * The pixels of r as they are now, once and for all. The picture may be another process's memory:
 * an encoder that reads a pixel twice would count on what may have changed between.
 */
static struct fh_framebuffer take_piece(struct fh_rfb_server *s, const struct fh_rect *r)
{
    const uint32_t *from = s->fb.px + (size_t)r->y * (size_t)s->fb.stride_px + r->x;

    for (int32_t y = 0; y < r->h; y++)
        memcpy(s->piece + (size_t)y * (size_t)r->w, from + (size_t)y * (size_t)s->fb.stride_px,
               (size_t)r->w * sizeof *from);
    return (struct fh_framebuffer){s->piece, r->w, r->h, r->w};
}

/* The body of r, in the first encoding that suits it. Returns its bytes, or an error. */
static int encode_piece(struct fh_rfb_server *s, const struct fh_rect *r, uint8_t *out, size_t room,
                        enum fh_encoding *enc)
{
    const struct fh__encodings *e = &s->encodings;
    const struct fh_rect all = {0, 0, r->w, r->h};
    const struct fh_framebuffer piece = take_piece(s, r);
    int n = 0;

    /* Tight has JPEGs of its own. */
    if ((e->can & FH__CAN_JPEG) && e->pixels != FH_ENC_TIGHT && e->pixels != FH_ENC_TIGHT_PNG)
        n = fh_encoder_rect(s->encoder, *enc = FH_ENC_JPEG, &piece, &all, out, room);
    if (n == 0)
        n = fh_encoder_rect(s->encoder, *enc = e->pixels, &piece, &all, out, room);
    if (n == 0)
        n = fh_encoder_rect(s->encoder, *enc = e->other, &piece, &all, out, room);
    return n;
}

/* One rectangle of pixels. False: enough at a time, no room, or it failed. */
static bool continue_pixels(struct fh_rfb_server *s, struct wr *w, int32_t *budget)
{
    const struct fh_rect r = current_piece(&s->update);
    const size_t bound = fh_encoder_bound((size_t)r.w * (size_t)r.h);
    enum fh_encoding enc = s->encodings.pixels;
    struct wr head = wr_init(w->mem + w->len, 12);
    uint8_t *body = head.mem + 12;
    int n;

    if (room(w) < FH__SERVER_SLACK + 12 + bound || *budget < r.w * r.h)
        return false;
    *budget -= r.w * r.h;
    n = (int)fh__server_take_bytes(s, &r, body, bound);
    if (n == 0)
        n = encode_piece(s, &r, body, bound, &enc);
    if (n < 0) {
        s->error = n;
        return false;
    }
    fh__write_rect(&head, &r, (int32_t)enc);
    w->len += 12 + (size_t)n;
    next_piece(&s->update);
    s->update.left--;
    return true;
}

/* What the head promised and is not to come is filled up by rectangles of no pixels. */
static bool continue_short(struct fh_rfb_server *s, struct wr *w)
{
    const struct fh_rect none = {0};

    if (s->update.until_last)
        s->update.left = 0;
    if (s->update.left == 0)
        return true;
    if (room(w) < FH__SERVER_SLACK + 12)
        return false;
    fh__write_rect(w, &none, FH_ENC_RAW);
    s->update.left--;
    return true;
}

static void end_update(struct fh_rfb_server *s, struct wr *w)
{
    const struct fh_rect none = {0};

    if (s->update.until_last)
        fh__write_rect(w, &none, FH_ENC_LAST_RECT);
    s->update.is_open = false;
    write_pace(s, w);
}

static bool continue_update(struct fh_rfb_server *s, struct wr *w, int32_t *budget)
{
    bool ok;

    if (s->update.is_cut_short)
        ok = continue_short(s, w);
    else if (s->update.news != 0)
        ok = continue_news(s, w);
    else
        ok = s->update.left == 0 || continue_pixels(s, w, budget);
    if (ok && s->update.left == 0)
        end_update(s, w);
    return ok;
}

void fh__server_cut_short(struct fh_rfb_server *s)
{
    struct fh__update *u = &s->update;

    for (size_t i = u->box; i < u->n_boxes; i++)
        fh__damage_add(&s->damage, &u->boxes[i]);
    u->box = u->n_boxes;
    u->news = 0;
    u->is_cut_short = true;
}

void fh__server_fill(struct fh_rfb_server *s)
{
    struct wr w = wr_init(s->out, s->out_cap);
    int32_t budget = FH_ENCODER_MAX_PIXELS; /* so that a call takes milliseconds */
    bool goes_on = true;

    if (!s->is_init_sent)
        write_server_init(s, &w);
    while (goes_on && s->error == 0) {
        if (s->update.is_open)
            goes_on = continue_update(s, &w, &budget);
        else
            goes_on = write_between(s, &w) && begin_update(s, &w);
    }
    assert(!w.bad);
    s->out_pos = 0;
    s->out_len = w.len;
}
