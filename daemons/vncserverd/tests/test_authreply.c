/* SPDX-License-Identifier: MIT */
/* What a program says that decides about passwords, and what the PAM helper says. */
#include <check.h>
#include <stdlib.h>

#include "../src/authreply.c"

#include "pammsg.h"

static struct fh__authreply r;

static const char *read_line(const char *line)
{
    return fh__authreply_read(line, strlen(line), &r);
}

START_TEST(an_ask_has_prompts_and_notices_in_their_order)
{
    ck_assert_ptr_null(read_line("{\"ask\": [{\"notice\": \"Hello\"}, {\"prompt\": \"Code: \"}, "
                                 "{\"prompt\": \"\", \"echo\": true}]}"));
    ck_assert_int_eq(r.what, FH__AUTHREPLY_ASK);
    ck_assert_uint_eq(r.n_items, 3);
    ck_assert_uint_eq(r.n_prompts, 2);
    ck_assert_int_eq(r.items[0].kind, FH_KIND_NOTICE);
    ck_assert_uint_eq(r.items[0].len, 5);
    ck_assert_mem_eq(r.items[0].data, "Hello", 5);
    ck_assert_int_eq(r.items[1].kind, FH_KIND_PROMPT);
    ck_assert_uint_eq(r.items[1].len, 7);
    ck_assert_mem_eq(r.items[1].data, "\0Code: ", 7);
    ck_assert_uint_eq(r.items[2].len, 1);
    ck_assert_mem_eq(r.items[2].data, "\1", 1);
}
END_TEST

START_TEST(a_result_has_permissions_or_a_reason)
{
    ck_assert_ptr_null(read_line("{\"result\":\"allow\"}"));
    ck_assert(r.what == FH__AUTHREPLY_ALLOW && !r.has_permissions);
    ck_assert_ptr_null(read_line("{\"permissions\":\"view-only\",\"result\":\"allow\"}\r"));
    ck_assert(r.has_permissions);
    ck_assert_uint_eq(r.permissions, FH_PERM_VIEW);
    ck_assert_ptr_null(read_line("{\"result\":\"deny\"}"));
    ck_assert_int_eq(r.what, FH__AUTHREPLY_DENY);
    ck_assert_str_eq(r.reason, "wrong");
    ck_assert_ptr_null(read_line("{\"result\":\"deny\",\"reason\":\"not-now\"}"));
    ck_assert_str_eq(r.reason, "not-now");
}
END_TEST

static const char *const bad[] = {
    "",
    "allow",
    "null",
    "[]",
    "{}",
    "{\"result\":1}",
    "{\"result\":\"yes\"}",
    "{\"result\":\"allow\"} x",
    "{\"result\":\"deny\",\"result\":\"allow\"}",
    "{\"result\":\"allow\",\"ask\":[{\"notice\":\"x\"}]}",
    "{\"result\":\"allow\",\"permissions\":null}",
    "{\"result\":\"allow\",\"permissions\":\"\"}",
    "{\"result\":\"allow\",\"reason\":\"x\"}",
    "{\"result\":\"deny\",\"permissions\":\"all\"}",
    "{\"result\":\"deny\",\"reason\":\"\"}",
    "{\"result\":\"deny\",\"reason\":\"a\\nb\"}",
    "{\"result\":\"deny\",\"reason\":\"123456789012345678901234567890123\"}",
    "{\"ask\":{}}",
    "{\"ask\":[]}",
    "{\"ask\":[1]}",
    "{\"ask\":[{}]}",
    "{\"ask\":[{\"notice\":\"\"}]}",
    "{\"ask\":[{\"notice\":\"a\",\"prompt\":\"b\"}]}",
    "{\"ask\":[{\"notice\":\"a\",\"echo\":true}]}",
    "{\"ask\":[{\"prompt\":\"b\",\"echo\":1}]}",
    "{\"ask\":[{\"prompt\":\"a\\u0000b\"}]}",
    "{\"ask\":[{\"prompt\":\"b\",\"hidden\":true}]}",
};

