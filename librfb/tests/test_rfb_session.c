/* SPDX-License-Identifier: MIT */
/* Our server's machine against our client's machine, in memory, fed whole and byte by byte. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session.h"

/* Each row is run whole and byte by byte. */
static const int32_t only_raw[] = {FH_ENC_RAW};
static const int32_t bare_zrle[] = {FH_ENC_ZRLE, FH_ENC_DESKTOP_SIZE};
static const int32_t tight_copy[] = {FH_ENC_TIGHT, FH_ENC_COPY_RECT, FH_ENC_DESKTOP_SIZE,
                                     FH_ENC_LAST_RECT};
static const int32_t raw_copy[] = {FH_ENC_COPY_RECT, FH_ENC_RAW, FH_ENC_EXTENDED_DESKTOP_SIZE};
static const struct fh_rfb_client_config configs[] = {
    {.encodings = only_raw, .n_encodings = 1, .quality = -1, .level = -1},
    {.encodings = bare_zrle, .n_encodings = 2, .quality = -1, .level = 9},
    {.encodings = tight_copy, .n_encodings = 4, .quality = -1, .level = 1},
    {.encodings = raw_copy, .n_encodings = 3, .quality = -1, .level = -1},
    {.quality = -1, .level = -1},
    {.quality = -1, .level = 6, .continuous = true},
};
enum { N_CONFIGS = (int)ARRAY_LEN(configs), N_RUNS = 2 * N_CONFIGS };

static struct session *session_for(int run)
{
    return session_new(&configs[run % N_CONFIGS], run < N_CONFIGS ? SIZE_MAX : 1);
}

static bool can_resize(int run)
{
    return run % N_CONFIGS != 0;
}

START_TEST(the_first_picture_and_the_name_arrive)
{
    struct session *t = session_for(_i);

    settle(t);
    ck_assert_uint_eq(t->n_server[FH_RFB_SERVER_EV_READY], 1);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_READY], 1);
    ck_assert_uint_ge(t->n_client[FH_RFB_CLIENT_EV_UPDATE], 1);
    ck_assert_str_eq(fh_rfb_client_name(t->client), "caf\xc3\xa9 desk");
    assert_same_picture(t);
    session_free(t);
}
END_TEST

static struct fh_rect some_rect(struct session *t)
{
    struct fh_rect r;

    r.x = below(t, t->fb.width);
    r.y = below(t, t->fb.height);
    r.w = 1 + below(t, t->fb.width - r.x);
    r.h = 1 + below(t, t->fb.height - r.y);
    return r;
}

static void change_picture(struct session *t)
{
    struct fh_rect r = some_rect(t);

    if (next(t) % 4 != 0) {
        r.w = r.w > 12 ? 12 : r.w;
        r.h = r.h > 12 ? 12 : r.h;
    }
    paint(t, &r);
    fh_rfb_server_damage(t->server, &r);
}

/* Moves pixels as a scroll does, by memmove, then says so. */
static void scroll_picture(struct session *t)
{
    const struct fh_rect all = {0, 0, t->fb.width, t->fb.height};
    struct fh_rect r = next(t) % 2 ? all : some_rect(t);
    int32_t dx = below(t, 41) - 20, dy = below(t, 41) - 20;
    struct fh_framebuffer old = picture_new(t->fb.width, t->fb.height);

    for (int32_t y = 0; y < t->fb.height; y++)
        memcpy(old.px + y * old.stride_px, t->fb.px + y * t->fb.stride_px,
               (size_t)t->fb.width * sizeof *old.px);
    for (int32_t y = r.y; y < r.y + r.h; y++)
        for (int32_t x = r.x; x < r.x + r.w; x++)
            if (x - dx >= 0 && x - dx < old.width && y - dy >= 0 && y - dy < old.height)
                t->fb.px[y * t->fb.stride_px + x] = old.px[(y - dy) * old.stride_px + x - dx];
    free(old.px);
    fh_rfb_server_copy(t->server, &r, r.x - dx, r.y - dy);
}

static void use_picture(struct session *t, int32_t width, int32_t height)
{
    struct fh_framebuffer old = t->fb;

    t->fb = picture_new(width, height);
    paint(t, &(struct fh_rect){0, 0, width, height});
    ck_assert_int_eq(fh_rfb_server_set_screen(t->server, &t->fb, NULL, 0), 0);
    free(old.px);
}

