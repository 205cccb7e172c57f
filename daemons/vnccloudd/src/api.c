/* SPDX-License-Identifier: MIT */
/* api.c -- who asks, for what, and whether he may. */
#include "api.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <farhand/digest.h>
#include <farhand/identity.h>
#include <farhand/identity_uv.h>
#include <sodium.h>

#include "api_call.h"
#include "base64.h"

enum { REFUSALS_A_MINUTE = 240 /* lines in the audit */ };

/* ---- routes ---- */

#define M(who, scope, fn)                                                                          \
    {                                                                                              \
        FH__##who, FH__SCOPE_##scope, fh__api_##fn                                                 \
    }
#define NO_SCOPE 0
#define OPEN(fn)                                                                                   \
    {                                                                                              \
        FH__ANYBODY, 0, fh__api_##fn                                                               \
    }
#define OPERATOR(fn)                                                                               \
    {                                                                                              \
        FH__OPERATOR, 0, fh__api_##fn                                                              \
    }

static const struct fh__route routes[] = {
    {"cloud/1.1/static-address", .get = M(KEY, ADDRESS_READ, address_list),
     .post = M(KEY, ADDRESS_CREATE, address_create)},
    {"cloud/1.1/static-address/:address", .get = M(KEY, ADDRESS_READ, address_get),
     .put = M(KEY, ADDRESS_UPDATE, address_update), .post = M(KEY, ADDRESS_RESET, address_reset),
     .delete = M(KEY, ADDRESS_DELETE, address_delete)},
    {"cloud/1.1/static-address/:address/ready", .get = M(KEY, ADDRESS_READ, address_ready)},
    {"cloud/2/addresses", .get = M(KEY, ADDRESS_READ, address_list),
     .post = M(KEY, ADDRESS_CREATE, address_create)},
    {"cloud/2/addresses/:address", .get = M(KEY, ADDRESS_READ, address_get),
     .put = M(KEY, ADDRESS_UPDATE, address_update),
     .delete = M(KEY, ADDRESS_DELETE, address_delete)},
    {"cloud/2/addresses/:address/password", .post = M(KEY, ADDRESS_RESET, address_reset)},
    {"cloud/2/addresses/:address/ready", .get = M(KEY, ADDRESS_READ, address_ready)},
    {"cloud/2/presence", .get = M(KEY, PRESENCE_READ, presence_list)},
    {"cloud/2/presence/:address", .get = M(KEY, PRESENCE_READ, presence_get),
     .delete = M(KEY, PRESENCE_DISCONNECT, presence_end)},
    {"cloud/2/keys", .get = M(KEY, KEY_MANAGE, key_list), .post = M(KEY, KEY_MANAGE, key_create)},
    {"cloud/2/keys/:key", .get = M(KEY, KEY_MANAGE, key_get), .put = M(KEY, KEY_MANAGE, key_update),
     .delete = M(KEY, KEY_MANAGE, key_delete)},
    {"cloud/2/audit", .get = M(KEY, AUDIT_READ, audit_list)},
    {"cloud/2/log/openings", .get = M(KEY, ADDRESS_READ, openings)},
    {"cloud/2/account", .get = M(KEY, ACCOUNT_READ, account_own)},
    {"cloud/2/accounts", .get = OPERATOR(account_list), .post = OPERATOR(account_create)},
    {"cloud/2/accounts/:account", .get = OPERATOR(account_get), .put = OPERATOR(account_update),
     .delete = OPERATOR(account_delete)},
    {"cloud/2/stats", .get = OPERATOR(stats)},
    {"cloud/2/database", .get = OPERATOR(backup)},
    {"health", .get = OPEN(ready)},
    {"health/live", .get = OPEN(live)},
    {"health/ready", .get = OPEN(ready)},
    {"metrics", .get = OPERATOR(metrics)},
    {"log/*", .get = OPEN(log)},
    {"root.crl", .get = OPEN(root_crl)},
};

static bool matches(const char *pattern, const struct fh__api_call *c)
{
    int i = 0;

    for (const char *p = pattern; *p; i++) {
        size_t len = strcspn(p, "/");

        if (len == 1 && *p == '*')
            return c->n_path > i;
        if (i == c->n_path ||
            (*p != ':' && (strlen(c->path[i]) != len || memcmp(c->path[i], p, len) != 0)))
            return false;
        p += len + (p[len] == '/');
    }
    return i == c->n_path;
}

static const struct fh__route *find_route(const struct fh__api_call *c)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (matches(routes[i].pattern, c))
            return &routes[i];
    return NULL;
}

