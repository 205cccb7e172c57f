/* SPDX-License-Identifier: MIT */
/* viewer.h -- one connection and its session process, as the monitor has it. For sharing.c. */
#ifndef FH__VIEWER_H
#define FH__VIEWER_H

#include "child.h"
#include "sharing.h"

enum {
    /* A session process says by itself when the deadlines of the protocol pass: this is for one
     * that does not. */
    FH__VIEWER_ENTRY_MS = FH_SERVER_AUTH_MAX_MS + 60000,
    FH__VIEWER_LEAVE_MS = 15000, /* to say goodbye and end */
    FH__VIEWER_CLOUD_MS = 20000, /* without a stream, where resume-timeout is 0 */
    FH__VIEWER_RETURNS = 8,
    FH__VIEWER_LOG_MAX = 50 /* lines that one process may write to our log */
};

struct viewer {
    struct fh__sharing *s;
    struct viewer *next;
    struct fh__child child;
    uv_timer_t deadline;
    unsigned open;  /* child and deadline */
    uint32_t stage; /* enum fh__stage */
    struct fh__entry entry;
    struct fh_address address; /* of the stream that came first, as its process knows it */
    bool has_arrived;          /* a cloud brought it: */
    struct fh__arrival arrival;
    struct fh__caller admitted; /* whom admission counts */
    struct fh__caller ways[2];  /* of its streams, the last that came each way; number 0: none */
    int stream;                 /* a copy of it, until its viewer speaks; -1 */
    bool is_linked; /* it may be carried on with by who proves that it is ref's viewer */
    uint8_t ref[FH_LINK_REF_LEN];
    bool is_away; /* its network was lost */
    /* Of streams that say so and were handed on, and are not answered for: the last ones. */
    struct fh__caller returns[FH__VIEWER_RETURNS];
    unsigned n_returns;
    bool has_more_returns; /* some were forgotten */
    int key_end;           /* what its one signature is asked through; -1: it was handed on */
    bool is_counted, is_authenticated, is_attached, has_started;
    bool is_rotating;                      /* it may come in, as soon as both keys have signed */
    unsigned n_logged, attempts, reported; /* reported: bits of enum fh_audit_type */
    uint32_t granted;                      /* permissions while nothing is paused */
    uint32_t in_force;
    uint64_t accepted_ms, started_ms;
    const char *fate; /* what the audit says of an end that the process did not report */
    unsigned older;   /* the security type of a viewer without the channel; 0: it has it */
    char id[2 * FH_SESSION_ID_LEN + 1];
    char program[256];
    enum fh_method method;
    uint8_t asked[FH_AUTH_ITEMS_MAX]; /* enum fh_kind */
    size_t n_asked;
    struct { /* of the attempt that is decided on */
        char user[FH_AUTH_USER_MAX + 1], password[FH_AUTH_PASSWORD_MAX + 1];
    } said;
};

/* Starts the process. -1: logged; then *v is the caller's, and fd still open. */
int fh__viewer_start(struct viewer *v, int fd, const struct fh_address *peer);
/* Writes down an event, with all that is known. report: NULL, or what the process said. */
void fh__viewer_record(const struct viewer *v, enum fh_audit_type type, const char *reason,
                       const struct fh__msg_report *report);
void fh__viewer_disconnect(struct viewer *v, enum fh_bye reason, bool may_reconnect);
/* What it waits for before it is let in; NULL: there is none. */
void fh__viewer_rotated(struct viewer *v, const struct fh__msg_rotated *m);
/* What the viewer may do as of now, in both processes. */
void fh__viewer_apply(struct viewer *v);
/* Gives it the way to the desktop, if there is one now. */
void fh__viewer_attach(struct viewer *v);
/* It did what it must not: it is ended, and its address pays. */
void fh__viewer_punish(struct viewer *v, const char *why);
bool fh__viewer_is_at_work(const struct viewer *v);
int fh__viewer_send(struct viewer *v, unsigned number, const void *body, size_t len, int fd);

#endif
