/* SPDX-License-Identifier: MIT */
/* decode.h -- what the files of the decoder share. Never installed. */
#ifndef FH_RFB_DECODE_H
#define FH_RFB_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include <farhand/decoder.h>

#include "rd.h"

/* What a step of a decoder came to; MORE left the cursor where it was. */
enum fh__step { FH__STEP_MORE, FH__STEP_AGAIN, FH__STEP_DONE, FH__STEP_BAD };

struct fh_decoder {
    enum fh_encoding enc;
    struct fh_framebuffer *fb;
    struct fh_rect r;
    bool is_busy;     /* between _begin and the rectangle's end */
    int error;        /* failed once, failed for good */
    int32_t x, y;     /* the next pixel, from the corner of r */
    uint8_t held[16]; /* the first bytes of a field that is not whole yet */
    size_t n_held;
};

#endif
