/* SPDX-License-Identifier: MIT */
/*
 * test_session_hostile.c -- peers that hold the keys and break the rules: plain bytes into the
 * sessions above the channel, and every byte that they say searched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "../src/server_session.h"
#include "../src/viewer_session.h"

enum { SAID_MAX = 1 << 18 };

static uint32_t px[32 * 32];
static const struct fh_framebuffer fb = {.px = px, .width = 32, .height = 32, .stride_px = 32};
static const char name[] = "DESKTOP-NAME-THAT-MUST-NOT-LEAK";

static void count_random(void *user, void *out, size_t len)
{
    (void)user;
    memset(out, 0x5a, len);
}

struct bytes {
    uint8_t mem[65536];
    size_t len;
};

static void add(struct bytes *b, const void *data, size_t len)
{
    ck_assert_uint_le(len, sizeof b->mem - b->len);
    if (len > 0)
        memcpy(b->mem + b->len, data, len);
    b->len += len;
}

static void add_frame(struct bytes *b, uint8_t channel, const void *data, size_t len)
{
    uint8_t header[FH_FRAME_HEADER];

    fh__frame_header(header, channel, len);
    add(b, header, sizeof header);
    add(b, data, len);
}

#define FRAME(b, channel, ...)                                                                     \
    add_frame(b, channel, (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

/* ---- a server and what it says ---- */

struct server {
    struct fh__server_session s;
    bool answers;
    uint32_t grant;
    uint8_t said[SAID_MAX];
    size_t said_len;
    unsigned auths, started, keys, ended, n_512, n_other;
    enum fh_bye reason;
    int error;
    char user[300], password[1100];
};

static struct server *server_new(void)
{
    struct server *t = calloc(1, sizeof *t);
    const struct fh_server_conn_config cfg = {
        .random = count_random, .name = name, .has_authentication = true, .now_ms = 1};

    ck_assert_ptr_nonnull(t);
    t->answers = true;
    t->grant = FH_PERM_ALL;
    fh__server_session_init(&t->s, &cfg);
    fh__server_session_open(&t->s, 1);
    return t;
}

static void server_free(struct server *t)
{
    fh__server_session_finish(&t->s);
    free(t);
}

static void server_event(struct server *t, const struct fh_server_conn_event *ev)
{
    bool is_right;

    switch (ev->type) {
    case FH_SERVER_CONN_EV_AUTHENTICATE:
        t->auths++;
        snprintf(t->user, sizeof t->user, "%s", ev->credentials.user);
        snprintf(t->password, sizeof t->password, "%s", ev->credentials.password);
        is_right = strcmp(t->user, "ann") == 0 && strcmp(t->password, "pw") == 0;
        if (t->answers)
            fh__server_session_authenticated(&t->s, 1, is_right ? t->grant : 0);
        break;
    case FH_SERVER_CONN_EV_STARTED:
        t->started++;
        ck_assert_int_eq(fh__server_session_set_screen(&t->s, &fb, NULL, 0), 0);
        break;
    case FH_SERVER_CONN_EV_KEY:
        t->keys++;
        break;
    case FH_SERVER_CONN_EV_ENDED:
        t->ended++;
        t->reason = ev->ended.reason;
        t->error = ev->ended.error;
        break;
    default:
        break;
    }
}

static void server_events(struct server *t)
{
    struct fh_server_conn_event ev;

    while (fh__server_session_event(&t->s, &ev))
        server_event(t, &ev);
}

static void server_says(struct server *t)
{
    enum fh_channel_padding padding;
    size_t n;

    server_events(t);
    while (t->said_len + 1000 < SAID_MAX &&
           (n = fh__server_session_fill(&t->s, 1, t->said + t->said_len, 1000, &padding)) > 0) {
        t->said_len += n;
        t->n_512 += padding == FH_PAD_512;
        t->n_other += padding != FH_PAD_512;
        server_events(t);
    }
    server_events(t);
}

