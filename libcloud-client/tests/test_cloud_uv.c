/* SPDX-License-Identifier: MIT */
/* Two endpoints on a loop, and a service with a relay, over real sockets of the loopback. */
#include <farhand/cloud_uv.h>
#include <farhand/proxy.h>

#include "../uv/cloud_internal.h"
#include "service_uv.h"

enum { STREAMS = 8 };

struct app;

struct flow {
    struct app *a;
    struct fh_stream *s;
    enum fh_cloud_way way;
    char got[256];
    size_t len;
    unsigned ends, closed;
    int error;
};

struct app {
    struct endpoint *e;
    struct fh_cloud *cloud;
    struct fh_cloud_conn *conn;
    struct fh_cloud_config cfg;
    struct fh_cloud_service service;
    enum fh_cloud_policy policy;
    bool rejects, waits, closes_at_peer, closes_at_stream;
    unsigned online, offline, incoming, withdrawn, closed, peers, changed, ended, conn_closed,
        states, signs;
    int error, conn_error;
    uint64_t retry_ms;
    char why[256];
    uint8_t statement[FH_CLOUD_STATEMENT_MAX];
    size_t statement_len;
    struct flow flows[STREAMS];
    size_t flows_len;
    uint32_t serial;
    uint8_t digest[32];
    enum fh_identity_purpose purpose;
};

static struct service sv;
static struct endpoint ends[ENDS];
static struct app v, s;
static const struct fh_ice_uv_config local = {.only_loopback = true};

/* ---- streams ----------------------------------------------------------------------------------
 */

static size_t flow_data(void *user, const uint8_t *data, size_t len)
{
    struct flow *f = user;

    ck_assert_uint_lt(f->len + len, sizeof f->got);
    memcpy(f->got + f->len, data, len);
    f->len += len;
    return len;
}

static void flow_writable(void *user)
{
    (void)user;
}

static void flow_end(void *user, int error)
{
    struct flow *f = user;

    f->ends++;
    f->error = error;
}

static const struct fh_stream_events flow_events = {
    .data = flow_data, .writable = flow_writable, .end = flow_end};

static void flow_closed(void *user)
{
    struct flow *f = user;

    f->closed++;
    f->s = NULL;
}

static void close_flow(struct flow *f)
{
    if (f && f->s && !f->closed)
        fh_stream_close(f->s, flow_closed, f);
}

/* The newest stream of this way; NULL if there was none. */
static struct flow *flow_of(struct app *a, enum fh_cloud_way way)
{
    for (size_t i = a->flows_len; i-- > 0;)
        if (a->flows[i].way == way)
            return &a->flows[i];
    return NULL;
}

static size_t count(const struct app *a, enum fh_cloud_way way)
{
    size_t n = 0;

    for (size_t i = 0; i < a->flows_len; i++)
        n += a->flows[i].way == way;
    return n;
}

static void say(struct app *a, enum fh_cloud_way way, const char *text)
{
    ck_assert_int_eq(fh_stream_write(flow_of(a, way)->s, (const uint8_t *)text, strlen(text)),
                     (int)strlen(text));
}

static bool heard(struct app *a, enum fh_cloud_way way, const char *text)
{
    const struct flow *f = flow_of(a, way);

    return f && f->len == strlen(text) && memcmp(f->got, text, f->len) == 0;
}

/* ---- what an application is told --------------------------------------------------------------
 */

static void on_peer(void *user, const struct fh_cloud_peer *peer)
{
    struct app *a = user;
    uint8_t fp[FH_FINGERPRINT_LEN];

    a->peers++;
    fh_fingerprint(s.e->spki, s.e->spki_len, fp);
    ck_assert_int_eq(memcmp(fp, peer->fingerprint, sizeof fp), 0);
    if (a->closes_at_peer)
        fh_cloud_conn_close(a->conn);
}

static void on_stream(void *user, struct fh_stream *stream, enum fh_cloud_way way)
{
    struct app *a = user;
    struct flow *f = &a->flows[a->flows_len++];

    ck_assert_uint_le(a->flows_len, STREAMS);
    *f = (struct flow){.a = a, .s = stream, .way = way};
    fh_stream_attach(stream, &flow_events, f);
    if (a->closes_at_stream)
        fh_cloud_conn_close(a->conn);
}

static void on_changed(void *user)
{
    ((struct app *)user)->changed++;
}

static void on_ended(void *user, int error)
{
    struct app *a = user;

    a->ended++;
    a->conn_error = error;
}

