/* SPDX-License-Identifier: MIT */
/*
 * tls.h -- the client's side of TLS, between bytes of the socket and bytes of TURN. Never
 * installed.
 *
 * No socket of its own: what the socket brings goes into fh__tls_input(), what it must send comes
 * out of send(). The server proves its name by a certificate; there is no way around that.
 */
#ifndef FH_ICE_UV_TLS_H
#define FH_ICE_UV_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fh__tls;

struct fh__tls_config {
    const char *name;   /* that the certificate must have; copied */
    const char *ca_pem; /* certificates that are trusted, zero-terminated; NULL: the system's */
    void *user;
    /* Ciphertext for the socket. Returns 0, or FH_ICE_E_* if it cannot take it. */
    int (*send)(void *user, const uint8_t *data, size_t len);
    /* Plain bytes of the server. */
    void (*plain)(void *user, const uint8_t *data, size_t len);
    void (*opened)(void *user); /* the handshake is done */
};

/* Returns 0; FH_ICE_E_RESOURCES; FH_ICE_E_INVAL: nothing to trust, or no name. */
int fh__tls_new(const struct fh__tls_config *cfg, struct fh__tls **out);
void fh__tls_free(struct fh__tls *t);

/*
 * Bytes of the socket; none at all, once, to begin. Calls send(), opened() and plain() from inside,
 * which must not free t. Returns 0; FH_ICE_E_AUTH: the server did not prove its name;
 * FH_ICE_E_PROTO; FH_ICE_E_LOST: it said goodbye. After an error the stream is of no more use.
 */
int fh__tls_input(struct fh__tls *t, const uint8_t *data, size_t len);

/* Returns 0; FH_ICE_E_STATE before opened(); what send() said; FH_ICE_E_PROTO. */
int fh__tls_write(struct fh__tls *t, const uint8_t *data, size_t len);

#endif
