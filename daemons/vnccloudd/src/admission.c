/* SPDX-License-Identifier: MIT */
#include "admission.h"

#include <string.h>

enum {
    THOUSAND = 1000,
    BURST_MS = 100, /* what may be saved up */
    STEP_MS = 10,   /* how often those who wait are looked at */
    FEW = 2 * FH__ADMISSION_FULL * THOUSAND,
    BUSY_LITTLE = 700, /* thousandths of the time */
    BUSY_MUCH = 900
};

void fh__admission_init(struct fh__admission *a, uint64_t now_ms, uint32_t rate)
{
    memset(a, 0, sizeof *a);
    a->filled_ms = a->window_ms = now_ms;
    a->rate = FH__ADMISSION_RATE_FIRST;
    a->units = FEW;
    fh__admission_set_rate(a, rate);
}

void fh__admission_set_rate(struct fh__admission *a, uint32_t rate)
{
    a->is_fixed = rate != 0;
    if (rate)
        a->rate = rate;
}

/* ---- queues ---- */

static struct fh__queue *queue_of(struct fh__admission *a, const struct fh__waiter *w)
{
    return w->resumes ? &a->resumed : &a->full;
}

static void push(struct fh__queue *q, struct fh__waiter *w)
{
    w->older = q->newest;
    w->newer = NULL;
    *(q->newest ? &q->newest->newer : &q->oldest) = w;
    q->newest = w;
    q->n++;
    w->waits = true;
}

void fh__admission_leave(struct fh__admission *a, struct fh__waiter *w)
{
    struct fh__queue *q = queue_of(a, w);

    if (!w->waits)
        return;
    *(w->newer ? &w->newer->older : &q->newest) = w->older;
    *(w->older ? &w->older->newer : &q->oldest) = w->newer;
    q->n--;
    w->waits = false;
}

static void drop(struct fh__admission *a, struct fh__waiter *w)
{
    fh__admission_leave(a, w);
    a->dropped++;
    w->drop(w);
}

/* ---- units ---- */

static void fill(struct fh__admission *a, uint64_t now_ms)
{
    uint64_t a_ms = (uint64_t)a->rate * FH__ADMISSION_FULL, most = a_ms * BURST_MS;

    if (most < FEW)
        most = FEW;
    a->units += (now_ms - a->filled_ms) * a_ms;
    a->units = a->units < most ? a->units : most;
    a->filled_ms = now_ms;
}

static bool spend(struct fh__admission *a, const struct fh__waiter *w)
{
    uint64_t cost = (uint64_t)(w->resumes ? 1 : FH__ADMISSION_FULL) * THOUSAND;

    if (a->units < cost)
        return false;
    a->units -= cost;
    ++*(w->resumes ? &a->let_in_resumed : &a->let_in_full);
    return true;
}

/* More could not be served before they lose patience. */
static size_t room_of(const struct fh__admission *a, const struct fh__queue *q)
{
    uint64_t n = (uint64_t)a->rate * FH__ADMISSION_PATIENCE_MS / THOUSAND;

    if (q == &a->resumed)
        n *= FH__ADMISSION_FULL;
    return n < FH__ADMISSION_QUEUE_MIN ? FH__ADMISSION_QUEUE_MIN : (size_t)n;
}

bool fh__admission_enter(struct fh__admission *a, uint64_t now_ms, struct fh__waiter *w)
{
    struct fh__queue *q = queue_of(a, w);
    bool is_first = a->resumed.n == 0 && (w->resumes || a->full.n == 0);

    fill(a, now_ms);
    if (is_first && spend(a, w))
        return true;
    w->since_ms = now_ms;
    push(q, w);
    if (q->n > room_of(a, q))
        drop(a, q->oldest);
    return false;
}

static void drop_late(struct fh__admission *a, struct fh__queue *q, uint64_t now_ms)
{
    while (q->oldest && now_ms - q->oldest->since_ms >= FH__ADMISSION_PATIENCE_MS)
        drop(a, q->oldest);
}

void fh__admission_tick(struct fh__admission *a, uint64_t now_ms)
{
    struct fh__waiter *w;

    fill(a, now_ms);
    drop_late(a, &a->resumed, now_ms);
    drop_late(a, &a->full, now_ms);
    while ((w = a->resumed.newest ? a->resumed.newest : a->full.newest) && spend(a, w)) {
        fh__admission_leave(a, w);
        w->go(w);
    }
}

uint64_t fh__admission_deadline(const struct fh__admission *a, uint64_t now_ms)
{
    return a->resumed.n + a->full.n > 0 ? now_ms + STEP_MS : UINT64_MAX;
}

/* ---- the machine's own rate ---- */

/* Faster while there is time left and somebody to spend it on, slower when there is none left. */
static void adapt(struct fh__admission *a, uint64_t busy)
{
    uint64_t rate = a->rate;

    if (busy > BUSY_MUCH)
        rate -= rate / 8;
    else if (busy < BUSY_LITTLE && a->resumed.n + a->full.n > 0)
        rate += rate / 4;
    if (rate < FH__ADMISSION_RATE_MIN)
        rate = FH__ADMISSION_RATE_MIN;
    a->rate = rate > FH__ADMISSION_RATE_MAX ? FH__ADMISSION_RATE_MAX : (uint32_t)rate;
}

void fh__admission_load(struct fh__admission *a, uint64_t now_ms, uint64_t busy_us)
{
    uint64_t ms = now_ms - a->window_ms;

    if (ms < FH__ADMISSION_WINDOW_MS)
        return;
    if (!a->is_fixed)
        adapt(a, (busy_us - a->window_busy_us) / ms);
    a->window_ms = now_ms;
    a->window_busy_us = busy_us;
}
