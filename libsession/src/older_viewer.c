/* SPDX-License-Identifier: MIT */
#include "older_viewer.h"

#include <stdio.h>
#include <string.h>

#include <farhand/digest.h>
#include <farhand/session_error.h>

static void tell(struct fh__older_viewer *o, enum fh__older_viewer_event_type type)
{
    o->due |= 1u << type;
}

static void fail(struct fh__older_viewer *o, int error)
{
    if (o->state == FH__OLDER_V_ENDED)
        return;
    o->state = FH__OLDER_V_ENDED;
    o->error = error;
    o->due = 0;
    o->wire.need = 0; /* what was read may be the reason */
    tell(o, FH__OLDER_V_EV_FAILED);
}

static void broken(struct fh__older_viewer *o)
{
    fail(o, FH_SESSION_E_PROTO);
}

static void must(struct fh__older_viewer *o, bool is_said)
{
    if (!is_said)
        fail(o, FH_SESSION_E_LIMIT);
}

static void expect(struct fh__older_viewer *o, enum fh__older_viewer_state state, size_t bytes)
{
    if (o->state == FH__OLDER_V_ENDED)
        return;
    o->state = state;
    fh__older_expect(&o->wire, bytes);
}

static struct rd message(const struct fh__older_viewer *o)
{
    return rd_init(o->wire.message, o->wire.have);
}

/* ---- what is taken ---- */

/* What a minimum leaves out is not taken whatever else there is: who carries the bytes can strip a
 * list, and none of these types protects it. */
static bool is_acceptable(const struct fh__older_viewer *o, unsigned type)
{
    unsigned strength = fh_older_strength(type);

    if (strength == 0 || (o->only ? type != o->only : strength < o->minimum))
        return false;
    return o->has_tls || (fh_older_what(type) & FH_OLDER_IS_TLS) == 0;
}

static void take_better(const struct fh__older_viewer *o, unsigned type, unsigned *best)
{
    if (is_acceptable(o, type) && fh_older_strength(type) > fh_older_strength(*best))
        *best = type;
}

static bool may_be_in_vencrypt(const struct fh__older_viewer *o)
{
    return is_acceptable(o, FH_OLDER_X509_PLAIN) || is_acceptable(o, FH_OLDER_X509_VNC) ||
           is_acceptable(o, FH_OLDER_X509_NONE);
}

/* ---- reasons ---- */

static void expect_reason(struct fh__older_viewer *o)
{
    o->refused = true;
    expect(o, FH__OLDER_V_REASON_LEN, 4);
}

static void on_reason_len(struct fh__older_viewer *o)
{
    struct rd r = message(o);
    uint32_t len = rd_u32(&r);

    if (len > FH__OLDER_REASON_MAX)
        broken(o);
    else if (len == 0)
        fail(o, FH_SESSION_E_AUTH);
    else
        expect(o, FH__OLDER_V_REASON, len);
}

static void on_reason(struct fh__older_viewer *o)
{
    o->reason = o->wire.message;
    o->reason_len = o->wire.have;
    fail(o, FH_SESSION_E_AUTH);
}

/* ---- version and type ---- */

/* RFB ddd.ddd: what is newer than 3.8 takes 3.8, what is between counts as the older. */
static unsigned version_of(const uint8_t *text)
{
    unsigned major = 0, minor = 0;

    if (memcmp(text, "RFB ", 4) != 0 || text[7] != '.' || text[11] != '\n')
        return 0;
    for (int i = 0; i < 3; i++) {
        if (text[4 + i] < '0' || text[4 + i] > '9' || text[8 + i] < '0' || text[8 + i] > '9')
            return 0;
        major = 10 * major + (unsigned)(text[4 + i] - '0');
        minor = 10 * minor + (unsigned)(text[8 + i] - '0');
    }
    if (major < 3 || (major == 3 && minor < 3))
        return 0;
    return major > 3 || minor >= 8 ? 8 : minor == 7 ? 7 : 3;
}

static void on_version(struct fh__older_viewer *o)
{
    char text[FH__OLDER_VERSION_LEN + 1];

    o->version = version_of(o->wire.message);
    if (o->version == 0) {
        broken(o);
        return;
    }
    snprintf(text, sizeof text, "RFB 003.00%u\n", o->version);
    must(o, fh__older_say(&o->wire, text, FH__OLDER_VERSION_LEN));
    if (o->version == 3)
        expect(o, FH__OLDER_V_TYPE_33, 4);
    else
        expect(o, FH__OLDER_V_COUNT, 1);
}

