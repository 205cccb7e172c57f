/* SPDX-License-Identifier: MIT */
/*
 * cloud_uv.h -- an endpoint of a cloud on a libuv loop (Linux): signs in, and gives streams to and
 * from other endpoints, through a relay or straight, whichever stands.
 *
 *     fh_cloud_new()          signs in, and stays signed in
 *     fh_cloud_connect()      viewer: to an address
 *     fh_cloud_accept()       server: after incoming(); or fh_cloud_reject()
 *     fh_cloud_conn_renew()   when the secure channel stands, and after each of its rekeys
 *     fh_cloud_conn_retry()   look again for every way that has no stream
 *     fh_cloud_conn_close()
 *     fh_cloud_close()
 *
 * A connection yields streams, one each time a way stands: the relay's first as a rule, the direct
 * one when ICE has found it, another when one of them was lost. All of them lead to the same peer,
 * and none of them is trusted: give them to a link (<farhand/link.h>; the viewer attaches, with
 * rank 0 for FH_CLOUD_DIRECT and 1 for FH_CLOUD_RELAY), and run the secure channel on it with
 * fh_cloud_conn_session_ref() and fh_cloud_conn_secret(). Whoever the channel shows must have the
 * SPKI of peer(): anybody else is refused, whatever the cloud says.
 *
 * When the cloud is lost a connection lives on as long as it has a stream; there is only nobody
 * then to help it find another one.
 *
 * Everything happens in the thread of the loop, but for signatures of an identity, which a worker
 * makes. Callbacks come from the loop, never from inside a call. The program must ignore SIGPIPE.
 */
#ifndef FH_CLOUD_UV_H
#define FH_CLOUD_UV_H

#include <uv.h>

#include <farhand/cloud_client.h>
#include <farhand/path_uv.h>
#include <farhand/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_cloud;
struct fh_cloud_conn;
struct fh_proxy; /* <farhand/proxy.h> */

enum fh_cloud_way { FH_CLOUD_RELAY, FH_CLOUD_DIRECT };

enum fh_cloud_policy {
    FH_CLOUD_ANY,         /* both start together */
    FH_CLOUD_ONLY_DIRECT, /* nothing through the relay */
    FH_CLOUD_ONLY_RELAY   /* the peer does not learn our addresses */
};

/* Who asks, and what the cloud says of him. Borrowed. */
struct fh_cloud_asker {
    const struct fh_cloud_peer *peer; /* verified */
    const struct fh_broker_text *groups;
    size_t groups_len;
};

struct fh_cloud_config {
    const struct fh_cloud_service *service; /* copied */
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    const uint8_t *password; /* as in struct fh_cloud_client_config; copied, as the next ones */
    const uint8_t *seal_secret, *statement;
    size_t statement_len;
    const char *checkpoint;
    size_t checkpoint_len;
    uint8_t roles;
    const char *program;
    size_t conns_max;

    /*
     * Who signs. identity: its key is copied. Or NULL: then spki, copied, and sign(), which is
     * asked for a signature of digest for a purpose, and is answered with fh_cloud_signed(), from
     * inside or later.
     */
    const struct fh_identity *identity;
    const uint8_t *spki;
    size_t spki_len;
    void (*sign)(void *user, enum fh_identity_purpose purpose,
                 const uint8_t digest[FH_CLOUD_DIGEST_LEN], uint32_t serial);

    const struct fh_proxy *proxy; /* for all of TCP; copied; NULL: none */
    /*
     * Of direct ways: policy, port, gateway; STUN and TURN servers beside those that the cloud
     * names. Role and callbacks are not looked at. NULL: the defaults. Lent until closed().
     */
    const struct fh_ice_uv_config *ice;
    size_t send_len, recv_len; /* as in struct fh_path_config */
    /* Until a connection has a first stream; 0 = 60000. At most 5 s when nobody signals any more.
     */
    uint32_t open_ms;

    /* Any of these may be NULL but closed(). */
    void (*online)(void *user, uint8_t roles, const char *host);
    /*
     * retry_ms: until it connects again; UINT64_MAX: it does not (FH_CLOUD_E_REFUSED, _REPLACED,
     * _FORK, _CANCELLED). why: printable, borrowed, with nothing in it that the cloud chose.
     */
    void (*offline)(void *user, int error, uint64_t retry_ms, const char *why);
    /* To be kept, for the next config. Borrowed. */
    void (*statement_made)(void *user, const uint8_t *statement, size_t len);
    void (*checkpoint_seen)(void *user, const char *checkpoint, size_t len);
    /* The cloud's log shows two histories. Two signed notes prove it: keep them, and be loud. */
    void (*fork)(void *user, const char *kept, size_t kept_len, const char *seen, size_t seen_len);
    void (*clock)(void *user, int64_t skew_ms); /* of the cloud's clock against ours */
    void (*peer_state)(void *user, const uint8_t address[FH_CLOUD_ADDRESS_LEN], bool is_online);
    /*
     * Somebody asks. conn is lent until it is rejected or closed; answer within a minute, from
     * inside or later. NULL: everybody is rejected.
     */
    void (*incoming)(void *user, struct fh_cloud_conn *conn, const struct fh_cloud_asker *who);
    /* One that was not answered is gone: conn must not be used any more. */
    void (*withdrawn)(void *user, struct fh_cloud_conn *conn);
    /* All is released. Called once; the cloud is freed just after it. */
    void (*closed)(void *user);
    void *user;
};

