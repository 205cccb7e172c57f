/* SPDX-License-Identifier: MIT */
/* capture.c -- XDamage says where, MIT-SHM (or GetImage) brings the pixels. */
#define _GNU_SOURCE /* memfd_create */
#include "capture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xcb/damage.h>
#include <xcb/shm.h>
#include <xcb/xfixes.h>

#include "log.h"

enum {
    TILE = 64,     /* pixels; the grain in which differences are reported */
    MAX_BOXES = 64 /* more boxes of damage than this are fetched as one */
};

#define RGB 0xffffffu

/* One colour of a pixel: (pixel & mask) >> shift is a number of `bits` bits. */
struct channel {
    uint32_t mask;
    unsigned shift, bits;
};

struct fh__capture {
    const struct fh__display *d;
    struct fh_framebuffer picture;
    int memory; /* of the picture's pixels */
    struct channel rgb[3];
    bool is_swapped, is_plain; /* plain: only the top byte is to be cleared */
    xcb_damage_damage_t damage;
    xcb_xfixes_region_t region;
    bool is_damaged, is_all_damaged;
    struct fh_motion_history history;
    xcb_shm_seg_t segment; /* 0: none */
    uint8_t *shared;
    size_t shared_len;
    uint32_t *row; /* one converted row */
};

static struct channel channel_of(uint32_t mask)
{
    struct channel ch = {mask, 0, 0};

    while (mask && !(mask & 1)) {
        mask >>= 1;
        ch.shift++;
    }
    while (mask & 1) {
        mask >>= 1;
        ch.bits++;
    }
    return ch;
}

static void learn_pixels(struct fh__capture *c)
{
    const xcb_visualtype_t *v = c->d->visual;
    const uint16_t probe = 1;
    bool host_is_little = *(const uint8_t *)&probe == 1;
    bool server_is_little = xcb_get_setup(c->d->c)->image_byte_order == XCB_IMAGE_ORDER_LSB_FIRST;

    c->rgb[0] = channel_of(v->red_mask);
    c->rgb[1] = channel_of(v->green_mask);
    c->rgb[2] = channel_of(v->blue_mask);
    c->is_swapped = host_is_little != server_is_little;
    c->is_plain = c->d->bits_per_pixel == 32 && !c->is_swapped && v->red_mask == 0xff0000 &&
                  v->green_mask == 0xff00 && v->blue_mask == 0xff;
}

/* A channel as 8 bits: the upper 8 of more, or the bits repeated to fill up from fewer. */
static uint32_t to_8_bits(uint32_t px, const struct channel *ch)
{
    uint32_t v = (px & ch->mask) >> ch->shift;

    if (ch->bits >= 8)
        return v >> (ch->bits - 8);
    if (ch->bits == 0)
        return 0;
    return v * 255 / ((1u << ch->bits) - 1);
}

static uint32_t swap32(uint32_t v)
{
    return v >> 24 | (v >> 8 & 0xff00) | (v << 8 & 0xff0000) | v << 24;
}

static void convert_row(const struct fh__capture *c, const uint8_t *in, size_t n, uint32_t *out)
{
    uint32_t px;
    uint16_t half;
    size_t i;

    for (i = 0; i < n; i++) {
        if (c->d->bits_per_pixel == 32) {
            memcpy(&px, in + 4 * i, 4);
            px = c->is_swapped ? swap32(px) : px;
        } else {
            memcpy(&half, in + 2 * i, 2);
            px = c->is_swapped ? (uint16_t)(half >> 8 | half << 8) : half;
        }
        out[i] = to_8_bits(px, &c->rgb[0]) << 16 | to_8_bits(px, &c->rgb[1]) << 8 |
                 to_8_bits(px, &c->rgb[2]);
    }
}

/* A row as the picture has them, but for the top bytes. Data is aligned to 4 bytes, as X has it. */
static const uint32_t *plain_row(struct fh__capture *c, const uint8_t *in, size_t n)
{
    if (c->is_plain)
        return (const uint32_t *)(const void *)in;
    convert_row(c, in, n, c->row);
    return c->row;
}

static size_t row_bytes(const struct fh__capture *c, size_t width)
{
    size_t bits = width * c->d->bits_per_pixel, pad = c->d->scanline_pad;

    return (bits + pad - 1) / pad * pad / 8;
}

