/* SPDX-License-Identifier: MIT */
/* What is sealed is opened by the other end, in its order, once, and by nobody else. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/seal.h>

#include "channel_pair.h"

enum { ROOM = 600 };

static uint8_t secret[2][32], shown[2][32], salt[16];
static struct fh_sealer a, b;
static struct rng rng = {.seed = "nonces"};

static void set_up(void)
{
    memset(secret[0], 1, 32);
    memset(secret[1], 2, 32);
    memset(salt, 3, sizeof salt);
    for (int i = 0; i < 2; i++)
        fh_seal_public(secret[i], shown[i]);
    ck_assert_int_eq(fh_sealer_init(&a, FH_ROLE_CLIENT, secret[0], shown[1], salt, "test"), 0);
    ck_assert_int_eq(fh_sealer_init(&b, FH_ROLE_SERVER, secret[1], shown[0], salt, "test"), 0);
}

static void tear_down(void)
{
    fh_sealer_finish(&a);
    fh_sealer_finish(&b);
}

/* A message of len times 'x'; its length. */
static size_t closed(struct fh_sealer *s, uint8_t *out, size_t len)
{
    memset(out + FH_SEAL_HEAD_LEN, 'x', len);
    ck_assert_int_eq(fh_sealer_seal(s, rng_fill, &rng, out, len), 0);
    return len + FH_SEAL_OVERHEAD;
}

static void opens(struct fh_sealer *s, uint8_t *m, size_t n)
{
    size_t len = 0;

    ck_assert_int_eq(fh_sealer_open(s, m, n, &len), 0);
    ck_assert_uint_eq(len, n - FH_SEAL_OVERHEAD);
    for (size_t i = 0; i < len; i++)
        ck_assert_uint_eq(m[FH_SEAL_HEAD_LEN + i], 'x');
}

static void is_refused(struct fh_sealer *s, uint8_t *m, size_t n)
{
    size_t len = 77;

    ck_assert_int_eq(fh_sealer_open(s, m, n, &len), FH_CRYPTO_E_AUTH);
    ck_assert_uint_eq(len, 77);
}

START_TEST(both_directions_carry_messages_in_order)
{
    uint8_t m[ROOM];

    for (size_t len = 0; len < 300; len += 37) {
        size_t n = closed(&a, m, len);

        opens(&b, m, n);
        n = closed(&b, m, len);
        opens(&a, m, n);
    }
}
END_TEST

START_TEST(a_changed_bit_anywhere_breaks_it_for_good)
{
    uint8_t m[ROOM], changed[ROOM];
    size_t n = closed(&a, m, 20);

    for (size_t i = 0; i < n * 8; i++) {
        struct fh_sealer s = b;

        memcpy(changed, m, n);
        changed[i / 8] ^= (uint8_t)(1 << i % 8);
        is_refused(&s, changed, n);
        is_refused(&s, m, n);
    }
    for (size_t cut = 0; cut < n; cut++) {
        struct fh_sealer s = b;

        memcpy(changed, m, n);
        is_refused(&s, changed, cut);
    }
    opens(&b, m, n);
}
END_TEST

START_TEST(repeats_gaps_and_reflections_are_refused)
{
    uint8_t first[ROOM], again[ROOM], second[ROOM];
    size_t n = closed(&a, first, 5);
    struct fh_sealer s = b;

    memcpy(again, first, n);
    closed(&a, second, 5);
    is_refused(&s, second, n);
    is_refused(&s, first, n);
    opens(&b, first, n);
    is_refused(&b, again, n);
    is_refused(&b, second, n);
    set_up();
    closed(&a, first, 5);
    is_refused(&a, first, n);
}
END_TEST

