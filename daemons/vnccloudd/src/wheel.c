/* SPDX-License-Identifier: MIT */
#include "wheel.h"

#include <stddef.h>
#include <string.h>

enum { SLOT_BITS = 6, SLOT_MASK = FH__WHEEL_SLOTS - 1 };

static const uint64_t horizon = (uint64_t)1 << (SLOT_BITS * FH__WHEEL_RINGS);

static unsigned slot_of(uint64_t tick, unsigned ring)
{
    return (unsigned)(tick >> (SLOT_BITS * ring)) & SLOT_MASK;
}

void fh__wheel_init(struct fh__wheel *w, uint64_t now_ms)
{
    memset(w, 0, sizeof *w);
    w->tick = now_ms / FH__WHEEL_TICK;
}

/* t->tick is not over; what is due in this very tick lies in the lowest ring. */
static void place(struct fh__wheel *w, struct fh__timer *t)
{
    uint64_t ahead = t->tick - w->tick;
    unsigned ring = 0, slot;

    while (ring + 1 < FH__WHEEL_RINGS && ahead >> (SLOT_BITS * (ring + 1)))
        ring++;
    slot = slot_of(t->tick, ring);
    t->at = &w->slots[ring][slot];
    t->next = *t->at;
    if (t->next)
        t->next->at = &t->next;
    *t->at = t;
    w->used[ring] |= (uint64_t)1 << slot;
}

void fh__wheel_clear(struct fh__wheel *w, struct fh__timer *t)
{
    (void)w; /* a slot that is empty now is noticed when its turn comes */
    if (!t->at)
        return;
    *t->at = t->next;
    if (t->next)
        t->next->at = t->at;
    t->at = NULL;
    t->next = NULL;
}

void fh__wheel_set(struct fh__wheel *w, struct fh__timer *t, uint64_t at_ms)
{
    uint64_t tick = at_ms / FH__WHEEL_TICK + (at_ms % FH__WHEEL_TICK != 0);

    fh__wheel_clear(w, t);
    if (tick <= w->tick)
        tick = w->tick + 1;
    if (tick - w->tick >= horizon)
        tick = w->tick + horizon - 1;
    t->tick = tick;
    place(w, t);
}

/* Empties a slot into a list of the caller's. */
static void take(struct fh__wheel *w, unsigned ring, unsigned slot, struct fh__timer **list)
{
    *list = w->slots[ring][slot];
    w->slots[ring][slot] = NULL;
    w->used[ring] &= ~((uint64_t)1 << slot);
    if (*list)
        (*list)->at = list;
}

/* What a ring's slot held goes to the rings below. */
static void spread(struct fh__wheel *w)
{
    struct fh__timer *list, *t;

    for (unsigned ring = 1; ring < FH__WHEEL_RINGS && slot_of(w->tick, ring - 1) == 0; ring++) {
        take(w, ring, slot_of(w->tick, ring), &list);
        while ((t = list) != NULL) {
            fh__wheel_clear(w, t);
            place(w, t);
        }
    }
}

static void fire(struct fh__wheel *w, uint64_t now_ms)
{
    struct fh__timer *list, *t;

    take(w, 0, slot_of(w->tick, 0), &list);
    while ((t = list) != NULL) {
        fh__wheel_clear(w, t);
        t->fire(t, now_ms);
    }
}

void fh__wheel_advance(struct fh__wheel *w, uint64_t now_ms)
{
    uint64_t to = now_ms / FH__WHEEL_TICK;

    while (w->tick < to) {
        /* With nothing in the lowest ring, the next that can happen is a turn of it. */
        if (!w->used[0] && (w->tick | SLOT_MASK) < to)
            w->tick |= SLOT_MASK;
        else if (!w->used[0])
            w->tick = to - 1;
        w->tick++;
        if (slot_of(w->tick, 0) == 0)
            spread(w);
        fire(w, now_ms);
    }
}

/* How many slots from `from` on (itself 0) the first used one is; used is not 0. */
static unsigned distance(uint64_t used, unsigned from)
{
    uint64_t turned = from ? used >> from | used << (FH__WHEEL_SLOTS - from) : used;

    return (unsigned)__builtin_ctzll(turned);
}

uint64_t fh__wheel_deadline(const struct fh__wheel *w)
{
    uint64_t first = UINT64_MAX, begins;

    for (unsigned ring = 0; ring < FH__WHEEL_RINGS; ring++) {
        uint64_t turn = (w->tick >> (SLOT_BITS * ring)) + 1;

        if (!w->used[ring])
            continue;
        begins = (turn + distance(w->used[ring], (unsigned)turn & SLOT_MASK)) << (SLOT_BITS * ring);
        first = begins < first ? begins : first;
    }
    return first == UINT64_MAX ? first : first * FH__WHEEL_TICK;
}
