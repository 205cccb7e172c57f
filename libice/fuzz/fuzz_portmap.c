/* SPDX-License-Identifier: MIT */
/*
 * A gateway that says anything. The input is a script: u8 what, u8 how much, then bytes. It never
 * makes more traffic than its questions, and never an address that is of no use.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <farhand/portmap.h>

#include "rd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void fixed_random(void *user, void *out, size_t len)
{
    (void)user;
    memset(out, 'n', len);
}

static void drain(struct fh_portmap *p, uint64_t now)
{
    struct fh_portmap_message m;
    struct fh_portmap_event ev;

    for (int n = 0; fh_portmap_output(p, now, &m); n++)
        assert(n < 4 && m.len <= 60);
    for (int n = 0; fh_portmap_event(p, &ev); n++) {
        assert(n < 4);
        if (ev.type == FH_PORTMAP_EV_MAPPED)
            assert(fh_ice_address_scope(&ev.external) == FH_ICE_SCOPE_GLOBAL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static union {
        max_align_t align;
        uint8_t mem[1024];
    } store;
    struct rd r = rd_init(data, len);
    struct fh_portmap_config cfg = {
        .gateway = {.family = FH_ICE_IPV4, .ip = {10, 0, 0, 1}, .port = FH_PORTMAP_PORT},
        .local = {.family = FH_ICE_IPV4, .ip = {10, 0, 0, 2}, .port = 40000},
        .random = fixed_random};
    uint64_t now = 1;
    struct fh_portmap *p;

    if (rd_u8(&r) & 1)
        cfg.gateway.family = cfg.local.family = FH_ICE_IPV6;
    p = fh_portmap_init(store.mem, sizeof store.mem, now, &cfg);
    drain(p, now);
    while (r.left > 1) {
        uint8_t what = rd_u8(&r);
        size_t n = rd_u8(&r);
        const uint8_t *body = rd_bytes(&r, n < r.left ? n : (n = r.left));

        if (what % 8 == 7)
            fh_portmap_close(p, now);
        else if (what % 8 == 6)
            fh_portmap_set_gateway(p, now, &cfg.gateway, &cfg.local);
        else if (what % 8 < 2)
            now += n * n * 50;
        else
            fh_portmap_input(p, now, &cfg.gateway, body, n);
        fh_portmap_tick(p, now);
        drain(p, now);
    }
    fh_portmap_finish(p);
    return 0;
}
