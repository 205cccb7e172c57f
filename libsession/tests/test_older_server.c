/* SPDX-License-Identifier: MIT */
/* A server that also serves viewers that do not know the channel: versions, types, VeNCrypt. */
#include <check.h>

#include "older_peer.h"

#define ALL_OF(a) (a), sizeof(a) / sizeof((a)[0])

static const uint16_t every[] = {FH_OLDER_X509_PLAIN, FH_OLDER_RA2_256, FH_OLDER_RA2,
                                 FH_OLDER_X509_VNC,   FH_OLDER_RA2NE,   FH_OLDER_VNC,
                                 FH_OLDER_NONE};
static const uint16_t only_rsa[] = {FH_OLDER_RA2_256, FH_OLDER_RA2};
static const uint16_t only_vnc[] = {FH_OLDER_VNC};
static const uint16_t only_none[] = {FH_OLDER_NONE};

static void hears(struct old *o, const void *data, size_t len)
{
    const uint8_t *p = old_hear(o, len);

    ck_assert_msg(p != NULL, "%zu bytes, not %zu; %s", old_left(o), len, o->log);
    ck_assert_mem_eq(p, data, len);
}

static void greet(struct old *o, unsigned version)
{
    char text[16];

    hears(o, "RFB 003.008\n", 12);
    snprintf(text, sizeof text, "RFB 003.00%u\n", version);
    ck_assert_uint_eq(old_say(o, text, 12), 12);
}

static void is_dropped(struct old *o, enum fh_bye reason)
{
    size_t room;

    old_pump(o);
    ck_assert_msg(o->ended == 1 && o->reason == reason, "%s", o->log);
    ck_assert_ptr_null(fh_server_conn_in(o->s, &room));
    ck_assert(fh_server_conn_is_finished(o->s));
    ck_assert(strstr(o->log, "started") == NULL);
}

/* ClientInit, and what the session answers. */
static void runs(struct old *o)
{
    const uint8_t *init;

    ck_assert_uint_eq(old_say(o, "\1", 1), 1);
    ck_assert_msg(strstr(o->log, "started") != NULL, "%s", o->log);
    init = old_hear(o, 24 + 4);
    ck_assert_ptr_nonnull(init);
    ck_assert_uint_eq(init[1], 4);
    ck_assert_mem_eq(init + 24, "desk", 4);
    ck_assert_uint_eq(old_say(o, "\4\1\0\0\0\0\0a", 8), 8);
    ck_assert_ptr_nonnull(strstr(o->log, "key:61:1"));
    ck_assert_uint_eq(fh_server_conn_older(o->s), o->type);
}

/* ---- versions and lists ---- */

START_TEST(a_list_has_vencrypt_where_its_best_type_stands)
{
    struct old *o = old_new(ALL_OF(every));

    greet(o, _i);
    hears(o, "\6\23\201\5\6\2\1", 7);
    ck_assert_uint_eq(old_left(o), 0);
    old_free(o);
}
END_TEST

START_TEST(the_channel_is_spoken_with_whoever_begins_it)
{
    struct old *o = old_new(ALL_OF(every));
    uint8_t hello[16] = "FARHAND 001\n";

    hears(o, "RFB 003.008\n", 12);
    ck_assert_uint_eq(old_say_in(o, hello, 12, _i), 12);
    ck_assert_str_eq(o->log, "");
    ck_assert_uint_eq(fh_server_conn_older(o->s), 0);
    ck_assert_uint_eq(old_say(o, "\1\0\4\0", 4), 4); /* ClientHello, of which more is to come */
    ck_assert_uint_eq(o->ended, 0);
    ck_assert_uint_eq(old_say(o, "\377", 1), 1);
    old_free(o);
}
END_TEST

START_TEST(another_version_of_the_channel_is_answered_as_ever)
{
    struct old *o = old_new(ALL_OF(every));

    hears(o, "RFB 003.008\n", 12);
    ck_assert_uint_eq(old_say(o, "FARHAND 002\n", 12), 12);
    hears(o, "FARHAND 001\n", 12);
    ck_assert_uint_eq(o->ended, 1);
    old_free(o);
}
END_TEST

