/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/stun.h>
#include <farhand/turn.h>

#include "internal.h"
#include "servers.h"

enum {
    PORT = 3478,
    TLS_PORT = 5349,
    MAX_PERMISSIONS = 64,
    MAX_CHANNELS = 32,
    PERMISSION_S = 300,
    CHANNEL_S = 600,
    DEFAULT_LIFETIME_S = 600,
    QUOTA = 16,
    MESSAGE = 4096
};

/* A client's stream. */
struct conn {
    struct sim_turn *server;
    struct conn *next;
    struct sim_stream *stream;
    struct fh_turn_frames frames;
};

/* Where a request came from, and its answer goes. */
struct client {
    struct conn *conn; /* NULL: UDP */
    struct sim_socket *sock;
    struct sim_addr addr;
};

struct permission {
    struct sim_addr ip;
    uint64_t until;
};

struct channel {
    struct sim_addr peer;
    uint16_t number;
    uint64_t until;
};

struct allocation {
    struct sim_turn *server;
    struct allocation *next;
    struct client client;
    struct sim_socket *relay[2]; /* IPv4, IPv6 */
    uint64_t until;
    uint8_t txid[FH_STUN_TXID_LEN]; /* that made it: a repeated request gets the same answer */
    char ticket[24];
    struct permission permissions[MAX_PERMISSIONS];
    struct channel channels[MAX_CHANNELS];
};

struct sim_turn {
    struct sim_turn_config cfg;
    struct sim_node *node;
    struct sim_socket *socks[MAX_ADDRS];
    struct conn *conns;
    struct allocation *allocations;
    bool dead;
    unsigned epoch, tickets;
    struct sim_turn_stats stats;
};

/* A request being answered. */
struct ask {
    struct sim_turn *t;
    struct client from;
    const struct fh_stun_message *m;
    struct fh_stun_builder b;
    uint8_t mem[MESSAGE];
    struct fh_stun_key key;
    enum fh_stun_integrity by;
};

struct fh_ice_address sim_to_ice(const struct sim_addr *a)
{
    struct fh_ice_address out = {.port = a->port, .family = a->family};

    memcpy(out.ip, a->ip, sizeof out.ip);
    return out;
}

struct sim_addr sim_from_ice(const struct fh_ice_address *a)
{
    struct sim_addr out = {.port = a->port, .family = a->family};

    memcpy(out.ip, a->ip, sizeof out.ip);
    return out;
}

static uint64_t now_of(const struct sim_turn *t)
{
    return sim_now(t->node->world);
}

/* ------------------------------------------------------------------ allocations */

static void drop(struct allocation *a)
{
    struct allocation **at = &a->server->allocations;

    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    sim_udp_close(a->relay[0]);
    sim_udp_close(a->relay[1]);
    a->server->stats.allocations--;
    free(a);
}

static void expire(struct sim_turn *t)
{
    for (struct allocation *a = t->allocations, *next; a; a = next) {
        next = a->next;
        if (a->until <= now_of(t))
            drop(a);
    }
}

static bool same_client(const struct client *a, const struct client *b)
{
    if (a->conn || b->conn)
        return a->conn == b->conn;
    return sim_addr_equal(&a->addr, &b->addr);
}

static struct allocation *find(struct sim_turn *t, const struct client *c)
{
    struct allocation *a = t->allocations;

    while (a && !same_client(&a->client, c))
        a = a->next;
    return a;
}

static bool permitted(const struct allocation *a, const struct sim_addr *ip)
{
    for (size_t i = 0; i < MAX_PERMISSIONS; i++)
        if (a->permissions[i].until > now_of(a->server) && sim_ip_equal(&a->permissions[i].ip, ip))
            return true;
    return false;
}

static bool permit(struct allocation *a, const struct sim_addr *ip)
{
    struct permission *slot = NULL;

    for (size_t i = 0; i < MAX_PERMISSIONS; i++) {
        struct permission *p = &a->permissions[i];

        if (sim_ip_equal(&p->ip, ip) || (!slot && p->until <= now_of(a->server)))
            slot = p;
        if (sim_ip_equal(&p->ip, ip))
            break;
    }
    if (!slot)
        return false;
    *slot = (struct permission){*ip, now_of(a->server) + PERMISSION_S * SIM_S};
    return true;
}

