/* SPDX-License-Identifier: MIT */
/* api_answer.c -- answers, and changes that are made once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/digest.h>
#include <farhand/identity.h>
#include <farhand/identity_uv.h>
#include <sodium.h>

#include "api_call.h"

/* ---- the end of a call ---- */

static void count(struct fh__api *a, unsigned status)
{
    fh__count(a->cfg.metrics, status >= 500   ? FH__COUNT_HTTP_5XX
                              : status >= 400 ? FH__COUNT_HTTP_4XX
                                              : FH__COUNT_HTTP_2XX);
}

static void maybe_closed(struct fh__api *a)
{
    void (*closed)(void *user) = a->closed;
    void *user = a->user;

    if (!a->is_closing || !a->http_closed || a->calls > 0)
        return;
    fh_wipe(a, sizeof *a);
    free(a);
    if (closed)
        closed(user);
}

static void finish(struct fh__api_call *c)
{
    struct fh__api *a = c->api;

    count(a, c->reply.status);
    fh__http_conn_reply(c->conn, &c->reply);
    json_decref(c->body);
    json_decref(c->event.details);
    fh_wipe(c, sizeof *c);
    free(c);
    a->calls--;
    maybe_closed(a);
}

/* ---- answers ---- */

void fh__answer_field(struct fh__api_call *c, const char *name, const char *value)
{
    (void)fh__http_add(&c->reply, name, value);
}

void fh__answer_etag(struct fh__api_call *c, uint64_t version)
{
    char text[32];

    snprintf(text, sizeof text, "\"%" PRIu64 "\"", version);
    fh__answer_field(c, "ETag", text);
}

