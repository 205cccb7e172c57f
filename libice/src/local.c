/* SPDX-License-Identifier: MIT */
/* local.c -- bases, our candidates, and the STUN servers that tell how we are seen. */
#include <string.h>

#include "agent_internal.h"

/* RFC 8445 5.1.2.2. */
static const uint8_t type_preferences[] = {126, 100, 110, 0};

/*
 * RFC 8421 section 4: families take turns, IPv6 first, as in Happy Eyeballs; within a family the
 * system's favourite and then age decide. Candidates by a later STUN server come after all of it.
 */
static uint32_t local_preference(const struct fh__base *b, uint8_t server)
{
    uint32_t below = 2 * (64u * b->is.cost + b->order % 64u);

    if (b->is.address.family == FH_ICE_IPV4)
        below++;
    if (server != FH__NONE)
        below += 4096u * server;
    return 65535 - below;
}

/* RFC 8445 5.1.2.1, component 1. */
static uint32_t priority_of(const struct fh__base *b, enum fh_ice_candidate_type type,
                            uint8_t server)
{
    return (uint32_t)type_preferences[type] << 24 | local_preference(b, server) << 8 | 255;
}

uint32_t fh__local_prflx_priority(const struct fh_ice_agent *a, uint8_t base)
{
    return priority_of(&a->bases[base], FH_ICE_PRFLX, FH__NONE);
}

bool fh__base_is_usable(const struct fh_ice_agent *a, uint8_t base)
{
    const struct fh__base *b = &a->bases[base];

    return b->in_use && (a->cfg.policy != FH_ICE_POLICY_RELAY || b->is.kind == FH_ICE_BASE_RELAY);
}

uint8_t fh__local_find(const struct fh_ice_agent *a, uint8_t base,
                       const struct fh_ice_address *address)
{
    for (size_t i = 0; i < FH__LOCALS; i++)
        if (a->locals[i].in_use && a->locals[i].base == base &&
            fh_ice_address_equal(&a->locals[i].address, address))
            return (uint8_t)i;
    return FH__NONE;
}

/*
 * A mapped address may come from a TURN server or a gateway, a relayed one over whatever carrier:
 * that one of them leads nowhere says nothing about another.
 */
static bool is_known_source(const struct fh__local *l)
{
    return l->type == FH_ICE_HOST || l->type == FH_ICE_PRFLX ||
           (l->type == FH_ICE_SRFLX && l->server != FH__NONE);
}

/*
 * RFC 8445 5.1.1.3: the same for candidates of one type, base host and server. A number that counts
 * up: a hash of the addresses would tell what the policy hides.
 */
static uint8_t foundation_of(const struct fh_ice_agent *a, const struct fh__local *l)
{
    uint8_t highest = 0;

    for (size_t i = 0; i < FH__LOCALS; i++) {
        const struct fh__local *o = &a->locals[i];

        if (!o->in_use)
            continue;
        if (o->type == l->type && o->server == l->server && is_known_source(l) &&
            fh_ice_address_equal_host(&a->bases[o->base].is.address, &a->bases[l->base].is.address))
            return o->foundation;
        if (o->foundation > highest)
            highest = o->foundation;
    }
    return (uint8_t)(highest + 1);
}

static bool is_hidden(const struct fh_ice_agent *a, enum fh_ice_candidate_type type)
{
    switch (a->cfg.policy) {
    case FH_ICE_POLICY_ALL:
        return type == FH_ICE_PRFLX;
    case FH_ICE_POLICY_NO_HOST:
        return type == FH_ICE_PRFLX || type == FH_ICE_HOST;
    case FH_ICE_POLICY_RELAY:
        return type != FH_ICE_RELAY;
    }
    return true;
}

/*
 * What others say about us has its share of the places: a server or a peer that says something else
 * each time must not keep out an address of this machine, or a relay.
 */
static bool has_share(const struct fh_ice_agent *a, enum fh_ice_candidate_type type)
{
    size_t n = 0;

    for (size_t i = 0; i < FH__LOCALS; i++)
        n += a->locals[i].in_use && a->locals[i].type == type;
    return (type != FH_ICE_SRFLX || n < FH__MAPPED) && (type != FH_ICE_PRFLX || n < FH__SEEN);
}

static uint8_t free_local(const struct fh_ice_agent *a)
{
    for (size_t i = 0; i < FH__LOCALS; i++)
        if (!a->locals[i].in_use)
            return (uint8_t)i;
    return FH__NONE;
}

