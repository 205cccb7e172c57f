/* SPDX-License-Identifier: MIT */
/* sharing.c -- between the desktop and the viewers. */
#include "sharing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/identity_uv.h>
#include <farhand/rfb_server.h>

#include "leave.h"
#include "log.h"
#include "options.h"

/* What we keep for a session; it is also the owner of its keys and buttons. */
struct viewer {
    struct fh__sharing *s;
    struct fh_session *session;
    struct fh__entry entry;
    bool has_started;
    uint32_t granted; /* permissions while nothing is paused */
    uint64_t started_ms;
    struct viewer *next; /* in fh__sharing.viewers */
};

/* From the desktop */

static void on_damaged(void *user)
{
    (void)user; /* fh__sharing_run() looks, before the loop sleeps */
}

static void on_changed(void *user, const struct fh_rect *r)
{
    struct fh__sharing *s = user;

    if (s->server)
        fh_server_damage(s->server, r);
}

static void on_screen(void *user)
{
    struct fh__sharing *s = user;
    const struct fh_framebuffer *fb = fh__desktop_picture(s->desktop);
    const struct fh_screen *screens;
    size_t n;

    screens = fh__desktop_screens(s->desktop, &n);
    if (!s->server)
        return;
    fh__log(FH__LOG_INFO, "the screen has %dx%d pixels", (int)fb->width, (int)fb->height);
    fh_server_screen(s->server, fb, screens, n);
}

static void on_cursor(void *user, const uint32_t *argb, int32_t w, int32_t h, int32_t hot_x,
                      int32_t hot_y)
{
    struct fh__sharing *s = user;

    if (s->server)
        fh_server_cursor(s->server, argb, w, h, hot_x, hot_y);
}

static void on_desktop_text(void *user, const char *text, size_t len)
{
    struct fh__sharing *s = user;

    if (s->server)
        fh_server_cut_text(s->server, text, len);
}

static void on_bell(void *user)
{
    struct fh__sharing *s = user;

    if (s->server)
        fh_server_bell(s->server);
}

const struct fh__desktop_events fh__sharing_desktop_events = {
    on_damaged, on_changed, on_screen, on_cursor, on_desktop_text, on_bell};

/* What is decided about a caller */

static int ask(void *user, const struct fh_item *items, size_t n)
{
    const struct viewer *v = user;

    return fh_session_ask(v->session, items, n);
}

static void authenticated(void *user, uint32_t permissions)
{
    const struct viewer *v = user;

    fh_session_authenticated(v->session, permissions);
}

static void disconnect(void *user, enum fh_bye reason, bool may_reconnect)
{
    const struct viewer *v = user;

    fh_session_disconnect(v->session, reason, may_reconnect);
}

static const struct fh__caller_ops caller_ops = {ask, authenticated, disconnect};

static struct fh__caller make_caller(const struct fh_session *session)
{
    struct fh__caller c = {.number = fh_session_number(session), .ops = &caller_ops};
    const uint8_t *ip = fh_session_ip(session, &c.ip_len);

    memcpy(c.ip, ip, c.ip_len);
    snprintf(c.peer, sizeof c.peer, "%s", fh_session_peer(session));
    return c;
}

/* From the viewers */

static const char *on_request(void *user, struct fh_session *session, const char *peer)
{
    struct fh__sharing *s = user;
    struct fh__caller caller = make_caller(session);
    struct viewer *v;
    uint32_t most;
    bool asks;
    const char *refused = fh__gate_request(&s->gate, &caller, &most, &asks);

    if (!refused && fh__auditlog_is_full(s->audit)) {
        fh__log(FH__LOG_WARNING, "%s was rejected: its session could not be recorded", peer);
        return "audit-full";
    }
    if (refused) {
        fh__log(FH__LOG_INFO, "%s was rejected: the filter does not let it in", peer);
        return refused;
    }
    if (fh__userstore_refresh(s->users) == 0 && s->cfg->auth != FH__AUTH_PROGRAM) {
        fh__log(s->has_warned ? FH__LOG_DEBUG : FH__LOG_WARNING,
                "%s was rejected, as everyone is: there are no users; add one with "
                "vncserverd user add NAME",
                peer);
        s->has_warned = true;
        return "no-users";
    }
    s->has_warned = false;
    v = calloc(1, sizeof *v);
    if (!v)
        return "internal";
    v->s = s;
    v->session = session;
    v->entry.at = &s->entrance;
    v->entry.caller = caller;
    v->entry.caller.user = v;
    v->entry.most = most;
    v->entry.asks = asks || s->cfg->approve == FH__APPROVE_ALWAYS;
    v->entry.asks_present = s->cfg->approve == FH__APPROVE_PRESENT;
    fh_session_set_data(session, v);
    fh__log(FH__LOG_DEBUG, "%s connected", peer);
    return NULL;
}

