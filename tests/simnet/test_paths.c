/* SPDX-License-Identifier: MIT */
/* Two agents in every kind of network: who connects, how, how soon, and what never happens. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_of_two.h"

static const struct sim_link_config wan = {.latency_us = 15 * SIM_MS};

static struct two_spec pair(enum two_kind a, enum two_kind b)
{
    struct two_spec s = {.signal_delay_us = 30 * SIM_MS};

    s.side[0].kind = a;
    s.side[1].kind = b;
    for (int i = 0; i < 2; i++) {
        s.side[i].link = wan;
        s.side[i].ports = SIM_PORTS_RANDOM;
    }
    return s;
}

/* Data crosses the path in both directions. */
static void check_data(struct two *t)
{
    struct sim_peer_stats before[2] = {sim_peer_stats(t->peer[0]), sim_peer_stats(t->peer[1])};

    for (int i = 0; i < 2; i++)
        ck_assert(sim_peer_send(t->peer[i], "\x08 data", 6));
    sim_run_until(t->w, sim_now(t->w) + SIM_S);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(sim_peer_stats(t->peer[i]).received, before[i].received + 1);
}

static void check_pair(uint64_t seed, const struct two_spec *spec, uint64_t limit)
{
    struct two *t = two_new(seed, spec);
    enum sim_path want = two_oracle(spec);

    two_start(t);
    if (want == SIM_PATH_NONE) {
        sim_run_until(t->w, 120 * SIM_S); /* patience, and the last repetition after it */
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(fh_ice_agent_state(sim_peer_agent(t->peer[i])), FH_ICE_FAILED);
    } else {
        ck_assert_msg(sim_run_for(t->w, limit, two_completed, t),
                      "%s and %s: no end after %llu s, oracle says %s",
                      two_kind_text(spec->side[0].kind), two_kind_text(spec->side[1].kind),
                      (unsigned long long)(limit / SIM_S), sim_path_text(want));
        for (int i = 0; i < 2; i++)
            ck_assert_msg(two_path(t, i) == want, "%s and %s: %c has %s, oracle says %s",
                          two_kind_text(spec->side[0].kind), two_kind_text(spec->side[1].kind),
                          'a' + i, sim_path_text(two_path(t, i)), sim_path_text(want));
        check_data(t);
    }
    two_free(t);
}

START_TEST(every_pair_of_networks_connects_as_the_oracle_says)
{
    struct two_spec s = pair((enum two_kind)(_i / TWO_KINDS), (enum two_kind)(_i % TWO_KINDS));

    check_pair((uint64_t)_i, &s, 10 * SIM_S);
}

START_TEST(without_relays_it_is_so_as_well)
{
    struct two_spec s = pair((enum two_kind)(_i / TWO_KINDS), (enum two_kind)(_i % TWO_KINDS));

    for (int i = 0; i < 2; i++)
        s.side[i].no_turn_udp = s.side[i].no_turn_tls = true;
    check_pair((uint64_t)_i, &s, 10 * SIM_S);
}

int main(int argc, char **argv)
{
    Suite *s = suite_create("paths");
    TCase *tc = tcase_create("pairs");
    int failed;
    SRunner *r;

    (void)argc;
    (void)argv;
    tcase_add_loop_test(tc, every_pair_of_networks_connects_as_the_oracle_says, 0,
                        TWO_KINDS * TWO_KINDS);
    tcase_add_loop_test(tc, without_relays_it_is_so_as_well, 0, TWO_KINDS * TWO_KINDS);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
