/* SPDX-License-Identifier: MIT */
/*
 * turn_base.h -- a TURN allocation as a base of an ICE agent: for whoever drives both.
 *
 *     fh_turn_base_init()         the agent's end of candidates waits for the allocation
 *     fh_turn_base_event()        instead of fh_turn_event(): tells the agent what it must know
 *     fh_turn_base_agent_event()  for each event of the agent: permissions and channels
 *     fh_turn_base_tick(), fh_turn_base_deadline()    instead of those of turn.h
 *
 * What the server relays (fh_turn_input() returned 1) goes into fh_ice_agent_input() with the base
 * that fh_turn_base_of() gives; what the agent sends from a base that fh_turn_base_has() goes
 * through fh_turn_wrap(). The agent and the client stay the caller's and must outlive this.
 */
#ifndef FH_TURN_BASE_H
#define FH_TURN_BASE_H

#include <stdbool.h>
#include <stdint.h>

#include <farhand/ice.h>
#include <farhand/turn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How long the end of candidates waits: a server that is silent must not keep the peer waiting. */
enum { FH_TURN_BASE_HOLD_MS = 3000 };

/* Private members; copyable with =. */
struct fh_turn_base {
    struct fh_ice_agent *agent;
    struct fh_turn *turn;
    int host;    /* the agent's base that the server is reached from over UDP; -1: none */
    int base[2]; /* relayed ones, IPv4 and IPv6; -1: none */
    bool holds;
    uint64_t held_until_ms;
};

/* host: the base whose socket carries the client's messages, or -1 over a stream. */
void fh_turn_base_init(struct fh_turn_base *b, uint64_t now_ms, struct fh_ice_agent *agent,
                       struct fh_turn *turn, int host);
/* Takes the relayed bases from the agent, which may be closed afterwards. */
void fh_turn_base_finish(struct fh_turn_base *b, uint64_t now_ms);

/*
 * The next event of the client, already carried over to the agent. The caller acts on REDIRECTED
 * (of a stream), FAILED and CLOSED. Returns 1, or 0 when there is no more.
 */
int fh_turn_base_event(struct fh_turn_base *b, uint64_t now_ms, struct fh_turn_event *out);
/* Returns true if the event was about this relay and nobody else. */
bool fh_turn_base_agent_event(struct fh_turn_base *b, uint64_t now_ms,
                              const struct fh_ice_event *ev);

bool fh_turn_base_has(const struct fh_turn_base *b, int base);
/* The base that data of this peer came to; -1 if there is none. */
int fh_turn_base_of(const struct fh_turn_base *b, const struct fh_ice_address *peer);

void fh_turn_base_tick(struct fh_turn_base *b, uint64_t now_ms);
uint64_t fh_turn_base_deadline(const struct fh_turn_base *b);

#ifdef __cplusplus
}
#endif

#endif
