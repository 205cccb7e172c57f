/* SPDX-License-Identifier: MIT */
#include "link_pair.h"

#include "../src/link_frame.h"

static struct pair t;

static void setup(void)
{
    pair_init(&t, 1, 0);
}

static void teardown(void)
{
    pair_free(&t);
}

/* Everything that was written arrived; both ends and the link's end are in order. */
static void assert_clean_end(void)
{
    for (int i = 0; i < 2; i++) {
        pair_resume(&t, i);
        fh_stream_shutdown(t.side[i].s);
    }
    pair_pass(&t, 100);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(t.side[i].read, t.side[!i].wrote);
        ck_assert_uint_eq(t.side[i].ends, 1);
        ck_assert_int_eq(t.side[i].error, 0);
        pair_close(&t, i);
    }
    for (size_t i = 0; i < t.n; i++)
        t.wire[i].is_stalled = false;
    pair_pass(&t, 100);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(t.side[i].closed, 1);
        ck_assert(fh_link_is_gone(t.side[i].link));
    }
}

static void begin(void)
{
    pair_begin(&t);
    pair_run(&t);
    pair_secure(&t);
}

static struct wire *last(void)
{
    return &t.wire[t.n - 1];
}

/* ---- one path ---- */

START_TEST(bytes_cross_in_both_directions)
{
    pair_begin(&t);
    ck_assert_uint_eq(pair_write(&t, CLIENT, 1000), 1000);
    pair_run(&t);
    ck_assert_uint_eq(t.side[SERVER].read, 1000);
    ck_assert_uint_eq(pair_write(&t, SERVER, 3000), 3000);
    pair_run(&t);
    ck_assert_uint_eq(t.side[CLIENT].read, 3000);
    assert_clean_end();
}
END_TEST

/* The first flight needs no answer: what is written at once is there after one trip. */
START_TEST(opening_costs_no_round_trip)
{
    struct wire *w = pair_begin(&t);

    pair_write(&t, CLIENT, 300);
    (void)fh_pipe_run(w->pipe);
    ck_assert_uint_eq(t.side[SERVER].read, 300);
    ck_assert_uint_eq(fh_pipe_flights(w->pipe, CLIENT), 1);
}
END_TEST

START_TEST(an_owner_that_stops_makes_the_peer_wait)
{
    size_t total = 0, n;

    begin();
    t.side[SERVER].appetite = 100;
    while ((n = pair_write(&t, CLIENT, 5000)) > 0) {
        total += n;
        pair_run(&t);
    }
    ck_assert_uint_eq(t.side[SERVER].read, 100);
    /* It is not taken for dead, however long it waits. */
    pair_pass(&t, 300000);
    ck_assert(fh_link_is_attached(t.side[CLIENT].link));
    ck_assert(fh_link_is_attached(t.side[SERVER].link));
    pair_resume(&t, SERVER);
    pair_run(&t);
    ck_assert_uint_eq(t.side[SERVER].read, total);
    assert_clean_end();
}
END_TEST

START_TEST(a_close_without_shutdown_is_a_goodbye)
{
    begin();
    pair_write(&t, SERVER, 100);
    pair_run(&t);
    pair_close(&t, SERVER);
    pair_run(&t);
    ck_assert_uint_eq(t.side[SERVER].closed, 1);
    ck_assert_uint_eq(t.side[CLIENT].ends, 1);
    ck_assert_int_eq(t.side[CLIENT].error, FH_TRANSPORT_E_RESET);
    ck_assert_uint_eq(t.side[CLIENT].detached, 0);
}
END_TEST

START_TEST(last_words_shutdown_close_needs_no_waiting)
{
    begin();
    pair_write(&t, SERVER, 20000);
    fh_stream_shutdown(t.side[SERVER].s);
    pair_close(&t, SERVER);
    pair_run(&t);
    ck_assert_uint_eq(t.side[CLIENT].read, 20000);
    ck_assert_int_eq(t.side[CLIENT].error, 0);
    fh_stream_shutdown(t.side[CLIENT].s);
    pair_run(&t);
    ck_assert_uint_eq(t.side[SERVER].closed, 1);
}
END_TEST