static const struct fh__route_method *method_of(const struct fh__api_call *c)
{
    const struct fh__route_method *m = NULL;

    switch (c->method) {
    case FH__HTTP_GET:
    case FH__HTTP_HEAD:
        m = &c->route->get;
        break;
    case FH__HTTP_POST:
        m = &c->route->post;
        break;
    case FH__HTTP_PUT:
        m = &c->route->put;
        break;
    case FH__HTTP_DELETE:
        m = &c->route->delete;
        break;
    case FH__HTTP_OPTIONS:
    case FH__HTTP_OTHER:
    case FH__HTTP_METHODS:
        break;
    }
    return m && m->handle ? m : NULL;
}

static void set_allow(struct fh__api_call *c)
{
    const struct fh__route *r = c->route;
    char text[64];

    snprintf(text, sizeof text, "OPTIONS%s%s%s%s", r && r->get.handle ? ", GET, HEAD" : "",
             r && r->post.handle ? ", POST" : "", r && r->put.handle ? ", PUT" : "",
             r && r->delete.handle ? ", DELETE" : "");
    fh__answer_field(c, "Allow", text);
}

/* ---- limits ---- */

static void set_quota_fields(struct fh__api_call *c)
{
    const struct fh__api_quota *q = &c->quota;
    char text[64];

    if (q->limit == 0)
        return;
    snprintf(text, sizeof text, "\"default\";q=%u;w=%u", q->limit, q->window_s);
    fh__answer_field(c, "RateLimit-Policy", text);
    snprintf(text, sizeof text, "\"default\";r=%u;t=%u", q->remaining, q->reset_s);
    fh__answer_field(c, "RateLimit", text);
}

/* False: answered. The limit of the key is the one that answers tell. */
static bool is_within(struct fh__api_call *c, enum fh__api_limit which, bool peek)
{
    const struct fh__api_hooks *h = &c->api->cfg.hooks;
    struct fh__api_quota quota = {0};
    char text[16];

    if (!h->limit || c->is_operator)
        return true;
    if (h->limit(h->own, which, fh__http_conn_peer(c->conn), c->key.id, peek, &quota)) {
        if (which == FH__API_LIMIT_KEY) {
            c->quota = quota;
            set_quota_fields(c);
        }
        return true;
    }
    c->quota = quota;
    set_quota_fields(c);
    snprintf(text, sizeof text, "%u", (quota.retry_ms + 999) / 1000);
    fh__answer_field(c, "Retry-After", text);
    fh__count(c->api->cfg.metrics, FH__COUNT_API_LIMITED);
    fh__answer_problem(c, 429, "too-often", "this was asked too often; come back later");
    return false;
}

/* ---- from knowing who to the handler ---- */

static bool parse_address(struct fh__api_call *c)
{
    const char *colon = strstr(c->route->pattern, ":address");
    int at = 0;

    if (!colon)
        return true;
    for (const char *p = c->route->pattern; p < colon; p++)
        at += *p == '/';
    /* A mistyped address names nothing: there is no need to say more. */
    return fh_cloud_address_parse(c->path[at], strlen(c->path[at]), c->address) == 0;
}

/* RFC 9110 13.1.1: one strong tag, ours, or any. */
static bool parse_if_match(struct fh__api_call *c)
{
    struct fh__http_text t = fh__http_field(c->request, "if-match");
    uint64_t v = 0;

    if (!t.p || (t.len == 1 && *t.p == '*'))
        return true;
    if (t.len < 3 || t.len > 20 || t.p[0] != '"' || t.p[t.len - 1] != '"')
        return false;
    for (size_t i = 1; i + 1 < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(t.p[i] - '0');
    }
    c->if_match = v;
    return v != 0;
}

static bool is_json(struct fh__http_text type)
{
    static const char json[] = "application/json";
    size_t n = sizeof json - 1;
    struct fh__http_text head = {type.p, type.len < n ? type.len : n};

    return type.p && fh__http_is(head, json) &&
           (type.len == n || type.p[n] == ';' || type.p[n] == ' ');
}

