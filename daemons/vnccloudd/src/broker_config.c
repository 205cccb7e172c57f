/* SPDX-License-Identifier: MIT */
/* broker_config.c -- the configuration as the broker has it. */
#include <string.h>

#include "broker.h"

/* "HOST:PORT" and "[V6]:PORT" were checked when they were set. */
static struct fh_broker_host host_of(const char *text)
{
    const char *colon = strrchr(text, ':');
    struct fh_broker_host h = {.host = {text, (size_t)(colon - text)}};

    if (*text == '[') {
        h.host.p++;
        h.host.len -= 2;
    }
    for (const char *p = colon + 1; *p; p++)
        h.port = (uint16_t)(h.port * 10 + (*p - '0'));
    return h;
}

static size_t hosts_of(char *const *list, size_t n, struct fh_broker_host *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = host_of(list[i]);
    return n;
}

#define SAME(a, b) _Static_assert((int)(a) == (int)(b), "as many as a frame holds")

SAME(FH__CONFIG_NODE_MAX, FH_BROKER_NODES_MAX);
SAME(FH__CONFIG_STUN_MAX, FH_BROKER_STUN_MAX);
SAME(FH__CONFIG_RELAY_MAX, FH_BROKER_RELAYS_MAX);
SAME(FH__CONFIG_TURN_MAX, FH_BROKER_TURN_MAX);

static void add_rates(const struct fh__config *c, struct fh__broker_config *out)
{
    out->failure = c->limit_failure;
    out->failure_network = c->limit_failure_network;
    out->failure_address = c->limit_failure_address;
    out->connect = c->limit_connect;
    out->connect_source = c->limit_connect_source;
    out->connect_target = c->limit_connect_target;
    out->connect_account = c->limit_connect_account;
    out->unknown = c->limit_unknown;
    out->log = c->limit_log;
}

void fh__broker_config(const struct fh__config *c, struct fh__broker_config *out)
{
    bool has_relays = c->n_relay_node > 0;
    size_t n = has_relays ? c->n_relay_node : c->n_node;

    memset(out, 0, sizeof *out);
    out->interval_ms = c->interval_s * 1000;
    out->max_clients = c->max_clients;
    out->max_conns = c->max_conns;
    out->signal_bytes = c->signal_bytes;
    out->turn_lifetime_s = c->turn_lifetime_s;
    out->nodes_len = hosts_of(c->node, c->n_node, out->nodes);
    out->stun_len = hosts_of(c->stun, c->n_stun, out->stun);
    out->relays_len = hosts_of(has_relays ? c->relay_node : c->node,
                               n < FH_BROKER_RELAYS_MAX ? n : FH_BROKER_RELAYS_MAX, out->relays);
    for (size_t i = 0; i < c->n_turn; i++)
        out->turn[out->turn_len++] = (struct fh_broker_text){c->turn[i], strlen(c->turn[i])};
    add_rates(c, out);
}
