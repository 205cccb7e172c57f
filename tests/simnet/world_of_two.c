/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "world_of_two.h"

static const struct {
    const char *text;
    enum sim_depends mapping, filtering;
} kinds[TWO_KINDS] = {
    [TWO_OPEN] = {"open", 0, 0},
    [TWO_FULL_CONE] = {"full cone", SIM_INDEPENDENT, SIM_INDEPENDENT},
    [TWO_ADDRESS_RESTRICTED] = {"address-restricted", SIM_INDEPENDENT, SIM_ADDRESS},
    [TWO_PORT_RESTRICTED] = {"port-restricted", SIM_INDEPENDENT, SIM_ADDRESS_PORT},
    [TWO_SYMMETRIC] = {"symmetric", SIM_ADDRESS_PORT, SIM_ADDRESS_PORT},
    [TWO_ADDRESS_DEPENDENT] = {"address-dependent", SIM_ADDRESS, SIM_ADDRESS},
    [TWO_SYMMETRIC_UNFILTERED] = {"symmetric, unfiltered", SIM_ADDRESS_PORT, SIM_INDEPENDENT},
    [TWO_ONE_TO_ONE] = {"1:1", SIM_INDEPENDENT, SIM_ADDRESS_PORT},
    [TWO_DOUBLE_CONE] = {"double cone", SIM_INDEPENDENT, SIM_ADDRESS_PORT},
    [TWO_SYMMETRIC_THEN_CONE] = {"symmetric then cone", SIM_ADDRESS_PORT, SIM_ADDRESS_PORT},
    [TWO_BLOCK_UDP] = {"UDP blocked", SIM_INDEPENDENT, SIM_ADDRESS_PORT},
    [TWO_ONLY_443] = {"only 443", SIM_INDEPENDENT, SIM_ADDRESS_PORT},
};

const char *two_kind_text(enum two_kind k)
{
    return kinds[k].text;
}

static struct sim_nat_config nat_config(const struct two_side *s)
{
    return (struct sim_nat_config){.mapping = kinds[s->kind].mapping,
                                   .filtering = kinds[s->kind].filtering,
                                   .ports = s->ports,
                                   .timeout_us = s->mapping_us,
                                   .filtering_v6 = SIM_ADDRESS_PORT};
}

static const struct sim_nat_config cone = {.filtering = SIM_ADDRESS_PORT,
                                           .filtering_v6 = SIM_ADDRESS_PORT};

/* ------------------------------------------------------------------ building */

static void build_servers(struct two *t)
{
    static const char *const ip[] = {"198.51.100.10", "198.51.100.11", "198.51.100.20",
                                     "198.51.100.21"};
    static const char *const ip6[] = {"2001:db8::10", "2001:db8::11", "2001:db8::20",
                                      "2001:db8::21"};
    struct sim_turn_config stun = {.username = NULL}, turn = t->spec.turn;

    turn.username = "user";
    turn.password = "password";
    turn.realm = "example.org";
    turn.tls_port = 443;
    for (int i = 0; i < 4; i++) {
        struct sim_node *n = sim_node_new(t->w, i < 2 ? "stun" : "turn");

        sim_iface_add(sim_attach(n, t->internet, ip[i]), ip6[i]);
        *(i < 2 ? &t->stun[i] : &t->turn[i - 2]) = sim_turn_new(n, i < 2 ? &stun : &turn);
        if (i == 2)
            turn.alternate.family = 0; /* the spare server does not send anybody away */
    }
    sim_turn_set_dead(t->stun[0], t->spec.dead_stun);
    sim_turn_set_dead(t->turn[0], t->spec.dead_turn);
}

/* The way to the Internet for IPv6 is the NAT of the side: a filter, no translation. */
static void build_v6(struct two *t, int i)
{
    char text[40];

    snprintf(text, sizeof text, "2001:db8:%d::1", i + 1);
    sim_iface_add(sim_nat_inside(t->nat[i]), text);
    snprintf(text, sizeof text, "2001:db8::%d", i + 1);
    sim_iface_add(sim_nat_outside(t->nat[i]), text);
    snprintf(text, sizeof text, "2001:db8:%d::", i + 1);
    sim_iface_route(sim_nat_outside(t->nat[i]), text, 64);
    snprintf(text, sizeof text, "2001:db8:%d::2", i + 1);
    sim_iface_add(t->iface[i], text);
}

static struct sim_net *outside_of(struct two *t, int i, char ip[40])
{
    bool twice =
        t->spec.side[i].kind == TWO_DOUBLE_CONE || t->spec.side[i].kind == TWO_SYMMETRIC_THEN_CONE;
    struct sim_net *out = t->internet, *carrier;

