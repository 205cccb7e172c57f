/* SPDX-License-Identifier: MIT */
/* A machine in virtual time, more clients than it can serve, and clients that lose patience. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../src/admission.c"

enum { CLIENTS = 20000, CLIENT_PATIENCE_MS = 10000 };

struct client {
    struct fh__waiter waiter; /* first */
    uint64_t comes_ms, came_ms;
    bool is_served, is_dropped;
};

static struct client *clients;
static uint64_t now, served_late, work_us; /* of the machine, not done yet */
static unsigned served, dropped;
static unsigned cost_us[2] = {2500, 60};

static void on_go(struct fh__waiter *w)
{
    struct client *c = (struct client *)w;

    ck_assert(!c->is_served && !w->waits);
    work_us += cost_us[w->resumes];
    c->is_served = true;
    served++;
    served_late += now - c->came_ms > CLIENT_PATIENCE_MS;
}

static void on_drop(struct fh__waiter *w)
{
    ck_assert(!w->waits);
    ((struct client *)w)->is_dropped = true;
    dropped++;
}

static void come(struct fh__admission *a, struct client *c, bool resumes)
{
    c->is_dropped = false;
    c->came_ms = now;
    c->waiter = (struct fh__waiter){.go = on_go, .drop = on_drop, .resumes = resumes};
    if (fh__admission_enter(a, now, &c->waiter))
        on_go(&c->waiter);
}

static uint32_t dice(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* One millisecond of a machine with one processor. */
static void machine_step(struct fh__admission *a, uint64_t *busy_us)
{
    uint64_t does = work_us < 1000 ? work_us : 1000;

    work_us -= does;
    *busy_us += does;
    fh__admission_load(a, now, *busy_us);
    if (work_us < 1000 && now % 10 == 0)
        fh__admission_tick(a, now);
}

static void start(void)
{
    free(clients);
    clients = calloc(CLIENTS, sizeof *clients);
    now = 1000;
    served = dropped = 0;
    served_late = work_us = 0;
}

/* All at once, with full handshakes; who is dropped comes again with full jitter. */
static uint64_t storm(bool resumes, unsigned n)
{
    struct fh__admission a;
    uint32_t seed = 9;
    uint64_t busy = 0, began;

    start();
    began = now;
    fh__admission_init(&a, now, 0);
    for (unsigned i = 0; i < n; i++)
        clients[i].comes_ms = now + dice(&seed) % 2000;
    for (; served < n && now < 10000000; now++) {
        for (unsigned i = 0; i < n; i++) {
            struct client *c = &clients[i];

            if (c->is_dropped && c->comes_ms < now)
                c->comes_ms = now + dice(&seed) % 8000;
            else if (!c->is_served && c->comes_ms == now)
                come(&a, c, resumes);
        }
        machine_step(&a, &busy);
    }
    ck_assert_uint_eq(served, n);
    ck_assert_uint_eq(served_late, 0);
    ck_assert_uint_eq(a.let_in_full + a.let_in_resumed, n);
    return now - began;
}

START_TEST(a_storm_of_full_handshakes_is_served_at_the_rate_of_the_machine)
{
    /* The machine does 400 a second: 4000 in 10 s. */
    uint64_t ms = storm(false, 4000);

    ck_assert_uint_ge(ms, 9000);
    ck_assert_uint_le(ms, 20000);
}
END_TEST

START_TEST(a_storm_of_resumed_ones_is_over_soon)
{
    uint64_t ms = storm(true, CLIENTS);

    ck_assert_uint_le(ms, 12000);
}
END_TEST

START_TEST(who_resumes_goes_first_then_who_came_last)
{
    struct fh__admission a;

    start();
    fh__admission_init(&a, now, 1);
    for (int i = 0; i < 40; i++, now++)
        come(&a, &clients[i], i >= 30);
    /* What there is at the start: two full ones. */
    ck_assert_uint_eq(served, 2);
    now += 200;
    fh__admission_tick(&a, now);
    ck_assert(clients[39].is_served && clients[38].is_served && !clients[30].is_served);
    ck_assert_uint_eq(served, 2 + 3);
    now += 500;
    fh__admission_tick(&a, now);
    ck_assert(clients[30].is_served && !clients[29].is_served);
    now += 1000;
    fh__admission_tick(&a, now);
    ck_assert(clients[29].is_served && !clients[28].is_served);
}
END_TEST

START_TEST(who_waits_too_long_is_dropped_and_so_is_the_oldest_of_too_many)
{
    struct fh__admission a;

    start();
    fh__admission_init(&a, now, FH__ADMISSION_RATE_MIN);
    for (int i = 0; i < 100; i++)
        come(&a, &clients[i], false);
    ck_assert_uint_eq(served, 2);
    ck_assert_uint_eq(dropped, 98 - FH__ADMISSION_QUEUE_MIN);
    ck_assert(clients[2].is_dropped && !clients[99].is_dropped);
    now += FH__ADMISSION_PATIENCE_MS;
    fh__admission_tick(&a, now);
    ck_assert_uint_eq(dropped, 98);
    ck_assert_uint_eq(fh__admission_deadline(&a, now), UINT64_MAX);
    ck_assert_uint_eq(a.dropped, 98);
}
END_TEST

START_TEST(who_leaves_is_not_served)
{
    struct fh__admission a;

    start();
    fh__admission_init(&a, now, 1);
    for (int i = 0; i < 5; i++)
        come(&a, &clients[i], false);
    ck_assert_uint_eq(fh__admission_deadline(&a, now), now + 10);
    fh__admission_leave(&a, &clients[4].waiter);
    fh__admission_leave(&a, &clients[4].waiter);
    fh__admission_leave(&a, &clients[2].waiter);
    now += 1000;
    fh__admission_tick(&a, now);
    ck_assert_uint_eq(served, 3);
    ck_assert(clients[3].is_served && !clients[4].is_served && !clients[2].is_served);
    ck_assert_uint_eq(fh__admission_deadline(&a, now), UINT64_MAX);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("admission");
    TCase *tc = tcase_create("admission");
    SRunner *sr;
    int failed;

    tcase_add_test(tc, a_storm_of_full_handshakes_is_served_at_the_rate_of_the_machine);
    tcase_add_test(tc, a_storm_of_resumed_ones_is_over_soon);
    tcase_add_test(tc, who_resumes_goes_first_then_who_came_last);
    tcase_add_test(tc, who_waits_too_long_is_dropped_and_so_is_the_oldest_of_too_many);
    tcase_add_test(tc, who_leaves_is_not_served);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    free(clients);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
