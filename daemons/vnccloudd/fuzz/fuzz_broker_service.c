/* SPDX-License-Identifier: MIT */
/*
 * Three clients of a broker, two of them signed in, that say whatever they like: whole frames,
 * parts of them, with the names of conns that are there, while time passes, others go, and nobody
 * reads.
 *
 * Input: records of u8 kind << 2 | client, u8 n, n bytes.
 */
#include <assert.h>

#include "rd.h"

#include "../src/signin.c"
#include "../tests/broker_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum kind { SAY, SAY_OF_CONN, PASS, LEAVE, ROOM, CHANGE, KINDS };

static struct endpoint *people(void)
{
    static struct endpoint ends[ENDS];

    if (!ends[0].id)
        for (int i = 0; i < ENDS; i++)
            make_endpoint(&ends[i], (enum end)i);
    return ends;
}

/* As after a sign-in. */
static void place(struct conn *c, const struct endpoint *who)
{
    memcpy(c->client->holder.address, who->address, FH__ADDRESS_LEN);
    c->client->sign_in->wants = 7;
    c->client->state = FH__CHECKING;
    welcome(c->client, world_find(who->address));
}

/* The conn that was told of last, by any frame that has one. */
static uint8_t last_conn[FH_CLOUD_CONN_LEN];

static void read_all(struct conn *c)
{
    struct fh_broker_frame f;
    enum fh_broker_type type;

    while ((type = conn_next(c, &f)) != FH_BROKER_UNKNOWN)
        if (type == FH_BROKER_INCOMING)
            memcpy(last_conn, f.incoming.conn, sizeof last_conn);
}

static void say(struct conn *c, const uint8_t *data, size_t n, bool of_conn)
{
    uint8_t bytes[256];
    size_t took;

    memcpy(bytes, data, n);
    if (of_conn && n >= 4 + sizeof last_conn)
        memcpy(bytes + 4, last_conn, sizeof last_conn);
    took = fh__client_input(c->client, bytes, n);
    assert(took <= n);
    world_run();
    /* What was left for later. */
    if (took < n && !c->is_closed)
        (void)fh__client_input(c->client, bytes + took, n - took);
}

static void check_all(const struct conn *conns)
{
    size_t online = 0;

    for (int i = 0; i < ENDS; i++) {
        const struct fh__client *c = conns[i].client;
        size_t n = 0;

        online += c->state == FH__READY || c->state == FH__REQUESTED;
        for (const struct fh__meeting *m = c->meetings; m; n++) {
            int end = m->ends[FH__SERVER].client == c;

            assert(m->ends[0].client && m->ends[1].client);
            m = m->ends[end].next;
        }
        assert(n == c->n_meetings && n <= world.cfg.max_conns);
        assert(!conns[i].is_closed || (c->state == FH__CLOSED && n == 0 && !c->watches));
    }
    assert(online == world.broker->online);
    assert(fh__presence_count(world.presence) == online);
}

static void act(struct conn *conns, const uint8_t *data, size_t n, unsigned what)
{
    struct conn *c = &conns[(what & 3) % ENDS];

    switch ((what >> 2) % KINDS) {
    case SAY:
        say(c, data, n, false);
        break;
    case SAY_OF_CONN:
        say(c, data, n, true);
        break;
    case PASS:
        world_pass(n ? (uint64_t)data[0] * 500 : 0);
        break;
    case LEAVE:
        conn_close(c);
        conn_open(c, "192.0.2.1");
        if (n > 0)
            place(c, &people()[c - conns]);
        break;
    case ROOM:
        c->room = c->len + (n ? (size_t)data[0] * 16 : 0);
        if (c->room > WORLD_OUT)
            c->room = WORLD_OUT;
        break;
    case CHANGE:
        if (n > 0)
            world_find(people()[(what & 3) % ENDS].address)->roles = data[0];
        fh__broker_changed(world.broker, people()[(what & 3) % ENDS].address);
        break;
    }
    world_run();
    for (int i = 0; i < ENDS; i++)
        read_all(&conns[i]);
    check_all(conns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct conn conns[ENDS];
    struct rd r = rd_init(data, len);

    fh__log_set_level(FH__LOG_ERROR);
    world_start(true);
    for (int i = 0; i < ENDS; i++)
        world_add(&people()[i], true);
    for (int i = 0; i < ENDS; i++) {
        conn_open(&conns[i], "192.0.2.1");
        if (i != OTHER)
            place(&conns[i], &people()[i]);
        read_all(&conns[i]);
    }
    memset(last_conn, 0, sizeof last_conn);
    while (r.left >= 2) {
        uint8_t what = rd_u8(&r), n = rd_u8(&r);
        struct rd bytes;

        if (n > r.left)
            n = (uint8_t)r.left;
        bytes = rd_sub(&r, n);
        act(conns, bytes.p, n, what);
    }
    for (int i = 0; i < ENDS; i++)
        conn_close(&conns[i]);
    world_end();
    return 0;
}
