/* SPDX-License-Identifier: MIT */
/*
 * ice.h -- an ICE agent for one component over UDP (RFC 8445, 8838, 8863, 7675, 8421).
 *
 * No sockets, no clock, no threads, no globals, no allocation after init. Drive it with five calls:
 *
 *     fh_ice_agent_input()     a datagram arrived
 *     fh_ice_agent_tick()      the deadline passed
 *     fh_ice_agent_output()    the next datagram to send; repeat until 0
 *     fh_ice_agent_event()     what happened; repeat until 0
 *     fh_ice_agent_deadline()  when to call tick
 *
 * After every other call, drain output and event and look at the deadline again. The order of use:
 *
 *     fh_ice_agent_init() or _new()
 *     fh_ice_agent_hold()               while bases and servers are being found
 *     fh_ice_agent_add_base()           for each local address; _add_server() for each STUN server
 *     fh_ice_agent_release()
 *     fh_ice_agent_description()        our offer or answer; FH_ICE_EV_CANDIDATE brings the rest
 *     fh_ice_agent_set_remote()         the peer's; fh_ice_agent_add_remote() for the rest
 *     FH_ICE_EV_STATE: CONNECTED        fh_ice_agent_path() says where data goes
 *
 * Data may be sent as soon as the state is CONNECTED: that is the first pair of addresses that
 * answered. The path moves up to a better one while checks go on (FH_ICE_EV_PATH), until one is
 * nominated and the state is COMPLETED. Nothing waits for a timer in between.
 *
 * A base is anything that datagrams can be sent from: a UDP socket's local address, or an address
 * that a TURN server lent us. The agent only counts them; whoever drives it sends and receives.
 *
 * One agent may be used by one thread at a time. Agents are independent, but for a pacer that they
 * share. Not done here: TCP candidates, several components or streams, host names, the signalling.
 */
#ifndef FH_ICE_H
#define FH_ICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/ice_address.h>
#include <farhand/ice_candidate.h>
#include <farhand/ice_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_ICE_MAX_BASES = 16,
    FH_ICE_MAX_SERVERS = 8, /* STUN servers, counted by address */
    FH_ICE_MAX_REFUSED = 8,
    FH_ICE_MAX_PAIRS = 100,    /* RFC 8445 6.1.2.5 */
    FH_ICE_MAX_DATAGRAM = 640, /* bytes that fh_ice_agent_output() never exceeds */
    FH_ICE_AGENT_MAX_SIZE = 48 * 1024
};

/* An agent that conflicts with its peer about this changes it by itself (RFC 8445 7.3.1.1). */
enum fh_ice_role {
    FH_ICE_CONTROLLING, /* picks the pair; by custom who made the first offer */
    FH_ICE_CONTROLLED
};

/* Which of our addresses the peer may learn and use. */
enum fh_ice_policy {
    FH_ICE_POLICY_ALL,
    FH_ICE_POLICY_NO_HOST, /* local addresses are used but not told (nor as related addresses) */
    FH_ICE_POLICY_RELAY    /* relayed addresses only; nothing goes out from other bases */
};

/*
 * Spreads the beginnings of transactions over all agents that share it: RFC 8445 14.2 wants 5 ms
 * between any two. Zeroed with gap_ms set; it must outlive its agents, which one thread uses.
 */
struct fh_ice_pacer {
    uint64_t next_ms; /* private */
    uint32_t gap_ms;  /* at least 5 */
};

