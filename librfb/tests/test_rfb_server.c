/* SPDX-License-Identifier: MIT */
/* What a viewer may send to the server's machine, good and bad, fed whole and byte by byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/rfb_server.h>

static bool has_no_memory;

static void *malloc_or_not(size_t n)
{
    return has_no_memory ? NULL : malloc(n);
}

#define malloc malloc_or_not
#include "../src/new.c"
#undef malloc

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])
#define BYTES(s) s, sizeof(s) - 1

enum { W = 64, H = 48, OUT_MAX = 1 << 20 };

static uint32_t px[W * H];
static uint8_t out[OUT_MAX];

/* A machine with a screen of 64 x 48. */
static struct fh_rfb_server *server_new(void)
{
    const struct fh_framebuffer fb = {.px = px, .width = W, .height = H, .stride_px = W};
    struct fh_rfb_server *s = fh_rfb_server_new();

    ck_assert_ptr_nonnull(s);
    ck_assert_int_eq(fh_rfb_server_set_screen(s, &fb, NULL, 0), 0);
    fh_rfb_server_set_name(s, "desk");
    return s;
}

static size_t n_events;
static struct fh_rfb_server_event last;

/* Gives bytes, `step` at a time, and counts the events. Returns 0 or the machine's error. */
static int feed(struct fh_rfb_server *s, const void *data, size_t len, size_t step)
{
    const uint8_t *p = data;
    struct fh_rfb_server_event ev;
    size_t room, n;
    uint8_t *in;

    for (; len != 0; p += n, len -= n) {
        in = fh_rfb_server_in(s, &room);
        if (!in)
            break;
        n = len < room ? len : room;
        n = n < step ? n : step;
        memcpy(in, p, n);
        fh_rfb_server_in_done(s, 0, n);
        while (fh_rfb_server_event(s, &ev) > 0) {
            n_events++;
            last = ev;
        }
    }
    return fh_rfb_server_error(s);
}

/* All that it has to say now. */
static size_t drain(struct fh_rfb_server *s)
{
    size_t len, n = 0;
    const uint8_t *p;

    while ((p = fh_rfb_server_out(s, 0, &len)) != NULL) {
        ck_assert_uint_le(n + len, sizeof out);
        memcpy(out + n, p, len);
        n += len;
        fh_rfb_server_out_done(s, len);
    }
    return n;
}

/* Fence, ContinuousUpdates, ExtendedDesktopSize, QEMU keys, Extended Clipboard. */
#define ANNOUNCE                                                                                   \
    "\x02\0\0\x05\xff\xff\xfe\xc8\xff\xff\xfe\xc7\xff\xff\xfe\xcc\xff\xff\xfe\xfe\xc0\xa1\xe5\xce"

static struct fh_rfb_server *ready_server(bool announce)
{
    struct fh_rfb_server *s = server_new();

    ck_assert_int_eq(feed(s, BYTES("\x01"), 1), 0);
    if (announce)
        ck_assert_int_eq(feed(s, BYTES(ANNOUNCE), 1), 0);
    drain(s);
    n_events = 0;
    return s;
}

