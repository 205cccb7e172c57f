/* SPDX-License-Identifier: MIT */
/*
 * peers.h -- a server and a viewer connected in memory, with an application behind each.
 *
 * Time is p->now and moves only when a test moves it. Bytes cross in trips: what both sides have to
 * say when a trip begins crosses together, so that two trips are a round trip.
 */
#ifndef FH_SESSION_TEST_PEERS_H
#define FH_SESSION_TEST_PEERS_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <farhand/channel.h>
#include <farhand/framebuffer.h>
#include <farhand/identity.h>
#include <farhand/password.h>
#include <farhand/rfb_client.h>
#include <farhand/rfb_server.h>
#include <farhand/viewer_conn.h>

enum { WIRE_MAX = 1 << 20, LOG_MAX = 1 << 16, SCREEN_W = 64, SCREEN_H = 48 };

struct wire {
    uint8_t mem[WIRE_MAX];
    size_t len;
};

struct peers {
    uint64_t now;
    size_t chunk; /* bytes given at once, 0: all */
    unsigned trips, picture_trip;

    struct fh_server_conn *s;
    struct fh_viewer_conn *v;
    struct wire to_server, to_viewer;

    /* the server's application */
    uint32_t grant; /* what the right password gives */
    bool answers_auth, gives_screen, refuses_peer, has_refusal;
    void (*authenticates)(struct peers *p, const struct fh_server_conn_event *ev); /* NULL: as is */
    bool asks_instead;
    uint32_t px[SCREEN_W * SCREEN_H];
    struct fh_framebuffer fb;
    char slog[LOG_MAX];
    enum fh_bye s_reason;
    int s_error;
    unsigned s_ended;

    /* the viewer's application */
    const char *retry_password; /* what is typed when asked */
    const char *code;           /* what is answered to each question */
    enum fh_trust trust;
    char vlog[LOG_MAX], valog[LOG_MAX]; /* what happened; what its audit says */
    struct fh_viewer_conn_event v_end;
    char v_end_text[2048];
    unsigned v_ended, updates;
};

static struct fh_identity *server_identity, *viewer_identity;

static inline void test_random(void *user, void *out, size_t len)
{
    static uint32_t state = 1;
    uint8_t *p = out;

    (void)user;
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525u + 1013904223u;
        p[i] = (uint8_t)(state >> 24);
    }
}

/* Before the tests are forked, where nothing can be asserted. */
static inline bool make_identities(void)
{
    return fh_identity_generate(2048, test_random, NULL, &server_identity) == 0 &&
           fh_identity_generate(2048, test_random, NULL, &viewer_identity) == 0;
}

/* Also after each test, in its own process: LeakSanitizer does not look into guarded memory. */
static inline void free_identities(void)
{
    fh_identity_free(server_identity);
    fh_identity_free(viewer_identity);
}

__attribute__((format(printf, 2, 3))) static inline void note(char *log, const char *fmt, ...)
{
    size_t len = strlen(log);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(log + len, LOG_MAX - len, fmt, ap);
    va_end(ap);
}

static inline struct fh_server_conn_config server_config(struct peers *p)
{
    struct fh_server_conn_config cfg = {.random = test_random,
                                        .program = "test-server 1",
                                        .name = "Ann's desk",
                                        .has_authentication = true,
                                        .now_ms = p->now};

    cfg.spki = fh_identity_spki(server_identity, &cfg.spki_len);
    return cfg;
}

static inline struct fh_viewer_conn_config viewer_config(struct peers *p)
{
    struct fh_viewer_conn_config cfg = {.random = test_random,
                                        .program = "test-viewer 1",
                                        .user = "ann",
                                        .password = "secret",
                                        .password_len = 6,
                                        .now_ms = p->now};

    cfg.spki = fh_identity_spki(viewer_identity, &cfg.spki_len);
    return cfg;
}

