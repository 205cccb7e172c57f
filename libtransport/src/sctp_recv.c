/* SPDX-License-Identifier: MIT */
/* sctp_recv.c -- pieces that arrived, in their order of sending, and telling which (RFC 9260 6). */
#include "sctp_internal.h"

#include "rd.h"
#include "wr.h"

enum { U_BIT = 4, I_BIT = 8 };

static uint32_t held(const struct receiver *rx)
{
    return rx->fresh - rx->free_len;
}

static uint32_t *entry(const struct receiver *rx, uint32_t tsn)
{
    return &rx->map[tsn & (rx->slots_len - 1)];
}

/* The last one given back is taken first, so that a quiet stream touches few pages. */
static bool store(struct receiver *rx, uint32_t tsn, const uint8_t *data, size_t len)
{
    uint32_t slot;

    if (len > SCTP_SLOT)
        return false;
    if (rx->free_len > 0)
        slot = rx->free[--rx->free_len];
    else if (rx->fresh < rx->slots_len)
        slot = rx->fresh++;
    else
        return false;
    memcpy(rx->slots + (size_t)slot * SCTP_SLOT, data, len);
    rx->lens[slot] = (uint16_t)len;
    *entry(rx, tsn) = 1 + slot;
    return true;
}

static void note_arrival(struct receiver *rx, uint32_t tsn)
{
    bool was_whole = rx->cum == rx->highest;

    if (tsn_before(rx->highest, tsn))
        rx->highest = tsn;
    while (rx->cum != rx->highest && *entry(rx, rx->cum + 1) != SLOT_NONE)
        rx->cum++;
    /* 6.7: a gap that opens, or closes, is told at once. */
    if (was_whole != (rx->cum == rx->highest))
        rx->ack_now = true;
}

/* Before the end, at the end once, and nothing behind it. */
static bool fits_end(struct receiver *rx, uint32_t tsn, bool is_end)
{
    if (rx->end_seen)
        return is_end ? tsn == rx->end_tsn : tsn_before(tsn, rx->end_tsn);
    if (is_end && tsn_before(tsn, rx->highest))
        return false;
    return true;
}

void fh__sctp_on_data(struct fh_sctp *s, uint8_t flags, const uint8_t *value, size_t len)
{
    struct receiver *rx = &s->rx;
    struct rd r = rd_init(value, len);
    uint32_t tsn = rd_u32(&r), stream = rd_u16(&r), ppid;

    rd_skip(&r, 2);
    ppid = rd_u32(&r);
    if (stream != 0 || (flags & U_BIT) || (ppid != SCTP_PPID_BYTES && ppid != SCTP_PPID_END)) {
        fh__sctp_break(s, FH_TRANSPORT_E_PROTO);
        return;
    }
    if (flags & I_BIT)
        rx->ack_now = true;
    /* Repeated, or beyond what was ever offered: it is told what we have. */
    if (!tsn_before(rx->cum, tsn) || tsn - rx->read >= rx->slots_len ||
        *entry(rx, tsn) != SLOT_NONE) {
        rx->ack_now = true;
        return;
    }
    if (!fits_end(rx, tsn, ppid == SCTP_PPID_END)) {
        fh__sctp_break(s, FH_TRANSPORT_E_PROTO);
        return;
    }
    if (!store(rx, tsn, r.p, ppid == SCTP_PPID_END ? 0 : r.left)) {
        rx->ack_now = true;
        return;
    }
    if (ppid == SCTP_PPID_END) {
        rx->end_seen = true;
        rx->end_tsn = tsn;
        rx->ack_now = true;
    }
    note_arrival(rx, tsn);
}

void fh__sctp_data_over(struct fh_sctp *s, uint64_t now)
{
    struct receiver *rx = &s->rx;

    if (rx->unacked++ == 0)
        rx->ack_at = now + SCTP_ACK_DELAY_US;
    if (rx->unacked >= 2)
        rx->ack_now = true;
}

