/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "text.h"

/* The bytes of the character at p, at most left, and its code point; 0 when it is not UTF-8. */
static size_t utf8_char(const uint8_t *p, size_t left, uint32_t *out_cp)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80             ? 1
               : (p[0] & 0xe0) == 0xc0 ? 2
               : (p[0] & 0xf0) == 0xe0 ? 3
               : (p[0] & 0xf8) == 0xf0 ? 4
                                       : 0;
    uint32_t cp = n == 1 ? p[0] : n == 2 ? p[0] & 0x1f : n == 3 ? p[0] & 0x0f : p[0] & 0x07;

    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        cp = cp << 6 | (p[i] & 0x3f);
    }
    if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        return 0;
    *out_cp = cp;
    return n;
}

bool fh__utf8_is_valid(const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    uint32_t cp;
    size_t n;

    for (; len != 0; p += n, len -= n)
        if ((n = utf8_char(p, len, &cp)) == 0)
            return false;
    return true;
}

static size_t put_latin1(uint8_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = (char)(0xc0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
}

size_t fh__latin1_to_utf8(const uint8_t *in, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        if (in[i] != 0)
            n += put_latin1(in[i], out + n);
    return n;
}

size_t fh__utf8_to_latin1(const char *in, size_t len, uint8_t *out)
{
    const uint8_t *p = (const uint8_t *)in;
    size_t n, written = 0;
    uint32_t cp = 0;

    for (; len != 0; p += n, len -= n) {
        if ((n = utf8_char(p, len, &cp)) == 0) {
            n = 1;
            cp = '?';
        }
        out[written++] = cp < 0x100 ? (uint8_t)cp : '?';
    }
    return written;
}

static bool is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
}

size_t fh__clean_name(const char *in, size_t len, char *out, size_t cap)
{
    const uint8_t *p = (const uint8_t *)in;
    size_t n, n_out, written = 0;
    uint32_t cp = 0;
    char c[4];

    for (; len != 0; p += n, len -= n) {
        n = n_out = utf8_char(p, len, &cp);
        if (n == 0) {
            n = 1;
            cp = p[0];
            n_out = put_latin1(p[0], c);
        } else {
            memcpy(c, p, n);
        }
        if (is_control(cp)) {
            c[0] = '?';
            n_out = 1;
        }
        if (n_out >= cap - written)
            break;
        memcpy(out + written, c, n_out);
        written += n_out;
    }
    out[written] = '\0';
    return written;
}
