/* SPDX-License-Identifier: MIT */
/* The simulated network itself: time, chance, links, streams, names. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simnet.h"

struct two {
    struct sim *w;
    struct sim_net *net;
    struct sim_node *a, *b;
    struct sim_iface *ia, *ib;
    struct sim_socket *sa, *sb;
    struct sim_addr to_b;
};

struct log {
    struct sim *w;
    unsigned n;
    uint64_t at[4096]; /* when the i-th datagram came, and what its first two bytes say */
    uint16_t what[4096];
};

static struct log got;

static void on_datagram(void *user, struct sim_socket *s, const struct sim_addr *from,
                        const uint8_t *data, size_t len)
{
    struct log *l = user;

    (void)s;
    (void)from;
    ck_assert_uint_ge(len, 2);
    ck_assert_uint_lt(l->n, 4096);
    l->at[l->n] = sim_now(l->w);
    l->what[l->n++] = (uint16_t)(data[0] << 8 | data[1]);
}

static struct two make(uint64_t seed, const struct sim_link_config *link)
{
    struct two t = {.w = sim_new(seed)};

    t.net = sim_net_new(t.w, "net");
    t.a = sim_node_new(t.w, "a");
    t.b = sim_node_new(t.w, "b");
    t.ia = sim_attach(t.a, t.net, "192.0.2.1");
    t.ib = sim_attach(t.b, t.net, "192.0.2.2");
    sim_iface_set_link(t.ia, link, NULL);
    t.to_b = sim_addr("192.0.2.2", 1000);
    memset(&got, 0, sizeof got);
    got.w = t.w;
    t.sa = sim_udp_open(t.a, NULL, on_datagram, &got);
    t.sb = sim_udp_open(t.b, &t.to_b, on_datagram, &got);
    ck_assert_ptr_nonnull(t.sb);
    return t;
}

/* n datagrams of len bytes at once, numbered. */
static void burst(struct two *t, unsigned n, size_t len)
{
    uint8_t data[2000] = {0};

    for (unsigned i = 0; i < n; i++) {
        data[0] = (uint8_t)(i >> 8);
        data[1] = (uint8_t)i;
        ck_assert_int_eq(sim_udp_send(t->sa, &t->to_b, data, len), 0);
    }
}

START_TEST(a_datagram_takes_its_latency)
{
    struct two t = make(1, &(struct sim_link_config){.latency_us = 20 * SIM_MS});

    burst(&t, 1, 100);
    sim_run_until(t.w, SIM_S);
    ck_assert_uint_eq(got.n, 1);
    ck_assert_uint_eq(got.at[0], 20 * SIM_MS);
    ck_assert_uint_eq(sim_now(t.w), SIM_S);
    sim_free(t.w);
}

START_TEST(a_rate_spaces_packets_and_a_full_queue_drops_the_rest)
{
    /* 972 + 28 bytes at 8 Mbit/s: 1 ms each; 10 000 bytes of queue: 10 of them. */
    struct two t =
        make(1, &(struct sim_link_config){.rate_bps = 8000000, .queue_bytes = 10000, .mtu = 1500});

    burst(&t, 25, 972);
    sim_run_until(t.w, SIM_S);
    ck_assert_uint_eq(got.n, 10);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_uint_eq(got.at[i], (i + 1) * SIM_MS);
    ck_assert_uint_eq(sim_count(t.w, SIM_QUEUE), 15);
    burst(&t, 1, 1473);
    sim_run_until(t.w, 2 * SIM_S);
    ck_assert_uint_eq(sim_count(t.w, SIM_TOO_BIG), 1);
    burst(&t, 1, 1472);
    sim_run_until(t.w, 3 * SIM_S);
    ck_assert_uint_eq(got.n, 11);
    sim_free(t.w);
}

START_TEST(losses_come_as_often_as_configured)
{
    struct two t = make(_i + 1, &(struct sim_link_config){.loss = 0.1});

    burst(&t, 4000, 10);
    sim_run_until(t.w, SIM_S);
    ck_assert_uint_eq(got.n + sim_count(t.w, SIM_LOST), 4000);
    ck_assert_uint_gt(got.n, 3480); /* 3600 +- 6 sigma */
    ck_assert_uint_lt(got.n, 3720);
    sim_free(t.w);
}

