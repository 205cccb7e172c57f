/* SPDX-License-Identifier: MIT */
/* The port mapping service of a gateway: RFC 6887 (MAP alone) and RFC 6886. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "servers.h"

enum { PORT = 5351, UDP = 17, MAX_LEASE_S = 3600 };

struct sim_gateway {
    struct sim_node *nat;
    enum sim_gateway_kind kind;
    struct sim_socket *sock;
    bool dead;
};

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static uint32_t epoch(const struct sim_gateway *g)
{
    return (uint32_t)(sim_now(g->nat->world) / SIM_S) + 1;
}

static void reply(struct sim_gateway *g, const struct sim_addr *to, const uint8_t *data, size_t len)
{
    sim_udp_send(g->sock, to, data, len);
}

static void on_pcp(struct sim_gateway *g, const struct sim_addr *from, const uint8_t *q, size_t len)
{
    uint8_t a[60] = {2, 0x81};
    struct sim_addr inside = *from, outside;
    uint32_t s = get32(q + 4);
    static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (len != 60 || q[1] != 1 || q[36] != UDP)
        return;
    memcpy(a + 24, q + 24, 36);
    put32(a + 8, epoch(g));
    if (memcmp(q + 20, from->ip, 4) != 0 || memcmp(q + 8, v4_mapped, 12) != 0) {
        a[3] = 12; /* ADDRESS_MISMATCH: RFC 6887 8.1 */
        reply(g, from, a, sizeof a);
        return;
    }
    s = s < MAX_LEASE_S ? s : MAX_LEASE_S;
    inside.port = (uint16_t)(q[40] << 8 | q[41]);
    outside = sim_nat_map(g->nat, SIM_UDP, &inside, (uint16_t)(q[42] << 8 | q[43]), s * SIM_S);
    put32(a + 4, s);
    put16(a + 42, outside.port);
    memcpy(a + 56, outside.ip, 4);
    reply(g, from, a, sizeof a);
}

static void on_natpmp(struct sim_gateway *g, const struct sim_addr *from, const uint8_t *q,
                      size_t len)
{
    uint8_t a[16] = {0, (uint8_t)(q[1] | 0x80)};
    struct sim_addr inside = *from, outside = sim_iface_addr(sim_nat_outside(g->nat), 4);
    uint32_t s;

    put32(a + 4, epoch(g));
    if (q[1] == 0) {
        memcpy(a + 8, outside.ip, 4);
        reply(g, from, a, 12);
    } else if (q[1] == 1 && len == 12) {
        s = get32(q + 8);
        s = s < MAX_LEASE_S ? s : MAX_LEASE_S;
        inside.port = (uint16_t)(q[4] << 8 | q[5]);
        outside = sim_nat_map(g->nat, SIM_UDP, &inside, (uint16_t)(q[6] << 8 | q[7]), s * SIM_S);
        memcpy(a + 8, q + 4, 2);
        put16(a + 10, outside.port);
        put32(a + 12, s);
        reply(g, from, a, 16);
    }
}

static void on_datagram(void *user, struct sim_socket *sock, const struct sim_addr *from,
                        const uint8_t *data, size_t len)
{
    struct sim_gateway *g = user;

    (void)sock;
    if (g->dead || len < 2 || (data[1] & 0x80))
        return;
    if (data[0] == 2 && g->kind & SIM_GATEWAY_PCP) {
        if (len >= 24)
            on_pcp(g, from, data, len);
    } else if (data[0] == 0 && g->kind & SIM_GATEWAY_NATPMP) {
        on_natpmp(g, from, data, len);
    } else if (g->kind == SIM_GATEWAY_NATPMP) {
        uint8_t a[8] = {0, (uint8_t)(data[1] | 0x80), 0, 1}; /* RFC 6886 3.5 */

        put32(a + 4, epoch(g));
        reply(g, from, a, sizeof a);
    }
}

struct sim_gateway *sim_gateway_new(struct sim_node *nat, enum sim_gateway_kind kind)
{
    struct sim_gateway *g = sim__alloc(sizeof *g);
    struct sim_addr at = sim_iface_addr(sim_nat_inside(nat), 4);

    at.port = PORT;
    g->nat = nat;
    g->kind = kind;
    g->sock = sim_udp_open(nat, &at, on_datagram, g);
    return g;
}

void sim_gateway_set_dead(struct sim_gateway *g)
{
    g->dead = true;
}

void sim_gateway_free(struct sim_gateway *g)
{
    free(g);
}
