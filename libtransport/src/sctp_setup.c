/* SPDX-License-Identifier: MIT */
/* sctp_setup.c -- how an association begins and ends (RFC 9260 sections 5, 8, 9). */
#include "sctp_internal.h"

#include "rd.h"
#include "wr.h"

enum { INIT_LEN = 16, PARAM_HEARTBEAT_INFO = 1, PARAM_COOKIE = 7 };
enum { HAS_ENDED = SCTP_SHUTDOWN_SENT | SCTP_SHUTDOWN_ACK_SENT };

/* ---- beginning ------------------------------------------------------------------------------- */

void fh__sctp_setup_start(struct fh_sctp *s, uint64_t now)
{
    s->setup_timer = UINT64_MAX;
    if (s->cfg.side == FH_SCTP_LISTEN) {
        s->phase = SCTP_WAITING;
        return;
    }
    s->phase = SCTP_COOKIE_WAIT;
    s->owes_init = true;
    s->expects_since = now;
}

static void write_init(const struct fh_sctp *s, struct wr *w)
{
    wr_u32(w, s->our_tag);
    wr_u32(w, s->rx.slots_len * SCTP_SLOT);
    wr_u16(w, 1); /* streams, out and in */
    wr_u16(w, 1);
    wr_u32(w, s->our_tsn);
}

/* What an INIT or INIT ACK says, without its parameters. */
struct init {
    uint32_t tag, window, tsn;
};

static bool read_init(struct rd *r, struct init *out)
{
    uint32_t tag = rd_u32(r), window = rd_u32(r), streams = rd_u32(r), tsn = rd_u32(r);

    /* 3.3.2: none of these may be zero. */
    if (r->bad || tag == 0 || streams >> 16 == 0 || (streams & 0xffff) == 0)
        return false;
    *out = (struct init){.tag = tag, .window = window, .tsn = tsn};
    return true;
}

static void take_init(struct fh_sctp *s, const struct init *i)
{
    s->peer_tag = i->tag;
    s->tx.peer_slots = i->window / SCTP_SLOT;
    s->rx.cum = s->rx.highest = i->tsn - 1;
    s->rx.read = i->tsn;
}

/* The handshake tells the first round-trip time, if nothing of it was repeated. */
static void note_answer(struct fh_sctp *s, uint64_t now)
{
    if (s->asked_us != 0 && s->setup_tries == 0 && now - s->asked_us < UINT32_MAX)
        fh__sctp_on_rtt(s, (uint32_t)(now - s->asked_us));
    s->asked_us = 0;
}

static void on_init(struct fh_sctp *s, uint64_t now, const struct sctp_chunk *c)
{
    struct rd r = rd_init(c->value, c->len);
    struct init init;

    if (!read_init(&r, &init))
        return;
    /* Once more: our answer was late, or lost. */
    if (s->phase == SCTP_INIT_SEEN)
        s->setup_tries = 1;
    take_init(s, &init);
    s->phase = SCTP_INIT_SEEN;
    s->owes_init_ack = true;
    s->expects_since = now;
}

/* The one parameter that matters goes back as it is. */
static const uint8_t *find_cookie(struct rd *r, size_t *out_len)
{
    while (!r->bad && r->left >= 4) {
        uint32_t type = rd_u16(r), len = rd_u16(r);
        const uint8_t *value = len >= 4 ? rd_bytes(r, len - 4) : NULL;

        if (value && type == PARAM_COOKIE && len > 4 && len - 4 <= SCTP_ECHO_MAX) {
            *out_len = len - 4;
            return value;
        }
        if (!value)
            return NULL;
        rd_skip(r, (4 - len % 4) % 4);
    }
    return NULL;
}

static void on_init_ack(struct fh_sctp *s, uint64_t now, const struct sctp_chunk *c)
{
    struct rd r = rd_init(c->value, c->len);
    struct init init;
    const uint8_t *cookie;
    size_t len;

    if (!read_init(&r, &init) || !(cookie = find_cookie(&r, &len)))
        return;
    take_init(s, &init);
    note_answer(s, now);
    memcpy(s->echo, cookie, len);
    s->echo_len = len;
    s->phase = SCTP_COOKIE_ECHOED;
    s->owes_echo = true;
    s->setup_tries = 0;
    s->setup_timer = UINT64_MAX;
}

