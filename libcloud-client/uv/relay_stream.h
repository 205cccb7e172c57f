/* SPDX-License-Identifier: MIT */
/*
 * relay_stream.h -- one side of a relay's pair as a stream: its ticket before, its answer taken
 * off. Never installed.
 *
 *     fh__relay_stream_new()      over TLS with the relay; sends the ticket
 *     paired()                    both are there, or why not
 *     fh__relay_stream_stream()   what is given away then
 *     fh__relay_stream_orphan()   nobody is told any more
 *     fh__relay_stream_drop()     closes one that was not given away
 */
#ifndef FH_RELAY_STREAM_H
#define FH_RELAY_STREAM_H

#include <stdbool.h>

#include <uv.h>

#include <farhand/stream.h>

struct fh__relay_stream;

struct fh__relay_events {
    /* Once. status: what the relay answered; -1: it ended without an answer. */
    void (*paired)(void *user, int status);
    /*
     * Once, after paired() with 0: it has ended. by_owner: because whoever it was given to closed
     * it; then this may come from inside his call.
     */
    void (*gone)(void *user, bool by_owner);
};

/* below: taken, also on error. ev: lent until gone() or _orphan(). NULL: no memory. */
struct fh__relay_stream *fh__relay_stream_new(uv_loop_t *loop, struct fh_stream *below,
                                              const uint8_t *ticket, size_t len,
                                              const struct fh__relay_events *ev, void *user);
struct fh_stream *fh__relay_stream_stream(struct fh__relay_stream *r);
void fh__relay_stream_orphan(struct fh__relay_stream *r);
void fh__relay_stream_drop(struct fh__relay_stream *r);

#endif
