/* SPDX-License-Identifier: MIT */
/* Addresses and passwords as people write them. */
#include <stdio.h>

#include "cloud_support.h"

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static int parse(const char *text, uint8_t out[FH_CLOUD_ADDRESS_LEN])
{
    return fh_cloud_address_parse(text, strlen(text), out);
}

/* Written down by hand from the rules; tests/cloud-vectors has them from another implementation. */
static const struct {
    const char *bytes, *text;
} known[] = {
    {"000000000000000000000000", "00000-00000-00000-0000K"},
    {"7fffffffffffffffffffffff", "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZW"},
};

static void unhex(const char *hex, uint8_t *out)
{
    for (size_t i = 0; hex[2 * i]; i++) {
        unsigned v;

        ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &v), 1);
        out[i] = (uint8_t)v;
    }
}

START_TEST(known_addresses_are_written_and_read)
{
    uint8_t bytes[FH_CLOUD_ADDRESS_LEN], again[FH_CLOUD_ADDRESS_LEN];
    char text[FH_CLOUD_ADDRESS_TEXT];

    unhex(known[_i].bytes, bytes);
    fh_cloud_address_print(bytes, text);
    ck_assert_str_eq(text, known[_i].text);
    ck_assert_int_eq(parse(text, again), 0);
    ck_assert_int_eq(memcmp(bytes, again, sizeof bytes), 0);
}
END_TEST

/* 20 places, 31 other characters each. */
START_TEST(every_single_wrong_character_is_found)
{
    uint8_t a[FH_CLOUD_ADDRESS_LEN];
    char text[FH_CLOUD_ADDRESS_TEXT];
    uint32_t count = 1;
    size_t tried = 0;

    for (int n = 0; n < 50; n++) {
        fh_cloud_address_random(fixed_random, &count, a);
        fh_cloud_address_print(a, text);
        for (size_t i = 0; text[i]; i++) {
            char right = text[i];

            for (size_t d = 0; right != '-' && digits[d]; d++) {
                if (digits[d] == right)
                    continue;
                text[i] = digits[d];
                ck_assert_int_eq(parse(text, a), FH_CLOUD_E_CHECKSUM);
                tried++;
            }
            text[i] = right;
        }
    }
    ck_assert_uint_eq(tried, 50 * 20 * 31);
}
END_TEST

/* Every pair of characters at every place: the rest of the address does not matter, CRC is linear.
 */
START_TEST(every_exchange_of_neighbours_is_found)
{
    for (size_t place = 0; place + 1 < 20; place++)
        for (size_t x = 0; x < 32; x++)
            for (size_t y = 0; y < 32; y++) {
                char text[21] = "00000000000000000000";
                uint8_t a[FH_CLOUD_ADDRESS_LEN];
                size_t d = 0;

                if (x == y)
                    continue;
                text[place] = digits[x];
                text[place + 1] = digits[y];
                /* The last character that makes it right, unless that is one of the two. */
                while (parse(text, a) != 0) {
                    size_t free_place = place + 1 < 19 ? 19 : 0;

                    ck_assert_uint_lt(d, 32);
                    text[free_place] = digits[d++];
                }
                text[place] = digits[y];
                text[place + 1] = digits[x];
                ck_assert_int_eq(parse(text, a), FH_CLOUD_E_CHECKSUM);
            }
}
END_TEST

START_TEST(it_is_read_as_people_type_it)
{
    const char *const forms[] = {"zzzzz-zzzzz-zzzzz-zzzzw", "ZZZZZZZZZZZZZZZZZZZW",
                                 "zzzz zzzz zzzz zzzz zzzw", " ZZZZZ - ZZZZZ - ZZZZZ - ZZZZW ",
                                 "-Z-Z-Z-Z-ZZZZZZZZZZZZZZZW-"};
    uint8_t a[FH_CLOUD_ADDRESS_LEN], o[FH_CLOUD_ADDRESS_LEN];

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        ck_assert_int_eq(parse(forms[i], a), 0);
        ck_assert_uint_eq(a[0], 0x7f);
        ck_assert_uint_eq(a[11], 0xff);
    }
    ck_assert_int_eq(parse("00000-00000-00000-0000K", a), 0);
    ck_assert_int_eq(parse("oOoOo-00000-00000-O000K", o), 0);
    ck_assert_int_eq(memcmp(a, o, sizeof a), 0);
}
END_TEST

