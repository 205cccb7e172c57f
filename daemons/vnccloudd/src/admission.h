/* SPDX-License-Identifier: MIT */
/*
 * admission.h -- who may begin the costly part of a TLS handshake, and when.
 *
 * When all clients come back at once there is more to do than a machine can. Served in their order
 * all would wait, until all have given up, and the work for them was for nothing. So handshakes
 * are begun at the rate that the machine keeps up with, which is found out as it goes; who resumes
 * a session costs a sixteenth and goes first, then who came last, whose patience is the longest;
 * who has waited too long is dropped, which costs nothing, and comes back later.
 *
 *     fh__admission_enter()      go on, or wait for go() or drop()
 *     fh__admission_leave()      is not waiting any more
 *     fh__admission_tick()       lets in whose turn it is
 *     fh__admission_deadline()   when to call it next
 *     fh__admission_load()       how busy the loop was
 *
 * No clock inside; a core.
 */
#ifndef FH__ADMISSION_H
#define FH__ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FH__ADMISSION_FULL = 16, /* what a full handshake costs, where a resumed one costs 1 */
    FH__ADMISSION_PATIENCE_MS = 3000,
    FH__ADMISSION_RATE_FIRST = 200, /* full handshakes a second */
    FH__ADMISSION_RATE_MIN = 20,
    FH__ADMISSION_RATE_MAX = 100000,
    FH__ADMISSION_WINDOW_MS = 100, /* of what fh__admission_load() is told */
    FH__ADMISSION_QUEUE_MIN = 64
};

/* What who waits embeds. Zeroed does not wait. */
struct fh__waiter {
    struct fh__waiter *newer, *older;
    uint64_t since_ms;
    bool resumes, waits;
    /* Called from fh__admission_tick() or _enter(); waits no more. */
    void (*go)(struct fh__waiter *w);
    void (*drop)(struct fh__waiter *w);
};

struct fh__queue {
    struct fh__waiter *newest, *oldest;
    size_t n;
};

struct fh__admission {
    struct fh__queue resumed, full;
    uint32_t rate;  /* full handshakes a second */
    bool is_fixed;  /* by the configuration */
    uint64_t units; /* that may be spent, in thousandths */
    uint64_t filled_ms, window_ms, window_busy_us;
    uint64_t let_in_full, let_in_resumed, dropped; /* since the start */
};

/* rate: 0, to be found out. */
void fh__admission_init(struct fh__admission *a, uint64_t now_ms, uint32_t rate);
void fh__admission_set_rate(struct fh__admission *a, uint32_t rate);
/* true: go on at once. false: w waits; it, or an older one, may have been dropped already. */
bool fh__admission_enter(struct fh__admission *a, uint64_t now_ms, struct fh__waiter *w);
void fh__admission_leave(struct fh__admission *a, struct fh__waiter *w);
void fh__admission_tick(struct fh__admission *a, uint64_t now_ms);
/* UINT64_MAX: nobody waits. */
uint64_t fh__admission_deadline(const struct fh__admission *a, uint64_t now_ms);
/* busy_us: how long the loop had something to do, since the start. */
void fh__admission_load(struct fh__admission *a, uint64_t now_ms, uint64_t busy_us);

#endif
