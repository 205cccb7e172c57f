/* SPDX-License-Identifier: MIT */
/* test_session_messages.c -- the messages of channel 0, both ways; texts; keys that are held. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "../src/held.c"
#include "../src/session_messages.c"
#include "../src/text.c"

static const struct fh__offer offer = {.n = 2, .methods = {{1, 2, {1, 2}}, {200, 0, {0}}}};
static const struct fh__choose choose = {
    .method = 1, .answers = {.n = 2, .item = {{1, 3, (const uint8_t *)"ann"}, {2, 0, NULL}}}};
static const struct fh__ask ask = {
    .step = 3, .questions = {.n = 1, .item = {{2, 4, (const uint8_t *)"Code"}}}};
static const struct fh__answer answer = {
    .step = 3, .answers = {.n = 1, .item = {{2, 6, (const uint8_t *)"secret"}}}};
static const struct fh__result result = {.status = FH_STATUS_GRANTED,
                                         .attempts_left = 2,
                                         .retry_s = 300,
                                         .permissions = 0x7ff,
                                         .idle_s = 0x01020304,
                                         .session_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
static const struct fh__bye bye = {
    .reason = 3, .may_reconnect = true, .retry_s = 7, .len = 4, .text = (const uint8_t *)"late"};

/* The exact bytes, as docs/protocol.md has them. */
static const struct {
    const char *name;
    size_t len;
    uint8_t bytes[40];
} wire[] = {
    {"offer", 8, {1, 2, 1, 2, 1, 2, 200, 0}},
    {"choose", 12, {2, 1, 2, 1, 0, 3, 'a', 'n', 'n', 2, 0, 0}},
    {"ask", 10, {3, 3, 1, 2, 0, 4, 'C', 'o', 'd', 'e'}},
    {"answer", 12, {4, 3, 1, 2, 0, 6, 's', 'e', 'c', 'r', 'e', 't'}},
    {"result", 29, {5, 0, 2, 1, 44, 0, 0, 7,  255, 1,  2, 3, 4, 1, 2,
                    3, 4, 5, 6, 7,  8, 9, 10, 11,  12, 0, 0, 0, 0}},
    {"permissions", 5, {6, 0, 0, 0, 5}},
    {"bye", 11, {7, 3, 1, 0, 7, 0, 4, 'l', 'a', 't', 'e'}},
};

static void write_one(unsigned i, struct wr *w)
{
    switch (i) {
    case 0:
        fh__offer_write(w, &offer);
        break;
    case 1:
        fh__choose_write(w, &choose);
        break;
    case 2:
        fh__ask_write(w, &ask);
        break;
    case 3:
        fh__answer_write(w, &answer);
        break;
    case 4:
        fh__result_write(w, &result);
        break;
    case 5:
        fh__permissions_write(w, 5);
        break;
    case 6:
        fh__bye_write(w, &bye);
        break;
    }
}

/* Reads a body and writes it again. */
static bool read_one(unsigned i, struct rd r, struct wr *w)
{
    struct fh__offer m0;
    struct fh__choose m1;
    struct fh__ask m2;
    struct fh__answer m3;
    struct fh__result m4;
    uint32_t m5;
    struct fh__bye m6;

    switch (i) {
    case 0:
        return fh__offer_read(r, &m0) && (fh__offer_write(w, &m0), true);
    case 1:
        return fh__choose_read(r, &m1) && (fh__choose_write(w, &m1), true);
    case 2:
        return fh__ask_read(r, &m2) && (fh__ask_write(w, &m2), true);
    case 3:
        return fh__answer_read(r, &m3) && (fh__answer_write(w, &m3), true);
    case 4:
        return fh__result_read(r, &m4) && (fh__result_write(w, &m4), true);
    case 5:
        return fh__permissions_read(r, &m5) && (fh__permissions_write(w, m5), true);
    case 6:
        return fh__bye_read(r, &m6) && (fh__bye_write(w, &m6), true);
    }
    return false;
}

START_TEST(messages_have_their_bytes_and_read_back)
{
    uint8_t mem[64], again[64];
    struct wr w = wr_init(mem, sizeof mem), w2 = wr_init(again, sizeof again);

    write_one((unsigned)_i, &w);
    ck_assert(!w.bad);
    ck_assert_uint_eq(w.len, wire[_i].len);
    ck_assert_mem_eq(mem, wire[_i].bytes, w.len);
    ck_assert(read_one((unsigned)_i, rd_init(mem + 1, w.len - 1), &w2));
    ck_assert_uint_eq(w2.len, w.len);
    ck_assert_mem_eq(again, mem, w.len);
}
END_TEST

