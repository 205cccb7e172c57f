/* SPDX-License-Identifier: MIT */
/* pair.c -- the check list (RFC 8445 sections 6.1.2 and 6.1.4). */
#include <string.h>

#include "agent_internal.h"

struct fh__pair *fh__pair_find(struct fh_ice_agent *a, uint8_t base,
                               const struct fh_ice_address *peer)
{
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].state != FH__PAIR_FREE && a->pairs[i].base == base &&
            fh_ice_address_equal(&a->pairs[i].peer, peer))
            return &a->pairs[i];
    return NULL;
}

/* RFC 8445 6.1.2.3. */
static uint64_t priority_of(const struct fh_ice_agent *a, const struct fh__pair *p)
{
    uint64_t ours = a->locals[p->local].priority, theirs = a->remotes[p->remote].priority;
    uint64_t g = a->role == FH_ICE_CONTROLLING ? ours : theirs;
    uint64_t d = a->role == FH_ICE_CONTROLLING ? theirs : ours;

    return ((g < d ? g : d) << 32) + 2 * (g > d ? g : d) + (g > d ? 1 : 0);
}

void fh__pair_reorder(struct fh_ice_agent *a)
{
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].state != FH__PAIR_FREE)
            a->pairs[i].priority = priority_of(a, &a->pairs[i]);
}

static bool is_same_foundation(const struct fh_ice_agent *a, const struct fh__pair *p,
                               const struct fh__pair *o)
{
    return a->locals[p->local].foundation == a->locals[o->local].foundation &&
           a->remotes[p->remote].foundation == a->remotes[o->remote].foundation;
}

/* Whether a pair of the same foundation is being checked or is next. */
static bool is_foundation_busy(const struct fh_ice_agent *a, const struct fh__pair *p)
{
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++) {
        const struct fh__pair *o = &a->pairs[i];

        if (o != p && (o->state == FH__PAIR_WAITING || o->state == FH__PAIR_IN_PROGRESS) &&
            is_same_foundation(a, p, o))
            return true;
    }
    return false;
}

static bool has_foundation_succeeded(const struct fh_ice_agent *a, const struct fh__pair *p)
{
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].state == FH__PAIR_SUCCEEDED && is_same_foundation(a, p, &a->pairs[i]))
            return true;
    return false;
}

void fh__pair_unfreeze(struct fh_ice_agent *a, const struct fh__pair *like)
{
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].state == FH__PAIR_FROZEN && is_same_foundation(a, like, &a->pairs[i]))
            a->pairs[i].state = FH__PAIR_WAITING;
}

/* RFC 8445 6.1.2.2, 5.1.1.1: addresses that cannot reach each other make no pair. */
static bool is_match(const struct fh_ice_agent *a, uint8_t base, const struct fh__remote *r)
{
    const struct fh_ice_base *b = &a->bases[base].is;
    enum fh_ice_scope from = fh_ice_address_scope(&b->address);
    enum fh_ice_scope to = fh_ice_address_scope(&r->address);

    if (!fh__base_is_usable(a, base) || b->address.family != r->address.family)
        return false;
    /* A relay on the Internet reaches no private network; some servers end an allocation over it.
     */
    if (b->kind == FH_ICE_BASE_RELAY && from == FH_ICE_SCOPE_GLOBAL && to != FH_ICE_SCOPE_GLOBAL)
        return false;
    if (b->address.family == FH_ICE_IPV6 &&
        (from == FH_ICE_SCOPE_LINK) != (to == FH_ICE_SCOPE_LINK))
        return false;
    return (from == FH_ICE_SCOPE_LOOPBACK) == (to == FH_ICE_SCOPE_LOOPBACK);
}

/* What is already known about this host on this relayed base. */
static enum fh__permit permit_of(const struct fh_ice_agent *a, uint8_t base,
                                 const struct fh_ice_address *peer)
{
    if (a->bases[base].is.kind != FH_ICE_BASE_RELAY)
        return FH__PERMIT_GRANTED;
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].state != FH__PAIR_FREE && a->pairs[i].base == base &&
            fh_ice_address_equal_host(&a->pairs[i].peer, peer))
            return (enum fh__permit)a->pairs[i].permit;
    return FH__PERMIT_WANTED;
}

