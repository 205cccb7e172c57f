/* SPDX-License-Identifier: MIT */
/* What a Server app says to one of its sessions, and asks of it. */
#include <string.h>

#include "internal.h"
#include "server_uv.h"

int fh_session_set_methods(struct fh_session *s, const uint8_t *methods, size_t n)
{
    struct fh_server_conn *conn;

    if (!s->is_requested || s->is_disconnected || s->server->is_closing)
        return FH_SESSION_E_STATE;
    if (!fh__server_are_methods(methods, n))
        return FH_SESSION_E_INVAL;
    if (!(conn = fh__server_make_conn(s->server, methods, n)))
        return FH_SESSION_E_NOMEM;
    fh_server_conn_free(s->conn);
    s->conn = s->carrier.conn = conn;
    return 0;
}

int fh_session_set_cloud(struct fh_session *s, const uint8_t *session_ref, const uint8_t *secret)
{
    if (!s->is_requested)
        return FH_SESSION_E_STATE;
    s->has_cloud = true;
    memcpy(s->session_ref, session_ref, sizeof s->session_ref);
    s->has_cloud_secret = secret != NULL;
    if (secret)
        memcpy(s->cloud_secret, secret, sizeof s->cloud_secret);
    return 0;
}

/* The core learns what time it is before it is answered: its next deadline runs from then. */
static void catch_up(struct fh_session *s)
{
    (void)fh_server_conn_tick(s->conn, uv_now(s->server->loop));
    fh__carrier_soon(&s->carrier);
}

void fh_session_proceed(struct fh_session *s)
{
    if (!s->awaits_hello)
        return;
    s->awaits_hello = false;
    catch_up(s);
    fh__session_admit(s);
}

void fh_session_refuse(struct fh_session *s, unsigned retry_s)
{
    if (!s->awaits_hello)
        return;
    s->awaits_hello = false;
    catch_up(s);
    (void)fh_server_conn_refuse(s->conn, retry_s);
}

void fh_session_signed(struct fh_session *s, const uint8_t *sig, size_t len)
{
    if (!s->awaits_signature)
        return;
    s->awaits_signature = false;
    catch_up(s);
    if (len == 0 || fh_server_conn_signed(s->conn, sig, len) != 0)
        fh_server_conn_close(s->conn, FH_BYE_INTERNAL, true);
}

void fh_session_decrypted(struct fh_session *s, const uint8_t *secret, size_t len)
{
    if (!s->awaits_decryption)
        return;
    s->awaits_decryption = false;
    catch_up(s);
    if (len == 0 || fh_server_conn_decrypted(s->conn, secret, len) != 0)
        fh_server_conn_close(s->conn, FH_BYE_INTERNAL, true);
}

int fh_session_ask(struct fh_session *s, const struct fh_item *items, size_t n)
{
    int ret = FH_SESSION_E_STATE;

    if (s->awaits_answer)
        ret = fh_server_conn_ask(s->conn, uv_now(s->server->loop), items, n);
    for (size_t i = 0; ret == 0 && i < n; i++)
        s->awaits_answer = s->awaits_answer && items[i].kind == FH_KIND_NOTICE;
    fh__carrier_soon(&s->carrier);
    return ret;
}

int fh_session_notice(struct fh_session *s, const char *text)
{
    int ret = s->has_ended ? FH_SESSION_E_STATE : fh_server_conn_notice(s->conn, text);

    fh__carrier_soon(&s->carrier);
    return ret;
}

/* An answer that comes twice, or when the connection has ended, is of no use and does no harm. */
void fh_session_authenticated(struct fh_session *s, uint32_t permissions)
{
    size_t len;
    const uint8_t *addr = fh_session_ip(s, &len);

    if (s->has_ended || !s->awaits_answer)
        return;
    s->awaits_answer = false;
    if (fh_permissions_normal(permissions) != 0 && !s->is_authenticated) {
        if (fh_admission_authenticated(s->server->admission, addr, len) != 0) {
            fh_session_disconnect(s, FH_BYE_BUSY, true);
            return;
        }
        s->is_authenticated = true;
    }
    s->granted = permissions;
    if ((permissions & FH_PERM_ALL) == 0 || !fh__session_wants_rotation(s))
        fh__session_begin(s, NULL);
}

