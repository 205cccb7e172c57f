/* SPDX-License-Identifier: MIT */
/*
 * viewer_session.h -- a viewer's session above the secure channel; the counterpart of
 * server_session.h. It sees plain bytes only; viewer_conn.c puts it on a channel.
 */
#ifndef FH_SESSION_VIEWER_SESSION_H
#define FH_SESSION_VIEWER_SESSION_H

#include <farhand/channel.h>
#include <farhand/rotation.h>
#include <farhand/rfb_client.h>
#include <farhand/viewer_conn.h>

#include "auth_viewer.h"
#include "mux.h"

enum fh__viewer_state {
    FH_VIEWER_CLOSED,  /* the server is not accepted yet: nothing is sent */
    FH_VIEWER_WAIT,    /* for Offer */
    FH_VIEWER_ASK,     /* for the application's credentials */
    FH_VIEWER_CHOSEN,  /* for Ask or Result */
    FH_VIEWER_DERIVE,  /* for the application's argon2id */
    FH_VIEWER_PERSON,  /* for the application's answers */
    FH_VIEWER_RUNNING, /* authorised: channel 1 is open */
    FH_VIEWER_ENDED
};

enum { FH_VIEWER_PENDING_MAX = 8 };

struct fh__viewer_session {
    bool view_only;
    bool is_older; /* RFB and nothing else: no frames, no channel 0 */
    enum fh__viewer_state state;
    uint64_t now, auth_until, auth_latest, closing_until;
    bool is_closing_timed; /* closing_until is set */
    struct fh__mux mux;
    uint8_t message[FH_MESSAGE_MAX];
    size_t message_len;
    struct fh__queue queue;
    bool has_offer, early_sent;
    bool pad_512; /* what is queued belongs to authentication */

    struct fh__auth_viewer auth;

    const uint8_t *server_spki; /* which the server proved; lent by the channel */
    size_t server_spki_len;
    bool has_rotated;
    bool started_due; /* granted; STARTED is told when what came with it was looked at */
    struct fh_rotation rotation;
    uint8_t next_fingerprint[FH_FINGERPRINT_LEN];
    char user[FH_AUTH_USER_MAX + 1]; /* as last chosen, for the audit */
    uint64_t made_ms;

    uint32_t permissions;
    char session_id[2 * FH_SESSION_ID_LEN + 1];
    struct fh_rfb_client *rfb; /* made and given in new.c; freed here */

    enum fh_viewer_conn_event_type pending[FH_VIEWER_PENDING_MAX];
    unsigned n_pending;

    bool end_held; /* our own goodbye waits for the server's Close */
    bool end_told, bye_due, rfb_due;
    struct fh_viewer_conn_event end; /* ENDED */
    char end_text[4 * FH_BYE_TEXT_MAX + 1];
};

/* 0, or FH_SESSION_E_INVAL for credentials that cannot be. */
int fh__viewer_session_init(struct fh__viewer_session *s, const struct fh_viewer_conn_config *cfg,
                            struct fh_rfb_client *rfb);
void fh__viewer_session_finish(struct fh__viewer_session *s);
/* The server is accepted; methods: those that it named. */
void fh__viewer_session_open(struct fh__viewer_session *s, uint64_t now, const uint8_t *methods,
                             size_t n_methods);
size_t fh__viewer_session_input(struct fh__viewer_session *s, uint64_t now, const uint8_t *data,
                                size_t len);
int fh__viewer_session_event(struct fh__viewer_session *s, struct fh_viewer_conn_event *ev);
size_t fh__viewer_session_fill(struct fh__viewer_session *s, uint64_t now, uint8_t *out,
                               size_t room, enum fh_channel_padding *padding);
uint64_t fh__viewer_session_deadline(const struct fh__viewer_session *s);
void fh__viewer_session_time(struct fh__viewer_session *s, uint64_t now);
void fh__viewer_session_tick(struct fh__viewer_session *s, uint64_t now);

/* Nothing is in the way any more between us and a server without the channel. */
void fh__viewer_session_run(struct fh__viewer_session *s);
void fh__viewer_session_push(struct fh__viewer_session *s, enum fh_viewer_conn_event_type type);
int fh__viewer_session_credentials(struct fh__viewer_session *s, const char *user,
                                   const char *password, size_t password_len);
int fh__viewer_session_derived(struct fh__viewer_session *s, const uint8_t *prs);
int fh__viewer_session_answer(struct fh__viewer_session *s, const struct fh_item *answers,
                              size_t n);
bool fh__viewer_session_may(const struct fh__viewer_session *s, enum fh_act act);
/* Ends it; the first call counts. bye: tell the server, if the channel stands. */
void fh__viewer_session_end(struct fh__viewer_session *s, enum fh_bye reason, int error, bool bye);

#endif