START_TEST(burst_losses_come_in_runs)
{
    /* Mean run of the bad state: 10; it holds a fifth of the time. */
    struct two t = make(
        7, &(struct sim_link_config){.to_bad = 0.025, .to_good = 0.1, .loss_bad = 1, .loss = 0});
    unsigned runs = 0, lost = 0;

    burst(&t, 4000, 10);
    sim_run_until(t.w, SIM_S);
    for (unsigned i = 1; i < got.n; i++) {
        runs += got.what[i] != got.what[i - 1] + 1;
        lost += (unsigned)(got.what[i] - got.what[i - 1] - 1);
    }
    ck_assert_uint_gt(lost, 500);
    ck_assert_uint_lt(lost, 1200);
    ck_assert_uint_gt(lost / runs, 6);
    sim_free(t.w);
}

START_TEST(duplicates_and_late_ones_are_made_when_asked_for)
{
    struct two t =
        make(3, &(struct sim_link_config){.latency_us = 1000, .jitter_us = 500, .duplicate = 0.1});
    unsigned back = 0;

    burst(&t, 1000, 10);
    sim_run_until(t.w, SIM_S);
    ck_assert_uint_gt(got.n, 1050);
    ck_assert_uint_lt(got.n, 1150);
    for (unsigned i = 1; i < got.n; i++)
        ck_assert_uint_ge(got.what[i], got.what[i - 1]); /* jitter alone keeps order */
    sim_free(t.w);

    t = make(3, &(struct sim_link_config){
                    .latency_us = 1000, .reorder = 0.05, .reorder_us = 200, .rate_bps = 100000000});
    burst(&t, 1000, 10);
    sim_run_until(t.w, SIM_S);
    for (unsigned i = 1; i < got.n; i++)
        back += got.what[i] < got.what[i - 1];
    ck_assert_uint_gt(back, 20);
    sim_free(t.w);
}

static uint64_t fingerprint(uint64_t seed)
{
    struct two t = make(seed, &(struct sim_link_config){.latency_us = 100,
                                                        .jitter_us = 9000,
                                                        .loss = 0.2,
                                                        .duplicate = 0.1,
                                                        .reorder = 0.1,
                                                        .reorder_us = 5000});
    uint64_t h = 1469598103934665603u;

    burst(&t, 500, 10);
    sim_run_until(t.w, SIM_S);
    for (unsigned i = 0; i < got.n; i++)
        h = (h ^ got.at[i] ^ ((uint64_t)got.what[i] << 40)) * 1099511628211u;
    sim_free(t.w);
    return h;
}

START_TEST(one_seed_is_one_run)
{
    ck_assert(fingerprint(5) == fingerprint(5));
    ck_assert(fingerprint(5) != fingerprint(6));
}

START_TEST(interfaces_go_down_and_sockets_are_told_what_real_ones_are_told)
{
    struct two t = make(1, NULL);
    struct sim_addr far = sim_addr("203.0.113.1", 1), v6 = sim_addr("2001:db8::1", 1);

    ck_assert_int_eq(sim_udp_send(t.sa, &far, "xx", 2), -1); /* no gateway */
    ck_assert_int_eq(sim_udp_send(t.sa, &v6, "xx", 2), -1);
    sim_iface_set_up(t.ib, false);
    burst(&t, 1, 10);
    sim_run_until(t.w, SIM_S);
    ck_assert_uint_eq(sim_count(t.w, SIM_DOWN), 1);
    sim_iface_set_up(t.ia, false);
    ck_assert_int_eq(sim_udp_send(t.sa, &t.to_b, "xx", 2), -1);
    sim_iface_set_up(t.ia, true);
    sim_iface_set_up(t.ib, true);
    sim_node_refuse_sends(t.a, true);
    ck_assert_int_eq(sim_udp_send(t.sa, &t.to_b, "xx", 2), -1);
    sim_node_refuse_sends(t.a, false);
    sim_udp_close(t.sb);
    burst(&t, 1, 10);
    sim_run_until(t.w, 2 * SIM_S);
    ck_assert_uint_eq(sim_count(t.w, SIM_NO_SOCKET), 1);
    ck_assert_uint_eq(got.n, 0);
    sim_free(t.w);
}