void fh__answer_next(struct fh__api_call *c, uint64_t limit, const char *after)
{
    const struct fh__http_text path = c->request->path;
    char text[FH__HTTP_TARGET_MAX], account[2 * FH__ACCOUNT_LEN + 16] = "", escaped[800];
    size_t n = 0;

    for (const unsigned char *p = (const unsigned char *)after; *p && n + 4 < sizeof escaped; p++)
        n += (size_t)snprintf(escaped + n, sizeof escaped - n,
                              (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') ||
                                      (*p >= 'a' && *p <= 'z') || *p == '-'
                                  ? "%c"
                                  : "%%%02X",
                              *p);
    escaped[n] = '\0';
    if (c->is_operator && c->has_account) {
        strcpy(account, "&account=");
        for (size_t i = 0; i < FH__ACCOUNT_LEN; i++)
            sprintf(account + 9 + 2 * i, "%02x", c->account[i]);
    }
    snprintf(text, sizeof text, "<%.*s?limit=%" PRIu64 "&after=%s%s>; rel=\"next\"", (int)path.len,
             path.p, limit, escaped, account);
    fh__answer_field(c, "Link", text);
}

bool fh__api_is_old(const struct fh__api_call *c)
{
    return c->n_path > 1 && strcmp(c->path[1], "1.1") == 0;
}

/* body: borrowed. */
static void set_body(struct fh__http_reply *r, json_t *body, const char *type)
{
    if (r->body)
        fh_wipe(r->body, r->len); /* perhaps a password that is not given out after all */
    free(r->body);
    r->len = 0;
    if (!(r->body = json_dumps(body, JSON_COMPACT)))
        return;
    r->len = strlen(r->body);
    r->type = type;
}

void fh__answer_json(struct fh__api_call *c, unsigned status, json_t *body)
{
    c->reply.status = status;
    if (body) {
        set_body(&c->reply, body, "application/json");
        json_decref(body);
        if (!c->reply.body)
            c->reply.status = 500;
    }
    finish(c);
}

/* Programs made for VNC Cloud look for errorCode and errorMessage: RFC 9457 3.2 lets them be there.
 */
void fh__problem_body(struct fh__http_reply *r, unsigned status, const char *name,
                      const char *detail, bool is_old)
{
    char type[80];
    json_t *o = json_object();

    snprintf(type, sizeof type, "urn:farhand:problem:%s", name);
    json_object_set_new(o, "type", json_string(type));
    json_object_set_new(o, "title", json_string(fh__http_reason(status)));
    json_object_set_new(o, "status", json_integer(status));
    if (detail)
        json_object_set_new(o, "detail", json_string(detail));
    if (is_old) {
        json_object_set_new(o, "errorCode", json_string(name));
        json_object_set_new(o, "errorMessage",
                            json_string(detail ? detail : fh__http_reason(status)));
    }
    r->status = status;
    set_body(r, o, "application/problem+json");
    json_decref(o);
}

void fh__answer_problem(struct fh__api_call *c, unsigned status, const char *name,
                        const char *detail)
{
    fh__problem_body(&c->reply, status, name, detail, fh__api_is_old(c));
    finish(c);
}

void fh__answer_bad(struct fh__api_call *c)
{
    fh__answer_problem(c, 400, "bad-request", c->why);
}

void fh__answer_store(struct fh__api_call *c, int error)
{
    const char *text = fh__store_strerror(error);

    if (fh__store_is_passing(error)) {
        fh__count(c->api->cfg.metrics, FH__COUNT_STORE_FAILED);
        fh__answer_field(c, "Retry-After", error == FH__STORE_E_BUSY ? "1" : "30");
    }
    switch (error) {
    case FH__STORE_E_NOT_FOUND:
        fh__answer_problem(c, 404, "not-found", text);
        return;
    case FH__STORE_E_EXISTS:
        fh__answer_problem(c, 409, "exists", text);
        return;
    case FH__STORE_E_VERSION:
        fh__answer_problem(c, 412, "changed-meanwhile", text);
        return;
    case FH__STORE_E_LIMIT:
        fh__answer_problem(c, 403, "limit-reached", text);
        return;
    case FH__STORE_E_CONFLICT:
        fh__answer_problem(c, 422, "idempotency-key-reused", text);
        return;
    case FH__STORE_E_FULL:
        fh__answer_problem(c, 507, "disk-full", text);
        return;
    default:
        fh__answer_problem(c, 503, "unavailable", text);
    }
}

void fh__answer_text(struct fh__api_call *c, const char *type, struct fh__text *text)
{
    if (text->bad) {
        free(text->p);
        fh__answer_problem(c, 500, "internal", NULL);
        return;
    }
    c->reply.status = 200;
    c->reply.type = type;
    c->reply.body = text->p;
    c->reply.len = text->len;
    finish(c);
}

void fh__answer_as_is(struct fh__api_call *c)
{
    finish(c);
}

void fh__answer_file(struct fh__api_call *c, const char *type, int fd, uint64_t len)
{
    c->reply.status = 200;
    c->reply.type = type;
    c->reply.fd = fd;
    c->reply.fd_len = len;
    finish(c);
}

void fh__answer_reply(struct fh__api_call *c)
{
    finish(c);
}

/* ---- the store ---- */

struct fh__store_call *fh__api_store(struct fh__api_call *c, enum fh__store_op op,
                                     fh__store_done_fn done)
{
    struct fh__store_call *s = fh__store_call_new(op, done, c);

    if (!s) {
        fh__answer_problem(c, 500, "internal", "out of memory");
        return NULL;
    }
    s->now_ms = c->now_ms;
    if (c->has_account) {
        s->is_tenant = true;
        memcpy(s->account, c->account, sizeof s->account);
    }
    return s;
}

void fh__api_submit(struct fh__api_call *c, struct fh__store_call *s)
{
    fh__store_submit(c->api->cfg.store, s);
}

/* ---- changes that are made once ---- */

/*
 * Nonce and box: who reads the database learns nothing, and only who asked has the key. In the box
 * are the location, as long as there is room for one, and the body.
 */
static int seal(const struct fh__api_call *c, struct fh__idempotency *i)
{
    size_t over = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    size_t len = sizeof c->location + c->reply.len;
    uint8_t *in;

    if (!(i->body = malloc(over + len)))
        return -1;
    in = i->body + over; /* sealed in place, where the end of the box is */
    memcpy(in, c->location, sizeof c->location);
    memcpy(in + sizeof c->location, c->reply.body, c->reply.len);
    randombytes_buf(i->body, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(i->body + crypto_secretbox_NONCEBYTES, in, len, i->body, c->seal_key);
    i->len = over + len;
    return 0;
}

static bool open_sealed(struct fh__api_call *c, const struct fh__idempotency *i)
{
    size_t over = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES, len;
    uint8_t *opened;

    if (i->len < over + sizeof c->location || !(opened = malloc(i->len - over + 1)))
        return false;
    if (crypto_secretbox_open_easy(opened, i->body + crypto_secretbox_NONCEBYTES,
                                   i->len - crypto_secretbox_NONCEBYTES, i->body,
                                   c->seal_key) != 0) {
        free(opened);
        return false;
    }
    len = i->len - over - sizeof c->location;
    memcpy(c->location, opened, sizeof c->location);
    memmove(opened, opened + sizeof c->location, len);
    fh_wipe(opened + len, sizeof c->location);
    if (c->reply.body)
        fh_wipe(c->reply.body, c->reply.len);
    free(c->reply.body);
    c->reply.body = (char *)opened;
    c->reply.len = len;
    return true;
}

/* What was asked: method, target and body. */
static void hash_request(const struct fh__api_call *c, uint8_t out[32])
{
    const struct fh__http_request *r = c->request;
    crypto_hash_sha256_state h;

    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)r->verb.p, r->verb.len + 1);
    crypto_hash_sha256_update(&h, (const uint8_t *)r->path.p, r->path.len);
    if (r->query.p)
        crypto_hash_sha256_update(&h, (const uint8_t *)r->query.p - 1, r->query.len + 1);
    crypto_hash_sha256_update(&h, (const uint8_t *)"\0", 1);
    if (r->body)
        crypto_hash_sha256_update(&h, (const uint8_t *)r->body, r->len);
    crypto_hash_sha256_final(&h, out);
}

