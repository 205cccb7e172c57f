/* SPDX-License-Identifier: MIT */
/*
 * rsaaes.c -- the exchange of RSA-AES (rfbproto, "RSA-AES Security Type"; docs/protocol.md).
 *
 *     S -> C  Pub                          u32 bits || N || E
 *     C -> S  Pub, u16 len || RSA(server, ClientRandom)
 *     S -> C  u16 len || RSA(client, ServerRandom)
 *     S -> C  record: H(ServerPub || ClientPub)        C -> S  record: H(ClientPub || ServerPub)
 *     S -> C  record: u8 1 user and password, 2 password only
 *     C -> S  record: u8 len || user || u8 len || password
 *
 * A record is u16 n || AES-EAX(n bytes) || tag[16], its length the associated data, its number the
 * nonce, little-endian. Each of the records above is one by itself: there are peers that need that.
 */
#include "rsaaes_internal.h"

#include <string.h>

#include <sodium.h>

#include "internal.h"
#include "rd.h"
#include "wr.h"

enum { USER_AND_PASSWORD = 1, PASSWORD_ONLY = 2 };

static bool is_server(const struct fh_rsaaes *r)
{
    return r->cfg.role == FH_ROLE_SERVER;
}

static int fail(struct fh_rsaaes *r, int error)
{
    if (r->state != FH__RSAAES_FAILED) {
        r->state = FH__RSAAES_FAILED;
        r->error = error;
        r->has_event = false;
    }
    return r->error;
}

static struct fh_rsaaes_event *raise(struct fh_rsaaes *r, enum fh_rsaaes_event_type type)
{
    r->has_event = true;
    r->event = (struct fh_rsaaes_event){.type = type};
    return &r->event;
}

/* ---- what is written ---- */

static void hash(const struct fh_rsaaes *r, const uint8_t *a, size_t a_len, const uint8_t *b,
                 size_t b_len, uint8_t out[FH__HASH_LEN])
{
    uint8_t both[FH_RSAAES_PUB_MAX + FH_RSAAES_PEER_MAX];

    memcpy(both, a, a_len);
    memcpy(both + a_len, b, b_len);
    if (r->hash_len == FH__SHA1_LEN)
        fh__sha1(both, a_len + b_len, out);
    else
        (void)crypto_hash_sha256(out, both, a_len + b_len);
    fh_wipe(both, sizeof both);
}

static void nonce_of(const struct fh__rsaaes_way *w, uint8_t nonce[FH__EAX_BLOCK])
{
    memset(nonce, 0, FH__EAX_BLOCK);
    for (int i = 0; i < 8; i++)
        nonce[i] = (uint8_t)(w->count >> (8 * i));
}

/* Of len bytes at p + 2, where there is room for the tag behind them. */
static int seal(struct fh_rsaaes *r, uint8_t *p, size_t len)
{
    uint8_t nonce[FH__EAX_BLOCK];
    int ret;

    p[0] = (uint8_t)(len >> 8);
    p[1] = (uint8_t)len;
    nonce_of(&r->to, nonce);
    ret = fh__eax_seal(&r->to.eax, nonce, p, 2, p + 2, len);
    r->to.count++;
    return ret;
}

static struct wr begin_out(struct fh_rsaaes *r)
{
    return wr_init(r->out + r->out_len, sizeof r->out - r->out_len);
}

/* What a handshake says is far less than out holds: it is full only by our fault. */
static int end_out(struct fh_rsaaes *r, const struct wr *w)
{
    if (w->bad)
        return FH_CRYPTO_E_INTERNAL;
    r->out_len += w->len;
    return 0;
}

static int send_record(struct fh_rsaaes *r, const uint8_t *data, size_t len)
{
    struct wr w = begin_out(r);
    uint8_t *p = wr_room(&w, 2 + len + FH__EAX_TAG_LEN);
    int ret;

    if (!p)
        return FH_CRYPTO_E_INTERNAL;
    memcpy(p + 2, data, len);
    ret = seal(r, p, len);
    return ret == 0 ? end_out(r, &w) : ret;
}

