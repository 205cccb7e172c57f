/* SPDX-License-Identifier: MIT */
/* wheel_uv.h -- a wheel on a libuv loop: one uv_timer_t for all of its timers. */
#ifndef FH__WHEEL_UV_H
#define FH__WHEEL_UV_H

#include <uv.h>

#include "wheel.h"

/* wheel may be used between _start() and _close(); times are those of uv_now(). */
struct fh__wheel_uv {
    struct fh__wheel wheel;
    uv_timer_t timer;
    uv_prepare_t prepare; /* looks, before the loop sleeps, how long it may */
    uint64_t armed;
};

/* Neither keeps the loop alive. */
void fh__wheel_uv_start(struct fh__wheel_uv *w, uv_loop_t *loop);
/* ASYNCHRONOUS: the memory is free when the loop has run. */
void fh__wheel_uv_close(struct fh__wheel_uv *w);

#endif
