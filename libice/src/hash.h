/* SPDX-License-Identifier: MIT */
/*
 * hash.h -- the hashes of STUN, by mbedTLS. Never installed.
 *
 * Written on the hash contexts themselves: mbedtls_md_* would allocate for every message.
 */
#ifndef FH_ICE_HASH_H
#define FH_ICE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { FH__SHA1_LEN = 20, FH__SHA256_LEN = 32, FH__MD5_LEN = 16 };

/* A piece of what is hashed. */
struct fh__piece {
    const void *data;
    size_t len;
};

/* All return 0; nonzero if mbedTLS failed, which a build without an alternative engine never does.
 */
int fh__sha256(const struct fh__piece *pieces, size_t n, uint8_t out[FH__SHA256_LEN]);
int fh__md5(const struct fh__piece *pieces, size_t n, uint8_t out[FH__MD5_LEN]);
/* RFC 2104. */
int fh__hmac_sha1(const uint8_t *key, size_t key_len, const struct fh__piece *pieces, size_t n,
                  uint8_t out[FH__SHA1_LEN]);
int fh__hmac_sha256(const uint8_t *key, size_t key_len, const struct fh__piece *pieces, size_t n,
                    uint8_t out[FH__SHA256_LEN]);

/* The CRC of ITU V.42, as in Ethernet and zlib. */
uint32_t fh__crc32(const uint8_t *data, size_t len);

void fh__ice_wipe(void *secret, size_t len);

#endif
