/* SPDX-License-Identifier: MIT */
/* Reading and writing of each frame are neighbours; what both share is in broker_fields.c. */
#include <farhand/broker.h>

#include "broker_fields.h"

#define CONN FH_CLOUD_CONN_LEN

static void read_address(struct rd *r, uint8_t out[FH_CLOUD_ADDRESS_LEN])
{
    rd_copy(r, out, FH_CLOUD_ADDRESS_LEN);
    if (!fh_cloud_address_is_valid(out))
        r->bad = true;
}

static void write_address(struct wr *w, const uint8_t address[FH_CLOUD_ADDRESS_LEN])
{
    if (!fh_cloud_address_is_valid(address))
        w->bad = true;
    wr_bytes(w, address, FH_CLOUD_ADDRESS_LEN);
}

/* ---- sign-in --------------------------------------------------------------------------------- */

static void read_hello(struct rd *r, struct fh_broker_frame *f)
{
    rd_copy(r, f->hello.random, sizeof f->hello.random);
    read_address(r, f->hello.address);
    f->hello.roles = rd_u8(r);
    f->hello.program = fh__read_text(r, FH_BROKER_PROGRAM_MAX);
}

static void write_hello(struct wr *w, const struct fh_broker_frame *f)
{
    wr_bytes(w, f->hello.random, sizeof f->hello.random);
    write_address(w, f->hello.address);
    wr_u8(w, f->hello.roles);
    fh__write_text(w, f->hello.program, FH_BROKER_PROGRAM_MAX);
}

static void read_challenge(struct rd *r, struct fh_broker_frame *f)
{
    rd_copy(r, f->challenge.random, sizeof f->challenge.random);
    f->challenge.time_ms = rd_u64(r);
    f->challenge.checkpoint = fh__read_checkpoint(r);
}

static void write_challenge(struct wr *w, const struct fh_broker_frame *f)
{
    wr_bytes(w, f->challenge.random, sizeof f->challenge.random);
    wr_u64(w, f->challenge.time_ms);
    fh__write_checkpoint(w, f->challenge.checkpoint);
}

static void read_auth(struct rd *r, struct fh_broker_frame *f)
{
    uint8_t method = rd_u8(r);

    f->auth.proof = NULL;
    f->auth.statement = (struct fh_broker_bytes){0};
    if (method < FH_BROKER_ENROL || method > FH_BROKER_REBIND)
        r->bad = true;
    f->auth.method = (enum fh_broker_method)method;
    if (method == FH_BROKER_ENROL)
        f->auth.proof = rd_bytes(r, FH_CLOUD_PROOF_LEN);
    if (method != FH_BROKER_KEY)
        f->auth.statement = fh__read_statement(r);
    f->auth.signature = fh__read_bytes16(r, FH_SIGNATURE_MAX);
}

static void write_auth(struct wr *w, const struct fh_broker_frame *f)
{
    wr_u8(w, (uint8_t)f->auth.method);
    if (f->auth.method < FH_BROKER_ENROL || f->auth.method > FH_BROKER_REBIND)
        w->bad = true;
    if (f->auth.method == FH_BROKER_ENROL)
        wr_bytes(w, f->auth.proof, FH_CLOUD_PROOF_LEN);
    if (f->auth.method != FH_BROKER_KEY)
        fh__write_statement(w, f->auth.statement);
    fh__write_bytes16(w, f->auth.signature, FH_SIGNATURE_MAX);
}

static void read_welcome(struct rd *r, struct fh_broker_frame *f)
{
    uint16_t nodes;

    f->welcome.interval_ms = rd_u32(r);
    f->welcome.roles = rd_u8(r);
    f->welcome.time_ms = rd_u64(r);
    nodes = rd_u16(r);
    if (nodes > FH_BROKER_NODES_MAX)
        r->bad = true;
    for (size_t i = 0; i < nodes && !r->bad; i++)
        f->welcome.nodes[i] = fh__read_host(r);
    f->welcome.nodes_len = nodes;
    f->welcome.stun_len = fh__read_hosts(r, f->welcome.stun, FH_BROKER_STUN_MAX);
    f->welcome.signal_bytes = rd_u32(r);
    f->welcome.log_proof = fh__read_log_proof(r);
}

