/* SPDX-License-Identifier: MIT */
/*
 * channel.h -- the secure channel (FSC1) over any reliable byte stream, as a core without I/O.
 *
 * Both ends are identified by RSA keys, keys are fresh for each connection, and neither the carrier
 * nor a cloud that helped to connect can read, change, repeat or cut what passes without being
 * noticed. Bytes go four ways:
 *
 *     fh_channel_in()     fh_channel_in_done()         from the network
 *     fh_channel_out()    fh_channel_out_done()        to the network
 *     fh_channel_event()                               what happened, and data for the app
 *     fh_channel_write()  fh_channel_write_done()      from the app
 *     fh_channel_tick()   fh_channel_deadline()        time
 *
 * After each call drain _event until it gives 0, then _out until it gives NULL. The handshake stops
 * at events that are the application's to answer, each by one call, at once or later:
 *
 *     server  EV_HELLO   a well-formed ClientHello       fh_channel_proceed() or _refuse()
 *     both    EV_SIGN    a transcript hash to sign       fh_channel_signed() or _close()
 *     both    EV_PEER    the peer proved its identity    fh_channel_accept() or _close()
 *     both    EV_OPEN    application data may flow
 *
 * So a private key may live in another process, signing may run in a thread, and admission is the
 * application's. A client must not ask a person at EV_PEER: close, ask, connect again
 * (docs/protocol.md).
 *
 * Does not: compress, queue more than one record each way, decide who is trusted, retry.
 * Threads: one channel is used by one thread at a time; channels are independent.
 * Failure: the first error is final; every later call returns it and changes nothing. A Close
 * record may still be waiting in _out.
 */
#ifndef FH_CHANNEL_H
#define FH_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/crypto_error.h>
#include <farhand/identity.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_CHANNEL_REF_LEN = 16,      /* bytes of session_ref and cloud_ref */
    FH_CHANNEL_SECRET_LEN = 32,   /* bytes of the cloud's share of key material */
    FH_CHANNEL_RECORD_MIN = 1024, /* bytes: the least a max record may be set to */
    FH_CHANNEL_RECORD_MAX = 65536,
    FH_CHANNEL_RECORD_DEFAULT = 16384,
    FH_CHANNEL_REASON_MAX = 256, /* bytes of UTF-8 */
    FH_CHANNEL_PROGRAM_MAX = 64, /* bytes of UTF-8 */
    FH_CHANNEL_METHODS_MAX = 32,
    FH_CHANNEL_GREETING_LEN = 12 /* bytes, "FARHAND 001\n" */
};

enum fh_channel_suite {
    FH_SUITE_X25519_AES256GCM = 0x0001,
    FH_SUITE_X25519MLKEM768_AES256GCM = 0x0101 /* where libsodium has ML-KEM-768 */
};

/* Numbers of Close and Refusal. docs/protocol.md, "Codes". */
enum fh_channel_code {
    FH_CODE_NORMAL,
    FH_CODE_PROTOCOL,
    FH_CODE_RECORD,
    FH_CODE_IDENTITY,
    FH_CODE_AUTHENTICATION,
    FH_CODE_SUITE,
    FH_CODE_BUSY,
    FH_CODE_INTERNAL,
    FH_CODE_TIMEOUT,
    FH_CODE_POLICY
};

/* How the length of a record is hidden: not, to 64 bytes, by up to 12 %, to 512 bytes. */
enum fh_channel_padding { FH_PAD_NONE, FH_PAD_BLOCK64, FH_PAD_PADME, FH_PAD_512 };

enum fh_channel_event_type {
    FH_CHANNEL_EV_HELLO, /* server; ev.hello. The handshake waits for proceed or refuse */
    FH_CHANNEL_EV_SIGN,  /* ev.sign.th. The handshake waits for signed */
    FH_CHANNEL_EV_PEER,  /* ev.peer. The handshake waits for accept */
    FH_CHANNEL_EV_OPEN,  /* client: the server accepted; server: the client's flight is accepted */
    FH_CHANNEL_EV_DATA,  /* ev.data: lent until the next call of fh_channel_event or _in */
    FH_CHANNEL_EV_PONG,  /* ev.pong: an answer to fh_channel_ping */
    FH_CHANNEL_EV_REKEYED, /* both directions use new keys from a fresh Diffie-Hellman */
    FH_CHANNEL_EV_CLOSED   /* ev.closed; nothing comes after it */
};