static void stand(struct fh_sctp *s, uint64_t now)
{
    s->phase = SCTP_ESTABLISHED;
    s->setup_timer = UINT64_MAX;
    s->setup_tries = 0;
    s->owes_echo = false;
    fh__mtu_start(&s->mtu, now);
}

/* Repeated, it means that our answer was lost; another one than ours means nothing. */
static void on_cookie_echo(struct fh_sctp *s, uint64_t now, const struct sctp_chunk *c)
{
    if (s->cfg.side != FH_SCTP_LISTEN || c->len != SCTP_COOKIE_LEN ||
        memcmp(c->value, s->cookie, SCTP_COOKIE_LEN) != 0) {
        s->count.dropped++;
        return;
    }
    s->owes_cookie_ack = true;
    if (s->phase == SCTP_INIT_SEEN) {
        note_answer(s, now);
        stand(s, now);
    }
}

/* ---- ending ---------------------------------------------------------------------------------- */

void fh__sctp_break(struct fh_sctp *s, int error)
{
    if (s->phase == SCTP_DONE)
        return;
    s->owes_abort = s->peer_tag != 0;
    s->phase = SCTP_DONE;
    s->error = error;
    s->setup_timer = UINT64_MAX;
}

static void owe_end(struct fh_sctp *s, enum sctp_phase phase, uint64_t now)
{
    s->phase = phase;
    s->owes_shutdown = phase == SCTP_SHUTDOWN_SENT;
    s->owes_shutdown_ack = phase == SCTP_SHUTDOWN_ACK_SENT;
    s->setup_tries = 0;
    s->setup_timer = UINT64_MAX;
    s->expects_since = now;
}

/* 9.2, once both sides have told their end inside the stream and know that it was heard. */
void fh__sctp_check_end(struct fh_sctp *s, uint64_t now)
{
    const struct receiver *rx = &s->rx;

    if (s->phase != SCTP_ESTABLISHED || !fh__sctp_all_acked(s))
        return;
    if (s->peer_shut)
        owe_end(s, SCTP_SHUTDOWN_ACK_SENT, now);
    else if (s->tx.end_made && rx->end_seen && !tsn_before(rx->cum, rx->end_tsn))
        owe_end(s, SCTP_SHUTDOWN_SENT, now);
}

/*
 * Of ours both ends were told before. Another SCTP has no ends of one side: its SHUTDOWN says that
 * it has nothing more to say, and that it will take nothing new.
 */
static void on_shutdown(struct fh_sctp *s, uint64_t now, const struct sctp_chunk *c)
{
    struct rd r = rd_init(c->value, c->len);

    fh__sctp_on_cum_ack(s, now, rd_u32(&r));
    if (!s->rx.end_seen && s->rx.cum == s->rx.highest) {
        s->rx.end_seen = true;
        s->rx.end_tsn = s->rx.cum + 1;
    }
    s->peer_shut = true;
    s->tx.ending = s->tx.end_made = true;
    if (s->phase == SCTP_SHUTDOWN_SENT || s->phase == SCTP_SHUTDOWN_ACK_SENT)
        owe_end(s, SCTP_SHUTDOWN_ACK_SENT, now);
}

static void finish(struct fh_sctp *s)
{
    s->phase = SCTP_DONE;
    s->owes_shutdown = s->owes_shutdown_ack = false;
    s->setup_timer = UINT64_MAX;
}

/* ---- signs of life --------------------------------------------------------------------------- */

static void on_heartbeat(struct fh_sctp *s, const struct sctp_chunk *c)
{
    if (c->len > SCTP_HEARTBEAT_MAX)
        return;
    memcpy(s->heartbeat, c->value, c->len);
    s->heartbeat_len = c->len;
}

static void on_heartbeat_ack(struct fh_sctp *s, uint64_t now, const struct sctp_chunk *c)
{
    struct rd r = rd_init(c->value, c->len);
    uint64_t at;

    rd_skip(&r, 4);
    at = rd_u64(&r);
    /* Whoever answers with another time than it was asked about only deceives himself. */
    if (rd_is_done(&r) && at <= now && now - at < 10000000)
        fh__sctp_on_rtt(s, (uint32_t)(now - at));
}

