/* SPDX-License-Identifier: MIT */
/* The answers, and the sockets on the loopback interface. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>

#include <farhand/stun.h>

#include "config.h"
#include "stun.h"

static const uint8_t txid[FH_STUN_TXID_LEN] = "a tx of ours";
static const struct fh_ice_address v4 = {.family = FH_ICE_IPV4, .ip = {192, 0, 2, 7}, .port = 4711};
static const struct fh_ice_address v6 = {
    .family = FH_ICE_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8}, .port = 65535};

static uint8_t request[600], answer[FH__STUN_ANSWER_MAX];

static size_t build(enum fh_stun_class cls, uint16_t method, bool fingerprint)
{
    struct fh_stun_builder b;

    fh_stun_build(&b, request, sizeof request, cls, method, txid);
    if (fingerprint)
        fh_stun_write_fingerprint(&b);
    return fh_stun_build_end(&b);
}

static void assert_says(size_t len, const struct fh_ice_address *who)
{
    struct fh_ice_address said;
    struct fh_stun_message m;

    ck_assert_int_eq(fh_stun_parse(answer, len, &m), 0);
    ck_assert_int_eq(m.cls, FH_STUN_SUCCESS);
    ck_assert_mem_eq(m.txid, txid, sizeof txid);
    ck_assert(fh_stun_read_mapped(&m, &said));
    ck_assert(fh_ice_address_equal(&said, who));
}

START_TEST(a_request_is_told_where_it_came_from)
{
    size_t len = build(FH_STUN_REQUEST, FH_STUN_BINDING, false), n;

    n = fh__stun_answer(request, len, &v4, answer);
    ck_assert_uint_eq(n, len + 12);
    assert_says(n, &v4);
    n = fh__stun_answer(request, len, &v6, answer);
    ck_assert_uint_eq(n, len + 24);
    assert_says(n, &v6);
    len = build(FH_STUN_REQUEST, FH_STUN_BINDING, true);
    n = fh__stun_answer(request, len, &v6, answer);
    ck_assert_uint_eq(n, len + 24);
    assert_says(n, &v6);
}
END_TEST

START_TEST(an_attribute_that_may_be_skipped_is)
{
    struct fh_stun_builder b;

    fh_stun_build(&b, request, sizeof request, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    fh_stun_write_text(&b, FH_STUN_SOFTWARE, "somebody's");
    fh_stun_write_text(&b, FH_STUN_USERNAME, "somebody");
    ck_assert_uint_eq(fh__stun_answer(request, fh_stun_build_end(&b), &v4, answer), 32);
}
END_TEST

START_TEST(nothing_else_is_answered)
{
    static const uint8_t longest[540];
    struct fh_ice_address nowhere = v4;
    struct fh_stun_builder b;
    size_t len;

    len = build(FH_STUN_INDICATION, FH_STUN_BINDING, false);
    ck_assert_uint_eq(fh__stun_answer(request, len, &v4, answer), 0);
    /* An answer to an answer would go round for ever. */
    len = build(FH_STUN_SUCCESS, FH_STUN_BINDING, false);
    ck_assert_uint_eq(fh__stun_answer(request, len, &v4, answer), 0);
    len = build(FH_STUN_ERROR, FH_STUN_BINDING, false);
    ck_assert_uint_eq(fh__stun_answer(request, len, &v4, answer), 0);
    len = build(FH_STUN_REQUEST, FH_STUN_ALLOCATE, false);
    ck_assert_uint_eq(fh__stun_answer(request, len, &v4, answer), 0);
    fh_stun_build(&b, request, sizeof request, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    fh_stun_write_u32(&b, 0x7ff0, 1);
    len = fh_stun_build_end(&b);
    ck_assert_uint_eq(fh__stun_answer(request, len, &v4, answer), 0);
    len = build(FH_STUN_REQUEST, FH_STUN_BINDING, false);
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_uint_eq(fh__stun_answer(request, cut, &v4, answer), 0);
    nowhere.port = 0;
    ck_assert_uint_eq(fh__stun_answer(request, len, &nowhere, answer), 0);
    fh_stun_build(&b, request, sizeof request, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    fh_stun_write(&b, FH_STUN_SOFTWARE, longest, sizeof longest);
    ck_assert_uint_eq(fh__stun_answer(request, fh_stun_build_end(&b), &v4, answer), 0);
}
END_TEST

static uv_loop_t loop;
static struct fh__stun *stun;

static int open_on(const char *address, struct fh__gcra *host)
{
    struct fh__stun_config cfg = {.addresses = &address, .addresses_len = 1, .host = host};
    char why[200];

    return fh__stun_open(&loop, &cfg, &stun, why, sizeof why);
}

static struct fh__stun_counters count(void)
{
    struct fh__stun_counters c;

    fh__stun_count(stun, &c);
    return c;
}

static int client(size_t i, const char *ip)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    struct fh_address a;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    fh__stun_address(stun, i, &a);
    ck_assert_int_eq(a.family, FH_ADDRESS_IPV4);
    sa.sin_port = htons(a.port);
    inet_pton(AF_INET, ip, &sa.sin_addr);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

static void until_received(uint64_t n)
{
    while (count().received < n)
        uv_run(&loop, UV_RUN_ONCE);
}

static void finish(void)
{
    fh__stun_close(stun, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* A connected socket hears only whom it asked: the answer comes from the address that was asked,
 * which is not the first of the interface. */
START_TEST(the_answer_comes_from_where_was_asked)
{
    struct sockaddr_in own;
    socklen_t own_len = sizeof own;
    struct fh_ice_address me = {.family = FH_ICE_IPV4};
    size_t len = build(FH_STUN_REQUEST, FH_STUN_BINDING, false);
    int fd;

    uv_loop_init(&loop);
    ck_assert_int_eq(open_on("*:0", NULL), 0);
    ck_assert_uint_ge(fh__stun_sockets(stun), 1);
    fd = client(0, "127.0.0.9");
    ck_assert_int_eq(send(fd, request, len, 0), (int)len);
    until_received(1);
    ck_assert_int_eq(recv(fd, answer, sizeof answer, 0), 32);
    getsockname(fd, (struct sockaddr *)&own, &own_len);
    memcpy(me.ip, &own.sin_addr, 4);
    me.port = ntohs(own.sin_port);
    assert_says(32, &me);
    close(fd);
    finish();
}
END_TEST

START_TEST(many_are_answered_in_batches)
{
    size_t len = build(FH_STUN_REQUEST, FH_STUN_BINDING, false);
    int fd;

    uv_loop_init(&loop);
    ck_assert_int_eq(open_on("127.0.0.1:0", NULL), 0);
    fd = client(0, "127.0.0.1");
    for (int i = 0; i < 150; i++)
        ck_assert_int_eq(send(fd, request, i % 3 ? len : len - 1, 0), (int)(i % 3 ? len : len - 1));
    until_received(150);
    ck_assert_uint_eq(count().answered, 100);
    ck_assert_uint_eq(count().ignored, 50);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(recv(fd, answer, sizeof answer, MSG_DONTWAIT), 32);
    ck_assert_int_lt(recv(fd, answer, sizeof answer, MSG_DONTWAIT), 0);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_source_gets_no_more_than_its_limit)
{
    static const uint8_t key[FH__GCRA_KEY] = {1};
    struct fh__rate rate = {.n = 10, .seconds = 3600};
    size_t len = build(FH_STUN_REQUEST, FH_STUN_BINDING, false);
    struct fh__gcra limit;
    int fd;

    ck_assert_int_eq(fh__gcra_init(&limit, "stun", &rate, 64, key), 0);
    uv_loop_init(&loop);
    ck_assert_int_eq(open_on("127.0.0.1:0", &limit), 0);
    fd = client(0, "127.0.0.1");
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(send(fd, request, len, 0), (int)len);
    until_received(40);
    ck_assert_uint_eq(count().answered, 10);
    ck_assert_uint_eq(count().limited, 30);
    close(fd);
    finish();
    fh__gcra_finish(&limit);
}
END_TEST

START_TEST(what_cannot_be_listened_on_is_said)
{
    static const char *const bad[] = {"nonsense", "unix:/run/stun", "systemd", "192.0.2.1:0"};
    struct fh__stun_config cfg = {.addresses = &bad[_i], .addresses_len = 1};
    char why[200] = "";

    uv_loop_init(&loop);
    ck_assert_int_eq(fh__stun_open(&loop, &cfg, &stun, why, sizeof why), -1);
    ck_assert_ptr_nonnull(strstr(why, bad[_i]));
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stun");
    TCase *t = tcase_create("answers");
    SRunner *r;
    int failed;

    tcase_add_test(t, a_request_is_told_where_it_came_from);
    tcase_add_test(t, an_attribute_that_may_be_skipped_is);
    tcase_add_test(t, nothing_else_is_answered);
    tcase_add_test(t, the_answer_comes_from_where_was_asked);
    tcase_add_test(t, many_are_answered_in_batches);
    tcase_add_test(t, a_source_gets_no_more_than_its_limit);
    tcase_add_loop_test(t, what_cannot_be_listened_on_is_said, 0, 4);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
