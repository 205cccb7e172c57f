/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <farhand/identity_uv.h>
#include <farhand/path_uv.h>

enum {
    DEFAULT_OPEN_MS = 60000,
    BATCH = 16, /* datagrams that leave together */
    RELAYS = 16 /* of the peer, that are remembered */
};

struct fh_path {
    struct fh_path_config cfg; /* its pointers to configs and secrets are not kept */
    uv_loop_t *loop;
    struct fh_ice_uv *ice;
    struct fh_sctp_stream *sctp;
    uv_timer_t limit;
    unsigned open;                       /* the agent, the timer */
    uint8_t secret[FH_GUARD_SECRET_LEN]; /* until the association is made */
    uint32_t index, peer_index;
    uint8_t nonce[FH_PATH_NONCE_LEN], peer_nonce[FH_PATH_NONCE_LEN];
    bool said_hello, heard_hello, has_way, is_renewed;
    bool told; /* opened() was called, or will not be */
    bool closing;
    struct fh_ice_address relays[RELAYS];
    size_t n_relays;
    /*
     * The newest datagram that came before the association was there: the peer may be connected a
     * round trip earlier than we are.
     */
    uint8_t early[FH_ICE_UV_MAX_DATAGRAM];
    size_t early_len;
    uint8_t batch[BATCH][FH_SCTP_DATAGRAM_MAX];
    uv_buf_t list[BATCH];
    unsigned batched;
};

/* ---- the end --------------------------------------------------------------------------------- */

static void one_closed(struct fh_path *p)
{
    if (--p->open > 0)
        return;
    fh_wipe(p->secret, sizeof p->secret);
    p->cfg.closed(p->cfg.user);
    free(p);
}

static void on_ice_closed(void *user)
{
    one_closed(user);
}

static void on_timer_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

static void release_all(struct fh_path *p)
{
    p->closing = true;
    uv_close((uv_handle_t *)&p->limit, on_timer_closed);
    fh_ice_uv_close(p->ice, on_ice_closed, p);
}

/* The association goes first: its end calls path_release(). */
static void give_up(struct fh_path *p)
{
    p->told = true;
    if (p->sctp)
        fh_sctp_cancel(p->sctp);
    else
        release_all(p);
}

static void fail(struct fh_path *p, int error)
{
    if (p->told)
        return;
    p->told = true;
    p->cfg.opened(p->cfg.user, NULL, error);
    give_up(p);
}

static void on_limit(uv_timer_t *timer)
{
    fail(timer->data, FH_CLOUD_E_TIMEOUT);
}

/* ---- below the association: its datagrams ---------------------------------------------------- */

static void path_flush(void *user)
{
    struct fh_path *p = user;

    /* What the system does not take is lost, as it might be anywhere on the way. */
    if (p->batched > 0 && !p->closing)
        (void)fh_ice_uv_send_many(p->ice, p->list, p->batched);
    p->batched = 0;
}

static void path_send(void *user, const uint8_t *data, size_t len)
{
    struct fh_path *p = user;

    memcpy(p->batch[p->batched], data, len);
    p->list[p->batched] = uv_buf_init((char *)p->batch[p->batched], (unsigned)len);
    if (++p->batched == BATCH)
        path_flush(p);
}

static void path_release(void *user)
{
    struct fh_path *p = user;

    p->sctp = NULL;
    release_all(p);
}

static const struct fh_sctp_path path_table = {
    .send = path_send, .flush = path_flush, .release = path_release};

/* ---- the association ------------------------------------------------------------------------- */

static void on_sctp_done(void *user, struct fh_stream *s, int error)
{
    struct fh_path *p = user;

    if (p->told) /* given up meanwhile; release follows, or is brought about */
        return;
    p->told = true;
    uv_timer_stop(&p->limit);
    if (error == 0)
        p->cfg.opened(p->cfg.user, s, 0);
    else
        p->cfg.opened(p->cfg.user, NULL,
                      error == FH_TRANSPORT_E_TIMEOUT ? FH_CLOUD_E_TIMEOUT : FH_CLOUD_E_RESET);
}

