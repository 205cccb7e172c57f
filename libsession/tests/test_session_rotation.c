/* SPDX-License-Identifier: MIT */
/*
 * test_session_rotation.c -- a server's next key, told inside a session: believed where both keys
 * vouch for it on this very channel and the first was confirmed; and what viewers record, and
 * check, of identities.
 */
#include "peers.h"

#include <farhand/rotation.h>

#include "../src/conn.h"

static struct fh_identity *next_identity;

/* How the server's statement is made. */
static struct making {
    const struct fh_identity *old_key; /* NULL: the right one */
    bool other_binding, twice, flipped;
} making;

static void make(struct peers *p, struct fh_rotation *r)
{
    uint8_t binding[FH_AUTH_BINDING_LEN];

    ck_assert_int_eq(fh_server_conn_binding(p->s, binding), 0);
    binding[0] ^= making.other_binding;
    ck_assert_int_eq(fh_rotation_sign(making.old_key ? making.old_key : server_identity,
                                      next_identity, binding, test_random, NULL, r),
                     0);
    r->new_sig[7] ^= making.flipped;
}

static void grant_and_rotate(struct peers *p, const struct fh_server_conn_event *ev)
{
    struct fh_rotation r;

    (void)ev;
    make(p, &r);
    ck_assert_int_eq(fh_server_conn_rotate(p->s, &r), FH_SESSION_E_STATE); /* not let in yet */
    ck_assert_int_eq(fh_server_conn_authenticated(p->s, p->now, p->grant), 0);
    ck_assert_int_eq(fh_server_conn_rotate(p->s, &r), 0);
    ck_assert_int_eq(fh_server_conn_rotate(p->s, &r), FH_SESSION_E_STATE); /* once */
    if (making.twice)
        p->s->s.has_rotated = false;
    if (making.twice)
        ck_assert_int_eq(fh_server_conn_rotate(p->s, &r), 0);
}

static struct peers *start(struct making how, enum fh_trust trust)
{
    struct peers *p = peers_new(NULL, NULL);

    making = how;
    p->trust = trust;
    p->authenticates = grant_and_rotate;
    return p;
}

static const size_t chunks[] = {0, 1, 13};

START_TEST(a_vouched_key_is_told_before_the_session_starts)
{
    struct peers *p = start((struct making){0}, FH_TRUST_CONFIRMED);
    const uint8_t *spki;
    size_t len;

    p->chunk = chunks[_i];
    run(p);
    ck_assert_str_eq(strtok(p->vlog, "\n"), "rotation");
    ck_assert_str_eq(strtok(NULL, "\n"), "started 7ff");
    spki = fh_identity_spki(next_identity, &len);
    ck_assert_uint_eq(p->v->s.rotation.spki_len, len);
    ck_assert_mem_eq(p->v->s.rotation.spki, spki, len);
    ck_assert_ptr_nonnull(strstr(p->slog, "audit rotation announced"));
    ck_assert_uint_gt(p->updates, 0);
    peers_free(p);
}
END_TEST

/* Method password is not used with a server that was accepted blind, so the state is set. */
START_TEST(a_key_that_was_accepted_blind_has_no_successor)
{
    struct peers *p = start((struct making){0}, FH_TRUST_CONFIRMED);

    while (p->v->s.state != FH_VIEWER_CHOSEN && trip(p))
        ;
    p->v->s.auth.trust = FH_TRUST_BLIND;
    run(p);
    ck_assert_ptr_null(strstr(p->vlog, "rotation"));
    ck_assert_ptr_nonnull(strstr(p->vlog, "started"));
    ck_assert_uint_eq(p->v_ended, 0);
    peers_free(p);
}
END_TEST

static const struct making forged[] = {
    {.other_binding = true}, /* as replayed from another channel */
    {.flipped = true},
    {.twice = true},
    {.old_key = NULL}, /* set in the test: a key that is not the server's */
};

START_TEST(a_forged_or_replayed_statement_ends_the_session)
{
    struct making how = forged[_i];
    struct peers *p;

    if (_i == 3)
        how.old_key = viewer_identity;
    p = start(how, FH_TRUST_CONFIRMED);
    run(p);
    ck_assert_uint_eq(p->v_ended, 1);
    ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_PROTOCOL);
    ck_assert_int_eq(p->v_end.ended.error, how.twice ? FH_SESSION_E_PROTO : FH_SESSION_E_ROTATION);
    if (!how.twice)
        ck_assert_ptr_null(strstr(p->vlog, "rotation"));
    peers_free(p);
}
END_TEST

