/* SPDX-License-Identifier: MIT */
/* Connecting and what a connected stream does. Listening has a file of its own. */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "uv_support.h"

/* Two owners, connected over loopback. */
static struct owner near_end, far_end;
static uint32_t pair_linger_ms;

static void connect_pair(size_t queue_len)
{
    const char *address = "127.0.0.1:0";
    struct door d;
    struct call c;
    struct fh_tcp_listen_config listen_cfg = door_config(&d, &address, 1);
    struct fh_tcp_connect_config cfg = call_config(&c);
    struct fh_target to;

    listen_cfg.options.queue_len = cfg.options.queue_len = queue_len;
    listen_cfg.options.linger_ms = cfg.options.linger_ms = pair_linger_ms;
    ck_assert_int_eq(fh_tcp_listen(&loop, &listen_cfg, &d.l, NULL, 0), 0);
    to = target_ip("127.0.0.1", door_port(&d, 0));
    ck_assert_int_eq(fh_tcp_connect(&loop, &to, &cfg, NULL), 0);
    RUN_UNTIL(c.done && d.len == 1);
    ck_assert_int_eq(c.error, 0);
    close_door(&d);
    memset(&near_end, 0, sizeof near_end);
    memset(&far_end, 0, sizeof far_end);
    near_end.appetite = far_end.appetite = UINT64_MAX;
    own(&near_end, c.s);
    own(&far_end, d.accepted[0]);
}

static void close_pair(void)
{
    close_owner(&near_end);
    close_owner(&far_end);
}

static int put(struct owner *o, const char *text)
{
    return fh_stream_write(o->s, (const uint8_t *)text, strlen(text));
}

/* The pattern that is sent: byte number i. */
static uint8_t pattern(uint64_t i)
{
    return (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

/* Writes pattern bytes from *at on as long as they are taken, at most up to end. */
static void fill(struct owner *o, uint64_t *at, uint64_t end)
{
    static uint8_t block[100000];
    int n;

    do {
        size_t len = end - *at < sizeof block ? (size_t)(end - *at) : sizeof block;

        for (size_t i = 0; i < len; i++)
            block[i] = pattern(*at + i);
        n = fh_stream_write(o->s, block, len);
        ck_assert_int_ge(n, 0);
        *at += (uint64_t)n;
    } while (n > 0);
}

static uint64_t pattern_sum(uint64_t len)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < len; i++)
        sum = sum * 31 + pattern(i);
    return sum;
}

START_TEST(bytes_cross_both_ways_and_are_counted)
{
    struct fh_stream_counters n;
    struct fh_address peer;
    char text[FH_ADDRESS_TEXT];

    connect_pair(0);
    ck_assert_int_eq(put(&near_end, "ping"), 4);
    ck_assert_uint_eq(far_end.len, 0);
    RUN_UNTIL(far_end.len == 4);
    ck_assert_mem_eq(far_end.first, "ping", 4);
    put(&far_end, "answer");
    RUN_UNTIL(near_end.len == 6);
    fh_stream_counters(near_end.s, &n);
    ck_assert(n.in == 6 && n.out == 4 && n.queued == 0);
    ck_assert_int_eq((int)fh_stream_kind(near_end.s), FH_STREAM_TCP);
    fh_stream_address(far_end.s, &peer);
    ck_assert_int_eq((int)peer.family, FH_ADDRESS_IPV4);
    fh_stream_peer(far_end.s, text, sizeof text);
    ck_assert_int_eq(strncmp(text, "127.0.0.1:", 10), 0);
    close_pair();
}
END_TEST

