/* SPDX-License-Identifier: MIT */
/*
 * A viewer of servers that do not know the channel: against a script of bytes, and against our own
 * server with each type.
 */
#include <check.h>

#include <farhand/rfb_client.h>
#include <farhand/viewer_conn.h>

#include "older_peer.h"

struct view {
    struct fh_viewer_conn *v;
    struct fh_rsaaes_key *key;
    uint64_t now;
    enum fh_trust trust;
    char log[LOG_MAX], end_text[2048];
    uint8_t said[HEARD_MAX];
    size_t said_len, at;
    unsigned ended, type, updates;
    enum fh_bye reason;
    int error;
    bool by_server, holds_tls;
};

static const uint8_t tls_identity[32] = "the certificate's key";

static struct view *view_new(unsigned minimum, unsigned only)
{
    static uint8_t spki[TEST_SPKI_LEN];
    struct fh_viewer_conn_config cfg = {.random = old_random,
                                        .spki = spki,
                                        .spki_len = sizeof spki,
                                        .user = "ann",
                                        .password = "secret",
                                        .password_len = 6,
                                        .now_ms = 1000,
                                        .older = {minimum, only, true}};
    struct view *w = calloc(1, sizeof *w);

    ck_assert_ptr_nonnull(w);
    test_spki(2, spki);
    w->now = 1000;
    w->trust = FH_TRUST_CONFIRMED;
    if (fh_older_what(minimum) & FH_OLDER_IS_VNC && only != FH_OLDER_X509_PLAIN) {
        cfg.password = "vncsecret";
        cfg.password_len = 9;
    }
    w->v = fh_viewer_conn_new(&cfg);
    ck_assert_ptr_nonnull(w->v);
    return w;
}

static void view_free(struct view *w)
{
    fh_viewer_conn_free(w->v);
    fh_rsaaes_key_free(w->key);
    free(w);
}

static void view_note(struct view *w, const char *text)
{
    ck_assert_uint_lt(strlen(w->log) + strlen(text), LOG_MAX);
    strcat(w->log, text);
}

static void on_verify(struct view *w, const struct fh_viewer_conn_event *ev)
{
    w->type = ev->server.older;
    view_note(w, ev->server.fingerprint ? "verify:" : "unproved:");
    view_note(w, fh_older_name(ev->server.older));
    view_note(w, ev->server.short_fingerprint[0] ? "! " : " ");
    (void)fh_viewer_conn_accept_server(w->v, w->trust);
}

static void on_key(struct view *w)
{
    size_t len;
    const uint8_t *pub;

    ck_assert_int_eq(fh_rsaaes_key_generate(2048, old_random, NULL, &w->key), 0);
    pub = fh_rsaaes_key_pub(w->key, &len);
    ck_assert_int_eq(fh_viewer_conn_key_made(w->v, pub, len), 0);
}

static void on_ended(struct view *w, const struct fh_viewer_conn_event *ev)
{
    w->ended++;
    w->reason = ev->ended.reason;
    w->error = ev->ended.error;
    w->by_server = ev->ended.by_server;
    snprintf(w->end_text, sizeof w->end_text, "%s", ev->ended.text);
}

static void view_event(struct view *w, const struct fh_viewer_conn_event *ev)
{
    uint8_t secret[32];

    switch (ev->type) {
    case FH_VIEWER_CONN_EV_TLS:
        view_note(w, "tls ");
        if (!w->holds_tls)
            ck_assert_int_eq(fh_viewer_conn_tls_started(w->v, tls_identity), 0);
        break;
    case FH_VIEWER_CONN_EV_VERIFY_SERVER:
        on_verify(w, ev);
        break;
    case FH_VIEWER_CONN_EV_KEY:
        on_key(w);
        break;
    case FH_VIEWER_CONN_EV_DECRYPT:
        ck_assert_int_eq(fh_rsaaes_key_decrypt(w->key, ev->decrypt.data, ev->decrypt.len,
                                               old_random, NULL, secret, ev->decrypt.want),
                         0);
        ck_assert_int_eq(fh_viewer_conn_decrypted(w->v, secret, ev->decrypt.want), 0);
        break;
    case FH_VIEWER_CONN_EV_CREDENTIALS:
        view_note(w, ev->credentials.needs_password ? "ask " : "ask-user ");
        break;
    case FH_VIEWER_CONN_EV_STARTED:
        view_note(w, "started ");
        break;
    case FH_VIEWER_CONN_EV_SIZE:
        view_note(w, "size ");
        break;
    case FH_VIEWER_CONN_EV_UPDATE:
        w->updates++;
        break;
    case FH_VIEWER_CONN_EV_ENDED:
        on_ended(w, ev);
        break;
    default:
        break;
    }
}

