/* SPDX-License-Identifier: MIT */
/* An agent whose only base is a relayed address, over restarts. */
#include "turn_server.h"

#include <farhand/turn_base.h>

static const char pwd[] = "0123456789012345678901";

static struct fh_ice_agent *agent;
static struct fh_turn_base base;
static unsigned permission_requests;

/* The server grants all that it is asked for. */
static void serve(void)
{
    struct fh_turn_message out;

    while (fh_turn_output(t, now, &out) > 0) {
        memcpy(req_mem, out.data, out.len);
        ck_assert_int_eq(fh_stun_parse(req_mem, out.len, &req), 0);
        if (req.cls != FH_STUN_REQUEST)
            continue;
        permission_requests += req.method == FH_STUN_CREATE_PERMISSION;
        answer(FH_STUN_SUCCESS);
        ck_assert_int_eq(give(), 0);
    }
}

static void pump(void)
{
    struct fh_ice_event event;

    for (int i = 0; i < 3; i++) {
        serve();
        while (fh_turn_base_event(&base, now, &ev) > 0)
            ck_assert_int_ne(ev.type, FH_TURN_EV_FAILED);
        while (fh_ice_agent_event(agent, &event) > 0)
            fh_turn_base_agent_event(&base, now, &event);
    }
}

static void open_relay(void)
{
    static struct fh_turn_config cfg;
    struct fh_ice_config ice = {
        .role = FH_ICE_CONTROLLING, .policy = FH_ICE_POLICY_RELAY, .random = fake_random};

    cfg = (struct fh_turn_config){.ipv4 = true};
    agent = fh_ice_agent_new(&ice);
    ck_assert_ptr_nonnull(agent);
    begin(&cfg);
    fh_turn_base_init(&base, now, agent, t, -1);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    pump();
    ck_assert_int_ge(base.base[0], 0);
    permission_requests = 0;
}

static void close_relay(void)
{
    fh_turn_base_finish(&base, now);
    fh_ice_agent_free(agent);
    fh_turn_finish(t);
}

/* The peer's description of this generation, with one candidate. */
static void meet(unsigned generation, const struct fh_ice_address *peer)
{
    struct fh_ice_description d = {.len = 1, .is_complete = true};

    snprintf(d.ufrag, sizeof d.ufrag, "peer%u", generation);
    memcpy(d.pwd, pwd, sizeof pwd);
    d.candidates[0] = (struct fh_ice_candidate){
        .type = FH_ICE_SRFLX, .priority = 1000, .address = *peer, .foundation = "1"};
    ck_assert_int_eq(fh_ice_agent_set_remote(agent, now, &d), 0);
    pump();
}

/* Waits for a check of the agent to this peer, at most two seconds. */
static bool catch_check(const struct fh_ice_address *peer, struct fh_stun_message *out)
{
    static uint8_t mem[FH_ICE_MAX_DATAGRAM];

    for (uint64_t end = now + 2000; now < end; now += 50) {
        struct fh_ice_datagram d;
        bool is_it = false;

        fh_ice_agent_tick(agent, now);
        while (fh_ice_agent_output(agent, &d) > 0)
            if (!is_it && fh_ice_address_equal(&d.peer, peer)) {
                memcpy(mem, d.data, d.len);
                is_it = fh_stun_parse(mem, d.len, out) == 0 && out->cls == FH_STUN_REQUEST;
            }
        pump();
        if (is_it)
            return true;
    }
    return false;
}

static void respond(const struct fh_ice_address *peer, const struct fh_stun_message *check)
{
    struct fh_ice_address mapped = addr("192.0.2.1", 50000);
    struct fh_ice_datagram in = {.base = base.base[0], .peer = *peer};
    uint8_t mem[256];

    fh_stun_build_response(&b, mem, sizeof mem, FH_STUN_SUCCESS, check);
    fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &mapped);
    fh_stun_write_integrity(&b, FH_STUN_BY_SHA1, (const uint8_t *)pwd, strlen(pwd));
    in.data = mem;
    in.len = fh_stun_build_end(&b);
    ck_assert_int_eq((int)fh_ice_agent_input(agent, now, &in), FH_ICE_INPUT_PEER);
    pump();
}

/* With a path, the permission stays; the new generation is told of it. Without, it is asked for. */
START_TEST(a_peer_that_stays_is_checked_after_a_restart)
{
    struct fh_ice_address peer = addr("198.51.100.9", 1000);
    struct fh_stun_message check;

    open_relay();
    meet(0, &peer);
    ck_assert(catch_check(&peer, &check));
    if (_i == 1)
        respond(&peer, &check);
    ck_assert_uint_eq(permission_requests, 1);
    for (unsigned i = 1; i < 4; i++) {
        fh_ice_agent_restart(agent, now);
        pump();
        meet(i, &peer);
        ck_assert(catch_check(&peer, &check));
    }
    ck_assert_uint_eq(permission_requests, _i == 1 ? 1 : 4);
    ck_assert(fh_ice_agent_path(agent, &(struct fh_ice_path){0}) == (_i == 1));
    close_relay();
}
END_TEST

/* Who is spoken about no more takes no permission: those that a server is asked for are few. */
START_TEST(a_peer_that_is_elsewhere_each_time_is_never_refused)
{
    struct fh_stun_message check;

    open_relay();
    for (unsigned i = 0; i < 3 * FH_TURN_MAX_PERMISSIONS; i++) {
        struct fh_ice_address peer = addr("198.51.100.0", 1000);

        peer.ip[3] = (uint8_t)(1 + i);
        if (i > 0)
            fh_ice_agent_restart(agent, now);
        pump();
        meet(i, &peer);
        ck_assert_msg(catch_check(&peer, &check), "peer %u", i);
        if (_i == 1)
            respond(&peer, &check);
    }
    close_relay();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("turn-base");
    TCase *tc = tcase_create("restarts");
    int failed;
    SRunner *r;

    tcase_add_loop_test(tc, a_peer_that_stays_is_checked_after_a_restart, 0, 2);
    tcase_add_loop_test(tc, a_peer_that_is_elsewhere_each_time_is_never_refused, 0, 2);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
