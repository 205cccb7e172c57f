/* SPDX-License-Identifier: MIT */
/*
 * pipe.h -- two streams connected in memory, for tests and examples. No loop, no clock.
 *
 *     fh_pipe_new()      make the pair
 *     fh_pipe_end()      one of its two streams; attach, write, close it as any other
 *     fh_pipe_run()      deliver everything, until nothing moves any more
 *     fh_pipe_step()     deliver a little: byte by byte, for instance
 *     fh_pipe_free()
 *
 * Events are called from fh_pipe_run() and fh_pipe_step() only, in an order that depends on the
 * calls and on nothing else.
 *
 * Time is counted in trips. All bytes that were written when a trip begins cross together, those of
 * both directions; what is written because of them waits for the next trip. So an exchange takes
 * fh_pipe_trips() / 2 round trips, as it would on a wire whose delay is all that counts.
 *
 * A man in the middle can be played: fh_pipe_config.meddle sees and alters what crosses,
 * fh_pipe_inject() adds to it, fh_pipe_cut() cuts the wire.
 *
 * Not done here: loss and delay; a stream has neither. One thread at a time.
 */
#ifndef FH_PIPE_H
#define FH_PIPE_H

#include <farhand/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_pipe;

/*
 * Stands between the ends. from: the end (0 or 1) that sent. in, len: what it sent, borrowed; may
 * be any part of what was written at once. out, room: where to put what the other end shall get;
 * room is at least 2 * len. Returns how much that is, 0 to room. Must not call any fh_pipe_
 * function.
 */
typedef size_t (*fh_pipe_meddle_fn)(void *user, int from, const uint8_t *in, size_t len,
                                    uint8_t *out, size_t room);

struct fh_pipe_config {
    size_t buffer_len; /* bytes, 1 to 256 MiB, for each direction and each side; 0 = 64 KiB */
    fh_pipe_meddle_fn meddle; /* NULL: nobody listens */
    void *user;               /* given to meddle */
};

/* cfg: borrowed; NULL for the defaults. Returns NULL if memory is short or cfg out of range. */
struct fh_pipe *fh_pipe_new(const struct fh_pipe_config *cfg);

/*
 * Frees both streams too, whether they were closed or not, and without calling anybody.
 * NULL is fine. Not from inside an event.
 */
void fh_pipe_free(struct fh_pipe *p);

/* In the caller's memory, aligned as malloc aligns; size 0 and NULL if cfg is out of range. */
size_t fh_pipe_size(const struct fh_pipe_config *cfg);
struct fh_pipe *fh_pipe_init(void *mem, size_t len, const struct fh_pipe_config *cfg);

/*
 * The stream at end 0 or 1; lent: until closed() was called for it, at the latest fh_pipe_free().
 * An end closed after a shutdown still delivers what it wrote. One closed without, but with
 * everything read and nothing left unsent ends the other with 0, otherwise with
 * FH_TRANSPORT_E_RESET, as TCP does.
 */
struct fh_stream *fh_pipe_end(struct fh_pipe *p, int end);

/* Deliver until nothing moves. Returns the number of bytes that arrived. Not from inside an event.
 */
uint64_t fh_pipe_run(struct fh_pipe *p);

/*
 * Let at most max_bytes (>= 1) of one direction cross and give them to their reader; events that
 * are due come first. Returns 1 if bytes crossed, 0 if nothing can move and every event was called.
 * Not from inside an event.
 */
int fh_pipe_step(struct fh_pipe *p, size_t max_bytes);

/* One-way trips so far in which anything crossed; two are a round trip. */
uint64_t fh_pipe_trips(const struct fh_pipe *p);

/* Of those, the ones in which end `from` (0 or 1) sent something. */
uint64_t fh_pipe_flights(const struct fh_pipe *p, int from);

/*
 * Put bytes into the wire as if end `from` had sent them, before what it has written and is not
 * delivered yet; meddle does not see them. Returns how many there was room for.
 */
size_t fh_pipe_inject(struct fh_pipe *p, int from, const uint8_t *data, size_t len);

/* Cut the wire: what is on it is lost, both ends hear of it with FH_TRANSPORT_E_RESET. */
void fh_pipe_cut(struct fh_pipe *p);

#ifdef __cplusplus
}
#endif

#endif