static void dispatch(struct fh__api_call *c)
{
    const struct fh__http_request *r = c->request;
    char text[FH__LABEL_MAX + 1];

    if (!c->is_operator && fh__http_parameter(r, "account", text, sizeof text) != 0) {
        fh__answer_problem(c, 400, "bad-request", "account: a key has its own");
        return;
    }
    if (!parse_address(c)) {
        fh__answer_problem(c, 404, "not-found", "there is no such address");
        return;
    }
    if (!parse_if_match(c)) {
        fh__answer_problem(c, 412, "changed-meanwhile", "If-Match: it has no such version");
        return;
    }
    if (r->len > 0 && !is_json(fh__http_field(r, "content-type"))) {
        fh__answer_problem(c, 415, "not-json", "expected a body of application/json");
        return;
    }
    if (r->len > 0 && !(c->body = fh__json_parse(r->body, r->len, c->why))) {
        fh__answer_bad(c);
        return;
    }
    if (method_of(c)->scope != 0 || method_of(c)->who == FH__OPERATOR) {
        bool writes = c->method != FH__HTTP_GET && c->method != FH__HTTP_HEAD;

        if (writes && fh__changelog_is_failing(c->api->cfg.changelog)) {
            fh__answer_field(c, "Retry-After", "30");
            fh__answer_problem(c, 503, "not-recorded", "changes cannot be recorded at the moment");
            return;
        }
    }
    method_of(c)->handle(c);
}

/* ---- the operator ---- */

static void on_account_found(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;

    if (s->ret == 0) {
        c->has_account = true;
        memcpy(c->account, s->account_record->id, sizeof c->account);
        dispatch(c);
    } else {
        fh__answer_store(c, s->ret);
    }
    fh__store_call_free(s);
}

/* account=NAME or its id: the operator acts within it. */
static void choose_account(struct fh__api_call *c)
{
    char text[FH__LABEL_MAX + 1];
    int has = fh__http_parameter(c->request, "account", text, sizeof text);
    struct fh__store_call *s;

    if (has == 0) {
        dispatch(c);
        return;
    }
    if (has < 0 || !*text) {
        snprintf(c->why, sizeof c->why, "account: expected a name, or an id");
        fh__answer_bad(c);
        return;
    }
    if (!(s = fh__api_store(c, FH__STORE_ACCOUNT_FIND, on_account_found)))
        return;
    if (fh__hex_read(text, s->account, sizeof s->account))
        s->op = FH__STORE_ACCOUNT_GET;
    else
        s->text = strdup(text); /* NULL names nobody */
    fh__api_submit(c, s);
}

static void as_operator(struct fh__api_call *c)
{
    const struct fh_address *peer = fh__http_conn_peer(c->conn);

    if (peer->family != FH_ADDRESS_UNIX || (peer->uid != 0 && peer->uid != c->api->cfg.uid)) {
        fh__answer_problem(c, 403, "not-operator",
                           "only root and the user of the service may use this socket");
        return;
    }
    c->is_operator = true;
    snprintf(c->actor, sizeof c->actor, "operator uid=%u", peer->uid);
    choose_account(c);
}

/* ---- API keys ---- */

/* RFC 7617: base64 of name ":" secret. */
static bool parse_basic(struct fh__http_text t, char name[FH__KEY_NAME_TEXT],
                        char secret[FH__SECRET_TEXT])
{
    uint8_t decoded[FH__KEY_NAME_TEXT + FH__SECRET_TEXT];
    const char *colon;
    size_t n_name, n_secret;
    int n = -1;

    if (t.p && t.len > 6 && fh__http_is((struct fh__http_text){t.p, 6}, "basic "))
        n = base64_read(t.p + 6, t.len - 6, decoded, sizeof decoded);
    if (n <= 0 || !(colon = memchr(decoded, ':', (size_t)n)))
        return false;
    n_name = (size_t)(colon - (const char *)decoded);
    n_secret = (size_t)n - n_name - 1;
    if (n_name >= FH__KEY_NAME_TEXT || n_secret >= FH__SECRET_TEXT) {
        fh_wipe(decoded, sizeof decoded);
        return false;
    }
    memcpy(name, decoded, n_name);
    name[n_name] = '\0';
    memcpy(secret, colon + 1, n_secret);
    secret[n_secret] = '\0';
    fh_wipe(decoded, sizeof decoded);
    return true;
}

/* Strangers fill the disk with so many lines a minute and no more; the next one tells how many. */
static bool may_record_refusal(struct fh__api_call *c)
{
    struct fh__api *a = c->api;
    const struct fh__api_hooks *h = &a->cfg.hooks;
    struct fh__api_quota quota;
    bool is_limited = h->limit && !h->limit(h->own, FH__API_LIMIT_FAILURE,
                                            fh__http_conn_peer(c->conn), NULL, false, &quota);

    if (c->now_ms - a->refused_ms >= 60000) {
        a->refused_ms = c->now_ms;
        a->refused = 0;
    }
    if (is_limited || a->refused >= REFUSALS_A_MINUTE) {
        a->unwritten++;
        return false;
    }
    a->refused++;
    return true;
}

