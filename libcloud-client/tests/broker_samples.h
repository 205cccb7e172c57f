/* SPDX-License-Identifier: MIT */
/* broker_samples.h -- one good frame of each type, or two. */
#ifndef FH_TESTS_BROKER_SAMPLES_H
#define FH_TESTS_BROKER_SAMPLES_H

#include "cloud_support.h"

struct sample {
    const char *name;
    enum fh_broker_side from;
    struct fh_broker_frame f;
};

enum { SAMPLES_MAX = 40 };

static struct endpoint sample_end;
static struct sample samples[SAMPLES_MAX];
static size_t samples_len;
static uint8_t sample_bytes[256];
static uint8_t sample_proof[8192];
static uint8_t sample_sealed[FH_BROKER_SIGNAL_MAX];

static inline struct fh_broker_frame *sample(const char *name, enum fh_broker_side from,
                                             enum fh_broker_type type)
{
    struct sample *s = &samples[samples_len++];

    if (samples_len > SAMPLES_MAX)
        abort();
    memset(s, 0, sizeof *s);
    s->name = name;
    s->from = from;
    s->f.type = type;
    return &s->f;
}

static inline struct fh_broker_host host_of(const char *host, uint16_t port)
{
    return (struct fh_broker_host){.host = text_of(host), .port = port};
}

static inline struct fh_broker_bytes log_proof_of_samples(void)
{
    const char *checkpoint = "cloud.example\n43\nAAAA=\n\n\u2014 cloud BBBB=\n";
    struct fh_tlog_proof p = {.kind = 1,
                              .time_ms = 1764273600123,
                              .index = 42,
                              .path = sample_bytes,
                              .path_len = 3,
                              .checkpoint = checkpoint,
                              .checkpoint_len = strlen(checkpoint)};
    int n = fh_tlog_proof_write(&p, sample_proof, sizeof sample_proof);

    if (n <= 0)
        abort();
    return (struct fh_broker_bytes){.p = sample_proof, .len = (size_t)n};
}

static inline void fill_grant(struct fh_broker_grant *g)
{
    g->cloud_secret = sample_bytes;
    g->packet_secret = sample_bytes + 32;
    g->expires_ms = 1764273660000;
    g->relays[0] = host_of("relay.cloud.example", 443);
    g->relays[1] = host_of("2001:db8::7", 8443);
    g->relays_len = 2;
    g->ticket = (struct fh_broker_bytes){.p = sample_bytes + 64, .len = 86};
    g->turn[0] = (struct fh_broker_turn){.uri = text_of("turn:turn.example:3478?transport=udp"),
                                         .user = text_of("1764273660:conn"),
                                         .password = text_of("c2VjcmV0")};
    g->turn_len = 1;
}

static inline void sample_sign_in(void)
{
    struct fh_broker_frame *f = sample("hello", FH_BROKER_CLIENT, FH_BROKER_HELLO);

    memcpy(f->hello.random, sample_bytes, 32);
    memcpy(f->hello.address, sample_end.address, FH_CLOUD_ADDRESS_LEN);
    f->hello.roles = FH_BROKER_LISTEN | FH_BROKER_WATCHES;
    f->hello.program = text_of("vncserverd 0.1.0");
    f = sample("challenge", FH_BROKER_SERVICE, FH_BROKER_CHALLENGE);
    memcpy(f->challenge.random, sample_bytes + 32, 32);
    f->challenge.time_ms = 1764273600000;
    f->challenge.checkpoint = text_of("cloud.example\n1\nAAAA=\n\n\u2014 cloud BBBB=\n");
    f = sample("challenge-without-log", FH_BROKER_SERVICE, FH_BROKER_CHALLENGE);
    f->challenge.checkpoint = text_of("");
    f = sample("auth-enrol", FH_BROKER_CLIENT, FH_BROKER_AUTH);
    f->auth.method = FH_BROKER_ENROL;
    f->auth.proof = sample_bytes;
    f->auth.statement = statement_of(&sample_end);
    f->auth.signature = (struct fh_broker_bytes){.p = sample_bytes, .len = 256};
    f = sample("auth-key", FH_BROKER_CLIENT, FH_BROKER_AUTH);
    f->auth.method = FH_BROKER_KEY;
    f->auth.signature = (struct fh_broker_bytes){.p = sample_bytes, .len = 256};
    f = sample("auth-rebind", FH_BROKER_CLIENT, FH_BROKER_AUTH);
    f->auth.method = FH_BROKER_REBIND;
    f->auth.statement = statement_of(&sample_end);
    f->auth.signature = (struct fh_broker_bytes){.p = sample_bytes, .len = 256};
    f = sample("welcome", FH_BROKER_SERVICE, FH_BROKER_WELCOME);
    f->welcome.interval_ms = 55000;
    f->welcome.roles = FH_BROKER_LISTEN;
    f->welcome.time_ms = 1764273600000;
    f->welcome.nodes[0] = host_of("a.cloud.example", 443);
    f->welcome.nodes[1] = host_of("192.0.2.1", 443);
    f->welcome.nodes_len = 2;
    f->welcome.stun[0] = host_of("stun.cloud.example", 3478);
    f->welcome.stun_len = 1;
    f->welcome.signal_bytes = 65536;
    f->welcome.log_proof = log_proof_of_samples();
    f = sample("welcome-bare", FH_BROKER_SERVICE, FH_BROKER_WELCOME);
    f->welcome.interval_ms = 1000;
}

