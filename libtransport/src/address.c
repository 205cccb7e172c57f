/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <farhand/address.h>
#include <farhand/transport_error.h>

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

static void put_number(struct text *t, uint32_t v, uint32_t base)
{
    char digits[10];
    size_t n = 0;

    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v != 0);
    while (n > 0)
        put(t, digits[--n]);
}

static void put_ipv4(struct text *t, const uint8_t *ip)
{
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            put(t, '.');
        put_number(t, ip[i], 10);
    }
}

/* RFC 5952 4.2: the longest run of at least two zero groups, the first of equals. */
static size_t longest_zeros(const uint16_t g[8], size_t *start)
{
    size_t best = 1, run = 0;

    *start = 8;
    for (size_t i = 0; i < 8; i++) {
        run = g[i] == 0 ? run + 1 : 0;
        if (run > best) {
            best = run;
            *start = i + 1 - run;
        }
    }
    return *start == 8 ? 0 : best;
}

static void put_ipv6(struct text *t, const uint8_t *ip)
{
    uint16_t g[8];
    size_t start, run;

    for (size_t i = 0; i < 8; i++)
        g[i] = (uint16_t)(ip[2 * i] << 8 | ip[2 * i + 1]);
    run = longest_zeros(g, &start);
    for (size_t i = 0; i < 8; i++) {
        if (i == start) {
            put_string(t, "::");
            i += run - 1;
            continue;
        }
        if (i > 0 && i != start + run)
            put(t, ':');
        put_number(t, g[i], 16);
    }
}

void fh_address_print(const struct fh_address *a, char *out, size_t room)
{
    struct text t = {.at = out, .room = room};

    *out = '\0';
    switch (a->family) {
    case FH_ADDRESS_IPV4:
        put_ipv4(&t, a->ip);
        put(&t, ':');
        put_number(&t, a->port, 10);
        return;
    case FH_ADDRESS_IPV6:
        put(&t, '[');
        put_ipv6(&t, a->ip);
        if (a->scope != 0) {
            put(&t, '%');
            put_number(&t, a->scope, 10);
        }
        put_string(&t, "]:");
        put_number(&t, a->port, 10);
        return;
    case FH_ADDRESS_UNIX:
        put_string(&t, "unix");
        if (a->uid != FH_ADDRESS_NO_UID) {
            put_string(&t, ":uid=");
            put_number(&t, a->uid, 10);
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

/* The text that is left to read. */
struct scan {
    const char *p;
    size_t left;
};

static bool take(struct scan *s, char c)
{
    if (s->left == 0 || *s->p != c)
        return false;
    s->p++;
    s->left--;
    return true;
}

static int digit(char c, int base)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (base == 16 && c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (base == 16 && c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One to max digits and no digit after them; how many, 0 if it is not so. */
static size_t take_number(struct scan *s, int base, size_t max, uint32_t *out)
{
    size_t n = 0;
    uint32_t v = 0;

    while (n < s->left && n <= max && digit(s->p[n], base) >= 0) {
        v = v * (uint32_t)base + (uint32_t)digit(s->p[n], base);
        n++;
    }
    if (n == 0 || n > max)
        return 0;
    s->p += n;
    s->left -= n;
    *out = v;
    return n;
}

/* Exactly four decimal numbers: forms such as 127.1 or 0177.0.0.1 mean different things to others.
 */
static bool take_ipv4(struct scan *s, uint8_t out[4])
{
    for (size_t i = 0; i < 4; i++) {
        const char *start;
        uint32_t v;
        size_t n;

        if (i > 0 && !take(s, '.'))
            return false;
        start = s->p;
        n = take_number(s, 10, 3, &v);
        if (n == 0 || v > 255 || (n > 1 && *start == '0'))
            return false;
        out[i] = (uint8_t)v;
    }
    return true;
}

/* The groups on one side of "::"; *n counts bytes. Ends before "::" or at what is no group. */
static bool take_groups(struct scan *s, uint8_t *out, size_t *n)
{
    *n = 0;
    while (s->left > 0 && digit(*s->p, 16) >= 0) {
        struct scan at = *s;
        uint32_t v;

        if (*n <= 12 && take_ipv4(&at, out + *n) && (at.left == 0 || *at.p == '%')) {
            *s = at;
            *n += 4;
            return true;
        }
        if (*n > 14 || take_number(s, 16, 4, &v) == 0)
            return false;
        out[(*n)++] = (uint8_t)(v >> 8);
        out[(*n)++] = (uint8_t)v;
        if (s->left >= 2 && s->p[0] == ':' && s->p[1] == ':')
            return true;
        if (!take(s, ':'))
            return true;
        if (s->left == 0 || digit(*s->p, 16) < 0)
            return false;
    }
    return true;
}

/* RFC 4291 2.2. */
static bool take_ipv6(struct scan *s, uint8_t out[16])
{
    uint8_t head[16], tail[16];
    size_t heads, tails;

    if (!take_groups(s, head, &heads))
        return false;
    if (s->left < 2 || s->p[0] != ':' || s->p[1] != ':') {
        memcpy(out, head, heads);
        return heads == 16;
    }
    s->p += 2;
    s->left -= 2;
    if (!take_groups(s, tail, &tails) || heads + tails > 14)
        return false;
    memset(out, 0, 16);
    memcpy(out, head, heads);
    memcpy(out + 16 - tails, tail, tails);
    return true;
}

static bool take_zone(struct scan *s, uint32_t *out)
{
    if (!take(s, '%'))
        return true;
    return take_number(s, 10, 9, out) != 0 && *out != 0;
}

int fh_address_parse_ip(const char *text, size_t len, struct fh_address *out)
{
    struct scan s = {.p = text, .left = len};
    struct fh_address a = {.family = FH_ADDRESS_IPV4};

    if (take_ipv4(&s, a.ip) && s.left == 0) {
        *out = a;
        return 0;
    }
    s = (struct scan){.p = text, .left = len};
    memset(&a, 0, sizeof a);
    a.family = FH_ADDRESS_IPV6;
    if (!take_ipv6(&s, a.ip) || !take_zone(&s, &a.scope) || s.left != 0)
        return FH_TRANSPORT_E_ADDRESS;
    fh_address_normalize(&a);
    *out = a;
    return 0;
}