static void on_hello(void *user, struct fh_session *session)
{
    struct fh__sharing *s = user;
    struct viewer *v = fh_session_data(session);
    unsigned wait_s = fh__gate_hello(&s->gate, &v->entry.caller);

    if (fh__auditlog_is_full(s->audit)) /* as of its first line */
        fh_session_refuse(session, 0);
    else if (wait_s == 0)
        fh_session_proceed(session);
    else
        fh_session_refuse(session, wait_s);
}

static bool on_peer(void *user, struct fh_session *session, const uint8_t *fingerprint)
{
    struct viewer *v = fh_session_data(session);

    (void)user;
    memcpy(v->entry.caller.fingerprint, fingerprint, sizeof v->entry.caller.fingerprint);
    v->entry.caller.has_fingerprint = true;
    return true;
}

static void on_authenticate(void *user, struct fh_session *session, const struct fh_credentials *c)
{
    struct viewer *v = fh_session_data(session);

    (void)user;
    if (fh_session_binding(session, v->entry.caller.binding) == 0)
        fh__entry_begin(&v->entry, c);
    else
        fh_session_disconnect(session, FH_BYE_INTERNAL, true);
}

static void on_answered(void *user, struct fh_session *session, const struct fh_item *items,
                        size_t n)
{
    struct viewer *v = fh_session_data(session);

    (void)user;
    fh__entry_answered(&v->entry, items, n);
}

static void watch(struct fh__sharing *s)
{
    fh__desktop_watch(s->desktop, s->sessions > 0, s->cfg->has_clipboard);
}

/* What the viewer may do as of now. Keys and buttons that it holds are let go of by its session. */
static void apply(struct viewer *v)
{
    fh_session_set_permissions(v->session, v->s->is_paused ? FH_PERM_NONE : v->granted);
}

/* What the desktop shows of them. */
static void notice(struct fh__sharing *s)
{
    json_t *all = fh__sharing_describe(s);
    char *text = json_dumps(all, JSON_COMPACT);
    size_t len = text ? strlen(text) : 0;

    json_decref(all);
    if (text) {
        text[len] = '\n'; /* in the place of NUL */
        fh__notices_tell(&s->notices, text, len + 1, s->sessions);
    }
    free(text);
}

static void on_started(void *user, struct fh_session *session)
{
    struct fh__sharing *s = user;
    struct viewer *v = fh_session_data(session);
    char permissions[200];

    fh_permissions_format(fh_server_conn_permissions(fh_session_conn(session)), permissions,
                          sizeof permissions);
    fh__log(FH__LOG_NOTICE, "%s started as %s, may: %s", fh_session_peer(session),
            fh_server_conn_user(fh_session_conn(session)), permissions);
    v->has_started = true;
    v->granted = fh_server_conn_permissions(fh_session_conn(session));
    v->started_ms = uv_now(s->loop);
    v->next = s->viewers;
    s->viewers = v;
    apply(v);
    s->sessions++;
    notice(s);
    watch(s);
    /* The first picture is of now, not of when somebody last looked. */
    fh__desktop_cursor(s->desktop);
    fh__desktop_capture(s->desktop);
    s->last_frame_ms = uv_now(s->loop);
}

static void on_key(void *user, struct fh_session *session, uint32_t keysym, uint32_t keycode,
                   bool down)
{
    struct fh__sharing *s = user;

    if (!s->is_held)
        fh__desktop_key(s->desktop, fh_session_data(session), keysym, keycode, down);
}

static void on_pointer(void *user, struct fh_session *session, uint16_t x, uint16_t y,
                       uint8_t buttons)
{
    struct fh__sharing *s = user;

    if (!s->is_held)
        fh__desktop_pointer(s->desktop, fh_session_data(session), x, y, buttons);
}

static void on_viewer_text(void *user, struct fh_session *session, const char *text, size_t len)
{
    struct fh__sharing *s = user;

    (void)session;
    fh__desktop_set_clipboard(s->desktop, text, len);
}

static void on_resize(void *user, struct fh_session *session, uint16_t width, uint16_t height)
{
    struct fh__sharing *s = user;
    int status = FH_RFB_RESIZE_PROHIBITED;

    if (s->cfg->has_resize)
        switch (fh__desktop_resize(s->desktop, width, height)) {
        case FH__RESIZE_OK:
            status = FH_RFB_RESIZE_OK;
            break;
        case FH__RESIZE_INVALID:
            status = FH_RFB_RESIZE_INVALID;
            break;
        case FH__RESIZE_IMPOSSIBLE:
            status = FH_RFB_RESIZE_PROHIBITED;
            break;
        }
    fh_session_resize_done(session, status);
}

