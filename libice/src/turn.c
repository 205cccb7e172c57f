/* SPDX-License-Identifier: MIT */
/* turn.c -- the life of an allocation: RFC 8656. */
#include <string.h>

#include <farhand/ice_error.h>

#include "hash.h"
#include "turn.h"

size_t fh_turn_size(void)
{
    return sizeof(struct fh_turn);
}

static bool is_text(const char *text, size_t max)
{
    return text && text[0] != '\0' && memchr(text, '\0', max + 1) != NULL;
}

struct fh_turn *fh_turn_init(void *mem, size_t len, const struct fh_turn_config *cfg)
{
    struct fh_turn *t = mem;

    if (len < sizeof *t || !cfg->random || cfg->server.family == FH_ICE_FAMILY_NONE ||
        !is_text(cfg->username, FH_STUN_MAX_USERNAME) ||
        !is_text(cfg->password, FH__TURN_MAX_PASSWORD))
        return NULL;
    memset(t, 0, sizeof *t);
    t->cfg = *cfg;
    t->server = cfg->server;
    if (!cfg->ipv4 && !cfg->ipv6)
        t->cfg.ipv4 = true;
    memcpy(t->username, cfg->username, strlen(cfg->username) + 1);
    memcpy(t->password, cfg->password, strlen(cfg->password) + 1);
    t->cfg.username = t->cfg.password = NULL;
    t->cfg.cache = NULL;
    cfg->random(cfg->user, &t->next_channel, sizeof t->next_channel);
    t->next_channel %= FH__TURN_CHANNELS;
    if (cfg->cache && cfg->cache->realm_len != 0) {
        t->cache = *cfg->cache;
        if (t->cache.realm_len > FH_STUN_MAX_TEXT || t->cache.nonce_len > FH_STUN_MAX_TEXT ||
            t->cache.algorithms_len > FH_TURN_MAX_ALGORITHMS || fh__turn_derive(t) != 0)
            memset(&t->cache, 0, sizeof t->cache);
    }
    return t;
}

void fh_turn_finish(struct fh_turn *t)
{
    if (t)
        fh__ice_wipe(t, sizeof *t);
}

struct fh_ice_address fh_turn_server(const struct fh_turn *t)
{
    return t->server;
}

bool fh__turn_is_stream(const struct fh_turn *t)
{
    return t->cfg.carrier != FH_TURN_UDP;
}

void fh__turn_over(struct fh_turn *t, int error, unsigned code)
{
    if (t->state == FH__TURN_OVER)
        return;
    t->state = FH__TURN_OVER;
    t->error = error;
    t->code = code;
    t->report_over = true;
    for (size_t i = 0; i < FH__TURN_KINDS; i++)
        t->tx[i].active = false;
}

void fh_turn_connected(struct fh_turn *t, uint64_t now_ms)
{
    if (t->state != FH__TURN_IDLE)
        return;
    t->state = FH__TURN_ALLOCATING;
    fh__turn_ask(t, FH__TURN_ALLOCATION, now_ms);
}

void fh_turn_disconnected(struct fh_turn *t, uint64_t now_ms)
{
    (void)now_ms;
    if (t->state == FH__TURN_CLOSING)
        fh__turn_over(t, 0, 0);
    else if (!fh_turn_can_move(t) && !(t->state == FH__TURN_IDLE && t->redirects > 0))
        fh__turn_over(t, FH_ICE_E_LOST, 0);
}

bool fh_turn_can_move(const struct fh_turn *t)
{
    return t->ticket_len != 0 && (t->state == FH__TURN_READY || t->state == FH__TURN_MOVING);
}

/* What is under way would be answered to the old address: asked again after the move. */
static void postpone(struct fh_turn *t)
{
    t->tx[FH__TURN_PERMIT].active = t->tx[FH__TURN_BIND].active = false;
    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS; i++)
        if (t->permissions[i].grant == FH__TURN_ASKED)
            t->permissions[i].grant = FH__TURN_WANTED;
    for (size_t i = 0; i < FH_TURN_MAX_CHANNELS; i++)
        if (t->channels[i].grant == FH__TURN_ASKED)
            t->channels[i].grant = FH__TURN_WANTED;
}

