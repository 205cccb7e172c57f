/* SPDX-License-Identifier: MIT */
/* api_service.c -- who is online, what was changed, numbers, health, copies of the database. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <farhand/identity_uv.h>

#include "api_call.h"

enum {
    PROBE_MS = 10000, /* how long it is believed that the database can be written */
    PAGE = 500
};

/* ---- presence ---- */

static json_t *online_form(const struct fh__api_online *o)
{
    char text[FH_CLOUD_ADDRESS_TEXT];
    json_t *roles = json_array(), *out = json_object();

    if (o->roles & FH__ROLE_LISTEN)
        json_array_append_new(roles, json_string("listen"));
    if (o->roles & FH__ROLE_CONNECT)
        json_array_append_new(roles, json_string("connect"));
    if (o->roles & FH__ROLE_WATCH)
        json_array_append_new(roles, json_string("watch"));
    fh_cloud_address_print(o->address, text);
    json_object_set_new(out, "address", json_string(text));
    json_object_set_new(out, "since", fh__json_time(o->since_ms));
    json_object_set_new(out, "actions", roles);
    json_object_set_new(out, "peer", json_string(o->peer ? o->peer : ""));
    json_object_set_new(out, "program", json_string(o->program ? o->program : ""));
    return out;
}

/* The `limit` lowest addresses behind `after`, of a table that is in no order. */
struct page {
    const struct fh__api_call *c;
    const uint8_t *after;
    size_t limit, n;
    bool more;
    struct entry {
        uint8_t address[FH__ADDRESS_LEN];
        json_t *form;
    } * entries;
};

static bool add_online(void *arg, const struct fh__api_online *o)
{
    struct page *p = arg;
    size_t at = p->n;

    if ((p->c->has_account && memcmp(o->account, p->c->account, sizeof o->account) != 0) ||
        memcmp(o->address, p->after, FH__ADDRESS_LEN) <= 0)
        return true;
    while (at > 0 && memcmp(p->entries[at - 1].address, o->address, FH__ADDRESS_LEN) > 0)
        at--;
    if (p->n == p->limit) {
        p->more = true;
        if (at == p->limit)
            return true;
        json_decref(p->entries[--p->n].form);
    }
    memmove(p->entries + at + 1, p->entries + at, (p->n - at) * sizeof *p->entries);
    memcpy(p->entries[at].address, o->address, FH__ADDRESS_LEN);
    p->entries[at].form = online_form(o);
    p->n++;
    return true;
}

void fh__api_presence_list(struct fh__api_call *c)
{
    const struct fh__api_hooks *h = &c->api->cfg.hooks;
    char after[64];
    uint64_t limit;
    struct page p = {.c = c, .after = c->address};
    json_t *items, *o;

    if (!fh__api_page(c, 100, PAGE, &limit, after, sizeof after))
        return;
    if (*after && fh_cloud_address_parse(after, strlen(after), c->address) != 0) {
        snprintf(c->why, sizeof c->why, "after: expected a cloud address");
        fh__answer_bad(c);
        return;
    }
    p.limit = (size_t)limit;
    if (!(p.entries = calloc(p.limit + 1, sizeof *p.entries))) {
        fh__answer_problem(c, 500, "internal", NULL);
        return;
    }
    if (h->each_online)
        h->each_online(h->user, add_online, &p);
    o = json_object();
    items = json_array();
    for (size_t i = 0; i < p.n; i++)
        json_array_append_new(items, p.entries[i].form);
    json_object_set_new(o, "items", items);
    if (p.more) {
        fh_cloud_address_print(p.entries[p.n - 1].address, after);
        fh__answer_next(c, limit, after);
    }
    free(p.entries);
    fh__answer_json(c, 200, o);
}

/* It is asked of the store whose the address is: online or not, others learn nothing of it. */
static void on_presence(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;
    const struct fh__api_hooks *h = &c->api->cfg.hooks;
    struct fh__api_online online;
    char text[FH_CLOUD_ADDRESS_TEXT];
    json_t *o;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
    } else if (h->online && h->online(h->user, c->address, &online)) {
        o = online_form(&online);
        json_object_set_new(o, "online", json_true());
        fh__answer_json(c, 200, o);
    } else {
        fh_cloud_address_print(c->address, text);
        fh__answer_json(c, 200,
                        json_pack("{s:s,s:b,s:o}", "address", text, "online", 0, "last_seen",
                                  fh__json_time(s->endpoint->last_seen_ms)));
    }
    fh__store_call_free(s);
}

