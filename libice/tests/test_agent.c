/* SPDX-License-Identifier: MIT */
/* Two agents that find each other: through NATs and relays, by both families, at their pace. */
#include "agent_net.h"

#define ARRAY_LEN(a) ((int)(sizeof(a) / sizeof(*(a))))

START_TEST(two_hosts_connect_in_one_round_trip)
{
    struct net *n = net_two(1);

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 2000, FH_ICE_BASE_HOST);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 1000);
    net_same_path(n);
    net_check_types(n, FH_ICE_HOST, FH_ICE_HOST);
    ck_assert_int_eq((int)net_path(n, 0).remote_type, FH_ICE_HOST);
    ck_assert_uint_eq(net_path(n, 0).rtt_ms, 20);
    ck_assert_uint_le(n->sides[0].connected_at - 1000000, 20);
    ck_assert_uint_eq(n->sides[0].states[0], FH_ICE_CHECKING);
    ck_assert_uint_eq(n->sides[0].states[1], FH_ICE_CONNECTED);
    ck_assert_uint_eq(n->sides[0].states[2], FH_ICE_COMPLETED);
    net_free(n);
}
END_TEST

/* What the kinds of NAT allow: with endpoint-independent mapping on one side, a direct path. */
static const struct {
    int a, b; /* 0: none, 1: mapping independent of the endpoint, 2: dependent on it */
    bool has_relay;
    enum fh_ice_candidate_type local, remote; /* of A's path */
} nats[] = {
    {1, 1, false, FH_ICE_SRFLX, FH_ICE_SRFLX}, {1, 1, true, FH_ICE_SRFLX, FH_ICE_SRFLX},
    {0, 1, false, FH_ICE_HOST, FH_ICE_SRFLX},  {0, 2, false, FH_ICE_HOST, FH_ICE_PRFLX},
    {2, 0, false, FH_ICE_PRFLX, FH_ICE_HOST},  {2, 2, true, FH_ICE_RELAY, FH_ICE_PRFLX},
    {1, 2, true, FH_ICE_RELAY, FH_ICE_PRFLX},
};

static void place(struct net *n, int i, int nat)
{
    if (nat == 0)
        net_base(n, i, i == 0 ? "198.51.100.77" : "203.0.113.77", 7000, FH_ICE_BASE_HOST);
    else
        net_behind_nat(n, i, nat == 2);
}

START_TEST(a_path_is_found_through_these_nats)
{
    struct net *n = net_two(2);

    net_server(n, "192.0.2.10", false);
    place(n, 0, nats[_i].a);
    place(n, 1, nats[_i].b);
    if (nats[_i].has_relay)
        net_base(n, 0, "192.0.2.200", 6000, FH_ICE_BASE_RELAY);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 20000);
    net_same_path(n);
    ck_assert_int_eq((int)net_path(n, 0).local_type, (int)nats[_i].local);
    ck_assert_int_eq((int)net_path(n, 0).remote_type, (int)nats[_i].remote);
    net_free(n);
}
END_TEST

START_TEST(a_dead_stun_server_delays_nothing)
{
    uint64_t took[2], gathered[2];

    for (int dead = 0; dead < 2; dead++) {
        struct net *n = net_two(3);

        /* The dead one comes last in the first run, and first in the second. */
        net_server(n, "192.0.2.10", dead == 1);
        net_server(n, "192.0.2.11", dead == 0);
        net_behind_nat(n, 0, false);
        net_behind_nat(n, 1, false);
        net_exchange(n);
        took[dead] = net_until(n, FH_ICE_COMPLETED, 2000);
        gathered[dead] = n->sides[0].gathered_at - 1000000;
        net_free(n);
    }
    ck_assert_uint_le(gathered[0], 20);
    ck_assert_uint_le(gathered[1], 50 + 20);
    ck_assert_uint_le(took[1], took[0] + 100);
}
END_TEST

START_TEST(only_dead_stun_servers_do_not_keep_hosts_from_connecting)
{
    struct net *n = net_two(3);

    net_server(n, "192.0.2.10", true);
    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 1000, FH_ICE_BASE_HOST);
    net_exchange(n);
    ck_assert_uint_le(net_until(n, FH_ICE_COMPLETED, 2000), 150);
    net_run(n, 5000);
    ck_assert_uint_ne(n->sides[0].gathered_at, 0);
    net_free(n);
}
END_TEST

