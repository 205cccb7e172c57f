/* SPDX-License-Identifier: MIT */
/*
 * client_world.h -- clients and a model of their service in virtual time.
 *
 * Every party's events are looked at as they come: a peer that the application is told of must be
 * one of the endpoints that there are, with its own key, and, for a viewer, the one that it asked
 * for. So no test, however hostile its service, passes if a statement was believed that is not
 * true.
 */
#ifndef FH_TESTS_CLIENT_WORLD_H
#define FH_TESTS_CLIENT_WORLD_H

#include <farhand/cloud_client.h>

#include "model_broker.h"

enum { PARTIES = MODEL_SIDES, LINES_ROOM = 1 << 16, EVENTS = FH_CLOUD_EV_END + 1 };

struct world;

struct party {
    struct world *w;
    struct endpoint *e;
    struct fh_cloud_client *c;
    struct fh_cloud_client_config cfg;
    struct model_side *side;                /* NULL: not connected */
    bool accepts, holds_signature, is_deaf; /* is_deaf: takes nothing to send away */
    uint32_t serial;
    enum fh_identity_purpose purpose;
    uint8_t digest[32];
    /* What happened. */
    unsigned events[EVENTS];
    struct fh_cloud_client_event last[EVENTS]; /* its borrowed pointers are not to be followed */
    uint8_t statement[FH_CLOUD_STATEMENT_MAX], checkpoint[FH_TLOG_MAX_CHECKPOINT];
    size_t statement_len, checkpoint_len;
    uint8_t asked_for[FH_CLOUD_ADDRESS_LEN];
    uint32_t asked; /* the conn */
    uint8_t secrets[64], ticket[FH_BROKER_TICKET_MAX];
    size_t ticket_len;
    char lines[LINES_ROOM];
    size_t lines_len;
    uint64_t dials[512]; /* when */
    char hosts[512][FH_CLOUD_HOST_TEXT];
    char name[FH_CLOUD_HOST_TEXT];
    unsigned refused_dials; /* that many fail from now on */
    char stun[64];
};

struct world {
    uint64_t now;
    size_t chunk; /* bytes at a time; 0: whole */
    struct model m;
    struct endpoint ends[ENDS];
    struct party party[PARTIES];
    struct fh_cloud_service service;
    uint32_t seed;
    bool splits_tls;      /* both ends of a TLS connection see another binding */
    bool has_swapped_key; /* a statement is another key's, and says so */
};

static struct world w;

/* ---- what an application is told --------------------------------------------------------------
 */

static inline void check_peer(struct party *p, const struct fh_cloud_client_event *ev)
{
    const struct fh_cloud_peer *peer = &ev->conn_info.peer;
    uint8_t fp[FH_FINGERPRINT_LEN];
    const struct endpoint *e = NULL;

    for (size_t i = 0; i < ENDS; i++)
        if (memcmp(w.ends[i].address, peer->address, FH_CLOUD_ADDRESS_LEN) == 0)
            e = &w.ends[i];
    ck_assert_msg(e != NULL, "told of an address that is nobody's");
    fh_fingerprint(e->spki, e->spki_len, fp);
    if (w.has_swapped_key && ev->type == FH_CLOUD_EV_TARGET) {
        ck_assert_msg(memcmp(fp, peer->fingerprint, sizeof fp) != 0, "told of a key it has not");
        return;
    }
    ck_assert_msg(memcmp(fp, peer->fingerprint, sizeof fp) == 0, "told of another's key");
    ck_assert_uint_eq(peer->spki_len, e->spki_len);
    ck_assert_int_eq(memcmp(peer->spki, e->spki, e->spki_len), 0);
    if (ev->type == FH_CLOUD_EV_TARGET) {
        ck_assert_uint_eq(ev->conn, p->asked);
        ck_assert_msg(memcmp(peer->address, p->asked_for, FH_CLOUD_ADDRESS_LEN) == 0,
                      "told of another than was asked for");
    }
}

static inline void take_grant(struct party *p, const struct fh_broker_grant *g)
{
    memcpy(p->secrets, g->cloud_secret, 32);
    memcpy(p->secrets + 32, g->packet_secret, 32);
    memcpy(p->ticket, g->ticket.p, g->ticket.len);
    p->ticket_len = g->ticket.len;
}

static inline void take_lines(struct party *p, const struct fh_cloud_client_event *ev)
{
    ck_assert_uint_lt(p->lines_len + ev->signal.len + 1, LINES_ROOM);
    memcpy(p->lines + p->lines_len, ev->signal.lines, ev->signal.len);
    p->lines_len += ev->signal.len;
    p->lines[p->lines_len++] = '\n';
    p->lines[p->lines_len] = '\0';
}

