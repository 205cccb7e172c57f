/* SPDX-License-Identifier: MIT */
/*
 * rate.h -- how fast to send, and how much may be under way: a model of the path in the manner of
 * BBR (draft-ietf-ccwg-bbr), not a reaction to single losses.
 *
 * The path is two numbers: the largest rate of delivery of the last ten round trips, and the least
 * round-trip time of the last ten seconds. Sending is paced at that rate, with 1.25 of it for one
 * round trip in eight to find out whether there is more, and no more than one and a half times
 * their product is under way. Only loss beyond one in twelve, which says that a queue overflows,
 * lowers the bound.
 *
 * Bytes are those of datagrams. Times are microseconds, rates bytes per second. Pure.
 */
#ifndef FH_TRANSPORT_RATE_H
#define FH_TRANSPORT_RATE_H

#include <stdbool.h>
#include <stdint.h>

enum rate_mode { RATE_STARTUP, RATE_DRAIN, RATE_PROBE_BW, RATE_PROBE_RTT };

enum { RATE_ROUNDS = 10 };

/* What is remembered of each datagram until it is acknowledged (or lost). */
struct rate_mark {
    uint64_t sent_us;
    uint64_t delivered;    /* bytes, when it was sent */
    uint64_t delivered_us; /* when those were */
    uint64_t first_us;     /* when the flight began whose delivery it will measure */
    bool app_limited;
};

struct rate {
    enum rate_mode mode;
    uint32_t size; /* bytes of a full datagram */
    /* what was delivered */
    uint64_t delivered, delivered_us, first_us;
    uint64_t app_limited; /* rates tell nothing until so much was delivered; 0: they do */
    /* round trips */
    uint64_t round, round_at, round_ends, round_lost, round_delivered;
    uint32_t round_losses; /* datagrams */
    bool round_starts;
    /* the model */
    uint64_t bw[RATE_ROUNDS], bw_round;
    uint32_t bw_at;
    uint64_t extra[2], extra_epoch_us, extra_acked; /* delivered in bursts beyond the rate */
    uint64_t extra_round;
    uint32_t min_rtt_us; /* 0: not known yet */
    uint64_t min_rtt_at;
    bool min_rtt_expired;
    bool was_idle;    /* nothing was under way: the next round-trip time is the path's own */
    uint64_t ceiling; /* bytes under way, beyond which a queue overflowed; UINT64_MAX: not known */
    uint64_t undo_ceiling, undo_round; /* before it was last lowered, and when */
    bool undo_filled, can_undo;
    /* the mode's own */
    uint64_t full_bw;
    uint32_t full_rounds;
    bool filled;
    uint32_t phase;
    uint64_t phase_at;
    bool phase_lost;
    uint64_t probe_rtt_ends;
    /* the outcome */
    uint64_t pace; /* bytes per second */
    uint64_t cwnd; /* bytes */
    uint64_t next_us;
};

void fh__rate_init(struct rate *r, uint64_t now, uint32_t size);
/* A first round-trip time is known, perhaps from a handshake: the first window is spread over it.
 */
void fh__rate_guess(struct rate *r, uint32_t rtt_us);
/* The size of a full datagram changed. */
void fh__rate_resize(struct rate *r, uint32_t size);

/* When the next datagram may go, if there is anything to send: now or earlier means at once. */
static inline uint64_t fh__rate_next(const struct rate *r)
{
    return r->next_us;
}

/* A datagram of so many bytes goes now, in_flight bytes being under way before it. */
void fh__rate_on_send(struct rate *r, uint64_t now, uint32_t bytes, uint64_t in_flight,
                      struct rate_mark *out);
/* There is nothing to send although there may be. */
void fh__rate_on_idle(struct rate *r, uint64_t in_flight);

/* What one acknowledgement says. */
struct rate_sample {
    uint64_t acked, lost; /* bytes */
    uint32_t losses;      /* datagrams */
    uint32_t rtt_us;      /* 0: it tells none */
    bool any;
    struct rate_mark mark; /* of the latest sent that it acknowledges */
    uint64_t prior;        /* delivered before, by that mark */
};

/* Collect each datagram that an acknowledgement delivers; then tell the whole, with what is left
 * under way. */
void fh__rate_collect(struct rate *r, uint64_t now, struct rate_sample *s,
                      const struct rate_mark *m, uint32_t bytes);
void fh__rate_on_ack(struct rate *r, uint64_t now, const struct rate_sample *s, uint64_t in_flight);

/* A datagram of so many bytes that counted as lost had only been overtaken. */
void fh__rate_on_late(struct rate *r, uint32_t bytes);

/* The largest rate of delivery of late. */
uint64_t fh__rate_bw(const struct rate *r);
uint64_t fh__rate_bdp(const struct rate *r);

#endif
