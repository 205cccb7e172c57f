/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <farhand/identity_uv.h>
#include <farhand/link_uv.h>
#include <farhand/stream_impl.h>

struct fh_link_uv {
    uv_timer_t timer;
    uv_loop_t *loop;
    struct fh_link *link;
    void (*event)(void *user, const struct fh_link_event *ev);
    void *user;
};

static void on_timer(uv_timer_t *timer);

static uint64_t now(void *user)
{
    return uv_now(((struct fh_link_uv *)user)->loop);
}

static void arm(void *user)
{
    struct fh_link_uv *u = user;
    uint64_t at, now_ms = uv_now(u->loop);

    if (!u->link || uv_is_closing((uv_handle_t *)&u->timer))
        return;
    at = fh_link_is_gone(u->link) ? now_ms : fh_link_deadline(u->link);
    if (at == UINT64_MAX)
        uv_timer_stop(&u->timer);
    else
        uv_timer_start(&u->timer, on_timer, at > now_ms ? at - now_ms : 0, 0);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct fh_link_uv *u = handle->data;

    fh_link_free(u->link);
    free(u);
}

static void on_timer(uv_timer_t *timer)
{
    struct fh_link_uv *u = timer->data;
    struct fh_link_event ev;

    if (!fh_link_is_gone(u->link))
        fh_link_tick(u->link);
    while (fh_link_event(u->link, &ev) > 0)
        if (!fh_link_stream(u->link)->closing && u->event)
            u->event(u->user, &ev);
    if (fh_link_is_gone(u->link))
        uv_close((uv_handle_t *)timer, on_timer_closed);
    else
        arm(u);
}

int fh_link_uv_new(uv_loop_t *loop, const struct fh_link_uv_config *cfg, struct fh_link_uv **out)
{
    struct fh_link_uv *u = calloc(1, sizeof *u);
    const struct fh_link_config core = {.side = cfg->side,
                                        .keep_len = cfg->keep_len,
                                        .rank = cfg->rank,
                                        .times = cfg->times,
                                        .random = fh_random_system,
                                        .now = now,
                                        .wake = arm,
                                        .user = u};

    if (fh_link_size(&core) == 0) {
        free(u);
        return FH_TRANSPORT_E_INVAL;
    }
    if (!u || !(u->link = fh_link_new(&core))) {
        free(u);
        return FH_TRANSPORT_E_RESOURCES;
    }
    u->loop = loop;
    u->event = cfg->event;
    u->user = cfg->user;
    uv_timer_init(loop, &u->timer);
    u->timer.data = u;
    *out = u;
    return 0;
}

struct fh_link *fh_link_uv_link(struct fh_link_uv *u)
{
    return u->link;
}
