/* SPDX-License-Identifier: MIT */
#include "viewer_session.h"

#include <string.h>

#include <farhand/identity.h>

#include "bye.h"

static bool are_possible(const char *user, const char *password, size_t password_len)
{
    size_t len = user ? strlen(user) : 0;

    return user && password && len <= FH_AUTH_USER_MAX && password_len <= FH_AUTH_PASSWORD_MAX &&
           fh__session_text_is_clean(user, len);
}

int fh__viewer_session_init(struct fh__viewer_session *s, const struct fh_viewer_conn_config *cfg,
                            struct fh_rfb_client *rfb)
{
    s->rfb = rfb;
    s->view_only = cfg->view_only;
    s->now = cfg->now_ms;
    s->auth_until = s->closing_until = UINT64_MAX;
    if (!cfg->user && !cfg->password)
        return 0;
    if (!are_possible(cfg->user, cfg->password, cfg->password_len))
        return FH_SESSION_E_INVAL;
    s->has_credentials = true;
    memcpy(s->user, cfg->user, strlen(cfg->user) + 1);
    memcpy(s->password, cfg->password, cfg->password_len);
    s->password_len = cfg->password_len;
    return 0;
}

void fh__viewer_session_finish(struct fh__viewer_session *s)
{
    fh_rfb_client_free(s->rfb);
    fh_wipe(s, sizeof *s);
}

/* Only what is due once for each message of the server is pushed, and input waits for it. */
void fh__viewer_session_push(struct fh__viewer_session *s, enum fh_viewer_conn_event_type type)
{
    if (s->n_pending < FH_VIEWER_PENDING_MAX)
        s->pending[s->n_pending++] = type;
}

bool fh__viewer_session_may(const struct fh__viewer_session *s, uint32_t permission)
{
    return s->state == FH_VIEWER_RUNNING && (s->permissions & permission) == permission;
}

static void forget_credentials(struct fh__viewer_session *s)
{
    s->has_credentials = false;
    fh_wipe(s->user, sizeof s->user);
    fh_wipe(s->password, sizeof s->password);
    s->password_len = 0;
}

void fh__viewer_session_end(struct fh__viewer_session *s, enum fh_bye reason, int error, bool bye)
{
    if (s->state == FH_VIEWER_ENDED)
        return;
    s->bye_due = bye && s->state != FH_VIEWER_CLOSED;
    s->rfb_due = bye && s->state == FH_VIEWER_RUNNING && reason == FH_BYE_NORMAL;
    s->state = FH_VIEWER_ENDED;
    s->end.type = FH_VIEWER_CONN_EV_ENDED;
    s->end.ended.reason = reason;
    s->end.ended.error = error;
    s->end.ended.text = s->end_text;
    s->auth_until = UINT64_MAX;
    s->closing_until = UINT64_MAX;
    s->is_closing_timed = false;
    forget_credentials(s);
    fh__queue_wipe(&s->queue);
}

/* The end may come between two looks at the clock: its time runs from the next. */
void fh__viewer_session_time(struct fh__viewer_session *s, uint64_t now)
{
    s->now = now;
    if (s->state != FH_VIEWER_ENDED || s->is_closing_timed)
        return;
    s->closing_until = fh__session_later(now, FH_CLOSING_MS);
    s->is_closing_timed = true;
}

static void broken(struct fh__viewer_session *s)
{
    fh__viewer_session_end(s, FH_BYE_PROTOCOL, FH_SESSION_E_PROTO, true);
}

static void refused(struct fh__viewer_session *s, bool by_server)
{
    fh__viewer_session_end(s, FH_BYE_AUTH, FH_SESSION_E_AUTH, !by_server);
    s->end.ended.by_server = s->end.ended.confirmed = by_server;
}

/* ---- authentication ---- */

