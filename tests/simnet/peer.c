/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/portmap.h>
#include <farhand/turn_base.h>

#include "internal.h"
#include "peer.h"

enum { MAX_DATAGRAM = 2048 };

struct peer_socket {
    struct sim_peer *peer;
    struct sim_socket *sock;
    struct sim_addr addr;
    int base;
};

struct relay {
    struct sim_peer *peer;
    struct sim_relay_config cfg;
    struct fh_turn *turn;
    struct fh_turn_base base;
    int socket; /* index of the UDP socket; -1: a stream */
    struct sim_stream *stream;
    bool open, over;
    struct fh_turn_frames frames;
};

/* What is on its way to the other side. */
struct letter {
    struct letter *next;
    struct sim_peer *to;
    enum { DESCRIPTION, CANDIDATE, END } kind;
    struct fh_ice_description description;
    struct fh_ice_candidate candidate;
    char ufrag[FH_ICE_MAX_CREDENTIAL + 1];
};

struct sim_peer {
    struct sim_node *node;
    struct sim *w;
    struct sim_peer_config cfg;
    struct fh_ice_agent *agent;
    struct sim_peer *other;
    struct peer_socket sockets[SIM_PEER_MAX_SOCKETS];
    size_t n_sockets;
    struct relay relays[SIM_PEER_MAX_RELAYS];
    size_t n_relays;
    struct fh_portmap *portmap;
    struct letter *letters;
    uint64_t wake_at;
    bool pumping, closed;
    bool told; /* our description is out: later candidates trickle */
    struct sim_peer_stats stats;
};

static void pump(struct sim_peer *p);

static uint64_t now_ms(const struct sim_peer *p)
{
    return sim_now_ms(p->w);
}

/* ------------------------------------------------------------------ signalling */

static void unlink_letter(struct letter *l)
{
    struct letter **at = &l->to->letters;

    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
}

static void on_letter(void *user)
{
    struct letter *l = user;
    struct sim_peer *p = l->to;

    unlink_letter(l);
    if (p->closed || p->node->asleep) {
        free(l);
        return;
    }
    if (l->kind == DESCRIPTION)
        (void)fh_ice_agent_set_remote(p->agent, now_ms(p), &l->description);
    else if (l->kind == CANDIDATE)
        (void)fh_ice_agent_add_remote(p->agent, now_ms(p), &l->candidate, l->ufrag);
    else
        fh_ice_agent_end_remote(p->agent, now_ms(p));
    free(l);
    pump(p);
}

static struct letter *write_letter(struct sim_peer *from, int kind)
{
    struct letter *l;

    if (!from->other)
        return NULL;
    l = sim__alloc(sizeof *l);
    l->to = from->other;
    l->kind = kind;
    l->next = l->to->letters;
    l->to->letters = l;
    sim_after(from->w, from->cfg.signal_delay_us, on_letter, l);
    return l;
}

static void send_description(struct sim_peer *p)
{
    struct letter *l = write_letter(p, DESCRIPTION);

    if (!l)
        return;
    fh_ice_agent_description(p->agent, &l->description);
    if (p->cfg.tells_nothing)
        l->description.len = 0;
    p->told = true;
}

static void send_candidate(struct sim_peer *p, const struct fh_ice_candidate *c)
{
    struct fh_ice_description d;
    struct letter *l;

    if (!p->told || p->cfg.tells_nothing || !(l = write_letter(p, CANDIDATE)))
        return;
    l->candidate = *c;
    fh_ice_agent_description(p->agent, &d);
    memcpy(l->ufrag, d.ufrag, sizeof l->ufrag);
}

/* ------------------------------------------------------------------ datagrams in */

static void into_agent(struct sim_peer *p, int base, const struct fh_ice_address *from,
                       const uint8_t *data, size_t len)
{
    struct fh_ice_datagram d = {.base = base, .peer = *from, .data = data, .len = len};

    if (base < 0)
        return;
    switch (fh_ice_agent_input(p->agent, now_ms(p), &d)) {
    case FH_ICE_INPUT_DATA:
    case FH_ICE_INPUT_STRANGER: /* the peer may be first to know of a pair: signed data proves
                                   itself */
        p->stats.received++;
        break;
    case FH_ICE_INPUT_PEER:
        p->stats.heard_bytes += (unsigned)len;
        break;
    case FH_ICE_INPUT_IGNORED:
    case FH_ICE_INPUT_SERVER:
        break;
    }
}

