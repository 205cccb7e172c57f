/* SPDX-License-Identifier: MIT */
#include "server_session.h"

#include <string.h>

#include <farhand/identity.h>

#include "bye.h"

bool fh__server_session_init(struct fh__server_session *s, const struct fh_server_conn_config *cfg)
{
    if (!fh__auth_init(&s->auth, cfg->methods, cfg->n_methods))
        return false;
    s->random = cfg->random;
    s->random_user = cfg->random_user;
    s->has_authentication = cfg->has_authentication;
    s->auth_ms = cfg->auth_ms ? cfg->auth_ms : FH_SERVER_AUTH_MS;
    s->idle_timeout_ms = cfg->idle_timeout_ms;
    s->now = s->made_ms = cfg->now_ms;
    s->auth_until = UINT64_MAX;
    fh__session_text_copy(cfg->name, s->name, sizeof s->name);
    s->dark = (struct fh_framebuffer){.px = &s->dark_px, .width = 1, .height = 1, .stride_px = 1};
    s->who.path = "direct";
    return true;
}

void fh__server_session_finish(struct fh__server_session *s)
{
    fh_rfb_server_free(s->rfb);
    fh_wipe(s, sizeof *s);
}

void fh__server_session_push(struct fh__server_session *s, enum fh_server_conn_event_type type)
{
    if (s->n_pending < FH_SERVER_PENDING_MAX)
        s->pending[s->n_pending++] = (struct fh__server_pending){.type = type};
}

/* Changes of permissions that nobody fetches are told as one, so that the rest always has room. */
void fh__server_session_audit(struct fh__server_session *s, enum fh_audit_type type,
                              const char *reason, const char *text)
{
    struct fh__server_pending p = {.type = FH_SERVER_CONN_EV_AUDIT,
                                   .audit = type,
                                   .permissions = s->permissions,
                                   .reason = reason,
                                   .text = text};
    struct fh__server_pending *last = s->n_pending ? &s->pending[s->n_pending - 1] : NULL;

    if (last && type == FH_AUDIT_PERMISSIONS && last->type == p.type && last->audit == p.audit)
        *last = p;
    else if (s->n_pending < FH_SERVER_PENDING_MAX)
        s->pending[s->n_pending++] = p;
}

bool fh__server_session_may(const struct fh__server_session *s, enum fh_act act)
{
    return s->state == FH_SERVER_RUNNING && fh_permissions_allow(s->permissions, act);
}

/* ---- the end ---- */

/*
 * There is one auth-failed for each attempt that failed. An attempt under way fails with the
 * session; so does a viewer that breaks the rules or never tries. Who only leaves, before the
 * first attempt or behind a failed one, fails nothing more.
 */
static bool is_attempt_lost(const struct fh__server_session *s)
{
    switch (s->state) {
    case FH_SERVER_ANSWER:
    case FH_SERVER_DECIDE:
        return true;
    case FH_SERVER_CHOOSE:
        return s->reason == FH_BYE_PROTOCOL ||
               (s->reason == FH_BYE_TIMEOUT && s->auth.attempt == 0);
    case FH_SERVER_CLOSED:
    case FH_SERVER_RUNNING:
    case FH_SERVER_ENDED:
        break;
    }
    return false;
}

static void audit_end(struct fh__server_session *s)
{
    const char *word = fh_bye_word(s->reason);

    if (s->state == FH_SERVER_CLOSED)
        fh__server_session_audit(s, FH_AUDIT_REFUSED, word, NULL);
    else if (is_attempt_lost(s) && s->reason != FH_BYE_AUTH)
        fh__server_session_audit(s, FH_AUDIT_AUTH_FAILED, word, NULL);
}

void fh__server_session_end(struct fh__server_session *s, enum fh_bye reason, int error, bool bye)
{
    if (s->state == FH_SERVER_ENDED)
        return;
    s->reason = reason;
    s->error = error;
    s->bye_due = bye && s->state != FH_SERVER_CLOSED;
    audit_end(s);
    s->state = FH_SERVER_ENDED;
    s->ending = FH_ENDING_RELEASE;
    s->release_keys = s->release_buttons = true;
    s->auth_until = UINT64_MAX;
    s->closing_until = UINT64_MAX;
    s->is_closing_timed = false;
    fh_wipe(s->early, sizeof s->early);
    fh_wipe(s->message, sizeof s->message);
}

