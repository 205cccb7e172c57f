/* SPDX-License-Identifier: MIT */
#include "hash.h"

#include <string.h>

#include <mbedtls/md5.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

/* In version 2 these names are functions that cannot fail, and deprecated. */
#if MBEDTLS_VERSION_MAJOR < 3
#define md5_starts mbedtls_md5_starts_ret
#define md5_update mbedtls_md5_update_ret
#define md5_finish mbedtls_md5_finish_ret
#define sha1_starts mbedtls_sha1_starts_ret
#define sha1_update mbedtls_sha1_update_ret
#define sha1_finish mbedtls_sha1_finish_ret
#define sha256_starts mbedtls_sha256_starts_ret
#define sha256_update mbedtls_sha256_update_ret
#define sha256_finish mbedtls_sha256_finish_ret
#else
#define md5_starts mbedtls_md5_starts
#define md5_update mbedtls_md5_update
#define md5_finish mbedtls_md5_finish
#define sha1_starts mbedtls_sha1_starts
#define sha1_update mbedtls_sha1_update
#define sha1_finish mbedtls_sha1_finish
#define sha256_starts mbedtls_sha256_starts
#define sha256_update mbedtls_sha256_update
#define sha256_finish mbedtls_sha256_finish
#endif

enum { BLOCK = 64 }; /* of all three */

typedef int (*hash_fn)(const struct fh__piece *pieces, size_t n, uint8_t *out);

void fh__ice_wipe(void *secret, size_t len)
{
    mbedtls_platform_zeroize(secret, len);
}

int fh__md5(const struct fh__piece *pieces, size_t n, uint8_t out[FH__MD5_LEN])
{
    mbedtls_md5_context c;
    int ret;

    mbedtls_md5_init(&c);
    ret = md5_starts(&c);
    for (size_t i = 0; i < n && ret == 0; i++)
        ret = md5_update(&c, pieces[i].data, pieces[i].len);
    if (ret == 0)
        ret = md5_finish(&c, out);
    mbedtls_md5_free(&c);
    return ret;
}

static int sha1(const struct fh__piece *pieces, size_t n, uint8_t *out)
{
    mbedtls_sha1_context c;
    int ret;

    mbedtls_sha1_init(&c);
    ret = sha1_starts(&c);
    for (size_t i = 0; i < n && ret == 0; i++)
        ret = sha1_update(&c, pieces[i].data, pieces[i].len);
    if (ret == 0)
        ret = sha1_finish(&c, out);
    mbedtls_sha1_free(&c);
    return ret;
}

int fh__sha256(const struct fh__piece *pieces, size_t n, uint8_t out[FH__SHA256_LEN])
{
    mbedtls_sha256_context c;
    int ret;

    mbedtls_sha256_init(&c);
    ret = sha256_starts(&c, 0);
    for (size_t i = 0; i < n && ret == 0; i++)
        ret = sha256_update(&c, pieces[i].data, pieces[i].len);
    if (ret == 0)
        ret = sha256_finish(&c, out);
    mbedtls_sha256_free(&c);
    return ret;
}

enum { PIECES = 4 }; /* the most that an HMAC is made of here */

/* RFC 2104: H(K xor opad, H(K xor ipad, text)). */
static int hmac(hash_fn hash, size_t hash_len, const uint8_t *key, size_t key_len,
                const struct fh__piece *pieces, size_t n, uint8_t *out)
{
    uint8_t pad[BLOCK] = {0}, inner[FH__SHA256_LEN];
    struct fh__piece all[PIECES + 1] = {{.data = pad, .len = sizeof pad}};
    struct fh__piece whole = {.data = key, .len = key_len};
    int ret = 0;

    if (key_len > BLOCK)
        ret = hash(&whole, 1, pad);
    else if (key_len != 0)
        memcpy(pad, key, key_len);
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36;
    for (size_t i = 0; i < n && i < PIECES; i++)
        all[1 + i] = pieces[i];
    if (ret == 0)
        ret = hash(all, 1 + n, inner);
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    all[1] = (struct fh__piece){.data = inner, .len = hash_len};
    if (ret == 0)
        ret = hash(all, 2, out);
    fh__ice_wipe(pad, sizeof pad);
    return ret;
}

int fh__hmac_sha1(const uint8_t *key, size_t key_len, const struct fh__piece *pieces, size_t n,
                  uint8_t out[FH__SHA1_LEN])
{
    return hmac(sha1, FH__SHA1_LEN, key, key_len, pieces, n, out);
}

int fh__hmac_sha256(const uint8_t *key, size_t key_len, const struct fh__piece *pieces, size_t n,
                    uint8_t out[FH__SHA256_LEN])
{
    return hmac(fh__sha256, FH__SHA256_LEN, key, key_len, pieces, n, out);
}

/* Four bits at a time: a table of 16 words, for messages of a hundred bytes. */
uint32_t fh__crc32(const uint8_t *data, size_t len)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}
