/* SPDX-License-Identifier: MIT */
/* What a server may send to the client's machine, good and bad, fed whole and byte by byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/rfb_client.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof(a)[0])
#define BYTES(s) s, sizeof(s) - 1

/* ServerInit: 16 x 8, the usual format, a name of two bytes. */
#define FORMAT "\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0"
#define INIT "\0\x10\0\x08" FORMAT "\0\0\0\2hi"
#define UPDATE(n) "\0\0\0" n
#define CURSOR "\xff\xff\xff\x11"
#define DESKTOP_SIZE "\xff\xff\xff\x21"
#define LAST_RECT "\0\0\0\0\0\0\0\0\xff\xff\xff\x20"
#define NAME "\0\0\0\0\0\0\0\0\xff\xff\xfe\xcd"
#define LAYOUT "\xff\xff\xfe\xcc"
#define XCURSOR "\xff\xff\xff\x10"
#define ALPHA "\xff\xff\xfe\xc6"
#define VMWARE(last) "WMV" last
#define LEDS "\xff\xff\xfe\xfb"
#define RAW "\0\0\0\0"
#define COPY "\0\0\0\1"
#define TIGHT "\0\0\0\7"
#define ZRLE "\0\0\0\x10"
#define PIXEL "\3\2\1\0"

enum { ASKED = 29 }; /* encodings, with a quality and a level */

static size_t n_events[FH_RFB_CLIENT_EV_POINTER + 1];
static struct fh_rfb_client_event last, cursor;
static uint8_t out[1 << 20];

static struct fh_rfb_client *client_new(void)
{
    const struct fh_rfb_client_config cfg = {
        .shared = true, .quality = 5, .level = 3, .continuous = true};
    struct fh_rfb_client *c = fh_rfb_client_new(&cfg);

    memset(n_events, 0, sizeof n_events);
    ck_assert_ptr_nonnull(c);
    return c;
}

/* Gives bytes, `step` at a time, and counts the events. Returns 0 or the machine's error. */
static int feed(struct fh_rfb_client *c, const void *data, size_t len, size_t step)
{
    const uint8_t *p = data;
    struct fh_rfb_client_event ev;
    size_t room, n;
    uint8_t *in;

    for (; len != 0; p += n, len -= n) {
        in = fh_rfb_client_in(c, &room);
        if (!in)
            break;
        n = len < room ? len : room;
        n = n < step ? n : step;
        memcpy(in, p, n);
        fh_rfb_client_in_done(c, 0, n);
        while (fh_rfb_client_event(c, &ev) > 0) {
            n_events[ev.type]++;
            last = ev;
            if (ev.type == FH_RFB_CLIENT_EV_CURSOR)
                cursor = ev; /* lent until the next cursor */
        }
    }
    return fh_rfb_client_error(c);
}

static size_t drain(struct fh_rfb_client *c)
{
    size_t len, n = 0;
    const uint8_t *p;

    while ((p = fh_rfb_client_out(c, &len)) != NULL) {
        ck_assert_uint_le(n + len, sizeof out);
        memcpy(out + n, p, len);
        n += len;
        fh_rfb_client_out_done(c, len);
    }
    return n;
}

START_TEST(the_first_words_are_format_encodings_and_a_whole_request)
{
    static const uint8_t before[] = {1};
    static const uint8_t format[] = {0, 0,   0, 0,   32, 24, 0, 1, 0, 255,
                                     0, 255, 0, 255, 16, 8,  0, 0, 0, 0};
    static const uint8_t request[] = {3, 0, 0, 0, 0, 0, 0, 16, 0, 8};
    struct fh_rfb_client *c = client_new();
    size_t n;

    ck_assert_ptr_null(fh_rfb_client_framebuffer(c));
    ck_assert_int_eq(fh_rfb_client_key(c, 0x41, 0, true), FH_RFB_E_STATE);
    ck_assert_uint_eq(drain(c), 1);
    ck_assert_mem_eq(out, before, 1);
    ck_assert_int_eq(feed(c, BYTES(INIT), _i ? 1 : SIZE_MAX), 0);
    ck_assert_int_eq(last.type, FH_RFB_CLIENT_EV_READY);
    ck_assert_str_eq(fh_rfb_client_name(c), "hi");
    ck_assert_int_eq(fh_rfb_client_framebuffer(c)->width, 16);
    n = drain(c);
    ck_assert_uint_eq(n, 20 + 4 + 4 * ASKED + 10);
    ck_assert_mem_eq(out, format, sizeof format);
    ck_assert_uint_eq(out[20], 2);
    ck_assert_uint_eq(out[23], ASKED);
    ck_assert_mem_eq(out + n - 10, request, sizeof request);
    ck_assert_int_eq(feed(c, BYTES(UPDATE("\0")), 1), 0);
    ck_assert_uint_eq(drain(c), 10);
    ck_assert_uint_eq(out[1], 1); /* incremental from now on */
    fh_rfb_client_free(c);
}
END_TEST

