/* SPDX-License-Identifier: MIT */
/* password.c -- argon2id strings; parsed here, so that what they may ask for is bounded. */
#include <farhand/password.h>

#include <string.h>

#include <sodium.h>

#include "wr.h"

enum { SALT_LEN = FH_PASSWORD_SALT_LEN, HASH_LEN = FH_PASSWORD_KEY_LEN };

_Static_assert(crypto_pwhash_argon2id_SALTBYTES == SALT_LEN, "salt");

#define B64 sodium_base64_VARIANT_ORIGINAL_NO_PADDING
#define SALT_B64_LEN 22 /* characters */
#define HASH_B64_LEN 43

/* ---- the string: "$argon2id$v=19$m=" MEM ",t=" OPS ",p=1$" SALT "$" HASH --------------------- */

static bool read_text(const char **s, const char *text)
{
    size_t len = strlen(text);

    if (strncmp(*s, text, len) != 0)
        return false;
    *s += len;
    return true;
}

/* A decimal number without leading zeros, 1 to max. */
static bool read_number(const char **s, uint32_t max, uint32_t *out)
{
    uint64_t v = 0;

    if (**s == '0')
        return false;
    for (; **s >= '0' && **s <= '9'; ++*s) {
        v = v * 10 + (uint64_t)(**s - '0');
        if (v > max)
            return false;
    }
    *out = (uint32_t)v;
    return v != 0;
}

static bool read_base64(const char **s, size_t chars, uint8_t *out, size_t len)
{
    size_t n;

    if (memchr(*s, 0, chars) != NULL)
        return false;
    if (sodium_base642bin(out, len, *s, chars, NULL, &n, NULL, B64) != 0 || n != len)
        return false;
    *s += chars;
    return true;
}

static int parse(const char *s, struct fh_password_stored *out)
{
    struct fh_password_stored v;

    if (!read_text(&s, "$argon2id$v=19$m=") ||
        !read_number(&s, FH_PASSWORD_MEM_KIB_MAX, &v.memory_kib))
        return FH_CRYPTO_E_FORMAT;
    if (!read_text(&s, ",t=") || !read_number(&s, FH_PASSWORD_OPS_MAX, &v.passes))
        return FH_CRYPTO_E_FORMAT;
    if (!read_text(&s, ",p=1$") || !read_base64(&s, SALT_B64_LEN, v.salt, sizeof v.salt))
        return FH_CRYPTO_E_FORMAT;
    if (!read_text(&s, "$") || !read_base64(&s, HASH_B64_LEN, v.key, sizeof v.key) || *s)
        return FH_CRYPTO_E_FORMAT;
    if (v.memory_kib < crypto_pwhash_argon2id_MEMLIMIT_MIN / 1024)
        return FH_CRYPTO_E_FORMAT;
    *out = v;
    return 0;
}

static void write_number(struct wr *w, uint32_t v)
{
    uint8_t digits[10];
    size_t n = 0;

    do
        digits[n++] = (uint8_t)('0' + v % 10);
    while ((v /= 10) != 0);
    while (n > 0)
        wr_u8(w, digits[--n]);
}

static void write_text(struct wr *w, const char *text)
{
    wr_bytes(w, text, strlen(text));
}

static void write_base64(struct wr *w, const uint8_t *data, size_t len)
{
    char text[HASH_B64_LEN + 1];

    sodium_bin2base64(text, sizeof text, data, len, B64);
    write_text(w, text);
}

static void format(const struct fh_password_stored *v, struct wr *w)
{
    write_text(w, "$argon2id$v=19$m=");
    write_number(w, v->memory_kib);
    write_text(w, ",t=");
    write_number(w, v->passes);
    write_text(w, ",p=1$");
    write_base64(w, v->salt, sizeof v->salt);
    write_text(w, "$");
    write_base64(w, v->key, sizeof v->key);
    wr_u8(w, 0);
}

/* ---- the public calls ----------------------------------------------------------------------- */

static int compute(const struct fh_password_stored *v, const char *password, size_t len,
                   uint8_t hash[HASH_LEN])
{
    if (sodium_init() < 0)
        return FH_CRYPTO_E_INTERNAL;
    if (crypto_pwhash(hash, HASH_LEN, password, len, v->salt, v->passes,
                      (size_t)v->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return FH_CRYPTO_E_NOMEM;
    return 0;
}

int fh_password_hash(const char *password, size_t len, fh_random_fn random, void *user,
                     char out[FH_PASSWORD_HASH_MAX])
{
    struct fh_password_stored v = {.memory_kib = FH_PASSWORD_MEM_KIB, .passes = FH_PASSWORD_OPS};
    struct wr w = wr_init(out, FH_PASSWORD_HASH_MAX);
    int ret;

    if (len > FH_PASSWORD_MAX)
        return FH_CRYPTO_E_INVAL;
    random(user, v.salt, sizeof v.salt);
    if ((ret = compute(&v, password, len, v.key)) == 0)
        format(&v, &w);
    fh_wipe(&v, sizeof v);
    return ret;
}

int fh_password_verify(const char *stored, const char *password, size_t len)
{
    bool is_too_long = len > FH_PASSWORD_MAX; /* works as long as for any other wrong one */
    struct fh_password_stored v;
    uint8_t hash[HASH_LEN];
    int ret = parse(stored, &v);

    if (ret != 0)
        return ret;
    if ((ret = compute(&v, password, is_too_long ? 0 : len, hash)) != 0)
        goto out;
    if (is_too_long || sodium_memcmp(hash, v.key, sizeof hash) != 0)
        ret = FH_CRYPTO_E_AUTH;
out:
    fh_wipe(hash, sizeof hash);
    fh_wipe(&v, sizeof v);
    return ret;
}

int fh_password_fake(const char *password, size_t len)
{
    struct fh_password_stored v = {.memory_kib = FH_PASSWORD_MEM_KIB, .passes = FH_PASSWORD_OPS};
    int ret = compute(&v, password, len > FH_PASSWORD_MAX ? 0 : len, v.key);

    fh_wipe(&v, sizeof v);
    return ret == 0 ? FH_CRYPTO_E_AUTH : ret;
}

int fh_password_derive(const char *password, size_t len, const uint8_t salt[FH_PASSWORD_SALT_LEN],
                       uint32_t passes, uint32_t memory_kib, uint8_t out[FH_PASSWORD_KEY_LEN])
{
    struct fh_password_stored v = {.memory_kib = memory_kib, .passes = passes};

    if (len > FH_PASSWORD_MAX || passes < 1 || passes > FH_PASSWORD_OPS_MAX ||
        memory_kib < FH_PASSWORD_MEM_KIB_MIN || memory_kib > FH_PASSWORD_MEM_KIB_MAX)
        return FH_CRYPTO_E_INVAL;
    memcpy(v.salt, salt, sizeof v.salt);
    return compute(&v, password, len, out);
}

int fh_password_read(const char *text, struct fh_password_stored *out)
{
    return parse(text, out);
}

int fh_password_needs_rehash(const char *stored)
{
    struct fh_password_stored v;
    int ret = parse(stored, &v);

    if (ret != 0)
        return ret;
    ret = v.memory_kib < FH_PASSWORD_MEM_KIB || v.passes < FH_PASSWORD_OPS;
    fh_wipe(&v, sizeof v);
    return ret;
}
