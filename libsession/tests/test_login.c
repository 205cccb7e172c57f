/* SPDX-License-Identifier: MIT */
/* test_login.c -- the steps of one attempt, alone and through whole sessions. */
#include "peers.h"

#include <farhand/login.h>
#include <farhand/password.h>

static const uint8_t fake_key[FH_LOGIN_FAKE_KEY_LEN] = {7};

/* ---- factors ---- */

static const struct {
    const char *text;
    unsigned factors; /* 0: refused */
    const char *canonical;
} words[] = {
    {"password", FH_FACTOR_PASSWORD, "password"},
    {" totp+password ", FH_FACTOR_PASSWORD | FH_FACTOR_TOTP, "password + totp"},
    {"identity + approval", FH_FACTOR_IDENTITY | FH_FACTOR_APPROVAL, "identity + approval"},
    {"password + totp + identity + approval", 0xf, "password + totp + identity + approval"},
    {"", 0, NULL},
    {"none", 0, NULL},
    {"approval", 0, NULL},
    {"totp", 0, NULL},
    {"totp + approval", 0, NULL},
    {"password +", 0, NULL},
    {"password totp", 0, NULL},
    {"password + password", 0, NULL},
    {"+ password", 0, NULL},
    {"passwords", 0, NULL},
};

START_TEST(factors_are_words_joined_by_plus)
{
    unsigned factors = 0x100;
    char text[64];

    if (words[_i].factors == 0) {
        ck_assert_int_eq(fh_factors_parse(words[_i].text, &factors), FH_SESSION_E_FORMAT);
        ck_assert_uint_eq(factors, 0x100);
        return;
    }
    ck_assert_int_eq(fh_factors_parse(words[_i].text, &factors), 0);
    ck_assert_uint_eq(factors, words[_i].factors);
    fh_factors_format(factors, text, sizeof text);
    ck_assert_str_eq(text, words[_i].canonical);
}
END_TEST

/* ---- the machine alone ---- */

static struct fh_login_account account(unsigned required)
{
    struct fh_login_account a = {.exists = true,
                                 .required = required,
                                 .permissions = FH_PERM_VIEW | FH_PERM_POINTER,
                                 .has_password = true,
                                 .has_totp = true,
                                 .is_identity_listed = true,
                                 .password = {.passes = 1, .memory_kib = 8}};

    memset(a.password.salt, 3, sizeof a.password.salt);
    ck_assert_int_eq(fh_password_derive("secret", 6, a.password.salt, 1, 8, a.password.key), 0);
    return a;
}

static struct fh_login login;

static enum fh_login_step begin(enum fh_method method, const struct fh_login_account *a)
{
    static const uint8_t zeros[32];
    const struct fh_login_config cfg = {.random = test_random,
                                        .binding = zeros,
                                        .server = zeros,
                                        .viewer = zeros,
                                        .fake_key = fake_key};
    const struct fh_credentials c = {.method = method, .user = "ann", .attempt = 1};

    return fh_login_begin(&login, &cfg, &c, a);
}

static enum fh_login_step answer(enum fh_kind kind, const void *data, size_t len)
{
    const struct fh_item item = {.kind = kind, .data = data, .len = len};

    return fh_login_answered(&login, &item, 1);
}

START_TEST(a_right_password_is_enough_where_no_more_is_required)
{
    const struct fh_login_account a = account(FH_FACTOR_PASSWORD);

    ck_assert_int_eq(begin(FH_METHOD_PASSWORD, &a), FH_LOGIN_PASSWORD);
    ck_assert_int_eq(fh_login_checked(&login, true), FH_LOGIN_GRANT);
    ck_assert_uint_eq(login.permissions, FH_PERM_VIEW | FH_PERM_POINTER);
    ck_assert_int_eq(begin(FH_METHOD_PASSWORD, &a), FH_LOGIN_PASSWORD);
    ck_assert_int_eq(fh_login_checked(&login, false), FH_LOGIN_REJECT);
    ck_assert_str_eq(login.reason, "wrong");
}
END_TEST

