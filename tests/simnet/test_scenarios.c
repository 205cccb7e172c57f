/* SPDX-License-Identifier: MIT */
/* What goes wrong in real networks, one at a time, in the simulated one. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/stun.h>

#include "transcript.h"
#include "world_of_two.h"

static struct two_spec pair(enum two_kind a, enum two_kind b)
{
    struct two_spec s = {.signal_delay_us = {30 * SIM_MS, 30 * SIM_MS}};

    s.side[0].kind = a;
    s.side[1].kind = b;
    for (int i = 0; i < 2; i++) {
        s.side[i].link.latency_us = 15 * SIM_MS;
        s.side[i].ports = SIM_PORTS_RANDOM;
    }
    return s;
}

static void watch_all(void *user, const struct sim_packet_info *p)
{
    char line[SIM_LINE];

    fprintf(stderr, "%s\n", sim_transcript_line(sim_now(user), p, line));
}

/* FARHAND_TRACE=1 shows every packet. */
static struct two *make(const struct two_spec *s)
{
    struct two *t = two_new(1, s);

    if (getenv("FARHAND_TRACE"))
        sim_watch(t->w, watch_all, t->w);
    return t;
}

static struct two *start(const struct two_spec *s)
{
    struct two *t = make(s);

    two_start(t);
    return t;
}

/* In milliseconds; both. */
static uint64_t connect(struct two *t)
{
    ck_assert(sim_run_for(t->w, 60 * SIM_S, two_connected, t));
    return sim_now_ms(t->w);
}

static void complete(struct two *t)
{
    ck_assert(sim_run_for(t->w, 60 * SIM_S, two_completed, t));
}

/* Data of both sides, again and again; how many datagrams of 2 n came. */
static unsigned talk(struct two *t, unsigned n, uint64_t every)
{
    unsigned before = sim_peer_stats(t->peer[0]).received + sim_peer_stats(t->peer[1]).received;

    for (unsigned i = 0; i < n; i++) {
        for (int k = 0; k < 2; k++)
            (void)sim_peer_send(t->peer[k], "\x08 data", 6);
        sim_run_until(t->w, sim_now(t->w) + every);
    }
    return sim_peer_stats(t->peer[0]).received + sim_peer_stats(t->peer[1]).received - before;
}

static enum fh_ice_state state(struct two *t, int i)
{
    return fh_ice_agent_state(sim_peer_agent(t->peer[i]));
}

/* ------------------------------------------------------------------ servers */

START_TEST(a_dead_stun_server_costs_no_time)
{
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_PORT_RESTRICTED);
    struct two *t;
    uint64_t alive, dead;

    s.side[0].no_turn_udp = s.side[1].no_turn_udp = true; /* their answers would do as well */
    s.side[0].no_turn_tls = s.side[1].no_turn_tls = true;
    t = start(&s);
    alive = connect(t);
    two_free(t);
    s.dead_stun = true;
    t = start(&s);
    dead = connect(t);
    two_free(t);
    /* The second server is asked one Ta later. */
    ck_assert_msg(dead <= alive + 60, "%llu ms, with a dead server %llu", (unsigned long long)alive,
                  (unsigned long long)dead);
}

START_TEST(with_one_of_two_turn_servers_dead_the_other_relays)
{
    struct two_spec s = pair(TWO_SYMMETRIC, TWO_SYMMETRIC);
    struct two *t;

    s.dead_turn = true;
    s.side[0].spare_turn = s.side[1].spare_turn = true;
    t = start(&s);
    ck_assert_uint_lt(connect(t), 1000);
    ck_assert_int_eq(two_path(t, 0), SIM_PATH_RELAY);
    ck_assert_uint_eq(talk(t, 5, SIM_S), 10);
    two_free(t);
}

/* Nonces grow old each 20 s; permissions end after 300 s, channels after 600, allocations after
 * 600.
 */
