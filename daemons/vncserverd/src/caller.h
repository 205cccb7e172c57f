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

#include <farhand/address.h>
#include <farhand/audit.h>
#include <farhand/auth.h>
#include <farhand/identity.h>
#include <farhand/server_conn.h>

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

struct fh__caller {
    uint64_t number;            /* of the connection, as the audit says it */
    char peer[FH_ADDRESS_TEXT]; /* printable; nothing that the viewer chose */
    uint8_t ip[16];
    size_t ip_len; /* 4, 16, or 0: a socket of this machine */
    bool has_fingerprint;
    uint8_t fingerprint[FH_FINGERPRINT_LEN]; /* that it has proved */
    uint8_t binding[FH_AUTH_BINDING_LEN];    /* of the channel, from the first attempt on */
    const struct fh__caller_ops *ops;        /* borrowed */
    void *user;
};

/* What the audit says of it in each record. */
static inline void fh__caller_describe(const struct fh__caller *c, struct fh_audit_event *ev)
{
    ev->connection = c->number;
    ev->peer = c->peer;
    ev->ip = c->ip;
    ev->ip_len = c->ip_len;
    ev->path = "direct";
    ev->fingerprint = c->has_fingerprint ? c->fingerprint : NULL;
}

#endif