START_TEST(a_close_lingers_for_five_seconds_only)
{
    begin();
    fh_stream_shutdown(t.side[SERVER].s);
    pair_close(&t, SERVER);
    pair_pass(&t, 4999);
    ck_assert_uint_eq(t.side[SERVER].closed, 0);
    pair_pass(&t, 1);
    ck_assert_uint_eq(t.side[SERVER].closed, 1);
}
END_TEST

/* ---- before it is secured ---- */

START_TEST(without_a_key_the_loss_of_the_path_is_the_end)
{
    pair_begin(&t);
    pair_run(&t);
    fh_pipe_cut(last()->pipe);
    pair_run(&t);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(t.side[i].ends, 1);
        ck_assert_int_eq(t.side[i].error, FH_TRANSPORT_E_RESET);
        ck_assert_uint_eq(t.side[i].detached, 0);
    }
    ck_assert_int_eq(fh_stream_write(t.side[CLIENT].s, (const uint8_t *)"x", 1),
                     FH_TRANSPORT_E_RESET);
}
END_TEST

START_TEST(a_server_that_is_silent_is_given_up)
{
    struct wire *w = pair_begin(&t);

    w->is_stalled = true;
    pair_pass(&t, 9999);
    ck_assert_uint_eq(t.side[CLIENT].ends, 0);
    pair_pass(&t, 1);
    ck_assert_int_eq(t.side[CLIENT].error, FH_TRANSPORT_E_TIMEOUT);
}
END_TEST

static void answer_of_server(const char *text)
{
    struct wire *w = &t.wire[t.n++];

    w->pipe = fh_pipe_new(NULL);
    ck_assert_int_eq(fh_link_begin(t.side[CLIENT].link, fh_pipe_end(w->pipe, CLIENT), NULL), 0);
    for (const char *c = text; *c; c++) {
        ck_assert_uint_eq(fh_pipe_inject(w->pipe, SERVER, (const uint8_t *)c, 1), 1);
        (void)fh_pipe_step(w->pipe, 1);
    }
    pair_ticks(&t);
}

/* A server without links answers as to any version that it does not speak. */
START_TEST(a_server_without_links_is_told_from_a_broken_one)
{
    static const char *const answers[] = {"FARHAND 001\n", "RFB 003.008\nFARHAND 001\n",
                                          "RFB 003.889\n", "RFB 003.008\nRFB 003.008\n"};

    answer_of_server(answers[_i]);
    ck_assert_int_eq(t.side[CLIENT].error, FH_TRANSPORT_E_NO_LINK);
}
END_TEST

START_TEST(the_greeting_for_older_viewers_is_passed_over)
{
    struct wire *w = pair_wire(&t);

    fh_stream_write(fh_pipe_end(w->pipe, SERVER), (const uint8_t *)"RFB 003.008\n", 12);
    ck_assert_int_eq(fh_link_begin(t.side[CLIENT].link, fh_pipe_end(w->pipe, CLIENT), NULL), 0);
    pair_run(&t);
    pair_write(&t, SERVER, 10);
    pair_run(&t);
    ck_assert_uint_eq(t.side[CLIENT].read, 10);
    assert_clean_end();
}
END_TEST

/* ---- loss and return ---- */

static void fill_wire(size_t rest)
{
    for (int i = 0; i < 2; i++)
        while (pair_write(&t, i, 7777) > 0)
            continue;
    for (size_t i = 0; i < rest; i++)
        (void)fh_pipe_step(last()->pipe, 1000);
}

/* Cut after any amount: nothing is lost, repeated or reordered. */
START_TEST(a_session_goes_on_where_it_was_cut)
{
    begin();
    fill_wire((size_t)_i * 5);
    fh_pipe_cut(last()->pipe);
    pair_pass(&t, 2000);
    ck_assert_uint_eq(t.side[CLIENT].detached, 1);
    ck_assert_uint_eq(t.side[SERVER].detached, 1);
    ck_assert_uint_eq(t.side[CLIENT].ends + t.side[SERVER].ends, 0);
    pair_attach(&t, 0);
    pair_run(&t);
    ck_assert_uint_eq(t.side[CLIENT].attached, 1);
    ck_assert_uint_eq(t.side[SERVER].attached, 1);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(t.side[i].read, t.side[!i].wrote);
    assert_clean_end();
}
END_TEST