START_TEST(a_relayed_path_lives_for_an_hour)
{
    struct two_spec s = pair(TWO_SYMMETRIC, TWO_SYMMETRIC);
    struct two *t;
    struct sim_turn_stats st;

    s.turn.nonce_life_us = 20 * SIM_S;
    s.turn.sha256 = _i == 1;
    s.side[0].no_turn_udp = s.side[1].no_turn_udp = _i == 2; /* over TLS alone */
    t = start(&s);
    complete(t);
    ck_assert_int_eq(two_path(t, 0), SIM_PATH_RELAY);
    ck_assert_uint_eq(talk(t, 720, 5 * SIM_S), 1440);
    st = sim_turn_stats(t->turn[0]);
    ck_assert_uint_gt(st.stale, 5);
    ck_assert_uint_ge(st.refreshes, 6);
    ck_assert_uint_gt(st.relayed_by_channel, 1000);
    ck_assert_uint_eq(sim_peer_stats(t->peer[0]).disconnects, 0);
    ck_assert_uint_eq(sim_peer_stats(t->peer[1]).disconnects, 0);
    two_free(t);
}

START_TEST(clients_follow_to_another_server_once)
{
    struct two_spec s = pair(TWO_SYMMETRIC, TWO_SYMMETRIC);
    struct two *t;

    s.turn.alternate = sim_addr("198.51.100.21", _i == 1 ? 443 : 3478);
    s.side[0].no_turn_udp = s.side[1].no_turn_udp = _i == 1;
    s.side[0].no_turn_tls = s.side[1].no_turn_tls = _i == 0;
    t = start(&s);
    connect(t);
    ck_assert_int_eq(two_path(t, 0), SIM_PATH_RELAY);
    ck_assert_uint_eq(sim_turn_stats(t->turn[0]).made, 0);
    ck_assert_uint_eq(sim_turn_stats(t->turn[1]).made, 2);
    two_free(t);
}

START_TEST(a_full_server_is_told_from_a_wrong_password)
{
    struct two_spec s = pair(TWO_SYMMETRIC, TWO_PORT_RESTRICTED);
    struct two *t;

    s.turn.quota = 1; /* the first allocation of the four takes it */
    t = start(&s);
    complete(t);
    ck_assert_int_eq(two_path(t, 0), SIM_PATH_RELAY); /* one side's relay is enough */
    ck_assert_uint_eq(sim_turn_stats(t->turn[0]).made, 1);
    ck_assert_uint_eq(sim_peer_stats(t->peer[1]).turn_code, FH_STUN_QUOTA_REACHED);
    two_free(t);
}

START_TEST(a_server_that_starts_anew_loses_the_path_and_says_so)
{
    struct two_spec s = pair(TWO_SYMMETRIC, TWO_SYMMETRIC);
    struct two *t;

    s.side[0].no_turn_tls = s.side[1].no_turn_tls = true;
    t = start(&s);
    complete(t);
    sim_turn_forget(t->turn[0]);
    sim_run_until(t->w, sim_now(t->w) + 45 * SIM_S);
    for (int i = 0; i < 2; i++) {
        ck_assert(!sim_peer_is_connected(t->peer[i]));
        ck_assert_uint_ge(sim_peer_stats(t->peer[i]).disconnects, 1);
    }
    two_free(t);
}

START_TEST(a_server_that_forbids_a_peer_costs_only_that_path)
{
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_PORT_RESTRICTED);
    struct two *t;

    s.turn.denied = sim_addr("203.0.113.2", 0);
    t = start(&s);
    complete(t);
    ck_assert_int_eq(two_path(t, 0), SIM_PATH_DIRECT);
    two_free(t);
}

/* ------------------------------------------------------------------ peers and their order */

START_TEST(roles_that_conflict_are_settled)
{
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_FULL_CONE);
    struct two *t;

    s.both_controlling = true;
    t = start(&s);
    complete(t);
    ck_assert_int_ne(fh_ice_agent_role(sim_peer_agent(t->peer[0])),
                     fh_ice_agent_role(sim_peer_agent(t->peer[1])));
    ck_assert_uint_eq(talk(t, 1, SIM_S), 2);
    two_free(t);
}

