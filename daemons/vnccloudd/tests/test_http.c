/* SPDX-License-Identifier: MIT */
/* test_http.c -- requests that are taken, requests that are refused, and why. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

#define H "Host: cloud\r\n"

static struct fh__http *fed(const char *text, size_t step, size_t *left)
{
    struct fh__http *h = fh__http_new();
    size_t len = strlen(text), at = 0;

    ck_assert_ptr_nonnull(h);
    while (at < len && !fh__http_request(h) && fh__http_error(h) == 0) {
        size_t n = len - at < step ? len - at : step;

        at += fh__http_in(h, text + at, n);
    }
    if (left)
        *left = len - at;
    return h;
}

static const struct {
    const char *text;
    enum fh__http_method method;
    const char *path, *query, *body;
} good[] = {
    {"GET / HTTP/1.1\r\n" H "\r\n", FH__HTTP_GET, "/", NULL, NULL},
    {"GET /a/b?c=d&e HTTP/1.1\r\n" H "Accept: */*\r\n\r\n", FH__HTTP_GET, "/a/b", "c=d&e", NULL},
    {"POST /a HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbody", FH__HTTP_POST, "/a", NULL, "body"},
    {"PUT /a HTTP/1.1\r\nhost:cloud:443\r\ncontent-length:\t0 \r\n\r\n", FH__HTTP_PUT, "/a", NULL,
     NULL},
    {"DELETE /a HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", FH__HTTP_DELETE, "/a", NULL, NULL},
    {"OPTIONS * HTTP/1.1\r\n" H "\r\n", FH__HTTP_OPTIONS, "*", NULL, NULL},
    {"BREW /pot HTTP/1.1\r\n" H "\r\n", FH__HTTP_OTHER, "/pot", NULL, NULL},
    {"GET /? HTTP/1.1\r\nHost:\r\n\r\n", FH__HTTP_GET, "/", "", NULL},
};

static bool same(struct fh__http_text t, const char *text)
{
    return text ? t.p && t.len == strlen(text) && memcmp(t.p, text, t.len) == 0 : !t.p;
}

START_TEST(a_request_is_read_whole_and_byte_by_byte)
{
    size_t steps[] = {1, 3, 100000}, left;

    for (size_t i = 0; i < 3; i++) {
        struct fh__http *h = fed(good[_i].text, steps[i], &left);
        const struct fh__http_request *r = fh__http_request(h);

        ck_assert_msg(r != NULL, "%u", fh__http_error(h));
        ck_assert_uint_eq(left, 0);
        ck_assert_int_eq(r->method, good[_i].method);
        ck_assert(same(r->path, good[_i].path));
        ck_assert(same(r->query, good[_i].query));
        if (good[_i].body)
            ck_assert(r->body && strcmp(r->body, good[_i].body) == 0);
        else
            ck_assert_uint_eq(r->len, 0);
        fh__http_free(h);
    }
}
END_TEST

static const struct {
    const char *text;
    unsigned error;
} bad[] = {
    /* lines */
    {"\r\nGET / HTTP/1.1\r\n" H "\r\n", 400},
    {"GET / HTTP/1.1\n" H "\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: cloud\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: cl\roud\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "A: b\x01\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "A: \xc3\xa9\r\n\r\n", 400},
    {"\x16\x03\x01\x02", 400}, /* TLS where none is expected */
    /* request lines */
    {"GET  / HTTP/1.1\r\n" H "\r\n", 400},
    {"GET / HTTP/1.1 \r\n" H "\r\n", 400},
    {" GET / HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /\r\n" H "\r\n", 400},
    {"GET / HTTP/1.0\r\n" H "\r\n", 505},
    {"GET / HTTP/2.0\r\n" H "\r\n", 505},
    {"GET / http/1.1\r\n" H "\r\n", 400},
    {"GET http://cloud/ HTTP/1.1\r\n" H "\r\n", 400},
    {"GET * HTTP/1.1\r\n" H "\r\n", 400},
    {"GET a HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /a\"b HTTP/1.1\r\n" H "\r\n", 400},
    {"GET /a#b HTTP/1.1\r\n" H "\r\n", 400},
    {"CONNECT cloud:443 HTTP/1.1\r\n" H "\r\n", 400},
    {"G(T / HTTP/1.1\r\n" H "\r\n", 400},
    /* fields */
    {"GET / HTTP/1.1\r\n\r\n", 400}, /* no Host */
    {"GET / HTTP/1.1\r\n" H H "\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "A : b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "A\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H ": b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 400}, /* folded */
    {"GET / HTTP/1.1\r\n A: b\r\n" H "\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "Authorization: Basic a\r\nAuthorization: Basic b\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n", 417},
    /* bodies: RFC 9112 11.2 */
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 4\r\nTransfer-Encoding: x\r\n\r\n", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 4\r\ncontent-length: 5\r\n\r\nbody", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 4, 4\r\n\r\nbody", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: +4\r\n\r\nbody", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: -4\r\n\r\nbody", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 0x4\r\n\r\nbody", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\nbody", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length : 4\r\n\r\nbody", 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 65537\r\n\r\n", 413},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 9999999999999999999\r\n\r\n", 413},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", 400},
    {"GET / HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbody", 400},
    {"DELETE / HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nbody", 400},
};

