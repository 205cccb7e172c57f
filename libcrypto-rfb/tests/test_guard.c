/* SPDX-License-Identifier: MIT */
/* Signed datagrams: docs/vectors/datagrams.json, the window, the turn to new secrets. */
#include "../src/guard.c"

#include <stdlib.h>

#include <check.h>

#include "vectors.h"

enum { ROOM = 2048, SAY = FH_GUARD_OVERHEAD + 1 };

static const uint8_t secrets[6][FH_GUARD_SECRET_LEN] = {{1}, {2}, {3}, {4}, {5}, {6}};

static struct fh_guard a, b;
static uint8_t wire[ROOM];

static struct fh_guard guard(int tx, int rx, bool encrypt)
{
    struct fh_guard g;
    struct fh_guard_config cfg = {.tx_secret = secrets[tx],
                                  .rx_secret = secrets[rx],
                                  .tx_index = (uint32_t)rx + 1,
                                  .rx_index = (uint32_t)tx + 1,
                                  .encrypt = encrypt};

    ck_assert_int_eq(fh_guard_init(&g, &cfg), 0);
    return g;
}

static void setup(void)
{
    a = guard(0, 1, false);
    b = guard(1, 0, false);
}

/* One byte from one guard, into wire. */
static void say(struct fh_guard *from, uint8_t what)
{
    wire[FH_GUARD_HEADER_LEN] = what;
    ck_assert_int_eq(fh_guard_seal(from, FH_GUARD_STREAM, wire, 1), SAY);
}

static int hear(struct fh_guard *to, uint8_t *datagram)
{
    struct fh_guard_opened got;
    uint8_t copy[SAY];

    memcpy(copy, datagram, SAY);
    return fh_guard_open(to, copy, SAY, &got);
}

static bool passes(struct fh_guard *from, struct fh_guard *to)
{
    say(from, 7);
    return hear(to, wire) == 0;
}

/* ---- vectors --------------------------------------------------------------------------------- */

static const struct row {
    bool client, encrypt;
    uint32_t epoch, type, index;
    uint64_t number;
    size_t len;
    const char *header, *tag;
} rows[] = {
    {true, false, 0, 0, 0x123456, UINT64_C(0x1), 5, "0812345600000001",
     "3416ffa14cef415f014a8bd04563b0d4"},
    {false, false, 0, 1, 0xffffff, UINT64_C(0x2), 0, "09ffffff00000002",
     "70f4b08d8c7c59e473a60d81a946de8b"},
    {true, true, 0, 2, 0x0, UINT64_C(0x3), 64, "0a00000000000003",
     "10d040b203ce7a1cc445055e92e28706"},
    {false, false, 1, 0, 0xa, UINT64_C(0xffffffff), 34, "0c00000affffffff",
     "5211d34ddb0ead1a42d3bf3a87acd789"},
    {false, true, 2, 0, 0xa, UINT64_C(0x100000000), 12, "0800000a00000000",
     "12b476c50196526968925f4baee38b72"},
    {true, false, 3, 2, 0xabcdef, UINT64_C(0x123456789abc), 1176, "0eabcdef56789abc",
     "1111de825c21a0c9847df0561f468562"},
};

static void payload_of(size_t row, uint8_t *out)
{
    memset(out, 0, rows[row].len);
    if (row == 0)
        memcpy(out, "hello", 5);
    if (row == 3)
        memcpy(out, "before the turn of the low 32 bits", 34);
    if (row == 4)
        memcpy(out, "and after it", 12);
    for (uint8_t i = 0; row == 2 && i < 64; i++)
        out[i] = i;
}