struct fh_channel_event {
    enum fh_channel_event_type type;
    union {
        struct {
            uint8_t session_ref[FH_CHANNEL_REF_LEN]; /* zeros: direct */
            uint8_t cloud_ref[FH_CHANNEL_REF_LEN];   /* zeros: no cloud secret */
        } hello;
        struct {
            enum fh_role role;
            uint8_t th[FH_TRANSCRIPT_HASH_LEN];
        } sign;
        struct {
            const uint8_t *spki; /* lent until the channel is freed */
            size_t spki_len;
            uint8_t fingerprint[FH_FINGERPRINT_LEN];
            char
                program[FH_CHANNEL_PROGRAM_MAX + 1]; /* what the peer calls itself, checked UTF-8 */
            uint8_t methods[FH_CHANNEL_METHODS_MAX]; /* authentication methods it understands */
            size_t n_methods;
        } peer;
        struct {
            const uint8_t *data;
            size_t len;
        } data;
        uint8_t pong[8];
        struct {
            /*
             * 0: closed by both in order, with code. Else FH_CRYPTO_E_*: PROTO, AUTH, KEY and
             * INTERNAL were told to the peer as code where that was possible; TRUNCATED, TIMEOUT,
             * VERSION; REFUSED: by a peer that had not proved itself; CLOSED: by us, before it was
             * open.
             */
            int error;
            bool by_peer;   /* the code and reason are the peer's */
            bool confirmed; /* they came inside an authenticated record */
            enum fh_channel_code code;
            char
                reason[FH_CHANNEL_REASON_MAX + 1]; /* peer's text: quote and escape it when shown */
        } closed;
    };
};

struct fh_channel_config {
    enum fh_role role;
    fh_random_fn random; /* required */
    void *random_user;
    const uint8_t *spki; /* our identity, copied; its private key answers EV_SIGN */
    size_t spki_len;
    uint32_t max_record;             /* what we open; 0 = FH_CHANNEL_RECORD_DEFAULT */
    enum fh_channel_padding padding; /* announced to the peer */
    const char *program;             /* 1 to 64 bytes of UTF-8, copied; NULL: not said */
    const uint8_t *methods;          /* authentication methods understood, copied */
    size_t n_methods;
    /* Client only. */
    const uint8_t *session_ref;  /* FH_CHANNEL_REF_LEN bytes from the broker, or NULL: direct */
    const uint8_t *cloud_secret; /* FH_CHANNEL_SECRET_LEN bytes from the broker, or NULL */
    /* Server only: the 12 bytes of the greeting were read by the caller, who serves others too. */
    bool greeting_was_read;
    uint64_t now_ms; /* monotonic; starts the deadlines */
};

/* What is known once the channel is open; zeros before, and the epochs again when it is closed. */
struct fh_channel_info {
    enum fh_channel_suite suite;
    const char *cipher; /* "AES-256-GCM (libsodium)" or "AES-256-GCM (mbedTLS)" */
    uint64_t bytes_in, bytes_out, records_in, records_out; /* on the wire */
    uint8_t epoch_in, epoch_out;
    uint32_t rekeys;
};

struct fh_channel;

/*
 * fh_channel_new is fh_channel_size + fh_channel_init on two blocks of the heap: plain memory for
 * buffers, guarded memory (locked, not dumped, wiped) for keys. For the default record size a
 * channel takes at most 64 KiB. Whoever places a channel himself gives both, mem aligned as malloc
 * aligns and secrets to 16 bytes. _init and _new return NULL for a config outside its ranges, for
 * which _size gives 0 if it is the record size.
 */
size_t fh_channel_size(const struct fh_channel_config *cfg);
size_t fh_channel_secrets_size(void);
struct fh_channel *fh_channel_init(void *mem, size_t len, void *secrets, size_t secrets_len,
                                   const struct fh_channel_config *cfg);
void fh_channel_finish(struct fh_channel *c); /* wipes; twice is fine */
struct fh_channel *fh_channel_new(const struct fh_channel_config *cfg);
void fh_channel_free(struct fh_channel *c); /* NULL is fine */

/* Where to put received bytes. NULL: events must be drained or answered first, or it is closed. */
uint8_t *fh_channel_in(struct fh_channel *c, size_t *room);
/* used bytes were put there. 0, or the error the channel failed with. */
int fh_channel_in_done(struct fh_channel *c, uint64_t now_ms, size_t used);
/* The stream ended. Without an authenticated close before it: FH_CRYPTO_E_TRUNCATED. */
int fh_channel_in_end(struct fh_channel *c, uint64_t now_ms);