START_TEST(a_silent_path_is_lost_after_ten_seconds)
{
    struct wire *w;

    begin();
    w = last();
    pair_pass(&t, 60000);
    ck_assert_uint_eq(t.side[CLIENT].detached, 0);
    w->is_stalled = true;
    pair_pass(&t, 6900);
    ck_assert_uint_eq(t.side[CLIENT].detached + t.side[SERVER].detached, 0);
    pair_pass(&t, 3200);
    ck_assert_uint_eq(t.side[CLIENT].detached, 1);
    ck_assert_uint_eq(t.side[SERVER].detached, 1);
    pair_attach(&t, 0);
    pair_run(&t);
    assert_clean_end();
}
END_TEST

/* The viewer's machine slept: what the server said meanwhile waits to be read. */
START_TEST(our_own_sleep_is_not_the_peer_s_silence)
{
    begin();
    pair_write(&t, SERVER, 100);
    t.now += 9000; /* its own loop stood still, too */
    fh_link_tick(t.side[CLIENT].link);
    t.now += 9000;
    fh_link_tick(t.side[CLIENT].link);
    fh_link_tick(t.side[SERVER].link);
    pair_run(&t);
    ck_assert_uint_eq(t.side[CLIENT].detached + t.side[SERVER].detached, 0);
    ck_assert_uint_eq(t.side[CLIENT].read, 100);
    assert_clean_end();
}
END_TEST

START_TEST(after_a_minute_without_a_path_it_ends)
{
    begin();
    fh_pipe_cut(last()->pipe);
    pair_pass(&t, 59999);
    ck_assert_uint_eq(t.side[CLIENT].ends, 0);
    pair_pass(&t, 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(t.side[i].error, FH_TRANSPORT_E_TIMEOUT);
        pair_close(&t, i);
    }
    ck_assert_int_eq(
        fh_link_attach(t.side[CLIENT].link, fh_pipe_end(pair_wire(&t)->pipe, CLIENT), 0),
        FH_TRANSPORT_E_CLOSED);
    pair_run(&t);
    ck_assert_uint_eq(t.side[CLIENT].closed + t.side[SERVER].closed, 2);
}
END_TEST

START_TEST(the_shorter_patience_counts)
{
    const struct fh_link_config cfg = {.side = FH_LINK_SERVER,
                                       .times.keep_ms = 5000,
                                       .random = pair_random,
                                       .random_user = &t,
                                       .now = pair_now,
                                       .wake = pair_wake,
                                       .user = &t.side[SERVER]};

    fh_link_free(t.side[SERVER].link);
    t.side[SERVER].link = fh_link_new(&cfg);
    t.side[SERVER].s = fh_link_stream(t.side[SERVER].link);
    fh_stream_attach(t.side[SERVER].s, &side_events, &t.side[SERVER]);
    begin();
    fh_pipe_cut(last()->pipe);
    pair_pass(&t, 5001);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(t.side[i].error, FH_TRANSPORT_E_TIMEOUT);
}
END_TEST

/* Whose words are lost on the way; -1: nobody's. */
static int lost_words = -1;

static size_t lose_words(void *user, int from, const uint8_t *in, size_t len, uint8_t *out,
                         size_t room)
{
    (void)user;
    (void)room;
    memcpy(out, in, len);
    return from == lost_words ? 0 : len;
}

static void begin_lossy(void)
{
    t.pipes.meddle = lose_words;
    lost_words = -1;
    begin();
    fill_wire(7);
    t.pipes.meddle = NULL;
}

START_TEST(one_side_may_notice_before_the_other)
{
    begin_lossy();
    lost_words = _i;
    pair_pass(&t, 9000);
    ck_assert_uint_eq(t.side[CLIENT].detached + t.side[SERVER].detached, 0);
    pair_pass(&t, 2000);
    ck_assert_uint_eq(t.side[CLIENT].detached, 1);
    pair_attach(&t, 0);
    pair_run(&t);
    assert_clean_end();
}
END_TEST

/* A client that was cut comes back while the server still believes in the old path. */
START_TEST(a_return_replaces_what_the_server_believes_in)
{
    begin_lossy();
    lost_words = SERVER;
    while (t.side[CLIENT].detached == 0) {
        pair_pass(&t, 1);
        last()->is_stalled = t.side[CLIENT].detached > 0;
        if (fh_link_deadline(t.side[CLIENT].link) == t.now + 1)
            last()->is_stalled = true;
    }
    ck_assert(fh_link_is_attached(t.side[SERVER].link));
    pair_attach(&t, 0);
    pair_run(&t);
    ck_assert_uint_eq(t.side[SERVER].attached, 1);
    ck_assert_uint_eq(t.side[SERVER].ends, 0);
    assert_clean_end();
}
END_TEST

