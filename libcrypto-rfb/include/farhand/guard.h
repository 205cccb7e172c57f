/* SPDX-License-Identifier: MIT */
/*
 * guard.h -- signs each datagram of a direct path, and lets nothing in that the peer did not sign.
 *
 *     fh_guard_secret()     a direction's secret, from what the broker gave both sides
 *     fh_guard_init()       one guard for each connection, in the caller's memory
 *     fh_guard_seal()       before a datagram is sent
 *     fh_guard_open()       when one arrived
 *     fh_guard_install()    new secrets: the channel's, once it stands, and after each rekey
 *     fh_guard_forget()     the secrets before the newest end now
 *     fh_guard_finish()     wipe it
 *
 * A datagram grows by 24 bytes, an 8-byte header and a 16-byte tag of ChaCha20-Poly1305. Signing
 * leaves the payload readable (it is ciphertext of the channel above); a guard may encrypt as well,
 * if both ends were told to. Every datagram has a number of its own, which never comes back, not
 * even with new secrets; a window of 2048 lets late ones in and repeated ones not (RFC 6479).
 *
 * What is not the peer's changes nothing but a counter: no answer, no state, no memory. Nothing
 * here knows addresses: who wants to follow a peer that moves looks at fh_guard_opened.newest, and
 * asks the new address by other means before it sends much there.
 *
 * Secrets lie in struct fh_guard itself. It has no interior pointers, but must not be copied: two
 * copies that seal would use a number twice, which gives the key away. For the same reason the pair
 * (secret, context) of fh_guard_secret() must be another one for each guard: both sides put fresh
 * random bytes into the context.
 *
 * No I/O, no clock, no global state. docs/protocol.md, "Signed datagrams".
 */
#ifndef FH_GUARD_H
#define FH_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/identity.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FH_GUARD_SECRET_LEN = 32,
    FH_GUARD_CONTEXT_MAX = 255,
    FH_GUARD_HEADER_LEN = 8, /* before the payload */
    FH_GUARD_TAG_LEN = 16,   /* behind it */
    FH_GUARD_OVERHEAD = FH_GUARD_HEADER_LEN + FH_GUARD_TAG_LEN,
    FH_GUARD_INDEX_MAX = 0xffffff,
    FH_GUARD_WINDOW = 2048 /* datagrams */
};

/* What is inside; the fourth value is reserved and never opened. */
enum fh_guard_type { FH_GUARD_STREAM = 0, FH_GUARD_CONTROL = 1, FH_GUARD_RAW = 2 };

/*
 * What the first byte says a datagram is (RFC 7983, RFC 9443). FH_DATAGRAM_TURN is what it says
 * only if the sender is our TURN server; from anybody else it is unknown.
 */
enum fh_datagram_kind {
    FH_DATAGRAM_UNKNOWN,
    FH_DATAGRAM_STUN,  /* 0..3, its magic cookie, a length that is a multiple of four */
    FH_DATAGRAM_GUARD, /* 8..15, long enough */
    FH_DATAGRAM_ZRTP,  /* 16..19 */
    FH_DATAGRAM_DTLS,  /* 20..63 */
    FH_DATAGRAM_TURN,  /* 64..79 */
    FH_DATAGRAM_RTP    /* 128..191, RTCP too */
};

enum fh_datagram_kind fh_datagram_kind(const uint8_t *data, size_t len);

/*
 * A direction's secret from the per-connection secret of the signalling. sender: whose datagrams
 * it signs. context: both sides' fresh random bytes, in an order that both know; context_len at
 * most FH_GUARD_CONTEXT_MAX. Returns 0 or FH_CRYPTO_E_INVAL.
 */
int fh_guard_secret(const uint8_t connection_secret[FH_GUARD_SECRET_LEN], enum fh_role sender,
                    const uint8_t *context, size_t context_len, uint8_t out[FH_GUARD_SECRET_LEN]);

/* All of it was counted, none of it changed anything, but for the first two. */
struct fh_guard_counters {
    uint64_t sealed, opened;
    uint64_t foreign;  /* too short, another first byte, another index, an epoch we do not have */
    uint64_t forged;   /* the tag is not the peer's */
    uint64_t repeated; /* opened before, or older than the window */
};

