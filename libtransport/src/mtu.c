/* SPDX-License-Identifier: MIT */
/* mtu.c -- names in comments are those of RFC 8899, section 5. */
#include "mtu.h"

#include <string.h>

enum { MAX_PROBES = 3, GRAIN = 16, PMTU_RAISE_TIMER_S = 600, AFTER_BLACK_HOLE_S = 10 };

void fh__mtu_init(struct mtu *m, uint16_t max)
{
    memset(m, 0, sizeof *m);
    m->size = MTU_BASE;
    m->max = m->limit = max < MTU_BASE ? MTU_BASE : max > MTU_LARGEST ? MTU_LARGEST : max;
    m->due = UINT64_MAX;
}

static void search(struct mtu *m, uint64_t at)
{
    m->limit = m->max;
    m->trying = 0;
    m->tries = 0;
    m->due = m->size < m->max ? at : UINT64_MAX;
}

void fh__mtu_start(struct mtu *m, uint64_t now)
{
    m->size = MTU_BASE;
    search(m, now);
}

void fh__mtu_black_hole(struct mtu *m, uint64_t now)
{
    m->size = MTU_BASE;
    search(m, now + (uint64_t)AFTER_BLACK_HOLE_S * 1000000);
}

/* The largest first, which most paths carry; then the middle. */
static uint16_t next_size(const struct mtu *m)
{
    if (m->limit == m->max)
        return m->max;
    return (uint16_t)((m->size + m->limit) / 2 / 4 * 4);
}

/* SEARCH_COMPLETE: rest, for a while. */
static void rest(struct mtu *m, uint64_t now)
{
    search(m, now + (uint64_t)PMTU_RAISE_TIMER_S * 1000000);
}

uint16_t fh__mtu_probe(struct mtu *m, uint64_t now, uint64_t wait_us)
{
    if (now < m->due)
        return 0;
    if (m->trying != 0 && m->tries >= MAX_PROBES) {
        m->limit = (uint16_t)(m->trying - 1);
        m->trying = 0;
        m->tries = 0;
    }
    if (m->limit < m->size + GRAIN) {
        rest(m, now);
        return 0;
    }
    if (m->trying == 0) {
        m->trying = next_size(m);
        m->id++;
    }
    m->tries++;
    m->due = now + wait_us;
    return m->trying;
}

bool fh__mtu_on_ack(struct mtu *m, uint64_t now, uint8_t id, uint16_t size)
{
    if (m->trying == 0 || id != m->id || size != m->trying)
        return false;
    m->size = size;
    m->trying = 0;
    m->tries = 0;
    m->due = now;
    return true;
}
