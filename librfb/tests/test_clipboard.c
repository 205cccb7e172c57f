/* SPDX-License-Identifier: MIT */
/* Extended Clipboard, rfbproto: row S7 (and V14) of bad input, and what goes both ways. */
#include "session.h"

#include "clipboard.h"

#define B(s) s, sizeof(s) - 1
#define PROVIDE FH__CLIP_PROVIDE | FH__CLIP_TEXT

enum damage { NONE, FINISHED, CUT, DICT, LONGER /* 10 MiB of zeros after it */ };

/* Flags, and behind them: data as it is, or of provide zlib data of it. */
static const struct {
    const char *what;
    uint32_t flags;
    const char *data;
    size_t len;
    enum damage damage;
    enum fh__clip_said want;
    const char *text;
} messages[] = {
    {"caps", FH__CLIP_CAPS | FH__CLIP_OURS, B("\0\1\0\0"), NONE, FH__CLIP_SAID_CAPS, NULL},
    {"caps of all formats", 0x1f00ffff,
     B("\0\0\0\0\1\1\1\1\2\2\2\2\3\3\3\3\4\4\4\4\5\5\5\5\6\6\6\6\7\7\7\7"
       "\0\0\0\0\1\1\1\1\2\2\2\2\3\3\3\3\4\4\4\4\5\5\5\5\6\6\6\6\7\7\7\7"),
     NONE, FH__CLIP_SAID_CAPS, NULL},
    {"caps with huge sizes, and more", FH__CLIP_CAPS | FH__CLIP_TEXT, B("\xff\xff\xff\xffmore"),
     NONE, FH__CLIP_SAID_CAPS, NULL},
    {"caps of nothing", FH__CLIP_CAPS, B(""), NONE, FH__CLIP_SAID_CAPS, NULL},
    {"caps without sizes", FH__CLIP_CAPS | FH__CLIP_TEXT, B("\0\0\0"), NONE, FH__CLIP_SAID_BAD,
     NULL},
    {"no action", FH__CLIP_TEXT, B(""), NONE, FH__CLIP_SAID_BAD, NULL},
    {"two actions", FH__CLIP_NOTIFY | FH__CLIP_PEEK, B(""), NONE, FH__CLIP_SAID_BAD, NULL},
    {"an action of no name", 0x80000001, B(""), NONE, FH__CLIP_SAID_BAD, NULL},
    {"request", FH__CLIP_REQUEST | FH__CLIP_TEXT, B(""), NONE, FH__CLIP_SAID_REQUEST, NULL},
    {"request, and more", FH__CLIP_REQUEST | FH__CLIP_TEXT, B("xyz"), NONE, FH__CLIP_SAID_REQUEST,
     NULL},
    {"request of pictures", FH__CLIP_REQUEST | 8, B(""), NONE, FH__CLIP_SAID_NOTHING, NULL},
    {"peek", FH__CLIP_PEEK, B(""), NONE, FH__CLIP_SAID_PEEK, NULL},
    {"notify", FH__CLIP_NOTIFY | 5, B(""), NONE, FH__CLIP_SAID_NOTIFY, NULL},
    {"notify of files", FH__CLIP_NOTIFY | 16, B(""), NONE, FH__CLIP_SAID_NOTHING, NULL},
    {"provide", PROVIDE, B("\0\0\0\3hi"), NONE, FH__CLIP_SAID_TEXT, "hi"},
    {"provide of a stream that ends", PROVIDE, B("\0\0\0\3hi\0"), FINISHED, FH__CLIP_SAID_TEXT,
     "hi"},
    {"provide of an empty text", PROVIDE, B("\0\0\0\1\0"), NONE, FH__CLIP_SAID_TEXT, ""},
    {"provide of no byte", PROVIDE, B("\0\0\0\0"), FINISHED, FH__CLIP_SAID_TEXT, ""},
    {"provide without NUL", PROVIDE, B("\0\0\0\2hi"), FINISHED, FH__CLIP_SAID_TEXT, "hi"},
    {"provide of lines", PROVIDE, B("\0\0\0\13a\r\nb\rc\nd\r\n"), NONE, FH__CLIP_SAID_TEXT,
     "a\nb\rc\nd\n"},
    {"provide of UTF-8", PROVIDE, B("\0\0\0\4\xe2\x82\xac"), NONE, FH__CLIP_SAID_TEXT,
     "\xe2\x82\xac"},
    {"provide with a NUL inside", PROVIDE, B("\0\0\0\6ab\0cd"), NONE, FH__CLIP_SAID_TEXT, "ab"},
    {"provide of no UTF-8", PROVIDE, B("\0\0\0\3\xff\xfe"), NONE, FH__CLIP_SAID_NOTHING, NULL},
    {"provide of pictures", FH__CLIP_PROVIDE | 8, B("\0\0\0\3hi"), NONE, FH__CLIP_SAID_NOTHING,
     NULL},
    {"provide of text and pictures", PROVIDE | 8, B("\0\0\0\3hi\0\0\0\0\2xy"), NONE,
     FH__CLIP_SAID_TEXT, "hi"},
    {"provide of more than there is", PROVIDE, B("\0\0\0\4hi"), NONE, FH__CLIP_SAID_BAD, NULL},
    {"provide of more, and an end", PROVIDE, B("\0\0\0\4hi"), FINISHED, FH__CLIP_SAID_BAD, NULL},
    {"provide of less than there is", PROVIDE, B("\0\0\0\2hijk"), NONE, FH__CLIP_SAID_TEXT, "hi"},
    {"provide, cut in the stream", PROVIDE, B("\0\0\0\24hi, how are you all?"), CUT,
     FH__CLIP_SAID_BAD, NULL},
    {"provide with a dictionary", PROVIDE, B("\0\0\0\3hi"), DICT, FH__CLIP_SAID_BAD, NULL},
    {"provide of 4 GiB", PROVIDE, B("\xff\xff\xff\xffhi"), NONE, FH__CLIP_SAID_NOTHING, NULL},
    {"provide of a byte too many", PROVIDE, B("\0\x08\0\2hi"), NONE, FH__CLIP_SAID_NOTHING, NULL},
    {"provide of a bomb behind it", PROVIDE, B("\0\0\0\3hi"), LONGER, FH__CLIP_SAID_TEXT, "hi"},
    {"provide of a bomb", PROVIDE, B("\x7f\xff\xff\xff"), LONGER, FH__CLIP_SAID_NOTHING, NULL},
    {"provide of a text of the bomb", PROVIDE, B("\0\4\0\0"), LONGER, FH__CLIP_SAID_TEXT, ""},
    {"provide of nothing", PROVIDE, B(""), NONE, FH__CLIP_SAID_BAD, NULL},
};

