/* SPDX-License-Identifier: MIT */
/*
 * happy.h -- Happy Eyeballs version 2 (RFC 8305): which address to try, and when.
 *
 * No sockets, no clock, no memory of its own. Drive it with:
 *
 *     fh__happy_answer()    the answer of the AAAA or of the A query, each once
 *     fh__happy_next()      an attempt to start now; repeat until false
 *     fh__happy_failed()    an attempt failed
 *     fh__happy_tick()      how it stands; call it when the deadline passed and after each of these
 *     fh__happy_deadline()  when to call again
 *
 * An attempt that succeeds needs no call: the user is done with the object then.
 */
#ifndef FH_TRANSPORT_HAPPY_H
#define FH_TRANSPORT_HAPPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/address.h>

/* More addresses than that for one family of one host are ignored. */
enum { FH_HAPPY_MAX = 16 };

enum fh_happy_family { FH_HAPPY_IPV6, FH_HAPPY_IPV4 };

enum fh_happy_state { FH_HAPPY_GOING, FH_HAPPY_FAILED, FH_HAPPY_TIMED_OUT };

struct fh_happy_config {
    uint32_t resolution_delay_ms; /* section 3: wait so long for AAAA when A is there; 50 */
    uint32_t attempt_delay_ms;    /* section 5: between attempts; 250, at least 10 */
    uint32_t timeout_ms;          /* for the whole */
};

struct fh_happy {
    struct fh_happy_config cfg;
    struct {
        struct fh_address list[FH_HAPPY_MAX];
        size_t len, used;
        bool answered;
    } family[2];
    enum fh_happy_family turn; /* whose address comes next, if it has one */
    size_t attempts, failures;
    uint64_t next_ms; /* earliest time for the next attempt */
    uint64_t end_ms;
};

void fh__happy_init(struct fh_happy *h, uint64_t now_ms, const struct fh_happy_config *cfg);

/* list: copied, in the order of preference of RFC 6724; len 0: there is none. */
void fh__happy_answer(struct fh_happy *h, uint64_t now_ms, enum fh_happy_family family,
                      const struct fh_address *list, size_t len);

/* True: *out is to be tried now, and counts as an attempt. */
bool fh__happy_next(struct fh_happy *h, uint64_t now_ms, struct fh_address *out);

/* One of the attempts failed: the next address need not wait (section 5). */
void fh__happy_failed(struct fh_happy *h, uint64_t now_ms);

/* FAILED: every query was answered, every address tried, every attempt failed. */
enum fh_happy_state fh__happy_tick(const struct fh_happy *h, uint64_t now_ms);

/* Never earlier than it matters; at the latest the end of the whole. */
uint64_t fh__happy_deadline(const struct fh_happy *h);

#endif
