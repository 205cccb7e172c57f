/* SPDX-License-Identifier: MIT */
/* AES-EAX: the vectors of its paper, one with AES-256 from RSA-AES, and refusals. */
#include "../src/eax.c"

#include "vectors.h"

static const struct {
    const char *key, *nonce, *header, *message, *sealed;
} vectors[] = {
    /* Bellare, Rogaway, Wagner: "The EAX Mode of Operation", appendix. */
    {"233952dee4d5ed5f9b9c6d6ff80ff478", "62ec67f9c3a4a407fcb2a8c49031a8b3", "6bfb914fd07eae6b", "",
     "e037830e8389f27b025a2d6527e79d01"},
    {"91945d3f4dcbee0bf45ef52255f095a4", "becaf043b0a23d843194ba972c66debd", "fa3bfd4806eb53fa",
     "f7fb", "19dd5c4c9331049d0bdab0277408f67967e5"},
    {"8395fcf1e95bebd697bd010bc766aac3", "22e7add93cfc6393c57ec0b3c17d6b44", "126735fcc320d25a",
     "ca40d7446e545ffaed3bd12a740a659ffbbb3ceab7",
     "cb8920f87a6c75cff39627b56e3ed197c552d295a7cfc46afc253b4652b1af3795b124ab6e"},
    /* A record of RSA-AES 129: its length is the header. */
    {"84e4bd6ca2af96412fdc62fe44d4e9709cdc31933081a62486a48a154b582d53",
     "00000000000000000000000000000000", "0005", "68656c6c6f",
     "d2b4204ce3b9dcb5b775592cea3a63a588c4ae9c34"},
};

enum { ROOM = 64 };

struct example {
    struct fh__eax e;
    uint8_t nonce[16], header[ROOM], data[ROOM], sealed[ROOM];
    size_t header_len, len;
};

static size_t from_hex(const char *hex, uint8_t *out, size_t room)
{
    size_t len;

    ck_assert_int_eq(sodium_hex2bin(out, room, hex, strlen(hex), NULL, &len, NULL), 0);
    return len;
}

static void load(struct example *x, int i)
{
    uint8_t key[32];

    ck_assert_int_eq(fh__eax_set(&x->e, key, from_hex(vectors[i].key, key, sizeof key)), 0);
    from_hex(vectors[i].nonce, x->nonce, sizeof x->nonce);
    x->header_len = from_hex(vectors[i].header, x->header, sizeof x->header);
    x->len = from_hex(vectors[i].message, x->data, sizeof x->data);
    ck_assert_uint_eq(from_hex(vectors[i].sealed, x->sealed, sizeof x->sealed), x->len + 16);
}

START_TEST(what_is_sealed_is_the_papers)
{
    struct example x;

    load(&x, _i);
    ck_assert_int_eq(fh__eax_seal(&x.e, x.nonce, x.header, x.header_len, x.data, x.len), 0);
    ck_assert_mem_eq(x.data, x.sealed, x.len + 16);
    ck_assert_int_eq(fh__eax_open(&x.e, x.nonce, x.header, x.header_len, x.data, x.len), 0);
    from_hex(vectors[_i].message, x.sealed, sizeof x.sealed);
    ck_assert_mem_eq(x.data, x.sealed, x.len);
}
END_TEST

START_TEST(any_bit_changed_is_refused_and_nothing_is_opened)
{
    struct example x;

    load(&x, _i);
    for (size_t bit = 0; bit < 8 * (x.len + 16); bit++) {
        uint8_t bad[ROOM];

        memcpy(bad, x.sealed, sizeof bad);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memcpy(x.data, bad, sizeof bad);
        ck_assert_int_eq(fh__eax_open(&x.e, x.nonce, x.header, x.header_len, x.data, x.len),
                         FH_CRYPTO_E_AUTH);
        ck_assert_mem_eq(x.data, bad, x.len + 16);
    }
    x.nonce[0] ^= 1;
    ck_assert_int_eq(fh__eax_open(&x.e, x.nonce, x.header, x.header_len, x.sealed, x.len),
                     FH_CRYPTO_E_AUTH);
    x.nonce[0] ^= 1;
    x.header[0] ^= 1;
    ck_assert_int_eq(fh__eax_open(&x.e, x.nonce, x.header, x.header_len, x.sealed, x.len),
                     FH_CRYPTO_E_AUTH);
}
END_TEST

START_TEST(all_lengths_around_a_block_open_again)
{
    struct example x;
    uint8_t plain[ROOM];

    load(&x, 0);
    for (size_t len = 0; len <= ROOM - 16; len++) {
        memset(plain, (int)len, sizeof plain);
        memcpy(x.data, plain, len);
        ck_assert_int_eq(fh__eax_seal(&x.e, x.nonce, x.header, len % 9, x.data, len), 0);
        ck_assert(len < 4 || memcmp(x.data, plain, len) != 0);
        ck_assert_int_eq(fh__eax_open(&x.e, x.nonce, x.header, len % 9, x.data, len), 0);
        ck_assert_mem_eq(x.data, plain, len);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("eax");
    SRunner *sr = srunner_create(s);
    TCase *tc = tcase_create("eax");
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, what_is_sealed_is_the_papers, 0, ARRAY_LEN(vectors));
    tcase_add_loop_test(tc, any_bit_changed_is_refused_and_nothing_is_opened, 0,
                        ARRAY_LEN(vectors));
    tcase_add_test(tc, all_lengths_around_a_block_open_again);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
