/* SPDX-License-Identifier: MIT */
/*
 * control.c -- KeyUpdate, rekey, ping and Close. docs/protocol.md, "Control", "Close and codes".
 *
 * What we have to say waits as a bit in `pending` until there is room in the out buffer. What the
 * peer can make wait is bounded: one bit each, the newest Ping only.
 */
#include <string.h>

#include "channel_internal.h"

static int broken(struct fh_channel *c)
{
    return fh__channel_fail(c, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL);
}

static unsigned bit(enum fh__control type)
{
    return 1U << type;
}

static void set_due(struct fh_channel *c, enum fh__control type)
{
    c->pending |= bit(type);
}

static uint64_t later(uint64_t now, uint64_t ms)
{
    return now > UINT64_MAX - ms ? UINT64_MAX : now + ms;
}

/* The first offer or request is due a full period after opening. */
void fh__control_opened(struct fh_channel *c)
{
    c->state = FH__OPEN;
    c->was_open = true;
    c->deadline = UINT64_MAX;
    c->rekey_at = later(c->now, c->role == FH_ROLE_CLIENT ? FH__REKEY_MS : FH__REQUEST_MS);
}

void fh__control_tick(struct fh_channel *c)
{
    if (c->state != FH__OPEN || c->now < c->rekey_at)
        return;
    c->rekey_at = UINT64_MAX;
    if (c->rekey == FH__REKEY_IDLE)
        set_due(c, c->role == FH_ROLE_CLIENT ? FH__REKEY_OFFER : FH__REKEY_REQUEST);
}

/* Client: an offer as soon as the distance to the last allows. */
static void want_offer(struct fh_channel *c)
{
    uint64_t at = c->offered_at == UINT64_MAX ? c->now : later(c->offered_at, FH__OFFER_SPACE_MS);

    if (c->rekey != FH__REKEY_IDLE || (c->pending & bit(FH__REKEY_OFFER)))
        return;
    c->rekey_at = at;
    fh__control_tick(c);
}

int fh_channel_rekey(struct fh_channel *c, uint64_t now_ms)
{
    if (c->state == FH__CLOSED)
        return c->error ? c->error : FH_CRYPTO_E_CLOSED;
    if (c->state != FH__OPEN)
        return FH_CRYPTO_E_INVAL;
    c->now = now_ms;
    if (c->role == FH_ROLE_CLIENT)
        want_offer(c);
    else if (c->rekey == FH__REKEY_IDLE)
        set_due(c, FH__REKEY_REQUEST);
    return fh__control_flush(c);
}

int fh_channel_ping(struct fh_channel *c, const uint8_t payload[8])
{
    if (c->state == FH__CLOSED)
        return c->error ? c->error : FH_CRYPTO_E_CLOSED;
    if (c->state != FH__OPEN)
        return FH_CRYPTO_E_INVAL;
    memcpy(c->ping, payload, sizeof c->ping);
    c->awaits_pong = true;
    set_due(c, FH__PING);
    return fh__control_flush(c);
}

/* ---- fresh Diffie-Hellman: the exchanges ---------------------------------------------------- */

static bool has_kem(const struct fh_channel *c)
{
    return c->suite == FH_SUITE_X25519MLKEM768_AES256GCM;
}

/* RekeyOffer  x25519[32] | u16 len, ek */
static int write_rekey_offer(struct fh_channel *c, struct wr *w)
{
    struct fh__secrets *s = c->s;
    size_t ek_len = has_kem(c) ? FH__MLKEM_EK : 0;
    uint8_t seed[64], *x, *ek;
    int ret = 0;

    wr_u8(w, FH__REKEY_OFFER);
    x = wr_room(w, FH__X25519_LEN);
    wr_u16(w, (uint16_t)ek_len);
    ek = wr_room(w, ek_len);
    if (w->bad)
        return FH_CRYPTO_E_INTERNAL;
    c->random(c->random_user, s->x25519, sizeof s->x25519);
    fh__x25519_public(s->x25519, x);
    if (ek_len != 0) {
        c->random(c->random_user, seed, sizeof seed);
        ret = fh__mlkem_keypair(seed, ek, s->dk);
        fh_wipe(seed, sizeof seed);
    }
    fh__hash_init(&c->rekey_hash);
    fh__hash_add(&c->rekey_hash, w->mem + 1, w->len - 1);
    c->rekey = FH__REKEY_OFFERED;
    c->offered_at = c->now;
    return ret;
}

