/* SPDX-License-Identifier: MIT */
/* rate.c -- section numbers are of draft-ietf-ccwg-bbr-03. */
#include "rate.h"

#include <string.h>

enum {
    INITIAL_DATAGRAMS = 32,
    MIN_DATAGRAMS = 4,
    MIN_RTT_LIFE_US = 10000000,
    PROBE_RTT_US = 200000,
    /* How late a timer may be and what it missed still be sent: libuv's have a grain of 1 ms. */
    CATCH_UP_US = 4000,
    /*
     * On a path shorter than this the programs at its ends take longer than the path: a round lasts
     * as long at least, and so much more may be under way, up to a bound.
     */
    SHORT_US = 5000,
    SHORT_BYTES = 128 << 10,
    PHASES = 8,
    LOSS_PART = 12, /* one of so many lost: a queue overflows */
    LOSS_LEAST = 8  /* datagrams; fewer are chance */
};

/* Gains in 1/256: 2.77, its inverse, 1.25, 0.75, 1. */
enum { GAIN_STARTUP = 710, GAIN_DRAIN = 90, GAIN_UP = 320, GAIN_DOWN = 192, GAIN_ONE = 256 };
/*
 * Of what may be under way: twice the product while searching. After that half as much again, so
 * that two who share a queue of one round trip do not keep it full, and the later one gets its
 * part.
 */
enum { GAIN_SEARCH = 512, GAIN_CWND = 384, GAIN_PROBE_RTT = 128 };

#define NO_CEILING UINT64_MAX

static uint64_t max64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t fh__rate_bw(const struct rate *r)
{
    uint64_t bw = 0;

    for (int i = 0; i < RATE_ROUNDS; i++)
        bw = max64(bw, r->bw[i]);
    return bw;
}

uint64_t fh__rate_bdp(const struct rate *r)
{
    if (r->min_rtt_us == 0 || fh__rate_bw(r) == 0)
        return (uint64_t)INITIAL_DATAGRAMS * r->size;
    return fh__rate_bw(r) * r->min_rtt_us / 1000000;
}

void fh__rate_init(struct rate *r, uint64_t now, uint32_t size)
{
    memset(r, 0, sizeof *r);
    r->size = size;
    r->delivered_us = r->first_us = r->min_rtt_at = r->next_us = now;
    r->ceiling = NO_CEILING;
    r->cwnd = (uint64_t)INITIAL_DATAGRAMS * size;
    /* As if the round-trip time were 4 ms, until there is one. */
    r->pace = r->cwnd * 250 * GAIN_STARTUP / 256;
}

void fh__rate_guess(struct rate *r, uint32_t rtt_us)
{
    if (r->delivered == 0 && rtt_us > 0)
        r->pace = max64(r->cwnd * 1000000 / rtt_us * GAIN_STARTUP / GAIN_ONE, r->size);
}

void fh__rate_resize(struct rate *r, uint32_t size)
{
    r->size = size;
    r->cwnd = max64(r->cwnd, (uint64_t)MIN_DATAGRAMS * size);
}

void fh__rate_on_send(struct rate *r, uint64_t now, uint32_t bytes, uint64_t in_flight,
                      struct rate_mark *out)
{
    uint64_t behind = now > CATCH_UP_US ? now - CATCH_UP_US : 0;

    if (in_flight == 0) {
        r->first_us = r->delivered_us = now;
        r->extra_epoch_us = now;
        r->extra_acked = 0;
        r->was_idle = true;
    }
    *out = (struct rate_mark){.sent_us = now,
                              .delivered = r->delivered,
                              .delivered_us = r->delivered_us,
                              .first_us = r->first_us,
                              .app_limited = r->app_limited != 0};
    r->next_us = max64(r->next_us, behind) + (uint64_t)bytes * 1000000 / r->pace;
}

void fh__rate_on_idle(struct rate *r, uint64_t in_flight)
{
    if (in_flight < r->cwnd)
        r->app_limited = max64(r->delivered + in_flight, 1);
}

void fh__rate_collect(struct rate *r, uint64_t now, struct rate_sample *s,
                      const struct rate_mark *m, uint32_t bytes)
{
    r->delivered += bytes;
    r->delivered_us = now;
    s->acked += bytes;
    if (s->any &&
        (m->delivered < s->prior || (m->delivered == s->prior && m->sent_us <= s->mark.sent_us)))
        return;
    s->any = true;
    s->prior = m->delivered;
    s->mark = *m;
    r->first_us = m->sent_us;
}

/* ---- the model ------------------------------------------------------------------------------- */

static void update_round(struct rate *r, uint64_t now, const struct rate_sample *s)
{
    r->round_starts = s->any && s->prior >= r->round_ends && now >= r->round_at + SHORT_US;
    if (!r->round_starts)
        return;
    r->round++;
    r->round_at = now;
    r->round_ends = r->delivered;
}