START_TEST(shorter_and_longer_messages_are_refused)
{
    uint8_t mem[64] = {0}, again[64];
    struct wr w = wr_init(mem, sizeof mem), w2 = wr_init(again, sizeof again);

    write_one((unsigned)_i, &w);
    for (size_t len = 0; len < w.len - 1; len++)
        ck_assert(!read_one((unsigned)_i, rd_init(mem + 1, len), &w2));
    ck_assert(!read_one((unsigned)_i, rd_init(mem + 1, w.len), &w2));
    ck_assert_uint_eq(w2.len, 0);
}
END_TEST

static const struct {
    unsigned message;
    size_t len;
    uint8_t body[8];
} refused[] = {
    {0, 1, {17}},               /* more methods than there may be */
    {0, 3, {1, 1, 9}},          /* more kinds */
    {1, 2, {1, 9}},             /* more answers */
    {4, 28, {3}},               /* a status that is none */
    {6, 6, {0, 0, 0, 0, 1, 1}}, /* a text of 257 bytes that is not there */
};

START_TEST(values_outside_their_ranges_are_refused)
{
    uint8_t body[300] = {0}, again[64];
    struct wr w = wr_init(again, sizeof again);

    memcpy(body, refused[_i].body, 8);
    ck_assert(!read_one(refused[_i].message, rd_init(body, refused[_i].len), &w));
    if (refused[_i].message == 6)
        ck_assert(!read_one(6, rd_init(body, 6 + 257), &w));
}
END_TEST

/* ---- text ---- */

static const struct {
    const char *in, *out;
} texts[] = {
    {"plain", "plain"},
    {"caf\xc3\xa9", "caf\xc3\xa9"},
    {"a\x1b[31m", "a\\x1b[31m"},
    {"tab\there", "tab\\x09here"},
    {"\xff\xfe", "\\xff\\xfe"},
    {"\xe2\x80\xae"
     "evil",
     "\\xe2\\x80\\xae"
     "evil"},
    {"back\\slash", "back\\x5cslash"},
    {"\xc3", "\\xc3"},
    {"", ""},
};

START_TEST(texts_of_a_peer_are_escaped)
{
    char out[64];
    const char *in = texts[_i].in;

    fh__session_text_escape(in, strlen(in), out, sizeof out);
    ck_assert_str_eq(out, texts[_i].out);
    ck_assert(fh__session_text_is_clean(out, strlen(out)));
    for (size_t room = 1; room < 12; room++) {
        fh__session_text_escape(in, strlen(in), out, room);
        ck_assert_uint_lt(strlen(out), room);
        ck_assert(fh__session_text_is_clean(out, strlen(out)));
    }
    fh__session_text_copy(in, out, 4);
    ck_assert_uint_lt(strlen(out), 4);
}
END_TEST

/* ---- held keys ---- */

START_TEST(held_keys_are_bounded_and_found_by_scan_code)
{
    struct fh__held h = {0};
    uint32_t sym, code;

    for (uint32_t i = 0; i < FH_HELD_KEYS_MAX; i++)
        ck_assert(fh__held_key(&h, 100 + i, 0, true));
    ck_assert(fh__held_key(&h, 100, 0, true)); /* repeats */
    ck_assert(!fh__held_key(&h, 9999, 0, true));
    ck_assert(fh__held_key(&h, 9999, 0, false));
    ck_assert(fh__held_key(&h, 100, 0, false));
    ck_assert(fh__held_key(&h, 'A', 30, true));
    ck_assert(fh__held_key(&h, 'a', 30, false)); /* Shift was let go first */
    ck_assert_uint_eq(h.n_keys, FH_HELD_KEYS_MAX - 1);
    while (fh__held_take_key(&h, &sym, &code))
        ck_assert_uint_ne(sym, 'A');
    ck_assert_uint_eq(h.n_keys, 0);
    fh__held_pointer(&h, 3, 4, 2);
    ck_assert(fh__held_take_buttons(&h));
    ck_assert(!fh__held_take_buttons(&h));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session_messages");
    TCase *tc = tcase_create("session_messages");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tc, messages_have_their_bytes_and_read_back, 0, 7);
    tcase_add_loop_test(tc, shorter_and_longer_messages_are_refused, 0, 7);
    tcase_add_loop_test(tc, values_outside_their_ranges_are_refused, 0, 5);
    tcase_add_loop_test(tc, texts_of_a_peer_are_escaped, 0, sizeof texts / sizeof texts[0]);
    tcase_add_test(tc, held_keys_are_bounded_and_found_by_scan_code);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