static void on_wanted(void *user)
{
    (void)user; /* fh__sharing_run() asks, before the loop sleeps */
}

static void forget(struct fh__sharing *s, const struct viewer *v)
{
    struct viewer **at = &s->viewers;

    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
}

static void on_ended(void *user, struct fh_session *session, enum fh_bye reason)
{
    struct fh__sharing *s = user;
    struct viewer *v = fh_session_data(session);

    if (!v)
        return;
    fh__log(v->has_started ? FH__LOG_NOTICE : FH__LOG_INFO, "%s ended: %s",
            fh_session_peer(session), fh_bye_text(reason));
    fh__desktop_release(s->desktop, v);
    fh__entry_forget(&v->entry);
    if (v->has_started) {
        forget(s, v);
        s->sessions--;
        notice(s);
        watch(s);
        if (s->sessions == 0 && s->closed)
            fh__notices_close(&s->notices); /* nobody waits for its farewell */
        if (s->sessions == 0)
            fh__leave(s->loop, s->cfg, s->seat);
    }
    fh_session_set_data(session, NULL);
    free(v);
}

static void on_audit(void *user, const struct fh_audit_event *ev)
{
    struct fh__sharing *s = user;

    fh__auditlog_write(s->audit, ev);
}

static const struct fh_server_callbacks callbacks = {
    .connection_request = on_request,
    .hello = on_hello,
    .verify_peer = on_peer,
    .authenticate = on_authenticate,
    .answered = on_answered,
    .started = on_started,
    .key = on_key,
    .pointer = on_pointer,
    .cut_text = on_viewer_text,
    .resize = on_resize,
    .wanted = on_wanted,
    .ended = on_ended,
    .audit = on_audit,
};

/* Who is in already must not let others in: while a window of ours asks, viewers only look. */
static void on_hold(void *user, bool is_held)
{
    struct fh__sharing *s = user;

    s->is_held = is_held;
    for (struct viewer *v = s->viewers; is_held && v; v = v->next)
        fh__desktop_release(s->desktop, v);
}

static void on_disconnect_wanted(void *user)
{
    struct fh__sharing *s = user;

    fh__sharing_disconnect(s, FH__SHARING_ALL);
}

static void open_entrance(struct fh__sharing *s, const struct fh_identity *identity)
{
    size_t len;
    const uint8_t *spki = fh_identity_spki(identity, &len);

    s->entrance = (struct fh__entrance){.loop = s->loop,
                                        .cfg = s->cfg,
                                        .users = s->users,
                                        .gate = &s->gate,
                                        .approvals = &s->approvals,
                                        .audit = s->audit};
    fh_fingerprint(spki, len, s->entrance.fingerprint);
    fh_random_system(NULL, s->entrance.fake_key, sizeof s->entrance.fake_key);
}

int fh__sharing_open(struct fh__sharing *s, const struct fh_identity *identity,
                     const struct fh_identity *next)
{
    uint8_t methods[FH_METHODS_MAX];
    const struct fh_server_config config = {
        .loop = s->loop,
        .identity = identity,
        .next_identity = next,
        .callbacks = &callbacks,
        .user = s,
        .methods = methods,
        .n_methods = fh__entrance_methods(s->cfg, methods),
        .name = s->cfg->name,
        .program = "vncserverd " FH__VERSION,
        .idle_timeout_ms = (uint64_t)s->cfg->idle_timeout_s * 1000,
        .admission = {.max_half_open = s->cfg->max_half_open,
                      .max_half_open_source = s->cfg->max_half_open_source,
                      .max_sessions = s->cfg->max_sessions},
    };
    int error = fh__gate_open(&s->gate, s->loop, s->cfg, s->audit);

    if (error)
        return error;
    open_entrance(s, identity);
    error = fh_server_new(&config, &s->server);
    if (error) {
        fh__gate_close(&s->gate);
        return error;
    }
    fh__approvals_open(&s->approvals, s->loop, s->cfg, s->seat, !s->is_virtual);
    s->approvals.hold = on_hold;
    s->approvals.hold_user = s;
    s->notices = (struct fh__notices){.loop = s->loop,
                                      .cfg = s->cfg,
                                      .seat = s->seat,
                                      .has_desktop = !s->is_virtual,
                                      .disconnect = on_disconnect_wanted,
                                      .user = s};
    uv_timer_init(s->loop, &s->frame);
    on_screen(s);
    watch(s);
    return 0;
}

