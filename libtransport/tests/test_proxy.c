/* SPDX-License-Identifier: MIT */
/* What is asked of a proxy, and what its answers mean: whole, byte by byte, and hostile. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/proxy.h>

/* ---- URLs -------------------------------------------------------------------------------------
 */

static const struct {
    const char *text;
    enum fh_proxy_kind kind; /* NONE: refused */
    const char *host;        /* or an address, printed */
    uint16_t port;
    const char *user, *password;
} urls[] = {
    {"http://proxy.example:3128", FH_PROXY_HTTP, "proxy.example", 3128, "", ""},
    {"HTTP://proxy.example:3128/", FH_PROXY_HTTP, "proxy.example", 3128, "", ""},
    {"proxy.example:8080", FH_PROXY_HTTP, "proxy.example", 8080, "", ""},
    {"proxy.example", FH_PROXY_HTTP, "proxy.example", 80, "", ""},
    {"proxy.example:5", FH_PROXY_HTTP, "proxy.example", 5, "", ""},
    {"http://192.0.2.1", FH_PROXY_HTTP, "192.0.2.1:80", 80, "", ""},
    {"http://[2001:db8::1]:81", FH_PROXY_HTTP, "[2001:db8::1]:81", 81, "", ""},
    {"http://[2001:db8::1]", FH_PROXY_HTTP, "[2001:db8::1]:80", 80, "", ""},
    {"socks5://proxy", FH_PROXY_SOCKS5, "proxy", 1080, "", ""},
    {"socks5h://proxy:9050/", FH_PROXY_SOCKS5, "proxy", 9050, "", ""},
    {"http://ann:secret@p:1", FH_PROXY_HTTP, "p", 1, "ann", "secret"},
    {"http://ann@p:1", FH_PROXY_HTTP, "p", 1, "ann", ""},
    {"http://ann:@p:1", FH_PROXY_HTTP, "p", 1, "ann", ""},
    {"http://a%6en:p%40s%3As@p:1", FH_PROXY_HTTP, "p", 1, "ann", "p@s:s"},
    {"http://ann:a@b:c@p:1", FH_PROXY_HTTP, "p", 1, "ann", "a@b:c"},
    {"", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"https://proxy:1", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"socks4://proxy:1", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://proxy:0", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://proxy:65536", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://proxy:", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://proxy:12x", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://proxy:1/path", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http:///socket", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://2001:db8::1", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://[2001:db8::1", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://@p:1", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://:secret@p:1", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://a%0d%0ab@p:1", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://a%00b@p:1", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://a%4@p:1", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://a%@p:1", FH_PROXY_NONE, NULL, 0, NULL, NULL},
    {"http://a%zz@p:1", FH_PROXY_NONE, NULL, 0, NULL, NULL},
};

START_TEST(a_url_is_read)
{
    char text[FH_ADDRESS_TEXT];
    struct fh_proxy p, before;
    const char *expected = NULL;

    memset(&p, 0x5a, sizeof p);
    before = p;
    if (urls[_i].kind == FH_PROXY_NONE) {
        ck_assert_msg(fh_proxy_parse(urls[_i].text, &p, &expected) == FH_TRANSPORT_E_ADDRESS, "%s",
                      urls[_i].text);
        ck_assert_ptr_nonnull(expected);
        ck_assert_mem_eq(&p, &before, sizeof p);
        return;
    }
    ck_assert_msg(fh_proxy_parse(urls[_i].text, &p, &expected) == 0, "%s", urls[_i].text);
    ck_assert_int_eq(p.kind, urls[_i].kind);
    if (p.server.kind == FH_TARGET_IP) {
        fh_address_print(&p.server.address, text, sizeof text);
        ck_assert_str_eq(text, urls[_i].host);
    } else {
        ck_assert_str_eq(p.server.name, urls[_i].host);
    }
    ck_assert_uint_eq(p.server.port, urls[_i].port);
    ck_assert_str_eq(p.user, urls[_i].user);
    ck_assert_str_eq(p.password, urls[_i].password);
}
END_TEST

START_TEST(a_long_secret_is_refused)
{
    char text[700] = "http://";
    struct fh_proxy p;

    memset(text + 7, 'u', 255);
    memcpy(text + 262, "@p", 3);
    ck_assert_int_eq(fh_proxy_parse(text, &p, NULL), 0);
    memset(text + 7, 'u', 256);
    memcpy(text + 263, "@p", 3);
    ck_assert_int_eq(fh_proxy_parse(text, &p, NULL), FH_TRANSPORT_E_ADDRESS);
}
END_TEST

START_TEST(some_hosts_are_exempt)
{
    ck_assert(!fh_proxy_is_exempt(NULL, "a.example"));
    ck_assert(!fh_proxy_is_exempt("", "a.example"));
    ck_assert(fh_proxy_is_exempt("*", "a.example"));
    ck_assert(fh_proxy_is_exempt("b, a.example", "A.Example"));
    ck_assert(fh_proxy_is_exempt("example", "a.example"));
    ck_assert(fh_proxy_is_exempt(".example", "a.example"));
    ck_assert(fh_proxy_is_exempt("x .example,", "example"));
    ck_assert(!fh_proxy_is_exempt("ample", "a.example"));
    ck_assert(!fh_proxy_is_exempt("a.example", "example"));
    ck_assert(fh_proxy_is_exempt("localhost,127.0.0.1,::1", "127.0.0.1"));
    ck_assert(!fh_proxy_is_exempt(",,.,", "a.example"));
}
END_TEST

/* ---- talking ----------------------------------------------------------------------------------
 */

static void ask(struct fh_proxy_talk *t, const char *url, const char *host, uint16_t port)
{
    struct fh_proxy p;

    ck_assert_int_eq(fh_proxy_parse(url, &p, NULL), 0);
    ck_assert_int_eq(fh_proxy_talk_init(t, &p, host, port), 0);
}

static void assert_says(struct fh_proxy_talk *t, const void *words, size_t len)
{
    size_t got;
    const uint8_t *out = fh_proxy_talk_out(t, &got);

    ck_assert_uint_eq(got, len);
    if (len > 0)
        ck_assert_mem_eq(out, words, len);
    fh_proxy_talk_out_done(t, got);
    ck_assert_ptr_null(fh_proxy_talk_out(t, &got));
}

/* Whole, or byte by byte; what is left over is not the proxy's. */
static int answer(struct fh_proxy_talk *t, const void *data, size_t len, bool bytes, size_t *used)
{
    const uint8_t *at = data;
    size_t n;
    int ret = FH_PROXY_MORE;

    *used = 0;
    do {
        ret = fh_proxy_talk_in(t, at + *used, bytes && len > *used ? 1 : len - *used, &n);
        *used += n;
    } while (ret == FH_PROXY_MORE && *used < len && bytes);
    return ret;
}

#define ASK_HTTP "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"

static const struct {
    const char *data;
    int ret, status;
    size_t left; /* bytes of the host's behind it */
} https[] = {
    {"HTTP/1.1 200 Connection established\r\n\r\n", FH_PROXY_OPEN, 200, 0},
    {"HTTP/1.0 200 OK\r\nVia: x\r\n\r\nRFB 003.008\n", FH_PROXY_OPEN, 200, 12},
    {"HTTP/1.1 200\r\n\r\n\r\n", FH_PROXY_OPEN, 200, 2},
    {"HTTP/1.1 204 \nContent-Length: 5\n\nhello", FH_PROXY_OPEN, 204, 5},
    {"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", FH_PROXY_OPEN, 200, 0},
    {"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\n\r\n", FH_TRANSPORT_E_DENIED, 407,
     0},
    {"HTTP/1.1 403 No\r\n\r\n", FH_TRANSPORT_E_DENIED, 403, 0},
    {"HTTP/1.1 502 Bad Gateway\r\n\r\n", FH_TRANSPORT_E_UNREACHABLE, 502, 0},
    {"HTTP/1.1 503 Busy\r\n\r\n", FH_TRANSPORT_E_REFUSED, 503, 0},
    {"HTTP/1.1 504 Late\r\n\r\n", FH_TRANSPORT_E_TIMEOUT, 504, 0},
    {"HTTP/1.1 301 Elsewhere\r\nLocation: x\r\n\r\n", FH_TRANSPORT_E_PROTO, 301, 0},
    {"HTTP/1.1 101 Switch\r\n\r\n", FH_TRANSPORT_E_PROTO, 101, 0},
    {"HTTP/2 200 OK\r\n\r\n", FH_TRANSPORT_E_PROTO, 0, 11},
    {"HTTP/1.1 2000 OK\r\n\r\n", FH_TRANSPORT_E_PROTO, 0, 2},
    {"HTTP/1.1 20 OK\r\n\r\n", FH_TRANSPORT_E_PROTO, 0, 2},
    {"HTTP/1.1 099 OK\r\n\r\n", FH_TRANSPORT_E_PROTO, 99, 2},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", FH_TRANSPORT_E_PROTO, 0, 19},
    {"RFB 003.008\n", FH_TRANSPORT_E_PROTO, 0, 11},
    {"SSH-2.0-x\r\n", FH_TRANSPORT_E_PROTO, 0, 10},
    {"HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n", FH_TRANSPORT_E_PROTO, 200, 4},
    {"HTTP/1.1 200 OK\r\nX: y\r\n", FH_PROXY_MORE, 200, 0},
    {"HTTP/1.1", FH_PROXY_MORE, 0, 0},
};

START_TEST(an_http_proxy_answers)
{
    size_t len = strlen(https[_i].data), used;

    for (int bytes = 0; bytes < 2; bytes++) {
        struct fh_proxy_talk t;

        ask(&t, "proxy:3128", "a.example", 443);
        assert_says(&t, ASK_HTTP "\r\n", sizeof ASK_HTTP + 1);
        ck_assert_int_eq(answer(&t, https[_i].data, len, bytes, &used), https[_i].ret);
        ck_assert_int_eq(fh_proxy_talk_status(&t), https[_i].status);
        ck_assert_uint_eq(used, len - https[_i].left);
        /* It stays as it is. */
        if (https[_i].ret != FH_PROXY_MORE) {
            ck_assert_int_eq(fh_proxy_talk_in(&t, (const uint8_t *)"x", 1, &used), https[_i].ret);
            ck_assert_uint_eq(used, 0);
        }
    }
}
END_TEST

START_TEST(an_http_proxy_is_told_who_asks)
{
    struct fh_proxy_talk t;

    ask(&t, "http://Aladdin:open%20sesame@proxy", "a.example", 443);
    /* RFC 7617 section 2. */
    assert_says(&t, ASK_HTTP "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n",
                sizeof ASK_HTTP + 58);
    ask(&t, "proxy", "2001:db8::1", 5900);
    assert_says(&t, "CONNECT [2001:db8::1]:5900 HTTP/1.1\r\nHost: [2001:db8::1]:5900\r\n\r\n", 65);
}
END_TEST

START_TEST(an_http_head_without_end_is_refused)
{
    static char head[FH_PROXY_HEAD + 100];
    struct fh_proxy_talk t;
    size_t used;

    memset(head, 'a', sizeof head);
    memcpy(head, "HTTP/1.1 200 OK\r\nX: ", 20);
    ask(&t, "proxy", "a.example", 443);
    assert_says(&t, ASK_HTTP "\r\n", sizeof ASK_HTTP + 1);
    ck_assert_int_eq(fh_proxy_talk_in(&t, (uint8_t *)head, sizeof head, &used),
                     FH_TRANSPORT_E_PROTO);
    /* And interim answers without end. */
    for (size_t i = 0; i + 25 <= sizeof head; i += 25)
        memcpy(head + i, "HTTP/1.1 102 Wait....\r\n\r\n", 25);
    ask(&t, "proxy", "a.example", 443);
    assert_says(&t, ASK_HTTP "\r\n", sizeof ASK_HTTP + 1);
    ck_assert_int_eq(fh_proxy_talk_in(&t, (uint8_t *)head, sizeof head, &used),
                     FH_TRANSPORT_E_PROTO);
}
END_TEST

#define IPV4_DONE "\5\0\0\1\300\0\2\1\0\120"

static const struct {
    const char *method, *login, *reply;
    size_t reply_len, left;
    int ret, status;
} socks[] = {
    {"\5\0", NULL, IPV4_DONE, 10, 0, FH_PROXY_OPEN, 0},
    {"\5\0", NULL, IPV4_DONE "RFB", 13, 3, FH_PROXY_OPEN, 0},
    {"\5\2", "\1\0", IPV4_DONE, 10, 0, FH_PROXY_OPEN, 0},
    {"\5\0", NULL,
     "\5\0\0\4"
     "0123456789abcdefpp",
     22, 0, FH_PROXY_OPEN, 0},
    {"\5\0", NULL, "\5\0\0\3\7example\0\1x", 15, 1, FH_PROXY_OPEN, 0},
    {"\5\0", NULL, "\5\0\0\3\0\0\1", 7, 0, FH_PROXY_OPEN, 0},
    {"\5\0", NULL, "\5\1\0\1", 4, 0, FH_TRANSPORT_E_UNREACHABLE, 1},
    {"\5\0", NULL, "\5\2\0\1", 4, 0, FH_TRANSPORT_E_DENIED, 2},
    {"\5\0", NULL, "\5\4\0\1", 4, 0, FH_TRANSPORT_E_UNREACHABLE, 4},
    {"\5\0", NULL, "\5\5\0\1", 4, 0, FH_TRANSPORT_E_REFUSED, 5},
    {"\5\0", NULL, "\5\6\0\1", 4, 0, FH_TRANSPORT_E_TIMEOUT, 6},
    {"\5\0", NULL, "\5\7\0\1", 4, 0, FH_TRANSPORT_E_PROTO, 7},
    {"\5\0", NULL, "\5\0\0\2", 4, 0, FH_TRANSPORT_E_PROTO, 0},
    {"\5\0", NULL, "\4\0\0\1", 4, 0, FH_TRANSPORT_E_PROTO, 0},
    {"\5\377", NULL, NULL, 0, 0, FH_TRANSPORT_E_DENIED, 0},
    {"\5\1", NULL, NULL, 0, 0, FH_TRANSPORT_E_PROTO, 0},
    {"\4\0", NULL, NULL, 0, 0, FH_TRANSPORT_E_PROTO, 0},
    {"HT", NULL, NULL, 0, 0, FH_TRANSPORT_E_PROTO, 0},
    {"\5\2", "\1\1", NULL, 0, 0, FH_TRANSPORT_E_DENIED, 0},
    {"\5\2", "\5\0", NULL, 0, 0, FH_TRANSPORT_E_PROTO, 0},
};

START_TEST(a_socks_proxy_answers)
{
    struct fh_proxy_talk t;
    size_t used;
    int ret;

    for (int bytes = 0; bytes < 2; bytes++) {
        ask(&t, "socks5://ann:pw@proxy", "a.example", 443);
        assert_says(&t, "\5\2\0\2", 4);
        ret = answer(&t, socks[_i].method, 2, bytes, &used);
        if (socks[_i].login) {
            assert_says(&t, "\1\3ann\2pw", 8);
            ret = answer(&t, socks[_i].login, 2, bytes, &used);
        }
        if (socks[_i].reply) {
            assert_says(&t, "\5\1\0\3\11a.example\1\273", 16);
            ret = answer(&t, socks[_i].reply, socks[_i].reply_len, bytes, &used);
            ck_assert_uint_eq(used, socks[_i].reply_len - socks[_i].left);
        }
        ck_assert_int_eq(ret, socks[_i].ret);
        ck_assert_int_eq(fh_proxy_talk_status(&t), socks[_i].status);
    }
}
END_TEST

START_TEST(a_socks_proxy_gets_addresses_as_such)
{
    struct fh_proxy_talk t;
    size_t used;

    ask(&t, "socks5://proxy", "192.0.2.1", 80);
    assert_says(&t, "\5\1\0", 3);
    ck_assert_int_eq(answer(&t, "\5\0", 2, false, &used), FH_PROXY_MORE);
    assert_says(&t, "\5\1\0\1\300\0\2\1\0\120", 10);
    ask(&t, "socks5://proxy", "2001:db8::1", 80);
    assert_says(&t, "\5\1\0", 3);
    ck_assert_int_eq(answer(&t, "\5\0", 2, false, &used), FH_PROXY_MORE);
    assert_says(&t, "\5\1\0\4\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\0\120", 22);
    /* One that wants a password where there is none. */
    ask(&t, "socks5://proxy", "a.example", 80);
    assert_says(&t, "\5\1\0", 3);
    ck_assert_int_eq(answer(&t, "\5\2", 2, false, &used), FH_TRANSPORT_E_PROTO);
}
END_TEST

START_TEST(an_answer_before_the_question_is_refused)
{
    struct fh_proxy_talk t;
    size_t used;

    ask(&t, "proxy", "a.example", 443);
    ck_assert_int_eq(answer(&t, "HTTP/1.1 200 OK\r\n\r\n", 19, false, &used), FH_TRANSPORT_E_PROTO);
    ask(&t, "socks5://ann:pw@proxy", "a.example", 443);
    assert_says(&t, "\5\2\0\2", 4);
    ck_assert_int_eq(answer(&t, "\5\2\1\0" IPV4_DONE, 14, false, &used), FH_TRANSPORT_E_PROTO);
}
END_TEST

START_TEST(what_would_break_the_question_is_no_host)
{
    static const char *const bad[] = {"", "a b", "a\r\nX: y", "a\n", "a\x7f", "\ta"};
    char longest[300];
    struct fh_proxy_talk t;
    struct fh_proxy p;

    ck_assert_int_eq(fh_proxy_parse("proxy", &p, NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(fh_proxy_talk_init(&t, &p, bad[i], 1), FH_TRANSPORT_E_INVAL);
    ck_assert_int_eq(fh_proxy_talk_init(&t, &p, "a", 0), FH_TRANSPORT_E_INVAL);
    memset(longest, 'a', sizeof longest);
    longest[255] = '\0';
    ck_assert_int_eq(fh_proxy_talk_init(&t, &p, longest, 1), 0);
    longest[255] = 'a';
    longest[256] = '\0';
    ck_assert_int_eq(fh_proxy_talk_init(&t, &p, longest, 1), FH_TRANSPORT_E_INVAL);
    /* The longest question of all has room. */
    memset(p.user, 'u', 255);
    memset(p.password, 'p', 255);
    longest[255] = '\0';
    ck_assert_int_eq(fh_proxy_talk_init(&t, &p, longest, 65535), 0);
    p.kind = FH_PROXY_SOCKS5;
    ck_assert_int_eq(fh_proxy_talk_init(&t, &p, longest, 65535), 0);
    p.kind = FH_PROXY_NONE;
    ck_assert_int_eq(fh_proxy_talk_init(&t, &p, longest, 65535), FH_TRANSPORT_E_INVAL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("proxy");
    TCase *tc = tcase_create("proxy");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, a_url_is_read, 0, (int)(sizeof urls / sizeof *urls));
    tcase_add_test(tc, a_long_secret_is_refused);
    tcase_add_test(tc, some_hosts_are_exempt);
    tcase_add_loop_test(tc, an_http_proxy_answers, 0, (int)(sizeof https / sizeof *https));
    tcase_add_test(tc, an_http_proxy_is_told_who_asks);
    tcase_add_test(tc, an_http_head_without_end_is_refused);
    tcase_add_loop_test(tc, a_socks_proxy_answers, 0, (int)(sizeof socks / sizeof *socks));
    tcase_add_test(tc, a_socks_proxy_gets_addresses_as_such);
    tcase_add_test(tc, an_answer_before_the_question_is_refused);
    tcase_add_test(tc, what_would_break_the_question_is_no_host);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