/* draft-ietf-httpapi-idempotency-key-header: a key, in quotes or without. */
static int set_idempotency(struct fh__api_call *c, struct fh__store_call *s)
{
    struct fh__http_text t = fh__http_field(c->request, "idempotency-key");
    struct fh__idempotency *i = &s->idempotency;

    if (!t.p || c->method != FH__HTTP_POST)
        return 0;
    if (t.len >= 2 && t.p[0] == '"' && t.p[t.len - 1] == '"') {
        t.p++;
        t.len -= 2;
    }
    if (t.len == 0 || t.len > FH__IDEMPOTENCY_MAX || memchr(t.p, '"', t.len)) {
        snprintf(c->why, sizeof c->why, "Idempotency-Key: expected 1 to %d characters",
                 FH__IDEMPOTENCY_MAX);
        return -1;
    }
    memcpy(i->name, t.p, t.len);
    snprintf(i->owner, sizeof i->owner, "%s", c->is_operator ? "operator" : c->key.id);
    hash_request(c, i->request);
    i->status = c->reply.status;
    fh_hmac_sha256(c->is_operator ? c->api->answer_key : c->seal_key, 32, i->name, t.len,
                   c->seal_key);
    return seal(c, i);
}

static void replay(struct fh__api_call *c, const struct fh__idempotency *i)
{
    fh__count(c->api->cfg.metrics, FH__COUNT_REPLAYS);
    if (!open_sealed(c, i)) {
        fh__answer_problem(c, 409, "answer-gone",
                           "it was done before, and the answer can no longer be read");
        return;
    }
    c->reply.status = i->status;
    if (i->status == 201)
        fh__answer_etag(c, 1);
    if (c->location[0])
        fh__answer_field(c, "Location", c->location);
    fh__answer_field(c, "Idempotency-Replayed", "true");
    finish(c);
}

/* Recorded, and told to whom it concerns. */
void fh__api_changed(struct fh__api_call *c)
{
    const struct fh__api_hooks *h = &c->api->cfg.hooks;

    fh__count(c->api->cfg.metrics, FH__COUNT_CHANGES);
    c->event.actor = c->actor;
    c->event.peer = c->peer;
    fh__changelog_write(c->api->cfg.changelog, &c->event);
    c->event.details = NULL; /* was taken */
    if (c->changes_address && h->changed)
        h->changed(h->user, c->event.address, c->change);
}

static void on_changed(struct fh__store_call *s)
{
    struct fh__api_call *c = s->user;

    if (s->ret == FH__STORE_E_REPLAY)
        replay(c, &s->idempotency);
    else if (s->ret != 0)
        fh__answer_store(c, s->ret);
    if (s->ret == 0) {
        fh__api_changed(c);
        if (c->reply.body)
            fh__answer_etag(c, s->version);
        if (c->location[0])
            fh__answer_field(c, "Location", c->location);
        finish(c);
    }
    fh__store_call_free(s);
}

void fh__api_change(struct fh__api_call *c, struct fh__store_call *s, unsigned status, json_t *body,
                    bool is_secret)
{
    if (body)
        set_body(&c->reply, body, "application/json");
    json_decref(body);
    c->reply.status = status;
    c->reply.is_secret = is_secret;
    s->done = on_changed;
    if (body && !c->reply.body) {
        fh__answer_problem(c, 500, "internal", "out of memory");
    } else if (set_idempotency(c, s) != 0) {
        fh__answer_bad(c);
    } else {
        fh__api_submit(c, s);
        return;
    }
    fh__store_call_free(s);
}

/* ---- what requests have in common ---- */

bool fh__api_page(struct fh__api_call *c, uint64_t usual, uint64_t max, uint64_t *limit,
                  char *after, size_t room)
{
    static const char *const names[] = {"limit", "after", "account", NULL};
    char text[8];
    int has_limit = fh__http_parameter(c->request, "limit", text, sizeof text);

    *limit = usual;
    after[0] = '\0';
    if (has_limit == 1) {
        char *end;

        *limit = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end)
            has_limit = -1;
    }
    if (has_limit < 0 || *limit < 1 || *limit > max)
        snprintf(c->why, sizeof c->why, "limit: expected a number from 1 to %" PRIu64, max);
    else if (fh__http_parameter(c->request, "after", after, room) < 0)
        snprintf(c->why, sizeof c->why, "after: expected what the last page ended in");
    else if (!fh__http_has_only(c->request, names))
        snprintf(c->why, sizeof c->why, "expected no parameters but limit and after");
    else
        return true;
    fh__answer_bad(c);
    return false;
}

const json_t *fh__api_body(struct fh__api_call *c, const char *const *members)
{
    if (!c->body)
        snprintf(c->why, sizeof c->why, "expected a JSON object as the body");
    else if (fh__json_has_only(c->body, members, c->why))
        return c->body;
    fh__answer_bad(c);
    return NULL;
}