static void view_pump(struct view *w)
{
    struct fh_viewer_conn_event ev;
    const uint8_t *p;
    size_t len;

    for (;;) {
        while (fh_viewer_conn_event(w->v, &ev) > 0)
            view_event(w, &ev);
        if (!(p = fh_viewer_conn_out(w->v, w->now, &len)))
            return;
        ck_assert_uint_le(w->said_len + len, HEARD_MAX);
        memcpy(w->said + w->said_len, p, len);
        w->said_len += len;
        fh_viewer_conn_out_done(w->v, len);
    }
}

static size_t view_hear_in(struct view *w, const void *data, size_t len, size_t chunk)
{
    size_t at = 0, room;
    uint8_t *in;

    view_pump(w);
    while (at < len && (in = fh_viewer_conn_in(w->v, &room)) != NULL) {
        size_t n = len - at < room ? len - at : room;

        n = chunk && n > chunk ? chunk : n;
        memcpy(in, (const uint8_t *)data + at, n);
        at += n;
        (void)fh_viewer_conn_in_done(w->v, w->now, n);
        view_pump(w);
    }
    view_pump(w);
    return at;
}

static size_t view_hear(struct view *w, const void *data, size_t len)
{
    return view_hear_in(w, data, len, 0);
}

static void says(struct view *w, const void *data, size_t len)
{
    view_pump(w);
    ck_assert_msg(w->said_len - w->at >= len, "%zu, not %zu", w->said_len - w->at, len);
    ck_assert_mem_eq(w->said + w->at, data, len);
    w->at += len;
}

static void says_no_more(struct view *w)
{
    view_pump(w);
    ck_assert_uint_eq(w->said_len, w->at);
}

static void ends(struct view *w, int error)
{
    view_pump(w);
    ck_assert_msg(w->ended == 1 && w->error == error, "%u %d %s", w->ended, w->error, w->log);
    ck_assert(fh_viewer_conn_is_finished(w->v));
    ck_assert_ptr_null(strstr(w->log, "started"));
}

/* ---- with our own server ---- */

static const uint16_t every[] = {FH_OLDER_X509_PLAIN, FH_OLDER_RA2_256, FH_OLDER_RA2,
                                 FH_OLDER_RA2NE_256,  FH_OLDER_RA2NE,   FH_OLDER_X509_VNC,
                                 FH_OLDER_X509_NONE,  FH_OLDER_VNC,     FH_OLDER_NONE};

static void join(struct view *w, struct old *o, size_t chunk)
{
    bool moved = true;

    while (moved) {
        size_t heard;

        moved = false;
        old_pump(o);
        heard = view_hear_in(w, o->heard + o->at, o->heard_len - o->at, chunk);
        o->at += heard;
        moved |= heard > 0;
        heard = old_say_in(o, w->said + w->at, w->said_len - w->at, chunk);
        w->at += heard;
        moved |= heard > 0;
        if (o->is_tls) { /* there is none here: its bytes are those inside it */
            o->is_tls = false;
            (void)fh_server_conn_tls_started(o->s);
            moved = true;
        }
    }
}

START_TEST(each_type_ends_in_a_session)
{
    unsigned type = every[_i / 2];
    struct old *o = old_new(every, sizeof every / sizeof every[0]);
    struct view *w = view_new(type, type);
    bool is_clear = (fh_older_what(type) & (FH_OLDER_IS_TLS | FH_OLDER_IS_RSA)) == 0;

    join(w, o, _i % 2);
    ck_assert_msg(strstr(w->log, "started size") != NULL, "%s | %s", w->log, o->log);
    ck_assert_uint_eq(w->type, type);
    ck_assert_uint_eq(fh_viewer_conn_older(w->v), type);
    ck_assert((strstr(w->log, "unproved:") != NULL) == is_clear);
    ck_assert((strstr(w->log, "! ") != NULL) == ((fh_older_what(type) & FH_OLDER_IS_RSA) != 0));
    ck_assert_uint_gt(w->updates, 0);
    ck_assert_int_eq(fh_viewer_conn_key(w->v, 0x61, 0, true), 0);
    join(w, o, _i % 2);
    ck_assert_ptr_nonnull(strstr(o->log, "key:61:1"));
    fh_viewer_conn_close(w->v, FH_BYE_NORMAL);
    view_pump(w);
    ck_assert_uint_eq(w->ended, 1);
    ck_assert_int_eq(w->reason, FH_BYE_NORMAL);
    ck_assert(fh_viewer_conn_is_finished(w->v));
    view_free(w);
    old_free(o);
}
END_TEST