static int direction(const struct fh_path *p, enum fh_role sender, uint8_t *out)
{
    bool is_client = p->cfg.role == FH_ROLE_CLIENT;
    uint8_t context[2 * FH_PATH_NONCE_LEN];

    memcpy(context, is_client ? p->nonce : p->peer_nonce, FH_PATH_NONCE_LEN);
    memcpy(context + FH_PATH_NONCE_LEN, is_client ? p->peer_nonce : p->nonce, FH_PATH_NONCE_LEN);
    return fh_guard_secret(p->secret, sender, context, sizeof context, out);
}

static void address_of(const struct fh_ice_address *from, struct fh_address *out)
{
    char text[FH_ICE_ADDRESS_TEXT];

    memset(out, 0, sizeof *out);
    if (fh_address_parse_ip(text, fh_ice_address_print_ip(from, text), out) == 0)
        out->port = from->port;
}

static int make_association(struct fh_path *p)
{
    enum fh_role us = p->cfg.role, peer = us == FH_ROLE_CLIENT ? FH_ROLE_SERVER : FH_ROLE_CLIENT;
    uint8_t tx[FH_GUARD_SECRET_LEN], rx[FH_GUARD_SECRET_LEN];
    struct fh_sctp_start_config cfg = {
        .sctp = {.side = us == FH_ROLE_CLIENT ? FH_SCTP_CONNECT : FH_SCTP_LISTEN,
                 .guard = {.tx_secret = tx,
                           .rx_secret = rx,
                           .tx_index = p->peer_index,
                           .rx_index = p->index},
                 .send_len = p->cfg.send_len,
                 .recv_len = p->cfg.recv_len,
                 .timeout_ms = p->cfg.timeout_ms,
                 .heartbeat_ms = p->cfg.heartbeat_ms},
        .path = path_table,
        .open_ms = p->cfg.open_ms,
        .linger_ms = p->cfg.linger_ms,
        .done = on_sctp_done,
        .user = p};
    struct fh_ice_path way;
    struct fh_address address;
    int ret;

    cfg.path.user = p;
    if (fh_ice_uv_path(p->ice, &way)) {
        address_of(&way.peer, &address);
        cfg.peer = &address;
    }
    if ((ret = direction(p, us, tx)) == 0 && (ret = direction(p, peer, rx)) == 0)
        ret = fh_sctp_start(p->loop, &cfg, &p->sctp);
    fh_wipe(tx, sizeof tx);
    fh_wipe(rx, sizeof rx);
    return ret;
}

static void start(struct fh_path *p)
{
    if (p->sctp || p->told)
        return;
    if (make_association(p) != 0) {
        fail(p, FH_CLOUD_E_RESOURCES);
        return;
    }
    fh_wipe(p->secret, sizeof p->secret);
    if (p->early_len > 0) {
        (void)fh_sctp_datagram(p->sctp, p->early, p->early_len);
        fh_sctp_datagrams_done(p->sctp);
    }
}

/* ---- what ICE says --------------------------------------------------------------------------- */

static void say(struct fh_path *p, const struct fh_path_message *m)
{
    char line[FH_PATH_LINE_MAX];
    int len = fh_path_message_print(m, line);

    if (len > 0)
        p->cfg.signal(p->cfg.user, line, (size_t)len);
}

static void on_description(void *user, const struct fh_ice_description *d)
{
    struct fh_path *p = user;
    struct fh_path_message m = {.type = FH_PATH_HELLO, .index = p->index};

    if (!p->said_hello) {
        p->said_hello = true;
        memcpy(m.nonce, p->nonce, sizeof m.nonce);
        say(p, &m);
    }
    m.type = FH_PATH_DESCRIPTION;
    m.description = *d;
    say(p, &m);
}

static void on_candidate(void *user, const struct fh_ice_candidate *c, const char *ufrag)
{
    struct fh_path_message m = {.type = c ? FH_PATH_CANDIDATE : FH_PATH_END};

    if (c) {
        m.candidate = *c;
        strncpy(m.ufrag, ufrag, sizeof m.ufrag - 1);
    }
    say(user, &m);
}

static void tell_change(struct fh_path *p)
{
    struct fh_path_info info;

    if (!p->cfg.changed || p->closing)
        return;
    fh_path_info(p, &info);
    p->cfg.changed(p->cfg.user, &info);
}