int fh_turn_moved(struct fh_turn *t, uint64_t now_ms)
{
    if (!fh_turn_can_move(t))
        return FH_ICE_E_STATE;
    t->state = FH__TURN_MOVING;
    t->is_unproven = true;
    postpone(t);
    fh__turn_ask(t, FH__TURN_ALLOCATION, now_ms);
    return 0;
}

void fh_turn_close(struct fh_turn *t, uint64_t now_ms)
{
    if (t->state == FH__TURN_OVER || t->state == FH__TURN_CLOSING)
        return;
    if (t->state == FH__TURN_IDLE) {
        fh__turn_over(t, 0, 0);
        return;
    }
    if (t->state == FH__TURN_ALLOCATING && t->key.len == 0) {
        /* No allocation can have been made without credentials. */
        fh__turn_over(t, 0, 0);
        return;
    }
    postpone(t);
    t->state = FH__TURN_CLOSING;
    fh__turn_ask(t, FH__TURN_ALLOCATION, now_ms);
}

void fh_turn_cache(const struct fh_turn *t, struct fh_turn_cache *out)
{
    *out = t->cache;
}

/* ---- time ----------------------------------------------------------------------------------- */

static bool is_quiet(const struct fh_turn *t, const struct fh__turn_permission *p)
{
    return p->grant == FH__TURN_GRANTED && t->state == FH__TURN_READY;
}

/* All that is wanted or will soon be due goes into one request; what was refused with others,
 * alone.
 */
static void schedule_permissions(struct fh_turn *t, uint64_t now_ms)
{
    unsigned n = 0;
    bool due = false;

    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS; i++)
        due |= t->permissions[i].grant == FH__TURN_WANTED ||
               (is_quiet(t, &t->permissions[i]) && t->permissions[i].due_ms <= now_ms);
    for (size_t i = 0; due && i < FH_TURN_MAX_PERMISSIONS && n < FH__TURN_BULK; i++) {
        struct fh__turn_permission *p = &t->permissions[i];
        bool soon = is_quiet(t, p) && p->due_ms <= now_ms + FH__TURN_PERMISSION_MS / 8;

        if ((p->grant != FH__TURN_WANTED && !soon) || (p->alone && n > 0))
            continue;
        p->grant = FH__TURN_ASKED;
        n++;
        if (p->alone)
            break;
    }
    if (n > 0)
        fh__turn_ask(t, FH__TURN_PERMIT, now_ms);
}

static void schedule_channels(struct fh_turn *t, uint64_t now_ms)
{
    for (size_t i = 0; i < FH_TURN_MAX_CHANNELS; i++) {
        struct fh__turn_channel *c = &t->channels[i];
        bool due = c->grant == FH__TURN_GRANTED && !c->forgotten && c->due_ms <= now_ms;

        if (c->grant == FH__TURN_WANTED || due) {
            c->grant = FH__TURN_ASKED;
            fh__turn_ask(t, FH__TURN_BIND, now_ms);
            return;
        }
    }
}

static void end_channels(struct fh_turn *t, uint64_t now_ms)
{
    for (size_t i = 0; i < FH_TURN_MAX_CHANNELS; i++)
        if (t->channels[i].forgotten && t->channels[i].end_ms <= now_ms)
            memset(&t->channels[i], 0, sizeof t->channels[i]);
}

void fh__turn_schedule(struct fh_turn *t, uint64_t now_ms)
{
    if (t->state != FH__TURN_READY)
        return;
    end_channels(t, now_ms);
    if (!t->tx[FH__TURN_ALLOCATION].active && t->refresh_ms <= now_ms)
        fh__turn_ask(t, FH__TURN_ALLOCATION, now_ms);
    if (!t->tx[FH__TURN_PERMIT].active)
        schedule_permissions(t, now_ms);
    if (!t->tx[FH__TURN_BIND].active)
        schedule_channels(t, now_ms);
}

static unsigned max_tries(const struct fh_turn *t)
{
    if (t->state == FH__TURN_CLOSING)
        return FH__TURN_CLOSE_TRIES;
    return fh__turn_is_stream(t) ? 1 : FH__TURN_TRIES;
}