static const char *const versions[] = {
    "RFB 003.009\n",
    "RFB 003.889\n",
    "RFB 003.00x\n",
    "RFB 003.008\0",
    "RFB 003.008 ",
    "RFB 004.001\n",
    "RFB 005.000\n",
    "RFB 999.999\n",
    "RFB  03.008\n",
    "GET / HTTP/1.",
    "\0\0\0\0\0\0\0\0\0\0\0\0",
};

START_TEST(what_is_no_version_of_ours_is_closed_in_silence)
{
    struct old *o = old_new(ALL_OF(every));

    hears(o, "RFB 003.008\n", 12);
    (void)old_say(o, versions[_i], 12);
    ck_assert_msg(o->ended == 1, "%d %s", _i, o->log);
    ck_assert_uint_eq(old_left(o), 0);
    ck_assert(strstr(o->log, "hello") == NULL);
    old_free(o);
}
END_TEST

START_TEST(eleven_bytes_and_silence_end_with_the_time)
{
    struct old *o = old_new(ALL_OF(every));

    ck_assert_uint_eq(old_say(o, "RFB 003.008", 11), 11);
    o->now = fh_server_conn_deadline(o->s);
    ck_assert_uint_le(o->now, 1000 + 5000);
    (void)fh_server_conn_tick(o->s, o->now);
    old_pump(o);
    ck_assert_uint_eq(o->ended, 1);
    old_free(o);
}
END_TEST

START_TEST(silence_behind_any_step_ends_with_the_time)
{
    static const char *const steps[] = {"RFB 003.008\n", "RFB 003.008\n\2", "RFB 003.008\n\201",
                                        "RFB 003.008\n\23", "RFB 003.008\n\23\0\2"};
    static const size_t lens[] = {12, 13, 13, 13, 15};
    struct old *o = old_new(ALL_OF(every));

    ck_assert_uint_eq(old_say(o, steps[_i], lens[_i]), lens[_i]);
    ck_assert_uint_eq(o->ended, 0);
    for (int i = 0; i < 3 && o->ended == 0; i++) {
        o->now = fh_server_conn_deadline(o->s);
        ck_assert_uint_le(o->now, 1000 + FH_SERVER_AUTH_MAX_MS);
        (void)fh_server_conn_tick(o->s, o->now);
        old_pump(o);
    }
    ck_assert_uint_eq(o->ended, 1);
    ck_assert_int_eq(o->reason, FH_BYE_TIMEOUT);
    old_free(o);
}
END_TEST

START_TEST(a_busy_server_says_so_in_place_of_its_types)
{
    struct old *o = old_new(ALL_OF(every));
    static const char text[] = "The server is busy; try again in 7 s";
    uint8_t head[8] = {0};
    size_t n = _i == 3 ? 4 : 1;

    o->refuses = true;
    greet(o, _i);
    head[n + 3] = sizeof text - 1;
    hears(o, head, n + 4);
    hears(o, text, sizeof text - 1);
    is_dropped(o, FH_BYE_BUSY);
    old_free(o);
}
END_TEST

START_TEST(nothing_is_named_before_the_server_may_go_on)
{
    struct old *o = old_new(ALL_OF(every));
    size_t room;

    o->holds_hello = true;
    greet(o, 8);
    ck_assert_uint_eq(old_left(o), 0);
    ck_assert_ptr_null(fh_server_conn_in(o->s, &room));
    (void)fh_server_conn_proceed(o->s);
    ck_assert_uint_eq(old_left(o), 7);
    old_free(o);
}
END_TEST

/* ---- 3.3: the server decides ---- */

