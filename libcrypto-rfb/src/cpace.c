/* SPDX-License-Identifier: MIT */
/* cpace.c -- the names in comments are those of draft-irtf-cfrg-cpace-21. */
#include <farhand/cpace.h>

#include <string.h>

#include <farhand/crypto_error.h>
#include <sodium.h>

#include "wr.h"

#define DSI "CPaceRistretto255"
#define CI_LABEL "FSC1 cpace"
#define AD_INITIATOR "viewer"
#define AD_RESPONDER "server"

enum {
    S_IN_BYTES = 128, /* block of SHA-512 */
    SCALAR_LEN = crypto_core_ristretto255_SCALARBYTES,
    ISK_LEN = crypto_hash_sha512_BYTES,
    GENERATOR_MAX = 512, /* bytes of generator_string with the longest input used here */
    TRANSCRIPT_MAX = 256
};

_Static_assert(FH_CPACE_POINT_LEN == crypto_core_ristretto255_BYTES, "point");
_Static_assert(FH_CPACE_TAG_LEN == crypto_auth_hmacsha512_BYTES, "tag");

/* prepend_len; no input here is longer than 127 bytes, so LEB128 is one byte. */
static void put(struct wr *w, const void *data, size_t len)
{
    if (len > 127)
        w->bad = true;
    wr_u8(w, (uint8_t)len);
    wr_bytes(w, data, len);
}

/* generator_string and its map to the group. Zeros fill the first block of the hash. */
static bool generator(const void *prs, size_t prs_len, const void *ci, size_t ci_len,
                      const void *sid, size_t sid_len, uint8_t out[FH_CPACE_POINT_LEN])
{
    static const uint8_t zeros[S_IN_BYTES];
    uint8_t text[GENERATOR_MAX], hash[crypto_hash_sha512_BYTES];
    struct wr w = wr_init(text, sizeof text);
    size_t used;

    put(&w, DSI, strlen(DSI));
    put(&w, prs, prs_len);
    used = w.len + 1;
    put(&w, zeros, used < S_IN_BYTES ? S_IN_BYTES - used : 0);
    put(&w, ci, ci_len);
    put(&w, sid, sid_len);
    if (!w.bad) {
        crypto_hash_sha512(hash, text, w.len);
        crypto_core_ristretto255_from_hash(out, hash);
    }
    sodium_memzero(text, sizeof text);
    sodium_memzero(hash, sizeof hash);
    return !w.bad;
}

/* ISK of lv_cat(DSI || "_ISK", sid, K) || transcript_ir(Ya, ADa, Yb, ADb) */
static bool session_key(const void *sid, size_t sid_len, const uint8_t k[FH_CPACE_POINT_LEN],
                        const uint8_t *ya, const char *ada, const uint8_t *yb, const char *adb,
                        uint8_t out[ISK_LEN])
{
    uint8_t text[TRANSCRIPT_MAX];
    struct wr w = wr_init(text, sizeof text);

    put(&w, DSI "_ISK", strlen(DSI "_ISK"));
    put(&w, sid, sid_len);
    put(&w, k, FH_CPACE_POINT_LEN);
    put(&w, ya, FH_CPACE_POINT_LEN);
    put(&w, ada, strlen(ada));
    put(&w, yb, FH_CPACE_POINT_LEN);
    put(&w, adb, strlen(adb));
    if (!w.bad)
        crypto_hash_sha512(out, text, w.len);
    sodium_memzero(text, sizeof text);
    return !w.bad;
}

/* mac_key, then a tag over what each side sent. */
static void confirmation_key(const void *sid, size_t sid_len, const uint8_t isk[ISK_LEN],
                             uint8_t out[crypto_hash_sha512_BYTES])
{
    static const char label[] = "CPaceMac";
    crypto_hash_sha512_state st;

    crypto_hash_sha512_init(&st);
    crypto_hash_sha512_update(&st, (const uint8_t *)label, strlen(label));
    crypto_hash_sha512_update(&st, sid, sid_len);
    crypto_hash_sha512_update(&st, isk, ISK_LEN);
    crypto_hash_sha512_final(&st, out);
    sodium_memzero(&st, sizeof st);
}