static void resize_picture(struct session *t)
{
    use_picture(t, 200 + below(t, MAX_SIDE - 200), 100 + below(t, MAX_SIDE - 200));
}

/*
 * Changes of all kinds fall between pieces of updates, in an order that a seed decides; whenever
 * all is quiet the viewer's picture is the server's.
 */
START_TEST(random_changes_end_in_equal_pictures)
{
    struct session *t = session_for(_i);
    /* An emulated machine is fifty times slower, and needs to be shown that it is the same only. */
    const int rounds = (t->step == 1 ? 10 : 150) / (getenv("FARHAND_SLOW") ? 10 : 1);

    /* Too large for one call of _out, so that updates stay open. */
    use_picture(t, 600, 400);
    for (int round = 0; round < rounds; round++) {
        for (int i = below(t, 8); i >= 0; i--) {
            if (next(t) % 3 == 0)
                scroll_picture(t);
            else
                change_picture(t);
            if (can_resize(_i) && next(t) % 48 == 0)
                resize_picture(t);
            if (next(t) % 16 == 0) {
                fh_rfb_server_pause(t->server, true);
                fh_rfb_server_pause(t->server, false);
            }
            for (int n = below(t, 4); n > 0; n--) {
                to_client(t, 1 + (size_t)below(t, 4000));
                to_server(t);
            }
        }
        settle(t);
        assert_same_picture(t);
    }
    session_free(t);
}
END_TEST

START_TEST(a_scroll_costs_no_pixels)
{
    struct session *t = session_new(&configs[4], SIZE_MAX);
    struct fh_rect r = {0, 0, 320, 190}, strip = {0, 190, 320, 10};
    uint64_t before;

    paint(t, &(struct fh_rect){0, 0, 320, 200});
    settle(t);
    before = t->server_bytes;
    for (int32_t y = 0; y < 190; y++)
        memcpy(t->fb.px + y * t->fb.stride_px, t->fb.px + (y + 10) * t->fb.stride_px, 320 * 4);
    fh_rfb_server_copy(t->server, &r, 0, 10);
    for (int32_t y = 190; y < 200; y++)
        memset(t->fb.px + y * t->fb.stride_px, 0, 320 * 4);
    fh_rfb_server_damage(t->server, &strip);
    settle(t);
    assert_same_picture(t);
    ck_assert_uint_lt(t->server_bytes - before, 200);
    session_free(t);
}
END_TEST

START_TEST(a_slow_viewer_costs_no_memory_and_gets_the_newest_picture)
{
    struct session *t = session_for(_i);
    const size_t bound = fh_encoder_bound(FH_ENCODER_MAX_PIXELS) + 65536;
    uint64_t before;
    size_t len;

    settle(t);
    before = t->server_bytes;
    for (int i = 0; i < 500; i++) {
        paint(t, &(struct fh_rect){0, 0, 320, 200});
        fh_rfb_server_damage(t->server, &(struct fh_rect){0, 0, 320, 200});
        fh_rfb_server_out(t->server, 0, &len);
        must(len <= bound, "more is lent than one rectangle");
    }
    settle(t);
    assert_same_picture(t);
    ck_assert_uint_le(t->most_out, bound);
    /* What was encoded when the viewer fell behind, and the newest: not 500 pictures. */
    ck_assert_uint_le(t->server_bytes - before, 3 * 320 * 200 * 4);
    session_free(t);
}
END_TEST

START_TEST(input_arrives_as_it_was_sent)
{
    struct session *t = session_for(_i);

    settle(t);
    ck_assert_int_eq(fh_rfb_client_key(t->client, 0xff0d, 0x1c, true), 0);
    ck_assert_int_eq(fh_rfb_client_pointer(t->client, 319, 199, 0x7f), 0);
    settle(t);
    ck_assert_uint_eq(t->key.key.keysym, 0xff0d);
    ck_assert(t->key.key.down);
    /* The scan code needs QEMU's extension, which only the full lists ask for. */
    ck_assert_uint_eq(t->key.key.keycode, _i % N_CONFIGS >= 4 ? 0x1c : 0);
    ck_assert_uint_eq(t->pointer.pointer.x, 319);
    ck_assert_uint_eq(t->pointer.pointer.y, 199);
    ck_assert_uint_eq(t->pointer.pointer.buttons, 0x7f);
    ck_assert_int_eq(fh_rfb_client_pointer(t->client, 320, 0, 0), FH_RFB_E_INVAL);
    session_free(t);
}
END_TEST

