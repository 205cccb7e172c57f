/* SPDX-License-Identifier: MIT */
#include <farhand/older.h>

#include <string.h>

#include <farhand/rsaaes.h>

#define LOGIN FH_OLDER_IS_LOGIN
#define VNC FH_OLDER_IS_VNC
#define NONE FH_OLDER_IS_NONE
#define TLS FH_OLDER_IS_TLS
#define RSA FH_OLDER_IS_RSA
#define CLEAR FH_OLDER_IS_CLEAR

static const struct row {
    uint16_t number;
    const char *name;
    unsigned strength, what;
} rows[] = {
#define X(name, number, text, strength, what) {number, text, strength, what},
    FH_OLDER_TYPES(X)
#undef X
};

static const struct row *find(unsigned type)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].number == type)
            return &rows[i];
    return NULL;
}

const char *fh_older_name(unsigned type)
{
    const struct row *r = find(type);

    return r ? r->name : NULL;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool is_same(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

unsigned fh_older_parse(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strlen(rows[i].name) == len && is_same(rows[i].name, name, len))
            return rows[i].number;
    return 0;
}

unsigned fh_older_what(unsigned type)
{
    const struct row *r = find(type);

    return r ? r->what : 0;
}

unsigned fh_older_strength(unsigned type)
{
    const struct row *r = find(type);

    return r ? r->strength : 0;
}

bool fh_older_offer_is_usable(const struct fh_older_offer *o)
{
    if (o->n_types > FH_OLDER_MAX)
        return false;
    for (size_t i = 0; i < o->n_types; i++) {
        if (fh_older_strength(o->types[i]) == 0)
            return false;
        if ((fh_older_what(o->types[i]) & FH_OLDER_IS_RSA) &&
            (!o->rsa_pub || o->rsa_pub_len > FH_RSAAES_PUB_MAX ||
             fh_rsaaes_check_pub(o->rsa_pub, o->rsa_pub_len) != 0))
            return false;
        for (size_t j = 0; j < i; j++)
            if (o->types[i] == o->types[j])
                return false;
    }
    return true;
}
