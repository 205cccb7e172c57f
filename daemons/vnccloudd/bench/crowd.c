/* SPDX-License-Identifier: MIT */
/*
 * crowd.c -- many endpoints of a cloud in one process: the real machine (<farhand/cloud_client.h>)
 * on real TLS, to 127.0.0.1:PORT, whatever the node is called. They share one identity.
 *
 *     crowd PORT SERVICE-LINE
 *
 * Takes commands on standard input, one a line, and ends with it:
 *
 *     add ADDRESS PASSWORD
 *     go WINDOW             sign in, so many at a time; "all N" when all have
 *     state                 "state ONLINE LOST GIVEN-UP DIALS": lost is how often one was offline
 *     since MS              "since N0 N1 ...": how many came online in each second from then on,
 *                           in milliseconds of CLOCK_MONOTONIC
 *     meet SECONDS VIEWERS  so many of them connect to others, each again as soon as it has its
 *                           GRANT; "met GRANTS FAILED" in the end
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <farhand/cloud_address.h>
#include <farhand/cloud_client.h>
#include <farhand/identity.h>
#include <farhand/tcp.h>
#include <farhand/tls_uv.h>
#include <sodium.h>
#include <uv.h>

enum { MOST = 65536, LINE = 256, CONNS = 16 };

struct client {
    struct fh_cloud_client *core;
    struct fh_tls_session *session;
    struct fh_stream *stream;
    uv_timer_t timer;
    uint8_t address[FH_CLOUD_ADDRESS_LEN];
    char name[FH_CLOUD_HOST_TEXT];
    uint32_t target; /* whom it asks for next */
    bool wants_dial, is_online, is_viewer;
};

static uv_loop_t loop;
static uint16_t port;
static struct fh_cloud_service service;
static struct fh_tls_context *tls;
static struct fh_identity *identity;
static uint8_t seal_secret[FH_SEAL_KEY_LEN];
static struct client *clients[MOST];
static size_t n_clients;

static size_t n_started, window, n_online; /* go */
static bool is_going;
static uint64_t lost, given_up, dials;
static uint64_t *came; /* when, each time that one came online */
static size_t n_came, came_room;

static uv_timer_t meet_timer;
static bool is_meeting;
static uint64_t grants, failed;

static void pump(struct client *c);

static void fail(const char *what)
{
    fprintf(stderr, "crowd: %s\n", what);
    exit(1);
}

static void draw(void *user, void *out, size_t len)
{
    (void)user;
    randombytes_buf(out, len);
}

static uint64_t utc_ms(void *user)
{
    struct timespec ts;

    (void)user;
    timespec_get(&ts, TIME_UTC);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- the stream ---- */

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct client *c = user;
    size_t took = 0, n = 1;

    while (took < len && n > 0) {
        n = fh_cloud_client_input(c->core, uv_now(&loop), data + took, len - took);
        took += n;
        pump(c);
        if (!c->stream)
            return len;
    }
    return took;
}

static void on_writable(void *user)
{
    pump(user);
}

static void on_end(void *user, int error)
{
    struct client *c = user;

    (void)error;
    fh_stream_close(c->stream, NULL, NULL);
    c->stream = NULL;
    fh_cloud_client_lost(c->core, uv_now(&loop), FH_CLOUD_E_RESET);
    pump(c);
}

static const struct fh_stream_events stream_events = {on_data, on_writable, on_end};

/* ---- dialling ---- */

static void on_secured(void *user, struct fh_stream *s, int error, const char *text)
{
    struct client *c = user;
    uint8_t binding[FH_CLOUD_BINDING_LEN];

    (void)error;
    (void)text;
    if (s && !c->wants_dial) {
        fh_stream_close(s, NULL, NULL);
    } else if (s) {
        if (fh_tls_exporter(s, FH_CLOUD_EXPORTER, NULL, 0, binding, sizeof binding) != 0)
            fail("no exporter");
        c->stream = s;
        fh_stream_attach(s, &stream_events, c);
        fh_cloud_client_connected(c->core, uv_now(&loop), binding);
    } else if (c->wants_dial) {
        fh_cloud_client_lost(c->core, uv_now(&loop), FH_CLOUD_E_RESET);
    }
    pump(c);
}

