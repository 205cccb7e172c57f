/* SPDX-License-Identifier: MIT */
/* Catchphrases: the list's properties, phrases of docs/vectors/catchphrase.json, what matches. */
#include "../src/catchphrase.c"

#include "vectors.h"

/* Four of the twenty; tests/identity-vectors checks them all, from the specification alone. */
static const struct {
    const char *fingerprint, *phrase;
} golden[] = {
    {"57b5eb3bd90f9aef272ee4d04ee6b984dc84c4d5b6280bb54c0e7ace6776579a",
     "Factor likely essay promoter. Barn finicky copilot anymore."},
    {"a081c37d28b4a665ff5390eea0f07d5b801a48c2fb6af0489d50e366f7cbea68",
     "Lavender replace pebbly aorta. Antiques sixth stopper blustery."},
    {"e70ad3fd8ce44e15fd496634ff5c7784512dde5a136075b0b4d9c68d3a7ab2c1",
     "Dividing departed snap papaya. Smashup cattail amenity referee."},
    {"0000000000000000000000000000000000000000000000000000000000000000",
     "Disarray boggle bankroll snore. Pointing elated emblem voyage."},
};

START_TEST(a_phrase_is_what_python_computes)
{
    uint8_t fp[32];
    char out[FH_CATCHPHRASE_MAX];

    hex_bytes(golden[_i].fingerprint, fp, sizeof fp);
    ck_assert_int_eq(fh_catchphrase(fp, out), 0);
    ck_assert_str_eq(out, golden[_i].phrase);
}
END_TEST

/* 88 bits: each of the eight indices is 11 of them, the first the most significant. */
START_TEST(bits_become_indices_from_the_top)
{
    uint8_t bits[16] = {0};

    for (unsigned i = 0; i < FH_CATCHPHRASE_WORDS; i++) {
        for (unsigned b = 0; b < WORD_BITS; b++) {
            unsigned at = WORD_BITS * i + b;

            bits[at / 8] = (uint8_t)(0x80 >> at % 8);
            ck_assert_uint_eq(word_index(bits, i), 1u << (WORD_BITS - 1 - b));
            if (i > 0)
                ck_assert_uint_eq(word_index(bits, i - 1), 0);
            bits[at / 8] = 0;
        }
    }
}
END_TEST

START_TEST(the_longest_phrase_fits)
{
    ck_assert_uint_le(FH_CATCHPHRASE_WORDS * (FH__WORD_MAX + 1) + 2, FH_CATCHPHRASE_MAX);
}
END_TEST

/* ---- the list ------------------------------------------------------------------------------- */

/* Another list means other phrases for every key: it may never change. */
START_TEST(the_list_is_frozen)
{
    struct fh__hash h;
    uint8_t want[32], out[32];

    fh__hash_init(&h);
    for (size_t i = 0; i < FH__WORDS; i++) {
        fh__hash_add(&h, fh__wordlist[i], strlen(fh__wordlist[i]));
        fh__hash_add(&h, "\n", 1);
    }
    fh__hash_peek(&h, out);
    hex_bytes("a13f95162675857558fe18136e1166a65b858bfe875fb1d3b1dd2ed3320457de", want, 32);
    ck_assert_mem_eq(out, want, 32);
}
END_TEST

START_TEST(words_are_sorted_and_of_4_to_8_letters)
{
    for (size_t i = 0; i < FH__WORDS; i++) {
        const char *w = fh__wordlist[i];

        ck_assert_uint_ge(strlen(w), 4);
        ck_assert_uint_le(strlen(w), FH__WORD_MAX);
        ck_assert_uint_eq(strspn(w, "abcdefghijklmnopqrstuvwxyz"), strlen(w));
        if (i > 0)
            ck_assert_int_lt(strcmp(fh__wordlist[i - 1], w), 0);
    }
}
END_TEST

/* In a sorted list a prefix stands before what it begins, with only its own kind between. */
START_TEST(no_word_begins_another)
{
    for (size_t i = 1; i < FH__WORDS; i++)
        ck_assert_int_ne(strncmp(fh__wordlist[i - 1], fh__wordlist[i], strlen(fh__wordlist[i - 1])),
                         0);
}
END_TEST

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

