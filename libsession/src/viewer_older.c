/* SPDX-License-Identifier: MIT */
/* viewer_older.c -- a viewer's connection to a server that does not know the channel. */
#include <string.h>

#include "bye.h"
#include "conn.h"

static bool proves_nothing(unsigned what)
{
    return (what & (FH_OLDER_IS_TLS | FH_OLDER_IS_RSA)) == 0;
}

/*
 * Who accepted a server blindly has nobody to vouch for it: it hears no password. Where the type
 * proves nothing at all, that is what was asked for with the minimum.
 */
void fh__viewer_older_accept(struct fh_viewer_conn *v, enum fh_trust trust)
{
    unsigned what = fh_older_what(v->older->type);

    if (trust < FH_TRUST_CONFIRMED && (what & FH_OLDER_IS_NONE) == 0 && !proves_nothing(what)) {
        fh__viewer_session_end(&v->s, FH_BYE_AUTH, FH_SESSION_E_UNCONFIRMED, false);
        return;
    }
    v->s.auth.method = what & FH_OLDER_IS_LOGIN ? FH_METHOD_PASSWORD
                       : what & FH_OLDER_IS_VNC ? FH_METHOD_VNC
                                                : FH_METHOD_NONE;
    fh__older_viewer_accept(v->older);
}

int fh__viewer_older_credentials(struct fh_viewer_conn *v)
{
    struct fh__auth_viewer *a = &v->s.auth;

    a->attempt++;
    return fh__older_viewer_credentials(v->older, a->user, a->password, a->password_len);
}

/* ---- what it tells ---- */

static void on_failed(struct fh_viewer_conn *v)
{
    const struct fh__older_viewer *o = v->older;
    enum fh_bye reason = o->error == FH_SESSION_E_AUTH   ? FH_BYE_AUTH
                         : o->error == FH_SESSION_E_WEAK ? FH_BYE_AUTH
                                                         : FH_BYE_PROTOCOL;

    if (o->reason_len > 0)
        fh__session_text_escape(o->reason,
                                o->reason_len < FH_BYE_TEXT_MAX ? o->reason_len : FH_BYE_TEXT_MAX,
                                v->s.end_text, sizeof v->s.end_text);
    fh__viewer_session_end(&v->s, reason, o->error, false);
    v->s.end.ended.by_server = o->refused;
}

static void on_credentials(struct fh_viewer_conn *v)
{
    if (fh__auth_viewer_is_ready(&v->s.auth))
        (void)fh__viewer_older_credentials(v);
    else
        fh__viewer_session_push(&v->s, FH_VIEWER_CONN_EV_CREDENTIALS);
}

static bool take_data(struct fh_viewer_conn *v)
{
    struct fh__older_wire *w = &v->older->wire;

    if (v->older->state != FH__OLDER_V_OPEN || w->left == 0)
        return false;
    v->data = w->data;
    v->left = w->left;
    w->left = 0;
    return true;
}

bool fh__viewer_older_step(struct fh_viewer_conn *v)
{
    switch (fh__older_viewer_event(v->older)) {
    case FH__OLDER_V_EV_NOTHING:
        return take_data(v);
    case FH__OLDER_V_EV_TLS:
        fh__viewer_session_push(&v->s, FH_VIEWER_CONN_EV_TLS);
        break;
    case FH__OLDER_V_EV_VERIFY:
        fh__viewer_session_push(&v->s, FH_VIEWER_CONN_EV_VERIFY_SERVER);
        break;
    case FH__OLDER_V_EV_KEY:
        fh__viewer_session_push(&v->s, FH_VIEWER_CONN_EV_KEY);
        break;
    case FH__OLDER_V_EV_DECRYPT:
        fh__viewer_session_push(&v->s, FH_VIEWER_CONN_EV_DECRYPT);
        break;
    case FH__OLDER_V_EV_CREDENTIALS:
        on_credentials(v);
        break;
    case FH__OLDER_V_EV_OPEN:
        fh__viewer_session_run(&v->s);
        break;
    case FH__OLDER_V_EV_FAILED:
        on_failed(v);
        break;
    }
    return true;
}

void fh__viewer_older_complete(const struct fh_viewer_conn *v, struct fh_viewer_conn_event *ev)
{
    const struct fh__older_viewer *o = v->older;

    if (ev->type == FH_VIEWER_CONN_EV_VERIFY_SERVER) {
        ev->server.fingerprint = o->has_identity ? o->identity : NULL;
        ev->server.program = fh_older_name(o->type);
        ev->server.older = o->type;
        ev->server.short_fingerprint = o->short_text;
    } else if (ev->type == FH_VIEWER_CONN_EV_DECRYPT) {
        ev->decrypt.data = o->decrypt.decrypt.data;
        ev->decrypt.len = o->decrypt.decrypt.len;
        ev->decrypt.want = o->decrypt.decrypt.want;
    }
}

/* ---- bytes to the server ---- */

static bool fill(struct fh_viewer_conn *v, uint64_t now_ms)
{
    enum fh_channel_padding padding;
    size_t room, n;
    uint8_t *mem = fh__older_wire_write(&v->older->wire, &room);
    int ret;

    if (!mem || (n = fh__viewer_session_fill(&v->s, now_ms, mem, room, &padding)) == 0)
        return false;
    if ((ret = fh__older_wire_write_done(&v->older->wire, n)) != 0)
        fh__viewer_session_end(&v->s, FH_BYE_INTERNAL, ret, false);
    return true;
}

const uint8_t *fh__viewer_older_out(struct fh_viewer_conn *v, uint64_t now_ms, size_t *len)
{
    const uint8_t *p = fh__older_wire_out(&v->older->wire, len);
    bool may_speak = v->s.state == FH_VIEWER_RUNNING || v->s.rfb_due;

    if (!p && may_speak && fill(v, now_ms))
        p = fh__older_wire_out(&v->older->wire, len);
    return p;
}
