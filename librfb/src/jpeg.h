/* SPDX-License-Identifier: MIT */
/* jpeg.h -- what both sides say to TurboJPEG. Never installed. */
#ifndef FH_RFB_JPEG_H
#define FH_RFB_JPEG_H

#include <stdint.h>
#include <string.h>
#include <turbojpeg.h>

/* Pixels 0x00RRGGBB in the machine's byte order, as TurboJPEG names them. */
static inline int fh__jpeg_pixel_format(void)
{
    const uint16_t one = 1;
    uint8_t first;

    memcpy(&first, &one, 1);
    return first == 1 ? TJPF_BGRX : TJPF_XRGB;
}

#endif
