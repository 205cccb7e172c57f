/* SPDX-License-Identifier: MIT */
/*
 * viewer.h -- what the developer of a Viewer app writes against, on a libuv loop.
 *
 *     fh_viewer_new()        identity, callbacks, what to ask for
 *     fh_viewer_connect()    over a stream (fh_tcp_connect of <farhand/tcp.h>)
 *     fh_viewer_conn()       input, clipboard, the picture: viewer_conn.h
 *     fh_viewer_close()
 *
 * With resume_ms, the session outlives its stream: when that is lost, `reconnect` asks for another
 * connection to the same server, which fh_viewer_resume() takes, and the session carries on where
 * it was. What was typed meanwhile is kept and arrives once. A server that does not offer it
 * refuses the connection with FH_TRANSPORT_E_NO_LINK.
 *
 * Such a session may also have several streams at a time, such as a cloud gives: it begins on the
 * one that stands first, fh_viewer_attach() adds the others, and it is always on the best one that
 * works (<farhand/link.h>).
 *
 * With conn.older, the server is one that does not know the channel, and the stream carries no link
 * (resume_ms 0). The key of RSA-AES for this connection is made in libuv's thread pool.
 *
 * The application decides which server is trusted: verify_server is required. Callbacks run on the
 * loop's thread, never inside a call that the application made. Signing and the argon2id of method
 * cpace run in libuv's thread pool. After calls on fh_viewer_conn() that queue bytes, call
 * fh_viewer_flush().
 */
#ifndef FH_VIEWER_H
#define FH_VIEWER_H

#include <uv.h>

#include <farhand/viewer_conn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_stream;    /* <farhand/stream.h> */
struct fh_identity;  /* <farhand/identity.h> */
struct fh_link_info; /* <farhand/link.h> */
struct fh_viewer;

struct fh_viewer_callbacks {
    /*
     * The server proved the identity in ev. What stands behind it? FH_TRUST_NONE: the viewer
     * closes, having sent nothing of itself; ask a person then, and connect again. Required.
     */
    enum fh_trust (*verify_server)(void *user, const struct fh_viewer_conn_event *ev);
    /*
     * Answer with fh_viewer_conn_credentials() and fh_viewer_flush(), or close. NULL: it ends. Does
     * the method need a password? fh_viewer_conn_method() tells which it is.
     */
    void (*credentials)(void *user, unsigned attempt);
    /* Answer with fh_viewer_conn_answer() and fh_viewer_flush(), or close. NULL: it ends. */
    void (*ask)(void *user, const struct fh_viewer_prompt *prompts, size_t n);
    /*
     * The stream was lost. Connect again, to the same server, and give fh_viewer_resume() the
     * stream, or NULL if there is none; it is asked for again then, after 0.5 s, 1 s, 2 s, 4 s, 4 s
     * and so on. attempt: from 1. NULL: the application attaches another by itself.
     */
    void (*reconnect)(void *user, unsigned attempt);
    /* The session carries on. May be NULL. */
    void (*resumed)(void *user);
    /* The session goes another way now: FH_VIEWER_DIRECT or FH_VIEWER_RELAYED. May be NULL. */
    void (*moved)(void *user, int way);
    /*
     * The channel has (new) keys that sign datagrams below it, FH_SESSION_GUARD_KEY_LEN bytes each:
     * of what the viewer sends, and of what the server does; borrowed. Once when it stands, and
     * after each rekey: for fh_path_renew() of <farhand/path_uv.h>, if such a path carries the
     * session. May be NULL.
     */
    void (*keys)(void *user, const uint8_t *client, const uint8_t *server);
    /*
     * All other events, ENDED last and once. Where a link ended it, ended.error is of libtransport:
     * FH_TRANSPORT_E_TIMEOUT if nothing came of reconnecting.
     */
    void (*event)(void *user, const struct fh_viewer_conn_event *ev);
    /*
     * What is worth remembering: for audit_log.h. Also after fh_viewer_close(), until closed().
     * What became of a key that was announced is the application's to record: fh_viewer_describe().
     */
    void (*audit)(void *user, const struct fh_audit_event *ev);
};

struct fh_viewer_config {
    uv_loop_t *loop;
    const struct fh_identity *identity;          /* borrowed until closed */
    const struct fh_viewer_callbacks *callbacks; /* borrowed until closed */
    void *user;
    uint32_t resume_ms; /* how long to try to carry on; 0: the session ends with its stream */
    struct fh_viewer_conn_config conn; /* its random, spki and now_ms are filled in */
};

enum { FH_VIEWER_DIRECT, FH_VIEWER_RELAYED }; /* the better first */

int fh_viewer_new(const struct fh_viewer_config *cfg, struct fh_viewer **out);
/* Starts on a connected stream, which is taken, also on error. Once. */
int fh_viewer_connect(struct fh_viewer *v, struct fh_stream *stream);
/*
 * The answer to `reconnect`: a connected stream, which is taken, also on error; NULL: there is
 * none. FH_SESSION_E_STATE: nothing waits for it.
 */
int fh_viewer_resume(struct fh_viewer *v, struct fh_stream *stream);
/*
 * One more connected stream to the same server, at any time after _connect(); taken, also on error.
 * It is kept until the session runs. Whether it was of use is not told; fh_viewer_link_info() shows
 * it. FH_SESSION_E_STATE: without resume_ms, before _connect() and after the end;
 * FH_SESSION_E_LIMIT: there are too many.
 */
int fh_viewer_attach(struct fh_viewer *v, struct fh_stream *stream, int way);
/* False: there is no link under the session. */
bool fh_viewer_link_info(const struct fh_viewer *v, struct fh_link_info *out);
struct fh_viewer_conn *fh_viewer_conn(struct fh_viewer *v); /* lent; NULL before connect */
void fh_viewer_flush(struct fh_viewer *v);
/*
 * How the server is reached, for the audit: path is a static word, "direct" (so if nothing was
 * said) or "relayed"; cloud is its address in the cloud, copied, NULL: none. Before _connect() it
 * is also the way of the first stream; later it follows the session by itself.
 */
void fh_viewer_set_path(struct fh_viewer *v, const char *path, const char *cloud);
/* Fills all but type, reason and text of a record of the application's own. */
void fh_viewer_describe(const struct fh_viewer *v, struct fh_audit_event *ev);
/* ASYNCHRONOUS: the viewer is freed after closed(). */
void fh_viewer_close(struct fh_viewer *v, void (*closed)(void *user));

#ifdef __cplusplus
}
#endif

#endif