START_TEST(a_relay_carries_data_at_once_and_the_path_moves_up)
{
    struct net *n = net_two(4);

    net_server(n, "192.0.2.10", false);
    net_behind_nat(n, 0, false);
    net_base(n, 0, "192.0.2.200", 6000, FH_ICE_BASE_RELAY);
    net_behind_nat(n, 1, false);
    n->signal_latency = 300; /* the answers of the STUN servers come late to the peer */
    net_exchange(n);
    while (n->sides[0].state != FH_ICE_CONNECTED && n->sides[1].state != FH_ICE_CONNECTED)
        net_run(n, 1);
    net_until(n, FH_ICE_COMPLETED, 5000);
    net_check_types(n, FH_ICE_SRFLX, FH_ICE_SRFLX);
    ck_assert_uint_eq(n->sides[0].error, 0);
    net_free(n);
}
END_TEST

START_TEST(with_the_relay_policy_nothing_leaves_from_a_host_base)
{
    struct fh_ice_config cfg = {.role = FH_ICE_CONTROLLING, .policy = FH_ICE_POLICY_RELAY};
    struct net *n = net_new(5);
    struct fh_ice_description d;
    int host;

    net_agent(n, 0, &cfg);
    net_agent(n, 1, &net_controlled);
    net_server(n, "192.0.2.10", false);
    host = net_behind_nat(n, 0, false);
    net_base(n, 0, "192.0.2.200", 6000, FH_ICE_BASE_RELAY);
    net_behind_nat(n, 1, false);
    n->sides[0].has_base[host] = false; /* the network refuses what is sent from it */
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 5000);
    net_check_types(n, FH_ICE_RELAY, FH_ICE_SRFLX);
    fh_ice_agent_description(n->sides[0].agent, &d);
    ck_assert_uint_eq(d.len, 1);
    ck_assert_int_eq((int)d.candidates[0].type, FH_ICE_RELAY);
    ck_assert_int_eq((int)fh_ice_address_scope(&d.candidates[0].related), FH_ICE_SCOPE_UNSPECIFIED);
    ck_assert_uint_eq(d.candidates[0].related.port, 9);
    net_free(n);
}
END_TEST

START_TEST(with_the_no_host_policy_no_local_address_is_told)
{
    struct fh_ice_config cfg = {.role = FH_ICE_CONTROLLING, .policy = FH_ICE_POLICY_NO_HOST};
    struct net *n = net_new(6);
    struct fh_ice_description d;

    net_agent(n, 0, &cfg);
    net_agent(n, 1, &net_controlled);
    net_server(n, "192.0.2.10", false);
    net_behind_nat(n, 0, false);
    net_base(n, 0, "192.0.2.200", 6000, FH_ICE_BASE_RELAY);
    net_behind_nat(n, 1, false);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 5000);
    net_check_types(n, FH_ICE_SRFLX, FH_ICE_SRFLX);
    fh_ice_agent_description(n->sides[0].agent, &d);
    ck_assert_uint_eq(d.len, 2);
    for (size_t i = 0; i < d.len; i++) {
        char line[FH_ICE_CANDIDATE_TEXT];

        fh_ice_candidate_print(&d.candidates[i], line);
        ck_assert_ptr_null(strstr(line, "10.0.0.1"));
        ck_assert_int_ne((int)d.candidates[i].type, FH_ICE_HOST);
    }
    net_free(n);
}
END_TEST

/* ---- two families --------------------------------------------------------------------------- */

START_TEST(families_take_turns_and_ipv6_comes_first)
{
    static const char *const ips[] = {"2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"};
    struct net *n = net_two(7);
    struct fh_ice_description d;

    /* Added in another order: within a family age decides, between them the family. */
    net_base(n, 0, ips[1], 1000, FH_ICE_BASE_HOST);
    net_base(n, 0, ips[3], 1000, FH_ICE_BASE_HOST);
    net_base(n, 0, ips[0], 1000, FH_ICE_BASE_HOST);
    net_base(n, 0, ips[2], 1000, FH_ICE_BASE_HOST);
    fh_ice_agent_description(n->sides[0].agent, &d);
    ck_assert_uint_eq(d.len, 4);
    for (size_t rank = 0; rank < 4; rank++) {
        struct fh_ice_address want = at(ips[rank], 1000);
        size_t above = 0, self = 4;

        for (size_t i = 0; i < 4; i++)
            if (fh_ice_address_equal(&d.candidates[i].address, &want))
                self = i;
        ck_assert_uint_lt(self, 4);
        for (size_t i = 0; i < 4; i++)
            above += d.candidates[i].priority > d.candidates[self].priority;
        ck_assert_uint_eq(above, rank);
    }
    net_free(n);
}
END_TEST

