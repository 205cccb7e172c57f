/* SPDX-License-Identifier: MIT */
/*
 * broker.h -- the broker: who is signed in, who may reach whom, and what they tell each other until
 * they have a path of their own. A core: streams, clocks, randomness, store and log are given.
 *
 *     fh__broker_new(), _configure(), _free()
 *     fh__broker_changed()      an address was changed in the store: it takes effect at once
 *     fh__broker_disconnect()
 *     fh__broker_drain()        everybody is sent away, to come back at different times
 *     fh__client_new()          one connection
 *     fh__client_input()        what arrived on it
 *     fh__client_gone()         it broke, or was closed
 *     fh__client_free()
 *
 * A client at rest costs about what its struct takes, sizes are in fh__broker_count(). Frames are
 * those of <farhand/broker.h>; docs/protocol.md, "Broker". One request of a client is carried out
 * at a time: until it is done nothing more is taken from it.
 */
#ifndef FH__BROKER_H
#define FH__BROKER_H

#include <farhand/address.h>
#include <farhand/broker.h>
#include <farhand/tlog.h>

#include "config.h"
#include "endpoints.h"
#include "gcra.h"
#include "presence.h"
#include "store.h"
#include "wheel.h"

struct fh__broker;
struct fh__client;

/* A binding on its way into the log. */
struct fh__append {
    /* From the loop. ret 0: index and salt are set. */
    void (*done)(struct fh__append *a, int ret);
    struct fh_tlog_binding binding;
    uint64_t index;
    uint8_t salt[FH_TLOG_SALT_LEN];
};

/* What a relay ticket is for. */
struct fh__ticket_for {
    bool is_server; /* whose side: the server app's, or the viewer's */
    uint8_t conn[FH_CLOUD_CONN_LEN];
    uint8_t account[FH__ACCOUNT_LEN];
    uint32_t kbit; /* the account's limits: struct fh__endpoint */
    uint64_t bytes;
};

/* All are set but those that may be NULL. user is the broker's, conn what fh__client_new() got. */
struct fh__broker_hooks {
    void *user;
    uint64_t (*now_ms)(void *user); /* monotonic */
    uint64_t (*utc_ms)(void *user);
    fh_random_fn random;
    /* frame: borrowed. false: there is no room, nothing of it was taken. */
    bool (*send)(void *conn, const uint8_t *frame, size_t len);
    /* It takes input again, after fh__client_input() took less than it was given. */
    void (*ready)(void *conn);
    /* It has shown who it is. */
    void (*signed_in)(void *conn);
    /* To be closed after what was sent; the client is freed by whoever made it, later. */
    void (*close)(void *conn);
    /* An address was bound to an identity. May be NULL. */
    void (*enrolled)(void *user, const struct fh__endpoint *e);
    /* The relay's: writes a ticket. 0: there is no relay. NULL: the same. */
    size_t (*ticket)(void *user, const struct fh__ticket_for *t, uint64_t expires_ms,
                     uint8_t out[FH_BROKER_TICKET_MAX]);
    /* The log's. All NULL: there is none. */
    size_t (*checkpoint)(void *user, char *out, size_t room); /* a signed note */
    int (*append)(void *user, struct fh__append *a);          /* 0: a->done() follows */
    size_t (*log_proof)(void *user, uint64_t index, const uint8_t salt[FH_TLOG_SALT_LEN],
                        uint8_t *out, size_t room);
    int (*consistency)(void *user, uint64_t old_size, uint64_t new_size,
                       uint8_t out[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN]); /* hashes; < 0: no */
};

/* Hosts and URIs are borrowed until the next one. */
struct fh__broker_config {
    uint32_t interval_ms, max_clients, max_conns, signal_bytes;
    struct fh_broker_host nodes[FH_BROKER_NODES_MAX], stun[FH_BROKER_STUN_MAX],
        relays[FH_BROKER_RELAYS_MAX];
    size_t nodes_len, stun_len, relays_len;
    struct fh_broker_text turn[FH_BROKER_TURN_MAX];
    size_t turn_len;
    uint8_t turn_secret[256]; /* SECRET */
    size_t turn_secret_len;
    uint32_t turn_lifetime_s;
    struct fh__rate failure, failure_network, failure_address;
    struct fh__rate connect, connect_source, connect_target, connect_account, unknown, log;
};

