/* SPDX-License-Identifier: MIT */
/*
 * audit_limit.h -- how many lines of the audit strangers may cause.
 *
 * Who connects and is refused again and again would fill the disk, and bury what matters. So each
 * source (an address; IPv6 by /64) may cause `burst` lines of each event in a window, and all
 * sources together `total`; what is beyond is counted, and told by one line "suppressed" when the
 * window ends. Lines of sessions that were let in, and of what is decided here, are never held
 * back.
 *
 *     fh_audit_limit_pass()      before an event is written
 *     fh_audit_limit_summary()   when the deadline has come; repeat until false
 *
 * A fixed table: nobody can make it grow. No clock of its own, one thread.
 */
#ifndef FH_AUDIT_LIMIT_H
#define FH_AUDIT_LIMIT_H

#include <farhand/audit.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_audit_limit_config {
    unsigned burst;     /* lines of one event of one source in a window; 0: 20 */
    unsigned total;     /* of all sources and events in a window; 0: 1000 */
    unsigned window_ms; /* 0: 60000 */
};

struct fh_audit_limit;

struct fh_audit_limit *fh_audit_limit_new(const struct fh_audit_limit_config *cfg);
void fh_audit_limit_free(struct fh_audit_limit *l);

/* True: write it. False: it was counted. */
bool fh_audit_limit_pass(struct fh_audit_limit *l, uint64_t now_ms,
                         const struct fh_audit_event *ev);
/* True: *ev, lent until the next call, is the summary of a source whose window is over. */
bool fh_audit_limit_summary(struct fh_audit_limit *l, uint64_t now_ms, struct fh_audit_event *ev);
/* When to ask for it; UINT64_MAX: nothing was held back. */
uint64_t fh_audit_limit_deadline(const struct fh_audit_limit *l);

#ifdef __cplusplus
}
#endif

#endif