static bool drop_ipv6(struct net *n, const struct packet *p)
{
    (void)n;
    return p->to.family == FH_ICE_IPV6;
}

START_TEST(a_black_hole_for_ipv6_costs_one_place_in_the_line)
{
    struct net *n = net_two(8);

    net_base(n, 0, "2001:db8::1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "2001:db8::2", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 1000, FH_ICE_BASE_HOST);
    n->drop = drop_ipv6;
    net_exchange(n);
    while (n->sides[0].connected_at == 0)
        net_run(n, 1);
    ck_assert_uint_le(n->sides[0].connected_at - 1000000, 50 + 20);
    net_until(n, FH_ICE_COMPLETED, 5000);
    ck_assert_int_eq(net_path(n, 0).peer.family, FH_ICE_IPV4);
    net_free(n);
}
END_TEST

START_TEST(link_local_addresses_pair_with_link_local_ones_only)
{
    struct net *n = net_two(9);
    struct fh_ice_stats s;

    net_base(n, 0, "fe80::1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 0, "2001:db8::1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "fe80::2", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "2001:db8::2", 1000, FH_ICE_BASE_HOST);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 1000);
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_eq(s.pairs, 2);
    net_free(n);
}
END_TEST

/* ---- trickle -------------------------------------------------------------------------------- */

START_TEST(candidates_that_come_late_are_checked_when_they_come)
{
    struct net *n = net_two(10);

    n->sides[0].is_trickling = n->sides[1].is_trickling = false;
    net_exchange(n);
    net_run(n, 5000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_CHECKING);
    n->sides[0].is_trickling = n->sides[1].is_trickling = true;
    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_run(n, 3000);
    net_base(n, 1, "192.0.2.2", 1000, FH_ICE_BASE_HOST);
    ck_assert_uint_le(net_until(n, FH_ICE_CONNECTED, 500) + 1, 60);
    net_free(n);
}
END_TEST

START_TEST(checks_before_the_answer_are_answered_and_checked_back)
{
    struct net *n = net_two(11);

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 1000, FH_ICE_BASE_HOST);
    /* B knows A's offer; A learns B's answer, credentials and all, a second later. */
    n->sides[1].is_trickling = false;
    net_describe_to_peer(n, 0);
    net_run(n, 100);
    ck_assert_uint_gt(n->sides[1].sent_packets, 0);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_CONNECTED);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_NEW);
    net_run(n, 900);
    net_describe_to_peer(n, 1);
    ck_assert_uint_le(net_until(n, FH_ICE_COMPLETED, 500), 100);
    ck_assert_int_eq((int)net_path(n, 0).remote_type, FH_ICE_HOST);
    net_free(n);
}
END_TEST

START_TEST(a_candidate_met_before_it_was_signalled_gets_its_name)
{
    struct net *n = net_two(12);
    struct fh_ice_stats s;

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    n->sides[1].is_trickling = false;
    net_exchange(n);
    net_run(n, 1);
    /* B's only candidate is learnt from its checks. */
    net_base(n, 1, "192.0.2.2", 1000, FH_ICE_BASE_HOST);
    net_run(n, 500);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_CONNECTED);
    ck_assert_int_eq((int)net_path(n, 0).remote_type, FH_ICE_PRFLX);
    net_describe_to_peer(n, 1);
    net_run(n, 500);
    ck_assert_int_eq((int)net_path(n, 0).remote_type, FH_ICE_HOST);
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_eq(s.remote_candidates, 1);
    ck_assert_uint_eq(s.pairs, 1);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    net_free(n);
}
END_TEST

START_TEST(the_end_of_candidates_waits_for_who_holds_it)
{
    struct net *n = net_two(13);
    struct fh_ice_description d;

    fh_ice_agent_hold(n->sides[0].agent);
    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_run(n, 1000);
    ck_assert_uint_eq(n->sides[0].gathered_at, 0);
    fh_ice_agent_description(n->sides[0].agent, &d);
    ck_assert(!d.is_complete && d.is_trickle);
    fh_ice_agent_release(n->sides[0].agent, n->now);
    net_drain(n, 0);
    ck_assert_uint_eq(n->sides[0].gathered_at, n->now);
    fh_ice_agent_description(n->sides[0].agent, &d);
    ck_assert(d.is_complete);
    net_free(n);
}
END_TEST

