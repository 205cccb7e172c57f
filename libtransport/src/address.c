/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <farhand/address.h>
#include <farhand/transport_error.h>

#include "ip.h"

/* Text in a room of fixed size: cut at its end, always zero-terminated. */
struct text {
    char *at;
    size_t room;
};

static void put(struct text *t, char c)
{
    if (t->room > 1) {
        *t->at++ = c;
        t->room--;
    }
    *t->at = '\0';
}

static void put_string(struct text *t, const char *s)
{
    while (*s)
        put(t, *s++);
}

static void put_number(struct text *t, uint32_t v)
{
    char digits[IP_TEXT];

    ip_put(digits, v, 10);
    put_string(t, digits);
}

static void put_ip(struct text *t, const struct fh_address *a)
{
    char ip[IP_TEXT];

    if (a->family == FH_ADDRESS_IPV4)
        ip4_write(a->ip, ip);
    else
        ip6_write(a->ip, ip);
    put_string(t, ip);
}

void fh_address_print(const struct fh_address *a, char *out, size_t room)
{
    struct text t = {.at = out, .room = room};

    *out = '\0';
    switch (a->family) {
    case FH_ADDRESS_IPV4:
        put_ip(&t, a);
        put(&t, ':');
        put_number(&t, a->port);
        return;
    case FH_ADDRESS_IPV6:
        put(&t, '[');
        put_ip(&t, a);
        if (a->scope != 0) {
            put(&t, '%');
            put_number(&t, a->scope);
        }
        put_string(&t, "]:");
        put_number(&t, a->port);
        return;
    case FH_ADDRESS_UNIX:
        put_string(&t, "unix");
        if (a->uid != FH_ADDRESS_NO_UID) {
            put_string(&t, ":uid=");
            put_number(&t, a->uid);
        }
        return;
    case FH_ADDRESS_NONE:
        break;
    }
    put_string(&t, "none");
}

void fh_address_normalize(struct fh_address *a)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (a->family != FH_ADDRESS_IPV6 || memcmp(a->ip, mapped, sizeof mapped) != 0)
        return;
    a->family = FH_ADDRESS_IPV4;
    memmove(a->ip, a->ip + 12, 4);
    memset(a->ip + 4, 0, 12);
    a->scope = 0;
}

bool fh_address_equal_host(const struct fh_address *a, const struct fh_address *b)
{
    if (a->family != b->family)
        return false;
    if (a->family == FH_ADDRESS_UNIX)
        return a->uid == b->uid;
    return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* A scope such as "%3", or nothing. */
static bool read_zone(const char *text, size_t len, uint32_t *out)
{
    struct ip_scan s = {.p = text, .left = len};

    if (len == 0)
        return true;
    return ip_take(&s, '%') && ip_take_number(&s, 10, 9, out) != 0 && *out != 0 && s.left == 0;
}

int fh_address_parse_ip(const char *text, size_t len, struct fh_address *out)
{
    struct fh_address a = {.family = FH_ADDRESS_IPV4};
    size_t n = ip4_next(text, len, a.ip);

    if (n == 0 || n != len) {
        a = (struct fh_address){.family = FH_ADDRESS_IPV6};
        n = ip6_next(text, len, a.ip);
        if (n == 0 || !read_zone(text + n, len - n, &a.scope))
            return FH_TRANSPORT_E_ADDRESS;
    }
    fh_address_normalize(&a);
    *out = a;
    return 0;
}
