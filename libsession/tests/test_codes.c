/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/totp.h>

static unsigned n_checks, n_hashes; /* how often each was computed */

static int count_check(const struct fh_totp *t, const char *code, size_t len, uint64_t unix_s,
                       uint64_t last, uint64_t *step)
{
    n_checks++;
    return fh_totp_check(t, code, len, unix_s, last, step);
}

static int count_hash(const char *name, const char *code, size_t len,
                      uint8_t out[FH_RECOVERY_HASH_LEN])
{
    n_hashes++;
    return fh_recovery_hash(name, code, len, out);
}

#define fh_totp_check count_check
#define fh_recovery_hash count_hash
#include "../src/codes.c"
#undef fh_totp_check
#undef fh_recovery_hash

/* The key of RFC 6238, and its code of the step of second 59. */
#define SECRET "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
#define CODE "287082"
#define BEFORE "755224" /* of the step before */

static const char recovery[][FH_RECOVERY_TEXT] = {"abcd-efgh-ijkl-mnop", "2345-6722-2222-2222",
                                                  "zzzz-zzzz-zzzz-zzzz"};
static struct fh_codes *c;
static bool is_recovery;

static struct fh_codes *parse(const char *text)
{
    struct fh_codes *out = NULL;
    const char *expected;
    unsigned line;

    ck_assert_msg(fh_codes_parse(text, strlen(text), &out, &line, &expected) == 0, "line %u: %s",
                  line, expected);
    return out;
}

static void enrol(const char *name, size_t n_recovery)
{
    struct fh_enrolment e = {.n_recovery = n_recovery};

    strcpy(e.name, name);
    e.totp.hash = FH_TOTP_SHA1;
    e.totp.digits = 6;
    ck_assert_int_eq(fh_totp_key_read(SECRET, strlen(SECRET), &e.totp), 0);
    for (size_t i = 0; i < n_recovery; i++)
        ck_assert_int_eq(fh_recovery_hash(name, recovery[i], strlen(recovery[i]), e.recovery[i]),
                         0);
    ck_assert_int_eq(fh_codes_put(c, &e), 0);
}

static int spend(const char *name, const char *code, uint64_t unix_s)
{
    return fh_codes_spend(c, name, code, strlen(code), unix_s, &is_recovery);
}

static void setup(void)
{
    c = parse("# who has an authenticator\n");
    enrol("ann", 3);
}

static void teardown(void)
{
    fh_codes_free(c);
}

/* As after a crash: what the text says is all that is known. */
static void read_again(void)
{
    size_t len;
    struct fh_codes *again = parse(fh_codes_text(c, &len));

    fh_codes_free(c);
    c = again;
}

START_TEST(a_code_is_spent_once_also_over_a_restart)
{
    ck_assert_int_eq(spend("ann", "000000", 59), FH_SESSION_E_AUTH);
    ck_assert_int_eq(spend("ann", CODE, 59), 0);
    ck_assert(!is_recovery);
    ck_assert_int_eq(spend("ann", CODE, 59), FH_SESSION_E_AUTH);
    read_again();
    ck_assert_int_eq(spend("ann", CODE, 59), FH_SESSION_E_AUTH);
    ck_assert_int_eq(spend("ann", BEFORE, 29), FH_SESSION_E_AUTH);
}
END_TEST

START_TEST(each_recovery_code_is_spent_once_also_over_a_restart)
{
    struct fh_enrolment e;

    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(spend("ann", recovery[(i + 1) % 3], 59), 0);
        ck_assert(is_recovery);
        ck_assert_int_eq(spend("ann", recovery[(i + 1) % 3], 59), FH_SESSION_E_AUTH);
        read_again();
        ck_assert_int_eq(spend("ann", recovery[(i + 1) % 3], 59), FH_SESSION_E_AUTH);
        ck_assert_int_eq(fh_codes_get(c, "ann", &e), 0);
        ck_assert_uint_eq(e.n_recovery, 2 - i);
        ck_assert_uint_eq(e.step, 0);
    }
    ck_assert_int_eq(spend("ann", CODE, 59), 0);
}
END_TEST

START_TEST(ten_recovery_codes_fit_and_any_can_go)
{
    struct fh_enrolment e = {.n_recovery = FH_RECOVERY_CODES};
    char code[FH_RECOVERY_TEXT] = "aaaa-aaaa-aaaa-aaaa";

    ck_assert_int_eq(fh_codes_get(c, "ann", &e), 0);
    e.n_recovery = FH_RECOVERY_CODES;
    for (size_t i = 0; i < FH_RECOVERY_CODES; i++) {
        code[0] = (char)('a' + i);
        ck_assert_int_eq(fh_recovery_hash("ann", code, strlen(code), e.recovery[i]), 0);
    }
    ck_assert_int_eq(fh_codes_put(c, &e), 0);
    for (size_t i = FH_RECOVERY_CODES; i-- > 0;) {
        code[0] = (char)('a' + i);
        ck_assert_int_eq(spend("ann", code, 59), 0);
    }
    ck_assert_int_eq(spend("ann", code, 59), FH_SESSION_E_AUTH);
}
END_TEST

