/* SPDX-License-Identifier: MIT */
/* The sessions of a Server app on a libuv loop. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <farhand/identity.h>
#include <farhand/identity_uv.h>

#include "server_uv.h"

/* ---- audit ---- */

static uint64_t utc_ms(void)
{
    struct timespec ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return 0;
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void fh__session_audit(struct fh_session *s, struct fh_audit_event *ev)
{
    ev->utc_ms = utc_ms();
    fh_session_describe(s, ev);
    if (s->server->callbacks->audit)
        s->server->callbacks->audit(s->server->user, ev);
}

void fh__session_audit_refused(struct fh_session *s, const char *reason)
{
    struct fh_audit_event ev = {.type = FH_AUDIT_REFUSED, .reason = reason};

    fh__session_audit(s, &ev);
}

/* ---- admission ---- */

static size_t ip_len(const struct fh_address *a)
{
    return a->family == FH_ADDRESS_IPV4 ? 4 : a->family == FH_ADDRESS_IPV6 ? 16 : 0;
}

static void leave(struct fh_session *s)
{
    if (s->is_counted)
        fh_admission_leave(s->server->admission, s->admitted.ip, ip_len(&s->admitted),
                           s->is_authenticated);
    s->is_counted = false;
}

void fh__session_admit(struct fh_session *s)
{
    unsigned retry_s = 0;
    size_t len;
    const uint8_t *addr = fh_session_ip(s, &len);

    if (fh_admission_handshake(s->server->admission, uv_now(s->server->loop), addr, len,
                               &retry_s) == 0)
        (void)fh_server_conn_proceed(s->conn);
    else
        (void)fh_server_conn_refuse(s->conn, retry_s);
}

static void on_hello(struct fh_session *s)
{
    s->awaits_hello = s->server->callbacks->hello != NULL;
    if (s->awaits_hello)
        s->server->callbacks->hello(s->server->user, s);
    else
        fh__session_admit(s);
}

/* ---- signing ---- */

static void sign_next(struct fh_server *server);

static void sign_work(uv_work_t *work)
{
    struct fh_server *server = work->data;
    struct sign_job *job = &server->job;

    if (job->is_rotation)
        job->status = fh_rotation_sign(server->identity, server->next_identity, job->binding,
                                       fh_random_system, NULL, &job->rotation);
    else
        job->status = fh_identity_sign(server->identity, FH_ROLE_SERVER, job->th, fh_random_system,
                                       NULL, job->sig, &job->len);
}

static void sign_done(uv_work_t *work, int status)
{
    struct fh_server *server = work->data;
    struct sign_job *job = &server->job;
    struct fh_session *s = job->session;

    job->is_running = false;
    job->session = NULL;
    if (s)
        (void)fh_server_conn_tick(s->conn, uv_now(server->loop));
    if (s && job->is_rotation)
        fh__session_begin(s, status == 0 && job->status == 0 ? &job->rotation : NULL);
    else if (s && (status != 0 || job->status != 0 ||
                   fh_server_conn_signed(s->conn, job->sig, job->len) != 0))
        fh_server_conn_close(s->conn, FH_BYE_INTERNAL, true);
    if (s)
        fh__carrier_soon(&s->carrier);
    sign_next(server);
    fh__server_maybe_gone(server);
}

static void sign_next(struct fh_server *server)
{
    struct sign_job *job = &server->job;
    struct fh_session *s = server->first;

    while (s && !s->wants_signature && !s->wants_rotation)
        s = s->next;
    if (!s || job->is_running)
        return;
    job->is_rotation = s->wants_rotation;
    s->wants_signature = s->wants_rotation = false;
    memcpy(job->th, s->th, sizeof job->th);
    memcpy(job->binding, s->binding, sizeof job->binding);
    job->work.data = server;
    if (uv_queue_work(server->loop, &job->work, sign_work, sign_done) != 0) {
        fh_server_conn_close(s->conn, FH_BYE_INTERNAL, true);
        fh__carrier_soon(&s->carrier);
        return;
    }
    job->session = s;
    job->is_running = true;
}

static void on_sign(struct fh_session *s, const struct fh_server_conn_event *ev)
{
    struct fh_server *server = s->server;

    memcpy(s->th, ev->sign.th, sizeof s->th);
    if (server->identity) {
        s->wants_signature = true;
        sign_next(server);
    } else {
        s->awaits_signature = true;
        server->callbacks->sign(server->user, s, s->th);
    }
}

bool fh__session_wants_rotation(struct fh_session *s)
{
    struct fh_server *server = s->server;
    bool is_ours = server->identity && server->next_identity;

    if ((!is_ours && (server->identity || !server->callbacks->rotate)) ||
        fh_server_conn_binding(s->conn, s->binding) != 0)
        return false;
    if (is_ours) {
        s->wants_rotation = true;
        sign_next(server);
    } else {
        s->rotation_due = true;
        fh__carrier_soon(&s->carrier);
    }
    return true;
}

/* ---- events of a connection ---- */

static void on_verify_peer(struct fh_session *s, const struct fh_server_conn_event *ev)
{
    const struct fh_server_callbacks *cb = s->server->callbacks;

    if (!cb->verify_peer || cb->verify_peer(s->server->user, s, ev->peer.fingerprint))
        (void)fh_server_conn_accept_peer(s->conn);
    else
        fh_server_conn_close(s->conn, FH_BYE_IDENTITY, false);
}

/* The picture before is let go of, so a session that cannot take the new one has none to show. */
static int give_screen(struct fh_session *s)
{
    struct fh_server *server = s->server;
    int ret = fh_server_conn_set_screen(s->conn, server->fb, server->screens, server->n_screens);

    if (ret != 0)
        fh_server_conn_close(s->conn, FH_BYE_INTERNAL, true);
    return ret;
}

static void on_started(struct fh_session *s)
{
    struct fh_server *server = s->server;

    fh__session_secure(s);
    s->is_started = true;
    server->n_started++;
    if (server->fb)
        (void)give_screen(s);
    if (server->cursor)
        (void)fh_server_conn_set_cursor(s->conn, server->cursor, server->cursor_w, server->cursor_h,
                                        server->cursor_x, server->cursor_y);
    if (server->callbacks->started)
        server->callbacks->started(server->user, s);
}

static void on_resize(struct fh_session *s, const struct fh_server_conn_event *ev)
{
    const struct fh_server_callbacks *cb = s->server->callbacks;

    if (cb->resize)
        cb->resize(s->server->user, s, ev->resize.width, ev->resize.height);
    else
        fh_server_conn_resize_done(s->conn, FH_RFB_RESIZE_PROHIBITED);
}

/* The application is told once, and does not know the session afterwards. */
void fh__session_ended(struct fh_session *s, enum fh_bye reason)
{
    if (s->has_ended)
        return;
    s->has_ended = true;
    s->wants_signature = s->awaits_hello = s->awaits_signature = s->awaits_answer = false;
    s->wants_rotation = s->awaits_rotation = s->rotation_due = false;
    s->wants_decryption = s->awaits_decryption = false;
    if (s->is_started)
        s->server->n_started--;
    if (s->server->callbacks->ended)
        s->server->callbacks->ended(s->server->user, s, reason);
}

static void on_event(struct fh_session *s, struct fh_server_conn_event *ev)
{
    const struct fh_server_callbacks *cb = s->server->callbacks;
    void *user = s->server->user;

    switch (ev->type) {
    case FH_SERVER_CONN_EV_HELLO:
        on_hello(s);
        break;
    case FH_SERVER_CONN_EV_SIGN:
        on_sign(s, ev);
        break;
    case FH_SERVER_CONN_EV_VERIFY_PEER:
        on_verify_peer(s, ev);
        break;
    case FH_SERVER_CONN_EV_OLDER:
    case FH_SERVER_CONN_EV_TLS:
    case FH_SERVER_CONN_EV_DECRYPT:
        fh__session_older_event(s, ev);
        break;
    case FH_SERVER_CONN_EV_AUTHENTICATE:
        s->awaits_answer = true;
        cb->authenticate(user, s, &ev->credentials);
        break;
    case FH_SERVER_CONN_EV_ANSWERS:
        s->awaits_answer = true;
        if (cb->answered)
            cb->answered(user, s, ev->answers.items, ev->answers.n);
        else
            fh_session_authenticated(s, FH_PERM_NONE);
        break;
    case FH_SERVER_CONN_EV_STARTED:
        on_started(s);
        break;
    case FH_SERVER_CONN_EV_KEY:
        if (cb->key)
            cb->key(user, s, ev->key.keysym, ev->key.keycode, ev->key.down);
        break;
    case FH_SERVER_CONN_EV_POINTER:
        if (cb->pointer)
            cb->pointer(user, s, ev->pointer.x, ev->pointer.y, ev->pointer.buttons);
        break;
    case FH_SERVER_CONN_EV_CUT_TEXT:
        if (cb->cut_text)
            cb->cut_text(user, s, ev->cut_text.text, ev->cut_text.len);
        break;
    case FH_SERVER_CONN_EV_RESIZE:
        on_resize(s, ev);
        break;
    case FH_SERVER_CONN_EV_AUDIT:
        fh__session_audit(s, &ev->audit);
        break;
    case FH_SERVER_CONN_EV_ENDED:
        fh__session_ended(s, ev->ended.reason);
        break;
    }
}

/* ---- what the carrier asks ---- */

/* NULL, or why it may not try. */
static const char *ask_whether_wanted(struct fh_session *s)
{
    const struct fh_server_callbacks *cb = s->server->callbacks;
    const char *refused;

    s->is_requested = true;
    refused = cb->connection_request ? cb->connection_request(s->server->user, s, s->peer) : NULL;
    s->is_requested = false;
    if (s->has_cloud)
        fh_server_conn_set_cloud(s->conn, s->session_ref,
                                 s->has_cloud_secret ? s->cloud_secret : NULL);
    fh_wipe(s->cloud_secret, sizeof s->cloud_secret);
    return refused;
}

/* In the loop's first turn: the application must not be called from inside fh_server_accept(). */
static bool begin(struct fh_session *s)
{
    s->has_begun = true;
    if (!s->refused && s->server->is_closing)
        s->refused = "shutdown";
    if (!s->refused)
        s->refused = ask_whether_wanted(s);
    if (s->refused) {
        s->has_ended = true;
        fh__session_audit_refused(s, s->refused);
        fh__carrier_close(&s->carrier);
        return false;
    }
    if (s->server->resume_ms > 0)
        fh__session_look(s);
    else
        fh__carrier_attach(&s->carrier);
    return true;
}

static void carrier_events(struct fh__carrier *c)
{
    struct fh_session *s = (struct fh_session *)c;
    struct fh_server_conn_event ev;

    if (!s->has_begun && !begin(s))
        return;
    while (fh_server_conn_event(s->conn, &ev) > 0)
        on_event(s, &ev);
    if (!s->rotation_due)
        return;
    s->rotation_due = false;
    s->awaits_rotation = true;
    s->server->callbacks->rotate(s->server->user, s, s->binding);
}

static void tell_keys(struct fh_session *s)
{
    uint8_t client[FH_SESSION_GUARD_KEY_LEN], server[FH_SESSION_GUARD_KEY_LEN];
    int which = fh_server_conn_guard_keys(s->conn, client, server);

    if (which > s->told_keys) {
        s->told_keys = which;
        s->server->callbacks->keys(s->server->user, s, client, server);
    }
    fh_wipe(client, sizeof client);
    fh_wipe(server, sizeof server);
}

static void tell_wanted(struct fh_session *s, bool sent)
{
    bool is_waiting = fh_server_conn_is_waiting(s->conn);

    s->told_wanted = s->told_wanted && is_waiting && !sent;
    if (!is_waiting || s->told_wanted)
        return;
    s->told_wanted = true;
    if (s->server->callbacks->wanted)
        s->server->callbacks->wanted(s->server->user);
}

/* The picture that was asked for is on its way: tell the application when the next is wanted. */
static void carrier_pumped(struct fh__carrier *c, bool sent)
{
    struct fh_session *s = (struct fh_session *)c;

    if (s->server->callbacks->keys && !s->has_ended)
        tell_keys(s);
    tell_wanted(s, sent);
}

static void unlink_session(struct fh_session *s)
{
    struct fh_server *server = s->server;

    if (s->prev)
        s->prev->next = s->next;
    else
        server->first = s->next;
    if (s->next)
        s->next->prev = s->prev;
    else
        server->last = s->prev;
}

static void carrier_gone(struct fh__carrier *c)
{
    struct fh_session *s = (struct fh_session *)c;
    struct fh_server *server = s->server;

    leave(s);
    unlink_session(s);
    if (server->job.session == s)
        server->job.session = NULL;
    if (server->decrypt.session == s)
        server->decrypt.session = NULL;
    fh_server_conn_free(s->conn);
    free(s);
    fh__server_maybe_gone(server);
}

static uint8_t *conn_in(void *conn, size_t *room)
{
    return fh_server_conn_in(conn, room);
}

static int conn_in_done(void *conn, uint64_t now_ms, size_t used)
{
    return fh_server_conn_in_done(conn, now_ms, used);
}

static int conn_in_end(void *conn, uint64_t now_ms)
{
    return fh_server_conn_in_end(conn, now_ms);
}

static const uint8_t *conn_out(void *conn, uint64_t now_ms, size_t *len)
{
    return fh_server_conn_out(conn, now_ms, len);
}

static void conn_out_done(void *conn, size_t sent)
{
    fh_server_conn_out_done(conn, sent);
}

static uint64_t conn_deadline(const void *conn)
{
    return fh_server_conn_deadline(conn);
}

static int conn_tick(void *conn, uint64_t now_ms)
{
    return fh_server_conn_tick(conn, now_ms);
}

static bool conn_is_finished(const void *conn)
{
    return fh_server_conn_is_finished(conn);
}

static const struct fh__carrier_ops ops = {.in = conn_in,
                                           .in_done = conn_in_done,
                                           .in_end = conn_in_end,
                                           .out = conn_out,
                                           .out_done = conn_out_done,
                                           .deadline = conn_deadline,
                                           .tick = conn_tick,
                                           .is_finished = conn_is_finished,
                                           .events = carrier_events,
                                           .pumped = carrier_pumped,
                                           .gone = carrier_gone};

/* ---- the server ---- */

static void copy_text(char *out, size_t room, const char *text)
{
    size_t len = text ? strnlen(text, room - 1) : 0;

    if (text && text[len] != '\0')
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0';
}

bool fh__server_are_methods(const uint8_t *methods, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!fh_method_name(methods[i]) || methods[i] >= FH_METHOD_OLDER ||
            memchr(methods, methods[i], i))
            return false;
    return n > 0 && n <= FH_METHODS_MAX;
}

