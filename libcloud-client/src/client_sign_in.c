/* SPDX-License-Identifier: MIT */
/* HELLO, CHALLENGE, AUTH, WELCOME: docs/protocol.md, "Sign-in". */
#include "client_internal.h"

void fh__client_hello(struct fh_cloud_client *c, uint64_t now)
{
    struct fh_broker_frame f = {.type = FH_BROKER_HELLO};
    size_t before = c->out_len;

    c->random(c->random_user, f.hello.random, sizeof f.hello.random);
    memcpy(f.hello.address, c->address, sizeof f.hello.address);
    f.hello.roles = c->roles;
    f.hello.program.p = c->program;
    f.hello.program.len = strlen(c->program);
    fh__client_say(c, now, &f);
    c->hello_len = c->out_len - before;
    memcpy(c->hello, c->out + before, c->hello_len);
    c->phase = FH__CHALLENGE;
    c->at = now + FH__SIGN_IN_MS;
}

static void ask_to_sign(struct fh_cloud_client *c, enum fh__phase phase)
{
    c->phase = phase;
    c->sign_serial++;
    c->tell_sign = true;
}

static void sign_statement(struct fh_cloud_client *c, uint64_t now)
{
    int len = fh_cloud_statement_begin(c->address, c->utc_ms(c->user), c->seal_key, c->spki,
                                       c->spki_len, c->statement, c->digest);

    if (len < 0) { /* not with what _init() looked at */
        fh__client_fail(c, now, FH_CLOUD_E_INVAL);
        return;
    }
    c->statement_len = (size_t)len;
    ask_to_sign(c, FH__BINDING);
}

static void sign_in(struct fh_cloud_client *c, uint64_t now)
{
    struct fh_cloud_sign_in s = {.binding = c->binding,
                                 .hello = c->hello,
                                 .hello_len = c->hello_len,
                                 .challenge = c->challenge,
                                 .challenge_len = c->challenge_len};

    if (c->method != FH_BROKER_KEY) {
        s.statement = c->statement;
        s.statement_len = c->statement_len;
    }
    if (fh_cloud_sign_in_digest(&s, c->digest) != 0) {
        fh__client_fail(c, now, FH_CLOUD_E_INVAL);
        return;
    }
    ask_to_sign(c, FH__SIGNING);
}

static void look_at_clock(struct fh_cloud_client *c, uint64_t time_ms)
{
    int64_t skew = (int64_t)(time_ms - c->utc_ms(c->user));

    c->tell_skew = skew > FH__SKEW_MS || skew < -FH__SKEW_MS;
    c->skew_ms = skew;
}

void fh__client_on_challenge(struct fh_cloud_client *c, uint64_t now,
                             const struct fh_broker_frame *f, const uint8_t *bytes, size_t len)
{
    uint32_t serial;
    int ret = 0;

    memcpy(c->challenge, bytes, len);
    c->challenge_len = len;
    look_at_clock(c, f->challenge.time_ms);
    if (c->has_log)
        ret = fh__client_log_see(c, now, f->challenge.checkpoint.p, f->challenge.checkpoint.len,
                                 &serial);
    if (ret == FH_CLOUD_E_FORK)
        return;
    if (ret != 0)
        fh__client_fail(c, now, ret);
    else if (c->method == FH_BROKER_KEY || c->has_statement)
        sign_in(c, now);
    else
        sign_statement(c, now);
}

static void say_auth(struct fh_cloud_client *c, uint64_t now, const uint8_t *sig, size_t sig_len)
{
    struct fh_broker_frame f = {.type = FH_BROKER_AUTH};
    uint8_t proof[FH_CLOUD_PROOF_LEN];

    f.auth.method = c->method;
    if (c->method == FH_BROKER_ENROL) {
        fh_cloud_password_proof(c->password, c->digest, proof);
        f.auth.proof = proof;
    }
    f.auth.statement = (struct fh_broker_bytes){.p = c->statement, .len = c->statement_len};
    f.auth.signature = (struct fh_broker_bytes){.p = sig, .len = sig_len};
    fh__client_say(c, now, &f);
    c->phase = FH__WELCOME;
}

void fh_cloud_client_signed(struct fh_cloud_client *c, uint64_t now_ms, uint32_t serial,
                            const uint8_t *sig, size_t sig_len)
{
    bool is_binding = c->phase == FH__BINDING;
    int len;

    if (serial != c->sign_serial || c->tell_sign || (!is_binding && c->phase != FH__SIGNING))
        return;
    if (sig_len == 0 || sig_len > FH_SIGNATURE_MAX) {
        fh__client_drop(c, now_ms,
                        &(struct fh__why){.error = FH_CLOUD_E_CANCELLED, .is_final = true});
        return;
    }
    if (!is_binding) {
        say_auth(c, now_ms, sig, sig_len);
        return;
    }
    len = fh_cloud_statement_end(c->statement, c->statement_len, sig, sig_len);
    if (len < 0) {
        fh__client_fail(c, now_ms, FH_CLOUD_E_INVAL);
        return;
    }
    c->statement_len = (size_t)len;
    c->has_statement = true;
    sign_in(c, now_ms);
}

static uint32_t between(uint32_t least, uint32_t v, uint32_t most)
{
    return v < least ? least : v > most ? most : v;
}

/* What the log must have about us. */
static void own_statement(const struct fh_cloud_client *c, struct fh_cloud_statement *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->address, c->address, sizeof out->address);
    memcpy(out->fingerprint, c->fingerprint, sizeof out->fingerprint);
    memcpy(out->seal_key, c->seal_key, sizeof out->seal_key);
}

static void tell_online(struct fh_cloud_client *c, const struct fh_broker_frame *f,
                        struct fh_cloud_client_event *ev)
{
    ev->type = FH_CLOUD_EV_ONLINE;
    ev->online.roles = c->granted;
    ev->online.stun = f->welcome.stun;
    ev->online.stun_len = f->welcome.stun_len;
    ev->online.host = c->node.host;
}

bool fh__client_on_welcome(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f,
                           struct fh_cloud_client_event *ev)
{
    struct fh_cloud_statement own;
    uint32_t serial;
    int ret;

    own_statement(c, &own);
    ret = fh__client_log_prove(c, now, f->welcome.log_proof, &own, &serial);
    if (ret == FH_CLOUD_E_FORK)
        return false;
    if (ret != 0) {
        fh__client_fail(c, now, ret);
        return false;
    }
    c->phase = FH__ONLINE;
    c->at = UINT64_MAX;
    c->online_since = now;
    c->pinged_at = UINT64_MAX;
    c->granted = f->welcome.roles & c->roles;
    c->interval_ms = between(FH__INTERVAL_MIN_MS, f->welcome.interval_ms, FH__INTERVAL_MAX_MS);
    c->signal_bytes = f->welcome.signal_bytes;
    fh__client_learn_nodes(c, f->welcome.nodes, f->welcome.nodes_len);
    c->tell_statement = c->method != FH_BROKER_KEY;
    c->method = FH_BROKER_KEY;
    c->has_enrolled_again = false;
    if (c->watched_len > 0)
        (void)fh_cloud_client_watch(c, now, c->watched, c->watched_len);
    tell_online(c, f, ev);
    return true;
}

bool fh__client_can_enrol(struct fh_cloud_client *c)
{
    if (c->method == FH_BROKER_ENROL || !c->has_password || c->has_enrolled_again)
        return false;
    c->has_enrolled_again = true;
    c->method = FH_BROKER_ENROL;
    return true;
}