/* The opening bytes of RFB, so that the picture comes with the answer. */
static void queue_early(struct fh__viewer_session *s)
{
    uint8_t *mem = fh__queue_room(&s->queue, 1 + FH_EARLY_MAX);
    size_t n = 0, len;
    const uint8_t *p;

    if (s->early_sent || !mem)
        return;
    mem[0] = FH_MSG_EARLY;
    while (n < FH_EARLY_MAX && (p = fh_rfb_client_out(s->rfb, &len)) != NULL) {
        len = len < FH_EARLY_MAX - n ? len : FH_EARLY_MAX - n;
        memcpy(mem + 1 + n, p, len);
        fh_rfb_client_out_done(s->rfb, len);
        n += len;
    }
    s->early_sent = true;
    if (n > 0)
        fh__queue_commit(&s->queue, FH_CHANNEL_SESSION, 1 + n);
}

/* The most that Choose takes: method, count, two answers. */
enum { FH_CHOOSE_MAX = 1 + 1 + 1 + 3 + FH_AUTH_USER_MAX + 3 + FH_AUTH_PASSWORD_MAX };

static void choose(struct fh__viewer_session *s)
{
    const struct fh__choose m = {
        .method = FH_METHOD_PASSWORD,
        .answers = {
            .n = 2,
            .item = {{FH_KIND_USER, (uint16_t)strlen(s->user), (const uint8_t *)s->user},
                     {FH_KIND_PASSWORD, (uint16_t)s->password_len, (const uint8_t *)s->password}}}};
    uint8_t *mem = fh__queue_room(&s->queue, FH_CHOOSE_MAX);
    struct wr w = wr_init(mem, mem ? FH_CHOOSE_MAX : 0);

    fh__choose_write(&w, &m);
    if (w.bad) {
        fh__viewer_session_end(s, FH_BYE_INTERNAL, FH_SESSION_E_LIMIT, true);
        return;
    }
    fh__queue_commit(&s->queue, FH_CHANNEL_SESSION, w.len);
    queue_early(s);
    forget_credentials(s);
    s->attempt++;
    s->state = FH_VIEWER_CHOSEN;
}

void fh__viewer_session_open(struct fh__viewer_session *s, uint64_t now, const uint8_t *methods,
                             size_t n_methods)
{
    if (s->state != FH_VIEWER_CLOSED)
        return;
    s->now = now;
    s->state = FH_VIEWER_WAIT;
    s->pad_512 = true;
    s->auth_until = fh__session_later(now, FH_VIEWER_AUTH_MS);
    if (s->has_credentials && n_methods > 0 && memchr(methods, FH_METHOD_PASSWORD, n_methods))
        choose(s);
}

int fh__viewer_session_credentials(struct fh__viewer_session *s, const char *user,
                                   const char *password, size_t password_len)
{
    if (s->state != FH_VIEWER_ASK)
        return FH_SESSION_E_STATE;
    if (!are_possible(user, password, password_len))
        return FH_SESSION_E_INVAL;
    memcpy(s->user, user, strlen(user) + 1);
    memcpy(s->password, password, password_len);
    s->password_len = password_len;
    choose(s);
    return 0;
}

static void ask_application(struct fh__viewer_session *s)
{
    s->state = FH_VIEWER_ASK;
    fh__viewer_session_push(s, FH_VIEWER_CONN_EV_CREDENTIALS);
}

static void on_offer(struct fh__viewer_session *s, struct rd r)
{
    bool has_password = false;
    struct fh__offer m;

    if (s->has_offer || (s->state != FH_VIEWER_WAIT && s->state != FH_VIEWER_CHOSEN) ||
        !fh__offer_read(r, &m)) {
        broken(s);
        return;
    }
    s->has_offer = true;
    for (unsigned i = 0; i < m.n; i++)
        has_password |= m.methods[i].method == FH_METHOD_PASSWORD;
    if (!has_password)
        refused(s, false);
    else if (s->state == FH_VIEWER_WAIT && s->has_credentials)
        choose(s);
    else if (s->state == FH_VIEWER_WAIT)
        ask_application(s);
}

