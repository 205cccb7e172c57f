/* SPDX-License-Identifier: MIT */
/* ice_uv.c -- a connection: an agent on a port, with the servers that its config names. */
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "uv_internal.h"

enum {
    LOOKUPS = FH_ICE_UV_MAX_STUN + FH_ICE_UV_MAX_TURN,
    RELAYS = 2 * FH_ICE_UV_MAX_TURN, /* one for each family of a server's name */
    DEFAULT_SERVER_PORT = 3478,
    DEFAULT_TA_MS = 20,
    DEFAULT_TLS_PORT = 5349,
    MAX_HOST = 256,
    NAMES_HOLD_MS = 3000 /* how long our end of candidates waits for names */
};

/* A server of the config, and the question for its addresses. */
struct lookup {
    struct fh__resolve resolve;
    struct fh_ice_uv *u;
    char host[MAX_HOST], tls_name[MAX_HOST];
    uint16_t port;
    bool is_turn, is_running;
    struct fh_ice_uv_turn turn; /* strings: turn_strings */
    char username[FH_STUN_MAX_USERNAME + 1], password[256];
};

struct local {
    bool in_use;
    struct fh__interface is;
};

struct fh_ice_uv {
    uv_loop_t *loop;
    struct fh_ice_uv_config cfg;
    struct fh_ice_agent *agent;
    struct fh__member member;
    bool has_port, is_own_port;
    struct local locals[FH_ICE_MAX_BASES];
    struct fh__mapping *mapping;
    uv_timer_t timer, names_timer;
    bool holds_for_names;
    struct lookup lookups[LOOKUPS];
    size_t lookups_len;
    struct fh__relay *relays[RELAYS];
    uint8_t relay_of[RELAYS];       /* the lookup that it came of */
    bool is_described, ended_early; /* ended_early: our candidates were complete before that */
    bool is_closing, is_stun;       /* is_stun: the agent saw something in this batch */
    int open;                       /* what must end before the connection is freed */
    void (*closed)(void *user);
    void *closed_user;
};

static void kick(struct fh_ice_uv *u);

static uint64_t now(const struct fh_ice_uv *u)
{
    return uv_now(u->loop);
}

/* ---- out ------------------------------------------------------------------------------------ */

static struct fh__relay *relay_with(const struct fh_ice_uv *u, int base)
{
    for (size_t i = 0; i < RELAYS; i++)
        if (u->relays[i] && fh__relay_has(u->relays[i], base))
            return u->relays[i];
    return NULL;
}

static int send_from(struct fh_ice_uv *u, int base, const struct fh_ice_address *peer,
                     const uv_buf_t *list, size_t n)
{
    struct fh__relay *r = relay_with(u, base);
    size_t done = 0;
    int ret = 0;

    if (!r && (!u->has_port || !u->locals[base].in_use))
        return FH_ICE_E_STATE;
    if (!r)
        return fh__port_send(u->member.port, &u->locals[base].is.address, u->locals[base].is.index,
                             peer, list, n);
    while (done < n && (ret = fh__relay_send(r, peer, list[done].base, list[done].len)) == 0)
        done++;
    return done > 0 ? (int)done : ret;
}

int fh_ice_uv_send_many(struct fh_ice_uv *u, const uv_buf_t *list, size_t n)
{
    struct fh_ice_path path;

    for (size_t i = 0; i < n; i++)
        if (list[i].len == 0 || list[i].len > FH_ICE_UV_MAX_DATAGRAM)
            return FH_ICE_E_INVAL;
    if (n == 0)
        return FH_ICE_E_INVAL;
    if (u->is_closing || !fh_ice_agent_path(u->agent, &path))
        return FH_ICE_E_STATE;
    return send_from(u, path.base, &path.peer, list, n);
}

int fh_ice_uv_send(struct fh_ice_uv *u, const void *data, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);
    int ret = fh_ice_uv_send_many(u, &buf, 1);

    return ret < 0 ? ret : 0;
}

/* ---- what the agent wants ------------------------------------------------------------------- */

static void tell_description(struct fh_ice_uv *u)
{
    struct fh_ice_description d;
    struct fh_ice_mux *mux = u->has_port ? fh__port_mux(u->member.port) : NULL;

    fh_ice_agent_description(u->agent, &d);
    if (mux)
        fh_ice_mux_ufrag(mux, u->member.tag, d.ufrag);
    u->is_described = true;
    if (u->cfg.description)
        u->cfg.description(u->cfg.user, &d);
}

