/* SPDX-License-Identifier: MIT */
/* session.h -- our server's machine and our client's, in memory. Test code only. */
#ifndef FH_TEST_SESSION_H
#define FH_TEST_SESSION_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/rfb_client.h>
#include <farhand/rfb_server.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])

enum { MAX_SIDE = 700 };

struct session {
    struct fh_rfb_server *server;
    struct fh_rfb_client *client;
    struct fh_framebuffer fb;
    size_t step; /* bytes given to a machine at a time */
    uint32_t seed;
    /* What the two told. */
    size_t n_server[FH_RFB_SERVER_EV_RESIZE + 1], n_client[FH_RFB_CLIENT_EV_POINTER + 1];
    struct fh_rfb_server_event key, pointer, resize;
    enum fh_rfb_resize_status resized;
    unsigned leds;
    struct fh_rfb_client_event moved;
    char to_server[FH_RFB_CUT_TEXT_MAX + 1], to_client[FH_RFB_CUT_TEXT_MAX + 1];
    struct fh_rfb_client_event cursor;
    uint32_t cursor_px[16];
    uint64_t server_bytes, client_bytes;
    size_t most_out; /* the most that the server ever lent at once */
};

static inline uint32_t next(struct session *t)
{
    t->seed ^= t->seed << 13;
    t->seed ^= t->seed >> 17;
    t->seed ^= t->seed << 5;
    return t->seed;
}

static inline int32_t below(struct session *t, int32_t n)
{
    return (int32_t)(next(t) % (uint32_t)n);
}

/* A picture with flat parts, few colours and noise, so that all kinds of tiles occur. */
static inline void paint(struct session *t, const struct fh_rect *r)
{
    const uint32_t colour = next(t) & 0xffffff, kind = next(t) % 3;

    for (int32_t y = r->y; y < r->y + r->h; y++)
        for (int32_t x = r->x; x < r->x + r->w; x++)
            t->fb.px[y * t->fb.stride_px + x] = kind == 0   ? colour
                                                : kind == 1 ? colour ^ (next(t) & 0x030303)
                                                            : next(t) & 0xffffff;
}

static inline struct fh_framebuffer picture_new(int32_t w, int32_t h)
{
    struct fh_framebuffer fb = {.width = w, .height = h, .stride_px = w + 3};

    fb.px = calloc((size_t)fb.stride_px * (size_t)h, sizeof *fb.px);
    ck_assert_ptr_nonnull(fb.px);
    return fb;
}

static inline struct session *session_new(const struct fh_rfb_client_config *cfg, size_t step)
{
    struct session *t = calloc(1, sizeof *t);

    ck_assert_ptr_nonnull(t);
    t->step = step;
    t->seed = 2463534242u;
    t->fb = picture_new(320, 200);
    paint(t, &(struct fh_rect){0, 0, 320, 200});
    t->server = fh_rfb_server_new();
    t->client = fh_rfb_client_new(cfg);
    ck_assert_ptr_nonnull(t->server);
    ck_assert_ptr_nonnull(t->client);
    fh_rfb_server_set_name(t->server, "caf\xc3\xa9 desk");
    ck_assert_int_eq(fh_rfb_server_set_screen(t->server, &t->fb, NULL, 0), 0);
    return t;
}

static inline void session_free(struct session *t)
{
    fh_rfb_client_free(t->client);
    fh_rfb_server_free(t->server);
    free(t->fb.px);
    free(t);
}

/* For each byte: what Check's macros do even when all is well takes too long. */
static inline void must(bool ok, const char *what)
{
    if (!ok)
        ck_abort_msg("%s", what);
}

static inline void server_events(struct session *t)
{
    struct fh_rfb_server_event ev;
    int ret;

    while ((ret = fh_rfb_server_event(t->server, &ev)) > 0) {
        t->n_server[ev.type]++;
        if (ev.type == FH_RFB_SERVER_EV_KEY)
            t->key = ev;
        if (ev.type == FH_RFB_SERVER_EV_POINTER)
            t->pointer = ev;
        if (ev.type == FH_RFB_SERVER_EV_RESIZE)
            t->resize = ev;
        if (ev.type == FH_RFB_SERVER_EV_CUT_TEXT) {
            ck_assert_uint_lt(ev.cut_text.len, sizeof t->to_server);
            memcpy(t->to_server, ev.cut_text.text, ev.cut_text.len + 1);
        }
    }
    must(ret == 0, "the server's machine failed");
}