START_TEST(a_slow_reader_makes_writes_short_and_loses_nothing)
{
    const uint64_t total = 24 << 20;
    uint64_t at = 0, limit_len;
    struct fh_stream_counters n;

    connect_pair(100000);
    far_end.appetite = 0;
    fill(&near_end, &at, total);
    /* Until the kernel's buffers and ours are full, there is room again and again. */
    for (int quiet = 0; quiet < 50; quiet++) {
        unsigned before = near_end.writable;
        uint64_t was = at;

        run_rounds(1);
        if (near_end.writable != before)
            fill(&near_end, &at, total);
        if (at != was)
            quiet = 0;
    }
    ck_assert_uint_lt(at, total);
    ck_assert_uint_eq(far_end.len, 0);
    fh_stream_counters(near_end.s, &n);
    ck_assert_uint_eq(n.queued, 100000);
    ck_assert_int_eq(put(&near_end, "x"), 0);
    limit_len = at;
    /* It stays so: nothing is held but the queue. */
    run_rounds(20);
    ck_assert_uint_eq(limit_len, at);
    far_end.appetite = 1000;
    fh_stream_resume(far_end.s);
    RUN_UNTIL(far_end.len == 1000);
    run_rounds(5);
    ck_assert_uint_eq(far_end.len, 1000);
    far_end.appetite = UINT64_MAX;
    fh_stream_resume(far_end.s);
    while (at < total) {
        unsigned before = near_end.writable;

        RUN_UNTIL(near_end.writable != before);
        fill(&near_end, &at, total);
    }
    fh_stream_shutdown(near_end.s);
    RUN_UNTIL(far_end.ends);
    ck_assert_int_eq(far_end.error, 0);
    ck_assert_uint_eq(far_end.len, total);
    ck_assert_uint_eq(far_end.sum, pattern_sum(total));
    close_pair();
}
END_TEST

START_TEST(both_directions_flow_at_once_through_small_queues)
{
    const uint64_t total = 3 << 20;
    uint64_t a = 0, b = 0;

    connect_pair(1);
    while (near_end.len < total || far_end.len < total) {
        fill(&near_end, &a, total);
        fill(&far_end, &b, total);
        uv_run(&loop, UV_RUN_ONCE);
    }
    ck_assert_uint_eq(near_end.sum, pattern_sum(total));
    ck_assert_uint_eq(far_end.sum, near_end.sum);
    close_pair();
}
END_TEST

START_TEST(shutdown_sends_what_is_queued_then_ends_one_direction)
{
    uint64_t at = 0;

    connect_pair(0);
    far_end.appetite = 0;
    fill(&near_end, &at, 64 << 20);
    fh_stream_shutdown(near_end.s);
    ck_assert_int_eq(put(&near_end, "x"), FH_TRANSPORT_E_CLOSED);
    far_end.appetite = UINT64_MAX;
    fh_stream_resume(far_end.s);
    RUN_UNTIL(far_end.ends);
    ck_assert_int_eq(far_end.error, 0);
    ck_assert_uint_eq(far_end.len, at);
    ck_assert_int_eq(put(&far_end, "later"), 5);
    RUN_UNTIL(near_end.len == 5);
    fh_stream_shutdown(far_end.s);
    RUN_UNTIL(near_end.ends);
    ck_assert_int_eq(near_end.error, 0);
    close_pair();
}
END_TEST

START_TEST(a_close_with_unread_bytes_is_a_reset_for_the_peer)
{
    connect_pair(0);
    near_end.appetite = 0;
    put(&far_end, "never read");
    RUN_UNTIL(near_end.ends == 0 && near_end.appetite == 0);
    run_rounds(3);
    put(&far_end, "nor this");
    close_owner(&near_end);
    RUN_UNTIL(far_end.ends);
    ck_assert_int_eq(far_end.error, FH_TRANSPORT_E_RESET);
    ck_assert_int_eq(put(&far_end, "x"), FH_TRANSPORT_E_RESET);
    close_owner(&far_end);
}
END_TEST

START_TEST(writing_to_a_peer_that_is_gone_ends_in_a_reset)
{
    connect_pair(0);
    close_owner(&near_end);
    RUN_UNTIL(far_end.ends);
    ck_assert_int_eq(far_end.error, 0);
    /* The first write is answered by a reset, which the next ones find. */
    while (put(&far_end, "x") >= 0)
        run_rounds(1);
    ck_assert_int_eq(put(&far_end, "x"), FH_TRANSPORT_E_RESET);
    ck_assert_uint_eq(far_end.ends, 1);
    close_owner(&far_end);
}
END_TEST

