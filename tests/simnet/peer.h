/* SPDX-License-Identifier: MIT */
/*
 * peer.h -- an ICE agent that lives on a node of the simulated network: its sockets, TURN clients,
 * port mapping, and signalling to one other such peer.
 */
#ifndef FH_SIMNET_PEER_H
#define FH_SIMNET_PEER_H

#include <farhand/ice.h>
#include <farhand/turn.h>

#include "servers.h"
#include "simnet.h"

enum { SIM_PEER_MAX_RELAYS = 4, SIM_PEER_MAX_STUN = 3, SIM_PEER_MAX_SOCKETS = 4 };

struct sim_relay_config {
    struct sim_addr server;
    enum fh_turn_carrier carrier;
    const char *username, *password;
};

struct sim_peer_config {
    const char *name;
    enum fh_ice_role role;
    enum fh_ice_policy policy;
    struct sim_addr stun[SIM_PEER_MAX_STUN]; /* up to the first of family 0 */
    struct sim_relay_config relays[SIM_PEER_MAX_RELAYS];
    struct sim_addr gateway; /* of port mapping; family 0: none */
    bool mobility;
    bool tells_nothing; /* its candidates are not signalled, credentials are */
    uint64_t signal_delay_us;
};

struct sim_peer;

/* Opens a socket on each address of the node and starts gathering. cfg: texts are borrowed. */
struct sim_peer *sim_peer_new(struct sim_node *n, const struct sim_peer_config *cfg);
/* Each gets the other's description, now and whenever it changes. */
void sim_peer_pair(struct sim_peer *a, struct sim_peer *b);
/* Ends allocation and mapping politely; the object stays until sim_peer_free(). */
void sim_peer_close(struct sim_peer *p);
void sim_peer_free(struct sim_peer *p);

struct fh_ice_agent *sim_peer_agent(struct sim_peer *p);
bool sim_peer_is_connected(const struct sim_peer *p); /* CONNECTED or COMPLETED */
/* The node's addresses changed: sockets and bases follow, TURN clients move, port mapping too. */
void sim_peer_network_changed(struct sim_peer *p);
void sim_peer_restart(struct sim_peer *p);

/* A datagram over the path. False if there is none. */
bool sim_peer_send(struct sim_peer *p, const void *data, size_t len);

struct sim_peer_stats {
    uint64_t connected_at, completed_at; /* the first time; SIM_NEVER: not yet */
    uint64_t relay_at;                   /* a relayed base came */
    unsigned received, disconnects, failures, paths, restarts;
    unsigned sent_bytes_before_valid, heard_bytes;
    int error;
    unsigned turn_failures;
    unsigned turn_code; /* of the last one */
    bool mapped;        /* a port mapping is told */
};
struct sim_peer_stats sim_peer_stats(const struct sim_peer *p);

#endif
