/* SPDX-License-Identifier: MIT */
/* What a TURN client does for peers, message by message; streams and credentials. */
#include "turn_server.h"

/* ---- peers ---------------------------------------------------------------------------------- */

static unsigned peers_in_request(void)
{
    struct fh_stun_attribute a;
    unsigned n = 0;

    for (size_t at = 0; fh_stun_next(&req, &at, &a);)
        n += a.type == FH_STUN_XOR_PEER_ADDRESS;
    return n;
}

static void permit(unsigned last)
{
    struct fh_ice_address p = addr("198.51.100.0", 5000);

    p.ip[3] = (uint8_t)last;
    ck_assert_int_eq(fh_turn_permit(t, now, &p), 0);
}

START_TEST(permissions_are_asked_for_together_and_kept)
{
    struct fh_turn_config cfg = {0};
    struct fh_ice_address other_port = addr("198.51.100.1", 1);
    struct fh_turn_message out;
    uint64_t start;

    allocate(&cfg);
    for (unsigned i = 1; i <= 5; i++)
        permit(i);
    ck_assert_int_eq(fh_turn_permit(t, now, &other_port), 0); /* ports do not count */
    expect(FH_STUN_CREATE_PERMISSION);
    ck_assert_uint_eq(peers_in_request(), 5);
    permit(9); /* waits for the answer to the first */
    expect_silence();
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    for (int i = 0; i < 5; i++)
        expect_event(FH_TURN_EV_PERMITTED);
    expect_no_event();
    expect(FH_STUN_CREATE_PERMISSION);
    ck_assert_uint_eq(peers_in_request(), 1);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_PERMITTED);
    start = now;
    do {
        ck_assert(wait(start + 240001, &out));
        memcpy(req_mem, out.data, out.len);
        fh_stun_parse(req_mem, out.len, &req);
    } while (req.cls != FH_STUN_REQUEST);
    ck_assert_uint_eq(now, start + 240000);
    ck_assert_uint_eq(peers_in_request(), 6); /* refreshed in one */
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect_no_event(); /* nothing new */
}

START_TEST(one_forbidden_peer_does_not_cost_the_others)
{
    struct fh_turn_config cfg = {0};
    unsigned refused = 0, permitted = 0, requests = 0;

    allocate(&cfg);
    for (unsigned i = 1; i <= 4; i++)
        permit(i);
    expect(FH_STUN_CREATE_PERMISSION);
    refuse(403);
    expect_no_event();
    while (refused + permitted < 4) {
        struct fh_ice_address p;

        expect(FH_STUN_CREATE_PERMISSION);
        ck_assert_uint_eq(peers_in_request(), 1);
        ck_assert(fh_stun_read_address(&req, FH_STUN_XOR_PEER_ADDRESS, &p));
        if (p.ip[3] == 2) {
            refuse(403);
            expect_event(FH_TURN_EV_REFUSED);
            ck_assert_uint_eq(ev.code, 403);
            ck_assert_uint_eq(ev.peer.ip[3], 2);
            refused++;
        } else {
            answer(FH_STUN_SUCCESS);
            ck_assert_int_eq(give(), 0);
            expect_event(FH_TURN_EV_PERMITTED);
            permitted++;
        }
        requests++;
    }
    ck_assert_uint_eq(requests, 4);
    ck_assert_uint_eq(refused, 1);
    expect_silence();
    permit(2); /* asked again, told again */
    expect_event(FH_TURN_EV_REFUSED);
}

START_TEST(there_is_an_end_to_permissions)
{
    struct fh_turn_config cfg = {0};
    struct fh_ice_address p = addr("198.51.100.0", 5000);

    allocate(&cfg);
    for (unsigned i = 0; i < FH_TURN_MAX_PERMISSIONS; i++)
        permit(i);
    p.ip[3] = 200;
    ck_assert_int_eq(fh_turn_permit(t, now, &p), FH_ICE_E_LIMIT);
    p.ip[3] = 0;
    fh_turn_forget(t, &p);
    p.ip[3] = 200;
    ck_assert_int_eq(fh_turn_permit(t, now, &p), 0);
}

