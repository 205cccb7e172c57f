/* SPDX-License-Identifier: MIT */
/*
 * agent_net.h -- two agents, one virtual clock, and a network between them that is a page long.
 *
 * Each side has bases, perhaps behind a NAT (address and port dependent filtering; mapping
 * independent of the endpoint, or not). STUN servers answer; relayed bases pass what is permitted.
 * Signalling takes as long as the test says. Everything is decided by one seed.
 */
#ifndef FH_TEST_AGENT_NET_H
#define FH_TEST_AGENT_NET_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ice.h>
#include <farhand/stun.h>

enum { NET_PACKETS = 512, NET_MAPPINGS = 64, NET_LOG = 8192, NET_SIGNALS = 128, NET_SERVERS = 4 };

struct packet {
    uint64_t at;
    struct fh_ice_address from, to;
    size_t len;
    uint8_t data[FH_ICE_MAX_DATAGRAM];
};

struct mapping {
    struct fh_ice_address inside, outside, peer; /* peer: for mappings that depend on it */
};

struct side {
    const char *name;
    struct fh_ice_agent *agent;
    uint64_t random; /* state of its generator */
    struct fh_ice_address bases[FH_ICE_MAX_BASES];
    bool has_base[FH_ICE_MAX_BASES], is_relay[FH_ICE_MAX_BASES];
    bool is_behind_nat, is_symmetric;
    struct fh_ice_address nat; /* its outside; port counts up */
    struct mapping mappings[NET_MAPPINGS];
    size_t mappings_len;
    struct {
        struct fh_ice_address inside, peer;
    } sent[NET_MAPPINGS]; /* what the filter lets back in */
    size_t sent_len;
    struct fh_ice_address permits[NET_MAPPINGS];
    size_t permits_len;
    bool is_permit_denied;
    enum fh_ice_state state;
    enum fh_ice_state states[32];
    size_t states_len;
    int error;
    uint64_t connected_at, completed_at, gathered_at;
    size_t paths, restarts, candidates;
    bool is_mute;      /* its datagrams are lost */
    bool is_trickling; /* events of candidates are signalled */
    uint64_t sent_packets, wakeups;
    uint64_t last_begin; /* time of the last first transmission of a transaction */
    uint64_t least_gap;
    uint8_t txids[1024][FH_STUN_TXID_LEN];
    size_t txids_len;
};

struct signal {
    uint64_t at;
    int to; /* side; -1: done */
    enum { SIGNAL_CANDIDATE, SIGNAL_END, SIGNAL_DESCRIPTION } kind;
    struct fh_ice_candidate candidate;
    struct fh_ice_description *description;
    char ufrag[FH_ICE_MAX_CREDENTIAL + 1];
};

struct net {
    uint64_t now;
    uint64_t latency, signal_latency;
    struct side sides[2];
    struct packet packets[NET_PACKETS];
    size_t packets_len;
    struct fh_ice_address servers[NET_SERVERS];
    bool is_dead[NET_SERVERS];
    size_t servers_len;
    struct signal signals[NET_SIGNALS];
    size_t signals_len;
    /* May be NULL; true: this datagram is lost. */
    bool (*drop)(struct net *n, const struct packet *p);
    char log[NET_LOG];
    size_t log_len;
    bool is_logging;
};

static inline struct fh_ice_address at(const char *ip, unsigned port)
{
    struct fh_ice_address a;

    ck_assert_int_eq(fh_ice_address_parse(ip, strlen(ip), &a), 0);
    a.port = (uint16_t)port;
    return a;
}

/* xorshift64*: the same everywhere. */
static inline void net_random(void *user, void *out, size_t len)
{
    struct side *s = user;
    uint8_t *p = out;

    for (size_t i = 0; i < len; i++) {
        s->random ^= s->random >> 12;
        s->random ^= s->random << 25;
        s->random ^= s->random >> 27;
        p[i] = (uint8_t)((s->random * 2685821657736338717u) >> 56);
    }
}

static inline struct net *net_new(uint64_t seed)
{
    struct net *n = calloc(1, sizeof *n);

    ck_assert_ptr_nonnull(n);
    n->now = 1000000;
    n->latency = 10;
    n->signal_latency = 0;
    for (int i = 0; i < 2; i++) {
        n->sides[i].name = i == 0 ? "A" : "B";
        n->sides[i].random = seed * 2 + (uint64_t)i + 1;
        n->sides[i].is_trickling = true;
        n->sides[i].least_gap = UINT64_MAX;
    }
    return n;
}

