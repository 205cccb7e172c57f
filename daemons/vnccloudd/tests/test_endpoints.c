/* SPDX-License-Identifier: MIT */
/* What is remembered of addresses, and for whom the store is asked. */
#include <check.h>

#include "broker_world.h"

enum { MANY = 20 };

struct asker {
    struct fh__lookup lookup; /* first */
    unsigned answers;
    int ret;
    uint8_t roles;
};

static struct asker askers[MANY];

static void on_done(struct fh__lookup *l, const struct fh__endpoint *e, int ret)
{
    struct asker *a = (struct asker *)l;

    a->answers++;
    a->ret = ret;
    a->roles = e ? e->roles : 0;
}

static void begin(void)
{
    world_start(false);
    memset(askers, 0, sizeof askers);
    for (uint8_t i = 0; i < MANY; i++) {
        struct fh__endpoint *e = calloc(1, sizeof *e);

        askers[i].lookup.done = on_done;
        e->address[11] = i;
        e->account[0] = i % 2;
        e->roles = 1;
        world.endpoints[world.n++] = e;
    }
}

static void end(void)
{
    world_end();
}

/* As fh__endpoints_get(), of the address with this number. */
static int get(struct asker *a, uint8_t number)
{
    const uint8_t address[FH__ADDRESS_LEN] = {[11] = number};
    const struct fh__endpoint *e = NULL;
    int ret = fh__endpoints_get(world.cache, address, &a->lookup, &e);

    ck_assert((ret == 1) == (e != NULL));
    if (e)
        a->roles = e->roles;
    return ret;
}

static void forget(uint8_t number)
{
    const uint8_t address[FH__ADDRESS_LEN] = {[11] = number};

    fh__endpoints_forget(world.cache, address);
}

START_TEST(many_who_ask_for_the_same_are_one_question)
{
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(get(&askers[i], 3), 0);
    fh__lookup_cancel(&askers[2].lookup);
    fh__lookup_cancel(&askers[2].lookup);
    world_run();
    ck_assert_uint_eq(world.gets, 1);
    for (int i = 0; i < 5; i++)
        ck_assert_uint_eq(askers[i].answers, i != 2);
    ck_assert_int_eq(get(&askers[2], 3), 1);
    ck_assert_uint_eq(world.gets, 1);
}
END_TEST

START_TEST(what_is_not_there_is_not_remembered)
{
    ck_assert_int_eq(get(&askers[0], 99), 0);
    world_run();
    ck_assert_int_eq(askers[0].ret, FH__STORE_E_NOT_FOUND);
    ck_assert_int_eq(get(&askers[0], 99), 0);
    world_run();
    ck_assert_uint_eq(world.gets, 2);
    world.broken = FH__STORE_E_IO;
    ck_assert_int_eq(get(&askers[0], 3), 0);
    world_run();
    ck_assert_int_eq(askers[0].ret, FH__STORE_E_IO);
}
END_TEST

START_TEST(who_waits_while_it_is_changed_gets_what_it_is_now)
{
    struct fh__store_call *call;

    ck_assert_int_eq(get(&askers[0], 3), 0);
    /* Answered already, but not told. */
    call = world.first;
    world.first = NULL;
    world.last = &world.first;
    ck_assert_int_eq(fh__endpoint_copy(world.endpoints[3], &call->endpoint), 0);
    world.endpoints[3]->roles = 7;
    forget(3);
    call->done(call);
    ck_assert_uint_eq(askers[0].answers, 0);
    world_run();
    ck_assert_uint_eq(askers[0].answers, 1);
    ck_assert_uint_eq(askers[0].roles, 7);
}
END_TEST

START_TEST(a_change_is_forgotten_by_address_and_by_account)
{
    uint8_t account[FH__ACCOUNT_LEN] = {1};

    for (uint8_t i = 0; i < 6; i++)
        (void)get(&askers[i], i);
    world_run();
    world.gets = 0;
    forget(2);
    ck_assert_int_eq(get(&askers[2], 2), 0);
    ck_assert_int_eq(get(&askers[4], 4), 1);
    world_run();
    fh__endpoints_forget_account(world.cache, account);
    for (uint8_t i = 0; i < 6; i++)
        ck_assert_int_eq(get(&askers[i], i), i % 2 == 0);
    world_run();
    ck_assert_uint_eq(world.gets, 4);
}
END_TEST

/* Sixteen are remembered. */
START_TEST(the_one_that_was_not_asked_for_the_longest_goes)
{
    struct fh__endpoints_counters n;

    for (uint8_t i = 0; i < 16; i++) {
        (void)get(&askers[i], i);
        world_run();
    }
    ck_assert_int_eq(get(&askers[0], 0), 1);
    (void)get(&askers[16], 16);
    world_run();
    fh__endpoints_count(world.cache, &n);
    ck_assert_uint_eq(n.n, 16);
    ck_assert_int_eq(get(&askers[0], 0), 1);
    ck_assert_int_eq(get(&askers[1], 1), 0);
    world_run();
}
END_TEST

START_TEST(the_end_may_come_before_the_answer)
{
    ck_assert_int_eq(get(&askers[0], 3), 0);
    fh__lookup_cancel(&askers[0].lookup);
}
END_TEST

/* Asks for another one as soon as it is told. */
static void on_done_again(struct fh__lookup *l, const struct fh__endpoint *e, int ret)
{
    struct asker *a = (struct asker *)l;

    on_done(l, e, ret);
    if (a->answers < 10)
        (void)get(a, (uint8_t)(a->answers % 2 ? 99 : 3));
}

START_TEST(who_is_told_may_ask_again)
{
    askers[0].lookup.done = on_done_again;
    ck_assert_int_eq(get(&askers[0], 99), 0);
    ck_assert_int_eq(get(&askers[1], 99), 0);
    world_run();
    ck_assert_uint_eq(askers[1].answers, 1);
    ck_assert_uint_ge(askers[0].answers, 2);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("endpoints");
    TCase *tc = tcase_create("endpoints");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, many_who_ask_for_the_same_are_one_question);
    tcase_add_test(tc, what_is_not_there_is_not_remembered);
    tcase_add_test(tc, who_waits_while_it_is_changed_gets_what_it_is_now);
    tcase_add_test(tc, a_change_is_forgotten_by_address_and_by_account);
    tcase_add_test(tc, the_one_that_was_not_asked_for_the_longest_goes);
    tcase_add_test(tc, the_end_may_come_before_the_answer);
    tcase_add_test(tc, who_is_told_may_ask_again);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
