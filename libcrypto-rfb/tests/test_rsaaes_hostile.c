/* SPDX-License-Identifier: MIT */
/* What a peer of RSA-AES may do wrong, as tables; the other end fails once, clearly, and for good.
 */
#include "../src/rsaaes.c"

#include "rsaaes_pair.h"
#include "vectors.h"

/* ---- keys ---- */

enum { NONE = -1 };

static const struct {
    const char *what;
    uint32_t bits;
    int n_first, n_last; /* bytes of the modulus; NONE: as they are */
    int e_first, e_last; /* of the exponent */
    int e_zero;          /* 1: all of it is zero but these */
} keys[] = {
    {"no bits", 0, NONE, NONE, NONE, NONE, 0},
    {"too few", 1024, NONE, NONE, NONE, NONE, 0},
    {"just too few", 2040, NONE, NONE, NONE, NONE, 0},
    {"no whole bytes", 2049, NONE, NONE, NONE, NONE, 0},
    {"too many", 8193, NONE, NONE, NONE, NONE, 0},
    {"just too many", 8200, NONE, NONE, NONE, NONE, 0},
    {"as many as can be said", 0xffffffff, NONE, NONE, NONE, NONE, 0},
    {"wraps", 0xfffffff8, NONE, NONE, NONE, NONE, 0},
    {"a modulus that is even", 2048, NONE, 0x10, NONE, NONE, 0},
    {"a modulus that is shorter than it says", 2048, 0x7f, NONE, NONE, NONE, 0},
    {"a modulus of zero", 2048, 0, 0, NONE, NONE, 0},
    {"an exponent of zero", 2048, NONE, NONE, NONE, 0, 1},
    {"an exponent of one", 2048, NONE, NONE, NONE, 1, 1},
    {"an exponent that is even", 2048, NONE, NONE, NONE, 4, 1},
    {"an exponent that costs seconds", 2048, NONE, NONE, 0x7f, NONE, 0},
};

static void spoil(uint8_t *pub, int i)
{
    for (int b = 0; b < 4; b++)
        pub[b] = (uint8_t)(keys[i].bits >> (24 - 8 * b));
    if (keys[i].e_zero)
        memset(pub + 260, 0, 256);
    if (keys[i].n_first != NONE)
        pub[4] = (uint8_t)keys[i].n_first;
    if (keys[i].n_last != NONE)
        pub[259] = (uint8_t)keys[i].n_last;
    if (keys[i].e_first != NONE)
        pub[260] = (uint8_t)keys[i].e_first;
    if (keys[i].e_last != NONE)
        pub[515] = (uint8_t)keys[i].e_last;
}

START_TEST(a_key_that_is_none_is_refused_by_both)
{
    for (int role = 0; role < 2; role++) {
        struct end *e = end_new((enum fh_role)role, FH_RSAAES_128, false);
        struct end *other = end_new((enum fh_role) !role, FH_RSAAES_128, false);
        uint8_t pub[516];
        size_t len, room;

        memcpy(pub, fh_rsaaes_key_pub(other->key, &len), sizeof pub);
        ck_assert_uint_eq(len, sizeof pub);
        spoil(pub, _i);
        ck_assert_int_eq(fh_rsaaes_check_pub(pub, sizeof pub), FH_CRYPTO_E_KEY);
        (void)end_feed(e, pub, sizeof pub, 0);
        ck_assert_msg(e->error == FH_CRYPTO_E_KEY, "%s: %d", keys[_i].what, e->error);
        ck_assert_ptr_null(fh_rsaaes_in(e->r, &room));
        ck_assert_int_eq(fh_rsaaes_in_done(e->r, 0), FH_CRYPTO_E_KEY);
        end_free(e);
        end_free(other);
    }
}
END_TEST

START_TEST(a_key_is_read_up_to_the_largest)
{
    static uint8_t pub[FH_RSAAES_PEER_MAX + 1];
    struct end *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_256, false);

    memset(pub, 0xff, sizeof pub);
    pub[0] = pub[1] = pub[3] = 0;
    pub[2] = 0x20; /* 8192 bits */
    memset(pub + 4 + 1024, 0, 1024);
    pub[4 + 2047] = 3;
    ck_assert_int_eq(fh_rsaaes_check_pub(pub, FH_RSAAES_PEER_MAX), 0);
    ck_assert_int_eq(fh_rsaaes_check_pub(pub, FH_RSAAES_PEER_MAX - 1), FH_CRYPTO_E_KEY);
    ck_assert_int_eq(fh_rsaaes_check_pub(pub, FH_RSAAES_PEER_MAX + 1), FH_CRYPTO_E_KEY);
    ck_assert_uint_eq(end_feed(c, pub, FH_RSAAES_PEER_MAX, 0), FH_RSAAES_PEER_MAX);
    ck_assert_int_eq(c->error, 0);
    ck_assert_uint_eq(c->verifies, 1);
    end_free(c);
}
END_TEST

