/* SPDX-License-Identifier: MIT */
/*
 * tls_uv.h -- TLS 1.2 over any stream, both sides, on a libuv loop.
 *
 *     fh_tls_server_new()       what the connections of a server share: certificate, ticket keys
 *     fh_tls_client_new()       what the connections of a client share: whom it trusts
 *     fh_tls_start()            a handshake over a stream; gives a stream of what was inside
 *     fh_tls_cancel()
 *     fh_tls_info()             what was agreed: protocol, suite, peer
 *     fh_tls_exporter()         key material that only the two ends know (RFC 5705)
 *     fh_tls_server_reload()    another certificate; connections that stand keep theirs
 *     fh_tls_free()
 *
 * The result is a struct fh_stream of kind FH_STREAM_TLS, as <farhand/stream.h> explains. A peer
 * that goes without close_notify gives FH_TRANSPORT_E_RESET: what was cut is never taken for a
 * whole. fh_stream_shutdown() sends close_notify; the other direction goes on.
 *
 * TLS 1.2 with ECDHE and AEAD and nothing else; no renegotiation, no compression, no session cache.
 * Sessions are resumed by tickets. A client trusts pinned roots, never the system's.
 *
 * A connection at rest holds 2 KiB of heap and no buffer, whatever size of record was agreed; one
 * in the midst of a record that record's length, at most 16.4 KiB; a handshake about 40 KiB.
 *
 * A context belongs to the thread of one loop, as do its connections. RFC 5246, 5077, 5705, 6066,
 * 7301, 7627, 8422. Keys and certificates are made by <farhand/pki.h>.
 */
#ifndef FH_TLS_UV_H
#define FH_TLS_UV_H

#include <stdbool.h>

#include <uv.h>

#include <farhand/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_TLS_HASH_LEN = 32,    /* SHA-256 */
    FH_TLS_ALPN = 32,        /* longest protocol name, with its zero */
    FH_TLS_WHY = 256,        /* room for the texts that explain a failure */
    FH_TLS_PINS = 16,        /* most pins of a client */
    FH_TLS_PROTOCOLS = 8,    /* most ALPN names of a context */
    FH_TLS_TICKET_KEYS = 3,  /* the newest makes tickets, all open them */
    FH_TLS_EXPORT_LEN = 255, /* longest output of the exporter */
    FH_TLS_NAME = 256        /* longest name of a server, with its zero */
};

/* What the connections of one side share. Counted: it lives until the last connection is closed. */
struct fh_tls_context;

struct fh_tls_server_config {
    /* PEM, zero-terminated, borrowed. cert: the leaf first; with the root, if clients pin it. */
    const char *cert_pem;
    const char *key_pem;
    /*
     * In the place of key_pem, where the key is in another process: sign this hash with the RSA key
     * of the certificate, as fh_pki_signer_sign() of <farhand/pki.h> does, into sig, which is
     * sig_len bytes, as long as the modulus. 0, or negative: the handshake fails. Called from
     * inside a handshake and waited for.
     */
    int (*sign)(void *user, const uint8_t *hash, size_t hash_len, uint8_t *sig, size_t sig_len);
    /* Protocols offered to ALPN, the preferred first, or NULL; copied. */
    const char *const *alpn;
    size_t alpn_len;
    bool no_tickets;  /* no connection can be resumed */
    bool require_ems; /* refuse clients without the extended master secret (RFC 7627) */
    /* Unix seconds; NULL: the system's clock. */
    int64_t (*clock)(void *user);
    void *user;
};

/*
 * Returns 0 and a context. FH_TRANSPORT_E_INVAL: certificate and key cannot be understood or do not
 * belong together, or a value is outside its range; _RESOURCES.
 * why: room bytes, gets a sentence when it fails; may be NULL.
 */
int fh_tls_server_new(const struct fh_tls_server_config *cfg, struct fh_tls_context **out,
                      char *why, size_t room);

/*
 * Use another certificate and key for handshakes that begin from now on. All or nothing: after an
 * error everything is as before. Returns and why: as fh_tls_server_new().
 */
int fh_tls_server_reload(struct fh_tls_context *ctx, const char *cert_pem, const char *key_pem,
                         char *why, size_t room);

/*
 * A key of session tickets (AES-256-GCM). SECRET: who has it reads the connections that were made
 * with its tickets. A context makes its own, a new one every 12 hours, and knows the last three.
 */
struct fh_tls_ticket_key {
    uint8_t name[16]; /* public; unique */
    uint8_t key[32];
    int64_t born; /* Unix seconds; opens tickets for 36 hours, makes them for 24 */
};

/* The keys, the newest first, to be given to other nodes. Returns how many, at most 3. */
size_t fh_tls_ticket_keys(struct fh_tls_context *ctx, struct fh_tls_ticket_key out[3]);

/*
 * Use these keys, the newest first, and make none: from now on the caller rotates. keys: copied.
 * len 0: back to keys of its own. Returns 0; FH_TRANSPORT_E_INVAL: more than 3.
 */
int fh_tls_set_ticket_keys(struct fh_tls_context *ctx, const struct fh_tls_ticket_key *keys,
                           size_t len);

/* SHA-256 of a DER SubjectPublicKeyInfo. */
struct fh_tls_pin {
    uint8_t sha256[FH_TLS_HASH_LEN];
};

