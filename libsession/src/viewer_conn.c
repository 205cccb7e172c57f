/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "bye.h"
#include "conn.h"

/* ---- what the channel tells ---- */

/*
 * Only the server's own Close, which counts, says that all of ours arrived. Without it our goodbye,
 * and what came before, may have been cut off on the way.
 */
static void confirm_end(struct fh__viewer_session *s, const struct fh_channel_event *ev)
{
    if (!s->end_held)
        return;
    s->end_held = false;
    if (ev->closed.error == 0 && ev->closed.code == FH_CODE_NORMAL)
        return;
    s->end.ended.reason = fh__bye_of_close(ev);
    s->end.ended.error = ev->closed.error;
    s->end.ended.by_server = ev->closed.by_peer;
    s->end.ended.confirmed = ev->closed.confirmed;
}

static void on_closed(struct fh_viewer_conn *v, const struct fh_channel_event *ev)
{
    struct fh__viewer_session *s = &v->s;
    bool is_seconds = ev->closed.by_peer && ev->closed.code == FH_CODE_BUSY;

    if (s->state == FH_VIEWER_ENDED) {
        confirm_end(s, ev);
        return;
    }
    if (ev->closed.by_peer && !is_seconds)
        fh__session_text_escape(ev->closed.reason, strlen(ev->closed.reason), s->end_text,
                                sizeof s->end_text);
    fh__viewer_session_end(s, fh__bye_of_close(ev), ev->closed.error, false);
    s->end.ended.by_server = ev->closed.by_peer;
    s->end.ended.confirmed = ev->closed.confirmed;
    if (is_seconds)
        s->end.ended.retry_s = fh__retry_read(ev->closed.reason);
}

/* What a proof is tied to is known from here on, and needed when the first question comes. */
static void on_open(struct fh_viewer_conn *v)
{
    struct fh__bond *bond = &v->s.auth.bond;

    memcpy(bond->server, v->server.peer.fingerprint, sizeof bond->server);
    if (fh_channel_export(v->ch, "binding", bond->binding, sizeof bond->binding) != 0)
        fh__viewer_session_end(&v->s, FH_BYE_INTERNAL, FH_SESSION_E_STATE, false);
}

/* Nothing of ours was told yet, and nobody need be asked: somebody swapped keys. */
static void on_peer(struct fh_viewer_conn *v, const struct fh_channel_event *ev)
{
    v->server = *ev;
    v->s.server_spki = ev->peer.spki;
    v->s.server_spki_len = ev->peer.spki_len;
    if (v->has_expected && memcmp(v->expected, ev->peer.fingerprint, sizeof v->expected) != 0)
        fh__viewer_session_end(&v->s, FH_BYE_IDENTITY, FH_SESSION_E_SWAPPED, true);
    else
        fh__viewer_session_push(&v->s, FH_VIEWER_CONN_EV_VERIFY_SERVER);
}

static void on_channel_event(struct fh_viewer_conn *v, const struct fh_channel_event *ev)
{
    switch (ev->type) {
    case FH_CHANNEL_EV_SIGN:
        memcpy(v->th, ev->sign.th, sizeof v->th);
        fh__viewer_session_push(&v->s, FH_VIEWER_CONN_EV_SIGN);
        break;
    case FH_CHANNEL_EV_PEER:
        on_peer(v, ev);
        break;
    case FH_CHANNEL_EV_DATA:
        v->data = ev->data.data;
        v->left = ev->data.len;
        break;
    case FH_CHANNEL_EV_OPEN:
        on_open(v);
        break;
    case FH_CHANNEL_EV_HELLO:
    case FH_CHANNEL_EV_PONG:
    case FH_CHANNEL_EV_REKEYED:
        break;
    case FH_CHANNEL_EV_CLOSED:
        on_closed(v, ev);
        break;
    }
}