enum { ROOM = 1 << 20 };

static size_t deflated(const char *data, size_t len, enum damage damage, uint8_t *out)
{
    static const Bytef zeros[1 << 16];
    z_stream z = {.next_out = out, .avail_out = ROOM};

    ck_assert_int_eq(deflateInit(&z, 9), Z_OK);
    if (damage == DICT)
        ck_assert_int_eq(deflateSetDictionary(&z, (const Bytef *)"hi", 2), Z_OK);
    z.next_in = (Bytef *)data;
    z.avail_in = (uInt)len;
    (void)deflate(&z, Z_NO_FLUSH);
    for (int i = 0; i < 160 && damage == LONGER; i++) {
        z.next_in = (Bytef *)zeros;
        z.avail_in = sizeof zeros;
        (void)deflate(&z, Z_NO_FLUSH);
    }
    /* What zeros of a table are: the NUL of a literal is the text's. */
    (void)deflate(&z, damage == FINISHED ? Z_FINISH : Z_SYNC_FLUSH);
    deflateEnd(&z);
    return (size_t)(z.next_out - out) - (damage == CUT ? 9 : 0);
}

static size_t body_of(int i, uint8_t *out)
{
    const uint32_t flags = messages[i].flags;
    const bool has_text = messages[i].len > 4 && messages[i].damage != FINISHED;
    struct wr w = wr_init(out, 4);

    wr_u32(&w, flags);
    if ((flags & FH__CLIP_ACTIONS) == FH__CLIP_PROVIDE)
        return 4 +
               deflated(messages[i].data, messages[i].len + has_text, messages[i].damage, out + 4);
    memcpy(out + 4, messages[i].data, messages[i].len);
    return 4 + messages[i].len;
}

/* Each is followed by a byte that is not its own. */
START_TEST(s7_a_message_is_understood_or_refused_however_it_comes)
{
    static const size_t steps[] = {ROOM, 1, 5};
    uint8_t *body = malloc(ROOM);
    const size_t len = body_of(_i, body);

    for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
        struct fh__clip c = {0};
        enum fh__clip_said said = FH__CLIP_SAID_MORE;
        size_t at = 0;

        ck_assert(fh__clip_begin(&c, (uint32_t)len));
        for (size_t end = 0; said == FH__CLIP_SAID_MORE && end < len + 1;) {
            struct rd r;

            end = end + steps[k] < len + 1 ? end + steps[k] : len + 1;
            r = rd_init(body + at, end - at);
            said = fh__clip_read(&c, &r);
            at = end - r.left;
        }
        ck_assert_msg(said == messages[_i].want, "%s: %d", messages[_i].what, said);
        if (said != FH__CLIP_SAID_BAD)
            ck_assert_uint_eq(at, len);
        if (messages[_i].text) {
            ck_assert_str_eq(c.text, messages[_i].text);
            ck_assert_uint_eq(c.len, strlen(messages[_i].text));
        }
        fh__clip_finish(&c);
    }
    free(body);
}
END_TEST

