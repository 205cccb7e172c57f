/* SPDX-License-Identifier: MIT */
#include "cloud.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "exitcode.h"

enum { PATH_ROOM = 4096, STUN_SLOTS = 65536, SPREAD_MIN_MS = 1000, SPREAD_MAX_MS = 3600000 };

static uint64_t on_now(void *user)
{
    return uv_now(((struct fh__cloud *)user)->loop);
}

/* The loop waits, or it is busy. */
static uint64_t on_busy(void *user)
{
    struct fh__cloud *c = user;

    return (uv_hrtime() - c->started_ns - uv_metrics_idle_time(c->loop)) / 1000;
}

static void on_random(void *user, void *out, size_t len)
{
    (void)user;
    randombytes_buf(out, len);
}

static int no_memory(char *why, size_t room)
{
    snprintf(why, room, "out of memory");
    return FH__EXIT_UNEXPECTED;
}

/* ---- listening ---- */

/* The broker and the others are there before the loop runs. */
static void to_broker(void *user, struct fh_stream *s, const struct fh_address *peer)
{
    fh__broker_uv_accept(((struct fh__cloud *)user)->clients, s, peer);
}

static void to_relay(void *user, struct fh_stream *s, const struct fh_address *peer)
{
    fh__relay_accept(((struct fh__cloud *)user)->relay, s, peer);
}

static void to_office(void *user, struct fh_stream *s, const struct fh_address *peer)
{
    const struct fh__acceptor *a = fh__office_acceptor(((struct fh__cloud *)user)->office);

    a->accept(a->user, s, peer);
}

static int open_stun(struct fh__cloud *c, char *why, size_t room)
{
    struct fh__stun_config cfg = {.addresses = (const char *const *)c->cfg->stun_listen,
                                  .addresses_len = c->cfg->n_stun_listen,
                                  .host = &c->stun_host,
                                  .network = &c->stun_network};
    uint8_t keys[2][FH__GCRA_KEY];

    randombytes_buf(keys, sizeof keys);
    if (fh__gcra_init(&c->stun_host, "stun", &c->cfg->limit_stun, STUN_SLOTS, keys[0]) != 0 ||
        fh__gcra_init(&c->stun_network, "stun-network", &c->cfg->limit_stun_network, STUN_SLOTS,
                      keys[1]) != 0) {
        snprintf(why, room, "out of memory");
        return -1;
    }
    if (strcmp(c->cfg->stun_listen[0], "none") == 0)
        return 0;
    return fh__stun_open(c->loop, &cfg, &c->stun, why, room);
}

int fh__cloud_listen(struct fh__cloud *c, uv_loop_t *loop, const struct fh__config *cfg, char *why,
                     size_t room)
{
    struct fh__front_config front = {.acceptors = {[FH__FRONT_BROKER] = {to_broker, c},
                                                   [FH__FRONT_RELAY] = {to_relay, c},
                                                   [FH__FRONT_HTTP] = {to_office, c}},
                                     .now_ms = on_now,
                                     .busy_us = on_busy,
                                     .random = on_random,
                                     .user = c};
    uint8_t key[16];

    c->loop = loop;
    c->cfg = cfg;
    c->started_ns = uv_hrtime();
    fh__wheel_uv_start(&c->timers, loop);
    front.wheel = &c->timers.wheel;
    front.doorstep = c->doorstep = malloc(sizeof *c->doorstep);
    if (!c->doorstep) {
        (void)no_memory(why, room);
        return -1;
    }
    randombytes_buf(key, sizeof key);
    fh__doorstep_init(c->doorstep, key);
    if (fh__front_open(loop, cfg, &front, &c->front, why, room) != 0)
        return -1;
    return open_stun(c, why, room);
}

/* ---- the rest ---- */

static int open_log(struct fh__cloud *c, char *why, size_t room)
{
    char folder[PATH_ROOM];
    struct fh__tlog_config cfg = {.folder = folder, .name = c->cfg->name};

    snprintf(folder, sizeof folder, "%s/log", c->cfg->state);
    return fh__tlog_open(c->loop, &cfg, &c->log, why, room) == 0 ? 0 : FH__EXIT_STATE;
}