START_TEST(data_goes_by_indications_until_there_is_a_channel)
{
    struct fh_turn_config cfg = {.carrier = _i == 1 ? FH_TURN_TLS : FH_TURN_UDP};
    struct fh_ice_address peer = addr("198.51.100.7", 7000), got;
    uint8_t mem[200];
    struct fh_stun_message m;
    size_t len;
    uint16_t channel;
    int n;

    allocate(&cfg);
    ck_assert_int_eq(fh_turn_wrap(t, now, &peer, "hello", 5, mem, sizeof mem), FH_ICE_E_STATE);
    ck_assert_int_eq(fh_turn_permit(t, now, &peer), 0);
    ck_assert_int_eq(fh_turn_wrap(t, now, &peer, "hello", 5, mem, sizeof mem), FH_ICE_E_STATE);
    expect(FH_STUN_CREATE_PERMISSION);
    n = fh_turn_wrap(t, now, &peer, "hello", 5, mem, sizeof mem); /* follows the request */
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(fh_stun_parse(mem, (size_t)n, &m), 0);
    ck_assert_int_eq(m.cls, FH_STUN_INDICATION);
    ck_assert_uint_eq(m.method, FH_STUN_SEND);
    ck_assert(fh_stun_read_address(&m, FH_STUN_XOR_PEER_ADDRESS, &got));
    ck_assert(fh_ice_address_equal(&got, &peer));
    ck_assert_mem_eq(fh_stun_find(&m, FH_STUN_DATA_ATTRIBUTE, &len), "hello", 5);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_PERMITTED);
    ck_assert_int_eq(fh_turn_bind(t, now, &peer), 0);
    expect(FH_STUN_CHANNEL_BIND);
    ck_assert(fh_stun_read_channel(&req, &channel));
    ck_assert_uint_ge(channel, 0x4000);
    ck_assert_uint_le(channel, 0x4fff);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect_event(FH_TURN_EV_BOUND);
    n = fh_turn_wrap(t, now, &peer, "hello", 5, mem, sizeof mem);
    ck_assert_int_eq(n, _i == 1 ? 12 : 9); /* padded to 4 on a stream */
    ck_assert_uint_eq((unsigned)(mem[0] << 8 | mem[1]), channel);
    ck_assert_uint_eq((unsigned)(mem[2] << 8 | mem[3]), 5);
    ck_assert_mem_eq(mem + 4, "hello", 5);
    ck_assert_int_eq(fh_turn_wrap(t, now, &peer, "hello", 5, mem, 8), FH_ICE_E_ROOM);
}

START_TEST(what_comes_from_peers_is_given_out)
{
    struct fh_turn_config cfg = {0};
    struct fh_ice_address peer = addr("198.51.100.7", 7000), stranger = addr("198.51.100.8", 1);
    struct fh_turn_data d;
    uint8_t frame[] = {0, 0, 0, 3, 'a', 'b', 'c'}, mem[200];
    uint16_t channel;

    allocate(&cfg);
    ck_assert_int_eq(fh_turn_bind(t, now, &peer), 0);
    expect(FH_STUN_CREATE_PERMISSION);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect(FH_STUN_CHANNEL_BIND);
    ck_assert(fh_stun_read_channel(&req, &channel));
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    frame[0] = (uint8_t)(channel >> 8);
    frame[1] = (uint8_t)channel;
    ck_assert_int_eq(fh_turn_input(t, now, frame, sizeof frame, &d), 1);
    ck_assert_uint_eq(d.len, 3);
    ck_assert_ptr_eq(d.data, frame + 4);
    ck_assert(fh_ice_address_equal(&d.peer, &peer));
    frame[3] = 4; /* longer than what came */
    ck_assert_int_eq(fh_turn_input(t, now, frame, sizeof frame, &d), FH_ICE_E_PROTO);
    frame[3] = 3;
    frame[1] ^= 1; /* no such channel */
    ck_assert_int_eq(fh_turn_input(t, now, frame, sizeof frame, &d), FH_ICE_E_PROTO);
    for (int i = 0; i < 2; i++) {
        fh_stun_build(&b, mem, sizeof mem, FH_STUN_INDICATION, FH_STUN_DATA, req.txid);
        fh_stun_write_address(&b, FH_STUN_XOR_PEER_ADDRESS, i == 0 ? &peer : &stranger);
        fh_stun_write(&b, FH_STUN_DATA_ATTRIBUTE, "xy", 2);
        ck_assert_int_eq(fh_turn_input(t, now, mem, fh_stun_build_end(&b), &d),
                         i == 0 ? 1 : FH_ICE_E_PROTO);
    }
    ck_assert_uint_eq(d.len, 2);
}