static void on_conn_closed(void *user)
{
    struct app *a = user;

    a->conn_closed++;
    a->conn = NULL;
}

static const struct fh_cloud_conn_events conn_events = {.peer = on_peer,
                                                        .stream = on_stream,
                                                        .changed = on_changed,
                                                        .ended = on_ended,
                                                        .closed = on_conn_closed};

static void on_online(void *user, uint8_t roles, const char *host)
{
    struct app *a = user;

    a->online++;
    ck_assert_uint_eq(roles, 7);
    ck_assert_str_eq(host, "127.0.0.1");
}

static void on_offline(void *user, int error, uint64_t retry_ms, const char *why)
{
    struct app *a = user;

    a->offline++;
    a->error = error;
    a->retry_ms = retry_ms;
    snprintf(a->why, sizeof a->why, "%s", why);
}

static void on_statement(void *user, const uint8_t *statement, size_t len)
{
    struct app *a = user;

    memcpy(a->statement, statement, len);
    a->statement_len = len;
}

static void on_incoming(void *user, struct fh_cloud_conn *conn, const struct fh_cloud_asker *who)
{
    struct app *a = user;
    uint8_t fp[FH_FINGERPRINT_LEN];

    a->incoming++;
    fh_fingerprint(v.e->spki, v.e->spki_len, fp);
    ck_assert_int_eq(memcmp(fp, who->peer->fingerprint, sizeof fp), 0);
    ck_assert_uint_eq(who->groups_len, 1);
    if (a->rejects) {
        fh_cloud_reject(conn, FH_BROKER_REFUSED);
        return;
    }
    a->conn = conn;
    if (!a->waits)
        ck_assert_int_eq(fh_cloud_accept(conn, a->policy, &conn_events, a), 0);
}

static void on_withdrawn(void *user, struct fh_cloud_conn *conn)
{
    struct app *a = user;

    ck_assert_ptr_eq(conn, a->conn);
    a->conn = NULL;
    a->withdrawn++;
}

static void on_state(void *user, const uint8_t address[FH_CLOUD_ADDRESS_LEN], bool is_online)
{
    struct app *a = user;

    (void)address;
    (void)is_online;
    a->states++;
}

static void on_cloud_closed(void *user)
{
    struct app *a = user;

    a->closed++;
    a->cloud = NULL;
}

/* ---- apps -------------------------------------------------------------------------------------
 */

static void app_config(struct app *a, enum end which)
{
    memset(a, 0, sizeof *a);
    a->e = &ends[which];
    service_line(&sv, &a->service);
    a->cfg = (struct fh_cloud_config){.service = &a->service,
                                      .password = a->e->password,
                                      .seal_secret = a->e->seal_secret,
                                      .roles = 7,
                                      .program = "test 1",
                                      .identity = a->e->id,
                                      .ice = &local,
                                      .online = on_online,
                                      .offline = on_offline,
                                      .statement_made = on_statement,
                                      .peer_state = on_state,
                                      .incoming = on_incoming,
                                      .withdrawn = on_withdrawn,
                                      .closed = on_cloud_closed,
                                      .user = a};
    memcpy(a->cfg.address, a->e->address, sizeof a->cfg.address);
}

static void app_start(struct app *a)
{
    ck_assert_int_eq(fh_cloud_new(&loop, &a->cfg, &a->cloud), 0);
}

static void app_end(struct app *a)
{
    for (size_t i = 0; i < a->flows_len; i++)
        close_flow(&a->flows[i]);
    if (a->cloud)
        fh_cloud_close(a->cloud);
    UNTIL(!a->cloud);
    for (size_t i = 0; i < a->flows_len; i++)
        UNTIL(a->flows[i].closed);
}

static void set_up(void)
{
    loop_begin();
    for (int i = 0; i < ENDS; i++)
        make_endpoint(&ends[i], i);
    service_start(&sv, ends, ENDS);
    app_config(&v, VIEWER);
    app_config(&s, SERVER);
}

static void tear_down(void)
{
    app_end(&v);
    app_end(&s);
    service_stop(&sv);
    for (int i = 0; i < ENDS; i++)
        free_endpoint(&ends[i]);
    loop_end();
}

static void both_online(void)
{
    app_start(&v);
    app_start(&s);
    UNTIL(v.online && s.online);
}

static void connect_them(enum fh_cloud_policy policy)
{
    ck_assert_int_eq(fh_cloud_connect(v.cloud, s.e->address, policy, &conn_events, &v, &v.conn), 0);
}

