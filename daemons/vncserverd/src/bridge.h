/* SPDX-License-Identifier: MIT */
/*
 * bridge.h -- two streams, of which each gets what comes on the other: bytes, ends and, if one
 * breaks, that. It keeps nothing itself: who does not read makes the other wait.
 */
#ifndef FH__BRIDGE_H
#define FH__BRIDGE_H

#include <farhand/stream.h>

/*
 * Takes both streams, also on error. closed: both are closed, and what is returned is no more;
 * called from the loop, once. NULL: no memory, and closed is not called.
 */
struct fh__bridge *fh__bridge_new(struct fh_stream *a, struct fh_stream *b,
                                  void (*closed)(void *user), void *user);
/* Lets go of both, politely if neither broke. ASYNCHRONOUS. Twice is fine. */
void fh__bridge_close(struct fh__bridge *b);

#endif
