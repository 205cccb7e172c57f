/* SPDX-License-Identifier: MIT */
/*
 * ip_filter.h -- which addresses may connect: an ordered list of rules, the first match wins.
 *
 *     + 192.168.0.0/16              may try
 *     + 2001:db8::/32 view-only     may try, and is never granted more than this
 *     ? 10.0.0.0/8                  the person at the desktop is asked
 *     ? cloud                       whoever comes through a cloud
 *     + cloud:ABCDE-FGHJK-MNPQR-STVWX   who has this address there
 *     - *                           is closed before a byte is answered
 *
 * A rule is a sign, an address or a network of IPv4 or IPv6 (or "*", every address, or "unix",
 * sockets of this machine), and permissions as in permissions.h. IPv4-mapped IPv6 counts as IPv4.
 * Who comes through a cloud is judged by its address there, which it proved, and not by that of a
 * stream, which may be a relay's: by rules of "cloud", and "*". A list without rules lets everyone
 * try; one with rules refuses whom none of them names.
 */
#ifndef FH_IP_FILTER_H
#define FH_IP_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include <farhand/permissions.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FH_IP_FILTER_MAX = 1024 /* rules */ };

enum fh_ip_verdict { FH_IP_DENY, FH_IP_ALLOW, FH_IP_ASK };

struct fh_ip_filter;

struct fh_ip_filter *fh_ip_filter_new(void); /* NULL: out of memory */
void fh_ip_filter_free(struct fh_ip_filter *f);
/*
 * Adds a rule at the end. FH_SESSION_E_FORMAT and *expected (static text), FH_SESSION_E_LIMIT,
 * FH_SESSION_E_NOMEM: nothing was added.
 */
int fh_ip_filter_add(struct fh_ip_filter *f, const char *rule, const char **expected);
size_t fh_ip_filter_count(const struct fh_ip_filter *f);
/*
 * ip: 4 or 16 bytes, or len 0 for a socket of this machine. *permissions: the most that may be
 * granted.
 */
enum fh_ip_verdict fh_ip_filter_check(const struct fh_ip_filter *f, const uint8_t *ip, size_t len,
                                      uint32_t *permissions);

/* cloud: the address in the cloud, as text in any form that people write it in. */
enum fh_ip_verdict fh_ip_filter_check_cloud(const struct fh_ip_filter *f, const char *cloud,
                                            uint32_t *permissions);

#ifdef __cplusplus
}
#endif

#endif
