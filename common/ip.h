/* SPDX-License-Identifier: MIT */
/*
 * ip.h -- IP addresses as text, strictly (RFC 4291 2.2 and dotted quads of four). Private and
 * header-only.
 *
 * ip4_next(), ip6_next(): like utf8_next(), how many characters of p belong to an address, 0 if
 * there is none. ip4_write(), ip6_write(): the text of an address, as RFC 5952 asks.
 */
#ifndef FH_COMMON_IP_H
#define FH_COMMON_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The text that is left to read. */
struct ip_scan {
    const char *p;
    size_t left;
};

static inline bool ip_take(struct ip_scan *s, char c)
{
    if (s->left == 0 || *s->p != c)
        return false;
    s->p++;
    s->left--;
    return true;
}

static inline int ip_digit(char c, int base)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (base == 16 && c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (base == 16 && c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One to max digits and no digit after them; how many, 0 if it is not so. */
static inline size_t ip_take_number(struct ip_scan *s, int base, size_t max, uint32_t *out)
{
    size_t n = 0;
    uint32_t v = 0;

    while (n < s->left && n <= max && ip_digit(s->p[n], base) >= 0) {
        v = v * (uint32_t)base + (uint32_t)ip_digit(s->p[n], base);
        n++;
    }
    if (n == 0 || n > max)
        return 0;
    s->p += n;
    s->left -= n;
    *out = v;
    return n;
}

/* Exactly four decimal numbers: forms such as 127.1 or 0177.0.0.1 mean different things to others.
 */
static inline bool ip_take_v4(struct ip_scan *s, uint8_t out[4])
{
    for (size_t i = 0; i < 4; i++) {
        const char *start;
        uint32_t v;
        size_t n;

        if (i > 0 && !ip_take(s, '.'))
            return false;
        start = s->p;
        n = ip_take_number(s, 10, 3, &v);
        if (n == 0 || v > 255 || (n > 1 && *start == '0'))
            return false;
        out[i] = (uint8_t)v;
    }
    return true;
}

/* The groups on one side of "::"; *n counts bytes. Ends before "::" or at what is no group. */
static inline bool ip_take_groups(struct ip_scan *s, uint8_t *out, size_t *n)
{
    *n = 0;
    while (s->left > 0 && ip_digit(*s->p, 16) >= 0) {
        struct ip_scan at = *s;
        uint32_t v;

        if (*n <= 12 && ip_take_v4(&at, out + *n) && (at.left == 0 || *at.p == '%')) {
            *s = at;
            *n += 4;
            return true;
        }
        if (*n > 14 || ip_take_number(s, 16, 4, &v) == 0)
            return false;
        out[(*n)++] = (uint8_t)(v >> 8);
        out[(*n)++] = (uint8_t)v;
        if (s->left >= 2 && s->p[0] == ':' && s->p[1] == ':')
            return true;
        if (!ip_take(s, ':'))
            return true;
        if (s->left == 0 || ip_digit(*s->p, 16) < 0)
            return false;
    }
    return true;
}

/* RFC 4291 2.2. */
static inline bool ip_take_v6(struct ip_scan *s, uint8_t out[16])
{
    uint8_t head[16], tail[16];
    size_t heads, tails;

    if (!ip_take_groups(s, head, &heads))
        return false;
    if (s->left < 2 || s->p[0] != ':' || s->p[1] != ':') {
        memcpy(out, head, heads);
        return heads == 16;
    }
    s->p += 2;
    s->left -= 2;
    if (!ip_take_groups(s, tail, &tails) || heads + tails > 14)
        return false;
    memset(out, 0, 16);
    memcpy(out, head, heads);
    memcpy(out + 16 - tails, tail, tails);
    return true;
}

static inline size_t ip4_next(const char *p, size_t len, uint8_t out[4])
{
    struct ip_scan s = {.p = p, .left = len};

    return ip_take_v4(&s, out) ? len - s.left : 0;
}

static inline size_t ip6_next(const char *p, size_t len, uint8_t out[16])
{
    struct ip_scan s = {.p = p, .left = len};

    return ip_take_v6(&s, out) ? len - s.left : 0;
}

enum { IP_TEXT = 40 }; /* room for the longest text, zero byte included */

static inline char *ip_put(char *out, uint32_t v, uint32_t base)
{
    char digits[10];
    size_t n = 0;

    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v != 0);
    while (n > 0)
        *out++ = digits[--n];
    *out = '\0';
    return out;
}

/* Both write IP_TEXT bytes at most and return where the zero byte stands. */
static inline char *ip4_write(const uint8_t ip[4], char *out)
{
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            *out++ = '.';
        out = ip_put(out, ip[i], 10);
    }
    return out;
}

/* RFC 5952 4.2: the longest run of at least two zero groups, the first of equals. */
static inline size_t ip6_zeros(const uint16_t g[8], size_t *start)
{
    size_t best = 1, run = 0;

    *start = 8;
    for (size_t i = 0; i < 8; i++) {
        run = g[i] == 0 ? run + 1 : 0;
        if (run > best) {
            best = run;
            *start = i + 1 - run;
        }
    }
    return *start == 8 ? 0 : best;
}

static inline char *ip6_write(const uint8_t ip[16], char *out)
{
    uint16_t g[8];
    size_t start, run;

    for (size_t i = 0; i < 8; i++)
        g[i] = (uint16_t)(ip[2 * i] << 8 | ip[2 * i + 1]);
    run = ip6_zeros(g, &start);
    for (size_t i = 0; i < 8; i++) {
        if (i == start) {
            *out++ = ':';
            *out++ = ':';
            *out = '\0';
            i += run - 1;
            continue;
        }
        if (i > 0 && i != start + run)
            *out++ = ':';
        out = ip_put(out, g[i], 16);
    }
    return out;
}

#endif
