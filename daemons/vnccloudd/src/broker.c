/* SPDX-License-Identifier: MIT */
/* broker.c -- the service that all clients share. */
#include "broker.h"

#include <stdlib.h>
#include <string.h>

#include "broker_internal.h"

enum { REPORT_MS = 10000 };

/* ---- limits ---- */

/* In the order of struct fh__broker_counters. */
struct limit {
    const char *name;
    size_t table, rate; /* offsets */
};

#define LIMIT(name, member)                                                                        \
    {                                                                                              \
        name, offsetof(struct fh__broker, member), offsetof(struct fh__broker_config, member)      \
    }

static const struct limit limits[FH__BROKER_LIMITS] = {
    LIMIT("failure", failure),
    LIMIT("failure-network", failure_network),
    LIMIT("failure-address", failure_address),
    LIMIT("connect", connect),
    LIMIT("connect-source", connect_source),
    LIMIT("connect-target", connect_target),
    LIMIT("connect-account", connect_account),
    LIMIT("unknown", unknown),
    LIMIT("log", log),
};

static struct fh__gcra *table_of(const struct fh__broker *b, size_t i)
{
    return (struct fh__gcra *)(void *)((char *)(uintptr_t)b + limits[i].table);
}

static const struct fh__rate *rate_of(const struct fh__broker *b, size_t i)
{
    return (const struct fh__rate *)(const void *)((const char *)&b->cfg + limits[i].rate);
}

static int init_limits(struct fh__broker *b)
{
    uint8_t key[FH__GCRA_KEY];
    int ret = 0;

    for (size_t i = 0; i < FH__BROKER_LIMITS && ret == 0; i++) {
        b->hooks.random(b->hooks.user, key, sizeof key);
        ret = fh__gcra_init(table_of(b, i), limits[i].name, rate_of(b, i), FH__LIMIT_SLOTS, key);
    }
    return ret;
}

/* One line for each limit in a window, however many were refused. */
static void on_report(struct fh__timer *t, uint64_t now_ms)
{
    struct fh__broker *b = FH__OF(t, struct fh__broker, report);
    struct fh__gcra_report r;

    for (size_t i = 0; i < FH__BROKER_LIMITS; i++)
        if (fh__gcra_report(table_of(b, i), now_ms, &r))
            fh__log(FH__LOG_WARNING, "limit-%s: %llu refused", r.name,
                    (unsigned long long)r.refused);
    fh__wheel_set(b->wheel, t, now_ms + REPORT_MS);
}

/* ---- life ---- */

struct fh__broker *fh__broker_new(const struct fh__broker_setup *setup,
                                  const struct fh__broker_config *cfg)
{
    struct fh__broker *b = calloc(1, sizeof *b);
    uint8_t key[16];

    if (!b)
        return NULL;
    b->hooks = *setup->hooks;
    b->cfg = *cfg;
    b->wheel = setup->wheel;
    b->presence = setup->presence;
    b->endpoints = setup->endpoints;
    b->store = setup->store;
    b->hooks.random(b->hooks.user, key, sizeof key);
    fh__table_init(&b->meetings, key);
    b->hooks.random(b->hooks.user, key, sizeof key);
    fh__table_init(&b->watches, key);
    b->report.fire = on_report;
    if (init_limits(b) != 0) {
        fh__broker_free(b);
        return NULL;
    }
    fh__wheel_set(b->wheel, &b->report, b->hooks.now_ms(b->hooks.user) + REPORT_MS);
    return b;
}

void fh__broker_configure(struct fh__broker *b, const struct fh__broker_config *cfg)
{
    fh_wipe(b->cfg.turn_secret, sizeof b->cfg.turn_secret);
    b->cfg = *cfg;
    for (size_t i = 0; i < FH__BROKER_LIMITS; i++)
        fh__gcra_set_rate(table_of(b, i), rate_of(b, i));
}

void fh__broker_free(struct fh__broker *b)
{
    if (!b)
        return;
    fh__recheck_cancel(b);
    fh__wheel_clear(b->wheel, &b->report);
    for (size_t i = 0; i < FH__BROKER_LIMITS; i++)
        fh__gcra_finish(table_of(b, i));
    fh__table_finish(&b->meetings);
    fh__table_finish(&b->watches);
    fh_wipe(b, sizeof *b);
    free(b);
}