struct fh_tls_client_config {
    /*
     * The roots: of these keys one must belong to a CA certificate in the chain that the server
     * presents, above the server's own, and every signature from there down is checked, as are
     * dates, constraints and the name. pins: copied. At most FH_TLS_PINS.
     */
    const struct fh_tls_pin *pins;
    size_t pins_len;
    /*
     * Instead of pins: accept whatever certificate, unchecked, and leave the judgement to the
     * caller, who finds its hashes in fh_tls_info() before anything was sent. For VeNCrypt.
     * Such a connection is not required to have the extended master secret, and older servers do.
     */
    bool trust_anybody;
    const char *const *alpn; /* offered, the preferred first, or NULL; copied */
    size_t alpn_len;
    uint16_t max_fragment; /* ask for records of at most 512, 1024, 2048 or 4096 bytes; 0: don't */
    int64_t (*clock)(void *user); /* Unix seconds, for the dates; NULL: the system's clock */
    void *user;
};

/* Returns 0 and a context; FH_TRANSPORT_E_INVAL, _RESOURCES. */
int fh_tls_client_new(const struct fh_tls_client_config *cfg, struct fh_tls_context **out);

/* Let go of it. Handshakes and connections live on. NULL is fine. */
void fh_tls_free(struct fh_tls_context *ctx);

/*
 * What a client needs to resume: filled by a handshake, used by the next with the same context and
 * the same name. SECRET. One handshake at a time may use it.
 */
struct fh_tls_session;

struct fh_tls_session *fh_tls_session_new(void);          /* NULL: no memory */
void fh_tls_session_free(struct fh_tls_session *session); /* NULL is fine */

struct fh_tls_starting;

struct fh_tls_start_config {
    uint32_t handshake_ms; /* longest handshake; 0 = 10000 */
    uint32_t hello_ms;     /* server: longest wait for the whole ClientHello; 0 = 3000 */
    uint32_t linger_ms;    /* longest close after a shutdown, see fh_stream_close(); 0 = 5000 */
    /*
     * Client: the server's name, a DNS name or an address as text, which its certificate must have
     * (SAN). Borrowed. NULL with trust_anybody only.
     */
    const char *name;
    struct fh_tls_session *session; /* client: NULL, or lent until done() */
    /*
     * Server: the ClientHello is here, nothing costly was done yet. resumes: it has a ticket that
     * opens, so that no public-key operation will be needed. Return true to go on. After false the
     * handshake waits for fh_tls_go_on() or fh_tls_cancel(), within handshake_ms. May be NULL. Must
     * not call anything about this handshake but that.
     */
    bool (*admit)(void *user, struct fh_tls_starting *t, bool resumes);
    /*
     * The end of the handshake, called exactly once, from the loop. error 0: s is taken by the
     * callee, who attaches or closes it. Otherwise s is NULL, the stream below is closed, and
     * error says why: FH_TRANSPORT_E_IDENTITY: the peer did not prove who it is; _PROTO: it broke
     * the protocol, or has nothing in common with us; _TIMEOUT, _RESET, _CANCELLED, _RESOURCES.
     * text: borrowed, printable, never made of text that the peer chose.
     */
    void (*done)(void *user, struct fh_stream *s, int error, const char *text);
    void *user;
};

/*
 * Begin a handshake over `below`, which is taken, also on error: it is closed when the stream above
 * it is. ctx says which side. cfg: borrowed until return. out: may be NULL; lent until done().
 * Returns 0: done() will be called. FH_TRANSPORT_E_INVAL, _RESOURCES: it will not.
 */
int fh_tls_start(uv_loop_t *loop, struct fh_tls_context *ctx, struct fh_stream *below,
                 const struct fh_tls_start_config *cfg, struct fh_tls_starting **out);

/* Go on after admit() said no. From any place but admit() itself. */
void fh_tls_go_on(struct fh_tls_starting *t);

/* Give up: done() is called with FH_TRANSPORT_E_CANCELLED, from the loop. */
void fh_tls_cancel(struct fh_tls_starting *t);

struct fh_tls_info {
    const char *version;    /* "TLSv1.2" */
    const char *suite;      /* "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384" */
    char alpn[FH_TLS_ALPN]; /* the protocol chosen, or "" */
    bool resumed;
    bool ems;                           /* extended master secret */
    uint16_t max_fragment;              /* agreed by the extension, or 0 */
    bool has_peer;                      /* the two below are set: at a client */
    uint8_t peer_cert[FH_TLS_HASH_LEN]; /* SHA-256 of the peer's certificate */
    uint8_t peer_spki[FH_TLS_HASH_LEN]; /* SHA-256 of its public key */
};

/* s: a stream of fh_tls_start(). Returns 0; FH_TRANSPORT_E_INVAL: it is another kind of stream. */
int fh_tls_info(const struct fh_stream *s, struct fh_tls_info *out);

/*
 * len bytes (1 to FH_TLS_EXPORT_LEN) that both ends of this connection, and nobody else, compute
 * from label and context (RFC 5705, with a context, which may be empty: context NULL is none).
 * "EXPORTER-Channel-Binding", no context and 32 bytes are tls-exporter (RFC 9266).
 * Returns 0; FH_TRANSPORT_E_INVAL; FH_TRANSPORT_E_IDENTITY: without the extended master secret
 * this would not bind the two ends together, and is refused (RFC 7627).
 */
int fh_tls_exporter(const struct fh_stream *s, const char *label, const uint8_t *context,
                    size_t context_len, uint8_t *out, size_t len);

#ifdef __cplusplus
}
#endif

#endif
