/* SPDX-License-Identifier: MIT */
/* Two streams that are joined: what comes on one goes on the other, ends and breaks as well. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/pipe.h>

#include "bridge.h"

enum { LEN = 300000 };

/* Whoever is at the far end of each stream. */
static struct far {
    struct fh_stream *s;
    uint8_t got[LEN];
    size_t n, appetite;
    unsigned ends;
    int error;
} far[2];
static struct fh_pipe *pipes[2];
static struct fh__bridge *bridge;
static unsigned closed;

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct far *f = user;
    size_t n = len < f->appetite ? len : f->appetite;

    ck_assert_uint_le(f->n + n, LEN);
    memcpy(f->got + f->n, data, n);
    f->n += n;
    f->appetite -= n;
    return n;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    struct far *f = user;

    f->ends++;
    f->error = error;
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void on_closed(void *user)
{
    ck_assert_ptr_eq(user, &closed);
    closed++;
}

static void setup(void)
{
    const struct fh_pipe_config cfg = {.buffer_len = 10000};

    memset(far, 0, sizeof far);
    closed = 0;
    for (int i = 0; i < 2; i++) {
        pipes[i] = fh_pipe_new(&cfg);
        ck_assert_ptr_nonnull(pipes[i]);
        far[i].s = fh_pipe_end(pipes[i], 1);
        far[i].appetite = SIZE_MAX;
        fh_stream_attach(far[i].s, &events, &far[i]);
    }
    bridge = fh__bridge_new(fh_pipe_end(pipes[0], 0), fh_pipe_end(pipes[1], 0), on_closed, &closed);
    ck_assert_ptr_nonnull(bridge);
}

static void teardown(void)
{
    for (int i = 0; i < 2; i++)
        fh_pipe_free(pipes[i]);
}

static void run(void)
{
    unsigned still = 0; /* ends cross without bytes */

    while (still < 3)
        still = fh_pipe_run(pipes[0]) + fh_pipe_run(pipes[1]) > 0 ? 0 : still + 1;
}

static uint8_t text_at(int from, size_t i)
{
    return (uint8_t)(i * 31 + i / 251 + (from ? 7 : 0));
}

/* From one far end to the other, as far as it is taken. */
static void send_all(int from)
{
    static uint8_t text[LEN];
    size_t at = 0;
    int n;

    for (size_t i = 0; i < LEN; i++)
        text[i] = text_at(from, i);
    while (at < LEN) {
        ck_assert_int_ge(n = fh_stream_write(far[from].s, text + at, LEN - at), 0);
        at += (size_t)n;
        run();
        if (n == 0)
            break;
    }
}

START_TEST(all_of_it_crosses_both_ways)
{
    for (int from = 0; from < 2; from++) {
        send_all(from);
        ck_assert_uint_eq(far[!from].n, LEN);
        for (size_t i = 0; i < LEN; i++)
            if (far[!from].got[i] != text_at(from, i))
                ck_abort_msg("byte %zu", i);
    }
    ck_assert_uint_eq(closed, 0);
    fh__bridge_close(bridge);
    run();
    ck_assert_uint_eq(far[0].ends + far[1].ends, 2);
    for (int i = 0; i < 2; i++)
        fh_stream_close(far[i].s, NULL, NULL);
    run();
    ck_assert_uint_eq(closed, 1);
}
END_TEST

START_TEST(who_does_not_read_makes_the_other_wait)
{
    far[1].appetite = 5000;
    send_all(0);
    ck_assert_uint_eq(far[1].n, 5000);
    far[1].appetite = SIZE_MAX;
    fh_stream_resume(far[1].s);
    run();
    ck_assert_uint_gt(far[1].n, 5000);
    ck_assert_uint_lt(far[1].n, 100000); /* nothing was kept beyond the streams' own buffers */
    fh__bridge_close(bridge);
    run();
    for (int i = 0; i < 2; i++)
        fh_stream_close(far[i].s, NULL, NULL);
    run();
    ck_assert_uint_eq(closed, 1);
}
END_TEST

START_TEST(one_side_ends_and_the_other_goes_on)
{
    fh_stream_shutdown(far[0].s);
    run();
    ck_assert_uint_eq(far[1].ends, 1);
    ck_assert_int_eq(far[1].error, 0);
    send_all(1);
    ck_assert_uint_eq(far[0].n, LEN);
    ck_assert_uint_eq(closed, 0);
    fh_stream_shutdown(far[1].s);
    run();
    ck_assert_uint_eq(far[0].ends, 1);
    for (int i = 0; i < 2; i++)
        fh_stream_close(far[i].s, NULL, NULL);
    run();
    ck_assert_uint_eq(closed, 1);
}
END_TEST

/* It must not look like an end. */
START_TEST(a_break_is_a_break_on_the_other_side_too)
{
    uint8_t byte = 1;

    ck_assert_int_eq(fh_stream_write(far[1].s, &byte, 1), 1);
    fh_pipe_cut(pipes[0]);
    run();
    run();
    ck_assert_uint_eq(far[0].ends, 1);
    ck_assert_uint_eq(far[1].ends, 1);
    for (int i = 0; i < 2; i++)
        fh_stream_close(far[i].s, NULL, NULL);
    run();
    ck_assert_uint_eq(closed, 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bridge");
    TCase *tc = tcase_create("bridge");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, all_of_it_crosses_both_ways);
    tcase_add_test(tc, who_does_not_read_makes_the_other_wait);
    tcase_add_test(tc, one_side_ends_and_the_other_goes_on);
    tcase_add_test(tc, a_break_is_a_break_on_the_other_side_too);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
