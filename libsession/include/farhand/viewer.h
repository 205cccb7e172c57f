/* SPDX-License-Identifier: MIT */
/*
 * viewer.h -- what the developer of a Viewer app writes against, on a libuv loop.
 *
 *     fh_viewer_new()        identity, callbacks, what to ask for
 *     fh_viewer_connect()    over a stream (fh_tcp_connect of <farhand/tcp.h>)
 *     fh_viewer_conn()       input, clipboard, the picture: viewer_conn.h
 *     fh_viewer_close()
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

struct fh_stream;   /* <farhand/stream.h> */
struct fh_identity; /* <farhand/identity.h> */
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
    /* All other events, ENDED last and once. */
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
    struct fh_viewer_conn_config conn; /* its random, spki and now_ms are filled in */
};

int fh_viewer_new(const struct fh_viewer_config *cfg, struct fh_viewer **out);
/* Starts on a connected stream, which is taken, also on error. Once. */
int fh_viewer_connect(struct fh_viewer *v, struct fh_stream *stream);
struct fh_viewer_conn *fh_viewer_conn(struct fh_viewer *v); /* lent; NULL before connect */
void fh_viewer_flush(struct fh_viewer *v);
/*
 * How the server is reached, for the audit: path is a static word, "direct" (so if nothing was
 * said) or "relayed"; cloud is its address in the cloud, copied, NULL: none.
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