START_TEST(cut_texts_go_both_ways)
{
    static const char text[] = "Gr\xc3\xbc\xc3\x9f"
                               "e \xe2\x82\xac\n\tend";
    static const char latin[] = "Gr\xc3\xbc\xc3\x9f"
                                "e ?\n\tend";
    struct session *t = session_for(_i);
    char *big = malloc(FH_RFB_CUT_TEXT_MAX + 1);

    ck_assert_ptr_nonnull(big);
    memset(big, 'x', FH_RFB_CUT_TEXT_MAX + 1);
    settle(t);
    ck_assert_int_eq(fh_rfb_client_cut_text(t->client, text, strlen(text)), 0);
    ck_assert_int_eq(fh_rfb_server_cut_text(t->server, text, strlen(text)), 0);
    settle(t);
    /* The extended clipboard is in the full lists only. */
    ck_assert_str_eq(t->to_server, _i % N_CONFIGS >= 4 ? text : latin);
    ck_assert_str_eq(t->to_client, _i % N_CONFIGS >= 4 ? text : latin);
    ck_assert_int_eq(fh_rfb_client_cut_text(t->client, big, FH_RFB_CUT_TEXT_MAX), 0);
    ck_assert_int_eq(fh_rfb_server_cut_text(t->server, big, FH_RFB_CUT_TEXT_MAX), 0);
    settle(t);
    ck_assert_uint_eq(strlen(t->to_server), FH_RFB_CUT_TEXT_MAX);
    ck_assert_uint_eq(strlen(t->to_client), FH_RFB_CUT_TEXT_MAX);
    ck_assert_int_eq(fh_rfb_client_cut_text(t->client, big, FH_RFB_CUT_TEXT_MAX + 1),
                     FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_server_cut_text(t->server, big, FH_RFB_CUT_TEXT_MAX + 1),
                     FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_server_cut_text(t->server, "\xff", 1), FH_RFB_E_INVAL);
    free(big);
    session_free(t);
}
END_TEST

START_TEST(the_bell_rings)
{
    struct session *t = session_for(_i);

    fh_rfb_server_bell(t->server);
    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_BELL], 0);
    fh_rfb_server_bell(t->server);
    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_BELL], 1);
    session_free(t);
}
END_TEST

START_TEST(the_cursor_and_the_name_follow)
{
    static const uint32_t shape[9] = {0xff112233, 0x00445566, 0xff000000, 0x80ffffff, 0x7fffffff,
                                      0,          0xffabcdef, 0xff010203, 0xff040506};
    struct session *t = session_new(&configs[4 + _i % 2], _i < 2 ? SIZE_MAX : 1);

    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_CURSOR], 0);
    ck_assert_int_eq(fh_rfb_server_set_cursor(t->server, shape, 3, 3, 2, 1), 0);
    fh_rfb_server_set_name(t->server, "other");
    settle(t);
    ck_assert_str_eq(fh_rfb_client_name(t->client), "other");
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_CURSOR], 1);
    ck_assert_int_eq(t->cursor.cursor.hot_x, 2);
    ck_assert_int_eq(t->cursor.cursor.hot_y, 1);
    for (int i = 0; i < 9; i++)
        ck_assert_uint_eq(t->cursor_px[i], shape[i] >> 24 != 0 ? shape[i] : 0);
    ck_assert_int_eq(fh_rfb_server_set_cursor(t->server, NULL, 0, 0, 0, 0), 0);
    settle(t);
    ck_assert_int_eq(t->cursor.cursor.w, 0);
    session_free(t);
}
END_TEST

static const enum fh_rfb_resize_status answers[] = {
    FH_RFB_RESIZE_OK, FH_RFB_RESIZE_PROHIBITED, FH_RFB_RESIZE_NO_RESOURCES, FH_RFB_RESIZE_INVALID};