/* The end may come between two looks at the clock: its time runs from the next. */
void fh__server_session_time(struct fh__server_session *s, uint64_t now)
{
    s->now = now;
    if (s->state != FH_SERVER_ENDED || s->is_closing_timed)
        return;
    s->closing_until = fh__session_later(now, FH_CLOSING_MS);
    s->is_closing_timed = true;
}

static void broken(struct fh__server_session *s)
{
    fh__server_session_end(s, FH_BYE_PROTOCOL, FH_SESSION_E_PROTO, true);
}

/* ---- channel 0: authentication ---- */

static struct wr begin_message(struct fh__server_session *s, size_t max)
{
    uint8_t *mem = fh__queue_room(&s->queue, max);

    return wr_init(mem, mem ? max : 0);
}

/* The queue holds all that one connection can make before Result, so it is full only by our fault.
 */
static void send_message(struct fh__server_session *s, const struct wr *w)
{
    if (w->bad || w->len == 0) {
        fh__server_session_end(s, FH_BYE_INTERNAL, FH_SESSION_E_LIMIT, false);
        return;
    }
    fh__queue_commit(&s->queue, FH_CHANNEL_SESSION, w->len);
    s->pad_512 = true;
}

static void send_result(struct fh__server_session *s, const struct fh__result *m)
{
    struct wr w = begin_message(s, 64);

    fh__result_write(&w, m);
    send_message(s, &w);
}

/* A refusal says nothing about why. */
static void refuse(struct fh__server_session *s)
{
    send_result(s, &(struct fh__result){.status = FH_STATUS_REFUSED});
    fh__server_session_end(s, FH_BYE_AUTH, FH_SESSION_E_AUTH, true);
}

void fh__server_session_open(struct fh__server_session *s, uint64_t now)
{
    struct fh__offer offer;
    struct wr w;

    if (s->state != FH_SERVER_CLOSED)
        return;
    s->now = now;
    s->state = FH_SERVER_CHOOSE;
    s->auth_until = fh__session_later(now, s->auth_ms);
    s->auth_latest = fh__session_later(
        now, s->auth_ms > FH_SERVER_AUTH_MAX_MS ? s->auth_ms : FH_SERVER_AUTH_MAX_MS);
    if (!s->has_authentication) {
        fh__server_session_audit(s, FH_AUDIT_AUTH_FAILED, "not-configured",
                                 "authentication is not configured");
        refuse(s);
        return;
    }
    fh__auth_offer(&s->auth, &offer);
    w = begin_message(s, 256);
    fh__offer_write(&w, &offer);
    send_message(s, &w);
}

static void on_next(struct fh__server_session *s, enum fh__auth_next next)
{
    struct wr w;

    switch (next) {
    case FH_AUTH_ASK:
        w = begin_message(s, 256);
        fh__ask_write(&w, &s->ask);
        send_message(s, &w);
        s->state = FH_SERVER_ANSWER;
        return;
    case FH_AUTH_DECIDE:
        s->state = FH_SERVER_DECIDE;
        fh__server_session_push(s, FH_SERVER_CONN_EV_AUTHENTICATE);
        return;
    case FH_AUTH_ANSWERED:
        s->state = FH_SERVER_DECIDE;
        fh__server_session_push(s, FH_SERVER_CONN_EV_ANSWERS);
        return;
    case FH_AUTH_BAD:
        broken(s);
        return;
    }
}

static void on_choose(struct fh__server_session *s, struct rd r)
{
    struct fh__choose m;

    if (s->state != FH_SERVER_CHOOSE || !fh__choose_read(r, &m))
        broken(s);
    else
        on_next(s, fh__auth_choose(&s->auth, &m, &s->ask));
}

static void on_answer(struct fh__server_session *s, struct rd r)
{
    struct fh__answer m;

    if (s->state != FH_SERVER_ANSWER || !fh__answer_read(r, &m))
        broken(s);
    else
        on_next(s, fh__auth_answer(&s->auth, &m, &s->ask));
}

/*
 * Kept as it is; it is looked at when the viewer is authorised, or never. The decision may have
 * been made before it arrives, since it stands behind Choose.
 */
static void on_early(struct fh__server_session *s, struct rd r)
{
    if (!s->early_may_come || r.left == 0 || r.left > sizeof s->early) {
        broken(s);
        return;
    }
    s->early_len = r.left;
    rd_copy(&r, s->early, s->early_len);
}