/* Until all is heard, or events and words make no more room. */
static void server_hears(struct server *t, const struct bytes *b, size_t chunk)
{
    const uint8_t *p = b->mem;
    size_t left = b->len;
    unsigned stuck = 0;

    server_says(t);
    while (left > 0 && stuck < 2) {
        size_t n = chunk && chunk < left ? chunk : left;
        size_t used = fh__server_session_input(&t->s, 1, p, n);

        ck_assert_uint_le(used, n);
        p += used;
        left -= used;
        stuck = used > 0 ? 0 : stuck + 1;
        server_says(t);
    }
}

/* Whether the server has said a frame on a channel. */
static bool has_said(const struct server *t, uint8_t channel)
{
    size_t at = 0;

    while (at + 4 <= t->said_len) {
        if (t->said[at] == channel)
            return true;
        at += 4 + ((size_t)t->said[at + 1] << 16 | (size_t)t->said[at + 2] << 8 | t->said[at + 3]);
    }
    return false;
}

static bool is_said(const struct server *t, const void *what, size_t len)
{
    for (size_t i = 0; i + len <= t->said_len; i++)
        if (memcmp(t->said + i, what, len) == 0)
            return true;
    return false;
}

/* ---- what a viewer may not do ---- */

static void good_choose(struct bytes *b)
{
    FRAME(b, 0, 2, 1, 2, 1, 0, 3, 'a', 'n', 'n', 2, 0, 2, 'p', 'w');
}

static void bad_choose(struct bytes *b)
{
    FRAME(b, 0, 2, 1, 2, 1, 0, 3, 'a', 'n', 'n', 2, 0, 2, 'x', 'x');
}

static void rfb_before_result(struct bytes *b)
{
    FRAME(b, 1, 1);
}

static void rfb_behind_choose(struct bytes *b)
{
    good_choose(b);
    FRAME(b, 1, 1);
}

static void unknown_channel(struct bytes *b)
{
    FRAME(b, 9, 1, 2, 3);
}

static void file_channel(struct bytes *b)
{
    FRAME(b, 3, 1, 2, 3);
}

static void empty_frame(struct bytes *b)
{
    add(b, "\0\0\0\0", 4);
}

static void large_frame(struct bytes *b)
{
    static const uint8_t big[FH_FRAME_MAX];

    add(b, "\1\0\x40\1", 4);
    add(b, big, sizeof big);
}

static void large_message(struct bytes *b)
{
    static const uint8_t big[FH_MESSAGE_MAX + 1] = {2};

    add_frame(b, 0, big, sizeof big);
}

static void method_not_offered(struct bytes *b)
{
    FRAME(b, 0, 2, 2, 0);
}

static void method_zero(struct bytes *b)
{
    FRAME(b, 0, 2, 0, 0);
}

static void answer_without_ask(struct bytes *b)
{
    FRAME(b, 0, 4, 1, 1, 2, 0, 2, 'p', 'w');
}

static void answer_of_another_step(struct bytes *b)
{
    FRAME(b, 0, 2, 1, 0);
    FRAME(b, 0, 4, 9, 2, 1, 0, 3, 'a', 'n', 'n', 2, 0, 2, 'p', 'w');
}

static void answer_that_lacks_one(struct bytes *b)
{
    FRAME(b, 0, 2, 1, 0);
    FRAME(b, 0, 4, 1, 1, 1, 0, 3, 'a', 'n', 'n');
}

static void answer_twice_the_same(struct bytes *b)
{
    FRAME(b, 0, 2, 1, 2, 1, 0, 3, 'a', 'n', 'n', 1, 0, 3, 'b', 'o', 'b');
}

static void answer_of_no_known_kind(struct bytes *b)
{
    FRAME(b, 0, 2, 1, 1, 77, 0, 1, 'x');
}

static void user_with_a_newline(struct bytes *b)
{
    FRAME(b, 0, 2, 1, 2, 1, 0, 3, 'a', '\n', 'n', 2, 0, 2, 'p', 'w');
}

static void user_with_a_zero(struct bytes *b)
{
    FRAME(b, 0, 2, 1, 2, 1, 0, 4, 'a', 'n', 'n', 0, 2, 0, 2, 'p', 'w');
}

