/* SPDX-License-Identifier: MIT */
/*
 * Both keys sign, with RSA-PSS as in a handshake,
 *
 *     0x20 repeated 64 times || "fsc1 rotate" || 0x00 || H(binding || id of the old || id of the
 * new)
 *
 * docs/protocol.md, "Rotation".
 */
#include <farhand/rotation.h>

#include <string.h>

#include "internal.h"

static const char label[] = "fsc1 rotate";

static void statement(const uint8_t binding[FH_ROTATION_BINDING_LEN], const uint8_t *old_spki,
                      size_t old_len, const uint8_t *new_spki, size_t new_len,
                      uint8_t out[FH__HASH_LEN])
{
    uint8_t id[FH_FINGERPRINT_LEN];
    struct fh__hash h;

    fh__hash_init(&h);
    fh__hash_add(&h, binding, FH_ROTATION_BINDING_LEN);
    fh_fingerprint(old_spki, old_len, id);
    fh__hash_add(&h, id, sizeof id);
    fh_fingerprint(new_spki, new_len, id);
    fh__hash_add(&h, id, sizeof id);
    fh__hash_peek(&h, out);
}

static bool is_same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

int fh_rotation_sign(const struct fh_identity *old_key, const struct fh_identity *new_key,
                     const uint8_t binding[FH_ROTATION_BINDING_LEN], fh_random_fn random,
                     void *user, struct fh_rotation *out)
{
    uint8_t what[FH__HASH_LEN];
    const uint8_t *old_spki, *new_spki;
    size_t old_len, new_len;
    int ret;

    old_spki = fh_identity_spki(old_key, &old_len);
    new_spki = fh_identity_spki(new_key, &new_len);
    if (is_same(old_spki, old_len, new_spki, new_len))
        return FH_CRYPTO_E_INVAL;
    statement(binding, old_spki, old_len, new_spki, new_len, what);
    ret = fh__sign_labelled(old_key, label, what, random, user, out->old_sig, &out->old_sig_len);
    if (ret == 0)
        ret =
            fh__sign_labelled(new_key, label, what, random, user, out->new_sig, &out->new_sig_len);
    if (ret != 0)
        return ret;
    memcpy(out->spki, new_spki, new_len);
    out->spki_len = new_len;
    return 0;
}

int fh_rotation_verify(const uint8_t *old_spki, size_t old_spki_len,
                       const uint8_t binding[FH_ROTATION_BINDING_LEN], const struct fh_rotation *r)
{
    uint8_t what[FH__HASH_LEN];
    unsigned bits;
    int ret;

    if ((ret = fh__spki_check(old_spki, old_spki_len, &bits)) != 0 ||
        (ret = fh__spki_check(r->spki, r->spki_len, &bits)) != 0)
        return ret;
    if (is_same(old_spki, old_spki_len, r->spki, r->spki_len))
        return FH_CRYPTO_E_KEY;
    statement(binding, old_spki, old_spki_len, r->spki, r->spki_len, what);
    ret = fh__verify_labelled(old_spki, old_spki_len, label, what, r->old_sig, r->old_sig_len);
    if (ret == 0)
        ret = fh__verify_labelled(r->spki, r->spki_len, label, what, r->new_sig, r->new_sig_len);
    return ret;
}
