/* SPDX-License-Identifier: MIT */
/*
 * blacklist.h -- who failed to authenticate too often, and for how long he may not try.
 *
 *     fh_blacklist_wait()        may it connect at all? before a byte is answered
 *     fh_blacklist_begin()       an attempt begins, and counts as failed
 *     fh_blacklist_succeeded()   it did not fail: what was counted is forgotten
 *
 * Failures are counted for the address (IPv6 for its /64, and with more patience for its /56 and
 * /48), for the user name, and for the peer's identity, which is all there is to a connection
 * without an address of its own. Because an attempt counts when it begins, attempts at the same
 * time do not outrun the counter. At the threshold the key is listed; after that time one failure
 * lists it again for twice as long. Asking while listed changes nothing. An hour without failures
 * forgets.
 *
 * A name is listed for five minutes at the most, and never for an address from which it got in
 * before: strangers who know a name can delay its owner elsewhere, but cannot lock him out.
 *
 * The tables are of fixed size; when one is full the least dangerous entry makes room. A core: time
 * comes in, and goes into the text as UTC so that it survives a restart.
 */
#ifndef FH_BLACKLIST_H
#define FH_BLACKLIST_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/session_error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FH_BLACKLIST_FILE_MAX = 1 << 20 /* bytes */ };

struct fh_blacklist_config {
    unsigned threshold; /* failures; 0: 5; at most 1000 */
    unsigned
        timeout_s; /* of the first listing, doubled by each that follows; 0: 10; at most a day */
    unsigned max_timeout_s; /* 0: one day */
};

/* Whose attempt it is. What is not known is NULL or 0. All borrowed. */
struct fh_blacklist_who {
    const uint8_t *ip;          /* 4 or 16 bytes */
    size_t ip_len;              /* 0: a socket of this machine */
    const uint8_t *fingerprint; /* 32 bytes, of the peer's identity */
    const char *user;
};

struct fh_blacklist;

/* NULL: out of memory, or a value outside its range. */
struct fh_blacklist *fh_blacklist_new(const struct fh_blacklist_config *cfg);
/* Other limits from now on; who waits goes on waiting. FH_SESSION_E_INVAL: nothing changed. */
int fh_blacklist_configure(struct fh_blacklist *b, const struct fh_blacklist_config *cfg);
void fh_blacklist_free(struct fh_blacklist *b);

/* Milliseconds until it may try, 0: now. Changes nothing. */
uint64_t fh_blacklist_wait(const struct fh_blacklist *b, uint64_t now_ms,
                           const struct fh_blacklist_who *who);
/*
 * Counts a failure for all that is known of who, or FH_SESSION_E_BUSY and *wait_ms, and counts
 * nothing. Each that returned 0 and did not fail is followed by _succeeded().
 */
int fh_blacklist_begin(struct fh_blacklist *b, uint64_t now_ms, const struct fh_blacklist_who *who,
                       uint64_t *wait_ms);
void fh_blacklist_succeeded(struct fh_blacklist *b, uint64_t now_ms,
                            const struct fh_blacklist_who *who);
/* An operator forgives: what is known of who is forgotten. How many entries there were. */
unsigned fh_blacklist_forgive(struct fh_blacklist *b, const struct fh_blacklist_who *who);
/* How many are listed now. */
unsigned fh_blacklist_count(const struct fh_blacklist *b, uint64_t now_ms);

/*
 * The content as text, freed by the caller with free(); NULL: out of memory. utc_s: seconds since
 * 1970 at now_ms. Addresses stand in it in hexadecimal, names as hashes.
 */
char *fh_blacklist_text(const struct fh_blacklist *b, uint64_t now_ms, int64_t utc_s, size_t *len);
/*
 * Adds what a text says to an empty list. FH_SESSION_E_FORMAT sets *line and leaves the list empty.
 * Times are held within their limits whatever the clock did meanwhile.
 */
int fh_blacklist_parse(struct fh_blacklist *b, uint64_t now_ms, int64_t utc_s, const char *text,
                       size_t len, unsigned *line);

#ifdef __cplusplus
}
#endif

#endif
