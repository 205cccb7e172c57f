/* SPDX-License-Identifier: MIT */
/*
 * model_broker.h -- a service that fits a test: it knows a few endpoints, keeps to
 * docs/protocol.md, and does whatever `tamper` makes of it.
 *
 *     model_init()       endpoints, and a log if wanted
 *     model_open()       a connection was made, with this TLS binding
 *     model_input()      what the client sends
 *     side->out, out_len what the service sends; the test takes it away
 */
#ifndef FH_TESTS_MODEL_BROKER_H
#define FH_TESTS_MODEL_BROKER_H

#include <stdbool.h>
#include <stdio.h>

#include "cloud_support.h"

enum { MODEL_SIDES = 3, MODEL_CONNS = 64, MODEL_ROOM = 1 << 18, MODEL_LEAVES = 64 };

struct model_side {
    bool is_open, is_in, has_said_hello;
    bool closes; /* what is in out, then the end */
    uint8_t binding[FH_CLOUD_BINDING_LEN];
    uint8_t hello[FH_BROKER_FRAME_MAX], challenge[FH_BROKER_FRAME_MAX];
    size_t hello_len, challenge_len;
    uint8_t in[2 * FH_BROKER_FRAME_MAX];
    size_t in_len;
    uint8_t out[MODEL_ROOM];
    size_t out_len;
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    uint8_t watched[FH_BROKER_WATCH_MAX][FH_CLOUD_ADDRESS_LEN];
    size_t watched_len;
    unsigned frames[32]; /* received, by type */
};

struct model_conn {
    bool is_live, is_accepted;
    uint8_t id[FH_CLOUD_CONN_LEN];
    struct model_side *viewer, *server;
    struct fh_broker_bytes statement[2]; /* of viewer, of server */
};

/* What the service knows of an address. */
struct model_endpoint {
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    uint8_t stored[FH_CLOUD_STORED_LEN];
    uint8_t statement[FH_CLOUD_STATEMENT_MAX];
    size_t statement_len;
    uint64_t leaf; /* in the log */
};

struct model {
    struct model_side sides[MODEL_SIDES];
    struct model_endpoint ends[ENDS];
    size_t ends_len;
    struct model_conn conns[MODEL_CONNS];
    size_t conns_len;
    uint32_t seed;
    uint32_t interval_ms, signal_bytes;
    uint64_t utc_ms;
    const char *relay_host;
    uint16_t relay_port;
    struct fh_broker_host nodes[4], stun[2];
    size_t nodes_len, stun_len;
    unsigned signs_in, tickets;
    /* The log. */
    bool has_log;
    struct fh_tlog_key key;
    uint8_t key_seed[FH_TLOG_KEY_LEN];
    uint8_t leaves[MODEL_LEAVES][FH_TLOG_HASH_LEN], salts[MODEL_LEAVES][FH_TLOG_SALT_LEN];
    uint64_t times[MODEL_LEAVES];
    size_t leaves_len;
    /* May change f, or return false: it is not sent. */
    bool (*tamper)(struct model *m, struct model_side *to, struct fh_broker_frame *f);
    /* May answer itself, and return true. */
    bool (*meddle)(struct model *m, struct model_side *from, const struct fh_broker_frame *f);
    void *user;
};

static inline void model_send_raw(struct model_side *s, const uint8_t *data, size_t len)
{
    if (!s->is_open)
        return;
    if (s->out_len + len > sizeof s->out)
        abort();
    memcpy(s->out + s->out_len, data, len);
    s->out_len += len;
}

static inline void model_send(struct model *m, struct model_side *s,
                              const struct fh_broker_frame *f)
{
    static uint8_t bytes[FH_BROKER_FRAME_MAX];
    struct fh_broker_frame changed = *f;
    int n;

    if (m->tamper && !m->tamper(m, s, &changed))
        return;
    n = fh_broker_print(&changed, bytes, sizeof bytes);
    if (n <= 0)
        abort();
    model_send_raw(s, bytes, (size_t)n);
}

