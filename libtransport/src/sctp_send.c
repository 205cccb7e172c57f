/* SPDX-License-Identifier: MIT */
/*
 * sctp_send.c -- pieces of the stream under way: sending, acknowledgements, losses.
 *
 * A piece counts as lost when three that were sent after it have arrived, or one, and nine eighths
 * of a round trip have passed (more of both on a path that reorders); sent again it is a new
 * sending with a new place in the order, so that the loss of that is seen too (RFC 8985, RFC 9002).
 * When nothing is heard at all, the oldest is sent again as a probe.
 */
#include "sctp_internal.h"

#include "rd.h"
#include "wr.h"

enum {
    B_AND_E = 3, /* each piece is a whole message */
    REORDER_MOST = 64,
    REORDER_ROUNDS = 64,
    SILENT_PROBES = 3, /* then all that is under way is lost, and the path a new one */
    PIECE_OVERHEAD = FH_GUARD_OVERHEAD + SCTP_HEADER + SCTP_DATA_HEADER
};

static struct piece *piece_at(const struct sender *tx, uint32_t tsn)
{
    return &tx->pieces[tsn & (tx->pieces_len - 1)];
}

static uint32_t size_of(const struct piece *p)
{
    return (uint32_t)p->len + PIECE_OVERHEAD;
}

/* ---- the list of those that fly, in the order of sending ------------------------------------ */

static void fly(struct sender *tx, struct piece *p)
{
    uint32_t at = (uint32_t)(p - tx->pieces);

    p->state = PIECE_FLYING;
    p->prev = tx->last;
    p->next = PIECE_NONE;
    if (tx->last != PIECE_NONE)
        tx->pieces[tx->last].next = at;
    else
        tx->first = at;
    tx->last = at;
    tx->flying++;
    tx->in_flight += size_of(p);
}

static void land(struct sender *tx, struct piece *p)
{
    if (p->prev != PIECE_NONE)
        tx->pieces[p->prev].next = p->next;
    else
        tx->first = p->next;
    if (p->next != PIECE_NONE)
        tx->pieces[p->next].prev = p->prev;
    else
        tx->last = p->prev;
    tx->flying--;
    tx->in_flight -= size_of(p);
}

/* Any TSN with this place in the ring that is not acknowledged yet. */
static uint32_t tsn_of(const struct sender *tx, const struct piece *p)
{
    uint32_t at = (uint32_t)(p - tx->pieces), base = tx->acked + 1;

    return base + ((at - base) & (tx->pieces_len - 1));
}

static void lose(struct sender *tx, struct piece *p)
{
    uint32_t tsn = tsn_of(tx, p);

    land(tx, p);
    p->state = PIECE_LOST;
    if (tx->lost == 0 || tsn_before(tsn, tx->lost_from))
        tx->lost_from = tsn;
    tx->lost++;
}

void fh__sctp_lose_all(struct fh_sctp *s)
{
    while (s->tx.first != PIECE_NONE)
        lose(&s->tx, &s->tx.pieces[s->tx.first]);
}

/* ---- round-trip time and probes for silence -------------------------------------------------- */

/* RFC 6298 2.2, 2.3 */
void fh__sctp_on_rtt(struct fh_sctp *s, uint32_t rtt_us)
{
    uint32_t diff;

    if (rtt_us == 0)
        rtt_us = 1;
    s->latest_rtt_us = rtt_us;
    if (s->srtt_us == 0) {
        s->srtt_us = rtt_us;
        s->rttvar_us = rtt_us / 2;
        fh__rate_guess(&s->rate, rtt_us);
        return;
    }
    diff = rtt_us > s->srtt_us ? rtt_us - s->srtt_us : s->srtt_us - rtt_us;
    s->rttvar_us = (uint32_t)(((uint64_t)s->rttvar_us * 3 + diff) / 4);
    s->srtt_us = (uint32_t)(((uint64_t)s->srtt_us * 7 + rtt_us) / 8);
}

uint64_t fh__sctp_rto(const struct fh_sctp *s)
{
    uint64_t rto = (uint64_t)s->srtt_us + 4 * (uint64_t)s->rttvar_us + SCTP_ACK_DELAY_US;

    if (s->srtt_us == 0)
        return SCTP_RTO_FIRST_US;
    if (rto < SCTP_RTO_LEAST_US)
        return SCTP_RTO_LEAST_US;
    return rto;
}

static void set_timer(struct fh_sctp *s, uint64_t now)
{
    uint64_t wait = fh__sctp_rto(s) << (s->tx.probes < 10 ? s->tx.probes : 10);

    s->tx.timer = now + (wait < SCTP_RTO_MOST_US ? wait : SCTP_RTO_MOST_US);
}

