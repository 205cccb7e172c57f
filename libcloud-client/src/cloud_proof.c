/* SPDX-License-Identifier: MIT */
#include <farhand/cloud_proof.h>

#include <string.h>

#include <farhand/broker.h>
#include <farhand/digest.h>

#include "rd.h"
#include "wr.h"

static const char signal_label[] = "farhand cloud signal 1";

/* ---- binding statements ---------------------------------------------------------------------- */

enum {
    STATEMENT_HEAD = FH_CLOUD_ADDRESS_LEN + 8 + FH_SEAL_KEY_LEN + 2, /* all before the SPKI */
    STATEMENT_BODY = STATEMENT_HEAD + FH_SPKI_MAX
};

/* H("farhand cloud binding 1" || 0x00 || all before the signature's length) */
static void statement_digest(const uint8_t *body, size_t len, uint8_t out[FH_CLOUD_DIGEST_LEN])
{
    static const char prefix[] = "farhand cloud binding 1";
    uint8_t text[sizeof prefix + STATEMENT_BODY];
    struct wr w = wr_init(text, sizeof text);

    wr_bytes(&w, prefix, sizeof prefix);
    wr_bytes(&w, body, len);
    fh_sha256(text, w.len, out);
}

int fh_cloud_statement_begin(const uint8_t address[FH_CLOUD_ADDRESS_LEN], uint64_t created_ms,
                             const uint8_t seal_key[FH_SEAL_KEY_LEN], const uint8_t *spki,
                             size_t spki_len, uint8_t *out, uint8_t digest[FH_CLOUD_DIGEST_LEN])
{
    struct wr w = wr_init(out, STATEMENT_BODY);

    if (!fh_cloud_address_is_valid(address) || fh_identity_check_spki(spki, spki_len, NULL) != 0)
        return FH_CLOUD_E_INVAL;
    wr_bytes(&w, address, FH_CLOUD_ADDRESS_LEN);
    wr_u64(&w, created_ms);
    wr_bytes(&w, seal_key, FH_SEAL_KEY_LEN);
    wr_u16(&w, (uint16_t)spki_len);
    wr_bytes(&w, spki, spki_len);
    statement_digest(out, w.len, digest);
    return (int)w.len;
}

int fh_cloud_statement_end(uint8_t *statement, size_t len, const uint8_t *signature,
                           size_t signature_len)
{
    struct wr w = wr_init(statement, FH_CLOUD_STATEMENT_MAX);

    if (len > STATEMENT_BODY || signature_len > FH_SIGNATURE_MAX)
        return FH_CLOUD_E_INVAL;
    w.len = len;
    wr_u16(&w, (uint16_t)signature_len);
    wr_bytes(&w, signature, signature_len);
    return (int)w.len;
}

int fh_cloud_statement_parse(const uint8_t *data, size_t len, struct fh_cloud_statement *out)
{
    struct rd r = rd_init(data, len);
    struct fh_cloud_statement s;
    unsigned bits;

    rd_copy(&r, s.address, sizeof s.address);
    s.created_ms = rd_u64(&r);
    rd_copy(&r, s.seal_key, sizeof s.seal_key);
    s.spki_len = rd_u16(&r);
    s.spki = rd_bytes(&r, s.spki_len);
    s.signature_len = rd_u16(&r);
    s.signature = rd_bytes(&r, s.signature_len);
    if (!rd_is_done(&r) || !fh_cloud_address_is_valid(s.address) ||
        fh_identity_check_spki(s.spki, s.spki_len, &bits) != 0 || s.signature_len != bits / 8)
        return FH_CLOUD_E_PROTO;
    fh_fingerprint(s.spki, s.spki_len, s.fingerprint);
    *out = s;
    return 0;
}

int fh_cloud_statement_verify(const uint8_t *data, size_t len, struct fh_cloud_statement *out)
{
    uint8_t digest[FH_CLOUD_DIGEST_LEN];
    struct fh_cloud_statement s;
    int ret = fh_cloud_statement_parse(data, len, &s);

    if (ret != 0)
        return ret;
    statement_digest(data, len - 2 - s.signature_len, digest);
    if (fh_identity_verify_for(s.spki, s.spki_len, FH_IDENTITY_CLOUD_BINDING, digest, s.signature,
                               s.signature_len) != 0)
        return FH_CLOUD_E_AUTH;
    *out = s;
    return 0;
}

/* ---- sign-in --------------------------------------------------------------------------------- */

/* H("farhand cloud sign-in 1" || 0x00 || binding || HELLO || CHALLENGE || statement) */
int fh_cloud_sign_in_digest(const struct fh_cloud_sign_in *s, uint8_t out[FH_CLOUD_DIGEST_LEN])
{
    static const char prefix[] = "farhand cloud sign-in 1";
    uint8_t text[sizeof prefix + FH_CLOUD_BINDING_LEN + FH_BROKER_HELLO_MAX + FH_BROKER_MAX +
                 2 * FH_BROKER_HEADER_LEN + FH_CLOUD_STATEMENT_MAX];
    struct wr w = wr_init(text, sizeof text);

    wr_bytes(&w, prefix, sizeof prefix);
    wr_bytes(&w, s->binding, FH_CLOUD_BINDING_LEN);
    wr_bytes(&w, s->hello, s->hello_len);
    wr_bytes(&w, s->challenge, s->challenge_len);
    if (s->statement)
        wr_bytes(&w, s->statement, s->statement_len);
    if (w.bad)
        return FH_CLOUD_E_INVAL;
    fh_sha256(text, w.len, out);
    return 0;
}

