/* SPDX-License-Identifier: MIT */
/*
 * Identities: keys in and out, the one form of a public key, signatures. Keys and signatures of
 * OpenSSL's are in vectors/keys (scripts/make-test-keys).
 */
#include "../src/identity.c"

#include <unistd.h>

#include "vectors.h"

#define DIR "libcrypto-rfb/tests/vectors/"
#define KEYS DIR "keys/"

static const unsigned sizes[] = {2048, 3072, 4096};

/* Bytes that are the same in every run. */
static void fixed_random(void *user, void *out, size_t len)
{
    uint8_t seed[randombytes_SEEDBYTES] = {0};
    uint32_t *count = user;

    ++*count;
    seed[0] = (uint8_t)*count;
    seed[1] = (uint8_t)(*count >> 8);
    seed[2] = (uint8_t)(*count >> 16);
    randombytes_buf_deterministic(out, len, seed);
}

static uint32_t calls; /* of fixed_random; every test runs in its own process */

static size_t key_file(const char *kind, unsigned bits, const char *ext, void *out, size_t room)
{
    char path[128];

    snprintf(path, sizeof path, KEYS "%s-%u.%s", kind, bits, ext);
    return file_bytes(path, out, room);
}

static struct fh_identity *load(unsigned bits)
{
    char pem[FH_IDENTITY_PEM_MAX];
    size_t len = key_file("good", bits, "pem", pem, sizeof pem);
    struct fh_identity *id = NULL;

    ck_assert_int_eq(fh_identity_from_pem(pem, len, &id), 0);
    return id;
}

static void make_th(uint8_t th[32])
{
    for (uint8_t i = 0; i < 32; i++)
        th[i] = i;
}

/* ---- keys ----------------------------------------------------------------------------------- */

START_TEST(a_generated_key_signs_and_survives_its_pem)
{
    struct fh_identity *id = NULL, *again = NULL;
    char pem[FH_IDENTITY_PEM_MAX];
    uint8_t th[32] = {0}, sig[FH_SIGNATURE_MAX];
    const uint8_t *spki;
    size_t spki_len, len;
    unsigned bits = 0;

    ck_assert_int_eq(fh_identity_generate(2048, fixed_random, &calls, &id), 0);
    ck_assert_uint_eq(fh_identity_bits(id), 2048);
    spki = fh_identity_spki(id, &spki_len);
    ck_assert_int_eq(fh_identity_check_spki(spki, spki_len, &bits), 0);
    ck_assert_uint_eq(bits, 2048);
    ck_assert_int_eq(fh_identity_check_spki(spki, spki_len, NULL), 0);
    ck_assert_int_eq(fh_identity_to_pem(id, pem, sizeof pem), 0);
    ck_assert_int_eq(fh_identity_from_pem(pem, strlen(pem), &again), 0);
    ck_assert_int_eq(fh_identity_sign(again, FH_ROLE_CLIENT, th, fixed_random, &calls, sig, &len),
                     0);
    ck_assert_uint_eq(len, 256);
    ck_assert_int_eq(fh__signature_verify(spki, spki_len, FH_ROLE_CLIENT, th, sig, len), 0);
    fh_identity_free(again);
    fh_identity_free(id);
    fh_identity_free(NULL);
}
END_TEST

START_TEST(only_three_sizes_are_generated)
{
    static const unsigned refused[] = {0, 512, 1024, 2047, 2049, 2056, 8192, 16384};
    struct fh_identity *id = NULL;

    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        ck_assert_int_eq(fh_identity_generate(refused[i], fixed_random, &calls, &id),
                         FH_CRYPTO_E_INVAL);
    ck_assert_ptr_null(id);
}
END_TEST