static void tell_candidate(struct fh_ice_uv *u, const struct fh_ice_candidate *c)
{
    struct fh_ice_description d;

    /* What comes before the description is in it; that it is complete is said all the same. */
    u->ended_early |= !u->is_described && !c;
    if (!u->is_described || !u->cfg.candidate)
        return;
    fh_ice_agent_description(u->agent, &d);
    u->cfg.candidate(u->cfg.user, c, d.ufrag);
}

static void on_event(struct fh_ice_uv *u, const struct fh_ice_event *ev)
{
    for (size_t i = 0; i < RELAYS; i++)
        if (u->relays[i] && fh__relay_event(u->relays[i], ev))
            return;
    switch (ev->type) {
    case FH_ICE_EV_CANDIDATE:
        tell_candidate(u, &ev->candidate);
        return;
    case FH_ICE_EV_GATHERED:
        tell_candidate(u, NULL);
        return;
    case FH_ICE_EV_STATE:
        u->cfg.state(u->cfg.user, ev->state, ev->error);
        return;
    case FH_ICE_EV_PATH:
        if (u->cfg.path)
            u->cfg.path(u->cfg.user, &ev->path);
        return;
    case FH_ICE_EV_PERMIT: /* of a relay that is gone */
        fh_ice_agent_permitted(u->agent, now(u), ev->base, &ev->host, false);
        return;
    case FH_ICE_EV_RESTART:
        tell_description(u);
        return;
    }
}

static void send_all(struct fh_ice_uv *u)
{
    struct fh_ice_datagram d;

    while (fh_ice_agent_output(u->agent, &d) > 0) {
        uv_buf_t buf = uv_buf_init((char *)d.data, (unsigned)d.len);

        /* A datagram that does not go is one that was lost. */
        (void)send_from(u, d.base, &d.peer, &buf, 1);
    }
}

static void on_timer(uv_timer_t *t);

static void set_timer(struct fh_ice_uv *u)
{
    uint64_t at = fh_ice_agent_deadline(u->agent);

    if (at == UINT64_MAX)
        uv_timer_stop(&u->timer);
    else
        uv_timer_start(&u->timer, on_timer, at > now(u) ? at - now(u) : 0, 0);
}

/* Everything that follows from what happened. The callbacks may close the connection. */
static void pump(struct fh_ice_uv *u)
{
    struct fh_ice_event ev;

    send_all(u);
    while (!u->is_closing && fh_ice_agent_event(u->agent, &ev) > 0)
        on_event(u, &ev);
    if (!u->is_closing && !u->is_described)
        tell_description(u);
    if (!u->is_closing && u->ended_early) {
        u->ended_early = false;
        tell_candidate(u, NULL);
    }
    if (u->is_closing)
        return;
    for (size_t i = 0; i < RELAYS; i++)
        if (u->relays[i])
            fh__relay_pump(u->relays[i]);
    send_all(u);
    set_timer(u);
}

static void on_timer(uv_timer_t *t)
{
    struct fh_ice_uv *u = t->data;

    fh_ice_agent_tick(u->agent, now(u));
    pump(u);
}

/* The loop does the rest, so that no callback comes from inside a call. */
static void kick(struct fh_ice_uv *u)
{
    if (!u->is_closing)
        uv_timer_start(&u->timer, on_timer, 0, 0);
}

/* ---- what arrives --------------------------------------------------------------------------- */

static void take(struct fh_ice_uv *u, int base, const struct fh_ice_address *from,
                 const uint8_t *data, size_t len)
{
    struct fh_ice_datagram d = {.base = base, .peer = *from, .data = data, .len = len};
    enum fh_ice_input what = fh_ice_agent_input(u->agent, now(u), &d);
    struct fh_ice_mux *mux = u->has_port ? fh__port_mux(u->member.port) : NULL;

    switch (what) {
    case FH_ICE_INPUT_IGNORED:
    case FH_ICE_INPUT_SERVER:
        break;
    case FH_ICE_INPUT_PEER:
        if (mux)
            fh_ice_mux_learn(mux, u->member.tag, from,
                             fh_ice_agent_is_proved(u->agent, base, from));
        break;
    case FH_ICE_INPUT_DATA:
    case FH_ICE_INPUT_STRANGER:
        u->cfg.received(u->cfg.user, data, len, what == FH_ICE_INPUT_STRANGER);
        return;
    }
    u->is_stun = true;
}

