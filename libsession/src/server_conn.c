/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "bye.h"
#include "conn.h"

/* ---- what the channel tells ---- */

static void on_peer(struct fh_server_conn *c, const struct fh_channel_event *ev)
{
    memcpy(c->fingerprint, ev->peer.fingerprint, sizeof c->fingerprint);
    memcpy(c->program, ev->peer.program, sizeof c->program);
    c->s.who.fingerprint = c->fingerprint;
    c->s.who.program = c->program[0] ? c->program : NULL;
    fh__server_session_audit(&c->s, FH_AUDIT_IDENTIFIED, NULL, NULL);
    fh__server_session_push(&c->s, FH_SERVER_CONN_EV_VERIFY_PEER);
}

static void on_channel_event(struct fh_server_conn *c, const struct fh_channel_event *ev)
{
    switch (ev->type) {
    case FH_CHANNEL_EV_HELLO:
        memcpy(c->hello_ref, ev->hello.session_ref, sizeof c->hello_ref);
        fh__server_session_push(&c->s, FH_SERVER_CONN_EV_HELLO);
        break;
    case FH_CHANNEL_EV_SIGN:
        memcpy(c->th, ev->sign.th, sizeof c->th);
        fh__server_session_push(&c->s, FH_SERVER_CONN_EV_SIGN);
        break;
    case FH_CHANNEL_EV_PEER:
        on_peer(c, ev);
        break;
    case FH_CHANNEL_EV_OPEN:
        fh__server_session_open(&c->s, c->s.now);
        break;
    case FH_CHANNEL_EV_DATA:
        c->data = ev->data.data;
        c->left = ev->data.len;
        break;
    case FH_CHANNEL_EV_PONG:
    case FH_CHANNEL_EV_REKEYED:
        break;
    case FH_CHANNEL_EV_CLOSED:
        fh__server_session_end(&c->s, fh__bye_of_close(ev), ev->closed.error, false);
        break;
    }
}

/* What only the connection knows of an event. */
static void complete(const struct fh_server_conn *c, struct fh_server_conn_event *ev)
{
    struct fh_channel_info info;

    if (ev->type == FH_SERVER_CONN_EV_SIGN) {
        memcpy(ev->sign.th, c->th, sizeof c->th);
    } else if (ev->type == FH_SERVER_CONN_EV_VERIFY_PEER) {
        ev->peer.fingerprint = c->fingerprint;
        ev->peer.program = c->program;
    } else if (c->older) {
        fh__server_older_complete(c, ev);
    } else if (ev->type == FH_SERVER_CONN_EV_AUDIT) {
        fh_channel_info(c->ch, &info);
        ev->audit.bytes_in = info.bytes_in;
        ev->audit.bytes_out = info.bytes_out;
    }
}

int fh_server_conn_event(struct fh_server_conn *c, struct fh_server_conn_event *ev)
{
    struct fh_channel_event from;
    bool is_blocked = false;
    size_t used;

    for (;;) {
        if (fh__server_session_event(&c->s, ev)) {
            complete(c, ev);
            return 1;
        }
        /* What still waits for a screen must not keep the end of the stream from being told. */
        if (is_blocked && !c->has_ended)
            return 0;
        if (is_blocked) {
            c->left = 0;
            is_blocked = false;
        } else if (c->left > 0) {
            used = fh__server_session_input(&c->s, c->s.now, c->data, c->left);
            c->data += used;
            c->left -= used;
            is_blocked = used == 0;
        } else if (c->older) {
            if (!fh__server_older_step(c))
                return 0;
        } else if (fh_channel_event(c->ch, &from)) {
            on_channel_event(c, &from);
        } else {
            return 0;
        }
    }
}

/* ---- bytes ---- */

uint8_t *fh_server_conn_in(struct fh_server_conn *c, size_t *room)
{
    *room = 0;
    if (c->left > 0)
        return NULL;
    if (c->is_looking) {
        *room = sizeof c->head - c->head_len;
        return c->head + c->head_len;
    }
    if (c->older)
        return c->s.state == FH_SERVER_ENDED ? NULL : fh__older_server_in(c->older, room);
    return fh_channel_in(c->ch, room);
}

int fh_server_conn_in_done(struct fh_server_conn *c, uint64_t now_ms, size_t used)
{
    fh__server_session_time(&c->s, now_ms);
    if (c->is_looking) {
        fh__server_older_look(c, now_ms, used);
        return 0;
    }
    if (c->older) {
        fh__older_server_in_done(c->older, used);
        return 0;
    }
    return fh_channel_in_done(c->ch, now_ms, used);
}

