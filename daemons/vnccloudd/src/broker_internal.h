/* SPDX-License-Identifier: MIT */
/* broker_internal.h -- what the parts of the broker know of each other. */
#ifndef FH__BROKER_INTERNAL_H
#define FH__BROKER_INTERNAL_H

#include "broker.h"
#include "table.h"

enum {
    FH__SIGN_IN_MS = 10000,  /* from the end of the handshake to WELCOME */
    FH__REFUSE_MS = 500,     /* a refusal takes as long, whatever its reason */
    FH__OFFER_MS = 60000,    /* INCOMING, until somebody says ACCEPT */
    FH__TICKET_MS = 60000,   /* of a relay ticket */
    FH__LOOKUPS_MAX = 8,     /* of one CONNECT, while the cache is too small */
    FH__LIMIT_SLOTS = 65536, /* of each table */
    FH__RETRY_MS = 5000      /* when nothing is known that is better */
};

/* The end of a connection that two clients have with each other, by struct fh_role: the viewer is
 * the client. */
enum fh__end { FH__VIEWER, FH__SERVER };

enum fh__meeting_state {
    FH__OFFERED,  /* INCOMING was sent */
    FH__COUNTING, /* accepted, and uses are counted */
    FH__ACCEPTED
};

struct fh__meeting {
    struct fh__entry entry; /* by conn */
    struct fh__timer timer;
    struct fh__broker *broker;
    struct {
        struct fh__client *client;
        struct fh__meeting *next, **at; /* of those of the client */
        uint32_t bytes;
        uint8_t signals;
        bool is_counted; /* its uses are limited */
    } ends[2];
    uint8_t conn[FH_CLOUD_CONN_LEN];
    uint8_t *secrets; /* 2 x FH_BROKER_SECRET_LEN until the viewer has them, then NULL */
    uint8_t state;    /* enum fh__meeting_state */
};

/* A client that wants to know of an address, and may. */
struct fh__watch {
    struct fh__entry entry; /* by address */
    struct fh__watch *next; /* of those of the client */
    struct fh__client *client;
    uint8_t address[FH__ADDRESS_LEN];
};

enum fh__client_state {
    FH__EXPECT_HELLO,
    FH__EXPECT_AUTH,
    FH__CHECKING,  /* AUTH is looked at */
    FH__REFUSING,  /* ERROR is on its way */
    FH__READY,     /* signed in */
    FH__REQUESTED, /* the same, while a request is carried out */
    FH__CLOSED
};

struct fh__sign_in;
struct fh__request;

struct fh__client {
    struct fh__holder holder;
    struct fh__timer timer;
    struct fh__broker *broker;
    void *conn;
    union {
        struct fh__sign_in *sign_in; /* until READY */
        struct fh__request *request; /* while REQUESTED */
    };
    struct fh__meeting *meetings;
    struct fh__watch *watches;
    char *program;
    uint8_t *partial; /* a frame that is not whole */
    uint64_t heard_ms, since_ms;
    uint64_t expires_ms; /* UTC; 0: never */
    uint32_t interval_ms;
    uint16_t partial_len, partial_want;
    uint16_t n_meetings;
    uint8_t n_watches;
    uint8_t state; /* enum fh__client_state */
    uint8_t roles;
    bool is_slow;
    uint8_t head[FH_BROKER_HEADER_LEN]; /* of a frame of which less than that is here */
    uint8_t account[FH__ACCOUNT_LEN];
    uint32_t relay_kbit; /* its account's */
    uint64_t relay_bytes;
    struct fh__gcra_source source;
};

struct fh__broker {
    struct fh__broker_hooks hooks;
    struct fh__broker_config cfg;
    struct fh__wheel *wheel;
    struct fh__presence *presence;
    struct fh__endpoints *endpoints;
    struct fh__store *store;
    struct fh__table meetings, watches;
    struct fh__recheck_job *rechecks;
    struct fh__timer report; /* what the limits refused */
    struct fh__gcra failure, failure_network, failure_address, connect, connect_source,
        connect_target, connect_account, unknown, log;
    size_t clients, online, partial_bytes;
    bool is_draining;
    struct fh__broker_counters counters;
    uint8_t out[FH_BROKER_FRAME_MAX]; /* the frame that is being sent */
    uint8_t proof[2][FH_TLOG_MAX_PROOF_LEN];
};

