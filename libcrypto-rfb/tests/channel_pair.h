/* SPDX-License-Identifier: MIT */
/*
 * channel_pair.h -- two channels and the wire between them, in memory and in virtual time.
 *
 * Randomness comes from a counter and a seed, so that a conversation can be repeated byte by byte;
 * a signature over a transcript that was signed before is taken from a cache.
 */
#ifndef FH_TESTS_CHANNEL_PAIR_H
#define FH_TESTS_CHANNEL_PAIR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/channel.h>

#include "channel_internal.h"
#include "channel_keys.h"

struct rng {
    char seed[24];
    uint32_t counter;
};

static inline void rng_fill(void *user, void *out, size_t len)
{
    struct rng *r = user;
    uint8_t block[FH__HASH_LEN], *p = out;

    while (len > 0) {
        size_t n = len < sizeof block ? len : sizeof block;
        struct fh__hash h;

        fh__hash_init(&h);
        fh__hash_add(&h, r->seed, strlen(r->seed));
        fh__hash_add(&h, &(uint8_t[]){(uint8_t)(r->counter >> 8), (uint8_t)r->counter}, 2);
        fh__hash_peek(&h, block);
        r->counter++;
        memcpy(p, block, n);
        p += n;
        len -= n;
    }
}

/* One end: the channel, the application's answers, and all that it was told. */
struct side {
    struct fh_channel *c;
    struct fh_identity *id;
    struct rng rng;
    const uint8_t *proceed_secret; /* server: what it gives to fh_channel_proceed */
    bool refuses_peer, holds_hello, holds_sign, holds_peer;
    enum fh_channel_code refuse_hello; /* not FH_CODE_NORMAL: refuses every ClientHello */
    /* What happened. */
    unsigned hellos, signs, peers, opens, pongs, rekeys, closes;
    struct fh_channel_event peer, closed;
    uint8_t sign_th[FH__HASH_LEN];
    uint8_t data[1 << 18];
    size_t data_len;
    unsigned records;
    size_t sent; /* bytes on the wire so far */
};

struct pair {
    struct side client, server;
    uint64_t now;
    size_t chunk; /* bytes fed at once; 0: all */
    /* Sees and may change what passes; returns the bytes to deliver, in room for 2 * len + 64. */
    size_t (*wire)(struct pair *p, bool to_server, uint8_t *bytes, size_t len);
    void *wire_user;
};

struct cached_signature {
    uint8_t th[FH__HASH_LEN];
    const struct fh_identity *id;
    enum fh_role role;
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len;
};

static struct fh_identity *key_client, *key_server, *key_other;
static struct cached_signature signature_cache[8];
static unsigned n_cached;
static bool is_cache_closed; /* fuzz targets: what is not in it is "signed" with zeros */

static inline struct fh_identity *read_key(const char *pem)
{
    struct fh_identity *id = NULL;

    if (fh_identity_from_pem(pem, strlen(pem), &id) != 0)
        abort();
    return id;
}

static inline void free_keys(void)
{
    fh_identity_free(key_client);
    fh_identity_free(key_server);
    fh_identity_free(key_other);
}

/* Once for a program: reading a key checks it, which takes longer than a handshake. */
static inline void load_keys(void)
{
    if (key_client)
        return;
    key_client = read_key(key_of_client);
    key_server = read_key(key_of_server);
    key_other = read_key(key_of_other);
    if (atexit(free_keys) != 0)
        abort();
}

/* Signs with a salt that depends on the signer alone. */
static inline size_t sign_th(const struct fh_identity *id, enum fh_role role, const uint8_t *th,
                             uint8_t *sig)
{
    struct rng rng = {.seed = "salt"};
    struct cached_signature *e = signature_cache;
    size_t len = 0;

    for (unsigned i = 0; i < n_cached; i++, e++)
        if (e->id == id && e->role == role && memcmp(e->th, th, FH__HASH_LEN) == 0) {
            memcpy(sig, e->sig, e->len);
            return e->len;
        }
    if (is_cache_closed) {
        memset(sig, 0, FH_SIGNATURE_MAX);
        return fh_identity_bits(id) / 8;
    }
    if (fh_identity_sign(id, role, th, rng_fill, &rng, sig, &len) != 0)
        abort();
    if (n_cached < sizeof signature_cache / sizeof signature_cache[0]) {
        e = &signature_cache[n_cached++];
        memcpy(e->th, th, FH__HASH_LEN);
        e->id = id;
        e->role = role;
        memcpy(e->sig, sig, len);
        e->len = len;
    }
    return len;
}

static inline struct fh_channel_config side_config(struct side *s, enum fh_role role)
{
    struct fh_channel_config cfg = {.role = role, .random = rng_fill, .random_user = &s->rng};

    if (!s->id)
        s->id = role == FH_ROLE_CLIENT ? key_client : key_server;
    cfg.spki = fh_identity_spki(s->id, &cfg.spki_len);
    return cfg;
}

/* Both sides with plain configurations; the caller makes the channels, or pair_start does. */
static inline struct pair *pair_new(void)
{
    struct pair *p = calloc(1, sizeof *p);

    if (!p)
        abort();
    load_keys();
    snprintf(p->client.rng.seed, sizeof p->client.rng.seed, "client");
    snprintf(p->server.rng.seed, sizeof p->server.rng.seed, "server");
    p->now = 1000;
    return p;
}

