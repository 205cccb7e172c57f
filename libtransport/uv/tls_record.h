/* SPDX-License-Identifier: MIT */
/*
 * tls_record.h -- the records of a connection that is open, without mbedTLS.
 *
 * mbedTLS makes the handshake; its AES-GCM is many times slower than the machine allows, and its
 * contexts are large. So where AES-256-GCM was agreed, records are sealed and opened here from then
 * on (RFC 5246 6.2, RFC 5288), by libgcrypt, and what mbedTLS held is freed. With another suite it
 * stays with mbedTLS.
 */
#ifndef FH_TLS_RECORD_H
#define FH_TLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fh__tls;
struct fh_tls_context;

enum {
    FH__TLS_RECORD_HEAD = 5,      /* u8 type | u16 version | u16 len */
    FH__TLS_RECORD_KEYS = 32 + 4, /* AES-256 key, and the part of the nonce that is not sent */
    FH__TLS_RECORD_MORE = 8 + 16, /* the part of the nonce that is, and the tag */
    FH__TLS_RECORD_MAX = FH__TLS_RECORD_HEAD + 16384 + FH__TLS_RECORD_MORE
};

enum fh__tls_record_type {
    FH__TLS_CHANGE_CIPHER_SPEC = 20,
    FH__TLS_ALERT = 21,
    FH__TLS_HANDSHAKE_RECORD = 22,
    FH__TLS_DATA = 23
};

/* One direction. SECRET. */
struct fh__tls_direction {
    uint8_t key[32], salt[4];
    uint64_t number; /* of the next record */
};

struct fh__tls_records {
    bool is_on;
    struct fh__tls_direction out, in;
    uint16_t fragment; /* longest that we send */
    uint8_t idle;      /* records in a row that brought nothing */
    uint8_t head_len;  /* of a record that is not all here, */
    uint8_t head[FH__TLS_RECORD_HEAD];
    uint8_t *part; /* and all of it that is, once its length is known */
    size_t part_len;
    /* What fh_tls_info() tells, since mbedTLS does not know any more. */
    const char *version, *suite, *alpn;
    uint16_t max_fragment;
};

/* After the handshake: true if records are ours from now on. */
bool fh__tls_records_begin(struct fh__tls *t, uint16_t max_fragment);
/* As the table's write(). */
int fh__tls_records_write(struct fh__tls *t, const uint8_t *data, size_t len);
/* Of t->in, as much as is given to the owner at once; false when the reading is over for now. */
bool fh__tls_records_read(struct fh__tls *t);
void fh__tls_records_goodbye(struct fh__tls *t); /* close_notify */
void fh__tls_records_finish(struct fh__tls_records *r);

/* A context's cipher; without one its connections stay with mbedTLS. */
void fh__tls_cipher_open(struct fh_tls_context *ctx);
void fh__tls_cipher_close(struct fh_tls_context *ctx);

#endif