/* A free place; else that of the least pair that is of no use yet, if it is less than this one. */
static struct fh__pair *find_room(struct fh_ice_agent *a, uint64_t priority)
{
    struct fh__pair *least = NULL;

    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++) {
        struct fh__pair *p = &a->pairs[i];

        if (p->state == FH__PAIR_FREE)
            return p;
        if (!p->is_valid && p->state != FH__PAIR_IN_PROGRESS && p->queued == 0 &&
            (!least || p->priority < least->priority))
            least = p;
    }
    return least && least->priority < priority ? least : NULL;
}

struct fh__pair *fh__pair_make(struct fh_ice_agent *a, uint8_t base, uint8_t remote)
{
    const struct fh__remote *r = &a->remotes[remote];
    struct fh__pair *p = fh__pair_find(a, base, &r->address);
    struct fh__pair made = {.base = base,
                            .remote = remote,
                            .peer = r->address,
                            .remote_type = r->type,
                            .next_ms = FH__NEVER};

    if (p || !is_match(a, base, r))
        return p;
    made.local = a->bases[base].candidate;
    made.permit = (uint8_t)permit_of(a, base, &r->address);
    made.priority = priority_of(a, &made);
    p = find_room(a, made.priority);
    if (!p)
        return NULL;
    /* Its place is empty while the others are asked about its foundation. */
    p->state = FH__PAIR_FREE;
    made.state = is_foundation_busy(a, &made) && !has_foundation_succeeded(a, &made)
                     ? FH__PAIR_FROZEN
                     : FH__PAIR_WAITING;
    *p = made;
    return p;
}

void fh__pair_all_of_base(struct fh_ice_agent *a, uint8_t base)
{
    for (size_t i = 0; i < FH__REMOTES; i++)
        if (a->remotes[i].in_use)
            (void)fh__pair_make(a, base, (uint8_t)i);
}

void fh__pair_all_of_remote(struct fh_ice_agent *a, uint8_t remote)
{
    for (size_t i = 0; i < FH_ICE_MAX_BASES; i++)
        if (a->bases[i].in_use)
            (void)fh__pair_make(a, (uint8_t)i, remote);
}

void fh__pair_drop(struct fh_ice_agent *a, struct fh__pair *p)
{
    if (a->path == fh__pair_index(a, p)) {
        a->path = FH__NONE;
        a->patience_ms = a->now + a->cfg.patience_ms;
    }
    memset(p, 0, sizeof *p);
}

/* The check that is under way, and has not come to its end, says what a new one would. */
static bool is_same_check(const struct fh_ice_agent *a, const struct fh__pair *p)
{
    bool is_controlling = a->role == FH_ICE_CONTROLLING;

    return p->state == FH__PAIR_IN_PROGRESS && p->was_controlling == is_controlling &&
           p->is_nominating == (p->wants_nomination && is_controlling) &&
           (p->next_ms != FH__NEVER || p->is_valid || p->sent < FH__RC);
}

/* RFC 8445 7.3.1.4. */
void fh__pair_trigger(struct fh_ice_agent *a, struct fh__pair *p)
{
    if (a->cfg.is_lite || p->is_revoked || p->queued != 0)
        return;
    if (p->state != FH__PAIR_SUCCEEDED && p->state != FH__PAIR_IN_PROGRESS)
        p->state = FH__PAIR_WAITING;
    p->queued = ++a->queue;
}

/* ---- what is checked next ------------------------------------------------------------------- */

static struct fh__pair *pick_triggered(struct fh_ice_agent *a)
{
    struct fh__pair *first = NULL;

    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++) {
        struct fh__pair *p = &a->pairs[i];

        if (p->queued != 0 && p->permit == FH__PERMIT_GRANTED &&
            (!first || p->queued < first->queued))
            first = p;
    }
    return first;
}

static struct fh__pair *pick_highest(struct fh_ice_agent *a, enum fh__pair_state state)
{
    struct fh__pair *best = NULL;

    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++) {
        struct fh__pair *p = &a->pairs[i];

        if (p->state == state && p->permit == FH__PERMIT_GRANTED && p->queued == 0 &&
            (!best || p->priority > best->priority) &&
            (state != FH__PAIR_FROZEN || !is_foundation_busy(a, p)))
            best = p;
    }
    return best;
}