static inline void do_sign(struct party *p)
{
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len = sign_for(p->e, p->purpose, p->digest, sig);

    fh_cloud_client_signed(p->c, w.now, p->serial, sig, len);
}

static inline void do_dial(struct party *p, const struct fh_cloud_client_event *ev)
{
    unsigned n = p->events[FH_CLOUD_EV_DIAL] - 1;
    uint8_t binding[FH_CLOUD_BINDING_LEN];

    ck_assert_uint_lt(n, ARRAY_LEN(p->dials));
    ck_assert_msg(!p->side, "dials while it is connected");
    p->dials[n] = w.now;
    strcpy(p->hosts[n], ev->dial.host);
    strcpy(p->name, ev->dial.name);
    if (p->refused_dials > 0) {
        p->refused_dials--;
        fh_cloud_client_lost(p->c, w.now, FH_CLOUD_E_RESET);
        return;
    }
    p->side = &w.m.sides[p - w.party];
    fixed_random(&w.seed, binding, sizeof binding);
    model_open(p->side, binding);
    if (w.splits_tls)
        binding[0] ^= 1;
    fh_cloud_client_connected(p->c, w.now, binding);
}

static inline void hang_up(struct party *p)
{
    if (p->side)
        model_closed(&w.m, p->side);
    p->side = NULL;
}

static inline void on_event(struct party *p, const struct fh_cloud_client_event *ev)
{
    p->events[ev->type]++;
    p->last[ev->type] = *ev;
    switch (ev->type) {
    case FH_CLOUD_EV_DIAL:
        do_dial(p, ev);
        break;
    case FH_CLOUD_EV_HANG_UP:
        hang_up(p);
        break;
    case FH_CLOUD_EV_SIGN:
        p->serial = ev->sign.serial;
        p->purpose = ev->sign.purpose;
        memcpy(p->digest, ev->sign.digest, sizeof p->digest);
        if (!p->holds_signature)
            do_sign(p);
        break;
    case FH_CLOUD_EV_STATEMENT:
        memcpy(p->statement, ev->bytes.p, ev->bytes.len);
        p->statement_len = ev->bytes.len;
        break;
    case FH_CLOUD_EV_CHECKPOINT:
        memcpy(p->checkpoint, ev->bytes.p, ev->bytes.len);
        p->checkpoint_len = ev->bytes.len;
        break;
    case FH_CLOUD_EV_ONLINE:
        if (ev->online.stun_len > 0)
            snprintf(p->stun, sizeof p->stun, "%.*s", (int)ev->online.stun[0].host.len,
                     ev->online.stun[0].host.p);
        break;
    case FH_CLOUD_EV_TARGET:
        check_peer(p, ev);
        break;
    case FH_CLOUD_EV_INCOMING:
        check_peer(p, ev);
        take_grant(p, ev->conn_info.grant);
        if (p->accepts)
            ck_assert_int_eq(fh_cloud_client_accept(p->c, w.now, ev->conn), 0);
        break;
    case FH_CLOUD_EV_GRANT:
    case FH_CLOUD_EV_RENEWED:
        take_grant(p, ev->conn_info.grant);
        break;
    case FH_CLOUD_EV_SIGNAL:
        take_lines(p, ev);
        break;
    default:
        break;
    }
}

/* ---- bytes and time ---------------------------------------------------------------------------
 */

static inline bool drain_events(struct party *p)
{
    struct fh_cloud_client_event ev;
    bool any = false;

    while (p->c && fh_cloud_client_event(p->c, w.now, &ev)) {
        any = true;
        on_event(p, &ev);
    }
    return any;
}

static inline bool send_up(struct party *p)
{
    static uint8_t copy[1 << 16];
    const uint8_t *out;
    size_t len;

    if (!p->side || p->is_deaf)
        return false;
    out = fh_cloud_client_out(p->c, &len);
    if (!out)
        return false;
    if (w.chunk && len > w.chunk)
        len = w.chunk;
    memcpy(copy, out, len);
    fh_cloud_client_out_done(p->c, len);
    model_input(&w.m, p->side, copy, len);
    return true;
}

static inline bool send_down(struct party *p)
{
    struct model_side *s = p->side;
    uint8_t *block;
    size_t len, taken;

    if (!s || s->out_len == 0) {
        if (s && s->closes) {
            hang_up(p);
            fh_cloud_client_lost(p->c, w.now, FH_CLOUD_E_RESET);
            return true;
        }
        return false;
    }
    len = w.chunk && s->out_len > w.chunk ? w.chunk : s->out_len;
    block = malloc(len); /* so that a byte too far is found */
    memcpy(block, s->out, len);
    taken = fh_cloud_client_input(p->c, w.now, block, len);
    free(block);
    s->out_len -= taken;
    memmove(s->out, s->out + taken, s->out_len);
    return taken > 0;
}

