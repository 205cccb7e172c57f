/* SPDX-License-Identifier: MIT */
/* sctp.c -- the calls of sctp.h: memory, datagrams in and out, time. */
#include "sctp_internal.h"

#include <stdalign.h>

enum {
    TIMEOUT_MS = 30000,
    HEARTBEAT_MS = 15000,
    PIECE_MIN = 1024,
    SLOTS_MIN = 64,
    UNSENT_LEAST = 32 << 10
};

/* ---- memory ---------------------------------------------------------------------------------- */

struct plan {
    size_t ring, pieces, map, lens, free, slots, halves, total; /* offsets */
    size_t ring_len;
    uint32_t pieces_len, slots_len;
};

static uint32_t power_of_two(size_t at_most)
{
    uint32_t n = SLOTS_MIN;

    while ((size_t)n * 2 <= at_most)
        n *= 2;
    return n;
}

static size_t lay(size_t *at, size_t bytes)
{
    size_t here = *at;

    *at += (bytes + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    return here;
}

static bool make_plan(const struct fh_sctp_config *cfg, struct plan *p)
{
    size_t send = cfg->send_len ? cfg->send_len : SCTP_BUFFER_DEFAULT;
    size_t recv = cfg->recv_len ? cfg->recv_len : SCTP_BUFFER_DEFAULT, at = 0;

    if (send > SCTP_BUFFER_MAX || recv > SCTP_BUFFER_MAX || !cfg->random ||
        (cfg->datagram_max != 0 &&
         (cfg->datagram_max < MTU_BASE || cfg->datagram_max > MTU_LARGEST)))
        return false;
    p->ring_len = send;
    p->pieces_len = power_of_two(send / PIECE_MIN);
    p->slots_len = power_of_two(recv / PIECE_MIN);
    lay(&at, sizeof(struct fh_sctp));
    p->map = lay(&at, p->slots_len * sizeof(uint32_t));
    p->free = lay(&at, p->slots_len * sizeof(uint32_t));
    p->lens = lay(&at, p->slots_len * sizeof(uint16_t));
    p->pieces = lay(&at, p->pieces_len * sizeof(struct piece));
    p->ring = lay(&at, send);
    p->slots = lay(&at, (size_t)p->slots_len * SCTP_SLOT);
    /* Hardly ever used, and at the end, so that its pages are hardly ever touched. */
    p->halves = lay(&at, (size_t)2 * SCTP_PACKET_MAX);
    p->total = at;
    return true;
}

size_t fh_sctp_size(const struct fh_sctp_config *cfg)
{
    struct plan p;

    return make_plan(cfg, &p) ? p.total : 0;
}

static uint32_t draw(const struct fh_sctp_config *cfg)
{
    uint32_t v;

    cfg->random(cfg->random_user, &v, sizeof v);
    return v;
}

static void place(struct fh_sctp *s, uint8_t *mem, const struct plan *p)
{
    s->tx.ring = (struct ring){.mem = mem + p->ring, .cap = p->ring_len};
    s->tx.pieces = (struct piece *)(void *)(mem + p->pieces);
    s->tx.pieces_len = p->pieces_len;
    s->rx.map = (uint32_t *)(void *)(mem + p->map);
    s->rx.free = (uint32_t *)(void *)(mem + p->free);
    s->rx.lens = (uint16_t *)(void *)(mem + p->lens);
    s->rx.slots = mem + p->slots;
    s->rx.slots_len = s->rx.told_slots = p->slots_len;
    s->frag.out = mem + p->halves;
    s->frag.in = s->frag.out + SCTP_PACKET_MAX;
}

static void fill_in(struct fh_sctp_config *cfg)
{
    cfg->datagram_max = cfg->datagram_max ? cfg->datagram_max : MTU_LARGEST;
    cfg->timeout_ms = cfg->timeout_ms ? cfg->timeout_ms : TIMEOUT_MS;
    cfg->heartbeat_ms = cfg->heartbeat_ms ? cfg->heartbeat_ms : HEARTBEAT_MS;
    cfg->guard.tx_secret = cfg->guard.rx_secret = NULL;
}

struct fh_sctp *fh_sctp_init(void *mem, size_t len, const struct fh_sctp_config *cfg,
                             uint64_t now_us)
{
    struct fh_sctp *s = mem;
    struct plan p;

    if (!make_plan(cfg, &p) || len < p.total || fh_guard_init(&s->guard, &cfg->guard) != 0)
        return NULL;
    s->cfg = *cfg;
    fill_in(&s->cfg);
    place(s, mem, &p);
    /* 5.3.1: not zero. */
    s->our_tag = draw(cfg) | 1;
    s->our_tsn = draw(cfg);
    cfg->random(cfg->random_user, s->cookie, sizeof s->cookie);
    s->tx.next = s->our_tsn;
    s->tx.acked = s->our_tsn - 1;
    s->tx.first = s->tx.last = PIECE_NONE;
    s->tx.timer = s->tx.reorder = UINT64_MAX;
    s->tx.reorder_packets = SCTP_REORDER_FIRST;
    s->tx.reorder_eighths = 1;
    s->rx.read = 1; /* behind cum: there is nothing to read */
    s->expects_since = s->forget_at = UINT64_MAX;
    s->heartbeat_at = now_us + (uint64_t)s->cfg.heartbeat_ms * 1000;
    fh__mtu_init(&s->mtu, s->cfg.datagram_max);
    fh__rate_init(&s->rate, now_us, MTU_BASE);
    fh__sctp_setup_start(s, now_us);
    return s;
}

void fh_sctp_finish(struct fh_sctp *s)
{
    if (s)
        fh_guard_finish(&s->guard);
}

/* ---- in -------------------------------------------------------------------------------------- */

static void on_chunk(struct fh_sctp *s, uint64_t now, const struct sctp_chunk *c, bool *had_data)
{
    bool stands = c->type == SCTP_DATA || c->type == SCTP_SACK;

    /* From who is established, which is as good as its COOKIE ACK. */
    if (stands && s->phase == SCTP_COOKIE_ECHOED) {
        struct sctp_chunk ack = {.type = SCTP_COOKIE_ACK};

        fh__sctp_setup_input(s, now, &ack);
    }
    if (c->type == SCTP_DATA) {
        *had_data = true;
        fh__sctp_on_data(s, c->flags, c->value, c->len);
    } else if (c->type == SCTP_SACK) {
        fh__sctp_on_sack(s, now, c->value, c->len);
    } else {
        fh__sctp_setup_input(s, now, c);
    }
}

void fh__sctp_packet(struct fh_sctp *s, uint64_t now, const uint8_t *packet, size_t len)
{
    struct sctp_walk w;
    struct sctp_chunk c;
    bool had_data = false;

    if (!fh__sctp_admit(s->phase, s->our_tag, s->peer_tag, packet, len)) {
        s->count.dropped++;
        return;
    }
    w = fh__sctp_walk(packet, len);
    /* A chunk may have changed what the ones behind it mean. */
    while (fh__sctp_next(&w, &c) && (s->phase != SCTP_DONE || c.type == SCTP_SHUTDOWN_ACK) &&
           !(s->phase == SCTP_INIT_SEEN && c.type == SCTP_DATA))
        on_chunk(s, now, &c, &had_data);
    if (had_data)
        fh__sctp_data_over(s, now);
    s->expects_since = s->tx.flying + s->tx.lost > 0 ? now : UINT64_MAX;
    if (s->phase & (SCTP_COOKIE_WAIT | SCTP_INIT_SEEN | SCTP_COOKIE_ECHOED))
        s->expects_since = now;
    s->heartbeat_at = now + (uint64_t)s->cfg.heartbeat_ms * 1000;
    fh__sctp_check_end(s, now);
}

int fh_sctp_input(struct fh_sctp *s, uint64_t now_us, uint8_t *datagram, size_t len, bool *newest)
{
    struct fh_guard_opened got;

    s->raw = NULL;
    if (fh_guard_open(&s->guard, datagram, len, &got) != 0)
        return FH_TRANSPORT_E_DENIED;
    s->count.datagrams_in++;
    if (newest)
        *newest = got.newest;
    if (got.type == FH_GUARD_STREAM) {
        fh__sctp_packet(s, now_us, got.payload, got.len);
    } else if (got.type == FH_GUARD_CONTROL) {
        fh__sctp_on_control(s, now_us, got.payload, got.len);
    } else {
        s->raw = got.payload;
        s->raw_len = got.len;
    }
    return 0;
}

/* ---- out ------------------------------------------------------------------------------------- */

static size_t seal(struct fh_sctp *s, enum fh_guard_type type, uint8_t *out, size_t len)
{
    int sealed = fh_guard_seal(&s->guard, type, out, len);

    if (sealed < 0) {
        fh__sctp_break(s, FH_TRANSPORT_E_SYSTEM);
        s->owes_abort = false;
        return 0;
    }
    s->count.datagrams_out++;
    return (size_t)sealed;
}

/* The next packet at mem; 0: there is none. */
static size_t packet_output(struct fh_sctp *s, uint64_t now, uint8_t *mem)
{
    struct sctp_out o;

    fh__sctp_begin(&o, mem, s->mtu.size - FH_GUARD_OVERHEAD, s->peer_tag);
    if (fh__sctp_setup_output(s, now, &o))
        return o.len;
    if (s->phase != SCTP_DONE) {
        bool will_send = fh__sctp_may_send(s, now);

        if (fh__sctp_sack_due(s, now) || (will_send && s->rx.unacked > 0))
            fh__sctp_add_sack(s, &o);
        fh__sctp_add_data(s, now, &o);
    }
    return o.len > SCTP_HEADER ? o.len : 0;
}

size_t fh_sctp_output(struct fh_sctp *s, uint64_t now_us, uint8_t *out)
{
    uint8_t *payload = out + FH_GUARD_HEADER_LEN;
    size_t len = fh__sctp_control_output(s, now_us, payload);

    if (len > 0)
        return seal(s, FH_GUARD_CONTROL, out, len);
    len = packet_output(s, now_us, payload);
    if (len == 0)
        return 0;
    if (s->expects_since == UINT64_MAX && s->tx.flying > 0)
        s->expects_since = now_us;
    if (len + FH_GUARD_OVERHEAD > s->mtu.size) {
        fh__sctp_fragment(s, payload, len);
        return seal(s, FH_GUARD_CONTROL, out, fh__sctp_control_output(s, now_us, payload));
    }
    return seal(s, FH_GUARD_STREAM, out, len);
}

uint64_t fh_sctp_deadline(const struct fh_sctp *s)
{
    uint64_t at = fh__sctp_setup_deadline(s), other = fh__sctp_send_deadline(s);

    if (s->owes_abort || s->owes_complete || s->frag.out_len > 0)
        return 0;
    if (s->phase == SCTP_DONE)
        return UINT64_MAX;
    at = other < at ? other : at;
    at = s->forget_at < at ? s->forget_at : at;
    if (s->rx.ack_now || s->answers_probe != 0 || s->owes_init || s->owes_echo || s->owes_shutdown)
        return 0;
    if (s->rx.unacked > 0 && s->rx.ack_at < at)
        at = s->rx.ack_at;
    if (s->phase == SCTP_ESTABLISHED && fh__mtu_due(&s->mtu) < at)
        at = fh__mtu_due(&s->mtu);
    return at;
}

void fh_sctp_tick(struct fh_sctp *s, uint64_t now_us)
{
    if (s->phase == SCTP_DONE)
        return;
    fh__sctp_setup_tick(s, now_us);
    fh__sctp_send_tick(s, now_us);
    if (now_us >= s->forget_at) {
        fh_guard_forget(&s->guard);
        s->forget_at = UINT64_MAX;
    }
}

/* ---- the stream ------------------------------------------------------------------------------ */

/*
 * How much may wait unsent: a sixty-fourth of a second's worth. More would only make the newest
 * bytes older; what is under way does not count.
 */
static size_t unsent_max(const struct fh_sctp *s)
{
    uint64_t max = s->rate.pace / 64;

    return max < UNSENT_LEAST      ? UNSENT_LEAST
           : max > SCTP_BUFFER_MAX ? SCTP_BUFFER_MAX
                                   : (size_t)max;
}

static size_t room(const struct fh_sctp *s)
{
    size_t unsent = (size_t)(s->tx.base + s->tx.ring.len - s->tx.chunked), max = unsent_max(s);
    size_t left = ring_room(&s->tx.ring);

    if (unsent >= max)
        return 0;
    return left < max - unsent ? left : max - unsent;
}

int fh_sctp_write(struct fh_sctp *s, const uint8_t *data, size_t len)
{
    size_t max = room(s);

    if (s->error != 0)
        return s->error;
    if (s->tx.ending || s->phase == SCTP_DONE)
        return FH_TRANSPORT_E_CLOSED;
    return (int)ring_put(&s->tx.ring, data, len < max ? len : max);
}

size_t fh_sctp_room(const struct fh_sctp *s)
{
    return s->error != 0 || s->tx.ending ? 0 : room(s);
}

size_t fh_sctp_queued(const struct fh_sctp *s)
{
    return s->tx.ring.len;
}

void fh_sctp_end(struct fh_sctp *s)
{
    s->tx.ending = true;
}

void fh_sctp_abort(struct fh_sctp *s)
{
    fh__sctp_break(s, FH_TRANSPORT_E_CLOSED);
}

enum fh_sctp_state fh_sctp_state(const struct fh_sctp *s)
{
    switch (s->phase) {
    case SCTP_WAITING:
    case SCTP_COOKIE_WAIT:
    case SCTP_INIT_SEEN:
    case SCTP_COOKIE_ECHOED:
        return FH_SCTP_OPENING;
    case SCTP_ESTABLISHED:
        return FH_SCTP_OPEN;
    case SCTP_SHUTDOWN_SENT:
    case SCTP_SHUTDOWN_ACK_SENT:
        return FH_SCTP_CLOSING;
    case SCTP_DONE:
        return s->error != 0 ? FH_SCTP_BROKEN : FH_SCTP_CLOSED;
    }
    return FH_SCTP_BROKEN;
}

int fh_sctp_error(const struct fh_sctp *s)
{
    return s->error;
}

void fh_sctp_path_changed(struct fh_sctp *s, uint64_t now_us)
{
    if (s->phase == SCTP_DONE)
        return;
    if (s->phase == SCTP_ESTABLISHED)
        fh__mtu_start(&s->mtu, now_us);
    s->srtt_us = s->rttvar_us = s->latest_rtt_us = 0;
    fh__rate_init(&s->rate, now_us, s->mtu.size);
    fh__sctp_lose_all(s);
    s->tx.probes = 0;
    if (s->tx.lost > 0)
        s->tx.probe_due = 1;
    if (s->setup_timer != UINT64_MAX)
        s->setup_timer = now_us;
}

size_t fh_sctp_seal_raw(struct fh_sctp *s, const uint8_t *data, size_t len, uint8_t *out)
{
    if (len + FH_GUARD_OVERHEAD > s->mtu.size || s->phase == SCTP_DONE)
        return 0;
    if (len > 0)
        memcpy(out + FH_GUARD_HEADER_LEN, data, len);
    return seal(s, FH_GUARD_RAW, out, len);
}

const uint8_t *fh_sctp_raw(const struct fh_sctp *s, size_t *len)
{
    *len = s->raw ? s->raw_len : 0;
    return s->raw;
}

int fh_sctp_install(struct fh_sctp *s, uint64_t now_us,
                    const uint8_t tx_secret[FH_GUARD_SECRET_LEN],
                    const uint8_t rx_secret[FH_GUARD_SECRET_LEN], enum fh_guard_switch when)
{
    if (fh_guard_install(&s->guard, tx_secret, rx_secret, when) != 0)
        return FH_TRANSPORT_E_INVAL;
    s->forget_at = now_us + SCTP_FORGET_US;
    return 0;
}

struct fh_guard *fh_sctp_guard(struct fh_sctp *s)
{
    return &s->guard;
}

void fh_sctp_info(const struct fh_sctp *s, struct fh_sctp_info *out)
{
    *out = s->count;
    out->rate_bps = fh__rate_bw(&s->rate) * 8;
    out->in_flight = s->tx.in_flight;
    out->window = s->rate.cwnd;
    out->rtt_us = s->srtt_us;
    out->rtt_least_us = s->rate.min_rtt_us;
    out->datagram = s->mtu.size;
}
