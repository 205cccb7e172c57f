/* SPDX-License-Identifier: MIT */
/* Credentials as coturn's use-auth-secret checks them. */
#include <check.h>
#include <stdlib.h>

#include "../src/turn.c"

START_TEST(the_password_is_what_openssl_says)
{
    static const uint8_t secret[] = "north", name[16] = {0x00, 0x01, 0xfe, 0xff};
    struct fh__turn_credentials c;

    ck_assert_int_eq(fh__turn_credentials(secret, 5, 1700000000, name, &c), 0);
    ck_assert_str_eq(c.user, "1700000000:0001feff000000000000000000000000");
    /* printf 1700000000:0001feff000000000000000000000000 | openssl dgst -sha1 -hmac north -binary |
     * base64 */
    ck_assert_str_eq(c.password, "D09yKK1aX06rYUjfg1WEtJHZaIs=");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("turn");
    TCase *tc = tcase_create("turn");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, the_password_is_what_openssl_says);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