START_TEST(the_viewer_asks_for_a_size_and_gets_an_answer)
{
    struct session *t = session_new(&configs[4], SIZE_MAX);

    settle(t);
    ck_assert_int_eq(fh_rfb_client_resize(t->client, 400, 300), 0);
    settle(t);
    ck_assert_uint_eq(t->resize.resize.width, 400);
    ck_assert_uint_eq(t->resize.resize.height, 300);
    ck_assert_uint_eq(t->resize.resize.n_screens, 1);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_RESIZED], 0);
    if (answers[_i] == FH_RFB_RESIZE_OK)
        use_picture(t, 400, 300);
    fh_rfb_server_resize_done(t->server, answers[_i]);
    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_RESIZED], 1);
    ck_assert_int_eq(t->resized, answers[_i]);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_SIZE], answers[_i] == FH_RFB_RESIZE_OK);
    assert_same_picture(t);
    session_free(t);
}
END_TEST

START_TEST(continuous_updates_need_no_requests_and_wait_for_fences)
{
    struct session *t = session_new(&configs[5], SIZE_MAX);
    uint64_t before;
    int updates = 0;
    size_t len;

    settle(t);
    before = t->client_bytes;
    for (int i = 0; i < 5; i++) {
        change_picture(t);
        settle(t);
    }
    assert_same_picture(t);
    /* Only answers to fences, 13 bytes each. */
    ck_assert_uint_eq((t->client_bytes - before) % 13, 0);
    ck_assert_uint_le(t->client_bytes - before, 5 * 13);

    /* A viewer that answers no fences gets two more updates. */
    for (int i = 0; i < 10; i++) {
        paint(t, &(struct fh_rect){0, 0, 10, 10});
        fh_rfb_server_damage(t->server, &(struct fh_rect){0, 0, 10, 10});
        if (fh_rfb_server_out(t->server, 0, &len)) {
            updates++;
            while (to_client(t, SIZE_MAX))
                ;
        }
    }
    ck_assert_int_eq(updates, 2);
    settle(t);
    assert_same_picture(t);
    session_free(t);
}
END_TEST

START_TEST(while_paused_nothing_of_the_picture_leaves)
{
    static const uint32_t shape[1] = {0xffffffff};
    struct session *t = session_for(_i);
    uint64_t before;

    settle(t);
    fh_rfb_server_pause(t->server, true);
    before = t->server_bytes;
    change_picture(t);
    scroll_picture(t);
    if (can_resize(_i))
        resize_picture(t);
    fh_rfb_server_set_name(t->server, "secret");
    ck_assert_int_eq(fh_rfb_server_set_cursor(t->server, shape, 1, 1, 0, 0), 0);
    ck_assert_int_eq(fh_rfb_client_refresh(t->client, &(struct fh_rect){0, 0, 10, 10}), 0);
    settle(t);
    ck_assert_uint_eq(t->server_bytes, before);
    ck_assert(!fh_rfb_server_is_waiting(t->server));
    fh_rfb_server_bell(t->server);
    settle(t);
    ck_assert_uint_eq(t->server_bytes, before + 1);
    fh_rfb_server_pause(t->server, false);
    settle(t);
    assert_same_picture(t);
    session_free(t);
}
END_TEST

/* A picture that needs several calls of _out, paused after the first. */
START_TEST(a_pause_in_an_update_ends_it)
{
    struct session *t = session_for(_i);
    size_t updates;
    uint64_t before;

    use_picture(t, 640, 480);
    settle(t);
    updates = t->n_client[FH_RFB_CLIENT_EV_UPDATE];
    for (int32_t i = 0; i < 640 * 480; i++)
        t->fb.px[i / 640 * t->fb.stride_px + i % 640] = next(t) & 0xffffff;
    fh_rfb_server_damage(t->server, &(struct fh_rect){0, 0, 640, 480});
    ck_assert(to_client(t, 1));
    fh_rfb_server_pause(t->server, true);
    before = t->server_bytes;
    settle(t);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_UPDATE], updates + 1);
    ck_assert_uint_lt(t->server_bytes - before, 640 * 480 * 4 / 2);
    fh_rfb_server_pause(t->server, false);
    settle(t);
    assert_same_picture(t);
    session_free(t);
}
END_TEST