static void tag(const uint8_t key[crypto_hash_sha512_BYTES], const uint8_t *point, const char *ad,
                uint8_t out[FH_CPACE_TAG_LEN])
{
    uint8_t text[64];
    struct wr w = wr_init(text, sizeof text);
    crypto_auth_hmacsha512_state st;

    put(&w, point, FH_CPACE_POINT_LEN);
    put(&w, ad, strlen(ad));
    crypto_auth_hmacsha512_init(&st, key, crypto_hash_sha512_BYTES);
    crypto_auth_hmacsha512_update(&st, text, w.len);
    crypto_auth_hmacsha512_final(&st, out);
    sodium_memzero(&st, sizeof st);
}

/* scalar_mult_vfy: a point that is none, or the neutral element, is refused. */
static bool multiply(const uint8_t scalar[SCALAR_LEN], const uint8_t point[FH_CPACE_POINT_LEN],
                     uint8_t out[FH_CPACE_POINT_LEN])
{
    return crypto_scalarmult_ristretto255(out, scalar, point) == 0;
}

int fh_cpace_start(struct fh_cpace *c, enum fh_cpace_role role, const uint8_t *prs,
                   const struct fh_cpace_peers *peers, const uint8_t sid[FH_CPACE_SID_LEN],
                   fh_random_fn random, void *user)
{
    uint8_t ci[sizeof CI_LABEL + 2 * FH_FINGERPRINT_LEN], g[FH_CPACE_POINT_LEN];
    uint8_t wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES];
    struct wr w = wr_init(ci, sizeof ci);
    int ret = FH_CRYPTO_E_INTERNAL;

    if (sodium_init() < 0)
        return FH_CRYPTO_E_INTERNAL;
    wr_bytes(&w, CI_LABEL, sizeof CI_LABEL);
    wr_bytes(&w, peers->server, FH_FINGERPRINT_LEN);
    wr_bytes(&w, peers->viewer, FH_FINGERPRINT_LEN);
    random(user, wide, sizeof wide);
    crypto_core_ristretto255_scalar_reduce(c->scalar, wide);
    c->role = role;
    memcpy(c->sid, sid, sizeof c->sid);
    if (generator(prs, FH_CPACE_PRS_LEN, ci, w.len, sid, FH_CPACE_SID_LEN, g) &&
        multiply(c->scalar, g, c->point))
        ret = 0;
    sodium_memzero(wide, sizeof wide);
    sodium_memzero(g, sizeof g);
    return ret;
}

int fh_cpace_finish(struct fh_cpace *c, const uint8_t peer[FH_CPACE_POINT_LEN],
                    struct fh_cpace_tags *out)
{
    bool is_a = c->role == FH_CPACE_INITIATOR;
    const uint8_t *ya = is_a ? c->point : peer, *yb = is_a ? peer : c->point;
    uint8_t k[FH_CPACE_POINT_LEN], isk[ISK_LEN], key[crypto_hash_sha512_BYTES];
    int ret = FH_CRYPTO_E_AUTH;

    if (multiply(c->scalar, peer, k) &&
        session_key(c->sid, sizeof c->sid, k, ya, AD_INITIATOR, yb, AD_RESPONDER, isk)) {
        confirmation_key(c->sid, sizeof c->sid, isk, key);
        tag(key, ya, AD_INITIATOR, is_a ? out->ours : out->theirs);
        tag(key, yb, AD_RESPONDER, is_a ? out->theirs : out->ours);
        ret = 0;
    }
    sodium_memzero(k, sizeof k);
    sodium_memzero(isk, sizeof isk);
    sodium_memzero(key, sizeof key);
    sodium_memzero(c->scalar, sizeof c->scalar);
    sodium_memzero(c->sid, sizeof c->sid);
    return ret;
}

bool fh_cpace_tag_equals(const uint8_t a[FH_CPACE_TAG_LEN], const uint8_t b[FH_CPACE_TAG_LEN])
{
    return sodium_memcmp(a, b, FH_CPACE_TAG_LEN) == 0;
}
