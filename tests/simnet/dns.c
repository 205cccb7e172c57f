/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { DELAY_MS = 20 };

struct name {
    struct name *next;
    char text[64];
    struct sim_addr addrs[MAX_ADDRS];
    size_t n;
    uint64_t delay;
};

/* A question under way. */
struct query {
    struct sim *world;
    struct query *next;
    char text[64];
    uint8_t family;
    sim_dns_fn fn;
    void *user;
};

static struct name *find(struct sim *w, const char *text)
{
    struct name *n = w->names;

    while (n && strcmp(n->text, text) != 0)
        n = n->next;
    return n;
}

static struct name *find_or_add(struct sim *w, const char *text)
{
    struct name *n = find(w, text);

    if (n)
        return n;
    n = sim__alloc(sizeof *n);
    assert(strlen(text) < sizeof n->text);
    memcpy(n->text, text, strlen(text) + 1);
    n->delay = DELAY_MS * SIM_MS;
    n->next = w->names;
    w->names = n;
    return n;
}

void sim_dns_add(struct sim *w, const char *name, const char *ip)
{
    struct name *n = find_or_add(w, name);

    assert(n->n < MAX_ADDRS);
    n->addrs[n->n++] = sim_addr(ip, 0);
}

void sim_dns_delay(struct sim *w, const char *name, uint64_t delay_us)
{
    find_or_add(w, name)->delay = delay_us;
}

static void unlink_query(struct query *q)
{
    struct query **at = &q->world->queries;

    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
}

static void answer(void *user)
{
    struct query *q = user;
    struct name *n = find(q->world, q->text);
    struct sim_addr addrs[MAX_ADDRS];
    size_t count = 0;

    for (size_t i = 0; n && i < n->n; i++)
        if (n->addrs[i].family == q->family)
            addrs[count++] = n->addrs[i];
    unlink_query(q);
    if (q->fn)
        q->fn(q->user, q->text, addrs, count);
    free(q);
}

void sim_dns_query(struct sim *w, const char *name, uint8_t family, sim_dns_fn fn, void *user)
{
    struct name *n = find(w, name);
    struct query *q;

    if (n && n->delay == SIM_NEVER)
        return;
    q = sim__alloc(sizeof *q);
    *q = (struct query){.world = w, .family = family, .fn = fn, .user = user};
    assert(strlen(name) < sizeof q->text);
    memcpy(q->text, name, strlen(name) + 1);
    q->next = w->queries;
    w->queries = q;
    sim_after(w, n ? n->delay : DELAY_MS * SIM_MS, answer, q);
}

void sim__dns_forget(struct sim *w, const void *user)
{
    for (struct query *q = w->queries; q; q = q->next)
        if (q->user == user)
            q->fn = NULL;
}

void sim__dns_free(struct sim *w)
{
    for (struct query *q = w->queries, *next; q; q = next) {
        next = q->next;
        free(q);
    }
    for (struct name *n = w->names, *next; n; n = next) {
        next = n->next;
        free(n);
    }
}