static void on_bye(struct fh__server_session *s, struct rd r)
{
    struct fh__bye m;

    if (!fh__bye_read(r, &m))
        broken(s);
    else
        fh__server_session_end(s, FH_BYE_NORMAL, 0, false);
}

static void on_message(struct fh__server_session *s)
{
    struct rd r = rd_init(s->message, s->message_len);
    uint8_t type = rd_u8(&r);
    bool is_first_choose = type == FH_MSG_CHOOSE && s->auth.attempt == 0;

    switch (type) {
    case FH_MSG_CHOOSE:
        on_choose(s, r);
        break;
    case FH_MSG_ANSWER:
        on_answer(s, r);
        break;
    case FH_MSG_EARLY:
        on_early(s, r);
        break;
    case FH_MSG_BYE:
        on_bye(s, r);
        break;
    default:
        if (type < FH_MSG_MAY_IGNORE || s->state != FH_SERVER_RUNNING)
            broken(s);
    }
    s->early_may_come = is_first_choose;
    fh_wipe(s->message, s->message_len);
    s->message_len = 0;
}

/* ---- becoming and being authorised ---- */

static int reject(struct fh__server_session *s)
{
    bool last = s->auth.attempt >= FH_SERVER_AUTH_ATTEMPTS;

    fh__server_session_audit(s, FH_AUDIT_AUTH_FAILED, "wrong", NULL);
    if (s->is_older) {
        fh__server_session_end(s, FH_BYE_AUTH, FH_SESSION_E_AUTH, false);
        return 0;
    }
    if (last) {
        refuse(s);
        return 0;
    }
    fh__auth_wipe(&s->auth);
    s->state = FH_SERVER_CHOOSE;
    send_result(s, &(struct fh__result){.status = FH_STATUS_TRY_AGAIN,
                                        .attempts_left =
                                            (uint8_t)(FH_SERVER_AUTH_ATTEMPTS - s->auth.attempt)});
    return 0;
}

static void make_session_id(struct fh__server_session *s, uint8_t id[FH_SESSION_ID_LEN])
{
    static const char hex[] = "0123456789abcdef";

    s->random(s->random_user, id, FH_SESSION_ID_LEN);
    for (size_t i = 0; i < FH_SESSION_ID_LEN; i++) {
        s->session_id[2 * i] = hex[id[i] >> 4];
        s->session_id[2 * i + 1] = hex[id[i] & 15];
    }
}

static int grant(struct fh__server_session *s, uint32_t permissions)
{
    struct fh__result m = {.status = FH_STATUS_GRANTED, .permissions = permissions};
    int ret;

    if (!(s->rfb = fh_rfb_server_new())) {
        fh__server_session_end(s, FH_BYE_INTERNAL, FH_SESSION_E_NOMEM, true);
        return FH_SESSION_E_NOMEM;
    }
    fh__auth_wipe(&s->auth);
    make_session_id(s, m.session_id);
    m.idle_s =
        s->idle_timeout_ms / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(s->idle_timeout_ms / 1000);
    s->permissions = permissions;
    s->state = FH_SERVER_RUNNING;
    s->auth_until = UINT64_MAX;
    s->last_input_ms = s->now;
    if ((ret = fh__server_rfb_share(s)) != 0) {
        fh__server_session_end(s, FH_BYE_INTERNAL, ret, true);
        return ret;
    }
    if (!s->is_older)
        send_result(s, &m);
    fh__server_session_push(s, FH_SERVER_CONN_EV_STARTED);
    fh__server_session_audit(s, FH_AUDIT_STARTED, NULL, NULL);
    return 0;
}

int fh__server_session_authenticated(struct fh__server_session *s, uint64_t now,
                                     uint32_t permissions)
{
    permissions = fh_permissions_normal(permissions);
    if (s->state != FH_SERVER_DECIDE || (permissions != 0 && !fh__auth_may_grant(&s->auth)))
        return FH_SESSION_E_STATE;
    s->now = now;
    return permissions == 0 ? reject(s) : grant(s, permissions);
}

/* What ends the exchange always finds room behind what is asked. */
enum { FH_ASK_RESERVE = 512 };

static int send_ask(struct fh__server_session *s, const struct fh__ask *m)
{
    size_t size = 3;
    struct wr w;

    for (unsigned i = 0; i < m->questions.n; i++)
        size += 3u + m->questions.item[i].len;
    w = begin_message(s, size + FH_ASK_RESERVE);
    fh__ask_write(&w, m);
    if (w.bad)
        return FH_SESSION_E_LIMIT;
    send_message(s, &w);
    return 0;
}