/* Whatever was wrong: one answer (ASVS 6.3.8). Why, is in the audit. */
static void refuse_key(struct fh__api_call *c, const char *reason)
{
    struct fh__change_event ev = {.what = FH__CHANGE_REFUSED, .actor = "unknown", .peer = c->peer};
    char name[FH__KEY_NAME_TEXT];

    fh__count(c->api->cfg.metrics, FH__COUNT_KEY_REFUSED);
    if (c->key.id[0]) {
        fh__key_name(c->key.id, name);
        ev.target = name;
    }
    if (may_record_refusal(c)) {
        ev.details = json_pack("{s:s}", "reason", reason);
        if (c->api->unwritten > 0)
            json_object_set_new(ev.details, "unwritten",
                                json_integer((json_int_t)c->api->unwritten));
        c->api->unwritten = 0;
        fh__changelog_write(c->api->cfg.changelog, &ev);
    }
    fh__answer_field(c, "WWW-Authenticate", "Basic realm=\"cloud\", charset=\"UTF-8\"");
    fh__answer_problem(c, 401, "not-signed-in", "expected an API key and its secret");
}

static const char *judge_key(const struct fh__api_call *c, const struct fh__key *k)
{
    if (sodium_memcmp(c->key.hash, k->hash, sizeof k->hash) != 0)
        return "wrong secret";
    if (k->expires_ms != 0 && k->expires_ms <= c->now_ms)
        return "expired";
    if (!fh__networks_have(k->networks, fh__http_conn_peer(c->conn)))
        return "from elsewhere";
    return k->account_disabled ? "account disabled" : NULL;
}

static void on_key(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;
    const struct fh__route_method *m = method_of(c);
    const char *fault = NULL;
    struct fh__seen seen = {.at_ms = c->now_ms};

    if (s->ret != 0 && s->ret != FH__STORE_E_NOT_FOUND) {
        fh__answer_store(c, s->ret);
    } else if (s->ret != 0 || (fault = judge_key(c, s->key)) != NULL) {
        refuse_key(c, fault ? fault : "unknown key");
    } else {
        c->key = *s->key;
        memcpy(c->account, s->key->account, sizeof c->account);
        c->has_account = true;
        snprintf(c->actor, sizeof c->actor, "key vck_%s", c->key.id);
        memcpy(seen.key, c->key.id, sizeof seen.key);
        fh__store_seen(c->api->cfg.store, &seen);
        fh__count(c->api->cfg.metrics, FH__COUNT_KEY_ACCEPTED);
        if (!is_within(c, FH__API_LIMIT_KEY, false))
            ;
        else if (m->who == FH__OPERATOR)
            fh__answer_problem(c, 403, "not-operator", "this is the operator's alone");
        else if ((c->key.scopes & (uint32_t)m->scope) == 0)
            fh__answer_problem(c, 403, "out-of-scope", "this key may not do that");
        else
            dispatch(c);
    }
    fh__store_call_free(s);
}

static void as_key(struct fh__api_call *c)
{
    static const char label[] = "farhand cloud answer 1";
    char name[FH__KEY_NAME_TEXT], secret[FH__SECRET_TEXT];
    struct fh__store_call *s;
    size_t len;

    if (!is_within(c, FH__API_LIMIT_FAILURE, true))
        return;
    if (!parse_basic(fh__http_field(c->request, "authorization"), name, secret)) {
        refuse_key(c, "no key");
        return;
    }
    len = strlen(secret);
    if (!fh__key_parse_name(name, strlen(name), c->key.id) ||
        !fh__key_check_secret(secret, len, c->key.id)) {
        fh_wipe(secret, sizeof secret);
        refuse_key(c, "not a key of ours");
        return;
    }
    fh__key_hash(secret, len, c->key.hash);
    fh_hmac_sha256((const uint8_t *)secret, len, label, sizeof label - 1, c->seal_key);
    fh_wipe(secret, sizeof secret);
    if (!(s = fh__api_store(c, FH__STORE_KEY_GET, on_key)))
        return;
    if ((s->text = strdup(c->key.id)) != NULL) {
        fh__api_submit(c, s);
        return;
    }
    fh__store_call_free(s);
    fh__answer_problem(c, 500, "internal", NULL);
}

/* ---- a request ---- */

