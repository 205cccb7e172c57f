/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/older.h>

#include "../src/known_peers.c"

#include "keys.h"

static uint8_t key_a[TEST_SPKI_LEN], key_b[TEST_SPKI_LEN], key_c[TEST_SPKI_LEN];
static struct fh_known_peers *k;
static const char phrase[] = "Word word word word. Word word word word.";

static void setup(void)
{
    unsigned line;

    test_spki(1, key_a);
    test_spki(2, key_b);
    test_spki(3, key_c);
    ck_assert_int_eq(fh_known_peers_parse(NULL, 0, &k, &line), 0);
}

static void teardown(void)
{
    fh_known_peers_free(k);
}

static enum fh_known_result check(const char *name, const uint8_t *key, struct fh_known_peer *out)
{
    return fh_known_peers_check(k, name, key, TEST_SPKI_LEN, out);
}

static int add(const char *name, const uint8_t *key, enum fh_known_how how, const uint8_t *salt)
{
    return fh_known_peers_add(k, name, key, TEST_SPKI_LEN, how, phrase, 1000, salt);
}

/* What a file would hold, read again. */
static void reload(void)
{
    struct fh_known_peers *again;
    unsigned line;
    size_t len;
    const char *text = fh_known_peers_text(k, &len);

    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(fh_known_peers_parse(text, len, &again, &line), 0);
    fh_known_peers_free(k);
    k = again;
}

static const uint8_t salt16[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

START_TEST(a_key_is_unknown_then_known_and_another_is_a_change)
{
    const uint8_t *salt = _i ? salt16 : NULL;
    struct fh_known_peer peer;

    ck_assert_int_eq(check("host:5900", key_a, NULL), FH_KNOWN_UNKNOWN);
    ck_assert_int_eq(add("host:5900", key_a, FH_KNOWN_PHRASE_TYPED, salt), 0);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(check("host:5900", key_a, &peer), FH_KNOWN_MATCHES);
        ck_assert_int_eq(peer.how, FH_KNOWN_PHRASE_TYPED);
        ck_assert_str_eq(peer.phrase, phrase);
        ck_assert_int_eq(peer.first_seen_s, 1000);
        ck_assert_int_eq(check("host:5900", key_b, &peer), FH_KNOWN_CHANGED);
        ck_assert_str_eq(peer.phrase, phrase);
        ck_assert_int_eq(check("other:5900", key_b, NULL), FH_KNOWN_UNKNOWN);
        reload();
    }
}
END_TEST

/* V20: a store must refuse a changed key, not overwrite it. */
START_TEST(a_changed_key_is_never_written_over_the_known_one)
{
    size_t len;
    char before[2048];

    ck_assert_int_eq(add("host:5900", key_a, FH_KNOWN_GIVEN, NULL), 0);
    snprintf(before, sizeof before, "%s", fh_known_peers_text(k, &len));
    ck_assert_int_eq(add("host:5900", key_b, FH_KNOWN_GIVEN, NULL), FH_SESSION_E_CHANGED);
    ck_assert_str_eq(fh_known_peers_text(k, &len), before);
    ck_assert_int_eq(fh_known_peers_remove(k, "host:5900"), 1);
    ck_assert_int_eq(add("host:5900", key_b, FH_KNOWN_GIVEN, NULL), 0);
    ck_assert_int_eq(check("host:5900", key_a, NULL), FH_KNOWN_CHANGED);
}
END_TEST

START_TEST(hashed_names_do_not_show_in_the_text)
{
    size_t len;

    ck_assert_int_eq(add("secret-host:5900", key_a, FH_KNOWN_GIVEN, salt16), 0);
    ck_assert_ptr_null(strstr(fh_known_peers_text(k, &len), "secret-host"));
    ck_assert_ptr_nonnull(strstr(fh_known_peers_text(k, &len), "|1|"));
    ck_assert_int_eq(fh_known_peers_remove(k, "secret-host:5900"), 1);
    ck_assert_int_eq(check("secret-host:5900", key_a, NULL), FH_KNOWN_UNKNOWN);
}
END_TEST

