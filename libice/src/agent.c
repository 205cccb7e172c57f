/* SPDX-License-Identifier: MIT */
/* agent.c -- the agent's life, descriptions, the peer's candidates, and time. */
#include <string.h>

#include "agent_internal.h"
#include "hash.h"

_Static_assert(sizeof(struct fh_ice_agent) <= FH_ICE_AGENT_MAX_SIZE, "state of an agent");
_Static_assert((int)FH_ICE_MAX_CANDIDATES >= (int)FH__LOCALS, "our candidates fit a description");

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static bool is_config_right(const struct fh_ice_config *cfg)
{
    return cfg->random && cfg->refused_len <= FH_ICE_MAX_REFUSED &&
           (cfg->ta_ms == 0 || cfg->ta_ms >= 5) && (!cfg->pacer || cfg->pacer->gap_ms >= 5) &&
           !(cfg->is_lite && cfg->policy == FH_ICE_POLICY_RELAY);
}

size_t fh_ice_agent_size(const struct fh_ice_config *cfg)
{
    (void)cfg;
    return sizeof(struct fh_ice_agent);
}

/* Six random bits a character. */
static void random_text(struct fh_ice_agent *a, char *out, size_t len)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[FH__PWD_LEN];

    a->cfg.random(a->cfg.user, bytes, len);
    for (size_t i = 0; i < len; i++)
        out[i] = set[bytes[i] & 63];
    out[len] = '\0';
    fh__ice_wipe(bytes, sizeof bytes);
}

static void new_generation(struct fh_ice_agent *a)
{
    struct fh__generation *g = &a->generations[0];

    fh__ice_wipe(g, sizeof *g);
    random_text(a, g->ufrag, FH__UFRAG_LEN);
    random_text(a, g->pwd, FH__PWD_LEN);
}

struct fh_ice_agent *fh_ice_agent_init(void *mem, size_t len, const struct fh_ice_config *cfg)
{
    struct fh_ice_agent *a = mem;

    if (len < sizeof *a || !is_config_right(cfg))
        return NULL;
    memset(a, 0, sizeof *a);
    a->cfg = *cfg;
    a->cfg.ta_ms = or_default(cfg->ta_ms, 50);
    a->cfg.patience_ms = or_default(cfg->patience_ms, 39500);
    a->cfg.consent_interval_ms = or_default(cfg->consent_interval_ms, 5000);
    a->cfg.consent_timeout_ms = or_default(cfg->consent_timeout_ms, 30000);
    if (cfg->refused_len != 0)
        memcpy(a->refused, cfg->refused, cfg->refused_len * sizeof *cfg->refused);
    a->cfg.refused = a->refused;
    a->role = cfg->is_lite ? FH_ICE_CONTROLLED : cfg->role;
    a->cfg.random(a->cfg.user, &a->tiebreaker, sizeof a->tiebreaker);
    a->path = FH__NONE;
    a->is_path_told = a->is_restart_told = true;
    a->patience_ms = FH__NEVER;
    new_generation(a);
    return a;
}

void fh_ice_agent_finish(struct fh_ice_agent *a)
{
    fh__ice_wipe(a, sizeof *a);
}

void fh_ice_agent_description(const struct fh_ice_agent *a, struct fh_ice_description *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->ufrag, a->generations[0].ufrag, sizeof a->generations[0].ufrag);
    memcpy(out->pwd, a->generations[0].pwd, sizeof a->generations[0].pwd);
    out->is_lite = a->cfg.is_lite;
    out->is_trickle = !a->cfg.is_lite;
    out->is_complete = fh__local_is_gathered(a);
    for (size_t i = 0; i < FH__LOCALS; i++)
        if (a->locals[i].in_use && !a->locals[i].is_hidden)
            fh__local_export(a, &a->locals[i], &out->candidates[out->len++]);
}

/* ---- restart -------------------------------------------------------------------------------- */

/* The pair that carries data goes on, beside the check list, with the credentials it has. */
static void keep_path(struct fh_ice_agent *a)
{
    struct fh__pair *old = &a->pairs[FH__OLD];

    if (a->path != FH__NONE && a->path != FH__OLD) {
        *old = a->pairs[a->path];
        old->generation = 1;
        old->state = FH__PAIR_SUCCEEDED;
        old->local = a->bases[old->base].candidate;
        old->queued = 0;
        old->is_nominated = old->is_nominating = old->wants_nomination = false;
        if (old->next_ms == FH__NEVER || old->next_ms > a->now + a->cfg.consent_interval_ms)
            old->next_ms = a->now + a->cfg.consent_interval_ms;
        a->path = FH__OLD;
        a->generations[1] = a->generations[0];
    } else if (a->path == FH__NONE) {
        memset(old, 0, sizeof *old);
        a->generations[1] = a->generations[0];
    }
}

