/* SPDX-License-Identifier: MIT */
/*
 * path.c -- which pair carries data: selection, nomination (RFC 8445 section 8), consent (RFC 7675)
 * and the state that follows. docs/adr/0009 says why.
 */
#include <string.h>

#include "agent_internal.h"

bool fh__pair_is_usable(const struct fh_ice_agent *a, const struct fh__pair *p)
{
    return p->state != FH__PAIR_FREE && p->is_valid &&
           a->now < p->answered_ms + a->cfg.consent_timeout_ms;
}

/* It answered once, and now does not: requests repeat, and the peer is not heard either. */
static bool is_doubtful(const struct fh__pair *p)
{
    return p->state == FH__PAIR_IN_PROGRESS &&
           p->sent >= (p->heard_ms > p->begun_ms ? FH__DEAF : FH__OVERDUE);
}

static const struct fh__pair *path_pair(const struct fh_ice_agent *a)
{
    return a->path == FH__NONE ? NULL : &a->pairs[a->path];
}

/* ---- consent -------------------------------------------------------------------------------- */

/* RFC 7675 5.1: the interval, varied by a factor of 0.8 to 1.2. */
static uint64_t consent_interval(struct fh_ice_agent *a)
{
    uint32_t r, least = a->cfg.consent_interval_ms / 10 * 8;

    a->cfg.random(a->cfg.user, &r, sizeof r);
    return least + r % (a->cfg.consent_interval_ms / 10 * 4 + 1);
}

/* Asked are the path, and, as long as the choice is open, all pairs that it might move to. */
static bool needs_consent(const struct fh_ice_agent *a, const struct fh__pair *p)
{
    return !a->cfg.is_lite && p->is_valid && p->state == FH__PAIR_SUCCEEDED &&
           (a->is_open || fh__pair_index(a, p) == a->path);
}

/*
 * One request, not repeated (RFC 7675 5.1). If the last one was not answered the pair is checked as
 * any other, with repeats: so a lost datagram is no alarm, and a dead path is known to be dead in
 * seconds.
 */
void fh__path_consent(struct fh_ice_agent *a, struct fh__pair *p)
{
    if (!needs_consent(a, p) || !fh__pair_is_usable(a, p)) {
        p->next_ms = FH__NEVER;
        return;
    }
    if (p->answered_ms < p->begun_ms) {
        fh__pair_begin(a, p);
        return;
    }
    memcpy(p->before, p->txid, sizeof p->before);
    fh__pair_new_txid(a, p->txid);
    p->is_due = true;
    p->sent = 1;
    p->begun_ms = a->now;
    p->is_nominating = false;
    p->was_controlling = a->role == FH_ICE_CONTROLLING;
    p->next_ms = a->now + consent_interval(a);
    a->stats.transactions++;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void note_rtt(struct fh_ice_agent *a, struct fh__pair *p)
{
    uint32_t rtt = (uint32_t)(a->now - p->begun_ms);

    p->srtt_ms = p->is_valid ? (7 * p->srtt_ms + rtt) / 8 : rtt;
}

static void set_nominated(struct fh_ice_agent *a, struct fh__pair *p)
{
    /* A controlling agent has one; what the peer nominates is told apart by priority. */
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS && a->role == FH_ICE_CONTROLLING; i++)
        a->pairs[i].is_nominated = false;
    if (!p->is_nominated)
        a->stats.nominations++;
    p->is_nominated = true;
}

/* RFC 8445 7.2.5.3.1: as the peer sees us; an address that was not known is peer-reflexive. */
static void note_mapped(struct fh_ice_agent *a, struct fh__pair *p,
                        const struct fh_ice_address *mapped)
{
    uint8_t local = fh__local_find(a, p->base, mapped);

    if (p->generation != 0)
        return;
    if (local == FH__NONE)
        local = fh__local_learn(a, p->base, mapped, FH_ICE_PRFLX, FH__NONE);
    if (local != FH__NONE && p->local != local) {
        p->local = local;
        if (fh__pair_index(a, p) == a->path)
            a->is_path_told = false;
    }
}