START_TEST(channels_are_bound_again_in_time_and_numbers_are_not_used_twice)
{
    struct fh_turn_config cfg = {0};
    struct fh_ice_address peer = addr("198.51.100.7", 7000), other = addr("198.51.100.9", 1);
    struct fh_turn_message out;
    uint16_t first, channel;
    uint64_t start;

    allocate(&cfg);
    ck_assert_int_eq(fh_turn_bind(t, now, &peer), 0);
    expect(FH_STUN_CREATE_PERMISSION);
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    expect(FH_STUN_CHANNEL_BIND);
    ck_assert(fh_stun_read_channel(&req, &first));
    answer(FH_STUN_SUCCESS);
    ck_assert_int_eq(give(), 0);
    start = now;
    do { /* everything that is asked for is granted */
        ck_assert(wait(start + 540001, &out));
        memcpy(req_mem, out.data, out.len);
        fh_stun_parse(req_mem, out.len, &req);
        if (req.cls != FH_STUN_REQUEST)
            continue;
        answer(FH_STUN_SUCCESS);
        ck_assert_int_eq(give(), 0);
    } while (req.method != FH_STUN_CHANNEL_BIND);
    ck_assert_uint_eq(now, start + 540000);
    ck_assert(fh_stun_read_channel(&req, &channel));
    ck_assert_uint_eq(channel, first);
    fh_turn_forget(t, &peer);
    ck_assert_int_eq(fh_turn_bind(t, now, &other), 0);
    for (;;) {
        ck_assert_int_eq(fh_turn_output(t, now, &out), 1);
        memcpy(req_mem, out.data, out.len);
        fh_stun_parse(req_mem, out.len, &req);
        if (req.method == FH_STUN_CHANNEL_BIND)
            break;
        answer(FH_STUN_SUCCESS);
        ck_assert_int_eq(give(), 0);
    }
    ck_assert(fh_stun_read_channel(&req, &channel));
    ck_assert_uint_ne(channel, first);
}

/* ---- streams and credentials ---------------------------------------------------------------- */

START_TEST(a_stream_is_cut_into_frames)
{
    static struct fh_turn_frames f;
    uint8_t stream[512], *p;
    size_t len = 0, room, at = 0, n;
    const uint8_t *frame;
    unsigned channels = 0, messages = 0;
    const uint8_t txid[FH_STUN_TXID_LEN] = {0};
    size_t step = (size_t)_i;

    for (int i = 0; i < 5; i++) {
        struct fh_stun_builder sb;

        fh_stun_build(&sb, stream + len, 64, FH_STUN_INDICATION, FH_STUN_BINDING, txid);
        fh_stun_write_fingerprint(&sb);
        len += fh_stun_build_end(&sb);
        memcpy(stream + len, "\x40\x01\x00\x05-data\0\0\0", 12);
        len += 12;
    }
    memset(&f, 0, sizeof f);
    while (at < len) {
        p = fh_turn_frames_in(&f, &room);
        n = step < len - at ? step : len - at;
        ck_assert_uint_le(n, room);
        memcpy(p, stream + at, n);
        fh_turn_frames_in_done(&f, n);
        at += n;
        while (fh_turn_frames_next(&f, &frame, &n) == 1) {
            if (frame[0] == 0x40) {
                ck_assert_uint_eq(n, 12);
                channels++;
            } else {
                ck_assert(fh_stun_is_message(frame, n));
                messages++;
            }
        }
    }
    ck_assert_uint_eq(channels, 5);
    ck_assert_uint_eq(messages, 5);
    ck_assert_uint_eq(f.used, f.len);
}