START_TEST(another_conversation_or_key_opens_nothing)
{
    uint8_t m[ROOM], other[32], copy[ROOM];
    size_t n = closed(&a, m, 5);
    struct fh_sealer s;

    memset(other, 9, sizeof other);
    memcpy(copy, m, n);
    salt[0] ^= 1;
    ck_assert_int_eq(fh_sealer_init(&s, FH_ROLE_SERVER, secret[1], shown[0], salt, "test"), 0);
    is_refused(&s, copy, n);
    salt[0] ^= 1;
    ck_assert_int_eq(fh_sealer_init(&s, FH_ROLE_SERVER, secret[1], shown[0], salt, "tess"), 0);
    is_refused(&s, copy, n);
    ck_assert_int_eq(fh_sealer_init(&s, FH_ROLE_SERVER, other, shown[0], salt, "test"), 0);
    memcpy(copy, m, n);
    is_refused(&s, copy, n);
}
END_TEST

/* Who carries the messages chooses the salt, and may choose one again: the keys are the same then.
 */
START_TEST(a_salt_that_is_used_again_gives_nothing_away)
{
    uint8_t first[ROOM], second[ROOM];
    size_t n = closed(&a, first, 64), same = 0;

    set_up();
    ck_assert_uint_eq(closed(&a, second, 64), n);
    for (size_t i = FH_SEAL_NUMBER_LEN; i < n; i++)
        same += first[i] == second[i];
    ck_assert_uint_lt(same, 10); /* of 92, by chance */
    opens(&b, second, n);
}
END_TEST

START_TEST(points_of_small_order_and_long_labels_are_refused)
{
    uint8_t zeros[32] = {0}, one[32] = {1};
    uint8_t m[ROOM];
    char label[80];

    ck_assert_int_eq(fh_sealer_init(&a, FH_ROLE_CLIENT, secret[0], zeros, salt, "test"),
                     FH_CRYPTO_E_PROTO);
    ck_assert_int_eq(fh_sealer_seal(&a, rng_fill, &rng, m, 1), FH_CRYPTO_E_CLOSED);
    ck_assert_int_eq(fh_sealer_init(&a, FH_ROLE_CLIENT, secret[0], one, salt, "test"),
                     FH_CRYPTO_E_PROTO);
    memset(label, 'l', sizeof label);
    label[FH_SEAL_LABEL_MAX] = '\0';
    ck_assert_int_eq(fh_sealer_init(&a, FH_ROLE_CLIENT, secret[0], shown[1], salt, label), 0);
    label[FH_SEAL_LABEL_MAX] = 'l';
    label[FH_SEAL_LABEL_MAX + 1] = '\0';
    ck_assert_int_eq(fh_sealer_init(&a, FH_ROLE_CLIENT, secret[0], shown[1], salt, label),
                     FH_CRYPTO_E_INVAL);
}
END_TEST

START_TEST(nothing_is_left_after_the_end)
{
    struct fh_sealer zero = {.broken = FH_CRYPTO_E_CLOSED};
    uint8_t m[ROOM];
    size_t len;

    fh_sealer_finish(&a);
    ck_assert_int_eq(memcmp(a.tx_key, zero.tx_key, 32) | memcmp(a.rx_key, zero.rx_key, 32), 0);
    ck_assert_int_eq(fh_sealer_seal(&a, rng_fill, &rng, m, 1), FH_CRYPTO_E_CLOSED);
    ck_assert_int_eq(fh_sealer_open(&a, m, 30, &len), FH_CRYPTO_E_CLOSED);
    fh_sealer_finish(&a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("seal");
    TCase *tc = tcase_create("seal");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, both_directions_carry_messages_in_order);
    tcase_add_test(tc, a_changed_bit_anywhere_breaks_it_for_good);
    tcase_add_test(tc, repeats_gaps_and_reflections_are_refused);
    tcase_add_test(tc, another_conversation_or_key_opens_nothing);
    tcase_add_test(tc, a_salt_that_is_used_again_gives_nothing_away);
    tcase_add_test(tc, points_of_small_order_and_long_labels_are_refused);
    tcase_add_test(tc, nothing_is_left_after_the_end);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
