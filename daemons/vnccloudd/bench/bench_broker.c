/* SPDX-License-Identifier: MIT */
/*
 * bench_broker.c -- what the broker does in a second with so many clients signed in, without
 * sockets and TLS: memory of each, pings, connections from CONNECT to END.
 */
#define _GNU_SOURCE /* mallinfo2 */
#include <malloc.h>
#include <stdio.h>
#include <time.h>

#include "../src/signin.c"
#include "../tests/broker_world.h"

enum { MOST = 100000, ACTIVE = 2000 };

static struct fh__client *clients[MOST];
static struct conn ends_of[2]; /* the two that talk just now: their output is thrown away */
static uint8_t last_conn[FH_CLOUD_CONN_LEN];
static struct fh__endpoint *model;

static double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool take(void *user, const uint8_t *frame, size_t len)
{
    (void)user;
    if (frame[0] == FH_BROKER_INCOMING && len > 20)
        memcpy(last_conn, frame + 4, sizeof last_conn);
    return true;
}

static void nothing(void *user)
{
    (void)user;
}

/* Every address is one of the model's. */
static void answer_all(void)
{
    struct fh__store_call *call;

    while ((call = world.first) != NULL) {
        world.first = call->next;
        if (!world.first)
            world.last = &world.first;
        call->ret = fh__endpoint_copy(model, &call->endpoint);
        memcpy(call->endpoint->address, call->address, sizeof call->address);
        call->done(call);
    }
}

static void address_of(uint32_t i, uint8_t out[FH__ADDRESS_LEN])
{
    memset(out, 0, FH__ADDRESS_LEN);
    memcpy(out + 1, &i, sizeof i);
}

/* As after a sign-in, without the time that proofs take. */
static void sign_in(uint32_t i)
{
    const struct fh_address peer = {.family = FH_ADDRESS_IPV4, .ip = {192, 0, 2, 1}};
    struct fh__client *c = fh__client_new(world.broker, &ends_of[i % 2], &peer, ends_of[0].binding);

    if (!c)
        abort();
    clients[i] = c;
    address_of(i, c->holder.address);
    c->sign_in->wants = 7;
    c->state = FH__CHECKING;
    welcome(c, model);
}

static void say(struct fh__client *c, const struct fh_broker_frame *f)
{
    uint8_t out[FH_BROKER_FRAME_MAX];
    int len = fh_broker_print(f, out, sizeof out);

    if (len <= 0 || fh__client_input(c, out, (size_t)len) != (size_t)len)
        abort();
    answer_all();
}

static double pings(size_t n)
{
    const struct fh_broker_frame ping = {.type = FH_BROKER_PING};
    double began = seconds();
    size_t done = 0;

    for (; seconds() - began < 1; done += 1000)
        for (size_t i = 0; i < 1000; i++)
            say(clients[(done + i) * 7919 % n], &ping);
    return (double)done / (seconds() - began);
}

static void meet(struct fh__client *viewer, struct fh__client *server)
{
    static const uint8_t sealed[300];
    struct fh_broker_frame f = {.type = FH_BROKER_CONNECT, .connect = {.request = 1}};

    memcpy(f.connect.target, server->holder.address, sizeof f.connect.target);
    say(viewer, &f);
    f = (struct fh_broker_frame){.type = FH_BROKER_ACCEPT};
    memcpy(f.conn.conn, last_conn, sizeof last_conn);
    say(server, &f);
    f = (struct fh_broker_frame){.type = FH_BROKER_SIGNAL};
    memcpy(f.signal.conn, last_conn, sizeof last_conn);
    f.signal.sealed = (struct fh_broker_bytes){sealed, sizeof sealed};
    for (int i = 0; i < 4; i++)
        say(i % 2 ? server : viewer, &f);
    f = (struct fh_broker_frame){.type = FH_BROKER_END};
    memcpy(f.end.conn, last_conn, sizeof last_conn);
    f.end.reason = FH_BROKER_GONE;
    say(viewer, &f);
}

static double meetings(size_t n)
{
    double began = seconds();
    size_t done = 0;

    for (; seconds() - began < 1; done += 100)
        for (size_t i = 0; i < 100; i++)
            meet(clients[(done + i) % (ACTIVE / 2) % n],
                 clients[ACTIVE / 2 + (done + i) % (ACTIVE / 2)]);
    return (double)done / (seconds() - began);
}

static double proofs(const struct endpoint *who)
{
    uint8_t digest[32] = {1}, sig[FH_SIGNATURE_MAX];
    size_t len = sign_for(who, FH_IDENTITY_CLOUD_SIGN_IN, digest, sig), done = 0;
    double began = seconds();

    for (; seconds() - began < 1; done++)
        if (fh_identity_verify_for(who->spki, who->spki_len, FH_IDENTITY_CLOUD_SIGN_IN, digest, sig,
                                   len) != 0)
            abort();
    return (double)done / (seconds() - began);
}

static void start(const struct endpoint *who)
{
    world_start(false);
    world.hooks.send = take;
    world.hooks.ready = world.hooks.signed_in = world.hooks.close = nothing;
    fh__broker_free(world.broker);
    fh__endpoints_free(world.cache);
    world.cache = fh__endpoints_new(&world.store, 20000, world_key);
    world.cfg.max_clients = MOST;
    world.cfg.connect = world.cfg.connect_source = world.cfg.connect_target =
        world.cfg.connect_account = (struct fh__rate){0, 1};
    world.broker = fh__broker_new(&(struct fh__broker_setup){.hooks = &world.hooks,
                                                             .wheel = &world.wheel,
                                                             .presence = world.presence,
                                                             .endpoints = world.cache,
                                                             .store = &world.store},
                                  &world.cfg);
    model = world_add(who, true);
}

int main(void)
{
    static const size_t steps[] = {ACTIVE, 10000, 30000, MOST};
    struct endpoint who;
    size_t n = 0;
    struct mallinfo2 before, after;

    fh__log_set_level(FH__LOG_ERROR);
    make_endpoint(&who, VIEWER);
    start(&who);
    before = mallinfo2();
    printf("%10s %14s %14s %14s\n", "clients", "bytes each", "pings/s", "conns/s");
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        for (; n < steps[k]; n++)
            sign_in((uint32_t)n);
        after = mallinfo2();
        printf("%10zu %14zu", n,
               (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / n);
        printf(" %14.0f", pings(n));
        printf(" %14.0f\n", meetings(n));
    }
    printf("signatures of sign-ins checked in a second: %.0f\n", proofs(&who));
    for (size_t i = 0; i < n; i++)
        fh__client_free(clients[i]);
    world_end();
    free_endpoint(&who);
    return 0;
}