/* What it hashed for itself would be what is expected of the other. */
START_TEST(our_own_key_is_nobody_elses)
{
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128, false);
    size_t len;
    const uint8_t *pub = fh_rsaaes_key_pub(s->key, &len);

    (void)end_feed(s, pub, len, 0);
    ck_assert_int_eq(s->error, FH_CRYPTO_E_KEY);
    pub = fh_rsaaes_key_pub(c->key, &len);
    (void)end_feed(c, pub, len, 0);
    ck_assert_int_eq(c->error, FH_CRYPTO_E_KEY);
    end_free(s);
    end_free(c);
}
END_TEST

/* ---- the secret ---- */

START_TEST(a_secret_of_another_length_is_refused)
{
    static const uint16_t lengths[] = {0, 1, 255, 257, 512, 65535};
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128, false);
    uint8_t said[516 + 2];
    size_t len;

    memcpy(said, fh_rsaaes_key_pub(c->key, &len), 516);
    said[516] = (uint8_t)(lengths[_i] >> 8);
    said[517] = (uint8_t)lengths[_i];
    (void)end_feed(s, said, sizeof said, 0);
    ck_assert_int_eq(s->error, FH_CRYPTO_E_PROTO);
    ck_assert_uint_eq(s->decrypts, 0);
    end_free(s);
    end_free(c);
}
END_TEST

/* The server goes on, and says the same, whatever the padding; the end comes with the first record.
 */
START_TEST(a_wrong_secret_is_found_at_the_first_record_only)
{
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128, false);
    uint8_t said[516 + 2 + 256 + 2 + 20 + 16] = {0};
    size_t len;

    memcpy(said, fh_rsaaes_key_pub(c->key, &len), 516);
    said[516] = 1;
    memset(said + 518, _i ? 0xff : 0x11, 256);
    said[518 + 257] = 20;
    ck_assert_uint_eq(end_feed(s, said, sizeof said - 1, 0), sizeof said - 1);
    end_collect(s);
    ck_assert_int_eq(s->error, 0);
    ck_assert_uint_eq(s->said_len, 516 + 2 + 256 + 2 + 20 + 16);
    (void)end_feed(s, said + sizeof said - 1, 1, 0);
    ck_assert_int_eq(s->error, FH_CRYPTO_E_AUTH);
    end_collect(s);
    ck_assert_uint_eq(s->said_len, 516 + 2 + 256 + 2 + 20 + 16);
    end_free(s);
    end_free(c);
}
END_TEST

START_TEST(a_server_without_its_key_gets_no_password)
{
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_256, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_256, false);

    s->is_wrong_secret = true;
    ends_run(s, c, 0);
    ck_assert_int_eq(c->error, FH_CRYPTO_E_AUTH);
    ck_assert_uint_eq(c->asks, 0);
    end_free(s);
    end_free(c);
}
END_TEST

/* ---- records ---- */

/* Both up to the place where the client's records begin; what it says next is not carried. */
static void meet(struct end *s, struct end *c)
{
    (void)end_carry(s, c, 0);
    (void)end_carry(c, s, 0);
    ck_assert_uint_eq(s->decrypts, 1);
    (void)end_carry(s, c, 0);
    end_collect(c);
    ck_assert_int_eq(s->error, 0);
    ck_assert_int_eq(c->error, 0);
}

static void answer_with(struct end *s, struct end *c, const uint8_t *data, size_t len)
{
    uint8_t record[2 + 1024 + 16];

    memcpy(record + 2, data, len);
    ck_assert_int_eq(seal(c->r, record, len), 0);
    (void)end_feed(s, record, 2 + len + 16, 0);
}

START_TEST(a_record_of_another_length_is_refused)
{
    static const uint16_t lengths[] = {0, 1, 19, 21, 65535};
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128, false);
    const uint8_t head[2] = {(uint8_t)(lengths[_i] >> 8), (uint8_t)lengths[_i]};

    meet(s, c);
    ck_assert_uint_eq(end_feed(s, head, 2, 0), 2);
    ck_assert_int_eq(s->error, FH_CRYPTO_E_PROTO);
    end_free(s);
    end_free(c);
}
END_TEST