static void long_user(struct bytes *b)
{
    uint8_t m[3 + 3 + 256] = {2, 1, 1, 1, 1, 0};

    memset(m + 6, 'u', 256);
    add_frame(b, 0, m, sizeof m);
}

static void long_password(struct bytes *b)
{
    uint8_t m[3 + 3 + 1025] = {2, 1, 1, 2, 4, 1};

    memset(m + 6, 'p', 1025);
    add_frame(b, 0, m, sizeof m);
}

static void result_from_a_viewer(struct bytes *b)
{
    uint8_t m[29] = {5};

    add_frame(b, 0, m, sizeof m);
}

static void offer_from_a_viewer(struct bytes *b)
{
    FRAME(b, 0, 1, 0);
}

static void permissions_from_a_viewer(struct bytes *b)
{
    good_choose(b);
    FRAME(b, 0, 6, 0, 0, 7, 0xff);
}

static void early_before_choose(struct bytes *b)
{
    FRAME(b, 0, 8, 1);
}

static void early_twice(struct bytes *b)
{
    bad_choose(b);
    FRAME(b, 0, 8, 1);
    FRAME(b, 0, 8, 1);
}

static void early_that_is_empty(struct bytes *b)
{
    bad_choose(b);
    FRAME(b, 0, 8);
}

static void early_that_is_long(struct bytes *b)
{
    uint8_t m[FH_EARLY_MAX + 2] = {8};

    bad_choose(b);
    add_frame(b, 0, m, sizeof m);
}

static void early_behind_the_second_choose(struct bytes *b)
{
    bad_choose(b);
    bad_choose(b);
    FRAME(b, 0, 8, 1);
}

static void unknown_message(struct bytes *b)
{
    FRAME(b, 0, 99);
}

static void message_to_ignore_before_result(struct bytes *b)
{
    FRAME(b, 0, 200);
}

static void second_choose_when_granted(struct bytes *b)
{
    good_choose(b);
    good_choose(b);
}

static const struct {
    const char *what;
    void (*make)(struct bytes *b);
    bool is_granted; /* the first Choose is right */
} breaks[] = {
    {"RFB before Result", rfb_before_result, false},
    {"a channel that is none", unknown_channel, false},
    {"files before Result", file_channel, false},
    {"an empty frame", empty_frame, false},
    {"a large frame", large_frame, false},
    {"a large message", large_message, false},
    {"a method that was not offered", method_not_offered, false},
    {"method 0", method_zero, false},
    {"Answer without Ask", answer_without_ask, false},
    {"Answer of another step", answer_of_another_step, false},
    {"Answer without one of the answers", answer_that_lacks_one, false},
    {"one answer twice", answer_twice_the_same, false},
    {"an answer that nobody knows", answer_of_no_known_kind, false},
    {"a newline in a name", user_with_a_newline, false},
    {"a zero in a name", user_with_a_zero, false},
    {"a long name", long_user, false},
    {"a long password", long_password, false},
    {"Result", result_from_a_viewer, false},
    {"Offer", offer_from_a_viewer, false},
    {"Early before Choose", early_before_choose, false},
    {"Early twice", early_twice, false},
    {"empty Early", early_that_is_empty, false},
    {"long Early", early_that_is_long, false},
    {"Early behind the second Choose", early_behind_the_second_choose, false},
    {"a message that nobody knows", unknown_message, false},
    {"a message to ignore, before Result", message_to_ignore_before_result, false},
    {"Permissions", permissions_from_a_viewer, true},
    {"Choose after Result", second_choose_when_granted, true},
};
enum { N_BREAKS = sizeof breaks / sizeof breaks[0] };

static const size_t chunks[] = {0, 1};

