/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum {
    UDP_TIMEOUT_S = 120,  /* RFC 4787 REQ-5: at least two minutes */
    TCP_TIMEOUT_S = 7440, /* RFC 5382 REQ-5 */
    FIRST_PORT = 1024,
    BLOCK = 512,
    MAX_PAIRS = 8,
};

/* Whom a mapping has sent to, and until when that counts. */
struct contact {
    struct sim_addr addr;
    uint64_t until;
};

struct mapping {
    struct mapping *next;
    enum sim_proto proto;
    struct sim_addr inside, outside;
    struct sim_addr key; /* the part of the destination that the mapping depends on */
    uint64_t until;
    bool asked_for; /* by PCP: open to all, for flows that have no mapping yet */
    bool ended;     /* was asked for: only the flows that use it go on */
    struct contact *contacts;
    size_t n_contacts, cap_contacts;
};

struct pair {
    struct sim_addr inside, outside;
};

struct nat {
    struct sim_nat_config cfg;
    struct sim_firewall_config wall;
    struct sim_iface *inside, *outside;
    struct mapping *mappings;
    struct pair pairs[MAX_PAIRS];
    size_t n_pairs;
    uint16_t last_port;
    uint16_t shift; /* moves preserved ports after a rebinding */
};

static uint64_t timeout(const struct nat *nat, enum sim_proto proto)
{
    if (proto == SIM_TCP)
        return TCP_TIMEOUT_S * SIM_S;
    return nat->cfg.timeout_us ? nat->cfg.timeout_us : UDP_TIMEOUT_S * SIM_S;
}

/* ------------------------------------------------------------------ the table */

static struct sim_addr key_of(enum sim_depends on, const struct sim_addr *dst)
{
    struct sim_addr k = *dst;

    if (on == SIM_INDEPENDENT)
        return (struct sim_addr){0};
    if (on == SIM_ADDRESS)
        k.port = 0;
    return k;
}

static void expire(struct nat *nat, uint64_t now)
{
    for (struct mapping **at = &nat->mappings, *m; (m = *at);) {
        if (m->until > now) {
            at = &m->next;
            continue;
        }
        *at = m->next;
        free(m->contacts);
        free(m);
    }
}

static bool has_contact(const struct mapping *m, const struct sim_addr *a, uint64_t now)
{
    for (size_t i = 0; i < m->n_contacts; i++)
        if (m->contacts[i].until > now && sim_addr_equal(&m->contacts[i].addr, a))
            return true;
    return false;
}

/*
 * A flow keeps the mapping it has, whichever side began it, as with connection tracking. What was
 * asked for is for new ones.
 */
static struct mapping *by_inside(struct nat *nat, enum sim_proto proto, const struct sim_addr *src,
                                 const struct sim_addr *dst, const struct sim_addr *key,
                                 uint64_t now)
{
    struct mapping *asked = NULL, *like = NULL;

    for (struct mapping *m = nat->mappings; m; m = m->next) {
        if (m->proto != proto || !sim_addr_equal(&m->inside, src))
            continue;
        if (has_contact(m, dst, now))
            return m;
        if (m->asked_for)
            asked = m;
        else if (!m->ended && sim_addr_equal(&m->key, key))
            like = m;
    }
    return asked ? asked : like;
}

static struct mapping *by_outside(struct nat *nat, enum sim_proto proto, const struct sim_addr *a)
{
    for (struct mapping *m = nat->mappings; m; m = m->next)
        if (m->proto == proto && sim_addr_equal(&m->outside, a))
            return m;
    return NULL;
}

static struct contact *contact(struct mapping *m, const struct sim_addr *a, uint64_t now)
{
    for (size_t i = 0; i < m->n_contacts; i++)
        if (sim_addr_equal(&m->contacts[i].addr, a) || m->contacts[i].until <= now) {
            m->contacts[i].addr = *a;
            return &m->contacts[i];
        }
    if (m->n_contacts == m->cap_contacts) {
        m->cap_contacts = m->cap_contacts ? 2 * m->cap_contacts : 8;
        m->contacts = realloc(m->contacts, m->cap_contacts * sizeof *m->contacts);
        if (!m->contacts)
            abort();
    }
    m->contacts[m->n_contacts] = (struct contact){.addr = *a};
    return &m->contacts[m->n_contacts++];
}

