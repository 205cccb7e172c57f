/* SPDX-License-Identifier: MIT */
/* stun_build.c -- writing STUN messages. stun.c reads them. */
#include <farhand/stun.h>

#include <string.h>

#include "hash.h"
#include "stun_internal.h"
#include "wr.h"

static const struct {
    uint16_t code;
    const char *reason;
} reasons[] = {
    {FH_STUN_TRY_ALTERNATE, "Try Alternate"},
    {FH_STUN_BAD_REQUEST, "Bad Request"},
    {FH_STUN_UNAUTHENTICATED, "Unauthenticated"},
    {FH_STUN_FORBIDDEN, "Forbidden"},
    {FH_STUN_MOBILITY_FORBIDDEN, "Mobility Forbidden"},
    {FH_STUN_UNKNOWN_ATTRIBUTE, "Unknown Attribute"},
    {FH_STUN_ALLOCATION_MISMATCH, "Allocation Mismatch"},
    {FH_STUN_STALE_NONCE, "Stale Nonce"},
    {FH_STUN_ADDRESS_FAMILY_NOT_SUPPORTED, "Address Family not Supported"},
    {FH_STUN_WRONG_CREDENTIALS, "Wrong Credentials"},
    {FH_STUN_UNSUPPORTED_TRANSPORT, "Unsupported Transport Protocol"},
    {FH_STUN_PEER_FAMILY_MISMATCH, "Peer Address Family Mismatch"},
    {FH_STUN_QUOTA_REACHED, "Allocation Quota Reached"},
    {FH_STUN_ROLE_CONFLICT, "Role Conflict"},
    {FH_STUN_SERVER_ERROR, "Server Error"},
    {FH_STUN_INSUFFICIENT_CAPACITY, "Insufficient Capacity"},
};

static struct wr writer(const struct fh_stun_builder *b)
{
    return (struct wr){.mem = b->mem, .len = b->len, .cap = b->cap, .bad = b->bad};
}

/* Takes over what was written, and keeps the header's length right at every step. */
static void commit(struct fh_stun_builder *b, const struct wr *w)
{
    size_t body = w->len - FH_STUN_HEADER_LEN;

    if (w->bad || body > UINT16_MAX) {
        b->bad = true;
        return;
    }
    b->len = w->len;
    b->mem[2] = (uint8_t)(body >> 8);
    b->mem[3] = (uint8_t)body;
}

void fh_stun_build(struct fh_stun_builder *b, void *mem, size_t cap, enum fh_stun_class cls,
                   uint16_t method, const uint8_t txid[FH_STUN_TXID_LEN])
{
    struct wr w = wr_init(mem, cap);
    unsigned m = method, c = cls;

    *b = (struct fh_stun_builder){.mem = mem, .cap = cap, .bad = method > 0xfff || c > 3};
    w.bad = b->bad;
    /* Class and method lie across each other: M11-M7 C1 M6-M4 C0 M3-M0. */
    wr_u16(&w, (uint16_t)((m & 0xf80) << 2 | (c & 2) << 7 | (m & 0x70) << 1 | (c & 1) << 4 |
                          (m & 0xf)));
    wr_u16(&w, 0);
    wr_u32(&w, FH_STUN_COOKIE);
    wr_bytes(&w, txid, FH_STUN_TXID_LEN);
    commit(b, &w);
}

void fh_stun_build_response(struct fh_stun_builder *b, void *mem, size_t cap,
                            enum fh_stun_class cls, const struct fh_stun_message *m)
{
    fh_stun_build(b, mem, cap, cls, m->method, m->txid);
}

static void begin(struct wr *w, uint16_t type, size_t len)
{
    if (len > UINT16_MAX)
        w->bad = true;
    wr_u16(w, type);
    wr_u16(w, (uint16_t)len);
}

void fh_stun_write(struct fh_stun_builder *b, uint16_t type, const void *data, size_t len)
{
    struct wr w = writer(b);

    begin(&w, type, len);
    wr_bytes(&w, data, len);
    wr_zeros(&w, (4 - len % 4) % 4);
    commit(b, &w);
}

void fh_stun_write_text(struct fh_stun_builder *b, uint16_t type, const char *text)
{
    fh_stun_write(b, type, text, strlen(text));
}

void fh_stun_write_u32(struct fh_stun_builder *b, uint16_t type, uint32_t value)
{
    struct wr w = writer(b);

    begin(&w, type, 4);
    wr_u32(&w, value);
    commit(b, &w);
}