START_TEST(seeing_a_key_again_renews_how_and_when)
{
    struct fh_known_peer peer;

    ck_assert_int_eq(add("h:1", key_a, FH_KNOWN_ACCEPTED_BLIND, NULL), 0);
    ck_assert_int_eq(
        fh_known_peers_add(k, "h:1", key_a, TEST_SPKI_LEN, FH_KNOWN_PHRASE_TYPED, NULL, 2000, NULL),
        0);
    ck_assert_int_eq(check("h:1", key_a, &peer), FH_KNOWN_MATCHES);
    ck_assert_int_eq(peer.how, FH_KNOWN_PHRASE_TYPED);
    ck_assert_int_eq(peer.first_seen_s, 1000);
    ck_assert_int_eq(peer.last_seen_s, 2000);
    ck_assert_str_eq(peer.phrase, phrase);
    ck_assert_uint_eq(k->n, 1);
}
END_TEST

static char *line_with(const char *status, const char *tail)
{
    static char out[2048];
    char *line, *at;
    size_t len;

    ck_assert_int_eq(add("h:1", key_a, FH_KNOWN_GIVEN, NULL), 0);
    line = strdup(fh_known_peers_text(k, &len));
    line[len - 1] = '\0';
    at = strstr(line, "trusted");
    snprintf(out, sizeof out, "%.*s%s%s%s\n", (int)(at - line), line, status, at + 7, tail);
    free(line);
    fh_known_peers_free(k);
    k = NULL;
    return out;
}

START_TEST(a_revoked_key_is_refused_under_any_name_and_stays)
{
    char *text = line_with("revoked", "");
    unsigned line;

    ck_assert_int_eq(fh_known_peers_parse(text, strlen(text), &k, &line), 0);
    ck_assert_int_eq(check("h:1", key_a, NULL), FH_KNOWN_REVOKED);
    ck_assert_int_eq(check("elsewhere:1", key_a, NULL), FH_KNOWN_REVOKED);
    ck_assert_int_eq(add("elsewhere:1", key_a, FH_KNOWN_GIVEN, NULL), FH_SESSION_E_CHANGED);
    ck_assert_int_eq(fh_known_peers_remove(k, "h:1"), 0);
}
END_TEST

START_TEST(comments_other_versions_and_unknown_fields_are_kept)
{
    char text[4096];
    unsigned line;
    size_t len;

    snprintf(text, sizeof text, "# mine\n\n3 future line\n%s", line_with("trusted", " x=1 y=2"));
    ck_assert_int_eq(fh_known_peers_parse(text, strlen(text), &k, &line), 0);
    ck_assert_str_eq(fh_known_peers_text(k, &len), text);
    ck_assert_int_eq(
        fh_known_peers_add(k, "h:1", key_a, TEST_SPKI_LEN, FH_KNOWN_GIVEN, NULL, 1000, NULL), 0);
    ck_assert_str_eq(fh_known_peers_text(k, &len), text);
}
END_TEST

START_TEST(the_same_key_under_another_name_is_told)
{
    ck_assert_int_eq(add("one:1", key_a, FH_KNOWN_GIVEN, NULL), 0);
    ck_assert_str_eq(fh_known_peers_other_name(k, "two:2", key_a, TEST_SPKI_LEN), "one:1");
    ck_assert_ptr_null(fh_known_peers_other_name(k, "one:1", key_a, TEST_SPKI_LEN));
    ck_assert_ptr_null(fh_known_peers_other_name(k, "two:2", key_b, TEST_SPKI_LEN));
}
END_TEST

static const char *const bad_names[] = {"", " ", "a b", "a\nb", "|1|x|y", "a\tb", "\x7f"};

START_TEST(names_that_would_break_the_file_are_refused)
{
    ck_assert_int_eq(add(bad_names[_i], key_a, FH_KNOWN_GIVEN, NULL), FH_SESSION_E_INVAL);
    ck_assert_uint_eq(k->n, 0);
}
END_TEST

START_TEST(a_line_cut_at_any_byte_is_an_error_with_its_number_or_kept_unread)
{
    char *whole = strdup(line_with("trusted", ""));
    char text[2048];

    for (size_t len = 2; len + 1 < strlen(whole); len++) {
        struct fh_known_peers *cut = NULL;
        unsigned line;
        int ret;

        snprintf(text, sizeof text, "# first\n%.*s", (int)len, whole);
        ret = fh_known_peers_parse(text, strlen(text), &cut, &line);
        /* A phrase that is cut short is still a phrase; everything before it is needed. */
        if (ret == 0)
            ck_assert_ptr_nonnull(strstr(text, "given "));
        else
            ck_assert(ret == FH_SESSION_E_FORMAT && line == 2);
        fh_known_peers_free(cut);
    }
    free(whole);
}
END_TEST

