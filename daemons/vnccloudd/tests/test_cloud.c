/* SPDX-License-Identifier: MIT */
/*
 * The whole of vnccloudd on one loop, with a database and a log on the disk, behind TLS; and real
 * clients of it.
 */
#define _GNU_SOURCE /* nftw */
#include <check.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "../src/cloud.h"
#include "../src/options.h"
#include "cloud_app.h"

/* No test waits for this time; it only ends one that hangs. */
enum { LIMIT_MS = 30000 };

static char folder[64];
static struct fh__config cfg;
static struct fh__cloud cloud;
static uv_loop_t loop;
static uv_timer_t limit;
static struct endpoint ends[ENDS];
static struct app viewer, server;
static uint16_t port;
static bool is_closed;

static void on_limit(uv_timer_t *t)
{
    (void)t;
    ck_abort_msg("nothing happens any more");
}

/* Runs until it is so. */
#define until(condition)                                                                           \
    do                                                                                             \
        uv_run(&loop, UV_RUN_ONCE);                                                                \
    while (!(condition))

/* ---- the cloud ---- */

static void set(const char *name, const char *value)
{
    const struct fh__option *o = fh__option_find(&fh__options, name, strlen(name));
    const char *expected = fh__option_set(&cfg, o, value, FH__FROM_FILE, 1);

    ck_assert_msg(!expected, "%s = %s: expected %s", name, value, expected);
}

static void configure(void)
{
    char text[128];

    fh__config_init(&cfg);
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    set("listen", text);
    set("stun-listen", "127.0.0.1:0");
    set("name", "cloud.example");
    snprintf(text, sizeof text, "localhost:%u", port ? port : 443);
    set("node", text);
    set("state", folder);
    set("control", "none");
    set("audit", "none");
    /* Everybody comes from one address here. */
    set("limit-handshake", "0");
    set("limit-handshake-network", "0");
    ck_assert_int_eq(fh__config_finish(&cfg, text, sizeof text), 0);
}

static void open_cloud(void)
{
    struct fh_address address;
    char why[400];

    configure();
    memset(&cloud, 0, sizeof cloud);
    is_closed = false;
    ck_assert_msg(fh__cloud_listen(&cloud, &loop, &cfg, why, sizeof why) == 0, "%s", why);
    ck_assert_msg(fh__cloud_open(&cloud, why, sizeof why) == 0, "%s", why);
    fh__front_address(cloud.front, 0, &address);
    port = address.port;
}

static void on_closed(void *user)
{
    (void)user;
    is_closed = true;
}

static void close_cloud(void)
{
    fh__cloud_close(&cloud, on_closed, NULL);
    until(is_closed);
    fh__config_free(&cfg);
}

static void on_stored(struct fh__store_call *call)
{
    ck_assert_msg(call->ret == 0, "%s", fh__store_strerror(call->ret));
    *(bool *)call->user = true;
    fh__store_call_free(call);
}

static void submit(struct fh__store_call *call, bool *done)
{
    *done = false;
    fh__store_submit(fh__office_store(cloud.office), call);
    until(*done);
}

static void add_account(void)
{
    bool done;
    struct fh__store_call *call = fh__store_call_new(FH__STORE_ACCOUNT_CREATE, on_stored, &done);

    call->account_record = calloc(1, sizeof *call->account_record);
    call->account_record->id[0] = 1;
    strcpy(call->account_record->name, "one");
    submit(call, &done);
}

static void add_address(const struct endpoint *who)
{
    bool done;
    struct fh__store_call *call = fh__store_call_new(FH__STORE_ENDPOINT_CREATE, on_stored, &done);
    struct fh__endpoint *e = calloc(1, sizeof *e);

    memcpy(e->address, who->address, sizeof e->address);
    e->account[0] = call->account[0] = 1;
    e->roles = 7;
    e->uses_left = -1;
    e->has_password = true;
    fh_cloud_password_stored(who->password, e->stored);
    call->endpoint = e;
    submit(call, &done);
}

/* What a client is told, read by a client. */
static void read_line(struct fh_cloud_service *out)
{
    char vkey[FH_TLOG_VKEY_TEXT], *line;
    const char *expected = "";

    ck_assert_int_gt(fh__tlog_vkey(cloud.log, vkey), 0);
    line = fh__client_line(&cfg, &cloud.keys, vkey);
    ck_assert_ptr_nonnull(line);
    ck_assert_msg(fh_cloud_service_parse(line, out, &expected) == 0, "%s: expected %s", line,
                  expected);
    free(line);
}

