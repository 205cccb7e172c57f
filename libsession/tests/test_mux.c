/* SPDX-License-Identifier: MIT */
/* test_mux.c -- frames, and the queue of those that wait. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "../src/mux.c"

/* Reads all frames in pieces of chunk; payloads are joined in out. */
static size_t read_all(const uint8_t *data, size_t len, size_t chunk, uint8_t *out,
                       unsigned *frames)
{
    struct fh__mux m = {0};
    size_t got = 0, piece;

    *frames = 0;
    while (len > 0) {
        size_t n = chunk < len ? chunk : len;
        const uint8_t *p = data;
        size_t left = n;

        while (fh__mux_peek(&m, &p, &left, &piece) == FH_MUX_PIECE) {
            memcpy(out + got, p, piece);
            got += piece;
            p += piece;
            left -= piece;
            *frames += fh__mux_take(&m, piece);
        }
        ck_assert_uint_eq(left, 0);
        data += n;
        len -= n;
    }
    ck_assert(!m.in_frame && m.header_len == 0);
    return got;
}

static const size_t chunks[] = {1, 2, 3, 5, 64, SIZE_MAX};

START_TEST(frames_are_read_however_they_are_cut)
{
    static uint8_t wire[3 * (FH_FRAME_MAX + FH_FRAME_HEADER)], out[sizeof wire], want[sizeof wire];
    static const size_t lens[] = {1, FH_FRAME_MAX, 700};
    size_t len = 0, total = 0;
    unsigned frames;

    for (unsigned i = 0; i < 3; i++) {
        fh__frame_header(wire + len, (uint8_t)i, lens[i]);
        len += FH_FRAME_HEADER;
        for (size_t k = 0; k < lens[i]; k++)
            want[total++] = wire[len++] = (uint8_t)(k * 7 + i);
    }
    ck_assert_uint_eq(read_all(wire, len, chunks[_i], out, &frames), total);
    ck_assert_uint_eq(frames, 3);
    ck_assert_mem_eq(out, want, total);
}
END_TEST

START_TEST(a_piece_may_be_taken_in_parts)
{
    static const uint8_t wire[] = {1, 0, 0, 3, 'a', 'b', 'c', 0};
    struct fh__mux m = {0};
    const uint8_t *p = wire;
    size_t left = sizeof wire, piece;

    ck_assert_int_eq(fh__mux_peek(&m, &p, &left, &piece), FH_MUX_PIECE);
    ck_assert_uint_eq(piece, 3);
    ck_assert(!fh__mux_take(&m, 2));
    p += 2;
    left -= 2;
    ck_assert_int_eq(fh__mux_peek(&m, &p, &left, &piece), FH_MUX_PIECE);
    ck_assert_uint_eq(piece, 1);
    ck_assert_uint_eq(*p, 'c');
    ck_assert_uint_eq(m.length, 3);
    ck_assert(fh__mux_take(&m, 1));
}
END_TEST

static const uint8_t bad[][4] = {{0, 0, 0, 0}, {1, 0, 0x40, 1}, {1, 0xff, 0xff, 0xff}};

START_TEST(impossible_lengths_are_bad_and_stay_so)
{
    struct fh__mux m = {0};
    const uint8_t *p = bad[_i];
    size_t left = 4, piece;

    ck_assert_int_eq(fh__mux_peek(&m, &p, &left, &piece), FH_MUX_BAD);
    ck_assert_int_eq(fh__mux_peek(&m, &p, &left, &piece), FH_MUX_BAD);
}
END_TEST

START_TEST(the_queue_is_bounded_and_wipes_what_was_taken)
{
    static struct fh__queue q;
    uint8_t out[64];
    unsigned n = 0;
    uint8_t *p;

    memset(&q, 0, sizeof q);
    while ((p = fh__queue_room(&q, 1000)) != NULL) {
        memset(p, 'x', 1000);
        fh__queue_commit(&q, 0, 1000);
        n++;
    }
    ck_assert_uint_eq(n, FH_SESSION_QUEUE_MAX / 1004);
    ck_assert_uint_eq(fh__queue_take(&q, out, sizeof out), sizeof out);
    ck_assert_uint_eq(out[3], 1000 & 0xff);
    for (size_t i = 0; i < sizeof out; i++)
        ck_assert_uint_eq(q.mem[i], 0);
    while (fh__queue_take(&q, out, sizeof out) > 0)
        ;
    ck_assert(fh__queue_is_empty(&q));
    ck_assert_uint_eq(q.pos, 0);
    for (size_t i = 0; i < sizeof q.mem; i++)
        ck_assert_uint_eq(q.mem[i], 0);
    ck_assert_ptr_nonnull(fh__queue_room(&q, FH_SESSION_QUEUE_MAX - FH_FRAME_HEADER));
    ck_assert_ptr_null(fh__queue_room(&q, FH_SESSION_QUEUE_MAX));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mux");
    TCase *tc = tcase_create("mux");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, frames_are_read_however_they_are_cut, 0, 6);
    tcase_add_test(tc, a_piece_may_be_taken_in_parts);
    tcase_add_loop_test(tc, impossible_lengths_are_bad_and_stay_so, 0, 3);
    tcase_add_test(tc, the_queue_is_bounded_and_wipes_what_was_taken);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
