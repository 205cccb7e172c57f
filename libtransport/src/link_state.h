/* SPDX-License-Identifier: MIT */
/*
 * link_state.h -- what the files of the link share.
 *
 *     link.c           the stream on top, time, what is told and when
 *     link_path.c      paths: begin, attach, accept, lose, retire
 *     link_send.c      what is said on a path
 *     link_receive.c   what is heard on one
 *
 * Numbers count bytes written above, from 0; the end of a side counts as one more. In each
 * direction, of what we send:
 *
 *     base <= next <= high, base <= written + 1
 *     [0, base) was acknowledged, [base, written) is kept, next is sent next, high was never sent
 */
#ifndef FH_TRANSPORT_LINK_STATE_H
#define FH_TRANSPORT_LINK_STATE_H

#include <farhand/stream_impl.h>

#include "link_frame.h"
#include "ring.h"

enum {
    FH_LINK_UNSENT_MAX = 32 << 10, /* written and given to no path: the newest picture must win */
    FH_LINK_ACK_EVERY = 64 << 10,  /* bytes */
    FH_LINK_ACK_MS = 1000,         /* the latest */
    FH_LINK_ACK_SOON_MS = 25,      /* the latest, where the sender could take another path */
    FH_LINK_ACK_STILL_MS = 100,    /* there, while who stands above takes nothing: we are alive */
    FH_LINK_ACK_ASIDE = 64 << 10,  /* bytes under way, behind which an ACK would be late */
    FH_LINK_RTT_MAX_MS = 3000,     /* the longest that is reckoned with */
    FH_LINK_HOLD_MIN_MS = 1000,    /* after it was late, until a path is trusted again */
    FH_LINK_HOLD_MAX_MS = 32000,   /* doubled each time, up to this */
    FH_LINK_GOOD_MS = 60000,       /* not late for so long: it begins with the least again */
    FH_LINK_LATE_MS = 1000         /* a tick that comes so late says that we slept, not the peer */
};

enum fh__link_path_state {
    FH_LINK_PATH_OPENING, /* client: the peer's OPEN is awaited; we send already */
    FH_LINK_PATH_ASKING,  /* client: ATTACH was sent */
    FH_LINK_PATH_PROVING, /* server: ATTACHED was sent */
    FH_LINK_PATH_UP
};

struct fh__link_path {
    struct fh_link *link;
    struct fh_stream *stream; /* NULL: the place is free, and the rest means nothing */
    enum fh__link_path_state state;
    uint8_t rank;
    bool is_alone;  /* it was asked for when no other was left */
    uint64_t since; /* attached as the how-manieth */
    uint64_t prove_by_ms, heard_ms, said_ms;
    uint64_t want; /* PROVING: what the peer wants next */
    uint64_t asked_ms;
    uint32_t rtt_ms, rtt_var_ms; /* from the first byte after silence to its ACK; 0: not known */
    bool is_late;                /* what was sent on it is not acknowledged; not used until */
    uint64_t trusted_ms;         /* it is heard after this */
    uint32_t hold_ms;            /* how long that was, the last time */

    /* sending */
    bool is_full;  /* until writable() */
    bool has_left; /* SWITCH was said, and nothing of weight since */
    bool owes_switch, owes_want, owes_ack, owes_bye;
    enum fh__link_bye bye;
    size_t out_at, out_len;
    uint8_t out[FH_LINK_NUMBER_LEN + FH_LINK_PAYLOAD_MAX];

    /* receiving */
    bool is_stopped;           /* does not read: the owner above, or a gap */
    bool is_used;              /* the peer sends here */
    bool peer_has_left;        /* SWITCH was heard */
    bool is_dropping;          /* WANT was said: what lies beyond is dropped until it comes */
    bool has_gap;              /* what is missing before gap may still come on another path */
    bool has_end;              /* END was heard, behind that gap */
    uint64_t gap, gap_ms;      /* where it ends, since when it is waited for */
    bool was_greeted, is_text; /* twelve bytes instead of a frame */
    size_t in_len, in_need;
    uint64_t number; /* of the next byte of the DATA being read */
    size_t left;     /* bytes of it */
    uint8_t in[FH_LINK_FRAME_MAX];
    uint8_t attach[FH_LINK_ATTACH_LEN], attached[FH_LINK_ATTACHED_LEN];
};

struct fh_link {
    struct fh_stream s; /* first: the stream on top is cast to its link */
    struct fh_link_config cfg;
    uint64_t now_ms, armed_ms; /* the last deadline that was made known */
    struct fh__link_path path[FH_LINK_PATHS_MAX];
    struct fh__link_path *cur; /* where we send; NULL: no path */
    struct fh__link_path *in;  /* where the peer's bytes came last; NULL: no path */
    uint8_t told_rank;         /* of cur, as the owner knows it */
    bool told_away;            /* and that no path was left */
    size_t open_streams;       /* below, those being closed included */
    bool has_lost;             /* a path, since settling began: others may have its work now */

