/* SPDX-License-Identifier: MIT */
/* audit_log.c -- an event to all destinations. */
#define _DEFAULT_SOURCE
#include <farhand/audit_log.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <farhand/audit_limit.h>

#include "audit_sinks.h"

enum { NAME_MAX_LEN = 64 };

struct sink {
    struct sink *next;
    struct fh_audit_log *log;
    struct fh_audit_target target;
    char *text;  /* what target points into */
    char *shown; /* in messages */
    bool is_failing;
    union {
        struct fh__audit_file file;
        struct fh__audit_socket socket;
        struct fh__audit_program *program;
    };
};

struct callback {
    struct callback *next;
    enum fh_audit_level level;
    fh_audit_line_fn fn;
    void *user;
};

struct fh_audit_log {
    uv_loop_t *loop;
    char name[NAME_MAX_LEN];
    struct fh_audit_limit *limit; /* NULL: none */
    void (*trouble)(void *user, const char *where, const char *error);
    void *user;
    struct sink *sinks;
    struct callback *callbacks;
    uv_timer_t timer; /* the next summary */
    unsigned open;    /* at the end: what is still to be closed */
    void (*closed)(void *user);
    void *closed_user;
};

uint64_t fh__audit_utc_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

size_t fh__audit_lost_line(const struct fh_audit_event *after, uint64_t lost, char *line,
                           struct fh_audit_event *ev)
{
    *ev = (struct fh_audit_event){.type = FH_AUDIT_LOG_LOST,
                                  .side = after->side,
                                  .utc_ms = after->utc_ms,
                                  .monotonic_ms = after->monotonic_ms,
                                  .reason = "not-written",
                                  .count = lost};
    return (size_t)fh_audit_format(ev, line, FH_AUDIT_LINE_MAX);
}

/* ---- making one ---- */

int fh_audit_log_new(const struct fh_audit_log_config *cfg, struct fh_audit_log **out)
{
    const struct fh_audit_limit_config limit = {.burst = cfg->lines_per_minute};
    struct fh_audit_log *l = calloc(1, sizeof *l);

    if (!l)
        return FH_SESSION_E_NOMEM;
    if (cfg->lines_per_minute != 0 && !(l->limit = fh_audit_limit_new(&limit))) {
        free(l);
        return FH_SESSION_E_NOMEM;
    }
    l->loop = cfg->loop;
    l->trouble = cfg->trouble;
    l->user = cfg->user;
    snprintf(l->name, sizeof l->name, "%s", cfg->name ? cfg->name : "farhand");
    uv_timer_init(l->loop, &l->timer);
    uv_unref((uv_handle_t *)&l->timer);
    l->timer.data = l;
    *out = l;
    return 0;
}

/* Told once, until it changes. */
static void set_failing(struct sink *s, const char *error)
{
    bool was = s->is_failing;

    s->is_failing = error != NULL;
    if (was != s->is_failing && s->log->trouble)
        s->log->trouble(s->log->user, s->shown, error);
}

static void on_program_trouble(void *user, const char *error)
{
    struct sink *s = user;

    if (s->log->trouble)
        s->log->trouble(s->log->user, s->shown, error);
}

static const char *file_error(int error)
{
    if (error == FH_SESSION_E_MODE)
        return "it is no regular file of ours that only we may write";
    return error == FH_SESSION_E_IO ? strerror(errno) : fh_session_strerror(error);
}

static int open_sink(struct sink *s, char *why, size_t room)
{
    const struct fh_audit_target *t = &s->target;
    int ret = 0;

    switch (t->kind) {
    case FH_AUDIT_TO_FILE:
        s->file =
            (struct fh__audit_file){.path = t->where, .size = t->size, .keep = t->keep, .fd = -1};
        if ((ret = fh__audit_file_open(&s->file)) != 0)
            snprintf(why, room, "%s: %s", t->where, file_error(ret));
        if (ret != 0)
            fh__audit_file_close(&s->file);
        break;
    case FH_AUDIT_TO_SYSLOG:
    case FH_AUDIT_TO_JOURNAL:
        s->socket = (struct fh__audit_socket){
            .name = s->log->name, .fd = -1, .is_journal = t->kind == FH_AUDIT_TO_JOURNAL};
        s->socket.path = t->where               ? t->where
                         : s->socket.is_journal ? "/run/systemd/journal/socket"
                                                : "/dev/log";
        break;
    case FH_AUDIT_TO_PROGRAM:
        ret = fh__audit_program_new(s->log->loop, t->where, on_program_trouble, s, &s->program);
        if (ret != 0)
            snprintf(why, room, "%s: %s", t->where, fh_session_strerror(ret));
        break;
    case FH_AUDIT_TO_NONE:
        break;
    }
    return ret;
}

