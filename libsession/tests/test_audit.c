/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/audit.h>
#include <farhand/permissions.h>

static char line[FH_AUDIT_LINE_MAX];

static const char *format(const struct fh_audit_event *ev)
{
    int len = fh_audit_format(ev, line, sizeof line);

    ck_assert_int_gt(len, 0);
    ck_assert_uint_eq((size_t)len, strlen(line));
    ck_assert_int_eq(line[len - 1], '\n');
    ck_assert_ptr_eq(strchr(line, '\n'), line + len - 1);
    return line;
}

START_TEST(an_event_is_one_line_with_what_is_known_in_fixed_order)
{
    const uint8_t fp[32] = {0xab, 1, [31] = 0xff};
    const struct fh_audit_event ev = {
        .type = FH_AUDIT_ENDED,
        .utc_ms = 1795446445678,
        .monotonic_ms = 9,
        .connection = 3,
        .session = "00ff",
        .peer = "192.0.2.1:4711",
        .path = "direct",
        .fingerprint = fp,
        .user = "ann",
        .method = "password",
        .permissions = FH_PERM_VIEW | FH_PERM_POINTER,
        .has_permissions = true,
        .reason = "idle",
        .bytes_in = 18446744073709551615u,
        .bytes_out = 10,
        .duration_ms = 0,
    };

    ck_assert_str_eq(
        format(&ev),
        "{\"time\":\"2026-11-23T15:07:25.678Z\",\"monotonic_ms\":9,\"event\":\"ended\","
        "\"connection\":3,\"peer\":\"192.0.2.1:4711\",\"path\":\"direct\",\"session\":\"00ff\","
        "\"fingerprint\":\"ab010000000000000000000000000000000000000000000000000000000000ff\","
        "\"permissions\":\"view,pointer\",\"method\":\"password\",\"reason\":\"idle\","
        "\"bytes_in\":18446744073709551615,\"bytes_out\":10,\"duration_ms\":0,"
        "\"user\":\"ann\"}\n");
}
END_TEST

static const struct {
    uint64_t ms;
    const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {951782400000, "2000-02-29T00:00:00.000Z"},
    {4107542399999, "2100-02-28T23:59:59.999Z"},
    {4107542400000, "2100-03-01T00:00:00.000Z"},
    {1735689599001, "2024-12-31T23:59:59.001Z"},
};

START_TEST(times_are_rfc3339)
{
    const struct fh_audit_event ev = {.type = FH_AUDIT_CONNECTED, .utc_ms = times[_i].ms};

    ck_assert_ptr_nonnull(strstr(format(&ev), times[_i].text));
}
END_TEST

/* B9: log injection through names. */
static const struct {
    const char *name, *escaped;
} hostile[] = {
    {"a\nb", "\"a\\u000ab\""},
    {"\x1b[31mred", "\"\\u001b[31mred\""},
    {"quote\"back\\", "\"quote\\\"back\\\\\""},
    {"\xe2\x80\xae"
     "evil",
     "\"\\u202eevil\""},
    {"bad\xff\xc0\xaf", "\"bad\\ufffd\\ufffd\\ufffd\""},
    {"\xc2\x9b"
     "csi",
     "\"\\u009bcsi\""},
    {"Zo\xc3\xab", "\"Zo\xc3\xab\""},
};

START_TEST(hostile_names_are_escaped)
{
    struct fh_audit_event ev = {.type = FH_AUDIT_AUTH_FAILED, .user = hostile[_i].name};
    char expected[128] = "\"user\":";

    strcat(expected, hostile[_i].escaped);
    ck_assert_ptr_nonnull(strstr(format(&ev), expected));
}
END_TEST

START_TEST(the_longest_texts_are_cut_and_the_line_stays_whole)
{
    char text[5000];
    struct fh_audit_event ev = {
        .type = FH_AUDIT_STARTED, .user = text, .program = text, .text = text, .reason = text};

    memset(text, '\x01', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    format(&ev);
    ck_assert_int_eq(line[strlen(line) - 2], '}');
    memset(text, 'x', sizeof text - 1);
    ck_assert_ptr_nonnull(strstr(format(&ev), "xxx...\""));
    ck_assert_int_eq(fh_audit_format(&ev, line, FH_AUDIT_LINE_MAX - 1), FH_SESSION_E_INVAL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("audit");
    TCase *tc = tcase_create("audit");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, an_event_is_one_line_with_what_is_known_in_fixed_order);
    tcase_add_loop_test(tc, times_are_rfc3339, 0, sizeof times / sizeof times[0]);
    tcase_add_loop_test(tc, hostile_names_are_escaped, 0, sizeof hostile / sizeof hostile[0]);
    tcase_add_test(tc, the_longest_texts_are_cut_and_the_line_stays_whole);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