static struct fh__pair *pick_ordinary(struct fh_ice_agent *a)
{
    struct fh__pair *p = NULL;

    if (a->is_open)
        p = pick_highest(a, FH__PAIR_WAITING);
    if (!p && a->is_open)
        p = pick_highest(a, FH__PAIR_FROZEN);
    return p;
}

/*
 * RFC 8445 6.1.4.2, but that triggered checks and ordinary ones take turns: a peer whose address is
 * another one with each check would otherwise keep the relays from ever being tried.
 */
struct fh__pair *fh__pair_pick(struct fh_ice_agent *a)
{
    struct fh__pair *triggered, *ordinary;

    if (!a->generations[0].has_remote || a->cfg.is_lite)
        return NULL;
    triggered = pick_triggered(a);
    ordinary = pick_ordinary(a);
    return triggered && (!ordinary || !a->was_triggered) ? triggered : ordinary;
}

/* ---- transactions --------------------------------------------------------------------------- */

void fh__pair_new_txid(struct fh_ice_agent *a, uint8_t txid[FH_STUN_TXID_LEN])
{
    uint32_t tag = a->cfg.tag;

    a->cfg.random(a->cfg.user, txid, FH_STUN_TXID_LEN);
    for (size_t i = 0; i < 4 && tag != 0; i++)
        txid[i] = (uint8_t)(tag >> (24 - 8 * i));
}

/* RFC 8445 14.3: MAX(500 ms, Ta * N), N being what waits or is under way. */
uint32_t fh__rto(const struct fh_ice_agent *a)
{
    uint32_t n = 0, rto;

    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        n += a->pairs[i].state == FH__PAIR_WAITING || a->pairs[i].state == FH__PAIR_IN_PROGRESS;
    for (size_t i = 0; i < FH__ASKS; i++)
        n += a->asks[i].state == FH__ASK_WAITING || a->asks[i].state == FH__ASK_RUNNING;
    rto = a->cfg.ta_ms * n;
    if (rto > FH__RTO_MAX_MS)
        rto = FH__RTO_MAX_MS;
    return rto < FH__RTO_MIN_MS ? FH__RTO_MIN_MS : rto;
}

/*
 * RFC 8445 7.3.1.4, but that a check under way is repeated as the same transaction: where a round
 * trip takes longer than the requests of the peer are apart, a new one for each would be replaced
 * before its answer comes, on both sides and for ever. A repetition in the place of one that was
 * due counts as that one, so that it ends where requests pass and answers do not.
 */
void fh__pair_begin(struct fh_ice_agent *a, struct fh__pair *p)
{
    if (is_same_check(a, p)) {
        a->was_triggered = true;
        p->queued = 0;
        p->is_due = true;
        if (p->next_ms == FH__NEVER)
            fh__pair_repeat(a, p);
        return;
    }
    memcpy(p->before, p->txid, sizeof p->before);
    fh__pair_new_txid(a, p->txid);
    p->rto_ms = fh__rto(a);
    p->state = FH__PAIR_IN_PROGRESS;
    a->was_triggered = p->queued != 0;
    p->queued = 0;
    p->sent = 1;
    p->is_due = true;
    p->begun_ms = a->now;
    p->next_ms = a->now + p->rto_ms;
    p->is_nominating = p->wants_nomination && a->role == FH_ICE_CONTROLLING;
    p->was_controlling = a->role == FH_ICE_CONTROLLING;
    a->stats.transactions++;
}

/* A pair that answered before is asked every few seconds, as long as there is consent. */
void fh__pair_repeat(struct fh_ice_agent *a, struct fh__pair *p)
{
    p->sent++;
    p->is_due = true;
    p->rto_ms *= 2;
    if (p->is_valid && p->rto_ms > FH__RTO_MAX_MS)
        p->rto_ms = FH__RTO_MAX_MS;
    p->next_ms = a->now + (p->sent == FH__RC && !p->is_valid ? p->rto_ms / 64 * FH__RM : p->rto_ms);
}