START_TEST(what_could_be_read_in_two_ways_is_refused)
{
    size_t steps[] = {1, 100000};

    for (size_t i = 0; i < 2; i++) {
        struct fh__http *h = fed(bad[_i].text, steps[i], NULL);

        ck_assert_ptr_null(fh__http_request(h));
        ck_assert_msg(fh__http_error(h) == bad[_i].error, "%s: %u", bad[_i].text,
                      fh__http_error(h));
        ck_assert_uint_eq(fh__http_in(h, "GET / HTTP/1.1\r\n" H "\r\n", 29), 0); /* for good */
        ck_assert_ptr_null(fh__http_request(h));
        fh__http_free(h);
    }
}
END_TEST

START_TEST(requests_that_follow_each_other_wait_for_their_turn)
{
    static const char two[] = "POST /1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nab"
                              "GET /2 HTTP/1.1\r\n" H "Connection: x, Close\r\n\r\n";
    struct fh__http *h = fh__http_new();
    size_t n = fh__http_in(h, two, sizeof two - 1);

    ck_assert(same(fh__http_request(h)->path, "/1"));
    ck_assert(!fh__http_request(h)->closes);
    ck_assert_uint_eq(n, strlen("POST /1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nab"));
    ck_assert_uint_eq(fh__http_in(h, two + n, 1), 0);
    fh__http_next(h);
    ck_assert(!fh__http_is_within(h));
    n += fh__http_in(h, two + n, 5);
    ck_assert(fh__http_is_within(h));
    n += fh__http_in(h, two + n, sizeof two - 1 - n);
    ck_assert(same(fh__http_request(h)->path, "/2"));
    ck_assert(fh__http_request(h)->closes);
    ck_assert_uint_eq(n, sizeof two - 1);
    fh__http_free(h);
}
END_TEST

START_TEST(what_is_too_large_is_refused_before_it_is_read)
{
    static const char line[] = "GET / HTTP/1.1\r\n" H;
    struct fh__http *h = fh__http_new();
    char filling[1000];
    size_t taken = 0;

    memset(filling, 'a', sizeof filling);
    fh__http_in(h, line, sizeof line - 1);
    fh__http_in(h, "A: ", 3);
    for (int i = 0; i < 20 && fh__http_error(h) == 0; i++)
        taken += fh__http_in(h, filling, sizeof filling);
    ck_assert_uint_eq(fh__http_error(h), 431);
    ck_assert_uint_le(taken, FH__HTTP_HEAD_MAX);
    fh__http_free(h);

    h = fh__http_new();
    fh__http_in(h, line, sizeof line - 1);
    for (int i = 0; i < FH__HTTP_FIELDS_MAX; i++)
        fh__http_in(h, "A: b\r\n", 6);
    fh__http_in(h, "\r\n", 2);
    ck_assert_uint_eq(fh__http_error(h), 431);
    fh__http_free(h);

    h = fh__http_new();
    fh__http_in(h, "GET /", 5);
    for (int i = 0; i < 3; i++)
        fh__http_in(h, filling, sizeof filling);
    fh__http_in(h, " HTTP/1.1\r\n" H "\r\n", 26);
    ck_assert_uint_eq(fh__http_error(h), 414);
    fh__http_free(h);
}
END_TEST

START_TEST(who_waits_to_be_told_to_go_on_is_told_once)
{
    static const char head[] =
        "POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
    struct fh__http *h = fed(head, 1, NULL);

    ck_assert(fh__http_wants_continue(h));
    ck_assert(!fh__http_wants_continue(h));
    fh__http_in(h, "ab", 2);
    ck_assert_ptr_nonnull(fh__http_request(h));
    fh__http_free(h);
}
END_TEST

static const struct {
    const char *target;
    int n;
    const char *last;
} paths[] = {
    {"/", 0, NULL},
    {"/a", 1, "a"},
    {"/a/b%20c", 2, "b c"},
    {"/a/b+c", 2, "b+c"},
    {"/%C3%A9", 1, "\xc3\xa9"},
    {"/a/", -1, NULL},
    {"//a", -1, NULL},
    {"/a//b", -1, NULL},
    {"/.", -1, NULL},
    {"/a/..", -1, NULL},
    {"/%2e%2e", -1, NULL},
    {"/a%2fb", -1, NULL},
    {"/%00", -1, NULL},
    {"/%", -1, NULL},
    {"/%4", -1, NULL},
    {"/%4g", -1, NULL},
    {"/%ff", -1, NULL},
    {"/%41%0d", -1, NULL},
    {"/%41", 1, "A"},
    {"/a/b/c/d/e/f/g/h", 8, "h"},
    {"/a/b/c/d/e/f/g/h/i", -1, NULL},
};

