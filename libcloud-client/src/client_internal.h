/* SPDX-License-Identifier: MIT */
/* client_internal.h -- what the files of the client's core share. Never installed. */
#ifndef FH_CLIENT_INTERNAL_H
#define FH_CLIENT_INTERNAL_H

#include <string.h>

#include <farhand/cloud_client.h>

enum {
    FH__IN_LEN = FH_BROKER_FRAME_MAX + 4096,
    FH__OUT_LEN = 64 << 10,
    FH__OUT_RESERVE = 4096, /* room for what one frame of the service may make us say */
    FH__HOLD_LEN = 32 << 10,
    FH__CHECKS = 8,
    FH__NODES = FH_CLOUD_NODES_MAX + FH_BROKER_NODES_MAX,

    /* Milliseconds. */
    FH__DIAL_MS = 60000,
    FH__SIGN_IN_MS = 30000,
    FH__TARGET_MS = 15000, /* CONNECT is answered at once */
    FH__PONG_MS = 10000,   /* docs/protocol.md, "Life" */
    FH__FIRST_MS = 10000,  /* after a connection that had signed in */
    FH__BASE_MS = 1000,
    FH__CAP_MS = 300000,
    FH__STABLE_MS = 60000,
    FH__CONSISTENCY_MS = 30000,
    FH__RETRY_MAX_MS = 3600000, /* the longest that a service may send us away */
    FH__INTERVAL_MIN_MS = 1000,
    FH__INTERVAL_MAX_MS = 600000,
    FH__SKEW_MS = 60000
};

enum fh__phase {
    FH__STOPPED,
    FH__WAITING, /* until c->at */
    FH__DIALLING,
    FH__CHALLENGE, /* HELLO was sent */
    FH__BINDING,   /* a binding statement is being signed */
    FH__SIGNING,   /* T is */
    FH__WELCOME,   /* AUTH was sent */
    FH__ONLINE
};

enum fh__conn_state {
    FH__FREE,
    FH__ASKED,   /* viewer: CONNECT was sent */
    FH__TOLD,    /* viewer: TARGET came */
    FH__RINGING, /* server: INCOMING came */
    FH__OPEN,    /* viewer: GRANT came; server: ACCEPT was sent */
    FH__ENDED    /* END is to be told */
};

/* Frames that wait: for the log, or for the application's answer. */
struct fh__hold {
    bool in_use;
    size_t len, used; /* used: given to the application, until the next call */
    uint8_t bytes[FH__HOLD_LEN];
};

struct fh__conn {
    enum fh__conn_state state;
    uint32_t handle;
    bool is_viewer;
    bool is_told; /* the application knows the handle */
    uint8_t id[FH_CLOUD_CONN_LEN];
    uint8_t target[FH_CLOUD_ADDRESS_LEN]; /* ASKED */
    struct fh_cloud_peer peer;            /* its spki points to: */
    uint8_t spki[FH_SPKI_MAX];
    struct fh_sealer sealer;
    uint32_t sent, sent_bytes, received, received_bytes;
    uint64_t deadline; /* UINT64_MAX: none */
    uint32_t check;    /* serial of the check that must pass before the peer is told; 0: none */
    struct fh__hold *hold;
    int error; /* ENDED */
    uint8_t reason;
};

/* A checkpoint that was seen, and is to be held against the one that is kept. */
struct fh__check {
    uint32_t serial;
    struct fh_tlog_checkpoint checkpoint;
    char note[FH_TLOG_MAX_CHECKPOINT];
    size_t note_len;
};

struct fh_cloud_client {
    /* Of the config. */
    struct fh_cloud_service service;
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    uint8_t password[FH_CLOUD_PASSWORD_LEN];
    bool has_password;
    uint8_t spki[FH_SPKI_MAX];
    size_t spki_len;
    uint8_t fingerprint[FH_FINGERPRINT_LEN];
    uint8_t seal_secret[FH_SEAL_KEY_LEN], seal_key[FH_SEAL_KEY_LEN];
    uint8_t roles;
    char program[FH_BROKER_PROGRAM_MAX + 1];
    uint32_t answer_ms;
    fh_random_fn random;
    void *random_user;
    uint64_t (*utc_ms)(void *user);
    void *user;

    /* Life. */
    enum fh__phase phase;
    uint64_t at; /* deadline of the phase */
    uint64_t online_since;
    unsigned failures; /* in a row */
    uint64_t restart_at;
    uint32_t restart_for_ms;
    bool is_restarting;
    struct fh_cloud_node learnt[FH_BROKER_NODES_MAX];
    size_t learnt_len;
    uint8_t order[FH__NODES]; /* nodes still to be tried */
    size_t order_len;
    struct fh_cloud_node node;

    /* Sign-in. */
    enum fh_broker_method method;
    bool has_enrolled_again; /* the key was refused, the password is tried */
    uint8_t binding[FH_CLOUD_BINDING_LEN];
    uint8_t hello[FH_BROKER_HEADER_LEN + FH_BROKER_HELLO_MAX];
    uint8_t challenge[FH_BROKER_HEADER_LEN + FH_BROKER_MAX];
    size_t hello_len, challenge_len;
    uint8_t statement[FH_CLOUD_STATEMENT_MAX];
    size_t statement_len;
    bool has_statement; /* whole */
    uint8_t digest[FH_CLOUD_DIGEST_LEN];
    uint32_t sign_serial;

    /* Online. */
    uint8_t granted;
    uint32_t interval_ms, signal_bytes;
    uint64_t said_at, pinged_at; /* pinged_at: UINT64_MAX, none is on its way */
    uint64_t pings;
    uint8_t watched[FH_BROKER_WATCH_MAX * FH_CLOUD_ADDRESS_LEN];
    size_t watched_len;