START_TEST(a_viewer_of_33_is_told_its_type)
{
    struct old *o = old_new(ALL_OF(every));

    greet(o, 3);
    hears(o, "\0\0\0\2", 4);
    ck_assert_uint_eq(old_left(o), 16);
    ck_assert_uint_eq(o->type, FH_OLDER_VNC);
    old_free(o);
    o = old_new(ALL_OF(only_none));
    greet(o, 3);
    hears(o, "\0\0\0\1", 4);
    runs(o);
    old_free(o);
}
END_TEST

START_TEST(a_viewer_of_33_that_has_none_of_the_types_hears_why)
{
    struct old *o = old_new(ALL_OF(only_rsa));
    const uint8_t *p;

    greet(o, 3);
    hears(o, "\0\0\0\0", 4);
    p = old_hear(o, 4);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(old_left(o), p[3]);
    is_dropped(o, FH_BYE_PROTOCOL);
    old_free(o);
}
END_TEST

/* ---- types ---- */

/* neatvnc let people in that way (CVE-2024-42458), RealVNC before it (CVE-2006-2369). */
START_TEST(a_type_that_was_not_offered_ends_it)
{
    for (unsigned type = 0; type < 256; type++) {
        struct old *o = old_new(ALL_OF(only_rsa));
        uint8_t byte = (uint8_t)type;

        greet(o, 8);
        hears(o, "\2\201\5", 3);
        if (type == 129 || type == 5) {
            old_free(o);
            continue;
        }
        ck_assert_uint_eq(old_say(o, &byte, 1), 1);
        is_dropped(o, FH_BYE_PROTOCOL);
        ck_assert_uint_eq(old_left(o), 0);
        old_free(o);
    }
}
END_TEST

START_TEST(a_choice_before_the_list_counts_as_one_behind_it)
{
    struct old *o = old_new(ALL_OF(only_none));

    hears(o, "RFB 003.008\n", 12);
    ck_assert_uint_eq(old_say(o, "RFB 003.008\n\1\1", 14), 14);
    hears(o, "\1\1\0\0\0\0", 6);
    ck_assert_ptr_nonnull(strstr(o->log, "started"));
    old_free(o);
}
END_TEST

/* ---- None, VncAuth ---- */

START_TEST(none_lets_in_whom_the_application_lets_in)
{
    struct old *o = old_new(ALL_OF(only_none));

    greet(o, _i);
    hears(o, "\1\1", 2);
    ck_assert_uint_eq(old_say(o, "\1", 1), 1);
    if (_i == 8)
        hears(o, "\0\0\0\0", 4);
    ck_assert_uint_eq(old_left(o), 0);
    ck_assert_ptr_nonnull(strstr(o->log, "none() started"));
    runs(o);
    old_free(o);
}
END_TEST

START_TEST(none_is_refused_as_well)
{
    static const char failed[] = "\0\0\0\1\0\0\0\25Authentication failed";
    struct old *o = old_new(ALL_OF(only_none));

    o->grant = 0;
    greet(o, _i);
    hears(o, "\1\1", 2);
    (void)old_say(o, "\1\1", 2);
    if (_i == 8)
        hears(o, failed, sizeof failed - 1);
    ck_assert_uint_eq(old_left(o), 0);
    ck_assert_ptr_nonnull(strstr(o->log, "failed:wrong ended:auth"));
    is_dropped(o, FH_BYE_AUTH);
    old_free(o);
}
END_TEST

static void respond(struct old *o, const char *password)
{
    const uint8_t *challenge = old_hear(o, 16);
    uint8_t response[16];

    ck_assert_ptr_nonnull(challenge);
    ck_assert_int_eq(fh_vncauth_response(password, strlen(password), challenge, response), 0);
    ck_assert_uint_eq(old_say_in(o, response, sizeof response, 5), sizeof response);
}

START_TEST(a_response_to_the_challenge_lets_in)
{
    struct old *o = old_new(ALL_OF(only_vnc));

    greet(o, _i);
    if (_i > 3) {
        hears(o, "\1\2", 2);
        (void)old_say(o, "\2", 1);
    } else {
        hears(o, "\0\0\0\2", 4);
    }
    respond(o, "vncsecret");
    hears(o, "\0\0\0\0", 4);
    runs(o);
    old_free(o);
}
END_TEST