START_TEST(a_changed_letter_in_key_or_fingerprint_is_an_error)
{
    char *text = strdup(line_with("trusted", ""));
    size_t from = (size_t)(strstr(text, "trusted ") + 8 - text), to = from + 64 + 1 + 392;

    for (size_t i = from; i < to; i++) {
        struct fh_known_peers *bad = NULL;
        char saved = text[i];
        unsigned line;

        text[i] = saved == 'A' ? 'B' : 'A';
        ck_assert_int_eq(fh_known_peers_parse(text, strlen(text), &bad, &line),
                         FH_SESSION_E_FORMAT);
        text[i] = saved;
    }
    free(text);
}
END_TEST

START_TEST(a_line_without_a_version_is_an_error)
{
    static const char *const lines[] = {"this is no line",
                                        "x",
                                        " 1 host",
                                        "1",
                                        "11a host",
                                        ("\xef\xbb\xbf"
                                         "1 host")};
    struct fh_known_peers *bad = NULL;
    char text[64];
    unsigned line;

    snprintf(text, sizeof text, "# first\n%s\n", lines[_i]);
    ck_assert_int_eq(fh_known_peers_parse(text, strlen(text), &bad, &line), FH_SESSION_E_FORMAT);
    ck_assert_uint_eq(line, 2);
}
END_TEST

START_TEST(lines_and_files_beyond_the_limits_are_refused)
{
    char *big = malloc(FH_KNOWN_PEERS_FILE_MAX + 1);
    unsigned line;

    memset(big, '\n', FH_KNOWN_PEERS_FILE_MAX + 1);
    memset(big, '#', FH_KNOWN_PEERS_LINE_MAX + 1);
    fh_known_peers_free(k);
    k = NULL;
    ck_assert_int_eq(fh_known_peers_parse(big, FH_KNOWN_PEERS_LINE_MAX + 2, &k, &line),
                     FH_SESSION_E_FORMAT);
    ck_assert_int_eq(
        fh_known_peers_parse(big + FH_KNOWN_PEERS_LINE_MAX, FH_KNOWN_PEERS_LINE_MAX, &k, &line), 0);
    free(big);
}
END_TEST

/* ---- successors ---- */

static int rotate(const uint8_t *from, const uint8_t *to)
{
    return fh_known_peers_rotate(k, from, TEST_SPKI_LEN, to, TEST_SPKI_LEN, phrase, 2000);
}

/* _i: names hashed or not. */
START_TEST(a_successor_is_accepted_beside_and_then_instead)
{
    const uint8_t *salt = _i ? salt16 : NULL;
    struct fh_known_peer peer;
    uint8_t fp[32];

    ck_assert_int_eq(add("host:5900", key_a, FH_KNOWN_PHRASE_TYPED, salt), 0);
    ck_assert_int_eq(add("other:5900", key_a, FH_KNOWN_GIVEN, NULL), 0);
    ck_assert_int_eq(rotate(key_a, key_b), 2);
    ck_assert_int_eq(rotate(key_a, key_b), 0); /* in the next session */
    reload();
    ck_assert(fh_known_peers_has_successor(k, key_a, TEST_SPKI_LEN));
    ck_assert_int_eq(check("host:5900", key_a, &peer), FH_KNOWN_MATCHES);
    ck_assert_int_eq(peer.how, FH_KNOWN_PHRASE_TYPED);
    ck_assert_int_eq(check("other:5900", key_b, NULL), FH_KNOWN_MATCHES);
    ck_assert_int_eq(check("host:5900", key_b, &peer), FH_KNOWN_MATCHES);
    ck_assert_int_eq(peer.how, FH_KNOWN_ROTATED);
    fh_fingerprint(key_a, TEST_SPKI_LEN, fp);
    ck_assert_mem_eq(peer.rotated_by, fp, sizeof fp);
    ck_assert_int_eq(check("host:5900", key_c, NULL), FH_KNOWN_CHANGED);
    ck_assert_int_eq(check("third:5900", key_b, NULL), FH_KNOWN_UNKNOWN);

    ck_assert_int_eq(fh_known_peers_retire(k, "host:5900", key_a, TEST_SPKI_LEN), 0);
    ck_assert_int_eq(fh_known_peers_retire(k, "host:5900", key_b, TEST_SPKI_LEN), 1);
    ck_assert_int_eq(fh_known_peers_retire(k, "host:5900", key_b, TEST_SPKI_LEN), 0);
    reload();
    ck_assert_int_eq(check("host:5900", key_b, NULL), FH_KNOWN_MATCHES);
    ck_assert_int_eq(check("host:5900", key_a, &peer), FH_KNOWN_CHANGED);
    ck_assert_int_eq(peer.how, FH_KNOWN_ROTATED); /* the one that is known instead */
    ck_assert_int_eq(check("other:5900", key_a, NULL), FH_KNOWN_MATCHES);
    ck_assert_int_eq(add("host:5900", key_a, FH_KNOWN_GIVEN, NULL), FH_SESSION_E_CHANGED);
    ck_assert_int_eq(rotate(key_b, key_a), FH_SESSION_E_CHANGED); /* not back again */
    ck_assert_int_eq(fh_known_peers_remove(k, "host:5900"), 2);
    ck_assert_int_eq(check("host:5900", key_a, NULL), FH_KNOWN_UNKNOWN);
}
END_TEST

