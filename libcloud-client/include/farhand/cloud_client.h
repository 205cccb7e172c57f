/* SPDX-License-Identifier: MIT */
/*
 * cloud_client.h -- an endpoint's side of its connection to a cloud: signs in, stays signed in,
 * and brings connections about.
 *
 *     fh_cloud_client_new()      one for each address
 *     fh_cloud_client_start()    sign in, and again whenever the connection is lost
 *     fh_cloud_client_event()    what to do and what happened; repeat until 0
 *     fh_cloud_client_connected(), _lost()   what became of FH_CLOUD_EV_DIAL
 *     fh_cloud_client_input(), _out(), _out_done()   bytes inside TLS
 *     fh_cloud_client_signed()   answers FH_CLOUD_EV_SIGN, at once or later
 *     fh_cloud_client_tick(), _deadline()
 *
 *     fh_cloud_client_connect()  viewer: FH_CLOUD_EV_TARGET, _GRANT, _SIGNAL, _END follow
 *     fh_cloud_client_accept()   server: after FH_CLOUD_EV_INCOMING; or fh_cloud_client_end()
 *     fh_cloud_client_signal()   lines for the peer, which the cloud cannot read
 *     fh_cloud_client_renew()    another relay ticket
 *     fh_cloud_client_watch()    who comes and goes
 *
 * No sockets, no clock, no threads, no globals. The cloud is not trusted: the application is told
 * of a peer only after the peer's statement was verified, is for the address that was asked for,
 * and, where the cloud has a log, is in it. Everything that a service can send is bounded and may
 * come in any order; what makes no sense ends the connection to it.
 *
 * Payloads of events are lent until the next call that is given the client. One thread at a time.
 * <farhand/cloud_uv.h> joins it to a libuv loop. docs/protocol.md, sections 19 to 23.
 */
#ifndef FH_CLOUD_CLIENT_H
#define FH_CLOUD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/broker.h>
#include <farhand/cloud_service.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_CLOUD_CONNS_DEFAULT = 32,
    FH_CLOUD_CONNS_LIMIT = 1024,
    FH_CLOUD_HOLDS_DEFAULT = 8,
    FH_CLOUD_ANSWER_MS = 60000 /* longest wait for a server app to accept */
};

struct fh_cloud_client;

struct fh_cloud_client_config {
    const struct fh_cloud_service *service; /* copied */
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    /* For enrolment, FH_CLOUD_PASSWORD_LEN bytes, copied; NULL: it has been, or never will. */
    const uint8_t *password;
    const uint8_t *spki; /* of the identity; copied */
    size_t spki_len;
    const uint8_t *seal_secret; /* FH_SEAL_KEY_LEN bytes; copied */
    /*
     * What FH_CLOUD_EV_STATEMENT gave before, or NULL. One that is not of this address, identity
     * and seal key counts as none: then a new one is made.
     */
    const uint8_t *statement;
    size_t statement_len;
    uint8_t roles;       /* of enum fh_broker_role */
    const char *program; /* its name and version, at most FH_BROKER_PROGRAM_MAX; copied */
    size_t conns_max;    /* connections at a time; 0: FH_CLOUD_CONNS_DEFAULT */
    /* Of them, that the application has not answered or was not told of yet; 0: the default. */
    size_t holds_max;
    uint32_t answer_ms; /* 0: FH_CLOUD_ANSWER_MS */
    /* The newest checkpoint of the cloud's log that was seen, from FH_CLOUD_EV_CHECKPOINT; "":
     * none.
     */
    const char *checkpoint;
    size_t checkpoint_len;
    fh_random_fn random; /* required */
    void *random_user;
    uint64_t (*utc_ms)(void *user); /* the wall clock; required */
    void *user;
};

/*
 * In the caller's memory, aligned as malloc aligns; it holds secrets. size 0 and NULL if cfg is out
 * of range. cfg: borrowed. _finish() wipes.
 */
size_t fh_cloud_client_size(const struct fh_cloud_client_config *cfg);
struct fh_cloud_client *fh_cloud_client_init(void *mem, size_t len,
                                             const struct fh_cloud_client_config *cfg);
