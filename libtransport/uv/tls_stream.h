/* SPDX-License-Identifier: MIT */
/* tls_stream.h -- what the handshake and the stream after it share. */
#ifndef FH_TLS_STREAM_H
#define FH_TLS_STREAM_H

#include "tls_internal.h"

/* ---- tls_stream.c --------------------------------------------------------------------------- */

void fh__tls_stream_init(struct fh__tls *t);
void fh__tls_attach_below(struct fh__tls *t);
void fh__tls_run(struct fh__tls *t); /* from the loop: whatever can go on */
void fh__tls_run_soon(struct fh__tls *t);
/* What is held goes down as far as there is room. Returns 0, or what the stream below said. */
int fh__tls_flush(struct fh__tls *t);
/* Close without an owner who waits for it. */
void fh__tls_abandon(struct fh__tls *t);

/* Nothing more will arrive; told behind the last byte. Only the first counts. */
void fh__tls_end(struct fh__tls *t, int error);
/* Gives the owner plain bytes, and keeps what he does not take. False: there is no memory for it.
 */
bool fh__tls_give(struct fh__tls *t, const uint8_t *data, size_t len);

/* mbedTLS's callbacks. */
int fh__tls_bio_send(void *user, const unsigned char *data, size_t len);
int fh__tls_bio_recv(void *user, unsigned char *out, size_t len);

/* ---- tls_start.c ---------------------------------------------------------------------------- */

/* Goes on as far as what arrived allows; ends with done() once. */
void fh__tls_handshake(struct fh__tls *t);
void fh__tls_fail(struct fh__tls *t, int error, const char *text);

#endif
