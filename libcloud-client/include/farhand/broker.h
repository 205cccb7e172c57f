/* SPDX-License-Identifier: MIT */
/*
 * broker.h -- the frames that an endpoint and a cloud exchange, both directions.
 *
 *     fh_broker_frame_len()   from the first four bytes: how long the frame is
 *     fh_broker_parse()       a whole frame -> struct fh_broker_frame
 *     fh_broker_print()       the other way
 *
 * `u8 type | u8 flags = 0 | u16 length | body`, big-endian, over TLS with the ALPN FH_BROKER_ALPN.
 * What is parsed points into the frame: nothing is copied, nothing allocated, and every list has
 * its limit. Parsing is strict: a frame is exactly what its type says, or FH_CLOUD_E_PROTO; types
 * that are not known are told as FH_BROKER_UNKNOWN, for the caller to ignore (client) or to refuse
 * (service). Statements and log proofs have been looked at for their form only: cloud_proof.h and
 * tlog.h say whether they prove anything.
 *
 * Pure functions; any thread. docs/protocol.md, "Broker".
 */
#ifndef FH_BROKER_H
#define FH_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/cloud_address.h>
#include <farhand/cloud_error.h>
#include <farhand/cloud_proof.h>
#include <farhand/tlog.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FH_BROKER_ALPN "farhand-broker/1"
#define FH_RELAY_ALPN "farhand-relay/1"

enum {
    FH_BROKER_HEADER_LEN = 4,
    /* Bytes of the body. */
    FH_BROKER_MAX = 1000, /* of all frames but these: */
    FH_BROKER_HELLO_MAX = 128,
    FH_BROKER_AUTH_MAX = 2048,
    FH_BROKER_WELCOME_MAX = 8192,
    FH_BROKER_TARGET_MAX = 8192,
    FH_BROKER_INCOMING_MAX = 8192,
    FH_BROKER_GRANT_MAX = 4096,
    FH_BROKER_SIGNAL_MAX = 12288,
    FH_BROKER_LOG_MAX = 4096,
    FH_BROKER_FRAME_MAX = FH_BROKER_HEADER_LEN + FH_BROKER_SIGNAL_MAX, /* the longest of all */

    FH_BROKER_RANDOM_LEN = 32,
    FH_BROKER_PROGRAM_MAX = 64, /* bytes of text */
    FH_BROKER_ERROR_TEXT_MAX = 200,
    FH_BROKER_HOST_MAX = 253,
    FH_BROKER_GROUP_MAX = 64,
    FH_BROKER_TURN_TEXT_MAX = 255,
    FH_BROKER_CHECKPOINT_MAX = FH_TLOG_MAX_CHECKPOINT,
    FH_BROKER_TICKET_MAX = 255,
    FH_BROKER_SECRET_LEN = 32,
    FH_BROKER_NODES_MAX = 16, /* elements of lists */
    FH_BROKER_STUN_MAX = 8,
    FH_BROKER_RELAYS_MAX = 8,
    FH_BROKER_TURN_MAX = 4,
    FH_BROKER_GROUPS_MAX = 16,
    FH_BROKER_WATCH_MAX = 64,
    FH_BROKER_HASHES_MAX = 64,
    FH_BROKER_HASH_LEN = 32,
    FH_BROKER_SIGNALS_MAX = 64 /* SIGNAL frames of one side on one connection */
};

/* The numbers on the wire. None is ever used for something else. */
enum fh_broker_type {
    FH_BROKER_UNKNOWN = 0,
    FH_BROKER_HELLO = 1,            /* C */
    FH_BROKER_CHALLENGE = 2,        /* S */
    FH_BROKER_AUTH = 3,             /* C */
    FH_BROKER_WELCOME = 4,          /* S */
    FH_BROKER_PING = 5,             /* both */
    FH_BROKER_PONG = 6,             /* both */
    FH_BROKER_CONNECT = 7,          /* C */
    FH_BROKER_TARGET = 8,           /* S */
    FH_BROKER_INCOMING = 9,         /* S */
    FH_BROKER_ACCEPT = 10,          /* C */
    FH_BROKER_GRANT = 11,           /* S */
    FH_BROKER_SIGNAL = 12,          /* both */
    FH_BROKER_END = 13,             /* both */
    FH_BROKER_WATCH = 14,           /* C */
    FH_BROKER_PEER_STATE = 15,      /* S */
    FH_BROKER_ERROR = 16,           /* S */
    FH_BROKER_RESTARTING = 17,      /* S */
    FH_BROKER_RENEW = 18,           /* C */
    FH_BROKER_RENEWED = 19,         /* S */
    FH_BROKER_LOG_CONSISTENCY = 20, /* C */
    FH_BROKER_LOG_CONSISTENT = 21   /* S */
};