static bool both_have(enum fh_cloud_way way, size_t n)
{
    return count(&v, way) == n && count(&s, way) == n;
}

/* ---- streams of both ways ---------------------------------------------------------------------
 */

START_TEST(both_ways_stand_and_lead_to_the_same_peer)
{
    struct fh_cloud_conn_info info;

    both_online();
    connect_them(FH_CLOUD_ANY);
    UNTIL(both_have(FH_CLOUD_RELAY, 1) && both_have(FH_CLOUD_DIRECT, 1));
    ck_assert_uint_eq(v.peers, 1);
    ck_assert_int_eq(memcmp(fh_cloud_conn_session_ref(v.conn), fh_cloud_conn_session_ref(s.conn),
                            FH_CLOUD_CONN_LEN),
                     0);
    ck_assert_int_eq(
        memcmp(fh_cloud_conn_secret(v.conn), fh_cloud_conn_secret(s.conn), FH_BROKER_SECRET_LEN),
        0);
    ck_assert_int_eq(memcmp(fh_cloud_conn_peer(s.conn)->address, v.e->address, 12), 0);
    say(&v, FH_CLOUD_RELAY, "by the relay");
    say(&s, FH_CLOUD_RELAY, "and back");
    say(&v, FH_CLOUD_DIRECT, "straight");
    say(&s, FH_CLOUD_DIRECT, "and back again");
    UNTIL(heard(&s, FH_CLOUD_RELAY, "by the relay") && heard(&v, FH_CLOUD_RELAY, "and back") &&
          heard(&s, FH_CLOUD_DIRECT, "straight") && heard(&v, FH_CLOUD_DIRECT, "and back again"));
    ck_assert_int_eq(fh_stream_kind(flow_of(&v, FH_CLOUD_RELAY)->s), FH_STREAM_RELAY);
    fh_cloud_conn_info(v.conn, &info);
    ck_assert(info.is_signalled && info.has_relay && info.has_direct && info.path.is_known);
    ck_assert_str_eq(info.relay_host, "127.0.0.1");
    ck_assert_uint_eq(info.relay_port, sv.address.port);
    ck_assert_uint_ge(v.changed, 2);
    /* The peer's end closes the conn; the streams live on. */
    fh_cloud_conn_close(s.conn);
    UNTIL(s.conn_closed);
    say(&v, FH_CLOUD_RELAY, "!");
    UNTIL(heard(&s, FH_CLOUD_RELAY, "by the relay!"));
    fh_cloud_conn_info(v.conn, &info);
    ck_assert(!info.is_signalled && info.has_relay);
    ck_assert_uint_eq(v.ended, 0);
    close_flow(flow_of(&v, FH_CLOUD_RELAY));
    close_flow(flow_of(&v, FH_CLOUD_DIRECT));
    UNTIL(v.ended);
    ck_assert_int_eq(v.conn_error, FH_CLOUD_E_RESET);
}
END_TEST

START_TEST(only_the_relay)
{
    both_online();
    connect_them(FH_CLOUD_ONLY_RELAY);
    UNTIL(both_have(FH_CLOUD_RELAY, 1));
    say(&v, FH_CLOUD_RELAY, "hello");
    UNTIL(heard(&s, FH_CLOUD_RELAY, "hello"));
    ck_assert_uint_eq(count(&v, FH_CLOUD_DIRECT) + count(&s, FH_CLOUD_DIRECT), 0);
}
END_TEST

START_TEST(only_straight)
{
    both_online();
    connect_them(FH_CLOUD_ONLY_DIRECT);
    UNTIL(both_have(FH_CLOUD_DIRECT, 1));
    say(&v, FH_CLOUD_DIRECT, "hello");
    UNTIL(heard(&s, FH_CLOUD_DIRECT, "hello"));
    ck_assert_uint_eq(count(&v, FH_CLOUD_RELAY), 0);
}
END_TEST

/* ---- ways that are lost -----------------------------------------------------------------------
 */

START_TEST(a_lost_relay_is_replaced)
{
    both_online();
    connect_them(FH_CLOUD_ONLY_RELAY);
    UNTIL(both_have(FH_CLOUD_RELAY, 1));
    service_cut(&sv, SERVICE_RELAY);
    UNTIL(v.flows[0].ends && s.flows[0].ends);
    UNTIL(both_have(FH_CLOUD_RELAY, 2));
    say(&v, FH_CLOUD_RELAY, "second");
    UNTIL(heard(&s, FH_CLOUD_RELAY, "second"));
    ck_assert_uint_ge(sv.resumed, 1); /* its TLS is resumed */
    ck_assert_uint_eq(v.ended + s.ended, 0);
}
END_TEST

