/* SPDX-License-Identifier: MIT */
/*
 * sctp.h -- a reliable, ordered stream of bytes over datagrams: SCTP (RFC 9260) behind a guard.
 *
 * One association with one ordered stream, in signed datagrams (<farhand/guard.h>), so that what is
 * not the peer's reaches no parser of this file; SCTP's own checksum is zero (RFC 9653). Both ends
 * know who connects. <farhand/sctp_uv.h> makes a struct fh_stream of it on a libuv loop; without
 * one it is driven by
 *
 *     fh_sctp_input()      a datagram arrived
 *     fh_sctp_tick()       the deadline passed
 *     fh_sctp_output()     the next datagram to send; repeat until 0
 *     fh_sctp_deadline()   when to call tick
 *
 * and used by
 *
 *     fh_sctp_write()      send; takes as much as there is room for
 *     fh_sctp_read()       what arrived, then fh_sctp_read_done()
 *     fh_sctp_end()        our side ends after what was written; the other goes on
 *     fh_sctp_abort()      both sides end now
 *     fh_sctp_state()      where it stands; look after each input and tick
 *
 * It finds out how fast the path is and paces what it sends, so fh_sctp_output() gives nothing
 * while the deadline says when it will; single losses do not slow it down. The size of datagrams
 * begins with 1200 bytes and is raised by probes (RFC 8899).
 *
 * Memory is bounded: what is written and not acknowledged (send_len), what arrived and was not read
 * (recv_len); pages that were never needed stay untouched. Nothing is allocated after init.
 *
 * Not done here: other streams, unordered or partial delivery, multihoming, restart of an
 * association, authentication of chunks. No I/O, no clock, no global state; one thread at a time.
 * docs/protocol.md, "Streams over datagrams".
 */
#ifndef FH_SCTP_H
#define FH_SCTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/guard.h>
#include <farhand/transport_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FH_SCTP_DATAGRAM_MAX = 1472 }; /* bytes of UDP payload: the room that output wants */

enum fh_sctp_side { FH_SCTP_CONNECT, FH_SCTP_LISTEN };

struct fh_sctp_config {
    enum fh_sctp_side side;
    struct fh_guard_config guard; /* its secrets are borrowed during init */
    fh_random_fn random;          /* tags and first numbers; called during init only */
    void *random_user;
    size_t send_len;       /* bytes written and not acknowledged; 0 = 4 MiB, at most 32 MiB */
    size_t recv_len;       /* bytes arrived and not read; 0 = 4 MiB, at most 32 MiB */
    uint16_t datagram_max; /* largest UDP payload to try, 1200 to 1472; 0 = 1472 */
    uint32_t timeout_ms;   /* nothing heard for so long although due: _TIMEOUT; 0 = 30000 */
    uint32_t heartbeat_ms; /* silence after which to ask for a sign of life; 0 = 15000 */
};

struct fh_sctp;

/* Bytes that an association with this config needs; 0 if the config is out of range. */
size_t fh_sctp_size(const struct fh_sctp_config *cfg);

/*
 * In the caller's memory, which must be zeroed (calloc() leaves pages untouched that are not
 * needed) and aligned as malloc aligns. NULL if len is too small or the config out of range.
 * now_us: microseconds, monotonic, as everywhere below.
 */
struct fh_sctp *fh_sctp_init(void *mem, size_t len, const struct fh_sctp_config *cfg,
                             uint64_t now_us);

/* Wipes the guard's keys. The memory is the caller's again. NULL is fine. */
void fh_sctp_finish(struct fh_sctp *s);

/* The same on the heap. NULL: no memory, or out of range. */
struct fh_sctp *fh_sctp_new(const struct fh_sctp_config *cfg, uint64_t now_us);
void fh_sctp_free(struct fh_sctp *s); /* NULL is fine */

/*
 * One received datagram that fh_datagram_kind() calls FH_DATAGRAM_GUARD. It is opened in place.
 * Returns 0; FH_TRANSPORT_E_DENIED if it is not the peer's or nothing that belongs here: counted,
 * and nothing else changed. *newest, which may be NULL: it is the newest so far, so its source is
 * where the peer is now; unset on error.
 */
int fh_sctp_input(struct fh_sctp *s, uint64_t now_us, uint8_t *datagram, size_t len, bool *newest);

/*
 * The next datagram to send, into out, which has room for FH_SCTP_DATAGRAM_MAX. Returns its length,
 * 0 if nothing may go now.
 */
