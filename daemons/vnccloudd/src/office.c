/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "office.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <farhand/identity_uv.h>
#include <farhand/tcp.h>

#include "gcra.h"
#include "log.h"
#include "store_sqlite.h"

enum {
    PURGE_MS = 60000,
    PURGED = 100, /* addresses at once */
    SLOTS = 16384,
    LIMITS = 3
};

struct fh__office {
    uv_loop_t *loop;
    const struct fh__config *cfg;
    struct fh__api_hooks hooks;
    struct fh__store *store;
    struct fh__changelog *changelog;
    struct fh__metrics metrics;
    struct fh__api *api;
    struct fh__acceptor acceptor;
    struct fh_tcp_listener *control, *metrics_listener;
    struct fh__gcra limits[LIMITS]; /* in the order of fh__api_limit */
    uv_timer_t purge;
    bool is_draining, has_purge;
    void (*closed)(void *user);
    void *user;
};

static uint64_t utc_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- limits ---- */

static const struct fh__rate *rate_of(const struct fh__office *o, enum fh__api_limit which)
{
    switch (which) {
    case FH__API_LIMIT_SOURCE:
        return &o->cfg->limit_api_source;
    case FH__API_LIMIT_FAILURE:
        return &o->cfg->limit_api_failure;
    case FH__API_LIMIT_KEY:
        break;
    }
    return &o->cfg->limit_api;
}

static bool on_limit(void *user, enum fh__api_limit which, const struct fh_address *peer,
                     const char *key, bool peek, struct fh__api_quota *out)
{
    struct fh__office *o = user;
    struct fh__gcra *g = &o->limits[which];
    const struct fh__rate *rate = rate_of(o, which);
    uint64_t now = uv_now(o->loop);
    struct fh__gcra_source source;
    const void *id = key;
    size_t len = key ? strlen(key) : 0;
    uint32_t reset_ms;
    bool may;

    if (which != FH__API_LIMIT_KEY) {
        fh__gcra_source(peer, &source);
        id = source.host;
        len = sizeof source.host;
    }
    *out = (struct fh__api_quota){.limit = rate->n, .window_s = rate->seconds};
    may = peek ? fh__gcra_peek(g, now, id, len, &out->retry_ms)
               : fh__gcra_take(g, now, id, len, &out->retry_ms);
    out->remaining = fh__gcra_left(g, now, id, len, &reset_ms);
    out->reset_s = (reset_ms + 999) / 1000;
    return may;
}

void fh__office_configure(struct fh__office *o)
{
    for (int i = 0; i < LIMITS; i++)
        fh__gcra_set_rate(&o->limits[i], rate_of(o, (enum fh__api_limit)i));
    fh__api_set_address_limit(o->api, o->cfg->address_limit);
    fh__changelog_reopen(o->changelog);
}

static int make_limits(struct fh__office *o)
{
    static const char *const names[LIMITS] = {"api-source", "api-failure", "api"};
    uint8_t key[FH__GCRA_KEY];

    fh_random_system(NULL, key, sizeof key);
    for (int i = 0; i < LIMITS; i++)
        if (fh__gcra_init(&o->limits[i], names[i], rate_of(o, (enum fh__api_limit)i), SLOTS, key) !=
            0)
            return -1;
    return 0;
}

static void on_numbers(void *user, struct fh__text *out)
{
    struct fh__office *o = user;
    char labels[64];

    fh__metric(out, "vnccloudd_api_limit_total", "counter",
               "Requests that limits of rates let through, and refused.");
    for (int i = 0; i < LIMITS; i++) {
        const struct fh__gcra *g = &o->limits[i];

        snprintf(labels, sizeof labels, "{limit=\"%s\",result=\"taken\"}", g->name);
        fh__metric_value(out, "vnccloudd_api_limit_total", labels, g->taken);
        snprintf(labels, sizeof labels, "{limit=\"%s\",result=\"refused\"}", g->name);
        fh__metric_value(out, "vnccloudd_api_limit_total", labels, g->refused);
    }
}

/* ---- addresses whose time is over ---- */

static void plan_purge(struct fh__office *o, uint64_t ms);

static void on_purged(struct fh__store_call *s)
{
    struct fh__office *o = s->user;

    for (size_t i = 0; s->ret == 0 && i < s->n; i++) {
        const struct fh__endpoint *e = s->endpoints[i];
        const struct fh__change_event ev = {.what = FH__CHANGE_ADDRESS_EXPIRED,
                                            .actor = "service",
                                            .account = e->account,
                                            .address = e->address};

        fh__changelog_write(o->changelog, &ev);
        if (o->hooks.changed)
            o->hooks.changed(o->hooks.user, e->address, FH__API_DELETED);
    }
    plan_purge(o, s->ret == 0 && s->n == PURGED ? 0 : PURGE_MS);
    fh__store_call_free(s);
}

