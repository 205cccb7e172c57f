/* SPDX-License-Identifier: MIT */
/*
 * sctp_world.h -- two associations and the two directions of a path between them, in virtual time
 * and from one seed.
 */
#ifndef FH_TESTS_SCTP_WORLD_H
#define FH_TESTS_SCTP_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/sctp.h>

enum { WORLD_PACKETS = 1 << 15, MS = 1000, SEC = 1000000 };

/* Probabilities in 1/100000. */
struct wire {
    uint64_t rate_bps;        /* 0: any */
    uint64_t delay_us;        /* one way */
    uint64_t queue_len;       /* bytes */
    uint32_t loss, dup, late; /* late: held back by up to late_us, so that others overtake it */
    uint64_t late_us;
    uint32_t mtu; /* bytes of UDP payload; 0: any */
    bool down;
    /* state */
    uint64_t busy_until;
    uint64_t lost, overflowed, too_large, passed, bytes;
};

struct flying {
    uint64_t at, order;
    int to;
    size_t len;
    uint8_t *bytes;
};

struct world {
    uint64_t now, grain_us; /* timers ring at multiples of it; 0: exactly */
    uint64_t seed, order;
    struct fh_sctp *end[2];
    struct wire wire[2];  /* from end 0, from end 1 */
    struct world *shares; /* whose wires these two use instead; NULL: their own */
    struct flying *heap[WORLD_PACKETS];
    size_t heap_len;
    /* the user: what each end sends, and what it got */
    uint64_t to_write[2], written[2], got[2];
    bool reads[2], ends[2];
    uint64_t wrong;  /* bytes that were not what was written there */
    uint64_t drains; /* output calls that gave something */
    /* May look at each datagram that enters; false: it is lost. */
    bool (*meddle)(struct world *w, int from, uint8_t *bytes, size_t len);
};

static inline uint64_t world_random(struct world *w)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return w->seed;
}

static inline bool world_chance(struct world *w, uint32_t of_100000)
{
    return of_100000 > 0 && world_random(w) % 100000 < of_100000;
}

static inline void world_fill(void *user, void *out, size_t len)
{
    uint8_t *p = out;

    while (len-- > 0)
        *p++ = (uint8_t)(world_random(user) >> 24);
}

static inline struct fh_sctp_config world_config(struct world *w, int end)
{
    static const uint8_t secrets[2][32] = {{1}, {2}};

    return (struct fh_sctp_config){
        .side = end == 0 ? FH_SCTP_CONNECT : FH_SCTP_LISTEN,
        .guard = {.tx_secret = secrets[end],
                  .rx_secret = secrets[1 - end],
                  .tx_index = end == 0 ? 11 : 10,
                  .rx_index = end == 0 ? 10 : 11},
        .random = world_fill,
        .random_user = w,
    };
}

static inline void world_init(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    w->now = SEC;
    w->reads[0] = w->reads[1] = true;
    for (int i = 0; i < 2; i++)
        w->wire[i].queue_len = UINT64_MAX;
}

static inline void world_start(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        struct fh_sctp_config cfg = world_config(w, i);

        if (!w->end[i])
            w->end[i] = fh_sctp_new(&cfg, w->now);
    }
}

static inline void world_free(struct world *w)
{
    for (size_t i = 0; i < w->heap_len; i++) {
        free(w->heap[i]->bytes);
        free(w->heap[i]);
    }
    fh_sctp_free(w->end[0]);
    fh_sctp_free(w->end[1]);
}

/* ---- the path -------------------------------------------------------------------------------- */

