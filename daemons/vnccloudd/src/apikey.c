/* SPDX-License-Identifier: MIT */
#include "apikey.h"

#include <stdio.h>
#include <string.h>

#include <farhand/digest.h>

enum { ID_LEN = 16, SECRET_LEN = 32, SUM_LEN = 6 };

static const char prefix[] = "vck_";
static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* n characters, each of the first `of` letters, all alike in chance: bytes beyond are drawn again.
 */
static void draw(fh_random_fn random, void *user, const char *from, unsigned of, char *out,
                 size_t n)
{
    unsigned limit = 256 - 256 % of;

    for (size_t i = 0; i < n;) {
        uint8_t b;

        random(user, &b, 1);
        if (b < limit)
            out[i++] = from[b % of];
    }
}

/* CRC-32 (ISO 3309), as secret scanners expect it, in letters. */
static void checksum(const char *text, size_t len, char out[SUM_LEN])
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < len; i++) {
        crc ^= (uint8_t)text[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    crc ^= 0xffffffffu;
    for (int i = SUM_LEN; i-- > 0; crc /= 62)
        out[i] = letters[crc % 62];
}

void fh__key_generate(fh_random_fn random, void *user, char id[FH__KEY_ID_TEXT],
                      char secret[FH__SECRET_TEXT])
{
    static const char crockford[] = "0123456789abcdefghjkmnpqrstvwxyz";
    size_t n;

    draw(random, user, crockford, 32, id, ID_LEN);
    id[ID_LEN] = '\0';
    n = (size_t)snprintf(secret, FH__SECRET_TEXT, "%s%s_", prefix, id);
    draw(random, user, letters, 62, secret + n, SECRET_LEN);
    n += SECRET_LEN;
    checksum(secret, n, secret + n);
    secret[n + SUM_LEN] = '\0';
}

void fh__key_name(const char *id, char out[FH__KEY_NAME_TEXT])
{
    snprintf(out, FH__KEY_NAME_TEXT, "%s%s", prefix, id);
}

static bool is_alphanumeric(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] == '\0' || !strchr(letters, p[i]))
            return false;
    return true;
}

bool fh__key_parse_name(const char *text, size_t len, char id[FH__KEY_ID_TEXT])
{
    if (len != sizeof prefix - 1 + ID_LEN || memcmp(text, prefix, sizeof prefix - 1) != 0 ||
        !is_alphanumeric(text + sizeof prefix - 1, ID_LEN))
        return false;
    memcpy(id, text + sizeof prefix - 1, ID_LEN);
    id[ID_LEN] = '\0';
    return true;
}

bool fh__key_check_secret(const char *text, size_t len, const char *id)
{
    char name[FH__KEY_NAME_TEXT], sum[SUM_LEN];
    size_t name_len = FH__KEY_NAME_TEXT - 1;

    fh__key_name(id, name);
    if (len != FH__SECRET_TEXT - 1 || memcmp(text, name, name_len) != 0 || text[name_len] != '_' ||
        !is_alphanumeric(text + name_len + 1, SECRET_LEN + SUM_LEN))
        return false;
    checksum(text, len - SUM_LEN, sum);
    return memcmp(sum, text + len - SUM_LEN, SUM_LEN) == 0;
}

void fh__key_hash(const char *secret, size_t len, uint8_t out[32])
{
    fh_sha256(secret, len, out);
}

/* ---- networks ---- */

struct network {
    struct fh_address address;
    unsigned bits;
};

static unsigned width(const struct fh_address *a)
{
    return a->family == FH_ADDRESS_IPV4 ? 32 : 128;
}

static bool has_bits_below(const struct network *n)
{
    for (unsigned i = n->bits; i < width(&n->address); i++)
        if (n->address.ip[i / 8] >> (7 - i % 8) & 1)
            return true;
    return false;
}

static bool parse_network(const char *p, size_t len, struct network *out)
{
    const char *slash = memchr(p, '/', len);
    size_t n = slash ? (size_t)(slash - p) : len;
    struct network net = {.bits = 0};

    if (fh_address_parse_ip(p, n, &net.address) != 0 || net.address.scope != 0)
        return false;
    net.bits = width(&net.address);
    if (slash) {
        size_t digits = len - n - 1;

        if (digits == 0 || digits > 3)
            return false;
        net.bits = 0;
        for (size_t i = 0; i < digits; i++) {
            if (slash[1 + i] < '0' || slash[1 + i] > '9')
                return false;
            net.bits = net.bits * 10 + (unsigned)(slash[1 + i] - '0');
        }
        if (net.bits > width(&net.address))
            return false;
    }
    *out = net;
    return true;
}

/* The next word of a list with single blanks between; NULL: there is none. */
static const char *next_word(const char *at, size_t *len)
{
    if (!*at)
        return NULL;
    *len = strcspn(at, " ");
    return at;
}

int fh__networks_check(const char *text, const char **expected)
{
    struct network n;
    const char *word;
    size_t len;

    while ((word = next_word(text, &len)) != NULL) {
        if (!parse_network(word, len, &n)) {
            *expected = "addresses or networks, such as 192.0.2.0/24";
            return -1;
        }
        if (has_bits_below(&n)) {
            *expected = "a network whose address has no bits beyond its length";
            return -1;
        }
        text = word + len + (word[len] == ' ');
    }
    return 0;
}

static bool is_in(const struct network *n, const struct fh_address *a)
{
    if (n->address.family != a->family)
        return false;
    for (unsigned i = 0; i < n->bits; i++)
        if ((n->address.ip[i / 8] ^ a->ip[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

bool fh__networks_have(const char *text, const struct fh_address *a)
{
    struct fh_address plain = *a;
    struct network n;
    const char *word;
    size_t len;

    if (!*text)
        return true;
    fh_address_normalize(&plain);
    while ((word = next_word(text, &len)) != NULL) {
        if (parse_network(word, len, &n) && is_in(&n, &plain))
            return true;
        text = word + len + (word[len] == ' ');
    }
    return false;
}