int fh_server_conn_in_end(struct fh_server_conn *c, uint64_t now_ms)
{
    fh__server_session_time(&c->s, now_ms);
    c->has_ended = true;
    if (c->older) {
        /* Older viewers have no goodbye but this. */
        fh__server_session_end(&c->s, c->s.state == FH_SERVER_RUNNING ? FH_BYE_NORMAL : FH_BYE_LOST,
                               0, false);
        return 0;
    }
    return fh_channel_in_end(c->ch, now_ms);
}

/* Seals one record; false: nothing was to be said. */
static bool fill(struct fh_server_conn *c, uint64_t now_ms)
{
    enum fh_channel_padding padding;
    size_t room, n;
    uint8_t *mem;
    int ret;

    if (c->s.state == FH_SERVER_CLOSED || !(mem = fh_channel_write(c->ch, &room)))
        return false;
    if ((n = fh__server_session_fill(&c->s, now_ms, mem, room, &padding)) == 0)
        return false;
    if ((ret = fh_channel_write_done(c->ch, n, padding)) != 0)
        fh__server_session_end(&c->s, FH_BYE_INTERNAL, ret, false);
    return true;
}

const uint8_t *fh_server_conn_out(struct fh_server_conn *c, uint64_t now_ms, size_t *len)
{
    const uint8_t *p;

    fh__server_session_time(&c->s, now_ms);
    if (c->greeting_due || c->older)
        return fh__server_older_out(c, now_ms, len);
    p = fh_channel_out(c->ch, len);
    if (p || fill(c, now_ms))
        return fh_channel_out(c->ch, len);
    if (c->s.state == FH_SERVER_ENDED && !c->close_sent) {
        c->close_sent = true;
        (void)fh_channel_tick(c->ch, now_ms); /* the time for the peer's answer runs from now */
        fh_channel_close(c->ch, fh__bye_code(c->s.reason), NULL);
    }
    return fh_channel_out(c->ch, len);
}

void fh_server_conn_out_done(struct fh_server_conn *c, size_t sent)
{
    if (c->greeting_due) {
        c->greeting_at += sent;
        c->greeting_due = c->greeting_at < FH__OLDER_VERSION_LEN;
    } else if (c->older) {
        fh__older_wire_out_done(&c->older->wire, sent);
    } else {
        fh_channel_out_done(c->ch, sent);
    }
}

/* ---- time ---- */

bool fh_server_conn_is_finished(const struct fh_server_conn *c)
{
    size_t len;

    if (c->s.state != FH_SERVER_ENDED)
        return false;
    if (c->older)
        return !fh__older_wire_out(&c->older->wire, &len) || c->s.now >= c->s.closing_until;
    return fh_channel_is_finished(c->ch) || c->s.now >= c->s.closing_until;
}

uint64_t fh_server_conn_deadline(const struct fh_server_conn *c)
{
    uint64_t a = fh_channel_deadline(c->ch), b = fh__server_session_deadline(&c->s);

    if (fh_server_conn_is_finished(c))
        return UINT64_MAX;
    if (c->older)
        return b;
    return a < b ? a : b;
}

int fh_server_conn_tick(struct fh_server_conn *c, uint64_t now_ms)
{
    fh__server_session_time(&c->s, now_ms);
    fh__server_session_tick(&c->s, now_ms);
    if (c->older)
        return 0;
    return fh_channel_tick(c->ch, now_ms);
}

/* ---- answers ---- */

void fh_server_conn_set_cloud(struct fh_server_conn *c, const uint8_t *session_ref,
                              const uint8_t *secret)
{
    c->has_cloud = true;
    c->is_looking = c->greeting_due = false; /* nobody comes that way but with the channel */
    memcpy(c->session_ref, session_ref, sizeof c->session_ref);
    c->has_cloud_secret = secret != NULL;
    if (secret)
        memcpy(c->cloud_secret, secret, sizeof c->cloud_secret);
}

/* Whoever put us in touch with one viewer may have sent us another. */
int fh_server_conn_proceed(struct fh_server_conn *c)
{
    int ret = FH_SESSION_E_AUTH;

    if (c->older) {
        fh__older_server_proceed(c->older);
        return 0;
    }
    if (!c->has_cloud || memcmp(c->session_ref, c->hello_ref, sizeof c->session_ref) == 0)
        ret = fh_channel_proceed(c->ch, c->has_cloud_secret ? c->cloud_secret : NULL);
    else if (fh_channel_refuse(c->ch, FH_CODE_POLICY, NULL) == 0)
        fh__server_session_end(&c->s, FH_BYE_AUTH, ret, false);
    fh_wipe(c->cloud_secret, sizeof c->cloud_secret);
    return ret;
}

