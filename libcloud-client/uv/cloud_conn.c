/* SPDX-License-Identifier: MIT */
/*
 * A connection: its ways, what is retried, how it ends.
 *
 * Everything that happens leaves a note and pokes the timer; the application is called from there,
 * or from a callback of the loop, never from inside its own calls.
 */
#include "cloud_internal.h"

static const char path_word[] = "path ";

static void poke(struct fh_cloud_conn *k);

static uint64_t now_of(const struct fh_cloud_conn *k)
{
    return uv_now(k->cloud->loop);
}

static bool may_relay(const struct fh_cloud_conn *k)
{
    return k->policy != FH_CLOUD_ONLY_DIRECT && k->relays_len > 0 && k->ticket_len > 0;
}

static bool may_direct(const struct fh_cloud_conn *k)
{
    return k->policy != FH_CLOUD_ONLY_RELAY;
}

/* ---- its life ---------------------------------------------------------------------------------
 */

static void unlink_conn(struct fh_cloud_conn *k)
{
    struct fh_cloud_conn **p = &k->cloud->conns;

    while (*p != k)
        p = &(*p)->next;
    *p = k->next;
}

static void one_closed(struct fh_cloud_conn *k)
{
    struct fh_cloud *u = k->cloud;

    if (--k->open > 0)
        return;
    unlink_conn(k);
    if (k->ev && k->ev->closed)
        k->ev->closed(k->user);
    fh_wipe(k, sizeof *k);
    free(k);
    fh__cloud_one_closed(u);
}

static void on_timer_closed(uv_handle_t *handle)
{
    one_closed(handle->data);
}

static struct fh_cloud_conn *new_conn(struct fh_cloud *u)
{
    struct fh_cloud_conn *k = calloc(1, sizeof *k);

    if (!k)
        return NULL;
    k->cloud = u;
    k->next = u->conns;
    u->conns = k;
    u->open++;
    uv_timer_init(u->loop, &k->timer);
    k->timer.data = k;
    k->open = 1;
    k->relay_at = k->direct_at = k->pair_by = UINT64_MAX;
    k->relay_pause = FH__RETRY_MS;
    k->attempt = k->hears = 1;
    k->give_up_at = uv_now(u->loop) + (u->cfg.open_ms ? u->cfg.open_ms : FH__OPEN_MS);
    return k;
}

static void drop_direct(struct fh_cloud_conn *k)
{
    struct fh__direct *d = k->direct;

    if (!d)
        return;
    k->direct = NULL;
    d->conn = NULL;
    if (!d->stands)
        fh_path_close(d->path);
}

static void drop_relay(struct fh_cloud_conn *k)
{
    if (k->dial)
        fh__dial_cancel(k->dial);
    if (k->relay && k->relay_stands)
        fh__relay_stream_orphan(k->relay);
    else if (k->relay)
        fh__relay_stream_drop(k->relay);
    k->relay = NULL;
    k->relay_stands = false;
}

void fh_cloud_conn_close(struct fh_cloud_conn *k)
{
    if (k->closing)
        return;
    k->closing = true;
    if (k->handle)
        fh_cloud_client_end(k->cloud->core, now_of(k), k->handle, FH_BROKER_GONE);
    k->handle = 0;
    fh__cloud_kick(k->cloud);
    drop_relay(k);
    drop_direct(k);
    uv_close((uv_handle_t *)&k->timer, on_timer_closed);
}

/* Nobody is told but the cloud. */
static void discard(struct fh_cloud_conn *k)
{
    k->ev = NULL;
    fh_cloud_conn_close(k);
}

static void tell_changed(struct fh_cloud_conn *k)
{
    if (!k->closing && k->ev && k->ev->changed)
        k->ev->changed(k->user);
}

static void give(struct fh_cloud_conn *k, struct fh_stream *s, enum fh_cloud_way way)
{
    k->give_up_at = UINT64_MAX;
    if (way == FH_CLOUD_RELAY)
        k->relays_given++;
    else
        k->directs_given++;
    k->ev->stream(k->user, s, way);
    tell_changed(k);
    if (!k->closing)
        poke(k);
}

/* ---- the relay --------------------------------------------------------------------------------
 */