void fh__sctp_setup_input(struct fh_sctp *s, uint64_t now, const struct sctp_chunk *c)
{
    switch (c->type) {
    case SCTP_INIT:
        on_init(s, now, c);
        break;
    case SCTP_INIT_ACK:
        on_init_ack(s, now, c);
        break;
    case SCTP_COOKIE_ECHO:
        on_cookie_echo(s, now, c);
        break;
    case SCTP_COOKIE_ACK:
        if (s->phase == SCTP_COOKIE_ECHOED)
            stand(s, now);
        break;
    case SCTP_HEARTBEAT:
        on_heartbeat(s, c);
        break;
    case SCTP_HEARTBEAT_ACK:
        on_heartbeat_ack(s, now, c);
        break;
    case SCTP_ABORT:
        fh__sctp_break(s, FH_TRANSPORT_E_RESET);
        s->owes_abort = false;
        break;
    case SCTP_SHUTDOWN:
        on_shutdown(s, now, c);
        break;
    case SCTP_SHUTDOWN_ACK:
        if (s->error == 0) {
            s->owes_complete = true;
            finish(s);
        }
        break;
    case SCTP_SHUTDOWN_COMPLETE:
        finish(s);
        break;
    default:
        break;
    }
}

/* ---- output ---------------------------------------------------------------------------------- */

/* Doubles from the first time-out on, to two seconds. */
static void set_setup_timer(struct fh_sctp *s, uint64_t now)
{
    uint64_t wait = fh__sctp_rto(s) << (s->setup_tries < 8 ? s->setup_tries : 8);

    s->setup_timer = now + (wait < SCTP_RTO_MOST_US ? wait : SCTP_RTO_MOST_US);
}

static void add_copy(struct sctp_out *o, uint8_t type, const uint8_t *data, size_t len)
{
    uint8_t *value = fh__sctp_add(o, type, 0, len);

    if (value && len > 0)
        memcpy(value, data, len);
}

static void add_init(struct fh_sctp *s, uint64_t now, struct sctp_out *o)
{
    uint8_t value[INIT_LEN];
    struct wr w = wr_init(value, sizeof value);

    /* 8.5.1: an INIT carries no tag. */
    memset(o->mem + 4, 0, 4);
    write_init(s, &w);
    add_copy(o, SCTP_INIT, value, w.len);
    s->owes_init = false;
    s->asked_us = now;
    set_setup_timer(s, now);
}

static void add_init_ack(struct fh_sctp *s, uint64_t now, struct sctp_out *o)
{
    uint8_t value[INIT_LEN + 4 + SCTP_COOKIE_LEN];
    struct wr w = wr_init(value, sizeof value);

    write_init(s, &w);
    wr_u16(&w, PARAM_COOKIE);
    wr_u16(&w, 4 + SCTP_COOKIE_LEN);
    wr_bytes(&w, s->cookie, SCTP_COOKIE_LEN);
    add_copy(o, SCTP_INIT_ACK, value, w.len);
    s->owes_init_ack = false;
    s->asked_us = now;
}

static void add_heartbeat(struct fh_sctp *s, uint64_t now, struct sctp_out *o)
{
    uint8_t info[12];
    struct wr w = wr_init(info, sizeof info);

    wr_u16(&w, PARAM_HEARTBEAT_INFO);
    wr_u16(&w, sizeof info);
    wr_u64(&w, now);
    add_copy(o, SCTP_HEARTBEAT, info, sizeof info);
    s->owes_heartbeat = false;
}

static void add_shutdown(struct fh_sctp *s, uint64_t now, struct sctp_out *o)
{
    uint8_t cum[4];
    struct wr w = wr_init(cum, sizeof cum);

    wr_u32(&w, s->rx.cum);
    add_copy(o, SCTP_SHUTDOWN, cum, sizeof cum);
    s->owes_shutdown = false;
    set_setup_timer(s, now);
}

