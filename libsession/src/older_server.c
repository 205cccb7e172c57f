/* SPDX-License-Identifier: MIT */
#include "older_server.h"

#include <string.h>

#include <farhand/auth.h>
#include <farhand/session_error.h>

static const char wrong[] = "Authentication failed";

static void tell(struct fh__older_server *o, enum fh__older_server_event_type type)
{
    o->due |= 1u << type;
}

static void fail(struct fh__older_server *o, int error)
{
    if (o->state == FH__OLDER_S_ENDED)
        return;
    o->state = FH__OLDER_S_ENDED;
    o->error = error;
    o->due = 0;
    fh__older_expect(&o->wire, 0);
    tell(o, FH__OLDER_S_EV_FAILED);
}

static void broken(struct fh__older_server *o)
{
    fail(o, FH_SESSION_E_PROTO);
}

static void must(struct fh__older_server *o, bool is_said)
{
    if (!is_said)
        fail(o, FH_SESSION_E_LIMIT);
}

static void expect(struct fh__older_server *o, enum fh__older_server_state state, size_t bytes)
{
    if (o->state == FH__OLDER_S_ENDED)
        return;
    o->state = state;
    fh__older_expect(&o->wire, bytes);
}

static bool is_offered(const struct fh__older_server *o, unsigned type)
{
    for (size_t i = 0; i < o->offer.n_types; i++)
        if (o->offer.types[i] == type)
            return true;
    return false;
}

/* ---- reasons ---- */

static void say_reason(struct fh__older_server *o, const char *reason)
{
    size_t len = strlen(reason);
    uint8_t text[4 + 256];
    struct wr w = wr_init(text, sizeof text);

    wr_u32(&w, (uint32_t)len);
    wr_bytes(&w, reason, len);
    must(o, !w.bad && fh__older_say(&o->wire, text, w.len));
}

/* In place of a list of types. */
static void say_none(struct fh__older_server *o, const char *reason)
{
    must(o, o->version == 3 ? fh__older_say_u32(&o->wire, 0) : fh__older_say_u8(&o->wire, 0));
    say_reason(o, reason);
}

/* ---- credentials ---- */

static void login(struct fh__older_server *o)
{
    expect(o, FH__OLDER_S_LOGIN, 0);
    tell(o, FH__OLDER_S_EV_LOGIN);
}

static void challenge(struct fh__older_server *o)
{
    o->random(o->random_user, o->proof, FH_VNCAUTH_LEN);
    must(o, fh__older_say(&o->wire, o->proof, FH_VNCAUTH_LEN));
    expect(o, FH__OLDER_S_RESPONSE, FH_VNCAUTH_LEN);
}

static void on_response(struct fh__older_server *o)
{
    memcpy(o->proof + FH_VNCAUTH_LEN, o->wire.message, FH_VNCAUTH_LEN);
    login(o);
}

static void begin_credentials(struct fh__older_server *o)
{
    unsigned what = fh_older_what(o->type);

    if (what & FH_OLDER_IS_VNC)
        challenge(o);
    else if (what & FH_OLDER_IS_NONE)
        login(o);
    else
        expect(o, FH__OLDER_S_PLAIN, 8);
}

static void on_plain_body(struct fh__older_server *o)
{
    o->user = (const char *)o->wire.message;
    o->password = o->user + o->user_len;
    o->state = FH__OLDER_S_LOGIN; /* and what was read stays, until it is decided */
    o->wire.need = o->wire.have;
    tell(o, FH__OLDER_S_EV_LOGIN);
}

/* VeNCrypt Plain: u32 length of the name, u32 of the password, name, password. */
static void on_plain(struct fh__older_server *o)
{
    struct rd r = rd_init(o->wire.message, o->wire.have);
    uint32_t user = rd_u32(&r), password = rd_u32(&r);

    if (user > FH_AUTH_USER_MAX || password > FH_AUTH_PASSWORD_MAX) {
        broken(o);
        return;
    }
    o->user_len = user;
    o->password_len = password;
    expect(o, FH__OLDER_S_PLAIN_BODY, user + password);
    if (user + password == 0)
        on_plain_body(o);
}

static void begin_rsa(struct fh__older_server *o)
{
    const struct fh_rsaaes_config cfg = {.role = FH_ROLE_SERVER,
                                         .type = (enum fh_rsaaes_type)o->type,
                                         .random = o->random,
                                         .random_user = o->random_user,
                                         .pub = o->offer.rsa_pub,
                                         .pub_len = o->offer.rsa_pub_len};

    o->wire.rsa = fh_rsaaes_new(&cfg);
    expect(o, FH__OLDER_S_RSA, 0);
    if (!o->wire.rsa)
        fail(o, FH_SESSION_E_NOMEM);
}

/* ---- the type ---- */

static void choose(struct fh__older_server *o, unsigned type)
{
    o->type = type;
    tell(o, FH__OLDER_S_EV_CHOSEN);
    if (fh_older_what(type) & FH_OLDER_IS_RSA)
        begin_rsa(o);
    else
        begin_credentials(o);
}