START_TEST(a_check_may_come_before_the_candidate_is_told)
{
    struct two_spec s = pair(TWO_FULL_CONE, TWO_FULL_CONE);
    struct two *t;

    s.signal_delay_us[_i] = 3 * SIM_S;
    t = start(&s);
    /* Who was told checks at once; the other answers when he knows the password. */
    ck_assert_uint_lt(connect(t), 3300);
    complete(t);
    ck_assert_uint_eq(talk(t, 1, SIM_S), 2);
    two_free(t);
}

START_TEST(a_relay_shows_peers_that_nobody_signalled)
{
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_SYMMETRIC);
    struct two *t;

    s.policy[0] = FH_ICE_POLICY_RELAY;
    s.side[1].no_turn_udp = s.side[1].no_turn_tls = true;
    t = start(&s);
    ck_assert_uint_lt(connect(t), 2000);
    ck_assert_int_eq(two_path(t, 1), SIM_PATH_RELAY);
    ck_assert_uint_eq(talk(t, 1, SIM_S), 2);
    two_free(t);
}

START_TEST(the_last_candidate_may_come_very_late)
{
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_PORT_RESTRICTED);
    struct two *t;

    s.side[0].no_turn_udp = s.side[0].no_turn_tls = true;
    s.side[1].no_turn_udp = s.side[1].no_turn_tls = true;
    t = make(&s);
    sim_iface_set_up(t->iface[1], false); /* the cable is not in yet */
    two_start(t);
    sim_run_until(t->w, 30 * SIM_S);
    ck_assert_int_ne(state(t, 0), FH_ICE_FAILED);
    sim_iface_set_up(t->iface[1], true);
    sim_peer_network_changed(t->peer[1]);
    ck_assert_uint_lt(connect(t), 31000);
    two_free(t);
}

START_TEST(where_sending_is_refused_for_a_while_nobody_gives_up)
{
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_PORT_RESTRICTED);
    struct two *t = make(&s);

    sim_node_refuse_sends(t->host[0], true);
    two_start(t);
    sim_run_until(t->w, 8 * SIM_S);
    ck_assert_int_ne(state(t, 0), FH_ICE_FAILED);
    sim_node_refuse_sends(t->host[0], false);
    connect(t);
    two_free(t);
}

START_TEST(one_way_is_no_way)
{
    struct two_spec s = pair(TWO_OPEN, TWO_OPEN);
    struct two *t;

    s.side[0].link.blocked = sim_addr("203.0.113.2", 0); /* nothing from a reaches b */
    t = make(&s);
    /* Only what a sends: what it receives is on the same link otherwise. */
    two_start(t);
    connect(t);
    ck_assert_int_eq(two_path(t, 0), SIM_PATH_RELAY);
    ck_assert_int_eq(two_path(t, 1), SIM_PATH_RELAY);
    ck_assert_uint_eq(talk(t, 3, SIM_S), 6);
    two_free(t);
}

START_TEST(ipv6_that_goes_nowhere_costs_no_time)
{
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_PORT_RESTRICTED);
    struct two *t = start(&s);
    uint64_t without = connect(t), with;

    two_free(t);
    s.side[0].v6 = s.side[1].v6 = s.side[0].v6_broken = true;
    t = start(&s);
    with = connect(t);
    two_free(t);
    ck_assert_msg(with <= without + 200, "%llu ms, with IPv6 %llu", (unsigned long long)without,
                  (unsigned long long)with);
}

START_TEST(ipv6_that_works_is_taken)
{
    struct two_spec s = pair(TWO_SYMMETRIC, TWO_SYMMETRIC);
    struct two *t;
    struct fh_ice_path p;

    s.side[0].v6 = s.side[1].v6 = true;
    t = start(&s);
    complete(t);
    ck_assert(fh_ice_agent_path(sim_peer_agent(t->peer[0]), &p));
    ck_assert_int_eq(p.peer.family, FH_ICE_IPV6);
    ck_assert_int_eq(two_path(t, 1), SIM_PATH_HOST);
    two_free(t);
}

/* ------------------------------------------------------------------ changes while connected */

