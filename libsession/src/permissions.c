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

enum { BOTH_WAYS = FH_PERM_CLIPBOARD_IN | FH_PERM_CLIPBOARD_OUT, KNOWN = FH_PERM_ALL | BOTH_WAYS };

/* With both ways set where the clipboard is, so that each act is one bit. */
static uint32_t spread(uint32_t permissions)
{
    permissions &= KNOWN;
    return permissions & FH_PERM_CLIPBOARD ? permissions | BOTH_WAYS : permissions;
}

uint32_t fh_permissions_normal(uint32_t permissions)
{
    permissions = spread(permissions);
    if ((permissions & BOTH_WAYS) == BOTH_WAYS)
        permissions = (permissions & ~(uint32_t)BOTH_WAYS) | FH_PERM_CLIPBOARD;
    return permissions;
}

uint32_t fh_permissions_and(uint32_t a, uint32_t b)
{
    uint32_t both = spread(fh_permissions_normal(a)) & spread(fh_permissions_normal(b));

    if ((both & BOTH_WAYS) != BOTH_WAYS)
        both &= ~(uint32_t)FH_PERM_CLIPBOARD;
    return fh_permissions_normal(both);
}

bool fh_permissions_allow(uint32_t permissions, enum fh_act act)
{
    static const uint32_t needed[] = {
#define X(name, permission, messages) [FH_ACT_##name] = FH_PERM_##permission,
        FH_ACTS(X)
#undef X
    };

    return (unsigned)act < sizeof needed / sizeof needed[0] &&
           (spread(permissions) & needed[act]) == needed[act];
}

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
    *out = fh_permissions_normal(all);
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
    permissions = fh_permissions_normal(permissions);
    if (permissions == FH_PERM_ALL) {
        append(out, room, "all");
        return;
    }
    if (permissions == FH_PERM_NONE) {
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
