/* SPDX-License-Identifier: MIT */
/* signin.c -- HELLO, CHALLENGE, AUTH, WELCOME: docs/protocol.md, "Sign-in". */
#include <stdlib.h>
#include <string.h>

#include "broker_internal.h"

/* Until the client is signed in. */
struct fh__sign_in {
    struct fh__lookup lookup;
    struct fh__client *client;
    struct binding *pending; /* on its way into log and store */
    struct fh_address peer;
    uint8_t binding[FH_CLOUD_BINDING_LEN];
    uint8_t hello[FH_BROKER_HEADER_LEN + FH_BROKER_HELLO_MAX];
    size_t hello_len, challenge_len, auth_len;
    uint8_t *challenge, *auth; /* whole frames */
    uint8_t wants;             /* roles */
    enum fh_broker_code code;  /* of the refusal */
    uint32_t retry_ms;
};

/* A statement that is being kept: outlives the client, if that goes. */
struct binding {
    struct fh__append append;
    struct fh__broker *broker;
    struct fh__client *client; /* NULL: it went */
    struct fh__endpoint *endpoint;
};

bool fh__sign_in_begin(struct fh__client *c, const struct fh_address *peer,
                       const uint8_t binding[FH_CLOUD_BINDING_LEN])
{
    struct fh__sign_in *s = calloc(1, sizeof *s);

    if (!s)
        return false;
    s->client = c;
    s->peer = *peer;
    memcpy(s->binding, binding, sizeof s->binding);
    c->sign_in = s;
    return true;
}

void fh__sign_in_free(struct fh__client *c)
{
    struct fh__sign_in *s = c->sign_in;

    if (!s)
        return;
    fh__lookup_cancel(&s->lookup);
    if (s->pending)
        s->pending->client = NULL;
    free(s->challenge);
    free(s->auth);
    fh_wipe(s, sizeof *s);
    free(s);
    c->sign_in = NULL;
}

enum fh_broker_code fh__endpoint_verdict(const struct fh__broker *b, const struct fh__endpoint *e)
{
    if (e->account_disabled)
        return FH_BROKER_E_SIGN_IN;
    if (e->expires_ms && b->hooks.utc_ms(b->hooks.user) >= e->expires_ms)
        return FH_BROKER_E_EXPIRED;
    return 0;
}

struct fh_broker_bytes fh__endpoint_proof(struct fh__broker *b, const struct fh__endpoint *e,
                                          uint8_t *buf)
{
    size_t len = 0;

    if (e->has_log && b->hooks.log_proof)
        len = b->hooks.log_proof(b->hooks.user, e->log_index, e->log_salt, buf,
                                 FH_TLOG_MAX_PROOF_LEN);
    return (struct fh_broker_bytes){buf, len};
}

/* ---- refusals ---- */

static bool may_fail(struct fh__client *c, uint32_t *retry_ms)
{
    struct fh__broker *b = c->broker;
    uint64_t now = b->hooks.now_ms(b->hooks.user);

    return fh__gcra_peek(&b->failure, now, c->source.host, sizeof c->source.host, retry_ms) &&
           fh__gcra_peek(&b->failure_network, now, c->source.network, sizeof c->source.network,
                         retry_ms);
}

/* Who fails at one address from one place is not kept from others there. */
static void address_key(const struct fh__client *c, uint8_t out[FH__ADDRESS_LEN + 9])
{
    memcpy(out, c->holder.address, FH__ADDRESS_LEN);
    memcpy(out + FH__ADDRESS_LEN, c->source.host, sizeof c->source.host);
}

static void count_failure(struct fh__client *c)
{
    struct fh__broker *b = c->broker;
    uint64_t now = b->hooks.now_ms(b->hooks.user);
    uint8_t key[FH__ADDRESS_LEN + 9];

    address_key(c, key);
    (void)fh__gcra_take(&b->failure, now, c->source.host, sizeof c->source.host, NULL);
    (void)fh__gcra_take(&b->failure_network, now, c->source.network, sizeof c->source.network,
                        NULL);
    (void)fh__gcra_take(&b->failure_address, now, key, sizeof key, NULL);
}

