/* SPDX-License-Identifier: MIT */
/*
 * path_uv.h -- a stream to a peer behind NATs: ICE finds the way, the guard signs each datagram,
 * SCTP makes a stream of them. On a libuv loop (Linux).
 *
 *     fh_path_new()        one at each end; our lines for the peer come as a callback
 *     fh_path_signal()     the peer's lines, in their order
 *     opened()             gives the struct fh_stream, once the peer has answered on it
 *     fh_path_renew()      when the secure channel over it stands, and after each of its rekeys
 *     fh_path_restart()    look for another way, because the network changed or the path is lost
 *     fh_stream_close()    ends it; fh_path_close() before the stream was given
 *
 * Until fh_path_renew() whoever knows the secret, the broker that put the two in touch, could take
 * part in the path: it reaches the parser of SCTP, and the secure channel, which it cannot
 * pretend to be the peer of. Afterwards a datagram that the channel's peer did not sign reaches no
 * parser but that of ICE.
 *
 * Sockets are open from fh_path_new() until closed(). Everything happens in the thread of the loop;
 * callbacks come from the loop, never from inside a call. Not done here: signalling, a choice
 * between several paths (<farhand/link.h> has it), the secure channel.
 */
#ifndef FH_PATH_UV_H
#define FH_PATH_UV_H

#include <uv.h>

#include <farhand/ice_uv.h>
#include <farhand/path.h>
#include <farhand/sctp_uv.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_path;

/* What is known about the way that datagrams take now. */
struct fh_path_info {
    enum fh_ice_state state;
    bool is_known; /* there is a way; else the next four are unset */
    enum fh_ice_candidate_type local_type, remote_type;
    bool is_relayed; /* over a TURN server of ours, or one that the peer told of */
    struct fh_address peer;
    uint32_t rtt_us; /* smoothed; 0 = not measured yet */
    /* The stream's; zeroed before it and after it. */
    struct fh_sctp_info sctp;
    struct fh_guard_counters guard;
    bool is_renewed; /* the peer signs with the newest secrets of fh_path_renew() */
};

struct fh_path_config {
    /* Servers, policy, port; its role and callbacks are not looked at. Borrowed. */
    const struct fh_ice_uv_config *ice;
    /* The viewer is the client: it leads ICE and opens the association. */
    enum fh_role role;
    /* Of this connection alone, the same at both ends, from the signalling; copied. */
    const uint8_t *secret;             /* FH_GUARD_SECRET_LEN bytes */
    uint32_t open_ms;                  /* until the stream stands, or it is given up; 0 = 60000 */
    uint32_t linger_ms;                /* longest close of the stream after a shutdown; 0 = 5000 */
    size_t send_len, recv_len;         /* as in struct fh_sctp_config */
    uint32_t timeout_ms, heartbeat_ms; /* the same */

    /*
     * A line for the peer, zero-terminated, len characters; borrowed. Such lines come before and
     * after opened(): a network that comes later is told too.
     */
    void (*signal)(void *user, const char *line, size_t len);
    /*
     * Called at most once. error 0: the stream stands and is taken by the callee. Otherwise s is
     * NULL, error is FH_CLOUD_E_NO_PATH, _TIMEOUT, _RESET, and closed() follows. Not called after
     * fh_path_close().
     */
    void (*opened)(void *user, struct fh_stream *s, int error);
    /* fh_path_info() is another one: state or way changed. May be NULL. */
    void (*changed)(void *user, const struct fh_path_info *info);
    /* All is released, sockets too, and p is freed just after this. Called exactly once. */
    void (*closed)(void *user);
    void *user;
};

/* Returns 0; FH_CLOUD_E_INVAL, _RESOURCES, _SYSTEM: no callback is called. */
int fh_path_new(uv_loop_t *loop, const struct fh_path_config *cfg, struct fh_path **out);

/*
 * A line of the peer, without its line break; borrowed. Returns 0, also for a candidate that is not
 * used here; FH_CLOUD_E_PROTO: it makes no sense, _STATE: not now (a second hello, a description
 * before the hello); the path is as it was.
 */
int fh_path_signal(struct fh_path *p, const char *line, size_t len);

/* New ICE credentials and candidates, which go to the peer as lines; data goes on meanwhile. */
void fh_path_restart(struct fh_path *p);

/*
 * New secrets for the guard: what fh_channel_guard_key() gives for each sender. Both ends call it
 * once the channel over this stream stands, and after each rekey. FH_CLOUD_E_STATE: there is no
 * stream; _INVAL: the two are the same.
 */
int fh_path_renew(struct fh_path *p, const uint8_t client_secret[FH_GUARD_SECRET_LEN],
                  const uint8_t server_secret[FH_GUARD_SECRET_LEN]);

void fh_path_info(const struct fh_path *p, struct fh_path_info *out);

/*
 * Give up before the stream was given: closed() follows, nothing else does. Afterwards without
 * effect: close the stream.
 */
void fh_path_close(struct fh_path *p);

#ifdef __cplusplus
}
#endif

#endif