static inline void net_agent(struct net *n, int i, const struct fh_ice_config *from)
{
    struct fh_ice_config cfg = *from;
    struct side *s = &n->sides[i];

    cfg.random = net_random;
    cfg.user = s;
    s->agent = fh_ice_agent_new(&cfg);
    ck_assert_ptr_nonnull(s->agent);
}

static inline void net_free(struct net *n)
{
    for (int i = 0; i < 2; i++)
        fh_ice_agent_free(n->sides[i].agent);
    for (size_t i = 0; i < n->signals_len; i++)
        free(n->signals[i].description);
    free(n);
}

/* ---- what goes over the wire, as text ------------------------------------------------------- */

static inline const char *net_describe(const struct packet *p, char *out, size_t room)
{
    struct fh_stun_message m;
    unsigned code = 0;

    if (fh_stun_parse(p->data, p->len, &m) != 0) {
        snprintf(out, room, "data %zu", p->len);
        return out;
    }
    (void)fh_stun_read_error(&m, &code, NULL, NULL);
    if (m.cls == FH_STUN_ERROR)
        snprintf(out, room, "error %u", code);
    else if (m.cls == FH_STUN_SUCCESS)
        snprintf(out, room, "success");
    else if (!fh_stun_has(&m, FH_STUN_USERNAME))
        snprintf(out, room, "question");
    else
        snprintf(out, room, "check%s%s",
                 fh_stun_has(&m, FH_STUN_ICE_CONTROLLING) ? " controlling" : " controlled",
                 fh_stun_has(&m, FH_STUN_USE_CANDIDATE) ? " use" : "");
    return out;
}

static inline void net_log(struct net *n, const char *what, const struct packet *p)
{
    char from[FH_ICE_ADDRESS_TEXT], to[FH_ICE_ADDRESS_TEXT], text[64];

    if (!n->is_logging)
        return;
    fh_ice_address_print(&p->from, from);
    fh_ice_address_print(&p->to, to);
    n->log_len += (size_t)snprintf(n->log + n->log_len, NET_LOG - n->log_len,
                                   "%5llu %s%s > %s %s\n", (unsigned long long)(n->now - 1000000),
                                   what, from, to, net_describe(p, text, sizeof text));
    ck_assert_uint_lt(n->log_len, NET_LOG);
}

/* ---- NAT ------------------------------------------------------------------------------------ */

static inline struct fh_ice_address nat_out(struct side *s, const struct fh_ice_address *inside,
                                            const struct fh_ice_address *peer)
{
    struct mapping *m;

    ck_assert_uint_lt(s->sent_len, NET_MAPPINGS);
    s->sent[s->sent_len].inside = *inside;
    s->sent[s->sent_len].peer = *peer;
    if (s->sent_len + 1 < NET_MAPPINGS)
        s->sent_len++;
    for (size_t i = 0; i < s->mappings_len; i++)
        if (fh_ice_address_equal(&s->mappings[i].inside, inside) &&
            (!s->is_symmetric || fh_ice_address_equal(&s->mappings[i].peer, peer)))
            return s->mappings[i].outside;
    ck_assert_uint_lt(s->mappings_len, NET_MAPPINGS);
    m = &s->mappings[s->mappings_len++];
    m->inside = *inside;
    m->peer = *peer;
    m->outside = s->nat;
    s->nat.port++;
    return m->outside;
}

/* Returns false if the filter drops it. */
static inline bool nat_in(struct side *s, const struct packet *p, struct fh_ice_address *inside)
{
    for (size_t i = 0; i < s->mappings_len; i++) {
        if (!fh_ice_address_equal(&s->mappings[i].outside, &p->to))
            continue;
        *inside = s->mappings[i].inside;
        for (size_t j = 0; j < s->sent_len; j++)
            if (fh_ice_address_equal(&s->sent[j].inside, inside) &&
                fh_ice_address_equal(&s->sent[j].peer, &p->from))
                return true;
    }
    return false;
}

/* Everything the NAT knows is forgotten, and ports begin elsewhere. */
static inline void nat_rebind(struct side *s)
{
    s->mappings_len = s->sent_len = 0;
    s->nat.port = (uint16_t)(s->nat.port + 1000);
}

/* ---- datagrams ------------------------------------------------------------------------------ */

static inline void net_put(struct net *n, const struct packet *p)
{
    ck_assert_uint_lt(n->packets_len, NET_PACKETS);
    n->packets[n->packets_len++] = *p;
}

static inline bool is_permitted(const struct side *s, const struct fh_ice_address *peer)
{
    for (size_t i = 0; i < s->permits_len; i++)
        if (fh_ice_address_equal_host(&s->permits[i], peer))
            return true;
    return false;
}

