/* SPDX-License-Identifier: MIT */
/* service.c -- the life of the service. */
#include "service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <systemd/sd-daemon.h>
#include <uv.h>

#include "cloud.h"
#include "keys.h"
#include "options.h"
#include "sandbox.h"

enum { SIGNALS = 3, ERROR_MAX = 400, PATH_ROOM = 4096, RENEW_MS = 12 * 3600 * 1000 };

struct service {
    struct fh__config *cfg;
    int argc;
    char *const *argv;
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    uv_timer_t watchdog, renewal;
    struct fh__cloud cloud;
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

static void on_closed(void *user)
{
    struct service *s = user;

    close_handle(s, &s->watchdog);
    close_handle(s, &s->renewal);
    for (size_t i = 0; i < SIGNALS; i++)
        close_handle(s, &s->signals[i]);
}

static void stop(struct service *s, enum fh__exit how)
{
    if (s->is_stopping)
        return;
    s->is_stopping = true;
    s->how = how;
    sd_notify(0, "STOPPING=1");
    fh__cloud_close(&s->cloud, on_closed, s);
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

/* What it has is used as long as there is no other. */
static void look_at_certificate(struct service *s)
{
    char error[ERROR_MAX];

    if (fh__cloud_certificate(&s->cloud, error, sizeof error) != 0)
        fh__log(FH__LOG_ERROR, "%s: the certificate stays as it is", error);
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
        fh__cloud_configure(&s->cloud);
        fh__log(FH__LOG_NOTICE, "the configuration was read again");
    } else {
        fh__log(FH__LOG_ERROR, "%s: everything stays as it is", error);
    }
    fh__config_free(&fresh);
    look_at_certificate(s);
    fh__changelog_reopen(fh__office_changelog(s->cloud.office));
    sd_notify(0, "READY=1");
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *h, int number)
{
    struct service *s = h->data;

    if (number == SIGHUP) {
        if (!s->is_stopping)
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

static void on_renewal(uv_timer_t *timer)
{
    struct service *s = timer->data;

    if (!s->is_stopping && !s->cfg->certificate)
        look_at_certificate(s);
}

/* A certificate that is ours is made anew before it ends, however long we run. */
static void start_renewal(struct service *s)
{
    uv_timer_init(&s->loop, &s->renewal);
    s->renewal.data = s;
    uv_timer_start(&s->renewal, on_renewal, RENEW_MS, RENEW_MS);
}

/* ---- what clients need ---- */

static void line_path(const struct fh__config *c, char out[PATH_ROOM])
{
    snprintf(out, PATH_ROOM, "%s/client", c->state);
}

/* Kept for --show-client, which need not open the log for that. */
static void tell_line(struct service *s)
{
    char vkey[FH_TLOG_VKEY_TEXT], path[PATH_ROOM];
    char *line;
    FILE *f;

    (void)fh__tlog_vkey(s->cloud.log, vkey);
    line = fh__client_line(s->cfg, &s->cloud.keys, vkey);
    line_path(s->cfg, path);
    f = line ? fopen(path, "w") : NULL;
    if (f)
        fprintf(f, "cloud = %s\n", line);
    if (!f || fclose(f) != 0)
        fh__log(FH__LOG_WARNING, "%s: %s", path, strerror(errno));
    if (line && s->cloud.keys.made_root) {
        printf("cloud = %s\n", line);
        fflush(stdout);
    }
    free(line);
}

enum fh__exit fh__service_show_client(struct fh__config *cfg)
{
    char path[PATH_ROOM], why[ERROR_MAX], *line;
    size_t len;

    line_path(cfg, path);
    if (fh__sandbox_user(cfg, false, why, sizeof why) != 0) {
        fh__log(FH__LOG_ERROR, "%s", why);
        return FH__EXIT_STATE;
    }
    line = fh__keys_read(path, false, &len, why, sizeof why);
    if (!line) {
        fh__log(FH__LOG_ERROR, "%s", errno == ENOENT ? "vnccloudd was not started yet" : why);
        return FH__EXIT_STATE;
    }
    fputs(line, stdout);
    free(line);
    return FH__EXIT_OK;
}

/* ---- the life ---- */

static void say_addresses(const struct service *s)
{
    struct fh_address address;
    char text[FH_ADDRESS_TEXT];

    for (size_t i = 0; i < fh__front_count_sockets(s->cloud.front); i++) {
        fh__front_address(s->cloud.front, i, &address);
        fh_address_print(&address, text, sizeof text);
        fh__log(FH__LOG_NOTICE, "listening on %s", text);
    }
    for (size_t i = 0; s->cloud.stun && i < fh__stun_sockets(s->cloud.stun); i++) {
        fh__stun_address(s->cloud.stun, i, &address);
        fh_address_print(&address, text, sizeof text);
        fh__log(FH__LOG_NOTICE, "answering on %s, UDP", text);
    }
}

static enum fh__exit start(struct service *s)
{
    char why[ERROR_MAX] = "the filter of system calls does not hold";
    int how = FH__EXIT_OK;

    if (fh__cloud_listen(&s->cloud, &s->loop, s->cfg, why, sizeof why) != 0)
        how = FH__EXIT_LISTEN;
    else if (fh__sandbox_user(s->cfg, true, why, sizeof why) != 0)
        how = FH__EXIT_STATE;
    else
        how = fh__cloud_open(&s->cloud, why, sizeof why);
    if (how == FH__EXIT_OK && fh__sandbox_end(s->cfg, s->cfg->settings.file) != 0)
        how = FH__EXIT_UNEXPECTED;
    if (how != FH__EXIT_OK)
        fh__log(FH__LOG_ERROR, "%s", why);
    return (enum fh__exit)how;
}

enum fh__exit fh__service_run(struct fh__config *cfg, int argc, char *const *argv)
{
    struct service s = {.cfg = cfg, .argc = argc, .argv = argv};
    enum fh__exit how;

    if (uv_loop_init(&s.loop) != 0)
        return FH__EXIT_UNEXPECTED;
    uv_loop_configure(&s.loop, UV_METRICS_IDLE_TIME);
    start_signals(&s);
    how = start(&s);
    if (how == FH__EXIT_OK) {
        say_addresses(&s);
        tell_line(&s);
        start_watchdog(&s);
        start_renewal(&s);
        sd_notify(0, "READY=1");
    } else {
        stop(&s, how);
    }
    uv_run(&s.loop, UV_RUN_DEFAULT);
    uv_loop_close(&s.loop);
    return s.how;
}

enum fh__exit fh__service_check(struct fh__config *cfg)
{
    struct fh__keys keys = {.cert_pem = NULL};
    char why[ERROR_MAX];
    uint8_t secret[256];
    struct stat st;
    enum fh__exit how = FH__EXIT_OK;

    if (fh__sandbox_user(cfg, false, why, sizeof why) != 0)
        how = FH__EXIT_STATE;
    /* Where nothing is yet the first start makes it. */
    else if (stat(cfg->state, &st) == 0 || cfg->certificate)
        how = fh__keys_open(cfg, (int64_t)time(NULL), false, &keys, why, sizeof why) == 0
                  ? FH__EXIT_OK
                  : FH__EXIT_STATE;
    if (how == FH__EXIT_OK && cfg->n_turn > 0 &&
        fh__turn_secret(cfg->turn_secret_file, secret, sizeof secret, why, sizeof why) < 0)
        how = FH__EXIT_STATE;
    fh_wipe(secret, sizeof secret);
    fh__keys_wipe(&keys);
    if (how != FH__EXIT_OK)
        fh__log(FH__LOG_ERROR, "%s", why);
    else
        printf("the configuration is good\n");
    return how;
}
