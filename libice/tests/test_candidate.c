/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ice_candidate.h>
#include <farhand/ice_error.h>

#define ARRAY_LEN(a) ((int)(sizeof(a) / sizeof(*(a))))

static const struct {
    const char *text, *printed; /* NULL: as text */
} good[] = {
    {"candidate:1 1 UDP 2130706431 192.0.2.1 4711 typ host", NULL},
    {"a=candidate:1 1 udp 2130706431 192.0.2.1 4711 typ host",
     "candidate:1 1 UDP 2130706431 192.0.2.1 4711 typ host"},
    {"candidate:Aa+/9 1 UDP 1694498815 203.0.113.7 9 typ srflx raddr 10.0.0.1 rport 5000", NULL},
    {"candidate:1 1 UDP 1 2001:db8::1 65535 typ relay raddr 2001:db8::2 rport 1", NULL},
    {"candidate:1 1 UDP 2147483647 192.0.2.1 4711 typ prflx raddr 0.0.0.0 rport 9", NULL},
    /* As browsers write it. */
    {"candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.17 rport 46154 "
     "generation 0 ufrag EEtu network-id 3 network-cost 10",
     "candidate:842163049 1 UDP 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.17 rport "
     "46154"},
    {"candidate:1 1 UDP 5 192.0.2.1 4711 typ host raddr foo.local rport 9",
     "candidate:1 1 UDP 5 192.0.2.1 4711 typ host"},
};

START_TEST(a_line_is_read_and_written_again)
{
    struct fh_ice_candidate c;
    char out[FH_ICE_CANDIDATE_TEXT];
    const char *want = good[_i].printed ? good[_i].printed : good[_i].text;

    ck_assert_int_eq(fh_ice_candidate_parse(good[_i].text, strlen(good[_i].text), &c), 0);
    ck_assert_uint_eq(fh_ice_candidate_print(&c, out), strlen(want));
    ck_assert_str_eq(out, want);
}
END_TEST

static const char *const unsupported[] = {
    "candidate:1 2 UDP 2130706431 192.0.2.1 4711 typ host",
    "candidate:1 1 TCP 2130706431 192.0.2.1 9 typ host tcptype active",
    "candidate:1 1 UDP 2130706431 1b6c0e7e-7d1a-4f3a-9c5e-0123456789ab.local 4711 typ host",
    "candidate:1 1 UDP 2130706431 192.0.2.1 4711 typ wormhole",
};

START_TEST(what_is_not_used_here_can_be_skipped)
{
    struct fh_ice_candidate c = {.priority = 77};

    ck_assert_int_eq(fh_ice_candidate_parse(unsupported[_i], strlen(unsupported[_i]), &c),
                     FH_ICE_E_UNSUPPORTED);
    ck_assert_uint_eq(c.priority, 77);
}
END_TEST

static const char *const bad[] = {
    "",
    "candidate:",
    "candidate: 1 UDP 1 192.0.2.1 1 typ host",
    "candidate:123456789012345678901234567890123 1 UDP 1 192.0.2.1 1 typ host",
    "candidate:a-b 1 UDP 1 192.0.2.1 1 typ host",
    "candidate:1 0 UDP 1 192.0.2.1 1 typ host",
    "candidate:1 257 UDP 1 192.0.2.1 1 typ host",
    "candidate:1 1 UDP 0 192.0.2.1 1 typ host",
    "candidate:1 1 UDP 2147483648 192.0.2.1 1 typ host",
    "candidate:1 1 UDP 99999999999 192.0.2.1 1 typ host",
    "candidate:1 1 UDP -1 192.0.2.1 1 typ host",
    "candidate:1 1 UDP 1 192.0.2.256 1 typ host",
    "candidate:1 1 UDP 1 192.0.2.1%eth0 1 typ host",
    "candidate:1 1 UDP 1 192.0.2.1 65536 typ host",
    "candidate:1 1 UDP 1 192.0.2.1 0 typ host",
    "candidate:1 1 UDP 1 192.0.2.1 1 host",
    "candidate:1 1 UDP 1 192.0.2.1 1 typ",
    "candidate:1 1 UDP 1 192.0.2.1 1 typ host raddr",
    "candidate:1 1 UDP 1 192.0.2.1 1 typ host rport x",
    "candidate:1 1 UDP 1 192.0.2.1 1 typ host odd",
    "candidate:1 1  UDP 1 192.0.2.1 1 typ host",
};

START_TEST(what_is_no_candidate_is_refused)
{
    struct fh_ice_candidate c = {.priority = 77};

    ck_assert_msg(fh_ice_candidate_parse(bad[_i], strlen(bad[_i]), &c) == FH_ICE_E_PROTO, "%s",
                  bad[_i]);
    ck_assert_uint_eq(c.priority, 77);
}
END_TEST

START_TEST(every_prefix_of_a_line_is_no_longer_it)
{
    const char *line = good[3].text;
    struct fh_ice_candidate c;

    /* "rport 1" is optional, so the line may end before it, and before "raddr". */
    for (size_t len = 0; len < strlen(line); len++) {
        int ret = fh_ice_candidate_parse(line, len, &c);

        if (len < strlen("candidate:1 1 UDP 1 2001:db8::1 65535 typ relay"))
            ck_assert_int_ne(ret, 0);
    }
}
END_TEST