/* Read the counters; the rest is private. */
struct fh_guard {
    struct fh_guard_counters counters;
    uint64_t sent;      /* number of the last datagram sealed; the first is 1 */
    uint64_t sent_base; /* of the last one before the present sending key */
    uint64_t highest;   /* number of the newest datagram opened */
    uint64_t turned;    /* lowest number opened under the newest epoch; 0: none yet */
    uint64_t seen[FH_GUARD_WINDOW / 64 + 1];
    uint32_t tx_index, rx_index;
    uint32_t epoch;    /* the newest installed */
    uint32_t tx_epoch; /* what we seal with: the newest, or the one before */
    bool encrypt;
    bool old_is_live;                     /* the epoch before the newest is still opened */
    uint8_t tx_key[2][32], rx_key[2][32]; /* by the lowest bit of the epoch */
};

struct fh_guard_config {
    const uint8_t *tx_secret; /* FH_GUARD_SECRET_LEN bytes: of what we send; borrowed */
    const uint8_t *rx_secret; /* of what the peer sends; borrowed */
    uint32_t tx_index;        /* the peer's, which it chose at random; at most FH_GUARD_INDEX_MAX */
    uint32_t rx_index;        /* ours; finds the guard where several share a socket */
    bool encrypt;             /* both ends alike */
};

/*
 * Returns 0; FH_CRYPTO_E_INVAL if an index is too large or the two secrets are the same;
 * FH_CRYPTO_E_INTERNAL if libsodium does not start.
 */
int fh_guard_init(struct fh_guard *g, const struct fh_guard_config *cfg);

/* Wipes. Twice is fine. */
void fh_guard_finish(struct fh_guard *g);

/* To whom a datagram of kind FH_DATAGRAM_GUARD wants to go. */
uint32_t fh_guard_index(const uint8_t *datagram);

/*
 * Seals in place. datagram: len bytes of payload stand at datagram + FH_GUARD_HEADER_LEN, and
 * there is room for FH_GUARD_TAG_LEN behind them. Returns the length of the whole, or
 * FH_CRYPTO_E_CLOSED: 2^36 datagrams were sealed with this key, install new secrets.
 */
int fh_guard_seal(struct fh_guard *g, enum fh_guard_type type, uint8_t *datagram, size_t len);

struct fh_guard_opened {
    enum fh_guard_type type;
    const uint8_t *payload; /* lent: inside the datagram */
    size_t len;
    uint64_t number; /* the datagram's; each is given once */
    bool newest;     /* it is newer than all before */
};

/*
 * Opens in place. Returns 0; FH_CRYPTO_E_AUTH if it is not the peer's, or repeated: nothing but a
 * counter changed, and with encryption the datagram's bytes.
 */
int fh_guard_open(struct fh_guard *g, uint8_t *datagram, size_t len, struct fh_guard_opened *out);

/* When to seal with the new secrets. */
enum fh_guard_switch {
    FH_GUARD_LEAD,  /* now: the peer is known to have them */
    FH_GUARD_FOLLOW /* when the first datagram under them has come */
};

/*
 * New secrets for both directions. Datagrams under those before are opened until the peer has
 * turned and 2048 newer ones came, or until fh_guard_forget(). Of the two ends one leads: the
 * server of the channel, which has its keys when the client has them for certain.
 * FH_CRYPTO_E_INVAL if the two secrets are the same; nothing changed.
 */
int fh_guard_install(struct fh_guard *g, const uint8_t tx_secret[FH_GUARD_SECRET_LEN],
                     const uint8_t rx_secret[FH_GUARD_SECRET_LEN], enum fh_guard_switch when);

/*
 * The secrets before the newest end now, in both directions. Call it some seconds after
 * fh_guard_install(), so that who knows the old ones (the broker) is kept out also of a connection
 * that is silent. Before any install: without effect.
 */
void fh_guard_forget(struct fh_guard *g);

/* Has the peer sealed with the newest secrets? */
bool fh_guard_has_turned(const struct fh_guard *g);

#ifdef __cplusplus
}
#endif

#endif
