/* SPDX-License-Identifier: MIT */
/*
 * agent_internal.h -- the agent's state, and what its files share. Never installed.
 *
 *     address.c  addresses, which scope they have, where a NAT64 leads
 *     agent.c    life, descriptions, the peer's candidates, tick and deadline
 *     local.c    bases, our candidates, STUN servers
 *     pair.c     the check list: pairs, their order, transactions
 *     binding.c  Binding messages in and out
 *     path.c     which pair carries data: selection, nomination, consent, state
 *     event.c    what the caller is told
 *
 * Calls go down this list, from agent.c on, and back up only through fh__agent_changed().
 */
#ifndef FH_ICE_AGENT_INTERNAL_H
#define FH_ICE_AGENT_INTERNAL_H

#include <farhand/ice.h>
#include <farhand/stun.h>

enum {
    FH__LOCALS = 32,
    FH__MAPPED = 12, /* of them, at most, that servers and gateways told */
    FH__SEEN = FH__LOCALS - FH_ICE_MAX_BASES - FH__MAPPED, /* and that only peers saw */
    FH__REMOTES = FH_ICE_MAX_CANDIDATES + 8, /* the signalled ones leave room for peer-reflexive */
    FH__ASKS = 64,                           /* one for each base and STUN server */
    FH__ANSWERS = 16,                        /* responses that wait to be sent */
    FH__STATES = 8,                          /* changes of state that wait to be told */
    FH__UFRAG_LEN = 8,                       /* 48 bits; RFC 8445 5.3 wants 24 */
    FH__PWD_LEN = 24,                        /* 144 bits; RFC 8445 5.3 wants 128 */
    FH__OLD = FH_ICE_MAX_PAIRS,              /* where the pair of before a restart stands */
    FH__NONE = 0xff,

    FH__RTO_MIN_MS = 500,    /* RFC 8445 14.3: agents MUST NOT use an RTO smaller than 500 ms */
    FH__RTO_MAX_MS = 4000,   /* a long check list slows its repeats down, within reason */
    FH__RC = 7,              /* RFC 8489 6.2.1: requests sent */
    FH__RM = 16,             /* RFC 8489 6.2.1: times RTO after the last one */
    FH__OVERDUE = 3,         /* requests without an answer until nobody waits for that pair */
    FH__ASKS_OVERDUE = 3,    /* the same for a STUN server */
    FH__LEVER = 3,           /* times as much as came from an unproved address goes there */
    FH__LEARNT = 32,         /* peer-reflexive addresses until a pair is nominated */
    FH__DEAF = 5,            /* the same if the peer is heard all the same: its answers are not */
    FH__KEEPALIVE_MS = 15000 /* RFC 8445 section 11: Tr, at least 15 s */
};

#define FH__NEVER UINT64_MAX

struct fh__base {
    struct fh_ice_base is;
    bool in_use;
    uint8_t order;     /* among the bases of its family and cost, by age */
    uint8_t candidate; /* its own candidate in locals */
};

struct fh__local {
    struct fh_ice_address address;
    uint32_t priority;
    bool in_use;
    bool is_hidden; /* by the policy */
    bool is_told;
    uint8_t type, base, foundation;
    uint8_t server; /* FH__NONE: none */
};

struct fh__remote {
    struct fh_ice_address address;
    uint32_t priority;
    uint32_t foundation; /* hash of its text */
    uint8_t type;
    bool in_use;
};

enum fh__pair_state {
    FH__PAIR_FREE,
    FH__PAIR_FROZEN,
    FH__PAIR_WAITING,
    FH__PAIR_IN_PROGRESS,
    FH__PAIR_SUCCEEDED,
    FH__PAIR_FAILED
};

/* RFC 8656 section 9: a TURN server lets through only whom it was told about. */
enum fh__permit { FH__PERMIT_GRANTED, FH__PERMIT_WANTED, FH__PERMIT_ASKED, FH__PERMIT_DENIED };