/* Until nothing moves. */
static inline void settle(void)
{
    bool any = true;

    for (unsigned n = 0; any; n++) {
        any = false;
        ck_assert_msg(n < 4000000, "it never ends");
        for (size_t i = 0; i < PARTIES; i++) {
            struct party *p = &w.party[i];

            if (!p->c)
                continue;
            any |= drain_events(p);
            any |= send_up(p);
            any |= send_down(p);
            any |= drain_events(p);
        }
    }
}

static inline uint64_t next_deadline(void)
{
    uint64_t at = UINT64_MAX;

    for (size_t i = 0; i < PARTIES; i++)
        if (w.party[i].c && fh_cloud_client_deadline(w.party[i].c) < at)
            at = fh_cloud_client_deadline(w.party[i].c);
    return at;
}

static inline void run_for(uint64_t ms)
{
    uint64_t end = w.now + ms;

    settle();
    while (next_deadline() <= end) {
        uint64_t at = next_deadline();

        if (at > w.now) {
            w.m.utc_ms += at - w.now;
            w.now = at;
        }
        for (size_t i = 0; i < PARTIES; i++)
            if (w.party[i].c)
                fh_cloud_client_tick(w.party[i].c, w.now);
        settle();
        if (next_deadline() <= w.now) {
            w.now++; /* a deadline that stays is a busy loop; here it is one step of time */
            w.m.utc_ms++;
        }
    }
    if (w.now < end) {
        w.m.utc_ms += end - w.now;
        w.now = end;
    }
}

/* ---- making it --------------------------------------------------------------------------------
 */

static inline uint64_t world_utc(void *user)
{
    (void)user;
    return w.m.utc_ms;
}

static inline void world_random(void *user, void *out, size_t len)
{
    (void)user;
    fixed_random(&w.seed, out, len);
}

static inline void world_init(bool has_log)
{
    memset(&w, 0, sizeof w);
    w.now = 1000000;
    w.seed = 1;
    for (int i = 0; i < ENDS; i++)
        make_endpoint(&w.ends[i], i);
    model_init(&w.m, w.ends, ENDS, has_log);
    strcpy(w.service.nodes[0].host, "cloud.example");
    w.service.nodes[0].port = 443;
    w.service.nodes_len = 1;
    w.service.roots_len = 1;
    if (has_log)
        fh_tlog_key_print(&w.m.key, w.service.log);
}

static inline void party_start(struct party *p)
{
    p->c = fh_cloud_client_new(&p->cfg);
    ck_assert_ptr_nonnull(p->c);
    fh_cloud_client_start(p->c, w.now);
}

static inline struct party *party_config(size_t i, enum end which)
{
    struct party *p = &w.party[i];

    memset(p, 0, sizeof *p);
    p->w = &w;
    p->e = &w.ends[which];
    p->cfg = (struct fh_cloud_client_config){.service = &w.service,
                                             .password = p->e->password,
                                             .spki = p->e->spki,
                                             .spki_len = p->e->spki_len,
                                             .seal_secret = p->e->seal_secret,
                                             .roles = FH_BROKER_LISTEN | FH_BROKER_CONNECTS |
                                                      FH_BROKER_WATCHES,
                                             .program = "test 1",
                                             .random = world_random,
                                             .utc_ms = world_utc};
    memcpy(p->cfg.address, p->e->address, sizeof p->cfg.address);
    return p;
}

static inline struct party *party_new(size_t i, enum end which)
{
    struct party *p = party_config(i, which);

    party_start(p);
    settle();
    return p;
}

static inline void party_end(struct party *p)
{
    hang_up(p);
    fh_cloud_client_free(p->c);
    p->c = NULL;
}

static inline void world_finish(void)
{
    for (size_t i = 0; i < PARTIES; i++)
        party_end(&w.party[i]);
    for (int i = 0; i < ENDS; i++)
        free_endpoint(&w.ends[i]);
}

/* ---- shorthands -------------------------------------------------------------------------------
 */

static inline bool is_online(const struct party *p)
{
    return fh_cloud_client_is_online(p->c);
}

static inline uint32_t ask(struct party *p, enum end whom)
{
    memcpy(p->asked_for, w.ends[whom].address, FH_CLOUD_ADDRESS_LEN);
    p->asked = 0;
    ck_assert_int_eq(fh_cloud_client_connect(p->c, w.now, p->asked_for, &p->asked), 0);
    ck_assert_uint_ne(p->asked, 0);
    return p->asked;
}

static inline int say(struct party *p, uint32_t conn, const char *lines)
{
    return fh_cloud_client_signal(p->c, w.now, conn, lines, strlen(lines));
}

static inline uint32_t incoming(const struct party *p)
{
    return p->last[FH_CLOUD_EV_INCOMING].conn;
}

#endif
