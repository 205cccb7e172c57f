/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ip.h"

#include "internal.h"

void *sim__alloc(size_t len)
{
    void *p = calloc(1, len);

    if (!p)
        abort();
    return p;
}

void sim__name(char out[static NAME_LEN], const char *name)
{
    snprintf(out, NAME_LEN, "%s", name);
}

/* ------------------------------------------------------------------ addresses */

struct sim_addr sim_addr(const char *ip, uint16_t port)
{
    struct sim_addr a = {.port = port};
    size_t len = strlen(ip);

    if (ip4_next(ip, len, a.ip) == len && len > 0) {
        a.family = 4;
    } else {
        size_t used = ip6_next(ip, len, a.ip);

        assert(used == len && len > 0);
        (void)used;
        a.family = 6;
    }
    return a;
}

bool sim_ip_equal(const struct sim_addr *a, const struct sim_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool sim_addr_equal(const struct sim_addr *a, const struct sim_addr *b)
{
    return a->port == b->port && sim_ip_equal(a, b);
}

const char *sim_addr_text(const struct sim_addr *a, char out[static SIM_ADDR_TEXT])
{
    char *p = out, *end = out + SIM_ADDR_TEXT;

    if (a->family == 0) {
        snprintf(out, SIM_ADDR_TEXT, "none");
    } else if (a->family == 4) {
        snprintf(out, SIM_ADDR_TEXT, "%u.%u.%u.%u:%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3],
                 a->port);
    } else {
        for (int i = 0; i < 16; i += 2)
            p += snprintf(p, (size_t)(end - p), "%s%x", i ? ":" : "[",
                          (unsigned)(a->ip[i] << 8 | a->ip[i + 1]));
        snprintf(p, (size_t)(end - p), "]:%u", a->port);
    }
    return out;
}

bool sim__in_prefix(const struct sim_addr *a, const struct sim_addr *prefix, unsigned bits)
{
    if (a->family != prefix->family)
        return false;
    for (unsigned i = 0; i < bits; i++)
        if (((a->ip[i / 8] ^ prefix->ip[i / 8]) >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

/* ------------------------------------------------------------------ chance: splitmix64 */

uint64_t sim_random(struct sim *w)
{
    uint64_t z = w->rng += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t sim_random_below(struct sim *w, uint64_t n)
{
    return sim_random(w) % n;
}

bool sim_chance(struct sim *w, double p)
{
    return p > 0 && (double)(sim_random(w) >> 11) < p * 9007199254740992.0;
}

void sim_random_bytes(void *w, void *out, size_t len)
{
    uint8_t *p = out;

    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(sim_random(w) >> 56);
}

/* ------------------------------------------------------------------ events: a binary heap */

static bool before(const struct event *a, const struct event *b)
{
    return a->time != b->time ? a->time < b->time : a->seq < b->seq;
}

static void sift_up(struct event *h, size_t i)
{
    struct event e = h[i];

    for (; i > 0 && before(&e, &h[(i - 1) / 2]); i = (i - 1) / 2)
        h[i] = h[(i - 1) / 2];
    h[i] = e;
}

static void sift_down(struct event *h, size_t n, size_t i)
{
    struct event e = h[i];

    for (size_t c; (c = 2 * i + 1) < n; i = c) {
        if (c + 1 < n && before(&h[c + 1], &h[c]))
            c++;
        if (!before(&h[c], &e))
            break;
        h[i] = h[c];
    }
    h[i] = e;
}

static void push(struct sim *w, struct event e)
{
    if (w->n_events == w->cap_events) {
        w->cap_events = w->cap_events ? 2 * w->cap_events : 256;
        w->heap = realloc(w->heap, w->cap_events * sizeof *w->heap);
        if (!w->heap)
            abort();
    }
    e.seq = w->next_seq++;
    if (e.time < w->now)
        e.time = w->now;
    w->heap[w->n_events] = e;
    sift_up(w->heap, w->n_events++);
}

void sim_at(struct sim *w, uint64_t time, sim_event_fn fn, void *user)
{
    push(w, (struct event){.time = time, .fn = fn, .user = user});
}

void sim_after(struct sim *w, uint64_t delay, sim_event_fn fn, void *user)
{
    sim_at(w, w->now + delay, fn, user);
}

void sim__schedule_packet(struct sim *w, uint64_t time, struct packet *p,
                          void (*arrive)(struct sim *w, struct packet *p))
{
    push(w, (struct event){.time = time, .pkt = p, .arrive = arrive});
}

void sim_forget(struct sim *w, const void *user)
{
    size_t kept = 0;

    sim__dns_forget(w, user);
    for (size_t i = 0; i < w->n_events; i++)
        if (w->heap[i].pkt || w->heap[i].user != user)
            w->heap[kept++] = w->heap[i];
    w->n_events = kept;
    for (size_t i = kept / 2; i-- > 0;)
        sift_down(w->heap, kept, i);
}

bool sim_step(struct sim *w)
{
    struct event e;

    if (w->n_events == 0)
        return false;
    e = w->heap[0];
    w->heap[0] = w->heap[--w->n_events];
    if (w->n_events > 0)
        sift_down(w->heap, w->n_events, 0);
    w->now = e.time;
    if (e.pkt)
        e.arrive(w, e.pkt);
    else
        e.fn(e.user);
    return true;
}

void sim_run_until(struct sim *w, uint64_t time)
{
    while (w->n_events > 0 && w->heap[0].time <= time)
        sim_step(w);
    if (time > w->now)
        w->now = time;
}

bool sim_run_for(struct sim *w, uint64_t limit, bool (*cond)(void *user), void *user)
{
    uint64_t end = w->now + limit;

    while (!cond(user)) {
        if (w->n_events == 0 || w->heap[0].time > end) {
            w->now = end;
            return false;
        }
        sim_step(w);
    }
    return true;
}

/* ------------------------------------------------------------------ packets */

struct packet *sim__packet(enum sim_proto proto, const struct sim_addr *src,
                           const struct sim_addr *dst, const void *data, size_t len)
{
    struct packet *p = sim__alloc(sizeof *p + len);

    p->proto = proto;
    p->src = *src;
    p->dst = *dst;
    p->len = len;
    if (len > 0)
        memcpy(p->data, data, len);
    return p;
}

const char *sim_fate_text(enum sim_fate f)
{
    static const char *const text[SIM_FATES] = {
        [SIM_SENT] = "sent",
        [SIM_DELIVERED] = "delivered",
        [SIM_LOST] = "lost",
        [SIM_QUEUE] = "queue full",
        [SIM_TOO_BIG] = "too big",
        [SIM_DOWN] = "link down",
        [SIM_NO_ROUTE] = "no route",
        [SIM_NO_SOCKET] = "no socket",
        [SIM_NAT_NO_MAPPING] = "no mapping",
        [SIM_NAT_FILTERED] = "filtered by NAT",
        [SIM_NO_HAIRPIN] = "no hairpin",
        [SIM_FIREWALL] = "firewall",
        [SIM_LOOPED] = "looped",
    };

    return text[f];
}

void sim__note(struct sim *w, const struct packet *p, enum sim_fate f, const struct sim_node *at)
{
    w->counts[f]++;
    if (w->watch)
        w->watch(w->watch_user, &(struct sim_packet_info){.fate = f,
                                                          .proto = p->proto,
                                                          .from = p->src,
                                                          .to = p->dst,
                                                          .node = at,
                                                          .data = p->data,
                                                          .len = p->len});
}

void sim__fate(struct sim *w, struct packet *p, enum sim_fate f, const struct sim_node *at)
{
    sim__note(w, p, f, at);
    free(p);
}

void sim_watch(struct sim *w, sim_watch_fn fn, void *user)
{
    w->watch = fn;
    w->watch_user = user;
}

uint64_t sim_count(const struct sim *w, enum sim_fate f)
{
    return w->counts[f];
}

/* ------------------------------------------------------------------ life */

struct sim *sim_new(uint64_t seed)
{
    struct sim *w = sim__alloc(sizeof *w);

    w->rng = seed * 0x2545f4914f6cdd1du + 0x9e3779b97f4a7c15u;
    return w;
}

uint64_t sim_now(const struct sim *w)
{
    return w->now;
}

uint64_t sim_now_ms(const struct sim *w)
{
    return w->now / SIM_MS;
}

static void free_node(struct sim_node *n)
{
    sim__tcp_free(n);
    while (n->sockets)
        sim_udp_close(n->sockets);
    for (struct sim_iface *i = n->ifaces, *next; i; i = next) {
        next = i->next_of_node;
        free(i);
    }
    sim__nat_free(n->nat);
    free(n);
}

void sim_free(struct sim *w)
{
    if (!w)
        return;
    w->watch = NULL;
    for (struct sim_node *n = w->nodes, *next; n; n = next) {
        next = n->next;
        free_node(n);
    }
    for (struct sim_net *n = w->nets, *next; n; n = next) {
        next = n->next;
        free(n);
    }
    for (size_t i = 0; i < w->n_events; i++)
        free(w->heap[i].pkt);
    sim__dns_free(w);
    free(w->heap);
    free(w);
}
