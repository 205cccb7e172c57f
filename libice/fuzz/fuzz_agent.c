/* SPDX-License-Identifier: MIT */
/*
 * A whole agent, driven by a script of bytes: each step is one byte and what it takes. Messages of
 * the peer are signed, so that the script reaches what lies behind the check of integrity; they
 * answer what the agent sent last, or ask.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <farhand/ice.h>
#include <farhand/stun.h>

#include "rd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define PEER_UFRAG "peer"
#define PEER_PWD "0123456789012345678901"

struct world {
    struct rd script;
    struct fh_ice_agent *agent;
    uint64_t now, dice;
    uint8_t last[FH_ICE_MAX_DATAGRAM]; /* the request sent last */
    size_t last_len;
    struct fh_ice_datagram last_to;
    bool has_base[FH_ICE_MAX_BASES];
};

static void dice(void *user, void *out, size_t len)
{
    struct world *w = user;
    uint8_t *p = out;

    for (size_t i = 0; i < len; i++) {
        w->dice = w->dice * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(w->dice >> 56);
    }
}

/* A small world, so that things meet again. */
static struct fh_ice_address address(struct world *w)
{
    uint8_t b = rd_u8(&w->script);
    struct fh_ice_address a = {.port = (uint16_t)(1 + (b >> 5)), .family = FH_ICE_IPV4};
    static const uint8_t nets[8][4] = {{192, 0, 2, 1},   {198, 51, 100, 1}, {10, 0, 0, 1},
                                       {203, 0, 113, 1}, {192, 168, 1, 1},  {127, 0, 0, 1},
                                       {224, 0, 0, 1},   {0, 0, 0, 0}};

    if (b & 0x10) {
        a.family = FH_ICE_IPV6;
        memcpy(a.ip, (const uint8_t[]){0x20, 0x01, 0x0d, 0xb8}, 4);
        a.ip[15] = b & 0x0f;
    } else {
        memcpy(a.ip, nets[b & 7], 4);
        a.ip[3] ^= (b & 8) >> 2;
    }
    return a;
}

static void drain(struct world *w)
{
    struct fh_ice_datagram d;
    struct fh_ice_event ev;
    struct fh_stun_message m;
    int sent = 0;

    while (fh_ice_agent_output(w->agent, &d) > 0) {
        assert(++sent <= 400 && d.len > 0 && d.len <= FH_ICE_MAX_DATAGRAM);
        assert(d.base >= 0 && d.base < FH_ICE_MAX_BASES && w->has_base[d.base]);
        assert(fh_ice_address_scope(&d.peer) >= FH_ICE_SCOPE_LINK);
        assert(fh_stun_parse(d.data, d.len, &m) == 0);
        if (m.cls != FH_STUN_REQUEST)
            continue;
        memcpy(w->last, d.data, d.len);
        w->last_len = d.len;
        w->last_to = d;
    }
    while (fh_ice_agent_event(w->agent, &ev) > 0) {
        assert(++sent <= 1000);
        if (ev.type == FH_ICE_EV_PERMIT)
            fh_ice_agent_permitted(w->agent, w->now, ev.base, &ev.host, (w->dice & 7) != 0);
    }
}

static void input(struct world *w, int base, const struct fh_ice_address *peer, const uint8_t *data,
                  size_t len)
{
    struct fh_ice_datagram d = {.base = base, .peer = *peer, .data = data, .len = len};

    fh_ice_agent_input(w->agent, w->now, &d);
    drain(w);
}

static void respond(struct world *w)
{
    uint8_t how = rd_u8(&w->script), mem[256];
    struct fh_ice_address mapped = address(w);
    struct fh_stun_builder b;
    struct fh_stun_message m;

    if (w->last_len == 0 || fh_stun_parse(w->last, w->last_len, &m) != 0)
        return;
    fh_stun_build_response(&b, mem, sizeof mem, how & 1 ? FH_STUN_ERROR : FH_STUN_SUCCESS, &m);
    if (how & 1)
        fh_stun_write_error(&b, how & 2 ? 487 : 400);
    else
        fh_stun_write_address(&b, FH_STUN_XOR_MAPPED_ADDRESS, &mapped);
    if (!(how & 4))
        fh_stun_write_integrity(&b, FH_STUN_BY_SHA1, (const uint8_t *)PEER_PWD, strlen(PEER_PWD));
    if (!(how & 8))
        fh_stun_write_fingerprint(&b);
    input(w, w->last_to.base, &w->last_to.peer, mem, fh_stun_build_end(&b));
}

static void ask(struct world *w)
{
    uint8_t how = rd_u8(&w->script), mem[256], txid[FH_STUN_TXID_LEN];
    struct fh_ice_address from = address(w);
    struct fh_ice_description d;
    struct fh_stun_builder b;
    char name[2 * FH_ICE_MAX_CREDENTIAL];
    size_t len;

    fh_ice_agent_description(w->agent, &d);
    len = strlen(d.ufrag);
    memcpy(name, d.ufrag, len);
    memcpy(name + len, ":" PEER_UFRAG, sizeof ":" PEER_UFRAG);
    dice(w, txid, sizeof txid);
    fh_stun_build(&b, mem, sizeof mem, FH_STUN_REQUEST, FH_STUN_BINDING, txid);
    fh_stun_write_text(&b, FH_STUN_USERNAME, name);
    fh_stun_write_u32(&b, FH_STUN_PRIORITY, (uint32_t)how << 20 | 1);
    fh_stun_write_u64(&b, how & 1 ? FH_STUN_ICE_CONTROLLING : FH_STUN_ICE_CONTROLLED, w->dice);
    if (how & 2)
        fh_stun_write(&b, FH_STUN_USE_CANDIDATE, NULL, 0);
    if (how & 4)
        fh_stun_write_u32(&b, (uint16_t)(how << 8), 1);
    fh_stun_write_integrity(&b, how & 8 ? FH_STUN_BY_SHA256 : FH_STUN_BY_SHA1,
                            (const uint8_t *)d.pwd, strlen(d.pwd));
    input(w, how >> 4, &from, mem, fh_stun_build_end(&b));
}

