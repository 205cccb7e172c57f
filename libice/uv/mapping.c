/* SPDX-License-Identifier: MIT */
/* mapping.c -- a connection's port, mapped on the IPv4 gateway (PCP, NAT-PMP). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uv_internal.h"

struct fh__mapping {
    struct fh__mapping_owner owner;
    struct fh_portmap *map; /* in its own memory */
    uv_timer_t timer;
};

static uint64_t now(const struct fh__mapping *m)
{
    return uv_now(m->owner.loop);
}

/* ---- the gateway ---------------------------------------------------------------------------- */

enum { ROUTE_UP = 1, ROUTE_GATEWAY = 2 }; /* RTF_UP, RTF_GATEWAY of linux/route.h */

/* One line: interface, destination, gateway, flags, counters, metric, mask. Returns its metric. */
static bool read_route(const char *line, struct fh_ice_address *out, unsigned *metric)
{
    char name[32];
    unsigned destination, gateway, flags, mask;

    /* The kernel's own numbers: NOLINTNEXTLINE(cert-err34-c) */
    if (sscanf(line, "%31s %x %x %x %*u %*u %u %x", name, &destination, &gateway, &flags, metric,
               &mask) != 6 ||
        destination != 0 || mask != 0 || !(flags & ROUTE_UP) || !(flags & ROUTE_GATEWAY))
        return false;
    memset(out, 0, sizeof *out);
    out->family = FH_ICE_IPV4;
    memcpy(out->ip, &gateway, 4); /* as it lies in memory: network order */
    return true;
}

bool fh__gateway(struct fh_ice_address *out)
{
    FILE *f = fopen("/proc/net/route", "re");
    unsigned least = UINT32_MAX, metric;
    struct fh_ice_address one;
    bool is_found = false;
    char line[256];

    if (!f)
        return false;
    while (fgets(line, sizeof line, f))
        if (read_route(line, &one, &metric) && (!is_found || metric < least)) {
            *out = one;
            least = metric;
            is_found = true;
        }
    fclose(f);
    return is_found;
}

/* ---- the mapping ---------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *t);

static void pump(struct fh__mapping *m)
{
    struct fh_portmap_message out;
    struct fh_portmap_event ev;
    uint64_t at;

    while (fh_portmap_output(m->map, now(m), &out) > 0)
        m->owner.send(m->owner.user, &out.to, out.data, out.len);
    while (fh_portmap_event(m->map, &ev) > 0)
        if (ev.type == FH_PORTMAP_EV_MAPPED)
            m->owner.mapped(m->owner.user, &ev.external);
    at = fh_portmap_deadline(m->map);
    if (at == UINT64_MAX)
        uv_timer_stop(&m->timer);
    else
        uv_timer_start(&m->timer, on_timer, at > now(m) ? at - now(m) : 0, 0);
}

static void on_timer(uv_timer_t *t)
{
    struct fh__mapping *m = FH__CONTAINER(t, struct fh__mapping, timer);

    fh_portmap_tick(m->map, now(m));
    pump(m);
}

bool fh__mapping_input(struct fh__mapping *m, const struct fh_ice_address *from,
                       const uint8_t *data, size_t len)
{
    if (from->port != FH_PORTMAP_PORT || !fh_portmap_input(m->map, now(m), from, data, len))
        return false;
    pump(m);
    return true;
}

void fh__mapping_moved(struct fh__mapping *m, const struct fh_ice_address *gateway,
                       const struct fh_ice_address *local)
{
    (void)fh_portmap_set_gateway(m->map, now(m), gateway, local);
    pump(m);
}

static struct fh_portmap *make_map(const struct fh__mapping *m,
                                   const struct fh_ice_address *gateway,
                                   const struct fh_ice_address *local)
{
    struct fh_portmap_config cfg = {.gateway = *gateway, .local = *local, .random = fh__ice_random};
    size_t len = fh_portmap_size();
    void *mem = malloc(len);
    struct fh_portmap *map = mem ? fh_portmap_init(mem, len, now(m), &cfg) : NULL;

    if (!map)
        free(mem);
    return map;
}

struct fh__mapping *fh__mapping_new(const struct fh__mapping_owner *owner,
                                    const struct fh_ice_address *gateway,
                                    const struct fh_ice_address *local)
{
    struct fh__mapping *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->owner = *owner;
    m->map = make_map(m, gateway, local);
    if (!m->map) {
        free(m);
        return NULL;
    }
    (void)uv_timer_init(owner->loop, &m->timer);
    pump(m);
    return m;
}

static void on_closed(uv_handle_t *h)
{
    struct fh__mapping *m = FH__CONTAINER((uv_timer_t *)h, struct fh__mapping, timer);

    m->owner.closed(m->owner.user);
    fh_portmap_finish(m->map);
    free(m->map);
    free(m);
}

/* The gateway is told once; its lease would run out anyway, and the socket is needed no longer. */
void fh__mapping_close(struct fh__mapping *m)
{
    struct fh_portmap_message out;

    fh_portmap_close(m->map, now(m));
    if (fh_portmap_output(m->map, now(m), &out) > 0)
        m->owner.send(m->owner.user, &out.to, out.data, out.len);
    uv_close((uv_handle_t *)&m->timer, on_closed);
}
