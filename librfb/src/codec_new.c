/* SPDX-License-Identifier: MIT */
/* Where encoders and decoders get and give back their memory. */
#include <stdlib.h>

#include "decode.h"
#include "encode.h"

struct fh_encoder *fh_encoder_new(void)
{
    const struct fh_pixel_format fmt = fh_pixel_format_rgb888();
    struct fh_encoder *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    fh_encoder_set_format(e, &fmt);
    fh_encoder_set_quality(e, -1, 6);
    return e;
}

void fh_encoder_free(struct fh_encoder *e)
{
    free(e);
}

struct fh_decoder *fh_decoder_new(void)
{
    return calloc(1, sizeof(struct fh_decoder));
}

void fh_decoder_free(struct fh_decoder *d)
{
    free(d);
}
