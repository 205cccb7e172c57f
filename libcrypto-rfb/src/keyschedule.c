/* SPDX-License-Identifier: MIT */
/* keyschedule.c -- which secret comes from which. docs/protocol.md, "Keys". */
#include <string.h>

#include "channel_internal.h"

static const uint8_t zeros[FH__HASH_LEN];

static void label(const uint8_t secret[FH__HASH_LEN], const char *name, const uint8_t *context,
                  size_t len, uint8_t out[FH__HASH_LEN])
{
    (void)fh__label(secret, name, context, len, out, FH__HASH_LEN);
}

/* Label(secret, "derived", H(""), 32) */
static void derived(const uint8_t secret[FH__HASH_LEN], uint8_t out[FH__HASH_LEN])
{
    struct fh__hash h;
    uint8_t empty[FH__HASH_LEN];

    fh__hash_init(&h);
    fh__hash_peek(&h, empty);
    label(secret, "derived", empty, sizeof empty, out);
}

/* key, iv of a traffic secret; epoch 0 has no successor, so that its secret is not kept. */
static int keys_set(struct fh__keys *k, const uint8_t secret[FH__HASH_LEN], uint8_t epoch)
{
    uint8_t key[FH__AEAD_KEY_LEN];
    int ret;

    fh__keys_clear(k);
    (void)fh__label(secret, "key", NULL, 0, key, sizeof key);
    (void)fh__label(secret, "iv", NULL, 0, k->iv, sizeof k->iv);
    ret = fh__aead_set(&k->aead, FH__AEAD_AUTO, key);
    fh_wipe(key, sizeof key);
    if (epoch != 0)
        memcpy(k->secret, secret, FH__HASH_LEN);
    k->epoch = epoch;
    k->is_set = ret == 0;
    return ret;
}

void fh__keys_clear(struct fh__keys *k)
{
    fh__aead_clear(&k->aead);
    fh_wipe(k, sizeof *k);
}

static uint8_t next_epoch(uint8_t epoch)
{
    return epoch == UINT8_MAX ? 1 : (uint8_t)(epoch + 1);
}

/* ES = Extract(salt = 0^32, K_cloud or 0^32) */
void fh__keys_early(struct fh_channel *c, const uint8_t *cloud_secret)
{
    fh__hkdf_extract(zeros, sizeof zeros, cloud_secret ? cloud_secret : zeros, sizeof zeros,
                     c->s->es);
}

/* cloud_ref = Label(ES, "cloud ref", session_ref, 16) */
void fh__keys_cloud_ref(const struct fh_channel *c, uint8_t out[FH_CHANNEL_REF_LEN])
{
    (void)fh__label(c->s->es, "cloud ref", c->session_ref, sizeof c->session_ref, out,
                    FH_CHANNEL_REF_LEN);
}

/*
 * HS   = Extract(salt = Label(ES, "derived", H(""), 32), [mlkem_ss ||] x25519_ss)
 * hs_c = Label(HS, "c hs", TH(.. ServerHello), 32), hs_s likewise
 * MS   = Extract(salt = Label(HS, "derived", H(""), 32), 0^32)
 * The transcript ends with ServerHello here. What led to these is wiped.
 */
int fh__keys_handshake(struct fh_channel *c, size_t shared_len)
{
    struct fh__secrets *s = c->s;
    uint8_t salt[FH__HASH_LEN], hs[2][FH__HASH_LEN], th[FH__HASH_LEN];
    int ret;

    fh__hash_peek(&c->th, th);
    derived(s->es, salt);
    fh__hkdf_extract(salt, sizeof salt, s->shared, shared_len, s->hs);
    label(s->hs, "c hs", th, sizeof th, hs[FH_ROLE_CLIENT]);
    label(s->hs, "s hs", th, sizeof th, hs[FH_ROLE_SERVER]);
    label(hs[FH_ROLE_CLIENT], "finished", NULL, 0, s->finished[FH_ROLE_CLIENT]);
    label(hs[FH_ROLE_SERVER], "finished", NULL, 0, s->finished[FH_ROLE_SERVER]);
    derived(s->hs, salt);
    fh__hkdf_extract(salt, sizeof salt, zeros, sizeof zeros, s->ms);
    if ((ret = keys_set(&s->out, hs[c->role], 0)) == 0)
        ret = keys_set(&s->in, hs[!c->role], 0);

    c->engine = s->out.aead.engine;
    fh_wipe(hs, sizeof hs);
    fh_wipe(salt, sizeof salt);
    fh_wipe(s->shared, sizeof s->shared);
    fh_wipe(s->x25519, sizeof s->x25519);
    fh_wipe(s->dk, sizeof s->dk);
    fh_wipe(s->es, sizeof s->es);
    fh_wipe(s->hs, sizeof s->hs);
    return ret;
}