START_TEST(a_wrong_response_is_refused)
{
    static const char failed[] = "\0\0\0\1\0\0\0\25Authentication failed";
    struct old *o = old_new(ALL_OF(only_vnc));

    if (_i == 1)
        o->vnc_password = ""; /* which nobody has */
    greet(o, _i == 2 ? 7 : 8);
    hears(o, "\1\2", 2);
    (void)old_say(o, "\2", 1);
    respond(o, _i == 1 ? "" : "other");
    hears(o, failed, _i == 2 ? 4 : sizeof failed - 1);
    ck_assert_uint_eq(old_left(o), 0);
    is_dropped(o, FH_BYE_AUTH);
    old_free(o);
}
END_TEST

START_TEST(no_challenge_comes_twice)
{
    uint8_t before[16] = {0};

    for (int i = 0; i < 20; i++) {
        struct old *o = old_new(ALL_OF(only_vnc));
        const uint8_t *p;

        greet(o, 3);
        hears(o, "\0\0\0\2", 4);
        p = old_hear(o, 16);
        ck_assert_mem_ne(p, before, 16);
        memcpy(before, p, 16);
        old_free(o);
    }
}
END_TEST

/* ---- VeNCrypt ---- */

static void choose_vencrypt(struct old *o, const char *subtype)
{
    greet(o, 8);
    hears(o, "\6\23\201\5\6\2\1", 7);
    (void)old_say(o, "\23", 1);
    hears(o, "\0\2", 2);
    (void)old_say(o, "\0\2", 2);
    hears(o, "\0\2\0\0\1\6\0\0\1\5", 10);
    (void)old_say(o, subtype, 4);
}

static void start_tls(struct old *o)
{
    hears(o, "\1", 1);
    ck_assert(o->is_tls);
    ck_assert_uint_eq(old_say(o, "\26\3\1", 3), 0); /* these belong to TLS */
    ck_assert_int_eq(fh_server_conn_tls_started(o->s), 0);
    ck_assert_int_eq(fh_server_conn_tls_started(o->s), FH_SESSION_E_STATE);
}

START_TEST(a_name_and_a_password_inside_tls_let_in)
{
    struct old *o = old_new(ALL_OF(every));

    choose_vencrypt(o, "\0\0\1\6");
    start_tls(o);
    ck_assert_uint_eq(old_say_in(o, "\0\0\0\3\0\0\0\6annsecret", 17, _i), 17);
    hears(o, "\0\0\0\0", 4);
    ck_assert_ptr_nonnull(strstr(o->log, "X509Plain/8 [RFB 3.8, X509Plain] tls password(ann)"));
    runs(o);
    old_free(o);
}
END_TEST

START_TEST(a_response_inside_tls_lets_in)
{
    struct old *o = old_new(ALL_OF(every));

    choose_vencrypt(o, "\0\0\1\5");
    start_tls(o);
    respond(o, "vncsecret");
    hears(o, "\0\0\0\0", 4);
    runs(o);
    old_free(o);
}
END_TEST

START_TEST(nothing_is_asked_before_tls_stands)
{
    struct old *o = old_new(ALL_OF(every));

    choose_vencrypt(o, "\0\0\1\5");
    hears(o, "\1", 1);
    ck_assert_uint_eq(old_left(o), 0); /* no challenge */
    ck_assert_ptr_null(strstr(o->log, "vnc("));
    old_free(o);
}
END_TEST

START_TEST(another_version_of_vencrypt_is_refused)
{
    static const char bad[][2] = {{0, 1}, {9, 9}, {0, 3}, {2, 0}, {0, 0}};
    struct old *o = old_new(ALL_OF(every));

    greet(o, 8);
    hears(o, "\6\23\201\5\6\2\1", 7);
    (void)old_say(o, "\23", 1);
    hears(o, "\0\2", 2);
    (void)old_say(o, bad[_i], 2);
    hears(o, "\377", 1);
    is_dropped(o, FH_BYE_PROTOCOL);
    old_free(o);
}
END_TEST