static bool is_usable(const struct fh_server_config *cfg)
{
    if (!cfg->loop || !cfg->callbacks)
        return false;
    if (!cfg->identity && (!cfg->spki || !cfg->callbacks->sign))
        return false;
    return !cfg->methods || fh__server_are_methods(cfg->methods, cfg->n_methods);
}

int fh_server_new(const struct fh_server_config *cfg, struct fh_server **out)
{
    struct fh_server *s;

    if (!is_usable(cfg))
        return FH_SESSION_E_INVAL;
    if (!(s = calloc(1, sizeof *s)))
        return FH_SESSION_E_NOMEM;
    if (!(s->admission = fh_admission_new(&cfg->admission))) {
        free(s);
        return FH_SESSION_E_NOMEM;
    }
    if (!fh__server_older_init(s, cfg)) {
        fh_admission_free(s->admission);
        free(s);
        return FH_SESSION_E_INVAL;
    }
    s->loop = cfg->loop;
    s->identity = cfg->identity;
    s->next_identity = cfg->next_identity;
    s->spki = cfg->identity ? fh_identity_spki(cfg->identity, &s->spki_len) : cfg->spki;
    s->spki_len = cfg->identity ? s->spki_len : cfg->spki_len;
    s->n_methods = cfg->methods ? cfg->n_methods : 0;
    if (s->n_methods > 0)
        memcpy(s->methods, cfg->methods, s->n_methods);
    s->auth_ms = cfg->auth_ms;
    s->callbacks = cfg->callbacks;
    s->user = cfg->user;
    s->idle_timeout_ms = cfg->idle_timeout_ms;
    s->resume_ms = cfg->resume_ms;
    copy_text(s->name, sizeof s->name, cfg->name);
    copy_text(s->program, sizeof s->program, cfg->program);
    uv_idle_init(s->loop, &s->handle);
    s->handle.data = s;
    *out = s;
    return 0;
}

