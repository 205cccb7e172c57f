/* SPDX-License-Identifier: MIT */
/* service.c -- the life of the service. */
#include "service.h"

#include <signal.h>
#include <stdio.h>

#include <systemd/sd-daemon.h>
#include <uv.h>

#include "office.h"
#include "options.h"

enum { SIGNALS = 3, ERROR_MAX = 400 };

struct service {
    struct fh__config *cfg;
    int argc;
    char *const *argv;
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    uv_timer_t watchdog;
    struct fh__office *office;
    bool is_stopping;
    enum fh__exit how;
};

/* ---- the end ---- */

static void close_handle(struct service *s, void *handle)
{
    uv_handle_t *h = handle;

    if (h->data == s && !uv_is_closing(h))
        uv_close(h, NULL);
}

static void stop(struct service *s, enum fh__exit how)
{
    if (s->is_stopping)
        return;
    s->is_stopping = true;
    s->how = how;
    sd_notify(0, "STOPPING=1");
    fh__office_close(s->office, NULL, NULL);
    close_handle(s, &s->watchdog);
    for (size_t i = 0; i < SIGNALS; i++)
        close_handle(s, &s->signals[i]);
}

/* ---- the configuration, again ---- */

static void on_changed(void *user, const char *name, bool is_taken)
{
    (void)user;
    if (is_taken)
        fh__log(FH__LOG_INFO, "%s has changed", name);
    else
        fh__log(FH__LOG_WARNING, "%s has changed; that takes effect at the next start", name);
}

static void reload(struct service *s)
{
    struct fh__config fresh;
    struct fh__invocation invocation;
    char error[ERROR_MAX];

    sd_notify(0, "RELOADING=1");
    if (fh__config_build(&fresh, &invocation, s->argc, s->argv, error, sizeof error) == 0) {
        if (!fh__settings_adopt(s->cfg, &fresh, on_changed, NULL))
            fh__log(FH__LOG_ERROR, "out of memory: not all of the configuration was taken");
        fh__log_set_level(s->cfg->log_level);
        fh__log(FH__LOG_NOTICE, "the configuration was read again");
    } else {
        fh__log(FH__LOG_ERROR, "%s: everything stays as it is", error);
    }
    fh__config_free(&fresh);
    sd_notify(0, "READY=1");
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *h, int number)
{
    struct service *s = h->data;

    if (number == SIGHUP) {
        reload(s);
        return;
    }
    fh__log(FH__LOG_NOTICE, "ending, on signal %d", number);
    stop(s, FH__EXIT_OK);
}

static void start_signals(struct service *s)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SIGNALS; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    sd_notify(0, "WATCHDOG=1");
}

static void start_watchdog(struct service *s)
{
    uint64_t watchdog_us = 0;

    if (sd_watchdog_enabled(0, &watchdog_us) <= 0)
        return;
    uv_timer_init(&s->loop, &s->watchdog);
    s->watchdog.data = s;
    uv_timer_start(&s->watchdog, on_watchdog, watchdog_us / 2000, watchdog_us / 2000);
}

/* ---- the life ---- */

enum fh__exit fh__service_run(struct fh__config *cfg, int argc, char *const *argv)
{
    struct service s = {.cfg = cfg, .argc = argc, .argv = argv};
    char error[ERROR_MAX];

    if (uv_loop_init(&s.loop) != 0)
        return FH__EXIT_UNEXPECTED;
    if (fh__office_open(&s.loop, cfg, NULL, error, sizeof error, &s.office) != 0 ||
        fh__office_listen(s.office, error, sizeof error) != 0) {
        fh__log(FH__LOG_ERROR, "%s", error);
        fh__office_close(s.office, NULL, NULL);
        uv_run(&s.loop, UV_RUN_DEFAULT);
        uv_loop_close(&s.loop);
        return FH__EXIT_STATE;
    }
    start_signals(&s);
    start_watchdog(&s);
    sd_notify(0, "READY=1");
    uv_run(&s.loop, UV_RUN_DEFAULT);
    uv_loop_close(&s.loop);
    return s.how;
}

enum fh__exit fh__service_check(struct fh__config *cfg)
{
    (void)cfg;
    printf("the configuration is good\n");
    return FH__EXIT_OK;
}

enum fh__exit fh__service_show_client(struct fh__config *cfg)
{
    fh__log(FH__LOG_ERROR, "%s: no keys were made yet", cfg->state);
    return FH__EXIT_STATE;
}