static inline void model_error(struct model *m, struct model_side *s, uint16_t code,
                               uint32_t request, uint32_t retry_after_ms)
{
    struct fh_broker_frame f = {.type = FH_BROKER_ERROR};

    f.error.code = code;
    f.error.request = request;
    f.error.retry_after_ms = retry_after_ms;
    f.error.text = text_of("the model says no");
    model_send(m, s, &f);
    if (request == 0)
        s->closes = true;
}

/* ---- the log ----------------------------------------------------------------------------------
 */

static inline int model_read_hash(void *user, unsigned level, uint64_t index,
                                  uint8_t out[FH_TLOG_HASH_LEN])
{
    const struct model *m = user;
    struct fh_tlog_tree t = {0};

    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        fh_tlog_tree_append(&t, m->leaves[i]);
    fh_tlog_tree_root(&t, out);
    return 0;
}

static inline size_t model_checkpoint(const struct model *m, uint64_t size, char *out)
{
    struct fh_tlog_checkpoint c = {.size = size};
    int n;

    if (fh_tlog_root(size, model_read_hash, (void *)m, c.root) != 0)
        abort();
    n = fh_tlog_checkpoint_sign(&m->key, m->key_seed, &c, out, FH_TLOG_MAX_CHECKPOINT);
    if (n <= 0)
        abort();
    return (size_t)n;
}

static inline uint64_t model_append(struct model *m, const struct fh_cloud_statement *s)
{
    struct fh_tlog_binding b;
    struct fh_tlog_leaf leaf = {.kind = FH_TLOG_BINDING, .time_ms = m->utc_ms};
    uint8_t entry[FH_TLOG_BINDING_LEN], bytes[FH_TLOG_LEAF_LEN];
    size_t i = m->leaves_len++;

    if (i >= MODEL_LEAVES)
        abort();
    memcpy(b.address, s->address, sizeof b.address);
    memcpy(b.fingerprint, s->fingerprint, sizeof b.fingerprint);
    memcpy(b.seal_key, s->seal_key, sizeof b.seal_key);
    fh_tlog_binding_write(&b, entry);
    fixed_random(&m->seed, m->salts[i], sizeof m->salts[i]);
    fh_tlog_tag(b.address, leaf.tag);
    fh_tlog_commit(m->salts[i], entry, sizeof entry, leaf.commitment);
    fh_tlog_leaf_write(&leaf, bytes);
    fh_tlog_hash_leaf(bytes, sizeof bytes, m->leaves[i]);
    m->times[i] = leaf.time_ms;
    return i;
}

/* Of the newest checkpoint. */
static inline struct fh_broker_bytes model_proof(const struct model *m, uint64_t leaf,
                                                 uint8_t out[FH_TLOG_MAX_PROOF_LEN])
{
    uint8_t path[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN];
    char checkpoint[FH_TLOG_MAX_CHECKPOINT];
    struct fh_tlog_proof p = {.kind = FH_TLOG_BINDING,
                              .time_ms = m->times[leaf],
                              .index = leaf,
                              .path = path[0],
                              .checkpoint = checkpoint};
    int n;

    if (!m->has_log)
        return (struct fh_broker_bytes){.p = out, .len = 0};
    memcpy(p.salt, m->salts[leaf], sizeof p.salt);
    n = fh_tlog_prove_inclusion(leaf, m->leaves_len, model_read_hash, (void *)m, path);
    if (n < 0)
        abort();
    p.path_len = (size_t)n;
    p.checkpoint_len = model_checkpoint(m, m->leaves_len, checkpoint);
    n = fh_tlog_proof_write(&p, out, FH_TLOG_MAX_PROOF_LEN);
    if (n <= 0)
        abort();
    return (struct fh_broker_bytes){.p = out, .len = (size_t)n};
}

