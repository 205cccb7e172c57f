/* SPDX-License-Identifier: MIT */
/*
 * Our end of an association against usrsctp, which we did not write: who connects, loss, ends of
 * both kinds. A guard of the test's own stands between them. In real time, since usrsctp reads the
 * clock; nothing here depends on how long anything takes.
 */
#define _GNU_SOURCE /* NOLINT: for clock_gettime() beside usrsctp's headers */

#include <time.h>

#include <check.h>

#include <farhand/sctp.h>

#include "usrsctp_end.h"

enum { BYTES = 0x46480001, END = 0x46480002, LIMIT_S = 60, ROOM = 1 << 16 };

static struct {
    struct fh_sctp *ours;
    struct usr_end *theirs;
    struct fh_guard guard; /* of their side */
    uint64_t began, ticked;
    uint32_t dice;
    unsigned loss; /* of 100 */
    /* from us to them, from them to us */
    uint64_t want[2], put[2], got[2], wrong;
    bool they_saw_end, they_shut;
    uint8_t waiting[512][FH_SCTP_DATAGRAM_MAX]; /* packets of theirs, with room for the guard */
    size_t waiting_len[512], waiting_n;
} t;

static uint64_t now_us(void)
{
    struct timespec s;

    clock_gettime(CLOCK_MONOTONIC, &s);
    return (uint64_t)s.tv_sec * 1000000 + (uint64_t)s.tv_nsec / 1000;
}

static void fill(void *user, void *out, size_t len)
{
    uint8_t *p = out;

    (void)user;
    for (size_t i = 0; i < len; i++) {
        t.dice = t.dice * 1664525 + 1013904223;
        p[i] = (uint8_t)(t.dice >> 24);
    }
}

static bool is_lost(void)
{
    t.dice = t.dice * 1664525 + 1013904223;
    return (t.dice >> 16) % 100 < t.loss;
}

static uint8_t byte_at(int dir, uint64_t at)
{
    return (uint8_t)(at * 31 / 7 + at / 253 + (uint64_t)dir * 91);
}

/* Called from inside usrsctp: only kept. */
static void their_packet(void *user, const void *packet, size_t len)
{
    (void)user;
    if (t.waiting_n == 512 || len > FH_SCTP_DATAGRAM_MAX - FH_GUARD_OVERHEAD)
        return;
    memcpy(t.waiting[t.waiting_n] + FH_GUARD_HEADER_LEN, packet, len);
    t.waiting_len[t.waiting_n++] = len;
}

static void begin(bool we_connect, unsigned loss)
{
    static const uint8_t secrets[2][32] = {{1}, {2}};
    struct fh_sctp_config cfg = {
        .side = we_connect ? FH_SCTP_CONNECT : FH_SCTP_LISTEN,
        .guard = {.tx_secret = secrets[0], .rx_secret = secrets[1], .tx_index = 1, .rx_index = 2},
        .random = fill,
    };
    struct fh_guard_config theirs = {
        .tx_secret = secrets[1], .rx_secret = secrets[0], .tx_index = 2, .rx_index = 1};

    memset(&t, 0, sizeof t);
    t.dice = 1 + loss + we_connect;
    t.loss = loss;
    t.began = t.ticked = now_us();
    usr_begin(false);
    ck_assert_int_eq(fh_guard_init(&t.guard, &theirs), 0);
    t.ours = fh_sctp_new(&cfg, t.began);
    t.theirs = usr_open(1, !we_connect, 1160, their_packet, NULL);
    ck_assert_ptr_nonnull(t.ours);
    ck_assert_ptr_nonnull(t.theirs);
}

static void to_them(void)
{
    uint8_t out[FH_SCTP_DATAGRAM_MAX];
    struct fh_guard_opened got;
    size_t len;

    while ((len = fh_sctp_output(t.ours, now_us(), out)) > 0) {
        ck_assert_int_eq(fh_guard_open(&t.guard, out, len, &got), 0);
        /* Probes for the size of datagrams are not answered. */
        if (got.type == FH_GUARD_STREAM && !is_lost())
            usr_input(t.theirs, got.payload, got.len);
    }
}

static void to_us(void)
{
    size_t n = t.waiting_n;

    t.waiting_n = 0;
    for (size_t i = 0; i < n; i++) {
        int len = fh_guard_seal(&t.guard, FH_GUARD_STREAM, t.waiting[i], t.waiting_len[i]);

        if (!is_lost())
            ck_assert_int_eq(fh_sctp_input(t.ours, now_us(), t.waiting[i], (size_t)len, NULL), 0);
    }
}