static void give_up(struct fh_turn *t, uint64_t now_ms)
{
    for (size_t i = 0; i < FH__TURN_KINDS; i++) {
        const struct fh__turn_transaction *x = &t->tx[i];

        if (!x->active || x->tries < max_tries(t) || x->next_ms > now_ms)
            continue;
        /* A server that is silent for so long is gone, whatever was asked. */
        if (t->state == FH__TURN_CLOSING)
            fh__turn_over(t, 0, 0);
        else
            fh__turn_over(t, t->state == FH__TURN_ALLOCATING ? FH_ICE_E_FAILED : FH_ICE_E_LOST, 0);
        return;
    }
    if (t->state == FH__TURN_READY && t->end_ms <= now_ms)
        fh__turn_over(t, FH_ICE_E_LOST, 0); /* the clock jumped: it ended meanwhile */
}

void fh_turn_tick(struct fh_turn *t, uint64_t now_ms)
{
    give_up(t, now_ms);
    fh__turn_schedule(t, now_ms);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t grants_deadline(const struct fh_turn *t)
{
    uint64_t at = UINT64_MAX;

    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS && !t->tx[FH__TURN_PERMIT].active; i++)
        if (t->permissions[i].grant == FH__TURN_GRANTED)
            at = earlier(at, t->permissions[i].due_ms);
        else if (t->permissions[i].grant == FH__TURN_WANTED)
            at = 0;
    for (size_t i = 0; i < FH_TURN_MAX_CHANNELS && !t->tx[FH__TURN_BIND].active; i++)
        if (t->channels[i].forgotten)
            at = earlier(at, t->channels[i].end_ms);
        else if (t->channels[i].grant == FH__TURN_GRANTED)
            at = earlier(at, t->channels[i].due_ms);
        else if (t->channels[i].grant == FH__TURN_WANTED)
            at = 0;
    return at;
}

uint64_t fh_turn_deadline(const struct fh_turn *t)
{
    uint64_t at = UINT64_MAX;

    for (size_t i = 0; i < FH__TURN_KINDS; i++)
        if (t->tx[i].active)
            at = earlier(at, t->tx[i].next_ms);
    if (t->state != FH__TURN_READY)
        return at;
    at = earlier(at, grants_deadline(t));
    at = earlier(at, t->end_ms);
    if (!t->tx[FH__TURN_ALLOCATION].active)
        at = earlier(at, t->refresh_ms);
    if (!fh__turn_is_stream(t))
        at = earlier(at, t->sent_ms + FH__TURN_KEEPALIVE_MS);
    return at;
}

/* ---- output --------------------------------------------------------------------------------- */

/* RFC 8489 6.2.1: after the last repetition, Rm times the first RTO. */
static void count_try(const struct fh_turn *t, struct fh__turn_transaction *x, uint64_t now_ms)
{
    x->tries++;
    if (t->state == FH__TURN_CLOSING)
        x->next_ms = now_ms + FH__TURN_RTO_MS;
    else if (fh__turn_is_stream(t))
        x->next_ms = now_ms + (t->is_unproven ? FH__TURN_PROOF_MS : FH__TURN_TI_MS);
    else if (x->tries == FH__TURN_TRIES)
        x->next_ms = now_ms + FH__TURN_LAST_WAIT * FH__TURN_RTO_MS;
    else
        x->next_ms = now_ms + x->rto_ms;
    x->rto_ms *= 2;
}

/* RFC 8445 11: an indication, so that a NAT does not forget. */
static size_t keepalive(struct fh_turn *t)
{
    uint8_t txid[FH_STUN_TXID_LEN];
    struct fh_stun_builder b;

    t->cfg.random(t->cfg.user, txid, sizeof txid);
    fh_stun_build(&b, t->out, sizeof t->out, FH_STUN_INDICATION, FH_STUN_BINDING, txid);
    fh_stun_write_fingerprint(&b);
    return fh_stun_build_end(&b);
}

static int give_out(struct fh_turn *t, uint64_t now_ms, size_t len, struct fh_turn_message *out)
{
    if (len == 0)
        return 0;
    t->sent_ms = now_ms;
    out->data = t->out;
    out->len = len;
    return 1;
}

int fh_turn_output(struct fh_turn *t, uint64_t now_ms, struct fh_turn_message *out)
{
    fh__turn_schedule(t, now_ms);
    for (size_t i = 0; i < FH__TURN_KINDS; i++) {
        struct fh__turn_transaction *x = &t->tx[i];

        if (!x->active || x->next_ms > now_ms || x->tries >= max_tries(t))
            continue;
        count_try(t, x, now_ms);
        return give_out(t, now_ms, fh__turn_request(t, (enum fh__turn_kind)i), out);
    }
    if (t->state == FH__TURN_READY && !fh__turn_is_stream(t) &&
        t->sent_ms + FH__TURN_KEEPALIVE_MS <= now_ms)
        return give_out(t, now_ms, keepalive(t), out);
    return 0;
}

