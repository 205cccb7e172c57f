/* SPDX-License-Identifier: MIT */
/*
 * test_channel_kem.c -- suite 0x0101 end to end, with a stand-in for ML-KEM-768 of the same sizes,
 * so that the channel's part of it is tested with any libsodium.
 *
 * The stand-in has no secrecy: ek = first half of the seed || zeros, ss = H(ek || seed of the
 * encapsulation), and ct carries that seed. It refuses an ek with a coefficient of 3329 or more.
 */
#include <check.h>

#define fh__mlkem_is_available real_mlkem_is_available
#define fh__mlkem_keypair real_mlkem_keypair
#define fh__mlkem_encapsulate real_mlkem_encapsulate
#define fh__mlkem_decapsulate real_mlkem_decapsulate
#include "../src/kex.c"
#undef fh__mlkem_is_available
#undef fh__mlkem_keypair
#undef fh__mlkem_encapsulate
#undef fh__mlkem_decapsulate

#include "channel_pair.h"

static bool is_kem_here = true;

bool fh__mlkem_is_available(void);
int fh__mlkem_keypair(const uint8_t seed[64], uint8_t ek[FH__MLKEM_EK], uint8_t dk[FH__MLKEM_DK]);
int fh__mlkem_encapsulate(const uint8_t ek[FH__MLKEM_EK], const uint8_t seed[32],
                          uint8_t ct[FH__MLKEM_CT], uint8_t ss[FH__MLKEM_SS]);
int fh__mlkem_decapsulate(const uint8_t dk[FH__MLKEM_DK], const uint8_t ct[FH__MLKEM_CT],
                          uint8_t ss[FH__MLKEM_SS]);

bool fh__mlkem_is_available(void)
{
    return is_kem_here;
}

int fh__mlkem_keypair(const uint8_t seed[64], uint8_t ek[FH__MLKEM_EK], uint8_t dk[FH__MLKEM_DK])
{
    memset(ek, 0, FH__MLKEM_EK);
    memset(dk, 0, FH__MLKEM_DK);
    memcpy(ek + 1152, seed, 32);
    memcpy(dk, ek, FH__MLKEM_EK);
    return 0;
}

static void stand_in_secret(const uint8_t *ek, const uint8_t *seed, uint8_t ss[FH__MLKEM_SS])
{
    struct fh__hash h;

    fh__hash_init(&h);
    fh__hash_add(&h, ek, FH__MLKEM_EK);
    fh__hash_add(&h, seed, 32);
    fh__hash_peek(&h, ss);
}

int fh__mlkem_encapsulate(const uint8_t ek[FH__MLKEM_EK], const uint8_t seed[32],
                          uint8_t ct[FH__MLKEM_CT], uint8_t ss[FH__MLKEM_SS])
{
    if (!ek_is_reduced(ek))
        return FH_CRYPTO_E_PROTO;
    memset(ct, 0, FH__MLKEM_CT);
    memcpy(ct, seed, 32);
    stand_in_secret(ek, seed, ss);
    return 0;
}

int fh__mlkem_decapsulate(const uint8_t dk[FH__MLKEM_DK], const uint8_t ct[FH__MLKEM_CT],
                          uint8_t ss[FH__MLKEM_SS])
{
    stand_in_secret(dk, ct, ss);
    return 0;
}

static void ck_open_with(const struct pair *p, enum fh_channel_suite suite)
{
    struct fh_channel_info info;

    ck_assert_uint_eq(p->client.opens, 1);
    ck_assert_uint_eq(p->server.opens, 1);
    fh_channel_info(p->client.c, &info);
    ck_assert_int_eq(info.suite, suite);
    fh_channel_info(p->server.c, &info);
    ck_assert_int_eq(info.suite, suite);
}

START_TEST(the_suite_with_a_kem_is_preferred_where_both_have_it)
{
    struct pair *p = pair_new();

    p->chunk = (size_t)_i;
    pair_start(p);
    ck_assert_uint_eq((p->client.c->out_end - 12 - 4) % 256, 0);
    pump(p);
    ck_open_with(p, FH_SUITE_X25519MLKEM768_AES256GCM);
    pair_free(p);
}
END_TEST

START_TEST(a_server_without_the_kem_takes_the_other_suite)
{
    struct pair *p = pair_new();
    static uint8_t hello[4096];
    size_t n;

    pair_start(p);
    n = side_take(&p->client, hello, sizeof hello);
    is_kem_here = false;
    side_feed(p, &p->server, hello, n);
    is_kem_here = true;
    pump(p);
    ck_open_with(p, FH_SUITE_X25519_AES256GCM);
    pair_free(p);
}
END_TEST

START_TEST(a_client_without_the_kem_takes_the_other_suite)
{
    struct pair *p = pair_new();

    is_kem_here = false;
    pair_start(p);
    ck_assert_uint_eq(p->client.c->out_end, 12 + 4 + 256);
    is_kem_here = true;
    pump(p);
    ck_open_with(p, FH_SUITE_X25519_AES256GCM);
    pair_free(p);
}
END_TEST