/* Returns 0; FH_CLOUD_E_INVAL, _RESOURCES: no callback is called. cfg: borrowed. */
int fh_cloud_new(uv_loop_t *loop, const struct fh_cloud_config *cfg, struct fh_cloud **out);

/*
 * CLOSING IS ASYNCHRONOUS. Connections are closed with it (closed() of each comes); streams that
 * were given live on.
 */
void fh_cloud_close(struct fh_cloud *u);

/* Sign in again now: after a final offline(), or because the network came back. */
void fh_cloud_wake(struct fh_cloud *u);

/* serial: of sign(). len 0: it will not be signed. */
void fh_cloud_signed(struct fh_cloud *u, uint32_t serial, const uint8_t *sig, size_t len);

bool fh_cloud_is_online(const struct fh_cloud *u);

/* n addresses one after the other, instead of those before; copied. FH_CLOUD_E_INVAL, _BUSY. */
int fh_cloud_watch(struct fh_cloud *u, const uint8_t *addresses, size_t n);

/* ---- connections ------------------------------------------------------------------------------
 */

struct fh_cloud_conn_events {
    /*
     * Viewer: whom the address belongs to, before anything is sent to him. Close the connection if
     * its fingerprint is not the known one. May be NULL.
     */
    void (*peer)(void *user, const struct fh_cloud_peer *peer);
    /* s is taken by the callee, who attaches or closes it. */
    void (*stream)(void *user, struct fh_stream *s, enum fh_cloud_way way);
    /* fh_cloud_conn_info() is another one. May be NULL. */
    void (*changed)(void *user);
    /*
     * No stream stands, and none will come. Called at most once; the callee closes the connection.
     * FH_CLOUD_E_ABSENT, _REFUSED, _BUSY, _AUTH, _LOG, _NO_PATH, _TIMEOUT, _OFFLINE, _RESET.
     */
    void (*ended)(void *user, int error);
    /* All is released, and the connection is freed just after this. Called once. May be NULL. */
    void (*closed)(void *user);
};

/*
 * events: lent until closed(). Returns 0 and a connection; FH_CLOUD_E_OFFLINE, _REFUSED, _BUSY,
 * _INVAL, _RESOURCES: no callback is called.
 */
int fh_cloud_connect(struct fh_cloud *u, const uint8_t address[FH_CLOUD_ADDRESS_LEN],
                     enum fh_cloud_policy policy, const struct fh_cloud_conn_events *events,
                     void *user, struct fh_cloud_conn **out);

/* Returns 0; FH_CLOUD_E_STATE: it is gone, withdrawn() comes or came; _BUSY: try again. */
int fh_cloud_accept(struct fh_cloud_conn *conn, enum fh_cloud_policy policy,
                    const struct fh_cloud_conn_events *events, void *user);
/* conn must not be used any more. */
void fh_cloud_reject(struct fh_cloud_conn *conn, enum fh_broker_reason reason);

/* Who it is: NULL before peer(). Lent until closed(). */
const struct fh_cloud_peer *fh_cloud_conn_peer(const struct fh_cloud_conn *conn);
/* FH_CLOUD_CONN_LEN and FH_BROKER_SECRET_LEN bytes; from the first stream on. Lent. */
const uint8_t *fh_cloud_conn_session_ref(const struct fh_cloud_conn *conn);
const uint8_t *fh_cloud_conn_secret(const struct fh_cloud_conn *conn);

/* As fh_path_renew(), for the direct way if there is one and for those that come. */
int fh_cloud_conn_renew(struct fh_cloud_conn *conn,
                        const uint8_t client_secret[FH_GUARD_SECRET_LEN],
                        const uint8_t server_secret[FH_GUARD_SECRET_LEN]);

/*
 * Viewer: ask for a stream of every way that has none, now; otherwise this is done with pauses. A
 * direct way that stands looks for a better one (ICE restart). Without effect at the server.
 */
void fh_cloud_conn_retry(struct fh_cloud_conn *conn);

struct fh_cloud_conn_info {
    bool is_signalled; /* the cloud helps: it is signed in, and the peer has not ended it */
    bool has_relay;    /* a stream through a relay stands */
    char relay_host[FH_CLOUD_HOST_TEXT];
    uint16_t relay_port;
    bool has_direct; /* a direct stream stands */
    bool has_path;   /* path is set: looked for, or standing */
    struct fh_path_info path;
    unsigned relays, directs; /* streams that were given so far */
};

void fh_cloud_conn_info(const struct fh_cloud_conn *conn, struct fh_cloud_conn_info *out);

/*
 * CLOSING IS ASYNCHRONOUS. The peer and the cloud are told. No event comes after this but closed().
 * Streams that were given live on.
 */
void fh_cloud_conn_close(struct fh_cloud_conn *conn);

#ifdef __cplusplus
}
#endif

#endif
