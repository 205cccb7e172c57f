/* SPDX-License-Identifier: MIT */
/* host.h -- what may stand as the name or IP address of a host. Private and header-only. */
#ifndef FH_CLOUD_HOST_H
#define FH_CLOUD_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "ip.h"

/*
 * A DNS name (letters, digits, '-', '_', '.', at most 253), an IPv4 address, or an IPv6 address
 * without brackets: never anything that a shell, a log or an URL reads otherwise.
 */
static inline bool fh__is_host(const char *p, size_t len)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    uint8_t ip[16];

    if (len == 0 || len > 253)
        return false;
    if (memchr(p, ':', len))
        return ip6_next(p, len, ip) == len;
    for (size_t i = 0; i < len; i++)
        if (p[i] == '\0' || !strchr(set, p[i]))
            return false;
    return p[0] != '.' && p[0] != '-';
}

#endif
