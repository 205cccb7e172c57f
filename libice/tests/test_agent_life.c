/* SPDX-License-Identifier: MIT */
/* A path that lives: consent, restart, networks that change, and what idleness costs. */
#include "agent_net.h"

#include "../src/agent_internal.h"

/* Two hosts, each on its own address, connected. */
static struct net *connected(uint64_t seed)
{
    struct net *n = net_two(seed);

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 2000, FH_ICE_BASE_HOST);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 1000);
    return n;
}

/* Two hosts behind NATs, connected by their mapped addresses. */
static struct net *punched(uint64_t seed)
{
    struct net *n = net_two(seed);

    net_server(n, "192.0.2.10", false);
    net_behind_nat(n, 0, false);
    net_behind_nat(n, 1, false);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 2000);
    net_check_types(n, FH_ICE_SRFLX, FH_ICE_SRFLX);
    return n;
}

/* Whether i's data would arrive: sends some over its path. */
static bool data_arrives(struct net *n, int i)
{
    struct fh_ice_path path;
    struct fh_ice_stats before, after;
    struct fh_ice_datagram d = {.data = (const uint8_t *)"\x08", .len = 1};
    struct packet p;
    size_t queued = n->packets_len;

    if (!fh_ice_agent_path(n->sides[i].agent, &path))
        return false;
    d.base = path.base;
    d.peer = path.peer;
    net_send(n, &n->sides[i], &d);
    if (n->packets_len == queued)
        return false;
    p = n->packets[--n->packets_len];
    fh_ice_agent_stats(n->sides[1 - i].agent, &before);
    for (int base = 0; base < FH_ICE_MAX_BASES; base++) {
        struct fh_ice_datagram in = {.base = base, .peer = p.from, .data = p.data, .len = p.len};
        struct fh_ice_address to = p.to;

        if (!n->sides[1 - i].has_base[base])
            continue;
        if (n->sides[1 - i].is_behind_nat && !nat_in(&n->sides[1 - i], &p, &to))
            continue;
        if (fh_ice_address_equal(&n->sides[1 - i].bases[base], &to))
            return fh_ice_agent_input(n->sides[1 - i].agent, n->now, &in) == FH_ICE_INPUT_DATA;
    }
    fh_ice_agent_stats(n->sides[1 - i].agent, &after);
    ck_assert_uint_eq(before.ignored, after.ignored);
    return false;
}

/* ---- consent -------------------------------------------------------------------------------- */

START_TEST(consent_is_asked_for_every_five_seconds_or_so)
{
    struct net *n = connected(1);
    uint64_t before = n->sides[0].sent_packets;

    net_run(n, 600000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    /* 600 s by 4 to 6 s of its own, as many answers. */
    ck_assert_uint_ge(n->sides[0].sent_packets - before, 100 + 100);
    ck_assert_uint_le(n->sides[0].sent_packets - before, 150 + 150);
    net_free(n);
}
END_TEST

/* Every other response is lost. */
static bool drop_every_other_success(struct net *n, const struct packet *p)
{
    static unsigned seen;
    struct fh_stun_message m;

    (void)n;
    return fh_stun_parse(p->data, p->len, &m) == 0 && m.cls == FH_STUN_SUCCESS && seen++ % 2 == 0;
}

START_TEST(a_lost_answer_is_no_alarm)
{
    struct net *n = connected(60);

    n->drop = drop_every_other_success;
    net_run(n, 600000);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq((int)n->sides[i].states[n->sides[i].states_len - 1], FH_ICE_COMPLETED);
        for (size_t j = 0; j < n->sides[i].states_len; j++)
            ck_assert_int_ne((int)n->sides[i].states[j], FH_ICE_DISCONNECTED);
    }
    net_free(n);
}
END_TEST

