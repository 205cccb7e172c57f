/* SPDX-License-Identifier: MIT */
/* NATs of every kind, seen from outside as RFC 5780 looks at them, and the oracle beside them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "simnet.h"

enum { KINDS = 9 };

static struct sim_nat_config kind(int i)
{
    return (struct sim_nat_config){.mapping = (enum sim_depends)(i / 3),
                                   .filtering = (enum sim_depends)(i % 3),
                                   .ports = SIM_PORTS_RANDOM};
}

/* What a socket heard last. */
struct ear {
    struct sim_socket *s;
    struct sim_addr from;
    char text[16];
    unsigned n;
};

static void on_datagram(void *user, struct sim_socket *s, const struct sim_addr *from,
                        const uint8_t *data, size_t len)
{
    struct ear *e = user;

    (void)s;
    e->from = *from;
    memcpy(e->text, data, len < sizeof e->text ? len : sizeof e->text);
    e->n++;
}

/* Servers at two addresses with two ports each; a network behind a NAT. */
static struct {
    struct sim *w;
    struct sim_net *internet, *home;
    struct sim_node *server, *nat, *laptop, *phone;
    struct sim_iface *laptop_if;
    struct ear at[2][2], laptop_ear, phone_ear;
} t;

static void listen_on(struct ear *e, struct sim_node *n, const char *ip, uint16_t port)
{
    struct sim_addr a = sim_addr(ip, port);

    e->s = sim_udp_open(n, &a, on_datagram, e);
    ck_assert_ptr_nonnull(e->s);
}

static void make(const struct sim_nat_config *cfg)
{
    static const char *const ips[] = {"198.51.100.10", "198.51.100.11"};

    memset(&t, 0, sizeof t);
    t.w = sim_new(42);
    t.internet = sim_net_new(t.w, "internet");
    t.home = sim_net_new(t.w, "home");
    t.server = sim_node_new(t.w, "server");
    sim_iface_add(sim_attach(t.server, t.internet, ips[0]), ips[1]);
    t.nat = sim_nat_new(t.w, "nat", cfg, t.home, "10.0.0.1", t.internet, "203.0.113.1");
    t.laptop = sim_node_new(t.w, "laptop");
    t.phone = sim_node_new(t.w, "phone");
    t.laptop_if = sim_attach(t.laptop, t.home, "10.0.0.2");
    sim_attach(t.phone, t.home, "10.0.0.3");
    for (int i = 0; i < 4; i++)
        listen_on(&t.at[i / 2][i % 2], t.server, ips[i / 2], (uint16_t)(3478 + i % 2));
    listen_on(&t.laptop_ear, t.laptop, "10.0.0.2", 40000);
    listen_on(&t.phone_ear, t.phone, "10.0.0.3", 40000);
}

static void say(struct ear *from, const struct sim_addr *to)
{
    ck_assert_int_eq(sim_udp_send(from->s, to, "hello", 5), 0);
    sim_run_until(t.w, sim_now(t.w) + SIM_MS);
}

/* How server a/b sees a socket inside. */
static struct sim_addr mapped(struct ear *from, int a, int b)
{
    struct sim_addr to = sim_udp_addr(t.at[a][b].s);

    t.at[a][b].from = (struct sim_addr){0};
    say(from, &to);
    return t.at[a][b].from;
}

static bool hears(struct ear *e, struct ear *from, const struct sim_addr *to)
{
    unsigned before = e->n;

    say(from, to);
    return e->n > before;
}

START_TEST(a_nat_is_of_the_kind_it_was_made)
{
    struct sim_nat_config cfg = kind(_i);
    struct sim_addr m00, m01, m10;
    bool other_port, other_ip;

    make(&cfg);
    m00 = mapped(&t.laptop_ear, 0, 0);
    ck_assert_uint_eq(m00.family, 4);
    /* Before anything else was sent to: who gets in? */
    other_port = hears(&t.laptop_ear, &t.at[0][1], &m00);
    other_ip = hears(&t.laptop_ear, &t.at[1][0], &m00);
    ck_assert_int_eq(other_ip, cfg.filtering == SIM_INDEPENDENT);
    ck_assert_int_eq(other_port, cfg.filtering != SIM_ADDRESS_PORT);
    ck_assert(hears(&t.laptop_ear, &t.at[0][0], &m00));
    m01 = mapped(&t.laptop_ear, 0, 1);
    m10 = mapped(&t.laptop_ear, 1, 0);
    ck_assert_int_eq(sim_addr_equal(&m00, &m01), cfg.mapping != SIM_ADDRESS_PORT);
    ck_assert_int_eq(sim_addr_equal(&m00, &m10), cfg.mapping == SIM_INDEPENDENT);
    sim_free(t.w);
}