static void on_purge(uv_timer_t *timer)
{
    struct fh__office *o = timer->data;
    struct fh__store_call *s = fh__store_call_new(FH__STORE_ENDPOINT_PURGE, on_purged, o);

    if (!s) {
        plan_purge(o, PURGE_MS);
        return;
    }
    s->now_ms = utc_ms();
    s->limit = PURGED;
    fh__store_submit(o->store, s);
}

static void plan_purge(struct fh__office *o, uint64_t ms)
{
    if (!o->is_draining)
        uv_timer_start(&o->purge, on_purge, ms, 0);
}

/* ---- listening ---- */

static void on_accept(void *user, struct fh_stream *s, const struct fh_address *peer)
{
    struct fh__office *o = user;

    fh__api_serve(o->api, s, peer, FH__DOOR_PUBLIC);
}

static void serve_at(struct fh__office *o, struct fh_stream *s, enum fh__door door)
{
    struct fh_address peer;

    fh_stream_address(s, &peer);
    fh__api_serve(o->api, s, &peer, door);
}

static void on_control(void *user, struct fh_stream *s)
{
    serve_at(user, s, FH__DOOR_CONTROL);
}

static void on_metrics(void *user, struct fh_stream *s)
{
    serve_at(user, s, FH__DOOR_METRICS);
}

/* The folder of a default that nobody made: only for us. */
static void make_folder(const char *path)
{
    char folder[4096];
    char *slash;

    snprintf(folder, sizeof folder, "%s", path);
    if ((slash = strrchr(folder, '/')) == NULL || slash == folder)
        return;
    *slash = '\0';
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        fh__log(FH__LOG_WARNING, "%s: %s", folder, strerror(errno));
}

static int listen_at(struct fh__office *o, const char *address,
                     void (*accept)(void *user, struct fh_stream *s), struct fh_tcp_listener **out,
                     char *why, size_t room)
{
    const char *const addresses[] = {address};
    const struct fh_tcp_listen_config cfg = {.addresses = addresses,
                                             .addresses_len = 1,
                                             .socket_mode = 0600,
                                             .accept = accept,
                                             .user = o};

    return fh_tcp_listen(o->loop, &cfg, out, why, room) == 0 ? 0 : -1;
}

static void tell_metrics(const struct fh__office *o)
{
    struct fh_address a;
    char text[FH_ADDRESS_TEXT];

    fh_tcp_listener_address(o->metrics_listener, 0, &a);
    fh_address_print(&a, text, sizeof text);
    fh__log(FH__LOG_NOTICE, "metrics at http://%s/metrics", text);
}

int fh__office_listen(struct fh__office *o, char *why, size_t room)
{
    char address[4096 + 8];

    if (strcmp(o->cfg->control, "none") != 0) {
        if (o->cfg->is_control_default)
            make_folder(o->cfg->control);
        snprintf(address, sizeof address, "unix:%s", o->cfg->control);
        if (listen_at(o, address, on_control, &o->control, why, room) != 0)
            return -1;
        fh__log(FH__LOG_INFO, "controlled at %s", o->cfg->control);
    }
    if (o->cfg->metrics_listen) {
        if (listen_at(o, o->cfg->metrics_listen, on_metrics, &o->metrics_listener, why, room) != 0)
            return -1;
        tell_metrics(o);
    }
    return 0;
}

/* ---- opening ---- */

static void on_trouble(void *user, const char *where, const char *error)
{
    (void)user;
    if (error)
        fh__log(FH__LOG_ERROR, "audit: %s: %s: changes are refused", where, error);
    else
        fh__log(FH__LOG_NOTICE, "audit: %s: works again", where);
}

/* Copies of the database that nobody was there any more to be given. */
static void remove_copies(const char *state)
{
    static const char prefix[] = "copy-"; /* api_service.c */
    DIR *dir = opendir(state);
    struct dirent *entry;
    char path[4096];

    while (dir && (entry = readdir(dir)) != NULL)
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0 &&
            snprintf(path, sizeof path, "%s/%s", state, entry->d_name) < (int)sizeof path)
            (void)unlink(path);
    if (dir)
        closedir(dir);
}

