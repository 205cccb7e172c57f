/* SPDX-License-Identifier: MIT */
/*
 * What the primitives cost in CPU time, each against the library below it in the same run.
 *
 * Each figure is the best of several rounds, ours and the peer's in turn, so that a busy machine
 * disturbs both alike.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mbedtls/gcm.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>
#include <sodium.h>

#include <farhand/identity_uv.h>
#include <farhand/password.h>

enum { ROUNDS = 7, RECORD = 16384, SEALS = 512 };

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int ret)
{
    if (ret == 0)
        return;
    fprintf(stderr, "bench_primitives: a primitive failed\n");
    exit(1);
}

/* Fastest seconds of f(ctx), and of the peer's, in turn. */
static void measure(void (*f)(void *), void (*peer)(void *), void *ctx, double *out,
                    double *out_peer)
{
    *out = *out_peer = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        double t0 = cpu_s(), t1, t2;

        f(ctx);
        t1 = cpu_s();
        peer(ctx);
        t2 = cpu_s();
        if (t1 - t0 < *out)
            *out = t1 - t0;
        if (t2 - t1 < *out_peer)
            *out_peer = t2 - t1;
    }
}

/* higher: more is better, ratio is ours to the peer's; else the other way round. */
static void report(const char *name, const char *unit, double ours, const char *peer, double theirs,
                   double goal, bool higher)
{
    double ratio = higher ? ours / theirs : theirs / ours;

    printf("bench: %s value=%.3f unit=%s peer=%s:%.3f ratio=%.3f goal=%.2f %s\n", name, ours, unit,
           peer, theirs, ratio, goal, ratio >= goal ? "ok" : "short");
}

/* ---- AES-256-GCM, 16 KiB records ------------------------------------------------------------- */

struct gcm {
    struct fh__aead ours;
    crypto_aead_aes256gcm_state sodium;
    mbedtls_gcm_context mbedtls;
    uint8_t iv[12], aad[4], data[RECORD + 16];
};

static void seal_ours(void *ctx)
{
    struct gcm *g = ctx;

    for (int i = 0; i < SEALS; i++)
        must(fh__aead_seal(&g->ours, g->iv, g->aad, sizeof g->aad, g->data, RECORD));
}

static void seal_sodium(void *ctx)
{
    struct gcm *g = ctx;

    for (int i = 0; i < SEALS; i++)
        must(crypto_aead_aes256gcm_encrypt_afternm(g->data, NULL, g->data, RECORD, g->aad,
                                                   sizeof g->aad, NULL, g->iv, &g->sodium));
}

static void seal_mbedtls(void *ctx)
{
    struct gcm *g = ctx;

    for (int i = 0; i < SEALS; i++)
        must(mbedtls_gcm_crypt_and_tag(&g->mbedtls, MBEDTLS_GCM_ENCRYPT, RECORD, g->iv, 12, g->aad,
                                       sizeof g->aad, g->data, g->data, 16, g->data + RECORD));
}

/* Opening in place destroys the ciphertext: it is copied each time, by the peer as well. */
static uint8_t sealed[RECORD + 16];

static void open_ours(void *ctx)
{
    struct gcm *g = ctx;

    for (int i = 0; i < SEALS; i++) {
        memcpy(g->data, sealed, sizeof sealed);
        must(fh__aead_open(&g->ours, g->iv, g->aad, sizeof g->aad, g->data, RECORD));
    }
}

static void open_sodium(void *ctx)
{
    struct gcm *g = ctx;

    for (int i = 0; i < SEALS; i++) {
        memcpy(g->data, sealed, sizeof sealed);
        must(crypto_aead_aes256gcm_decrypt_afternm(g->data, NULL, NULL, g->data, sizeof sealed,
                                                   g->aad, sizeof g->aad, g->iv, &g->sodium));
    }
}

static void open_mbedtls(void *ctx)
{
    struct gcm *g = ctx;

    for (int i = 0; i < SEALS; i++) {
        memcpy(g->data, sealed, sizeof sealed);
        must(mbedtls_gcm_auth_decrypt(&g->mbedtls, RECORD, g->iv, 12, g->aad, sizeof g->aad,
                                      g->data + RECORD, 16, g->data, g->data));
    }
}

static void bench_engine(struct gcm *g, bool sodium)
{
    const char *peer = sodium ? "libsodium" : "mbedTLS";
    double ours, theirs, mb = (double)RECORD * SEALS / 1e6;

    measure(seal_ours, sodium ? seal_sodium : seal_mbedtls, g, &ours, &theirs);
    report(sodium ? "aead_seal_16k_sodium" : "aead_seal_16k_mbedtls", "MB/s", mb / ours, peer,
           mb / theirs, 0.9, true);
    must(fh__aead_seal(&g->ours, g->iv, g->aad, sizeof g->aad, g->data, RECORD));
    memcpy(sealed, g->data, sizeof sealed);
    measure(open_ours, sodium ? open_sodium : open_mbedtls, g, &ours, &theirs);
    report(sodium ? "aead_open_16k_sodium" : "aead_open_16k_mbedtls", "MB/s", mb / ours, peer,
           mb / theirs, 0.9, true);
}

