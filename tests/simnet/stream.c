/* SPDX-License-Identifier: MIT */
/*
 * TCP as its user sees it, not as it is on the wire: segments are numbered one by one, each is
 * acknowledged cumulatively, the oldest is repeated until it gets through or the peer is given up.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum {
    MSS = 1400,
    WINDOW = 64, /* segments in flight */
    RTO_MS = 300,
    MAX_TRIES = 8,
    HELLO_LEN = 300,
    SERVER_HELLO_LEN = 1300,
};

struct segment {
    struct segment *next;
    enum tcp_kind kind; /* TCP_DATA or TCP_FIN */
    bool hello;         /* of TLS: not the user's */
    uint32_t seq;
    size_t len;
    uint8_t data[];
};

enum state { CONNECTING, GREETING, OPEN };

struct sim_stream {
    struct sim_node *node;
    struct sim_stream *next;
    struct sim_addr local, peer;
    struct sim_stream_events ev;
    void *user;
    enum state state;
    bool tls, server, closing;
    sim_accept_fn accept;
    void *accept_user;
    struct segment *queue; /* unacknowledged, then unsent, in order */
    uint32_t next_seq;     /* of what is written next */
    uint32_t sent_to;      /* first not sent yet */
    uint32_t expected;
    struct segment *early; /* arrived before its turn */
    unsigned tries;
    bool timing;
};

struct sim_listener {
    struct sim_listener *next;
    uint16_t port;
    bool tls;
    sim_accept_fn fn;
    void *user;
};

static void on_timer(void *user);