struct fh_server_conn *fh__server_make_conn(const struct fh_server *server, const uint8_t *methods,
                                            size_t n_methods)
{
    struct fh_server_conn_config cfg = {.random = fh_random_system,
                                        .program = server->program[0] ? server->program : NULL,
                                        .name = server->name,
                                        .has_authentication =
                                            server->callbacks->authenticate != NULL,
                                        .spki = server->spki,
                                        .spki_len = server->spki_len,
                                        .methods = n_methods ? methods : NULL,
                                        .n_methods = n_methods,
                                        .auth_ms = server->auth_ms,
                                        .idle_timeout_ms = server->idle_timeout_ms,
                                        .now_ms = uv_now(server->loop),
                                        .older = server->older};

    return fh_server_conn_new(&cfg);
}

static void link_session(struct fh_server *server, struct fh_session *s)
{
    s->server = server;
    s->number = ++server->next_number;
    s->prev = server->last;
    if (server->last)
        server->last->next = s;
    else
        server->first = s;
    server->last = s;
}

int fh_server_accept(struct fh_server *server, struct fh_stream *stream)
{
    struct fh_session *s = calloc(1, sizeof *s);

    if (!s || server->is_closing) {
        free(s);
        fh_stream_close(stream, NULL, NULL);
        return server->is_closing ? FH_SESSION_E_CLOSED : FH_SESSION_E_NOMEM;
    }
    link_session(server, s);
    s->path = "direct";
    fh_stream_peer(stream, s->peer, sizeof s->peer);
    fh_stream_address(stream, &s->address);
    s->admitted = s->address;
    s->is_counted =
        fh_admission_enter(server->admission, s->admitted.ip, ip_len(&s->admitted)) == 0;
    if (!s->is_counted)
        s->refused = "busy";
    else if (!(s->conn = fh__server_make_conn(server, server->methods, server->n_methods)))
        s->refused = "internal";
    fh__carrier_init(&s->carrier, &ops, s->conn, server->loop, stream);
    return 0;
}

