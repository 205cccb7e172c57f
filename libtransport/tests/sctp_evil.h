/* SPDX-License-Identifier: MIT */
/* sctp_evil.h -- a peer that holds the keys and sends what it likes. */
#ifndef FH_TESTS_SCTP_EVIL_H
#define FH_TESTS_SCTP_EVIL_H

#include "sctp_internal.h"
#include "sctp_world.h"

/* What end 0 might send to end 1: a packet under construction, with the right ports and tag. */
struct evil {
    uint8_t bytes[FH_SCTP_DATAGRAM_MAX];
    struct sctp_out o;
};

static inline void evil_begin(struct evil *e, const struct world *w)
{
    fh__sctp_begin(&e->o, e->bytes + FH_GUARD_HEADER_LEN, SCTP_PACKET_MAX, w->end[1]->our_tag);
}

static inline void evil_add(struct evil *e, uint8_t type, uint8_t flags, const void *value,
                            size_t len)
{
    uint8_t *p = fh__sctp_add(&e->o, type, flags, len);

    if (p && len > 0)
        memcpy(p, value, len);
}

/* Seals it with end 0's own guard and gives it to end 1 at once. */
static inline void evil_send(struct evil *e, struct world *w, enum fh_guard_type type)
{
    int len = fh_guard_seal(fh_sctp_guard(w->end[0]), type, e->bytes, e->o.len);

    if (len > 0)
        (void)fh_sctp_input(w->end[1], w->now, e->bytes, (size_t)len, NULL);
}

/* The books of a sender agree with each other; returns what does not. */
static inline const char *evil_audit(const struct fh_sctp *s)
{
    const struct sender *tx = &s->tx;
    const struct receiver *rx = &s->rx;
    uint32_t flying = 0, lost = 0, held = 0, last = PIECE_NONE;
    uint64_t in_flight = 0, order = 0;

    for (uint32_t t = tx->acked + 1; t != tx->next; t++)
        lost += tx->pieces[t & (tx->pieces_len - 1)].state == PIECE_LOST;
    for (uint32_t i = tx->first; i != PIECE_NONE && flying <= tx->pieces_len;
         i = tx->pieces[i].next) {
        const struct piece *p = &tx->pieces[i];

        if (p->state != PIECE_FLYING || p->prev != last || p->order <= order)
            return "the list of pieces under way";
        order = p->order;
        last = i;
        flying++;
        in_flight += (uint64_t)p->len + FH_GUARD_OVERHEAD + SCTP_HEADER + SCTP_DATA_HEADER;
    }
    if (flying != tx->flying || lost != tx->lost || in_flight != tx->in_flight || tx->last != last)
        return "the counts of pieces";
    if (tx->next - tx->acked - 1 > tx->pieces_len || tx->ring.len > tx->ring.cap)
        return "the bounds of the sender";
    for (uint32_t i = 0; i < rx->slots_len; i++)
        held += rx->map[i] != SLOT_NONE;
    if (held != rx->fresh - rx->free_len || held > rx->slots_len)
        return "the slots of the receiver";
    if (tsn_before(rx->highest, rx->cum) || tsn_before(rx->cum + 1, rx->read))
        return "the numbers of the receiver";
    return NULL;
}

#endif