/* RekeyAnswer  x25519[32] | u16 len, ct. From the offer's share and key, and a fresh share. */
static int write_rekey_answer(struct fh_channel *c, struct wr *w, const uint8_t *offer_x,
                              const uint8_t *ek)
{
    struct fh__secrets *s = c->s;
    uint8_t seed[32], *x, *ct;
    size_t ss_len = ek ? FH__MLKEM_SS : 0;
    int ret;

    wr_u8(w, FH__REKEY_ANSWER);
    x = wr_room(w, FH__X25519_LEN);
    wr_u16(w, ek ? FH__MLKEM_CT : 0);
    ct = wr_room(w, ek ? FH__MLKEM_CT : 0);
    if (w->bad)
        return FH_CRYPTO_E_INTERNAL;
    c->random(c->random_user, s->x25519, sizeof s->x25519);
    fh__x25519_public(s->x25519, x);
    ret = fh__x25519(s->x25519, offer_x, s->shared + ss_len);
    if (ret == 0 && ek) {
        c->random(c->random_user, seed, sizeof seed);
        ret = fh__mlkem_encapsulate(ek, seed, ct, s->shared);
        fh_wipe(seed, sizeof seed);
    }
    if (ret != 0)
        return ret;
    fh__hash_add(&c->rekey_hash, w->mem + 1, w->len - 1);
    fh__keys_rekey(c, ss_len + FH__X25519_LEN);
    return 0;
}

/* Server. The answer is the last record under our old key. */
static int on_rekey_offer(struct fh_channel *c, struct rd *r)
{
    size_t answer = 1 + FH__X25519_LEN + 2 + (has_kem(c) ? (size_t)FH__MLKEM_CT : 0);
    const uint8_t *body = r->p, *x = rd_bytes(r, FH__X25519_LEN), *ek;
    size_t body_len = r->left + FH__X25519_LEN, ek_len = rd_u16(r);
    struct wr w;
    uint8_t *room;
    int ret;

    ek = rd_bytes(r, ek_len);
    if (!rd_is_done(r) || ek_len != (has_kem(c) ? FH__MLKEM_EK : 0U) || c->role != FH_ROLE_SERVER ||
        c->rekey != FH__REKEY_IDLE)
        return broken(c);
    if (c->offered_at != UINT64_MAX && c->now - c->offered_at < FH__OFFER_MIN_MS)
        return fh__channel_fail(c, FH_CRYPTO_E_PROTO, FH_CODE_POLICY);
    c->offered_at = c->now;
    if (c->is_out_done)
        return 0;
    if (!(room = fh__record_room(c, answer, FH__OUT_CLOSE)))
        return fh__channel_fail(c, FH_CRYPTO_E_INTERNAL, FH_CODE_INTERNAL);
    fh__hash_init(&c->rekey_hash);
    fh__hash_add(&c->rekey_hash, body, body_len);
    w = wr_init(room, answer);
    if ((ret = write_rekey_answer(c, &w, x, ek_len ? ek : NULL)) != 0)
        return fh__channel_fail(c, ret,
                                ret == FH_CRYPTO_E_PROTO ? FH_CODE_PROTOCOL : FH_CODE_INTERNAL);
    if ((ret = fh__record_seal(c, FH__CONTROL, w.len, FH_PAD_BLOCK64, c->max_out)) != 0 ||
        (ret = fh__keys_switch(c, &c->s->out, FH_ROLE_SERVER)) != 0)
        return fh__channel_fail(c, ret, FH_CODE_INTERNAL);
    c->rekey = FH__REKEY_ANSWERED;
    c->pending &= ~(bit(FH__REKEY_REQUEST) | bit(FH__KEY_UPDATE));
    return 0;
}

static void set_rekeyed(struct fh_channel *c)
{
    c->rekey = FH__REKEY_IDLE;
    c->rekeys++;
    c->rekey_at = later(c->now, c->role == FH_ROLE_CLIENT ? FH__REKEY_MS : FH__REQUEST_MS);
    if (c->state == FH__OPEN)
        fh__channel_raise(c, FH_CHANNEL_EV_REKEYED);
}

/* Client. The server's next record is under its new key; ours changes after RekeyDone. */
static int on_rekey_answer(struct fh_channel *c, struct rd *r)
{
    struct fh__secrets *s = c->s;
    size_t ct_len, ss_len = has_kem(c) ? FH__MLKEM_SS : 0;
    const uint8_t *body = r->p, *x, *ct;
    size_t body_len = r->left;
    int ret;

    x = rd_bytes(r, FH__X25519_LEN);
    ct_len = rd_u16(r);
    ct = rd_bytes(r, ct_len);
    if (!rd_is_done(r) || ct_len != (has_kem(c) ? FH__MLKEM_CT : 0U) || c->role != FH_ROLE_CLIENT ||
        c->rekey != FH__REKEY_OFFERED)
        return broken(c);
    fh__hash_add(&c->rekey_hash, body, body_len);
    ret = fh__x25519(s->x25519, x, s->shared + ss_len);
    if (ret == 0 && ct_len != 0)
        ret = fh__mlkem_decapsulate(s->dk, ct, s->shared);
    if (ret != 0)
        return broken(c);
    fh__keys_rekey(c, ss_len + FH__X25519_LEN);
    if ((ret = fh__keys_switch(c, &s->in, FH_ROLE_SERVER)) != 0)
        return fh__channel_fail(c, ret, FH_CODE_INTERNAL);
    c->rekey = FH__REKEY_ANSWERED;
    set_due(c, FH__REKEY_DONE);
    return 0;
}