/* What STUN servers said may no longer be true; they are asked again. */
static void ask_again(struct fh_ice_agent *a)
{
    for (size_t i = 0; i < FH__LOCALS; i++)
        if (a->locals[i].type == FH_ICE_PRFLX || a->locals[i].server != FH__NONE)
            a->locals[i].in_use = false;
    for (size_t i = 0; i < FH__ASKS; i++)
        if (a->asks[i].state != FH__ASK_FREE)
            a->asks[i].state = FH__ASK_WAITING;
    for (size_t i = 0; i < FH__ASKS; i++)
        a->asks[i].is_due = a->asks[i].is_keepalive = false;
    a->is_gathered_told = false;
}

static void restart(struct fh_ice_agent *a)
{
    keep_path(a);
    new_generation(a);
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        memset(&a->pairs[i], 0, sizeof a->pairs[i]);
    memset(a->remotes, 0, sizeof a->remotes);
    a->learnt = 0;
    a->is_remote_complete = false;
    a->is_open = false;
    a->patience_ms = FH__NEVER;
    a->error = 0;
    ask_again(a);
    a->is_restart_told = false;
}

void fh_ice_agent_restart(struct fh_ice_agent *a, uint64_t now_ms)
{
    a->now = now_ms;
    restart(a);
    fh__agent_changed(a);
}

/* ---- the peer ------------------------------------------------------------------------------- */

bool fh__remote_is_allowed(const struct fh_ice_agent *a, const struct fh_ice_address *address)
{
    enum fh_ice_scope scope = fh_ice_address_scope(address);
    struct fh_ice_address to = fh__address_reached(address);

    if (address->port == 0 || scope == FH_ICE_SCOPE_UNSPECIFIED ||
        scope == FH_ICE_SCOPE_MULTICAST || scope == FH_ICE_SCOPE_RESERVED ||
        (scope == FH_ICE_SCOPE_LOOPBACK && !a->cfg.allow_loopback))
        return false;
    for (size_t i = 0; i < a->cfg.refused_len; i++) {
        struct fh_ice_address refused = fh__address_reached(&a->refused[i]);

        if (fh_ice_address_equal_host(&refused, &to))
            return false;
    }
    return true;
}

uint8_t fh__remote_find(const struct fh_ice_agent *a, const struct fh_ice_address *address)
{
    for (size_t i = 0; i < FH__REMOTES; i++)
        if (a->remotes[i].in_use && fh_ice_address_equal(&a->remotes[i].address, address))
            return (uint8_t)i;
    return FH__NONE;
}

/* Whether one of its pairs is of use: then it cannot make room for another. */
static bool is_remote_busy(const struct fh_ice_agent *a, uint8_t remote)
{
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].state != FH__PAIR_FREE && a->pairs[i].remote == remote &&
            (a->pairs[i].is_valid || a->pairs[i].state == FH__PAIR_IN_PROGRESS))
            return true;
    return false;
}

/* Signalled candidates take at most FH_ICE_MAX_CANDIDATES places; peer-reflexive ones make room. */
static uint8_t find_remote_room(const struct fh_ice_agent *a, bool is_signalled)
{
    size_t signalled = 0;
    uint8_t room = FH__NONE;

    for (size_t i = 0; i < FH__REMOTES; i++)
        if (a->remotes[i].in_use)
            signalled += a->remotes[i].type != FH_ICE_PRFLX;
        else if (room == FH__NONE)
            room = (uint8_t)i;
    if (is_signalled && signalled >= FH_ICE_MAX_CANDIDATES)
        return FH__NONE;
    for (size_t i = 0; i < FH__REMOTES && room == FH__NONE; i++)
        if (a->remotes[i].type == FH_ICE_PRFLX && !is_remote_busy(a, (uint8_t)i))
            room = (uint8_t)i;
    return room;
}

static void put_remote(struct fh_ice_agent *a, uint8_t at, const struct fh__remote *r)
{
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS && a->remotes[at].in_use; i++)
        if (a->pairs[i].state != FH__PAIR_FREE && a->pairs[i].remote == at)
            fh__pair_drop(a, &a->pairs[i]);
    a->remotes[at] = *r;
}

/*
 * Between two NATs with a new mapping for each destination and no filter, every check comes from an
 * address that nobody saw before, and provokes another: without an end it would go on for ever.
 */
