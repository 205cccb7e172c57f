/* SPDX-License-Identifier: MIT */
/*
 * broker_world.h -- a broker in virtual time, with a store and a log in memory, and connections
 * whose output is kept.
 */
#ifndef FH_TESTS_BROKER_WORLD_H
#define FH_TESTS_BROKER_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "../../../libcloud-client/tests/cloud_support.h"
#include "../src/broker_internal.h"

enum { WORLD_ENDPOINTS = 64, WORLD_OUT = 1 << 18 };

static const uint8_t world_key[16] = {9, 8, 7};
static const char world_checkpoint[] = "a checkpoint\n";

struct conn {
    struct fh__client *client;
    uint8_t *out;
    size_t len, at, room; /* at: what was looked at */
    bool is_closed, is_signed_in;
    unsigned ready;
    uint8_t binding[FH_CLOUD_BINDING_LEN];
    uint8_t hello[256], challenge[FH_BROKER_FRAME_MAX];
    size_t hello_len, challenge_len;
    uint8_t frame[FH_BROKER_FRAME_MAX]; /* the one that was looked at last */
};

struct world {
    uint64_t now, utc;
    uint32_t count; /* of fixed_random() */
    struct fh__wheel wheel;
    struct fh__store store;
    struct fh__store_call *first, **last;
    struct fh__endpoint *endpoints[WORLD_ENDPOINTS];
    size_t n;
    int broken; /* what the store answers, if not 0 */
    unsigned gets, seen, appends, tickets;
    struct fh__append *append;
    bool has_log;
    struct fh__presence *presence;
    struct fh__endpoints *cache;
    struct fh__broker *broker;
    struct fh__broker_hooks hooks;
    struct fh__broker_config cfg;
};

static struct world world;

/* ---- the store ---- */

static struct fh__endpoint *world_find(const uint8_t *address)
{
    for (size_t i = 0; i < world.n; i++)
        if (world.endpoints[i] && memcmp(world.endpoints[i]->address, address, 12) == 0)
            return world.endpoints[i];
    return NULL;
}

static int world_bind(struct fh__endpoint *e, struct fh__store_call *call)
{
    struct fh__endpoint *copy;

    if (e->version != call->version)
        return FH__STORE_E_VERSION;
    if (fh__endpoint_copy(call->endpoint, &copy) != 0)
        abort();
    free(e->binding);
    e->binding = copy->binding;
    e->binding_len = copy->binding_len;
    memcpy(e->fingerprint, copy->fingerprint, sizeof e->fingerprint);
    e->has_log = copy->has_log;
    e->log_index = copy->log_index;
    memcpy(e->log_salt, copy->log_salt, sizeof e->log_salt);
    copy->binding = NULL;
    fh__endpoint_free(copy);
    e->version++;
    return 0;
}

static int world_use(struct fh__endpoint *e, uint64_t now_ms)
{
    if (e->expires_ms && now_ms >= e->expires_ms)
        return FH__STORE_E_EXPIRED;
    if (e->uses_left == 0)
        return FH__STORE_E_USED_UP;
    e->uses_left -= e->uses_left > 0;
    return 0;
}

static void world_answer(struct fh__store_call *call)
{
    struct fh__endpoint *e = world_find(call->address);

    call->ret = world.broken ? world.broken : e ? 0 : FH__STORE_E_NOT_FOUND;
    world.gets += call->op == FH__STORE_ENDPOINT_GET;
    if (call->ret == 0 && call->op == FH__STORE_ENDPOINT_GET)
        call->ret = fh__endpoint_copy(e, &call->endpoint);
    else if (call->ret == 0 && call->op == FH__STORE_ENDPOINT_BIND)
        call->ret = world_bind(e, call);
    else if (call->ret == 0 && call->op == FH__STORE_ENDPOINT_USE)
        call->ret = world_use(e, call->now_ms);
    call->done(call);
}

