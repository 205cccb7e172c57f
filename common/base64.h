/* SPDX-License-Identifier: MIT */
/* base64.h -- base64 with padding, strictly (RFC 4648 section 4). Private and header-only. */
#ifndef FH_COMMON_BASE64_H
#define FH_COMMON_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BASE64_LEN(n) (((n) + 2) / 3 * 4) /* characters for n bytes, without NUL */

/* Writes BASE64_LEN(len) characters and NUL. */
static inline void base64_write(const uint8_t *data, size_t len, char *out)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (; len >= 3; data += 3, len -= 3) {
        *out++ = set[data[0] >> 2];
        *out++ = set[(data[0] & 3) << 4 | data[1] >> 4];
        *out++ = set[(data[1] & 15) << 2 | data[2] >> 6];
        *out++ = set[data[2] & 63];
    }
    if (len != 0) {
        uint8_t last = len == 2 ? data[1] : 0;

        *out++ = set[data[0] >> 2];
        *out++ = set[(data[0] & 3) << 4 | last >> 4];
        *out++ = len == 2 ? set[(last & 15) << 2] : '=';
        *out++ = '=';
    }
    *out = '\0';
}

static inline int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/*
 * Reads text_len characters into out. Returns the number of bytes, or -1 if they do not fit or are
 * not the one encoding of anything.
 */
static inline int base64_read(const char *text, size_t text_len, uint8_t *out, size_t room)
{
    size_t n = 0, pad = 0;

    if (text_len % 4 != 0)
        return -1;
    while (pad < 2 && pad < text_len && text[text_len - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; i < text_len; i += 4) {
        uint32_t v = 0;
        size_t skip = i + 4 == text_len ? pad : 0;

        for (size_t j = 0; j < 4; j++) {
            int digit = j + skip >= 4 ? 0 : base64_value(text[i + j]);

            if (digit < 0)
                return -1;
            v = v << 6 | (uint32_t)digit;
        }
        if ((skip == 1 && (v & 0xff) != 0) || (skip == 2 && (v & 0xffff) != 0))
            return -1;
        for (size_t j = 0; j + skip < 3; j++) {
            if (n == room)
                return -1;
            out[n++] = (uint8_t)(v >> (16 - 8 * j));
        }
    }
    return (int)n;
}

#endif
