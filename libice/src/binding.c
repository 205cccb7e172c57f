/* SPDX-License-Identifier: MIT */
/* binding.c -- Binding requests and responses (RFC 8445 section 7). */
#include <string.h>

#include "agent_internal.h"

/* ---- out ------------------------------------------------------------------------------------ */

static const uint8_t *key_of(const char *pwd)
{
    return (const uint8_t *)pwd;
}

static void sign(const struct fh_ice_agent *a, struct fh_stun_builder *b, const char *pwd,
                 bool by_sha1, bool by_sha256)
{
    (void)a;
    if (by_sha1)
        fh_stun_write_integrity(b, FH_STUN_BY_SHA1, key_of(pwd), strlen(pwd));
    if (by_sha256)
        fh_stun_write_integrity(b, FH_STUN_BY_SHA256, key_of(pwd), strlen(pwd));
    fh_stun_write_fingerprint(b);
}

/* RFC 8445 7.2.2: theirs, a colon, ours. */
static void write_username(struct fh_stun_builder *b, const struct fh__generation *g)
{
    char name[FH_ICE_MAX_CREDENTIAL + 1 + FH__UFRAG_LEN + 1];
    size_t len = strlen(g->remote_ufrag);

    memcpy(name, g->remote_ufrag, len);
    name[len] = ':';
    memcpy(name + len + 1, g->ufrag, FH__UFRAG_LEN);
    fh_stun_write(b, FH_STUN_USERNAME, name, len + 1 + FH__UFRAG_LEN);
}

/*
 * A check. On the nominated pair each one has USE-CANDIDATE, so that a peer that came to see us at
 * another address knows which one it is.
 */
static size_t build_check(struct fh_ice_agent *a, const struct fh__pair *p)
{
    const struct fh__generation *g = &a->generations[p->generation];
    struct fh_stun_builder b;

    fh_stun_build(&b, a->out, sizeof a->out, FH_STUN_REQUEST, FH_STUN_BINDING, p->txid);
    write_username(&b, g);
    fh_stun_write_u32(&b, FH_STUN_PRIORITY, fh__local_prflx_priority(a, p->base));
    fh_stun_write_u64(&b, p->was_controlling ? FH_STUN_ICE_CONTROLLING : FH_STUN_ICE_CONTROLLED,
                      a->tiebreaker);
    if (p->was_controlling && (p->is_nominating || p->is_nominated))
        fh_stun_write(&b, FH_STUN_USE_CANDIDATE, NULL, 0);
    sign(a, &b, g->remote_pwd, true, a->cfg.send_sha256);
    return fh_stun_build_end(&b);
}

static size_t build_question(struct fh_ice_agent *a, const struct fh__ask *k)
{
    struct fh_stun_builder b;

    fh_stun_build(&b, a->out, sizeof a->out, FH_STUN_REQUEST, FH_STUN_BINDING, k->txid);
    return fh_stun_build_end(&b);
}

static size_t build_answer(struct fh_ice_agent *a, const struct fh__answer *r)
{
    struct fh_stun_message unknown = {.unknown_len = r->unknown_len};
    struct fh_stun_builder b;

    fh_stun_build(&b, a->out, sizeof a->out, r->code == 0 ? FH_STUN_SUCCESS : FH_STUN_ERROR,
                  FH_STUN_BINDING, r->txid);
    if (r->code == 0)
        fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &r->peer);
    else
        fh_stun_write_error(&b, r->code);
    memcpy(unknown.unknown, r->unknown, sizeof r->unknown);
    if (r->code == FH_STUN_UNKNOWN_ATTRIBUTE)
        fh_stun_write_unknown(&b, &unknown);
    if (r->has_integrity)
        sign(a, &b, a->generations[r->generation].pwd, !r->by_sha256, r->by_sha256);
    else
        fh_stun_write_fingerprint(&b);
    return fh_stun_build_end(&b);
}