START_TEST(the_strongest_type_is_taken)
{
    for (size_t first = 0; first < 6; first++) {
        struct old *o = old_new(every + first, sizeof every / sizeof every[0] - first);
        struct view *w = view_new(FH_OLDER_NONE, 0);

        w->trust = FH_TRUST_CONFIRMED;
        join(w, o, 0);
        /* X509Vnc and X509None are in VeNCrypt, which is looked into first. */
        ck_assert_uint_eq(w->type, first == 0 ? FH_OLDER_X509_PLAIN : FH_OLDER_X509_VNC);
        view_free(w);
        old_free(o);
    }
}
END_TEST

START_TEST(nothing_below_the_minimum_is_taken)
{
    static const uint16_t weak[] = {FH_OLDER_VNC, FH_OLDER_NONE, FH_OLDER_RA2NE};
    struct old *o = old_new(weak, 3);
    struct view *w = view_new(FH_OLDER_RA2, 0);

    join(w, o, 0);
    ends(w, FH_SESSION_E_WEAK);
    ck_assert_ptr_null(strstr(o->log, "/8"));
    view_free(w);
    old_free(o);
}
END_TEST

/* Of a name and a password; what has no server to trust is another matter. */
START_TEST(a_server_that_nobody_vouches_for_hears_no_password)
{
    unsigned type = every[_i];
    struct old *o = old_new(every, sizeof every / sizeof every[0]);
    struct view *w = view_new(type, type);

    w->trust = FH_TRUST_BLIND;
    join(w, o, 0);
    if (fh_older_what(type) & FH_OLDER_IS_NONE || type == FH_OLDER_VNC) {
        ck_assert_ptr_nonnull(strstr(w->log, "started"));
    } else {
        ends(w, FH_SESSION_E_UNCONFIRMED);
        ck_assert_ptr_null(strstr(o->log, "("));
    }
    view_free(w);
    old_free(o);
}
END_TEST

START_TEST(a_server_that_is_not_trusted_hears_nothing_more)
{
    unsigned type = every[_i];
    struct old *o = old_new(every, sizeof every / sizeof every[0]);
    struct view *w = view_new(type, type);

    w->trust = FH_TRUST_NONE;
    join(w, o, 0);
    ck_assert_uint_eq(w->ended, 1);
    ck_assert_int_eq(w->reason, FH_BYE_IDENTITY);
    ck_assert_ptr_null(strstr(o->log, "decrypt"));
    ck_assert(fh_older_what(type) & FH_OLDER_IS_NONE || strstr(o->log, "(") == NULL);
    view_free(w);
    old_free(o);
}
END_TEST

START_TEST(a_wrong_password_is_the_servers_word)
{
    unsigned type = every[_i];
    struct old *o = old_new(every, sizeof every / sizeof every[0]);
    struct view *w = view_new(type, type);

    o->grant = 0;
    join(w, o, 0);
    ends(w, FH_SESSION_E_AUTH);
    ck_assert_int_eq(w->reason, FH_BYE_AUTH);
    ck_assert(w->by_server);
    ck_assert_str_eq(w->end_text, "Authentication failed");
    view_free(w);
    old_free(o);
}
END_TEST

/* ---- with a script ---- */

static const struct {
    const char *server, *ours; /* versions */
} versions[] = {
    {"RFB 003.003\n", "RFB 003.003\n"}, {"RFB 003.005\n", "RFB 003.003\n"},
    {"RFB 003.007\n", "RFB 003.007\n"}, {"RFB 003.008\n", "RFB 003.008\n"},
    {"RFB 003.889\n", "RFB 003.008\n"}, {"RFB 004.001\n", "RFB 003.008\n"},
    {"RFB 005.000\n", "RFB 003.008\n"},
};

