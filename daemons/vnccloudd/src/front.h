/* SPDX-License-Identifier: MIT */
/*
 * front.h -- the door: one TLS port, and who behind it gets which stream, by ALPN.
 *
 *     fh__front_open()        listens
 *     fh__front_reload()      another certificate, other limits
 *     fh__front_stop()        nobody comes in any more
 *     fh__front_close()       asynchronous
 *
 * A stream is handed on when its handshake is done. It is the callee's: whoever gets it attaches or
 * closes it, and counts its own time until the peer has said who it is.
 */
#ifndef FH__FRONT_H
#define FH__FRONT_H

#include <farhand/stream.h>

enum fh__front_protocol {
    FH__FRONT_BROKER, /* farhand-broker/1 */
    FH__FRONT_RELAY,  /* farhand-relay/1 */
    FH__FRONT_HTTP,   /* http/1.1, and who names none */
    FH__FRONT_PROTOCOLS
};

/* One of the three that are behind the door. */
struct fh__acceptor {
    /* s: taken; TLS is done (fh_tls_info(), fh_tls_exporter()). peer: who is below it, borrowed. */
    void (*accept)(void *user, struct fh_stream *s, const struct fh_address *peer);
    void *user;
};

#endif
