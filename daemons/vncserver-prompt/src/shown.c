/* SPDX-License-Identifier: MIT */
#include "shown.h"

#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "utf8.h"

enum { MARKS_MAX = 3 /* on one letter: what living languages need */ };

static const char replacement[] = "\xef\xbf\xbd", ellipsis[] = "\xe2\x80\xa6";

/* Nothing to see, or more than its place: no letter, mark, number, sign or plain space. */
static bool is_unfit(uint32_t c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return true;
    default:
        return utf8_is_control(c) || utf8_is_deceptive(c) || c == 0x115f || c == 0x1160 ||
               c == 0x3164 || c == 0xffa0 || /* letters that are blank */
               c == 0x201c || c == 0x201d;   /* our own quotation marks */
    }
}

static bool is_mark(uint32_t c)
{
    return g_unichar_ismark(c);
}

void fh__shown(const char *text, char *out, size_t room)
{
    size_t at = 0, left = strlen(text), n, len;
    unsigned chars = 0, marks = MARKS_MAX; /* one that comes first has no letter */
    uint32_t c;

    for (; left > 0; text += n, left -= n) {
        const char *from = text;

        n = len = utf8_next(text, left, &c);
        if (n == 0 || is_unfit(c)) {
            n = n ? n : 1;
            from = replacement;
            len = sizeof replacement - 1;
        } else if (is_mark(c) && marks++ >= MARKS_MAX) {
            continue;
        }
        if (n == 0 || from == replacement || !is_mark(c))
            marks = 0;
        if (++chars > FH__SHOWN_CHARS || at + len + sizeof ellipsis > room) {
            from = ellipsis;
            len = sizeof ellipsis - 1;
            left = n;
        }
        memcpy(out + at, from, len);
        at += len;
    }
    out[at] = '\0';
}
