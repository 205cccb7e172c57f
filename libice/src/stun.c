/* SPDX-License-Identifier: MIT */
/* stun.c -- reading STUN messages. stun_build.c writes them. */
#include <farhand/stun.h>

#include <string.h>

#include <farhand/ice_error.h>

#include "hash.h"
#include "rd.h"
#include "stun_internal.h"

/* What this library has a meaning for, below 0x8000. */
static const uint16_t understood[] = {
    FH_STUN_MAPPED_ADDRESS,
    FH_STUN_USERNAME,
    FH_STUN_MESSAGE_INTEGRITY,
    FH_STUN_ERROR_CODE,
    FH_STUN_UNKNOWN_ATTRIBUTES,
    FH_STUN_CHANNEL_NUMBER,
    FH_STUN_LIFETIME,
    FH_STUN_XOR_PEER_ADDRESS,
    FH_STUN_DATA_ATTRIBUTE,
    FH_STUN_REALM,
    FH_STUN_NONCE,
    FH_STUN_XOR_RELAYED_ADDRESS,
    FH_STUN_REQUESTED_ADDRESS_FAMILY,
    FH_STUN_EVEN_PORT,
    FH_STUN_REQUESTED_TRANSPORT,
    FH_STUN_DONT_FRAGMENT,
    FH_STUN_MESSAGE_INTEGRITY_SHA256,
    FH_STUN_PASSWORD_ALGORITHM,
    FH_STUN_USERHASH,
    FH_STUN_XOR_MAPPED_ADDRESS,
    FH_STUN_RESERVATION_TOKEN,
    FH_STUN_PRIORITY,
    FH_STUN_USE_CANDIDATE,
};

static bool is_understood(uint16_t type)
{
    for (size_t i = 0; i < sizeof understood / sizeof *understood; i++)
        if (understood[i] == type)
            return true;
    return type >= 0x8000;
}

size_t fh_stun_frame_len(const uint8_t header[4])
{
    size_t len = (size_t)header[2] << 8 | header[3];

    return header[0] >= 0x40 || len % 4 != 0 ? 0 : FH_STUN_HEADER_LEN + len;
}

bool fh_stun_is_message(const void *data, size_t len)
{
    struct rd r = rd_init(data, len);

    if (len < FH_STUN_HEADER_LEN || fh_stun_frame_len(data) != len)
        return false;
    rd_skip(&r, 4);
    return rd_u32(&r) == FH_STUN_COOKIE;
}

static size_t padding(size_t len)
{
    return (4 - len % 4) % 4;
}

static bool read_attribute(struct rd *r, struct fh_stun_attribute *out)
{
    out->type = rd_u16(r);
    out->len = rd_u16(r);
    out->value = rd_bytes(r, out->len);
    rd_skip(r, padding(out->len));
    return !r->bad;
}

/* RFC 8489 14.7: the CRC of all before the attribute, XORed; the length counts the attribute. */
static bool is_fingerprint_right(const struct fh_stun_message *m, size_t at,
                                 const struct fh_stun_attribute *a)
{
    struct rd r = rd_init(a->value, a->len);

    return a->len == 4 && at + FH__STUN_FINGERPRINT_ROOM == m->len &&
           rd_u32(&r) == (fh__crc32(m->data, at) ^ FH__STUN_FINGERPRINT_XOR);
}

/* RFC 8489 14.6: at least 16 bytes, and a multiple of 4. */
static bool is_sha256_cut(size_t len)
{
    return len >= 16 && len <= FH_STUN_SHA256_LEN && len % 4 == 0;
}

/* RFC 8489 14.5, 14.6: after an integrity attribute only a stronger one and FINGERPRINT count. */
static bool note_trailer(struct fh_stun_message *m, size_t at, const struct fh_stun_attribute *a)
{
    switch (a->type) {
    case FH_STUN_MESSAGE_INTEGRITY:
        if (m->integrity == 0 && m->integrity_sha256 == 0)
            m->integrity = at;
        return a->len == FH_STUN_SHA1_LEN;
    case FH_STUN_MESSAGE_INTEGRITY_SHA256:
        if (m->integrity_sha256 == 0)
            m->integrity_sha256 = at;
        return is_sha256_cut(a->len);
    case FH_STUN_FINGERPRINT:
        m->has_fingerprint = is_fingerprint_right(m, at, a);
        return m->has_fingerprint;
    default:
        return true;
    }
}