static void on_connected(void *user, struct fh_stream *s, int error, const char *text)
{
    struct client *c = user;
    struct fh_tls_start_config cfg = {
        .name = c->name, .session = c->session, .done = on_secured, .user = c};

    if (!s)
        on_secured(c, NULL, error, text);
    else if (fh_tls_start(&loop, tls, s, &cfg, NULL) != 0)
        fail("cannot start TLS");
}

static void dial(struct client *c, const char *name)
{
    struct fh_target to = {
        .kind = FH_TARGET_IP,
        .port = port,
        .address = {.family = FH_ADDRESS_IPV4, .ip = {127, 0, 0, 1}, .port = port}};
    struct fh_tcp_connect_config cfg = {.done = on_connected, .user = c};

    snprintf(c->name, sizeof c->name, "%s", name);
    dials++;
    c->wants_dial = true;
    if (fh_tcp_connect(&loop, &to, &cfg, NULL) != 0)
        fail("cannot connect");
}

static void hang_up(struct client *c)
{
    c->wants_dial = false;
    if (!c->stream)
        return;
    fh_stream_shutdown(c->stream);
    fh_stream_close(c->stream, NULL, NULL);
    c->stream = NULL;
}

/* ---- signing in ---- */

static void say(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

static void start_more(void)
{
    char text[64];

    while (is_going && n_started < n_clients && n_started < n_online + window) {
        struct client *c = clients[n_started++];

        fh_cloud_client_start(c->core, uv_now(&loop));
        pump(c);
    }
    if (!is_going || n_online < n_clients)
        return;
    is_going = false;
    snprintf(text, sizeof text, "all %zu\n", n_online);
    say(text);
}

static void note_online(struct client *c)
{
    if (n_came == came_room) {
        came_room = came_room ? 2 * came_room : 4096;
        if (!(came = realloc(came, came_room * sizeof *came)))
            fail("out of memory");
    }
    came[n_came++] = uv_hrtime() / 1000000;
    c->is_online = true;
    n_online++;
    start_more();
}

/* Who gives up does not come back: why, for the first of them. */
static void note_offline(struct client *c, const struct fh_cloud_client_event *ev)
{
    if (ev->offline.retry_ms == UINT64_MAX && given_up++ == 0)
        fprintf(stderr, "crowd: gave up: %s (code %u, \"%.*s\")\n",
                fh_cloud_strerror(ev->offline.error), ev->offline.code, (int)ev->offline.text.len,
                ev->offline.text.len ? ev->offline.text.p : "");
    if (!c->is_online)
        return;
    c->is_online = false;
    n_online--;
    lost++;
}

static void sign(struct client *c, const struct fh_cloud_client_event *ev)
{
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len = 0;

    if (fh_identity_sign_for(identity, ev->sign.purpose, ev->sign.digest, draw, NULL, sig, &len) !=
        0)
        fail("cannot sign");
    fh_cloud_client_signed(c->core, uv_now(&loop), ev->sign.serial, sig, len);
}

/* ---- meeting ---- */

/* The others are asked in turn: the second half of the crowd listens. */
static void ask(struct client *c)
{
    size_t first = n_clients / 2;
    uint32_t conn;

    if (!is_meeting)
        return;
    c->target = (c->target + 1) % (uint32_t)(n_clients - first);
    failed += fh_cloud_client_connect(c->core, uv_now(&loop), clients[first + c->target]->address,
                                      &conn) != 0;
}

static void on_granted(struct client *c, uint32_t conn)
{
    grants += is_meeting;
    fh_cloud_client_end(c->core, uv_now(&loop), conn, FH_BROKER_GONE);
    ask(c);
}

/* Why, for the first of them. */
static void on_ended(struct client *c, const struct fh_cloud_client_event *ev)
{
    if (!c->is_viewer || !is_meeting)
        return;
    if (failed++ == 0)
        fprintf(stderr, "crowd: no grant: %s (reason %u)\n", fh_cloud_strerror(ev->end.error),
                ev->end.reason);
    ask(c);
}

static void on_met(uv_timer_t *t)
{
    char text[64];

    (void)t;
    is_meeting = false;
    snprintf(text, sizeof text, "met %llu %llu\n", (unsigned long long)grants,
             (unsigned long long)failed);
    say(text);
}

static void meet(unsigned seconds, size_t viewers)
{
    grants = failed = 0;
    is_meeting = true;
    uv_timer_start(&meet_timer, on_met, (uint64_t)seconds * 1000, 0);
    for (size_t i = 0; i < viewers && i < n_clients / 2; i++) {
        clients[i]->is_viewer = true;
        clients[i]->target = (uint32_t)(i * 7919);
        ask(clients[i]);
        pump(clients[i]);
    }
}

/* ---- the machine ---- */

static void handle(struct client *c, const struct fh_cloud_client_event *ev)
{
    switch (ev->type) {
    case FH_CLOUD_EV_DIAL:
        dial(c, ev->dial.name);
        break;
    case FH_CLOUD_EV_HANG_UP:
        hang_up(c);
        break;
    case FH_CLOUD_EV_SIGN:
        sign(c, ev);
        break;
    case FH_CLOUD_EV_ONLINE:
        note_online(c);
        break;
    case FH_CLOUD_EV_OFFLINE:
        note_offline(c, ev);
        break;
    case FH_CLOUD_EV_INCOMING:
        if (fh_cloud_client_accept(c->core, uv_now(&loop), ev->conn) != 0)
            fh_cloud_client_end(c->core, uv_now(&loop), ev->conn, FH_BROKER_IS_BUSY);
        break;
    case FH_CLOUD_EV_GRANT:
        on_granted(c, ev->conn);
        break;
    case FH_CLOUD_EV_END:
        on_ended(c, ev);
        break;
    case FH_CLOUD_EV_FORK:
        fail("the log shows two histories");
        break;
    case FH_CLOUD_EV_TARGET:
    case FH_CLOUD_EV_SIGNAL:
    case FH_CLOUD_EV_RENEWED:
    case FH_CLOUD_EV_PEER_STATE:
    case FH_CLOUD_EV_STATEMENT:
    case FH_CLOUD_EV_CHECKPOINT:
    case FH_CLOUD_EV_CLOCK:
        break;
    }
}

static void on_timer(uv_timer_t *t)
{
    struct client *c = t->data;

    fh_cloud_client_tick(c->core, uv_now(&loop));
    pump(c);
}

static void pump(struct client *c)
{
    struct fh_cloud_client_event ev;
    const uint8_t *out;
    uint64_t at;
    size_t len;
    int took = 1;

    while (fh_cloud_client_event(c->core, uv_now(&loop), &ev) == 1)
        handle(c, &ev);
    while (c->stream && took > 0 && (out = fh_cloud_client_out(c->core, &len)) != NULL) {
        took = fh_stream_write(c->stream, out, len);
        fh_cloud_client_out_done(c->core, took > 0 ? (size_t)took : 0);
    }
    at = fh_cloud_client_deadline(c->core);
    if (at == UINT64_MAX)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_timer, at > uv_now(&loop) ? at - uv_now(&loop) : 0, 0);
}