START_TEST(anything_else_is_not_understood)
{
    ck_assert_ptr_nonnull(read_line(bad[_i]));
}
END_TEST

/* ---- the PAM helper's messages ---- */

static uint8_t bytes[FH__PAM_HEADER + FH__PAM_PAYLOAD_MAX];

static size_t write_ask(enum fh_kind kind, size_t len)
{
    static const char text[FH_AUTH_TEXT_MAX + 2] = "\1text";
    struct fh__pam_message m = {.type = FH__PAM_ASK, .n_items = 1};

    m.items[0] = (struct fh_item){.kind = kind, .data = text, .len = len};
    return fh__pam_write(&m, bytes);
}

static bool reads(size_t len)
{
    struct fh__pam_message m;
    int payload = fh__pam_read_header(bytes);

    return payload >= 0 && FH__PAM_HEADER + (size_t)payload == len &&
           fh__pam_read(bytes[0], bytes + FH__PAM_HEADER, (size_t)payload, &m);
}

START_TEST(what_is_written_is_read_and_nothing_shorter_or_longer)
{
    struct fh__pam_message m;
    size_t len = write_ask(FH_KIND_PROMPT, 5);

    ck_assert(reads(len));
    for (size_t n = 0; n < len - FH__PAM_HEADER; n++)
        ck_assert(!fh__pam_read(FH__PAM_ASK, bytes + FH__PAM_HEADER, n, &m));
    ck_assert(!fh__pam_read(FH__PAM_ASK, bytes + FH__PAM_HEADER, len - FH__PAM_HEADER + 1, &m));
}
END_TEST

START_TEST(the_helper_asks_nothing_but_prompts_and_notices_of_bounded_size)
{
    ck_assert(reads(write_ask(FH_KIND_PROMPT, 1)));
    ck_assert(reads(write_ask(FH_KIND_PROMPT, FH_AUTH_TEXT_MAX + 1)));
    ck_assert(reads(write_ask(FH_KIND_NOTICE, FH_AUTH_TEXT_MAX)));
    ck_assert(!reads(write_ask(FH_KIND_PROMPT, 0)));
    ck_assert(!reads(write_ask(FH_KIND_PROMPT, FH_AUTH_TEXT_MAX + 2)));
    ck_assert(!reads(write_ask(FH_KIND_NOTICE, FH_AUTH_TEXT_MAX + 1)));
    ck_assert(!reads(write_ask(FH_KIND_NOTICE, 0)));
    ck_assert(!reads(write_ask(FH_KIND_PAKE, 5)));
    ck_assert(!reads(write_ask(FH_KIND_PASSWORD, 5)));
}
END_TEST

START_TEST(unknown_types_and_outcomes_and_too_much_are_refused)
{
    struct fh__pam_message m = {.type = FH__PAM_RESULT, .outcome = FH__PAM_IS_FAILED};
    uint8_t header[FH__PAM_HEADER] = {FH__PAM_ASK, 0xff, 0xff};

    ck_assert_int_eq(fh__pam_read_header(header), -1);
    header[0] = 4;
    header[1] = 0;
    ck_assert_int_eq(fh__pam_read_header(header), -1);
    ck_assert(reads(fh__pam_write(&m, bytes)));
    bytes[FH__PAM_HEADER] = FH__PAM_IS_FAILED + 1;
    ck_assert(!reads(FH__PAM_HEADER + 3));
    m.type = 9;
    ck_assert_uint_eq(fh__pam_write(&m, bytes), 0);
    ck_assert_ptr_null(fh__pam_outcome_name(FH__PAM_IS_FAILED + 1));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("authreply");
    TCase *tc = tcase_create("authreply");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_test(tc, an_ask_has_prompts_and_notices_in_their_order);
    tcase_add_test(tc, a_result_has_permissions_or_a_reason);
    tcase_add_loop_test(tc, anything_else_is_not_understood, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(tc, what_is_written_is_read_and_nothing_shorter_or_longer);
    tcase_add_test(tc, the_helper_asks_nothing_but_prompts_and_notices_of_bounded_size);
    tcase_add_test(tc, unknown_types_and_outcomes_and_too_much_are_refused);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