/* What the configuration says; texts are borrowed from it. turn_secret stays empty. */
void fh__broker_config(const struct fh__config *c, struct fh__broker_config *out);

struct fh__broker_setup {
    const struct fh__broker_hooks *hooks; /* borrowed for good, as all of these */
    struct fh__wheel *wheel;
    struct fh__presence *presence;
    struct fh__endpoints *endpoints;
    struct fh__store *store;
};

/* cfg: copied. NULL: no memory. */
struct fh__broker *fh__broker_new(const struct fh__broker_setup *setup,
                                  const struct fh__broker_config *cfg);
void fh__broker_configure(struct fh__broker *b, const struct fh__broker_config *cfg);
/* All clients are freed, and the store is closed. NULL is fine. */
void fh__broker_free(struct fh__broker *b);

/* An address was changed, reset or removed: it is looked up again, and signed out if it must be. */
void fh__broker_changed(struct fh__broker *b, const uint8_t address[static 12]);
/* The same of all addresses of an account. */
void fh__broker_account_changed(struct fh__broker *b, const uint8_t account[static 16]);
/* By an operator. false: it was not signed in. */
bool fh__broker_disconnect(struct fh__broker *b, const uint8_t address[static 12]);
/* RESTARTING to everybody, who come back within spread_ms; nobody signs in any more. */
void fh__broker_drain(struct fh__broker *b, uint32_t spread_ms);

#define FH__BROKER_COUNTERS(X)                                                                     \
    X(signed_in, "sign-ins that worked")                                                           \
    X(enrolled, "of these, the first of an address")                                               \
    X(refused, "sign-ins that did not")                                                            \
    X(replaced, "clients whose address signed in elsewhere")                                       \
    X(silent, "clients that were not heard of any more")                                           \
    X(protocol_errors, "clients that broke the protocol")                                          \
    X(slow, "clients that did not take what they were sent")                                       \
    X(connects, "connections that were asked for")                                                 \
    X(offered, "of these, that reached the other side")                                            \
    X(accepted, "of these, that it accepted")                                                      \
    X(limited, "requests that came too often")                                                     \
    X(signals, "signals that were forwarded")                                                      \
    X(signal_bytes, "bytes of them")

enum { FH__BROKER_LIMITS = 9 };

struct fh__broker_counters {
    size_t clients, online, conns, watches; /* now */
    size_t client_bytes;                    /* of each, at rest, without its stream */
#define X(name, text) uint64_t name;
    FH__BROKER_COUNTERS(X)
#undef X
    const struct fh__gcra *limits[FH__BROKER_LIMITS]; /* lent */
};

void fh__broker_count(const struct fh__broker *b, struct fh__broker_counters *out);

/*
 * A connection. conn: for the hooks. peer: who is at its other end, copied. binding: of its TLS
 * (FH_CLOUD_EXPORTER), copied. NULL: no memory.
 */
struct fh__client *fh__client_new(struct fh__broker *b, void *conn, const struct fh_address *peer,
                                  const uint8_t binding[FH_CLOUD_BINDING_LEN]);
/* Returns how much was taken; all of it, or as much as came before something that takes time. */
size_t fh__client_input(struct fh__client *c, const uint8_t *data, size_t len);
void fh__client_gone(struct fh__client *c);
/* Not from inside a hook. NULL is fine. */
void fh__client_free(struct fh__client *c);

/* Of one that is signed in, for operators. */
struct fh__client_info {
    uint8_t address[FH__ADDRESS_LEN], account[FH__ACCOUNT_LEN];
    uint8_t roles;
    uint64_t since_ms; /* monotonic */
    uint32_t conns;
    const char *program; /* what it calls itself: checked text; lent */
    void *conn;
};

/* NULL: it is not signed in here. */
struct fh__client *fh__broker_find(const struct fh__broker *b, const uint8_t address[static 12]);
void fh__client_info(const struct fh__client *c, struct fh__client_info *out);
/* All that are signed in, until each() says false. Nothing may sign in or be closed meanwhile. */
void fh__broker_each(struct fh__broker *b,
                     bool (*each)(void *user, const struct fh__client_info *info), void *user);

#endif
