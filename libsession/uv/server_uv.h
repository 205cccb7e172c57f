/* SPDX-License-Identifier: MIT */
/* server_uv.h -- the objects of a Server app on a libuv loop. Private. */
#ifndef FH_SESSION_SERVER_UV_H
#define FH_SESSION_SERVER_UV_H

#include <farhand/channel.h>
#include <farhand/framebuffer.h>
#include <farhand/link.h>
#include <farhand/rfb_server.h>
#include <farhand/rsaaes.h>
#include <farhand/rotation.h>
#include <farhand/server.h>
#include <farhand/stream.h>
#include <farhand/tls_uv.h>

#include "carrier.h"

struct fh_session {
    struct fh__carrier carrier;
    struct fh_server *server;
    struct fh_server_conn *conn;
    struct fh_session *prev, *next;
    char peer[FH_ADDRESS_TEXT];
    struct fh_address address;  /* of the stream that came last */
    struct fh_address admitted; /* whom admission counts */
    uint64_t number;
    const char *path;                     /* static */
    char cloud[FH_SESSION_CLOUD_MAX + 1]; /* "": not found through one */
    void *data;
    const char *refused; /* no place for it: why; it is told and closed */
    bool is_counted, is_authenticated, is_started, has_ended;
    bool has_begun;    /* the application was asked whether it may try */
    bool is_requested; /* connection_request runs */
    bool is_disconnected;
    bool has_cloud, has_cloud_secret; /* what the application told; until the core has it */
    uint8_t session_ref[FH_CHANNEL_REF_LEN], cloud_secret[FH_CHANNEL_SECRET_LEN];
    struct fh_link *link; /* under its stream; NULL: none */
    struct fh_link_opening opening;
    bool is_looking;  /* what the stream begins with is not known yet */
    bool is_released; /* the application took the stream */
    bool wants_signature;
    bool wants_rotation, awaits_rotation; /* of our worker; of the application */
    bool rotation_due;                    /* the application is to be asked for it */
    uint32_t granted;                     /* what it gets when the rotation is there */
    uint8_t binding[FH_AUTH_BINDING_LEN];
    bool awaits_hello, awaits_signature;      /* of the application */
    bool awaits_answer;                       /* of authenticate or answered */
    bool wants_decryption, awaits_decryption; /* of our worker; of the application */
    uint8_t encrypted[FH_SIGNATURE_MAX];
    size_t encrypted_len, want_len;
    struct fh_tls_starting *tls; /* NULL: none is starting */
    bool told_wanted;
    int told_keys; /* which of the channel's, as fh_server_conn_guard_keys() counts them */
    uint8_t th[FH_TRANSCRIPT_HASH_LEN];
};

/* What is being signed: an identity is used by one thread at a time. */
struct sign_job {
    uv_work_t work;
    bool is_running;
    bool is_rotation;
    uint8_t binding[FH_AUTH_BINDING_LEN];
    struct fh_rotation rotation;
    struct fh_session *session; /* NULL: it went away meanwhile */
    uint8_t th[FH_TRANSCRIPT_HASH_LEN];
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len;
    int status;
};

/* The same for the key of RSA-AES. */
struct decrypt_job {
    uv_work_t work;
    bool is_running;
    struct fh_session *session;
    uint8_t encrypted[FH_SIGNATURE_MAX], secret[32];
    size_t len, want;
    int status;
};

struct fh_server {
    uv_loop_t *loop;
    const struct fh_identity *identity; /* NULL: the application signs */
    const struct fh_identity *next_identity;
    const uint8_t *spki;
    size_t spki_len;
    uint8_t methods[FH_METHODS_MAX];
    size_t n_methods; /* 0: the core's default */
    uint64_t auth_ms;
    const struct fh_server_callbacks *callbacks;
    void *user;
    char name[FH_RFB_NAME_MAX + 1];
    char program[FH_CHANNEL_PROGRAM_MAX + 1];
    uint64_t idle_timeout_ms;
    uint32_t resume_ms; /* 0: streams carry no links */
    struct fh_admission *admission;
    struct fh_session *first, *last; /* in order of arrival */
    size_t n_started;
    uint64_t next_number;
    struct sign_job job;
    struct fh_older_offer older;
    uint16_t older_types[FH_OLDER_MAX];
    struct fh_rsaaes_key *rsa_key;
    struct fh_tls_context *tls;
    struct decrypt_job decrypt;
    uv_idle_t handle; /* never runs; closing it makes the end asynchronous */
    const struct fh_framebuffer *fb;
    struct fh_screen screens[FH_RFB_SCREENS_MAX];
    size_t n_screens;
    uint32_t *cursor;
    int32_t cursor_w, cursor_h, cursor_x, cursor_y;
    bool is_closing, is_gone;
    void (*closed)(void *user);
};

/* Lets it in with s->granted. r: NULL: nothing is announced. */
void fh__session_begin(struct fh_session *s, const struct fh_rotation *r);
/* Has both keys sign for a session that is let in. False: there is no other key. */
bool fh__session_wants_rotation(struct fh_session *s);
/* ---- older_uv.c ---- */

/* False: what is offered cannot be kept. */
bool fh__server_older_init(struct fh_server *server, const struct fh_server_config *cfg);
void fh__session_older_event(struct fh_session *s, const struct fh_server_conn_event *ev);
void fh__server_decrypt_next(struct fh_server *server);

/* The server may be gone now. */
void fh__server_maybe_gone(struct fh_server *server);
/* Proceeds within the limits of admission, or refuses. */
void fh__session_admit(struct fh_session *s);
/* n_methods 0: the core's default. NULL: out of memory. */
struct fh_server_conn *fh__server_make_conn(const struct fh_server *server, const uint8_t *methods,
                                            size_t n_methods);
/* The stream's first bytes decide: a session, on a link or not, or one that is resumed. */
void fh__session_look(struct fh_session *s);
/* The session has started: from now on it may be resumed. */
void fh__session_secure(struct fh_session *s);
/* An audit event of the adapter's own. */
void fh__session_audit(struct fh_session *s, struct fh_audit_event *ev);
void fh__session_audit_refused(struct fh_session *s, const char *reason);
/* The application is told that it ended, once. */
void fh__session_ended(struct fh_session *s, enum fh_bye reason);
/* Known, each once, and as many as fit. */
bool fh__server_are_methods(const uint8_t *methods, size_t n);

#endif