static bool is_trailer(uint16_t type)
{
    return type == FH_STUN_MESSAGE_INTEGRITY || type == FH_STUN_MESSAGE_INTEGRITY_SHA256 ||
           type == FH_STUN_FINGERPRINT;
}

static void note_unknown(struct fh_stun_message *m, uint16_t type)
{
    if (!is_understood(type) && m->unknown_len < FH_STUN_MAX_UNKNOWN)
        m->unknown[m->unknown_len++] = type;
}

static bool parse_attributes(struct fh_stun_message *m)
{
    struct rd r = rd_init(m->data, m->len);
    struct fh_stun_attribute a;
    bool is_over = false;

    rd_skip(&r, FH_STUN_HEADER_LEN);
    while (r.left > 0) {
        size_t at = m->len - r.left;

        if (!read_attribute(&r, &a))
            return false;
        if (is_trailer(a.type) && !is_over) {
            m->end = at;
            is_over = true;
        }
        if (is_trailer(a.type) && !note_trailer(m, at, &a))
            return false;
        if (!is_over)
            note_unknown(m, a.type);
    }
    return true;
}

/* Class and method lie across each other: M11-M7 C1 M6-M4 C0 M3-M0. */
static void split_type(uint16_t type, struct fh_stun_message *m)
{
    m->cls = (enum fh_stun_class)((type >> 7 & 2) | (type >> 4 & 1));
    m->method = (uint16_t)((type >> 2 & 0xf80) | (type >> 1 & 0x70) | (type & 0xf));
}

int fh_stun_parse(const void *data, size_t len, struct fh_stun_message *out)
{
    struct fh_stun_message m = {.data = data, .len = len, .end = len};
    struct rd r = rd_init(data, len);

    if (!fh_stun_is_message(data, len))
        return FH_ICE_E_PROTO;
    split_type(rd_u16(&r), &m);
    rd_skip(&r, 6);
    rd_copy(&r, m.txid, sizeof m.txid);
    if (!parse_attributes(&m))
        return FH_ICE_E_PROTO;
    *out = m;
    return 0;
}

/* Takes the same time wherever the difference lies. */
static bool is_same(const uint8_t *a, const uint8_t *b, size_t len)
{
    unsigned diff = 0;

    for (size_t i = 0; i < len; i++)
        diff |= (unsigned)(a[i] ^ b[i]);
    return diff == 0;
}

int fh__stun_mac(const uint8_t *data, size_t at, size_t mac_len, enum fh_stun_integrity by,
                 const uint8_t *key, size_t key_len, uint8_t out[FH_STUN_SHA256_LEN])
{
    size_t counted = at - FH_STUN_HEADER_LEN + 4 + mac_len;
    const uint8_t length[2] = {(uint8_t)(counted >> 8), (uint8_t)counted};
    const struct fh__piece pieces[] = {
        {.data = data, .len = 2}, {.data = length, .len = 2}, {.data = data + 4, .len = at - 4}};

    if (by == FH_STUN_BY_SHA1)
        return fh__hmac_sha1(key, key_len, pieces, 3, out);
    return fh__hmac_sha256(key, key_len, pieces, 3, out);
}

int fh_stun_check_integrity(const struct fh_stun_message *m, enum fh_stun_integrity by,
                            const uint8_t *key, size_t key_len)
{
    size_t at = by == FH_STUN_BY_SHA1 ? m->integrity : m->integrity_sha256;
    uint8_t mac[FH_STUN_SHA256_LEN];
    size_t mac_len;
    bool is_right;

    if (at == 0)
        return FH_ICE_E_AUTH;
    mac_len = (size_t)m->data[at + 2] << 8 | m->data[at + 3];
    is_right = fh__stun_mac(m->data, at, mac_len, by, key, key_len, mac) == 0 &&
               is_same(mac, m->data + at + 4, mac_len);
    fh__ice_wipe(mac, sizeof mac);
    return is_right ? 0 : FH_ICE_E_AUTH;
}

bool fh_stun_next(const struct fh_stun_message *m, size_t *at, struct fh_stun_attribute *out)
{
    size_t start = *at < FH_STUN_HEADER_LEN ? FH_STUN_HEADER_LEN : *at;
    struct rd r;

    if (start >= m->end)
        return false;
    r = rd_init(m->data + start, m->end - start);
    if (!read_attribute(&r, out))
        return false;
    *at = m->end - r.left;
    return true;
}