static void hex_of(const uint8_t id[FH_SESSION_ID_LEN], char out[2 * FH_SESSION_ID_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < FH_SESSION_ID_LEN; i++) {
        out[2 * i] = hex[id[i] >> 4];
        out[2 * i + 1] = hex[id[i] & 15];
    }
    out[2 * FH_SESSION_ID_LEN] = '\0';
}

static void on_result(struct fh__viewer_session *s, struct rd r)
{
    struct fh__result m;
    bool is_due = s->state == FH_VIEWER_CHOSEN && s->has_offer;

    /* A server without authentication refuses everybody, before any Choose. */
    if (!fh__result_read(r, &m) || s->state == FH_VIEWER_RUNNING ||
        (m.status != FH_STATUS_REFUSED && !is_due)) {
        broken(s);
        return;
    }
    if (m.status == FH_STATUS_REFUSED) {
        refused(s, true);
        s->end.ended.retry_s = m.retry_s;
    } else if (m.status == FH_STATUS_TRY_AGAIN) {
        ask_application(s);
    } else {
        s->permissions = m.permissions;
        hex_of(m.session_id, s->session_id);
        s->auth_until = UINT64_MAX;
        s->state = FH_VIEWER_RUNNING;
        fh__viewer_session_push(s, FH_VIEWER_CONN_EV_STARTED);
    }
}

/* ---- the other messages of channel 0 ---- */

static void on_permissions(struct fh__viewer_session *s, struct rd r)
{
    uint32_t permissions;

    if (s->state != FH_VIEWER_RUNNING || !fh__permissions_read(r, &permissions)) {
        broken(s);
        return;
    }
    s->permissions = permissions;
    fh__viewer_session_push(s, FH_VIEWER_CONN_EV_PERMISSIONS);
}

static void on_bye(struct fh__viewer_session *s, struct rd r)
{
    struct fh__bye m;

    if (!fh__bye_read(r, &m)) {
        broken(s);
        return;
    }
    fh__session_text_escape(m.text, m.len, s->end_text, sizeof s->end_text);
    fh__viewer_session_end(s, fh__bye_of_number(m.reason, FH_BYE_SERVER),
                           m.reason == FH_BYE_AUTH ? FH_SESSION_E_AUTH : 0, false);
    s->end.ended.by_server = s->end.ended.confirmed = true;
    s->end.ended.may_reconnect = m.may_reconnect;
    s->end.ended.retry_s = m.retry_s;
}

/* Questions beyond user and password are for methods that this viewer does not know. */
static void on_ask(struct fh__viewer_session *s, struct rd r)
{
    struct fh__ask m;

    if (s->state != FH_VIEWER_CHOSEN || !fh__ask_read(r, &m))
        broken(s);
    else
        refused(s, false);
}

static void on_message(struct fh__viewer_session *s)
{
    struct rd r = rd_init(s->message, s->message_len);
    uint8_t type = rd_u8(&r);

    s->message_len = 0;
    switch (type) {
    case FH_MSG_OFFER:
        on_offer(s, r);
        return;
    case FH_MSG_ASK:
        on_ask(s, r);
        return;
    case FH_MSG_RESULT:
        on_result(s, r);
        return;
    case FH_MSG_PERMISSIONS:
        on_permissions(s, r);
        return;
    case FH_MSG_BYE:
        on_bye(s, r);
        return;
    default:
        if (type < FH_MSG_MAY_IGNORE || s->state != FH_VIEWER_RUNNING)
            broken(s);
    }
}

/* ---- bytes from the server ---- */

static size_t feed_rfb(struct fh__viewer_session *s, const uint8_t *data, size_t len)
{
    size_t room = 0;
    uint8_t *in = fh_rfb_client_in(s->rfb, &room);
    size_t n = !in ? 0 : len < room ? len : room;
    int ret;

    if (n == 0)
        return 0;
    memcpy(in, data, n);
    ret = fh_rfb_client_in_done(s->rfb, s->now, n);
    if (ret < 0)
        fh__viewer_session_end(s, FH_BYE_PROTOCOL, ret, true);
    return n;
}

