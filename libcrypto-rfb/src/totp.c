/* SPDX-License-Identifier: MIT */
/* totp.c -- RFC 4226 and 6238. The names are theirs: K the key, C the step (T of RFC 6238). */
#include <farhand/totp.h>

#include <string.h>

#include <mbedtls/md.h>
#include <sodium.h>

#include "internal.h"
#include "wr.h"

enum { HASH_MAX = 64 };

static const struct {
    enum fh_totp_hash hash;
    mbedtls_md_type_t type;
    size_t len; /* bytes of its output */
    const char *word, *uri;
} hashes[] = {
    {FH_TOTP_SHA1, MBEDTLS_MD_SHA1, 20, "sha1", "SHA1"},
    {FH_TOTP_SHA256, MBEDTLS_MD_SHA256, 32, "sha256", "SHA256"},
    {FH_TOTP_SHA512, MBEDTLS_MD_SHA512, 64, "sha512", "SHA512"},
};

enum { N_HASHES = sizeof hashes / sizeof hashes[0] };

/* Its place in the table; N_HASHES: unknown. */
static size_t place(enum fh_totp_hash hash)
{
    size_t i = 0;

    while (i < N_HASHES && hashes[i].hash != hash)
        i++;
    return i;
}

const char *fh_totp_hash_name(enum fh_totp_hash hash)
{
    size_t i = place(hash);

    return i < N_HASHES ? hashes[i].word : NULL;
}

enum fh_totp_hash fh_totp_hash_of(const char *word, size_t len)
{
    for (size_t i = 0; i < N_HASHES; i++)
        if (strlen(hashes[i].word) == len && memcmp(hashes[i].word, word, len) == 0)
            return hashes[i].hash;
    return (enum fh_totp_hash)0;
}

static bool is_valid(const struct fh_totp *t)
{
    return place(t->hash) < N_HASHES && t->digits >= FH_TOTP_DIGITS_MIN &&
           t->digits <= FH_TOTP_DIGITS_MAX && t->key_len >= FH_TOTP_KEY_MIN &&
           t->key_len <= FH_TOTP_KEY_MAX;
}

int fh_totp_generate(enum fh_totp_hash hash, unsigned digits, fh_random_fn random, void *user,
                     struct fh_totp *out)
{
    size_t i = place(hash);
    struct fh_totp t = {.hash = hash, .digits = digits};

    if (i == N_HASHES || digits < FH_TOTP_DIGITS_MIN || digits > FH_TOTP_DIGITS_MAX)
        return FH_CRYPTO_E_INVAL;
    t.key_len = hashes[i].len;
    random(user, t.key, t.key_len);
    *out = t;
    fh_wipe(&t, sizeof t);
    return 0;
}

/* ---- codes ---- */

/* RFC 4226 section 5.3: DT and mod 10^Digit, the digits written without a branch on them. */
static void truncate_hash(const uint8_t *hs, size_t len, unsigned digits, char *out)
{
    size_t offset = hs[len - 1] & 0xf;
    uint32_t s = (uint32_t)(hs[offset] & 0x7f) << 24 | (uint32_t)hs[offset + 1] << 16 |
                 (uint32_t)hs[offset + 2] << 8 | hs[offset + 3];

    out[digits] = '\0';
    for (unsigned i = digits; i-- > 0; s /= 10)
        out[i] = (char)('0' + s % 10);
}

int fh_totp_code(const struct fh_totp *t, uint64_t step, char out[FH_TOTP_DIGITS_MAX + 1])
{
    uint8_t c[8], hs[HASH_MAX];
    struct wr w = wr_init(c, sizeof c);
    size_t i = place(t->hash);
    int ret;

    if (!is_valid(t))
        return FH_CRYPTO_E_INVAL;
    wr_u64(&w, step);
    ret = mbedtls_md_hmac(mbedtls_md_info_from_type(hashes[i].type), t->key, t->key_len, c,
                          sizeof c, hs);
    if (ret == 0)
        truncate_hash(hs, hashes[i].len, t->digits, out);
    fh_wipe(hs, sizeof hs);
    return ret == 0 ? 0 : FH_CRYPTO_E_INTERNAL;
}

