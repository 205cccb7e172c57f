/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trust.h"

enum { SPKI_LEN = 294 };

static char dir[64], store[96];
static uint8_t key_a[SPKI_LEN], key_b[SPKI_LEN];

/* The accepted form around a modulus that is no one's. */
static void make_key(uint8_t seed, uint8_t out[SPKI_LEN])
{
    static const uint8_t head[] = {0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a,
                                   0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
                                   0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01,
                                   0x0a, 0x02, 0x82, 0x01, 0x01, 0x00};
    static const uint8_t tail[] = {0x02, 0x03, 0x01, 0x00, 0x01};

    memset(out, seed | 0x81, SPKI_LEN);
    memcpy(out, head, sizeof head);
    memcpy(out + SPKI_LEN - sizeof tail, tail, sizeof tail);
}

static void setup(void)
{
    strcpy(dir, "/tmp/farhand-trust-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(store, sizeof store, "%s/known", dir);
    make_key(2, key_a);
    make_key(4, key_b);
}

static void teardown(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

static struct trust fresh(const char *given, bool accept_new)
{
    return (struct trust){
        .store = store, .name = "host:5900", .given = given, .accept_new = accept_new};
}

START_TEST(an_unknown_server_is_not_trusted_and_not_written_down)
{
    struct trust t = fresh(NULL, false);
    char text[1536];

    ck_assert_int_eq(trust_judge(&t, key_a, SPKI_LEN), VERDICT_UNKNOWN);
    ck_assert_int_ne(access(store, F_OK), 0);
    trust_explain(&t, VERDICT_UNKNOWN, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, t.phrase));
    ck_assert_ptr_nonnull(strstr(text, t.fingerprint));
    ck_assert_uint_gt(strlen(t.phrase), 30);
}
END_TEST

START_TEST(a_given_phrase_or_fingerprint_pins_exactly_that_identity)
{
    struct trust seen = fresh(NULL, false), t;
    char hex[FH_FINGERPRINT_HEX], sentence[FH_CATCHPHRASE_MAX];

    ck_assert_int_eq(trust_judge(&seen, key_a, SPKI_LEN), VERDICT_UNKNOWN);
    t = fresh(_i ? strcpy(hex, seen.fingerprint) : seen.phrase, false);
    ck_assert_int_eq(trust_judge(&t, key_b, SPKI_LEN), VERDICT_NOT_GIVEN);
    ck_assert_int_eq(trust_judge(&t, key_a, SPKI_LEN), VERDICT_TRUSTED);
    ck_assert_int_eq(t.how, FH_KNOWN_GIVEN);
    t = fresh(NULL, false);
    ck_assert_int_eq(trust_judge(&t, key_a, SPKI_LEN), VERDICT_TRUSTED);
    /* Half of the phrase is too little where no person compares. */
    strcpy(sentence, seen.phrase);
    *strchr(sentence, '.') = '\0';
    t = fresh(sentence, false);
    ck_assert_int_eq(trust_judge(&t, key_a, SPKI_LEN), VERDICT_NOT_GIVEN);
}
END_TEST

START_TEST(accept_new_accepts_once_and_never_a_change)
{
    struct trust t = fresh(NULL, true), again = fresh(NULL, true);
    char text[1536];

    ck_assert_int_eq(trust_judge(&t, key_a, SPKI_LEN), VERDICT_TRUSTED);
    ck_assert_int_eq(t.how, FH_KNOWN_ACCEPTED_BLIND);
    ck_assert_int_eq(trust_judge(&again, key_b, SPKI_LEN), VERDICT_CHANGED);
    trust_explain(&again, VERDICT_CHANGED, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, t.phrase));
    ck_assert_ptr_nonnull(strstr(text, again.phrase));
    ck_assert_str_ne(t.phrase, again.phrase);
    again = fresh(again.phrase, true);
    ck_assert_int_eq(trust_judge(&again, key_b, SPKI_LEN), VERDICT_CHANGED);
    ck_assert_int_eq(trust_judge(&t, key_a, SPKI_LEN), VERDICT_TRUSTED);
}
END_TEST

START_TEST(what_a_person_decided_holds_for_that_identity_alone)
{
    struct trust t = fresh(NULL, false);

    ck_assert_int_eq(trust_judge(&t, key_a, SPKI_LEN), VERDICT_UNKNOWN);
    t.was_asked = true;
    t.how = FH_KNOWN_PHRASE_TYPED;
    ck_assert_int_eq(trust_judge(&t, key_b, SPKI_LEN), VERDICT_UNKNOWN);
    ck_assert_int_eq(trust_judge(&t, key_a, SPKI_LEN), VERDICT_UNKNOWN);
    t.was_asked = true;
    ck_assert_int_eq(trust_judge(&t, key_a, SPKI_LEN), VERDICT_TRUSTED);
}
END_TEST

START_TEST(a_store_that_cannot_be_read_trusts_nobody)
{
    struct trust t = fresh(NULL, true);
    FILE *f = fopen(store, "w");

    fputs("# fine\n1 broken\n", f);
    fclose(f);
    ck_assert_int_eq(trust_judge(&t, key_a, SPKI_LEN), VERDICT_FAILED);
    ck_assert_ptr_nonnull(strstr(t.why, ":2:"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("trust");
    TCase *tc = tcase_create("trust");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_unknown_server_is_not_trusted_and_not_written_down);
    tcase_add_loop_test(tc, a_given_phrase_or_fingerprint_pins_exactly_that_identity, 0, 2);
    tcase_add_test(tc, accept_new_accepts_once_and_never_a_change);
    tcase_add_test(tc, what_a_person_decided_holds_for_that_identity_alone);
    tcase_add_test(tc, a_store_that_cannot_be_read_trusts_nobody);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
