/* SPDX-License-Identifier: MIT */
/* Zlib, rfbproto: u32 length, zlib data of what Raw would have, in one stream all along. */
#include "encode.h"
#include "wr.h"

int fh__zlib_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                    uint8_t *out, size_t room)
{
    const size_t pixels = (size_t)r->w * (size_t)r->h;
    uint8_t *data = (uint8_t *)e->words;
    struct wr length = wr_init(out, 4);
    int ret = fh__deflate_begin(&e->zlib, e->level, out + 4, room - 4);

    fh__encoder_words(e, &e->full, fb, r);
    fh__pixel_store(&e->full, e->words, pixels, data);
    if (ret == 0)
        ret = fh__deflate_write(&e->zlib, data, pixels * e->full.bytes, Z_SYNC_FLUSH);
    if (ret != 0)
        return ret;
    wr_u32(&length, (uint32_t)(e->zlib.z.next_out - (out + 4)));
    return (int)(e->zlib.z.next_out - out);
}