START_TEST(what_is_kept_is_bounded)
{
    struct fh_link_info info;
    size_t total = 0, n;

    pair_free(&t);
    pair_init(&t, 1, FH_LINK_KEEP_MIN);
    begin();
    t.side[CLIENT].appetite = 0;
    do {
        n = pair_write(&t, SERVER, 16384);
        total += n;
        (void)pair_run_wires(&t);
    } while (n > 0);
    fh_link_info(t.side[SERVER].link, &info);
    ck_assert_uint_le(info.kept, FH_LINK_KEEP_MIN);
    ck_assert_uint_eq(info.kept, total);
    ck_assert_uint_le(total, FH_LINK_KEEP_MIN);
    fh_pipe_cut(last()->pipe);
    pair_run(&t);
    ck_assert_uint_le(pair_write(&t, SERVER, 65536), 32 << 10);
    ck_assert_uint_eq(pair_write(&t, SERVER, 65536), 0);
    pair_attach(&t, 0);
    assert_clean_end();
}
END_TEST

/* The picture is not to grow old in our memory: without a path little is taken. */
START_TEST(without_a_path_little_is_taken)
{
    begin();
    fh_pipe_cut(last()->pipe);
    pair_run(&t);
    ck_assert_uint_eq(pair_write(&t, SERVER, 65536), 32 << 10);
    ck_assert_uint_eq(pair_write(&t, SERVER, 1), 0);
    pair_attach(&t, 0);
    assert_clean_end();
}
END_TEST

/* ---- better paths ---- */

START_TEST(a_better_path_takes_over_without_repeating)
{
    struct fh_link_info info;
    struct wire *old;

    begin();
    old = last();
    fill_wire((size_t)_i * 3);
    pair_attach(&t, 0);
    for (int i = 0; i < 40; i++) {
        (void)fh_pipe_step(t.wire[i % 2].pipe, 900);
        (void)pair_ticks(&t);
        pair_write(&t, i % 2, 3000);
    }
    pair_pass(&t, 100);
    for (int i = 0; i < 2; i++) {
        fh_link_info(t.side[i].link, &info);
        ck_assert_uint_eq(info.resent, 0);
        ck_assert_uint_eq(info.paths, 1);
        ck_assert_uint_eq(t.side[i].detached, 0);
        ck_assert_uint_eq(t.side[i].read, t.side[!i].wrote);
    }
    /* The old one is closed on both sides, without anybody missing it. */
    fh_pipe_cut(old->pipe);
    pair_run(&t);
    assert_clean_end();
}
END_TEST

START_TEST(a_path_of_another_rank_stays_to_fall_back_upon)
{
    struct fh_link_info info;
    struct wire *direct;

    begin();
    /* The first has rank 0; a second of rank 1 waits beside it. */
    direct = last();
    pair_attach(&t, 1);
    pair_run(&t);
    fh_link_info(t.side[CLIENT].link, &info);
    ck_assert_uint_eq(info.paths, 2);
    fill_wire(0);
    for (int i = 0; i < 5; i++)
        (void)fh_pipe_step(direct->pipe, 3000);
    fh_pipe_cut(direct->pipe);
    pair_run(&t);
    ck_assert_uint_eq(t.side[CLIENT].detached + t.side[SERVER].detached, 0);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(t.side[i].read, t.side[!i].wrote);
    /* A direct one comes back, and the session moves to it. */
    pair_attach(&t, 0);
    fill_wire(3);
    pair_run(&t);
    assert_clean_end();
}
END_TEST

/* What comes on the new path before the rest of the old one waits its turn. */
START_TEST(the_receiver_orders_by_number)
{
    struct wire *old;

    begin();
    old = last();
    fill_wire(2);
    old->is_stalled = true;
    pair_attach(&t, 0);
    for (int i = 0; i < 20; i++) {
        pair_run(&t);
        pair_write(&t, CLIENT, 3000);
        pair_write(&t, SERVER, 3000);
    }
    ck_assert_uint_lt(t.side[SERVER].read, t.side[CLIENT].wrote);
    if (_i == 0)
        old->is_stalled = false;
    else
        pair_pass(&t, 11000); /* it never comes: it is asked for again */
    pair_run(&t);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(t.side[i].read, t.side[!i].wrote);
    assert_clean_end();
}
END_TEST

