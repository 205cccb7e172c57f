/* SPDX-License-Identifier: MIT */
/* Who holds which address: beside an array that is as simple as can be. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../src/presence.c"

enum { N = 3000, ADDRESSES = 1000 };

static struct fh__holder holders[N];
static int messages, taken_over;

static void on_message(struct fh__holder *h, const void *message)
{
    ck_assert(h->is_held);
    ck_assert_str_eq(message, "hello");
    messages++;
}

static void on_taken_over(struct fh__holder *h)
{
    ck_assert(!h->is_held);
    taken_over++;
}

static uint32_t dice(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static bool count_one(void *user, struct fh__holder *h)
{
    ck_assert(h->is_held);
    ++*(size_t *)user;
    return true;
}

static bool stop_at_once(void *user, struct fh__holder *h)
{
    (void)h;
    ++*(size_t *)user;
    return false;
}

START_TEST(random_announcements)
{
    static const uint8_t key[16] = {7};
    struct fh__presence *p = fh__presence_local_new(key);
    struct fh__holder *held[ADDRESSES] = {NULL};
    uint32_t seed = (uint32_t)_i + 1;
    size_t n = 0, counted = 0;

    memset(holders, 0, sizeof holders);
    for (int round = 0; round < 200000; round++) {
        struct fh__holder *h = &holders[dice(&seed) % N];
        uint32_t number = dice(&seed) % ADDRESSES, was;

        h->message = on_message;
        h->taken_over = on_taken_over;
        if (!h->is_held && dice(&seed) % 16 < (round / 20000 % 2 ? 2 : 14)) {
            taken_over = 0;
            memcpy(h->address, &number, sizeof number);
            ck_assert_int_eq(fh__presence_announce(p, h), 0);
            ck_assert_int_eq(taken_over, held[number] != NULL);
            n += !held[number];
            held[number] = h;
        } else if (h->is_held) {
            memcpy(&was, h->address, sizeof was);
            ck_assert_ptr_eq(held[was], h);
            fh__presence_withdraw(p, h);
            held[was] = NULL;
            n--;
        }
        memset(holders[0].address + 4, 0, 8);
        ck_assert_uint_eq(fh__presence_count(p), n);
        {
            uint8_t address[12] = {0};

            number = dice(&seed) % ADDRESSES;
            memcpy(address, &number, sizeof number);
            ck_assert_ptr_eq(fh__presence_find(p, address), held[number]);
            ck_assert(fh__presence_send(p, address, "hello") == (held[number] != NULL));
        }
    }
    fh__presence_each(p, count_one, &counted);
    ck_assert_uint_eq(counted, n);
    counted = 0;
    fh__presence_each(p, stop_at_once, &counted);
    ck_assert_uint_le(counted, 1);
    fh__presence_free(p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("presence");
    TCase *tc = tcase_create("presence");
    SRunner *sr;
    int failed;

    tcase_add_loop_test(tc, random_announcements, 0, 4);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