static inline void model_consistency(struct model *m, struct model_side *s,
                                     const struct fh_broker_frame *q)
{
    uint8_t path[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN];
    struct fh_broker_frame f = {.type = FH_BROKER_LOG_CONSISTENT};
    int n;

    if (!m->has_log || q->log.new_size > m->leaves_len) {
        model_error(m, s, FH_BROKER_E_PROTOCOL, 0, 0);
        return;
    }
    n = fh_tlog_prove_consistency(q->log.old_size, q->log.new_size, model_read_hash, m, path);
    if (n < 0)
        abort();
    f.log.old_size = q->log.old_size;
    f.log.new_size = q->log.new_size;
    f.log.hashes = path[0];
    f.log.hashes_len = (size_t)n;
    model_send(m, s, &f);
}

/* ---- endpoints --------------------------------------------------------------------------------
 */

static inline struct model_endpoint *model_find(struct model *m, const uint8_t *address)
{
    for (size_t i = 0; i < m->ends_len; i++)
        if (memcmp(m->ends[i].address, address, FH_CLOUD_ADDRESS_LEN) == 0)
            return &m->ends[i];
    return NULL;
}

static inline struct model_side *model_online(struct model *m, const uint8_t *address)
{
    for (size_t i = 0; i < MODEL_SIDES; i++)
        if (m->sides[i].is_in && memcmp(m->sides[i].address, address, FH_CLOUD_ADDRESS_LEN) == 0)
            return &m->sides[i];
    return NULL;
}

static inline void model_init(struct model *m, const struct endpoint *ends, size_t n, bool has_log)
{
    uint8_t public_key[FH_TLOG_KEY_LEN];

    memset(m, 0, sizeof *m);
    m->seed = 500000;
    m->interval_ms = 55000;
    m->signal_bytes = 65536;
    m->utc_ms = UINT64_C(1764273600000);
    m->relay_host = "relay.example";
    m->relay_port = 443;
    m->has_log = has_log;
    memset(m->key_seed, 0x1e, sizeof m->key_seed);
    fh_tlog_public_key(m->key_seed, public_key);
    if (fh_tlog_key_make("cloud.example", public_key, &m->key) != 0)
        abort();
    for (size_t i = 0; i < n; i++) {
        memcpy(m->ends[i].address, ends[i].address, FH_CLOUD_ADDRESS_LEN);
        fh_cloud_password_stored(ends[i].password, m->ends[i].stored);
    }
    m->ends_len = n;
    if (has_log) { /* something from before, so that there is a tree */
        struct fh_cloud_statement s = {.created_ms = 1};

        model_append(m, &s);
        model_append(m, &s);
    }
}

static inline void model_tell_watchers(struct model *m, const uint8_t *address, bool is_online)
{
    struct fh_broker_frame f = {.type = FH_BROKER_PEER_STATE};

    memcpy(f.peer_state.address, address, sizeof f.peer_state.address);
    f.peer_state.is_online = is_online;
    for (size_t i = 0; i < MODEL_SIDES; i++)
        for (size_t j = 0; m->sides[i].is_in && j < m->sides[i].watched_len; j++)
            if (memcmp(m->sides[i].watched[j], address, FH_CLOUD_ADDRESS_LEN) == 0)
                model_send(m, &m->sides[i], &f);
}

/* ---- sign-in ----------------------------------------------------------------------------------
 */

static inline void model_hello(struct model *m, struct model_side *s,
                               const struct fh_broker_frame *f, const uint8_t *bytes, size_t len)
{
    struct fh_broker_frame c = {.type = FH_BROKER_CHALLENGE};
    char checkpoint[FH_TLOG_MAX_CHECKPOINT];
    size_t before = s->out_len;

    memcpy(s->hello, bytes, len);
    s->hello_len = len;
    s->has_said_hello = true;
    memcpy(s->address, f->hello.address, sizeof s->address);
    fixed_random(&m->seed, c.challenge.random, sizeof c.challenge.random);
    c.challenge.time_ms = m->utc_ms;
    c.challenge.checkpoint.p = checkpoint;
    if (m->has_log)
        c.challenge.checkpoint.len = model_checkpoint(m, m->leaves_len, checkpoint);
    model_send(m, s, &c);
    s->challenge_len = s->out_len - before;
    memcpy(s->challenge, s->out + before, s->challenge_len);
}