static void on_state(void *user, enum fh_ice_state state, int error)
{
    struct fh_path *p = user;

    (void)error;
    if (p->closing)
        return;
    if (state == FH_ICE_CONNECTED || state == FH_ICE_COMPLETED) {
        start(p);
    }
    tell_change(p);
    if (state == FH_ICE_FAILED && !p->closing)
        fail(p, FH_CLOUD_E_NO_PATH);
}

static void on_way(void *user, const struct fh_ice_path *way)
{
    struct fh_path *p = user;

    (void)way;
    if (p->closing)
        return;
    if (p->has_way && p->sctp)
        fh_sctp_moved(p->sctp);
    p->has_way = true;
    tell_change(p);
}

/* The guard judges by its tag alone, so that a stranger may as well be the peer elsewhere. */
static void on_received(void *user, const uint8_t *data, size_t len, bool is_stranger)
{
    struct fh_path *p = user;
    uint8_t datagram[FH_ICE_UV_MAX_DATAGRAM];

    (void)is_stranger;
    if (len > sizeof datagram || fh_datagram_kind(data, len) != FH_DATAGRAM_GUARD ||
        fh_guard_index(data) != p->index)
        return;
    if (p->sctp) {
        memcpy(datagram, data, len);
        (void)fh_sctp_datagram(p->sctp, datagram, len);
    } else if (!p->told) {
        memcpy(p->early, data, len);
        p->early_len = len;
    }
}

static void on_batch_end(void *user)
{
    struct fh_path *p = user;

    if (p->sctp)
        fh_sctp_datagrams_done(p->sctp);
}

/* ---- the calls of path_uv.h ------------------------------------------------------------------ */

static int cloud_error(int ice_error)
{
    switch (ice_error) {
    case 0:
        return 0;
    case FH_ICE_E_INVAL:
        return FH_CLOUD_E_INVAL;
    case FH_ICE_E_RESOURCES:
    case FH_ICE_E_LIMIT:
        return FH_CLOUD_E_RESOURCES;
    case FH_ICE_E_SYSTEM:
        return FH_CLOUD_E_SYSTEM;
    default:
        return FH_CLOUD_E_PROTO;
    }
}

static void choose(struct fh_path *p)
{
    uint8_t bytes[3];

    fh_random_system(NULL, p->nonce, sizeof p->nonce);
    fh_random_system(NULL, bytes, sizeof bytes);
    p->index = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
}

static int make_agent(struct fh_path *p, const struct fh_ice_uv_config *from)
{
    struct fh_ice_uv_config ice = *from;

    ice.role = p->cfg.role == FH_ROLE_CLIENT ? FH_ICE_CONTROLLING : FH_ICE_CONTROLLED;
    ice.description = on_description;
    ice.candidate = on_candidate;
    ice.state = on_state;
    ice.path = on_way;
    ice.received = on_received;
    ice.batch_end = on_batch_end;
    ice.user = p;
    return cloud_error(fh_ice_uv_new(p->loop, &ice, &p->ice));
}

static bool is_valid(const struct fh_path_config *cfg)
{
    const struct fh_sctp_config sctp = {
        .random = fh_random_system, .send_len = cfg->send_len, .recv_len = cfg->recv_len};

    return cfg->ice && cfg->secret && cfg->signal && cfg->opened && cfg->closed &&
           fh_sctp_size(&sctp) > 0;
}

int fh_path_new(uv_loop_t *loop, const struct fh_path_config *cfg, struct fh_path **out)
{
    struct fh_path *p;
    int ret;

    if (!is_valid(cfg))
        return FH_CLOUD_E_INVAL;
    p = calloc(1, sizeof *p);
    if (!p)
        return FH_CLOUD_E_RESOURCES;
    p->cfg = *cfg;
    p->cfg.ice = NULL;
    p->cfg.secret = NULL;
    p->loop = loop;
    choose(p);
    if ((ret = make_agent(p, cfg->ice)) != 0) {
        free(p);
        return ret;
    }
    memcpy(p->secret, cfg->secret, sizeof p->secret);
    uv_timer_init(loop, &p->limit);
    p->limit.data = p;
    p->open = 2;
    uv_timer_start(&p->limit, on_limit, cfg->open_ms ? cfg->open_ms : DEFAULT_OPEN_MS, 0);
    *out = p;
    return 0;
}

