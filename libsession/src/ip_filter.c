/* SPDX-License-Identifier: MIT */
#include <farhand/ip_filter.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ip.h"

enum target { TARGET_ANY, TARGET_UNIX, TARGET_IPV4, TARGET_IPV6, TARGET_CLOUD };

enum { CLOUD_LEN = 20 /* characters of an address in a cloud */ };

struct rule {
    enum fh_ip_verdict verdict;
    enum target target;
    uint8_t ip[16];
    unsigned bits;
    char cloud[CLOUD_LEN]; /* of TARGET_CLOUD; zeros: all of them */
    uint32_t permissions;
};

struct fh_ip_filter {
    size_t n, cap;
    struct rule *rules;
};

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct fh_ip_filter *fh_ip_filter_new(void)
{
    return calloc(1, sizeof(struct fh_ip_filter));
}

void fh_ip_filter_free(struct fh_ip_filter *f)
{
    if (!f)
        return;
    free(f->rules);
    free(f);
}

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

static bool is_in_network(const uint8_t *ip, const uint8_t *network, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;

    if (memcmp(ip, network, bytes) != 0)
        return false;
    return rest == 0 || ((ip[bytes] ^ network[bytes]) >> (8 - rest)) == 0;
}

static bool has_host_bits(const uint8_t *ip, unsigned bits, unsigned all)
{
    for (unsigned i = bits; i < all; i++)
        if ((ip[i / 8] & (0x80 >> i % 8)) != 0)
            return true;
    return false;
}

/* What follows an address: "/BITS", or nothing for all of them. */
static const char *read_bits(const char **p, unsigned all, unsigned *bits)
{
    struct ip_scan s = {.p = *p, .left = strcspn(*p, " \t")};
    uint32_t n = all;

    if (s.left > 0 && (!ip_take(&s, '/') || ip_take_number(&s, 10, 3, &n) == 0))
        return "an address, or a network such as 192.168.0.0/16 or 2001:db8::/32";
    if (s.left > 0 || n > all)
        return all == 32 ? "a number of bits from 0 to 32 after the slash"
                         : "a number of bits from 0 to 128 after the slash";
    *p = s.p;
    *bits = n;
    return NULL;
}

static void unmap(struct rule *r)
{
    if (r->bits < 96 || memcmp(r->ip, mapped, sizeof mapped) != 0)
        return;
    r->target = TARGET_IPV4;
    r->bits -= 96;
    memmove(r->ip, r->ip + 12, 4);
    memset(r->ip + 4, 0, 12);
}

static const char *read_network(const char **p, struct rule *r)
{
    size_t len = strcspn(*p, " \t/"), n = ip4_next(*p, len, r->ip);
    unsigned all = 32;
    const char *expected;

    r->target = TARGET_IPV4;
    if (n == 0 || n != len) {
        all = 128;
        r->target = TARGET_IPV6;
        n = ip6_next(*p, len, r->ip);
    }
    if (n == 0 || n != len)
        return "an address, a network, *, unix or cloud after the sign";
    *p += n;
    if ((expected = read_bits(p, all, &r->bits)) != NULL)
        return expected;
    if (has_host_bits(r->ip, r->bits, all))
        return "the network's own address before the slash: the bits behind it are 0";
    unmap(r);
    return NULL;
}

/* As it is compared: one case, nothing between, and one character where people know several. */
static bool read_cloud(const char *p, size_t len, char out[CLOUD_LEN])
{
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = p[i] >= 'a' && p[i] <= 'z' ? (char)(p[i] - 'a' + 'A') : p[i];

        if (c == '-' || c == ' ')
            continue;
        c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
        if (n == CLOUD_LEN || c == '\0' || !strchr(alphabet, c))
            return false;
        out[n++] = c;
    }
    return n == CLOUD_LEN;
}

static const char *read_target(const char **p, struct rule *r)
{
    static const char cloud[] = "cloud:";
    size_t len = strcspn(*p, " \t"), prefix = sizeof cloud - 1;

    if (len > prefix && memcmp(*p, cloud, prefix) == 0) {
        r->target = TARGET_CLOUD;
        if (!read_cloud(*p + prefix, len - prefix, r->cloud))
            return "an address in a cloud behind cloud:, 20 letters and digits";
    } else if (len == prefix - 1 && memcmp(*p, cloud, len) == 0) {
        r->target = TARGET_CLOUD;
    } else if (len == 1 && **p == '*') {
        r->target = TARGET_ANY;
    } else if (len == 4 && memcmp(*p, "unix", 4) == 0) {
        r->target = TARGET_UNIX;
    } else {
        return read_network(p, r);
    }
    *p += len;
    return NULL;
}

