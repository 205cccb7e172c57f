/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct sim_socket {
    struct sim_node *node;
    struct sim_socket *next;
    struct sim_addr addr; /* family 0: any address */
    sim_datagram_fn fn;
    void *user;
};

/* ------------------------------------------------------------------ topology */

struct sim_net *sim_net_new(struct sim *w, const char *name)
{
    struct sim_net *n = sim__alloc(sizeof *n);

    n->world = w;
    sim__name(n->name, name);
    n->next = w->nets;
    w->nets = n;
    return n;
}

struct sim_node *sim_node_new(struct sim *w, const char *name)
{
    struct sim_node *n = sim__alloc(sizeof *n);

    n->world = w;
    sim__name(n->name, name);
    n->next_port = (uint16_t)(49152 + sim_random_below(w, 8192));
    n->next = w->nodes;
    w->nodes = n;
    return n;
}

const char *sim_node_name(const struct sim_node *n)
{
    return n->name;
}

struct sim *sim_world(const struct sim_node *n)
{
    return n->world;
}

struct sim_iface *sim_attach(struct sim_node *n, struct sim_net *net, const char *ip)
{
    struct sim_iface *i = sim__alloc(sizeof *i), **at = &n->ifaces;

    i->node = n;
    i->net = net;
    i->up = true;
    while (*at)
        at = &(*at)->next_of_node;
    *at = i;
    i->next_of_net = net->ifaces;
    net->ifaces = i;
    if (ip)
        sim_iface_add(i, ip);
    return i;
}

void sim_iface_add(struct sim_iface *i, const char *ip)
{
    assert(i->n_addrs < MAX_ADDRS);
    i->addrs[i->n_addrs++] = sim_addr(ip, 0);
}

void sim_iface_remove(struct sim_iface *i, const char *ip)
{
    struct sim_addr a = sim_addr(ip, 0);
    size_t kept = 0;

    for (size_t k = 0; k < i->n_addrs; k++)
        if (!sim_ip_equal(&i->addrs[k], &a))
            i->addrs[kept++] = i->addrs[k];
    i->n_addrs = kept;
}

void sim_iface_route(struct sim_iface *i, const char *prefix, unsigned bits)
{
    assert(i->n_routes < MAX_ADDRS);
    i->routes[i->n_routes++] = (struct prefix){sim_addr(prefix, 0), bits};
}

void sim_iface_set_up(struct sim_iface *i, bool up)
{
    i->up = up;
}

void sim_net_set_gateway(struct sim_net *net, struct sim_iface *i)
{
    net->gateway = i;
}

struct sim_addr sim_iface_addr(const struct sim_iface *i, uint8_t family)
{
    for (size_t k = 0; k < i->n_addrs; k++)
        if (i->addrs[k].family == family)
            return i->addrs[k];
    return (struct sim_addr){0};
}

void sim_node_set_asleep(struct sim_node *n, bool asleep)
{
    n->asleep = asleep;
}

void sim_node_refuse_sends(struct sim_node *n, bool refuse)
{
    n->refuses = refuse;
}

void sim_iface_set_link(struct sim_iface *i, const struct sim_link_config *out,
                        const struct sim_link_config *in)
{
    if (out)
        i->out.cfg = *out;
    if (in)
        i->in.cfg = *in;
}

/* ------------------------------------------------------------------ routing */

static bool iface_has(const struct sim_iface *i, const struct sim_addr *ip)
{
    for (size_t k = 0; k < i->n_addrs; k++)
        if (sim_ip_equal(&i->addrs[k], ip))
            return true;
    return false;
}

bool sim__node_has(const struct sim_node *n, const struct sim_addr *ip)
{
    for (const struct sim_iface *i = n->ifaces; i; i = i->next_of_node)
        if (i->up && iface_has(i, ip))
            return true;
    return false;
}

/* Whose is it on this net: by address, then by routed prefix. */
static struct sim_iface *on_net(struct sim_net *net, const struct sim_addr *dst)
{
    for (struct sim_iface *i = net->ifaces; i; i = i->next_of_net)
        if (iface_has(i, dst))
            return i;
    for (struct sim_iface *i = net->ifaces; i; i = i->next_of_net)
        for (size_t k = 0; k < i->n_routes; k++)
            if (sim__in_prefix(dst, &i->routes[k].addr, i->routes[k].bits))
                return i;
    return NULL;
}

static struct sim_iface *next_hop(const struct sim_iface *i, const struct sim_addr *dst)
{
    struct sim_iface *to = on_net(i->net, dst);

    return to ? to : i->net->gateway != i ? i->net->gateway : NULL;
}

/* A strong host: with a source address, its own interface only. */
static bool may_use(const struct sim_iface *i, const struct sim_addr *src,
                    const struct sim_addr *dst)
{
    if (!i->up)
        return false;
    if (src->family != 0)
        return iface_has(i, src);
    return sim_iface_addr(i, dst->family).family != 0;
}

struct sim_iface *sim__route(struct sim_node *n, const struct sim_addr *src,
                             const struct sim_addr *dst)
{
    struct sim_iface *fallback = NULL;

    for (struct sim_iface *i = n->ifaces; i; i = i->next_of_node) {
        if (!may_use(i, src, dst))
            continue;
        if (on_net(i->net, dst))
            return i;
        if (!fallback && i->net->gateway && i->net->gateway != i)
            fallback = i;
    }
    return fallback;
}

/* ------------------------------------------------------------------ a packet's way */

