/* SPDX-License-Identifier: MIT */
/* The TURN client's allocation, message by message: how it comes, stays, moves and goes. */
#include "turn_server.h"

/* ---- allocating ----------------------------------------------------------------------------- */

START_TEST(an_allocation_is_asked_for_without_credentials_first)
{
    struct fh_turn_config cfg = {0};
    uint32_t transport;
    struct fh_ice_address mapped = addr("203.0.113.5", 1234), relayed = addr("192.0.2.1", 50000);

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    ck_assert(!fh_stun_has(&req, FH_STUN_USERNAME));
    ck_assert_uint_eq(req.integrity, 0);
    ck_assert(fh_stun_read_u32(&req, FH_STUN_REQUESTED_TRANSPORT, &transport));
    ck_assert_uint_eq(transport, 17u << 24);
    expect_silence();
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    ck_assert(fh_stun_has(&req, FH_STUN_USERNAME) && fh_stun_has(&req, FH_STUN_NONCE));
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    ck_assert(fh_ice_address_equal(&ev.relayed[0], &relayed));
    ck_assert_int_eq(ev.relayed[1].family, FH_ICE_FAMILY_NONE);
    ck_assert(fh_ice_address_equal(&ev.mapped, &mapped));
    expect_silence();
    fh_turn_finish(t);
}

START_TEST(a_silent_server_is_asked_seven_times)
{
    static const uint64_t at[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    struct fh_turn_config cfg = {0};
    struct fh_turn_message out;
    uint64_t start;

    begin(&cfg);
    start = now;
    for (size_t i = 0; i < 7; i++) {
        ck_assert(wait(UINT64_MAX - 1, &out));
        ck_assert_uint_eq(now - start, at[i]);
    }
    ck_assert(!wait(start + 39499, &out));
    expect_no_event();
    ck_assert(!wait(start + 40000, &out));
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_FAILED);
    ck_assert(fh_turn_deadline(t) == UINT64_MAX);
}

START_TEST(over_a_stream_nothing_is_repeated)
{
    struct fh_turn_config cfg = {.carrier = FH_TURN_TCP};
    struct fh_turn_message out;

    begin(&cfg);
    ck_assert(wait(UINT64_MAX - 1, &out));
    ck_assert(!wait(now + 39499, &out));
    expect_no_event();
    ck_assert(!wait(now + 1, &out));
    expect_event(FH_TURN_EV_FAILED);
}

START_TEST(what_the_server_said_earlier_saves_a_round_trip)
{
    struct fh_turn_config cfg = {0};
    struct fh_turn_cache cache;

    allocate(&cfg);
    fh_turn_cache(t, &cache);
    cfg.cache = &cache;
    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    ck_assert(fh_stun_has(&req, FH_STUN_USERNAME));
    challenge(_i == 0 ? FH_STUN_STALE_NONCE : FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
}

START_TEST(wrong_credentials_are_said_once)
{
    struct fh_turn_config cfg = {0};

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_AUTH);
    ck_assert_uint_eq(ev.code, 401);
    expect_silence();
    expect_no_event();
}

START_TEST(a_server_that_always_finds_the_nonce_stale_is_left)
{
    struct fh_turn_config cfg = {0};
    unsigned n = 0;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    while (n < 20 && fh_turn_event(t, &ev) == 0) {
        expect(FH_STUN_ALLOCATE);
        challenge(FH_STUN_STALE_NONCE);
        n++;
    }
    ck_assert_uint_lt(n, 8);
    ck_assert_int_eq(ev.type, FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_AUTH);
}

START_TEST(each_refusal_of_an_allocation_has_its_meaning)
{
    static const struct {
        unsigned code;
        int error;
    } row[] = {
        {403, FH_ICE_E_FAILED}, {437, FH_ICE_E_STATE},  {440, FH_ICE_E_FAILED},
        {441, FH_ICE_E_AUTH},   {442, FH_ICE_E_FAILED}, {486, FH_ICE_E_LIMIT},
        {500, FH_ICE_E_FAILED}, {508, FH_ICE_E_LIMIT},  {300, FH_ICE_E_FAILED},
    };
    struct fh_turn_config cfg = {0};

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    refuse(row[_i].code);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, row[_i].error);
    ck_assert_uint_eq(ev.code, row[_i].code);
}