START_TEST(both_may_restart_at_any_time)
{
    /* While checks run, when connected, and both sides at once. */
    static const uint64_t when[] = {200 * SIM_MS, 20 * SIM_S, 20 * SIM_S};
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_ADDRESS_RESTRICTED);
    struct two *t = start(&s);

    sim_run_until(t->w, when[_i]);
    sim_peer_restart(t->peer[0]);
    if (_i == 2)
        sim_peer_restart(t->peer[1]);
    sim_run_until(t->w, sim_now(t->w) + 10 * SIM_S);
    ck_assert(two_completed(t));
    ck_assert_uint_eq(talk(t, 3, SIM_S), 6);
    two_free(t);
}

/* The permissions are there from before: nothing is asked of the servers, and all the same told. */
START_TEST(a_relayed_path_may_restart_as_well)
{
    struct two_spec s = pair(TWO_SYMMETRIC, TWO_SYMMETRIC);
    struct two *t = start(&s);

    complete(t);
    for (int i = 0; i < 3; i++) {
        sim_peer_restart(t->peer[i % 2]);
        sim_run_until(t->w, sim_now(t->w) + 8 * SIM_S);
        ck_assert(two_completed(t));
        ck_assert_uint_eq(talk(t, 3, SIM_S), 6);
    }
    two_free(t);
}

START_TEST(an_interface_may_go_and_come_back_with_the_same_address)
{
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_PORT_RESTRICTED);
    struct two *t;

    s.side[0].no_turn_tls = s.side[1].no_turn_tls = true;
    t = start(&s);
    complete(t);
    sim_iface_set_up(t->iface[0], false);
    sim_peer_network_changed(t->peer[0]);
    sim_run_until(t->w, sim_now(t->w) + 3 * SIM_S);
    ck_assert(!sim_peer_is_connected(t->peer[0]));
    sim_iface_set_up(t->iface[0], true);
    sim_peer_network_changed(t->peer[0]);
    sim_peer_restart(t->peer[0]);
    sim_run_until(t->w, sim_now(t->w) + 8 * SIM_S);
    ck_assert(two_connected(t));
    ck_assert_uint_eq(talk(t, 3, SIM_S), 6);
    two_free(t);
}

START_TEST(a_nat_may_move_its_ports)
{
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_FULL_CONE);
    struct two *t = start(&s);

    complete(t);
    sim_nat_rebind(t->nat[0]);
    sim_run_until(t->w, sim_now(t->w) + 20 * SIM_S);
    ck_assert(two_connected(t));
    ck_assert_uint_eq(talk(t, 3, SIM_S), 6);
    ck_assert_uint_eq(sim_peer_stats(t->peer[0]).failures, 0);
    two_free(t);
}

START_TEST(a_short_sleep_is_survived_and_a_long_one_noticed)
{
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_PORT_RESTRICTED);
    struct two *t = start(&s);

    complete(t);
    sim_node_set_asleep(t->host[0], true);
    sim_run_until(t->w, sim_now(t->w) + (_i == 0 ? 12 : 600) * SIM_S);
    sim_node_set_asleep(t->host[0], false);
    sim_run_until(t->w, sim_now(t->w) + 10 * SIM_S);
    for (int i = 0; i < 2 && _i == 1; i++) { /* consent ran out */
        struct sim_peer_stats st = sim_peer_stats(t->peer[i]);

        ck_assert_uint_ge(st.failures + st.disconnects, 1);
    }
    ck_assert(two_connected(t));
    ck_assert_uint_eq(talk(t, 3, SIM_S), 6);
    two_free(t);
}

/* Nobody sends for ever to somebody who does not answer. */
static struct {
    struct two *t;
    uint64_t after;
    unsigned n;
} silence;

static void watch_silence(void *user, const struct sim_packet_info *p)
{
    struct sim_addr gone = sim_iface_addr(silence.t->iface[1], 4);

    (void)user;
    silence.n += p->fate == SIM_SENT && p->node == silence.t->host[0] &&
                 sim_ip_equal(&p->to, &gone) && sim_now(silence.t->w) > silence.after;
}