static void free_sink(struct sink *s)
{
    free(s->text);
    free(s->shown);
    free(s);
}

int fh_audit_log_add(struct fh_audit_log *l, const char *target, char *why, size_t room)
{
    struct sink *s = calloc(1, sizeof *s), **at;
    const char *expected;
    int ret = FH_SESSION_E_NOMEM;

    snprintf(why, room, "%s", fh_session_strerror(ret));
    if (!s || !(s->text = strdup(target)) || !(s->shown = strdup(target)))
        goto out;
    s->log = l;
    if ((ret = fh_audit_target_parse(s->text, &s->target, &expected)) != 0) {
        snprintf(why, room, "%s: expected %s", target, expected);
        goto out;
    }
    if ((ret = open_sink(s, why, room)) != 0)
        goto out;
    for (at = &l->sinks; *at; at = &(*at)->next)
        ;
    *at = s;
    return 0;
out:
    if (s)
        free_sink(s);
    return ret;
}

int fh_audit_log_add_callback(struct fh_audit_log *l, enum fh_audit_level level,
                              fh_audit_line_fn fn, void *user)
{
    struct callback *c = malloc(sizeof *c);

    if (!c)
        return FH_SESSION_E_NOMEM;
    *c = (struct callback){.next = l->callbacks, .level = level, .fn = fn, .user = user};
    l->callbacks = c;
    return 0;
}

void fh_audit_log_remove_callback(struct fh_audit_log *l, fh_audit_line_fn fn, void *user)
{
    for (struct callback **at = &l->callbacks; *at; at = &(*at)->next) {
        struct callback *c = *at;

        if (c->fn != fn || c->user != user)
            continue;
        *at = c->next;
        free(c);
        return;
    }
}

/* ---- writing ---- */

static void write_sink(struct sink *s, const struct fh__audit_entry *e)
{
    int ret = 0;

    if (e->level < s->target.level)
        return;
    switch (s->target.kind) {
    case FH_AUDIT_TO_FILE:
        ret = fh__audit_file_write(&s->file, e);
        break;
    case FH_AUDIT_TO_SYSLOG:
    case FH_AUDIT_TO_JOURNAL:
        ret = fh__audit_socket_write(&s->socket, e);
        break;
    case FH_AUDIT_TO_PROGRAM:
        ret = fh__audit_program_write(s->program, e);
        break;
    case FH_AUDIT_TO_NONE:
        return;
    }
    set_failing(s, ret == 0 ? NULL : file_error(ret));
}

static void distribute(struct fh_audit_log *l, struct fh_audit_event *ev)
{
    char line[FH_AUDIT_LINE_MAX];
    struct fh__audit_entry e = {.ev = ev, .line = line};
    struct callback *next;
    int len;

    if (ev->utc_ms == 0)
        ev->utc_ms = fh__audit_utc_ms();
    if (ev->monotonic_ms == 0)
        ev->monotonic_ms = uv_now(l->loop);
    if ((len = fh_audit_format(ev, line, sizeof line)) <= 0)
        return;
    e.len = (size_t)len;
    e.level = fh_audit_level(ev);
    for (struct sink *s = l->sinks; s; s = s->next)
        write_sink(s, &e);
    for (struct callback *c = l->callbacks; c; c = next) {
        next = c->next;
        if (fh_audit_level(ev) >= c->level)
            c->fn(c->user, ev, line, e.len);
    }
}

static void on_summary(uv_timer_t *timer);

static void plan_summary(struct fh_audit_log *l)
{
    uint64_t now = uv_now(l->loop), due = fh_audit_limit_deadline(l->limit);

    if (due == UINT64_MAX)
        uv_timer_stop(&l->timer);
    else if (!uv_is_active((uv_handle_t *)&l->timer))
        uv_timer_start(&l->timer, on_summary, due > now ? due - now : 0, 0);
}