static void complete(const struct fh_viewer_conn *v, struct fh_viewer_conn_event *ev)
{
    if (v->older) {
        fh__viewer_older_complete(v, ev);
    } else if (ev->type == FH_VIEWER_CONN_EV_SIGN) {
        memcpy(ev->sign.th, v->th, sizeof v->th);
    } else if (ev->type == FH_VIEWER_CONN_EV_VERIFY_SERVER) {
        ev->server.spki = v->server.peer.spki;
        ev->server.spki_len = v->server.peer.spki_len;
        ev->server.fingerprint = v->server.peer.fingerprint;
        ev->server.program = v->server.peer.program;
        ev->server.short_fingerprint = "";
    }
}

int fh_viewer_conn_event(struct fh_viewer_conn *v, struct fh_viewer_conn_event *ev)
{
    struct fh_channel_event from;
    bool is_blocked = false;
    size_t used;

    for (;;) {
        if (fh__viewer_session_event(&v->s, ev)) {
            complete(v, ev);
            return 1;
        }
        if (is_blocked)
            return 0;
        if (v->left > 0) {
            used = fh__viewer_session_input(&v->s, v->s.now, v->data, v->left);
            v->data += used;
            v->left -= used;
            is_blocked = used == 0;
        } else if (v->older) {
            if (!fh__viewer_older_step(v))
                return 0;
        } else if (fh_channel_event(v->ch, &from)) {
            on_channel_event(v, &from);
        } else {
            return 0;
        }
    }
}

/* ---- bytes ---- */

uint8_t *fh_viewer_conn_in(struct fh_viewer_conn *v, size_t *room)
{
    *room = 0;
    if (v->left > 0)
        return NULL;
    if (v->older)
        return v->s.state == FH_VIEWER_ENDED ? NULL : fh__older_viewer_in(v->older, room);
    return fh_channel_in(v->ch, room);
}

int fh_viewer_conn_in_done(struct fh_viewer_conn *v, uint64_t now_ms, size_t used)
{
    fh__viewer_session_time(&v->s, now_ms);
    if (v->older) {
        fh__older_viewer_in_done(v->older, used);
        return 0;
    }
    return fh_channel_in_done(v->ch, now_ms, used);
}

int fh_viewer_conn_in_end(struct fh_viewer_conn *v, uint64_t now_ms)
{
    fh__viewer_session_time(&v->s, now_ms);
    if (v->older) { /* older servers say no more than that */
        fh__viewer_session_end(&v->s, FH_BYE_LOST, FH_SESSION_E_CLOSED, false);
        return 0;
    }
    return fh_channel_in_end(v->ch, now_ms);
}

static bool fill(struct fh_viewer_conn *v, uint64_t now_ms)
{
    enum fh_channel_padding padding;
    size_t room, n;
    uint8_t *mem;
    int ret;

    if (v->s.state == FH_VIEWER_CLOSED || !(mem = fh_channel_write(v->ch, &room)))
        return false;
    if ((n = fh__viewer_session_fill(&v->s, now_ms, mem, room, &padding)) == 0)
        return false;
    if ((ret = fh_channel_write_done(v->ch, n, padding)) != 0)
        fh__viewer_session_end(&v->s, FH_BYE_INTERNAL, ret, false);
    return true;
}

const uint8_t *fh_viewer_conn_out(struct fh_viewer_conn *v, uint64_t now_ms, size_t *len)
{
    const uint8_t *p;

    fh__viewer_session_time(&v->s, now_ms);
    if (v->older)
        return fh__viewer_older_out(v, now_ms, len);
    p = fh_channel_out(v->ch, len);
    if (p || fill(v, now_ms))
        return fh_channel_out(v->ch, len);
    if (v->s.state == FH_VIEWER_ENDED && !v->close_sent) {
        v->close_sent = true;
        (void)fh_channel_tick(v->ch, now_ms); /* the time for the peer's answer runs from now */
        fh_channel_close(v->ch, fh__bye_code(v->s.end.ended.reason), NULL);
    }
    return fh_channel_out(v->ch, len);
}

void fh_viewer_conn_out_done(struct fh_viewer_conn *v, size_t sent)
{
    if (v->older)
        fh__older_wire_out_done(&v->older->wire, sent);
    else
        fh_channel_out_done(v->ch, sent);
}

