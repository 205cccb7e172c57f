/* SPDX-License-Identifier: MIT */
/*
 * relay.h -- pairs two streams by their tickets and copies between them.
 *
 *     fh__relay_new()
 *     fh__relay_accept()      somebody came: an fh__acceptor of front.h
 *     fh__relay_drain()       nobody else may begin; who is paired goes on
 *     fh__relay_close()       asynchronous
 *     fh__relay_count()       for metrics
 *
 * A client says `u8 1 | u8 len | ticket` and goes on at once with its own bytes. It is answered
 * with one byte, enum fh__relay_status; after FH__RELAY_PAIRED follow the other's bytes, after any
 * other the end. The ends of both sides pass through: a side that is ended politely is ended there,
 * one that broke breaks the other, so that what was cut is never taken for a whole.
 *
 * The relay has no buffers of its own. What one stream has read it gives to the other at once, and
 * what the other has no room for stays where it was read: memory is that of the two streams,
 * whatever the peers do, and the slower of them sets the pace. It knows no key of what it copies.
 *
 * One thread, that of the loop.
 */
#ifndef FH__RELAY_H
#define FH__RELAY_H

#include <uv.h>

#include <farhand/stream.h>

#include "ticket.h"

struct fh__relay;

/* Zero is the default that stands there. */
struct fh__relay_config {
    uint8_t key[FH__TICKET_KEY_LEN]; /* shared with who makes the tickets */
    uint32_t hello_ms;               /* longest wait for the ticket; 10000 */
    uint32_t wait_ms;                /* ... and for the other one; 30000 */
    uint32_t idle_ms; /* a pair that says nothing for so long ends, before twice as long; 600000 */
    uint32_t max_unproven;      /* connections that showed no ticket yet; 1024 */
    uint32_t max_waiting;       /* ... that showed one and are alone; 4096 */
    uint32_t max_pairs;         /* 16384 */
    uint32_t max_account_pairs; /* of one account; 256 */
    uint32_t max_tickets;       /* used in a minute; 65536 */
    uint32_t kbit;              /* most of each direction of each pair; 0: none but its ticket's */
    /*
     * An account relayed so many bytes more, both directions together: told when a pair ends and
     * once a minute meanwhile. NULL: nobody counts.
     */
    void (*usage)(void *user, const uint8_t account[static 16], uint64_t bytes);
    /* Milliseconds: never going back; UTC. NULL: the loop's, the system's. */
    uint64_t (*now)(void *user);
    uint64_t (*utc)(void *user);
    void *user;
};

/* NULL: no memory. cfg: copied. */
struct fh__relay *fh__relay_new(uv_loop_t *loop, const struct fh__relay_config *cfg);

/* user: the relay. s: taken. */
void fh__relay_accept(void *user, struct fh_stream *s, const struct fh_address *peer);

/* From now on who comes is told FH__RELAY_BUSY, and so is who waits. drained, which may be NULL, is
 * called once nobody is left, which may be at once. Only the first call counts. */
void fh__relay_drain(struct fh__relay *r, void (*drained)(void *user), void *user);

/* ASYNCHRONOUS. All connections are broken; then closed(user), and the relay is freed. */
void fh__relay_close(struct fh__relay *r, void (*closed)(void *user), void *user);

struct fh__relay_counters {
    uint32_t unproven, waiting, pairs;        /* now */
    uint64_t answers[FH__RELAY_STATUSES];     /* by enum fh__relay_status, since the start */
    uint64_t bytes;                           /* both directions of all */
    uint64_t ended, broken, idle, over_quota; /* pairs: politely, by an error, by a limit */
    uint64_t turned_away; /* without an answer: too many came, or they said nothing in time */
};

void fh__relay_count(const struct fh__relay *r, struct fh__relay_counters *out);

/* What the timers do; for tests. */
void fh__relay_tick(struct fh__relay *r);

#endif