static void begin_rsa(struct fh__older_viewer *o)
{
    const struct fh_rsaaes_config cfg = {.role = FH_ROLE_CLIENT,
                                         .type = (enum fh_rsaaes_type)o->type,
                                         .random = o->random,
                                         .random_user = o->random_user};

    o->wire.rsa = fh_rsaaes_new(&cfg);
    expect(o, FH__OLDER_V_RSA, 0);
    if (!o->wire.rsa)
        fail(o, FH_SESSION_E_NOMEM);
}

/* Nothing of ours was said yet but a number. */
static void verify(struct fh__older_viewer *o)
{
    expect(o, FH__OLDER_V_VERIFY, 0);
    tell(o, FH__OLDER_V_EV_VERIFY);
}

static void choose(struct fh__older_viewer *o, unsigned type)
{
    o->type = type;
    if (fh_older_what(type) & FH_OLDER_IS_RSA)
        begin_rsa(o);
    else
        verify(o);
}

static void on_type_33(struct fh__older_viewer *o)
{
    struct rd r = message(o);
    uint32_t type = rd_u32(&r);

    if (type == 0)
        expect_reason(o);
    else if (type != FH_OLDER_NONE && type != FH_OLDER_VNC)
        broken(o);
    else if (!is_acceptable(o, type))
        fail(o, FH_SESSION_E_WEAK);
    else
        choose(o, type);
}

static void on_count(struct fh__older_viewer *o)
{
    if (o->wire.message[0] == 0)
        expect_reason(o);
    else
        expect(o, FH__OLDER_V_TYPES, o->wire.message[0]);
}

static void on_types(struct fh__older_viewer *o)
{
    bool has_vencrypt = memchr(o->wire.message, FH__OLDER_VENCRYPT, o->wire.have) != NULL;
    unsigned best = 0;

    for (size_t i = 0; i < o->wire.have; i++)
        take_better(o, o->wire.message[i], &best);
    if (has_vencrypt && may_be_in_vencrypt(o)) {
        must(o, fh__older_say_u8(&o->wire, FH__OLDER_VENCRYPT));
        expect(o, FH__OLDER_V_VENCRYPT, 2);
    } else if (best == 0) {
        fail(o, FH_SESSION_E_WEAK);
    } else {
        must(o, fh__older_say_u8(&o->wire, (uint8_t)best));
        choose(o, best);
    }
}

/* ---- VeNCrypt ---- */

static void on_vencrypt(struct fh__older_viewer *o)
{
    if (o->wire.message[0] == 0 && o->wire.message[1] < 2) {
        broken(o);
        return;
    }
    must(o, fh__older_say(&o->wire, "\0\2", 2));
    expect(o, FH__OLDER_V_VENCRYPT_ACK, 1);
}

static void on_vencrypt_ack(struct fh__older_viewer *o)
{
    if (o->wire.message[0] != 0)
        broken(o);
    else
        expect(o, FH__OLDER_V_SUBCOUNT, 1);
}

static void on_subcount(struct fh__older_viewer *o)
{
    if (o->wire.message[0] == 0)
        broken(o);
    else
        expect(o, FH__OLDER_V_SUBTYPES, 4u * o->wire.message[0]);
}

static void on_subtypes(struct fh__older_viewer *o)
{
    struct rd r = message(o);
    unsigned best = 0;

    while (r.left > 0) {
        uint32_t type = rd_u32(&r);

        if (fh_older_what(type) & FH_OLDER_IS_TLS)
            take_better(o, type, &best);
    }
    if (best == 0) {
        fail(o, FH_SESSION_E_WEAK);
        return;
    }
    o->type = best;
    must(o, fh__older_say_u32(&o->wire, best));
    expect(o, FH__OLDER_V_TLS_ACK, 1);
}

static void on_tls_ack(struct fh__older_viewer *o)
{
    if (o->wire.message[0] != 1) {
        broken(o);
        return;
    }
    expect(o, FH__OLDER_V_TLS, 0);
    tell(o, FH__OLDER_V_EV_TLS);
}

int fh__older_viewer_tls_started(struct fh__older_viewer *o,
                                 const uint8_t identity[FH__OLDER_IDENTITY_LEN])
{
    if (o->state != FH__OLDER_V_TLS || (o->due & 1u << FH__OLDER_V_EV_TLS))
        return FH_SESSION_E_STATE;
    memcpy(o->identity, identity, sizeof o->identity);
    o->has_identity = true;
    verify(o);
    return 0;
}

