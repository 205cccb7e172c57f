/* SPDX-License-Identifier: MIT */
#include "agent_net.h"

#include <farhand/ice_mux.h>

static struct side dice;

static struct fh_ice_mux *mux(size_t max)
{
    struct fh_ice_mux *m;

    dice.random = 42;
    m = fh_ice_mux_new(max, net_random, &dice);
    ck_assert_ptr_nonnull(m);
    return m;
}

static size_t request(uint8_t *mem, size_t cap, const char *ufrag)
{
    static const uint8_t txid[FH_STUN_TXID_LEN] = {1};
    struct fh_stun_builder b;
    char name[64];

    snprintf(name, sizeof name, "%s:peer", ufrag);
    fh_stun_build(&b, mem, cap, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    fh_stun_write_text(&b, FH_STUN_USERNAME, name);
    fh_stun_write_fingerprint(&b);
    return fh_stun_build_end(&b);
}

static void *by_ufrag(const struct fh_ice_mux *m, const char *ufrag)
{
    struct fh_ice_address from = at("192.0.2.99", 9);
    uint8_t mem[128];

    return fh_ice_mux_route(m, &from, mem, request(mem, sizeof mem, ufrag));
}

static void *by_tag(const struct fh_ice_mux *m, uint32_t tag)
{
    struct fh_ice_address from = at("192.0.2.99", 9);
    uint8_t txid[FH_STUN_TXID_LEN] = {(uint8_t)(tag >> 24), (uint8_t)(tag >> 16),
                                      (uint8_t)(tag >> 8), (uint8_t)tag};
    struct fh_stun_builder b;
    uint8_t mem[64];

    fh_stun_build(&b, mem, sizeof mem, FH_STUN_SUCCESS, FH_STUN_BINDING, txid);
    return fh_ice_mux_route(m, &from, mem, fh_stun_build_end(&b));
}

static void *by_address(const struct fh_ice_mux *m, const char *ip, unsigned port)
{
    struct fh_ice_address from = at(ip, port);

    return fh_ice_mux_route(m, &from, "\x08 data", 6);
}

START_TEST(each_of_many_agents_gets_what_is_its_own)
{
    enum { MANY = 500 };
    static int who[MANY];
    uint32_t tags[MANY];
    struct fh_ice_mux *m = mux(MANY);
    char ufrag[16];

    for (int i = 0; i < MANY; i++) {
        struct fh_ice_address a = at("198.51.100.1", 1000 + (unsigned)i);

        ck_assert_int_eq(fh_ice_mux_add(m, &who[i], &tags[i]), 0);
        snprintf(ufrag, sizeof ufrag, "u%07d", i);
        fh_ice_mux_ufrag(m, tags[i], ufrag);
        fh_ice_mux_learn(m, tags[i], &a, true);
    }
    ck_assert_int_eq(fh_ice_mux_add(m, &who[0], &tags[0]), FH_ICE_E_LIMIT);
    for (int i = 0; i < MANY; i += 2)
        fh_ice_mux_remove(m, tags[i]);
    for (int i = 0; i < MANY; i++) {
        void *want = i % 2 ? &who[i] : NULL;

        snprintf(ufrag, sizeof ufrag, "u%07d", i);
        ck_assert_ptr_eq(by_ufrag(m, ufrag), want);
        ck_assert_ptr_eq(by_tag(m, tags[i]), want);
        ck_assert_ptr_eq(by_address(m, "198.51.100.1", 1000 + (unsigned)i), want);
    }
    ck_assert_int_eq(fh_ice_mux_add(m, &who[0], &tags[0]), 0);
    ck_assert_ptr_eq(by_tag(m, tags[0]), &who[0]);
    fh_ice_mux_free(m);
}
END_TEST

START_TEST(after_a_restart_both_user_fragments_lead_to_it)
{
    struct fh_ice_mux *m = mux(2);
    int who;
    uint32_t tag;

    ck_assert_int_eq(fh_ice_mux_add(m, &who, &tag), 0);
    fh_ice_mux_ufrag(m, tag, "aaaaaaaa");
    fh_ice_mux_ufrag(m, tag, "aaaaaaaa");
    fh_ice_mux_ufrag(m, tag, "bbbbbbbb");
    ck_assert_ptr_eq(by_ufrag(m, "aaaaaaaa"), &who);
    ck_assert_ptr_eq(by_ufrag(m, "bbbbbbbb"), &who);
    fh_ice_mux_ufrag(m, tag, "cccccccc");
    ck_assert_ptr_null(by_ufrag(m, "aaaaaaaa"));
    ck_assert_ptr_eq(by_ufrag(m, "cccccccc"), &who);
    ck_assert_ptr_null(by_ufrag(m, "cccccccca"));
    ck_assert_ptr_null(by_ufrag(m, "ccccccc"));
    fh_ice_mux_free(m);
}
END_TEST

START_TEST(an_agent_keeps_its_last_eight_addresses_and_an_address_has_one_owner)
{
    struct fh_ice_mux *m = mux(2);
    int who[2];
    uint32_t tags[2];
    struct fh_ice_address a;

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(fh_ice_mux_add(m, &who[i], &tags[i]), 0);
    for (unsigned i = 0; i < 10; i++) {
        a = at("2001:db8::5", 100 + i);
        fh_ice_mux_learn(m, tags[0], &a, true);
        fh_ice_mux_learn(m, tags[0], &a, true);
    }
    for (unsigned i = 0; i < 10; i++)
        ck_assert_ptr_eq(by_address(m, "2001:db8::5", 100 + i), i < 2 ? NULL : &who[0]);
    fh_ice_mux_learn(m, tags[1], &a, true);
    ck_assert_ptr_eq(by_address(m, "2001:db8::5", 109), &who[1]);
    fh_ice_mux_remove(m, tags[0]);
    fh_ice_mux_remove(m, tags[0]);
    ck_assert_ptr_null(by_address(m, "2001:db8::5", 108));
    ck_assert_ptr_eq(by_address(m, "2001:db8::5", 109), &who[1]);
    fh_ice_mux_free(m);
}
END_TEST

/* A peer that writes another peer's address onto its checks does not get that one's data. */
START_TEST(an_address_is_taken_over_only_by_who_proved_to_be_there)
{
    struct fh_ice_mux *m = mux(2);
    int who[2];
    uint32_t tags[2];
    struct fh_ice_address a = at("198.51.100.7", 7);

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(fh_ice_mux_add(m, &who[i], &tags[i]), 0);
    fh_ice_mux_learn(m, tags[0], &a, _i);
    fh_ice_mux_learn(m, tags[1], &a, false);
    ck_assert_ptr_eq(by_address(m, "198.51.100.7", 7), &who[0]);
    fh_ice_mux_learn(m, tags[1], &a, true);
    ck_assert_ptr_eq(by_address(m, "198.51.100.7", 7), &who[1]);
    fh_ice_mux_free(m);
}
END_TEST

/* Behind some NATs each check of a peer comes from elsewhere; its data still finds its way. */
START_TEST(an_address_that_was_proved_outlives_those_that_were_only_seen)
{
    struct fh_ice_mux *m = mux(1);
    int who;
    uint32_t tag;
    struct fh_ice_address a = at("198.51.100.7", 7);

    ck_assert_int_eq(fh_ice_mux_add(m, &who, &tag), 0);
    fh_ice_mux_learn(m, tag, &a, false);
    fh_ice_mux_learn(m, tag, &a, true);
    for (unsigned i = 0; i < 100; i++) {
        a.port = (uint16_t)(100 + i);
        fh_ice_mux_learn(m, tag, &a, false);
    }
    ck_assert_ptr_eq(by_address(m, "198.51.100.7", 7), &who);
    ck_assert_ptr_eq(by_address(m, "198.51.100.7", 199), &who);
    ck_assert_ptr_null(by_address(m, "198.51.100.7", 100));
    for (unsigned i = 0; i < FH_ICE_MUX_ADDRESSES; i++) {
        a.port = (uint16_t)(300 + i);
        fh_ice_mux_learn(m, tag, &a, true);
    }
    a.port = 400;
    fh_ice_mux_learn(m, tag, &a, false);
    ck_assert_ptr_null(by_address(m, "198.51.100.7", 7));
    ck_assert_ptr_null(by_address(m, "198.51.100.7", 400));
    ck_assert_ptr_eq(by_address(m, "198.51.100.7", 300), &who);
    fh_ice_mux_free(m);
}
END_TEST

START_TEST(a_mux_of_no_size_is_refused)
{
    ck_assert_uint_eq(fh_ice_mux_size(0), 0);
    ck_assert_uint_eq(fh_ice_mux_size(FH_ICE_MUX_MAX + 1), 0);
    ck_assert_ptr_null(fh_ice_mux_new(0, net_random, &dice));
    fh_ice_mux_free(NULL);
    printf("a place in a mux takes %zu bytes\n", fh_ice_mux_size(1001) - fh_ice_mux_size(1000));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_test(tc, each_of_many_agents_gets_what_is_its_own);
    tcase_add_test(tc, after_a_restart_both_user_fragments_lead_to_it);
    tcase_add_test(tc, an_agent_keeps_its_last_eight_addresses_and_an_address_has_one_owner);
    tcase_add_loop_test(tc, an_address_is_taken_over_only_by_who_proved_to_be_there, 0, 2);
    tcase_add_test(tc, an_address_that_was_proved_outlives_those_that_were_only_seen);
    tcase_add_test(tc, a_mux_of_no_size_is_refused);
}

int main(void)
{
    int failed;

    net_main("mux", add, &failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
