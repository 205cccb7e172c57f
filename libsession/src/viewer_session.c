/* SPDX-License-Identifier: MIT */
#include "viewer_session.h"

#include <string.h>

#include <farhand/identity.h>

#include "bye.h"

int fh__viewer_session_init(struct fh__viewer_session *s, const struct fh_viewer_conn_config *cfg,
                            struct fh_rfb_client *rfb)
{
    s->rfb = rfb;
    s->view_only = cfg->view_only;
    s->now = s->made_ms = cfg->now_ms;
    s->auth_until = s->closing_until = UINT64_MAX;
    return fh__auth_viewer_init(&s->auth, cfg);
}

void fh__viewer_session_finish(struct fh__viewer_session *s)
{
    fh_rfb_client_free(s->rfb);
    fh_wipe(s, sizeof *s);
}

/*
 * Only what is due once for each message of the server is pushed, and input waits for it. STARTED
 * comes before all that follows it but ROTATION: who leaves at once has heard of that.
 */
void fh__viewer_session_push(struct fh__viewer_session *s, enum fh_viewer_conn_event_type type)
{
    if (s->started_due && type != FH_VIEWER_CONN_EV_ROTATION) {
        s->started_due = false;
        fh__viewer_session_push(s, FH_VIEWER_CONN_EV_STARTED);
    }
    if (s->n_pending < FH_VIEWER_PENDING_MAX)
        s->pending[s->n_pending++] = type;
}

