/* SPDX-License-Identifier: MIT */
/* guard.c -- signed datagrams; docs/protocol.md, "Signed datagrams". */
#include <farhand/guard.h>

#include <string.h>

#include <sodium.h>

#include "internal.h"

enum { FIRST_BYTE = 0x08, EPOCH_BIT = 0x04, TYPE_BITS = 0x03, WORDS = FH_GUARD_WINDOW / 64 + 1 };

_Static_assert(crypto_aead_chacha20poly1305_ietf_ABYTES == FH_GUARD_TAG_LEN, "the whole tag");
_Static_assert(crypto_aead_chacha20poly1305_ietf_KEYBYTES == 32, "the size of a key");

/* A datagram number must never come back under its key, and none is ever near 2^63. */
#define PACKETS_MAX (UINT64_C(1) << 36)
#define NUMBER_MAX (UINT64_C(1) << 62)

static bool is_stun(const uint8_t *data, size_t len)
{
    static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};

    return len >= 20 && len % 4 == 0 && memcmp(data + 4, cookie, sizeof cookie) == 0;
}

enum fh_datagram_kind fh_datagram_kind(const uint8_t *data, size_t len)
{
    if (len == 0)
        return FH_DATAGRAM_UNKNOWN;
    if (data[0] <= 3)
        return is_stun(data, len) ? FH_DATAGRAM_STUN : FH_DATAGRAM_UNKNOWN;
    if (data[0] >= 8 && data[0] <= 15)
        return len >= FH_GUARD_OVERHEAD ? FH_DATAGRAM_GUARD : FH_DATAGRAM_UNKNOWN;
    if (data[0] >= 16 && data[0] <= 19)
        return FH_DATAGRAM_ZRTP;
    if (data[0] >= 20 && data[0] <= 63)
        return FH_DATAGRAM_DTLS;
    if (data[0] >= 64 && data[0] <= 79)
        return FH_DATAGRAM_TURN;
    return data[0] >= 128 && data[0] <= 191 ? FH_DATAGRAM_RTP : FH_DATAGRAM_UNKNOWN;
}

int fh_guard_secret(const uint8_t connection_secret[FH_GUARD_SECRET_LEN], enum fh_role sender,
                    const uint8_t *context, size_t context_len, uint8_t out[FH_GUARD_SECRET_LEN])
{
    return fh__label(connection_secret, sender == FH_ROLE_CLIENT ? "c datagrams" : "s datagrams",
                     context, context_len, out, FH_GUARD_SECRET_LEN);
}

/* Another key for each way of using it, so that a signed datagram never passes for a sealed one. */
static void derive(const struct fh_guard *g, const uint8_t *secret, uint8_t out[32])
{
    /* Cannot fail: label and length are constants. */
    (void)fh__label(secret, g->encrypt ? "datagram seal" : "datagram sign", NULL, 0, out, 32);
}

int fh_guard_init(struct fh_guard *g, const struct fh_guard_config *cfg)
{
    if (cfg->tx_index > FH_GUARD_INDEX_MAX || cfg->rx_index > FH_GUARD_INDEX_MAX ||
        sodium_memcmp(cfg->tx_secret, cfg->rx_secret, FH_GUARD_SECRET_LEN) == 0)
        return FH_CRYPTO_E_INVAL;
    /* It chooses the fastest code that the processor has. */
    if (sodium_init() < 0)
        return FH_CRYPTO_E_INTERNAL;
    memset(g, 0, sizeof *g);
    g->tx_index = cfg->tx_index;
    g->rx_index = cfg->rx_index;
    g->encrypt = cfg->encrypt;
    derive(g, cfg->tx_secret, g->tx_key[0]);
    derive(g, cfg->rx_secret, g->rx_key[0]);
    return 0;
}

void fh_guard_finish(struct fh_guard *g)
{
    fh_wipe(g, sizeof *g);
}

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