static size_t on_piece(struct fh__viewer_session *s, const uint8_t *data, size_t len)
{
    bool is_session = s->mux.channel == FH_CHANNEL_SESSION;

    if (is_session ? s->mux.length > FH_MESSAGE_MAX
                   : s->mux.channel != FH_CHANNEL_RFB || s->state != FH_VIEWER_RUNNING) {
        broken(s);
        return 0;
    }
    if (!is_session) {
        if ((len = feed_rfb(s, data, len)) > 0)
            (void)fh__mux_take(&s->mux, len);
        return len;
    }
    memcpy(s->message + s->message_len, data, len);
    s->message_len += len;
    if (fh__mux_take(&s->mux, len))
        on_message(s);
    return len;
}

size_t fh__viewer_session_input(struct fh__viewer_session *s, uint64_t now, const uint8_t *data,
                                size_t len)
{
    const uint8_t *p = data;
    size_t left = len, piece, used;

    s->now = now;
    while (s->state != FH_VIEWER_ENDED && s->n_pending == 0) {
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
            if (used == 0 && s->state != FH_VIEWER_ENDED)
                return len - left;
        }
    }
    return s->state == FH_VIEWER_ENDED ? len : len - left;
}

/* ---- events ---- */

static void give_pending(struct fh__viewer_session *s, struct fh_viewer_conn_event *ev)
{
    ev->type = s->pending[0];
    s->n_pending--;
    memmove(s->pending, s->pending + 1, s->n_pending * sizeof s->pending[0]);
    if (ev->type == FH_VIEWER_CONN_EV_CREDENTIALS) {
        ev->credentials.attempt = s->attempt + 1;
    } else if (ev->type == FH_VIEWER_CONN_EV_STARTED || ev->type == FH_VIEWER_CONN_EV_PERMISSIONS) {
        ev->started.permissions = s->permissions;
        ev->started.session_id = s->session_id;
    }
}

static bool give_size(const struct fh_rfb_client_event *m, struct fh_viewer_conn_event *ev)
{
    ev->type = FH_VIEWER_CONN_EV_SIZE;
    ev->size.width = m->size.width;
    ev->size.height = m->size.height;
    return true;
}

static bool give_rect(const struct fh_rfb_client_event *m, struct fh_viewer_conn_event *ev)
{
    ev->type = FH_VIEWER_CONN_EV_RECT;
    ev->rect.x = m->rect.x;
    ev->rect.y = m->rect.y;
    ev->rect.w = m->rect.w;
    ev->rect.h = m->rect.h;
    return true;
}

static bool give_cursor(const struct fh_rfb_client_event *m, struct fh_viewer_conn_event *ev)
{
    ev->type = FH_VIEWER_CONN_EV_CURSOR;
    ev->cursor.argb = m->cursor.argb;
    ev->cursor.w = m->cursor.w;
    ev->cursor.h = m->cursor.h;
    ev->cursor.hot_x = m->cursor.hot_x;
    ev->cursor.hot_y = m->cursor.hot_y;
    return true;
}

static bool give_plain(struct fh_viewer_conn_event *ev, enum fh_viewer_conn_event_type type)
{
    ev->type = type;
    return true;
}

static bool give_rfb_event(const struct fh__viewer_session *s, const struct fh_rfb_client_event *m,
                           struct fh_viewer_conn_event *ev)
{
    switch (m->type) {
    case FH_RFB_CLIENT_EV_READY:
    case FH_RFB_CLIENT_EV_SIZE:
        return give_size(m, ev);
    case FH_RFB_CLIENT_EV_RECT:
        return give_rect(m, ev);
    case FH_RFB_CLIENT_EV_UPDATE:
        return give_plain(ev, FH_VIEWER_CONN_EV_UPDATE);
    case FH_RFB_CLIENT_EV_NAME:
        return give_plain(ev, FH_VIEWER_CONN_EV_NAME);
    case FH_RFB_CLIENT_EV_CURSOR:
        return give_cursor(m, ev);
    case FH_RFB_CLIENT_EV_CUT_TEXT:
        ev->cut_text.text = m->cut_text.text;
        ev->cut_text.len = m->cut_text.len;
        return fh__viewer_session_may(s, FH_PERM_CLIPBOARD) &&
               give_plain(ev, FH_VIEWER_CONN_EV_CUT_TEXT);
    case FH_RFB_CLIENT_EV_BELL:
        return give_plain(ev, FH_VIEWER_CONN_EV_BELL);
    case FH_RFB_CLIENT_EV_RESIZED:
        return false;
    }
    return false;
}