static struct channel *channel_of(struct allocation *a, const struct sim_addr *peer,
                                  uint16_t number)
{
    for (size_t i = 0; i < MAX_CHANNELS; i++) {
        struct channel *c = &a->channels[i];

        if (c->until > now_of(a->server) &&
            (peer ? sim_addr_equal(&c->peer, peer) : c->number == number))
            return c;
    }
    return NULL;
}

/* ------------------------------------------------------------------ to the client */

static void send_to(const struct client *c, const void *data, size_t len)
{
    static const uint8_t zeros[4];

    if (!c->conn) {
        sim_udp_send(c->sock, &c->addr, data, len);
        return;
    }
    if (!c->conn->stream)
        return;
    sim_stream_write(c->conn->stream, data, len);
    if (len % 4 != 0)
        sim_stream_write(c->conn->stream, zeros, 4 - len % 4);
}

/* From a peer: RFC 8656 11.3, 12.6. */
static void on_peer(void *user, struct sim_socket *s, const struct sim_addr *from,
                    const uint8_t *data, size_t len)
{
    struct allocation *a = user;
    struct channel *c = channel_of(a, from, 0);
    struct fh_ice_address peer = sim_to_ice(from);
    uint8_t mem[MESSAGE], txid[FH_STUN_TXID_LEN];
    struct fh_stun_builder b;

    (void)s;
    if (a->server->dead || a->until <= now_of(a->server))
        return;
    if (!permitted(a, from)) {
        a->server->stats.refused_by_permission++;
        return;
    }
    a->server->stats.relayed++;
    if (c && len <= sizeof mem - 4) {
        a->server->stats.relayed_by_channel++;
        mem[0] = (uint8_t)(c->number >> 8);
        mem[1] = (uint8_t)c->number;
        mem[2] = (uint8_t)(len >> 8);
        mem[3] = (uint8_t)len;
        memcpy(mem + 4, data, len);
        send_to(&a->client, mem, 4 + len);
        return;
    }
    sim_random_bytes(a->server->node->world, txid, sizeof txid);
    fh_stun_build(&b, mem, sizeof mem, FH_STUN_INDICATION, FH_STUN_DATA, txid);
    fh_stun_write_address(&b, FH_STUN_XOR_PEER_ADDRESS, &peer);
    fh_stun_write(&b, FH_STUN_DATA_ATTRIBUTE, data, len);
    send_to(&a->client, mem, fh_stun_build_end(&b));
}

static void to_peer(struct allocation *a, const struct sim_addr *peer, const uint8_t *data,
                    size_t len)
{
    struct sim_socket *s = a->relay[peer->family == 6];

    if (!permitted(a, peer) || !s) {
        a->server->stats.refused_by_permission++;
        return;
    }
    a->server->stats.relayed++;
    sim_udp_send(s, peer, data, len);
}

/* ------------------------------------------------------------------ requests */

static void begin(struct ask *k, enum fh_stun_class cls)
{
    fh_stun_build_response(&k->b, k->mem, sizeof k->mem, cls, k->m);
}

static void finish(struct ask *k)
{
    if (k->key.len)
        fh_stun_write_integrity(&k->b, k->by, k->key.bytes, k->key.len);
    fh_stun_write_fingerprint(&k->b);
    send_to(&k->from, k->mem, fh_stun_build_end(&k->b));
}

static void refuse(struct ask *k, unsigned code)
{
    begin(k, FH_STUN_ERROR);
    fh_stun_write_error(&k->b, code);
    if (code == FH_STUN_TRY_ALTERNATE) {
        struct fh_ice_address to = sim_to_ice(&k->t->cfg.alternate);

        fh_stun_write_address(&k->b, FH_STUN_ALTERNATE_SERVER, &to);
    }
    finish(k);
}

static void nonce_of(const struct sim_turn *t, char out[64])
{
    uint64_t life = t->cfg.nonce_life_us;

    snprintf(out, 64, "%snonce-%u-%llu", t->cfg.sha256 ? "obMatJos2gAAA" : "", t->epoch,
             (unsigned long long)(life ? now_of(t) / life : 0));
}

static const uint8_t offered[] = {0, FH_STUN_SHA256, 0, 0, 0, FH_STUN_MD5, 0, 0};

static void challenge(struct ask *k, unsigned code)
{
    char nonce[64];

    if (code == FH_STUN_STALE_NONCE)
        k->t->stats.stale++;
    else
        k->t->stats.challenges++;
    nonce_of(k->t, nonce);
    k->key.len = 0;
    begin(k, FH_STUN_ERROR);
    fh_stun_write_error(&k->b, code);
    fh_stun_write_text(&k->b, FH_STUN_REALM, k->t->cfg.realm);
    fh_stun_write_text(&k->b, FH_STUN_NONCE, nonce);
    if (k->t->cfg.sha256)
        fh_stun_write(&k->b, FH_STUN_PASSWORD_ALGORITHMS, offered, sizeof offered);
    finish(k);
}

