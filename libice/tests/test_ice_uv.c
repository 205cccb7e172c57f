/* SPDX-License-Identifier: MIT */
/* Connections with real sockets, on the loopback interface. */
#include <arpa/inet.h>
#include <unistd.h>

#include <farhand/stun.h>

#include "uv_side.h"

#define ARRAY_LEN(a) ((int)(sizeof(a) / sizeof(*(a))))

START_TEST(two_connections_find_each_other_and_exchange_data)
{
    struct side s[2] = {{.u = NULL}};
    struct fh_ice_path path;
    uv_loop_t loop;

    uv_loop_init(&loop);
    make_pair(&loop, s, NULL);
    ck_assert_int_eq(fh_ice_uv_send(s[0].u, "\x08", 1), FH_ICE_E_STATE);
    RUN_UNTIL(&loop, s[0].state == FH_ICE_COMPLETED && s[1].state == FH_ICE_COMPLETED);
    ck_assert_uint_eq(s[0].descriptions, 1);
    ck_assert_uint_ge(s[0].paths, 1);
    ck_assert(fh_ice_uv_path(s[0].u, &path));
    ck_assert_int_eq((int)path.local_type, FH_ICE_HOST);
    ck_assert(path.is_nominated);
    s[1].echoes = true;
    ck_assert_int_eq(fh_ice_uv_send(s[0].u, "\x08hello", 6), 0);
    RUN_UNTIL(&loop, s[0].received == 1);
    ck_assert_mem_eq(s[0].last, "\x08hello", 6);
    ck_assert_uint_eq(s[0].strangers, 0);
    ck_assert_int_eq(fh_ice_uv_send(s[0].u, "", 0), FH_ICE_E_INVAL);
    ck_assert_int_eq(fh_ice_uv_send(s[0].u, s[0].last, FH_ICE_UV_MAX_DATAGRAM + 1), FH_ICE_E_INVAL);
    close_pair(&loop, s);
    end_loop(&loop);
}
END_TEST

START_TEST(batches_of_datagrams_arrive_in_batches)
{
    enum { MANY = 1000, EACH = 100 };
    struct side s[2] = {{.u = NULL}};
    uv_buf_t list[EACH];
    static char data[1200];
    uv_loop_t loop;

    uv_loop_init(&loop);
    make_pair(&loop, s, NULL);
    RUN_UNTIL(&loop, s[0].state == FH_ICE_COMPLETED && s[1].state == FH_ICE_COMPLETED);
    memset(data, 0x0a, sizeof data);
    for (int i = 0; i < EACH; i++)
        list[i] = uv_buf_init(data, sizeof data);
    s[1].batches = 0;
    for (size_t sent = 0; sent < MANY; sent += EACH) {
        ck_assert_int_eq(fh_ice_uv_send_many(s[0].u, list, EACH), EACH);
        RUN_UNTIL(&loop, s[1].received >= sent + EACH);
    }
    ck_assert_uint_eq(s[1].received, MANY);
    ck_assert_uint_lt(s[1].batches, MANY / 4);
    close_pair(&loop, s);
    end_loop(&loop);
}
END_TEST

START_TEST(a_port_is_open_while_its_connection_lives_and_no_longer)
{
    struct side s[2] = {{.u = NULL}};
    size_t before = count_sockets();
    struct fh_ice_path path;
    struct sockaddr_in in = {.sin_family = AF_INET};
    uint16_t port;
    uv_loop_t loop;
    int fd;

    uv_loop_init(&loop);
    make_pair(&loop, s, NULL);
    ck_assert_uint_eq(count_sockets(), before + 2);
    RUN_UNTIL(&loop, s[0].state == FH_ICE_COMPLETED && s[1].state == FH_ICE_COMPLETED);
    ck_assert_uint_eq(count_sockets(), before + 2);
    ck_assert(fh_ice_uv_path(s[0].u, &path));
    port = path.local.port;
    close_side(&s[0]);
    /* At once, not when the loop gets to it. */
    ck_assert_uint_eq(count_sockets(), before + 1);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    in.sin_port = htons(port);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    close(fd);
    close_side(&s[1]);
    ck_assert_uint_eq(count_sockets(), before);
    end_loop(&loop);
    ck_assert(s[0].is_closed && s[1].is_closed);
}
END_TEST