/* Whether it was the TURN client's. */
static bool into_relay(struct relay *r, const uint8_t *data, size_t len)
{
    struct fh_turn_data d;
    int ret = r->over ? -1 : fh_turn_input(r->turn, now_ms(r->peer), data, len, &d);

    if (ret == 1)
        into_agent(r->peer, fh_turn_base_of(&r->base, &d.peer), &d.peer, d.data, d.len);
    return ret >= 0;
}

static void on_datagram(void *user, struct sim_socket *s, const struct sim_addr *from,
                        const uint8_t *data, size_t len)
{
    struct peer_socket *ps = user;
    struct sim_peer *p = ps->peer;
    struct fh_ice_address ice = sim_to_ice(from);
    bool taken = p->portmap && fh_portmap_input(p->portmap, now_ms(p), &ice, data, len);

    (void)s;
    for (size_t i = 0; i < p->n_relays && !taken; i++) {
        struct relay *r = &p->relays[i];
        struct fh_ice_address server = fh_turn_server(r->turn);

        taken = r->stream == NULL && fh_ice_address_equal(&server, &ice) &&
                r->cfg.carrier == FH_TURN_UDP && into_relay(r, data, len);
    }
    if (!taken && !p->closed)
        into_agent(p, ps->base, &ice, data, len);
    pump(p);
}

/* ------------------------------------------------------------------ relays */

static void on_stream_open(void *user)
{
    struct relay *r = user;

    r->open = true;
    memset(&r->frames, 0, sizeof r->frames);
    if (fh_turn_can_move(r->turn))
        fh_turn_moved(r->turn, now_ms(r->peer));
    else
        fh_turn_connected(r->turn, now_ms(r->peer));
    pump(r->peer);
}

static void on_stream_data(void *user, const uint8_t *data, size_t len)
{
    struct relay *r = user;
    const uint8_t *frame;
    size_t n, room;

    while (len > 0) {
        uint8_t *at = fh_turn_frames_in(&r->frames, &room);

        n = len < room ? len : room;
        memcpy(at, data, n);
        fh_turn_frames_in_done(&r->frames, n);
        data += n;
        len -= n;
        while (fh_turn_frames_next(&r->frames, &frame, &n) == 1)
            into_relay(r, frame, n);
    }
    pump(r->peer);
}

static void on_stream_closed(void *user, bool failed)
{
    struct relay *r = user;

    (void)failed;
    r->stream = NULL;
    r->open = false;
    fh_turn_disconnected(r->turn, now_ms(r->peer));
    pump(r->peer);
}

static const struct sim_stream_events stream_events = {on_stream_open, on_stream_data,
                                                       on_stream_closed};

static void connect_stream(struct relay *r)
{
    struct fh_ice_address server = fh_turn_server(r->turn);
    struct sim_addr to = sim_from_ice(&server);

    sim_stream_close(r->stream);
    r->open = false;
    r->stream =
        sim_stream_connect(r->peer->node, &to, r->cfg.carrier == FH_TURN_TLS, &stream_events, r);
}

static void random_bytes(void *user, void *out, size_t len)
{
    sim_random_bytes(((struct sim_peer *)user)->w, out, len);
}

/* The first socket of the server's family. */
static int socket_for(const struct sim_peer *p, const struct sim_addr *server)
{
    for (size_t i = 0; i < p->n_sockets; i++)
        if (p->sockets[i].sock && p->sockets[i].addr.family == server->family)
            return (int)i;
    return -1;
}

static void start_relay(struct sim_peer *p, const struct sim_relay_config *cfg)
{
    struct relay *r = &p->relays[p->n_relays++];
    bool stream = cfg->carrier != FH_TURN_UDP;
    struct fh_turn_config tc = {.server = sim_to_ice(&cfg->server),
                                .carrier = cfg->carrier,
                                .username = cfg->username,
                                .password = cfg->password,
                                .mobility = p->cfg.mobility,
                                .random = random_bytes,
                                .user = p};

    r->peer = p;
    r->cfg = *cfg;
    r->turn = fh_turn_init(sim__alloc(fh_turn_size()), fh_turn_size(), &tc);
    assert(r->turn);
    r->socket = stream ? -1 : socket_for(p, &cfg->server);
    fh_turn_base_init(&r->base, now_ms(p), p->agent, r->turn,
                      r->socket >= 0 ? p->sockets[r->socket].base : -1);
    if (stream)
        connect_stream(r);
    else
        fh_turn_connected(r->turn, now_ms(p));
}

static void relay_out(struct relay *r, const uint8_t *data, size_t len)
{
    struct fh_ice_address server = fh_turn_server(r->turn);
    struct sim_addr to = sim_from_ice(&server);

    if (r->socket >= 0 && r->peer->sockets[r->socket].sock)
        sim_udp_send(r->peer->sockets[r->socket].sock, &to, data, len);
    else if (r->stream && r->open)
        sim_stream_write(r->stream, data, len);
}