static void start(struct app *a, enum end which)
{
    struct fh_cloud_service service;

    read_line(&service);
    app_start(a, &loop, &ends[which], &service, port);
}

/* ---- fixtures ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void begin(void)
{
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_ge(sodium_init(), 0);
    snprintf(folder, sizeof folder, "/tmp/test_cloud.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    uv_loop_configure(&loop, UV_METRICS_IDLE_TIME);
    uv_timer_init(&loop, &limit);
    uv_timer_start(&limit, on_limit, LIMIT_MS, 0);
    uv_unref((uv_handle_t *)&limit);
    for (int i = 0; i < ENDS; i++)
        make_endpoint(&ends[i], (enum end)i);
    port = 0;
    open_cloud();
    add_account();
    add_address(&ends[VIEWER]);
    add_address(&ends[SERVER]);
}

static void end(void)
{
    if (viewer.core)
        app_stop(&viewer);
    if (server.core)
        app_stop(&server);
    close_cloud();
    uv_close((uv_handle_t *)&limit, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    if (viewer.core)
        app_free(&viewer);
    if (server.core)
        app_free(&server);
    for (int i = 0; i < ENDS; i++)
        free_endpoint(&ends[i]);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- clients ---- */

static void both_online(void)
{
    start(&viewer, VIEWER);
    start(&server, SERVER);
    until(viewer.is_online && server.is_online);
}

static void meet(void)
{
    server.accepts = true;
    ck_assert_int_eq(
        fh_cloud_client_connect(viewer.core, uv_now(&loop), ends[SERVER].address, &viewer.conn), 0);
    app_pump(&viewer);
    until(app_has(&viewer, FH_CLOUD_EV_GRANT));
    app_pump(&server);
}

START_TEST(two_clients_enrol_and_are_put_in_touch)
{
    struct fh__broker_counters n;
    uint8_t fingerprint[FH_FINGERPRINT_LEN];

    both_online();
    ck_assert_uint_eq(viewer.roles, 7);
    ck_assert(app_has(&viewer, FH_CLOUD_EV_CHECKPOINT));
    meet();
    fh_fingerprint(ends[SERVER].spki, ends[SERVER].spki_len, fingerprint);
    ck_assert_mem_eq(viewer.peer.fingerprint, fingerprint, sizeof fingerprint);
    fh_fingerprint(ends[VIEWER].spki, ends[VIEWER].spki_len, fingerprint);
    ck_assert_mem_eq(server.peer.fingerprint, fingerprint, sizeof fingerprint);
    ck_assert_mem_eq(viewer.cloud_secret, server.cloud_secret, 32);
    ck_assert_mem_eq(viewer.packet_secret, server.packet_secret, 32);
    ck_assert_mem_ne(viewer.ticket, server.ticket, viewer.ticket_len);
    ck_assert_uint_eq(viewer.relays, 1);

    ck_assert_int_eq(fh_cloud_client_signal(viewer.core, uv_now(&loop), viewer.conn, "hello 1", 7),
                     0);
    app_pump(&viewer);
    until(server.signal[0]);
    ck_assert_str_eq(server.signal, "hello 1");
    ck_assert_int_eq(fh_cloud_client_signal(server.core, uv_now(&loop), server.conn, "end", 3), 0);
    app_pump(&server);
    until(viewer.signal[0]);
    ck_assert_str_eq(viewer.signal, "end");

    viewer.n_events = server.n_events = 0;
    ck_assert_int_eq(fh_cloud_client_renew(viewer.core, uv_now(&loop), viewer.conn), 0);
    app_pump(&viewer);
    until(app_has(&viewer, FH_CLOUD_EV_RENEWED) && app_has(&server, FH_CLOUD_EV_RENEWED));
    fh_cloud_client_end(server.core, uv_now(&loop), server.conn, FH_BROKER_GONE);
    app_pump(&server);
    until(app_has(&viewer, FH_CLOUD_EV_END));
    fh__broker_count(cloud.broker, &n);
    ck_assert_uint_eq(n.conns, 0);
    ck_assert_uint_eq(n.enrolled, 2);
    ck_assert_uint_eq(n.accepted, 1);
    /* Whoever enrolled is in the log. */
    ck_assert_uint_ge(fh__tlog_size(cloud.log), 2);
}
END_TEST