void fh_cloud_client_finish(struct fh_cloud_client *c);
struct fh_cloud_client *fh_cloud_client_new(const struct fh_cloud_client_config *cfg);
void fh_cloud_client_free(struct fh_cloud_client *c);

enum fh_cloud_event_type {
    /* To do. */
    FH_CLOUD_EV_DIAL,       /* connect to ev.dial and start TLS; then _connected() or _lost() */
    FH_CLOUD_EV_HANG_UP,    /* close what was dialled, or stop dialling; say nothing more of it */
    FH_CLOUD_EV_SIGN,       /* sign ev.sign, then fh_cloud_client_signed() */
    FH_CLOUD_EV_STATEMENT,  /* keep ev.bytes, for the next config.statement */
    FH_CLOUD_EV_CHECKPOINT, /* keep ev.bytes, for the next config.checkpoint */
    /* Of the cloud. */
    FH_CLOUD_EV_ONLINE,     /* signed in; ev.online */
    FH_CLOUD_EV_OFFLINE,    /* not, or not any more; ev.offline. All connections have ended */
    FH_CLOUD_EV_CLOCK,      /* ev.skew_ms: the cloud's clock minus ours, more than a minute */
    FH_CLOUD_EV_FORK,       /* the cloud's log shows two histories: ev.fork proves it. Be loud */
    FH_CLOUD_EV_PEER_STATE, /* of a watched address; ev.peer_state */
    /* Of a connection, ev.conn. */
    FH_CLOUD_EV_TARGET,   /* viewer: who it is, ev.peer; the application judges its fingerprint */
    FH_CLOUD_EV_INCOMING, /* server: who asks, ev.peer; with ev.groups and ev.grant */
    FH_CLOUD_EV_GRANT,    /* viewer: the server accepted; ev.grant */
    FH_CLOUD_EV_RENEWED,  /* ev.grant: a new ticket, relays and TURN; secrets are zeros */
    FH_CLOUD_EV_SIGNAL,   /* ev.signal: lines of the peer, separated by LF */
    FH_CLOUD_EV_END       /* ev.end; the connection is no more */
};

/* A peer that proved its address. */
struct fh_cloud_peer {
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    uint8_t fingerprint[FH_FINGERPRINT_LEN];
    const uint8_t *spki; /* what the secure channel must show as well */
    size_t spki_len;
    uint64_t created_ms; /* UTC, by its own clock */
    uint8_t session_ref[FH_CLOUD_CONN_LEN];
};

struct fh_cloud_client_event {
    enum fh_cloud_event_type type;
    uint32_t conn;
    union {
        struct {
            const char *host, *name; /* where to; what the certificate must be made out to */
            uint16_t port;
        } dial;
        struct {
            enum fh_identity_purpose purpose;
            uint8_t digest[FH_CLOUD_DIGEST_LEN];
            uint32_t serial;
        } sign;
        struct fh_broker_bytes bytes;
        struct {
            uint8_t roles; /* granted */
            const struct fh_broker_host *stun;
            size_t stun_len;
            const char *host; /* of the node */
        } online;
        struct {
            int error;                  /* FH_CLOUD_E_* */
            uint64_t retry_ms;          /* until it dials again; UINT64_MAX: not before _start() */
            uint16_t code;              /* enum fh_broker_code, or 0 */
            struct fh_broker_text text; /* the service's own, may be empty: show it quoted only */
        } offline;
        int64_t skew_ms;
        struct {
            struct fh_broker_bytes kept, seen; /* signed notes */
        } fork;
        struct {
            uint8_t address[FH_CLOUD_ADDRESS_LEN];
            bool is_online;
        } peer_state;
        struct {
            struct fh_cloud_peer peer;
            const struct fh_broker_text *groups; /* INCOMING */
            size_t groups_len;
            const struct fh_broker_grant *grant; /* INCOMING, GRANT, RENEWED: copy and wipe */
        } conn_info;
        struct {
            const char *lines;
            size_t len;
        } signal;
        struct {
            int error;      /* FH_CLOUD_E_* */
            uint8_t reason; /* enum fh_broker_reason that the peer or the cloud gave, or 0 */
        } end;
    };
};

