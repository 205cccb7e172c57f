/* SPDX-License-Identifier: MIT */
/* test_http_conn.c -- connections: answers in pieces, peers that are slow, or leave. */
#define _GNU_SOURCE /* memfd_create */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <farhand/pipe.h>

#include "http_conn.h"

enum { GOT_MAX = 1 << 20 };

static uv_loop_t loop;
static struct fh__http_server *server;
static struct fh_pipe *pipe_;
static struct fh__http_conn *held; /* the handler has not answered yet */
static unsigned handled;
static bool answers_later, reads, has_ended, is_closed;
static char got[GOT_MAX];
static size_t n_got;
static struct fh__http_reply next_reply;

static uint64_t utc_ms(void)
{
    return 1000;
}

static void answer(struct fh__http_conn *c)
{
    struct fh__http_reply r = next_reply;

    if (r.status == 0) {
        r = (struct fh__http_reply){.status = 200, .type = "text/plain", .fd = -1};
        r.body = strdup("done");
        r.len = 4;
    }
    next_reply.status = 0;
    fh__http_conn_reply(c, &r);
}

static void on_handle(void *user, struct fh__http_conn *c, const struct fh__http_request *r)
{
    (void)user;
    (void)r;
    handled++;
    if (answers_later)
        held = c;
    else
        answer(c);
}

static void on_refuse(void *user, unsigned status, struct fh__http_reply *out)
{
    (void)user;
    (void)status;
    out->body = strdup("no");
    out->len = 2;
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    if (!reads)
        return 0;
    ck_assert_uint_lt(n_got + len, GOT_MAX);
    memcpy(got + n_got, data, len);
    n_got += len;
    got[n_got] = '\0';
    return len;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    (void)user;
    (void)error;
    has_ended = true;
}

static const struct fh_stream_events events = {on_data, on_writable, on_end};

static void set_up(void)
{
    const struct fh_pipe_config pipe = {.buffer_len = 1000};
    const struct fh__http_server_config cfg = {.loop = &loop,
                                               .max = 1,
                                               .idle_ms = 40,
                                               .request_ms = 40,
                                               .answer_ms = 40,
                                               .requests = 3,
                                               .utc_ms = utc_ms,
                                               .handle = on_handle,
                                               .refuse = on_refuse};
    const struct fh_address peer = {.family = FH_ADDRESS_NONE};

    uv_loop_init(&loop);
    ck_assert_ptr_nonnull(server = fh__http_server_new(&cfg));
    ck_assert_ptr_nonnull(pipe_ = fh_pipe_new(&pipe));
    reads = true;
    fh_stream_attach(fh_pipe_end(pipe_, 0), &events, NULL);
    fh__http_serve(server, fh_pipe_end(pipe_, 1), &peer, FH__DOOR_PUBLIC);
}

static void on_closed(void *user)
{
    (void)user;
    is_closed = true;
}

static void tear_down(void)
{
    fh__http_server_close(server, on_closed, NULL);
    fh_pipe_run(pipe_);
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert(is_closed); /* whatever happened before */
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    fh_pipe_free(pipe_);
}

static void say(const char *text)
{
    ck_assert_int_eq(fh_stream_write(fh_pipe_end(pipe_, 0), (const uint8_t *)text, strlen(text)),
                     (int)strlen(text));
    fh_pipe_run(pipe_);
}

static unsigned answers(void)
{
    unsigned n = 0;

    for (const char *p = got; (p = strstr(p, "HTTP/1.1 ")) != NULL; p++)
        n++;
    return n;
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

START_TEST(requests_are_answered_until_there_were_enough)
{
    say(GET GET GET GET);
    ck_assert_uint_eq(handled, 3);
    ck_assert_uint_eq(answers(), 3);
    ck_assert_ptr_nonnull(strstr(got, "Connection: close"));
    ck_assert(has_ended);
}
END_TEST

START_TEST(nothing_more_is_taken_while_an_answer_is_awaited)
{
    struct fh_stream_counters n;

    answers_later = true;
    say(GET GET);
    ck_assert_uint_eq(handled, 1);
    fh_stream_counters(fh_pipe_end(pipe_, 1), &n);
    ck_assert_uint_eq(n.in, strlen(GET));
    answer(held);
    fh_pipe_run(pipe_);
    ck_assert_uint_eq(handled, 2);
    answer(held);
    fh_pipe_run(pipe_);
    ck_assert_uint_eq(answers(), 2);
}
END_TEST

START_TEST(a_file_goes_out_in_pieces_as_the_peer_takes_them)
{
    enum { SIZE = 200000 };
    char *data = malloc(SIZE);
    int fd = memfd_create("file", 0);

    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)(i * 7 + i / 251);
    ck_assert_int_eq(write(fd, data, SIZE), SIZE);
    next_reply = (struct fh__http_reply){.status = 200, .type = "x/y", .fd = fd, .fd_len = SIZE};
    reads = false;
    say(GET);
    ck_assert_uint_eq(n_got, 0);
    reads = true;
    fh_stream_resume(fh_pipe_end(pipe_, 0));
    fh_pipe_run(pipe_);
    ck_assert_uint_gt(n_got, SIZE);
    ck_assert_ptr_nonnull(strstr(got, "Content-Length: 200000\r\n"));
    ck_assert_mem_eq(got + n_got - SIZE, data, SIZE);
    say(GET); /* and the connection goes on */
    ck_assert_uint_eq(handled, 2);
    free(data);
}
END_TEST