START_TEST(whom_nobody_hears_nobody_sends_to)
{
    struct two_spec s = pair(TWO_OPEN, TWO_OPEN);
    struct two *t;

    s.side[0].no_turn_udp = s.side[0].no_turn_tls = true;
    s.side[1].no_turn_udp = s.side[1].no_turn_tls = true;
    t = start(&s);
    complete(t);
    silence.t = t;
    silence.n = 0;
    silence.after = sim_now(t->w) + 38 * SIM_S; /* 30 s after the last answer: RFC 7675 5.1 */
    sim_watch(t->w, watch_silence, NULL);
    sim_iface_set_up(t->iface[1], false);
    for (int i = 0; i < 300; i++) {
        (void)sim_peer_send(t->peer[0], "\x08 data", 6);
        sim_run_until(t->w, sim_now(t->w) + SIM_S);
    }
    ck_assert_int_eq(state(t, 0), FH_ICE_FAILED);
    ck_assert_int_eq(sim_peer_stats(t->peer[0]).error, FH_ICE_E_LOST);
    /* What is left are the repetitions of checks that began before. */
    ck_assert_uint_le(silence.n, 8);
    two_free(t);
}

START_TEST(an_allocation_goes_along_to_another_network)
{
    struct two_spec s = pair(TWO_SYMMETRIC, TWO_SYMMETRIC);
    struct two *t;
    struct sim_turn_stats before, after;

    s.turn.mobility = s.mobility = true;
    s.side[0].no_turn_tls = s.side[1].no_turn_tls = true;
    t = start(&s);
    complete(t);
    before = sim_turn_stats(t->turn[0]);
    sim_iface_remove(t->iface[0], "10.1.0.2");
    sim_iface_add(t->iface[0], "10.1.0.77");
    sim_nat_renumber(t->nat[0], "203.0.113.50");
    sim_peer_network_changed(t->peer[0]);
    sim_run_until(t->w, sim_now(t->w) + 2 * SIM_S);
    after = sim_turn_stats(t->turn[0]);
    ck_assert_uint_eq(after.moves, before.moves + 1);
    ck_assert_uint_eq(after.made, before.made);
    ck_assert(two_connected(t));
    ck_assert_uint_eq(talk(t, 3, SIM_S), 6);
    two_free(t);
}

/* ------------------------------------------------------------------ policies */

static struct {
    struct two *t;
    unsigned direct;   /* datagrams of a that do not go to a server */
    unsigned loopback; /* or to where no peer is */
} leaks;

static void watch_leaks(void *user, const struct sim_packet_info *p)
{
    struct sim_addr servers[] = {sim_addr("198.51.100.10", 0), sim_addr("198.51.100.11", 0),
                                 sim_addr("198.51.100.20", 0), sim_addr("198.51.100.21", 0)};
    bool server = false;

    (void)user;
    if (p->fate != SIM_SENT || p->node != leaks.t->host[0])
        return;
    for (int i = 0; i < 4; i++)
        server |= sim_ip_equal(&p->to, &servers[i]);
    leaks.direct += !server;
    leaks.loopback += p->to.ip[0] == 127 || p->to.ip[0] >= 224 || p->to.ip[0] == 0;
}

START_TEST(relay_only_says_nothing_of_where_one_is)
{
    struct two_spec s = pair(TWO_FULL_CONE, TWO_FULL_CONE);
    struct two *t;
    struct fh_ice_description d;

    s.policy[0] = FH_ICE_POLICY_RELAY;
    t = make(&s);
    memset(&leaks, 0, sizeof leaks);
    leaks.t = t;
    sim_watch(t->w, watch_leaks, NULL);
    two_start(t);
    complete(t);
    ck_assert_int_eq(two_path(t, 0), SIM_PATH_RELAY);
    ck_assert_uint_eq(leaks.direct, 0);
    fh_ice_agent_description(sim_peer_agent(t->peer[0]), &d);
    for (size_t i = 0; i < d.len; i++) {
        ck_assert_int_eq(d.candidates[i].type, FH_ICE_RELAY);
        ck_assert_uint_eq(d.candidates[i].related.ip[0], 0);
    }
    two_free(t);
}

