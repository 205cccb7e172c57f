/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "rd.h"
#include "wr.h"

enum { GUARD = 0xa5 };

START_TEST(integers_are_written_big_endian)
{
    static const uint8_t expected[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
                                       0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12};
    uint8_t mem[sizeof expected];
    struct wr w = wr_init(mem, sizeof mem);

    wr_u8(&w, 0x01);
    wr_u16(&w, 0x0203);
    wr_u24(&w, 0x040506);
    wr_u32(&w, 0x0708090a);
    wr_u64(&w, 0x0b0c0d0e0f101112);
    ck_assert(!w.bad);
    ck_assert_uint_eq(w.len, sizeof expected);
    ck_assert_mem_eq(mem, expected, sizeof expected);
}
END_TEST

START_TEST(what_was_written_is_read_again)
{
    static const uint64_t values[] = {0,      1,        0x7f,       0x80,       0xff,
                                      0x8000, 0xfffffe, 0x80000000, 0xfffffffe, UINT64_MAX - 1};
    uint64_t v = values[_i];
    uint8_t mem[18];
    struct wr w = wr_init(mem, sizeof mem);
    struct rd r;

    wr_u8(&w, (uint8_t)v);
    wr_u16(&w, (uint16_t)v);
    wr_u24(&w, v & 0xffffff);
    wr_u32(&w, (uint32_t)v);
    wr_u64(&w, v);
    r = rd_init(mem, w.len);
    ck_assert_uint_eq(rd_u8(&r), v & 0xff);
    ck_assert_uint_eq(rd_u16(&r), v & 0xffff);
    ck_assert_uint_eq(rd_u24(&r), v & 0xffffff);
    ck_assert_uint_eq(rd_u32(&r), v & 0xffffffff);
    ck_assert_uint_eq(rd_u64(&r), v);
    ck_assert(rd_is_done(&r));
}
END_TEST

/* Room for _i bytes and a guard behind them: each write either fits or leaves all as it was. */
START_TEST(a_write_that_does_not_fit_writes_nothing)
{
    uint8_t mem[16];
    struct wr w = wr_init(mem, (size_t)_i);

    memset(mem, GUARD, sizeof mem);
    wr_u64(&w, 0);
    ck_assert_int_eq(w.bad, _i < 8);
    ck_assert_uint_eq(w.len, _i < 8 ? 0 : 8);
    for (size_t i = w.len; i < sizeof mem; i++)
        ck_assert_uint_eq(mem[i], GUARD);
}
END_TEST

START_TEST(bad_stays_bad)
{
    uint8_t mem[3] = {GUARD, GUARD, GUARD};
    struct wr w = wr_init(mem, sizeof mem);

    wr_u16(&w, 0);
    wr_u16(&w, 0x0101);
    ck_assert(w.bad);
    wr_u8(&w, 1);
    wr_bytes(&w, "x", 1);
    wr_zeros(&w, 1);
    ck_assert_ptr_null(wr_room(&w, 1));
    ck_assert_uint_eq(w.len, 2);
    ck_assert_uint_eq(mem[2], GUARD);
}
END_TEST

START_TEST(a_length_near_the_top_of_size_t_does_not_wrap)
{
    uint8_t mem[4];
    struct wr w = wr_init(mem, sizeof mem);

    wr_u8(&w, 1);
    ck_assert_ptr_null(wr_room(&w, SIZE_MAX));
    ck_assert(w.bad);
    ck_assert_uint_eq(w.len, 1);
}
END_TEST

START_TEST(room_is_where_the_caller_writes)
{
    uint8_t mem[4];
    struct wr w = wr_init(mem, sizeof mem);

    wr_u8(&w, 1);
    ck_assert_ptr_eq(wr_room(&w, 2), mem + 1);
    wr_zeros(&w, 1);
    ck_assert_uint_eq(w.len, sizeof mem);
    ck_assert_uint_eq(mem[3], 0);
    ck_assert(!w.bad);
}
END_TEST

START_TEST(nothing_fits_into_nothing)
{
    struct wr w = wr_init(NULL, 0);

    wr_bytes(&w, NULL, 0);
    wr_zeros(&w, 0);
    ck_assert(!w.bad);
    wr_u8(&w, 1);
    ck_assert(w.bad);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("wr");
    TCase *tc = tcase_create("wr");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(tc, integers_are_written_big_endian);
    tcase_add_loop_test(tc, what_was_written_is_read_again, 0, 10);
    tcase_add_loop_test(tc, a_write_that_does_not_fit_writes_nothing, 0, 10);
    tcase_add_test(tc, bad_stays_bad);
    tcase_add_test(tc, a_length_near_the_top_of_size_t_does_not_wrap);
    tcase_add_test(tc, room_is_where_the_caller_writes);
    tcase_add_test(tc, nothing_fits_into_nothing);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
