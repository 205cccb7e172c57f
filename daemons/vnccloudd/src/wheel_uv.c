/* SPDX-License-Identifier: MIT */
#include "wheel_uv.h"

static void on_timer(uv_timer_t *timer)
{
    struct fh__wheel_uv *w = timer->data;

    w->armed = UINT64_MAX;
    fh__wheel_advance(&w->wheel, uv_now(timer->loop));
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct fh__wheel_uv *w = prepare->data;
    uint64_t at = fh__wheel_deadline(&w->wheel), now = uv_now(prepare->loop);

    if (at == w->armed)
        return;
    w->armed = at;
    if (at == UINT64_MAX)
        uv_timer_stop(&w->timer);
    else
        uv_timer_start(&w->timer, on_timer, at > now ? at - now : 0, 0);
}

void fh__wheel_uv_start(struct fh__wheel_uv *w, uv_loop_t *loop)
{
    uv_update_time(loop);
    fh__wheel_init(&w->wheel, uv_now(loop));
    w->armed = UINT64_MAX;
    uv_timer_init(loop, &w->timer);
    uv_prepare_init(loop, &w->prepare);
    w->timer.data = w->prepare.data = w;
    uv_prepare_start(&w->prepare, on_prepare);
    uv_unref((uv_handle_t *)&w->timer);
    uv_unref((uv_handle_t *)&w->prepare);
}

void fh__wheel_uv_close(struct fh__wheel_uv *w)
{
    uv_close((uv_handle_t *)&w->timer, NULL);
    uv_close((uv_handle_t *)&w->prepare, NULL);
}
