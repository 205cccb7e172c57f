/* SPDX-License-Identifier: MIT */
/*
 * A peer that holds the guard's keys sends packets and control datagrams of any kind into an
 * association, in any of its phases, while time passes and an honest conversation goes on. The
 * books must agree after each step, and nothing may turn in a circle.
 */
#include "../tests/sctp_evil.h"

#include "rd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { STEPS_MAX = 400, LOOPS_MAX = 20000 };

/* Small windows, so that their ends are reached. */
static void start(struct world *w, uint8_t how)
{
    world_init(w, 5);
    for (int i = 0; i < 2; i++) {
        struct fh_sctp_config cfg = world_config(w, i);

        cfg.send_len = cfg.recv_len = 1 << 16;
        cfg.timeout_ms = 5000;
        if (how & 8)
            cfg.side = i == 0 ? FH_SCTP_LISTEN : FH_SCTP_CONNECT;
        w->end[i] = fh_sctp_new(&cfg, w->now);
        if (!w->end[i])
            abort();
        w->wire[i].delay_us = 10 * MS;
        w->wire[i].loss = how & 16 ? 5000 : 0;
    }
    /* 0: nothing yet, 1..3: in the middle of the handshake, from 4 on: it stands. */
    world_run(w, (uint64_t)(how & 7) * 9 * MS);
}

static void evil_packet(struct world *w, struct rd *r, uint8_t what)
{
    struct evil e;
    size_t n = rd_u8(r);
    const uint8_t *bytes = rd_bytes(r, n);

    evil_begin(&e, w);
    if (what & 8)
        memset(e.o.mem + 4, 0, 4);
    if (!bytes)
        return;
    memcpy(e.o.mem + e.o.len, bytes, n);
    /* Numbers near the ones that count are hard to hit by chance. */
    if ((what & 16) && n >= 8) {
        uint32_t tsn = w->end[1]->rx.cum + (int8_t)bytes[7];
        uint32_t near = bytes[0] == SCTP_SACK ? w->end[1]->tx.acked + bytes[7] % 8 : tsn;

        for (int i = 0; i < 4; i++)
            e.o.mem[e.o.len + 4 + (size_t)i] = (uint8_t)(near >> (24 - 8 * i));
    }
    e.o.len += n;
    evil_send(&e, w, FH_GUARD_STREAM);
}

static void evil_control(struct world *w, struct rd *r)
{
    struct evil e;
    size_t n = rd_u8(r);
    const uint8_t *bytes = rd_bytes(r, n);

    evil_begin(&e, w);
    if (!bytes)
        return;
    memcpy(e.o.mem, bytes, n);
    e.o.len = n;
    evil_send(&e, w, FH_GUARD_CONTROL);
}

static void pass_time(struct world *w, uint64_t us)
{
    uint64_t until = w->now + us;
    int loops = 0;

    world_drain(w, 0);
    world_drain(w, 1);
    while (w->now < until && world_step(w, until))
        if (++loops > LOOPS_MAX)
            abort();
}

static void step(struct world *w, struct rd *r)
{
    uint8_t what = rd_u8(r);

    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        evil_packet(w, r, what);
        break;
    case 3:
        evil_control(w, r);
        break;
    case 4:
        pass_time(w, (uint64_t)rd_u8(r) * (what & 8 ? 10 * MS : 100));
        break;
    case 5:
        w->to_write[what >> 3 & 1] += (uint64_t)rd_u8(r) * 100;
        break;
    case 6:
        w->reads[1] = !w->reads[1];
        break;
    case 7:
        if (what == 0xff)
            fh_sctp_end(w->end[1]);
        else if (what == 0xf7)
            fh_sctp_path_changed(w->end[1], w->now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct world w;
    struct rd r = rd_init(data, len);

    start(&w, rd_u8(&r));
    for (int i = 0; i < STEPS_MAX && !r.bad && r.left > 0; i++) {
        step(&w, &r);
        if (evil_audit(w.end[0]) || evil_audit(w.end[1]))
            abort();
    }
    pass_time(&w, 200 * MS);
    world_free(&w);
    memset(&w, 0, sizeof w);
    return 0;
}
