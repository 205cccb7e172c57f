/* SPDX-License-Identifier: MIT */
#include <farhand/admission.h>

#include <stdlib.h>
#include <string.h>

/*
 * Half-open connections are few and listed one by one. What sources may still cost us lives in a
 * table of fixed size, found by comparing: a signature costs a thousand times more. A source with
 * a full bucket says nothing, so its place is free; when none is, newcomers share one bucket, so
 * that filling the table limits the filler and not those who are in it.
 */
enum { SOURCES = 1024, SOURCE_LEN = 16 };

struct bucket {
    uint8_t source[SOURCE_LEN];
    unsigned tokens;
    uint64_t refilled_ms;
};

struct fh_admission {
    struct fh_admission_config cfg;
    unsigned n_half_open, n_sessions;
    struct bucket buckets[SOURCES];
    struct bucket crowd; /* everyone for whom there was no place */
    uint8_t half_open[][SOURCE_LEN];
};

static unsigned or_default(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

struct fh_admission *fh_admission_new(const struct fh_admission_config *cfg)
{
    unsigned max_half_open = or_default(cfg->max_half_open, 32);
    struct fh_admission *a = calloc(1, sizeof *a + (size_t)max_half_open * SOURCE_LEN);

    if (!a)
        return NULL;
    a->cfg.max_half_open = max_half_open;
    a->cfg.max_half_open_source = or_default(cfg->max_half_open_source, 8);
    a->cfg.max_sessions = or_default(cfg->max_sessions, 64);
    a->cfg.burst = or_default(cfg->burst, 10);
    a->cfg.refill_ms = or_default(cfg->refill_ms, 500);
    a->crowd.tokens = a->cfg.burst;
    for (size_t i = 0; i < SOURCES; i++)
        a->buckets[i].tokens = a->cfg.burst;
    return a;
}

void fh_admission_set_max_sessions(struct fh_admission *a, unsigned max_sessions)
{
    a->cfg.max_sessions = or_default(max_sessions, 64);
}

void fh_admission_free(struct fh_admission *a)
{
    free(a);
}

/* IPv4 as IPv4-mapped IPv6; IPv6 by its /64, since who has one address of it has them all. */
static void source_of(const uint8_t *addr, size_t len, uint8_t source[SOURCE_LEN])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    memset(source, 0, SOURCE_LEN);
    if (len == 4) {
        memcpy(source, mapped, sizeof mapped);
        memcpy(source + sizeof mapped, addr, 4);
    } else if (len == 16 && memcmp(addr, mapped, sizeof mapped) == 0) {
        memcpy(source, addr, SOURCE_LEN);
    } else if (len == 16) {
        memcpy(source, addr, 8);
    }
}

static bool is_same(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, SOURCE_LEN) == 0;
}

int fh_admission_enter(struct fh_admission *a, const uint8_t *addr, size_t len)
{
    uint8_t source[SOURCE_LEN];
    unsigned n = 0;

    source_of(addr, len, source);
    for (unsigned i = 0; len != 0 && i < a->n_half_open; i++)
        n += is_same(a->half_open[i], source);
    if (a->n_half_open >= a->cfg.max_half_open || n >= a->cfg.max_half_open_source)
        return FH_SESSION_E_BUSY;
    memcpy(a->half_open[a->n_half_open++], source, SOURCE_LEN);
    return 0;
}

static void refill(const struct fh_admission *a, struct bucket *b, uint64_t now_ms)
{
    uint64_t earned = now_ms > b->refilled_ms ? (now_ms - b->refilled_ms) / a->cfg.refill_ms : 0;

    if (earned >= a->cfg.burst - b->tokens) {
        b->tokens = a->cfg.burst;
        b->refilled_ms = now_ms;
    } else {
        b->tokens += (unsigned)earned;
        b->refilled_ms += earned * a->cfg.refill_ms;
    }
}

static struct bucket *bucket_of(struct fh_admission *a, const uint8_t source[SOURCE_LEN],
                                uint64_t now_ms)
{
    struct bucket *place = NULL;

    for (size_t i = 0; i < SOURCES; i++) {
        struct bucket *b = &a->buckets[i];

        refill(a, b, now_ms);
        if (b->tokens < a->cfg.burst && is_same(b->source, source))
            return b;
        if (b->tokens == a->cfg.burst && !place)
            place = b;
    }
    if (place)
        memcpy(place->source, source, SOURCE_LEN);
    else
        refill(a, &a->crowd, now_ms);
    return place ? place : &a->crowd;
}

int fh_admission_handshake(struct fh_admission *a, uint64_t now_ms, const uint8_t *addr, size_t len,
                           unsigned *retry_s)
{
    uint8_t source[SOURCE_LEN];
    struct bucket *b;

    if (len == 0)
        return 0;
    source_of(addr, len, source);
    b = bucket_of(a, source, now_ms);
    if (b->tokens == 0) {
        *retry_s = (a->cfg.refill_ms + 999) / 1000;
        return FH_SESSION_E_BUSY;
    }
    b->tokens--;
    return 0;
}

static void leave_half_open(struct fh_admission *a, const uint8_t *addr, size_t len)
{
    uint8_t source[SOURCE_LEN];

    source_of(addr, len, source);
    for (unsigned i = 0; i < a->n_half_open; i++) {
        if (is_same(a->half_open[i], source)) {
            memmove(a->half_open[i], a->half_open[--a->n_half_open], SOURCE_LEN);
            return;
        }
    }
}

int fh_admission_authenticated(struct fh_admission *a, const uint8_t *addr, size_t len)
{
    if (a->n_sessions >= a->cfg.max_sessions)
        return FH_SESSION_E_BUSY;
    a->n_sessions++;
    leave_half_open(a, addr, len);
    return 0;
}

void fh_admission_leave(struct fh_admission *a, const uint8_t *addr, size_t len, bool authenticated)
{
    if (!authenticated)
        leave_half_open(a, addr, len);
    else if (a->n_sessions > 0)
        a->n_sessions--;
}
