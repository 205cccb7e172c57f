/* SPDX-License-Identifier: MIT */
/*
 * world_of_two.h -- two peers, each behind what it is behind, with servers on the Internet between.
 *
 *     198.51.100.10, .11   STUN          198.51.100.20, .21   TURN (TLS on 443), the second a spare
 *     203.0.113.1, .2      the sides' outsides    203.0.113.9   a NAT that both share
 *     10.1.0.2, 10.2.0.2   the hosts              2001:db8:1::2, 2001:db8:2::2
 */
#ifndef FH_SIMNET_WORLD_OF_TWO_H
#define FH_SIMNET_WORLD_OF_TWO_H

#include "oracle.h"
#include "peer.h"

enum two_kind {
    TWO_OPEN,
    TWO_FULL_CONE,
    TWO_ADDRESS_RESTRICTED,
    TWO_PORT_RESTRICTED,
    TWO_SYMMETRIC,
    TWO_ADDRESS_DEPENDENT, /* mapping and filtering */
    TWO_SYMMETRIC_UNFILTERED,
    TWO_ONE_TO_ONE,
    TWO_DOUBLE_CONE,
    TWO_SYMMETRIC_THEN_CONE,
    TWO_BLOCK_UDP,
    TWO_ONLY_443,
    TWO_KINDS
};

const char *two_kind_text(enum two_kind k);

struct two_side {
    enum two_kind kind;
    enum sim_ports ports;
    uint64_t mapping_us;           /* life of a mapping; 0: default */
    bool v6;                       /* global IPv6 as well, behind a stateful filter */
    bool v6_broken;                /* addresses, and packets that go nowhere */
    bool no_turn_udp, no_turn_tls; /* which TURN carriers the peer is told of: both by default */
    bool turn_tcp;                 /* and plain TCP to port 3478 */
    bool spare_turn;               /* the second TURN server over UDP as well */
    enum sim_gateway_kind portmap; /* 0: none */
    struct sim_link_config link;
};

struct two_spec {
    struct two_side side[2];
    bool same_lan;
    bool shared; /* both NATs are behind one more, with hairpinning as below */
    enum sim_hairpin hairpin;
    bool dead_stun, dead_turn; /* the first of each */
    struct sim_turn_config turn;
    uint64_t signal_delay_us[2]; /* of what this side tells */
    bool both_controlling;
    bool mobility;
    enum fh_ice_policy policy[2];
    bool tells_nothing[2];
};

struct two {
    struct two_spec spec;
    struct sim *w;
    struct sim_net *internet, *lan[2];
    struct sim_node *nat[2], *host[2], *outer[2];
    struct sim_iface *iface[2];
    struct sim_turn *stun[2], *turn[2];
    struct sim_gateway *gateway[2];
    struct sim_peer *peer[2];
};

struct two *two_new(uint64_t seed, const struct two_spec *spec);
/* The peers come to life and learn of each other. */
void two_start(struct two *t);
void two_free(struct two *t);

/* What the oracle says of it. */
enum sim_path two_oracle(const struct two_spec *spec);
/* What peer i's path is; SIM_PATH_NONE without one. */
enum sim_path two_path(struct two *t, int i);
bool two_connected(void *t); /* both */
bool two_completed(void *t); /* both, on a nominated pair */

#endif
