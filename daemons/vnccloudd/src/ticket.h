/* SPDX-License-Identifier: MIT */
/*
 * ticket.h -- what lets a client use the relay, once: made by the broker, checked by the relay,
 * with one key between them and nothing else in common.
 *
 *     fh__ticket_make()
 *     fh__ticket_check()     is it one of ours, and still good?
 *     fh__tickets_use()      was it used before? From now on it was
 *
 * Times are UTC in milliseconds since 1970. docs/protocol.md, "The relay".
 */
#ifndef FH__TICKET_H
#define FH__TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FH__TICKET_KEY_LEN = 32,
    /* u8 1 | u8 side | conn[16] | account[16] | u64 expires | u32 kbit/s | u64 bytes | tag[32] */
    FH__TICKET_LEN = 86,
    FH__TICKET_LIFE_MS = 60000
};

enum fh__ticket_side { FH__TICKET_VIEWER = 0, FH__TICKET_SERVER = 1 };

/* What the relay answers: these numbers go over the wire. */
enum fh__relay_status {
    FH__RELAY_PAIRED = 0,
    FH__RELAY_EXPIRED = 1,
    FH__RELAY_USED = 2,
    FH__RELAY_BAD = 3,
    FH__RELAY_BUSY = 4,
    FH__RELAY_ALONE = 5, /* the other one never came */
    FH__RELAY_QUOTA = 6,
    FH__RELAY_STATUSES
};

struct fh__ticket {
    uint8_t side;
    uint8_t conn[16];
    uint8_t account[16];
    uint64_t expires_ms; /* at most FH__TICKET_LIFE_MS from now */
    uint32_t kbit;       /* most kbit/s in each direction; 0: no limit */
    uint64_t bytes;      /* most that its account may still relay; 0: no limit */
};

void fh__ticket_make(const uint8_t key[static FH__TICKET_KEY_LEN], const struct fh__ticket *t,
                     uint8_t out[static FH__TICKET_LEN]);
/* Returns 0 with out filled, FH__RELAY_BAD or FH__RELAY_EXPIRED with out untouched. */
int fh__ticket_check(const uint8_t key[static FH__TICKET_KEY_LEN], const void *data, size_t len,
                     uint64_t now_ms, struct fh__ticket *out);

/*
 * The tickets that were used and are not expired yet. Two tables that take turns, one for each
 * minute in which tickets expire: nothing is ever removed but a whole table at a time.
 */
struct fh__tickets;

/* cap: how many tickets may be used in a minute; 48 bytes each. NULL: no memory. */
struct fh__tickets *fh__tickets_new(size_t cap);
void fh__tickets_free(struct fh__tickets *t);
/*
 * data: a ticket that fh__ticket_check() took. Returns 0: it was not used before, and now is;
 * FH__RELAY_USED; FH__RELAY_BUSY: more than cap, this one may come again; FH__RELAY_EXPIRED: the
 * clock was set back, and nobody knows any more whether it was used.
 */
int fh__tickets_use(struct fh__tickets *t, const uint8_t data[static FH__TICKET_LEN],
                    uint64_t expires_ms);

#endif
