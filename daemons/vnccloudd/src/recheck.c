/* SPDX-License-Identifier: MIT */
/* recheck.c -- an address was changed: who is signed in may not be any more, or may not know. */
#include <stdlib.h>
#include <string.h>

#include "broker_internal.h"

/* Looks an address up, and for a watch the one that is watched. */
struct fh__recheck_job {
    struct fh__lookup lookup;
    struct fh__recheck_job *next, **at;
    struct fh__broker *broker;
    uint8_t who[FH__ADDRESS_LEN], target[FH__ADDRESS_LEN];
    unsigned lookups;
    bool is_watch, is_target; /* target: what is looked up now */
};

static void finish(struct fh__recheck_job *j)
{
    fh__lookup_cancel(&j->lookup);
    *j->at = j->next;
    if (j->next)
        j->next->at = j->at;
    free(j);
}

void fh__recheck_cancel(struct fh__broker *b)
{
    struct fh__recheck_job *j, *next;

    for (j = b->rechecks; j; j = next) {
        next = j->next;
        finish(j);
    }
}

static void step(struct fh__recheck_job *j);

/* Without an answer nobody keeps what he may not have: it is as if it were not there. */
static void look_at_client(struct fh__recheck_job *j, const struct fh__endpoint *e)
{
    struct fh__client *c = fh__broker_find(j->broker, j->who);
    enum fh_broker_code code =
        e && e->binding ? fh__endpoint_verdict(j->broker, e) : FH_BROKER_E_SIGN_IN;

    if (!c)
        return;
    if (!code && !(c->roles & e->roles))
        code = FH_BROKER_E_SIGN_IN;
    if (code) {
        fh__client_error(c, code, 0, 0, "the address was changed");
        return;
    }
    c->roles &= e->roles;
    if (!(c->roles & FH_BROKER_WATCHES))
        fh__watch_clear(c);
    c->expires_ms = e->expires_ms;
    c->relay_kbit = e->relay_kbit;
    c->relay_bytes = e->relay_bytes;
    fh__client_set_timer(c);
}

static void look_at_watch(struct fh__recheck_job *j, const struct fh__endpoint *own,
                          const struct fh__endpoint *e)
{
    struct fh__client *c = fh__broker_find(j->broker, j->who);

    if (c && (!own || !e || !fh__endpoint_allows(e, own)))
        fh__watch_remove(c, j->target);
}

static void on_found(struct fh__lookup *l, const struct fh__endpoint *e, int ret)
{
    struct fh__recheck_job *j = FH__OF(l, struct fh__recheck_job, lookup);

    (void)ret;
    if (e && j->lookups++ < FH__LOOKUPS_MAX) {
        step(j);
        return;
    }
    if (j->is_watch)
        look_at_watch(j, NULL, NULL);
    else
        look_at_client(j, NULL);
    finish(j);
}

static const struct fh__endpoint *get(struct fh__recheck_job *j, const uint8_t *address)
{
    const struct fh__endpoint *e = NULL;
    int ret = fh__endpoints_get(j->broker->endpoints, address, &j->lookup, &e);

    if (ret < 0)
        on_found(&j->lookup, NULL, ret);
    return e;
}

static void step(struct fh__recheck_job *j)
{
    const struct fh__endpoint *own = get(j, j->who), *e = NULL;

    if (!own || (j->is_watch && !(e = get(j, j->target))))
        return;
    if (j->is_watch)
        look_at_watch(j, own, e);
    else
        look_at_client(j, own);
    finish(j);
}

static struct fh__recheck_job *job_new(struct fh__broker *b, const uint8_t *who)
{
    struct fh__recheck_job *j = calloc(1, sizeof *j);

    if (!j)
        return NULL;
    j->broker = b;
    j->lookup.done = on_found;
    memcpy(j->who, who, sizeof j->who);
    j->next = b->rechecks;
    j->at = &b->rechecks;
    if (j->next)
        j->next->at = &j->next;
    b->rechecks = j;
    return j;
}

/* Not begun yet: what is being gone through must stay as it is. */
static bool add_watch(void *user, const struct fh__watch *w)
{
    struct fh__broker *b = user;
    struct fh__recheck_job *j = job_new(b, w->client->holder.address);

    if (!j)
        return false;
    j->is_watch = true;
    memcpy(j->target, w->address, sizeof j->target);
    return true;
}

static void begin_all(struct fh__broker *b, struct fh__recheck_job *until)
{
    struct fh__recheck_job *j, *next;

    for (j = b->rechecks; j != until; j = next) {
        next = j->next;
        step(j);
    }
}

void fh__recheck(struct fh__broker *b, const uint8_t address[static 12])
{
    struct fh__recheck_job *until = b->rechecks;
    struct fh__client *c = fh__broker_find(b, address);

    (void)fh__watch_each(b, address, add_watch, b);
    for (struct fh__watch *w = c ? c->watches : NULL; w; w = w->next)
        (void)add_watch(b, w);
    if (c && !job_new(b, address))
        fh__client_error(c, FH_BROKER_E_BUSY, FH__RETRY_MS, 0, "out of memory");
    begin_all(b, until);
}