static bool is_in_vencrypt(unsigned type)
{
    return type > 255;
}

/* VeNCrypt stands where the best of what is in it stands. */
static size_t list_types(const struct fh__older_server *o, uint8_t *out)
{
    bool has_vencrypt = false;
    size_t n = 0;

    for (size_t i = 0; i < o->offer.n_types; i++) {
        if (!is_in_vencrypt(o->offer.types[i]))
            out[n++] = (uint8_t)o->offer.types[i];
        else if (!has_vencrypt)
            out[n++] = FH__OLDER_VENCRYPT;
        has_vencrypt |= is_in_vencrypt(o->offer.types[i]);
    }
    return n;
}

/* Such a viewer has no choice: it is told, and knows two types. */
static void begin_33(struct fh__older_server *o)
{
    unsigned type = is_offered(o, FH_OLDER_VNC)    ? FH_OLDER_VNC
                    : is_offered(o, FH_OLDER_NONE) ? FH_OLDER_NONE
                                                   : 0;

    if (type == 0) {
        say_none(o, "This server needs a newer viewer: RFB 3.3 has none of its security types");
        fail(o, FH_SESSION_E_PROTO);
        return;
    }
    must(o, fh__older_say_u32(&o->wire, type));
    choose(o, type);
}

void fh__older_server_proceed(struct fh__older_server *o)
{
    uint8_t list[1 + FH_OLDER_MAX];

    if (o->state != FH__OLDER_S_HELLO)
        return;
    if (o->version == 3) {
        begin_33(o);
        return;
    }
    list[0] = (uint8_t)list_types(o, list + 1);
    must(o, fh__older_say(&o->wire, list, 1u + list[0]));
    expect(o, FH__OLDER_S_TYPE, 1);
}

void fh__older_server_refuse(struct fh__older_server *o, const char *reason)
{
    if (o->state != FH__OLDER_S_HELLO)
        return;
    say_none(o, reason);
    o->state = FH__OLDER_S_ENDED;
}

static void on_version(struct fh__older_server *o)
{
    o->version = fh__older_version(o->wire.message);
    if (o->version == 0) {
        broken(o);
        return;
    }
    expect(o, FH__OLDER_S_HELLO, 0);
    tell(o, FH__OLDER_S_EV_HELLO);
}

/* A type that was not offered ends it: that some servers took it has let people in. */
static void on_type(struct fh__older_server *o)
{
    uint8_t type = o->wire.message[0], list[FH_OLDER_MAX];
    size_t n = list_types(o, list);

    if (!memchr(list, type, n)) {
        broken(o);
    } else if (type == FH__OLDER_VENCRYPT) {
        must(o, fh__older_say(&o->wire, "\0\2", 2)); /* VeNCrypt 0.2 */
        expect(o, FH__OLDER_S_VENCRYPT, 2);
    } else {
        choose(o, type);
    }
}

static void on_vencrypt(struct fh__older_server *o)
{
    uint8_t list[1 + 4 * FH_OLDER_MAX];
    struct wr w = wr_init(list, sizeof list);

    if (o->wire.message[0] != 0 || o->wire.message[1] != 2) {
        must(o, fh__older_say_u8(&o->wire, 255));
        broken(o);
        return;
    }
    must(o, fh__older_say_u8(&o->wire, 0));
    wr_u8(&w, 0);
    for (size_t i = 0; i < o->offer.n_types; i++)
        if (is_in_vencrypt(o->offer.types[i]))
            wr_u32(&w, o->offer.types[i]);
    list[0] = (uint8_t)((w.len - 1) / 4);
    must(o, fh__older_say(&o->wire, list, w.len));
    expect(o, FH__OLDER_S_VENCRYPT_TYPE, 4);
}

static void on_vencrypt_type(struct fh__older_server *o)
{
    struct rd r = rd_init(o->wire.message, o->wire.have);
    uint32_t type = rd_u32(&r);

    if (!is_in_vencrypt(type) || !is_offered(o, type)) {
        broken(o);
        return;
    }
    o->type = type;
    must(o, fh__older_say_u8(&o->wire, 1));
    expect(o, FH__OLDER_S_TLS, 0);
    tell(o, FH__OLDER_S_EV_CHOSEN);
    tell(o, FH__OLDER_S_EV_TLS);
}

int fh__older_server_tls_started(struct fh__older_server *o)
{
    if (o->state != FH__OLDER_S_TLS || (o->due & 1u << FH__OLDER_S_EV_TLS))
        return FH_SESSION_E_STATE;
    begin_credentials(o);
    return 0;
}

/* ---- RSA-AES ---- */

static void on_rsa_login(struct fh__older_server *o, const struct fh_rsaaes_event *ev)
{
    o->user = ev->login.user;
    o->user_len = ev->login.user_len;
    o->password = ev->login.password;
    o->password_len = ev->login.password_len;
    login(o);
}