START_TEST(paths_are_taken_apart)
{
    char text[200], out[FH__HTTP_SEGMENTS_MAX][FH__HTTP_SEGMENT_MAX];
    struct fh__http *h;

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" H "\r\n", paths[_i].target);
    h = fed(text, 1000, NULL);
    ck_assert_ptr_nonnull(fh__http_request(h));
    ck_assert_int_eq(fh__http_path(fh__http_request(h), out), paths[_i].n);
    if (paths[_i].n > 0)
        ck_assert_str_eq(out[paths[_i].n - 1], paths[_i].last);
    fh__http_free(h);
}
END_TEST

static const struct {
    const char *query;
    int ret;
    const char *value;
    bool only;
} queries[] = {
    {"limit=5", 1, "5", true},     {"", 0, NULL, true},
    {"a=b", 0, NULL, false},       {"limit=1&limit=2", -1, NULL, true},
    {"limit", 1, "", true},        {"limit=a+b%2B", 1, "a b+", true},
    {"limit=%0a", -1, NULL, true}, {"LIMIT=5", 0, NULL, false},
    {"%6Cimit=5", 1, "5", true},   {"limit=5&x=1", 1, "5", false},
};

START_TEST(queries_are_taken_apart)
{
    static const char *const names[] = {"limit", NULL};
    char text[200], out[16];
    struct fh__http *h;

    snprintf(text, sizeof text, "GET /?%s HTTP/1.1\r\n" H "\r\n", queries[_i].query);
    h = fed(text, 1000, NULL);
    ck_assert_ptr_nonnull(fh__http_request(h));
    ck_assert_int_eq(fh__http_parameter(fh__http_request(h), "limit", out, sizeof out),
                     queries[_i].ret);
    if (queries[_i].ret == 1)
        ck_assert_str_eq(out, queries[_i].value);
    if (*queries[_i].query)
        ck_assert_int_eq(fh__http_has_only(fh__http_request(h), names), queries[_i].only);
    fh__http_free(h);
}
END_TEST

START_TEST(a_head_says_what_it_must_and_no_more)
{
    struct fh__http_reply r = {.status = 200, .type = "application/json", .fd = -1};
    char out[4096];
    size_t n;

    r.body = strdup("{}");
    r.len = 2;
    ck_assert(fh__http_add(&r, "ETag", "\"1\""));
    ck_assert(!fh__http_add(&r, "Location", "/a\r\nSet-Cookie: b"));
    n = fh__http_head(&r, 784111777, true, false, out, sizeof out);
    ck_assert_uint_gt(n, 0);
    ck_assert_int_eq(strncmp(out, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 54),
                     0);
    ck_assert_ptr_nonnull(strstr(out, "\r\nContent-Length: 2\r\n"));
    ck_assert_ptr_nonnull(strstr(out, "\r\nETag: \"1\"\r\n\r\n"));
    ck_assert_ptr_nonnull(strstr(out, "\r\nStrict-Transport-Security: max-age=63072000"));
    ck_assert_ptr_null(strstr(out, "Set-Cookie"));
    ck_assert_ptr_null(strstr(out, "Server:"));
    ck_assert_ptr_null(strstr(out, "Connection:"));
    free(r.body);
    r = (struct fh__http_reply){.status = 204, .fd = -1};
    n = fh__http_head(&r, 0, false, true, out, sizeof out);
    ck_assert_ptr_nonnull(strstr(out, "\r\nConnection: close\r\n"));
    ck_assert_ptr_null(strstr(out, "Content-Length"));
    ck_assert_ptr_null(strstr(out, "Strict-Transport"));
    ck_assert_uint_eq(fh__http_head(&r, 0, false, true, out, n), 0);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof(table)[0])

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *tc = tcase_create("http");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, a_request_is_read_whole_and_byte_by_byte, 0, ROWS(good));
    tcase_add_loop_test(tc, what_could_be_read_in_two_ways_is_refused, 0, ROWS(bad));
    tcase_add_test(tc, requests_that_follow_each_other_wait_for_their_turn);
    tcase_add_test(tc, what_is_too_large_is_refused_before_it_is_read);
    tcase_add_test(tc, who_waits_to_be_told_to_go_on_is_told_once);
    tcase_add_loop_test(tc, paths_are_taken_apart, 0, ROWS(paths));
    tcase_add_loop_test(tc, queries_are_taken_apart, 0, ROWS(queries));
    tcase_add_test(tc, a_head_says_what_it_must_and_no_more);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