/* want: 0 or the error; event: one that must have come, -1: none but READY and UPDATE. */
struct row {
    const char *id;
    const char *data;
    size_t len;
    int want, event;
};
#define NONE (-1)

static const struct row rows[] = {
    {"V2 0 x 0", BYTES("\0\0\0\0" FORMAT "\0\0\0\0"), FH_RFB_E_PROTO, NONE},
    {"V2 1 x 0", BYTES("\0\1\0\0" FORMAT "\0\0\0\0"), FH_RFB_E_PROTO, NONE},
    {"V2 65535 x 65535", BYTES("\xff\xff\xff\xff" FORMAT "\0\0\0\0"), FH_RFB_E_LIMIT, NONE},
    {"V2 16385 x 1", BYTES("\x40\1\0\1" FORMAT "\0\0\0\0"), FH_RFB_E_LIMIT, NONE},
    {"V2 0 bits", BYTES("\0\x10\0\x08\0\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0\0\0\0\0"),
     FH_RFB_E_PROTO, NONE},
    {"V2 24 bits", BYTES("\0\x10\0\x08\x18\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0\0\0\0\0"),
     FH_RFB_E_PROTO, NONE},
    {"V2 255 bits", BYTES("\0\x10\0\x08\xff\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0\0\0\0\0"),
     FH_RFB_E_PROTO, NONE},
    {"V1 name of 4 GiB", BYTES("\0\x10\0\x08" FORMAT "\xff\xff\xff\xff"), FH_RFB_E_LIMIT, NONE},
    {"V1 name of 4097", BYTES("\0\x10\0\x08" FORMAT "\0\0\x10\1"), FH_RFB_E_LIMIT, NONE},
    {"V3 no rectangles", BYTES(INIT UPDATE("\0")), 0, FH_RFB_CLIENT_EV_UPDATE},
    {"V3 x + w over", BYTES(INIT UPDATE("\1") "\0\1\0\0\0\x10\0\1" RAW), FH_RFB_E_PROTO, NONE},
    {"V3 y + h over", BYTES(INIT UPDATE("\1") "\0\0\0\1\0\1\0\x08" RAW), FH_RFB_E_PROTO, NONE},
    {"V3 area fits, width does not", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\x20\0\1" RAW),
     FH_RFB_E_PROTO, NONE},
    {"V3 far outside", BYTES(INIT UPDATE("\1") "\xff\xff\xff\xff\xff\xff\xff\xff" RAW),
     FH_RFB_E_PROTO, NONE},
    {"V3 0 x 0 raw", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" RAW), 0, FH_RFB_CLIENT_EV_UPDATE},
    {"V3 0 x 0 ZRLE", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" ZRLE), FH_RFB_E_PROTO, NONE},
    {"V3 1 x 0 Tight", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\0" TIGHT), FH_RFB_E_PROTO, NONE},
    {"V3 65535 rectangles and LastRect", BYTES(INIT "\0\0\xff\xff" LAST_RECT), 0,
     FH_RFB_CLIENT_EV_UPDATE},
    {"V3 LastRect before the count", BYTES(INIT UPDATE("\7") LAST_RECT "\2"), 0,
     FH_RFB_CLIENT_EV_BELL},
    {"V3 CoRRE", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1\0\0\0\4"), FH_RFB_E_ENCODING, NONE},
    {"V3 an encoding of no one", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1\x80\0\0\0"),
     FH_RFB_E_ENCODING, NONE},
    {"V15 H.264", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1\0\0\0\x32\xff\xff\xff\xff"),
     FH_RFB_E_ENCODING, NONE},
    {"V4 one pixel", BYTES(INIT UPDATE("\1") "\0\x0f\0\7\0\1\0\1" RAW PIXEL), 0,
     FH_RFB_CLIENT_EV_RECT},
    {"V4 truncated", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\x10\0\x08" RAW PIXEL), 0, NONE},
    {"V5 source outside", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\x08\0\x08" COPY "\0\x09\0\0"),
     FH_RFB_E_DATA, NONE},
    {"V5 source far outside",
     BYTES(INIT UPDATE("\1") "\0\0\0\0\0\x08\0\x08" COPY "\xff\xff\xff\xff"), FH_RFB_E_DATA, NONE},
    {"V5 at the edge", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\x08\0\x08" COPY "\0\x08\0\0"), 0,
     FH_RFB_CLIENT_EV_RECT},
    {"V5 overlapping", BYTES(INIT UPDATE("\1") "\0\1\0\1\0\x0f\0\7" COPY "\0\0\0\0"), 0,
     FH_RFB_CLIENT_EV_RECT},
    {"V11 257 wide", BYTES(INIT UPDATE("\1") "\0\0\0\0\1\1\0\1" CURSOR), FH_RFB_E_LIMIT, NONE},
    {"V11 65535 x 65535", BYTES(INIT UPDATE("\1") "\0\0\0\0\xff\xff\xff\xff" CURSOR),
     FH_RFB_E_LIMIT, NONE},
    {"V11 0 x 0", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" CURSOR), 0, FH_RFB_CLIENT_EV_CURSOR},
    {"V11 0 x 5", BYTES(INIT UPDATE("\1") "\0\3\0\3\0\0\0\5" CURSOR), 0, FH_RFB_CLIENT_EV_CURSOR},
    {"V11 hot spot outside",
     BYTES(INIT UPDATE("\1") "\xff\xff\xff\xff\0\1\0\1" CURSOR PIXEL "\x80"), 0,
     FH_RFB_CLIENT_EV_CURSOR},
    {"V11 XCursor", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" XCURSOR "abcdef\x80\x80"), 0,
     FH_RFB_CLIENT_EV_CURSOR},
    {"V11 XCursor 0 x 0", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" XCURSOR), 0,
     FH_RFB_CLIENT_EV_CURSOR},
    {"V11 XCursor 257 high", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\1\1" XCURSOR), FH_RFB_E_LIMIT,
     NONE},
    {"V11 XCursor cut", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" XCURSOR "abcdef\x80"), 0, NONE},
    {"V11 alpha", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" ALPHA RAW "\1\2\3\1"), 0,
     FH_RFB_CLIENT_EV_CURSOR},
    {"V11 alpha 0 x 0", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" ALPHA RAW), 0,
     FH_RFB_CLIENT_EV_CURSOR},
    {"V11 alpha in ZRLE", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" ALPHA ZRLE), FH_RFB_E_ENCODING,
     NONE},
    {"V11 alpha in CursorWithAlpha", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" ALPHA ALPHA),
     FH_RFB_E_ENCODING, NONE},
    {"V11 alpha 65535 x 1", BYTES(INIT UPDATE("\1") "\0\0\0\0\xff\xff\0\1" ALPHA RAW),
     FH_RFB_E_LIMIT, NONE},
    {"V11 alpha, its encoding to come", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" ALPHA "\0\0\0"),
     0, NONE},
    {"V11 VMware", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" VMWARE("\x64") "\1\0\1\2\3\4"), 0,
     FH_RFB_CLIENT_EV_CURSOR},
    {"V11 VMware, classical",
     BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" VMWARE("\x64") "\0\0" PIXEL PIXEL), 0,
     FH_RFB_CLIENT_EV_CURSOR},
    {"V11 VMware 0 x 0", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" VMWARE("\x64") "\0\0"), 0,
     FH_RFB_CLIENT_EV_CURSOR},
    {"V11 VMware of type 2", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" VMWARE("\x64") "\2\0"),
     FH_RFB_E_PROTO, NONE},
    {"V11 VMware 65535 x 65535",
     BYTES(INIT UPDATE("\1") "\0\0\0\0\xff\xff\xff\xff" VMWARE("\x64") "\0\0"), FH_RFB_E_LIMIT,
     NONE},
    {"V11 VMware position", BYTES(INIT UPDATE("\1") "\0\x0f\0\7\0\0\0\0" VMWARE("\x66")), 0,
     FH_RFB_CLIENT_EV_POINTER},
    {"V11 VMware position outside", BYTES(INIT UPDATE("\1") "\0\x10\0\7\0\0\0\0" VMWARE("\x66")), 0,
     FH_RFB_CLIENT_EV_UPDATE},
    {"lamps", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" LEDS "\xff"), 0, FH_RFB_CLIENT_EV_LEDS},
    {"lamps to come", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" LEDS), 0, NONE},
    {"lamps of VMware",
     BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" VMWARE("\x68") "\xff\xff\xff\xff"), 0,
     FH_RFB_CLIENT_EV_LEDS},
    {"V12 0 x 0", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" DESKTOP_SIZE), FH_RFB_E_PROTO, NONE},
    {"V12 16384 x 16385", BYTES(INIT UPDATE("\1") "\0\0\0\0\x40\0\x40\1" DESKTOP_SIZE),
     FH_RFB_E_LIMIT, NONE},
    {"V12 then a rectangle of the old size",
     BYTES(INIT UPDATE("\2") "\0\0\0\0\0\4\0\4" DESKTOP_SIZE "\0\x08\0\0\0\x08\0\x08" RAW),
     FH_RFB_E_PROTO, FH_RFB_CLIENT_EV_SIZE},
    {"V12 then one of the new size",
     BYTES(INIT UPDATE("\2") "\0\0\0\0\0\x20\0\x20" DESKTOP_SIZE "\0\x1f\0\x1f\0\1\0\1" RAW PIXEL),
     0, FH_RFB_CLIENT_EV_RECT},
    {"V12 layout of no screens", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\4\0\4" LAYOUT "\0\0\0\0"), 0,
     FH_RFB_CLIENT_EV_SIZE},
    {"V12 layout of 0 x 0", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" LAYOUT "\0\0\0\0"),
     FH_RFB_E_PROTO, NONE},
    {"V12 layout of a screen",
     BYTES(INIT UPDATE("\1") "\0\0\0\0\0\x10\0\x08" LAYOUT "\1\0\0\0"
                             "\0\0\0\1\0\0\0\0\0\x10\0\x08\0\0\0\0"),
     0, FH_RFB_CLIENT_EV_SCREENS},
    {"V12 layout truncated", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\4\0\4" LAYOUT "\1\0\0\0"), 0,
     NONE},
    {"V12 a refusal leaves the size", BYTES(INIT UPDATE("\1") "\0\1\0\1\0\4\0\4" LAYOUT "\0\0\0\0"),
     0, FH_RFB_CLIENT_EV_RESIZED},
    {"V13 name of 4 GiB", BYTES(INIT UPDATE("\1") NAME "\xff\xff\xff\xff"), FH_RFB_E_LIMIT, NONE},
    {"V13 name of 4097", BYTES(INIT UPDATE("\1") NAME "\0\0\x10\1"), FH_RFB_E_LIMIT, NONE},
    {"V13 no name", BYTES(INIT UPDATE("\1") NAME "\0\0\0\0"), 0, FH_RFB_CLIENT_EV_NAME},
    {"V14 length 0", BYTES(INIT "\3\0\0\0\0\0\0\0"), 0, FH_RFB_CLIENT_EV_CUT_TEXT},
    {"V14 one over the limit, to come", BYTES(INIT "\3\0\0\0\0\4\0\1"), 0, NONE},
    {"V14 2 GiB to come", BYTES(INIT "\3\0\0\0\x7f\xff\xff\xffmany"), 0, NONE},
    {"V14 80000000 to come", BYTES(INIT "\3\0\0\0\x80\0\0\0"), 0, NONE},
    {"V14 no action", BYTES(INIT "\3\0\0\0\xff\xff\xff\xfc\0\0\0\1"), FH_RFB_E_PROTO, NONE},
    {"V14 caps", BYTES(INIT "\3\0\0\0\xff\xff\xff\xf8\x1f\0\0\1\0\1\0\0\2"), 0,
     FH_RFB_CLIENT_EV_BELL},
    {"V14 -1", BYTES(INIT "\3\0\0\0\xff\xff\xff\xff"), FH_RFB_E_PROTO, NONE},
    {"V18 first + n over 65536", BYTES(INIT "\1\0\xff\xff\0\2"), FH_RFB_E_PROTO, NONE},
    {"V18 in true colour", BYTES(INIT "\1\0\xff\xff\0\1\1\2\3\4\5\6\2"), 0, FH_RFB_CLIENT_EV_BELL},
    {"V19 payload of 65", BYTES(INIT "\xf8\0\0\0\x80\0\0\0\x41"), FH_RFB_E_LIMIT, NONE},
    {"V19 payload of 255", BYTES(INIT "\xf8\0\0\0\x80\0\0\0\xff"), FH_RFB_E_LIMIT, NONE},
    {"V19 an answer to nothing", BYTES(INIT "\xf8\0\0\0\0\0\0\0\1x\2"), 0, FH_RFB_CLIENT_EV_BELL},
    {"unknown message 4", BYTES(INIT "\4"), FH_RFB_E_PROTO, NONE},
    {"unknown message 255", BYTES(INIT "\xff\1"), FH_RFB_E_PROTO, NONE},
};

START_TEST(each_message_of_the_table_is_taken_or_refused)
{
    const struct row *row = &rows[_i / 2];
    struct fh_rfb_client *c = client_new();
    size_t room;
    int ret = feed(c, row->data, row->len, _i % 2 ? 1 : SIZE_MAX);

    ck_assert_msg(ret == row->want, "%s: %d", row->id, ret);
    for (int i = FH_RFB_CLIENT_EV_RECT; i <= FH_RFB_CLIENT_EV_POINTER; i++)
        ck_assert_msg(row->event != NONE || n_events[i] == 0, "%s: event %d", row->id, i);
    if (row->event != NONE)
        ck_assert_msg(n_events[row->event] == 1, "%s: no event", row->id);
    if (ret != 0) {
        ck_assert_ptr_null(fh_rfb_client_in(c, &room));
        ck_assert_int_eq(fh_rfb_client_in_done(c, 0, 0), ret);
        ck_assert_uint_eq(drain(c), 0);
    }
    fh_rfb_client_free(c);
}
END_TEST

/* Not asked for: nothing but Raw, and no extension. */
static const struct row unasked[] = {
    {"V3 CopyRect", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" COPY), FH_RFB_E_ENCODING, NONE},
    {"V3 Tight", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" TIGHT), FH_RFB_E_ENCODING, NONE},
    {"V3 ZRLE", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" ZRLE), FH_RFB_E_ENCODING, NONE},
    {"V3 LastRect", BYTES(INIT UPDATE("\1") LAST_RECT), FH_RFB_E_ENCODING, NONE},
    {"V11 Cursor", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" CURSOR), FH_RFB_E_ENCODING, NONE},
    {"V12 DesktopSize", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" DESKTOP_SIZE), FH_RFB_E_ENCODING,
     NONE},
    {"V12 ExtendedDesktopSize", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1" LAYOUT),
     FH_RFB_E_ENCODING, NONE},
    {"V13 DesktopName", BYTES(INIT UPDATE("\1") NAME), FH_RFB_E_ENCODING, NONE},
    {"V11 XCursor", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" XCURSOR), FH_RFB_E_ENCODING, NONE},
    {"V11 alpha", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" ALPHA RAW), FH_RFB_E_ENCODING, NONE},
    {"V11 VMware", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" VMWARE("\x64") "\0\0"),
     FH_RFB_E_ENCODING, NONE},
    {"V6 RRE", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1\0\0\0\2"), FH_RFB_E_ENCODING, NONE},
    {"V7 Hextile", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1\0\0\0\5"), FH_RFB_E_ENCODING, NONE},
    {"V8 Zlib", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1\0\0\0\6"), FH_RFB_E_ENCODING, NONE},
    {"V10 TRLE", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1\0\0\0\x0f"), FH_RFB_E_ENCODING, NONE},
    {"V16 JPEG", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1\0\0\0\x15"), FH_RFB_E_ENCODING, NONE},
    {"V9 TightPNG", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\1\0\1\xff\xff\xfe\xfc"), FH_RFB_E_ENCODING,
     NONE},
    {"lamps", BYTES(INIT UPDATE("\1") "\0\0\0\0\0\0\0\0" LEDS), FH_RFB_E_ENCODING, NONE},
    {"V14 extended", BYTES(INIT "\3\0\0\0\xff\xff\xff\xfc\x02\0\0\1"), FH_RFB_E_PROTO, NONE},
    {"V19 Fence", BYTES(INIT "\xf8\0\0\0\x80\0\0\0\0"), FH_RFB_E_PROTO, NONE},
    {"EndOfContinuousUpdates", BYTES(INIT "\x96"), FH_RFB_E_PROTO, NONE},
};

START_TEST(what_was_not_asked_for_is_refused)
{
    static const int32_t raw[] = {FH_ENC_RAW};
    const struct fh_rfb_client_config cfg = {
        .encodings = raw, .n_encodings = 1, .quality = -1, .level = -1};
    struct fh_rfb_client *c = fh_rfb_client_new(&cfg);

    ck_assert_ptr_nonnull(c);
    ck_assert_msg(feed(c, unasked[_i].data, unasked[_i].len, 1) == unasked[_i].want, "%s",
                  unasked[_i].id);
    fh_rfb_client_free(c);
}
END_TEST

START_TEST(v2_the_limit_on_pixels_holds_at_the_start_and_later)
{
    const struct fh_rfb_client_config cfg = {.quality = -1, .level = -1, .max_pixels = 128};
    struct fh_rfb_client *c = fh_rfb_client_new(&cfg);

    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(feed(c, BYTES(INIT), 1), 0);
    ck_assert_int_eq(feed(c, BYTES(UPDATE("\1") "\0\0\0\0\0\x80\0\1" DESKTOP_SIZE), 1), 0);
    ck_assert_int_eq(feed(c, BYTES(UPDATE("\1") "\0\0\0\0\0\x81\0\1" DESKTOP_SIZE), 1),
                     FH_RFB_E_LIMIT);
    fh_rfb_client_free(c);
}
END_TEST

static const struct {
    const char *id, *wire, *want;
    size_t len;
} names[] = {
    {"UTF-8", "caf\xc3\xa9", "caf\xc3\xa9", 5},
    {"Latin-1", "caf\xe9", "caf\xc3\xa9", 4},
    {"V1 terminal escapes", "\x1b]0;x\7", "?]0;x?", 6},
    {"V13 C1 controls", "\xc2\x9b[2J\xc2\x85", "?[2J?", 7},
    {"V13 NUL inside", "a\0b", "a?b", 3},
    {"overlong", "\xc0\xaf", "\xc3\x80\xc2\xaf", 2},
    {"surrogate", "\xed\xa0\x80", "\xc3\xad\xc2\xa0?", 3},
};

START_TEST(v13_names_are_clean_utf8)
{
    struct fh_rfb_client *c = client_new();
    uint8_t m[64] = UPDATE("\1") NAME "\0\0\0";
    const size_t head = 4 + 12 + 4;

    m[head - 1] = (uint8_t)names[_i].len;
    memcpy(m + head, names[_i].wire, names[_i].len);
    ck_assert_int_eq(feed(c, BYTES(INIT), 1), 0);
    ck_assert_int_eq(feed(c, m, head + names[_i].len, 1), 0);
    ck_assert_str_eq(fh_rfb_client_name(c), names[_i].want);
    fh_rfb_client_free(c);
}
END_TEST

START_TEST(v13_a_long_name_is_cut_between_characters)
{
    struct fh_rfb_client *c = client_new();
    uint8_t m[20 + 4096] = UPDATE("\1") NAME "\0\0\x10";

    m[20] = 'x';
    for (int i = 21; i + 1 < 20 + 4096; i += 2)
        memcpy(m + i, "\xc3\xa9", 2);
    m[20 + 4095] = 'x';
    ck_assert_int_eq(feed(c, BYTES(INIT), 1), 0);
    ck_assert_int_eq(feed(c, m, sizeof m, SIZE_MAX), 0);
    ck_assert_uint_eq(strlen(fh_rfb_client_name(c)), FH_RFB_NAME_MAX - 1);
    fh_rfb_client_free(c);
}
END_TEST

START_TEST(v11_the_mask_has_whole_bytes_a_row)
{
    struct fh_rfb_client *c = client_new();
    uint8_t m[4 + 12 + 9 * 2 * 4 + 4] = UPDATE("\1") "\0\x08\0\1\0\x09\0\2" CURSOR;

    for (size_t i = 0; i < 18; i++)
        m[16 + 4 * i] = (uint8_t)(i + 1);
    memcpy(m + sizeof m - 4, "\x80\x80\x01\x7f", 4);
    ck_assert_int_eq(feed(c, BYTES(INIT), 1), 0);
    ck_assert_int_eq(feed(c, m, sizeof m, _i ? 1 : SIZE_MAX), 0);
    ck_assert_uint_eq(n_events[FH_RFB_CLIENT_EV_CURSOR], 1);
    ck_assert_int_eq(cursor.cursor.hot_x, 8);
    ck_assert_int_eq(cursor.cursor.hot_y, 1);
    for (uint32_t i = 0; i < 18; i++) {
        const bool shown = i == 0 || i == 8 || i == 9 + 7;

        ck_assert_uint_eq(cursor.cursor.argb[i], (i + 1) | (shown ? 0xff000000 : 0));
    }
    fh_rfb_client_free(c);
}
END_TEST

START_TEST(v12_a_new_size_10000_times_costs_no_memory)
{
    struct fh_rfb_client *c = client_new();
    static const char m[] =
        UPDATE("\2") "\0\0\0\0\0\x40\0\x40" DESKTOP_SIZE "\0\0\0\0\0\x10\0\x10" DESKTOP_SIZE;

    ck_assert_int_eq(feed(c, BYTES(INIT), 1), 0);
    drain(c);
    for (int i = 0; i < 10000; i++)
        if (feed(c, m, sizeof m - 1, SIZE_MAX) != 0)
            ck_abort_msg("update %d", i);
    ck_assert_uint_eq(n_events[FH_RFB_CLIENT_EV_SIZE], 20000);
    /* Requests replace each other: one on its way, one that waits. */
    ck_assert_uint_le(drain(c), 2 * 10);
    ck_assert_uint_eq(out[1], 0);
    fh_rfb_client_free(c);
}
END_TEST

START_TEST(v19_fences_are_answered_and_a_flood_of_them_is_refused)
{
    static const uint8_t want[] = {0xf8, 0, 0, 0, 0, 0, 0, 7, 3, 'a', 'b', 'c'};
    static const char fence[] = "\xf8\0\0\0\xff\xff\xff\xff\3abc";
    struct fh_rfb_client *c = client_new();
    int i;

    ck_assert_int_eq(feed(c, BYTES(INIT), 1), 0);
    drain(c);
    ck_assert_int_eq(feed(c, fence, sizeof fence - 1, 1), 0);
    ck_assert_uint_eq(drain(c), sizeof want);
    ck_assert_mem_eq(out, want, sizeof want);
    for (i = 0; i < 100000 && feed(c, fence, sizeof fence - 1, SIZE_MAX) == 0; i++)
        ;
    ck_assert_int_eq(fh_rfb_client_error(c), FH_RFB_E_LIMIT);
    ck_assert_int_lt(i, 40000);
    fh_rfb_client_free(c);
}
END_TEST

START_TEST(continuous_updates_are_enabled_when_the_server_can)
{
    static const uint8_t enable[] = {150, 1, 0, 0, 0, 0, 0, 16, 0, 8};
    struct fh_rfb_client *c = client_new();

    ck_assert_int_eq(feed(c, BYTES(INIT), 1), 0);
    drain(c);
    ck_assert_int_eq(feed(c, BYTES("\x96"), 1), 0);
    ck_assert_uint_eq(drain(c), sizeof enable);
    ck_assert_mem_eq(out, enable, sizeof enable);
    ck_assert_int_eq(feed(c, BYTES(UPDATE("\0")), 1), 0);
    ck_assert_uint_eq(drain(c), 0);
    ck_assert_int_eq(feed(c, BYTES(UPDATE("\1") "\0\0\0\0\0\x20\0\x20" DESKTOP_SIZE), 1), 0);
    ck_assert_uint_eq(drain(c), 20); /* the new area, and a whole request */
    ck_assert_uint_eq(out[7], 32);
    ck_assert_int_eq(feed(c, BYTES("\x96"), 1), 0);
    ck_assert_uint_eq(drain(c), 10); /* the server has stopped: back to requests */
    ck_assert_uint_eq(out[0], 3);
    fh_rfb_client_free(c);
}
END_TEST

START_TEST(input_waits_up_to_a_limit)
{
    struct fh_rfb_client *c = client_new();
    int ret = 0, i;

    ck_assert_int_eq(feed(c, BYTES(INIT), 1), 0);
    for (i = 0; i < 1000000 && ret == 0; i++)
        ret = fh_rfb_client_pointer(c, 1, 1, 0);
    ck_assert_int_eq(ret, FH_RFB_E_LIMIT);
    ck_assert_int_lt(i, 60000);
    ck_assert_int_eq(fh_rfb_client_error(c), 0);
    /* What the machine itself must say has room still. */
    ck_assert_int_eq(feed(c, BYTES(UPDATE("\0")), 1), 0);
    drain(c);
    ck_assert_int_eq(fh_rfb_client_pointer(c, 1, 1, 0), 0);
    fh_rfb_client_free(c);
}
END_TEST

/* It would be taken for the longer form by a server that has just said that it knows it. */
START_TEST(bit_7_is_not_sent_before_the_server_knows_more_buttons)
{
    static const uint8_t want[] = {5, 1, 0, 2, 0, 3};
    struct fh_rfb_client *c = client_new();

    ck_assert_int_eq(feed(c, BYTES(INIT), 1), 0);
    drain(c);
    ck_assert_int_eq(fh_rfb_client_pointer(c, 2, 3, 0x181), 0);
    ck_assert_uint_eq(drain(c), sizeof want);
    ck_assert_mem_eq(out, want, sizeof want);
    fh_rfb_client_free(c);
}
END_TEST

START_TEST(what_the_application_asks_is_checked)
{
    struct fh_rfb_client *c = client_new();

    ck_assert_int_eq(feed(c, BYTES(INIT), 1), 0);
    ck_assert_int_eq(fh_rfb_client_key(c, 0, 0, true), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_client_key(c, 0, 0x1c, true), FH_RFB_E_INVAL); /* no QEMU keys yet */
    ck_assert_int_eq(fh_rfb_client_pointer(c, 16, 0, 0), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_client_cut_text(c, "\xc3", 1), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_client_refresh(c, &(struct fh_rect){0, 0, 17, 1}), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_client_refresh(c, &(struct fh_rect){0, 0, 0, 1}), FH_RFB_E_INVAL);
    ck_assert_int_eq(fh_rfb_client_resize(c, 10, 10), FH_RFB_E_STATE);
    ck_assert_int_eq(fh_rfb_client_set_quality(c, 10, 0), FH_RFB_E_INVAL);
    fh_rfb_client_free(c);
    fh_rfb_client_free(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rfb client");
    TCase *tc = tcase_create("rfb client");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, the_first_words_are_format_encodings_and_a_whole_request, 0, 2);
    tcase_add_loop_test(tc, each_message_of_the_table_is_taken_or_refused, 0,
                        2 * (int)ARRAY_LEN(rows));
    tcase_add_loop_test(tc, what_was_not_asked_for_is_refused, 0, (int)ARRAY_LEN(unasked));
    tcase_add_test(tc, v2_the_limit_on_pixels_holds_at_the_start_and_later);
    tcase_add_loop_test(tc, v13_names_are_clean_utf8, 0, (int)ARRAY_LEN(names));
    tcase_add_test(tc, v13_a_long_name_is_cut_between_characters);
    tcase_add_loop_test(tc, v11_the_mask_has_whole_bytes_a_row, 0, 2);
    tcase_add_test(tc, v12_a_new_size_10000_times_costs_no_memory);
    tcase_add_test(tc, v19_fences_are_answered_and_a_flood_of_them_is_refused);
    tcase_add_test(tc, continuous_updates_are_enabled_when_the_server_can);
    tcase_add_test(tc, input_waits_up_to_a_limit);
    tcase_add_test(tc, bit_7_is_not_sent_before_the_server_knows_more_buttons);
    tcase_add_test(tc, what_the_application_asks_is_checked);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