static bool has_new(const struct fh_sctp *s)
{
    const struct sender *tx = &s->tx;

    return tx->chunked < tx->base + tx->ring.len || (tx->ending && !tx->end_made);
}

/* Nothing was heard: probe, with the oldest if it flies, else with something new. */
static void on_silence(struct fh_sctp *s, uint64_t now)
{
    struct sender *tx = &s->tx;

    tx->probes += tx->probes < 200;
    s->count.probes++;
    /* A peer whose window is closed answers: that is no silence. */
    if (tx->probes >= SILENT_PROBES && tx->flying > 0 && tx->peer_slots > 0) {
        if (tx->probes == SILENT_PROBES && s->mtu.size > MTU_BASE) {
            fh__mtu_black_hole(&s->mtu, now);
            fh__rate_resize(&s->rate, s->mtu.size);
        }
        fh__sctp_lose_all(s);
        fh__rate_init(&s->rate, now, s->mtu.size);
    } else if (tx->first != PIECE_NONE) {
        lose(tx, &tx->pieces[tx->first]);
    }
    tx->probe_due = 1;
    set_timer(s, now);
}

/* ---- losses ---------------------------------------------------------------------------------- */

/* RFC 8985 6.2: wait longer on a path that reorders, and less again when it has stopped. */
static uint64_t reorder_time(struct fh_sctp *s)
{
    struct sender *tx = &s->tx;
    uint64_t rtt = s->srtt_us > s->latest_rtt_us ? s->srtt_us : s->latest_rtt_us;

    if (tx->reorder_eighths > 1 && s->rate.round > tx->late_round + REORDER_ROUNDS) {
        tx->late_round = s->rate.round;
        tx->reorder_eighths--;
    }
    return rtt + rtt * tx->reorder_eighths / 8 + 1000;
}

static void note_late(struct fh_sctp *s, const struct piece *p)
{
    struct sender *tx = &s->tx;

    fh__rate_on_late(&s->rate, size_of(p));
    if (tx->reorder_packets < REORDER_MOST)
        tx->reorder_packets *= 2;
    if (tx->reorder_eighths < 8 && s->rate.round != tx->late_round)
        tx->reorder_eighths++;
    tx->late_round = s->rate.round;
}

/* The list is in the order of sending: the first that is not lost ends it. */
static void find_losses(struct fh_sctp *s, uint64_t now, struct rate_sample *sample)
{
    struct sender *tx = &s->tx;
    uint64_t window = reorder_time(s);

    tx->reorder = UINT64_MAX;
    while (tx->first != PIECE_NONE) {
        struct piece *p = &tx->pieces[tx->first];

        if (p->order >= tx->acked_order)
            return;
        if (tx->acked_order - p->order < tx->reorder_packets && now < p->mark.sent_us + window) {
            tx->reorder = p->mark.sent_us + window;
            return;
        }
        sample->lost += size_of(p);
        sample->losses++;
        lose(tx, p);
    }
}

/* ---- acknowledgements ------------------------------------------------------------------------ */

/*
 * One piece arrived. A repeated one whose answer came faster than any: it is the first sending that
 * arrived, which says nothing about the second.
 */
static void ack_piece(struct fh_sctp *s, uint64_t now, struct piece *p, struct rate_sample *sample)
{
    struct sender *tx = &s->tx;
    uint64_t took = now - p->mark.sent_us;
    bool spurious = p->again && took < s->rate.min_rtt_us;

    if (p->state == PIECE_ACKED)
        return;
    if (p->state == PIECE_LOST) {
        /* It was only late. */
        tx->lost--;
        spurious = true;
    } else {
        land(tx, p);
    }
    p->state = PIECE_ACKED;
    if (spurious) {
        note_late(s, p);
        sample->acked += size_of(p);
        s->rate.delivered += size_of(p);
        return;
    }
    fh__rate_collect(&s->rate, now, sample, &p->mark, size_of(p));
    if (p->order > tx->acked_order) {
        tx->acked_order = p->order;
        if (!p->again)
            sample->rtt_us = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
    }
}

static void advance(struct fh_sctp *s, uint64_t now, uint32_t cum, struct rate_sample *sample)
{
    struct sender *tx = &s->tx;

    while (tx->acked != cum) {
        struct piece *p = piece_at(tx, tx->acked + 1);

        ack_piece(s, now, p, sample);
        if (!p->end) {
            ring_drop(&tx->ring, p->len);
            tx->base += p->len;
        }
        tx->acked++;
    }
    if (tx->lost > 0 && tsn_before(tx->lost_from, tx->acked + 1))
        tx->lost_from = tx->acked + 1;
}