/* Both ends of a row's conversation, brought to its epoch and number. */
static void stand_at(const struct row *v, struct fh_guard *from, struct fh_guard *to)
{
    uint8_t connection[32], context[32], c[32], s[32];
    struct fh_guard_config cfg = {.tx_index = v->index, .rx_index = 9, .encrypt = v->encrypt};
    const uint8_t *ours = v->client ? c : s, *theirs = v->client ? s : c;

    for (uint8_t i = 0; i < 32; i++) {
        connection[i] = i;
        context[i] = (uint8_t)(0xa0 + i);
    }
    ck_assert_int_eq(fh_guard_secret(connection, FH_ROLE_CLIENT, context, 32, c), 0);
    ck_assert_int_eq(fh_guard_secret(connection, FH_ROLE_SERVER, context, 32, s), 0);
    cfg.tx_secret = ours;
    cfg.rx_secret = theirs;
    ck_assert_int_eq(fh_guard_init(from, &cfg), 0);
    cfg = (struct fh_guard_config){.tx_secret = theirs,
                                   .rx_secret = ours,
                                   .tx_index = 9,
                                   .rx_index = v->index,
                                   .encrypt = v->encrypt};
    ck_assert_int_eq(fh_guard_init(to, &cfg), 0);
    from->epoch = from->tx_epoch = to->epoch = v->epoch;
    memmove(from->tx_key[v->epoch & 1], from->tx_key[0], 32);
    memmove(to->rx_key[v->epoch & 1], to->rx_key[0], 32);
    from->sent = from->sent_base = v->number - 1;
    to->highest = v->number - 1;
}

START_TEST(secrets_are_those_of_the_page)
{
    static const char *want[] = {
        "0f4c527268b0593403a64e9900aab18bf3ebe2be8f715cfa32c46911f6d24334",
        "9ea744644d63e6189bc8ecf157c012d2361e12ef147e5224ca7aeadd2e08dc68"};
    uint8_t connection[32], context[32], got[32], expected[32];

    for (uint8_t i = 0; i < 32; i++) {
        connection[i] = i;
        context[i] = (uint8_t)(0xa0 + i);
    }
    for (int i = 0; i < 2; i++) {
        hex_bytes(want[i], expected, sizeof expected);
        ck_assert_int_eq(
            fh_guard_secret(connection, i == 0 ? FH_ROLE_CLIENT : FH_ROLE_SERVER, context, 32, got),
            0);
        ck_assert_mem_eq(got, expected, 32);
    }
    ck_assert_int_eq(fh_guard_secret(connection, FH_ROLE_CLIENT, context, 256, got),
                     FH_CRYPTO_E_INVAL);
}
END_TEST

START_TEST(datagrams_are_those_of_the_page)
{
    const struct row *v = &rows[_i];
    struct fh_guard from, to;
    struct fh_guard_opened got;
    uint8_t payload[ROOM], header[8], tag[16];

    hex_bytes(v->header, header, sizeof header);
    hex_bytes(v->tag, tag, sizeof tag);
    payload_of((size_t)_i, payload);
    stand_at(v, &from, &to);
    memcpy(wire + FH_GUARD_HEADER_LEN, payload, v->len);
    ck_assert_int_eq(fh_guard_seal(&from, (enum fh_guard_type)v->type, wire, v->len),
                     (int)v->len + 24);
    ck_assert_mem_eq(wire, header, 8);
    ck_assert_mem_eq(wire + 8 + v->len, tag, 16);
    ck_assert_int_eq(memcmp(wire + 8, payload, v->len) != 0, v->encrypt && v->len > 0);
    ck_assert_int_eq(fh_guard_open(&to, wire, v->len + 24, &got), 0);
    ck_assert_uint_eq(got.number, v->number);
    ck_assert_uint_eq(got.type, v->type);
    ck_assert_uint_eq(got.len, v->len);
    ck_assert(got.newest);
    if (v->len > 0)
        ck_assert_mem_eq(got.payload, payload, v->len);
}
END_TEST

/* ---- what does not pass ---------------------------------------------------------------------- */

START_TEST(every_bit_counts)
{
    struct fh_guard_opened got;
    struct fh_guard before;

    a = guard(0, 1, _i != 0);
    b = guard(1, 0, _i != 0);
    say(&a, 42);
    before = b;
    for (int bit = 0; bit < SAY * 8; bit++) {
        uint8_t bad[SAY];

        memcpy(bad, wire, SAY);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_eq(fh_guard_open(&b, bad, SAY, &got), FH_CRYPTO_E_AUTH);
    }
    ck_assert_uint_eq(b.counters.foreign + b.counters.forged + b.counters.repeated, SAY * 8);
    b.counters = before.counters;
    ck_assert_mem_eq(&b, &before, sizeof b);
    ck_assert_int_eq(hear(&b, wire), 0);
}
END_TEST

