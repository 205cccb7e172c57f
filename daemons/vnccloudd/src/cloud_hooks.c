/* SPDX-License-Identifier: MIT */
/* cloud_hooks.c -- what the parts of the cloud ask of each other. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "cloud.h"
#include "ticket.h"

/* ---- time and chance ---- */

static uint64_t on_now(void *user)
{
    return uv_now(((struct fh__cloud *)user)->loop);
}

static uint64_t on_utc(void *user)
{
    struct timespec ts;

    (void)user;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void on_random(void *user, void *out, size_t len)
{
    (void)user;
    randombytes_buf(out, len);
}

/* ---- the broker's: relay and log ---- */

static size_t on_ticket(void *user, const struct fh__ticket_for *t, uint64_t expires_ms,
                        uint8_t out[FH_BROKER_TICKET_MAX])
{
    const struct fh__cloud *c = user;
    struct fh__ticket ticket = {.side = t->is_server ? FH__TICKET_SERVER : FH__TICKET_VIEWER,
                                .expires_ms = expires_ms,
                                .kbit = t->kbit ? t->kbit : c->cfg->relay_kbit,
                                .bytes = t->bytes};

    memcpy(ticket.conn, t->conn, sizeof ticket.conn);
    memcpy(ticket.account, t->account, sizeof ticket.account);
    fh__ticket_make(c->keys.relay_key, &ticket, out);
    return FH__TICKET_LEN;
}

static size_t on_checkpoint(void *user, char *out, size_t room)
{
    const struct fh__cloud *c = user;
    size_t len = 0;
    const char *note = fh__tlog_checkpoint(c->log, &len);

    if (len > room)
        return 0;
    memcpy(out, note, len);
    return len;
}

static void on_appended(void *user, int error, uint64_t index, const uint8_t salt[FH_TLOG_SALT_LEN])
{
    struct fh__append *a = user;

    if (error == 0) {
        a->index = index;
        memcpy(a->salt, salt, sizeof a->salt);
    }
    a->done(a, error);
}

static int on_append(void *user, struct fh__append *a)
{
    const struct fh__cloud *c = user;

    return fh__tlog_append_binding(c->log, &a->binding, on_appended, a);
}

static size_t on_log_proof(void *user, uint64_t index, const uint8_t salt[FH_TLOG_SALT_LEN],
                           uint8_t *out, size_t room)
{
    const struct fh__cloud *c = user;
    int len = fh__tlog_prove(c->log, index, salt, out, room);

    if (len < 0)
        fh__log(FH__LOG_ERROR, "the log cannot prove leaf %llu", (unsigned long long)index);
    return len > 0 ? (size_t)len : 0;
}

static int on_consistency(void *user, uint64_t old_size, uint64_t new_size,
                          uint8_t out[FH_TLOG_MAX_PROOF][FH_TLOG_HASH_LEN])
{
    const struct fh__cloud *c = user;

    return fh__tlog_consistency(c->log, old_size, new_size, out);
}

static void on_enrolled(void *user, const struct fh__endpoint *e)
{
    const struct fh__cloud *c = user;
    char name[FH_CLOUD_ADDRESS_TEXT];
    const struct fh__change_event ev = {.what = FH__CHANGE_ADDRESS_ENROLLED,
                                        .actor = "endpoint",
                                        .account = e->account,
                                        .address = e->address,
                                        .target = name};

    fh_cloud_address_print(e->address, name);
    fh__changelog_write(fh__office_changelog(c->office), &ev);
}

void fh__cloud_broker_hooks(struct fh__cloud *c)
{
    c->hooks = (struct fh__broker_hooks){.user = c,
                                         .now_ms = on_now,
                                         .utc_ms = on_utc,
                                         .random = on_random,
                                         .enrolled = on_enrolled,
                                         .ticket = on_ticket,
                                         .checkpoint = on_checkpoint,
                                         .append = on_append,
                                         .log_proof = on_log_proof,
                                         .consistency = on_consistency};
    fh__broker_uv_hooks(&c->hooks);
}

/* ---- the audit's ---- */

static void on_leaf(void *user, int error, uint64_t index, const uint8_t salt[FH_TLOG_SALT_LEN])
{
    (void)index;
    (void)salt;
    if (error)
        fh__log(FH__LOG_ERROR, "a change is not in the log: %s", fh__store_strerror(error));
    fh__cloud_leaf_done(user);
}

void fh__cloud_leaf(void *user, enum fh__leaf kind, const uint8_t *address, const char *line,
                    size_t len)
{
    struct fh__cloud *c = user;
    int error;

    if (!c->log)
        return;
    c->leaves++;
    error = fh__tlog_append_line(c->log, (uint8_t)kind, address, line, len, on_leaf, c);
    if (error)
        on_leaf(c, error, 0, NULL);
}

/* ---- the API's ---- */

/* Texts are c's, until the next one. */
static void describe(struct fh__cloud *c, const struct fh__client_info *info,
                     struct fh__api_online *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->address, info->address, sizeof out->address);
    memcpy(out->account, info->account, sizeof out->account);
    out->since_ms = on_utc(c) - (on_now(c) - info->since_ms);
    out->roles = info->roles;
    fh__broker_uv_peer(info->conn, c->peer, sizeof c->peer);
    out->peer = c->peer;
    out->program = info->program;
}