START_TEST(a_file_that_is_shorter_than_it_was_ends_the_connection)
{
    int fd = memfd_create("file", 0);

    ck_assert_int_eq(write(fd, "short", 5), 5);
    next_reply = (struct fh__http_reply){.status = 200, .type = "x/y", .fd = fd, .fd_len = 100};
    say(GET GET);
    ck_assert_uint_eq(handled, 1);
    ck_assert(has_ended);
}
END_TEST

START_TEST(a_head_is_all_that_head_gets)
{
    next_reply = (struct fh__http_reply){.status = 200, .type = "x/y", .fd = -1, .len = 5};
    next_reply.body = strdup("hello");
    say("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(got, "Content-Length: 5\r\n"));
    ck_assert_ptr_null(strstr(got, "hello"));
}
END_TEST

START_TEST(what_is_no_request_is_refused_once_and_the_rest_not_read)
{
    say("GET / HTTP/1.1\nHost: a\r\n\r\n" GET);
    ck_assert_uint_eq(handled, 0);
    ck_assert_int_eq(strncmp(got, "HTTP/1.1 400 ", 13), 0);
    ck_assert_uint_eq(answers(), 1);
    ck_assert(has_ended);
}
END_TEST

static void run_until_ended(void)
{
    while (!has_ended) {
        uv_run(&loop, UV_RUN_ONCE);
        fh_pipe_run(pipe_);
    }
}

START_TEST(who_says_nothing_is_sent_away)
{
    run_until_ended();
    ck_assert_uint_eq(handled, 0);
}
END_TEST

/* A byte now and then does not give more time. */
static void on_trickle(uv_timer_t *t)
{
    (void)t;
    if (!has_ended)
        (void)fh_stream_write(fh_pipe_end(pipe_, 0), (const uint8_t *)"a", 1);
    fh_pipe_run(pipe_);
}

START_TEST(who_dribbles_is_sent_away)
{
    static uv_timer_t trickle;

    say("GET / HTTP/1.1\r\nA: ");
    uv_timer_init(&loop, &trickle);
    uv_timer_start(&trickle, on_trickle, 5, 5);
    run_until_ended();
    ck_assert_uint_eq(handled, 0);
    uv_close((uv_handle_t *)&trickle, NULL);
}
END_TEST

START_TEST(who_does_not_take_its_answer_is_sent_away)
{
    next_reply = (struct fh__http_reply){.status = 200, .type = "x/y", .fd = -1, .len = 100000};
    next_reply.body = calloc(1, 100000);
    reads = false;
    say(GET);
    while (fh__http_server_count(server) > 0) {
        uv_run(&loop, UV_RUN_ONCE);
        fh_pipe_run(pipe_);
    }
}
END_TEST

static bool is_later;

static void on_later(uv_timer_t *t)
{
    (void)t;
    is_later = true;
}

START_TEST(an_answer_that_takes_its_time_is_waited_for)
{
    static uv_timer_t later;

    answers_later = true;
    say(GET);
    uv_timer_init(&loop, &later);
    uv_timer_start(&later, on_later, 120, 0); /* thrice as long as who is slow may take */
    while (!is_later) {
        uv_run(&loop, UV_RUN_ONCE);
        fh_pipe_run(pipe_);
    }
    uv_close((uv_handle_t *)&later, NULL);
    ck_assert(!has_ended);
    answer(held);
    fh_pipe_run(pipe_);
    ck_assert_uint_eq(answers(), 1);
}
END_TEST

START_TEST(who_never_asked_is_not_kept_as_long_as_who_has)
{
    const struct fh_pipe_config pipe = {.buffer_len = 1000};
    const struct fh__http_server_config cfg = {.loop = &loop,
                                               .idle_ms = 3600000,
                                               .request_ms = 20,
                                               .utc_ms = utc_ms,
                                               .handle = on_handle,
                                               .refuse = on_refuse};
    const struct fh_address peer = {.family = FH_ADDRESS_NONE};
    struct fh__http_server *patient = fh__http_server_new(&cfg);
    struct fh_pipe *other = fh_pipe_new(&pipe);
    static uv_timer_t later;

    fh__http_serve(patient, fh_pipe_end(other, 1), &peer, FH__DOOR_PUBLIC);
    is_later = false;
    uv_timer_init(&loop, &later);
    uv_timer_start(&later, on_later, 5000, 0);
    while (fh__http_server_count(patient) > 0 && !is_later) {
        uv_run(&loop, UV_RUN_ONCE);
        fh_pipe_run(other);
    }
    uv_close((uv_handle_t *)&later, NULL);
    ck_assert(!is_later);
    fh__http_server_close(patient, NULL, NULL);
    fh_pipe_free(other);
}
END_TEST

/* Strangers that fill one door do not keep the operator out of his. */
START_TEST(each_door_has_room_of_its_own)
{
    const struct fh_pipe_config cfg = {.buffer_len = 1000};
    const struct fh_address peer = {.family = FH_ADDRESS_NONE};
    struct fh_pipe *more = fh_pipe_new(&cfg), *control = fh_pipe_new(&cfg);

    fh__http_serve(server, fh_pipe_end(more, 1), &peer, FH__DOOR_PUBLIC);
    ck_assert_uint_eq(fh__http_server_count(server), 1);
    fh__http_serve(server, fh_pipe_end(control, 1), &peer, FH__DOOR_CONTROL);
    ck_assert_uint_eq(fh__http_server_count(server), 2);
    fh_pipe_cut(control);
    fh_pipe_run(control);
    fh_pipe_run(more);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(fh__http_server_count(server), 1);
    fh_pipe_free(more);
    fh_pipe_free(control);
}
END_TEST

START_TEST(who_left_meanwhile_is_not_missed)
{
    answers_later = true;
    say(GET);
    fh_pipe_cut(pipe_);
    fh_pipe_run(pipe_);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(fh__http_server_count(server), 1);
    answer(held);
    fh_pipe_run(pipe_);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_uint_eq(fh__http_server_count(server), 0);
}
END_TEST

START_TEST(at_the_end_who_waits_for_an_answer_gets_it)
{
    answers_later = true;
    say(GET);
    fh__http_server_drain(server);
    fh_pipe_run(pipe_);
    ck_assert(!has_ended);
    answer(held);
    fh_pipe_run(pipe_);
    ck_assert_uint_eq(answers(), 1);
    ck_assert_ptr_nonnull(strstr(got, "Connection: close"));
    ck_assert(has_ended);
}
END_TEST

START_TEST(who_is_idle_at_the_end_is_sent_away)
{
    say(GET);
    fh__http_server_drain(server);
    fh_pipe_run(pipe_);
    ck_assert(has_ended);
}
END_TEST

START_TEST(one_too_many_is_closed)
{
    struct fh_pipe *other = fh_pipe_new(NULL);
    const struct fh_address peer = {.family = FH_ADDRESS_NONE};

    fh_stream_attach(fh_pipe_end(other, 0), &events, NULL);
    fh__http_serve(server, fh_pipe_end(other, 1), &peer, FH__DOOR_PUBLIC);
    fh_pipe_run(other);
    ck_assert(has_ended);
    ck_assert_uint_eq(fh__http_server_count(server), 1);
    fh_pipe_free(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_conn");
    TCase *tc = tcase_create("http_conn");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, requests_are_answered_until_there_were_enough);
    tcase_add_test(tc, nothing_more_is_taken_while_an_answer_is_awaited);
    tcase_add_test(tc, a_file_goes_out_in_pieces_as_the_peer_takes_them);
    tcase_add_test(tc, a_file_that_is_shorter_than_it_was_ends_the_connection);
    tcase_add_test(tc, a_head_is_all_that_head_gets);
    tcase_add_test(tc, what_is_no_request_is_refused_once_and_the_rest_not_read);
    tcase_add_test(tc, who_says_nothing_is_sent_away);
    tcase_add_test(tc, who_dribbles_is_sent_away);
    tcase_add_test(tc, who_does_not_take_its_answer_is_sent_away);
    tcase_add_test(tc, an_answer_that_takes_its_time_is_waited_for);
    tcase_add_test(tc, who_never_asked_is_not_kept_as_long_as_who_has);
    tcase_add_test(tc, each_door_has_room_of_its_own);
    tcase_add_test(tc, who_left_meanwhile_is_not_missed);
    tcase_add_test(tc, at_the_end_who_waits_for_an_answer_gets_it);
    tcase_add_test(tc, who_is_idle_at_the_end_is_sent_away);
    tcase_add_test(tc, one_too_many_is_closed);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