static bool is_text(const struct fh_stun_message *m, uint16_t type, const char *text)
{
    size_t len;
    const uint8_t *p = fh_stun_find(m, type, &len);

    return p && len == strlen(text) && memcmp(p, text, len) == 0;
}

static bool algorithms_came_back(const struct fh_stun_message *m)
{
    size_t len;
    const uint8_t *p = fh_stun_find(m, FH_STUN_PASSWORD_ALGORITHMS, &len);

    return p && len == sizeof offered && memcmp(p, offered, len) == 0;
}

/* RFC 8489 9.2.4. Answers what is wrong; true if the request may be served. */
static bool authenticate(struct ask *k)
{
    const struct sim_turn_config *c = &k->t->cfg;
    char nonce[64];

    k->by = c->sha256 ? FH_STUN_BY_SHA256 : FH_STUN_BY_SHA1;
    nonce_of(k->t, nonce);
    if (!fh_stun_has(k->m, FH_STUN_USERNAME) || !is_text(k->m, FH_STUN_USERNAME, c->username)) {
        challenge(k, FH_STUN_UNAUTHENTICATED);
        return false;
    }
    if (!is_text(k->m, FH_STUN_NONCE, nonce)) {
        challenge(k, FH_STUN_STALE_NONCE);
        return false;
    }
    if (c->sha256 && !algorithms_came_back(k->m)) {
        refuse(k, FH_STUN_BAD_REQUEST);
        return false;
    }
    fh_stun_long_term_key(c->sha256 ? FH_STUN_SHA256 : FH_STUN_MD5, c->username, c->realm,
                          strlen(c->realm), c->password, &k->key);
    if (fh_stun_check_integrity(k->m, k->by, k->key.bytes, k->key.len) != 0) {
        challenge(k, FH_STUN_UNAUTHENTICATED);
        return false;
    }
    return true;
}

static uint32_t lifetime(const struct ask *k)
{
    uint32_t max = k->t->cfg.max_lifetime_s ? k->t->cfg.max_lifetime_s : DEFAULT_LIFETIME_S;
    uint32_t s = max;

    if (fh_stun_read_u32(k->m, FH_STUN_LIFETIME, &s) && s > max)
        s = max;
    return s;
}

static void new_ticket(struct sim_turn *t, struct allocation *a)
{
    snprintf(a->ticket, sizeof a->ticket, "ticket-%u", ++t->tickets);
}

static void write_mapped(struct ask *k)
{
    struct fh_ice_address a = sim_to_ice(&k->from.addr);

    fh_stun_write_address(&k->b, FH_STUN_XOR_MAPPED_ADDRESS, &a);
}

static void answer_allocated(struct ask *k, const struct allocation *a)
{
    begin(k, FH_STUN_SUCCESS);
    for (int i = 0; i < 2; i++)
        if (a->relay[i]) {
            struct sim_addr at = sim_udp_addr(a->relay[i]);
            struct fh_ice_address out = sim_to_ice(&at);

            fh_stun_write_address(&k->b, FH_STUN_XOR_RELAYED_ADDRESS, &out);
        }
    write_mapped(k);
    fh_stun_write_u32(&k->b, FH_STUN_LIFETIME, (uint32_t)((a->until - now_of(k->t)) / SIM_S));
    if (a->ticket[0])
        fh_stun_write_text(&k->b, FH_STUN_MOBILITY_TICKET, a->ticket);
    finish(k);
}

static struct sim_socket *open_relay(struct allocation *a, uint8_t family)
{
    for (struct sim_iface *i = a->server->node->ifaces; i; i = i->next_of_node) {
        struct sim_addr ip = sim_iface_addr(i, family);

        if (ip.family != 0)
            return sim_udp_open(a->server->node, &ip, on_peer, a);
    }
    return NULL;
}