static inline bool model_is_proved(struct model *m, struct model_side *s, struct model_endpoint *e,
                                   const struct fh_broker_frame *f)
{
    struct fh_cloud_sign_in in = {.binding = s->binding,
                                  .hello = s->hello,
                                  .hello_len = s->hello_len,
                                  .challenge = s->challenge,
                                  .challenge_len = s->challenge_len};
    struct fh_cloud_statement st, old;
    bool is_bound = e->statement_len > 0;
    uint8_t t[32];

    if (f->auth.method != FH_BROKER_KEY) {
        in.statement = f->auth.statement.p;
        in.statement_len = f->auth.statement.len;
    }
    if (fh_cloud_sign_in_digest(&in, t) != 0)
        abort();
    if (is_bound && fh_cloud_statement_verify(e->statement, e->statement_len, &old) != 0)
        abort();
    if (f->auth.method != FH_BROKER_ENROL && !is_bound)
        return false;
    if (f->auth.method == FH_BROKER_ENROL && !fh_cloud_password_check(e->stored, t, f->auth.proof))
        return false;
    if (f->auth.method == FH_BROKER_KEY)
        st = old;
    else if (fh_cloud_statement_verify(f->auth.statement.p, f->auth.statement.len, &st) != 0 ||
             memcmp(st.address, s->address, sizeof st.address) != 0 ||
             (is_bound && memcmp(st.fingerprint, old.fingerprint, 32) != 0))
        return false;
    if (fh_identity_verify_for(st.spki, st.spki_len, FH_IDENTITY_CLOUD_SIGN_IN, t,
                               f->auth.signature.p, f->auth.signature.len) != 0)
        return false;
    if (f->auth.method != FH_BROKER_KEY) {
        if (m->has_log && (!is_bound || memcmp(old.seal_key, st.seal_key, 32) != 0))
            e->leaf = model_append(m, &st);
        memcpy(e->statement, f->auth.statement.p, f->auth.statement.len);
        e->statement_len = f->auth.statement.len;
    }
    return true;
}

static inline void model_auth(struct model *m, struct model_side *s,
                              const struct fh_broker_frame *f)
{
    struct model_endpoint *e = model_find(m, s->address);
    struct fh_broker_frame w = {.type = FH_BROKER_WELCOME};
    uint8_t proof[FH_TLOG_MAX_PROOF_LEN];
    struct model_side *before = model_online(m, s->address);

    if (!e || !model_is_proved(m, s, e, f)) {
        model_error(m, s, FH_BROKER_E_SIGN_IN, 0, 0);
        return;
    }
    if (before) {
        before->is_in = false;
        model_error(m, before, FH_BROKER_E_REPLACED, 0, 0);
    }
    s->is_in = true;
    m->signs_in++;
    w.welcome.interval_ms = m->interval_ms;
    w.welcome.roles = FH_BROKER_LISTEN | FH_BROKER_CONNECTS | FH_BROKER_WATCHES;
    w.welcome.time_ms = m->utc_ms;
    w.welcome.signal_bytes = m->signal_bytes;
    memcpy(w.welcome.nodes, m->nodes, sizeof m->nodes);
    w.welcome.nodes_len = m->nodes_len;
    memcpy(w.welcome.stun, m->stun, sizeof m->stun);
    w.welcome.stun_len = m->stun_len;
    w.welcome.log_proof = model_proof(m, e->leaf, proof);
    model_send(m, s, &w);
    model_tell_watchers(m, s->address, true);
}

/* ---- connections ------------------------------------------------------------------------------
 */

static inline struct model_conn *model_conn(struct model *m, const uint8_t *id)
{
    for (size_t i = 0; i < m->conns_len; i++)
        if (m->conns[i].is_live && memcmp(m->conns[i].id, id, FH_CLOUD_CONN_LEN) == 0)
            return &m->conns[i];
    return NULL;
}

