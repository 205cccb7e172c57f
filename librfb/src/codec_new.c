/* SPDX-License-Identifier: MIT */
/* Where encoders and decoders get and give back their memory. */
#include <stdlib.h>

#include <farhand/rfb_error.h>

#include "decode.h"
#include "encode.h"
#include "jpeg.h"

static bool open_deflate(struct fh__deflate *d, int level)
{
    d->level = level;
    d->is_open = deflateInit(&d->z, level) == Z_OK;
    return d->is_open;
}

static void close_deflate(struct fh__deflate *d)
{
    if (d->is_open)
        deflateEnd(&d->z);
}

struct fh_encoder *fh_encoder_new(void)
{
    const struct fh_pixel_format fmt = fh_pixel_format_rgb888();
    struct fh_encoder *e = calloc(1, sizeof *e);
    bool is_open;

    if (!e)
        return NULL;
    fh_encoder_set_format(e, &fmt);
    fh_encoder_set_quality(e, -1, 6);
    e->words = calloc(FH_ENCODER_MAX_PIXELS, sizeof *e->words);
    e->jpeg_out = malloc(FH__JPEG_ROOM);
    e->jpeg = tjInitCompress();
    is_open = open_deflate(&e->zrle, e->level);
    for (int i = 0; i < FH__TIGHT_STREAMS; i++)
        is_open = is_open && open_deflate(&e->tight_zlib[i], e->level);
    if (e->words && e->jpeg_out && e->jpeg && is_open)
        return e;
    fh_encoder_free(e);
    return NULL;
}

void fh_encoder_free(struct fh_encoder *e)
{
    if (!e)
        return;
    for (int i = 0; i < FH__TIGHT_STREAMS; i++)
        close_deflate(&e->tight_zlib[i]);
    close_deflate(&e->zrle);
    if (e->jpeg)
        tjDestroy(e->jpeg);
    free(e->jpeg_out);
    free(e->words);
    free(e);
}

static bool open_inflate(struct fh__inflate *s)
{
    s->is_open = inflateInit(&s->z) == Z_OK;
    return s->is_open;
}

struct fh_decoder *fh_decoder_new(void)
{
    struct fh_decoder *d = calloc(1, sizeof *d);
    bool is_open;

    if (!d)
        return NULL;
    d->tight.jpeg = tjInitDecompress();
    is_open = open_inflate(&d->zrle.stream);
    for (int i = 0; i < FH__TIGHT_INFLATES; i++)
        is_open = is_open && open_inflate(&d->tight.stream[i]);
    if (d->tight.jpeg && is_open)
        return d;
    fh_decoder_free(d);
    return NULL;
}

void fh_decoder_free(struct fh_decoder *d)
{
    if (!d)
        return;
    for (int i = 0; i < FH__TIGHT_INFLATES; i++) {
        if (d->tight.stream[i].is_open)
            inflateEnd(&d->tight.stream[i].z);
    }
    if (d->zrle.stream.is_open)
        inflateEnd(&d->zrle.stream.z);
    if (d->tight.jpeg)
        tjDestroy(d->tight.jpeg);
    free(d->tight.gathered);
    free(d);
}

int fh__tight_gather_room(struct fh__tight *t, size_t need)
{
    size_t cap = t->cap_gathered != 0 ? t->cap_gathered : FH__GATHER_FIRST;
    uint8_t *mem;

    if (need > FH__GATHER_MAX)
        return FH_RFB_E_LIMIT;
    if (need <= t->cap_gathered)
        return 0;
    while (cap < need)
        cap *= 2;
    mem = malloc(cap);
    if (!mem)
        return FH_RFB_E_NOMEM;
    if (t->n_gathered != 0)
        memcpy(mem, t->gathered, t->n_gathered);
    free(t->gathered);
    t->gathered = mem;
    t->cap_gathered = cap;
    return 0;
}