static size_t distance(const char *a, const char *b)
{
    size_t row[FH__WORD_MAX + 1], n = strlen(b);

    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 1; j <= n; j++) {
            size_t up = row[j];

            row[j] = min3(up + 1, row[j - 1] + 1, diagonal + (a[i] != b[j - 1]));
            diagonal = up;
        }
    }
    return row[n];
}

START_TEST(any_two_words_differ_in_three_places)
{
    ck_assert_uint_eq(distance("kitten", "sitting"), 3);
    for (size_t i = 0; i < FH__WORDS; i++)
        for (size_t j = i + 1; j < FH__WORDS; j++)
            if (distance(fh__wordlist[i], fh__wordlist[j]) < 3)
                ck_abort_msg("%s, %s", fh__wordlist[i], fh__wordlist[j]);
}
END_TEST

/* ---- what a person types -------------------------------------------------------------------- */

#define PHRASE "Factor likely essay promoter. Barn finicky copilot anymore."

static const struct {
    const char *typed;
    int words;
} typed[] = {
    {PHRASE, 8},
    {"factor likely essay promoter barn finicky copilot anymore", 8},
    {"  FACTOR,likely;essay\tpromoter...barn-finicky_copilot\r\nanymore!", 8},
    {"factorlikelyessaypromoterbarnfinickycopilotanymore", 8},
    {"Factor likely essay promoter.", 4},
    {"barn finicky copilot anymore", 4},
    {"barnfinicky copilotanymore", 4},
    {"", 0},
    {" . ", 0},
    {"factor", 0},
    {"factor likely essay", 0},
    {"factor likely essay promote", 0},
    {"factor likely essay promoterx", 0},
    {"likely essay promoter barn", 0},
    {"factor likely essay promoter barn", 0},
    {"Barn finicky copilot anymore. Factor likely essay promoter.", 0},
    {"factor likely essay promoter barn finicky copilot anymore anymore", 0},
    {"factor likely essay promoter 1", 0},
    {"factor likely essay promot\xc3\xa9r", 0},
    {"factor likely essay promoter\x01", 0},
    {"factor likely essay promoter\x7f", 0},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0},
};

START_TEST(a_phrase_or_a_whole_sentence_of_it_matches)
{
    ck_assert_int_eq(fh_catchphrase_matches(PHRASE, typed[_i].typed), typed[_i].words);
}
END_TEST

START_TEST(only_eight_words_are_a_phrase)
{
    ck_assert_int_eq(fh_catchphrase_matches("", ""), 0);
    ck_assert_int_eq(fh_catchphrase_matches("able able able able", "able able able able"), 0);
    ck_assert_int_eq(fh_catchphrase_matches(PHRASE " able", PHRASE " able"), 0);
}
END_TEST

START_TEST(a_prefix_completes_when_it_is_enough)
{
    ck_assert_str_eq(fh_catchphrase_complete("promote"), "promoter");
    ck_assert_str_eq(fh_catchphrase_complete("PROMOTER"), "promoter");
    ck_assert_ptr_null(fh_catchphrase_complete("promoters"));
    ck_assert_ptr_null(fh_catchphrase_complete("a"));
    ck_assert_ptr_null(fh_catchphrase_complete(""));
    ck_assert_ptr_null(fh_catchphrase_complete("zzz"));
    for (size_t i = 0; i < FH__WORDS; i++)
        ck_assert_ptr_eq(fh_catchphrase_complete(fh__wordlist[i]), fh__wordlist[i]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("catchphrase");
    TCase *tc = tcase_create("catchphrase");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, a_phrase_is_what_python_computes, 0, ARRAY_LEN(golden));
    tcase_add_test(tc, bits_become_indices_from_the_top);
    tcase_add_test(tc, the_longest_phrase_fits);
    tcase_add_test(tc, the_list_is_frozen);
    tcase_add_test(tc, words_are_sorted_and_of_4_to_8_letters);
    tcase_add_test(tc, no_word_begins_another);
    tcase_add_test(tc, any_two_words_differ_in_three_places);
    tcase_add_loop_test(tc, a_phrase_or_a_whole_sentence_of_it_matches, 0, ARRAY_LEN(typed));
    tcase_add_test(tc, only_eight_words_are_a_phrase);
    tcase_add_test(tc, a_prefix_completes_when_it_is_enough);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
