/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
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
        .path = "relayed",
        .cloud = "ann/pc",
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
        "{\"time\":\"2026-11-23T15:07:25.678Z\",\"monotonic_ms\":9,\"level\":\"notice\","
        "\"side\":\"server\",\"event\":\"ended\",\"connection\":3,\"peer\":\"192.0.2.1:4711\","
        "\"result\":\"ok\",\"reason\":\"idle\",\"path\":\"relayed\",\"cloud\":\"ann/pc\","
        "\"session\":\"00ff\","
        "\"fingerprint\":\"ab010000000000000000000000000000000000000000000000000000000000ff\","
        "\"permissions\":\"view,pointer\",\"method\":\"password\","
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

/* A JSON reader of these lines' own form: strings, numbers, true; no blank between them. */
static void check_is_json(const char *p)
{
    ck_assert_int_eq(*p++, '{');
    for (;;) {
        ck_assert_int_eq(*p++, '"');
        p += strspn(p, "abcdefghijklmnopqrstuvwxyz_");
        ck_assert_int_eq(strncmp(p, "\":", 2), 0);
        p += 2;
        if (*p == '"') {
            for (p++; *p != '"'; p++) {
                ck_assert_int_ge((unsigned char)*p, ' ');
                p += *p == '\\';
            }
            p++;
        } else {
            size_t n = strspn(p, "0123456789true");

            ck_assert_uint_gt(n, 0);
            p += n;
        }
        if (*p == '}')
            break;
        ck_assert_int_eq(*p++, ',');
    }
    ck_assert_str_eq(p, "}\n");
}

START_TEST(the_longest_texts_are_cut_and_the_line_stays_whole)
{
    char text[5000];
    struct fh_audit_event ev = {
        .type = FH_AUDIT_STARTED, .user = text, .program = text, .text = text, .reason = text};

    memset(text, '\x01', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    check_is_json(format(&ev));
    ck_assert_ptr_nonnull(strstr(line, ",\"cut\":true}"));
    ck_assert_ptr_null(strstr(line, "\"text\"")); /* whole or not at all */
    memset(text, 'x', sizeof text - 1);
    ck_assert_ptr_nonnull(strstr(format(&ev), "xxx...\""));
    check_is_json(line);
    ck_assert_ptr_null(strstr(line, "\"cut\""));
    ck_assert_int_eq(fh_audit_format(&ev, line, FH_AUDIT_LINE_MAX - 1), FH_SESSION_E_INVAL);
    ev.type = FH_AUDIT_TYPES;
    ck_assert_int_eq(fh_audit_format(&ev, line, sizeof line), FH_SESSION_E_INVAL);
}
END_TEST

START_TEST(a_line_of_any_length_is_whole)
{
    char text[257];
    struct fh_audit_event ev = {.type = FH_AUDIT_STARTED, .cloud = text, .reason = text};
    char user[257];

    memset(user, '\x01', sizeof user - 1);
    user[256] = '\0';
    ev.user = ev.program = user;
    for (size_t n = 1; n < sizeof text; n++) {
        memset(text, 'x', n);
        text[n] = '\0';
        check_is_json(format(&ev));
        ck_assert_uint_le(strlen(line), FH_AUDIT_LINE_MAX - FH_AUDIT_SEAL_MAX);
    }
}
END_TEST

START_TEST(each_event_has_name_level_and_result)
{
    enum fh_audit_level level;

    for (int i = 0; i < FH_AUDIT_TYPES; i++) {
        struct fh_audit_event ev = {.type = (enum fh_audit_type)i, .side = FH_AUDIT_VIEWER};
        char expected[128];
        const char *name = fh_audit_level_name(fh_audit_level(&ev));

        ck_assert(fh_audit_level_parse(name, strlen(name), &level));
        ck_assert_int_eq(level, fh_audit_level(&ev));
        snprintf(expected, sizeof expected, "\"level\":\"%s\",\"side\":\"viewer\",\"event\":\"%s\"",
                 name, fh_audit_type_name(ev.type));
        ck_assert_ptr_nonnull(strstr(format(&ev), expected));
        ev.failed = true;
        ck_assert_ptr_nonnull(strstr(format(&ev), "\"result\":\"failed\""));
    }
    ck_assert(!fh_audit_level_parse("error", 5, &level));
}
END_TEST

START_TEST(what_was_counted_is_told)
{
    const struct fh_audit_event ev = {.type = FH_AUDIT_SUPPRESSED, .count = 70};

    ck_assert_ptr_nonnull(strstr(format(&ev), "\"count\":70"));
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
    tcase_add_test(tc, a_line_of_any_length_is_whole);
    tcase_add_test(tc, each_event_has_name_level_and_result);
    tcase_add_test(tc, what_was_counted_is_told);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