static void raw(struct world *w)
{
    uint8_t base = rd_u8(&w->script) & 15;
    struct fh_ice_address from = address(w);
    size_t len = rd_u8(&w->script);

    if (len > w->script.left)
        len = w->script.left;
    input(w, base, &from, rd_bytes(&w->script, len), len);
}

static void add_base(struct world *w)
{
    uint8_t how = rd_u8(&w->script);
    struct fh_ice_base b = {.kind = how & 1 ? FH_ICE_BASE_RELAY : FH_ICE_BASE_HOST,
                            .address = address(w),
                            .cost = how >> 4};
    int at = fh_ice_agent_add_base(w->agent, w->now, &b);

    if (at >= 0)
        w->has_base[at] = true;
}

static void remove_base(struct world *w)
{
    uint8_t at = rd_u8(&w->script) & 15;

    w->has_base[at] = false;
    fh_ice_agent_remove_base(w->agent, w->now, at);
}

static void describe(struct world *w)
{
    static struct fh_ice_description d;
    uint8_t how = rd_u8(&w->script);

    memset(&d, 0, sizeof d);
    memcpy(d.ufrag, PEER_UFRAG, sizeof PEER_UFRAG);
    memcpy(d.pwd, PEER_PWD, sizeof PEER_PWD);
    if (how & 1)
        d.ufrag[0] = 'q';
    d.is_lite = how & 2;
    d.is_complete = how & 4;
    for (d.len = 0; d.len < (how >> 4); d.len++) {
        d.candidates[d.len] =
            (struct fh_ice_candidate){.type = (enum fh_ice_candidate_type)(d.len % 4),
                                      .priority = 1 + (uint32_t)d.len,
                                      .address = address(w),
                                      .foundation = "1"};
    }
    fh_ice_agent_set_remote(w->agent, w->now, &d);
}

static void candidate(struct world *w)
{
    uint8_t how = rd_u8(&w->script);
    struct fh_ice_candidate c = {.type = (enum fh_ice_candidate_type)(how & 3),
                                 .priority = (uint32_t)how << 16 | 1,
                                 .address = address(w)};

    c.foundation[0] = (char)('a' + (how >> 2) % 20);
    fh_ice_agent_add_remote(w->agent, w->now, &c, how & 0x80 ? PEER_UFRAG : NULL);
}

static void advance(struct world *w)
{
    uint32_t ms = rd_u8(&w->script);

    w->now += ms < 128 ? ms : (ms - 127) * 500;
    for (int i = 0; fh_ice_agent_deadline(w->agent) <= w->now; i++) {
        assert(i < 200);
        fh_ice_agent_tick(w->agent, w->now);
        drain(w);
    }
}

static void step(struct world *w)
{
    struct fh_ice_address a;

    switch (rd_u8(&w->script) % 13) {
    case 0:
    case 1:
        advance(w);
        break;
    case 2:
    case 3:
        respond(w);
        break;
    case 4:
        ask(w);
        break;
    case 5:
        raw(w);
        break;
    case 6:
        add_base(w);
        break;
    case 7:
        remove_base(w);
        break;
    case 8:
        describe(w);
        break;
    case 9:
        candidate(w);
        break;
    case 10:
        a = address(w);
        fh_ice_agent_add_server(w->agent, w->now, &a);
        break;
    case 11:
        fh_ice_agent_restart(w->agent, w->now);
        break;
    case 12:
        a = address(w);
        fh_ice_agent_add_mapped(w->agent, w->now, rd_u8(&w->script) & 15, &a);
        fh_ice_agent_end_remote(w->agent, w->now);
        break;
    }
    drain(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct world w = {.script = rd_init(data, len), .now = 1000, .dice = 1};
    struct fh_ice_config cfg = {.random = dice, .user = &w};
    struct fh_ice_stats s;
    uint8_t how = rd_u8(&w.script);

    cfg.role = how & 1 ? FH_ICE_CONTROLLED : FH_ICE_CONTROLLING;
    cfg.policy = (enum fh_ice_policy)(how >> 1 & 3) % 3;
    cfg.is_lite = (how & 8) && cfg.policy != FH_ICE_POLICY_RELAY;
    cfg.send_sha256 = how & 16;
    w.agent = fh_ice_agent_new(&cfg);
    if (!w.agent)
        return 0;
    for (int i = 0; i < 2000 && w.script.left > 0; i++)
        step(&w);
    fh_ice_agent_stats(w.agent, &s);
    assert(s.pairs <= FH_ICE_MAX_PAIRS && s.valid_pairs <= s.pairs);
    fh_ice_agent_free(w.agent);
    return 0;
}