/* What is wrong with an Allocate, 0 if nothing: RFC 8656 7.2. */
static unsigned check_allocate(const struct ask *k)
{
    unsigned quota = k->t->cfg.quota ? k->t->cfg.quota : QUOTA;
    uint32_t transport;

    if (!fh_stun_read_u32(k->m, FH_STUN_REQUESTED_TRANSPORT, &transport))
        return FH_STUN_BAD_REQUEST;
    if (transport >> 24 != 17)
        return FH_STUN_UNSUPPORTED_TRANSPORT;
    if (fh_stun_has(k->m, FH_STUN_REQUESTED_ADDRESS_FAMILY) &&
        fh_stun_has(k->m, FH_STUN_ADDITIONAL_ADDRESS_FAMILY))
        return FH_STUN_BAD_REQUEST;
    return k->t->stats.allocations >= quota ? FH_STUN_QUOTA_REACHED : 0;
}

static void on_allocate(struct ask *k)
{
    struct allocation *a = find(k->t, &k->from);
    bool only6 = fh_stun_has(k->m, FH_STUN_REQUESTED_ADDRESS_FAMILY);
    bool also6 = fh_stun_has(k->m, FH_STUN_ADDITIONAL_ADDRESS_FAMILY);
    unsigned code = check_allocate(k);

    if (a && memcmp(a->txid, k->m->txid, sizeof a->txid) == 0) {
        answer_allocated(k, a);
        return;
    }
    if (a)
        code = FH_STUN_ALLOCATION_MISMATCH;
    if (code) {
        refuse(k, code);
        return;
    }
    a = sim__alloc(sizeof *a);
    a->server = k->t;
    a->client = k->from;
    a->next = k->t->allocations;
    k->t->allocations = a;
    k->t->stats.allocations++;
    if (!only6)
        a->relay[0] = open_relay(a, 4);
    if (only6 || also6)
        a->relay[1] = open_relay(a, 6);
    if (!a->relay[0] && !a->relay[1]) {
        drop(a);
        refuse(k, FH_STUN_ADDRESS_FAMILY_NOT_SUPPORTED);
        return;
    }
    k->t->stats.made++;
    memcpy(a->txid, k->m->txid, sizeof a->txid);
    a->until = now_of(k->t) + lifetime(k) * SIM_S;
    if (k->t->cfg.mobility && fh_stun_has(k->m, FH_STUN_MOBILITY_TICKET))
        new_ticket(k->t, a);
    answer_allocated(k, a);
}

/* RFC 8016 3.2: the allocation follows its ticket, which is then used up. */
static struct allocation *by_ticket(struct ask *k)
{
    for (struct allocation *a = k->t->allocations; a; a = a->next)
        if (a->ticket[0] && is_text(k->m, FH_STUN_MOBILITY_TICKET, a->ticket)) {
            a->client = k->from;
            new_ticket(k->t, a);
            k->t->stats.moves++;
            return a;
        }
    return NULL;
}

static void on_refresh(struct ask *k)
{
    bool moves = fh_stun_has(k->m, FH_STUN_MOBILITY_TICKET);
    struct allocation *a = moves ? by_ticket(k) : find(k->t, &k->from);
    uint32_t s = lifetime(k);

    if (!a && s != 0) {
        refuse(k, moves ? FH_STUN_BAD_REQUEST : FH_STUN_ALLOCATION_MISMATCH);
        return;
    }
    begin(k, FH_STUN_SUCCESS);
    fh_stun_write_u32(&k->b, FH_STUN_LIFETIME, s);
    if (moves) {
        write_mapped(k);
        fh_stun_write_text(&k->b, FH_STUN_MOBILITY_TICKET, a ? a->ticket : "");
    }
    finish(k);
    k->t->stats.refreshes++;
    if (!a)
        return;
    a->until = now_of(k->t) + s * SIM_S;
    if (s == 0) {
        k->t->stats.deleted++;
        drop(a);
    }
}

/* 0, or what is wrong with this peer: RFC 8656 9.2, 12.2. */
static unsigned check_peer(const struct ask *k, const struct allocation *a,
                           const struct sim_addr *peer)
{
    if (!a->relay[peer->family == 6])
        return FH_STUN_PEER_FAMILY_MISMATCH;
    return sim_ip_equal(peer, &k->t->cfg.denied) ? FH_STUN_FORBIDDEN : 0;
}

