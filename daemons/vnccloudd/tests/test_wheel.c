/* SPDX-License-Identifier: MIT */
/* Timers in virtual time, beside a list that is as simple as can be. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../src/wheel.c"

enum { N = 400 };

struct entry {
    struct fh__timer timer; /* first */
    uint64_t at;            /* when it is to fire; 0: not set */
    unsigned fired;
};

static struct entry entries[N];
static uint64_t last_now;

static void on_fire(struct fh__timer *t, uint64_t now)
{
    struct entry *e = (struct entry *)t;

    ck_assert_uint_ne(e->at, 0);
    ck_assert_uint_ge(now, e->at);
    ck_assert(!fh__timer_is_set(t));
    e->at = 0;
    e->fired++;
}

static void set(struct fh__wheel *w, struct entry *e, uint64_t at)
{
    e->timer.fire = on_fire;
    e->at = at ? at : 1;
    fh__wheel_set(w, &e->timer, at);
}

static uint32_t dice(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Nothing that was due two ticks ago is still there, and the deadline is not behind the first. */
static void compare(const struct fh__wheel *w, uint64_t now)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < N; i++) {
        ck_assert(!entries[i].at || entries[i].at + 2 * FH__WHEEL_TICK > now);
        if (entries[i].at && entries[i].at < first)
            first = entries[i].at;
    }
    if (first != UINT64_MAX)
        ck_assert_uint_le(fh__wheel_deadline(w), (first > now ? first : now) + FH__WHEEL_TICK);
}

static uint64_t stride(uint32_t *seed)
{
    static const uint64_t most[] = {3, 40, 1500, 70000, 5000000, 300000000};

    return dice(seed) % most[dice(seed) % 6];
}

START_TEST(random_timers_fire_in_time_and_never_early)
{
    struct fh__wheel w;
    uint32_t seed = (uint32_t)_i * 7919 + 1;
    uint64_t now = dice(&seed) * (uint64_t)(_i % 3 ? 1 : 100000);

    memset(entries, 0, sizeof entries);
    fh__wheel_init(&w, now);
    for (int round = 0; round < 3000; round++) {
        struct entry *e = &entries[dice(&seed) % N];

        switch (dice(&seed) % 4) {
        case 0:
        case 1:
            /* Beyond the horizon times are only promised to come after it. */
            set(&w, e, now + stride(&seed) % 260000000);
            break;
        case 2:
            fh__wheel_clear(&w, &e->timer);
            e->at = 0;
            break;
        case 3:
            now += stride(&seed) % 260000000;
            fh__wheel_advance(&w, now);
            compare(&w, now);
        }
    }
    fh__wheel_advance(&w, now + 300000000);
    for (size_t i = 0; i < N; i++)
        ck_assert_uint_eq(entries[i].at, 0);
    ck_assert_uint_eq(fh__wheel_deadline(&w), UINT64_MAX);
}
END_TEST

START_TEST(following_the_deadline_meets_every_timer)
{
    struct fh__wheel w;
    uint32_t seed = 5;
    uint64_t now = 123456789, turns = 0;

    memset(entries, 0, sizeof entries);
    fh__wheel_init(&w, now);
    for (size_t i = 0; i < N; i++)
        set(&w, &entries[i], now + stride(&seed) % 260000000);
    while ((now = fh__wheel_deadline(&w)) != UINT64_MAX) {
        fh__wheel_advance(&w, now);
        compare(&w, now);
        turns++;
    }
    for (size_t i = 0; i < N; i++)
        ck_assert_uint_eq(entries[i].fired, 1);
    /* A timer goes down at most three rings. */
    ck_assert_uint_le(turns, 4 * N);
}
END_TEST

static struct fh__wheel *shared;

/* Sets itself again, and clears the others. */
static void on_meddle(struct fh__timer *t, uint64_t now)
{
    struct entry *e = (struct entry *)t;

    e->fired++;
    fh__wheel_set(shared, t, now);
    for (size_t i = 1; i < N; i++)
        fh__wheel_clear(shared, &entries[i].timer);
    last_now = now;
}

START_TEST(who_fires_may_set_and_clear)
{
    struct fh__wheel w;

    memset(entries, 0, sizeof entries);
    fh__wheel_init(&w, 0);
    shared = &w;
    for (size_t i = N; i-- > 0;) {
        entries[i].timer.fire = i ? on_fire : on_meddle;
        entries[i].at = 100;
        fh__wheel_set(&w, &entries[i].timer, 100);
    }
    fh__wheel_advance(&w, 112);
    ck_assert_uint_eq(entries[0].fired, 1);
    for (size_t i = 1; i < N; i++)
        ck_assert_uint_eq(entries[i].fired, 0);
    fh__wheel_advance(&w, 112);
    ck_assert_uint_eq(entries[0].fired, 1);
    fh__wheel_advance(&w, 128);
    ck_assert_uint_eq(entries[0].fired, 2);
    ck_assert_uint_eq(last_now, 128);
}
END_TEST

START_TEST(what_is_too_far_away_fires_at_the_horizon)
{
    struct fh__wheel w;

    memset(entries, 0, sizeof entries);
    fh__wheel_init(&w, 0);
    set(&w, &entries[0], UINT64_MAX / 2);
    entries[0].at = 1;
    fh__wheel_advance(&w, (uint64_t)FH__WHEEL_TICK << 23);
    ck_assert_uint_eq(entries[0].fired, 0);
    fh__wheel_advance(&w, (uint64_t)FH__WHEEL_TICK << 24);
    ck_assert_uint_eq(entries[0].fired, 1);
}
END_TEST

START_TEST(jitter_is_a_fifth_either_way)
{
    ck_assert_uint_eq(fh__wheel_jitter(55000, 0), 44000);
    ck_assert_uint_eq(fh__wheel_jitter(55000, UINT32_MAX), 66000);
    ck_assert_uint_eq(fh__wheel_jitter(55000, UINT32_MAX / 2), 55000);
    ck_assert_uint_eq(fh__wheel_jitter(0, 77), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("wheel");
    TCase *tc = tcase_create("wheel");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, random_timers_fire_in_time_and_never_early, 0, 12);
    tcase_add_test(tc, following_the_deadline_meets_every_timer);
    tcase_add_test(tc, who_fires_may_set_and_clear);
    tcase_add_test(tc, what_is_too_far_away_fires_at_the_horizon);
    tcase_add_test(tc, jitter_is_a_fifth_either_way);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
