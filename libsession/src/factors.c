/* SPDX-License-Identifier: MIT */
#include <farhand/login.h>

#include <stdio.h>
#include <string.h>

#include <farhand/session_error.h>

static const struct {
    unsigned bit;
    const char *name;
} factors[] = {
#define X(name, bit, text) {bit, text},
    FH_FACTORS(X)
#undef X
};

enum { N_FACTORS = sizeof factors / sizeof factors[0] };

static unsigned find(const char *word, size_t len)
{
    for (size_t i = 0; i < N_FACTORS; i++)
        if (strlen(factors[i].name) == len && memcmp(factors[i].name, word, len) == 0)
            return factors[i].bit;
    return 0;
}

int fh_factors_parse(const char *text, unsigned *out)
{
    unsigned all = 0;

    for (;;) {
        size_t len;
        unsigned bit;

        text += strspn(text, " \t");
        len = strcspn(text, " \t+");
        bit = find(text, len);
        if (bit == 0 || (all & bit) != 0)
            return FH_SESSION_E_FORMAT;
        all |= bit;
        text += len;
        text += strspn(text, " \t");
        if (*text == '\0')
            break;
        if (*text++ != '+')
            return FH_SESSION_E_FORMAT;
    }
    if ((all & (FH_FACTOR_PASSWORD | FH_FACTOR_IDENTITY)) == 0)
        return FH_SESSION_E_FORMAT;
    *out = all;
    return 0;
}

void fh_factors_format(unsigned all, char *out, size_t room)
{
    size_t at = 0;

    if (room > 0)
        *out = '\0';
    for (size_t i = 0; i < N_FACTORS; i++) {
        int n;

        if ((all & factors[i].bit) == 0 || at >= room)
            continue;
        n = snprintf(out + at, room - at, "%s%s", at > 0 ? " + " : "", factors[i].name);
        at += (size_t)n;
    }
}