START_TEST(sha256_is_used_where_it_is_offered)
{
    static const uint8_t both[] = {0, 2, 0, 0, 0, 1, 0, 0};
    struct fh_turn_config cfg = {0};
    size_t len;
    const uint8_t *p;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    nonce = "obMatJos2gAAAxyz"; /* password algorithms */
    algorithms = both;
    algorithms_len = sizeof both;
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE); /* checks MESSAGE-INTEGRITY-SHA256 with the SHA-256 key */
    ck_assert_uint_eq(req.integrity, 0);
    p = fh_stun_find(&req, FH_STUN_PASSWORD_ALGORITHMS, &len);
    ck_assert_uint_eq(len, sizeof both);
    ck_assert_mem_eq(p, both, sizeof both);
    p = fh_stun_find(&req, FH_STUN_PASSWORD_ALGORITHM, &len);
    ck_assert_uint_eq(len, 4);
    ck_assert_mem_eq(p, both, 4);
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    nonce = "nonce-1";
}

START_TEST(a_user_may_be_hashed)
{
    struct fh_turn_config cfg = {0};
    uint8_t want[FH_STUN_SHA256_LEN];
    size_t len;
    const uint8_t *p;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    nonce = "obMatJos2QAAAxyz"; /* username anonymity */
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    nonce = "nonce-1";
    ck_assert(!fh_stun_has(&req, FH_STUN_USERNAME));
    p = fh_stun_find(&req, FH_STUN_USERHASH, &len);
    fh_stun_userhash("ann", realm, strlen(realm), want);
    ck_assert_uint_eq(len, sizeof want);
    ck_assert_mem_eq(p, want, sizeof want);
}

START_TEST(a_nonce_that_promises_algorithms_must_come_with_them)
{
    struct fh_turn_config cfg = {0};
    struct fh_turn_data d;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    answer(FH_STUN_ERROR);
    fh_stun_write_error(&b, 401);
    fh_stun_write_text(&b, FH_STUN_REALM, realm);
    fh_stun_write_text(&b, FH_STUN_NONCE, "obMatJos2gAAAxyz");
    ck_assert_int_eq(fh_turn_input(t, now, answer_mem, fh_stun_build_end(&b), &d), 0);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_PROTO);
}

START_TEST(another_server_is_followed_to_once)
{
    struct fh_turn_config cfg = {.carrier = _i == 0 ? FH_TURN_UDP : FH_TURN_TLS};
    struct fh_ice_address other = addr("192.0.2.99", 3478), server;

    begin(&cfg);
    for (int hop = 0; hop < 2; hop++) {
        expect(FH_STUN_ALLOCATE);
        answer(FH_STUN_ERROR);
        fh_stun_write_error(&b, 300);
        fh_stun_write_address(&b, FH_STUN_ALTERNATE_SERVER, &other);
        ck_assert_int_eq(give(), 0);
        if (hop == 1)
            break;
        expect_event(FH_TURN_EV_REDIRECTED);
        server = fh_turn_server(t);
        ck_assert(fh_ice_address_equal(&server, &other));
        if (_i == 1) {
            expect_silence();
            fh_turn_disconnected(t, now);
            expect_no_event();
            fh_turn_connected(t, now);
        }
        other.port = 3479;
    }
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_uint_eq(ev.code, 300);
}

START_TEST(nobody_is_sent_to_where_no_server_is)
{
    static const char *const place[] = {"127.0.0.1",   "224.0.0.1", "10.0.0.1",
                                        "169.254.1.1", "0.0.0.0",   "2001:db8::1"};
    struct fh_turn_config cfg = {0};
    struct fh_ice_address other = addr(place[_i], 3478);

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    answer(FH_STUN_ERROR);
    fh_stun_write_error(&b, 300);
    fh_stun_write_address(&b, FH_STUN_ALTERNATE_SERVER, &other);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_FAILED);
}