START_TEST(a_dead_path_is_in_doubt_within_two_intervals)
{
    struct net *n = connected((uint64_t)_i + 70);
    uint64_t start;

    net_run(n, 20000 + (uint64_t)_i * 700);
    n->sides[1].is_mute = true;
    start = n->now;
    while (n->sides[0].state != FH_ICE_DISCONNECTED)
        net_run(n, 10);
    /* The request that is not answered, the next one, and its repeats. */
    ck_assert_uint_le(n->now - start, 2 * 6000 + 1500 + 10);
    net_free(n);
}
END_TEST

START_TEST(without_consent_for_thirty_seconds_nothing_is_sent)
{
    struct net *n = connected(2);
    uint64_t start, sent;

    net_run(n, 20000);
    start = n->now;
    n->sides[1].is_mute = true;
    while (n->sides[0].state == FH_ICE_COMPLETED)
        net_run(n, 10);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_DISCONNECTED);
    ck_assert_uint_le(n->now - start, 4 * 6000);
    ck_assert(fh_ice_agent_path(n->sides[0].agent, &(struct fh_ice_path){0}));
    while (n->sides[0].state == FH_ICE_DISCONNECTED)
        net_run(n, 10);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_FAILED);
    ck_assert_int_eq(n->sides[0].error, FH_ICE_E_LOST);
    ck_assert_uint_ge(n->now - start, 24000);
    ck_assert_uint_le(n->now - start, 30010);
    ck_assert(!fh_ice_agent_path(n->sides[0].agent, &(struct fh_ice_path){0}));
    /* The last checks run out; then there is silence. */
    net_run(n, 80000);
    sent = n->sides[0].sent_packets;
    net_run(n, 600000);
    ck_assert_uint_eq(n->sides[0].sent_packets, sent);
    net_free(n);
}
END_TEST

START_TEST(a_path_that_comes_back_is_used_again)
{
    struct net *n = connected(3);

    n->sides[1].is_mute = true;
    while (n->sides[0].state == FH_ICE_COMPLETED)
        net_run(n, 10);
    n->sides[1].is_mute = false;
    net_run(n, 7000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    ck_assert(data_arrives(n, 0) && data_arrives(n, 1));
    net_free(n);
}
END_TEST

/* RFC 7675 5.1: on the affected 5-tuple the same credentials are not used again. */
START_TEST(a_lost_path_comes_back_by_a_restart_only)
{
    struct net *n = connected(4);

    n->sides[1].is_mute = true;
    while (n->sides[0].state != FH_ICE_FAILED || n->sides[1].state != FH_ICE_FAILED)
        net_run(n, 100);
    n->sides[1].is_mute = false;
    net_run(n, 60000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_FAILED);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_FAILED);
    fh_ice_agent_restart(n->sides[0].agent, n->now);
    net_drain(n, 0);
    net_until(n, FH_ICE_COMPLETED, 1000);
    ck_assert(data_arrives(n, 0) && data_arrives(n, 1));
    net_free(n);
}
END_TEST

START_TEST(time_that_jumps_ends_consent_at_once)
{
    struct net *n = connected(5);

    net_run(n, 10000);
    n->sides[1].is_mute = true;
    n->now += 3600000;
    net_run(n, 0);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_FAILED);
    ck_assert(!fh_ice_agent_path(n->sides[0].agent, &(struct fh_ice_path){0}));
    net_free(n);
}
END_TEST

/* ---- restart -------------------------------------------------------------------------------- */

START_TEST(a_restart_keeps_the_old_path_until_the_new_one_is_there)
{
    struct net *n = connected(6);
    struct fh_ice_description before, after;
    bool was_cut = false;

    fh_ice_agent_description(n->sides[0].agent, &before);
    n->signal_latency = 400;
    fh_ice_agent_restart(n->sides[0].agent, n->now);
    net_drain(n, 0);
    fh_ice_agent_description(n->sides[0].agent, &after);
    ck_assert_str_ne(before.ufrag, after.ufrag);
    ck_assert_str_ne(before.pwd, after.pwd);
    ck_assert_uint_eq(after.len, before.len);
    for (int i = 0; i < 2000; i++) {
        was_cut |= !data_arrives(n, 0) || !data_arrives(n, 1);
        net_run(n, 1);
    }
    ck_assert(!was_cut);
    ck_assert_uint_eq(n->sides[0].restarts, 1);
    ck_assert_uint_eq(n->sides[1].restarts, 1);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_COMPLETED);
    ck_assert_uint_eq(n->sides[0].agent->path, 0);
    net_same_path(n);
    net_free(n);
}
END_TEST

