/* SPDX-License-Identifier: MIT */
/* older_peer.h -- a server, and the bytes that an older viewer says to it and hears from it. */
#ifndef FH_SESSION_TEST_OLDER_PEER_H
#define FH_SESSION_TEST_OLDER_PEER_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/channel.h>
#include <farhand/framebuffer.h>
#include <farhand/identity.h>
#include <farhand/rfb_server.h>
#include <farhand/rsaaes.h>
#include <farhand/server_conn.h>
#include <farhand/vncauth.h>

#include "keys.h"
#include "rsa_key.h"

enum { HEARD_MAX = 1 << 20, LOG_MAX = 1 << 14 };

struct old {
    struct fh_server_conn *s;
    struct fh_rsaaes_key *key;
    uint64_t now;
    uint32_t grant;
    const char *vnc_password;
    bool holds_hello, refuses, holds_auth, is_tls, never_decrypts;
    char log[LOG_MAX];
    uint8_t heard[HEARD_MAX];
    size_t heard_len, at; /* how much was looked at */
    unsigned ended, type;
    enum fh_bye reason;
    int error;
    uint32_t px[16];
    struct fh_framebuffer fb;
};

static inline void old_random(void *user, void *out, size_t len)
{
    static uint32_t state = 7;
    uint8_t *p = out;

    (void)user;
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525u + 1013904223u;
        p[i] = (uint8_t)(state >> 24);
    }
}

__attribute__((format(printf, 2, 3))) static inline void old_note(struct old *o, const char *fmt,
                                                                  ...)
{
    size_t len = strlen(o->log);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(o->log + len, LOG_MAX - len, fmt, ap);
    va_end(ap);
}

static inline void old_must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static inline struct old *old_new(const uint16_t *types, size_t n)
{
    struct old *o = calloc(1, sizeof *o);
    struct fh_server_conn_config cfg = {
        .random = old_random, .name = "desk", .has_authentication = true, .now_ms = 1000};
    static uint8_t spki[TEST_SPKI_LEN];

    old_must(o != NULL, "memory");
    o->now = 1000;
    o->grant = FH_PERM_ALL;
    o->vnc_password = "vncsecret";
    o->fb = (struct fh_framebuffer){.px = o->px, .width = 4, .height = 4, .stride_px = 4};
    old_must(fh_rsaaes_key_from_pem(rsa_key_pem, strlen(rsa_key_pem), &o->key) == 0, "key");
    test_spki(1, spki);
    cfg.spki_len = sizeof spki;
    cfg.spki = spki;
    cfg.older = (struct fh_older_offer){.types = types, .n_types = n};
    cfg.older.rsa_pub = fh_rsaaes_key_pub(o->key, &cfg.older.rsa_pub_len);
    o->s = fh_server_conn_new(&cfg);
    old_must(o->s != NULL, "connection");
    return o;
}

static inline void old_free(struct old *o)
{
    fh_server_conn_free(o->s);
    fh_rsaaes_key_free(o->key);
    free(o);
}

static inline bool old_is_right(const struct old *o, const struct fh_credentials *c)
{
    switch (c->method) {
    case FH_METHOD_PASSWORD:
        return strcmp(c->user, "ann") == 0 && strcmp(c->password, "secret") == 0;
    case FH_METHOD_VNC:
        return fh_vncauth_check(o->vnc_password, strlen(o->vnc_password), c->challenge,
                                c->response) == 0;
    case FH_METHOD_NONE:
        return true;
    default:
        return false;
    }
}

static inline void old_decrypt(struct old *o, const struct fh_server_conn_event *ev)
{
    uint8_t secret[32];

    if (o->never_decrypts)
        return;
    old_must(fh_rsaaes_key_decrypt(o->key, ev->decrypt.data, ev->decrypt.len, old_random, NULL,
                                   secret, ev->decrypt.want) == 0,
             "decrypt");
    (void)fh_server_conn_decrypted(o->s, secret, ev->decrypt.want);
}