START_TEST(s7_a_message_of_less_than_its_flags_is_none)
{
    struct fh__clip c = {0};

    ck_assert(!fh__clip_begin(&c, 0));
    ck_assert(!fh__clip_begin(&c, 3));
    ck_assert(fh__clip_begin(&c, 4));
    ck_assert(fh__clip_begin(&c, 0x80000000));
}
END_TEST

/* What we provide is what the peer reads, byte by byte, and no longer than a message may be. */
START_TEST(our_text_is_what_the_peer_reads)
{
    struct fh__clip ours = {0}, peer = {0};
    char *text = malloc(FH_RFB_CUT_TEXT_MAX);
    const size_t len = _i == 0 ? 0 : _i == 1 ? 17 : FH_RFB_CUT_TEXT_MAX;
    enum fh__clip_said said = FH__CLIP_SAID_MORE;
    uint32_t seed = 1;
    struct rd r;

    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        /* 3: what compresses least; 4: lines of nothing, twice as long on the wire */
        text[i] = _i == 4 ? '\n' : _i == 3 ? (char)(1 + (seed >> 24) % 127) : i % 7 ? 'a' : '\n';
        text[i] = text[i] == '\r' ? 'r' : text[i];
    }
    ck_assert(fh__clip_set(&ours, 6, text, len));
    ck_assert_uint_le(ours.own_len, FH__CLIP_OWN_MAX);
    r = rd_init(ours.own, ours.own_len);
    ck_assert_uint_eq(rd_u32(&r), 0x06000000);
    ck_assert(fh__clip_begin(&peer, 0u - rd_u32(&r)));
    ck_assert_uint_eq(peer.left, ours.own_len - 8);
    for (size_t end = 1; said == FH__CLIP_SAID_MORE && end <= r.left + 1; end++) {
        struct rd part = rd_init(r.p, end < r.left ? end : r.left);
        const size_t before = part.left;

        said = fh__clip_read(&peer, &part);
        if (part.left != before) {
            rd_skip(&r, before - part.left);
            end = 0;
        }
    }
    ck_assert_int_eq(said, FH__CLIP_SAID_TEXT);
    ck_assert_uint_eq(peer.len, len);
    ck_assert(memcmp(peer.text, text, len) == 0);
    fh__clip_finish(&ours);
    fh__clip_finish(&peer);
    free(text);
}
END_TEST

/* ---- between the machines ---- */

static const int32_t list[] = {FH_ENC_RAW, FH_ENC_EXTENDED_CLIPBOARD};
static const struct fh_rfb_client_config cfg = {
    .encodings = list, .n_encodings = 2, .quality = -1, .level = -1};
static const char euro[] = "\xe2\x82\xac 5\nand more";

START_TEST(texts_in_any_script_go_both_ways)
{
    struct session *t = session_new(&cfg, _i ? 1 : SIZE_MAX);

    settle(t);
    ck_assert_int_eq(fh_rfb_client_cut_text(t->client, euro, strlen(euro)), 0);
    ck_assert_int_eq(fh_rfb_server_cut_text(t->server, euro, strlen(euro)), 0);
    settle(t);
    ck_assert_str_eq(t->to_server, euro);
    ck_assert_str_eq(t->to_client, euro);
    ck_assert_uint_eq(t->n_server[FH_RFB_SERVER_EV_CUT_TEXT], 1);
    ck_assert_uint_eq(t->n_client[FH_RFB_CLIENT_EV_CUT_TEXT], 1);
    session_free(t);
}
END_TEST

/* As it could not know then whether the viewer takes more than Latin-1. */
START_TEST(a_text_from_before_the_caps_is_told_again)
{
    struct session *t = session_new(&cfg, 1);

    while (t->n_server[FH_RFB_SERVER_EV_READY] == 0 || t->client_bytes < 1 + 20 + 12)
        ck_assert(to_server(t) || to_client(t, 1000));
    ck_assert_int_eq(fh_rfb_server_cut_text(t->server, euro, strlen(euro)), 0);
    settle(t);
    ck_assert_str_eq(t->to_client, euro);
    session_free(t);
}
END_TEST

/* A viewer that wants to be asked: caps of size 0. What it gets, message by message. */
static struct fh_rfb_server *asked_server(const struct fh_framebuffer *fb)
{
    static const char hello[] = "\1\2\0\0\1\xc0\xa1\xe5\xce"
                                "\6\0\0\0\xff\xff\xff\xf8\x1f\0\0\1\0\0\0\0";
    struct fh_rfb_server *s = fh_rfb_server_new();
    struct fh_rfb_server_event ev;
    size_t room, len;

