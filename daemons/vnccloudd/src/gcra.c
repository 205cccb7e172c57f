/* SPDX-License-Identifier: MIT */
#include "gcra.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "config.h"

_Static_assert(FH__GCRA_KEY == crypto_shorthash_KEYBYTES, "SipHash");

int fh__gcra_init(struct fh__gcra *g, const char *name, const struct fh__rate *rate, size_t slots,
                  const uint8_t key[FH__GCRA_KEY])
{
    memset(g, 0, sizeof *g);
    for (g->n = 1; g->n < slots; g->n *= 2)
        ;
    g->slots = calloc(g->n, sizeof *g->slots);
    if (!g->slots)
        return -1;
    g->name = name;
    memcpy(g->key, key, sizeof g->key);
    fh__gcra_set_rate(g, rate);
    return 0;
}

/* Rounded up, so that no more than the rate is let through. n = 0: all is. */
void fh__gcra_set_rate(struct fh__gcra *g, const struct fh__rate *rate)
{
    uint64_t period_us = (uint64_t)rate->seconds * 1000000;

    g->interval_us = rate->n ? (period_us + rate->n - 1) / rate->n : 0;
    g->burst_us = rate->n ? g->interval_us * (rate->n - 1) : 0;
}

void fh__gcra_finish(struct fh__gcra *g)
{
    free(g->slots);
    memset(g, 0, sizeof *g);
}

static struct fh__gcra_slot *find(struct fh__gcra *g, uint64_t now_us, const void *key, size_t len,
                                  bool takes)
{
    uint8_t hash[crypto_shorthash_BYTES];
    struct fh__gcra_slot *s;
    uint32_t place, tag;

    crypto_shorthash(hash, key, len, g->key);
    memcpy(&place, hash, sizeof place);
    memcpy(&tag, hash + 4, sizeof tag);
    s = &g->slots[place & (g->n - 1)];
    if (s->tag == tag)
        return s;
    if (s->due_us > now_us)
        g->collisions += takes;
    /* More than half of what it may: it keeps its place. */
    if (s->due_us > now_us + (g->burst_us + g->interval_us) / 2)
        return s;
    if (!takes)
        return NULL;
    *s = (struct fh__gcra_slot){.tag = tag};
    return s;
}

static uint32_t wait_ms(uint64_t us)
{
    uint64_t ms = (us + 999) / 1000;

    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static bool look(struct fh__gcra *g, uint64_t now_ms, const void *key, size_t len,
                 uint32_t *retry_ms, bool takes)
{
    uint64_t now_us = now_ms * 1000, due;
    struct fh__gcra_slot *s;

    if (g->interval_us == 0)
        return true;
    s = find(g, now_us, key, len, takes);
    due = s && s->due_us > now_us ? s->due_us : now_us;
    if (due - now_us > g->burst_us) {
        if (retry_ms)
            *retry_ms = wait_ms(due - now_us - g->burst_us);
        g->refused += takes;
        return false;
    }
    if (takes) {
        s->due_us = due + g->interval_us;
        g->taken++;
    }
    return true;
}

bool fh__gcra_take(struct fh__gcra *g, uint64_t now_ms, const void *key, size_t len,
                   uint32_t *retry_ms)
{
    return look(g, now_ms, key, len, retry_ms, true);
}

bool fh__gcra_peek(struct fh__gcra *g, uint64_t now_ms, const void *key, size_t len,
                   uint32_t *retry_ms)
{
    return look(g, now_ms, key, len, retry_ms, false);
}

uint32_t fh__gcra_left(struct fh__gcra *g, uint64_t now_ms, const void *key, size_t len,
                       uint32_t *reset_ms)
{
    uint64_t now_us = now_ms * 1000, owed;
    const struct fh__gcra_slot *s;

    *reset_ms = 0;
    if (g->interval_us == 0)
        return UINT32_MAX;
    s = find(g, now_us, key, len, false);
    owed = s && s->due_us > now_us ? s->due_us - now_us : 0;
    *reset_ms = wait_ms(owed);
    return owed > g->burst_us ? 0 : (uint32_t)((g->burst_us - owed) / g->interval_us) + 1;
}

size_t fh__gcra_occupied(const struct fh__gcra *g, uint64_t now_ms)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++)
        n += g->slots[i].due_us > now_ms * 1000;
    return n;
}

bool fh__gcra_report(struct fh__gcra *g, uint64_t now_ms, struct fh__gcra_report *out)
{
    if (g->refused == g->reported ||
        (g->reported_ms && now_ms < g->reported_ms + FH__GCRA_WINDOW_MS))
        return false;
    *out = (struct fh__gcra_report){.name = g->name, .refused = g->refused - g->reported};
    g->reported = g->refused;
    g->reported_ms = now_ms;
    return true;
}

void fh__gcra_source(const struct fh_address *a, struct fh__gcra_source *out)
{
    uint32_t number = a->family == FH_ADDRESS_UNIX ? a->uid : 0;

    memset(out, 0, sizeof *out);
    out->host[0] = out->network[0] = (uint8_t)a->family;
    switch (a->family) {
    case FH_ADDRESS_IPV4:
        memcpy(out->host + 1, a->ip, 4);
        memcpy(out->network + 1, a->ip, 3);
        return;
    case FH_ADDRESS_IPV6:
        memcpy(out->host + 1, a->ip, 8);
        memcpy(out->network + 1, a->ip, 6);
        return;
    case FH_ADDRESS_UNIX:
    case FH_ADDRESS_NONE:
        memcpy(out->host + 1, &number, sizeof number);
        memcpy(out->network + 1, &number, sizeof number);
        return;
    }
}