static void route(struct fh__api_call *c)
{
    enum fh__door door = fh__http_conn_door(c->conn);
    const struct fh__route_method *m;

    c->n_path = fh__http_path(c->request, c->path);
    c->route = c->n_path >= 0 ? find_route(c) : NULL;
    if (c->method == FH__HTTP_OPTIONS && (c->route || fh__http_is(c->request->path, "*"))) {
        set_allow(c);
        fh__answer_json(c, 204, NULL);
    } else if (!c->route) {
        fh__answer_problem(c, 404, "not-found", "there is nothing of this name");
    } else if (!(m = method_of(c))) {
        set_allow(c);
        fh__answer_problem(c, 405, "not-allowed", "there is no such method here");
    } else if (door == FH__DOOR_METRICS && m->handle != fh__api_metrics && m->who != FH__ANYBODY) {
        fh__answer_problem(c, 404, "not-found", "there is nothing of this name");
    } else if (m->who == FH__ANYBODY || door == FH__DOOR_METRICS) {
        m->handle(c);
    } else if (door == FH__DOOR_CONTROL) {
        as_operator(c);
    } else if (m->who == FH__OPERATOR && m->handle == fh__api_metrics) {
        fh__answer_problem(c, 404, "not-found", "there is nothing of this name");
    } else {
        as_key(c);
    }
}

static void on_request(void *user, struct fh__http_conn *conn, const struct fh__http_request *r)
{
    struct fh__api *a = user;
    struct fh__api_call *c = calloc(1, sizeof *c);
    struct fh__http_reply sorry = {.fd = -1};

    if (!c) {
        sorry.status = 503;
        fh__http_conn_reply(conn, &sorry);
        return;
    }
    c->api = a;
    c->conn = conn;
    c->request = r;
    c->method = r->method;
    c->reply.fd = -1;
    c->now_ms = a->cfg.utc_ms();
    a->calls++;
    fh_address_print(fh__http_conn_peer(conn), c->peer, sizeof c->peer);
    if (fh__http_conn_door(conn) != FH__DOOR_PUBLIC || is_within(c, FH__API_LIMIT_SOURCE, false))
        route(c);
}

static void on_refused(void *user, unsigned status, struct fh__http_reply *out)
{
    struct fh__api *a = user;

    fh__count(a->cfg.metrics, FH__COUNT_HTTP_4XX);
    fh__problem_body(out, status, "no-request", "this is no request that is understood here",
                     false);
}

/* ---- the whole ---- */

static uint64_t system_utc_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* JSON holds passwords and secrets on their way out. */
static void wipe_and_free(void *p)
{
    if (p)
        fh_wipe(p, malloc_usable_size(p));
    free(p);
}

struct fh__api *fh__api_new(const struct fh__api_config *cfg)
{
    struct fh__api *a = calloc(1, sizeof *a);
    struct fh__http_server_config http = {
        .loop = cfg->loop, .max = cfg->max, .handle = on_request, .refuse = on_refused, .user = a};

    if (!a || sodium_init() < 0) {
        free(a);
        return NULL;
    }
    json_set_alloc_funcs(malloc, wipe_and_free);
    a->cfg = *cfg;
    if (!a->cfg.utc_ms)
        a->cfg.utc_ms = system_utc_ms;
    http.utc_ms = a->cfg.utc_ms;
    fh_random_system(NULL, a->answer_key, sizeof a->answer_key);
    if (!(a->http = fh__http_server_new(&http))) {
        free(a);
        return NULL;
    }
    return a;
}

void fh__api_serve(struct fh__api *a, struct fh_stream *stream, const struct fh_address *peer,
                   enum fh__door door)
{
    fh__http_serve(a->http, stream, peer, door);
}

void fh__api_set_hooks(struct fh__api *a, const struct fh__api_hooks *hooks)
{
    a->cfg.hooks = *hooks;
}

void fh__api_set_address_limit(struct fh__api *a, uint64_t limit)
{
    a->cfg.address_limit = limit;
}

void fh__api_drain(struct fh__api *a)
{
    a->is_draining = true;
    fh__http_server_drain(a->http);
}

static void on_http_closed(void *user)
{
    struct fh__api *a = user;
    void (*closed)(void *user) = a->closed;

    a->http_closed = true;
    if (a->calls > 0)
        return; /* the last answer closes it */
    user = a->user;
    fh_wipe(a, sizeof *a);
    free(a);
    if (closed)
        closed(user);
}

void fh__api_close(struct fh__api *a, void (*closed)(void *user), void *user)
{
    if (!a)
        return;
    a->is_closing = true;
    a->closed = closed;
    a->user = user;
    fh__http_server_close(a->http, on_http_closed, a);
}
