/* SPDX-License-Identifier: MIT */
/*
 * api.h -- the REST API: /cloud/1.1/static-address as VNC Cloud documents it, /cloud/2/ for what is
 * new, /health and /metrics. docs/openapi.yaml describes each path.
 *
 *     fh__api_new()
 *     fh__api_serve()     a stream of the TLS port, of the control socket, or of the metrics port
 *     fh__api_drain()     at the end
 *     fh__api_close()     asynchronous; before the store and the audit are closed
 *
 * It stands on the store, the audit and a table of hooks, behind which are the broker, the limits
 * and the transparency log. Who may do what: a key only what is of its account and in its scopes;
 * the operator, who is root or the service's user at the control socket, everything.
 */
#ifndef FH_VNCCLOUDD_API_H
#define FH_VNCCLOUDD_API_H

#include <uv.h>

#include "changelog.h"
#include "http_conn.h"
#include "metrics.h"
#include "store.h"

struct fh__api;

/* A client that is signed in. */
struct fh__api_online {
    uint8_t address[FH__ADDRESS_LEN];
    uint8_t account[FH__ACCOUNT_LEN];
    uint64_t since_ms;   /* UTC */
    uint8_t roles;       /* that were granted */
    const char *peer;    /* borrowed */
    const char *program; /* what it calls itself; checked text, borrowed */
};

enum fh__api_change { FH__API_UPDATED, FH__API_RESET, FH__API_DELETED };

enum fh__api_limit {
    FH__API_LIMIT_SOURCE,  /* each request; key: the peer's address */
    FH__API_LIMIT_FAILURE, /* a request whose key was wrong; likewise */
    FH__API_LIMIT_KEY      /* each request of an API key; key: its id */
};

struct fh__api_quota {
    uint32_t limit, window_s; /* 0: there is no limit */
    uint32_t remaining, reset_s;
    uint32_t retry_ms; /* if it was refused */
};

/* Each may be NULL: nothing is there. */
struct fh__api_hooks {
    void *user;
    /* True: it is signed in, and *out says how. */
    bool (*online)(void *user, const uint8_t address[FH__ADDRESS_LEN], struct fh__api_online *out);
    void (*each_online)(void *user, bool (*each)(void *arg, const struct fh__api_online *o),
                        void *arg);
    /* Its connection ends, and so does what it has under way. False: it was not signed in. */
    bool (*disconnect)(void *user, const uint8_t address[FH__ADDRESS_LEN]);
    /* What is remembered of the address is wrong now; after a reset or deletion it must go. */
    void (*changed)(void *user, const uint8_t address[FH__ADDRESS_LEN], enum fh__api_change change);
    /* The same for all of an account. is_gone: deleted, or disabled. */
    void (*account_changed)(void *user, const uint8_t account[FH__ACCOUNT_LEN], bool is_gone);
    /* Counts one. peek: only looks. */
    bool (*limit)(void *own, enum fh__api_limit which, const struct fh_address *peer,
                  const char *key, bool peek, struct fh__api_quota *out);
    void (*own_metrics)(void *own, struct fh__text *out);
    void *own; /* the office's */
    /* GET of something below /log/: the rest of the path. False: there is nothing. */
    /* The list of what the root has taken back; false: there is none. */
    bool (*root_crl)(void *user, struct fh__http_reply *out);
    bool (*log_file)(void *user, const char *path, struct fh__http_reply *out);
    /* What was logged about an address: a JSON array, malloc; NULL: *error is FH__STORE_E_*. */
    char *(*openings)(void *user, const uint8_t address[FH__ADDRESS_LEN], int *error);
    void (*metrics)(void *user, struct fh__text *out);
};

struct fh__api_config {
    uv_loop_t *loop;
    struct fh__store *store;
    struct fh__changelog *changelog;
    struct fh__metrics *metrics;
    struct fh__api_hooks hooks;
    const char *state;        /* folder for copies of the database; borrowed */
    uint32_t uid;             /* of the service: its user is an operator too */
    uint64_t address_limit;   /* of an account that has none of its own; 0: no limit */
    uint64_t (*utc_ms)(void); /* NULL: the system's clock */
    unsigned max;             /* connections; 0: 1024 */
};

/* NULL: out of memory. */
struct fh__api *fh__api_new(const struct fh__api_config *cfg);
void fh__api_serve(struct fh__api *a, struct fh_stream *stream, const struct fh_address *peer,
                   enum fh__door door);
void fh__api_set_hooks(struct fh__api *a, const struct fh__api_hooks *hooks);
void fh__api_set_address_limit(struct fh__api *a, uint64_t limit);
/* health/ready says no from now on. */
void fh__api_drain(struct fh__api *a);
/* Answers that are still to come from the store are waited for. */
void fh__api_close(struct fh__api *a, void (*closed)(void *user), void *user);

#endif