START_TEST(a_version_is_answered_with_one_of_ours)
{
    struct view *w = view_new(FH_OLDER_NONE, 0);

    view_pump(w);
    says_no_more(w);
    ck_assert_uint_eq(view_hear_in(w, versions[_i].server, 12, _i % 3), 12);
    says(w, versions[_i].ours, 12);
    ck_assert_uint_eq(w->ended, 0);
    view_free(w);
}
END_TEST

START_TEST(what_is_no_version_ends_it)
{
    static const char *const bad[] = {"RFB 003.00x\n", "RFB 002.008\n", "RFB 000.000\n",
                                      "RFB 003.008 ",  "SSH-2.0-Open",  "FARHAND 001\n",
                                      "RFB 003,008\n", "HTTP/1.1 400"};
    struct view *w = view_new(FH_OLDER_NONE, 0);

    (void)view_hear(w, bad[_i], 12);
    ends(w, FH_SESSION_E_PROTO);
    says_no_more(w);
    view_free(w);
}
END_TEST

static const struct {
    const char *what, *bytes;
    size_t len;
    unsigned minimum;
    int error;
    const char *text;
} scripts[] = {
    {"no types and no reason", "RFB 003.008\n\0\0\0\0\0", 17, 1, FH_SESSION_E_AUTH, ""},
    {"no types and a reason", "RFB 003.008\n\0\0\0\0\4busy", 21, 1, FH_SESSION_E_AUTH, "busy"},
    {"a reason that is a terminal's", "RFB 003.008\n\0\0\0\0\5\33[2Jx", 22, 1, FH_SESSION_E_AUTH,
     "\\x1b[2Jx"},
    {"a reason of 4097", "RFB 003.008\n\0\0\0\20\1", 17, 1, FH_SESSION_E_PROTO, ""},
    {"a reason of 100 MB", "RFB 003.008\n\0\6\0\0\0", 17, 1, FH_SESSION_E_PROTO, ""},
    {"a reason of 4 GiB", "RFB 003.008\n\0\377\377\377\377", 17, 1, FH_SESSION_E_PROTO, ""},
    {"3.3 with a reason", "RFB 003.003\n\0\0\0\0\0\0\0\2no", 22, 1, FH_SESSION_E_AUTH, "no"},
    {"3.3 with another type", "RFB 003.003\n\0\0\0\5", 16, 1, FH_SESSION_E_PROTO, ""},
    {"3.3 below the minimum", "RFB 003.003\n\0\0\0\1", 16, 2, FH_SESSION_E_WEAK, ""},
    {"types that are not known", "RFB 003.008\n\3\15\36\160", 16, 1, FH_SESSION_E_WEAK, ""},
    {"255 of them", "RFB 003.008\n\377", 13, 1, 1, NULL},
    {"None when more is wanted", "RFB 003.008\n\1\1", 14, 2, FH_SESSION_E_WEAK, ""},
    {"VeNCrypt 0.1", "RFB 003.008\n\1\23\0\1", 16, 1, FH_SESSION_E_PROTO, ""},
    {"VeNCrypt that refuses 0.2", "RFB 003.008\n\1\23\0\2\377", 17, 1, FH_SESSION_E_PROTO, ""},
    {"VeNCrypt without subtypes", "RFB 003.008\n\1\23\0\2\0\0", 18, 1, FH_SESSION_E_PROTO, ""},
    {"VeNCrypt with anonymous keys only", "RFB 003.008\n\1\23\0\2\0\2\0\0\1\2\0\0\1\3", 26, 1,
     FH_SESSION_E_WEAK, ""},
    {"VeNCrypt in clear", "RFB 003.008\n\1\23\0\2\0\1\0\0\1\0", 22, 1, FH_SESSION_E_WEAK, ""},
    {"VeNCrypt with a type of RFB", "RFB 003.008\n\1\23\0\2\0\1\0\0\0\1", 22, 1, FH_SESSION_E_WEAK,
     ""},
    {"VeNCrypt that refuses", "RFB 003.008\n\1\23\0\2\0\1\0\0\1\6\0", 23, 1, FH_SESSION_E_PROTO,
     ""},
    {"a result without a reason in 3.7",
     "RFB 003.007\n\1\2"
     "0123456789abcdef\0\0\0\1",
     34, 2, FH_SESSION_E_AUTH, ""},
    {"a result of its own",
     "RFB 003.008\n\1\2"
     "0123456789abcdef\0\0\0\2\0\0\0\1x",
     39, 2, FH_SESSION_E_AUTH, "x"},
    {"RSA-AES with a short key", "RFB 003.008\n\1\5\0\0\4\0", 18, 3, FH_CRYPTO_E_KEY, ""},
};