/* The transaction is over, unless it nominates and this answers the one before it. */
static void end_transaction(struct fh_ice_agent *a, struct fh__pair *p, bool is_current)
{
    if (p->state == FH__PAIR_SUCCEEDED || (p->is_nominating && !is_current))
        return;
    p->state = FH__PAIR_SUCCEEDED;
    p->is_due = false;
    p->next_ms = a->now + consent_interval(a);
    /* The peer asked to be checked back: that is done. */
    if (!p->wants_nomination || p->is_nominating)
        p->queued = 0;
}

void fh__path_answered(struct fh_ice_agent *a, struct fh__pair *p,
                       const struct fh_ice_address *mapped, bool is_current)
{
    bool was_valid = p->is_valid;

    if (is_current && p->sent == 1)
        note_rtt(a, p);
    note_mapped(a, p, mapped);
    p->is_valid = true;
    p->answered_ms = p->heard_ms = a->now;
    end_transaction(a, p, is_current);
    if (is_current && p->is_nominating)
        p->wants_nomination = false;
    if ((is_current && p->is_nominating) || p->peer_nominates)
        set_nominated(a, p);
    p->is_nominating &= !is_current;
    p->peer_nominates = false;
    if (p->generation == 0)
        fh__pair_unfreeze(a, p);
    /* After the choice was made, the peer shows up elsewhere: is it still where it was? */
    if (!was_valid && !a->is_open && a->path < FH__OLD && a->path != fh__pair_index(a, p))
        fh__pair_trigger(a, &a->pairs[a->path]);
}

void fh__path_failed(struct fh_ice_agent *a, struct fh__pair *p)
{
    (void)a;
    p->is_valid = p->is_nominated = p->is_nominating = p->wants_nomination = false;
    p->is_due = false;
    p->state = FH__PAIR_FAILED;
    p->next_ms = FH__NEVER;
}

/*
 * RFC 8445 7.3.1.5: it counts when our own check of the pair has succeeded. After the choice was
 * made, another pair means that the peer moved: both that one and the path are checked.
 */
void fh__path_nominated(struct fh_ice_agent *a, struct fh__pair *p)
{
    bool has_moved = !a->is_open && a->path < FH__OLD && a->path != fh__pair_index(a, p);

    if (fh__pair_is_usable(a, p) && !has_moved) {
        set_nominated(a, p);
        return;
    }
    p->peer_nominates = true;
    if (has_moved) {
        fh__pair_trigger(a, p);
        fh__pair_trigger(a, &a->pairs[a->path]);
    }
}

/* RFC 8445 7.3.2; a lite agent's only sign of life are the requests themselves. */
void fh__path_lite(struct fh_ice_agent *a, struct fh__pair *p, bool is_nominated)
{
    p->state = FH__PAIR_SUCCEEDED;
    p->next_ms = FH__NEVER;
    p->is_valid = true;
    p->answered_ms = p->heard_ms = a->now;
    if (is_nominated)
        set_nominated(a, p);
}

/* ---- selection ------------------------------------------------------------------------------ */

/* Alive comes before nominated, and that before priority; the old generation is the last resort. */
static bool is_better(const struct fh__pair *p, const struct fh__pair *o)
{
    if (is_doubtful(p) != is_doubtful(o))
        return !is_doubtful(p);
    if (p->generation != o->generation)
        return p->generation == 0;
    if (p->is_nominated != o->is_nominated)
        return p->is_nominated;
    return p->priority > o->priority;
}

static uint8_t best_pair(const struct fh_ice_agent *a)
{
    uint8_t best = FH__NONE;

    for (size_t i = 0; i <= FH__OLD; i++)
        if (fh__pair_is_usable(a, &a->pairs[i]) &&
            (best == FH__NONE || is_better(&a->pairs[i], &a->pairs[best])))
            best = (uint8_t)i;
    return best;
}

