/* SPDX-License-Identifier: MIT */
/* turn_request.c -- what a TURN client asks, and in whose name (RFC 8656; RFC 8489 section 9.2). */
#include <string.h>

#include <farhand/ice_error.h>

#include "hash.h"
#include "turn.h"

static void arm(struct fh_turn *t, enum fh__turn_kind kind, uint64_t now_ms)
{
    struct fh__turn_transaction *x = &t->tx[kind];

    x->active = true;
    x->authenticated = t->key.len != 0;
    x->tries = 0;
    x->rto_ms = FH__TURN_RTO_MS;
    x->next_ms = now_ms;
    t->cfg.random(t->cfg.user, x->txid, sizeof x->txid);
}

void fh__turn_ask(struct fh_turn *t, enum fh__turn_kind kind, uint64_t now_ms)
{
    t->tx[kind].stale = 0;
    arm(t, kind, now_ms);
}

void fh__turn_ask_again(struct fh_turn *t, enum fh__turn_kind kind, uint64_t now_ms)
{
    t->tx[kind].stale++;
    arm(t, kind, now_ms);
}

/* RFC 8656 7.1, 14.7: u8 protocol (17 = UDP), three zero bytes. */
static void write_transport(struct fh_stun_builder *b)
{
    static const uint8_t udp[4] = {17, 0, 0, 0};

    fh_stun_write(b, FH_STUN_REQUESTED_TRANSPORT, udp, sizeof udp);
}

static void write_families(const struct fh_turn *t, struct fh_stun_builder *b)
{
    if (t->cfg.ipv6 && t->cfg.ipv4)
        fh_stun_write_family(b, FH_STUN_ADDITIONAL_ADDRESS_FAMILY, FH_ICE_IPV6);
    else if (t->cfg.ipv6)
        fh_stun_write_family(b, FH_STUN_REQUESTED_ADDRESS_FAMILY, FH_ICE_IPV6);
}

/* RFC 8656 7.1, 8.1; RFC 8016 3.1, 3.2. */
static void write_allocation(const struct fh_turn *t, struct fh_stun_builder *b)
{
    if (t->state == FH__TURN_ALLOCATING) {
        write_transport(b);
        write_families(t, b);
        if (t->cfg.mobility)
            fh_stun_write(b, FH_STUN_MOBILITY_TICKET, NULL, 0);
    } else if (t->state == FH__TURN_MOVING) {
        fh_stun_write(b, FH_STUN_MOBILITY_TICKET, t->ticket, t->ticket_len);
    }
    if (t->state == FH__TURN_CLOSING)
        fh_stun_write_u32(b, FH_STUN_LIFETIME, 0);
    else if (t->cfg.lifetime_s != 0)
        fh_stun_write_u32(b, FH_STUN_LIFETIME, t->cfg.lifetime_s);
}

/* RFC 8656 9.1: several addresses in one request. */
static void write_permit(const struct fh_turn *t, struct fh_stun_builder *b)
{
    for (size_t i = 0; i < FH_TURN_MAX_PERMISSIONS; i++)
        if (t->permissions[i].grant == FH__TURN_ASKED)
            fh_stun_write_address(b, FH_STUN_XOR_PEER_ADDRESS, &t->permissions[i].peer);
}

/* RFC 8656 12.1. */
static void write_bind(const struct fh_turn *t, struct fh_stun_builder *b)
{
    for (size_t i = 0; i < FH_TURN_MAX_CHANNELS; i++)
        if (t->channels[i].grant == FH__TURN_ASKED) {
            fh_stun_write_channel(b, t->channels[i].number);
            fh_stun_write_address(b, FH_STUN_XOR_PEER_ADDRESS, &t->channels[i].peer);
            return;
        }
}

/* RFC 8489 9.2.3, 9.2.4: the user in clear, or hashed where the server offers it. */
static void write_user(const struct fh_turn *t, struct fh_stun_builder *b)
{
    const struct fh_turn_cache *c = &t->cache;
    uint8_t hash[FH_STUN_SHA256_LEN];

    if ((fh_stun_nonce_features(c->nonce, c->nonce_len) & FH_STUN_FEATURE_USERNAME_ANONYMITY) !=
            0 &&
        fh_stun_userhash(t->username, c->realm, c->realm_len, hash) == 0)
        fh_stun_write(b, FH_STUN_USERHASH, hash, sizeof hash);
    else
        fh_stun_write_text(b, FH_STUN_USERNAME, t->username);
}

/* The algorithms go back as they came, so that nobody in between can have taken one away. */
static void write_credentials(const struct fh_turn *t, struct fh_stun_builder *b)
{
    const struct fh_turn_cache *c = &t->cache;

    write_user(t, b);
    fh_stun_write(b, FH_STUN_REALM, c->realm, c->realm_len);
    fh_stun_write(b, FH_STUN_NONCE, c->nonce, c->nonce_len);
    if (c->algorithms_len != 0) {
        fh_stun_write(b, FH_STUN_PASSWORD_ALGORITHMS, c->algorithms, c->algorithms_len);
        fh_stun_write_password_algorithm(b, t->key.len == FH_STUN_SHA256_LEN ? FH_STUN_SHA256
                                                                             : FH_STUN_MD5);
    }
    fh_stun_write_integrity(b, t->by, t->key.bytes, t->key.len);
}