static int give(struct fh_ice_agent *a, uint8_t base, const struct fh_ice_address *peer, size_t len,
                struct fh_ice_datagram *out)
{
    *out = (struct fh_ice_datagram){.base = base, .peer = *peer, .data = a->out, .len = len};
    return 1;
}

static struct fh__pair *find_due(struct fh_ice_agent *a)
{
    for (size_t i = 0; i <= FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].state != FH__PAIR_FREE && a->pairs[i].is_due)
            return &a->pairs[i];
    return NULL;
}

static struct fh__ask *find_due_ask(struct fh_ice_agent *a)
{
    for (size_t i = 0; i < FH__ASKS; i++)
        if (a->asks[i].state != FH__ASK_FREE && a->asks[i].is_due)
            return &a->asks[i];
    return NULL;
}

/*
 * Nobody signalled this address, and it has not answered: perhaps the peer only wrote it onto its
 * requests, and somebody else is there.
 */
static bool is_unproved(const struct fh__pair *p)
{
    return p->remote_type == FH_ICE_PRFLX && !p->is_valid;
}

/* A request came from there. What remains of the lever after the answer is for checks. */
static void earn(struct fh__pair *p, size_t request)
{
    const size_t answer = FH_STUN_HEADER_LEN + 24 + 4 + FH_STUN_SHA256_LEN + 8; /* at most */
    size_t credit = p->credit + FH__LEVER * request;

    credit -= credit < answer ? credit : answer;
    p->credit = credit < UINT16_MAX ? (uint16_t)credit : UINT16_MAX;
}

/* Whether so long a check may go there. One that may not counts as lost on the way. */
static bool pay(struct fh__pair *p, size_t len)
{
    if (!is_unproved(p))
        return true;
    if (p->credit < len)
        return false;
    p->credit -= (uint16_t)len;
    return true;
}

