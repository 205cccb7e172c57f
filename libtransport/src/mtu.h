/* SPDX-License-Identifier: MIT */
/*
 * mtu.h -- how large a datagram may be: RFC 8899, with padded probes that the peer acknowledges.
 *
 * Begins with 1200 bytes of UDP payload, which every path carries, and halves what is unknown
 * between the largest that arrived and the smallest that did not. Sizes are bytes of UDP payload,
 * times microseconds. Pure.
 */
#ifndef FH_TRANSPORT_MTU_H
#define FH_TRANSPORT_MTU_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MTU_BASE = 1200,
    MTU_LARGEST = 1472 /* Ethernet without the headers of IPv4 and UDP */
};

struct mtu {
    uint16_t size;   /* what may be sent */
    uint16_t max;    /* what was asked for */
    uint16_t limit;  /* nothing above is worth a try */
    uint16_t trying; /* size of the probe under way, 0: none */
    uint8_t id, tries;
    uint64_t due; /* when to probe (again); UINT64_MAX: not */
};

void fh__mtu_init(struct mtu *m, uint16_t max);

/* Search, from now on; also after the path became another one. */
void fh__mtu_start(struct mtu *m, uint64_t now);

/* Datagrams larger than the base vanish: back to it, and search again later. */
void fh__mtu_black_hole(struct mtu *m, uint64_t now);

static inline uint64_t fh__mtu_due(const struct mtu *m)
{
    return m->due;
}

/*
 * The time is due: the size of the probe to send with m->id, 0 if there is none after all. wait_us:
 * how long an answer may take.
 */
uint16_t fh__mtu_probe(struct mtu *m, uint64_t now, uint64_t wait_us);

/* A probe was acknowledged; true if that made m->size larger. */
bool fh__mtu_on_ack(struct mtu *m, uint64_t now, uint8_t id, uint16_t size);

#endif