uint8_t fh__remote_learn(struct fh_ice_agent *a, const struct fh_ice_address *address,
                         uint32_t priority)
{
    uint8_t at = find_remote_room(a, false);
    struct fh__remote r = {
        .address = *address, .priority = priority, .type = FH_ICE_PRFLX, .in_use = true};

    if (a->path != FH__NONE && a->pairs[a->path].is_nominated)
        a->learnt = 0;
    if (at == FH__NONE || a->learnt >= FH__LEARNT)
        return FH__NONE;
    a->learnt++;
    /* RFC 8445 7.3.1.3: a foundation that no other candidate has. */
    r.foundation = (fh__crc32(address->ip, sizeof address->ip) ^ address->port) | 1u << 31;
    put_remote(a, at, &r);
    return at;
}

/* A candidate that was met on the wire before its line came: now it has a name. */
static void name_remote(struct fh_ice_agent *a, uint8_t at, const struct fh__remote *r)
{
    if (a->remotes[at].type != FH_ICE_PRFLX)
        return;
    a->remotes[at] = *r;
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].remote == at)
            a->pairs[i].remote_type = r->type;
    fh__pair_reorder(a);
    a->is_path_told = false;
}

/* RFC 8838 section 11: whether the candidate belongs to what we speak about. */
static bool is_of_generation(const struct fh_ice_agent *a, const char *ufrag)
{
    if (!ufrag)
        return true;
    if (a->generations[0].has_remote)
        return strcmp(ufrag, a->generations[0].remote_ufrag) == 0;
    return strcmp(ufrag, a->generations[1].remote_ufrag) != 0;
}

static int add_remote(struct fh_ice_agent *a, const struct fh_ice_candidate *c)
{
    uint8_t at = fh__remote_find(a, &c->address);
    struct fh__remote r = {
        .address = c->address, .priority = c->priority, .type = (uint8_t)c->type, .in_use = true};

    if (!fh__remote_is_allowed(a, &c->address))
        return FH_ICE_E_ADDRESS;
    r.foundation = fh__crc32((const uint8_t *)c->foundation, strlen(c->foundation)) >> 1;
    if (at != FH__NONE) {
        name_remote(a, at, &r);
    } else {
        at = find_remote_room(a, true);
        if (at == FH__NONE)
            return FH_ICE_E_LIMIT;
        put_remote(a, at, &r);
    }
    fh__pair_all_of_remote(a, at);
    return 0;
}

int fh_ice_agent_add_remote(struct fh_ice_agent *a, uint64_t now_ms,
                            const struct fh_ice_candidate *c, const char *ufrag)
{
    int ret;

    a->now = now_ms;
    if (!is_of_generation(a, ufrag))
        return 0;
    ret = add_remote(a, c);
    fh__agent_changed(a);
    return ret;
}

void fh_ice_agent_end_remote(struct fh_ice_agent *a, uint64_t now_ms)
{
    a->now = now_ms;
    a->is_remote_complete = true;
    fh__agent_changed(a);
}

static bool is_theirs(const struct fh__generation *g, const struct fh_ice_description *d)
{
    return g->has_remote && strcmp(g->remote_ufrag, d->ufrag) == 0 &&
           strcmp(g->remote_pwd, d->pwd) == 0;
}

/* RFC 8863: patience begins when there is something to wait for. */
static void meet(struct fh_ice_agent *a, const struct fh_ice_description *d)
{
    struct fh__generation *g = &a->generations[0];

    if (g->has_remote)
        restart(a);
    memcpy(g->remote_ufrag, d->ufrag, sizeof g->remote_ufrag);
    memcpy(g->remote_pwd, d->pwd, sizeof g->remote_pwd);
    g->has_remote = true;
    a->is_remote_lite = d->is_lite;
    a->is_open = true;
    a->patience_ms = a->now + a->cfg.patience_ms;
    /* RFC 8445 6.1.1: the full one controls. */
    if (d->is_lite)
        fh__agent_switch_role(a, FH_ICE_CONTROLLING);
}

int fh_ice_agent_set_remote(struct fh_ice_agent *a, uint64_t now_ms,
                            const struct fh_ice_description *d)
{
    a->now = now_ms;
    if (!fh_ice_is_credential(d->ufrag, strlen(d->ufrag), FH_ICE_MIN_UFRAG) ||
        !fh_ice_is_credential(d->pwd, strlen(d->pwd), FH_ICE_MIN_PWD))
        return FH_ICE_E_INVAL;
    if (d->is_lite && a->cfg.is_lite)
        return FH_ICE_E_UNSUPPORTED;
    /* Late news of the generation before a restart. */
    if (is_theirs(&a->generations[1], d))
        return 0;
    if (!is_theirs(&a->generations[0], d))
        meet(a, d);
    for (size_t i = 0; i < d->len && i < FH_ICE_MAX_CANDIDATES; i++)
        (void)add_remote(a, &d->candidates[i]);
    a->is_remote_complete |= d->is_complete;
    fh__agent_changed(a);
    return 0;
}