size_t fh_sctp_output(struct fh_sctp *s, uint64_t now_us, uint8_t *out);

/* When to call tick (and output after it); UINT64_MAX: no need. */
uint64_t fh_sctp_deadline(const struct fh_sctp *s);
void fh_sctp_tick(struct fh_sctp *s, uint64_t now_us);

/*
 * Send. Copied. Returns how many bytes were taken, 0 to len; FH_TRANSPORT_E_CLOSED after
 * fh_sctp_end(), the error that broke it for ever after. Possible from the start: the first bytes
 * travel with the handshake.
 */
int fh_sctp_write(struct fh_sctp *s, const uint8_t *data, size_t len);

/* Bytes that a write would take; those that are still here, sent or not. */
size_t fh_sctp_room(const struct fh_sctp *s);
size_t fh_sctp_queued(const struct fh_sctp *s);

/* The next bytes that arrived, lent until the next call but _state; NULL and 0: none. */
const uint8_t *fh_sctp_read(const struct fh_sctp *s, size_t *len);
/* So many of them are done with. */
void fh_sctp_read_done(struct fh_sctp *s, size_t len);

/* Our side ends, after what was written. Once is enough. When both have ended, it closes. */
void fh_sctp_end(struct fh_sctp *s);

/* Both sides end now, and what is under way is lost. One more datagram tells the peer. */
void fh_sctp_abort(struct fh_sctp *s);

enum fh_sctp_state {
    FH_SCTP_OPENING,
    FH_SCTP_OPEN,
    FH_SCTP_CLOSING, /* both sides have ended; the last words are exchanged */
    FH_SCTP_CLOSED,  /* and done, all of it delivered; keep calling for a second if convenient */
    FH_SCTP_BROKEN
};

enum fh_sctp_state fh_sctp_state(const struct fh_sctp *s);

/* The peer's side ended, and everything it sent was read. */
bool fh_sctp_peer_ended(const struct fh_sctp *s);

/* Why it is FH_SCTP_BROKEN: FH_TRANSPORT_E_RESET, _TIMEOUT, _CLOSED (aborted here). Else 0. */
int fh_sctp_error(const struct fh_sctp *s);

/*
 * The datagrams take another path from now on: its speed and size are to be found anew, and what
 * was under way is sent again without waiting.
 */
void fh_sctp_path_changed(struct fh_sctp *s, uint64_t now_us);

/*
 * Raw datagrams of the application's own, beside the stream: unreliable, not paced, at most
 * fh_sctp_info.datagram minus FH_GUARD_OVERHEAD bytes. Seals data (len bytes) into out, which has
 * room for FH_SCTP_DATAGRAM_MAX; returns the length to send, 0 if it is too long.
 */
size_t fh_sctp_seal_raw(struct fh_sctp *s, const uint8_t *data, size_t len, uint8_t *out);
/* The one that the last input brought, lent until the next; NULL: it brought none. */
const uint8_t *fh_sctp_raw(const struct fh_sctp *s, size_t *len);

/*
 * New secrets for the guard: the channel's, once it stands, and after each of its rekeys. As
 * fh_guard_install(), and ten seconds later fh_guard_forget(). Before the channel stands whoever
 * made the first secrets, the broker, could speak to the parser of this file; not any more then.
 */
int fh_sctp_install(struct fh_sctp *s, uint64_t now_us,
                    const uint8_t tx_secret[FH_GUARD_SECRET_LEN],
                    const uint8_t rx_secret[FH_GUARD_SECRET_LEN], enum fh_guard_switch when);

/* The guard, to look at; lent for the life of s. */
struct fh_guard *fh_sctp_guard(struct fh_sctp *s);

struct fh_sctp_info {
    uint64_t datagrams_in, datagrams_out;
    uint64_t dropped;           /* were the peer's, but have no business in the present state */
    uint64_t sent;              /* pieces of the stream */
    uint64_t resent;            /* and again */
    uint64_t probes;            /* sent because nothing was heard */
    uint64_t rate_bps;          /* of delivery, bits per second, datagrams' payload */
    uint64_t in_flight, window; /* bytes */
    uint32_t rtt_us, rtt_least_us;
    uint16_t datagram; /* largest that is sent now */
};

void fh_sctp_info(const struct fh_sctp *s, struct fh_sctp_info *out);

#ifdef __cplusplus
}
#endif

#endif