static void finish_ack(struct fh_sctp *s, uint64_t now, struct rate_sample *sample)
{
    struct sender *tx = &s->tx;

    if (sample->rtt_us != 0)
        fh__sctp_on_rtt(s, sample->rtt_us);
    find_losses(s, now, sample);
    if (sample->acked > 0)
        tx->probes = 0;
    if (sample->acked > 0 || sample->lost > 0)
        fh__rate_on_ack(&s->rate, now, sample, tx->in_flight);
    if (tx->flying == 0 && tx->lost == 0)
        tx->timer = UINT64_MAX;
    else if (sample->acked > 0)
        set_timer(s, now);
}

/* Is it between what was acknowledged before and what was sent? */
static bool cum_is_sane(const struct sender *tx, uint32_t cum)
{
    return cum - tx->acked < tx->next - tx->acked;
}

void fh__sctp_on_cum_ack(struct fh_sctp *s, uint64_t now, uint32_t cum)
{
    struct rate_sample sample = {0};

    if (!cum_is_sane(&s->tx, cum))
        return;
    advance(s, now, cum, &sample);
    finish_ack(s, now, &sample);
}

/* 3.3.4: blocks rise, do not touch, and end with what was sent. */
static bool gaps_are_sane(const struct sender *tx, uint32_t cum, struct rd r, uint32_t n)
{
    uint32_t last = 0;

    while (n-- > 0) {
        uint32_t start = rd_u16(&r), end = rd_u16(&r);

        if (start <= last || end < start || end > tx->next - 1 - cum)
            return false;
        last = end;
    }
    return !r.bad;
}

void fh__sctp_on_sack(struct fh_sctp *s, uint64_t now, const uint8_t *value, size_t len)
{
    struct sender *tx = &s->tx;
    struct rd r = rd_init(value, len);
    struct rate_sample sample = {0};
    uint32_t cum = rd_u32(&r), window = rd_u32(&r), gaps = rd_u16(&r), dups = rd_u16(&r);

    if (r.left != 4 * (gaps + dups) || (tsn_before(cum, tx->acked) && tx->acked - cum < 1u << 30)) {
        s->count.dropped++;
        return;
    }
    if (!cum_is_sane(tx, cum) || !gaps_are_sane(tx, cum, r, gaps)) {
        fh__sctp_break(s, FH_TRANSPORT_E_PROTO);
        return;
    }
    advance(s, now, cum, &sample);
    while (gaps-- > 0) {
        uint32_t start = rd_u16(&r), end = rd_u16(&r);

        for (uint32_t i = start; i <= end; i++)
            ack_piece(s, now, piece_at(tx, cum + i), &sample);
    }
    tx->peer_slots = window / SCTP_SLOT;
    if (tx->peer_slots > 0 && tx->flying == 0)
        tx->probes = 0;
    finish_ack(s, now, &sample);
}

bool fh__sctp_all_acked(const struct fh_sctp *s)
{
    return s->tx.acked + 1 == s->tx.next && !has_new(s);
}

/* ---- sending --------------------------------------------------------------------------------- */

static bool window_is_open(const struct sender *tx)
{
    uint32_t span = tx->next - tx->acked;

    return span < tx->pieces_len && tx->flying + tx->lost < tx->peer_slots;
}

static bool may_exist(const struct fh_sctp *s)
{
    return (s->phase & (SCTP_ESTABLISHED | SCTP_COOKIE_ECHOED)) != 0;
}

/* Something waits, whatever pace and window say. */
static bool has_work(const struct fh_sctp *s)
{
    const struct sender *tx = &s->tx;

    if (!may_exist(s))
        return false;
    return tx->lost > 0 || (has_new(s) && (window_is_open(tx) || tx->probe_due > 0) &&
                            tx->next - tx->acked < tx->pieces_len);
}

bool fh__sctp_may_send(const struct fh_sctp *s, uint64_t now)
{
    const struct sender *tx = &s->tx;

    if (!has_work(s))
        return false;
    return tx->probe_due > 0 || (tx->in_flight < s->rate.cwnd && fh__rate_next(&s->rate) <= now);
}

