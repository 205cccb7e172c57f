/* SPDX-License-Identifier: MIT */
#include "endpoints.h"

#include <stdlib.h>
#include <string.h>

/* One address: remembered, or being asked for. */
struct record {
    struct fh__entry entry;
    struct record *newer, *older; /* of those that are remembered */
    struct fh__endpoints *cache;
    uint8_t address[FH__ADDRESS_LEN];
    struct fh__endpoint *endpoint; /* NULL: being asked for */
    struct fh__lookup *waiting;
    bool is_stale; /* it was changed while it was asked for */
};

struct fh__endpoints {
    struct fh__store *store;
    struct fh__table table;
    struct record *newest, *oldest;
    size_t max, n, asked;
    uint64_t hits, misses;
    bool is_closed; /* freed with the last answer */
};

struct fh__endpoints *fh__endpoints_new(struct fh__store *store, size_t max,
                                        const uint8_t key[static 16])
{
    struct fh__endpoints *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->store = store;
    c->max = max;
    fh__table_init(&c->table, key);
    return c;
}

static struct record *find(const struct fh__endpoints *c, const uint8_t *address)
{
    struct fh__entry *e =
        fh__table_first(&c->table, fh__table_hash(&c->table, address, FH__ADDRESS_LEN));

    for (; e; e = fh__table_next(e)) {
        struct record *r = FH__OF(e, struct record, entry);

        if (memcmp(r->address, address, FH__ADDRESS_LEN) == 0)
            return r;
    }
    return NULL;
}

/* ---- the order of use ---- */

static void unlink_record(struct fh__endpoints *c, struct record *r)
{
    *(r->newer ? &r->newer->older : &c->newest) = r->older;
    *(r->older ? &r->older->newer : &c->oldest) = r->newer;
    c->n--;
}

static void link_newest(struct fh__endpoints *c, struct record *r)
{
    r->older = c->newest;
    r->newer = NULL;
    *(c->newest ? &c->newest->newer : &c->oldest) = r;
    c->newest = r;
    c->n++;
}

static void drop(struct fh__endpoints *c, struct record *r)
{
    if (r->endpoint)
        unlink_record(c, r);
    fh__table_remove(&c->table, &r->entry);
    fh__endpoint_free(r->endpoint);
    free(r);
}

void fh__endpoints_free(struct fh__endpoints *c)
{
    if (!c)
        return;
    while (c->oldest)
        drop(c, c->oldest);
    c->is_closed = true;
    if (c->asked == 0) {
        fh__table_finish(&c->table);
        free(c);
    }
}

/* ---- answers ---- */

static void wait_for(struct record *r, struct fh__lookup *l)
{
    l->next = r->waiting;
    l->at = &r->waiting;
    if (l->next)
        l->next->at = &l->next;
    r->waiting = l;
}

void fh__lookup_cancel(struct fh__lookup *l)
{
    if (!l->at)
        return;
    *l->at = l->next;
    if (l->next)
        l->next->at = l->at;
    l->at = NULL;
    l->next = NULL;
}

/* Who waits may ask again, wait elsewhere, or be gone afterwards. */
static void tell(struct fh__lookup *waiting, const struct fh__endpoint *e, int ret)
{
    struct fh__lookup *l;

    if (waiting)
        waiting->at = &waiting;
    while ((l = waiting) != NULL) {
        fh__lookup_cancel(l);
        l->done(l, e, ret);
    }
}

static int ask(struct record *r);

static void remember(struct fh__endpoints *c, struct record *r, struct fh__endpoint *e)
{
    r->endpoint = e;
    link_newest(c, r);
    if (c->n > c->max)
        drop(c, c->oldest);
}

static void on_answer(struct fh__store_call *call)
{
    struct record *r = call->user;
    struct fh__endpoints *c = r->cache;
    struct fh__lookup *waiting = r->waiting;
    const struct fh__endpoint *e = call->ret == 0 ? call->endpoint : NULL;
    bool is_stale = r->is_stale, again = is_stale && waiting && !c->is_closed;
    int ret = call->ret;

    r->is_stale = false;
    ret = again ? ask(r) : ret;
    if (!again || ret != 0) {
        e = again ? NULL : e;
        r->waiting = NULL;
        if (e && !is_stale && !c->is_closed) {
            call->endpoint = NULL;
            remember(c, r, (struct fh__endpoint *)e);
        } else {
            drop(c, r);
        }
        tell(waiting, e, ret);
    }
    fh__store_call_free(call);
    c->asked--;
    if (c->is_closed && c->asked == 0) {
        fh__table_finish(&c->table);
        free(c);
    }
}

static int ask(struct record *r)
{
    struct fh__store_call *call = fh__store_call_new(FH__STORE_ENDPOINT_GET, on_answer, r);

    if (!call)
        return FH__STORE_E_NOMEM;
    memcpy(call->address, r->address, sizeof call->address);
    r->cache->asked++;
    fh__store_submit(r->cache->store, call);
    return 0;
}

static int ask_first(struct fh__endpoints *c, const uint8_t *address, struct fh__lookup *l)
{
    struct record *r = calloc(1, sizeof *r);

    if (!r)
        return FH__STORE_E_NOMEM;
    r->cache = c;
    memcpy(r->address, address, sizeof r->address);
    if (fh__table_put(&c->table, &r->entry, fh__table_hash(&c->table, address, FH__ADDRESS_LEN)) !=
        0) {
        free(r);
        return FH__STORE_E_NOMEM;
    }
    wait_for(r, l);
    if (ask(r) == 0)
        return 0;
    fh__lookup_cancel(l);
    drop(c, r);
    return FH__STORE_E_NOMEM;
}

int fh__endpoints_get(struct fh__endpoints *c, const uint8_t address[static 12],
                      struct fh__lookup *l, const struct fh__endpoint **out)
{
    struct record *r = find(c, address);

    if (r && r->endpoint) {
        c->hits++;
        unlink_record(c, r);
        link_newest(c, r);
        *out = r->endpoint;
        return 1;
    }
    c->misses++;
    if (!r)
        return ask_first(c, address, l);
    wait_for(r, l);
    return 0;
}

/* ---- changes ---- */

void fh__endpoints_forget(struct fh__endpoints *c, const uint8_t address[static 12])
{
    struct record *r = find(c, address);

    if (r && r->endpoint)
        drop(c, r);
    else if (r)
        r->is_stale = true;
}

void fh__endpoints_forget_account(struct fh__endpoints *c, const uint8_t account[static 16])
{
    struct record *r, *older;

    for (r = c->newest; r; r = older) {
        older = r->older;
        if (memcmp(r->endpoint->account, account, FH__ACCOUNT_LEN) == 0)
            drop(c, r);
    }
    for (size_t i = 0; i < c->table.n; i++)
        for (struct fh__entry *e = c->table.chains[i]; e; e = e->next) {
            r = FH__OF(e, struct record, entry);
            r->is_stale = !r->endpoint;
        }
}

void fh__endpoints_count(const struct fh__endpoints *c, struct fh__endpoints_counters *out)
{
    *out = (struct fh__endpoints_counters){.hits = c->hits, .misses = c->misses, .n = c->n};
}
