/* SPDX-License-Identifier: MIT */
/* portmap_message.c -- PCP's MAP (RFC 6887) and NAT-PMP (RFC 6886), written and read. */
#include <string.h>

#include "portmap.h"
#include "rd.h"
#include "wr.h"

enum {
    PCP_VERSION = 2,
    PCP_MAP = 1,
    PCP_RESPONSE = 0x80,
    UDP = 17,
    NATPMP_VERSION = 0,
    NATPMP_ADDRESS = 0,
    NATPMP_MAP_UDP = 1,
    NATPMP_RESPONSE = 0x80
};

/* An IPv4 address among those of IPv6: RFC 6887 section 5. */
static void write_ip(struct wr *w, const struct fh_ice_address *a)
{
    if (a->family == FH_ICE_IPV4) {
        wr_zeros(w, 10);
        wr_u16(w, 0xffff);
        wr_bytes(w, a->ip, 4);
    } else {
        wr_bytes(w, a->ip, 16);
    }
}

static void read_ip(struct rd *r, struct fh_ice_address *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    uint8_t ip[16];

    rd_copy(r, ip, sizeof ip);
    memset(out, 0, sizeof *out);
    if (memcmp(ip, mapped, sizeof mapped) == 0) {
        out->family = FH_ICE_IPV4;
        memcpy(out->ip, ip + 12, 4);
    } else {
        out->family = FH_ICE_IPV6;
        memcpy(out->ip, ip, 16);
    }
}

/* Where nothing is suggested, all zero, in the family that is wanted: RFC 6887 11.1. */
static struct fh_ice_address suggestion(const struct fh__portmap_fields *f)
{
    struct fh_ice_address a = f->external;

    if (a.family == FH_ICE_FAMILY_NONE)
        a = (struct fh_ice_address){.family = f->client.family};
    return a;
}

/*
 * u8 version, u8 opcode, u16 reserved, u32 lifetime, client's IP;
 * nonce (12), u8 protocol, u24 reserved, u16 internal port, u16 and IP suggested.
 * RFC 6887 7.1, 11.1.
 */
static void write_pcp(struct wr *w, const struct fh__portmap_fields *f)
{
    struct fh_ice_address s = suggestion(f);

    wr_u8(w, PCP_VERSION);
    wr_u8(w, PCP_MAP);
    wr_u16(w, 0);
    wr_u32(w, f->lifetime_s);
    write_ip(w, &f->client);
    wr_bytes(w, f->nonce, sizeof f->nonce);
    wr_u8(w, UDP);
    wr_u24(w, 0);
    wr_u16(w, f->client.port);
    wr_u16(w, s.port);
    write_ip(w, &s);
}

/* u8 version, u8 opcode, u16 reserved, u16 internal, u16 suggested, u32 lifetime. RFC 6886 3.3. */
static void write_natpmp_map(struct wr *w, const struct fh__portmap_fields *f)
{
    wr_u8(w, NATPMP_VERSION);
    wr_u8(w, NATPMP_MAP_UDP);
    wr_u16(w, 0);
    wr_u16(w, f->client.port);
    wr_u16(w, f->lifetime_s == 0 ? 0 : f->external.port); /* RFC 6886 3.4 */
    wr_u32(w, f->lifetime_s);
}

size_t fh__portmap_write(enum fh__portmap_protocol protocol, const struct fh__portmap_fields *f,
                         uint8_t *out, size_t cap)
{
    struct wr w = wr_init(out, cap);

    switch (protocol) {
    case FH__PCP:
        write_pcp(&w, f);
        break;
    case FH__NATPMP_ADDRESS: /* RFC 6886 3.2 */
        wr_u8(&w, NATPMP_VERSION);
        wr_u8(&w, NATPMP_ADDRESS);
        break;
    case FH__NATPMP_MAP:
        write_natpmp_map(&w, f);
        break;
    case FH__PORTMAP_PROTOCOLS:
        break;
    }
    return w.len;
}

/*
 * u8 version, u8 R and opcode, u8 reserved, u8 result, u32 lifetime, u32 epoch, reserved (12); then
 * as in the request. An error may come without the second part. RFC 6887 7.2, 11.2.
 */
static bool read_pcp(struct rd *r, struct fh__portmap_answer *a)
{
    uint16_t port;

    if (rd_u8(r) != (PCP_RESPONSE | PCP_MAP))
        return false;
    rd_skip(r, 1);
    a->protocol = FH__PCP;
    a->result = rd_u8(r);
    a->fields.lifetime_s = rd_u32(r);
    rd_skip(r, 16); /* epoch, reserved */
    if (r->bad || (a->result != FH__PORTMAP_OK && r->left < 36))
        return !r->bad;
    rd_copy(r, a->fields.nonce, sizeof a->fields.nonce);
    if (rd_u8(r) != UDP)
        return false;
    rd_skip(r, 3);
    a->internal_port = rd_u16(r);
    port = rd_u16(r);
    read_ip(r, &a->fields.external);
    a->fields.external.port = port;
    return !r->bad; /* options may follow: none was asked for */
}

/* u8 version, u8 128 + opcode, u16 result, u32 epoch; an address, or two ports and a lifetime. */
static bool read_natpmp(struct rd *r, struct fh__portmap_answer *a)
{
    uint8_t op = rd_u8(r);

    if (op != (NATPMP_RESPONSE | NATPMP_ADDRESS) && op != (NATPMP_RESPONSE | NATPMP_MAP_UDP) &&
        op != (NATPMP_RESPONSE | PCP_MAP))
        return false;
    a->protocol = op == NATPMP_RESPONSE ? FH__NATPMP_ADDRESS : FH__NATPMP_MAP;
    a->result = rd_u16(r);
    rd_skip(r, 4); /* epoch */
    if (a->result != FH__PORTMAP_OK)
        return !r->bad;
    if (a->protocol == FH__NATPMP_ADDRESS) {
        a->fields.external.family = FH_ICE_IPV4;
        rd_copy(r, a->fields.external.ip, 4);
    } else {
        a->internal_port = rd_u16(r);
        a->fields.external.port = rd_u16(r);
        a->fields.lifetime_s = rd_u32(r);
    }
    return !r->bad;
}

bool fh__portmap_read(const void *data, size_t len, struct fh__portmap_answer *out)
{
    struct rd r = rd_init(data, len);
    struct fh__portmap_answer a;
    uint8_t version = rd_u8(&r);

    memset(&a, 0, sizeof a);
    if (len > FH_PORTMAP_MAX_DATAGRAM)
        return false;
    if (version == PCP_VERSION ? !read_pcp(&r, &a)
                               : version != NATPMP_VERSION || !read_natpmp(&r, &a))
        return false;
    *out = a;
    return true;
}