/* ---- credentials ---- */

static void ask(struct fh__older_viewer *o, bool needs_user)
{
    o->needs_user = needs_user;
    expect(o, FH__OLDER_V_ASK, 0);
    tell(o, FH__OLDER_V_EV_CREDENTIALS);
}

static void open_session(struct fh__older_viewer *o)
{
    expect(o, FH__OLDER_V_OPEN, 0);
    if (o->state != FH__OLDER_V_OPEN)
        return;
    o->wire.is_open = true;
    tell(o, FH__OLDER_V_EV_OPEN);
}

static void expect_result(struct fh__older_viewer *o)
{
    if (o->type == FH_OLDER_NONE && o->version < 8)
        open_session(o);
    else
        expect(o, FH__OLDER_V_RESULT, 4);
}

void fh__older_viewer_accept(struct fh__older_viewer *o)
{
    unsigned what = fh_older_what(o->type);

    if (o->state != FH__OLDER_V_VERIFY || o->due != 0)
        return;
    if (what & FH_OLDER_IS_RSA) {
        expect(o, FH__OLDER_V_KEY, 0);
        tell(o, FH__OLDER_V_EV_KEY);
    } else if (what & FH_OLDER_IS_VNC) {
        expect(o, FH__OLDER_V_CHALLENGE, FH_VNCAUTH_LEN);
    } else if (what & FH_OLDER_IS_LOGIN) {
        ask(o, true);
    } else {
        expect_result(o);
    }
}

static void on_challenge(struct fh__older_viewer *o)
{
    memcpy(o->challenge, o->wire.message, sizeof o->challenge);
    ask(o, false);
}

static int respond(struct fh__older_viewer *o, const char *password, size_t len)
{
    uint8_t response[FH_VNCAUTH_LEN];
    int ret = fh_vncauth_response(password, len, o->challenge, response);

    if (ret == 0)
        must(o, fh__older_say(&o->wire, response, sizeof response));
    fh_wipe(response, sizeof response);
    return ret;
}

static void say_plain(struct fh__older_viewer *o, const char *user, const char *password,
                      size_t password_len)
{
    size_t user_len = strlen(user);

    must(o, fh__older_say_u32(&o->wire, (uint32_t)user_len) &&
                fh__older_say_u32(&o->wire, (uint32_t)password_len) &&
                fh__older_say(&o->wire, user, user_len) &&
                fh__older_say(&o->wire, password, password_len));
}

int fh__older_viewer_credentials(struct fh__older_viewer *o, const char *user, const char *password,
                                 size_t password_len)
{
    unsigned what = fh_older_what(o->type);
    int ret = 0;

    if (o->state != FH__OLDER_V_ASK || o->due != 0)
        return FH_SESSION_E_STATE;
    if (what & FH_OLDER_IS_RSA)
        ret = fh_rsaaes_credentials(o->wire.rsa, user, strlen(user), password, password_len);
    else if (what & FH_OLDER_IS_VNC)
        ret = respond(o, password, password_len);
    else
        say_plain(o, user, password, password_len);
    if (ret != 0) {
        fail(o, ret);
        return ret;
    }
    expect_result(o);
    return 0;
}

static void on_result(struct fh__older_viewer *o)
{
    struct rd r = message(o);

    if (rd_u32(&r) == 0) {
        open_session(o);
        return;
    }
    o->refused = true;
    if (o->version == 8)
        expect_reason(o);
    else
        fail(o, FH_SESSION_E_AUTH);
}

/* ---- RSA-AES ---- */

static void on_rsa_key(struct fh__older_viewer *o, const struct fh_rsaaes_event *ev)
{
    fh_sha256(ev->key.pub, ev->key.len, o->identity);
    fh_rsaaes_fingerprint(ev->key.pub, ev->key.len, o->short_text);
    o->has_identity = true;
    verify(o);
}

static void take_rsa_events(struct fh__older_viewer *o)
{
    struct fh_rsaaes_event ev;

    if (!o->wire.rsa || o->wire.left > 0 || !fh_rsaaes_event(o->wire.rsa, &ev))
        return;
    switch (ev.type) {
    case FH_RSAAES_EV_VERIFY:
        on_rsa_key(o, &ev);
        return;
    case FH_RSAAES_EV_DECRYPT:
        o->decrypt = ev;
        tell(o, FH__OLDER_V_EV_DECRYPT);
        return;
    case FH_RSAAES_EV_CREDENTIALS:
        ask(o, ev.needs_user);
        return;
    case FH_RSAAES_EV_DATA:
        o->wire.data = ev.data.data;
        o->wire.left = ev.data.len;
        return;
    case FH_RSAAES_EV_LOGIN:
        return;
    }
}