void fh_stun_write_u64(struct fh_stun_builder *b, uint16_t type, uint64_t value)
{
    struct wr w = writer(b);

    begin(&w, type, 8);
    wr_u64(&w, value);
    commit(b, &w);
}

void fh_stun_write_address(struct fh_stun_builder *b, uint16_t type, const struct fh_ice_address *a)
{
    struct fh_ice_address x = *a;
    size_t len = a->family == FH_ICE_IPV4 ? 4 : 16;
    struct wr w = writer(b);

    if (a->family != FH_ICE_IPV4 && a->family != FH_ICE_IPV6)
        w.bad = true;
    if (!w.bad && fh__stun_is_xored(type))
        fh__stun_xor(&x, b->mem + FH_STUN_HEADER_LEN - FH_STUN_TXID_LEN);
    begin(&w, type, 4 + len);
    wr_u8(&w, 0);
    wr_u8(&w, a->family == FH_ICE_IPV4 ? 1 : 2);
    wr_u16(&w, x.port);
    wr_bytes(&w, x.ip, len);
    commit(b, &w);
}

static const char *reason_of(unsigned code)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].code == code)
            return reasons[i].reason;
    return "";
}

void fh_stun_write_error(struct fh_stun_builder *b, unsigned code)
{
    uint8_t value[4 + 32] = {0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100)};
    const char *reason = reason_of(code);
    size_t len = strlen(reason);

    if (code < 300 || code > 699)
        b->bad = true;
    memcpy(value + 4, reason, len);
    fh_stun_write(b, FH_STUN_ERROR_CODE, value, 4 + len);
}

void fh_stun_write_unknown(struct fh_stun_builder *b, const struct fh_stun_message *m)
{
    uint8_t value[2 * FH_STUN_MAX_UNKNOWN];

    for (size_t i = 0; i < m->unknown_len; i++) {
        value[2 * i] = (uint8_t)(m->unknown[i] >> 8);
        value[2 * i + 1] = (uint8_t)m->unknown[i];
    }
    fh_stun_write(b, FH_STUN_UNKNOWN_ATTRIBUTES, value, 2 * m->unknown_len);
}

void fh_stun_write_channel(struct fh_stun_builder *b, uint16_t channel)
{
    fh_stun_write_u32(b, FH_STUN_CHANNEL_NUMBER, (uint32_t)channel << 16);
}

/* RFC 8656 18.6: u8 family, three zero bytes. */
void fh_stun_write_family(struct fh_stun_builder *b, uint16_t type, enum fh_ice_family family)
{
    fh_stun_write_u32(b, type, family == FH_ICE_IPV4 ? 0x01000000u : 0x02000000u);
}

void fh_stun_write_password_algorithm(struct fh_stun_builder *b,
                                      enum fh_stun_password_algorithm algorithm)
{
    fh_stun_write_u32(b, FH_STUN_PASSWORD_ALGORITHM, (uint32_t)algorithm << 16);
}

void fh_stun_write_integrity(struct fh_stun_builder *b, enum fh_stun_integrity by,
                             const uint8_t *key, size_t key_len)
{
    bool is_sha1 = by == FH_STUN_BY_SHA1;
    size_t len = is_sha1 ? FH_STUN_SHA1_LEN : FH_STUN_SHA256_LEN;
    uint8_t mac[FH_STUN_SHA256_LEN];

    if (!b->bad && fh__stun_mac(b->mem, b->len, len, by, key, key_len, mac) != 0)
        b->bad = true;
    if (!b->bad)
        fh_stun_write(b, is_sha1 ? FH_STUN_MESSAGE_INTEGRITY : FH_STUN_MESSAGE_INTEGRITY_SHA256,
                      mac, len);
}

void fh_stun_write_fingerprint(struct fh_stun_builder *b)
{
    size_t at = b->len;

    /* The CRC is over the header as it will be, so the attribute is written first. */
    fh_stun_write_u32(b, FH_STUN_FINGERPRINT, 0);
    if (b->bad)
        return;
    b->len = at;
    fh_stun_write_u32(b, FH_STUN_FINGERPRINT, fh__crc32(b->mem, at) ^ FH__STUN_FINGERPRINT_XOR);
}

size_t fh_stun_build_end(struct fh_stun_builder *b)
{
    return b->bad ? 0 : b->len;
}