START_TEST(a_close_drops_what_is_queued_and_tells_when_it_is_over)
{
    uint64_t at = 0;

    connect_pair(0);
    far_end.appetite = 0;
    fill(&near_end, &at, 64 << 20);
    fh_stream_close(near_end.s, owner_closed, &near_end);
    fh_stream_close(near_end.s, owner_closed, &near_end);
    ck_assert_int_eq(put(&near_end, "x"), FH_TRANSPORT_E_CLOSED);
    fh_stream_resume(near_end.s);
    fh_stream_shutdown(near_end.s);
    ck_assert_uint_eq(near_end.closed, 0);
    RUN_UNTIL(near_end.closed);
    ck_assert(near_end.closed == 1 && near_end.ends == 0 && near_end.writable == 0);
    far_end.appetite = UINT64_MAX;
    fh_stream_resume(far_end.s);
    RUN_UNTIL(far_end.ends);
    ck_assert_uint_lt(far_end.len, at);
    close_owner(&far_end);
}
END_TEST

START_TEST(last_words_shutdown_close_arrive_however_long_they_are)
{
    uint64_t at = 0;

    connect_pair(0);
    near_end.appetite = far_end.appetite = 0;
    put(&far_end, "not read any more");
    fill(&near_end, &at, 64 << 20);
    fh_stream_shutdown(near_end.s);
    fh_stream_close(near_end.s, owner_closed, &near_end);
    run_rounds(20);
    ck_assert_uint_eq(near_end.closed, 0);
    put(&far_end, "nor this");
    far_end.appetite = UINT64_MAX;
    fh_stream_resume(far_end.s);
    RUN_UNTIL(far_end.ends);
    ck_assert_int_eq(far_end.error, 0);
    ck_assert_uint_eq(far_end.len, at);
    ck_assert_uint_eq(near_end.closed, 0);
    close_owner(&far_end);
    RUN_UNTIL(near_end.closed);
    ck_assert_uint_eq(near_end.len, 0);
}
END_TEST

START_TEST(a_polite_close_waits_no_longer_than_it_may)
{
    uint64_t at = 0;

    pair_linger_ms = 20;
    connect_pair(0);
    pair_linger_ms = 0;
    far_end.appetite = 0;
    fill(&near_end, &at, 64 << 20);
    fh_stream_shutdown(near_end.s);
    close_owner(&near_end);
    far_end.appetite = UINT64_MAX;
    fh_stream_resume(far_end.s);
    RUN_UNTIL(far_end.ends);
    ck_assert_uint_lt(far_end.len, at);
    close_owner(&far_end);
}
END_TEST

/* Says goodbye and closes as soon as something arrives. */
static size_t part_at_once(void *user, const uint8_t *data, size_t len)
{
    struct owner *o = user;

    (void)data;
    fh_stream_shutdown(o->s);
    fh_stream_close(o->s, owner_closed, o);
    return len;
}

START_TEST(a_polite_close_inside_data_notices_the_peers_end)
{
    static const struct fh_stream_events parting = {
        .data = part_at_once, .writable = owner_writable, .end = owner_end};

    pair_linger_ms = INT32_MAX;
    connect_pair(0);
    pair_linger_ms = 0;
    fh_stream_attach(near_end.s, &parting, &near_end);
    fh_stream_attach(far_end.s, &parting, &far_end);
    put(&near_end, "bye");
    put(&far_end, "bye");
    RUN_UNTIL(near_end.closed && far_end.closed);
}
END_TEST

/* Takes one byte and hands the stream to far_end. */
static size_t hand_over(void *user, const uint8_t *data, size_t len)
{
    struct owner *o = user;

    (void)data;
    (void)len;
    fh_stream_attach(o->s, &owner_events, &far_end);
    return 1;
}

START_TEST(a_stream_is_handed_over_from_inside_data)
{
    static const struct fh_stream_events first = {
        .data = hand_over, .writable = owner_writable, .end = owner_end};
    struct owner before = {.s = NULL};

    connect_pair(0);
    before.s = far_end.s;
    fh_stream_attach(before.s, &first, &before);
    put(&near_end, "abc");
    RUN_UNTIL(far_end.len == 2);
    ck_assert_mem_eq(far_end.first, "bc", 2);
    close_owner(&near_end);
    RUN_UNTIL(far_end.ends);
    ck_assert_uint_eq(before.ends, 0);
    close_owner(&far_end);
}
END_TEST

static size_t close_inside(void *user, const uint8_t *data, size_t len)
{
    struct owner *o = user;

    o->len++;
    fh_stream_close(o->s, owner_closed, o);
    (void)data;
    return len / 2;
}