/* NULL configurations: the usual ones. */
static inline struct peers *peers_new(const struct fh_server_conn_config *scfg,
                                      const struct fh_viewer_conn_config *vcfg)
{
    struct peers *p = calloc(1, sizeof *p);
    struct fh_server_conn_config sdef;
    struct fh_viewer_conn_config vdef;

    ck_assert_ptr_nonnull(p);
    p->now = 1000;
    p->grant = FH_PERM_ALL;
    p->answers_auth = p->gives_screen = true;
    p->trust = FH_TRUST_CONFIRMED;
    p->fb = (struct fh_framebuffer){
        .px = p->px, .width = SCREEN_W, .height = SCREEN_H, .stride_px = SCREEN_W};
    for (uint32_t i = 0; i < SCREEN_W * SCREEN_H; i++)
        p->px[i] = (i * 2654435761u) & 0xffffff;
    sdef = server_config(p);
    vdef = viewer_config(p);
    p->s = fh_server_conn_new(scfg ? scfg : &sdef);
    p->v = fh_viewer_conn_new(vcfg ? vcfg : &vdef);
    ck_assert_ptr_nonnull(p->s);
    ck_assert_ptr_nonnull(p->v);
    return p;
}

static inline void peers_free(struct peers *p)
{
    fh_server_conn_free(p->s);
    fh_viewer_conn_free(p->v);
    free(p);
}

static inline void server_answers(struct peers *p, const struct fh_server_conn_event *ev)
{
    bool is_right = strcmp(ev->credentials.user, "ann") == 0 && ev->credentials.password_len == 6 &&
                    memcmp(ev->credentials.password, "secret", 6) == 0;

    note(p->slog, "auth %u %s\n", ev->credentials.attempt, ev->credentials.user);
    if (p->answers_auth)
        ck_assert_int_eq(fh_server_conn_authenticated(p->s, p->now, is_right ? p->grant : 0), 0);
}

static inline void server_audits(struct peers *p, const struct fh_audit_event *ev)
{
    static const char *const names[] = {
        [FH_AUDIT_CONNECTED] = "connected",     [FH_AUDIT_REFUSED] = "refused",
        [FH_AUDIT_IDENTIFIED] = "identified",   [FH_AUDIT_AUTH_FAILED] = "auth-failed",
        [FH_AUDIT_BLACKLISTED] = "blacklisted", [FH_AUDIT_APPROVAL] = "approval",
        [FH_AUDIT_STARTED] = "started",         [FH_AUDIT_PERMISSIONS] = "permissions",
        [FH_AUDIT_ROTATION] = "rotation",       [FH_AUDIT_ENDED] = "ended"};

    /* What the end says of the session: all of it, or nothing if there was none. */
    if (ev->type == FH_AUDIT_ENDED) {
        ck_assert_int_eq(ev->has_permissions, ev->session != NULL);
        ck_assert(ev->session == NULL || (ev->user && ev->method && ev->fingerprint));
        ck_assert(ev->session == NULL || (ev->bytes_in > 0 && ev->bytes_out > 0));
        ck_assert_int_eq(
            ev->failed, strcmp(ev->reason, "normal") != 0 && strcmp(ev->reason, "server") != 0 &&
                            strcmp(ev->reason, "shutdown") != 0 &&
                            strcmp(ev->reason, "idle") != 0 && strcmp(ev->reason, "replaced") != 0);
    }
    note(p->slog, "audit %s%s%s", names[ev->type], ev->reason ? " " : "",
         ev->reason ? ev->reason : "");
    if (ev->has_permissions && ev->type != FH_AUDIT_ENDED)
        note(p->slog, " %x", (unsigned)ev->permissions);
    note(p->slog, "\n");
}