static int base_of(const struct fh_ice_uv *u, const struct fh_ice_address *local)
{
    for (int i = 0; i < FH_ICE_MAX_BASES; i++)
        if (u->locals[i].in_use && fh_ice_address_equal_host(&u->locals[i].is.address, local))
            return i;
    return -1;
}

static struct fh_ice_uv *of_member(struct fh__member *m)
{
    return FH__CONTAINER(m, struct fh_ice_uv, member);
}

static void on_arrived(struct fh__member *m, const struct fh_ice_address *local,
                       const struct fh_ice_address *from, const uint8_t *data, size_t len)
{
    struct fh_ice_uv *u = of_member(m);
    int base = base_of(u, local);

    if (u->mapping && fh__mapping_input(u->mapping, from, data, len))
        u->is_stun = true;
    else if (!u->is_closing && base >= 0)
        take(u, base, from, data, len);
}

static void end_batch(struct fh_ice_uv *u)
{
    bool is_stun = u->is_stun;

    u->is_stun = false;
    if (!u->is_closing && u->cfg.batch_end)
        u->cfg.batch_end(u->cfg.user);
    if (!u->is_closing && is_stun)
        pump(u);
}

static void on_batch_end(struct fh__member *m)
{
    end_batch(of_member(m));
}

static void on_relayed(void *user, int base, const struct fh_ice_address *from, const uint8_t *data,
                       size_t len)
{
    struct fh_ice_uv *u = user;

    if (!u->is_closing)
        take(u, base, from, data, len);
}

static void on_relay_changed(void *user)
{
    struct fh_ice_uv *u = user;

    if (u->is_closing)
        return;
    u->is_stun = true;
    end_batch(u);
}

/* ---- local addresses ------------------------------------------------------------------------ */

static bool is_wanted(const struct fh_ice_uv *u, const struct fh__interface *i)
{
    if (i->is_loopback)
        return u->cfg.allow_loopback;
    return !u->cfg.only_loopback;
}

static bool is_listed(const struct fh__interface *list, size_t len, const struct fh__interface *i)
{
    for (size_t j = 0; j < len; j++)
        if (fh_ice_address_equal_host(&list[j].address, &i->address) && list[j].index == i->index)
            return true;
    return false;
}

static void add_local(struct fh_ice_uv *u, const struct fh__interface *i)
{
    struct fh_ice_base b = {.kind = FH_ICE_BASE_HOST, .address = i->address, .cost = i->cost};
    int at;

    b.address.port = fh__port_number(u->member.port);
    at = fh_ice_agent_add_base(u->agent, now(u), &b);
    if (at < 0)
        return;
    u->locals[at].in_use = true;
    u->locals[at].is = *i;
    u->locals[at].is.address.port = b.address.port;
}

/* Makes the agent's bases those that the machine has. */
static void update_locals(struct fh_ice_uv *u)
{
    size_t len;
    const struct fh__interface *list = fh__port_interfaces(u->member.port, &len);

    for (int i = 0; i < FH_ICE_MAX_BASES; i++)
        if (u->locals[i].in_use && !is_listed(list, len, &u->locals[i].is)) {
            u->locals[i].in_use = false;
            fh_ice_agent_remove_base(u->agent, now(u), i);
        }
    for (size_t i = 0; i < len; i++)
        if (is_wanted(u, &list[i]) && base_of(u, &list[i].address) < 0)
            add_local(u, &list[i]);
}

/* ---- the gateway ---------------------------------------------------------------------------- */

static void ended(struct fh_ice_uv *u);

/* The address that the default route uses: that one has a gateway. */
static int default_base(const struct fh_ice_uv *u)
{
    for (int i = 0; i < FH_ICE_MAX_BASES; i++)
        if (u->locals[i].in_use && u->locals[i].is.cost == 0 &&
            u->locals[i].is.address.family == FH_ICE_IPV4)
            return i;
    return -1;
}

static void on_mapping_send(void *user, const struct fh_ice_address *to, const uint8_t *data,
                            size_t len)
{
    struct fh_ice_uv *u = user;
    int base = default_base(u);
    uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);

    if (base >= 0 && u->has_port)
        (void)send_from(u, base, to, &buf, 1);
}

static void on_mapped(void *user, const struct fh_ice_address *external)
{
    struct fh_ice_uv *u = user;

    (void)fh_ice_agent_add_mapped(u->agent, now(u), default_base(u), external);
    kick(u);
}

static void on_mapping_closed(void *user)
{
    ended(user);
}