uint32_t fh_guard_index(const uint8_t *datagram)
{
    return load32(datagram) & FH_GUARD_INDEX_MAX;
}

/* nonce = 0^4 || be64(number); the key tells direction and epoch. */
static void write_nonce(uint64_t number, uint8_t out[12])
{
    memset(out, 0, 4);
    store32(out + 4, (uint32_t)(number >> 32));
    store32(out + 8, (uint32_t)number);
}

int fh_guard_seal(struct fh_guard *g, enum fh_guard_type type, uint8_t *datagram, size_t len)
{
    uint8_t nonce[12], *payload = datagram + FH_GUARD_HEADER_LEN;
    const uint8_t *key = g->tx_key[g->tx_epoch & 1];

    if (g->sent - g->sent_base >= PACKETS_MAX)
        return FH_CRYPTO_E_CLOSED;
    g->sent++;
    store32(datagram, g->tx_index);
    datagram[0] = (uint8_t)(FIRST_BYTE | (g->tx_epoch & 1 ? EPOCH_BIT : 0) | (unsigned)type);
    store32(datagram + 4, (uint32_t)g->sent);
    write_nonce(g->sent, nonce);
    /* Signing: nothing is encrypted, and all of it is additional data. */
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(
        payload, payload + len, NULL, payload, g->encrypt ? len : 0, datagram,
        FH_GUARD_HEADER_LEN + (g->encrypt ? 0 : len), NULL, nonce, key);
    g->counters.sealed++;
    return (int)(len + FH_GUARD_OVERHEAD);
}

/* The number nearest to the next one expected that ends with these 32 bits (RFC 9000 A.3). */
static uint64_t infer(uint64_t highest, uint32_t low)
{
    uint64_t expected = highest + 1, half = UINT64_C(1) << 31, span = UINT64_C(1) << 32;
    uint64_t number = (expected & ~(span - 1)) | low;

    if (number + half <= expected)
        return number + span;
    if (number > expected + half && number >= span)
        return number - span;
    return number;
}

/* RFC 6479: is this number neither opened before nor older than the window? */
static bool is_fresh(const struct fh_guard *g, uint64_t number)
{
    if (number == 0 || number > NUMBER_MAX)
        return false;
    if (number > g->highest)
        return true;
    if (g->highest - number >= FH_GUARD_WINDOW)
        return false;
    return (g->seen[number / 64 % WORDS] >> (number % 64) & 1) == 0;
}

static void note_seen(struct fh_guard *g, uint64_t number)
{
    uint64_t from = g->highest / 64, to = number / 64;

    if (number > g->highest) {
        if (to - from > WORDS)
            from = to - WORDS;
        while (from < to)
            g->seen[++from % WORDS] = 0;
        g->highest = number;
    }
    g->seen[number / 64 % WORDS] |= UINT64_C(1) << (number % 64);
}

/*
 * Which epoch a datagram claims, or false if that is none we open. One before the newest is good
 * for what was sealed before the peer turned only.
 */
static bool find_epoch(const struct fh_guard *g, uint8_t first, uint64_t number, uint32_t *out)
{
    uint32_t parity = first & EPOCH_BIT ? 1 : 0;

    if ((g->epoch & 1) == parity) {
        *out = g->epoch;
        return true;
    }
    *out = g->epoch - 1;
    return g->old_is_live && (g->turned == 0 || number < g->turned);
}

static void drop_old(struct fh_guard *g)
{
    uint32_t old = (g->epoch - 1) & 1;

    g->old_is_live = false;
    fh_wipe(g->rx_key[old], sizeof g->rx_key[old]);
    if (g->tx_epoch == g->epoch)
        fh_wipe(g->tx_key[old], sizeof g->tx_key[old]);
}