START_TEST(ports_are_given_as_configured)
{
    struct sim_nat_config cfg = {.mapping = SIM_ADDRESS_PORT, .ports = (enum sim_ports)_i};
    struct sim_addr m[4];

    make(&cfg);
    m[0] = mapped(&t.laptop_ear, 0, 0);
    m[1] = mapped(&t.laptop_ear, 0, 1);
    m[2] = mapped(&t.phone_ear, 0, 0);
    m[3] = mapped(&t.laptop_ear, 1, 0);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < i; k++)
            ck_assert_uint_ne(m[i].port, m[k].port);
    switch (cfg.ports) {
    case SIM_PORTS_PRESERVED:
        ck_assert_uint_eq(m[0].port, 40000);
        ck_assert_uint_eq(m[1].port, 40001);
        break;
    case SIM_PORTS_SEQUENTIAL:
        for (int i = 1; i < 4; i++)
            ck_assert_uint_eq(m[i].port, m[0].port + i);
        break;
    case SIM_PORTS_RANDOM:
        ck_assert_int_gt(abs(m[1].port - m[0].port), 1);
        break;
    case SIM_PORTS_CONTIGUOUS:
        ck_assert_uint_eq((m[0].port - 1024) / 512, (m[3].port - 1024) / 512);
        ck_assert_uint_ne((m[0].port - 1024) / 512, (m[2].port - 1024) / 512);
        break;
    }
    sim_free(t.w);
}

START_TEST(mappings_end_when_nothing_goes_out)
{
    struct sim_nat_config cfg = {.timeout_us = 30 * SIM_S, .inbound_refreshes = _i == 1};
    struct sim_addr m;

    make(&cfg);
    m = mapped(&t.laptop_ear, 0, 0);
    for (int i = 0; i < 3; i++) {
        sim_run_until(t.w, sim_now(t.w) + 20 * SIM_S);
        ck_assert_int_eq(hears(&t.laptop_ear, &t.at[0][0], &m), i == 0 || _i == 1);
    }
    sim_run_until(t.w, sim_now(t.w) + 31 * SIM_S);
    ck_assert_uint_eq(sim_nat_mappings(t.nat), 0);
    ck_assert(!hears(&t.laptop_ear, &t.at[0][0], &m));
    sim_free(t.w);
}

START_TEST(hairpinning_shows_the_source_it_promises)
{
    struct sim_nat_config cfg = {.hairpin = (enum sim_hairpin)_i};
    struct sim_addr laptop, phone;

    make(&cfg);
    laptop = mapped(&t.laptop_ear, 0, 0);
    phone = mapped(&t.phone_ear, 0, 0);
    ck_assert_int_eq(hears(&t.laptop_ear, &t.phone_ear, &laptop), _i != SIM_HAIRPIN_NONE);
    if (_i == SIM_HAIRPIN_INTERNAL)
        phone = sim_addr("10.0.0.3", 40000);
    if (_i != SIM_HAIRPIN_NONE)
        ck_assert(sim_addr_equal(&t.laptop_ear.from, &phone));
    sim_free(t.w);
}

START_TEST(a_rebinding_moves_ports_and_a_renumbering_addresses)
{
    struct sim_nat_config cfg = {0};
    struct sim_addr before, after;

    make(&cfg);
    before = mapped(&t.laptop_ear, 0, 0);
    sim_nat_rebind(t.nat);
    ck_assert(!hears(&t.laptop_ear, &t.at[0][0], &before));
    after = mapped(&t.laptop_ear, 0, 0);
    ck_assert(sim_ip_equal(&before, &after));
    ck_assert_uint_ne(before.port, after.port);
    sim_nat_renumber(t.nat, "203.0.113.77");
    before = sim_addr("203.0.113.77", 0);
    after = mapped(&t.laptop_ear, 0, 0);
    ck_assert(sim_ip_equal(&before, &after));
    ck_assert(hears(&t.laptop_ear, &t.at[0][0], &after));
    sim_free(t.w);
}