/* Server. The client's next record is under its new key. */
static int on_rekey_done(struct fh_channel *c, struct rd *r)
{
    int ret;

    if (!rd_is_done(r) || c->role != FH_ROLE_SERVER || c->rekey != FH__REKEY_ANSWERED)
        return broken(c);
    if ((ret = fh__keys_switch(c, &c->s->in, FH_ROLE_CLIENT)) != 0)
        return fh__channel_fail(c, ret, FH_CODE_INTERNAL);
    set_rekeyed(c);
    return 0;
}

/* ---- the other controls --------------------------------------------------------------------- */

static int on_key_update(struct fh_channel *c, struct rd *r)
{
    int ret;

    if (!rd_is_done(r))
        return broken(c);
    if ((ret = fh__keys_update(&c->s->in)) != 0)
        return fh__channel_fail(c, ret, FH_CODE_INTERNAL);
    return 0;
}

static int on_rekey_request(struct fh_channel *c, struct rd *r)
{
    if (!rd_is_done(r) || c->role != FH_ROLE_CLIENT)
        return broken(c);
    if (c->state == FH__OPEN)
        want_offer(c);
    return 0;
}

static int on_ping(struct fh_channel *c, struct rd *r)
{
    uint8_t payload[FH__PING_LEN];

    rd_copy(r, payload, sizeof payload);
    if (!rd_is_done(r))
        return broken(c);
    memcpy(c->pong_due, payload, sizeof payload);
    set_due(c, FH__PONG);
    return 0;
}

/* One that was not asked for is ignored. */
static int on_pong(struct fh_channel *c, struct rd *r)
{
    uint8_t payload[FH__PING_LEN];

    rd_copy(r, payload, sizeof payload);
    if (!rd_is_done(r))
        return broken(c);
    if (!c->awaits_pong || (c->pending & bit(FH__PING)) ||
        memcmp(payload, c->ping, sizeof payload) != 0 || c->state != FH__OPEN)
        return 0;
    c->awaits_pong = false;
    memcpy(c->pong, payload, sizeof payload);
    fh__channel_raise(c, FH_CHANNEL_EV_PONG);
    return 0;
}

static int on_control(struct fh_channel *c, uint8_t type, struct rd *r)
{
    switch (type) {
    case FH__KEY_UPDATE:
        return on_key_update(c, r);
    case FH__REKEY_OFFER:
        return on_rekey_offer(c, r);
    case FH__REKEY_ANSWER:
        return on_rekey_answer(c, r);
    case FH__REKEY_DONE:
        return on_rekey_done(c, r);
    case FH__REKEY_REQUEST:
        return on_rekey_request(c, r);
    case FH__PING:
        return on_ping(c, r);
    case FH__PONG:
        return on_pong(c, r);
    }
    return broken(c);
}

int fh__control_receive(struct fh_channel *c, const uint8_t *content, size_t len)
{
    struct rd r = rd_init(content, len);
    uint8_t type = rd_u8(&r);
    int ret;

    if (r.bad)
        return broken(c);
    if (type == FH__KEY_UPDATE || type == FH__REKEY_OFFER || type == FH__PING)
        if (++c->flood_in > FH__FLOOD_MAX)
            return fh__channel_fail(c, FH_CRYPTO_E_PROTO, FH_CODE_POLICY);
    if ((ret = on_control(c, type, &r)) != 0)
        return ret;
    return fh__control_flush(c);
}

/* ---- sending -------------------------------------------------------------------------------- */

static int seal_control(struct fh_channel *c, size_t len)
{
    return fh__record_seal(c, FH__CONTROL, len, FH_PAD_BLOCK64, c->max_out);
}

/* The peer closes when too much of this comes without application data: an empty record of it
 * tells that we are alive, and starts the peer's count again. */
static int count_flood(struct fh_channel *c)
{
    if (++c->flood_out < FH__FLOOD_MAX)
        return 0;
    c->flood_out = 1;
    return fh__record_seal(c, FH__APPLICATION, 0, FH_PAD_BLOCK64, c->max_out);
}

