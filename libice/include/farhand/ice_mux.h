/* SPDX-License-Identifier: MIT */
/*
 * ice_mux.h -- many agents on one UDP port: whose is this datagram?
 *
 *     fh_ice_mux_add()     an agent joins; its tag goes into its struct fh_ice_config
 *     fh_ice_mux_ufrag()   its user fragment, at first and after each restart
 *     fh_ice_mux_learn()   fh_ice_agent_input() said FH_ICE_INPUT_PEER: its peer is at this address
 *     fh_ice_mux_route()   a datagram came
 *     fh_ice_mux_remove()
 *
 * A request is told by the user fragment in it, a response by the tag in its transaction, anything
 * else by where it comes from. Each is one look into a table, however many agents there are. What
 * route() says is no proof of anything: the agent still checks.
 *
 * Data of two agents whose peers share one address and port themselves cannot be told apart here:
 * it needs an index of its own inside.
 *
 * No sockets, no clock, no threads, no globals, no allocation. One mux may be used by one thread at
 * a time.
 */
#ifndef FH_ICE_MUX_H
#define FH_ICE_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/ice_address.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_ICE_MUX_ADDRESSES = 8, /* of peers, that are remembered for one agent: the last ones */
    FH_ICE_MUX_MAX = 65536    /* agents of one mux */
};

struct fh_ice_mux;

/*
 * max: agents, 1 to FH_ICE_MUX_MAX. mem: len bytes, aligned as malloc aligns, the caller's until
 * the mux is no longer used. random: fills out with unpredictable bytes. Returns NULL if len is too
 * small, max is out of range.
 */
size_t fh_ice_mux_size(size_t max);
struct fh_ice_mux *fh_ice_mux_init(void *mem, size_t len, size_t max,
                                   void (*random)(void *user, void *out, size_t len), void *user);
/* The same on the heap; _free(NULL) is fine. */
struct fh_ice_mux *fh_ice_mux_new(size_t max, void (*random)(void *user, void *out, size_t len),
                                  void *user);
void fh_ice_mux_free(struct fh_ice_mux *m);

/* An agent joins. who: what route() gives, not NULL. Returns 0 and its tag; FH_ICE_E_LIMIT. */
int fh_ice_mux_add(struct fh_ice_mux *m, void *who, uint32_t *tag);
/* It leaves. A tag that is not in use: nothing happens. */
void fh_ice_mux_remove(struct fh_ice_mux *m, uint32_t tag);

/* Its user fragment, of fh_ice_agent_description(). The one before is known as well. */
void fh_ice_mux_ufrag(struct fh_ice_mux *m, uint32_t tag, const char *ufrag);

/*
 * Its peer is at this address, as it says, or as it proved: fh_ice_agent_is_proved(). Only a proved
 * one is taken from another agent, or takes the place of one that was proved before.
 */
void fh_ice_mux_learn(struct fh_ice_mux *m, uint32_t tag, const struct fh_ice_address *peer,
                      bool is_proved);

/* Whose datagram this is: what add() was given, or NULL: nobody's. data: borrowed. */
void *fh_ice_mux_route(const struct fh_ice_mux *m, const struct fh_ice_address *from,
                       const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif
