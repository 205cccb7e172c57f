/* SPDX-License-Identifier: MIT */
/* URIs of TURN servers (RFC 7065 3.1). */
#include "../uv/turn_uri.c"

#include <check.h>

static const struct {
    const char *uri, *host;
    uint16_t port;
    enum fh_ice_uv_carrier carrier;
} good[] = {
    {"turn:turn.example", "turn.example", 0, FH_ICE_UV_UDP},
    {"turn:turn.example:3479", "turn.example", 3479, FH_ICE_UV_UDP},
    {"turn:192.0.2.1?transport=udp", "192.0.2.1", 0, FH_ICE_UV_UDP},
    {"turn:192.0.2.1:80?transport=tcp", "192.0.2.1", 80, FH_ICE_UV_TCP},
    {"turn:[2001:db8::1]:3478?transport=udp", "2001:db8::1", 3478, FH_ICE_UV_UDP},
    {"turns:turn.example", "turn.example", 0, FH_ICE_UV_TLS},
    {"turns:turn.example:443?transport=tcp", "turn.example", 443, FH_ICE_UV_TLS},
};

static const char *const bad[] = {
    "",
    "turn:",
    "turn",
    "stun:turn.example",
    "TURN:turn.example",
    "turn::3478",
    "turn:a:",
    "turn:a:0",
    "turn:a:65536",
    "turn:a:9999999",
    "turn:a:12x",
    "turn:[2001:db8::1",
    "turn:[]",
    "turn:a?transport=sctp",
    "turn:a?transport=udpx",
    "turns:a?transport=udp",
    "turn:a?x",
};

static bool parse(const char *uri, struct fh__turn *out)
{
    const struct fh_broker_turn t = {
        .uri = {uri, strlen(uri)}, .user = {"1764:u", 6}, .password = {"pass", 4}};

    return fh__turn_parse(&t, out);
}

START_TEST(a_server_is_read)
{
    struct fh__turn t;

    ck_assert(parse(good[_i].uri, &t));
    ck_assert_str_eq(t.host, good[_i].host);
    ck_assert_uint_eq(t.port, good[_i].port);
    ck_assert_int_eq(t.carrier, good[_i].carrier);
    ck_assert_str_eq(t.user, "1764:u");
    ck_assert_str_eq(t.password, "pass");
}
END_TEST

START_TEST(anything_else_is_left_out)
{
    struct fh__turn t;

    ck_assert_msg(!parse(bad[_i], &t), "%s", bad[_i]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("turn_uri");
    TCase *t = tcase_create("uri");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_loop_test(t, a_server_is_read, 0, (int)(sizeof good / sizeof *good));
    tcase_add_loop_test(t, anything_else_is_left_out, 0, (int)(sizeof bad / sizeof *bad));
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