static bool filter_passes(const struct mapping *m, enum sim_depends filtering,
                          const struct sim_addr *from, uint64_t now)
{
    if (filtering == SIM_INDEPENDENT || m->asked_for)
        return true;
    for (size_t i = 0; i < m->n_contacts; i++) {
        const struct contact *c = &m->contacts[i];

        if (c->until > now && (filtering == SIM_ADDRESS ? sim_ip_equal(&c->addr, from)
                                                        : sim_addr_equal(&c->addr, from)))
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------ ports */

static const struct pair *pair_of(const struct nat *nat, const struct sim_addr *inside)
{
    for (size_t i = 0; i < nat->n_pairs; i++)
        if (sim_ip_equal(&nat->pairs[i].inside, inside))
            return &nat->pairs[i];
    return NULL;
}

static bool is_free(struct nat *nat, enum sim_proto proto, const struct sim_addr *a)
{
    return a->port >= FIRST_PORT && by_outside(nat, proto, a) == NULL;
}

static uint16_t first_try(struct nat *nat, struct sim *w, const struct sim_addr *inside)
{
    uint16_t block = (uint16_t)(FIRST_PORT + (inside->ip[3] % 100) * BLOCK);

    switch (nat->cfg.ports) {
    case SIM_PORTS_PRESERVED:
        return (uint16_t)(inside->port + nat->shift);
    case SIM_PORTS_SEQUENTIAL:
        return (uint16_t)(nat->last_port + 1);
    case SIM_PORTS_RANDOM:
        return (uint16_t)(FIRST_PORT + sim_random_below(w, 65536 - FIRST_PORT));
    case SIM_PORTS_CONTIGUOUS:
        return (uint16_t)(block + sim_random_below(w, BLOCK));
    }
    return FIRST_PORT;
}

static struct sim_addr choose_outside(struct nat *nat, struct sim *w, enum sim_proto proto,
                                      const struct sim_addr *inside)
{
    const struct pair *pair = pair_of(nat, inside);
    struct sim_addr a = pair ? pair->outside : sim_iface_addr(nat->outside, inside->family);

    a.port = pair ? inside->port : first_try(nat, w, inside);
    for (unsigned tries = 0; !pair && !is_free(nat, proto, &a) && tries < 65536; tries++)
        a.port = (uint16_t)(a.port < FIRST_PORT ? FIRST_PORT : a.port + 1);
    nat->last_port = a.port;
    return a;
}

static struct mapping *add(struct nat *nat, enum sim_proto proto, const struct sim_addr *inside,
                           const struct sim_addr *outside, const struct sim_addr *key)
{
    struct mapping *m = sim__alloc(sizeof *m);

    m->proto = proto;
    m->inside = *inside;
    m->outside = *outside;
    m->key = *key;
    m->next = nat->mappings;
    nat->mappings = m;
    return m;
}

/* ------------------------------------------------------------------ translation */

/* IPv6 and plain routers: every address is its own outside; the table then only filters. */
static bool is_identity(const struct nat *nat, const struct sim_addr *a)
{
    return a->family == 6 || nat->cfg.none;
}

static struct mapping *map_out(struct nat *nat, struct sim *w, const struct packet *p)
{
    bool identity = is_identity(nat, &p->src);
    struct sim_addr key = key_of(identity ? SIM_INDEPENDENT : nat->cfg.mapping, &p->dst);
    struct mapping *m = by_inside(nat, p->proto, &p->src, &p->dst, &key, w->now);
    uint64_t until = w->now + timeout(nat, p->proto);

    if (!m) {
        struct sim_addr out = identity ? p->src : choose_outside(nat, w, p->proto, &p->src);

        m = add(nat, p->proto, &p->src, &out, &key);
    }
    if (!m->asked_for)
        m->until = until;
    contact(m, &p->dst, w->now)->until = until;
    return m;
}

/* An application-level gateway that means well: the address in the payload is replaced as well. */
static void rewrite_payload(struct packet *p, const struct sim_addr *from,
                            const struct sim_addr *to)
{
    for (size_t i = 0; i + 4 <= p->len; i++)
        if (memcmp(p->data + i, from->ip, 4) == 0)
            memcpy(p->data + i, to->ip, 4);
}

static bool wall_stops(const struct nat *nat, const struct packet *p, bool outwards)
{
    const struct sim_addr *remote = outwards ? &p->dst : &p->src;

    if (nat->wall.block_v6 && p->dst.family == 6)
        return true;
    if (nat->wall.only_443)
        return p->proto != SIM_TCP || remote->port != 443;
    return nat->wall.block_udp && p->proto == SIM_UDP;
}

static bool is_mine(const struct nat *nat, const struct sim_addr *ip)
{
    struct sim_addr own = sim_iface_addr(nat->outside, ip->family);

    for (size_t i = 0; i < nat->n_pairs; i++)
        if (sim_ip_equal(&nat->pairs[i].outside, ip))
            return true;
    return !nat->cfg.none && sim_ip_equal(&own, ip);
}

/* 1:1 without a filter: the outside address is the host's, whoever sends. */
static bool is_paired(const struct nat *nat, struct packet *p)
{
    for (size_t i = 0; i < nat->n_pairs; i++)
        if (sim_ip_equal(&nat->pairs[i].outside, &p->dst)) {
            memcpy(p->dst.ip, nat->pairs[i].inside.ip, sizeof p->dst.ip);
            return true;
        }
    return false;
}

/* What no mapping leads inside: only what is neither translated nor filtered. */
static void come_unasked(struct sim_node *n, struct packet *p, enum sim_depends filtering)
{
    if (filtering == SIM_INDEPENDENT && (is_identity(n->nat, &p->dst) || is_paired(n->nat, p)))
        sim__node_forward(n, p);
    else
        sim__fate(n->world, p, SIM_NAT_NO_MAPPING, n);
}

/* RFC 4787 REQ-9: where hairpinning shows the private source, there is nothing to filter by. */
static void come_in(struct sim_node *n, struct packet *p, bool filtered)
{
    struct nat *nat = n->nat;
    enum sim_depends filtering = p->dst.family == 6 ? nat->cfg.filtering_v6 : nat->cfg.filtering;
    struct mapping *m = by_outside(nat, p->proto, &p->dst);

    if (!m) {
        come_unasked(n, p, filtering);
        return;
    }
    if (filtered && !filter_passes(m, filtering, &p->src, n->world->now)) {
        sim__fate(n->world, p, SIM_NAT_FILTERED, n);
        return;
    }
    if (m->asked_for)
        contact(m, &p->src, n->world->now)->until = n->world->now + timeout(nat, p->proto);
    if (nat->cfg.inbound_refreshes && !m->asked_for)
        m->until = n->world->now + timeout(nat, p->proto);
    if (nat->cfg.alg)
        rewrite_payload(p, &m->outside, &m->inside);
    p->dst = m->inside;
    sim__node_forward(n, p);
}

static void hairpin(struct sim_node *n, struct packet *p)
{
    struct nat *nat = n->nat;

    if (nat->cfg.hairpin == SIM_HAIRPIN_NONE) {
        sim__fate(n->world, p, SIM_NO_HAIRPIN, n);
        return;
    }
    if (nat->cfg.hairpin == SIM_HAIRPIN_EXTERNAL)
        p->src = map_out(nat, n->world, p)->outside;
    come_in(n, p, nat->cfg.hairpin == SIM_HAIRPIN_EXTERNAL);
}

static void go_out(struct sim_node *n, struct packet *p)
{
    struct nat *nat = n->nat;
    struct mapping *m;

    if (wall_stops(nat, p, true)) {
        sim__fate(n->world, p, SIM_FIREWALL, n);
        return;
    }
    if (is_mine(nat, &p->dst)) {
        hairpin(n, p);
        return;
    }
    m = map_out(nat, n->world, p);
    if (nat->cfg.alg)
        rewrite_payload(p, &m->inside, &m->outside);
    p->src = m->outside;
    sim__node_forward(n, p);
}

void sim__nat_receive(struct sim_node *n, struct sim_iface *in, struct packet *p)
{
    struct nat *nat = n->nat;

    expire(nat, n->world->now);
    if (in == nat->inside) {
        if (sim__node_has(n, &p->dst) && !is_mine(nat, &p->dst))
            sim__deliver_local(n, p);
        else
            go_out(n, p);
    } else if (wall_stops(nat, p, false)) {
        sim__fate(n->world, p, SIM_FIREWALL, n);
    } else {
        come_in(n, p, true);
    }
}

/* ------------------------------------------------------------------ interface */

struct sim_node *sim_nat_new(struct sim *w, const char *name, const struct sim_nat_config *cfg,
                             struct sim_net *inside, const char *inside_ip, struct sim_net *outside,
                             const char *outside_ip)
{
    struct sim_node *n = sim_node_new(w, name);
    struct nat *nat = sim__alloc(sizeof *nat);

    nat->cfg = *cfg;
    nat->inside = sim_attach(n, inside, inside_ip);
    nat->outside = sim_attach(n, outside, outside_ip);
    nat->last_port = (uint16_t)(FIRST_PORT + sim_random_below(w, 60000));
    n->nat = nat;
    sim_net_set_gateway(inside, nat->inside);
    return n;
}

void sim_nat_pair(struct sim_node *n, const char *inside_ip, const char *outside_ip)
{
    assert(n->nat->n_pairs < MAX_PAIRS);
    n->nat->pairs[n->nat->n_pairs++] =
        (struct pair){sim_addr(inside_ip, 0), sim_addr(outside_ip, 0)};
    sim_iface_route(n->nat->outside, outside_ip, 32);
}

void sim_nat_firewall(struct sim_node *n, const struct sim_firewall_config *cfg)
{
    n->nat->wall = *cfg;
}

void sim_nat_rebind(struct sim_node *n)
{
    n->nat->shift = (uint16_t)(n->nat->shift + 1 + sim_random_below(n->world, 1000));
    expire(n->nat, SIM_NEVER);
}

void sim_nat_renumber(struct sim_node *n, const char *outside_ip)
{
    uint8_t family = sim_addr(outside_ip, 0).family;
    struct sim_iface *out = n->nat->outside;

    for (size_t i = 0; i < out->n_addrs; i++)
        if (out->addrs[i].family == family)
            out->addrs[i] = sim_addr(outside_ip, 0);
    expire(n->nat, SIM_NEVER);
}

struct sim_addr sim_nat_map(struct sim_node *n, enum sim_proto proto, const struct sim_addr *inside,
                            uint16_t want, uint64_t lifetime_us)
{
    static const struct sim_addr any;
    struct nat *nat = n->nat;
    struct mapping *m = NULL;
    struct sim_addr out = sim_iface_addr(nat->outside, inside->family);

    expire(nat, n->world->now);
    /* RFC 6887 11.3: where mappings do not depend on the endpoint, the one that is there is it. */
    for (struct mapping *o = nat->mappings; o; o = o->next)
        if (o->proto == proto && sim_addr_equal(&o->inside, inside) &&
            (o->asked_for || (nat->cfg.mapping == SIM_INDEPENDENT && lifetime_us != 0)))
            m = o;
    if (lifetime_us == 0) {
        if (m) {
            m->asked_for = false;
            m->ended = true;
            m->until = n->world->now + timeout(nat, proto);
        }
        return out;
    }
    if (!m) {
        out.port = want;
        if (!is_free(nat, proto, &out))
            out = choose_outside(nat, n->world, proto, inside);
        m = add(nat, proto, inside, &out, &any);
    }
    m->asked_for = true;
    m->until = n->world->now + lifetime_us;
    return m->outside;
}

size_t sim_nat_mappings(const struct sim_node *n)
{
    size_t count = 0;

    expire(n->nat, n->world->now);
    for (const struct mapping *m = n->nat->mappings; m; m = m->next)
        count++;
    return count;
}

struct sim_iface *sim_nat_inside(struct sim_node *n)
{
    return n->nat->inside;
}

struct sim_iface *sim_nat_outside(struct sim_node *n)
{
    return n->nat->outside;
}

void sim__nat_free(struct nat *nat)
{
    if (!nat)
        return;
    expire(nat, SIM_NEVER);
    free(nat);
}