static int send_pub(struct fh_rsaaes *r)
{
    struct wr w = begin_out(r);

    wr_bytes(&w, r->own_pub, r->own_len);
    return end_out(r, &w);
}

static int send_secret(struct fh_rsaaes *r)
{
    struct wr w = begin_out(r);
    size_t k = (r->peer_len - 4) / 2;
    uint8_t *p;
    int ret;

    wr_u16(&w, (uint16_t)k);
    p = wr_room(&w, k);
    if (!p)
        return FH_CRYPTO_E_INTERNAL;
    r->cfg.random(r->cfg.random_user, r->own_secret, r->secret_len);
    ret = fh__rsaaes_encrypt(r->peer_pub, r->peer_len, r->cfg.random, r->cfg.random_user,
                             r->own_secret, r->secret_len, p);
    return ret == 0 ? end_out(r, &w) : ret;
}

static int send_hash(struct fh_rsaaes *r)
{
    uint8_t digest[FH__HASH_LEN];

    hash(r, r->own_pub, r->own_len, r->peer_pub, r->peer_len, digest);
    return send_record(r, digest, r->hash_len);
}

/* ---- what is read ---- */

static void expect(struct fh_rsaaes *r, enum fh__rsaaes_state state, size_t bytes)
{
    r->state = state;
    r->have = 0;
    r->need = bytes;
    r->has_head = false;
}

static void expect_record(struct fh_rsaaes *r, enum fh__rsaaes_state state)
{
    expect(r, state, 2);
}

static int on_bits(struct fh_rsaaes *r)
{
    struct rd in = rd_init(r->in, r->have);
    size_t k = fh__rsaaes_modulus_len(rd_u32(&in));

    if (k == 0)
        return FH_CRYPTO_E_KEY;
    r->state = FH__RSAAES_KEY;
    r->need = 4 + 2 * k;
    return 0;
}

/* A peer that shows us our own key has another's hash for its own. */
static bool is_own(const struct fh_rsaaes *r)
{
    return r->own_len == r->peer_len && memcmp(r->own_pub, r->peer_pub, r->own_len) == 0;
}

static int on_key(struct fh_rsaaes *r)
{
    int ret = fh_rsaaes_check_pub(r->in, r->have);

    if (ret != 0)
        return ret;
    memcpy(r->peer_pub, r->in, r->have);
    r->peer_len = r->have;
    if (!is_server(r)) {
        struct fh_rsaaes_event *ev = raise(r, FH_RSAAES_EV_VERIFY);

        ev->key.pub = r->peer_pub;
        ev->key.len = r->peer_len;
        expect(r, FH__RSAAES_VERIFY, 0);
        return 0;
    }
    expect(r, FH__RSAAES_LENGTH, 2);
    return is_own(r) ? FH_CRYPTO_E_KEY : send_secret(r);
}

static int on_length(struct fh_rsaaes *r)
{
    struct rd in = rd_init(r->in, r->have);
    size_t k = (r->own_len - 4) / 2;

    if (rd_u16(&in) != k)
        return FH_CRYPTO_E_PROTO;
    expect(r, FH__RSAAES_SECRET, k);
    return 0;
}

static int on_secret(struct fh_rsaaes *r)
{
    struct fh_rsaaes_event *ev = raise(r, FH_RSAAES_EV_DECRYPT);

    ev->decrypt.data = r->in;
    ev->decrypt.len = r->have;
    ev->decrypt.want = r->secret_len;
    r->state = FH__RSAAES_DECRYPT;
    return 0;
}

