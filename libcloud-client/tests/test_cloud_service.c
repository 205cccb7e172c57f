/* SPDX-License-Identifier: MIT */
/* The line that names a cloud. */
#include <farhand/cloud_service.h>

#include "cloud_support.h"

#define ROOT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ROOT2 "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define VKEY "cloud.example+7a8b9c0d+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

static struct fh_cloud_service s;

START_TEST(a_whole_line_is_read)
{
    const char *line = "a.example:8443,192.0.2.1,[2001:db8::1]:444,root=" ROOT ",root=" ROOT2
                       ",log=" VKEY ",name=cloud.example";

    ck_assert_int_eq(fh_cloud_service_parse(line, &s, NULL), 0);
    ck_assert_uint_eq(s.nodes_len, 3);
    ck_assert_str_eq(s.nodes[0].host, "a.example");
    ck_assert_uint_eq(s.nodes[0].port, 8443);
    ck_assert_str_eq(s.nodes[1].host, "192.0.2.1");
    ck_assert_uint_eq(s.nodes[1].port, 443);
    ck_assert_str_eq(s.nodes[2].host, "2001:db8::1");
    ck_assert_uint_eq(s.nodes[2].port, 444);
    ck_assert_uint_eq(s.roots_len, 2);
    ck_assert_uint_eq(s.roots[0][1], 0x11);
    ck_assert_uint_eq(s.roots[1][0], 0xff);
    ck_assert_str_eq(s.log, VKEY);
    ck_assert_str_eq(s.name, "cloud.example");
}
END_TEST

START_TEST(base64_may_end_with_a_plus)
{
    const char *line = "a.example,root=" ROOT ",log=cloud.example+743677dd+ASR/l2dI+JKLtAgk+";

    ck_assert_int_eq(fh_cloud_service_parse(line, &s, NULL), 0);
    ck_assert_str_eq(s.log, "cloud.example+743677dd+ASR/l2dI+JKLtAgk+");
}
END_TEST

START_TEST(what_is_printed_reads_as_the_same)
{
    const char *line = "a.example:8443,[2001:db8::1]:444,root=" ROOT ",log=" VKEY ",name=b.example";
    char out[FH_CLOUD_SERVICE_TEXT];

    ck_assert_int_eq(fh_cloud_service_parse(line, &s, NULL), 0);
    ck_assert_int_eq(fh_cloud_service_print(&s, out), (int)strlen(line));
    ck_assert_str_eq(out, line);
}
END_TEST

static const struct {
    const char *line, *expected;
} wrong[] = {
    {"", "host"},
    {"a.example", "root="},
    {"root=" ROOT, "at least one host"},
    {"a.example,root=" ROOT ",", "host"},
    {"a.example,,root=" ROOT, "host"},
    {"a.example, root=" ROOT, "HOST[:PORT]"},
    {"a.example:0,root=" ROOT, "port"},
    {"a.example:65536,root=" ROOT, "port"},
    {"a.example:,root=" ROOT, "port"},
    {"a.example:12x,root=" ROOT, "port"},
    {"a.example:1:2,root=" ROOT, "port"},
    {"2001:db8::1,root=" ROOT, "port"},
    {"[2001:db8::1,root=" ROOT, "host"},
    {"[192.0.2.1],root=" ROOT, "host"},
    {"[2001:db8::zz],root=" ROOT, "host"},
    {"[2001:db8::1]443,root=" ROOT, "port"},
    {"https://a.example,root=" ROOT, "host"},
    {"a.example/x,root=" ROOT, "host"},
    {"-a,root=" ROOT, "host"},
    {"a.example,root=0011", "root="},
    {"a.example,root=" ROOT "0", "root="},
    {"a.example,root=g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "root="},
    {"a.example,root=" ROOT ",log=", "log="},
    {"a.example,root=" ROOT ",log=abc", "log="},
    {"a.example,root=" ROOT ",log=+abc+def", "log="},
    {"a.example,root=" ROOT ",log=abc++def", "log="},
    {"a.example,root=" ROOT ",log=abc+def+", "log="},
    {"a.example,root=" ROOT ",log=" VKEY ",log=" VKEY, "log="},
    {"a.example,root=" ROOT ",name=", "name="},
    {"a.example,root=" ROOT ",name=a b", "name="},
    {"a.example,root=" ROOT ",name=a,name=b", "name="},
    {"a.example,root=" ROOT ",ca=" ROOT, "HOST[:PORT]"},
};

START_TEST(anything_else_is_refused_with_what_was_expected)
{
    struct fh_cloud_service before = s;
    const char *expected = NULL;

    ck_assert_int_eq(fh_cloud_service_parse(wrong[_i].line, &s, &expected), FH_CLOUD_E_INVAL);
    ck_assert_ptr_nonnull(expected);
    ck_assert_msg(strstr(expected, wrong[_i].expected) != NULL, "%s: %s", wrong[_i].line, expected);
    ck_assert_int_eq(memcmp(&before, &s, sizeof s), 0);
}
END_TEST

START_TEST(lists_end)
{
    char line[8192] = "";

    for (int i = 0; i < 17; i++)
        strcat(line, "a.example,");
    strcat(line, "root=" ROOT);
    ck_assert_int_eq(fh_cloud_service_parse(line, &s, NULL), FH_CLOUD_E_INVAL);
    ck_assert_int_eq(fh_cloud_service_parse(line + 10, &s, NULL), 0);
    ck_assert_uint_eq(s.nodes_len, 16);
    for (int i = 0; i < 7; i++)
        strcat(line, ",root=" ROOT);
    ck_assert_int_eq(fh_cloud_service_parse(line + 10, &s, NULL), 0);
    ck_assert_uint_eq(s.roots_len, 8);
    strcat(line, ",root=" ROOT);
    ck_assert_int_eq(fh_cloud_service_parse(line + 10, &s, NULL), FH_CLOUD_E_INVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cloud_service");
    TCase *t = tcase_create("line");
    SRunner *r = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, t);
    tcase_add_test(t, a_whole_line_is_read);
    tcase_add_test(t, base64_may_end_with_a_plus);
    tcase_add_test(t, what_is_printed_reads_as_the_same);
    tcase_add_loop_test(t, anything_else_is_refused_with_what_was_expected, 0,
                        (int)ARRAY_LEN(wrong));
    tcase_add_test(t, lists_end);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