/* Only the viewer asks for another ticket; the server gets one, too. */
static void relay_failed(struct fh_cloud_conn *k)
{
    if (k->is_viewer && k->handle) {
        k->relay_at = now_of(k) + k->relay_pause;
        k->relay_pause =
            k->relay_pause * 2 < FH__PAUSE_MAX_MS ? k->relay_pause * 2 : FH__PAUSE_MAX_MS;
    }
    poke(k);
}

static void on_paired(void *user, int status)
{
    struct fh_cloud_conn *k = user;

    k->pair_by = UINT64_MAX;
    if (status != 0) {
        drop_relay(k);
        relay_failed(k);
        return;
    }
    k->relay_stands = true;
    k->relay_pause = FH__RETRY_MS;
    give(k, fh__relay_stream_stream(k->relay), FH_CLOUD_RELAY);
}

static void on_relay_gone(void *user, bool by_owner)
{
    struct fh_cloud_conn *k = user;

    k->relay = NULL;
    k->relay_stands = false;
    if (by_owner)
        poke(k);
    else
        relay_failed(k);
}

static const struct fh__relay_events relay_events = {.paired = on_paired, .gone = on_relay_gone};

static void on_dialled(void *user, struct fh_stream *s, int error, const char *text)
{
    struct fh_cloud_conn *k = user;

    (void)text;
    k->dial = NULL;
    if (k->lends_session)
        k->cloud->relay_session_is_lent = k->lends_session = false;
    if (error == 0 && k->closing) {
        fh_stream_close(s, NULL, NULL);
    } else if (error == 0) {
        k->relay =
            fh__relay_stream_new(k->cloud->loop, s, k->ticket, k->ticket_len, &relay_events, k);
        k->pair_by = k->relay ? now_of(k) + FH__PAIR_MS : UINT64_MAX;
        error = k->relay ? 0 : FH_CLOUD_E_RESOURCES;
    }
    fh_wipe(k->ticket, sizeof k->ticket); /* it serves once */
    k->ticket_len = 0;
    if (!k->closing && error != 0)
        relay_failed(k);
    else if (!k->closing)
        poke(k);
    one_closed(k);
}

static void begin_relay(struct fh_cloud_conn *k)
{
    struct fh_cloud *u = k->cloud;
    struct fh__dial_config cfg = {.alpn = FH_RELAY_ALPN,
                                  .tls = u->relay_tls,
                                  .proxy = u->proxy,
                                  .timeout_ms = FH__DIAL_TIMEOUT_MS,
                                  .done = on_dialled,
                                  .user = k};
    uint32_t which;

    if (!may_relay(k) || k->dial || k->relay)
        return;
    fh_random_system(NULL, &which, sizeof which);
    k->relay_node = k->relays[which % k->relays_len];
    cfg.host = k->relay_node.host;
    cfg.port = k->relay_node.port;
    cfg.name = fh__cloud_name_of(u, &k->relay_node);
    if (!u->relay_session_is_lent) {
        cfg.session = u->relay_session;
        u->relay_session_is_lent = k->lends_session = true;
    }
    k->relay_at = UINT64_MAX;
    if (fh__dial_start(u->loop, &cfg, &k->dial) == 0) {
        k->open++;
        return;
    }
    if (k->lends_session)
        u->relay_session_is_lent = k->lends_session = false;
    relay_failed(k);
}

/* ---- the direct way ---------------------------------------------------------------------------
 */

static void add_line(struct fh_cloud_conn *k, const char *line, size_t len)
{
    if (!k->handle || k->lines_len + len + 1 > sizeof k->lines)
        return;
    memcpy(k->lines + k->lines_len, line, len);
    k->lines_len += len;
    k->lines[k->lines_len++] = '\n';
    fh__cloud_kick(k->cloud);
}

static void on_path_signal(void *user, const char *line, size_t len)
{
    struct fh__direct *d = user;

    if (d->conn)
        add_line(d->conn, line, len);
}

/* Tried again, with pauses: at most so often in a row without success. */
static void direct_failed(struct fh_cloud_conn *k)
{
    if (k->is_viewer && k->handle && k->attempts < FH__PATH_ATTEMPTS)
        k->direct_at = now_of(k) + ((uint64_t)FH__RETRY_MS << (2 * k->attempts));
    poke(k);
}