int fh_ice_agent_output(struct fh_ice_agent *a, struct fh_ice_datagram *out)
{
    struct fh__pair *p;
    struct fh__ask *k;

    if (a->answers_len > 0) {
        struct fh__answer r = a->answers[0];

        a->answers_len--;
        memmove(a->answers, a->answers + 1, a->answers_len * sizeof *a->answers);
        return give(a, r.base, &r.peer, build_answer(a, &r), out);
    }
    while ((p = find_due(a)) != NULL) {
        size_t len = build_check(a, p);

        p->is_due = false;
        if (!pay(p, len))
            continue;
        a->stats.checks_sent++;
        return give(a, p->base, &p->peer, len, out);
    }
    k = find_due_ask(a);
    if (!k)
        return 0;
    k->is_due = false;
    return give(a, k->base, &a->servers[k->server], build_question(a, k), out);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Where there are too many answers already, this one is lost: it will be asked for again. */
static void answer(struct fh_ice_agent *a, const struct fh_ice_datagram *in,
                   const struct fh_stun_message *m, uint8_t generation, unsigned code)
{
    struct fh__answer r = {.peer = in->peer,
                           .code = (uint16_t)code,
                           .base = (uint8_t)in->base,
                           .generation = generation,
                           .by_sha256 = m->integrity_sha256 != 0,
                           .has_integrity = code != FH_STUN_UNAUTHENTICATED,
                           .unknown_len = (uint8_t)m->unknown_len};

    if (a->answers_len == FH__ANSWERS)
        return;
    memcpy(r.txid, m->txid, sizeof r.txid);
    memcpy(r.unknown, m->unknown, sizeof r.unknown);
    a->answers[a->answers_len++] = r;
}

/* RFC 8445 7.3: the part of USERNAME before the colon is ours; of which generation? */
static int generation_of(const struct fh_ice_agent *a, const struct fh_stun_message *m)
{
    size_t len = 0;
    const uint8_t *name = fh_stun_find(m, FH_STUN_USERNAME, &len);

    for (int i = 0; i < 2 && name; i++)
        if (len > FH__UFRAG_LEN && name[FH__UFRAG_LEN] == ':' && a->generations[i].ufrag[0] &&
            memcmp(name, a->generations[i].ufrag, FH__UFRAG_LEN) == 0)
            return i;
    return -1;
}

/* The stronger of what is there must be right (RFC 8489 9.1.3). */
static bool is_signed(const struct fh_stun_message *m, const char *pwd)
{
    enum fh_stun_integrity by = m->integrity_sha256 != 0 ? FH_STUN_BY_SHA256 : FH_STUN_BY_SHA1;

    return fh_stun_check_integrity(m, by, key_of(pwd), strlen(pwd)) == 0;
}

/* RFC 8445 7.3.1.1. Returns false if the request is to be answered with 487. */
static bool settle_roles(struct fh_ice_agent *a, const struct fh_stun_message *m)
{
    uint64_t theirs;

    if (a->role == FH_ICE_CONTROLLING && fh_stun_read_u64(m, FH_STUN_ICE_CONTROLLING, &theirs)) {
        if (a->tiebreaker >= theirs)
            return false;
        fh__agent_switch_role(a, FH_ICE_CONTROLLED);
    } else if (a->role == FH_ICE_CONTROLLED &&
               fh_stun_read_u64(m, FH_STUN_ICE_CONTROLLED, &theirs)) {
        if (a->tiebreaker < theirs || a->cfg.is_lite)
            return false;
        fh__agent_switch_role(a, FH_ICE_CONTROLLING);
    }
    return true;
}

/* RFC 8445 7.3.1.3: a source that was not signalled is a peer-reflexive candidate, on any base. */
static struct fh__pair *pair_of_request(struct fh_ice_agent *a, const struct fh_ice_datagram *in,
                                        const struct fh_stun_message *m)
{
    struct fh__pair *p = fh__pair_find(a, (uint8_t)in->base, &in->peer);
    uint8_t remote = fh__remote_find(a, &in->peer);
    uint32_t priority = 0;

    if (p)
        return p;
    if (!fh_stun_read_u32(m, FH_STUN_PRIORITY, &priority) || priority == 0 || priority > INT32_MAX)
        return NULL;
    if (remote == FH__NONE)
        remote = fh__remote_learn(a, &in->peer, priority);
    return remote == FH__NONE ? NULL : fh__pair_make(a, (uint8_t)in->base, remote);
}

/* RFC 8445 7.3.1.4. */
static void check_back(struct fh_ice_agent *a, struct fh__pair *p)
{
    /* A first request of ours on a pair that works is given the time to be answered. */
    bool is_proven = fh__pair_is_usable(a, p) && (p->state != FH__PAIR_IN_PROGRESS || p->sent < 2);

    p->heard_ms = a->now;
    p->permit = FH__PERMIT_GRANTED;
    if (!is_proven)
        fh__pair_trigger(a, p);
}

static void accept_request(struct fh_ice_agent *a, const struct fh_ice_datagram *in,
                           const struct fh_stun_message *m)
{
    struct fh__pair *p = pair_of_request(a, in, m);
    bool is_nominated = fh_stun_has(m, FH_STUN_USE_CANDIDATE) && a->role == FH_ICE_CONTROLLED;

    if (!p || p->is_revoked)
        return;
    earn(p, in->len);
    if (a->cfg.is_lite) {
        fh__path_lite(a, p, is_nominated);
        return;
    }
    check_back(a, p);
    if (is_nominated)
        fh__path_nominated(a, p);
}

/*
 * What does not know our password gets no answer, unless it knows our user fragment: so nobody
 * finds an agent by trying addresses, and nothing is reflected.
 */
static enum fh_ice_input on_request(struct fh_ice_agent *a, const struct fh_ice_datagram *in,
                                    const struct fh_stun_message *m)
{
    int g = generation_of(a, m);

    if (g < 0 || (m->integrity == 0 && m->integrity_sha256 == 0) ||
        !fh__remote_is_allowed(a, &in->peer))
        return FH_ICE_INPUT_IGNORED;
    if (!is_signed(m, a->generations[g].pwd)) {
        answer(a, in, m, (uint8_t)g, FH_STUN_UNAUTHENTICATED);
        return FH_ICE_INPUT_IGNORED;
    }
    a->stats.requests_received++;
    if (m->unknown_len > 0) {
        answer(a, in, m, (uint8_t)g, FH_STUN_UNKNOWN_ATTRIBUTE);
        return FH_ICE_INPUT_PEER;
    }
    if (g == 0 && !settle_roles(a, m)) {
        answer(a, in, m, 0, FH_STUN_ROLE_CONFLICT);
        return FH_ICE_INPUT_PEER;
    }
    answer(a, in, m, (uint8_t)g, 0);
    if (g == 0)
        accept_request(a, in, m);
    return FH_ICE_INPUT_PEER;
}

/* ---- responses ------------------------------------------------------------------------------ */

static bool is_txid(const uint8_t *x, const uint8_t *y)
{
    return memcmp(x, y, FH_STUN_TXID_LEN) == 0;
}

static struct fh__pair *pair_of_response(struct fh_ice_agent *a, const uint8_t *txid)
{
    for (size_t i = 0; i <= FH_ICE_MAX_PAIRS; i++)
        if (a->pairs[i].state != FH__PAIR_FREE &&
            (is_txid(txid, a->pairs[i].txid) || is_txid(txid, a->pairs[i].before)))
            return &a->pairs[i];
    return NULL;
}

static struct fh__ask *ask_of_response(struct fh_ice_agent *a, const uint8_t *txid)
{
    for (size_t i = 0; i < FH__ASKS; i++)
        if ((a->asks[i].state == FH__ASK_RUNNING || a->asks[i].state == FH__ASK_ANSWERED) &&
            is_txid(txid, a->asks[i].txid))
            return &a->asks[i];
    return NULL;
}

/* Some servers answer from another address, or with MAPPED-ADDRESS only. */
static enum fh_ice_input on_server(struct fh_ice_agent *a, struct fh__ask *k,
                                   const struct fh_stun_message *m)
{
    struct fh_ice_address mapped;

    memset(k->txid, 0, sizeof k->txid);
    if (m->cls == FH_STUN_SUCCESS && m->unknown_len == 0 && fh_stun_read_mapped(m, &mapped))
        fh__ask_answered(a, k, &mapped);
    else if (k->state == FH__ASK_RUNNING)
        fh__ask_failed(a, k);
    return FH_ICE_INPUT_SERVER;
}

/* RFC 8445 7.2.5.1: the peer keeps its role, so ours is the other. */
static void yield_role(struct fh_ice_agent *a, struct fh__pair *p)
{
    if ((a->role == FH_ICE_CONTROLLING) == p->was_controlling) {
        fh__agent_switch_role(a, p->was_controlling ? FH_ICE_CONTROLLED : FH_ICE_CONTROLLING);
        a->cfg.random(a->cfg.user, &a->tiebreaker, sizeof a->tiebreaker);
    }
    p->state = FH__PAIR_WAITING;
    p->is_due = false;
    p->queued = 0;
    fh__pair_trigger(a, p);
}

static void on_error(struct fh_ice_agent *a, struct fh__pair *p, const struct fh_stun_message *m)
{
    unsigned code = 0;

    (void)fh_stun_read_error(m, &code, NULL, NULL);
    if (code == FH_STUN_ROLE_CONFLICT && p->generation == 0)
        yield_role(a, p);
    else if (code != FH_STUN_ROLE_CONFLICT)
        fh__path_failed(a, p);
}

/*
 * RFC 8445 7.2.5. Only what is signed counts: an error that is not could be anybody's. And it
 * counts once: an answer that somebody kept renews no consent, so its transaction is forgotten.
 */
static enum fh_ice_input on_response(struct fh_ice_agent *a, const struct fh_ice_datagram *in,
                                     const struct fh_stun_message *m)
{
    static const uint8_t forgotten[FH_STUN_TXID_LEN];
    struct fh__pair *p = pair_of_response(a, m->txid);
    struct fh__ask *k = p ? NULL : ask_of_response(a, m->txid);
    struct fh_ice_address mapped;
    bool is_current;

    if (is_txid(m->txid, forgotten))
        return FH_ICE_INPUT_IGNORED;
    if (k)
        return on_server(a, k, m);
    if (!p || p->is_revoked || !is_signed(m, a->generations[p->generation].remote_pwd) ||
        m->unknown_len > 0)
        return FH_ICE_INPUT_IGNORED;
    is_current = is_txid(m->txid, p->txid);
    a->stats.responses_received++;
    if (m->cls == FH_STUN_ERROR) {
        if (is_current)
            on_error(a, p, m);
        return FH_ICE_INPUT_PEER;
    }
    /* RFC 8445 7.2.5.2.1: it must come from where the request went, to where it came from. */
    if (in->base != p->base || !fh_ice_address_equal(&in->peer, &p->peer)) {
        if (!p->is_valid && is_current)
            fh__path_failed(a, p);
        return FH_ICE_INPUT_PEER;
    }
    if (fh_stun_read_mapped(m, &mapped)) {
        memset(is_current ? p->txid : p->before, 0, sizeof p->txid);
        fh__path_answered(a, p, &mapped, is_current);
    }
    return FH_ICE_INPUT_PEER;
}

/* ---- in ------------------------------------------------------------------------------------- */

enum fh_ice_packet fh_ice_packet_of(const void *data, size_t len)
{
    static const struct {
        uint8_t last;
        enum fh_ice_packet kind;
    } ranges[] = {{3, FH_ICE_PACKET_STUN},    {7, FH_ICE_PACKET_OTHER},
                  {15, FH_ICE_PACKET_SIGNED}, {19, FH_ICE_PACKET_OTHER},
                  {63, FH_ICE_PACKET_DTLS},   {79, FH_ICE_PACKET_CHANNEL_DATA}};
    const uint8_t *first = data;

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && len > 0; i++)
        if (*first <= ranges[i].last)
            return ranges[i].kind;
    return FH_ICE_PACKET_OTHER;
}

