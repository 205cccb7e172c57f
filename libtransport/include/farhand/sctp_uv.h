/* SPDX-License-Identifier: MIT */
/*
 * sctp_uv.h -- a struct fh_stream over signed datagrams, on a libuv loop.
 *
 *     fh_sctp_start()          over any path of datagrams, given as a few functions
 *     fh_sctp_datagram()       a datagram arrived; then, once for all that did,
 *     fh_sctp_datagrams_done()
 *     fh_sctp_moved()          the datagrams take another path from now on
 *     fh_sctp_renew()          new secrets for the guard, once the channel above stands
 *     fh_sctp_cancel()         before it is connected
 *
 *     fh_udp_start()           the same over a UDP socket of its own
 *
 * done() gives the stream when the peer has answered. fh_stream_close() without a shutdown aborts;
 * after a shutdown what was written is delivered first, as long as linger_ms. What may wait unsent
 * is bounded by time, so that a slow path makes fh_stream_write() take less.
 *
 * Everything happens in the thread of the loop. Linux and other POSIX systems.
 */
#ifndef FH_SCTP_UV_H
#define FH_SCTP_UV_H

#include <uv.h>

#include <farhand/sctp.h>
#include <farhand/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where datagrams go. A path may lose, repeat and reorder them, and fail in silence. */
struct fh_sctp_path {
    /* Send one, now or by the next flush. data: borrowed. */
    void (*send)(void *user, const uint8_t *data, size_t len);
    /* No more for now. May be NULL. */
    void (*flush)(void *user);
    /* The association is gone: none of the calls below may be made with it. May be NULL. */
    void (*release)(void *user);
    void *user;
};

struct fh_sctp_start_config {
    /* random may be NULL: the system's. */
    struct fh_sctp_config sctp;
    struct fh_sctp_path path;
    const struct fh_address *peer; /* what fh_stream_peer() shows; copied; NULL: none */
    uint32_t open_ms;              /* to connect; 0 = 30000 */
    uint32_t linger_ms;            /* longest close after a shutdown; 0 = 5000 */
    /*
     * The end of connecting, called exactly once, from the loop. error 0: s is connected and taken
     * by the callee. Otherwise s is NULL and error is FH_TRANSPORT_E_TIMEOUT, _RESET, _CANCELLED.
     */
    void (*done)(void *user, struct fh_stream *s, int error);
    /* A raw datagram of the application's own arrived; borrowed. May be NULL. */
    void (*raw)(void *user, const uint8_t *data, size_t len);
    void *user;
};

struct fh_sctp_stream;

/*
 * Returns 0 and the association: done() will be called, and path.release() at its end. It is lent
 * until then. FH_TRANSPORT_E_INVAL, _RESOURCES: neither will.
 */
int fh_sctp_start(uv_loop_t *loop, const struct fh_sctp_start_config *cfg,
                  struct fh_sctp_stream **out);

/*
 * A datagram arrived, of kind FH_DATAGRAM_GUARD; opened in place. From the loop, and not from
 * inside path.send(). Returns 1 if it is the peer's and the newest so far, 0 if it is the peer's,
 * FH_TRANSPORT_E_DENIED if not.
 */
int fh_sctp_datagram(struct fh_sctp_stream *s, uint8_t *data, size_t len);

/* All that arrived was given: act on it. Events may be called from inside, also release(). */
void fh_sctp_datagrams_done(struct fh_sctp_stream *s);

/* As fh_sctp_path_changed(). */
void fh_sctp_moved(struct fh_sctp_stream *s);

/* Give up connecting: done() is called with FH_TRANSPORT_E_CANCELLED soon, from the loop. */
void fh_sctp_cancel(struct fh_sctp_stream *s);

/* As fh_sctp_install(). */
int fh_sctp_renew(struct fh_sctp_stream *s, const uint8_t tx_secret[FH_GUARD_SECRET_LEN],
                  const uint8_t rx_secret[FH_GUARD_SECRET_LEN], enum fh_guard_switch when);

/* Send a raw datagram, at once; false if it is too long for the path. */
bool fh_sctp_send_raw(struct fh_sctp_stream *s, const uint8_t *data, size_t len);

/* The association below, for its info and its guard; lent until release. */
struct fh_sctp *fh_sctp_core(struct fh_sctp_stream *s);

/* ---- over a UDP socket of its own ------------------------------------------------------------ */

struct fh_udp_config {
    const struct fh_address *local; /* IPv4 or IPv6; port 0: the system's choice; borrowed */
    /* Who to send to. NULL: whoever sends the first datagram that is the peer's. */
    const struct fh_address *peer;
    struct fh_sctp_start_config start; /* its path and peer are not looked at */
};

struct fh_udp;

/*
 * Returns 0: done() will be called; the socket is closed with the stream. *out: lent until the
 * stream is closed or done() had an error. FH_TRANSPORT_E_INVAL, _RESOURCES, _IN_USE, ...: not.
 */
int fh_udp_start(uv_loop_t *loop, const struct fh_udp_config *cfg, struct fh_udp **out);

/* What the socket is bound to. */
void fh_udp_address(const struct fh_udp *u, struct fh_address *out);
/* Who to send to from now on; the path is a new one. */
void fh_udp_set_peer(struct fh_udp *u, const struct fh_address *peer);
struct fh_sctp_stream *fh_udp_sctp(struct fh_udp *u);

#ifdef __cplusplus
}
#endif

#endif