static void on_create_permission(struct ask *k)
{
    struct allocation *a = find(k->t, &k->from);
    struct fh_stun_attribute at;
    struct fh_ice_address ice;
    struct sim_addr peers[32];
    size_t n = 0;

    if (!a) {
        refuse(k, FH_STUN_ALLOCATION_MISMATCH);
        return;
    }
    for (size_t pos = 0; fh_stun_next(k->m, &pos, &at) && n < 32;)
        if (at.type == FH_STUN_XOR_PEER_ADDRESS && fh_stun_attribute_address(k->m, &at, &ice))
            peers[n++] = sim_from_ice(&ice);
    for (size_t i = 0; i < n; i++)
        if (check_peer(k, a, &peers[i]) != 0) {
            refuse(k, check_peer(k, a, &peers[i]));
            return;
        }
    for (size_t i = 0; i < n; i++)
        if (!permit(a, &peers[i])) {
            refuse(k, FH_STUN_INSUFFICIENT_CAPACITY);
            return;
        }
    k->t->stats.permissions++;
    begin(k, n ? FH_STUN_SUCCESS : FH_STUN_ERROR);
    if (n == 0)
        fh_stun_write_error(&k->b, FH_STUN_BAD_REQUEST);
    finish(k);
}

static void on_channel_bind(struct ask *k)
{
    struct allocation *a = find(k->t, &k->from);
    struct channel *by_peer, *by_number;
    struct fh_ice_address ice;
    struct sim_addr peer;
    uint16_t number;
    unsigned code;

    if (!a) {
        refuse(k, FH_STUN_ALLOCATION_MISMATCH);
        return;
    }
    if (!fh_stun_read_channel(k->m, &number) || number < 0x4000 || number > 0x4fff ||
        !fh_stun_read_address(k->m, FH_STUN_XOR_PEER_ADDRESS, &ice)) {
        refuse(k, FH_STUN_BAD_REQUEST);
        return;
    }
    peer = sim_from_ice(&ice);
    by_peer = channel_of(a, &peer, 0);
    by_number = channel_of(a, NULL, number);
    code = by_peer != by_number ? FH_STUN_BAD_REQUEST : check_peer(k, a, &peer);
    for (size_t i = 0; i < MAX_CHANNELS && !by_peer; i++)
        if (a->channels[i].until <= now_of(k->t))
            by_peer = &a->channels[i];
    if (code == 0 && (!by_peer || !permit(a, &peer)))
        code = FH_STUN_INSUFFICIENT_CAPACITY;
    if (code) {
        refuse(k, code);
        return;
    }
    *by_peer = (struct channel){peer, number, now_of(k->t) + CHANNEL_S * SIM_S};
    k->t->stats.channels++;
    begin(k, FH_STUN_SUCCESS);
    finish(k);
}

static void on_binding(struct ask *k)
{
    struct fh_ice_address a = sim_to_ice(&k->from.addr);

    k->key.len = 0;
    begin(k, FH_STUN_SUCCESS);
    fh_stun_write_address(
        &k->b, k->t->cfg.mapped_only ? FH_STUN_MAPPED_ADDRESS : FH_STUN_XOR_MAPPED_ADDRESS, &a);
    if (!k->t->cfg.mapped_only)
        fh_stun_write_fingerprint(&k->b);
    send_to(&k->from, k->mem, fh_stun_build_end(&k->b));
}

static void on_request(struct ask *k)
{
    if (k->m->method == FH_STUN_BINDING) {
        on_binding(k);
        return;
    }
    if (!k->t->cfg.username) {
        refuse(k, FH_STUN_BAD_REQUEST);
        return;
    }
    if (k->t->cfg.alternate.family != 0) {
        refuse(k, FH_STUN_TRY_ALTERNATE);
        return;
    }
    if (!authenticate(k))
        return;
    switch (k->m->method) {
    case FH_STUN_ALLOCATE:
        on_allocate(k);
        break;
    case FH_STUN_REFRESH:
        on_refresh(k);
        break;
    case FH_STUN_CREATE_PERMISSION:
        on_create_permission(k);
        break;
    case FH_STUN_CHANNEL_BIND:
        on_channel_bind(k);
        break;
    default:
        refuse(k, FH_STUN_BAD_REQUEST);
    }
}

/* ------------------------------------------------------------------ from the client */

static void on_send(struct sim_turn *t, const struct client *from, const struct fh_stun_message *m)
{
    struct allocation *a = find(t, from);
    struct fh_ice_address ice;
    struct sim_addr peer;
    size_t len;
    const uint8_t *data = fh_stun_find(m, FH_STUN_DATA_ATTRIBUTE, &len);

    if (!a || !data || !fh_stun_read_address(m, FH_STUN_XOR_PEER_ADDRESS, &ice))
        return;
    peer = sim_from_ice(&ice);
    to_peer(a, &peer, data, len);
}

