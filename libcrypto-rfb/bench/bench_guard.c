/* SPDX-License-Identifier: MIT */
/* What signing costs for a datagram of 1200 bytes, beside libsodium's bare primitive. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <sodium.h>

#include <farhand/guard.h>

enum { ROUNDS = 9, BATCH = 20000, PAYLOAD = 1200 - FH_GUARD_OVERHEAD };

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int ok)
{
    if (ok)
        return;
    fprintf(stderr, "bench_guard: a datagram did not pass\n");
    exit(1);
}

static struct fh_guard tx, rx;
static uint8_t datagrams[BATCH][1200];

static void seal_all(void)
{
    for (int i = 0; i < BATCH; i++)
        must(fh_guard_seal(&tx, FH_GUARD_STREAM, datagrams[i], PAYLOAD) == 1200);
}

static void open_all(void)
{
    struct fh_guard_opened got;

    for (int i = 0; i < BATCH; i++)
        must(fh_guard_open(&rx, datagrams[i], 1200, &got) == 0);
}

static void bare(void)
{
    static const uint8_t key[32] = {1}, nonce[12];
    uint8_t tag[16];

    for (int i = 0; i < BATCH; i++)
        crypto_aead_chacha20poly1305_ietf_encrypt_detached(tag, tag, NULL, tag, 0, datagrams[i],
                                                           1200 - sizeof tag, NULL, nonce, key);
}

static void best(double *least, void (*f)(void))
{
    double at = cpu_s(), took;

    f();
    took = (cpu_s() - at) / BATCH * 1e9;
    *least = took < *least ? took : *least;
}

static void report(const char *name, double ns, double peer, double goal)
{
    printf("bench: %s value=%.0f unit=ns peer=libsodium:%.0f ratio=%.2f goal=%.0f %s\n", name, ns,
           peer, ns / peer, goal, ns <= goal ? "ok" : "short");
}

int main(void)
{
    static const uint8_t c[32] = {1}, s[32] = {2};
    double seal[2] = {1e9, 1e9}, open[2] = {1e9, 1e9}, peer = 1e9;

    must(sodium_init() >= 0);
    for (int i = 0; i < 2 * ROUNDS; i++) {
        int encrypt = i % 2;
        struct fh_guard_config cfg = {.tx_secret = c, .rx_secret = s, .encrypt = encrypt};

        must(fh_guard_init(&tx, &cfg) == 0);
        cfg.tx_secret = s;
        cfg.rx_secret = c;
        must(fh_guard_init(&rx, &cfg) == 0);
        best(&seal[encrypt], seal_all);
        best(&open[encrypt], open_all);
        best(&peer, bare);
    }
    report("guard-sign-1200", seal[0], peer, 1000);
    report("guard-check-1200", open[0], peer, 1000);
    report("guard-encrypt-1200", seal[1], peer, 2000);
    report("guard-decrypt-1200", open[1], peer, 2000);
    printf("bench: guard-state value=%zu unit=B peer=window:264 ratio=%.2f goal=1024 %s\n",
           sizeof tx, (double)sizeof tx / 264, sizeof tx <= 1024 ? "ok" : "short");
    return 0;
}