START_TEST(a_relay_that_refuses_is_asked_again)
{
    sv.relay_answers = 2;
    both_online();
    connect_them(FH_CLOUD_ONLY_RELAY);
    UNTIL(both_have(FH_CLOUD_RELAY, 1));
    ck_assert_uint_ge(sv.relays, 4);
}
END_TEST

START_TEST(a_lost_direct_way_is_looked_for_again)
{
    both_online();
    connect_them(FH_CLOUD_ONLY_DIRECT);
    UNTIL(both_have(FH_CLOUD_DIRECT, 1));
    close_flow(&v.flows[0]); /* as a link does with a path that died */
    UNTIL(s.flows[0].ends);
    close_flow(&s.flows[0]);
    UNTIL(both_have(FH_CLOUD_DIRECT, 2));
    say(&v, FH_CLOUD_DIRECT, "second");
    UNTIL(heard(&s, FH_CLOUD_DIRECT, "second"));
}
END_TEST

/* The server may still believe in the old one. */
START_TEST(a_new_direct_way_stands_beside_the_old_one)
{
    both_online();
    connect_them(FH_CLOUD_ONLY_DIRECT);
    UNTIL(both_have(FH_CLOUD_DIRECT, 1));
    close_flow(&v.flows[0]);
    UNTIL(count(&s, FH_CLOUD_DIRECT) == 2 && count(&v, FH_CLOUD_DIRECT) == 2);
    say(&s, FH_CLOUD_DIRECT, "on the new one");
    UNTIL(heard(&v, FH_CLOUD_DIRECT, "on the new one"));
}
END_TEST

START_TEST(retrying_asks_at_once_for_what_is_missing)
{
    both_online();
    connect_them(FH_CLOUD_ANY);
    UNTIL(both_have(FH_CLOUD_RELAY, 1) && both_have(FH_CLOUD_DIRECT, 1));
    close_flow(flow_of(&v, FH_CLOUD_RELAY)); /* by its owner: not asked for by itself */
    UNTIL(flow_of(&v, FH_CLOUD_RELAY)->closed);
    close_flow(flow_of(&s, FH_CLOUD_RELAY));
    fh_cloud_conn_retry(v.conn);
    UNTIL(both_have(FH_CLOUD_RELAY, 2));
    fh_cloud_conn_retry(s.conn); /* without effect */
}
END_TEST

static bool are_renewed(void)
{
    struct fh_cloud_conn_info vi, si;

    fh_cloud_conn_info(v.conn, &vi);
    fh_cloud_conn_info(s.conn, &si);
    return vi.path.is_renewed && si.path.is_renewed;
}

static uv_timer_t nudge;

static void on_nudge(uv_timer_t *timer)
{
    (void)timer;
    say(&v, FH_CLOUD_DIRECT, ".");
}

/* Each attempt costs sockets; a signal has room for a thousand of them. */
START_TEST(attempts_that_are_over_before_they_begin_cost_nothing)
{
    static char lines[FH_CLOUD_SIGNAL_MAX];
    size_t len = 0;
    unsigned n = 1, begun;

    both_online();
    s.policy = FH_CLOUD_ANY;
    connect_them(FH_CLOUD_ONLY_RELAY);
    UNTIL(both_have(FH_CLOUD_RELAY, 1));
    begun = s.conn->attempts;
    while (len + 16 < sizeof lines)
        len += (size_t)snprintf(lines + len, sizeof lines - len, "%spath %u", len ? "\n" : "", ++n);
    ck_assert_uint_gt(n, 1000);
    ck_assert_int_eq(
        fh_cloud_client_signal(v.cloud->core, uv_now(&loop), v.conn->handle, lines, len), 0);
    fh__cloud_kick(v.cloud);
    UNTIL(s.conn->hears == n);
    ck_assert_uint_eq(s.conn->attempts, begun + 1);
    ck_assert_ptr_nonnull(s.conn->direct);
}
END_TEST