/* ---- time ---- */

bool fh_viewer_conn_is_finished(const struct fh_viewer_conn *v)
{
    size_t len;

    if (v->s.state != FH_VIEWER_ENDED)
        return false;
    if (v->older)
        return (!v->s.rfb_due && !fh__older_wire_out(&v->older->wire, &len)) ||
               v->s.now >= v->s.closing_until;
    return fh_channel_is_finished(v->ch) || v->s.now >= v->s.closing_until;
}

uint64_t fh_viewer_conn_deadline(const struct fh_viewer_conn *v)
{
    uint64_t a = fh_channel_deadline(v->ch), b = fh__viewer_session_deadline(&v->s);

    if (fh_viewer_conn_is_finished(v))
        return UINT64_MAX;
    if (v->older)
        return b;
    return a < b ? a : b;
}

int fh_viewer_conn_tick(struct fh_viewer_conn *v, uint64_t now_ms)
{
    fh__viewer_session_time(&v->s, now_ms);
    fh__viewer_session_tick(&v->s, now_ms);
    if (v->older)
        return 0;
    return fh_channel_tick(v->ch, now_ms);
}

/* ---- answers ---- */

int fh_viewer_conn_signed(struct fh_viewer_conn *v, const uint8_t *sig, size_t len)
{
    int ret = fh_channel_signed(v->ch, sig, len);

    if (ret == 0)
        fh__viewer_session_open(&v->s, v->s.now, v->server.peer.methods, v->server.peer.n_methods);
    return ret;
}

int fh_viewer_conn_accept_server(struct fh_viewer_conn *v, enum fh_trust trust)
{
    if (trust == FH_TRUST_NONE) {
        fh_viewer_conn_close(v, FH_BYE_IDENTITY);
        return 0;
    }
    if (v->verify_always && trust != FH_TRUST_CHECKED) {
        fh__viewer_session_end(&v->s, FH_BYE_IDENTITY, FH_SESSION_E_UNCHECKED, true);
        return FH_SESSION_E_UNCHECKED;
    }
    v->s.auth.trust = trust;
    if (!v->older)
        return fh_channel_accept(v->ch);
    fh__viewer_older_accept(v, trust);
    return 0;
}

int fh_viewer_conn_credentials(struct fh_viewer_conn *v, const char *user, const char *password,
                               size_t password_len)
{
    int ret;

    if (!v->older)
        return fh__viewer_session_credentials(&v->s, user, password, password_len);
    if (v->older->state != FH__OLDER_V_ASK || v->older->due != 0)
        return FH_SESSION_E_STATE;
    ret = fh__auth_viewer_credentials(&v->s.auth, user, password, password_len);
    return ret == 0 ? fh__viewer_older_credentials(v) : ret;
}

int fh_viewer_conn_tls_started(struct fh_viewer_conn *v, const uint8_t spki_hash[32])
{
    return v->older ? fh__older_viewer_tls_started(v->older, spki_hash) : FH_SESSION_E_STATE;
}

int fh_viewer_conn_key_made(struct fh_viewer_conn *v, const uint8_t *pub, size_t len)
{
    if (!v->older)
        return FH_SESSION_E_STATE;
    if (len > 0)
        return fh__older_viewer_key(v->older, pub, len);
    fh__viewer_session_end(&v->s, FH_BYE_INTERNAL, FH_SESSION_E_NOMEM, false);
    return 0;
}

int fh_viewer_conn_decrypted(struct fh_viewer_conn *v, const uint8_t *secret, size_t len)
{
    return v->older ? fh__older_viewer_decrypted(v->older, secret, len) : FH_SESSION_E_STATE;
}

unsigned fh_viewer_conn_older(const struct fh_viewer_conn *v)
{
    return v->older ? v->older->type : 0;
}

int fh_viewer_conn_derived(struct fh_viewer_conn *v, const uint8_t *prs)
{
    return fh__viewer_session_derived(&v->s, prs);
}