START_TEST(many_connections_share_one_port)
{
    enum { MANY = 40 };
    static struct side s[MANY][2];
    struct fh_ice_uv_port *port;
    size_t before = count_sockets();
    bool is_port_closed = false;
    struct side waiter = {.u = NULL};
    uv_loop_t loop;
    size_t done = 0;

    memset(s, 0, sizeof s);
    uv_loop_init(&loop);
    ck_assert_int_eq(fh_ice_uv_port_open(&loop, 0, &port), 0);
    ck_assert_uint_ne(fh_ice_uv_port_number(port), 0);
    ck_assert_uint_eq(count_sockets(), before + 1);
    for (int i = 0; i < MANY; i++)
        make_pair(&loop, s[i], port);
    ck_assert_uint_eq(count_sockets(), before + 1 + MANY);
    for (int i = 0; i < MANY; i++)
        RUN_UNTIL(&loop, s[i][0].state == FH_ICE_COMPLETED && s[i][1].state == FH_ICE_COMPLETED);
    for (int i = 0; i < MANY; i++) {
        const char text[3] = {'\x08', (char)i, (char)(i + 1)};

        ck_assert_int_eq(fh_ice_uv_send(s[i][1].u, text, sizeof text), 0);
    }
    for (int i = 0; i < MANY; i++) {
        RUN_UNTIL(&loop, s[i][0].received == 1);
        ck_assert_uint_eq(s[i][0].last[1], (uint8_t)i);
        done += s[i][0].strangers == 0;
    }
    ck_assert_uint_eq(done, MANY);
    /* The owner lets go first; the socket stays for those who are on it. */
    fh_ice_uv_port_close(port, side_closed, &waiter);
    ck_assert_uint_eq(count_sockets(), before + 1 + MANY);
    for (int i = 0; i < MANY; i++)
        close_pair(&loop, s[i]);
    ck_assert_uint_eq(count_sockets(), before);
    end_loop(&loop);
    is_port_closed = waiter.is_closed;
    ck_assert(is_port_closed);
}
END_TEST

START_TEST(a_port_without_connections_closes_at_once)
{
    struct side waiter = {.u = NULL};
    struct fh_ice_uv_port *port, *same;
    size_t before = count_sockets();
    uv_loop_t loop;

    uv_loop_init(&loop);
    ck_assert_int_eq(fh_ice_uv_port_open(&loop, 0, &port), 0);
    ck_assert_int_eq(fh_ice_uv_port_open(&loop, fh_ice_uv_port_number(port), &same),
                     FH_ICE_E_SYSTEM);
    fh_ice_uv_port_close(port, side_closed, &waiter);
    fh_ice_uv_port_close(port, side_closed, &waiter);
    ck_assert_uint_eq(count_sockets(), before);
    end_loop(&loop);
    ck_assert(waiter.is_closed);
}
END_TEST