START_TEST(a_stream_of_something_else_is_refused)
{
    static const char *const bad[] = {"HTTP", "\x50\0\0\0", "\x40\0\xff\xff", "\x80\0\0\0",
                                      "\x01\x01\0\x03"};
    static struct fh_turn_frames f;
    size_t room, n;
    const uint8_t *frame;

    memset(&f, 0, sizeof f);
    memcpy(fh_turn_frames_in(&f, &room), bad[_i], 4);
    fh_turn_frames_in_done(&f, 4);
    ck_assert_int_eq(fh_turn_frames_next(&f, &frame, &n), FH_ICE_E_PROTO);
}

/* Computed with: printf 1700000000:ann | openssl dgst -sha1 -hmac north -binary | base64 */
START_TEST(rest_credentials_are_those_of_the_memo)
{
    char username[32], password[FH_TURN_REST_PASSWORD];

    ck_assert_int_eq(fh_turn_rest_credentials("north", 5, 1700000000, "ann", username,
                                              sizeof username, password),
                     0);
    ck_assert_str_eq(username, "1700000000:ann");
    ck_assert_str_eq(password, "jeamH6dA5l2I9g3jmieza7CzEDo=");
    ck_assert_int_eq(
        fh_turn_rest_credentials("north", 5, 1700000000, "ann", username, 14, password),
        FH_ICE_E_ROOM);
}

START_TEST(a_configuration_out_of_range_makes_no_client)
{
    static uint8_t mem[32768];
    struct fh_turn_config good = {.server = addr("192.0.2.1", 3478),
                                  .username = "ann",
                                  .password = "secret",
                                  .random = fake_random},
                          c = good;
    char longest[600];

    memset(longest, 'x', sizeof longest);
    longest[509] = '\0';
    ck_assert_ptr_nonnull(fh_turn_init(mem, sizeof mem, &c));
    ck_assert_ptr_null(fh_turn_init(mem, fh_turn_size() - 1, &c));
    c.username = "";
    ck_assert_ptr_null(fh_turn_init(mem, sizeof mem, &c));
    c.username = longest;
    ck_assert_ptr_null(fh_turn_init(mem, sizeof mem, &c));
    c.username = longest + 1;
    ck_assert_ptr_nonnull(fh_turn_init(mem, sizeof mem, &c));
    c = good;
    c.password = NULL;
    ck_assert_ptr_null(fh_turn_init(mem, sizeof mem, &c));
    c = good;
    c.server.family = 0;
    ck_assert_ptr_null(fh_turn_init(mem, sizeof mem, &c));
    fh_turn_finish(NULL);
}

int main(void)
{
    Suite *s = suite_create("turn-peers");
    TCase *tc = tcase_create("peers");
    int failed;
    SRunner *r;

    tcase_add_test(tc, permissions_are_asked_for_together_and_kept);
    tcase_add_test(tc, one_forbidden_peer_does_not_cost_the_others);
    tcase_add_test(tc, there_is_an_end_to_permissions);
    tcase_add_loop_test(tc, data_goes_by_indications_until_there_is_a_channel, 0, 2);
    tcase_add_test(tc, what_comes_from_peers_is_given_out);
    tcase_add_test(tc, channels_are_bound_again_in_time_and_numbers_are_not_used_twice);
    suite_add_tcase(s, tc);
    tc = tcase_create("streams and credentials");
    tcase_add_loop_test(tc, a_stream_is_cut_into_frames, 1, 70);
    tcase_add_loop_test(tc, a_stream_of_something_else_is_refused, 0, 5);
    tcase_add_test(tc, rest_credentials_are_those_of_the_memo);
    tcase_add_test(tc, a_configuration_out_of_range_makes_no_client);
    suite_add_tcase(s, tc);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