static bool on_online(void *user, const uint8_t address[FH__ADDRESS_LEN],
                      struct fh__api_online *out)
{
    struct fh__cloud *c = user;
    struct fh__client *client = fh__broker_find(c->broker, address);
    struct fh__client_info info;

    if (!client)
        return false;
    fh__client_info(client, &info);
    describe(c, &info, out);
    return true;
}

struct telling {
    struct fh__cloud *cloud;
    bool (*each)(void *arg, const struct fh__api_online *o);
    void *arg;
};

static bool tell_one(void *user, const struct fh__client_info *info)
{
    const struct telling *t = user;
    struct fh__api_online o;

    describe(t->cloud, info, &o);
    return t->each(t->arg, &o);
}

static void on_each_online(void *user, bool (*each)(void *arg, const struct fh__api_online *o),
                           void *arg)
{
    struct telling t = {user, each, arg};

    fh__broker_each(t.cloud->broker, tell_one, &t);
}

static bool on_disconnect(void *user, const uint8_t address[FH__ADDRESS_LEN])
{
    return fh__broker_disconnect(((struct fh__cloud *)user)->broker, address);
}

static void on_changed(void *user, const uint8_t address[FH__ADDRESS_LEN],
                       enum fh__api_change change)
{
    struct fh__cloud *c = user;

    fh__broker_changed(c->broker, address);
    if (change == FH__API_DELETED)
        fh__tlog_forget(c->log, address);
}

static void on_account_changed(void *user, const uint8_t account[FH__ACCOUNT_LEN], bool is_gone)
{
    (void)is_gone;
    fh__broker_account_changed(((struct fh__cloud *)user)->broker, account);
}

static char *on_openings(void *user, const uint8_t address[FH__ADDRESS_LEN], int *error)
{
    return fh__tlog_openings_json(((struct fh__cloud *)user)->log, address, error);
}

static bool on_root_crl(void *user, struct fh__http_reply *out)
{
    const struct fh__cloud *c = user;

    if (!c->keys.crl || !(out->body = malloc(c->keys.crl_len)))
        return false;
    memcpy(out->body, c->keys.crl, c->keys.crl_len);
    out->len = c->keys.crl_len;
    out->type = "application/pkix-crl";
    return true;
}

static bool on_log_file(void *user, const char *path, struct fh__http_reply *out)
{
    const struct fh__cloud *c = user;
    struct fh__tlog_file file;

    if (fh__tlog_get(c->log, path, strlen(path), &file) != 0)
        return false;
    out->status = 200;
    out->type = file.type;
    out->body = (char *)file.body;
    out->len = file.len;
    return fh__http_add(out, "Cache-Control", file.cache);
}

/* ---- metrics ---- */

static void one(struct fh__text *t, const char *name, const char *type, const char *help,
                uint64_t value)
{
    fh__metric(t, name, type, help);
    fh__metric_value(t, name, "", value);
}

static void limit(struct fh__text *t, const struct fh__gcra *g, uint64_t now_ms)
{
    char labels[80];

    snprintf(labels, sizeof labels, "{limit=\"%s\",result=\"taken\"}", g->name);
    fh__metric_value(t, "vnccloudd_limit_total", labels, g->taken);
    snprintf(labels, sizeof labels, "{limit=\"%s\",result=\"refused\"}", g->name);
    fh__metric_value(t, "vnccloudd_limit_total", labels, g->refused);
    snprintf(labels, sizeof labels, "{limit=\"%s\",result=\"collided\"}", g->name);
    fh__metric_value(t, "vnccloudd_limit_total", labels, g->collisions);
    snprintf(labels, sizeof labels, "{limit=\"%s\",result=\"occupied\"}", g->name);
    fh__metric_value(t, "vnccloudd_limit_total", labels, fh__gcra_occupied(g, now_ms));
}

static void limits(struct fh__cloud *c, const struct fh__broker_counters *b,
                   const struct fh__front_counters *f, struct fh__text *t)
{
    fh__metric(t, "vnccloudd_limit_total", "untyped",
               "What limits of rates let through and refused; collided: shared a place; occupied: "
               "places of the table in use.");
    for (size_t i = 0; i < FH__BROKER_LIMITS; i++)
        limit(t, b->limits[i], on_now(c));
    for (size_t i = 0; i < 2; i++)
        limit(t, f->limits[i], on_now(c));
    limit(t, &c->stun_host, on_now(c));
    limit(t, &c->stun_network, on_now(c));
}

