/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/address.h>
#include <farhand/transport_error.h>
#include <farhand/transport_version.h>

#define LEN(a) (int)(sizeof(a) / sizeof *(a))

/* Text in, canonical text out (RFC 4291 2.2, RFC 5952 4 and 5); NULL: refused. */
static const struct {
    const char *in, *out;
} ips[] = {
    {"192.0.2.1", "192.0.2.1:0"},
    {"0.0.0.0", "0.0.0.0:0"},
    {"255.255.255.255", "255.255.255.255:0"},
    {"2001:DB8:0:0:8:800:200C:417A", "[2001:db8::8:800:200c:417a]:0"},
    {"::", "[::]:0"},
    {"::1", "[::1]:0"},
    {"1::", "[1::]:0"},
    {"2001:0db8::0001", "[2001:db8::1]:0"},
    {"2001:db8:0:0:0:0:2:1", "[2001:db8::2:1]:0"},
    {"2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:0"},
    {"2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]:0"},
    {"2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:0"},
    {"1:2:3:4:5:6:0:0", "[1:2:3:4:5:6::]:0"},
    {"1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]:0"},
    {"64:ff9b::192.0.2.33", "[64:ff9b::c000:221]:0"},
    {"1:2:3:4:5:6:1.2.3.4", "[1:2:3:4:5:6:102:304]:0"},
    {"::ffff:192.0.2.128", "192.0.2.128:0"},
    {"::FFFF:c000:0280", "192.0.2.128:0"},
    {"fe80::1%2", "[fe80::1%2]:0"},
    {"", NULL},
    {"1.2.3", NULL},
    {"1.2.3.4.5", NULL},
    {"1.2.3.256", NULL},
    {"01.2.3.4", NULL},
    {"1.2.3.4 ", NULL},
    {"1..3.4", NULL},
    {"0x7f.0.0.1", NULL},
    {":", NULL},
    {":::", NULL},
    {"1:2:3:4:5:6:7", NULL},
    {"1:2:3:4:5:6:7:8:9", NULL},
    {"1::2::3", NULL},
    {"1:2:3:4::5:6:7:8", NULL},
    {"12345::", NULL},
    {"g::", NULL},
    {"1:2:", NULL},
    {":1:2", NULL},
    {"::1.2.3", NULL},
    {"1.2.3.4::", NULL},
    {"1.2.3.4::80", NULL},
    {"::1.2.3.4:5", NULL},
    {"1:2:3:4:5:6:7:1.2.3.4", NULL},
    {"fe80::1%", NULL},
    {"fe80::1%0", NULL},
    {"fe80::1%eth0", NULL},
    {"1.2.3.4%1", NULL},
};

START_TEST(ip_text_is_read_strictly_and_written_as_rfc5952_asks)
{
    struct fh_address a = {.family = FH_ADDRESS_UNIX, .port = 7}, again;
    char text[FH_ADDRESS_TEXT], *colon;
    int ret = fh_address_parse_ip(ips[_i].in, strlen(ips[_i].in), &a);

    if (!ips[_i].out) {
        ck_assert_int_eq(ret, FH_TRANSPORT_E_ADDRESS);
        ck_assert(a.family == FH_ADDRESS_UNIX && a.port == 7);
        return;
    }
    ck_assert_int_eq(ret, 0);
    fh_address_print(&a, text, sizeof text);
    ck_assert_str_eq(text, ips[_i].out);
    colon = strrchr(text, ':');
    if (*text == '[')
        ret = fh_address_parse_ip(text + 1, (size_t)(colon - text) - 2, &again);
    else
        ret = fh_address_parse_ip(text, (size_t)(colon - text), &again);
    ck_assert_int_eq(ret, 0);
    ck_assert(fh_address_equal_host(&a, &again));
}
END_TEST

/* text: the name, the printed address, or what is said to be expected. */
static const struct target_case {
    const char *in, *text;
    enum fh_target_kind kind;
    uint16_t port;
} viewer[] =
    {
        {"desk", "desk", FH_TARGET_HOST, 5900},
        {"desk.example.org", "desk.example.org", FH_TARGET_HOST, 5900},
        {"desk:0", "desk", FH_TARGET_HOST, 5900},
        {"desk:1", "desk", FH_TARGET_HOST, 5901},
        {"desk:99", "desk", FH_TARGET_HOST, 5999},
        {"desk:100", "desk", FH_TARGET_HOST, 100},
        {"desk:5901", "desk", FH_TARGET_HOST, 5901},
        {"desk::1", "desk", FH_TARGET_HOST, 1},
        {"desk::65535", "desk", FH_TARGET_HOST, 65535},
        {"192.0.2.7", "192.0.2.7:5900", FH_TARGET_IP, 5900},
        {"192.0.2.7:2", "192.0.2.7:5902", FH_TARGET_IP, 5902},
        {"192.0.2.7::80", "192.0.2.7:80", FH_TARGET_IP, 80},
        {"[2001:db8::1]", "[2001:db8::1]:5900", FH_TARGET_IP, 5900},
        {"[2001:db8::1]:3", "[2001:db8::1]:5903", FH_TARGET_IP, 5903},
        {"[2001:db8::1]:4711", "[2001:db8::1]:4711", FH_TARGET_IP, 4711},
        {"[2001:db8::1]::47", "[2001:db8::1]:47", FH_TARGET_IP, 47},
        {"[fe80::1%3]", "[fe80::1%3]:5900", FH_TARGET_IP, 5900},
        {"/run/x.sock", "/run/x.sock", FH_TARGET_UNIX, 0},
        {"./x:1", "./x:1", FH_TARGET_UNIX, 0},
        {"unix:/run/x.sock", "/run/x.sock", FH_TARGET_UNIX, 0},
        {"unix:1", "unix", FH_TARGET_HOST, 5901},
        {"", "a host name, an IPv4 address, [IPv6 address] or a socket path", FH_TARGET_NONE, 0},
        {":1", "a host name, an IPv4 address, [IPv6 address] or a socket path", FH_TARGET_NONE, 0},
        {"-v", "a host name, an IPv4 address, [IPv6 address] or a socket path", FH_TARGET_NONE, 0},
        {"a b", "a host name, an IPv4 address, [IPv6 address] or a socket path", FH_TARGET_NONE, 0},
        {"a\x1b[31m", "a host name, an IPv4 address, [IPv6 address] or a socket path",
         FH_TARGET_NONE, 0},
        {"desk:", "a port from 1 to 65535, or a display below 100 after one ':'", FH_TARGET_NONE,
         0},
        {"desk::", "a port from 1 to 65535, or a display below 100 after one ':'", FH_TARGET_NONE,
         0},
        {"desk::0", "a port from 1 to 65535, or a display below 100 after one ':'", FH_TARGET_NONE,
         0},
        {"desk:::1", "a port from 1 to 65535, or a display below 100 after one ':'", FH_TARGET_NONE,
         0},
        {"desk:-1", "a port from 1 to 65535, or a display below 100 after one ':'", FH_TARGET_NONE,
         0},
        {"desk:+1", "a port from 1 to 65535, or a display below 100 after one ':'", FH_TARGET_NONE,
         0},
        {"desk:65536", "a port from 1 to 65535, or a display below 100 after one ':'",
         FH_TARGET_NONE, 0},
        {"desk:4294967297", "a port from 1 to 65535, or a display below 100 after one ':'",
         FH_TARGET_NONE, 0},
        {"[::1]x", "a port from 1 to 65535, or a display below 100 after one ':'", FH_TARGET_NONE,
         0},
        {"2001:db8::1", "an IPv6 address in brackets, such as [2001:db8::1]:5900", FH_TARGET_NONE,
         0},
        {"::1", "an IPv6 address in brackets, such as [2001:db8::1]:5900", FH_TARGET_NONE, 0},
        {"[::1", "an IPv6 address between '[' and ']'", FH_TARGET_NONE, 0},
        {"[desk]", "an IPv6 address between '[' and ']'", FH_TARGET_NONE, 0},
        {"[192.0.2.1]", "an IPv6 address between '[' and ']'", FH_TARGET_NONE, 0},
},
  listening[] = {
      {"0.0.0.0:5900", "0.0.0.0:5900", FH_TARGET_IP, 5900},
      {"127.0.0.1:0", "127.0.0.1:0", FH_TARGET_IP, 0},
      {"[::]:5900", "[::]:5900", FH_TARGET_IP, 5900},
      {"*:99", "", FH_TARGET_ANY, 99},
      {"unix:/run/x.sock", "/run/x.sock", FH_TARGET_UNIX, 0},
      {"unix:x", "x", FH_TARGET_UNIX, 0},
      {"systemd", "", FH_TARGET_SYSTEMD, 0},
      {"systemd:vnc-1", "vnc-1", FH_TARGET_SYSTEMD, 0},
      {"unix:", "the path of a unix socket, of 1 to 107 bytes", FH_TARGET_NONE, 0},
      {"systemd:", "\"systemd\" or \"systemd:\" and a FileDescriptorName", FH_TARGET_NONE, 0},
      {"systemdx", "\"systemd\" or \"systemd:\" and a FileDescriptorName", FH_TARGET_NONE, 0},
      {"127.0.0.1", "':' and a port from 0 to 65535 (0 lets the system choose)", FH_TARGET_NONE, 0},
      {"127.0.0.1::5", "':' and a port from 0 to 65535 (0 lets the system choose)", FH_TARGET_NONE,
       0},
      {"*:65536", "':' and a port from 0 to 65535 (0 lets the system choose)", FH_TARGET_NONE, 0},
      {"[::]", "':' and a port from 0 to 65535 (0 lets the system choose)", FH_TARGET_NONE, 0},
      {"[::", "an IPv6 address between '[' and ']'", FH_TARGET_NONE, 0},
      {"",
       "an IPv4 address, [IPv6 address] or *, each with ':' and a port; or unix:PATH; or systemd",
       FH_TARGET_NONE, 0},
      {"desk:5900",
       "an IPv4 address, [IPv6 address] or *, each with ':' and a port; or unix:PATH; or systemd",
       FH_TARGET_NONE, 0},
};

typedef int (*parse_fn)(const char *, struct fh_target *, const char **);

static void check_target(parse_fn parse, const struct target_case *v)
{
    struct fh_target t = {.kind = FH_TARGET_NONE, .port = 77};
    char text[FH_ADDRESS_TEXT];
    const char *expected = NULL;
    int ret = parse(v->in, &t, &expected);

    if (v->kind == FH_TARGET_NONE) {
        ck_assert_int_eq(ret, FH_TRANSPORT_E_ADDRESS);
        ck_assert_str_eq(expected, v->text);
        ck_assert(t.kind == FH_TARGET_NONE && t.port == 77);
        ck_assert_int_eq(parse(v->in, &t, NULL), FH_TRANSPORT_E_ADDRESS);
        return;
    }
    ck_assert_int_eq(ret, 0);
    ck_assert_int_eq((int)t.kind, (int)v->kind);
    ck_assert_uint_eq(t.port, v->port);
    fh_address_print(&t.address, text, sizeof text);
    ck_assert_str_eq(v->kind == FH_TARGET_IP ? text : t.name, v->text);
}

START_TEST(a_viewer_address_is_what_vnc_users_write)
{
    check_target(fh_address_parse_viewer, &viewer[_i]);
}
END_TEST

START_TEST(a_listen_address_is_numeric_or_a_path_or_systemd)
{
    check_target(fh_address_parse_listen, &listening[_i]);
}
END_TEST

START_TEST(names_and_paths_have_their_longest_length)
{
    struct fh_target t;
    char text[300];

    memset(text, 'a', sizeof text);
    text[253] = '\0';
    ck_assert_int_eq(fh_address_parse_viewer(text, &t, NULL), 0);
    text[253] = 'a';
    text[254] = '\0';
    ck_assert_int_eq(fh_address_parse_viewer(text, &t, NULL), FH_TRANSPORT_E_ADDRESS);
    text[0] = '/';
    text[107] = '\0';
    ck_assert_int_eq(fh_address_parse_viewer(text, &t, NULL), 0);
    text[107] = 'a';
    text[108] = '\0';
    ck_assert_int_eq(fh_address_parse_viewer(text, &t, NULL), FH_TRANSPORT_E_ADDRESS);
}
END_TEST

START_TEST(printing_is_cut_to_the_room_and_always_ends)
{
    struct fh_address a = {.family = FH_ADDRESS_IPV6, .port = 65535, .scope = UINT32_MAX};
    char text[FH_ADDRESS_TEXT], cut[8];

    memset(a.ip, 0xff, sizeof a.ip);
    fh_address_print(&a, text, sizeof text);
    ck_assert_str_eq(text, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
    fh_address_print(&a, cut, sizeof cut);
    ck_assert_str_eq(cut, "[ffff:f");
    fh_address_print(&a, cut, 1);
    ck_assert_str_eq(cut, "");
}
END_TEST

START_TEST(unix_peers_are_told_apart_by_user)
{
    struct fh_address a = {.family = FH_ADDRESS_UNIX, .uid = 1000, .pid = 1}, b = a;
    struct fh_address none = {.family = FH_ADDRESS_NONE};
    char text[FH_ADDRESS_TEXT];

    b.pid = 2;
    ck_assert(fh_address_equal_host(&a, &b));
    b.uid = 1001;
    ck_assert(!fh_address_equal_host(&a, &b));
    ck_assert(!fh_address_equal_host(&a, &none));
    fh_address_print(&a, text, sizeof text);
    ck_assert_str_eq(text, "unix:uid=1000");
    a.uid = FH_ADDRESS_NO_UID;
    fh_address_print(&a, text, sizeof text);
    ck_assert_str_eq(text, "unix");
    fh_address_print(&none, text, sizeof text);
    ck_assert_str_eq(text, "none");
}
END_TEST

START_TEST(every_error_has_its_text_and_the_version_agrees)
{
#define X(name, num, text)                                                                         \
    ck_assert_int_eq(FH_TRANSPORT_E_##name, -num);                                                 \
    ck_assert_str_eq(fh_transport_strerror(-num), text);
    FH_TRANSPORT_ERRORS(X)
#undef X
    ck_assert_str_eq(fh_transport_strerror(0), "success");
    ck_assert_str_eq(fh_transport_strerror(-101), "unknown transport error");
    ck_assert_str_eq(fh_transport_version(), FH_TRANSPORT_VERSION);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("address");
    TCase *tc = tcase_create("address");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, ip_text_is_read_strictly_and_written_as_rfc5952_asks, 0, LEN(ips));
    tcase_add_loop_test(tc, a_viewer_address_is_what_vnc_users_write, 0, LEN(viewer));
    tcase_add_loop_test(tc, a_listen_address_is_numeric_or_a_path_or_systemd, 0, LEN(listening));
    tcase_add_test(tc, names_and_paths_have_their_longest_length);
    tcase_add_test(tc, printing_is_cut_to_the_room_and_always_ends);
    tcase_add_test(tc, unix_peers_are_told_apart_by_user);
    tcase_add_test(tc, every_error_has_its_text_and_the_version_agrees);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