START_TEST(broken_rules_end_the_session_and_leak_nothing)
{
    struct server *t = server_new();
    static struct bytes b;
    unsigned i = (unsigned)_i / 2;

    b.len = 0;
    breaks[i].make(&b);
    FRAME(&b, 1, 1, 0, 0, 0); /* and RFB behind it, as if nothing had happened */
    good_choose(&b);
    server_hears(t, &b, chunks[_i % 2]);
    ck_assert_msg(t->ended == 1 && t->reason == FH_BYE_PROTOCOL, "%s", breaks[i].what);
    ck_assert_int_eq(t->error, FH_SESSION_E_PROTO);
    ck_assert_uint_eq(t->started, breaks[i].is_granted);
    ck_assert(!has_said(t, 1));
    ck_assert(!is_said(t, name, sizeof name - 1));
    if (!breaks[i].is_granted)
        ck_assert_uint_eq(t->n_other, 0); /* every record of 512 bytes */
    server_free(t);
}
END_TEST

START_TEST(rfb_behind_an_unanswered_choose_ends_the_session)
{
    struct server *t = server_new();
    static struct bytes b;

    b.len = 0;
    t->answers = false;
    rfb_behind_choose(&b);
    server_hears(t, &b, chunks[_i]);
    ck_assert_int_eq(t->reason, FH_BYE_PROTOCOL);
    ck_assert(!has_said(t, 1));
    server_free(t);

    t = server_new(); /* two Chooses, the first unanswered */
    t->answers = false;
    b.len = 0;
    good_choose(&b);
    good_choose(&b);
    server_hears(t, &b, chunks[_i]);
    ck_assert_int_eq(t->reason, FH_BYE_PROTOCOL);
    server_free(t);
}
END_TEST

/* ClientInit, SetPixelFormat, SetEncodings (none), FramebufferUpdateRequest of everything. */
static const uint8_t opening[] = {8, 1,   0, 0,   0,  0, 32, 24, 0,    1,    0,    255,
                                  0, 255, 0, 255, 16, 8, 0,  0,  0,    0,    2,    0,
                                  0, 0,   3, 0,   0,  0, 0,  0,  0xff, 0xff, 0xff, 0xff};

START_TEST(nothing_of_the_desktop_is_said_before_authorisation)
{
    struct server *t = server_new();
    static struct bytes b;

    for (size_t i = 0; i < 32 * 32; i++)
        px[i] = 0x00c0ffee;
    b.len = 0;
    t->answers = false;
    good_choose(&b);
    add_frame(&b, 0, opening, sizeof opening);
    server_hears(t, &b, chunks[_i]);
    ck_assert_uint_eq(t->auths, 1);
    ck_assert_uint_eq(t->ended, 0);
    ck_assert(!has_said(t, 1));
    ck_assert(!is_said(t, name, sizeof name - 1));
    ck_assert(!is_said(t, "\xee\xff\xc0", 3));
    ck_assert_uint_eq(t->n_other, 0);

    /* The same viewer, authorised: now all of it comes, from the bytes that waited. */
    ck_assert_int_eq(fh__server_session_authenticated(&t->s, 1, FH_PERM_ALL), 0);
    server_says(t);
    ck_assert(has_said(t, 1));
    ck_assert(is_said(t, name, sizeof name - 1));
    ck_assert(is_said(t, "\xee\xff\xc0", 3));
    server_free(t);
}
END_TEST

START_TEST(early_bytes_of_a_refused_viewer_are_wiped)
{
    struct server *t = server_new();
    static struct bytes b;

    b.len = 0;
    bad_choose(&b);
    add_frame(&b, 0, opening, sizeof opening);
    bad_choose(&b);
    bad_choose(&b);
    bad_choose(&b);
    server_hears(t, &b, chunks[_i]);
    ck_assert_uint_eq(t->auths, 3);
    ck_assert_int_eq(t->reason, FH_BYE_AUTH);
    ck_assert(!has_said(t, 1));
    for (size_t i = 0; i < sizeof t->s.early; i++)
        ck_assert_uint_eq(t->s.early[i], 0);
    for (size_t i = 0; i < sizeof t->s.auth.password; i++)
        ck_assert_int_eq(t->s.auth.password[i], 0);
    server_free(t);
}
END_TEST

