/* SPDX-License-Identifier: MIT */
/* RSA-AES: both ends of each type, whole and byte by byte, keys, records, padding. */
#include "../src/rsaaes.c"

#include "rsaaes_pair.h"
#include "vectors.h"

static const enum fh_rsaaes_type types[] = {FH_RSAAES_128, FH_RSAAES_128_LOGIN, FH_RSAAES_256,
                                            FH_RSAAES_256_LOGIN};
static const size_t chunks[] = {0, 1, 7};

static bool is_login_only(enum fh_rsaaes_type t)
{
    return t == FH_RSAAES_128_LOGIN || t == FH_RSAAES_256_LOGIN;
}

START_TEST(a_name_and_a_password_arrive)
{
    enum fh_rsaaes_type type = types[_i / 3];
    struct end *s = end_new(FH_ROLE_SERVER, type, false), *c = end_new(FH_ROLE_CLIENT, type, false);

    ends_run(s, c, chunks[_i % 3]);
    ck_assert_int_eq(s->error, 0);
    ck_assert_int_eq(c->error, 0);
    ck_assert_uint_eq(c->verifies, 1);
    ck_assert_uint_eq(c->decrypts, 1);
    ck_assert_uint_eq(s->decrypts, 1);
    ck_assert(c->needs_user);
    ck_assert_uint_eq(s->logins, 1);
    ck_assert_str_eq(s->got_user, "ann");
    ck_assert_str_eq(s->got_password, "correct horse");
    ck_assert(fh_rsaaes_is_open(s->r) && fh_rsaaes_is_open(c->r));
    ck_assert(fh_rsaaes_is_clear(s->r) == is_login_only(type));
    ck_assert(fh_rsaaes_is_clear(c->r) == is_login_only(type));
    end_free(s);
    end_free(c);
}
END_TEST

START_TEST(a_password_alone_arrives)
{
    struct end *s = end_new(FH_ROLE_SERVER, types[_i], true),
               *c = end_new(FH_ROLE_CLIENT, types[_i], false);

    ends_run(s, c, 0);
    ck_assert(!c->needs_user);
    ck_assert_uint_eq(s->logins, 1);
    ck_assert_str_eq(s->got_user, "");
    ck_assert_str_eq(s->got_password, "correct horse");
    end_free(s);
    end_free(c);
}
END_TEST

START_TEST(bytes_of_the_session_arrive_whole_and_in_order)
{
    static uint8_t sent[100000];
    enum fh_rsaaes_type type = _i ? FH_RSAAES_256 : FH_RSAAES_128;
    struct end *s = end_new(FH_ROLE_SERVER, type, false), *c = end_new(FH_ROLE_CLIENT, type, false);
    size_t at = 0;

    ends_run(s, c, 0);
    dice_roll(&s->dice, sent, sizeof sent);
    while (at < sizeof sent) {
        size_t n = 1 + at % FH_RSAAES_WRITE_MAX;

        n = n > sizeof sent - at ? sizeof sent - at : n;
        ck_assert(end_write(s, sent + at, n));
        at += n;
        ck_assert(end_write(c, "k", 1));
        ends_run(s, c, 1000);
    }
    ck_assert_uint_eq(c->data_len, sizeof sent);
    ck_assert_mem_eq(c->data, sent, sizeof sent);
    ck_assert_uint_gt(s->data_len, 10);
    end_free(s);
    end_free(c);
}
END_TEST