START_TEST(who_checked_may_allow_less_and_not_more)
{
    const struct fh_login_account a = account(FH_FACTOR_PASSWORD);

    ck_assert_int_eq(begin(FH_METHOD_CONVERSATION, &a), FH_LOGIN_CONVERSE);
    fh_login_restrict(&login, FH_PERM_ALL & ~FH_PERM_POINTER);
    ck_assert_int_eq(fh_login_checked(&login, true), FH_LOGIN_GRANT);
    ck_assert_uint_eq(login.permissions, FH_PERM_VIEW);
    ck_assert_int_eq(begin(FH_METHOD_CONVERSATION, &a), FH_LOGIN_CONVERSE);
    fh_login_restrict(&login, FH_PERM_CLIPBOARD);
    ck_assert_int_eq(fh_login_checked(&login, true), FH_LOGIN_REJECT);
    ck_assert_str_eq(login.reason, "no-permissions");
}
END_TEST

/* What is done for a name does not depend on whether somebody has it, until it is rejected. */
START_TEST(a_name_that_nobody_has_takes_the_same_steps)
{
    static const enum fh_method plain[] = {FH_METHOD_PASSWORD, FH_METHOD_CONVERSATION};
    const struct fh_login_account known = account(FH_FACTOR_PASSWORD | FH_FACTOR_TOTP), none = {0};
    uint8_t point[FH_PAKE_ANSWER_LEN], proof[FH_PAKE_PROOF_LEN] = {0};
    struct fh_cpace c;
    const struct fh_cpace_peers peers = {.server = fake_key, .viewer = fake_key};

    ck_assert_int_eq(
        fh_cpace_start(&c, FH_CPACE_INITIATOR, fake_key, &peers, fake_key, test_random, NULL), 0);
    memcpy(point, c.point, sizeof point);
    for (unsigned i = 0; i < 2; i++) {
        const struct fh_login_account *a = i ? &known : &none;

        for (size_t m = 0; m < 2; m++) {
            ck_assert_int_eq(begin(plain[m], a), m == 0 ? FH_LOGIN_PASSWORD : FH_LOGIN_CONVERSE);
            ck_assert_int_eq(fh_login_checked(&login, false), FH_LOGIN_REJECT);
            ck_assert_str_eq(login.reason, "wrong");
        }
        ck_assert_int_eq(begin(FH_METHOD_CPACE, a), FH_LOGIN_ASK);
        ck_assert_int_eq(answer(FH_KIND_PAKE, point, sizeof point), FH_LOGIN_ASK);
        ck_assert_uint_eq(login.items[0].len, FH_PAKE_PROOF_ASK_LEN);
        ck_assert_int_eq(answer(FH_KIND_PAKE, proof, sizeof proof), FH_LOGIN_REJECT);
        ck_assert_str_eq(login.reason, "wrong");
    }
}
END_TEST

START_TEST(each_factor_that_is_required_is_asked_for_in_order)
{
    const struct fh_login_account a = account(0xf);

    ck_assert_int_eq(begin(FH_METHOD_CONVERSATION, &a), FH_LOGIN_CONVERSE);
    ck_assert_int_eq(fh_login_checked(&login, true), FH_LOGIN_ASK);
    ck_assert_int_eq(login.items[0].kind, FH_KIND_CODE);
    ck_assert_int_eq(answer(FH_KIND_CODE, "123456", 6), FH_LOGIN_CODE);
    ck_assert_str_eq(login.code, "123456");
    ck_assert_int_eq(fh_login_checked(&login, true), FH_LOGIN_APPROVE);
    ck_assert_int_eq(fh_login_approved(&login, FH_PERM_ALL & ~FH_PERM_POINTER), FH_LOGIN_GRANT);
    ck_assert_uint_eq(login.permissions, FH_PERM_VIEW);
}
END_TEST

/* What is missing, by which method, and the reason that is recorded. */
static const struct {
    unsigned required;
    enum fh_method method;
    bool exists, has_totp, is_listed;
    const char *reason;
} misses[] = {
    {0, FH_METHOD_IDENTITY, true, true, true, "no-access"},
    {FH_FACTOR_IDENTITY, FH_METHOD_IDENTITY, false, true, true, "no-access"},
    {FH_FACTOR_IDENTITY, FH_METHOD_IDENTITY, true, true, false, "identity"},
    {FH_FACTOR_PASSWORD, FH_METHOD_IDENTITY, true, true, true, "password"},
    {FH_FACTOR_IDENTITY | FH_FACTOR_TOTP, FH_METHOD_IDENTITY, true, false, true, "not-enrolled"},
    {FH_FACTOR_PASSWORD, 9, true, true, true, "method"},
};