START_TEST(a_restart_changes_credentials_and_data_goes_on)
{
    struct side s[2] = {{.u = NULL}};
    struct fh_ice_description before, after;
    uv_loop_t loop;

    uv_loop_init(&loop);
    make_pair(&loop, s, NULL);
    RUN_UNTIL(&loop, s[0].state == FH_ICE_COMPLETED && s[1].state == FH_ICE_COMPLETED);
    fh_ice_uv_description(s[0].u, &before);
    s[0].is_calling = true;
    fh_ice_uv_restart(s[0].u);
    s[0].is_calling = false;
    ck_assert_int_eq(fh_ice_uv_send(s[0].u, "\x08", 1), 0);
    RUN_UNTIL(&loop, s[1].received == 1);
    RUN_UNTIL(&loop, s[0].descriptions == 2 && s[1].descriptions == 2);
    RUN_UNTIL(&loop, s[0].state == FH_ICE_COMPLETED && s[1].state == FH_ICE_COMPLETED);
    fh_ice_uv_description(s[0].u, &after);
    ck_assert_str_ne(before.ufrag, after.ufrag);
    ck_assert_int_eq(fh_ice_uv_send(s[1].u, "\x08", 1), 0);
    RUN_UNTIL(&loop, s[0].received == 1);
    close_pair(&loop, s);
    end_loop(&loop);
}
END_TEST

/* ---- servers -------------------------------------------------------------------------------- */

/* A STUN server that sees everybody at one address. */
struct server {
    uv_udp_t udp;
    uint8_t in[2048];
    unsigned asked;
    bool is_silent;
};

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct server *s = h->data;

    (void)suggested;
    *buf = uv_buf_init((char *)s->in, sizeof s->in);
}

static void on_question(uv_udp_t *h, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                        unsigned flags)
{
    struct server *s = h->data;
    struct fh_ice_address seen = {.family = FH_ICE_IPV4, .ip = {198, 51, 100, 7}, .port = 4711};
    struct fh_stun_builder b;
    struct fh_stun_message m;
    uint8_t mem[128];
    uv_buf_t out;

    (void)flags;
    if (n <= 0 || fh_stun_parse(buf->base, (size_t)n, &m) != 0)
        return;
    s->asked++;
    if (s->is_silent)
        return;
    fh_stun_build_response(&b, mem, sizeof mem, FH_STUN_SUCCESS, &m);
    fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &seen);
    out = uv_buf_init((char *)mem, (unsigned)fh_stun_build_end(&b));
    ck_assert_int_gt(uv_udp_try_send(&s->udp, &out, 1, from), 0);
}

static uint16_t serve(uv_loop_t *loop, struct server *s)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    int len = sizeof in;

    memset(s, 0, sizeof *s);
    uv_udp_init(loop, &s->udp);
    s->udp.data = s;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(uv_udp_bind(&s->udp, (struct sockaddr *)&in, 0), 0);
    ck_assert_int_eq(uv_udp_recv_start(&s->udp, on_alloc, on_question), 0);
    ck_assert_int_eq(uv_udp_getsockname(&s->udp, (struct sockaddr *)&in, &len), 0);
    return ntohs(in.sin_port);
}

static const char *const hosts[] = {"127.0.0.1", "localhost"};

START_TEST(a_stun_server_gives_a_candidate)
{
    struct server server;
    struct side s = {.u = NULL};
    struct fh_ice_uv_config cfg = config(&s, FH_ICE_CONTROLLING);
    struct fh_ice_uv_server stun = {.host = hosts[_i]};
    size_t found = 0;
    uv_loop_t loop;

    uv_loop_init(&loop);
    stun.port = serve(&loop, &server);
    cfg.stun = &stun;
    cfg.stun_len = 1;
    make(&loop, &s, &cfg);
    RUN_UNTIL(&loop, s.ends == 1);
    for (size_t i = 0; i < s.candidates; i++)
        found += s.seen[i].type == FH_ICE_SRFLX && s.seen[i].address.port == 4711;
    ck_assert_uint_eq(found, 1);
    ck_assert_uint_ge(server.asked, 1);
    close_side(&s);
    uv_close((uv_handle_t *)&server.udp, NULL);
    end_loop(&loop);
}
END_TEST