/* All take as long, so that nobody learns from the time which address there is. */
static void refuse_later(struct fh__client *c, enum fh_broker_code code, uint32_t retry_ms)
{
    c->sign_in->code = code;
    c->sign_in->retry_ms = retry_ms;
    c->state = FH__REFUSING;
    fh__wheel_set(c->broker->wheel, &c->timer,
                  c->broker->hooks.now_ms(c->broker->hooks.user) + FH__REFUSE_MS);
}

static void refuse(struct fh__client *c, enum fh_broker_code code, const char *why)
{
    char name[FH_CLOUD_ADDRESS_TEXT], peer[FH_ADDRESS_TEXT];

    c->broker->counters.refused++;
    count_failure(c);
    fh_address_print(&c->sign_in->peer, peer, sizeof peer);
    fh__log(FH__LOG_NOTICE, "%s: sign-in from %s refused: %s", fh__client_name(c, name), peer, why);
    refuse_later(c, code, 0);
}

static void refuse_limited(struct fh__client *c, uint32_t retry_ms)
{
    c->broker->counters.limited++;
    refuse_later(c, FH_BROKER_E_TOO_OFTEN, retry_ms);
}

void fh__sign_in_refused(struct fh__client *c)
{
    static const char *const texts[] = {[FH_BROKER_E_SIGN_IN] = "the sign-in was refused",
                                        [FH_BROKER_E_BUSY] = "busy",
                                        [FH_BROKER_E_TOO_OFTEN] = "too many failures",
                                        [FH_BROKER_E_EXPIRED] = "the address has expired"};

    fh__client_error(c, c->sign_in->code, c->sign_in->retry_ms, 0, texts[c->sign_in->code]);
}

/* ---- HELLO ---- */

void fh__sign_in_hello(struct fh__client *c, const uint8_t *frame, size_t len,
                       const struct fh_broker_frame *f)
{
    struct fh__broker *b = c->broker;
    struct fh__sign_in *s = c->sign_in;
    struct fh_broker_frame answer = {.type = FH_BROKER_CHALLENGE};
    char checkpoint[FH_TLOG_MAX_CHECKPOINT];
    uint32_t retry_ms = FH__RETRY_MS;

    memcpy(c->holder.address, f->hello.address, sizeof c->holder.address);
    s->wants = f->hello.roles;
    c->program = strndup(f->hello.program.p, f->hello.program.len);
    if (!may_fail(c, &retry_ms)) {
        refuse_limited(c, retry_ms);
        return;
    }
    memcpy(s->hello, frame, len);
    s->hello_len = len;
    b->hooks.random(b->hooks.user, answer.challenge.random, sizeof answer.challenge.random);
    answer.challenge.time_ms = b->hooks.utc_ms(b->hooks.user);
    answer.challenge.checkpoint.p = checkpoint;
    if (b->hooks.checkpoint)
        answer.challenge.checkpoint.len =
            b->hooks.checkpoint(b->hooks.user, checkpoint, sizeof checkpoint);
    if (!fh__client_send(c, &answer))
        return;
    /* It lies where it was printed. */
    s->challenge_len = (size_t)fh_broker_frame_len(FH_BROKER_SERVICE, b->out, FH_BROKER_HEADER_LEN);
    if (!(s->challenge = malloc(s->challenge_len))) {
        fh__client_error(c, FH_BROKER_E_BUSY, FH__RETRY_MS, 0, "out of memory");
        return;
    }
    memcpy(s->challenge, b->out, s->challenge_len);
    c->state = FH__EXPECT_AUTH;
}

/* ---- WELCOME ---- */

static void say_welcome(struct fh__client *c, const struct fh__endpoint *e)
{
    struct fh__broker *b = c->broker;
    struct fh_broker_frame f = {.type = FH_BROKER_WELCOME};

    f.welcome.interval_ms = c->interval_ms;
    f.welcome.roles = c->roles;
    f.welcome.time_ms = b->hooks.utc_ms(b->hooks.user);
    f.welcome.nodes_len = b->cfg.nodes_len;
    memcpy(f.welcome.nodes, b->cfg.nodes, sizeof f.welcome.nodes);
    f.welcome.stun_len = b->cfg.stun_len;
    memcpy(f.welcome.stun, b->cfg.stun, sizeof f.welcome.stun);
    f.welcome.signal_bytes = b->cfg.signal_bytes;
    f.welcome.log_proof = fh__endpoint_proof(b, e, b->proof[0]);
    (void)fh__client_send(c, &f);
}