START_TEST(a_forged_answer_changes_nothing)
{
    struct fh_turn_config cfg = {0};
    struct fh_stun_key right;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    right = key;
    key.bytes[3] ^= 1;
    write_allocated(600);
    ck_assert_int_eq(give(), FH_ICE_E_AUTH); /* a wrong key */
    key.len = 0;
    write_allocated(600);
    ck_assert_int_eq(give(), FH_ICE_E_AUTH); /* none */
    req.txid[0] ^= 1;
    write_allocated(600);
    ck_assert_int_eq(give(), FH_ICE_E_PROTO); /* another transaction */
    req.txid[0] ^= 1;
    answer(FH_STUN_ERROR);
    fh_stun_write_error(&b, 300);
    ck_assert_int_eq(give(), FH_ICE_E_AUTH); /* sent elsewhere, with credentials, unsigned */
    key = right;
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), FH_ICE_E_PROTO); /* without a relayed address */
    expect_no_event();
    write_allocated(600);
    fh_stun_write(&b, 0x7777, "?", 1);
    ck_assert_int_eq(give(), FH_ICE_E_PROTO); /* with what must be understood and is not */
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
}

START_TEST(both_families_can_be_had)
{
    struct fh_turn_config cfg = {.ipv4 = _i != 1, .ipv6 = true};
    struct fh_ice_address r6 = addr("2001:db8::1", 50001), peer6 = addr("2001:db8::9", 1);
    size_t len;
    uint16_t type = _i == 1 ? FH_STUN_REQUESTED_ADDRESS_FAMILY : FH_STUN_ADDITIONAL_ADDRESS_FAMILY;
    const uint8_t *p;

    begin(&cfg);
    ck_assert_int_eq(fh_turn_permit(t, now, &peer6), 0);
    expect(FH_STUN_ALLOCATE);
    p = fh_stun_find(&req, type, &len);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(p[0], 2);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    write_allocated(600);
    if (_i != 2) /* in the third case the server has none */
        fh_stun_write_address(&b, FH_STUN_XOR_RELAYED_ADDRESS, &r6);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    ck_assert_int_eq(fh_turn_permit(t, now, &peer6), _i == 2 ? FH_ICE_E_ADDRESS : 0);
}

/* ---- keeping -------------------------------------------------------------------------------- */

START_TEST(an_allocation_is_refreshed_a_minute_before_its_end)
{
    struct fh_turn_config cfg = {0};
    struct fh_turn_message out;
    uint64_t start;

    allocate(&cfg);
    start = now;
    for (;;) {
        ck_assert(wait(start + 540001, &out));
        ck_assert_int_eq(fh_stun_parse(out.data, out.len, &req), 0);
        if (req.cls == FH_STUN_REQUEST)
            break;
        ck_assert_uint_eq(req.method, FH_STUN_BINDING); /* a NAT is kept awake */
    }
    ck_assert_uint_eq(req.method, FH_STUN_REFRESH);
    ck_assert_uint_eq(now, start + 540000);
    memcpy(req_mem, out.data, out.len);
    ck_assert_int_eq(fh_stun_parse(req_mem, out.len, &req), 0);
    challenge(FH_STUN_STALE_NONCE);
    expect(FH_STUN_REFRESH);
    answer(FH_STUN_SUCCESS);
    fh_stun_write_u32(&b, FH_STUN_LIFETIME, 60);
    ck_assert_int_eq(give(), 0);
    expect_no_event();
    start = now;
    do {
        ck_assert(wait(start + 30001, &out));
        fh_stun_parse(out.data, out.len, &req);
    } while (req.cls != FH_STUN_REQUEST);
    ck_assert_uint_eq(now, start + 30000); /* half of a short life */
}

/* A server that gives a second at a time is not asked once for each of its answers. */
START_TEST(a_life_of_a_second_makes_no_storm)
{
    struct fh_turn_config cfg = {0};
    struct fh_turn_message out;
    uint64_t start;
    int requests = 0;

    allocate(&cfg);
    now += 540000;
    start = now;
    while (wait(start + 10000, &out)) {
        memcpy(req_mem, out.data, out.len);
        ck_assert_int_eq(fh_stun_parse(req_mem, out.len, &req), 0);
        ck_assert_int_lt(requests++, 30);
        answer(FH_STUN_SUCCESS);
        fh_stun_write_u32(&b, FH_STUN_LIFETIME, 1);
        ck_assert_int_eq(give(), 0);
    }
    ck_assert_int_ge(requests, 10);
    expect_no_event();
}