void fh__session_begin(struct fh_session *s, const struct fh_rotation *r)
{
    int ret;

    if (s->has_ended)
        return;
    ret = fh_server_conn_authenticated(s->conn, uv_now(s->server->loop), s->granted);
    if (ret == FH_SESSION_E_STATE)
        fh_session_disconnect(s, FH_BYE_INTERNAL, true); /* granted what was not proved */
    if (ret == 0 && r)
        (void)fh_server_conn_rotate(s->conn, r);
    fh__carrier_soon(&s->carrier);
}

void fh_session_rotated(struct fh_session *s, const struct fh_rotation *r)
{
    if (!s->awaits_rotation)
        return;
    s->awaits_rotation = false;
    fh__session_begin(s, r);
}

void fh_session_resize_done(struct fh_session *s, int status)
{
    fh_server_conn_resize_done(s->conn, status);
    fh__carrier_soon(&s->carrier);
}

void fh_session_disconnect(struct fh_session *s, enum fh_bye reason, bool may_reconnect)
{
    s->is_disconnected = true;
    if (s->conn)
        fh_server_conn_close(s->conn, reason, may_reconnect);
    fh__carrier_soon(&s->carrier);
}

void fh_session_set_permissions(struct fh_session *s, uint32_t permissions)
{
    (void)fh_server_conn_set_permissions(s->conn, permissions);
    fh__carrier_soon(&s->carrier);
}

const char *fh_session_peer(const struct fh_session *s)
{
    return s->peer;
}

void fh_session_set_path(struct fh_session *s, const char *path, const char *cloud)
{
    s->path = path;
    fh__session_text_copy(cloud, s->cloud, sizeof s->cloud);
}

void fh_session_describe(const struct fh_session *s, struct fh_audit_event *ev)
{
    ev->connection = s->number;
    ev->peer = s->peer;
    ev->ip = fh_session_ip(s, &ev->ip_len);
    ev->path = s->path;
    ev->cloud = s->cloud[0] ? s->cloud : NULL;
    if (!ev->fingerprint)
        ev->fingerprint = fh_session_fingerprint(s);
    if (ev->monotonic_ms == 0)
        ev->monotonic_ms = uv_now(s->server->loop);
}

uint64_t fh_session_number(const struct fh_session *s)
{
    return s->number;
}

const uint8_t *fh_session_ip(const struct fh_session *s, size_t *len)
{
    *len = s->address.family == FH_ADDRESS_IPV4 ? 4 : s->address.family == FH_ADDRESS_IPV6 ? 16 : 0;
    return s->address.ip;
}

const uint8_t *fh_session_fingerprint(const struct fh_session *s)
{
    return s->conn ? fh_server_conn_fingerprint(s->conn) : NULL;
}

int fh_session_binding(const struct fh_session *s, uint8_t out[FH_AUTH_BINDING_LEN])
{
    return s->conn ? fh_server_conn_binding(s->conn, out) : FH_SESSION_E_STATE;
}

unsigned fh_session_method(const struct fh_session *s)
{
    return s->conn ? fh_server_conn_method(s->conn) : 0;
}

unsigned fh_session_older(const struct fh_session *s)
{
    return s->conn ? fh_server_conn_older(s->conn) : 0;
}

struct fh_server_conn *fh_session_conn(struct fh_session *s)
{
    return s->conn;
}

void fh_session_set_data(struct fh_session *s, void *data)
{
    s->data = data;
}

void *fh_session_data(const struct fh_session *s)
{
    return s->data;
}