START_TEST(there_are_four_paths_at_most)
{
    begin();
    for (int i = 1; i < FH_LINK_PATHS_MAX; i++)
        pair_attach(&t, (uint8_t)i);
    ck_assert_int_eq(
        fh_link_attach(t.side[CLIENT].link, fh_pipe_end(pair_wire(&t)->pipe, CLIENT), 9),
        FH_TRANSPORT_E_RESOURCES);
    pair_run(&t);
    assert_clean_end();
}
END_TEST

/* ---- who may come back ---- */

static const struct fh__link_attach right = {
    .ref = {'r', 'r', 'r', 'r', 'r', 'r', 'r', 'r', 'r', 'r', 'r', 'r', 'r', 'r', 'r', 'r'},
    .counter = 1,
    .flags = FH_LINK_ALONE};

/* Says it is the client, on a stream of its own; what the server answered first. */
static uint8_t claim(struct wire *w, const struct fh__link_attach *a, const uint8_t *key,
                     uint8_t attach[FH_LINK_ATTACH_LEN])
{
    (void)fh__link_write_attach(attach, key, a);
    fh_stream_write(fh_pipe_end(w->pipe, CLIENT), fh__link_greeting, FH_LINK_GREETING_LEN);
    fh_stream_write(fh_pipe_end(w->pipe, CLIENT), attach, FH_LINK_ATTACH_LEN);
    (void)fh_pipe_run(w->pipe);
    return 0;
}

enum { WRONG_KEY, WRONG_REF, OLD_COUNTER, FUTURE_WANT, OLD_WANT, CLAIMS };

static void cut_after_traffic(void)
{
    begin();
    pair_write(&t, SERVER, 1000);
    pair_write(&t, CLIENT, 1000);
    pair_pass(&t, 2000); /* acknowledged */
    fh_pipe_cut(last()->pipe);
    pair_run(&t);
}

START_TEST(a_false_claim_is_refused_and_changes_nothing)
{
    uint8_t attach[FH_LINK_ATTACH_LEN], key[FH_LINK_KEY_LEN];
    struct fh__link_attach a = right;
    struct wire *w;

    cut_after_traffic();
    a.want = 1000;
    memcpy(key, t.key, sizeof key);
    key[31] ^= _i == WRONG_KEY;
    a.ref[15] ^= _i == WRONG_REF;
    a.counter = _i == OLD_COUNTER ? 0 : 1;
    a.want = _i == FUTURE_WANT ? 1001 : _i == OLD_WANT ? 999 : 1000;
    w = pair_wire(&t);
    claim(w, &a, key, attach);
    ck_assert_int_eq(w->accepted, FH_TRANSPORT_E_PROOF);
    ck_assert(!fh_link_is_attached(t.side[SERVER].link));
    pair_attach(&t, 0);
    pair_run(&t);
    ck_assert_uint_eq(t.side[SERVER].attached, 1);
    assert_clean_end();
}
END_TEST

START_TEST(a_right_claim_is_taken)
{
    uint8_t attach[FH_LINK_ATTACH_LEN];
    struct fh__link_attach a = right;
    struct wire *w;

    cut_after_traffic();
    a.want = 1000;
    w = pair_wire(&t);
    claim(w, &a, t.key, attach);
    ck_assert_int_eq(w->accepted, 0);
    /* Not before it was confirmed. */
    ck_assert(!fh_link_is_attached(t.side[SERVER].link));
    pair_pass(&t, 10001);
    ck_assert_uint_eq(t.side[SERVER].failed, 1);
    ck_assert_int_eq(t.side[SERVER].failure, FH_TRANSPORT_E_TIMEOUT);
}
END_TEST

static uint8_t taped[4096];
static size_t taped_len;

static size_t tape(void *user, int from, const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
    (void)user;
    (void)room;
    memcpy(out, in, len);
    if (from == CLIENT && taped_len + len <= sizeof taped) {
        memcpy(taped + taped_len, in, len);
        taped_len += len;
    }
    return len;
}

