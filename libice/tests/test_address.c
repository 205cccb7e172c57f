/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ice_address.h>
#include <farhand/ice_error.h>

#define ARRAY_LEN(a) ((int)(sizeof(a) / sizeof(*(a))))

static const struct {
    const char *text;
    enum fh_ice_scope scope;
    const char *printed; /* NULL: as text */
} good[] = {
    {"0.0.0.0", FH_ICE_SCOPE_UNSPECIFIED, NULL},
    {"0.1.2.3", FH_ICE_SCOPE_UNSPECIFIED, NULL},
    {"127.0.0.1", FH_ICE_SCOPE_LOOPBACK, NULL},
    {"127.255.1.2", FH_ICE_SCOPE_LOOPBACK, NULL},
    {"224.0.0.251", FH_ICE_SCOPE_MULTICAST, NULL},
    {"239.255.255.250", FH_ICE_SCOPE_MULTICAST, NULL},
    {"240.0.0.1", FH_ICE_SCOPE_RESERVED, NULL},
    {"255.255.255.255", FH_ICE_SCOPE_RESERVED, NULL},
    {"169.254.7.7", FH_ICE_SCOPE_LINK, NULL},
    {"10.0.0.1", FH_ICE_SCOPE_PRIVATE, NULL},
    {"172.16.0.1", FH_ICE_SCOPE_PRIVATE, NULL},
    {"172.31.255.255", FH_ICE_SCOPE_PRIVATE, NULL},
    {"172.32.0.1", FH_ICE_SCOPE_GLOBAL, NULL},
    {"192.168.1.1", FH_ICE_SCOPE_PRIVATE, NULL},
    {"192.169.1.1", FH_ICE_SCOPE_GLOBAL, NULL},
    {"100.64.0.1", FH_ICE_SCOPE_PRIVATE, NULL},
    {"100.128.0.1", FH_ICE_SCOPE_GLOBAL, NULL},
    {"192.0.2.1", FH_ICE_SCOPE_GLOBAL, NULL},
    {"::", FH_ICE_SCOPE_UNSPECIFIED, NULL},
    {"::1", FH_ICE_SCOPE_LOOPBACK, NULL},
    {"::2", FH_ICE_SCOPE_RESERVED, NULL},
    {"::127.0.0.1", FH_ICE_SCOPE_RESERVED, "::7f00:1"},
    {"::ffff:127.0.0.1", FH_ICE_SCOPE_LOOPBACK, "127.0.0.1"},
    {"::ffff:8.8.8.8", FH_ICE_SCOPE_GLOBAL, "8.8.8.8"},
    {"64:ff9b::127.0.0.1", FH_ICE_SCOPE_RESERVED, "64:ff9b::7f00:1"},
    {"64:ff9b::10.1.1.1", FH_ICE_SCOPE_PRIVATE, "64:ff9b::a01:101"},
    {"64:ff9b::8.8.8.8", FH_ICE_SCOPE_GLOBAL, "64:ff9b::808:808"},
    {"2002:7f00:1::1", FH_ICE_SCOPE_RESERVED, NULL},
    {"2001:0:1::1", FH_ICE_SCOPE_RESERVED, NULL},
    {"2001:db8::1", FH_ICE_SCOPE_GLOBAL, NULL},
    {"2001:DB8:0:0:0:0:0:1", FH_ICE_SCOPE_GLOBAL, "2001:db8::1"},
    {"fe80::1", FH_ICE_SCOPE_LINK, NULL},
    {"febf::1", FH_ICE_SCOPE_LINK, NULL},
    {"fec0::1", FH_ICE_SCOPE_RESERVED, NULL},
    {"fd00::1", FH_ICE_SCOPE_PRIVATE, NULL},
    {"ff02::fb", FH_ICE_SCOPE_MULTICAST, NULL},
};

START_TEST(an_address_is_read_classified_and_printed)
{
    struct fh_ice_address a;
    char text[FH_ICE_ADDRESS_TEXT];
    const char *want = good[_i].printed ? good[_i].printed : good[_i].text;

    ck_assert_int_eq(fh_ice_address_parse(good[_i].text, strlen(good[_i].text), &a), 0);
    ck_assert_int_eq((int)fh_ice_address_scope(&a), (int)good[_i].scope);
    ck_assert_uint_eq(fh_ice_address_print_ip(&a, text), strlen(want));
    ck_assert_str_eq(text, want);
}
END_TEST

static const char *const bad[] = {
    "",          "1.2.3", "1.2.3.4 ", "01.2.3.4", "1.2.3.4.5", "a.local",   "1:2:3",
    "fe80::1%2", "[::1]", "::1:",     "1::2::3",  "256.1.1.1", "1.2.3.4:5", "12345::"};

START_TEST(what_is_no_address_leaves_the_output_alone)
{
    struct fh_ice_address a = {.port = 77};

    ck_assert_int_eq(fh_ice_address_parse(bad[_i], strlen(bad[_i]), &a), FH_ICE_E_ADDRESS);
    ck_assert_uint_eq(a.port, 77);
}
END_TEST

START_TEST(a_port_is_printed_and_compared)
{
    struct fh_ice_address a, b = {.port = 0};
    char text[FH_ICE_ADDRESS_TEXT];

    ck_assert_int_eq(fh_ice_address_parse("2001:db8::1", 11, &a), 0);
    a.port = 65535;
    fh_ice_address_print(&a, text);
    ck_assert_str_eq(text, "[2001:db8::1]:65535");
    fh_ice_address_print(&b, text);
    ck_assert_str_eq(text, "none");
    b = a;
    ck_assert(fh_ice_address_equal(&a, &b));
    b.port = 1;
    ck_assert(!fh_ice_address_equal(&a, &b));
    ck_assert(fh_ice_address_equal_host(&a, &b));
    ck_assert_int_eq(fh_ice_address_parse("192.0.2.1", 9, &a), 0);
    a.port = 1;
    fh_ice_address_print(&a, text);
    ck_assert_str_eq(text, "192.0.2.1:1");
    ck_assert(!fh_ice_address_equal_host(&a, &b));
}
END_TEST

START_TEST(every_error_has_a_text)
{
    ck_assert_str_eq(fh_ice_strerror(0), "success");
    ck_assert_str_eq(fh_ice_strerror(FH_ICE_E_AUTH), "message integrity check failed");
    ck_assert_str_eq(fh_ice_strerror(-1), "unknown ice error");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("address");
    TCase *tc = tcase_create("address");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, an_address_is_read_classified_and_printed, 0, ARRAY_LEN(good));
    tcase_add_loop_test(tc, what_is_no_address_leaves_the_output_alone, 0, ARRAY_LEN(bad));
    tcase_add_test(tc, a_port_is_printed_and_compared);
    tcase_add_test(tc, every_error_has_a_text);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