/* 4.1.1.2, delivery rate: the slower of sending and acknowledging counts. */
static uint64_t sample_bw(const struct rate *r, const struct rate_sample *s)
{
    uint64_t sending = s->mark.sent_us - s->mark.first_us;
    uint64_t acking = r->delivered_us - s->mark.delivered_us;
    uint64_t interval = max64(sending, acking);

    if (!s->any || interval == 0 || interval < r->min_rtt_us)
        return 0;
    return (r->delivered - s->prior) * 1000000 / interval;
}

/* Ten rounds are kept; those in which the application had too little to send do not count. */
static void update_bw(struct rate *r, const struct rate_sample *s)
{
    uint64_t bw = sample_bw(r, s);

    if (bw == 0 || (s->mark.app_limited && bw < fh__rate_bw(r)))
        return;
    if (r->bw_round != r->round) {
        r->bw_round = r->round;
        r->bw_at = (r->bw_at + 1) % RATE_ROUNDS;
        r->bw[r->bw_at] = 0;
    }
    r->bw[r->bw_at] = max64(r->bw[r->bw_at], bw);
}

/* 4.5.5: what arrives in bursts must be under way in addition, or the gaps between them starve. */
static void update_extra(struct rate *r, uint64_t now, const struct rate_sample *s)
{
    uint64_t expected = fh__rate_bw(r) * (now - r->extra_epoch_us) / 1000000;

    if (r->extra_acked <= expected) {
        r->extra_acked = 0;
        r->extra_epoch_us = now;
        expected = 0;
    }
    r->extra_acked = min64(r->extra_acked + s->acked, r->cwnd);
    if (r->round >= r->extra_round + RATE_ROUNDS / 2) {
        r->extra_round = r->round;
        r->extra[1] = r->extra[0];
        r->extra[0] = 0;
    }
    if (r->extra_acked > expected)
        r->extra[0] = max64(r->extra[0], r->extra_acked - expected);
}

static void update_min_rtt(struct rate *r, uint64_t now, const struct rate_sample *s)
{
    r->min_rtt_expired = r->min_rtt_us != 0 && now > r->min_rtt_at + MIN_RTT_LIFE_US;
    if (s->rtt_us == 0)
        return;
    if (r->min_rtt_us == 0 || s->rtt_us <= r->min_rtt_us ||
        (r->min_rtt_expired && (r->mode == RATE_PROBE_RTT || r->was_idle))) {
        r->min_rtt_us = s->rtt_us;
        r->min_rtt_at = now;
        r->min_rtt_expired = false;
    }
    r->was_idle = false;
}

static void forget_losses(struct rate *r)
{
    r->round_lost = r->round_delivered = 0;
    r->round_losses = 0;
}

static void lower_ceiling(struct rate *r, uint64_t in_flight)
{
    uint64_t least = (uint64_t)MIN_DATAGRAMS * r->size;

    r->undo_ceiling = r->ceiling;
    r->undo_round = r->round;
    r->undo_filled = r->filled;
    r->can_undo = true;
    r->ceiling = max64(in_flight, fh__rate_bdp(r));
    r->ceiling = max64(r->ceiling - r->ceiling / 8, least);
    r->phase_lost = true;
    r->filled = true;
}

/* A round in which more was lost than chance loses: so much under way was too much. */
static void update_ceiling(struct rate *r, const struct rate_sample *s, uint64_t in_flight)
{
    r->round_lost += s->lost;
    r->round_losses += s->losses;
    r->round_delivered += s->acked;
    if (r->round_losses >= LOSS_LEAST &&
        r->round_lost * LOSS_PART > r->round_lost + r->round_delivered) {
        lower_ceiling(r, in_flight + s->lost);
        forget_losses(r);
    }
    if (r->round_starts)
        forget_losses(r);
}

void fh__rate_on_late(struct rate *r, uint32_t bytes)
{
    r->round_lost -= min64(r->round_lost, bytes);
    r->round_losses -= r->round_losses > 0;
    if (!r->can_undo || r->round > r->undo_round + 2)
        return;
    r->can_undo = false;
    r->ceiling = r->undo_ceiling;
    r->filled = r->undo_filled;
    if (!r->filled)
        r->mode = RATE_STARTUP;
}

/* ---- the modes ------------------------------------------------------------------------------- */

static void enter_phase(struct rate *r, uint64_t now, uint32_t phase)
{
    /* A probe that overflowed nothing: there may be more room than was thought. */
    if (r->phase == 0 && !r->phase_lost && r->ceiling != NO_CEILING)
        r->ceiling = r->ceiling > 4 * r->cwnd ? NO_CEILING : r->ceiling + r->ceiling / 4;
    r->phase = phase;
    r->phase_at = now;
    r->phase_lost = false;
}