int fh_totp_check(const struct fh_totp *t, const char *code, size_t len, uint64_t unix_s,
                  uint64_t last, uint64_t *step)
{
    uint64_t now = unix_s / FH_TOTP_PERIOD_S, found = 0;
    char given[FH_TOTP_DIGITS_MAX + 1] = "", right[FH_TOTP_DIGITS_MAX + 1];
    bool is_long_enough = len == t->digits && len < sizeof given;
    int ret = 0;

    if (is_long_enough)
        memcpy(given, code, len);
    for (int d = -FH_TOTP_WINDOW; d <= FH_TOTP_WINDOW && ret == 0; d++) {
        uint64_t at = d < 0 && now < (uint64_t)-d ? 0 : now + (uint64_t)(int64_t)d;
        bool is_same;

        memset(right, 0, sizeof right);
        ret = fh_totp_code(t, at, right);
        is_same = sodium_memcmp(given, right, sizeof right) == 0;
        if (is_same && at > last)
            found = at;
    }
    fh_wipe(given, sizeof given);
    fh_wipe(right, sizeof right);
    if (ret == 0 && found == 0)
        ret = FH_CRYPTO_E_AUTH;
    if (ret == 0)
        *step = found;
    return ret;
}

/* ---- base32 ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* Writes the characters of len bytes; returns how many. */
static size_t write_base32(const uint8_t *data, size_t len, char *out)
{
    unsigned v = 0, bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        v = (v << 8 | data[i]) & 0xffff;
        for (bits += 8; bits >= 5; bits -= 5)
            out[n++] = alphabet[v >> (bits - 5) & 31];
    }
    if (bits > 0)
        out[n++] = alphabet[v << (5 - bits) & 31];
    return n;
}

static int base32_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* How many bytes; -1: not the one encoding of anything, or of more than there is room for. */
static int read_base32(const char *text, size_t len, uint8_t *out, size_t room)
{
    unsigned v = 0, bits = 0;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        int digit = base32_value(text[i]);

        if (digit < 0)
            return -1;
        v = (v << 5 | (unsigned)digit) & 0xffff;
        bits += 5;
        if (bits < 8)
            continue;
        if (n == room)
            return -1;
        bits -= 8;
        out[n++] = (uint8_t)(v >> bits);
    }
    if (bits >= 5 || (v & ((1u << bits) - 1)) != 0)
        return -1;
    return (int)n;
}

void fh_totp_key_write(const struct fh_totp *t, char out[FH_TOTP_BASE32_MAX])
{
    size_t len = t->key_len <= FH_TOTP_KEY_MAX ? t->key_len : 0;

    out[write_base32(t->key, len, out)] = '\0';
}

int fh_totp_key_read(const char *text, size_t len, struct fh_totp *t)
{
    uint8_t key[FH_TOTP_KEY_MAX];
    int n = read_base32(text, len, key, sizeof key);

    if (n >= FH_TOTP_KEY_MIN) {
        memcpy(t->key, key, (size_t)n);
        t->key_len = (size_t)n;
    }
    fh_wipe(key, sizeof key);
    return n >= FH_TOTP_KEY_MIN ? 0 : FH_CRYPTO_E_FORMAT;
}

/* ---- the URI ---- */

static void write_text(struct wr *w, const char *text)
{
    wr_bytes(w, text, strlen(text));
}

/* RFC 3986 section 2.3: all but the unreserved characters. */
static void write_escaped(struct wr *w, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *text; text++) {
        uint8_t c = (uint8_t)*text;
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     strchr("-._~", c) != NULL;

        if (plain) {
            wr_u8(w, c);
        } else {
            wr_u8(w, '%');
            wr_u8(w, (uint8_t)hex[c >> 4]);
            wr_u8(w, (uint8_t)hex[c & 15]);
        }
    }
}

int fh_totp_uri(const struct fh_totp *t, const char *issuer, const char *account,
                char out[FH_TOTP_URI_MAX])
{
    struct wr w = wr_init(out, FH_TOTP_URI_MAX - 1);
    char secret[FH_TOTP_BASE32_MAX];

    if (!is_valid(t) || strlen(issuer) > FH_TOTP_NAME_MAX || strlen(account) > FH_TOTP_NAME_MAX)
        return FH_CRYPTO_E_INVAL;
    fh_totp_key_write(t, secret);
    write_text(&w, "otpauth://totp/");
    write_escaped(&w, issuer);
    write_text(&w, ":");
    write_escaped(&w, account);
    write_text(&w, "?secret=");
    write_text(&w, secret);
    write_text(&w, "&issuer=");
    write_escaped(&w, issuer);
    write_text(&w, "&algorithm=");
    write_text(&w, hashes[place(t->hash)].uri);
    write_text(&w, "&digits=");
    wr_u8(&w, (uint8_t)('0' + t->digits));
    write_text(&w, "&period=30");
    out[w.len] = '\0';
    fh_wipe(secret, sizeof secret);
    return w.bad ? FH_CRYPTO_E_INTERNAL : 0;
}