/* What must be first, or travel alone. */
static bool add_alone(struct fh_sctp *s, uint64_t now, struct sctp_out *o)
{
    if (s->owes_abort) {
        s->owes_abort = false;
        fh__sctp_add(o, SCTP_ABORT, 0, 0);
    } else if (s->owes_init) {
        add_init(s, now, o);
    } else if (s->owes_init_ack) {
        add_init_ack(s, now, o);
    } else if (s->owes_complete) {
        s->owes_complete = false;
        fh__sctp_add(o, SCTP_SHUTDOWN_COMPLETE, 0, 0);
    } else {
        return false;
    }
    return true;
}

bool fh__sctp_setup_output(struct fh_sctp *s, uint64_t now, struct sctp_out *o)
{
    if (add_alone(s, now, o))
        return true;
    if (s->owes_echo) {
        s->owes_echo = false;
        add_copy(o, SCTP_COOKIE_ECHO, s->echo, s->echo_len);
        set_setup_timer(s, now);
    }
    if (s->owes_cookie_ack) {
        s->owes_cookie_ack = false;
        fh__sctp_add(o, SCTP_COOKIE_ACK, 0, 0);
    }
    if (s->heartbeat_len > 0) {
        add_copy(o, SCTP_HEARTBEAT_ACK, s->heartbeat, s->heartbeat_len);
        s->heartbeat_len = 0;
    }
    if (s->owes_heartbeat)
        add_heartbeat(s, now, o);
    if (s->owes_shutdown)
        add_shutdown(s, now, o);
    if (s->owes_shutdown_ack) {
        s->owes_shutdown_ack = false;
        fh__sctp_add(o, SCTP_SHUTDOWN_ACK, 0, 0);
        set_setup_timer(s, now);
    }
    return false;
}

/* ---- time ------------------------------------------------------------------------------------ */

static void on_setup_timer(struct fh_sctp *s)
{
    s->setup_timer = UINT64_MAX;
    s->setup_tries++;
    switch (s->phase) {
    case SCTP_COOKIE_WAIT:
        s->owes_init = true;
        break;
    case SCTP_COOKIE_ECHOED:
        s->owes_echo = true;
        break;
    case SCTP_SHUTDOWN_SENT:
    case SCTP_SHUTDOWN_ACK_SENT:
        /* All of the stream was acknowledged both ways: that the peer is gone is no loss. */
        if (s->setup_tries > SCTP_END_TRIES)
            finish(s);
        else if (s->phase == SCTP_SHUTDOWN_SENT)
            s->owes_shutdown = true;
        else
            s->owes_shutdown_ack = true;
        break;
    case SCTP_WAITING:
    case SCTP_INIT_SEEN:
    case SCTP_ESTABLISHED:
    case SCTP_DONE:
        break;
    }
}

void fh__sctp_setup_tick(struct fh_sctp *s, uint64_t now)
{
    if (now >= s->setup_timer)
        on_setup_timer(s);
    if (s->phase == SCTP_ESTABLISHED && now >= s->heartbeat_at) {
        s->owes_heartbeat = true;
        s->heartbeat_at = now + (uint64_t)s->cfg.heartbeat_ms * 1000;
        if (s->expects_since == UINT64_MAX)
            s->expects_since = now;
    }
    if (s->expects_since != UINT64_MAX && s->phase != SCTP_DONE && !(s->phase & HAS_ENDED) &&
        now - s->expects_since >= (uint64_t)s->cfg.timeout_ms * 1000)
        fh__sctp_break(s, FH_TRANSPORT_E_TIMEOUT);
}

uint64_t fh__sctp_setup_deadline(const struct fh_sctp *s)
{
    uint64_t at = s->setup_timer, over;

    if (s->phase == SCTP_DONE)
        return UINT64_MAX;
    if (s->phase == SCTP_ESTABLISHED && s->heartbeat_at < at)
        at = s->heartbeat_at;
    if (s->expects_since != UINT64_MAX && !(s->phase & HAS_ENDED)) {
        over = s->expects_since + (uint64_t)s->cfg.timeout_ms * 1000;
        at = over < at ? over : at;
    }
    return at;
}
