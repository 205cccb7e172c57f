/* SPDX-License-Identifier: MIT */
/* turn.h -- the inside of a TURN client. Never installed. */
#ifndef FH_ICE_TURN_INTERNAL_H
#define FH_ICE_TURN_INTERNAL_H

#include <farhand/turn.h>

enum {
    FH__TURN_RTO_MS = 500,     /* RFC 8489 6.2.1 */
    FH__TURN_TRIES = 7,        /* Rc */
    FH__TURN_LAST_WAIT = 16,   /* Rm: times the first RTO */
    FH__TURN_PROOF_MS = 3000,  /* the same, for a move and the first question after it */
    FH__TURN_TI_MS = 39500,    /* RFC 8489 6.2.2: over a reliable carrier */
    FH__TURN_CLOSE_TRIES = 2,  /* of a deletion: who leaves does not wait for long */
    FH__TURN_MAX_STALE = 4,    /* 438 in a row for one request: a server that changes its mind */
    FH__TURN_LIFETIME_S = 600, /* RFC 8656 7.2 */
    FH__TURN_PERMISSION_MS = 240000, /* refreshed after; they last 300 s (RFC 8656 9) */
    FH__TURN_PERMISSION_LIFE_MS = 300000,
    FH__TURN_CHANNEL_MS = 540000, /* refreshed after; they last 600 s (RFC 8656 12) */
    FH__TURN_CHANNEL_LIFE_MS = 600000,
    FH__TURN_BULK = 8,               /* addresses in one CreatePermission */
    FH__TURN_KEEPALIVE_MS = 15000,   /* RFC 8445 11: Tr */
    FH__TURN_FIRST_CHANNEL = 0x4000, /* RFC 8656 12 */
    FH__TURN_CHANNELS = 0x1000,
    FH__TURN_MAX_TICKET = 512,
    FH__TURN_MAX_PASSWORD = 255,
    FH__TURN_MAX_MESSAGE =
        3072 /* the longest request: user name, realm and nonce at their limits */
};

enum fh__turn_state {
    FH__TURN_IDLE, /* waits for the carrier */
    FH__TURN_ALLOCATING,
    FH__TURN_READY,
    FH__TURN_MOVING,
    FH__TURN_CLOSING,
    FH__TURN_OVER
};

/* What a transaction asks for. Each has one slot: there is never more than one of a kind. */
enum fh__turn_kind { FH__TURN_ALLOCATION, FH__TURN_PERMIT, FH__TURN_BIND, FH__TURN_KINDS };

struct fh__turn_transaction {
    bool active;
    bool authenticated; /* its request carries credentials */
    uint8_t txid[FH_STUN_TXID_LEN];
    unsigned tries; /* how often it was sent */
    unsigned stale; /* how often it began anew with another nonce */
    uint32_t rto_ms;
    uint64_t next_ms; /* when to send again, or to give up */
};

enum fh__turn_grant {
    FH__TURN_FREE,
    FH__TURN_WANTED,
    FH__TURN_ASKED, /* in the transaction under way */
    FH__TURN_GRANTED,
    FH__TURN_REFUSED
};

struct fh__turn_permission {
    struct fh_ice_address peer; /* port 0 */
    enum fh__turn_grant grant;
    bool alone;      /* asked for together with others it was refused: who was it? */
    bool report;     /* an event is due */
    bool had;        /* granted before: data may flow while it is refreshed */
    bool forgotten;  /* while it was asked for */
    unsigned code;   /* of the refusal */
    uint64_t due_ms; /* when to refresh */
    uint64_t end_ms; /* when it ends at the server */
};

struct fh__turn_channel {
    struct fh_ice_address peer;
    enum fh__turn_grant grant;
    bool report;
    bool had;
    bool forgotten; /* kept until it ended at the server: RFC 8656 12 */
    uint16_t number;
    uint64_t due_ms, end_ms;
};

struct fh_turn {
    struct fh_turn_config cfg; /* pointers in it are not used after init, but for random */
    struct fh_ice_address server;
    char username[FH_STUN_MAX_USERNAME + 1];
    char password[FH__TURN_MAX_PASSWORD + 1];
    struct fh_turn_cache cache; /* realm_len = 0: nothing known */
    struct fh_stun_key key;
    enum fh_stun_integrity by;

    enum fh__turn_state state;
    struct fh__turn_transaction tx[FH__TURN_KINDS];
    uint64_t refresh_ms, end_ms; /* of the allocation */
    uint64_t sent_ms;            /* the last time that something went to the server */
    unsigned redirects;
    bool is_unproven; /* it moves or has moved, and no permission was answered since */
    bool challenged;  /* by this server: what is known of realm and nonce is its own */
    struct fh_ice_address relayed[2], mapped;
    uint8_t ticket[FH__TURN_MAX_TICKET];
    size_t ticket_len;

    struct fh__turn_permission permissions[FH_TURN_MAX_PERMISSIONS];
    struct fh__turn_channel channels[FH_TURN_MAX_CHANNELS];
    uint16_t next_channel; /* counted from the first */

    bool report_ready, report_redirected, report_moved, report_over;
    int error; /* of the end; 0 = closed */
    unsigned code;
    uint8_t out[FH__TURN_MAX_MESSAGE];
};

/* turn_request.c */
void fh__turn_ask(struct fh_turn *t, enum fh__turn_kind kind, uint64_t now_ms);
/* The same question again, as a new transaction: with credentials, or another nonce. */
void fh__turn_ask_again(struct fh_turn *t, enum fh__turn_kind kind, uint64_t now_ms);
/* Writes the request of this kind into t->out. Returns its length, 0 if it cannot be written. */
size_t fh__turn_request(struct fh_turn *t, enum fh__turn_kind kind);
/* Takes over the server's realm, nonce and algorithms, and derives the key. */
int fh__turn_challenge(struct fh_turn *t, const struct fh_stun_message *m);
int fh__turn_derive(struct fh_turn *t);

/* turn_response.c: a response to the transaction of that kind. */
int fh__turn_response(struct fh_turn *t, uint64_t now_ms, enum fh__turn_kind kind,
                      const struct fh_stun_message *m);

/* turn.c */
void fh__turn_over(struct fh_turn *t, int error, unsigned code);
bool fh__turn_is_stream(const struct fh_turn *t);
struct fh__turn_permission *fh__turn_permission(struct fh_turn *t,
                                                const struct fh_ice_address *peer);
/* Starts what is due: permissions, channels. */
void fh__turn_schedule(struct fh_turn *t, uint64_t now_ms);

#endif
