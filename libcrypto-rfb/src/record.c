/* SPDX-License-Identifier: MIT */
/*
 * record.c -- records, sealed and opened in place. docs/protocol.md, "Records".
 *
 *     u8 epoch | u24 length | AES-256-GCM(key, iv XOR seq, AAD = the 4 bytes before, inner)
 *     inner = content || u8 type || zeros
 */
#include <assert.h>
#include <string.h>

#include "channel_internal.h"

/* Padme: with e = floor(log2 len), the last e - floor(log2 e) - 1 bits of the length become zero by
 * rounding up: at most 12 % more. */
static size_t padme(size_t len)
{
    unsigned e = 0, bits = 0; /* bits = floor(log2 e) + 1 */
    size_t mask;

    for (size_t v = len; v > 1; v >>= 1)
        e++;
    for (unsigned v = e; v > 0; v >>= 1)
        bits++;
    mask = bits < e ? ((size_t)1 << (e - bits)) - 1 : 0;
    return (len + mask) & ~mask;
}

/* The length that inner gets; len includes the byte of the type. */
size_t fh__padded(size_t len, enum fh_channel_padding padding, size_t max)
{
    size_t to = len;

    switch (padding) {
    case FH_PAD_NONE:
        break;
    case FH_PAD_BLOCK64:
        to = (len + 63) & ~(size_t)63;
        break;
    case FH_PAD_PADME:
        to = padme(len);
        break;
    case FH_PAD_512:
        to = (len + 511) & ~(size_t)511;
        break;
    }
    return to < max ? to : max;
}

/* iv XOR be96(seq) */
static void nonce(const struct fh__keys *k, uint8_t out[FH__AEAD_IV_LEN])
{
    memcpy(out, k->iv, FH__AEAD_IV_LEN);
    for (unsigned i = 0; i < 8; i++)
        out[FH__AEAD_IV_LEN - 1 - i] ^= (uint8_t)(k->seq >> 8 * i);
}

uint8_t *fh__record_room(struct fh_channel *c, size_t len, size_t keep)
{
    if (len + 1 + FH__RECORD_OVERHEAD + keep > c->out_cap - c->out_end)
        return NULL;
    return c->out + c->out_end + FH__RECORD_HEADER;
}

/* Record number hard_records under a key may only be a Close, and none comes after it. */
static bool is_worn(const struct fh_channel *c, const struct fh__keys *k, enum fh__content type)
{
    uint64_t number = k->seq + 1;

    return number > c->limits.hard_records ||
           (number == c->limits.hard_records && type != FH__CLOSE);
}

int fh__record_seal(struct fh_channel *c, enum fh__content type, size_t len,
                    enum fh_channel_padding padding, size_t max)
{
    struct fh__keys *k = &c->s->out;
    uint8_t *header = c->out + c->out_end, *inner = header + FH__RECORD_HEADER;
    size_t padded = fh__padded(len + 1, padding, max);
    struct wr w = wr_init(header, FH__RECORD_HEADER);
    uint8_t iv[FH__AEAD_IV_LEN];
    int ret;

    assert(k->is_set && padded + FH__RECORD_OVERHEAD <= c->out_cap - c->out_end);
    if (is_worn(c, k, type))
        return FH_CRYPTO_E_INTERNAL;
    inner[len] = type;
    memset(inner + len + 1, 0, padded - len - 1);
    wr_u8(&w, k->epoch);
    wr_u24(&w, (uint32_t)(padded + FH__AEAD_TAG_LEN));
    nonce(k, iv);
    if ((ret = fh__aead_seal(&k->aead, iv, header, FH__RECORD_HEADER, inner, padded)) != 0)
        return ret;
    k->seq++;
    k->bytes += padded + FH__RECORD_OVERHEAD;
    c->out_end += padded + FH__RECORD_OVERHEAD;
    c->records_out++;
    return 0;
}

/* The keys that open an epoch. Until the server has accepted, its handshake keys are good too. */
static struct fh__keys *keys_of_epoch(struct fh_channel *c, uint8_t epoch)
{
    struct fh__secrets *s = c->s;

    if (s->in.is_set && s->in.epoch == epoch)
        return &s->in;
    if (s->early.is_set && epoch == 0)
        return &s->early;
    return NULL;
}