static int send_small(struct fh_channel *c, enum fh__control type)
{
    uint8_t *p = fh__record_room(c, 0, 0);
    size_t len = 1;
    int ret;

    p[0] = type;
    if (type == FH__PING || type == FH__PONG) {
        memcpy(p + 1, type == FH__PING ? c->ping : c->pong_due, FH__PING_LEN);
        len += FH__PING_LEN;
    }
    if ((ret = seal_control(c, len)) != 0)
        return ret;
    if (type == FH__KEY_UPDATE)
        return fh__keys_update(&c->s->out);
    if (type != FH__REKEY_DONE)
        return 0;
    if ((ret = fh__keys_switch(c, &c->s->out, FH_ROLE_CLIENT)) == 0)
        set_rekeyed(c);
    return ret;
}

static int send_offer(struct fh_channel *c)
{
    size_t len = 1 + FH__X25519_LEN + 2 + (has_kem(c) ? (size_t)FH__MLKEM_EK : 0);
    struct wr w = wr_init(fh__record_room(c, 0, 0), len);
    int ret;

    if ((ret = write_rekey_offer(c, &w)) != 0)
        return ret;
    return seal_control(c, w.len);
}

/* Whether the control and an empty application record before it fit. */
static bool fits(struct fh_channel *c, enum fh__control type)
{
    size_t small = FH__RECORD_OVERHEAD + 64;

    if (type == FH__REKEY_OFFER)
        return fh__record_room(c, FH__OUT_REKEY + small, FH__OUT_CLOSE) != NULL;
    return fh__record_room(c, 2 * small, FH__OUT_CLOSE + FH__OUT_REKEY) != NULL;
}

static int send_control(struct fh_channel *c, enum fh__control type)
{
    int ret;

    if (type == FH__KEY_UPDATE || type == FH__REKEY_OFFER || type == FH__PING)
        if ((ret = count_flood(c)) != 0)
            return ret;
    return type == FH__REKEY_OFFER ? send_offer(c) : send_small(c, type);
}

int fh__control_flush(struct fh_channel *c)
{
    static const enum fh__control order[] = {
        FH__REKEY_DONE, FH__KEY_UPDATE, FH__PONG, FH__REKEY_OFFER, FH__REKEY_REQUEST, FH__PING,
    };
    const struct fh__keys *k = &c->s->out;
    int ret;

    if (c->state != FH__OPEN)
        return c->error;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (k->seq >= c->limits.update_records || k->bytes >= c->limits.update_bytes)
            set_due(c, FH__KEY_UPDATE);
        if (!(c->pending & bit(order[i])) || !fits(c, order[i]))
            continue;
        c->pending &= ~bit(order[i]);
        if ((ret = send_control(c, order[i])) != 0)
            return fh__channel_fail(c, ret, FH_CODE_INTERNAL);
    }
    return 0;
}

/* ---- Close ---------------------------------------------------------------------------------- */

/* Close  u8 code | u64 records sent, this one included | reason */
int fh__close_send(struct fh_channel *c, enum fh_channel_code code, const char *reason)
{
    size_t reason_len = reason ? strlen(reason) : 0;
    struct wr w = wr_init(fh__record_room(c, 0, 0), 1 + 8 + FH_CHANNEL_REASON_MAX);
    size_t max = c->s->out.epoch == 0 ? FH__HANDSHAKE_INNER : c->max_out;

    wr_u8(&w, code);
    wr_u64(&w, c->records_out + 1);
    wr_bytes(&w, reason, reason_len);
    c->is_out_done = true;
    c->pending = 0;
    return fh__record_seal(c, FH__CLOSE, w.len, FH_PAD_BLOCK64, max);
}

/* A Close that came before the server proved itself is no more than a Refusal. */
int fh__close_receive(struct fh_channel *c, const uint8_t *content, size_t len)
{
    struct rd r = rd_init(content, len);
    uint8_t code = rd_u8(&r);
    uint64_t count = rd_u64(&r);

    if (r.bad || r.left > FH_CHANNEL_REASON_MAX || count != c->records_in)
        return broken(c);
    if (c->state == FH__EXPECT_SERVER_FLIGHT) {
        fh__channel_closed_by_peer(c, FH_CRYPTO_E_REFUSED, code, r.p, r.left);
        return 0;
    }
    if (!c->is_out_done)
        (void)fh__close_send(c, FH_CODE_NORMAL, NULL);
    c->confirmed = true;
    if (c->state == FH__CLOSING && code == FH_CODE_NORMAL)
        fh__channel_silence(c, 0, c->code);
    else
        fh__channel_closed_by_peer(c, 0, code, r.p, r.left);
    return 0;
}