static const char offer[] = "v=0\r\n"
                            "a=ice-ufrag:8hhY\r\n"
                            "a=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"
                            "a=ice-options:trickle ice2\r\n"
                            "a=candidate:1 1 UDP 2130706431 192.0.2.1 4711 typ host\r\n"
                            "a=candidate:2 1 UDP 2130706431 abc.local 4711 typ host\r\n"
                            "a=end-of-candidates\r\n";

START_TEST(an_offer_is_read)
{
    struct fh_ice_description d;

    ck_assert_int_eq(fh_ice_description_parse(offer, strlen(offer), &d), 0);
    ck_assert_str_eq(d.ufrag, "8hhY");
    ck_assert_str_eq(d.pwd, "asd88fgpdd777uzjYhagZg");
    ck_assert(d.is_trickle && d.is_complete && !d.is_lite);
    ck_assert_uint_eq(d.len, 1);
    ck_assert_uint_eq(d.skipped, 1);
}
END_TEST

static const char *const bad_offers[] = {
    "",
    "ice-ufrag:8hhY\n",
    "ice-pwd:asd88fgpdd777uzjYhagZg\n",
    "ice-ufrag:8hh\nice-pwd:asd88fgpdd777uzjYhagZg\n",
    "ice-ufrag:8hh-\nice-pwd:asd88fgpdd777uzjYhagZg\n",
    "ice-ufrag:8hhY\nice-pwd:asd88fgpdd777uzjYhagZ\n",
    "ice-ufrag:8hhY\nice-ufrag:8hhY\nice-pwd:asd88fgpdd777uzjYhagZg\n",
    "ice-ufrag:8hhY\nice-pwd:asd88fgpdd777uzjYhagZg\ncandidate:nonsense\n",
};

START_TEST(a_broken_offer_is_refused)
{
    struct fh_ice_description d = {.len = 7};

    ck_assert_int_eq(fh_ice_description_parse(bad_offers[_i], strlen(bad_offers[_i]), &d),
                     FH_ICE_E_PROTO);
    ck_assert_uint_eq(d.len, 7);
}
END_TEST

START_TEST(the_longest_description_fits_and_reads_back)
{
    struct fh_ice_description d, again;
    char text[FH_ICE_DESCRIPTION_TEXT];
    int len;

    memset(&d, 0, sizeof d);
    memset(d.ufrag, 'u', FH_ICE_MAX_CREDENTIAL);
    memset(d.pwd, 'p', FH_ICE_MAX_CREDENTIAL);
    d.is_trickle = d.is_lite = d.is_complete = true;
    d.len = FH_ICE_MAX_CANDIDATES;
    for (size_t i = 0; i < d.len; i++) {
        struct fh_ice_candidate *c = &d.candidates[i];

        c->type = FH_ICE_SRFLX;
        c->priority = 2147483647;
        memset(c->foundation, 'f', FH_ICE_MAX_FOUNDATION);
        memset(c->address.ip, 0xee, 16);
        c->address.family = FH_ICE_IPV6;
        c->address.port = 65535;
        c->related = c->address;
    }
    len = fh_ice_description_print(&d, text, sizeof text);
    ck_assert_int_gt(len, 0);
    ck_assert_uint_eq((size_t)len, strlen(text));
    ck_assert_int_eq(fh_ice_description_parse(text, (size_t)len, &again), 0);
    ck_assert_mem_eq(&d, &again, sizeof d);
    ck_assert_int_eq(fh_ice_description_print(&d, text, 100), FH_ICE_E_ROOM);
}
END_TEST

START_TEST(more_candidates_than_there_is_room_for_are_counted)
{
    static char text[8192];
    struct fh_ice_description d;

    strcpy(text, "ice-ufrag:8hhY\nice-pwd:asd88fgpdd777uzjYhagZg\n");
    for (int i = 0; i < 40; i++)
        strcat(text, "candidate:1 1 UDP 2130706431 192.0.2.1 4711 typ host\n");
    ck_assert_int_eq(fh_ice_description_parse(text, strlen(text), &d), 0);
    ck_assert_uint_eq(d.len, 32);
    ck_assert_uint_eq(d.skipped, 8);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("candidate");
    TCase *tc = tcase_create("candidate");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, a_line_is_read_and_written_again, 0, ARRAY_LEN(good));
    tcase_add_loop_test(tc, what_is_not_used_here_can_be_skipped, 0, ARRAY_LEN(unsupported));
    tcase_add_loop_test(tc, what_is_no_candidate_is_refused, 0, ARRAY_LEN(bad));
    tcase_add_test(tc, every_prefix_of_a_line_is_no_longer_it);
    tcase_add_test(tc, an_offer_is_read);
    tcase_add_loop_test(tc, a_broken_offer_is_refused, 0, ARRAY_LEN(bad_offers));
    tcase_add_test(tc, the_longest_description_fits_and_reads_back);
    tcase_add_test(tc, more_candidates_than_there_is_room_for_are_counted);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