START_TEST(what_a_server_may_say_wrong_ends_it_clearly)
{
    static const unsigned minima[] = {0, FH_OLDER_NONE, FH_OLDER_VNC, FH_OLDER_RA2NE};
    struct view *w = view_new(minima[scripts[_i].minimum], 0);

    (void)view_hear_in(w, scripts[_i].bytes, scripts[_i].len, _i % 2);
    view_pump(w);
    if (scripts[_i].error > 0) {
        ck_assert_uint_eq(w->ended, 0);
        view_free(w);
        return;
    }
    ck_assert_msg(w->ended == 1 && w->error == scripts[_i].error, "%s: %d %d", scripts[_i].what,
                  (int)w->ended, w->error);
    ck_assert_str_eq(w->end_text, scripts[_i].text);
    view_free(w);
}
END_TEST

START_TEST(bytes_behind_the_last_in_clear_are_left_to_tls)
{
    static const char script[] = "RFB 003.008\n\1\23\0\2\0\1\0\0\1\6\1\26\3\1";
    struct view *w = view_new(FH_OLDER_X509_PLAIN, 0);

    w->holds_tls = true;
    ck_assert_uint_eq(view_hear(w, script, sizeof script - 1), sizeof script - 1 - 3);
    ck_assert_str_eq(w->log, "tls ");
    says(w, "RFB 003.008\n\23\0\2\0\0\1\6", 19);
    says_no_more(w);
    ck_assert_int_eq(fh_viewer_conn_tls_started(w->v, tls_identity), 0);
    view_pump(w);
    says(w, "\0\0\0\3\0\0\0\6annsecret", 17);
    view_free(w);
}
END_TEST

START_TEST(silence_ends_with_the_time)
{
    struct view *w = view_new(FH_OLDER_NONE, 0);

    (void)view_hear(w, "RFB 003.008\n\377", 13);
    w->now = fh_viewer_conn_deadline(w->v);
    ck_assert_uint_lt(w->now, 1000 + 600000);
    (void)fh_viewer_conn_tick(w->v, w->now);
    ends(w, FH_SESSION_E_TIMEOUT);
    view_free(w);
}
END_TEST

START_TEST(a_stream_that_ends_is_lost)
{
    struct old *o = old_new(every, sizeof every / sizeof every[0]);
    struct view *w = view_new(FH_OLDER_NONE, FH_OLDER_NONE);

    join(w, o, 0);
    (void)fh_viewer_conn_in_end(w->v, w->now);
    view_pump(w);
    ck_assert_uint_eq(w->ended, 1);
    ck_assert_int_eq(w->reason, FH_BYE_LOST);
    ck_assert_int_eq(w->error, FH_SESSION_E_CLOSED);
    view_free(w);
    old_free(o);
}
END_TEST

int main(void)
{
    const int n = sizeof every / sizeof every[0];
    Suite *s = suite_create("older_viewer");
    SRunner *sr = srunner_create(s);
    TCase *tc = tcase_create("older_viewer");
    int failed;

    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, each_type_ends_in_a_session, 0, 2 * n);
    tcase_add_test(tc, the_strongest_type_is_taken);
    tcase_add_test(tc, nothing_below_the_minimum_is_taken);
    tcase_add_loop_test(tc, a_server_that_nobody_vouches_for_hears_no_password, 0, n);
    tcase_add_loop_test(tc, a_server_that_is_not_trusted_hears_nothing_more, 0, n);
    tcase_add_loop_test(tc, a_wrong_password_is_the_servers_word, 0, n);
    tcase_add_loop_test(tc, a_version_is_answered_with_one_of_ours, 0,
                        sizeof versions / sizeof versions[0]);
    tcase_add_loop_test(tc, what_is_no_version_ends_it, 0, 8);
    tcase_add_loop_test(tc, what_a_server_may_say_wrong_ends_it_clearly, 0,
                        sizeof scripts / sizeof scripts[0]);
    tcase_add_test(tc, bytes_behind_the_last_in_clear_are_left_to_tls);
    tcase_add_test(tc, silence_ends_with_the_time);
    tcase_add_test(tc, a_stream_that_ends_is_lost);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
