/* SPDX-License-Identifier: MIT */
#include <farhand/ice_address.h>
#include <farhand/ice_error.h>

#include <string.h>

#include "agent_internal.h"
#include "ip.h"

/* An address block and what it is for. */
struct block {
    uint8_t prefix[16];
    uint8_t bits;
    uint8_t scope;
};

/* RFC 6890 and its successors; the first that matches counts. */
static const struct block blocks4[] = {
    {{0}, 8, FH_ICE_SCOPE_UNSPECIFIED},    {{127}, 8, FH_ICE_SCOPE_LOOPBACK},
    {{224}, 4, FH_ICE_SCOPE_MULTICAST},    {{240}, 4, FH_ICE_SCOPE_RESERVED},
    {{169, 254}, 16, FH_ICE_SCOPE_LINK},   {{10}, 8, FH_ICE_SCOPE_PRIVATE},
    {{172, 16}, 12, FH_ICE_SCOPE_PRIVATE}, {{192, 168}, 16, FH_ICE_SCOPE_PRIVATE},
    {{100, 64}, 10, FH_ICE_SCOPE_PRIVATE},
};

static const struct block blocks6[] = {
    {{0}, 128, FH_ICE_SCOPE_UNSPECIFIED},
    {{[15] = 1}, 128, FH_ICE_SCOPE_LOOPBACK},
    /* RFC 8445 5.1.1.1: IPv4-compatible, IPv4-mapped and site-local addresses are not used. */
    {{0}, 96, FH_ICE_SCOPE_RESERVED},
    {{[10] = 0xff, [11] = 0xff}, 96, FH_ICE_SCOPE_RESERVED},
    {{0xfe, 0xc0}, 10, FH_ICE_SCOPE_RESERVED},
    /* 6to4 and Teredo carry an IPv4 address inside, which nobody looks at. */
    {{0x20, 0x02}, 16, FH_ICE_SCOPE_RESERVED},
    {{0x20, 0x01, 0, 0}, 32, FH_ICE_SCOPE_RESERVED},
    {{0xff}, 8, FH_ICE_SCOPE_MULTICAST},
    {{0xfe, 0x80}, 10, FH_ICE_SCOPE_LINK},
    {{0xfc}, 7, FH_ICE_SCOPE_PRIVATE},
};

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b}; /* RFC 6052 */

static bool is_in(const struct block *b, const uint8_t *ip)
{
    size_t whole = b->bits / 8, rest = b->bits % 8;

    if (memcmp(b->prefix, ip, whole) != 0)
        return false;
    return rest == 0 || ((b->prefix[whole] ^ ip[whole]) >> (8 - rest)) == 0;
}

static enum fh_ice_scope scope_of(const struct block *list, size_t n, const uint8_t *ip)
{
    for (size_t i = 0; i < n; i++)
        if (is_in(&list[i], ip))
            return (enum fh_ice_scope)list[i].scope;
    return FH_ICE_SCOPE_GLOBAL;
}

static enum fh_ice_scope scope4(const uint8_t *ip)
{
    return scope_of(blocks4, sizeof blocks4 / sizeof *blocks4, ip);
}

static bool is_nat64(const struct fh_ice_address *a)
{
    return a->family == FH_ICE_IPV6 && memcmp(a->ip, nat64, sizeof nat64) == 0;
}

struct fh_ice_address fh__address_reached(const struct fh_ice_address *a)
{
    struct fh_ice_address inside = {.port = a->port, .family = FH_ICE_IPV4};

    memcpy(inside.ip, a->ip + 12, 4);
    return is_nat64(a) ? inside : *a;
}

enum fh_ice_scope fh_ice_address_scope(const struct fh_ice_address *a)
{
    enum fh_ice_scope inside;

    if (a->family == FH_ICE_IPV4)
        return scope4(a->ip);
    if (a->family != FH_ICE_IPV6)
        return FH_ICE_SCOPE_UNSPECIFIED;
    if (!is_nat64(a))
        return scope_of(blocks6, sizeof blocks6 / sizeof *blocks6, a->ip);
    inside = scope4(a->ip + 12);
    return inside < FH_ICE_SCOPE_LINK ? FH_ICE_SCOPE_RESERVED : inside;
}

bool fh_ice_address_equal_host(const struct fh_ice_address *a, const struct fh_ice_address *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool fh_ice_address_equal(const struct fh_ice_address *a, const struct fh_ice_address *b)
{
    return a->port == b->port && fh_ice_address_equal_host(a, b);
}

int fh_ice_address_parse(const char *text, size_t len, struct fh_ice_address *out)
{
    struct fh_ice_address a = {.port = 0};
    uint8_t ip[16];

    if (len != 0 && ip4_next(text, len, a.ip) == len) {
        a.family = FH_ICE_IPV4;
    } else if (len != 0 && ip6_next(text, len, ip) == len) {
        bool is_v4 = memcmp(ip, mapped, sizeof mapped) == 0;

        memset(a.ip, 0, sizeof a.ip);
        memcpy(a.ip, is_v4 ? ip + 12 : ip, is_v4 ? 4 : 16);
        a.family = is_v4 ? FH_ICE_IPV4 : FH_ICE_IPV6;
    } else {
        return FH_ICE_E_ADDRESS;
    }
    *out = a;
    return 0;
}

static char *write_ip(const struct fh_ice_address *a, char *out)
{
    if (a->family == FH_ICE_IPV4)
        return ip4_write(a->ip, out);
    if (a->family == FH_ICE_IPV6)
        return ip6_write(a->ip, out);
    memcpy(out, "none", 5);
    return out + 4;
}

size_t fh_ice_address_print_ip(const struct fh_ice_address *a, char *out)
{
    return (size_t)(write_ip(a, out) - out);
}

size_t fh_ice_address_print(const struct fh_ice_address *a, char *out)
{
    char *at = out;

    if (a->family == FH_ICE_IPV6)
        *at++ = '[';
    at = write_ip(a, at);
    if (a->family == FH_ICE_IPV6)
        *at++ = ']';
    if (a->family == FH_ICE_IPV4 || a->family == FH_ICE_IPV6) {
        *at++ = ':';
        at = ip_put(at, a->port, 10);
    }
    return (size_t)(at - out);
}