    snprintf(ip, 40, "203.0.113.%d", i + 1);
    if (t->spec.shared) {
        out = sim_iface_addr(sim_nat_inside(t->outer[0]), 4).family
                  ? sim_nat_inside(t->outer[0])->net
                  : NULL;
        snprintf(ip, 40, "100.64.0.%d", i + 11);
    }
    if (!twice)
        return out;
    carrier = sim_net_new(t->w, "carrier");
    sim_nat_new(t->w, "second nat", &cone, carrier, "100.127.0.1", out, ip);
    snprintf(ip, 40, "100.127.0.2");
    return carrier;
}

static void build_side(struct two *t, int i)
{
    const struct two_side *s = &t->spec.side[i];
    struct sim_nat_config cfg = nat_config(s);
    struct sim_firewall_config wall = {.block_udp = s->kind == TWO_BLOCK_UDP,
                                       .only_443 = s->kind == TWO_ONLY_443,
                                       .block_v6 = s->v6_broken};
    struct sim_net *out;
    char ip[40], gateway[40], inside[40];

    t->host[i] = sim_node_new(t->w, i ? "b" : "a");
    if (s->kind == TWO_OPEN) {
        snprintf(ip, sizeof ip, "203.0.113.%d", i + 1);
        t->iface[i] = sim_attach(t->host[i], t->internet, ip);
        sim_iface_set_link(t->iface[i], &s->link, &s->link);
        return;
    }
    snprintf(inside, sizeof inside, "10.%d.0.2", i + 1);
    snprintf(gateway, sizeof gateway, "10.%d.0.1", i + 1);
    if (t->spec.same_lan && i == 1) {
        t->lan[1] = t->lan[0];
        t->nat[1] = t->nat[0];
        snprintf(inside, sizeof inside, "10.1.0.3");
    } else {
        t->lan[i] = sim_net_new(t->w, "lan");
        out = outside_of(t, i, ip);
        t->nat[i] = sim_nat_new(t->w, "nat", &cfg, t->lan[i], gateway, out, ip);
        sim_nat_firewall(t->nat[i], &wall);
        if (s->kind == TWO_ONE_TO_ONE) {
            snprintf(ip, sizeof ip, "203.0.113.%d", i + 101);
            sim_nat_pair(t->nat[i], inside, ip);
        }
    }
    t->iface[i] = sim_attach(t->host[i], t->lan[i], inside);
    sim_iface_set_link(t->iface[i], &s->link, &s->link);
    if (s->v6)
        build_v6(t, i);
    if (s->portmap)
        t->gateway[i] = sim_gateway_new(t->nat[i], s->portmap);
}

struct two *two_new(uint64_t seed, const struct two_spec *spec)
{
    struct two *t = sim__alloc(sizeof *t);

    t->spec = *spec;
    t->w = sim_new(seed);
    t->internet = sim_net_new(t->w, "internet");
    build_servers(t);
    if (spec->shared) {
        struct sim_nat_config cfg = cone;

        cfg.hairpin = spec->hairpin;
        t->outer[0] = sim_nat_new(t->w, "shared", &cfg, sim_net_new(t->w, "shared"), "100.64.0.1",
                                  t->internet, "203.0.113.9");
    }
    build_side(t, 0);
    build_side(t, 1);
    return t;
}

static struct sim_relay_config relay(const char *ip, uint16_t port, enum fh_turn_carrier c)
{
    return (struct sim_relay_config){sim_addr(ip, port), c, "user", "password"};
}

void two_start(struct two *t)
{
    for (int i = 0; i < 2; i++) {
        const struct two_side *s = &t->spec.side[i];
        struct sim_peer_config cfg = {.name = i ? "b" : "a",
                                      .role = i && !t->spec.both_controlling ? FH_ICE_CONTROLLED
                                                                             : FH_ICE_CONTROLLING,
                                      .policy = t->spec.policy[i],
                                      .mobility = t->spec.mobility,
                                      .tells_nothing = t->spec.tells_nothing[i],
                                      .signal_delay_us = t->spec.signal_delay_us[i]};
        int n = 0;

        cfg.stun[0] = sim_addr("198.51.100.10", 3478);
        cfg.stun[1] = sim_addr("198.51.100.11", 3478);
        if (!s->no_turn_udp)
            cfg.relays[n++] = relay("198.51.100.20", 3478, FH_TURN_UDP);
        if (s->spare_turn)
            cfg.relays[n++] = relay("198.51.100.21", 3478, FH_TURN_UDP);
        if (s->turn_tcp)
            cfg.relays[n++] = relay("198.51.100.20", 3478, FH_TURN_TCP);
        if (!s->no_turn_tls)
            cfg.relays[n++] = relay("198.51.100.20", 443, FH_TURN_TLS);
        if (s->portmap)
            cfg.gateway = sim_iface_addr(sim_nat_inside(t->nat[i]), 4);
        t->peer[i] = sim_peer_new(t->host[i], &cfg);
    }
    sim_peer_pair(t->peer[0], t->peer[1]);
}

