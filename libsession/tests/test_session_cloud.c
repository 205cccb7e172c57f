/* SPDX-License-Identifier: MIT */
/*
 * test_session_cloud.c -- what a cloud tells the two ends of their connection: its name and a share
 * of key material that both must have, and the server's identity, which must be the one that shows.
 */
#include "peers.h"

static uint8_t ref[FH_CHANNEL_REF_LEN], secret[FH_CHANNEL_SECRET_LEN];

enum { NONE, RIGHT, OTHER };

/* What each end was told. */
static const struct {
    int server_ref, server_secret, viewer_ref, viewer_secret;
    bool is_refused;
} tellings[] = {
    {RIGHT, RIGHT, RIGHT, RIGHT, false}, {NONE, NONE, NONE, NONE, false},
    {RIGHT, NONE, RIGHT, NONE, false},   {RIGHT, RIGHT, OTHER, RIGHT, true},
    {RIGHT, RIGHT, NONE, RIGHT, true},   {RIGHT, RIGHT, RIGHT, OTHER, true},
    {RIGHT, RIGHT, RIGHT, NONE, true},   {RIGHT, NONE, RIGHT, RIGHT, true},
    {NONE, NONE, RIGHT, RIGHT, true},    {RIGHT, RIGHT, NONE, NONE, true},
    {OTHER, OTHER, RIGHT, RIGHT, true},  {OTHER, OTHER, OTHER, OTHER, false},
};

static const uint8_t *pick(int which, uint8_t *right, size_t len, uint8_t other[32])
{
    memcpy(other, right, len);
    other[0] ^= 1;
    return which == NONE ? NULL : which == RIGHT ? right : other;
}

START_TEST(both_ends_must_have_been_told_the_same)
{
    struct peers seed = {.now = 1000}, *p;
    struct fh_viewer_conn_config v = viewer_config(&seed);
    uint8_t other[4][32];
    const uint8_t *server_ref = pick(tellings[_i].server_ref, ref, sizeof ref, other[0]);
    const uint8_t *server_secret =
        pick(tellings[_i].server_secret, secret, sizeof secret, other[1]);

    v.session_ref = pick(tellings[_i].viewer_ref, ref, sizeof ref, other[2]);
    v.cloud_secret = pick(tellings[_i].viewer_secret, secret, sizeof secret, other[3]);
    p = peers_new(NULL, &v);
    p->has_refusal = tellings[_i].is_refused;
    if (server_ref)
        fh_server_conn_set_cloud(p->s, server_ref, server_secret);
    run(p);
    ck_assert_int_eq(p->updates > 0, !tellings[_i].is_refused);
    if (tellings[_i].is_refused) {
        ck_assert_uint_eq(p->v_ended, 1);
        ck_assert_uint_eq(p->s_ended, 1);
        ck_assert_ptr_null(strstr(p->slog, "identified"));
        ck_assert_ptr_null(strstr(p->vlog, "started"));
    }
    peers_free(p);
}
END_TEST

START_TEST(another_identity_than_the_one_named_ends_it_before_anything_is_told)
{
    struct peers seed = {.now = 1000}, *p;
    struct fh_viewer_conn_config v = viewer_config(&seed);
    uint8_t expected[FH_FINGERPRINT_LEN];
    const uint8_t *spki;
    size_t len;

    spki = fh_identity_spki(_i == 0 ? server_identity : viewer_identity, &len);
    fh_fingerprint(spki, len, expected);
    v.expected = expected;
    p = peers_new(NULL, &v);
    memset(expected, 0, sizeof expected); /* it was copied */
    run(p);
    ck_assert_int_eq(p->updates > 0, _i == 0);
    if (_i == 1) {
        ck_assert_uint_eq(p->v_ended, 1);
        ck_assert_int_eq(p->v_end.ended.error, FH_SESSION_E_SWAPPED);
        ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_IDENTITY);
        ck_assert_ptr_null(strstr(p->slog, "auth 1"));
        ck_assert_ptr_null(strstr(p->slog, "identified"));
        ck_assert_ptr_nonnull(strstr(p->valog, "auth-failed swapped"));
    }
    peers_free(p);
}
END_TEST

/* That the cloud named it is no reason to trust it. */
START_TEST(an_identity_that_was_named_is_asked_about_all_the_same)
{
    struct peers seed = {.now = 1000}, *p;
    struct fh_viewer_conn_config v = viewer_config(&seed);
    uint8_t expected[FH_FINGERPRINT_LEN];
    const uint8_t *spki;
    size_t len;

    spki = fh_identity_spki(server_identity, &len);
    fh_fingerprint(spki, len, expected);
    v.expected = expected;
    v.verify_always = _i == 1;
    p = peers_new(NULL, &v);
    p->trust = _i == 0 ? FH_TRUST_NONE : FH_TRUST_CONFIRMED;
    run(p);
    ck_assert_uint_eq(p->updates, 0);
    ck_assert_uint_eq(p->v_ended, 1);
    ck_assert_int_eq(p->v_end.ended.error, _i == 0 ? 0 : FH_SESSION_E_UNCHECKED);
    peers_free(p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("session through a cloud");
    TCase *tc = tcase_create("cloud");
    SRunner *sr = srunner_create(s);
    int failed;

    if (!make_identities())
        return EXIT_FAILURE;
    memset(ref, 0x21, sizeof ref);
    memset(secret, 0x42, sizeof secret);
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, NULL, free_identities);
    tcase_add_loop_test(tc, both_ends_must_have_been_told_the_same, 0,
                        sizeof tellings / sizeof *tellings);
    tcase_add_loop_test(tc, another_identity_than_the_one_named_ends_it_before_anything_is_told, 0,
                        2);
    tcase_add_loop_test(tc, an_identity_that_was_named_is_asked_about_all_the_same, 0, 2);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    free_identities();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