int fh_viewer_conn_answer(struct fh_viewer_conn *v, const struct fh_item *answers, size_t n)
{
    return fh__viewer_session_answer(&v->s, answers, n);
}

unsigned fh_viewer_conn_method(const struct fh_viewer_conn *v)
{
    return v->s.auth.method;
}

void fh_viewer_conn_close(struct fh_viewer_conn *v, enum fh_bye reason)
{
    bool is_open = v->s.state != FH_VIEWER_CLOSED && v->s.state != FH_VIEWER_ENDED;

    fh__viewer_session_end(&v->s, reason, 0, true);
    v->s.end_held |= is_open && reason == FH_BYE_NORMAL && !v->older;
}

/* ---- input and the picture ---- */

static bool has_picture(const struct fh_viewer_conn *v)
{
    return v->s.state == FH_VIEWER_RUNNING && fh_rfb_client_framebuffer(v->s.rfb) != NULL;
}

static bool may_send(const struct fh_viewer_conn *v, enum fh_act act)
{
    return has_picture(v) && !v->s.view_only && fh__viewer_session_may(&v->s, act);
}

int fh_viewer_conn_key(struct fh_viewer_conn *v, uint32_t keysym, uint32_t keycode, bool down)
{
    if (!may_send(v, FH_ACT_KEY))
        return FH_SESSION_E_STATE;
    return fh_rfb_client_key(v->s.rfb, keysym, keycode, down);
}

int fh_viewer_conn_pointer(struct fh_viewer_conn *v, uint16_t x, uint16_t y, uint16_t buttons)
{
    if (!may_send(v, FH_ACT_POINTER))
        return FH_SESSION_E_STATE;
    return fh_rfb_client_pointer(v->s.rfb, x, y, buttons);
}

int fh_viewer_conn_cut_text(struct fh_viewer_conn *v, const char *text, size_t len)
{
    if (!may_send(v, FH_ACT_TEXT_IN))
        return FH_SESSION_E_STATE;
    return fh_rfb_client_cut_text(v->s.rfb, text, len);
}

int fh_viewer_conn_resize(struct fh_viewer_conn *v, uint16_t width, uint16_t height)
{
    if (!may_send(v, FH_ACT_RESIZE))
        return FH_SESSION_E_STATE;
    return fh_rfb_client_resize(v->s.rfb, width, height);
}

int fh_viewer_conn_refresh(struct fh_viewer_conn *v)
{
    const struct fh_framebuffer *fb = fh_viewer_conn_framebuffer(v);

    if (!fb)
        return FH_SESSION_E_STATE;
    return fh_rfb_client_refresh(
        v->s.rfb, &(struct fh_rect){.x = 0, .y = 0, .w = fb->width, .h = fb->height});
}

const struct fh_framebuffer *fh_viewer_conn_framebuffer(const struct fh_viewer_conn *v)
{
    return fh_rfb_client_framebuffer(v->s.rfb);
}

const char *fh_viewer_conn_name(const struct fh_viewer_conn *v)
{
    const char *name = fh_rfb_client_name(v->s.rfb);

    return name ? name : "";
}

uint32_t fh_viewer_conn_permissions(const struct fh_viewer_conn *v)
{
    return v->s.state == FH_VIEWER_RUNNING ? v->s.permissions : FH_PERM_NONE;
}

int fh_viewer_conn_link_key(const struct fh_viewer_conn *v, uint8_t key[FH_SESSION_LINK_KEY_LEN],
                            uint8_t ref[FH_SESSION_LINK_REF_LEN])
{
    return fh__link_key(v->ch, key, ref);
}

int fh_viewer_conn_guard_keys(const struct fh_viewer_conn *v,
                              uint8_t client[FH_SESSION_GUARD_KEY_LEN],
                              uint8_t server[FH_SESSION_GUARD_KEY_LEN])
{
    return fh__guard_keys(v->ch, client, server);
}

void fh_viewer_conn_channel_info(const struct fh_viewer_conn *v, struct fh_channel_info *out)
{
    fh_channel_info(v->ch, out);
}