static void use_ours(void)
{
    const uint8_t *p;
    size_t len;

    while (t.put[0] < t.want[0]) {
        uint8_t piece[3000];
        size_t n =
            t.want[0] - t.put[0] < sizeof piece ? (size_t)(t.want[0] - t.put[0]) : sizeof piece;
        int took;

        for (size_t i = 0; i < n; i++)
            piece[i] = byte_at(0, t.put[0] + i);
        if ((took = fh_sctp_write(t.ours, piece, n)) <= 0)
            break;
        t.put[0] += (uint64_t)took;
    }
    if (t.put[0] == t.want[0])
        fh_sctp_end(t.ours);
    while ((p = fh_sctp_read(t.ours, &len)) != NULL) {
        for (size_t i = 0; i < len; i++)
            t.wrong += p[i] != byte_at(1, t.got[1] + i);
        t.got[1] += len;
        fh_sctp_read_done(t.ours, len);
    }
}

static void use_theirs(void)
{
    static uint8_t room[ROOM];
    uint32_t ppid = 0;
    ssize_t n;

    if (!t.theirs->so)
        return;
    while ((n = usr_read(t.theirs, room, sizeof room, &ppid)) > 0) {
        if (ppid == END) {
            t.they_saw_end = true;
            continue;
        }
        ck_assert_uint_eq(ppid, BYTES);
        for (ssize_t i = 0; i < n; i++)
            t.wrong += room[i] != byte_at(0, t.got[0] + (uint64_t)i);
        t.got[0] += (uint64_t)n;
    }
    while (t.put[1] < t.want[1]) {
        size_t len = t.want[1] - t.put[1] < 20000 ? (size_t)(t.want[1] - t.put[1]) : 20000;

        for (size_t i = 0; i < len; i++)
            room[i] = byte_at(1, t.put[1] + i);
        if ((n = usr_write(t.theirs, room, len, BYTES, t.put[1] + len == t.want[1])) <= 0)
            break;
        t.put[1] += (uint64_t)n;
    }
    if (t.they_saw_end && t.put[1] == t.want[1] && !t.they_shut) {
        usrsctp_shutdown(t.theirs->so, SHUT_WR);
        t.they_shut = true;
    }
}

static void turn(void)
{
    struct timespec grain = {.tv_nsec = 200000};
    uint64_t now = now_us();

    ck_assert_msg(now - t.began < (uint64_t)LIMIT_S * 1000000, "it does not come to its end");
    use_ours();
    use_theirs();
    if (fh_sctp_deadline(t.ours) <= now)
        fh_sctp_tick(t.ours, now);
    to_them();
    to_us();
    if (now - t.ticked >= 10000) {
        usrsctp_handle_timers((uint32_t)((now - t.ticked) / 1000));
        t.ticked = now;
    }
    nanosleep(&grain, NULL);
}

static void finish(void)
{
    usr_close(t.theirs);
    fh_sctp_free(t.ours);
}

static const struct {
    bool we_connect;
    unsigned loss;
} rows[] = {{true, 0}, {false, 0}, {true, 3}, {false, 3}};

START_TEST(bytes_and_the_end_pass_both_ways)
{
    begin(rows[_i].we_connect, rows[_i].loss);
    t.want[0] = rows[_i].loss ? 300000 : 1500000;
    t.want[1] = rows[_i].loss ? 100000 : 700000;
    while (fh_sctp_state(t.ours) != FH_SCTP_CLOSED) {
        turn();
        ck_assert_int_eq(fh_sctp_error(t.ours), 0);
    }
    use_ours();
    ck_assert_uint_eq(t.got[0], t.want[0]);
    ck_assert_uint_eq(t.got[1], t.want[1]);
    ck_assert_uint_eq(t.wrong, 0);
    ck_assert(fh_sctp_peer_ended(t.ours));
    finish();
}
END_TEST

START_TEST(an_abort_of_theirs_is_heard)
{
    begin(_i == 0, 0);
    t.want[0] = UINT64_MAX;
    while (t.got[0] < 100000)
        turn();
    usr_close(t.theirs);
    to_us();
    ck_assert_int_eq(fh_sctp_error(t.ours), FH_TRANSPORT_E_RESET);
    finish();
}
END_TEST

START_TEST(an_abort_of_ours_is_heard)
{
    uint8_t room[ROOM];
    ssize_t n;

    begin(_i == 0, 0);
    t.want[0] = UINT64_MAX;
    while (t.got[0] < 100000)
        turn();
    fh_sctp_abort(t.ours);
    to_them();
    do {
        n = usr_read(t.theirs, room, sizeof room, NULL);
    } while (n > 0);
    ck_assert(n < 0 && (errno == ECONNRESET || errno == ECONNABORTED));
    finish();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sctp_usrsctp");
    TCase *tc = tcase_create("usrsctp");
    SRunner *sr;
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, bytes_and_the_end_pass_both_ways, 0, 4);
    tcase_add_loop_test(tc, an_abort_of_theirs_is_heard, 0, 2);
    tcase_add_loop_test(tc, an_abort_of_ours_is_heard, 0, 2);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