START_TEST(a_socket_is_bound_to_an_address_once)
{
    struct two t = make(1, NULL);
    struct sim_addr other = sim_addr("192.0.2.9", 0), self = sim_addr("192.0.2.2", 0);
    struct sim_socket *s;

    ck_assert_ptr_null(sim_udp_open(t.b, &t.to_b, on_datagram, &got));
    ck_assert_ptr_null(sim_udp_open(t.b, &other, on_datagram, &got));
    s = sim_udp_open(t.b, &self, on_datagram, &got);
    ck_assert_ptr_nonnull(s);
    ck_assert_uint_ge(sim_udp_addr(s).port, 49152);
    ck_assert_int_eq(sim_udp_send(s, &t.to_b, "xx", 2), 0); /* to itself */
    sim_run_until(t.w, 1);
    ck_assert_uint_eq(got.n, 1);
    sim_free(t.w);
}

static void count_up(void *user)
{
    ++*(unsigned *)user;
}

static bool is_three(void *user)
{
    return *(unsigned *)user == 3;
}

START_TEST(timers_run_in_order_and_can_be_forgotten)
{
    struct sim *w = sim_new(1);
    unsigned a = 0, b = 0;

    for (uint64_t i = 10; i > 0; i--) {
        sim_at(w, i * 100, count_up, &a);
        sim_after(w, i * 100, count_up, &b);
    }
    ck_assert(sim_run_for(w, 1000, is_three, &a));
    ck_assert_uint_eq(sim_now(w), 300);
    sim_forget(w, &a);
    sim_run_until(w, 5000);
    ck_assert_uint_eq(a, 3);
    ck_assert_uint_eq(b, 10);
    ck_assert(!sim_step(w));
    sim_free(w);
}

/* ------------------------------------------------------------------ streams */

struct end {
    struct sim_stream *s;
    struct sim *w;
    size_t got;
    uint64_t opened_at;
    bool ordered, closed, failed;
    bool echoes;
};

static void on_open(void *user)
{
    struct end *e = user;

    e->opened_at = sim_now(e->w);
}

static void on_data(void *user, const uint8_t *data, size_t len)
{
    struct end *e = user;

    for (size_t i = 0; i < len; i++)
        e->ordered &= data[i] == (uint8_t)((e->got + i) * 7);
    e->got += len;
    if (e->echoes)
        sim_stream_write(e->s, data, len);
}

static void on_closed(void *user, bool failed)
{
    struct end *e = user;

    e->closed = true;
    e->failed = failed;
    e->s = NULL;
}

static const struct sim_stream_events events = {on_open, on_data, on_closed};
static struct end server, client;

static void on_accept(void *user, struct sim_stream *s)
{
    server.s = s;
    sim_stream_attach(s, &events, user);
}

static void start_ends(struct two *t, bool tls, uint16_t port)
{
    struct sim_addr to = t->to_b;

    to.port = port;
    memset(&server, 0, sizeof server);
    memset(&client, 0, sizeof client);
    server.w = client.w = t->w;
    server.ordered = client.ordered = true;
    server.echoes = true;
    sim_stream_listen(t->b, 443, tls, on_accept, &server);
    client.s = sim_stream_connect(t->a, &to, tls, &events, &client);
}

START_TEST(a_stream_brings_every_byte_once_over_a_bad_link)
{
    struct two t = make(_i + 1, &(struct sim_link_config){.latency_us = 10 * SIM_MS,
                                                          .jitter_us = 5 * SIM_MS,
                                                          .loss = 0.1,
                                                          .duplicate = 0.05,
                                                          .reorder = 0.05,
                                                          .reorder_us = 30 * SIM_MS});
    static uint8_t data[300000];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    start_ends(&t, _i % 2 == 1, 443);
    sim_run_until(t.w, 20 * SIM_S);
    ck_assert_uint_ge(client.opened_at, 10 * SIM_MS);
    ck_assert_int_eq(sim_stream_write(client.s, data, sizeof data), 0);
    sim_run_until(t.w, 400 * SIM_S);
    ck_assert_uint_eq(server.got, sizeof data);
    ck_assert_uint_eq(client.got, sizeof data);
    ck_assert(server.ordered && client.ordered);
    sim_stream_close(client.s);
    sim_run_until(t.w, 500 * SIM_S);
    ck_assert(server.closed && !server.failed && !client.closed);
    sim_free(t.w);
}