static inline void note_transaction(struct net *n, struct side *s, const struct packet *p)
{
    struct fh_stun_message m;

    if (fh_stun_parse(p->data, p->len, &m) != 0 || m.cls != FH_STUN_REQUEST)
        return;
    for (size_t i = 0; i < s->txids_len; i++)
        if (memcmp(s->txids[i], m.txid, sizeof m.txid) == 0)
            return;
    ck_assert_uint_lt(s->txids_len, 1024);
    memcpy(s->txids[s->txids_len++], m.txid, sizeof m.txid);
    if (s->last_begin != 0 && n->now - s->last_begin < s->least_gap)
        s->least_gap = n->now - s->last_begin;
    s->last_begin = n->now;
}

static inline void net_send(struct net *n, struct side *s, const struct fh_ice_datagram *d)
{
    struct packet p = {.at = n->now + n->latency, .to = d->peer, .len = d->len};

    ck_assert(s->has_base[d->base]);
    ck_assert_uint_le(d->len, sizeof p.data);
    memcpy(p.data, d->data, d->len);
    p.from = s->bases[d->base];
    s->sent_packets++;
    note_transaction(n, s, &p);
    if (s->is_mute)
        return;
    if (s->is_relay[d->base]) {
        ck_assert_msg(is_permitted(s, &p.to), "sent through a relay without a permission");
        p.at += n->latency;
    } else if (s->is_behind_nat && p.from.family == s->nat.family) {
        p.from = nat_out(s, &p.from, &p.to);
    }
    net_log(n, "", &p);
    if (n->drop && n->drop(n, &p))
        return;
    net_put(n, &p);
}

static inline void net_drain(struct net *n, int i);

static inline void net_to_base(struct net *n, int i, int base, const struct packet *p)
{
    struct fh_ice_datagram d = {.base = base, .peer = p->from, .data = p->data, .len = p->len};

    fh_ice_agent_input(n->sides[i].agent, n->now, &d);
    net_drain(n, i);
}

static inline bool net_to_server(struct net *n, const struct packet *p)
{
    for (size_t i = 0; i < n->servers_len; i++) {
        struct packet answer = {.at = n->now + n->latency, .from = p->to, .to = p->from};
        struct fh_stun_builder b;
        struct fh_stun_message m;

        if (!fh_ice_address_equal(&n->servers[i], &p->to))
            continue;
        if (n->is_dead[i] || fh_stun_parse(p->data, p->len, &m) != 0)
            return true;
        fh_stun_build_response(&b, answer.data, sizeof answer.data, FH_STUN_SUCCESS, &m);
        fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &p->from);
        answer.len = fh_stun_build_end(&b);
        net_put(n, &answer);
        return true;
    }
    return false;
}

static inline int find_base(const struct side *s, const struct fh_ice_address *address)
{
    for (int i = 0; i < FH_ICE_MAX_BASES; i++)
        if (s->has_base[i] && fh_ice_address_equal(&s->bases[i], address))
            return i;
    return -1;
}

static inline void net_deliver(struct net *n, const struct packet *p)
{
    if (net_to_server(n, p))
        return;
    for (int i = 0; i < 2; i++) {
        struct side *s = &n->sides[i];
        struct fh_ice_address to = p->to;
        int base = find_base(s, &to);

        if (base >= 0 && s->is_relay[base] && !is_permitted(s, &p->from))
            continue;
        if (base >= 0 && !s->is_relay[base] && s->is_behind_nat && to.family == s->nat.family &&
            fh_ice_address_scope(&p->from) == FH_ICE_SCOPE_GLOBAL)
            continue;
        if (base < 0 && s->is_behind_nat && nat_in(s, p, &to))
            base = find_base(s, &to);
        if (base >= 0)
            net_to_base(n, i, base, p);
    }
}

/* ---- signalling ----------------------------------------------------------------------------- */

static inline struct signal *net_signal(struct net *n, int from)
{
    struct signal *s = &n->signals[n->signals_len++];
    struct fh_ice_description *d = calloc(1, sizeof *d);

    ck_assert_uint_lt(n->signals_len, NET_SIGNALS);
    s->at = n->now + n->signal_latency;
    s->to = 1 - from;
    fh_ice_agent_description(n->sides[from].agent, d);
    memcpy(s->ufrag, d->ufrag, sizeof s->ufrag);
    s->description = d;
    return s;
}

/* A tells B what it has so far, and the other way round. */
static inline void net_describe_to_peer(struct net *n, int from)
{
    net_signal(n, from)->kind = SIGNAL_DESCRIPTION;
}