START_TEST(any_bit_of_the_hash_counts)
{
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128, false);
    uint8_t digest[32];

    meet(s, c);
    c->r->to.count = 0; /* in place of what it said */
    hash(c->r, c->r->own_pub, c->r->own_len, c->r->peer_pub, c->r->peer_len, digest);
    digest[_i / 8] ^= (uint8_t)(1 << _i % 8);
    answer_with(s, c, digest, 20);
    ck_assert_int_eq(s->error, FH_CRYPTO_E_AUTH);
    end_free(s);
    end_free(c);
}
END_TEST

START_TEST(the_servers_own_hash_comes_back_in_vain)
{
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_256, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_256, false);
    uint8_t digest[32];

    meet(s, c);
    (void)end_feed(s, s->said + 516 + 258, 2 + 32 + 16, 0); /* the record as it is */
    ck_assert_int_eq(s->error, FH_CRYPTO_E_AUTH);
    end_free(s);
    s = end_new(FH_ROLE_SERVER, FH_RSAAES_256, false);
    end_free(c);
    c = end_new(FH_ROLE_CLIENT, FH_RSAAES_256, false);
    meet(s, c);
    c->r->to.count = 0;
    hash(c->r, c->r->peer_pub, c->r->peer_len, c->r->own_pub, c->r->own_len, digest);
    answer_with(s, c, digest, 32); /* and sealed anew */
    ck_assert_int_eq(s->error, FH_CRYPTO_E_AUTH);
    end_free(s);
    end_free(c);
}
END_TEST

/* Up to the place where the client's credentials are due. */
static void ask(struct end *s, struct end *c)
{
    meet(s, c);
    (void)end_carry(c, s, 0);
    ck_assert_int_eq(s->r->state, FH__RSAAES_LOGIN);
}

static const struct {
    const char *what;
    uint8_t body[8];
    size_t len;
    int error;
} logins[] = {
    {"a name beyond the record", {7, 'a', 0}, 3, FH_CRYPTO_E_PROTO},
    {"a name as long as can be said", {255, 'a', 0}, 3, FH_CRYPTO_E_PROTO},
    {"a password beyond the record", {1, 'a', 2, 'b'}, 4, FH_CRYPTO_E_PROTO},
    {"a password without a length", {2, 'a', 'b'}, 3, FH_CRYPTO_E_PROTO},
    {"something behind the password", {1, 'a', 1, 'b', 'c'}, 5, FH_CRYPTO_E_PROTO},
    {"a zero inside the name", {3, 'a', 0, 'b', 1, 'c'}, 6, FH_CRYPTO_E_PROTO},
    {"one byte", {0}, 1, FH_CRYPTO_E_PROTO},
    {"nothing of either", {0, 0}, 2, 0},
};

START_TEST(credentials_of_another_shape_are_refused)
{
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128, false);

    ask(s, c);
    answer_with(s, c, logins[_i].body, logins[_i].len);
    ck_assert_msg(s->error == logins[_i].error, "%s: %d", logins[_i].what, s->error);
    ck_assert_uint_eq(s->logins, logins[_i].error == 0);
    end_free(s);
    end_free(c);
}
END_TEST

START_TEST(a_name_that_was_not_asked_for_is_refused)
{
    static const uint8_t body[] = {1, 'a', 1, 'b'};
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128, true),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128, false);

    ask(s, c);
    answer_with(s, c, body, sizeof body);
    ck_assert_int_eq(s->error, FH_CRYPTO_E_PROTO);
    end_free(s);
    end_free(c);
}
END_TEST

START_TEST(another_kind_of_credentials_is_refused_by_the_client)
{
    static const uint8_t kinds[] = {0, 3, 255};
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128, false);
    uint8_t record[19];

    meet(s, c); /* the server has sent its hash */
    record[2] = kinds[_i];
    ck_assert_int_eq(seal(s->r, record, 1), 0);
    (void)end_feed(c, record, sizeof record, 0);
    ck_assert_int_eq(c->error, FH_CRYPTO_E_PROTO);
    ck_assert_uint_eq(c->asks, 0);
    end_free(s);
    end_free(c);
}
END_TEST

/* ---- the session's records ---- */

enum spoiled { FLIPPED, REPLAYED, SWAPPED, EMPTY, KINDS };