static void note_seen(struct fh__client *c)
{
    struct fh__seen seen = {.at_ms = c->broker->hooks.utc_ms(c->broker->hooks.user)};

    memcpy(seen.address, c->holder.address, sizeof seen.address);
    fh__store_seen(c->broker->store, &seen);
}

/* Whoever held the address hears of it, and is closed. */
static void take_place(struct fh__client *c, const struct fh__endpoint *e)
{
    struct fh__broker *b = c->broker;
    uint32_t random;

    b->hooks.random(b->hooks.user, &random, sizeof random);
    c->interval_ms = (uint32_t)fh__wheel_jitter(b->cfg.interval_ms, random);
    c->expires_ms = e->expires_ms;
    c->relay_kbit = e->relay_kbit;
    c->relay_bytes = e->relay_bytes;
    memcpy(c->account, e->account, sizeof c->account);
    fh__sign_in_free(c);
    c->state = FH__READY;
    c->since_ms = b->hooks.now_ms(b->hooks.user);
    b->online++;
    b->counters.signed_in++;
    fh__client_set_timer(c);
    b->hooks.signed_in(c->conn);
    say_welcome(c, e);
    note_seen(c);
    fh__watch_tell(b, c->holder.address, true);
    if (c->state == FH__READY)
        b->hooks.ready(c->conn);
}

/* Who takes his own place is one more for a moment only. */
static bool is_full(const struct fh__broker *b, const struct fh__client *c)
{
    return b->online >= b->cfg.max_clients && !fh__presence_find(b->presence, c->holder.address);
}

static void welcome(struct fh__client *c, const struct fh__endpoint *e)
{
    struct fh__broker *b = c->broker;
    char name[FH_CLOUD_ADDRESS_TEXT];

    c->roles = c->sign_in->wants & e->roles;
    if (!c->roles) {
        refuse(c, FH_BROKER_E_SIGN_IN, "none of these roles");
        return;
    }
    if (b->is_draining || is_full(b, c) || fh__presence_announce(b->presence, &c->holder) != 0) {
        refuse_later(c, FH_BROKER_E_BUSY, FH__RETRY_MS);
        return;
    }
    fh__log(FH__LOG_DEBUG, "%s has signed in", fh__client_name(c, name));
    take_place(c, e);
}

/* ---- keeping a binding ---- */

static void binding_free(struct binding *p)
{
    fh__endpoint_free(p->endpoint);
    fh_wipe(p, sizeof *p);
    free(p);
}

static void on_bound(struct fh__store_call *call)
{
    struct binding *p = call->user;
    struct fh__client *c = p->client;
    int ret = call->ret;

    fh__store_call_free(call);
    fh__endpoints_forget(p->broker->endpoints, p->endpoint->address);
    if (ret == 0) {
        p->broker->counters.enrolled++;
        if (p->broker->hooks.enrolled)
            p->broker->hooks.enrolled(p->broker->hooks.user, p->endpoint);
    }
    if (c) {
        c->sign_in->pending = NULL;
        if (ret == 0) {
            welcome(c, p->endpoint);
        } else if (ret == FH__STORE_E_VERSION || fh__store_is_passing(ret)) {
            refuse_later(c, FH_BROKER_E_BUSY, FH__RETRY_MS);
        } else {
            refuse(c, FH_BROKER_E_SIGN_IN, fh__store_strerror(ret));
        }
    }
    binding_free(p);
}

static void store_binding(struct binding *p)
{
    struct fh__store_call *call = fh__store_call_new(FH__STORE_ENDPOINT_BIND, on_bound, p);

    if (call && fh__endpoint_copy(p->endpoint, &call->endpoint) == 0) {
        memcpy(call->address, p->endpoint->address, sizeof call->address);
        call->version = p->endpoint->version;
        fh__store_submit(p->broker->store, call);
        return;
    }
    fh__store_call_free(call);
    if (p->client) {
        p->client->sign_in->pending = NULL;
        refuse_later(p->client, FH_BROKER_E_BUSY, FH__RETRY_MS);
    }
    binding_free(p);
}

