/* SPDX-License-Identifier: MIT */
/* The chain of lines: what is written verifies, and every change to it is found where it is. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/audit_chain.h>

enum { LINES = 6 };

static char lines[LINES][FH_AUDIT_LINE_MAX];

/* Line i of a log that went into a new file at line 3. */
static void write_log(void)
{
    struct fh_audit_chain chain = {0};

    for (size_t i = 0; i < LINES; i++) {
        struct fh_audit_event ev = {
            .type = FH_AUDIT_STARTED, .utc_ms = 1000 * i, .user = "ann \"}\n,\"chain\":\"x"};
        int len = fh_audit_format(&ev, lines[i], sizeof lines[i]);

        ck_assert_int_gt(len, 0);
        len = fh_audit_chain_seal(&chain, i == 0 || i == 3, lines[i], (size_t)len, sizeof lines[i]);
        ck_assert_int_eq(len, (int)strlen(lines[i]));
        ck_assert_uint_eq(chain.seq, i + 1);
    }
}

static enum fh_audit_fault feed(struct fh_audit_verifier *v, const char *line)
{
    return fh_audit_verify_line(v, line, strlen(line));
}

/* All of it, but for line `but`, which says `fault`. */
static void verify(int but, enum fh_audit_fault fault)
{
    struct fh_audit_verifier v = {0};

    fh_audit_verify_file(&v);
    for (int i = 0; i < LINES; i++) {
        if (i == 3)
            fh_audit_verify_file(&v);
        ck_assert_int_eq(feed(&v, lines[i]), i == but ? fault : FH_AUDIT_FAULT_NONE);
    }
    ck_assert_uint_eq(v.faults, but >= 0);
    ck_assert_uint_eq(v.lines, LINES);
}

START_TEST(what_was_written_verifies_over_files)
{
    struct fh_audit_chain c;
    char hex[FH_AUDIT_LINK_HEX], expected[128];
    uint8_t link[FH_AUDIT_LINK_LEN];

    write_log();
    verify(-1, FH_AUDIT_FAULT_NONE);
    ck_assert_ptr_nonnull(strstr(lines[0], ",\"seq\":1,\"prev\":\"000000"));
    ck_assert(fh_audit_chain_read(lines[2], strlen(lines[2]), &c));
    fh_audit_link_to_hex(c.link, hex);
    snprintf(expected, sizeof expected, ",\"seq\":4,\"prev\":\"%s\",\"chain\":\"", hex);
    ck_assert_ptr_nonnull(strstr(lines[3], expected));
    ck_assert(fh_audit_link_from_hex(hex, link));
    ck_assert_mem_eq(link, c.link, sizeof link);
    hex[63] = 'G';
    ck_assert(!fh_audit_link_from_hex(hex, link));
    ck_assert(!fh_audit_link_from_hex("ab", link));
}
END_TEST

/* Computed with sha256sum: printf '%064d%s' 0 '{"a":1,"seq":1' | sha256sum */
START_TEST(the_link_is_sha256_of_the_one_before_and_the_line)
{
    char line[FH_AUDIT_LINE_MAX] = "{\"a\":1}\n";
    struct fh_audit_chain c = {0};

    ck_assert_int_gt(fh_audit_chain_seal(&c, false, line, strlen(line), sizeof line), 0);
    ck_assert_str_eq(line,
                     "{\"a\":1,\"seq\":1,\"chain\":"
                     "\"8994f4ece8de92cb7d52d9461e501111abfc1c4b64b88011b6d6fa990fb3f6e3\"}\n");
}
END_TEST

START_TEST(any_changed_byte_of_a_line_is_found)
{
    char kept[FH_AUDIT_LINE_MAX];

    write_log();
    for (int i = 0; i < LINES; i++) {
        size_t n = strlen(lines[i]);

        memcpy(kept, lines[i], n + 1);
        for (size_t at = 0; at + 1 < n; at++) {
            struct fh_audit_verifier v = {0};

            lines[i][at] ^= 1;
            fh_audit_verify_file(&v);
            for (int k = 0; k < LINES; k++) {
                if (k == 3)
                    fh_audit_verify_file(&v);
                feed(&v, lines[k]);
            }
            ck_assert_uint_gt(v.faults, 0);
            lines[i][at] ^= 1;
        }
        ck_assert_str_eq(lines[i], kept);
    }
}
END_TEST

START_TEST(an_edited_line_is_named_and_only_it)
{
    for (int i = 0; i < LINES; i++) {
        write_log();
        strstr(lines[i], "\"ann ")[1] = 'b';
        verify(i, FH_AUDIT_FAULT_EDITED);
    }
}
END_TEST

START_TEST(a_removed_line_is_missed_by_the_next)
{
    struct fh_audit_verifier v = {0};

    write_log();
    fh_audit_verify_file(&v);
    ck_assert_int_eq(feed(&v, lines[0]), FH_AUDIT_FAULT_NONE);
    ck_assert_int_eq(feed(&v, lines[2]), FH_AUDIT_FAULT_REMOVED);
    ck_assert_uint_eq(v.missing, 2);
    ck_assert_int_eq(feed(&v, lines[3]), FH_AUDIT_FAULT_NONE);
}
END_TEST