bool fh__viewer_session_may(const struct fh__viewer_session *s, enum fh_act act)
{
    return s->state == FH_VIEWER_RUNNING && fh_permissions_allow(s->permissions, act);
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
    fh__auth_viewer_wipe(&s->auth);
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

/* Why we end it ourselves. */
static void failed(struct fh__viewer_session *s, int error)
{
    enum fh_bye reason = error == FH_SESSION_E_PROTO ? FH_BYE_PROTOCOL
                         : error == FH_SESSION_E_AUTH || error == FH_SESSION_E_UNCONFIRMED
                             ? FH_BYE_AUTH
                         : error == FH_SESSION_E_IMPOSTOR ? FH_BYE_IDENTITY
                                                          : FH_BYE_INTERNAL;

    fh__viewer_session_end(s, reason, error, true);
}

static void refused_by_server(struct fh__viewer_session *s)
{
    fh__viewer_session_end(s, FH_BYE_AUTH, FH_SESSION_E_AUTH, false);
    s->end.ended.by_server = s->end.ended.confirmed = true;
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

/* Room for one message; too little is our fault. */
static struct wr begin_message(struct fh__viewer_session *s)
{
    uint8_t *mem = fh__queue_room(&s->queue, FH_MESSAGE_MAX);

    return wr_init(mem, mem ? FH_MESSAGE_MAX : 0);
}

static bool send_message(struct fh__viewer_session *s, const struct wr *w)
{
    if (w->bad) {
        failed(s, FH_SESSION_E_LIMIT);
        return false;
    }
    fh__queue_commit(&s->queue, FH_CHANNEL_SESSION, w->len);
    s->pad_512 = true;
    return true;
}

static void choose(struct fh__viewer_session *s)
{
    struct wr w = begin_message(s);
    struct fh__choose m;

    fh__session_text_copy(s->auth.user, s->user, sizeof s->user);
    fh__auth_viewer_choose(&s->auth, &m);
    fh__choose_write(&w, &m);
    if (!send_message(s, &w))
        return;
    queue_early(s);
    fh__auth_viewer_chosen(&s->auth);
    s->state = FH_VIEWER_CHOSEN;
}

static void answer(struct fh__viewer_session *s, const struct fh__answer *m)
{
    struct wr w = begin_message(s);

    fh__answer_write(&w, m);
    if (send_message(s, &w))
        s->state = FH_VIEWER_CHOSEN;
}

/* What was given beforehand is used at once if the method is the one that will be chosen. */
void fh__viewer_session_open(struct fh__viewer_session *s, uint64_t now, const uint8_t *methods,
                             size_t n_methods)
{
    if (s->state != FH_VIEWER_CLOSED)
        return;
    s->now = now;
    s->state = FH_VIEWER_WAIT;
    s->pad_512 = true;
    s->auth_until = fh__session_later(now, FH_VIEWER_AUTH_MS);
    s->auth_latest = fh__session_later(now, FH_VIEWER_AUTH_MAX_MS);
    if (fh__auth_viewer_pick(&s->auth, methods, n_methods) == 0 &&
        fh__auth_viewer_is_ready(&s->auth))
        choose(s);
}

int fh__viewer_session_credentials(struct fh__viewer_session *s, const char *user,
                                   const char *password, size_t password_len)
{
    int ret;

    if (s->state != FH_VIEWER_ASK)
        return FH_SESSION_E_STATE;
    ret = fh__auth_viewer_credentials(&s->auth, user, password, password_len);
    if (ret == 0)
        choose(s);
    return ret;
}

static void ask_application(struct fh__viewer_session *s)
{
    s->state = FH_VIEWER_ASK;
    fh__viewer_session_push(s, FH_VIEWER_CONN_EV_CREDENTIALS);
}

static void on_offer(struct fh__viewer_session *s, struct rd r)
{
    uint8_t methods[FH_OFFER_METHODS_MAX];
    struct fh__offer m;
    int ret;

    if (s->has_offer || (s->state != FH_VIEWER_WAIT && s->state != FH_VIEWER_CHOSEN) ||
        !fh__offer_read(r, &m)) {
        broken(s);
        return;
    }
    s->has_offer = true;
    for (unsigned i = 0; i < m.n; i++)
        methods[i] = m.methods[i].method;
    if (s->state == FH_VIEWER_CHOSEN) {
        if (!memchr(methods, s->auth.method, m.n))
            broken(s);
        return;
    }
    if ((ret = fh__auth_viewer_pick(&s->auth, methods, m.n)) != 0)
        failed(s, ret);
    else if (fh__auth_viewer_is_ready(&s->auth))
        choose(s);
    else
        ask_application(s);
}

/* A person who is asked gets time for it. */
static void on_ask(struct fh__viewer_session *s, struct rd r)
{
    uint64_t later = fh__session_later(s->auth_until, FH_SERVER_ASK_MS);
    struct fh__answer m;
    struct fh__ask ask;
    int next;

    if (s->state != FH_VIEWER_CHOSEN || !s->has_offer || !fh__ask_read(r, &ask)) {
        broken(s);
        return;
    }
    s->auth_until = later < s->auth_latest ? later : s->auth_latest;
    if ((next = fh__auth_viewer_ask(&s->auth, &ask, &m)) < 0) {
        failed(s, next);
    } else if (next == FH_ASK_ANSWER) {
        answer(s, &m);
    } else if (next == FH_ASK_DERIVE) {
        s->state = FH_VIEWER_DERIVE;
        fh__viewer_session_push(s, FH_VIEWER_CONN_EV_DERIVE);
    } else {
        if (s->auth.notice)
            fh__viewer_session_push(s, FH_VIEWER_CONN_EV_NOTICE);
        if (s->auth.n_prompts == 0)
            return;
        s->state = FH_VIEWER_PERSON;
        fh__viewer_session_push(s, FH_VIEWER_CONN_EV_ASK);
    }
}

int fh__viewer_session_derived(struct fh__viewer_session *s, const uint8_t *prs)
{
    struct fh__answer m;
    int ret;

    if (s->state != FH_VIEWER_DERIVE)
        return FH_SESSION_E_STATE;
    ret = prs ? fh__auth_viewer_derived(&s->auth, prs, &m) : FH_SESSION_E_NOMEM;
    if (ret != 0)
        failed(s, ret);
    else
        answer(s, &m);
    return ret;
}

int fh__viewer_session_answer(struct fh__viewer_session *s, const struct fh_item *answers, size_t n)
{
    struct fh__answer m;
    int ret;

    if (s->state != FH_VIEWER_PERSON)
        return FH_SESSION_E_STATE;
    if ((ret = fh__auth_viewer_answer(&s->auth, answers, n, &m)) == 0)
        answer(s, &m);
    return ret;
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

static void granted(struct fh__viewer_session *s, const struct fh__result *m)
{
    int ret = fh__auth_viewer_granted(&s->auth);

    if (ret != 0) {
        failed(s, ret);
        return;
    }
    s->permissions = m->permissions;
    hex_of(m->session_id, s->session_id);
    s->auth_until = UINT64_MAX;
    s->state = FH_VIEWER_RUNNING;
    fh__auth_viewer_wipe(&s->auth);
    s->started_due = true;
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
        refused_by_server(s);
        s->end.ended.retry_s = m.retry_s;
    } else if (m.status == FH_STATUS_TRY_AGAIN) {
        ask_application(s);
    } else {
        granted(s, &m);
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

/* It replaces what was not shown yet: input waits for that, so there is never a second. */
static void on_notice(struct fh__viewer_session *s, struct rd r)
{
    struct fh__notice m;

    if (s->state != FH_VIEWER_RUNNING || !fh__notice_read(r, &m)) {
        broken(s);
        return;
    }
    fh__session_text_escape(m.text, m.len, s->auth.text, sizeof s->auth.text);
    s->auth.notice = s->auth.text;
    fh__viewer_session_push(s, FH_VIEWER_CONN_EV_NOTICE);
}

static void on_rotation(struct fh__viewer_session *s, struct rd r)
{
    const struct fh__bond *bond = &s->auth.bond;

    if (s->state != FH_VIEWER_RUNNING || s->has_rotated || !fh__rotation_read(r, &s->rotation)) {
        broken(s);
        return;
    }
    s->has_rotated = true;
    if (fh_rotation_verify(s->server_spki, s->server_spki_len, bond->binding, &s->rotation) != 0) {
        fh__viewer_session_end(s, FH_BYE_PROTOCOL, FH_SESSION_E_ROTATION, true);
        return;
    }
    fh_fingerprint(s->rotation.spki, s->rotation.spki_len, s->next_fingerprint);
    if (s->auth.trust >= FH_TRUST_CONFIRMED)
        fh__viewer_session_push(s, FH_VIEWER_CONN_EV_ROTATION);
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
    case FH_MSG_NOTICE:
        on_notice(s, r);
        return;
    case FH_MSG_ROTATION:
        on_rotation(s, r);
        return;
    default:
        if (type < FH_MSG_MAY_IGNORE || s->state != FH_VIEWER_RUNNING)
            broken(s);
    }
}

/* ---- older servers ---- */

void fh__viewer_session_run(struct fh__viewer_session *s)
{
    if (s->state == FH_VIEWER_ENDED)
        return;
    fh__session_text_copy(s->auth.user, s->user, sizeof s->user);
    s->permissions = FH_PERM_ALL;
    s->auth_until = UINT64_MAX;
    s->state = FH_VIEWER_RUNNING;
    fh__auth_viewer_wipe(&s->auth);
    s->started_due = true;
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
    if (s->is_older && s->state == FH_VIEWER_RUNNING)
        return s->n_pending == 0 ? feed_rfb(s, data, len) : 0;
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

static void complete(const struct fh__viewer_session *s, struct fh_viewer_conn_event *ev)
{
    switch (ev->type) {
    case FH_VIEWER_CONN_EV_CREDENTIALS:
        ev->credentials.attempt = s->auth.attempt + 1;
        ev->credentials.needs_password = fh__auth_viewer_needs_password(&s->auth);
        return;
    case FH_VIEWER_CONN_EV_DERIVE:
        ev->derive.password = s->auth.password;
        ev->derive.password_len = s->auth.password_len;
        ev->derive.salt = s->auth.salt;
        ev->derive.passes = s->auth.passes;
        ev->derive.memory_kib = s->auth.memory_kib;
        return;
    case FH_VIEWER_CONN_EV_ASK:
        ev->ask.prompts = s->auth.prompts;
        ev->ask.n = s->auth.n_prompts;
        return;
    case FH_VIEWER_CONN_EV_NOTICE:
        ev->notice.text = s->auth.notice ? s->auth.notice : "";
        return;
    case FH_VIEWER_CONN_EV_ROTATION:
        ev->rotation.next = &s->rotation;
        ev->rotation.fingerprint = s->next_fingerprint;
        return;
    case FH_VIEWER_CONN_EV_STARTED:
    case FH_VIEWER_CONN_EV_PERMISSIONS:
        ev->started.permissions = s->permissions;
        ev->started.session_id = s->session_id;
        ev->started.server_proved = s->auth.pake == FH_PAKE_PROVED;
        return;
    default:
        return;
    }
}

static void give_pending(struct fh__viewer_session *s, struct fh_viewer_conn_event *ev)
{
    ev->type = s->pending[0];
    s->n_pending--;
    memmove(s->pending, s->pending + 1, s->n_pending * sizeof s->pending[0]);
    complete(s, ev);
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
        return fh__viewer_session_may(s, FH_ACT_TEXT_OUT) &&
               give_plain(ev, FH_VIEWER_CONN_EV_CUT_TEXT);
    case FH_RFB_CLIENT_EV_BELL:
        return give_plain(ev, FH_VIEWER_CONN_EV_BELL);
    case FH_RFB_CLIENT_EV_RESIZED:
    case FH_RFB_CLIENT_EV_SCREENS:
    case FH_RFB_CLIENT_EV_LEDS:
    case FH_RFB_CLIENT_EV_POINTER:
        return false;
    }
    return false;
}

int fh__viewer_session_event(struct fh__viewer_session *s, struct fh_viewer_conn_event *ev)
{
    struct fh_rfb_client_event m;
    int ret = 0;

    memset(ev, 0, sizeof *ev);
    if (s->n_pending == 0 && s->started_due) {
        s->started_due = false;
        fh__viewer_session_push(s, FH_VIEWER_CONN_EV_STARTED);
    }
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
    const size_t head = s->is_older ? 0 : FH_FRAME_HEADER;
    size_t at = 0, len;
    const uint8_t *p;

    while (room - at > head && (p = fh_rfb_client_out(s->rfb, &len)) != NULL) {
        size_t n = room - at - head;

        n = len < n ? len : n;
        n = n < FH_FRAME_MAX ? n : FH_FRAME_MAX;
        if (head > 0)
            fh__frame_header(out + at, FH_CHANNEL_RFB, n);
        memcpy(out + at + head, p, n);
        fh_rfb_client_out_done(s->rfb, n);
        at += head + n;
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
    s->bye_due = s->bye_due && !s->is_older;
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