static void on_path_opened(void *user, struct fh_stream *s, int error)
{
    struct fh__direct *d = user;
    struct fh_cloud_conn *k = d->conn;

    if (!k && s)
        fh_stream_close(s, NULL, NULL);
    if (!k)
        return;
    if (error != 0) { /* closed() follows */
        k->direct = NULL;
        d->conn = NULL;
        direct_failed(k);
        return;
    }
    d->stands = true;
    k->attempts = 0;
    /*
     * The server seals with new keys at once: not before the viewer's end stands, which is a round
     * trip later than ours and would not open the answer that makes it stand.
     */
    d->renews = k->has_guard && !k->is_viewer;
    if (k->has_guard && k->is_viewer)
        (void)fh_path_renew(d->path, k->guard_client, k->guard_server);
    give(k, s, FH_CLOUD_DIRECT);
}

static void on_path_changed(void *user, const struct fh_path_info *info)
{
    struct fh__direct *d = user;

    (void)info;
    if (d->conn)
        tell_changed(d->conn);
}

static void on_path_closed(void *user)
{
    struct fh__direct *d = user;
    struct fh_cloud_conn *k = d->conn;

    if (k) {
        k->direct = NULL;
        direct_failed(k);
    }
    free(d);
}

/* Servers of the config first, then those of the cloud. */
static void add_servers(const struct fh_cloud_conn *k, struct fh_ice_uv_config *ice,
                        struct fh_ice_uv_server *stun, struct fh_ice_uv_turn *turn)
{
    const struct fh_cloud *u = k->cloud;
    size_t n = 0;

    while (n < ice->stun_len && n < FH_ICE_UV_MAX_STUN) {
        stun[n] = ice->stun[n];
        n++;
    }
    for (size_t i = 0; i < u->stun_len && n < FH_ICE_UV_MAX_STUN; i++)
        stun[n++] = (struct fh_ice_uv_server){.host = u->stun[i].host, .port = u->stun[i].port};
    ice->stun = stun;
    ice->stun_len = n;
    n = 0;
    while (n < ice->turn_len && n < FH_ICE_UV_MAX_TURN) {
        turn[n] = ice->turn[n];
        n++;
    }
    for (size_t i = 0; i < k->turn_len && n < FH_ICE_UV_MAX_TURN; i++)
        turn[n++] =
            (struct fh_ice_uv_turn){.server = {.host = k->turn[i].host, .port = k->turn[i].port},
                                    .carrier = k->turn[i].carrier,
                                    .username = k->turn[i].user,
                                    .password = k->turn[i].password};
    ice->turn = turn;
    ice->turn_len = n;
}

static int make_path(struct fh_cloud_conn *k, struct fh__direct *d)
{
    const struct fh_cloud_config *cfg = &k->cloud->cfg;
    struct fh_ice_uv_config ice = {0};
    struct fh_ice_uv_server stun[FH_ICE_UV_MAX_STUN];
    struct fh_ice_uv_turn turn[FH_ICE_UV_MAX_TURN];
    const struct fh_path_config path = {.ice = &ice,
                                        .role = k->is_viewer ? FH_ROLE_CLIENT : FH_ROLE_SERVER,
                                        .secret = k->packet_secret,
                                        .open_ms = cfg->open_ms,
                                        .send_len = cfg->send_len,
                                        .recv_len = cfg->recv_len,
                                        .signal = on_path_signal,
                                        .opened = on_path_opened,
                                        .changed = on_path_changed,
                                        .closed = on_path_closed,
                                        .user = d};

    if (cfg->ice)
        ice = *cfg->ice;
    add_servers(k, &ice, stun, turn);
    return fh_path_new(k->cloud->loop, &path, &d->path);
}

/* Which attempt the lines that follow belong to; nothing is said before those of the first. */
static void say_attempt(struct fh_cloud_conn *k)
{
    char line[32];

    if (k->attempt > 1)
        add_line(k, line, (size_t)snprintf(line, sizeof line, "%s%u", path_word, k->attempt));
}

