/* SPDX-License-Identifier: MIT */
/*
 * config.h -- what vnccloudd is told: defaults, then the configuration file, then the command line.
 *
 *     fh__config_build()      all of it
 *     fh__settings_adopt()    a newer one takes effect, as far as it can: option.h
 *     fh__config_free()
 */
#ifndef FH__CONFIG_H
#define FH__CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inifile.h"
#include "log.h"
#include "option.h"

enum {
    FH__CONFIG_LISTEN_MAX = 16,
    FH__CONFIG_NODE_MAX = 16, /* these four: as many as a frame holds */
    FH__CONFIG_RELAY_MAX = 8,
    FH__CONFIG_STUN_MAX = 8,
    FH__CONFIG_TURN_MAX = 4,
    FH__CONFIG_AUDIT_MAX = 16
};

/* So many in so many seconds, all at once or evenly; n 0: without a limit. */
struct fh__rate {
    uint32_t n, seconds;
};

/* Texts are those of settings, and go with them. */
struct fh__config {
    struct fh__settings settings;
    char *listen[FH__CONFIG_LISTEN_MAX];
    size_t n_listen;
    char *stun_listen[FH__CONFIG_LISTEN_MAX]; /* "none" alone: nowhere */
    size_t n_stun_listen;
    char *node[FH__CONFIG_NODE_MAX]; /* HOST:PORT, what clients are told */
    size_t n_node;
    char *relay_node[FH__CONFIG_RELAY_MAX]; /* none: the nodes */
    size_t n_relay_node;
    char *stun[FH__CONFIG_STUN_MAX]; /* HOST:PORT */
    size_t n_stun;
    char *turn[FH__CONFIG_TURN_MAX]; /* URIs */
    size_t n_turn;
    char *audit[FH__CONFIG_AUDIT_MAX]; /* destinations as in audit_target.h, each checked */
    size_t n_audit;
    char *name;  /* the cloud's, which is in its certificate */
    char *state; /* directory */
    char *database;
    char *certificate, *key; /* both or none */
    char *control;           /* a path, or "none" */
    char *metrics_listen;    /* an address, or NULL */
    bool is_control_default; /* nobody asked for it there */
    char *user;              /* as who we run, where we are started as root */
    char *turn_secret_file;
    unsigned turn_lifetime_s;
    enum fh__log_level log_level;
    unsigned interval_s;
    unsigned max_clients, max_half_open, max_half_open_source, max_half_open_memory_kib;
    unsigned handshakes; /* full ones a second; 0: as many as were measured */
    unsigned cache;      /* endpoints that are remembered */
    unsigned max_conns;  /* of one client, at the same time */
    unsigned signal_bytes;
    unsigned drain_s; /* 0: as long as it takes for all to come back elsewhere */
    struct fh__rate limit_handshake, limit_handshake_network;
    struct fh__rate limit_failure, limit_failure_network, limit_failure_address;
    struct fh__rate limit_connect, limit_connect_source, limit_connect_target,
        limit_connect_account, limit_unknown, limit_log;
    struct fh__rate limit_api, limit_api_source, limit_api_failure;
    unsigned address_limit;                    /* addresses of an account; 0: any number */
    unsigned max_api;                          /* connections of the API */
    unsigned max_relayed, max_relayed_account; /* pairs of streams */
    unsigned relay_kbit;                       /* of each; 0: without a limit */
    struct fh__rate limit_stun, limit_stun_network;
};

struct fh__invocation;
/*
 * Reads all of it. 0; -1 and a sentence in error, the details having been logged. The caller frees
 * c in both cases. For help and version nothing but *out is filled.
 */
int fh__config_build(struct fh__config *c, struct fh__invocation *out, int argc, char *const *argv,
                     char *error, size_t room);
void fh__config_free(struct fh__config *c);

/* The parts of fh__config_build(), for tests. */
void fh__config_init(struct fh__config *c);
int fh__config_finish(struct fh__config *c, char *error, size_t room);

#endif