static int open_office(struct fh__cloud *c, char *why, size_t room)
{
    if (fh__office_open(c->loop, c->cfg, NULL, why, room, &c->office) != 0)
        return FH__EXIT_STORE;
    fh__changelog_set_leaf(fh__office_changelog(c->office), fh__cloud_leaf, c);
    return 0;
}

/* The secret of a TURN server that cannot be read is an error at the start only. */
static int configure_broker(struct fh__cloud *c, struct fh__broker_config *out, char *why,
                            size_t room)
{
    int len;

    fh__broker_config(c->cfg, out);
    if (c->cfg->n_turn == 0)
        return 0;
    len = fh__turn_secret(c->cfg->turn_secret_file, out->turn_secret, sizeof out->turn_secret, why,
                          room);
    out->turn_secret_len = len > 0 ? (size_t)len : 0;
    return len > 0 ? 0 : -1;
}

static int open_broker(struct fh__cloud *c, char *why, size_t room)
{
    struct fh__broker_setup setup = {
        .hooks = &c->hooks, .wheel = &c->timers.wheel, .store = fh__office_store(c->office)};
    struct fh__broker_config cfg;
    uint8_t keys[2][16];
    int ret = configure_broker(c, &cfg, why, room);

    if (ret == 0) {
        randombytes_buf(keys, sizeof keys);
        fh__cloud_broker_hooks(c);
        setup.presence = c->presence = fh__presence_local_new(keys[0]);
        setup.endpoints = c->endpoints = fh__endpoints_new(setup.store, c->cfg->cache, keys[1]);
        if (c->presence && c->endpoints)
            c->broker = fh__broker_new(&setup, &cfg);
        if (c->broker)
            c->clients = fh__broker_uv_new(c->broker, c->doorstep);
    }
    fh_wipe(&cfg, sizeof cfg);
    if (ret)
        return FH__EXIT_STATE;
    return c->clients ? 0 : no_memory(why, room);
}

static int open_relay(struct fh__cloud *c, char *why, size_t room)
{
    struct fh__relay_config cfg = {.max_pairs = c->cfg->max_relayed,
                                   .max_account_pairs = c->cfg->max_relayed_account,
                                   .kbit = c->cfg->relay_kbit};

    memcpy(cfg.key, c->keys.relay_key, sizeof cfg.key);
    c->relay = fh__relay_new(c->loop, &cfg);
    fh_wipe(&cfg, sizeof cfg);
    return c->relay ? 0 : no_memory(why, room);
}

static int open_keys(struct fh__cloud *c, char *why, size_t room)
{
    if (fh__keys_open(c->cfg, (int64_t)time(NULL), true, &c->keys, why, room) != 0 ||
        fh__front_certificate(c->front, c->keys.cert_pem, c->keys.key_pem, why, room) != 0)
        return FH__EXIT_STATE;
    return 0;
}

int fh__cloud_open(struct fh__cloud *c, char *why, size_t room)
{
    struct fh__api_hooks api;
    int ret = open_keys(c, why, room);

    ret = ret ? ret : open_log(c, why, room);
    ret = ret ? ret : open_office(c, why, room);
    ret = ret ? ret : open_broker(c, why, room);
    ret = ret ? ret : open_relay(c, why, room);
    if (ret)
        return ret;
    fh__cloud_api_hooks(c, &api);
    fh__office_set_hooks(c->office, &api);
    return fh__office_listen(c->office, why, room) == 0 ? 0 : FH__EXIT_LISTEN;
}