START_TEST(candidates_that_point_where_no_peer_is_are_not_tried)
{
    static const char *const bad[] = {"127.0.0.1", "224.0.0.251", "255.255.255.255",
                                      "0.0.0.0",   "240.0.0.1",   "127.1.2.3"};
    struct two_spec s = pair(TWO_OPEN, TWO_OPEN);
    struct two *t = make(&s);
    struct fh_ice_agent *a;

    memset(&leaks, 0, sizeof leaks);
    leaks.t = t;
    sim_watch(t->w, watch_leaks, NULL);
    two_start(t);
    a = sim_peer_agent(t->peer[0]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fh_ice_candidate c = {.type = FH_ICE_HOST, .priority = 2130706431};
        struct sim_addr at = sim_addr(bad[i], 5000);

        c.address = sim_to_ice(&at);
        memcpy(c.foundation, "x", 2);
        ck_assert_int_eq(fh_ice_agent_add_remote(a, sim_now_ms(t->w), &c, NULL), FH_ICE_E_ADDRESS);
    }
    complete(t);
    ck_assert_uint_eq(leaks.loopback, 0);
    two_free(t);
}

START_TEST(two_hundred_candidates_are_a_bounded_burden)
{
    struct two_spec s = pair(TWO_OPEN, TWO_OPEN);
    struct two *t = start(&s);
    struct fh_ice_agent *a = sim_peer_agent(t->peer[0]);
    struct fh_ice_stats st;
    unsigned refused = 0;

    sim_run_until(t->w, 35 * SIM_MS);
    for (unsigned i = 0; i < 400; i++) { /* each of them twice */
        struct fh_ice_candidate c = {.type = FH_ICE_SRFLX, .priority = 1000 + i / 2};
        struct sim_addr at = sim_addr("192.0.2.1", (uint16_t)(2000 + i / 2));
        int ret;

        c.address = sim_to_ice(&at);
        snprintf(c.foundation, sizeof c.foundation, "f%u", i / 2);
        ret = fh_ice_agent_add_remote(a, sim_now_ms(t->w), &c, NULL);
        refused += ret == FH_ICE_E_LIMIT;
    }
    fh_ice_agent_stats(a, &st);
    ck_assert_uint_gt(refused, 300);
    ck_assert_uint_le(st.remote_candidates, 40);
    ck_assert_uint_le(st.pairs, FH_ICE_MAX_PAIRS);
    complete(t);
    ck_assert_int_eq(two_path(t, 0), SIM_PATH_HOST);
    two_free(t);
}

/* A stranger asks a thousand times: without the password, with half of it, with garbage. */
static struct {
    struct two *t;
    struct sim_node *stranger;
    size_t asked, answered;
} reflection;

static void watch_reflection(void *user, const struct sim_packet_info *p)
{
    (void)user;
    if (p->fate == SIM_SENT && p->node == reflection.stranger)
        reflection.asked += p->len;
    if (p->fate == SIM_SENT && p->node == reflection.t->host[0] && p->to.ip[3] == 99)
        reflection.answered += p->len;
}

static void ignore(void *user, struct sim_socket *s, const struct sim_addr *from,
                   const uint8_t *data, size_t len)
{
    (void)user;
    (void)s;
    (void)from;
    (void)data;
    (void)len;
}

START_TEST(strangers_get_no_more_than_they_send)
{
    struct two_spec s = pair(TWO_OPEN, TWO_OPEN);
    struct two *t = start(&s);
    struct sim_node *n = sim_node_new(t->w, "x");
    struct fh_ice_description d;
    struct fh_ice_path path;
    struct sim_socket *sock;
    struct sim_addr victim;

    complete(t);
    sim_attach(n, t->internet, "203.0.113.99");
    sock = sim_udp_open(n, NULL, ignore, NULL);
    reflection.t = t;
    reflection.stranger = n;
    reflection.asked = reflection.answered = 0;
    sim_watch(t->w, watch_reflection, NULL);
    fh_ice_agent_description(sim_peer_agent(t->peer[0]), &d);
    ck_assert(fh_ice_agent_path(sim_peer_agent(t->peer[1]), &path));
    victim = sim_from_ice(&path.peer);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t mem[300], txid[FH_STUN_TXID_LEN];
        struct fh_stun_builder b;
        char user[600];

        sim_random_bytes(t->w, txid, sizeof txid);
        snprintf(user, sizeof user, "%s:%u", i % 2 ? d.ufrag : "nobody", i);
        fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
        fh_stun_write_text(&b, FH_STUN_USERNAME, user);
        fh_stun_write_u32(&b, FH_STUN_PRIORITY, 1);
        fh_stun_write_integrity(&b, FH_STUN_BY_SHA1, (const uint8_t *)"guess", 5);
        fh_stun_write_fingerprint(&b);
        sim_udp_send(sock, &victim, mem, fh_stun_build_end(&b));
        sim_random_bytes(t->w, mem, sizeof mem);
        sim_udp_send(sock, &victim, mem, 40);
        sim_run_until(t->w, sim_now(t->w) + 3 * SIM_MS);
    }
    sim_run_until(t->w, sim_now(t->w) + 10 * SIM_S);
    ck_assert_uint_gt(reflection.asked, 100000);
    ck_assert_msg(reflection.answered <= reflection.asked, "%zu bytes for %zu", reflection.answered,
                  reflection.asked);
    ck_assert(two_completed(t)); /* and nobody was disturbed */
    two_free(t);
}