static inline void net_event(struct net *n, int i, const struct fh_ice_event *ev)
{
    struct side *s = &n->sides[i];

    switch (ev->type) {
    case FH_ICE_EV_CANDIDATE:
        s->candidates++;
        if (s->is_trickling) {
            struct signal *sig = net_signal(n, i);

            sig->kind = SIGNAL_CANDIDATE;
            sig->candidate = ev->candidate;
        }
        return;
    case FH_ICE_EV_GATHERED:
        s->gathered_at = n->now;
        if (s->is_trickling)
            net_signal(n, i)->kind = SIGNAL_END;
        return;
    case FH_ICE_EV_STATE:
        s->state = ev->state;
        s->error = ev->error;
        ck_assert_uint_lt(s->states_len, 32);
        s->states[s->states_len++] = ev->state;
        if (ev->state == FH_ICE_CONNECTED && s->connected_at == 0)
            s->connected_at = n->now;
        if (ev->state == FH_ICE_COMPLETED && s->completed_at == 0)
            s->completed_at = n->now;
        return;
    case FH_ICE_EV_PATH:
        s->paths++;
        return;
    case FH_ICE_EV_PERMIT:
        ck_assert(s->is_relay[ev->base]);
        if (!s->is_permit_denied)
            s->permits[s->permits_len++] = ev->host;
        fh_ice_agent_permitted(s->agent, n->now, ev->base, &ev->host, !s->is_permit_denied);
        return;
    case FH_ICE_EV_RESTART:
        s->restarts++;
        net_describe_to_peer(n, i);
        return;
    }
}

static inline void net_drain(struct net *n, int i)
{
    struct fh_ice_datagram d;
    struct fh_ice_event ev;

    while (fh_ice_agent_output(n->sides[i].agent, &d) > 0)
        net_send(n, &n->sides[i], &d);
    while (fh_ice_agent_event(n->sides[i].agent, &ev) > 0)
        net_event(n, i, &ev);
}

static inline int net_base(struct net *n, int i, const char *ip, unsigned port,
                           enum fh_ice_base_kind kind)
{
    struct side *s = &n->sides[i];
    struct fh_ice_base base = {.kind = kind, .address = at(ip, port)};
    int at_base;

    if (kind == FH_ICE_BASE_RELAY)
        base.related = s->nat;
    at_base = fh_ice_agent_add_base(s->agent, n->now, &base);
    ck_assert_int_ge(at_base, 0);
    s->bases[at_base] = base.address;
    s->has_base[at_base] = true;
    s->is_relay[at_base] = kind == FH_ICE_BASE_RELAY;
    net_drain(n, i);
    return at_base;
}

static inline void net_unbase(struct net *n, int i, int base)
{
    n->sides[i].has_base[base] = false;
    fh_ice_agent_remove_base(n->sides[i].agent, n->now, base);
    net_drain(n, i);
}

static inline void net_server(struct net *n, const char *ip, bool is_dead)
{
    n->is_dead[n->servers_len] = is_dead;
    n->servers[n->servers_len++] = at(ip, 3478);
    for (int i = 0; i < 2; i++)
        fh_ice_agent_add_server(n->sides[i].agent, n->now, &n->servers[n->servers_len - 1]);
}

static inline void net_take_signal(struct net *n, struct signal *s)
{
    struct fh_ice_agent *a = n->sides[s->to].agent;

    if (s->kind == SIGNAL_CANDIDATE)
        (void)fh_ice_agent_add_remote(a, n->now, &s->candidate, s->ufrag);
    else if (s->kind == SIGNAL_END)
        fh_ice_agent_end_remote(a, n->now);
    else
        ck_assert_int_eq(fh_ice_agent_set_remote(a, n->now, s->description), 0);
    net_drain(n, s->to);
}

/* ---- time ----------------------------------------------------------------------------------- */

static inline void net_signals(struct net *n)
{
    for (size_t i = 0; i < n->signals_len; i++) {
        struct signal s = n->signals[i];

        if (s.to < 0 || s.at > n->now)
            continue;
        n->signals[i].to = -1;
        net_take_signal(n, &s);
    }
}

/* In the order of their arrival; those of one moment in the order they were sent. */
static inline bool net_packet(struct net *n)
{
    size_t first = 0;
    struct packet p;

    for (size_t i = 1; i < n->packets_len; i++)
        if (n->packets[i].at < n->packets[first].at)
            first = i;
    if (n->packets_len == 0 || n->packets[first].at > n->now)
        return false;
    p = n->packets[first];
    n->packets_len--;
    memmove(&n->packets[first], &n->packets[first + 1],
            (n->packets_len - first) * sizeof *n->packets);
    net_deliver(n, &p);
    return true;
}

