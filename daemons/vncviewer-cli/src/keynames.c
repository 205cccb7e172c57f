/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "keynames.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "utf8.h"

/* Keysyms: X.Org's keysymdef.h, appendix A of "X Window System Protocol". */
static const struct {
    const char *name;
    uint32_t keysym;
} names[] = {
    {"bsp", 0xff08},      {"backspace", 0xff08}, {"tab", 0xff09},     {"return", 0xff0d},
    {"enter", 0xff0d},    {"esc", 0xff1b},       {"escape", 0xff1b},  {"ins", 0xff63},
    {"insert", 0xff63},   {"delete", 0xffff},    {"del", 0xffff},     {"home", 0xff50},
    {"end", 0xff57},      {"pgup", 0xff55},      {"pgdn", 0xff56},    {"left", 0xff51},
    {"up", 0xff52},       {"right", 0xff53},     {"down", 0xff54},    {"slash", '/'},
    {"fslash", '/'},      {"bslash", '\\'},      {"space", ' '},      {"spacebar", ' '},
    {"sb", ' '},          {"minus", '-'},        {"lshift", 0xffe1},  {"shift", 0xffe1},
    {"rshift", 0xffe2},   {"lctrl", 0xffe3},     {"ctrl", 0xffe3},    {"rctrl", 0xffe4},
    {"lmeta", 0xffe7},    {"meta", 0xffe7},      {"rmeta", 0xffe8},   {"lalt", 0xffe9},
    {"alt", 0xffe9},      {"ralt", 0xffea},      {"altgr", 0xfe03},   {"lsuper", 0xffeb},
    {"super", 0xffeb},    {"rsuper", 0xffec},    {"lhyper", 0xffed},  {"rhyper", 0xffee},
    {"scrlk", 0xff14},    {"sysrq", 0xff15},     {"numlk", 0xff7f},   {"caplk", 0xffe5},
    {"pause", 0xff13},    {"print", 0xff61},     {"menu", 0xff67},    {"kpenter", 0xff8d},
    {"kp_enter", 0xff8d}, {"kp_add", 0xffab},    {"kp_sub", 0xffad},  {"kp_mul", 0xffaa},
    {"kp_div", 0xffaf},   {"kp_dec", 0xffae},    {"kp_left", 0xff96}, {"kp_up", 0xff97},
    {"kp_right", 0xff98}, {"kp_down", 0xff99},   {"kp_home", 0xff95}, {"kp_pgup", 0xff9a},
    {"kp_pgdn", 0xff9b},  {"kp_end", 0xff9c},    {"kp_del", 0xff9f},  {"kp_ins", 0xff9e},
};

uint32_t keynames_from_unicode(uint32_t c)
{
    switch (c) {
    case '\n':
    case '\r':
        return 0xff0d;
    case '\t':
        return 0xff09;
    case '\b':
        return 0xff08;
    case 0x1b:
        return 0xff1b;
    }
    return (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xff) ? c : 0x01000000 | c;
}

/* "f1" to "f35", "kp_0" to "kp_9", with a number that ends where the text does. */
static bool numbered(const char *p, size_t len, const char *prefix, unsigned max, unsigned *out)
{
    size_t skip = strlen(prefix);
    unsigned v = 0;

    if (len <= skip || len > skip + 2 || strncasecmp(p, prefix, skip) != 0)
        return false;
    for (size_t i = skip; i < len; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (unsigned)(p[i] - '0');
    }
    *out = v;
    return v <= max;
}

static uint32_t hexadecimal(const char *p, size_t len)
{
    char digits[16], *end;
    unsigned long v;

    if (len < 3 || len > 10 || p[0] != '0' || p[1] != 'x')
        return 0;
    memcpy(digits, p, len);
    digits[len] = '\0';
    v = strtoul(digits, &end, 16);
    return *end == '\0' && v <= UINT32_MAX ? (uint32_t)v : 0;
}

static uint32_t one_key(const char *p, size_t len)
{
    unsigned number;
    uint32_t c;

    if (len != 0 && utf8_next(p, len, &c) == len)
        return keynames_from_unicode(c);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i].name) == len && strncasecmp(names[i].name, p, len) == 0)
            return names[i].keysym;
    if (numbered(p, len, "f", 35, &number) && number >= 1)
        return 0xffbd + number;
    if (numbered(p, len, "kp_", 9, &number) || numbered(p, len, "kp", 9, &number))
        return 0xffb0 + number;
    return hexadecimal(p, len);
}

size_t keynames_parse(const char *text, uint32_t out[KEYS_MAX], const char **bad, size_t *bad_len)
{
    size_t n = 0;

    for (;;) {
        /* A dash that is itself the key stands alone or last. */
        size_t len = *text == '-' ? 1 : strcspn(text, "-");
        uint32_t keysym = n < KEYS_MAX ? one_key(text, len) : 0;

        if (keysym == 0 || (text[len] == '-' && text[len + 1] == '\0')) {
            *bad = text;
            *bad_len = len;
            return 0;
        }
        out[n++] = keysym;
        if (text[len] == '\0')
            return n;
        text += len + 1;
    }
}
