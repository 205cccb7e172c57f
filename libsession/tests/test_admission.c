/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../src/admission.c"

static const struct fh_admission_config defaults;
static struct fh_admission *a;
static unsigned retry_s;

static void setup(void)
{
    a = fh_admission_new(&defaults);
    ck_assert_ptr_nonnull(a);
}

static void teardown(void)
{
    fh_admission_free(a);
}

static int handshake(uint64_t now, uint8_t last)
{
    const uint8_t addr[4] = {192, 0, 2, last};

    return fh_admission_handshake(a, now, addr, sizeof addr, &retry_s);
}

START_TEST(one_source_has_eight_half_open_connections_and_all_have_32)
{
    for (uint8_t source = 1; source <= 4; source++) {
        const uint8_t addr[4] = {192, 0, 2, source};

        for (int i = 0; i < 8; i++)
            ck_assert_int_eq(fh_admission_enter(a, addr, 4), 0);
        ck_assert_int_eq(fh_admission_enter(a, addr, 4), FH_SESSION_E_BUSY);
    }
    ck_assert_int_eq(fh_admission_enter(a, (const uint8_t[]){10, 0, 0, 1}, 4), FH_SESSION_E_BUSY);
    ck_assert_int_eq(fh_admission_enter(a, NULL, 0), FH_SESSION_E_BUSY);
    fh_admission_leave(a, (const uint8_t[]){192, 0, 2, 3}, 4, false);
    ck_assert_int_eq(fh_admission_enter(a, (const uint8_t[]){192, 0, 2, 1}, 4), FH_SESSION_E_BUSY);
    ck_assert_int_eq(fh_admission_enter(a, (const uint8_t[]){192, 0, 2, 3}, 4), 0);
}
END_TEST

START_TEST(who_is_authenticated_is_no_longer_half_open)
{
    const uint8_t addr[4] = {192, 0, 2, 1};

    for (int i = 0; i < 64; i++) {
        ck_assert_int_eq(fh_admission_enter(a, addr, 4), 0);
        ck_assert_int_eq(fh_admission_authenticated(a, addr, 4), 0);
    }
    ck_assert_int_eq(fh_admission_enter(a, addr, 4), 0);
    ck_assert_int_eq(fh_admission_authenticated(a, addr, 4), FH_SESSION_E_BUSY);
    fh_admission_leave(a, addr, 4, true);
    ck_assert_int_eq(fh_admission_authenticated(a, addr, 4), 0);
    /* Another number, with those that are there. */
    fh_admission_set_max_sessions(a, 65);
    ck_assert_int_eq(fh_admission_enter(a, addr, 4), 0);
    ck_assert_int_eq(fh_admission_authenticated(a, addr, 4), 0);
    fh_admission_set_max_sessions(a, 2);
    fh_admission_leave(a, addr, 4, true);
    ck_assert_int_eq(fh_admission_enter(a, addr, 4), 0);
    ck_assert_int_eq(fh_admission_authenticated(a, addr, 4), FH_SESSION_E_BUSY);
}
END_TEST

START_TEST(handshakes_of_a_source_are_ten_then_two_a_second)
{
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(handshake(1000, 1), 0);
    ck_assert_int_eq(handshake(1000, 1), FH_SESSION_E_BUSY);
    ck_assert_uint_eq(retry_s, 1);
    ck_assert_int_eq(handshake(1000, 2), 0);
    ck_assert_int_eq(handshake(1499, 1), FH_SESSION_E_BUSY);
    ck_assert_int_eq(handshake(1500, 1), 0);
    ck_assert_int_eq(handshake(1500, 1), FH_SESSION_E_BUSY);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(handshake(100000, 1), 0);
    ck_assert_int_eq(handshake(100000, 1), FH_SESSION_E_BUSY);
}
END_TEST

START_TEST(all_addresses_of_an_ipv6_network_are_one_source)
{
    uint8_t addr[16] = {0x20, 0x01, 0x0d, 0xb8};

    for (uint8_t i = 0; i < 10; i++) {
        addr[15] = i;
        ck_assert_int_eq(fh_admission_handshake(a, 0, addr, 16, &retry_s), 0);
    }
    addr[8] = 99;
    ck_assert_int_eq(fh_admission_handshake(a, 0, addr, 16, &retry_s), FH_SESSION_E_BUSY);
    addr[7] = 1;
    ck_assert_int_eq(fh_admission_handshake(a, 0, addr, 16, &retry_s), 0);
}
END_TEST

START_TEST(an_ipv4_address_mapped_into_ipv6_is_the_same_source)
{
    const uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};

    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(handshake(0, 1), 0);
    ck_assert_int_eq(fh_admission_handshake(a, 0, mapped, 16, &retry_s), FH_SESSION_E_BUSY);
}
END_TEST

START_TEST(a_full_table_limits_newcomers_together_and_not_those_inside)
{
    uint8_t addr[16] = {0x20, 0x01};
    int served = 0;

    ck_assert_int_eq(handshake(0, 1), 0);
    for (uint32_t i = 0; i < 5000; i++) {
        addr[4] = (uint8_t)(i >> 8);
        addr[5] = (uint8_t)i;
        served += fh_admission_handshake(a, 0, addr, 16, &retry_s) == 0;
    }
    ck_assert_int_eq(served, SOURCES - 1 + 10);
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(handshake(0, 1), 0);
    ck_assert_int_eq(handshake(0, 1), FH_SESSION_E_BUSY);
    ck_assert_int_eq(handshake(500, 77), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("admission");
    TCase *tc = tcase_create("admission");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, one_source_has_eight_half_open_connections_and_all_have_32);
    tcase_add_test(tc, who_is_authenticated_is_no_longer_half_open);
    tcase_add_test(tc, handshakes_of_a_source_are_ten_then_two_a_second);
    tcase_add_test(tc, all_addresses_of_an_ipv6_network_are_one_source);
    tcase_add_test(tc, an_ipv4_address_mapped_into_ipv6_is_the_same_source);
    tcase_add_test(tc, a_full_table_limits_newcomers_together_and_not_those_inside);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