/* Such a viewer has no way to answer; what it need not answer it can do without. */
static int ask_older(const struct fh_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].kind != FH_KIND_NOTICE)
            return FH_SESSION_E_STATE;
    return 0;
}

int fh__server_session_ask(struct fh__server_session *s, uint64_t now, const struct fh_item *items,
                           size_t n)
{
    uint64_t later = fh__session_later(s->auth_until, FH_SERVER_ASK_MS);
    struct fh__ask ask;
    int ret;

    if (s->state != FH_SERVER_DECIDE)
        return FH_SESSION_E_STATE;
    if (s->is_older)
        return ask_older(items, n);
    if ((ret = fh__auth_ask(&s->auth, items, n, &ask)) != 0 || (ret = send_ask(s, &ask)) != 0)
        return ret;
    s->now = now;
    if (!fh__auth_asked(&s->auth, &ask))
        return 0;
    fh__auth_wipe_secrets(&s->auth);
    s->auth_until = later < s->auth_latest ? later : s->auth_latest;
    s->state = FH_SERVER_ANSWER;
    return 0;
}

int fh__server_session_rotate(struct fh__server_session *s, const struct fh_rotation *m)
{
    uint8_t fingerprint[FH_FINGERPRINT_LEN];
    struct wr w;

    if (s->state != FH_SERVER_RUNNING || s->has_rotated || s->is_older)
        return FH_SESSION_E_STATE;
    w = begin_message(s, FH_MESSAGE_MAX);
    fh__rotation_write(&w, m);
    if (w.bad)
        return FH_SESSION_E_LIMIT;
    send_message(s, &w);
    s->has_rotated = true;
    fh_fingerprint(m->spki, m->spki_len, fingerprint);
    fh_fingerprint_to_hex(fingerprint, s->next_fingerprint);
    fh__server_session_audit(s, FH_AUDIT_ROTATION, "announced", s->next_fingerprint);
    return 0;
}

int fh__server_session_notice(struct fh__server_session *s, const char *text)
{
    if (s->state != FH_SERVER_RUNNING)
        return FH_SESSION_E_STATE;
    fh__session_text_copy(text, s->notice, sizeof s->notice);
    s->notice_due = true;
    return 0;
}

int fh__server_session_set_permissions(struct fh__server_session *s, uint32_t permissions)
{
    uint32_t lost, changed;

    if (s->state != FH_SERVER_RUNNING)
        return FH_SESSION_E_STATE;
    permissions = fh_permissions_normal(permissions);
    if (permissions == s->permissions)
        return 0;
    lost = s->permissions & ~permissions;
    changed = permissions ^ s->permissions;
    s->permissions = permissions;
    s->permissions_changed = true;
    s->release_keys |= (lost & FH_PERM_KEYBOARD) != 0;
    s->release_buttons |= (lost & FH_PERM_POINTER) != 0;
    /* A viewer may ask for a text long after it was offered. */
    if (!fh__server_session_may(s, FH_ACT_TEXT_OUT))
        fh_rfb_server_forget_text(s->rfb);
    fh__server_session_audit(s, FH_AUDIT_PERMISSIONS, NULL, NULL);
    return (changed & FH_PERM_VIEW) != 0 ? fh__server_rfb_share(s) : 0;
}

/* ---- older viewers ---- */

void fh__server_session_older(struct fh__server_session *s, uint64_t until_ms)
{
    s->is_older = true;
    if (s->state == FH_SERVER_CLOSED)
        s->auth_until = until_ms;
}

bool fh__server_session_login(struct fh__server_session *s, unsigned method, const char *user,
                              size_t user_len, const void *proof, size_t proof_len)
{
    bool is_possible = fh__auth_older(&s->auth, method, user, user_len, proof, proof_len);

    if (s->state != FH_SERVER_CLOSED)
        return false;
    s->state = FH_SERVER_DECIDE;
    if (!s->has_authentication)
        fh__server_session_audit(s, FH_AUDIT_AUTH_FAILED, "not-configured",
                                 "authentication is not configured");
    else if (!is_possible)
        fh__server_session_audit(s, FH_AUDIT_AUTH_FAILED, "wrong", NULL);
    if (!s->has_authentication || !is_possible) {
        fh__server_session_end(s, FH_BYE_AUTH, FH_SESSION_E_AUTH, false);
        return false;
    }
    fh__server_session_push(s, FH_SERVER_CONN_EV_AUTHENTICATE);
    return true;
}