static int on_application(struct fh_channel *c, const uint8_t *content, size_t len)
{
    c->flood_in = 0;
    if (c->state == FH__CLOSING || len == 0)
        return 0;
    c->data_at = (size_t)(content - c->in);
    c->data_len = len;
    fh__channel_raise(c, FH_CHANNEL_EV_DATA);
    return 0;
}

/* Under application keys, or what refuses under handshake keys. */
static int on_open(struct fh_channel *c, uint8_t epoch, uint8_t type, const uint8_t *content,
                   size_t len)
{
    if (type == FH__CLOSE)
        return fh__close_receive(c, content, len);
    if (epoch == 0)
        return fh__channel_fail(c, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL);
    fh__keys_clear(&c->s->early);
    if (c->state == FH__EXPECT_ACCEPTANCE) {
        fh__control_opened(c);
        fh__channel_raise(c, FH_CHANNEL_EV_OPEN);
    }
    switch (type) {
    case FH__APPLICATION:
        return on_application(c, content, len);
    case FH__CONTROL:
        return fh__control_receive(c, content, len);
    }
    return fh__channel_fail(c, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL);
}

static int on_record(struct fh_channel *c, uint8_t epoch, uint8_t type, const uint8_t *content,
                     size_t len)
{
    switch (c->state) {
    case FH__EXPECT_CLIENT_FLIGHT:
        if (type == FH__HANDSHAKE)
            return fh__flight_receive(c, content, len);
        break;
    case FH__EXPECT_SERVER_FLIGHT:
        if (type == FH__HANDSHAKE)
            return fh__flight_receive(c, content, len);
        if (type == FH__CLOSE)
            return fh__close_receive(c, content, len);
        break;
    case FH__EXPECT_ACCEPTANCE:
    case FH__OPEN:
    case FH__CLOSING:
        return on_open(c, epoch, type, content, len);
    case FH__EXPECT_GREETING:
    case FH__EXPECT_CLIENT_HELLO:
    case FH__WAIT_PROCEED:
    case FH__EXPECT_FIRST_BYTE:
    case FH__EXPECT_SERVER_HELLO:
    case FH__WAIT_SIGNED:
    case FH__WAIT_ACCEPT:
    case FH__CLOSED:
        break;
    }
    return fh__channel_fail(c, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL);
}

/* Opens len bytes at header; the length of inner without its zeros, 0 if it is all zeros. */
static int open_record(struct fh__keys *k, uint8_t *header, size_t len, size_t *out_len)
{
    uint8_t *inner = header + FH__RECORD_HEADER;
    uint8_t iv[FH__AEAD_IV_LEN];
    int ret;

    nonce(k, iv);
    len -= FH__AEAD_TAG_LEN;
    if ((ret = fh__aead_open(&k->aead, iv, header, FH__RECORD_HEADER, inner, len)) != 0)
        return ret;
    while (len > 0 && inner[len - 1] == 0)
        len--;
    *out_len = len;
    return 0;
}

/* Takes one record from the in buffer. False: it is not complete yet. */
bool fh__record_step(struct fh_channel *c)
{
    uint8_t *header = c->in + c->in_start;
    size_t have = c->in_end - c->in_start, len, inner_len, max;
    struct rd r = rd_init(header, have);
    uint8_t epoch = rd_u8(&r), type;
    struct fh__keys *k = keys_of_epoch(c, epoch);

    if (have == 0)
        return false;
    if (!k)
        goto broken;
    len = rd_u24(&r);
    if (r.bad)
        return false;
    max = epoch == 0 ? FH__HANDSHAKE_INNER : c->own.max_record;
    if (len < 1 + FH__AEAD_TAG_LEN || len > max + FH__AEAD_TAG_LEN)
        goto broken;
    if (r.left < len)
        return false;
    c->in_start += FH__RECORD_HEADER + len;
    if (open_record(k, header, len, &inner_len) != 0) {
        fh__channel_fail(c, FH_CRYPTO_E_AUTH, FH_CODE_RECORD);
        return true;
    }
    c->records_in++;
    if (inner_len == 0)
        goto broken;
    type = header[FH__RECORD_HEADER + inner_len - 1];
    if (is_worn(c, k, type))
        goto broken;
    k->seq++;
    k->bytes += FH__RECORD_HEADER + len;
    (void)on_record(c, epoch, type, header + FH__RECORD_HEADER, inner_len - 1);
    return true;
broken:
    fh__channel_fail(c, FH_CRYPTO_E_PROTO, FH_CODE_PROTOCOL);
    return true;
}