/* Plain without TLS, anonymous TLS, X509None, types of RFB, and nonsense. */
START_TEST(a_subtype_that_was_not_offered_ends_it)
{
    static const uint32_t bad[] = {0,   1,   2,   5,   129, 256,   257,
                                   258, 259, 260, 263, 264, 65542, 0xffffffff};
    struct old *o = old_new(ALL_OF(every));
    const char subtype[4] = {(char)(bad[_i] >> 24), (char)(bad[_i] >> 16), (char)(bad[_i] >> 8),
                             (char)bad[_i]};

    choose_vencrypt(o, subtype);
    is_dropped(o, FH_BYE_PROTOCOL);
    ck_assert(!o->is_tls);
    ck_assert_uint_eq(old_left(o), 0);
    old_free(o);
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
    const char *log; /* NULL: it ends as broken */
} plains[] = {
    {"\377\377\377\377\0\0\0\1", 8, NULL},
    {"\0\0\0\1\377\377\377\377", 8, NULL},
    {"\0\0\1\0\0\0\0\1", 8, NULL},
    {"\0\0\0\1\0\0\4\1", 8, NULL},
    {"\200\0\0\0\200\0\0\0", 8, NULL},
    {"\0\0\0\0\0\0\0\0", 8, "password() failed:wrong"},
    {"\0\0\0\3\0\0\0\0ann", 11, "password(ann) failed:wrong"},
    {"\0\0\0\0\0\0\0\6secret", 14, "password() failed:wrong"},
    {"\0\0\0\3\0\0\0\1a\0nx", 12, "failed:wrong"},     /* a zero in the name */
    {"\0\0\0\2\0\0\0\1\377\376x", 11, "failed:wrong"}, /* no UTF-8 */
    {"\0\0\0\2\0\0\0\1a\nx", 11, "failed:wrong"},
};

START_TEST(names_and_passwords_that_cannot_be_are_refused)
{
    struct old *o = old_new(ALL_OF(every));

    choose_vencrypt(o, "\0\0\1\6");
    start_tls(o);
    (void)old_say(o, plains[_i].bytes, plains[_i].len);
    is_dropped(o, plains[_i].log ? FH_BYE_AUTH : FH_BYE_PROTOCOL);
    if (plains[_i].log)
        ck_assert_msg(strstr(o->log, plains[_i].log) != NULL, "%d %s", _i, o->log);
    old_free(o);
}
END_TEST

/* ---- RSA-AES ---- */

/* A viewer's RSA-AES with the server, until it can go no further. */
static struct fh_rsaaes *speak_rsa(struct old *o, unsigned type, const char *password)
{
    const struct fh_rsaaes_config cfg = {
        .role = FH_ROLE_CLIENT, .type = (enum fh_rsaaes_type)type, .random = old_random};
    struct fh_rsaaes *r = fh_rsaaes_new(&cfg);
    struct fh_rsaaes_key *own;
    struct fh_rsaaes_event ev;
    uint8_t secret[32], *in;
    const uint8_t *p;
    size_t len, room;
    bool moved = true;