enum fh_broker_side { FH_BROKER_CLIENT, FH_BROKER_SERVICE };

/* Bits. Those that are not known are left alone. */
enum fh_broker_role { FH_BROKER_LISTEN = 1, FH_BROKER_CONNECTS = 2, FH_BROKER_WATCHES = 4 };

enum fh_broker_method {
    FH_BROKER_ENROL = 1, /* proof of the password, statement */
    FH_BROKER_KEY = 2,   /* neither */
    FH_BROKER_REBIND = 3 /* a new statement of the same identity */
};

enum fh_broker_reason {
    FH_BROKER_GONE = 1,
    FH_BROKER_REFUSED = 2,
    FH_BROKER_IS_BUSY = 3,
    FH_BROKER_ABSENT = 4,
    FH_BROKER_TIMED_OUT = 5,
    FH_BROKER_POLICY = 6,
    FH_BROKER_NO_ADDRESS = 7 /* or not allowed to know of it */
};

enum fh_broker_code {
    FH_BROKER_E_PROTOCOL = 1,
    FH_BROKER_E_VERSION = 2,
    FH_BROKER_E_SIGN_IN = 3,
    FH_BROKER_E_BUSY = 4,
    FH_BROKER_E_TOO_OFTEN = 5,
    FH_BROKER_E_CLOCK = 6,
    FH_BROKER_E_REPLACED = 7,
    FH_BROKER_E_INTERNAL = 8,
    FH_BROKER_E_EXPIRED = 9,
    /* With a request only. */
    FH_BROKER_E_ABSENT = 10,
    FH_BROKER_E_NO_ADDRESS = 11, /* or not allowed to know of it */
    FH_BROKER_E_POLICY = 12
};

/* Borrowed from the frame. */
struct fh_broker_bytes {
    const uint8_t *p;
    size_t len;
};

/* UTF-8 without control characters, checked; not zero-terminated. A peer or service chose it. */
struct fh_broker_text {
    const char *p;
    size_t len;
};

/* A name or IP address (IPv6 without brackets), checked, and a port that is not 0. */
struct fh_broker_host {
    struct fh_broker_text host;
    uint16_t port;
};

struct fh_broker_turn {
    struct fh_broker_text uri, user, password;
};

/* What both ends need for one connection. The secrets point into the frame: wipe it. */
struct fh_broker_grant {
    const uint8_t *cloud_secret;  /* FH_BROKER_SECRET_LEN: K_cloud of the channel */
    const uint8_t *packet_secret; /* FH_BROKER_SECRET_LEN: of the signed datagrams */
    uint64_t expires_ms;          /* UTC: of the ticket */
    struct fh_broker_host relays[FH_BROKER_RELAYS_MAX];
    size_t relays_len;
    struct fh_broker_bytes ticket;
    struct fh_broker_turn turn[FH_BROKER_TURN_MAX];
    size_t turn_len;
};