static void add(const char *address, const char *password)
{
    struct client *c = calloc(1, sizeof *c);
    uint8_t secret[FH_CLOUD_PASSWORD_LEN];
    struct fh_cloud_client_config cfg = {.service = &service,
                                         .password = secret,
                                         .seal_secret = seal_secret,
                                         .roles = 7,
                                         .program = "crowd 1",
                                         .conns_max = CONNS,
                                         .holds_max = CONNS,
                                         .random = draw,
                                         .utc_ms = utc_ms};

    if (!c || n_clients == MOST || fh_cloud_address_parse(address, strlen(address), c->address) ||
        fh_cloud_password_parse(password, strlen(password), secret))
        fail("add: expected an address and its password");
    memcpy(cfg.address, c->address, sizeof cfg.address);
    cfg.spki = fh_identity_spki(identity, &cfg.spki_len);
    c->core = fh_cloud_client_new(&cfg);
    c->session = fh_tls_session_new();
    if (!c->core || !c->session)
        fail("out of memory");
    uv_timer_init(&loop, &c->timer);
    c->timer.data = c;
    clients[n_clients++] = c;
}

/* ---- commands ---- */

static void print_state(void)
{
    char text[128];

    snprintf(text, sizeof text, "state %zu %llu %llu %llu\n", n_online, (unsigned long long)lost,
             (unsigned long long)given_up, (unsigned long long)dials);
    say(text);
}