    ck_assert_int_eq(fh_rsaaes_key_generate(2048, old_random, NULL, &own), 0);
    while (moved) {
        moved = false;
        while ((in = fh_rsaaes_in(r, &room)) != NULL && (len = old_left(o)) > 0) {
            len = len < room ? len : room;
            memcpy(in, old_hear(o, len), len);
            ck_assert_int_eq(fh_rsaaes_in_done(r, len), 0);
            moved = true;
            if (!fh_rsaaes_event(r, &ev))
                continue;
            if (ev.type == FH_RSAAES_EV_VERIFY) {
                p = fh_rsaaes_key_pub(own, &len);
                ck_assert_int_eq(fh_rsaaes_accept(r, p, len), 0);
            } else if (ev.type == FH_RSAAES_EV_DECRYPT) {
                ck_assert_int_eq(fh_rsaaes_key_decrypt(own, ev.decrypt.data, ev.decrypt.len,
                                                       old_random, NULL, secret, ev.decrypt.want),
                                 0);
                ck_assert_int_eq(fh_rsaaes_decrypted(r, secret, ev.decrypt.want), 0);
            } else if (ev.type == FH_RSAAES_EV_CREDENTIALS) {
                ck_assert(ev.needs_user);
                (void)fh_rsaaes_credentials(r, "ann", 3, password, strlen(password));
            } else if (ev.type == FH_RSAAES_EV_DATA) {
                ck_assert_uint_eq(ev.data.len, 4); /* SecurityResult */
                ck_assert_mem_eq(ev.data.data, "\0\0\0\0", 4);
            }
        }
        if ((p = fh_rsaaes_out(r, &len)) != NULL) {
            ck_assert_uint_eq(old_say(o, p, len), len);
            fh_rsaaes_out_done(r, len);
            moved = true;
        }
        if (fh_rsaaes_is_clear(r))
            break;
    }
    fh_rsaaes_key_free(own);
    return r;
}

static const unsigned rsa_types[] = {FH_OLDER_RA2_256, FH_OLDER_RA2, FH_OLDER_RA2NE};

START_TEST(a_name_and_a_password_inside_rsa_aes_let_in)
{
    struct old *o = old_new(ALL_OF(every));
    uint8_t type = (uint8_t)rsa_types[_i];
    struct fh_rsaaes *r;
    size_t room;

    greet(o, 8);
    hears(o, "\6\23\201\5\6\2\1", 7);
    ck_assert_uint_eq(old_say(o, &type, 1), 1);
    r = speak_rsa(o, type, "secret");
    ck_assert_msg(strstr(o->log, "decrypt password(ann) started") != NULL, "%s", o->log);
    if (type == FH_OLDER_RA2NE) {
        hears(o, "\0\0\0\0", 4);
        runs(o);
    } else {
        const uint8_t *p;
        size_t len;

        ck_assert_ptr_nonnull(fh_rsaaes_write(r, &room));
        *fh_rsaaes_write(r, &room) = 1; /* ClientInit */
        ck_assert_int_eq(fh_rsaaes_write_done(r, 1), 0);
        p = fh_rsaaes_out(r, &len);
        ck_assert_uint_eq(old_say(o, p, len), len);
        ck_assert_uint_eq(old_left(o), 2 + 28 + 16); /* ServerInit in a record */
    }
    fh_rsaaes_free(r);
    old_free(o);
}
END_TEST

START_TEST(a_wrong_password_inside_rsa_aes_is_refused)
{
    struct old *o = old_new(ALL_OF(every));
    struct fh_rsaaes *r;

    greet(o, 8);
    hears(o, "\6\23\201\5\6\2\1", 7);
    (void)old_say(o, "\6", 1);
    r = speak_rsa(o, FH_OLDER_RA2NE, "wrong");
    hears(o, "\0\0\0\1\0\0\0\25Authentication failed", 29);
    is_dropped(o, FH_BYE_AUTH);
    ck_assert_ptr_nonnull(strstr(o->log, "password(ann) failed:wrong ended:auth"));
    fh_rsaaes_free(r);
    old_free(o);
}
END_TEST

START_TEST(what_breaks_rsa_aes_ends_it)
{
    struct old *o = old_new(ALL_OF(only_rsa));

    greet(o, 8);
    hears(o, "\2\201\5", 3);
    (void)old_say(o, "\201", 1);
    ck_assert_uint_eq(old_left(o), 516);
    (void)old_say(o, "\0\0\4\0", 4); /* 1024 bits */
    is_dropped(o, FH_BYE_PROTOCOL);
    ck_assert_int_eq(o->error, FH_CRYPTO_E_KEY);
    old_free(o);
}
END_TEST

