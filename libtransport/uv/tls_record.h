/* SPDX-License-Identifier: MIT */
/*
 * tls_record.h -- TLS 1.2 records of a connection whose handshake is over (RFC 5246 6.2.3.3, with
 * the nonces of RFC 5288 and RFC 7905). Private.
 *
 *     u8 type, u16 version = 3.3, u16 length; for GCM u64 nonce; sealed bytes, tag[16]
 */
#ifndef FH_TLS_RECORD_H
#define FH_TLS_RECORD_H

#include <stddef.h>
#include <stdint.h>

struct fh_aead;

enum {
    FH__TLS_HEAD = 5,
    FH__TLS_FRAGMENT = 16384, /* RFC 5246 6.2.1: the longest */
    FH__TLS_RECORD = FH__TLS_HEAD + 8 + FH__TLS_FRAGMENT + 16,
    FH__TLS_ALERT = 21,
    FH__TLS_HANDSHAKE_RECORD = 22,
    FH__TLS_DATA = 23,
    FH__TLS_KEY_MAX = 32,
    FH__TLS_IV_MAX = 12
};

/* The keys of one direction. A zeroed one is empty. */
struct fh__tls_keys {
    struct fh_aead *aes256; /* one of these three */
    void *aes128, *chacha;
    uint8_t iv[FH__TLS_IV_MAX]; /* GCM: the first four bytes of all nonces */
    uint64_t count;             /* records so far */
};

/* Bytes of key and of IV that a suite takes from the key block; 0 and 0: not one of ours. */
void fh__tls_keys_len(int suite, size_t *key_len, size_t *iv_len);

/* count: records that were sealed with these keys already. Returns 0 or FH_TRANSPORT_E_*. */
int fh__tls_keys_set(struct fh__tls_keys *k, int suite, const uint8_t *key, const uint8_t *iv,
                     uint64_t count);
void fh__tls_keys_clear(struct fh__tls_keys *k);

/*
 * A record of len bytes (at most FH__TLS_FRAGMENT) of this type. out: room FH__TLS_RECORD. Returns
 * its length, FH_TRANSPORT_E_RESOURCES.
 */
int fh__tls_record_seal(struct fh__tls_keys *k, uint8_t type, const uint8_t *data, size_t len,
                        uint8_t *out);

/*
 * The length of the record whose head this is, head included; FH_TRANSPORT_E_PROTO: it is none that
 * could be opened.
 */
int fh__tls_record_len(const struct fh__tls_keys *k, const uint8_t head[FH__TLS_HEAD]);

/*
 * Opens a whole record in place. plain points into it. Returns 0; FH_TRANSPORT_E_PROTO: it is not
 * the peer's, or not its next one.
 */
int fh__tls_record_open(struct fh__tls_keys *k, uint8_t *record, size_t len, uint8_t **plain,
                        size_t *plain_len);

#endif