void fh__sharing_configure(struct fh__sharing *s)
{
    if (!s->server)
        return;
    fh_server_set_name(s->server, s->cfg->name);
    fh_server_set_idle_timeout(s->server, (uint64_t)s->cfg->idle_timeout_s * 1000);
    watch(s);
    if (fh__notices_configure(&s->notices) && s->sessions > 0)
        notice(s);
    if (fh__gate_configure(&s->gate, s->cfg) != 0)
        fh__log(FH__LOG_ERROR, "out of memory: the filter stays as it is");
}

void fh__sharing_accept(struct fh__sharing *s, struct fh_stream *stream)
{
    char peer[FH_ADDRESS_TEXT];
    int error;

    fh_stream_peer(stream, peer, sizeof peer);
    error = fh_server_accept(s->server, stream);
    if (error)
        fh__log(FH__LOG_INFO, "%s was not accepted: %s", peer, fh_session_strerror(error));
}

/* By the operator */

static json_t *describe(const struct viewer *v)
{
    const struct fh_server_conn *conn = fh_session_conn(v->session);
    char permissions[FH_PERMISSIONS_TEXT];

    fh_permissions_format(v->granted, permissions, sizeof permissions);
    return json_pack("{s:I,s:s,s:s,s:s,s:s,s:I}", "session",
                     (json_int_t)fh_session_number(v->session), "id",
                     fh_server_conn_session_id(conn), "peer", fh_session_peer(v->session), "user",
                     fh_server_conn_user(conn), "permissions", permissions, "seconds",
                     (json_int_t)((uv_now(v->s->loop) - v->started_ms) / 1000));
}

json_t *fh__sharing_describe(const struct fh__sharing *s)
{
    json_t *sessions = json_array();

    for (const struct viewer *v = s->viewers; v; v = v->next)
        json_array_append_new(sessions, describe(v));
    return json_pack("{s:b,s:o}", "paused", s->is_paused, "sessions", sessions);
}

static bool is_meant(const struct viewer *v, uint64_t number)
{
    return number == FH__SHARING_ALL || fh_session_number(v->session) == number;
}

unsigned fh__sharing_disconnect(struct fh__sharing *s, uint64_t number)
{
    unsigned n = 0;

    for (struct viewer *v = s->viewers; v; v = v->next) {
        if (!is_meant(v, number))
            continue;
        n++;
        fh__log(FH__LOG_NOTICE, "%s is disconnected by an operator", fh_session_peer(v->session));
        fh_session_disconnect(v->session, FH_BYE_SERVER, false);
    }
    return n;
}

unsigned fh__sharing_set_permissions(struct fh__sharing *s, uint64_t number, uint32_t permissions)
{
    unsigned n = 0;

    for (struct viewer *v = s->viewers; v; v = v->next) {
        if (!is_meant(v, number))
            continue;
        n++;
        v->granted = permissions;
        apply(v);
    }
    if (n > 0)
        notice(s);
    return n;
}

void fh__sharing_pause(struct fh__sharing *s, bool is_paused)
{
    if (s->is_paused != is_paused)
        fh__log(FH__LOG_NOTICE, is_paused ? "paused by an operator" : "resumed by an operator");
    s->is_paused = is_paused;
    for (struct viewer *v = s->viewers; v; v = v->next)
        apply(v);
    notice(s);
}

bool fh__sharing_is_paused(const struct fh__sharing *s)
{
    return s->is_paused;
}

/* It only ends the loop's sleep. */
static void on_frame(uv_timer_t *timer)
{
    (void)timer;
}

bool fh__sharing_run(struct fh__sharing *s)
{
    uint64_t now = uv_now(s->loop), due = s->last_frame_ms + 1000 / s->cfg->frame_rate;

    if (!s->server || s->sessions == 0 || !fh__desktop_is_damaged(s->desktop) ||
        !fh_server_is_wanted(s->server))
        return false;
    if (now < due) {
        uv_timer_start(&s->frame, on_frame, due - now, 0);
        return false;
    }
    s->last_frame_ms = now;
    fh__desktop_capture(s->desktop);
    return true;
}

static void on_frame_closed(uv_handle_t *h)
{
    struct fh__sharing *s = h->data;

    s->closed(s->user);
}

static void on_server_closed(void *user)
{
    struct fh__sharing *s = user;

    s->server = NULL;
    fh__gate_close(&s->gate);
    fh__approvals_close(&s->approvals);
    fh__notices_close(&s->notices);
    s->frame.data = s;
    uv_close((uv_handle_t *)&s->frame, on_frame_closed);
}

void fh__sharing_close(struct fh__sharing *s, enum fh_bye why, void (*closed)(void *user),
                       void *user)
{
    s->closed = closed;
    s->user = user;
    fh_server_close(s->server, why, on_server_closed);
}