struct fh_ice_config {
    enum fh_ice_role role;
    enum fh_ice_policy policy;
    bool is_lite;         /* answers checks and makes none (RFC 8445 2.5); not with a lite peer */
    bool allow_loopback;  /* tests: candidates on 127.0.0.0/8 and ::1 are used, not refused */
    bool send_sha256;     /* checks carry MESSAGE-INTEGRITY-SHA256 as well (RFC 8489 9.1.2) */
    uint32_t ta_ms;       /* between beginnings of transactions; 0 = 50, least 5 (RFC 8445 14.2) */
    uint32_t patience_ms; /* no failure is declared earlier; 0 = 39500 (RFC 8863) */
    uint32_t consent_interval_ms; /* 0 = 5000; varied by a factor of 0.8 to 1.2 (RFC 7675 5.1) */
    uint32_t consent_timeout_ms;  /* 0 = 30000 (RFC 7675 5.1) */
    uint32_t tag; /* if not 0: the first four bytes of transaction IDs, for fh_ice_mux_route() */
    /* Hosts that are never checked, whatever the peer says, such as the broker; copied, at most 8.
     */
    const struct fh_ice_address *refused;
    size_t refused_len;
    struct fh_ice_pacer *pacer; /* may be NULL */
    /* Fills out with unpredictable bytes. Must not fail. */
    void (*random)(void *user, void *out, size_t len);
    void *user;
};

struct fh_ice_agent;

/*
 * size: bytes that an agent of this configuration takes, at most FH_ICE_AGENT_MAX_SIZE.
 * init: makes one in mem (len bytes, aligned as malloc aligns, the caller's until finish).
 * Returns NULL if len is too small or cfg is out of range. cfg: copied.
 */
size_t fh_ice_agent_size(const struct fh_ice_config *cfg);
struct fh_ice_agent *fh_ice_agent_init(void *mem, size_t len, const struct fh_ice_config *cfg);
/* Wipes the credentials. */
void fh_ice_agent_finish(struct fh_ice_agent *a);
/* The same on the heap. NULL without memory or with a wrong cfg; _free(NULL) is fine. */
struct fh_ice_agent *fh_ice_agent_new(const struct fh_ice_config *cfg);
void fh_ice_agent_free(struct fh_ice_agent *a);

/*
 * In all calls below, now_ms is a clock in milliseconds that never goes back. It may jump forward
 * (a machine that slept): consent that ran out meanwhile is lost at once.
 */

/* ---- our side ------------------------------------------------------------------------------- */

enum fh_ice_base_kind { FH_ICE_BASE_HOST, FH_ICE_BASE_RELAY };

struct fh_ice_base {
    enum fh_ice_base_kind kind;
    struct fh_ice_address address; /* the socket's, or the relayed address; port not 0 */
    struct fh_ice_address related; /* FH_ICE_BASE_RELAY: our address as its server sees it */
    uint8_t cost; /* 0 to 31: how much rather others are used, as the system says; 0 = the default
                     route's interface */
};

/*
 * Add a base. Its candidates follow as events; STUN servers of its family are asked from it.
 * Returns its number, 0 to FH_ICE_MAX_BASES - 1, which is used in datagrams and events (a number is
 * used again only after its base was removed); FH_ICE_E_LIMIT; FH_ICE_E_ADDRESS: loopback,
 * multicast, unspecified; FH_ICE_E_STATE: it is there already.
 */
int fh_ice_agent_add_base(struct fh_ice_agent *a, uint64_t now_ms, const struct fh_ice_base *base);

/*
 * The address is gone (interface down, allocation expired). If the path used it, the path moves to
 * another pair at once, or the state becomes DISCONNECTED and all that is known is checked again.
 */
void fh_ice_agent_remove_base(struct fh_ice_agent *a, uint64_t now_ms, int base);

/*
 * A base is seen as this address outside: what a port mapping or the answer of a TURN server says.
 * Gives a server-reflexive candidate. Returns 0, also if it was known; FH_ICE_E_INVAL,
 * FH_ICE_E_LIMIT, FH_ICE_E_ADDRESS.
 */
int fh_ice_agent_add_mapped(struct fh_ice_agent *a, uint64_t now_ms, int base,
                            const struct fh_ice_address *mapped);

/*
 * Ask this STUN server from all bases of its family. Servers are asked at the same time: a dead one
 * delays nothing. Returns 0, also if it was known; FH_ICE_E_LIMIT, FH_ICE_E_ADDRESS.
 */
int fh_ice_agent_add_server(struct fh_ice_agent *a, uint64_t now_ms,
                            const struct fh_ice_address *server);

/*
 * While something outside may still bring bases, servers or mapped addresses (names are resolved,
 * an allocation is under way), the end of our candidates is not told. Each hold needs a release.
 */
