/* SPDX-License-Identifier: MIT */
/*
 * tcp.h -- streams over TCP and unix sockets, on a libuv loop.
 *
 *     fh_tcp_listen()            accept on a list of addresses
 *     fh_tcp_listener_pause()    stop accepting for a while; _resume()
 *     fh_tcp_listener_close()    asynchronous
 *     fh_tcp_open()              a stream of a socket that was accepted elsewhere
 *     fh_tcp_connect()           connect to a host or path; Happy Eyeballs (RFC 8305)
 *     fh_tcp_connect_cancel()
 *
 * All give a struct fh_stream, which <farhand/stream.h> explains. Sockets are set to TCP_NODELAY,
 * keep-alive and (Linux) TCP_USER_TIMEOUT, and are not inherited by children. The program must
 * ignore SIGPIPE, as every program on libuv.
 *
 * Everything happens in the thread of the loop, but for getaddrinfo(), which runs in libuv's pool.
 * Not done here: TLS (<farhand/tls_uv.h>), proxies (<farhand/proxy_uv.h>), names in scripts other
 * than ASCII (write their xn-- form), Windows.
 */
#ifndef FH_TCP_H
#define FH_TCP_H

#include <uv.h>

#include <farhand/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A zeroed one means the defaults. */
struct fh_tcp_options {
    size_t queue_len;         /* bytes written that a stream holds; 0 = 256 KiB, at most 1 GiB */
    uint32_t user_timeout_ms; /* unacknowledged for so long: broken, _TIMEOUT; 0 = 30000 */
    uint32_t linger_ms;       /* longest close after a shutdown, see fh_stream_close(); 0 = 5000 */
    uint32_t keepalive_s;     /* first probe after so much silence; 0 = 60 */
};

/* Room for the texts that explain a failure. */
enum { FH_TCP_WHY = 256 };

struct fh_tcp_listener;

struct fh_tcp_listen_config {
    /* As fh_address_parse_listen() reads them; at least one. Borrowed during fh_tcp_listen(). */
    const char *const *addresses;
    size_t addresses_len;
    int backlog;          /* 0 = 128 */
    unsigned socket_mode; /* of unix sockets that are made here; 0 = 0600 */
    uint32_t retry_ms;    /* pause after descriptors or memory ran out; 0 = 250 */
    struct fh_tcp_options options;
    /*
     * Somebody connected; s is taken by the callee, who attaches or closes it. The address says
     * who. May pause or close the listener.
     */
    void (*accept)(void *user, struct fh_stream *s);
    /*
     * Instead of accept(), for programs that give the socket to another process: fd is taken by the
     * callee; it does not block and is not inherited. peer: borrowed. One of the two is set.
     */
    void (*accept_fd)(void *user, int fd, const struct fh_address *peer);
    /*
     * Accepting failed (FH_TRANSPORT_E_RESOURCES, _SYSTEM) and is tried again every retry_ms; told
     * once until it worked again. Connections wait in the backlog. text: borrowed. May be NULL.
     */
    void (*trouble)(void *user, int error, const char *text);
    void *user;
};

/*
 * Listen on all addresses of cfg, or on none.
 *
 * IPv4 and IPv6 sockets are separate (IPV6_V6ONLY), so "0.0.0.0:5900" and "[::]:5900" stand side by
 * side; "*:5900" is both, and either one where the machine lacks the other. A unix socket left over
 * by a dead process is replaced, one that answers is not (FH_TRANSPORT_E_IN_USE); a file that is no
 * socket is never touched. The path is removed when the listener is closed. "systemd" takes the
 * sockets that systemd passed to this process (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES) and then
 * removes these variables from the environment; "systemd:NAME" takes those of that name. They
 * must be listening stream sockets.
 *
 * why: room bytes, at least one; gets a sentence when it fails (FH_TCP_WHY is enough). May be NULL.
 * Returns 0 and a listener; FH_TRANSPORT_E_*: nothing listens, no callback is ever called.
 */