START_TEST(who_was_accepted_blind_or_is_unknown_names_nobody)
{
    ck_assert_int_eq(rotate(key_a, key_b), FH_SESSION_E_UNCONFIRMED);
    ck_assert_int_eq(add("host:5900", key_a, FH_KNOWN_ACCEPTED_BLIND, NULL), 0);
    ck_assert_int_eq(rotate(key_a, key_b), FH_SESSION_E_UNCONFIRMED);
    ck_assert_int_eq(check("host:5900", key_b, NULL), FH_KNOWN_CHANGED);
    /* Under the name for which it is trusted only. */
    ck_assert_int_eq(add("other:5900", key_a, FH_KNOWN_GIVEN, NULL), 0);
    ck_assert_int_eq(rotate(key_a, key_b), 1);
    ck_assert_int_eq(check("host:5900", key_b, NULL), FH_KNOWN_CHANGED);
    ck_assert_int_eq(check("other:5900", key_b, NULL), FH_KNOWN_MATCHES);
}
END_TEST

START_TEST(a_successor_may_have_one_and_may_be_withdrawn)
{
    ck_assert_int_eq(add("host:5900", key_a, FH_KNOWN_GIVEN, NULL), 0);
    ck_assert_int_eq(rotate(key_a, key_b), 1);
    ck_assert_int_eq(rotate(key_a, key_c), 1); /* it changed its mind */
    ck_assert_int_eq(check("host:5900", key_b, NULL), FH_KNOWN_CHANGED);
    ck_assert_int_eq(check("host:5900", key_c, NULL), FH_KNOWN_MATCHES);
    ck_assert_int_eq(fh_known_peers_withdraw(k, key_a, TEST_SPKI_LEN), 1);
    ck_assert(!fh_known_peers_has_successor(k, key_a, TEST_SPKI_LEN));
    ck_assert_int_eq(check("host:5900", key_b, NULL), FH_KNOWN_CHANGED);
    ck_assert_int_eq(rotate(key_a, key_b), 1);
    ck_assert_int_eq(rotate(key_b, key_c), 1);
    ck_assert_int_eq(fh_known_peers_retire(k, "host:5900", key_b, TEST_SPKI_LEN), 1);
    ck_assert_int_eq(fh_known_peers_retire(k, "host:5900", key_c, TEST_SPKI_LEN), 1);
    reload();
    ck_assert_int_eq(check("host:5900", key_c, NULL), FH_KNOWN_MATCHES);
    ck_assert_int_eq(check("host:5900", key_b, NULL), FH_KNOWN_CHANGED);
    ck_assert_int_eq(fh_known_peers_withdraw(k, key_b, TEST_SPKI_LEN), 1);
}
END_TEST

START_TEST(a_revoked_key_cannot_follow)
{
    char *text = line_with("revoked", "");
    unsigned line;

    ck_assert_int_eq(fh_known_peers_parse(text, strlen(text), &k, &line), 0);
    ck_assert_int_eq(add("host:1", key_b, FH_KNOWN_GIVEN, NULL), 0);
    ck_assert_int_eq(rotate(key_b, key_a), FH_SESSION_E_CHANGED);
}
END_TEST