START_TEST(a_restart_that_the_peer_never_hears_of_keeps_the_path_for_good)
{
    struct net *n = connected(7);

    fh_ice_agent_restart(n->sides[0].agent, n->now);
    n->signal_latency = 1u << 30;
    net_drain(n, 0);
    net_run(n, 120000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_CONNECTED);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_COMPLETED);
    ck_assert(data_arrives(n, 0) && data_arrives(n, 1));
    net_free(n);
}
END_TEST

START_TEST(both_may_restart_at_the_same_time)
{
    struct net *n = connected((uint64_t)_i + 8);

    n->signal_latency = (uint64_t)_i * 30;
    fh_ice_agent_restart(n->sides[0].agent, n->now);
    fh_ice_agent_restart(n->sides[1].agent, n->now);
    net_drain(n, 0);
    net_drain(n, 1);
    net_run(n, 2000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_COMPLETED);
    ck_assert(n->sides[0].agent->path < FH_ICE_MAX_PAIRS);
    net_same_path(n);
    net_free(n);
}
END_TEST

START_TEST(a_restart_while_checks_run_begins_anew)
{
    struct net *n = net_two(20);

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 2000, FH_ICE_BASE_HOST);
    n->sides[1].is_mute = true;
    net_exchange(n);
    net_run(n, 700);
    n->sides[1].is_mute = false;
    fh_ice_agent_restart(n->sides[1].agent, n->now);
    net_drain(n, 1);
    net_until(n, FH_ICE_COMPLETED, 1000);
    net_same_path(n);
    net_free(n);
}
END_TEST

START_TEST(a_restart_asks_stun_servers_again)
{
    struct net *n = punched(21);

    nat_rebind(&n->sides[0]);
    fh_ice_agent_restart(n->sides[0].agent, n->now);
    net_drain(n, 0);
    net_run(n, 3000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    net_check_types(n, FH_ICE_SRFLX, FH_ICE_SRFLX);
    ck_assert_uint_ge(net_path(n, 0).local.port, 41000);
    net_same_path(n);
    net_free(n);
}
END_TEST

START_TEST(late_candidates_of_the_old_generation_are_ignored)
{
    struct net *n = connected(22);
    struct fh_ice_candidate c = {.type = FH_ICE_HOST, .priority = 5, .foundation = "1"};
    struct fh_ice_description old;
    struct fh_ice_stats s;

    fh_ice_agent_description(n->sides[1].agent, &old);
    fh_ice_agent_restart(n->sides[0].agent, n->now);
    net_drain(n, 0);
    c.address = at("192.0.2.77", 7);
    ck_assert_int_eq(fh_ice_agent_add_remote(n->sides[0].agent, n->now, &c, old.ufrag), 0);
    ck_assert_int_eq(fh_ice_agent_set_remote(n->sides[0].agent, n->now, &old), 0);
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_eq(s.remote_candidates, 0);
    net_run(n, 1000);
    ck_assert_int_eq(fh_ice_agent_add_remote(n->sides[0].agent, n->now, &c, old.ufrag), 0);
    fh_ice_agent_stats(n->sides[0].agent, &s);
    ck_assert_uint_eq(s.remote_candidates, 1);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    net_free(n);
}
END_TEST

/* ---- networks that change ------------------------------------------------------------------- */

START_TEST(when_a_nat_forgets_the_path_follows)
{
    struct net *n = net_two((uint64_t)_i / 2 + 30);
    int mover = _i % 2;
    uint64_t start;

    net_behind_nat(n, mover, false);
    net_base(n, 1 - mover, "192.0.2.77", 7000, FH_ICE_BASE_HOST);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 2000);
    net_run(n, 10000);
    nat_rebind(&n->sides[mover]);
    start = n->now;
    while (!data_arrives(n, 1 - mover) && n->now < start + 30000)
        net_run(n, 10);
    /* The mover's next consent request shows the new address. */
    ck_assert_uint_le(n->now - start, 6000 + 2000);
    net_run(n, 15000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_COMPLETED);
    ck_assert(data_arrives(n, 0) && data_arrives(n, 1));
    ck_assert_int_eq((int)net_path(n, 1 - mover).remote_type, FH_ICE_PRFLX);
    net_free(n);
}
END_TEST