START_TEST(a_mapped_port_is_a_candidate)
{
    struct net *n = net_two(14);
    struct fh_ice_address mapped = at("198.51.100.9", 4444), v6 = at("2001:db8::9", 4444);
    struct fh_ice_description d;
    int base = net_base(n, 0, "10.0.0.1", 1000, FH_ICE_BASE_HOST);

    ck_assert_int_eq(fh_ice_agent_add_mapped(n->sides[0].agent, n->now, base, &mapped), 0);
    ck_assert_int_eq(fh_ice_agent_add_mapped(n->sides[0].agent, n->now, base, &mapped), 0);
    ck_assert_int_eq(fh_ice_agent_add_mapped(n->sides[0].agent, n->now, base, &v6), FH_ICE_E_INVAL);
    ck_assert_int_eq(fh_ice_agent_add_mapped(n->sides[0].agent, n->now, 5, &mapped),
                     FH_ICE_E_INVAL);
    fh_ice_agent_description(n->sides[0].agent, &d);
    ck_assert_uint_eq(d.len, 2);
    ck_assert_int_eq((int)d.candidates[1].type, FH_ICE_SRFLX);
    ck_assert_str_ne(d.candidates[0].foundation, d.candidates[1].foundation);
    net_free(n);
}
END_TEST

/* ---- peer-reflexive, through a relay too ---------------------------------------------------- */

START_TEST(a_peer_behind_a_symmetric_nat_is_learnt_through_a_relay)
{
    struct net *n = net_two(15);

    net_server(n, "192.0.2.10", false);
    net_behind_nat(n, 0, true);
    net_behind_nat(n, 1, true);
    net_base(n, 0, "192.0.2.200", 6000, FH_ICE_BASE_RELAY);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 20000);
    ck_assert_int_eq((int)net_path(n, 0).local_type, FH_ICE_RELAY);
    ck_assert_int_eq((int)net_path(n, 0).remote_type, FH_ICE_PRFLX);
    ck_assert_int_eq((int)net_path(n, 1).remote_type, FH_ICE_RELAY);
    net_same_path(n);
    net_free(n);
}
END_TEST

START_TEST(a_relay_that_denies_is_not_used)
{
    struct net *n = net_two(16);

    net_behind_nat(n, 0, true);
    n->sides[0].is_permit_denied = true;
    net_base(n, 0, "192.0.2.200", 6000, FH_ICE_BASE_RELAY);
    net_base(n, 1, "203.0.113.9", 900, FH_ICE_BASE_HOST);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 5000);
    ck_assert_int_eq((int)net_path(n, 0).local_type, FH_ICE_PRFLX);
    net_free(n);
}
END_TEST

/* ---- roles ---------------------------------------------------------------------------------- */

START_TEST(two_agents_of_one_role_settle_it)
{
    const struct fh_ice_config *cfg = _i % 2 ? &net_controlling : &net_controlled;
    struct net *n = net_new((uint64_t)_i / 2 + 20);
    struct fh_ice_stats a, b;

    net_agent(n, 0, cfg);
    net_agent(n, 1, cfg);
    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 0, "192.0.2.11", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.12", 1000, FH_ICE_BASE_HOST);
    n->latency = (uint64_t)_i; /* who asks first differs */
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 2000);
    ck_assert_int_ne((int)fh_ice_agent_role(n->sides[0].agent),
                     (int)fh_ice_agent_role(n->sides[1].agent));
    fh_ice_agent_stats(n->sides[0].agent, &a);
    fh_ice_agent_stats(n->sides[1].agent, &b);
    net_run(n, 10000);
    net_same_path(n);
    ck_assert_uint_eq(a.nominations, 1);
    ck_assert_uint_eq(b.nominations, 1);
    net_free(n);
}
END_TEST

/* ---- lite ----------------------------------------------------------------------------------- */

static const struct fh_ice_config lite = {.is_lite = true};

START_TEST(a_full_agent_and_a_lite_one_connect_and_stay)
{
    struct net *n = net_new(30);

    /* The full one was told the wrong role: with a lite peer it controls. */
    net_agent(n, 0, &net_controlled);
    net_agent(n, 1, &lite);
    net_behind_nat(n, 0, true);
    net_base(n, 1, "203.0.113.9", 900, FH_ICE_BASE_HOST);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 1000);
    ck_assert_int_eq((int)fh_ice_agent_role(n->sides[0].agent), FH_ICE_CONTROLLING);
    net_run(n, 120000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_COMPLETED);
    net_same_path(n);
    /* The lite one notices when its peer is gone. */
    n->sides[0].is_mute = true;
    net_run(n, 31000);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_FAILED);
    ck_assert_int_eq(n->sides[1].error, FH_ICE_E_LOST);
    net_free(n);
}
END_TEST