static int hear_hello(struct fh_path *p, const struct fh_path_message *m)
{
    if (p->heard_hello)
        return FH_CLOUD_E_STATE;
    p->heard_hello = true;
    p->peer_index = m->index;
    memcpy(p->peer_nonce, m->nonce, sizeof p->peer_nonce);
    return 0;
}

static void remember_relay(struct fh_path *p, const struct fh_ice_candidate *c)
{
    if (c->type == FH_ICE_RELAY)
        p->relays[p->n_relays++ % RELAYS] = c->address;
}

/* Only after the hello, so that whoever is connected knows the peer's index and nonce. */
static int hear_description(struct fh_path *p, const struct fh_ice_description *d)
{
    if (!p->heard_hello)
        return FH_CLOUD_E_STATE;
    for (size_t i = 0; i < d->len; i++)
        remember_relay(p, &d->candidates[i]);
    return cloud_error(fh_ice_uv_set_remote(p->ice, d));
}

static int hear_candidate(struct fh_path *p, const struct fh_path_message *m)
{
    int ret = fh_ice_uv_add_remote(p->ice, &m->candidate, m->ufrag);

    if (ret == 0)
        remember_relay(p, &m->candidate);
    /* One that points where no peer is, or one too many, is left out, and the others stand. */
    return ret == FH_ICE_E_ADDRESS || ret == FH_ICE_E_LIMIT ? 0 : cloud_error(ret);
}

int fh_path_signal(struct fh_path *p, const char *line, size_t len)
{
    struct fh_path_message m;
    int ret = fh_path_message_parse(line, len, &m);

    if (ret != 0 || p->closing)
        return ret;
    switch (m.type) {
    case FH_PATH_HELLO:
        return hear_hello(p, &m);
    case FH_PATH_DESCRIPTION:
        return hear_description(p, &m.description);
    case FH_PATH_CANDIDATE:
        return hear_candidate(p, &m);
    case FH_PATH_END:
        fh_ice_uv_end_remote(p->ice);
        break;
    case FH_PATH_SKIP:
        break;
    }
    return 0;
}

void fh_path_restart(struct fh_path *p)
{
    if (!p->closing)
        fh_ice_uv_restart(p->ice);
}

int fh_path_renew(struct fh_path *p, const uint8_t client_secret[FH_GUARD_SECRET_LEN],
                  const uint8_t server_secret[FH_GUARD_SECRET_LEN])
{
    bool is_client = p->cfg.role == FH_ROLE_CLIENT;

    if (!p->sctp)
        return FH_CLOUD_E_STATE;
    if (fh_sctp_renew(p->sctp, is_client ? client_secret : server_secret,
                      is_client ? server_secret : client_secret,
                      is_client ? FH_GUARD_FOLLOW : FH_GUARD_LEAD) != 0)
        return FH_CLOUD_E_INVAL;
    p->is_renewed = true;
    return 0;
}

static bool is_relayed(const struct fh_path *p, const struct fh_ice_path *way)
{
    bool found = way->local_type == FH_ICE_RELAY || way->remote_type == FH_ICE_RELAY;

    for (size_t i = 0; i < RELAYS && !found; i++)
        found = fh_ice_address_equal(&p->relays[i], &way->peer);
    return found;
}

void fh_path_info(const struct fh_path *p, struct fh_path_info *out)
{
    struct fh_ice_path way;

    memset(out, 0, sizeof *out);
    if (!p->closing) {
        out->state = fh_ice_uv_state(p->ice);
        out->is_known = fh_ice_uv_path(p->ice, &way);
    }
    if (out->is_known) {
        out->local_type = way.local_type;
        out->remote_type = way.remote_type;
        out->is_relayed = is_relayed(p, &way);
        out->rtt_us = way.rtt_ms * 1000;
        address_of(&way.peer, &out->peer);
    }
    if (!p->sctp)
        return;
    fh_sctp_info(fh_sctp_core(p->sctp), &out->sctp);
    out->guard = fh_sctp_guard(fh_sctp_core(p->sctp))->counters;
    out->is_renewed = p->is_renewed && fh_guard_has_turned(fh_sctp_guard(fh_sctp_core(p->sctp)));
    if (out->sctp.rtt_us > 0)
        out->rtt_us = out->sctp.rtt_us;
}

void fh_path_close(struct fh_path *p)
{
    if (!p->told && !p->closing)
        give_up(p);
}