static void print_since(uint64_t ms)
{
    uint64_t second = ms;
    size_t i = 0, n;

    while (i < n_came && came[i] < ms)
        i++;
    fputs("since", stdout);
    for (; i < n_came; second += 1000) {
        for (n = 0; i < n_came && came[i] < second + 1000; i++)
            n++;
        printf(" %zu", n);
    }
    say("\n");
}

static void obey(char *line)
{
    char *words[3] = {0}, *rest = NULL;

    words[0] = strtok_r(line, " ", &rest);
    words[1] = strtok_r(NULL, " ", &rest);
    words[2] = strtok_r(NULL, " ", &rest);
    if (!words[0])
        return;
    if (strcmp(words[0], "state") == 0) {
        print_state();
    } else if (strcmp(words[0], "add") == 0 && words[2]) {
        add(words[1], words[2]);
    } else if (strcmp(words[0], "go") == 0 && words[1]) {
        window = strtoul(words[1], NULL, 10);
        is_going = true;
        start_more();
    } else if (strcmp(words[0], "since") == 0 && words[1]) {
        print_since(strtoull(words[1], NULL, 10));
    } else if (strcmp(words[0], "meet") == 0 && words[2]) {
        meet((unsigned)strtoul(words[1], NULL, 10), strtoul(words[2], NULL, 10));
    } else {
        fail("not a command");
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char room[65536];

    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(room, sizeof room);
}

static void on_input(uv_stream_t *in, ssize_t n, const uv_buf_t *buf)
{
    static char line[LINE];
    static size_t len;

    (void)in;
    if (n < 0)
        exit(0);
    for (ssize_t i = 0; i < n; i++) {
        if (buf->base[i] != '\n') {
            line[len] = buf->base[i];
            if (++len == sizeof line)
                fail("a line is too long");
            continue;
        }
        line[len] = '\0';
        len = 0;
        obey(line);
    }
}

static void make_tls(void)
{
    static const char *const alpn[] = {FH_BROKER_ALPN};
    struct fh_tls_pin pin;
    struct fh_tls_client_config cfg = {
        .pins = &pin, .pins_len = 1, .alpn = alpn, .alpn_len = 1, .max_fragment = 1024};

    memcpy(pin.sha256, service.roots[0], sizeof pin.sha256);
    if (fh_tls_client_new(&cfg, &tls) != 0)
        fail("no TLS");
}

int main(int argc, char **argv)
{
    static uv_pipe_t in;

    signal(SIGPIPE, SIG_IGN);
    if (argc != 3 || fh_cloud_service_parse(argv[2], &service, NULL) != 0) {
        fputs("usage: crowd PORT SERVICE-LINE\n", stderr);
        return 2;
    }
    port = (uint16_t)strtoul(argv[1], NULL, 10);
    if (sodium_init() < 0 || uv_loop_init(&loop) != 0 ||
        fh_identity_generate(2048, draw, NULL, &identity) != 0)
        return 1;
    draw(NULL, seal_secret, sizeof seal_secret);
    make_tls();
    uv_timer_init(&loop, &meet_timer);
    uv_pipe_init(&loop, &in, 0);
    if (uv_pipe_open(&in, 0) != 0)
        return 1;
    uv_read_start((uv_stream_t *)&in, on_alloc, on_input);
    return uv_run(&loop, UV_RUN_DEFAULT);
}