START_TEST(when_an_interface_goes_another_takes_over_at_once)
{
    struct net *n = net_two(40);
    int first;

    first = net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 0, "192.0.2.101", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 2000, FH_ICE_BASE_HOST);
    net_exchange(n);
    net_until(n, FH_ICE_COMPLETED, 1000);
    net_run(n, 20000);
    first = net_path(n, 0).base;
    net_unbase(n, 0, first);
    net_run(n, 1000);
    ck_assert_int_ne(net_path(n, 0).base, first);
    net_run(n, 15000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_COMPLETED);
    net_same_path(n);
    net_free(n);
}
END_TEST

START_TEST(an_interface_that_comes_back_with_its_address_is_used_again)
{
    struct net *n = connected(41);

    net_unbase(n, 0, net_path(n, 0).base);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_DISCONNECTED);
    net_run(n, 3000);
    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_run(n, 1000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    net_run(n, 10000);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_COMPLETED);
    ck_assert(data_arrives(n, 0) && data_arrives(n, 1));
    net_free(n);
}
END_TEST

START_TEST(from_a_new_network_the_peer_is_found_without_signalling)
{
    struct net *n = connected(42);

    n->signal_latency = 1u << 30;
    net_unbase(n, 0, net_path(n, 0).base);
    net_base(n, 0, "198.51.100.50", 1234, FH_ICE_BASE_HOST);
    net_run(n, 15000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_COMPLETED);
    ck_assert(data_arrives(n, 0) && data_arrives(n, 1));
    net_same_path(n);
    net_free(n);
}
END_TEST

START_TEST(without_any_network_the_agent_fails_after_patience)
{
    struct net *n = connected(43);

    net_unbase(n, 0, net_path(n, 0).base);
    net_run(n, 39000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_DISCONNECTED);
    net_run(n, 1000);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_FAILED);
    ck_assert_int_eq(n->sides[0].error, FH_ICE_E_LOST);
    net_free(n);
}
END_TEST

static bool drop_from_a(struct net *n, const struct packet *p)
{
    return fh_ice_address_equal(&p->from, &n->sides[0].bases[0]);
}

START_TEST(a_path_that_works_one_way_only_is_no_path)
{
    struct net *n = net_two(44);

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 2000, FH_ICE_BASE_HOST);
    n->drop = drop_from_a;
    net_exchange(n);
    net_run(n, 100000);
    ck_assert_int_eq((int)n->sides[1].state, FH_ICE_FAILED);
    ck_assert(!fh_ice_agent_path(n->sides[0].agent, &(struct fh_ice_path){0}));
    net_free(n);
}
END_TEST

START_TEST(mappings_are_kept_alive_while_the_peer_takes_its_time)
{
    struct net *n = net_two(45);
    uint64_t before;

    net_server(n, "192.0.2.10", false);
    net_behind_nat(n, 0, false);
    net_run(n, 1000);
    before = n->sides[0].sent_packets;
    net_run(n, 60000);
    /* Every 15 s. */
    ck_assert_uint_ge(n->sides[0].sent_packets - before, 3);
    ck_assert_uint_le(n->sides[0].sent_packets - before, 5);
    ck_assert_uint_eq(n->sides[0].candidates, 2);
    net_free(n);
}
END_TEST