static enum fh_ice_input on_data(struct fh_ice_agent *a, const struct fh_ice_datagram *in)
{
    struct fh__pair *p = a->path == FH__NONE ? NULL : &a->pairs[a->path];

    if (!p || p->base != in->base || !fh_ice_address_equal(&p->peer, &in->peer))
        p = fh__pair_find(a, (uint8_t)in->base, &in->peer);
    if (!p || !fh__pair_is_usable(a, p))
        return FH_ICE_INPUT_STRANGER;
    p->heard_ms = a->now;
    return FH_ICE_INPUT_DATA;
}

static enum fh_ice_input on_stun(struct fh_ice_agent *a, const struct fh_ice_datagram *in)
{
    struct fh_stun_message m;

    if (fh_stun_parse(in->data, in->len, &m) != 0 || m.method != FH_STUN_BINDING)
        return FH_ICE_INPUT_IGNORED;
    switch (m.cls) {
    case FH_STUN_REQUEST:
        return on_request(a, in, &m);
    case FH_STUN_SUCCESS:
    case FH_STUN_ERROR:
        return on_response(a, in, &m);
    case FH_STUN_INDICATION: /* RFC 8445 section 11: keeps a NAT's mapping; nothing to do */
        break;
    }
    return FH_ICE_INPUT_IGNORED;
}

enum fh_ice_input fh_ice_agent_input(struct fh_ice_agent *a, uint64_t now_ms,
                                     const struct fh_ice_datagram *in)
{
    enum fh_ice_input what = FH_ICE_INPUT_IGNORED;

    a->now = now_ms;
    if (in->base >= 0 && in->base < FH_ICE_MAX_BASES && a->bases[in->base].in_use) {
        if (!fh_stun_is_message(in->data, in->len))
            return on_data(a, in);
        what = on_stun(a, in);
    }
    if (what == FH_ICE_INPUT_IGNORED)
        a->stats.ignored++;
    else
        fh__agent_changed(a);
    return what;
}