START_TEST(a_name_without_an_address_and_a_silent_server_delay_nothing)
{
    struct server server;
    struct side s[2] = {{.u = NULL}};
    struct fh_ice_uv_server stun[2] = {{.host = "nobody.invalid"}, {.host = "127.0.0.1"}};
    uv_loop_t loop;
    uint64_t start;

    uv_loop_init(&loop);
    stun[1].port = serve(&loop, &server);
    server.is_silent = true;
    s[0].peer = &s[1];
    s[1].peer = &s[0];
    start = uv_hrtime();
    for (int i = 0; i < 2; i++) {
        struct fh_ice_uv_config cfg = config(&s[i], i ? FH_ICE_CONTROLLED : FH_ICE_CONTROLLING);

        cfg.stun = stun;
        cfg.stun_len = 2;
        make(&loop, &s[i], &cfg);
    }
    RUN_UNTIL(&loop, s[0].state == FH_ICE_COMPLETED && s[1].state == FH_ICE_COMPLETED);
    printf("connected after %d ms\n", (int)((uv_hrtime() - start) / 1000000));
    ck_assert_uint_ge(server.asked, 1);
    ck_assert_uint_eq(s[0].ends, 0);
    close_pair(&loop, s);
    uv_close((uv_handle_t *)&server.udp, NULL);
    end_loop(&loop);
}
END_TEST

START_TEST(a_turn_server_that_is_not_there_delays_nothing_and_closes_its_socket)
{
    static const enum fh_ice_uv_carrier carriers[] = {FH_ICE_UV_UDP, FH_ICE_UV_TCP};
    struct side s[2] = {{.u = NULL}};
    struct fh_ice_uv_turn turn = {.server = {.host = "127.0.0.1", .port = 1},
                                  .carrier = carriers[_i],
                                  .username = "u",
                                  .password = "p"};
    size_t before = count_sockets();
    uv_loop_t loop;

    uv_loop_init(&loop);
    s[0].peer = &s[1];
    s[1].peer = &s[0];
    for (int i = 0; i < 2; i++) {
        struct fh_ice_uv_config cfg = config(&s[i], i ? FH_ICE_CONTROLLED : FH_ICE_CONTROLLING);

        cfg.turn = &turn;
        cfg.turn_len = 1;
        make(&loop, &s[i], &cfg);
    }
    RUN_UNTIL(&loop, s[0].state == FH_ICE_COMPLETED && s[1].state == FH_ICE_COMPLETED);
    close_pair(&loop, s);
    ck_assert_uint_eq(count_sockets(), before);
    end_loop(&loop);
}
END_TEST

/* A server that takes connections and never says a word. */
struct mute {
    uv_tcp_t listener, client;
    bool is_connected, is_left;
    char mem[1024];
};

static void mute_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct mute *m = h->data;

    (void)suggested;
    *buf = uv_buf_init(m->mem, sizeof m->mem);
}

static void mute_read(uv_stream_t *h, ssize_t n, const uv_buf_t *buf)
{
    struct mute *m = h->data;

    (void)buf;
    m->is_left |= n < 0;
}

static void mute_accept(uv_stream_t *listener, int status)
{
    struct mute *m = listener->data;

    ck_assert_int_eq(status, 0);
    ck_assert(!m->is_connected);
    m->is_connected = true;
    uv_tcp_init(listener->loop, &m->client);
    m->client.data = m;
    ck_assert_int_eq(uv_accept(listener, (uv_stream_t *)&m->client), 0);
    uv_read_start((uv_stream_t *)&m->client, mute_alloc, mute_read);
}

static uint16_t mute_open(uv_loop_t *loop, struct mute *m)
{
    struct sockaddr_in sa;
    int len = sizeof sa;

    uv_tcp_init(loop, &m->listener);
    m->listener.data = m;
    uv_ip4_addr("127.0.0.1", 0, &sa);
    ck_assert_int_eq(uv_tcp_bind(&m->listener, (struct sockaddr *)&sa, 0), 0);
    ck_assert_int_eq(uv_listen((uv_stream_t *)&m->listener, 1, mute_accept), 0);
    ck_assert_int_eq(uv_tcp_getsockname(&m->listener, (struct sockaddr *)&sa, &len), 0);
    return ntohs(sa.sin_port);
}

