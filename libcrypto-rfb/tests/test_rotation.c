/* SPDX-License-Identifier: MIT */
/*
 * A new key in the place of an old one: what both signed is believed, and nothing else.
 *
 *     test_rotation                compares with docs/vectors/rotation.json
 *     test_rotation --write DIR    writes it (make vectors)
 */
#include <check.h>
#include <stdarg.h>

#include <farhand/rotation.h>

#include "channel_pair.h"

enum { CASES = 6 };

struct statement {
    const char *about;
    uint8_t binding[32];
    const struct fh_identity *old_key;
    struct fh_rotation r;
    bool is_good;
};

static struct fh_identity *a, *b, *c;
static uint8_t binding[32];

static void set_up(void)
{
    a = read_key(key_of_client);
    b = read_key(key_of_server);
    c = read_key(key_of_other);
    for (unsigned i = 0; i < sizeof binding; i++)
        binding[i] = (uint8_t)i;
}

static void tear_down(void)
{
    fh_identity_free(a);
    fh_identity_free(b);
    fh_identity_free(c);
}

static void sign(const struct fh_identity *old_key, const struct fh_identity *new_key,
                 struct fh_rotation *r)
{
    struct rng rng = {.seed = "rotation"};

    memset(r, 0, sizeof *r);
    if (fh_rotation_sign(old_key, new_key, binding, rng_fill, &rng, r) != 0)
        abort();
}

static int verify(const struct fh_identity *old_key, const uint8_t bound[32],
                  const struct fh_rotation *r)
{
    size_t len;
    const uint8_t *spki = fh_identity_spki(old_key, &len);

    return fh_rotation_verify(spki, len, bound, r);
}

/* The signatures that a handshake makes, over the same 32 bytes. */
static void sign_as_server(const struct fh_identity *old_key, const struct fh_identity *new_key,
                           struct fh_rotation *r)
{
    struct rng rng = {.seed = "rotation"};
    uint8_t id[32], x[32];
    struct fh__hash h;
    size_t len;
    const uint8_t *spki;

    fh__hash_init(&h);
    fh__hash_add(&h, binding, sizeof binding);
    spki = fh_identity_spki(old_key, &len);
    fh_fingerprint(spki, len, id);
    fh__hash_add(&h, id, sizeof id);
    spki = fh_identity_spki(new_key, &len);
    fh_fingerprint(spki, len, id);
    fh__hash_add(&h, id, sizeof id);
    fh__hash_peek(&h, x);
    if (fh_identity_sign(old_key, FH_ROLE_SERVER, x, rng_fill, &rng, r->old_sig, &r->old_sig_len) !=
            0 ||
        fh_identity_sign(new_key, FH_ROLE_SERVER, x, rng_fill, &rng, r->new_sig, &r->new_sig_len) !=
            0)
        abort();
}

static void compose(struct statement s[CASES])
{
    uint8_t swapped[FH_SIGNATURE_MAX];

    for (int i = 0; i < CASES; i++) {
        s[i] = (struct statement){.old_key = a};
        sign(a, b, &s[i].r);
        memcpy(s[i].binding, binding, sizeof binding);
    }
    s[0].about = "both keys vouch for each other";
    s[0].is_good = true;
    s[1].about = "made for another channel";
    s[1].binding[31] ^= 1;
    s[2].about = "the signatures are exchanged";
    memcpy(swapped, s[2].r.old_sig, sizeof swapped);
    memcpy(s[2].r.old_sig, s[2].r.new_sig, sizeof swapped);
    memcpy(s[2].r.new_sig, swapped, sizeof swapped);
    s[3].about = "the other way round";
    s[3].old_key = b;
    s[4].about = "signed as handshakes are";
    sign_as_server(a, b, &s[4].r);
    s[5].about = "of another old key";
    s[5].old_key = c;
}

START_TEST(what_both_keys_signed_is_believed_and_nothing_else)
{
    struct statement s[CASES];

    compose(s);
    for (int i = 0; i < CASES; i++)
        ck_assert_msg((verify(s[i].old_key, s[i].binding, &s[i].r) == 0) == s[i].is_good, "%s",
                      s[i].about);
}
END_TEST

