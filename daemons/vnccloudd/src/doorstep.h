/* SPDX-License-Identifier: MIT */
/*
 * doorstep.h -- how many connections there are that have not said who they are: in all, and from
 * one place. They cost memory and have proved nothing.
 *
 *     fh__doorstep_enter()    one more, if there is room
 *     fh__doorstep_leave()
 *
 * Places are counted in a table of fixed size, by a hash with a secret key; two that meet there
 * share what one may have.
 */
#ifndef FH__DOORSTEP_H
#define FH__DOORSTEP_H

#include <stdbool.h>
#include <stdint.h>

#include "gcra.h"

enum {
    FH__DOORSTEP_PLACES = 16384,
    FH__DOORSTEP_KIB = 40 /* what a handshake takes, buffers and all */
};

struct fh__doorstep {
    uint32_t max, max_source; /* connections */
    uint32_t n;
    uint64_t refused, refused_source; /* since the start */
    uint8_t key[16];
    uint16_t places[FH__DOORSTEP_PLACES];
};

/* Where somebody stands; zeroed: nowhere. */
struct fh__standing {
    uint16_t place;
    bool stands;
};

void fh__doorstep_init(struct fh__doorstep *d, const uint8_t key[static 16]);
/* kib: what all of them may take. */
void fh__doorstep_configure(struct fh__doorstep *d, uint32_t max, uint32_t max_source,
                            uint32_t kib);
/* false: there is no room. */
bool fh__doorstep_enter(struct fh__doorstep *d, const struct fh__gcra_source *from,
                        struct fh__standing *out);
/* Twice is fine. */
void fh__doorstep_leave(struct fh__doorstep *d, struct fh__standing *s);

#endif