static void on_presence_end(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;
    const struct fh__api_hooks *h = &c->api->cfg.hooks;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
    } else if (!h->disconnect || !h->disconnect(h->user, c->address)) {
        fh__answer_problem(c, 404, "not-online", "it is not signed in");
    } else {
        memcpy(c->event_account, s->endpoint->account, sizeof c->event_account);
        c->event.what = FH__CHANGE_DISCONNECTED;
        c->event.account = c->event_account;
        c->event.address = c->address;
        fh__api_changed(c);
        fh__answer_json(c, 204, NULL);
    }
    fh__store_call_free(s);
}

static void look_up(struct fh__api_call *c, fh__store_done_fn done)
{
    struct fh__store_call *s = fh__api_store(c, FH__STORE_ENDPOINT_GET, done);

    if (!s)
        return;
    memcpy(s->address, c->address, sizeof s->address);
    fh__api_submit(c, s);
}

void fh__api_presence_get(struct fh__api_call *c)
{
    look_up(c, on_presence);
}

void fh__api_presence_end(struct fh__api_call *c)
{
    look_up(c, on_presence_end);
}

/* ---- what was changed ---- */

void fh__api_audit_list(struct fh__api_call *c)
{
    char after[24], *end, next[24];
    uint64_t limit, from, last;
    json_t *items;
    bool more;

    if (!fh__api_page(c, 100, PAGE, &limit, after, sizeof after))
        return;
    from = strtoull(after, &end, 10);
    if (*after && (*after < '0' || *after > '9' || *end)) {
        snprintf(c->why, sizeof c->why, "after: expected a number");
        fh__answer_bad(c);
        return;
    }
    items = fh__changelog_read(c->api->cfg.changelog, c->has_account ? c->account : NULL, from,
                               (size_t)limit, &last, &more);
    if (more) {
        snprintf(next, sizeof next, "%llu", (unsigned long long)last);
        fh__answer_next(c, limit, next);
    }
    fh__answer_json(c, 200, json_pack("{s:o,s:I}", "items", items, "last", (json_int_t)last));
}

/* ---- numbers ---- */

static bool count_one(void *arg, const struct fh__api_online *o)
{
    (void)o;
    ++*(uint64_t *)arg;
    return true;
}

static void on_stats(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;
    const struct fh__api_hooks *h = &c->api->cfg.hooks;
    const struct fh__stats *n = &s->stats;
    uint64_t online = 0;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
        fh__store_call_free(s);
        return;
    }
    if (h->each_online)
        h->each_online(h->user, count_one, &online);
    fh__answer_json(c, 200,
                    json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "accounts", (json_int_t)n->accounts,
                              "addresses", (json_int_t)n->endpoints, "enrolled",
                              (json_int_t)n->enrolled, "keys", (json_int_t)n->keys, "online",
                              (json_int_t)online, "database_bytes", (json_int_t)n->database_bytes,
                              "started", fh__json_time(c->api->cfg.metrics->started_ms)));
    fh__store_call_free(s);
}

void fh__api_stats(struct fh__api_call *c)
{
    struct fh__store_call *s = fh__api_store(c, FH__STORE_STATS, on_stats);

    if (s)
        fh__api_submit(c, s);
}

void fh__api_metrics(struct fh__api_call *c)
{
    const struct fh__api_hooks *h = &c->api->cfg.hooks;
    struct fh__text text = {0};

    fh__metrics_write(c->api->cfg.metrics, &text);
    fh__metric(&text, "vnccloudd_http_connections", "gauge", "Connections of the API.");
    fh__metric_value(&text, "vnccloudd_http_connections", "", fh__http_server_count(c->api->http));
    fh__metric(&text, "vnccloudd_audit_failing", "gauge",
               "1: changes cannot be recorded, and are refused.");
    fh__metric_value(&text, "vnccloudd_audit_failing", "",
                     fh__changelog_is_failing(c->api->cfg.changelog));
    if (h->own_metrics)
        h->own_metrics(h->own, &text);
    if (h->metrics)
        h->metrics(h->user, &text);
    fh__answer_text(c, "text/plain; version=0.0.4; charset=utf-8", &text);
}

/* ---- health ---- */

void fh__api_live(struct fh__api_call *c)
{
    fh__answer_json(c, 200, json_pack("{s:s}", "status", "pass"));
}

/* What is wrong is the administrator's to know: he has the log, and metrics. */
static void answer_ready(struct fh__api_call *c)
{
    bool good = c->api->probed == 0 && !c->api->is_draining &&
                !fh__changelog_is_failing(c->api->cfg.changelog);

    fh__answer_json(c, good ? 200 : 503, json_pack("{s:s}", "status", good ? "pass" : "fail"));
}