START_TEST(what_is_missing_rejects)
{
    struct fh_login_account a = account(misses[_i].required);

    a.exists = misses[_i].exists;
    a.has_totp = misses[_i].has_totp;
    a.is_identity_listed = misses[_i].is_listed;
    ck_assert_int_eq(begin(misses[_i].method, &a), FH_LOGIN_REJECT);
    ck_assert_str_eq(login.reason, misses[_i].reason);
}
END_TEST

START_TEST(an_identity_alone_lets_in_who_needs_no_more)
{
    const struct fh_login_account a = account(FH_FACTOR_IDENTITY);

    ck_assert_int_eq(begin(FH_METHOD_IDENTITY, &a), FH_LOGIN_GRANT);
}
END_TEST

START_TEST(calls_out_of_order_reject_and_stay_so)
{
    const struct fh_login_account a = account(FH_FACTOR_PASSWORD);

    ck_assert_int_eq(begin(FH_METHOD_PASSWORD, &a), FH_LOGIN_PASSWORD);
    ck_assert_int_eq(fh_login_approved(&login, FH_PERM_ALL), FH_LOGIN_REJECT);
    ck_assert_int_eq(fh_login_checked(&login, true), FH_LOGIN_REJECT);
    ck_assert_int_eq(begin(FH_METHOD_CPACE, &a), FH_LOGIN_ASK);
    ck_assert_int_eq(fh_login_checked(&login, true), FH_LOGIN_REJECT);
    ck_assert_int_eq(begin(FH_METHOD_PASSWORD, &a), FH_LOGIN_PASSWORD);
    ck_assert_int_eq(answer(FH_KIND_CODE, "1", 1), FH_LOGIN_REJECT);
}
END_TEST

START_TEST(malformed_answers_reject)
{
    const struct fh_login_account a = account(FH_FACTOR_PASSWORD | FH_FACTOR_TOTP);
    static const uint8_t zeros[FH_AUTH_ANSWER_MAX];

    ck_assert_int_eq(begin(FH_METHOD_CPACE, &a), FH_LOGIN_ASK);
    ck_assert_int_eq(answer(FH_KIND_PAKE, zeros, FH_PAKE_ANSWER_LEN - 1), FH_LOGIN_REJECT);
    ck_assert_int_eq(begin(FH_METHOD_CPACE, &a), FH_LOGIN_ASK);
    ck_assert_int_eq(answer(FH_KIND_PAKE, zeros, FH_PAKE_ANSWER_LEN), FH_LOGIN_REJECT);
    ck_assert_int_eq(begin(FH_METHOD_PASSWORD, &a), FH_LOGIN_PASSWORD);
    ck_assert_int_eq(fh_login_checked(&login, true), FH_LOGIN_ASK);
    ck_assert_int_eq(answer(FH_KIND_CODE, zeros, 6), FH_LOGIN_REJECT);
    ck_assert_int_eq(begin(FH_METHOD_PASSWORD, &a), FH_LOGIN_PASSWORD);
    ck_assert_int_eq(fh_login_checked(&login, true), FH_LOGIN_ASK);
    ck_assert_int_eq(fh_login_answered(&login, NULL, 0), FH_LOGIN_REJECT);
}
END_TEST

/* A name that nobody has asks the same each time, and something else for another name. */
START_TEST(a_name_that_nobody_has_looks_like_one_that_somebody_has)
{
    const struct fh_login_account a = {.exists = false};
    uint8_t first[FH_PAKE_ASK_LEN];

    ck_assert_int_eq(begin(FH_METHOD_CPACE, &a), FH_LOGIN_ASK);
    ck_assert_uint_eq(login.items[0].len, FH_PAKE_ASK_LEN);
    memcpy(first, login.items[0].data, sizeof first);
    ck_assert_int_eq(begin(FH_METHOD_CPACE, &a), FH_LOGIN_ASK);
    ck_assert_mem_eq(login.items[0].data, first, sizeof first);
}
END_TEST

/* ---- through sessions ---- */

static struct fh_login_account known;