static void on_server_closed(uv_handle_t *handle)
{
    struct fh_server *server = handle->data;

    if (server->closed)
        server->closed(server->user);
    fh_admission_free(server->admission);
    free(server->cursor);
    free(server);
}

void fh__server_maybe_gone(struct fh_server *server)
{
    if (!server->is_closing || server->is_gone || server->first || server->job.is_running ||
        server->decrypt.is_running)
        return;
    server->is_gone = true;
    uv_close((uv_handle_t *)&server->handle, on_server_closed);
}

void fh_server_close(struct fh_server *server, enum fh_bye reason, void (*closed)(void *user))
{
    if (server->is_closing)
        return;
    server->is_closing = true;
    server->closed = closed;
    for (struct fh_session *s = server->first; s; s = s->next) {
        if (s->conn)
            fh_server_conn_close(s->conn, reason, true);
        fh__carrier_soon(&s->carrier);
    }
    fh__server_maybe_gone(server);
}

/* ---- the desktop ---- */

int fh_server_screen(struct fh_server *server, const struct fh_framebuffer *fb,
                     const struct fh_screen *screens, size_t n_screens)
{
    int ret = 0, first = 0;

    if (!fb || (screens && n_screens > FH_RFB_SCREENS_MAX))
        return FH_SESSION_E_INVAL;
    server->fb = fb;
    server->n_screens = screens ? n_screens : 0;
    if (screens)
        memcpy(server->screens, screens, n_screens * sizeof *screens);
    for (struct fh_session *s = server->first; s; s = s->next) {
        if (!s->is_started || s->has_ended)
            continue;
        ret = give_screen(s);
        first = first ? first : ret;
        fh__carrier_soon(&s->carrier);
    }
    return first;
}