static void door(const struct fh__cloud *c, const struct fh__front_counters *f, struct fh__text *t)
{
    one(t, "vnccloudd_accepted_total", "counter", "TCP connections.", f->accepted);
    one(t, "vnccloudd_handshakes_total", "counter", "TLS handshakes that worked.", f->handshakes);
    one(t, "vnccloudd_handshakes_resumed_total", "counter", "Of these, resumed.", f->resumed);
    one(t, "vnccloudd_handshakes_failed_total", "counter", "TLS handshakes that did not.",
        f->failed);
    one(t, "vnccloudd_handshakes_dropped_total", "counter", "Of these, dropped by admission.",
        f->dropped);
    one(t, "vnccloudd_handshakes_waiting", "gauge", "Handshakes that wait for their turn.",
        f->waiting);
    one(t, "vnccloudd_handshakes_rate", "gauge", "Full handshakes that are begun in a second.",
        f->rate);
    one(t, "vnccloudd_half_open", "gauge", "Connections that have not said who they are.",
        c->doorstep->n);
    one(t, "vnccloudd_half_open_max", "gauge", "The most of them.", c->doorstep->max);
    one(t, "vnccloudd_half_open_refused_total", "counter", "Refused because of that.",
        c->doorstep->refused + c->doorstep->refused_source);
}

static void brokering(const struct fh__cloud *c, const struct fh__broker_counters *b,
                      struct fh__text *t)
{
    struct fh__endpoints_counters e;

    fh__endpoints_count(c->endpoints, &e);
    one(t, "vnccloudd_clients", "gauge", "Clients that are signed in.", b->online);
    one(t, "vnccloudd_clients_max", "gauge", "The most of them.", c->cfg->max_clients);
    one(t, "vnccloudd_client_bytes", "gauge", "Memory of one at rest, without its stream.",
        b->client_bytes);
    one(t, "vnccloudd_conns", "gauge", "Conns between two clients.", b->conns);
    one(t, "vnccloudd_watches", "gauge", "Addresses that clients watch.", b->watches);
    one(t, "vnccloudd_cached", "gauge", "Addresses that are remembered.", e.n);
    one(t, "vnccloudd_cache_hits_total", "counter", "Look-ups without the database.", e.hits);
    one(t, "vnccloudd_cache_misses_total", "counter", "Look-ups with it.", e.misses);
#define X(name, text) one(t, "vnccloudd_broker_" #name "_total", "counter", text ".", b->name);
    FH__BROKER_COUNTERS(X)
#undef X
}

static void others(const struct fh__cloud *c, struct fh__text *t)
{
    struct fh__relay_counters r;
    struct fh__stun_counters s = {.received = 0};
    struct fh__tlog_counters l;

    fh__relay_count(c->relay, &r);
    fh__tlog_count(c->log, &l);
    if (c->stun)
        fh__stun_count(c->stun, &s);
    one(t, "vnccloudd_relayed", "gauge", "Sessions that are relayed.", r.pairs);
    one(t, "vnccloudd_relayed_max", "gauge", "The most of them.", c->cfg->max_relayed);
    one(t, "vnccloudd_relay_waiting", "gauge", "Relay connections that wait for the other one.",
        r.waiting);
    one(t, "vnccloudd_relay_bytes_total", "counter", "Bytes that were relayed.", r.bytes);
    one(t, "vnccloudd_stun_received_total", "counter", "Datagrams of STUN.", s.received);
    one(t, "vnccloudd_stun_answered_total", "counter", "Of these, answered.", s.answered);
    one(t, "vnccloudd_log_size", "gauge", "Leaves of the log.", fh__tlog_size(c->log));
    one(t, "vnccloudd_log_broken", "gauge", "Nothing more is written to the log.", l.is_broken);
}

static void on_metrics(void *user, struct fh__text *out)
{
    struct fh__cloud *c = user;
    struct fh__broker_counters b;
    struct fh__front_counters f;

    fh__broker_count(c->broker, &b);
    fh__front_count(c->front, &f);
    door(c, &f, out);
    brokering(c, &b, out);
    others(c, out);
    limits(c, &b, &f, out);
}

void fh__cloud_api_hooks(struct fh__cloud *c, struct fh__api_hooks *out)
{
    *out = (struct fh__api_hooks){.user = c,
                                  .online = on_online,
                                  .each_online = on_each_online,
                                  .disconnect = on_disconnect,
                                  .changed = on_changed,
                                  .account_changed = on_account_changed,
                                  .root_crl = on_root_crl,
                                  .log_file = on_log_file,
                                  .openings = on_openings,
                                  .metrics = on_metrics};
}