struct fh__pair {
    struct fh_ice_address peer;
    uint8_t base, local, remote, remote_type;
    uint8_t state, permit;
    uint8_t sent;       /* requests of this transaction */
    uint8_t generation; /* of the credentials: 0 = ours now, 1 = before the restart */
    bool is_valid;      /* it answered; stays true during another check */
    bool is_nominated;
    bool is_nominating;    /* the current transaction has USE-CANDIDATE */
    bool wants_nomination; /* the next one shall have it */
    bool peer_nominates;   /* the peer sent USE-CANDIDATE; counts when our check succeeds */
    bool is_revoked;       /* consent ran out: not with these credentials again (RFC 7675 5.1) */
    bool is_due;           /* a request waits to be sent */
    bool was_controlling;  /* when the current transaction began */
    uint16_t credit;       /* bytes of checks that its address may be sent, see FH__LEVER */
    uint32_t queued;       /* place in the triggered-check queue; 0 = not in it */
    uint32_t rto_ms, srtt_ms;
    uint64_t priority;
    uint64_t begun_ms;    /* the current transaction */
    uint64_t next_ms;     /* in progress: the next request or the end; valid: the next consent */
    uint64_t answered_ms; /* last response: RFC 7675 counts from here */
    uint64_t heard_ms;    /* last sign of the peer, data included */
    uint8_t txid[FH_STUN_TXID_LEN];
    uint8_t before[FH_STUN_TXID_LEN]; /* of the transaction before, whose answer still counts */
};

enum fh__ask_state {
    FH__ASK_FREE,
    FH__ASK_WAITING,
    FH__ASK_RUNNING,
    FH__ASK_ANSWERED,
    FH__ASK_FAILED
};

/* A question to a STUN server from one base. */
struct fh__ask {
    uint64_t next_ms;
    uint32_t rto_ms;
    uint8_t base, server, state, sent;
    bool is_due;
    bool is_keepalive;
    uint8_t txid[FH_STUN_TXID_LEN];
};

/* A response that waits to be sent. */
struct fh__answer {
    struct fh_ice_address peer;
    uint16_t code; /* 0 = success */
    uint8_t base, generation;
    bool by_sha256, has_integrity;
    uint16_t unknown[FH_STUN_MAX_UNKNOWN];
    uint8_t unknown_len;
    uint8_t txid[FH_STUN_TXID_LEN];
};

struct fh__generation {
    char ufrag[FH__UFRAG_LEN + 1], pwd[FH__PWD_LEN + 1];
    char remote_ufrag[FH_ICE_MAX_CREDENTIAL + 1], remote_pwd[FH_ICE_MAX_CREDENTIAL + 1];
    bool has_remote;
};

struct fh_ice_agent {
    struct fh_ice_config cfg; /* refused points into the agent */
    struct fh_ice_address refused[FH_ICE_MAX_REFUSED];
    enum fh_ice_role role;
    uint64_t tiebreaker;
    uint64_t now;
    struct fh__generation generations[2]; /* now, and before the restart */

    struct fh__base bases[FH_ICE_MAX_BASES];
    struct fh__local locals[FH__LOCALS];
    struct fh_ice_address servers[FH_ICE_MAX_SERVERS];
    size_t servers_len;
    struct fh__ask asks[FH__ASKS];
    unsigned holds;
    bool was_released; /* holding ended once: no bases means that there are none */
    bool is_gathered_told;

    struct fh__remote remotes[FH__REMOTES];
    bool is_remote_lite, is_remote_complete;
    unsigned learnt; /* peer-reflexive addresses since a pair was nominated */

    struct fh__pair pairs[FH_ICE_MAX_PAIRS + 1];
    uint32_t queue;     /* the last place given in the triggered-check queue */
    bool is_open;       /* ordinary checks are made */
    bool was_ask;       /* checks and questions take turns */
    bool was_triggered; /* and so do triggered and ordinary checks */
    uint64_t pace_ms;
    uint64_t patience_ms; /* no failure is declared before */

    uint8_t path;  /* a pair, or FH__NONE */
    bool had_path; /* in this generation or the one before */
    int error;     /* why the state is FAILED */
    enum fh_ice_state state, states[FH__STATES];
    int errors[FH__STATES];
    size_t states_len;
    bool is_path_told, is_restart_told;

    struct fh__answer answers[FH__ANSWERS];
    size_t answers_len;
    struct fh_ice_stats stats;
    uint8_t out[FH_ICE_MAX_DATAGRAM];
};

/* ---- address.c */

/* The host that is reached by this address: behind a NAT64 the IPv4 one inside, else itself. */
struct fh_ice_address fh__address_reached(const struct fh_ice_address *a);

/* ---- local.c */

/* The local candidate of this address and base, or FH__NONE. */
uint8_t fh__local_find(const struct fh_ice_agent *a, uint8_t base,
                       const struct fh_ice_address *address);