void fh__agent_switch_role(struct fh_ice_agent *a, enum fh_ice_role role)
{
    if (a->role == role)
        return;
    a->role = role;
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++)
        a->pairs[i].is_nominating = a->pairs[i].wants_nomination = false;
    fh__pair_reorder(a);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void tick_pair(struct fh_ice_agent *a, struct fh__pair *p)
{
    if (p->state == FH__PAIR_FREE || p->next_ms > a->now)
        return;
    if (p->state == FH__PAIR_SUCCEEDED) {
        fh__path_consent(a, p);
        return;
    }
    if (p->state != FH__PAIR_IN_PROGRESS)
        return;
    /* RFC 8445 7.3.1.4: a triggered check takes the place of this one. */
    if (p->queued != 0)
        p->next_ms = FH__NEVER;
    else if (p->is_valid ? !fh__pair_is_usable(a, p) : p->sent == FH__RC)
        fh__path_failed(a, p);
    else
        fh__pair_repeat(a, p);
}

static uint64_t pace(const struct fh_ice_agent *a)
{
    const struct fh_ice_pacer *p = a->cfg.pacer;

    return p && p->next_ms > a->pace_ms ? p->next_ms : a->pace_ms;
}

/*
 * Where the way to the world begins and no server has answered yet, a second question helps more
 * than any check: so a dead server costs one place in the line.
 */
static bool is_urgent(const struct fh_ice_agent *a, const struct fh__ask *k)
{
    return k->server < 2 && a->bases[k->base].is.cost == 0 && !fh__base_is_answered(a, k->base);
}

/* RFC 8445 14.2: one transaction begins every Ta. */
static void begin_next(struct fh_ice_agent *a)
{
    struct fh__pair *p = fh__pair_pick(a);
    struct fh__ask *k = fh__ask_pick(a);

    if (pace(a) > a->now || (!p && !k))
        return;
    a->was_ask = k && (!p || !a->was_ask || is_urgent(a, k));
    if (a->was_ask)
        fh__ask_begin(a, k);
    else
        fh__pair_begin(a, p);
    a->pace_ms = a->now + a->cfg.ta_ms;
    if (a->cfg.pacer)
        a->cfg.pacer->next_ms = a->now + a->cfg.pacer->gap_ms;
}

void fh_ice_agent_tick(struct fh_ice_agent *a, uint64_t now_ms)
{
    a->now = now_ms;
    for (size_t i = 0; i <= FH_ICE_MAX_PAIRS; i++)
        tick_pair(a, &a->pairs[i]);
    for (size_t i = 0; i < FH__ASKS; i++)
        fh__ask_tick(a, &a->asks[i]);
    fh__agent_changed(a);
    begin_next(a);
}

static uint64_t least(uint64_t x, uint64_t y)
{
    return x < y ? x : y;
}

uint64_t fh_ice_agent_deadline(const struct fh_ice_agent *a)
{
    /* Picking changes nothing. */
    struct fh_ice_agent *self = (struct fh_ice_agent *)a;
    uint64_t at = fh__path_deadline(a);

    for (size_t i = 0; i <= FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].state == FH__PAIR_IN_PROGRESS || a->pairs[i].state == FH__PAIR_SUCCEEDED)
            at = least(at, a->pairs[i].next_ms);
    for (size_t i = 0; i < FH__ASKS; i++)
        if (a->asks[i].state == FH__ASK_RUNNING || a->asks[i].state == FH__ASK_ANSWERED)
            at = least(at, a->asks[i].next_ms);
    if (fh__pair_pick(self) || fh__ask_pick(self))
        at = least(at, pace(a));
    return at;
}

enum fh_ice_state fh_ice_agent_state(const struct fh_ice_agent *a)
{
    return a->state;
}

enum fh_ice_role fh_ice_agent_role(const struct fh_ice_agent *a)
{
    return a->role;
}

void fh_ice_agent_stats(const struct fh_ice_agent *a, struct fh_ice_stats *out)
{
    struct fh_ice_stats s = a->stats;

    s.pairs = s.valid_pairs = s.local_candidates = s.remote_candidates = 0;
    for (size_t i = 0; i < FH_ICE_MAX_PAIRS; i++) {
        s.pairs += a->pairs[i].state != FH__PAIR_FREE;
        s.valid_pairs += fh__pair_is_usable(a, &a->pairs[i]);
    }
    for (size_t i = 0; i < FH__LOCALS; i++)
        s.local_candidates += a->locals[i].in_use;
    for (size_t i = 0; i < FH__REMOTES; i++)
        s.remote_candidates += a->remotes[i].in_use;
    *out = s;
}
