/* SPDX-License-Identifier: MIT */
/*
 * What two peers say to the relay. First byte: bit 0 and 1, whether viewer and server show a good
 * ticket first; bit 2, whether the server comes first. The rest is said by both. Whoever is paired
 * hears exactly that.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/pipe.h>

#include "relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { MOST = 2048 };

struct peer {
    struct fh_pipe *pipe;
    uint8_t got[MOST + 1];
    size_t got_len;
};

static uint64_t fixed_time(void *user)
{
    (void)user;
    return 1700000000000;
}

static size_t on_data(void *user, const uint8_t *data, size_t len)
{
    struct peer *p = user;

    assert(p->got_len + len <= sizeof p->got);
    memcpy(p->got + p->got_len, data, len);
    p->got_len += len;
    return len;
}

static void on_writable(void *user)
{
    (void)user;
}

static void on_end(void *user, int error)
{
    (void)user;
    (void)error;
}

static const struct fh_stream_events events = {
    .data = on_data, .writable = on_writable, .end = on_end};

static void join(struct peer *p, struct fh__relay *r, const struct fh__relay_config *cfg, int side,
                 bool has_ticket, const uint8_t *data, size_t len)
{
    struct fh__ticket t = {.side = (uint8_t)side, .expires_ms = fixed_time(NULL) + 1000};
    uint8_t hello[2 + FH__TICKET_LEN] = {1, FH__TICKET_LEN};

    p->got_len = 0;
    p->pipe = fh_pipe_new(NULL);
    if (!p->pipe)
        abort();
    fh_stream_attach(fh_pipe_end(p->pipe, 0), &events, p);
    fh__relay_accept(r, fh_pipe_end(p->pipe, 1), NULL);
    fh__ticket_make(cfg->key, &t, hello + 2);
    if (has_ticket)
        (void)fh_stream_write(fh_pipe_end(p->pipe, 0), hello, sizeof hello);
    (void)fh_stream_write(fh_pipe_end(p->pipe, 0), data, len);
}

static void run(uv_loop_t *loop, struct peer p[2])
{
    while (fh_pipe_run(p[0].pipe) + fh_pipe_run(p[1].pipe) > 0)
        uv_run(loop, UV_RUN_NOWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct peer p[2];
    struct fh__relay_config cfg = {.max_tickets = 16, .now = fixed_time, .utc = fixed_time};
    struct fh__relay_counters c;
    struct fh__relay *r;
    uv_loop_t loop;
    bool both;

    if (len < 1 || len > MOST)
        return 0;
    both = (data[0] & 3) == 3;
    uv_loop_init(&loop);
    r = fh__relay_new(&loop, &cfg);
    if (!r)
        abort();
    for (int i = 0; i < 2; i++) {
        int side = i ^ (data[0] >> 2 & 1);

        join(&p[side], r, &cfg, side, data[0] >> side & 1, data + 1, len - 1);
    }
    run(&loop, p);
    fh__relay_count(r, &c);
    assert(c.pairs == (both ? 1 : 0));
    for (int i = 0; both && i < 2; i++) {
        assert(p[i].got_len == len && p[i].got[0] == FH__RELAY_PAIRED);
        assert(memcmp(p[i].got + 1, data + 1, len - 1) == 0);
    }
    fh__relay_close(r, NULL, NULL);
    run(&loop, p);
    uv_run(&loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&loop) != 0)
        abort();
    fh_pipe_free(p[0].pipe);
    fh_pipe_free(p[1].pipe);
    return 0;
}