static void do_step(struct peers *p, enum fh_login_step step)
{
    switch (step) {
    case FH_LOGIN_ASK:
        ck_assert_int_eq(fh_server_conn_ask(p->s, p->now, login.items, login.n_items), 0);
        return;
    case FH_LOGIN_CODE:
        do_step(p, fh_login_checked(&login, strcmp(login.code, "246810") == 0));
        return;
    case FH_LOGIN_GRANT:
        ck_assert_int_eq(fh_server_conn_authenticated(p->s, p->now, login.permissions), 0);
        return;
    case FH_LOGIN_REJECT:
        note(p->slog, "rejected %s\n", login.reason);
        ck_assert_int_eq(fh_server_conn_authenticated(p->s, p->now, 0), 0);
        return;
    case FH_LOGIN_PASSWORD:
    case FH_LOGIN_CONVERSE:
    case FH_LOGIN_APPROVE:
        ck_abort_msg("step %d", step);
    }
}

static void on_server(struct peers *p, const struct fh_server_conn_event *ev)
{
    static const struct fh_login_account nobody;
    uint8_t binding[FH_AUTH_BINDING_LEN], fp[FH_FINGERPRINT_LEN];
    const uint8_t *spki;
    size_t len;

    if (ev->type == FH_SERVER_CONN_EV_ANSWERS) {
        do_step(p, fh_login_answered(&login, ev->answers.items, ev->answers.n));
        return;
    }
    spki = fh_identity_spki(server_identity, &len);
    fh_fingerprint(spki, len, fp);
    ck_assert(ev->credentials.method != FH_METHOD_CPACE || !ev->credentials.password);
    ck_assert_int_eq(fh_server_conn_binding(p->s, binding), 0);
    const struct fh_login_config cfg = {.random = test_random,
                                        .binding = binding,
                                        .server = fp,
                                        .viewer = fh_server_conn_fingerprint(p->s),
                                        .fake_key = fake_key};
    do_step(p, fh_login_begin(&login, &cfg, &ev->credentials,
                              strcmp(ev->credentials.user, "ann") == 0 ? &known : &nobody));
}

static struct peers *start(const char *user, const char *password, enum fh_trust trust)
{
    static const uint8_t methods[] = {FH_METHOD_CPACE, FH_METHOD_PASSWORD, FH_METHOD_IDENTITY};
    struct peers zero = {.now = 1000};
    struct fh_server_conn_config scfg = server_config(&zero);
    struct fh_viewer_conn_config vcfg = viewer_config(&zero);
    struct peers *p;

    scfg.methods = methods;
    scfg.n_methods = sizeof methods;
    vcfg.user = user;
    vcfg.password = password;
    vcfg.password_len = strlen(password);
    p = peers_new(&scfg, &vcfg);
    p->authenticates = on_server;
    p->trust = trust;
    p->code = "246810";
    return p;
}

START_TEST(a_password_is_proved_to_a_server_that_nobody_vouches_for)
{
    struct peers *p = start("ann", "secret", FH_TRUST_BLIND);

    known = account(FH_FACTOR_PASSWORD);
    p->chunk = _i ? 1 : 0;
    run(p);
    ck_assert(strstr(p->vlog, "started 5 proved") != NULL);
    ck_assert_uint_eq(fh_server_conn_method(p->s), FH_METHOD_CPACE);
    peers_free(p);
}
END_TEST

START_TEST(a_wrong_password_may_be_tried_again)
{
    struct peers *p = start("ann", "secreT", FH_TRUST_BLIND);

    known = account(FH_FACTOR_PASSWORD);
    p->retry_password = "secret";
    run(p);
    ck_assert(strstr(p->slog, "rejected wrong") != NULL);
    ck_assert(strstr(p->vlog, "credentials 2\n") != NULL);
    ck_assert(strstr(p->vlog, "started 5 proved") != NULL);
    peers_free(p);
}
END_TEST

START_TEST(a_name_that_nobody_has_is_rejected_at_the_end)
{
    struct peers *p = start("bob", "secret", FH_TRUST_CONFIRMED);

    known = account(FH_FACTOR_PASSWORD);
    run(p);
    ck_assert(strstr(p->slog, "rejected wrong") != NULL);
    ck_assert(strstr(p->vlog, "credentials 2\n") != NULL);
    peers_free(p);
}
END_TEST

