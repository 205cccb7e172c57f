/* SPDX-License-Identifier: MIT */
/*
 * sctp_control.c -- control datagrams, of the guard's type 1:
 *
 *     u8 1 | u8 id | zeros                      a probe: may a datagram be as long as this?
 *     u8 2 | u8 id | u16 bytes                  it arrived, UDP payload of so many bytes
 *     u8 3 | u8 id | u8 half (0, 1) | part      a packet that is too large by now, in two
 *
 * A TSN, once sent, stands for its bytes and cannot be split by SCTP's own means; so when a path
 * begins to swallow what was made larger for it, packets travel in halves.
 */
#include "sctp_internal.h"

#include "rd.h"
#include "wr.h"

enum { PROBE = 1, PROBE_ACK = 2, HALF = 3 };
enum { HALF_HEADER = 3, HALF_MAX = SCTP_PACKET_MAX / 2 };

static void on_probe(struct fh_sctp *s, struct rd *r, size_t len)
{
    s->answers_probe_id = rd_u8(r);
    if (!r->bad)
        s->answers_probe = (uint16_t)(len + FH_GUARD_OVERHEAD);
}

static void on_probe_ack(struct fh_sctp *s, uint64_t now, struct rd *r)
{
    uint8_t id = rd_u8(r);
    uint16_t size = rd_u16(r);

    if (r->bad || !fh__mtu_on_ack(&s->mtu, now, id, size))
        return;
    fh__rate_resize(&s->rate, size);
}

/* Halves may change places on the way, but two packets' halves are not kept at once. */
static void on_half(struct fh_sctp *s, uint64_t now, struct rd *r)
{
    struct fragments *f = &s->frag;
    uint8_t id = rd_u8(r), half = rd_u8(r);
    size_t at = half == 0 ? 0 : HALF_MAX;

    if (r->bad || half > 1 || r->left == 0 || r->left > HALF_MAX)
        return;
    if (!f->in_any || id != f->in_id) {
        f->in_any = true;
        f->in_id = id;
        f->in_len[0] = f->in_len[1] = 0;
    }
    memcpy(f->in + at, r->p, r->left);
    f->in_len[half] = r->left;
    if (f->in_len[0] == 0 || f->in_len[1] == 0)
        return;
    memmove(f->in + f->in_len[0], f->in + HALF_MAX, f->in_len[1]);
    f->in_any = false;
    fh__sctp_packet(s, now, f->in, f->in_len[0] + f->in_len[1]);
}

/* What is not known is left alone: a later version may have more of it. */
void fh__sctp_on_control(struct fh_sctp *s, uint64_t now, const uint8_t *p, size_t len)
{
    struct rd r = rd_init(p, len);

    switch (rd_u8(&r)) {
    case PROBE:
        on_probe(s, &r, len);
        break;
    case PROBE_ACK:
        on_probe_ack(s, now, &r);
        break;
    case HALF:
        on_half(s, now, &r);
        break;
    default:
        break;
    }
}

void fh__sctp_fragment(struct fh_sctp *s, const uint8_t *packet, size_t len)
{
    memcpy(s->frag.out, packet, len);
    s->frag.out_len = len;
    s->frag.out_at = 0;
    s->frag.out_id++;
}

static size_t write_half(struct fragments *f, uint8_t *out)
{
    size_t first = f->out_len / 2, part = f->out_at == 0 ? first : f->out_len - first;
    struct wr w = wr_init(out, HALF_HEADER + part);

    wr_u8(&w, HALF);
    wr_u8(&w, f->out_id);
    wr_u8(&w, f->out_at == 0 ? 0 : 1);
    wr_bytes(&w, f->out + f->out_at, part);
    f->out_at += part;
    if (f->out_at == f->out_len)
        f->out_len = 0;
    return w.len;
}

static size_t write_answer(struct fh_sctp *s, uint8_t *out)
{
    struct wr w = wr_init(out, 4);

    wr_u8(&w, PROBE_ACK);
    wr_u8(&w, s->answers_probe_id);
    wr_u16(&w, s->answers_probe);
    s->answers_probe = 0;
    return w.len;
}

static size_t write_probe(struct fh_sctp *s, uint64_t now, uint8_t *out)
{
    uint16_t size = fh__mtu_probe(&s->mtu, now, 2 * fh__sctp_rto(s));

    if (size == 0)
        return 0;
    memset(out, 0, size - FH_GUARD_OVERHEAD);
    out[0] = PROBE;
    out[1] = s->mtu.id;
    return size - FH_GUARD_OVERHEAD;
}

size_t fh__sctp_control_output(struct fh_sctp *s, uint64_t now, uint8_t *out)
{
    if (s->frag.out_len > 0)
        return write_half(&s->frag, out);
    if (s->answers_probe != 0)
        return write_answer(s, out);
    if (s->phase == SCTP_ESTABLISHED && now >= fh__mtu_due(&s->mtu))
        return write_probe(s, now, out);
    return 0;
}
