/* SPDX-License-Identifier: MIT */
/* sctp_wire.c -- packets and chunks (RFC 9260 section 3), and which of them may arrive when. */
#include "sctp_internal.h"

#include "rd.h"
#include "wr.h"

enum { T_BIT = 1 };

enum {
    CONNECTED = SCTP_ESTABLISHED | SCTP_SHUTDOWN_SENT | SCTP_SHUTDOWN_ACK_SENT,
    ANY = SCTP_COOKIE_WAIT | SCTP_INIT_SEEN | SCTP_COOKIE_ECHOED | CONNECTED
};

/*
 * Whatever is not in this table, or not at this time, costs the whole packet. So an association
 * that stands never sees INIT, ASCONF, AUTH, PKTDROP, RE-CONFIG and what else could restart or
 * reshape it; COOKIE ECHO only counts there if it is the one that was answered before.
 */
static const struct {
    uint8_t type;
    uint16_t when;  /* phases */
    uint16_t least; /* bytes of value */
    bool alone;     /* 6.10: not bundled */
} allowed[] = {
    {SCTP_DATA, CONNECTED | SCTP_INIT_SEEN | SCTP_COOKIE_ECHOED, SCTP_DATA_HEADER - 4 + 1, false},
    {SCTP_INIT, SCTP_WAITING | SCTP_INIT_SEEN, 16, true},
    {SCTP_INIT_ACK, SCTP_COOKIE_WAIT, 16, true},
    {SCTP_SACK, CONNECTED | SCTP_COOKIE_ECHOED, 12, false},
    {SCTP_HEARTBEAT, CONNECTED, 4, false},
    {SCTP_HEARTBEAT_ACK, CONNECTED, 4, false},
    {SCTP_ABORT, ANY, 0, false},
    {SCTP_SHUTDOWN, CONNECTED, 4, false},
    {SCTP_SHUTDOWN_ACK, SCTP_SHUTDOWN_SENT | SCTP_SHUTDOWN_ACK_SENT | SCTP_DONE, 0, false},
    {SCTP_ERROR, ANY, 0, false},
    {SCTP_COOKIE_ECHO, SCTP_INIT_SEEN | CONNECTED, 1, false},
    {SCTP_COOKIE_ACK, SCTP_COOKIE_ECHOED | CONNECTED, 0, false},
    {SCTP_SHUTDOWN_COMPLETE, SCTP_SHUTDOWN_ACK_SENT, 0, true},
};

enum verdict { DROP, SKIP, TAKE };

/* 3.2: types with the highest bit say that who does not know them may skip them. */
static enum verdict judge(enum sctp_phase phase, const struct sctp_chunk *c, bool is_first,
                          bool is_last)
{
    switch (c->type) {
    case SCTP_ASCONF:
    case SCTP_ASCONF_ACK:
    case SCTP_PKTDROP:
    case SCTP_RE_CONFIG:
        return DROP;
    default:
        break;
    }
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        if (allowed[i].type != c->type)
            continue;
        if (!(allowed[i].when & phase) || c->len < allowed[i].least ||
            (allowed[i].alone && !(is_first && is_last)))
            return DROP;
        return TAKE;
    }
    return c->type & 0x80 ? SKIP : DROP;
}

/* 8.5: the tag is ours, but for the kinds that are sent without knowing it. */
static bool tag_is_right(uint32_t tag, uint32_t our_tag, uint32_t peer_tag,
                         const struct sctp_chunk *first)
{
    if (first->type == SCTP_INIT)
        return tag == 0;
    if ((first->type == SCTP_ABORT || first->type == SCTP_SHUTDOWN_COMPLETE) &&
        (first->flags & T_BIT))
        return tag == peer_tag && tag != 0;
    return tag == our_tag;
}

struct sctp_walk fh__sctp_walk(const uint8_t *packet, size_t len)
{
    return (struct sctp_walk){.p = packet + SCTP_HEADER, .left = len - SCTP_HEADER};
}

bool fh__sctp_next(struct sctp_walk *w, struct sctp_chunk *out)
{
    struct rd r = rd_init(w->p, w->left);
    size_t len, padded;

    out->type = rd_u8(&r);
    out->flags = rd_u8(&r);
    len = rd_u16(&r);
    padded = (len + 3) / 4 * 4;
    if (r.bad || len < 4 || padded > w->left)
        return false;
    out->value = w->p + 4;
    out->len = len - 4;
    w->p += padded;
    w->left -= padded;
    return true;
}

bool fh__sctp_admit(enum sctp_phase phase, uint32_t our_tag, uint32_t peer_tag,
                    const uint8_t *packet, size_t len)
{
    struct rd r = rd_init(packet, len);
    struct sctp_chunk c, first;
    struct sctp_walk w;
    uint32_t ports = rd_u32(&r), tag = rd_u32(&r);

    if (len < SCTP_HEADER + 4 || len % 4 != 0 || ports != ((uint32_t)SCTP_PORT << 16 | SCTP_PORT))
        return false;
    w = fh__sctp_walk(packet, len);
    for (bool is_first = true; w.left > 0; is_first = false) {
        if (!fh__sctp_next(&w, &c))
            return false;
        if (is_first)
            first = c;
        if (judge(phase, &c, is_first, w.left == 0) == DROP)
            return false;
    }
    /* Before its COOKIE ECHO a peer has nothing to say. */
    if (phase == SCTP_INIT_SEEN && first.type == SCTP_DATA)
        return false;
    return tag_is_right(tag, our_tag, peer_tag, &first);
}

void fh__sctp_begin(struct sctp_out *o, uint8_t *mem, size_t room, uint32_t tag)
{
    struct wr w = wr_init(mem, room);

    wr_u16(&w, SCTP_PORT);
    wr_u16(&w, SCTP_PORT);
    wr_u32(&w, tag);
    wr_u32(&w, 0); /* checksum: RFC 9653 */
    *o = (struct sctp_out){.mem = mem, .len = w.len, .room = room};
}

uint8_t *fh__sctp_add(struct sctp_out *o, uint8_t type, uint8_t flags, size_t value_len)
{
    size_t padded = (4 + value_len + 3) / 4 * 4;
    struct wr w;

    if (padded > fh__sctp_left(o))
        return NULL;
    w = wr_init(o->mem + o->len, padded);
    wr_u8(&w, type);
    wr_u8(&w, flags);
    wr_u16(&w, (uint16_t)(4 + value_len));
    memset(o->mem + o->len + 4 + value_len, 0, padded - 4 - value_len);
    o->len += padded;
    return o->mem + o->len - padded + 4;
}