START_TEST(openssl_keys_come_back_as_the_same_bytes)
{
    struct fh_identity *id = load(sizes[_i]);
    char pem[FH_IDENTITY_PEM_MAX], out[FH_IDENTITY_PEM_MAX];
    uint8_t want[FH_SPKI_MAX];
    size_t pem_len = key_file("good", sizes[_i], "pem", pem, sizeof pem);
    size_t want_len = key_file("good", sizes[_i], "spki", want, sizeof want), len;
    const uint8_t *spki = fh_identity_spki(id, &len);

    ck_assert_uint_eq(fh_identity_bits(id), sizes[_i]);
    ck_assert_uint_eq(len, want_len);
    ck_assert_mem_eq(spki, want, len);
    ck_assert_int_eq(fh_identity_to_pem(id, out, sizeof out - 1), FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_identity_to_pem(id, out, sizeof out), 0);
    ck_assert_uint_eq(strlen(out), pem_len);
    ck_assert_mem_eq(out, pem, pem_len);
    fh_identity_free(id);
}
END_TEST

static const struct {
    const char *file;
    int error;
} bad_files[] = {
    {"bad-1024.pem", FH_CRYPTO_E_KEY},         {"bad-2047.pem", FH_CRYPTO_E_KEY},
    {"bad-2050.pem", FH_CRYPTO_E_KEY},         {"bad-8192.pem", FH_CRYPTO_E_KEY},
    {"bad-e3.pem", FH_CRYPTO_E_KEY},           {"bad-pss-oid.pem", FH_CRYPTO_E_KEY},
    {"bad-ec.pem", FH_CRYPTO_E_KEY},           {"bad-ed25519.pem", FH_CRYPTO_E_KEY},
    {"bad-pkcs1.pem", FH_CRYPTO_E_FORMAT},     {"bad-public.pem", FH_CRYPTO_E_FORMAT},
    {"bad-encrypted.pem", FH_CRYPTO_E_FORMAT}, {"good-2048.spki", FH_CRYPTO_E_FORMAT},
};

START_TEST(a_key_of_another_kind_is_refused)
{
    static char pem[8192];
    struct fh_identity *id = NULL;
    char path[128];
    size_t len;

    snprintf(path, sizeof path, KEYS "%s", bad_files[_i].file);
    len = file_bytes(path, pem, sizeof pem);
    ck_assert_int_eq(fh_identity_from_pem(pem, len, &id), bad_files[_i].error);
    ck_assert_ptr_null(id);
}
END_TEST

/* What stands before, after or inside the armour. */
START_TEST(text_around_or_inside_a_key_is_refused)
{
    char pem[FH_IDENTITY_PEM_MAX], bad[FH_IDENTITY_PEM_MAX];
    size_t len = key_file("good", 2048, "pem", pem, sizeof pem), n;
    struct fh_identity *id = NULL;

    static const char *const garbage[] = {"",
                                          "\n",
                                          "hello",
                                          "-----BEGIN PRIVATE KEY-----\n",
                                          "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
                                          "-----BEGIN PRIVATE KEY-----\nAAAA\n"};
    for (size_t i = 0; i < ARRAY_LEN(garbage); i++)
        ck_assert_int_eq(fh_identity_from_pem(garbage[i], strlen(garbage[i]), &id),
                         FH_CRYPTO_E_FORMAT);

    n = (size_t)snprintf(bad, sizeof bad, " %.*s", (int)len, pem);
    ck_assert_int_eq(fh_identity_from_pem(bad, n, &id), FH_CRYPTO_E_FORMAT);
    n = (size_t)snprintf(bad, sizeof bad, "%.*sx", (int)len, pem);
    ck_assert_int_eq(fh_identity_from_pem(bad, n, &id), FH_CRYPTO_E_FORMAT);
    memcpy(bad, pem, len);
    bad[100] = 0;
    ck_assert_int_eq(fh_identity_from_pem(bad, len, &id), FH_CRYPTO_E_FORMAT);
    bad[100] = '*';
    ck_assert_int_eq(fh_identity_from_pem(bad, len, &id), FH_CRYPTO_E_FORMAT);
    memcpy(bad, pem, len);
    memset(bad + len, '\n', sizeof bad - len);
    ck_assert_int_eq(fh_identity_from_pem(bad, sizeof bad, &id), 0);
    fh_identity_free(id);
}
END_TEST

START_TEST(every_truncation_of_a_key_is_refused)
{
    char pem[FH_IDENTITY_PEM_MAX];
    size_t len = key_file("good", 2048, "pem", pem, sizeof pem);
    struct fh_identity *id = NULL;

    for (size_t n = 0; n < len - 1; n++) /* the last newline may be missing */
        ck_assert_int_eq(fh_identity_from_pem(pem, n, &id), FH_CRYPTO_E_FORMAT);
}
END_TEST