START_TEST(a_code_is_asked_for_after_the_password)
{
    struct peers *p = start("ann", "secret", FH_TRUST_BLIND);

    known = account(FH_FACTOR_PASSWORD | FH_FACTOR_TOTP);
    p->code = _i ? "111111" : "246810";
    run(p);
    ck_assert(strstr(p->vlog, "ask 4 0 \n") != NULL);
    if (_i)
        ck_assert(strstr(p->slog, "rejected wrong-code") != NULL);
    else
        ck_assert(strstr(p->vlog, "started 5 proved") != NULL);
    peers_free(p);
}
END_TEST

/* ---- servers that are not what they say ---- */

/* It accepts anything, without knowing the password. */
static void grant_all(struct peers *p, const struct fh_server_conn_event *ev)
{
    static uint8_t data[FH_PAKE_PROOF_ASK_LEN];
    struct fh_item item = {.kind = FH_KIND_PAKE, .data = data, .len = FH_PAKE_ASK_LEN};

    if (ev->type == FH_SERVER_CONN_EV_AUTHENTICATE) {
        memset(data, 0, sizeof data);
        data[0] = FH_PAKE_VERSION;
        data[4] = 1;
        data[8] = 8;
    } else if (ev->answers.items[0].len == FH_PAKE_ANSWER_LEN) {
        memcpy(data, ev->answers.items[0].data, FH_PAKE_ANSWER_LEN);
        item.len = FH_PAKE_PROOF_ASK_LEN;
    } else {
        for (size_t i = 0; i < FH_PAKE_PROOF_LEN; i++)
            ck_assert_uint_eq(((const uint8_t *)ev->answers.items[0].data)[i], 0);
        if (p->asks_instead) {
            item = (struct fh_item){.kind = FH_KIND_PROMPT, .data = "\1Password:", .len = 10};
            ck_assert_int_eq(fh_server_conn_ask(p->s, p->now, &item, 1), 0);
        } else {
            ck_assert_int_eq(fh_server_conn_authenticated(p->s, p->now, FH_PERM_ALL), 0);
        }
        return;
    }
    ck_assert_int_eq(fh_server_conn_ask(p->s, p->now, &item, 1), 0);
}

START_TEST(an_impostor_gets_no_proof_and_no_viewer)
{
    struct peers *p = start("ann", "secret", _i & 1 ? FH_TRUST_CONFIRMED : FH_TRUST_BLIND);

    p->authenticates = grant_all;
    p->asks_instead = _i >= 2;
    run(p);
    ck_assert_uint_eq(p->v_ended, 1);
    ck_assert_int_eq(p->v_end.ended.error, FH_SESSION_E_IMPOSTOR);
    ck_assert_ptr_null(strstr(p->vlog, "started"));
    ck_assert_ptr_null(strstr(p->vlog, "ask"));
    peers_free(p);
}
END_TEST

START_TEST(a_plain_password_stays_here_unless_somebody_vouches_for_the_server)
{
    struct peers *p = peers_new(NULL, NULL);

    p->trust = FH_TRUST_BLIND;
    run(p);
    ck_assert_int_eq(p->v_end.ended.error, FH_SESSION_E_UNCONFIRMED);
    ck_assert_ptr_null(strstr(p->slog, "auth 1"));
    peers_free(p);
}
END_TEST

/* Nor is something else tried instead that was not asked for. */
START_TEST(where_a_password_is_withheld_no_identity_is_tried_in_its_place)
{
    static const uint8_t methods[] = {FH_METHOD_CONVERSATION, FH_METHOD_IDENTITY};
    struct peers zero = {.now = 1000};
    struct fh_server_conn_config scfg = server_config(&zero);
    struct fh_viewer_conn_config vcfg = viewer_config(&zero);
    struct peers *p;

    scfg.methods = methods;
    scfg.n_methods = sizeof methods;
    vcfg.method = _i ? FH_METHOD_IDENTITY : 0;
    p = peers_new(&scfg, &vcfg);
    p->trust = FH_TRUST_BLIND;
    run(p);
    if (_i) {
        ck_assert_ptr_nonnull(strstr(p->slog, "auth 1"));
    } else {
        ck_assert_int_eq(p->v_end.ended.error, FH_SESSION_E_UNCONFIRMED);
        ck_assert_ptr_null(strstr(p->slog, "auth 1"));
    }
    peers_free(p);
}
END_TEST

