/* SPDX-License-Identifier: MIT */
/*
 * Two links in virtual time, over streams that die, stall, go deaf and appear at random. Every byte
 * is compared where it arrives; in the end everything has arrived, nobody waits, and no more was
 * kept than allowed. One seed is one life; FARHAND_LINK_SEED=n runs that one alone, and
 * FARHAND_LINK_SEEDS=n so many.
 */
#include "link_pair.h"

enum { SEEDS = 400, ACTS = 600, WIRES_MAX = 200 };

static struct pair t;
static int deaf[PIPES]; /* bit 1 << from: words from there are lost */

static size_t lose_words(void *user, int from, const uint8_t *in, size_t len, uint8_t *out,
                         size_t room)
{
    (void)room;
    memcpy(out, in, len);
    return *(int *)user & 1 << from ? 0 : len;
}

static struct wire *a_wire(void)
{
    return &t.wire[draw(&t, (uint32_t)t.n)];
}

static void come(uint8_t rank)
{
    if (t.n >= WIRES_MAX)
        return;
    t.pipes.user = &deaf[t.n];
    t.pipes.buffer_len = 64 + draw(&t, 16384);
    (void)fh_link_attach(t.side[CLIENT].link, fh_pipe_end(pair_wire(&t)->pipe, CLIENT), rank);
}

static void walk(struct wire *w)
{
    if (!w->is_stalled)
        for (uint32_t i = draw(&t, 6); i > 0; i--)
            (void)fh_pipe_step(w->pipe, 1 + draw(&t, draw(&t, 2) ? 20 : 20000));
}

static void act(void)
{
    struct wire *w = a_wire();
    int who = (int)draw(&t, 2);

    switch (draw(&t, 40)) {
    case 0:
        pair_cut(w);
        break;
    case 1:
        w->is_stalled = true;
        break;
    case 2:
    case 3:
        w->is_stalled = false;
        break;
    case 4: /* for good: a stream does not lose a piece and go on */
        deaf[w - t.wire] |= draw(&t, 4) ? 0 : 1 << who;
        break;
    case 5:
        come((uint8_t)draw(&t, 3));
        break;
    case 6:
        t.side[who].appetite = draw(&t, 50000);
        break;
    case 7:
        pair_resume(&t, who);
        break;
    case 8:
        pair_pass(&t, draw(&t, 4000));
        break;
    case 9:
    case 10:
        if (!fh_link_is_attached(t.side[CLIENT].link))
            come(0);
        break;
    default:
        if (draw(&t, 2))
            (void)pair_write(&t, who, 1 + draw(&t, draw(&t, 2) ? 100 : 60000));
        walk(w);
        walk(&t.wire[t.n - 1]);
        (void)pair_ticks(&t);
    }
    pair_events(&t);
}

static void assert_bounded(size_t keep_len)
{
    for (int i = 0; i < 2; i++) {
        struct fh_link_info info;

        fh_link_info(t.side[i].link, &info);
        ck_assert_uint_le(info.kept, keep_len);
        ck_assert_uint_le(info.paths, FH_LINK_PATHS_MAX);
        ck_assert_uint_eq(t.side[i].ends, 0);
    }
}

/* The network is well again: a client that comes back finds everything. */
static void recover(void)
{
    for (size_t i = 0; i < t.n; i++) {
        t.wire[i].is_stalled = false;
        if (deaf[i])
            pair_cut(&t.wire[i]);
    }
    for (int i = 0; i < 2; i++)
        pair_resume(&t, i);
    for (int tries = 0; tries < 5; tries++) {
        pair_pass(&t, 12000);
        if (!fh_link_is_attached(t.side[CLIENT].link)) {
            t.pipes.user = &deaf[t.n];
            pair_attach(&t, 0);
        }
    }
}

static void live(uint64_t seed)
{
    size_t keep_len = FH_LINK_KEEP_MIN << (seed % 3);

    pair_init(&t, seed, keep_len);
    memset(deaf, 0, sizeof deaf);
    t.pipes.meddle = lose_words;
    t.pipes.user = &deaf[0];
    pair_begin(&t);
    pair_run(&t);
    pair_secure(&t);
    for (int i = 0; i < ACTS; i++) {
        act();
        assert_bounded(keep_len);
        /* Not so long that patience ends: that is another test's. */
        if (i % 50 == 49)
            recover();
    }
    recover();
    for (int i = 0; i < 2; i++)
        fh_stream_shutdown(t.side[i].s);
    pair_pass(&t, 1000);
    for (int i = 0; i < 2; i++) {
        ck_assert_msg(t.side[i].read == t.side[!i].wrote, "seed %llu: %llu of %llu bytes",
                      (unsigned long long)seed, (unsigned long long)t.side[i].read,
                      (unsigned long long)t.side[!i].wrote);
        ck_assert_uint_eq(t.side[i].ends, 1);
        ck_assert_int_eq(t.side[i].error, 0);
        pair_close(&t, i);
    }
    pair_pass(&t, 1000);
    ck_assert_uint_eq(t.side[0].closed + t.side[1].closed, 2);
    pair_free(&t);
}

static long number(const char *name, long fallback)
{
    const char *text = getenv(name);

    return text ? strtol(text, NULL, 10) : fallback;
}

START_TEST(no_byte_is_lost_repeated_or_reordered)
{
    long one = number("FARHAND_LINK_SEED", 0), seeds = number("FARHAND_LINK_SEEDS", SEEDS);
    uint64_t seed = one ? (uint64_t)one : 1;

    for (; seed <= (uint64_t)(one ? one : seeds); seed++) {
        if (one == 0 && seed % 4 != (uint64_t)_i)
            continue;
        live(seed);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("link, at random");
    TCase *tc = tcase_create("lives");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_loop_test(tc, no_byte_is_lost_repeated_or_reordered, 0, 4);
    suite_add_tcase(s, tc);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
