/* SPDX-License-Identifier: MIT */
#include "doorstep.h"

#include <string.h>

#include <sodium.h>

void fh__doorstep_init(struct fh__doorstep *d, const uint8_t key[static 16])
{
    memset(d, 0, sizeof *d);
    memcpy(d->key, key, sizeof d->key);
}

void fh__doorstep_configure(struct fh__doorstep *d, uint32_t max, uint32_t max_source, uint32_t kib)
{
    uint32_t fit = kib / FH__DOORSTEP_KIB;

    d->max = max < fit ? max : fit;
    d->max_source = max_source < UINT16_MAX ? max_source : UINT16_MAX;
}

static uint16_t place_of(const struct fh__doorstep *d, const struct fh__gcra_source *from)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint16_t hash;

    crypto_shorthash(out, from->host, sizeof from->host, d->key);
    memcpy(&hash, out, sizeof hash);
    return hash % FH__DOORSTEP_PLACES;
}

bool fh__doorstep_enter(struct fh__doorstep *d, const struct fh__gcra_source *from,
                        struct fh__standing *out)
{
    uint16_t place = place_of(d, from);

    if (d->n >= d->max) {
        d->refused++;
        return false;
    }
    if (d->places[place] >= d->max_source) {
        d->refused_source++;
        return false;
    }
    d->n++;
    d->places[place]++;
    *out = (struct fh__standing){.place = place, .stands = true};
    return true;
}

void fh__doorstep_leave(struct fh__doorstep *d, struct fh__standing *s)
{
    if (!s->stands)
        return;
    s->stands = false;
    d->n--;
    d->places[s->place]--;
}