START_TEST(a_lite_agent_asks_nobody_anything)
{
    struct net *n = net_new(31);
    struct fh_ice_stats s;

    net_agent(n, 0, &net_controlling);
    net_agent(n, 1, &lite);
    net_server(n, "192.0.2.10", false);
    net_base(n, 0, "192.0.2.1", 900, FH_ICE_BASE_HOST);
    net_base(n, 1, "203.0.113.9", 900, FH_ICE_BASE_HOST);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 1000);
    net_run(n, 60000);
    fh_ice_agent_stats(n->sides[1].agent, &s);
    ck_assert_uint_eq(s.transactions, 0);
    ck_assert_uint_eq(s.checks_sent, 0);
    net_free(n);
}
END_TEST

START_TEST(two_lite_agents_are_refused)
{
    struct net *n = net_new(32);
    struct fh_ice_description d;

    net_agent(n, 0, &lite);
    net_agent(n, 1, &lite);
    fh_ice_agent_description(n->sides[0].agent, &d);
    ck_assert(d.is_lite && !d.is_trickle);
    ck_assert_int_eq(fh_ice_agent_set_remote(n->sides[1].agent, n->now, &d), FH_ICE_E_UNSUPPORTED);
    net_free(n);
}
END_TEST

/* ---- pace ----------------------------------------------------------------------------------- */

static bool drop_all(struct net *n, const struct packet *p)
{
    (void)n;
    (void)p;
    return true;
}

START_TEST(transactions_begin_no_closer_than_ta)
{
    struct fh_ice_config cfg = {.role = FH_ICE_CONTROLLING, .ta_ms = _i ? 20 : 0};
    struct net *n = net_new(40);
    char ip[32];

    net_agent(n, 0, &cfg);
    net_agent(n, 1, &net_controlled);
    for (int i = 0; i < 4; i++) {
        snprintf(ip, sizeof ip, "192.0.2.%d", i + 1);
        net_base(n, 0, ip, 1000, FH_ICE_BASE_HOST);
        snprintf(ip, sizeof ip, "192.0.2.%d", i + 101);
        net_base(n, 1, ip, 1000, FH_ICE_BASE_HOST);
    }
    net_server(n, "192.0.2.201", true);
    net_server(n, "192.0.2.202", true);
    n->drop = drop_all;
    net_exchange(n);
    net_run(n, 30000);
    /* 16 pairs and 8 questions were begun, each at its time. */
    ck_assert_uint_eq(n->sides[0].txids_len, 24);
    ck_assert_uint_eq(n->sides[0].least_gap, _i ? 20 : 50);
    net_free(n);
}
END_TEST

START_TEST(agents_that_share_a_pacer_keep_its_gap_among_them)
{
    struct fh_ice_pacer pacer = {.gap_ms = 5};
    struct fh_ice_config cfg = {.role = FH_ICE_CONTROLLING, .ta_ms = 5, .pacer = &pacer};
    struct net *n = net_new(41);
    struct fh_ice_stats a, b;

    net_agent(n, 0, &cfg);
    cfg.role = FH_ICE_CONTROLLED;
    net_agent(n, 1, &cfg);
    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 1000, FH_ICE_BASE_HOST);
    for (unsigned i = 0; i < 10; i++) {
        struct fh_ice_candidate c = {.type = FH_ICE_HOST, .priority = 1000 + i, .foundation = "9"};

        c.address = at("192.0.2.99", 100 + i);
        c.foundation[0] = (char)('a' + i);
        fh_ice_agent_add_remote(n->sides[0].agent, n->now, &c, NULL);
        fh_ice_agent_add_remote(n->sides[1].agent, n->now, &c, NULL);
    }
    n->drop = drop_all;
    net_exchange(n);
    net_run(n, 100);
    fh_ice_agent_stats(n->sides[0].agent, &a);
    fh_ice_agent_stats(n->sides[1].agent, &b);
    ck_assert_uint_ge(a.transactions + b.transactions, 18);
    ck_assert_uint_le(a.transactions + b.transactions, 21);
    net_free(n);
}
END_TEST