START_TEST(the_channels_keys_take_over_the_direct_way)
{
    static const uint8_t client[FH_GUARD_SECRET_LEN] = {1}, server[FH_GUARD_SECRET_LEN] = {2};

    both_online();
    connect_them(FH_CLOUD_ONLY_DIRECT);
    UNTIL(both_have(FH_CLOUD_DIRECT, 1));
    ck_assert_int_eq(fh_cloud_conn_renew(v.conn, client, client), FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_cloud_conn_renew(s.conn, client, server), 0);
    ck_assert_int_eq(fh_cloud_conn_renew(v.conn, client, server), 0);
    say(&s, FH_CLOUD_DIRECT, "one");
    say(&v, FH_CLOUD_DIRECT, "two");
    UNTIL(heard(&v, FH_CLOUD_DIRECT, "one") && heard(&s, FH_CLOUD_DIRECT, "two"));
    UNTIL(are_renewed());
    /* And of the next one, once it stands at both ends. */
    close_flow(&v.flows[0]);
    UNTIL(both_have(FH_CLOUD_DIRECT, 2));
    say(&v, FH_CLOUD_DIRECT, "three");
    say(&s, FH_CLOUD_DIRECT, "four");
    UNTIL(heard(&s, FH_CLOUD_DIRECT, "three") && heard(&v, FH_CLOUD_DIRECT, "four"));
    uv_timer_init(&loop, &nudge);
    uv_timer_start(&nudge, on_nudge, 0, 50);
    UNTIL(are_renewed());
    uv_close((uv_handle_t *)&nudge, NULL);
}
END_TEST

/* ---- the service ------------------------------------------------------------------------------
 */

START_TEST(streams_outlive_the_broker)
{
    struct fh_cloud_conn_info info;

    both_online();
    connect_them(FH_CLOUD_ANY);
    UNTIL(both_have(FH_CLOUD_RELAY, 1) && both_have(FH_CLOUD_DIRECT, 1));
    service_cut(&sv, SERVICE_BROKER);
    UNTIL(v.offline && s.offline);
    ck_assert_uint_le(v.retry_ms, 10000);
    fh_cloud_conn_info(v.conn, &info);
    ck_assert(!info.is_signalled && info.has_relay && info.has_direct);
    say(&v, FH_CLOUD_DIRECT, "still here");
    say(&v, FH_CLOUD_RELAY, "and here");
    UNTIL(heard(&s, FH_CLOUD_DIRECT, "still here") && heard(&s, FH_CLOUD_RELAY, "and here"));
    ck_assert_uint_eq(v.ended + s.ended, 0);
    fh_cloud_wake(v.cloud);
    UNTIL(v.online == 2);
}
END_TEST

START_TEST(whoever_is_not_there_is_told)
{
    app_start(&v);
    UNTIL(v.online);
    connect_them(FH_CLOUD_ANY);
    UNTIL(v.ended);
    ck_assert_int_eq(v.conn_error, FH_CLOUD_E_ABSENT);
    fh_cloud_conn_close(v.conn);
    UNTIL(v.conn_closed);
}
END_TEST

START_TEST(a_server_may_refuse)
{
    s.rejects = true;
    both_online();
    connect_them(FH_CLOUD_ANY);
    UNTIL(v.ended);
    ck_assert_int_eq(v.conn_error, FH_CLOUD_E_REFUSED);
    ck_assert_uint_eq(s.incoming, 1);
}
END_TEST

START_TEST(a_server_may_think_about_it)
{
    s.waits = true;
    both_online();
    connect_them(FH_CLOUD_ANY);
    UNTIL(s.incoming && v.peers);
    ck_assert_uint_eq(v.flows_len, 0);
    ck_assert_int_eq(fh_cloud_accept(s.conn, FH_CLOUD_ANY, &conn_events, &s), 0);
    ck_assert_int_eq(fh_cloud_accept(s.conn, FH_CLOUD_ANY, &conn_events, &s), FH_CLOUD_E_STATE);
    UNTIL(both_have(FH_CLOUD_RELAY, 1) && both_have(FH_CLOUD_DIRECT, 1));
}
END_TEST

/* Neither a stream of it nor the question at the other end is left. */
START_TEST(nothing_comes_after_the_end)
{
    v.cfg.open_ms = 200;
    s.waits = true;
    both_online();
    connect_them(FH_CLOUD_ANY);
    UNTIL(s.incoming && v.ended);
    ck_assert_int_eq(v.conn_error, FH_CLOUD_E_TIMEOUT);
    ck_assert_ptr_nonnull(v.conn);
    UNTIL(s.withdrawn);
    ck_assert_uint_eq(v.flows_len, 0);
}
END_TEST

