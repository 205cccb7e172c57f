/* SPDX-License-Identifier: MIT */
/*
 * rotation.h -- a new key in the place of an old one: each vouches for the other, on one channel.
 *
 *     fh_rotation_sign()     whoever holds both keys, for the channel with this binding
 *     fh_rotation_verify()   who knows the old key, with the binding of its own end
 *
 * The old key signs so that nobody else can name its successor; the new one, so that nobody can
 * name a key that he does not have. Bound to a channel, a statement is of no use on any other: it
 * is made anew for each session. docs/protocol.md, "Rotation". No state; the rules of identity.h.
 */
#ifndef FH_ROTATION_H
#define FH_ROTATION_H

#include <farhand/identity.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FH_ROTATION_BINDING_LEN = 32 /* bytes; fh_channel_export() "binding" */ };

struct fh_rotation {
    uint8_t spki[FH_SPKI_MAX]; /* of the new key */
    size_t spki_len;
    uint8_t old_sig[FH_SIGNATURE_MAX]; /* by the old key */
    size_t old_sig_len;
    uint8_t new_sig[FH_SIGNATURE_MAX]; /* by the new one */
    size_t new_sig_len;
};

/*
 * Two signatures, 7 to 34 ms of CPU. FH_CRYPTO_E_INVAL: it is one and the same key. random as for
 * fh_identity_sign().
 */
int fh_rotation_sign(const struct fh_identity *old_key, const struct fh_identity *new_key,
                     const uint8_t binding[FH_ROTATION_BINDING_LEN], fh_random_fn random,
                     void *user, struct fh_rotation *out);
/*
 * Whether r says that the key of r->spki follows the old one, on the channel with this binding. 0;
 * FH_CRYPTO_E_KEY: that is no key, or the old one; FH_CRYPTO_E_AUTH: they do not vouch.
 */
int fh_rotation_verify(const uint8_t *old_spki, size_t old_spki_len,
                       const uint8_t binding[FH_ROTATION_BINDING_LEN], const struct fh_rotation *r);

#ifdef __cplusplus
}
#endif

#endif