static int open_parts(struct fh__office *o, char *why, size_t room)
{
    const struct fh__store_sqlite_config store = {.loop = o->loop, .path = o->cfg->database};
    const struct fh__changelog_config changelog = {.loop = o->loop,
                                                   .targets = (const char *const *)o->cfg->audit,
                                                   .n = o->cfg->n_audit,
                                                   .utc_ms = utc_ms,
                                                   .trouble = on_trouble};
    struct fh__api_config api = {.loop = o->loop,
                                 .metrics = &o->metrics,
                                 .hooks = o->hooks,
                                 .state = o->cfg->state,
                                 .uid = (uint32_t)geteuid(),
                                 .address_limit = o->cfg->address_limit,
                                 .max = o->cfg->max_api,
                                 .utc_ms = utc_ms};

    remove_copies(o->cfg->state);
    if (fh__store_sqlite_open(&store, why, room, &o->store) != 0 ||
        fh__changelog_open(&changelog, why, room, &o->changelog) != 0)
        return -1;
    api.store = o->store;
    api.changelog = o->changelog;
    snprintf(why, room, "out of memory");
    return make_limits(o) == 0 && (o->api = fh__api_new(&api)) != NULL ? 0 : -1;
}

static void record(struct fh__office *o, enum fh__change what)
{
    const struct fh__change_event ev = {.what = what, .actor = "service"};

    fh__changelog_write(o->changelog, &ev);
}

static void take_hooks(struct fh__office *o, const struct fh__api_hooks *hooks)
{
    o->hooks = hooks ? *hooks : (struct fh__api_hooks){0};
    o->hooks.limit = on_limit;
    o->hooks.own_metrics = on_numbers;
    o->hooks.own = o;
}

void fh__office_set_hooks(struct fh__office *o, const struct fh__api_hooks *hooks)
{
    take_hooks(o, hooks);
    fh__api_set_hooks(o->api, &o->hooks);
}

int fh__office_open(uv_loop_t *loop, const struct fh__config *cfg,
                    const struct fh__api_hooks *hooks, char *why, size_t room,
                    struct fh__office **out)
{
    struct fh__office *o = calloc(1, sizeof *o);

    if (!o) {
        snprintf(why, room, "out of memory");
        return -1;
    }
    o->loop = loop;
    o->cfg = cfg;
    o->metrics.started_ms = utc_ms();
    take_hooks(o, hooks);
    if (open_parts(o, why, room) != 0) {
        fh__office_close(o, NULL, NULL);
        return -1;
    }
    o->acceptor = (struct fh__acceptor){.accept = on_accept, .user = o};
    uv_timer_init(loop, &o->purge);
    o->purge.data = o;
    o->has_purge = true;
    plan_purge(o, 0);
    record(o, FH__CHANGE_SERVICE_STARTED);
    *out = o;
    return 0;
}

const struct fh__acceptor *fh__office_acceptor(const struct fh__office *o)
{
    return &o->acceptor;
}

struct fh__store *fh__office_store(struct fh__office *o)
{
    return o->store;
}

struct fh__changelog *fh__office_changelog(struct fh__office *o)
{
    return o->changelog;
}

/* ---- closing ---- */

void fh__office_drain(struct fh__office *o)
{
    if (o->is_draining)
        return;
    o->is_draining = true;
    if (o->control)
        fh_tcp_listener_close(o->control, NULL, NULL);
    if (o->metrics_listener)
        fh_tcp_listener_close(o->metrics_listener, NULL, NULL);
    o->control = o->metrics_listener = NULL;
    if (o->api)
        fh__api_drain(o->api);
}

static void done(void *user)
{
    struct fh__office *o = user;
    void (*closed)(void *user) = o->closed;

    user = o->user;
    for (int i = 0; i < LIMITS; i++)
        fh__gcra_finish(&o->limits[i]);
    free(o);
    if (closed)
        closed(user);
}

static void close_changelog(void *user)
{
    struct fh__office *o = user;

    if (!o->changelog) {
        done(o);
        return;
    }
    if (o->has_purge) /* it was started */
        record(o, FH__CHANGE_SERVICE_ENDED);
    fh__changelog_close(o->changelog, done, o);
}

static void close_store(void *user)
{
    struct fh__office *o = user;

    if (o->store)
        fh__store_close(o->store, close_changelog, o);
    else
        close_changelog(o);
}

static void close_api(struct fh__office *o)
{
    if (o->api)
        fh__api_close(o->api, close_store, o);
    else
        close_store(o);
}

static void on_purge_closed(uv_handle_t *h)
{
    close_api(h->data);
}

void fh__office_close(struct fh__office *o, void (*closed)(void *user), void *user)
{
    if (!o)
        return;
    fh__office_drain(o);
    o->closed = closed;
    o->user = user;
    if (o->has_purge)
        uv_close((uv_handle_t *)&o->purge, on_purge_closed);
    else
        close_api(o);
}