static inline struct fh__client *fh__client_of(struct fh__holder *h)
{
    return FH__OF(h, struct fh__client, holder);
}

/* ---- client.c ---- */

/* false: c did not take it, and was closed for that where it answers c's own words. */
bool fh__client_send(struct fh__client *c, const struct fh_broker_frame *f);
/* The same; that there is no room is the sender's concern. */
bool fh__client_try(struct fh__client *c, const struct fh_broker_frame *f);
/* ERROR; request 0 closes. */
void fh__client_error(struct fh__client *c, enum fh_broker_code code, uint32_t retry_ms,
                      uint32_t request, const char *text);
void fh__client_close(struct fh__client *c);
/* From the loop, because it does not take what it is told. */
void fh__client_close_later(struct fh__client *c);
/* Nothing holds it any more: presence, conns, watches. */
void fh__client_detach(struct fh__client *c);
/* A request is done: input is taken again. */
void fh__client_done(struct fh__client *c);
void fh__client_set_timer(struct fh__client *c);
/* For the log. */
const char *fh__client_name(const struct fh__client *c, char out[FH_CLOUD_ADDRESS_TEXT]);

/* ---- signin.c ---- */

bool fh__sign_in_begin(struct fh__client *c, const struct fh_address *peer,
                       const uint8_t binding[FH_CLOUD_BINDING_LEN]);
void fh__sign_in_free(struct fh__client *c);
void fh__sign_in_hello(struct fh__client *c, const uint8_t *frame, size_t len,
                       const struct fh_broker_frame *f);
void fh__sign_in_auth(struct fh__client *c, const uint8_t *frame, size_t len);
/* REFUSING is over. */
void fh__sign_in_refused(struct fh__client *c);
/* 0; else why the endpoint may not be used now. */
enum fh_broker_code fh__endpoint_verdict(const struct fh__broker *b, const struct fh__endpoint *e);
/* Its log proof, in buf (FH_TLOG_MAX_PROOF_LEN); empty without a log. */
struct fh_broker_bytes fh__endpoint_proof(struct fh__broker *b, const struct fh__endpoint *e,
                                          uint8_t *buf);

/* ---- request.c ---- */

void fh__request_connect(struct fh__client *c, const struct fh_broker_frame *f);
void fh__request_watch(struct fh__client *c, const struct fh_broker_frame *f);
void fh__request_free(struct fh__client *c);

/* ---- meeting.c ---- */

/* 0, or the code of the ERROR for the viewer. */
int fh__meeting_begin(struct fh__client *viewer, struct fh__client *server, uint32_t request,
                      const struct fh__endpoint *from, const struct fh__endpoint *to);
void fh__meeting_accept(struct fh__client *c, const struct fh_broker_frame *f);
void fh__meeting_signal(struct fh__client *c, const struct fh_broker_frame *f);
void fh__meeting_end(struct fh__client *c, const struct fh_broker_frame *f);
void fh__meeting_renew(struct fh__client *c, const struct fh_broker_frame *f);
/* c goes: what was not accepted ends at the other side, too. */
void fh__meeting_leave(struct fh__client *c);

/* ---- watch.c ---- */

/* The list begins anew. */
void fh__watch_clear(struct fh__client *c);
/* -1: no memory. Tells how the address is. */
int fh__watch_add(struct fh__client *c, const uint8_t address[static 12]);
/* To all who watch it. Nobody is closed meanwhile. */
void fh__watch_tell(struct fh__broker *b, const uint8_t address[static 12], bool is_online);
/* Until each() says false. */
bool fh__watch_each(struct fh__broker *b, const uint8_t address[static 12],
                    bool (*each)(void *user, const struct fh__watch *w), void *user);
/* c may not know of it any more. */
void fh__watch_remove(struct fh__client *c, const uint8_t address[static 12]);

/* ---- recheck.c ---- */

void fh__recheck(struct fh__broker *b, const uint8_t address[static 12]);
/* Those that are under way. */
void fh__recheck_cancel(struct fh__broker *b);

#endif