static uint16_t method_of(const struct fh_turn *t, enum fh__turn_kind kind)
{
    switch (kind) {
    case FH__TURN_ALLOCATION:
        return t->state == FH__TURN_ALLOCATING ? FH_STUN_ALLOCATE : FH_STUN_REFRESH;
    case FH__TURN_PERMIT:
        return FH_STUN_CREATE_PERMISSION;
    case FH__TURN_BIND:
        return FH_STUN_CHANNEL_BIND;
    case FH__TURN_KINDS:
        break;
    }
    return 0;
}

size_t fh__turn_request(struct fh_turn *t, enum fh__turn_kind kind)
{
    struct fh_stun_builder b;

    fh_stun_build(&b, t->out, sizeof t->out, FH_STUN_REQUEST, method_of(t, kind), t->tx[kind].txid);
    if (kind == FH__TURN_ALLOCATION)
        write_allocation(t, &b);
    else if (kind == FH__TURN_PERMIT)
        write_permit(t, &b);
    else
        write_bind(t, &b);
    if (t->tx[kind].authenticated)
        write_credentials(t, &b);
    fh_stun_write_fingerprint(&b);
    return fh_stun_build_end(&b);
}

/* RFC 8489 9.2.4: SHA-256 where it is offered. MD5 only from servers that know nothing else. */
int fh__turn_derive(struct fh_turn *t)
{
    const struct fh_turn_cache *c = &t->cache;
    enum fh_stun_password_algorithm algorithm = FH_STUN_MD5;
    struct fh_stun_key key;
    int ret;

    if (c->algorithms_len != 0) {
        struct fh_stun_builder b;
        struct fh_stun_message m;
        uint8_t mem[FH_STUN_HEADER_LEN + 4 + FH_TURN_MAX_ALGORITHMS];
        unsigned set = 0;

        fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, t->tx[0].txid);
        fh_stun_write(&b, FH_STUN_PASSWORD_ALGORITHMS, c->algorithms, c->algorithms_len);
        if ((ret = fh_stun_parse(mem, fh_stun_build_end(&b), &m)) != 0)
            return ret;
        if (!fh_stun_read_password_algorithms(&m, &set) || set == 0)
            return FH_ICE_E_PROTO;
        if (set & 1u << FH_STUN_SHA256)
            algorithm = FH_STUN_SHA256;
    }
    ret = fh_stun_long_term_key(algorithm, t->username, c->realm, c->realm_len, t->password, &key);
    if (ret == 0) {
        t->key = key;
        t->by = c->algorithms_len != 0 ? FH_STUN_BY_SHA256 : FH_STUN_BY_SHA1;
    }
    fh__ice_wipe(&key, sizeof key);
    return ret;
}

static bool read_text(const struct fh_stun_message *m, uint16_t type, uint8_t *out, uint16_t *len)
{
    size_t n;
    const uint8_t *value = fh_stun_find(m, type, &n);

    if (!value || n == 0 || n > FH_STUN_MAX_TEXT)
        return false;
    memcpy(out, value, n);
    *len = (uint16_t)n;
    return true;
}

/*
 * RFC 8489 9.2.5: a nonce that promises algorithms, without any, was tampered with. Unpromised ones
 * are not looked at.
 */
static bool read_algorithms(const struct fh_stun_message *m, struct fh_turn_cache *c)
{
    size_t len;
    const uint8_t *value = fh_stun_find(m, FH_STUN_PASSWORD_ALGORITHMS, &len);
    bool promised =
        (fh_stun_nonce_features(c->nonce, c->nonce_len) & FH_STUN_FEATURE_PASSWORD_ALGORITHMS) != 0;

    c->algorithms_len = 0;
    if (!promised)
        return true;
    if (!value || len == 0 || len > sizeof c->algorithms)
        return false;
    memcpy(c->algorithms, value, len);
    c->algorithms_len = (uint16_t)len;
    return true;
}

int fh__turn_challenge(struct fh_turn *t, const struct fh_stun_message *m)
{
    struct fh_turn_cache before = t->cache, c = t->cache;
    bool has_realm = fh_stun_has(m, FH_STUN_REALM);
    int ret;

    if ((has_realm || c.realm_len == 0) && !read_text(m, FH_STUN_REALM, c.realm, &c.realm_len))
        return FH_ICE_E_PROTO;
    if (!read_text(m, FH_STUN_NONCE, c.nonce, &c.nonce_len) || !read_algorithms(m, &c))
        return FH_ICE_E_PROTO;
    t->cache = c;
    ret = fh__turn_derive(t);
    if (ret != 0)
        t->cache = before;
    else
        t->challenged = true;
    return ret;
}