START_TEST(jpeg_comes_close)
{
    const struct fh_rfb_client_config cfg = {.quality = 9, .level = -1};
    struct session *t = session_new(&cfg, _i == 0 ? SIZE_MAX : 1);
    const struct fh_framebuffer *got;
    int64_t off = 0;

    for (int32_t y = 0; y < 200; y++)
        for (int32_t x = 0; x < 320; x++)
            t->fb.px[y * t->fb.stride_px + x] = (uint32_t)(x * 255 / 320) << 16 |
                                                (uint32_t)(y * 255 / 200) << 8 |
                                                (uint32_t)((x + y) / 3);
    settle(t);
    got = fh_rfb_client_framebuffer(t->client);
    ck_assert_ptr_nonnull(got);
    for (int32_t y = 0; y < 200; y++)
        for (int32_t x = 0; x < 320; x++)
            for (int c = 0; c < 24; c += 8)
                off += abs((int)(got->px[y * got->stride_px + x] >> c & 0xff) -
                           (int)(t->fb.px[y * t->fb.stride_px + x] >> c & 0xff));
    ck_assert_int_lt(off, 3 * 320 * 200 * 4);
    /* Turned off, the picture becomes exact. */
    ck_assert_int_eq(fh_rfb_client_set_quality(t->client, -1, -1), 0);
    ck_assert_int_eq(fh_rfb_client_refresh(t->client, &(struct fh_rect){0, 0, 320, 200}), 0);
    settle(t);
    assert_same_picture(t);
    session_free(t);
}
END_TEST

/* Another process writes all the while, as fast as it can: pixels of few colours and of many. */
static pid_t start_painter(const struct fh_framebuffer *fb)
{
    volatile uint32_t *px = fb->px;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid > 0)
        return pid;
    for (uint32_t i = 1;; i++)
        for (size_t at = i % 7; at < (size_t)fb->stride_px * (size_t)fb->height; at += 1 + i % 5)
            px[at] = i & 1 ? i * 2654435761u & 0xffffff : i & 0x0f;
}

START_TEST(a_picture_that_another_process_changes_harms_nobody)
{
    struct session *t = session_new(&configs[_i], SIZE_MAX);
    const size_t bytes = 640 * 400 * sizeof *t->fb.px;
    const struct fh_rect all = {0, 0, 640, 400};
    struct fh_framebuffer old = t->fb;
    pid_t painter;

    t->fb = (struct fh_framebuffer){.width = 640, .height = 400, .stride_px = 640};
    t->fb.px = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(t->fb.px, MAP_FAILED);
    painter = start_painter(&t->fb);
    ck_assert_int_eq(fh_rfb_server_set_screen(t->server, &t->fb, NULL, 0), 0);
    for (int round = 0; round < 20; round++) {
        fh_rfb_server_damage(t->server, &all);
        settle(t); /* what the viewer's machine cannot read fails there */
    }
    kill(painter, SIGKILL);
    waitpid(painter, NULL, 0);
    /* What was torn is mended by the damage that follows. */
    fh_rfb_server_damage(t->server, &all);
    settle(t);
    if (_i != 0)
        assert_same_picture(t);
    ck_assert_uint_ge(t->n_client[FH_RFB_CLIENT_EV_UPDATE], 20);
    munmap(t->fb.px, bytes);
    t->fb = old;
    session_free(t);
}
END_TEST

/* S15: whoever goes away, and when, what was begun is given back (under ASan). */
START_TEST(s15_either_side_may_be_freed_at_every_byte)
{
    const struct fh_rfb_client_config cfg = {.quality = 5, .level = -1, .continuous = true};
    struct session *t;
    bool a, b;

    for (uint64_t end = 0;; end += 1 + end / 64) {
        t = session_new(&cfg, 1);
        do {
            a = to_server(t);
            b = t->server_bytes < end && to_client(t, SIZE_MAX);
            if (t->server_bytes == end / 2 && t->n_client[FH_RFB_CLIENT_EV_READY]) {
                fh_rfb_client_cut_text(t->client, "text", 4);
                fh_rfb_server_cut_text(t->server, "text", 4);
                change_picture(t);
            }
        } while (t->server_bytes < end && (a || b));
        a = t->server_bytes < end;
        session_free(t);
        if (a)
            break;
    }
}
END_TEST