static void on_probed(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;

    c->api->probed_ms = c->now_ms;
    c->api->probed = s->ret;
    answer_ready(c);
    fh__store_call_free(s);
}

/* Who asks often costs no writing: it is tried once in a while. */
void fh__api_ready(struct fh__api_call *c)
{
    struct fh__api *a = c->api;
    struct fh__store_call *s;

    if (a->probed_ms != 0 && c->now_ms - a->probed_ms < PROBE_MS) {
        answer_ready(c);
        return;
    }
    if ((s = fh__api_store(c, FH__STORE_PROBE, on_probed)) != NULL)
        fh__api_submit(c, s);
}

/* ---- a copy of the database ---- */

/* The copy has no name any more when it is read: nothing of it is left, whatever happens. */
static int open_copy(const char *path, uint64_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;

    unlink(path);
    if (fd >= 0 && fstat(fd, &st) == 0) {
        *len = (uint64_t)st.st_size;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static void on_copied(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;
    uint64_t len;
    int fd;

    if (s->ret != 0) {
        fh__answer_store(c, s->ret);
    } else if ((fd = open_copy(s->text, &len)) < 0) {
        fh__answer_problem(c, 503, "unavailable", "the copy cannot be read");
    } else {
        c->event.what = FH__CHANGE_BACKUP;
        c->event.details = json_pack("{s:I}", "bytes", (json_int_t)len);
        fh__api_changed(c);
        fh__answer_file(c, "application/vnd.sqlite3", fd, len);
    }
    fh__store_call_free(s);
}

void fh__api_backup(struct fh__api_call *c)
{
    uint8_t random[8];
    char path[4096];
    struct fh__store_call *s = fh__api_store(c, FH__STORE_BACKUP, on_copied);

    if (!s)
        return;
    fh_random_system(NULL, random, sizeof random);
    snprintf(path, sizeof path, "%s/copy-%02x%02x%02x%02x%02x%02x%02x%02x", c->api->cfg.state,
             random[0], random[1], random[2], random[3], random[4], random[5], random[6],
             random[7]);
    s->text = strdup(path);
    fh__api_submit(c, s);
}

/* ---- the transparency log ---- */

void fh__api_log(struct fh__api_call *c)
{
    const struct fh__api_hooks *h = &c->api->cfg.hooks;
    char path[FH__HTTP_TARGET_MAX] = "";
    size_t n = 0;

    for (int i = 1; i < c->n_path; i++)
        n += (size_t)snprintf(path + n, sizeof path - n, "%s%s", i > 1 ? "/" : "", c->path[i]);
    if (!h->log_file || !h->log_file(h->user, path, &c->reply)) {
        fh__answer_problem(c, 404, "not-found", "there is nothing of this name");
        return;
    }
    c->reply.status = 200;
    fh__answer_reply(c);
}

/* For whoever was told of it by our certificate. */
void fh__api_root_crl(struct fh__api_call *c)
{
    const struct fh__api_hooks *h = &c->api->cfg.hooks;

    if (!h->root_crl || !h->root_crl(h->user, &c->reply)) {
        fh__answer_problem(c, 404, "not-found", "there is nothing of this name");
        return;
    }
    c->reply.status = 200;
    fh__answer_reply(c);
}

/* Whose the address is, is for the store to say: only its owner can open what was logged. */
static void on_openings(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;
    const struct fh__api_hooks *h = &c->api->cfg.hooks;
    int error = FH__STORE_E_NOT_FOUND;
    char *text = NULL;
    json_t *array;

    if (s->ret != 0) {
        error = s->ret;
    } else if (h->openings) {
        text = h->openings(h->user, c->address, &error);
    }
    if (!text)
        fh__answer_store(c, error);
    else if (!(array = json_loads(text, JSON_REJECT_DUPLICATES, NULL)))
        fh__answer_problem(c, 500, "internal", NULL);
    else
        fh__answer_json(c, 200, json_pack("{s:o}", "openings", array));
    free(text);
    fh__store_call_free(s);
}

void fh__api_openings(struct fh__api_call *c)
{
    static const char *const names[] = {"address", "account", NULL};
    char text[64];

    if (fh__http_parameter(c->request, "address", text, sizeof text) != 1 ||
        !fh__http_has_only(c->request, names)) {
        snprintf(c->why, sizeof c->why, "address: expected, as a parameter");
        fh__answer_bad(c);
    } else if (fh_cloud_address_parse(text, strlen(text), c->address) != 0) {
        fh__answer_store(c, FH__STORE_E_NOT_FOUND);
    } else {
        look_up(c, on_openings);
    }
}
