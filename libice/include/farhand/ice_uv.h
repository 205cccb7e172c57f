/* SPDX-License-Identifier: MIT */
/*
 * ice_uv.h -- an ICE agent with its sockets, on a libuv loop (Linux).
 *
 *     fh_ice_uv_new()            our description and candidates come as callbacks
 *     fh_ice_uv_set_remote()     the peer's; fh_ice_uv_add_remote(), _end_remote() for the rest
 *     fh_ice_uv_send()           once the state is CONNECTED
 *     fh_ice_uv_restart()        the path is lost, or the application wants a better one
 *     fh_ice_uv_close()          asynchronous
 *
 * A connection opens one UDP socket for all local addresses, IPv4 and IPv6, when it is made, and
 * closes it with itself; besides it only a socket for each TURN server that is in use. Several
 * connections may share one port instead (fh_ice_uv_port_open()), which is open as long as they or
 * its owner need it. Addresses that come and go are noticed; names are resolved in libuv's pool,
 * both families at once; datagrams are taken and sent in batches.
 *
 * Everything happens in the thread of the loop; callbacks come from the loop, never from inside a
 * call. Not done here: signalling, encryption, Windows.
 */
#ifndef FH_ICE_UV_H
#define FH_ICE_UV_H

#include <uv.h>

#include <farhand/ice.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_ICE_UV_MAX_STUN = 4,
    FH_ICE_UV_MAX_TURN = 4,
    FH_ICE_UV_MAX_DATAGRAM =
        2048,                 /* bytes of a datagram that is received; longer ones are dropped */
    FH_ICE_UV_PORT_MAX = 1024 /* connections on one port */
};

/* ---- a port for several connections --------------------------------------------------------- */

struct fh_ice_uv_port;

/*
 * Open one UDP port on all addresses, for connections that name it. number: 0 lets the system
 * choose. Returns 0 and a port; FH_ICE_E_RESOURCES, FH_ICE_E_SYSTEM (it is in use).
 */
int fh_ice_uv_port_open(uv_loop_t *loop, uint16_t number, struct fh_ice_uv_port **out);
uint16_t fh_ice_uv_port_number(const struct fh_ice_uv_port *p);
/*
 * CLOSING IS ASYNCHRONOUS. The owner needs it no longer: the socket closes with the last connection
 * on it, now if there is none. closed, which may be NULL, is called from the loop after that.
 */
void fh_ice_uv_port_close(struct fh_ice_uv_port *p, void (*closed)(void *user), void *user);

/* ---- a connection --------------------------------------------------------------------------- */

struct fh_ice_uv_server {
    const char *host; /* a name, or an address */
    uint16_t port;    /* 0 = 3478, over TLS 5349 */
};

/* The default port over TLS is 5349 (RFC 8656 section 18). */
enum fh_ice_uv_carrier { FH_ICE_UV_UDP, FH_ICE_UV_TCP, FH_ICE_UV_TLS };

struct fh_ice_uv_turn {
    struct fh_ice_uv_server server;
    enum fh_ice_uv_carrier carrier;
    const char *username, *password; /* UTF-8 in Unicode's form NFC */
    /* Of FH_ICE_UV_TLS: the name that the server's certificate must have (NULL: server.host), and
     * the certificates that are trusted, as PEM (NULL: those of the system); they must stay there
     * until the connection is closed. */
    const char *tls_name, *ca_pem;
};

struct fh_ice_uv;

/* Zeroed but for role and callbacks it means the defaults. All of it is borrowed by _new(). */
struct fh_ice_uv_config {
    enum fh_ice_role role;
    enum fh_ice_policy policy;
    bool allow_loopback; /* tests: loopback addresses are candidates */
    bool only_loopback;  /* tests: and no others are */
    uint32_t ta_ms; /* between checks; 0 = 20, which is 50 kbit/s at most (RFC 8445 14.2 would have
                       50) */
    bool map_port;  /* ask the gateway to map the port (PCP, NAT-PMP); not on a shared one */
    struct fh_ice_uv_port *port; /* NULL: one of its own */
    const struct fh_ice_uv_server *stun;
    size_t stun_len; /* at most FH_ICE_UV_MAX_STUN */
    const struct fh_ice_uv_turn *turn;
    size_t turn_len;                      /* at most FH_ICE_UV_MAX_TURN */
    const struct fh_ice_address *refused; /* hosts that no candidate may point to: the broker */
    size_t refused_len;                   /* at most FH_ICE_MAX_REFUSED */

