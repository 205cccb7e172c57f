/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "rd.h"

static const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88};

START_TEST(integers_are_read_big_endian)
{
    struct rd r = rd_init(bytes, sizeof bytes);

    ck_assert_uint_eq(rd_u8(&r), 0x01);
    ck_assert_uint_eq(rd_u16(&r), 0x0203);
    ck_assert_uint_eq(rd_u32(&r), 0x04050607);
    ck_assert_uint_eq(rd_u8(&r), 0x88);
    ck_assert(rd_is_done(&r));

    r = rd_init(bytes, sizeof bytes);
    ck_assert_uint_eq(rd_u64(&r), 0x0102030405060788);
    ck_assert(rd_is_done(&r));

    r = rd_init(bytes + 5, 3);
    ck_assert_uint_eq(rd_u24(&r), 0x060788);
    ck_assert(rd_is_done(&r));
}
END_TEST

/* How each reader is called, so that the bounds of all are tried the same way. */
struct reader {
    const char *name;
    size_t len;
    uint64_t (*read)(struct rd *r);
};

static uint64_t read_u8(struct rd *r)
{
    return rd_u8(r);
}

static uint64_t read_u16(struct rd *r)
{
    return rd_u16(r);
}

static uint64_t read_u24(struct rd *r)
{
    return rd_u24(r);
}

static uint64_t read_u32(struct rd *r)
{
    return rd_u32(r);
}

static uint64_t read_u64(struct rd *r)
{
    return rd_u64(r);
}

static const struct reader readers[] = {
    {"u8", 1, read_u8},   {"u16", 2, read_u16}, {"u24", 3, read_u24},
    {"u32", 4, read_u32}, {"u64", 8, read_u64},
};
enum { READERS = sizeof readers / sizeof readers[0] };

START_TEST(a_reader_takes_what_fits_exactly)
{
    struct rd r = rd_init(bytes, readers[_i].len);

    ck_assert_msg(readers[_i].read(&r) != 0, "%s", readers[_i].name);
    ck_assert(!r.bad);
    ck_assert(rd_is_done(&r));
}
END_TEST

START_TEST(one_byte_short_is_bad_and_reads_zero)
{
    struct rd r = rd_init(bytes, readers[_i].len - 1);

    ck_assert_msg(readers[_i].read(&r) == 0, "%s", readers[_i].name);
    ck_assert(r.bad);
    ck_assert_uint_eq(r.left, readers[_i].len - 1);
    ck_assert(!rd_is_done(&r));
}
END_TEST

START_TEST(bad_stays_bad)
{
    uint8_t out[2] = {9, 9};
    struct rd r = rd_init(bytes, 3), sub;

    ck_assert_uint_eq(rd_u32(&r), 0);
    ck_assert_uint_eq(r.left, 3);
    ck_assert_uint_eq(rd_u8(&r), 0);
    ck_assert_ptr_null(rd_bytes(&r, 0));
    rd_copy(&r, out, sizeof out);
    ck_assert_uint_eq(out[0] | out[1], 0);
    sub = rd_sub(&r, 1);
    ck_assert(sub.bad);
    ck_assert_uint_eq(rd_u8(&sub), 0);
    ck_assert_uint_eq(r.left, 3);
    ck_assert(r.bad);
}
END_TEST

START_TEST(bytes_are_borrowed_where_they_lie)
{
    struct rd r = rd_init(bytes, sizeof bytes);

    rd_skip(&r, 2);
    ck_assert_ptr_eq(rd_bytes(&r, 3), bytes + 2);
    ck_assert_uint_eq(r.left, 3);
}
END_TEST

START_TEST(a_length_near_the_top_of_size_t_does_not_wrap)
{
    struct rd r = rd_init(bytes, sizeof bytes);

    ck_assert_ptr_null(rd_bytes(&r, SIZE_MAX));
    ck_assert(r.bad);
    ck_assert_uint_eq(r.left, sizeof bytes);
}
END_TEST

START_TEST(an_empty_message_has_empty_fields)
{
    struct rd r = rd_init(NULL, 0);
    uint8_t out = 7;

    ck_assert_ptr_nonnull(rd_bytes(&r, 0));
    rd_copy(&r, &out, 0);
    ck_assert_uint_eq(out, 7);
    ck_assert(rd_is_done(&r));
    ck_assert_uint_eq(rd_u8(&r), 0);
    ck_assert(r.bad);
}
END_TEST

START_TEST(a_part_ends_where_it_was_cut)
{
    struct rd r = rd_init(bytes, sizeof bytes), sub = rd_sub(&r, 2);

    ck_assert_uint_eq(rd_u16(&sub), 0x0102);
    ck_assert(rd_is_done(&sub));
    ck_assert_uint_eq(rd_u8(&sub), 0);
    ck_assert(sub.bad);
    ck_assert(!r.bad);
    ck_assert_uint_eq(rd_u8(&r), 0x03);
}
END_TEST

START_TEST(a_part_longer_than_the_rest_spoils_both)
{
    struct rd r = rd_init(bytes, 2), sub = rd_sub(&r, 3);

    ck_assert(sub.bad);
    ck_assert(r.bad);
    ck_assert_uint_eq(sub.left, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rd");
    TCase *tc = tcase_create("rd");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(tc, integers_are_read_big_endian);
    tcase_add_loop_test(tc, a_reader_takes_what_fits_exactly, 0, READERS);
    tcase_add_loop_test(tc, one_byte_short_is_bad_and_reads_zero, 0, READERS);
    tcase_add_test(tc, bad_stays_bad);
    tcase_add_test(tc, bytes_are_borrowed_where_they_lie);
    tcase_add_test(tc, a_length_near_the_top_of_size_t_does_not_wrap);
    tcase_add_test(tc, an_empty_message_has_empty_fields);
    tcase_add_test(tc, a_part_ends_where_it_was_cut);
    tcase_add_test(tc, a_part_longer_than_the_rest_spoils_both);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