static void write_welcome(struct wr *w, const struct fh_broker_frame *f)
{
    wr_u32(w, f->welcome.interval_ms);
    wr_u8(w, f->welcome.roles);
    wr_u64(w, f->welcome.time_ms);
    if (f->welcome.nodes_len > FH_BROKER_NODES_MAX)
        w->bad = true;
    wr_u16(w, (uint16_t)f->welcome.nodes_len);
    for (size_t i = 0; i < f->welcome.nodes_len && !w->bad; i++)
        fh__write_host(w, f->welcome.nodes[i]);
    fh__write_hosts(w, f->welcome.stun, f->welcome.stun_len, FH_BROKER_STUN_MAX);
    wr_u32(w, f->welcome.signal_bytes);
    fh__write_log_proof(w, f->welcome.log_proof);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void read_ping(struct rd *r, struct fh_broker_frame *f)
{
    rd_copy(r, f->ping.data, sizeof f->ping.data);
}

static void write_ping(struct wr *w, const struct fh_broker_frame *f)
{
    wr_bytes(w, f->ping.data, sizeof f->ping.data);
}

static void read_error(struct rd *r, struct fh_broker_frame *f)
{
    f->error.code = rd_u16(r);
    f->error.retry_after_ms = rd_u32(r);
    f->error.request = rd_u32(r);
    f->error.text = fh__read_text(r, FH_BROKER_ERROR_TEXT_MAX);
}

static void write_error(struct wr *w, const struct fh_broker_frame *f)
{
    wr_u16(w, f->error.code);
    wr_u32(w, f->error.retry_after_ms);
    wr_u32(w, f->error.request);
    fh__write_text(w, f->error.text, FH_BROKER_ERROR_TEXT_MAX);
}

static void read_restarting(struct rd *r, struct fh_broker_frame *f)
{
    f->restarting.reconnect_in_ms = rd_u32(r);
    f->restarting.try_for_ms = rd_u32(r);
}

static void write_restarting(struct wr *w, const struct fh_broker_frame *f)
{
    wr_u32(w, f->restarting.reconnect_in_ms);
    wr_u32(w, f->restarting.try_for_ms);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void read_connect(struct rd *r, struct fh_broker_frame *f)
{
    f->connect.request = rd_u32(r);
    if (f->connect.request == 0)
        r->bad = true;
    read_address(r, f->connect.target);
}

static void write_connect(struct wr *w, const struct fh_broker_frame *f)
{
    if (f->connect.request == 0)
        w->bad = true;
    wr_u32(w, f->connect.request);
    write_address(w, f->connect.target);
}

static void read_target(struct rd *r, struct fh_broker_frame *f)
{
    f->target.request = rd_u32(r);
    rd_copy(r, f->target.conn, CONN);
    f->target.statement = fh__read_statement(r);
    f->target.log_proof = fh__read_log_proof(r);
}

static void write_target(struct wr *w, const struct fh_broker_frame *f)
{
    wr_u32(w, f->target.request);
    wr_bytes(w, f->target.conn, CONN);
    fh__write_statement(w, f->target.statement);
    fh__write_log_proof(w, f->target.log_proof);
}

static void read_incoming(struct rd *r, struct fh_broker_frame *f)
{
    rd_copy(r, f->incoming.conn, CONN);
    f->incoming.statement = fh__read_statement(r);
    f->incoming.log_proof = fh__read_log_proof(r);
    f->incoming.groups_len = rd_u8(r);
    if (f->incoming.groups_len > FH_BROKER_GROUPS_MAX)
        r->bad = true;
    for (size_t i = 0; i < f->incoming.groups_len && !r->bad; i++)
        f->incoming.groups[i] = fh__read_text(r, FH_BROKER_GROUP_MAX);
    fh__read_grant(r, &f->incoming.grant);
}

static void write_incoming(struct wr *w, const struct fh_broker_frame *f)
{
    wr_bytes(w, f->incoming.conn, CONN);
    fh__write_statement(w, f->incoming.statement);
    fh__write_log_proof(w, f->incoming.log_proof);
    if (f->incoming.groups_len > FH_BROKER_GROUPS_MAX)
        w->bad = true;
    wr_u8(w, (uint8_t)f->incoming.groups_len);
    for (size_t i = 0; i < f->incoming.groups_len && !w->bad; i++)
        fh__write_text(w, f->incoming.groups[i], FH_BROKER_GROUP_MAX);
    fh__write_grant(w, &f->incoming.grant);
}

static void read_conn(struct rd *r, struct fh_broker_frame *f)
{
    rd_copy(r, f->conn.conn, CONN);
}

static void write_conn(struct wr *w, const struct fh_broker_frame *f)
{
    wr_bytes(w, f->conn.conn, CONN);
}

static void read_grant(struct rd *r, struct fh_broker_frame *f)
{
    rd_copy(r, f->grant.conn, CONN);
    fh__read_grant(r, &f->grant.grant);
}

static void write_grant(struct wr *w, const struct fh_broker_frame *f)
{
    wr_bytes(w, f->grant.conn, CONN);
    fh__write_grant(w, &f->grant.grant);
}

/* Sealed: at least its number, its nonce and its tag. */
static void read_signal(struct rd *r, struct fh_broker_frame *f)
{
    rd_copy(r, f->signal.conn, CONN);
    f->signal.sealed.len = r->left;
    f->signal.sealed.p = rd_bytes(r, r->left);
    if (f->signal.sealed.len < FH_SEAL_OVERHEAD)
        r->bad = true;
}

static void write_signal(struct wr *w, const struct fh_broker_frame *f)
{
    if (f->signal.sealed.len < FH_SEAL_OVERHEAD)
        w->bad = true;
    wr_bytes(w, f->signal.conn, CONN);
    wr_bytes(w, f->signal.sealed.p, f->signal.sealed.len);
}

static void read_end(struct rd *r, struct fh_broker_frame *f)
{
    rd_copy(r, f->end.conn, CONN);
    f->end.reason = rd_u8(r);
}

static void write_end(struct wr *w, const struct fh_broker_frame *f)
{
    wr_bytes(w, f->end.conn, CONN);
    wr_u8(w, f->end.reason);
}

/* ---- presence -------------------------------------------------------------------------------- */

static bool are_addresses(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!fh_cloud_address_is_valid(p + i * FH_CLOUD_ADDRESS_LEN))
            return false;
    return true;
}

static void read_watch(struct rd *r, struct fh_broker_frame *f)
{
    f->watch.len = rd_u8(r);
    f->watch.addresses = rd_bytes(r, f->watch.len * FH_CLOUD_ADDRESS_LEN);
    if (f->watch.len > FH_BROKER_WATCH_MAX || r->bad ||
        !are_addresses(f->watch.addresses, f->watch.len))
        r->bad = true;
}

static void write_watch(struct wr *w, const struct fh_broker_frame *f)
{
    if (f->watch.len > FH_BROKER_WATCH_MAX || !are_addresses(f->watch.addresses, f->watch.len))
        w->bad = true;
    wr_u8(w, (uint8_t)f->watch.len);
    wr_bytes(w, f->watch.addresses, f->watch.len * FH_CLOUD_ADDRESS_LEN);
}

static void read_peer_state(struct rd *r, struct fh_broker_frame *f)
{
    uint8_t online;

    read_address(r, f->peer_state.address);
    online = rd_u8(r);
    if (online > 1)
        r->bad = true;
    f->peer_state.is_online = online == 1;
}

static void write_peer_state(struct wr *w, const struct fh_broker_frame *f)
{
    write_address(w, f->peer_state.address);
    wr_u8(w, f->peer_state.is_online);
}

/* ---- log ------------------------------------------------------------------------------------- */

static void read_consistency(struct rd *r, struct fh_broker_frame *f)
{
    f->log.old_size = rd_u64(r);
    f->log.new_size = rd_u64(r);
    f->log.hashes = NULL;
    f->log.hashes_len = 0;
}

static void write_consistency(struct wr *w, const struct fh_broker_frame *f)
{
    wr_u64(w, f->log.old_size);
    wr_u64(w, f->log.new_size);
}

static void read_consistent(struct rd *r, struct fh_broker_frame *f)
{
    read_consistency(r, f);
    f->log.hashes_len = rd_u8(r);
    f->log.hashes = rd_bytes(r, f->log.hashes_len * FH_BROKER_HASH_LEN);
    if (f->log.hashes_len > FH_BROKER_HASHES_MAX)
        r->bad = true;
}

static void write_consistent(struct wr *w, const struct fh_broker_frame *f)
{
    write_consistency(w, f);
    if (f->log.hashes_len > FH_BROKER_HASHES_MAX)
        w->bad = true;
    wr_u8(w, (uint8_t)f->log.hashes_len);
    wr_bytes(w, f->log.hashes, f->log.hashes_len * FH_BROKER_HASH_LEN);
}

/* ---- the table ------------------------------------------------------------------------------- */

enum { C = 1 << FH_BROKER_CLIENT, S = 1 << FH_BROKER_SERVICE, BOTH = C | S };

static const struct kind {
    uint8_t from;
    uint16_t max; /* bytes of the body */
    void (*read)(struct rd *r, struct fh_broker_frame *f);
    void (*write)(struct wr *w, const struct fh_broker_frame *f);
} kinds[] = {
    [FH_BROKER_HELLO] = {C, FH_BROKER_HELLO_MAX, read_hello, write_hello},
    [FH_BROKER_CHALLENGE] = {S, FH_BROKER_MAX, read_challenge, write_challenge},
    [FH_BROKER_AUTH] = {C, FH_BROKER_AUTH_MAX, read_auth, write_auth},
    [FH_BROKER_WELCOME] = {S, FH_BROKER_WELCOME_MAX, read_welcome, write_welcome},
    [FH_BROKER_PING] = {BOTH, FH_BROKER_MAX, read_ping, write_ping},
    [FH_BROKER_PONG] = {BOTH, FH_BROKER_MAX, read_ping, write_ping},
    [FH_BROKER_CONNECT] = {C, FH_BROKER_MAX, read_connect, write_connect},
    [FH_BROKER_TARGET] = {S, FH_BROKER_TARGET_MAX, read_target, write_target},
    [FH_BROKER_INCOMING] = {S, FH_BROKER_INCOMING_MAX, read_incoming, write_incoming},
    [FH_BROKER_ACCEPT] = {C, FH_BROKER_MAX, read_conn, write_conn},
    [FH_BROKER_GRANT] = {S, FH_BROKER_GRANT_MAX, read_grant, write_grant},
    [FH_BROKER_SIGNAL] = {BOTH, FH_BROKER_SIGNAL_MAX, read_signal, write_signal},
    [FH_BROKER_END] = {BOTH, FH_BROKER_MAX, read_end, write_end},
    [FH_BROKER_WATCH] = {C, FH_BROKER_MAX, read_watch, write_watch},
    [FH_BROKER_PEER_STATE] = {S, FH_BROKER_MAX, read_peer_state, write_peer_state},
    [FH_BROKER_ERROR] = {S, FH_BROKER_MAX, read_error, write_error},
    [FH_BROKER_RESTARTING] = {S, FH_BROKER_MAX, read_restarting, write_restarting},
    [FH_BROKER_RENEW] = {C, FH_BROKER_MAX, read_conn, write_conn},
    [FH_BROKER_RENEWED] = {S, FH_BROKER_GRANT_MAX, read_grant, write_grant},
    [FH_BROKER_LOG_CONSISTENCY] = {C, FH_BROKER_MAX, read_consistency, write_consistency},
    [FH_BROKER_LOG_CONSISTENT] = {S, FH_BROKER_LOG_MAX, read_consistent, write_consistent},
};

/* NULL: not known. */
static const struct kind *kind_of(unsigned type)
{
    return type > 0 && type < sizeof kinds / sizeof *kinds ? &kinds[type] : NULL;
}

int fh_broker_frame_len(enum fh_broker_side from, const uint8_t *data, size_t len)
{
    const struct kind *k;
    unsigned body;

    if (len < FH_BROKER_HEADER_LEN)
        return 0;
    k = kind_of(data[0]);
    body = (unsigned)data[2] << 8 | data[3];
    if (data[0] == 0 || data[1] != 0 || (k && !(k->from & 1 << from)) ||
        body > (k ? k->max : FH_BROKER_MAX))
        return FH_CLOUD_E_PROTO;
    return (int)(FH_BROKER_HEADER_LEN + body);
}

int fh_broker_parse(enum fh_broker_side from, const uint8_t *data, size_t len,
                    struct fh_broker_frame *out)
{
    int frame_len = fh_broker_frame_len(from, data, len);
    const struct kind *k;
    struct rd r;

    if (frame_len <= 0 || (size_t)frame_len != len)
        return FH_CLOUD_E_PROTO;
    k = kind_of(data[0]);
    out->number = data[0];
    out->type = k ? (enum fh_broker_type)data[0] : FH_BROKER_UNKNOWN;
    if (!k)
        return 0;
    r = rd_init(data + FH_BROKER_HEADER_LEN, len - FH_BROKER_HEADER_LEN);
    k->read(&r, out);
    return rd_is_done(&r) ? 0 : FH_CLOUD_E_PROTO;
}

int fh_broker_print(const struct fh_broker_frame *f, uint8_t *out, size_t room)
{
    const struct kind *k = kind_of(f->type);
    struct wr w = wr_init(out, room);
    size_t body;

    if (!k)
        return FH_CLOUD_E_INVAL;
    wr_u8(&w, (uint8_t)f->type);
    wr_u8(&w, 0);
    wr_u16(&w, 0);
    k->write(&w, f);
    body = w.len - FH_BROKER_HEADER_LEN;
    if (w.bad || body > k->max)
        return FH_CLOUD_E_INVAL;
    out[2] = (uint8_t)(body >> 8);
    out[3] = (uint8_t)body;
    return (int)w.len;
}
