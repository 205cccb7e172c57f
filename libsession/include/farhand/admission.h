/* SPDX-License-Identifier: MIT */
/*
 * admission.h -- how many connections and signatures a server gives to whom, before it knows them.
 *
 * Fixed tables: an attacker cannot make them grow. IPv6 addresses count by /64.
 */
#ifndef FH_ADMISSION_H
#define FH_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <farhand/session_error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_admission_config {
    unsigned max_half_open;        /* connections not yet authenticated; 0: 32 */
    unsigned max_half_open_source; /* of one address; 0: 8 */
    unsigned max_sessions;         /* authenticated; 0: 64 */
    unsigned burst;                /* handshakes of one source at once; 0: 10 */
    unsigned refill_ms;            /* a source earns one more handshake in this time; 0: 500 */
};

struct fh_admission;

struct fh_admission *fh_admission_new(const struct fh_admission_config *cfg);
void fh_admission_free(struct fh_admission *a);

/* Another number of sessions from now on; 0: 64. Those that are there stay. */
void fh_admission_set_max_sessions(struct fh_admission *a, unsigned max_sessions);

/*
 * A connection arrived. addr: 4 or 16 bytes, or len 0 for a unix socket (not limited by source).
 * 0: count it until fh_admission_leave; FH_SESSION_E_BUSY: close it without a word.
 */
int fh_admission_enter(struct fh_admission *a, const uint8_t *addr, size_t len);
/* A ClientHello arrived: may we sign for this source? FH_SESSION_E_BUSY and *retry_s if not. */
int fh_admission_handshake(struct fh_admission *a, uint64_t now_ms, const uint8_t *addr, size_t len,
                           unsigned *retry_s);
/* It was authenticated: no longer half open. FH_SESSION_E_BUSY when there are max_sessions. */
int fh_admission_authenticated(struct fh_admission *a, const uint8_t *addr, size_t len);
/* It ended. authenticated: whether fh_admission_authenticated had returned 0 for it. */
void fh_admission_leave(struct fh_admission *a, const uint8_t *addr, size_t len,
                        bool authenticated);

#ifdef __cplusplus
}
#endif

#endif