START_TEST(every_flipped_byte_is_refused)
{
    struct fh_rotation r;

    sign(a, b, &r);
    for (size_t i = 0; i < r.spki_len; i++) {
        r.spki[i] ^= 1;
        ck_assert_int_ne(verify(a, binding, &r), 0);
        r.spki[i] ^= 1;
    }
    for (size_t i = 0; i < r.old_sig_len; i += 17) {
        r.old_sig[i] ^= 1;
        ck_assert_int_eq(verify(a, binding, &r), FH_CRYPTO_E_AUTH);
        r.old_sig[i] ^= 1;
        r.new_sig[i] ^= 1;
        ck_assert_int_eq(verify(a, binding, &r), FH_CRYPTO_E_AUTH);
        r.new_sig[i] ^= 1;
    }
    for (size_t len = 0; len < r.old_sig_len; len++) {
        struct fh_rotation cut = r;

        cut.old_sig_len = len;
        ck_assert_int_eq(verify(a, binding, &cut), FH_CRYPTO_E_AUTH);
        cut = r;
        cut.new_sig_len = len;
        ck_assert_int_eq(verify(a, binding, &cut), FH_CRYPTO_E_AUTH);
    }
    ck_assert_int_eq(verify(a, binding, &r), 0);
}
END_TEST

START_TEST(a_key_is_not_its_own_successor)
{
    struct rng rng = {.seed = "rotation"};
    struct fh_rotation r;
    const uint8_t *spki;
    size_t len;

    ck_assert_int_eq(fh_rotation_sign(a, a, binding, rng_fill, &rng, &r), FH_CRYPTO_E_INVAL);
    sign(b, a, &r);
    ck_assert_int_eq(verify(a, binding, &r), FH_CRYPTO_E_KEY);
    r.spki_len = 10;
    ck_assert_int_eq(verify(b, binding, &r), FH_CRYPTO_E_KEY);
    sign(b, a, &r);
    spki = fh_identity_spki(b, &len);
    ck_assert_int_eq(fh_rotation_verify(spki, len - 1, binding, &r), FH_CRYPTO_E_KEY);
}
END_TEST

/* ---- vectors ---- */

static char text[1 << 16];

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
    size_t n = strlen(text);
    va_list ap;

    va_start(ap, format);
    vsnprintf(text + n, sizeof text - n, format, ap);
    va_end(ap);
}

static void put_hex(const char *name, const uint8_t *p, size_t len)
{
    put("   \"%s\": \"", name);
    for (size_t i = 0; i < len; i++)
        put("%02x", p[i]);
    put("\",\n");
}

static void write_text(void)
{
    struct statement s[CASES];
    const uint8_t *spki;
    size_t len;

    compose(s);
    text[0] = '\0';
    put("{\n \"what\": \"docs/protocol.md, Rotation; all bytes as hex\",\n \"statements\": [\n");
    for (int i = 0; i < CASES; i++) {
        put("  {\n   \"about\": \"%s\",\n", s[i].about);
        put_hex("channel_binding", s[i].binding, sizeof s[i].binding);
        spki = fh_identity_spki(s[i].old_key, &len);
        put_hex("old_spki", spki, len);
        put_hex("new_spki", s[i].r.spki, s[i].r.spki_len);
        put_hex("old_signature", s[i].r.old_sig, s[i].r.old_sig_len);
        put_hex("new_signature", s[i].r.new_sig, s[i].r.new_sig_len);
        put("   \"good\": %s\n  }%s\n", s[i].is_good ? "true" : "false", i + 1 < CASES ? "," : "");
    }
    put(" ]\n}\n");
}

START_TEST(statements_with_fixed_randomness_are_the_published_ones)
{
    static char published[sizeof text];
    const char *top = getenv("FARHAND_TOP");
    char path[512];
    FILE *f;

    write_text();
    snprintf(path, sizeof path, "%s/docs/vectors/rotation.json", top ? top : ".");
    f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s cannot be read", path);
    published[fread(published, 1, sizeof published - 1, f)] = '\0';
    fclose(f);
    ck_assert_str_eq(text, published);
}
END_TEST

static int write_vectors(const char *dir)
{
    char path[512];
    FILE *f;

    set_up();
    write_text();
    tear_down();
    snprintf(path, sizeof path, "%s/rotation.json", dir);
    f = fopen(path, "wb");
    return f && fputs(text, f) >= 0 && fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    Suite *s = suite_create("rotation");
    TCase *tc = tcase_create("rotation");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, what_both_keys_signed_is_believed_and_nothing_else);
    tcase_add_test(tc, every_flipped_byte_is_refused);
    tcase_add_test(tc, a_key_is_not_its_own_successor);
    tcase_add_test(tc, statements_with_fixed_randomness_are_the_published_ones);
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        srunner_free(r);
        return write_vectors(argv[2]);
    }
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
