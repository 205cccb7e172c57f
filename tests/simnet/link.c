/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { DEFAULT_QUEUE = 64 << 10, IP_UDP_4 = 28, IP_UDP_6 = 48 };

static size_t wire_len(const struct packet *p)
{
    return p->len + (p->dst.family == 6 ? IP_UDP_6 : IP_UDP_4);
}

/* Gilbert-Elliott: the state moves, then its loss applies. */
static bool loses(struct sim *w, struct link *l)
{
    if (sim_chance(w, l->bad ? l->cfg.to_good : l->cfg.to_bad))
        l->bad = !l->bad;
    return sim_chance(w, l->bad ? l->cfg.loss_bad : l->cfg.loss);
}

/* When the packet's last byte has left, or SIM_NEVER if the queue has no room for it. */
static uint64_t serialise(struct sim *w, struct link *l, size_t len)
{
    uint64_t start = l->busy_until > w->now ? l->busy_until : w->now;
    uint64_t waiting;

    if (l->cfg.rate_bps == 0)
        return w->now;
    waiting = (start - w->now) * l->cfg.rate_bps / 8 / SIM_S;
    if (waiting + len > (l->cfg.queue_bytes ? l->cfg.queue_bytes : DEFAULT_QUEUE))
        return SIM_NEVER;
    l->busy_until = start + len * 8 * SIM_S / l->cfg.rate_bps;
    return l->busy_until;
}

static uint64_t arrival(struct sim *w, struct link *l, uint64_t left)
{
    uint64_t t = left + l->cfg.latency_us;

    if (l->cfg.jitter_us)
        t += sim_random_below(w, l->cfg.jitter_us + 1);
    if (sim_chance(w, l->cfg.reorder))
        return t + l->cfg.reorder_us; /* behind what is sent after it */
    if (t < l->last)
        t = l->last;
    l->last = t;
    return t;
}

static struct packet *copy(const struct packet *p)
{
    struct packet *c = sim__alloc(sizeof *c + p->len);

    memcpy(c, p, sizeof *c + p->len);
    return c;
}

void sim__link_carry(struct sim *w, struct link *l, struct packet *p,
                     void (*arrive)(struct sim *w, struct packet *p))
{
    uint64_t left;

    if (l->cfg.mtu && wire_len(p) > l->cfg.mtu) {
        sim__fate(w, p, SIM_TOO_BIG, NULL);
        return;
    }
    left = serialise(w, l, wire_len(p));
    if (left == SIM_NEVER) {
        sim__fate(w, p, SIM_QUEUE, NULL);
        return;
    }
    if (loses(w, l) || sim_ip_equal(&p->dst, &l->cfg.blocked)) {
        sim__fate(w, p, SIM_LOST, NULL);
        return;
    }
    if (sim_chance(w, l->cfg.duplicate))
        sim__schedule_packet(w, arrival(w, l, left), copy(p), arrive);
    left = arrival(w, l, left);
    if (left == w->now)
        arrive(w, p);
    else
        sim__schedule_packet(w, left, p, arrive);
}