/* ---- events --------------------------------------------------------------------------------- */

static void describe(const struct fh_turn *t, struct fh_turn_event *out,
                     enum fh_turn_event_type type)
{
    memset(out, 0, sizeof *out);
    out->type = type;
    memcpy(out->relayed, t->relayed, sizeof out->relayed);
    out->mapped = t->mapped;
}

static bool take(bool *flag)
{
    bool was = *flag;

    *flag = false;
    return was;
}

static int peer_event(struct fh_turn *t, struct fh_turn_event *out)
{
    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS; i++) {
        struct fh__turn_permission *p = &t->permissions[i];

        if (!take(&p->report))
            continue;
        describe(t, out, p->grant == FH__TURN_REFUSED ? FH_TURN_EV_REFUSED : FH_TURN_EV_PERMITTED);
        out->peer = p->peer;
        out->code = p->grant == FH__TURN_REFUSED ? p->code : 0;
        return 1;
    }
    for (size_t i = 0; i < FH_TURN_MAX_CHANNELS; i++)
        if (take(&t->channels[i].report)) {
            describe(t, out, FH_TURN_EV_BOUND);
            out->peer = t->channels[i].peer;
            return 1;
        }
    return 0;
}

int fh_turn_event(struct fh_turn *t, struct fh_turn_event *out)
{
    if (take(&t->report_redirected)) {
        describe(t, out, FH_TURN_EV_REDIRECTED);
        return 1;
    }
    if (take(&t->report_ready)) {
        describe(t, out, FH_TURN_EV_READY);
        return 1;
    }
    if (take(&t->report_moved)) {
        describe(t, out, FH_TURN_EV_MOVED);
        return 1;
    }
    if (t->state != FH__TURN_OVER)
        return peer_event(t, out);
    if (!take(&t->report_over))
        return 0;
    describe(t, out, t->error ? FH_TURN_EV_FAILED : FH_TURN_EV_CLOSED);
    out->error = t->error;
    out->code = t->code;
    return 1;
}

/* ---- peers ---------------------------------------------------------------------------------- */

struct fh__turn_permission *fh__turn_permission(struct fh_turn *t,
                                                const struct fh_ice_address *peer)
{
    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS; i++)
        if (t->permissions[i].grant != FH__TURN_FREE &&
            fh_ice_address_equal_host(&t->permissions[i].peer, peer))
            return &t->permissions[i];
    return NULL;
}

static int check_peer(const struct fh_turn *t, const struct fh_ice_address *peer)
{
    bool asked = peer->family == FH_ICE_IPV6 ? t->cfg.ipv6 : t->cfg.ipv4;
    bool has = t->relayed[peer->family == FH_ICE_IPV6].family != FH_ICE_FAMILY_NONE;
    bool early = t->state == FH__TURN_IDLE || t->state == FH__TURN_ALLOCATING;

    if (t->state == FH__TURN_OVER || t->state == FH__TURN_CLOSING)
        return FH_ICE_E_STATE;
    if (peer->family == FH_ICE_FAMILY_NONE || !(early ? asked : has))
        return FH_ICE_E_ADDRESS;
    return 0;
}

static int want_permission(struct fh_turn *t, const struct fh_ice_address *peer)
{
    struct fh__turn_permission *p;
    int ret = check_peer(t, peer);

    if (ret != 0)
        return ret;
    if ((p = fh__turn_permission(t, peer)) != NULL) {
        p->forgotten = false;
        return 0;
    }
    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS; i++) {
        p = &t->permissions[i];
        if (p->grant != FH__TURN_FREE)
            continue;
        memset(p, 0, sizeof *p);
        p->peer = *peer;
        p->peer.port = 0;
        p->grant = FH__TURN_WANTED;
        return 0;
    }
    return FH_ICE_E_LIMIT;
}