void fh_server_damage(struct fh_server *server, const struct fh_rect *r)
{
    for (struct fh_session *s = server->first; s; s = s->next) {
        if (!s->is_started || s->has_ended)
            continue;
        fh_server_conn_damage(s->conn, r);
        fh__carrier_soon(&s->carrier);
    }
}

void fh_server_copy(struct fh_server *server, const struct fh_rect *r, int32_t from_x,
                    int32_t from_y)
{
    for (struct fh_session *s = server->first; s; s = s->next) {
        if (!s->is_started || s->has_ended)
            continue;
        fh_server_conn_copy(s->conn, r, from_x, from_y);
        fh__carrier_soon(&s->carrier);
    }
}

uint64_t fh_server_updates(const struct fh_server *server)
{
    uint64_t n = 0;

    for (const struct fh_session *s = server->first; s; s = s->next)
        n += fh_server_conn_updates(s->conn);
    return n;
}

static void keep_cursor(struct fh_server *server, const uint32_t *argb, size_t pixels)
{
    uint32_t *copy = malloc((pixels ? pixels : 1) * sizeof *copy);

    free(server->cursor);
    server->cursor = copy;
    if (copy && pixels)
        memcpy(copy, argb, pixels * sizeof *copy);
}

void fh_server_cursor(struct fh_server *server, const uint32_t *argb, int32_t w, int32_t h,
                      int32_t hot_x, int32_t hot_y)
{
    if (w < 0 || h < 0 || w > FH_CURSOR_MAX_SIDE || h > FH_CURSOR_MAX_SIDE)
        return;
    keep_cursor(server, argb, (size_t)w * (size_t)h);
    server->cursor_w = w;
    server->cursor_h = h;
    server->cursor_x = hot_x;
    server->cursor_y = hot_y;
    for (struct fh_session *s = server->first; s; s = s->next) {
        if (!s->is_started || s->has_ended)
            continue;
        (void)fh_server_conn_set_cursor(s->conn, argb, w, h, hot_x, hot_y);
        fh__carrier_soon(&s->carrier);
    }
}

