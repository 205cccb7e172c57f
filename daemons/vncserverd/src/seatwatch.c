/* SPDX-License-Identifier: MIT */
#include "seatwatch.h"

#include <sys/stat.h>

#include <systemd/sd-login.h>

#include "log.h"

static const char folder[] = "/tmp/.X11-unix";

static void on_soon(uv_timer_t *timer)
{
    struct fh__seatwatch *w = timer->data;

    w->changed(w->user);
}

void fh__seatwatch_soon(struct fh__seatwatch *w)
{
    uv_timer_start(&w->soon, on_soon, FH__SEATWATCH_SOON_MS, 0);
}

static void on_logind(uv_poll_t *poll, int status, int events)
{
    struct fh__seatwatch *w = poll->data;

    (void)events;
    if (status != 0) {
        uv_poll_stop(poll);
        return;
    }
    (void)sd_login_monitor_flush(w->monitors[poll - w->logind]);
    fh__seatwatch_soon(w);
}

static void watch_sockets(struct fh__seatwatch *w);

/* Before the first X server there is no folder: then it is waited for in the one above. */
static void on_sockets(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct fh__seatwatch *w = event->data;

    (void)name;
    (void)events;
    (void)status;
    watch_sockets(w);
    fh__seatwatch_soon(w);
}

static void watch_sockets(struct fh__seatwatch *w)
{
    struct stat st;

    uv_fs_event_stop(&w->sockets);
    (void)uv_fs_event_start(&w->sockets, on_sockets, stat(folder, &st) == 0 ? folder : "/tmp", 0);
}

/* Both: a session's display is written down after it came to the front. */
static void watch_logind(struct fh__seatwatch *w)
{
    static const char *const kinds[FH__SEATWATCH_KINDS] = {"seat", "session"};
    int fd;

    for (size_t i = 0; i < FH__SEATWATCH_KINDS; i++) {
        if (sd_login_monitor_new(kinds[i], &w->monitors[i]) < 0) {
            w->monitors[i] = NULL;
            fh__log(FH__LOG_INFO, "logind cannot be watched: X servers are");
            return;
        }
        fd = sd_login_monitor_get_fd(w->monitors[i]);
        if (fd >= 0 && uv_poll_init(w->soon.loop, &w->logind[i], fd) == 0) {
            w->logind[i].data = w;
            uv_poll_start(&w->logind[i], UV_READABLE, on_logind);
        }
    }
}

void fh__seatwatch_open(struct fh__seatwatch *w, uv_loop_t *loop, void (*changed)(void *user),
                        void *user)
{
    *w = (struct fh__seatwatch){.changed = changed, .user = user, .is_open = true};
    uv_timer_init(loop, &w->soon);
    uv_fs_event_init(loop, &w->sockets);
    w->soon.data = w->sockets.data = w;
    watch_sockets(w);
    watch_logind(w);
}

static void on_logind_closed(uv_handle_t *handle)
{
    struct fh__seatwatch *w = handle->data;

    sd_login_monitor_unref(w->monitors[(uv_poll_t *)handle - w->logind]);
}

void fh__seatwatch_close(struct fh__seatwatch *w)
{
    if (!w->is_open)
        return;
    w->is_open = false;
    uv_close((uv_handle_t *)&w->soon, NULL);
    uv_close((uv_handle_t *)&w->sockets, NULL);
    for (size_t i = 0; i < FH__SEATWATCH_KINDS; i++)
        if (w->logind[i].data)
            uv_close((uv_handle_t *)&w->logind[i], on_logind_closed);
        else
            sd_login_monitor_unref(w->monitors[i]);
}