/* ---- the relay ---- */

struct leg {
    struct fh_stream *stream;
    const struct app *app;
    uint8_t got[64];
    size_t len;
    bool has_ended;
};

static struct leg legs[2];

static size_t leg_data(void *user, const uint8_t *data, size_t len)
{
    struct leg *l = user;

    ck_assert_uint_le(l->len + len, sizeof l->got);
    memcpy(l->got + l->len, data, len);
    l->len += len;
    return len;
}

static void leg_writable(void *user)
{
    (void)user;
}

static void leg_end(void *user, int error)
{
    (void)error;
    ((struct leg *)user)->has_ended = true;
}

static const struct fh_stream_events leg_events = {leg_data, leg_writable, leg_end};

static void leg_secured(void *user, struct fh_stream *s, int error, const char *text)
{
    struct leg *l = user;
    uint8_t hello[2 + FH_BROKER_TICKET_MAX + 5] = {1, (uint8_t)l->app->ticket_len};

    ck_assert_msg(s != NULL, "%d: %s", error, text);
    memcpy(hello + 2, l->app->ticket, l->app->ticket_len);
    memcpy(hello + 2 + l->app->ticket_len, l->app == &viewer ? "viewr" : "serve", 5);
    ck_assert_int_eq(fh_stream_write(s, hello, 2 + l->app->ticket_len + 5),
                     (int)(2 + l->app->ticket_len + 5));
    l->stream = s;
    fh_stream_attach(s, &leg_events, l);
}

static struct fh_tls_context *relay_tls;

static void leg_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    struct fh_tls_start_config tls = {.name = "localhost", .done = leg_secured, .user = user};

    ck_assert_msg(s != NULL, "%d: %s", error, text);
    ck_assert_int_eq(fh_tls_start(&loop, relay_tls, s, &tls, NULL), 0);
}

static void leg_open(struct leg *l, const struct app *a)
{
    struct fh_target to = {
        .kind = FH_TARGET_IP,
        .port = port,
        .address = {.family = FH_ADDRESS_IPV4, .ip = {127, 0, 0, 1}, .port = port}};
    struct fh_tcp_connect_config connect = {.done = leg_connected, .user = l};

    memset(l, 0, sizeof *l);
    l->app = a;
    ck_assert_int_eq(fh_tcp_connect(&loop, &to, &connect, NULL), 0);
}

static void make_relay_tls(void)
{
    static const char *const alpn[] = {FH_RELAY_ALPN};
    struct fh_tls_pin pin;
    struct fh_tls_client_config tls = {.pins = &pin, .pins_len = 1, .alpn = alpn, .alpn_len = 1};

    memcpy(pin.sha256, cloud.keys.root_pin, sizeof pin.sha256);
    ck_assert_int_eq(fh_tls_client_new(&tls, &relay_tls), 0);
}

START_TEST(what_they_were_granted_is_good_for_the_relay)
{
    struct leg again;

    both_online();
    meet();
    make_relay_tls();
    leg_open(&legs[0], &viewer);
    leg_open(&legs[1], &server);
    until(legs[0].len >= 6 && legs[1].len >= 6);
    ck_assert_mem_eq(legs[0].got, "\0serve", 6);
    ck_assert_mem_eq(legs[1].got, "\0viewr", 6);
    /* Once. */
    leg_open(&again, &viewer);
    until(again.has_ended);
    ck_assert_uint_eq(again.len, 1);
    ck_assert_uint_eq(again.got[0], FH__RELAY_USED);
    fh_stream_close(again.stream, NULL, NULL);
    fh_stream_close(legs[0].stream, NULL, NULL);
    until(legs[1].has_ended);
    fh_stream_close(legs[1].stream, NULL, NULL);
    fh_tls_free(relay_tls);
}
END_TEST

/* ---- the end, and the beginning again ---- */

START_TEST(who_is_sent_away_comes_back_by_key)
{
    struct fh__front_counters n;

    both_online();
    close_cloud();
    until(!viewer.is_online && !server.is_online);
    ck_assert_uint_le(viewer.retry_ms, 2000);
    open_cloud();
    until(viewer.is_online && server.is_online);
    ck_assert_uint_eq(viewer.dials >= 2, 1);
    viewer.n_events = 0;
    meet();
    fh__front_count(cloud.front, &n);
    ck_assert_uint_eq(n.protocols[FH__FRONT_BROKER], 2);
    ck_assert(!cloud.keys.made_root);
}
END_TEST

