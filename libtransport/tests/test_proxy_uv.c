/* SPDX-License-Identifier: MIT */
/* Connecting through a proxy that a test plays. */
#include <farhand/proxy_uv.h>

#include "uv_support.h"

struct through {
    struct fh_stream *s;
    struct fh_proxy_connecting *c;
    unsigned done;
    int error;
    char text[FH_TCP_WHY];
};

static void on_done(void *user, struct fh_stream *s, int error, const char *text)
{
    struct through *t = user;

    t->done++;
    t->s = s;
    t->error = error;
    ck_assert((s == NULL) == (error != 0));
    memcpy(t->text, text, strlen(text) + 1);
}

static void go(struct through *t, const char *scheme, uint16_t port, uint32_t timeout_ms)
{
    struct fh_proxy_connect_config cfg = {.timeout_ms = timeout_ms, .done = on_done, .user = t};
    struct fh_proxy p;
    char url[64];

    memset(t, 0, sizeof *t);
    (void)snprintf(url, sizeof url, "%s127.0.0.1:%u", scheme, port);
    ck_assert_int_eq(fh_proxy_parse(url, &p, NULL), 0);
    ck_assert_int_eq(fh_proxy_connect(&loop, &p, "far.example", 5900, &cfg, &t->c), 0);
}

static void expect_words(struct owner *proxy, const char *words, size_t len)
{
    ck_assert_uint_le(len, sizeof proxy->first);
    RUN_UNTIL(proxy->len >= len);
    ck_assert_uint_eq(proxy->len, len);
    ck_assert_mem_eq(proxy->first, words, len);
    proxy->len = 0;
}

static void say(struct owner *proxy, const char *words, size_t len)
{
    ck_assert_int_eq(fh_stream_write(proxy->s, (const uint8_t *)words, len), (int)len);
}

START_TEST(the_hosts_first_words_come_behind_the_proxys_last)
{
    struct owner proxy = {.appetite = UINT64_MAX}, user = {.appetite = 4};
    struct through t;
    struct door d;

    open_door(&d, "127.0.0.1:0");
    go(&t, "socks5://", door_port(&d, 0), 0);
    RUN_UNTIL(d.len == 1);
    own(&proxy, d.accepted[0]);
    expect_words(&proxy, "\5\1\0", 3);
    say(&proxy, "\5\0", 2);
    expect_words(&proxy, "\5\1\0\3\13far.example\27\14", 18);
    say(&proxy, "\5\0\0\1\0\0\0\0\0\0RFB 003.008\n", 22);
    RUN_UNTIL(t.done);
    ck_assert_int_eq(t.error, 0);
    own(&user, t.s);
    RUN_UNTIL(user.len == 4);
    user.appetite = 100;
    fh_stream_resume(user.s);
    RUN_UNTIL(user.len == 12);
    ck_assert_mem_eq(user.first, "RFB 003.008\n", 12);
    ck_assert_int_eq(fh_stream_write(user.s, (const uint8_t *)"hello", 5), 5);
    expect_words(&proxy, "hello", 5);
    close_owner(&user);
    close_owner(&proxy);
    close_door(&d);
}
END_TEST

START_TEST(a_refusal_is_told_with_its_number)
{
    struct owner proxy = {.appetite = UINT64_MAX};
    struct through t;
    struct door d;

    open_door(&d, "127.0.0.1:0");
    go(&t, "http://", door_port(&d, 0), 0);
    RUN_UNTIL(d.len == 1);
    own(&proxy, d.accepted[0]);
    RUN_UNTIL(proxy.len > 40);
    ck_assert_mem_eq(proxy.first, "CONNECT far.example:5900 HTTP/1.1\r\n", 35);
    say(&proxy, "HTTP/1.1 407 <b>Who?</b>\r\n\r\n", 28);
    RUN_UNTIL(t.done);
    ck_assert_int_eq(t.error, FH_TRANSPORT_E_DENIED);
    ck_assert_str_eq(t.text, "the proxy said 407: permission denied");
    RUN_UNTIL(proxy.ends);
    close_owner(&proxy);
    close_door(&d);
}
END_TEST

START_TEST(silence_and_an_early_end_are_no_way)
{
    struct owner proxy = {.appetite = UINT64_MAX};
    struct through t;
    struct door d;
    uint16_t port;

    open_door(&d, "127.0.0.1:0");
    go(&t, "http://", door_port(&d, 0), 50);
    RUN_UNTIL(t.done);
    ck_assert_int_eq(t.error, FH_TRANSPORT_E_TIMEOUT);
    RUN_UNTIL(d.len == 1);
    fh_stream_close(d.accepted[0], NULL, NULL);
    go(&t, "http://", door_port(&d, 0), 0);
    RUN_UNTIL(d.len == 2);
    own(&proxy, d.accepted[1]);
    RUN_UNTIL(proxy.len > 0);
    fh_stream_shutdown(proxy.s);
    RUN_UNTIL(t.done);
    ck_assert_int_eq(t.error, FH_TRANSPORT_E_RESET);
    close_owner(&proxy);
    port = door_port(&d, 0);
    close_door(&d);
    go(&t, "http://", port, 0);
    RUN_UNTIL(t.done);
    ck_assert_int_eq(t.error, FH_TRANSPORT_E_REFUSED);
}
END_TEST

START_TEST(it_can_be_given_up_at_any_time)
{
    struct through t;
    struct door d;

    open_door(&d, "127.0.0.1:0");
    for (int rounds = 0; rounds < 6; rounds++) {
        go(&t, "socks5://", door_port(&d, 0), 0);
        run_rounds(rounds);
        fh_proxy_connect_cancel(t.c);
        ck_assert_uint_eq(t.done, 0);
        RUN_UNTIL(t.done);
        ck_assert_int_eq(t.error, FH_TRANSPORT_E_CANCELLED);
    }
    close_door(&d);
    for (size_t i = 0; i < d.len; i++)
        fh_stream_close(d.accepted[i], NULL, NULL);
    run_rounds(5);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused_at_once)
{
    struct fh_proxy_connect_config cfg = {.done = on_done};
    struct fh_proxy p;

    ck_assert_int_eq(fh_proxy_parse("proxy", &p, NULL), 0);
    ck_assert_int_eq(fh_proxy_connect(&loop, &p, "a b", 1, &cfg, NULL), FH_TRANSPORT_E_INVAL);
    p.kind = FH_PROXY_NONE;
    ck_assert_int_eq(fh_proxy_connect(&loop, &p, "a", 1, &cfg, NULL), FH_TRANSPORT_E_INVAL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("proxy_uv");
    TCase *tc = tcase_create("proxy_uv");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, loop_setup, loop_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_hosts_first_words_come_behind_the_proxys_last);
    tcase_add_test(tc, a_refusal_is_told_with_its_number);
    tcase_add_test(tc, silence_and_an_early_end_are_no_way);
    tcase_add_test(tc, it_can_be_given_up_at_any_time);
    tcase_add_test(tc, what_makes_no_sense_is_refused_at_once);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