START_TEST(a_rekey_has_a_kem_too)
{
    struct pair *p = pair_new();
    struct fh_channel_config cfg = side_config(&p->client, FH_ROLE_CLIENT);
    size_t before;

    cfg.max_record = 1024; /* raised to what an offer needs */
    cfg.now_ms = p->now;
    p->client.c = fh_channel_new(&cfg);
    pair_open(p);
    ck_assert_uint_eq(p->server.c->max_out, 1280);
    ck_assert_uint_eq(p->client.c->max_out, 1280);
    before = p->client.sent;
    p->chunk = (size_t)_i;
    ck_assert_int_eq(fh_channel_rekey(p->client.c, p->now), 0);
    pump(p);
    ck_assert_uint_eq(p->client.rekeys, 1);
    ck_assert_uint_eq(p->server.rekeys, 1);
    ck_assert_uint_eq(p->client.sent - before, 1300 + 84); /* RekeyOffer, RekeyDone */
    ck_assert_int_eq(side_write(&p->client, "c", 1, FH_PAD_NONE), 0);
    ck_assert_int_eq(side_write(&p->server, "s", 1, FH_PAD_NONE), 0);
    pump(p);
    ck_assert_uint_eq(p->client.data_len + p->server.data_len, 2);
    pair_free(p);
}
END_TEST

/* The KEM's secret enters the key: with another one on one side, nothing opens. */
START_TEST(the_kem_secret_counts)
{
    struct pair *p = pair_new();

    pair_start(p);
    p->client.c->s->dk[1152] ^= 1;
    pump(p);
    ck_assert_int_eq(p->client.closed.closed.error, FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(p->client.closed.closed.code, FH_CODE_RECORD);
    pair_free(p);
}
END_TEST

START_TEST(a_kem_key_with_a_large_coefficient_is_refused)
{
    struct pair *p = pair_new();
    static uint8_t hello[4096];
    size_t n, ek = 12 + 4 + 32 + 16 + 16 + 1 + 4 + 32 + 2;

    pair_start(p);
    n = side_take(&p->client, hello, sizeof hello);
    hello[ek + 1] = 0x0d; /* 0xd01 = 3329 */
    hello[ek] = 0x01;
    side_feed(p, &p->server, hello, n);
    pump(p);
    ck_assert_int_eq(p->client.closed.closed.error, FH_CRYPTO_E_REFUSED);
    ck_assert_int_eq(p->client.closed.closed.code, FH_CODE_PROTOCOL);
    ck_assert_int_eq(p->server.closed.closed.error, FH_CRYPTO_E_PROTO);
    pair_free(p);
}
END_TEST

START_TEST(an_offer_with_a_bad_kem_key_closes)
{
    static uint8_t m[1 + 32 + 2 + FH__MLKEM_EK] = {FH__REKEY_OFFER, 9};
    struct pair *p = pair_new();

    m[33] = 0x04;
    m[34] = 0xa0;
    pair_open(p);
    if (_i == 0)
        m[35 + 2] = 0xff; /* the second coefficient is 0xff0 */
    else if (_i == 1)
        m[34] = 0x9f; /* 1183 bytes */
    else
        m[33] = m[34] = 0; /* none */
    side_seal(&p->client, FH__CONTROL, m, _i == 0 ? sizeof m : _i == 1 ? sizeof m - 1 : 35);
    pump(p);
    ck_assert_int_eq(p->server.closed.closed.error, FH_CRYPTO_E_PROTO);
    ck_assert_int_eq(p->server.closed.closed.code, FH_CODE_PROTOCOL);
    pair_free(p);
}
END_TEST

START_TEST(a_max_record_too_small_for_a_rekey_is_refused)
{
    struct fh__parameters m;
    const uint8_t body[] = {0, 8, 0, 1, 0, 4, 0, 0, 4, 0xff};

    ck_assert_int_eq(fh__read_parameters(rd_init(body, sizeof body), 0x0001, &m), 0);
    ck_assert_int_eq(fh__read_parameters(rd_init(body, sizeof body), 0x0101, &m),
                     FH_CRYPTO_E_PROTO);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("channel: suite 0x0101");
    TCase *tc = tcase_create("suite 0x0101");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_loop_test(tc, the_suite_with_a_kem_is_preferred_where_both_have_it, 0, 2);
    tcase_add_test(tc, a_server_without_the_kem_takes_the_other_suite);
    tcase_add_test(tc, a_client_without_the_kem_takes_the_other_suite);
    tcase_add_loop_test(tc, a_rekey_has_a_kem_too, 0, 2);
    tcase_add_test(tc, the_kem_secret_counts);
    tcase_add_test(tc, a_kem_key_with_a_large_coefficient_is_refused);
    tcase_add_loop_test(tc, an_offer_with_a_bad_kem_key_closes, 0, 3);
    tcase_add_test(tc, a_max_record_too_small_for_a_rekey_is_refused);
    suite_add_tcase(s, tc);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
