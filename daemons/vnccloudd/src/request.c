/* SPDX-License-Identifier: MIT */
/* request.c -- what takes a look at the store first: CONNECT and WATCH. One at a time. */
#include <stdlib.h>
#include <string.h>

#include "broker_internal.h"

struct fh__request {
    struct fh__lookup lookup;
    struct fh__client *client;
    uint32_t number; /* of a CONNECT; 0: a WATCH */
    unsigned lookups;
    size_t n, at; /* of a WATCH */
    bool is_own;  /* what is looked up is who asks */
    uint8_t addresses[][FH__ADDRESS_LEN];
};

void fh__request_free(struct fh__client *c)
{
    if (!c->request)
        return;
    fh__lookup_cancel(&c->request->lookup);
    free(c->request);
    c->request = NULL;
}

static uint64_t now(const struct fh__client *c)
{
    return c->broker->hooks.now_ms(c->broker->hooks.user);
}

static void step(struct fh__client *c);

static void on_found(struct fh__lookup *l, const struct fh__endpoint *e, int ret);

static struct fh__request *begin(struct fh__client *c, size_t n)
{
    struct fh__request *r = calloc(1, sizeof *r + n * FH__ADDRESS_LEN);

    if (!r)
        return NULL;
    r->client = c;
    r->n = n;
    r->lookup.done = on_found;
    c->request = r;
    c->state = FH__REQUESTED;
    return r;
}

/* What is known of an address now; NULL: on_found() goes on, or has. */
static const struct fh__endpoint *get(struct fh__client *c, const uint8_t *address, bool is_own)
{
    struct fh__request *r = c->request;
    const struct fh__endpoint *e = NULL;
    int ret;

    r->is_own = is_own;
    ret = fh__endpoints_get(c->broker->endpoints, address, &r->lookup, &e);
    if (ret < 0)
        on_found(&r->lookup, NULL, ret);
    return e;
}

/* ---- CONNECT ---- */

static void answer(struct fh__client *c, enum fh_broker_code code, uint32_t retry_ms,
                   const char *text)
{
    uint32_t number = c->request->number;

    fh__client_error(c, code, retry_ms, number, text);
    fh__client_done(c);
}

static void answer_unknown(struct fh__client *c)
{
    struct fh__broker *b = c->broker;

    (void)fh__gcra_take(&b->unknown, now(c), c->source.host, sizeof c->source.host, NULL);
    answer(c, FH_BROKER_E_NO_ADDRESS, 0, "no such address");
}

static bool may_be_reached(const struct fh__broker *b, const struct fh__endpoint *to,
                           const struct fh__endpoint *from)
{
    return (to->roles & FH_BROKER_LISTEN) && to->binding && to->uses_left != 0 &&
           fh__endpoint_verdict(b, to) == 0 && fh__endpoint_allows(to, from);
}

/* All is known: whether the two are put in touch. */
static void connect_to(struct fh__client *c, const struct fh__endpoint *from,
                       const struct fh__endpoint *to)
{
    struct fh__broker *b = c->broker;
    struct fh__holder *h = fh__presence_find(b->presence, to->address);
    uint32_t retry_ms = FH__RETRY_MS;
    int code;

    if (!(from->roles & FH_BROKER_CONNECTS) || from->uses_left == 0 || !from->binding) {
        answer(c, FH_BROKER_E_POLICY, 0, "this address may not connect");
    } else if (!may_be_reached(b, to, from)) {
        answer_unknown(c);
    } else if (!h || !(fh__client_of(h)->roles & FH_BROKER_LISTEN) || fh__client_of(h) == c) {
        answer(c, FH_BROKER_E_ABSENT, 0, "it is not signed in");
    } else if (!fh__gcra_take(&b->connect_target, now(c), to->address, sizeof to->address,
                              &retry_ms)) {
        b->counters.limited++;
        answer(c, FH_BROKER_E_TOO_OFTEN, retry_ms, "that address is asked for too often");
    } else {
        code = fh__meeting_begin(c, fh__client_of(h), c->request->number, from, to);
        if (code)
            answer(c, (enum fh_broker_code)code, FH__RETRY_MS, "it is busy");
        else
            fh__client_done(c);
    }
}

static void step_connect(struct fh__client *c)
{
    const struct fh__endpoint *from = get(c, c->holder.address, true), *to;

    if (!from)
        return;
    to = get(c, c->request->addresses[0], false);
    if (to)
        connect_to(c, from, to);
}

