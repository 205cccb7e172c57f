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
    is_open = open_deflate(&e->zrle, e->level) && open_deflate(&e->zlib, e->level) &&
              open_deflate(&e->png, e->level);
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
    close_deflate(&e->png);
    close_deflate(&e->zlib);
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

static void close_inflate(struct fh__inflate *s)
{
    if (s->is_open)
        inflateEnd(&s->z);
}

struct fh_decoder *fh_decoder_new(void)
{
    const struct fh_pixel_format fmt = fh_pixel_format_rgb888();
    struct fh_decoder *d = calloc(1, sizeof *d);
    bool is_open;

    if (!d)
        return NULL;
    (void)fh_decoder_set_format(d, &fmt);
    d->tight.jpeg = tjInitDecompress();
    d->jpeg.handle = tjInitDecompress();
    is_open = open_inflate(&d->zrle.stream) && open_inflate(&d->zlib.stream) &&
              open_inflate(&d->tight.png);
    for (int i = 0; i < FH__TIGHT_INFLATES; i++)
        is_open = is_open && open_inflate(&d->tight.stream[i]);
    if (d->tight.jpeg && d->jpeg.handle && is_open)
        return d;
    fh_decoder_free(d);
    return NULL;
}

void fh_decoder_free(struct fh_decoder *d)
{
    if (!d)
        return;
    for (int i = 0; i < FH__TIGHT_INFLATES; i++)
        close_inflate(&d->tight.stream[i]);
    close_inflate(&d->tight.png);
    close_inflate(&d->zrle.stream);
    close_inflate(&d->zlib.stream);
    if (d->tight.jpeg)
        tjDestroy(d->tight.jpeg);
    if (d->jpeg.handle)
        tjDestroy(d->jpeg.handle);
    free(d->gather.mem);
    free(d);
}

int fh__gather_room(struct fh__gather *g, size_t need)
{
    size_t cap = g->cap != 0 ? g->cap : FH__GATHER_FIRST;
    uint8_t *mem;

    if (need > FH__GATHER_MAX)
        return FH_RFB_E_LIMIT;
    if (need <= g->cap)
        return 0;
    while (cap < need)
        cap *= 2;
    mem = malloc(cap);
    if (!mem)
        return FH_RFB_E_NOMEM;
    if (g->len != 0)
        memcpy(mem, g->mem, g->len);
    free(g->mem);
    g->mem = mem;
    g->cap = cap;
    return 0;
}