START_TEST(one_to_one_keeps_ports_and_lets_strangers_in_unless_filtered)
{
    struct sim_nat_config cfg = {.filtering = (enum sim_depends)_i};
    struct sim_addr pub = sim_addr("203.0.113.50", 40000), m;

    make(&cfg);
    sim_nat_pair(t.nat, "10.0.0.2", "203.0.113.50");
    ck_assert_int_eq(hears(&t.laptop_ear, &t.at[1][1], &pub), _i == SIM_INDEPENDENT);
    m = mapped(&t.laptop_ear, 0, 0);
    ck_assert(sim_addr_equal(&m, &pub));
    m = mapped(&t.phone_ear, 0, 0);
    ck_assert(!sim_ip_equal(&m, &pub));
    sim_free(t.w);
}

START_TEST(behind_two_nats_both_translate)
{
    struct sim_nat_config cfg = {0}, cgn = {.ports = SIM_PORTS_CONTIGUOUS};
    struct sim_net *carrier;
    struct sim_addr m, own = sim_addr("198.18.0.1", 0);

    make(&cfg);
    carrier = sim_net_new(t.w, "carrier");
    sim_nat_new(t.w, "cgn", &cgn, carrier, "100.64.0.1", t.internet, "198.18.0.1");
    t.home = sim_net_new(t.w, "flat");
    sim_nat_new(t.w, "router", &cfg, t.home, "192.168.1.1", carrier, "100.64.0.2");
    sim_attach(t.laptop, t.home, "192.168.1.2");
    sim_udp_close(t.laptop_ear.s);
    listen_on(&t.laptop_ear, t.laptop, "192.168.1.2", 40000);
    m = mapped(&t.laptop_ear, 0, 0);
    ck_assert(sim_ip_equal(&m, &own));
    ck_assert(hears(&t.laptop_ear, &t.at[1][1], &m));
    sim_free(t.w);
}

START_TEST(a_firewall_stops_what_it_is_told_to)
{
    struct sim_nat_config cfg = {0};
    struct sim_addr to = sim_addr("198.51.100.10", 3478), m;
    const struct sim_stream_events none = {0};

    make(&cfg);
    sim_nat_firewall(t.nat, &(struct sim_firewall_config){.block_udp = true});
    m = mapped(&t.laptop_ear, 0, 0);
    ck_assert_uint_eq(m.family, 0);
    ck_assert_uint_eq(sim_count(t.w, SIM_FIREWALL), 1);
    sim_nat_firewall(t.nat, &(struct sim_firewall_config){.only_443 = true});
    sim_stream_connect(t.laptop, &to, false, &none, NULL);
    sim_run_until(t.w, sim_now(t.w) + SIM_MS);
    ck_assert_uint_eq(sim_count(t.w, SIM_FIREWALL), 2);
    to.port = 443;
    sim_stream_listen(t.server, 443, false, NULL, NULL);
    sim_stream_connect(t.laptop, &to, false, &none, NULL);
    sim_run_until(t.w, sim_now(t.w) + SIM_MS);
    ck_assert_uint_eq(sim_count(t.w, SIM_FIREWALL), 2);
    sim_free(t.w);
}

START_TEST(ipv6_is_filtered_but_not_translated)
{
    struct sim_nat_config cfg = {.filtering_v6 = SIM_ADDRESS_PORT};
    struct ear server = {0}, laptop = {0};
    struct sim_addr inside = sim_addr("2001:db8:1::2", 7000), outside = sim_addr("2001:db8::9", 9);

    make(&cfg);
    sim_attach(t.server, t.internet, "2001:db8::9");
    sim_iface_add(sim_nat_outside(t.nat), "2001:db8::1");
    sim_iface_add(sim_nat_inside(t.nat), "2001:db8:1::1");
    sim_iface_route(sim_nat_outside(t.nat), "2001:db8:1::", 64);
    sim_iface_add(t.laptop_if, "2001:db8:1::2");
    listen_on(&server, t.server, "2001:db8::9", 9);
    listen_on(&laptop, t.laptop, "2001:db8:1::2", 7000);
    ck_assert(!hears(&laptop, &server, &inside));
    ck_assert(hears(&server, &laptop, &outside));
    ck_assert(sim_addr_equal(&server.from, &inside));
    ck_assert(hears(&laptop, &server, &inside));
    sim_nat_firewall(t.nat, &(struct sim_firewall_config){.block_v6 = true});
    ck_assert(!hears(&server, &laptop, &outside));
    sim_free(t.w);
}