static void world_submit(struct fh__store *s, struct fh__store_call *call)
{
    (void)s;
    call->next = NULL;
    *world.last = call;
    world.last = &call->next;
}

static void world_seen(struct fh__store *s, const struct fh__seen *seen)
{
    (void)s;
    (void)seen;
    world.seen++;
}

/* ---- hooks ---- */

static uint64_t world_now(void *user)
{
    (void)user;
    return world.now;
}

static uint64_t world_utc(void *user)
{
    (void)user;
    return world.utc;
}

static void world_random(void *user, void *out, size_t len)
{
    (void)user;
    fixed_random(&world.count, out, len);
}

static bool world_send(void *user, const uint8_t *frame, size_t len)
{
    struct conn *c = user;

    if (c->is_closed)
        abort(); /* nothing is said after the end */
    if (c->len + len > c->room)
        return false;
    memcpy(c->out + c->len, frame, len);
    c->len += len;
    return true;
}

static void world_ready(void *user)
{
    ((struct conn *)user)->ready++;
}

static void world_signed_in(void *user)
{
    ((struct conn *)user)->is_signed_in = true;
}

static void world_close(void *user)
{
    struct conn *c = user;

    if (c->is_closed)
        abort();
    c->is_closed = true;
}

static size_t world_ticket(void *user, const struct fh__ticket_for *t, uint64_t expires_ms,
                           uint8_t out[FH_BROKER_TICKET_MAX])
{
    (void)user;
    if (expires_ms != world.utc + 60000)
        abort();
    memset(out, 0, 86);
    out[0] = 1;
    out[1] = t->is_server;
    memcpy(out + 2, t->conn, 16);
    world.tickets++;
    return 86;
}

static size_t world_note(void *user, char *out, size_t room)
{
    (void)user;
    if (room < sizeof world_checkpoint)
        abort();
    memcpy(out, world_checkpoint, sizeof world_checkpoint - 1);
    return sizeof world_checkpoint - 1;
}

static int world_append(void *user, struct fh__append *a)
{
    (void)user;
    world.appends++;
    world.append = a;
    return 0;
}

static size_t world_proof(void *user, uint64_t index, const uint8_t salt[FH_TLOG_SALT_LEN],
                          uint8_t *out, size_t room)
{
    struct fh_tlog_proof p = {.kind = FH_TLOG_BINDING,
                              .time_ms = 1,
                              .index = index,
                              .checkpoint = world_checkpoint,
                              .checkpoint_len = sizeof world_checkpoint - 1};
    int len;

    (void)user;
    memcpy(p.salt, salt, sizeof p.salt);
    len = fh_tlog_proof_write(&p, out, room);
    return len > 0 ? (size_t)len : 0;
}

static int world_consistency(void *user, uint64_t old_size, uint64_t new_size,
                             uint8_t out[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN])
{
    (void)user;
    memset(out[0], 0x77, FH_TLOG_HASH_LEN);
    return old_size < new_size && new_size <= 10 ? 1 : -1;
}

/* ---- life ---- */

static inline void world_config(void)
{
    world.cfg = (struct fh__broker_config){.interval_ms = 50000,
                                           .max_clients = 1000,
                                           .max_conns = 4,
                                           .signal_bytes = 20000,
                                           .failure = {5, 60},
                                           .failure_network = {50, 60},
                                           .failure_address = {4, 60},
                                           .connect = {20, 60},
                                           .connect_source = {40, 60},
                                           .connect_target = {30, 60},
                                           .connect_account = {50, 60},
                                           .unknown = {5, 60},
                                           .log = {6, 60}};
    world.cfg.nodes[0] = (struct fh_broker_host){text_of("cloud.example"), 443};
    world.cfg.relays[0] = world.cfg.nodes[0];
    world.cfg.stun[0] = (struct fh_broker_host){text_of("cloud.example"), 3478};
    world.cfg.nodes_len = world.cfg.relays_len = world.cfg.stun_len = 1;
}