static void begin_direct(struct fh_cloud_conn *k)
{
    struct fh__direct *d;

    k->direct_at = UINT64_MAX;
    if (!may_direct(k) || k->direct)
        return;
    k->attempts++;
    d = calloc(1, sizeof *d);
    say_attempt(k);
    if (!d || make_path(k, d) != 0) {
        free(d);
        direct_failed(k);
        return;
    }
    d->conn = k;
    k->direct = d;
}

/* Viewer. */
static void begin_direct_again(struct fh_cloud_conn *k)
{
    if (k->direct || !k->handle || k->attempt == UINT16_MAX) {
        k->direct_at = UINT64_MAX;
        return;
    }
    k->attempt++;
    begin_direct(k);
}

/* N of "path N"; 0: it is another line. */
static unsigned attempt_of(const char *line, size_t len)
{
    size_t word = sizeof path_word - 1;
    unsigned n = 0;

    if (len <= word || memcmp(line, path_word, word) != 0)
        return 0;
    for (size_t i = word; i < len && n <= UINT16_MAX; i++) {
        if (line[i] < '0' || line[i] > '9')
            return 0;
        n = n * 10 + (unsigned)(line[i] - '0');
    }
    return n <= UINT16_MAX ? n : 0;
}

/* What follows belongs to attempt n. The viewer begins it, the server follows. */
static void hear_attempt(struct fh_cloud_conn *k, unsigned n)
{
    if (n <= k->hears)
        return;
    k->hears = n;
    if (k->is_viewer)
        return;
    drop_direct(k);
    k->attempt = n;
    begin_direct(k);
}

static void hear_line(struct fh_cloud_conn *k, const char *line, size_t len)
{
    unsigned n = attempt_of(line, len);

    if (n > 0)
        hear_attempt(k, n);
    else if (k->direct && k->hears == k->attempt)
        (void)fh_path_signal(k->direct->path, line, len); /* nonsense harms the peer's path only */
}

static size_t line_len(const char *lines, size_t len)
{
    const char *end = memchr(lines, '\n', len);

    return end ? (size_t)(end - lines) : len;
}

/* Where the newest attempt begins; 0: no new one does. An attempt costs sockets, and a signal has
 * room for a thousand that are over before they begin. */
static size_t find_attempt(const struct fh_cloud_conn *k, const char *lines, size_t len)
{
    unsigned newest = k->hears;
    size_t found = 0;

    for (size_t at = 0; at < len;) {
        size_t n = line_len(lines + at, len - at);
        unsigned attempt = attempt_of(lines + at, n);

        if (attempt > newest) {
            newest = attempt;
            found = at;
        }
        at += n + 1;
    }
    return found;
}

static void hear(struct fh_cloud_conn *k, const char *lines, size_t len)
{
    for (size_t at = find_attempt(k, lines, len); at < len && !k->closing;) {
        size_t n = line_len(lines + at, len - at);

        hear_line(k, lines + at, n);
        at += n + 1;
    }
}

static void flush(struct fh_cloud_conn *k)
{
    while (k->lines_len > 0) {
        size_t len = k->lines_len;
        int ret;

        if (len > FH_CLOUD_SIGNAL_MAX)
            len = FH_CLOUD_SIGNAL_MAX + 1;
        while (len > 0 && k->lines[len - 1] != '\n')
            len--;
        ret = len > 1
                  ? fh_cloud_client_signal(k->cloud->core, now_of(k), k->handle, k->lines, len - 1)
                  : FH_CLOUD_E_INVAL;
        if (ret == FH_CLOUD_E_BUSY)
            return;
        if (ret != 0)
            len = k->lines_len; /* it takes no more on this connection */
        k->lines_len -= len;
        memmove(k->lines, k->lines + len, k->lines_len);
    }
}

void fh__cloud_conns_flush(struct fh_cloud *u)
{
    for (struct fh_cloud_conn *k = u->conns; k; k = k->next)
        if (!k->closing)
            flush(k);
}

/* ---- time -------------------------------------------------------------------------------------
 */