static const char *read_rule(const char *p, struct rule *r)
{
    const char *bad, *expected;
    size_t bad_len;

    p = skip_blanks(p);
    switch (*p) {
    case '+':
        r->verdict = FH_IP_ALLOW;
        break;
    case '?':
        r->verdict = FH_IP_ASK;
        break;
    case '-':
        r->verdict = FH_IP_DENY;
        break;
    default:
        return "+, - or ? before an address";
    }
    p = skip_blanks(p + 1);
    if ((expected = read_target(&p, r)) != NULL)
        return expected;
    p = skip_blanks(p);
    if (*p &&
        (r->verdict == FH_IP_DENY || fh_permissions_parse(p, &r->permissions, &bad, &bad_len)))
        return r->verdict == FH_IP_DENY ? "no permissions where the sign is -"
                                        : "permissions: all, view-only, or names such as "
                                          "view,keyboard,pointer";
    return NULL;
}

static bool grow(struct fh_ip_filter *f)
{
    size_t cap = f->cap ? 2 * f->cap : 16;
    struct rule *rules;

    if (f->n < f->cap)
        return true;
    if (!(rules = realloc(f->rules, cap * sizeof *rules)))
        return false;
    f->rules = rules;
    f->cap = cap;
    return true;
}

int fh_ip_filter_add(struct fh_ip_filter *f, const char *rule, const char **expected)
{
    struct rule r = {.permissions = FH_PERM_ALL};

    if ((*expected = read_rule(rule, &r)) != NULL)
        return FH_SESSION_E_FORMAT;
    if (f->n == FH_IP_FILTER_MAX) {
        *expected = "at most 1024 rules";
        return FH_SESSION_E_LIMIT;
    }
    if (!grow(f)) {
        *expected = "more memory than there is";
        return FH_SESSION_E_NOMEM;
    }
    f->rules[f->n++] = r;
    return 0;
}

size_t fh_ip_filter_count(const struct fh_ip_filter *f)
{
    return f->n;
}

static bool is_match(const struct rule *r, enum target family, const uint8_t *ip)
{
    switch (r->target) {
    case TARGET_ANY:
        return family != TARGET_UNIX;
    case TARGET_UNIX:
        return family == TARGET_UNIX;
    case TARGET_CLOUD:
        break;
    case TARGET_IPV4:
    case TARGET_IPV6:
        return family == r->target && is_in_network(ip, r->ip, r->bits);
    }
    return false;
}

enum fh_ip_verdict fh_ip_filter_check(const struct fh_ip_filter *f, const uint8_t *ip, size_t len,
                                      uint32_t *permissions)
{
    enum target family = len == 4 ? TARGET_IPV4 : len == 16 ? TARGET_IPV6 : TARGET_UNIX;

    if (len == 16 && memcmp(ip, mapped, sizeof mapped) == 0) {
        ip += sizeof mapped;
        family = TARGET_IPV4;
    }
    *permissions = FH_PERM_ALL;
    for (size_t i = 0; i < f->n; i++) {
        if (!is_match(&f->rules[i], family, ip))
            continue;
        *permissions = f->rules[i].permissions;
        return f->rules[i].verdict;
    }
    return f->n == 0 ? FH_IP_ALLOW : FH_IP_DENY;
}

static bool is_cloud_match(const struct rule *r, const char *cloud)
{
    if (r->target != TARGET_CLOUD)
        return r->target == TARGET_ANY;
    return r->cloud[0] == '\0' || memcmp(r->cloud, cloud, CLOUD_LEN) == 0;
}

enum fh_ip_verdict fh_ip_filter_check_cloud(const struct fh_ip_filter *f, const char *cloud,
                                            uint32_t *permissions)
{
    char address[CLOUD_LEN] = {0};

    *permissions = FH_PERM_ALL;
    if (!read_cloud(cloud, strlen(cloud), address))
        return FH_IP_DENY;
    for (size_t i = 0; i < f->n; i++) {
        if (!is_cloud_match(&f->rules[i], address))
            continue;
        *permissions = f->rules[i].permissions;
        return f->rules[i].verdict;
    }
    return f->n == 0 ? FH_IP_ALLOW : FH_IP_DENY;
}