START_TEST(tls_costs_one_more_round_trip)
{
    struct two t = make(1, &(struct sim_link_config){.latency_us = 30 * SIM_MS});

    start_ends(&t, _i == 1, 443);
    sim_run_until(t.w, SIM_S);
    ck_assert_uint_eq(client.opened_at, _i == 1 ? 60 * SIM_MS : 30 * SIM_MS);
    sim_free(t.w);
}

START_TEST(a_closed_port_refuses_and_a_dead_peer_is_noticed)
{
    struct two t = make(1, NULL);

    start_ends(&t, false, 444);
    sim_run_until(t.w, SIM_S);
    ck_assert(client.closed && client.failed);
    start_ends(&t, false, 443);
    sim_run_until(t.w, 2 * SIM_S);
    sim_iface_set_up(t.ib, false);
    ck_assert_int_eq(sim_stream_write(client.s, "x", 1), 0);
    sim_run_until(t.w, 200 * SIM_S);
    ck_assert(client.closed && client.failed);
    start_ends(&t, false, 443);
    sim_stream_close(client.s); /* before it was open */
    sim_run_until(t.w, 300 * SIM_S);
    ck_assert(!client.closed);
    sim_free(t.w);
}

/* ------------------------------------------------------------------ names */

static char answers[256];

static void on_answer(void *user, const char *name, const struct sim_addr *addrs, size_t n)
{
    char text[SIM_ADDR_TEXT];
    size_t used = strlen(answers);

    (void)user;
    snprintf(answers + used, sizeof answers - used, "%s %zu %s; ", name, n,
             n ? sim_addr_text(&addrs[0], text) : "-");
}

START_TEST(names_answer_late_or_never)
{
    struct sim *w = sim_new(1);

    answers[0] = '\0';
    sim_dns_add(w, "stun.example", "192.0.2.7");
    sim_dns_add(w, "stun.example", "2001:db8::7");
    sim_dns_add(w, "slow.example", "192.0.2.8");
    sim_dns_delay(w, "slow.example", 3 * SIM_S);
    sim_dns_add(w, "dead.example", "192.0.2.9");
    sim_dns_delay(w, "dead.example", SIM_NEVER);
    sim_dns_query(w, "slow.example", 4, on_answer, NULL);
    sim_dns_query(w, "stun.example", 4, on_answer, NULL);
    sim_dns_query(w, "stun.example", 6, on_answer, NULL);
    sim_dns_query(w, "no.example", 4, on_answer, NULL);
    sim_dns_query(w, "dead.example", 4, on_answer, NULL);
    sim_run_until(w, 100 * SIM_S);
    ck_assert_str_eq(answers, "stun.example 1 192.0.2.7:0; stun.example 1 "
                              "[2001:db8:0:0:0:0:0:7]:0; no.example 0 -; "
                              "slow.example 1 192.0.2.8:0; ");
    sim_dns_query(w, "stun.example", 4, on_answer, w);
    sim_forget(w, w);
    sim_run_until(w, 200 * SIM_S);
    sim_dns_query(w, "stun.example", 4, on_answer, NULL); /* asked, never awaited */
    sim_free(w);
    ck_assert_ptr_null(strstr(answers, "8:0; s"));
}

int main(void)
{
    Suite *s = suite_create("simnet");
    TCase *tc = tcase_create("links");
    int failed;
    SRunner *r;

    tcase_add_test(tc, a_datagram_takes_its_latency);
    tcase_add_test(tc, a_rate_spaces_packets_and_a_full_queue_drops_the_rest);
    tcase_add_loop_test(tc, losses_come_as_often_as_configured, 0, 5);
    tcase_add_test(tc, burst_losses_come_in_runs);
    tcase_add_test(tc, duplicates_and_late_ones_are_made_when_asked_for);
    tcase_add_test(tc, one_seed_is_one_run);
    tcase_add_test(tc, interfaces_go_down_and_sockets_are_told_what_real_ones_are_told);
    tcase_add_test(tc, a_socket_is_bound_to_an_address_once);
    tcase_add_test(tc, timers_run_in_order_and_can_be_forgotten);
    suite_add_tcase(s, tc);
    tc = tcase_create("streams and names");
    tcase_add_loop_test(tc, a_stream_brings_every_byte_once_over_a_bad_link, 0, 6);
    tcase_add_loop_test(tc, tls_costs_one_more_round_trip, 0, 2);
    tcase_add_test(tc, a_closed_port_refuses_and_a_dead_peer_is_noticed);
    tcase_add_test(tc, names_answer_late_or_never);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