/* One prompt, one code, a notice: what a conversation is made of. */
static void converse(struct peers *p, const struct fh_server_conn_event *ev)
{
    static const struct fh_item items[] = {{FH_KIND_NOTICE, "Welcome\n", 8},
                                           {FH_KIND_PROMPT, "\0Password: ", 11},
                                           {FH_KIND_PROMPT, "\1Town\x1b: ", 8}};

    if (ev->type == FH_SERVER_CONN_EV_AUTHENTICATE) {
        note(p->slog, "method %d\n", ev->credentials.method);
        ck_assert_int_eq(fh_server_conn_ask(p->s, p->now, items, 3), 0);
        return;
    }
    ck_assert_uint_eq(ev->answers.n, 2);
    note(p->slog, "%.*s|%.*s\n", (int)ev->answers.items[0].len,
         (const char *)ev->answers.items[0].data, (int)ev->answers.items[1].len,
         (const char *)ev->answers.items[1].data);
    ck_assert_int_eq(fh_server_conn_authenticated(p->s, p->now, FH_PERM_VIEW), 0);
}

START_TEST(a_conversation_asks_what_the_server_likes)
{
    static const uint8_t methods[] = {FH_METHOD_CONVERSATION};
    struct peers zero = {.now = 1000}, *p;
    struct fh_server_conn_config scfg = server_config(&zero);

    scfg.methods = methods;
    scfg.n_methods = 1;
    p = peers_new(&scfg, NULL);
    p->authenticates = converse;
    p->code = "yes";
    p->trust = _i ? FH_TRUST_BLIND : FH_TRUST_CONFIRMED;
    run(p);
    if (_i) {
        ck_assert_int_eq(p->v_end.ended.error, FH_SESSION_E_UNCONFIRMED);
    } else {
        ck_assert(strstr(p->vlog, "notice Welcome\\x0a\nask 5 0 Password: \nask 5 1 Town\\x1b: \n"
                                  "started 1\n") != NULL);
        ck_assert(strstr(p->slog, "method 3\nyes|yes\n") != NULL);
    }
    peers_free(p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("login");
    TCase *tc = tcase_create("machine"), *sessions = tcase_create("sessions");
    SRunner *runner;
    int failed;

    if (!make_identities())
        return 1;
    tcase_add_loop_test(tc, factors_are_words_joined_by_plus, 0, sizeof words / sizeof words[0]);
    tcase_add_test(tc, a_right_password_is_enough_where_no_more_is_required);
    tcase_add_test(tc, who_checked_may_allow_less_and_not_more);
    tcase_add_test(tc, a_name_that_nobody_has_takes_the_same_steps);
    tcase_add_test(tc, each_factor_that_is_required_is_asked_for_in_order);
    tcase_add_loop_test(tc, what_is_missing_rejects, 0, sizeof misses / sizeof misses[0]);
    tcase_add_test(tc, an_identity_alone_lets_in_who_needs_no_more);
    tcase_add_test(tc, calls_out_of_order_reject_and_stay_so);
    tcase_add_test(tc, malformed_answers_reject);
    tcase_add_test(tc, a_name_that_nobody_has_looks_like_one_that_somebody_has);
    tcase_add_checked_fixture(sessions, NULL, free_identities);
    tcase_add_loop_test(sessions, a_password_is_proved_to_a_server_that_nobody_vouches_for, 0, 2);
    tcase_add_test(sessions, a_wrong_password_may_be_tried_again);
    tcase_add_test(sessions, a_name_that_nobody_has_is_rejected_at_the_end);
    tcase_add_loop_test(sessions, a_code_is_asked_for_after_the_password, 0, 2);
    tcase_add_loop_test(sessions, an_impostor_gets_no_proof_and_no_viewer, 0, 4);
    tcase_add_test(sessions, a_plain_password_stays_here_unless_somebody_vouches_for_the_server);
    tcase_add_loop_test(tc, where_a_password_is_withheld_no_identity_is_tried_in_its_place, 0, 2);
    tcase_add_loop_test(sessions, a_conversation_asks_what_the_server_likes, 0, 2);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, sessions);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    free_identities();
    return failed != 0;
}
