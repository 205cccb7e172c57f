/* SPDX-License-Identifier: MIT */
/*
 * stun.h -- tells who asks by UDP where he seems to come from (STUN Binding, RFC 8489).
 *
 *     fh__stun_open()
 *     fh__stun_count()
 *     fh__stun_close()     asynchronous
 *
 * Nothing else of STUN: no authentication, no TURN, no errors. Requests that cannot be answered are
 * not. An answer has one address in it and is at most 24 bytes longer than its request (what
 * RFC 8489 asks of it; 12 with IPv4), and so many go to one source as its limit says: nobody gains
 * by a forged source. It goes out from the address that was asked.
 */
#ifndef FH__STUN_H
#define FH__STUN_H

#include <uv.h>

#include <farhand/address.h>
#include <farhand/ice_address.h>

#include "gcra.h"

enum {
    FH__STUN_ANSWER_MAX = 52, /* header, XOR-MAPPED-ADDRESS of IPv6, FINGERPRINT */
    FH__STUN_SOCKETS = 16
};

struct fh__stun;

struct fh__stun_config {
    /* As fh_address_parse_listen() reads them, but unix and systemd. Borrowed during _open(). */
    const char *const *addresses;
    size_t addresses_len;
    /* Limits of a source and of its network; lent until it is closed. NULL: none. */
    struct fh__gcra *host, *network;
};

/*
 * On all addresses or on none. why: room bytes, gets a sentence when it fails.
 * Returns 0; -1.
 */
int fh__stun_open(uv_loop_t *loop, const struct fh__stun_config *cfg, struct fh__stun **out,
                  char *why, size_t room);
size_t fh__stun_sockets(const struct fh__stun *s);
/* What socket i is bound to. */
void fh__stun_address(const struct fh__stun *s, size_t i, struct fh_address *out);

struct fh__stun_counters {
    uint64_t received, answered;
    uint64_t limited; /* too many from there */
    uint64_t ignored; /* no request that can be answered */
    uint64_t unsent;  /* the kernel took no more */
};

void fh__stun_count(const struct fh__stun *s, struct fh__stun_counters *out);

/* ASYNCHRONOUS: freed just after closed(user), which may be NULL. */
void fh__stun_close(struct fh__stun *s, void (*closed)(void *user), void *user);

/* The answer to a datagram from this source; its length, or 0: none. */
size_t fh__stun_answer(const uint8_t *data, size_t len, const struct fh_ice_address *from,
                       uint8_t out[static FH__STUN_ANSWER_MAX]);

#endif
