/* SPDX-License-Identifier: MIT */
/* tls_internal.h -- what the files of TLS share. mbedTLS 2.28 or 3. */
#ifndef FH_TLS_INTERNAL_H
#define FH_TLS_INTERNAL_H

/* Version 3 hides members that version 2.28 documents. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include <farhand/stream_impl.h>
#include <farhand/tls_uv.h>

#include "tls_hello.h"
#include "tls_record.h"

enum {
    FH__TLS_PLAIN = 16384, /* RFC 5246 6.2.1: the longest fragment */
    FH__TLS_MASTER = 48,   /* RFC 5246 8.1 */
    FH__TLS_RANDOM = 32,
    FH__TLS_SPARE = 2, /* pairs of record buffers that a context keeps for the next who is busy */
    FH__TLS_HELD = 256 << 10,      /* most ciphertext that waits for the stream below */
    FH__TLS_TICKET_ROTATE = 43200, /* seconds */
    FH__TLS_TICKET_LIFE = 86400    /* seconds */
};

/* What a handshake uses from beginning to end, though the context is reloaded meanwhile. */
struct fh__tls_credentials {
    unsigned refs;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
};

struct fh__tls_buffers {
    unsigned char *in, *out;
};

struct fh_tls_context {
    unsigned refs;
    bool is_server, require_ems, no_tickets, trust_anybody;
    bool given_keys; /* fh_tls_set_ticket_keys(): rotating is the caller's */
    uint16_t max_fragment;
    int64_t (*clock)(void *user);
    /* NULL: the key is here. */
    int (*sign)(void *user, const uint8_t *hash, size_t hash_len, uint8_t *sig, size_t sig_len);
    size_t sign_len; /* bytes of its modulus */
    void *user;
    struct fh__tls_credentials *now;
    char alpn_text[FH_TLS_PROTOCOLS][FH_TLS_ALPN];
    const char *alpn[FH_TLS_PROTOCOLS + 1];
    struct fh_tls_pin pins[FH_TLS_PINS];
    size_t pins_len;
    struct fh_tls_ticket_key keys[FH_TLS_TICKET_KEYS];
    size_t keys_len;
    struct fh__tls *busy; /* in whose handshake mbedTLS is, for callbacks that are not told */
    struct fh__tls_buffers spare[FH__TLS_SPARE];
    size_t spares;
    struct gcry_cipher_handle *cipher; /* tls_record.h */
};

struct fh_tls_session {
    const struct fh_tls_context *ctx; /* which made it; compared, not used */
    char name[FH_TLS_NAME];
    bool has, ems;
    uint8_t peer_cert[FH_TLS_HASH_LEN], peer_spki[FH_TLS_HASH_LEN];
    mbedtls_ssl_session session;
};

enum fh__tls_phase {
    FH__TLS_HANDSHAKE,
    FH__TLS_WAITS, /* for fh_tls_go_on() */
    FH__TLS_OPEN,
    FH__TLS_FAILED /* done() was told, or the stream is closing */
};

/* Where the record buffers' pointers stand while there are no buffers. */
struct fh__tls_parked {
    uint16_t in[6], out[6];
    uint8_t in_counter[8];
};

struct fh__tls {
    struct fh_stream s; /* first: a stream is cast to its TLS */
    struct fh_stream *below;
    struct fh_tls_context *ctx;
    struct fh__tls_credentials *credentials;
    mbedtls_ssl_context ssl;
    enum fh__tls_phase phase;

    const uint8_t *in; /* ciphertext not read yet; borrowed from the stream below */
    size_t in_len;
    uint8_t *rest; /* plain bytes that the owner did not take */
    size_t rest_at, rest_len;
    uint8_t *held; /* ciphertext that the stream below did not take */
    size_t held_at, held_len, held_cap;
    int send_error; /* why ciphertext was refused */

    uv_timer_t timer; /* the handshake's limits, then the lingering's */
    uv_idle_t soon;   /* runs once, to do from the loop what a call of the owner asked for */
    int open_handles;
    uint64_t deadline_ms;
    uint32_t linger_ms;