    bool is_begun, is_secured;
    uint8_t key[FH_LINK_KEY_LEN], ref[FH_LINK_REF_LEN];
    uint64_t counter; /* of the last ATTACH */

    /* our side */
    struct ring kept; /* [base, written) */
    uint64_t base, next, high, written;
    bool has_fin; /* ended by fh_stream_shutdown() */

    uint64_t ack_heard_ms;       /* or since when there is something to be acknowledged */
    uint64_t timed_ms;           /* when the first byte after silence was sent on: */
    struct fh__link_path *timed; /* NULL: none is timed */

    /* the peer's */
    uint64_t wanted, acked; /* the next number; the last one acknowledged */
    bool peer_fin;
    bool owes_ack;
    uint64_t ack_by_ms;

    int error;            /* how it failed */
    bool is_over;         /* done, failed or closed: no path is wanted any more */
    uint64_t detached_ms; /* since when; UINT64_MAX: attached or over */
    uint64_t linger_by_ms;
    bool is_gone;

    /* what happened, and what of it was told */
    struct fh_address attached; /* the peer of the path that was attached last */
    uint64_t losses, attaches, failures, told_losses, told_attaches, told_failures;
    int last_failure;
    uint64_t sent, resent, late;
};

/* ---- link.c ---- */

/* Each entry from outside begins with _enter and ends with _settle; those from the loop tell. */
void fh__link_enter(struct fh_link *l);
void fh__link_settle(struct fh_link *l);
void fh__link_tell(struct fh_link *l);
/* The end of it all: says bye where it can and lets go of all paths. error 0: in order. */
void fh__link_finish(struct fh_link *l, int error, enum fh__link_bye code);
/* Both sides ended and know it of each other: nothing is left to do. */
void fh__link_check_done(struct fh_link *l);
/* The peer keeps without a path for so long. */
static inline void fh__link_heed_keep(struct fh_link *l, uint16_t keep_s)
{
    if (keep_s * 1000u < l->cfg.times.keep_ms)
        l->cfg.times.keep_ms = keep_s * 1000u;
}

/* ---- link_path.c ---- */

/* It broke or said what it must not. */
void fh__link_path_failed(struct fh__link_path *p, int error);
/* Closes it; the link goes on without. */
void fh__link_path_lose(struct fh__link_path *p, int error);
/* What is queued is sent, then it is closed; nobody misses it. */
void fh__link_path_retire(struct fh__link_path *p);
/* The peer is proved to be there. False: it wants what is not there. */
bool fh__link_path_join(struct fh__link_path *p, uint64_t want);
/* Sends there from now on; the path before is told. */
void fh__link_move_to(struct fh_link *l, struct fh__link_path *p);
/* How long to wait for an ACK of what was sent on p. */
uint32_t fh__link_path_patience(const struct fh__link_path *p);
/* When cur is given up for another; UINT64_MAX: it is not. */
uint64_t fh__link_late_at(const struct fh_link *l);
/* It is: what is not acknowledged goes elsewhere. */
void fh__link_path_late(struct fh__link_path *p);
/* Something was heard on p: it may be as good as it was. */
void fh__link_path_heard(struct fh__link_path *p);
/* An exchange on p took so long. */
void fh__link_path_timed(struct fh__link_path *p, uint64_t ms);
/* Where the session would go if p were lost; NULL: nowhere. */
struct fh__link_path *fh__link_path_beside(const struct fh__link_path *p);
/* Several paths are up: who sends could take another one. */
bool fh__link_has_choice(const struct fh_link *l);
/* May a gap on p still be filled from elsewhere? */
bool fh__link_path_may_wait(const struct fh__link_path *p);
static inline bool fh__link_path_is_up(const struct fh__link_path *p)
{
    return p->stream && p->state == FH_LINK_PATH_UP;
}

/* ---- link_send.c ---- */

/* Sends what there is for p, as far as it takes it. */
void fh__link_talk(struct fh__link_path *p);
/* Queues a frame on a path that has nothing queued. */
void fh__link_put(struct fh__link_path *p, const uint8_t *data, size_t len);
/* The peer has all before number. False: that was never sent. */
bool fh__link_acknowledged(struct fh_link *l, uint64_t number);
size_t fh__link_room(const struct fh_link *l);

/* ---- link_receive.c ---- */

extern const struct fh_stream_events fh__link_path_events;
/* Reads on where reading was stopped for a reason that is no more. */
void fh__link_read_on(struct fh_link *l);

#endif