/* ---- encoded elsewhere ---- */

enum { STUDIO_MAX = 40 };

/* What the application has of rectangles that were encoded for several viewers. */
struct studio {
    struct session *t;
    struct fh_encoder *encoder;
    struct {
        struct fh_rect r;
        uint8_t *bytes;
        size_t len;
    } has[STUDIO_MAX];
    size_t n;
    bool loses; /* some just when they are wanted */
    unsigned taken, asked;
};

static bool do_meet(const struct fh_rect *a, const struct fh_rect *b)
{
    return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h && b->y < a->y + a->h;
}

static void studio_drop(struct studio *u, size_t i)
{
    free(u->has[i].bytes);
    u->has[i] = u->has[--u->n];
}

static void studio_forget(struct studio *u, const struct fh_rect *r)
{
    for (size_t i = u->n; i-- > 0;)
        if (do_meet(&u->has[i].r, r))
            studio_drop(u, i);
}

static void studio_encode(struct studio *u, const struct fh_rect *r)
{
    const size_t room = fh_encoder_bound((size_t)r->w * (size_t)r->h);
    uint8_t *bytes;
    int len;

    studio_forget(u, r);
    if (u->n == STUDIO_MAX || r->w * r->h > FH_ENCODER_MAX_PIXELS)
        return;
    bytes = malloc(room);
    ck_assert_ptr_nonnull(bytes);
    len = fh_encoder_rect_alone(u->encoder, FH_ENC_TIGHT, &u->t->fb, r, bytes, room);
    ck_assert_int_gt(len, 0);
    u->has[u->n].r = *r;
    u->has[u->n].bytes = bytes;
    u->has[u->n++].len = (size_t)len;
}

static size_t studio_offer(void *user, const struct fh_rfb_coding *c, struct fh_rect *out,
                           size_t room)
{
    struct studio *u = user;

    ck_assert_int_eq(c->encoding, FH_ENC_TIGHT);
    ck_assert_uint_ge(room, u->n);
    for (size_t i = 0; i < u->n; i++)
        out[i] = u->has[i].r;
    return u->n;
}

static size_t studio_take(void *user, const struct fh_rfb_coding *c, const struct fh_rect *r,
                          uint8_t *out, size_t room)
{
    struct studio *u = user;

    ck_assert_int_eq(c->quality, -1);
    u->asked++;
    for (size_t i = 0; i < u->n; i++) {
        if (memcmp(&u->has[i].r, r, sizeof *r) != 0)
            continue;
        if (u->loses && next(u->t) % 3 == 0)
            return 0;
        ck_assert_uint_le(u->has[i].len, room);
        memcpy(out, u->has[i].bytes, u->has[i].len);
        u->taken++;
        return u->has[i].len;
    }
    return 0;
}

static const struct fh_rfb_elsewhere studio_ops = {studio_offer, studio_take};

/* Small changes, so that all kinds of rectangles of Tight come to be; most are encoded. */
static void studio_change(struct studio *u)
{
    struct fh_rect r = some_rect(u->t);

    paint(u->t, &r);
    studio_forget(u, &r);
    fh_rfb_server_damage(u->t->server, &r);
    for (int i = below(u->t, 4); i > 0; i--) {
        struct fh_rect part = r;

        part.w = 1 + below(u->t, r.w);
        part.h = 1 + below(u->t, r.h);
        part.x += below(u->t, r.w - part.w + 1);
        part.y += below(u->t, r.h - part.h + 1);
        studio_encode(u, &part);
    }
}