int fh_turn_permit(struct fh_turn *t, uint64_t now_ms, const struct fh_ice_address *peer)
{
    int ret = want_permission(t, peer);
    struct fh__turn_permission *p = ret == 0 ? fh__turn_permission(t, peer) : NULL;

    (void)now_ms;
    if (p)
        p->report |= p->had || p->grant == FH__TURN_REFUSED;
    return ret;
}

static struct fh__turn_channel *find_channel(struct fh_turn *t, const struct fh_ice_address *peer)
{
    for (size_t i = 0; i < FH_TURN_MAX_CHANNELS; i++)
        if (t->channels[i].grant != FH__TURN_FREE &&
            fh_ice_address_equal(&t->channels[i].peer, peer))
            return &t->channels[i];
    return NULL;
}

/*
 * Numbers are counted on, so that none comes again for another peer before the server forgot the
 * first (RFC 8656 12).
 */
int fh_turn_bind(struct fh_turn *t, uint64_t now_ms, const struct fh_ice_address *peer)
{
    int ret = want_permission(t, peer);
    struct fh__turn_channel *c;

    (void)now_ms;
    if (ret != 0)
        return ret;
    c = find_channel(t, peer);
    if (c) {
        c->forgotten = false;
        return 0;
    }
    for (size_t i = 0; i < FH_TURN_MAX_CHANNELS; i++) {
        c = &t->channels[i];
        if (c->grant != FH__TURN_FREE)
            continue;
        memset(c, 0, sizeof *c);
        c->peer = *peer;
        c->grant = FH__TURN_WANTED;
        c->number = (uint16_t)(FH__TURN_FIRST_CHANNEL + t->next_channel);
        t->next_channel = (uint16_t)((t->next_channel + 1) % FH__TURN_CHANNELS);
        return 0;
    }
    return FH_ICE_E_LIMIT;
}

void fh_turn_forget(struct fh_turn *t, const struct fh_ice_address *peer)
{
    struct fh__turn_permission *p = fh__turn_permission(t, peer);

    for (size_t i = 0; i < FH_TURN_MAX_CHANNELS; i++) {
        struct fh__turn_channel *c = &t->channels[i];

        if (c->grant == FH__TURN_FREE || !fh_ice_address_equal_host(&c->peer, peer))
            continue;
        if (c->had || c->grant == FH__TURN_ASKED)
            c->forgotten = true;
        else
            memset(c, 0, sizeof *c);
        if (c->forgotten && c->end_ms == 0)
            c->end_ms = t->end_ms; /* asked for: it may exist until the allocation ends */
    }
    if (p && p->grant == FH__TURN_ASKED)
        p->forgotten = true;
    else if (p)
        memset(p, 0, sizeof *p);
}

void fh_turn_forget_others(struct fh_turn *t, const struct fh_ice_address *peer)
{
    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS; i++) {
        struct fh_ice_address other = t->permissions[i].peer;

        if (t->permissions[i].grant != FH__TURN_FREE &&
            !(peer && fh_ice_address_equal_host(&other, peer)))
            fh_turn_forget(t, &other);
    }
}

/* ---- data ----------------------------------------------------------------------------------- */

static const struct fh__turn_channel *by_number(const struct fh_turn *t, uint16_t number)
{
    for (size_t i = 0; i < FH_TURN_MAX_CHANNELS; i++)
        if (t->channels[i].grant != FH__TURN_FREE && t->channels[i].number == number)
            return &t->channels[i];
    return NULL;
}

/* u16 channel, u16 length, data, over a stream padded to 4: RFC 8656 12.4. */
static int channel_data(const struct fh_turn *t, const uint8_t *p, size_t len,
                        struct fh_turn_data *out)
{
    size_t n = (size_t)(p[2] << 8 | p[3]);
    const struct fh__turn_channel *c = by_number(t, (uint16_t)(p[0] << 8 | p[1]));

    if (!c || n > len - 4)
        return FH_ICE_E_PROTO;
    *out = (struct fh_turn_data){.peer = c->peer, .data = p + 4, .len = n};
    return 1;
}

/* RFC 8656 11.4. Who sent it is the server's word; permissions are checked again here. */
static int data_indication(struct fh_turn *t, const struct fh_stun_message *m,
                           struct fh_turn_data *out)
{
    struct fh_turn_data d;