START_TEST(early_bytes_survive_a_wrong_password)
{
    struct server *t = server_new();
    static struct bytes b;

    b.len = 0;
    bad_choose(&b);
    add_frame(&b, 0, opening, sizeof opening);
    good_choose(&b);
    server_hears(t, &b, chunks[_i]);
    ck_assert_uint_eq(t->auths, 2);
    ck_assert_uint_eq(t->started, 1);
    ck_assert(has_said(t, 1));
    server_free(t);
}
END_TEST

START_TEST(a_method_may_take_several_steps)
{
    struct server *t = server_new();
    static struct bytes b;

    b.len = 0;
    FRAME(&b, 0, 2, 1, 1, 1, 0, 3, 'a', 'n', 'n'); /* no password yet: Ask 1 for it */
    server_hears(t, &b, chunks[_i]);
    ck_assert_uint_eq(t->auths, 0);
    ck_assert(is_said(t, "\0\0\0\6\3\1\1\2\0\0", 10));
    b.len = 0;
    FRAME(&b, 0, 4, 1, 1, 2, 0, 2, 'p', 'w');
    server_hears(t, &b, chunks[_i]);
    ck_assert_uint_eq(t->auths, 1);
    ck_assert_uint_eq(t->started, 1);
    ck_assert_str_eq(t->user, "ann");
    server_free(t);
}
END_TEST

START_TEST(messages_above_127_are_ignored_in_a_session)
{
    struct server *t = server_new();
    static struct bytes b;

    b.len = 0;
    good_choose(&b);
    FRAME(&b, 0, 200, 1, 2, 3);
    add_frame(&b, 1, opening + 1, sizeof opening - 1);
    server_hears(t, &b, chunks[_i]);
    ck_assert_uint_eq(t->ended, 0);
    ck_assert(has_said(t, 1));
    server_free(t);
}
END_TEST

START_TEST(broken_rfb_ends_the_session)
{
    struct server *t = server_new();
    static struct bytes b;

    b.len = 0;
    good_choose(&b);
    add_frame(&b, 1, opening + 1, sizeof opening - 1);
    FRAME(&b, 1, 4, 1, 0, 0, 0, 0, 0, 0x61);
    FRAME(&b, 1, 77);
    server_hears(t, &b, chunks[_i]);
    ck_assert_int_eq(t->reason, FH_BYE_PROTOCOL);
    ck_assert_int_eq(t->error, FH_RFB_E_PROTO);
    ck_assert_uint_eq(t->keys, 2); /* pressed, and released at the end */
    server_free(t);
}
END_TEST

START_TEST(a_viewer_that_says_bye_is_heard_in_every_state)
{
    static struct bytes b;

    for (unsigned state = 0; state < 3; state++) {
        struct server *t = server_new();

        b.len = 0;
        t->answers = state != 1;
        if (state > 0)
            good_choose(&b);
        FRAME(&b, 0, 7, 0, 0, 0, 0, 0, 0);
        FRAME(&b, 5, 1); /* whatever comes behind it */
        server_hears(t, &b, chunks[_i]);
        ck_assert_int_eq(t->reason, FH_BYE_NORMAL);
        ck_assert_int_eq(t->error, 0);
        server_free(t);
    }
}
END_TEST

/* ---- what a server may not do ---- */

struct viewer {
    struct fh__viewer_session s;
    unsigned asked, started, ended;
    struct fh_viewer_conn_event end;
    size_t said;
};

static struct viewer *viewer_new(bool knows_password)
{
    struct viewer *t = calloc(1, sizeof *t);
    struct fh_viewer_conn_config cfg = {.random = count_random, .now_ms = 1};
    const struct fh_rfb_client_config rfb = {.quality = -1, .level = -1, .pipeline = true};
    const uint8_t methods[] = {1};

    ck_assert_ptr_nonnull(t);
    if (knows_password) {
        cfg.user = "ann";
        cfg.password = "pw";
        cfg.password_len = 2;
    }
    ck_assert_int_eq(fh__viewer_session_init(&t->s, &cfg, fh_rfb_client_new(&rfb)), 0);
    t->s.auth.trust = FH_TRUST_CONFIRMED;
    fh__viewer_session_open(&t->s, 1, methods, 1);
    return t;
}