START_TEST(every_shorter_datagram_is_refused)
{
    struct fh_guard_opened got;

    say(&a, 1);
    for (size_t len = 0; len < SAY; len++) {
        uint8_t *exact = malloc(len ? len : 1);

        memcpy(exact, wire, len);
        ck_assert_int_eq(fh_guard_open(&b, exact, len, &got), FH_CRYPTO_E_AUTH);
        free(exact);
    }
}
END_TEST

START_TEST(a_reflection_is_refused)
{
    say(&a, 1);
    a.rx_index = a.tx_index;
    ck_assert_int_eq(hear(&a, wire), FH_CRYPTO_E_AUTH);
    ck_assert_uint_eq(a.counters.forged, 1);
}
END_TEST

START_TEST(the_reserved_type_is_refused)
{
    say(&a, 1);
    wire[0] |= 3;
    ck_assert_int_eq(hear(&b, wire), FH_CRYPTO_E_AUTH);
    ck_assert_uint_eq(b.counters.foreign, 1);
}
END_TEST

START_TEST(the_same_secrets_for_both_directions_are_refused)
{
    struct fh_guard_config cfg = {.tx_secret = secrets[0], .rx_secret = secrets[0]};
    struct fh_guard g;

    ck_assert_int_eq(fh_guard_init(&g, &cfg), FH_CRYPTO_E_INVAL);
    cfg.rx_secret = secrets[1];
    cfg.tx_index = FH_GUARD_INDEX_MAX + 1;
    ck_assert_int_eq(fh_guard_init(&g, &cfg), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_guard_install(&a, secrets[2], secrets[2], FH_GUARD_LEAD),
                     FH_CRYPTO_E_INVAL);
    ck_assert(passes(&a, &b));
}
END_TEST

START_TEST(a_key_is_not_used_for_ever)
{
    a.sent = PACKETS_MAX - 1;
    b.highest = PACKETS_MAX - 1;
    ck_assert(passes(&a, &b));
    ck_assert_int_eq(fh_guard_seal(&a, FH_GUARD_RAW, wire, 1), FH_CRYPTO_E_CLOSED);
    fh_guard_install(&b, secrets[3], secrets[2], FH_GUARD_FOLLOW);
    fh_guard_install(&a, secrets[2], secrets[3], FH_GUARD_LEAD);
    ck_assert(passes(&a, &b));
}
END_TEST

/* ---- the window ------------------------------------------------------------------------------ */

START_TEST(the_window_is_that_of_a_simple_model)
{
    /* The model: a flag for each number; late is whatever is 2048 or more behind. */
    enum { N = 20000 };
    static bool seen[N];
    uint64_t highest = 0;

    srand((unsigned)_i + 1);
    for (int i = 0; i < N; i++) {
        uint64_t top = highest + (uint64_t)(rand() % 8 == 0 ? rand() % 300 : 3);
        uint64_t back = (uint64_t)(rand() % 3 == 0 ? rand() % 2500 : rand() % 20);
        uint64_t number = top > back ? top - back : 1;
        bool fresh;

        if (number == 0 || number >= N)
            continue;
        fresh = number > highest || (highest - number < FH_GUARD_WINDOW && !seen[number]);
        a.sent = number - 1;
        ck_assert_int_eq(passes(&a, &b), fresh);
        seen[number] = true;
        if (number > highest)
            highest = number;
    }
    ck_assert_uint_gt(b.counters.repeated, 100);
}
END_TEST

START_TEST(a_jump_over_the_whole_window_leaves_nothing_behind)
{
    for (uint64_t i = 0; i < 64; i++)
        ck_assert(passes(&a, &b));
    a.sent += (uint64_t)64 * WORDS * 3;
    ck_assert(passes(&a, &b));
    a.sent -= FH_GUARD_WINDOW - 1;
    for (int i = 0; i < FH_GUARD_WINDOW - 2; i++)
        ck_assert(passes(&a, &b));
}
END_TEST

