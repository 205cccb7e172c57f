/* SPDX-License-Identifier: MIT */
/* When to connect again, and to which node: docs/protocol.md, "Life". */
#include "client_internal.h"

/* Uniform in 0 .. below - 1. */
static uint64_t uniform(struct fh_cloud_client *c, uint64_t below)
{
    uint64_t v;

    c->random(c->random_user, &v, sizeof v);
    return below > 0 ? v % below : 0; /* the bias is 2^-40 at these sizes */
}

static uint64_t min64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t fh__client_delay(struct fh_cloud_client *c, uint64_t now, uint32_t after_ms)
{
    bool was_online = c->phase == FH__ONLINE;
    unsigned n;
    uint64_t delay, least;

    if (was_online && now - c->online_since >= FH__STABLE_MS)
        c->failures = 0;
    n = c->failures++;
    delay = was_online && n == 0
                ? uniform(c, FH__FIRST_MS + 1)
                : uniform(c, min64(FH__CAP_MS, (uint64_t)FH__BASE_MS << (n < 20 ? n : 20)) + 1);
    if (c->is_restarting) {
        c->is_restarting = false;
        least = c->restart_at > now ? c->restart_at - now : 0;
        least += uniform(c, (uint64_t)c->restart_for_ms + 1);
        /* Sooner than a failure only once, or a service could have us dial without a pause. */
        return n > 0 && delay > least ? delay : least;
    }
    least = min64(after_ms, FH__RETRY_MAX_MS);
    return delay > least ? delay : least;
}

static size_t count_nodes(const struct fh_cloud_client *c)
{
    return c->service.nodes_len + c->learnt_len;
}

/* All of them, shuffled (Fisher and Yates). */
static void shuffle(struct fh_cloud_client *c)
{
    c->order_len = count_nodes(c);
    for (size_t i = 0; i < c->order_len; i++) {
        size_t j = (size_t)uniform(c, i + 1);

        c->order[i] = c->order[j];
        c->order[j] = (uint8_t)i;
    }
}

void fh__client_next_node(struct fh_cloud_client *c)
{
    size_t i;

    if (c->order_len == 0)
        shuffle(c);
    i = c->order[--c->order_len];
    c->node = i < c->service.nodes_len ? c->service.nodes[i] : c->learnt[i - c->service.nodes_len];
}

static bool is_known(const struct fh_cloud_client *c, const struct fh_cloud_node *n)
{
    for (size_t i = 0; i < count_nodes(c); i++) {
        const struct fh_cloud_node *k =
            i < c->service.nodes_len ? &c->service.nodes[i] : &c->learnt[i - c->service.nodes_len];

        if (k->port == n->port && strcmp(k->host, n->host) == 0)
            return true;
    }
    return false;
}

void fh__client_learn_nodes(struct fh_cloud_client *c, const struct fh_broker_host *nodes,
                            size_t len)
{
    c->learnt_len = 0;
    c->order_len = 0;
    for (size_t i = 0; i < len; i++) {
        struct fh_cloud_node n = {.port = nodes[i].port};

        memcpy(n.host, nodes[i].host.p, nodes[i].host.len);
        if (!is_known(c, &n))
            c->learnt[c->learnt_len++] = n;
    }
}
