/* SPDX-License-Identifier: MIT */
/* test_apikey.c -- texts of keys, networks, and the JSON that the API takes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/identity_uv.h>

#include "apijson.h"
#include "apikey.h"

START_TEST(a_key_has_the_form_that_scanners_look_for)
{
    char id[FH__KEY_ID_TEXT], secret[FH__SECRET_TEXT], name[FH__KEY_NAME_TEXT],
        parsed[FH__KEY_ID_TEXT];

    fh__key_generate(fh_random_system, NULL, id, secret);
    fh__key_name(id, name);
    ck_assert_uint_eq(strlen(name), FH__KEY_NAME_TEXT - 1);
    ck_assert_uint_eq(strlen(secret), FH__SECRET_TEXT - 1);
    ck_assert_int_eq(strncmp(secret, name, strlen(name)), 0);
    ck_assert(fh__key_parse_name(name, strlen(name), parsed));
    ck_assert_str_eq(parsed, id);
    ck_assert(fh__key_check_secret(secret, strlen(secret), id));
}
END_TEST

/* The same text by zlib's crc32(). */
START_TEST(the_checksum_is_crc32_in_base_62)
{
    static const char secret[] = "vck_0123456789abcdef_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef2TArE2";

    ck_assert_msg(fh__key_check_secret(secret, strlen(secret), "0123456789abcdef"), "checksum");
}
END_TEST

START_TEST(a_mistake_in_a_secret_is_seen_before_anybody_is_asked)
{
    char id[FH__KEY_ID_TEXT], secret[FH__SECRET_TEXT];
    unsigned seen = 0, tried = 0;

    fh__key_generate(fh_random_system, NULL, id, secret);
    for (size_t i = 0; i < strlen(secret); i++) {
        char kept = secret[i];

        for (const char *c = "0Aaz_"; *c; c++, tried++) {
            secret[i] = *c;
            seen += *c == kept || !fh__key_check_secret(secret, strlen(secret), id);
        }
        secret[i] = kept;
    }
    ck_assert_uint_eq(seen, tried);
    ck_assert(!fh__key_check_secret(secret, strlen(secret) - 1, id));
    ck_assert(!fh__key_check_secret(secret, strlen(secret), "0000000000000000"));
}
END_TEST

static const struct {
    const char *networks, *address;
    bool has;
} places[] = {
    {"", "192.0.2.1", true},
    {"192.0.2.0/24", "192.0.2.255", true},
    {"192.0.2.0/24", "192.0.3.0", false},
    {"192.0.2.0/24", "::ffff:192.0.2.1", true},
    {"192.0.2.1", "192.0.2.1", true},
    {"192.0.2.1", "192.0.2.2", false},
    {"0.0.0.0/0", "203.0.113.9", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"::/0", "2001:db8::1", true},
    {"::/0", "192.0.2.1", false},
    {"2001:db8::/33", "2001:db8:7fff::1", true},
    {"2001:db8::/33", "2001:db8:8000::1", false},
    {"10.0.0.0/8 2001:db8::/32", "2001:db8::1", true},
    {"10.0.0.0/8 2001:db8::/32", "10.255.0.1", true},
    {"10.0.0.0/8 2001:db8::/32", "11.0.0.1", false},
};

START_TEST(networks_have_who_is_in_them)
{
    const char *expected, *text = places[_i].address;
    struct fh_address a;

    ck_assert_int_eq(fh__networks_check(places[_i].networks, &expected), 0);
    ck_assert_int_eq(fh_address_parse_ip(text, strlen(text), &a), 0);
    ck_assert_int_eq(fh__networks_have(places[_i].networks, &a), places[_i].has);
}
END_TEST

static const char *const no_networks[] = {"a",
                                          "192.0.2.0/33",
                                          "192.0.2.0/",
                                          "192.0.2.0/-1",
                                          "192.0.2.1/24",
                                          "::/129",
                                          "192.0.2",
                                          "192.0.2.0/24,10.0.0.0/8",
                                          " 192.0.2.0/24",
                                          "192.0.2.0/24  ::/0",
                                          "fe80::1%2",
                                          "2001:db8::1/32",
                                          "1.2.3.4/0x8"};

START_TEST(what_is_no_network_is_refused)
{
    const char *expected = NULL;

    ck_assert_int_eq(fh__networks_check(no_networks[_i], &expected), -1);
    ck_assert_ptr_nonnull(expected);
}
END_TEST

static const char *const no_json[] = {"",
                                      "{",
                                      "[]",
                                      "1",
                                      "{\"a\":1,\"a\":2}",
                                      "{\"a\":1}{",
                                      "{\"a\":\"\\u0000\"}",
                                      "{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}",
                                      "{\"a\":[[[[1]]]]}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":1e999}",
                                      "{'a':1}"};

START_TEST(what_is_no_object_of_ours_is_refused)
{
    char why[FH__WHY] = "";

    ck_assert_ptr_null(fh__json_parse(no_json[_i], strlen(no_json[_i]), why));
    ck_assert_uint_gt(strlen(why), 0);
}
END_TEST

START_TEST(brackets_in_strings_do_not_count)
{
    static const char text[] = "{\"a\":\"[[[[[[{{{{\\\"[[[[\"}";
    char why[FH__WHY];
    json_t *o = fh__json_parse(text, sizeof text - 1, why);

    ck_assert_ptr_nonnull(o);
    json_decref(o);
}
END_TEST

START_TEST(times_are_written_as_rfc_3339)
{
    char text[FH__TIME_TEXT];

    fh__time_text(951868799999, text);
    ck_assert_str_eq(text, "2000-02-29T23:59:59.999Z");
    fh__time_text(4102444800000, text);
    ck_assert_str_eq(text, "2100-01-01T00:00:00.000Z");
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof(table)[0])

int main(void)
{
    Suite *suite = suite_create("apikey");
    TCase *tc = tcase_create("apikey");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, a_key_has_the_form_that_scanners_look_for);
    tcase_add_test(tc, the_checksum_is_crc32_in_base_62);
    tcase_add_test(tc, a_mistake_in_a_secret_is_seen_before_anybody_is_asked);
    tcase_add_loop_test(tc, networks_have_who_is_in_them, 0, ROWS(places));
    tcase_add_loop_test(tc, what_is_no_network_is_refused, 0, ROWS(no_networks));
    tcase_add_loop_test(tc, what_is_no_object_of_ours_is_refused, 0, ROWS(no_json));
    tcase_add_test(tc, brackets_in_strings_do_not_count);
    tcase_add_test(tc, times_are_written_as_rfc_3339);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