/* rfbproto's own, of the reference in docs/protocol.md. */
START_TEST(keys_and_records_are_those_of_other_programs)
{
    static const struct {
        enum fh_rsaaes_type type;
        const char *c2s, *s2c, *records[4]; /* of the server: "hello", 01; of number 256: "x"; the
                                               client's "hello" */
    } table[] = {
        {FH_RSAAES_128,
         "ae5bd8efea5322c4d9986d06680a7813",
         "b97cd424c4711eb518790ce07939ebac",
         {"00054b02d6e21807aca71dd38bc1d873df75008ef24745",
          "0001fcffa1f8495f8c8b66a6798f258dfafd69", "000108dae91e79335694d68b6e874ac7ef1c52",
          "0005bcbf512b6e67a1e10cbadeef1a81e026ae519404e2"}},
        {FH_RSAAES_256,
         "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108",
         "84e4bd6ca2af96412fdc62fe44d4e9709cdc31933081a62486a48a154b582d53",
         {"0005d2b4204ce3b9dcb5b775592cea3a63a588c4ae9c34",
          "0001c2df0023f0f6c79cf3d682566d1e1f2c30", NULL, NULL}},
    };
    struct end *s = end_new(FH_ROLE_SERVER, table[_i].type, false),
               *c = end_new(FH_ROLE_CLIENT, table[_i].type, false);
    uint8_t want[64], got[64] = {0}, secret[2][32], digest[32];
    size_t len, n = s->r->secret_len;

    for (size_t i = 0; i < n; i++) {
        secret[0][i] = (uint8_t)i;       /* ServerRandom */
        secret[1][i] = (uint8_t)(i + n); /* ClientRandom */
    }
    hash(s->r, secret[0], n, secret[1], n, digest);
    ck_assert_int_eq(sodium_hex2bin(want, 64, table[_i].c2s, 64, NULL, &len, NULL) & 0, 0);
    ck_assert_mem_eq(digest, want, s->r->key_len);
    hash(s->r, secret[1], n, secret[0], n, digest);
    (void)sodium_hex2bin(want, 64, table[_i].s2c, 64, NULL, &len, NULL);
    ck_assert_mem_eq(digest, want, s->r->key_len);

    memcpy(s->r->own_secret, secret[0], n);
    memcpy(s->r->peer_secret, secret[1], n);
    memcpy(c->r->own_secret, secret[1], n);
    memcpy(c->r->peer_secret, secret[0], n);
    ck_assert_int_eq(set_keys(s->r), 0);
    ck_assert_int_eq(set_keys(c->r), 0);
    for (int i = 0; i < 4; i++) {
        struct fh_rsaaes *r = i == 3 ? c->r : s->r;
        const char *text = i == 1 ? "\1" : i == 2 ? "x" : "hello";

        if (!table[_i].records[i])
            continue;
        if (i == 2)
            r->to.count = 256;
        memcpy(got + 2, text, strlen(text));
        ck_assert_int_eq(seal(r, got, strlen(text)), 0);
        ck_assert_int_eq(sodium_hex2bin(want, sizeof want, table[_i].records[i],
                                        strlen(table[_i].records[i]), NULL, &len, NULL),
                         0);
        ck_assert_mem_eq(got, want, len);
    }
    end_free(s);
    end_free(c);
}
END_TEST

START_TEST(a_fingerprint_is_what_other_programs_show)
{
    uint8_t pub[4 + 512] = {0, 0, 8, 0};
    char text[FH_RSAAES_FINGERPRINT_TEXT];

    pub[4] = 0x80;
    for (int i = 0; i <= 253; i++)
        pub[5 + i] = (uint8_t)(7 * i + 3);
    pub[4 + 255] = 1;
    pub[4 + 509] = 1;
    pub[4 + 511] = 1;
    fh_rsaaes_fingerprint(pub, sizeof pub, text);
    ck_assert_str_eq(text, "14-82-4c-fe-a1-12-ac-a1");
    ck_assert_int_eq(fh_rsaaes_check_pub(pub, sizeof pub), 0);
}
END_TEST

