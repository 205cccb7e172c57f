/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <string.h>

/* The bytes of the character at p, 0 if it is not well-formed UTF-8 (RFC 3629). */
static size_t utf8_length(const uint8_t *p, size_t left, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c = n == 1 ? p[0] : n == 2 ? p[0] & 0x1fu : n == 3 ? p[0] & 0x0fu : p[0] & 0x07u;

    if (n == 0 || n > left || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *out = c;
    return n;
}

/* Characters that move the cursor, change the direction of what follows, or mean nothing. */
static bool is_clean(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return false;
    if (c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e))
        return false;
    return !(c >= 0x2066 && c <= 0x2069) && (c & 0xfffe) != 0xfffe;
}

bool fh__text_is_clean(const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    uint32_t c;

    while (len > 0) {
        size_t n = utf8_length(p, len, &c);

        if (n == 0 || !is_clean(c))
            return false;
        p += n;
        len -= n;
    }
    return true;
}

void fh__text_escape(const void *text, size_t len, char *out, size_t room)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *p = text;
    size_t at = 0;
    uint32_t c;

    while (len > 0) {
        size_t n = utf8_length(p, len, &c);
        bool plain = n != 0 && is_clean(c) && c != '\\';
        size_t take = n == 0 ? 1 : n, need = plain ? n : take * 4;

        if (need >= room - at)
            break;
        if (plain)
            memcpy(out + at, p, n);
        for (size_t i = 0; !plain && i < take; i++) {
            const char code[4] = {'\\', 'x', hex[p[i] >> 4], hex[p[i] & 15]};

            memcpy(out + at + 4 * i, code, sizeof code);
        }
        at += need;
        p += take;
        len -= take;
    }
    out[at] = '\0';
}

void fh__text_copy(const char *text, char *out, size_t room)
{
    size_t len = text ? strlen(text) : 0;

    if (len >= room) {
        len = room - 1;
        while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)
            len--;
    }
    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0';
}