/* ------------------------------------------------------------------ port mapping */

START_TEST(a_mapped_port_does_what_a_relay_would)
{
    struct two_spec s = pair(TWO_SYMMETRIC, TWO_SYMMETRIC);
    struct two *t;

    s.side[1].portmap = (enum sim_gateway_kind)(1 + _i);
    t = start(&s);
    complete(t);
    ck_assert(sim_peer_stats(t->peer[1]).mapped);
    ck_assert_int_eq(two_path(t, 0), SIM_PATH_DIRECT);
    ck_assert_int_eq(two_path(t, 1), SIM_PATH_DIRECT);
    ck_assert_uint_eq(talk(t, 800, 5 * SIM_S), 1600); /* the lease is renewed */
    sim_peer_close(t->peer[1]);
    sim_run_until(t->w, sim_now(t->w) + 5 * SIM_S);
    two_free(t);
}

START_TEST(a_gateway_that_says_nothing_delays_nothing)
{
    struct two_spec s = pair(TWO_PORT_RESTRICTED, TWO_PORT_RESTRICTED);
    struct two *t = start(&s);
    uint64_t without = connect(t);

    two_free(t);
    s.side[0].portmap = SIM_GATEWAY_PCP;
    t = make(&s);
    sim_gateway_set_dead(t->gateway[0]);
    two_start(t);
    ck_assert_uint_eq(connect(t), without);
    ck_assert(!sim_peer_stats(t->peer[0]).mapped);
    two_free(t);
}

/* ------------------------------------------------------------------ transcripts */

static FILE *golden;

static void watch_golden(void *user, const struct sim_packet_info *p)
{
    char line[SIM_LINE];

    if (p->fate != SIM_SENT || p->proto != SIM_UDP)
        return;
    fprintf(golden, "%s\n", sim_transcript_line(sim_now(user), p, line));
}

static const struct {
    const char *name;
    enum two_kind a, b;
    enum sim_gateway_kind portmap;
} told[] = {
    {"hosts", TWO_OPEN, TWO_OPEN, (enum sim_gateway_kind)0},
    {"cones", TWO_PORT_RESTRICTED, TWO_PORT_RESTRICTED, (enum sim_gateway_kind)0},
    {"reflexive", TWO_SYMMETRIC, TWO_ADDRESS_RESTRICTED, (enum sim_gateway_kind)0},
    {"relay", TWO_SYMMETRIC, TWO_SYMMETRIC, (enum sim_gateway_kind)0},
    {"mapped", TWO_SYMMETRIC, TWO_SYMMETRIC, SIM_GATEWAY_NATPMP},
};

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 17);
    size_t n = f && text ? fread(text, 1, (1 << 17) - 1, f) : 0;

    ck_assert_ptr_nonnull(text);
    (void)n;
    if (f)
        fclose(f);
    return text;
}

/*
 * Every datagram of a run, to the letter. A change that is meant: FARHAND_GOLDEN=write, and look at
 * the difference.
 */