/* 3.3.1, with the piece's bytes out of the ring. */
static bool write_piece(struct fh_sctp *s, uint32_t tsn, const struct piece *p, struct sctp_out *o)
{
    uint8_t *value = fh__sctp_add(o, SCTP_DATA, B_AND_E, SCTP_DATA_HEADER - 4 + p->len);
    struct wr w;

    if (!value)
        return false;
    w = wr_init(value, SCTP_DATA_HEADER - 4 + p->len);
    wr_u32(&w, tsn);
    wr_u16(&w, 0);
    wr_u16(&w, (uint16_t)(tsn - s->our_tsn));
    wr_u32(&w, p->end ? SCTP_PPID_END : SCTP_PPID_BYTES);
    if (p->end)
        wr_u8(&w, 0);
    else
        ring_copy(&s->tx.ring, (size_t)(p->at - s->tx.base), value + SCTP_DATA_HEADER - 4, p->len);
    return true;
}

static void launch(struct fh_sctp *s, uint64_t now, struct piece *p)
{
    struct sender *tx = &s->tx;

    fh__rate_on_send(&s->rate, now, size_of(p), tx->in_flight, &p->mark);
    p->order = ++tx->order;
    fly(tx, p);
    if (tx->timer == UINT64_MAX)
        set_timer(s, now);
    if (tx->probe_due > 0)
        tx->probe_due--;
}

/* The first lost one goes again. One that is too large for a packet of today travels alone. */
static bool send_lost(struct fh_sctp *s, uint64_t now, struct sctp_out *o)
{
    struct sender *tx = &s->tx;
    uint32_t tsn = tx->lost_from;
    struct piece *p;

    while (piece_at(tx, tsn)->state != PIECE_LOST)
        tsn++;
    tx->lost_from = tsn;
    p = piece_at(tx, tsn);
    if (o->len == SCTP_HEADER)
        o->room = SCTP_PACKET_MAX;
    if (!write_piece(s, tsn, p, o))
        return false;
    tx->lost--;
    p->again = true;
    launch(s, now, p);
    s->count.resent++;
    return true;
}

static bool send_new(struct fh_sctp *s, uint64_t now, struct sctp_out *o)
{
    struct sender *tx = &s->tx;
    uint64_t waiting = tx->base + tx->ring.len - tx->chunked;
    size_t room = fh__sctp_left(o) / 4 * 4,
           len = room < SCTP_DATA_HEADER ? 0 : room - SCTP_DATA_HEADER;
    struct piece *p = piece_at(tx, tx->next);
    bool end = waiting == 0;

    if (end)
        len = len > 1 ? 1 : len;
    else if (len > waiting)
        len = (size_t)waiting;
    if (len > SCTP_SLOT)
        len = SCTP_SLOT;
    if (len == 0)
        return false;
    *p = (struct piece){.at = tx->chunked, .len = (uint16_t)len, .end = end};
    if (!write_piece(s, tx->next, p, o))
        return false;
    if (end)
        tx->end_made = true;
    else
        tx->chunked += len;
    tx->next++;
    launch(s, now, p);
    s->count.sent++;
    return true;
}

/* A full datagram's worth at once: what does not fill its packet is not split for it. */
void fh__sctp_add_data(struct fh_sctp *s, uint64_t now, struct sctp_out *o)
{
    struct sender *tx = &s->tx;

    while (fh__sctp_may_send(s, now)) {
        bool sent = tx->lost > 0 ? send_lost(s, now, o) : send_new(s, now, o);

        if (!sent || o->room == SCTP_PACKET_MAX || fh__sctp_left(o) < SCTP_DATA_HEADER + 4)
            return;
    }
    if (may_exist(s) && !has_work(s))
        fh__rate_on_idle(&s->rate, tx->in_flight);
}

/* ---- time ------------------------------------------------------------------------------------ */

void fh__sctp_send_tick(struct fh_sctp *s, uint64_t now)
{
    struct sender *tx = &s->tx;
    struct rate_sample sample = {0};

    if (now >= tx->reorder) {
        find_losses(s, now, &sample);
        if (sample.lost > 0)
            fh__rate_on_ack(&s->rate, now, &sample, tx->in_flight);
    }
    if (now >= tx->timer)
        on_silence(s, now);
    /* A closed window is asked after, too. */
    if (may_exist(s) && tx->timer == UINT64_MAX && has_new(s) && !window_is_open(tx))
        set_timer(s, now);
}

uint64_t fh__sctp_send_deadline(const struct fh_sctp *s)
{
    const struct sender *tx = &s->tx;
    uint64_t at = tx->timer < tx->reorder ? tx->timer : tx->reorder;

    if (has_work(s) && (tx->probe_due > 0 || tx->in_flight < s->rate.cwnd) &&
        fh__rate_next(&s->rate) < at)
        at = tx->probe_due > 0 ? 0 : fh__rate_next(&s->rate);
    if (may_exist(s) && tx->timer == UINT64_MAX && has_new(s) && !window_is_open(tx))
        at = 0;
    return at;
}
