/* SPDX-License-Identifier: MIT */
#include "gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/blacklist_file.h>

#include "log.h"

enum { SAVE_MS = 1000 /* from a change to the file */ };

static struct fh_ip_filter *make_filter(const struct fh__config *cfg)
{
    struct fh_ip_filter *filter = fh_ip_filter_new();
    const char *expected;

    for (size_t i = 0; filter && i < cfg->n_filter; i++)
        if (fh_ip_filter_add(filter, cfg->filter[i], &expected) != 0) {
            fh_ip_filter_free(filter);
            return NULL;
        }
    return filter;
}

int fh__gate_configure(struct fh__gate *g, const struct fh__config *cfg)
{
    struct fh_ip_filter *filter = make_filter(cfg);

    if (!filter)
        return FH_SESSION_E_NOMEM;
    fh_ip_filter_free(g->filter);
    g->filter = filter;
    return fh_blacklist_configure(
        g->blacklist, &(struct fh_blacklist_config){.threshold = cfg->blacklist_threshold,
                                                    .timeout_s = cfg->blacklist_timeout_s});
}

static void load(struct fh__gate *g)
{
    unsigned line;
    int error = fh_blacklist_load(g->blacklist, uv_now(g->loop), g->path, &line);

    if (error == FH_SESSION_E_FORMAT)
        fh__log(FH__LOG_ERROR, "%s:%u: %s; the blacklist begins anew", g->path, line,
                fh_session_strerror(error));
    else if (error)
        fh__log(FH__LOG_ERROR, "%s: %s; the blacklist begins anew", g->path,
                error == FH_SESSION_E_IO ? strerror(errno) : fh_session_strerror(error));
}

int fh__gate_open(struct fh__gate *g, uv_loop_t *loop, const struct fh__config *cfg,
                  struct fh__auditlog *audit)
{
    const struct fh_blacklist_config limits = {.threshold = cfg->blacklist_threshold,
                                               .timeout_s = cfg->blacklist_timeout_s};

    *g = (struct fh__gate){.audit = audit, .loop = loop};
    g->path = strdup(cfg->blacklist);
    g->blacklist = fh_blacklist_new(&limits);
    if (!g->path || !g->blacklist || fh__gate_configure(g, cfg) != 0) {
        free(g->path);
        fh_blacklist_free(g->blacklist);
        return FH_SESSION_E_NOMEM;
    }
    load(g);
    uv_timer_init(loop, &g->save);
    uv_unref((uv_handle_t *)&g->save);
    g->save.data = g;
    g->is_open = true;
    return 0;
}

static void save(struct fh__gate *g)
{
    int error = fh_blacklist_save(g->blacklist, uv_now(g->loop), g->path);

    if (error)
        fh__log(FH__LOG_ERROR, "%s: %s; the blacklist will not survive a restart", g->path,
                error == FH_SESSION_E_IO ? strerror(errno) : fh_session_strerror(error));
}

static void on_save(uv_timer_t *timer)
{
    save(timer->data);
}

/* Not for each failure: who floods us with them must not make us write as often. */
static void changed(struct fh__gate *g)
{
    if (!uv_is_active((uv_handle_t *)&g->save))
        uv_timer_start(&g->save, on_save, SAVE_MS, 0);
}

static struct fh_blacklist_who who_is(const struct fh__caller *caller, const char *user)
{
    struct fh_blacklist_who who = {.user = user, .ip = caller->ip, .ip_len = caller->ip_len};

    if (caller->cloud[0]) {
        who.ip_len = 0;
        who.fingerprint = caller->told;
    } else if (who.ip_len == 0 && caller->has_fingerprint) {
        who.fingerprint = caller->fingerprint;
    }
    return who;
}

static unsigned seconds(uint64_t ms)
{
    return (unsigned)((ms + 999) / 1000);
}

const char *fh__gate_request(struct fh__gate *g, const struct fh__caller *caller, uint32_t *most,
                             bool *asks)
{
    enum fh_ip_verdict verdict =
        caller->cloud[0] ? fh_ip_filter_check_cloud(g->filter, caller->cloud, most)
                         : fh_ip_filter_check(g->filter, caller->ip, caller->ip_len, most);

    *asks = verdict == FH_IP_ASK;
    return verdict == FH_IP_DENY ? "filtered" : NULL;
}

unsigned fh__gate_hello(struct fh__gate *g, const struct fh__caller *caller)
{
    struct fh_blacklist_who who = who_is(caller, NULL);

    return seconds(fh_blacklist_wait(g->blacklist, uv_now(g->loop), &who));
}

const char *fh__gate_resume(struct fh__gate *g, const struct fh__caller *from, bool was_asked,
                            uint32_t *most)
{
    bool asks;
    const char *refused = fh__gate_request(g, from, most, &asks);

    if (refused)
        return refused;
    if (fh__gate_hello(g, from) > 0)
        return "blacklisted";
    return asks && !was_asked ? "approval" : NULL;
}

static void record(struct fh__gate *g, const struct fh__caller *caller, const char *user,
                   uint64_t wait_ms)
{
    struct fh_audit_event ev = {.type = FH_AUDIT_BLACKLISTED, .user = user, .duration_ms = wait_ms};

    fh__caller_describe(caller, &ev);
    fh__log(FH__LOG_WARNING, "%s failed too often and is refused for %u s", caller->peer,
            seconds(wait_ms));
    fh__auditlog_write(g->audit, &ev);
}

unsigned fh__gate_begin(struct fh__gate *g, const struct fh__caller *caller, const char *user)
{
    struct fh_blacklist_who who = who_is(caller, user);
    uint64_t now = uv_now(g->loop), wait;

    if (fh_blacklist_begin(g->blacklist, now, &who, &wait) != 0)
        return seconds(wait);
    changed(g);
    wait = fh_blacklist_wait(g->blacklist, now, &who);
    if (wait)
        record(g, caller, user, wait);
    return 0;
}

void fh__gate_succeeded(struct fh__gate *g, const struct fh__caller *caller, const char *user)
{
    struct fh_blacklist_who who = who_is(caller, user);

    fh_blacklist_succeeded(g->blacklist, uv_now(g->loop), &who);
    changed(g);
}

void fh__gate_crashed(struct fh__gate *g, const struct fh__caller *caller)
{
    (void)fh__gate_begin(g, caller, NULL);
}

unsigned fh__gate_forgive(struct fh__gate *g, const struct fh_address *address, const char *user)
{
    struct fh_blacklist_who who = {.user = user};
    unsigned n;

    if (address) {
        who.ip = address->ip;
        who.ip_len = address->family == FH_ADDRESS_IPV4 ? 4 : 16;
    }
    n = fh_blacklist_forgive(g->blacklist, &who);
    if (n > 0)
        changed(g);
    return n;
}

void fh__gate_close(struct fh__gate *g)
{
    if (!g->is_open)
        return;
    if (uv_is_active((uv_handle_t *)&g->save))
        save(g);
    uv_close((uv_handle_t *)&g->save, NULL);
    fh_ip_filter_free(g->filter);
    fh_blacklist_free(g->blacklist);
    free(g->path);
    g->filter = NULL;
    g->blacklist = NULL;
    g->path = NULL;
    g->is_open = false;
}
