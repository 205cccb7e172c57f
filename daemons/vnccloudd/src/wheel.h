/* SPDX-License-Identifier: MIT */
/*
 * wheel.h -- a wheel of timers: adding, removing and firing cost the same for ten as for a million.
 *
 *     fh__wheel_set()       fires at a time, or at another one than before
 *     fh__wheel_clear()
 *     fh__wheel_advance()   fires what is due
 *     fh__wheel_deadline()  when to call it next
 *
 * Four rings of 64 slots, each slot of a ring as long as the whole ring below it (Varghese and
 * Lauck, 1987, scheme 7). Timers fire at most FH__WHEEL_TICK ms late, and never early. No clock
 * inside; wheel_uv.h has the adapter.
 */
#ifndef FH__WHEEL_H
#define FH__WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FH__WHEEL_TICK = 16 /* ms */, FH__WHEEL_RINGS = 4, FH__WHEEL_SLOTS = 64 };

/* What owners embed. Zeroed is not set. */
struct fh__timer {
    struct fh__timer *next, **at; /* at: what points to us; NULL: not set */
    uint64_t tick;
    void (*fire)(struct fh__timer *t, uint64_t now_ms);
};

struct fh__wheel {
    uint64_t tick; /* the last that was fired */
    uint64_t used[FH__WHEEL_RINGS];
    struct fh__timer *slots[FH__WHEEL_RINGS][FH__WHEEL_SLOTS];
};

void fh__wheel_init(struct fh__wheel *w, uint64_t now_ms);
/* t->fire must be set. A time that is over fires with the next advance, one that is beyond some
 * three days after these. */
void fh__wheel_set(struct fh__wheel *w, struct fh__timer *t, uint64_t at_ms);
/* Also of one that is not set. */
void fh__wheel_clear(struct fh__wheel *w, struct fh__timer *t);

static inline bool fh__timer_is_set(const struct fh__timer *t)
{
    return t->at != NULL;
}

/* Timers may be set and cleared, and their owners freed, by those that fire. */
void fh__wheel_advance(struct fh__wheel *w, uint64_t now_ms);
/* Not later than the first timer; UINT64_MAX: none is set. */
uint64_t fh__wheel_deadline(const struct fh__wheel *w);

/* ms give or take a fifth. random: any number. */
static inline uint64_t fh__wheel_jitter(uint64_t ms, uint32_t random)
{
    uint64_t fifth = ms / 5;

    return ms - fifth + (2 * fifth + 1) * random / ((uint64_t)UINT32_MAX + 1);
}

#endif