/* Otherwise it would be held to be there for as long as the connection lasts, and never be asked
 * again. */
START_TEST(a_tls_server_that_says_nothing_is_left)
{
    struct mute mute = {.is_left = false};
    struct side s = {.u = NULL};
    struct fh_ice_uv_turn turn = {.server = {.host = "127.0.0.1"},
                                  .carrier = FH_ICE_UV_TLS,
                                  .username = "u",
                                  .password = "p"};
    struct fh_ice_uv_config cfg = config(&s, FH_ICE_CONTROLLING);
    uv_loop_t loop;

    uv_loop_init(&loop);
    turn.server.port = mute_open(&loop, &mute);
    cfg.turn = &turn;
    cfg.turn_len = 1;
    make(&loop, &s, &cfg);
    RUN_UNTIL(&loop, mute.is_left);
    close_side(&s);
    uv_close((uv_handle_t *)&mute.listener, NULL);
    uv_close((uv_handle_t *)&mute.client, NULL);
    end_loop(&loop);
    ck_assert(s.is_closed);
}
END_TEST

START_TEST(with_the_relay_policy_no_port_is_opened)
{
    struct side s = {.u = NULL};
    struct fh_ice_uv_config cfg = config(&s, FH_ICE_CONTROLLING);
    size_t before = count_sockets();
    uv_loop_t loop;

    uv_loop_init(&loop);
    cfg.policy = FH_ICE_POLICY_RELAY;
    make(&loop, &s, &cfg);
    RUN_UNTIL(&loop, s.ends == 1 && s.descriptions == 1);
    ck_assert_uint_eq(count_sockets(), before);
    ck_assert_uint_eq(s.candidates, 0);
    close_side(&s);
    end_loop(&loop);
    ck_assert(s.is_closed);
}
END_TEST

/* ---- odd ends ------------------------------------------------------------------------------- */

START_TEST(a_connection_may_be_closed_in_its_own_callback)
{
    struct side s[2] = {{.u = NULL}};
    uv_loop_t loop;

    uv_loop_init(&loop);
    s[0].closes_at_once = true;
    make_pair(&loop, s, NULL);
    RUN_UNTIL(&loop, s[0].is_closed);
    close_side(&s[1]);
    end_loop(&loop);
    ck_assert(s[1].is_closed);
}
END_TEST

/* Callbacks that are left until both sides are closed from inside one. */
static int callbacks_left;

static void count_callback(struct side *s)
{
    if (callbacks_left-- != 0)
        return;
    close_side(s->peer);
    close_side(s);
}

static void counted_description(void *user, const struct fh_ice_description *d)
{
    side_description(user, d);
    count_callback(user);
}

static void counted_candidate(void *user, const struct fh_ice_candidate *c, const char *ufrag)
{
    side_candidate(user, c, ufrag);
    count_callback(user);
}

static void counted_state(void *user, enum fh_ice_state state, int error)
{
    struct side *s = user;

    side_state(user, state, error);
    if (state == FH_ICE_CONNECTED && s->u)
        (void)fh_ice_uv_send(s->u, "\x08hello", 6);
    count_callback(user);
}

static void counted_path(void *user, const struct fh_ice_path *path)
{
    side_path(user, path);
    count_callback(user);
}

static void counted_received(void *user, const uint8_t *data, size_t len, bool is_stranger)
{
    side_received(user, data, len, is_stranger);
    count_callback(user);
}

static void counted_batch_end(void *user)
{
    side_batch_end(user);
    count_callback(user);
}

