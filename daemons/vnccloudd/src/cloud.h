/* SPDX-License-Identifier: MIT */
/*
 * cloud.h -- all that vnccloudd is made of, on one loop: the door, the broker, the relay, STUN, the
 * log, and the office (store, audit, API).
 *
 *     fh__cloud_listen()      the sockets, while we may still open them
 *     fh__cloud_open()        the rest, as who we run
 *     fh__cloud_configure()   after the configuration was read again; _certificate() too
 *     fh__cloud_close()       asynchronous: everybody is told to come back later
 */
#ifndef FH__CLOUD_H
#define FH__CLOUD_H

#include <uv.h>

#include "broker_uv.h"
#include "config.h"
#include "front.h"
#include "keys.h"
#include "office.h"
#include "relay.h"
#include "stun.h"
#include "tlog.h"
#include "wheel_uv.h"

/* Zeroed, then _listen() and _open(). Parts are NULL where they are not there (yet). */
struct fh__cloud {
    uv_loop_t *loop;
    const struct fh__config *cfg;
    uint64_t started_ns;
    struct fh__wheel_uv timers;
    struct fh__doorstep *doorstep;
    struct fh__front *front;
    struct fh__stun *stun;
    struct fh__gcra stun_host, stun_network;
    struct fh__keys keys;
    struct fh__tlog *log;
    struct fh__office *office;
    struct fh__presence *presence;
    struct fh__endpoints *endpoints;
    struct fh__broker *broker;
    struct fh__broker_uv *clients;
    struct fh__relay *relay;
    struct fh__broker_hooks hooks;
    char checkpoint[FH_TLOG_MAX_CHECKPOINT];
    char peer[FH_ADDRESS_TEXT]; /* of what the API is told */
    unsigned closing;           /* parts that are not closed yet */
    unsigned leaves;            /* lines of the audit on their way into the log */
    bool has_office_closed;
    void (*closed)(void *user);
    void *closed_user;
};

/* loop: with UV_METRICS_IDLE_TIME. 0; -1 and a sentence in why. cfg: lent. */
int fh__cloud_listen(struct fh__cloud *c, uv_loop_t *loop, const struct fh__config *cfg, char *why,
                     size_t room);
/* 0; else how the program ends, and a sentence in why. */
int fh__cloud_open(struct fh__cloud *c, char *why, size_t room);
/* The certificate again, or another one. 0; -1 and a sentence in why: it stays. */
int fh__cloud_certificate(struct fh__cloud *c, char *why, size_t room);
void fh__cloud_configure(struct fh__cloud *c);
/* ASYNCHRONOUS, whatever was opened so far. */
void fh__cloud_close(struct fh__cloud *c, void (*closed)(void *user), void *user);

/* ---- cloud_hooks.c ---- */

void fh__cloud_broker_hooks(struct fh__cloud *c);
void fh__cloud_api_hooks(struct fh__cloud *c, struct fh__api_hooks *out);
/* Lines of the audit become leaves of the log. */
void fh__cloud_leaf(void *user, enum fh__leaf kind, const uint8_t *address, const char *line,
                    size_t len);
/* In cloud.c: one of them is there. */
void fh__cloud_leaf_done(struct fh__cloud *c);

#endif