static inline void on_server_event(struct peers *p, const struct fh_server_conn_event *ev)
{
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len;

    switch (ev->type) {
    case FH_SERVER_CONN_EV_HELLO:
        ck_assert_int_eq(fh_server_conn_proceed(p->s) != 0, p->has_refusal);
        break;
    case FH_SERVER_CONN_EV_SIGN:
        ck_assert_int_eq(fh_identity_sign(server_identity, FH_ROLE_SERVER, ev->sign.th, test_random,
                                          NULL, sig, &len),
                         0);
        ck_assert_int_eq(fh_server_conn_signed(p->s, sig, len), 0);
        break;
    case FH_SERVER_CONN_EV_VERIFY_PEER:
        ck_assert_str_eq(ev->peer.program, "test-viewer 1");
        if (p->refuses_peer)
            fh_server_conn_close(p->s, FH_BYE_IDENTITY, false);
        else
            ck_assert_int_eq(fh_server_conn_accept_peer(p->s), 0);
        break;
    case FH_SERVER_CONN_EV_AUTHENTICATE:
    case FH_SERVER_CONN_EV_ANSWERS:
        if (p->authenticates)
            p->authenticates(p, ev);
        else
            server_answers(p, ev);
        break;
    case FH_SERVER_CONN_EV_STARTED:
        note(p->slog, "started\n");
        if (p->gives_screen)
            ck_assert_int_eq(fh_server_conn_set_screen(p->s, &p->fb, NULL, 0), 0);
        break;
    case FH_SERVER_CONN_EV_KEY:
        note(p->slog, "key %x %s\n", (unsigned)ev->key.keysym, ev->key.down ? "down" : "up");
        break;
    case FH_SERVER_CONN_EV_POINTER:
        note(p->slog, "pointer %u %u %u\n", ev->pointer.x, ev->pointer.y, ev->pointer.buttons);
        break;
    case FH_SERVER_CONN_EV_CUT_TEXT:
        note(p->slog, "cut %.*s\n", (int)ev->cut_text.len, ev->cut_text.text);
        break;
    case FH_SERVER_CONN_EV_RESIZE:
        note(p->slog, "resize %u %u\n", ev->resize.width, ev->resize.height);
        fh_server_conn_resize_done(p->s, FH_RFB_RESIZE_PROHIBITED);
        break;
    case FH_SERVER_CONN_EV_AUDIT:
        server_audits(p, &ev->audit);
        break;
    case FH_SERVER_CONN_EV_OLDER:
    case FH_SERVER_CONN_EV_TLS:
    case FH_SERVER_CONN_EV_DECRYPT:
        ck_abort_msg("nobody is older here");
        break;
    case FH_SERVER_CONN_EV_ENDED:
        note(p->slog, "ended %d\n", ev->ended.reason);
        p->s_reason = ev->ended.reason;
        p->s_error = ev->ended.error;
        p->s_ended++;
        break;
    }
}

static inline void viewer_derives(struct peers *p, const struct fh_viewer_conn_event *ev)
{
    uint8_t key[FH_PASSWORD_KEY_LEN];

    ck_assert_int_eq(fh_password_derive(ev->derive.password, ev->derive.password_len,
                                        ev->derive.salt, ev->derive.passes, ev->derive.memory_kib,
                                        key),
                     0);
    ck_assert_int_eq(fh_viewer_conn_derived(p->v, key), 0);
}

static inline void viewer_answers(struct peers *p, const struct fh_viewer_conn_event *ev)
{
    struct fh_item answers[FH_AUTH_ITEMS_MAX];

    for (size_t i = 0; i < ev->ask.n; i++) {
        note(p->vlog, "ask %d %d %s\n", ev->ask.prompts[i].kind, ev->ask.prompts[i].echo,
             ev->ask.prompts[i].text);
        answers[i] = (struct fh_item){ev->ask.prompts[i].kind, p->code, strlen(p->code)};
    }
    ck_assert_int_eq(fh_viewer_conn_answer(p->v, answers, ev->ask.n), 0);
}

static inline void viewer_audits(struct peers *p, const struct fh_viewer_conn_event *what)
{
    struct fh_audit_event ev;

    for (unsigned n = 0; fh_viewer_conn_audit(p->v, what, n, &ev); n++) {
        ck_assert_int_eq(ev.side, FH_AUDIT_VIEWER);
        note(p->valog, "%s %s", fh_audit_type_name(ev.type), ev.reason ? ev.reason : "-");
        note(p->valog, " %s %s%s\n", ev.user && *ev.user ? ev.user : "-",
             ev.method ? ev.method : "-", ev.has_permissions ? " with permissions" : "");
        if (ev.type == FH_AUDIT_IDENTIFIED)
            ck_assert_str_eq(ev.program, "test-server 1");
        if (ev.type == FH_AUDIT_ENDED && ev.session)
            ck_assert(ev.fingerprint && ev.bytes_in > 1000 && ev.bytes_out > 1000);
    }
}