/* ---- bytes from the viewer ---- */

/* One piece of a frame; how much of it was used. */
static size_t on_piece(struct fh__server_session *s, const uint8_t *data, size_t len)
{
    bool is_session = s->mux.channel == FH_CHANNEL_SESSION;

    if (is_session ? s->mux.length > FH_MESSAGE_MAX
                   : s->mux.channel != FH_CHANNEL_RFB || s->state != FH_SERVER_RUNNING) {
        broken(s);
        return 0;
    }
    if (!is_session) {
        s->early_may_come = false;
        len = fh__server_rfb_input(s, data, len);
        if (len > 0)
            (void)fh__mux_take(&s->mux, len);
        return len;
    }
    memcpy(s->message + s->message_len, data, len);
    s->message_len += len;
    if (fh__mux_take(&s->mux, len))
        on_message(s);
    return len;
}

size_t fh__server_session_input(struct fh__server_session *s, uint64_t now, const uint8_t *data,
                                size_t len)
{
    const uint8_t *p = data;
    size_t left = len, piece, used;

    s->now = now;
    if (s->is_older && s->state == FH_SERVER_RUNNING)
        return s->n_pending == 0 ? fh__server_rfb_input(s, data, len) : 0;
    while (s->state != FH_SERVER_ENDED && s->n_pending == 0) {
        switch (fh__mux_peek(&s->mux, &p, &left, &piece)) {
        case FH_MUX_MORE:
            return len;
        case FH_MUX_BAD:
            broken(s);
            break;
        case FH_MUX_PIECE:
            used = on_piece(s, p, piece);
            p += used;
            left -= used;
            if (used == 0 && s->state != FH_SERVER_ENDED)
                return len - left;
        }
    }
    return s->state == FH_SERVER_ENDED ? len : len - left;
}

/* ---- events ---- */

static void give_pending(struct fh__server_session *s, struct fh_server_conn_event *ev)
{
    const struct fh__server_pending p = s->pending[0];

    s->n_pending--;
    memmove(s->pending, s->pending + 1, s->n_pending * sizeof s->pending[0]);
    ev->type = p.type;
    if (p.type == FH_SERVER_CONN_EV_AUTHENTICATE) {
        ev->credentials.method = (enum fh_method)fh__auth_number(&s->auth);
        ev->credentials.user = s->auth.user;
        if (ev->credentials.method == FH_METHOD_PASSWORD)
            ev->credentials.password = s->auth.password;
        ev->credentials.password_len = s->auth.password_len;
        if (ev->credentials.method == FH_METHOD_VNC) {
            ev->credentials.challenge = (const uint8_t *)s->auth.password;
            ev->credentials.response = ev->credentials.challenge + s->auth.password_len / 2;
            ev->credentials.password_len = 0;
        }
        ev->credentials.attempt = s->auth.attempt;
    } else if (p.type == FH_SERVER_CONN_EV_ANSWERS) {
        ev->answers.items = s->auth.items;
        ev->answers.n = s->auth.n_items;
    } else if (p.type == FH_SERVER_CONN_EV_AUDIT) {
        ev->audit = s->who;
        ev->audit.type = p.audit;
        ev->audit.monotonic_ms = s->now;
        ev->audit.duration_ms = s->now - s->made_ms;
        ev->audit.session = s->session_id[0] ? s->session_id : NULL;
        ev->audit.user = s->auth.attempt ? s->auth.user : NULL;
        ev->audit.method = fh_method_name(fh__auth_number(&s->auth));
        ev->audit.permissions = p.permissions;
        ev->audit.has_permissions = p.audit == FH_AUDIT_STARTED ||
                                    p.audit == FH_AUDIT_PERMISSIONS ||
                                    (p.audit == FH_AUDIT_ENDED && s->session_id[0]);
        ev->audit.failed = p.audit == FH_AUDIT_ENDED && fh_bye_is_failure(s->reason);
        ev->audit.reason = p.reason;
        ev->audit.text = p.text;
    }
}