static inline void net_ticks(struct net *n)
{
    for (int i = 0; i < 2; i++) {
        int guard = 0;

        while (fh_ice_agent_deadline(n->sides[i].agent) <= n->now) {
            ck_assert_msg(guard++ < 100, "a deadline that a tick does not move");
            n->sides[i].wakeups++;
            fh_ice_agent_tick(n->sides[i].agent, n->now);
            net_drain(n, i);
        }
    }
}

static inline uint64_t net_next(const struct net *n)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < n->packets_len; i++)
        next = n->packets[i].at < next ? n->packets[i].at : next;
    for (size_t i = 0; i < n->signals_len; i++)
        if (n->signals[i].to >= 0 && n->signals[i].at < next)
            next = n->signals[i].at;
    for (int i = 0; i < 2; i++) {
        uint64_t d = fh_ice_agent_deadline(n->sides[i].agent);

        next = d < next ? d : next;
    }
    return next;
}

/* Runs until the clock shows now + ms. */
static inline void net_run(struct net *n, uint64_t ms)
{
    uint64_t end = n->now + ms;

    for (;;) {
        uint64_t next;

        net_signals(n);
        while (net_packet(n))
            ;
        net_ticks(n);
        next = net_next(n);
        if (next > end)
            break;
        if (next > n->now)
            n->now = next;
    }
    n->now = end;
}

/* Runs until both are in this state, at most ms. Returns how long it took. */
static inline uint64_t net_until(struct net *n, enum fh_ice_state state, uint64_t ms)
{
    uint64_t start = n->now;

    while (n->sides[0].state != state || n->sides[1].state != state) {
        ck_assert_msg(n->now < start + ms, "states %d and %d after %llu ms", n->sides[0].state,
                      n->sides[1].state, (unsigned long long)(n->now - start));
        net_run(n, 1);
    }
    return n->now - start;
}

static inline struct fh_ice_path net_path(struct net *n, int i)
{
    struct fh_ice_path p;

    ck_assert(fh_ice_agent_path(n->sides[i].agent, &p));
    return p;
}

static inline void net_exchange(struct net *n)
{
    net_describe_to_peer(n, 0);
    net_describe_to_peer(n, 1);
}

static const struct fh_ice_config net_controlling = {.role = FH_ICE_CONTROLLING};
static const struct fh_ice_config net_controlled = {.role = FH_ICE_CONTROLLED};

static inline struct net *net_two(uint64_t seed)
{
    struct net *n = net_new(seed);

    net_agent(n, 0, &net_controlling);
    net_agent(n, 1, &net_controlled);
    return n;
}

/* A host with a private address behind a NAT of its own. */
static inline int net_behind_nat(struct net *n, int i, bool is_symmetric)
{
    n->sides[i].is_behind_nat = true;
    n->sides[i].is_symmetric = is_symmetric;
    n->sides[i].nat = at(i == 0 ? "198.51.100.1" : "203.0.113.1", 40000);
    return net_base(n, i, i == 0 ? "10.0.0.1" : "192.168.7.2", 5000, FH_ICE_BASE_HOST);
}

static inline void net_check_types(struct net *n, enum fh_ice_candidate_type a,
                                   enum fh_ice_candidate_type b)
{
    ck_assert_int_eq((int)net_path(n, 0).local_type, (int)a);
    ck_assert_int_eq((int)net_path(n, 1).local_type, (int)b);
}

static inline void net_main(const char *name, void (*add)(TCase *tc), int *failed)
{
    Suite *s = suite_create(name);
    TCase *tc = tcase_create(name);
    SRunner *sr = srunner_create(s);

    suite_add_tcase(s, tc);
    add(tc);
    srunner_run_all(sr, CK_ENV);
    *failed = srunner_ntests_failed(sr);
    srunner_free(sr);
}

/* Both send to each other, by what they know. */
static inline void net_same_path(struct net *n)
{
    struct fh_ice_path a = net_path(n, 0), b = net_path(n, 1);
    char x[FH_ICE_ADDRESS_TEXT], y[FH_ICE_ADDRESS_TEXT];

    fh_ice_address_print(&a.local, x);
    fh_ice_address_print(&b.peer, y);
    ck_assert_str_eq(x, y);
    fh_ice_address_print(&b.local, x);
    fh_ice_address_print(&a.peer, y);
    ck_assert_str_eq(x, y);
}

#endif
