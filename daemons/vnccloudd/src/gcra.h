/* SPDX-License-Identifier: MIT */
/*
 * gcra.h -- limits of rates: who may do something how often.
 *
 * The generic cell rate algorithm (ITU-T I.371) needs one time for each key: when it would have
 * earned all that it did. Keys lie in a table of fixed size, one place for each hash, so that the
 * limiter itself cannot be exhausted. The hash has a secret key: nobody picks whom he meets. Who
 * meets one that is close to its limit is counted with it, otherwise the newcomer has the place;
 * so a limit that is reached is not forgotten before its time.
 *
 *     fh__gcra_init(), _set_rate(), _finish()
 *     fh__gcra_take()     does it now, or must wait
 *     fh__gcra_peek()     whether it could
 *     fh__gcra_report()   what was refused, once in a while, for the log
 */
#ifndef FH__GCRA_H
#define FH__GCRA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/address.h>

enum {
    FH__GCRA_KEY = 16,         /* bytes of the secret */
    FH__GCRA_WINDOW_MS = 60000 /* at most one report in each */
};

struct fh__rate;

struct fh__gcra_slot {
    uint64_t due_us; /* when all is earned */
    uint32_t tag;    /* of the key that it belongs to */
};

struct fh__gcra {
    const char *name; /* for the log and for metrics */
    uint64_t interval_us, burst_us;
    size_t n; /* slots, a power of two */
    struct fh__gcra_slot *slots;
    uint8_t key[FH__GCRA_KEY];
    uint64_t taken, refused, collisions; /* since the start */
    uint64_t reported_ms, reported;      /* of refused */
};

struct fh__gcra_report {
    const char *name;
    uint64_t refused; /* since the last report */
};

/* name: borrowed for good. slots: rounded up to a power of two. -1: no memory. */
int fh__gcra_init(struct fh__gcra *g, const char *name, const struct fh__rate *rate, size_t slots,
                  const uint8_t key[FH__GCRA_KEY]);
/* Keeps what was counted. */
void fh__gcra_set_rate(struct fh__gcra *g, const struct fh__rate *rate);
void fh__gcra_finish(struct fh__gcra *g);

/*
 * key: any bytes. false: not now; *retry_ms, which may be NULL, is when it is worth another try.
 * Refused is not counted against the key.
 */
bool fh__gcra_take(struct fh__gcra *g, uint64_t now_ms, const void *key, size_t len,
                   uint32_t *retry_ms);
bool fh__gcra_peek(struct fh__gcra *g, uint64_t now_ms, const void *key, size_t len,
                   uint32_t *retry_ms);
/* How often it may still do so now; *reset_ms: when all is earned again. UINT32_MAX: any number. */
uint32_t fh__gcra_left(struct fh__gcra *g, uint64_t now_ms, const void *key, size_t len,
                       uint32_t *reset_ms);
/* How many slots are in use now; goes through all of them. */
size_t fh__gcra_occupied(const struct fh__gcra *g, uint64_t now_ms);
/* true: something was refused since the last time, which is a window ago. */
bool fh__gcra_report(struct fh__gcra *g, uint64_t now_ms, struct fh__gcra_report *out);

/*
 * Keys of an address: the host (IPv4) or its /64 (IPv6), and its /24 or /48. The user of a unix
 * socket is both.
 */
struct fh__gcra_source {
    uint8_t host[9], network[9];
};

void fh__gcra_source(const struct fh_address *a, struct fh__gcra_source *out);

#endif
