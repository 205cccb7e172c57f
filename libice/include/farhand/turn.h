/* SPDX-License-Identifier: MIT */
/*
 * turn.h -- a TURN client: one allocation on one server (RFC 8656), over UDP, TCP or TLS.
 *
 *     fh_turn_init()        in the caller's memory; fh_turn_finish() wipes it
 *     fh_turn_connected()   the socket or stream to fh_turn_server() is ready: begin
 *     fh_turn_input()       a datagram, or one frame of the stream, came from the server
 *     fh_turn_output()      the next message for the server; repeat until 0
 *     fh_turn_event()       what happened; repeat until 0
 *     fh_turn_tick()        fh_turn_deadline() passed
 *
 *     fh_turn_permit()      let this peer's address send (one request for all that are asked for)
 *     fh_turn_bind()        a channel for the selected peer: 4 bytes of overhead instead of 36
 *     fh_turn_wrap()        a datagram for a peer, as what the server must be sent
 *     fh_turn_close()       delete the allocation; FH_TURN_EV_CLOSED when the server knows
 *
 * No sockets, no clock, no threads, no globals, no allocation. Over TCP and TLS, messages follow
 * each other without more framing (RFC 8656 section 3.1): struct fh_turn_frames cuts what arrives
 * into frames for fh_turn_input(). TLS itself is the adapter's.
 *
 * It answers 401 (also with the caller's cached realm and nonce, which saves a round trip), 438,
 * one 300, picks SHA-256 where the server offers it (RFC 8489 section 9.2), repeats over UDP as RFC
 * 8489 section 6.2.1 says, refreshes allocation, permissions and channels in time, and keeps the
 * binding of a NAT open. It never asks for an even port, and does not relay TCP (RFC 6062).
 *
 * Times are monotonic milliseconds, never decreasing. One client may be used by one thread at a
 * time.
 */
#ifndef FH_TURN_H
#define FH_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/ice_address.h>
#include <farhand/stun.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_turn;

enum fh_turn_carrier { FH_TURN_UDP, FH_TURN_TCP, FH_TURN_TLS };

enum {
    FH_TURN_MAX_PERMISSIONS = 40, /* addresses at once; ports do not count */
    FH_TURN_MAX_CHANNELS = 8,
    FH_TURN_MAX_FRAME = 4096,     /* of a stream; what is longer ends it */
    FH_TURN_MAX_ALGORITHMS = 64,  /* bytes of PASSWORD-ALGORITHMS; longer ones are ignored */
    FH_TURN_MAX_OVERHEAD = 48 + 3 /* that fh_turn_wrap() adds at most */
};

/*
 * What a server said about itself: with it, the next allocation there takes one round trip less.
 * A plain value; zeroed is empty.
 */
struct fh_turn_cache {
    uint8_t realm[FH_STUN_MAX_TEXT], nonce[FH_STUN_MAX_TEXT];
    uint16_t realm_len, nonce_len;
    uint8_t algorithms[FH_TURN_MAX_ALGORITHMS]; /* PASSWORD-ALGORITHMS, as it was received */
    uint16_t algorithms_len;
};

struct fh_turn_config {
    struct fh_ice_address server;
    enum fh_turn_carrier carrier;
    const char *username; /* UTF-8, 1 to FH_STUN_MAX_USERNAME bytes; copied */
    const char *password; /* UTF-8, 1 to 255 bytes; copied, wiped by fh_turn_finish() */
    bool ipv4, ipv6;      /* families of relayed addresses; neither means ipv4 */
    bool mobility;        /* ask for a ticket (RFC 8016), see fh_turn_moved() */
    uint32_t lifetime_s;  /* to ask for; 0 leaves it to the server (600) */
    const struct fh_turn_cache *cache; /* of the same server, or NULL; copied */
    /* Cryptographic randomness, for transactions. */
    void (*random)(void *user, void *out, size_t len);
    void *user;
};

/* Bytes that fh_turn_init() needs; the same for every configuration. */
size_t fh_turn_size(void);

/*
 * mem: aligned as malloc aligns, len of at least fh_turn_size(). Returns the client in it, or NULL
 * if something is outside its range.
 */
struct fh_turn *fh_turn_init(void *mem, size_t len, const struct fh_turn_config *cfg);
/* Wipes the secrets; nothing is sent. NULL is fine. */
void fh_turn_finish(struct fh_turn *t);

/* Where to send to, or connect to: after FH_TURN_EV_REDIRECTED another server than configured. */
struct fh_ice_address fh_turn_server(const struct fh_turn *t);

/* The carrier is ready. UDP: at once. After FH_TURN_EV_REDIRECTED of a stream: again. */
void fh_turn_connected(struct fh_turn *t, uint64_t now_ms);
/* The stream ended: FH_TURN_EV_FAILED follows, unless it was closed, or can be moved. */
void fh_turn_disconnected(struct fh_turn *t, uint64_t now_ms);
/*
 * The client's own address is another one, or the stream was opened anew. With a ticket, the
 * allocation is kept with everything in it, and FH_TURN_EV_MOVED follows; else returns
 * FH_ICE_E_STATE, and only a new client helps.
 */
int fh_turn_moved(struct fh_turn *t, uint64_t now_ms);
/* The server gave a ticket, so fh_turn_moved() can work. */
bool fh_turn_can_move(const struct fh_turn *t);

/* Data of a peer, out of a message of the server. */
struct fh_turn_data {
    struct fh_ice_address peer;
    const uint8_t *data; /* within what was given to fh_turn_input() */
    size_t len;
};