    /* The log. */
    bool has_log, has_kept;
    struct fh_tlog_key log_key;
    struct fh_tlog_checkpoint kept;
    char kept_note[FH_TLOG_MAX_CHECKPOINT];
    size_t kept_len;
    struct fh__check checks[FH__CHECKS]; /* in their order; the first is being asked about */
    size_t checks_len;
    uint32_t check_serial;
    uint64_t asked_at; /* about the first; UINT64_MAX: not yet */
    struct fh__check forked;

    /* What the application is still to be told. */
    bool tell_dial, tell_hang_up, tell_sign, tell_statement, tell_checkpoint, tell_offline,
        tell_fork, tell_skew;
    int64_t skew_ms;
    struct {
        int error;
        uint64_t retry_ms;
        uint16_t code;
        size_t text_len;
        char text[FH_BROKER_ERROR_TEXT_MAX];
    } offline;

    /* Bytes. */
    uint8_t in[FH__IN_LEN];
    size_t in_len, in_used;
    uint8_t out[FH__OUT_LEN];
    size_t out_len;
    struct fh_broker_frame frame; /* the one that an event points into */

    size_t conns_len, holds_len, ended;
    uint32_t generation;
    struct fh__hold *used_hold; /* whose frame an event points into */
    struct fh__conn *conns;
    struct fh__hold *holds;
};

/* ---- client.c ---------------------------------------------------------------------------------
 */

/* Room for a frame of len bytes, and the reserve. */
bool fh__client_has_room(const struct fh_cloud_client *c, size_t len);
/* Queues a frame; there must be room. */
void fh__client_say(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f);

struct fh__why {
    int error; /* FH_CLOUD_E_* */
    uint16_t code;
    struct fh_broker_text text;
    uint32_t retry_after_ms;
    bool is_final, is_lost; /* is_lost: there is nothing to hang up */
};

/* The connection, or the attempt, is over. Nothing of it may be used afterwards. */
void fh__client_drop(struct fh_cloud_client *c, uint64_t now, const struct fh__why *why);
void fh__client_fail(struct fh_cloud_client *c, uint64_t now, int error);
bool fh__client_is_connected(const struct fh_cloud_client *c);

/* ---- client_sign_in.c -------------------------------------------------------------------------
 */

void fh__client_hello(struct fh_cloud_client *c, uint64_t now);
void fh__client_on_challenge(struct fh_cloud_client *c, uint64_t now,
                             const struct fh_broker_frame *f, const uint8_t *bytes, size_t len);
/* True: ev says that it is online. */
bool fh__client_on_welcome(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f,
                           struct fh_cloud_client_event *ev);
/* What to do about ERROR 3. True: there is another way to sign in. */
bool fh__client_can_enrol(struct fh_cloud_client *c);

/* ---- client_retry.c ---------------------------------------------------------------------------
 */

/* How long to wait after the connection or attempt that ends now, at least after_ms. */
uint64_t fh__client_delay(struct fh_cloud_client *c, uint64_t now, uint32_t after_ms);
/* The next node to dial. */
void fh__client_next_node(struct fh_cloud_client *c);
void fh__client_learn_nodes(struct fh_cloud_client *c, const struct fh_broker_host *nodes,
                            size_t len);

/* ---- client_log.c -----------------------------------------------------------------------------
 */

/* 0, or FH_CLOUD_E_INVAL: the key or the checkpoint of cfg is none. */
int fh__client_log_init(struct fh_cloud_client *c, const struct fh_cloud_client_config *cfg);
/*
 * A checkpoint was shown. *serial: of the check that must pass, 0: it has. Returns 0;
 * FH_CLOUD_E_LOG, _BUSY; _FORK: the client was dropped.
 */
int fh__client_log_see(struct fh_cloud_client *c, uint64_t now, const char *note, size_t len,
                       uint32_t *serial);
/* The binding of a statement is in the log. As above. */
int fh__client_log_prove(struct fh_cloud_client *c, uint64_t now, struct fh_broker_bytes proof,
                         const struct fh_cloud_statement *s, uint32_t *serial);
/* Asks what is to be asked, if there is room. */
void fh__client_log_ask(struct fh_cloud_client *c, uint64_t now);
void fh__client_on_consistent(struct fh_cloud_client *c, uint64_t now,
                              const struct fh_broker_frame *f);
void fh__client_log_forget(struct fh_cloud_client *c);

/* ---- client_conn.c ----------------------------------------------------------------------------
 */

/*
 * A frame about a connection; bytes: all of it. True: ev says something. Frames that must wait are
 * held.
 */
bool fh__client_on_conn(struct fh_cloud_client *c, uint64_t now, const struct fh_broker_frame *f,
                        const uint8_t *bytes, size_t len, struct fh_cloud_client_event *ev);
/* ERROR about a request. */
void fh__client_request_failed(struct fh_cloud_client *c, const struct fh_broker_frame *f);
/* The next frame that has waited long enough. */
bool fh__client_held(struct fh_cloud_client *c, uint64_t now, struct fh_cloud_client_event *ev);
/* What was given from a hold is done with. */
void fh__client_release_held(struct fh_cloud_client *c);
bool fh__client_tell_end(struct fh_cloud_client *c, struct fh_cloud_client_event *ev);
/* All of them; none is said to the service. */
void fh__client_end_all(struct fh_cloud_client *c, int error);
void fh__client_conns_passed(struct fh_cloud_client *c, uint32_t serial);
void fh__client_conns_tick(struct fh_cloud_client *c, uint64_t now);
uint64_t fh__client_conns_deadline(const struct fh_cloud_client *c);

#endif
