/* SPDX-License-Identifier: MIT */
/*
 * http_conn.h -- HTTP over streams: whatever carries them, TLS or a unix socket.
 *
 *     fh__http_server_new()
 *     fh__http_serve()          a stream whose peer is to be answered
 *     fh__http_conn_reply()     exactly once for each call of the handler, then or later
 *     fh__http_server_drain()   who is idle is sent away, who waits for an answer gets it
 *     fh__http_server_close()   asynchronous
 *
 * A peer has so long to say what it wants and to take the answer. Memory for each connection is
 * bounded: one request, one answer.
 */
#ifndef FH_VNCCLOUDD_HTTP_CONN_H
#define FH_VNCCLOUDD_HTTP_CONN_H

#include <uv.h>

#include <farhand/stream.h>

#include "http.h"

struct fh__http_server;
struct fh__http_conn;

/* Where somebody came in: what he may ask for, and how he says who he is. */
enum fh__door {
    FH__DOOR_PUBLIC,  /* TLS */
    FH__DOOR_CONTROL, /* a unix socket; the operator, by his user */
    FH__DOOR_METRICS, /* plain, an address of the administrator's choice: health and numbers only */
    FH__DOORS
};

struct fh__http_server_config {
    uv_loop_t *loop;
    unsigned max;                            /* connections at each door; 0: 1024 */
    uint32_t idle_ms, request_ms, answer_ms; /* 0: 60 s, 15 s, 60 s */
    unsigned requests;                       /* of one connection; 0: 1000 */
    uint64_t (*utc_ms)(void);
    /* r: lent until the reply. */
    void (*handle)(void *user, struct fh__http_conn *c, const struct fh__http_request *r);
    /* The answer to what is no request, or too much. */
    void (*refuse)(void *user, unsigned status, struct fh__http_reply *out);
    void *user;
};

struct fh__http_server *fh__http_server_new(const struct fh__http_server_config *cfg);
void fh__http_server_drain(struct fh__http_server *s);
void fh__http_server_close(struct fh__http_server *s, void (*closed)(void *user), void *user);
unsigned fh__http_server_count(const struct fh__http_server *s);

/* stream: taken. peer: copied. */
void fh__http_serve(struct fh__http_server *s, struct fh_stream *stream,
                    const struct fh_address *peer, enum fh__door door);

/* reply: its body and descriptor are taken. */
void fh__http_conn_reply(struct fh__http_conn *c, struct fh__http_reply *reply);
const struct fh_address *fh__http_conn_peer(const struct fh__http_conn *c);
enum fh__door fh__http_conn_door(const struct fh__http_conn *c);

#endif