static void on_appended(struct fh__append *a, int ret)
{
    struct binding *p = FH__OF(a, struct binding, append);

    /* While all ends the store may be gone already: what is logged too much harms nobody. */
    if (ret != 0 || p->broker->is_draining) {
        if (p->client) {
            p->client->sign_in->pending = NULL;
            refuse_later(p->client, FH_BROKER_E_BUSY, FH__RETRY_MS);
        }
        binding_free(p);
        return;
    }
    p->endpoint->has_log = true;
    p->endpoint->log_index = a->index;
    memcpy(p->endpoint->log_salt, a->salt, sizeof p->endpoint->log_salt);
    store_binding(p);
}

/* The endpoint as it will be; NULL: no memory. */
static struct fh__endpoint *bound_copy(const struct fh__endpoint *e,
                                       const struct fh_broker_bytes *statement,
                                       const struct fh_cloud_statement *parsed)
{
    struct fh__endpoint *to = NULL;
    uint8_t *copy = malloc(statement->len);

    if (!copy || fh__endpoint_copy(e, &to) != 0) {
        free(copy);
        return NULL;
    }
    memcpy(copy, statement->p, statement->len);
    free(to->binding);
    to->binding = copy;
    to->binding_len = statement->len;
    memcpy(to->fingerprint, parsed->fingerprint, sizeof to->fingerprint);
    return to;
}

/* First the log, then the store: what is believed can always be found in the log. */
static void bind_endpoint(struct fh__client *c, const struct fh__endpoint *e,
                          const struct fh_broker_bytes *statement,
                          const struct fh_cloud_statement *parsed)
{
    struct fh__broker *b = c->broker;
    struct binding *p = calloc(1, sizeof *p);

    if (p)
        p->endpoint = bound_copy(e, statement, parsed);
    if (!p || !p->endpoint) {
        free(p);
        refuse_later(c, FH_BROKER_E_BUSY, FH__RETRY_MS);
        return;
    }
    p->broker = b;
    p->client = c;
    p->append.done = on_appended;
    memcpy(p->append.binding.address, e->address, sizeof p->append.binding.address);
    memcpy(p->append.binding.fingerprint, parsed->fingerprint, FH_FINGERPRINT_LEN);
    memcpy(p->append.binding.seal_key, parsed->seal_key, sizeof p->append.binding.seal_key);
    c->sign_in->pending = p;
    if (!b->hooks.append)
        store_binding(p);
    else if (b->hooks.append(b->hooks.user, &p->append) != 0)
        on_appended(&p->append, -1);
}

/* ---- AUTH ---- */

/* Something that was proved. */
struct proof {
    struct fh_broker_frame f;
    uint8_t t[FH_CLOUD_DIGEST_LEN];
    struct fh_cloud_statement statement; /* the one in AUTH, or of the store */
    bool binds;                          /* the one in AUTH is to be kept */
};

static bool has_signed(const struct proof *p)
{
    return fh_identity_verify_for(p->statement.spki, p->statement.spki_len,
                                  FH_IDENTITY_CLOUD_SIGN_IN, p->t, p->f.auth.signature.p,
                                  p->f.auth.signature.len) == 0;
}

static bool is_same_identity(const struct proof *p, const struct fh__endpoint *e)
{
    return memcmp(p->statement.fingerprint, e->fingerprint, FH_FINGERPRINT_LEN) == 0;
}

/* The statement in AUTH, for this address. */
static bool has_statement(struct proof *p, const struct fh__endpoint *e)
{
    return fh_cloud_statement_verify(p->f.auth.statement.p, p->f.auth.statement.len,
                                     &p->statement) == 0 &&
           memcmp(p->statement.address, e->address, FH__ADDRESS_LEN) == 0;
}

/* Another seal key: a new entry in the log. Another time or signature alone changes nothing, or who
 * signs in often would make the log grow without end. */