START_TEST(numbers_are_inferred_across_32_bits)
{
    static const uint64_t at[] = {UINT64_C(0xfffffff0), UINT64_C(0x1fffffff0),
                                  UINT64_C(0x7fffffff0), UINT64_C(0x123fffffff0)};
    uint64_t base = at[_i];

    b.highest = base;
    for (uint64_t i = 1; i < 64; i++) {
        uint64_t number = base + (i % 2 ? i : 64 - i);

        ck_assert_uint_eq(infer(base, (uint32_t)number), number);
        ck_assert_uint_eq(infer(base + 64, (uint32_t)number), number);
        a.sent = a.sent_base = number - 1;
        ck_assert(passes(&a, &b));
    }
    ck_assert_uint_eq(infer(base, (uint32_t)(base + (UINT64_C(1) << 31))),
                      base + (UINT64_C(1) << 31));
    ck_assert_uint_eq(infer(0, 0xffffffff), 0xffffffff);
}
END_TEST

/* ---- new secrets ----------------------------------------------------------------------------- */

START_TEST(both_turn_without_losing_a_datagram)
{
    uint8_t late[3][SAY];

    for (int i = 0; i < 3; i++) {
        say(&a, 1);
        memcpy(late[i], wire, SAY);
    }
    /* a follows, as the channel's client: it has them first. */
    fh_guard_install(&a, secrets[2], secrets[3], FH_GUARD_FOLLOW);
    ck_assert(passes(&a, &b));
    ck_assert(passes(&b, &a));
    ck_assert(!fh_guard_has_turned(&a));
    say(&b, 1);
    fh_guard_install(&b, secrets[3], secrets[2], FH_GUARD_LEAD);
    ck_assert_int_eq(hear(&a, wire), 0);
    ck_assert(passes(&a, &b)); /* still the old ones */
    ck_assert(!fh_guard_has_turned(&b));
    ck_assert(passes(&b, &a)); /* now a turns */
    ck_assert(fh_guard_has_turned(&a));
    ck_assert(passes(&a, &b));
    ck_assert(fh_guard_has_turned(&b));
    /* What was on its way from before is still good, once. */
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(hear(&b, late[i]), 0);
        ck_assert_int_eq(hear(&b, late[i]), FH_CRYPTO_E_AUTH);
    }
}
END_TEST

START_TEST(who_knows_the_old_secrets_is_out_after_the_turn)
{
    struct fh_guard broker;

    broker = a;
    fh_guard_install(&a, secrets[2], secrets[3], FH_GUARD_FOLLOW);
    fh_guard_install(&b, secrets[3], secrets[2], FH_GUARD_LEAD);
    ck_assert(passes(&b, &a));
    ck_assert(passes(&a, &b));
    /* A number newer than the turn, sealed with the old key. */
    broker.sent = a.sent + 10;
    ck_assert(!passes(&broker, &b));
    ck_assert_uint_eq(b.counters.foreign, 1);
    ck_assert(b.old_is_live);
    for (int i = 0; i <= FH_GUARD_WINDOW; i++)
        ck_assert(passes(&a, &b));
    ck_assert(!b.old_is_live);
    ck_assert(passes(&a, &b));
}
END_TEST

START_TEST(forgetting_ends_the_old_secrets_at_once)
{
    static const uint8_t zeros[32];
    struct fh_guard broker;

    fh_guard_forget(&b);
    broker = a;
    ck_assert(passes(&a, &b));
    fh_guard_install(&a, secrets[2], secrets[3], FH_GUARD_FOLLOW);
    fh_guard_install(&b, secrets[3], secrets[2], FH_GUARD_LEAD);
    ck_assert(passes(&broker, &b) || b.counters.repeated == 1);
    fh_guard_forget(&b);
    fh_guard_forget(&a);
    ck_assert(!passes(&broker, &b));
    ck_assert_mem_eq(b.rx_key[0], zeros, 32);
    ck_assert_mem_eq(b.tx_key[0], zeros, 32);
    ck_assert_mem_eq(a.tx_key[0], zeros, 32);
    ck_assert(passes(&a, &b));
    ck_assert(passes(&b, &a));
}
END_TEST

START_TEST(many_rekeys_in_a_row_and_numbers_that_go_on)
{
    for (uint8_t i = 0; i < 50; i++) {
        uint8_t c[32] = {i, 1}, s[32] = {i, 2};

        fh_guard_install(&a, c, s, FH_GUARD_FOLLOW);
        fh_guard_install(&b, s, c, FH_GUARD_LEAD);
        if (i % 3 != 0) /* else the next pair comes before a heard of this one */
            ck_assert(passes(&b, &a));
        ck_assert(passes(&a, &b));
        ck_assert_uint_eq(a.sent, i + 1);
    }
}
END_TEST