/* As what a check from this base shall be known: RFC 8445 7.1.1. */
uint32_t fh__local_prflx_priority(const struct fh_ice_agent *a, uint8_t base);
/* A candidate that a response showed us; FH__NONE if there is no room. */
uint8_t fh__local_learn(struct fh_ice_agent *a, uint8_t base, const struct fh_ice_address *address,
                        enum fh_ice_candidate_type type, uint8_t server);
bool fh__local_is_gathered(const struct fh_ice_agent *a);
void fh__local_export(const struct fh_ice_agent *a, const struct fh__local *l,
                      struct fh_ice_candidate *out);
/* Whether a STUN server has already told how this base is seen. */
bool fh__base_is_answered(const struct fh_ice_agent *a, uint8_t base);
bool fh__base_is_usable(const struct fh_ice_agent *a, uint8_t base);

/* The next question to ask, or NULL. */
struct fh__ask *fh__ask_pick(struct fh_ice_agent *a);
void fh__ask_begin(struct fh_ice_agent *a, struct fh__ask *k);
void fh__ask_tick(struct fh_ice_agent *a, struct fh__ask *k);
void fh__ask_answered(struct fh_ice_agent *a, struct fh__ask *k,
                      const struct fh_ice_address *mapped);
void fh__ask_failed(struct fh_ice_agent *a, struct fh__ask *k);

/* ---- pair.c */

struct fh__pair *fh__pair_find(struct fh_ice_agent *a, uint8_t base,
                               const struct fh_ice_address *peer);
/* The pair of a base and a remote candidate, made if need be; NULL if they do not go together. */
struct fh__pair *fh__pair_make(struct fh_ice_agent *a, uint8_t base, uint8_t remote);
void fh__pair_all_of_base(struct fh_ice_agent *a, uint8_t base);
void fh__pair_all_of_remote(struct fh_ice_agent *a, uint8_t remote);
void fh__pair_drop(struct fh_ice_agent *a, struct fh__pair *p);
void fh__pair_reorder(struct fh_ice_agent *a); /* roles or priorities changed */
void fh__pair_trigger(struct fh_ice_agent *a, struct fh__pair *p);
/* The next pair to check, or NULL. */
struct fh__pair *fh__pair_pick(struct fh_ice_agent *a);
void fh__pair_begin(struct fh_ice_agent *a, struct fh__pair *p);
void fh__pair_repeat(struct fh_ice_agent *a, struct fh__pair *p);
void fh__pair_unfreeze(struct fh_ice_agent *a, const struct fh__pair *like);
void fh__pair_new_txid(struct fh_ice_agent *a, uint8_t txid[FH_STUN_TXID_LEN]);
uint32_t fh__rto(const struct fh_ice_agent *a);

static inline uint8_t fh__pair_index(const struct fh_ice_agent *a, const struct fh__pair *p)
{
    return (uint8_t)(p - a->pairs);
}

/* ---- agent.c */

/* Whether a candidate or a stranger at this address may be checked. */
bool fh__remote_is_allowed(const struct fh_ice_agent *a, const struct fh_ice_address *address);
/* The remote candidate of this address, or FH__NONE. */
uint8_t fh__remote_find(const struct fh_ice_agent *a, const struct fh_ice_address *address);
uint8_t fh__remote_learn(struct fh_ice_agent *a, const struct fh_ice_address *address,
                         uint32_t priority);
void fh__agent_switch_role(struct fh_ice_agent *a, enum fh_ice_role role);

/* ---- path.c */

/* A check or consent request of this pair was answered; is_current: of its last transaction. */
void fh__path_answered(struct fh_ice_agent *a, struct fh__pair *p,
                       const struct fh_ice_address *mapped, bool is_current);
/* The pair's last request was not answered, or was refused. */
void fh__path_failed(struct fh_ice_agent *a, struct fh__pair *p);
/* The peer nominates this pair. */
void fh__path_nominated(struct fh_ice_agent *a, struct fh__pair *p);
/* A lite agent's request came on this pair. */
void fh__path_lite(struct fh_ice_agent *a, struct fh__pair *p, bool is_nominated);
void fh__path_consent(struct fh_ice_agent *a, struct fh__pair *p);
/* All that follows from what changed: path, nomination, state. Ends every public call. */
void fh__agent_changed(struct fh_ice_agent *a);
/* When fh__agent_changed() would do something that time alone brings. */
uint64_t fh__path_deadline(const struct fh_ice_agent *a);
bool fh__pair_is_usable(const struct fh_ice_agent *a, const struct fh__pair *p);

#endif