START_TEST(a_gateway_that_means_well_rewrites_payloads)
{
    struct sim_nat_config cfg = {.alg = true};
    static const uint8_t data[] = {'i', 'p', 10, 0, 0, 2, '.'};
    struct sim_addr to = sim_addr("198.51.100.10", 3478);

    make(&cfg);
    sim_udp_send(t.laptop_ear.s, &to, data, sizeof data);
    sim_run_until(t.w, SIM_MS);
    ck_assert_mem_eq(t.at[0][0].text, "ip\313\0q\1.", 7);
    sim_free(t.w);
}

START_TEST(a_mapping_asked_for_is_open_until_it_ends)
{
    struct sim_nat_config cfg = {.mapping = SIM_ADDRESS_PORT, .filtering = SIM_ADDRESS_PORT};
    struct sim_addr inside = sim_addr("10.0.0.2", 40000), m, seen;

    make(&cfg);
    m = sim_nat_map(t.nat, SIM_UDP, &inside, 50000, 10 * SIM_S);
    ck_assert_uint_eq(m.port, 50000);
    ck_assert(hears(&t.laptop_ear, &t.at[1][1], &m));
    seen = mapped(&t.laptop_ear, 1, 0);
    ck_assert(sim_addr_equal(&seen, &m));
    sim_nat_map(t.nat, SIM_UDP, &inside, 0, 0);
    seen = mapped(&t.laptop_ear, 1, 0); /* the flow goes on, others do not come in */
    ck_assert(sim_addr_equal(&seen, &m));
    ck_assert(!hears(&t.laptop_ear, &t.at[0][0], &m));
    m = sim_nat_map(t.nat, SIM_UDP, &inside, 50001, 10 * SIM_S);
    sim_run_until(t.w, 20 * SIM_S);
    ck_assert(!hears(&t.laptop_ear, &t.at[1][1], &m));
    sim_free(t.w);
}

/* ------------------------------------------------------------------ the oracle */

static enum sim_path ask(const struct sim_nat_config *a, const struct sim_nat_config *b)
{
    struct sim_realm realms[] = {{0}, {a, 0}, {b, 0}};
    struct sim_oracle_peer peers[] = {{.realm = 1, .udp = true, .has_turn = true},
                                      {.realm = 2, .udp = true, .has_turn = true}};

    return sim_oracle(realms, 3, peers);
}

START_TEST(the_oracle_knows_what_is_known)
{
    static const struct {
        struct sim_nat_config a, b;
        enum sim_path path;
    } row[] = {
#define M(m, f) {.mapping = SIM_##m, .filtering = SIM_##f}
        {M(INDEPENDENT, INDEPENDENT), M(INDEPENDENT, INDEPENDENT), SIM_PATH_DIRECT},
        {M(INDEPENDENT, ADDRESS_PORT), M(INDEPENDENT, ADDRESS_PORT), SIM_PATH_DIRECT},
        {M(ADDRESS_PORT, ADDRESS_PORT), M(INDEPENDENT, INDEPENDENT), SIM_PATH_DIRECT},
        {M(ADDRESS_PORT, ADDRESS_PORT), M(INDEPENDENT, ADDRESS), SIM_PATH_DIRECT},
        {M(ADDRESS_PORT, ADDRESS_PORT), M(INDEPENDENT, ADDRESS_PORT), SIM_PATH_RELAY},
        {M(ADDRESS_PORT, ADDRESS_PORT), M(ADDRESS_PORT, ADDRESS_PORT), SIM_PATH_RELAY},
#undef M
    };

    ck_assert_str_eq(sim_path_text(ask(&row[_i].a, &row[_i].b)), sim_path_text(row[_i].path));
    ck_assert_str_eq(sim_path_text(ask(&row[_i].b, &row[_i].a)), sim_path_text(row[_i].path));
}