uint8_t fh__local_learn(struct fh_ice_agent *a, uint8_t base, const struct fh_ice_address *address,
                        enum fh_ice_candidate_type type, uint8_t server)
{
    uint8_t i = fh__local_find(a, base, address);
    struct fh__local l = {
        .address = *address, .base = base, .type = (uint8_t)type, .server = server, .in_use = true};

    /* What a peer saw first is now known from a server, and becomes a candidate to be told. */
    if (i != FH__NONE && (a->locals[i].type != FH_ICE_PRFLX || type == FH_ICE_PRFLX))
        return i;
    if (!has_share(a, type))
        return FH__NONE;
    if (i == FH__NONE)
        i = free_local(a);
    if (i == FH__NONE)
        return FH__NONE;
    l.priority = priority_of(&a->bases[base], type, server);
    l.foundation = foundation_of(a, &l);
    l.is_hidden = is_hidden(a, type);
    a->locals[i] = l;
    return i;
}

/* RFC 8839 5.1: where there is something to hide, the related address is 0.0.0.0 or ::, port 9. */
static void export_related(const struct fh_ice_agent *a, const struct fh__local *l,
                           struct fh_ice_address *out)
{
    const struct fh_ice_base *b = &a->bases[l->base].is;

    memset(out, 0, sizeof *out);
    if (l->type == FH_ICE_HOST)
        return;
    out->family = l->address.family;
    out->port = 9;
    if (l->type == FH_ICE_RELAY && a->cfg.policy != FH_ICE_POLICY_RELAY &&
        b->related.family != FH_ICE_FAMILY_NONE)
        *out = b->related;
    if (l->type != FH_ICE_RELAY && a->cfg.policy == FH_ICE_POLICY_ALL)
        *out = b->address;
}

void fh__local_export(const struct fh_ice_agent *a, const struct fh__local *l,
                      struct fh_ice_candidate *out)
{
    uint8_t n = l->foundation;
    char *at;

    memset(out, 0, sizeof *out);
    out->type = (enum fh_ice_candidate_type)l->type;
    out->priority = l->priority;
    out->address = l->address;
    export_related(a, l, &out->related);
    at = out->foundation;
    if (n >= 100)
        *at++ = (char)('0' + n / 100);
    if (n >= 10)
        *at++ = (char)('0' + n / 10 % 10);
    *at = (char)('0' + n % 10);
}

/* ---- bases ---------------------------------------------------------------------------------- */

static bool is_base_allowed(const struct fh_ice_agent *a, const struct fh_ice_address *address)
{
    enum fh_ice_scope scope = fh_ice_address_scope(address);

    return address->port != 0 && (scope >= FH_ICE_SCOPE_LINK ||
                                  (scope == FH_ICE_SCOPE_LOOPBACK && a->cfg.allow_loopback));
}

static void ask_from(struct fh_ice_agent *a, uint8_t base, uint8_t server)
{
    for (size_t i = 0; i < FH__ASKS; i++) {
        if (a->asks[i].state != FH__ASK_FREE)
            continue;
        a->asks[i] = (struct fh__ask){.base = base, .server = server, .state = FH__ASK_WAITING};
        return;
    }
}

/* Whether this server is asked from this base. A loopback address leads nowhere else. */
static bool is_asked(const struct fh_ice_agent *a, uint8_t base, uint8_t server)
{
    const struct fh__base *b = &a->bases[base];
    const struct fh_ice_address *s = &a->servers[server];
    enum fh_ice_scope from = fh_ice_address_scope(&b->is.address);

    return b->in_use && b->is.kind == FH_ICE_BASE_HOST && !a->cfg.is_lite &&
           a->cfg.policy != FH_ICE_POLICY_RELAY && b->is.address.family == s->family &&
           (from == FH_ICE_SCOPE_LOOPBACK) == (fh_ice_address_scope(s) == FH_ICE_SCOPE_LOOPBACK) &&
           (from != FH_ICE_SCOPE_LINK || s->family == FH_ICE_IPV4);
}

/* The lowest number that no base of this family and cost has. */
static uint8_t order_of(const struct fh_ice_agent *a, const struct fh_ice_base *base)
{
    uint8_t order = 0;

    for (size_t i = 0; i < FH_ICE_MAX_BASES; i++) {
        const struct fh__base *b = &a->bases[i];

        if (b->in_use && b->is.address.family == base->address.family && b->is.kind == base->kind &&
            b->is.cost == base->cost && b->order >= order)
            order = (uint8_t)(b->order + 1);
    }
    return order;
}