/* ---- what it costs -------------------------------------------------------------------------- */

START_TEST(an_idle_agent_wakes_for_consent_and_for_nothing_else)
{
    struct net *n = punched(50);
    uint64_t before;

    net_run(n, 60000);
    before = n->sides[0].wakeups;
    net_run(n, 3600000);
    /* One in 4 to 6 s. */
    ck_assert_uint_le(n->sides[0].wakeups - before, 900 + 1);
    ck_assert_int_eq((int)n->sides[0].state, FH_ICE_COMPLETED);
    net_free(n);
}
END_TEST

START_TEST(an_agent_with_nothing_to_do_never_wakes)
{
    struct net *n = net_two(51);

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    ck_assert_uint_eq(fh_ice_agent_deadline(n->sides[0].agent), UINT64_MAX);
    net_free(n);
}
END_TEST

START_TEST(an_agent_fits_its_limit_and_no_less_room_will_do)
{
    struct fh_ice_config cfg = net_controlling;
    struct side s = {.random = 1};
    size_t len;
    void *mem;

    cfg.random = net_random;
    cfg.user = &s;
    len = fh_ice_agent_size(&cfg);
    ck_assert_uint_le(len, FH_ICE_AGENT_MAX_SIZE);
    printf("an agent takes %zu bytes\n", len);
    mem = malloc(len);
    ck_assert_ptr_null(fh_ice_agent_init(mem, len - 1, &cfg));
    ck_assert_ptr_eq(fh_ice_agent_init(mem, len, &cfg), mem);
    fh_ice_agent_finish(mem);
    cfg.ta_ms = 4;
    ck_assert_ptr_null(fh_ice_agent_init(mem, len, &cfg));
    ck_assert_ptr_null(fh_ice_agent_new(&cfg));
    free(mem);
    fh_ice_agent_free(NULL);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, consent_is_asked_for_every_five_seconds_or_so);
    tcase_add_test(tc, a_lost_answer_is_no_alarm);
    tcase_add_loop_test(tc, a_dead_path_is_in_doubt_within_two_intervals, 0, 10);
    tcase_add_test(tc, without_consent_for_thirty_seconds_nothing_is_sent);
    tcase_add_test(tc, a_path_that_comes_back_is_used_again);
    tcase_add_test(tc, a_lost_path_comes_back_by_a_restart_only);
    tcase_add_test(tc, time_that_jumps_ends_consent_at_once);
    tcase_add_test(tc, a_restart_keeps_the_old_path_until_the_new_one_is_there);
    tcase_add_test(tc, a_restart_that_the_peer_never_hears_of_keeps_the_path_for_good);
    tcase_add_loop_test(tc, both_may_restart_at_the_same_time, 0, 8);
    tcase_add_test(tc, a_restart_while_checks_run_begins_anew);
    tcase_add_test(tc, a_restart_asks_stun_servers_again);
    tcase_add_test(tc, late_candidates_of_the_old_generation_are_ignored);
    tcase_add_loop_test(tc, when_a_nat_forgets_the_path_follows, 0, 10);
    tcase_add_test(tc, when_an_interface_goes_another_takes_over_at_once);
    tcase_add_test(tc, an_interface_that_comes_back_with_its_address_is_used_again);
    tcase_add_test(tc, from_a_new_network_the_peer_is_found_without_signalling);
    tcase_add_test(tc, without_any_network_the_agent_fails_after_patience);
    tcase_add_test(tc, a_path_that_works_one_way_only_is_no_path);
    tcase_add_test(tc, mappings_are_kept_alive_while_the_peer_takes_its_time);
    tcase_add_test(tc, an_idle_agent_wakes_for_consent_and_for_nothing_else);
    tcase_add_test(tc, an_agent_with_nothing_to_do_never_wakes);
    tcase_add_test(tc, an_agent_fits_its_limit_and_no_less_room_will_do);
}

int main(void)
{
    int failed;

    net_main("agent-life", add, &failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
