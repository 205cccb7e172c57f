/* SPDX-License-Identifier: MIT */
/* cloud_internal.h -- what the files of the cloud's adapter share. Never installed. */
#ifndef FH_CLOUD_INTERNAL_H
#define FH_CLOUD_INTERNAL_H

#include <stdlib.h>
#include <string.h>

#include <stdio.h>

#include <farhand/cloud_uv.h>
#include <farhand/identity_uv.h>
#include <farhand/tls_uv.h>

#include "dial.h"
#include "relay_stream.h"

enum {
    FH__TLS_FRAGMENT = 1024, /* of an idle connection: docs/performance.md */
    FH__DIAL_TIMEOUT_MS = 20000,
    FH__OPEN_MS = 60000,
    FH__LAST_MS = 5000,    /* for what is under way, when nobody signals any more */
    FH__TICKET_MS = 50000, /* after so long a ticket is asked for anew */
    FH__PAIR_MS = 40000,   /* the relay says after 30 s that the other one did not come */
    FH__RETRY_MS = 1000,   /* first pause before a way is looked for again */
    FH__PAUSE_MAX_MS = 30000,
    FH__RENEW_MS = 50,
    FH__PATH_ATTEMPTS = 5, /* of a connection that has never had a direct stream */
    FH__LINES = 32 << 10   /* bytes of lines that wait for the broker */
};

/* ---- one attempt at a direct way; lives as long as its path ------------------------------------
 */

struct fh__direct {
    struct fh_cloud_conn *conn; /* NULL: the connection has let go of it */
    struct fh_path *path;
    bool stands; /* its stream was given */
    bool renews; /* server: turns to the channel's keys once the viewer is known to have them */
};

struct fh_cloud_conn {
    struct fh_cloud *cloud;
    struct fh_cloud_conn *next;
    const struct fh_cloud_conn_events *ev;
    void *user;
    uint32_t handle; /* of the core; 0: nobody signals any more */
    bool is_viewer, is_accepted, has_peer, has_grant, told_end, closing;
    int end_error; /* what ended the signalling */
    enum fh_cloud_policy policy;
    uint64_t since; /* the grant's ticket */
    unsigned open;  /* timer, dial */
    uv_timer_t timer;
    uint64_t give_up_at; /* UINT64_MAX: it had a stream */

    struct fh_cloud_peer peer;
    uint8_t spki[FH_SPKI_MAX];
    uint8_t cloud_secret[FH_BROKER_SECRET_LEN], packet_secret[FH_BROKER_SECRET_LEN];
    struct fh_cloud_node relays[FH_BROKER_RELAYS_MAX];
    size_t relays_len;
    uint8_t ticket[FH_BROKER_TICKET_MAX];
    size_t ticket_len;
    struct fh__turn {
        char host[FH_CLOUD_HOST_TEXT], user[256], password[256];
        uint16_t port;
        enum fh_ice_uv_carrier carrier;
    } turn[FH_BROKER_TURN_MAX];
    size_t turn_len;

    /* The relay. */
    struct fh__dial *dial;
    struct fh__relay_stream *relay; /* from TLS on; given away once it is paired */
    bool relay_stands;
    struct fh_cloud_node relay_node;
    uint64_t relay_at, pair_by; /* when to renew; until when to be paired. UINT64_MAX: not */
    uint64_t relay_pause;
    bool renews; /* RENEW was sent */
    bool lends_session;

    /* The direct way. */
    struct fh__direct *direct;
    uint64_t direct_at;
    unsigned attempts;       /* in a row without success */
    unsigned attempt, hears; /* number of this one; to which the peer's lines belong */
    uint8_t guard_client[FH_GUARD_SECRET_LEN], guard_server[FH_GUARD_SECRET_LEN];
    bool has_guard;

    char lines[FH__LINES];
    size_t lines_len;
    unsigned relays_given, directs_given;
};

struct fh_cloud {
    struct fh_cloud_config cfg; /* its pointers to secrets are not kept */
    uv_loop_t *loop;
    struct fh_cloud_client *core;
    struct fh_cloud_service service;
    struct fh_proxy *proxy;
    struct fh_identity *identity;
    uv_timer_t timer;
    struct fh_tls_context *broker_tls, *relay_tls;
    struct fh_tls_session *broker_session, *relay_session;
    bool broker_session_is_lent, relay_session_is_lent;
    struct fh__dial *dial;
    struct fh_stream *stream;
    bool is_stalled; /* the core took less than there was */
    bool is_pumping, closing, told_closed;
    unsigned open; /* timer, dial, stream, signatures, connections */
    char why[FH_TLS_WHY];
    struct fh_cloud_node stun[FH_ICE_UV_MAX_STUN];
    size_t stun_len;
    struct fh_cloud_conn *conns;
};

/* ---- cloud_uv.c -------------------------------------------------------------------------------
 */

/* Soon, from the loop: take events and send what is to be sent. */
void fh__cloud_kick(struct fh_cloud *u);
void fh__cloud_one_closed(struct fh_cloud *u);
const char *fh__cloud_name_of(const struct fh_cloud *u, const struct fh_cloud_node *n);

/* ---- cloud_conn.c -----------------------------------------------------------------------------
 */

/* An event of the core about a connection. */
void fh__cloud_conn_event(struct fh_cloud *u, const struct fh_cloud_client_event *ev);
/* Gives the lines that wait to the core. */
void fh__cloud_conns_flush(struct fh_cloud *u);

/* ---- turn_uri.c -------------------------------------------------------------------------------
 */

/* RFC 7065; false: not one that we use. */
bool fh__turn_parse(const struct fh_broker_turn *t, struct fh__turn *out);

#endif