/* now: UINT64_MAX for all that was held back. */
static void summarize(struct fh_audit_log *l, uint64_t now)
{
    struct fh_audit_event ev;

    while (fh_audit_limit_summary(l->limit, now, &ev)) {
        ev.monotonic_ms = 0;
        distribute(l, &ev);
    }
}

static void on_summary(uv_timer_t *timer)
{
    struct fh_audit_log *l = timer->data;

    summarize(l, uv_now(l->loop));
    uv_timer_stop(timer);
    plan_summary(l);
}

void fh_audit_log_write(struct fh_audit_log *l, const struct fh_audit_event *ev)
{
    struct fh_audit_event dated = *ev;

    if (l->limit && !fh_audit_limit_pass(l->limit, uv_now(l->loop), ev)) {
        plan_summary(l);
        return;
    }
    distribute(l, &dated);
}

int fh_audit_log_write_line(struct fh_audit_log *l, enum fh_audit_level level, const char *peer,
                            const char *line, size_t len)
{
    const struct fh_audit_event ev = {
        .utc_ms = fh__audit_utc_ms(), .monotonic_ms = uv_now(l->loop), .peer = peer};
    const struct fh__audit_entry e = {
        .ev = &ev, .level = level, .is_foreign = true, .line = line, .len = len};

    if (len < 3 || len > FH_AUDIT_LINE_MAX - FH_AUDIT_SEAL_MAX || line[0] != '{' ||
        memcmp(line + len - 2, "}\n", 2) != 0 || memchr(line, '\n', len - 1) != NULL)
        return FH_SESSION_E_INVAL;
    for (struct sink *s = l->sinks; s; s = s->next)
        write_sink(s, &e);
    return 0;
}

bool fh_audit_log_is_failing(const struct fh_audit_log *l)
{
    for (const struct sink *s = l->sinks; s; s = s->next)
        if (s->is_failing ||
            (s->target.kind == FH_AUDIT_TO_PROGRAM && fh__audit_program_is_losing(s->program)))
            return true;
    return false;
}

void fh_audit_log_reopen(struct fh_audit_log *l)
{
    for (struct sink *s = l->sinks; s; s = s->next) {
        int ret = 0;

        if (s->target.kind == FH_AUDIT_TO_FILE) {
            fh__audit_file_close(&s->file);
            ret = fh__audit_file_open(&s->file);
            set_failing(s, ret == 0 ? NULL : file_error(ret));
        } else if (s->target.kind == FH_AUDIT_TO_SYSLOG || s->target.kind == FH_AUDIT_TO_JOURNAL) {
            fh__audit_socket_close(&s->socket);
        }
    }
}

/* ---- the end ---- */

static void one_less(struct fh_audit_log *l)
{
    void (*closed)(void *user) = l->closed;
    void *user = l->closed_user;

    if (--l->open != 0)
        return;
    while (l->sinks) {
        struct sink *s = l->sinks;

        l->sinks = s->next;
        free_sink(s);
    }
    while (l->callbacks)
        fh_audit_log_remove_callback(l, l->callbacks->fn, l->callbacks->user);
    fh_audit_limit_free(l->limit);
    free(l);
    if (closed)
        closed(user);
}

static void on_timer_closed(uv_handle_t *h)
{
    one_less(h->data);
}

static void on_program_closed(void *user)
{
    one_less(user);
}

void fh_audit_log_close(struct fh_audit_log *l, void (*closed)(void *user), void *user)
{
    if (!l)
        return;
    l->closed = closed;
    l->closed_user = user;
    l->open = 1;
    if (l->limit)
        summarize(l, UINT64_MAX);
    for (struct sink *s = l->sinks; s; s = s->next) {
        if (s->target.kind == FH_AUDIT_TO_FILE) {
            fh__audit_file_close(&s->file);
        } else if (s->target.kind == FH_AUDIT_TO_SYSLOG || s->target.kind == FH_AUDIT_TO_JOURNAL) {
            fh__audit_socket_close(&s->socket);
        } else if (s->target.kind == FH_AUDIT_TO_PROGRAM) {
            l->open++;
            fh__audit_program_close(s->program, on_program_closed, l);
        }
    }
    uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}
