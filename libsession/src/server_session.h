/* SPDX-License-Identifier: MIT */
/*
 * server_session.h -- a server's session above the secure channel: frames, authentication,
 * permissions, RFB. It sees plain bytes only; server_conn.c puts it on a channel.
 *
 *     fh__server_session_open()   the channel stands
 *     fh__server_session_input()  plain bytes from the viewer
 *     fh__server_session_event()  what happened; repeat until 0
 *     fh__server_session_fill()   plain bytes of the next record to the viewer
 */
#ifndef FH_SESSION_SERVER_SESSION_H
#define FH_SESSION_SERVER_SESSION_H

#include <farhand/channel.h>
#include <farhand/identity.h>
#include <farhand/rfb_server.h>
#include <farhand/server_conn.h>

#include "auth_server.h"
#include "held.h"
#include "mux.h"

/* What the viewer may send next on channel 0. */
enum fh__server_state {
    FH_SERVER_CLOSED,  /* the channel does not stand yet */
    FH_SERVER_CHOOSE,  /* Choose */
    FH_SERVER_ANSWER,  /* Answer */
    FH_SERVER_DECIDE,  /* nothing: the application thinks */
    FH_SERVER_RUNNING, /* authorised: channel 1 is open */
    FH_SERVER_ENDED
};

/* The end of a session is told in this order. */
enum fh__ending {
    FH_ENDING_NO,
    FH_ENDING_RELEASE,
    FH_ENDING_TELL,
    FH_ENDING_RECORD,
    FH_ENDING_TOLD
};

enum { FH_SERVER_PENDING_MAX = 16 };

struct fh__server_pending {
    enum fh_server_conn_event_type type;
    enum fh_audit_type audit;
    uint32_t permissions;
    const char *reason, *text;
};

struct fh__server_session {
    fh_server_random_fn random;
    void *random_user;
    bool has_authentication;
    uint64_t auth_ms, idle_timeout_ms;

    enum fh__server_state state;
    uint64_t now, made_ms, last_input_ms;
    uint64_t auth_until, auth_latest; /* what is asked moves the first, up to the second */
    uint64_t closing_until;           /* after ENDED: the stream ends, sent or not */
    bool is_closing_timed;            /* closing_until is set */
    struct fh__mux mux;
    uint8_t message[FH_MESSAGE_MAX];
    size_t message_len;
    struct fh__queue queue;
    bool pad_512; /* what is queued belongs to authentication */
    bool permissions_changed, notice_due;
    bool has_rotated;
    bool is_older;                             /* RFB and nothing else: no frames, no channel 0 */
    char next_fingerprint[FH_FINGERPRINT_HEX]; /* of the key that was announced */
    char notice[FH_AUTH_TEXT_MAX + 1];
    struct fh__auth_server auth;
    struct fh__ask ask; /* only while a message is handled */
    uint8_t early[FH_EARLY_MAX];
    size_t early_len, early_pos;
    bool early_may_come; /* the last message was the first Choose */

    uint32_t permissions;
    char session_id[2 * FH_SESSION_ID_LEN + 1];
    struct fh_rfb_server *rfb;       /* NULL before RUNNING */
    bool has_screen;                 /* rfb was given a picture */
    const struct fh_framebuffer *fb; /* the application's; borrowed */
    struct fh_screen screens[FH_RFB_SCREENS_MAX];
    size_t n_screens;
    char name[FH_RFB_NAME_MAX + 1];
    uint32_t dark_px; /* what is shared with who may not view */
    struct fh_framebuffer dark;
    struct fh_rfb_server_event rfb_event;

    struct fh__held held;
    bool release_keys, release_buttons;
    uint64_t dropped; /* events without permission */

    struct fh__server_pending pending[FH_SERVER_PENDING_MAX];
    unsigned n_pending;
    struct fh_audit_event who; /* what every record says of the viewer */

    enum fh__ending ending;
    enum fh_bye reason;
    int error;
    bool bye_due, may_reconnect;
    uint16_t retry_s;
};

/* False: methods that cannot be. */
bool fh__server_session_init(struct fh__server_session *s, const struct fh_server_conn_config *cfg);
/* Wipes and frees what it holds; twice is fine. */
void fh__server_session_finish(struct fh__server_session *s);
void fh__server_session_open(struct fh__server_session *s, uint64_t now);
/* How many of the bytes were used. Fewer than len: drain events, or a screen is needed first. */
size_t fh__server_session_input(struct fh__server_session *s, uint64_t now, const uint8_t *data,
                                size_t len);
int fh__server_session_event(struct fh__server_session *s, struct fh_server_conn_event *ev);
/* Fills one record of at most room (64 or more) bytes. 0: nothing to send. */
size_t fh__server_session_fill(struct fh__server_session *s, uint64_t now, uint8_t *out,
                               size_t room, enum fh_channel_padding *padding);
uint64_t fh__server_session_deadline(const struct fh__server_session *s);
void fh__server_session_time(struct fh__server_session *s, uint64_t now);
void fh__server_session_tick(struct fh__server_session *s, uint64_t now);

/*
 * The viewer does not know the channel: it has until then to show who it is. Then what it showed;
 * false: it is rejected already.
 */
void fh__server_session_older(struct fh__server_session *s, uint64_t until_ms);
bool fh__server_session_login(struct fh__server_session *s, unsigned method, const char *user,
                              size_t user_len, const void *proof, size_t proof_len);
void fh__server_session_push(struct fh__server_session *s, enum fh_server_conn_event_type type);
void fh__server_session_audit(struct fh__server_session *s, enum fh_audit_type type,
                              const char *reason, const char *text);
int fh__server_session_authenticated(struct fh__server_session *s, uint64_t now,
                                     uint32_t permissions);
int fh__server_session_ask(struct fh__server_session *s, uint64_t now, const struct fh_item *items,
                           size_t n);
int fh__server_session_rotate(struct fh__server_session *s, const struct fh_rotation *m);
int fh__server_session_notice(struct fh__server_session *s, const char *text);
int fh__server_session_set_screen(struct fh__server_session *s, const struct fh_framebuffer *fb,
                                  const struct fh_screen *screens, size_t n_screens);
void fh__server_session_set_name(struct fh__server_session *s, const char *name);
int fh__server_session_set_permissions(struct fh__server_session *s, uint32_t permissions);
bool fh__server_session_may(const struct fh__server_session *s, enum fh_act act);
/* Ends it; the first call counts. bye: tell the viewer, if the channel stands. */
void fh__server_session_end(struct fh__server_session *s, enum fh_bye reason, int error, bool bye);

/* ---- server_rfb.c ---- */

/* Shares the screen, or the dark with who may not view. */
int fh__server_rfb_share(struct fh__server_session *s);
/* Bytes of channel 1; how many there was room for. */
size_t fh__server_rfb_input(struct fh__server_session *s, const uint8_t *data, size_t len);
/* True: *ev lets go of something that the viewer holds and may hold no longer. */
bool fh__server_rfb_release(struct fh__server_session *s, struct fh_server_conn_event *ev);
/* 1: *ev is the next of what the viewer did; 0: nothing more, or the session ended. */
int fh__server_rfb_event(struct fh__server_session *s, struct fh_server_conn_event *ev);
/* Frames of channel 1, at most room bytes; for an older viewer, without the frames. */
size_t fh__server_rfb_fill(struct fh__server_session *s, uint8_t *out, size_t room);

#endif