static bool is_new_key(const struct proof *p, const struct fh__endpoint *e)
{
    struct fh_cloud_statement kept;

    return fh_cloud_statement_parse(e->binding, e->binding_len, &kept) != 0 ||
           memcmp(kept.seal_key, p->statement.seal_key, sizeof kept.seal_key) != 0;
}

/* NULL: proved. Else why not, for the log alone. */
static const char *look_at(struct proof *p, const struct fh__endpoint *e)
{
    switch (p->f.auth.method) {
    case FH_BROKER_ENROL:
        if (!e->has_password || !fh_cloud_password_check(e->stored, p->t, p->f.auth.proof))
            return "wrong password";
        if (!has_statement(p, e))
            return "not a statement of this address";
        if (e->binding && !is_same_identity(p, e))
            return "it is another's";
        p->binds = !e->binding;
        return has_signed(p) ? NULL : "wrong signature";
    case FH_BROKER_KEY:
        if (!e->binding || fh_cloud_statement_parse(e->binding, e->binding_len, &p->statement) != 0)
            return "not enrolled";
        return has_signed(p) ? NULL : "wrong signature";
    case FH_BROKER_REBIND:
        if (!e->binding)
            return "not enrolled";
        if (!has_statement(p, e) || !is_same_identity(p, e))
            return "not a statement of this identity";
        p->binds = is_new_key(p, e);
        return has_signed(p) ? NULL : "wrong signature";
    }
    return "no such method";
}

static const char *prove(struct fh__client *c, const struct fh__endpoint *e, struct proof *p)
{
    struct fh__sign_in *s = c->sign_in;
    struct fh_cloud_sign_in in = {.binding = s->binding,
                                  .hello = s->hello,
                                  .hello_len = s->hello_len,
                                  .challenge = s->challenge,
                                  .challenge_len = s->challenge_len};

    memset(p, 0, sizeof *p);
    if (fh_broker_parse(FH_BROKER_CLIENT, s->auth, s->auth_len, &p->f) != 0)
        return "no frame";
    in.statement = p->f.auth.statement.len ? p->f.auth.statement.p : NULL;
    in.statement_len = p->f.auth.statement.len;
    if (fh_cloud_sign_in_digest(&in, p->t) != 0)
        return "no transcript";
    return look_at(p, e);
}

static void check(struct fh__client *c, const struct fh__endpoint *e)
{
    struct proof p;
    const char *why = prove(c, e, &p);
    enum fh_broker_code code = why ? FH_BROKER_E_SIGN_IN : fh__endpoint_verdict(c->broker, e);

    if (code)
        refuse(c, code, why ? why : "disabled or expired");
    else if (p.binds)
        bind_endpoint(c, e, &p.f.auth.statement, &p.statement);
    else
        welcome(c, e);
}

static void on_endpoint(struct fh__lookup *l, const struct fh__endpoint *e, int ret)
{
    struct fh__client *c = FH__OF(l, struct fh__sign_in, lookup)->client;

    if (e)
        check(c, e);
    else if (ret == FH__STORE_E_NOT_FOUND)
        refuse(c, FH_BROKER_E_SIGN_IN, "no such address");
    else
        refuse_later(c, FH_BROKER_E_BUSY, FH__RETRY_MS);
}

void fh__sign_in_auth(struct fh__client *c, const uint8_t *frame, size_t len)
{
    struct fh__broker *b = c->broker;
    struct fh__sign_in *s = c->sign_in;
    const struct fh__endpoint *e = NULL;
    uint8_t key[FH__ADDRESS_LEN + 9];
    uint32_t retry_ms = FH__RETRY_MS;
    int ret = FH__STORE_E_NOMEM;

    c->state = FH__CHECKING;
    address_key(c, key);
    if (!fh__gcra_peek(&b->failure_address, b->hooks.now_ms(b->hooks.user), key, sizeof key,
                       &retry_ms)) {
        refuse_limited(c, retry_ms);
        return;
    }
    s->auth = malloc(len);
    s->auth_len = len;
    s->lookup.done = on_endpoint;
    if (s->auth) {
        memcpy(s->auth, frame, len);
        ret = fh__endpoints_get(b->endpoints, c->holder.address, &s->lookup, &e);
    }
    if (ret != 0)
        on_endpoint(&s->lookup, e, ret);
}
