/* SPDX-License-Identifier: MIT */
/*
 * servers.h -- what stands in the network beside the peers: STUN and TURN servers, and the port
 * mapping service of a gateway.
 *
 * The TURN server keeps RFC 8656 as far as a client can tell, and can be made to behave badly.
 */
#ifndef FH_SIMNET_SERVERS_H
#define FH_SIMNET_SERVERS_H

#include <farhand/ice_address.h>

#include "simnet.h"

struct fh_ice_address sim_to_ice(const struct sim_addr *a);
struct sim_addr sim_from_ice(const struct fh_ice_address *a);

struct sim_turn_config {
    const char *username, *password, *realm; /* username NULL: STUN only */
    uint64_t nonce_life_us;                  /* 0: one for ever */
    uint32_t max_lifetime_s;                 /* 0: 600 */
    unsigned quota;                          /* allocations of the user; 0: 16 */
    bool sha256;                             /* offers password algorithms */
    bool mobility;
    struct sim_addr alternate; /* sends everybody there */
    struct sim_addr denied;    /* peers at this IP are forbidden */
    uint16_t tls_port;         /* 0: 5349 */
    bool mapped_only;          /* Binding is answered with MAPPED-ADDRESS alone, as of old */
};

struct sim_turn;

/* Listens on all of the node's addresses: UDP and TCP port 3478, TLS. cfg: its texts are borrowed.
 */
struct sim_turn *sim_turn_new(struct sim_node *n, const struct sim_turn_config *cfg);
void sim_turn_free(struct sim_turn *t);
/* It no longer answers, nor relays. */
void sim_turn_set_dead(struct sim_turn *t, bool dead);
/* It has started anew: allocations are gone, nonces are others. */
void sim_turn_forget(struct sim_turn *t);

struct sim_turn_stats {
    unsigned allocations; /* now */
    unsigned made;        /* ever */
    unsigned refreshes, permissions, channels, moves, challenges, stale, deleted;
    uint64_t relayed, relayed_by_channel; /* datagrams, both ways */
    unsigned refused_by_permission;
};
struct sim_turn_stats sim_turn_stats(struct sim_turn *t);

enum sim_gateway_kind { SIM_GATEWAY_PCP = 1, SIM_GATEWAY_NATPMP = 2, SIM_GATEWAY_BOTH = 3 };

struct sim_gateway;
/* The port mapping service of a NAT made by sim_nat_new(), on its inside address. */
struct sim_gateway *sim_gateway_new(struct sim_node *nat, enum sim_gateway_kind kind);
/* It no longer answers. */
void sim_gateway_set_dead(struct sim_gateway *g);
void sim_gateway_free(struct sim_gateway *g);

#endif