/* Everything that is known is checked again. */
static void reopen(struct fh_ice_agent *a)
{
    if (a->is_open || !a->generations[0].has_remote)
        return;
    a->is_open = true;
    a->patience_ms = a->now + a->cfg.patience_ms;
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++) {
        struct fh__pair *p = &a->pairs[i];

        if (p->state != FH__PAIR_FREE && p->state != FH__PAIR_IN_PROGRESS && !p->is_revoked &&
            !fh__pair_is_usable(a, p)) {
            fh__path_failed(a, p);
            p->state = FH__PAIR_WAITING;
        } else if (p->state == FH__PAIR_SUCCEEDED && p->next_ms == FH__NEVER) {
            p->next_ms = a->now;
        }
    }
}

static void select_path(struct fh_ice_agent *a)
{
    uint8_t best = best_pair(a);

    if (best == a->path)
        return;
    a->path = best;
    a->had_path |= best != FH__NONE;
    a->is_path_told = best == FH__NONE;
    if (best != FH__OLD && best != FH__NONE)
        memset(&a->pairs[FH__OLD], 0, sizeof a->pairs[FH__OLD]);
    if (best != FH__NONE && a->pairs[best].next_ms == FH__NEVER && !a->cfg.is_lite)
        a->pairs[best].next_ms = a->now + consent_interval(a);
}

/* ---- nomination ----------------------------------------------------------------------------- */

/* Whether a pair may still prove better soon: it waits, or its answer is not overdue. */
static bool is_promising(const struct fh__pair *p)
{
    if (p->permit == FH__PERMIT_DENIED)
        return false;
    return p->state == FH__PAIR_FROZEN || p->state == FH__PAIR_WAITING ||
           (p->state == FH__PAIR_IN_PROGRESS && p->sent < FH__OVERDUE);
}

/* No candidate that may still come makes a better pair. */
static bool is_unbeatable(const struct fh_ice_agent *a, const struct fh__pair *p)
{
    return a->bases[p->base].is.kind == FH_ICE_BASE_HOST && p->remote_type == FH_ICE_HOST;
}

static bool is_settled(const struct fh_ice_agent *a, const struct fh__pair *best)
{
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++) {
        const struct fh__pair *p = &a->pairs[i];

        if (p != best && p->state != FH__PAIR_FREE && p->priority > best->priority &&
            is_promising(p))
            return false;
    }
    return is_unbeatable(a, best) || a->now >= a->patience_ms ||
           (a->is_remote_complete && fh__local_is_gathered(a));
}

static bool is_nominating(const struct fh_ice_agent *a)
{
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].wants_nomination)
            return true;
    return false;
}

/* RFC 8445 8.1.1, regular nomination: one more check of the pair, with USE-CANDIDATE. */
static void nominate(struct fh_ice_agent *a)
{
    struct fh__pair *p = a->path == FH__NONE ? NULL : &a->pairs[a->path];

    if (a->role != FH_ICE_CONTROLLING || a->cfg.is_lite || !a->is_open || !p ||
        p->generation != 0 || p->is_nominated || is_doubtful(p) || is_nominating(a) ||
        !is_settled(a, p))
        return;
    p->wants_nomination = true;
    fh__pair_trigger(a, p);
}

/* A nomination that is not answered is taken back, so that another pair can have it. */
static void withdraw(struct fh_ice_agent *a)
{
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++) {
        struct fh__pair *p = &a->pairs[i];

        if (p->wants_nomination && is_doubtful(p))
            p->wants_nomination = false;
    }
}

/* RFC 8445 8.1.2: with a nominated pair that lives, ordinary checks end. */
static void close_list(struct fh_ice_agent *a)
{
    const struct fh__pair *p = path_pair(a);

    if (!a->is_open || !p || !p->is_nominated || is_doubtful(p))
        return;
    a->is_open = false;
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++) {
        struct fh__pair *o = &a->pairs[i];

        if (o != p && o->state == FH__PAIR_IN_PROGRESS && !o->is_valid) {
            o->state = FH__PAIR_WAITING;
            o->next_ms = FH__NEVER;
            o->is_due = false;
        }
    }
}

/* ---- state ---------------------------------------------------------------------------------- */

