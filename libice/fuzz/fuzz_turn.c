/* SPDX-License-Identifier: MIT */
/*
 * A TURN client between a hostile server and a busy caller. The input is a script: u8 what, u8 how
 * much, then bytes. Answers are bytes of the input in a message with the right transaction, or the
 * input as it is.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <farhand/turn.h>

#include "rd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static union {
    max_align_t align;
    uint8_t mem[32768];
} store;

static uint8_t request[4096];
static size_t request_len;

static void zero_random(void *user, void *out, size_t len)
{
    (void)user;
    memset(out, 7, len);
}

static void drain(struct fh_turn *t, uint64_t now)
{
    struct fh_turn_message m;
    struct fh_turn_event ev;
    struct fh_stun_message parsed;

    for (int n = 0; fh_turn_output(t, now, &m); n++) {
        assert(n < 100 && m.len <= sizeof request);
        assert(fh_stun_parse(m.data, m.len, &parsed) == 0); /* what it sends is well-formed */
        memcpy(request, m.data, m.len);
        request_len = m.len;
    }
    for (int n = 0; fh_turn_event(t, &ev); n++)
        assert(n < 200);
}

/* Class and method from the input, the transaction of the last request, attributes as they come. */
static void answer(struct fh_turn *t, uint64_t now, const uint8_t *body, size_t len)
{
    uint8_t mem[400];
    struct fh_turn_data d = {.len = 0};

    if (request_len < FH_STUN_HEADER_LEN || len < 1 || len > 256)
        return;
    len -= len % 4;
    memcpy(mem, request, FH_STUN_HEADER_LEN);
    mem[0] = 1;
    mem[1] = (uint8_t)((mem[1] & 0x0f) | (len > 0 && body[0] & 1 ? 0x10 : 0));
    mem[2] = (uint8_t)(len >> 8);
    mem[3] = (uint8_t)len;
    memcpy(mem + FH_STUN_HEADER_LEN, body, len);
    if (fh_turn_input(t, now, mem, FH_STUN_HEADER_LEN + len, &d) == 1)
        assert(d.data >= mem && d.data + d.len <= mem + sizeof mem);
}

static struct fh_ice_address peer(uint8_t last)
{
    return (struct fh_ice_address){
        .family = last & 1 ? FH_ICE_IPV6 : FH_ICE_IPV4, .ip = {198, 51, 100, last}, .port = last};
}

/* As if the server had allocated: what comes then is reached without knowing the key. */
static void ready(struct fh_turn *t, uint64_t now)
{
    uint8_t mem[200];
    struct fh_stun_builder b;
    struct fh_stun_message m;
    struct fh_turn_data d;
    struct fh_ice_address a = {.family = FH_ICE_IPV4, .ip = {192, 0, 2, 1}, .port = 5};

    if (fh_stun_parse(request, request_len, &m) != 0)
        return;
    fh_stun_build_response(&b, mem, sizeof mem, FH_STUN_SUCCESS, &m);
    fh_stun_write_address(&b, FH_STUN_XOR_RELAYED_ADDRESS, &a);
    fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &a);
    fh_stun_write(&b, FH_STUN_MOBILITY_TICKET, "ticket", 6);
    fh_turn_input(t, now, mem, fh_stun_build_end(&b), &d);
}

static void step(struct fh_turn *t, uint64_t *now, uint8_t what, const uint8_t *p, size_t n)
{
    struct fh_ice_address to = peer(n ? p[0] : 0);
    uint8_t out[512];
    struct fh_turn_data d;

    switch (what % 12) {
    case 0:
        *now += n ? (uint64_t)p[0] * p[0] * 20 : 1;
        fh_turn_tick(t, *now);
        break;
    case 1:
        if (fh_turn_input(t, *now, p, n, &d) == 1)
            assert(d.data >= p && d.data + d.len <= p + n);
        break;
    case 2:
    case 3:
        answer(t, *now, p, n);
        break;
    case 4:
        fh_turn_permit(t, *now, &to);
        break;
    case 5:
        fh_turn_bind(t, *now, &to);
        break;
    case 6:
        assert(fh_turn_wrap(t, *now, &to, p, n, out, sizeof out) <=
               (int)(n + FH_TURN_MAX_OVERHEAD));
        break;
    case 7:
        if (n > 200)
            fh_turn_forget_others(t, &to);
        else
            fh_turn_forget(t, &to);
        break;
    case 8:
        fh_turn_moved(t, *now);
        break;
    case 9:
        fh_turn_disconnected(t, *now);
        fh_turn_connected(t, *now);
        break;
    case 10:
        ready(t, *now);
        break;
    case 11:
        if (n > 200)
            fh_turn_close(t, *now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rd r = rd_init(data, len);
    struct fh_turn_config cfg = {
        .server = {.family = FH_ICE_IPV4, .ip = {192, 0, 2, 1}, .port = 3478},
        .username = "u",
        .password = "p",
        .random = zero_random};
    uint8_t flags = rd_u8(&r);
    uint64_t now = 1;
    struct fh_turn *t;

    cfg.carrier = (enum fh_turn_carrier)(flags % 3);
    cfg.mobility = flags & 4;
    cfg.ipv4 = true;
    cfg.ipv6 = flags & 8;
    request_len = 0;
    t = fh_turn_init(store.mem, sizeof store.mem, &cfg);
    fh_turn_connected(t, now);
    drain(t, now);
    while (r.left > 1) {
        uint8_t what = rd_u8(&r);
        size_t n = rd_u8(&r);
        const uint8_t *p = rd_bytes(&r, n < r.left ? n : (n = r.left));

        step(t, &now, what, p, n);
        drain(t, now);
    }
    fh_turn_finish(t);
    return 0;
}