START_TEST(finishing_leaves_nothing)
{
    static const struct fh_guard empty;

    fh_guard_finish(&a);
    fh_guard_finish(&a);
    ck_assert_mem_eq(&a, &empty, sizeof a);
}
END_TEST

/* ---- first bytes ----------------------------------------------------------------------------- */

START_TEST(first_bytes_are_told_apart_as_in_rfc_7983)
{
    uint8_t d[40] = {0, 1, 0, 20, 0x21, 0x12, 0xa4, 0x42};

    for (int first = 0; first < 256; first++) {
        enum fh_datagram_kind want = FH_DATAGRAM_UNKNOWN;

        d[0] = (uint8_t)first;
        want = first <= 3 ? FH_DATAGRAM_STUN : want;
        want = first >= 8 && first <= 15 ? FH_DATAGRAM_GUARD : want;
        want = first >= 16 && first <= 19 ? FH_DATAGRAM_ZRTP : want;
        want = first >= 20 && first <= 63 ? FH_DATAGRAM_DTLS : want;
        want = first >= 64 && first <= 79 ? FH_DATAGRAM_TURN : want;
        want = first >= 128 && first <= 191 ? FH_DATAGRAM_RTP : want;
        ck_assert_int_eq(fh_datagram_kind(d, sizeof d), want);
    }
    d[0] = 0;
    ck_assert_int_eq(fh_datagram_kind(d, 0), FH_DATAGRAM_UNKNOWN);
    ck_assert_int_eq(fh_datagram_kind(d, 39), FH_DATAGRAM_UNKNOWN);
    ck_assert_int_eq(fh_datagram_kind(d, 16), FH_DATAGRAM_UNKNOWN);
    d[5] = 0;
    ck_assert_int_eq(fh_datagram_kind(d, 40), FH_DATAGRAM_UNKNOWN);
    d[0] = 8;
    ck_assert_int_eq(fh_datagram_kind(d, 23), FH_DATAGRAM_UNKNOWN);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("guard");
    TCase *vectors = tcase_create("vectors"), *hostile = tcase_create("what does not pass");
    TCase *window = tcase_create("the window"), *turn = tcase_create("new secrets");
    SRunner *sr = srunner_create(s);
    int failed;

    tcase_add_test(vectors, secrets_are_those_of_the_page);
    tcase_add_loop_test(vectors, datagrams_are_those_of_the_page, 0, 6);
    tcase_add_test(vectors, first_bytes_are_told_apart_as_in_rfc_7983);
    suite_add_tcase(s, vectors);
    tcase_add_checked_fixture(hostile, setup, NULL);
    tcase_add_loop_test(hostile, every_bit_counts, 0, 2);
    tcase_add_test(hostile, every_shorter_datagram_is_refused);
    tcase_add_test(hostile, a_reflection_is_refused);
    tcase_add_test(hostile, the_reserved_type_is_refused);
    tcase_add_test(hostile, the_same_secrets_for_both_directions_are_refused);
    tcase_add_test(hostile, a_key_is_not_used_for_ever);
    suite_add_tcase(s, hostile);
    tcase_add_checked_fixture(window, setup, NULL);
    tcase_add_loop_test(window, the_window_is_that_of_a_simple_model, 0, 8);
    tcase_add_test(window, a_jump_over_the_whole_window_leaves_nothing_behind);
    tcase_add_loop_test(window, numbers_are_inferred_across_32_bits, 0, 4);
    suite_add_tcase(s, window);
    tcase_add_checked_fixture(turn, setup, NULL);
    tcase_add_test(turn, both_turn_without_losing_a_datagram);
    tcase_add_test(turn, who_knows_the_old_secrets_is_out_after_the_turn);
    tcase_add_test(turn, forgetting_ends_the_old_secrets_at_once);
    tcase_add_test(turn, many_rekeys_in_a_row_and_numbers_that_go_on);
    tcase_add_test(turn, finishing_leaves_nothing);
    suite_add_tcase(s, turn);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