START_TEST(records_that_are_not_as_they_were_sent_end_it)
{
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_256, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_256, false);
    uint8_t one[21], two[21];

    ends_run(s, c, 0);
    ck_assert(end_write(c, "one", 3));
    end_collect(c);
    memcpy(one, c->said + c->passed, sizeof one);
    c->passed = c->said_len;
    ck_assert(end_write(c, "two", 3));
    end_collect(c);
    memcpy(two, c->said + c->passed, sizeof two);
    if (_i == FLIPPED)
        one[2] ^= 1;
    if (_i == EMPTY)
        one[1] = 0;
    if (_i != SWAPPED)
        (void)end_feed(s, one, sizeof one, 0);
    (void)end_feed(s, _i == REPLAYED ? one : two, sizeof two, 0);
    ck_assert_int_eq(s->error, _i == EMPTY ? FH_CRYPTO_E_PROTO : FH_CRYPTO_E_AUTH);
    ck_assert_uint_eq(s->data_len, _i == REPLAYED ? 3 : 0);
    end_free(s);
    end_free(c);
}
END_TEST

START_TEST(the_longest_record_is_read)
{
    static uint8_t record[FH__RSAAES_RECORD_MAX];
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128, false);

    ends_run(s, c, 0);
    memset(record, 'x', sizeof record);
    ck_assert_int_eq(seal(c->r, record, 65535), 0);
    ck_assert_uint_eq(end_feed(s, record, sizeof record, 4096), sizeof record);
    ck_assert_int_eq(s->error, 0);
    ck_assert_uint_eq(s->data_len, 65535);
    end_free(s);
    end_free(c);
}
END_TEST

/* What follows in clear stays with whoever reads the stream. */
START_TEST(nothing_behind_the_credentials_is_read_where_they_are_all)
{
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128_LOGIN, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128_LOGIN, false);
    size_t room;

    ends_run(s, c, 0);
    ck_assert(fh_rsaaes_is_clear(s->r));
    ck_assert_uint_eq(end_feed(s, (const uint8_t *)"\1", 1, 0), 0);
    ck_assert_ptr_null(fh_rsaaes_write(s->r, &room));
    ck_assert_int_eq(fh_rsaaes_write_done(s->r, 1), FH_CRYPTO_E_INVAL);
    end_free(s);
    end_free(c);
}
END_TEST

START_TEST(answers_that_nobody_asked_for_change_nothing)
{
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128, false);
    uint8_t secret[16] = {0};
    size_t len;
    const uint8_t *pub = fh_rsaaes_key_pub(c->key, &len);

    ck_assert_int_eq(fh_rsaaes_accept(c->r, pub, len), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_rsaaes_accept(s->r, pub, len), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_rsaaes_decrypted(s->r, secret, sizeof secret), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_rsaaes_credentials(c->r, "a", 1, "b", 1), FH_CRYPTO_E_INVAL);
    ends_run(s, c, 0);
    ck_assert_uint_eq(s->logins, 1);
    ck_assert_int_eq(fh_rsaaes_decrypted(s->r, secret, sizeof secret), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(s->error, 0);
    end_free(s);
    end_free(c);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rsaaes_hostile");
    SRunner *sr = srunner_create(s);
    TCase *tc = tcase_create("rsaaes_hostile");
    int failed;

    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_key_that_is_none_is_refused_by_both, 0, ARRAY_LEN(keys));
    tcase_add_test(tc, a_key_is_read_up_to_the_largest);
    tcase_add_test(tc, our_own_key_is_nobody_elses);
    tcase_add_loop_test(tc, a_secret_of_another_length_is_refused, 0, 6);
    tcase_add_loop_test(tc, a_wrong_secret_is_found_at_the_first_record_only, 0, 2);
    tcase_add_test(tc, a_server_without_its_key_gets_no_password);
    tcase_add_loop_test(tc, a_record_of_another_length_is_refused, 0, 5);
    tcase_add_loop_test(tc, any_bit_of_the_hash_counts, 0, 160);
    tcase_add_test(tc, the_servers_own_hash_comes_back_in_vain);
    tcase_add_loop_test(tc, credentials_of_another_shape_are_refused, 0, ARRAY_LEN(logins));
    tcase_add_test(tc, a_name_that_was_not_asked_for_is_refused);
    tcase_add_loop_test(tc, another_kind_of_credentials_is_refused_by_the_client, 0, 3);
    tcase_add_loop_test(tc, records_that_are_not_as_they_were_sent_end_it, 0, KINDS);
    tcase_add_test(tc, the_longest_record_is_read);
    tcase_add_test(tc, nothing_behind_the_credentials_is_read_where_they_are_all);
    tcase_add_test(tc, answers_that_nobody_asked_for_change_nothing);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