/* Sign in. Without effect while it does. After a final OFFLINE it begins anew. */
void fh_cloud_client_start(struct fh_cloud_client *c, uint64_t now_ms);
/* The network came back, or somebody waits: do not wait any longer. */
void fh_cloud_client_wake(struct fh_cloud_client *c, uint64_t now_ms);
/* Sign out and stay away: HANG_UP and a final OFFLINE follow. */
void fh_cloud_client_stop(struct fh_cloud_client *c, uint64_t now_ms);

/*
 * TLS stands, with ALPN FH_BROKER_ALPN. binding: FH_CLOUD_EXPORTER. Without effect unless it was
 * asked for.
 */
void fh_cloud_client_connected(struct fh_cloud_client *c, uint64_t now_ms,
                               const uint8_t binding[FH_CLOUD_BINDING_LEN]);
/* It could not be connected, or the connection has ended. error: FH_CLOUD_E_*, for OFFLINE. */
void fh_cloud_client_lost(struct fh_cloud_client *c, uint64_t now_ms, int error);

/*
 * Bytes arrived; borrowed. Returns how many were taken: if fewer than len, take all events, send
 * what is to be sent, and give the rest again.
 */
size_t fh_cloud_client_input(struct fh_cloud_client *c, uint64_t now_ms, const uint8_t *data,
                             size_t len);
/* What to send; lent until fh_cloud_client_out_done(). NULL: nothing. */
const uint8_t *fh_cloud_client_out(const struct fh_cloud_client *c, size_t *len);
void fh_cloud_client_out_done(struct fh_cloud_client *c, size_t sent);

/* 1 and *ev; 0: nothing now. */
int fh_cloud_client_event(struct fh_cloud_client *c, uint64_t now_ms,
                          struct fh_cloud_client_event *ev);

/* serial: of the event. sig_len 0: it will not be signed; then sign-in ends for good. */
void fh_cloud_client_signed(struct fh_cloud_client *c, uint64_t now_ms, uint32_t serial,
                            const uint8_t *sig, size_t sig_len);

void fh_cloud_client_tick(struct fh_cloud_client *c, uint64_t now_ms);
/* When to call tick; UINT64_MAX: no need. */
uint64_t fh_cloud_client_deadline(const struct fh_cloud_client *c);

bool fh_cloud_client_is_online(const struct fh_cloud_client *c);

/*
 * Ask for the endpoint of an address. Returns 0 and the connection's number, which is not 0 and not
 * used again soon; FH_CLOUD_E_OFFLINE; _REFUSED: the role was not granted; _BUSY: conns_max, or too
 * much is queued.
 */
int fh_cloud_client_connect(struct fh_cloud_client *c, uint64_t now_ms,
                            const uint8_t target[FH_CLOUD_ADDRESS_LEN], uint32_t *conn);

/* Server: let it in. Signals that came before follow now. FH_CLOUD_E_STATE: it is no more. */
int fh_cloud_client_accept(struct fh_cloud_client *c, uint64_t now_ms, uint32_t conn);

/* End it, either side, at any time; no event follows. Without effect if it is no more. */
void fh_cloud_client_end(struct fh_cloud_client *c, uint64_t now_ms, uint32_t conn,
                         enum fh_broker_reason reason);

/*
 * Lines for the peer, separated by LF: len bytes, at most FH_CLOUD_SIGNAL_MAX. From TARGET or
 * accept on. FH_CLOUD_E_STATE: not now; _BUSY: not so much at a time, try again after _out_done();
 * _RESOURCES: the cloud forwards no more on this connection.
 */
int fh_cloud_client_signal(struct fh_cloud_client *c, uint64_t now_ms, uint32_t conn,
                           const char *lines, size_t len);

/* Ask for a new ticket; RENEWED follows at both ends, or END. FH_CLOUD_E_STATE, _BUSY. */
int fh_cloud_client_renew(struct fh_cloud_client *c, uint64_t now_ms, uint32_t conn);

/*
 * Whom to watch, instead of those before: n addresses one after the other, at most
 * FH_BROKER_WATCH_MAX; copied. Asked again after each sign-in. FH_CLOUD_E_INVAL; _BUSY: not now,
 * nothing changed.
 */
int fh_cloud_client_watch(struct fh_cloud_client *c, uint64_t now_ms, const uint8_t *addresses,
                          size_t n);

#ifdef __cplusplus
}
#endif

#endif