void fh_ice_agent_hold(struct fh_ice_agent *a);
void fh_ice_agent_release(struct fh_ice_agent *a, uint64_t now_ms);

/* Our credentials, and the candidates so far as the policy lets the peer know them. */
void fh_ice_agent_description(const struct fh_ice_agent *a, struct fh_ice_description *out);

/* ---- the peer's side ------------------------------------------------------------------------ */

/*
 * The peer's offer or answer: credentials, and its candidates as by fh_ice_agent_add_remote() and,
 * if it is complete, fh_ice_agent_end_remote(). With the credentials that are in use this only adds
 * candidates. With others the peer restarted: unless fh_ice_agent_restart() was called since the
 * last time, the agent restarts as well (FH_ICE_EV_RESTART says so) and the caller must answer with
 * the new description.
 * Returns 0; FH_ICE_E_INVAL: no credentials; FH_ICE_E_UNSUPPORTED: both sides are lite.
 */
int fh_ice_agent_set_remote(struct fh_ice_agent *a, uint64_t now_ms,
                            const struct fh_ice_description *d);

/*
 * One more candidate of the peer. ufrag: the user fragment that it came with, NULL if none did; a
 * candidate of another generation is ignored (RFC 8838 section 11).
 * Returns 0, also for one that was known or ignored; FH_ICE_E_ADDRESS: it points where no peer is
 * (loopback, multicast, broadcast, nowhere, a refused host) and is not used; FH_ICE_E_LIMIT.
 */
int fh_ice_agent_add_remote(struct fh_ice_agent *a, uint64_t now_ms,
                            const struct fh_ice_candidate *c, const char *ufrag);

/* The peer has no more candidates (RFC 8838 section 14). */
void fh_ice_agent_end_remote(struct fh_ice_agent *a, uint64_t now_ms);

/*
 * Begin anew with new credentials (RFC 8445 section 9): the network changed, or the path is lost.
 * Data goes on over the old path as long as it lives, until the new check list has a valid pair.
 * Bases, servers and role stay. The caller sends the new description to the peer.
 */
void fh_ice_agent_restart(struct fh_ice_agent *a, uint64_t now_ms);

/*
 * The answer to FH_ICE_EV_PERMIT: datagrams from this relayed base to this host now pass
 * (is_granted), or never will.
 */
void fh_ice_agent_permitted(struct fh_ice_agent *a, uint64_t now_ms, int base,
                            const struct fh_ice_address *host, bool is_granted);

/* ---- the five calls ------------------------------------------------------------------------- */

/* A datagram between one of our bases and somebody. */
struct fh_ice_datagram {
    int base;
    struct fh_ice_address peer; /* who sent it, or to whom it goes */
    const uint8_t *data;
    size_t len;
};

/*
 * What a datagram is by its first byte (RFC 7983, RFC 9443): the first question of whoever reads a
 * socket that carries several things. ChannelData is only what a TURN server's address sends.
 */
enum fh_ice_packet {
    FH_ICE_PACKET_STUN,         /* 0 to 3 */
    FH_ICE_PACKET_SIGNED,       /* 8 to 15, which nobody else uses: signed datagrams */
    FH_ICE_PACKET_DTLS,         /* 20 to 63 */
    FH_ICE_PACKET_CHANNEL_DATA, /* 64 to 79 */
    FH_ICE_PACKET_OTHER         /* QUIC, RTP, ZRTP, nothing at all */
};

enum fh_ice_packet fh_ice_packet_of(const void *data, size_t len);

/* What an incoming datagram was to the agent. */
enum fh_ice_input {
    FH_ICE_INPUT_IGNORED, /* STUN that nobody asked for, or that does not verify */
    FH_ICE_INPUT_SERVER,  /* the answer of a STUN server */
    FH_ICE_INPUT_PEER,    /* STUN of the peer, which verified */
    FH_ICE_INPUT_DATA,    /* no STUN, from where the peer has proved to be: for the application */
    FH_ICE_INPUT_STRANGER /* no STUN, from elsewhere: only what a MAC of its own proves is the
                             peer's */
};