START_TEST(closing_from_inside_data_is_safe_and_final)
{
    static const struct fh_stream_events closing = {
        .data = close_inside, .writable = owner_writable, .end = owner_end};

    connect_pair(0);
    fh_stream_attach(far_end.s, &closing, &far_end);
    put(&near_end, "abcd");
    RUN_UNTIL(far_end.closed);
    ck_assert(far_end.len == 1 && far_end.ends == 0);
    close_owner(&near_end);
}
END_TEST

START_TEST(sockets_are_tuned)
{
    const char *address = "127.0.0.1:0";
    struct door d;
    struct call c;
    struct fh_tcp_listen_config lc = door_config(&d, &address, 1);
    struct fh_tcp_connect_config cfg = call_config(&c);
    struct fh_target to;
    int checked = 0;

    cfg.options.user_timeout_ms = lc.options.user_timeout_ms = 4321;
    ck_assert_int_eq(fh_tcp_listen(&loop, &lc, &d.l, NULL, 0), 0);
    to = target_ip("127.0.0.1", door_port(&d, 0));
    ck_assert_int_eq(fh_tcp_connect(&loop, &to, &cfg, NULL), 0);
    RUN_UNTIL(c.done && d.len);
    for (int fd = 3; fd < 64; fd++) {
        struct sockaddr_in sa;
        socklen_t len = sizeof sa;
        int v = 0;
        unsigned ms = 0;

        if (getpeername(fd, (struct sockaddr *)&sa, &len) != 0 || sa.sin_family != AF_INET)
            continue;
        len = sizeof v;
        ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &v, &len), 0);
        ck_assert_int_ne(v, 0);
        len = sizeof v;
        ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &v, &len), 0);
        ck_assert_int_ne(v, 0);
        len = sizeof ms;
        ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &len), 0);
        ck_assert_uint_eq(ms, 4321);
        checked++;
    }
    ck_assert_int_eq(checked, 2);
    fh_stream_close(c.s, NULL, NULL);
    fh_stream_close(d.accepted[0], NULL, NULL);
    close_door(&d);
}
END_TEST

/* A plain socket on ip that listens but never accepts and has no place left: connecting hangs. */
struct full {
    int fd, fill[16];
    uint16_t port;
};

static void make_full(struct full *f, const char *ip)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    struct fh_address a;
    socklen_t len = sizeof sa;

    ck_assert_int_eq(fh_address_parse_ip(ip, strlen(ip), &a), 0);
    memcpy(&sa.sin_addr, a.ip, 4);
    sa.sin_port = htons(f->port);
    f->fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(f->fd, (struct sockaddr *)&sa, sizeof sa), 0);
    ck_assert_int_eq(listen(f->fd, 0), 0);
    ck_assert_int_eq(getsockname(f->fd, (struct sockaddr *)&sa, &len), 0);
    f->port = ntohs(sa.sin_port);
    for (int i = 0; i < 16; i++) {
        f->fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(f->fill[i], (struct sockaddr *)&sa, sizeof sa);
    }
}

static void drop_full(struct full *f)
{
    for (int i = 0; i < 16; i++)
        close(f->fill[i]);
    close(f->fd);
}

static struct fh_address ip_of(const char *ip)
{
    struct fh_address a;

    ck_assert_int_eq(fh_address_parse_ip(ip, strlen(ip), &a), 0);
    return a;
}

START_TEST(an_address_that_hangs_is_passed_over_and_its_attempt_closed)
{
    struct full f = {.port = 0};
    struct door d;
    struct call c;
    char address[32], text[FH_ADDRESS_TEXT];
    struct fh_address table[2] = {ip_of("127.0.0.2"), ip_of("127.0.0.3")};
    struct fh_tcp_connect_config cfg = call_config(&c);
    struct fh_target to = {.kind = FH_TARGET_HOST, .name = "unused.invalid"};

    make_full(&f, "127.0.0.2");
    snprintf(address, sizeof address, "127.0.0.3:%u", f.port);
    open_door(&d, address);
    to.port = f.port;
    cfg.resolved = table;
    cfg.resolved_len = 2;
    cfg.attempt_delay_ms = 20;
    ck_assert_int_eq(fh_tcp_connect(&loop, &to, &cfg, NULL), 0);
    RUN_UNTIL(c.done && d.len);
    ck_assert_int_eq(c.error, 0);
    fh_stream_peer(c.s, text, sizeof text);
    ck_assert_int_eq(strncmp(text, "127.0.0.3:", 10), 0);
    fh_stream_close(c.s, NULL, NULL);
    fh_stream_close(d.accepted[0], NULL, NULL);
    close_door(&d);
    drop_full(&f);
}
END_TEST

