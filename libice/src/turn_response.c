/* SPDX-License-Identifier: MIT */
/* turn_response.c -- what a TURN server answers, and what follows from it. */
#include <string.h>

#include <farhand/ice_error.h>

#include "turn.h"

/* ---- success -------------------------------------------------------------------------------- */

static void take_ticket(struct fh_turn *t, const struct fh_stun_message *m)
{
    size_t len;
    const uint8_t *ticket = fh_stun_find(m, FH_STUN_MOBILITY_TICKET, &len);

    if (!ticket || len == 0 || len > sizeof t->ticket)
        return;
    memcpy(t->ticket, ticket, len);
    t->ticket_len = len;
}

/* RFC 8656 7.3: refreshed a minute before the end, or at half of a short life. */
static void take_lifetime(struct fh_turn *t, uint64_t now_ms, const struct fh_stun_message *m)
{
    uint32_t s = FH__TURN_LIFETIME_S;

    fh_stun_read_u32(m, FH_STUN_LIFETIME, &s);
    t->end_ms = now_ms + s * UINT64_C(1000);
    t->refresh_ms = now_ms + (s > 120 ? (s - 60) * UINT64_C(1000) : s * UINT64_C(500));
}

static bool read_relayed(const struct fh_stun_message *m, struct fh_ice_address out[2])
{
    struct fh_stun_attribute a;
    struct fh_ice_address addr;

    for (size_t at = 0; fh_stun_next(m, &at, &a);)
        if (a.type == FH_STUN_XOR_RELAYED_ADDRESS && fh_stun_attribute_address(m, &a, &addr) &&
            addr.port != 0)
            out[addr.family == FH_ICE_IPV6] = addr;
    return out[0].family != FH_ICE_FAMILY_NONE || out[1].family != FH_ICE_FAMILY_NONE;
}

/* RFC 8656 7.3. */
static int allocated(struct fh_turn *t, uint64_t now_ms, const struct fh_stun_message *m)
{
    struct fh_ice_address relayed[2] = {{{0}, 0, 0}, {{0}, 0, 0}}, mapped;

    if (!read_relayed(m, relayed) || !fh_stun_read_mapped(m, &mapped))
        return FH_ICE_E_PROTO;
    memcpy(t->relayed, relayed, sizeof relayed);
    t->mapped = mapped;
    t->tx[FH__TURN_ALLOCATION].active = false;
    t->state = FH__TURN_READY;
    t->report_ready = true;
    take_lifetime(t, now_ms, m);
    take_ticket(t, m);
    return 0;
}

/*
 * Permissions go along with the allocation (RFC 8016 3.2), and are asked for again all the same:
 * some servers (coturn 4.6, over streams) say yes to the move and are silent ever after.
 */
static void prove(struct fh_turn *t, uint64_t now_ms)
{
    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS; i++)
        if (t->permissions[i].grant == FH__TURN_GRANTED)
            t->permissions[i].due_ms = now_ms;
}

/* RFC 8656 8.3; RFC 8016 3.2.2: a ticket is good once, the answer has the next. */
static int refreshed(struct fh_turn *t, uint64_t now_ms, const struct fh_stun_message *m)
{
    struct fh_ice_address mapped;

    t->tx[FH__TURN_ALLOCATION].active = false;
    if (t->state == FH__TURN_CLOSING) {
        fh__turn_over(t, 0, 0);
        return 0;
    }
    if (t->state == FH__TURN_MOVING) {
        t->state = FH__TURN_READY;
        t->report_moved = true;
        prove(t, now_ms);
        if (fh_stun_read_mapped(m, &mapped))
            t->mapped = mapped;
    }
    take_lifetime(t, now_ms, m);
    take_ticket(t, m);
    return 0;
}

static int permitted(struct fh_turn *t, uint64_t now_ms)
{
    t->tx[FH__TURN_PERMIT].active = t->is_unproven = false;
    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS; i++) {
        struct fh__turn_permission *p = &t->permissions[i];

        if (p->grant != FH__TURN_ASKED)
            continue;
        if (p->forgotten) {
            memset(p, 0, sizeof *p);
            continue;
        }
        p->grant = FH__TURN_GRANTED;
        p->report |= !p->had;
        p->had = true;
        p->due_ms = now_ms + FH__TURN_PERMISSION_MS;
        p->end_ms = now_ms + FH__TURN_PERMISSION_LIFE_MS;
    }
    return 0;
}

static struct fh__turn_channel *asked_channel(struct fh_turn *t)
{
    for (size_t i = 0; i < FH_TURN_MAX_CHANNELS; i++)
        if (t->channels[i].grant == FH__TURN_ASKED)
            return &t->channels[i];
    return NULL;
}