/* ------------------------------------------------------------------ the pump */

static void send_from(struct sim_peer *p, int base, const struct fh_ice_address *to,
                      const uint8_t *data, size_t len)
{
    struct sim_addr at = sim_from_ice(to);
    uint8_t mem[MAX_DATAGRAM + FH_TURN_MAX_OVERHEAD];

    for (size_t i = 0; i < p->n_sockets; i++)
        if (p->sockets[i].sock && p->sockets[i].base == base) {
            sim_udp_send(p->sockets[i].sock, &at, data, len);
            return;
        }
    for (size_t i = 0; i < p->n_relays; i++) {
        struct relay *r = &p->relays[i];
        int n;

        if (!fh_turn_base_has(&r->base, base))
            continue;
        n = fh_turn_wrap(r->turn, now_ms(p), to, data, len, mem, sizeof mem);
        if (n > 0)
            relay_out(r, mem, (size_t)n);
    }
}

static void on_state(struct sim_peer *p, const struct fh_ice_event *ev)
{
    switch (ev->state) {
    case FH_ICE_COMPLETED:
    case FH_ICE_CONNECTED:
        if (ev->state == FH_ICE_COMPLETED && p->stats.completed_at == SIM_NEVER)
            p->stats.completed_at = sim_now(p->w);
        if (p->stats.connected_at == SIM_NEVER)
            p->stats.connected_at = sim_now(p->w);
        break;
    case FH_ICE_DISCONNECTED:
        p->stats.disconnects++;
        break;
    case FH_ICE_FAILED:
        p->stats.failures++;
        p->stats.error = ev->error;
        break;
    case FH_ICE_NEW:
    case FH_ICE_CHECKING:
        break;
    }
}

static void on_agent_event(struct sim_peer *p, const struct fh_ice_event *ev)
{
    for (size_t i = 0; i < p->n_relays; i++)
        if (fh_turn_base_agent_event(&p->relays[i].base, now_ms(p), ev))
            return;
    switch (ev->type) {
    case FH_ICE_EV_CANDIDATE:
        send_candidate(p, &ev->candidate);
        break;
    case FH_ICE_EV_GATHERED:
        if (p->told)
            write_letter(p, END);
        break;
    case FH_ICE_EV_STATE:
        on_state(p, ev);
        break;
    case FH_ICE_EV_PATH:
        p->stats.paths++;
        break;
    case FH_ICE_EV_RESTART:
        p->stats.restarts++;
        send_description(p);
        break;
    case FH_ICE_EV_PERMIT:
        fh_ice_agent_permitted(p->agent, now_ms(p), ev->base, &ev->host, false);
        break;
    }
}

static void pump_relay(struct relay *r)
{
    struct sim_peer *p = r->peer;
    struct fh_turn_message m;
    struct fh_turn_event ev;

    fh_turn_base_tick(&r->base, now_ms(p));
    /* A stream that is not open yet takes nothing. */
    while ((r->socket >= 0 || r->open) && fh_turn_output(r->turn, now_ms(p), &m))
        relay_out(r, m.data, m.len);
    while (fh_turn_base_event(&r->base, now_ms(p), &ev)) {
        if (ev.type == FH_TURN_EV_READY && p->stats.relay_at == SIM_NEVER)
            p->stats.relay_at = sim_now(p->w);
        if (ev.type == FH_TURN_EV_REDIRECTED && r->socket < 0)
            connect_stream(r);
        if (ev.type == FH_TURN_EV_FAILED || ev.type == FH_TURN_EV_CLOSED) {
            r->over = true;
            p->stats.turn_failures += ev.type == FH_TURN_EV_FAILED;
            p->stats.turn_code = ev.code;
            sim_stream_close(r->stream);
            r->stream = NULL;
        }
    }
}

static bool relays_are_over(const struct sim_peer *p)
{
    for (size_t i = 0; i < p->n_relays; i++)
        if (!p->relays[i].over)
            return false;
    return true;
}

static void pump_portmap(struct sim_peer *p)
{
    struct fh_portmap_message m;
    struct fh_portmap_event ev;

    if (!p->portmap)
        return;
    /* Last: the way to the TURN server may lead through the mapping. */
    if (p->closed && relays_are_over(p))
        fh_portmap_close(p->portmap, now_ms(p));
    fh_portmap_tick(p->portmap, now_ms(p));
    while (fh_portmap_output(p->portmap, now_ms(p), &m)) {
        struct sim_addr to = sim_from_ice(&m.to);

        if (p->sockets[0].sock)
            sim_udp_send(p->sockets[0].sock, &to, m.data, m.len);
    }
    while (fh_portmap_event(p->portmap, &ev)) {
        p->stats.mapped = ev.type == FH_PORTMAP_EV_MAPPED;
        if (ev.type == FH_PORTMAP_EV_MAPPED && !p->closed)
            (void)fh_ice_agent_add_mapped(p->agent, now_ms(p), p->sockets[0].base, &ev.external);
    }
}

