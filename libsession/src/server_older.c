/* SPDX-License-Identifier: MIT */
/* server_older.c -- a connection's other half: where the handshake of older viewers meets the
 * session that all viewers have. */
#include <stdio.h>
#include <string.h>

#include <farhand/identity.h>

#include "bye.h"
#include "conn.h"

enum {
    HANDSHAKE_MS = 15000,             /* from the viewer's version to its choice */
    PERSON_MS = FH_SERVER_AUTH_MAX_MS /* from there on: people compare keys and type passwords */
};

static const char greeting[] = "RFB 003.008\n";
static const char head[] = "RFB 003.";

/* ---- whose bytes they are ---- */

/* What the bytes so far can still be. */
static bool may_be_older(const struct fh_server_conn *c)
{
    size_t n = c->head_len < sizeof head - 1 ? c->head_len : sizeof head - 1;

    return memcmp(c->head, head, n) == 0;
}

static void give_to_channel(struct fh_server_conn *c, uint64_t now_ms)
{
    size_t room;
    uint8_t *in = fh_channel_in(c->ch, &room);

    c->is_looking = false;
    if (!in || room < c->head_len)
        return;
    memcpy(in, c->head, c->head_len);
    (void)fh_channel_in_done(c->ch, now_ms, c->head_len);
}

static void give_to_older(struct fh_server_conn *c, uint64_t now_ms)
{
    size_t room;
    uint8_t *in;

    c->is_looking = false;
    if (!(c->older = fh__older_server_new())) {
        fh__server_session_end(&c->s, FH_BYE_INTERNAL, FH_SESSION_E_NOMEM, false);
        return;
    }
    fh__older_server_init(c->older, &c->offer, c->s.random, c->s.random_user);
    fh__server_session_older(&c->s, fh__session_later(now_ms, HANDSHAKE_MS));
    in = fh__older_server_in(c->older, &room);
    memcpy(in, c->head, c->head_len);
    fh__older_server_in_done(c->older, c->head_len);
}

void fh__server_older_look(struct fh_server_conn *c, uint64_t now_ms, size_t used)
{
    c->head_len += used;
    if (!may_be_older(c))
        give_to_channel(c, now_ms);
    else if (c->head_len == sizeof c->head)
        give_to_older(c, now_ms);
}

/* ---- what it tells ---- */

static void on_chosen(struct fh_server_conn *c)
{
    snprintf(c->program, sizeof c->program, "RFB 3.%u, %s", c->older->version,
             fh_older_name(c->older->type));
    c->s.who.program = c->program;
    fh__server_session_older(&c->s, fh__session_later(c->s.now, PERSON_MS));
    fh__server_session_push(&c->s, FH_SERVER_CONN_EV_OLDER);
    fh__server_session_audit(&c->s, FH_AUDIT_IDENTIFIED, NULL, NULL);
}

static void on_login(struct fh_server_conn *c)
{
    const struct fh__older_server *o = c->older;
    unsigned what = fh_older_what(o->type);
    bool goes_on;

    if (what & FH_OLDER_IS_VNC)
        goes_on =
            fh__server_session_login(&c->s, FH_METHOD_VNC, NULL, 0, o->proof, sizeof o->proof);
    else if (what & FH_OLDER_IS_NONE)
        goes_on = fh__server_session_login(&c->s, FH_METHOD_NONE, NULL, 0, NULL, 0);
    else
        goes_on = fh__server_session_login(&c->s, FH_METHOD_PASSWORD, o->user, o->user_len,
                                           o->password, o->password_len);
    if (!goes_on)
        fh__older_server_result(c->older, false);
}

static bool take_data(struct fh_server_conn *c)
{
    struct fh__older_wire *w = &c->older->wire;

    if (c->older->state != FH__OLDER_S_OPEN || w->left == 0)
        return false;
    c->data = w->data;
    c->left = w->left;
    w->left = 0;
    return true;
}

bool fh__server_older_step(struct fh_server_conn *c)
{
    switch (fh__older_server_event(c->older)) {
    case FH__OLDER_S_EV_NOTHING:
        return take_data(c);
    case FH__OLDER_S_EV_HELLO:
        fh__server_session_push(&c->s, FH_SERVER_CONN_EV_HELLO);
        break;
    case FH__OLDER_S_EV_CHOSEN:
        on_chosen(c);
        break;
    case FH__OLDER_S_EV_TLS:
        fh__server_session_push(&c->s, FH_SERVER_CONN_EV_TLS);
        break;
    case FH__OLDER_S_EV_DECRYPT:
        fh__server_session_push(&c->s, FH_SERVER_CONN_EV_DECRYPT);
        break;
    case FH__OLDER_S_EV_LOGIN:
        on_login(c);
        break;
    case FH__OLDER_S_EV_FAILED:
        fh__server_session_end(&c->s, FH_BYE_PROTOCOL, c->older->error, false);
        break;
    }
    return true;
}

/* What only the connection knows of an event. */
void fh__server_older_complete(const struct fh_server_conn *c, struct fh_server_conn_event *ev)
{
    const struct fh__older_server *o = c->older;

    if (ev->type == FH_SERVER_CONN_EV_OLDER) {
        ev->older.type = o->type;
        ev->older.version = o->version;
    } else if (ev->type == FH_SERVER_CONN_EV_DECRYPT) {
        ev->decrypt.data = o->decrypt.decrypt.data;
        ev->decrypt.len = o->decrypt.decrypt.len;
        ev->decrypt.want = o->decrypt.decrypt.want;
    } else if (ev->type == FH_SERVER_CONN_EV_AUDIT) {
        ev->audit.bytes_in = o->wire.bytes_in;
        ev->audit.bytes_out = FH__OLDER_VERSION_LEN + o->wire.bytes_out;
    }
}

/* ---- bytes to the viewer ---- */

static bool fill(struct fh_server_conn *c, uint64_t now_ms)
{
    enum fh_channel_padding padding;
    size_t room, n;
    uint8_t *mem = fh__older_wire_write(&c->older->wire, &room);
    int ret;

    if (!mem || (n = fh__server_session_fill(&c->s, now_ms, mem, room, &padding)) == 0)
        return false;
    if ((ret = fh__older_wire_write_done(&c->older->wire, n)) != 0)
        fh__server_session_end(&c->s, FH_BYE_INTERNAL, ret, false);
    return true;
}

const uint8_t *fh__server_older_out(struct fh_server_conn *c, uint64_t now_ms, size_t *len)
{
    const uint8_t *p;

    if (c->greeting_due) {
        *len = FH__OLDER_VERSION_LEN - c->greeting_at;
        return (const uint8_t *)greeting + c->greeting_at;
    }
    p = fh__older_wire_out(&c->older->wire, len);
    if (!p && c->s.state == FH_SERVER_RUNNING && fill(c, now_ms))
        p = fh__older_wire_out(&c->older->wire, len);
    return p;
}

/* ---- the end ---- */

void fh__server_older_refuse(struct fh_server_conn *c, unsigned retry_s)
{
    char reason[64] = "The server is busy";

    if (retry_s > 0)
        snprintf(reason, sizeof reason, "The server is busy; try again in %u s", retry_s);
    fh__older_server_refuse(c->older, reason);
    fh__server_session_end(&c->s, FH_BYE_BUSY, FH_SESSION_E_BUSY, false);
}