START_TEST(a_question_is_withdrawn)
{
    s.waits = true;
    both_online();
    connect_them(FH_CLOUD_ANY);
    UNTIL(s.incoming && v.peers);
    fh_cloud_conn_close(v.conn);
    UNTIL(s.withdrawn);
    UNTIL(v.conn_closed);
}
END_TEST

START_TEST(a_viewer_that_does_not_know_the_key_goes_no_further)
{
    v.closes_at_peer = true;
    s.waits = true;
    both_online();
    connect_them(FH_CLOUD_ANY);
    UNTIL(v.conn_closed && s.withdrawn);
    ck_assert_uint_eq(v.flows_len + s.flows_len, 0);
    ck_assert_uint_eq(sv.relays, 0);
}
END_TEST

START_TEST(another_root_is_not_spoken_to)
{
    v.service.roots[0][0] ^= 1;
    app_start(&v);
    UNTIL(v.offline);
    ck_assert_int_eq(v.error, FH_CLOUD_E_AUTH);
    ck_assert_str_ne(v.why, "");
    ck_assert_uint_eq(sv.m.sides[0].frames[FH_BROKER_HELLO], 0);
}
END_TEST

START_TEST(another_name_is_not_spoken_to)
{
    strcpy(v.service.name, "other.example");
    app_start(&v);
    UNTIL(v.offline);
    ck_assert_int_eq(v.error, FH_CLOUD_E_AUTH);
}
END_TEST

START_TEST(nobody_there_is_tried_again)
{
    struct fh_tcp_listener *gone = sv.listener;

    v.service.nodes[0].port = 1; /* nothing listens there */
    app_start(&v);
    UNTIL(v.offline >= 2);
    ck_assert_int_eq(v.error, FH_CLOUD_E_RESET);
    ck_assert_ptr_eq(gone, sv.listener);
}
END_TEST

START_TEST(an_address_that_somebody_else_has_is_not_taken)
{
    struct app *other = &v;

    app_start(&s);
    UNTIL(s.online);
    other->e = &ends[SERVER];
    memcpy(other->cfg.address, ends[SERVER].address, 12);
    other->cfg.password = ends[SERVER].password;
    app_start(other); /* with the viewer's identity */
    UNTIL(other->offline);
    ck_assert_int_eq(other->error, FH_CLOUD_E_REFUSED);
    ck_assert(other->retry_ms == UINT64_MAX);
    ck_assert_str_eq(other->why, "the cloud refused the sign-in");
    ck_assert(fh_cloud_is_online(s.cloud));
    other->e = &ends[VIEWER];
}
END_TEST

/* ---- a proxy ----------------------------------------------------------------------------------
 */

/* HTTP CONNECT to the service, whatever it is asked for; everything goes through it or nowhere. */
struct through {
    struct fh_stream *s;
    struct through *other;
    bool is_open;
    char head[1024];
    size_t head_len;
};

static struct fh_tcp_listener *proxy_listener;
static struct fh_proxy proxy;
static unsigned proxied, proxy_ends;
static bool proxy_refuses, proxy_closed;

static void through_closed(void *user)
{
    free(user);
    proxy_ends++;
}

static void through_end(void *user, int error)
{
    struct through *t = user;

    (void)error;
    if (t->other) {
        t->other->other = NULL;
        fh_stream_shutdown(t->other->s);
        fh_stream_close(t->other->s, through_closed, t->other);
    }
    fh_stream_close(t->s, through_closed, t);
}

static void through_writable(void *user)
{
    struct through *t = user;

    if (t->other)
        fh_stream_resume(t->other->s);
}

static size_t through_data(void *user, const uint8_t *data, size_t len);

static const struct fh_stream_events through_events = {
    .data = through_data, .writable = through_writable, .end = through_end};

static void through_opened(void *user, struct fh_stream *stream, int error, const char *text)
{
    static const char yes[] = "HTTP/1.1 200 OK\r\n\r\n";
    struct through *t = user, *far_end = calloc(1, sizeof *far_end);

    (void)text;
    ck_assert(error == 0 && far_end);
    far_end->s = stream;
    far_end->other = t;
    far_end->is_open = t->is_open = true;
    t->other = far_end;
    fh_stream_write(t->s, (const uint8_t *)yes, sizeof yes - 1);
    fh_stream_attach(stream, &through_events, far_end);
    fh_stream_resume(t->s);
}