int fh__cloud_certificate(struct fh__cloud *c, char *why, size_t room)
{
    struct fh__keys fresh;

    if (fh__keys_open(c->cfg, (int64_t)time(NULL), true, &fresh, why, room) != 0)
        return -1;
    if (fh__front_certificate(c->front, fresh.cert_pem, fresh.key_pem, why, room) != 0) {
        fh__keys_wipe(&fresh);
        return -1;
    }
    /* The relay goes on with the key that it has. */
    memcpy(fresh.relay_key, c->keys.relay_key, sizeof fresh.relay_key);
    fh__keys_wipe(&c->keys);
    c->keys = fresh;
    return 0;
}

void fh__cloud_configure(struct fh__cloud *c)
{
    struct fh__broker_config cfg;
    char why[400];

    if (configure_broker(c, &cfg, why, sizeof why) != 0)
        fh__log(FH__LOG_ERROR, "no credentials for TURN: %s", why);
    fh__broker_configure(c->broker, &cfg);
    fh_wipe(&cfg, sizeof cfg);
    fh__front_configure(c->front, c->cfg);
    fh__office_configure(c->office);
}

/* ---- the end ---- */

static void finish(struct fh__cloud *c)
{
    fh__broker_free(c->broker);
    fh__endpoints_free(c->endpoints);
    fh__presence_free(c->presence);
    fh__gcra_finish(&c->stun_host);
    fh__gcra_finish(&c->stun_network);
    fh__keys_wipe(&c->keys);
    free(c->doorstep);
    fh__wheel_uv_close(&c->timers);
    if (c->closed)
        c->closed(c->closed_user);
}

static void on_log_closed(void *user)
{
    struct fh__cloud *c = user;

    c->log = NULL;
    finish(c);
}

/* The log is the last that is written: the record of the end is in it, too. */
static void close_log(struct fh__cloud *c)
{
    if (!c->has_office_closed || c->leaves > 0)
        return;
    if (c->log)
        fh__tlog_close(c->log, on_log_closed, c);
    else
        finish(c);
}

void fh__cloud_leaf_done(struct fh__cloud *c)
{
    c->leaves--;
    close_log(c);
}

static void on_office_closed(void *user)
{
    struct fh__cloud *c = user;

    c->has_office_closed = true;
    close_log(c);
}

static void on_part_closed(void *user)
{
    struct fh__cloud *c = user;

    if (--c->closing > 0)
        return;
    if (c->office)
        fh__office_close(c->office, on_office_closed, c);
    else
        on_office_closed(c);
}

/* As long as it takes to let all of them in again, at the rate that was measured. */
static uint32_t spread_of(const struct fh__cloud *c)
{
    struct fh__front_counters f;
    struct fh__broker_counters b;
    uint64_t ms = (uint64_t)c->cfg->drain_s * 1000;

    fh__front_count(c->front, &f);
    fh__broker_count(c->broker, &b);
    if (ms == 0)
        ms = 2000 * (uint64_t)b.online / (f.rate ? f.rate : 1);
    if (ms < SPREAD_MIN_MS)
        ms = SPREAD_MIN_MS;
    return ms > SPREAD_MAX_MS ? SPREAD_MAX_MS : (uint32_t)ms;
}

static void send_all_away(struct fh__cloud *c)
{
    uint32_t spread_ms = spread_of(c);

    fh__log(FH__LOG_INFO, "clients are told to come back within %u s", (spread_ms + 999) / 1000);
    fh__broker_drain(c->broker, spread_ms);
}

void fh__cloud_close(struct fh__cloud *c, void (*closed)(void *user), void *user)
{
    c->closed = closed;
    c->closed_user = user;
    c->closing = 1;
    if (c->broker)
        send_all_away(c);
    c->closing +=
        (c->front != NULL) + (c->stun != NULL) + (c->clients != NULL) + (c->relay != NULL);
    if (c->front)
        fh__front_close(c->front, on_part_closed, c);
    if (c->stun)
        fh__stun_close(c->stun, on_part_closed, c);
    if (c->clients)
        fh__broker_uv_close(c->clients, on_part_closed, c);
    if (c->relay)
        fh__relay_close(c->relay, on_part_closed, c);
    if (c->office)
        fh__office_drain(c->office);
    on_part_closed(c);
}