/* Both secrets are there: the key of each direction is a hash of them, in an order of its own. */
static int set_keys(struct fh_rsaaes *r)
{
    uint8_t key[FH__HASH_LEN];
    int ret;

    hash(r, r->peer_secret, r->secret_len, r->own_secret, r->secret_len, key);
    ret = fh__eax_set(&r->to.eax, key, r->key_len);
    hash(r, r->own_secret, r->secret_len, r->peer_secret, r->secret_len, key);
    if (ret == 0)
        ret = fh__eax_set(&r->from.eax, key, r->key_len);
    fh_wipe(key, sizeof key);
    fh_wipe(r->own_secret, sizeof r->own_secret);
    fh_wipe(r->peer_secret, sizeof r->peer_secret);
    return ret;
}

static int on_hash(struct fh_rsaaes *r, const uint8_t *data)
{
    const uint8_t subtype = r->cfg.password_only ? PASSWORD_ONLY : USER_AND_PASSWORD;
    uint8_t digest[FH__HASH_LEN];

    hash(r, r->peer_pub, r->peer_len, r->own_pub, r->own_len, digest);
    if (sodium_memcmp(digest, data, r->hash_len) != 0)
        return FH_CRYPTO_E_AUTH;
    if (!is_server(r)) {
        expect_record(r, FH__RSAAES_SUBTYPE);
        return 0;
    }
    expect_record(r, FH__RSAAES_LOGIN);
    return send_record(r, &subtype, 1);
}

static int on_subtype(struct fh_rsaaes *r, const uint8_t *data)
{
    if (data[0] != USER_AND_PASSWORD && data[0] != PASSWORD_ONLY)
        return FH_CRYPTO_E_PROTO;
    r->cfg.password_only = data[0] == PASSWORD_ONLY;
    raise(r, FH_RSAAES_EV_CREDENTIALS)->needs_user = !r->cfg.password_only;
    expect(r, FH__RSAAES_ASK, 0);
    return 0;
}

static void go_open(struct fh_rsaaes *r)
{
    bool is_login_only = r->cfg.type == FH_RSAAES_128_LOGIN || r->cfg.type == FH_RSAAES_256_LOGIN;

    if (is_login_only)
        expect(r, FH__RSAAES_CLEAR, 0);
    else
        expect_record(r, FH__RSAAES_OPEN);
}

static int on_login(struct fh_rsaaes *r, const uint8_t *data, size_t len)
{
    struct rd in = rd_init(data, len), user = rd_sub(&in, rd_u8(&in));
    struct rd password = rd_sub(&in, rd_u8(&in));
    struct fh_rsaaes_event *ev;

    if (!rd_is_done(&in) || (user.left > 0 && memchr(user.p, 0, user.left)) ||
        (r->cfg.password_only && user.left > 0))
        return FH_CRYPTO_E_PROTO;
    ev = raise(r, FH_RSAAES_EV_LOGIN);
    memcpy(r->user, user.p, user.left);
    memcpy(r->password, password.p, password.left);
    ev->login.user = r->user;
    ev->login.user_len = user.left;
    ev->login.password = r->password;
    ev->login.password_len = password.left;
    go_open(r);
    return 0;
}

static int on_data(struct fh_rsaaes *r, const uint8_t *data, size_t len)
{
    struct fh_rsaaes_event *ev = raise(r, FH_RSAAES_EV_DATA);

    fh_wipe(r->user, sizeof r->user);
    fh_wipe(r->password, sizeof r->password);
    ev->data.data = data;
    ev->data.len = len;
    r->is_data = true;
    return 0;
}

/* A record of a handshake has one length, or is short; none says nothing. */
static bool is_length(const struct fh_rsaaes *r, size_t len)
{
    switch (r->state) {
    case FH__RSAAES_HASH:
        return len == r->hash_len;
    case FH__RSAAES_SUBTYPE:
        return len == 1;
    case FH__RSAAES_LOGIN:
        return len >= 2 && len <= 2 + 2 * FH_RSAAES_TEXT_MAX;
    default:
        return len > 0;
    }
}

static int on_head(struct fh_rsaaes *r)
{
    struct rd in = rd_init(r->in, r->have);
    size_t len = rd_u16(&in);

    if (!is_length(r, len))
        return FH_CRYPTO_E_PROTO;
    r->has_head = true;
    r->need = 2 + len + FH__EAX_TAG_LEN;
    return 0;
}