static inline void pair_start(struct pair *p)
{
    struct fh_channel_config client = side_config(&p->client, FH_ROLE_CLIENT);
    struct fh_channel_config server = side_config(&p->server, FH_ROLE_SERVER);

    client.now_ms = server.now_ms = p->now;
    if (!p->client.c)
        p->client.c = fh_channel_new(&client);
    if (!p->server.c)
        p->server.c = fh_channel_new(&server);
    if (!p->client.c || !p->server.c)
        abort();
}

static inline void pair_free(struct pair *p)
{
    fh_channel_free(p->client.c);
    fh_channel_free(p->server.c);
    free(p);
}

static inline void on_sign(struct side *s, const struct fh_channel_event *ev)
{
    uint8_t sig[FH_SIGNATURE_MAX];
    size_t len;

    memcpy(s->sign_th, ev->sign.th, sizeof s->sign_th);
    if (s->holds_sign)
        return;
    len = sign_th(s->id, ev->sign.role, ev->sign.th, sig);
    fh_channel_signed(s->c, sig, len);
}

static inline void on_hello(struct side *s)
{
    if (s->holds_hello)
        return;
    if (s->refuse_hello != FH_CODE_NORMAL)
        fh_channel_refuse(s->c, s->refuse_hello, "30");
    else
        fh_channel_proceed(s->c, s->proceed_secret);
}

static inline void on_peer(struct side *s, const struct fh_channel_event *ev)
{
    s->peer = *ev;
    if (s->holds_peer)
        return;
    if (s->refuses_peer)
        fh_channel_close(s->c, FH_CODE_IDENTITY, "unknown");
    else
        fh_channel_accept(s->c);
}

static inline bool side_events(struct side *s)
{
    struct fh_channel_event ev;
    bool any = false;

    while (fh_channel_event(s->c, &ev) > 0) {
        any = true;
        switch (ev.type) {
        case FH_CHANNEL_EV_HELLO:
            s->hellos++;
            on_hello(s);
            break;
        case FH_CHANNEL_EV_SIGN:
            s->signs++;
            on_sign(s, &ev);
            break;
        case FH_CHANNEL_EV_PEER:
            s->peers++;
            on_peer(s, &ev);
            break;
        case FH_CHANNEL_EV_OPEN:
            s->opens++;
            break;
        case FH_CHANNEL_EV_DATA:
            s->records++;
            if (ev.data.len > sizeof s->data - s->data_len)
                abort();
            memcpy(s->data + s->data_len, ev.data.data, ev.data.len);
            s->data_len += ev.data.len;
            break;
        case FH_CHANNEL_EV_PONG:
            s->pongs++;
            break;
        case FH_CHANNEL_EV_REKEYED:
            s->rekeys++;
            break;
        case FH_CHANNEL_EV_CLOSED:
            s->closes++;
            s->closed = ev;
            break;
        }
    }
    return any;
}

/* Gives bytes to a side as from the network; stops when it is closed or waits for an answer. */
static inline size_t side_feed(struct pair *p, struct side *s, const uint8_t *bytes, size_t len)
{
    size_t done = 0, room;
    uint8_t *in;

    side_events(s);
    while (done < len && (in = fh_channel_in(s->c, &room))) {
        size_t n = len - done < room ? len - done : room;

        if (p->chunk && n > p->chunk)
            n = p->chunk;
        memcpy(in, bytes + done, n);
        done += n;
        fh_channel_in_done(s->c, p->now, n);
        side_events(s);
    }
    return done;
}

/* Takes all that a side has to say into bytes; returns how much. */
static inline size_t side_take(struct side *s, uint8_t *bytes, size_t room)
{
    const uint8_t *out;
    size_t len, n = 0;

    while ((out = fh_channel_out(s->c, &len))) {
        if (len > room - n)
            abort();
        memcpy(bytes + n, out, len);
        n += len;
        s->sent += len;
        fh_channel_out_done(s->c, len);
    }
    return n;
}

static inline bool carry(struct pair *p, struct side *from, struct side *to)
{
    static uint8_t bytes[1 << 19];
    size_t n = side_take(from, bytes, sizeof bytes / 2 - 64);

    if (n == 0)
        return false;
    if (p->wire)
        n = p->wire(p, from == &p->client, bytes, n);
    side_feed(p, to, bytes, n);
    return true;
}

/* Until neither side has anything to say. */
static inline void pump(struct pair *p)
{
    bool any;

    do {
        any = side_events(&p->client);
        any |= side_events(&p->server);
        any |= carry(p, &p->client, &p->server);
        any |= carry(p, &p->server, &p->client);
    } while (any);
}

static inline void pair_open(struct pair *p)
{
    pair_start(p);
    pump(p);
    if (p->client.opens != 1 || p->server.opens != 1)
        abort();
}

/* One record; room for it must be there. */
static inline int side_write(struct side *s, const void *data, size_t len,
                             enum fh_channel_padding padding)
{
    size_t room;
    uint8_t *p = fh_channel_write(s->c, &room);

    if (!p || room < len)
        return FH_CRYPTO_E_INVAL;
    if (len)
        memcpy(p, data, len);
    return fh_channel_write_done(s->c, len, padding);
}

/* Seals any content of any type with a side's own keys, which a well-behaved one would not. */
static inline void side_seal(struct side *s, unsigned type, const void *content, size_t len)
{
    uint8_t *p = fh__record_room(s->c, len, 0);

    if (!p)
        abort();
    if (len)
        memcpy(p, content, len);
    if (fh__record_seal(s->c, (enum fh__content)type, len, FH_PAD_NONE, FH_CHANNEL_RECORD_MAX) != 0)
        abort();
}

#endif