/*
 * A datagram, or one frame of the stream, from fh_turn_server(). data: borrowed.
 * Returns 1 and sets *out if it carries a peer's data, 0 if it was the server's own business;
 * FH_ICE_E_PROTO or FH_ICE_E_AUTH if it was nothing that this client waits for, and it is
 * unchanged.
 */
int fh_turn_input(struct fh_turn *t, uint64_t now_ms, const void *data, size_t len,
                  struct fh_turn_data *out);

/* A message for fh_turn_server(). data: lent until the next call on this client. */
struct fh_turn_message {
    const uint8_t *data;
    size_t len;
};

/* Returns 1, or 0 when there is nothing to send now. */
int fh_turn_output(struct fh_turn *t, uint64_t now_ms, struct fh_turn_message *out);

void fh_turn_tick(struct fh_turn *t, uint64_t now_ms);
/* When to call fh_turn_tick(), and then output and event; UINT64_MAX: never. */
uint64_t fh_turn_deadline(const struct fh_turn *t);

enum fh_turn_event_type {
    FH_TURN_EV_READY,      /* relayed, mapped */
    FH_TURN_EV_REDIRECTED, /* to fh_turn_server(); a stream must be opened there */
    FH_TURN_EV_PERMITTED,  /* peer (its port is 0) */
    FH_TURN_EV_REFUSED,    /* peer: the server does not relay to it; code */
    FH_TURN_EV_BOUND,      /* peer */
    FH_TURN_EV_MOVED,      /* mapped */
    FH_TURN_EV_FAILED,     /* the last one: error, code */
    FH_TURN_EV_CLOSED      /* the last one */
};

struct fh_turn_event {
    enum fh_turn_event_type type;
    struct fh_ice_address relayed[2]; /* IPv4, IPv6; family none where there is none */
    struct fh_ice_address mapped;     /* how the server sees this client: a candidate for free */
    struct fh_ice_address peer;
    int error;     /* FH_ICE_E_AUTH: credentials; FH_ICE_E_LIMIT: quota or capacity; FH_ICE_E_STATE:
                      437, take another local port; FH_ICE_E_LOST; FH_ICE_E_PROTO; FH_ICE_E_FAILED */
    unsigned code; /* ERROR-CODE that the server gave, or 0 */
};

/* Returns 1, or 0 when there is no more. */
int fh_turn_event(struct fh_turn *t, struct fh_turn_event *out);

/* ---- peers ---------------------------------------------------------------------------------- */

/*
 * Ask for a permission, and keep it: RFC 8656 section 9. Before FH_TURN_EV_READY it waits. Asked
 * again for an address that is settled: the same event again, and nothing is sent.
 * Returns 0; FH_ICE_E_LIMIT; FH_ICE_E_ADDRESS if this allocation has no address of that family;
 * FH_ICE_E_STATE after the end.
 */
int fh_turn_permit(struct fh_turn *t, uint64_t now_ms, const struct fh_ice_address *peer);
/* Bind a channel, which is a permission as well: RFC 8656 section 12. Returns as above. */
int fh_turn_bind(struct fh_turn *t, uint64_t now_ms, const struct fh_ice_address *peer);
/* Stop refreshing what was asked for this peer's address, channels included. */
void fh_turn_forget(struct fh_turn *t, const struct fh_ice_address *peer);
/* The same for every address but this peer's; NULL: for all. */
void fh_turn_forget_others(struct fh_turn *t, const struct fh_ice_address *peer);

/*
 * Put a datagram for a peer into what the server must be sent: ChannelData if a channel is bound,
 * else a Send indication. cap: len + FH_TURN_MAX_OVERHEAD is enough.
 * Returns the length; FH_ICE_E_STATE while there is no permission (what would be lost is not sent);
 * FH_ICE_E_ROOM.
 */
int fh_turn_wrap(struct fh_turn *t, uint64_t now_ms, const struct fh_ice_address *peer,
                 const void *data, size_t len, void *mem, size_t cap);

/* Delete the allocation. Data no longer passes. FH_TURN_EV_CLOSED comes within two seconds. */
void fh_turn_close(struct fh_turn *t, uint64_t now_ms);

/* For the next client of this server; empty before it answered. */
void fh_turn_cache(const struct fh_turn *t, struct fh_turn_cache *out);

/* ---- streams -------------------------------------------------------------------------------- */

/* What a stream brought, cut into frames. Zeroed is empty. */
struct fh_turn_frames {
    uint8_t mem[FH_TURN_MAX_FRAME];
    size_t len;  /* bytes in mem */
    size_t used; /* of them, given out as frames */
};

/* Room for the next bytes; never 0. */
uint8_t *fh_turn_frames_in(struct fh_turn_frames *f, size_t *room);
void fh_turn_frames_in_done(struct fh_turn_frames *f, size_t len);
/*
 * The next frame, lent until the next call. Returns 1; 0 if more bytes are needed; FH_ICE_E_PROTO
 * if this is neither STUN nor ChannelData or is too long: close the stream.
 */
int fh_turn_frames_next(struct fh_turn_frames *f, const uint8_t **data, size_t *len);

/* ---- credentials ---------------------------------------------------------------------------- */

enum { FH_TURN_REST_PASSWORD = 29 }; /* characters, zero byte included */

/*
 * Credentials for a limited time from a secret that a service shares with the server ("REST API for
 * access to TURN services"; coturn's use-auth-secret): username "expires:user", password its
 * HMAC-SHA1 in base64.
 * expires: unix time in seconds. username: cap bytes. Returns 0 or FH_ICE_E_ROOM.
 */
int fh_turn_rest_credentials(const void *secret, size_t secret_len, uint64_t expires,
                             const char *user, char *username, size_t cap,
                             char password[FH_TURN_REST_PASSWORD]);

#ifdef __cplusplus
}
#endif

#endif
