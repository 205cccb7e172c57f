/* SPDX-License-Identifier: MIT */
/*
 * ZRLE, RFC 6143 7.7.6: u32 length, then zlib data of tiles of 64 x 64 from left to right. TRLE,
 * 7.7.5: tiles of 16 x 16 as they are.
 */
#include <farhand/rfb_error.h>

#include "encode.h"
#include "wr.h"

enum { TRLE_SIDE = 16 };

int fh__zrle_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                    uint8_t *out, size_t room)
{
    uint8_t *bytes = (uint8_t *)(e->words + FH__TILE_PIXELS);
    const int32_t right = r->x + r->w, bottom = r->y + r->h;
    struct fh_rect tile = *r;
    struct wr length = wr_init(out, 4);
    int ret = fh__deflate_begin(&e->zrle, e->level, out + 4, room - 4);

    for (tile.y = r->y; ret == 0 && tile.y < bottom; tile.y += FH__TILE) {
        tile.h = bottom - tile.y < FH__TILE ? bottom - tile.y : FH__TILE;
        for (tile.x = r->x; ret == 0 && tile.x < right; tile.x += FH__TILE) {
            bool is_last;
            size_t n;

            tile.w = right - tile.x < FH__TILE ? right - tile.x : FH__TILE;
            is_last = tile.x + tile.w == right && tile.y + tile.h == bottom;
            n = fh__tile_encode(e, fb, &tile, FH__REUSE_NONE, bytes);
            ret = fh__deflate_write(&e->zrle, bytes, n, is_last ? Z_SYNC_FLUSH : Z_NO_FLUSH);
        }
    }
    if (ret != 0)
        return ret;
    wr_u32(&length, (uint32_t)(e->zrle.z.next_out - (out + 4)));
    return (int)(e->zrle.z.next_out - out);
}

int fh__trle_encode(struct fh_encoder *e, const struct fh_framebuffer *fb, const struct fh_rect *r,
                    uint8_t *out)
{
    const int32_t right = r->x + r->w, bottom = r->y + r->h;
    struct fh_rect tile = *r;
    uint8_t *p = out;

    e->last_palette.n = 0;
    for (tile.y = r->y; tile.y < bottom; tile.y += TRLE_SIDE) {
        tile.h = bottom - tile.y < TRLE_SIDE ? bottom - tile.y : TRLE_SIDE;
        for (tile.x = r->x; tile.x < right; tile.x += TRLE_SIDE) {
            tile.w = right - tile.x < TRLE_SIDE ? right - tile.x : TRLE_SIDE;
            p += fh__tile_encode(e, fb, &tile, FH__REUSE_PALETTE, p);
        }
    }
    return (int)(p - out);
}