START_TEST(watchers_hear_who_comes_and_goes)
{
    both_online();
    ck_assert_int_eq(fh_cloud_client_watch(viewer.core, uv_now(&loop), ends[SERVER].address, 1), 0);
    app_pump(&viewer);
    until(viewer.watched_online);
    fh_cloud_client_stop(server.core, uv_now(&loop));
    app_pump(&server);
    until(!viewer.watched_online);
}
END_TEST

START_TEST(what_the_api_changes_takes_effect_at_once)
{
    struct fh__api_hooks hooks;
    struct fh__api_online online;
    bool done;
    struct fh__store_call *call = fh__store_call_new(FH__STORE_ENDPOINT_DELETE, on_stored, &done);

    both_online();
    fh__cloud_api_hooks(&cloud, &hooks);
    ck_assert(hooks.online(&cloud, ends[VIEWER].address, &online));
    ck_assert_str_eq(online.program, "test 1");
    ck_assert_ptr_nonnull(strstr(online.peer, "127.0.0.1:"));
    memcpy(call->address, ends[VIEWER].address, sizeof call->address);
    call->account[0] = 1;
    submit(call, &done);
    hooks.changed(&cloud, ends[VIEWER].address, FH__API_DELETED);
    until(!viewer.is_online);
    ck_assert_int_eq(viewer.offline_error, FH_CLOUD_E_REFUSED);
    ck_assert(!hooks.online(&cloud, ends[VIEWER].address, &online));
    ck_assert(server.is_online);
}
END_TEST

/* ---- strangers at the door ---- */

enum { STRANGERS = 40 };

struct stranger {
    struct fh_stream *stream;
    bool is_gone;
    uint64_t at;
};

static struct stranger strangers[STRANGERS];
static unsigned n_connected;

static size_t stranger_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    (void)data;
    return len;
}

static void stranger_end(void *user, int error)
{
    struct stranger *s = user;

    (void)error;
    s->is_gone = true;
    s->at = uv_now(&loop);
}

static const struct fh_stream_events stranger_events = {stranger_data, leg_writable, stranger_end};

static void stranger_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    struct stranger *st = user;

    ck_assert_msg(s != NULL, "%d: %s", error, text);
    st->stream = s;
    n_connected++;
    fh_stream_attach(s, &stranger_events, st);
}

static void come(struct stranger *s)
{
    struct fh_target to = {
        .kind = FH_TARGET_IP,
        .port = port,
        .address = {.family = FH_ADDRESS_IPV4, .ip = {127, 0, 0, 1}, .port = port}};
    struct fh_tcp_connect_config connect = {.done = stranger_connected, .user = s};

    memset(s, 0, sizeof *s);
    ck_assert_int_eq(fh_tcp_connect(&loop, &to, &connect, NULL), 0);
}

static unsigned gone(void)
{
    unsigned n = 0;

    for (int i = 0; i < STRANGERS; i++)
        n += strangers[i].is_gone;
    return n;
}

START_TEST(who_says_nothing_is_closed_after_three_seconds_and_one_place_has_its_share)
{
    static const char *const begun[] = {"\x16\x03\x01\x02", "\x16\x03\x01\x02", "GET /"};
    struct fh__front_counters n;
    uint64_t began = uv_now(&loop);

    set("max-half-open-source", "10");
    fh__cloud_configure(&cloud);
    n_connected = 0;
    for (int i = 0; i < STRANGERS; i++)
        come(&strangers[i]);
    /* Thirty of them have no place at all. */
    until(n_connected == STRANGERS && gone() >= STRANGERS - 10);
    ck_assert_uint_le(cloud.doorstep->n, 10);
    /* Two of the others begin, and do not go on; one speaks another language. */
    for (int i = 0, k = 0; i < STRANGERS && k < 3; i++)
        if (!strangers[i].is_gone) {
            (void)fh_stream_write(strangers[i].stream, (const uint8_t *)begun[k], 4);
            k++;
        }
    until(gone() == STRANGERS);
    ck_assert_uint_ge(uv_now(&loop) - began, 2900);
    ck_assert_uint_eq(cloud.doorstep->n, 0);
    fh__front_count(cloud.front, &n);
    ck_assert_uint_eq(n.accepted, STRANGERS);
    ck_assert_uint_eq(n.failed, 10);
    for (int i = 0; i < STRANGERS; i++)
        fh_stream_close(strangers[i].stream, NULL, NULL);
    /* And who is somebody comes in. */
    both_online();
}
END_TEST