/* Secrets from the conn; a ticket that says which side it is and which one it is. */
static inline void model_grant(struct model *m, const struct model_conn *k, bool is_server,
                               bool is_renewal, struct fh_broker_grant *g, uint8_t mem[160])
{
    memset(g, 0, sizeof *g);
    memset(mem, 0, 160);
    if (!is_renewal) {
        fh_sha256(k->id, sizeof k->id, mem);
        fh_sha256(mem, 32, mem + 32);
    }
    g->cloud_secret = mem;
    g->packet_secret = mem + 32;
    g->expires_ms = m->utc_ms + 60000;
    g->relays[0] = (struct fh_broker_host){.host = text_of(m->relay_host), .port = m->relay_port};
    g->relays_len = 1;
    mem[64] = 1;
    mem[65] = is_server;
    memcpy(mem + 66, k->id, sizeof k->id);
    mem[82] = (uint8_t)(m->tickets / 2);
    m->tickets++;
    g->ticket = (struct fh_broker_bytes){.p = mem + 64, .len = 86};
}

static inline void model_connect(struct model *m, struct model_side *s,
                                 const struct fh_broker_frame *f)
{
    struct model_endpoint *e = model_find(m, f->connect.target), *us = model_find(m, s->address);
    struct model_side *to = model_online(m, f->connect.target);
    struct fh_broker_frame t = {.type = FH_BROKER_TARGET}, i = {.type = FH_BROKER_INCOMING};
    uint8_t proof[2][FH_TLOG_MAX_PROOF_LEN], mem[160];
    struct model_conn *k;

    if (!e || e->statement_len == 0 || !to) {
        model_error(m, s, e ? FH_BROKER_E_ABSENT : FH_BROKER_E_NO_ADDRESS, f->connect.request, 0);
        return;
    }
    if (m->conns_len == MODEL_CONNS)
        abort();
    k = &m->conns[m->conns_len++];
    *k = (struct model_conn){.is_live = true, .viewer = s, .server = to};
    fixed_random(&m->seed, k->id, sizeof k->id);
    t.target.request = f->connect.request;
    memcpy(t.target.conn, k->id, sizeof k->id);
    t.target.statement = (struct fh_broker_bytes){e->statement, e->statement_len};
    t.target.log_proof = model_proof(m, e->leaf, proof[0]);
    model_send(m, s, &t);
    memcpy(i.incoming.conn, k->id, sizeof k->id);
    i.incoming.statement = (struct fh_broker_bytes){us->statement, us->statement_len};
    i.incoming.log_proof = model_proof(m, us->leaf, proof[1]);
    i.incoming.groups[0] = text_of("support");
    i.incoming.groups_len = 1;
    model_grant(m, k, true, false, &i.incoming.grant, mem);
    model_send(m, to, &i);
}

static inline void model_accept(struct model *m, struct model_side *s,
                                const struct fh_broker_frame *f)
{
    struct model_conn *k = model_conn(m, f->conn.conn);
    struct fh_broker_frame g = {.type = FH_BROKER_GRANT};
    uint8_t mem[160];

    if (!k || k->server != s || k->is_accepted)
        return;
    k->is_accepted = true;
    memcpy(g.grant.conn, k->id, sizeof k->id);
    model_grant(m, k, false, false, &g.grant.grant, mem);
    model_send(m, k->viewer, &g);
}

static inline void model_renew(struct model *m, const struct fh_broker_frame *f)
{
    struct model_conn *k = model_conn(m, f->conn.conn);
    struct fh_broker_frame g = {.type = FH_BROKER_RENEWED};
    uint8_t mem[160];

    if (!k || !k->is_accepted)
        return;
    memcpy(g.grant.conn, k->id, sizeof k->id);
    for (int side = 0; side < 2; side++) {
        model_grant(m, k, side, true, &g.grant.grant, mem);
        model_send(m, side ? k->server : k->viewer, &g);
    }
}

/* SIGNAL and END: to the other one, as it is. */
static inline void model_forward(struct model *m, struct model_side *s,
                                 const struct fh_broker_frame *f)
{
    struct model_conn *k = model_conn(m, f->conn.conn);

    if (!k || (k->viewer != s && k->server != s))
        return;
    model_send(m, k->viewer == s ? k->server : k->viewer, f);
    if (f->type == FH_BROKER_END)
        k->is_live = false;
}