START_TEST(a_viewer_that_leaves_at_once_has_heard_of_it)
{
    struct peers *p = start((struct making){0}, FH_TRUST_CONFIRMED);
    struct fh_viewer_conn_event ev;

    while (!fh_server_conn_session_id(p->s)[0])
        ck_assert(trip(p));
    collect_server(p, &p->to_viewer);
    for (size_t at = 0, room; at < p->to_viewer.len; at += room) {
        uint8_t *in = fh_viewer_conn_in(p->v, &room);

        room = room < p->to_viewer.len - at ? room : p->to_viewer.len - at;
        memcpy(in, p->to_viewer.mem + at, room);
        (void)fh_viewer_conn_in_done(p->v, p->now, room);
        while (fh_viewer_conn_event(p->v, &ev) > 0) {
            on_viewer_event(p, &ev);
            if (ev.type == FH_VIEWER_CONN_EV_STARTED)
                fh_viewer_conn_close(p->v, FH_BYE_NORMAL);
        }
    }
    ck_assert_ptr_nonnull(strstr(p->vlog, "rotation\nstarted"));
    peers_free(p);
}
END_TEST

/* ---- verify always ---- */

START_TEST(where_each_connection_is_checked_knowing_the_server_is_not_enough)
{
    static const enum fh_trust trusts[] = {FH_TRUST_NONE, FH_TRUST_BLIND, FH_TRUST_CONFIRMED,
                                           FH_TRUST_CHECKED};
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = viewer_config(&zero);
    struct peers *p;

    cfg.verify_always = true;
    p = peers_new(NULL, &cfg);
    p->trust = trusts[_i];
    run(p);
    if (trusts[_i] == FH_TRUST_CHECKED) {
        ck_assert_uint_gt(p->updates, 0);
        ck_assert_ptr_nonnull(strstr(p->valog, "identified checked"));
    } else {
        ck_assert_uint_eq(p->v_ended, 1);
        ck_assert_int_eq(p->v_end.ended.reason, FH_BYE_IDENTITY);
        ck_assert_int_eq(p->v_end.ended.error, _i == 0 ? 0 : FH_SESSION_E_UNCHECKED);
        ck_assert_ptr_null(strstr(p->slog, "identified")); /* nothing of the viewer was sent */
        ck_assert_str_eq(p->valog, "refused identity - -\nended identity - -\n");
    }
    peers_free(p);
}
END_TEST

/* ---- the viewer's audit ---- */

START_TEST(a_viewer_records_what_it_did)
{
    struct peers *p = peers_new(NULL, NULL);

    run(p);
    ck_assert_int_eq(fh_server_conn_set_permissions(p->s, FH_PERM_VIEW), 0);
    run(p);
    fh_viewer_conn_close(p->v, FH_BYE_NORMAL);
    run(p);
    ck_assert_str_eq(p->valog, "identified confirmed - -\n"
                               "started - ann password with permissions\n"
                               "permissions-changed - ann password with permissions\n"
                               "ended normal ann password with permissions\n");
    peers_free(p);
}
END_TEST

START_TEST(a_viewer_records_that_it_was_not_let_in)
{
    struct peers zero = {.now = 1000};
    struct fh_viewer_conn_config cfg = viewer_config(&zero);
    struct peers *p;

    cfg.password = "sesame";
    p = peers_new(NULL, &cfg);
    p->retry_password = "Secret";
    run(p);
    ck_assert_str_eq(p->valog, "identified confirmed - -\nauth-failed wrong ann password\n"
                               "auth-failed wrong ann password\nauth-failed refused ann password\n"
                               "ended authentication ann password\n");
    peers_free(p);
}
END_TEST

static void free_keys(void)
{
    free_identities();
    fh_identity_free(next_identity);
}

int main(void)
{
    Suite *s = suite_create("session_rotation");
    TCase *tc = tcase_create("session_rotation");
    SRunner *sr;
    int failed;

    if (!make_identities() || fh_identity_generate(2048, test_random, NULL, &next_identity) != 0)
        return EXIT_FAILURE;
    tcase_add_checked_fixture(tc, NULL, free_keys);
    tcase_add_loop_test(tc, a_vouched_key_is_told_before_the_session_starts, 0, 3);
    tcase_add_test(tc, a_key_that_was_accepted_blind_has_no_successor);
    tcase_add_loop_test(tc, a_forged_or_replayed_statement_ends_the_session, 0, 4);
    tcase_add_test(tc, a_viewer_that_leaves_at_once_has_heard_of_it);
    tcase_add_loop_test(tc, where_each_connection_is_checked_knowing_the_server_is_not_enough, 0,
                        4);
    tcase_add_test(tc, a_viewer_records_what_it_did);
    tcase_add_test(tc, a_viewer_records_that_it_was_not_let_in);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    free_keys();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