START_TEST(the_oracle_knows_walls_and_shared_nats)
{
    struct sim_nat_config sym = kind(8), cone = kind(0), pin = {.hairpin = SIM_HAIRPIN_EXTERNAL};
    struct sim_realm apart[] = {{0}, {&cone, 0}, {&cone, 0}};
    struct sim_realm cgn[] = {{0}, {&pin, 0}, {&cone, 1}, {&cone, 1}};
    struct sim_oracle_peer p[] = {{.realm = 1, .udp = true}, {.realm = 2, .udp = true}};
    struct sim_oracle_peer q[] = {{.realm = 2, .udp = true}, {.realm = 3, .udp = true}};

    p[1].udp = false;
    ck_assert_int_eq(sim_oracle(apart, 3, p), SIM_PATH_NONE);
    p[0].has_turn = true; /* the other side has no way to it */
    ck_assert_int_eq(sim_oracle(apart, 3, p), SIM_PATH_NONE);
    p[0].has_turn = false;
    p[1].has_turn = true;
    ck_assert_int_eq(sim_oracle(apart, 3, p), SIM_PATH_RELAY);
    p[0].realm = p[1].realm = 1;
    ck_assert_int_eq(sim_oracle(apart, 3, p), SIM_PATH_HOST);
    ck_assert_int_eq(sim_oracle(cgn, 4, q), SIM_PATH_DIRECT); /* hairpin at the carrier's */
    pin.hairpin = SIM_HAIRPIN_NONE;
    ck_assert_int_eq(sim_oracle(cgn, 4, q), SIM_PATH_NONE);
    apart[1].nat = apart[2].nat = &sym;
    p[0].realm = 1;
    p[1] = (struct sim_oracle_peer){.realm = 0, .udp = true};
    ck_assert_int_eq(sim_oracle(apart, 3, p), SIM_PATH_DIRECT); /* a public peer */
}

/*
 * The oracle against the packets: two sockets that send to all they know, learn all they see and
 * answer. A check is 'q' and the round, its answer 'r'.
 */
struct puncher {
    struct sim_socket *s;
    struct sim_addr known[64];
    unsigned n;
    bool connected;
};

static void learn(struct puncher *p, const struct sim_addr *a)
{
    for (unsigned i = 0; i < p->n; i++)
        if (sim_addr_equal(&p->known[i], a))
            return;
    if (p->n < 64)
        p->known[p->n++] = *a;
}

static void on_punch(void *user, struct sim_socket *s, const struct sim_addr *from,
                     const uint8_t *data, size_t len)
{
    struct puncher *p = user;
    struct sim_addr asked;

    if (data[0] == 'q') {
        uint8_t answer[1 + sizeof asked] = {'r'};

        learn(p, from);
        memcpy(answer + 1, data + 1, sizeof asked);
        sim_udp_send(s, from, answer, sizeof answer);
    } else if (len == 1 + sizeof asked) {
        memcpy(&asked, data + 1, sizeof asked);
        p->connected |= sim_addr_equal(&asked, from);
    }
}

static void punch(struct puncher *p)
{
    for (unsigned i = 0, n = p->n; i < n; i++) {
        uint8_t check[1 + sizeof p->known[i]] = {'q'};

        memcpy(check + 1, &p->known[i], sizeof p->known[i]);
        sim_udp_send(p->s, &p->known[i], check, sizeof check);
    }
}

