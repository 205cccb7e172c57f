/* SPDX-License-Identifier: MIT */
/* utf8.h -- one character of UTF-8 at a time, strictly (RFC 3629). Private and header-only. */
#ifndef FH_COMMON_UTF8_H
#define FH_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The character at p, of at most len bytes. Returns how many bytes it takes and sets *out; 0 if
 * there is no well-formed one (overlong forms, surrogates and values above U+10FFFF are not).
 */
static inline size_t utf8_next(const char *p, size_t len, uint32_t *out)
{
    const uint8_t *b = (const uint8_t *)p;
    size_t n;
    uint32_t c, least;

    if (len == 0)
        return 0;
    if (b[0] < 0x80) {
        *out = b[0];
        return 1;
    }
    if (b[0] >= 0xc2 && b[0] <= 0xdf) {
        n = 2, c = b[0] & 0x1fu, least = 0x80;
    } else if ((b[0] & 0xf0) == 0xe0) {
        n = 3, c = b[0] & 0x0fu, least = 0x800;
    } else if (b[0] >= 0xf0 && b[0] <= 0xf4) {
        n = 4, c = b[0] & 0x07u, least = 0x10000;
    } else {
        return 0;
    }
    if (len < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (b[i] & 0x3fu);
    }
    if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return n;
}

/* C0, DEL, C1: what may move a terminal's cursor or start an escape sequence. */
static inline bool utf8_is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

/* What may reorder or hide its neighbours on a screen (UAX 9), and the line separators. */
static inline bool utf8_is_deceptive(uint32_t c)
{
    return c == 0x061c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

#endif