static void through_asked(struct through *t)
{
    static const char no[] =
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    struct fh_target to = {.kind = FH_TARGET_IP, .address = sv.address, .port = sv.address.port};
    struct fh_tcp_connect_config cfg = {.done = through_opened, .user = t};

    ck_assert_int_eq(strncmp(t->head, "CONNECT 127.0.0.1:", 18), 0);
    proxied++;
    if (proxy_refuses)
        fh_stream_write(t->s, (const uint8_t *)no, sizeof no - 1);
    else
        ck_assert_int_eq(fh_tcp_connect(&loop, &to, &cfg, NULL), 0);
}

static size_t through_data(void *user, const uint8_t *data, size_t len)
{
    struct through *t = user;
    size_t n = 0;
    int written;

    if (t->is_open) {
        written = t->other ? fh_stream_write(t->other->s, data, len) : (int)len;
        return written > 0 ? (size_t)written : 0;
    }
    while (n < len && !strstr(t->head, "\r\n\r\n")) {
        t->head[t->head_len++] = (char)data[n++];
        ck_assert_uint_lt(t->head_len, sizeof t->head);
        if (strstr(t->head, "\r\n\r\n"))
            through_asked(t);
    }
    return n;
}

static void through_accept(void *user, struct fh_stream *stream)
{
    struct through *t = calloc(1, sizeof *t);

    (void)user;
    t->s = stream;
    fh_stream_attach(stream, &through_events, t);
}

static void on_proxy_closed(void *user)
{
    (void)user;
    proxy_closed = true;
}

static void proxy_start(void)
{
    static const char *const where[] = {"127.0.0.1:0"};
    struct fh_tcp_listen_config cfg = {
        .addresses = where, .addresses_len = 1, .accept = through_accept};
    struct fh_address address;
    char url[64];

    ck_assert_int_eq(fh_tcp_listen(&loop, &cfg, &proxy_listener, NULL, 0), 0);
    fh_tcp_listener_address(proxy_listener, 0, &address);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", address.port);
    ck_assert_int_eq(fh_proxy_parse(url, &proxy, NULL), 0);
}

START_TEST(a_proxy_carries_broker_and_relay)
{
    proxy_start();
    v.cfg.proxy = &proxy;
    both_online();
    ck_assert_uint_eq(proxied, 1);
    connect_them(FH_CLOUD_ONLY_RELAY);
    UNTIL(both_have(FH_CLOUD_RELAY, 1));
    ck_assert_uint_eq(proxied, 2);
    say(&v, FH_CLOUD_RELAY, "through two");
    UNTIL(heard(&s, FH_CLOUD_RELAY, "through two"));
    app_end(&v);
    UNTIL(proxy_ends == 4);
    fh_tcp_listener_close(proxy_listener, on_proxy_closed, NULL);
    UNTIL(proxy_closed);
}
END_TEST

START_TEST(a_proxy_that_refuses_is_told_of)
{
    proxy_refuses = true;
    proxy_start();
    v.cfg.proxy = &proxy;
    app_start(&v);
    UNTIL(v.offline);
    ck_assert_int_eq(v.error, FH_CLOUD_E_REFUSED);
    ck_assert(v.retry_ms != UINT64_MAX);
    app_end(&v);
    UNTIL(proxy_ends == proxied);
    fh_tcp_listener_close(proxy_listener, on_proxy_closed, NULL);
    UNTIL(proxy_closed);
}
END_TEST

/* ---- who signs --------------------------------------------------------------------------------
 */

static void on_sign(void *user, enum fh_identity_purpose purpose, const uint8_t digest[32],
                    uint32_t serial)
{
    struct app *a = user;

    a->signs++;
    a->purpose = purpose;
    a->serial = serial;
    memcpy(a->digest, digest, 32);
}

static void sign_now(struct app *a)
{
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len = sign_for(a->e, a->purpose, a->digest, sig);

    fh_cloud_signed(a->cloud, a->serial, sig, len);
}

START_TEST(another_process_may_sign)
{
    v.cfg.identity = NULL;
    v.cfg.spki = v.e->spki;
    v.cfg.spki_len = v.e->spki_len;
    v.cfg.sign = on_sign;
    app_start(&v);
    UNTIL(v.signs == 1);
    ck_assert_int_eq(v.purpose, FH_IDENTITY_CLOUD_BINDING);
    sign_now(&v);
    UNTIL(v.signs == 2);
    ck_assert_int_eq(v.purpose, FH_IDENTITY_CLOUD_SIGN_IN);
    sign_now(&v);
    UNTIL(v.online);
    ck_assert_uint_gt(v.statement_len, 0);
}
END_TEST

