/* SPDX-License-Identifier: MIT */
/* presence.c -- presence in memory: open addressing, SipHash, grows and shrinks by halves. */
#include "presence.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

enum { SLOTS_MIN = 64 };

struct local {
    struct fh__presence base;
    uint8_t key[crypto_shorthash_KEYBYTES];
    struct fh__holder **slots;
    size_t n, used; /* n: a power of two, at least 4/3 of used */
};

static size_t home(const struct local *l, const uint8_t *address)
{
    uint64_t hash;
    uint8_t out[crypto_shorthash_BYTES];

    crypto_shorthash(out, address, FH__PRESENCE_ADDRESS, l->key);
    memcpy(&hash, out, sizeof hash);
    return (size_t)hash & (l->n - 1);
}

/* The slot of address, or the empty one where it would go. */
static size_t slot_of(const struct local *l, const uint8_t *address)
{
    size_t i = home(l, address);

    while (l->slots[i] && memcmp(l->slots[i]->address, address, FH__PRESENCE_ADDRESS) != 0)
        i = (i + 1) & (l->n - 1);
    return i;
}

static int resize(struct local *l, size_t n)
{
    struct fh__holder **old = l->slots, **slots = calloc(n, sizeof(void *));
    size_t old_n = l->n;

    if (!slots)
        return -1;
    l->slots = slots;
    l->n = n;
    for (size_t i = 0; i < old_n; i++)
        if (old[i])
            slots[slot_of(l, old[i]->address)] = old[i];
    free(old);
    return 0;
}

static struct fh__holder *find(struct fh__presence *p, const uint8_t *address)
{
    struct local *l = (struct local *)p;

    return l->slots[slot_of(l, address)];
}

static int announce(struct fh__presence *p, struct fh__holder *h)
{
    struct local *l = (struct local *)p;
    struct fh__holder *last;
    size_t i;

    if ((l->used + 1) * 4 > l->n * 3 && resize(l, l->n * 2) != 0)
        return -1;
    i = slot_of(l, h->address);
    last = l->slots[i];
    l->slots[i] = h;
    l->used += !last;
    h->is_held = true;
    if (last && last != h) {
        last->is_held = false;
        last->taken_over(last);
    }
    return 0;
}

/* What lies behind the gap and would not be found any more moves into it (Knuth 6.4, R). */
static void close_gap(struct local *l, size_t gap)
{
    size_t mask = l->n - 1;

    for (size_t i = (gap + 1) & mask; l->slots[i]; i = (i + 1) & mask) {
        size_t from = home(l, l->slots[i]->address);

        if (((i - from) & mask) < ((i - gap) & mask))
            continue;
        l->slots[gap] = l->slots[i];
        gap = i;
    }
    l->slots[gap] = NULL;
}

static void withdraw(struct fh__presence *p, struct fh__holder *h)
{
    struct local *l = (struct local *)p;

    if (!h->is_held)
        return;
    h->is_held = false;
    close_gap(l, slot_of(l, h->address));
    l->used--;
    if (l->n > SLOTS_MIN && l->used * 8 < l->n)
        (void)resize(l, l->n / 2);
}

static bool send_to(struct fh__presence *p, const uint8_t *address, const void *message)
{
    struct fh__holder *h = find(p, address);

    if (h)
        h->message(h, message);
    return h != NULL;
}

static void each_one(struct fh__presence *p, bool (*each)(void *user, struct fh__holder *h),
                     void *user)
{
    struct local *l = (struct local *)p;

    for (size_t i = 0; i < l->n; i++)
        if (l->slots[i] && !each(user, l->slots[i]))
            return;
}

static size_t count(const struct fh__presence *p)
{
    return ((const struct local *)p)->used;
}

static void local_free(struct fh__presence *p)
{
    struct local *l = (struct local *)p;

    free(l->slots);
    free(l);
}

struct fh__presence *fh__presence_local_new(const uint8_t key[static 16])
{
    static const struct fh__presence_ops ops = {find,     announce, withdraw,  send_to,
                                                each_one, count,    local_free};
    struct local *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->base.ops = &ops;
    memcpy(l->key, key, sizeof l->key);
    if (resize(l, SLOTS_MIN) != 0) {
        free(l);
        return NULL;
    }
    return &l->base;
}