/* Both on one port, with a TURN server that refuses; whichever callback it is. */
START_TEST(both_sides_may_be_closed_in_any_callback)
{
    struct fh_ice_uv_turn turn = {.server = {.host = "127.0.0.1", .port = 1},
                                  .carrier = _i % 2 ? FH_ICE_UV_TCP : FH_ICE_UV_UDP,
                                  .username = "ann",
                                  .password = "secret"};
    struct side s[2] = {{.u = NULL}};
    struct fh_ice_uv_port *port = NULL;
    uv_loop_t loop;

    uv_loop_init(&loop);
    ck_assert_int_eq(fh_ice_uv_port_open(&loop, 0, &port), 0);
    callbacks_left = _i / 2;
    for (int i = 0; i < 2; i++) {
        struct fh_ice_uv_config cfg = config(&s[i], i ? FH_ICE_CONTROLLED : FH_ICE_CONTROLLING);

        s[i].peer = &s[1 - i];
        cfg.description = counted_description;
        cfg.candidate = counted_candidate;
        cfg.state = counted_state;
        cfg.path = counted_path;
        cfg.received = counted_received;
        cfg.batch_end = counted_batch_end;
        cfg.port = port;
        cfg.turn = &turn;
        cfg.turn_len = 1;
        make(&loop, &s[i], &cfg);
    }
    RUN_UNTIL(&loop, s[0].is_closed && s[1].is_closed);
    fh_ice_uv_port_close(port, NULL, NULL);
    end_loop(&loop);
    ck_assert_uint_eq(count_sockets(), 0);
}
END_TEST

START_TEST(a_connection_may_be_closed_before_anything_happened)
{
    struct side s = {.u = NULL};
    struct fh_ice_uv_server stun = {.host = "localhost"};
    struct fh_ice_uv_turn turn = {
        .server = {.host = "localhost"}, .username = "u", .password = "p"};
    struct fh_ice_uv_config cfg = config(&s, FH_ICE_CONTROLLING);
    uv_loop_t loop;

    uv_loop_init(&loop);
    cfg.stun = &stun;
    cfg.turn = &turn;
    cfg.stun_len = cfg.turn_len = 1;
    make(&loop, &s, &cfg);
    close_side(&s);
    end_loop(&loop);
    ck_assert(s.is_closed);
    ck_assert_uint_eq(s.descriptions, 0);
}
END_TEST

START_TEST(a_config_out_of_range_is_refused)
{
    struct side s = {.u = NULL};
    struct fh_ice_uv_config good = config(&s, FH_ICE_CONTROLLING), bad;
    struct fh_ice_uv_server stun = {.host = ""};
    struct fh_ice_uv_turn turn = {.server = {.host = "127.0.0.1"}, .username = "u"};
    struct fh_ice_uv *u = NULL;
    size_t before = count_sockets();
    uv_loop_t loop;

    uv_loop_init(&loop);
    bad = good;
    bad.state = NULL;
    ck_assert_int_eq(fh_ice_uv_new(&loop, &bad, &u), FH_ICE_E_INVAL);
    bad = good;
    bad.received = NULL;
    ck_assert_int_eq(fh_ice_uv_new(&loop, &bad, &u), FH_ICE_E_INVAL);
    bad = good;
    bad.stun_len = FH_ICE_UV_MAX_STUN + 1;
    ck_assert_int_eq(fh_ice_uv_new(&loop, &bad, &u), FH_ICE_E_INVAL);
    bad = good;
    bad.ta_ms = 4;
    ck_assert_int_eq(fh_ice_uv_new(&loop, &bad, &u), FH_ICE_E_INVAL);
    bad = good;
    bad.stun = &stun;
    bad.stun_len = 1;
    ck_assert_int_eq(fh_ice_uv_new(&loop, &bad, &u), FH_ICE_E_INVAL);
    bad = good;
    bad.turn = &turn;
    bad.turn_len = 1;
    ck_assert_int_eq(fh_ice_uv_new(&loop, &bad, &u), FH_ICE_E_INVAL);
    ck_assert_ptr_null(u);
    ck_assert_uint_eq(count_sockets(), before);
    end_loop(&loop);
}
END_TEST