/* layout: 0 apart, 1 under one NAT each behind a common one (the third kind). */
static bool punched(const struct sim_nat_config *a, const struct sim_nat_config *b,
                    const struct sim_nat_config *common, unsigned seed)
{
    struct sim *w = sim_new(seed);
    struct sim_net *internet = sim_net_new(w, "internet"), *out = internet;
    struct sim_net *in[2] = {sim_net_new(w, "a"), sim_net_new(w, "b")};
    struct puncher p[2];
    struct ear stun = {0};
    struct sim_addr host = sim_addr("10.0.0.2", 4000), stun_at = sim_addr("198.51.100.10", 3478);
    struct sim_node *n;
    bool done;

    memset(p, 0, sizeof p);
    n = sim_node_new(w, "stun");
    sim_attach(n, internet, "198.51.100.10");
    stun.s = sim_udp_open(n, &stun_at, on_datagram, &stun);
    if (common) {
        out = sim_net_new(w, "carrier");
        sim_nat_new(w, "cgn", common, out, "100.64.0.1", internet, "203.0.113.9");
    }
    sim_nat_new(w, "na", a, in[0], "10.0.0.1", out, common ? "100.64.0.11" : "203.0.113.1");
    sim_nat_new(w, "nb", b, in[1], "10.0.0.1", out, common ? "100.64.0.12" : "203.0.113.2");
    for (int i = 0; i < 2; i++) {
        n = sim_node_new(w, "host");
        sim_attach(n, in[i], "10.0.0.2");
        p[i].s = sim_udp_open(n, &host, on_punch, &p[i]);
    }
    for (int i = 0; i < 2; i++) {
        sim_udp_send(p[i].s, &stun_at, "x", 1);
        sim_run_until(w, sim_now(w) + SIM_MS);
        learn(&p[!i], &stun.from);
    }
    for (int round = 0; round < 12; round++) {
        punch(&p[0]);
        sim_run_until(w, sim_now(w) + SIM_MS);
        punch(&p[1]);
        sim_run_until(w, sim_now(w) + SIM_MS);
    }
    done = p[0].connected || p[1].connected;
    sim_free(w);
    return done;
}

START_TEST(the_oracle_agrees_with_the_packets_for_every_pair)
{
    struct sim_nat_config a = kind(_i / KINDS), b = kind(_i % KINDS);

    ck_assert_msg(punched(&a, &b, NULL, (unsigned)_i) == (ask(&a, &b) == SIM_PATH_DIRECT),
                  "mapping %d filtering %d, mapping %d filtering %d: oracle says %s", a.mapping,
                  a.filtering, b.mapping, b.filtering, sim_path_text(ask(&a, &b)));
}

START_TEST(the_oracle_agrees_behind_a_carrier_too)
{
    struct sim_nat_config a = kind(_i / KINDS), b = kind(_i % KINDS);

    for (int k = 0; k < KINDS; k++)
        for (int h = 0; h < 3; h++) {
            struct sim_nat_config c = kind(k);
            struct sim_realm realms[] = {{0}, {&c, 0}, {&a, 1}, {&b, 1}};
            struct sim_oracle_peer peers[] = {{.realm = 2, .udp = true}, {.realm = 3, .udp = true}};

            c.hairpin = (enum sim_hairpin)h;
            ck_assert_msg(punched(&a, &b, &c, (unsigned)k) ==
                              (sim_oracle(realms, 4, peers) != SIM_PATH_NONE),
                          "%d and %d behind %d with hairpin %d: oracle says %s", _i / KINDS,
                          _i % KINDS, k, h, sim_path_text(sim_oracle(realms, 4, peers)));
        }
}

int main(void)
{
    Suite *s = suite_create("simnat");
    TCase *tc = tcase_create("kinds");
    int failed;
    SRunner *r;

    tcase_add_loop_test(tc, a_nat_is_of_the_kind_it_was_made, 0, KINDS);
    tcase_add_loop_test(tc, ports_are_given_as_configured, 0, 4);
    tcase_add_loop_test(tc, mappings_end_when_nothing_goes_out, 0, 2);
    tcase_add_loop_test(tc, hairpinning_shows_the_source_it_promises, 0, 3);
    tcase_add_test(tc, a_rebinding_moves_ports_and_a_renumbering_addresses);
    tcase_add_loop_test(tc, one_to_one_keeps_ports_and_lets_strangers_in_unless_filtered, 0, 3);
    tcase_add_test(tc, behind_two_nats_both_translate);
    tcase_add_test(tc, a_firewall_stops_what_it_is_told_to);
    tcase_add_test(tc, ipv6_is_filtered_but_not_translated);
    tcase_add_test(tc, a_gateway_that_means_well_rewrites_payloads);
    tcase_add_test(tc, a_mapping_asked_for_is_open_until_it_ends);
    suite_add_tcase(s, tc);
    tc = tcase_create("oracle");
    tcase_add_loop_test(tc, the_oracle_knows_what_is_known, 0, 6);
    tcase_add_test(tc, the_oracle_knows_walls_and_shared_nats);
    tcase_add_loop_test(tc, the_oracle_agrees_with_the_packets_for_every_pair, 0, KINDS * KINDS);
    tcase_add_loop_test(tc, the_oracle_agrees_behind_a_carrier_too, 0, KINDS * KINDS);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
