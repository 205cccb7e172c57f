/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <string.h>

#include "utf8.h"

static bool is_clean(uint32_t c)
{
    return !utf8_is_control(c) && !utf8_is_deceptive(c);
}

bool fh__session_text_is_utf8(const char *text, size_t len)
{
    uint32_t c;

    while (len > 0) {
        size_t n = utf8_next(text, len, &c);

        if (n == 0)
            return false;
        text += n;
        len -= n;
    }
    return true;
}

bool fh__session_text_is_clean(const char *text, size_t len)
{
    uint32_t c;

    while (len > 0) {
        size_t n = utf8_next(text, len, &c);

        if (n == 0 || !is_clean(c))
            return false;
        text += n;
        len -= n;
    }
    return true;
}

void fh__session_text_escape(const void *text, size_t len, char *out, size_t room)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *p = text;
    size_t at = 0;
    uint32_t c;

    while (len > 0) {
        size_t n = utf8_next((const char *)p, len, &c);
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

void fh__session_text_copy(const char *text, char *out, size_t room)
{
    size_t len = text ? strnlen(text, room - 1) : 0;

    if (text && text[len] != '\0')
        while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)
            len--;
    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0';
}