START_TEST(an_allocation_that_the_server_forgot_is_lost)
{
    struct fh_turn_config cfg = {0};

    allocate(&cfg);
    now += 540000;
    expect(FH_STUN_REFRESH);
    refuse(437);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_LOST);
}

START_TEST(a_sleeper_finds_his_allocation_gone)
{
    struct fh_turn_config cfg = {0};

    allocate(&cfg);
    now += 3600000;
    fh_turn_tick(t, now);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_LOST);
}

START_TEST(it_is_deleted_on_close)
{
    struct fh_turn_config cfg = {.carrier = _i == 2 ? FH_TURN_TCP : FH_TURN_UDP};
    struct fh_turn_message out;
    uint32_t lifetime;

    allocate(&cfg);
    fh_turn_close(t, now);
    expect(FH_STUN_REFRESH);
    ck_assert(fh_stun_read_u32(&req, FH_STUN_LIFETIME, &lifetime));
    ck_assert_uint_eq(lifetime, 0);
    if (_i == 0) {
        answer(FH_STUN_SUCCESS);
        fh_stun_write_u32(&b, FH_STUN_LIFETIME, 0);
        ck_assert_int_eq(give(), 0);
    } else { /* nobody answers: it is over all the same, soon */
        while (wait(now + 2000, &out))
            ;
    }
    expect_event(FH_TURN_EV_CLOSED);
    ck_assert_int_eq(fh_turn_permit(t, now, &ev.mapped), FH_ICE_E_STATE);
    expect_silence();
}

START_TEST(closing_before_anything_was_allocated_sends_nothing)
{
    struct fh_turn_config cfg = {0};

    begin(&cfg);
    if (_i == 1)
        expect(FH_STUN_ALLOCATE);
    fh_turn_close(t, now);
    expect_silence();
    expect_event(FH_TURN_EV_CLOSED);
    expect_no_event();
}

START_TEST(an_allocation_moves_with_its_ticket)
{
    struct fh_turn_config cfg = {.mobility = true};
    struct fh_ice_address mapped = addr("203.0.113.77", 99), peer = addr("198.51.100.7", 7);
    size_t len;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    ck_assert_ptr_nonnull(fh_stun_find(&req, FH_STUN_MOBILITY_TICKET, &len));
    ck_assert_uint_eq(len, 0);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    write_allocated(600);
    fh_stun_write(&b, FH_STUN_MOBILITY_TICKET, "ticket", 6);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    ck_assert_int_eq(fh_turn_permit(t, now, &peer), 0);
    expect(FH_STUN_CREATE_PERMISSION);
    /* The address changes while this is under way. */
    ck_assert_int_eq(fh_turn_moved(t, now), 0);
    expect(FH_STUN_REFRESH);
    ck_assert_mem_eq(fh_stun_find(&req, FH_STUN_MOBILITY_TICKET, &len), "ticket", 6);
    expect_silence();
    answer(FH_STUN_SUCCESS);
    fh_stun_write_u32(&b, FH_STUN_LIFETIME, 600);
    fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &mapped);
    fh_stun_write(&b, FH_STUN_MOBILITY_TICKET, "second", 6);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_MOVED);
    ck_assert(fh_ice_address_equal(&ev.mapped, &mapped));
    expect(FH_STUN_CREATE_PERMISSION);
    ck_assert(fh_turn_can_move(t));
}

