/* SPDX-License-Identifier: MIT */
/*
 * caller.h -- a viewer that wants to come in, as who decides about it sees it: facts, and ways to
 * answer. Whoever decides knows neither sockets nor sessions, and so need not be where these are.
 */
#ifndef FH__CALLER_H
#define FH__CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <uv.h>

#include <farhand/address.h>
#include <farhand/audit.h>
#include <farhand/auth.h>
#include <farhand/identity.h>
#include <farhand/server_conn.h>

#include "protocol.h"

/* How a caller is answered. One that nothing waits for any more changes nothing. */
struct fh__caller_ops {
    /*
     * Asks the viewer more, as fh_session_ask(): FH_KIND_NOTICE alone tells it something while the
     * decision is still open. Negative: nothing was sent.
     */
    int (*ask)(void *user, const struct fh_item *items, size_t n);
    void (*authenticated)(void *user, uint32_t permissions); /* 0: rejected */
    void (*disconnect)(void *user, enum fh_bye reason, bool may_reconnect);
};

enum { FH__CALLER_CLOUD = 24, FH__CALLER_GROUPS = 1200 };

/* What a cloud that brought a viewer tells of it. */
struct fh__arrival {
    uint32_t connection;          /* its number at the cloud process, from 1 */
    enum fh__way way;             /* by which this stream came */
    char cloud[FH__CALLER_CLOUD]; /* the viewer's address there, as people write it */
    char groups[FH__CALLER_GROUPS];
    uint8_t told[FH_FINGERPRINT_LEN]; /* whose identity it is, and must prove to be */
    uint8_t ref[FH__CLOUD_REF_LEN];
    bool has_secret;
    uint8_t secret[FH__CLOUD_SECRET_LEN];
};

struct fh__caller {
    uint64_t number;            /* of the connection, as the audit says it */
    char peer[FH_ADDRESS_TEXT]; /* printable; nothing that the viewer chose */
    uint8_t ip[16];
    size_t ip_len;                /* 4, 16, or 0: a socket of this machine, or a relay's */
    char stream[FH_ADDRESS_TEXT]; /* what its session process calls the stream */
    enum fh__way way;
    char cloud[FH__CALLER_CLOUD];     /* its address in a cloud; "": none brought it */
    uint8_t told[FH_FINGERPRINT_LEN]; /* whom that cloud says it is */
    bool has_fingerprint;
    uint8_t fingerprint[FH_FINGERPRINT_LEN]; /* that it has proved */
    uint8_t binding[FH_AUTH_BINDING_LEN];    /* of the channel, from the first attempt on */
    const struct fh__caller_ops *ops;        /* borrowed */
    void *user;
};

/* Through a cloud it may come from anywhere: what counts is who it is. *len: 4, 16 or 0. */
static inline const uint8_t *fh__caller_source(const struct fh__caller *c, size_t *len)
{
    *len = c->cloud[0] ? 16 : c->ip_len;
    return c->cloud[0] ? c->told : c->ip;
}

/*
 * Where it is, for rules of others, PAM's and programs': "" is this machine, and nobody who comes
 * through a cloud, whatever the cloud process says of his address.
 */
static inline void fh__caller_place(const struct fh__caller *c, char out[FH_ADDRESS_TEXT])
{
    out[0] = '\0';
    if (c->cloud[0])
        snprintf(out, FH_ADDRESS_TEXT, "cloud:%s", c->cloud);
    else if (c->ip_len > 0)
        uv_inet_ntop(c->ip_len == 4 ? AF_INET : AF_INET6, c->ip, out, FH_ADDRESS_TEXT);
}

static inline const char *fh__way_word(enum fh__way way)
{
    return way == FH__WAY_RELAY ? "relayed" : "direct";
}

/* What the audit says of it in each record. */
static inline void fh__caller_describe(const struct fh__caller *c, struct fh_audit_event *ev)
{
    ev->connection = c->number;
    ev->peer = c->peer;
    ev->ip = fh__caller_source(c, &ev->ip_len);
    ev->path = fh__way_word(c->way);
    ev->cloud = c->cloud[0] ? c->cloud : NULL;
    ev->fingerprint = c->has_fingerprint ? c->fingerprint : NULL;
}

#endif