static void drop_queue(struct segment **q)
{
    for (struct segment *s = *q, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    *q = NULL;
}

static void destroy(struct sim_stream *s)
{
    struct sim_stream **at = &s->node->streams;

    sim_forget(s->node->world, s);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    drop_queue(&s->queue);
    drop_queue(&s->early);
    free(s);
}

static void send_kind(struct sim_stream *s, enum tcp_kind kind, uint32_t seq,
                      const struct segment *seg)
{
    struct packet *p =
        sim__packet(SIM_TCP, &s->local, &s->peer, seg ? seg->data : NULL, seg ? seg->len : 0);

    p->kind = kind;
    p->seq = seq;
    sim__node_send(s->node, p);
}

static void start_timer(struct sim_stream *s)
{
    if (s->timing)
        return;
    s->timing = true;
    sim_after(s->node->world, (RTO_MS * SIM_MS) << (s->tries < 6 ? s->tries : 6), on_timer, s);
}

static void pump(struct sim_stream *s)
{
    uint32_t first = s->queue ? s->queue->seq : 0;

    for (struct segment *g = s->queue; g && g->seq < first + WINDOW; g = g->next)
        if (g->seq >= s->sent_to) {
            send_kind(s, g->kind, g->seq, g);
            s->sent_to = g->seq + 1;
        }
    if (s->queue)
        start_timer(s);
}

/* It is over; the user hears of it unless he closed it himself. */
static void end(struct sim_stream *s, bool failed)
{
    void (*closed)(void *, bool) = s->closing ? NULL : s->ev.closed;
    void *user = s->user;

    destroy(s);
    if (closed)
        closed(user, failed);
}

static void on_timer(void *user)
{
    struct sim_stream *s = user;

    s->timing = false;
    if (s->state != CONNECTING && !s->queue)
        return;
    if (++s->tries > MAX_TRIES) {
        end(s, true);
        return;
    }
    if (s->state == CONNECTING)
        send_kind(s, s->server ? TCP_SYN_ACK : TCP_SYN, 0, NULL);
    else
        send_kind(s, s->queue->kind, s->queue->seq, s->queue);
    start_timer(s);
}

static void enqueue(struct sim_stream *s, enum tcp_kind kind, bool hello, const void *data,
                    size_t len)
{
    struct segment *g = sim__alloc(sizeof *g + len), **at = &s->queue;

    g->kind = kind;
    g->hello = hello;
    g->seq = s->next_seq++;
    g->len = len;
    if (data)
        memcpy(g->data, data, len);
    while (*at)
        at = &(*at)->next;
    *at = g;
}

static struct sim_stream *new_stream(struct sim_node *n, const struct sim_addr *local,
                                     const struct sim_addr *peer, bool tls)
{
    struct sim_stream *s = sim__alloc(sizeof *s);

    s->node = n;
    s->local = *local;
    s->peer = *peer;
    s->tls = tls;
    s->next = n->streams;
    n->streams = s;
    return s;
}

/* ------------------------------------------------------------------ receiving */

static void opened(struct sim_stream *s)
{
    s->state = OPEN;
    if (s->server && s->accept)
        s->accept(s->accept_user, s);
    else if (!s->closing && s->ev.open)
        s->ev.open(s->user);
}

static void greet(struct sim_stream *s)
{
    if (!s->tls) {
        opened(s);
        return;
    }
    s->state = GREETING;
    if (!s->server) {
        enqueue(s, TCP_DATA, true, NULL, HELLO_LEN);
        pump(s);
    }
}

/* Takes g. False when the stream is gone. */
static bool take(struct sim_stream *s, struct segment *g)
{
    s->expected = g->seq + 1;
    if (g->kind == TCP_FIN) {
        free(g);
        end(s, false);
        return false;
    }
    if (s->state == GREETING) {
        if (s->server)
            enqueue(s, TCP_DATA, true, NULL, SERVER_HELLO_LEN);
        free(g);
        pump(s);
        opened(s);
        return true;
    }
    if (!s->closing && s->ev.data)
        s->ev.data(s->user, g->data, g->len);
    free(g);
    return true;
}

static void put_early(struct sim_stream *s, struct segment *g)
{
    struct segment **at = &s->early;

    while (*at && (*at)->seq < g->seq)
        at = &(*at)->next;
    if (*at && (*at)->seq == g->seq) {
        free(g);
        return;
    }
    g->next = *at;
    *at = g;
}

/* A callback may close the stream, which then lives on until its FIN is acknowledged. */
static void on_segment(struct sim_stream *s, const struct packet *p)
{
    uint32_t got = s->expected;
    struct segment *g;
    bool alive = true;

    if (p->seq >= s->expected && p->seq < s->expected + 4 * WINDOW) {
        g = sim__alloc(sizeof *g + p->len);
        g->kind = p->kind;
        g->seq = p->seq;
        g->len = p->len;
        memcpy(g->data, p->data, p->len);
        put_early(s, g);
    }
    for (g = s->early; g && g->seq == got; g = g->next)
        got++;
    send_kind(s, TCP_ACK, got, NULL);
    while (alive && (g = s->early) && g->seq == s->expected) {
        s->early = g->next;
        alive = take(s, g);
    }
}

static void on_ack(struct sim_stream *s, uint32_t seq)
{
    bool moved = false;

    while (s->queue && s->queue->seq < seq) {
        struct segment *g = s->queue;

        s->queue = g->next;
        free(g);
        moved = true;
    }
    if (moved)
        s->tries = 0;
    if (s->closing && !s->queue)
        destroy(s);
    else
        pump(s);
}

static struct sim_stream *find(struct sim_node *n, const struct packet *p)
{
    for (struct sim_stream *s = n->streams; s; s = s->next)
        if (s->local.port == p->dst.port && sim_addr_equal(&s->peer, &p->src))
            return s;
    return NULL;
}

static void on_stream(struct sim_stream *s, const struct packet *p)
{
    switch (p->kind) {
    case TCP_SYN:
        send_kind(s, TCP_SYN_ACK, 0, NULL);
        break;
    case TCP_SYN_ACK:
        if (s->state == CONNECTING && !s->server) {
            s->tries = 0;
            greet(s);
        }
        break;
    case TCP_DATA:
    case TCP_FIN:
        if (s->state != CONNECTING)
            on_segment(s, p);
        break;
    case TCP_ACK:
        on_ack(s, p->seq);
        break;
    case TCP_RST:
        end(s, true);
        break;
    }
}

static void on_syn(struct sim_node *n, const struct packet *p)
{
    struct sim_listener *l = n->listeners;
    struct sim_stream *s;

    while (l && l->port != p->dst.port)
        l = l->next;
    if (!l) {
        struct packet *r = sim__packet(SIM_TCP, &p->dst, &p->src, NULL, 0);

        r->kind = TCP_RST;
        sim__node_send(n, r);
        return;
    }
    s = new_stream(n, &p->dst, &p->src, l->tls);
    s->server = true;
    s->accept = l->fn;
    s->accept_user = l->user;
    send_kind(s, TCP_SYN_ACK, 0, NULL);
    greet(s);
}

void sim__tcp_receive(struct sim_node *n, struct packet *p)
{
    struct sim_stream *s = find(n, p);

    if (!s && p->kind != TCP_SYN) {
        sim__fate(n->world, p, SIM_NO_SOCKET, n);
        return;
    }
    sim__note(n->world, p, SIM_DELIVERED, n);
    if (s)
        on_stream(s, p);
    else
        on_syn(n, p);
    free(p);
}

/* ------------------------------------------------------------------ interface */

struct sim_stream *sim_stream_connect(struct sim_node *n, const struct sim_addr *to, bool tls,
                                      const struct sim_stream_events *ev, void *user)
{
    static const struct sim_addr any;
    struct sim_iface *out = sim__route(n, &any, to);
    struct sim_addr local = out ? sim_iface_addr(out, to->family) : any;
    struct sim_stream *s;

    local.port = sim__free_port(n, SIM_TCP);
    s = new_stream(n, &local, to, tls);
    sim_stream_attach(s, ev, user);
    send_kind(s, TCP_SYN, 0, NULL);
    start_timer(s);
    return s;
}

int sim_stream_write(struct sim_stream *s, const void *data, size_t len)
{
    const uint8_t *p = data;

    if (s->closing || s->state != OPEN)
        return -1;
    for (size_t n; len > 0; p += n, len -= n) {
        n = len < MSS ? len : MSS;
        enqueue(s, TCP_DATA, false, p, n);
    }
    pump(s);
    return 0;
}

void sim_stream_close(struct sim_stream *s)
{
    if (!s || s->closing)
        return;
    s->closing = true;
    if (s->state == CONNECTING) {
        send_kind(s, TCP_RST, 0, NULL);
        destroy(s);
        return;
    }
    enqueue(s, TCP_FIN, false, NULL, 0);
    pump(s);
}

void sim_stream_attach(struct sim_stream *s, const struct sim_stream_events *ev, void *user)
{
    s->ev = ev ? *ev : (struct sim_stream_events){0};
    s->user = user;
}

struct sim_addr sim_stream_peer(const struct sim_stream *s)
{
    return s->peer;
}

struct sim_addr sim_stream_local(const struct sim_stream *s)
{
    return s->local;
}

struct sim_listener *sim_stream_listen(struct sim_node *n, uint16_t port, bool tls,
                                       sim_accept_fn fn, void *user)
{
    struct sim_listener *l = sim__alloc(sizeof *l);

    *l = (struct sim_listener){n->listeners, port, tls, fn, user};
    n->listeners = l;
    return l;
}

bool sim__tcp_port_taken(const struct sim_node *n, uint16_t port)
{
    for (const struct sim_stream *s = n->streams; s; s = s->next)
        if (s->local.port == port)
            return true;
    return false;
}

void sim__tcp_free(struct sim_node *n)
{
    for (struct sim_stream *s = n->streams, *next; s; s = next) {
        next = s->next;
        destroy(s);
    }
    for (struct sim_listener *l = n->listeners, *next; l; l = next) {
        next = l->next;
        free(l);
    }
}