static void pump_agent(struct sim_peer *p)
{
    struct fh_ice_datagram d;
    struct fh_ice_event ev;

    fh_ice_agent_tick(p->agent, now_ms(p));
    while (fh_ice_agent_event(p->agent, &ev))
        on_agent_event(p, &ev);
    for (size_t i = 0; i < p->n_relays; i++)
        pump_relay(&p->relays[i]); /* permissions go out before what needs them */
    while (fh_ice_agent_output(p->agent, &d)) {
        if (p->stats.connected_at == SIM_NEVER)
            p->stats.sent_bytes_before_valid += (unsigned)d.len;
        send_from(p, d.base, &d.peer, d.data, d.len);
    }
}

static uint64_t deadline(const struct sim_peer *p)
{
    uint64_t at = p->closed ? UINT64_MAX : fh_ice_agent_deadline(p->agent), t;

    for (size_t i = 0; i < p->n_relays; i++) {
        t = fh_turn_base_deadline(&p->relays[i].base);
        /* What cannot go out yet is no reason to wake up. */
        if (p->relays[i].socket < 0 && !p->relays[i].open && t <= now_ms(p))
            t = now_ms(p) + 100;
        at = t < at ? t : at;
    }
    t = p->portmap ? fh_portmap_deadline(p->portmap) : UINT64_MAX;
    return t < at ? t : at;
}

static void on_wake(void *user)
{
    struct sim_peer *p = user;

    if (sim_now(p->w) < p->wake_at)
        return;
    p->wake_at = SIM_NEVER;
    if (p->node->asleep) { /* timers of a machine that sleeps run late */
        p->wake_at = sim_now(p->w) + SIM_S;
        sim_at(p->w, p->wake_at, on_wake, p);
        return;
    }
    pump(p);
}

static void pump(struct sim_peer *p)
{
    uint64_t at;

    if (p->pumping)
        return;
    p->pumping = true;
    for (size_t i = 0; i < p->n_relays; i++)
        pump_relay(&p->relays[i]);
    pump_portmap(p);
    if (!p->closed)
        pump_agent(p);
    p->pumping = false;
    at = deadline(p);
    if (at == UINT64_MAX)
        return;
    at *= SIM_MS;
    if (at <= sim_now(p->w))
        at = sim_now(p->w) + SIM_MS; /* a loop's timer has this grain */
    if (at < p->wake_at) {
        p->wake_at = at;
        sim_at(p->w, at, on_wake, p);
    }
}

/* ------------------------------------------------------------------ interface */

static void open_sockets(struct sim_peer *p)
{
    for (struct sim_iface *i = p->node->ifaces; i; i = i->next_of_node)
        for (size_t k = 0; k < i->n_addrs && i->up; k++) {
            struct peer_socket *s = &p->sockets[p->n_sockets];
            struct sim_addr a = i->addrs[k];
            struct fh_ice_base base = {.kind = FH_ICE_BASE_HOST};
            bool known = false;

            for (size_t n = 0; n < p->n_sockets; n++)
                known |= p->sockets[n].sock && sim_ip_equal(&p->sockets[n].addr, &a);
            for (size_t n = 0; n < p->n_sockets && !known; n++)
                if (!p->sockets[n].sock)
                    s = &p->sockets[n];
            if (known || s == p->sockets + SIM_PEER_MAX_SOCKETS)
                continue;
            s->peer = p;
            s->addr = a;
            s->sock = sim_udp_open(p->node, &a, on_datagram, s);
            assert(s->sock);
            a = sim_udp_addr(s->sock);
            base.address = sim_to_ice(&a);
            s->addr = a;
            s->base = fh_ice_agent_add_base(p->agent, now_ms(p), &base);
            assert(s->base >= 0);
            if (s == &p->sockets[p->n_sockets])
                p->n_sockets++;
        }
}

static void start_portmap(struct sim_peer *p)
{
    struct fh_portmap_config cfg = {.gateway = sim_to_ice(&p->cfg.gateway),
                                    .local = sim_to_ice(&p->sockets[0].addr),
                                    .random = random_bytes,
                                    .user = p};

    p->portmap = fh_portmap_init(sim__alloc(fh_portmap_size()), fh_portmap_size(), now_ms(p), &cfg);
    assert(p->portmap);
}