int fh__older_viewer_key(struct fh__older_viewer *o, const uint8_t *pub, size_t pub_len)
{
    int ret;

    if (o->state != FH__OLDER_V_KEY || o->due != 0)
        return FH_SESSION_E_STATE;
    if ((ret = fh_rsaaes_accept(o->wire.rsa, pub, pub_len)) != 0)
        fail(o, ret);
    else
        expect(o, FH__OLDER_V_RSA, 0);
    return ret;
}

int fh__older_viewer_decrypted(struct fh__older_viewer *o, const uint8_t *secret, size_t len)
{
    int ret;

    if (o->state != FH__OLDER_V_RSA || o->due != 0)
        return FH_SESSION_E_STATE;
    ret = fh_rsaaes_decrypted(o->wire.rsa, secret, len);
    if (fh_rsaaes_error(o->wire.rsa) != 0)
        fail(o, fh_rsaaes_error(o->wire.rsa));
    return ret;
}

/* ---- the calls ---- */

void fh__older_viewer_init(struct fh__older_viewer *o, unsigned minimum, unsigned only,
                           bool has_tls, fh_random_fn random, void *random_user)
{
    o->minimum = minimum;
    o->only = only;
    o->has_tls = has_tls;
    o->random = random;
    o->random_user = random_user;
    expect(o, FH__OLDER_V_VERSION, FH__OLDER_VERSION_LEN);
}

void fh__older_viewer_finish(struct fh__older_viewer *o)
{
    fh__older_wire_finish(&o->wire);
    fh_wipe(o, sizeof *o);
}

static void (*const steps[])(struct fh__older_viewer *o) = {
    [FH__OLDER_V_VERSION] = on_version,   [FH__OLDER_V_TYPE_33] = on_type_33,
    [FH__OLDER_V_COUNT] = on_count,       [FH__OLDER_V_TYPES] = on_types,
    [FH__OLDER_V_VENCRYPT] = on_vencrypt, [FH__OLDER_V_VENCRYPT_ACK] = on_vencrypt_ack,
    [FH__OLDER_V_SUBCOUNT] = on_subcount, [FH__OLDER_V_SUBTYPES] = on_subtypes,
    [FH__OLDER_V_TLS_ACK] = on_tls_ack,   [FH__OLDER_V_CHALLENGE] = on_challenge,
    [FH__OLDER_V_RESULT] = on_result,     [FH__OLDER_V_REASON_LEN] = on_reason_len,
    [FH__OLDER_V_REASON] = on_reason,     [FH__OLDER_V_ENDED] = NULL,
};

uint8_t *fh__older_viewer_in(struct fh__older_viewer *o, size_t *room)
{
    *room = 0;
    if (o->due != 0 || o->state == FH__OLDER_V_ENDED)
        return NULL;
    return fh__older_wire_in(&o->wire, room);
}

/* What RSA-AES brings may be more than was expected: the rest is the session's. */
void fh__older_viewer_in_done(struct fh__older_viewer *o, size_t used)
{
    int ret = fh__older_wire_in_done(&o->wire, used);

    if (ret != 0) {
        fail(o, ret);
        return;
    }
    take_rsa_events(o);
    while (o->state != FH__OLDER_V_OPEN && o->state != FH__OLDER_V_ENDED &&
           fh__older_wire_fill(&o->wire)) {
        if (!steps[o->state]) {
            broken(o);
            return;
        }
        steps[o->state](o);
    }
}

enum fh__older_viewer_event_type fh__older_viewer_event(struct fh__older_viewer *o)
{
    size_t len;

    for (unsigned t = 1; t <= FH__OLDER_V_EV_FAILED; t++) {
        if ((o->due & 1u << t) == 0)
            continue;
        if (t == FH__OLDER_V_EV_TLS && fh__older_wire_out(&o->wire, &len))
            return FH__OLDER_V_EV_NOTHING;
        o->due &= ~(1u << t);
        return (enum fh__older_viewer_event_type)t;
    }
    return FH__OLDER_V_EV_NOTHING;
}