START_TEST(what_was_encoded_elsewhere_lies_among_the_rest)
{
    static const int with_tight[] = {2, 4, 5};
    struct session *t = session_for(with_tight[_i / 2 % 3] + (_i % 2 ? N_CONFIGS : 0));
    struct studio u = {.t = t, .encoder = fh_encoder_new(), .loses = _i >= 6};
    const int rounds = t->step == 1 ? 20 : 100;

    ck_assert_ptr_nonnull(u.encoder);
    fh_rfb_server_set_elsewhere(t->server, &studio_ops, &u);
    use_picture(t, 600, 400);
    for (int round = 0; round < rounds; round++) {
        for (int i = below(t, 5); i >= 0; i--) {
            studio_change(&u);
            for (int k = below(t, 4); k > 0; k--) {
                to_server(t);
                to_client(t, 1 + (size_t)below(t, 100000));
            }
        }
        settle(t);
        assert_same_picture(t);
    }
    ck_assert_uint_gt(u.taken, 8);
    ck_assert_uint_gt(u.asked, u.taken); /* and others were encoded here */
    while (u.n > 0)
        studio_drop(&u, 0);
    fh_encoder_free(u.encoder);
    session_free(t);
}
END_TEST

static size_t lie_take(void *user, const struct fh_rfb_coding *c, const struct fh_rect *r,
                       uint8_t *out, size_t room)
{
    static const uint8_t needs_before[] = {0x00, 1, 0}; /* stream 0 where it was left */

    (void)c;
    (void)r;
    if (*(int *)user == 0)
        return room + 1;
    if (*(int *)user == 1)
        memset(out, 0xff, room);
    else
        memcpy(out, needs_before, sizeof needs_before);
    return *(int *)user == 1 ? room : sizeof needs_before;
}

static size_t lie_offer(void *user, const struct fh_rfb_coding *c, struct fh_rect *out, size_t room)
{
    static const struct fh_rect lies[] = {
        {-1, 0, 5, 5},      {0, 0, 0, 5},     {0, 0, INT32_MAX, INT32_MAX},
        {300, 190, 50, 50}, {10, 10, 20, 20}, {15, 15, 20, 20}};

    (void)user;
    (void)c;
    ck_assert_uint_ge(room, ARRAY_LEN(lies));
    memcpy(out, lies, sizeof lies);
    return ARRAY_LEN(lies);
}

/* It is checked as far as this machine's own streams and memory depend on it. */
START_TEST(what_does_not_stand_for_itself_is_encoded_here)
{
    static const struct fh_rfb_elsewhere lies = {lie_offer, lie_take};
    struct session *t = session_for(2);

    fh_rfb_server_set_elsewhere(t->server, &lies, &_i);
    settle(t);
    assert_same_picture(t);
    session_free(t);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rfb session");
    TCase *tc = tcase_create("rfb session");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, the_first_picture_and_the_name_arrive, 0, N_RUNS);
    tcase_add_loop_test(tc, random_changes_end_in_equal_pictures, 0, N_RUNS);
    tcase_add_loop_test(tc, what_was_encoded_elsewhere_lies_among_the_rest, 0, 12);
    tcase_add_loop_test(tc, what_does_not_stand_for_itself_is_encoded_here, 0, 3);
    tcase_add_test(tc, a_scroll_costs_no_pixels);
    tcase_add_loop_test(tc, a_slow_viewer_costs_no_memory_and_gets_the_newest_picture, 0, N_RUNS);
    tcase_add_loop_test(tc, input_arrives_as_it_was_sent, 0, N_RUNS);
    tcase_add_loop_test(tc, cut_texts_go_both_ways, 0, N_RUNS);
    tcase_add_loop_test(tc, the_bell_rings, 0, N_RUNS);
    tcase_add_loop_test(tc, the_cursor_and_the_name_follow, 0, 4);
    tcase_add_loop_test(tc, the_viewer_asks_for_a_size_and_gets_an_answer, 0,
                        (int)ARRAY_LEN(answers));
    tcase_add_test(tc, continuous_updates_need_no_requests_and_wait_for_fences);
    tcase_add_loop_test(tc, while_paused_nothing_of_the_picture_leaves, 0, N_RUNS);
    tcase_add_loop_test(tc, a_pause_in_an_update_ends_it, 0, N_RUNS);
    tcase_add_loop_test(tc, jpeg_comes_close, 0, 2);
    tcase_add_loop_test(tc, a_picture_that_another_process_changes_harms_nobody, 0, N_CONFIGS);
    tcase_add_test(tc, s15_either_side_may_be_freed_at_every_byte);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