/* Everything that the client said when it came back, said once more by somebody else. */
START_TEST(a_replayed_return_is_refused)
{
    struct wire *w;

    cut_after_traffic();
    taped_len = 0;
    t.pipes.meddle = tape;
    pair_attach(&t, 0);
    pair_run(&t);
    ck_assert_uint_eq(t.side[SERVER].attached, 1);
    ck_assert_uint_ge(taped_len, FH_LINK_GREETING_LEN + FH_LINK_ATTACH_LEN + FH_LINK_CONFIRM_LEN);
    t.pipes.meddle = NULL;
    w = pair_wire(&t);
    fh_stream_write(fh_pipe_end(w->pipe, CLIENT), taped, taped_len);
    pair_run(&t);
    ck_assert_int_eq(w->accepted, FH_TRANSPORT_E_PROOF);
    ck_assert_uint_eq(t.side[SERVER].attached, 1);
    assert_clean_end();
}
END_TEST

/* An ATTACH that was held back on its way proves nothing by itself: nobody can confirm it. */
START_TEST(a_return_that_was_held_back_cannot_be_confirmed)
{
    uint8_t held[FH_LINK_GREETING_LEN + FH_LINK_ATTACH_LEN], confirm[FH_LINK_CONFIRM_LEN];
    struct wire *w;

    cut_after_traffic();
    taped_len = 0;
    t.pipes.meddle = tape;
    w = pair_attach(&t, 0);
    (void)fh_pipe_step(w->pipe, sizeof held);
    fh_pipe_cut(w->pipe);
    pair_run(&t);
    ck_assert_uint_ge(taped_len, sizeof held);
    memcpy(held, taped, sizeof held);
    t.pipes.meddle = NULL;
    /* The server saw its counter; so a second one, with a client that never got through. */
    w = pair_wire(&t);
    fh_stream_write(fh_pipe_end(w->pipe, CLIENT), held, sizeof held);
    memset(confirm, 0, sizeof confirm);
    confirm[0] = FH_LINK_F_CONFIRM;
    confirm[3] = FH_LINK_MAC_LEN;
    fh_stream_write(fh_pipe_end(w->pipe, CLIENT), confirm, sizeof confirm);
    pair_run(&t);
    ck_assert(!fh_link_is_attached(t.side[SERVER].link));
    pair_attach(&t, 0);
    pair_run(&t);
    assert_clean_end();
}
END_TEST

static size_t spoil(void *user, int from, const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
    struct pair *p = user;

    (void)room;
    memcpy(out, in, len);
    if (from == SERVER && p->seed != 0)
        out[len - 1] ^= 1;
    return len;
}

START_TEST(a_server_that_does_not_prove_itself_is_left)
{
    cut_after_traffic();
    t.pipes.meddle = spoil;
    t.pipes.user = &t;
    pair_attach(&t, 0);
    pair_run(&t);
    ck_assert_uint_eq(t.side[CLIENT].failed, 1);
    ck_assert_int_eq(t.side[CLIENT].failure, FH_TRANSPORT_E_PROOF);
    ck_assert_uint_eq(t.side[CLIENT].ends, 0);
    t.pipes.meddle = NULL;
    pair_attach(&t, 0);
    pair_run(&t);
    assert_clean_end();
}
END_TEST

START_TEST(a_refusal_is_not_believed_to_be_the_end)
{
    cut_after_traffic();
    t.refuses_all = true;
    pair_attach(&t, 0);
    pair_run(&t);
    ck_assert_uint_eq(t.side[CLIENT].failed, 1);
    ck_assert_int_eq(t.side[CLIENT].failure, FH_TRANSPORT_E_PROOF);
    t.refuses_all = false;
    pair_attach(&t, 0);
    pair_run(&t);
    assert_clean_end();
}
END_TEST

/* ---- hostile bytes ---- */

