/* SPDX-License-Identifier: MIT */
/* Two agents that find each other. */
#include "agent_net.h"

static const struct fh_ice_config controlling = {.role = FH_ICE_CONTROLLING, .tag = 0};
static const struct fh_ice_config controlled = {.role = FH_ICE_CONTROLLED};

static struct net *two(uint64_t seed)
{
    struct net *n = net_new(seed);

    net_agent(n, 0, &controlling);
    net_agent(n, 1, &controlled);
    return n;
}

static void exchange(struct net *n)
{
    net_describe_to_peer(n, 0);
    net_describe_to_peer(n, 1);
}

START_TEST(two_hosts_connect_and_both_take_the_same_pair)
{
    struct net *n = two(1);

    net_base(n, 0, "192.0.2.1", 1000, FH_ICE_BASE_HOST);
    net_base(n, 1, "192.0.2.2", 2000, FH_ICE_BASE_HOST);
    exchange(n);
    net_until(n, FH_ICE_COMPLETED, 1000);
    net_same_path(n);
    ck_assert_int_eq((int)net_path(n, 0).local_type, FH_ICE_HOST);
    ck_assert_int_eq((int)net_path(n, 0).remote_type, FH_ICE_HOST);
    ck_assert_uint_eq(net_path(n, 0).rtt_ms, 20);
    /* One round trip to the first valid pair. */
    ck_assert_uint_le(n->sides[0].connected_at - 1000000, 20);
    net_free(n);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("agent");
    TCase *tc = tcase_create("agent");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_test(tc, two_hosts_connect_and_both_take_the_same_pair);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
