/* SPDX-License-Identifier: MIT */
/*
 * pki.h -- keys and certificates for <farhand/tls_uv.h>: a root, and what it signs.
 *
 *     fh_pki_key_new()    a private key, ECDSA on P-256
 *     fh_pki_root_new()   a certificate that signs others
 *     fh_pki_issue()      a server's certificate, signed by a root
 *     fh_pki_crl_new()    what a root has taken back
 *     fh_pki_pin()        what a client that trusts this root keeps
 *     fh_pki_look()       when a certificate begins and ends
 *     fh_pki_save()       a PEM file, whole or not at all
 *     fh_pki_rsa_key_new() ...  a key of RSA that signs for a server in another process
 *
 * Everything is PEM text, zero-terminated. Where there is `room`, FH_PKI_PEM is enough for one
 * certificate or key. Private keys are SECRET: wipe them. A server that clients know by a pinned
 * root presents its certificate followed by the root's.
 *
 * Not done here: requests, OCSP.
 */
#ifndef FH_PKI_H
#define FH_PKI_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/tls_uv.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_PKI_PEM = 8192,
    FH_PKI_NAME = 64, /* RFC 5280 appendix A: ub-common-name */
    FH_PKI_SANS = 16,
    FH_PKI_URI = 200,   /* longest crl_uri */
    FH_PKI_REVOKED = 64 /* most certificates of a list */
};

struct fh_pki_config {
    /* Common name, for people: letters, digits, space and "._:-", at most FH_PKI_NAME. Borrowed. */
    const char *name;
    /* A server's DNS names (perhaps "*.example.com") and IP addresses as text; a root has none. */
    const char *const *sans;
    size_t sans_len;               /* at most FH_PKI_SANS */
    int64_t not_before, not_after; /* Unix seconds, within the years 1970 to 9999 */
    const char *crl_uri; /* where clients of others find the root's list (http:), or NULL */
};

/* Returns 0; FH_TRANSPORT_E_INVAL: room is too small; FH_TRANSPORT_E_RESOURCES. */
int fh_pki_key_new(char *out, size_t room);

/* A key of RSA, of 2048 bits; up to a second of CPU. As fh_pki_key_new(). */
int fh_pki_rsa_key_new(char *out, size_t room);

/* An RSA key that signs for a server of TLS whose certificate it belongs to. */
struct fh_pki_signer;

/* Returns 0 and a signer; FH_TRANSPORT_E_INVAL: not a key of RSA, or not this certificate's. */
int fh_pki_signer_new(const char *cert_pem, const char *key_pem, struct fh_pki_signer **out);
void fh_pki_signer_free(struct fh_pki_signer *s);        /* wipes; NULL is fine */
size_t fh_pki_signer_len(const struct fh_pki_signer *s); /* bytes of a signature */
/*
 * RSASSA-PKCS1-v1_5 (RFC 8017 8.2) of a hash of SHA-256, -384 or -512, which is what TLS signs:
 * hash_len says which. sig_len: fh_pki_signer_len(). Returns 0, FH_TRANSPORT_E_INVAL.
 */
int fh_pki_signer_sign(struct fh_pki_signer *s, const uint8_t *hash, size_t hash_len, uint8_t *sig,
                       size_t sig_len);

/* key_pem: the root's own. Returns 0, FH_TRANSPORT_E_INVAL, FH_TRANSPORT_E_RESOURCES. */
int fh_pki_root_new(const struct fh_pki_config *cfg, const char *key_pem, char *out, size_t room);

/*
 * A certificate for the key of key_pem, signed by a root. At least one name is needed. Only the
 * certificate is given, without the root's. Returns as fh_pki_root_new().
 */
int fh_pki_issue(const struct fh_pki_config *cfg, const char *key_pem, const char *root_pem,
                 const char *root_key_pem, char *out, size_t room);

/*
 * The root's list of certificates taken back (RFC 5280 section 5), DER, as it is served at crl_uri.
 * It counts from this_update until next_update (Unix seconds). revoked: PEM texts, may be none.
 * room: FH_PKI_PEM is enough. Our own clients do not ask for it: they are given another pin.
 * Returns the length, FH_TRANSPORT_E_INVAL, FH_TRANSPORT_E_RESOURCES.
 */
int fh_pki_crl_new(const char *root_pem, const char *root_key_pem, int64_t this_update,
                   int64_t next_update, const char *const *revoked, size_t revoked_len,
                   uint8_t *out, size_t room);

/* The pin of the first certificate of a PEM text. Returns 0, FH_TRANSPORT_E_INVAL. */
int fh_pki_pin(const char *cert_pem, struct fh_tls_pin *out);

/* SHA-256 of the first certificate itself, and its dates. Any of the outputs may be NULL. */
int fh_pki_look(const char *cert_pem, uint8_t out_hash[FH_TLS_HASH_LEN], int64_t *not_before,
                int64_t *not_after);

/*
 * Write text to the file at path with this mode (0600 for a key), replacing it at once when all is
 * on the disk. Returns 0, FH_TRANSPORT_E_DENIED, FH_TRANSPORT_E_SYSTEM, FH_TRANSPORT_E_RESOURCES.
 */
int fh_pki_save(const char *path, const char *text, unsigned mode);

#ifdef __cplusplus
}
#endif

#endif