/* A mapping is never waited for: what it gives is one more candidate. */
static void update_mapping(struct fh_ice_uv *u)
{
    const struct fh__mapping_owner owner = {.user = u,
                                            .loop = u->loop,
                                            .send = on_mapping_send,
                                            .mapped = on_mapped,
                                            .closed = on_mapping_closed};
    struct fh_ice_address gateway;
    int base = default_base(u);

    if (!u->cfg.map_port || !u->is_own_port || base < 0 || !fh__gateway(&gateway))
        return;
    if (u->mapping) {
        fh__mapping_moved(u->mapping, &gateway, &u->locals[base].is.address);
        return;
    }
    u->mapping = fh__mapping_new(&owner, &gateway, &u->locals[base].is.address);
    u->open += u->mapping != NULL;
}

static void on_addresses(struct fh__member *m)
{
    struct fh_ice_uv *u = of_member(m);
    size_t len;
    const struct fh__interface *list = fh__port_interfaces(m->port, &len);

    update_locals(u);
    update_mapping(u);
    for (size_t i = 0; i < RELAYS; i++)
        if (u->relays[i])
            fh__relay_addresses(u->relays[i], list, len);
    pump(u);
}

/* ---- servers -------------------------------------------------------------------------------- */

static void free_connection(struct fh_ice_uv *u)
{
    fh_ice_agent_free(u->agent);
    for (size_t i = 0; i < u->lookups_len; i++)
        fh__ice_wipe(u->lookups[i].password, sizeof u->lookups[i].password);
    free(u);
}

static void ended(struct fh_ice_uv *u)
{
    void (*closed)(void *user) = u->closed;
    void *user = u->closed_user;

    if (--u->open > 0)
        return;
    free_connection(u);
    if (closed)
        closed(user);
}

static void release_names(struct fh_ice_uv *u)
{
    if (!u->holds_for_names)
        return;
    u->holds_for_names = false;
    uv_timer_stop(&u->names_timer);
    fh_ice_agent_release(u->agent, now(u));
}

static void on_names_late(uv_timer_t *t)
{
    struct fh_ice_uv *u = t->data;

    release_names(u);
    kick(u);
}

static bool are_names_pending(const struct fh_ice_uv *u)
{
    for (size_t i = 0; i < u->lookups_len; i++)
        if (u->lookups[i].is_running)
            return true;
    return false;
}

static void on_relay_closed(void *user, struct fh__relay *r)
{
    struct fh_ice_uv *u = user;

    for (size_t i = 0; i < RELAYS; i++)
        if (u->relays[i] == r)
            u->relays[i] = NULL;
    ended(u);
}

/* Of a name with addresses of both families, each family that this machine has gets its chance. */
static bool has_family(const struct fh_ice_uv *u, const struct fh_ice_address *server)
{
    const struct fh__interface *list;
    size_t len;

    if (!u->has_port)
        return true;
    list = fh__port_interfaces(u->member.port, &len);
    for (size_t i = 0; i < len; i++)
        if (list[i].address.family == server->family)
            return true;
    return false;
}

static void add_relay(struct fh_ice_uv *u, struct lookup *l, const struct fh_ice_address *server)
{
    const struct fh__relay_owner owner = {.user = u,
                                          .agent = u->agent,
                                          .loop = u->loop,
                                          .arrived = on_relayed,
                                          .changed = on_relay_changed,
                                          .closed = on_relay_closed};
    uint8_t of = (uint8_t)(l - u->lookups);
    size_t room = RELAYS;

    for (size_t i = 0; i < RELAYS; i++)
        if (!u->relays[i])
            room = i;
        else if (u->relay_of[i] == of && fh__relay_is_for(u->relays[i], server->family))
            return;
    if (room == RELAYS || !has_family(u, server))
        return;
    u->relays[room] = fh__relay_new(&owner, &l->turn, server);
    u->relay_of[room] = of;
    if (u->relays[room])
        u->open++;
}

static void on_found(struct fh__resolve *r, const struct fh_ice_address *address)
{
    struct lookup *l = FH__CONTAINER(r, struct lookup, resolve);
    struct fh_ice_uv *u = l->u;

    if (!address) {
        l->is_running = false;
        if (!u->is_closing && !are_names_pending(u))
            release_names(u);
        kick(u);
        ended(u);
        return;
    }
    if (u->is_closing)
        return;
    if (l->is_turn)
        add_relay(u, l, address);
    else
        (void)fh_ice_agent_add_server(u->agent, now(u), address);
    kick(u);
}