START_TEST(presence_is_told)
{
    app_start(&v);
    UNTIL(v.online);
    ck_assert_int_eq(fh_cloud_watch(v.cloud, ends[SERVER].address, 1), 0);
    UNTIL(v.states == 1);
    app_start(&s);
    UNTIL(v.states == 2);
}
END_TEST

/* ---- closing ----------------------------------------------------------------------------------
 */

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

/* After so many turns of the loop, whatever is going on then. */
START_TEST(closing_at_any_moment_releases_everything)
{
    app_start(&v);
    app_start(&s);
    uv_timer_init(&loop, &nudge);
    uv_timer_start(&nudge, on_tick, 0, 1); /* so that no turn takes long */
    for (int i = 0; i < _i * 5; i++) {
        if (v.online && s.online && !v.conn && !v.conn_closed && !v.ended)
            connect_them(FH_CLOUD_ANY);
        uv_run(&loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&nudge, NULL);
    app_end(&v); /* tear_down() finds out if something is left */
}
END_TEST

START_TEST(a_connection_may_be_closed_when_it_gives_a_stream)
{
    v.closes_at_stream = true;
    both_online();
    connect_them(FH_CLOUD_ANY);
    UNTIL(v.conn_closed && s.flows_len > 0);
    say(&v, v.flows[0].way, "and the stream lives on");
    UNTIL(heard(&s, v.flows[0].way, "and the stream lives on"));
}
END_TEST

START_TEST(configs_that_cannot_be_are_refused)
{
    struct fh_cloud *u;
    struct fh_cloud_config bad;

#define REFUSED(member)                                                                            \
    bad = v.cfg;                                                                                   \
    bad.member = 0;                                                                                \
    ck_assert_int_eq(fh_cloud_new(&loop, &bad, &u), FH_CLOUD_E_INVAL)
    REFUSED(service);
    REFUSED(identity);
    REFUSED(seal_secret);
    REFUSED(closed);
    REFUSED(program);
    v.service.roots_len = 0;
    ck_assert_int_eq(fh_cloud_new(&loop, &v.cfg, &u), FH_CLOUD_E_INVAL);
    service_line(&sv, &v.service);
    app_start(&v);
    ck_assert_int_eq(
        fh_cloud_connect(v.cloud, s.e->address, FH_CLOUD_ANY, &conn_events, &v, &v.conn),
        FH_CLOUD_E_OFFLINE);
    v.conn = NULL;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cloud_uv");
    TCase *t = tcase_create("cloud");
    SRunner *r = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, t);
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, both_ways_stand_and_lead_to_the_same_peer);
    tcase_add_test(t, only_the_relay);
    tcase_add_test(t, only_straight);
    tcase_add_test(t, a_lost_relay_is_replaced);
    tcase_add_test(t, a_relay_that_refuses_is_asked_again);
    tcase_add_test(t, a_lost_direct_way_is_looked_for_again);
    tcase_add_test(t, a_new_direct_way_stands_beside_the_old_one);
    tcase_add_test(t, retrying_asks_at_once_for_what_is_missing);
    tcase_add_test(t, attempts_that_are_over_before_they_begin_cost_nothing);
    tcase_add_test(t, the_channels_keys_take_over_the_direct_way);
    tcase_add_test(t, streams_outlive_the_broker);
    tcase_add_test(t, whoever_is_not_there_is_told);
    tcase_add_test(t, a_server_may_refuse);
    tcase_add_test(t, a_server_may_think_about_it);
    tcase_add_test(t, nothing_comes_after_the_end);
    tcase_add_test(t, a_question_is_withdrawn);
    tcase_add_test(t, a_viewer_that_does_not_know_the_key_goes_no_further);
    tcase_add_test(t, another_root_is_not_spoken_to);
    tcase_add_test(t, another_name_is_not_spoken_to);
    tcase_add_test(t, nobody_there_is_tried_again);
    tcase_add_test(t, an_address_that_somebody_else_has_is_not_taken);
    tcase_add_test(t, a_proxy_carries_broker_and_relay);
    tcase_add_test(t, a_proxy_that_refuses_is_told_of);
    tcase_add_test(t, another_process_may_sign);
    tcase_add_test(t, presence_is_told);
    tcase_add_loop_test(t, closing_at_any_moment_releases_everything, 0, 30);
    tcase_add_test(t, a_connection_may_be_closed_when_it_gives_a_stream);
    tcase_add_test(t, configs_that_cannot_be_are_refused);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