START_TEST(an_address_that_refuses_gives_way_at_once)
{
    struct door d;
    struct call c;
    struct fh_address table[2] = {ip_of("::1"), ip_of("127.0.0.1")};
    struct fh_tcp_connect_config cfg = call_config(&c);
    struct fh_target to = {.kind = FH_TARGET_HOST, .name = "unused.invalid"};
    char text[FH_ADDRESS_TEXT];

    open_door(&d, "127.0.0.1:0");
    to.port = door_port(&d, 0);
    cfg.resolved = table;
    cfg.resolved_len = 2;
    /* Longer than the test may last: only the refusal can bring the second on. */
    cfg.attempt_delay_ms = cfg.timeout_ms = 10 * LIMIT_MS;
    ck_assert_int_eq(fh_tcp_connect(&loop, &to, &cfg, NULL), 0);
    RUN_UNTIL(c.done && d.len);
    ck_assert_int_eq(c.error, 0);
    fh_stream_peer(c.s, text, sizeof text);
    ck_assert_int_eq(strncmp(text, "127.0.0.1:", 10), 0);
    fh_stream_close(c.s, NULL, NULL);
    fh_stream_close(d.accepted[0], NULL, NULL);
    close_door(&d);
}
END_TEST

START_TEST(a_refusal_names_the_address)
{
    struct door d;
    struct call c;
    struct fh_target to;
    char want[64];
    uint16_t port;

    open_door(&d, "127.0.0.1:0");
    port = door_port(&d, 0);
    close_door(&d);
    to = target_ip("127.0.0.1", port);
    call_target(&c, &to);
    ck_assert_int_eq(c.error, FH_TRANSPORT_E_REFUSED);
    snprintf(want, sizeof want, "127.0.0.1:%u: connection refused", port);
    ck_assert_str_eq(c.text, want);
    to = target_unix("/nonexistent/socket");
    call_target(&c, &to);
    ck_assert_int_eq(c.error, FH_TRANSPORT_E_UNREACHABLE);
    ck_assert_str_eq(c.text, "unix: no such file or directory");
}
END_TEST

START_TEST(a_connect_that_hangs_times_out)
{
    struct full f = {.port = 0};
    struct call c;
    struct fh_tcp_connect_config cfg = call_config(&c);
    struct fh_target to;

    make_full(&f, "127.0.0.2");
    to = target_ip("127.0.0.2", f.port);
    cfg.timeout_ms = 30;
    ck_assert_int_eq(fh_tcp_connect(&loop, &to, &cfg, NULL), 0);
    RUN_UNTIL(c.done);
    ck_assert_int_eq(c.error, FH_TRANSPORT_E_TIMEOUT);
    ck_assert_str_eq(c.text, "no answer in time");
    drop_full(&f);
}
END_TEST

START_TEST(a_connect_is_cancelled_while_it_hangs_or_before_it_began)
{
    struct full f = {.port = 0};
    struct call c;
    struct fh_tcp_connect_config cfg = call_config(&c);
    struct fh_tcp_connecting *going;
    struct fh_target to;

    make_full(&f, "127.0.0.2");
    to = target_ip("127.0.0.2", f.port);
    ck_assert_int_eq(fh_tcp_connect(&loop, &to, &cfg, &going), 0);
    if (_i)
        run_rounds(5);
    fh_tcp_connect_cancel(going);
    fh_tcp_connect_cancel(going);
    ck_assert_uint_eq(c.done, 0);
    RUN_UNTIL(c.done);
    ck_assert_int_eq(c.error, FH_TRANSPORT_E_CANCELLED);
    run_rounds(5);
    ck_assert_uint_eq(c.done, 1);
    drop_full(&f);
}
END_TEST