/* ---- many ---- */

enum { CROWD = 60, RATE = 40, BURST = RATE / 10, AT_A_TIME = 8 };

static struct endpoint crowd[CROWD];
static struct app apps[CROWD];

static void make_crowd(void)
{
    struct fh_cloud_service service;

    read_line(&service);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = ends[OTHER];
        crowd[i].address[3] ^= (uint8_t)(i + 1);
        make_statement(&crowd[i]);
        add_address(&crowd[i]);
    }
    for (int i = 0; i < CROWD; i++)
        app_start(&apps[i], &loop, &crowd[i], &service, port);
}

static unsigned full_handshakes(void)
{
    struct fh__front_counters n;

    fh__front_count(cloud.front, &n);
    return (unsigned)(n.handshakes - n.resumed);
}

/*
 * On a slow machine some wait for longer than the service lets them, and would then stay away for
 * longer and longer: they are called back, a few at a time.
 */
static void call_back(void)
{
    unsigned on_the_way = 0;

    for (int i = 0; i < CROWD; i++)
        on_the_way += !apps[i].is_online && (apps[i].is_dialling || apps[i].stream);
    for (int i = 0; i < CROWD && on_the_way < AT_A_TIME; i++) {
        struct app *a = &apps[i];

        if (a->is_online || a->is_dialling || a->stream)
            continue;
        fh_cloud_client_wake(a->core, uv_now(&loop));
        app_pump(a);
        on_the_way++;
    }
}

/*
 * Until all are online. began: full handshakes are counted from here on, by the clock that the
 * door has, so that however slow we are there are never more of them than may be.
 */
static void all_online(uint64_t began)
{
    unsigned online = 0, before = 0, full = full_handshakes();

    while (online < CROWD) {
        uv_run(&loop, UV_RUN_ONCE);
        online = 0;
        for (int i = 0; i < CROWD; i++) {
            online += apps[i].is_online;
            apps[i].n_events = 0;
        }
        ck_assert_uint_le(full_handshakes() - full,
                          BURST + (uv_now(&loop) - began) * RATE / 1000 + 1);
        if (online > before) /* something happens */
            uv_timer_start(&limit, on_limit, LIMIT_MS, 0);
        before = online;
        call_back();
    }
}

/* All at once, resumed or not: each comes in, and full handshakes no faster than they may. */
START_TEST(a_crowd_comes_in_at_the_rate_that_is_set)
{
    struct fh__front_counters n;
    uint64_t began;
    unsigned full;

    set("handshakes", "40");
    set("limit-failure", "0");
    set("limit-failure-network", "0");
    fh__cloud_configure(&cloud);
    began = uv_now(&loop);
    make_crowd();
    all_online(began);
    ck_assert_uint_ge(full = full_handshakes(), CROWD);
    /* They come back with their tickets, and need not wait. */
    for (int i = 0; i < CROWD; i++) {
        fh_cloud_client_stop(apps[i].core, uv_now(&loop));
        app_pump(&apps[i]);
        fh_cloud_client_start(apps[i].core, uv_now(&loop));
        app_pump(&apps[i]);
    }
    all_online(uv_now(&loop));
    fh__front_count(cloud.front, &n);
    ck_assert_uint_ge(n.resumed, CROWD);
    ck_assert_uint_eq(full_handshakes(), full);
    for (int i = 0; i < CROWD; i++)
        app_stop(&apps[i]);
    uv_run(&loop, UV_RUN_NOWAIT);
    for (int i = 0; i < CROWD; i++)
        app_free(&apps[i]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cloud");
    TCase *tc = tcase_create("cloud");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, two_clients_enrol_and_are_put_in_touch);
    tcase_add_test(tc, what_they_were_granted_is_good_for_the_relay);
    tcase_add_test(tc, who_is_sent_away_comes_back_by_key);
    tcase_add_test(tc, watchers_hear_who_comes_and_goes);
    tcase_add_test(tc, what_the_api_changes_takes_effect_at_once);
    tcase_add_test(tc, who_says_nothing_is_closed_after_three_seconds_and_one_place_has_its_share);
    tcase_add_test(tc, a_crowd_comes_in_at_the_rate_that_is_set);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