static inline void client_events(struct session *t)
{
    struct fh_rfb_client_event ev;
    int ret;

    while ((ret = fh_rfb_client_event(t->client, &ev)) > 0) {
        t->n_client[ev.type]++;
        if (ev.type == FH_RFB_CLIENT_EV_LEDS)
            t->leds = ev.leds.on;
        if (ev.type == FH_RFB_CLIENT_EV_POINTER)
            t->moved = ev;
        if (ev.type == FH_RFB_CLIENT_EV_RESIZED)
            t->resized = ev.resized.status;
        if (ev.type == FH_RFB_CLIENT_EV_CUT_TEXT) {
            ck_assert_uint_lt(ev.cut_text.len, sizeof t->to_client);
            memcpy(t->to_client, ev.cut_text.text, ev.cut_text.len + 1);
        }
        if (ev.type == FH_RFB_CLIENT_EV_CURSOR) {
            t->cursor = ev;
            ck_assert_int_le(ev.cursor.w * ev.cursor.h, (int)ARRAY_LEN(t->cursor_px));
            if (ev.cursor.w != 0)
                memcpy(t->cursor_px, ev.cursor.argb,
                       (size_t)(ev.cursor.w * ev.cursor.h) * sizeof *ev.cursor.argb);
        }
    }
    must(ret == 0, "the client's machine failed");
}

/* Carries what the client has to say. False: nothing. */
static inline bool to_server(struct session *t)
{
    size_t len, room;
    const uint8_t *out = fh_rfb_client_out(t->client, &len);
    uint8_t *in;

    if (!out)
        return false;
    in = fh_rfb_server_in(t->server, &room);
    must(in != NULL, "a machine takes no bytes");
    len = len < room ? len : room;
    len = len < t->step ? len : t->step;
    memcpy(in, out, len);
    fh_rfb_client_out_done(t->client, len);
    must(fh_rfb_server_in_done(t->server, 0, len) == 0, "the server's machine failed");
    t->client_bytes += len;
    server_events(t);
    return true;
}

/* Carries up to max bytes of what the server has to say. */
static inline bool to_client(struct session *t, size_t max)
{
    size_t len, room;
    const uint8_t *out = fh_rfb_server_out(t->server, 0, &len);
    uint8_t *in;

    if (!out)
        return false;
    if (len > t->most_out)
        t->most_out = len;
    in = fh_rfb_client_in(t->client, &room);
    must(in != NULL, "a machine takes no bytes");
    len = len < room ? len : room;
    len = len < t->step ? len : t->step;
    len = len < max ? len : max;
    memcpy(in, out, len);
    fh_rfb_server_out_done(t->server, len);
    fh_rfb_client_in_done(t->client, 0, len);
    t->server_bytes += len;
    client_events(t);
    return true;
}

static inline void settle(struct session *t)
{
    bool a, b;

    do {
        a = to_server(t);
        b = to_client(t, SIZE_MAX);
    } while (a || b);
}

static inline void assert_same_picture(const struct session *t)
{
    const struct fh_framebuffer *got = fh_rfb_client_framebuffer(t->client);

    ck_assert_ptr_nonnull(got);
    ck_assert_int_eq(got->width, t->fb.width);
    ck_assert_int_eq(got->height, t->fb.height);
    for (int32_t y = 0; y < got->height; y++)
        for (int32_t x = 0; x < got->width; x++) {
            const uint32_t is = got->px[y * got->stride_px + x];
            const uint32_t want = t->fb.px[y * t->fb.stride_px + x];

            if (is != want)
                ck_abort_msg("pixel %d,%d is %06x, not %06x", x, y, is, want);
        }
}

#endif
