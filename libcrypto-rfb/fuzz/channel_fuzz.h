/* SPDX-License-Identifier: MIT */
/*
 * channel_fuzz.h -- what the channel's fuzz targets share.
 *
 * Each run begins where the published conversation channel-direct begins, with the same randomness,
 * so that its bytes are a seed that goes all the way; the two signatures of it are made once, and a
 * transcript that is not its own is "signed" with zeros, which the peer would refuse.
 */
#ifndef FH_FUZZ_CHANNEL_FUZZ_H
#define FH_FUZZ_CHANNEL_FUZZ_H

#include "../tests/channel_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static inline struct pair *fuzz_pair(void)
{
    struct pair *p = pair_new();

    snprintf(p->client.rng.seed, sizeof p->client.rng.seed, "channel-direct c");
    snprintf(p->server.rng.seed, sizeof p->server.rng.seed, "channel-direct s");
    return p;
}

static inline struct fh_channel *fuzz_channel(struct pair *p, enum fh_role role)
{
    struct side *s = role == FH_ROLE_CLIENT ? &p->client : &p->server;
    struct fh_channel_config cfg = side_config(s, role);

    cfg.padding = FH_PAD_BLOCK64;
    cfg.now_ms = p->now;
    s->c = fh_channel_new(&cfg);
    if (!s->c)
        abort();
    return s->c;
}

static inline struct pair *fuzz_opened(void)
{
    struct pair *p = fuzz_pair();

    fuzz_channel(p, FH_ROLE_CLIENT);
    fuzz_channel(p, FH_ROLE_SERVER);
    pump(p);
    if (p->client.opens != 1 || p->server.opens != 1)
        abort();
    return p;
}

static inline void fuzz_prepare(void)
{
    if (n_cached == 0) {
        pair_free(fuzz_opened());
        is_cache_closed = true;
    }
}

/* Bytes from the network, cut as the first of them says, until the channel has had enough. */
static inline void fuzz_feed(struct pair *p, struct side *s, const uint8_t *data, size_t len)
{
    static uint8_t out[1 << 18];

    p->chunk = data[0] & 1 ? 0 : 1 + (size_t)(data[0] >> 1);
    data++;
    len--;
    while (len > 0) {
        size_t n = side_feed(p, s, data, len);

        side_take(s, out, sizeof out);
        if (n == 0)
            break;
        data += n;
        len -= n;
        s->data_len = 0;
    }
    fh_channel_tick(s->c, fh_channel_deadline(s->c));
    fh_channel_in_end(s->c, p->now);
    side_events(s);
    side_take(s, out, sizeof out);
    if (s->closes != 1 || !fh_channel_is_finished(s->c))
        abort();
}

#endif
