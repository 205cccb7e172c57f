/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "happy.h"

/* RFC 8305 section 5: the delay MUST NOT be below 10 milliseconds. */
#define MIN_ATTEMPT_DELAY_MS 10

void fh__happy_init(struct fh_happy *h, uint64_t now_ms, const struct fh_happy_config *cfg)
{
    memset(h, 0, sizeof *h);
    h->cfg = *cfg;
    if (h->cfg.attempt_delay_ms < MIN_ATTEMPT_DELAY_MS)
        h->cfg.attempt_delay_ms = MIN_ATTEMPT_DELAY_MS;
    h->turn = FH_HAPPY_IPV6;
    h->next_ms = now_ms;
    h->end_ms = now_ms + cfg->timeout_ms;
}

static bool has_address(const struct fh_happy *h, enum fh_happy_family f)
{
    return h->family[f].used < h->family[f].len;
}

static enum fh_happy_family other(enum fh_happy_family f)
{
    return f == FH_HAPPY_IPV6 ? FH_HAPPY_IPV4 : FH_HAPPY_IPV6;
}

void fh__happy_answer(struct fh_happy *h, uint64_t now_ms, enum fh_happy_family family,
                      const struct fh_address *list, size_t len)
{
    if (h->family[family].answered)
        return;
    if (len > FH_HAPPY_MAX)
        len = FH_HAPPY_MAX;
    if (len > 0)
        memcpy(h->family[family].list, list, len * sizeof *list);
    h->family[family].len = len;
    h->family[family].answered = true;
    if (h->attempts > 0)
        return;
    /* Section 3: IPv6 starts as soon as it is known; IPv4 alone gives it the resolution delay. */
    if (family == FH_HAPPY_IPV4 && len > 0 && !h->family[FH_HAPPY_IPV6].answered)
        h->next_ms = now_ms + h->cfg.resolution_delay_ms;
    else
        h->next_ms = now_ms;
}

bool fh__happy_next(struct fh_happy *h, uint64_t now_ms, struct fh_address *out)
{
    enum fh_happy_family f = has_address(h, h->turn) ? h->turn : other(h->turn);

    if (now_ms >= h->end_ms || now_ms < h->next_ms || !has_address(h, f))
        return false;
    *out = h->family[f].list[h->family[f].used++];
    h->turn = other(f);
    h->attempts++;
    h->next_ms = now_ms + h->cfg.attempt_delay_ms;
    return true;
}

void fh__happy_failed(struct fh_happy *h, uint64_t now_ms)
{
    h->failures++;
    if (h->next_ms > now_ms)
        h->next_ms = now_ms;
}

static bool is_exhausted(const struct fh_happy *h)
{
    return h->family[FH_HAPPY_IPV6].answered && h->family[FH_HAPPY_IPV4].answered &&
           !has_address(h, FH_HAPPY_IPV6) && !has_address(h, FH_HAPPY_IPV4) &&
           h->failures == h->attempts;
}

enum fh_happy_state fh__happy_tick(const struct fh_happy *h, uint64_t now_ms)
{
    if (is_exhausted(h))
        return FH_HAPPY_FAILED;
    return now_ms >= h->end_ms ? FH_HAPPY_TIMED_OUT : FH_HAPPY_GOING;
}

uint64_t fh__happy_deadline(const struct fh_happy *h)
{
    bool more = has_address(h, FH_HAPPY_IPV6) || has_address(h, FH_HAPPY_IPV4);

    return more && h->next_ms < h->end_ms ? h->next_ms : h->end_ms;
}
