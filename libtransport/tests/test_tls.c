/* SPDX-License-Identifier: MIT */
/* TLS between our own two sides. */
#include "tls_support.h"

static struct pki pki;

static void setup(void)
{
    loop_setup();
    test_time = NOW;
    make_pki(&pki);
}

START_TEST(two_ends_speak)
{
    struct fh_tls_context *server = server_of(&pki, NULL), *client = client_of(&pki, NULL);
    struct fh_tls_info at_client, at_server;
    struct tls_pair p;

    shake_hands(&p, client, server, NULL);
    ck_assert_str_eq(p.client.text, "");
    ck_assert_int_eq(p.client.error, 0);
    ck_assert_int_eq(p.server.error, 0);
    ck_assert_int_eq(fh_stream_kind(p.client.s), FH_STREAM_TLS);
    say(&p.client, "hello");
    hear(&p.server, "hello");
    say(&p.server, "good day");
    hear(&p.client, "good day");
    ck_assert_int_eq(fh_tls_info(p.client.s, &at_client), 0);
    ck_assert_int_eq(fh_tls_info(p.server.s, &at_server), 0);
    ck_assert_str_eq(at_client.version, "TLSv1.2");
    ck_assert_str_eq(at_client.suite, at_server.suite);
    ck_assert(at_client.ems && at_server.ems);
    ck_assert(!at_client.resumed && !at_server.resumed);
    ck_assert(at_client.has_peer && !at_server.has_peer);
    close_pair(&p);
    fh_tls_free(server);
    fh_tls_free(client);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tls");
    TCase *tc = tcase_create("tls");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, loop_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, two_ends_speak);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