static int give_end(struct fh__server_session *s, struct fh_server_conn_event *ev)
{
    switch (s->ending) {
    case FH_ENDING_NO:
    case FH_ENDING_TOLD:
        return 0;
    case FH_ENDING_RELEASE:
    case FH_ENDING_TELL:
        s->ending = FH_ENDING_RECORD;
        ev->type = FH_SERVER_CONN_EV_ENDED;
        ev->ended.reason = s->reason;
        ev->ended.error = s->error;
        return 1;
    case FH_ENDING_RECORD:
        fh__auth_wipe(&s->auth);
        s->ending = FH_ENDING_TOLD;
        fh__server_session_audit(s, FH_AUDIT_ENDED, fh_bye_word(s->reason), NULL);
        give_pending(s, ev);
        return 1;
    }
    return 0;
}

int fh__server_session_event(struct fh__server_session *s, struct fh_server_conn_event *ev)
{
    memset(ev, 0, sizeof *ev);
    for (;;) {
        if (s->n_pending > 0) {
            give_pending(s, ev);
            return 1;
        }
        if (fh__server_rfb_release(s, ev))
            return 1;
        if (s->ending != FH_ENDING_NO)
            return give_end(s, ev);
        if (fh__server_rfb_event(s, ev))
            return 1;
        if (s->ending == FH_ENDING_NO)
            return 0;
    }
}

/* ---- bytes to the viewer ---- */

enum { FH_DUE_MAX = 1 + 2 + FH_AUTH_TEXT_MAX /* bytes: Notice, the longest */ };

/* The next of what is said once the queue is empty; false: nothing. */
static bool queue_due(struct fh__server_session *s)
{
    bool is_running = s->state == FH_SERVER_RUNNING;
    struct wr w = begin_message(s, FH_DUE_MAX);

    if (s->permissions_changed && is_running) {
        fh__permissions_write(&w, s->permissions);
        s->permissions_changed = false;
    } else if (s->notice_due && is_running) {
        fh__notice_write(&w, &(struct fh__notice){.len = (uint16_t)strlen(s->notice),
                                                  .text = (const uint8_t *)s->notice});
        s->notice_due = false;
    } else if (s->bye_due) {
        fh__bye_write(&w, &(struct fh__bye){.reason = (uint8_t)s->reason,
                                            .may_reconnect = s->may_reconnect,
                                            .retry_s = s->retry_s});
        s->bye_due = false;
    } else {
        return false;
    }
    fh__queue_commit(&s->queue, FH_CHANNEL_SESSION, w.len);
    return true;
}

static size_t fill_messages(struct fh__server_session *s, uint8_t *out, size_t room)
{
    size_t n = fh__queue_take(&s->queue, out, room);

    return n == 0 && queue_due(s) ? fh__queue_take(&s->queue, out, room) : n;
}

size_t fh__server_session_fill(struct fh__server_session *s, uint64_t now, uint8_t *out,
                               size_t room, enum fh_channel_padding *padding)
{
    size_t n;
    int ret;

    s->now = now;
    n = s->is_older ? 0 : fill_messages(s, out, room);
    if (n > 0) {
        *padding = s->pad_512 ? FH_PAD_512 : FH_PAD_BLOCK64;
        s->pad_512 =
            s->pad_512 && (s->state != FH_SERVER_RUNNING || !fh__queue_is_empty(&s->queue));
        return n;
    }
    if (s->state != FH_SERVER_RUNNING || !s->has_screen)
        return 0;
    n = fh__server_rfb_fill(s, out, room);
    *padding = n < FH_PADME_MIN ? FH_PAD_BLOCK64 : FH_PAD_PADME;
    if ((ret = fh_rfb_server_error(s->rfb)) != 0)
        fh__server_session_end(s, FH_BYE_INTERNAL, ret, true);
    return n;
}

/* ---- time ---- */

uint64_t fh__server_session_deadline(const struct fh__server_session *s)
{
    if (s->state == FH_SERVER_ENDED)
        return s->is_closing_timed ? s->closing_until : 0;
    if (s->state == FH_SERVER_RUNNING && s->idle_timeout_ms != 0)
        return fh__session_later(s->last_input_ms, s->idle_timeout_ms);
    return s->auth_until;
}

void fh__server_session_tick(struct fh__server_session *s, uint64_t now)
{
    fh__server_session_time(s, now);
    if (s->state == FH_SERVER_ENDED || now < fh__server_session_deadline(s))
        return;
    if (s->state == FH_SERVER_RUNNING) {
        s->may_reconnect = true;
        fh__server_session_end(s, FH_BYE_IDLE, 0, true);
    } else {
        fh__server_session_end(s, FH_BYE_TIMEOUT, FH_SESSION_E_TIMEOUT, true);
    }
}
