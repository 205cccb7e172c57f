/* SPDX-License-Identifier: MIT */
/*
 * carrier.h -- carries the bytes of one connection core over one stream, on a libuv loop. What the
 * adapters of server and viewer share. Private.
 *
 * Everything that happens ends in one pump: events, then bytes out, then the timer. A pump moves at
 * most FH_CARRIER_TURN bytes; what is left waits for the loop's next turn, so that one connection
 * cannot starve the others.
 */
#ifndef FH_SESSION_CARRIER_H
#define FH_SESSION_CARRIER_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include <farhand/stream.h>

enum { FH_CARRIER_TURN = 128 << 10 /* bytes out in one turn of the loop */ };

struct fh__carrier;

/* The calls of a core, and of the adapter. conn: the core. */
struct fh__carrier_ops {
    uint8_t *(*in)(void *conn, size_t *room);
    int (*in_done)(void *conn, uint64_t now_ms, size_t used);
    int (*in_end)(void *conn, uint64_t now_ms);
    const uint8_t *(*out)(void *conn, uint64_t now_ms, size_t *len);
    void (*out_done)(void *conn, size_t sent);
    uint64_t (*deadline)(const void *conn);
    int (*tick)(void *conn, uint64_t now_ms);
    bool (*is_finished)(const void *conn);
    /* Tells the application all events. May call fh__carrier_close(). */
    void (*events)(struct fh__carrier *c);
    /* A pump is done; sent: bytes went out. May be NULL. */
    void (*pumped)(struct fh__carrier *c, bool sent);
    /* All is closed: *c may be freed. */
    void (*gone)(struct fh__carrier *c);
};

struct fh__carrier {
    const struct fh__carrier_ops *ops;
    void *conn;
    uv_loop_t *loop;
    struct fh_stream *stream;
    uv_timer_t timer;
    uv_idle_t soon;
    unsigned open; /* handles, and the stream */
    bool is_attached, is_pumping;
    bool is_stopped; /* reading waits for room in the core */
    bool is_full;    /* writing waits for room in the stream */
    bool is_broken;  /* the stream is */
    bool is_closing;
    void (*cancel)(struct fh__carrier *c); /* of who has taken the stream; NULL: nobody has */
    int error; /* how the stream ended: FH_TRANSPORT_E_*, 0: not, or in order */
};

/* The stream is taken. Nothing happens before the loop's next turn. */
void fh__carrier_init(struct fh__carrier *c, const struct fh__carrier_ops *ops, void *conn,
                      uv_loop_t *loop, struct fh_stream *stream);
/* Begins to read. */
void fh__carrier_attach(struct fh__carrier *c);
/* Another stream in place of the one before, which is the caller's now. Not after _attach(). */
struct fh_stream *fh__carrier_exchange(struct fh__carrier *c, struct fh_stream *stream);
/*
 * Takes the stream away while the core waits, and gives another back, which it reads from then on;
 * NULL: there is none, which is its end. Between the two *c lives, and closing calls cancel(),
 * after which it is still given back to. The core takes no bytes meanwhile.
 */
struct fh_stream *fh__carrier_take(struct fh__carrier *c, void (*cancel)(struct fh__carrier *c));
void fh__carrier_give(struct fh__carrier *c, struct fh_stream *stream);
/* Bytes that were read from the stream before; they fit. Then _attach(). */
void fh__carrier_feed(struct fh__carrier *c, const uint8_t *data, size_t len);
/* The core was changed: pump in the loop's next turn. */
void fh__carrier_soon(struct fh__carrier *c);
/* Asynchronous, ends in gone(). Once. What was written is still sent where the stream can. */
void fh__carrier_close(struct fh__carrier *c);

#endif