/* Shared memory without a name: who is given the descriptor has it, and nobody else. */
static int open_shared(size_t len)
{
    int fd = memfd_create("vncserverd", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return -1;
    /* Memory is reserved now, so that its lack is an error here and not a signal later. */
    if (fchmod(fd, 0600) != 0 || posix_fallocate(fd, 0, (off_t)len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- the picture's memory ---- */

static size_t picture_bytes(const struct fh_framebuffer *fb)
{
    return 4 * (size_t)fb->width * (size_t)fb->height;
}

static void free_picture(struct fh_framebuffer *fb, int memory)
{
    if (!fb->px)
        return;
    munmap(fb->px, picture_bytes(fb));
    close(memory);
}

/* Black, and for whoever has the descriptor as it is: neither its size nor, by others, a pixel of
 * it can be changed. */
static int make_picture(struct fh_framebuffer *fb, int *memory)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
    size_t len = picture_bytes(fb);
    int fd = open_shared(len);
    void *map;

    if (fd < 0)
        return -1;
    map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED || fcntl(fd, F_ADD_SEALS, seals) != 0) {
        if (map != MAP_FAILED)
            munmap(map, len);
        close(fd);
        return -1;
    }
    fb->px = map;
    *memory = fd;
    return 0;
}

int fh__capture_renew(struct fh__capture *c)
{
    struct fh_framebuffer fresh = c->picture;
    int memory;

    if (make_picture(&fresh, &memory) != 0)
        return -1;
    memcpy(fresh.px, c->picture.px, picture_bytes(&fresh));
    free_picture(&c->picture, c->memory);
    c->picture = fresh;
    c->memory = memory;
    return 0;
}

int fh__capture_memory(const struct fh__capture *c)
{
    return c->memory;
}

/* ---- the X server's memory ---- */

static void detach(struct fh__capture *c)
{
    if (c->segment)
        xcb_shm_detach(c->d->c, c->segment);
    if (c->shared)
        munmap(c->shared, c->shared_len);
    c->segment = 0;
    c->shared = NULL;
}

static void attach(struct fh__capture *c)
{
    size_t len = row_bytes(c, (size_t)c->picture.width) * (size_t)c->picture.height;
    xcb_generic_error_t *err;
    void *map;
    int fd;

    detach(c);
    if (!c->d->has_shm || (fd = open_shared(len)) < 0)
        return;
    map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        close(fd);
        return;
    }
    c->shared = map;
    c->shared_len = len;
    c->segment = xcb_generate_id(c->d->c);
    /* xcb closes the descriptor when it has sent it. */
    err = xcb_request_check(c->d->c, xcb_shm_attach_fd_checked(c->d->c, c->segment, fd, 0));
    if (err) {
        c->segment = 0;
        detach(c);
        free(err);
    }
}

int fh__capture_resize(struct fh__capture *c, uint16_t width, uint16_t height)
{
    struct fh_framebuffer picture = {.width = width, .height = height, .stride_px = width};
    uint32_t *row;
    int memory;

    if (width < 1 || width > FH_FRAMEBUFFER_MAX_SIDE || height < 1 ||
        height > FH_FRAMEBUFFER_MAX_SIDE)
        return -1;
    row = calloc(width, sizeof *row);
    if (!row || make_picture(&picture, &memory) != 0) {
        free(row);
        return -1;
    }
    free_picture(&c->picture, c->memory);
    free(c->row);
    c->picture = picture;
    c->memory = memory;
    c->row = row;
    c->is_damaged = c->is_all_damaged = true;
    attach(c);
    return 0;
}

struct fh__capture *fh__capture_new(const struct fh__display *d, uint16_t width, uint16_t height)
{
    struct fh__capture *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->d = d;
    learn_pixels(c);
    if (fh__capture_resize(c, width, height) != 0) {
        free(c);
        return NULL;
    }
    c->damage = xcb_generate_id(d->c);
    c->region = xcb_generate_id(d->c);
    xcb_damage_create(d->c, c->damage, d->screen->root, XCB_DAMAGE_REPORT_LEVEL_NON_EMPTY);
    xcb_xfixes_create_region(d->c, c->region, 0, NULL);
    fh__log(FH__LOG_INFO, "capturing %ux%u pixels %s", width, height,
            c->segment ? "through shared memory" : "without shared memory");
    return c;
}

void fh__capture_free(struct fh__capture *c)
{
    if (!c)
        return;
    xcb_damage_destroy(c->d->c, c->damage);
    xcb_xfixes_destroy_region(c->d->c, c->region);
    detach(c);
    free_picture(&c->picture, c->memory);
    free(c->row);
    free(c);
}

bool fh__capture_event(struct fh__capture *c, const xcb_generic_event_t *ev)
{
    if ((ev->response_type & 0x7f) != c->d->first_damage + XCB_DAMAGE_NOTIFY)
        return false;
    c->is_damaged = true;
    return true;
}

bool fh__capture_is_damaged(const struct fh__capture *c)
{
    return c->is_damaged;
}

bool fh__capture_is_shared_memory(const struct fh__capture *c)
{
    return c->segment != 0;
}

const struct fh_framebuffer *fh__capture_picture(const struct fh__capture *c)
{
    return &c->picture;
}

/* Copies one tile's part of a row if it differs; the top byte of what comes says nothing. */
static bool copy_if_new(uint32_t *to, const uint32_t *from, size_t n)
{
    uint32_t differs = 0;

    for (size_t i = 0; i < n; i++)
        differs |= to[i] ^ from[i];
    if ((differs & RGB) == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] & RGB;
    return true;
}

/* Who is told of it. */
struct listener {
    const struct fh__capture_events *events;
    void *user;
};

/* Tells of the tiles in one band of rows that differ, neighbours together. */
static void report(const bool *is_new, const struct fh_rect *band, const struct listener *l)
{
    int32_t x, from = -1, next, end = band->x + band->w;
    struct fh_rect r;

    for (x = band->x; x <= end; x = next) {
        next = (x / TILE + 1) * TILE;
        if (x < end && is_new[x / TILE]) {
            from = from < 0 ? x : from;
            next = next > end ? end : next;
            continue;
        }
        if (from >= 0) {
            r = (struct fh_rect){from, band->y, x - from, band->h};
            l->events->changed(l->user, &r);
        }
        from = -1;
    }
}

/* Puts the fetched pixels of one box into the picture. */
static void merge(struct fh__capture *c, const struct fh_rect *box, const uint8_t *data,
                  const struct listener *l)
{
    size_t stride = row_bytes(c, (size_t)box->w);
    struct fh_rect band = *box;
    bool is_new[FH_FRAMEBUFFER_MAX_SIDE / TILE + 1];
    int32_t x, y, next, end_x = box->x + box->w, end_y = box->y + box->h;
    const uint32_t *row;
    uint32_t *to;

    for (band.y = box->y; band.y < end_y; band.y += band.h) {
        band.h = (band.y / TILE + 1) * TILE - band.y;
        band.h = band.h > end_y - band.y ? end_y - band.y : band.h;
        memset(is_new, 0, sizeof is_new);
        for (y = band.y; y < band.y + band.h; y++) {
            row = plain_row(c, data + (size_t)(y - box->y) * stride, (size_t)box->w);
            to = c->picture.px + (size_t)y * (size_t)c->picture.stride_px;
            for (x = box->x; x < end_x; x = next) {
                next = (x / TILE + 1) * TILE;
                next = next > end_x ? end_x : next;
                is_new[x / TILE] |= copy_if_new(to + x, row + (x - box->x), (size_t)(next - x));
            }
        }
        report(is_new, &band, l);
    }
}

static bool clip(struct fh_rect *r, const struct fh_framebuffer *fb)
{
    int32_t right = r->x + r->w, bottom = r->y + r->h;

    r->x = r->x < 0 ? 0 : r->x;
    r->y = r->y < 0 ? 0 : r->y;
    r->w = (right > fb->width ? fb->width : right) - r->x;
    r->h = (bottom > fb->height ? fb->height : bottom) - r->y;
    return r->w > 0 && r->h > 0;
}

/* The boxes of damage since the last time, clipped to the picture. */
static size_t take_boxes(struct fh__capture *c, struct fh_rect *out)
{
    xcb_connection_t *conn = c->d->c;
    xcb_xfixes_fetch_region_reply_t *r;
    xcb_rectangle_t *rects;
    size_t i, n, kept = 0;

    xcb_damage_subtract(conn, c->damage, XCB_NONE, c->region);
    r = xcb_xfixes_fetch_region_reply(conn, xcb_xfixes_fetch_region(conn, c->region), NULL);
    if (!r)
        return 0;
    n = (size_t)xcb_xfixes_fetch_region_rectangles_length(r);
    rects = xcb_xfixes_fetch_region_rectangles(r);
    if (c->is_all_damaged) {
        out[0] = (struct fh_rect){0, 0, c->picture.width, c->picture.height};
        kept = 1;
    } else if (n > MAX_BOXES) {
        out[0] = (struct fh_rect){r->extents.x, r->extents.y, r->extents.width, r->extents.height};
        kept = clip(&out[0], &c->picture);
    } else {
        for (i = 0; i < n; i++) {
            out[kept] = (struct fh_rect){rects[i].x, rects[i].y, rects[i].width, rects[i].height};
            kept += clip(&out[kept], &c->picture);
        }
    }
    free(r);
    return kept;
}

static bool fetch_plain(struct fh__capture *c, const struct fh_rect *b, const struct listener *l)
{
    xcb_get_image_cookie_t cookie =
        xcb_get_image(c->d->c, XCB_IMAGE_FORMAT_Z_PIXMAP, c->d->screen->root, (int16_t)b->x,
                      (int16_t)b->y, (uint16_t)b->w, (uint16_t)b->h, UINT32_MAX);
    xcb_get_image_reply_t *r = xcb_get_image_reply(c->d->c, cookie, NULL);
    bool ok =
        r && (size_t)xcb_get_image_data_length(r) >= row_bytes(c, (size_t)b->w) * (size_t)b->h;

    if (ok)
        merge(c, b, xcb_get_image_data(r), l);
    free(r);
    return ok;
}

/* Damage that fills most of the rectangle around it is fetched as that: a dragged window is one. */
static size_t join_boxes(struct fh_rect *boxes, size_t n)
{
    struct fh_rect all = boxes[0];
    int64_t area = 0;

    for (size_t i = 0; i < n; i++) {
        const struct fh_rect *b = &boxes[i];
        const int32_t right = all.x + all.w > b->x + b->w ? all.x + all.w : b->x + b->w;
        const int32_t bottom = all.y + all.h > b->y + b->h ? all.y + all.h : b->y + b->h;

        all.x = all.x < b->x ? all.x : b->x;
        all.y = all.y < b->y ? all.y : b->y;
        all.w = right - all.x;
        all.h = bottom - all.y;
        area += (int64_t)b->w * b->h;
    }
    if (n < 2 || area * 4 < (int64_t)all.w * all.h * 3)
        return n;
    boxes[0] = all;
    return 1;
}

/* The largest box is looked at, for what only moved. */
static void follow(struct fh__capture *c, const struct fh_rect *boxes, size_t n,
                   const struct listener *l)
{
    const uint8_t *data = c->shared, *largest_data = data;
    const struct fh_rect *largest = &boxes[0];
    struct fh_motion m;

    if (!c->is_plain || c->is_all_damaged)
        return;
    for (size_t i = 0; i < n; i++) {
        if ((int64_t)boxes[i].w * boxes[i].h > (int64_t)largest->w * largest->h) {
            largest = &boxes[i];
            largest_data = data;
        }
        data += row_bytes(c, (size_t)boxes[i].w) * (size_t)boxes[i].h;
    }
    if (!fh_motion_find(&c->history, &c->picture, largest,
                        (const uint32_t *)(const void *)largest_data,
                        row_bytes(c, (size_t)largest->w) / sizeof(uint32_t), &m))
        return;
    fh_motion_apply(&c->picture, &m);
    l->events->moved(l->user, &m);
}

/* All boxes are asked for before the first answer is awaited: one round trip. */
static bool fetch_shared(struct fh__capture *c, const struct fh_rect *boxes, size_t n,
                         const struct listener *l)
{
    xcb_shm_get_image_cookie_t cookies[MAX_BOXES];
    xcb_shm_get_image_reply_t *r;
    bool has_come[MAX_BOXES], ok = true;
    size_t i, at, len;

    for (i = at = 0; i < n; i++) {
        cookies[i] =
            xcb_shm_get_image(c->d->c, c->d->screen->root, (int16_t)boxes[i].x, (int16_t)boxes[i].y,
                              (uint16_t)boxes[i].w, (uint16_t)boxes[i].h, UINT32_MAX,
                              XCB_IMAGE_FORMAT_Z_PIXMAP, c->segment, (uint32_t)at);
        at += row_bytes(c, (size_t)boxes[i].w) * (size_t)boxes[i].h;
    }
    for (i = at = 0; i < n; i++) {
        at += row_bytes(c, (size_t)boxes[i].w) * (size_t)boxes[i].h;
        r = xcb_shm_get_image_reply(c->d->c, cookies[i], NULL);
        has_come[i] = r && at <= c->shared_len;
        ok = ok && has_come[i];
        free(r);
    }
    if (ok)
        follow(c, boxes, n, l);
    for (i = at = 0; i < n; i++, at += len) {
        len = row_bytes(c, (size_t)boxes[i].w) * (size_t)boxes[i].h;
        if (has_come[i])
            merge(c, &boxes[i], c->shared + at, l);
    }
    return ok;
}

void fh__capture_take(struct fh__capture *c, const struct fh__capture_events *events, void *user)
{
    const struct listener l = {events, user};
    struct fh_rect boxes[MAX_BOXES + 1];
    size_t i, n, bytes = 0;
    bool ok = true;

    if (!c->is_damaged)
        return;
    c->is_damaged = false;
    n = take_boxes(c, boxes);
    n = n > 0 ? join_boxes(boxes, n) : 0;
    for (i = 0; i < n; i++)
        bytes += row_bytes(c, (size_t)boxes[i].w) * (size_t)boxes[i].h;
    if (n > 0 && c->segment && bytes > c->shared_len) { /* row padding can make many boxes larger */
        boxes[0] = (struct fh_rect){0, 0, c->picture.width, c->picture.height};
        n = 1;
    }
    if (c->segment)
        ok = n == 0 || fetch_shared(c, boxes, n, &l);
    else
        for (i = 0; i < n; i++)
            ok &= fetch_plain(c, &boxes[i], &l);
    /* It fails when the screen has just become smaller: the event that says so is on its way. */
    c->is_all_damaged = !ok;
}