static inline void old_event(struct old *o, const struct fh_server_conn_event *ev)
{
    switch (ev->type) {
    case FH_SERVER_CONN_EV_HELLO:
        old_note(o, "hello ");
        if (o->refuses)
            (void)fh_server_conn_refuse(o->s, 7);
        else if (!o->holds_hello)
            (void)fh_server_conn_proceed(o->s);
        break;
    case FH_SERVER_CONN_EV_OLDER:
        o->type = ev->older.type;
        old_note(o, "%s/%u ", fh_older_name(ev->older.type), ev->older.version);
        break;
    case FH_SERVER_CONN_EV_TLS:
        old_note(o, "tls ");
        o->is_tls = true;
        break;
    case FH_SERVER_CONN_EV_DECRYPT:
        old_note(o, "decrypt ");
        old_decrypt(o, ev);
        break;
    case FH_SERVER_CONN_EV_AUTHENTICATE:
        old_note(o, "%s(%s) ", fh_method_name(ev->credentials.method), ev->credentials.user);
        if (!o->holds_auth)
            (void)fh_server_conn_authenticated(o->s, o->now,
                                               old_is_right(o, &ev->credentials) ? o->grant : 0);
        break;
    case FH_SERVER_CONN_EV_STARTED:
        old_note(o, "started ");
        (void)fh_server_conn_set_screen(o->s, &o->fb, NULL, 0);
        break;
    case FH_SERVER_CONN_EV_KEY:
        old_note(o, "key:%x:%d ", ev->key.keysym, ev->key.down);
        break;
    case FH_SERVER_CONN_EV_AUDIT:
        if (ev->audit.type == FH_AUDIT_AUTH_FAILED)
            old_note(o, "failed:%s ", ev->audit.reason);
        if (ev->audit.type == FH_AUDIT_IDENTIFIED)
            old_note(o, "[%s] ", ev->audit.program);
        break;
    case FH_SERVER_CONN_EV_ENDED:
        o->ended++;
        o->reason = ev->ended.reason;
        o->error = ev->ended.error;
        old_note(o, "ended:%s ", fh_bye_word(ev->ended.reason));
        break;
    default:
        break;
    }
}

static inline void old_pump(struct old *o)
{
    struct fh_server_conn_event ev;
    const uint8_t *p;
    size_t len;

    for (;;) {
        while (fh_server_conn_event(o->s, &ev) > 0)
            old_event(o, &ev);
        if (!(p = fh_server_conn_out(o->s, o->now, &len)))
            return;
        old_must(o->heard_len + len <= HEARD_MAX, "too much");
        memcpy(o->heard + o->heard_len, p, len);
        o->heard_len += len;
        fh_server_conn_out_done(o->s, len);
    }
}

/* At most chunk bytes at once, 0: all; how many were taken. */
static inline size_t old_say_in(struct old *o, const void *data, size_t len, size_t chunk)
{
    size_t at = 0, room;
    uint8_t *in;

    old_pump(o);
    while (at < len && (in = fh_server_conn_in(o->s, &room)) != NULL) {
        size_t n = len - at < room ? len - at : room;

        n = chunk && n > chunk ? chunk : n;
        memcpy(in, (const uint8_t *)data + at, n);
        at += n;
        (void)fh_server_conn_in_done(o->s, o->now, n);
        old_pump(o);
    }
    old_pump(o);
    return at;
}

static inline size_t old_say(struct old *o, const void *data, size_t len)
{
    return old_say_in(o, data, len, 0);
}

/* The next n bytes that were heard. */
static inline const uint8_t *old_hear(struct old *o, size_t n)
{
    old_pump(o);
    if (o->heard_len - o->at < n)
        return NULL;
    o->at += n;
    return o->heard + o->at - n;
}

static inline size_t old_left(struct old *o)
{
    old_pump(o);
    return o->heard_len - o->at;
}

#endif