/* A channel is a permission for its address as well (RFC 8656 12): that one need not be asked for.
 */
static int bound(struct fh_turn *t, uint64_t now_ms)
{
    struct fh__turn_channel *c = asked_channel(t);
    struct fh__turn_permission *p;

    t->tx[FH__TURN_BIND].active = false;
    if (!c)
        return 0;
    c->grant = FH__TURN_GRANTED;
    c->report = !c->had;
    c->had = true;
    c->due_ms = now_ms + FH__TURN_CHANNEL_MS;
    c->end_ms = now_ms + FH__TURN_CHANNEL_LIFE_MS;
    p = fh__turn_permission(t, &c->peer);
    if (p && p->grant != FH__TURN_ASKED) {
        p->report |= !p->had;
        p->had = true;
        p->grant = FH__TURN_GRANTED;
        p->due_ms = now_ms + FH__TURN_PERMISSION_MS;
        p->end_ms = now_ms + FH__TURN_PERMISSION_LIFE_MS;
    }
    return 0;
}

static int success(struct fh_turn *t, uint64_t now_ms, enum fh__turn_kind kind,
                   const struct fh_stun_message *m)
{
    switch (kind) {
    case FH__TURN_ALLOCATION:
        return t->state == FH__TURN_ALLOCATING ? allocated(t, now_ms, m) : refreshed(t, now_ms, m);
    case FH__TURN_PERMIT:
        return permitted(t, now_ms);
    case FH__TURN_BIND:
        return bound(t, now_ms);
    case FH__TURN_KINDS:
        break;
    }
    return FH_ICE_E_PROTO;
}

/* ---- errors --------------------------------------------------------------------------------- */

/* What an error that nothing can be done about means for the caller. */
static int meaning(unsigned code)
{
    switch (code) {
    case FH_STUN_UNAUTHENTICATED:
    case FH_STUN_WRONG_CREDENTIALS:
    case FH_STUN_STALE_NONCE:
        return FH_ICE_E_AUTH;
    case FH_STUN_QUOTA_REACHED:
    case FH_STUN_INSUFFICIENT_CAPACITY:
        return FH_ICE_E_LIMIT;
    case FH_STUN_ALLOCATION_MISMATCH:
        return FH_ICE_E_STATE;
    default:
        return FH_ICE_E_FAILED;
    }
}

/*
 * RFC 8489 9.2.5. Who answers this server's challenge and hears 401 has the wrong credentials; who
 * used a realm and nonce of earlier, or of another server, has not tried yet.
 */
static int unauthenticated(struct fh_turn *t, uint64_t now_ms, enum fh__turn_kind kind,
                           const struct fh_stun_message *m)
{
    bool wrong = t->tx[kind].authenticated && t->challenged;
    int ret = wrong ? FH_ICE_E_AUTH : fh__turn_challenge(t, m);

    /* Neither SHA-256 nor MD5, or a realm that is no text: this server cannot be talked to. */
    if (ret != 0)
        fh__turn_over(t, ret, FH_STUN_UNAUTHENTICATED);
    else
        fh__turn_ask_again(t, kind, now_ms);
    return 0;
}

/* RFC 8489 9.2.5: the nonce has grown old. */
static int stale(struct fh_turn *t, uint64_t now_ms, enum fh__turn_kind kind,
                 const struct fh_stun_message *m)
{
    int ret;

    if (!t->tx[kind].authenticated || t->tx[kind].stale >= FH__TURN_MAX_STALE) {
        fh__turn_over(t, FH_ICE_E_AUTH, FH_STUN_STALE_NONCE);
        return 0;
    }
    if ((ret = fh__turn_challenge(t, m)) != 0)
        return ret;
    fh__turn_ask_again(t, kind, now_ms);
    return 0;
}

/* A server may not send its clients to places that it stands no nearer to than they do. */
static bool may_redirect(const struct fh_turn *t, const struct fh_ice_address *to)
{
    enum fh_ice_scope scope = fh_ice_address_scope(to);

    return to->family == t->server.family && to->port != 0 &&
           !fh_ice_address_equal(to, &t->server) &&
           (scope == FH_ICE_SCOPE_GLOBAL || scope == fh_ice_address_scope(&t->server));
}

/* RFC 8489 10: another server, once. */
static int redirected(struct fh_turn *t, uint64_t now_ms, const struct fh_stun_message *m)
{
    struct fh_ice_address to;

    if (t->state != FH__TURN_ALLOCATING || t->redirects > 0 ||
        !fh_stun_read_address(m, FH_STUN_ALTERNATE_SERVER, &to) || !may_redirect(t, &to)) {
        fh__turn_over(t, FH_ICE_E_FAILED, FH_STUN_TRY_ALTERNATE);
        return 0;
    }
    t->redirects++;
    t->server = to;
    t->challenged = false;
    t->report_redirected = true;
    t->tx[FH__TURN_ALLOCATION].active = false;
    t->state = FH__TURN_IDLE;
    if (!fh__turn_is_stream(t))
        fh_turn_connected(t, now_ms);
    return 0;
}