    bool batching; /* what is sent is put together before it goes down */
    bool parked;   /* the record buffers are given back */
    bool admitted, cancelled, resumes, resumed, ticket_checked;
    bool notify_sent, below_shut, below_closing;
    bool over; /* nothing more will arrive; told once the owner has the rest */
    int over_error;
    const char *refusal; /* why the peer's certificate was refused; static */

    bool has_name, name_is_ip, pinned, verify_done, below_over;
    struct fh_tls_session *session;
    bool (*admit)(void *user, struct fh_tls_starting *t, bool resumes);
    void (*done)(void *user, struct fh_stream *s, int error, const char *text);
    void *user;
    char *name; /* until the handshake is over */
    struct fh__tls_hello hello;

    mbedtls_tls_prf_types prf;
    uint8_t master[FH__TLS_MASTER], randoms[2 * FH__TLS_RANDOM]; /* client's, server's */
    uint8_t peer_cert[FH_TLS_HASH_LEN], peer_spki[FH_TLS_HASH_LEN];
    bool has_peer;
    struct fh__tls_parked park;
    struct fh__tls_records records;
};

/* ---- tls_context.c -------------------------------------------------------------------------- */

struct fh_tls_context *fh__tls_context_ref(struct fh_tls_context *ctx);
void fh__tls_context_unref(struct fh_tls_context *ctx);
void fh__tls_credentials_unref(struct fh__tls_credentials *c);
int64_t fh__tls_time(const struct fh_tls_context *ctx);
int fh__tls_random(void *user, unsigned char *out, size_t len); /* in mbedTLS's form */
/* What mbedTLS returns, of PEM texts; 0 is good and nothing else. */
int fh__tls_parse_key(mbedtls_pk_context *key, const char *pem);
int fh__tls_parse_chain(mbedtls_x509_crt *chain, const char *pem);
int fh__tls_check_pair(const mbedtls_pk_context *pub, const mbedtls_pk_context *key);

/* ---- tls_verify.c --------------------------------------------------------------------------- */

int64_t fh__tls_unix_time(const mbedtls_x509_time *t);
int fh__tls_sha256(const uint8_t *data, size_t len, uint8_t out[FH_TLS_HASH_LEN]);
/* mbedTLS's callback for each certificate of a chain, the top first. user: struct fh__tls. */
int fh__tls_verify(void *user, mbedtls_x509_crt *crt, int depth, uint32_t *flags);

/* ---- tls_ticket.c; mbedTLS's callbacks, user: struct fh_tls_context -------------------------- */

int fh__tls_ticket_write(void *user, const mbedtls_ssl_session *session, unsigned char *start,
                         const unsigned char *end, size_t *len, uint32_t *lifetime);
int fh__tls_ticket_parse(void *user, mbedtls_ssl_session *session, unsigned char *buf, size_t len);

/* ---- tls_buffers.c -------------------------------------------------------------------------- */

/* The connection is at rest: its record buffers go back to the context. Without effect if not. */
void fh__tls_park(struct fh__tls *t);
/* Before any call of mbedTLS. Returns 0 or FH_TRANSPORT_E_RESOURCES. */
int fh__tls_unpark(struct fh__tls *t);
void fh__tls_spares_free(struct fh_tls_context *ctx);

/* ---- tls_error.c ---------------------------------------------------------------------------- */

/* FH_TRANSPORT_E_* for what mbedTLS returned, and a static text. */
int fh__tls_error(const struct fh__tls *t, int ret, const char **text);

/* ---- tls_exporter.c ------------------------------------------------------------------------- */

void fh__tls_export_configure(struct fh__tls_credentials *c, struct fh_tls_context *ctx);
void fh__tls_export_setup(struct fh__tls *t);

/* ---- tls_stream.c --------------------------------------------------------------------------- */

bool fh__tls_is(const struct fh_stream *s);

#endif