/* Each number of the key stands for itself: no changed byte goes unnoticed. */
START_TEST(a_key_with_any_byte_changed_is_refused)
{
    char pem[FH_IDENTITY_PEM_MAX], bad[FH_IDENTITY_PEM_MAX];
    uint8_t der[DER_MAX];
    size_t len = key_file("good", 2048, "pem", pem, sizeof pem), der_len;
    struct fh_identity *id = NULL;

    ck_assert_int_eq(pem_decode(&pkcs8_form, pem, len, der, &der_len), 0);
    for (size_t i = (size_t)_i; i < der_len; i += 8 * 5) {
        struct wr w = wr_init(bad, sizeof bad);

        der[i] ^= 4;
        pem_encode(&pkcs8_form, der, der_len, &w);
        ck_assert_int_lt(fh_identity_from_pem(bad, w.len - 1, &id), 0);
        der[i] ^= 4;
    }
}
END_TEST

/* ---- SPKI ----------------------------------------------------------------------------------- */

struct spki_shape {
    const char *name;
    size_t n_len;
    uint8_t first, last; /* bytes of the modulus */
    const char *e, *algorithm;
    bool is_minimal, has_tail;
};

#define RSA_NULL "300d06092a864886f70d0101010500"

static const struct spki_shape shapes[] = {
    {"1024 bits", 128, 0x80, 1, "010001", RSA_NULL, true, false},
    {"2040 bits", 255, 0x80, 1, "010001", RSA_NULL, true, false},
    {"2047 bits", 256, 0x7f, 1, "010001", RSA_NULL, true, false},
    {"2049 bits", 257, 0x01, 1, "010001", RSA_NULL, true, false},
    {"8192 bits", 1024, 0x80, 1, "010001", RSA_NULL, true, false},
    {"even", 256, 0x80, 2, "010001", RSA_NULL, true, false},
    {"e = 1", 256, 0x80, 1, "01", RSA_NULL, true, false},
    {"e = 3", 256, 0x80, 1, "03", RSA_NULL, true, false},
    {"e = 65539", 256, 0x80, 1, "010003", RSA_NULL, true, false},
    {"e = 2^32 + 1", 256, 0x80, 1, "0100000001", RSA_NULL, true, false},
    {"e with a zero before it", 256, 0x80, 1, "00010001", RSA_NULL, true, false},
    {"no NULL", 256, 0x80, 1, "010001", "300b06092a864886f70d010101", true, false},
    {"parameters", 256, 0x80, 1, "010001", "300d06092a864886f70d0101013000", true, false},
    {"RSA-PSS", 256, 0x80, 1, "010001", "300d06092a864886f70d01010a0500", true, false},
    {"a zero too many before N", 256, 0x80, 1, "010001", RSA_NULL, false, false},
    {"bytes after it", 256, 0x80, 1, "010001", RSA_NULL, true, true},
};

/* DER from the inside out, written backwards; returns where it starts. */
static uint8_t *der_wrap(uint8_t *p, size_t len, uint8_t tag)
{
    size_t value = len, digits = 0;

    if (len < 128) {
        *--p = (uint8_t)len;
    } else {
        for (; value > 0; value >>= 8, digits++)
            *--p = (uint8_t)value;
        *--p = (uint8_t)(0x80 | digits);
    }
    *--p = tag;
    return p;
}