/* ---- operators ---- */

struct fh__client *fh__broker_find(const struct fh__broker *b, const uint8_t address[static 12])
{
    struct fh__holder *h = fh__presence_find(b->presence, address);

    return h ? fh__client_of(h) : NULL;
}

void fh__broker_changed(struct fh__broker *b, const uint8_t address[static 12])
{
    fh__endpoints_forget(b->endpoints, address);
    fh__recheck(b, address);
}

struct each {
    bool (*each)(void *user, const struct fh__client_info *info);
    void *user;
};

static bool tell_one(void *user, struct fh__holder *h)
{
    const struct each *e = user;
    struct fh__client_info info;

    fh__client_info(fh__client_of(h), &info);
    return e->each(e->user, &info);
}

void fh__broker_each(struct fh__broker *b,
                     bool (*each)(void *user, const struct fh__client_info *info), void *user)
{
    struct each e = {each, user};

    fh__presence_each(b->presence, tell_one, &e);
}

/* Addresses of clients; found first, because they may go while they are looked at. */
struct list {
    const uint8_t *account; /* NULL: all */
    uint8_t (*of)[FH__ADDRESS_LEN];
    size_t n, max;
};

static bool add_to_list(void *user, struct fh__holder *h)
{
    struct list *l = user;

    if (l->account && memcmp(fh__client_of(h)->account, l->account, FH__ACCOUNT_LEN) != 0)
        return true;
    if (l->n < l->max)
        memcpy(l->of[l->n++], h->address, FH__ADDRESS_LEN);
    return l->n < l->max;
}

static struct list list_of(struct fh__broker *b, const uint8_t *account)
{
    struct list l = {.account = account, .max = fh__presence_count(b->presence)};

    l.of = calloc(l.max ? l.max : 1, sizeof *l.of);
    if (l.of && l.max)
        fh__presence_each(b->presence, add_to_list, &l);
    return l;
}

void fh__broker_account_changed(struct fh__broker *b, const uint8_t account[static 16])
{
    struct list l = list_of(b, account);

    fh__endpoints_forget_account(b->endpoints, account);
    for (size_t i = 0; i < l.n; i++)
        fh__recheck(b, l.of[i]);
    free(l.of);
}

bool fh__broker_disconnect(struct fh__broker *b, const uint8_t address[static 12])
{
    struct fh__client *c = fh__broker_find(b, address);

    if (c)
        fh__client_error(c, FH_BROKER_E_BUSY, FH__RETRY_MS, 0, "disconnected by an operator");
    return c != NULL;
}

/* ---- the end ---- */

static void send_away(struct fh__broker *b, struct fh__client *c, uint32_t spread_ms)
{
    struct fh_broker_frame f = {.type = FH_BROKER_RESTARTING};
    uint32_t random;

    b->hooks.random(b->hooks.user, &random, sizeof random);
    f.restarting.reconnect_in_ms = (uint32_t)((uint64_t)spread_ms * random >> 32);
    f.restarting.try_for_ms = 0;
    if (fh__client_send(c, &f))
        fh__client_close(c);
}

void fh__broker_drain(struct fh__broker *b, uint32_t spread_ms)
{
    struct list l = list_of(b, NULL);
    struct fh__client *c;

    b->is_draining = true;
    for (size_t i = 0; i < l.n; i++)
        if ((c = fh__broker_find(b, l.of[i])) != NULL)
            send_away(b, c, spread_ms);
    free(l.of);
}

void fh__broker_count(const struct fh__broker *b, struct fh__broker_counters *out)
{
    *out = b->counters;
    out->clients = b->clients;
    out->online = b->online;
    out->conns = b->meetings.used;
    out->watches = b->watches.used;
    /* Its place among those present is a pointer, of which there are at most twice as many. */
    out->client_bytes = sizeof(struct fh__client) + 2 * sizeof(void *);
    for (size_t i = 0; i < FH__BROKER_LIMITS; i++)
        out->limits[i] = table_of(b, i);
}