static const struct {
    const char *what;
    uint8_t bytes[16];
    size_t len;
} hostile[] = {
    {"type 0", {0, 0, 0, 0}, 4},
    {"type 12", {12, 0, 0, 0}, 4},
    {"open again", {1, 0, 0, 2, 0, 60}, 6},
    {"confirm out of place", {4, 0, 0, 32}, 4},
    {"refusal out of place", {5, 0, 0, 0}, 4},
    {"data without a byte", {6, 0, 0, 8}, 4},
    {"data too short for its number", {6, 0, 0, 7}, 4},
    {"data too long", {6, 0, 0x80, 9}, 4},
    {"data at the end of numbers", {6, 0, 0, 10, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0}, 14},
    {"acknowledgement of what was never sent", {7, 0, 0, 8, 0, 0, 0, 0, 0, 1, 0, 0}, 12},
    {"acknowledgement of another length", {7, 0, 0, 9}, 4},
    {"wants what was never sent", {8, 0, 0, 8, 0, 0, 0, 0, 0, 1, 0, 0}, 12},
    {"switch with a body", {9, 0, 0, 1}, 4},
    {"end before what was read", {10, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0}, 12},
};

START_TEST(bytes_that_are_no_frame_end_it_clearly)
{
    begin();
    pair_write(&t, CLIENT, 10);
    pair_write(&t, SERVER, 10);
    pair_run(&t);
    fh_pipe_inject(last()->pipe, CLIENT, hostile[_i].bytes, hostile[_i].len);
    pair_run(&t);
    ck_assert_msg(t.side[SERVER].error == FH_TRANSPORT_E_PROTO, "%s: %d", hostile[_i].what,
                  t.side[SERVER].error);
    ck_assert_int_eq(t.side[CLIENT].error, FH_TRANSPORT_E_PROTO);
    ck_assert_uint_eq(t.side[CLIENT].detached + t.side[SERVER].detached, 0);
}
END_TEST

START_TEST(a_peer_that_never_acknowledges_costs_no_more_than_what_is_kept)
{
    struct wire *w;
    size_t total = 0, n;
    uint8_t open[FH_LINK_OPEN_LEN];

    pair_free(&t);
    pair_init(&t, 1, FH_LINK_KEEP_MIN);
    t.pipes.buffer_len = 1 << 20;
    w = pair_wire(&t);
    fh_stream_write(fh_pipe_end(w->pipe, CLIENT), fh__link_greeting, FH_LINK_GREETING_LEN);
    fh_stream_write(fh_pipe_end(w->pipe, CLIENT), open, fh__link_write_open(open, 60000));
    (void)fh_pipe_run(w->pipe);
    ck_assert_int_eq(w->kind, FH_LINK_NEW);
    while ((n = pair_write(&t, SERVER, 10000)) > 0)
        total += n;
    ck_assert_uint_eq(total, FH_LINK_KEEP_MIN);
}
END_TEST

/* ---- looking at what comes first ---- */

static const struct {
    const char *bytes;
    size_t len;
    enum fh_link_kind kind;
    size_t taken;
} looks[] = {
    {"FARHAND 001\n", 12, FH_LINK_PLAIN, 8},
    {"RFB 003.008\n", 12, FH_LINK_PLAIN, 0},
    {"FARHAND 102\n", 12, FH_LINK_PLAIN, 10},
    {"GET / HTTP/1.1", 14, FH_LINK_PLAIN, 0},
    {"FARHAND 101\n", 12, FH_LINK_MORE, 12},
    {"FARHAND 101\n\1\0\0\2\0\74rest", 22, FH_LINK_NEW, 18},
    {"FARHAND 101\n\1\0\0\3", 16, FH_LINK_BAD, 16},
    {"FARHAND 101\n\6\0\0\20", 16, FH_LINK_BAD, 16},
    {"FARHAND 101\nGET ", 16, FH_LINK_BAD, 16},
    {"FARHAND 101\n\2\0\0\122rrrrrrrrrrrrrrrr", 32, FH_LINK_MORE, 32},
};

START_TEST(the_first_bytes_tell_whole_and_byte_by_byte)
{
    const uint8_t *bytes = (const uint8_t *)looks[_i].bytes;
    struct fh_link_opening o = {.len = 0};
    enum fh_link_kind kind;
    size_t taken, at = 0;

    ck_assert_int_eq(fh_link_look(&o, bytes, looks[_i].len, &taken), looks[_i].kind);
    ck_assert_uint_eq(taken, looks[_i].taken);
    ck_assert_uint_eq(o.len, looks[_i].taken);
    o.len = 0;
    do {
        kind = fh_link_look(&o, bytes + at, 1, &taken);
        at += taken;
    } while (kind == FH_LINK_MORE && at < looks[_i].len);
    ck_assert_int_eq(kind, looks[_i].kind);
    ck_assert_uint_eq(at, looks[_i].taken);
    if (o.len == 32)
        ck_assert_mem_eq(fh_link_opening_ref(&o), "rrrrrrrrrrrrrrrr", FH_LINK_REF_LEN);
}
END_TEST