static void note_epoch(struct fh_guard *g, uint32_t epoch, uint64_t number)
{
    if (epoch != g->epoch)
        return;
    if (g->tx_epoch != g->epoch) {
        g->tx_epoch = g->epoch;
        g->sent_base = g->sent;
    }
    if (g->old_is_live) {
        if (g->turned == 0 || number < g->turned)
            g->turned = number;
        if (g->highest >= g->turned + FH_GUARD_WINDOW)
            drop_old(g);
    } else if (g->turned == 0) {
        g->turned = number;
    }
}

static int check(const struct fh_guard *g, uint8_t *datagram, size_t len, uint64_t number,
                 const uint8_t key[32])
{
    uint8_t nonce[12], *payload = datagram + FH_GUARD_HEADER_LEN;

    write_nonce(number, nonce);
    return crypto_aead_chacha20poly1305_ietf_decrypt_detached(
        payload, NULL, payload, g->encrypt ? len : 0, payload + len, datagram,
        FH_GUARD_HEADER_LEN + (g->encrypt ? 0 : len), nonce, key);
}

/* Cheapest first; nothing changes before the tag was found right. */
int fh_guard_open(struct fh_guard *g, uint8_t *datagram, size_t len, struct fh_guard_opened *out)
{
    uint64_t number;
    uint32_t epoch;
    bool newest;

    if (len < FH_GUARD_OVERHEAD || (datagram[0] & ~(EPOCH_BIT | TYPE_BITS)) != FIRST_BYTE ||
        (datagram[0] & TYPE_BITS) == TYPE_BITS || fh_guard_index(datagram) != g->rx_index) {
        g->counters.foreign++;
        return FH_CRYPTO_E_AUTH;
    }
    len -= FH_GUARD_OVERHEAD;
    number = infer(g->highest, load32(datagram + 4));
    if (!find_epoch(g, datagram[0], number, &epoch)) {
        g->counters.foreign++;
        return FH_CRYPTO_E_AUTH;
    }
    if (!is_fresh(g, number)) {
        g->counters.repeated++;
        return FH_CRYPTO_E_AUTH;
    }
    if (check(g, datagram, len, number, g->rx_key[epoch & 1]) != 0) {
        g->counters.forged++;
        return FH_CRYPTO_E_AUTH;
    }
    newest = number > g->highest;
    note_seen(g, number);
    note_epoch(g, epoch, number);
    g->counters.opened++;
    *out = (struct fh_guard_opened){.type = (enum fh_guard_type)(datagram[0] & TYPE_BITS),
                                    .payload = datagram + FH_GUARD_HEADER_LEN,
                                    .len = len,
                                    .number = number,
                                    .newest = newest};
    return 0;
}

int fh_guard_install(struct fh_guard *g, const uint8_t tx_secret[FH_GUARD_SECRET_LEN],
                     const uint8_t rx_secret[FH_GUARD_SECRET_LEN], enum fh_guard_switch when)
{
    uint32_t next = g->epoch + 1;

    if (sodium_memcmp(tx_secret, rx_secret, FH_GUARD_SECRET_LEN) == 0)
        return FH_CRYPTO_E_INVAL;
    /* A turn that never came: the peer has had the newest secrets for as long as we. */
    if (g->tx_epoch != g->epoch) {
        g->tx_epoch = g->epoch;
        g->sent_base = g->sent;
    }
    derive(g, tx_secret, g->tx_key[next & 1]);
    derive(g, rx_secret, g->rx_key[next & 1]);
    g->epoch = next;
    g->old_is_live = true;
    g->turned = 0;
    if (when == FH_GUARD_LEAD) {
        g->tx_epoch = next;
        g->sent_base = g->sent;
    }
    return 0;
}

void fh_guard_forget(struct fh_guard *g)
{
    if (g->epoch == 0)
        return;
    if (g->tx_epoch != g->epoch) {
        g->tx_epoch = g->epoch;
        g->sent_base = g->sent;
    }
    drop_old(g);
}

bool fh_guard_has_turned(const struct fh_guard *g)
{
    return g->epoch == 0 || g->turned != 0;
}
