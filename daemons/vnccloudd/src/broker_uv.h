/* SPDX-License-Identifier: MIT */
/*
 * broker_uv.h -- the broker's clients on streams.
 *
 *     fh__broker_uv_new()
 *     fh__broker_uv_accept()   an acceptor of front.h
 *     fh__broker_uv_drain()    all are sent away
 *     fh__broker_uv_close()    asynchronous
 */
#ifndef FH__BROKER_UV_H
#define FH__BROKER_UV_H

#include <farhand/stream.h>

#include "broker.h"
#include "doorstep.h"

struct fh__broker_uv;

/* The hooks send, ready, signed_in and close; the others are the caller's. */
void fh__broker_uv_hooks(struct fh__broker_hooks *hooks);
/* All are lent until it is closed. NULL: no memory. */
struct fh__broker_uv *fh__broker_uv_new(struct fh__broker *b, struct fh__doorstep *d);
void fh__broker_uv_accept(void *user, struct fh_stream *s, const struct fh_address *peer);
/* The same, of a stream without TLS: for tests. */
void fh__broker_uv_serve(struct fh__broker_uv *u, struct fh_stream *s,
                         const struct fh_address *peer,
                         const uint8_t binding[FH_CLOUD_BINDING_LEN]);
/* Who is at the other end; conn: as in struct fh__client_info. */
void fh__broker_uv_peer(const void *conn, char *out, size_t room);
/* ASYNCHRONOUS: what was said goes out, then closed(user), and it is freed. The broker stays. */
void fh__broker_uv_close(struct fh__broker_uv *u, void (*closed)(void *user), void *user);

#endif