static void start_lookup(struct fh_ice_uv *u, struct lookup *l)
{
    if (l->is_running || fh__resolve_start(u->loop, &l->resolve, l->host, l->port) != 0)
        return;
    l->is_running = true;
    u->open++;
    if (u->holds_for_names)
        return;
    u->holds_for_names = true;
    fh_ice_agent_hold(u->agent);
    uv_timer_start(&u->names_timer, on_names_late, NAMES_HOLD_MS, 0);
}

/* ---- life ----------------------------------------------------------------------------------- */

static bool copy_text(char *out, size_t room, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    if (len == 0 || len >= room)
        return false;
    memcpy(out, text, len + 1);
    return true;
}

static struct lookup *add_lookup(struct fh_ice_uv *u, const struct fh_ice_uv_server *s,
                                 uint16_t port)
{
    struct lookup *l = &u->lookups[u->lookups_len++];

    l->u = u;
    l->resolve.found = on_found;
    l->port = s->port != 0 ? s->port : port;
    return copy_text(l->host, sizeof l->host, s->host) ? l : NULL;
}

static bool copy_servers(struct fh_ice_uv *u, const struct fh_ice_uv_config *cfg)
{
    for (size_t i = 0; i < cfg->stun_len && cfg->policy != FH_ICE_POLICY_RELAY; i++)
        if (!add_lookup(u, &cfg->stun[i], DEFAULT_SERVER_PORT))
            return false;
    for (size_t i = 0; i < cfg->turn_len; i++) {
        const struct fh_ice_uv_turn *t = &cfg->turn[i];
        struct lookup *l = add_lookup(
            u, &t->server, t->carrier == FH_ICE_UV_TLS ? DEFAULT_TLS_PORT : DEFAULT_SERVER_PORT);

        if (!l ||
            !copy_text(l->tls_name, sizeof l->tls_name,
                       t->tls_name ? t->tls_name : t->server.host) ||
            !copy_text(l->username, sizeof l->username, t->username) ||
            !copy_text(l->password, sizeof l->password, t->password))
            return false;
        l->is_turn = true;
        l->turn = *t;
        l->turn.server.host = l->host;
        l->turn.tls_name = l->tls_name;
        l->turn.username = l->username;
        l->turn.password = l->password;
    }
    return true;
}

static void on_port_closed(struct fh__member *m)
{
    ended(of_member(m));
}

static int open_port(struct fh_ice_uv *u, struct fh_ice_uv_port *shared)
{
    struct fh_ice_uv_port *p = shared;
    int ret = 0;

    u->member.arrived = on_arrived;
    u->member.addresses = on_addresses;
    u->member.batch_end = on_batch_end;
    u->member.port_closed = on_port_closed;
    /* With the relay policy nothing is sent or received on local addresses: nothing is opened. */
    if (u->cfg.policy == FH_ICE_POLICY_RELAY)
        return 0;
    if (!p)
        ret = fh__port_new(u->loop, &p);
    if (ret == 0)
        ret = fh__port_join(p, &u->member);
    if (ret != 0)
        return ret;
    u->has_port = true;
    u->is_own_port = !shared;
    return 0;
}

static int make_agent(struct fh_ice_uv *u, const struct fh_ice_uv_config *cfg)
{
    struct fh_ice_config c = {.role = cfg->role,
                              .policy = cfg->policy,
                              .allow_loopback = cfg->allow_loopback || cfg->only_loopback,
                              .ta_ms = cfg->ta_ms != 0 ? cfg->ta_ms : DEFAULT_TA_MS,
                              .tag = u->member.tag,
                              .refused = cfg->refused,
                              .refused_len = cfg->refused_len,
                              .random = fh__ice_random};

    u->agent = fh_ice_agent_new(&c);
    return u->agent ? 0 : FH_ICE_E_RESOURCES;
}

static bool is_config_right(const struct fh_ice_uv_config *cfg)
{
    return cfg->state && cfg->received && cfg->stun_len <= FH_ICE_UV_MAX_STUN &&
           cfg->turn_len <= FH_ICE_UV_MAX_TURN && cfg->refused_len <= FH_ICE_MAX_REFUSED &&
           (cfg->ta_ms == 0 || cfg->ta_ms >= 5);
}

