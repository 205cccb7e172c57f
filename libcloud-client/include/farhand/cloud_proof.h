/* SPDX-License-Identifier: MIT */
/*
 * cloud_proof.h -- what an endpoint proves to a cloud, and to its peers through it.
 *
 *     fh_cloud_statement_begin(), _end()    make a binding statement: this address is this key's
 *     fh_cloud_statement_parse(), _verify() what anybody who is given one looks at
 *     fh_cloud_sign_in_digest()             T, what a sign-in signs
 *     fh_cloud_password_stored(), _proof(), _check()   enrolment, in the manner of SCRAM
 *     fh_cloud_signal_*()                   lines for the peer that the cloud cannot read
 *
 * A binding statement is made once, at enrolment, and is public: it ties the address, the
 * endpoint's RSA identity and the X25519 key that signals are sealed for. T covers the TLS
 * connection, so that a proof is of no use on any other. The service keeps what cannot be used to
 * sign in.
 *
 * Pure functions over the caller's memory; any thread. docs/protocol.md, "Sign-in", "Binding
 * statement", "Sealed signals".
 */
#ifndef FH_CLOUD_PROOF_H
#define FH_CLOUD_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/cloud_address.h>
#include <farhand/cloud_error.h>
#include <farhand/identity.h>
#include <farhand/seal.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_CLOUD_DIGEST_LEN = 32,
    FH_CLOUD_BINDING_LEN = 32, /* of a TLS connection: exporter FH_CLOUD_EXPORTER, no context */
    FH_CLOUD_CONN_LEN = 16, /* names a connection that a cloud made; session_ref of the channel */
    FH_CLOUD_PROOF_LEN = 32,
    FH_CLOUD_STORED_LEN = 32,
    FH_CLOUD_STATEMENT_MAX = 12 + 8 + 32 + 2 + FH_SPKI_MAX + 2 + FH_SIGNATURE_MAX,
    FH_CLOUD_SIGNAL_STEP = 256,  /* bytes; lines are padded to a multiple of it */
    FH_CLOUD_SIGNAL_MAX = 12032, /* bytes of lines, padding included */
    FH_CLOUD_SEALED_MAX = FH_CLOUD_SIGNAL_MAX + FH_SEAL_OVERHEAD
};

#define FH_CLOUD_EXPORTER "EXPORTER-farhand-cloud" /* label of RFC 5705 */

/* ---- binding statements ---------------------------------------------------------------------- */

struct fh_cloud_statement {
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    uint64_t created_ms; /* UTC */
    uint8_t seal_key[FH_SEAL_KEY_LEN];
    const uint8_t *spki; /* borrowed from what was parsed */
    size_t spki_len;
    const uint8_t *signature;
    size_t signature_len;
    uint8_t fingerprint[FH_FINGERPRINT_LEN]; /* of spki */
};

/*
 * Writes all but the signature, and what is to be signed for FH_IDENTITY_CLOUD_BINDING by the key
 * of spki. out: FH_CLOUD_STATEMENT_MAX bytes. Returns the length so far; FH_CLOUD_E_INVAL: not an
 * address, or not a key.
 */
int fh_cloud_statement_begin(const uint8_t address[FH_CLOUD_ADDRESS_LEN], uint64_t created_ms,
                             const uint8_t seal_key[FH_SEAL_KEY_LEN], const uint8_t *spki,
                             size_t spki_len, uint8_t *out, uint8_t digest[FH_CLOUD_DIGEST_LEN]);

/* Appends the signature to the len bytes of _begin(). Returns the length of the statement. */
int fh_cloud_statement_end(uint8_t *statement, size_t len, const uint8_t *signature,
                           size_t signature_len);

/* Its form only: NOTHING IS PROVED. Returns 0 or FH_CLOUD_E_PROTO; out is then untouched. */
int fh_cloud_statement_parse(const uint8_t *data, size_t len, struct fh_cloud_statement *out);

/*
 * Parses, and checks that the key inside made it. 0.1 to 0.5 ms of CPU. FH_CLOUD_E_PROTO, _AUTH;
 * out is then untouched. Whether it is the address that was asked for, the caller compares.
 */
int fh_cloud_statement_verify(const uint8_t *data, size_t len, struct fh_cloud_statement *out);

/* ---- sign-in --------------------------------------------------------------------------------- */

/* All borrowed; frames whole, with their headers. */
struct fh_cloud_sign_in {
    const uint8_t *binding; /* FH_CLOUD_BINDING_LEN bytes */
    const uint8_t *hello, *challenge;
    size_t hello_len, challenge_len;
    const uint8_t *statement; /* that the AUTH carries; NULL: none */
    size_t statement_len;
};

/*
 * T: what is signed for FH_IDENTITY_CLOUD_SIGN_IN, and what a proof is made for. FH_CLOUD_E_INVAL:
 * longer than frames can be.
 */
int fh_cloud_sign_in_digest(const struct fh_cloud_sign_in *s, uint8_t out[FH_CLOUD_DIGEST_LEN]);

/* What a service keeps of a password. It is of no use for signing in. */
void fh_cloud_password_stored(const uint8_t password[FH_CLOUD_PASSWORD_LEN],
                              uint8_t out[FH_CLOUD_STORED_LEN]);

void fh_cloud_password_proof(const uint8_t password[FH_CLOUD_PASSWORD_LEN],
                             const uint8_t t[FH_CLOUD_DIGEST_LEN], uint8_t out[FH_CLOUD_PROOF_LEN]);

/* The service's side; in constant time. */
bool fh_cloud_password_check(const uint8_t stored[FH_CLOUD_STORED_LEN],
                             const uint8_t t[FH_CLOUD_DIGEST_LEN],
                             const uint8_t proof[FH_CLOUD_PROOF_LEN]);

/* ---- sealed signals -------------------------------------------------------------------------- */

/*
 * us: the viewer is the client. secret: ours; peer: the seal_key of the peer's statement; conn: the
 * connection. Returns 0 or FH_CLOUD_E_AUTH: it is no key. The sealer is wiped with
 * fh_sealer_finish().
 */
int fh_cloud_signal_init(struct fh_sealer *s, enum fh_role us,
                         const uint8_t secret[FH_SEAL_KEY_LEN], const uint8_t peer[FH_SEAL_KEY_LEN],
                         const uint8_t conn[FH_CLOUD_CONN_LEN]);

/*
 * Seals lines: len bytes, at least one and at most FH_CLOUD_SIGNAL_MAX, without zero bytes. out:
 * FH_CLOUD_SEALED_MAX bytes. Returns the length of what goes into SIGNAL; FH_CLOUD_E_INVAL.
 */
int fh_cloud_signal_seal(struct fh_sealer *s, fh_random_fn random, void *user, const char *lines,
                         size_t len, uint8_t *out);

/*
 * Opens in place. *lines is lent from inside sealed, *len long, without padding; not
 * zero-terminated. Returns 0; FH_CLOUD_E_AUTH: not the peer's, repeated, or one before it is
 * missing; FH_CLOUD_E_PROTO: no lines. Whatever fails, fails for good.
 */
int fh_cloud_signal_open(struct fh_sealer *s, uint8_t *sealed, size_t sealed_len,
                         const char **lines, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
