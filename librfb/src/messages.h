/* SPDX-License-Identifier: MIT */
/* messages.h -- numbers and limits of RFB's messages that both machines use. Never installed. */
#ifndef FH_RFB_MESSAGES_H
#define FH_RFB_MESSAGES_H

#include <stdint.h>

#include <farhand/framebuffer.h>
#include <farhand/rfb_server.h>

#include "rd.h"
#include "wr.h"

/* What a step of a parser came to. BAD: the machine's error is set. */
enum fh__parse { FH__PARSE_MORE, FH__PARSE_DONE, FH__PARSE_BAD };

/* Viewer to server, RFC 6143 7.5 and rfbproto. */
enum {
    FH__SET_PIXEL_FORMAT = 0,
    FH__SET_ENCODINGS = 2,
    FH__UPDATE_REQUEST = 3,
    FH__KEY_EVENT = 4,
    FH__POINTER_EVENT = 5,
    FH__CLIENT_CUT_TEXT = 6,
    FH__ENABLE_CONTINUOUS_UPDATES = 150,
    FH__SET_DESKTOP_SIZE = 251,
    FH__QEMU = 255,
    FH__QEMU_KEY = 0 /* the submessage of 255 */
};

/* Server to viewer, RFC 6143 7.6 and rfbproto. */
enum {
    FH__FRAMEBUFFER_UPDATE = 0,
    FH__SET_COLOUR_MAP = 1,
    FH__BELL = 2,
    FH__SERVER_CUT_TEXT = 3,
    FH__END_OF_CONTINUOUS_UPDATES = 150
};

/* Both ways, rfbproto: Fence. */
enum { FH__FENCE = 248 };
#define FH__FENCE_BLOCK_BEFORE UINT32_C(0x00000001)
#define FH__FENCE_BLOCK_AFTER UINT32_C(0x00000002)
#define FH__FENCE_SYNC_NEXT UINT32_C(0x00000004)
#define FH__FENCE_KNOWN UINT32_C(0x00000007)
#define FH__FENCE_REQUEST UINT32_C(0x80000000)

enum limits {
    FH__RECTS_UNTIL_LAST = 0xffff, /* the count that means: until LastRect */
    FH__NAME_WIRE_MAX = 4096,      /* bytes; a longer name is refused, one over NAME_MAX is cut */
    FH__MESSAGE_MAX = 4096,        /* bytes; the longest that is parsed as one piece */
    FH__CLIENT_ENCODINGS_MAX = 64,
    FH__CONTROL_MAX = 16384,   /* bytes of answers that wait for the end of an update */
    FH__REGION_BOXES_MAX = 256 /* a region of more becomes the box around it */
};

/* PIXEL_FORMAT, 16 bytes, RFC 6143 7.4. */
static inline struct fh_pixel_format fh__read_pixel_format(struct rd *r)
{
    struct fh_pixel_format f = {0};

    f.bits_per_pixel = rd_u8(r);
    f.depth = rd_u8(r);
    f.big_endian = rd_u8(r) != 0;
    f.true_colour = rd_u8(r) != 0;
    f.red_max = rd_u16(r);
    f.green_max = rd_u16(r);
    f.blue_max = rd_u16(r);
    f.red_shift = rd_u8(r);
    f.green_shift = rd_u8(r);
    f.blue_shift = rd_u8(r);
    rd_skip(r, 3);
    return f;
}

static inline void fh__write_pixel_format(struct wr *w, const struct fh_pixel_format *f)
{
    wr_u8(w, f->bits_per_pixel);
    wr_u8(w, f->depth);
    wr_u8(w, f->big_endian);
    wr_u8(w, f->true_colour);
    wr_u16(w, f->red_max);
    wr_u16(w, f->green_max);
    wr_u16(w, f->blue_max);
    wr_u8(w, f->red_shift);
    wr_u8(w, f->green_shift);
    wr_u8(w, f->blue_shift);
    wr_zeros(w, 3);
}

/* Fence, both ways: u8 type, 3 bytes padding, u32 flags, u8 length, payload. */
struct fh__fence {
    uint32_t flags;
    uint8_t len;
    uint8_t payload[FH_RFB_FENCE_MAX];
};

/* r is behind the type. DONE, MORE, or BAD for a payload that is too long. */
static inline enum fh__parse fh__read_fence(struct rd *r, struct fh__fence *out)
{
    struct fh__fence f;

    rd_skip(r, 3);
    f.flags = rd_u32(r);
    f.len = rd_u8(r);
    if (r->bad)
        return FH__PARSE_MORE;
    if (f.len > FH_RFB_FENCE_MAX)
        return FH__PARSE_BAD;
    rd_copy(r, f.payload, f.len);
    if (r->bad)
        return FH__PARSE_MORE;
    *out = f;
    return FH__PARSE_DONE;
}

static inline void fh__write_fence(struct wr *w, const struct fh__fence *f)
{
    wr_u8(w, FH__FENCE);
    wr_zeros(w, 3);
    wr_u32(w, f->flags);
    wr_u8(w, f->len);
    wr_bytes(w, f->payload, f->len);
}

/* SCREEN of ExtendedDesktopSize, 16 bytes. */
static inline struct fh_screen fh__read_screen(struct rd *r)
{
    struct fh_screen s;

    s.id = rd_u32(r);
    s.x = rd_u16(r);
    s.y = rd_u16(r);
    s.w = rd_u16(r);
    s.h = rd_u16(r);
    s.flags = rd_u32(r);
    return s;
}

static inline void fh__write_screen(struct wr *w, const struct fh_screen *s)
{
    wr_u32(w, s->id);
    wr_u16(w, s->x);
    wr_u16(w, s->y);
    wr_u16(w, s->w);
    wr_u16(w, s->h);
    wr_u32(w, s->flags);
}

static inline void fh__write_rect(struct wr *w, const struct fh_rect *r, int32_t encoding)
{
    wr_u16(w, (uint16_t)r->x);
    wr_u16(w, (uint16_t)r->y);
    wr_u16(w, (uint16_t)r->w);
    wr_u16(w, (uint16_t)r->h);
    wr_u32(w, (uint32_t)encoding);
}

/* Whether a screen layout can be shown: inside the picture, none empty, no id twice. */
bool fh__screens_are_valid(const struct fh_screen *screens, size_t n, int32_t width,
                           int32_t height);

#endif
