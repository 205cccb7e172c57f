/* SPDX-License-Identifier: MIT */
/* studio.c -- one encode for several viewers. */
#include "studio.h"

#include <stdlib.h>
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool fh__studio_takes(const struct fh_rfb_coding *c)
{
    return c->encoding == FH_ENC_TIGHT && c->level <= FH__STUDIO_LEVEL_MAX;
}

static bool open_all(struct fh__studio *s)
{
    if (!s->encoder)
        s->encoder = fh_encoder_new();
    if (!s->out)
        s->out = malloc(fh_encoder_bound(FH_ENCODER_MAX_PIXELS));
    if (!s->encoder || !s->out)
        return false;
    if (!s->ring.map && fh__ring_open(&s->ring) == 0)
        s->serial++;
    return s->ring.map != NULL;
}

void fh__studio_renew(struct fh__studio *s)
{
    fh__ring_close(&s->ring);
}

void fh__studio_free(struct fh__studio *s)
{
    fh__ring_close(&s->ring);
    fh_encoder_free(s->encoder);
    free(s->out);
    s->encoder = NULL;
    s->out = NULL;
}

/* Half of the time that was left to others, as far as it can be saved. */
static void earn(struct fh__studio *s)
{
    const int64_t most = (int64_t)FH__STUDIO_BOUT_MS * 1000000;
    const uint64_t now = now_ns(), half = (now - s->then_ns) / 2;

    s->credit_ns = half > (uint64_t)(most - s->credit_ns) ? most : s->credit_ns + (int64_t)half;
    s->then_ns = now;
}

/* False: that was all of it. */
static bool spend(struct fh__studio *s)
{
    const uint64_t now = now_ns();

    s->credit_ns -= (int64_t)(now - s->then_ns);
    s->then_ns = now;
    return s->credit_ns > 0;
}

static bool encode_one(struct fh__studio *s, const struct fh_framebuffer *fb,
                       const struct fh_rect *r, struct fh__msg_encoded *out)
{
    struct fh__encoded_rect *e = &out->rects[out->n];
    int len = fh_encoder_rect_alone(s->encoder, out->coding.encoding, fb, r, s->out,
                                    fh_encoder_bound((size_t)r->w * (size_t)r->h));

    if (len < 0)
        return false;
    *e = (struct fh__encoded_rect){*r, fh__ring_put(&s->ring, s->out, (size_t)len), (uint32_t)len};
    out->n++;
    return true;
}

/* In pieces that can be encoded. False: that is all for now. */
static bool encode(struct fh__studio *s, const struct fh_framebuffer *fb, const struct fh_rect *r,
                   struct fh__msg_encoded *out)
{
    const int32_t right = r->x + r->w, bottom = r->y + r->h;
    const int32_t w = r->w < FH_ENCODER_MAX_WIDTH ? r->w : FH_ENCODER_MAX_WIDTH;
    const int32_t h = w > 0 ? FH_ENCODER_MAX_PIXELS / w : 1;
    struct fh_rect piece = {.y = r->y};

    for (; piece.y < bottom; piece.y += piece.h) {
        piece.h = bottom - piece.y < h ? bottom - piece.y : h;
        for (piece.x = r->x; piece.x < right; piece.x += piece.w) {
            piece.w = right - piece.x < w ? right - piece.x : w;
            if (out->n == FH__ENCODED_MAX || !encode_one(s, fb, &piece, out) || !spend(s))
                return false;
        }
    }
    return true;
}

/* Damage comes in bands; those that continue each other are one rectangle again. */
static struct fh_rect next_whole(const struct fh__msg_damage *damage, size_t *i)
{
    struct fh_rect r = damage->rects[(*i)++];
    const struct fh_rect *n;

    for (; *i < damage->n; (*i)++, r.h += n->h) {
        n = &damage->rects[*i];
        if (n->x != r.x || n->w != r.w || n->y != r.y + r.h)
            break;
    }
    return r;
}

bool fh__studio_encode(struct fh__studio *s, const struct fh_rfb_coding *c,
                       const struct fh_framebuffer *fb, const struct fh__msg_damage *damage,
                       struct fh__msg_encoded *out)
{
    struct fh_rect r;

    out->coding = *c;
    out->n = 0;
    earn(s);
    if (s->credit_ns <= 0 || !open_all(s))
        return false;
    fh_encoder_set_format(s->encoder, &c->format);
    fh_encoder_set_quality(s->encoder, c->quality, c->level);
    fh_encoder_set_subsampling(s->encoder, c->subsampling);
    fh_encoder_set_no_zlib(s->encoder, c->no_zlib);
    for (size_t i = 0; i < damage->n;) {
        r = next_whole(damage, &i);
        if (!encode(s, fb, &r, out))
            break;
    }
    return out->n > 0;
}
