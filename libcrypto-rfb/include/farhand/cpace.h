/* SPDX-License-Identifier: MIT */
/*
 * cpace.h -- CPace, a balanced PAKE: two sides prove to each other that they know the same password
 * and nobody learns anything to guess it with. CPACE-RISTR255-SHA512 of draft-irtf-cfrg-cpace-21,
 * initiator and responder, with explicit key confirmation (its section 9.4).
 *
 *     viewer, initiator                          server, responder
 *     fh_cpace_start()    ----- Ya ----->
 *                                                fh_cpace_start()
 *                         <---- Yb, Tb --        fh_cpace_finish()
 *     fh_cpace_finish(), compares Tb
 *                         ----- Ta ----->        compares Ta
 *
 * The order matters: the side that was called proves itself first, and the one that calls gives its
 * tag only to who did. Whoever does not know the password has one guess in a run: who counts
 * failures counts a run when it begins.
 *
 * As "password" both use its argon2id hash (password.h), so that a stored one need not be the
 * password; one that is stolen from a server still lets its thief in there. Everything is bound to
 * the two identities and to the channel, so that a run cannot be carried over to another.
 *
 * No I/O, no global state. Secrets are wiped in *c by fh_cpace_finish(); wipe c if that is not
 * reached.
 */
#ifndef FH_CPACE_H
#define FH_CPACE_H

#include <stdbool.h>
#include <stdint.h>

#include <farhand/identity.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_CPACE_PRS_LEN = 32,   /* FH_PASSWORD_KEY_LEN */
    FH_CPACE_SALT_LEN = 16,  /* FH_PASSWORD_SALT_LEN */
    FH_CPACE_SID_LEN = 32,   /* bytes of the channel binding */
    FH_CPACE_POINT_LEN = 32, /* an encoded element of ristretto255 */
    FH_CPACE_TAG_LEN = 64
};

enum fh_cpace_role { FH_CPACE_INITIATOR, FH_CPACE_RESPONDER };

/* The identities at both ends: fingerprints of FH_FINGERPRINT_LEN bytes, borrowed for the call. */
struct fh_cpace_peers {
    const uint8_t *server, *viewer;
};

struct fh_cpace {
    enum fh_cpace_role role;
    uint8_t sid[FH_CPACE_SID_LEN];
    uint8_t scalar[32];
    uint8_t point[FH_CPACE_POINT_LEN]; /* to be sent: Ya or Yb */
};

struct fh_cpace_tags {
    uint8_t ours[FH_CPACE_TAG_LEN]; /* to be sent */
    uint8_t theirs[FH_CPACE_TAG_LEN];
};

/*
 * prs: FH_CPACE_PRS_LEN bytes; sid: the binding of the channel. random gives 64 bytes. 0, or
 * FH_CRYPTO_E_INTERNAL.
 */
int fh_cpace_start(struct fh_cpace *c, enum fh_cpace_role role, const uint8_t *prs,
                   const struct fh_cpace_peers *peers, const uint8_t sid[FH_CPACE_SID_LEN],
                   fh_random_fn random, void *user);
/*
 * peer: the other side's point. FH_CRYPTO_E_AUTH: it is none, or the neutral element; the run is
 * over. c is wiped but for its role.
 */
int fh_cpace_finish(struct fh_cpace *c, const uint8_t peer[FH_CPACE_POINT_LEN],
                    struct fh_cpace_tags *out);
/* In constant time. */
bool fh_cpace_tag_equals(const uint8_t a[FH_CPACE_TAG_LEN], const uint8_t b[FH_CPACE_TAG_LEN]);

#ifdef __cplusplus
}
#endif

#endif