START_TEST(a_server_that_is_silent_after_a_move_is_left_soon)
{
    struct fh_turn_config cfg = {.mobility = true, .carrier = FH_TURN_TLS};
    struct fh_ice_address peer = addr("198.51.100.7", 7);
    struct fh_turn_message out;

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    write_allocated(600);
    fh_stun_write(&b, FH_STUN_MOBILITY_TICKET, "ticket", 6);
    ck_assert_int_eq(give(), 0);
    ck_assert_int_eq(fh_turn_permit(t, now, &peer), 0);
    expect(FH_STUN_CREATE_PERMISSION);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    expect_event(FH_TURN_EV_PERMITTED);
    fh_turn_disconnected(t, now);
    expect_no_event(); /* there is a ticket */
    ck_assert_int_eq(fh_turn_moved(t, now), 0);
    expect(FH_STUN_REFRESH);
    answer(FH_STUN_SUCCESS);
    fh_stun_write_u32(&b, FH_STUN_LIFETIME, 600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_MOVED);
    expect(FH_STUN_CREATE_PERMISSION);
    ck_assert(!wait(now + 3000, &out));
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_LOST);
}

START_TEST(a_server_that_forbids_moving_allocates_all_the_same)
{
    struct fh_turn_config cfg = {.mobility = true};

    begin(&cfg);
    expect(FH_STUN_ALLOCATE);
    challenge(FH_STUN_UNAUTHENTICATED);
    expect(FH_STUN_ALLOCATE);
    refuse(FH_STUN_MOBILITY_FORBIDDEN);
    expect(FH_STUN_ALLOCATE);
    ck_assert(!fh_stun_has(&req, FH_STUN_MOBILITY_TICKET));
    write_allocated(600);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_READY);
    ck_assert(!fh_turn_can_move(t));
}

START_TEST(without_a_ticket_nothing_moves)
{
    struct fh_turn_config cfg = {.mobility = true};

    allocate(&cfg);
    ck_assert(!fh_turn_can_move(t));
    ck_assert_int_eq(fh_turn_moved(t, now), FH_ICE_E_STATE);
    fh_turn_disconnected(t, now);
    expect_event(FH_TURN_EV_FAILED);
    ck_assert_int_eq(ev.error, FH_ICE_E_LOST);
}

int main(void)
{
    Suite *s = suite_create("turn");
    TCase *tc = tcase_create("allocating");
    int failed;
    SRunner *r;

    tcase_add_test(tc, an_allocation_is_asked_for_without_credentials_first);
    tcase_add_test(tc, a_silent_server_is_asked_seven_times);
    tcase_add_test(tc, over_a_stream_nothing_is_repeated);
    tcase_add_loop_test(tc, what_the_server_said_earlier_saves_a_round_trip, 0, 2);
    tcase_add_test(tc, wrong_credentials_are_said_once);
    tcase_add_test(tc, a_server_that_always_finds_the_nonce_stale_is_left);
    tcase_add_loop_test(tc, each_refusal_of_an_allocation_has_its_meaning, 0, 9);
    tcase_add_test(tc, sha256_is_used_where_it_is_offered);
    tcase_add_test(tc, a_user_may_be_hashed);
    tcase_add_test(tc, a_nonce_that_promises_algorithms_must_come_with_them);
    tcase_add_loop_test(tc, another_server_is_followed_to_once, 0, 2);
    tcase_add_loop_test(tc, nobody_is_sent_to_where_no_server_is, 0, 6);
    tcase_add_test(tc, a_forged_answer_changes_nothing);
    tcase_add_loop_test(tc, both_families_can_be_had, 0, 3);
    suite_add_tcase(s, tc);
    tc = tcase_create("keeping");
    tcase_add_test(tc, an_allocation_is_refreshed_a_minute_before_its_end);
    tcase_add_test(tc, a_life_of_a_second_makes_no_storm);
    tcase_add_test(tc, an_allocation_that_the_server_forgot_is_lost);
    tcase_add_test(tc, a_sleeper_finds_his_allocation_gone);
    tcase_add_loop_test(tc, it_is_deleted_on_close, 0, 3);
    tcase_add_loop_test(tc, closing_before_anything_was_allocated_sends_nothing, 0, 2);
    tcase_add_test(tc, an_allocation_moves_with_its_ticket);
    tcase_add_test(tc, a_server_that_is_silent_after_a_move_is_left_soon);
    tcase_add_test(tc, a_server_that_forbids_moving_allocates_all_the_same);
    tcase_add_test(tc, without_a_ticket_nothing_moves);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