static bool is_limited(struct fh__client *c, uint32_t *retry_ms)
{
    struct fh__broker *b = c->broker;
    uint64_t at = now(c);

    return !fh__gcra_peek(&b->unknown, at, c->source.host, sizeof c->source.host, retry_ms) ||
           !fh__gcra_take(&b->connect, at, c->holder.address, FH__ADDRESS_LEN, retry_ms) ||
           !fh__gcra_take(&b->connect_source, at, c->source.host, sizeof c->source.host,
                          retry_ms) ||
           !fh__gcra_take(&b->connect_account, at, c->account, sizeof c->account, retry_ms);
}

void fh__request_connect(struct fh__client *c, const struct fh_broker_frame *f)
{
    struct fh__broker *b = c->broker;
    uint32_t retry_ms = FH__RETRY_MS, number = f->connect.request;
    struct fh__request *r;

    b->counters.connects++;
    if (!(c->roles & FH_BROKER_CONNECTS)) {
        fh__client_error(c, FH_BROKER_E_POLICY, 0, number, "this address may not connect");
    } else if (is_limited(c, &retry_ms)) {
        b->counters.limited++;
        fh__client_error(c, FH_BROKER_E_TOO_OFTEN, retry_ms, number, "too often");
    } else if (c->n_meetings >= b->cfg.max_conns || !(r = begin(c, 1))) {
        fh__client_error(c, FH_BROKER_E_BUSY, FH__RETRY_MS, number, "too many connections");
    } else {
        r->number = number;
        memcpy(r->addresses[0], f->connect.target, FH__ADDRESS_LEN);
        step(c);
    }
}

/* ---- WATCH ---- */

/* Unknown addresses are counted, so that nobody tries them all. */
static void look_at(struct fh__client *c, const struct fh__endpoint *own,
                    const struct fh__endpoint *e)
{
    struct fh__broker *b = c->broker;

    if (!e || !own || !may_be_reached(b, e, own))
        (void)fh__gcra_take(&b->unknown, now(c), c->source.host, sizeof c->source.host, NULL);
    else if (fh__watch_add(c, e->address) != 0)
        fh__client_error(c, FH_BROKER_E_BUSY, FH__RETRY_MS, 0, "out of memory");
}

static void step_watch(struct fh__client *c)
{
    struct fh__request *r = c->request;
    const struct fh__endpoint *own, *e;
    uint32_t retry_ms;

    while (c->state == FH__REQUESTED && r->at < r->n) {
        if (!fh__gcra_peek(&c->broker->unknown, now(c), c->source.host, sizeof c->source.host,
                           &retry_ms))
            break;
        if (!(own = get(c, c->holder.address, true)) || !(e = get(c, r->addresses[r->at], false)))
            return;
        r->at++;
        r->lookups = 0;
        look_at(c, own, e);
    }
    fh__client_done(c);
}

void fh__request_watch(struct fh__client *c, const struct fh_broker_frame *f)
{
    struct fh__request *r;

    fh__watch_clear(c);
    if (!(c->roles & FH_BROKER_WATCHES) || f->watch.len == 0)
        return;
    if (!(r = begin(c, f->watch.len))) {
        fh__client_error(c, FH_BROKER_E_BUSY, FH__RETRY_MS, 0, "out of memory");
        return;
    }
    memcpy(r->addresses, f->watch.addresses, f->watch.len * FH__ADDRESS_LEN);
    step(c);
}

/* ---- both ---- */

static void step(struct fh__client *c)
{
    struct fh__request *r = c->request;

    if (r->number)
        step_connect(c);
    else
        step_watch(c);
}

/* Both endpoints must be remembered at the same time: with a cache that is too small, never. */
static void on_found(struct fh__lookup *l, const struct fh__endpoint *e, int ret)
{
    struct fh__request *r = FH__OF(l, struct fh__request, lookup);
    struct fh__client *c = r->client;
    bool is_missing = ret == FH__STORE_E_NOT_FOUND && !r->is_own;

    if (e && r->lookups++ < FH__LOOKUPS_MAX) {
        step(c);
    } else if (!r->number && is_missing) {
        r->at++;
        look_at(c, NULL, NULL);
        step(c);
    } else if (!r->number) {
        fh__client_error(c, FH_BROKER_E_BUSY, FH__RETRY_MS, 0, "busy");
    } else if (is_missing) {
        answer_unknown(c);
    } else {
        answer(c, FH_BROKER_E_BUSY, FH__RETRY_MS, "busy");
    }
}
