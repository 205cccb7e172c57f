/* SPDX-License-Identifier: MIT */
/*
 * stream_impl.h -- for those who add a carrier of streams. Users of streams need <farhand/stream.h>
 * only.
 *
 * Put a struct fh_stream first in your own struct, fill it with fh_stream_impl_init(), and answer
 * the table below. Tell what happens with the three fh_stream_emit_* functions, and only from your
 * loop: never while one of the table's functions is running.
 *
 * stream.c keeps the rules that hold for every carrier: no event after close, one end, no write
 * after shutdown, a broken stream stays broken, writable() only to who waits for it.
 */
#ifndef FH_STREAM_IMPL_H
#define FH_STREAM_IMPL_H

#include <stdbool.h>

#include <farhand/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_stream_ops {
    /*
     * Attached, attached again, or resumed: give what is left from last time, then read on. Events
     * must wait for the loop.
     */
    void (*start)(struct fh_stream *s);
    /*
     * len >= 1, at most INT_MAX. Returns how many bytes were taken or FH_TRANSPORT_E_*; an error
     * becomes s->broken. After a short count call fh_stream_emit_writable() when there is room.
     */
    int (*write)(struct fh_stream *s, const uint8_t *data, size_t len);
    /* Called once; s->shut is set. */
    void (*shutdown)(struct fh_stream *s);
    /*
     * Called once; s->closing is set. Release everything, then from the loop call
     * fh_stream_impl_closed() as the last use of s but freeing it.
     */
    void (*close)(struct fh_stream *s);
    /* Bytes that were taken and are still held. */
    size_t (*queued)(const struct fh_stream *s);
};

/* Read the members; change them only through the functions below. */
struct fh_stream {
    const struct fh_stream_ops *ops;
    enum fh_stream_kind kind;
    struct fh_address address;
    const struct fh_stream_events *ev; /* NULL until attached */
    void *user;
    fh_stream_closed_fn closed;
    void *closed_user;
    uint64_t in, out;
    int broken;         /* FH_TRANSPORT_E_*, or 0 while it works */
    bool stopped;       /* data() took less than it was given */
    bool wants_room;    /* a write was short */
    bool shut, closing; /* fh_stream_shutdown(), fh_stream_close() were called */
    bool ended;         /* end() was called */
};

/* ops is borrowed for the life of s; address: copied, NULL for none. */
void fh_stream_impl_init(struct fh_stream *s, enum fh_stream_kind kind,
                         const struct fh_stream_ops *ops, const struct fh_address *address);

/* May events be given now: somebody is attached, and has neither stopped, nor closed, nor ended? */
bool fh_stream_impl_wants_data(const struct fh_stream *s);

/*
 * len >= 1 bytes arrived. Returns how many were taken; keep the rest until ops->start(). The owner
 * may have closed the stream meanwhile (s->closing); s itself stays valid.
 */
size_t fh_stream_emit_data(struct fh_stream *s, const uint8_t *data, size_t len);

/* There is room for writing. Reaches the owner only if it waits for it. */
void fh_stream_emit_writable(struct fh_stream *s);

/*
 * Nothing more will arrive; error 0 or FH_TRANSPORT_E_*, which also breaks writing. Only with an
 * owner attached, and, for error 0, after all data was taken. If the peer's end was told before,
 * an error reaches an owner that waits for room as writable(), whose next write then fails.
 */
void fh_stream_emit_end(struct fh_stream *s, int error);

/* Everything is released: tells the owner. */
void fh_stream_impl_closed(struct fh_stream *s);

#ifdef __cplusplus
}
#endif

#endif