/* Take a datagram. in->data: borrowed until return. */
enum fh_ice_input fh_ice_agent_input(struct fh_ice_agent *a, uint64_t now_ms,
                                     const struct fh_ice_datagram *in);

/*
 * Whether the peer answered a check from this base at this address, and did so of late: what comes
 * from there is FH_ICE_INPUT_DATA. A request alone may carry anybody's address.
 */
bool fh_ice_agent_is_proved(const struct fh_ice_agent *a, int base,
                            const struct fh_ice_address *peer);

void fh_ice_agent_tick(struct fh_ice_agent *a, uint64_t now_ms);

/*
 * The next datagram to send. Returns 1; 0: nothing more until the next call of something else.
 * out->data is lent: valid until the next fh_ice_agent_* call on this agent. A datagram that the
 * system refuses to send counts as lost on the way.
 */
int fh_ice_agent_output(struct fh_ice_agent *a, struct fh_ice_datagram *out);

/* When to call tick; UINT64_MAX: never, until something else was called. */
uint64_t fh_ice_agent_deadline(const struct fh_ice_agent *a);

enum fh_ice_state {
    FH_ICE_NEW,          /* no peer yet */
    FH_ICE_CHECKING,     /* no pair of addresses has answered */
    FH_ICE_CONNECTED,    /* there is a path; better ones are still being looked for */
    FH_ICE_COMPLETED,    /* the controlling side nominated the path */
    FH_ICE_DISCONNECTED, /* the path does not answer, or is gone; others are tried */
    FH_ICE_FAILED        /* nothing answered within patience, or consent ran out; see the error */
};

/* Where data goes. */
struct fh_ice_path {
    int base;
    struct fh_ice_address peer;
    enum fh_ice_candidate_type local_type, remote_type;
    struct fh_ice_address local; /* as the peer sees it, as far as is known */
    bool is_nominated;
    uint32_t rtt_ms; /* smoothed; 0 = below a millisecond */
};

enum fh_ice_event_type {
    FH_ICE_EV_CANDIDATE, /* candidate: one of ours, to be signalled */
    FH_ICE_EV_GATHERED,  /* ours are complete: signal the end of candidates */
    FH_ICE_EV_STATE,     /* state, error */
    FH_ICE_EV_PATH,      /* path: there is one, or another one. On a relayed base: bind a channel */
    FH_ICE_EV_PERMIT,    /* base, host: the TURN server shall let this host through */
    FH_ICE_EV_RESTART    /* our credentials changed: signal the new description */
};

struct fh_ice_event {
    enum fh_ice_event_type type;
    struct fh_ice_candidate candidate;
    enum fh_ice_state state;
    int error; /* FH_ICE_FAILED: FH_ICE_E_FAILED or FH_ICE_E_LOST; otherwise 0 */
    struct fh_ice_path path;
    int base;
    struct fh_ice_address host;
};

/* The next event: only the members that its type names are set. Returns 1; 0: there is none. */
int fh_ice_agent_event(struct fh_ice_agent *a, struct fh_ice_event *out);

/* ---- looking -------------------------------------------------------------------------------- */

/* Where data may go now. Returns false if there is no path: nothing must be sent then. */
bool fh_ice_agent_path(const struct fh_ice_agent *a, struct fh_ice_path *out);
enum fh_ice_state fh_ice_agent_state(const struct fh_ice_agent *a);
enum fh_ice_role fh_ice_agent_role(const struct fh_ice_agent *a);

struct fh_ice_stats {
    uint64_t checks_sent;        /* connectivity checks, repeats and consent included */
    uint64_t transactions;       /* begun, to peers and servers */
    uint64_t requests_received;  /* of the peer, verified */
    uint64_t responses_received; /* of the peer, verified */
    uint64_t ignored;            /* FH_ICE_INPUT_IGNORED */
    uint64_t nominations;        /* times that a pair was nominated */
    uint32_t pairs, valid_pairs;
    uint32_t local_candidates, remote_candidates;
};

void fh_ice_agent_stats(const struct fh_ice_agent *a, struct fh_ice_stats *out);

#ifdef __cplusplus
}
#endif

#endif