static int find_base_room(const struct fh_ice_agent *a, const struct fh_ice_base *base)
{
    int room = FH_ICE_E_LIMIT;

    for (int i = FH_ICE_MAX_BASES - 1; i >= 0; i--) {
        const struct fh__base *b = &a->bases[i];

        if (b->in_use && b->is.kind == base->kind &&
            fh_ice_address_equal(&b->is.address, &base->address))
            return FH_ICE_E_STATE;
        if (!b->in_use)
            room = i;
    }
    return room;
}

int fh_ice_agent_add_base(struct fh_ice_agent *a, uint64_t now_ms, const struct fh_ice_base *base)
{
    int at = find_base_room(a, base);
    uint8_t i = (uint8_t)at;

    a->now = now_ms;
    if (!is_base_allowed(a, &base->address))
        return FH_ICE_E_ADDRESS;
    if (at < 0 || base->cost > 31)
        return at < 0 ? at : FH_ICE_E_INVAL;
    a->bases[i] = (struct fh__base){.is = *base, .in_use = true, .order = order_of(a, base)};
    a->bases[i].candidate =
        fh__local_learn(a, i, &base->address,
                        base->kind == FH_ICE_BASE_RELAY ? FH_ICE_RELAY : FH_ICE_HOST, FH__NONE);
    if (a->bases[i].candidate == FH__NONE) {
        a->bases[i].in_use = false;
        return FH_ICE_E_LIMIT;
    }
    for (size_t s = 0; s < a->servers_len; s++)
        if (is_asked(a, i, (uint8_t)s))
            ask_from(a, i, (uint8_t)s);
    fh__pair_all_of_base(a, i);
    fh__agent_changed(a);
    return at;
}

void fh_ice_agent_remove_base(struct fh_ice_agent *a, uint64_t now_ms, int base)
{
    a->now = now_ms;
    if (base < 0 || base >= FH_ICE_MAX_BASES || !a->bases[base].in_use)
        return;
    for (size_t i = 0; i <= FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].state != FH__PAIR_FREE && a->pairs[i].base == base)
            fh__pair_drop(a, &a->pairs[i]);
    for (size_t i = 0; i < FH__ASKS; i++)
        if (a->asks[i].base == base)
            a->asks[i].state = FH__ASK_FREE;
    for (size_t i = 0; i < FH__LOCALS; i++)
        if (a->locals[i].base == base)
            a->locals[i].in_use = false;
    for (size_t i = 0; i < a->answers_len;)
        if (a->answers[i].base == base)
            a->answers[i] = a->answers[--a->answers_len];
        else
            i++;
    a->bases[base].in_use = false;
    fh__agent_changed(a);
}

int fh_ice_agent_add_mapped(struct fh_ice_agent *a, uint64_t now_ms, int base,
                            const struct fh_ice_address *mapped)
{
    a->now = now_ms;
    if (base < 0 || base >= FH_ICE_MAX_BASES || !a->bases[base].in_use ||
        mapped->family != a->bases[base].is.address.family)
        return FH_ICE_E_INVAL;
    if (!is_base_allowed(a, mapped))
        return FH_ICE_E_ADDRESS;
    if (fh__local_learn(a, (uint8_t)base, mapped, FH_ICE_SRFLX, FH__NONE) == FH__NONE)
        return FH_ICE_E_LIMIT;
    fh__agent_changed(a);
    return 0;
}

/* ---- STUN servers --------------------------------------------------------------------------- */

int fh_ice_agent_add_server(struct fh_ice_agent *a, uint64_t now_ms,
                            const struct fh_ice_address *server)
{
    uint8_t at = (uint8_t)a->servers_len;

    a->now = now_ms;
    if (!is_base_allowed(a, server))
        return FH_ICE_E_ADDRESS;
    for (size_t i = 0; i < a->servers_len; i++)
        if (fh_ice_address_equal(&a->servers[i], server))
            return 0;
    if (at == FH_ICE_MAX_SERVERS)
        return FH_ICE_E_LIMIT;
    a->servers[a->servers_len++] = *server;
    for (size_t i = 0; i < FH_ICE_MAX_BASES; i++)
        if (is_asked(a, (uint8_t)i, at))
            ask_from(a, (uint8_t)i, at);
    fh__agent_changed(a);
    return 0;
}

struct fh__ask *fh__ask_pick(struct fh_ice_agent *a)
{
    struct fh__ask *best = NULL;

