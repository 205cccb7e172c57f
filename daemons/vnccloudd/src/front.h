/* SPDX-License-Identifier: MIT */
/*
 * front.h -- the door: one TLS port, and who behind it gets which stream, by ALPN.
 *
 *     fh__front_open()        listens
 *     fh__front_certificate() what it is known by; before the loop runs, and again
 *     fh__front_configure()   other limits
 *     fh__front_close()       asynchronous; nobody comes in any more
 *
 * A stream is handed on when its handshake is done. It is the callee's: whoever gets it attaches or
 * closes it, and counts its own time until the peer has said who it is. Before that the door keeps
 * count: of who stands there (doorstep.h), of how often somebody comes (gcra.h), of what the
 * handshakes cost (admission.h); who is too much is closed without a word, which costs the least.
 */
#ifndef FH__FRONT_H
#define FH__FRONT_H

#include <uv.h>

#include <farhand/stream.h>

#include "admission.h"
#include "config.h"
#include "doorstep.h"
#include "gcra.h"
#include "wheel.h"

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

struct fh__front;

struct fh__front_config {
    struct fh__acceptor acceptors[FH__FRONT_PROTOCOLS];
    struct fh__wheel *wheel;       /* lent, as the next */
    struct fh__doorstep *doorstep; /* shared with those behind the door */
    uint64_t (*now_ms)(void *user);
    uint64_t (*busy_us)(void *user); /* how long the loop had something to do, since the start */
    void (*random)(void *user, void *out, size_t len);
    void *user;
};

/*
 * Listens where c says. 0; -1 and a sentence in why: nothing listens. c, cfg: borrowed until
 * return.
 */
int fh__front_open(uv_loop_t *loop, const struct fh__config *c, const struct fh__front_config *cfg,
                   struct fh__front **out, char *why, size_t room);
/*
 * For handshakes that begin from now on. Texts are borrowed until return. 0; -1 and a sentence in
 * why: everything stays as it is.
 */
int fh__front_certificate(struct fh__front *f, const char *cert_pem, const char *key_pem, char *why,
                          size_t room);
void fh__front_configure(struct fh__front *f, const struct fh__config *c);
/* As fh_tcp_listener_address(). */
size_t fh__front_count_sockets(const struct fh__front *f);
void fh__front_address(const struct fh__front *f, size_t i, struct fh_address *out);

struct fh__front_counters {
    uint64_t accepted, handshakes, resumed, failed, limited; /* since the start */
    uint64_t dropped;                                        /* by admission */
    uint32_t rate;                                           /* of admission, now */
    size_t waiting;                                          /* the same */
    uint64_t protocols[FH__FRONT_PROTOCOLS];
    const struct fh__gcra *limits[2]; /* lent */
};

void fh__front_count(const struct fh__front *f, struct fh__front_counters *out);

/* ASYNCHRONOUS: handshakes are given up; then closed(user), and it is freed. */
void fh__front_close(struct fh__front *f, void (*closed)(void *user), void *user);

#endif
