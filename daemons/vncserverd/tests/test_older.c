/* SPDX-License-Identifier: MIT */
/* What is offered to viewers that do not know the channel: the list, addresses, the password file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include <farhand/vncauth.h>

#include "older.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
    const char *text;
    uint16_t types[4];
    int n; /* -1: refused */
} lists[] = {
    {"native", {0}, 0},
    {" native , RA2_256,RA2", {129, 5}, 2},
    {"native vncauth None", {2, 1}, 2},
    {"native,X509Plain", {262}, 1},
    {"", {0}, -1},
    {"RA2", {0}, -1},
    {"RA2, native", {0}, -1},
    {"native, native", {0}, -1},
    {"native, RA2, RA2", {0}, -1},
    {"native, Plain", {0}, -1},
    {"native, TLSPlain", {0}, -1},
    {"native, TLSVnc", {0}, -1},
    {"native, 129", {0}, -1},
    {"native; RA2", {0}, -1},
};

START_TEST(a_list_begins_with_native_and_names_each_type_once)
{
    uint16_t types[FH_OLDER_MAX];
    size_t n = 99;
    const char *expected = fh__older_parse(lists[_i].text, types, &n);

    ck_assert_msg((expected == NULL) == (lists[_i].n >= 0), "%s", lists[_i].text);
    if (expected)
        return;
    ck_assert_uint_eq(n, (size_t)lists[_i].n);
    for (size_t i = 0; i < n; i++)
        ck_assert_uint_eq(types[i], lists[_i].types[i]);
}
END_TEST

static const struct {
    struct fh_address from;
    bool is_ours;
} addresses[] = {
    {{.family = FH_ADDRESS_UNIX}, true},
    {{.family = FH_ADDRESS_IPV4, .ip = {127, 0, 0, 1}}, true},
    {{.family = FH_ADDRESS_IPV4, .ip = {127, 9, 9, 9}}, true},
    {{.family = FH_ADDRESS_IPV4, .ip = {128, 0, 0, 1}}, false},
    {{.family = FH_ADDRESS_IPV4, .ip = {192, 168, 0, 1}}, false},
    {{.family = FH_ADDRESS_IPV6, .ip = {[15] = 1}}, true},
    {{.family = FH_ADDRESS_IPV6, .ip = {[15] = 2}}, false},
    {{.family = FH_ADDRESS_IPV6, .ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}}, true},
    {{.family = FH_ADDRESS_IPV6, .ip = {[10] = 0xff, 0xff, 10, 0, 0, 1}}, false},
    {{.family = FH_ADDRESS_IPV6, .ip = {0xfe, 0x80, [15] = 1}}, false},
};

/* What can be read or changed on the way, and what asks for nothing. */
START_TEST(what_protects_nothing_is_for_this_machine)
{
    static const uint16_t every[] = {262, 261, 260, 129, 5, 130, 6, 2, 1},
                          safe[] = {262, 261, 129, 5};
    struct fh__config cfg = {.n_older = LEN(every)};
    uint16_t out[FH_OLDER_MAX];

    memcpy(cfg.older, every, sizeof every);
    if (addresses[_i].is_ours) {
        ck_assert_uint_eq(fh__older_offered(&cfg, &addresses[_i].from, out), LEN(every));
    } else {
        ck_assert_uint_eq(fh__older_offered(&cfg, &addresses[_i].from, out), LEN(safe));
        ck_assert_mem_eq(out, safe, sizeof safe);
    }
    cfg.unprotected = FH__UNPROTECTED_ANYWHERE;
    ck_assert_uint_eq(fh__older_offered(&cfg, &addresses[_i].from, out), LEN(every));
    ck_assert_mem_eq(out, every, sizeof every);
}
END_TEST

static const struct {
    const char *text;
    unsigned mode;
    const char *password;
    bool is_right;
} files[] = {
    {"secret\n", 0600, "secret", true},
    {"secret", 0400, "secret", true},
    {"secret\r\nmore", 0600, "secret", true},
    {"secret\n", 0600, "Secret", false},
    {"secret\n", 0640, "secret", false},
    {"secret\n", 0604, "secret", false},
    {"\n", 0600, "", false},
    {"", 0600, "", false},
};

START_TEST(a_password_is_the_first_line_of_a_private_file)
{
    char dir[] = "/tmp/farhand-test-XXXXXX", path[64];
    uint8_t challenge[FH_VNCAUTH_LEN] = {1, 2, 3}, response[FH_VNCAUTH_LEN];
    const char *password = files[_i].password;
    FILE *f;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
    ck_assert_ptr_nonnull(f = fopen(path, "w"));
    fputs(files[_i].text, f);
    fclose(f);
    ck_assert_int_eq(chmod(path, files[_i].mode), 0);
    ck_assert_int_eq(fh_vncauth_response(password, strlen(password), challenge, response), 0);
    ck_assert_msg(fh__older_check_response(path, challenge, response) == files[_i].is_right, "%d",
                  _i);
    unlink(path);
    ck_assert(!fh__older_check_response(path, challenge, response));
    ck_assert(!fh__older_check_response(NULL, challenge, response));
    rmdir(dir);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("older");
    SRunner *sr = srunner_create(s);
    TCase *tc = tcase_create("older");
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, a_list_begins_with_native_and_names_each_type_once, 0, LEN(lists));
    tcase_add_loop_test(tc, what_protects_nothing_is_for_this_machine, 0, LEN(addresses));
    tcase_add_loop_test(tc, a_password_is_the_first_line_of_a_private_file, 0, LEN(files));
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