void fh_server_cut_text(struct fh_server *server, const char *text, size_t len)
{
    for (struct fh_session *s = server->first; s; s = s->next) {
        if (!s->is_started || s->has_ended)
            continue;
        (void)fh_server_conn_cut_text(s->conn, text, len);
        fh__carrier_soon(&s->carrier);
    }
}

void fh_server_bell(struct fh_server *server)
{
    for (struct fh_session *s = server->first; s; s = s->next) {
        if (!s->is_started || s->has_ended)
            continue;
        fh_server_conn_bell(s->conn);
        fh__carrier_soon(&s->carrier);
    }
}

void fh_server_set_name(struct fh_server *server, const char *name)
{
    copy_text(server->name, sizeof server->name, name);
    for (struct fh_session *s = server->first; s; s = s->next) {
        if (!s->conn || s->has_ended)
            continue;
        fh_server_conn_set_name(s->conn, server->name);
        fh__carrier_soon(&s->carrier);
    }
}

void fh_server_set_idle_timeout(struct fh_server *server, uint64_t idle_timeout_ms)
{
    server->idle_timeout_ms = idle_timeout_ms;
}

bool fh_server_is_wanted(const struct fh_server *server)
{
    for (const struct fh_session *s = server->first; s; s = s->next)
        if (s->is_started && !s->has_ended && fh_server_conn_is_waiting(s->conn))
            return true;
    return false;
}

size_t fh_server_count(const struct fh_server *server)
{
    return server->n_started;
}