static inline void model_watch(struct model *m, struct model_side *s,
                               const struct fh_broker_frame *f)
{
    struct fh_broker_frame p = {.type = FH_BROKER_PEER_STATE};

    memcpy(s->watched, f->watch.addresses, f->watch.len * FH_CLOUD_ADDRESS_LEN);
    s->watched_len = f->watch.len;
    for (size_t i = 0; i < s->watched_len; i++) {
        memcpy(p.peer_state.address, s->watched[i], FH_CLOUD_ADDRESS_LEN);
        p.peer_state.is_online = model_online(m, s->watched[i]);
        model_send(m, s, &p);
    }
}

static inline void model_frame(struct model *m, struct model_side *s,
                               const struct fh_broker_frame *f, const uint8_t *bytes, size_t len)
{
    struct fh_broker_frame pong;

    s->frames[f->type]++;
    if (m->meddle && m->meddle(m, s, f))
        return;
    switch (f->type) {
    case FH_BROKER_HELLO:
        model_hello(m, s, f, bytes, len);
        break;
    case FH_BROKER_AUTH:
        model_auth(m, s, f);
        break;
    case FH_BROKER_PING:
        pong = *f;
        pong.type = FH_BROKER_PONG;
        model_send(m, s, &pong);
        break;
    case FH_BROKER_CONNECT:
        model_connect(m, s, f);
        break;
    case FH_BROKER_ACCEPT:
        model_accept(m, s, f);
        break;
    case FH_BROKER_RENEW:
        model_renew(m, f);
        break;
    case FH_BROKER_SIGNAL:
    case FH_BROKER_END:
        model_forward(m, s, f);
        break;
    case FH_BROKER_WATCH:
        model_watch(m, s, f);
        break;
    case FH_BROKER_LOG_CONSISTENCY:
        model_consistency(m, s, f);
        break;
    default:
        break;
    }
}

static inline void model_open(struct model_side *s, const uint8_t binding[FH_CLOUD_BINDING_LEN])
{
    memset(s, 0, sizeof *s);
    memcpy(s->binding, binding, sizeof s->binding);
    s->is_open = true;
}

static inline void model_closed(struct model *m, struct model_side *s)
{
    bool was_in = s->is_in;

    s->is_open = s->is_in = false;
    s->out_len = 0;
    if (was_in)
        model_tell_watchers(m, s->address, false);
    for (size_t i = 0; i < m->conns_len; i++) {
        struct model_conn *k = &m->conns[i];
        struct fh_broker_frame f = {.type = FH_BROKER_END};

        if (!k->is_live || (k->viewer != s && k->server != s))
            continue;
        k->is_live = false;
        memcpy(f.end.conn, k->id, sizeof k->id);
        f.end.reason = FH_BROKER_GONE;
        if (!k->is_accepted)
            model_send(m, k->viewer == s ? k->server : k->viewer, &f);
    }
}

static inline void model_input(struct model *m, struct model_side *s, const uint8_t *data,
                               size_t len)
{
    struct fh_broker_frame f;
    int n;

    while (len > 0 && s->is_open && !s->closes) {
        size_t take = sizeof s->in - s->in_len;

        take = take < len ? take : len;
        memcpy(s->in + s->in_len, data, take);
        s->in_len += take;
        data += take;
        len -= take;
        while ((n = fh_broker_frame_len(FH_BROKER_CLIENT, s->in, s->in_len)) > 0 &&
               (size_t)n <= s->in_len) {
            if (fh_broker_parse(FH_BROKER_CLIENT, s->in, (size_t)n, &f) != 0)
                abort(); /* our client never says such a thing */
            model_frame(m, s, &f, s->in, (size_t)n);
            s->in_len -= (size_t)n;
            memmove(s->in, s->in + n, s->in_len);
        }
        if (n < 0)
            abort();
    }
}

#endif
