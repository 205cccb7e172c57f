/* SPDX-License-Identifier: MIT */
/*
 * bench_channel.c -- what the channel costs beyond its cryptography, measured in one run.
 *
 * Sealing and opening go through the channel's calls and through libsodium's AES-256-GCM alone, on
 * buffers of the same size; records travel by one memcpy in both. The handshake of both ends is
 * held against its own RSA signatures, verifications and X25519 operations.
 *
 *     bench: NAME value=V unit=U peer=NAME:V ratio=R goal=G ok|short
 */
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "../tests/channel_pair.h"

enum { RECORD = 16384, BATCH = 200, ROUNDS = 15, SHAKES = 40 };

static uint8_t wire[RECORD + 64];

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* better: 1 when a larger ratio is better, -1 when a smaller one is. */
static void report(const char *name, double value, const char *unit, const char *peer,
                   double peer_value, double ratio, double goal, int better)
{
    bool ok = better > 0 ? ratio >= goal : ratio <= goal;

    printf("bench: %s value=%.4g unit=%s peer=%s:%.4g ratio=%.3f goal=%.2f %s\n", name, value, unit,
           peer, peer_value, ratio, goal, ok ? "ok" : "short");
}

static void fail(const char *what)
{
    fprintf(stderr, "bench_channel: %s\n", what);
    exit(1);
}

/* ---- records -------------------------------------------------------------------------------- */

struct raw {
    crypto_aead_aes256gcm_state *state;
    uint8_t *buffer, *target;
    uint64_t seq;
};

static void raw_nonce(struct raw *r, uint8_t iv[12])
{
    memset(iv, 0, 12);
    memcpy(iv, &r->seq, 8);
}

static void raw_seal(struct raw *r)
{
    uint8_t iv[12];

    raw_nonce(r, iv);
    crypto_aead_aes256gcm_encrypt_afternm(r->buffer, NULL, r->buffer, RECORD, wire, 4, NULL, iv,
                                          r->state);
    memcpy(wire + 4, r->buffer, RECORD + 16);
}

static void raw_open(struct raw *r)
{
    uint8_t iv[12];

    raw_nonce(r, iv);
    memcpy(r->target, wire + 4, RECORD + 16);
    if (crypto_aead_aes256gcm_decrypt_afternm(r->target, NULL, NULL, r->target, RECORD + 16, wire,
                                              4, iv, r->state) != 0)
        fail("libsodium does not open what it sealed");
    r->seq++;
}

static void channel_seal(struct side *s)
{
    size_t room, len;
    const uint8_t *out;

    if (!fh_channel_write(s->c, &room) || fh_channel_write_done(s->c, RECORD - 1, FH_PAD_NONE) != 0)
        fail("the channel does not seal");
    out = fh_channel_out(s->c, &len);
    memcpy(wire, out, len);
    fh_channel_out_done(s->c, len);
}

static void channel_open(struct side *s)
{
    struct fh_channel_event ev;
    size_t room;
    uint8_t *in = fh_channel_in(s->c, &room);

    memcpy(in, wire, RECORD + 20);
    if (fh_channel_in_done(s->c, 1000, RECORD + 20) != 0 || fh_channel_event(s->c, &ev) != 1 ||
        ev.type != FH_CHANNEL_EV_DATA || ev.data.len != RECORD - 1)
        fail("the channel does not open");
    fh_channel_event(s->c, &ev);
}

/* Best of the rounds: other programs of the machine only ever make it slower. */
static void bench_records(void)
{
    struct pair *p = pair_new();
    struct raw r = {.buffer = sodium_malloc(RECORD + 16), .target = sodium_malloc(RECORD + 16)};
    double best[4] = {1e9, 1e9, 1e9, 1e9}, mib = (double)RECORD / 1048576;
    uint8_t key[32] = {1};

    if (!crypto_aead_aes256gcm_is_available()) {
        puts("bench: channel-seal skipped: libsodium has no AES-256-GCM on this CPU");
        pair_free(p);
        return;
    }
    r.state = sodium_malloc(sizeof *r.state);
    crypto_aead_aes256gcm_beforenm(r.state, key);
    pair_open(p);
    for (unsigned round = 0; round < ROUNDS; round++) {
        double t[4] = {0}, at;

        for (unsigned i = 0; i < BATCH; i++) {
            at = cpu_s();
            raw_seal(&r);
            t[0] += cpu_s() - at;
            at = cpu_s();
            raw_open(&r);
            t[1] += cpu_s() - at;
            at = cpu_s();
            channel_seal(&p->client);
            t[2] += cpu_s() - at;
            at = cpu_s();
            channel_open(&p->server);
            t[3] += cpu_s() - at;
        }
        for (unsigned k = 0; k < 4; k++)
            best[k] = t[k] < best[k] ? t[k] : best[k];
    }
    for (unsigned k = 0; k < 2; k++)
        report(k == 0 ? "channel-seal-16k" : "channel-open-16k", BATCH * mib / best[2 + k], "MiB/s",
               "libsodium", BATCH * mib / best[k], best[k] / best[2 + k], 0.9, 1);
    sodium_free(r.state);
    sodium_free(r.buffer);
    sodium_free(r.target);
    pair_free(p);
}

/* ---- memory --------------------------------------------------------------------------------- */

static void bench_size(void)
{
    struct fh_channel_config cfg = {.role = FH_ROLE_SERVER};
    size_t secrets = (fh_channel_secrets_size() + 16 + 4095) / 4096 * 4096;
    double kib = (double)(fh_channel_size(&cfg) + secrets) / 1024;

    report("channel-state", kib, "KiB", "goal", 64, kib / 64, 1.0, -1);
}

/* ---- handshake ------------------------------------------------------------------------------ */

static void shake(void)
{
    struct pair *p = pair_new();

    n_cached = 0; /* each end signs */
    pair_open(p);
    pair_free(p);
}

/* Two signatures, two verifications, and two X25519 operations at each end. */
static void bare_operations(void)
{
    struct fh_identity *ids[2] = {key_client, key_server};
    struct rng rng = {.seed = "bench"};
    uint8_t th[32] = {1}, sig[FH_SIGNATURE_MAX], secret[32], public[32], shared[32];
    size_t len, spki_len;

    for (int i = 0; i < 2; i++) {
        const uint8_t *spki = fh_identity_spki(ids[i], &spki_len);

        if (fh_identity_sign(ids[i], (enum fh_role)i, th, rng_fill, &rng, sig, &len) != 0 ||
            fh__signature_verify(spki, spki_len, (enum fh_role)i, th, sig, len) != 0)
            fail("RSA");
        rng_fill(&rng, secret, sizeof secret);
        fh__x25519_public(secret, public);
        if (fh__x25519(secret, public, shared) != 0)
            fail("X25519");
    }
}

static void bench_handshake(void)
{
    double best[2] = {1e9, 1e9};

    load_keys();
    for (unsigned i = 0; i < SHAKES; i++) {
        double at = cpu_s(), took;

        shake();
        took = cpu_s() - at;
        best[0] = took < best[0] ? took : best[0];
        at = cpu_s();
        bare_operations();
        took = cpu_s() - at;
        best[1] = took < best[1] ? took : best[1];
    }
    report("channel-handshake-2048", best[0] * 1e3, "ms", "rsa+x25519", best[1] * 1e3,
           best[0] / best[1], 1.25, -1);
}

int main(void)
{
    if (sodium_init() < 0)
        fail("libsodium");
    bench_records();
    bench_size();
    bench_handshake();
    return 0;
}