struct fh_broker_frame {
    enum fh_broker_type type;
    uint8_t number; /* of the type on the wire */
    union {
        struct {
            uint8_t random[FH_BROKER_RANDOM_LEN];
            uint8_t address[FH_CLOUD_ADDRESS_LEN];
            uint8_t roles;
            struct fh_broker_text program;
        } hello;
        struct {
            uint8_t random[FH_BROKER_RANDOM_LEN];
            uint64_t time_ms;                 /* UTC */
            struct fh_broker_text checkpoint; /* a signed note; empty: no log */
        } challenge;
        struct {
            enum fh_broker_method method;
            const uint8_t *proof;             /* FH_CLOUD_PROOF_LEN; ENROL only */
            struct fh_broker_bytes statement; /* ENROL, REBIND */
            struct fh_broker_bytes signature;
        } auth;
        struct {
            uint32_t interval_ms;
            uint8_t roles; /* granted */
            uint64_t time_ms;
            struct fh_broker_host nodes[FH_BROKER_NODES_MAX];
            size_t nodes_len;
            struct fh_broker_host stun[FH_BROKER_STUN_MAX];
            size_t stun_len;
            uint32_t signal_bytes;            /* of one side on one connection */
            struct fh_broker_bytes log_proof; /* of the binding of whoever signed in; empty: none */
        } welcome;
        struct {
            uint8_t data[8];
        } ping; /* PING, PONG */
        struct {
            uint32_t request; /* not 0 */
            uint8_t target[FH_CLOUD_ADDRESS_LEN];
        } connect;
        struct {
            uint32_t request;
            uint8_t conn[FH_CLOUD_CONN_LEN];
            struct fh_broker_bytes statement, log_proof;
        } target;
        struct {
            uint8_t conn[FH_CLOUD_CONN_LEN];
            struct fh_broker_bytes statement, log_proof;
            struct fh_broker_text groups[FH_BROKER_GROUPS_MAX];
            size_t groups_len;
            struct fh_broker_grant grant;
        } incoming;
        struct {
            uint8_t conn[FH_CLOUD_CONN_LEN];
        } conn; /* ACCEPT, RENEW */
        struct {
            uint8_t conn[FH_CLOUD_CONN_LEN];
            struct fh_broker_grant grant;
        } grant; /* GRANT, RENEWED */
        struct {
            uint8_t conn[FH_CLOUD_CONN_LEN];
            struct fh_broker_bytes sealed;
        } signal;
        struct {
            uint8_t conn[FH_CLOUD_CONN_LEN];
            uint8_t reason; /* enum fh_broker_reason, or a newer one */
        } end;
        struct {
            const uint8_t *addresses; /* len times FH_CLOUD_ADDRESS_LEN */
            size_t len;
        } watch;
        struct {
            uint8_t address[FH_CLOUD_ADDRESS_LEN];
            bool is_online;
        } peer_state;
        struct {
            uint16_t code; /* enum fh_broker_code, or a newer one */
            uint32_t retry_after_ms;
            uint32_t request; /* 0: the connection closes */
            struct fh_broker_text text;
        } error;
        struct {
            uint32_t reconnect_in_ms, try_for_ms;
        } restarting;
        struct {
            uint64_t old_size, new_size;
            const uint8_t *hashes; /* LOG_CONSISTENT only; hashes_len times FH_BROKER_HASH_LEN */
            size_t hashes_len;
        } log; /* LOG_CONSISTENCY, LOG_CONSISTENT */
    };
};

/*
 * The length of the frame whose first len bytes stand at data; borrowed. 0: fewer than
 * FH_BROKER_HEADER_LEN bytes, nothing can be said. FH_CLOUD_E_PROTO: no such frame, flags that are
 * not 0, or longer than its type may be. from: whose frame it is.
 */
int fh_broker_frame_len(enum fh_broker_side from, const uint8_t *data, size_t len);

/*
 * Read one whole frame, of the length that fh_broker_frame_len() told; borrowed for as long as out
 * is used. Returns 0; FH_CLOUD_E_PROTO with out in no particular state.
 */
int fh_broker_parse(enum fh_broker_side from, const uint8_t *data, size_t len,
                    struct fh_broker_frame *out);

/*
 * Write one frame of f->type; f->number is not looked at. Returns its length; FH_CLOUD_E_INVAL: it
 * is nothing that can be said, or there is no room (FH_BROKER_FRAME_MAX is enough for all).
 */
int fh_broker_print(const struct fh_broker_frame *f, uint8_t *out, size_t room);

#ifdef __cplusplus
}
#endif

#endif
