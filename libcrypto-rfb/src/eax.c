/* SPDX-License-Identifier: MIT */
#include "eax.h"

#include <string.h>

#include <sodium.h>

#include "internal.h"

/* ---- CMAC, NIST SP 800-38B ------------------------------------------------------------------ */

struct cmac {
    struct fh__eax *e;
    uint8_t x[FH__EAX_BLOCK];
    uint8_t block[FH__EAX_BLOCK]; /* the last is kept until it is known to be no last one */
    size_t n;
    int ret;
};

static void xor_block(uint8_t *out, const uint8_t *with)
{
    for (size_t i = 0; i < FH__EAX_BLOCK; i++)
        out[i] ^= with[i];
}

/* Multiplies by x in GF(2^128), without a branch on what it is. */
static void double_block(const uint8_t in[FH__EAX_BLOCK], uint8_t out[FH__EAX_BLOCK])
{
    uint8_t carry = (uint8_t)(-(in[0] >> 7) & 0x87);

    for (size_t i = 0; i + 1 < FH__EAX_BLOCK; i++)
        out[i] = (uint8_t)(in[i] << 1 | in[i + 1] >> 7);
    out[FH__EAX_BLOCK - 1] = (uint8_t)(in[FH__EAX_BLOCK - 1] << 1 ^ carry);
}

static void absorb(struct cmac *c)
{
    xor_block(c->x, c->block);
    if (c->ret == 0)
        c->ret = mbedtls_aes_crypt_ecb(&c->e->aes, MBEDTLS_AES_ENCRYPT, c->x, c->x);
    c->n = 0;
}

static void cmac_add(struct cmac *c, const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t room, take;

        if (c->n == FH__EAX_BLOCK)
            absorb(c);
        room = FH__EAX_BLOCK - c->n;
        take = len < room ? len : room;
        memcpy(c->block + c->n, data, take);
        c->n += take;
        data += take;
        len -= take;
    }
}

/* OMAC^t(data) of EAX: CMAC over a block that ends in t, and data. */
static int omac(struct fh__eax *e, uint8_t t, const uint8_t *data, size_t len,
                uint8_t out[FH__EAX_BLOCK])
{
    struct cmac c = {.e = e};
    const uint8_t head[FH__EAX_BLOCK] = {[FH__EAX_BLOCK - 1] = t};

    cmac_add(&c, head, sizeof head);
    cmac_add(&c, data, len);
    if (c.n == FH__EAX_BLOCK) {
        xor_block(c.block, e->whole);
    } else {
        memset(c.block + c.n, 0, FH__EAX_BLOCK - c.n);
        c.block[c.n] = 0x80;
        xor_block(c.block, e->part);
    }
    absorb(&c);
    memcpy(out, c.x, FH__EAX_BLOCK);
    fh_wipe(&c, sizeof c);
    return c.ret == 0 ? 0 : FH_CRYPTO_E_INTERNAL;
}

/* ---- EAX ------------------------------------------------------------------------------------ */

int fh__eax_set(struct fh__eax *e, const uint8_t *key, size_t key_len)
{
    uint8_t zero[FH__EAX_BLOCK] = {0};
    int ret;

    mbedtls_aes_init(&e->aes);
    ret = mbedtls_aes_setkey_enc(&e->aes, key, (unsigned)(8 * key_len));
    if (ret == 0)
        ret = mbedtls_aes_crypt_ecb(&e->aes, MBEDTLS_AES_ENCRYPT, zero, zero);
    double_block(zero, e->whole);
    double_block(e->whole, e->part);
    fh_wipe(zero, sizeof zero);
    return ret == 0 ? 0 : FH_CRYPTO_E_INTERNAL;
}

static int crypt_ctr(struct fh__eax *e, const uint8_t start[FH__EAX_BLOCK], uint8_t *data,
                     size_t len)
{
    uint8_t counter[FH__EAX_BLOCK], stream[FH__EAX_BLOCK];
    size_t at = 0;
    int ret;

    memcpy(counter, start, sizeof counter);
    ret = mbedtls_aes_crypt_ctr(&e->aes, len, &at, counter, stream, data, data);
    fh_wipe(stream, sizeof stream);
    return ret == 0 ? 0 : FH_CRYPTO_E_INTERNAL;
}

/* The tag of data, which is sealed; *start: where the key stream begins. */
static int make_tag(struct fh__eax *e, const uint8_t *start, const uint8_t *aad, size_t aad_len,
                    const uint8_t *data, size_t len, uint8_t tag[FH__EAX_TAG_LEN])
{
    uint8_t part[FH__EAX_BLOCK];
    int ret = omac(e, 2, data, len, tag);

    if (ret == 0)
        ret = omac(e, 1, aad, aad_len, part);
    xor_block(tag, part);
    xor_block(tag, start);
    return ret;
}

int fh__eax_seal(struct fh__eax *e, const uint8_t nonce[FH__EAX_BLOCK], const uint8_t *aad,
                 size_t aad_len, uint8_t *data, size_t len)
{
    uint8_t start[FH__EAX_BLOCK];
    int ret = omac(e, 0, nonce, FH__EAX_BLOCK, start);

    if (ret == 0)
        ret = crypt_ctr(e, start, data, len);
    return ret == 0 ? make_tag(e, start, aad, aad_len, data, len, data + len) : ret;
}

int fh__eax_open(struct fh__eax *e, const uint8_t nonce[FH__EAX_BLOCK], const uint8_t *aad,
                 size_t aad_len, uint8_t *data, size_t len)
{
    uint8_t start[FH__EAX_BLOCK], tag[FH__EAX_TAG_LEN];
    int ret = omac(e, 0, nonce, FH__EAX_BLOCK, start);

    if (ret == 0)
        ret = make_tag(e, start, aad, aad_len, data, len, tag);
    if (ret == 0 && sodium_memcmp(tag, data + len, sizeof tag) != 0)
        ret = FH_CRYPTO_E_AUTH;
    return ret == 0 ? crypt_ctr(e, start, data, len) : ret;
}
