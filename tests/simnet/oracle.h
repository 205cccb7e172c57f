/* SPDX-License-Identifier: MIT */
/*
 * oracle.h -- what must connect, and how, computed from the kinds of NAT alone.
 *
 * No packets and no time: addresses are symbols, and a mapping is a function of its inside address
 * and as much of the destination as its kind says. Two ideal peers send from one socket to all they
 * know, learn every source they see, and answer; what is reached when nothing new is learnt is
 * what ICE must reach (RFC 8445 with RFC 4787's terms). It shares no code with nat.c, so that one
 * can be held against the other.
 */
#ifndef FH_SIMNET_ORACLE_H
#define FH_SIMNET_ORACLE_H

#include "simnet.h"

/* Realm 0 is the Internet. Realm i is the inside of a NAT whose outside is in an earlier realm. */
struct sim_realm {
    const struct sim_nat_config *nat;
    unsigned outer;
};

struct sim_oracle_peer {
    unsigned realm;
    bool udp;      /* UDP leaves its network */
    bool v6;       /* has global IPv6 that works, and UDP */
    bool has_turn; /* reaches a TURN server, by whatever carrier */
};

enum sim_path {
    SIM_PATH_NONE,
    SIM_PATH_RELAY,
    SIM_PATH_DIRECT, /* through at least one NAT */
    SIM_PATH_HOST,   /* no translation in between */
};

enum { SIM_MAX_REALMS = 6 };

/* n realms, realm 0 included (its nat is NULL). */
enum sim_path sim_oracle(const struct sim_realm *realms, size_t n,
                         const struct sim_oracle_peer peers[static 2]);
const char *sim_path_text(enum sim_path p);

#endif