static inline void on_viewer_event(struct peers *p, const struct fh_viewer_conn_event *ev)
{
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len;

    switch (ev->type) {
    case FH_VIEWER_CONN_EV_SIGN:
        ck_assert_int_eq(fh_identity_sign(viewer_identity, FH_ROLE_CLIENT, ev->sign.th, test_random,
                                          NULL, sig, &len),
                         0);
        ck_assert_int_eq(fh_viewer_conn_signed(p->v, sig, len), 0);
        break;
    case FH_VIEWER_CONN_EV_VERIFY_SERVER:
        ck_assert_str_eq(ev->server.program, "test-server 1");
        (void)fh_viewer_conn_accept_server(p->v, p->trust);
        break;
    case FH_VIEWER_CONN_EV_CREDENTIALS:
        note(p->vlog, "credentials %u\n", ev->credentials.attempt);
        if (p->retry_password)
            ck_assert_int_eq(fh_viewer_conn_credentials(p->v, "ann", p->retry_password,
                                                        strlen(p->retry_password)),
                             0);
        break;
    case FH_VIEWER_CONN_EV_DERIVE:
        viewer_derives(p, ev);
        break;
    case FH_VIEWER_CONN_EV_ASK:
        viewer_answers(p, ev);
        break;
    case FH_VIEWER_CONN_EV_NOTICE:
        note(p->vlog, "notice %s\n", ev->notice.text);
        break;
    case FH_VIEWER_CONN_EV_ROTATION:
        note(p->vlog, "rotation\n");
        break;
    case FH_VIEWER_CONN_EV_STARTED:
        note(p->vlog, "started %x%s\n", (unsigned)ev->started.permissions,
             ev->started.server_proved ? " proved" : "");
        break;
    case FH_VIEWER_CONN_EV_PERMISSIONS:
        note(p->vlog, "permissions %x\n", (unsigned)ev->started.permissions);
        break;
    case FH_VIEWER_CONN_EV_SIZE:
        note(p->vlog, "size %d %d\n", ev->size.width, ev->size.height);
        break;
    case FH_VIEWER_CONN_EV_UPDATE:
        p->updates++;
        if (p->picture_trip == 0)
            p->picture_trip = p->trips;
        break;
    case FH_VIEWER_CONN_EV_CURSOR:
        note(p->vlog, "cursor %d %d\n", ev->cursor.w, ev->cursor.h);
        break;
    case FH_VIEWER_CONN_EV_NAME:
        note(p->vlog, "name %s\n", fh_viewer_conn_name(p->v));
        break;
    case FH_VIEWER_CONN_EV_CUT_TEXT:
        note(p->vlog, "cut %.*s\n", (int)ev->cut_text.len, ev->cut_text.text);
        break;
    case FH_VIEWER_CONN_EV_BELL:
        note(p->vlog, "bell\n");
        break;
    case FH_VIEWER_CONN_EV_RECT:
        break;
    case FH_VIEWER_CONN_EV_TLS:
    case FH_VIEWER_CONN_EV_KEY:
    case FH_VIEWER_CONN_EV_DECRYPT:
        ck_abort_msg("nobody is older here");
        break;
    case FH_VIEWER_CONN_EV_ENDED:
        note(p->vlog, "ended %d\n", ev->ended.reason);
        p->v_end = *ev;
        snprintf(p->v_end_text, sizeof p->v_end_text, "%s", ev->ended.text);
        p->v_ended++;
        break;
    }
}

static inline void server_events(struct peers *p)
{
    struct fh_server_conn_event ev;

    while (fh_server_conn_event(p->s, &ev) > 0)
        on_server_event(p, &ev);
}