START_TEST(before_client_init_nothing_is_sent)
{
    struct fh_rfb_server *s = server_new();

    fh_rfb_server_bell(s);
    fh_rfb_server_damage(s, &(struct fh_rect){0, 0, W, H});
    ck_assert_int_eq(fh_rfb_server_cut_text(s, "x", 1), FH_RFB_E_STATE);
    ck_assert(!fh_rfb_server_is_waiting(s));
    ck_assert_uint_eq(drain(s), 0);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(input_before_there_is_a_screen_is_refused)
{
    struct fh_rfb_server *s = fh_rfb_server_new();
    size_t room;

    ck_assert_ptr_nonnull(s);
    ck_assert_ptr_nonnull(fh_rfb_server_in(s, &room));
    ck_assert_int_eq(fh_rfb_server_in_done(s, 0, 1), FH_RFB_E_STATE);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(h10_client_init_of_any_value_is_answered_by_server_init)
{
    static const uint8_t values[] = {0, 1, 2, 255};
    static const uint8_t want[28] = {0,  W, 0, H, 32, 24, 0, 1, 0, 255, 0,   255, 0,   255,
                                     16, 8, 0, 0, 0,  0,  0, 0, 0, 4,   'd', 'e', 's', 'k'};
    struct fh_rfb_server *s = server_new();

    ck_assert_int_eq(feed(s, &values[_i], 1, 1), 0);
    ck_assert_int_eq(last.type, FH_RFB_SERVER_EV_READY);
    ck_assert_int_eq(last.ready.shared, values[_i] != 0);
    ck_assert_uint_eq(drain(s), sizeof want);
    ck_assert_mem_eq(out, want, sizeof want);
    fh_rfb_server_free(s);
}
END_TEST

/* want: the error, or the number of events. */
struct row {
    const char *id;
    const char *data;
    size_t len;
    bool announce;
    int want;
};

/* SetPixelFormat: bits, depth, big-endian, true colour, three maxima, three shifts. */
#define FORMAT(s) "\0\0\0\0" s "\0\0\0"
static const struct row rows[] = {
    {"S1 the usual format", BYTES(FORMAT("\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0")), 0, 0},
    {"S1 colour map", BYTES(FORMAT("\x08\x08\0\0\0\0\0\0\0\0\0\0\0")), 0, 0},
    {"S1 0 bits", BYTES(FORMAT("\0\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0")), 0, FH_RFB_E_PROTO},
    {"S1 7 bits", BYTES(FORMAT("\x07\x07\0\1\0\x01\0\x01\0\x01\2\1\0")), 0, FH_RFB_E_PROTO},
    {"S1 24 bits", BYTES(FORMAT("\x18\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0")), 0, FH_RFB_E_PROTO},
    {"S1 255 bits", BYTES(FORMAT("\xff\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0")), 0, FH_RFB_E_PROTO},
    {"S1 depth over bits", BYTES(FORMAT("\x10\x11\0\1\0\x1f\0\x3f\0\x1f\x0b\x05\0")), 0,
     FH_RFB_E_PROTO},
    {"S1 max 0", BYTES(FORMAT("\x20\x18\0\1\0\0\0\xff\0\xff\x10\x08\0")), 0, FH_RFB_E_PROTO},
    {"S1 max 65535 that fits", BYTES(FORMAT("\x20\x18\0\1\xff\xff\0\xff\0\xff\x10\x08\0")), 0, 0},
    {"S1 max 65535", BYTES(FORMAT("\x10\x10\0\1\xff\xff\0\x3f\0\x1f\x0b\x05\0")), 0,
     FH_RFB_E_PROTO},
    {"S1 shift 31", BYTES(FORMAT("\x20\x18\0\1\0\xff\0\xff\0\xff\x1f\x08\0")), 0, FH_RFB_E_PROTO},
    {"S1 shift 255", BYTES(FORMAT("\x20\x18\0\1\0\xff\0\xff\0\xff\xff\x08\0")), 0, FH_RFB_E_PROTO},
    {"S1 overlapping", BYTES(FORMAT("\x20\x18\0\1\0\xff\0\xff\0\xff\x08\x08\0")), 0,
     FH_RFB_E_PROTO},
    {"S1 colour map of 16 bits", BYTES(FORMAT("\x10\x10\0\0\0\0\0\0\0\0\0\0\0")), 0,
     FH_RFB_E_PROTO},
    {"S2 no encodings", BYTES("\2\0\0\0"), 0, 0},
    {"S2 the same twice, unknown ones", BYTES("\2\0\0\3\0\0\0\x10\0\0\0\x10\x7f\xff\xff\xff"), 0,
     0},
    {"S3 no width", BYTES("\3\0\0\0\0\0\0\0\0\x30"), 0, 0},
    {"S3 no height", BYTES("\3\1\0\0\0\0\0\x40\0\0"), 0, 0},
    {"S3 x + w over 65535", BYTES("\3\0\xff\xff\xff\xff\xff\xff\xff\xff"), 0, 0},
    {"S3 outside", BYTES("\3\0\0\x40\0\x30\0\x40\0\x30"), 0, 0},
    {"S4 keysym 0", BYTES("\4\1\0\0\0\0\0\0"), 0, 1},
    {"S4 keysym ffffffff", BYTES("\4\1\0\0\xff\xff\xff\xff"), 0, 1},
    {"S4 QEMU key code ffffffff", BYTES("\xff\0\0\1\0\0\0\0\xff\xff\xff\xff"), 1, 1},
    {"S4 QEMU key not announced", BYTES("\xff\0\0\1\0\0\0\0\0\0\0\x1c"), 0, FH_RFB_E_PROTO},
    {"S4 QEMU submessage 1 (audio)", BYTES("\xff\1\0\0"), 1, FH_RFB_E_PROTO},
    {"S5 outside", BYTES("\5\0\xff\xff\xff\xff"), 0, 1},
    {"S5 all buttons", BYTES("\5\xff\0\0\0\0"), 0, 1},
    {"S6 length 0", BYTES("\6\0\0\0\0\0\0\0"), 0, 1},
    {"S6 80000000", BYTES("\6\0\0\0\x80\0\0\0"), 0, FH_RFB_E_PROTO},
    {"S6 -1", BYTES("\6\0\0\0\xff\xff\xff\xff"), 0, FH_RFB_E_PROTO},
    {"S6 -3", BYTES("\6\0\0\0\xff\xff\xff\xfd"), 0, FH_RFB_E_PROTO},
    {"S7 4 bytes, not announced", BYTES("\6\0\0\0\xff\xff\xff\xfc\x02\0\0\1"), 0, FH_RFB_E_PROTO},
    {"S7 -3", BYTES("\6\0\0\0\xff\xff\xff\xfd"), 1, FH_RFB_E_PROTO},
    {"S7 no action", BYTES("\6\0\0\0\xff\xff\xff\xfc\0\0\0\1"), 1, FH_RFB_E_PROTO},
    {"S7 request", BYTES("\6\0\0\0\xff\xff\xff\xfc\x02\0\0\1"), 1, 0},
    {"S8 not announced", BYTES("\xf8\0\0\0\x80\0\0\0\0"), 0, FH_RFB_E_PROTO},
    {"S8 payload of 65", BYTES("\xf8\0\0\0\x80\0\0\0\x41"), 1, FH_RFB_E_LIMIT},
    {"S8 payload of 255", BYTES("\xf8\0\0\0\x80\0\0\0\xff"), 1, FH_RFB_E_LIMIT},
    {"S8 an answer to nothing", BYTES("\xf8\0\0\0\0\0\0\0\4\0\0\0\7"), 1, 0},
    {"S9 not announced", BYTES("\x96\1\0\0\0\0\0\x40\0\x30"), 0, FH_RFB_E_PROTO},
    {"S9 nothing", BYTES("\x96\1\0\0\0\0\0\0\0\0"), 1, 0},
    {"S9 all that can be said", BYTES("\x96\1\xff\xff\xff\xff\xff\xff\xff\xff"), 1, 0},
    {"S10 not announced", BYTES("\xfb\0\0\x40\0\x30\1\0"), 0, FH_RFB_E_PROTO},
    {"S12 xvp", BYTES("\xfa\0\1\2"), 1, FH_RFB_E_PROTO},
    {"S12 gii", BYTES("\xfd\x81\xff\xff"), 1, FH_RFB_E_PROTO},
    {"S12 UltraVNC 7", BYTES("\7\1\0\0\xff\xff\xff\xff"), 1, FH_RFB_E_PROTO},
    {"S12 UltraVNC 11", BYTES("\x0b\0\0\0\xff\xff\xff\xff"), 1, FH_RFB_E_PROTO},
    {"S12 UltraVNC 13", BYTES("\x0d\0\0\0\xff\xff\xff\xff"), 1, FH_RFB_E_PROTO},
    {"S12 1", BYTES("\1"), 1, FH_RFB_E_PROTO},
    {"S12 64", BYTES("\x40"), 1, FH_RFB_E_PROTO},
    {"S12 200", BYTES("\xc8"), 1, FH_RFB_E_PROTO},
    {"S12 254", BYTES("\xfe"), 1, FH_RFB_E_PROTO},
};

START_TEST(each_message_of_the_table_is_taken_or_refused)
{
    const struct row *row = &rows[_i / 2];
    struct fh_rfb_server *s = ready_server(row->announce);
    size_t room;
    int ret = feed(s, row->data, row->len, _i % 2 ? 1 : SIZE_MAX);

    ck_assert_msg(ret == (row->want < 0 ? row->want : 0), "%s: %d", row->id, ret);
    if (row->want >= 0)
        ck_assert_msg(n_events == (size_t)row->want, "%s: %zu events", row->id, n_events);
    drain(s);
    /* Failed once, it stays failed and says nothing more. */
    if (ret != 0) {
        ck_assert_ptr_null(fh_rfb_server_in(s, &room));
        ck_assert_int_eq(fh_rfb_server_in_done(s, 0, 0), ret);
        ck_assert_uint_eq(drain(s), 0);
    } else {
        ck_assert_int_eq(feed(s, BYTES("\4\1\0\0\0\0\0\x41"), 1), 0);
        ck_assert_uint_eq(last.key.keysym, 0x41);
    }
    fh_rfb_server_free(s);
}
END_TEST

/* S15: the viewer goes away in the middle of each of these; ASan and LeakSanitizer look on. */
START_TEST(s15_the_machine_may_be_freed_at_every_byte)
{
    static const char all[] = ANNOUNCE "\0\0\0\0\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                       "\3\0\0\0\0\0\0\x40\0\x30\6\0\0\0\0\0\0\5hello"
                                       "\xf8\0\0\0\x80\0\0\7\2ab\x96\1\0\0\0\0\0\x40\0\x30"
                                       "\xfb\0\0\x50\0\x40\1\0\0\0\0\1\0\0\0\0\0\x50\0\x40\0\0\0\0";

    for (size_t end = 0; end < sizeof all; end++) {
        struct fh_rfb_server *s = ready_server(false);
        size_t len;

        ck_assert_int_eq(feed(s, all, end, SIZE_MAX), 0);
        if (fh_rfb_server_out(s, 0, &len))
            fh_rfb_server_out_done(s, len / 2);
        fh_rfb_server_free(s);
    }
}
END_TEST

START_TEST(s2_65535_encodings_are_read_and_the_first_256_count)
{
    struct fh_rfb_server *s = ready_server(false);
    uint8_t *m = calloc(1, 4 + 4 * 65535);

    ck_assert_ptr_nonnull(m);
    m[0] = 2;
    m[2] = m[3] = 0xff;
    memset(m + 4, 0x7f, 4 * 65535);
    memcpy(m + 4 + 4 * 255, "\xff\xff\xfe\xc8", 4); /* Fence is the last that counts */
    memcpy(m + 4 + 4 * 256, "\xff\xff\xfe\xfe", 4); /* QEMU keys come too late */
    ck_assert_int_eq(feed(s, m, 4 + 4 * 65535, 1000), 0);
    ck_assert_uint_eq(drain(s), 10);
    ck_assert_int_eq(feed(s, BYTES("\xff\0\0\1\0\0\0\0\0\0\0\x1c"), 1), FH_RFB_E_PROTO);
    free(m);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(s3_a_flood_of_requests_is_one_request)
{
    struct fh_rfb_server *s = ready_server(false);
    size_t n = 0;

    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(feed(s, BYTES("\3\0\0\0\0\0\0\x40\0\x30"), SIZE_MAX), 0);
    n = drain(s);
    ck_assert_uint_eq(n, 4 + 12 + 4 * W * H);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(s3_an_update_is_clipped_to_the_screen_and_needs_a_request)
{
    static const uint8_t want[] = {0, 0, 0, 1, 0, 60, 0, 40, 0, 4, 0, 8, 0, 0, 0, 0};
    struct fh_rfb_server *s = ready_server(false);

    ck_assert(!fh_rfb_server_is_waiting(s));
    fh_rfb_server_damage(s, &(struct fh_rect){0, 0, W, H});
    ck_assert_uint_eq(drain(s), 0);
    ck_assert_int_eq(feed(s, BYTES("\3\1\0\x3c\0\x28\xff\xff\xff\xff"), 1), 0);
    ck_assert(fh_rfb_server_is_waiting(s));
    ck_assert_uint_eq(drain(s), sizeof want + 4 * 4 * 8);
    ck_assert_mem_eq(out, want, sizeof want);
    ck_assert_int_eq(feed(s, BYTES("\3\1\0\x3c\0\x28\0\4\0\x08"), 1), 0);
    ck_assert_uint_eq(drain(s), 0);
    fh_rfb_server_damage(s, &(struct fh_rect){-5, 45, 100, 100});
    ck_assert_uint_eq(drain(s), 4 + 12 + 4 * 4 * 3);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(s4_100000_keys_down_are_100000_events)
{
    struct fh_rfb_server *s = ready_server(false);

    for (int i = 0; i < 100000; i++)
        if (feed(s, BYTES("\4\1\0\0\0\0\0\x61"), SIZE_MAX) != 0)
            ck_abort_msg("key %d", i);
    ck_assert_uint_eq(n_events, 100000);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(s5_the_pointer_stays_in_the_picture)
{
    struct fh_rfb_server *s = ready_server(false);

    ck_assert_int_eq(feed(s, BYTES("\5\xff\xff\xff\0\x30"), 1), 0);
    ck_assert_int_eq(last.type, FH_RFB_SERVER_EV_POINTER);
    ck_assert_uint_eq(last.pointer.x, W - 1);
    ck_assert_uint_eq(last.pointer.y, H - 1);
    ck_assert_uint_eq(last.pointer.buttons, 255);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(s6_cut_text_is_latin1_without_nul)
{
    struct fh_rfb_server *s = ready_server(false);
    struct fh_rfb_server_event ev;
    static const char m[] = "\6\0\0\0\0\0\0\5a\0\xe9\xff\n";
    size_t room;

    memcpy(fh_rfb_server_in(s, &room), m, sizeof m - 1);
    ck_assert_int_eq(fh_rfb_server_in_done(s, 0, sizeof m - 1), 0);
    ck_assert_ptr_null(fh_rfb_server_in(s, &room)); /* events first */
    ck_assert_int_eq(fh_rfb_server_event(s, &ev), 1);
    ck_assert_int_eq(ev.type, FH_RFB_SERVER_EV_CUT_TEXT);
    ck_assert_str_eq(ev.cut_text.text, "a\xc3\xa9\xc3\xbf\n");
    ck_assert_uint_eq(ev.cut_text.len, 6);
    ck_assert_int_eq(fh_rfb_server_event(s, &ev), 0);
    fh_rfb_server_free(s);
}
END_TEST

/* S6: left out, however long it is said to be; the memory for it is not got. */
START_TEST(s6_a_text_that_is_too_long_is_left_out)
{
    static const uint8_t heads[][8] = {{6, 0, 0, 0, 0, 4, 0, 1}, {6, 0, 0, 0, 0, 0x40, 0, 0}};
    const size_t lens[] = {FH_RFB_CUT_TEXT_MAX + 1, 4 << 20};
    struct fh_rfb_server *s = ready_server(false);
    uint8_t *text = calloc(1, lens[_i]);

    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(feed(s, heads[_i], 8, 1), 0);
    has_no_memory = true;
    ck_assert_int_eq(feed(s, text, lens[_i], 100000), 0);
    ck_assert_uint_eq(n_events, 0);
    ck_assert_int_eq(feed(s, BYTES("\4\1\0\0\0\0\0\x41"), 1), 0);
    ck_assert_uint_eq(last.key.keysym, 0x41);
    has_no_memory = false;
    free(text);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(s8_fences_are_answered_with_the_known_flags)
{
    static const uint8_t want[] = {0xf8, 0, 0, 0, 0, 0, 0, 7, 3, 'a', 'b', 'c'};
    struct fh_rfb_server *s = ready_server(true);

    ck_assert_int_eq(feed(s, BYTES("\xf8\0\0\0\xff\xff\xff\xff\3abc"), 1), 0);
    ck_assert_uint_eq(drain(s), sizeof want);
    ck_assert_mem_eq(out, want, sizeof want);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(s8_a_flood_of_fences_is_answered_or_refused_but_never_hoarded)
{
    static const char fence[] = "\xf8\0\0\0\x80\0\0\4\0";
    struct fh_rfb_server *s = ready_server(true);
    int i;

    for (i = 0; i < 10000; i++) {
        ck_assert_int_eq(feed(s, fence, sizeof fence - 1, SIZE_MAX), 0);
        ck_assert_uint_eq(drain(s), 9);
    }
    for (i = 0; i < 10000 && feed(s, fence, sizeof fence - 1, SIZE_MAX) == 0; i++)
        ;
    ck_assert_int_gt(i, 1000);
    ck_assert_int_lt(i, 2000);
    ck_assert_int_eq(fh_rfb_server_error(s), FH_RFB_E_LIMIT);
    fh_rfb_server_free(s);
}
END_TEST

/* The rectangles before the answer are of the old format, those after it of the new. */
START_TEST(s8_a_fence_with_sync_next_divides_the_formats)
{
    enum { BIG_W = 600, BIG_H = 400 };
    const struct fh_framebuffer fb = {
        .px = calloc(BIG_W * BIG_H, 4), .width = BIG_W, .height = BIG_H, .stride_px = BIG_W};
    struct fh_rfb_server *s = ready_server(true);
    size_t n, len;
    const uint8_t *p;

    ck_assert_ptr_nonnull(fb.px);
    ck_assert_int_eq(fh_rfb_server_set_screen(s, &fb, NULL, 0), 0);
    ck_assert_int_eq(feed(s, BYTES("\3\1\0\0\0\0\x02\x58\x01\x90"), 1), 0);
    n = drain(s); /* the new size, alone */
    ck_assert_uint_eq(n, 4 + 12 + 4 + 16);
    ck_assert_int_eq(feed(s, BYTES("\3\1\0\0\0\0\x02\x58\x01\x90"), 1), 0);
    p = fh_rfb_server_out(s, 0, &len); /* the update begins */
    ck_assert_ptr_nonnull(p);
    fh_rfb_server_out_done(s, len);
    ck_assert_uint_lt(len, 4 * BIG_W * BIG_H);
    ck_assert_int_eq(feed(s, BYTES("\xf8\0\0\0\x80\0\0\4\1!"), 1), 0);
    ck_assert_int_eq(feed(s, BYTES(FORMAT("\x10\x10\0\1\0\x1f\0\x3f\0\x1f\x0b\5\0")), 1), 0);
    ck_assert_int_eq(feed(s, BYTES("\3\0\0\0\0\0\0\1\0\1"), 1), 0);
    n = len + drain(s);
    /* In pieces of 109 rows: four. Then the fence, an update of layout, and one of a pixel of 2
     * bytes. */
    ck_assert_uint_eq(n, 4 + 5 * 12 + 4 * BIG_W * BIG_H + 10 + 4 + 12 + 4 + 16 + 4 + 12 + 2);
    ck_assert_uint_eq(out[n - len - 64], 0xf8);
    free(fb.px);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(s9_a_flood_of_enabling_is_bounded)
{
    struct fh_rfb_server *s = ready_server(true);
    int ret = 0;

    for (int i = 0; i < 100000 && ret == 0; i++)
        ret = feed(s, BYTES("\x96\1\0\0\0\0\0\x40\0\x30\x96\0\0\0\0\0\0\x40\0\x30"), SIZE_MAX);
    ck_assert_int_eq(ret, FH_RFB_E_LIMIT);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(s9_disabling_is_answered)
{
    struct fh_rfb_server *s = ready_server(true);

    drain(s);
    ck_assert_int_eq(feed(s, BYTES("\x96\0\0\0\0\0\0\x40\0\x30"), 1), 0);
    ck_assert_uint_eq(drain(s), 0);
    ck_assert_int_eq(feed(s, BYTES("\x96\1\0\0\0\0\0\x40\0\x30"), 1), 0);
    ck_assert_uint_gt(drain(s), 4 * W * H);
    ck_assert_int_eq(feed(s, BYTES("\x96\0\0\0\0\0\0\x40\0\x30"), 1), 0);
    ck_assert_uint_eq(drain(s), 1);
    ck_assert_uint_eq(out[0], 150);
    fh_rfb_server_free(s);
}
END_TEST

/* SetDesktopSize: the size, the screens, and whether the application is asked. */
static const struct {
    const char *id;
    uint16_t w, h;
    uint8_t n;
    struct fh_screen screens[2]; /* the second is repeated, with new ids unless same_id */
    bool same_id, asked;
} layouts[] = {
    {"S10 one screen", 80, 60, 1, {{1, 0, 0, 80, 60, 0}}, 0, 1},
    {"S10 two that overlap", 80, 60, 2, {{1, 0, 0, 80, 60, 0}, {2, 0, 0, 80, 60, 0}}, 0, 1},
    {"S10 0 x 0", 0, 0, 1, {{1, 0, 0, 0, 0, 0}}, 0, 0},
    {"S10 65535 x 65535", 65535, 65535, 1, {{1, 0, 0, 10, 10, 0}}, 0, 0},
    {"S10 no screen", 80, 60, 0, {{0}}, 0, 0},
    {"S10 255 screens", 80, 60, 255, {{1, 0, 0, 80, 60, 0}, {2, 0, 0, 80, 60, 0}}, 0, 0},
    {"S10 outside", 80, 60, 1, {{1, 1, 0, 80, 60, 0}}, 0, 0},
    {"S10 far outside", 80, 60, 1, {{1, 65535, 65535, 65535, 65535, 0}}, 0, 0},
    {"S10 an id twice", 80, 60, 2, {{1, 0, 0, 80, 60, 0}, {1, 0, 0, 80, 60, 0}}, 1, 0},
};

static size_t put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    return 2;
}

START_TEST(s10_a_layout_that_cannot_be_is_answered_without_asking)
{
    struct fh_rfb_server *s = ready_server(true);
    uint8_t m[8 + 16 * 255] = {0xfb};
    size_t n = 8;

    ck_assert_int_eq(feed(s, BYTES("\3\1\0\0\0\0\0\x40\0\x30"), 1), 0);
    drain(s); /* what was news at the beginning */
    put16(m + 2, layouts[_i].w);
    put16(m + 4, layouts[_i].h);
    m[6] = layouts[_i].n;
    for (uint32_t i = 0; i < layouts[_i].n; i++) {
        const struct fh_screen *screen = &layouts[_i].screens[i != 0];

        n += put16(m + n, 0);
        n += put16(m + n, layouts[_i].same_id ? screen->id : screen->id + (i > 1 ? i : 0));
        n += put16(m + n, screen->x);
        n += put16(m + n, screen->y);
        n += put16(m + n, screen->w);
        n += put16(m + n, screen->h);
        n += put16(m + n, 0);
        n += put16(m + n, 0);
    }
    ck_assert_int_eq(feed(s, m, n, 1), 0);
    ck_assert_msg(n_events == layouts[_i].asked, "%s", layouts[_i].id);
    drain(s);
    ck_assert_int_eq(feed(s, BYTES("\3\1\0\0\0\0\0\x40\0\x30"), 1), 0);
    drain(s);
    if (layouts[_i].asked) {
        ck_assert_int_eq(last.type, FH_RFB_SERVER_EV_RESIZE);
        ck_assert_uint_eq(last.resize.n_screens, layouts[_i].n);
        fh_rfb_server_resize_done(s, FH_RFB_RESIZE_PROHIBITED);
        ck_assert_int_eq(feed(s, BYTES("\3\1\0\0\0\0\0\x40\0\x30"), 1), 0);
        drain(s);
    }
    /* reason: this viewer; status */
    ck_assert_uint_eq(out[5], 1);
    ck_assert_uint_eq(out[7], layouts[_i].asked ? FH_RFB_RESIZE_PROHIBITED : FH_RFB_RESIZE_INVALID);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(a_viewer_without_true_colour_gets_a_colour_map)
{
    struct fh_rfb_server *s = ready_server(false);
    const struct fh_rect one = {0, 0, 1, 1};

    px[0] = 0xffffff;
    ck_assert_int_eq(feed(s, BYTES(FORMAT("\x08\x08\0\0\0\0\0\0\0\0\0\0\0")), 1), 0);
    ck_assert_uint_eq(drain(s), 6 + 256 * 6);
    ck_assert_mem_eq(out, "\1\0\0\0\1\0", 6);
    ck_assert_mem_eq(out + 6, "\0\0\0\0\0\0", 6);
    ck_assert_mem_eq(out + 6 + 255 * 6, "\xff\xff\xff\xff\xff\xff", 6);
    fh_rfb_server_damage(s, &one);
    ck_assert_int_eq(feed(s, BYTES("\3\1\0\0\0\0\0\1\0\1"), 1), 0);
    ck_assert_uint_eq(drain(s), 4 + 12 + 1);
    ck_assert_uint_eq(out[16], 255);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(a_viewer_that_cannot_resize_gets_what_both_sizes_share)
{
    static uint32_t big[100 * 20];
    const struct fh_framebuffer fb = {.px = big, .width = 100, .height = 20, .stride_px = 100};
    struct fh_rfb_server *s = ready_server(false);

    ck_assert_int_eq(fh_rfb_server_set_screen(s, &fb, NULL, 0), 0);
    ck_assert_int_eq(feed(s, BYTES("\3\0\0\0\0\0\0\x40\0\x30"), 1), 0);
    ck_assert_uint_eq(drain(s), 4 + 12 + 4 * W * 20);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(without_memory_there_is_no_cursor)
{
    const char announce[] = "\x02\0\0\x01\xff\xff\xff\x11" /* Cursor */
                            "\x03\x01\0\0\0\0\0\x40\0\x30";
    struct fh_rfb_server *s = ready_server(false);

    ck_assert_int_eq(fh_rfb_server_set_cursor(s, px, 4, 4, 1, 1), 0);
    has_no_memory = true;
    ck_assert_int_eq(fh_rfb_server_set_cursor(s, px, 4, 4, 1, 1), FH_RFB_E_NOMEM);
    has_no_memory = false;
    ck_assert_int_eq(feed(s, BYTES(announce), 1), 0);
    drain(s);
    ck_assert_int_eq(fh_rfb_server_error(s), 0);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(what_the_application_gives_is_checked)
{
    struct fh_rfb_server *s = server_new();
    struct fh_framebuffer fb = {.px = px, .width = W, .height = H, .stride_px = W};
    struct fh_screen two[2] = {{.id = 1, .w = W, .h = H}, {.id = 1, .w = W, .h = H}};

    ck_assert_int_eq(fh_rfb_server_set_screen(s, &fb, two, 2), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_server_set_screen(s, &fb, two, 0), FH_RFB_E_INVAL);
    fb.stride_px = W - 1;
    ck_assert_int_eq(fh_rfb_server_set_screen(s, &fb, NULL, 0), FH_RFB_E_INVAL);
    fb.width = fb.stride_px = FH_FRAMEBUFFER_MAX_SIDE + 1;
    ck_assert_int_eq(fh_rfb_server_set_screen(s, &fb, NULL, 0), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_server_set_cursor(s, px, 257, 1, 0, 0), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_server_set_cursor(s, px, 4, 4, 4, 0), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_server_set_cursor(s, NULL, 4, 4, 0, 0), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_server_set_cursor(s, px, 4, 0, 0, 0), FH_RFB_E_INVAL);
    fh_rfb_server_free(s);
    fh_rfb_server_free(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rfb server");
    TCase *tc = tcase_create("rfb server");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, before_client_init_nothing_is_sent);
    tcase_add_test(tc, input_before_there_is_a_screen_is_refused);
    tcase_add_loop_test(tc, h10_client_init_of_any_value_is_answered_by_server_init, 0, 4);
    tcase_add_loop_test(tc, each_message_of_the_table_is_taken_or_refused, 0,
                        2 * (int)ARRAY_LEN(rows));
    tcase_add_test(tc, s15_the_machine_may_be_freed_at_every_byte);
    tcase_add_test(tc, s2_65535_encodings_are_read_and_the_first_256_count);
    tcase_add_test(tc, s3_a_flood_of_requests_is_one_request);
    tcase_add_test(tc, s3_an_update_is_clipped_to_the_screen_and_needs_a_request);
    tcase_add_test(tc, s4_100000_keys_down_are_100000_events);
    tcase_add_test(tc, s5_the_pointer_stays_in_the_picture);
    tcase_add_test(tc, s6_cut_text_is_latin1_without_nul);
    tcase_add_loop_test(tc, s6_a_text_that_is_too_long_is_left_out, 0, 2);
    tcase_add_test(tc, s8_fences_are_answered_with_the_known_flags);
    tcase_add_test(tc, s8_a_flood_of_fences_is_answered_or_refused_but_never_hoarded);
    tcase_add_test(tc, s8_a_fence_with_sync_next_divides_the_formats);
    tcase_add_test(tc, s9_a_flood_of_enabling_is_bounded);
    tcase_add_test(tc, s9_disabling_is_answered);
    tcase_add_loop_test(tc, s10_a_layout_that_cannot_be_is_answered_without_asking, 0,
                        (int)ARRAY_LEN(layouts));
    tcase_add_test(tc, a_viewer_without_true_colour_gets_a_colour_map);
    tcase_add_test(tc, a_viewer_that_cannot_resize_gets_what_both_sizes_share);
    tcase_add_test(tc, without_memory_there_is_no_cursor);
    tcase_add_test(tc, what_the_application_gives_is_checked);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