static void viewer_free(struct viewer *t)
{
    fh__viewer_session_finish(&t->s);
    free(t);
}

static void viewer_events(struct viewer *t)
{
    struct fh_viewer_conn_event ev;
    enum fh_channel_padding padding;
    uint8_t mem[1000];
    size_t n;

    while (fh__viewer_session_event(&t->s, &ev)) {
        t->asked += ev.type == FH_VIEWER_CONN_EV_CREDENTIALS;
        t->started += ev.type == FH_VIEWER_CONN_EV_STARTED;
        if (ev.type == FH_VIEWER_CONN_EV_ENDED) {
            t->ended++;
            t->end = ev;
        }
    }
    while ((n = fh__viewer_session_fill(&t->s, 1, mem, sizeof mem, &padding)) > 0) {
        t->said += n;
        if (!t->started)
            ck_assert_int_eq(padding, FH_PAD_512);
    }
}

static void viewer_hears(struct viewer *t, const struct bytes *b, size_t chunk)
{
    const uint8_t *p = b->mem;
    size_t left = b->len;

    viewer_events(t);
    while (left > 0) {
        size_t n = chunk && chunk < left ? chunk : left;
        size_t used = fh__viewer_session_input(&t->s, 1, p, n);

        p += used;
        left -= used;
        viewer_events(t);
    }
}

static void offer_password(struct bytes *b)
{
    FRAME(b, 0, 1, 1, 1, 2, 1, 2);
}

static void grant_all(struct bytes *b)
{
    const uint8_t m[29] = {5, 0, 0, 0, 0, 0, 0, 7, 255};

    offer_password(b);
    add_frame(b, 0, m, sizeof m);
}

static void granted_without_offer(struct bytes *b)
{
    const uint8_t m[29] = {5, 0, 0, 0, 0, 0, 0, 7, 255};

    add_frame(b, 0, m, sizeof m);
}

static void offer_twice(struct bytes *b)
{
    offer_password(b);
    offer_password(b);
}

static void picture_before_result(struct bytes *b)
{
    FRAME(b, 1, 0);
}

static void choose_from_a_server(struct bytes *b)
{
    FRAME(b, 0, 2, 1, 0);
}

static void permissions_before_result(struct bytes *b)
{
    FRAME(b, 0, 6, 0, 0, 0, 1);
}

static void result_twice(struct bytes *b)
{
    grant_all(b);
    grant_all(b);
}

static void bad_server_init(struct bytes *b)
{
    static const uint8_t init[24];

    grant_all(b);
    add_frame(b, 1, init, sizeof init);
}

static const struct {
    const char *what;
    void (*make)(struct bytes *b);
    bool is_granted;
} server_breaks[] = {
    {"Result without Offer", granted_without_offer, false},
    {"Offer twice", offer_twice, false},
    {"a picture before Result", picture_before_result, false},
    {"a channel that is none", unknown_channel, false},
    {"an empty frame", empty_frame, false},
    {"a large message", large_message, false},
    {"Choose", choose_from_a_server, false},
    {"Permissions before Result", permissions_before_result, false},
    {"Result twice", result_twice, true},
    {"a picture without a size", bad_server_init, true},
};

START_TEST(a_server_that_breaks_the_rules_is_left)
{
    struct viewer *t = viewer_new(true);
    static struct bytes b;
    unsigned i = (unsigned)_i / 2;

    b.len = 0;
    server_breaks[i].make(&b);
    viewer_hears(t, &b, chunks[_i % 2]);
    ck_assert_msg(t->ended == 1, "%s", server_breaks[i].what);
    ck_assert_int_eq(t->end.ended.reason, FH_BYE_PROTOCOL);
    ck_assert_uint_eq(t->started, server_breaks[i].is_granted);
    ck_assert(!t->end.ended.by_server);
    viewer_free(t);
}
END_TEST

START_TEST(a_server_that_wants_what_the_viewer_does_not_have_is_left_in_order)
{
    struct viewer *t;
    static struct bytes b;

    t = viewer_new(false); /* nothing that it could choose */
    b.len = 0;
    FRAME(&b, 0, 1, 1, 9, 0);
    viewer_hears(t, &b, 0);
    ck_assert_int_eq(t->end.ended.reason, FH_BYE_AUTH);
    ck_assert_uint_eq(t->asked, 0);
    viewer_free(t);
}
END_TEST