/* Nothing comes after it, whatever was on its way. */
static void end(struct fh_cloud_conn *k, int error)
{
    if (k->told_end)
        return;
    k->told_end = true;
    if (k->handle)
        fh_cloud_client_end(k->cloud->core, now_of(k), k->handle, FH_BROKER_GONE);
    k->handle = 0;
    fh__cloud_kick(k->cloud);
    drop_relay(k);
    drop_direct(k);
    k->ev->ended(k->user, error);
}

/* Is there a stream, or one to be hoped for? */
static bool has_hope(const struct fh_cloud_conn *k)
{
    if (k->relay || k->dial || k->direct)
        return true;
    if (!k->handle)
        return false;
    /* The other side asks for what the server gets, and for everything before the grant. */
    return !k->is_viewer || !k->has_grant || k->renews || k->relay_at != UINT64_MAX ||
           k->direct_at != UINT64_MAX;
}

static void renew_ticket(struct fh_cloud_conn *k)
{
    int ret =
        k->handle ? fh_cloud_client_renew(k->cloud->core, now_of(k), k->handle) : FH_CLOUD_E_STATE;

    k->relay_at = ret == FH_CLOUD_E_BUSY ? now_of(k) + FH__RETRY_MS : UINT64_MAX;
    k->renews = ret == 0;
    fh__cloud_kick(k->cloud);
}