/* K = HMAC(P, "farhand cloud password 1") */
static void password_key(const uint8_t password[FH_CLOUD_PASSWORD_LEN], uint8_t out[32])
{
    static const char text[] = "farhand cloud password 1";

    fh_hmac_sha256(password, FH_CLOUD_PASSWORD_LEN, text, sizeof text - 1, out);
}

void fh_cloud_password_stored(const uint8_t password[FH_CLOUD_PASSWORD_LEN],
                              uint8_t out[FH_CLOUD_STORED_LEN])
{
    uint8_t key[32];

    password_key(password, key);
    fh_sha256(key, sizeof key, out);
    fh_wipe(key, sizeof key);
}

/* K XOR HMAC(Stored, T): its own inverse */
static void mask(const uint8_t stored[FH_CLOUD_STORED_LEN], const uint8_t t[FH_CLOUD_DIGEST_LEN],
                 const uint8_t in[32], uint8_t out[32])
{
    uint8_t pad[FH_HMAC_LEN];

    fh_hmac_sha256(stored, FH_CLOUD_STORED_LEN, t, FH_CLOUD_DIGEST_LEN, pad);
    for (size_t i = 0; i < sizeof pad; i++)
        out[i] = in[i] ^ pad[i];
    fh_wipe(pad, sizeof pad);
}

void fh_cloud_password_proof(const uint8_t password[FH_CLOUD_PASSWORD_LEN],
                             const uint8_t t[FH_CLOUD_DIGEST_LEN], uint8_t out[FH_CLOUD_PROOF_LEN])
{
    uint8_t key[32], stored[FH_CLOUD_STORED_LEN];

    password_key(password, key);
    fh_sha256(key, sizeof key, stored);
    mask(stored, t, key, out);
    fh_wipe(key, sizeof key);
    fh_wipe(stored, sizeof stored);
}

bool fh_cloud_password_check(const uint8_t stored[FH_CLOUD_STORED_LEN],
                             const uint8_t t[FH_CLOUD_DIGEST_LEN],
                             const uint8_t proof[FH_CLOUD_PROOF_LEN])
{
    uint8_t key[32], again[FH_CLOUD_STORED_LEN], difference = 0;

    mask(stored, t, proof, key);
    fh_sha256(key, sizeof key, again);
    for (size_t i = 0; i < sizeof again; i++)
        difference |= again[i] ^ stored[i];
    fh_wipe(key, sizeof key);
    return difference == 0;
}

/* ---- sealed signals -------------------------------------------------------------------------- */

int fh_cloud_signal_init(struct fh_sealer *s, enum fh_role us,
                         const uint8_t secret[FH_SEAL_KEY_LEN], const uint8_t peer[FH_SEAL_KEY_LEN],
                         const uint8_t conn[FH_CLOUD_CONN_LEN])
{
    _Static_assert((int)FH_CLOUD_CONN_LEN == (int)FH_SEAL_SALT_LEN, "salt");

    return fh_sealer_init(s, us, secret, peer, conn, signal_label) == 0 ? 0 : FH_CLOUD_E_AUTH;
}

int fh_cloud_signal_seal(struct fh_sealer *s, fh_random_fn random, void *user, const char *lines,
                         size_t len, uint8_t *out)
{
    size_t padded = (len + FH_CLOUD_SIGNAL_STEP - 1) / FH_CLOUD_SIGNAL_STEP * FH_CLOUD_SIGNAL_STEP;

    if (len == 0 || len > FH_CLOUD_SIGNAL_MAX || memchr(lines, '\0', len))
        return FH_CLOUD_E_INVAL;
    memcpy(out + FH_SEAL_HEAD_LEN, lines, len);
    memset(out + FH_SEAL_HEAD_LEN + len, 0, padded - len);
    if (fh_sealer_seal(s, random, user, out, padded) != 0)
        return FH_CLOUD_E_INVAL;
    return (int)(padded + FH_SEAL_OVERHEAD);
}

int fh_cloud_signal_open(struct fh_sealer *s, uint8_t *sealed, size_t sealed_len,
                         const char **lines, size_t *len)
{
    char *text = (char *)sealed + FH_SEAL_HEAD_LEN;
    size_t n;

    if (sealed_len > FH_CLOUD_SEALED_MAX || fh_sealer_open(s, sealed, sealed_len, &n) != 0)
        goto broken;
    if (n % FH_CLOUD_SIGNAL_STEP != 0)
        goto malformed;
    while (n > 0 && text[n - 1] == '\0')
        n--;
    if (n == 0 || memchr(text, '\0', n))
        goto malformed;
    *lines = text;
    *len = n;
    return 0;
malformed:
    fh_sealer_finish(s);
    return FH_CLOUD_E_PROTO;
broken:
    fh_sealer_finish(s);
    return FH_CLOUD_E_AUTH;
}