static inline void viewer_events(struct peers *p)
{
    struct fh_viewer_conn_event ev;

    while (fh_viewer_conn_event(p->v, &ev) > 0) {
        on_viewer_event(p, &ev);
        viewer_audits(p, &ev);
    }
}

/* Takes what a side has to say; bytes that do not fit stay there. */
static inline void collect_server(struct peers *p, struct wire *w)
{
    const uint8_t *out;
    size_t len;

    server_events(p);
    while (w->len < WIRE_MAX && (out = fh_server_conn_out(p->s, p->now, &len)) != NULL) {
        len = len < WIRE_MAX - w->len ? len : WIRE_MAX - w->len;
        memcpy(w->mem + w->len, out, len);
        w->len += len;
        fh_server_conn_out_done(p->s, len);
        server_events(p);
    }
    server_events(p);
}

static inline void collect_viewer(struct peers *p, struct wire *w)
{
    const uint8_t *out;
    size_t len;

    viewer_events(p);
    while (w->len < WIRE_MAX && (out = fh_viewer_conn_out(p->v, p->now, &len)) != NULL) {
        len = len < WIRE_MAX - w->len ? len : WIRE_MAX - w->len;
        memcpy(w->mem + w->len, out, len);
        w->len += len;
        fh_viewer_conn_out_done(p->v, len);
        viewer_events(p);
    }
    viewer_events(p);
}

/* Gives bytes in pieces of p->chunk; how many were taken. */
static inline size_t give_server(struct peers *p, const uint8_t *data, size_t len)
{
    size_t at = 0, room;
    uint8_t *in;

    while (at < len && (in = fh_server_conn_in(p->s, &room)) != NULL) {
        size_t n = p->chunk && p->chunk < len - at ? p->chunk : len - at;

        n = n < room ? n : room;
        memcpy(in, data + at, n);
        at += n;
        (void)fh_server_conn_in_done(p->s, p->now, n);
        server_events(p);
    }
    return at;
}

static inline size_t give_viewer(struct peers *p, const uint8_t *data, size_t len)
{
    size_t at = 0, room;
    uint8_t *in;

    while (at < len && (in = fh_viewer_conn_in(p->v, &room)) != NULL) {
        size_t n = p->chunk && p->chunk < len - at ? p->chunk : len - at;

        n = n < room ? n : room;
        memcpy(in, data + at, n);
        at += n;
        (void)fh_viewer_conn_in_done(p->v, p->now, n);
        viewer_events(p);
    }
    return at;
}

static inline void wire_drop(struct wire *w, size_t n)
{
    memmove(w->mem, w->mem + n, w->len - n);
    w->len -= n;
}

/* One trip in both directions; false: nothing crossed. */
static inline bool trip(struct peers *p)
{
    size_t a, b;

    collect_viewer(p, &p->to_server);
    collect_server(p, &p->to_viewer);
    if (p->to_server.len == 0 && p->to_viewer.len == 0)
        return false;
    p->trips++;
    a = give_server(p, p->to_server.mem, p->to_server.len);
    b = give_viewer(p, p->to_viewer.mem, p->to_viewer.len);
    wire_drop(&p->to_server, a);
    wire_drop(&p->to_viewer, b);
    return a + b > 0;
}

static inline void run(struct peers *p)
{
    while (trip(p))
        ;
}

/* Both clocks go to now. */
static inline void pass_time(struct peers *p, uint64_t now)
{
    p->now = now;
    (void)fh_server_conn_tick(p->s, now);
    (void)fh_viewer_conn_tick(p->v, now);
    run(p);
}

static inline bool sees_desktop(const struct peers *p)
{
    const struct fh_framebuffer *fb = fh_viewer_conn_framebuffer(p->v);

    if (!fb || fb->width != SCREEN_W || fb->height != SCREEN_H)
        return false;
    for (int32_t y = 0; y < SCREEN_H; y++)
        if (memcmp(fb->px + y * fb->stride_px, p->px + y * SCREEN_W, SCREEN_W * 4) != 0)
            return false;
    return true;
}

#endif