int fh_server_conn_refuse(struct fh_server_conn *c, unsigned retry_s)
{
    char reason[12];
    int ret;

    if (c->older) {
        fh__server_older_refuse(c, retry_s);
        return 0;
    }
    fh__retry_write(retry_s, reason);
    ret = fh_channel_refuse(c->ch, FH_CODE_BUSY, retry_s ? reason : NULL);
    if (ret == 0)
        fh__server_session_end(&c->s, FH_BYE_BUSY, FH_SESSION_E_BUSY, false);
    return ret;
}

int fh_server_conn_signed(struct fh_server_conn *c, const uint8_t *sig, size_t len)
{
    return fh_channel_signed(c->ch, sig, len);
}

int fh_server_conn_accept_peer(struct fh_server_conn *c)
{
    return fh_channel_accept(c->ch);
}

int fh_server_conn_authenticated(struct fh_server_conn *c, uint64_t now_ms, uint32_t permissions)
{
    int ret = fh__server_session_authenticated(&c->s, now_ms, permissions);

    if (c->older && ret != FH_SESSION_E_STATE)
        fh__older_server_result(c->older, c->s.state == FH_SERVER_RUNNING);
    return ret;
}

int fh_server_conn_tls_started(struct fh_server_conn *c)
{
    return c->older ? fh__older_server_tls_started(c->older) : FH_SESSION_E_STATE;
}

int fh_server_conn_decrypted(struct fh_server_conn *c, const uint8_t *secret, size_t len)
{
    return c->older ? fh__older_server_decrypted(c->older, secret, len) : FH_SESSION_E_STATE;
}

int fh_server_conn_ask(struct fh_server_conn *c, uint64_t now_ms, const struct fh_item *items,
                       size_t n)
{
    return fh__server_session_ask(&c->s, now_ms, items, n);
}

int fh_server_conn_rotate(struct fh_server_conn *c, const struct fh_rotation *r)
{
    return fh__server_session_rotate(&c->s, r);
}

int fh_server_conn_notice(struct fh_server_conn *c, const char *text)
{
    return fh__server_session_notice(&c->s, text);
}

void fh_server_conn_close(struct fh_server_conn *c, enum fh_bye reason, bool may_reconnect)
{
    if (c->s.state == FH_SERVER_ENDED)
        return;
    c->s.may_reconnect = may_reconnect;
    if (c->older)
        fh__older_server_result(c->older, false);
    fh__server_session_end(&c->s, reason, 0, true);
}

/* ---- the desktop ---- */

int fh_server_conn_set_screen(struct fh_server_conn *c, const struct fh_framebuffer *fb,
                              const struct fh_screen *screens, size_t n_screens)
{
    return fh__server_session_set_screen(&c->s, fb, screens, n_screens);
}

void fh_server_conn_set_name(struct fh_server_conn *c, const char *name)
{
    fh__server_session_set_name(&c->s, name);
}

/* Kept by the RFB machine, and held back there from who may not view. */
int fh_server_conn_set_cursor(struct fh_server_conn *c, const uint32_t *argb, int32_t w, int32_t h,
                              int32_t hot_x, int32_t hot_y)
{
    if (c->s.state != FH_SERVER_RUNNING)
        return FH_SESSION_E_STATE;
    return fh_rfb_server_set_cursor(c->s.rfb, argb, w, h, hot_x, hot_y);
}

/* When the permission to view comes, all of the picture is sent anyway. */
void fh_server_conn_damage(struct fh_server_conn *c, const struct fh_rect *r)
{
    if (c->s.fb && fh__server_session_may(&c->s, FH_ACT_PICTURE))
        fh_rfb_server_damage(c->s.rfb, r);
}

void fh_server_conn_set_elsewhere(struct fh_server_conn *c, const struct fh_rfb_elsewhere *e,
                                  void *user)
{
    if (c->s.state == FH_SERVER_RUNNING)
        fh_rfb_server_set_elsewhere(c->s.rfb, e, user);
}

bool fh_server_conn_coding(const struct fh_server_conn *c, struct fh_rfb_coding *out)
{
    return c->s.state == FH_SERVER_RUNNING && fh_rfb_server_coding(c->s.rfb, out);
}

