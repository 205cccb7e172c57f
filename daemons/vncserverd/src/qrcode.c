/* SPDX-License-Identifier: MIT */
#include "qrcode.h"

#include <qrencode.h>

enum { MARGIN = 4 /* modules; ISO/IEC 18004 section 9.1 */ };

/* A module that is outside, or not set, is light. */
static bool is_light(const QRcode *q, int x, int y)
{
    if (x < 0 || y < 0 || x >= q->width || y >= q->width)
        return true;
    return (q->data[y * q->width + x] & 1) == 0;
}

/* White blocks on black. */
static void print_blocks(FILE *out, const QRcode *q)
{
    static const char *const glyph[] = {" ", "\xe2\x96\x84", "\xe2\x96\x80", "\xe2\x96\x88"};

    for (int y = -MARGIN; y < q->width + MARGIN; y += 2) {
        fputs("\x1b[40;37;1m", out);
        for (int x = -MARGIN; x < q->width + MARGIN; x++)
            fputs(glyph[2 * is_light(q, x, y) + is_light(q, x, y + 1)], out);
        fputs("\x1b[0m\n", out);
    }
}

static void print_spaces(FILE *out, const QRcode *q)
{
    for (int y = -MARGIN; y < q->width + MARGIN; y++) {
        for (int x = -MARGIN; x < q->width + MARGIN; x++)
            fputs(is_light(q, x, y) ? "\x1b[47m  " : "\x1b[40m  ", out);
        fputs("\x1b[0m\n", out);
    }
}

int fh__qrcode_print(FILE *out, const char *text, bool has_blocks)
{
    QRcode *q = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

    if (!q)
        return -1;
    (has_blocks ? print_blocks : print_spaces)(out, q);
    QRcode_free(q);
    return 0;
}