static inline bool flying_before(const struct flying *a, const struct flying *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static inline void heap_push(struct world *w, struct flying *f)
{
    size_t i = w->heap_len++;

    for (; i > 0 && flying_before(f, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = f;
}

static inline struct flying *heap_pop(struct world *w)
{
    struct flying *top = w->heap[0], *last = w->heap[--w->heap_len];
    size_t i = 0;

    for (;;) {
        size_t c = 2 * i + 1;

        if (c >= w->heap_len)
            break;
        if (c + 1 < w->heap_len && flying_before(w->heap[c + 1], w->heap[c]))
            c++;
        if (!flying_before(w->heap[c], last))
            break;
        w->heap[i] = w->heap[c];
        i = c;
    }
    w->heap[i] = last;
    return top;
}

static inline void world_post(struct world *w, int from, const uint8_t *bytes, size_t len,
                              uint64_t at)
{
    struct flying *f = malloc(sizeof *f);

    *f = (struct flying){
        .at = at, .order = w->order++, .to = 1 - from, .len = len, .bytes = malloc(len)};
    memcpy(f->bytes, bytes, len);
    heap_push(w, f);
}

/* A datagram enters the path. */
static inline void world_send(struct world *w, int from, uint8_t *bytes, size_t len)
{
    struct wire *x = w->shares ? &w->shares->wire[from] : &w->wire[from];
    uint64_t depart = x->busy_until > w->now ? x->busy_until : w->now, at;

    if (w->meddle && !w->meddle(w, from, bytes, len))
        return;
    if (x->mtu != 0 && len > x->mtu) {
        x->too_large++;
        return;
    }
    if (x->down || world_chance(w, x->loss) || w->heap_len + 2 > WORLD_PACKETS) {
        x->lost++;
        return;
    }
    if (x->rate_bps != 0) {
        /* Headers of IPv4 and UDP count on the wire. */
        if ((depart - w->now) * x->rate_bps / 8 / SEC > x->queue_len) {
            x->overflowed++;
            return;
        }
        depart += (uint64_t)(len + 28) * 8 * SEC / x->rate_bps;
        x->busy_until = depart;
    }
    at = depart + x->delay_us;
    if (world_chance(w, x->late))
        at += world_random(w) % (x->late_us + 1);
    x->passed++;
    x->bytes += len;
    world_post(w, from, bytes, len, at);
    if (world_chance(w, x->dup))
        world_post(w, from, bytes, len, at + world_random(w) % (x->delay_us + 100));
}

/* ---- the users ------------------------------------------------------------------------------- */

static inline uint8_t world_byte(int end, uint64_t at)
{
    return (uint8_t)((at * 167 + at / 251 * 3 + at / 65521 * 7) ^ (end ? 0x5a : 0));
}

static inline void world_use(struct world *w, int i)
{
    struct fh_sctp *s = w->end[i];
    const uint8_t *p;
    size_t len;

    while (w->written[i] < w->to_write[i]) {
        uint8_t piece[8192];
        uint64_t left = w->to_write[i] - w->written[i];
        size_t n = left < sizeof piece ? (size_t)left : sizeof piece;
        int took;

        if (n > fh_sctp_room(s))
            n = fh_sctp_room(s);
        if (n == 0)
            break;
        for (size_t k = 0; k < n; k++)
            piece[k] = world_byte(i, w->written[i] + k);
        took = fh_sctp_write(s, piece, n);
        if (took <= 0)
            break;
        w->written[i] += (uint64_t)took;
    }
    if (w->ends[i] && w->written[i] == w->to_write[i])
        fh_sctp_end(s);
    while (w->reads[i] && (p = fh_sctp_read(s, &len)) != NULL) {
        for (size_t k = 0; k < len; k++)
            w->wrong += p[k] != world_byte(1 - i, w->got[i] + k);
        w->got[i] += len;
        fh_sctp_read_done(s, len);
    }
}

static inline void world_drain(struct world *w, int i)
{
    uint8_t out[FH_SCTP_DATAGRAM_MAX];
    size_t len;

    world_use(w, i);
    while ((len = fh_sctp_output(w->end[i], w->now, out)) > 0) {
        w->drains++;
        world_send(w, i, out, len);
    }
}

static inline uint64_t world_next_timer(const struct world *w)
{
    uint64_t a = fh_sctp_deadline(w->end[0]), b = fh_sctp_deadline(w->end[1]);
    uint64_t at = a < b ? a : b;

    if (at != UINT64_MAX && w->grain_us != 0)
        at = (at + w->grain_us - 1) / w->grain_us * w->grain_us;
    return at < w->now ? w->now : at;
}

static inline void world_deliver(struct world *w)
{
    bool touched[2] = {false, false};

    while (w->heap_len > 0 && w->heap[0]->at <= w->now) {
        struct flying *f = heap_pop(w);

        touched[f->to] = true;
        (void)fh_sctp_input(w->end[f->to], w->now, f->bytes, f->len, NULL);
        free(f->bytes);
        free(f);
    }
    for (int i = 0; i < 2; i++)
        if (touched[i])
            world_drain(w, i);
}

/* One step: to the next thing that happens, at the latest `until`. False: nothing will. */
static inline bool world_step(struct world *w, uint64_t until)
{
    uint64_t timer = world_next_timer(w);
    uint64_t arrival = w->heap_len > 0 ? w->heap[0]->at : UINT64_MAX;
    uint64_t at = timer < arrival ? timer : arrival;

    if (at > until) {
        w->now = until;
        return false;
    }
    w->now = at > w->now ? at : w->now;
    world_deliver(w);
    for (int i = 0; i < 2; i++) {
        if (fh_sctp_deadline(w->end[i]) > w->now)
            continue;
        fh_sctp_tick(w->end[i], w->now);
        world_drain(w, i);
    }
    return true;
}

static inline void world_run(struct world *w, uint64_t for_us)
{
    uint64_t until = w->now + for_us;

    world_drain(w, 0);
    world_drain(w, 1);
    while (w->now < until && world_step(w, until))
        ;
}

/* Both ends are done with, or the time is over. */
static inline bool world_is_over(const struct world *w)
{
    for (int i = 0; i < 2; i++)
        if (fh_sctp_state(w->end[i]) != FH_SCTP_CLOSED &&
            fh_sctp_state(w->end[i]) != FH_SCTP_BROKEN)
            return false;
    return true;
}

static inline void world_run_to_end(struct world *w, uint64_t for_us)
{
    uint64_t until = w->now + for_us;

    world_drain(w, 0);
    world_drain(w, 1);
    while (w->now < until && !world_is_over(w) && world_step(w, until))
        ;
}

#endif