int fh__viewer_session_event(struct fh__viewer_session *s, struct fh_viewer_conn_event *ev)
{
    struct fh_rfb_client_event m;
    int ret = 0;

    memset(ev, 0, sizeof *ev);
    if (s->n_pending > 0) {
        give_pending(s, ev);
        return 1;
    }
    while (s->state == FH_VIEWER_RUNNING && (ret = fh_rfb_client_event(s->rfb, &m)) > 0)
        if (give_rfb_event(s, &m, ev))
            return 1;
    if (ret < 0)
        fh__viewer_session_end(s, FH_BYE_PROTOCOL, ret, true);
    if (s->state != FH_VIEWER_ENDED || s->end_told || s->end_held)
        return 0;
    s->end_told = true;
    *ev = s->end;
    return 1;
}

/* ---- bytes to the server ---- */

static size_t fill_rfb(struct fh__viewer_session *s, uint8_t *out, size_t room)
{
    size_t at = 0, len;
    const uint8_t *p;

    while (room - at > FH_FRAME_HEADER && (p = fh_rfb_client_out(s->rfb, &len)) != NULL) {
        size_t n = room - at - FH_FRAME_HEADER;

        n = len < n ? len : n;
        n = n < FH_FRAME_MAX ? n : FH_FRAME_MAX;
        fh__frame_header(out + at, FH_CHANNEL_RFB, n);
        memcpy(out + at + FH_FRAME_HEADER, p, n);
        fh_rfb_client_out_done(s->rfb, n);
        at += FH_FRAME_HEADER + n;
    }
    return at;
}

static void queue_bye(struct fh__viewer_session *s)
{
    uint8_t *mem = fh__queue_room(&s->queue, 16);
    struct wr w = wr_init(mem, mem ? 16 : 0);

    fh__bye_write(&w, &(struct fh__bye){.reason = (uint8_t)s->end.ended.reason});
    if (!w.bad)
        fh__queue_commit(&s->queue, FH_CHANNEL_SESSION, w.len);
    s->bye_due = false;
}

size_t fh__viewer_session_fill(struct fh__viewer_session *s, uint64_t now, uint8_t *out,
                               size_t room, enum fh_channel_padding *padding)
{
    size_t n;

    s->now = now;
    *padding = FH_PAD_BLOCK64;
    /* What was typed before our own goodbye goes before it. */
    if (s->rfb_due && (n = fill_rfb(s, out, room)) > 0)
        return n;
    s->rfb_due = false;
    if (s->bye_due)
        queue_bye(s);
    *padding = s->pad_512 ? FH_PAD_512 : FH_PAD_BLOCK64;
    if ((n = fh__queue_take(&s->queue, out, room)) > 0)
        return n;
    if (s->state != FH_VIEWER_RUNNING)
        return 0;
    s->pad_512 = false;
    *padding = FH_PAD_BLOCK64;
    return fill_rfb(s, out, room);
}

/* ---- time ---- */

uint64_t fh__viewer_session_deadline(const struct fh__viewer_session *s)
{
    if (s->state != FH_VIEWER_ENDED)
        return s->auth_until;
    return s->is_closing_timed ? s->closing_until : 0;
}

void fh__viewer_session_tick(struct fh__viewer_session *s, uint64_t now)
{
    fh__viewer_session_time(s, now);
    if (s->state != FH_VIEWER_ENDED && now >= s->auth_until)
        fh__viewer_session_end(s, FH_BYE_TIMEOUT, FH_SESSION_E_TIMEOUT, true);
}