static int on_record(struct fh_rsaaes *r)
{
    uint8_t nonce[FH__EAX_BLOCK], *data = r->in + 2;
    size_t len = r->have - 2 - FH__EAX_TAG_LEN;
    int ret;

    nonce_of(&r->from, nonce);
    if ((ret = fh__eax_open(&r->from.eax, nonce, r->in, 2, data, len)) != 0)
        return ret;
    r->from.count++;
    switch (r->state) {
    case FH__RSAAES_HASH:
        return on_hash(r, data);
    case FH__RSAAES_SUBTYPE:
        return on_subtype(r, data);
    case FH__RSAAES_LOGIN:
        return on_login(r, data, len);
    default:
        return on_data(r, data, len);
    }
}

static int step(struct fh_rsaaes *r)
{
    switch (r->state) {
    case FH__RSAAES_BITS:
        return on_bits(r);
    case FH__RSAAES_KEY:
        return on_key(r);
    case FH__RSAAES_LENGTH:
        return on_length(r);
    case FH__RSAAES_SECRET:
        return on_secret(r);
    case FH__RSAAES_HASH:
    case FH__RSAAES_SUBTYPE:
    case FH__RSAAES_LOGIN:
    case FH__RSAAES_OPEN:
        return r->has_head ? on_record(r) : on_head(r);
    case FH__RSAAES_VERIFY:
    case FH__RSAAES_DECRYPT:
    case FH__RSAAES_ASK:
    case FH__RSAAES_CLEAR:
    case FH__RSAAES_FAILED:
        break;
    }
    return FH_CRYPTO_E_INVAL;
}

/* ---- the calls ---- */

int fh__rsaaes_init(struct fh_rsaaes *r, const struct fh_rsaaes_config *cfg)
{
    bool is_256 = cfg->type == FH_RSAAES_256 || cfg->type == FH_RSAAES_256_LOGIN;

    if (!cfg->random || (!is_256 && cfg->type != FH_RSAAES_128 && cfg->type != FH_RSAAES_128_LOGIN))
        return FH_CRYPTO_E_INVAL;
    r->cfg = *cfg;
    r->secret_len = r->key_len = is_256 ? 32 : 16;
    r->hash_len = is_256 ? FH__HASH_LEN : FH__SHA1_LEN;
    expect(r, FH__RSAAES_BITS, 4);
    if (!is_server(r))
        return 0;
    if (!cfg->pub || cfg->pub_len > sizeof r->own_pub ||
        fh_rsaaes_check_pub(cfg->pub, cfg->pub_len) != 0)
        return FH_CRYPTO_E_INVAL;
    memcpy(r->own_pub, cfg->pub, cfg->pub_len);
    r->own_len = cfg->pub_len;
    return send_pub(r);
}

uint8_t *fh_rsaaes_in(struct fh_rsaaes *r, size_t *room)
{
    *room = 0;
    if (r->has_event || r->state == FH__RSAAES_FAILED)
        return NULL;
    if (r->is_data)
        expect_record(r, FH__RSAAES_OPEN);
    r->is_data = false;
    *room = r->need - r->have;
    return *room > 0 ? r->in + r->have : NULL;
}

int fh_rsaaes_in_done(struct fh_rsaaes *r, size_t used)
{
    int ret = 0;

    if (r->state == FH__RSAAES_FAILED)
        return r->error;
    if (used > r->need - r->have)
        return fail(r, FH_CRYPTO_E_INVAL);
    r->have += used;
    while (ret == 0 && !r->has_event && r->need > 0 && r->have == r->need)
        ret = step(r);
    return ret == 0 ? 0 : fail(r, ret);
}

int fh_rsaaes_event(struct fh_rsaaes *r, struct fh_rsaaes_event *ev)
{
    if (!r->has_event)
        return 0;
    *ev = r->event;
    r->has_event = false;
    return 1;
}

