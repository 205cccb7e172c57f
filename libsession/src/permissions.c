/* SPDX-License-Identifier: MIT */
#include <farhand/permissions.h>

#include <stdbool.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t bits;
} words[] = {
#define X(name, bit, text) {text, bit},
    FH_PERMISSIONS(X)
#undef X
        {"all", FH_PERM_ALL},
    {"view-only", FH_PERM_VIEW_ONLY},
    {"none", FH_PERM_NONE},
};

static bool is_gap(char c)
{
    return c == ',' || c == ' ' || c == '\t';
}

static bool find_word(const char *word, size_t len, uint32_t *bits)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i].name) == len && memcmp(words[i].name, word, len) == 0) {
            *bits = words[i].bits;
            return true;
        }
    }
    return false;
}

int fh_permissions_parse(const char *text, uint32_t *out, const char **bad, size_t *bad_len)
{
    uint32_t all = 0, bits = 0;
    size_t n_words = 0;

    while (*text) {
        size_t len = 0;

        if (is_gap(*text)) {
            text++;
            continue;
        }
        while (text[len] && !is_gap(text[len]))
            len++;
        if (!find_word(text, len, &bits)) {
            *bad = text;
            *bad_len = len;
            return FH_SESSION_E_FORMAT;
        }
        all |= bits;
        n_words++;
        text += len;
    }
    if (n_words == 0) {
        *bad = text;
        *bad_len = 0;
        return FH_SESSION_E_FORMAT;
    }
    *out = all;
    return 0;
}

static void append(char *out, size_t room, const char *text)
{
    size_t len = strlen(out);

    for (; *text && len + 1 < room; text++)
        out[len++] = *text;
    out[len] = '\0';
}

void fh_permissions_format(uint32_t permissions, char *out, size_t room)
{
    if (room == 0)
        return;
    out[0] = '\0';
    if ((permissions & FH_PERM_ALL) == FH_PERM_ALL) {
        append(out, room, "all");
        return;
    }
    if ((permissions & FH_PERM_ALL) == 0) {
        append(out, room, "none");
        return;
    }
#define X(name, bit, text)                                                                         \
    if (permissions & (bit)) {                                                                     \
        append(out, room, out[0] ? "," : "");                                                      \
        append(out, room, text);                                                                   \
    }
    FH_PERMISSIONS(X)
#undef X
}
