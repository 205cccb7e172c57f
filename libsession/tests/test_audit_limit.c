/* SPDX-License-Identifier: MIT */
/* Floods of strangers become few lines, and nothing that matters is held back. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/audit_limit.h>

static struct fh_audit_limit *limit;

static void set_up(void)
{
    limit = fh_audit_limit_new(
        &(struct fh_audit_limit_config){.burst = 3, .total = 100, .window_ms = 1000});
    ck_assert_ptr_nonnull(limit);
}

static void tear_down(void)
{
    fh_audit_limit_free(limit);
}

static bool pass(uint64_t now, enum fh_audit_type type, const uint8_t *ip, size_t len)
{
    const struct fh_audit_event ev = {.type = type,
                                      .peer = len == 16 ? "[2001:db8::1]:99" : "192.0.2.1:99",
                                      .ip = ip,
                                      .ip_len = len};

    return fh_audit_limit_pass(limit, now, &ev);
}

static const uint8_t a[4] = {192, 0, 2, 1}, b[4] = {192, 0, 2, 2};

START_TEST(what_is_beyond_the_burst_is_counted_and_told_when_the_window_ends)
{
    struct fh_audit_event ev;

    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(pass(5, FH_AUDIT_REFUSED, a, 4), i < 3);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(pass(6, FH_AUDIT_CONNECTED, a, 4), i < 3);
    ck_assert(pass(6, FH_AUDIT_REFUSED, b, 4)); /* another source is not its business */
    ck_assert(!fh_audit_limit_summary(limit, 1004, &ev));
    ck_assert_uint_eq(fh_audit_limit_deadline(limit), 1005);
    ck_assert(fh_audit_limit_summary(limit, 1005, &ev));
    ck_assert_int_eq(ev.type, FH_AUDIT_SUPPRESSED);
    ck_assert_uint_eq(ev.count, 9);
    ck_assert_str_eq(ev.peer, "192.0.2.1");
    ck_assert_str_eq(ev.text, "connected 2, refused 7");
    ck_assert(!fh_audit_limit_summary(limit, 5000, &ev));
    ck_assert_uint_eq(fh_audit_limit_deadline(limit), UINT64_MAX);
    ck_assert(pass(1005, FH_AUDIT_REFUSED, a, 4));
}
END_TEST

/* A flood of one kind must not hide another: who guesses passwords is seen behind any noise. */
START_TEST(each_event_has_its_own_share)
{
    for (int i = 0; i < 10; i++)
        pass(0, FH_AUDIT_CONNECTED, a, 4);
    ck_assert(pass(0, FH_AUDIT_AUTH_FAILED, a, 4));
}
END_TEST

START_TEST(a_network_of_64_bits_is_one_source)
{
    uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8};
    struct fh_audit_event ev;

    for (uint8_t i = 0; i < 10; i++) {
        ip[15] = i;
        ck_assert_int_eq(pass(0, FH_AUDIT_REFUSED, ip, 16), i < 3);
    }
    ip[7] = 1;
    ck_assert(pass(0, FH_AUDIT_REFUSED, ip, 16));
    ck_assert(fh_audit_limit_summary(limit, 1000, &ev));
    ck_assert_str_eq(ev.peer, "[2001:db8::1]");
}
END_TEST

START_TEST(sessions_and_decisions_are_never_held_back)
{
    const struct fh_audit_event ended = {.type = FH_AUDIT_ENDED, .session = "00"};

    for (int i = 0; i < 1000; i++) {
        ck_assert(pass(0, FH_AUDIT_APPROVAL, a, 4));
        ck_assert(pass(0, FH_AUDIT_STARTED, a, 4));
        ck_assert(fh_audit_limit_pass(limit, 0, &ended));
    }
}
END_TEST

START_TEST(a_million_sources_cause_no_more_than_the_total)
{
    unsigned passed = 0, summaries = 0;
    uint64_t counted = 0;
    struct fh_audit_event ev;

    for (uint32_t i = 0; i < 1000000; i++) {
        const uint8_t ip[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

        passed += pass(0, FH_AUDIT_CONNECTED, ip, 4);
    }
    while (fh_audit_limit_summary(limit, 1000, &ev)) {
        summaries++;
        counted += ev.count;
    }
    ck_assert_uint_le(passed, 100);
    ck_assert_uint_le(summaries, 129);
    ck_assert_uint_eq(passed + counted, 1000000);
    ck_assert_str_eq(ev.peer, "*");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("audit_limit");
    TCase *tc = tcase_create("audit_limit");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, what_is_beyond_the_burst_is_counted_and_told_when_the_window_ends);
    tcase_add_test(tc, each_event_has_its_own_share);
    tcase_add_test(tc, a_network_of_64_bits_is_one_source);
    tcase_add_test(tc, sessions_and_decisions_are_never_held_back);
    tcase_add_test(tc, a_million_sources_cause_no_more_than_the_total);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
