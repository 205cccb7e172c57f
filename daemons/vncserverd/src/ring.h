/* SPDX-License-Identifier: MIT */
/*
 * ring.h -- memory in which one process leaves bytes for others, who copy them out or come too
 * late.
 *
 * A page that says how far writing has come, then FH__RING_BYTES that are used round and round.
 * Places are counted on from the ring's beginning and never used again, so that a place is also a
 * generation: what lies FH__RING_BYTES behind the end has been overwritten. The end moves before a
 * byte is written; who copies looks at it before and after.
 */
#ifndef FH__RING_H
#define FH__RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FH__RING_BYTES = 4 << 20 };

/* The end that writes, in a memfd, sealed so that nobody else can. */
struct fh__ring {
    uint8_t *map; /* NULL: there is none */
    int fd;
    uint64_t end;
};

int fh__ring_open(struct fh__ring *r);   /* -1: no memory */
void fh__ring_close(struct fh__ring *r); /* who has it mapped keeps what is in it; twice is fine */
/* Returns its place. len: 1 to FH__RING_BYTES. */
uint64_t fh__ring_put(struct fh__ring *r, const uint8_t *data, size_t len);

/* The end that reads. It trusts the other with the bytes, and not with where they are. */
struct fh__ring_view {
    const uint8_t *map; /* NULL: there is none */
};

/* In the place of what was mapped before; fd stays the caller's. -1: it is no ring. */
int fh__ring_map(struct fh__ring_view *v, int fd);
void fh__ring_unmap(struct fh__ring_view *v); /* twice is fine */
bool fh__ring_has(const struct fh__ring_view *v, uint64_t at, size_t len);
/* False: not there, or not any more, and out is anything. */
bool fh__ring_copy(const struct fh__ring_view *v, uint64_t at, size_t len, uint8_t *out);

#endif