/* ---- the application ---- */

START_TEST(what_an_older_viewer_cannot_be_asked_is_told_to_the_application)
{
    const struct fh_item code = {.kind = FH_KIND_CODE, .data = "", .len = 0},
                         notice = {.kind = FH_KIND_NOTICE, .data = "wait", .len = 4};
    struct old *o = old_new(ALL_OF(only_none));

    o->holds_auth = true;
    greet(o, 8);
    hears(o, "\1\1", 2);
    (void)old_say(o, "\1", 1);
    ck_assert_int_eq(fh_server_conn_ask(o->s, o->now, &notice, 1), 0);
    ck_assert_int_eq(fh_server_conn_ask(o->s, o->now, &code, 1), FH_SESSION_E_STATE);
    ck_assert_uint_eq(old_left(o), 0);
    ck_assert_uint_eq(old_say(o, "\1", 1), 0); /* ClientInit waits */
    ck_assert_int_eq(fh_server_conn_authenticated(o->s, o->now, FH_PERM_VIEW), 0);
    hears(o, "\0\0\0\0", 4);
    (void)old_say(o, "\1\4\1\0\0\0\0\0a", 9);
    ck_assert_ptr_null(strstr(o->log, "key")); /* which it may not */
    ck_assert_int_eq(fh_server_conn_set_permissions(o->s, FH_PERM_ALL), 0);
    ck_assert_int_eq(fh_server_conn_notice(o->s, "hello"), 0);
    (void)old_say(o, "\4\1\0\0\0\0\0a", 8);
    ck_assert_ptr_nonnull(strstr(o->log, "key:61:1"));
    ck_assert_uint_eq(old_left(o), 28); /* of all that it heard ServerInit alone */
    fh_server_conn_close(o->s, FH_BYE_SERVER, false);
    old_pump(o);
    ck_assert_uint_eq(old_left(o), 28);
    ck_assert_ptr_nonnull(strstr(o->log, "key:61:0 ")); /* what it held is let go */
    ck_assert(fh_server_conn_is_finished(o->s));
    old_free(o);
}
END_TEST

START_TEST(a_disconnect_before_the_decision_is_a_failure)
{
    struct old *o = old_new(ALL_OF(only_vnc));

    o->holds_auth = true;
    greet(o, 8);
    hears(o, "\1\2", 2);
    (void)old_say(o, "\2", 1);
    respond(o, "vncsecret");
    fh_server_conn_close(o->s, FH_BYE_BUSY, true);
    hears(o, "\0\0\0\1\0\0\0\25Authentication failed", 29);
    is_dropped(o, FH_BYE_BUSY);
    old_free(o);
}
END_TEST

START_TEST(the_end_of_the_stream_is_its_goodbye)
{
    struct old *o = old_new(ALL_OF(only_none));

    greet(o, 8);
    hears(o, "\1\1", 2);
    (void)old_say(o, "\1", 1);
    hears(o, "\0\0\0\0", 4);
    runs(o);
    (void)fh_server_conn_in_end(o->s, o->now);
    old_pump(o);
    ck_assert_int_eq(o->reason, FH_BYE_NORMAL);
    ck_assert_ptr_nonnull(strstr(o->log, "key:61:0 ended:normal"));
    old_free(o);
}
END_TEST

START_TEST(an_offer_that_cannot_be_kept_makes_no_server)
{
    static const uint16_t bad[][2] = {{258, 0}, {256, 0}, {2, 2}, {13, 0}, {0, 0}, {129, 0}};
    uint8_t spki[TEST_SPKI_LEN];
    struct fh_server_conn_config cfg = {.random = old_random,
                                        .spki = spki,
                                        .spki_len = sizeof spki,
                                        .older = {.types = bad[_i], .n_types = _i == 2 ? 2 : 1}};

    test_spki(1, spki);
    ck_assert_ptr_null(fh_server_conn_new(&cfg));
}
END_TEST