/* Refused together: each is asked for alone, so that one forbidden address does not cost all. */
static void not_permitted(struct fh_turn *t, uint64_t now_ms, unsigned code)
{
    unsigned n = 0;

    t->tx[FH__TURN_PERMIT].active = false;
    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS; i++)
        n += t->permissions[i].grant == FH__TURN_ASKED;
    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS; i++) {
        struct fh__turn_permission *p = &t->permissions[i];

        if (p->grant != FH__TURN_ASKED)
            continue;
        p->alone = true;
        p->grant = n > 1 ? FH__TURN_WANTED : FH__TURN_REFUSED;
        p->report = n == 1;
        p->code = code;
    }
    fh__turn_schedule(t, now_ms);
}

/* Without a channel data goes by indications; a peer that is refused altogether is told as such. */
static void not_bound(struct fh_turn *t, unsigned code)
{
    struct fh__turn_channel *c = asked_channel(t);

    t->tx[FH__TURN_BIND].active = false;
    if (!c)
        return;
    c->grant = FH__TURN_REFUSED;
    if (code == FH_STUN_FORBIDDEN || code == FH_STUN_PEER_FAMILY_MISMATCH) {
        struct fh__turn_permission *p = fh__turn_permission(t, &c->peer);

        if (p && p->grant != FH__TURN_REFUSED) {
            p->grant = FH__TURN_REFUSED;
            p->report = true;
            p->code = code;
        }
    }
}

static int refused(struct fh_turn *t, uint64_t now_ms, enum fh__turn_kind kind, unsigned code)
{
    /* RFC 8016 3.1.2: the server gives no tickets; without one it may still give an allocation. */
    if (t->state == FH__TURN_ALLOCATING && code == FH_STUN_MOBILITY_FORBIDDEN && t->cfg.mobility) {
        t->cfg.mobility = false;
        fh__turn_ask_again(t, kind, now_ms);
    } else if (t->state == FH__TURN_CLOSING)
        fh__turn_over(t, 0, 0);
    else if (kind == FH__TURN_ALLOCATION)
        fh__turn_over(t, t->state == FH__TURN_ALLOCATING ? meaning(code) : FH_ICE_E_LOST, code);
    else if (code == FH_STUN_ALLOCATION_MISMATCH)
        fh__turn_over(t, FH_ICE_E_LOST, code); /* the server no longer knows of it */
    else if (kind == FH__TURN_PERMIT)
        not_permitted(t, now_ms, code);
    else
        not_bound(t, code);
    return 0;
}

static int failure(struct fh_turn *t, uint64_t now_ms, enum fh__turn_kind kind,
                   const struct fh_stun_message *m, bool proven)
{
    unsigned code;

    if (!fh_stun_read_error(m, &code, NULL, NULL))
        return FH_ICE_E_PROTO;
    switch (code) {
    case FH_STUN_UNAUTHENTICATED:
        return unauthenticated(t, now_ms, kind, m);
    case FH_STUN_STALE_NONCE:
        return stale(t, now_ms, kind, m);
    case FH_STUN_TRY_ALTERNATE:
        /* Nobody in between sends a client with credentials elsewhere. */
        if (t->tx[kind].authenticated && !proven)
            return FH_ICE_E_AUTH;
        return redirected(t, now_ms, m);
    default:
        return refused(t, now_ms, kind, code);
    }
}

/*
 * RFC 8489 6.3.3, 6.3.4, 9.2.5: a success must prove who sent it; an error that the server could
 * not sign (it did not know the user, or the nonce) is taken without proof, but not with a wrong
 * one.
 */
int fh__turn_response(struct fh_turn *t, uint64_t now_ms, enum fh__turn_kind kind,
                      const struct fh_stun_message *m)
{
    bool has = m->integrity != 0 || m->integrity_sha256 != 0;
    bool proven =
        has && t->key.len != 0 && fh_stun_check_integrity(m, t->by, t->key.bytes, t->key.len) == 0;

    if (m->unknown_len != 0)
        return FH_ICE_E_PROTO;
    if (t->tx[kind].authenticated && !proven && (has || m->cls == FH_STUN_SUCCESS))
        return FH_ICE_E_AUTH;
    if (m->cls == FH_STUN_SUCCESS)
        return success(t, now_ms, kind, m);
    return failure(t, now_ms, kind, m, proven);
}