static bool is_hope(const struct fh_ice_agent *a)
{
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++) {
        const struct fh__pair *p = &a->pairs[i];

        if (p->permit == FH__PERMIT_GRANTED &&
            (p->state == FH__PAIR_WAITING || p->state == FH__PAIR_FROZEN ||
             p->state == FH__PAIR_IN_PROGRESS))
            return true;
    }
    return false;
}

static enum fh_ice_state state_without_path(struct fh_ice_agent *a)
{
    if (!a->generations[0].has_remote && !a->had_path)
        return FH_ICE_NEW;
    if (a->error != 0)
        return FH_ICE_FAILED;
    if (a->generations[0].has_remote && a->now >= a->patience_ms && !is_hope(a)) {
        a->error = a->had_path ? FH_ICE_E_LOST : FH_ICE_E_FAILED;
        return FH_ICE_FAILED;
    }
    return a->had_path ? FH_ICE_DISCONNECTED : FH_ICE_CHECKING;
}

static enum fh_ice_state state_of(struct fh_ice_agent *a)
{
    const struct fh__pair *p = path_pair(a);

    if (!p)
        return state_without_path(a);
    a->error = 0;
    if (is_doubtful(p))
        return FH_ICE_DISCONNECTED;
    return p->is_nominated ? FH_ICE_COMPLETED : FH_ICE_CONNECTED;
}

static void tell_state(struct fh_ice_agent *a)
{
    enum fh_ice_state s = state_of(a);

    if (s == a->state)
        return;
    a->state = s;
    if (a->states_len == FH__STATES) {
        memmove(a->states, a->states + 1, (FH__STATES - 1) * sizeof *a->states);
        memmove(a->errors, a->errors + 1, (FH__STATES - 1) * sizeof *a->errors);
        a->states_len--;
    }
    a->states[a->states_len] = s;
    a->errors[a->states_len++] = a->error;
}

/*
 * RFC 7675 5.1: when consent has run out, nothing more is sent, and these credentials are not used
 * on this pair again.
 */
static void expire(struct fh_ice_agent *a)
{
    struct fh__pair *p = a->path == FH__NONE ? NULL : &a->pairs[a->path];

    if (!p || fh__pair_is_usable(a, p))
        return;
    fh__path_failed(a, p);
    p->is_revoked = true;
    p->queued = 0;
    if (best_pair(a) == FH__NONE)
        a->error = FH_ICE_E_LOST;
}

void fh__agent_changed(struct fh_ice_agent *a)
{
    const struct fh__pair *p;

    expire(a);
    withdraw(a);
    select_path(a);
    p = path_pair(a);
    if (!p || is_doubtful(p) || !p->is_nominated)
        reopen(a);
    nominate(a);
    close_list(a);
    tell_state(a);
}

uint64_t fh__path_deadline(const struct fh_ice_agent *a)
{
    const struct fh__pair *p = path_pair(a);
    uint64_t at = FH__NEVER;

    if (p)
        at = p->answered_ms + a->cfg.consent_timeout_ms;
    if (a->is_open && a->patience_ms > a->now && a->state != FH_ICE_FAILED && a->patience_ms < at)
        at = a->patience_ms;
    return at;
}

/* ---- for the caller ------------------------------------------------------------------------- */

bool fh_ice_agent_is_proved(const struct fh_ice_agent *a, int base,
                            const struct fh_ice_address *peer)
{
    for (size_t i = 0; i <= FH__OLD; i++)
        if (fh__pair_is_usable(a, &a->pairs[i]) && a->pairs[i].base == base &&
            fh_ice_address_equal(&a->pairs[i].peer, peer))
            return true;
    return false;
}

bool fh_ice_agent_path(const struct fh_ice_agent *a, struct fh_ice_path *out)
{
    const struct fh__pair *p = path_pair(a);

    if (!p)
        return false;
    *out = (struct fh_ice_path){.base = p->base,
                                .peer = p->peer,
                                .local = a->locals[p->local].address,
                                .local_type = (enum fh_ice_candidate_type)a->locals[p->local].type,
                                .remote_type = (enum fh_ice_candidate_type)p->remote_type,
                                .is_nominated = p->is_nominated,
                                .rtt_ms = p->srtt_ms};
    return true;
}