void two_free(struct two *t)
{
    for (int i = 0; i < 2; i++) {
        sim_peer_free(t->peer[i]);
        sim_gateway_free(t->gateway[i]);
    }
    for (int i = 0; i < 2; i++) {
        sim_turn_free(t->stun[i]);
        sim_turn_free(t->turn[i]);
    }
    sim_free(t->w);
    free(t);
}

/* ------------------------------------------------------------------ the oracle's view */

static bool udp_gets_out(const struct two_side *s)
{
    return s->kind != TWO_BLOCK_UDP && s->kind != TWO_ONLY_443;
}

static bool has_turn(const struct two_spec *spec, const struct two_side *s)
{
    bool udp = udp_gets_out(s) && ((!s->no_turn_udp && !spec->dead_turn) || s->spare_turn);
    bool tcp = s->turn_tcp && s->kind != TWO_ONLY_443 && !spec->dead_turn;

    return udp || tcp || (!s->no_turn_tls && !spec->dead_turn);
}

enum sim_path two_oracle(const struct two_spec *spec)
{
    static struct sim_nat_config nat[2], shared;
    struct sim_realm realms[SIM_MAX_REALMS] = {{NULL, 0}};
    struct sim_oracle_peer peers[2];
    size_t n = 1;
    unsigned internet = 0;

    if (spec->shared) {
        shared = cone;
        shared.hairpin = spec->hairpin;
        internet = (unsigned)n;
        realms[n++] = (struct sim_realm){&shared, 0};
    }
    for (int i = 0; i < 2; i++) {
        const struct two_side *s = &spec->side[i];
        unsigned out = internet;

        nat[i] = nat_config(s);
        if (s->portmap)
            nat[i].mapping = nat[i].filtering = SIM_INDEPENDENT;
        peers[i] = (struct sim_oracle_peer){.realm = 0,
                                            .udp = udp_gets_out(s),
                                            .v6 = s->v6 && !s->v6_broken && udp_gets_out(s),
                                            .has_turn = has_turn(spec, s)};
        if (s->kind == TWO_OPEN)
            continue;
        if (spec->same_lan && i == 1) {
            peers[1].realm = peers[0].realm;
            continue;
        }
        if (s->kind == TWO_DOUBLE_CONE || s->kind == TWO_SYMMETRIC_THEN_CONE) {
            realms[n] = (struct sim_realm){&cone, out};
            out = (unsigned)n++;
        }
        realms[n] = (struct sim_realm){&nat[i], out};
        peers[i].realm = (unsigned)n++;
    }
    return sim_oracle(realms, n, peers);
}

enum sim_path two_path(struct two *t, int i)
{
    struct fh_ice_path p;
    struct sim_addr peer, other, local;
    struct sim_addr turn[2] = {sim_addr("198.51.100.20", 0), sim_addr("198.51.100.21", 0)};

    if (!fh_ice_agent_path(sim_peer_agent(t->peer[i]), &p))
        return SIM_PATH_NONE;
    peer = sim_from_ice(&p.peer);
    if (p.local_type == FH_ICE_RELAY || sim_ip_equal(&peer, &turn[0]) ||
        sim_ip_equal(&peer, &turn[1]))
        return SIM_PATH_RELAY;
    other = sim_iface_addr(t->iface[!i], peer.family);
    local = sim_iface_addr(t->iface[i], peer.family);
    return sim_ip_equal(&peer, &other) &&
                   (peer.family == 6 || t->spec.same_lan ||
                    (t->spec.side[0].kind == TWO_OPEN && t->spec.side[1].kind == TWO_OPEN)) &&
                   local.family != 0
               ? SIM_PATH_HOST
               : SIM_PATH_DIRECT;
}

bool two_connected(void *user)
{
    struct two *t = user;

    return sim_peer_is_connected(t->peer[0]) && sim_peer_is_connected(t->peer[1]);
}

bool two_completed(void *user)
{
    struct two *t = user;

    return fh_ice_agent_state(sim_peer_agent(t->peer[0])) == FH_ICE_COMPLETED &&
           fh_ice_agent_state(sim_peer_agent(t->peer[1])) == FH_ICE_COMPLETED;
}