/* HMAC(finished_key, TH up to and including the signer's Signature) */
void fh__finished_mac(const struct fh_channel *c, enum fh_role signer, const struct fh__hash *th,
                      uint8_t out[FH__HASH_LEN])
{
    uint8_t digest[FH__HASH_LEN];

    fh__hash_peek(th, digest);
    fh__hmac(c->s->finished[signer], FH__HASH_LEN, digest, sizeof digest, out);
}

/*
 * T = TH(.. client's Finished), where the transcript ends now; everything of the application phase
 * comes from MS and T. The server goes on to seal under handshake keys until it accepts, and the
 * client to open them, so that a refusal of the client's flight passes.
 */
int fh__keys_application(struct fh_channel *c)
{
    struct fh__secrets *s = c->s;
    uint8_t t[FH__HASH_LEN];
    int ret;

    fh__hash_peek(&c->th, t);
    label(s->ms, "c ap", t, sizeof t, s->next[FH_ROLE_CLIENT]);
    label(s->ms, "s ap", t, sizeof t, s->next[FH_ROLE_SERVER]);
    label(s->ms, "exp", t, sizeof t, s->exporter);
    label(s->ms, "rekey", t, sizeof t, s->rekey);
    label(s->ms, "c guard", t, sizeof t, s->next_guard[FH_ROLE_CLIENT]);
    label(s->ms, "s guard", t, sizeof t, s->next_guard[FH_ROLE_SERVER]);
    fh_wipe(s->ms, sizeof s->ms);
    fh_wipe(s->finished, sizeof s->finished);
    if (c->role == FH_ROLE_SERVER)
        return fh__keys_switch(c, &s->in, FH_ROLE_CLIENT);

    s->early = s->in;
    memset(&s->in, 0, sizeof s->in);
    if ((ret = fh__keys_switch(c, &s->in, FH_ROLE_SERVER)) == 0)
        ret = fh__keys_switch(c, &s->out, FH_ROLE_CLIENT);
    return ret;
}

/* Puts the traffic secret that waits for a direction into use, with its guard key. */
int fh__keys_switch(struct fh_channel *c, struct fh__keys *k, enum fh_role sender)
{
    struct fh__secrets *s = c->s;
    int ret = keys_set(k, s->next[sender], next_epoch(k->epoch));

    memcpy(s->guard[sender], s->next_guard[sender], FH__HASH_LEN);
    fh_wipe(s->next[sender], FH__HASH_LEN);
    fh_wipe(s->next_guard[sender], FH__HASH_LEN);
    return ret;
}

/* next secret = Label(secret, "traffic upd", "", 32) */
int fh__keys_update(struct fh__keys *k)
{
    uint8_t next[FH__HASH_LEN];
    int ret;

    label(k->secret, "traffic upd", NULL, 0, next);
    ret = keys_set(k, next, next_epoch(k->epoch));
    fh_wipe(next, sizeof next);
    return ret;
}

/*
 * rekey_{i+1} = Extract(rekey_i, [mlkem_ss ||] x25519_ss); new secrets from it and X = H(offer ||
 * answer), of which rekey_hash has seen both. They wait for the switch of each direction.
 */
void fh__keys_rekey(struct fh_channel *c, size_t shared_len)
{
    struct fh__secrets *s = c->s;
    uint8_t x[FH__HASH_LEN], next[FH__HASH_LEN];

    fh__hash_peek(&c->rekey_hash, x);
    fh__hkdf_extract(s->rekey, FH__HASH_LEN, s->shared, shared_len, next);
    memcpy(s->rekey, next, sizeof next);
    label(next, "c ap", x, sizeof x, s->next[FH_ROLE_CLIENT]);
    label(next, "s ap", x, sizeof x, s->next[FH_ROLE_SERVER]);
    label(next, "c guard", x, sizeof x, s->next_guard[FH_ROLE_CLIENT]);
    label(next, "s guard", x, sizeof x, s->next_guard[FH_ROLE_SERVER]);
    fh_wipe(next, sizeof next);
    fh_wipe(s->shared, sizeof s->shared);
    fh_wipe(s->x25519, sizeof s->x25519);
    fh_wipe(s->dk, sizeof s->dk);
}
