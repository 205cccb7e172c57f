/* SPDX-License-Identifier: MIT */
/*
 * stream.h -- a reliable, ordered stream of bytes, whoever carries it.
 *
 * A stream comes from a carrier (<farhand/pipe.h>, <farhand/tcp.h>, <farhand/sctp_uv.h>,
 * <farhand/tls_uv.h>), already connected. Then:
 *
 *     fh_stream_attach()     say who owns it; it begins to read
 *     fh_stream_write()      send; takes as much as there is room for
 *     fh_stream_resume()     read on after data() took less than it was given
 *     fh_stream_shutdown()   end our side, after what was written
 *     fh_stream_close()      let go of it; asynchronous
 *
 * A polite end is fh_stream_shutdown(), then fh_stream_close(), with or without waiting for end()
 * between them. Closing alone is always allowed, and may cost the peer what was still on its way.
 *
 * Memory is bounded in both directions: a stream holds at most its queue (256 KiB unless its
 * carrier was told otherwise) of what was written and one buffer of what arrived. A slow peer makes
 * fh_stream_write() take less; an owner that takes less makes the peer wait.
 *
 * Not done here: encryption, framing, reconnecting, time-outs of a protocol.
 * A stream belongs to the thread that runs its loop. Streams are independent of each other.
 */
#ifndef FH_STREAM_H
#define FH_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/address.h>
#include <farhand/transport_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum fh_stream_kind {
    FH_STREAM_PIPE,
    FH_STREAM_TCP,
    FH_STREAM_UNIX,
    FH_STREAM_LINK,
    FH_STREAM_SCTP,
    FH_STREAM_TLS,
    FH_STREAM_RELAY /* through a relay of a cloud; <farhand/cloud_uv.h> */
};

struct fh_stream;

/*
 * What a stream tells its owner. All are called from the loop (or from fh_pipe_run()), never from
 * inside a call that the owner made; in each of them every function of this file may be called,
 * fh_stream_close() too. After fh_stream_close() none is called any more.
 */
struct fh_stream_events {
    /*
     * len >= 1 bytes arrived; data is borrowed. Returns how many were taken, 0 to len. If fewer
     * than len, reading stops and the rest is kept until fh_stream_resume(), when it is given
     * again, alone or with more behind it. Resuming, or attaching the next owner, from inside
     * data() counts.
     */
    size_t (*data)(void *user, const uint8_t *data, size_t len);

    /* There is room again; called only after fh_stream_write() took less than it was given. */
    void (*writable)(void *user);

    /*
     * Nothing more will arrive. error 0: the peer ended its side, and everything it sent was given
     * to data() before; writing is still possible. Otherwise FH_TRANSPORT_E_* (_RESET, _TIMEOUT,
     * ...): the stream is broken in both directions. Called at most once. While reading is stopped
     * an end of the peer's side is not noticed.
     */
    void (*end)(void *user, int error);
};

/* The stream is closed and is freed as soon as this returns. Called once, from the loop. */
typedef void (*fh_stream_closed_fn)(void *user);

/*
 * Become the owner of s: events go to ev with user from now on, and reading starts.
 * ev is borrowed until the stream is closed or attached again; all its functions must be set.
 * May be called again to hand a running stream over; what the last owner did not take is given to
 * the new one, and an end it has not been told yet too.
 */
void fh_stream_attach(struct fh_stream *s, const struct fh_stream_events *ev, void *user);

/*
 * Send. data is copied. Returns how many bytes were taken, 0 to len (and at most INT_MAX); if fewer
 * than len, wait for writable() and give the rest again. Negative:
 * FH_TRANSPORT_E_CLOSED after fh_stream_shutdown() or fh_stream_close();
 * the error that broke the stream, for ever after.
 * May be called before fh_stream_attach(); then nobody is told about room.
 */
int fh_stream_write(struct fh_stream *s, const uint8_t *data, size_t len);

/* Read on after data() returned less than it was given. Otherwise without effect. */
void fh_stream_resume(struct fh_stream *s);

/* End our side after what was written has gone out. The other direction goes on. Once is enough. */
void fh_stream_shutdown(struct fh_stream *s);

/*
 * CLOSING IS ASYNCHRONOUS. No event comes after this call. When all that the carrier holds is
 * released, closed(user) is called, and the stream is freed just after that. closed may be NULL.
 * Only the first call counts. s must not be used any more, by anybody.
 *
 * Without a shutdown before, what is queued is dropped at once. After fh_stream_shutdown() the
 * close is polite and takes its time, which the carrier bounds (fh_tcp_options.linger_ms): what is
 * queued is sent, and what the peer still sends is dropped until it has ended its side too. So
 * "last words, shutdown, close" needs no waiting for anything.
 */
void fh_stream_close(struct fh_stream *s, fh_stream_closed_fn closed, void *user);

/* Who carries the stream. */
enum fh_stream_kind fh_stream_kind(const struct fh_stream *s);

/*
 * The peer in printable form: "192.0.2.1:4711", "[2001:db8::1]:5900", "unix:uid=1000", "pipe".
 * Never text that the peer chose. Always zero-terminated; room >= 1, FH_ADDRESS_TEXT is enough.
 */
void fh_stream_peer(const struct fh_stream *s, char *out, size_t room);

/* The peer in binary form, for limits and rules per address; FH_ADDRESS_NONE for a pipe. */
void fh_stream_address(const struct fh_stream *s, struct fh_address *out);

struct fh_stream_counters {
    uint64_t in;  /* bytes that the owner took */
    uint64_t out; /* bytes that fh_stream_write() took */
    uint64_t
        queued; /* of those, still here: not yet with the system (or with the peer of a pipe) */
};

void fh_stream_counters(const struct fh_stream *s, struct fh_stream_counters *out);

#ifdef __cplusplus
}
#endif

#endif