static void start(struct fh_ice_uv *u)
{
    (void)uv_timer_init(u->loop, &u->timer);
    (void)uv_timer_init(u->loop, &u->names_timer);
    u->timer.data = u->names_timer.data = u;
    u->open = 2 + (u->is_own_port ? 1 : 0);
    fh_ice_agent_hold(u->agent);
    if (u->has_port)
        update_locals(u);
    update_mapping(u);
    for (size_t i = 0; i < u->lookups_len; i++)
        start_lookup(u, &u->lookups[i]);
    fh_ice_agent_release(u->agent, now(u));
    kick(u);
}

int fh_ice_uv_new(uv_loop_t *loop, const struct fh_ice_uv_config *cfg, struct fh_ice_uv **out)
{
    struct fh_ice_uv *u;
    uint8_t probe;
    int ret;

    if (!is_config_right(cfg))
        return FH_ICE_E_INVAL;
    if (uv_random(NULL, NULL, &probe, sizeof probe, 0, NULL) != 0)
        return FH_ICE_E_SYSTEM;
    u = calloc(1, sizeof *u);
    if (!u)
        return FH_ICE_E_RESOURCES;
    u->loop = loop;
    u->cfg = *cfg;
    u->cfg.allow_loopback |= cfg->only_loopback;
    ret = copy_servers(u, cfg) ? open_port(u, cfg->port) : FH_ICE_E_INVAL;
    if (ret == 0) {
        ret = make_agent(u, cfg);
        if (ret == 0) {
            start(u);
            *out = u;
            return 0;
        }
        u->open = u->is_own_port ? 1 : 0;
        u->is_closing = true;
        if (u->has_port)
            fh__port_leave(&u->member);
        if (u->is_own_port) /* freed when its port is closed */
            return ret;
    }
    free_connection(u);
    return ret;
}

static void on_handle_closed(uv_handle_t *h)
{
    ended(h->data);
}

void fh_ice_uv_close(struct fh_ice_uv *u, void (*closed)(void *user), void *user)
{
    if (u->is_closing)
        return;
    u->is_closing = true;
    u->closed = closed;
    u->closed_user = user;
    for (size_t i = 0; i < u->lookups_len; i++)
        if (u->lookups[i].is_running)
            fh__resolve_cancel(&u->lookups[i].resolve);
    for (size_t i = 0; i < RELAYS; i++)
        if (u->relays[i])
            fh__relay_close(u->relays[i]);
    if (u->mapping)
        fh__mapping_close(u->mapping);
    u->mapping = NULL;
    if (u->has_port)
        fh__port_leave(&u->member);
    u->has_port = false;
    uv_close((uv_handle_t *)&u->timer, on_handle_closed);
    uv_close((uv_handle_t *)&u->names_timer, on_handle_closed);
}

/* ---- the agent's calls ---------------------------------------------------------------------- */

void fh_ice_uv_description(const struct fh_ice_uv *u, struct fh_ice_description *out)
{
    fh_ice_agent_description(u->agent, out);
}

int fh_ice_uv_set_remote(struct fh_ice_uv *u, const struct fh_ice_description *d)
{
    int ret = fh_ice_agent_set_remote(u->agent, now(u), d);

    kick(u);
    return ret;
}

int fh_ice_uv_add_remote(struct fh_ice_uv *u, const struct fh_ice_candidate *c, const char *ufrag)
{
    int ret = fh_ice_agent_add_remote(u->agent, now(u), c, ufrag);

    kick(u);
    return ret;
}

void fh_ice_uv_end_remote(struct fh_ice_uv *u)
{
    fh_ice_agent_end_remote(u->agent, now(u));
    kick(u);
}

void fh_ice_uv_restart(struct fh_ice_uv *u)
{
    if (u->is_closing)
        return;
    fh_ice_agent_restart(u->agent, now(u));
    /* Names may have other addresses now, and relays that ended are asked for again. */
    for (size_t i = 0; i < u->lookups_len; i++)
        start_lookup(u, &u->lookups[i]);
    kick(u);
}

enum fh_ice_state fh_ice_uv_state(const struct fh_ice_uv *u)
{
    return fh_ice_agent_state(u->agent);
}

enum fh_ice_role fh_ice_uv_role(const struct fh_ice_uv *u)
{
    return fh_ice_agent_role(u->agent);
}

bool fh_ice_uv_path(const struct fh_ice_uv *u, struct fh_ice_path *out)
{
    return !u->is_closing && fh_ice_agent_path(u->agent, out);
}

void fh_ice_uv_stats(const struct fh_ice_uv *u, struct fh_ice_stats *out)
{
    fh_ice_agent_stats(u->agent, out);
}