/* noVNC 4 of 2.4: the length and the secret come in one piece; and each record by itself. */
START_TEST(what_a_server_says_is_cut_as_its_viewers_need)
{
    struct end *s = end_new(FH_ROLE_SERVER, FH_RSAAES_128_LOGIN, false),
               *c = end_new(FH_ROLE_CLIENT, FH_RSAAES_128_LOGIN, false);
    size_t pub = 4 + 512;

    end_collect(s);
    ck_assert_uint_eq(s->said_len, pub);
    ends_run(s, c, 0);
    ck_assert_uint_eq(s->said_len, pub + 2 + 256 + (2 + 20 + 16) + (2 + 1 + 16));
    ck_assert_uint_eq(s->said[pub] << 8 | s->said[pub + 1], 256);
    ck_assert_uint_eq(s->said[pub + 258] << 8 | s->said[pub + 259], 20);
    ck_assert_uint_eq(s->said[pub + 258 + 38] << 8 | s->said[pub + 258 + 39], 1);
    end_free(s);
    end_free(c);
}
END_TEST

/* ---- keys ---- */

START_TEST(a_key_is_written_as_it_was_read)
{
    struct fh_rsaaes_key *k = rsaaes_key(rsaaes_key_of_server);
    char pem[FH_IDENTITY_PEM_MAX];

    ck_assert_int_eq(fh_rsaaes_key_to_pem(k, pem, sizeof pem), 0);
    ck_assert_str_eq(pem, rsaaes_key_of_server);
    ck_assert_int_eq(fh_rsaaes_key_to_pem(k, pem, 100), FH_CRYPTO_E_INVAL);
    fh_rsaaes_key_free(k);
}
END_TEST

/* The one signs, the other decrypts: a file can only be one of them. */
START_TEST(neither_key_is_taken_for_the_other)
{
    struct fh_rsaaes_key *k = NULL, *made;
    struct fh_identity *id = NULL, *none = NULL;
    struct dice d = {5};
    char pem[FH_IDENTITY_PEM_MAX];

    ck_assert_int_eq(fh_identity_from_pem(rsaaes_key_of_server, strlen(rsaaes_key_of_server), &id),
                     FH_CRYPTO_E_FORMAT);
    ck_assert_int_eq(fh_rsaaes_key_generate(2048, dice_roll, &d, &made), 0);
    ck_assert_int_eq(fh_identity_generate(2048, dice_roll, &d, &id), 0);
    ck_assert_int_eq(fh_identity_to_pem(id, pem, sizeof pem), 0);
    ck_assert_int_eq(fh_rsaaes_key_from_pem(pem, strlen(pem), &k), FH_CRYPTO_E_FORMAT);
    ck_assert_int_eq(fh_rsaaes_key_to_pem(made, pem, sizeof pem), 0);
    ck_assert_int_eq(fh_identity_from_pem(pem, strlen(pem), &none), FH_CRYPTO_E_FORMAT);
    ck_assert_int_eq(fh_rsaaes_key_from_pem(pem, strlen(pem), &k), 0);
    ck_assert_int_eq(fh_rsaaes_key_generate(1024, dice_roll, &d, &k), FH_CRYPTO_E_INVAL);
    fh_rsaaes_key_free(k);
    fh_rsaaes_key_free(made);
    fh_identity_free(id);
}
END_TEST

START_TEST(a_cut_or_changed_file_is_no_key)
{
    char pem[FH_IDENTITY_PEM_MAX];
    size_t len = strlen(rsaaes_key_of_server);
    struct fh_rsaaes_key *k = NULL;

    for (size_t n = 0; n < len; n += 1 + n / 4) /* without its last newline it is whole */
        ck_assert_int_ne(fh_rsaaes_key_from_pem(rsaaes_key_of_server, n, &k), 0);
    for (size_t at = 40; at + 40 < len; at += 97) {
        memcpy(pem, rsaaes_key_of_server, len + 1);
        pem[at] = pem[at] == 'A' ? 'B' : 'A';
        ck_assert_int_ne(fh_rsaaes_key_from_pem(pem, len, &k), 0);
    }
    ck_assert_ptr_null(k);
}
END_TEST

/* ---- padding: RFC 8017 7.2.2, and implicit rejection ---- */

/* A block of our own making, encrypted as it is. */
static void encrypt_block(struct fh_rsaaes_key *k, const uint8_t *block, uint8_t *out)
{
    size_t len;
    const uint8_t *pub = fh_rsaaes_key_pub(k, &len);

    ck_assert_int_eq(fh__rsa_public(pub + 4, 256, pub + 260, 256, block, out), 0);
}