START_TEST(lines_in_another_order_and_lines_twice_are_found)
{
    struct fh_audit_verifier v = {0};

    write_log();
    fh_audit_verify_file(&v);
    ck_assert_int_eq(feed(&v, lines[0]), FH_AUDIT_FAULT_NONE);
    ck_assert_int_eq(feed(&v, lines[2]), FH_AUDIT_FAULT_REMOVED);
    ck_assert_int_eq(feed(&v, lines[1]), FH_AUDIT_FAULT_ORDER);
    ck_assert_int_eq(feed(&v, lines[2]), FH_AUDIT_FAULT_ORDER);
    ck_assert_int_eq(feed(&v, lines[3]), FH_AUDIT_FAULT_NONE);
}
END_TEST

START_TEST(a_cut_line_and_what_is_no_line_are_found)
{
    struct fh_audit_verifier v = {0};
    static const char *const bad[] = {
        "\n",
        "{}\n",
        "{\"chain\":\"\"}\n",
        "hello\n",
        "{\"a\":1,\"seq\":02,\"chain\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}\n",
        "{\"a\":1,\"seq\":99999999999999999999,\"chain\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}\n",
        "{\"a\":1,\"seq\":,\"chain\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}\n",
        "{\"a\":1,\"seq\":2,\"chain\":"
        "\"000000000000000000000000000000000000000000000000000000000000000G\"}\n",
    };

    write_log();
    fh_audit_verify_file(&v);
    ck_assert_int_eq(feed(&v, lines[0]), FH_AUDIT_FAULT_NONE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(feed(&v, bad[i]), FH_AUDIT_FAULT_FORM);
    ck_assert_int_eq(feed(&v, lines[1]), FH_AUDIT_FAULT_NONE);
    ck_assert_int_eq(fh_audit_verify_line(&v, lines[2], strlen(lines[2]) - 1),
                     FH_AUDIT_FAULT_TRUNCATED);
    ck_assert_int_eq(fh_audit_verify_line(&v, "", 0), FH_AUDIT_FAULT_TRUNCATED);
    ck_assert_int_eq(fh_audit_verify_line(&v, "a\0\n", 3), FH_AUDIT_FAULT_FORM);
}
END_TEST

START_TEST(a_log_that_lost_its_head_says_so)
{
    struct fh_audit_verifier v = {0};

    write_log();
    fh_audit_verify_file(&v);
    ck_assert_int_eq(feed(&v, lines[1]), FH_AUDIT_FAULT_HEAD);
    /* At a file's begin it is the rotation's doing, and the number tells. */
    memset(&v, 0, sizeof v);
    fh_audit_verify_file(&v);
    ck_assert_int_eq(feed(&v, lines[3]), FH_AUDIT_FAULT_NONE);
    ck_assert_uint_eq(v.first, 4);
    /* A file from which the first line was taken, behind another. */
    memset(&v, 0, sizeof v);
    fh_audit_verify_file(&v);
    feed(&v, lines[0]);
    fh_audit_verify_file(&v);
    ck_assert_int_eq(feed(&v, lines[1]), FH_AUDIT_FAULT_HEAD);
}
END_TEST

START_TEST(only_what_the_formatter_made_is_sealed)
{
    struct fh_audit_chain c = {0}, full = {.seq = UINT64_MAX};
    char line[FH_AUDIT_LINE_MAX] = "{}\n";

    ck_assert_int_eq(fh_audit_chain_seal(&c, false, line, 2, sizeof line), FH_SESSION_E_INVAL);
    ck_assert_int_eq(fh_audit_chain_seal(&c, false, line, 3, 100), FH_SESSION_E_INVAL);
    ck_assert_int_eq(fh_audit_chain_seal(&c, false, line, sizeof line, sizeof line),
                     FH_SESSION_E_INVAL);
    ck_assert_int_eq(fh_audit_chain_seal(&full, false, line, 3, sizeof line), FH_SESSION_E_INVAL);
    ck_assert_uint_eq(c.seq, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("audit_chain");
    TCase *tc = tcase_create("audit_chain");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, what_was_written_verifies_over_files);
    tcase_add_test(tc, the_link_is_sha256_of_the_one_before_and_the_line);
    tcase_add_test(tc, any_changed_byte_of_a_line_is_found);
    tcase_add_test(tc, an_edited_line_is_named_and_only_it);
    tcase_add_test(tc, a_removed_line_is_missed_by_the_next);
    tcase_add_test(tc, lines_in_another_order_and_lines_twice_are_found);
    tcase_add_test(tc, a_cut_line_and_what_is_no_line_are_found);
    tcase_add_test(tc, a_log_that_lost_its_head_says_so);
    tcase_add_test(tc, only_what_the_formatter_made_is_sealed);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