/* What was sent has been acknowledged: by an end that stands. */
static void renew_when_due(struct fh_cloud_conn *k)
{
    struct fh__direct *d = k->direct;
    struct fh_path_info info;

    if (!d || !d->renews)
        return;
    fh_path_info(d->path, &info);
    if (info.sctp.sent == 0 || info.sctp.in_flight > 0)
        return;
    d->renews = false;
    (void)fh_path_renew(d->path, k->guard_client, k->guard_server);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void on_timer(uv_timer_t *timer)
{
    struct fh_cloud_conn *k = timer->data;
    uint64_t now = now_of(k), at;

    if (!k->ev || k->told_end)
        return;
    if (now >= k->pair_by)
        on_paired(k, -1);
    if (now >= k->relay_at)
        renew_ticket(k);
    if (now >= k->direct_at)
        begin_direct_again(k);
    if (!has_hope(k))
        end(k, k->end_error ? k->end_error : FH_CLOUD_E_NO_PATH);
    else if (now >= k->give_up_at)
        end(k, k->end_error ? k->end_error : FH_CLOUD_E_TIMEOUT);
    if (k->closing || k->told_end)
        return;
    renew_when_due(k);
    at = sooner(sooner(k->pair_by, k->relay_at), sooner(k->direct_at, k->give_up_at));
    now = now_of(k);
    if (k->direct && k->direct->renews)
        at = sooner(at, now + FH__RENEW_MS);
    if (at != UINT64_MAX)
        uv_timer_start(timer, on_timer, at > now ? at - now : 0, 0);
}

static void poke(struct fh_cloud_conn *k)
{
    if (!k->closing)
        uv_timer_start(&k->timer, on_timer, 0, 0);
}

/* ---- what the core says -----------------------------------------------------------------------
 */

static struct fh_cloud_conn *by_handle(struct fh_cloud *u, uint32_t handle)
{
    for (struct fh_cloud_conn *k = u->conns; k; k = k->next)
        if (k->handle == handle && !k->closing)
            return k;
    return NULL;
}

static void take_peer(struct fh_cloud_conn *k, const struct fh_cloud_peer *peer)
{
    k->peer = *peer;
    memcpy(k->spki, peer->spki, peer->spki_len);
    k->peer.spki = k->spki;
    k->has_peer = true;
}

/* Where a relay and TURN servers are, and the ticket. */
static void take_places(struct fh_cloud_conn *k, const struct fh_broker_grant *g)
{
    k->relays_len = 0;
    for (size_t i = 0; i < g->relays_len; i++) {
        struct fh_cloud_node *n = &k->relays[k->relays_len++];

        memcpy(n->host, g->relays[i].host.p, g->relays[i].host.len);
        n->host[g->relays[i].host.len] = '\0';
        n->port = g->relays[i].port;
    }
    memcpy(k->ticket, g->ticket.p, g->ticket.len);
    k->ticket_len = g->ticket.len;
    k->turn_len = 0;
    for (size_t i = 0; i < g->turn_len; i++)
        if (fh__turn_parse(&g->turn[i], &k->turn[k->turn_len]))
            k->turn_len++;
    k->since = now_of(k);
}

static void take_grant(struct fh_cloud_conn *k, const struct fh_broker_grant *g)
{
    memcpy(k->cloud_secret, g->cloud_secret, sizeof k->cloud_secret);
    memcpy(k->packet_secret, g->packet_secret, sizeof k->packet_secret);
    k->has_grant = true;
    take_places(k, g);
}

static void on_incoming(struct fh_cloud *u, const struct fh_cloud_client_event *ev)
{
    struct fh_cloud_conn *k = u->cfg.incoming ? new_conn(u) : NULL;
    struct fh_cloud_asker who = {.groups = ev->conn_info.groups,
                                 .groups_len = ev->conn_info.groups_len};

    if (!k) {
        fh_cloud_client_end(u->core, uv_now(u->loop), ev->conn,
                            u->cfg.incoming ? FH_BROKER_IS_BUSY : FH_BROKER_REFUSED);
        return;
    }
    k->handle = ev->conn;
    take_peer(k, &ev->conn_info.peer);
    take_grant(k, ev->conn_info.grant);
    who.peer = &k->peer;
    u->cfg.incoming(u->cfg.user, k, &who);
}

static void on_target(struct fh_cloud_conn *k, const struct fh_cloud_client_event *ev)
{
    take_peer(k, &ev->conn_info.peer);
    if (k->ev->peer)
        k->ev->peer(k->user, &k->peer);
}

static void on_grant(struct fh_cloud_conn *k, const struct fh_cloud_client_event *ev)
{
    take_grant(k, ev->conn_info.grant);
    begin_relay(k);
    begin_direct(k);
    poke(k);
}

static void on_renewed(struct fh_cloud_conn *k, const struct fh_cloud_client_event *ev)
{
    k->renews = false;
    take_places(k, ev->conn_info.grant);
    begin_relay(k);
    poke(k);
}

static void on_end(struct fh_cloud_conn *k, const struct fh_cloud_client_event *ev)
{
    struct fh_cloud *u = k->cloud;

    k->handle = 0;
    k->end_error = ev->end.error;
    k->relay_at = k->direct_at = UINT64_MAX;
    k->renews = false;
    k->lines_len = 0;
    if (k->give_up_at != UINT64_MAX)
        k->give_up_at = sooner(k->give_up_at, now_of(k) + FH__LAST_MS);
    if (k->is_viewer || k->is_accepted) {
        tell_changed(k);
        if (!k->closing)
            poke(k);
        return;
    }
    if (u->cfg.withdrawn)
        u->cfg.withdrawn(u->cfg.user, k);
    discard(k);
}

void fh__cloud_conn_event(struct fh_cloud *u, const struct fh_cloud_client_event *ev)
{
    struct fh_cloud_conn *k;

    if (ev->type == FH_CLOUD_EV_INCOMING) {
        on_incoming(u, ev);
        return;
    }
    k = by_handle(u, ev->conn);
    if (!k)
        return;
    switch (ev->type) {
    case FH_CLOUD_EV_TARGET:
        on_target(k, ev);
        break;
    case FH_CLOUD_EV_GRANT:
        on_grant(k, ev);
        break;
    case FH_CLOUD_EV_RENEWED:
        on_renewed(k, ev);
        break;
    case FH_CLOUD_EV_SIGNAL:
        hear(k, ev->signal.lines, ev->signal.len);
        break;
    case FH_CLOUD_EV_END:
        on_end(k, ev);
        break;
    default:
        break;
    }
}

/* ---- the application's calls ------------------------------------------------------------------
 */

static bool is_valid(const struct fh_cloud_conn_events *ev)
{
    return ev && ev->stream && ev->ended;
}

int fh_cloud_connect(struct fh_cloud *u, const uint8_t address[FH_CLOUD_ADDRESS_LEN],
                     enum fh_cloud_policy policy, const struct fh_cloud_conn_events *events,
                     void *user, struct fh_cloud_conn **out)
{
    struct fh_cloud_conn *k;
    int ret;

    if (u->closing || !is_valid(events))
        return u->closing ? FH_CLOUD_E_STATE : FH_CLOUD_E_INVAL;
    k = new_conn(u);
    if (!k)
        return FH_CLOUD_E_RESOURCES;
    ret = fh_cloud_client_connect(u->core, uv_now(u->loop), address, &k->handle);
    if (ret != 0) {
        discard(k);
        return ret;
    }
    k->is_viewer = true;
    k->policy = policy;
    k->ev = events;
    k->user = user;
    fh__cloud_kick(u);
    poke(k);
    *out = k;
    return 0;
}

int fh_cloud_accept(struct fh_cloud_conn *k, enum fh_cloud_policy policy,
                    const struct fh_cloud_conn_events *events, void *user)
{
    int ret;

    if (!is_valid(events))
        return FH_CLOUD_E_INVAL;
    if (!k->handle || k->is_accepted || k->closing)
        return FH_CLOUD_E_STATE;
    ret = fh_cloud_client_accept(k->cloud->core, now_of(k), k->handle);
    if (ret != 0)
        return ret;
    k->is_accepted = true;
    k->policy = policy;
    k->ev = events;
    k->user = user;
    k->give_up_at = now_of(k) + (k->cloud->cfg.open_ms ? k->cloud->cfg.open_ms : FH__OPEN_MS);
    if (now_of(k) - k->since < FH__TICKET_MS)
        begin_relay(k);
    else
        renew_ticket(k);
    begin_direct(k);
    fh__cloud_kick(k->cloud);
    poke(k);
    return 0;
}

void fh_cloud_reject(struct fh_cloud_conn *k, enum fh_broker_reason reason)
{
    if (k->closing)
        return;
    if (k->handle)
        fh_cloud_client_end(k->cloud->core, now_of(k), k->handle, reason);
    k->handle = 0;
    discard(k);
}

const struct fh_cloud_peer *fh_cloud_conn_peer(const struct fh_cloud_conn *k)
{
    return k->has_peer ? &k->peer : NULL;
}

const uint8_t *fh_cloud_conn_session_ref(const struct fh_cloud_conn *k)
{
    return k->peer.session_ref;
}

const uint8_t *fh_cloud_conn_secret(const struct fh_cloud_conn *k)
{
    return k->cloud_secret;
}

int fh_cloud_conn_renew(struct fh_cloud_conn *k, const uint8_t client_secret[FH_GUARD_SECRET_LEN],
                        const uint8_t server_secret[FH_GUARD_SECRET_LEN])
{
    if (memcmp(client_secret, server_secret, FH_GUARD_SECRET_LEN) == 0)
        return FH_CLOUD_E_INVAL;
    memcpy(k->guard_client, client_secret, sizeof k->guard_client);
    memcpy(k->guard_server, server_secret, sizeof k->guard_server);
    k->has_guard = true;
    if (!k->direct || !k->direct->stands || k->direct->renews)
        return 0;
    return fh_path_renew(k->direct->path, client_secret, server_secret);
}

void fh_cloud_conn_retry(struct fh_cloud_conn *k)
{
    uint64_t now = now_of(k);

    if (!k->is_viewer || k->closing || !k->handle || !k->has_grant)
        return;
    if (!k->relay && !k->dial && k->policy != FH_CLOUD_ONLY_DIRECT)
        k->relay_at = now;
    if (k->direct && k->direct->stands)
        fh_path_restart(k->direct->path);
    else if (!k->direct && may_direct(k))
        k->direct_at = now;
    k->attempts = 0;
    poke(k);
}

void fh_cloud_conn_info(const struct fh_cloud_conn *k, struct fh_cloud_conn_info *out)
{
    memset(out, 0, sizeof *out);
    out->is_signalled = k->handle != 0;
    out->has_relay = k->relay_stands;
    memcpy(out->relay_host, k->relay_node.host, sizeof out->relay_host);
    out->relay_port = k->relay_node.port;
    out->relays = k->relays_given;
    out->directs = k->directs_given;
    if (!k->direct)
        return;
    out->has_direct = k->direct->stands;
    out->has_path = true;
    fh_path_info(k->direct->path, &out->path);
}