static void at_node(struct sim *w, struct packet *p)
{
    struct sim_iface *i = p->iface;
    struct sim_node *n = i->node;

    if (!i->up || n->asleep)
        sim__fate(w, p, SIM_DOWN, n);
    else if (n->nat)
        sim__nat_receive(n, i, p);
    else if (iface_has(i, &p->dst))
        sim__deliver_local(n, p);
    else
        sim__fate(w, p, SIM_NO_ROUTE, n);
}

static void at_net(struct sim *w, struct packet *p)
{
    struct sim_iface *to = next_hop(p->iface, &p->dst);

    if (!to || to == p->iface) {
        sim__fate(w, p, SIM_NO_ROUTE, NULL);
    } else if (!to->up) {
        sim__fate(w, p, SIM_DOWN, NULL);
    } else {
        p->iface = to;
        sim__link_carry(w, &to->in, p, at_node);
    }
}

static void leave(struct sim *w, struct packet *p)
{
    if (p->iface->up)
        sim__link_carry(w, &p->iface->out, p, at_net);
    else
        sim__fate(w, p, SIM_DOWN, p->iface->node);
}

void sim__node_forward(struct sim_node *n, struct packet *p)
{
    static const struct sim_addr any;
    struct sim_iface *out = sim__route(n, &any, &p->dst);

    if (++p->hops > MAX_HOPS) {
        sim__fate(n->world, p, SIM_LOOPED, n);
    } else if (!out) {
        sim__fate(n->world, p, SIM_NO_ROUTE, n);
    } else {
        p->iface = out;
        leave(n->world, p);
    }
}

int sim__node_send(struct sim_node *n, struct packet *p)
{
    struct sim_addr src = p->src;
    struct sim_iface *out;

    if (sim__node_has(n, &p->dst) && (src.family == 0 || sim__node_has(n, &src))) {
        if (src.family == 0)
            p->src = (struct sim_addr){p->dst.family, src.port, {0}};
        memcpy(p->src.ip, src.family ? src.ip : p->dst.ip, sizeof p->src.ip);
        sim__note(n->world, p, SIM_SENT, n);
        for (p->iface = n->ifaces; !iface_has(p->iface, &p->dst);)
            p->iface = p->iface->next_of_node;
        sim__schedule_packet(n->world, n->world->now, p, at_node);
        return 0;
    }
    out = n->asleep || n->refuses ? NULL : sim__route(n, &src, &p->dst);
    if (!out || (src.family && src.family != p->dst.family)) {
        free(p);
        return -1;
    }
    if (src.family == 0) {
        p->src = sim_iface_addr(out, p->dst.family);
        p->src.port = src.port;
    }
    sim__note(n->world, p, SIM_SENT, n);
    p->iface = out;
    /* By an event, so that a callback never runs inside a send. */
    sim__schedule_packet(n->world, n->world->now, p, leave);
    return 0;
}

/* ------------------------------------------------------------------ UDP */

static bool udp_port_taken(const struct sim_node *n, uint16_t port, const struct sim_addr *ip)
{
    for (const struct sim_socket *s = n->sockets; s; s = s->next)
        if (s->addr.port == port &&
            (ip == NULL || ip->family == 0 || s->addr.family == 0 || sim_ip_equal(&s->addr, ip)))
            return true;
    return false;
}

uint16_t sim__free_port(struct sim_node *n, enum sim_proto proto)
{
    do {
        n->next_port = n->next_port == 65535 ? 49152 : (uint16_t)(n->next_port + 1);
    } while (proto == SIM_UDP ? udp_port_taken(n, n->next_port, NULL)
                              : sim__tcp_port_taken(n, n->next_port));
    return n->next_port;
}

struct sim_socket *sim_udp_open(struct sim_node *n, const struct sim_addr *bind, sim_datagram_fn fn,
                                void *user)
{
    struct sim_addr a = bind ? *bind : (struct sim_addr){0};
    struct sim_socket *s;

    if (a.family != 0 && !sim__node_has(n, &a))
        return NULL;
    if (a.port == 0)
        a.port = sim__free_port(n, SIM_UDP);
    else if (udp_port_taken(n, a.port, &a))
        return NULL;
    s = sim__alloc(sizeof *s);
    *s = (struct sim_socket){.node = n, .next = n->sockets, .addr = a, .fn = fn, .user = user};
    n->sockets = s;
    return s;
}

void sim_udp_close(struct sim_socket *s)
{
    struct sim_socket **at;

    if (!s)
        return;
    for (at = &s->node->sockets; *at != s;)
        at = &(*at)->next;
    *at = s->next;
    free(s);
}

struct sim_addr sim_udp_addr(const struct sim_socket *s)
{
    return s->addr;
}

int sim_udp_send(struct sim_socket *s, const struct sim_addr *to, const void *data, size_t len)
{
    return sim__node_send(s->node, sim__packet(SIM_UDP, &s->addr, to, data, len));
}

static void deliver_udp(struct sim_node *n, struct packet *p)
{
    struct sim_socket *s;

    for (s = n->sockets; s; s = s->next)
        if (s->addr.port == p->dst.port && (s->addr.family == 0 || sim_ip_equal(&s->addr, &p->dst)))
            break;
    if (!s) {
        sim__fate(n->world, p, SIM_NO_SOCKET, n);
        return;
    }
    sim__note(n->world, p, SIM_DELIVERED, n);
    s->fn(s->user, s, &p->src, p->data, p->len);
    free(p);
}

void sim__deliver_local(struct sim_node *n, struct packet *p)
{
    if (p->proto == SIM_UDP)
        deliver_udp(n, p);
    else
        sim__tcp_receive(n, p);
}