    ck_assert_ptr_nonnull(s);
    ck_assert_int_eq(fh_rfb_server_set_screen(s, fb, NULL, 0), 0);
    memcpy(fh_rfb_server_in(s, &room), hello, sizeof hello - 1);
    ck_assert_int_eq(fh_rfb_server_in_done(s, 0, sizeof hello - 1), 0);
    while (fh_rfb_server_event(s, &ev) > 0)
        ;
    while (fh_rfb_server_out(s, 0, &len))
        fh_rfb_server_out_done(s, len);
    return s;
}

static void say(struct fh_rfb_server *s, const char *data, size_t len)
{
    struct fh_rfb_server_event ev;
    size_t room;

    memcpy(fh_rfb_server_in(s, &room), data, len);
    ck_assert_int_eq(fh_rfb_server_in_done(s, 0, len), 0);
    ck_assert_int_eq(fh_rfb_server_event(s, &ev), 0);
}

static size_t hear(struct fh_rfb_server *s, uint8_t out[static 1000])
{
    size_t len;
    const uint8_t *p = fh_rfb_server_out(s, 0, &len);

    if (!p)
        return 0;
    ck_assert_uint_le(len, 1000);
    memcpy(out, p, len);
    fh_rfb_server_out_done(s, len);
    return len;
}

#define REQUEST "\6\0\0\0\xff\xff\xff\xfc\2\0\0\1"
#define PEEK "\6\0\0\0\xff\xff\xff\xfc\4\0\0\0"

START_TEST(a_viewer_that_wants_to_be_asked_is)
{
    uint32_t px = 0;
    const struct fh_framebuffer fb = {&px, 1, 1, 1};
    struct fh_rfb_server *s = asked_server(&fb);
    uint8_t out[1000];

    say(s, B(REQUEST));
    ck_assert_uint_eq(hear(s, out), 0); /* there is nothing yet */
    say(s, B(PEEK));
    ck_assert_uint_eq(hear(s, out), 12);
    ck_assert_mem_eq(out, "\3\0\0\0\xff\xff\xff\xfc\x08\0\0\0", 12);
    ck_assert_int_eq(fh_rfb_server_cut_text(s, euro, strlen(euro)), 0);
    ck_assert_uint_eq(hear(s, out), 12);
    ck_assert_mem_eq(out, "\3\0\0\0\xff\xff\xff\xfc\x08\0\0\1", 12);
    for (int i = 0; i < 2; i++) { /* as often as it likes */
        say(s, B(REQUEST REQUEST));
        ck_assert_uint_gt(hear(s, out), 12);
        ck_assert_mem_eq(out, "\3\0\0\0\xff\xff\xff", 7);
        ck_assert_mem_eq(out + 8, "\x10\0\0\1", 4);
        ck_assert_uint_eq(hear(s, out), 0);
    }
    fh_rfb_server_forget_text(s);
    say(s, B(REQUEST PEEK));
    ck_assert_uint_eq(hear(s, out), 12);
    ck_assert_mem_eq(out, "\3\0\0\0\xff\xff\xff\xfc\x08\0\0\0", 12);
    fh_rfb_server_free(s);
}
END_TEST

START_TEST(a_notice_is_answered_by_a_request)
{
    uint32_t px = 0;
    const struct fh_framebuffer fb = {&px, 1, 1, 1};
    struct fh_rfb_server *s = asked_server(&fb);
    uint8_t out[1000];

    say(s, B("\6\0\0\0\xff\xff\xff\xfc\x08\0\0\1"));
    ck_assert_uint_eq(hear(s, out), 12);
    ck_assert_mem_eq(out, "\3\0\0\0\xff\xff\xff\xfc\2\0\0\1", 12);
    fh_rfb_server_free(s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("clipboard");
    TCase *tc = tcase_create("clipboard");
    SRunner *sr;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, s7_a_message_is_understood_or_refused_however_it_comes, 0,
                        (int)ARRAY_LEN(messages));
    tcase_add_test(tc, s7_a_message_of_less_than_its_flags_is_none);
    tcase_add_loop_test(tc, our_text_is_what_the_peer_reads, 0, 5);
    tcase_add_loop_test(tc, texts_in_any_script_go_both_ways, 0, 2);
    tcase_add_test(tc, a_text_from_before_the_caps_is_told_again);
    tcase_add_test(tc, a_viewer_that_wants_to_be_asked_is);
    tcase_add_test(tc, a_notice_is_answered_by_a_request);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