int fh_tcp_listen(uv_loop_t *loop, const struct fh_tcp_listen_config *cfg,
                  struct fh_tcp_listener **out, char *why, size_t room);

/* How many sockets it listens on: at least one for each address. */
size_t fh_tcp_listener_count(const struct fh_tcp_listener *l);

/*
 * What socket i is bound to, with the port that the system chose; for a unix socket the family
 * only. i < fh_tcp_listener_count().
 */
void fh_tcp_listener_address(const struct fh_tcp_listener *l, size_t i, struct fh_address *out);

/* Stop accepting; who connects waits in the backlog. Effective at once. Twice is fine. */
void fh_tcp_listener_pause(struct fh_tcp_listener *l);
void fh_tcp_listener_resume(struct fh_tcp_listener *l);

/*
 * CLOSING IS ASYNCHRONOUS. Nobody is accepted after this call; streams accepted before live on.
 * closed(user), which may be NULL, is called from the loop once the sockets are closed; the
 * listener is freed just after that. Only the first call counts.
 */
void fh_tcp_listener_close(struct fh_tcp_listener *l, void (*closed)(void *user), void *user);

/*
 * A stream of a connected socket, such as accept_fd() gave, perhaps in another process. fd is
 * taken, also on error. peer: who is at the other end (FH_ADDRESS_IPV4, _IPV6, _UNIX), copied; its
 * family says what kind of socket it is. options: NULL for the defaults.
 * Returns 0 and a stream; FH_TRANSPORT_E_INVAL, _RESOURCES, _SYSTEM.
 */
int fh_tcp_open(uv_loop_t *loop, int fd, const struct fh_address *peer,
                const struct fh_tcp_options *options, struct fh_stream **out);

struct fh_tcp_connecting;

struct fh_tcp_connect_config {
    uint32_t attempt_delay_ms;    /* RFC 8305 section 5; 0 = 250 */
    uint32_t resolution_delay_ms; /* RFC 8305 section 3; 0 = 50 */
    uint32_t timeout_ms;          /* for all of it; 0 = 30000 */
    struct fh_tcp_options options;
    /*
     * If not NULL, used for a FH_TARGET_HOST instead of asking the resolver, in this order within
     * each family; the target's port counts. Borrowed during fh_tcp_connect().
     */
    const struct fh_address *resolved;
    size_t resolved_len;
    /*
     * The end of it, called exactly once, from the loop. error 0: s is connected and taken by the
     * callee. Otherwise s is NULL, error is FH_TRANSPORT_E_* (the last attempt's; _TIMEOUT,
     * _RESOLVE, _CANCELLED) and text says which address failed and why: borrowed, printable, made
     * of addresses and the system's texts only.
     */
    void (*done)(void *user, struct fh_stream *s, int error, const char *text);
    void *user;
};

/*
 * Connect to what fh_address_parse_viewer() gave (FH_TARGET_IP, _HOST, _UNIX). to, cfg: borrowed
 * until return. out: may be NULL; lent until done() is called, for fh_tcp_connect_cancel().
 * Returns 0: done() will be called. FH_TRANSPORT_E_INVAL, _RESOURCES: it will not.
 *
 * Addresses are tried in turn, IPv6 first and families alternating, the next one 250 ms after the
 * last began or as soon as one failed; the first connection wins and the others are closed.
 */
int fh_tcp_connect(uv_loop_t *loop, const struct fh_target *to,
                   const struct fh_tcp_connect_config *cfg, struct fh_tcp_connecting **out);

/*
 * Give up: done() is called with FH_TRANSPORT_E_CANCELLED soon, from the loop. A question that the
 * resolver's thread is busy with keeps the loop alive until it is answered, but nobody hears of it.
 */
void fh_tcp_connect_cancel(struct fh_tcp_connecting *c);

#ifdef __cplusplus
}
#endif

#endif