static inline void sample_life(void)
{
    struct fh_broker_frame *f = sample("ping", FH_BROKER_CLIENT, FH_BROKER_PING);

    memcpy(f->ping.data, sample_bytes, 8);
    f = sample("pong", FH_BROKER_SERVICE, FH_BROKER_PONG);
    memcpy(f->ping.data, sample_bytes, 8);
    f = sample("watch", FH_BROKER_CLIENT, FH_BROKER_WATCH);
    f->watch.addresses = sample_end.address;
    f->watch.len = 1;
    f = sample("watch-nobody", FH_BROKER_CLIENT, FH_BROKER_WATCH);
    f->watch.addresses = sample_end.address;
    f = sample("peer-state", FH_BROKER_SERVICE, FH_BROKER_PEER_STATE);
    memcpy(f->peer_state.address, sample_end.address, FH_CLOUD_ADDRESS_LEN);
    f->peer_state.is_online = true;
    f = sample("error", FH_BROKER_SERVICE, FH_BROKER_ERROR);
    f->error.code = FH_BROKER_E_TOO_OFTEN;
    f->error.retry_after_ms = 2500;
    f->error.request = 7;
    f->error.text = text_of("too many requests");
    f = sample("restarting", FH_BROKER_SERVICE, FH_BROKER_RESTARTING);
    f->restarting.reconnect_in_ms = 20000;
    f->restarting.try_for_ms = 60000;
    f = sample("log-consistency", FH_BROKER_CLIENT, FH_BROKER_LOG_CONSISTENCY);
    f->log.old_size = 5;
    f->log.new_size = 43;
    f = sample("log-consistent", FH_BROKER_SERVICE, FH_BROKER_LOG_CONSISTENT);
    f->log.old_size = 5;
    f->log.new_size = 43;
    f->log.hashes = sample_bytes;
    f->log.hashes_len = 4;
}

static inline void sample_connections(void)
{
    struct fh_broker_frame *f = sample("connect", FH_BROKER_CLIENT, FH_BROKER_CONNECT);

    f->connect.request = 7;
    memcpy(f->connect.target, sample_end.address, FH_CLOUD_ADDRESS_LEN);
    f = sample("target", FH_BROKER_SERVICE, FH_BROKER_TARGET);
    f->target.request = 7;
    memcpy(f->target.conn, sample_bytes, 16);
    f->target.statement = statement_of(&sample_end);
    f->target.log_proof = log_proof_of_samples();
    f = sample("incoming", FH_BROKER_SERVICE, FH_BROKER_INCOMING);
    memcpy(f->incoming.conn, sample_bytes, 16);
    f->incoming.statement = statement_of(&sample_end);
    f->incoming.log_proof = log_proof_of_samples();
    f->incoming.groups[0] = text_of("support");
    f->incoming.groups[1] = text_of("B\u00fcro");
    f->incoming.groups_len = 2;
    fill_grant(&f->incoming.grant);
    f = sample("accept", FH_BROKER_CLIENT, FH_BROKER_ACCEPT);
    memcpy(f->conn.conn, sample_bytes, 16);
    f = sample("grant", FH_BROKER_SERVICE, FH_BROKER_GRANT);
    memcpy(f->grant.conn, sample_bytes, 16);
    fill_grant(&f->grant.grant);
    f = sample("signal", FH_BROKER_CLIENT, FH_BROKER_SIGNAL);
    memcpy(f->signal.conn, sample_bytes, 16);
    f->signal.sealed = (struct fh_broker_bytes){.p = sample_sealed, .len = 280};
    f = sample("signal-longest", FH_BROKER_SERVICE, FH_BROKER_SIGNAL);
    f->signal.sealed =
        (struct fh_broker_bytes){.p = sample_sealed, .len = FH_BROKER_SIGNAL_MAX - 16};
    f = sample("end", FH_BROKER_SERVICE, FH_BROKER_END);
    memcpy(f->end.conn, sample_bytes, 16);
    f->end.reason = FH_BROKER_ABSENT;
    f = sample("renew", FH_BROKER_CLIENT, FH_BROKER_RENEW);
    memcpy(f->conn.conn, sample_bytes, 16);
    f = sample("renewed", FH_BROKER_SERVICE, FH_BROKER_RENEWED);
    memcpy(f->grant.conn, sample_bytes, 16);
    fill_grant(&f->grant.grant);
}

static inline void make_samples(void)
{
    for (size_t i = 0; i < sizeof sample_bytes; i++)
        sample_bytes[i] = (uint8_t)i;
    make_endpoint(&sample_end, VIEWER);
    samples_len = 0;
    sample_sign_in();
    sample_life();
    sample_connections();
}

#endif