static inline void world_start(bool has_log)
{
    static const struct fh__store_ops store_ops = {world_submit, world_seen, NULL};

    memset(&world, 0, sizeof world);
    world.now = 1000000;
    world.utc = UINT64_C(1764273600000);
    world.last = &world.first;
    world.store.ops = &store_ops;
    world.has_log = has_log;
    world_config();
    fh__wheel_init(&world.wheel, world.now);
    world.presence = fh__presence_local_new(world_key);
    world.cache = fh__endpoints_new(&world.store, 16, world_key);
    world.hooks = (struct fh__broker_hooks){.now_ms = world_now,
                                            .utc_ms = world_utc,
                                            .random = world_random,
                                            .send = world_send,
                                            .ready = world_ready,
                                            .signed_in = world_signed_in,
                                            .close = world_close,
                                            .ticket = world_ticket};
    if (has_log) {
        world.hooks.checkpoint = world_note;
        world.hooks.append = world_append;
        world.hooks.log_proof = world_proof;
        world.hooks.consistency = world_consistency;
    }
    world.broker = fh__broker_new(&(struct fh__broker_setup){.hooks = &world.hooks,
                                                             .wheel = &world.wheel,
                                                             .presence = world.presence,
                                                             .endpoints = world.cache,
                                                             .store = &world.store},
                                  &world.cfg);
    if (!world.broker)
        abort();
}

/* The store and the log answer what they were asked, and what they are asked because of that. */
static inline void world_run(void)
{
    struct fh__store_call *call;
    struct fh__append *a;

    for (;;) {
        if ((a = world.append) != NULL) {
            world.append = NULL;
            a->index = 7;
            memset(a->salt, 0x55, sizeof a->salt);
            a->done(a, 0);
        } else if ((call = world.first) != NULL) {
            world.first = call->next;
            if (!world.first)
                world.last = &world.first;
            world_answer(call);
        } else {
            return;
        }
    }
}

static inline void world_pass(uint64_t ms)
{
    world_run();
    world.now += ms;
    world.utc += ms;
    fh__wheel_advance(&world.wheel, world.now);
    world_run();
}

static inline void world_end(void)
{
    world_run();
    fh__endpoints_free(world.cache);
    world_run();
    fh__broker_free(world.broker);
    fh__presence_free(world.presence);
    for (size_t i = 0; i < world.n; i++)
        fh__endpoint_free(world.endpoints[i]);
}

/* In the store, with all roles; enrolled: its binding is known. */
static inline struct fh__endpoint *world_add(const struct endpoint *who, bool is_enrolled)
{
    struct fh__endpoint *e = calloc(1, sizeof *e);

    if (!e)
        abort();
    memcpy(e->address, who->address, sizeof e->address);
    e->account[0] = 1;
    e->roles = FH_BROKER_LISTEN | FH_BROKER_CONNECTS | FH_BROKER_WATCHES;
    e->uses_left = -1;
    e->has_password = true;
    e->version = 1;
    fh_cloud_password_stored(who->password, e->stored);
    if (is_enrolled) {
        e->binding = malloc(who->statement_len);
        if (!e->binding)
            abort();
        memcpy(e->binding, who->statement, who->statement_len);
        e->binding_len = who->statement_len;
        fh_fingerprint(who->spki, who->spki_len, e->fingerprint);
        e->has_log = world.has_log;
    }
    world.endpoints[world.n++] = e;
    return e;
}

/* ---- connections ---- */

static inline void conn_open(struct conn *c, const char *ip)
{
    struct fh_address peer;

    memset(c, 0, sizeof *c);
    c->out = malloc(WORLD_OUT);
    c->room = WORLD_OUT;
    world_random(NULL, c->binding, sizeof c->binding);
    if (!c->out || fh_address_parse_ip(ip, strlen(ip), &peer) != 0)
        abort();
    c->client = fh__client_new(world.broker, c, &peer, c->binding);
    if (!c->client)
        abort();
}