/* 4.3.1.2: three rounds without a quarter more. */
static void check_filled(struct rate *r, const struct rate_sample *s)
{
    if (r->filled || !r->round_starts || s->mark.app_limited)
        return;
    if (fh__rate_bw(r) >= r->full_bw + r->full_bw / 4) {
        r->full_bw = fh__rate_bw(r);
        r->full_rounds = 0;
        return;
    }
    if (++r->full_rounds >= 3)
        r->filled = true;
}

static void run_phase(struct rate *r, uint64_t now, uint64_t in_flight)
{
    uint64_t bdp = fh__rate_bdp(r), lasts = max64(r->min_rtt_us, SHORT_US);
    bool over = now - r->phase_at > lasts;

    if (r->phase == 0)
        over = over && (r->phase_lost || in_flight >= bdp + bdp / 4 || r->app_limited != 0 ||
                        now - r->phase_at > 2 * lasts);
    if (r->phase == 1)
        over = over || in_flight <= bdp;
    if (over)
        enter_phase(r, now, (r->phase + 1) % PHASES);
}

static void leave_probe_rtt(struct rate *r, uint64_t now)
{
    r->min_rtt_at = now;
    r->mode = r->filled ? RATE_PROBE_BW : RATE_STARTUP;
    enter_phase(r, now, 2);
}

/* 4.3.4: let the queues run empty once in a while, to see the path's own round-trip time. */
static void check_probe_rtt(struct rate *r, uint64_t now, uint64_t in_flight)
{
    if (r->mode != RATE_PROBE_RTT && r->min_rtt_expired) {
        r->mode = RATE_PROBE_RTT;
        r->probe_rtt_ends = 0;
    }
    if (r->mode != RATE_PROBE_RTT)
        return;
    if (r->probe_rtt_ends == 0 && in_flight <= r->cwnd)
        r->probe_rtt_ends = now + max64(PROBE_RTT_US, r->min_rtt_us);
    else if (r->probe_rtt_ends != 0 && now >= r->probe_rtt_ends)
        leave_probe_rtt(r, now);
}

static void update_mode(struct rate *r, uint64_t now, uint64_t in_flight)
{
    if (r->mode == RATE_STARTUP && r->filled)
        r->mode = RATE_DRAIN;
    if (r->mode == RATE_DRAIN && in_flight <= fh__rate_bdp(r)) {
        r->mode = RATE_PROBE_BW;
        enter_phase(r, now, 0);
    }
    if (r->mode == RATE_PROBE_BW)
        run_phase(r, now, in_flight);
    check_probe_rtt(r, now, in_flight);
}

/* ---- the outcome ----------------------------------------------------------------------------- */

static uint32_t pacing_gain(const struct rate *r)
{
    switch (r->mode) {
    case RATE_STARTUP:
        return GAIN_STARTUP;
    case RATE_DRAIN:
        return GAIN_DRAIN;
    case RATE_PROBE_BW:
        return r->phase == 0 ? GAIN_UP : r->phase == 1 ? GAIN_DOWN : GAIN_ONE;
    case RATE_PROBE_RTT:
        return GAIN_ONE;
    }
    return GAIN_ONE;
}

static void update_pace(struct rate *r)
{
    uint64_t pace = fh__rate_bw(r) * pacing_gain(r) / GAIN_ONE;

    /* Before the path is full a low sample must not slow the search down. */
    if (r->filled || pace > r->pace)
        r->pace = max64(pace, r->size);
}

static void update_cwnd(struct rate *r, const struct rate_sample *s)
{
    uint64_t least = (uint64_t)MIN_DATAGRAMS * r->size, bdp = fh__rate_bdp(r);
    uint64_t lag = min64(fh__rate_bw(r) * SHORT_US / 1000000, SHORT_BYTES);
    uint64_t target =
        max64(bdp * (r->filled ? GAIN_CWND : GAIN_SEARCH) / 256, bdp + lag) + 2 * least;

    /* Bursts say nothing while the rate still rises. */
    if (r->filled)
        target += max64(r->extra[0], r->extra[1]);
    if (r->filled)
        r->cwnd = min64(r->cwnd + s->acked, target);
    else if (r->cwnd < target || r->delivered < (uint64_t)INITIAL_DATAGRAMS * r->size)
        r->cwnd += s->acked;
    r->cwnd = min64(r->cwnd, r->ceiling);
    if (r->mode == RATE_PROBE_RTT)
        r->cwnd = min64(r->cwnd, bdp * GAIN_PROBE_RTT / 256);
    r->cwnd = max64(r->cwnd, least);
}

void fh__rate_on_ack(struct rate *r, uint64_t now, const struct rate_sample *s, uint64_t in_flight)
{
    if (r->app_limited != 0 && r->delivered > r->app_limited)
        r->app_limited = 0;
    update_round(r, now, s);
    update_min_rtt(r, now, s);
    update_bw(r, s);
    update_extra(r, now, s);
    check_filled(r, s);
    update_ceiling(r, s, in_flight);
    update_mode(r, now, in_flight);
    update_pace(r);
    update_cwnd(r, s);
}