    /*
     * Our offer or answer, at first and after each restart: to be signalled. d: borrowed.
     * Candidates that are not in it yet follow one by one. May be NULL: see
     * fh_ice_uv_description().
     */
    void (*description)(void *user, const struct fh_ice_description *d);
    /*
     * One more candidate of ours, with the user fragment it belongs to; c NULL: there are no more
     * (the end of candidates). What a gateway or a new network brings may follow all the same:
     * nothing waits for it. May be NULL.
     */
    void (*candidate)(void *user, const struct fh_ice_candidate *c, const char *ufrag);
    /* The state changed. error: of FH_ICE_FAILED. */
    void (*state)(void *user, enum fh_ice_state state, int error);
    /* Data goes another way. May be NULL. */
    void (*path)(void *user, const struct fh_ice_path *path);
    /*
     * A datagram that is no STUN. data: borrowed. is_stranger: it came from where the peer has not
     * proved to be: to be taken only if a MAC of its own proves it, and dropped otherwise.
     */
    void (*received)(void *user, const uint8_t *data, size_t len, bool is_stranger);
    /* After a batch of received(). May be NULL. */
    void (*batch_end)(void *user);
    void *user;
};

/*
 * Make a connection and begin to look for candidates. Returns 0; FH_ICE_E_INVAL; FH_ICE_E_RESOURCES
 * (memory, descriptors), FH_ICE_E_LIMIT (the port is full), FH_ICE_E_SYSTEM: no callback is called.
 */
int fh_ice_uv_new(uv_loop_t *loop, const struct fh_ice_uv_config *cfg, struct fh_ice_uv **out);

/* Our side as it is now; fh_ice_agent_description(). */
void fh_ice_uv_description(const struct fh_ice_uv *u, struct fh_ice_description *out);

/* As fh_ice_agent_set_remote(), _add_remote(), _end_remote(), _restart(). */
int fh_ice_uv_set_remote(struct fh_ice_uv *u, const struct fh_ice_description *d);
int fh_ice_uv_add_remote(struct fh_ice_uv *u, const struct fh_ice_candidate *c, const char *ufrag);
void fh_ice_uv_end_remote(struct fh_ice_uv *u);
void fh_ice_uv_restart(struct fh_ice_uv *u);

/*
 * Send len bytes, 1 to FH_ICE_UV_MAX_DATAGRAM, that do not look like STUN (first byte above 3).
 * Returns 0: given to the system; FH_ICE_E_STATE: there is no path; FH_ICE_E_LIMIT: the socket's
 * buffer is full, or it is too long for the path: lost; FH_ICE_E_INVAL.
 */
int fh_ice_uv_send(struct fh_ice_uv *u, const void *data, size_t len);
/*
 * The same for n datagrams, by one system call where that is possible. Returns how many of them
 * were given to the system, from the first on (the others are lost or not: the caller's choice), or
 * as above if it was none.
 */
int fh_ice_uv_send_many(struct fh_ice_uv *u, const uv_buf_t *list, size_t n);

enum fh_ice_state fh_ice_uv_state(const struct fh_ice_uv *u);
enum fh_ice_role fh_ice_uv_role(const struct fh_ice_uv *u);
/* fh_ice_agent_path(): false if there is none. */
bool fh_ice_uv_path(const struct fh_ice_uv *u, struct fh_ice_path *out);
void fh_ice_uv_stats(const struct fh_ice_uv *u, struct fh_ice_stats *out);

/*
 * CLOSING IS ASYNCHRONOUS. No callback of the config is called after this; TURN servers are told,
 * which takes a round trip and at most two seconds. Then closed(user), which may be NULL, is called
 * from the loop, and the connection is freed just after it. Only the first call counts.
 */
void fh_ice_uv_close(struct fh_ice_uv *u, void (*closed)(void *user), void *user);

#ifdef __cplusplus
}
#endif

#endif