START_TEST(a_configuration_outside_its_ranges_is_none)
{
    struct fh_link_config cfg = {.random = pair_random, .now = pair_now, .wake = pair_wake};

    ck_assert_uint_gt(fh_link_size(&cfg), 4 << 20);
    cfg.keep_len = FH_LINK_KEEP_MIN - 1;
    ck_assert_ptr_null(fh_link_new(&cfg));
    cfg.keep_len = (size_t)(1 << 30) + 1;
    ck_assert_ptr_null(fh_link_new(&cfg));
    cfg.keep_len = 0;
    cfg.now = NULL;
    ck_assert_ptr_null(fh_link_new(&cfg));
    fh_link_free(NULL);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("link");
    TCase *tc = tcase_create("one path");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, bytes_cross_in_both_directions);
    tcase_add_test(tc, opening_costs_no_round_trip);
    tcase_add_test(tc, an_owner_that_stops_makes_the_peer_wait);
    tcase_add_test(tc, a_close_without_shutdown_is_a_goodbye);
    tcase_add_test(tc, last_words_shutdown_close_needs_no_waiting);
    tcase_add_test(tc, a_close_lingers_for_five_seconds_only);
    tcase_add_test(tc, without_a_key_the_loss_of_the_path_is_the_end);
    tcase_add_test(tc, a_server_that_is_silent_is_given_up);
    tcase_add_loop_test(tc, a_server_without_links_is_told_from_a_broken_one, 0, 4);
    tcase_add_test(tc, the_greeting_for_older_viewers_is_passed_over);
    suite_add_tcase(s, tc);

    tc = tcase_create("loss and return");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_session_goes_on_where_it_was_cut, 0, 40);
    tcase_add_test(tc, a_silent_path_is_lost_after_ten_seconds);
    tcase_add_test(tc, our_own_sleep_is_not_the_peer_s_silence);
    tcase_add_test(tc, after_a_minute_without_a_path_it_ends);
    tcase_add_test(tc, the_shorter_patience_counts);
    tcase_add_loop_test(tc, one_side_may_notice_before_the_other, 0, 2);
    tcase_add_test(tc, a_return_replaces_what_the_server_believes_in);
    tcase_add_test(tc, what_is_kept_is_bounded);
    tcase_add_test(tc, without_a_path_little_is_taken);
    suite_add_tcase(s, tc);

    tc = tcase_create("better paths");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_better_path_takes_over_without_repeating, 0, 10);
    tcase_add_test(tc, a_path_of_another_rank_stays_to_fall_back_upon);
    tcase_add_loop_test(tc, the_receiver_orders_by_number, 0, 2);
    tcase_add_test(tc, there_are_four_paths_at_most);
    suite_add_tcase(s, tc);

    tc = tcase_create("who may come back");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_false_claim_is_refused_and_changes_nothing, 0, CLAIMS);
    tcase_add_test(tc, a_right_claim_is_taken);
    tcase_add_test(tc, a_replayed_return_is_refused);
    tcase_add_test(tc, a_return_that_was_held_back_cannot_be_confirmed);
    tcase_add_test(tc, a_server_that_does_not_prove_itself_is_left);
    tcase_add_test(tc, a_refusal_is_not_believed_to_be_the_end);
    suite_add_tcase(s, tc);

    tc = tcase_create("hostile bytes");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, bytes_that_are_no_frame_end_it_clearly, 0,
                        sizeof hostile / sizeof hostile[0]);
    tcase_add_test(tc, a_peer_that_never_acknowledges_costs_no_more_than_what_is_kept);
    tcase_add_loop_test(tc, the_first_bytes_tell_whole_and_byte_by_byte, 0,
                        sizeof looks / sizeof looks[0]);
    tcase_add_test(tc, a_configuration_outside_its_ranges_is_none);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    SRunner *sr = srunner_create(suite());
    int failed;

    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