START_TEST(a_name_is_resolved_by_the_system_and_both_families_are_tried)
{
    struct door d;
    struct call c;
    struct fh_target to;
    struct addrinfo *known;

    if (getaddrinfo("localhost", NULL, NULL, &known) != 0)
        return; /* a system without /etc/hosts has no name to try */
    freeaddrinfo(known);
    /* localhost is ::1 and 127.0.0.1, or one of them; only the second listens. */
    open_door(&d, "127.0.0.1:0");
    ck_assert_int_eq(fh_address_parse_viewer("localhost", &to, NULL), 0);
    to.port = door_port(&d, 0);
    call_target(&c, &to);
    ck_assert_int_eq(c.error, 0);
    RUN_UNTIL(d.len == 1);
    fh_stream_close(c.s, NULL, NULL);
    fh_stream_close(d.accepted[0], NULL, NULL);
    close_door(&d);
}
END_TEST

START_TEST(a_name_that_is_none_is_told_as_such)
{
    struct call c;
    /* A label of more than 63 characters: no name server need be asked. */
    struct fh_target to = {.kind = FH_TARGET_HOST, .port = 1};

    memset(to.name, 'a', 100);
    call_target(&c, &to);
    ck_assert_int_eq(c.error, FH_TRANSPORT_E_RESOLVE);
    ck_assert_int_eq(strncmp(c.text, "host name: ", 11), 0);
}
END_TEST

START_TEST(a_wrong_configuration_is_refused_before_anything_begins)
{
    struct call c;
    struct fh_tcp_connect_config cfg = call_config(&c), bad = cfg;
    struct fh_target to = target_ip("127.0.0.1", 1), any = {.kind = FH_TARGET_ANY};

    ck_assert_int_eq(fh_tcp_connect(&loop, &any, &cfg, NULL), FH_TRANSPORT_E_INVAL);
    bad.done = NULL;
    ck_assert_int_eq(fh_tcp_connect(&loop, &to, &bad, NULL), FH_TRANSPORT_E_INVAL);
    bad = cfg;
    bad.options.queue_len = ((size_t)1 << 30) + 1;
    ck_assert_int_eq(fh_tcp_connect(&loop, &to, &bad, NULL), FH_TRANSPORT_E_INVAL);
    run_rounds(3);
    ck_assert_uint_eq(c.done, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tcp");
    TCase *tc = tcase_create("tcp");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, loop_setup, loop_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, bytes_cross_both_ways_and_are_counted);
    tcase_add_test(tc, a_slow_reader_makes_writes_short_and_loses_nothing);
    tcase_add_test(tc, both_directions_flow_at_once_through_small_queues);
    tcase_add_test(tc, shutdown_sends_what_is_queued_then_ends_one_direction);
    tcase_add_test(tc, a_close_with_unread_bytes_is_a_reset_for_the_peer);
    tcase_add_test(tc, writing_to_a_peer_that_is_gone_ends_in_a_reset);
    tcase_add_test(tc, a_close_drops_what_is_queued_and_tells_when_it_is_over);
    tcase_add_test(tc, last_words_shutdown_close_arrive_however_long_they_are);
    tcase_add_test(tc, a_polite_close_waits_no_longer_than_it_may);
    tcase_add_test(tc, a_polite_close_inside_data_notices_the_peers_end);
    tcase_add_test(tc, a_stream_is_handed_over_from_inside_data);
    tcase_add_test(tc, closing_from_inside_data_is_safe_and_final);
    tcase_add_test(tc, sockets_are_tuned);
    tcase_add_test(tc, an_address_that_hangs_is_passed_over_and_its_attempt_closed);
    tcase_add_test(tc, an_address_that_refuses_gives_way_at_once);
    tcase_add_test(tc, a_refusal_names_the_address);
    tcase_add_test(tc, a_connect_that_hangs_times_out);
    tcase_add_loop_test(tc, a_connect_is_cancelled_while_it_hangs_or_before_it_began, 0, 2);
    tcase_add_test(tc, a_name_is_resolved_by_the_system_and_both_families_are_tried);
    tcase_add_test(tc, a_name_that_is_none_is_told_as_such);
    tcase_add_test(tc, a_wrong_configuration_is_refused_before_anything_begins);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