START_TEST(the_keys_can_be_listed)
{
    struct fh_known_entry e;

    ck_assert(!fh_known_peers_entry(k, 0, &e));
    ck_assert_int_eq(add("host:5900", key_a, FH_KNOWN_GIVEN, NULL), 0);
    ck_assert_int_eq(add("secret:5900", key_b, FH_KNOWN_ACCEPTED_BLIND, salt16), 0);
    ck_assert(fh_known_peers_entry(k, 0, &e));
    ck_assert_str_eq(e.name, "host:5900");
    ck_assert(!e.is_hashed);
    ck_assert_str_eq(fh_known_status_word(e.status), "trusted");
    ck_assert_str_eq(fh_known_how_word(e.peer.how), "given");
    ck_assert_str_eq(e.peer.phrase, phrase);
    ck_assert(fh_known_peers_entry(k, 1, &e));
    ck_assert(e.is_hashed);
    ck_assert(fh_known_peers_entry_is(k, 1, "secret:5900"));
    ck_assert(!fh_known_peers_entry_is(k, 0, "secret:5900"));
    ck_assert(!fh_known_peers_entry_is(k, 2, "secret:5900"));
    ck_assert(!fh_known_peers_entry(k, 2, &e));
}
END_TEST

/* ---- servers without the channel ---- */

static const uint8_t rsa_id[32] = {1}, tls_id[32] = {2}, other_id[32] = {3};

START_TEST(an_older_server_is_known_by_its_key_and_its_best_type)
{
    const uint8_t *salt = _i ? salt16 : NULL;
    struct fh_known_older o;

    ck_assert_uint_eq(fh_known_peers_older_minimum(k, "h:5900"), 0);
    ck_assert_int_eq(fh_known_peers_check_older(k, "h:5900", FH_OLDER_RA2, rsa_id, NULL),
                     FH_KNOWN_UNKNOWN);
    ck_assert_int_eq(
        fh_known_peers_add_older(k, "h:5900", FH_OLDER_RA2, rsa_id, FH_KNOWN_GIVEN, 7, salt), 0);
    ck_assert_int_eq(add("h:5900", key_a, FH_KNOWN_GIVEN, salt), 0); /* and its channel beside it */
    reload();
    ck_assert_uint_eq(fh_known_peers_older_minimum(k, "h:5900"), FH_OLDER_RA2);
    ck_assert_int_eq(fh_known_peers_check_older(k, "h:5900", FH_OLDER_RA2_256, rsa_id, &o),
                     FH_KNOWN_MATCHES);
    ck_assert_int_eq(o.how, FH_KNOWN_GIVEN);
    ck_assert_int_eq(o.first_seen_s, 7);
    ck_assert_int_eq(fh_known_peers_check_older(k, "h:5900", FH_OLDER_RA2, other_id, NULL),
                     FH_KNOWN_CHANGED);
    ck_assert_int_eq(
        fh_known_peers_add_older(k, "h:5900", FH_OLDER_RA2, other_id, FH_KNOWN_GIVEN, 8, NULL),
        FH_SESSION_E_CHANGED);
    ck_assert_int_eq(check("h:5900", key_a, NULL), FH_KNOWN_MATCHES);
    ck_assert_int_eq(check("h:5900", key_b, NULL), FH_KNOWN_CHANGED);
    ck_assert_int_eq(fh_known_peers_remove(k, "h:5900"), 2);
    ck_assert_uint_eq(fh_known_peers_older_minimum(k, "h:5900"), 0);
}
END_TEST

START_TEST(the_best_type_of_all_kinds_counts_and_never_falls)
{
    char name[FH_KNOWN_PEERS_NAME_MAX + 1];
    struct fh_known_older o;

    ck_assert_int_eq(
        fh_known_peers_add_older(k, "h:1", FH_OLDER_VNC, NULL, FH_KNOWN_ACCEPTED_BLIND, 1, NULL),
        0);
    ck_assert_int_eq(
        fh_known_peers_add_older(k, "h:1", FH_OLDER_RA2_256, rsa_id, FH_KNOWN_GIVEN, 2, NULL), 0);
    ck_assert_int_eq(
        fh_known_peers_add_older(k, "h:1", FH_OLDER_RA2NE, rsa_id, FH_KNOWN_GIVEN, 3, NULL), 0);
    ck_assert_uint_eq(fh_known_peers_older_minimum(k, "h:1"), FH_OLDER_RA2_256);
    ck_assert_int_eq(
        fh_known_peers_add_older(k, "h:1", FH_OLDER_X509_PLAIN, tls_id, FH_KNOWN_GIVEN, 4, NULL),
        0);
    reload();
    ck_assert_uint_eq(fh_known_peers_older_minimum(k, "h:1"), FH_OLDER_X509_PLAIN);
    ck_assert(fh_known_peers_older_entry(k, 1, name, &o));
    ck_assert_str_eq(name, "h:1");
    ck_assert_uint_eq(o.type, FH_OLDER_RA2_256);
    ck_assert_int_eq(o.last_seen_s, 3);
    ck_assert(!fh_known_peers_older_entry(k, 3, name, &o));
}
END_TEST