const uint8_t *fh_rsaaes_out(const struct fh_rsaaes *r, size_t *len)
{
    *len = r->out_len - r->out_at;
    return *len > 0 ? r->out + r->out_at : NULL;
}

void fh_rsaaes_out_done(struct fh_rsaaes *r, size_t sent)
{
    r->out_at += sent;
    if (r->out_at == r->out_len)
        r->out_at = r->out_len = 0;
}

int fh_rsaaes_accept(struct fh_rsaaes *r, const uint8_t *pub, size_t pub_len)
{
    int ret;

    if (r->state != FH__RSAAES_VERIFY || r->has_event || pub_len > sizeof r->own_pub ||
        fh_rsaaes_check_pub(pub, pub_len) != 0)
        return FH_CRYPTO_E_INVAL;
    memcpy(r->own_pub, pub, pub_len);
    r->own_len = pub_len;
    expect(r, FH__RSAAES_LENGTH, 2);
    ret = is_own(r) ? FH_CRYPTO_E_KEY : send_pub(r);
    if (ret == 0)
        ret = send_secret(r);
    return ret == 0 ? 0 : fail(r, ret);
}

int fh_rsaaes_decrypted(struct fh_rsaaes *r, const uint8_t *secret, size_t len)
{
    int ret;

    if (r->state != FH__RSAAES_DECRYPT || r->has_event || len != r->secret_len)
        return FH_CRYPTO_E_INVAL;
    memcpy(r->peer_secret, secret, len);
    expect_record(r, FH__RSAAES_HASH);
    ret = set_keys(r);
    if (ret == 0)
        ret = send_hash(r);
    return ret == 0 ? 0 : fail(r, ret);
}

int fh_rsaaes_credentials(struct fh_rsaaes *r, const char *user, size_t user_len,
                          const char *password, size_t password_len)
{
    uint8_t body[2 + 2 * FH_RSAAES_TEXT_MAX];
    struct wr w = wr_init(body, sizeof body);
    int ret;

    if (r->cfg.password_only)
        user_len = 0;
    if (r->state != FH__RSAAES_ASK || r->has_event || user_len > FH_RSAAES_TEXT_MAX ||
        password_len > FH_RSAAES_TEXT_MAX)
        return FH_CRYPTO_E_INVAL;
    wr_u8(&w, (uint8_t)user_len);
    wr_bytes(&w, user, user_len);
    wr_u8(&w, (uint8_t)password_len);
    wr_bytes(&w, password, password_len);
    ret = send_record(r, body, w.len);
    fh_wipe(body, sizeof body);
    go_open(r);
    return ret == 0 ? 0 : fail(r, ret);
}

bool fh_rsaaes_is_open(const struct fh_rsaaes *r)
{
    return r->state == FH__RSAAES_OPEN || r->state == FH__RSAAES_CLEAR;
}

bool fh_rsaaes_is_clear(const struct fh_rsaaes *r)
{
    return r->state == FH__RSAAES_CLEAR;
}

uint8_t *fh_rsaaes_write(struct fh_rsaaes *r, size_t *room)
{
    *room = r->state == FH__RSAAES_OPEN && r->out_len == 0 ? FH_RSAAES_WRITE_MAX : 0;
    return *room > 0 ? r->out + 2 : NULL;
}

int fh_rsaaes_write_done(struct fh_rsaaes *r, size_t len)
{
    int ret;

    if (r->state != FH__RSAAES_OPEN || r->out_len != 0 || len > FH_RSAAES_WRITE_MAX)
        return FH_CRYPTO_E_INVAL;
    if (len == 0) /* there are peers that take an empty record for the end */
        return 0;
    ret = seal(r, r->out, len);
    if (ret != 0)
        return fail(r, ret);
    r->out_len = 2 + len + FH__EAX_TAG_LEN;
    return 0;
}

int fh_rsaaes_error(const struct fh_rsaaes *r)
{
    return r->error;
}