    for (size_t i = 0; i < FH__ASKS; i++) {
        struct fh__ask *k = &a->asks[i];

        if (k->state == FH__ASK_WAITING &&
            (!best || k->server < best->server ||
             (k->server == best->server &&
              a->bases[k->base].is.cost < a->bases[best->base].is.cost)))
            best = k;
    }
    return best;
}

void fh__ask_begin(struct fh_ice_agent *a, struct fh__ask *k)
{
    fh__pair_new_txid(a, k->txid);
    k->state = FH__ASK_RUNNING;
    k->sent = 1;
    k->is_due = true;
    k->rto_ms = fh__rto(a);
    k->next_ms = a->now + k->rto_ms;
    a->stats.transactions++;
}

bool fh__base_is_answered(const struct fh_ice_agent *a, uint8_t base)
{
    for (size_t i = 0; i < FH__ASKS; i++)
        if (a->asks[i].state == FH__ASK_ANSWERED && a->asks[i].base == base)
            return true;
    return false;
}

/*
 * RFC 8445 5.1.1.4: the mapping is kept alive while the peer may still come to use it. One of the
 * servers that answered is enough.
 */
static void keep_alive(struct fh_ice_agent *a, struct fh__ask *k)
{
    for (struct fh__ask *o = a->asks; o < k; o++)
        if (o->state == FH__ASK_ANSWERED && o->base == k->base && o->is_keepalive)
            return;
    k->is_keepalive = true;
    fh__pair_new_txid(a, k->txid);
    k->is_due = true;
    k->next_ms = a->now + FH__KEEPALIVE_MS;
}

void fh__ask_tick(struct fh_ice_agent *a, struct fh__ask *k)
{
    if (k->next_ms > a->now || (k->state != FH__ASK_RUNNING && k->state != FH__ASK_ANSWERED))
        return;
    if (k->state == FH__ASK_ANSWERED) {
        k->next_ms = FH__NEVER;
        if (a->state != FH_ICE_COMPLETED)
            keep_alive(a, k);
        return;
    }
    if (k->sent == FH__RC) {
        fh__ask_failed(a, k);
        return;
    }
    k->is_due = true;
    k->sent++;
    k->rto_ms *= 2;
    k->next_ms = a->now + (k->sent == FH__RC ? k->rto_ms / 64 * FH__RM : k->rto_ms);
}

void fh__ask_answered(struct fh_ice_agent *a, struct fh__ask *k,
                      const struct fh_ice_address *mapped)
{
    bool is_more = a->is_gathered_told && !k->is_keepalive && fh__base_is_answered(a, k->base);

    k->state = FH__ASK_ANSWERED;
    k->is_due = false;
    k->next_ms = a->now + FH__KEEPALIVE_MS;
    /*
     * One more answer for a base that has one brings nothing that is needed, and candidates were
     * said to be complete. The first one does: its base may be new.
     */
    if (!is_more && mapped->family == a->bases[k->base].is.address.family &&
        is_base_allowed(a, mapped))
        (void)fh__local_learn(a, k->base, mapped, FH_ICE_SRFLX, k->server);
}

void fh__ask_failed(struct fh_ice_agent *a, struct fh__ask *k)
{
    (void)a;
    k->state = FH__ASK_FAILED;
    k->is_due = false;
    k->next_ms = FH__NEVER;
}

/*
 * Our candidates are complete when nothing outside is under way and each base has an answer, or its
 * servers are overdue. A dead server among live ones does not hold this up.
 */
bool fh__local_is_gathered(const struct fh_ice_agent *a)
{
    bool has_base = false;

    if (a->holds > 0)
        return false;
    for (size_t i = 0; i < FH__ASKS; i++) {
        const struct fh__ask *k = &a->asks[i];

        if ((k->state == FH__ASK_WAITING ||
             (k->state == FH__ASK_RUNNING && k->sent <= FH__ASKS_OVERDUE)) &&
            !fh__base_is_answered(a, k->base))
            return false;
    }
    for (size_t i = 0; i < FH_ICE_MAX_BASES; i++)
        has_base |= a->bases[i].in_use;
    return has_base || a->was_released;
}

void fh_ice_agent_hold(struct fh_ice_agent *a)
{
    a->holds++;
}

void fh_ice_agent_release(struct fh_ice_agent *a, uint64_t now_ms)
{
    a->now = now_ms;
    if (a->holds > 0)
        a->holds--;
    a->was_released = true;
    fh__agent_changed(a);
}
