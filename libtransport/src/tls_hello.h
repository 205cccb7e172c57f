/* SPDX-License-Identifier: MIT */
/*
 * tls_hello.h -- reads along with the first handshake message of a TLS peer, ClientHello or
 * ServerHello, for what the TLS library does not tell. Private.
 *
 * It takes bytes as they come and holds none. It judges nothing: what is malformed is for the TLS
 * library to refuse; here it is just the end of the reading, with nothing found.
 */
#ifndef FH_TLS_HELLO_H
#define FH_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fh__tls_hello {
    bool done;     /* the message is complete, or is none */
    bool ems;      /* has the extension extended_master_secret (RFC 7627) */
    bool ticket;   /* has a session_ticket that is not empty (RFC 5077) */
    bool fragment; /* has a max_fragment_length (RFC 6066) */
    uint8_t record_have, step;
    bool is_server;        /* the message is a ServerHello */
    uint16_t record_left;  /* of the record's fragment */
    uint32_t message_left; /* of the message, behind its head */
    uint32_t want, value;  /* bytes until the step is done, and the last four of them */
};

/* Bytes of the peer, from the first on. After `done` they are not looked at. */
void fh__tls_hello_input(struct fh__tls_hello *h, const uint8_t *data, size_t len);

#endif