bool fh__sctp_sack_due(const struct fh_sctp *s, uint64_t now)
{
    return s->rx.ack_now || (s->rx.unacked > 0 && now >= s->rx.ack_at);
}

/* The next run of TSNs that arrived, from *at on; false if there is none. */
static bool next_run(const struct receiver *rx, uint32_t *at, uint32_t *end)
{
    while (!tsn_before(rx->highest, *at) && *entry(rx, *at) == SLOT_NONE)
        ++*at;
    if (tsn_before(rx->highest, *at))
        return false;
    *end = *at;
    while (*end != rx->highest && *entry(rx, *end + 1) != SLOT_NONE)
        ++*end;
    return true;
}

static size_t write_gaps(const struct receiver *rx, uint8_t *out, size_t max)
{
    struct wr w = wr_init(out, max * 4);
    uint32_t at = rx->cum + 1, end;
    size_t n = 0;

    for (; n < max && next_run(rx, &at, &end); at = end + 1) {
        wr_u16(&w, (uint16_t)(at - rx->cum));
        wr_u16(&w, (uint16_t)(end - rx->cum));
        n++;
    }
    return n;
}

/* 3.3.4. The window counts in slots, each worth the longest piece. */
bool fh__sctp_add_sack(struct fh_sctp *s, struct sctp_out *o)
{
    struct receiver *rx = &s->rx;
    uint8_t gaps[SCTP_GAPS_MAX * 4], *value;
    size_t room = fh__sctp_left(o), n, max;
    struct wr w;

    if (room < 16)
        return false;
    max = (room - 16) / 4;
    n = rx->cum == rx->highest ? 0
                               : write_gaps(rx, gaps, max < SCTP_GAPS_MAX ? max : SCTP_GAPS_MAX);
    value = fh__sctp_add(o, SCTP_SACK, 0, 12 + 4 * n);
    if (!value)
        return false;
    rx->told_slots = rx->slots_len - held(rx);
    w = wr_init(value, 12 + 4 * n);
    wr_u32(&w, rx->cum);
    wr_u32(&w, rx->told_slots * SCTP_SLOT);
    wr_u16(&w, (uint16_t)n);
    wr_u16(&w, 0);
    wr_bytes(&w, gaps, 4 * n);
    rx->ack_now = false;
    rx->unacked = 0;
    return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

const uint8_t *fh_sctp_read(const struct fh_sctp *s, size_t *len)
{
    const struct receiver *rx = &s->rx;
    uint32_t slot;

    *len = 0;
    if (tsn_before(rx->cum, rx->read) || (rx->end_seen && rx->read == rx->end_tsn))
        return NULL;
    slot = *entry(rx, rx->read) - 1;
    *len = rx->lens[slot] - rx->read_at;
    return rx->slots + (size_t)slot * SCTP_SLOT + rx->read_at;
}

static void give_back(struct receiver *rx)
{
    uint32_t *e = entry(rx, rx->read);

    rx->free[rx->free_len++] = *e - 1;
    *e = SLOT_NONE;
    rx->read++;
    rx->read_at = 0;
    /* Empty: begin with the first slot again. */
    if (held(rx) == 0)
        rx->fresh = rx->free_len = 0;
}

void fh_sctp_read_done(struct fh_sctp *s, size_t len)
{
    struct receiver *rx = &s->rx;
    size_t left;
    uint32_t room;

    while (len > 0 && fh_sctp_read(s, &left)) {
        size_t n = len < left ? len : left;

        rx->read_at += n;
        len -= n;
        if (n == left)
            give_back(rx);
    }
    /* A window that had nearly closed and is open again is told without waiting. */
    room = rx->slots_len - held(rx);
    if (rx->told_slots < rx->slots_len / 4 && room >= rx->slots_len / 2)
        rx->ack_now = true;
}

bool fh_sctp_peer_ended(const struct fh_sctp *s)
{
    const struct receiver *rx = &s->rx;

    return rx->end_seen && rx->read == rx->end_tsn;
}