/* Nobody has the zeros that stand where no recovery code is left. */
START_TEST(what_is_not_there_opens_nothing)
{
    enrol("ben", 0);
    ck_assert_int_eq(spend("ben", recovery[0], 59), FH_SESSION_E_AUTH);
    ck_assert_int_eq(spend("ben", "", 59), FH_SESSION_E_AUTH);
    ck_assert_int_eq(spend("eve", CODE, 59), FH_SESSION_E_AUTH);
    ck_assert_int_eq(spend("", CODE, 59), FH_SESSION_E_AUTH);
    ck_assert_int_eq(spend("an", CODE, 59), FH_SESSION_E_AUTH);
    ck_assert_int_eq(spend("ann:sha1", CODE, 59), FH_SESSION_E_AUTH);
}
END_TEST

/* Not the clock but what is computed. */
START_TEST(who_is_not_enrolled_costs_the_same)
{
    static const char *const names[] = {"ann", "eve", ""};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsigned checks = n_checks, hashes = n_hashes;

        ck_assert_int_eq(spend(names[i], "000000", 59), FH_SESSION_E_AUTH);
        ck_assert_uint_eq(n_checks - checks, 1);
        ck_assert_uint_eq(n_hashes - hashes, 1);
    }
}
END_TEST

START_TEST(lines_are_kept_put_and_removed)
{
    struct fh_enrolment e;
    char text[2048];
    size_t len;

    enrol("ben", 0);
    snprintf(text, sizeof text, "%s", fh_codes_text(c, &len));
    ck_assert_ptr_nonnull(strstr(text, "# who has an authenticator\nann:sha1:6:" SECRET ":0:"));
    ck_assert_ptr_nonnull(strstr(text, "\nben:sha1:6:" SECRET ":0:\n"));
    ck_assert_int_eq(fh_codes_remove(c, "ann"), 1);
    ck_assert_int_eq(fh_codes_remove(c, "ann"), 0);
    ck_assert_int_eq(fh_codes_get(c, "ann", &e), FH_SESSION_E_UNKNOWN);
    ck_assert_int_eq(fh_codes_get(c, "ben", &e), 0);
    strcpy(e.name, "a:b");
    ck_assert_int_eq(fh_codes_put(c, &e), FH_SESSION_E_INVAL);
    strcpy(e.name, "#a");
    ck_assert_int_eq(fh_codes_put(c, &e), FH_SESSION_E_INVAL);
    strcpy(e.name, "a");
    e.totp.digits = 9;
    ck_assert_int_eq(fh_codes_put(c, &e), FH_SESSION_E_INVAL);
}
END_TEST

static const struct {
    const char *text;
    unsigned line;
    const char *expected;
} bad[] = {
    {"# ok\nann\n", 2, "NAME:HASH"},
    {"ann:sha1:6:" SECRET ":0\n", 1, "NAME:HASH"},
    {"ann:sha1:6:" SECRET ":0:x:\n", 1, "NAME:HASH"},
    {":sha1:6:" SECRET ":0:\n", 1, "NAME:HASH"},
    {"ann:md5:6:" SECRET ":0:\n", 1, "sha1, sha256"},
    {"ann:sha1:5:" SECRET ":0:\n", 1, "6, 7 or 8"},
    {"ann:sha1:06:" SECRET ":0:\n", 1, "6, 7 or 8"},
    {"ann:sha1:6:GEZDGNBVGY3TQOJQ:0:\n", 1, "base32"},
    {"ann:sha1:6:" SECRET ":18446744073709551616:\n", 1, "number of a step"},
    {"ann:sha1:6:" SECRET ":-1:\n", 1, "number of a step"},
    {"ann:sha1:6:" SECRET ":0:AA\n", 1, "base64"},
    {"ann:sha1:6:" SECRET ":0:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,\n", 1, "base64"},
    {"ann:sha1:6:" SECRET ":0:,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 1, "base64"},
    {"ann:sha1:6:" SECRET ":0:\nann:sha1:6:" SECRET ":0:\n", 2, "each user once"},
};

START_TEST(a_wrong_line_is_named_with_what_was_expected)
{
    struct fh_codes *out = NULL;
    const char *expected;
    unsigned line;

    ck_assert_int_eq(fh_codes_parse(bad[_i].text, strlen(bad[_i].text), &out, &line, &expected),
                     FH_SESSION_E_FORMAT);
    ck_assert_uint_eq(line, bad[_i].line);
    ck_assert_msg(strstr(expected, bad[_i].expected) != NULL, "%s", expected);
    ck_assert_ptr_null(out);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("codes");
    TCase *tc = tcase_create("codes");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_code_is_spent_once_also_over_a_restart);
    tcase_add_test(tc, each_recovery_code_is_spent_once_also_over_a_restart);
    tcase_add_test(tc, ten_recovery_codes_fit_and_any_can_go);
    tcase_add_test(tc, what_is_not_there_opens_nothing);
    tcase_add_test(tc, who_is_not_enrolled_costs_the_same);
    tcase_add_test(tc, lines_are_kept_put_and_removed);
    tcase_add_loop_test(tc, a_wrong_line_is_named_with_what_was_expected, 0,
                        sizeof bad / sizeof bad[0]);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