START_TEST(what_no_older_server_can_be_is_not_kept)
{
    ck_assert_int_eq(
        fh_known_peers_add_older(k, "h:1", FH_OLDER_RA2, NULL, FH_KNOWN_GIVEN, 1, NULL),
        FH_SESSION_E_INVAL);
    ck_assert_int_eq(
        fh_known_peers_add_older(k, "h:1", FH_OLDER_VNC, rsa_id, FH_KNOWN_GIVEN, 1, NULL),
        FH_SESSION_E_INVAL);
    ck_assert_int_eq(
        fh_known_peers_add_older(k, "h:1", FH_OLDER_TLS_VNC, NULL, FH_KNOWN_GIVEN, 1, NULL),
        FH_SESSION_E_INVAL);
    ck_assert_int_eq(
        fh_known_peers_add_older(k, "h 1", FH_OLDER_VNC, NULL, FH_KNOWN_GIVEN, 1, NULL),
        FH_SESSION_E_INVAL);
}
END_TEST

static const char *const bad_older[] = {
    "2 h:1 RA2 - 1 1 given",       "2 h:1 Nonsense - 1 1 given",
    "2 h:1 TLSVnc - 1 1 given",    "2 h:1 VncAuth 00 1 1 given",
    "2 h:1 VncAuth - 1 1 rotated", "2 h:1 VncAuth - x 1 given",
    "2 h:1 VncAuth - 1 1",         "2 h:1",
    "2 h:1 VncAuth - 1 1 ",
};

START_TEST(a_damaged_line_of_an_older_server_is_an_error)
{
    struct fh_known_peers *bad;
    unsigned line;

    ck_assert_int_eq(fh_known_peers_parse(bad_older[_i], strlen(bad_older[_i]), &bad, &line),
                     FH_SESSION_E_FORMAT);
    ck_assert_uint_eq(line, 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("known_peers");
    TCase *tc = tcase_create("known_peers");
    SRunner *sr;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_key_is_unknown_then_known_and_another_is_a_change, 0, 2);
    tcase_add_test(tc, a_changed_key_is_never_written_over_the_known_one);
    tcase_add_test(tc, hashed_names_do_not_show_in_the_text);
    tcase_add_test(tc, seeing_a_key_again_renews_how_and_when);
    tcase_add_test(tc, a_revoked_key_is_refused_under_any_name_and_stays);
    tcase_add_loop_test(tc, a_successor_is_accepted_beside_and_then_instead, 0, 2);
    tcase_add_test(tc, who_was_accepted_blind_or_is_unknown_names_nobody);
    tcase_add_test(tc, a_successor_may_have_one_and_may_be_withdrawn);
    tcase_add_test(tc, a_revoked_key_cannot_follow);
    tcase_add_test(tc, the_keys_can_be_listed);
    tcase_add_test(tc, comments_other_versions_and_unknown_fields_are_kept);
    tcase_add_test(tc, the_same_key_under_another_name_is_told);
    tcase_add_loop_test(tc, names_that_would_break_the_file_are_refused, 0,
                        sizeof bad_names / sizeof bad_names[0]);
    tcase_add_test(tc, a_line_cut_at_any_byte_is_an_error_with_its_number_or_kept_unread);
    tcase_add_test(tc, a_changed_letter_in_key_or_fingerprint_is_an_error);
    tcase_add_loop_test(tc, a_line_without_a_version_is_an_error, 0, 6);
    tcase_add_test(tc, lines_and_files_beyond_the_limits_are_refused);
    tcase_add_loop_test(tc, an_older_server_is_known_by_its_key_and_its_best_type, 0, 2);
    tcase_add_test(tc, the_best_type_of_all_kinds_counts_and_never_falls);
    tcase_add_test(tc, what_no_older_server_can_be_is_not_kept);
    tcase_add_loop_test(tc, a_damaged_line_of_an_older_server_is_an_error, 0,
                        sizeof bad_older / sizeof bad_older[0]);
    suite_add_tcase(s, tc);
    sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