static void on_channel_data(struct sim_turn *t, const struct client *from, const uint8_t *data,
                            size_t len)
{
    struct allocation *a = find(t, from);
    struct channel *c = a ? channel_of(a, NULL, (uint16_t)(data[0] << 8 | data[1])) : NULL;
    size_t n = (size_t)(data[2] << 8 | data[3]);

    if (!c || n + 4 > len)
        return;
    t->stats.relayed_by_channel++;
    to_peer(a, &c->peer, data + 4, n);
}

static void on_message(struct sim_turn *t, const struct client *from, const uint8_t *data,
                       size_t len)
{
    struct fh_stun_message m;

    if (t->dead)
        return;
    expire(t);
    if (len >= 4 && (data[0] & 0xc0) == 0x40) {
        on_channel_data(t, from, data, len);
        return;
    }
    if (fh_stun_parse(data, len, &m) != 0)
        return;
    if (m.cls == FH_STUN_INDICATION && m.method == FH_STUN_SEND)
        on_send(t, from, &m);
    if (m.cls == FH_STUN_REQUEST) {
        struct ask *k = sim__alloc(sizeof *k);

        k->t = t;
        k->from = *from;
        k->m = &m;
        on_request(k);
        free(k);
    }
}

static void on_datagram(void *user, struct sim_socket *s, const struct sim_addr *from,
                        const uint8_t *data, size_t len)
{
    struct client c = {.sock = s, .addr = *from};

    on_message(user, &c, data, len);
}

static void on_stream_data(void *user, const uint8_t *data, size_t len)
{
    struct conn *c = user;
    struct client from = {.conn = c, .addr = sim_stream_peer(c->stream)};
    const uint8_t *frame;
    size_t n, room;

    while (len > 0) {
        uint8_t *p = fh_turn_frames_in(&c->frames, &room);

        n = len < room ? len : room;
        memcpy(p, data, n);
        fh_turn_frames_in_done(&c->frames, n);
        data += n;
        len -= n;
        while (fh_turn_frames_next(&c->frames, &frame, &n) == 1)
            on_message(c->server, &from, frame, n);
    }
}

/* RFC 8656 3.1: a stream's allocation ends with it, unless it can move. */
static void on_stream_closed(void *user, bool failed)
{
    struct conn *c = user;

    (void)failed;
    c->stream = NULL;
    for (struct allocation *a = c->server->allocations, *next; a; a = next) {
        next = a->next;
        if (a->client.conn == c && !a->ticket[0])
            drop(a);
    }
}

static const struct sim_stream_events stream_events = {NULL, on_stream_data, on_stream_closed};

static void on_accept(void *user, struct sim_stream *s)
{
    struct sim_turn *t = user;
    struct conn *c = sim__alloc(sizeof *c);

    c->server = t;
    c->stream = s;
    c->next = t->conns;
    t->conns = c;
    sim_stream_attach(s, &stream_events, c);
}

/* ------------------------------------------------------------------ life */

/* A socket for each address, so that answers come from where they were asked. */
struct sim_turn *sim_turn_new(struct sim_node *n, const struct sim_turn_config *cfg)
{
    struct sim_turn *t = sim__alloc(sizeof *t);
    size_t count = 0;

    t->cfg = *cfg;
    t->node = n;
    for (struct sim_iface *i = n->ifaces; i; i = i->next_of_node)
        for (size_t k = 0; k < i->n_addrs && count < MAX_ADDRS; k++) {
            struct sim_addr a = i->addrs[k];

            a.port = PORT;
            t->socks[count++] = sim_udp_open(n, &a, on_datagram, t);
        }
    sim_stream_listen(n, PORT, false, on_accept, t);
    sim_stream_listen(n, cfg->tls_port ? cfg->tls_port : TLS_PORT, true, on_accept, t);
    return t;
}

void sim_turn_free(struct sim_turn *t)
{
    if (!t)
        return;
    while (t->allocations)
        drop(t->allocations);
    for (struct conn *c = t->conns, *next; c; c = next) {
        next = c->next;
        if (c->stream)
            sim_stream_attach(c->stream, NULL, NULL);
        free(c);
    }
    free(t);
}

void sim_turn_set_dead(struct sim_turn *t, bool dead)
{
    t->dead = dead;
}

void sim_turn_forget(struct sim_turn *t)
{
    while (t->allocations)
        drop(t->allocations);
    t->epoch++;
}

struct sim_turn_stats sim_turn_stats(struct sim_turn *t)
{
    expire(t);
    return t->stats;
}
