/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/pipe.h>

/* An owner that notes what it is told. */
struct owner {
    struct fh_stream *s;
    uint8_t got[4096];
    size_t len;
    size_t appetite; /* how much more it takes before it stops */
    unsigned writable, ends, closed;
    int error;
    unsigned echoes;    /* how many times it answers with one byte */
    bool closes;        /* closes itself at the next data */
    struct owner *heir; /* takes over at the next data, of which one byte is taken */
};

static void on_closed(void *user)
{
    ((struct owner *)user)->closed++;
}

static const struct fh_stream_events events;

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct owner *o = user;
    size_t n = len < o->appetite ? len : o->appetite;

    if (o->heir) {
        fh_stream_attach(o->s, &events, o->heir);
        n = 1;
    }
    ck_assert_uint_le(n, sizeof o->got - o->len);
    memcpy(o->got + o->len, data, n);
    o->len += n;
    o->appetite -= n;
    if (o->echoes > 0) {
        o->echoes--;
        ck_assert_int_eq(fh_stream_write(o->s, (const uint8_t *)"e", 1), 1);
    }
    if (o->closes)
        fh_stream_close(o->s, on_closed, o);
    return n;
}

static void on_writable(void *user)
{
    ((struct owner *)user)->writable++;
}

static void on_end(void *user, int error)
{
    struct owner *o = user;

    o->ends++;
    o->error = error;
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static struct fh_pipe *pipe_of;
static struct owner a, b;

static void make(const struct fh_pipe_config *cfg)
{
    pipe_of = fh_pipe_new(cfg);
    ck_assert_ptr_nonnull(pipe_of);
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    a.appetite = b.appetite = SIZE_MAX;
    a.s = fh_pipe_end(pipe_of, 0);
    b.s = fh_pipe_end(pipe_of, 1);
    fh_stream_attach(a.s, &events, &a);
    fh_stream_attach(b.s, &events, &b);
}

static void teardown(void)
{
    fh_pipe_free(pipe_of);
    pipe_of = NULL;
}

static int put(struct owner *o, const char *text)
{
    return fh_stream_write(o->s, (const uint8_t *)text, strlen(text));
}

static void expect_got(const struct owner *o, const char *text)
{
    ck_assert_uint_eq(o->len, strlen(text));
    ck_assert_mem_eq(o->got, text, o->len);
}

/* Everything at once (0), or byte by byte (1). */
static void deliver(int bytewise)
{
    if (!bytewise)
        fh_pipe_run(pipe_of);
    else
        while (fh_pipe_step(pipe_of, 1))
            ;
}

START_TEST(bytes_arrive_in_order_whole_and_byte_by_byte)
{
    struct fh_stream_counters c;
    char name[FH_ADDRESS_TEXT];

    make(NULL);
    ck_assert_int_eq(put(&a, "hello "), 6);
    ck_assert_int_eq(put(&a, "world"), 5);
    ck_assert_int_eq(put(&b, "and back"), 8);
    ck_assert_uint_eq(a.len + b.len, 0);
    fh_stream_counters(a.s, &c);
    ck_assert(c.out == 11 && c.queued == 11 && c.in == 0);
    deliver(_i);
    expect_got(&b, "hello world");
    expect_got(&a, "and back");
    fh_stream_counters(a.s, &c);
    ck_assert(c.out == 11 && c.queued == 0 && c.in == 8);
    fh_stream_peer(a.s, name, sizeof name);
    ck_assert_str_eq(name, "pipe");
    ck_assert_int_eq((int)fh_stream_kind(a.s), FH_STREAM_PIPE);
}
END_TEST

START_TEST(a_step_gives_no_more_than_it_was_told)
{
    make(NULL);
    put(&a, "abc");
    ck_assert_int_eq(fh_pipe_step(pipe_of, 1), 1);
    expect_got(&b, "a");
    ck_assert_int_eq(fh_pipe_step(pipe_of, 5), 1);
    expect_got(&b, "abc");
    ck_assert_int_eq(fh_pipe_step(pipe_of, 1), 0);
}
END_TEST

START_TEST(trips_count_answers_not_writes_or_steps)
{
    make(NULL);
    a.echoes = b.echoes = 2;
    put(&a, "1");
    deliver(_i);
    /* a: 1, b: e, a: e, b: e, a: e */
    ck_assert_uint_eq(fh_pipe_trips(pipe_of), 5);
    ck_assert_uint_eq(fh_pipe_flights(pipe_of, 0), 3);
    ck_assert_uint_eq(fh_pipe_flights(pipe_of, 1), 2);
    put(&a, "12");
    put(&a, "345");
    put(&b, "at the same time");
    deliver(_i);
    ck_assert_uint_eq(fh_pipe_trips(pipe_of), 6);
}
END_TEST

START_TEST(a_full_buffer_makes_writes_short_until_there_is_room)
{
    struct fh_pipe_config cfg = {.buffer_len = 8};
    int taken;

    make(&cfg);
    b.appetite = 0;
    ck_assert_int_eq(put(&a, "0123456789"), 8);
    deliver(_i);
    ck_assert_uint_eq(a.writable, 1);
    taken = put(&a, "89abcdefghijklmnopq");
    ck_assert_int_le(taken, 8);
    deliver(_i);
    /* The reader has stopped: no matter how often one tries, memory stays bounded. */
    for (int i = 0; i < 20; i++) {
        int n = put(&a, &"89abcdefghijklmnopq"[taken]);

        ck_assert_int_ge(n, 0);
        taken += n;
        deliver(_i);
    }
    ck_assert_int_le(taken, 16);
    ck_assert_uint_eq(b.len, 0);
    b.appetite = SIZE_MAX;
    fh_stream_resume(b.s);
    ck_assert_uint_eq(b.len, 0);
    deliver(_i);
    ck_assert_uint_eq(b.len, 8 + (size_t)taken);
    ck_assert_mem_eq(b.got, "0123456789abcdefghijklmnopq", b.len);
}
END_TEST

START_TEST(what_was_not_taken_is_given_again_after_resume)
{
    make(NULL);
    b.appetite = 2;
    put(&a, "abcd");
    deliver(_i);
    expect_got(&b, "ab");
    put(&a, "ef");
    deliver(_i);
    expect_got(&b, "ab");
    b.appetite = 3;
    fh_stream_resume(b.s);
    deliver(_i);
    expect_got(&b, "abcde");
    b.appetite = SIZE_MAX;
    fh_stream_resume(b.s);
    fh_stream_resume(b.s);
    deliver(_i);
    expect_got(&b, "abcdef");
}
END_TEST

START_TEST(a_stream_is_handed_over_from_inside_data)
{
    struct owner heir = {.appetite = SIZE_MAX};

    make(NULL);
    heir.s = b.s;
    b.heir = &heir;
    put(&a, "abc");
    deliver(_i);
    expect_got(&b, "a");
    expect_got(&heir, "bc");
    fh_stream_close(a.s, on_closed, &a);
    deliver(_i);
    ck_assert_uint_eq(b.ends, 0);
    ck_assert_uint_eq(heir.ends, 1);
}
END_TEST

START_TEST(shutdown_ends_one_direction_after_the_last_byte)
{
    make(NULL);
    put(&a, "last");
    fh_stream_shutdown(a.s);
    ck_assert_int_eq(put(&a, "x"), FH_TRANSPORT_E_CLOSED);
    deliver(_i);
    expect_got(&b, "last");
    ck_assert(b.ends == 1 && b.error == 0);
    ck_assert_int_eq(put(&b, "still"), 5);
    fh_stream_shutdown(b.s);
    deliver(_i);
    expect_got(&a, "still");
    ck_assert(a.ends == 1 && a.error == 0);
}
END_TEST

START_TEST(the_end_waits_for_a_reader_that_has_stopped)
{
    make(NULL);
    b.appetite = 1;
    put(&a, "ab");
    fh_stream_shutdown(a.s);
    deliver(_i);
    ck_assert_uint_eq(b.ends, 0);
    b.appetite = 1;
    fh_stream_resume(b.s);
    deliver(_i);
    expect_got(&b, "ab");
    ck_assert_uint_eq(b.ends, 1);
}
END_TEST

START_TEST(a_close_with_nothing_lost_is_an_end)
{
    make(NULL);
    put(&a, "x");
    deliver(_i);
    fh_stream_close(a.s, on_closed, &a);
    ck_assert_uint_eq(a.closed, 0);
    ck_assert_int_eq(put(&a, "x"), FH_TRANSPORT_E_CLOSED);
    deliver(_i);
    ck_assert_uint_eq(a.closed, 1);
    ck_assert(b.ends == 1 && b.error == 0);
    ck_assert_int_eq(put(&b, "x"), FH_TRANSPORT_E_RESET);
    fh_stream_close(b.s, on_closed, &b);
    fh_stream_close(b.s, on_closed, &b);
    deliver(_i);
    ck_assert(b.closed == 1 && a.closed == 1 && a.ends == 0);
}
END_TEST

START_TEST(a_close_that_loses_bytes_is_a_reset)
{
    make(NULL);
    put(&a, "lost");
    fh_stream_close(a.s, NULL, NULL);
    deliver(_i);
    ck_assert(b.len == 0 && b.ends == 1 && b.error == FH_TRANSPORT_E_RESET);
    ck_assert_int_eq(put(&b, "x"), FH_TRANSPORT_E_RESET);
}
END_TEST

START_TEST(last_words_shutdown_close_arrive_with_a_clean_end)
{
    make(NULL);
    put(&b, "not read any more");
    put(&a, "bye");
    fh_stream_shutdown(a.s);
    fh_stream_close(a.s, on_closed, &a);
    deliver(_i);
    expect_got(&b, "bye");
    ck_assert(b.ends == 1 && b.error == 0 && a.closed == 1 && a.len == 0);
}
END_TEST

START_TEST(nothing_is_told_after_close_in_the_middle_of_data)
{
    make(NULL);
    b.closes = true;
    put(&a, "abcdef");
    fh_stream_shutdown(a.s);
    deliver(_i);
    ck_assert_uint_eq(b.len, _i ? 1 : 6);
    ck_assert(b.ends == 0 && b.closed == 1);
}
END_TEST

START_TEST(a_cut_is_told_to_both_and_is_not_an_end)
{
    make(NULL);
    put(&a, "gone");
    fh_pipe_cut(pipe_of);
    deliver(_i);
    ck_assert(a.ends == 1 && a.error == FH_TRANSPORT_E_RESET);
    ck_assert(b.ends == 1 && b.error == FH_TRANSPORT_E_RESET && b.len == 0);
    ck_assert_int_eq(put(&a, "x"), FH_TRANSPORT_E_RESET);
}
END_TEST

/* Drops 'd', doubles '2', turns 'f' into 'F'; of end 0 only. */
static size_t meddle(void *user, int from, const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
    size_t n = 0;

    *(size_t *)user += len;
    ck_assert_uint_ge(room, 2 * len);
    for (size_t i = 0; i < len; i++) {
        if (from == 0 && in[i] == 'd')
            continue;
        if (from == 0 && in[i] == '2')
            out[n++] = in[i];
        out[n++] = from == 0 && in[i] == 'f' ? 'F' : in[i];
    }
    return n;
}

START_TEST(a_man_in_the_middle_alters_drops_doubles_and_injects)
{
    size_t seen = 0;
    struct fh_pipe_config cfg = {.buffer_len = 16, .meddle = meddle, .user = &seen};

    make(&cfg);
    put(&a, "1d2f3");
    put(&b, "d2f");
    ck_assert_uint_eq(fh_pipe_inject(pipe_of, 0, (const uint8_t *)"<>", 2), 2);
    deliver(_i);
    expect_got(&b, "<>122F3");
    expect_got(&a, "d2f");
    ck_assert_uint_eq(seen, 8);
    for (int i = 0; i < 20; i++) {
        put(&a, "2222222222222222");
        deliver(_i);
    }
    ck_assert_uint_eq(b.len, 7 + 640);
}
END_TEST

START_TEST(a_pipe_out_of_range_is_refused)
{
    struct fh_pipe_config cfg = {.buffer_len = ((size_t)256 << 20) + 1};
    char mem[16];

    ck_assert_uint_eq(fh_pipe_size(&cfg), 0);
    ck_assert_ptr_null(fh_pipe_new(&cfg));
    ck_assert_ptr_null(fh_pipe_init(mem, sizeof mem, NULL));
    fh_pipe_free(NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pipe");
    TCase *tc = tcase_create("pipe");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_loop_test(tc, bytes_arrive_in_order_whole_and_byte_by_byte, 0, 2);
    tcase_add_test(tc, a_step_gives_no_more_than_it_was_told);
    tcase_add_loop_test(tc, trips_count_answers_not_writes_or_steps, 0, 2);
    tcase_add_loop_test(tc, a_full_buffer_makes_writes_short_until_there_is_room, 0, 2);
    tcase_add_loop_test(tc, what_was_not_taken_is_given_again_after_resume, 0, 2);
    tcase_add_loop_test(tc, a_stream_is_handed_over_from_inside_data, 0, 2);
    tcase_add_loop_test(tc, shutdown_ends_one_direction_after_the_last_byte, 0, 2);
    tcase_add_loop_test(tc, the_end_waits_for_a_reader_that_has_stopped, 0, 2);
    tcase_add_loop_test(tc, a_close_with_nothing_lost_is_an_end, 0, 2);
    tcase_add_loop_test(tc, a_close_that_loses_bytes_is_a_reset, 0, 2);
    tcase_add_loop_test(tc, last_words_shutdown_close_arrive_with_a_clean_end, 0, 2);
    tcase_add_loop_test(tc, nothing_is_told_after_close_in_the_middle_of_data, 0, 2);
    tcase_add_loop_test(tc, a_cut_is_told_to_both_and_is_not_an_end, 0, 2);
    tcase_add_loop_test(tc, a_man_in_the_middle_alters_drops_doubles_and_injects, 0, 2);
    tcase_add_test(tc, a_pipe_out_of_range_is_refused);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
