/* SPDX-License-Identifier: MIT */
/* viewer_audit.c -- what happens to a viewer's connection, as records of the audit. */
#include <string.h>

#include "bye.h"
#include "conn.h"

static const char *trust_word(enum fh_trust trust)
{
    switch (trust) {
    case FH_TRUST_NONE:
        break;
    case FH_TRUST_BLIND:
        return "accepted-blind";
    case FH_TRUST_CONFIRMED:
        return "confirmed";
    case FH_TRUST_CHECKED:
        return "checked";
    }
    return "identity";
}

/* What every record says. The server's identity is known from EV_VERIFY_SERVER on. */
static void describe(const struct fh_viewer_conn *v, struct fh_audit_event *out)
{
    const struct fh__viewer_session *s = &v->s;
    struct fh_channel_info info;

    fh_channel_info(v->ch, &info);
    *out = (struct fh_audit_event){.side = FH_AUDIT_VIEWER,
                                   .monotonic_ms = s->now,
                                   .path = "direct",
                                   .session = s->session_id[0] ? s->session_id : NULL,
                                   .user = s->user,
                                   .method = fh_method_name(s->auth.method),
                                   .bytes_in = info.bytes_in,
                                   .bytes_out = info.bytes_out,
                                   .duration_ms = s->now - s->made_ms};
    if (v->older) {
        out->bytes_in = v->older->wire.bytes_in;
        out->bytes_out = v->older->wire.bytes_out;
        out->fingerprint = v->older->has_identity ? v->older->identity : NULL;
        out->program = v->older->type ? fh_older_name(v->older->type) : NULL;
        return;
    }
    if (!s->server_spki)
        return;
    out->fingerprint = v->server.peer.fingerprint;
    out->program = v->server.peer.program;
}

static bool verified(const struct fh_viewer_conn *v, struct fh_audit_event *out)
{
    out->reason = trust_word(v->s.auth.trust);
    out->type = v->s.auth.trust == FH_TRUST_NONE ? FH_AUDIT_REFUSED : FH_AUDIT_IDENTIFIED;
    return true;
}

static bool failed(struct fh_audit_event *out, const char *reason)
{
    out->type = FH_AUDIT_AUTH_FAILED;
    out->reason = reason;
    return true;
}

/* Why nobody was let in, where that was a matter of authentication. */
static const char *failure_word(const struct fh_viewer_conn_event *ev)
{
    switch (ev->ended.error) {
    case FH_SESSION_E_UNCONFIRMED:
        return "unconfirmed";
    case FH_SESSION_E_IMPOSTOR:
        return "impostor";
    case FH_SESSION_E_SWAPPED:
        return "swapped";
    default:
        return ev->ended.reason == FH_BYE_AUTH ? "refused" : NULL;
    }
}

static bool ended(const struct fh_viewer_conn *v, const struct fh_viewer_conn_event *ev, unsigned n,
                  struct fh_audit_event *out)
{
    const char *why = v->s.session_id[0] ? NULL : failure_word(ev);

    if (why && n == 0)
        return failed(out, why);
    out->type = FH_AUDIT_ENDED;
    out->failed = fh_bye_is_failure(ev->ended.reason);
    out->reason = fh_bye_word(ev->ended.reason);
    out->permissions = v->s.permissions;
    out->has_permissions = v->s.session_id[0] != '\0';
    return n == (why != NULL);
}

static bool permitted(const struct fh_viewer_conn *v, enum fh_audit_type type,
                      struct fh_audit_event *out)
{
    out->type = type;
    out->permissions = v->s.permissions;
    out->has_permissions = true;
    return true;
}

bool fh_viewer_conn_audit(const struct fh_viewer_conn *v, const struct fh_viewer_conn_event *ev,
                          unsigned n, struct fh_audit_event *out)
{
    describe(v, out);
    if (ev->type == FH_VIEWER_CONN_EV_ENDED)
        return ended(v, ev, n, out);
    if (n > 0)
        return false;
    switch (ev->type) {
    case FH_VIEWER_CONN_EV_VERIFY_SERVER:
        return verified(v, out);
    case FH_VIEWER_CONN_EV_CREDENTIALS:
        return ev->credentials.attempt > 1 && failed(out, "wrong");
    case FH_VIEWER_CONN_EV_STARTED:
        return permitted(v, FH_AUDIT_STARTED, out);
    case FH_VIEWER_CONN_EV_PERMISSIONS:
        return permitted(v, FH_AUDIT_PERMISSIONS, out);
    default:
        return false;
    }
}