static size_t build_spki(const struct spki_shape *s, uint8_t *out, size_t room)
{
    uint8_t algorithm_der[32], *end = out + room, *p = end;
    size_t e_len = strlen(s->e) / 2, alg_len, len;

    alg_len = hex_bytes(s->algorithm, algorithm_der, sizeof algorithm_der);
    p -= e_len;
    hex_bytes(s->e, p, e_len);
    p = der_wrap(p, e_len, 0x02);
    len = (size_t)(end - p);
    p -= s->n_len;
    memset(p, 0x55, s->n_len);
    p[0] = s->first;
    p[s->n_len - 1] = s->last;
    if (s->first >= 0x80)
        *--p = 0;
    if (!s->is_minimal)
        *--p = 0;
    p = der_wrap(p, (size_t)(end - p) - len, 0x02);
    p = der_wrap(p, (size_t)(end - p), 0x30);
    *--p = 0;
    p = der_wrap(p, (size_t)(end - p), 0x03);
    p -= alg_len;
    memcpy(p, algorithm_der, alg_len);
    p = der_wrap(p, (size_t)(end - p), 0x30);
    len = (size_t)(end - p);
    memmove(out, p, len);
    out[len] = 0;
    return len + s->has_tail;
}

START_TEST(an_accepted_spki_is_what_openssl_writes)
{
    const struct spki_shape good = {"", sizes[_i] / 8, 0x80, 1, "010001", RSA_NULL, true, false};
    static uint8_t spki[2048];
    size_t len = build_spki(&good, spki, sizeof spki);
    unsigned bits = 0;

    ck_assert_int_eq(fh_identity_check_spki(spki, len, &bits), 0);
    ck_assert_uint_eq(bits, sizes[_i]);
    len = key_file("good", sizes[_i], "spki", spki, sizeof spki);
    ck_assert_int_eq(fh_identity_check_spki(spki, len, &bits), 0);
    ck_assert_uint_eq(bits, sizes[_i]);
}
END_TEST

START_TEST(a_spki_of_another_shape_is_refused)
{
    static uint8_t spki[2048];
    size_t len = build_spki(&shapes[_i], spki, sizeof spki);
    unsigned bits = 1;

    ck_assert_msg(fh_identity_check_spki(spki, len, &bits) == FH_CRYPTO_E_KEY, "%s",
                  shapes[_i].name);
    ck_assert_uint_eq(bits, 1);
}
END_TEST

