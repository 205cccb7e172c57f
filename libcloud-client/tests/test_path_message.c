/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <farhand/cloud_client_version.h>
#include <farhand/path.h>

#include "base64.h"

#define CANDIDATE "candidate:1 1 UDP 2130706431 192.0.2.1 4711 typ host"
#define NONCE "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"

static struct fh_path_message m;
static char out[FH_PATH_LINE_MAX];

static int parse(const char *line)
{
    return fh_path_message_parse(line, strlen(line), &m);
}

/* Reads and writes to the same. */
static void both_ways(const char *line, enum fh_path_message_type type)
{
    ck_assert_int_eq(parse(line), 0);
    ck_assert_int_eq(m.type, type);
    ck_assert_int_eq(fh_path_message_print(&m, out), (int)strlen(line));
    ck_assert_str_eq(out, line);
}

static const char *described(const char *text)
{
    static char line[FH_PATH_LINE_MAX];

    strcpy(line, "description ");
    base64_write((const uint8_t *)text, strlen(text), line + strlen(line));
    return line;
}

START_TEST(every_kind_of_line_reads_and_writes_to_the_same)
{
    both_ways("hello 1 abcdef " NONCE, FH_PATH_HELLO);
    ck_assert_uint_eq(m.index, 0xabcdef);
    ck_assert_uint_eq(m.nonce[1], 1);
    ck_assert_uint_eq(m.nonce[31], 0xff);
    both_ways("candidate abcd " CANDIDATE, FH_PATH_CANDIDATE);
    ck_assert_str_eq(m.ufrag, "abcd");
    ck_assert_uint_eq(m.candidate.address.port, 4711);
    both_ways("end", FH_PATH_END);
    ck_assert_int_eq(
        parse(described("ice-ufrag:abcd\nice-pwd:0123456789012345678901\n" CANDIDATE "\n")), 0);
    ck_assert_int_eq(m.type, FH_PATH_DESCRIPTION);
    ck_assert_uint_eq(m.description.len, 1);
    ck_assert_int_gt(fh_path_message_print(&m, out), 0);
    both_ways(out, FH_PATH_DESCRIPTION);
}
END_TEST

START_TEST(the_longest_description_fits_a_line)
{
    memset(&m, 0, sizeof m);
    m.type = FH_PATH_DESCRIPTION;
    memset(m.description.ufrag, 'u', FH_ICE_MAX_CREDENTIAL);
    memset(m.description.pwd, 'p', FH_ICE_MAX_CREDENTIAL);
    m.description.len = FH_ICE_MAX_CANDIDATES;
    for (size_t i = 0; i < FH_ICE_MAX_CANDIDATES; i++) {
        struct fh_ice_candidate *c = &m.description.candidates[i];

        c->type = FH_ICE_RELAY;
        c->priority = 0x7fffffff;
        memset(c->foundation, 'f', FH_ICE_MAX_FOUNDATION);
        c->address = (struct fh_ice_address){.family = FH_ICE_IPV6, .port = 65535};
        memset(c->address.ip, 0xee, 16);
        c->related = c->address;
    }
    ck_assert_int_gt(fh_path_message_print(&m, out), FH_PATH_LINE_MAX / 2);
    ck_assert_int_eq(parse(out), 0);
    ck_assert_uint_eq(m.description.len, FH_ICE_MAX_CANDIDATES);
}
END_TEST

START_TEST(a_candidate_that_is_not_used_here_is_skipped)
{
    ck_assert_int_eq(parse("candidate abcd candidate:1 1 UDP 1 "
                           "0b9a1f7e-aaaa-4bbb-8ccc-0123456789ab.local 4711 typ host"),
                     0);
    ck_assert_int_eq(m.type, FH_PATH_SKIP);
    ck_assert_int_eq(fh_path_message_print(&m, out), FH_CLOUD_E_INVAL);
}
END_TEST

static const char *const wrong[] = {
    "",
    "end ",
    "ending",
    "en",
    "END",
    "hello",
    "hello 1 abcdef",
    "hello 2 abcdef " NONCE,
    "hello 1 abcdeF " NONCE,
    "hello 1 abcdef  " NONCE,
    "hello 1 abcdef " NONCE "0",
    "hello 1 abcde  " NONCE,
    "description",
    "description ",
    "description ????",
    "description aGVsbG8=",
    "candidate",
    "candidate ",
    "candidate abcd",
    "candidate abc " CANDIDATE,
    "candidate ab-d " CANDIDATE,
    "candidate abcd candidate:1 1 UDP 0 192.0.2.1 4711 typ host",
    "candidate " CANDIDATE,
};

START_TEST(anything_else_is_refused)
{
    ck_assert_int_eq(parse(wrong[_i]), FH_CLOUD_E_PROTO);
}
END_TEST

/* Also where it is cut, and with a zero byte in its middle. */
START_TEST(a_line_is_read_to_its_end_and_no_further)
{
    static const char line[] = "hello 1 abcdef " NONCE;

    for (size_t len = 0; len + 1 < sizeof line; len++) {
        char *cut = malloc(len ? len : 1); /* a byte too far is found by the sanitizers */

        memcpy(cut, line, len);
        ck_assert_int_eq(fh_path_message_parse(cut, len, &m), FH_CLOUD_E_PROTO);
        free(cut);
    }
    ck_assert_int_eq(fh_path_message_parse("end\0end", 7, &m), FH_CLOUD_E_PROTO);
    memcpy(out, line, sizeof line);
    out[20] = '\0';
    ck_assert_int_eq(fh_path_message_parse(out, sizeof line - 1, &m), FH_CLOUD_E_PROTO);
}
END_TEST

START_TEST(what_cannot_be_said_is_not_written)
{
    m = (struct fh_path_message){.type = FH_PATH_HELLO, .index = 0x1000000};
    ck_assert_int_eq(fh_path_message_print(&m, out), FH_CLOUD_E_INVAL);
    m = (struct fh_path_message){.type = FH_PATH_CANDIDATE};
    ck_assert_int_eq(fh_path_message_print(&m, out), FH_CLOUD_E_INVAL);
}
END_TEST

START_TEST(errors_and_versions_have_texts)
{
    ck_assert_str_eq(fh_cloud_strerror(0), "success");
    ck_assert_str_eq(fh_cloud_strerror(FH_CLOUD_E_NO_PATH), "no path to the peer was found");
    ck_assert_str_eq(fh_cloud_strerror(-1), "unknown cloud error");
    ck_assert_str_eq(fh_cloud_client_version(), FH_CLOUD_CLIENT_VERSION);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("path_message");
    TCase *t = tcase_create("lines");
    SRunner *r;
    int failed;

    tcase_add_test(t, every_kind_of_line_reads_and_writes_to_the_same);
    tcase_add_test(t, the_longest_description_fits_a_line);
    tcase_add_test(t, a_candidate_that_is_not_used_here_is_skipped);
    tcase_add_loop_test(t, anything_else_is_refused, 0, (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(t, a_line_is_read_to_its_end_and_no_further);
    tcase_add_test(t, what_cannot_be_said_is_not_written);
    tcase_add_test(t, errors_and_versions_have_texts);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