START_TEST(i_and_l_are_one)
{
    uint8_t a[FH_CLOUD_ADDRESS_LEN] = {0x08}, b[FH_CLOUD_ADDRESS_LEN];
    char text[FH_CLOUD_ADDRESS_TEXT];

    for (const char *p = "iIlL"; *p; p++) {
        fh_cloud_address_print(a, text);
        ck_assert_int_eq(text[0], '0' + 2);
        a[0] = 0x04;
        fh_cloud_address_print(a, text);
        ck_assert_int_eq(text[0], '1');
        text[0] = *p;
        ck_assert_int_eq(parse(text, b), 0);
        ck_assert_int_eq(memcmp(a, b, sizeof a), 0);
        a[0] = 0x08;
    }
}
END_TEST

START_TEST(what_is_no_address_is_refused_and_leaves_no_trace)
{
    const char *const wrong[] = {"",
                                 "-",
                                 "00000-00000-00000-0000",
                                 "00000-00000-00000-0000K5",
                                 "U0000-00000-00000-0000K",
                                 "00000-00000-00000-0000!",
                                 "00000_00000_00000_0000K",
                                 "cloud:0000000000000000000K",
                                 "00000-00000-00000-0000\xc3\x96"};
    uint8_t a[FH_CLOUD_ADDRESS_LEN];
    char long_text[300];

    memset(a, 0xee, sizeof a);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        ck_assert_msg(parse(wrong[i], a) == FH_CLOUD_E_PROTO, "%s", wrong[i]);
    ck_assert_int_eq(fh_cloud_address_parse("0000000000000000000\0", 20, a), FH_CLOUD_E_PROTO);
    memset(long_text, '-', sizeof long_text);
    ck_assert_int_eq(fh_cloud_address_parse(long_text, sizeof long_text, a), FH_CLOUD_E_PROTO);
    ck_assert_int_eq(parse("00000-00000-00000-00006", a), FH_CLOUD_E_CHECKSUM);
    for (size_t i = 0; i < sizeof a; i++)
        ck_assert_uint_eq(a[i], 0xee);
}
END_TEST

START_TEST(random_addresses_are_valid_and_come_back)
{
    uint8_t a[FH_CLOUD_ADDRESS_LEN], b[FH_CLOUD_ADDRESS_LEN];
    char text[FH_CLOUD_ADDRESS_TEXT];
    uint32_t count = 9;

    for (int i = 0; i < 1000; i++) {
        fh_cloud_address_random(fixed_random, &count, a);
        ck_assert(fh_cloud_address_is_valid(a));
        fh_cloud_address_print(a, text);
        ck_assert_int_eq(parse(text, b), 0);
        ck_assert_int_eq(memcmp(a, b, sizeof a), 0);
    }
    a[0] |= 0x80;
    ck_assert(!fh_cloud_address_is_valid(a));
}
END_TEST

START_TEST(passwords_come_back)
{
    uint8_t p[FH_CLOUD_PASSWORD_LEN], q[FH_CLOUD_PASSWORD_LEN];
    char text[FH_CLOUD_PASSWORD_TEXT];
    uint32_t count = 3;

    for (int i = 0; i < 1000; i++) {
        fh_cloud_password_random(fixed_random, &count, p);
        fh_cloud_password_print(p, text);
        ck_assert_uint_eq(strlen(text), 26);
        ck_assert_int_eq(fh_cloud_password_parse(text, 26, q), 0);
        ck_assert_int_eq(memcmp(p, q, sizeof p), 0);
    }
    memset(p, 0xff, sizeof p);
    fh_cloud_password_print(p, text);
    ck_assert_str_eq(text, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    ck_assert_int_eq(fh_cloud_password_parse("8ZZZZZZZZZZZZZZZZZZZZZZZZZ", 26, q),
                     FH_CLOUD_E_PROTO);
    ck_assert_int_eq(fh_cloud_password_parse(text, 25, q), FH_CLOUD_E_PROTO);
    ck_assert_int_eq(fh_cloud_password_parse("7zzzz zzzzz-zzzzzzzzzzzzzzzz", 28, q), 0);
    ck_assert_int_eq(memcmp(p, q, sizeof p), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cloud_address");
    TCase *t = tcase_create("text");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_loop_test(t, known_addresses_are_written_and_read, 0, (int)ARRAY_LEN(known));
    tcase_add_test(t, every_single_wrong_character_is_found);
    tcase_add_test(t, every_exchange_of_neighbours_is_found);
    tcase_add_test(t, it_is_read_as_people_type_it);
    tcase_add_test(t, i_and_l_are_one);
    tcase_add_test(t, what_is_no_address_is_refused_and_leaves_no_trace);
    tcase_add_test(t, random_addresses_are_valid_and_come_back);
    tcase_add_test(t, passwords_come_back);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