START_TEST(a_spki_with_any_bit_of_its_frame_changed_is_refused)
{
    uint8_t spki[FH_SPKI_MAX + 1];
    size_t len = key_file("good", sizes[_i], "spki", spki, sizeof spki);

    for (size_t bit = 0; bit < 8 * len; bit++) {
        if (bit / 8 >= SPKI_HEAD && bit / 8 < len - sizeof e_der)
            continue;
        spki[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(fh_identity_check_spki(spki, len, NULL), FH_CRYPTO_E_KEY);
        spki[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t n = 0; n < len; n++)
        ck_assert_int_eq(fh_identity_check_spki(spki, n, NULL), FH_CRYPTO_E_KEY);
}
END_TEST

/* ---- signatures ----------------------------------------------------------------------------- */

START_TEST(signatures_of_openssl_verify)
{
    uint8_t spki[FH_SPKI_MAX], sig[FH_SIGNATURE_MAX], th[32];
    size_t spki_len = key_file("good", sizes[_i], "spki", spki, sizeof spki);
    size_t len = key_file("good", sizes[_i], "sig", sig, sizeof sig);

    make_th(th);
    ck_assert_int_eq(fh__signature_verify(spki, spki_len, FH_ROLE_SERVER, th, sig, len), 0);
    ck_assert_int_eq(fh__signature_verify(spki, spki_len, FH_ROLE_CLIENT, th, sig, len),
                     FH_CRYPTO_E_AUTH);
    th[31] ^= 1;
    ck_assert_int_eq(fh__signature_verify(spki, spki_len, FH_ROLE_SERVER, th, sig, len),
                     FH_CRYPTO_E_AUTH);
}
END_TEST

static int verify(const uint8_t *spki, size_t spki_len, const uint8_t *sig, size_t len)
{
    uint8_t th[32];

    make_th(th);
    return fh__signature_verify(spki, spki_len, FH_ROLE_SERVER, th, sig, len);
}

START_TEST(a_changed_or_cut_signature_is_refused)
{
    uint8_t spki[FH_SPKI_MAX], sig[FH_SIGNATURE_MAX + 1] = {0};
    size_t spki_len = key_file("good", 2048, "spki", spki, sizeof spki);
    size_t len = key_file("good", 2048, "sig", sig, sizeof sig);

    for (size_t bit = 0; bit < 8 * len; bit += 5) {
        sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(verify(spki, spki_len, sig, len), FH_CRYPTO_E_AUTH);
        sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t n = 0; n <= len + 1; n++)
        ck_assert_int_eq(verify(spki, spki_len, sig, n), n == len ? 0 : FH_CRYPTO_E_AUTH);
    memset(sig, 0, sizeof sig);
    ck_assert_int_eq(verify(spki, spki_len, sig, len), FH_CRYPTO_E_AUTH);
    memset(sig, 0xff, sizeof sig); /* more than the modulus */
    ck_assert_int_eq(verify(spki, spki_len, sig, len), FH_CRYPTO_E_AUTH);
}
END_TEST

START_TEST(a_signature_of_another_key_is_refused)
{
    uint8_t spki[FH_SPKI_MAX], sig[FH_SIGNATURE_MAX];
    size_t spki_len = key_file("good", 3072, "spki", spki, sizeof spki);
    size_t len = key_file("good", 3072, "sig", sig, sizeof sig);

    ck_assert_int_eq(verify(spki, spki_len, sig, len), 0);
    spki[SPKI_HEAD + 100] ^= 1;
    ck_assert_int_eq(verify(spki, spki_len, sig, len), FH_CRYPTO_E_AUTH);
}
END_TEST

START_TEST(a_signature_with_another_length_of_salt_is_refused)
{
    static const int salts[] = {0, 1, 20, 31, 33, 64, 222};
    struct fh_identity *id = load(2048);
    struct random rng = {fixed_random, &calls};
    uint8_t th[32], digest[32], sig[FH_SIGNATURE_MAX];

    make_th(th);
    signed_digest("fsc1 server", th, digest);
    for (size_t i = 0; i < ARRAY_LEN(salts); i++) {
        int ret = mbedtls_rsa_rsassa_pss_sign_ext(&id->rsa, random_adapter, &rng, MBEDTLS_MD_SHA256,
                                                  32, digest, salts[i], sig);

        ck_assert_int_eq(ret, 0);
        ck_assert_int_eq(verify(id->spki, id->spki_len, sig, 256), FH_CRYPTO_E_AUTH);
    }
    fh_identity_free(id);
}
END_TEST

START_TEST(a_signature_is_made_anew_each_time_and_verifies)
{
    struct fh_identity *id = load(sizes[_i]);
    uint8_t th[32], a[FH_SIGNATURE_MAX], b[FH_SIGNATURE_MAX];
    size_t len;

    make_th(th);
    ck_assert_int_eq(fh_identity_sign(id, FH_ROLE_SERVER, th, fixed_random, &calls, a, &len), 0);
    ck_assert_int_eq(fh_identity_sign(id, FH_ROLE_SERVER, th, fixed_random, &calls, b, &len), 0);
    ck_assert_uint_eq(len, sizes[_i] / 8);
    ck_assert_mem_ne(a, b, len);
    ck_assert_int_eq(verify(id->spki, id->spki_len, a, len), 0);
    ck_assert_int_eq(verify(id->spki, id->spki_len, b, len), 0);
    fh_identity_free(id);
}
END_TEST

/*
 * NIST's rows have salts of 10 and 0 bytes and many exponents, which the protocol refuses: they
 * test the verifier below it. A hex exponent there may have an odd number of digits.
 */
static size_t exponent(const char *hex, uint8_t *out, size_t room)
{
    char even[VECTORS_VALUE + 1];

    snprintf(even, sizeof even, "%s%s", strlen(hex) % 2 ? "0" : "", hex);
    return hex_bytes(even, out, room);
}

static size_t check_pss_file(struct vectors *v, int salt_len)
{
    uint8_t n[512], e[512], msg[256], digest[32], sig[512];
    size_t rows = 0;

    while (vectors_next(v)) {
        size_t n_len, e_len, len, msg_len;
        const char *result = vectors_get(v, "Result");
        bool passes = !result || strcmp(result, "P") == 0;

        if (!vectors_fresh(v, "S") || strcmp(vectors_get(v, "SHAAlg"), "SHA256") != 0 ||
            strlen(vectors_get(v, "n")) < 512)
            continue;
        n_len = hex_bytes(vectors_get(v, "n"), n, sizeof n);
        e_len = exponent(vectors_get(v, "e"), e, sizeof e);
        msg_len = hex_bytes(vectors_get(v, "Msg"), msg, sizeof msg);
        len = hex_bytes(vectors_get(v, "S"), sig, sizeof sig);
        crypto_hash_sha256(digest, msg, msg_len);
        ck_assert_int_eq(pss_verify(n, n_len, e, e_len, digest, salt_len, sig, len),
                         passes ? 0 : FH_CRYPTO_E_AUTH);
        ck_assert_int_eq(pss_verify(n, n_len, e, e_len, digest, SALT_LEN, sig, len),
                         FH_CRYPTO_E_AUTH);
        rows++;
    }
    return rows;
}

START_TEST(the_verifier_matches_nist)
{
    struct vectors v;

    vectors_open(&v, DIR "SigVerPSS_186-3.rsp");
    ck_assert_uint_eq(check_pss_file(&v, 10), 54);
    vectors_open(&v, DIR "SigGenPSS_186-3.rsp");
    ck_assert_uint_eq(check_pss_file(&v, 0), 30);
}
END_TEST

START_TEST(the_verifier_matches_nist_where_the_package_is_installed)
{
    struct vectors v;

    if (vectors_open_package(&v, "asymmetric/RSA/FIPS_186-2/SigVerPSS_186-3.rsp"))
        ck_assert_uint_eq(check_pss_file(&v, 10), 54);
    if (vectors_open_package(&v, "asymmetric/RSA/FIPS_186-2/SigGenPSS_186-3.rsp"))
        ck_assert_uint_eq(check_pss_file(&v, 0), 30);
}
END_TEST

/* ---- OpenSSL's command, where it is installed ------------------------------------------------ */

static void write_file(const char *dir, const char *name, const void *data, size_t len)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

static int run(const char *dir, const char *command)
{
    char line[512];

    snprintf(line, sizeof line, "cd '%s' && %s >/dev/null 2>&1", dir, command);
    return system(line);
}

START_TEST(openssl_takes_our_key_and_our_signature)
{
    char dir[] = "/tmp/farhand-test-XXXXXX", pem[FH_IDENTITY_PEM_MAX];
    uint8_t message[64 + 12 + 32], sig[FH_SIGNATURE_MAX];
    struct fh_identity *id = NULL;
    size_t len;

    if (run("/", "openssl version") != 0) {
        printf("skipped: the openssl command is not installed\n");
        return;
    }
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(fh_identity_generate(2048, fixed_random, &calls, &id), 0);
    ck_assert_int_eq(fh_identity_to_pem(id, pem, sizeof pem), 0);
    memset(message, ' ', 64);
    memcpy(message + 64, "fsc1 client", 12);
    make_th(message + 76);
    ck_assert_int_eq(
        fh_identity_sign(id, FH_ROLE_CLIENT, message + 76, fixed_random, &calls, sig, &len), 0);
    write_file(dir, "key.pem", pem, strlen(pem));
    write_file(dir, "spki", id->spki, id->spki_len);
    write_file(dir, "message", message, sizeof message);
    write_file(dir, "sig", sig, len);
    fh_identity_free(id);

    ck_assert_int_eq(run(dir, "openssl pkey -in key.pem -check -noout"), 0);
    ck_assert_int_eq(run(dir, "openssl pkey -in key.pem | cmp - key.pem"), 0);
    ck_assert_int_eq(run(dir, "openssl pkey -in key.pem -pubout -outform DER | cmp - spki"), 0);
    ck_assert_int_eq(run(dir, "openssl dgst -sha256 -keyform DER -verify spki -signature sig "
                              "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 "
                              "-sigopt rsa_mgf1_md:sha256 message"),
                     0);
    ck_assert_int_eq(run("/", "true"), 0);
    ck_assert_int_eq(run(dir, "rm key.pem spki message sig"), 0);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

/* ---- for what it was signed ------------------------------------------------------------------ */

START_TEST(a_signature_for_one_purpose_is_none_for_another)
{
    struct fh_identity *id = load(2048);
    uint8_t th[32], sig[FH_SIGNATURE_MAX];
    size_t len;

    make_th(th);
    for (int i = 0; i < 2; i++) {
        enum fh_identity_purpose own = i, other = 1 - i;

        ck_assert_int_eq(fh_identity_sign_for(id, own, th, fixed_random, &calls, sig, &len), 0);
        ck_assert_int_eq(fh_identity_verify_for(id->spki, id->spki_len, own, th, sig, len), 0);
        ck_assert_int_eq(fh_identity_verify_for(id->spki, id->spki_len, other, th, sig, len),
                         FH_CRYPTO_E_AUTH);
        ck_assert_int_eq(verify(id->spki, id->spki_len, sig, len), FH_CRYPTO_E_AUTH);
        ck_assert_int_eq(fh_identity_verify_for(id->spki, id->spki_len - 1, own, th, sig, len),
                         FH_CRYPTO_E_KEY);
        ck_assert_int_eq(fh__signature_verify(id->spki, id->spki_len, FH_ROLE_CLIENT, th, sig, len),
                         FH_CRYPTO_E_AUTH);
        sig[0] ^= 1;
        ck_assert_int_eq(fh_identity_verify_for(id->spki, id->spki_len, own, th, sig, len),
                         FH_CRYPTO_E_AUTH);
    }
    ck_assert_int_eq(fh_identity_sign(id, FH_ROLE_SERVER, th, fixed_random, &calls, sig, &len), 0);
    ck_assert_int_eq(
        fh_identity_verify_for(id->spki, id->spki_len, FH_IDENTITY_CLOUD_SIGN_IN, th, sig, len),
        FH_CRYPTO_E_AUTH);
    ck_assert_int_eq(fh_identity_sign_for(id, 7, th, fixed_random, &calls, sig, &len),
                     FH_CRYPTO_E_INVAL);
    ck_assert_int_eq(fh_identity_verify_for(id->spki, id->spki_len, 7, th, sig, len),
                     FH_CRYPTO_E_INVAL);
    fh_identity_free(id);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("identity");
    TCase *tc = tcase_create("identity");
    SRunner *sr = srunner_create(s);
    int failed;

    suite_add_tcase(s, tc);
    tcase_add_test(tc, a_generated_key_signs_and_survives_its_pem);
    tcase_add_test(tc, only_three_sizes_are_generated);
    tcase_add_loop_test(tc, openssl_keys_come_back_as_the_same_bytes, 0, ARRAY_LEN(sizes));
    tcase_add_loop_test(tc, a_key_of_another_kind_is_refused, 0, ARRAY_LEN(bad_files));
    tcase_add_test(tc, text_around_or_inside_a_key_is_refused);
    tcase_add_test(tc, every_truncation_of_a_key_is_refused);
    tcase_add_loop_test(tc, a_key_with_any_byte_changed_is_refused, 0, 8);
    tcase_add_loop_test(tc, an_accepted_spki_is_what_openssl_writes, 0, ARRAY_LEN(sizes));
    tcase_add_loop_test(tc, a_spki_of_another_shape_is_refused, 0, ARRAY_LEN(shapes));
    tcase_add_loop_test(tc, a_spki_with_any_bit_of_its_frame_changed_is_refused, 0,
                        ARRAY_LEN(sizes));
    tcase_add_loop_test(tc, signatures_of_openssl_verify, 0, ARRAY_LEN(sizes));
    tcase_add_test(tc, a_changed_or_cut_signature_is_refused);
    tcase_add_test(tc, a_signature_of_another_key_is_refused);
    tcase_add_test(tc, a_signature_with_another_length_of_salt_is_refused);
    tcase_add_loop_test(tc, a_signature_is_made_anew_each_time_and_verifies, 0, ARRAY_LEN(sizes));
    tcase_add_test(tc, a_signature_for_one_purpose_is_none_for_another);
    tcase_add_test(tc, the_verifier_matches_nist);
    tcase_add_test(tc, the_verifier_matches_nist_where_the_package_is_installed);
    tcase_add_test(tc, openssl_takes_our_key_and_our_signature);
    srunner_run_all(sr, CK_ENV);
    failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