START_TEST(the_transcript_is_the_one_that_was_looked_at)
{
    const char *top = getenv("FARHAND_TOP"), *mode = getenv("FARHAND_GOLDEN");
    struct two_spec s = pair(told[_i].a, told[_i].b);
    struct two *t;
    char path[500], *want, *got;
    size_t len;

    for (int i = 0; i < 2; i++) {
        s.side[i].ports = SIM_PORTS_PRESERVED;
        s.side[i].no_turn_tls = true;
    }
    s.side[1].portmap = told[_i].portmap;
    snprintf(path, sizeof path, "%s/tests/simnet/golden/%s.txt", top ? top : ".", told[_i].name);
    golden = open_memstream(&got, &len);
    t = make(&s);
    sim_watch(t->w, watch_golden, t->w);
    two_start(t);
    complete(t);
    fclose(golden);
    if (mode && strcmp(mode, "write") == 0) {
        FILE *f = fopen(path, "w");

        ck_assert_ptr_nonnull(f);
        fputs(got, f);
        fclose(f);
    }
    want = read_file(path);
    ck_assert_msg(strcmp(got, want) == 0, "%s: now it is:\n%s", path, got);
    free(want);
    free(got);
    two_free(t);
}

int main(void)
{
    Suite *s = suite_create("scenarios");
    TCase *tc = tcase_create("servers");
    int failed;
    SRunner *r;

    tcase_add_test(tc, a_dead_stun_server_costs_no_time);
    tcase_add_test(tc, with_one_of_two_turn_servers_dead_the_other_relays);
    tcase_add_loop_test(tc, a_relayed_path_lives_for_an_hour, 0, 3);
    tcase_add_loop_test(tc, clients_follow_to_another_server_once, 0, 2);
    tcase_add_test(tc, a_full_server_is_told_from_a_wrong_password);
    tcase_add_test(tc, a_server_that_starts_anew_loses_the_path_and_says_so);
    tcase_add_test(tc, a_server_that_forbids_a_peer_costs_only_that_path);
    suite_add_tcase(s, tc);
    tc = tcase_create("peers");
    tcase_add_test(tc, roles_that_conflict_are_settled);
    tcase_add_loop_test(tc, a_check_may_come_before_the_candidate_is_told, 0, 2);
    tcase_add_test(tc, a_relay_shows_peers_that_nobody_signalled);
    tcase_add_test(tc, the_last_candidate_may_come_very_late);
    tcase_add_test(tc, where_sending_is_refused_for_a_while_nobody_gives_up);
    tcase_add_test(tc, one_way_is_no_way);
    tcase_add_test(tc, ipv6_that_goes_nowhere_costs_no_time);
    tcase_add_test(tc, ipv6_that_works_is_taken);
    suite_add_tcase(s, tc);
    tc = tcase_create("changes");
    tcase_add_loop_test(tc, both_may_restart_at_any_time, 0, 3);
    tcase_add_test(tc, a_relayed_path_may_restart_as_well);
    tcase_add_test(tc, an_interface_may_go_and_come_back_with_the_same_address);
    tcase_add_test(tc, a_nat_may_move_its_ports);
    tcase_add_loop_test(tc, a_short_sleep_is_survived_and_a_long_one_noticed, 0, 2);
    tcase_add_test(tc, whom_nobody_hears_nobody_sends_to);
    tcase_add_test(tc, an_allocation_goes_along_to_another_network);
    suite_add_tcase(s, tc);
    tc = tcase_create("policies");
    tcase_add_test(tc, relay_only_says_nothing_of_where_one_is);
    tcase_add_test(tc, candidates_that_point_where_no_peer_is_are_not_tried);
    tcase_add_test(tc, two_hundred_candidates_are_a_bounded_burden);
    tcase_add_test(tc, strangers_get_no_more_than_they_send);
    tcase_add_loop_test(tc, a_mapped_port_does_what_a_relay_would, 0, 3);
    tcase_add_test(tc, a_gateway_that_says_nothing_delays_nothing);
    suite_add_tcase(s, tc);
    tc = tcase_create("transcripts");
    tcase_add_loop_test(tc, the_transcript_is_the_one_that_was_looked_at, 0, 5);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