/* ---- what 200 idle connections cost --------------------------------------------------------- */

static uint64_t count_checks(const struct side *s, size_t n)
{
    struct fh_ice_stats stats;
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        fh_ice_uv_stats(s[i].u, &stats);
        sum += stats.checks_sent;
    }
    return sum;
}

START_TEST(two_hundred_idle_connections_cost_next_to_nothing)
{
    enum { MANY = 100 }; /* pairs */
    static struct side s[MANY][2];
    struct fh_ice_uv_port *port;
    struct side waiter = {.u = NULL};
    uv_rusage_t before, after;
    uv_timer_t wait;
    bool is_over = false;
    double busy;
    uv_loop_t loop;
    uint64_t asked;

    memset(s, 0, sizeof s);
    uv_loop_init(&loop);
    ck_assert_int_eq(fh_ice_uv_port_open(&loop, 0, &port), 0);
    for (int i = 0; i < MANY; i++)
        make_pair(&loop, s[i], port);
    for (int i = 0; i < MANY; i++)
        RUN_UNTIL(&loop, s[i][0].state == FH_ICE_COMPLETED && s[i][1].state == FH_ICE_COMPLETED);
    uv_timer_init(&loop, &wait);
    wait.data = &is_over;
    /* The last checks of the other pairs run out first. */
    uv_timer_start(&wait, side_late, 2000, 0);
    while (!is_over)
        uv_run(&loop, UV_RUN_ONCE);
    is_over = false;
    uv_timer_start(&wait, side_late, 6000, 0);
    asked = count_checks(&s[0][0], 2 * MANY);
    uv_getrusage(&before);
    while (!is_over)
        uv_run(&loop, UV_RUN_ONCE);
    uv_getrusage(&after);
    /* One consent request in 4 to 6 s from each, and no more. */
    asked = count_checks(&s[0][0], 2 * MANY) - asked;
    ck_assert_uint_ge(asked, MANY);
    ck_assert_uint_le(asked, 2 * 2 * MANY);
    busy = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
           (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6 +
           (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
           (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
    printf("200 idle connections: %.3f %% of a core\n", busy / 6 * 100);
    uv_close((uv_handle_t *)&wait, NULL);
    fh_ice_uv_port_close(port, side_closed, &waiter);
    for (int i = 0; i < MANY; i++)
        close_pair(&loop, s[i]);
    end_loop(&loop);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ice-uv");
    TCase *tc = tcase_create("ice-uv");
    SRunner *sr = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, two_connections_find_each_other_and_exchange_data);
    tcase_add_test(tc, batches_of_datagrams_arrive_in_batches);
    tcase_add_test(tc, a_port_is_open_while_its_connection_lives_and_no_longer);
    tcase_add_test(tc, many_connections_share_one_port);
    tcase_add_test(tc, a_port_without_connections_closes_at_once);
    tcase_add_test(tc, a_restart_changes_credentials_and_data_goes_on);
    tcase_add_loop_test(tc, a_stun_server_gives_a_candidate, 0, ARRAY_LEN(hosts));
    tcase_add_test(tc, a_name_without_an_address_and_a_silent_server_delay_nothing);
    tcase_add_loop_test(tc, a_turn_server_that_is_not_there_delays_nothing_and_closes_its_socket, 0,
                        2);
    tcase_add_test(tc, a_tls_server_that_says_nothing_is_left);
    tcase_add_test(tc, with_the_relay_policy_no_port_is_opened);
    tcase_add_test(tc, a_connection_may_be_closed_in_its_own_callback);
    tcase_add_loop_test(tc, both_sides_may_be_closed_in_any_callback, 0, 48);
    tcase_add_test(tc, a_connection_may_be_closed_before_anything_happened);
    tcase_add_test(tc, a_config_out_of_range_is_refused);
    tcase_add_test(tc, two_hundred_idle_connections_cost_next_to_nothing);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