static inline void conn_close(struct conn *c)
{
    fh__client_gone(c->client);
    fh__client_free(c->client);
    free(c->out);
    memset(c, 0, sizeof *c);
}

/* Returns how much was taken. */
static inline size_t conn_say(struct conn *c, const struct fh_broker_frame *f)
{
    uint8_t out[FH_BROKER_FRAME_MAX];
    int len = fh_broker_print(f, out, sizeof out);

    if (len <= 0)
        abort();
    return fh__client_input(c->client, out, (size_t)len);
}

/* The next frame that was sent, FH_BROKER_UNKNOWN: none. */
static inline enum fh_broker_type conn_next(struct conn *c, struct fh_broker_frame *f)
{
    int len = fh_broker_frame_len(FH_BROKER_SERVICE, c->out + c->at, c->len - c->at);

    if (len < 0 || (size_t)len > c->len - c->at)
        abort();
    if (len == 0)
        return FH_BROKER_UNKNOWN;
    memcpy(c->frame, c->out + c->at, (size_t)len);
    c->at += (size_t)len;
    if (c->at == c->len)
        c->at = c->len = 0;
    if (fh_broker_parse(FH_BROKER_SERVICE, c->frame, (size_t)len, f) != 0)
        abort();
    return f->type;
}

static inline void conn_hello(struct conn *c, const uint8_t *address, uint8_t roles)
{
    struct fh_broker_frame f = {.type = FH_BROKER_HELLO};
    int len;

    memset(f.hello.random, 0x11, sizeof f.hello.random);
    memcpy(f.hello.address, address, sizeof f.hello.address);
    f.hello.roles = roles;
    f.hello.program = text_of("test 1");
    len = fh_broker_print(&f, c->hello, sizeof c->hello);
    if (len <= 0)
        abort();
    c->hello_len = (size_t)len;
    (void)fh__client_input(c->client, c->hello, c->hello_len);
    if (conn_next(c, &f) != FH_BROKER_CHALLENGE)
        return;
    c->challenge_len = (size_t)fh_broker_frame_len(FH_BROKER_SERVICE, c->frame, 4);
    memcpy(c->challenge, c->frame, c->challenge_len);
}

/* What e says after its challenge; wrong: something is. */
static inline size_t conn_auth_frame(const struct conn *c, const struct endpoint *e,
                                     enum fh_broker_method method, uint8_t *out, size_t room)
{
    struct fh_cloud_sign_in in = {.binding = c->binding,
                                  .hello = c->hello,
                                  .hello_len = c->hello_len,
                                  .challenge = c->challenge,
                                  .challenge_len = c->challenge_len};
    struct fh_broker_frame f = {.type = FH_BROKER_AUTH};
    uint8_t t[32], proof[32], sig[FH_SIGNATURE_MAX];
    int len;

    if (method != FH_BROKER_KEY) {
        in.statement = e->statement;
        in.statement_len = e->statement_len;
        f.auth.statement = statement_of(e);
    }
    if (fh_cloud_sign_in_digest(&in, t) != 0)
        abort();
    fh_cloud_password_proof(e->password, t, proof);
    f.auth.method = method;
    f.auth.proof = proof;
    f.auth.signature =
        (struct fh_broker_bytes){sig, sign_for(e, FH_IDENTITY_CLOUD_SIGN_IN, t, sig)};
    len = fh_broker_print(&f, out, room);
    if (len <= 0)
        abort();
    return (size_t)len;
}

static inline void conn_auth(struct conn *c, const struct endpoint *e, enum fh_broker_method method)
{
    uint8_t frame[FH_BROKER_FRAME_MAX];
    size_t len = conn_auth_frame(c, e, method, frame, sizeof frame);

    (void)fh__client_input(c->client, frame, len);
}

#endif