struct sim_peer *sim_peer_new(struct sim_node *n, const struct sim_peer_config *cfg)
{
    struct sim_peer *p = sim__alloc(sizeof *p);
    struct fh_ice_config ac = {
        .role = cfg->role, .policy = cfg->policy, .random = random_bytes, .user = p};

    p->node = n;
    p->w = sim_world(n);
    p->cfg = *cfg;
    p->wake_at = SIM_NEVER;
    p->stats.connected_at = p->stats.completed_at = p->stats.relay_at = SIM_NEVER;
    p->agent = fh_ice_agent_new(&ac);
    assert(p->agent);
    fh_ice_agent_hold(p->agent);
    open_sockets(p);
    for (size_t i = 0; i < SIM_PEER_MAX_STUN && cfg->stun[i].family != 0; i++) {
        struct fh_ice_address s = sim_to_ice(&cfg->stun[i]);

        (void)fh_ice_agent_add_server(p->agent, now_ms(p), &s);
    }
    for (size_t i = 0; i < SIM_PEER_MAX_RELAYS && cfg->relays[i].server.family != 0; i++)
        start_relay(p, &cfg->relays[i]);
    if (cfg->gateway.family != 0)
        start_portmap(p);
    fh_ice_agent_release(p->agent, now_ms(p));
    pump(p);
    return p;
}

void sim_peer_pair(struct sim_peer *a, struct sim_peer *b)
{
    a->other = b;
    b->other = a;
    send_description(a);
    send_description(b);
}

void sim_peer_close(struct sim_peer *p)
{
    for (size_t i = 0; i < p->n_relays; i++)
        fh_turn_close(p->relays[i].turn, now_ms(p));
    p->closed = true;
    pump(p);
}

void sim_peer_free(struct sim_peer *p)
{
    if (!p)
        return;
    sim_forget(p->w, p);
    for (struct letter *l = p->letters, *next; l; l = next) {
        next = l->next;
        sim_forget(p->w, l);
        free(l);
    }
    if (p->other)
        p->other->other = NULL;
    for (size_t i = 0; i < p->n_relays; i++) {
        sim_stream_close(p->relays[i].stream);
        fh_turn_finish(p->relays[i].turn);
        free(p->relays[i].turn);
    }
    for (size_t i = 0; i < p->n_sockets; i++)
        sim_udp_close(p->sockets[i].sock);
    fh_portmap_finish(p->portmap);
    free(p->portmap);
    fh_ice_agent_free(p->agent);
    free(p);
}

struct fh_ice_agent *sim_peer_agent(struct sim_peer *p)
{
    return p->agent;
}

bool sim_peer_is_connected(const struct sim_peer *p)
{
    enum fh_ice_state s = fh_ice_agent_state(p->agent);

    return s == FH_ICE_CONNECTED || s == FH_ICE_COMPLETED;
}

static void close_lost_sockets(struct sim_peer *p)
{
    for (size_t i = 0; i < p->n_sockets; i++) {
        struct peer_socket *s = &p->sockets[i];

        if (!s->sock || sim__node_has(p->node, &s->addr))
            continue;
        sim_udp_close(s->sock);
        s->sock = NULL;
        fh_ice_agent_remove_base(p->agent, now_ms(p), s->base);
        s->base = -1;
    }
}

void sim_peer_network_changed(struct sim_peer *p)
{
    close_lost_sockets(p);
    open_sockets(p);
    for (size_t i = 0; i < p->n_relays; i++) {
        struct relay *r = &p->relays[i];

        if (r->over)
            continue;
        if (r->socket < 0) {
            connect_stream(r);
            continue;
        }
        r->socket = socket_for(p, &r->cfg.server);
        if (r->socket < 0)
            r->socket = 0;
        r->base.host = p->sockets[r->socket].base;
        if (fh_turn_moved(r->turn, now_ms(p)) != 0)
            fh_turn_disconnected(r->turn, now_ms(p));
    }
    pump(p);
}

void sim_peer_restart(struct sim_peer *p)
{
    fh_ice_agent_restart(p->agent, now_ms(p));
    send_description(p);
    pump(p);
}

bool sim_peer_send(struct sim_peer *p, const void *data, size_t len)
{
    struct fh_ice_path path;

    if (!fh_ice_agent_path(p->agent, &path) || len > MAX_DATAGRAM)
        return false;
    send_from(p, path.base, &path.peer, data, len);
    return true;
}

struct sim_peer_stats sim_peer_stats(const struct sim_peer *p)
{
    return p->stats;
}