    d.data = fh_stun_find(m, FH_STUN_DATA_ATTRIBUTE, &d.len);
    if (!d.data || m->unknown_len != 0 ||
        !fh_stun_read_address(m, FH_STUN_XOR_PEER_ADDRESS, &d.peer) ||
        !fh__turn_permission(t, &d.peer))
        return FH_ICE_E_PROTO;
    *out = d;
    return 1;
}

static int response(struct fh_turn *t, uint64_t now_ms, const struct fh_stun_message *m)
{
    for (size_t i = 0; i < FH__TURN_KINDS; i++)
        if (t->tx[i].active && t->tx[i].tries > 0 &&
            memcmp(t->tx[i].txid, m->txid, sizeof m->txid) == 0)
            return fh__turn_response(t, now_ms, (enum fh__turn_kind)i, m);
    return FH_ICE_E_PROTO;
}

int fh_turn_input(struct fh_turn *t, uint64_t now_ms, const void *data, size_t len,
                  struct fh_turn_data *out)
{
    const uint8_t *p = data;
    struct fh_stun_message m;
    bool has_data = t->state == FH__TURN_READY || t->state == FH__TURN_MOVING;

    if (len >= 4 && (p[0] & 0xc0) == 0x40)
        return has_data ? channel_data(t, p, len, out) : FH_ICE_E_PROTO;
    if (fh_stun_parse(data, len, &m) != 0)
        return FH_ICE_E_PROTO;
    if (m.cls == FH_STUN_INDICATION && m.method == FH_STUN_DATA)
        return has_data ? data_indication(t, &m, out) : FH_ICE_E_PROTO;
    if (m.cls != FH_STUN_SUCCESS && m.cls != FH_STUN_ERROR)
        return FH_ICE_E_PROTO;
    return response(t, now_ms, &m);
}

static int wrap_channel(const struct fh_turn *t, const struct fh__turn_channel *c, const void *data,
                        size_t len, uint8_t *mem, size_t cap)
{
    size_t pad = fh__turn_is_stream(t) ? (4 - len % 4) % 4 : 0;

    if (len > UINT16_MAX || 4 + len + pad > cap)
        return FH_ICE_E_ROOM;
    mem[0] = (uint8_t)(c->number >> 8);
    mem[1] = (uint8_t)c->number;
    mem[2] = (uint8_t)(len >> 8);
    mem[3] = (uint8_t)len;
    if (len > 0)
        memcpy(mem + 4, data, len);
    memset(mem + 4 + len, 0, pad);
    return (int)(4 + len + pad);
}

/* RFC 8656 11.1. */
static int wrap_indication(struct fh_turn *t, const struct fh_ice_address *peer, const void *data,
                           size_t len, uint8_t *mem, size_t cap)
{
    uint8_t txid[FH_STUN_TXID_LEN];
    struct fh_stun_builder b;
    size_t n;

    t->cfg.random(t->cfg.user, txid, sizeof txid);
    fh_stun_build(&b, mem, cap, FH_STUN_INDICATION, FH_STUN_SEND, txid);
    fh_stun_write_address(&b, FH_STUN_XOR_PEER_ADDRESS, peer);
    fh_stun_write(&b, FH_STUN_DATA_ATTRIBUTE, data, len);
    n = fh_stun_build_end(&b);
    return n ? (int)n : FH_ICE_E_ROOM;
}

int fh_turn_wrap(struct fh_turn *t, uint64_t now_ms, const struct fh_ice_address *peer,
                 const void *data, size_t len, void *mem, size_t cap)
{
    const struct fh__turn_channel *c = find_channel(t, peer);
    const struct fh__turn_permission *p = fh__turn_permission(t, peer);
    int ret;

    if (t->state != FH__TURN_READY)
        return FH_ICE_E_STATE;
    if (c && c->had && c->end_ms > now_ms && !c->forgotten) {
        ret = wrap_channel(t, c, data, len, mem, cap);
    } else {
        /* A request that is on its way arrives before what follows it, as a rule. */
        bool asked = p && p->grant == FH__TURN_ASKED && t->tx[FH__TURN_PERMIT].tries > 0;
        bool had = p && p->had && p->grant != FH__TURN_REFUSED && p->end_ms > now_ms;

        if (!asked && !had)
            return FH_ICE_E_STATE;
        ret = wrap_indication(t, peer, data, len, mem, cap);
    }
    if (ret > 0)
        t->sent_ms = now_ms;
    return ret;
}