const uint8_t *fh_stun_find(const struct fh_stun_message *m, uint16_t type, size_t *len)
{
    struct fh_stun_attribute a;
    size_t at = 0;

    while (fh_stun_next(m, &at, &a)) {
        if (a.type != type)
            continue;
        if (len)
            *len = a.len;
        return a.value;
    }
    return NULL;
}

bool fh_stun_has(const struct fh_stun_message *m, uint16_t type)
{
    return fh_stun_find(m, type, NULL) != NULL;
}

bool fh_stun_read_u32(const struct fh_stun_message *m, uint16_t type, uint32_t *out)
{
    size_t len = 0;
    const uint8_t *value = fh_stun_find(m, type, &len);
    struct rd r = rd_init(value, len);

    if (!value || len != 4)
        return false;
    *out = rd_u32(&r);
    return true;
}

bool fh_stun_read_u64(const struct fh_stun_message *m, uint16_t type, uint64_t *out)
{
    size_t len = 0;
    const uint8_t *value = fh_stun_find(m, type, &len);
    struct rd r = rd_init(value, len);

    if (!value || len != 8)
        return false;
    *out = rd_u64(&r);
    return true;
}

bool fh__stun_is_xored(uint16_t type)
{
    return type == FH_STUN_XOR_MAPPED_ADDRESS || type == FH_STUN_XOR_PEER_ADDRESS ||
           type == FH_STUN_XOR_RELAYED_ADDRESS;
}

void fh__stun_xor(struct fh_ice_address *a, const uint8_t txid[FH_STUN_TXID_LEN])
{
    const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};

    a->port ^= FH_STUN_COOKIE >> 16;
    for (size_t i = 0; i < 4; i++)
        a->ip[i] ^= cookie[i];
    for (size_t i = 4; i < 16 && a->family == FH_ICE_IPV6; i++)
        a->ip[i] ^= txid[i - 4];
}

/* RFC 8489 14.1, 14.2: u8 zero, u8 family, u16 port, then 4 or 16 bytes. */
bool fh_stun_attribute_address(const struct fh_stun_message *m, const struct fh_stun_attribute *at,
                               struct fh_ice_address *out)
{
    struct fh_ice_address a = {.port = 0};
    struct rd r = rd_init(at->value, at->len);
    uint8_t family;

    rd_skip(&r, 1);
    family = rd_u8(&r);
    a.port = rd_u16(&r);
    a.family = family == 1 ? FH_ICE_IPV4 : family == 2 ? FH_ICE_IPV6 : FH_ICE_FAMILY_NONE;
    rd_copy(&r, a.ip, a.family == FH_ICE_IPV4 ? 4 : 16);
    if (!rd_is_done(&r) || a.family == FH_ICE_FAMILY_NONE)
        return false;
    if (fh__stun_is_xored(at->type))
        fh__stun_xor(&a, m->txid);
    *out = a;
    return true;
}

bool fh_stun_read_address(const struct fh_stun_message *m, uint16_t type,
                          struct fh_ice_address *out)
{
    struct fh_stun_attribute a = {.type = type};
    size_t len = 0;

    a.value = fh_stun_find(m, type, &len);
    a.len = (uint16_t)len;
    return a.value && fh_stun_attribute_address(m, &a, out);
}

bool fh_stun_read_mapped(const struct fh_stun_message *m, struct fh_ice_address *out)
{
    return fh_stun_read_address(m, FH_STUN_XOR_MAPPED_ADDRESS, out) ||
           fh_stun_read_address(m, FH_STUN_MAPPED_ADDRESS, out);
}

/* RFC 8489 14.8: u16 zero, u8 class (3 to 6), u8 number (0 to 99), then the reason. */
bool fh_stun_read_error(const struct fh_stun_message *m, unsigned *code, const char **reason,
                        size_t *reason_len)
{
    size_t len = 0;
    const uint8_t *value = fh_stun_find(m, FH_STUN_ERROR_CODE, &len);
    struct rd r = rd_init(value, len);
    unsigned cls, number;

    rd_skip(&r, 2);
    cls = rd_u8(&r) & 7;
    number = rd_u8(&r);
    if (r.bad || cls < 3 || cls > 6 || number > 99)
        return false;
    *code = cls * 100 + number;
    if (reason) {
        *reason = (const char *)r.p;
        *reason_len = r.left;
    }
    return true;
}

bool fh_stun_read_channel(const struct fh_stun_message *m, uint16_t *out)
{
    uint32_t v;

    if (!fh_stun_read_u32(m, FH_STUN_CHANNEL_NUMBER, &v))
        return false;
    *out = (uint16_t)(v >> 16);
    return true;
}