void fh_server_conn_copy(struct fh_server_conn *c, const struct fh_rect *r, int32_t from_x,
                         int32_t from_y)
{
    if (c->s.fb && fh__server_session_may(&c->s, FH_ACT_PICTURE))
        fh_rfb_server_copy(c->s.rfb, r, from_x, from_y);
}

int fh_server_conn_cut_text(struct fh_server_conn *c, const char *text, size_t len)
{
    if (!fh__server_session_may(&c->s, FH_ACT_TEXT_OUT))
        return 0;
    return fh_rfb_server_cut_text(c->s.rfb, text, len);
}

void fh_server_conn_bell(struct fh_server_conn *c)
{
    if (fh__server_session_may(&c->s, FH_ACT_BELL))
        fh_rfb_server_bell(c->s.rfb);
}

void fh_server_conn_resize_done(struct fh_server_conn *c, int status)
{
    if (c->s.state == FH_SERVER_RUNNING)
        fh_rfb_server_resize_done(c->s.rfb, (enum fh_rfb_resize_status)status);
}

uint64_t fh_server_conn_updates(const struct fh_server_conn *c)
{
    return c->s.state == FH_SERVER_RUNNING ? fh_rfb_server_updates(c->s.rfb) : 0;
}

bool fh_server_conn_is_waiting(const struct fh_server_conn *c)
{
    return c->s.fb && fh__server_session_may(&c->s, FH_ACT_PICTURE) &&
           fh_rfb_server_is_waiting(c->s.rfb);
}

/* ---- what is known ---- */

int fh_server_conn_set_permissions(struct fh_server_conn *c, uint32_t permissions)
{
    return fh__server_session_set_permissions(&c->s, permissions);
}

uint32_t fh_server_conn_permissions(const struct fh_server_conn *c)
{
    return c->s.state == FH_SERVER_RUNNING ? c->s.permissions : FH_PERM_NONE;
}

const char *fh_server_conn_session_id(const struct fh_server_conn *c)
{
    return c->s.session_id;
}

const char *fh_server_conn_user(const struct fh_server_conn *c)
{
    return c->s.session_id[0] ? c->s.auth.user : "";
}

unsigned fh_server_conn_method(const struct fh_server_conn *c)
{
    return fh__auth_number(&c->s.auth);
}

unsigned fh_server_conn_older(const struct fh_server_conn *c)
{
    return c->older ? c->older->type : 0;
}

const uint8_t *fh_server_conn_fingerprint(const struct fh_server_conn *c)
{
    return c->s.who.fingerprint;
}

int fh_server_conn_binding(const struct fh_server_conn *c, uint8_t out[FH_AUTH_BINDING_LEN])
{
    return fh_channel_export(c->ch, "binding", out, FH_AUTH_BINDING_LEN);
}

int fh_server_conn_link_key(const struct fh_server_conn *c, uint8_t key[FH_SESSION_LINK_KEY_LEN],
                            uint8_t ref[FH_SESSION_LINK_REF_LEN])
{
    if (c->s.state != FH_SERVER_RUNNING)
        return FH_SESSION_E_STATE;
    return fh__link_key(c->ch, key, ref);
}

int fh_server_conn_guard_keys(const struct fh_server_conn *c,
                              uint8_t client[FH_SESSION_GUARD_KEY_LEN],
                              uint8_t server[FH_SESSION_GUARD_KEY_LEN])
{
    return fh__guard_keys(c->ch, client, server);
}

void fh_server_conn_detached(struct fh_server_conn *c, uint64_t now_ms)
{
    fh__server_session_time(&c->s, now_ms);
    if (c->s.state != FH_SERVER_RUNNING)
        return;
    c->s.release_keys = c->s.release_buttons = true;
    fh__server_session_audit(&c->s, FH_AUDIT_DETACHED, NULL, NULL);
}

void fh_server_conn_resumed(struct fh_server_conn *c, uint64_t now_ms)
{
    fh__server_session_time(&c->s, now_ms);
    if (c->s.state == FH_SERVER_RUNNING)
        fh__server_session_audit(&c->s, FH_AUDIT_RESUMED, NULL, NULL);
}

void fh_server_conn_moved(struct fh_server_conn *c, uint64_t now_ms)
{
    fh__server_session_time(&c->s, now_ms);
    if (c->s.state == FH_SERVER_RUNNING)
        fh__server_session_audit(&c->s, FH_AUDIT_MOVED, NULL, NULL);
}

void fh_server_conn_channel_info(const struct fh_server_conn *c, struct fh_channel_info *out)
{
    fh_channel_info(c->ch, out);
}