/*
 * Bytes to send, lent until _out_done; NULL: nothing. They stay in place while more is written
 * behind them, so that a send may be under way meanwhile.
 */
const uint8_t *fh_channel_out(const struct fh_channel *c, size_t *len);
void fh_channel_out_done(struct fh_channel *c, size_t sent);
/* Closed, and all was taken from _out: the stream may be ended. */
bool fh_channel_is_finished(const struct fh_channel *c);

/* 1 and *ev, 0 if there is none. */
int fh_channel_event(struct fh_channel *c, struct fh_channel_event *ev);

/*
 * Server, after EV_HELLO: goes on. cloud_secret: the FH_CHANNEL_SECRET_LEN bytes that cloud_ref
 * names, or NULL when cloud_ref is zeros. A secret that does not match cloud_ref refuses (9).
 */
int fh_channel_proceed(struct fh_channel *c, const uint8_t *cloud_secret);
/* Server, after EV_HELLO: Refusal in clear and close. code: BUSY, POLICY, PROTOCOL or SUITE. */
int fh_channel_refuse(struct fh_channel *c, enum fh_channel_code code, const char *reason);
/* After EV_SIGN: fh_identity_sign's result. */
int fh_channel_signed(struct fh_channel *c, const uint8_t *sig, size_t len);
/* After EV_PEER: the identity is acceptable. To refuse it: fh_channel_close(FH_CODE_IDENTITY). */
int fh_channel_accept(struct fh_channel *c);

/*
 * Where to put application bytes of one record, at most *room; NULL: not open yet, or _out must be
 * drained first. A client may write from fh_channel_signed() on, before EV_OPEN: its own flight is
 * on its way, and what it writes is read if the server accepts. Between the two no other call.
 * write_done seals them at once (used may be 0) with the padding named; FH_CRYPTO_E_INVAL without a
 * place, or for more than room.
 */
uint8_t *fh_channel_write(struct fh_channel *c, size_t *room);
int fh_channel_write_done(struct fh_channel *c, size_t used, enum fh_channel_padding padding);

/*
 * Closes: an authenticated Close where keys stand, else silence (before a client's own flight; of a
 * server before proceed). reason: UTF-8, cut at 256 bytes, NULL: none; never a secret. A second
 * call changes nothing. Drain _out, then wait for EV_CLOSED or the deadline (5 s for the peer's
 * answer); events that were not drained are dropped, as are data that still come.
 */
void fh_channel_close(struct fh_channel *c, enum fh_channel_code code, const char *reason);

/*
 * Liveness: answered by the peer with EV_PONG. A second one before the answer takes the place of
 * the first. FH_CRYPTO_E_INVAL before EV_OPEN.
 */
int fh_channel_ping(struct fh_channel *c, const uint8_t payload[8]);
/*
 * Fresh Diffie-Hellman now, or 90 s after the last one (it runs by itself every 60 minutes); a
 * server asks the client for it. EV_REKEYED tells when it is done. FH_CRYPTO_E_INVAL before
 * EV_OPEN.
 */
int fh_channel_rekey(struct fh_channel *c, uint64_t now_ms);

/* Monotonic ms at which to call tick, UINT64_MAX: no need. */
uint64_t fh_channel_deadline(const struct fh_channel *c);
int fh_channel_tick(struct fh_channel *c, uint64_t now_ms);

void fh_channel_info(const struct fh_channel *c, struct fh_channel_info *out);
/*
 * Label(exporter, name, "", len): a secret that both ends share and no one else. len at most 255.
 * name "binding" (32 bytes) is the channel binding. FH_CRYPTO_E_INVAL before EV_OPEN and after the
 * end.
 */
int fh_channel_export(const struct fh_channel *c, const char *name, uint8_t *out, size_t len);
/*
 * The keys that sign datagrams below the channel in each direction, 32 bytes; a rekey renews each
 * with the traffic key of its direction, so ask again at EV_REKEYED and accept the old one for a
 * while. A client has them from the moment its own Finished is ready to go, because the server
 * signs with them as soon as it has that. FH_CRYPTO_E_INVAL before, and after the end.
 */
int fh_channel_guard_key(const struct fh_channel *c, enum fh_role sender, uint8_t out[32]);

/* A sentence for people about a code, by the code alone, never NULL. */
const char *fh_channel_code_text(enum fh_channel_code code);

#ifdef __cplusplus
}
#endif

#endif