START_TEST(the_servers_words_are_escaped)
{
    struct viewer *t = viewer_new(true);
    static struct bytes b;

    b.len = 0;
    grant_all(&b);
    FRAME(&b, 0, 7, 2, 1, 0, 9, 0, 4, 'b', 'y', 'e', 27);
    viewer_hears(t, &b, 0);
    ck_assert_int_eq(t->end.ended.reason, FH_BYE_SHUTDOWN);
    ck_assert_str_eq(t->end.ended.text, "bye\\x1b");
    ck_assert_uint_eq(t->end.ended.retry_s, 9);
    ck_assert(t->end.ended.may_reconnect && t->end.ended.confirmed && t->end.ended.by_server);
    viewer_free(t);

    t = viewer_new(true); /* a reason that a later version has */
    b.len = 0;
    FRAME(&b, 0, 7, 99, 0, 0, 0, 0, 0);
    viewer_hears(t, &b, 0);
    ck_assert_int_eq(t->end.ended.reason, FH_BYE_SERVER);
    viewer_free(t);
}
END_TEST

START_TEST(a_viewer_waits_a_minute_for_its_result)
{
    struct viewer *t = viewer_new(true);

    viewer_events(t);
    ck_assert_uint_eq(fh__viewer_session_deadline(&t->s), 1 + FH_VIEWER_AUTH_MS);
    fh__viewer_session_tick(&t->s, FH_VIEWER_AUTH_MS);
    viewer_events(t);
    ck_assert_uint_eq(t->ended, 0);
    fh__viewer_session_tick(&t->s, 1 + FH_VIEWER_AUTH_MS);
    viewer_events(t);
    ck_assert_int_eq(t->end.ended.reason, FH_BYE_TIMEOUT);
    viewer_free(t);
}
END_TEST

START_TEST(the_password_is_wiped_when_it_was_sent)
{
    struct viewer *t = viewer_new(true);

    viewer_events(t);
    ck_assert_uint_gt(t->said, 20);
    for (size_t i = 0; i < sizeof t->s.auth.password; i++)
        ck_assert_int_eq(t->s.auth.password[i], 0);
    for (size_t i = 0; i < sizeof t->s.queue.mem; i++)
        ck_assert_uint_eq(t->s.queue.mem[i], 0);
    viewer_free(t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session_hostile");
    TCase *tc = tcase_create("session_hostile");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, broken_rules_end_the_session_and_leak_nothing, 0, 2 * N_BREAKS);
    tcase_add_loop_test(tc, rfb_behind_an_unanswered_choose_ends_the_session, 0, 2);
    tcase_add_loop_test(tc, nothing_of_the_desktop_is_said_before_authorisation, 0, 2);
    tcase_add_loop_test(tc, early_bytes_of_a_refused_viewer_are_wiped, 0, 2);
    tcase_add_loop_test(tc, early_bytes_survive_a_wrong_password, 0, 2);
    tcase_add_loop_test(tc, a_method_may_take_several_steps, 0, 2);
    tcase_add_loop_test(tc, messages_above_127_are_ignored_in_a_session, 0, 2);
    tcase_add_loop_test(tc, broken_rfb_ends_the_session, 0, 2);
    tcase_add_loop_test(tc, a_viewer_that_says_bye_is_heard_in_every_state, 0, 2);
    tcase_add_loop_test(tc, a_server_that_breaks_the_rules_is_left, 0,
                        2 * sizeof server_breaks / sizeof server_breaks[0]);
    tcase_add_test(tc, a_server_that_wants_what_the_viewer_does_not_have_is_left_in_order);
    tcase_add_test(tc, the_servers_words_are_escaped);
    tcase_add_test(tc, a_viewer_waits_a_minute_for_its_result);
    tcase_add_test(tc, the_password_is_wiped_when_it_was_sent);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