static void is_decrypted(struct fh_rsaaes_key *k, const uint8_t *block, bool is_right)
{
    static const uint8_t secret[16] = "0123456789abcdef";
    struct dice d = {9};
    uint8_t in[256], out[16];

    encrypt_block(k, block, in);
    ck_assert_int_eq(fh_rsaaes_key_decrypt(k, in, sizeof in, dice_roll, &d, out, sizeof out), 0);
    ck_assert(is_right == (memcmp(out, secret, sizeof out) == 0));
}

START_TEST(what_is_wrongly_padded_gives_another_secret_and_no_error)
{
    struct fh_rsaaes_key *k = rsaaes_key(rsaaes_key_of_server);
    uint8_t good[256], bad[256];

    memset(good, 0xa5, sizeof good);
    good[0] = 0;
    good[1] = 2;
    good[239] = 0;
    memcpy(good + 240, "0123456789abcdef", 16);
    is_decrypted(k, good, true);
    for (size_t i = 2; i < 239; i++) { /* a zero ends the padding there: another length */
        memcpy(bad, good, sizeof bad);
        bad[i] = 0;
        is_decrypted(k, bad, false);
    }
    for (int i = 1; i < 256; i++) {
        memcpy(bad, good, sizeof bad);
        bad[239] = (uint8_t)i;
        is_decrypted(k, bad, false);
        memcpy(bad, good, sizeof bad);
        bad[1] = (uint8_t)(2 ^ i);
        is_decrypted(k, bad, false);
    }
    fh_rsaaes_key_free(k);
}
END_TEST

START_TEST(what_is_no_ciphertext_gives_another_secret_and_no_error)
{
    struct fh_rsaaes_key *k = rsaaes_key(rsaaes_key_of_server);
    struct dice d = {3};
    uint8_t in[256], a[32], b[32];

    memset(in, 0xff, sizeof in);
    ck_assert_int_eq(fh_rsaaes_key_decrypt(k, in, sizeof in, dice_roll, &d, a, sizeof a), 0);
    memset(in, 0, sizeof in);
    ck_assert_int_eq(fh_rsaaes_key_decrypt(k, in, sizeof in, dice_roll, &d, b, sizeof b), 0);
    ck_assert_mem_ne(a, b, sizeof a);
    ck_assert(!sodium_is_zero(a, sizeof a) && !sodium_is_zero(b, sizeof b));
    ck_assert_int_eq(fh_rsaaes_key_decrypt(k, in, 255, dice_roll, &d, a, 16), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_rsaaes_key_decrypt(k, in, 256, dice_roll, &d, a, 0), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_rsaaes_key_decrypt(k, in, 256, dice_roll, &d, a, 246), FH_CRYPTO_E_INVAL);
    fh_rsaaes_key_free(k);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rsaaes");
    SRunner *sr = srunner_create(s);
    TCase *tc = tcase_create("rsaaes");
    int failed;

    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_name_and_a_password_arrive, 0, 12);
    tcase_add_loop_test(tc, a_password_alone_arrives, 0, ARRAY_LEN(types));
    tcase_add_loop_test(tc, bytes_of_the_session_arrive_whole_and_in_order, 0, 2);
    tcase_add_loop_test(tc, keys_and_records_are_those_of_other_programs, 0, 2);
    tcase_add_test(tc, a_fingerprint_is_what_other_programs_show);
    tcase_add_test(tc, what_a_server_says_is_cut_as_its_viewers_need);
    tcase_add_test(tc, a_key_is_written_as_it_was_read);
    tcase_add_test(tc, neither_key_is_taken_for_the_other);
    tcase_add_test(tc, a_cut_or_changed_file_is_no_key);
    tcase_add_test(tc, what_is_wrongly_padded_gives_another_secret_and_no_error);
    tcase_add_test(tc, what_is_no_ciphertext_gives_another_secret_and_no_error);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