static void bench_aead(void)
{
    static struct gcm g;
    uint8_t key[32] = {1};

    if (fh__aead_set(&g.ours, FH__AEAD_SODIUM, key) == 0) {
        crypto_aead_aes256gcm_beforenm(&g.sodium, key);
        bench_engine(&g, true);
    }
    must(fh__aead_set(&g.ours, FH__AEAD_MBEDTLS, key));
    mbedtls_gcm_init(&g.mbedtls);
    must(mbedtls_gcm_setkey(&g.mbedtls, MBEDTLS_CIPHER_ID_AES, key, 256));
    bench_engine(&g, false);
    mbedtls_gcm_free(&g.mbedtls);
    fh__aead_clear(&g.ours);
}

/* ---- signatures ------------------------------------------------------------------------------ */

struct signer {
    struct fh_identity *id;
    mbedtls_rsa_context rsa;
    int times;
};

static int system_random(void *user, unsigned char *out, size_t len)
{
    fh_random_system(user, out, len);
    return 0;
}

static void sign_ours(void *ctx)
{
    struct signer *s = ctx;
    const uint8_t th[32] = {0};
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len;

    for (int i = 0; i < s->times; i++)
        must(fh_identity_sign(s->id, FH_ROLE_SERVER, th, fh_random_system, NULL, sig, &len));
}

static void sign_mbedtls(void *ctx)
{
    struct signer *s = ctx;
    const uint8_t digest[32] = {0};
    uint8_t sig[FH_SIGNATURE_MAX];

    for (int i = 0; i < s->times; i++)
        must(mbedtls_rsa_rsassa_pss_sign_ext(&s->rsa, system_random, NULL, MBEDTLS_MD_SHA256, 32,
                                             digest, 32, sig));
}

static void bench_sign(unsigned bits)
{
    struct signer s = {.times = bits == 2048 ? 8 : 3};
    char name[32];
    double ours, theirs;

    must(fh_identity_generate(bits, fh_random_system, NULL, &s.id));
#if MBEDTLS_VERSION_MAJOR < 3
    mbedtls_rsa_init(&s.rsa, MBEDTLS_RSA_PKCS_V21, MBEDTLS_MD_SHA256);
#else
    mbedtls_rsa_init(&s.rsa);
    must(mbedtls_rsa_set_padding(&s.rsa, MBEDTLS_RSA_PKCS_V21, MBEDTLS_MD_SHA256));
#endif
    must(mbedtls_rsa_gen_key(&s.rsa, system_random, NULL, bits, 65537));
    measure(sign_ours, sign_mbedtls, &s, &ours, &theirs);
    snprintf(name, sizeof name, "sign_%u", bits);
    report(name, "ms", ours / s.times * 1e3, "mbedTLS", theirs / s.times * 1e3, 0.9, false);
    mbedtls_rsa_free(&s.rsa);
    fh_identity_free(s.id);
}

/* ---- X25519, argon2id ------------------------------------------------------------------------ */

static uint8_t point[32] = {9};

static void x25519_ours(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < 500; i++)
        must(fh__x25519((const uint8_t[32]){7}, point, point));
}

static void x25519_sodium(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < 500; i++)
        must(crypto_scalarmult_curve25519(point, (const uint8_t[32]){7}, point));
}

static void phrase_ours(void *ctx)
{
    const uint8_t fp[FH_FINGERPRINT_LEN] = {1};
    char out[FH_CATCHPHRASE_MAX];

    (void)ctx;
    must(fh_catchphrase(fp, out));
}

static void password_ours(void *ctx)
{
    (void)ctx;
    if (fh_password_fake("password", 8) != FH_CRYPTO_E_AUTH)
        exit(1);
}

static void argon2_sodium(void *ctx)
{
    const uint8_t salt[16] = {0};
    uint8_t out[16];

    (void)ctx;
    must(crypto_pwhash(out, sizeof out, "x", 1, salt, 3, 64 << 20, crypto_pwhash_ALG_ARGON2ID13));
}

int main(void)
{
    double ours, theirs;

    if (sodium_init() < 0)
        return 1;
    bench_aead();
    bench_sign(2048);
    bench_sign(3072);
    bench_sign(4096);
    measure(x25519_ours, x25519_sodium, NULL, &ours, &theirs);
    report("x25519", "us", ours / 500 * 1e6, "libsodium", theirs / 500 * 1e6, 0.9, false);
    measure(phrase_ours, argon2_sodium, NULL, &ours, &theirs);
    report("catchphrase", "ms", ours * 1e3, "libsodium", theirs * 1e3, 0.9, false);
    measure(password_ours, argon2_sodium, NULL, &ours, &theirs);
    report("password", "ms", ours * 1e3, "libsodium", theirs * 1e3, 0.9, false);
    return 0;
}