START_TEST(names_are_those_of_other_programs)
{
    ck_assert_uint_eq(fh_older_parse("RA2_256", 7), 129);
    ck_assert_uint_eq(fh_older_parse("x509plain", 9), 262);
    ck_assert_uint_eq(fh_older_parse("VncAuth", 6), 0);
    ck_assert_uint_eq(fh_older_parse("", 0), 0);
    ck_assert_str_eq(fh_older_name(6), "RA2ne");
    ck_assert_ptr_null(fh_older_name(13));
    ck_assert_uint_eq(fh_older_strength(258), 0);
    ck_assert_uint_gt(fh_older_strength(FH_OLDER_RA2NE), fh_older_strength(FH_OLDER_VNC));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("older_server");
    SRunner *sr = srunner_create(s);
    TCase *tc = tcase_create("older_server");
    int failed;

    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_list_has_vencrypt_where_its_best_type_stands, 7, 9);
    tcase_add_loop_test(tc, the_channel_is_spoken_with_whoever_begins_it, 0, 3);
    tcase_add_test(tc, another_version_of_the_channel_is_answered_as_ever);
    tcase_add_loop_test(tc, what_is_no_version_of_ours_is_closed_in_silence, 0,
                        sizeof versions / sizeof versions[0]);
    tcase_add_test(tc, eleven_bytes_and_silence_end_with_the_time);
    tcase_add_loop_test(tc, silence_behind_any_step_ends_with_the_time, 0, 5);
    tcase_add_loop_test(tc, a_busy_server_says_so_in_place_of_its_types, 3, 4);
    tcase_add_loop_test(tc, a_busy_server_says_so_in_place_of_its_types, 7, 9);
    tcase_add_test(tc, nothing_is_named_before_the_server_may_go_on);
    tcase_add_test(tc, a_viewer_of_33_is_told_its_type);
    tcase_add_test(tc, a_viewer_of_33_that_has_none_of_the_types_hears_why);
    tcase_add_test(tc, a_type_that_was_not_offered_ends_it);
    tcase_add_test(tc, a_choice_before_the_list_counts_as_one_behind_it);
    tcase_add_loop_test(tc, none_lets_in_whom_the_application_lets_in, 7, 9);
    tcase_add_loop_test(tc, none_is_refused_as_well, 7, 9);
    tcase_add_loop_test(tc, a_response_to_the_challenge_lets_in, 3, 4);
    tcase_add_loop_test(tc, a_response_to_the_challenge_lets_in, 7, 9);
    tcase_add_loop_test(tc, a_wrong_response_is_refused, 0, 3);
    tcase_add_test(tc, no_challenge_comes_twice);
    tcase_add_loop_test(tc, a_name_and_a_password_inside_tls_let_in, 0, 3);
    tcase_add_test(tc, a_response_inside_tls_lets_in);
    tcase_add_test(tc, nothing_is_asked_before_tls_stands);
    tcase_add_loop_test(tc, another_version_of_vencrypt_is_refused, 0, 5);
    tcase_add_loop_test(tc, a_subtype_that_was_not_offered_ends_it, 0, 14);
    tcase_add_loop_test(tc, names_and_passwords_that_cannot_be_are_refused, 0,
                        sizeof plains / sizeof plains[0]);
    tcase_add_loop_test(tc, a_name_and_a_password_inside_rsa_aes_let_in, 0, 3);
    tcase_add_test(tc, a_wrong_password_inside_rsa_aes_is_refused);
    tcase_add_test(tc, what_breaks_rsa_aes_ends_it);
    tcase_add_test(tc, what_an_older_viewer_cannot_be_asked_is_told_to_the_application);
    tcase_add_test(tc, a_disconnect_before_the_decision_is_a_failure);
    tcase_add_test(tc, the_end_of_the_stream_is_its_goodbye);
    tcase_add_loop_test(tc, an_offer_that_cannot_be_kept_makes_no_server, 0, 6);
    tcase_add_test(tc, names_are_those_of_other_programs);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