/* What came may be told in pieces: one record is worked off before the next is read. */
static void take_rsa_events(struct fh__older_server *o)
{
    struct fh_rsaaes_event ev;

    if (!o->wire.rsa || o->wire.left > 0 || !fh_rsaaes_event(o->wire.rsa, &ev))
        return;
    if (ev.type == FH_RSAAES_EV_DECRYPT) {
        o->decrypt = ev;
        tell(o, FH__OLDER_S_EV_DECRYPT);
    } else if (ev.type == FH_RSAAES_EV_LOGIN) {
        on_rsa_login(o, &ev);
    } else if (ev.type == FH_RSAAES_EV_DATA) {
        o->wire.data = ev.data.data;
        o->wire.left = ev.data.len;
    }
}

int fh__older_server_decrypted(struct fh__older_server *o, const uint8_t *secret, size_t len)
{
    int ret;

    if (o->state != FH__OLDER_S_RSA)
        return FH_SESSION_E_STATE;
    ret = fh_rsaaes_decrypted(o->wire.rsa, secret, len);
    if (fh_rsaaes_error(o->wire.rsa) != 0)
        fail(o, fh_rsaaes_error(o->wire.rsa));
    return ret;
}

/* ---- the end of the handshake ---- */

/* Before 3.8 None is followed by nothing. */
static bool has_result(const struct fh__older_server *o)
{
    return o->version == 8 || o->type != FH_OLDER_NONE;
}

void fh__older_server_result(struct fh__older_server *o, bool is_let_in)
{
    if (o->state != FH__OLDER_S_LOGIN)
        return;
    o->due = 0;
    fh_wipe(o->proof, sizeof o->proof);
    o->user = o->password = NULL;
    fh__older_expect(&o->wire, 0);
    if (is_let_in) {
        if (has_result(o))
            must(o, fh__older_say_u32(&o->wire, 0));
        if (o->state == FH__OLDER_S_ENDED)
            return;
        o->state = FH__OLDER_S_OPEN;
        o->wire.is_open = true;
        return;
    }
    if (has_result(o)) {
        uint8_t text[8 + sizeof wrong];
        struct wr w = wr_init(text, sizeof text);

        wr_u32(&w, 1);
        if (o->version == 8) {
            wr_u32(&w, sizeof wrong - 1);
            wr_bytes(&w, wrong, sizeof wrong - 1);
        }
        (void)fh__older_say(&o->wire, text, w.len);
    }
    o->state = FH__OLDER_S_ENDED;
}

/* ---- the calls ---- */

void fh__older_server_init(struct fh__older_server *o, const struct fh_older_offer *offer,
                           fh_random_fn random, void *random_user)
{
    o->offer = *offer;
    o->random = random;
    o->random_user = random_user;
    expect(o, FH__OLDER_S_VERSION, FH__OLDER_VERSION_LEN);
}

void fh__older_server_finish(struct fh__older_server *o)
{
    fh__older_wire_finish(&o->wire);
    fh_wipe(o, sizeof *o);
}

static void step(struct fh__older_server *o)
{
    switch (o->state) {
    case FH__OLDER_S_VERSION:
        on_version(o);
        return;
    case FH__OLDER_S_TYPE:
        on_type(o);
        return;
    case FH__OLDER_S_VENCRYPT:
        on_vencrypt(o);
        return;
    case FH__OLDER_S_VENCRYPT_TYPE:
        on_vencrypt_type(o);
        return;
    case FH__OLDER_S_PLAIN:
        on_plain(o);
        return;
    case FH__OLDER_S_PLAIN_BODY:
        on_plain_body(o);
        return;
    case FH__OLDER_S_RESPONSE:
        on_response(o);
        return;
    case FH__OLDER_S_HELLO:
    case FH__OLDER_S_TLS:
    case FH__OLDER_S_RSA:
    case FH__OLDER_S_LOGIN:
    case FH__OLDER_S_OPEN:
    case FH__OLDER_S_ENDED:
        break;
    }
    broken(o);
}

uint8_t *fh__older_server_in(struct fh__older_server *o, size_t *room)
{
    *room = 0;
    if (o->due != 0 || o->state == FH__OLDER_S_LOGIN || o->state == FH__OLDER_S_ENDED)
        return NULL;
    return fh__older_wire_in(&o->wire, room);
}

void fh__older_server_in_done(struct fh__older_server *o, size_t used)
{
    int ret = fh__older_wire_in_done(&o->wire, used);

    if (ret != 0) {
        fail(o, ret);
        return;
    }
    take_rsa_events(o);
    if (o->state != FH__OLDER_S_OPEN && fh__older_wire_fill(&o->wire))
        step(o);
}

enum fh__older_server_event_type fh__older_server_event(struct fh__older_server *o)
{
    size_t len;

    for (unsigned t = 1; t <= FH__OLDER_S_EV_FAILED; t++) {
        if ((o->due & 1u << t) == 0)
            continue;
        /* TLS begins behind the last byte in clear. */
        if (t == FH__OLDER_S_EV_TLS && fh__older_wire_out(&o->wire, &len))
            return FH__OLDER_S_EV_NOTHING;
        o->due &= ~(1u << t);
        return (enum fh__older_server_event_type)t;
    }
    return FH__OLDER_S_EV_NOTHING;
}