START_TEST(a_check_is_repeated_seven_times_and_given_up_after_39_5_seconds)
{
    struct net *n = net_two(42);
    struct fh_ice_stats s;

    n->sides[1].is_mute = true;
    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 1000, FH_ICE_BASE_HOST);
    n->drop = drop_all;
    net_exchange(n);
    net_run(n, 31499);
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_eq(s.checks_sent, 6);
    net_run(n, 39499 - 31499);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_CHECKING);
    net_run(n, 2);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_FAILED);
    ck_assert_int_eq(n->sides[0].error, FH_ICE_E_FAILED);
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_eq(s.checks_sent, 7);
    ck_assert_uint_eq(fh_ice_agent_deadline(n->sides[0].agent), UINT64_MAX);
    net_free(n);
}
END_TEST

START_TEST(an_agent_without_any_pair_fails_after_patience)
{
    struct net *n = net_two(43);

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "2001:db8::2", 1000, FH_ICE_BASE_HOST);
    net_exchange(n);
    net_run(n, 39499);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_CHECKING);
    net_run(n, 1);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_FAILED);
    net_free(n);
}
END_TEST

/* ---- bad networks --------------------------------------------------------------------------- */

static bool drop_some(struct net *n, const struct packet *p)
{
    (void)p;
    net_random(&n->sides[0], &(uint8_t){0}, 1);
    return (n->sides[0].random >> 32) % 100 < 25;
}

/* A quarter of all datagrams is lost; each seed loses others. */
START_TEST(every_seed_connects_over_a_lossy_network)
{
    struct net *n = net_two((uint64_t)_i + 1000);

    net_server(n, "192.0.2.10", _i % 3 == 0);
    net_server(n, "192.0.2.11", false);
    place(n, 0, _i % 2);
    place(n, 1, _i / 2 % 2);
    n->latency = (uint64_t)_i % 90;
    n->signal_latency = (uint64_t)_i * 7 % 400;
    n->drop = drop_some;
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 60000);
    n->drop = NULL;
    net_run(n, 20000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_COMPLETED);
    net_same_path(n);
    net_free(n);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, two_hosts_connect_in_one_round_trip);
    tcase_add_loop_test(tc, a_path_is_found_through_these_nats, 0, ARRAY_LEN(nats));
    tcase_add_test(tc, a_dead_stun_server_delays_nothing);
    tcase_add_test(tc, only_dead_stun_servers_do_not_keep_hosts_from_connecting);
    tcase_add_test(tc, a_relay_carries_data_at_once_and_the_path_moves_up);
    tcase_add_test(tc, with_the_relay_policy_nothing_leaves_from_a_host_base);
    tcase_add_test(tc, with_the_no_host_policy_no_local_address_is_told);
    tcase_add_test(tc, families_take_turns_and_ipv6_comes_first);
    tcase_add_test(tc, a_black_hole_for_ipv6_costs_one_place_in_the_line);
    tcase_add_test(tc, link_local_addresses_pair_with_link_local_ones_only);
    tcase_add_test(tc, candidates_that_come_late_are_checked_when_they_come);
    tcase_add_test(tc, checks_before_the_answer_are_answered_and_checked_back);
    tcase_add_test(tc, a_candidate_met_before_it_was_signalled_gets_its_name);
    tcase_add_test(tc, the_end_of_candidates_waits_for_who_holds_it);
    tcase_add_test(tc, a_mapped_port_is_a_candidate);
    tcase_add_test(tc, a_peer_behind_a_symmetric_nat_is_learnt_through_a_relay);
    tcase_add_test(tc, a_relay_that_denies_is_not_used);
    tcase_add_loop_test(tc, two_agents_of_one_role_settle_it, 0, 16);
    tcase_add_test(tc, a_full_agent_and_a_lite_one_connect_and_stay);
    tcase_add_test(tc, a_lite_agent_asks_nobody_anything);
    tcase_add_test(tc, two_lite_agents_are_refused);
    tcase_add_loop_test(tc, transactions_begin_no_closer_than_ta, 0, 2);
    tcase_add_test(tc, agents_that_share_a_pacer_keep_its_gap_among_them);
    tcase_add_test(tc, a_check_is_repeated_seven_times_and_given_up_after_39_5_seconds);
    tcase_add_test(tc, an_agent_without_any_pair_fails_after_patience);
    tcase_add_loop_test(tc, every_seed_connects_over_a_lossy_network, 0, 300);
}

int main(void)
{
    int failed;

    net_main("agent", add, &failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
